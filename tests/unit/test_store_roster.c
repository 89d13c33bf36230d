/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rosters and what is derived from them; revocation takes all of a device in one transaction (lesson R12). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "err.h"
#include "kv_fault.h"
#include "store_box.h"
#include "store_in.h"

#define REVOKED BAKEN__DEVICE_STATUS__DEVICE_REVOKED

static struct bk_store_box box;

static int setup(void **state)
{
	(void)state;
	memset(&box, 0, sizeof box);
	bk_store_box_realm(&box, "roster");
	return 0;
}

static int teardown(void **state)
{
	int err;

	(void)state;
	bk_kv_fault_set(NULL, NULL);
	err = bk_store_box_check(&box);
	bk_store_box_close(&box);
	return err;
}

static struct bk_circle_row circle_row(bk_id circle)
{
	struct bk_store_view *v = bk_store_box_view(&box);
	struct bk_circle_row row;

	assert_int_equal(bk_store_circle(v, circle, &row), 0);
	bk_store_view_end(v);
	return row;
}

struct list {
	bk_id ids[16];
	Baken__DeviceStatus status[16];
	size_t n;
	int stop_at; /* 0: never */
};

static int see_device(void *arg, const struct bk_device_row *row)
{
	struct list *l = arg;

	l->status[l->n] = row->status;
	l->ids[l->n++] = row->device;
	return l->stop_at && l->n == (size_t)l->stop_at ? 9 : 0;
}

static int see_circle(void *arg, const struct bk_circle_row *row)
{
	struct list *l = arg;

	l->ids[l->n++] = row->circle;
	return l->stop_at && l->n == (size_t)l->stop_at ? 9 : 0;
}

static bool has(const struct list *l, bk_id id)
{
	for (size_t i = 0; i < l->n; i++)
		if (bk_id_equal(l->ids[i], id))
			return true;
	return false;
}

static void derives_circles_and_devices(void **state)
{
	struct bk_circle_row row = circle_row(BK_BOX_PERSON);
	struct bk_device_row d = bk_store_box_device(&box, BK_BOX_VAULT);
	struct bk_device_cert cert = bk_sample_device(BK_BOX_VAULT, BAKEN__ROLE__ROLE_VAULT, BK_BOX_DESK);

	(void)state;
	assert_int_equal(row.version, 1);
	assert_int_equal(row.kind, BAKEN__CIRCLE_KIND__CIRCLE_PERSON);
	assert_true(bk_id_equal(row.desk, BK_BOX_DESK) && bk_id_equal(row.care, BK_BOX_CARE));
	assert_true(bk_hash_equal(row.hash, box.person.hash));
	assert_int_equal(row.hard_expires_ms, box.now + 14 * BK_SAMPLE_DAY);
	assert_true(bk_id_equal(d.device, bk_sample_id(BK_BOX_VAULT)) && bk_id_equal(d.circle, BK_BOX_DESK));
	assert_true(bk_id_equal(d.account, cert.account));
	assert_int_equal(d.role, BAKEN__ROLE__ROLE_VAULT);
	assert_int_equal(d.circle_kind, BAKEN__CIRCLE_KIND__CIRCLE_DESK);
	assert_int_equal(d.status, BAKEN__DEVICE_STATUS__DEVICE_VAULT);
	assert_memory_equal(d.identity, cert.identity, sizeof d.identity);
	assert_int_equal(d.registration, cert.registration);
	assert_int_equal(d.not_before_ms, cert.not_before_ms);
	assert_int_equal(d.not_after_ms, cert.not_after_ms);
	assert_false(d.on_duty);
	assert_int_equal(d.queued, 0);
	assert_int_equal(bk_store_box_stats(&box).circles, 3);
	assert_int_equal(bk_store_box_stats(&box).devices, 6);
}

static void walks_devices_circles_and_relations(void **state)
{
	struct bk_store_view *v = bk_store_box_view(&box);
	struct bk_device_row device;
	struct bk_circle_row circle;
	static const bk_id zero;
	struct list l = {.n = 0};

	(void)state;
	assert_int_equal(bk_store_devices(v, BK_BOX_DESK, see_device, &l), 0);
	assert_int_equal(l.n, 3);
	assert_true(has(&l, bk_sample_id(BK_BOX_OFFICER)) && has(&l, bk_sample_id(BK_BOX_VAULT)));
	l = (struct list){.stop_at = 2};
	assert_int_equal(bk_store_devices(v, BK_BOX_DESK, see_device, &l), 9);
	assert_int_equal(l.n, 2);
	l = (struct list){.n = 0};
	assert_int_equal(bk_store_circles(v, see_circle, &l), 0);
	assert_int_equal(l.n, 3);
	l = (struct list){.stop_at = 1};
	assert_int_equal(bk_store_circles(v, see_circle, &l), 9);
	l = (struct list){.n = 0};
	assert_int_equal(bk_store_assigned(v, BK_BOX_DESK, zero, see_circle, &l), 0);
	assert_int_equal(l.n, 1);
	assert_true(bk_id_equal(l.ids[0], BK_BOX_PERSON));
	l.n = 0;
	assert_int_equal(bk_store_assigned(v, BK_BOX_DESK, BK_BOX_PERSON, see_circle, &l), 0); /* after it: none */
	assert_int_equal(bk_store_assigned(v, BK_BOX_PERSON, zero, see_circle, &l), 0);
	assert_int_equal(bk_store_devices(v, bk_sample_id(999), see_device, &l), 0);
	assert_int_equal(l.n, 0);
	assert_int_equal(bk_store_device(v, bk_sample_id(999), &device), BK_E_NOT_FOUND);
	assert_int_equal(bk_store_circle(v, bk_sample_id(999), &circle), BK_E_NOT_FOUND);
	bk_store_view_end(v);
}

static void household_is_read(void **state)
{
	struct bk_store_view *v = bk_store_box_view(&box);
	bk_id out[4];
	size_t n = 9;

	(void)state;
	assert_int_equal(bk_store_household(v, BK_BOX_PERSON, out, 4, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(bk_store_household(v, bk_sample_id(999), out, 4, &n), BK_E_NOT_FOUND);
	bk_store_view_end(v);
	box.person.household[0] = bk_sample_id(701);
	box.person.household[1] = bk_sample_id(702);
	box.person.n_household = 2;
	assert_int_equal(bk_store_box_put(&box, &box.person, NULL), 0);
	assert_int_equal(bk_store_box_reopen(&box), 0);
	v = bk_store_box_view(&box);
	assert_int_equal(bk_store_household(v, BK_BOX_PERSON, out, 4, &n), 0);
	assert_int_equal(n, 2);
	assert_true(bk_id_equal(out[0], bk_sample_id(701)) && bk_id_equal(out[1], bk_sample_id(702)));
	assert_int_equal(bk_store_household(v, BK_BOX_PERSON, out, 1, &n), BK_E_TOO_BIG);
	bk_store_view_end(v);
}

static void assignment_moves(void **state)
{
	struct list l = {.n = 0};
	struct bk_store_view *v;
	static const bk_id zero;

	(void)state;
	box.person.care = zero;
	assert_int_equal(bk_store_box_put(&box, &box.person, NULL), 0);
	v = bk_store_box_view(&box);
	assert_int_equal(bk_store_assigned(v, BK_BOX_CARE, zero, see_circle, &l), 0);
	assert_int_equal(l.n, 0);
	assert_int_equal(bk_store_assigned(v, BK_BOX_DESK, zero, see_circle, &l), 0);
	assert_int_equal(l.n, 1);
	bk_store_view_end(v);
	assert_int_equal(bk_store_box_rows(&box, BK_T_ASSIGNED), 1);
}

static void keeps_versions_byte_for_byte(void **state)
{
	struct bk_sample_blob blob = bk_store_box_sign(&box.person, box.now), other;
	struct bk_box_circle fork;
	struct bk_op op = {.kind = BK_OP_ROSTER_PUT};
	struct bk_store_view *v;
	struct bk_bytes got;

	(void)state;
	op.roster.signed_roster = (struct bk_bytes){blob.data, blob.len};
	assert_int_equal(bk_store_box_do(&box, &op), 0);
	assert_int_equal(bk_store_box_do(&box, &op), 0); /* repeated: the same */
	v = bk_store_box_view(&box);
	assert_int_equal(bk_store_roster(v, BK_BOX_PERSON, 0, &got), 0);
	assert_int_equal(got.len, blob.len);
	assert_memory_equal(got.data, blob.data, got.len);
	assert_int_equal(bk_store_roster(v, BK_BOX_PERSON, 2, &got), 0);
	assert_int_equal(bk_store_roster(v, BK_BOX_PERSON, 1, &got), 0);
	assert_int_equal(bk_store_roster(v, BK_BOX_PERSON, 3, &got), BK_E_NOT_FOUND);
	bk_store_view_end(v);
	/* Another list of the same version; one that does not follow; an old one. */
	fork = box.person;
	fork.version = 1;
	other = bk_store_box_sign(&fork, box.now + 1);
	op.roster.signed_roster = (struct bk_bytes){other.data, other.len};
	assert_int_equal(bk_store_box_do(&box, &op), BK_E_CHAIN);
	free(other.data);
	fork = box.person;
	fork.hash = bk_sample_hash(1);
	other = bk_store_box_sign(&fork, box.now);
	op.roster.signed_roster = (struct bk_bytes){other.data, other.len};
	assert_int_equal(bk_store_box_do(&box, &op), BK_E_CHAIN);
	free(other.data);
	assert_int_equal(bk_store_box_put(&box, &box.person, NULL), 0);
	op.roster.signed_roster = (struct bk_bytes){blob.data, blob.len};
	assert_int_equal(bk_store_box_do(&box, &op), BK_E_OLD);
	free(blob.data);
	assert_int_equal(circle_row(BK_BOX_PERSON).version, 3);
}

static void refuses_garbage(void **state)
{
	struct bk_sample_blob blob = bk_store_box_sign(&box.person, box.now);
	struct bk_op op = {.kind = BK_OP_ROSTER_PUT};

	(void)state;
	op.roster.signed_roster = (struct bk_bytes){(const uint8_t *)"junk", 4};
	assert_int_equal(bk_store_box_do(&box, &op), BK_E_INVAL);
	for (size_t n = 0; n < blob.len; n += 7) {
		op.roster.signed_roster = (struct bk_bytes){blob.data, n};
		assert_int_not_equal(bk_store_box_do(&box, &op), 0);
	}
	for (size_t i = 0; i < blob.len; i += 11) {
		blob.data[i] ^= 1;
		op.roster.signed_roster = (struct bk_bytes){blob.data, blob.len};
		assert_int_not_equal(bk_store_box_do(&box, &op), 0);
		blob.data[i] ^= 1;
	}
	assert_int_equal(circle_row(BK_BOX_PERSON).version, 1);
	free(blob.data);
}

/* A device belongs to one circle for ever (R9: nobody takes over another's object). */
static void another_circle_cannot_take_a_device(void **state)
{
	struct bk_box_circle thief = box.person;

	(void)state;
	thief.circle = bk_sample_id(650);
	thief.version = 0;
	memset(&thief.hash, 0, sizeof thief.hash);
	assert_int_equal(bk_store_box_put(&box, &thief, NULL), BK_E_CHAIN);
	assert_int_equal(bk_store_box_stats(&box).circles, 3);
}

/* ---- revocation ---- */

static uint64_t give_all(unsigned device)
{
	const unsigned both[] = {BK_BOX_VAULT, BK_BOX_OFFICER};
	struct bk_box_message m = {.number = 1, .to = both, .n_to = 2};
	struct bk_op op = {.kind = BK_OP_DUTY_SET};

	assert_int_equal(bk_store_box_submit(&box, &m), 0);
	assert_int_not_equal(bk_store_box_send(&box, 2, BAKEN__CLASS__CLASS_ALARM, device), 0);
	assert_int_equal(bk_store_box_prekeys(&box, device, 1, 10, 1, false, NULL), 0);
	assert_int_equal(bk_store_box_prekeys(&box, BK_BOX_LEAD, 1, 10, 1, false, NULL), 0);
	assert_int_equal(bk_store_box_login(&box, device, 1, 0), 0);
	assert_int_equal(bk_store_box_login(&box, BK_BOX_LEAD, 2, 0), 0);
	op.duty.device = bk_sample_id(device);
	op.duty.circle = BK_BOX_DESK;
	op.duty.on = true;
	assert_int_equal(bk_store_box_do(&box, &op), 0);
	assert_int_equal(bk_store_box_claim(&box, device, 5, BAKEN__CLAIM__VERB__TAKE, NULL), 0);
	assert_int_equal(bk_store_box_claim(&box, device, 6, BAKEN__CLAIM__VERB__TAKE, NULL), 0);
	assert_int_equal(bk_store_box_claim(&box, BK_BOX_LEAD, 7, BAKEN__CLAIM__VERB__TAKE, NULL), 0);
	assert_int_equal(bk_store_box_upload(&box, device, 1, 1000), 0);
	assert_int_equal(bk_store_box_upload(&box, device, 2, 1000), 0);
	assert_int_equal(bk_store_box_complete(&box, device, 2, 1), 0);
	return m.seqs[1];
}

static void expect_all_there(unsigned device)
{
	struct bk_device_row d = bk_store_box_device(&box, device);

	assert_int_equal(d.queued, 2);
	assert_true(d.on_duty);
	assert_int_equal(bk_store_box_rows(&box, BK_T_PREKEY), 20);
	assert_int_equal(bk_store_box_rows(&box, BK_T_SESSION), 2);
	assert_int_equal(bk_store_box_rows(&box, BK_T_CLAIM), 3);
	assert_int_equal(bk_store_box_rows(&box, BK_T_UPLOAD), 2);
}

static void expect_all_gone(unsigned device)
{
	struct bk_device_row d = bk_store_box_device(&box, device);

	assert_int_equal(d.status, REVOKED);
	assert_int_equal(d.queued, 0);
	assert_int_equal(d.queued_bytes, 0);
	assert_false(d.on_duty);
	assert_int_equal(bk_store_box_stats(&box).queued, 1); /* the vault's */
	assert_int_equal(bk_store_box_stats(&box).bodies, 1);
	assert_int_equal(bk_store_box_rows(&box, BK_T_PREKEY), 10);
	assert_int_equal(bk_store_box_rows(&box, BK_T_PREKEYS), 1);
	assert_int_equal(bk_store_box_rows(&box, BK_T_SESSION), 1);
	assert_int_equal(bk_store_box_rows(&box, BK_T_TICKET), 1);
	assert_int_equal(bk_store_box_rows(&box, BK_T_CLAIM), 1);
	assert_int_equal(bk_store_box_rows(&box, BK_T_UPLOAD), 1); /* the complete one ages */
	assert_int_equal(bk_store_box_rows(&box, BK_T_OPEN), 1);
}

static void expect_nothing_lets_it_in(unsigned device, uint64_t old_seq)
{
	const unsigned to[] = {device};
	struct bk_box_message m = {.number = 50, .to = to, .n_to = 1};
	struct bk_op op = {.kind = BK_OP_NACK};
	struct bk_bundle bundle;

	assert_int_equal(bk_store_box_submit(&box, &m), BK_E_REVOKED);
	assert_int_equal(bk_store_box_login(&box, device, 3, 0), BK_E_REVOKED);
	assert_int_equal(bk_store_box_login(&box, device, 3, 1), BK_E_REVOKED);
	assert_int_equal(bk_store_box_prekeys(&box, device, 100, 1, 2, false, NULL), BK_E_REVOKED);
	assert_int_equal(bk_store_box_claim_prekey(&box, device, BK_BOX_LEAD, &bundle), BK_E_REVOKED);
	assert_int_equal(bk_store_box_claim_prekey(&box, BK_BOX_LEAD, device, &bundle), 0);
	assert_false(bundle.present);
	assert_int_equal(bk_store_box_claim(&box, device, 8, BAKEN__CLAIM__VERB__TAKE, NULL), BK_E_REVOKED);
	assert_int_equal(bk_store_box_upload(&box, device, 9, 1), BK_E_REVOKED);
	assert_int_equal(bk_store_box_ack(&box, device, old_seq, NULL), 0); /* long gone: ignored */
	op.nack.device = bk_sample_id(device);
	op.nack.seq = old_seq;
	assert_int_equal(bk_store_box_do(&box, &op), BK_E_NOT_FOUND);
}

static int fail_commit(void *arg, enum bk_kv_fault_point point)
{
	(void)arg;
	return point == BK_KV_FAULT_COMMIT ? BK_E_FULL : 0;
}

static void revocation_is_one_transaction(void **state)
{
	struct bk_box_circle before = box.desk;
	struct bk_op op;
	uint64_t seq = give_all(BK_BOX_OFFICER);

	(void)state;
	box.desk.devices[1].status = REVOKED;
	bk_kv_fault_set(fail_commit, NULL);
	assert_int_equal(bk_store_box_put(&box, &box.desk, &op), BK_E_FULL);
	assert_null(op.roster.revoked);
	bk_kv_fault_set(NULL, NULL);
	expect_all_there(BK_BOX_OFFICER);
	before.devices[1].status = REVOKED;
	box.desk = before;
	assert_int_equal(bk_store_box_put(&box, &box.desk, &op), 0);
	assert_int_equal(op.roster.n_revoked, 1);
	assert_true(bk_id_equal(op.roster.revoked[0], bk_sample_id(BK_BOX_OFFICER)));
	free(op.roster.revoked);
	expect_all_gone(BK_BOX_OFFICER);
	expect_nothing_lets_it_in(BK_BOX_OFFICER, seq);
	assert_int_equal(bk_store_box_reopen(&box), 0);
	expect_all_gone(BK_BOX_OFFICER);
	/* Next version: revoked is not news any more, and cannot be taken back. */
	assert_int_equal(bk_store_box_put(&box, &box.desk, &op), 0);
	assert_int_equal(op.roster.n_revoked, 0);
	box.desk.devices[1].status = BAKEN__DEVICE_STATUS__DEVICE_ACTIVE;
	assert_int_equal(bk_store_box_put(&box, &box.desk, NULL), BK_E_CHAIN);
}

/* An ordinary message whose repeat comes after a revocation was stored all the same. */
static void repeat_after_revocation_is_a_duplicate(void **state)
{
	const unsigned to[] = {BK_BOX_OFFICER, BK_BOX_LEAD};
	struct bk_box_message m = {.number = 1, .to = to, .n_to = 2}, alarm = {.number = 2,
		.class = BAKEN__CLASS__CLASS_ALARM, .to = to, .n_to = 2};

	(void)state;
	assert_int_equal(bk_store_box_submit(&box, &m), 0);
	box.desk.devices[1].status = REVOKED;
	assert_int_equal(bk_store_box_put(&box, &box.desk, NULL), 0);
	assert_int_equal(bk_store_box_submit(&box, &m), 0);
	assert_true(m.duplicate);
	/* M6: an alarm that reached one of two says so again when it is repeated. */
	assert_int_equal(bk_store_box_submit(&box, &alarm), 0);
	assert_int_equal(alarm.seqs[0], 0);
	assert_int_not_equal(alarm.seqs[1], 0);
	assert_int_equal(bk_store_box_submit(&box, &alarm), 0);
	assert_true(alarm.duplicate);
	assert_int_equal(alarm.seqs[1], 0);
}

static void bounds_circles_and_versions(void **state)
{
	struct bk_box_circle one = {.circle = bk_sample_id(700), .kind = BAKEN__CIRCLE_KIND__CIRCLE_DESK};
	struct bk_store_view *v;
	struct bk_bytes got;

	(void)state;
	one.devices[0].number = 80;
	one.devices[0].role = BAKEN__ROLE__ROLE_VAULT;
	one.devices[0].status = BAKEN__DEVICE_STATUS__DEVICE_VAULT;
	one.n = 1;
	box.store->bounds.circles = 3;
	assert_int_equal(bk_store_box_put(&box, &one, NULL), BK_E_FULL);
	assert_int_equal(bk_store_box_put(&box, &box.desk, NULL), 0); /* a known one goes on */
	box.store->bounds.rosters = 3;
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(bk_store_box_put(&box, &box.desk, NULL), 0);
	v = bk_store_box_view(&box); /* of six versions the last three */
	assert_int_equal(bk_store_roster(v, BK_BOX_DESK, 6, &got), 0);
	assert_int_equal(bk_store_roster(v, BK_BOX_DESK, 4, &got), 0);
	assert_int_equal(bk_store_roster(v, BK_BOX_DESK, 3, &got), BK_E_NOT_FOUND);
	bk_store_view_end(v);
}

static void trust_is_pinned(void **state)
{
	struct bk_op op = {.kind = BK_OP_TRUST_PUT};
	uint8_t root[BK_KEY_BYTES], secret[BK_ED25519_SECRET_BYTES];
	struct bk_store_view *v = bk_store_box_view(&box);
	struct bk_bytes cert;

	(void)state;
	bk_sample_ed25519(BK_SAMPLE_ROOT, op.trust.root_key, secret);
	assert_int_equal(bk_store_trust(v, root, &cert), 0);
	assert_memory_equal(root, op.trust.root_key, sizeof root);
	assert_true(cert.len > 64);
	bk_store_view_end(v);
	op.trust.server_cert = (struct bk_bytes){(const uint8_t *)"renewed", 7};
	assert_int_equal(bk_store_box_do(&box, &op), 0);
	v = bk_store_box_view(&box);
	assert_int_equal(bk_store_trust(v, root, &cert), 0);
	assert_int_equal(cert.len, 7);
	bk_store_view_end(v);
	op.trust.server_cert.len = BK_ROWS_BLOB_MAX + 1;
	assert_int_equal(bk_store_box_do(&box, &op), BK_E_TOO_BIG);
	op.trust.server_cert.len = 7;
	bk_sample_ed25519(BK_SAMPLE_OTHER_ROOT, op.trust.root_key, secret);
	assert_int_equal(bk_store_box_do(&box, &op), BK_E_EXISTS);
	bk_store_box_close(&box);
	bk_store_box_open(&box, "untrusted");
	assert_int_equal(bk_store_box_put(&box, &box.desk, NULL), BK_E_STATE); /* no root, no roster */
	v = bk_store_box_view(&box);
	assert_int_equal(bk_store_trust(v, root, &cert), BK_E_NOT_FOUND);
	bk_store_view_end(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(derives_circles_and_devices, setup, teardown),
		cmocka_unit_test_setup_teardown(walks_devices_circles_and_relations, setup, teardown),
		cmocka_unit_test_setup_teardown(household_is_read, setup, teardown),
		cmocka_unit_test_setup_teardown(assignment_moves, setup, teardown),
		cmocka_unit_test_setup_teardown(keeps_versions_byte_for_byte, setup, teardown),
		cmocka_unit_test_setup_teardown(refuses_garbage, setup, teardown),
		cmocka_unit_test_setup_teardown(another_circle_cannot_take_a_device, setup, teardown),
		cmocka_unit_test_setup_teardown(revocation_is_one_transaction, setup, teardown),
		cmocka_unit_test_setup_teardown(repeat_after_revocation_is_a_duplicate, setup, teardown),
		cmocka_unit_test_setup_teardown(bounds_circles_and_versions, setup, teardown),
		cmocka_unit_test_setup_teardown(trust_is_pinned, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
