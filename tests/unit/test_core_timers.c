/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Timers from end to end: armed, moved on, ended, missed; and that neither side alone can read the last place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "body.h"
#include "twin.h"
#include "watch.h"

#define MINUTE 60000u

static struct bk_twin twin;
static struct bk_twin_cast cast;

static int setup(void **state)
{
	(void)state;
	bk_twin_cast(&twin, "timers", &cast);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	bk_twin_close(&twin);
	return 0;
}

static const char *str(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static json_int_t num(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

static void start_it(struct bk_twin_device *d, json_t *command, char id[static BK_ID_TEXT])
{
	json_t *reply = NULL;

	assert_int_equal(bk_twin_call(d, command, &reply), 0);
	assert_string_equal(str(reply, "state"), "asked");
	assert_false(json_is_true(json_object_get(reply, "confirmed")));
	snprintf(id, BK_ID_TEXT, "%s", str(reply, "watch"));
	json_decref(reply);
	bk_twin_settle(&twin);
}

static json_t *journey(unsigned minutes)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:i, s:i, s:f, s:f, s:i, s:i, s:s}", "cmd", "watch-start", "kind", "journey", "what",
		"van werk naar huis", "where", "thuis", "minutes", (int)minutes, "grace_minutes", 5, "latitude", 52.0907,
		"longitude", 5.1214, "accuracy_m", 20, "battery", 64, "note", "langs het spoor");
}

/* The row of a timer as a device lists it; NULL. */
static json_t *item_of(struct bk_twin_device *d, const char *id)
{
	json_t *list = NULL, *row, *found = NULL;
	size_t i;

	assert_int_equal(bk_twin_call(d, json_pack("{s:s}", "cmd", "watches"), &list), 0);
	json_array_foreach(json_object_get(list, "items"), i, row)
		if (strcmp(str(row, "watch"), id) == 0)
			found = json_incref(row);
	json_decref(list);
	return found;
}

static void expect(struct bk_twin_device *d, const char *id, const char *state)
{
	json_t *item = item_of(d, id);

	assert_non_null(item);
	assert_string_equal(str(item, "state"), state);
	json_decref(item);
}

static bool confirmed(struct bk_twin_device *d, const char *id)
{
	json_t *item = item_of(d, id);
	bool yes = json_is_true(json_object_get(item, "confirmed"));

	json_decref(item);
	return yes;
}

static int act(const char *cmd, const char *id, const char *key, json_t *value)
{
	json_t *c = json_pack("{s:s, s:s}", "cmd", cmd, "watch", id);
	int err;

	if (key)
		json_object_set_new(c, key, value);
	err = bk_twin_call(cast.person, c, NULL);
	bk_twin_settle(&twin);
	return err;
}

/* On the way, home in time: the desk knew until when, never where; nothing was raised. */
static void test_home_safe(void **state)
{
	char id[BK_ID_TEXT];
	json_t *item;

	(void)state;
	start_it(cast.person, journey(60), id);
	expect(cast.person, id, "armed");
	assert_true(confirmed(cast.person, id));
	item = item_of(cast.officer, id);
	assert_string_equal(str(item, "state"), "armed");
	assert_string_equal(str(item, "where"), "thuis");
	assert_null(json_object_get(item, "last"));
	json_decref(item);
	bk_twin_pass(&twin, 46 * MINUTE);
	expect(cast.person, id, "warning");
	assert_int_equal(act("watch-safe", id, NULL, NULL), 0);
	expect(cast.person, id, "ended");
	assert_true(confirmed(cast.person, id));
	expect(cast.officer, id, "ended");
	bk_twin_forget(cast.officer);
	bk_twin_pass(&twin, 60 * MINUTE);
	assert_int_equal(bk_twin_count(cast.officer, "case", NULL, NULL), 0);
	assert_int_equal(act("watch-safe", id, NULL, NULL), BK_E_STATE);
	assert_int_equal(act("watch-extend", id, "minutes", json_integer(9)), BK_E_STATE);
}

/* Missed: the desk has an alarm case with the last place; the person sees that it was raised. */
static void test_missed(void **state)
{
	char id[BK_ID_TEXT];
	json_t *item, *last, *event;

	(void)state;
	start_it(cast.person, journey(30), id);
	bk_twin_pass(&twin, 31 * MINUTE);
	expect(cast.person, id, "late");
	expect(cast.officer, id, "late");
	bk_twin_pass(&twin, 5 * MINUTE);
	expect(cast.person, id, "fired");
	item = item_of(cast.officer, id);
	assert_string_equal(str(item, "state"), "fired");
	last = json_object_get(item, "last");
	assert_non_null(last);
	assert_true(json_number_value(json_object_get(last, "latitude")) > 52.09 &&
		json_number_value(json_object_get(last, "latitude")) < 52.091);
	assert_string_equal(str(last, "note"), "langs het spoor");
	assert_int_equal(num(last, "battery"), 64);
	assert_null(json_object_get(last, "down_ms"));
	json_decref(item);
	event = bk_twin_take(cast.officer, "case", "change", "missed");
	assert_non_null(event);
	json_decref(event);
	expect(cast.vault, id, "fired");
	/* The person turns up: the timer runs anew. */
	assert_int_equal(act("watch-extend", id, "minutes", json_integer(20)), 0);
	expect(cast.person, id, "armed");
}

static void test_extend(void **state)
{
	char id[BK_ID_TEXT];

	(void)state;
	start_it(cast.person, journey(30), id);
	bk_twin_pass(&twin, 28 * MINUTE);
	assert_int_equal(act("watch-extend", id, "minutes", json_integer(30)), 0);
	expect(cast.person, id, "armed");
	bk_twin_pass(&twin, 20 * MINUTE);
	expect(cast.officer, id, "armed");
	assert_int_equal(act("watch-extend", id, "minutes", json_integer(0)), BK_E_INVAL);
	assert_int_equal(act("watch-extend", id, "minutes", json_integer(44641)), BK_E_INVAL);
}

/* A check-in that comes round again: each answer starts the next period, and the one that fails is missed. */
static void test_check_in(void **state)
{
	char id[BK_ID_TEXT];

	(void)state;
	start_it(cast.person,
		json_pack("{s:s, s:s, s:i, s:i}", "cmd", "watch-start", "kind", "check-in", "interval_minutes", 60, "grace_minutes", 10), id);
	for (unsigned i = 0; i < 4; i++) {
		bk_twin_pass(&twin, 55 * MINUTE);
		assert_int_equal(act("watch-safe", id, NULL, NULL), 0);
		expect(cast.person, id, "armed");
	}
	bk_twin_pass(&twin, 71 * MINUTE);
	expect(cast.officer, id, "fired");
}

/* It takes the PIN; a wrong one calls nothing off. */
static void test_cancel(void **state)
{
	char id[BK_ID_TEXT];

	(void)state;
	start_it(cast.person, journey(30), id);
	assert_int_equal(act("watch-cancel", id, "pin", json_string("000000")), BK_E_PASSPHRASE);
	expect(cast.person, id, "armed");
	assert_int_equal(act("watch-cancel", id, "pin", json_string(BK_TWIN_PIN)), 0);
	expect(cast.person, id, "ended");
	expect(cast.officer, id, "ended");
}

/* With the second PIN it looks called off, and at the desk it is not. */
static void test_cancel_under_duress(void **state)
{
	char id[BK_ID_TEXT];

	(void)state;
	start_it(cast.person, journey(30), id);
	assert_int_equal(act("watch-cancel", id, "pin", json_string(BK_TWIN_SECOND_PIN)), 0);
	expect(cast.person, id, "ended");
	expect(cast.officer, id, "armed");
	bk_twin_pass(&twin, 40 * MINUTE);
	expect(cast.officer, id, "late");
}

/* Without a network: the warning comes all the same, and what the server does not know is said. */
static void test_offline(void **state)
{
	char id[BK_ID_TEXT];
	json_t *item;
	json_int_t known;

	(void)state;
	start_it(cast.person, journey(30), id);
	item = item_of(cast.person, id);
	known = num(item, "known_due_ms");
	json_decref(item);
	bk_twin_cut(cast.person, true);
	bk_twin_pass(&twin, 10 * MINUTE);
	assert_int_equal(act("watch-extend", id, "minutes", json_integer(120)), 0);
	item = item_of(cast.person, id);
	assert_string_equal(str(item, "state"), "asked");
	assert_false(json_is_true(json_object_get(item, "confirmed")));
	assert_int_equal(num(item, "known_due_ms"), known);
	assert_true(num(item, "due_ms") > known);
	json_decref(item);
	bk_twin_forget(cast.person);
	bk_twin_pass(&twin, 26 * MINUTE); /* the server knows the old time only: that one fires */
	expect(cast.officer, id, "fired");
	bk_twin_pass(&twin, 80 * MINUTE);
	assert_true(bk_twin_count(cast.person, "watch", "state", "warning") == 1);
	bk_twin_cut(cast.person, false);
	bk_twin_pass(&twin, 6 * MINUTE);
	assert_true(confirmed(cast.person, id));
}

/* Lesson R4: armed, the server dies, the time passes, it starts: fired, with how long it was down. Twice is once. */
static void test_server_down(void **state)
{
	char id[BK_ID_TEXT];
	json_t *item, *last;

	(void)state;
	start_it(cast.person, journey(30), id);
	bk_twin_pass(&twin, 10 * MINUTE);
	bk_twin_stop(&twin);
	bk_twin_cut(cast.person, true); /* and the phone is gone, too */
	bk_twin_pass(&twin, 120 * MINUTE);
	bk_twin_start(&twin);
	bk_twin_pass(&twin, 10 * MINUTE);
	item = item_of(cast.officer, id);
	assert_string_equal(str(item, "state"), "fired");
	last = json_object_get(item, "last");
	assert_in_range(num(last, "down_ms"), 94 * MINUTE, 96 * MINUTE);
	assert_in_range(num(last, "late_ms"), 99 * MINUTE, 101 * MINUTE);
	json_decref(item);
	bk_twin_forget(cast.officer);
	bk_twin_stop(&twin);
	bk_twin_start(&twin);
	bk_twin_pass(&twin, 10 * MINUTE);
	assert_int_equal(bk_twin_count(cast.officer, "case", "change", "missed"), 0);
}

/* Withdrawn since: what it left behind speaks for its person all the same. */
static void test_withdrawn_phone(void **state)
{
	char id[BK_ID_TEXT];
	json_t *item;

	(void)state;
	start_it(cast.person, journey(30), id);
	bk_twin_pass(&twin, MINUTE);
	bk_twin_revoke(cast.person);
	bk_twin_pass(&twin, 40 * MINUTE);
	item = item_of(cast.officer, id);
	assert_string_equal(str(item, "state"), "fired");
	assert_non_null(json_object_get(json_object_get(item, "last"), "latitude"));
	json_decref(item);
}

/* Everything that crosses the line to the server, kept. */
struct wire_log {
	uint8_t body[BK_BODY_MAX];
	size_t len;
	bk_id watch;
	uint64_t counter;
	bool leaked;
};

static enum bk_twin_verdict look(void *arg, struct bk_twin_device *d, bool to_server, Baken__Frame *f)
{
	struct wire_log *w = arg;
	size_t n = baken__frame__get_packed_size(f);
	uint8_t *bytes = malloc(n);

	(void)d;
	assert_non_null(bytes);
	baken__frame__pack(f, bytes);
	w->leaked |= memmem(bytes, n, "langs het spoor", 15) != NULL || memmem(bytes, n, "thuis", 5) != NULL;
	free(bytes);
	if (to_server && f->kind_case == BAKEN__FRAME__KIND_WATCH_ARM) {
		w->len = f->watch_arm->body.len;
		memcpy(w->body, f->watch_arm->body.data, w->len);
		memcpy(w->watch.b, f->watch_arm->watch_id.data, BK_ID_BYTES);
		w->counter = f->watch_arm->counter;
	}
	return BK_TWIN_PASS;
}

static int try_key(const struct wire_log *w, const uint8_t key[static BK_KEY_BYTES])
{
	uint8_t *out = NULL;
	size_t n = 0;
	int err = bk_body_open(bk_watch_message_id(w->watch, w->counter), bk_hash_of(w->body, w->len), key, w->body, w->len,
		&out, &n);

	if (!err)
		assert_non_null(memmem(out, n, "langs het spoor", 15));
	free(out);
	return err;
}

/* W as the desk keeps it: read from an officer's store. */
static void desk_key(const char *id, uint8_t key[static BK_KEY_BYTES])
{
	uint8_t raw[10 + BK_ID_BYTES] = "watchplan/", *value = NULL;
	size_t len = 0;
	json_t *plan;
	bk_id watch;

	assert_int_equal(bk_id_parse(id, &watch), 0);
	memcpy(raw + 10, watch.b, BK_ID_BYTES);
	assert_int_equal(bk_kv_get(cast.officer->kv, raw, sizeof raw, &value, &len), 0);
	assert_null(memmem(value, len, "langs het spoor", 15)); /* the desk alone has no note, and no place */
	assert_null(memmem(value, len, "latitude", 8));
	plan = json_loadb((const char *)value, len, 0, NULL);
	free(value);
	assert_int_equal(bk_hex_decode(key, BK_KEY_BYTES, str(plan, "key")), 0);
	json_decref(plan);
}

/*
 * The server's bytes with every key that the server has: no. The desk's key without the body: nothing to read. Both
 * together: yes.
 */
static void test_neither_alone(void **state)
{
	struct wire_log *w = calloc(1, sizeof *w);
	uint8_t key[BK_KEY_BYTES], seal[32];
	char id[BK_ID_TEXT];

	(void)state;
	assert_non_null(w);
	twin.tap = look;
	twin.tap_arg = w;
	start_it(cast.person, journey(30), id);
	bk_twin_pass(&twin, MINUTE);
	assert_true(w->len > 0);
	assert_false(w->leaked);
	bk_sample_fill(seal, sizeof seal, 77); /* the store's */
	assert_int_equal(try_key(w, seal), BK_E_DECRYPT);
	assert_int_equal(try_key(w, twin.server.receipt_secret), BK_E_DECRYPT);
	assert_int_equal(try_key(w, twin.server.root_key), BK_E_DECRYPT);
	assert_int_equal(bk_watch_body_key(seal, w->watch, w->counter, key), 0);
	assert_int_equal(try_key(w, key), BK_E_DECRYPT);
	desk_key(id, seal);
	assert_int_equal(try_key(w, seal), BK_E_DECRYPT); /* W itself opens nothing: only what is derived for this arming */
	assert_int_equal(bk_watch_body_key(seal, w->watch, w->counter, key), 0);
	assert_int_equal(try_key(w, key), 0);
	twin.tap = NULL;
	free(w);
}

/* Killed after each input: nothing is armed twice, lost, or said to be what it is not. */
static void test_reboots(void **state)
{
	char id[BK_ID_TEXT];

	(void)state;
	start_it(cast.person, journey(30), id);
	bk_twin_reboot(cast.person);
	bk_twin_settle(&twin);
	bk_twin_pass(&twin, MINUTE);
	expect(cast.person, id, "armed");
	bk_twin_reboot(cast.officer);
	bk_twin_pass(&twin, 36 * MINUTE);
	expect(cast.person, id, "fired");
	expect(cast.second, id, "fired");
}

static int count(void *arg, const void *key, size_t key_len, const void *value, size_t len)
{
	(void)key, (void)key_len, (void)value, (void)len;
	++*(size_t *)arg;
	return 0;
}

static size_t kept(struct bk_twin_device *d)
{
	size_t n = 0;

	assert_int_equal(bk_kv_each(d->kv, "watchplan/", strlen("watchplan/"), count, &n), 0);
	assert_int_equal(bk_kv_each(d->kv, "watchfired/", strlen("watchfired/"), count, &n), 0);
	return n;
}

/* M7: neither plan nor key nor what was delivered stays at a desk or its vault for ever. */
static void test_nothing_stays_for_ever(void **state)
{
	char id[BK_ID_TEXT];

	(void)state;
	start_it(cast.person, journey(30), id);
	bk_twin_pass(&twin, 36 * MINUTE);
	expect(cast.officer, id, "fired");
	bk_twin_wind(bk_twin_now() + 89 * BK_SAMPLE_DAY);
	bk_twin_pass(&twin, 61 * MINUTE);
	assert_int_equal(kept(cast.officer), 2);
	assert_int_equal(kept(cast.vault), 2);
	bk_twin_wind(bk_twin_now() + BK_SAMPLE_DAY);
	bk_twin_pass(&twin, 61 * MINUTE);
	assert_int_equal(kept(cast.officer), 0);
	assert_int_equal(kept(cast.vault), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(test_home_safe), T(test_missed), T(test_extend), T(test_check_in), T(test_cancel),
		T(test_cancel_under_duress), T(test_offline), T(test_server_down), T(test_withdrawn_phone),
		T(test_neither_alone), T(test_reboots), T(test_nothing_stays_for_ever),
#undef T
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
