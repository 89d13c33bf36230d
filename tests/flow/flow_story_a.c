/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Stories A and B, with real processes. A: an alarm with a connection: counted down, sent, stored, seen, claimed,
 * followed by a place, ended by its person, closed by the desk. B: the same without a server and through a kill -9 in
 * the countdown, sent when there is one, with the time it was begun and the time it came.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include <cmocka.h>

#include "err.h"
#include "ids.h"
#include "story.h"
#include "tmp.h"

#define STEP_MS 30000u

static struct bk_story story;
static char pin[128], alarm_id[BK_ID_TEXT];
static bool broken;

static void begin_act(void)
{
	if (broken)
		fail_msg("an earlier act failed");
	broken = true;
}

static json_t *call(enum bk_story_actor who, json_t *command)
{
	json_t *reply = NULL;
	int err = bk_rpc_call(&story.who[who].rpc, command, STEP_MS, &reply);

	if (err)
		fail_msg("%s: %s", story.who[who].name, bk_err_name(err));
	return reply;
}

static void must(enum bk_story_actor who, json_t *command)
{
	json_decref(call(who, command));
}

static json_t *wait_for(enum bk_story_actor who, const char *event, const char *key, const char *value)
{
	json_t *e = NULL;
	int err = bk_rpc_wait(&story.who[who].rpc, event, key, value, STEP_MS, &e);

	if (err)
		fail_msg("%s waits for %s %s=%s: %s", story.who[who].name, event, key, value, bk_err_name(err));
	return e;
}

static json_int_t told(const char *state)
{
	json_t *e = wait_for(BK_PERSON, "alarm", "state", state);
	json_int_t at = json_integer_value(json_object_get(e, "at_ms"));

	json_decref(e);
	return at;
}

static json_t *top_of_board(enum bk_story_actor who)
{
	json_t *board = call(who, json_pack("{s:s}", "cmd", "board"));
	json_t *row = json_incref(json_array_get(json_object_get(board, "cases"), 0));

	json_decref(board);
	return row;
}

static void read_pin(void)
{
	uint8_t *data = NULL;
	size_t len = 0;

	assert_int_equal(bk_tmp_read(story.pass, &data, &len), 0);
	snprintf(pin, sizeof pin, "%.*s", (int)strcspn((char *)data, "\n") < (int)len ? (int)strcspn((char *)data, "\n") : (int)len,
		(char *)data);
	free(data);
}

static void test_realm(void **state)
{
	(void)state;
	begin_act();
	if (bk_story_realm(&story))
		fail_msg("%s", story.why);
	read_pin();
	broken = false;
}

static void test_a_alarm_online(void **state)
{
	json_int_t armed, sent, stored, seen;
	json_t *e, *row;

	(void)state;
	begin_act();
	must(BK_PERSON, json_pack("{s:s, s:s, s:s}", "cmd", "report", "what", "Iets anders.", "urgency", "now"));
	json_decref(wait_for(BK_OFFICER1, "message", "kind", "report"));
	must(BK_PERSON, json_pack("{s:s, s:f, s:f}", "cmd", "fix", "latitude", 52.0705, "longitude", 4.3007));
	must(BK_PERSON, json_pack("{s:s}", "cmd", "alarm-arm"));
	armed = told("armed");
	sent = told("sent");
	stored = told("stored");
	seen = told("seen");
	assert_true(sent - armed >= 5000 && sent - armed < 7000);
	assert_true(stored >= sent - 1 && seen >= sent - 1);
	e = wait_for(BK_OFFICER1, "message", "kind", "alarm");
	snprintf(alarm_id, sizeof alarm_id, "%s", json_string_value(json_object_get(e, "message")));
	assert_non_null(json_object_get(e, "fix"));
	json_decref(e);
	json_decref(wait_for(BK_OFFICER2, "message", "kind", "alarm"));
	row = top_of_board(BK_OFFICER2); /* above a report that is urgent too */
	assert_string_equal(json_string_value(json_object_get(row, "case")), alarm_id);
	json_decref(row);
	broken = false;
}

static void test_a_followed_and_ended(void **state)
{
	json_t *e;

	(void)state;
	begin_act();
	must(BK_OFFICER1, json_pack("{s:s, s:s}", "cmd", "claim", "case", alarm_id));
	told("claimed");
	must(BK_PERSON, json_pack("{s:s, s:f, s:f}", "cmd", "fix", "latitude", 52.0711, "longitude", 4.3010));
	json_decref(wait_for(BK_OFFICER1, "location", "about", alarm_id));
	assert_int_equal(bk_rpc_call(&story.who[BK_PERSON].rpc, json_pack("{s:s, s:s, s:s}", "cmd", "alarm-end", "reason",
				 "safe", "pin", "niet deze"), STEP_MS, NULL), BK_E_PASSPHRASE);
	must(BK_PERSON, json_pack("{s:s, s:s, s:s}", "cmd", "alarm-end", "reason", "safe", "pin", pin));
	told("ended");
	json_decref(wait_for(BK_OFFICER1, "case", "change", "alarm-ended"));
	e = call(BK_OFFICER1, json_pack("{s:s, s:s}", "cmd", "case", "case", alarm_id));
	assert_string_not_equal(json_string_value(json_object_get(e, "state")), "closed"); /* only the desk closes */
	assert_true(json_array_size(json_object_get(e, "fixes")) >= 1);
	json_decref(e);
	must(BK_OFFICER1, json_pack("{s:s, s:s, s:s}", "cmd", "close", "case", alarm_id, "feedback", "Fijn dat u veilig bent."));
	json_decref(wait_for(BK_PERSON, "message", "kind", "text"));
	broken = false;
}

/* In a terminal: the countdown is shown, and a PIN takes it back. */
static void test_a_taken_back(void **state)
{
	const char *argv[] = {story.bin_client, "--dir", story.who[BK_PERSON].dir, "--passphrase-file", story.pass, "--wait",
		"20", "alarm", NULL};
	struct bk_proc p;
	const char *line = NULL;
	bool cancelled = false;
	int code = -1;

	(void)state;
	begin_act();
	assert_int_equal(bk_story_client_stop(&story, BK_PERSON), 0);
	assert_int_equal(bk_proc_start(&p, argv, NULL, story.log), 0);
	assert_int_equal(bk_proc_line(&p, STEP_MS, &line), 0);
	assert_non_null(strstr(line, "5 seconden"));
	assert_int_equal(bk_proc_write(&p, "123456\n", 7), 0);
	assert_int_equal(bk_proc_line(&p, STEP_MS, &line), 0);
	assert_non_null(strstr(line, "klopt niet"));
	assert_int_equal(bk_proc_write(&p, pin, strlen(pin)), 0);
	assert_int_equal(bk_proc_write(&p, "\n", 1), 0);
	while (bk_proc_line(&p, STEP_MS, &line) == 0)
		cancelled |= strstr(line, "gestopt") != NULL;
	assert_true(cancelled);
	assert_int_equal(bk_proc_wait(&p, STEP_MS, &code), 0);
	assert_int_equal(code, 0);
	bk_proc_free(&p);
	assert_int_equal(bk_rpc_count(&story.who[BK_OFFICER1].rpc, "message", "kind", "alarm"), 0);
	broken = false;
}

static void test_b_no_network(void **state)
{
	struct bk_story_who *w = &story.who[BK_PERSON];
	json_int_t armed, written, stored;
	json_t *e;

	(void)state;
	begin_act();
	assert_int_equal(bk_story_client_start(&story, BK_PERSON), 0);
	assert_int_equal(bk_story_server_stop(&story), 0);
	must(BK_PERSON, json_pack("{s:s, s:b}", "cmd", "alarm-arm", "silent", 1));
	armed = told("armed");
	bk_rpc_kill(&story.who[BK_PERSON].rpc); /* in the countdown */
	assert_int_equal(bk_rpc_start(&w->rpc, story.bin_client, w->dir, story.pass, NULL, story.log), 0);
	must(BK_PERSON, json_pack("{s:s}", "cmd", "connect"));
	told("sent");
	e = wait_for(BK_PERSON, "alarm", "state", "no-receipt");
	assert_non_null(strstr(json_string_value(json_object_get(e, "text")), "112"));
	json_decref(e);
	assert_int_equal(bk_story_server_start(&story), 0);
	stored = told("stored");
	told("seen");
	e = wait_for(BK_OFFICER1, "message", "kind", "alarm");
	assert_string_equal(json_string_value(json_object_get(e, "cause")), "silent");
	written = json_integer_value(json_object_get(e, "armed_ms"));
	assert_int_equal(written, armed); /* when it was begun, and when it came */
	assert_true(json_integer_value(json_object_get(e, "stored_ms")) - written > 20000);
	assert_int_equal(json_integer_value(json_object_get(e, "stored_ms")), stored);
	json_decref(e);
	broken = false;
}

static int begin(void **state)
{
	(void)state;
	return bk_story_init(&story, BAKEN_BUILD_DIR "/bin", false);
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
		cmocka_unit_test(test_realm),
		cmocka_unit_test(test_a_alarm_online),
		cmocka_unit_test(test_a_followed_and_ended),
		cmocka_unit_test(test_a_taken_back),
		cmocka_unit_test(test_b_no_network),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
