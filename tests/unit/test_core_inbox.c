/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What arrives twice, broken or never meant for us: kept once, or shown with its time and a way on (M1, M10);
 * a sender that is unknown or withdrawn is not read; what the server garbles does not move the ratchet.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "twin.h"

#define MINUTE 60000ull

static struct bk_twin twin;
static struct bk_twin_cast cast;

static int setup(void **state)
{
	(void)state;
	bk_twin_cast(&twin, "inbox", &cast);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	bk_twin_close(&twin);
	return 0;
}

static bk_id report(const char *what)
{
	bk_id m = bk_twin_do(cast.person, json_pack("{s:s, s:s}", "cmd", "report", "what", what));

	bk_twin_pass(&twin, 1000);
	return m;
}

static const char *str(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

/* ---- M1: acks that are lost ---- */

static enum bk_twin_verdict lose_acks(void *arg, struct bk_twin_device *d, bool to_server, Baken__Frame *f)
{
	if (!to_server || d != cast.officer || f->kind_case != BAKEN__FRAME__KIND_ACK)
		return BK_TWIN_PASS;
	++*(unsigned *)arg;
	return BK_TWIN_LOSE;
}

static void test_ack_lost_m1(void **state)
{
	unsigned lost = 0;
	bk_id m;

	(void)state;
	twin.tap = lose_acks;
	twin.tap_arg = &lost;
	m = report("tweemaal bezorgd");
	bk_twin_reboot(cast.officer);
	bk_twin_pass(&twin, 1000);
	twin.tap = NULL;
	assert_true(lost >= 2); /* delivered again, and acknowledged again */
	bk_twin_reboot(cast.officer);
	bk_twin_pass(&twin, 1000);
	assert_int_equal(bk_twin_kept(cast.officer, m), 1);
	assert_int_equal(bk_twin_count(cast.officer, "message", "what", "tweemaal bezorgd"), 1);
	assert_int_equal(bk_twin_count(cast.officer, "undecryptable", NULL, NULL), 0);
}

/* A duplicate that we do not hold (an older store came back): a visible loss, and a way on. */
static void test_duplicate_not_held_m1(void **state)
{
	unsigned lost = 0;
	char id[BK_ID_TEXT];
	bk_id m;

	(void)state;
	twin.tap = lose_acks;
	twin.tap_arg = &lost;
	m = report("gelezen en weer kwijt");
	bk_twin_cut(cast.officer, true);
	twin.tap = NULL;
	bk_twin_erase(cast.officer, "seen/");
	bk_twin_erase(cast.officer, "item/");
	bk_twin_erase(cast.officer, "itime/");
	bk_twin_cut(cast.officer, false);
	bk_twin_pass(&twin, 5 * MINUTE);
	assert_int_equal(bk_twin_count(cast.officer, "undecryptable", "message", bk_id_text(m, id)), 1);
	assert_int_equal(bk_twin_kept(cast.officer, m), 0);
	assert_int_equal(bk_twin_call(cast.officer, json_pack("{s:s, s:s}", "cmd", "ask-again", "message", id), NULL), 0);
	bk_twin_pass(&twin, 11 * MINUTE);
	assert_int_equal(bk_twin_kept(cast.officer, m), 1);
	bk_twin_forget(cast.officer);
}

/* ---- M10 ---- */

struct swap {
	bk_id a, b;
	unsigned n;
};

/* The server gives each the other's capsule. */
static enum bk_twin_verdict swap_capsules(void *arg, struct bk_twin_device *d, bool to_server, Baken__Frame *f)
{
	struct swap *s = arg;
	Baken__DeviceCapsule *a = NULL, *b = NULL;
	ProtobufCBinaryData t;

	if (!to_server || d != cast.person || f->kind_case != BAKEN__FRAME__KIND_SUBMIT)
		return BK_TWIN_PASS;
	for (size_t i = 0; i < f->submit->n_capsules; i++) {
		if (memcmp(f->submit->capsules[i]->device_id.data, s->a.b, BK_ID_BYTES) == 0)
			a = f->submit->capsules[i];
		if (memcmp(f->submit->capsules[i]->device_id.data, s->b.b, BK_ID_BYTES) == 0)
			b = f->submit->capsules[i];
	}
	if (!a || !b)
		return BK_TWIN_PASS;
	t = a->capsule;
	a->capsule = b->capsule;
	b->capsule = t;
	s->n++;
	return BK_TWIN_CHANGED;
}

/* Never meant for this device: counted, and nobody is frightened. */
static void test_not_for_us_m10(void **state)
{
	struct swap s = {.a = cast.officer->id, .b = cast.second->id};
	bk_id m;

	(void)state;
	twin.tap = swap_capsules;
	twin.tap_arg = &s;
	m = report("verwisseld");
	twin.tap = NULL;
	assert_int_equal(s.n, 1);
	assert_int_equal(bk_twin_kept(cast.officer, m), 0);
	assert_int_equal(bk_twin_kept(cast.vault, m), 1);
	assert_int_equal(bk_twin_count(cast.officer, "undecryptable", NULL, NULL), 0);
	assert_int_not_equal(bk_twin_rung(cast.person, m, "decrypted"), 0); /* the vault holds it */
	m = report("hierna weer gewoon");
	assert_int_equal(bk_twin_kept(cast.officer, m), 1);
	assert_int_equal(bk_twin_kept(cast.second, m), 1);
}

/* Meant for us and unreadable: its time, its sender, the error, and "ask again" that works. */
static void test_undecryptable_m10(void **state)
{
	char id[BK_ID_TEXT], sender[BK_ID_TEXT];
	json_t *e, *list = NULL;
	bk_id m;

	(void)state;
	bk_twin_erase(cast.second, "signal/session/");
	bk_twin_pass(&twin, MINUTE);
	m = report("onleesbaar");
	e = bk_twin_take(cast.second, "undecryptable", "message", bk_id_text(m, id));
	assert_non_null(e);
	assert_true(json_integer_value(json_object_get(e, "stored_ms")) > 0);
	assert_string_equal(str(e, "sender"), bk_id_text(cast.person->id, sender));
	assert_true(*str(e, "text"));
	json_decref(e);
	bk_twin_reboot(cast.second);
	bk_twin_pass(&twin, 1000);
	assert_int_equal(bk_twin_call(cast.second, json_pack("{s:s}", "cmd", "unreadable"), &list), 0);
	assert_int_equal(json_array_size(json_object_get(list, "items")), 1); /* it is still there after a restart */
	assert_string_equal(str(json_array_get(json_object_get(list, "items"), 0), "message"), id);
	json_decref(list);
	assert_int_equal(bk_twin_call(cast.second, json_pack("{s:s, s:s}", "cmd", "ask-again", "message", id), NULL), 0);
	assert_int_equal(bk_twin_call(cast.second, json_pack("{s:s, s:s}", "cmd", "ask-again", "message", id), NULL), BK_E_RATE);
	bk_twin_pass(&twin, 11 * MINUTE);
	assert_int_equal(bk_twin_kept(cast.second, m), 1);
	assert_int_equal(bk_twin_call(cast.second, json_pack("{s:s}", "cmd", "unreadable"), &list), 0);
	assert_int_equal(json_array_size(json_object_get(list, "items")), 0);
	json_decref(list);
	m = report("en weer goed");
	assert_int_equal(bk_twin_kept(cast.second, m), 1);
	bk_twin_forget(cast.second);
}

/* ---- garbled by the server ---- */

static enum bk_twin_verdict garble(void *arg, struct bk_twin_device *d, bool to_server, Baken__Frame *f)
{
	unsigned *left = arg;

	if (to_server || d != cast.officer || f->kind_case != BAKEN__FRAME__KIND_DELIVER || !*left)
		return BK_TWIN_PASS;
	--*left;
	f->deliver->items[0]->body.data[7] ^= 1;
	return BK_TWIN_CHANGED;
}

static void test_garbled_body(void **state)
{
	unsigned left = 2;
	bk_id m;

	(void)state;
	twin.tap = garble;
	twin.tap_arg = &left;
	m = report("onderweg verminkt");
	bk_twin_pass(&twin, 10 * MINUTE);
	twin.tap = NULL;
	assert_int_equal(left, 0);
	assert_int_equal(bk_twin_kept(cast.officer, m), 1); /* delivered again: the ratchet had not moved */
	assert_int_equal(bk_twin_count(cast.officer, "undecryptable", NULL, NULL), 0);
}

/* M16: five times garbled is a dead letter; the sender hears of it. */
static void test_dead_letter_m16(void **state)
{
	unsigned left = 100;
	char id[BK_ID_TEXT];
	bk_id m;

	(void)state;
	twin.tap = garble;
	twin.tap_arg = &left;
	m = report("steeds verminkt");
	bk_twin_pass(&twin, 60 * MINUTE);
	twin.tap = NULL;
	assert_int_equal(left, 95);
	assert_int_equal(bk_twin_count(cast.person, "dead-letter", "message", bk_id_text(m, id)), 1);
	assert_int_not_equal(bk_twin_rung(cast.person, m, "decrypted"), 0);
	m = report("maar niet meer daarna");
	assert_int_equal(bk_twin_kept(cast.officer, m), 1);
}

/* ---- who may be read ---- */

/* R12: a withdrawn device is cut, forgets everything, and hears nothing more. */
static void test_revoked_r12(void **state)
{
	struct bk_twin_device *tablet = bk_twin_enrol(&twin, "Tablet", BAKEN__ROLE__ROLE_PERSON, BK_TWIN_PERSON);
	json_t *status = NULL;
	bk_id m;

	(void)state;
	bk_twin_pass(&twin, MINUTE);
	m = report("ook op het andere toestel");
	assert_int_equal(bk_twin_kept(tablet, m), 1);
	bk_twin_revoke(tablet);
	assert_int_equal(bk_twin_count(tablet, "revoked", NULL, NULL), 1);
	assert_int_equal(bk_twin_call(tablet, json_pack("{s:s}", "cmd", "status"), &status), 0);
	assert_false(json_is_true(json_object_get(status, "enrolled")));
	json_decref(status);
	assert_int_equal(bk_twin_call(tablet, json_pack("{s:s}", "cmd", "messages"), NULL), BK_E_STATE);
	m = report("niet meer daar");
	bk_twin_pass(&twin, MINUTE);
	assert_int_not_equal(bk_twin_rung(cast.person, m, "decrypted"), 0);
	assert_int_equal(bk_twin_count(tablet, "message", "what", "niet meer daar"), 0);
}

/* Sent before its device was withdrawn: read, or shown as what it is; never gone without a word. */
static void test_from_revoked(void **state)
{
	struct bk_twin_device *other = bk_twin_enrol(&twin, "Telefoon 2", BAKEN__ROLE__ROLE_PERSON, BK_TWIN_PERSON);
	bk_id m;

	(void)state;
	bk_twin_pass(&twin, MINUTE);
	bk_twin_cut(cast.officer, true);
	bk_twin_settle(&twin);
	m = bk_twin_do(other, json_pack("{s:s, s:s}", "cmd", "report", "what", "van een ander"));
	bk_twin_revoke(other);
	bk_twin_cut(cast.officer, false);
	bk_twin_pass(&twin, 6 * MINUTE);
	assert_int_equal(bk_twin_kept(cast.officer, m) +
		bk_twin_count(cast.officer, "undecryptable", "error", "BK_E_UNTRUSTED"), 1);
	bk_twin_forget(cast.officer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ack_lost_m1),
		cmocka_unit_test(test_duplicate_not_held_m1),
		cmocka_unit_test(test_not_for_us_m10),
		cmocka_unit_test(test_undecryptable_m10),
		cmocka_unit_test(test_garbled_body),
		cmocka_unit_test(test_dead_letter_m16),
		cmocka_unit_test(test_revoked_r12),
		cmocka_unit_test(test_from_revoked),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
