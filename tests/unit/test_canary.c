/* SPDX-License-Identifier: GPL-3.0-or-later */
/* When a canary is late, against a second, naive formulation (R1: delivery is measured, not assumed). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "canary.h"

#define SENT 1780000000000ull
#define LATE 120000ull

/* Counts those who are missing, and asks the clock last. */
static enum bk_canary_state naive(const struct bk_canary_screen *s, size_t n, bk_ms now)
{
	size_t owing = 0, missing = 0;

	while (n--) {
		if (!s[n].on_duty)
			continue;
		owing++;
		if (!s[n].shown_ms || s[n].shown_ms > SENT + LATE)
			missing++;
	}
	if (!owing)
		return BK_CANARY_NONE;
	if (!missing)
		return BK_CANARY_FINE;
	return now > SENT + LATE ? BK_CANARY_LATE : BK_CANARY_WAITING;
}

static void agrees_with_the_naive_one(void **state)
{
	static const bk_ms shown[] = {0, SENT - 1, SENT, SENT + 1, SENT + LATE, SENT + LATE + 1, SENT + 10 * LATE};
	static const bk_ms nows[] = {SENT - 1000, SENT, SENT + LATE, SENT + LATE + 1, SENT + 100 * LATE};

	(void)state;
	srand(1);
	for (unsigned round = 0; round < 50000; round++) {
		struct bk_canary_screen s[6] = {{.shown_ms = 0}};
		size_t n = (size_t)(rand() % 7), silent = 0;
		bk_ms now = nows[rand() % 5];
		struct bk_canary_verdict v;

		for (size_t i = 0; i < n; i++) {
			s[i].on_duty = rand() % 4 != 0;
			s[i].shown_ms = shown[rand() % 7];
			silent += bk_canary_silent(SENT, &s[i], LATE);
		}
		bk_canary_judge(SENT, s, n, LATE, now, &v);
		assert_int_equal(v.state, naive(s, n, now));
		assert_int_equal(v.expected - v.shown, silent);
	}
}

static void nothing_sent_is_nothing_late(void **state)
{
	struct bk_canary_screen s = {.on_duty = true};
	struct bk_canary_verdict v;

	(void)state;
	bk_canary_judge(0, &s, 1, LATE, SENT, &v);
	assert_int_equal(v.state, BK_CANARY_NONE);
	assert_int_equal(v.expected, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_the_naive_one),
		cmocka_unit_test(nothing_sent_is_nothing_late),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
