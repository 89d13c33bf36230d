/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Story E: a check-in is missed while the server is down (lesson R4). The server dies by SIGKILL, the time passes, the
 * phone dies, too; when the server starts the desk is alarmed, with the last place and with how long it was down. What
 * was confirmed in time raises nothing, and no timer is anybody else's (lesson R9).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#include "story_acts.h"

#define SOON_MS 8000

static json_int_t soon(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (json_int_t)t.tv_sec * 1000 + t.tv_nsec / 1000000 + SOON_MS;
}

static void test_realm(void **state)
{
	(void)state;
	begin_act();
	assert_int_equal(bk_story_realm(&story), 0);
	broken = false;
}

/* Armed: said only when the server has confirmed and the desk has the plan. */
static void arm(char id[static 40])
{
	json_t *r = call(BK_PERSON, json_pack("{s:s, s:s, s:s, s:I, s:i, s:f, s:f, s:i, s:s}", "cmd", "watch-start", "kind", "check-in",
		"what", "Thuis na een bezoek", "due_ms", soon(), "grace_minutes", 0, "latitude", 52.0907, "longitude", 5.1214,
		"battery", 12, "note", "bij de achterdeur"), 0);

	snprintf(id, 40, "%s", str(r, "watch"));
	json_decref(r);
	assert_int_equal(bk_rpc_wait(rpc(BK_PERSON), "watch", "state", "armed", WAIT_MS, NULL), 0);
	assert_int_equal(bk_rpc_wait(rpc(BK_OFFICER1), "watch", "watch", id, WAIT_MS, &r), 0);
	assert_null(json_object_get(r, "last")); /* until when, and no place */
	json_decref(r);
}

static void test_in_time(void **state)
{
	char id[40];
	json_t *r;

	(void)state;
	begin_act();
	arm(id);
	json_decref(call(BK_RELATIVE, json_pack("{s:s, s:s}", "cmd", "watch-safe", "watch", id), BK_E_NOT_FOUND));
	json_decref(call(BK_OFFICER1, json_pack("{s:s, s:s}", "cmd", "watch-safe", "watch", id), BK_E_ROLE));
	r = call(BK_PERSON, json_pack("{s:s, s:s}", "cmd", "watch-safe", "watch", id), 0);
	assert_string_equal(str(r, "state"), "ended");
	json_decref(r);
	assert_int_equal(bk_rpc_wait(rpc(BK_OFFICER1), "watch", "state", "ended", WAIT_MS, NULL), 0);
	broken = false;
}

static void test_missed_while_down(void **state)
{
	char id[40];
	json_t *r = NULL, *last;

	(void)state;
	begin_act();
	arm(id);
	bk_story_server_kill(&story);
	assert_int_equal(bk_rpc_wait(rpc(BK_PERSON), "watch", "state", "late", WAIT_MS, NULL), 0); /* its own clock says so */
	bk_rpc_kill(rpc(BK_PERSON)); /* and then nothing more comes from there */
	story.who[BK_PERSON].live = false;
	assert_int_equal(bk_story_server_start(&story), 0);
	assert_int_equal(bk_rpc_wait(rpc(BK_OFFICER1), "case", "change", "missed", WAIT_MS, &r), 0);
	assert_true(json_is_true(json_object_get(r, "missed")));
	json_decref(r);
	assert_int_equal(bk_rpc_wait(rpc(BK_OFFICER1), "watch", "state", "fired", WAIT_MS, &r), 0);
	assert_string_equal(str(r, "watch"), id);
	last = json_object_get(r, "last");
	assert_true(json_number_value(json_object_get(last, "latitude")) > 52);
	assert_string_equal(str(last, "note"), "bij de achterdeur");
	assert_true(json_integer_value(json_object_get(last, "down_ms")) > 0);
	assert_true(json_integer_value(json_object_get(last, "late_ms")) >= json_integer_value(json_object_get(last, "down_ms")));
	json_decref(r);
	broken = false;
}

/* Killed right after: it has fired, once. */
static void test_once(void **state)
{
	json_t *r = NULL;

	(void)state;
	begin_act();
	bk_story_server_kill(&story);
	assert_int_equal(bk_story_server_start(&story), 0);
	assert_int_equal(bk_rpc_wait(rpc(BK_OFFICER1), "link", "state", "caught-up", WAIT_MS, NULL), 0);
	assert_int_equal(bk_rpc_count(rpc(BK_OFFICER1), "case", "change", "missed"), 0);
	assert_int_equal(bk_story_client_start(&story, BK_PERSON), 0);
	assert_int_equal(bk_rpc_wait(rpc(BK_PERSON), "watch", "state", "fired", WAIT_MS, &r), 0); /* the person is told */
	json_decref(r);
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
		cmocka_unit_test(test_in_time),
		cmocka_unit_test(test_missed_while_down),
		cmocka_unit_test(test_once),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
