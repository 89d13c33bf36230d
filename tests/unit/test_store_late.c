/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rows by device that a run of SUBMITs writes last: nobody in the same commit can tell (M7, M15). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "err.h"
#include "kv_fault.h"
#include "store_box.h"
#include "store_in.h"

#define NORMAL BAKEN__CLASS__CLASS_NORMAL
#define MANY 300u
#define DEVICES 5u

static const unsigned devices[DEVICES] = {BK_BOX_VAULT, BK_BOX_OFFICER, BK_BOX_LEAD, BK_BOX_PHONE, BK_BOX_TABLET};

static struct bk_store_box box;
static struct bk_op ops[MANY];
static struct bk_op_capsule capsules[MANY][DEVICES];
static uint8_t capsule[BK_CAPSULE_BYTES], bodies[MANY][16];
static unsigned puts_before_damage;

static int setup(void **state)
{
	(void)state;
	memset(&box, 0, sizeof box);
	memset(ops, 0, sizeof ops);
	bk_store_box_realm(&box, "late");
	return 0;
}

static int setup_small(void **state)
{
	(void)state;
	memset(&box, 0, sizeof box);
	memset(ops, 0, sizeof ops);
	box.o.queue_max = 20;
	bk_store_box_realm(&box, "late");
	return 0;
}

static int teardown(void **state)
{
	int err;

	(void)state;
	bk_kv_fault_set(NULL, NULL);
	err = bk_store_box_check(&box);
	bk_store_box_close(&box);
	return err;
}

static void submit(unsigned i, const unsigned *to, size_t n_to)
{
	struct bk_op *op = &ops[i];

	op->kind = BK_OP_SUBMIT;
	op->now = box.now;
	bk_sample_fill(bodies[i], sizeof bodies[i], i);
	for (size_t k = 0; k < n_to; k++)
		capsules[i][k] = (struct bk_op_capsule){bk_sample_id(to[k]), capsule, 99};
	op->submit.message = bk_sample_id(0x7000 + i);
	op->submit.class = NORMAL;
	op->submit.body_hash = bk_hash_of(bodies[i], sizeof bodies[i]);
	op->submit.body.data = bodies[i];
	op->submit.body.len = sizeof bodies[i];
	op->submit.sender = bk_sample_id(BK_BOX_PHONE);
	op->submit.capsules = capsules[i];
	op->submit.n_capsules = n_to;
}

static void ack(unsigned i, unsigned device, const uint64_t *seq)
{
	ops[i].kind = BK_OP_ACK;
	ops[i].now = box.now;
	ops[i].ack.device = bk_sample_id(device);
	ops[i].ack.seqs = seq;
	ops[i].ack.n_seqs = 1;
}

static unsigned queued(unsigned device)
{
	return (unsigned)bk_store_box_device(&box, device).queued;
}

static void numbers_go_on_within_a_commit(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 8; i++)
		submit(i, devices, 2);
	assert_int_equal(bk_store_commit(box.store, ops, 8), 0);
	for (unsigned i = 0; i < 8; i++) {
		assert_int_equal(ops[i].result, 0);
		assert_int_equal(capsules[i][0].seq, (uint64_t)(i + 1) << 3 | NORMAL);
		assert_int_equal(capsules[i][1].seq, (uint64_t)(i + 1) << 3 | NORMAL);
	}
	assert_int_equal(queued(devices[0]), 8);
	assert_int_equal(bk_store_box_rows(&box, BK_T_OUTBOX), 16);
}

/* More rows than have room at once: the store writes what it has and goes on. */
static void more_than_there_is_room_for(void **state)
{
	(void)state;
	assert_true(MANY * DEVICES > BK_LATE_ROOM);
	for (unsigned i = 0; i < MANY; i++)
		submit(i, devices, DEVICES);
	assert_int_equal(bk_store_commit(box.store, ops, MANY), 0);
	for (unsigned k = 0; k < DEVICES; k++) {
		assert_int_equal(queued(devices[k]), MANY);
		assert_int_equal(capsules[MANY - 1][k].seq, (uint64_t)MANY << 3 | NORMAL);
	}
	assert_int_equal(bk_store_box_rows(&box, BK_T_OUTBOX), MANY * DEVICES);
}

static void a_full_queue_is_full_within_a_commit(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 25; i++)
		submit(i, devices, 1);
	assert_int_equal(bk_store_commit(box.store, ops, 25), 0);
	for (unsigned i = 0; i < 25; i++) {
		assert_int_equal(ops[i].result, i < 20 ? 0 : BK_E_QUOTA);
		free(ops[i].submit.full);
	}
	assert_int_equal(queued(devices[0]), 20);
	for (unsigned i = 0; i < 5; i++) { /* somebody was refused: noted, although it was the last of its run */
		bool resumed = false;

		assert_int_equal(bk_store_box_ack(&box, devices[0], capsules[i][0].seq, &resumed), 0);
		assert_int_equal(resumed, i == 4);
	}
}

/* Other ops find in the tables what came before them, and what comes after them finds theirs. */
static void others_in_between(void **state)
{
	const uint64_t first = 1u << 3 | NORMAL;

	(void)state;
	submit(0, devices, 2);
	ack(1, devices[0], &first);
	submit(2, devices, 2);
	ops[3] = (struct bk_op){.kind = BK_OP_DUTY_SET, .now = box.now};
	ops[3].duty.device = bk_sample_id(devices[1]);
	ops[3].duty.circle = BK_BOX_DESK;
	ops[3].duty.on = true;
	submit(4, devices, 2);
	assert_int_equal(bk_store_commit(box.store, ops, 5), 0);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(ops[i].result, 0);
	assert_int_equal(queued(devices[0]), 2);
	assert_int_equal(queued(devices[1]), 3);
	assert_true(bk_store_box_device(&box, devices[1]).on_duty);
	assert_int_equal(capsules[4][0].seq, 3u << 3 | NORMAL);
}

static int damaged(void *arg, enum bk_kv_fault_point point)
{
	(void)arg;
	return point == BK_KV_FAULT_PUT && puts_before_damage-- == 0 ? BK_E_CORRUPT : 0;
}

static int full(void *arg, enum bk_kv_fault_point point)
{
	(void)arg;
	return point == BK_KV_FAULT_PUT && puts_before_damage-- == 0 ? BK_E_FULL : 0;
}

/* A row that cannot be written spoils the op it belongs to, as if it had been written at its turn. */
static void damage_spoils_its_own_op(void **state)
{
	(void)state;
	for (unsigned at = 0; at < 6; at++) { /* three rows of each kind */
		unsigned spoiled = 0;

		for (unsigned i = 0; i < 3; i++) {
			submit(3 * at + i, &devices[i], 1);
			ops[i] = ops[3 * at + i];
		}
		puts_before_damage = at;
		bk_kv_fault_set(damaged, NULL);
		assert_int_equal(bk_store_commit(box.store, ops, 3), 0);
		bk_kv_fault_set(NULL, NULL);
		for (unsigned i = 0; i < 3; i++)
			spoiled += ops[i].result == BK_E_CORRUPT;
		assert_int_equal(spoiled, 1);
		assert_int_equal(bk_store_box_stats(&box).queued, 2 * (at + 1));
		assert_int_equal(bk_store_box_check(&box), 0);
	}
}

/* A commit that fails while they are written leaves nothing of them for the next. */
static void a_failed_commit_leaves_nothing(void **state)
{
	(void)state;
	for (unsigned at = 0; at < 4; at++) {
		submit(0, devices, 2);
		puts_before_damage = at;
		bk_kv_fault_set(full, NULL);
		assert_int_equal(bk_store_commit(box.store, ops, 1), BK_E_FULL);
		bk_kv_fault_set(NULL, NULL);
		assert_int_equal(bk_store_box_rows(&box, BK_T_OUTBOX), 0);
		assert_int_equal(queued(devices[0]), 0);
	}
	submit(1, &devices[2], 1);
	ops[0] = ops[1];
	assert_int_equal(bk_store_commit(box.store, ops, 1), 0);
	assert_int_equal(bk_store_box_rows(&box, BK_T_OUTBOX), 1);
	assert_int_equal(queued(devices[0]), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(numbers_go_on_within_a_commit, setup, teardown),
		cmocka_unit_test_setup_teardown(more_than_there_is_room_for, setup, teardown),
		cmocka_unit_test_setup_teardown(a_full_queue_is_full_within_a_commit, setup_small, teardown),
		cmocka_unit_test_setup_teardown(others_in_between, setup, teardown),
		cmocka_unit_test_setup_teardown(damage_spoils_its_own_op, setup, teardown),
		cmocka_unit_test_setup_teardown(a_failed_commit_leaves_nothing, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
