/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The server's watch over the whole path (R1, R4): armed at the start and by nothing else, judged by reports and clock
 * alone, against a second, naive formulation.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "path.h"
#include "sample.h"

#define START 1780000000000ull
#define SILENT 900000ull

static void a_vault_that_never_came_is_late_too(void **state)
{
	struct bk_path p;

	(void)state;
	bk_path_init(&p, SILENT, START);
	assert_int_equal(bk_path_worst(&p, START), BK_PATH_WAITING);
	assert_int_equal(bk_path_worst(&p, START + SILENT), BK_PATH_WAITING);
	assert_int_equal(bk_path_worst(&p, START + SILENT + 1), BK_PATH_SILENT);
	assert_int_equal(bk_path_worst(&p, START - 5000), BK_PATH_WAITING); /* a clock set back */
	bk_path_init(&p, 0, START);
	assert_int_equal(bk_path_worst(&p, START + 100 * SILENT), BK_PATH_WAITING);
}

static void desks_are_bounded_and_found_again(void **state)
{
	struct bk_path p;

	(void)state;
	bk_path_init(&p, SILENT, START);
	for (unsigned i = 0; i < BK_PATH_DESKS; i++)
		assert_ptr_equal(bk_path_desk(&p, bk_sample_id(i)), &p.desks[i]);
	assert_null(bk_path_desk(&p, bk_sample_id(BK_PATH_DESKS)));
	assert_ptr_equal(bk_path_desk(&p, bk_sample_id(7)), &p.desks[7]);
}

static bk_ms pick(unsigned n)
{
	return (unsigned)rand() % n;
}

/* Looks for the first bad desk, worst kind first. */
static enum bk_path_state naive(const struct bk_path *p, bk_ms now)
{
	for (size_t i = 0; i < p->n; i++)
		if ((int64_t)(now - p->desks[i].told_ms) > (int64_t)SILENT)
			return BK_PATH_SILENT;
	for (size_t i = 0; i < p->n; i++)
		if (p->desks[i].late)
			return BK_PATH_LATE;
	if (p->n)
		return BK_PATH_FINE;
	return (int64_t)(now - p->started_ms) > (int64_t)SILENT ? BK_PATH_SILENT : BK_PATH_WAITING;
}

static void worst_agrees_with_the_naive_one(void **state)
{
	(void)state;
	srand(2);
	for (unsigned round = 0; round < 20000; round++) {
		struct bk_path p;
		bk_ms now = START + pick(5) * SILENT / 2 + pick(3) - 1;

		bk_path_init(&p, SILENT, START);
		for (int n = rand() % 4; n > 0; n--) {
			struct bk_path_desk *d = bk_path_desk(&p, bk_sample_id((unsigned)n));

			d->told_ms = START + pick(4) * SILENT / 2 + pick(3);
			d->late = rand() % 3 == 0;
		}
		assert_int_equal(bk_path_worst(&p, now), naive(&p, now));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_vault_that_never_came_is_late_too),
		cmocka_unit_test(desks_are_bounded_and_found_again),
		cmocka_unit_test(worst_agrees_with_the_naive_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
