/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The store in memory does what every store must, and what it adds for tests: lag and failures on demand. */
#include "kv_suite.h"

#include <stdlib.h>
#include <string.h>

#include "err.h"

static int setup(void **state)
{
	*state = bk_kv_mem_new();
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	bk_kv_mem_free(*state);
	return 0;
}

static int setup_blobs(void **state)
{
	*state = bk_blobs_mem_new();
	return *state ? 0 : -1;
}

static int teardown_blobs(void **state)
{
	bk_blobs_mem_free(*state);
	return 0;
}

static void lagging(void **state)
{
	struct bk_kv *kv = *state;
	uint64_t seq = 0;

	bk_kv_mem_lag(kv, true);
	assert_int_equal(bk_kv_begin(kv), 0);
	assert_int_equal(bk_kv_put(kv, "a", 1, "1", 1), 0);
	assert_int_equal(bk_kv_commit(kv, &seq), 0);
	assert_true(bk_kv_durable(kv) < seq);
	bk_kv_suite_expect(kv, "a", "1"); /* seen, and not yet safe */
	bk_kv_mem_confirm(kv);
	assert_int_equal(bk_kv_durable(kv), seq);
	bk_kv_mem_lag(kv, false);
	assert_int_equal(bk_kv_begin(kv), 0);
	assert_int_equal(bk_kv_commit(kv, &seq), 0);
	assert_int_equal(bk_kv_durable(kv), seq);
}

static int one_turn(struct bk_kv *kv)
{
	uint8_t *value = NULL;
	size_t len = 0;
	int err = bk_kv_begin(kv);

	if (!err)
		err = bk_kv_put(kv, "new", 3, "1", 1);
	if (!err)
		err = bk_kv_put(kv, "old", 3, "changed", 7);
	if (!err)
		err = bk_kv_get(kv, "old", 3, &value, &len);
	free(value);
	if (!err)
		err = bk_kv_del(kv, "gone", 4);
	if (!err)
		err = bk_kv_commit(kv, NULL);
	if (err)
		bk_kv_abort(kv);
	return err;
}

static void every_call_can_fail(void **state)
{
	struct bk_kv *kv = *state;

	bk_kv_suite_put(kv, "old", "kept");
	bk_kv_suite_put(kv, "gone", "still here");
	for (long n = 0; n < 6; n++) {
		bk_kv_mem_fail(kv, n, BK_E_FULL);
		assert_int_equal(one_turn(kv), BK_E_FULL);
		bk_kv_suite_expect(kv, "old", "kept");
		bk_kv_suite_expect(kv, "gone", "still here");
		bk_kv_suite_expect(kv, "new", NULL);
	}
	bk_kv_mem_fail(kv, 6, BK_E_FULL);
	assert_int_equal(one_turn(kv), 0);
	bk_kv_mem_fail(kv, -1, 0);
	bk_kv_suite_expect(kv, "old", "changed");
	bk_kv_suite_expect(kv, "gone", NULL);
}

static void full_of_blobs(void **state)
{
	struct bk_blobs *b = *state;
	int err = 0;
	size_t n;

	for (n = 0; !err && n < 1000; n++)
		err = b->ops->append(b, bk_id_random(), "x", 1);
	assert_int_equal(err, BK_E_FULL);
	assert_in_range(n, 16, 999);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BK_KV_SUITE(setup, teardown),
		BK_BLOBS_SUITE(setup_blobs, teardown_blobs),
		cmocka_unit_test_setup_teardown(lagging, setup, teardown),
		cmocka_unit_test_setup_teardown(every_call_can_fail, setup, teardown),
		cmocka_unit_test_setup_teardown(full_of_blobs, setup_blobs, teardown_blobs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
