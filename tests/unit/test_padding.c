/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "err.h"
#include "bounds.h"
#include "padding.h"

static const size_t sizes[] = {256, 1024, 4096, 16384, 65536};

#define SIZES (sizeof sizes / sizeof *sizes)

static bool is_size(size_t len)
{
	for (size_t i = 0; i < SIZES; i++)
		if (sizes[i] == len)
			return true;
	return false;
}

static void test_buckets(void **state)
{
	(void)state;
	assert_int_equal(bk_padding_bucket(0), 256);
	for (size_t i = 0; i < SIZES; i++) {
		assert_int_equal(bk_padding_bucket(sizes[i] - 2), sizes[i]);
		assert_int_equal(bk_padding_bucket(sizes[i] - 1), sizes[i]);
		assert_int_equal(bk_padding_bucket(sizes[i]), i + 1 < SIZES ? sizes[i + 1] : 0);
	}
	assert_int_equal(bk_padding_bucket(BK_CONTENT_MAX), BK_BODY_PADDED_MAX);
	assert_int_equal(bk_padding_bucket(BK_CONTENT_MAX + 1), 0);
	assert_int_equal(bk_padding_bucket(SIZE_MAX), 0);
}

/* Content that itself looks like padding is the hard part: ends in 0x80, in zeros, in both. */
static void fill(uint8_t *buf, size_t len, unsigned kind)
{
	for (size_t i = 0; i < len; i++)
		buf[i] = kind == 0 ? (uint8_t)(i * 31 + 5) : kind == 1 ? 0x80 : 0;
	if (kind == 3 && len)
		buf[len - 1] = 0x80;
}

static void round_trip(size_t len, unsigned kind)
{
	size_t room = bk_padding_bucket(len), out = 0;
	uint8_t *buf = malloc(room), *copy = malloc(room);

	assert_non_null(buf);
	assert_non_null(copy);
	memset(buf, 0xee, room);
	fill(buf, len, kind);
	memcpy(copy, buf, room);
	assert_int_equal(bk_padding_add(buf, len), room);
	assert_memory_equal(buf, copy, len);
	assert_int_equal(bk_padding_remove(buf, room, &out), 0);
	assert_int_equal(out, len);
	free(buf);
	free(copy);
}

static void test_round_trip(void **state)
{
	(void)state;
	for (unsigned kind = 0; kind < 4; kind++) {
		for (size_t len = 0; len <= 1100; len++)
			round_trip(len, kind);
		for (size_t i = 0; i < SIZES; i++) {
			round_trip(sizes[i] - 2, kind);
			round_trip(sizes[i] - 1, kind);
		}
	}
	assert_int_equal(bk_padding_add(NULL, BK_CONTENT_MAX + 1), 0);
}

static void test_wrong_length(void **state)
{
	uint8_t *buf = calloc(1, 65536 + 2);
	size_t out = 77;

	(void)state;
	assert_non_null(buf);
	buf[0] = 0x80;
	for (size_t len = 0; len <= 1030; len++)
		assert_int_equal(bk_padding_remove(buf, len, &out), is_size(len) ? 0 : BK_E_INVAL);
	for (size_t i = 0; i < SIZES; i++) {
		out = 77;
		assert_int_equal(bk_padding_remove(buf, sizes[i] + 1, &out), BK_E_INVAL);
		assert_int_equal(bk_padding_remove(buf, sizes[i] - 1, &out), BK_E_INVAL);
		assert_int_equal(out, 77);
	}
	free(buf);
}

/* Every value at every place of the padding but the right one is refused. */
static void test_malformed(void **state)
{
	uint8_t buf[256] = {1, 2, 3};
	size_t out = 77;

	(void)state;
	bk_padding_add(buf, 3);
	for (size_t at = 4; at < sizeof buf; at++) {
		for (unsigned v = 1; v < 256; v++) {
			int want = v == 0x80 ? 0 : BK_E_INVAL; /* then the text ends there */

			buf[at] = (uint8_t)v;
			out = 77;
			assert_int_equal(bk_padding_remove(buf, sizeof buf, &out), want);
			assert_int_equal(out, v == 0x80 ? at : 77);
		}
		buf[at] = 0;
	}
	memset(buf, 0, sizeof buf);
	assert_int_equal(bk_padding_remove(buf, sizeof buf, &out), BK_E_INVAL);
	memset(buf, 0x7f, sizeof buf);
	assert_int_equal(bk_padding_remove(buf, sizeof buf, &out), BK_E_INVAL);
}

/* A second wording of Padme: the smallest number >= len whose mantissa has floor(log2 log2 len) + 1 bits. */
static uint64_t padme_again(uint64_t len)
{
	unsigned bits = 0, mantissa = 0;

	if (len < 2)
		return len;
	while (len >> (bits + 1))
		bits++;
	while (bits >> mantissa)
		mantissa++;
	for (uint64_t v = len;; v++) {
		unsigned low = bits > mantissa ? bits - mantissa : 0;

		if (v % ((uint64_t)1 << low) == 0)
			return v;
	}
}

static void test_padme(void **state)
{
	(void)state;
	for (uint64_t len = 0; len < 70000; len++) {
		uint64_t padded = bk_padding_padme(len);

		assert_true(padded == padme_again(len));
		assert_true(padded >= len && padded - len <= len / 8);
		assert_true(bk_padding_padme(padded) == padded);
	}
	assert_true(bk_padding_padme(BK_FILE_PLAIN_MAX) <= BK_FILE_CIPHER_MAX);
	for (unsigned e = 17; e < 60; e++) {
		uint64_t len = ((uint64_t)1 << e) + 12345, padded = bk_padding_padme(len);

		assert_true(padded >= len && padded - len <= len / 8);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_buckets),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_wrong_length),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_padme),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
