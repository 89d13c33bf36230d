/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Alarms: a countdown that survives the process, one frame and nothing before it, old lists and missing devices that
 * stop nothing (M6), what the screen says at each step, the desk's case, its fall-back (R12, R14), places.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "alarm.h"
#include "err.h"
#include "twin.h"

#define SECOND 1000u
#define MINUTE 60000u
#define DAY BK_SAMPLE_DAY

static struct bk_twin twin;
static struct bk_twin_cast cast;
static struct bk_twin_device *backup;
static struct bk_stats before; /* each enrolment ends with a drill of its own */

/* What the person's device says to the server, by name. */
static struct {
	char said[64][24];
	size_t n, capsules, targets;
	Baken__Class class;
} line;

static enum bk_twin_verdict hear(void *arg, struct bk_twin_device *d, bool to_server, Baken__Frame *f)
{
	(void)arg;
	if (d != cast.person || !to_server || line.n == 64)
		return BK_TWIN_PASS;
	snprintf(line.said[line.n++], 24, "%s", bk_frame_kind_name(f->kind_case));
	if (f->kind_case == BAKEN__FRAME__KIND_SUBMIT) {
		line.capsules = f->submit->n_capsules;
		line.targets = f->submit->n_targets;
		line.class = f->submit->class_;
	}
	return BK_TWIN_PASS;
}

static int setup(void **state)
{
	(void)state;
	backup = NULL;
	bk_twin_cast(&twin, "alarm", &cast);
	memset(&line, 0, sizeof line);
	twin.tap = hear;
	before = twin.server.stats;
	return 0;
}

/* The same with a fall-back desk, one officer on duty there. */
static int setup_backed(void **state)
{
	setup(state);
	twin.backed = true;
	backup = bk_twin_enrol(&twin, "Vervanging", BAKEN__ROLE__ROLE_OFFICER, BK_TWIN_BACKUP);
	bk_twin_do(backup, json_pack("{s:s, s:b}", "cmd", "duty", "on", 1));
	assert_int_equal(bk_twin_sign(&twin, BK_TWIN_DESK), 0);
	bk_twin_pass(&twin, MINUTE);
	for (size_t i = 0; i < twin.n_devices; i++)
		bk_twin_forget(&twin.devices[i]);
	before = twin.server.stats;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	bk_twin_close(&twin);
	return 0;
}

static json_t *command(const char *name)
{
	return json_pack("{s:s}", "cmd", name);
}

static void arm(void)
{
	assert_int_equal(bk_twin_call(cast.person, command("alarm-arm"), NULL), 0);
	bk_twin_settle(&twin);
}

static size_t said(const char *state)
{
	return bk_twin_count(cast.person, "alarm", "state", state);
}

static size_t boards(struct bk_twin_device *d)
{
	json_t *board = NULL;
	size_t n;

	assert_int_equal(bk_twin_call(d, command("board"), &board), 0);
	n = json_array_size(json_object_get(board, "cases"));
	json_decref(board);
	return n;
}

static int end(const char *cmd, const char *pin, const char *reason)
{
	json_t *c = json_pack("{s:s, s:s}", "cmd", cmd, "pin", pin);

	if (reason)
		json_object_set_new(c, "reason", json_string(reason));
	return bk_twin_call(cast.person, c, NULL);
}

static void test_countdown(void **state)
{
	(void)state;
	line.n = 0;
	arm();
	assert_int_equal(said("armed"), 1);
	bk_twin_pass(&twin, 4 * SECOND);
	assert_int_equal(line.n, 0); /* nobody knows yet */
	assert_int_equal(said("sent"), 0);
	bk_twin_pass(&twin, 2 * SECOND);
	assert_int_equal(said("sent"), 1);
	assert_int_equal(said("stored"), 1);
	assert_int_equal(said("seen"), 1);
	assert_int_equal(said("no-receipt"), 0);
	assert_int_equal(boards(cast.officer), 1);
	assert_int_equal(boards(cast.second), 1);
}

static void test_cancel(void **state)
{
	(void)state;
	arm();
	assert_int_equal(end("alarm-cancel", "000000", NULL), BK_E_PASSPHRASE);
	assert_int_equal(said("cancelled"), 0);
	assert_int_equal(end("alarm-cancel", BK_TWIN_PIN, NULL), 0);
	assert_int_equal(said("cancelled"), 1);
	bk_twin_pass(&twin, MINUTE);
	assert_int_equal(said("sent"), 0);
	assert_int_equal(boards(cast.officer), 0);
	assert_int_equal(end("alarm-cancel", BK_TWIN_PIN, NULL), BK_E_STATE);
	arm();
	bk_twin_pass(&twin, 6 * SECOND);
	assert_int_equal(end("alarm-cancel", BK_TWIN_PIN, NULL), BK_E_STATE); /* too late to take it back */
	assert_int_equal(boards(cast.officer), 1);
}

/* R6: whichever PIN takes it back, the server sees the same. */
static void test_cancel_looks_the_same(void **state)
{
	const char *pins[] = {BK_TWIN_PIN, BK_TWIN_SECOND_PIN};
	size_t n[2], capsules[2];

	(void)state;
	for (int i = 0; i < 2; i++) {
		bk_twin_pass(&twin, MINUTE);
		arm();
		line.n = 0;
		line.capsules = 0;
		assert_int_equal(end("alarm-cancel", pins[i], NULL), 0);
		bk_twin_settle(&twin);
		n[i] = line.n;
		capsules[i] = line.capsules;
		assert_int_equal(line.class, BAKEN__CLASS__CLASS_URGENT);
	}
	assert_int_equal(n[0], n[1]);
	assert_int_equal(capsules[0], capsules[1]);
	assert_int_equal(said("cancelled"), 2);
}

/* kill -9 in the countdown: it goes on; one that is over at the start goes at once, with the time it was armed. */
static void test_survives(void **state)
{
	bk_ms armed = bk_twin_now();
	json_t *item, *event;

	(void)state;
	arm();
	bk_twin_reboot(cast.person);
	bk_twin_pass(&twin, 6 * SECOND);
	assert_int_equal(said("sent"), 1);
	assert_int_equal(boards(cast.officer), 1);
	assert_int_equal(end("alarm-end", BK_TWIN_PIN, "safe"), 0);
	bk_twin_pass(&twin, 2 * MINUTE);
	armed = bk_twin_now();
	arm();
	bk_twin_wind(bk_twin_now() + 20 * MINUTE);
	bk_twin_forget(cast.officer);
	bk_twin_reboot(cast.person);
	bk_twin_pass(&twin, 5 * MINUTE);
	event = bk_twin_take(cast.officer, "message", "kind", "alarm");
	assert_non_null(event);
	assert_int_equal(json_integer_value(json_object_get(event, "armed_ms")), armed);
	item = json_object_get(event, "written_ms");
	assert_true(json_integer_value(item) > (json_int_t)(armed + 19 * MINUTE)); /* and both times are told */
	json_decref(event);
}

/* One frame, and nothing between the key and it: lists, sessions and bundles were there before. */
static void test_one_frame(void **state)
{
	(void)state;
	bk_twin_pass(&twin, MINUTE);
	line.n = 0;
	assert_int_equal(bk_twin_call(cast.person, command("alarm-now"), NULL), 0);
	bk_twin_settle(&twin);
	assert_true(line.n >= 1);
	assert_string_equal(line.said[0], "submit");
	assert_int_equal(line.class, BAKEN__CLASS__CLASS_ALARM);
	for (size_t i = 0; i < line.n; i++)
		assert_true(strcmp(line.said[i], "prekeys_claim") != 0 && strcmp(line.said[i], "roster_get") != 0);
	assert_int_equal(line.targets, backup ? 2 : 1);
	assert_int_equal(line.capsules, backup ? 4 : 3); /* vault, two officers, the fall-back's */
}

/* M6: the desk's list has changed and this phone does not know: the alarm goes, and who is missing is added. */
static void test_stale_list(void **state)
{
	struct bk_twin_device *third;

	(void)state;
	bk_twin_cut(cast.person, true);
	third = bk_twin_enrol(&twin, "Dienst 3", BAKEN__ROLE__ROLE_OFFICER, BK_TWIN_DESK);
	bk_twin_do(third, json_pack("{s:s, s:b}", "cmd", "duty", "on", 1));
	bk_twin_pass(&twin, MINUTE);
	assert_int_equal(bk_twin_call(cast.person, command("alarm-now"), NULL), 0);
	bk_twin_cut(cast.person, false);
	bk_twin_pass(&twin, 5 * MINUTE);
	assert_int_equal(said("stored"), 1);
	assert_int_equal(boards(cast.officer), 1);
	assert_int_equal(boards(third), 1);
	assert_int_equal(bk_twin_count(third, "message", "kind", "alarm"), 1);
	assert_int_equal(bk_twin_count(cast.officer, "message", "kind", "alarm"), 1); /* topped up, not doubled */
}

/* A list that is far too old stops reports and no alarm. */
static void test_old_list(void **state)
{
	bk_id report;

	(void)state;
	bk_twin_cut(cast.person, true);
	bk_twin_wind(bk_twin_now() + 20 * DAY);
	assert_int_equal(bk_twin_sign(&twin, BK_TWIN_PERSON), 0); /* the desk's is old; what it answers goes by this one */
	report = bk_twin_do(cast.person, json_pack("{s:s, s:s}", "cmd", "report", "what", "Iets."));
	assert_int_equal(bk_twin_call(cast.person, command("alarm-now"), NULL), 0);
	bk_twin_cut(cast.person, false);
	bk_twin_pass(&twin, 3 * MINUTE);
	assert_int_equal(said("stored"), 1);
	assert_int_equal(said("seen"), 1);
	assert_int_equal(bk_twin_rung(cast.person, report, "stored"), 0);
}

/* No network: the screen names 112 after twenty seconds, once, and takes it back when it is stored. */
static void test_no_receipt(void **state)
{
	json_t *event;

	(void)state;
	bk_twin_cut(cast.person, true);
	assert_int_equal(bk_twin_call(cast.person, command("alarm-now"), NULL), 0);
	bk_twin_pass(&twin, 19 * SECOND);
	assert_int_equal(said("no-receipt"), 0);
	bk_twin_pass(&twin, 2 * SECOND);
	event = bk_twin_take(cast.person, "alarm", "state", "no-receipt");
	assert_non_null(event);
	assert_int_equal(json_integer_value(json_object_get(event, "after_ms")), 20000);
	assert_non_null(strstr(json_string_value(json_object_get(event, "text")), "112"));
	json_decref(event);
	bk_twin_reboot(cast.person);
	bk_twin_pass(&twin, 2 * 3600 * SECOND);
	assert_int_equal(said("no-receipt"), 0);
	bk_twin_cut(cast.person, false);
	bk_twin_pass(&twin, 20 * MINUTE);
	assert_int_equal(said("stored"), 1);
	assert_int_equal(said("seen"), 1);
}

/* Pressed again: the same alarm; a minute later another one, in the same case. */
static void test_again(void **state)
{
	json_t *first = NULL, *second = NULL, *third = NULL;

	(void)state;
	assert_int_equal(bk_twin_call(cast.person, command("alarm-now"), &first), 0);
	assert_int_equal(bk_twin_call(cast.person, command("alarm-now"), &second), 0);
	assert_true(json_equal(json_object_get(first, "message"), json_object_get(second, "message")));
	bk_twin_pass(&twin, 2 * MINUTE);
	assert_int_equal(bk_twin_call(cast.person, command("alarm-now"), &third), 0);
	assert_false(json_equal(json_object_get(first, "message"), json_object_get(third, "message")));
	bk_twin_pass(&twin, MINUTE);
	assert_int_equal(bk_twin_count(cast.officer, "message", "kind", "alarm"), 2);
	assert_int_equal(boards(cast.officer), 1);
	json_decref(first);
	json_decref(second);
	json_decref(third);
}

static void test_end(void **state)
{
	(void)state;
	assert_int_equal(end("alarm-end", BK_TWIN_PIN, "safe"), BK_E_STATE);
	assert_int_equal(bk_twin_call(cast.person, command("alarm-now"), NULL), 0);
	bk_twin_pass(&twin, MINUTE);
	assert_int_equal(end("alarm-end", BK_TWIN_PIN, "boos"), BK_E_INVAL);
	assert_int_equal(end("alarm-end", "1", "safe"), BK_E_PASSPHRASE);
	assert_int_equal(end("alarm-end", BK_TWIN_PIN, "safe"), 0);
	bk_twin_settle(&twin);
	assert_int_equal(said("ended"), 1);
	assert_int_equal(boards(cast.officer), 1); /* only the desk closes */
	assert_int_equal(bk_twin_count(cast.officer, "case", "change", "alarm-ended"), 1);
	assert_int_equal(bk_twin_count(cast.officer, "case", "state", "closed"), 0);
}

/* ---- the fall-back desk ---- */

static void test_one_frame_for_two_desks(void **state)
{
	test_one_frame(state);
	bk_twin_settle(&twin);
	assert_int_equal(boards(cast.officer), 1);
	assert_int_equal(boards(backup), 1);
	assert_int_equal(bk_twin_count(backup, "message", "kind", "alarm"), 1);
}

/* The first desk has nobody: the alarm goes to the other all the same. */
static void test_nobody_at_the_first(void **state)
{
	(void)state;
	bk_twin_do(cast.officer, json_pack("{s:s, s:b}", "cmd", "duty", "on", 0));
	bk_twin_do(cast.second, json_pack("{s:s, s:b}", "cmd", "duty", "on", 0));
	bk_twin_revoke(cast.vault);
	bk_twin_pass(&twin, MINUTE);
	assert_int_equal(bk_twin_call(cast.person, command("alarm-now"), NULL), 0);
	bk_twin_pass(&twin, MINUTE);
	assert_int_equal(said("stored"), 1);
	assert_int_equal(boards(backup), 1);
}

/* R14: a drill is one everywhere, and wakes no other desk unless it asks for it. */
static void test_drill(void **state)
{
	json_t *event;

	(void)state;
	assert_int_equal(bk_twin_call(cast.person, json_pack("{s:s, s:b}", "cmd", "alarm-now", "drill", 1), NULL), 0);
	bk_twin_pass(&twin, MINUTE);
	event = bk_twin_take(cast.officer, "message", "kind", "alarm");
	assert_true(json_is_true(json_object_get(event, "drill")));
	json_decref(event);
	event = bk_twin_take(cast.person, "alarm", "state", "stored");
	assert_true(json_is_true(json_object_get(event, "drill")));
	json_decref(event);
	assert_int_equal(boards(backup), 0);
	assert_int_equal(twin.server.stats.alarm_drills - before.alarm_drills, 1);
	assert_int_equal(twin.server.stats.alarms - before.alarms, 0);
	bk_twin_pass(&twin, 2 * MINUTE);
	assert_int_equal(bk_twin_call(cast.person, json_pack("{s:s, s:b, s:b}", "cmd", "alarm-now", "drill", 1, "full", 1),
				 NULL), 0);
	bk_twin_pass(&twin, MINUTE);
	assert_int_equal(boards(backup), 1);
}

/* R9: nothing but alarms, and what follows them, to the desk that stands in. */
static void test_nothing_else(void **state)
{
	char id[BK_ID_TEXT];

	(void)state;
	bk_id_text(twin.circles[BK_TWIN_BACKUP].id, id);
	assert_int_not_equal(bk_twin_call(cast.person, json_pack("{s:s, s:s, s:s}", "cmd", "send", "to", id, "text", "Dag"),
				     NULL), 0);
	bk_twin_pass(&twin, MINUTE);
	assert_int_equal(bk_twin_count(backup, "message", NULL, NULL), 0);
}

/* ---- the server's ladder ---- */

static void test_ladder(void **state)
{
	struct bk_stats *st = &twin.server.stats;

	(void)state;
	bk_twin_cut(cast.officer, true);
	bk_twin_cut(cast.second, true);
	bk_twin_forget(backup);
	assert_int_equal(bk_twin_call(cast.person, command("alarm-now"), NULL), 0);
	bk_twin_pass(&twin, 29 * SECOND);
	assert_int_equal(st->alarms_unseen - before.alarms_unseen, 0);
	bk_twin_pass(&twin, 2 * SECOND);
	assert_int_equal(st->alarms_unseen - before.alarms_unseen, 1);
	assert_int_equal(st->wakes - before.wakes, 2); /* the officers, not the vault */
	assert_int_equal(bk_twin_count(backup, "wake", NULL, NULL), 0);
	bk_twin_pass(&twin, 60 * SECOND);
	assert_int_equal(st->alarms_fallback - before.alarms_fallback, 1);
	assert_int_equal(bk_twin_count(backup, "wake", NULL, NULL), 1);
	bk_twin_pass(&twin, 10 * MINUTE);
	assert_int_equal(st->alarms_unseen - before.alarms_unseen, 1); /* each step once */
	assert_int_equal(st->wakes - before.wakes, 3);
	bk_twin_cut(cast.officer, false);
	bk_twin_pass(&twin, 20 * MINUTE);
	assert_int_equal(st->alarms_answered - before.alarms_answered, 1);
}

static void test_ladder_ends(void **state)
{
	(void)state;
	assert_int_equal(bk_twin_call(cast.person, command("alarm-now"), NULL), 0);
	bk_twin_pass(&twin, 10 * MINUTE);
	assert_int_equal(twin.server.stats.alarms_answered - before.alarms_answered, 1);
	assert_int_equal(twin.server.stats.wakes - before.wakes, 0);
}

/* R4: what fell due while the server was down is done at its start. */
static void test_ladder_over_a_restart(void **state)
{
	(void)state;
	bk_twin_cut(cast.officer, true);
	bk_twin_cut(cast.second, true);
	assert_int_equal(bk_twin_call(cast.person, command("alarm-now"), NULL), 0);
	bk_twin_pass(&twin, 5 * SECOND);
	bk_twin_stop(&twin);
	bk_twin_pass(&twin, 10 * MINUTE);
	bk_twin_start(&twin);
	for (int i = 0; i < 5; i++)
		bk_twin_pass(&twin, SECOND);
	assert_int_equal(twin.server.stats.alarms_unseen, 1);
	assert_int_equal(twin.server.stats.alarms_fallback, 1);
}

/* ---- places ---- */

static void fix(double latitude)
{
	assert_int_equal(bk_twin_call(cast.person, json_pack("{s:s, s:f, s:f, s:i, s:i}", "cmd", "fix", "latitude", latitude,
					      "longitude", 4.3, "accuracy_m", 12, "battery_percent", 60), NULL), 0);
	bk_twin_settle(&twin);
}

static double latest(struct bk_twin_device *d, const char *id, size_t *ret_n)
{
	json_t *shown = NULL, *list;
	double v;

	assert_int_equal(bk_twin_call(d, json_pack("{s:s, s:s}", "cmd", "case", "case", id), &shown), 0);
	list = json_object_get(shown, "fixes");
	*ret_n = json_array_size(list);
	v = json_real_value(json_object_get(json_array_get(list, 0), "latitude"));
	json_decref(shown);
	return v;
}

/* Nothing leaves without an alarm; with one, the newest at most so often; after the end nothing more. */
static void test_places(void **state)
{
	char id[BK_ID_TEXT];
	size_t n = 0, lines;
	json_t *reply = NULL;

	(void)state;
	line.n = 0;
	fix(52.0);
	bk_twin_pass(&twin, MINUTE);
	assert_int_equal(line.n, 0);
	assert_int_equal(bk_twin_call(cast.person, command("alarm-now"), &reply), 0);
	snprintf(id, sizeof id, "%s", json_string_value(json_object_get(reply, "message")));
	json_decref(reply);
	bk_twin_settle(&twin);
	assert_true(latest(cast.officer, id, &n) == 52.0); /* the place of a minute ago went along */
	assert_int_equal(n, 1);
	lines = line.n;
	for (int i = 1; i <= 60; i++) {
		fix(52.0 + i / 1000.0);
		bk_twin_pass(&twin, SECOND);
	}
	bk_twin_pass(&twin, MINUTE);
	assert_true(latest(cast.officer, id, &n) > 52.0599 && latest(cast.officer, id, &n) < 52.0601);
	assert_true(n >= 5);
	assert_true(line.n - lines < 30); /* a minute of places every second is a handful of messages */
	assert_int_equal(end("alarm-end", BK_TWIN_PIN, "safe"), 0);
	bk_twin_settle(&twin);
	lines = line.n;
	fix(53.0);
	bk_twin_pass(&twin, MINUTE);
	assert_int_equal(line.n, lines);
}

static void test_bad_places(void **state)
{
	static const double bad[][2] = {{91, 0}, {-91, 0}, {0, 181}, {0, -181}};

	(void)state;
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(bk_twin_call(cast.person, json_pack("{s:s, s:f, s:f}", "cmd", "fix", "latitude", bad[i][0],
						      "longitude", bad[i][1]), NULL), BK_E_INVAL);
	assert_int_equal(bk_twin_call(cast.person, json_pack("{s:s, s:s, s:f}", "cmd", "fix", "latitude", "52", "longitude",
					      4.0), NULL), BK_E_INVAL);
}

/* A share ends by itself, and says so. */
static void test_share(void **state)
{
	json_t *event;

	(void)state;
	assert_int_equal(bk_twin_call(cast.person, json_pack("{s:s, s:i}", "cmd", "share-location", "minutes", 10), NULL), 0);
	for (int i = 0; i < 5; i++) {
		fix(51 + i / 100.0);
		bk_twin_pass(&twin, MINUTE);
	}
	assert_true(bk_twin_count(cast.officer, "location", NULL, NULL) >= 3);
	bk_twin_forget(cast.officer);
	bk_twin_pass(&twin, 6 * MINUTE);
	event = bk_twin_take(cast.officer, "location", NULL, NULL);
	while (event && !json_is_true(json_object_get(event, "last"))) {
		json_decref(event);
		event = bk_twin_take(cast.officer, "location", NULL, NULL);
	}
	assert_non_null(event);
	json_decref(event);
	bk_twin_forget(cast.officer);
	fix(50);
	bk_twin_pass(&twin, 5 * MINUTE);
	assert_int_equal(bk_twin_count(cast.officer, "location", NULL, NULL), 0);
	assert_int_equal(bk_twin_call(cast.person, command("share-stop"), NULL), BK_E_STATE);
}

/* A list names a device before it has put its prekeys there: "none" heard then says nothing a minute later. */
static void test_an_officer_just_enrolled(void **state)
{
	struct bk_twin_device *fresh;
	char code[BK_INVITE_TEXT_MAX], id[BK_ID_TEXT];
	json_t *reply = NULL, *item;

	(void)state;
	fresh = bk_twin_invite(&twin, "Nieuwe dienst", BAKEN__ROLE__ROLE_OFFICER, BK_TWIN_DESK, code);
	bk_twin_do(fresh, json_pack("{s:s, s:s, s:s}", "cmd", "enrol", "code", code, "name", "Nieuwe dienst"));
	bk_twin_cut(fresh, true);
	assert_int_equal(bk_twin_approve(fresh, true), 0);
	bk_twin_pass(&twin, MINUTE); /* the person's device asks for prekeys that are not there yet */
	bk_twin_cut(fresh, false);
	bk_twin_pass(&twin, MINUTE);
	bk_twin_do(fresh, json_pack("{s:s, s:b}", "cmd", "duty", "on", 1));
	assert_int_equal(bk_twin_call(cast.person, command("alarm-now"), &reply), 0);
	snprintf(id, sizeof id, "%s", json_string_value(json_object_get(reply, "message")));
	json_decref(reply);
	bk_twin_settle(&twin); /* at once, not when "none" is no longer believed */
	item = bk_twin_take(fresh, "case", "case", id);
	assert_non_null(item);
	json_decref(item);
}

#define IN(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
#define BACKED(test) cmocka_unit_test_setup_teardown(test, setup_backed, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN(test_countdown),
		IN(test_cancel),
		IN(test_cancel_looks_the_same),
		IN(test_survives),
		IN(test_one_frame),
		IN(test_stale_list),
		IN(test_old_list),
		IN(test_no_receipt),
		IN(test_again),
		IN(test_end),
		BACKED(test_one_frame_for_two_desks),
		BACKED(test_nobody_at_the_first),
		BACKED(test_drill),
		BACKED(test_nothing_else),
		BACKED(test_ladder),
		IN(test_ladder_ends),
		BACKED(test_ladder_over_a_restart),
		IN(test_places),
		IN(test_bad_places),
		IN(test_share),
		IN(test_an_officer_just_enrolled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
