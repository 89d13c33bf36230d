/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The client's storage killed at every step, n = 0.. until it gets through: making a store, committing, changing
 * the passphrase, destroying, replacing a sealed file, appending a blob. What was confirmed is there, the rest
 * whole or not at all, and the passphrase is the old or the new one (lessons M1, M9).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "blobs_dir.h"
#include "err.h"
#include "fault_os.h"
#include "kv_box.h"
#include "sample.h"
#include "seal.h"
#include "tmp.h"

#define ROUNDS_MAX 200
#define SKIP 77

static struct bk_kv_box box;
static long step; /* at which the child dies */

static int setup(void **state)
{
	(void)state;
	bk_kv_box_make(&box, "kv");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	bk_kv_box_close(&box);
	return 0;
}

static void die_at_step(struct bk_kv_box_fault *f)
{
	*f = (struct bk_kv_box_fault){.n = step, .only = -1};
	bk_kv_box_fault(f);
}

/* Runs act in a child that dies at each step in turn; after each death `look` must be content. */
static void die_everywhere(int (*act)(void *arg), void (*before)(void), void (*look)(void), long least)
{
	int code = -SIGKILL;

	for (step = 0; code == -SIGKILL && step < ROUNDS_MAX; step++) {
		before();
		code = bk_fault_os_child(act, NULL);
		assert_true(code == 0 || code == -SIGKILL);
		look();
	}
	assert_true(step > least && step < ROUNDS_MAX);
}

/* ---- making ---- */

static void nothing_there(void)
{
	bk_kv_box_close(&box);
	bk_tmp_remove_tree(box.path);
}

static int make(void *arg)
{
	struct bk_kv_box_fault f;

	(void)arg;
	die_at_step(&f);
	return bk_kv_lmdb_create(&box.o, &box.kv) != 0;
}

static void whole_or_none(void)
{
	int err = bk_kv_lmdb_open(&box.o, &box.kv);

	if (err) {
		assert_int_equal(err, BK_E_NOT_FOUND);
		assert_int_equal(bk_kv_lmdb_create(&box.o, &box.kv), 0);
	}
	assert_int_equal(bk_kv_box_put(&box, "a", "x"), 0);
	assert_int_equal(bk_kv_box_expect(&box, "a", "x"), 0);
	assert_int_equal(bk_kv_lmdb_damaged(box.kv), 0);
}

static void killed_while_made(void **state)
{
	(void)state;
	die_everywhere(make, nothing_there, whole_or_none, 6);
}

/* ---- committing ---- */

static void old_content(void)
{
	bk_kv_box_close(&box);
	bk_kv_box_make(&box, "kv");
	assert_int_equal(bk_kv_box_put(&box, "a", "old"), 0);
	assert_int_equal(bk_kv_box_put(&box, "b", "old"), 0);
	bk_kv_box_close(&box);
}

static int three_puts(void)
{
	int err = bk_kv_begin(box.kv);

	if (!err)
		err = bk_kv_put(box.kv, "a", 1, "new", 3);
	if (!err)
		err = bk_kv_put(box.kv, "c", 1, "new", 3);
	if (!err)
		err = bk_kv_del(box.kv, "b", 1);
	return err ? err : bk_kv_commit(box.kv, NULL);
}

static int commit(void *arg)
{
	struct bk_kv_box_fault f;

	(void)arg;
	die_at_step(&f);
	return bk_kv_lmdb_open(&box.o, &box.kv) != 0 || three_puts() != 0;
}

static void old_or_new(void)
{
	assert_int_equal(bk_kv_lmdb_open(&box.o, &box.kv), 0); /* the lock died with its owner */
	if (bk_kv_box_expect(&box, "a", "old") == 0) {
		assert_int_equal(bk_kv_box_expect(&box, "b", "old"), 0);
		assert_int_equal(bk_kv_box_expect(&box, "c", "new"), BK_E_NOT_FOUND);
		assert_int_equal(three_puts(), 0);
	}
	assert_int_equal(bk_kv_box_expect(&box, "a", "new"), 0);
	assert_int_equal(bk_kv_box_expect(&box, "b", "old"), BK_E_NOT_FOUND);
	assert_int_equal(bk_kv_box_expect(&box, "c", "new"), 0);
	assert_int_equal(bk_kv_lmdb_damaged(box.kv), 0);
}

static void killed_while_committing(void **state)
{
	(void)state;
	die_everywhere(commit, old_content, old_or_new, 6);
}

static const struct { long number; int flags; } places[] = {
	{SYS_writev, 0}, {SYS_pwrite64, 0}, {SYS_fdatasync, -1}, {SYS_pwrite64, O_DSYNC}};

static int commit_within(void *arg)
{
	size_t p = (size_t)(uintptr_t)arg;
	int fd = -1;

	BK_CHILD_CHECK(bk_kv_lmdb_open(&box.o, &box.kv) == 0);
	if (places[p].flags >= 0)
		fd = bk_fault_os_fd(bk_kv_box_file(&box, "data.mdb"), places[p].flags);
	if (!bk_fault_os_die(places[p].number, fd))
		return SKIP;
	three_puts();
	return 0;
}

/* Inside LMDB's commit: before pages are written, before they are synced, before the meta page names them. */
static void killed_within_a_commit(void **state)
{
	unsigned died = 0;

	(void)state;
	for (uintptr_t p = 0; p < 4; p++) {
		int code;

		old_content();
		code = bk_fault_os_child(commit_within, (void *)p);
		if (code == SKIP)
			skip();
		assert_true(code == -SIGSYS || code == 0); /* few pages: not every kind of write is used */
		died += code == -SIGSYS;
		assert_int_equal(bk_kv_lmdb_open(&box.o, &box.kv), 0);
		if (code == -SIGSYS)
			assert_int_equal(bk_kv_box_expect(&box, "a", "old"), 0);
		bk_kv_box_close(&box);
		old_or_new();
	}
	assert_true(died >= 3);
}

/* ---- the passphrase ---- */

static void old_passphrase(void)
{
	box.o.passphrase = BK_KV_BOX_PHRASE;
	old_content();
}

static int rekey(void *arg)
{
	struct bk_kv_box_fault f;

	(void)arg;
	BK_CHILD_CHECK(bk_kv_lmdb_open(&box.o, &box.kv) == 0);
	die_at_step(&f);
	return bk_kv_lmdb_rekey(box.kv, BK_KV_BOX_PHRASE, "nieuw") != 0;
}

static void one_passphrase_opens(void)
{
	int old, fresh;

	old = bk_kv_lmdb_open(&box.o, &box.kv);
	bk_kv_box_close(&box);
	box.o.passphrase = "nieuw";
	fresh = bk_kv_lmdb_open(&box.o, &box.kv);
	assert_true((old == 0 && fresh == BK_E_PASSPHRASE) || (old == BK_E_PASSPHRASE && fresh == 0));
	if (fresh != 0) {
		box.o.passphrase = BK_KV_BOX_PHRASE;
		assert_int_equal(bk_kv_lmdb_open(&box.o, &box.kv), 0);
	}
	assert_int_equal(bk_kv_box_expect(&box, "a", "old"), 0);
	assert_int_not_equal(access(bk_kv_box_file(&box, "keys.new"), F_OK), 0);
}

static void killed_while_the_passphrase_changes(void **state)
{
	(void)state;
	die_everywhere(rekey, old_passphrase, one_passphrase_opens, 5);
	box.o.passphrase = BK_KV_BOX_PHRASE;
}

/* ---- destroying ---- */

static int destroy(void *arg)
{
	struct bk_kv_box_fault f;

	(void)arg;
	die_at_step(&f);
	return bk_kv_lmdb_destroy(box.path) != 0;
}

/* Once the keys are overwritten no passphrase opens what is left; asking again finishes it. */
static void gone_or_as_it_was(void)
{
	int err = bk_kv_lmdb_open(&box.o, &box.kv);

	assert_true(err == 0 || err == BK_E_NOT_FOUND || err == BK_E_CORRUPT);
	if (!err)
		assert_int_equal(bk_kv_box_expect(&box, "a", "old"), 0);
	bk_kv_box_close(&box);
	assert_int_equal(bk_kv_lmdb_destroy(box.path), 0);
	assert_int_not_equal(access(box.path, F_OK), 0);
}

static void killed_while_destroyed(void **state)
{
	(void)state;
	die_everywhere(destroy, old_content, gone_or_as_it_was, 1);
}

/* ---- single files ---- */

static const struct bk_seal_cost cheap = {.ops = 1, .mem_kib = 8};

static void old_file(void)
{
	assert_int_equal(bk_seal_file_write_cost(bk_tmp_path("sealed"), "geheim", &cheap, "oud", 3), 0);
}

static int replace(void *arg)
{
	struct bk_kv_box_fault f;

	(void)arg;
	die_at_step(&f);
	return bk_seal_file_write_cost(bk_tmp_path("sealed"), "geheim", &cheap, "nieuw", 5) != 0;
}

static void old_or_new_file(void)
{
	uint8_t *got = NULL;
	size_t len = 0;

	assert_int_equal(bk_seal_file_read(bk_tmp_path("sealed"), "geheim", &got, &len), 0);
	assert_true((len == 3 && memcmp(got, "oud", 3) == 0) || (len == 5 && memcmp(got, "nieuw", 5) == 0));
	bk_seal_free(got);
}

static void killed_while_a_file_is_replaced(void **state)
{
	(void)state;
	die_everywhere(replace, old_file, old_or_new_file, 5);
}

static struct bk_blobs *open_blobs(void)
{
	struct bk_blobs *b = NULL;

	return bk_blobs_dir_open(bk_tmp_path("blobs"), &b) == 0 ? b : NULL;
}

static void one_blob(void)
{
	struct bk_blobs *b;

	bk_tmp_remove_tree(bk_tmp_path("blobs"));
	b = open_blobs();
	assert_non_null(b);
	assert_int_equal(b->ops->append(b, bk_sample_id(1), "first", 5), 0);
	assert_int_equal(b->ops->sync(b, bk_sample_id(1)), 0);
	bk_blobs_dir_close(b);
}

static int append(void *arg)
{
	struct bk_blobs *b = open_blobs();
	struct bk_kv_box_fault f;

	(void)arg;
	BK_CHILD_CHECK(b);
	die_at_step(&f);
	return b->ops->append(b, bk_sample_id(1), "second", 6) != 0 || b->ops->sync(b, bk_sample_id(1)) != 0;
}

static void first_is_whole(void)
{
	struct bk_blobs *b = open_blobs();
	uint8_t got[20];
	size_t len = 0;

	assert_non_null(b);
	assert_int_equal(b->ops->read(b, bk_sample_id(1), 0, got, sizeof got, &len), 0);
	assert_true(len == 5 || len == 11);
	assert_memory_equal(got, "firstsecond", len);
	bk_blobs_dir_close(b);
}

static void killed_while_a_blob_grows(void **state)
{
	(void)state;
	die_everywhere(append, one_blob, first_is_whole, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(killed_while_made, setup, teardown),
		cmocka_unit_test_setup_teardown(killed_while_committing, setup, teardown),
		cmocka_unit_test_setup_teardown(killed_within_a_commit, setup, teardown),
		cmocka_unit_test_setup_teardown(killed_while_the_passphrase_changes, setup, teardown),
		cmocka_unit_test_setup_teardown(killed_while_destroyed, setup, teardown),
		cmocka_unit_test_setup_teardown(killed_while_a_file_is_replaced, setup, teardown),
		cmocka_unit_test_setup_teardown(killed_while_a_blob_grows, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
