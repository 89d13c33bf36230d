/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Gaps of a shift plan: against a second, naive formulation minute by minute, and where clocks change. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <time.h>

#include "moment.h"
#include "rota.h"
#include "sample.h"

#define MINUTE 60000ull
#define HOUR (60 * MINUTE)
#define SPAN 240u /* minutes */

static uint32_t seed = 7;

static uint32_t rnd(uint32_t n)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % n;
}

static unsigned naive(const struct bk_rota_entry *e, size_t n, bk_ms at)
{
	bool there[4] = {false};
	unsigned count = 0;

	for (size_t i = 0; i < n; i++)
		for (unsigned who = 0; who < 4; who++)
			if (bk_id_equal(e[i].who, bk_sample_id(who + 1)) && at >= e[i].from_ms && at < e[i].until_ms)
				there[who] = true;
	for (unsigned who = 0; who < 4; who++)
		count += there[who];
	return count;
}

static void test_naive(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 500; round++) {
		const struct bk_rota_gap span = {.from_ms = 100 * MINUTE, .until_ms = (100 + SPAN) * MINUTE};
		struct bk_rota_entry e[12];
		struct bk_rota_gap gaps[SPAN];
		size_t n = rnd(13), k, at = 0;
		unsigned least = rnd(4);

		for (size_t i = 0; i < n; i++) {
			e[i].who = bk_sample_id(1 + rnd(4));
			e[i].from_ms = (80 + rnd(SPAN)) * MINUTE;
			e[i].until_ms = e[i].from_ms + (1 + rnd(120)) * MINUTE;
		}
		k = bk_rota_gaps(e, n, least, &span, gaps, SPAN);
		for (bk_ms t = span.from_ms; t < span.until_ms; t += MINUTE) {
			bool short_of = naive(e, n, t) < least, in;

			while (at < k && gaps[at].until_ms <= t)
				at++;
			in = at < k && gaps[at].from_ms <= t;
			assert_int_equal(in, short_of);
			if (in)
				assert_true(gaps[at].planned <= naive(e, n, t));
		}
		for (size_t i = 1; i < k; i++)
			assert_true(gaps[i].from_ms > gaps[i - 1].until_ms); /* stretches that touch are one */
	}
}

static bk_ms at(const char *text)
{
	bk_ms t = 0;

	assert_int_equal(bk_moment_read(text, 0, &t), 0);
	return t;
}

/* A night in which the clock goes back lasts an hour longer, one in which it goes on an hour less; neither is a gap. */
static void test_clocks_change(void **state)
{
	static const struct {
		const char *evening, *morning;
		unsigned hours;
	} nights[] = {
		{"2026-10-24 22:00", "2026-10-25 07:00", 10}, {"2026-03-28 22:00", "2026-03-29 07:00", 8},
		{"2026-11-24 22:00", "2026-11-25 07:00", 9},
	};

	(void)state;
	for (size_t i = 0; i < sizeof nights / sizeof *nights; i++) {
		bk_ms from = at(nights[i].evening), until = at(nights[i].morning);
		struct bk_rota_entry e[3] = {{bk_sample_id(1), from - 8 * HOUR, from}, {bk_sample_id(2), from, until},
			{bk_sample_id(3), until, until + 8 * HOUR}};
		struct bk_rota_gap span = {.from_ms = from - 8 * HOUR, .until_ms = until + 8 * HOUR}, gaps[4];

		assert_int_equal(until - from, nights[i].hours * HOUR);
		assert_int_equal(bk_rota_gaps(e, 3, 1, &span, gaps, 4), 0);
		e[1].until_ms = until - HOUR; /* goes home an hour early */
		assert_int_equal(bk_rota_gaps(e, 3, 1, &span, gaps, 4), 1);
		assert_int_equal(gaps[0].until_ms - gaps[0].from_ms, HOUR);
		assert_int_equal(gaps[0].until_ms, until);
		assert_int_equal(gaps[0].planned, 0);
	}
}

/* "No second officer after 22:00." */
static void test_second_officer(void **state)
{
	bk_ms ten = at("2026-11-25 22:00");
	struct bk_rota_entry e[3] = {{bk_sample_id(1), ten - 6 * HOUR, ten + 6 * HOUR}, {bk_sample_id(2), ten - 6 * HOUR, ten},
		{bk_sample_id(1), ten - HOUR, ten + HOUR}}; /* the first, planned twice, is no second */
	struct bk_rota_gap span = {.from_ms = ten - 5 * HOUR, .until_ms = ten + 5 * HOUR}, gaps[4];

	(void)state;
	assert_int_equal(bk_rota_gaps(e, 3, 2, &span, gaps, 4), 1);
	assert_int_equal(gaps[0].from_ms, ten);
	assert_int_equal(gaps[0].until_ms, ten + 5 * HOUR);
	assert_int_equal(gaps[0].planned, 1);
	assert_int_equal(bk_rota_gaps(e, 3, 0, &span, gaps, 4), 0);
	assert_int_equal(bk_rota_gaps(NULL, 0, 1, &span, gaps, 4), 1);
	assert_int_equal(bk_rota_gaps(e, 3, 2, &span, gaps, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_naive),
		cmocka_unit_test(test_clocks_change),
		cmocka_unit_test(test_second_officer),
	};

	setenv("TZ", "Europe/Amsterdam", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
