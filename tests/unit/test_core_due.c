/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is due at a desk, between real cores: told once, escalated once, by the policy that a lead has set. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine.h"
#include "twin_desk.h"

#define MINUTE 60000u
#define HOUR (60u * MINUTE)

static int setup(void **state)
{
	(void)state;
	bk_twin_cast(&twin, "due", &cast);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	bk_twin_close(&twin);
	return 0;
}

/* ---- what is due ---- */

static void test_r8_due_told_once(void **state)
{
	char id[BK_ID_TEXT];
	json_t *row;

	(void)state;
	report_by(cast.person, "now", "sure", id);
	bk_twin_forget(cast.officer);
	bk_twin_forget(cast.second);
	bk_twin_pass(&twin, 4 * MINUTE);
	assert_int_equal(bk_twin_count(cast.officer, "due", "case", id), 0);
	bk_twin_pass(&twin, 2 * MINUTE);
	assert_int_equal(bk_twin_count(cast.officer, "due", "case", id), 1);
	assert_int_equal(bk_twin_count(cast.second, "due", "case", id), 1);
	assert_int_equal(bk_twin_count(cast.officer, "case", "change", "escalated"), 1); /* though both said it */
	row = row_of(cast.second, id);
	assert_int_equal(ms(row, "level"), 1);
	json_decref(row);
	bk_twin_reboot(cast.officer);
	bk_twin_pass(&twin, 10 * MINUTE);
	assert_int_equal(bk_twin_count(cast.officer, "due", "case", id), 1); /* not again after a restart */
	assert_int_equal(act(cast.officer, "claim", id, NULL, NULL), 0);
	row = row_of(cast.second, id);
	assert_int_equal(ms(row, "level"), 0);
	json_decref(row);
	assert_int_equal(act(cast.officer, "close", id, "feedback", "Alles is goed."), 0);
}

static void test_promise_reminder(void **state)
{
	char id[BK_ID_TEXT];
	json_t *e;

	(void)state;
	new_case(id);
	assert_int_equal(act(cast.officer, "claim", id, NULL, NULL), 0);
	assert_int_equal(promise(cast.officer, id, bk_twin_now() + HOUR), 0);
	bk_twin_forget(cast.officer);
	bk_twin_pass(&twin, 46 * MINUTE);
	e = bk_twin_take(cast.officer, "due", "case", id);
	assert_string_equal(str(e, "what_is_due"), "remind");
	json_decref(e);
	bk_twin_pass(&twin, 15 * MINUTE);
	e = bk_twin_take(cast.officer, "due", "case", id);
	assert_string_equal(str(e, "what_is_due"), "broken");
	json_decref(e);
	assert_int_equal(act(cast.officer, "close", id, "feedback", "Alles is goed."), 0);
}

static void test_escalate_by_hand(void **state)
{
	char id[BK_ID_TEXT];
	json_t *row;

	(void)state;
	new_case(id);
	assert_int_equal(act(cast.officer, "escalate", id, NULL, NULL), BK_E_INVAL); /* a reason is needed */
	assert_int_equal(act(cast.officer, "claim", id, NULL, NULL), 0);
	assert_int_equal(act(cast.officer, "escalate", id, "reason", "Meer mensen nodig"), 0);
	assert_int_equal(act(cast.second, "escalate", id, "reason", "Nog meer"), 0);
	row = row_of(cast.second, id);
	assert_int_equal(ms(row, "level"), 2);
	json_decref(row);
	assert_int_equal(act(cast.second, "escalate", id, "reason", "Nog meer"), 0);
	assert_int_equal(act(cast.second, "escalate", id, "reason", "Nog meer"), BK_E_STATE); /* 3 is the highest */
	assert_int_equal(act(cast.officer, "close", id, "feedback", "Alles is goed."), 0);
	assert_int_equal(act(cast.officer, "escalate", id, "reason", "Toch"), BK_E_STATE);
}

static void test_policy_is_the_leads(void **state)
{
	json_t *answer = NULL;

	(void)state;
	assert_int_equal(bk_twin_call(cast.officer, json_pack("{s:s}", "cmd", "policy"), &answer), 0);
	assert_int_equal(ms(answer, "sla_now_s"), 300);
	json_decref(answer);
	assert_int_equal(bk_twin_call(cast.officer, json_pack("{s:s, s:i}", "cmd", "policy", "sla_now_s", 60), NULL),
		BK_E_ROLE);
	assert_int_equal(bk_twin_call(cast.officer, json_pack("{s:s, s:i}", "cmd", "policy", "sla_now_s", 1), NULL),
		BK_E_INVAL);
}

/* Set by a lead: adopted by all who are on duty, and by who comes on duty later; the newest version holds. */
static void test_policy_is_adopted(void **state)
{
	struct bk_twin_device *lead = bk_twin_enrol(&twin, "Leider", BAKEN__ROLE__ROLE_LEAD, BK_TWIN_DESK);
	json_t *answer = NULL;

	(void)state;
	bk_twin_do(lead, json_pack("{s:s, s:b}", "cmd", "duty", "on", 1));
	bk_twin_do(cast.second, json_pack("{s:s, s:b}", "cmd", "duty", "on", 0));
	assert_int_equal(bk_twin_call(lead, json_pack("{s:s, s:i, s:i}", "cmd", "policy", "alarm_t1_s", 400, "alarm_t2_s", 300),
		NULL), BK_E_INVAL); /* they must rise */
	bk_twin_forget(cast.officer);
	bk_twin_do(lead, json_pack("{s:s, s:i}", "cmd", "policy", "sla_now_s", 120));
	assert_int_equal(bk_twin_count(cast.officer, "policy", "by", "Leider"), 1);
	assert_int_equal(bk_twin_count(cast.second, "policy", NULL, NULL), 0);
	bk_twin_do(cast.second, json_pack("{s:s, s:b}", "cmd", "duty", "on", 1));
	bk_twin_pass(&twin, 10 * MINUTE);
	assert_int_equal(bk_twin_call(cast.second, json_pack("{s:s}", "cmd", "policy"), &answer), 0);
	assert_int_equal(ms(answer, "sla_now_s"), 120);
	assert_int_equal(ms(answer, "version"), 1);
	json_decref(answer);
	bk_twin_do(lead, json_pack("{s:s, s:i}", "cmd", "policy", "sla_now_s", 300));
	assert_int_equal(bk_twin_call(cast.officer, json_pack("{s:s}", "cmd", "policy"), &answer), 0);
	assert_int_equal(ms(answer, "version"), 2);
	json_decref(answer);
}

/* An officer's device that sends a policy changes nothing. */
static void test_policy_of_an_officer(void **state)
{
	Baken__Content content = BAKEN__CONTENT__INIT;
	Baken__DeskPolicy m = BAKEN__DESK_POLICY__INIT;
	struct bk_post p = {.content = &content, .kind = BK_CONTENT_DESK_POLICY};
	struct bk_policy policy;

	(void)state;
	m.version = 99;
	m.sla_now_s = 86000;
	content.kind_case = BAKEN__CONTENT__KIND_DESK_POLICY;
	content.desk_policy = &m;
	p.class = BAKEN__CLASS__CLASS_NORMAL;
	p.regime = BAKEN__REGIME__REGIME_SECURITY;
	p.circles[p.n_circles++] = cast.second->core->self.circle;
	assert_int_equal(bk_outbox_post(cast.second->core, &p), 0);
	bk_twin_turn(cast.second, bk_core_tick(cast.second->core, bk_twin_now()));
	bk_twin_pass(&twin, 1000);
	bk_policy_get(cast.officer->core, &policy);
	assert_int_equal(policy.version, 2);
	assert_int_equal(policy.sla_now_s, 300);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_r8_due_told_once),
		cmocka_unit_test(test_promise_reminder),
		cmocka_unit_test(test_escalate_by_hand),
		cmocka_unit_test(test_policy_is_the_leads),
		cmocka_unit_test(test_policy_is_adopted),
		cmocka_unit_test(test_policy_of_an_officer),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
