/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The primitives under libsignal: known answers (NIST SP 800-38A, RFC 4231, FIPS 180-4) and what they refuse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>
#include <stdlib.h>

#include "err.h"
#include "ids.h"
#include "signal_provider.h"

#define AES_KEY "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4"
#define AES_IV "000102030405060708090a0b0c0d0e0f"
/* F.2.5 of SP 800-38A, whole blocks: our ciphertext has one block of padding more. */
#define AES_PLAIN                                                                                  \
	"6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"                          \
	"30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710"
#define AES_CIPHER                                                                                 \
	"f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d"                          \
	"39f23369a9d9bacfa530e26304231461b2eb05e2c39be9fcda6c19078c6a9d1b"

static uint8_t key[32], iv[16];

static int setup(void **state)
{
	(void)state;
	return sodium_init() < 0 || bk_hex_decode(key, sizeof key, AES_KEY) || bk_hex_decode(iv, sizeof iv, AES_IV);
}

static int encrypt(const void *data, size_t len, signal_buffer **out)
{
	return bk_signal_provider.encrypt_func(out, SG_CIPHER_AES_CBC_PKCS5, key, sizeof key, iv, sizeof iv, data, len,
		NULL);
}

static int decrypt(const void *data, size_t len, signal_buffer **out)
{
	return bk_signal_provider.decrypt_func(out, SG_CIPHER_AES_CBC_PKCS5, key, sizeof key, iv, sizeof iv, data, len,
		NULL);
}

static void aes_known_answer(void **state)
{
	uint8_t plain[64], cipher[64];
	signal_buffer *out = NULL, *back = NULL;

	(void)state;
	assert_int_equal(bk_hex_decode(plain, sizeof plain, AES_PLAIN), 0);
	assert_int_equal(bk_hex_decode(cipher, sizeof cipher, AES_CIPHER), 0);
	assert_int_equal(encrypt(plain, sizeof plain, &out), 0);
	assert_int_equal(signal_buffer_len(out), 80);
	assert_memory_equal(signal_buffer_data(out), cipher, sizeof cipher);
	assert_int_equal(decrypt(signal_buffer_data(out), 80, &back), 0);
	assert_int_equal(signal_buffer_len(back), sizeof plain);
	assert_memory_equal(signal_buffer_data(back), plain, sizeof plain);
	signal_buffer_free(out);
	signal_buffer_free(back);
}

static void aes_every_length(void **state)
{
	uint8_t plain[300];

	(void)state;
	randombytes_buf(plain, sizeof plain);
	for (size_t len = 0; len <= sizeof plain; len++) {
		signal_buffer *out = NULL, *back = NULL;

		assert_int_equal(encrypt(plain, len, &out), 0);
		assert_int_equal(signal_buffer_len(out), (len / 16 + 1) * 16);
		assert_int_equal(decrypt(signal_buffer_data(out), signal_buffer_len(out), &back), 0);
		assert_int_equal(signal_buffer_len(back), len);
		assert_true(len == 0 || memcmp(signal_buffer_data(back), plain, len) == 0);
		signal_buffer_free(out);
		signal_buffer_free(back);
	}
}

/* A last block whose padding is `pad` bytes of value `value`, the rest zero, as the other side would send it. */
static int padded(uint8_t value, size_t pad)
{
	uint8_t block[16] = {0}, chain[32];
	signal_buffer *out = NULL, *back = NULL;
	int err;

	memset(block + 16 - pad, value, pad);
	assert_int_equal(encrypt(block, sizeof block, &out), 0);
	memcpy(chain, signal_buffer_data(out), sizeof chain);
	signal_buffer_free(out);
	err = decrypt(chain, 16, &back); /* without the block of true padding */
	signal_buffer_free(back);
	return err;
}

static void aes_padding(void **state)
{
	(void)state;
	for (uint8_t n = 1; n <= 16; n++)
		assert_int_equal(padded(n, n), 0);
	for (uint8_t n = 2; n <= 16; n++)
		assert_true(padded(n, n - 1u) < 0); /* one byte too few of it */
	assert_true(padded(0, 16) < 0);
	assert_true(padded(17, 16) < 0);
	assert_true(padded(255, 16) < 0);
}

static void aes_refused(void **state)
{
	static uint8_t big[(1u << 20) + 16];
	uint8_t data[48] = {0};
	signal_buffer *out = NULL;
	const signal_crypto_provider *p = &bk_signal_provider;

	(void)state;
	assert_true(decrypt(data, 0, &out) < 0);
	for (size_t len = 1; len < 48; len++)
		if (len % 16)
			assert_true(decrypt(data, len, &out) < 0);
	/* Counter mode belongs to version 2 sessions, which are not ours. */
	assert_true(p->encrypt_func(&out, SG_CIPHER_AES_CTR_NOPADDING, key, 32, iv, 16, data, 16, NULL) < 0);
	assert_true(p->decrypt_func(&out, SG_CIPHER_AES_CTR_NOPADDING, key, 32, iv, 16, data, 16, NULL) < 0);
	assert_true(p->encrypt_func(&out, SG_CIPHER_AES_CBC_PKCS5, key, 16, iv, 16, data, 16, NULL) < 0);
	assert_true(p->encrypt_func(&out, SG_CIPHER_AES_CBC_PKCS5, key, 32, iv, 12, data, 16, NULL) < 0);
	assert_int_equal(encrypt(big, 1u << 20, &out), 0);
	signal_buffer_free(out);
	out = NULL;
	assert_true(encrypt(big, (1u << 20) + 1, &out) < 0);
	assert_null(out);
}

static void expect_mac(const void *mac_key, size_t key_len, const char *text, size_t step, const char *hex)
{
	const signal_crypto_provider *p = &bk_signal_provider;
	signal_buffer *out = NULL;
	char got[65];
	void *st = NULL;

	assert_int_equal(p->hmac_sha256_init_func(&st, mac_key, key_len, NULL), 0);
	for (size_t at = 0; at < strlen(text); at += step) {
		size_t n = strlen(text) - at < step ? strlen(text) - at : step;

		assert_int_equal(p->hmac_sha256_update_func(st, (const uint8_t *)text + at, n, NULL), 0);
	}
	assert_int_equal(p->hmac_sha256_final_func(st, &out, NULL), 0);
	assert_int_equal(signal_buffer_len(out), 32);
	assert_string_equal(bk_hex_encode(got, signal_buffer_data(out), 32), hex);
	signal_buffer_free(out);
	p->hmac_sha256_cleanup_func(st, NULL);
}

static void hmac_known_answers(void **state)
{
	uint8_t first[20], long_key[131];

	(void)state;
	memset(first, 0x0b, sizeof first);
	memset(long_key, 0xaa, sizeof long_key);
	for (size_t step = 1; step < 64; step += 7) {
		expect_mac(first, sizeof first, "Hi There", step,
			"b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
		expect_mac("Jefe", 4, "what do ya want for nothing?", step,
			"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
		expect_mac(long_key, sizeof long_key, "Test Using Larger Than Block-Size Key - Hash Key First", step,
			"60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
	}
}

static void expect_sha512(void *st, const char *text, const char *hex)
{
	const signal_crypto_provider *p = &bk_signal_provider;
	signal_buffer *out = NULL;
	char got[129];

	for (const char *c = text; *c; c++)
		assert_int_equal(p->sha512_digest_update_func(st, (const uint8_t *)c, 1, NULL), 0);
	assert_int_equal(p->sha512_digest_final_func(st, &out, NULL), 0);
	assert_string_equal(bk_hex_encode(got, signal_buffer_data(out), 64), hex);
	signal_buffer_free(out);
}

/* libsignal goes on with a digest after its final: each must begin anew. */
static void sha512_known_answers(void **state)
{
	static const char abc[] = "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
				  "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f";
	static const char none[] = "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"
				   "47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e";
	void *st = NULL;

	(void)state;
	assert_int_equal(bk_signal_provider.sha512_digest_init_func(&st, NULL), 0);
	expect_sha512(st, "abc", abc);
	expect_sha512(st, "", none);
	expect_sha512(st, "abc", abc);
	bk_signal_provider.sha512_digest_cleanup_func(st, NULL);
}

static void random_is_random(void **state)
{
	uint8_t a[32] = {0}, b[32] = {0};

	(void)state;
	assert_int_equal(bk_signal_provider.random_func(a, sizeof a, NULL), 0);
	assert_int_equal(bk_signal_provider.random_func(b, sizeof b, NULL), 0);
	assert_memory_not_equal(a, b, sizeof a);
	bk_signal_provider.hmac_sha256_cleanup_func(NULL, NULL);
	bk_signal_provider.sha512_digest_cleanup_func(NULL, NULL);
}

/* Every code of libsignal becomes one of ours, and ours pass through it unharmed. */
static void errors_are_ours(void **state)
{
	static const struct {
		int theirs, ours;
	} known[] = {{0, 0}, {SG_ERR_NOMEM, BK_E_NOMEM}, {SG_ERR_DUPLICATE_MESSAGE, BK_E_DUPLICATE},
		{SG_ERR_UNTRUSTED_IDENTITY, BK_E_UNTRUSTED}, {SG_ERR_NO_SESSION, BK_E_NO_SESSION},
		{SG_ERR_INVALID_KEY_ID, BK_E_NO_SESSION}, {SG_ERR_INVALID_KEY, BK_E_SIGNATURE},
		{SG_ERR_INVALID_MESSAGE, BK_E_DECRYPT}, {SG_ERR_INVALID_VERSION, BK_E_DECRYPT},
		{SG_ERR_LEGACY_MESSAGE, BK_E_DECRYPT}, {SG_ERR_INVALID_MAC, BK_E_DECRYPT},
		{SG_ERR_INVALID_PROTO_BUF, BK_E_DECRYPT}, {SG_ERR_UNKNOWN, BK_E_CRYPTO}, {SG_ERR_INVAL, BK_E_CRYPTO},
		{BK_E_IO, BK_E_IO}, {BK_E_FULL, BK_E_FULL}, {-10999, -10999}, {-11000, BK_E_CRYPTO}, {1, BK_E_CRYPTO}};

	(void)state;
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		assert_int_equal(bk_signal_error(known[i].theirs), known[i].ours);
	for (int code = -9999; code < 0; code++)
		assert_in_range(-bk_signal_error(code), 10000, 10999);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(aes_known_answer),
		cmocka_unit_test(aes_every_length),
		cmocka_unit_test(aes_padding),
		cmocka_unit_test(aes_refused),
		cmocka_unit_test(hmac_known_answers),
		cmocka_unit_test(sha512_known_answers),
		cmocka_unit_test(random_is_random),
		cmocka_unit_test(errors_are_ours),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
