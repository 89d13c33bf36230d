/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Does guidance still hold, who is overdue, at every edge and with clocks that are hours off. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "valid.h"

#define HOUR 3600000ll
#define T 1780000000000ull

static void test_clock(void **state)
{
	(void)state;
	assert_true(bk_valid_clock(T, 0) == T);
	assert_true(bk_valid_clock(T, 5 * HOUR) == T + 5 * (uint64_t)HOUR);
	assert_true(bk_valid_clock(T, -5 * HOUR) == T - 5 * (uint64_t)HOUR);
	assert_true(bk_valid_clock(1000, -HOUR) == 0);
	assert_true(bk_valid_clock(T, INT64_MIN) == 0);
	assert_true(bk_valid_clock(UINT64_MAX - 1, HOUR) == UINT64_MAX);
}

static void test_state(void **state)
{
	struct bk_valid_guidance g = {.sent_ms = T, .until_ms = T + 1000};

	(void)state;
	assert_int_equal(bk_valid_at(&g, T - 1), BK_VALID_HOLDS);
	assert_int_equal(bk_valid_at(&g, T + 999), BK_VALID_HOLDS);
	assert_int_equal(bk_valid_at(&g, T + 1000), BK_VALID_EXPIRED);
	assert_int_equal(bk_valid_at(&g, UINT64_MAX), BK_VALID_EXPIRED);
	g.until_ms = 0;
	assert_int_equal(bk_valid_at(&g, UINT64_MAX), BK_VALID_HOLDS);
	g.recalled_ms = T + 5000;
	assert_int_equal(bk_valid_at(&g, T), BK_VALID_RECALLED); /* also by a clock that is behind the recall */
	assert_string_equal(bk_valid_name(BK_VALID_EXPIRED), "expired");
}

/* A device whose clock is hours wrong says the same as one whose clock is right, once it knows by how much. */
static void test_wrong_clocks(void **state)
{
	struct bk_valid_guidance g = {.sent_ms = T, .until_ms = T + 2 * (uint64_t)HOUR};

	(void)state;
	for (int64_t off = -9 * HOUR; off <= 9 * HOUR; off += HOUR)
		for (int64_t at = -HOUR; at <= 4 * HOUR; at += HOUR / 4) {
			bk_ms real = (bk_ms)((int64_t)T + at), shown = (bk_ms)((int64_t)real - off);

			assert_int_equal(bk_valid_at(&g, bk_valid_clock(shown, off)), bk_valid_at(&g, real));
		}
}

/* The naive way: by cases. */
static bool owed(const struct bk_valid_guidance *g, bk_ms acknowledged, bk_ms now)
{
	if (!g->acknowledge)
		return false;
	if (acknowledged)
		return false;
	if (g->recalled_ms)
		return false;
	if (now < g->sent_ms)
		return false;
	return now >= g->sent_ms + BK_VALID_ACK_MS;
}

static void test_overdue(void **state)
{
	static const bk_ms at[] = {0, T - 1, T, T + BK_VALID_ACK_MS - 1, T + BK_VALID_ACK_MS, T + 90 * BK_VALID_ACK_MS, UINT64_MAX};

	(void)state;
	for (unsigned bits = 0; bits < 8; bits++)
		for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
			struct bk_valid_guidance g = {.sent_ms = T, .acknowledge = bits & 1, .recalled_ms = bits & 2 ? T + 1 : 0};
			bk_ms acknowledged = bits & 4 ? T + 2 : 0;

			assert_int_equal(bk_valid_overdue(&g, acknowledged, at[i]), owed(&g, acknowledged, at[i]));
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clock),
		cmocka_unit_test(test_state),
		cmocka_unit_test(test_wrong_clocks),
		cmocka_unit_test(test_overdue),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
