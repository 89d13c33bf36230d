/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Golden files: what earlier versions sent and stored, kept for ever. Every file decodes and encodes to the same
 * bytes, and the newest of each format is what the encoder makes today. A format that grows leaves its files where
 * they are and gets the next number (frame-error.bin, frame-error-2.bin ...); one that breaks, a new folder.
 * BAKEN_GOLDEN_NEW=1 adds what is missing and touches no file that is there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "err.h"
#include "golden.h"
#include "tmp.h"

#define FOLDER BAKEN_SOURCE_DIR "/tests/golden/v1"

static const char *path_of(const char *name, unsigned number)
{
	static char path[512];

	if (number > 1)
		snprintf(path, sizeof path, FOLDER "/%s-%u.bin", name, number);
	else
		snprintf(path, sizeof path, FOLDER "/%s.bin", name);
	return path;
}

/* How many files of this format there are, numbered without gaps. */
static unsigned files_of(const char *name)
{
	unsigned n = 0;

	while (access(path_of(name, n + 1), R_OK) == 0)
		n++;
	return n;
}

static bool is_file(const char *name, unsigned number, const struct bk_sample_blob *b)
{
	struct bk_sample_blob kept = {NULL, 0};
	bool same;

	if (bk_tmp_read(path_of(name, number), &kept.data, &kept.len) != 0)
		return false;
	same = kept.len == b->len && memcmp(kept.data, b->data, b->len) == 0;
	free(kept.data);
	return same;
}

/* O_EXCL: what is there stays as it is. */
static void write_new(const char *name, unsigned number, const struct bk_sample_blob *b)
{
	int fd = open(path_of(name, number), O_WRONLY | O_CREAT | O_EXCL, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, b->data, b->len), (ssize_t)b->len);
	assert_int_equal(close(fd), 0);
	print_message("new: %s\n", path_of(name, number));
}

static void test_newest_is_todays(void **state)
{
	const bool add = getenv("BAKEN_GOLDEN_NEW") != NULL;
	char name[BK_GOLDEN_NAME];
	struct bk_sample_blob b = {NULL, 0};

	(void)state;
	for (size_t i = 0; bk_golden_make(i, name, &b); i++) {
		bool known = is_file(name, files_of(name), &b);

		if (!known && add)
			write_new(name, files_of(name) + 1, &b);
		free(b.data);
		if (!known && !add)
			fail_msg("%s: the encoder makes what no file holds; BAKEN_GOLDEN_NEW=1 adds it", name);
	}
}

static void expect_same(size_t i, const char *name, unsigned number)
{
	struct bk_sample_blob kept = {NULL, 0}, again = {NULL, 0};
	int err;

	assert_int_equal(bk_tmp_read(path_of(name, number), &kept.data, &kept.len), 0);
	err = bk_golden_again(i, kept.data, kept.len, &again);
	free(kept.data);
	if (err)
		fail_msg("%s does not decode: %s", path_of(name, number), bk_err_name(err));
	if (!is_file(name, number, &again))
		fail_msg("%s: decoded and encoded, it is something else", path_of(name, number));
	free(again.data);
}

static void test_every_file_is_read(void **state)
{
	char name[BK_GOLDEN_NAME];
	struct bk_sample_blob made = {NULL, 0};

	(void)state;
	for (size_t i = 0; bk_golden_make(i, name, &made); i++) {
		free(made.data);
		for (unsigned number = 1; number <= files_of(name); number++)
			expect_same(i, name, number);
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
	for (size_t i = 0; bk_golden_make(i, name, &b); i++) {
		free(b.data);
		known += files_of(name);
	}
	assert_int_equal(files, known);
}

/* Key stretching makes these slow; tests/unit/test_seal.c damages them. */
static bool slow(const char *name)
{
	return strcmp(name, "key-file") == 0 || strcmp(name, "sealed-file") == 0;
}

/* An invitation knows no case and O for 0; of a store the letter needs one session, its order is ours; protobuf takes any number but 0 for true where nothing is signed. */
static bool lenient(const char *name)
{
	return strcmp(name, "invitation") == 0 || strcmp(name, "signal-store") == 0 || strncmp(name, "frame-", 6) == 0 || strcmp(name, "content-care") == 0;
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
		cmocka_unit_test(test_newest_is_todays),
		cmocka_unit_test(test_every_file_is_read),
		cmocka_unit_test(test_nothing_unknown),
		cmocka_unit_test(test_damage),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
