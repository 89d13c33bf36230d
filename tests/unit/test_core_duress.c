/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Story D among cores and a server: a session under duress is, on the wire and on the screen, the other one to the
 * byte; the desk alone knows (R6). Two worlds live the same life, one of them under duress, and are compared.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "pin.h"
#include "tmp.h"
#include "twin.h"

#define TRACE_MAX 65536u

struct life {
	char wire[TRACE_MAX], screen[TRACE_MAX]; /* frames with their sizes; what the person's screens were told */
	size_t n_wire, n_screen;
};

static struct bk_twin twin;
static struct bk_twin_cast cast;
static struct bk_twin_device *tablet;

/* ---- what an onlooker sees ---- */

static enum bk_twin_verdict note_frame(void *arg, struct bk_twin_device *d, bool to_server, Baken__Frame *f)
{
	struct life *l = arg;

	if (d == cast.person)
		l->n_wire += (size_t)snprintf(l->wire + l->n_wire, TRACE_MAX - l->n_wire, "%c %d %zu\n", to_server ? '>' : '<',
			(int)f->kind_case, baken__frame__get_packed_size(f));
	assert_true(l->n_wire < TRACE_MAX);
	return BK_TWIN_PASS;
}

/* Ids, hashes and numbers differ from life to life; words do not. */
static void note_screen(struct life *l, json_t *o)
{
	char *text = json_dumps(o, JSON_COMPACT | JSON_SORT_KEYS);

	for (const char *p = text; *p;) {
		size_t n = strspn(p, "0123456789abcdef");
		bool id = n >= 32, number = isdigit((unsigned char)*p) && n;

		if (number && !id)
			n = strspn(p, "0123456789");
		if (id || number)
			l->screen[l->n_screen++] = '#';
		else
			l->screen[l->n_screen++] = *p;
		p += id || number ? n : 1;
		assert_true(l->n_screen + 2 < TRACE_MAX);
	}
	l->screen[l->n_screen++] = '\n';
	l->screen[l->n_screen] = '\0';
	free(text);
}

static void note_answer(struct life *l, struct bk_twin_device *d, const char *cmd)
{
	json_t *reply = NULL;

	assert_int_equal(bk_twin_call(d, json_pack("{s:s}", "cmd", cmd), &reply), 0);
	note_screen(l, reply);
	json_decref(reply);
}

static void note_events(struct life *l, struct bk_twin_device *d)
{
	for (size_t i = 0; i < json_array_size(d->events); i++)
		note_screen(l, json_array_get(d->events, i));
}

static bk_id report(const char *what)
{
	return bk_twin_do(cast.person, json_pack("{s:s, s:s, s:s}", "cmd", "report", "what", what, "urgency", "today"));
}

static void unlock(bool second)
{
	cast.person->unlocked = true;
	cast.person->duress = second;
	bk_twin_reboot(cast.person);
	bk_twin_do(cast.person, json_pack("{s:s}", "cmd", "connect"));
	bk_twin_settle(&twin);
}

static void open_world(void)
{
	bk_twin_cast(&twin, "duress", &cast);
	tablet = bk_twin_enrol(&twin, "Tablet", BAKEN__ROLE__ROLE_PERSON, BK_TWIN_PERSON);
	bk_twin_pass(&twin, 5000);
}

/* Unlocks, writes, is answered, drills, looks at everything. */
static void live(struct life *l, bool second)
{
	bk_id r;
	char text[BK_ID_TEXT];

	memset(l, 0, sizeof *l);
	open_world();
	bk_twin_forget(cast.person);
	bk_twin_forget(tablet);
	bk_twin_forget(cast.officer);
	twin.tap = note_frame;
	twin.tap_arg = l;
	unlock(second);
	r = report("Er staat een auto");
	bk_twin_pass(&twin, 1000); /* what happens in one millisecond is listed in any order */
	bk_twin_do(cast.officer, json_pack("{s:s, s:s}", "cmd", "claim", "case", bk_id_text(r, text)));
	bk_twin_do(cast.officer, json_pack("{s:s, s:s, s:s}", "cmd", "reply", "to", bk_id_text(r, text), "text", "Wij kijken"));
	bk_twin_pass(&twin, 1000);
	bk_twin_do(cast.person, json_pack("{s:s, s:s, s:s}", "cmd", "send", "to", "desk", "text", "Dank u"));
	bk_twin_pass(&twin, 1000);
	bk_twin_do(cast.person, json_pack("{s:s}", "cmd", "drill"));
	bk_twin_do(cast.person, json_pack("{s:s, s:i, s:i}", "cmd", "health", "allowed", 0, "asked", 1));
	bk_twin_pass(&twin, 90000);
	twin.tap = NULL;
	note_events(l, cast.person);
	note_events(l, tablet);
	note_answer(l, cast.person, "status");
	note_answer(l, cast.person, "reports");
	note_answer(l, cast.person, "messages");
	note_answer(l, cast.person, "receipts");
	note_answer(l, tablet, "messages");
	cast.person->duress = false; /* a later session of the person's own */
	bk_twin_reboot(cast.person);
	note_answer(l, cast.person, "reports");
	note_answer(l, cast.person, "messages");
}

static size_t told_of_duress(struct bk_twin_device *d)
{
	return bk_twin_count(d, "case", "change", "duress");
}

/* A line more or less, or one byte, would tell who listens. */
static void first_difference(const char *a, const char *b)
{
	size_t i = 0, from;

	while (a[i] && a[i] == b[i])
		i++;
	from = i > 200 ? i - 200 : 0;
	if (a[i] != b[i])
		fail_msg("differs at %zu:\n%.400s\nbut\n%.400s", i, a + from, b + from);
}

static void wire_and_screens_are_equal(void **state)
{
	struct life *calm = malloc(sizeof *calm), *forced = malloc(sizeof *forced);

	(void)state;
	live(calm, false);
	assert_int_equal(told_of_duress(cast.officer), 0);
	bk_twin_close(&twin);
	live(forced, true);
	assert_true(told_of_duress(cast.officer) >= 3); /* the unlocking, the report, the message */
	first_difference(calm->wire, forced->wire);
	assert_string_equal(calm->wire, forced->wire);
	first_difference(calm->screen, forced->screen);
	assert_string_equal(calm->screen, forced->screen);
	assert_true(calm->n_wire > 200 && calm->n_screen > 1000);
	assert_null(strstr(forced->screen, "duress"));
	bk_twin_close(&twin);
	free(calm);
	free(forced);
}

static json_t *case_event(struct bk_twin_device *d)
{
	return bk_twin_take(d, "case", "change", "duress");
}

static void desk_is_told_what_not_to_do(void **state)
{
	json_t *event, *again;

	(void)state;
	open_world();
	bk_twin_forget(cast.officer);
	unlock(true);
	event = case_event(cast.officer);
	assert_non_null(event);
	assert_non_null(strstr(json_string_value(json_object_get(event, "text")), "Do not call"));
	assert_non_null(strstr(json_string_value(json_object_get(event, "what")), "being forced"));
	report("Iets");
	again = case_event(cast.officer);
	assert_non_null(again);
	assert_string_not_equal(json_string_value(json_object_get(event, "case")),
		json_string_value(json_object_get(again, "case"))); /* a report's own case says so too */
	json_decref(event);
	json_decref(again);
	bk_twin_do(cast.person, json_pack("{s:s, s:i, s:i}", "cmd", "health", "allowed", 0, "asked", 1));
	event = case_event(cast.officer); /* no second case for what belongs to none */
	assert_non_null(event);
	bk_twin_forget(cast.officer);
	unlock(false);
	report("Later, weer vrij");
	assert_int_equal(told_of_duress(cast.officer), 0);
	json_decref(event);
	bk_twin_close(&twin);
}

/* The vault, a second officer and a device that comes later agree on the event, whoever reads it first. */
static void every_desk_device_makes_the_same_event(void **state)
{
	json_t *a, *b;

	(void)state;
	open_world();
	bk_twin_forget(cast.officer);
	bk_twin_forget(cast.second);
	unlock(true);
	a = case_event(cast.officer);
	b = case_event(cast.second);
	assert_string_equal(json_string_value(json_object_get(a, "case")), json_string_value(json_object_get(b, "case")));
	json_decref(a);
	json_decref(b);
	bk_twin_close(&twin);
}

/* Given to a command, the second PIN is as right as the first, and the session is under duress from then on. */
static void second_pin_given_to_a_command(void **state)
{
	(void)state;
	open_world();
	bk_twin_forget(cast.officer);
	unlock(false);
	assert_int_equal(bk_pin_check(cast.person->core, "000000"), BK_E_PASSPHRASE);
	assert_true(bk_pin_ok(cast.person->core, BK_TWIN_PIN));
	assert_false(bk_pin_duress(cast.person->core));
	report("Vrij");
	assert_int_equal(told_of_duress(cast.officer), 0);
	assert_true(bk_pin_ok(cast.person->core, BK_TWIN_SECOND_PIN));
	assert_true(bk_pin_ok(cast.person->core, BK_TWIN_PIN)); /* the first does not lift it: only locking does */
	assert_true(bk_pin_duress(cast.person->core));
	report("Gedwongen");
	assert_int_equal(told_of_duress(cast.officer), 1);
	bk_twin_close(&twin);
}

/* What was written free and waits, stays so; what is asked again after years of freedom says what it said. */
static void queued_before_says_what_it_said(void **state)
{
	(void)state;
	open_world();
	bk_twin_forget(cast.officer);
	bk_twin_cut(cast.person, true);
	unlock(true);
	report("Geschreven onder dwang, zonder verbinding");
	cast.person->duress = false;
	bk_twin_reboot(cast.person);
	bk_twin_cut(cast.person, false);
	bk_twin_do(cast.person, json_pack("{s:s}", "cmd", "connect"));
	bk_twin_pass(&twin, 10000);
	assert_true(told_of_duress(cast.officer) >= 1);
	bk_twin_close(&twin);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wire_and_screens_are_equal),
		cmocka_unit_test(desk_is_told_what_not_to_do),
		cmocka_unit_test(every_desk_device_makes_the_same_event),
		cmocka_unit_test(second_pin_given_to_a_command),
		cmocka_unit_test(queued_before_says_what_it_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
