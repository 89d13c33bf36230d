/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "capsule.h"
#include "err.h"
#include "signal_key.h"
#include "sample.h"

static struct bk_capsule example(void)
{
	struct bk_capsule c;

	memset(&c, 0, sizeof c); /* padding of the struct too: compared as bytes below */
	memset(c.key, 0x11, sizeof c.key);
	memset(c.body.b, 0x22, sizeof c.body.b);
	memset(c.message.b, 0x33, sizeof c.message.b);
	memset(c.sender.b, 0x44, sizeof c.sender.b);
	c.chain_seq = 0x0102030405060708;
	memset(c.chain_prev.b, 0x55, sizeof c.chain_prev.b);
	c.roster_version = 0x1112131415161718;
	memset(c.roster_hash.b, 0x66, sizeof c.roster_hash.b);
	return c;
}

/* Byte for byte as the header says. */
static void test_layout(void **state)
{
	static const struct {
		size_t at, len;
		uint8_t value;
	} parts[] = {{0, 1, 1}, {1, 32, 0x11}, {33, 32, 0x22}, {65, 16, 0x33}, {81, 16, 0x44}, {105, 32, 0x55},
		{145, 32, 0x66}};
	struct bk_capsule c = example();
	uint8_t out[BK_CAPSULE_PLAIN_BYTES];

	(void)state;
	assert_int_equal(sizeof out, 177);
	bk_capsule_encode(&c, out);
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		for (size_t k = 0; k < parts[i].len; k++)
			assert_int_equal(out[parts[i].at + k], parts[i].value);
	for (size_t i = 0; i < 8; i++) {
		assert_int_equal(out[97 + i], 8 - i);
		assert_int_equal(out[137 + i], 0x18 - i);
	}
}

static void test_round_trip(void **state)
{
	struct bk_capsule c = example(), d;
	uint8_t out[BK_CAPSULE_PLAIN_BYTES], again[BK_CAPSULE_PLAIN_BYTES];

	(void)state;
	bk_capsule_encode(&c, out);
	assert_int_equal(bk_capsule_decode(out, sizeof out, &d), 0);
	bk_capsule_encode(&d, again);
	assert_memory_equal(out, again, sizeof out);
	assert_int_equal(d.chain_seq, c.chain_seq);
	assert_int_equal(d.roster_version, c.roster_version);
	assert_true(bk_id_equal(d.sender, c.sender));
}

static void test_refused(void **state)
{
	struct bk_capsule c = example(), d;
	uint8_t out[BK_CAPSULE_PLAIN_BYTES + 1] = {0};

	(void)state;
	bk_capsule_encode(&c, out);
	for (size_t len = 0; len < BK_CAPSULE_PLAIN_BYTES; len++)
		assert_int_equal(bk_capsule_decode(out, len, &d), BK_E_INVAL);
	assert_int_equal(bk_capsule_decode(out, sizeof out, &d), BK_E_INVAL);
	for (unsigned v = 0; v < 256; v++) {
		out[0] = (uint8_t)v;
		assert_int_equal(bk_capsule_decode(out, BK_CAPSULE_PLAIN_BYTES, &d), v == 1 ? 0 : BK_E_VERSION);
	}
	c.chain_seq = 0;
	bk_capsule_encode(&c, out);
	assert_int_equal(bk_capsule_decode(out, BK_CAPSULE_PLAIN_BYTES, &d), BK_E_INVAL);
}

/* The chain covers message, body and all that came before. */
static void test_link(void **state)
{
	struct bk_capsule c = example();
	uint8_t b[16 + 32 + 32];
	bk_hash link = bk_capsule_link(&c);

	(void)state;
	memcpy(b, c.message.b, 16);
	memcpy(b + 16, c.body.b, 32);
	memcpy(b + 48, c.chain_prev.b, 32);
	assert_true(bk_hash_equal(link, bk_hash_of(b, sizeof b)));
	c.chain_prev.b[31] ^= 1;
	assert_false(bk_hash_equal(link, bk_capsule_link(&c)));
	c = example();
	c.body.b[0] ^= 1;
	assert_false(bk_hash_equal(link, bk_capsule_link(&c)));
	c = example();
	c.message.b[0] ^= 1;
	assert_false(bk_hash_equal(link, bk_capsule_link(&c)));
}

struct ends {
	uint8_t public[BK_KEY_BYTES], secret[BK_KEY_BYTES];
};

static struct ends new_ends(void)
{
	struct ends e;

	assert_int_equal(bk_identity_generate(e.public, e.secret), 0);
	return e;
}

static int unseal(const uint8_t *capsule, const struct ends *e, uint8_t *inner, struct bk_capsule_outer *o)
{
	return bk_capsule_unseal(capsule, e->public, e->secret, inner, o);
}

/* Every length that fits; one more does not. */
static void test_seal(void **state)
{
	uint8_t text[BK_CAPSULE_INNER], out[BK_CAPSULE_BYTES], inner[BK_CAPSULE_INNER];
	struct bk_capsule_outer o = {.sender = {{7, 8, 9}}, .type = 2, .ciphertext = text}, got;
	const size_t most = BK_CAPSULE_INNER - 1 - 1 - 16 - 2;
	struct ends e = new_ends();

	(void)state;
	memset(text, 0xcc, sizeof text);
	for (o.len = 1; o.len <= most; o.len++) {
		o.type = o.len & 1 ? 2 : 3;
		assert_int_equal(bk_sample_seal(&o, e.public, out), 0);
		assert_int_equal(unseal(out, &e, inner, &got), 0);
		assert_true(bk_id_equal(got.sender, o.sender));
		assert_int_equal(got.type, o.type);
		assert_int_equal(got.len, o.len);
		assert_memory_equal(got.ciphertext, text, o.len);
	}
	o.len = most + 1;
	assert_int_equal(bk_sample_seal(&o, e.public, out), BK_E_TOO_BIG);
	o.len = SIZE_MAX;
	assert_int_equal(bk_sample_seal(&o, e.public, out), BK_E_TOO_BIG);
}

/* One sealing key for a message's capsules: each opens for its own recipient, warmed or not, and for nobody else. */
static void test_sealer(void **state)
{
	uint8_t text[50] = {1}, a[BK_CAPSULE_BYTES], b[BK_CAPSULE_BYTES], inner[BK_CAPSULE_INNER];
	struct bk_capsule_outer o = {.sender = {{7}}, .type = 3, .ciphertext = text, .len = sizeof text}, got;
	struct bk_capsule_sealer s, used;
	struct ends e = new_ends(), other = new_ends();

	(void)state;
	bk_capsule_sealer_init(&s);
	bk_capsule_sealer_warm(&s, e.public);
	bk_capsule_sealer_warm(&s, e.public);
	assert_int_equal(s.n_warm, 1);
	assert_int_equal(bk_capsule_seal(&s, &o, e.public, a), 0);
	assert_int_equal(bk_capsule_seal(&s, &o, other.public, b), 0);
	assert_memory_equal(a, b, 32);
	assert_memory_not_equal(a + 32, b + 32, sizeof a - 32);
	assert_int_equal(unseal(a, &e, inner, &got), 0);
	assert_int_equal(unseal(b, &other, inner, &got), 0);
	assert_int_equal(unseal(a, &other, inner, &got), BK_E_NOT_FOR_US);
	assert_int_equal(unseal(b, &e, inner, &got), BK_E_NOT_FOR_US);
	bk_capsule_sealer_warm(&s, other.public);
	assert_int_equal(bk_capsule_seal(&s, &o, other.public, a), 0);
	assert_memory_equal(a, b, sizeof a); /* warming changes the cost and nothing else */
	while (s.n_warm < BK_CAPSULE_WARM_MAX)
		bk_capsule_sealer_warm(&s, new_ends().public);
	bk_capsule_sealer_warm(&s, new_ends().public); /* no room: costs what it would have */
	assert_int_equal(s.n_warm, BK_CAPSULE_WARM_MAX);
	bk_capsule_sealer_done(&s);
	memset(&used, 0, sizeof used);
	assert_memory_equal(&s, &used, sizeof s);
}

static void test_not_for_us(void **state)
{
	uint8_t text[50] = {1}, out[BK_CAPSULE_BYTES], again[BK_CAPSULE_BYTES], inner[BK_CAPSULE_INNER];
	struct bk_capsule_outer o = {.sender = {{7}}, .type = 3, .ciphertext = text, .len = sizeof text}, got;
	struct ends e = new_ends(), other = new_ends();

	(void)state;
	assert_int_equal(bk_sample_seal(&o, e.public, out), 0);
	assert_int_equal(bk_sample_seal(&o, e.public, again), 0);
	assert_memory_not_equal(out, again, 32); /* nobody can tell two of them belong together */
	assert_int_equal(unseal(out, &other, inner, &got), BK_E_NOT_FOR_US);
	for (size_t at = 0; at < sizeof out; at++) {
		out[at] ^= (uint8_t)(1u << at % 7);
		assert_int_equal(unseal(out, &e, inner, &got), BK_E_NOT_FOR_US);
		out[at] ^= (uint8_t)(1u << at % 7);
	}
	assert_int_equal(unseal(out, &e, inner, &got), 0);
}

/* Rightly sealed, wrongly filled: each byte of the inner layout. */
static void test_malformed_inner(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
		int want;
	} cases[] = {{0, 0, BK_E_VERSION}, {0, 2, BK_E_VERSION}, {1, 0, BK_E_INVAL}, {1, 1, BK_E_INVAL}, {1, 4, BK_E_INVAL},
		{1, 2, 0}, {1, 3, 0}, {18, 0, BK_E_INVAL}, {19, 1, 0}, {19, 2, BK_E_INVAL}, {399, 1, BK_E_INVAL},
		{30, 1, BK_E_INVAL}, {29, 1, 0}};
	struct ends e = new_ends();

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		uint8_t plain[BK_CAPSULE_INNER] = {1, 2}, out[BK_CAPSULE_BYTES], inner[BK_CAPSULE_INNER];
		struct bk_capsule_outer got;

		plain[18] = 10; /* ciphertext at 20..29 */
		plain[cases[i].at] = cases[i].value;
		assert_int_equal(crypto_box_seal(out, plain, sizeof plain, e.public), 0);
		assert_int_equal(unseal(out, &e, inner, &got), cases[i].want);
	}
}

static int start(void **state)
{
	(void)state;
	return sodium_init() < 0;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_layout),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_link),
		cmocka_unit_test(test_seal),
		cmocka_unit_test(test_sealer),
		cmocka_unit_test(test_not_for_us),
		cmocka_unit_test(test_malformed_inner),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
