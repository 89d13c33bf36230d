/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Timers at the server: who may, which counter holds, how one becomes a message, what a restore does (lesson R4). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "err.h"
#include "store_box.h"
#include "store_in.h"
#include "tmp.h"

#define HOUR 3600000ull

static const unsigned vault[] = {BK_BOX_VAULT};

static struct bk_store_box box;

static int setup(void **state)
{
	(void)state;
	memset(&box, 0, sizeof box);
	bk_store_box_realm(&box, "watch");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	bk_store_box_close(&box);
	return 0;
}

static struct bk_watch_row row_of(unsigned number)
{
	struct bk_store_view *v = bk_store_box_view(&box);
	struct bk_watch_row row;
	int err;

	memset(&row, 0, sizeof row);
	err = bk_store_watch(v, bk_sample_id(number), &row);
	assert_true(err == 0 || err == BK_E_NOT_FOUND);
	bk_store_view_end(v);
	return row;
}

static bk_ms next_due(void)
{
	struct bk_store_view *v = bk_store_box_view(&box);
	bk_ms at = 0;
	int err = bk_store_watch_next(v, &at);

	bk_store_view_end(v);
	return err == BK_E_NOT_FOUND ? 0 : at;
}

static void test_arm(void **state)
{
	struct bk_box_watch w = {.number = 1, .grace_ms = 60000};

	(void)state;
	assert_int_equal(next_due(), 0);
	assert_int_equal(bk_store_box_arm(&box, &w), 0);
	assert_true(w.changed);
	assert_int_equal(w.row.state, BK_WATCH_ARMED);
	assert_int_equal(next_due(), box.now + HOUR + 60000);
	assert_int_equal(bk_store_box_arm(&box, &w), 0); /* said again */
	assert_false(w.changed);
	w.counter = 2;
	w.due_ms = box.now + 2 * HOUR;
	assert_int_equal(bk_store_box_arm(&box, &w), 0);
	assert_int_equal(next_due(), box.now + 2 * HOUR + 60000);
	assert_int_equal(bk_store_box_rows(&box, BK_T_WATCHDUE), 1);
	w.counter = 1; /* late on its way: what is newer holds */
	w.due_ms = box.now + HOUR;
	assert_int_equal(bk_store_box_arm(&box, &w), 0);
	assert_false(w.changed);
	assert_int_equal(w.row.counter, 2);
	assert_int_equal(next_due(), box.now + 2 * HOUR + 60000);
	assert_int_equal(bk_store_box_check(&box), 0);
}

/* Another circle's timer is nobody else's, whatever they know of it (lesson R9). */
static void test_ownership(void **state)
{
	struct bk_box_watch w = {.number = 1};
	struct bk_op op = {.kind = BK_OP_WATCH_DISARM};

	(void)state;
	assert_int_equal(bk_store_box_arm(&box, &w), 0);
	w.device = BK_BOX_TABLET; /* of the same person */
	w.counter = 2;
	assert_int_equal(bk_store_box_arm(&box, &w), 0);
	w.counter = 9;
	w.device = BK_BOX_OFFICER;
	assert_int_equal(bk_store_box_arm(&box, &w), BK_E_ROLE);
	assert_int_equal(bk_store_box_disarm(&box, &w), BK_E_ROLE);
	w.device = BK_BOX_CARER;
	assert_int_equal(bk_store_box_arm(&box, &w), BK_E_ROLE);
	op.watch.watch = bk_sample_id(1); /* says it is of a circle that it is not of */
	op.watch.device = bk_sample_id(BK_BOX_OFFICER);
	op.watch.circle = BK_BOX_PERSON;
	op.watch.counter = 9;
	assert_int_equal(bk_store_box_do(&box, &op), BK_E_ROLE);
	op.watch.device = bk_sample_id(999);
	assert_int_equal(bk_store_box_do(&box, &op), BK_E_REVOKED);
	op.watch.device = bk_sample_id(BK_BOX_PHONE);
	op.watch.watch = bk_sample_id(2);
	assert_int_equal(bk_store_box_do(&box, &op), BK_E_NOT_FOUND);
	assert_int_equal(row_of(1).counter, 2);
	assert_int_equal(row_of(1).state, BK_WATCH_ARMED);
}

static void test_refused(void **state)
{
	static const uint8_t big[BK_WATCH_BODY_MAX + 1];
	struct bk_box_watch w = {.number = 1};
	struct bk_op op = {.kind = BK_OP_WATCH_ARM};

	(void)state;
	w.due_ms = box.now + BK_WATCH_MAX_MS + 1;
	assert_int_equal(bk_store_box_arm(&box, &w), BK_E_INVAL);
	w.due_ms = box.now + BK_WATCH_MAX_MS;
	w.grace_ms = BK_WATCH_GRACE_MAX_MS + 1;
	assert_int_equal(bk_store_box_arm(&box, &w), BK_E_INVAL);
	w.grace_ms = BK_WATCH_GRACE_MAX_MS;
	assert_int_equal(bk_store_box_arm(&box, &w), 0);
	op.watch.watch = bk_sample_id(3);
	op.watch.device = bk_sample_id(BK_BOX_PHONE);
	op.watch.circle = BK_BOX_PERSON;
	op.watch.desk = BK_BOX_CARE; /* not the desk of this person */
	op.watch.due_ms = box.now + HOUR;
	op.watch.counter = 1;
	assert_int_equal(bk_store_box_do(&box, &op), BK_E_ROLE);
	op.watch.desk = BK_BOX_DESK;
	op.watch.body = (struct bk_bytes){big, sizeof big};
	assert_int_equal(bk_store_box_do(&box, &op), BK_E_TOO_BIG);
	op.watch.body.len = 0;
	op.watch.counter = 0;
	assert_int_equal(bk_store_box_do(&box, &op), BK_E_INVAL);
}

static void test_disarm(void **state)
{
	struct bk_box_watch w = {.number = 1, .counter = 5};

	(void)state;
	assert_int_equal(bk_store_box_arm(&box, &w), 0);
	w.counter = 4; /* of an older arming */
	assert_int_equal(bk_store_box_disarm(&box, &w), 0);
	assert_false(w.changed);
	assert_int_equal(row_of(1).state, BK_WATCH_ARMED);
	w.counter = 5;
	assert_int_equal(bk_store_box_disarm(&box, &w), 0);
	assert_true(w.changed);
	assert_int_equal(w.row.state, BK_WATCH_ENDED);
	assert_int_equal(next_due(), 0);
	assert_int_equal(bk_store_box_rows(&box, BK_T_WATCHBODY), 0);
	assert_int_equal(bk_store_box_disarm(&box, &w), 0); /* twice is once */
	assert_false(w.changed);
	assert_int_equal(bk_store_box_arm(&box, &w), 0); /* an arming from before the end starts nothing */
	assert_int_equal(row_of(1).state, BK_WATCH_ENDED);
	w.counter = 6;
	assert_int_equal(bk_store_box_arm(&box, &w), 0);
	assert_int_equal(row_of(1).state, BK_WATCH_ARMED);
	assert_int_equal(bk_store_box_check(&box), 0);
}

struct seen {
	unsigned n;
	uint64_t seq;
	size_t capsule_len;
	bk_id message;
	struct bk_watch_fired fired;
};

static int see(void *arg, const struct bk_delivery_row *row)
{
	struct seen *s = arg;

	s->n++;
	s->seq = row->seq;
	s->message = row->message;
	s->capsule_len = row->capsule.len;
	return bk_watch_fired_decode(row->capsule.data, row->capsule.len, &s->fired);
}

static struct seen queue_of(unsigned device)
{
	struct bk_store_view *v = bk_store_box_view(&box);
	struct bk_delivery_pos pos = {0};
	struct seen s = {.n = 0};

	assert_int_equal(bk_store_deliveries(v, bk_sample_id(device), &pos, 10, see, &s), 0);
	bk_store_view_end(v);
	return s;
}

/* One transaction: the timer is over and its body waits, for each device once, however often it is said. */
static void test_fire(void **state)
{
	const unsigned both[] = {BK_BOX_VAULT, BK_BOX_OFFICER};
	struct bk_box_watch w = {.number = 1, .counter = 3, .grace_ms = 1000};
	struct seen s;
	bool resumed;

	(void)state;
	assert_int_equal(bk_store_box_arm(&box, &w), 0);
	assert_int_equal(bk_store_box_fire(&box, &w, both, 2, NULL), BK_E_OLD); /* not yet */
	box.now = w.due_ms + 999;
	assert_int_equal(bk_store_box_fire(&box, &w, both, 2, NULL), BK_E_OLD);
	box.now++;
	assert_int_equal(bk_store_box_fire(&box, &w, both, 2, NULL), 0);
	assert_int_equal(row_of(1).state, BK_WATCH_FIRED);
	assert_int_equal(next_due(), 0);
	assert_int_equal(bk_store_box_fire(&box, &w, both, 2, NULL), BK_E_OLD);
	for (size_t i = 0; i < 2; i++) {
		s = queue_of(both[i]);
		assert_int_equal(s.n, 1);
		assert_int_equal(s.seq & 7, BAKEN__CLASS__CLASS_ALARM);
		assert_int_equal(s.capsule_len, BK_WATCH_FIRED_BYTES);
		assert_true(bk_id_equal(s.message, bk_watch_message_id(bk_sample_id(1), 3)));
		assert_int_equal(s.fired.counter, 3);
	}
	assert_int_equal(bk_store_box_check(&box), 0);
	assert_int_equal(bk_store_box_ack(&box, BK_BOX_VAULT, queue_of(BK_BOX_VAULT).seq, &resumed), 0);
	assert_int_equal(queue_of(BK_BOX_VAULT).n, 0);
	assert_int_equal(bk_store_box_check(&box), 0);
}

/* A device that cannot read it refuses five times, like any other delivery. */
static void test_refused_delivery(void **state)
{
	struct bk_box_watch w = {.number = 1};
	struct bk_op op = {.kind = BK_OP_NACK};

	(void)state;
	assert_int_equal(bk_store_box_arm(&box, &w), 0);
	box.now += HOUR;
	assert_int_equal(bk_store_box_fire(&box, &w, vault, 1, &op.nack.seq), 0);
	op.nack.device = bk_sample_id(BK_BOX_VAULT);
	for (unsigned i = 0; i < BK_DELIVER_ATTEMPTS; i++) {
		assert_int_equal(queue_of(BK_BOX_VAULT).n, 1);
		assert_int_equal(bk_store_box_do(&box, &op), 0);
	}
	assert_true(op.nack.dead);
	assert_int_equal(queue_of(BK_BOX_VAULT).n, 0);
	assert_int_equal(bk_store_box_check(&box), 0);
}

/* Moved on while it was on its way to the writer: what was asked is done, not what was about to happen. */
static void test_renewed_before_it_fires(void **state)
{
	struct bk_box_watch w = {.number = 1}, renewed = {.number = 1, .counter = 2};

	(void)state;
	assert_int_equal(bk_store_box_arm(&box, &w), 0);
	box.now += HOUR;
	renewed.due_ms = box.now + HOUR;
	assert_int_equal(bk_store_box_arm(&box, &renewed), 0);
	assert_int_equal(bk_store_box_fire(&box, &w, vault, 1, NULL), BK_E_OLD);
	assert_int_equal(queue_of(BK_BOX_VAULT).n, 0);
	assert_int_equal(row_of(1).state, BK_WATCH_ARMED);
	/* After it fired the person may check in late: the next period runs. */
	box.now += HOUR;
	assert_int_equal(bk_store_box_fire(&box, &renewed, vault, 1, NULL), 0);
	renewed.counter = 3;
	renewed.due_ms = box.now + HOUR;
	assert_int_equal(bk_store_box_arm(&box, &renewed), 0);
	assert_int_equal(row_of(1).state, BK_WATCH_ARMED);
	box.now += HOUR;
	assert_int_equal(bk_store_box_fire(&box, &renewed, vault, 1, NULL), 0);
	assert_int_equal(queue_of(BK_BOX_VAULT).n, 2);
	assert_int_equal(bk_store_box_check(&box), 0);
}

/* Nothing about the device that armed it is a precondition: it may be withdrawn (lesson R4). */
static void test_withdrawal(void **state)
{
	struct bk_box_watch w = {.number = 1}, other = {.number = 1, .device = BK_BOX_TABLET, .counter = 2};

	(void)state;
	assert_int_equal(bk_store_box_arm(&box, &w), 0);
	for (size_t i = 0; i < box.person.n; i++)
		if (box.person.devices[i].number == BK_BOX_PHONE)
			box.person.devices[i].status = BAKEN__DEVICE_STATUS__DEVICE_REVOKED;
	assert_int_equal(bk_store_box_put(&box, &box.person, NULL), 0);
	assert_int_equal(row_of(1).state, BK_WATCH_ARMED);
	assert_int_equal(bk_store_box_disarm(&box, &w), BK_E_REVOKED); /* by whoever has the lost phone */
	other.due_ms = box.now + HOUR;
	box.now += HOUR;
	assert_int_equal(bk_store_box_fire(&box, &w, vault, 1, NULL), 0);
	assert_int_equal(queue_of(BK_BOX_VAULT).n, 1);
	other.due_ms = box.now + HOUR;
	assert_int_equal(bk_store_box_arm(&box, &other), 0); /* another device of the person goes on */
	assert_int_equal(row_of(1).state, BK_WATCH_ARMED);
}

static void test_bounds(void **state)
{
	struct bk_box_watch w = {.number = 1};

	(void)state;
	box.store->bounds.watches = 3;
	for (w.number = 1; w.number <= 3; w.number++)
		assert_int_equal(bk_store_box_arm(&box, &w), 0);
	assert_int_equal(bk_store_box_arm(&box, &w), BK_E_QUOTA);
	w.number = 2;
	w.counter = 2;
	assert_int_equal(bk_store_box_arm(&box, &w), 0); /* one that runs can always be moved on */
	w.counter = 1;
	for (w.number = 4; w.number < 40; w.number++) { /* those that are over make room for each other */
		struct bk_box_watch end = {.number = w.number - 3, .counter = 9};

		box.now++;
		w.due_ms = box.now + HOUR;
		assert_int_equal(bk_store_box_disarm(&box, &end), 0);
		assert_int_equal(bk_store_box_arm(&box, &w), 0);
		assert_in_range(bk_store_box_rows(&box, BK_T_WATCH), 3, 6);
	}
	assert_int_equal(bk_store_box_rows(&box, BK_T_WATCHDUE), 3);
	assert_int_equal(bk_store_box_check(&box), 0);
	box.store->bounds.watches = 32;
	box.store->bounds.watches_all = bk_store_box_rows(&box, BK_T_WATCH);
	assert_int_equal(bk_store_box_arm(&box, &w), BK_E_QUOTA);
}

static void test_expiry(void **state)
{
	struct bk_box_watch w = {.number = 1}, fired = {.number = 2}, runs = {.number = 3};

	(void)state;
	runs.due_ms = box.now + BK_WATCH_MAX_MS;
	assert_int_equal(bk_store_box_arm(&box, &w), 0);
	assert_int_equal(bk_store_box_arm(&box, &fired), 0);
	assert_int_equal(bk_store_box_arm(&box, &runs), 0);
	assert_int_equal(bk_store_box_disarm(&box, &w), 0);
	box.now += HOUR;
	assert_int_equal(bk_store_box_fire(&box, &fired, vault, 1, NULL), 0);
	box.now += BK_STORE_WATCH_ENDED_KEPT_MS;
	bk_store_box_expire(&box);
	assert_int_equal(row_of(1).state, BK_WATCH_NONE);
	assert_int_equal(row_of(2).state, BK_WATCH_FIRED);
	box.now += BK_STORE_WATCH_FIRED_KEPT_MS;
	bk_store_box_expire(&box);
	assert_int_equal(row_of(2).state, BK_WATCH_NONE);
	/* One that runs has no age: it waits for its time, and then for the server. */
	box.now += 4000 * BK_STORE_DAY_MS;
	bk_store_box_expire(&box);
	assert_int_equal(row_of(3).state, BK_WATCH_ARMED);
	assert_int_equal(bk_store_box_check(&box), 0);
}

struct due {
	unsigned n;
	bk_ms last;
};

static int on_due(void *arg, const struct bk_watch_row *row, struct bk_bytes body)
{
	struct due *d = arg;

	assert_true(row->due_ms + row->grace_ms >= d->last);
	assert_int_equal(body.len, row->body_bytes);
	d->last = row->due_ms + row->grace_ms;
	d->n++;
	return 0;
}

static void test_order(void **state)
{
	struct bk_watch_pos pos = {0};
	struct due d = {0, 0};
	struct bk_store_view *v;

	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		struct bk_box_watch w = {.number = 1 + i, .due_ms = box.now + 1000 * (i * 7 % 20)};

		assert_int_equal(bk_store_box_arm(&box, &w), 0);
	}
	v = bk_store_box_view(&box);
	assert_int_equal(bk_store_watches_due(v, box.now + 9000, &pos, 4, on_due, &d), 0);
	assert_int_equal(d.n, 4);
	assert_int_equal(bk_store_watches_due(v, box.now + 9000, &pos, 100, on_due, &d), 0);
	assert_int_equal(d.n, 10); /* 0 to 9 seconds */
	assert_int_equal(bk_store_watches_due(v, box.now + 9000, &pos, 100, on_due, &d), 0);
	assert_int_equal(d.n, 10);
	bk_store_view_end(v);
}

/* Restored: nothing that ran then fires now by itself. What is armed or ended from then on counts. */
static void test_restore(void **state)
{
	struct bk_box_watch w = {.number = 1}, later = {.number = 2, .counter = 1}, fresh = {.number = 3};
	char backup[700], restored[700];
	struct bk_store_stats stats;
	struct bk_store_options o;

	(void)state;
	later.due_ms = box.now + 10 * HOUR;
	assert_int_equal(bk_store_box_arm(&box, &w), 0);
	assert_int_equal(bk_store_box_arm(&box, &later), 0);
	snprintf(backup, sizeof backup, "%s-backup", box.path);
	snprintf(restored, sizeof restored, "%s-restored", box.path);
	bk_tmp_remove_tree(backup);
	bk_tmp_remove_tree(restored);
	assert_int_equal(bk_store_backup(box.store, backup, box.now), 0);
	box.now += 2 * HOUR;
	assert_int_equal(bk_store_restore(backup, restored, box.key, box.now, &stats), 0);
	assert_int_equal(stats.timers_held, 2);
	assert_int_equal(stats.timers_due, 1);
	o = box.o;
	o.path = restored;
	bk_store_close(box.store);
	assert_int_equal(bk_store_open(&o, &box.store), 0);
	assert_int_equal(next_due(), 0);
	assert_int_equal(bk_store_box_fire(&box, &w, vault, 1, NULL), BK_E_OLD);
	fresh.due_ms = box.now + HOUR;
	assert_int_equal(bk_store_box_arm(&box, &fresh), 0);
	later.counter = 2;
	assert_int_equal(bk_store_box_arm(&box, &later), 0); /* its person is still there */
	assert_int_equal(next_due(), box.now + HOUR);
	assert_int_equal(bk_store_box_check(&box), 0);
	assert_int_equal(bk_store_thaw(box.store), 0);
	assert_int_equal(next_due(), w.due_ms);
	assert_int_equal(bk_store_box_fire(&box, &w, vault, 1, NULL), 0);
	assert_int_equal(bk_store_box_check(&box), 0);
}

static void test_pulse(void **state)
{
	struct bk_op op = {.kind = BK_OP_ALIVE};
	struct bk_store_view *v;
	bk_ms at = 1;

	(void)state;
	v = bk_store_box_view(&box);
	assert_int_equal(bk_store_alive(v, &at), 0);
	assert_int_equal(at, 0);
	bk_store_view_end(v);
	assert_int_equal(bk_store_box_do(&box, &op), 0);
	assert_int_equal(bk_store_box_reopen(&box), 0);
	v = bk_store_box_view(&box);
	assert_int_equal(bk_store_alive(v, &at), 0);
	assert_int_equal(at, box.now);
	bk_store_view_end(v);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(test_arm), T(test_ownership), T(test_refused), T(test_disarm), T(test_fire), T(test_refused_delivery),
		T(test_renewed_before_it_fires), T(test_withdrawal), T(test_bounds), T(test_expiry), T(test_order),
		T(test_restore), T(test_pulse),
#undef T
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
