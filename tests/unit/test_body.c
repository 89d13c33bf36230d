/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "body.h"
#include "err.h"

static const bk_id message = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}};

struct sealed {
	uint8_t key[BK_KEY_BYTES], *body;
	size_t len;
	bk_hash hash;
};

static struct sealed seal(const void *content, size_t len)
{
	struct sealed s = {.len = 0};

	assert_int_equal(bk_body_seal(message, content, len, s.key, &s.body, &s.len, &s.hash), 0);
	return s;
}

static void test_sizes(void **state)
{
	static const size_t ok[] = {296, 1064, 4136, 16424, 65576};

	(void)state;
	for (size_t len = 0; len <= BK_BODY_MAX + 100; len++) {
		bool want = false;

		for (size_t i = 0; i < 5; i++)
			want = want || ok[i] == len;
		assert_int_equal(bk_body_size_ok(len), want);
	}
	assert_false(bk_body_size_ok(SIZE_MAX));
}

static void test_round_trip(void **state)
{
	static const size_t lens[] = {0, 1, 255, 256, 1023, 1024, 4095, 4096, 16383, 16384, BK_CONTENT_MAX};
	uint8_t *text = malloc(BK_CONTENT_MAX + 1);

	(void)state;
	assert_non_null(text);
	randombytes_buf(text, BK_CONTENT_MAX + 1);
	for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
		struct sealed s = seal(text, lens[i]);
		uint8_t *out = NULL;
		size_t len = 0;

		assert_true(bk_body_size_ok(s.len));
		assert_true(bk_hash_equal(s.hash, bk_hash_of(s.body, s.len)));
		assert_int_equal(bk_body_open(message, s.hash, s.key, s.body, s.len, &out, &len), 0);
		assert_int_equal(len, lens[i]);
		assert_memory_equal(out, text, len);
		free(out);
		free(s.body);
	}
	free(text);
}

static void test_too_big(void **state)
{
	uint8_t *text = calloc(1, BK_CONTENT_MAX + 1), key[BK_KEY_BYTES], *body = NULL;
	size_t len = 5;
	bk_hash hash;

	(void)state;
	assert_int_equal(bk_body_seal(message, text, BK_CONTENT_MAX + 1, key, &body, &len, &hash), BK_E_TOO_BIG);
	assert_null(body);
	assert_int_equal(len, 5);
	free(text);
}

/* The same content twice: key, nonce and all of the ciphertext differ. */
static void test_fresh(void **state)
{
	struct sealed a = seal("x", 1), b = seal("x", 1);

	(void)state;
	assert_memory_not_equal(a.key, b.key, BK_KEY_BYTES);
	assert_memory_not_equal(a.body, b.body, 24);
	assert_memory_not_equal(a.body + 24, b.body + 24, a.len - 24);
	free(a.body);
	free(b.body);
}

static int open_it(const struct sealed *s, bk_id id, bk_hash hash, size_t len)
{
	uint8_t *out = NULL;
	size_t n = 77;
	int err = bk_body_open(id, hash, s->key, s->body, len, &out, &n);

	if (err) {
		assert_null(out);
		assert_int_equal(n, 77);
	}
	free(out);
	return err;
}

/* A flipped bit is caught by the name, and by the seal when somebody renames the body too. */
static void test_tampered(void **state)
{
	struct sealed s = seal("secret", 6);

	(void)state;
	for (size_t at = 0; at < s.len; at++) {
		s.body[at] ^= (uint8_t)(1u << at % 8);
		assert_int_equal(open_it(&s, message, s.hash, s.len), BK_E_HASH);
		assert_int_equal(open_it(&s, message, bk_hash_of(s.body, s.len), s.len), BK_E_DECRYPT);
		s.body[at] ^= (uint8_t)(1u << at % 8);
	}
	for (size_t len = 0; len < s.len; len++)
		assert_int_equal(open_it(&s, message, bk_hash_of(s.body, len), len), BK_E_INVAL);
	assert_int_equal(open_it(&s, message, s.hash, s.len), 0);
	free(s.body);
}

static void test_bound_to_message_and_key(void **state)
{
	struct sealed s = seal("secret", 6);
	bk_id other = message;

	(void)state;
	other.b[15] ^= 1;
	assert_int_equal(open_it(&s, other, s.hash, s.len), BK_E_DECRYPT);
	for (size_t i = 0; i < BK_KEY_BYTES; i++) {
		s.key[i] ^= 0x40;
		assert_int_equal(open_it(&s, message, s.hash, s.len), BK_E_DECRYPT);
		s.key[i] ^= 0x40;
	}
	free(s.body);
}

/* Rightly sealed by somebody who padded wrongly. */
static void test_wrong_padding(void **state)
{
	uint8_t ad[13 + 16], body[256 + 40] = {0}, key[32] = {9}, *out = NULL;
	struct sealed s = {.body = body, .len = sizeof body};
	size_t len = 0;

	(void)state;
	memcpy(ad, "baken-body-v1", 13);
	memcpy(ad + 13, message.b, 16);
	crypto_aead_xchacha20poly1305_ietf_encrypt(body + 24, NULL, body + 24, 256, ad, sizeof ad, NULL, body, key);
	memcpy(s.key, key, sizeof key);
	assert_int_equal(open_it(&s, message, bk_hash_of(body, sizeof body), sizeof body), BK_E_INVAL);
	memset(body, 0, sizeof body);
	memcpy(body + 24, "ok\x80", 3);
	crypto_aead_xchacha20poly1305_ietf_encrypt(body + 24, NULL, body + 24, 256, ad, sizeof ad, NULL, body, key);
	assert_int_equal(bk_body_open(message, bk_hash_of(body, sizeof body), key, body, sizeof body, &out, &len), 0);
	assert_int_equal(len, 2);
	assert_memory_equal(out, "ok", 2);
	free(out);
}

static int start(void **state)
{
	(void)state;
	return sodium_init() < 0;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_too_big),
		cmocka_unit_test(test_fresh),
		cmocka_unit_test(test_tampered),
		cmocka_unit_test(test_bound_to_message_and_key),
		cmocka_unit_test(test_wrong_padding),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
