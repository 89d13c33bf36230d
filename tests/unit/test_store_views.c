/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Views are moments: whatever the writer does meanwhile, in this thread or in another, all tables of one agree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>

#include "err.h"
#include "store_box.h"
#include "store_in.h"

#define NORMAL BAKEN__CLASS__CLASS_NORMAL
#define COMMITS 150u
#define VIEWS_MAX 300u

static struct bk_store_box box;

static int setup(void **state)
{
	(void)state;
	memset(&box, 0, sizeof box);
	bk_store_box_realm(&box, "views");
	return 0;
}

static int teardown(void **state)
{
	int err = bk_store_box_check(&box);

	(void)state;
	bk_store_box_close(&box);
	return err;
}

static int count(void *arg, const struct bk_delivery_row *row)
{
	(void)row;
	++*(size_t *)arg;
	return 0;
}

static void held_view_stands_still(void **state)
{
	uint64_t seq = bk_store_box_send(&box, 1, NORMAL, BK_BOX_PHONE);
	struct bk_store_view *v = bk_store_box_view(&box);
	struct bk_delivery_pos pos = {0};
	struct bk_store_stats stats;
	size_t n = 0;

	(void)state;
	assert_int_equal(bk_store_box_ack(&box, BK_BOX_PHONE, seq, NULL), 0);
	assert_int_not_equal(bk_store_box_send(&box, 2, NORMAL, BK_BOX_PHONE), 0);
	assert_int_not_equal(bk_store_box_send(&box, 3, NORMAL, BK_BOX_PHONE), 0);
	assert_int_equal(bk_store_deliveries(v, bk_sample_id(BK_BOX_PHONE), &pos, 10, count, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(pos.seq, seq);
	assert_int_equal(bk_store_stats(v, &stats), 0);
	assert_int_equal(stats.queued, 1);
	assert_int_equal(bk_store_check(v), 0);
	bk_store_view_end(v);
	bk_store_view_end(NULL);
	assert_int_equal(bk_store_box_stats(&box).queued, 2);
}

/* More views than there are places is a name, not a crash; places come back. */
static void views_are_bounded(void **state)
{
	struct bk_store_view *views[VIEWS_MAX];
	size_t n = 0;
	int err = 0;

	(void)state;
	while (n < VIEWS_MAX && (err = bk_store_view_begin(box.store, &views[n])) == 0)
		n++;
	assert_int_equal(err, BK_E_BUSY);
	assert_true(n >= 200);
	assert_int_not_equal(bk_store_box_send(&box, 1, NORMAL, BK_BOX_PHONE), 0); /* writing needs no place */
	for (size_t i = 0; i < n; i++)
		bk_store_view_end(views[i]);
	assert_int_equal(bk_store_view_begin(box.store, &views[0]), 0);
	bk_store_view_end(views[0]);
}

struct reader {
	pthread_t thread;
	atomic_bool *stop;
	unsigned looks;
	int err;
};

static void *look_again_and_again(void *arg)
{
	struct reader *r = arg;

	do {
		struct bk_store_view *v = NULL;

		r->err = bk_store_view_begin(box.store, &v);
		if (!r->err)
			r->err = bk_store_check(v);
		bk_store_view_end(v);
		r->looks++;
	} while (!r->err && !atomic_load(r->stop));
	return NULL;
}

/* Readers check every table of every moment they catch while messages come, go and expire. */
static void readers_beside_the_writer(void **state)
{
	struct reader readers[2];
	atomic_bool stop = false;
	uint64_t last = 0;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		readers[i] = (struct reader){.stop = &stop};
		assert_int_equal(pthread_create(&readers[i].thread, NULL, look_again_and_again, &readers[i]), 0);
	}
	for (unsigned i = 0; i < COMMITS; i++) {
		uint64_t seq = bk_store_box_send(&box, i, NORMAL, i % 3 ? BK_BOX_PHONE : BK_BOX_VAULT);

		assert_int_not_equal(seq, 0);
		if (i % 3 == 2)
			assert_int_equal(bk_store_box_ack(&box, BK_BOX_PHONE, last, NULL), 0);
		last = seq;
		if (i % 50 == 49) {
			box.now += 31 * BK_SAMPLE_DAY;
			bk_store_box_expire(&box);
		}
	}
	atomic_store(&stop, true);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(pthread_join(readers[i].thread, NULL), 0);
		assert_int_equal(readers[i].err, 0);
		assert_true(readers[i].looks > 1);
	}
}

/* Freed pages are used again: overwriting without end does not make the file grow without end. */
static void file_does_not_grow_without_end(void **state)
{
	uint64_t after_100 = 0;

	(void)state;
	for (unsigned i = 0; i < 400; i++) {
		uint64_t seq = bk_store_box_send(&box, i, NORMAL, BK_BOX_PHONE);

		assert_int_equal(bk_store_box_ack(&box, BK_BOX_PHONE, seq, NULL), 0);
		if (i % 10 == 0) {
			box.now += 31 * BK_SAMPLE_DAY; /* so that the memory of ids goes, too */
			bk_store_box_expire(&box);
		}
		if (i == 100)
			after_100 = bk_store_box_stats(&box).used_bytes;
	}
	assert_true(bk_store_box_stats(&box).used_bytes < after_100 + (64u << 12));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(held_view_stands_still, setup, teardown),
		cmocka_unit_test_setup_teardown(views_are_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(readers_beside_the_writer, setup, teardown),
		cmocka_unit_test_setup_teardown(file_does_not_grow_without_end, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
