/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Story L: a drill with all people of a desk, by four eyes, with its counts by person; killed in the middle it goes
 * on, and nobody gets it twice. The bench drill plays the same with 500. R14: it is a drill wherever it is shown.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "drill.h"
#include "err.h"

#define PEOPLE 60
#define ABSENT 2
#define CRASH_AT "client-sent:25" /* the officer who sends dies when so many messages have left */
#define WAIT_MS 90000u

static struct bk_drill drill;
static bool broken;

static void must(int err)
{
	if (err)
		fail_msg("%s", drill.why);
}

static void begin_act(void)
{
	if (broken)
		fail_msg("an earlier act failed");
	broken = true;
}

static void test_asked(void **state)
{
	(void)state;
	begin_act();
	must(bk_drill_init(&drill, PEOPLE, ABSENT, CRASH_AT));
	must(bk_drill_ask(&drill));
	for (unsigned i = 0; i < 20; i++)
		bk_crowd_turn(&drill.people, 10);
	assert_int_equal(json_array_size(drill.arrived), 0); /* nothing goes by two eyes */
	broken = false;
}

static void test_killed_in_the_middle(void **state)
{
	(void)state;
	begin_act();
	must(bk_drill_consent(&drill));
	must(bk_drill_until_killed(&drill, WAIT_MS));
	must(bk_drill_until(&drill, PEOPLE, PEOPLE - ABSENT, PEOPLE - ABSENT, WAIT_MS));
	broken = false;
}

static void expect(unsigned officer, json_int_t stored, json_int_t have)
{
	struct bk_drill_counts n;
	bool is_drill = false;

	must(bk_drill_status(&drill, officer, &n, &is_drill));
	assert_true(is_drill);
	assert_int_equal(n.people, PEOPLE);
	assert_true(n.stored >= stored);
	assert_int_equal(n.delivered, have);
	assert_int_equal(n.acknowledged, have);
	assert_int_equal(n.overdue, 0);
}

static void test_counts(void **state)
{
	(void)state;
	begin_act();
	expect(0, PEOPLE, PEOPLE - ABSENT);
	must(bk_drill_arrive(&drill));
	must(bk_drill_until(&drill, PEOPLE, PEOPLE, PEOPLE, WAIT_MS));
	expect(0, PEOPLE, PEOPLE);
	expect(1, 0, PEOPLE); /* a colleague's device counts the same people */
	assert_int_equal(bk_drill_hold_once(&drill), PEOPLE);
	broken = false;
}

static int end(void **state)
{
	(void)state;
	bk_drill_done(&drill);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_asked),
		cmocka_unit_test(test_killed_in_the_middle),
		cmocka_unit_test(test_counts),
	};

	return cmocka_run_group_tests(tests, NULL, end);
}
