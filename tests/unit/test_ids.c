/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "bytes.h"
#include "err.h"
#include "ids.h"

static void test_from(void **state)
{
	uint8_t data[64];
	bk_hash hash;
	bk_id id;

	(void)state;
	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (uint8_t)i;
	for (size_t len = 0; len <= sizeof data; len++) {
		assert_int_equal(bk_id_from(data, len, &id), len == 16 ? 0 : BK_E_INVAL);
		assert_int_equal(bk_hash_from(data, len, &hash), len == 32 ? 0 : BK_E_INVAL);
	}
	assert_memory_equal(id.b, data, 16);
	assert_memory_equal(hash.b, data, 32);
}

static void test_equal(void **state)
{
	bk_id a = bk_id_random(), b = a, zero = {{0}};

	(void)state;
	assert_true(bk_id_equal(a, b));
	for (size_t i = 0; i < sizeof b.b; i++) {
		b = a;
		b.b[i] ^= 1;
		assert_false(bk_id_equal(a, b));
		b = zero;
		b.b[i] = 1;
		assert_false(bk_id_is_zero(b));
	}
	assert_true(bk_id_is_zero(zero));
}

static void test_random(void **state)
{
	bk_id seen[200];

	(void)state;
	for (size_t i = 0; i < 200; i++) {
		seen[i] = bk_id_random();
		for (size_t k = 0; k < i; k++)
			assert_false(bk_id_equal(seen[i], seen[k]));
	}
}

/* FIPS 180-4's example and the empty string. */
static void test_hash(void **state)
{
	char text[BK_HASH_TEXT];

	(void)state;
	assert_string_equal(bk_hex_encode(text, bk_hash_of("abc", 3).b, 32),
		"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	assert_string_equal(bk_hex_encode(text, bk_hash_of("", 0).b, 32),
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void test_hex(void **state)
{
	uint8_t all[256], back[256];
	char text[513];

	(void)state;
	for (size_t i = 0; i < sizeof all; i++)
		all[i] = (uint8_t)i;
	assert_ptr_equal(bk_hex_encode(text, all, sizeof all), text);
	assert_int_equal(strlen(text), 512);
	assert_int_equal(bk_hex_decode(back, sizeof back, text), 0);
	assert_memory_equal(all, back, sizeof all);
	assert_int_equal(bk_hex_decode(back, 2, "ABcd"), 0);
	assert_int_equal(back[0], 0xab);
	assert_int_equal(back[1], 0xcd);
	assert_string_equal(bk_hex_encode(text, all, 0), "");
	assert_int_equal(bk_hex_decode(back, 0, ""), 0);
}

static void test_hex_refused(void **state)
{
	static const char *const bad[] = {"", "a", "abc", "abcde", "ab c", "0x12", "abcg", "ab\xc3\xa9", "abcd "};
	uint8_t out[2] = {7, 7};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(bk_hex_decode(out, 2, bad[i]), BK_E_INVAL);
	assert_int_equal(out[0], 7);
	assert_int_equal(out[1], 7);
}

static void test_id_text(void **state)
{
	bk_id id = bk_id_random(), back;
	char text[BK_ID_TEXT];

	(void)state;
	assert_int_equal(strlen(bk_id_text(id, text)), 32);
	assert_int_equal(bk_id_parse(text, &back), 0);
	assert_true(bk_id_equal(id, back));
	text[31] = '\0';
	assert_int_equal(bk_id_parse(text, &back), BK_E_INVAL);
}

/* bytes.h: one check at the end covers every read. */
static void test_reader(void **state)
{
	static const uint8_t data[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
	struct bk_reader r = bk_reader_of(data, sizeof data);

	(void)state;
	assert_int_equal(bk_read_u8(&r), 1);
	assert_int_equal(bk_read_u16(&r), 0x0302);
	assert_int_equal(bk_read_u32(&r), 0x07060504);
	assert_false(bk_reader_done(&r));
	assert_true(bk_read_u64(&r) == 0x0f0e0d0c0b0a0908u);
	assert_true(bk_reader_done(&r));
	assert_int_equal(bk_read_u8(&r), 0);
	assert_true(r.failed);
	assert_false(bk_reader_done(&r));
	r = bk_reader_of(data, 3);
	assert_int_equal(bk_read_u32(&r), 0);
	assert_int_equal(bk_read_u8(&r), 0); /* stays failed, though a byte is there */
	assert_false(bk_reader_done(&r));
}

static void test_writer(void **state)
{
	uint8_t data[15], want[15], before[15];
	struct bk_writer w = bk_writer_of(data, sizeof data);

	(void)state;
	for (size_t i = 0; i < sizeof want; i++)
		want[i] = (uint8_t)(i + 1);
	bk_write_u8(&w, 1);
	bk_write_u16(&w, 0x0302);
	bk_write_u32(&w, 0x07060504);
	bk_write_u64(&w, 0x0f0e0d0c0b0a0908u);
	assert_false(w.failed);
	assert_int_equal(w.left, 0);
	assert_memory_equal(data, want, sizeof want);
	memcpy(before, data, sizeof data);
	w = bk_writer_of(data, 3);
	bk_write_u32(&w, 0xffffffff);
	bk_write_u8(&w, 0xff);
	assert_true(w.failed);
	assert_memory_equal(data, before, sizeof data);
}

static int start(void **state)
{
	(void)state;
	return sodium_init() < 0;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_from),
		cmocka_unit_test(test_equal),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_hash),
		cmocka_unit_test(test_hex),
		cmocka_unit_test(test_hex_refused),
		cmocka_unit_test(test_id_text),
		cmocka_unit_test(test_reader),
		cmocka_unit_test(test_writer),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
