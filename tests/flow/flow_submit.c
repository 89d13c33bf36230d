/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who may send what to whom, and when a message counts as stored: completeness, roles, repeats, duty. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdlib.h>
#include <cmocka.h>

#include "cast.h"
#include "err.h"
#include "receipt.h"

static struct bk_cast cast;
static struct bk_talk phone, vault, officer, carer, foe, wife;
static unsigned next = 1;

static int open_cast(void **state)
{
	(void)state;
	bk_cast_open(&cast, "submit", NULL);
	bk_cast_ready(&cast, &phone, cast.phone);
	bk_cast_ready(&cast, &vault, cast.vault);
	bk_cast_ready(&cast, &officer, cast.officer);
	bk_cast_ready(&cast, &carer, cast.carer);
	bk_cast_ready(&cast, &foe, cast.foe);
	bk_cast_ready(&cast, &wife, cast.wife);
	return 0;
}

static int close_cast(void **state)
{
	struct bk_talk *all[] = {&phone, &vault, &officer, &carer, &foe, &wife};

	(void)state;
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		bk_talk_done(all[i]);
	bk_cast_close(&cast);
	return 0;
}

static void duty(struct bk_talk *t, bool on)
{
	Baken__Frame *f = NULL;

	assert_int_equal(bk_talk_ask(t, bk_wire_duty(&t->line, on, &t->out), &f), 0);
	assert_int_equal(f->kind_case, BAKEN__FRAME__KIND_DUTY_STATE);
	assert_int_equal(f->duty_state->on, on);
	assert_int_equal(f->duty_state->n_on_duty, on ? 1 : 0);
}

/* To the desk with nobody on duty: the vault only. */
static struct bk_cast_message to_desk(void)
{
	return (struct bk_cast_message){.circle = cast.desk, .devices = {cast.vault}, .n_devices = 1, .n = next++};
}

static int code(struct bk_talk *t, const struct bk_cast_message *m)
{
	return bk_wire_error(bk_cast_submit(t, m));
}

static void stored_is_proven_and_delivered_once(void **state)
{
	struct bk_cast_message m = to_desk();
	Baken__Frame *f = bk_cast_submit(&phone, &m);
	struct bk_receipt r;
	Baken__Delivery *d;

	(void)state;
	assert_int_equal(f->kind_case, BAKEN__FRAME__KIND_STORED);
	assert_int_equal(bk_receipt_from_wire(f->stored->items[0]->receipt, &r), 0);
	assert_int_equal(bk_receipt_verify(&r, cast.realm.receipt_key), 0);
	assert_memory_equal(r.leaf.message.b, bk_cast_id(m.n).b, BK_ID_BYTES);
	d = bk_cast_take(&vault, true);
	assert_memory_equal(d->message_id.data, bk_cast_id(m.n).b, BK_ID_BYTES);
	assert_memory_equal(d->body_hash.data, r.leaf.body.b, BK_HASH_BYTES);
	assert_int_equal(d->stored_ms, r.leaf.stored_ms);
	assert_int_equal(d->attempt, 1);
	assert_true(bk_cast_silent(&vault, BAKEN__FRAME__KIND_DELIVER));
	assert_int_equal(bk_cast_status(&cast, "queued"), 0);
}

/* M6, M17: every device that must get it and none else; the answer names both. */
static void an_ordinary_message_is_complete_or_refused(void **state)
{
	struct bk_cast_message m = to_desk();
	Baken__Frame *f;

	(void)state;
	m.n_devices = 0;
	f = bk_cast_submit(&phone, &m);
	assert_int_equal(bk_wire_error(f), BK_E_DEVICES);
	assert_int_equal(f->error->n_missing, 1);
	assert_memory_equal(f->error->missing[0].data, cast.realm.devices[cast.vault].device.b, BK_ID_BYTES);
	assert_memory_equal(f->error->circle_id.data, cast.realm.circles[cast.desk].circle.b, BK_ID_BYTES);
	m.devices[0] = cast.vault;
	m.devices[1] = cast.foe; /* a ghost */
	m.devices[2] = cast.officer; /* off duty: holds no case content */
	m.n_devices = 3;
	f = bk_cast_submit(&phone, &m);
	assert_int_equal(bk_wire_error(f), BK_E_DEVICES);
	assert_int_equal(f->error->n_missing, 0);
	assert_int_equal(f->error->n_extra, 2);
	m.devices[1] = cast.vault; /* twice */
	m.n_devices = 2;
	assert_int_equal(code(&phone, &m), BK_E_DEVICES);
	assert_true(bk_cast_silent(&vault, BAKEN__FRAME__KIND_DELIVER));
	assert_true(bk_cast_silent(&foe, BAKEN__FRAME__KIND_DELIVER));
	assert_int_equal(bk_cast_status(&cast, "queued"), 0);
}

/* M6: an alarm reaches those it can, says who is missing, and is topped up under the same id. */
static void an_alarm_is_taken_and_topped_up(void **state)
{
	struct bk_cast_message m = {.circle = cast.person, .devices = {cast.foe}, .n_devices = 1, .n = next++,
		.class = BAKEN__CLASS__CLASS_ALARM};
	Baken__Frame *f;

	(void)state;
	assert_int_equal(code(&officer, &m), BK_E_DEVICES); /* nobody would get it */
	m.devices[1] = cast.phone;
	m.n_devices = 2;
	m.version = 77; /* and an old list is no obstacle */
	f = bk_cast_submit(&officer, &m);
	assert_int_equal(f->kind_case, BAKEN__FRAME__KIND_STORED);
	assert_int_equal(f->stored->items[0]->n_missing, 1);
	assert_memory_equal(f->stored->items[0]->missing[0].data, cast.realm.devices[cast.tablet].device.b, BK_ID_BYTES);
	bk_cast_take(&phone, true);
	m.devices[1] = cast.tablet;
	f = bk_cast_submit(&officer, &m);
	assert_int_equal(f->kind_case, BAKEN__FRAME__KIND_STORED);
	assert_true(bk_cast_silent(&phone, BAKEN__FRAME__KIND_DELIVER)); /* not again */
	assert_true(bk_cast_silent(&foe, BAKEN__FRAME__KIND_DELIVER));
	{
		struct bk_talk tablet;

		bk_cast_login(&cast, &tablet, cast.tablet);
		bk_cast_take(&tablet, true);
		bk_talk_done(&tablet);
	}
}

static void an_old_list_is_refused(void **state)
{
	struct bk_cast_message m = to_desk();

	(void)state;
	m.version = 9;
	assert_int_equal(code(&phone, &m), BK_E_ROSTER);
}

/* The client is bypassed here: the server holds the line by itself. */
static void roles_are_held_by_the_server(void **state)
{
	struct bk_cast_message m = to_desk();
	struct bk_cast_message care = {.circle = cast.care, .devices = {cast.carer}, .n_devices = 1, .n = next++};
	struct bk_cast_message person = {.circle = cast.person, .devices = {cast.phone, cast.tablet}, .n_devices = 2,
		.n = next++};

	(void)state;
	assert_int_equal(code(&carer, &m), BK_E_ROLE); /* care -> desk */
	m.regime = BAKEN__REGIME__REGIME_CARE;
	assert_int_equal(code(&carer, &m), BK_E_ROLE);
	assert_int_equal(code(&phone, &m), BK_E_ROLE); /* care content to a desk */
	assert_int_equal(code(&officer, &care), BK_E_ROLE);
	care.regime = BAKEN__REGIME__REGIME_CARE;
	assert_int_equal(code(&officer, &care), BK_E_ROLE);
	assert_int_equal(code(&carer, &person), BK_E_ROLE); /* a carer writes care only */
	person.regime = BAKEN__REGIME__REGIME_CARE;
	assert_int_equal(code(&officer, &person), BK_E_ROLE);
	assert_int_equal(code(&carer, &person), 0);
	bk_cast_take(&phone, true);
	care.n = next++;
	assert_int_equal(code(&phone, &care), 0);
	bk_cast_take(&carer, true);
}

/* R9: a circle of others looks like one that does not exist; so do its roster, its prekeys and its bodies. */
static void what_is_of_others_is_not_there(void **state)
{
	struct bk_cast_message m = {.circle = cast.stranger, .devices = {cast.foe}, .n_devices = 1, .n = next++};
	bk_id ids[2] = {cast.realm.devices[cast.phone].device, bk_cast_id(12345)};
	bk_hash body;
	Baken__Frame *f = NULL;

	(void)state;
	assert_int_equal(code(&phone, &m), BK_E_ROLE);
	assert_int_equal(code(&officer, &m), BK_E_ROLE); /* another desk's person */
	cast.realm.circles[cast.stranger].circle.b[0] ^= 1;
	assert_int_equal(code(&phone, &m), BK_E_ROLE);
	cast.realm.circles[cast.stranger].circle.b[0] ^= 1;
	m = to_desk();
	assert_int_equal(code(&foe, &m), BK_E_ROLE);
	for (int known = 0; known < 2; known++) {
		bk_id circle = known ? cast.realm.circles[cast.person].circle : bk_cast_id(4711);

		assert_int_equal(bk_talk_ask(&foe, bk_wire_roster_get(&foe.line, circle, 0, &foe.out), &f), 0);
		assert_int_equal(bk_wire_error(f), BK_E_NOT_FOUND);
	}
	assert_int_equal(bk_talk_ask(&foe, bk_wire_prekeys_claim(&foe.line, ids, 2, &foe.out), &f), 0);
	assert_int_equal(f->kind_case, BAKEN__FRAME__KIND_PREKEY_BUNDLES);
	assert_int_equal(f->prekey_bundles->n_bundles, 0);
	assert_int_equal(f->prekey_bundles->n_absent, 2);
	m = to_desk();
	assert_int_equal(code(&phone, &m), 0);
	memcpy(body.b, bk_cast_take(&vault, true)->body_hash.data, BK_HASH_BYTES);
	assert_int_equal(bk_talk_ask(&phone, bk_wire_body_get(&phone.line, body, &phone.out), &f), 0);
	assert_int_equal(bk_wire_error(f), BK_E_ROLE);
	assert_int_equal(bk_talk_ask(&officer, bk_wire_body_get(&officer.line, body, &officer.out), &f), 0);
	assert_int_equal(f->kind_case, BAKEN__FRAME__KIND_BODY_DATA); /* a desk keeps bodies for its keyrings */
	body.b[0] ^= 1;
	assert_int_equal(bk_talk_ask(&officer, bk_wire_body_get(&officer.line, body, &officer.out), &f), 0);
	assert_int_equal(bk_wire_error(f), BK_E_NOT_FOUND);
}

static void repeats_change_nothing(void **state)
{
	struct bk_cast_message m = to_desk();
	struct bk_receipt r;
	Baken__Frame *f;
	int64_t queued;
	bk_ms stored;

	(void)state;
	bk_cast_silent(&vault, BAKEN__FRAME__KIND_HELLO); /* its acks so far are committed */
	queued = bk_cast_status(&cast, "queued");
	f = bk_cast_submit(&phone, &m);
	stored = f->stored->items[0]->receipt->stored_ms;
	bk_cast_take(&vault, false);
	f = bk_cast_submit(&phone, &m);
	assert_int_equal(f->stored->items[0]->receipt->stored_ms, stored); /* when it was stored first */
	assert_int_equal(bk_receipt_from_wire(f->stored->items[0]->receipt, &r), 0);
	assert_int_equal(bk_receipt_verify(&r, cast.realm.receipt_key), 0);
	m.body = 1;
	assert_int_equal(code(&phone, &m), BK_E_HASH); /* another body under a known id */
	m.body = 0;
	assert_int_equal(bk_talk_login(&phone, true), 0); /* and after a reconnect */
	f = bk_cast_submit(&phone, &m);
	assert_int_equal(f->stored->items[0]->receipt->stored_ms, stored);
	assert_true(bk_cast_silent(&vault, BAKEN__FRAME__KIND_DELIVER));
	assert_int_equal(bk_cast_status(&cast, "queued"), queued + 1);
	bk_talk_hang_up(&vault);
	assert_int_equal(bk_talk_login(&vault, true), 0);
	bk_cast_take(&vault, true);
	assert_int_equal(bk_talk_expect(&vault, BAKEN__FRAME__KIND_CAUGHT_UP, 0, &f), 0);
}

static void a_body_is_what_it_says(void **state)
{
	static uint8_t body[300];
	struct bk_wire_target target = bk_realm_target(&cast.realm, cast.desk);
	struct bk_wire_message m = {.id = bk_cast_id(next++), .body = body, .body_len = 296, .targets = &target,
		.n_targets = 1, .devices = &cast.realm.devices[cast.vault].device, .n_devices = 1};
	Baken__Frame *f = NULL;
	bk_hash file = {{1}};

	(void)state;
	memset(m.body_hash.b, 5, BK_HASH_BYTES);
	assert_int_equal(bk_talk_ask(&phone, bk_wire_submit(&phone.line, &m, &phone.out), &f), 0);
	assert_int_equal(bk_wire_error(f), BK_E_HASH);
	memset(m.body_hash.b, 0, BK_HASH_BYTES);
	m.files = &file;
	m.n_files = 1; /* a file that nobody uploaded */
	assert_int_equal(bk_talk_ask(&phone, bk_wire_submit(&phone.line, &m, &phone.out), &f), 0);
	assert_int_equal(bk_wire_error(f), BK_E_INCOMPLETE);
	m.n_files = 0;
	m.n_targets = 0; /* no frame of ours looks like that */
	assert_int_equal(bk_talk_ask(&phone, bk_wire_submit(&phone.line, &m, &phone.out), &f), BK_E_NET);
	assert_int_equal(bk_sock_code(phone.sock), 1002);
	assert_int_equal(bk_talk_login(&phone, true), 0);
}

/* R12: the roster and the duty state decide who is addressed, and everyone concerned hears of a change. */
static void duty_decides_who_is_addressed(void **state)
{
	struct bk_cast_message m = to_desk();
	Baken__Frame *f = NULL;

	(void)state;
	bk_cast_silent(&phone, BAKEN__FRAME__KIND_ROSTER_CHANGED);
	duty(&officer, true);
	assert_int_equal(bk_talk_expect(&phone, BAKEN__FRAME__KIND_ROSTER_CHANGED, 0, &f), 0);
	assert_int_equal(f->roster_changed->n_on_duty, 1);
	assert_memory_equal(f->roster_changed->on_duty[0].data, cast.realm.devices[cast.officer].device.b, BK_ID_BYTES);
	assert_true(bk_cast_silent(&foe, BAKEN__FRAME__KIND_ROSTER_CHANGED)); /* another desk's */
	f = bk_cast_submit(&phone, &m);
	assert_int_equal(bk_wire_error(f), BK_E_DEVICES);
	assert_memory_equal(f->error->missing[0].data, cast.realm.devices[cast.officer].device.b, BK_ID_BYTES);
	m.devices[1] = cast.officer;
	m.n_devices = 2;
	assert_int_equal(code(&phone, &m), 0);
	bk_cast_take(&vault, true);
	bk_cast_take(&officer, true);
	duty(&officer, false);
	m.n = next++;
	assert_int_equal(code(&phone, &m), BK_E_DEVICES); /* off duty: not addressed any more */
	assert_int_equal(bk_talk_ask(&phone, bk_wire_duty(&phone.line, true, &phone.out), &f), 0);
	assert_int_equal(bk_wire_error(f), BK_E_ROLE);
	assert_int_equal(bk_talk_ask(&vault, bk_wire_duty(&vault.line, true, &vault.out), &f), 0);
	assert_int_equal(bk_wire_error(f), BK_E_ROLE);
}

static Baken__ClaimState *claim(struct bk_talk *t, Baken__Claim__Verb verb, uint8_t tag)
{
	uint8_t bytes[32];
	Baken__Frame *f = NULL;

	memset(bytes, tag, sizeof bytes);
	assert_int_equal(bk_talk_ask(t, bk_wire_claim(&t->line, verb, bytes, 60000, &t->out), &f), 0);
	assert_int_equal(f->kind_case, BAKEN__FRAME__KIND_CLAIM_STATE);
	return f->claim_state;
}

static void a_claim_has_one_winner(void **state)
{
	struct bk_talk lead;
	Baken__ClaimState *s;
	Baken__Frame *f = NULL;
	uint8_t tag[32] = {9};

	(void)state;
	bk_cast_ready(&cast, &lead, cast.lead);
	assert_true(claim(&officer, BAKEN__CLAIM__VERB__TAKE, 3)->won);
	assert_true(claim(&officer, BAKEN__CLAIM__VERB__TAKE, 3)->won); /* again: the same */
	s = claim(&lead, BAKEN__CLAIM__VERB__TAKE, 3);
	assert_false(s->won);
	assert_memory_equal(s->holder.data, cast.realm.devices[cast.officer].device.b, BK_ID_BYTES);
	assert_false(claim(&lead, BAKEN__CLAIM__VERB__RELEASE, 3)->won);
	assert_int_equal(claim(&lead, BAKEN__CLAIM__VERB__LOOK, 3)->holder.len, BK_ID_BYTES);
	assert_int_equal(claim(&officer, BAKEN__CLAIM__VERB__RELEASE, 3)->holder.len, 0);
	assert_true(claim(&lead, BAKEN__CLAIM__VERB__TAKE, 3)->won);
	assert_int_equal(bk_talk_ask(&phone, bk_wire_claim(&phone.line, BAKEN__CLAIM__VERB__TAKE, tag, 1, &phone.out), &f), 0);
	assert_int_equal(bk_wire_error(f), BK_E_ROLE);
	bk_talk_done(&lead);
}

/* M8: first in, first out; the last resort when none are left; told when few are. */
static void prekeys_are_issued_in_order(void **state)
{
	bk_id id = cast.realm.devices[cast.phone].device;
	Baken__Frame *f = NULL;

	(void)state;
	assert_int_equal(bk_talk_ask(&phone, bk_wire_prekeys_put(&phone.line, 1, 100, 3, true, &phone.out), &f), 0);
	assert_int_equal(f->kind_case, BAKEN__FRAME__KIND_PREKEYS_STATE);
	assert_int_equal(f->prekeys_state->left, 3);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(bk_talk_ask(&wife, bk_wire_prekeys_claim(&wife.line, &id, 1, &wife.out), &f), 0);
		assert_int_equal(f->kind_case, BAKEN__FRAME__KIND_PREKEY_BUNDLES);
		assert_int_equal(f->prekey_bundles->n_bundles, 1);
		if (i < 3)
			assert_int_equal(f->prekey_bundles->bundles[0]->prekey->id, 100 + i);
		else
			assert_null(f->prekey_bundles->bundles[0]->prekey);
	}
	assert_int_equal(bk_talk_expect(&phone, BAKEN__FRAME__KIND_PREKEYS_STATE, 0, &f), 0);
	assert_int_equal(f->request, 0);
	assert_int_equal(bk_talk_ask(&phone, bk_wire_prekeys_put(&phone.line, 1, 101, 1, false, &phone.out), &f), 0);
	assert_int_equal(bk_wire_error(f), BK_E_DUPLICATE); /* an id is never used again */
	assert_int_equal(bk_talk_ask(&phone, bk_wire_prekeys_put(&phone.line, 2, 200, 100, false, &phone.out), &f), 0);
	assert_int_equal(bk_wire_error(f), 0);
	assert_int_equal(bk_talk_ask(&phone, bk_wire_prekeys_put(&phone.line, 2, 300, 100, false, &phone.out), &f), 0);
	assert_int_equal(bk_wire_error(f), 0);
	assert_int_equal(bk_talk_ask(&phone, bk_wire_prekeys_put(&phone.line, 2, 400, 1, false, &phone.out), &f), 0);
	assert_int_equal(bk_wire_error(f), BK_E_TOO_BIG); /* 200 at most */
	assert_int_equal(bk_talk_ask(&phone, bk_wire_prekeys_check(&phone.line, &phone.out), &f), 0);
	assert_int_equal(f->prekeys_state->left, 200);
	assert_int_equal(f->prekeys_state->signed_prekey_id, 2);
	phone.line.secret[6] ^= 4; /* a signature that nobody could use is refused here */
	assert_int_equal(bk_talk_ask(&phone, bk_wire_prekeys_put(&phone.line, 3, 500, 1, true, &phone.out), &f), 0);
	assert_int_equal(bk_wire_error(f), BK_E_SIGNATURE);
	phone.line.secret[6] ^= 4;
}

static void one_device_cannot_drain_another(void **state)
{
	bk_id id = cast.realm.devices[cast.phone].device;
	Baken__Frame *f = NULL;
	unsigned one_time = 0;
	bool rate = false;

	(void)state;
	for (int i = 0; i < 140 && !rate; i++) {
		assert_int_equal(bk_talk_ask(&officer, bk_wire_prekeys_claim(&officer.line, &id, 1, &officer.out), &f), 0);
		rate = bk_wire_error(f) == BK_E_RATE;
		if (!rate && f->prekey_bundles->n_bundles)
			one_time += f->prekey_bundles->bundles[0]->prekey != NULL;
	}
	assert_true(rate);
	assert_int_equal(one_time, 10); /* then the last resort: the target keeps its keys for others */
	assert_int_equal(bk_talk_ask(&wife, bk_wire_prekeys_claim(&wife.line, &id, 1, &wife.out), &f), 0);
	assert_non_null(f->prekey_bundles->bundles[0]->prekey); /* another's share is another's */
}

static void messages_are_limited_by_device_but_alarms_are_not(void **state)
{
	const char *words[] = {"--messages-device=2", "--alarms-device=3", NULL};
	struct bk_cast c;
	struct bk_talk t;
	struct bk_cast_message m = {.devices = {0}, .n_devices = 1};
	Baken__Frame *f;
	int i, err = 0;

	(void)state;
	bk_cast_open(&c, "rate", words);
	bk_cast_ready(&c, &t, c.phone);
	m.circle = c.desk;
	m.devices[0] = c.vault;
	for (i = 0; i < 30 && !err; i++) {
		m.n = (unsigned)i;
		f = bk_cast_submit(&t, &m);
		err = bk_wire_error(f);
	}
	assert_int_equal(err, BK_E_RATE);
	assert_in_range(f->error->retry_after_ms, 1, 1000);
	/* Alarms have a rate of their own; one above it is an urgent message, and then slowed like any. */
	m.class = BAKEN__CLASS__CLASS_ALARM;
	for (i = 0; i < 3; i++) {
		m.n = 100 + (unsigned)i;
		assert_int_equal(code(&t, &m), 0);
	}
	assert_int_equal(bk_cast_metric(&c, "bakend_alarms_total"), 3);
	m.n = 103;
	assert_int_equal(code(&t, &m), BK_E_RATE); /* the ordinary rate was used up before */
	assert_true(bk_cast_metric(&c, "bakend_alarms_over_rate_total") > 0);
	assert_int_equal(bk_cast_metric(&c, "bakend_alarms_waiting"), 3);
	bk_talk_done(&t);
	bk_cast_close(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stored_is_proven_and_delivered_once),
		cmocka_unit_test(an_ordinary_message_is_complete_or_refused),
		cmocka_unit_test(an_alarm_is_taken_and_topped_up),
		cmocka_unit_test(an_old_list_is_refused),
		cmocka_unit_test(roles_are_held_by_the_server),
		cmocka_unit_test(what_is_of_others_is_not_there),
		cmocka_unit_test(repeats_change_nothing),
		cmocka_unit_test(a_body_is_what_it_says),
		cmocka_unit_test(duty_decides_who_is_addressed),
		cmocka_unit_test(a_claim_has_one_winner),
		cmocka_unit_test(prekeys_are_issued_in_order),
		cmocka_unit_test(one_device_cannot_drain_another),
		cmocka_unit_test(messages_are_limited_by_device_but_alarms_are_not),
	};

	return cmocka_run_group_tests(tests, open_cast, close_cast);
}
