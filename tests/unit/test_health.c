/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Device health as a pure function, against a second, naive formulation (R7: each device is proved by a drill). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "health.h"

#define DAY 86400000ull
#define NOW 1780000000000ull

static const struct bk_health_rule rule = {.silent_days = 3, .drill_days = 31};
static const struct bk_health well = {.heard_ms = NOW - DAY, .free_known = true, .free_bytes = 1ull << 40,
	.allowed = 31, .asked = 31, .drill_ms = NOW - 5 * DAY};

/* One question after the other, as a person would ask them. */
static bool naive(const struct bk_health *h, unsigned place, bk_ms now)
{
	static const unsigned may[BK_ILLS] = {[BK_ILL_NOTIFY_PLACE] = 1, [BK_ILL_PLACE_PLACE] = 2,
		[BK_ILL_RECORD_PLACE] = 4, [BK_ILL_FILM_PLACE] = 8, [BK_ILL_BACKGROUND_PLACE] = 16};
	const long double days = 86400000.0L;

	if (place == BK_ILL_NEVER_PLACE)
		return h->heard_ms == 0;
	if (h->heard_ms == 0)
		return false;
	switch (place) {
	case BK_ILL_SILENT_PLACE:
		return ((long double)now - (long double)h->heard_ms) / days > 3;
	case BK_ILL_DRILL_PLACE:
		return h->drill_ms == 0 || ((long double)now - (long double)h->drill_ms) / days > 31;
	case BK_ILL_CLOCK_PLACE:
		return (long double)h->skew_ms > 120000 || (long double)h->skew_ms < -120000;
	case BK_ILL_STORAGE_PLACE:
		return h->free_known && h->free_bytes / 1048576 < 200;
	case BK_ILL_WAITING_PLACE:
		return h->waiting > 19;
	default:
		return (h->asked & may[place]) != 0 && (h->allowed & may[place]) == 0;
	}
}

static void agrees_with_the_naive_one(void **state)
{
	static const bk_ms times[] = {0, 1, NOW - 40 * DAY, NOW - 31 * DAY - 1, NOW - 31 * DAY, NOW - 3 * DAY - 1,
		NOW - 3 * DAY, NOW, NOW + DAY, UINT64_MAX};
	static const int64_t skews[] = {INT64_MIN, -120001, -120000, 0, 120000, 120001, INT64_MAX};
	static const uint64_t frees[] = {0, (200ull << 20) - 1, 200ull << 20, UINT64_MAX};
	unsigned n = 0;

	(void)state;
	for (unsigned i = 0; i < 10 * 10 * 7 * 4 * 2 * 3 * 8; i++) {
		unsigned k = i;
		struct bk_health h = well;
		unsigned ill;

#define PICK(list) list[k % (sizeof list / sizeof *list)]; k /= sizeof list / sizeof *list
		h.heard_ms = PICK(times);
		h.drill_ms = PICK(times);
		h.skew_ms = PICK(skews);
		h.free_bytes = PICK(frees);
		h.free_known = k % 2;
		k /= 2;
		h.waiting = 19 + k % 3;
		k /= 3;
		h.asked = (k * 37 + i) & 31;
		h.allowed = (k * 11 + i / 7) & 31;
		ill = bk_health_judge(&h, &rule, NOW);
		for (unsigned place = 0; place < BK_ILLS; place++, n++)
			assert_int_equal((ill >> place) & 1, naive(&h, place, NOW));
	}
	assert_true(n > 100000);
}

static void a_well_device_has_nothing(void **state)
{
	(void)state;
	assert_int_equal(bk_health_judge(&well, &rule, NOW), 0);
	assert_int_equal(bk_health_judge(&(struct bk_health){.asked = 31}, &rule, NOW), BK_ILL_NEVER);
}

/* A clock that was set back, at either end, is no reason to call somebody silent. */
static void times_ahead_count_as_now(void **state)
{
	struct bk_health h = well;

	(void)state;
	h.heard_ms = h.drill_ms = NOW + 100 * DAY;
	assert_int_equal(bk_health_judge(&h, &rule, NOW), 0);
}

static void every_bit_has_its_word(void **state)
{
	(void)state;
	for (unsigned i = 0; i < BK_ILLS; i++)
		for (unsigned k = 0; k < i; k++)
			assert_string_not_equal(bk_health_word(i), bk_health_word(k));
	assert_string_equal(bk_health_word(BK_ILLS), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_the_naive_one),
		cmocka_unit_test(a_well_device_has_nothing),
		cmocka_unit_test(times_ahead_count_as_now),
		cmocka_unit_test(every_bit_has_its_word),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
