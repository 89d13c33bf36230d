/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Story G: a handover with an alarm that is not accepted. Nobody leaves it behind: not by offering it, not when the
 * other's program dies; it goes when the other says yes. Off duty the device has nothing of it; back on duty, it has.
 * Story H: a phone is lost during a session: withdrawn at once, and the desk sees what it could have read.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "story_acts.h"
#include "tmp.h"

static char alarm_id[40], handover[40];

static void duty(enum bk_story_actor who, bool on, int expected)
{
	json_decref(call(who, json_pack("{s:s, s:b}", "cmd", "duty", "on", on), expected));
}

static void offer(int expected)
{
	json_t *r = call(BK_OFFICER1, json_pack("{s:s, s:s, s:[s]}", "cmd", "handover-offer", "to",
		story.who[BK_OFFICER2].device, "risks", "De deurbel is stuk."), expected);

	snprintf(handover, sizeof handover, "%s", str(r, "handover"));
	json_decref(r);
}

static void owner_is(enum bk_story_actor who, const char *owner)
{
	json_t *c = NULL;

	for (unsigned i = 0; i < 100; i++) {
		bool same;

		json_decref(c);
		c = NULL;
		if (bk_rpc_call(rpc(who), json_pack("{s:s, s:s}", "cmd", "case", "case", alarm_id), WAIT_MS, &c)) {
			json_decref(c);
			c = NULL;
		}
		same = c && strcmp(str(c, "owner"), owner) == 0;
		if (same) {
			json_decref(c);
			return;
		}
		bk_rpc_wait(rpc(who), "case", "case", alarm_id, 300, NULL);
	}
	fail_msg("%s sees owner '%s', not '%s'", story.who[who].name, str(c, "owner"), owner);
}

static void test_realm(void **state)
{
	(void)state;
	begin_act();
	assert_int_equal(bk_story_realm(&story), 0);
	broken = false;
}

/* Not accepted: the giver stays, whatever happens at the other end. */
static void test_g_not_accepted(void **state)
{
	json_t *r;

	(void)state;
	begin_act();
	r = call(BK_PERSON, json_pack("{s:s, s:s, s:s}", "cmd", "report", "what", "Er wordt op de deur gebonkt", "urgency", "now"), 0);
	snprintf(alarm_id, sizeof alarm_id, "%s", str(r, "message"));
	json_decref(r);
	assert_int_equal(bk_rpc_wait(rpc(BK_OFFICER1), "case", "case", alarm_id, WAIT_MS, NULL), 0);
	duty(BK_OFFICER1, false, BK_E_STATE); /* nobody has it */
	json_decref(call(BK_OFFICER1, json_pack("{s:s, s:s}", "cmd", "claim", "case", alarm_id), 0));
	duty(BK_OFFICER1, false, BK_E_STATE); /* it is ours */
	offer(0);
	duty(BK_OFFICER1, false, BK_E_STATE); /* offered is not accepted */
	assert_int_equal(bk_rpc_wait(rpc(BK_OFFICER2), "handover", "handover", handover, WAIT_MS, NULL), 0);
	json_decref(call(BK_OFFICER2, json_pack("{s:s, s:s, s:[i], s:s}", "cmd", "handover-answer", "handover", handover,
		"refuse", 0, "reason", "ik heb er al drie"), 0));
	assert_int_equal(bk_rpc_wait(rpc(BK_OFFICER1), "handover", "change", "answered", WAIT_MS, NULL), 0);
	owner_is(BK_OFFICER2, "Dienst 1");
	duty(BK_OFFICER1, false, BK_E_STATE);
	broken = false;
}

/* Accepted by a program that died in between; then, and only then, the giver goes. */
static void test_g_accepted(void **state)
{
	(void)state;
	begin_act();
	offer(0);
	assert_int_equal(bk_rpc_wait(rpc(BK_OFFICER2), "handover", "handover", handover, WAIT_MS, NULL), 0);
	bk_rpc_kill(rpc(BK_OFFICER2));
	story.who[BK_OFFICER2].live = false;
	duty(BK_OFFICER1, false, BK_E_STATE);
	assert_int_equal(bk_story_client_start(&story, BK_OFFICER2), 0);
	json_decref(call(BK_OFFICER2, json_pack("{s:s, s:s, s:[i, i]}", "cmd", "handover-answer", "handover", handover,
		"accept", 0, 1), 0));
	assert_int_equal(bk_rpc_wait(rpc(BK_OFFICER1), "handover", "change", "moved", WAIT_MS, NULL), 0);
	owner_is(BK_OFFICER1, "Dienst 2");
	owner_is(BK_OFFICER2, "Dienst 2");
	duty(BK_OFFICER1, false, 0);
	json_decref(call(BK_OFFICER1, json_pack("{s:s, s:s}", "cmd", "case", "case", alarm_id), BK_E_NOT_FOUND));
	duty(BK_OFFICER2, false, BK_E_STATE); /* alone is no excuse */
	duty(BK_OFFICER1, true, 0);
	owner_is(BK_OFFICER1, "Dienst 2"); /* from the vault's keyring */
	broken = false;
}

/* How many messages of the case (or this one alone) a device could have read, says who is asked. */
static size_t could_have_read(enum bk_story_actor who, const char *device, const char *message)
{
	json_t *r = call(who, json_pack("{s:s, s:s}", "cmd", "could-have-read", "device", device), 0), *row, *m;
	size_t i, k, n = 0;

	json_array_foreach(json_object_get(r, "cases"), i, row)
		json_array_foreach(json_object_get(row, "messages"), k, m)
			n += strcmp(str(row, "case"), alarm_id) == 0 && (!message || strcmp(str(m, "message"), message) == 0);
	json_decref(r);
	return n;
}

static void test_h_lost_phone(void **state)
{
	const char *lost = story.who[BK_OFFICER2].device;
	json_t *r;
	char later[40];

	(void)state;
	begin_act();
	assert_int_equal(could_have_read(BK_OFFICER1, lost, alarm_id), 1);
	assert_true(could_have_read(BK_OFFICER1, lost, NULL) >= 2); /* and what the desk said of it */
	assert_int_equal(bk_story_ctl(&story, NULL, "revoke", "--dir", bk_tmp_path("realm/server"), "--registrar",
		story.security, "--device", lost, NULL), 0);
	assert_int_equal(bk_rpc_wait(rpc(BK_OFFICER2), "revoked", NULL, NULL, WAIT_MS, NULL), 0); /* in mid-session */
	r = call(BK_PERSON, json_pack("{s:s, s:s, s:s}", "cmd", "reply", "to", alarm_id, "text", "Ze zijn weg."), 0);
	snprintf(later, sizeof later, "%s", str(r, "message"));
	json_decref(r);
	assert_int_equal(bk_rpc_wait(rpc(BK_OFFICER1), "message", "text", "Ze zijn weg.", WAIT_MS, NULL), 0);
	assert_int_equal(could_have_read(BK_OFFICER1, lost, later), 0); /* what came after is not among it */
	assert_int_equal(could_have_read(BK_VAULT, lost, later), 0);
	assert_true(could_have_read(BK_VAULT, lost, NULL) >= 3); /* which was there all the time */
	assert_int_equal(bk_rpc_count(rpc(BK_OFFICER2), "message", "text", "Ze zijn weg."), 0);
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
		cmocka_unit_test(test_g_not_accepted),
		cmocka_unit_test(test_g_accepted),
		cmocka_unit_test(test_h_lost_phone),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
