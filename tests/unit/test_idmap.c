/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The map from ids to pointers against a plain array, through growth, graves and equal beginnings. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdlib.h>
#include <cmocka.h>

#include "idmap.h"

#define N 3000u

static bk_id id(unsigned n, bool close)
{
	bk_id v = {{0}};

	if (!close) { /* spread; else all begin alike and stand in one row */
		uint64_t h = n * 0x9e3779b97f4a7c15ull;

		memcpy(v.b, &h, sizeof h);
	}
	memcpy(v.b + 8, &n, sizeof n);
	return v;
}

static void agrees_with_an_array(bool close, unsigned n)
{
	struct bk_idmap m = {0};
	static int values[N];
	static void *plain[N];
	uint32_t x = 12345;
	size_t at = 0, count = 0, visited = 0;
	void *v;

	memset(plain, 0, sizeof plain);
	for (unsigned i = 0; i < 30000; i++) {
		unsigned k = (x = x * 1664525u + 1013904223u) >> 8;
		unsigned which = k % n;

		if (k & 0x4000) {
			assert_int_equal(bk_idmap_put(&m, id(which, close), &values[k % N]), 0);
			plain[which] = &values[k % N];
		} else {
			bk_idmap_del(&m, id(which, close));
			plain[which] = NULL;
		}
		assert_ptr_equal(bk_idmap_find(&m, id(which, close)), plain[which]);
	}
	for (unsigned i = 0; i < n; i++) {
		assert_ptr_equal(bk_idmap_find(&m, id(i, close)), plain[i]);
		count += plain[i] != NULL;
	}
	while ((v = bk_idmap_next(&m, &at)))
		visited++;
	assert_int_equal(visited, count);
	assert_int_equal(m.n, count);
	assert_true(m.room <= 8 * count + 128); /* graves do not make it grow for ever */
	bk_idmap_done(&m);
	assert_null(bk_idmap_find(&m, id(0, close)));
}

static void spread_ids(void **state)
{
	(void)state;
	agrees_with_an_array(false, N);
	agrees_with_an_array(false, 10);
}

static void ids_that_begin_alike(void **state)
{
	(void)state;
	agrees_with_an_array(true, 200);
}

static void an_empty_map(void **state)
{
	struct bk_idmap m = {0};
	size_t at = 0;

	(void)state;
	assert_null(bk_idmap_find(&m, id(1, false)));
	bk_idmap_del(&m, id(1, false));
	assert_null(bk_idmap_next(&m, &at));
	bk_idmap_done(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spread_ids),
		cmocka_unit_test(ids_that_begin_alike),
		cmocka_unit_test(an_empty_map),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
