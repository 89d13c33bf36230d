/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Message ids on their way from FRESH to DEDUPE: at every step each is known, once, with all it served (M7). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "err.h"
#include "store_box.h"
#include "store_in.h"

#define NORMAL BAKEN__CLASS__CLASS_NORMAL

static struct bk_store_box box;

static int setup(void **state)
{
	(void)state;
	memset(&box, 0, sizeof box);
	bk_store_box_realm(&box, "fresh");
	box.store->bounds.fresh = 8;
	return 0;
}

static int teardown(void **state)
{
	int err = bk_store_box_check(&box);

	(void)state;
	bk_store_box_close(&box);
	return err;
}

/* Known: nobody is served twice. */
static void expect_known(unsigned from, unsigned to)
{
	for (unsigned i = from; i <= to; i++) {
		const unsigned phone = BK_BOX_PHONE;
		struct bk_box_message m = {.number = i, .class = NORMAL, .to = &phone, .n_to = 1};

		assert_int_equal(bk_store_box_submit(&box, &m), 0);
		assert_true(m.duplicate);
		assert_int_equal(m.seqs[0], 0);
	}
}

static void ids_go_over(void **state)
{
	(void)state;
	for (unsigned i = 1; i <= 100; i++) {
		assert_true(bk_store_box_send(&box, i, NORMAL, BK_BOX_PHONE) > 0);
		assert_in_range(bk_store_box_rows(&box, BK_T_FRESH), 1, 8);
		assert_true(bk_store_box_rows(&box, BK_T_FRESH) + bk_store_box_rows(&box, BK_T_DEDUPE) == i);
		if (i % 10 == 0)
			expect_known(1, i);
	}
	assert_true(bk_store_box_rows(&box, BK_T_DEDUPE) >= 92);
	assert_int_equal(bk_store_box_stats(&box).queued, 100);
}

static void a_restart_reads_them_again(void **state)
{
	(void)state;
	for (unsigned i = 1; i <= 30; i++) {
		assert_true(bk_store_box_send(&box, i, NORMAL, BK_BOX_PHONE) > 0);
		assert_int_equal(bk_store_box_reopen(&box), 0);
		box.store->bounds.fresh = 8;
		expect_known(i > 12 ? i - 12 : 1, i);
	}
}

/* An alarm is topped up wherever its id lies, and stays known with all its devices. */
static void top_ups_follow(void **state)
{
	const unsigned both[] = {BK_BOX_PHONE, BK_BOX_TABLET};

	(void)state;
	for (unsigned i = 1; i <= 20; i++)
		assert_true(bk_store_box_send(&box, i, BAKEN__CLASS__CLASS_ALARM, BK_BOX_PHONE) > 0);
	for (unsigned i = 1; i <= 20; i++) {
		struct bk_box_message m = {.number = i, .class = BAKEN__CLASS__CLASS_ALARM, .to = both, .n_to = 2};

		assert_int_equal(bk_store_box_submit(&box, &m), 0);
		assert_true(m.duplicate);
		assert_int_equal(m.seqs[0], 0);
		assert_true(m.seqs[1] > 0);
		assert_int_equal(bk_store_box_submit(&box, &m), 0);
		assert_int_equal(m.seqs[1], 0);
	}
	assert_int_equal(bk_store_box_stats(&box).queued, 40);
}

/* The same id twice in one batch. */
static void known_before_it_is_committed(void **state)
{
	uint8_t capsule[BK_CAPSULE_BYTES] = {0}, body[] = "ciphertext";
	struct bk_op_capsule capsules[2];
	struct bk_op ops[2];

	(void)state;
	memset(ops, 0, sizeof ops);
	for (unsigned i = 0; i < 2; i++) {
		capsules[i] = (struct bk_op_capsule){bk_sample_id(BK_BOX_PHONE), capsule, 0};
		ops[i].kind = BK_OP_SUBMIT;
		ops[i].now = box.now;
		ops[i].submit.message = bk_sample_id(7);
		ops[i].submit.class = NORMAL;
		ops[i].submit.body_hash = bk_hash_of(body, sizeof body);
		ops[i].submit.body = (struct bk_bytes){body, sizeof body};
		ops[i].submit.capsules = &capsules[i];
		ops[i].submit.n_capsules = 1;
	}
	assert_int_equal(bk_store_commit(box.store, ops, 2), 0);
	assert_false(ops[0].submit.duplicate);
	assert_true(ops[1].submit.duplicate);
	assert_int_equal(bk_store_box_stats(&box).queued, 1);
}

/* An id that was forgotten after its time, and is used again, is known again: the index still holds the old place. */
static void used_again_after_its_time(void **state)
{
	(void)state;
	box.store->bounds.fresh = 1000;
	for (unsigned round = 0; round < 3; round++) {
		assert_true(bk_store_box_send(&box, 1, NORMAL, BK_BOX_PHONE) > 0);
		expect_known(1, 1);
		box.now += 31 * BK_SAMPLE_DAY;
		bk_store_box_expire(&box);
		assert_int_equal(bk_store_box_rows(&box, BK_T_FRESH), 0);
	}
	assert_true(bk_store_box_send(&box, 1, NORMAL, BK_BOX_PHONE) > 0);
	assert_int_equal(bk_store_box_reopen(&box), 0);
	expect_known(1, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(ids_go_over, setup, teardown),
		cmocka_unit_test_setup_teardown(a_restart_reads_them_again, setup, teardown),
		cmocka_unit_test_setup_teardown(top_ups_follow, setup, teardown),
		cmocka_unit_test_setup_teardown(known_before_it_is_committed, setup, teardown),
		cmocka_unit_test_setup_teardown(used_again_after_its_time, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
