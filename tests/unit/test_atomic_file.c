/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files replaced as a whole: whatever step fails, the old or the new bytes are there. Links are not followed. */
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
#include <unistd.h>

#include "atomic_file.h"
#include "err.h"
#include "fault_os.h"
#include "kv_box.h"
#include "tmp.h"

static const char *path, *sibling;

static int setup(void **state)
{
	(void)state;
	path = bk_tmp_path("file");
	sibling = bk_tmp_path("file.new");
	bk_tmp_remove_tree(path);
	bk_tmp_remove_tree(sibling);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	bk_kv_box_fault(NULL);
	return 0;
}

static bool exists(const char *name)
{
	struct stat st;

	return lstat(name, &st) == 0;
}

static int holds(const char *text)
{
	uint8_t *data = NULL;
	size_t len = 0;
	int err = bk_atomic_file_read(path, 100, &data, &len);

	if (!err && (len != strlen(text) || memcmp(data, text, len) != 0))
		err = BK_E_HASH;
	free(data);
	return err;
}

static void writes_and_replaces(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(holds(""), BK_E_NOT_FOUND);
	assert_int_equal(bk_atomic_file_write(path, "eerste", 6), 0);
	assert_int_equal(holds("eerste"), 0);
	assert_int_equal(chmod(path, 0644), 0);
	assert_int_equal(bk_atomic_file_write(path, "x", 1), 0);
	assert_int_equal(holds("x"), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(bk_atomic_file_write(path, "", 0), 0);
	assert_int_equal(holds(""), 0);
	assert_false(exists(sibling));
	assert_int_equal(bk_atomic_file_write(bk_tmp_path("no/such/folder"), "x", 1), BK_E_NOT_FOUND);
}

static void every_step_may_fail(void **state)
{
	long n = 0;

	(void)state;
	for (;; n++) {
		struct bk_kv_box_fault f = {.n = n, .err = n % 2 ? BK_E_FULL : BK_E_IO, .only = -1};
		int err;

		assert_int_equal(bk_atomic_file_write(path, "oud", 3), 0);
		bk_kv_box_fault(&f);
		err = bk_atomic_file_write(path, "nieuw", 5);
		bk_kv_box_fault(NULL);
		assert_true(holds("oud") == 0 || holds("nieuw") == 0);
		assert_true(err || holds("nieuw") == 0);
		assert_false(exists(sibling));
		if (f.seen <= n)
			break;
	}
	assert_int_equal(n, 6); /* open, write, sync, rename, folder, erase */
}

static void reads_are_bounded(void **state)
{
	uint8_t *data = NULL;
	size_t len = 0;

	(void)state;
	assert_int_equal(bk_atomic_file_write(path, "12345", 5), 0);
	assert_int_equal(bk_atomic_file_read(path, 5, &data, &len), 0);
	assert_int_equal(len, 5);
	free(data);
	data = NULL;
	assert_int_equal(bk_atomic_file_read(path, 4, &data, &len), BK_E_CORRUPT);
	assert_null(data);
}

static void odd_files_are_refused(void **state)
{
	const char *target = bk_tmp_path("target");
	uint8_t *data = NULL;
	size_t len = 0;

	(void)state;
	assert_int_equal(bk_tmp_write(target, "secret", 6), 0);
	assert_int_equal(symlink(target, path), 0);
	assert_int_equal(bk_atomic_file_read(path, 100, &data, &len), BK_E_CORRUPT);
	assert_int_equal(bk_atomic_file_write(path, "mine", 4), 0); /* takes the link's place, not its target's */
	assert_int_equal(holds("mine"), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink(target, sibling), 0);
	assert_int_equal(bk_atomic_file_write(path, "mine", 4), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(bk_atomic_file_read(path, 100, &data, &len), BK_E_CORRUPT); /* and does not hang */
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(bk_atomic_file_read(path, 100, &data, &len), BK_E_CORRUPT);
	assert_int_not_equal(bk_atomic_file_write(path, "x", 1), 0);
	assert_false(exists(sibling));
	assert_int_equal(bk_tmp_read(target, &data, &len), 0);
	assert_int_equal(len, 6);
	assert_memory_equal(data, "secret", 6);
	free(data);
}

/* What was replaced is overwritten where it lay, as another name for it shows. */
static void replaced_bytes_are_erased(void **state)
{
	uint8_t *data = NULL;
	size_t len = 0;

	(void)state;
	assert_int_equal(bk_atomic_file_write(path, "old secret", 10), 0);
	assert_int_equal(link(path, bk_tmp_path("old")), 0);
	assert_int_equal(bk_atomic_file_write(path, "new", 3), 0);
	assert_int_equal(bk_tmp_read(bk_tmp_path("old"), &data, &len), 0);
	assert_int_equal(len, 10);
	assert_memory_not_equal(data, "old secret", 10);
	free(data);
	unlink(bk_tmp_path("old"));
	assert_int_equal(link(path, bk_tmp_path("old")), 0);
	assert_int_equal(bk_atomic_file_destroy(path), 0);
	assert_int_equal(bk_tmp_read(bk_tmp_path("old"), &data, &len), 0);
	assert_memory_not_equal(data, "new", 3);
	free(data);
	unlink(bk_tmp_path("old"));
}

static void destroys_and_cleans(void **state)
{
	(void)state;
	assert_int_equal(bk_atomic_file_destroy(path), 0); /* absent */
	assert_int_equal(bk_atomic_file_destroy(bk_tmp_path("no/such")), 0);
	assert_int_equal(bk_atomic_file_write(path, "x", 1), 0);
	assert_int_equal(bk_tmp_write(sibling, "half", 4), 0);
	bk_atomic_file_clean(path);
	assert_false(exists(sibling));
	assert_int_equal(holds("x"), 0);
	assert_int_equal(bk_tmp_write(sibling, "half", 4), 0);
	assert_int_equal(bk_atomic_file_destroy(path), 0);
	assert_false(exists(path) || exists(sibling));
}

static int too_big_for_the_disk(void *arg)
{
	static uint8_t big[100000];
	struct rlimit limit = {50000, 50000};

	(void)arg;
	BK_CHILD_CHECK(signal(SIGXFSZ, SIG_IGN) != SIG_ERR && setrlimit(RLIMIT_FSIZE, &limit) == 0);
	BK_CHILD_CHECK(bk_atomic_file_write(path, big, sizeof big) == BK_E_FULL);
	BK_CHILD_CHECK(holds("old") == 0 && !exists(sibling));
	return 0;
}

static void disk_full_keeps_the_old(void **state)
{
	(void)state;
	assert_int_equal(bk_atomic_file_write(path, "old", 3), 0);
	assert_int_equal(bk_fault_os_child(too_big_for_the_disk, NULL), 0);
}

static void syncs_folders_by_any_name(void **state)
{
	char slashes[700];

	(void)state;
	assert_int_equal(bk_atomic_file_sync_dir(bk_tmp_dir()), 0);
	assert_int_equal(bk_atomic_file_sync_dir(bk_tmp_path("none")), BK_E_NOT_FOUND);
	assert_int_equal(bk_atomic_file_sync_parent("name"), 0); /* of the working folder */
	assert_int_equal(bk_atomic_file_sync_parent("/name"), 0);
	assert_int_equal(bk_atomic_file_sync_parent("/"), 0);
	snprintf(slashes, sizeof slashes, "%s/none//", bk_tmp_dir()); /* a folder still to be made: its parent is there */
	assert_int_equal(bk_atomic_file_sync_parent(slashes), 0);
	assert_int_equal(bk_atomic_file_sync_parent(bk_tmp_path("none/x")), BK_E_NOT_FOUND);
}

static void codes_of_errno(void **state)
{
	const struct { int code, want; } list[] = {{ENOSPC, BK_E_FULL}, {EDQUOT, BK_E_FULL}, {EFBIG, BK_E_FULL},
		{ENOENT, BK_E_NOT_FOUND}, {ENOTDIR, BK_E_NOT_FOUND}, {ENOMEM, BK_E_NOMEM}, {EIO, BK_E_IO},
		{EACCES, BK_E_IO}, {EROFS, BK_E_IO}};

	(void)state;
	for (size_t i = 0; i < sizeof list / sizeof list[0]; i++)
		assert_int_equal(bk_atomic_file_error(list[i].code), list[i].want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(writes_and_replaces, setup, teardown),
		cmocka_unit_test_setup_teardown(every_step_may_fail, setup, teardown),
		cmocka_unit_test_setup_teardown(reads_are_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(odd_files_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(replaced_bytes_are_erased, setup, teardown),
		cmocka_unit_test_setup_teardown(destroys_and_cleans, setup, teardown),
		cmocka_unit_test_setup_teardown(disk_full_keeps_the_old, setup, teardown),
		cmocka_unit_test_setup_teardown(syncs_folders_by_any_name, setup, teardown),
		cmocka_unit_test_setup_teardown(codes_of_errno, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
