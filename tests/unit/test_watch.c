/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What both sides of a timer derive. The vectors of docs/protocol.md hold the same derivations to fixed bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <sodium.h>

#include "body.h"
#include "err.h"
#include "watch.h"

static const bk_id watch = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}};

static void fill_key(uint8_t key[static BK_KEY_BYTES])
{
	for (unsigned i = 0; i < BK_KEY_BYTES; i++)
		key[i] = (uint8_t)(i * 7);
}

/* Written down a second time, byte for byte. */
static void test_naive(void **state)
{
	static const uint64_t counters[] = {0, 1, 255, 256, 0x0102030405060708, UINT64_MAX};
	uint8_t w[BK_KEY_BYTES];

	(void)state;
	fill_key(w);
	for (size_t i = 0; i < sizeof counters / sizeof *counters; i++) {
		uint8_t in[19 + 16 + 8], id_in[17 + 16 + 8], want[32], got[32];

		memcpy(in, "baken-watch-body-v1", 19);
		memcpy(in + 19, watch.b, 16);
		memcpy(id_in, "baken-watch-id-v1", 17);
		memcpy(id_in + 17, watch.b, 16);
		for (unsigned k = 0; k < 8; k++)
			in[35 + k] = id_in[33 + k] = (uint8_t)(counters[i] >> (8 * k));
		crypto_generichash(want, 32, in, sizeof in, w, 32);
		assert_int_equal(bk_watch_body_key(w, watch, counters[i], got), 0);
		assert_memory_equal(got, want, 32);
		crypto_generichash(want, 32, id_in, sizeof id_in, NULL, 0);
		assert_memory_equal(bk_watch_message_id(watch, counters[i]).b, want, 16);
	}
}

/* Every bit of what is known goes in: another key, timer or counter is another body key and another message. */
static void test_apart(void **state)
{
	uint8_t w[BK_KEY_BYTES], key[32], other[32];
	bk_id changed = watch;

	(void)state;
	fill_key(w);
	assert_int_equal(bk_watch_body_key(w, watch, 5, key), 0);
	for (unsigned i = 0; i < 256; i++) {
		w[i / 8] ^= (uint8_t)(1u << i % 8);
		assert_int_equal(bk_watch_body_key(w, watch, 5, other), 0);
		assert_memory_not_equal(key, other, 32);
		w[i / 8] ^= (uint8_t)(1u << i % 8);
	}
	for (unsigned i = 0; i < 128; i++) {
		changed.b[i / 8] ^= (uint8_t)(1u << i % 8);
		assert_int_equal(bk_watch_body_key(w, changed, 5, other), 0);
		assert_memory_not_equal(key, other, 32);
		assert_false(bk_id_equal(bk_watch_message_id(watch, 5), bk_watch_message_id(changed, 5)));
		changed.b[i / 8] ^= (uint8_t)(1u << i % 8);
	}
	for (unsigned i = 0; i < 64; i++) {
		assert_int_equal(bk_watch_body_key(w, watch, 5 ^ 1ull << i, other), 0);
		assert_memory_not_equal(key, other, 32);
		assert_false(bk_id_equal(bk_watch_message_id(watch, 5), bk_watch_message_id(watch, 5 ^ 1ull << i)));
	}
}

static int open_with(const uint8_t key[static 32], bk_id message, const uint8_t *body, size_t len)
{
	uint8_t *out = NULL;
	size_t n = 0;
	int err = bk_body_open(message, bk_hash_of(body, len), key, body, len, &out, &n);

	free(out);
	return err;
}

/* The server has the body, the watch id and the counter; the desk has W. Only together do they open it. */
static void test_neither_alone(void **state)
{
	uint8_t w[BK_KEY_BYTES], key[32], guess[32] = {0}, *body = NULL;
	bk_id message = bk_watch_message_id(watch, 9);
	bk_hash hash;
	size_t len = 0;

	(void)state;
	fill_key(w);
	assert_int_equal(bk_watch_body_key(w, watch, 9, key), 0);
	assert_int_equal(bk_body_seal_with(message, key, "52.0907 N 5.1214 E", 18, &body, &len, &hash), 0);
	assert_int_equal(open_with(key, message, body, len), 0);
	assert_int_equal(open_with(guess, message, body, len), BK_E_DECRYPT);
	assert_int_equal(bk_watch_body_key(guess, watch, 9, guess), 0); /* all that the server knows, and no W */
	assert_int_equal(open_with(guess, message, body, len), BK_E_DECRYPT);
	assert_int_equal(open_with(w, message, body, len), BK_E_DECRYPT);
	assert_int_equal(bk_watch_body_key(w, watch, 8, key), 0); /* the body of another arming */
	assert_int_equal(open_with(key, message, body, len), BK_E_DECRYPT);
	free(body);
}

static void test_record(void **state)
{
	struct bk_watch_fired f = {watch, 3, 1780000000000, 1780000000500, 7200000}, again;
	uint8_t out[BK_WATCH_FIRED_BYTES + 1] = {0};

	(void)state;
	bk_watch_fired_encode(&f, out);
	memset(&again, 0, sizeof again);
	assert_int_equal(bk_watch_fired_decode(out, BK_WATCH_FIRED_BYTES, &again), 0);
	assert_true(bk_id_equal(again.watch, f.watch));
	assert_int_equal(again.counter, f.counter);
	assert_int_equal(again.due_ms, f.due_ms);
	assert_int_equal(again.fired_ms, f.fired_ms);
	assert_int_equal(again.down_ms, f.down_ms);
	for (size_t len = 0; len <= sizeof out; len++) {
		again.counter = 77;
		assert_int_equal(bk_watch_fired_decode(out, len, &again), len == BK_WATCH_FIRED_BYTES ? 0 : BK_E_INVAL);
		assert_int_equal(again.counter, len == BK_WATCH_FIRED_BYTES ? 3 : 77);
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
		cmocka_unit_test(test_naive),
		cmocka_unit_test(test_apart),
		cmocka_unit_test(test_neither_alone),
		cmocka_unit_test(test_record),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
