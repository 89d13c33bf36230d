/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The server's ladder: when which step is due, against a second formulation; whose ack ends it (R8, R12). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "err.h"
#include "ladder.h"
#include "store_box.h"
#include "store_in.h"

#define T0 BK_SAMPLE_NOW

/* Naive: what would be done, second by second, by somebody who writes each step down. */
static unsigned played(const struct bk_ladder_times *t, bk_ms until, unsigned from)
{
	unsigned level = from;

	for (bk_ms now = T0; now <= until; now += 500)
		for (unsigned i = level; i < BK_LADDER_LEVELS; i++)
			if (level == i && now >= T0 + t->after_ms[i])
				level = i + 1;
	return level;
}

static void test_due(void **state)
{
	static const struct bk_ladder_times many[] = {
		{{30000, 90000, 180000}}, {{1000, 1000, 1000}}, {{1000, 1000, 86400000}}, {{5000, 10000, 10000}}};

	(void)state;
	for (size_t k = 0; k < sizeof many / sizeof *many; k++)
		for (unsigned from = 0; from <= BK_LADDER_LEVELS; from++)
			for (bk_ms now = T0; now <= T0 + 200000; now += 500) {
				struct bk_ladder_row row = {.stored_ms = T0, .level = from};
				uint64_t late = 0;
				unsigned due, steps = 0;

				while ((due = bk_ladder_due(&many[k], &row, now, &late)) != 0) {
					assert_int_equal(due, row.level + 1); /* none is left out */
					assert_int_equal(late, now - T0 - many[k].after_ms[due - 1]);
					row.level = due;
					steps++;
				}
				assert_int_equal(row.level, played(&many[k], now, from));
				assert_true(steps <= BK_LADDER_LEVELS);
			}
}

/* A clock that was set back wakes nobody. */
static void test_clock_set_back(void **state)
{
	const struct bk_ladder_times t = {{1000, 2000, 3000}};
	struct bk_ladder_row row = {.stored_ms = T0};
	uint64_t late = 0;

	(void)state;
	assert_int_equal(bk_ladder_due(&t, &row, T0 - 86400000, &late), 0);
	assert_int_equal(bk_ladder_due(&t, &row, 0, &late), 0);
}

/* ---- in the store ---- */

static struct bk_store_box box;

static int setup(void **state)
{
	(void)state;
	memset(&box, 0, sizeof box);
	bk_store_box_realm(&box, "ladder");
	return 0;
}

static int teardown(void **state)
{
	int err = bk_store_box_check(&box);

	(void)state;
	bk_store_box_close(&box);
	return err;
}

static struct bk_ladder_row last;

static int see(void *arg, const struct bk_ladder_row *row)
{
	last = *row;
	++*(size_t *)arg;
	return 0;
}

static size_t waiting(void)
{
	struct bk_store_view *v = NULL;
	size_t n = 0;

	assert_int_equal(bk_store_view_begin(box.store, &v), 0);
	assert_int_equal(bk_store_ladder(v, see, &n), 0);
	bk_store_view_end(v);
	return n;
}

static struct bk_box_message alarm(unsigned number)
{
	static const unsigned to[] = {BK_BOX_OFFICER, BK_BOX_LEAD, BK_BOX_VAULT, BK_BOX_PHONE};
	struct bk_box_message m = {.number = number, .class = BAKEN__CLASS__CLASS_ALARM, .to = to, .n_to = 4,
		.ladder = true, .drill = number == 9};

	assert_int_equal(bk_store_box_submit(&box, &m), 0);
	return m;
}

static int step(unsigned number, unsigned level)
{
	struct bk_op op = {.kind = BK_OP_LADDER_STEP};

	op.ladder.message = bk_sample_id(0x5000 + number);
	op.ladder.level = level;
	return bk_store_box_do(&box, &op);
}

/* A vault, or another circle, is no human of this desk; the first of them that is ends it. */
static void test_whose_ack(void **state)
{
	struct bk_box_message m = alarm(1);

	(void)state;
	assert_int_equal(waiting(), 1);
	assert_true(bk_id_equal(last.desk, BK_BOX_DESK) && !last.drill && !last.level);
	assert_int_equal(bk_store_box_ack(&box, BK_BOX_VAULT, m.seqs[2], NULL), 0);
	assert_int_equal(bk_store_box_ack(&box, BK_BOX_PHONE, m.seqs[3], NULL), 0);
	assert_int_equal(waiting(), 1);
	assert_int_equal(bk_store_box_ack(&box, BK_BOX_LEAD, m.seqs[1], NULL), 0);
	assert_int_equal(waiting(), 0);
	assert_int_equal(bk_store_box_ack(&box, BK_BOX_OFFICER, m.seqs[0], NULL), 0);
	assert_int_equal(step(1, 1), BK_E_NOT_FOUND);
}

/* Another message's ack ends nothing; an ordinary message climbs nothing; a repeat begins nothing anew. */
static void test_only_its_own(void **state)
{
	struct bk_box_message a = alarm(1), b = alarm(9), again;

	(void)state;
	assert_int_equal(waiting(), 2);
	assert_int_not_equal(bk_store_box_send(&box, 3, BAKEN__CLASS__CLASS_URGENT, BK_BOX_OFFICER), 0);
	assert_int_equal(waiting(), 2);
	assert_int_equal(bk_store_box_ack(&box, BK_BOX_OFFICER, b.seqs[0], NULL), 0);
	assert_int_equal(waiting(), 1);
	assert_true(bk_id_equal(last.message, bk_sample_id(0x5001)) && !last.drill);
	again = alarm(9);
	assert_true(again.duplicate);
	assert_int_equal(waiting(), 1);
	assert_int_equal(bk_store_box_ack(&box, BK_BOX_OFFICER, a.seqs[0], NULL), 0);
	assert_int_equal(waiting(), 0);
}

/* R14: a drill stays one. */
static void test_drill(void **state)
{
	(void)state;
	alarm(9);
	assert_int_equal(waiting(), 1);
	assert_true(last.drill);
}

static void test_steps(void **state)
{
	(void)state;
	alarm(1);
	assert_int_equal(step(1, 0), BK_E_INVAL);
	assert_int_equal(step(1, 4), BK_E_INVAL);
	assert_int_equal(step(2, 1), BK_E_NOT_FOUND);
	assert_int_equal(step(1, 2), 0);
	assert_int_equal(step(1, 1), 0); /* never back */
	assert_int_equal(bk_store_box_reopen(&box), 0);
	assert_int_equal(waiting(), 1);
	assert_int_equal(last.level, 2);
}

/* Full: the alarm itself is stored, and it is said that nobody watches it. Old ones go by themselves (M7). */
static void test_bound_and_end(void **state)
{
	struct bk_op op = {.kind = BK_OP_SUBMIT};
	struct bk_op_capsule c = {bk_sample_id(BK_BOX_OFFICER), NULL, 0};
	uint8_t capsule[BK_CAPSULE_BYTES] = {0}, body[100] = {0};
	bool more = true;

	(void)state;
	alarm(1);
	box.store->bounds.ladder = 1;
	c.capsule = capsule;
	op.submit.message = bk_sample_id(1);
	op.submit.class = BAKEN__CLASS__CLASS_ALARM;
	op.submit.body_hash = bk_hash_of(body, sizeof body);
	op.submit.body = (struct bk_bytes){body, sizeof body};
	op.submit.capsules = &c;
	op.submit.n_capsules = 1;
	op.submit.ladder = true;
	op.submit.desk = BK_BOX_DESK;
	assert_int_equal(bk_store_box_do(&box, &op), 0);
	assert_true(op.submit.unwatched);
	assert_int_not_equal(c.seq, 0);
	assert_int_equal(waiting(), 1);
	while (more)
		assert_int_equal(bk_store_expire(box.store, box.now + BK_STORE_LADDER_KEPT_MS, NULL, NULL, &more), 0);
	assert_int_equal(waiting(), 1);
	for (more = true; more;)
		assert_int_equal(bk_store_expire(box.store, box.now + BK_STORE_LADDER_KEPT_MS + 10000, NULL, NULL, &more), 0);
	assert_int_equal(waiting(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_due),
		cmocka_unit_test(test_clock_set_back),
		cmocka_unit_test_setup_teardown(test_whose_ack, setup, teardown),
		cmocka_unit_test_setup_teardown(test_only_its_own, setup, teardown),
		cmocka_unit_test_setup_teardown(test_drill, setup, teardown),
		cmocka_unit_test_setup_teardown(test_steps, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bound_and_end, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
