/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What lets devices in and to each other: prekeys (lesson M8), sessions and tickets, invitations, duty, claims. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "bytes.h"
#include "err.h"
#include "store_box.h"
#include "store_in.h"

#define TAKE BAKEN__CLAIM__VERB__TAKE
#define RENEW BAKEN__CLAIM__VERB__RENEW
#define RELEASE BAKEN__CLAIM__VERB__RELEASE
#define LOOK BAKEN__CLAIM__VERB__LOOK

static struct bk_store_box box;

static int setup(void **state)
{
	(void)state;
	memset(&box, 0, sizeof box);
	bk_store_box_realm(&box, "access");
	return 0;
}

static int teardown(void **state)
{
	int err = bk_store_box_check(&box);

	(void)state;
	bk_store_box_close(&box);
	return err;
}

/* ---- prekeys ---- */

static struct bk_bundle claim_of(unsigned device)
{
	struct bk_bundle b;

	assert_int_equal(bk_store_box_claim_prekey(&box, BK_BOX_PHONE, device, &b), 0);
	return b;
}

/* M8: oldest first, each once, over restarts; then the signed one alone, for ever. */
static void prekeys_are_issued_in_order_and_once(void **state)
{
	uint8_t key[BK_KEY_BYTES], sig[BK_SIG_BYTES];
	uint32_t left = 0;

	(void)state;
	assert_false(claim_of(BK_BOX_OFFICER).present);
	assert_int_equal(bk_store_box_prekeys(&box, BK_BOX_OFFICER, 300, 3, 9, false, &left), 0);
	assert_int_equal(left, 3);
	assert_int_equal(bk_store_box_prekeys(&box, BK_BOX_OFFICER, 303, 2, 0, false, &left), 0);
	assert_int_equal(left, 5);
	for (uint32_t i = 0; i < 5; i++) {
		struct bk_bundle b = claim_of(BK_BOX_OFFICER);

		assert_true(b.present && b.one_time);
		assert_int_equal(b.prekey_id, 300 + i);
		assert_int_equal(b.left, 4 - i);
		bk_store_box_prekey(BK_BOX_OFFICER, 300 + i, key);
		assert_memory_equal(b.prekey, key, sizeof key);
		bk_store_box_prekey(BK_BOX_OFFICER, 50009, key);
		assert_memory_equal(b.signed_key, key, sizeof key);
		bk_sample_fill(sig, sizeof sig, BK_BOX_OFFICER + 9);
		assert_memory_equal(b.signed_sig, sig, sizeof sig);
		assert_int_equal(b.signed_id, 9);
		assert_int_equal(b.registration, bk_store_box_device(&box, BK_BOX_OFFICER).registration);
		assert_int_equal(bk_store_box_reopen(&box), 0);
	}
	for (unsigned i = 0; i < 3; i++) {
		struct bk_bundle b = claim_of(BK_BOX_OFFICER);

		assert_true(b.present && !b.one_time);
		assert_int_equal(b.signed_id, 9);
	}
}

/* Among devices that cannot be had, the others still can (M15). */
static void claims_of_many(void **state)
{
	const bk_id devices[] = {bk_sample_id(BK_BOX_LEAD), bk_sample_id(900), bk_sample_id(BK_BOX_OFFICER)};
	struct bk_bundle b[3];
	struct bk_op op = {.kind = BK_OP_PREKEYS_CLAIM};

	(void)state;
	assert_int_equal(bk_store_box_prekeys(&box, BK_BOX_OFFICER, 1, 1, 1, false, NULL), 0);
	op.claim_prekeys.claimant = bk_sample_id(BK_BOX_PHONE);
	op.claim_prekeys.devices = devices;
	op.claim_prekeys.n_devices = 3;
	op.claim_prekeys.bundles = b;
	assert_int_equal(bk_store_box_do(&box, &op), 0);
	assert_false(b[0].present || b[1].present);
	assert_true(b[2].present);
	assert_true(bk_id_equal(b[0].device, devices[0]));
	op.claim_prekeys.n_devices = BK_PREKEY_CLAIM_MAX + 1;
	assert_int_equal(bk_store_box_do(&box, &op), BK_E_INVAL);
	op.claim_prekeys.n_devices = 0;
	assert_int_equal(bk_store_box_do(&box, &op), BK_E_INVAL);
	op.claim_prekeys.claimant = bk_sample_id(900);
	op.claim_prekeys.n_devices = 1;
	assert_int_equal(bk_store_box_do(&box, &op), BK_E_REVOKED);
}

/* M8: no id twice, not even after its key was issued; more than the bound is refused whole. */
static void prekey_ids_are_used_once(void **state)
{
	uint32_t left = 0;

	(void)state;
	assert_int_equal(bk_store_box_prekeys(&box, BK_BOX_OFFICER, 10, 5, 0, false, NULL), BK_E_INVAL); /* first: signed */
	assert_int_equal(bk_store_box_prekeys(&box, BK_BOX_OFFICER, 10, 5, 1, false, NULL), 0);
	assert_int_equal(bk_store_box_prekeys(&box, BK_BOX_OFFICER, 10, 5, 1, false, &left), 0); /* exact repeat */
	assert_int_equal(left, 5);
	for (unsigned i = 0; i < 5; i++)
		claim_of(BK_BOX_OFFICER);
	assert_int_equal(bk_store_box_prekeys(&box, BK_BOX_OFFICER, 10, 5, 1, false, &left), 0); /* still, adds nothing */
	assert_int_equal(left, 0);
	assert_int_equal(bk_store_box_prekeys(&box, BK_BOX_OFFICER, 14, 5, 1, false, NULL), BK_E_DUPLICATE);
	assert_int_equal(bk_store_box_prekeys(&box, BK_BOX_OFFICER, 9, 1, 1, false, NULL), BK_E_DUPLICATE);
	assert_int_equal(bk_store_box_prekeys(&box, BK_BOX_OFFICER, 15, BK_PREKEYS_MAX, 0, false, &left), 0);
	assert_int_equal(left, BK_PREKEYS_MAX);
	assert_int_equal(bk_store_box_prekeys(&box, BK_BOX_OFFICER, 1000, 1, 0, false, NULL), BK_E_TOO_BIG);
	assert_int_equal(bk_store_box_prekeys(&box, BK_BOX_LEAD, 1, BK_PREKEYS_MAX + 1, 1, false, NULL), BK_E_TOO_BIG);
	assert_int_equal(bk_store_box_prekeys(&box, BK_BOX_LEAD, 0x1000000, 1, 1, false, NULL), BK_E_INVAL);
	/* replace drops what is there, but not the memory of it */
	assert_int_equal(bk_store_box_prekeys(&box, BK_BOX_OFFICER, 1, 5, 2, true, NULL), BK_E_DUPLICATE);
	assert_int_equal(bk_store_box_prekeys(&box, BK_BOX_OFFICER, 2000, 5, 2, true, &left), 0);
	assert_int_equal(left, 5);
	assert_int_equal(claim_of(BK_BOX_OFFICER).prekey_id, 2000);
}

static void repeated_id_in_one_put(void **state)
{
	uint8_t key[BK_KEY_BYTES] = {1}, sig[BK_SIG_BYTES] = {2};
	Baken__Prekey one = BAKEN__PREKEY__INIT, *list[2] = {&one, &one};
	Baken__SignedPrekey sp = BAKEN__SIGNED_PREKEY__INIT;
	Baken__PrekeysPut put = BAKEN__PREKEYS_PUT__INIT;
	struct bk_op op = {.kind = BK_OP_PREKEYS_PUT};

	(void)state;
	one.public_key = (ProtobufCBinaryData){sizeof key, key};
	sp.public_key = one.public_key;
	sp.signature = (ProtobufCBinaryData){sizeof sig, sig};
	put.signed_prekey = &sp;
	put.prekeys = list;
	put.n_prekeys = 2;
	op.prekeys.device = bk_sample_id(BK_BOX_OFFICER);
	op.prekeys.put = &put;
	assert_int_equal(bk_store_box_do(&box, &op), BK_E_DUPLICATE);
	put.n_prekeys = 1;
	one.public_key.len = 31;
	assert_int_equal(bk_store_box_do(&box, &op), BK_E_INVAL);
	one.public_key.len = 32;
	sp.signature.len = 63;
	assert_int_equal(bk_store_box_do(&box, &op), BK_E_INVAL);
	op.prekeys.put = NULL;
	assert_int_equal(bk_store_box_do(&box, &op), BK_E_INVAL);
	assert_int_equal(bk_store_box_rows(&box, BK_T_PREKEY), 0);
}

/* M8: what the device compares at each connect. */
static void digest_follows_the_signed_key(void **state)
{
	uint8_t buf[4 + BK_KEY_BYTES];
	struct bk_writer w = bk_writer_of(buf, sizeof buf);
	struct bk_store_view *v = bk_store_box_view(&box);
	uint32_t left = 0, id = 0;
	bk_hash digest, second;

	(void)state;
	assert_int_equal(bk_store_prekeys_state(v, bk_sample_id(BK_BOX_OFFICER), &left, &id, &digest), BK_E_NOT_FOUND);
	bk_store_view_end(v);
	assert_int_equal(bk_store_box_prekeys(&box, BK_BOX_OFFICER, 1, 4, 7, false, NULL), 0);
	v = bk_store_box_view(&box);
	assert_int_equal(bk_store_prekeys_state(v, bk_sample_id(BK_BOX_OFFICER), &left, &id, &digest), 0);
	bk_store_view_end(v);
	assert_int_equal(left, 4);
	assert_int_equal(id, 7);
	bk_write_u32(&w, 7);
	bk_store_box_prekey(BK_BOX_OFFICER, 50007, buf + 4);
	assert_true(bk_hash_equal(digest, bk_hash_of(buf, sizeof buf)));
	assert_int_equal(bk_store_box_prekeys(&box, BK_BOX_OFFICER, 5, 0, 8, false, NULL), 0);
	v = bk_store_box_view(&box);
	assert_int_equal(bk_store_prekeys_state(v, bk_sample_id(BK_BOX_OFFICER), &left, &id, &second), 0);
	bk_store_view_end(v);
	assert_int_equal(left, 4);
	assert_false(bk_hash_equal(digest, second));
}

/* ---- sessions ---- */

static int ticket(unsigned number, struct bk_session_row *ret_row)
{
	struct bk_store_view *v = bk_store_box_view(&box);
	int err = bk_store_ticket(v, bk_store_box_ticket(number), ret_row);

	bk_store_view_end(v);
	return err;
}

static void tickets_are_good_once(void **state)
{
	struct bk_session_row row;

	(void)state;
	assert_int_equal(ticket(1, &row), BK_E_NOT_FOUND);
	assert_int_equal(bk_store_box_login(&box, BK_BOX_PHONE, 1, 0), 0);
	assert_int_equal(ticket(1, &row), 0);
	assert_true(bk_id_equal(row.device, bk_sample_id(BK_BOX_PHONE)));
	assert_true(bk_id_equal(row.session, bk_sample_id(7001)));
	assert_int_equal(row.seen_ms, box.now);
	assert_int_equal(row.expires_ms, box.now + BK_SAMPLE_DAY);
	assert_int_equal(bk_store_box_device(&box, BK_BOX_PHONE).seen_ms, box.now);
	assert_int_equal(bk_store_box_login(&box, BK_BOX_PHONE, 1, 0), BK_E_EXISTS);
	assert_int_equal(bk_store_box_login(&box, BK_BOX_TABLET, 2, 1), BK_E_LOGIN); /* another's ticket */
	assert_int_equal(bk_store_box_login(&box, BK_BOX_PHONE, 2, 1), 0);
	assert_int_equal(bk_store_box_login(&box, BK_BOX_PHONE, 3, 1), BK_E_LOGIN); /* used */
	assert_int_equal(ticket(1, &row), BK_E_NOT_FOUND);
	assert_int_equal(ticket(2, &row), 0);
	assert_int_equal(bk_store_box_rows(&box, BK_T_SESSION), 1);
	box.now += BK_SAMPLE_DAY;
	assert_int_equal(bk_store_box_login(&box, BK_BOX_PHONE, 3, 2), BK_E_LOGIN); /* too late */
	assert_int_equal(bk_store_box_login(&box, BK_BOX_PHONE, 3, 0), 0);
	assert_int_equal(bk_store_box_rows(&box, BK_T_SESSION), 1);
}

static void sessions_displace_and_end(void **state)
{
	struct bk_op op = {.kind = BK_OP_SESSION_DEL};
	struct bk_session_row row;

	(void)state;
	assert_int_equal(bk_store_box_login(&box, BK_BOX_PHONE, 1, 0), 0);
	assert_int_equal(bk_store_box_login(&box, BK_BOX_PHONE, 2, 0), 0); /* one a device */
	assert_int_equal(ticket(1, &row), BK_E_NOT_FOUND);
	assert_int_equal(bk_store_box_login(&box, BK_BOX_TABLET, 3, 0), 0);
	assert_int_equal(bk_store_box_stats(&box).sessions, 2);
	op.session.session = bk_sample_id(7002);
	op.session.device = bk_sample_id(BK_BOX_TABLET);
	assert_int_equal(bk_store_box_do(&box, &op), BK_E_NOT_FOUND); /* another's */
	op.session.device = bk_sample_id(BK_BOX_PHONE);
	box.now += 5;
	assert_int_equal(bk_store_box_do(&box, &op), 0);
	assert_int_equal(bk_store_box_device(&box, BK_BOX_PHONE).seen_ms, box.now);
	assert_int_equal(bk_store_box_do(&box, &op), BK_E_NOT_FOUND);
	assert_int_equal(bk_store_box_rows(&box, BK_T_TICKET), 1);
	op = (struct bk_op){.kind = BK_OP_SESSION_PUT};
	op.session.device = bk_sample_id(BK_BOX_PHONE);
	assert_int_equal(bk_store_box_do(&box, &op), BK_E_INVAL); /* zero is nobody's session */
	op.session.device = bk_sample_id(900);
	assert_int_equal(bk_store_box_do(&box, &op), BK_E_REVOKED);
}

/* ---- invitations ---- */

static int enrol(unsigned number, const char *bytes)
{
	struct bk_op op = {.kind = BK_OP_INVITE_ENROL};

	op.enrol.invite = bk_sample_id(9000 + number);
	op.enrol.enrol = (struct bk_bytes){(const uint8_t *)bytes, strlen(bytes)};
	return bk_store_box_do(&box, &op);
}

static int decide(unsigned number, bool approved, const char *certificate)
{
	struct bk_op op = {.kind = BK_OP_INVITE_DONE};

	op.done.invite = bk_sample_id(9000 + number);
	op.done.approved = approved;
	op.done.certificate = (struct bk_bytes){(const uint8_t *)certificate, strlen(certificate)};
	return bk_store_box_do(&box, &op);
}

static void expect_invite(unsigned number, int want, const char *bytes, const char *certificate)
{
	struct bk_store_view *v = bk_store_box_view(&box);
	struct bk_invite_row row;

	assert_int_equal(bk_store_invite(v, bk_sample_id(9000 + number), &row), 0);
	assert_int_equal(row.state, want);
	assert_int_equal(row.enrol.len, strlen(bytes));
	assert_memory_equal(row.enrol.data, bytes, row.enrol.len);
	assert_int_equal(row.certificate.len, strlen(certificate));
	assert_memory_equal(row.certificate.data, certificate, row.certificate.len);
	assert_true(bk_id_equal(row.circle, BK_BOX_DESK));
	assert_true(bk_id_equal(row.account, bk_sample_id(9500)));
	assert_int_equal(row.role, BAKEN__ROLE__ROLE_OFFICER);
	bk_store_view_end(v);
}

static void invitation_is_used_once(void **state)
{
	(void)state;
	assert_int_equal(bk_store_box_invite(&box, 1), 0);
	assert_int_equal(bk_store_box_invite(&box, 1), BK_E_EXISTS);
	assert_int_equal(decide(1, true, "certificate"), BK_E_STATE); /* nobody used it yet */
	assert_int_equal(enrol(2, "keys"), BK_E_INVITE);
	assert_int_equal(enrol(1, ""), BK_E_INVAL);
	assert_int_equal(enrol(1, "keys"), 0);
	assert_int_equal(enrol(1, "keys"), 0); /* repeated */
	assert_int_equal(enrol(1, "others"), BK_E_INVITE);
	expect_invite(1, 1, "keys", "");
	assert_int_equal(decide(1, true, ""), BK_E_INVAL);
	assert_int_equal(decide(1, true, "certificate"), 0);
	assert_int_equal(decide(1, true, "certificate"), 0);
	assert_int_equal(decide(1, true, "another"), BK_E_STATE);
	assert_int_equal(decide(1, false, ""), BK_E_STATE);
	assert_int_equal(decide(2, false, ""), BK_E_INVITE);
	assert_int_equal(bk_store_box_reopen(&box), 0);
	expect_invite(1, 2, "keys", "certificate");
	assert_int_equal(enrol(1, "keys"), 0); /* asks again what was decided */
}

static void invitation_ends(void **state)
{
	(void)state;
	assert_int_equal(bk_store_box_invite(&box, 1), 0);
	assert_int_equal(bk_store_box_invite(&box, 2), 0);
	assert_int_equal(bk_store_box_invite(&box, 3), 0);
	assert_int_equal(decide(3, false, ""), 0); /* withdrawn before use */
	assert_int_equal(enrol(3, "keys"), BK_E_INVITE);
	box.now += BK_SAMPLE_DAY / 24 - 1;
	assert_int_equal(enrol(1, "keys"), 0);
	box.now += 1;
	assert_int_equal(enrol(2, "keys"), BK_E_INVITE);
	assert_int_equal(enrol(1, "keys"), 0); /* used in time */
	assert_int_equal(decide(1, false, ""), 0);
	expect_invite(1, 3, "keys", "");
}

static int count_invite(void *arg, const struct bk_invite_row *row)
{
	assert_int_equal(row->role, BAKEN__ROLE__ROLE_OFFICER);
	return ++*(int *)arg == 2 ? 5 : 0;
}

static void invitations_are_bounded_and_listed(void **state)
{
	struct bk_op op = {.kind = BK_OP_INVITE_PUT};
	struct bk_store_view *v;
	char big[BK_ROWS_BLOB_MAX + 2];
	int n = 0;

	(void)state;
	box.store->bounds.invites = 2;
	for (unsigned i = 1; i <= 2; i++)
		assert_int_equal(bk_store_box_invite(&box, i), 0);
	assert_int_equal(bk_store_box_invite(&box, 3), BK_E_FULL);
	v = bk_store_box_view(&box);
	assert_int_equal(bk_store_invites(v, count_invite, &n), 5);
	bk_store_view_end(v);
	assert_int_equal(n, 2);
	memset(big, 'x', sizeof big);
	big[BK_ROWS_BLOB_MAX + 1] = '\0';
	assert_int_equal(enrol(1, big), BK_E_INVAL);
	big[BK_ROWS_BLOB_MAX] = '\0';
	assert_int_equal(enrol(1, big), 0);
	assert_int_equal(decide(1, true, big), 0);
	expect_invite(1, 2, big, big);
	box.store->bounds.invites = 100;
	op.invite.invite = bk_sample_id(9010);
	op.invite.expires_ms = box.now + 1;
	assert_int_equal(bk_store_box_do(&box, &op), BK_E_INVAL); /* no role */
	op.invite.role = BAKEN__ROLE__ROLE_PERSON;
	op.invite.expires_ms = box.now;
	assert_int_equal(bk_store_box_do(&box, &op), BK_E_INVAL); /* over before it begins */
}

/* ---- duty, claims, drill ---- */

static int duty(unsigned device, bk_id circle, bool on)
{
	struct bk_op op = {.kind = BK_OP_DUTY_SET};

	op.duty.device = bk_sample_id(device);
	op.duty.circle = circle;
	op.duty.on = on;
	return bk_store_box_do(&box, &op);
}

static void duty_is_the_desks(void **state)
{
	(void)state;
	assert_int_equal(duty(BK_BOX_OFFICER, BK_BOX_DESK, true), 0);
	assert_int_equal(duty(BK_BOX_OFFICER, BK_BOX_DESK, true), 0);
	assert_int_equal(bk_store_box_reopen(&box), 0);
	assert_true(bk_store_box_device(&box, BK_BOX_OFFICER).on_duty);
	assert_false(bk_store_box_device(&box, BK_BOX_LEAD).on_duty);
	assert_int_equal(duty(BK_BOX_OFFICER, BK_BOX_DESK, false), 0);
	assert_false(bk_store_box_device(&box, BK_BOX_OFFICER).on_duty);
	assert_int_equal(duty(BK_BOX_OFFICER, BK_BOX_PERSON, true), BK_E_ROLE);
	assert_int_equal(duty(BK_BOX_PHONE, BK_BOX_PERSON, true), BK_E_ROLE);
	assert_int_equal(duty(BK_BOX_CARER, BK_BOX_CARE, true), BK_E_ROLE);
	assert_int_equal(duty(900, BK_BOX_DESK, true), BK_E_REVOKED);
}

static void expect_claim(unsigned device, Baken__Claim__Verb verb, unsigned holder, bool won, bk_ms since)
{
	struct bk_op op;

	assert_int_equal(bk_store_box_claim(&box, device, 1, verb, &op), 0);
	assert_int_equal(op.claim.won, won);
	assert_true(holder ? bk_id_equal(op.claim.holder, bk_sample_id(holder)) : bk_id_is_zero(op.claim.holder));
	assert_int_equal(op.claim.since_ms, since);
}

static void claim_has_one_winner(void **state)
{
	bk_ms first = box.now;

	(void)state;
	expect_claim(BK_BOX_LEAD, LOOK, 0, false, 0);
	expect_claim(BK_BOX_OFFICER, TAKE, BK_BOX_OFFICER, true, first);
	box.now += 1000;
	expect_claim(BK_BOX_LEAD, TAKE, BK_BOX_OFFICER, false, first); /* told who, and since when */
	expect_claim(BK_BOX_LEAD, RENEW, BK_BOX_OFFICER, false, first);
	expect_claim(BK_BOX_LEAD, RELEASE, BK_BOX_OFFICER, false, first);
	expect_claim(BK_BOX_OFFICER, TAKE, BK_BOX_OFFICER, true, first); /* repeated */
	box.now += BK_LEASE_MS - 1;
	expect_claim(BK_BOX_OFFICER, RENEW, BK_BOX_OFFICER, true, first);
	assert_int_equal(bk_store_box_reopen(&box), 0);
	expect_claim(BK_BOX_LEAD, LOOK, BK_BOX_OFFICER, false, first);
	expect_claim(BK_BOX_OFFICER, RELEASE, 0, false, 0);
	expect_claim(BK_BOX_LEAD, TAKE, BK_BOX_LEAD, true, box.now);
	/* A lapsed lease is nobody's; its holder may renew until somebody took it. */
	box.now += BK_LEASE_MS;
	expect_claim(BK_BOX_OFFICER, LOOK, 0, false, 0);
	expect_claim(BK_BOX_LEAD, RENEW, BK_BOX_LEAD, true, box.now - BK_LEASE_MS);
	box.now += BK_LEASE_MS;
	expect_claim(BK_BOX_OFFICER, TAKE, BK_BOX_OFFICER, true, box.now);
	expect_claim(BK_BOX_LEAD, RENEW, BK_BOX_OFFICER, false, box.now);
}

static int give(unsigned from, unsigned to, unsigned holder)
{
	struct bk_op op = {.kind = BK_OP_CLAIM};
	int err;

	bk_sample_fill(op.claim.tag, sizeof op.claim.tag, 1);
	op.claim.device = bk_sample_id(from);
	op.claim.to = bk_sample_id(to);
	op.claim.verb = BAKEN__CLAIM__VERB__GIVE;
	op.claim.until_ms = box.now + BK_LEASE_MS;
	err = bk_store_box_do(&box, &op);
	if (!err)
		assert_true(holder ? bk_id_equal(op.claim.holder, bk_sample_id(holder)) : bk_id_is_zero(op.claim.holder));
	return err;
}

/* Lesson R5: there is no moment between two owners. Given again, by a giver who died before it knew, is the same. */
static void a_case_is_given_in_one_step(void **state)
{
	(void)state;
	assert_int_equal(duty(BK_BOX_OFFICER, BK_BOX_DESK, true), 0);
	assert_int_equal(give(BK_BOX_OFFICER, BK_BOX_LEAD, 0), BK_E_NOT_FOUND); /* off duty */
	assert_int_equal(duty(BK_BOX_LEAD, BK_BOX_DESK, true), 0);
	assert_int_equal(give(BK_BOX_OFFICER, BK_BOX_LEAD, 0), 0); /* not held: nothing to give */
	expect_claim(BK_BOX_OFFICER, TAKE, BK_BOX_OFFICER, true, box.now);
	assert_int_equal(give(BK_BOX_LEAD, BK_BOX_LEAD, BK_BOX_OFFICER), 0); /* not the holder's: nothing changed */
	assert_int_equal(give(BK_BOX_OFFICER, BK_BOX_PHONE, 0), BK_E_NOT_FOUND);
	assert_int_equal(give(BK_BOX_OFFICER, BK_BOX_VAULT, 0), BK_E_NOT_FOUND);
	assert_int_equal(give(BK_BOX_OFFICER, 900, 0), BK_E_NOT_FOUND);
	box.now += 1000;
	assert_int_equal(give(BK_BOX_OFFICER, BK_BOX_LEAD, BK_BOX_LEAD), 0);
	expect_claim(BK_BOX_LEAD, RENEW, BK_BOX_LEAD, true, box.now);
	assert_int_equal(give(BK_BOX_OFFICER, BK_BOX_LEAD, BK_BOX_LEAD), 0); /* again */
	expect_claim(BK_BOX_OFFICER, RENEW, BK_BOX_LEAD, false, box.now);
}

/* What was refused leaves no entry that says it happened. */
static void an_entry_goes_with_its_record(void **state)
{
	struct bk_op ops[4] = {{.kind = BK_OP_DUTY_SET}, {.kind = BK_OP_AUDIT}, {.kind = BK_OP_DUTY_SET}, {.kind = BK_OP_AUDIT}};

	(void)state;
	ops[0].duty.device = bk_sample_id(BK_BOX_PHONE);
	ops[0].duty.circle = BK_BOX_PERSON;
	ops[2].duty.device = bk_sample_id(BK_BOX_OFFICER);
	ops[2].duty.circle = BK_BOX_DESK;
	for (size_t i = 0; i < 4; i++)
		ops[i].now = box.now;
	for (size_t i = 1; i < 4; i += 2) {
		ops[i].if_previous = true;
		ops[i].audit.event = "DUTY-OFF";
		ops[i].audit.detail = "device=1";
	}
	assert_int_equal(bk_store_commit(box.store, ops, 4), 0);
	assert_int_equal(ops[0].result, BK_E_ROLE);
	assert_int_equal(ops[1].result, BK_E_CANCELLED);
	assert_int_equal(ops[2].result, 0);
	assert_int_equal(ops[3].result, 0);
	assert_int_equal(bk_store_box_rows(&box, BK_T_AUDIT), 1);
}

static void claims_are_bounded_and_of_the_desk(void **state)
{
	(void)state;
	box.store->bounds.claims = 2;
	assert_int_equal(bk_store_box_claim(&box, BK_BOX_OFFICER, 1, TAKE, NULL), 0);
	assert_int_equal(bk_store_box_claim(&box, BK_BOX_OFFICER, 2, TAKE, NULL), 0);
	assert_int_equal(bk_store_box_claim(&box, BK_BOX_OFFICER, 3, TAKE, NULL), BK_E_FULL);
	assert_int_equal(bk_store_box_claim(&box, BK_BOX_OFFICER, 3, LOOK, NULL), 0);
	assert_int_equal(bk_store_box_claim(&box, BK_BOX_OFFICER, 1, TAKE, NULL), 0);
	assert_int_equal(bk_store_box_claim(&box, BK_BOX_PHONE, 1, LOOK, NULL), BK_E_ROLE);
	assert_int_equal(bk_store_box_claim(&box, BK_BOX_CARER, 1, TAKE, NULL), BK_E_ROLE);
	assert_int_equal(bk_store_box_claim(&box, BK_BOX_OFFICER, 1, (Baken__Claim__Verb)9, NULL), BK_E_INVAL);
}

static void drills_are_counted(void **state)
{
	struct bk_op op = {.kind = BK_OP_DRILL};

	(void)state;
	for (uint64_t i = 1; i <= 3; i++) {
		assert_int_equal(bk_store_box_do(&box, &op), 0);
		assert_int_equal(op.drill.count, i);
		assert_int_equal(bk_store_box_reopen(&box), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(prekeys_are_issued_in_order_and_once, setup, teardown),
		cmocka_unit_test_setup_teardown(claims_of_many, setup, teardown),
		cmocka_unit_test_setup_teardown(prekey_ids_are_used_once, setup, teardown),
		cmocka_unit_test_setup_teardown(repeated_id_in_one_put, setup, teardown),
		cmocka_unit_test_setup_teardown(digest_follows_the_signed_key, setup, teardown),
		cmocka_unit_test_setup_teardown(tickets_are_good_once, setup, teardown),
		cmocka_unit_test_setup_teardown(sessions_displace_and_end, setup, teardown),
		cmocka_unit_test_setup_teardown(invitation_is_used_once, setup, teardown),
		cmocka_unit_test_setup_teardown(invitation_ends, setup, teardown),
		cmocka_unit_test_setup_teardown(invitations_are_bounded_and_listed, setup, teardown),
		cmocka_unit_test_setup_teardown(duty_is_the_desks, setup, teardown),
		cmocka_unit_test_setup_teardown(claim_has_one_winner, setup, teardown),
		cmocka_unit_test_setup_teardown(a_case_is_given_in_one_step, setup, teardown),
		cmocka_unit_test_setup_teardown(an_entry_goes_with_its_record, setup, teardown),
		cmocka_unit_test_setup_teardown(claims_are_bounded_and_of_the_desk, setup, teardown),
		cmocka_unit_test_setup_teardown(drills_are_counted, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
