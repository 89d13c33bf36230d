/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Moments as an officer types them, at the edges of daylight saving time too. Stored times are UTC, shown ones local. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <time.h>

#include "err.h"
#include "moment.h"

#define MINUTE 60000ull
#define HOUR (60u * MINUTE)
#define SPRING 1774746000000ull /* 2026-03-29 01:00 UTC: 02:00 becomes 03:00 in Amsterdam */
#define AUTUMN 1792890000000ull /* 2026-10-25 01:00 UTC: 03:00 becomes 02:00 */

static int setup(void **state)
{
	(void)state;
	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	tzset();
	return 0;
}

static void expect(const char *text, bk_ms now, bk_ms at)
{
	bk_ms got = 1;

	assert_int_equal(bk_moment_read(text, now, &got), 0);
	assert_int_equal(got, at);
}

static void refuse(const char *text, bk_ms now)
{
	bk_ms got;

	assert_int_equal(bk_moment_read(text, now, &got), BK_E_INVAL);
}

static void test_spans(void **state)
{
	(void)state;
	expect("+30m", SPRING, SPRING + 30 * MINUTE);
	expect("+2h", AUTUMN, AUTUMN + 2 * HOUR);
	expect("none", SPRING, 0);
	refuse("+", SPRING);
	refuse("+30", SPRING);
	refuse("+30x", SPRING);
	refuse("+3hm", SPRING);
	refuse("", SPRING);
	refuse("straks", SPRING);
	refuse("25:00", SPRING);
	refuse("12:75", SPRING);
	refuse("12:00 of zo", SPRING);
}

static void test_next_one(void **state)
{
	bk_ms noon = SPRING + 9 * HOUR; /* 12:00 in summer time */

	(void)state;
	expect("14:30", noon, noon + 2 * HOUR + 30 * MINUTE);
	expect("11:00", noon, noon + 23 * HOUR);
	expect("2026-03-29 14:30", noon, noon + 2 * HOUR + 30 * MINUTE);
	refuse("2026-02-30 14:30", noon);
}

static void test_edges(void **state)
{
	(void)state;
	expect("03:30", SPRING - HOUR, SPRING + 30 * MINUTE); /* 01:00 there; 02:30 does not exist */
	refuse("02:30", SPRING - HOUR);
	refuse("2026-03-29 02:30", SPRING - 48 * HOUR);
	expect("04:00", SPRING - 13 * HOUR, SPRING + HOUR);
	expect("02:30", AUTUMN - 2 * HOUR, AUTUMN - 30 * MINUTE); /* the first of the two */
	expect("03:30", AUTUMN - 2 * HOUR, AUTUMN + HOUR + 30 * MINUTE);
	expect("12:00", AUTUMN - 14 * HOUR, AUTUMN + 10 * HOUR); /* tomorrow, a day of 25 hours */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spans),
		cmocka_unit_test(test_next_one),
		cmocka_unit_test(test_edges),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
