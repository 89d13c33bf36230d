/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Golden files: what earlier versions sent and stored, kept for ever. Every file of the present version decodes,
 * encodes to the same bytes, and is what the encoders make today. A format that changes gets a new folder; files
 * of old folders are never written again. BAKEN_GOLDEN_NEW=1 adds files that are missing and touches no other.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "err.h"
#include "golden.h"
#include "tmp.h"

#define FOLDER BAKEN_SOURCE_DIR "/tests/golden/v1"

static const char *path_of(const char *name)
{
	static char path[512];

	snprintf(path, sizeof path, FOLDER "/%s.bin", name);
	return path;
}

/* O_EXCL: what is there stays as it is. */
static void write_new(const char *name, const struct bk_sample_blob *b)
{
	int fd = open(path_of(name), O_WRONLY | O_CREAT | O_EXCL, 0644);

	if (fd < 0 && errno == EEXIST)
		return;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, b->data, b->len), (ssize_t)b->len);
	assert_int_equal(close(fd), 0);
	print_message("new: %s\n", path_of(name));
}

static void test_nothing_missing(void **state)
{
	const bool add = getenv("BAKEN_GOLDEN_NEW") != NULL;
	char name[BK_GOLDEN_NAME];
	struct bk_sample_blob b = {NULL, 0};

	(void)state;
	for (size_t i = 0; bk_golden_make(i, name, &b); i++) {
		if (add)
			write_new(name, &b);
		free(b.data);
		if (access(path_of(name), R_OK) != 0)
			fail_msg("%s is missing; BAKEN_GOLDEN_NEW=1 adds it", path_of(name));
	}
}

static void test_same_bytes(void **state)
{
	char name[BK_GOLDEN_NAME];
	struct bk_sample_blob made = {NULL, 0};

	(void)state;
	for (size_t i = 0; bk_golden_make(i, name, &made); i++) {
		struct bk_sample_blob kept = {NULL, 0}, again = {NULL, 0};
		int err;

		assert_int_equal(bk_tmp_read(path_of(name), &kept.data, &kept.len), 0);
		err = bk_golden_again(i, kept.data, kept.len, &again);
		if (err)
			fail_msg("%s does not decode: %s", name, bk_err_name(err));
		if (again.len != kept.len || memcmp(again.data, kept.data, kept.len) != 0)
			fail_msg("%s: decoded and encoded, it is something else", name);
		if (made.len != kept.len || memcmp(made.data, kept.data, kept.len) != 0)
			fail_msg("%s: the encoder makes something else today: a new version?", name);
		free(again.data);
		free(kept.data);
		free(made.data);
	}
}

/* No file without a reader. */
static void test_nothing_unknown(void **state)
{
	DIR *folder = opendir(FOLDER);
	size_t files = 0, known = 0;
	char name[BK_GOLDEN_NAME];
	struct bk_sample_blob b;

	(void)state;
	assert_non_null(folder);
	for (const struct dirent *e = readdir(folder); e; e = readdir(folder))
		files += e->d_name[0] != '.';
	closedir(folder);
	for (; bk_golden_make(known, name, &b); known++)
		free(b.data);
	assert_int_equal(files, known);
}

/* Key stretching makes these slow; tests/unit/test_seal.c damages them. */
static bool slow(const char *name)
{
	return strcmp(name, "key-file") == 0 || strcmp(name, "sealed-file") == 0;
}

/* An invitation knows no case and O for 0; protobuf takes any number but 0 for true where nothing is signed. */
static bool lenient(const char *name)
{
	return strcmp(name, "invitation") == 0 || strncmp(name, "frame-", 6) == 0 || strcmp(name, "content-care") == 0;
}

static void damaged(size_t i, const char *name, const struct bk_sample_blob *good, const uint8_t *data, size_t len)
{
	uint8_t *exact = malloc(len ? len : 1); /* so that a read one byte too far is seen */
	struct bk_sample_blob again = {NULL, 0};
	int err;

	assert_non_null(exact);
	memcpy(exact, data, len);
	err = bk_golden_again(i, exact, len, &again);
	if (err > 0 || err < -10999 || (err < 0 && err > -10000))
		fail_msg("%s damaged: error %d is none of ours", name, err);
	if (!err && !lenient(name) && again.len == good->len && memcmp(again.data, good->data, good->len) == 0)
		fail_msg("%s damaged reads as if it were whole", name);
	if (!err)
		free(again.data);
	free(exact);
}

/* Cut at every length, one bit of every byte: an error, or something else, but never the same and never a crash. */
static void test_damage(void **state)
{
	char name[BK_GOLDEN_NAME];
	struct bk_sample_blob b = {NULL, 0};

	(void)state;
	for (size_t i = 0; bk_golden_make(i, name, &b); i++) {
		const size_t step = b.len > 2000 ? b.len / 499 : 1;
		struct bk_sample_blob good = bk_golden_copy(b.data, b.len);

		for (size_t n = 0; !slow(name) && n < b.len; n += step) {
			damaged(i, name, &good, b.data, n);
			b.data[n] ^= (uint8_t)(1u << n % 8);
			damaged(i, name, &good, b.data, b.len);
			b.data[n] = good.data[n];
		}
		free(good.data);
		free(b.data);
	}
}

static int setup(void **state)
{
	(void)state;
	return sodium_init() < 0;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_missing),
		cmocka_unit_test(test_same_bytes),
		cmocka_unit_test(test_nothing_unknown),
		cmocka_unit_test(test_damage),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
