/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Large files of the client: the shared suite, foreign files in the folder, half appends, full disks. */
#include "kv_suite.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "blobs_dir.h"
#include "err.h"
#include "fault_os.h"
#include "kv_box.h"
#include "sample.h"
#include "tmp.h"

static struct bk_blobs *blobs;
static char path[600];

static int setup(void **state)
{
	snprintf(path, sizeof path, "%s/blobs", bk_tmp_dir());
	bk_tmp_remove_tree(path);
	assert_int_equal(bk_blobs_dir_open(path, &blobs), 0);
	*state = blobs;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	bk_kv_box_fault(NULL);
	bk_blobs_dir_close(blobs);
	return 0;
}

static int append(unsigned n, const char *text)
{
	return blobs->ops->append(blobs, bk_sample_id(n), text, strlen(text));
}

static uint64_t size_of(unsigned n)
{
	uint64_t size = 0;

	return blobs->ops->size(blobs, bk_sample_id(n), &size) == 0 ? size : UINT64_MAX;
}

static void file_of(unsigned n, char out[static 700])
{
	char name[BK_ID_TEXT];

	snprintf(out, 700, "%s/%s", path, bk_id_text(bk_sample_id(n), name));
}

static void lives_on_in_private(void **state)
{
	struct stat st;
	char file[700];

	(void)state;
	assert_int_equal(append(1, "hallo"), 0);
	assert_int_equal(blobs->ops->sync(blobs, bk_sample_id(1)), 0);
	bk_blobs_dir_close(blobs);
	assert_int_equal(chmod(path, 0755), 0);
	assert_int_equal(bk_blobs_dir_open(path, &blobs), 0);
	assert_int_equal(size_of(1), 5);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	file_of(1, file);
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

static int count(void *arg, bk_id id)
{
	(void)id;
	++*(unsigned *)arg;
	return 0;
}

/* R10: only 32 small hex digits are ours; whatever else lies there is neither listed nor removed. */
static void foreign_files_are_left_alone(void **state)
{
	const char *const names[] = {"notes.txt", "0123456789ABCDEF0123456789ABCDEF", "0123456789abcdef", "x", ".hidden",
		"0123456789abcdef0123456789abcdef0"};
	char file[700];
	unsigned n = 0;

	(void)state;
	assert_int_equal(append(1, "ours"), 0);
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		snprintf(file, sizeof file, "%s/%s", path, names[i]);
		assert_int_equal(bk_tmp_write(file, "x", 1), 0);
	}
	assert_int_equal(blobs->ops->each(blobs, count, &n), 0);
	assert_int_equal(n, 1);
	assert_int_not_equal(bk_blobs_dir_destroy(path), 0); /* the folder is not empty: it says so */
	assert_int_equal(size_of(1), UINT64_MAX);
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		snprintf(file, sizeof file, "%s/%s", path, names[i]);
		assert_int_equal(access(file, F_OK), 0);
		assert_int_equal(unlink(file), 0);
	}
	assert_int_equal(bk_blobs_dir_destroy(path), 0);
	assert_int_not_equal(access(path, F_OK), 0);
	assert_int_equal(bk_blobs_dir_destroy(path), 0); /* absent */
}

static void links_are_not_followed(void **state)
{
	const char *target = bk_tmp_path("target");
	uint8_t got[8], *data = NULL;
	size_t len = 0;
	char file[700];

	(void)state;
	assert_int_equal(bk_tmp_write(target, "secret", 6), 0);
	file_of(2, file);
	assert_int_equal(symlink(target, file), 0);
	assert_int_equal(append(2, "x"), BK_E_CORRUPT);
	assert_int_equal(blobs->ops->read(blobs, bk_sample_id(2), 0, got, 8, &len), BK_E_CORRUPT);
	assert_int_equal(blobs->ops->remove(blobs, bk_sample_id(2)), 0); /* the link, not what it names */
	assert_int_equal(mkfifo(file, 0600), 0);
	assert_int_not_equal(append(2, "x"), 0); /* and does not hang */
	assert_int_equal(unlink(file), 0);
	assert_int_equal(bk_tmp_read(target, &data, &len), 0);
	assert_int_equal(len, 6);
	free(data);
}

static void failing_steps_append_nothing(void **state)
{
	static const enum bk_kv_fault_point points[] = {BK_KV_FAULT_BLOB_WRITE, BK_KV_FAULT_BLOB_SYNC};
	struct bk_kv_box_fault f = {.err = BK_E_FULL, .only = (int)points[0]};
	unsigned n = 0;

	(void)state;
	assert_int_equal(append(1, "12345"), 0);
	bk_kv_box_fault(&f);
	assert_int_equal(append(1, "67890"), BK_E_FULL);
	assert_int_equal(size_of(1), 5);
	assert_int_equal(append(1, "67890"), 0); /* the fault was one */
	f = (struct bk_kv_box_fault){.err = BK_E_IO, .only = (int)points[1]};
	assert_int_equal(blobs->ops->sync(blobs, bk_sample_id(1)), BK_E_IO);
	f = (struct bk_kv_box_fault){.err = BK_E_NOMEM, .only = BK_KV_FAULT_ALLOC};
	assert_int_equal(blobs->ops->each(blobs, count, &n), BK_E_NOMEM);
	assert_int_equal(n, 0);
	bk_kv_box_fault(NULL);
	assert_int_equal(size_of(1), 10);
	assert_int_equal(blobs->ops->append(blobs, bk_sample_id(1), NULL, 3), BK_E_INVAL);
}

/* A real limit in the middle of a write: what fitted is taken back. */
static int past_the_limit(void *arg)
{
	static uint8_t big[40000];
	struct rlimit limit = {50000, 50000};

	(void)arg;
	BK_CHILD_CHECK(signal(SIGXFSZ, SIG_IGN) != SIG_ERR && setrlimit(RLIMIT_FSIZE, &limit) == 0);
	BK_CHILD_CHECK(blobs->ops->append(blobs, bk_sample_id(3), big, sizeof big) == 0);
	BK_CHILD_CHECK(blobs->ops->append(blobs, bk_sample_id(3), big, sizeof big) == BK_E_FULL);
	BK_CHILD_CHECK(size_of(3) == 40000);
	BK_CHILD_CHECK(blobs->ops->append(blobs, bk_sample_id(3), big, 10000) == 0);
	return 0;
}

static void disk_full(void **state)
{
	(void)state;
	assert_int_equal(bk_fault_os_child(past_the_limit, NULL), 0);
	assert_int_equal(size_of(3), 50000);
}

/* The folder's own name is made durable in its parent. */
static void new_folder_is_synced(void **state)
{
	struct bk_kv_box_fault f = {.err = BK_E_IO, .only = BK_KV_FAULT_DIR_SYNC};
	struct bk_blobs *other = NULL;

	(void)state;
	bk_kv_box_fault(&f);
	assert_int_equal(bk_blobs_dir_open(bk_tmp_path("fresh"), &other), BK_E_IO);
	assert_int_equal(bk_blobs_dir_open(bk_tmp_path("no/such"), &other), BK_E_NOT_FOUND);
	assert_int_equal(bk_tmp_write(bk_tmp_path("plain"), "x", 1), 0);
	assert_int_equal(bk_blobs_dir_open(bk_tmp_path("plain"), &other), BK_E_IO);
	assert_null(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BK_BLOBS_SUITE(setup, teardown),
		cmocka_unit_test_setup_teardown(lives_on_in_private, setup, teardown),
		cmocka_unit_test_setup_teardown(foreign_files_are_left_alone, setup, teardown),
		cmocka_unit_test_setup_teardown(links_are_not_followed, setup, teardown),
		cmocka_unit_test_setup_teardown(failing_steps_append_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(disk_full, setup, teardown),
		cmocka_unit_test_setup_teardown(new_folder_is_synced, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
