/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Story D with real programs: unlocked under duress. Everything works and looks done; the desk alone knows (R6). The
 * bytes on the line are compared in test_core_duress, where two lives can be lived in the same second.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "story.h"
#include "tmp.h"

#define WAIT_MS 20000u
#define SECOND "135791"

static struct bk_story story;
static char first[200];

static struct bk_rpc *person(void)
{
	return &story.who[BK_PERSON].rpc;
}

static struct bk_rpc *officer(void)
{
	return &story.who[BK_OFFICER1].rpc;
}

static json_t *said(struct bk_rpc *r, json_t *command)
{
	json_t *reply = NULL;

	assert_int_equal(bk_rpc_call(r, command, WAIT_MS, &reply), 0);
	return reply;
}

static void unlock(const char *pin)
{
	json_decref(said(person(), json_pack("{s:s}", "cmd", "lock")));
	json_decref(said(person(), json_pack("{s:s, s:s}", "cmd", "unlock", "pin", pin)));
	assert_int_equal(bk_rpc_wait(person(), "unlocked", NULL, NULL, WAIT_MS, NULL), 0);
	assert_int_equal(bk_rpc_wait(person(), "link", "state", "caught-up", WAIT_MS, NULL), 0);
}

static json_t *duress_case(void)
{
	json_t *event = NULL;

	assert_int_equal(bk_rpc_wait(officer(), "case", "change", "duress", WAIT_MS, &event), 0);
	return event;
}

/* The whole of what the person's screen was ever told, and can ask for. */
static void expect_nothing_told(void)
{
	static const char *const questions[] = {"status", "reports", "messages", "receipts"};
	char *text = json_dumps(person()->events, JSON_COMPACT);

	assert_null(strstr(text, "duress"));
	free(text);
	for (size_t i = 0; i < sizeof questions / sizeof *questions; i++) {
		json_t *reply = said(person(), json_pack("{s:s}", "cmd", questions[i]));

		text = json_dumps(reply, JSON_COMPACT);
		assert_null(strstr(text, "duress"));
		assert_null(strstr(text, "state\":1"));
		free(text);
		json_decref(reply);
	}
}

static void first_pin_tells_nobody(void **state)
{
	(void)state;
	json_decref(said(person(), json_pack("{s:s, s:s, s:s, s:b}", "cmd", "pin-set", "pin", first, "new", SECOND, "second", 1)));
	unlock(first);
	json_decref(said(person(), json_pack("{s:s, s:s}", "cmd", "report", "what", "Niets bijzonders")));
	assert_int_equal(bk_rpc_wait(officer(), "message", "what", "Niets bijzonders", WAIT_MS, NULL), 0);
	assert_int_equal(bk_rpc_count(officer(), "case", "change", "duress"), 0);
}

static void second_pin_tells_the_desk_alone(void **state)
{
	json_t *event, *reply;
	char id[40];

	(void)state;
	unlock(SECOND);
	event = duress_case(); /* of the unlocking itself, before anything is said */
	assert_string_not_equal(json_string_value(json_object_get(event, "text")), "");
	json_decref(event);
	reply = said(person(), json_pack("{s:s, s:s}", "cmd", "report", "what", "Alles is goed hier"));
	snprintf(id, sizeof id, "%s", json_string_value(json_object_get(reply, "message")));
	json_decref(reply);
	assert_int_equal(bk_rpc_wait(person(), "outgoing", "rung", "decrypted", WAIT_MS, NULL), 0);
	do {
		event = duress_case();
		reply = json_object_get(event, "case");
		if (strcmp(json_string_value(reply), id) == 0)
			break;
		json_decref(event);
	} while (true);
	json_decref(event);
	expect_nothing_told();
}

static void later_free_session_knows_nothing(void **state)
{
	(void)state;
	unlock(first);
	expect_nothing_told();
}

/* "Stop": the screen says ended, the device shares no place any more; at the desk the alarm stays open. */
static void alarm_stopped_under_duress_stays_open(void **state)
{
	json_t *reply, *row;
	char alarm[40], changes[4000] = "";
	size_t i;
	bool found = false;

	(void)state;
	unlock(first);
	reply = said(person(), json_pack("{s:s, s:s}", "cmd", "alarm-now", "text", "Hij staat voor de deur"));
	snprintf(alarm, sizeof alarm, "%s", json_string_value(json_object_get(reply, "message")));
	json_decref(reply);
	assert_int_equal(bk_rpc_wait(officer(), "case", "change", "alarm", WAIT_MS, NULL), 0);
	json_decref(said(person(), json_pack("{s:s, s:s, s:s}", "cmd", "alarm-end", "reason", "safe", "pin", SECOND)));
	do {
		row = duress_case();
		found = strcmp(json_string_value(json_object_get(row, "case")), alarm) == 0;
		json_decref(row);
	} while (!found);
	assert_int_equal(bk_rpc_count(officer(), "case", "change", "alarm-ended"), 0);
	reply = said(officer(), json_pack("{s:s, s:s}", "cmd", "case", "case", alarm));
	json_array_foreach(json_object_get(reply, "log"), i, row)
		snprintf(changes + strlen(changes), sizeof changes - strlen(changes), "%s ",
			json_string_value(json_object_get(row, "change")));
	assert_non_null(strstr(changes, "duress"));
	assert_null(strstr(changes, "alarm-ended"));
	assert_string_not_equal(json_string_value(json_object_get(reply, "state")), "closed");
	json_decref(reply);
	expect_nothing_told();
}

static int begin(void **state)
{
	uint8_t *data = NULL;
	size_t n = 0;

	(void)state;
	if (bk_story_init(&story, BAKEN_BUILD_DIR "/bin", false) || bk_story_realm(&story) ||
		bk_tmp_read(story.pass, &data, &n)) {
		print_error("%s\n", story.why);
		return -1;
	}
	snprintf(first, sizeof first, "%.*s", (int)strcspn((const char *)data, "\n"), (const char *)data);
	free(data);
	return 0;
}

static int end(void **state)
{
	(void)state;
	bk_story_done(&story);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_pin_tells_nobody),
		cmocka_unit_test(second_pin_tells_the_desk_alone),
		cmocka_unit_test(later_free_session_knows_nothing),
		cmocka_unit_test(alarm_stopped_under_duress_stays_open),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
