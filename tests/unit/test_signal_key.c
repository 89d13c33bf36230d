/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "err.h"
#include "signal_key.h"

struct pair {
	uint8_t public[BK_KEY_BYTES], private[BK_KEY_BYTES];
};

static struct pair new_pair(void)
{
	struct pair p;

	assert_int_equal(bk_identity_generate(p.public, p.private), 0);
	return p;
}

/* RFC 7748, section 6.1: Bob's pair. */
static void test_known_public(void **state)
{
	uint8_t private[32], public[32];
	char text[65];

	(void)state;
	assert_int_equal(
		bk_hex_decode(private, 32, "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"), 0);
	assert_int_equal(bk_identity_public(private, public), 0);
	assert_string_equal(bk_hex_encode(text, public, 32),
		"de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
}

static void test_generate(void **state)
{
	struct pair a = new_pair(), b = new_pair();
	uint8_t public[32];

	(void)state;
	assert_memory_not_equal(a.private, b.private, 32);
	assert_memory_not_equal(a.public, b.public, 32);
	for (int i = 0; i < 50; i++) {
		a = new_pair();
		assert_int_equal(a.private[0] & 7, 0);
		assert_int_equal(a.private[31] & 0xc0, 0x40);
		assert_int_equal(bk_identity_public(a.private, public), 0);
		assert_memory_equal(a.public, public, 32);
	}
}

static void test_rounds(void **state)
{
	uint8_t data[600], signature[BK_SIG_BYTES];

	(void)state;
	randombytes_buf(data, sizeof data);
	for (size_t len = 0; len < sizeof data; len += 13) {
		struct pair p = new_pair();

		assert_int_equal(bk_identity_sign(p.private, "baken-test-v1", data, len, signature), 0);
		assert_int_equal(bk_identity_verify(p.public, "baken-test-v1", data, len, signature), 0);
	}
}

/* Any bit of the signature, the data or the key. */
static void test_tampered(void **state)
{
	struct pair p = new_pair(), other = new_pair();
	uint8_t data[40] = "what was signed", signature[BK_SIG_BYTES];

	(void)state;
	assert_int_equal(bk_identity_sign(p.private, "c", data, sizeof data, signature), 0);
	for (size_t bit = 0; bit < 8 * sizeof signature; bit++) {
		signature[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_equal(bk_identity_verify(p.public, "c", data, sizeof data, signature), BK_E_SIGNATURE);
		signature[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	for (size_t at = 0; at < sizeof data; at++) {
		data[at] ^= 1;
		assert_int_equal(bk_identity_verify(p.public, "c", data, sizeof data, signature), BK_E_SIGNATURE);
		data[at] ^= 1;
	}
	assert_int_equal(bk_identity_verify(p.public, "c", data, sizeof data - 1, signature), BK_E_SIGNATURE);
	assert_int_equal(bk_identity_verify(other.public, "c", data, sizeof data, signature), BK_E_SIGNATURE);
	assert_int_equal(bk_identity_verify(p.public, "c", data, sizeof data, signature), 0);
}

static void test_context(void **state)
{
	struct pair p = new_pair();
	uint8_t signature[BK_SIG_BYTES];

	(void)state;
	assert_int_equal(bk_identity_sign(p.private, "baken-a-v1", "x", 1, signature), 0);
	assert_int_equal(bk_identity_verify(p.public, "baken-b-v1", "x", 1, signature), BK_E_SIGNATURE);
	assert_int_equal(bk_identity_verify(p.public, "", "x", 1, signature), BK_E_SIGNATURE);
	/* "prepended", nothing else */
	assert_int_equal(bk_identity_verify(p.public, "", "baken-a-v1x", 11, signature), 0);
}

/* Signing draws randomness (XEdDSA): the same twice would betray a broken source. */
static void test_randomised(void **state)
{
	struct pair p = new_pair();
	uint8_t a[BK_SIG_BYTES], b[BK_SIG_BYTES];

	(void)state;
	assert_int_equal(bk_identity_sign(p.private, "c", "x", 1, a), 0);
	assert_int_equal(bk_identity_sign(p.private, "c", "x", 1, b), 0);
	assert_memory_not_equal(a, b, sizeof a);
	assert_int_equal(bk_identity_verify(p.public, "c", "x", 1, a), 0);
	assert_int_equal(bk_identity_verify(p.public, "c", "x", 1, b), 0);
}

static int start(void **state)
{
	(void)state;
	return sodium_init() < 0;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_public),
		cmocka_unit_test(test_generate),
		cmocka_unit_test(test_rounds),
		cmocka_unit_test(test_tampered),
		cmocka_unit_test(test_context),
		cmocka_unit_test(test_randomised),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
