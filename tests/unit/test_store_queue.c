/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Submitting, delivering, acknowledging: LESSONS M5 to M7, M15, M16. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "err.h"
#include "store_box.h"
#include "store_in.h"

#define ALARM BAKEN__CLASS__CLASS_ALARM
#define URGENT BAKEN__CLASS__CLASS_URGENT
#define NORMAL BAKEN__CLASS__CLASS_NORMAL
#define BULK BAKEN__CLASS__CLASS_BULK

static struct bk_store_box box;

static int setup(void **state)
{
	(void)state;
	memset(&box, 0, sizeof box);
	bk_store_box_realm(&box, "queue");
	return 0;
}

static int setup_small(void **state)
{
	(void)state;
	memset(&box, 0, sizeof box);
	box.o.queue_max = 20;
	bk_store_box_realm(&box, "queue");
	return 0;
}

/* Every test ends with a store whose tables agree. */
static int teardown(void **state)
{
	int err = bk_store_box_check(&box);

	(void)state;
	bk_store_box_close(&box);
	return err;
}

struct seen {
	struct bk_delivery_row rows[64];
	size_t n;
	int stop_at; /* refuse the n-th; -1: none */
};

static int see(void *arg, const struct bk_delivery_row *row)
{
	struct seen *s = arg;

	if (s->stop_at >= 0 && s->n == (size_t)s->stop_at)
		return 7;
	assert_true(s->n < 64);
	s->rows[s->n++] = *row;
	return 0;
}

static struct seen deliveries(unsigned device)
{
	struct bk_delivery_pos pos = {0};
	struct bk_store_view *v = NULL;
	struct seen s = {.stop_at = -1};

	assert_int_equal(bk_store_view_begin(box.store, &v), 0);
	assert_int_equal(bk_store_deliveries(v, bk_sample_id(device), &pos, 64, see, &s), 0);
	for (size_t i = 0; i < s.n; i++) { /* views end here */
		s.rows[i].capsule.data = NULL;
		s.rows[i].body.data = NULL;
	}
	bk_store_view_end(v);
	return s;
}

static bool body_exists(bk_hash hash)
{
	struct bk_store_view *v = NULL;
	struct bk_bytes body;
	bk_ms stored;
	int err;

	assert_int_equal(bk_store_view_begin(box.store, &v), 0);
	err = bk_store_body(v, hash, BK_BOX_DESK, &body, &stored);
	if (!err) /* for nobody else */
		assert_int_equal(bk_store_body(v, hash, BK_BOX_CARE, &body, &stored), BK_E_NOT_FOUND);
	bk_store_view_end(v);
	return err == 0;
}

static bk_hash body_hash_of(unsigned number)
{
	uint8_t body[100];

	bk_sample_fill(body, sizeof body, number);
	return bk_hash_of(body, sizeof body);
}

static void stores_and_delivers(void **state)
{
	const unsigned to[] = {BK_BOX_VAULT, BK_BOX_OFFICER};
	struct bk_box_message m = {.number = 1, .to = to, .n_to = 2, .body_len = 1064};
	struct bk_delivery_pos pos = {0};
	struct bk_store_view *v = NULL;
	struct seen s = {.stop_at = -1};
	uint8_t body[1064], capsule[BK_CAPSULE_BYTES];

	(void)state;
	assert_int_equal(bk_store_box_submit(&box, &m), 0);
	assert_false(m.duplicate);
	assert_int_equal(m.stored_ms, box.now);
	assert_int_equal(bk_store_view_begin(box.store, &v), 0);
	assert_int_equal(bk_store_deliveries(v, bk_sample_id(BK_BOX_OFFICER), &pos, 64, see, &s), 0);
	assert_int_equal(s.n, 1);
	bk_sample_fill(body, sizeof body, 1);
	bk_sample_fill(capsule, sizeof capsule, 2);
	assert_int_equal(s.rows[0].seq, m.seqs[1]);
	assert_int_equal(s.rows[0].class, NORMAL);
	assert_true(bk_id_equal(s.rows[0].message, bk_sample_id(0x5001)));
	assert_int_equal(s.rows[0].body.len, sizeof body);
	assert_memory_equal(s.rows[0].body.data, body, sizeof body);
	assert_int_equal(s.rows[0].capsule.len, sizeof capsule);
	assert_memory_equal(s.rows[0].capsule.data, capsule, sizeof capsule);
	assert_int_equal(s.rows[0].stored_ms, box.now);
	assert_int_equal(s.rows[0].attempts, 0);
	bk_store_view_end(v);
	assert_int_equal(bk_store_box_device(&box, BK_BOX_OFFICER).queued, 1);
	assert_int_equal(bk_store_box_device(&box, BK_BOX_OFFICER).queued_bytes, 1064 + BK_CAPSULE_BYTES);
}

/* Alarms first, whatever came before; within a class by number. */
static void alarms_come_first(void **state)
{
	const Baken__Class order[] = {BULK, NORMAL, URGENT, NORMAL, ALARM, BULK, ALARM};
	const Baken__Class want[] = {ALARM, ALARM, URGENT, NORMAL, NORMAL, BULK, BULK};
	struct bk_delivery_pos pos = {0};
	struct bk_store_view *v = NULL;
	struct seen s;

	(void)state;
	for (unsigned i = 0; i < 7; i++)
		assert_int_not_equal(bk_store_box_send(&box, i + 1, order[i], BK_BOX_OFFICER), 0);
	s = deliveries(BK_BOX_OFFICER);
	assert_int_equal(s.n, 7);
	for (unsigned i = 0; i < 7; i++) {
		assert_int_equal(s.rows[i].class, want[i]);
		assert_true(i == 0 || want[i] != want[i - 1] || s.rows[i].seq > s.rows[i - 1].seq);
	}
	/* In pages, and a visitor that says no is not skipped. */
	assert_int_equal(bk_store_view_begin(box.store, &v), 0);
	s = (struct seen){.stop_at = -1};
	assert_int_equal(bk_store_deliveries(v, bk_sample_id(BK_BOX_OFFICER), &pos, 3, see, &s), 0);
	assert_int_equal(s.n, 3);
	s.stop_at = 4;
	assert_int_equal(bk_store_deliveries(v, bk_sample_id(BK_BOX_OFFICER), &pos, 64, see, &s), 7);
	assert_int_equal(s.n, 4);
	s.stop_at = -1;
	assert_int_equal(bk_store_deliveries(v, bk_sample_id(BK_BOX_OFFICER), &pos, 64, see, &s), 0);
	assert_int_equal(s.n, 7);
	bk_store_view_end(v);
}

/* The last ack takes the body along; an unknown or foreign number does nothing. */
static void acks_free_the_body(void **state)
{
	const unsigned to[] = {BK_BOX_VAULT, BK_BOX_OFFICER};
	struct bk_box_message m = {.number = 3, .to = to, .n_to = 2};

	(void)state;
	assert_int_equal(bk_store_box_submit(&box, &m), 0);
	assert_false(body_exists(body_hash_of(3))); /* by its hash only what is kept */
	assert_int_equal(bk_store_box_ack(&box, BK_BOX_LEAD, m.seqs[0], NULL), 0);
	assert_int_equal(bk_store_box_ack(&box, BK_BOX_OFFICER, m.seqs[1] + 8, NULL), 0);
	assert_int_equal(bk_store_box_stats(&box).queued, 2);
	assert_int_equal(bk_store_box_ack(&box, BK_BOX_OFFICER, m.seqs[1], NULL), 0);
	assert_int_equal(bk_store_box_ack(&box, BK_BOX_OFFICER, m.seqs[1], NULL), 0);
	assert_int_equal(bk_store_box_stats(&box).bodies, 1);
	assert_int_equal(bk_store_box_ack(&box, BK_BOX_VAULT, m.seqs[0], NULL), 0);
	assert_int_equal(bk_store_box_stats(&box).bodies, 0);
	assert_int_equal(bk_store_box_stats(&box).queued, 0);
	assert_int_equal(bk_store_box_stats(&box).queued_bytes, 0);
	assert_int_equal(bk_store_box_stats(&box).bodies, 0);
}

static void kept_bodies_stay(void **state)
{
	const unsigned to[] = {BK_BOX_VAULT};
	struct bk_box_message m = {.number = 4, .to = to, .n_to = 1, .keep = true};

	(void)state;
	assert_int_equal(bk_store_box_submit(&box, &m), 0);
	assert_int_equal(bk_store_box_ack(&box, BK_BOX_VAULT, m.seqs[0], NULL), 0);
	assert_true(body_exists(body_hash_of(4)));
}

/* M7: numbers go on after the queue was empty, and after a restart. */
static void numbers_never_restart(void **state)
{
	uint64_t last = 0;

	(void)state;
	for (unsigned round = 0; round < 5; round++) {
		uint64_t seq = bk_store_box_send(&box, 10 + round, NORMAL, BK_BOX_PHONE);

		assert_true(seq > last);
		last = seq;
		assert_int_equal(bk_store_box_ack(&box, BK_BOX_PHONE, seq, NULL), 0);
		assert_int_equal(bk_store_box_stats(&box).queued, 0);
		assert_int_equal(bk_store_box_reopen(&box), 0);
	}
}

static void repeats_are_duplicates(void **state)
{
	const unsigned to[] = {BK_BOX_VAULT, BK_BOX_OFFICER};
	struct bk_box_message m = {.number = 5, .to = to, .n_to = 2}, again = m, other;
	bk_ms first = box.now;

	(void)state;
	assert_int_equal(bk_store_box_submit(&box, &m), 0);
	box.now += 5000;
	assert_int_equal(bk_store_box_submit(&box, &again), 0);
	assert_true(again.duplicate);
	assert_int_equal(again.stored_ms, first);
	assert_int_equal(again.seqs[0], 0);
	assert_int_equal(again.seqs[1], 0);
	assert_int_equal(bk_store_box_stats(&box).queued, 2);
	/* Also when it was acked in between, and after a restart. */
	assert_int_equal(bk_store_box_ack(&box, BK_BOX_VAULT, m.seqs[0], NULL), 0);
	assert_int_equal(bk_store_box_ack(&box, BK_BOX_OFFICER, m.seqs[1], NULL), 0);
	assert_int_equal(bk_store_box_reopen(&box), 0);
	assert_int_equal(bk_store_box_submit(&box, &again), 0);
	assert_true(again.duplicate);
	assert_int_equal(bk_store_box_stats(&box).queued, 0);
	/* The same id with other bytes. */
	other = m;
	other.body_len = 101;
	assert_int_equal(bk_store_box_submit(&box, &other), BK_E_HASH);
	assert_int_equal(bk_store_box_stats(&box).queued, 0);
	assert_int_equal(bk_store_box_stats(&box).dedupe, 1);
}

/* M6: the same alarm again, for devices that were missing. */
static void top_up_adds_devices(void **state)
{
	const unsigned first[] = {BK_BOX_VAULT}, all[] = {BK_BOX_VAULT, BK_BOX_OFFICER, BK_BOX_LEAD, BK_BOX_LEAD};
	struct bk_box_message m = {.number = 6, .class = ALARM, .to = first, .n_to = 1};

	(void)state;
	assert_int_equal(bk_store_box_submit(&box, &m), 0);
	assert_int_equal(bk_store_box_ack(&box, BK_BOX_VAULT, m.seqs[0], NULL), 0);
	m.to = all;
	m.n_to = 4;
	assert_int_equal(bk_store_box_submit(&box, &m), 0);
	assert_true(m.duplicate);
	assert_int_equal(m.seqs[0], 0);
	assert_int_not_equal(m.seqs[1], 0);
	assert_int_not_equal(m.seqs[2], 0);
	assert_int_equal(m.seqs[3], 0); /* named twice, served once */
	assert_int_equal(deliveries(BK_BOX_OFFICER).n, 1);
	assert_int_equal(deliveries(BK_BOX_VAULT).n, 0);
}

static void unknown_devices_are_refused(void **state)
{
	const unsigned to[] = {BK_BOX_VAULT, 900}, none[] = {900, 901};
	struct bk_box_message m = {.number = 7, .to = to, .n_to = 2};

	(void)state;
	assert_int_equal(bk_store_box_submit(&box, &m), BK_E_REVOKED);
	assert_int_equal(bk_store_box_stats(&box).queued, 0);
	assert_int_equal(bk_store_box_stats(&box).dedupe, 0);
	/* M15: an alarm is not held up by it; by nothing but strangers it is. */
	m.class = ALARM;
	assert_int_equal(bk_store_box_submit(&box, &m), 0);
	assert_int_not_equal(m.seqs[0], 0);
	assert_int_equal(m.seqs[1], 0);
	m.number = 8;
	m.to = none;
	assert_int_equal(bk_store_box_submit(&box, &m), BK_E_REVOKED);
	m.n_to = 0;
	assert_int_equal(bk_store_box_submit(&box, &m), BK_E_INVAL);
}

/* M5: a full queue refuses, never drops; alarms have room of their own; RESUME below 80 %. */
static void quota_and_reserve(void **state)
{
	const unsigned to[] = {BK_BOX_OFFICER, BK_BOX_LEAD};
	struct bk_box_message m = {.number = 200, .to = to, .n_to = 2};
	uint64_t seqs[20];
	bool resumed = false;
	unsigned n = 0;

	(void)state;
	for (unsigned i = 0; i < 20; i++)
		assert_int_not_equal(seqs[i] = bk_store_box_send(&box, 100 + i, NORMAL, BK_BOX_OFFICER), 0);
	assert_int_equal(bk_store_box_submit(&box, &m), BK_E_QUOTA);
	assert_int_equal(m.n_full, 1);
	assert_true(bk_id_equal(m.full[0], bk_sample_id(BK_BOX_OFFICER)));
	assert_int_equal(bk_store_box_stats(&box).queued, 20); /* nothing for the lead either */
	for (unsigned i = 0; i < 2; i++) /* a tenth of 20 */
		assert_int_not_equal(bk_store_box_send(&box, 300 + i, ALARM, BK_BOX_OFFICER), 0);
	assert_int_equal(bk_store_box_send(&box, 302, ALARM, BK_BOX_OFFICER), 0);
	/* One full device does not silence an alarm for the others. */
	m.number = 303;
	m.class = ALARM;
	assert_int_equal(bk_store_box_submit(&box, &m), 0);
	assert_int_equal(m.seqs[0], 0);
	assert_int_not_equal(m.seqs[1], 0);
	assert_int_equal(bk_store_box_reopen(&box), 0); /* who was refused is not forgotten */
	while (!resumed && n < 20)
		assert_int_equal(bk_store_box_ack(&box, BK_BOX_OFFICER, seqs[n++], &resumed), 0);
	assert_int_equal(n, 7); /* 22 - 7 = 15, the first below 16 */
	assert_int_equal(bk_store_box_ack(&box, BK_BOX_OFFICER, seqs[n], &resumed), 0);
	assert_false(resumed); /* said once */
	m.number = 304;
	m.class = NORMAL;
	assert_int_equal(bk_store_box_submit(&box, &m), 0);
}

static void bytes_are_bounded(void **state)
{
	const unsigned to[] = {BK_BOX_OFFICER};
	struct bk_box_message m = {.to = to, .n_to = 1, .body_len = 9000};
	unsigned stored = 0;

	(void)state;
	bk_store_box_close(&box);
	box.o.queue_bytes_max = 100000;
	bk_store_box_realm(&box, "queue");
	for (m.number = 1; m.number <= 12; m.number++)
		stored += bk_store_box_submit(&box, &m) == 0;
	assert_int_equal(stored, 10); /* 10 x 9448 = 94480 */
	m.body_len = BK_BODY_MAX + 1;
	assert_int_equal(bk_store_box_submit(&box, &m), BK_E_TOO_BIG);
}

/* M16: four refusals are counted, the fifth buries it and says whose it was. */
static void fifth_nack_is_a_dead_letter(void **state)
{
	const unsigned to[] = {BK_BOX_VAULT, BK_BOX_OFFICER};
	struct bk_box_message m = {.number = 9, .to = to, .n_to = 2};
	struct bk_op op = {.kind = BK_OP_NACK};

	(void)state;
	assert_int_equal(bk_store_box_submit(&box, &m), 0);
	op.nack.device = bk_sample_id(BK_BOX_OFFICER);
	op.nack.seq = m.seqs[1];
	for (unsigned i = 1; i <= 4; i++) {
		assert_int_equal(bk_store_box_do(&box, &op), 0);
		assert_false(op.nack.dead);
		assert_int_equal(deliveries(BK_BOX_OFFICER).rows[0].attempts, i);
		assert_int_equal(bk_store_box_reopen(&box), 0);
	}
	assert_int_equal(bk_store_box_do(&box, &op), 0);
	assert_true(op.nack.dead);
	assert_true(bk_id_equal(op.nack.message, bk_sample_id(0x5000 + 9)));
	assert_true(bk_id_equal(op.nack.sender, bk_sample_id(BK_BOX_PHONE)));
	assert_int_equal(deliveries(BK_BOX_OFFICER).n, 0);
	assert_int_equal(deliveries(BK_BOX_VAULT).n, 1);
	assert_int_equal(bk_store_box_stats(&box).dead_letters, 1);
	assert_int_equal(bk_store_box_do(&box, &op), BK_E_NOT_FOUND);
	op.nack.device = bk_sample_id(BK_BOX_LEAD);
	op.nack.seq = m.seqs[0];
	assert_int_equal(bk_store_box_do(&box, &op), BK_E_NOT_FOUND); /* another's */
}

/* A refused op leaves its neighbours alone, and itself no trace. */
static void batch_of_good_and_bad(void **state)
{
	uint8_t capsule[BK_CAPSULE_BYTES] = {0}, body[] = "ciphertext";
	struct bk_op_capsule capsules[3];
	struct bk_op ops[4];

	(void)state;
	memset(ops, 0, sizeof ops);
	for (unsigned i = 0; i < 3; i++) {
		capsules[i] = (struct bk_op_capsule){bk_sample_id(i == 1 ? 900 : BK_BOX_VAULT), capsule, 0};
		ops[i].kind = BK_OP_SUBMIT;
		ops[i].now = box.now;
		ops[i].submit.message = bk_sample_id(0x6000 + i);
		ops[i].submit.class = NORMAL;
		ops[i].submit.body_hash = bk_hash_of(body, sizeof body);
		ops[i].submit.body = (struct bk_bytes){body, sizeof body};
		ops[i].submit.keep_body = true;
		ops[i].submit.capsules = &capsules[i];
		ops[i].submit.n_capsules = 1;
	}
	ops[3].kind = BK_OP_KINDS;
	assert_int_equal(bk_store_commit(box.store, ops, 4), 0);
	assert_int_equal(ops[0].result, 0);
	assert_int_equal(ops[1].result, BK_E_REVOKED);
	assert_int_equal(ops[2].result, 0);
	assert_int_equal(ops[3].result, BK_E_INVAL);
	assert_int_equal(capsules[2].seq, capsules[0].seq + 8);
	assert_int_equal(bk_store_box_stats(&box).queued, 2);
	assert_int_equal(bk_store_box_stats(&box).bodies, 1); /* kept ones are shared */
	assert_int_equal(bk_store_box_stats(&box).dedupe, 2);
}

static void lose(enum bk_table table, uint64_t number)
{
	struct bk_txn *t = NULL;
	uint8_t key[8];

	bk_store_key_number(key, number);
	assert_int_equal(bk_env_begin(box.store->env, true, &t), 0);
	assert_int_equal(bk_env_del(t, table, key, sizeof key), 0);
	assert_int_equal(bk_env_commit(t), 0);
}

/* M16: a delivery whose body is lost neither stops those behind it nor stays for ever. */
static void damaged_head_of_a_queue(void **state)
{
	uint64_t seqs[3];
	struct bk_delivery_pos pos = {0};
	struct bk_store_view *v = NULL;
	struct seen s = {.stop_at = -1};

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		seqs[i] = bk_store_box_send(&box, i + 1, NORMAL, BK_BOX_PHONE);
	lose(BK_T_BODY, 1); /* the first number given out */
	assert_int_equal(bk_store_box_check(&box), BK_E_CORRUPT);
	v = bk_store_box_view(&box);
	assert_int_equal(bk_store_deliveries(v, bk_sample_id(BK_BOX_PHONE), &pos, 64, see, &s), BK_E_CORRUPT);
	bk_store_view_end(v);
	assert_int_equal(s.n, 2);
	assert_int_equal(s.rows[0].seq, seqs[1]);
	lose(BK_T_REFS, 1);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(bk_store_box_ack(&box, BK_BOX_PHONE, seqs[i], NULL), 0);
	assert_int_equal(bk_store_box_stats(&box).queued, 0); /* sound again: teardown checks */
}

/* An op that meets damage while it writes ends alone; those before and after it are stored. */
static void spoiled_op_ends_alone(void **state)
{
	struct bk_op ops[3];
	uint64_t seq = bk_store_box_send(&box, 1, NORMAL, BK_BOX_PHONE);
	struct bk_row_state row, zero;
	struct bk_txn *t = NULL;
	bk_id phone = bk_sample_id(BK_BOX_PHONE);

	(void)state;
	memset(&zero, 0, sizeof zero);
	assert_int_equal(bk_env_begin(box.store->env, true, &t), 0);
	assert_int_equal(bk_rows_get_state(t, phone.b, sizeof phone.b, &row), 0);
	zero.next = row.next;
	assert_int_equal(bk_rows_put_state(t, phone.b, sizeof phone.b, &zero), 0); /* says that nothing waits */
	assert_int_equal(bk_env_commit(t), 0);
	memset(ops, 0, sizeof ops);
	ops[0].kind = ops[2].kind = BK_OP_DRILL;
	ops[1].kind = BK_OP_ACK;
	ops[1].ack.device = phone;
	ops[1].ack.seqs = &seq;
	ops[1].ack.n_seqs = 1;
	assert_int_equal(bk_store_commit(box.store, ops, 3), 0);
	assert_int_equal(ops[0].result, 0);
	assert_int_equal(ops[1].result, BK_E_CORRUPT);
	assert_int_equal(ops[2].result, 0);
	assert_int_equal(ops[2].drill.count, 2);
	assert_int_equal(bk_env_begin(box.store->env, true, &t), 0);
	assert_int_equal(bk_rows_put_state(t, phone.b, sizeof phone.b, &row), 0);
	assert_int_equal(bk_env_commit(t), 0);
	assert_int_equal(bk_store_box_ack(&box, BK_BOX_PHONE, seq, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(stores_and_delivers, setup, teardown),
		cmocka_unit_test_setup_teardown(alarms_come_first, setup, teardown),
		cmocka_unit_test_setup_teardown(acks_free_the_body, setup, teardown),
		cmocka_unit_test_setup_teardown(kept_bodies_stay, setup, teardown),
		cmocka_unit_test_setup_teardown(numbers_never_restart, setup, teardown),
		cmocka_unit_test_setup_teardown(repeats_are_duplicates, setup, teardown),
		cmocka_unit_test_setup_teardown(top_up_adds_devices, setup, teardown),
		cmocka_unit_test_setup_teardown(unknown_devices_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(quota_and_reserve, setup_small, teardown),
		cmocka_unit_test_setup_teardown(bytes_are_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(fifth_nack_is_a_dead_letter, setup, teardown),
		cmocka_unit_test_setup_teardown(batch_of_good_and_bad, setup, teardown),
		cmocka_unit_test_setup_teardown(damaged_head_of_a_queue, setup, teardown),
		cmocka_unit_test_setup_teardown(spoiled_op_ends_alone, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
