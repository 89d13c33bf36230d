/* SPDX-License-Identifier: GPL-3.0-or-later */
/* When a timer warns, is late and is over, against a second, naive formulation: minute by minute and at every edge. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "watch_due.h"

#define MINUTE 60000ull
#define HOUR (60 * MINUTE)

/* The same said another way: the time that is left decides. */
static enum bk_watch_phase naive(const struct bk_watch_due *d, bk_ms now)
{
	uint64_t whole = d->due_ms < d->from_ms ? 0 : d->due_ms - d->from_ms, lead = whole / 4;

	if (now >= d->due_ms) /* the grace is counted from the due time, without adding it */
		return now - d->due_ms < d->grace_ms ? BK_WATCH_LATE : BK_WATCH_OVER;
	lead = lead > 15 * MINUTE ? 15 * MINUTE : lead;
	lead = whole > 2 * MINUTE && lead < MINUTE ? MINUTE : lead;
	return d->due_ms - now <= lead ? BK_WATCH_WARNS : BK_WATCH_RUNS;
}

static void check_edges(const struct bk_watch_due *d)
{
	const bk_ms edges[] = {d->from_ms, bk_watch_due_warn(d), d->due_ms, d->due_ms + d->grace_ms};

	for (size_t i = 0; i < sizeof edges / sizeof *edges; i++)
		for (int off = -1; off <= 1; off++) {
			bk_ms now = edges[i] + (bk_ms)(int64_t)off;

			assert_int_equal(bk_watch_due_phase(d, now), naive(d, now));
		}
}

static void test_against_naive(void **state)
{
	static const uint64_t spans[] = {0, 1, 59999, 60000, 90000, 120000, 120001, 239999, 240000, 241000, HOUR,
		HOUR + 1, 24 * HOUR, 31 * 24 * HOUR};
	static const uint64_t graces[] = {0, 1, 60000, 5 * MINUTE, 24 * HOUR};
	const bk_ms from = 1780000000000;

	(void)state;
	for (size_t i = 0; i < sizeof spans / sizeof *spans; i++)
		for (size_t k = 0; k < sizeof graces / sizeof *graces; k++) {
			struct bk_watch_due d = {from, from + spans[i], graces[k]};

			check_edges(&d);
			for (unsigned step = 0; step < 200; step++) {
				bk_ms now = from - MINUTE + (spans[i] + graces[k] + 2 * MINUTE) * step / 200;

				assert_int_equal(bk_watch_due_phase(&d, now), naive(&d, now));
			}
		}
}

/* Going from change to change meets every phase once, in order, and ends. */
static void test_next(void **state)
{
	struct bk_watch_due d = {1780000000000, 1780000000000 + HOUR, 5 * MINUTE};
	bk_ms now = d.from_ms;

	(void)state;
	for (int want = BK_WATCH_RUNS; want <= BK_WATCH_OVER; want++) {
		assert_int_equal(bk_watch_due_phase(&d, now), want);
		if (want < BK_WATCH_OVER) {
			assert_true(bk_watch_due_next(&d, now) > now);
			now = bk_watch_due_next(&d, now);
			assert_int_equal(bk_watch_due_phase(&d, now - 1), want);
		}
	}
	assert_true(bk_watch_due_next(&d, now) == UINT64_MAX);
}

/* Nights of 3 and 1 hours between half past twelve and half past three: the timer counts hours, not clock faces. */
static void test_daylight_saving(void **state)
{
	static const struct {
		int month, day;
		uint64_t hours;
	} nights[] = {{2, 29, 2}, {9, 25, 4}, {5, 14, 3}};

	(void)state;
	setenv("TZ", "Europe/Amsterdam", 1);
	tzset();
	for (size_t i = 0; i < sizeof nights / sizeof *nights; i++) {
		struct tm from = {.tm_year = 126, .tm_mon = nights[i].month, .tm_mday = nights[i].day, .tm_min = 30, .tm_isdst = -1};
		struct tm due = from;
		struct bk_watch_due d = {.grace_ms = MINUTE};

		due.tm_hour = 3;
		d.from_ms = (bk_ms)mktime(&from) * 1000;
		d.due_ms = (bk_ms)mktime(&due) * 1000;
		assert_int_equal(d.due_ms - d.from_ms, nights[i].hours * HOUR);
		check_edges(&d);
		assert_int_equal(bk_watch_due_phase(&d, d.due_ms - 1), BK_WATCH_WARNS);
		assert_int_equal(d.due_ms - bk_watch_due_warn(&d), 15 * MINUTE);
	}
}

static void test_far_away(void **state)
{
	struct bk_watch_due d = {0, UINT64_MAX - 5, 100};

	(void)state;
	assert_int_equal(bk_watch_due_phase(&d, UINT64_MAX - 1), BK_WATCH_LATE);
	assert_true(bk_watch_due_after(UINT64_MAX - 3, 10) == UINT64_MAX);
	assert_int_equal(bk_watch_due_after(5, 10), 15);
}

/* Never "armed" on a promise alone. */
static void test_shown(void **state)
{
	(void)state;
	for (unsigned bits = 0; bits < 16; bits++)
		for (int phase = BK_WATCH_RUNS; phase <= BK_WATCH_OVER; phase++) {
			struct bk_watch_facts f = {bits & 1, bits & 2, bits & 4, bits & 8};
			enum bk_watch_shown s = bk_watch_due_shown(&f, (enum bk_watch_phase)phase);
			const char *want = bits & 1 ? "ended" : bits & 2 ? "fired" : phase >= BK_WATCH_LATE ? "late" :
				phase == BK_WATCH_WARNS ? "warning" : (bits & 12) == 12 ? "armed" : "asked";

			assert_string_equal(bk_watch_due_word(s), want);
		}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_against_naive),
		cmocka_unit_test(test_next),
		cmocka_unit_test(test_daylight_saving),
		cmocka_unit_test(test_far_away),
		cmocka_unit_test(test_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
