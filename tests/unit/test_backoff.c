/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Wrong passphrases cost time, by a clock wound by hand: no restart and no clock set back makes it less (R6). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <sys/stat.h>

#include "backoff.h"
#include "err.h"
#include "kv_box.h"
#include "kv_lmdb.h"
#include "tmp.h"

static struct bk_backoff_clock at;

static void read_clock(struct bk_backoff_clock *ret_now)
{
	*ret_now = at;
}

static int setup(void **state)
{
	(void)state;
	memset(&at, 0, sizeof at);
	at.boot_ms = 1000000;
	at.wall_ms = 1780000000000;
	return 0;
}

static void pass(uint64_t ms)
{
	at.boot_ms += ms;
	at.wall_ms += ms;
}

static void restart(void)
{
	at.boot[0]++;
	at.boot_ms = 10;
}

/* The same rule, naively. */
static void waits_double_to_a_bound(void **state)
{
	uint64_t wait = 5000;

	(void)state;
	for (uint32_t n = 0; n < 60; n++) {
		uint64_t want = n < 5 ? 0 : wait > 900000 ? 900000 : wait;

		assert_int_equal(bk_backoff_wait(n), want);
		if (n >= 5 && wait <= 900000)
			wait *= 2;
	}
	assert_int_equal(bk_backoff_wait(UINT32_MAX), 900000);
}

static void time_left_is_the_machines_own(void **state)
{
	struct bk_backoff b = {.misses = 7, .last = at};

	(void)state;
	assert_int_equal(bk_backoff_left(&b, &at), 20000);
	at.wall_ms += 86400000; /* the clock on the screen says nothing while the machine runs */
	assert_int_equal(bk_backoff_left(&b, &at), 20000);
	at.wall_ms = 0;
	assert_int_equal(bk_backoff_left(&b, &at), 20000);
	assert_false(bk_backoff_anchor(&b, &at));
	at.boot_ms += 19999;
	assert_int_equal(bk_backoff_left(&b, &at), 1);
	at.boot_ms++;
	assert_int_equal(bk_backoff_left(&b, &at), 0);
}

static void restart_and_clock_set_back_begin_anew(void **state)
{
	struct bk_backoff b = {.misses = 7, .last = at};

	(void)state;
	pass(15000);
	restart();
	assert_int_equal(bk_backoff_left(&b, &at), 5000); /* an honest clock goes on */
	at.wall_ms -= 86400000;
	assert_int_equal(bk_backoff_left(&b, &at), 20000);
	assert_true(bk_backoff_anchor(&b, &at)); /* and not for a day */
	pass(20000);
	assert_int_equal(bk_backoff_left(&b, &at), 0);
}

static void every_damaged_bit_is_neither_gift_nor_lock_out(void **state)
{
	struct bk_backoff b = {.misses = 3, .last = at}, got;
	uint8_t data[BK_BACKOFF_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof data * 8; i++) {
		bk_backoff_encode(&b, data);
		data[i / 8] ^= (uint8_t)(1 << i % 8);
		bk_backoff_decode(data, sizeof data, &at, &got);
		assert_int_equal(got.misses, BK_BACKOFF_FREE);
	}
	bk_backoff_encode(&b, data);
	for (size_t n = 0; n < sizeof data; n++) {
		bk_backoff_decode(data, n, &at, &got);
		assert_int_equal(got.misses, BK_BACKOFF_FREE);
	}
	bk_backoff_decode(data, sizeof data, &at, &got);
	assert_int_equal(got.misses, 3);
	assert_int_equal(got.last.wall_ms, at.wall_ms);
}

/* ---- the store ---- */

static struct bk_kv_box box;

static int open_with(const char *passphrase)
{
	int err;

	box.o.passphrase = passphrase;
	box.o.clock = read_clock;
	err = bk_kv_lmdb_open(&box.o, &box.kv);
	if (!err) {
		bk_kv_lmdb_close(box.kv);
		box.kv = NULL;
	}
	return err;
}

static void make_box(void)
{
	bk_kv_box_make(&box, "tries");
	bk_kv_lmdb_close(box.kv);
	box.kv = NULL;
}

static void sixth_wrong_one_waits_and_nothing_is_wiped(void **state)
{
	(void)state;
	make_box();
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(open_with("fout"), BK_E_PASSPHRASE);
	assert_int_equal(open_with(BK_KV_BOX_PHRASE), BK_E_RATE); /* the right one too, or the wait would tell */
	pass(4999);
	assert_int_equal(open_with(BK_KV_BOX_PHRASE), BK_E_RATE);
	pass(1);
	assert_int_equal(open_with("fout"), BK_E_PASSPHRASE);
	pass(9999);
	assert_int_equal(open_with("fout"), BK_E_RATE);
	restart();
	at.wall_ms -= 3600000;
	assert_int_equal(open_with("fout"), BK_E_RATE);
	pass(10000);
	for (unsigned i = 0; i < 200; i++) {
		assert_int_equal(open_with("fout"), BK_E_PASSPHRASE);
		pass(BK_BACKOFF_MAX_MS);
	}
	assert_int_equal(open_with(BK_KV_BOX_PHRASE), 0);
	for (unsigned i = 0; i < 5; i++) /* forgiven */
		assert_int_equal(open_with("fout"), BK_E_PASSPHRASE);
	bk_kv_box_close(&box);
}

/* A miss is counted before it is tried: whoever kills the program at the right moment has used it up. */
static void a_try_is_counted_before_it_is_made(void **state)
{
	const char *path = bk_tmp_path("counted");
	uint64_t left = 0;

	(void)state;
	bk_tmp_remove_tree(path);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(bk_backoff_begin(path, &at, &left), 0);
	assert_int_equal(bk_backoff_begin(path, &at, &left), BK_E_RATE);
	assert_int_equal(left, 5000);
	assert_int_equal(bk_backoff_ask(path, &at), 5000);
	bk_backoff_forgive(path, &at);
	assert_int_equal(bk_backoff_ask(path, &at), 0);
}

/* Nobody is kept out by a place that cannot be written. */
static void no_file_no_bar(void **state)
{
	uint64_t left = 0;

	(void)state;
	for (unsigned i = 0; i < 9; i++)
		assert_int_equal(bk_backoff_begin("/proc/nowhere/tries", &at, &left), 0);
	bk_backoff_forgive("/proc/nowhere/tries", &at);
	assert_int_equal(bk_backoff_ask("/proc/nowhere/tries", &at), 0);
}

static void both_passphrases_are_checked_alike(void **state)
{
	bool second = true;

	(void)state;
	make_box();
	box.o.passphrase = BK_KV_BOX_PHRASE;
	box.o.clock = read_clock;
	assert_int_equal(bk_kv_lmdb_open(&box.o, &box.kv), 0);
	assert_false(bk_kv_lmdb_second(box.kv));
	assert_int_equal(bk_kv_lmdb_rekey_second(box.kv, BK_KV_BOX_PHRASE, "tweede"), 0);
	assert_int_equal(bk_kv_lmdb_check(box.kv, BK_KV_BOX_PHRASE, &second), 0);
	assert_false(second);
	assert_int_equal(bk_kv_lmdb_check(box.kv, "tweede", &second), 0);
	assert_true(second);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(bk_kv_lmdb_check(box.kv, "fout", &second), BK_E_PASSPHRASE);
	assert_int_equal(bk_kv_lmdb_check(box.kv, "tweede", &second), BK_E_RATE);
	pass(5000);
	assert_int_equal(bk_kv_lmdb_check(box.kv, "tweede", &second), 0);
	bk_kv_lmdb_close(box.kv);
	box.o.passphrase = "tweede";
	assert_int_equal(bk_kv_lmdb_open(&box.o, &box.kv), 0);
	assert_true(bk_kv_lmdb_second(box.kv));
	bk_kv_box_close(&box);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(waits_double_to_a_bound, setup),
		cmocka_unit_test_setup(time_left_is_the_machines_own, setup),
		cmocka_unit_test_setup(restart_and_clock_set_back_begin_anew, setup),
		cmocka_unit_test_setup(every_damaged_bit_is_neither_gift_nor_lock_out, setup),
		cmocka_unit_test_setup(sixth_wrong_one_waits_and_nothing_is_wiped, setup),
		cmocka_unit_test_setup(a_try_is_counted_before_it_is_made, setup),
		cmocka_unit_test_setup(no_file_no_bar, setup),
		cmocka_unit_test_setup(both_passphrases_are_checked_alike, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
