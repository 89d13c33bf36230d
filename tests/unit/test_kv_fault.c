/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The client's sealed store when something fails: each step of each action in turn, full disks, failing syncs,
 * damaged bytes. Nothing that was committed is lost; no content ever comes out that did not go in.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "err.h"
#include "fault_os.h"
#include "kv_box.h"
#include "kv_lmdb_state.h"
#include "tmp.h"

#define SKIP 77
#define ROUNDS_MAX 200

static struct bk_kv_box box;

static int setup(void **state)
{
	(void)state;
	bk_kv_box_make(&box, "kv");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	bk_kv_box_fault(NULL);
	bk_kv_box_close(&box);
	return 0;
}

/* ---- the n-th step fails, n = 0 until it works ---- */

static void make_fails_everywhere(void **state)
{
	static const int errors[] = {BK_E_IO, BK_E_FULL, BK_E_NOMEM};
	long n = 0;

	(void)state;
	bk_kv_box_close(&box);
	for (; n < ROUNDS_MAX; n++) {
		struct bk_kv_box_fault f = {.n = n, .err = errors[n % 3], .only = -1};
		int err, again;

		bk_tmp_remove_tree(box.path);
		bk_kv_box_fault(&f);
		err = bk_kv_lmdb_create(&box.o, &box.kv);
		bk_kv_box_fault(NULL);
		assert_true(!err || err == f.err || err == BK_E_NOMEM);
		if (f.seen <= n)
			break;
		bk_kv_box_close(&box);
		again = bk_kv_lmdb_create(&box.o, &box.kv); /* there is one now, or there is not: never half of one */
		if (again == BK_E_EXISTS)
			again = bk_kv_lmdb_open(&box.o, &box.kv);
		assert_int_equal(again, 0);
		bk_kv_box_close(&box);
	}
	assert_true(n > 5 && n < ROUNDS_MAX);
	assert_int_equal(bk_kv_box_put(&box, "a", "x"), 0);
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
	if (!err)
		return bk_kv_commit(box.kv, NULL);
	bk_kv_abort(box.kv);
	return err;
}

static void expect_old(void)
{
	assert_int_equal(bk_kv_box_expect(&box, "a", "old"), 0);
	assert_int_equal(bk_kv_box_expect(&box, "b", "old"), 0);
	assert_int_equal(bk_kv_box_expect(&box, "c", "new"), BK_E_NOT_FOUND);
}

static void commit_fails_everywhere(void **state)
{
	long n = 0;
	int err = -1;

	(void)state;
	assert_int_equal(bk_kv_box_put(&box, "a", "old"), 0);
	assert_int_equal(bk_kv_box_put(&box, "b", "old"), 0);
	for (; err && n < ROUNDS_MAX; n++) {
		struct bk_kv_box_fault f = {.n = n, .err = n % 2 ? BK_E_FULL : BK_E_IO, .only = -1};

		bk_kv_box_fault(&f);
		err = three_puts();
		bk_kv_box_fault(NULL);
		if (f.seen <= n || !err) /* the step after the commit is not a failure */
			break;
		assert_true(err == f.err || err == BK_E_NOMEM);
		expect_old();
		assert_int_equal(bk_kv_box_reopen(&box), 0);
		expect_old();
	}
	assert_true(n >= 4 && n < ROUNDS_MAX);
	assert_int_equal(bk_kv_box_reopen(&box), 0);
	assert_int_equal(bk_kv_box_expect(&box, "a", "new"), 0);
	assert_int_equal(bk_kv_box_expect(&box, "b", "old"), BK_E_NOT_FOUND);
	assert_int_equal(bk_kv_box_expect(&box, "c", "new"), 0);
}

/* After an error the passphrase is the old or the new one, never none, never both. */
static void passphrase_change_fails_everywhere(void **state)
{
	long n = 0;

	(void)state;
	assert_int_equal(bk_kv_box_put(&box, "a", "x"), 0);
	for (; n < ROUNDS_MAX; n++) {
		struct bk_kv_box_fault f = {.n = n, .err = n % 2 ? BK_E_FULL : BK_E_IO, .only = -1};
		int err, old, fresh;

		bk_kv_box_fault(&f);
		err = bk_kv_lmdb_rekey(box.kv, BK_KV_BOX_PHRASE, "nieuw");
		bk_kv_box_fault(NULL);
		old = bk_kv_box_reopen(&box);
		box.o.passphrase = "nieuw";
		fresh = bk_kv_box_reopen(&box);
		assert_true((old == 0) != (fresh == 0));
		if (fresh == 0) {
			assert_int_equal(bk_kv_box_expect(&box, "a", "x"), 0);
			assert_int_equal(bk_kv_lmdb_rekey(box.kv, "nieuw", BK_KV_BOX_PHRASE), 0);
		}
		box.o.passphrase = BK_KV_BOX_PHRASE;
		assert_int_equal(bk_kv_box_reopen(&box), 0);
		if (!err && f.seen <= n)
			break;
	}
	assert_true(n >= 5 && n < ROUNDS_MAX);
}

static void open_fails_everywhere(void **state)
{
	long n = 0;
	int err = -1;

	(void)state;
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(bk_kv_box_put(&box, (const char *const[]){"a", "b", "c", "d", "e"}[i], "x"), 0);
	for (; err && n < ROUNDS_MAX; n++) {
		struct bk_kv_box_fault f = {.n = n, .err = BK_E_NOMEM, .only = -1};

		bk_kv_box_close(&box);
		bk_kv_box_fault(&f);
		err = bk_kv_lmdb_open(&box.o, &box.kv);
		bk_kv_box_fault(NULL);
		assert_true(!err || err == BK_E_NOMEM);
	}
	assert_true(n > 5);
	assert_int_equal(bk_kv_box_expect(&box, "e", "x"), 0);
}

/* ---- the disk ---- */

static int put_number(unsigned i)
{
	char key[16], value[4000];

	snprintf(key, sizeof key, "n/%u", i);
	memset(value, 'v', sizeof value - 1);
	value[sizeof value - 1] = '\0';
	return bk_kv_box_put(&box, key, value);
}

static int has_number(unsigned i)
{
	char key[16];
	uint8_t *got = NULL;
	size_t len = 0;
	int err;

	snprintf(key, sizeof key, "n/%u", i);
	err = bk_kv_get(box.kv, key, strlen(key), &got, &len);
	free(got);
	return err ? err : len == 3999 ? 0 : BK_E_HASH;
}

static int fill_and_go_on(bool (*more)(void))
{
	unsigned n = 0;
	int err;

	while ((err = put_number(n)) == 0 && n < 5000)
		n++;
	BK_CHILD_CHECK(err == BK_E_FULL && n > 3);
	BK_CHILD_CHECK(put_number(n) == BK_E_FULL);
	for (unsigned i = 0; i < n; i++)
		BK_CHILD_CHECK(has_number(i) == 0);
	BK_CHILD_CHECK(has_number(n) == BK_E_NOT_FOUND);
	BK_CHILD_CHECK(bk_kv_box_reopen(&box) == 0);
	BK_CHILD_CHECK(has_number(n - 1) == 0);
	BK_CHILD_CHECK(more());
	BK_CHILD_CHECK(put_number(n) == 0 && put_number(n + 1) == 0);
	BK_CHILD_CHECK(bk_kv_box_reopen(&box) == 0);
	for (unsigned i = 0; i < n + 2; i++)
		BK_CHILD_CHECK(has_number(i) == 0);
	return 0;
}

static bool raise_limit(void)
{
	struct rlimit limit = {16u << 20, 32u << 20};

	return setrlimit(RLIMIT_FSIZE, &limit) == 0;
}

static int within_file_size(void *arg)
{
	struct rlimit limit = {(rlim_t)(uintptr_t)arg, 32u << 20};

	BK_CHILD_CHECK(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
	bk_kv_box_make(&box, "file-size");
	BK_CHILD_CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
	return fill_and_go_on(raise_limit);
}

static void file_size_limit(void **state)
{
	(void)state;
	assert_int_equal(bk_fault_os_child(within_file_size, (void *)(uintptr_t)(1u << 20)), 0);
	assert_int_equal(bk_fault_os_child(within_file_size, (void *)(uintptr_t)((1u << 20) + 777)), 0);
}

static bool remove_filler(void)
{
	return unlink(bk_tmp_path("small/filler")) == 0;
}

static int on_small_disk(void *arg)
{
	static const uint8_t filler[1u << 20];

	(void)arg;
	if (!bk_fault_os_small_disk(bk_tmp_path("small"), 2u << 20))
		return SKIP;
	BK_CHILD_CHECK(bk_tmp_write(bk_tmp_path("small/filler"), filler, sizeof filler) == 0);
	bk_kv_box_make(&box, "small/store");
	BK_CHILD_CHECK(fill_and_go_on(remove_filler) == 0);
	/* A full disk and a change of passphrase. */
	for (unsigned i = 10000; put_number(i) == 0;)
		i++;
	for (int fd = open(bk_tmp_path("small/filler"), O_WRONLY | O_CREAT | O_APPEND, 0600);
		write(fd, filler, 512) > 0;)
		;
	BK_CHILD_CHECK(bk_kv_lmdb_rekey(box.kv, BK_KV_BOX_PHRASE, "nieuw") == BK_E_FULL);
	BK_CHILD_CHECK(bk_kv_box_reopen(&box) == 0);
	return 0;
}

static void disk_full(void **state)
{
	int code;

	(void)state;
	assert_int_equal(mkdir(bk_tmp_path("small"), 0700), 0);
	code = bk_fault_os_child(on_small_disk, NULL);
	if (code == SKIP)
		skip();
	assert_int_equal(code, 0);
}

static int sync_fails(void *arg)
{
	struct rlimit nearly_full = {2u << 20, 2u << 20}; /* must not pass for the reason */
	bool meta = arg != NULL;
	int fd;

	bk_kv_box_make(&box, "sync");
	BK_CHILD_CHECK(bk_kv_box_put(&box, "a", "x") == 0);
	BK_CHILD_CHECK(!meta || setrlimit(RLIMIT_FSIZE, &nearly_full) == 0);
	fd = bk_fault_os_fd(bk_kv_box_file(&box, "data.mdb"), meta ? O_DSYNC : 0);
	BK_CHILD_CHECK(fd >= 0);
	if (!(meta ? bk_fault_os_fail(SYS_pwrite64, fd, EIO) : bk_fault_os_fail(SYS_fdatasync, -1, EIO)))
		return SKIP;
	BK_CHILD_CHECK(bk_kv_box_put(&box, "a", "y") == BK_E_IO);
	BK_CHILD_CHECK(bk_kv_begin(box.kv) == BK_E_IO); /* for good */
	BK_CHILD_CHECK(bk_kv_box_expect(&box, "a", "x") == 0); /* what was known can still be read */
	return 0;
}

static void syncs_fail(void **state)
{
	(void)state;
	for (uintptr_t meta = 0; meta < 2; meta++) {
		int code = bk_fault_os_child(sync_fails, (void *)meta);

		if (code == SKIP)
			skip();
		assert_int_equal(code, 0);
		bk_kv_box_close(&box);
		bk_kv_box_init(&box, "sync");
		assert_int_equal(bk_kv_lmdb_open(&box.o, &box.kv), 0);
		assert_int_equal(bk_kv_box_expect(&box, "a", "x"), 0);
		assert_int_equal(bk_kv_box_put(&box, "a", "x"), 0);
		bk_kv_box_close(&box);
		bk_tmp_remove_tree(box.path);
	}
}

/* ---- damage ---- */

enum { SOUND = 0, NAMED = 10, WRONG = 11 };

static int visit_value(void *arg, const void *key, size_t key_len, const void *value, size_t len)
{
	unsigned i = 0;

	++*(unsigned *)arg;
	return sscanf((const char *)key, "n/%u", &i) == 1 && key_len <= 4 && i < 20 && len == 3999 &&
			       ((const char *)value)[17] == 'v' ?
		       0 :
		       WRONG;
}

static int look_through(void *arg)
{
	unsigned n = 0;
	int err = bk_kv_lmdb_open(&box.o, &box.kv);

	(void)arg;
	if (err)
		return err == BK_E_CORRUPT || err == BK_E_VERSION ? NAMED : WRONG;
	err = bk_kv_each(box.kv, "n/", 2, visit_value, &n);
	if (err == WRONG)
		return WRONG;
	if (err)
		return err == BK_E_CORRUPT ? NAMED : WRONG;
	for (unsigned i = 0; i < 20; i++)
		if (has_number(i) != 0)
			return WRONG; /* each() said that all was sound */
	return n == 20 ? SOUND : WRONG;
}

static void flipped_bits(void **state)
{
	unsigned sound = 0, named = 0, died = 0;
	uint8_t *data = NULL;
	size_t n = 0;

	(void)state;
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(put_number(i), 0);
	bk_kv_box_close(&box);
	assert_int_equal(bk_tmp_read(bk_kv_box_file(&box, "data.mdb"), &data, &n), 0);
	for (size_t i = 0; i < 60; i++) {
		size_t at = (i * 2654435761u) % n;
		int code;

		data[at] ^= (uint8_t)(1u << (i % 8));
		assert_int_equal(bk_tmp_write(bk_kv_box_file(&box, "data.mdb"), data, n), 0);
		code = bk_fault_os_child(look_through, NULL);
		data[at] ^= (uint8_t)(1u << (i % 8));
		assert_int_not_equal(code, WRONG);
		sound += code == SOUND;
		named += code == NAMED;
		died += code != SOUND && code != NAMED;
	}
	assert_true(named > 10);
	print_message("flipped bits: %u named, %u ended the reader, %u lay where nothing is\n", named, died, sound);
	for (size_t len = 0; len < n; len += n / 7) {
		assert_int_equal(bk_tmp_write(bk_kv_box_file(&box, "data.mdb"), data, len), 0);
		assert_int_equal(bk_fault_os_child(look_through, NULL), NAMED);
	}
	free(data);
}

/* ---- a damaged record among sound ones ---- */

/* Turns a bit of the record of this name, in its name (true) or its content. */
static void turn_bit(const char *key, bool in_name)
{
	struct bk_kv_lmdb *kv = (struct bk_kv_lmdb *)box.kv;
	uint8_t id[BK_KV_RECORD_ID], copy[2048];
	MDB_val k = {sizeof id, id}, v;
	MDB_txn *txn = NULL;

	bk_kv_record_id(kv->keys, key, strlen(key), id);
	assert_int_equal(mdb_txn_begin(kv->env, NULL, 0, &txn), 0);
	assert_int_equal(mdb_get(txn, kv->dbi, &k, &v), 0);
	assert_true(v.mv_size <= sizeof copy);
	memcpy(copy, v.mv_data, v.mv_size);
	copy[in_name ? 30 : BK_KV_RECORD_HEAD + 9] ^= 4;
	v.mv_data = copy;
	assert_int_equal(mdb_put(txn, kv->dbi, &k, &v, 0), 0);
	assert_int_equal(mdb_txn_commit(txn), 0);
}

static int count_sound(void *arg, const void *key, size_t key_len, const void *value, size_t len)
{
	(void)key, (void)key_len, (void)value, (void)len;
	++*(unsigned *)arg;
	return 0;
}

static unsigned sound(int want)
{
	unsigned n = 0;

	assert_int_equal(bk_kv_each(box.kv, "r/", 2, count_sound, &n), want);
	return n;
}

static void damaged_content_is_named_and_mended(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(bk_kv_box_put(&box, (const char *const[]){"r/a", "r/b", "r/c", "r/d"}[i], "x"), 0);
	turn_bit("r/b", false);
	assert_int_equal(bk_kv_box_expect(&box, "r/b", "x"), BK_E_CORRUPT);
	assert_int_equal(bk_kv_box_expect(&box, "r/a", "x"), 0);
	assert_int_equal(sound(BK_E_CORRUPT), 3);
	assert_int_equal(bk_kv_box_reopen(&box), 0);
	assert_int_equal(bk_kv_lmdb_damaged(box.kv), 0); /* its name is sound */
	assert_int_equal(bk_kv_box_put(&box, "r/b", "y"), 0);
	assert_int_equal(bk_kv_box_expect(&box, "r/b", "y"), 0);
	assert_int_equal(sound(0), 4);
}

/* Whose name cannot be read any more: nobody knows what it was, so every walk says that something is missing. */
static void damaged_name_is_counted_and_mended(void **state)
{
	(void)state;
	assert_int_equal(bk_kv_box_put(&box, "r/a", "x"), 0);
	assert_int_equal(bk_kv_box_put(&box, "r/b", "x"), 0);
	turn_bit("r/b", true);
	assert_int_equal(bk_kv_box_reopen(&box), 0);
	assert_int_equal(bk_kv_lmdb_damaged(box.kv), 1);
	assert_int_equal(sound(BK_E_CORRUPT), 1);
	assert_int_equal(bk_kv_begin(box.kv), 0);
	assert_int_equal(bk_kv_put(box.kv, "r/b", 3, "y", 1), 0);
	assert_int_equal(bk_kv_lmdb_damaged(box.kv), 0);
	bk_kv_abort(box.kv); /* and everything is as it was */
	assert_int_equal(bk_kv_lmdb_damaged(box.kv), 1);
	assert_int_equal(sound(BK_E_CORRUPT), 1);
	assert_int_equal(bk_kv_begin(box.kv), 0);
	assert_int_equal(bk_kv_del(box.kv, "r/b", 3), 0);
	assert_int_equal(bk_kv_commit(box.kv, NULL), 0);
	assert_int_equal(bk_kv_lmdb_damaged(box.kv), 0);
	assert_int_equal(sound(0), 1);
	assert_int_equal(bk_kv_box_reopen(&box), 0);
	assert_int_equal(bk_kv_lmdb_damaged(box.kv), 0);
}

/* The record without a name says of which format the store is. */
static void newer_format_is_refused(void **state)
{
	static const uint8_t newer[] = {'b', 'a', 'k', 'e', 'n', ' ', 's', 't', 'o', 'r', 'e', 2};
	struct bk_kv_lmdb *kv = (struct bk_kv_lmdb *)box.kv;

	(void)state;
	assert_int_equal(bk_kv_begin(box.kv), 0);
	assert_int_equal(bk_kv_lmdb_store(kv, NULL, 0, newer, sizeof newer), 0);
	assert_int_equal(bk_kv_commit(box.kv, NULL), 0);
	assert_int_equal(bk_kv_box_reopen(&box), BK_E_VERSION);
	bk_kv_box_make(&box, "kv");
	kv = (struct bk_kv_lmdb *)box.kv;
	assert_int_equal(bk_kv_begin(box.kv), 0);
	assert_int_equal(bk_kv_lmdb_store(kv, NULL, 0, "something else", 14), 0);
	assert_int_equal(bk_kv_commit(box.kv, NULL), 0);
	assert_int_equal(bk_kv_box_reopen(&box), BK_E_CORRUPT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(make_fails_everywhere, setup, teardown),
		cmocka_unit_test_setup_teardown(commit_fails_everywhere, setup, teardown),
		cmocka_unit_test_setup_teardown(passphrase_change_fails_everywhere, setup, teardown),
		cmocka_unit_test_setup_teardown(open_fails_everywhere, setup, teardown),
		cmocka_unit_test_setup_teardown(file_size_limit, setup, teardown),
		cmocka_unit_test_setup_teardown(disk_full, setup, teardown),
		cmocka_unit_test_setup_teardown(syncs_fail, setup, teardown),
		cmocka_unit_test_setup_teardown(flipped_bits, setup, teardown),
		cmocka_unit_test_setup_teardown(damaged_content_is_named_and_mended, setup, teardown),
		cmocka_unit_test_setup_teardown(damaged_name_is_counted_and_mended, setup, teardown),
		cmocka_unit_test_setup_teardown(newer_format_is_refused, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
