/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "err.h"
#include "receipt.h"
#include "sample.h"

#define MOST (1u << BK_RECEIPT_DEPTH)

static uint8_t public[BK_KEY_BYTES], secret[BK_ED25519_SECRET_BYTES];
static struct bk_receipt_leaf leaves[MOST + 1];
static struct bk_receipt receipts[MOST + 1];

/* RFC 6962, section 2.1, as it is written: split at the largest power of two below n. */
static bk_hash tree_hash(const struct bk_receipt_leaf *leaf, size_t n)
{
	uint8_t b[1 + 16 + 32 + 8] = {0};
	size_t k = 1;
	bk_hash l, r;

	if (n == 1) {
		memcpy(b + 1, leaf->message.b, 16);
		memcpy(b + 17, leaf->body.b, 32);
		for (size_t i = 0; i < 8; i++)
			b[49 + i] = (uint8_t)(leaf->stored_ms >> (8 * i));
		return bk_hash_of(b, sizeof b);
	}
	while (k * 2 < n)
		k *= 2;
	l = tree_hash(leaf, k);
	r = tree_hash(leaf + k, n - k);
	uint8_t pair[65] = {1};

	memcpy(pair + 1, l.b, 32);
	memcpy(pair + 33, r.b, 32);
	return bk_hash_of(pair, sizeof pair);
}

/* For every n: the signature is over the tree of the RFC, and every path leads to it. */
static void test_paths(void **state)
{
	(void)state;
	for (size_t n = 1; n <= 300; n++) {
		uint8_t message[16 + 4 + 32] = "baken-receipt-v1";
		bk_hash root = tree_hash(leaves, n);

		assert_int_equal(bk_receipt_sign(leaves, n, secret, receipts), 0);
		message[16] = (uint8_t)n;
		message[17] = (uint8_t)(n >> 8);
		memcpy(message + 20, root.b, 32);
		assert_int_equal(crypto_sign_verify_detached(receipts[0].signature, message, sizeof message, public), 0);
		for (size_t i = 0; i < n; i++) {
			assert_int_equal(receipts[i].index, i);
			assert_int_equal(receipts[i].size, n);
			assert_memory_equal(receipts[i].signature, receipts[0].signature, BK_SIG_BYTES);
			/* a signature check each costs too long: a sample of them, always the ends */
			if (i < 2 || i + 2 >= n || n <= 40 || (i * 7 + n) % 29 == 0)
				assert_int_equal(bk_receipt_verify(&receipts[i], public), 0);
		}
	}
}

static void test_limits(void **state)
{
	(void)state;
	assert_int_equal(bk_receipt_sign(leaves, 0, secret, receipts), BK_E_INVAL);
	assert_int_equal(bk_receipt_sign(leaves, MOST - 1, secret, receipts), 0);
	assert_int_equal(bk_receipt_verify(&receipts[MOST - 2], public), 0);
	assert_int_equal(bk_receipt_sign(leaves, MOST, secret, receipts), 0);
	assert_int_equal(bk_receipt_verify(&receipts[MOST - 1], public), 0);
	assert_int_equal(receipts[0].n_path, BK_RECEIPT_DEPTH);
	assert_int_equal(bk_receipt_sign(leaves, MOST + 1, secret, receipts), BK_E_INVAL);
}

static void refused(const struct bk_receipt *r)
{
	int err = bk_receipt_verify(r, public);

	assert_true(err == BK_E_SIGNATURE || err == BK_E_INVAL);
}

/* Every bit of what is proven, for a lone message, an odd tree and a full one. */
static void test_tampered(void **state)
{
	static const size_t sizes[] = {1, 2, 3, 7, 8};

	(void)state;
	for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
		const size_t n = sizes[s];

		assert_int_equal(bk_receipt_sign(leaves, n, secret, receipts), 0);
		for (size_t i = 0; i < n; i++) {
			struct bk_receipt r = receipts[i];

			for (size_t bit = 0; bit < 128; bit += 5) {
				r.leaf.message.b[bit / 8] ^= (uint8_t)(1u << bit % 8);
				refused(&r);
				r.leaf.message.b[bit / 8] ^= (uint8_t)(1u << bit % 8);
			}
			r.leaf.body.b[i % 32] ^= 1;
			refused(&r);
			r.leaf.body.b[i % 32] ^= 1;
			for (unsigned bit = 0; bit < 64; bit += 7) {
				r.leaf.stored_ms ^= 1ull << bit;
				refused(&r);
				r.leaf.stored_ms ^= 1ull << bit;
			}
			for (size_t p = 0; p < r.n_path; p++) {
				r.path[p].b[31] ^= 0x80;
				refused(&r);
				r.path[p].b[31] ^= 0x80;
			}
			r.signature[10] ^= 1;
			refused(&r);
			r.signature[10] ^= 1;
			assert_int_equal(bk_receipt_verify(&r, public), 0);
		}
	}
}

/* Every other place, size and length of path: nobody's receipt is another's. */
static void test_place(void **state)
{
	(void)state;
	for (size_t n = 1; n <= 9; n++) {
		assert_int_equal(bk_receipt_sign(leaves, n, secret, receipts), 0);
		for (size_t i = 0; i < n; i++) {
			for (uint32_t size = 0; size <= 10; size++)
				for (uint32_t index = 0; index <= 10; index++) {
					struct bk_receipt r = receipts[i];

					r.size = size;
					r.index = index;
					if (size == n && index == i)
						assert_int_equal(bk_receipt_verify(&r, public), 0);
					else
						refused(&r);
				}
			for (size_t len = 0; len <= BK_RECEIPT_DEPTH + 1; len++) {
				struct bk_receipt r = receipts[i];

				if (len == r.n_path)
					continue;
				r.n_path = len;
				refused(&r);
			}
		}
	}
}

static void test_key(void **state)
{
	uint8_t other[BK_KEY_BYTES], other_secret[BK_ED25519_SECRET_BYTES];

	(void)state;
	bk_sample_ed25519(99, other, other_secret);
	assert_int_equal(bk_receipt_sign(leaves, 3, secret, receipts), 0);
	assert_int_equal(bk_receipt_verify(&receipts[1], other), BK_E_CHAIN);
	memcpy(receipts[1].key, other, sizeof other); /* the key it names is not what counts */
	assert_int_equal(bk_receipt_verify(&receipts[1], other), BK_E_SIGNATURE);
	assert_int_equal(bk_receipt_verify(&receipts[1], public), BK_E_CHAIN);
}

static void test_wire(void **state)
{
	ProtobufCBinaryData paths[BK_RECEIPT_DEPTH];
	Baken__StoredReceipt w;
	struct bk_receipt back;

	(void)state;
	for (size_t n = 1; n <= 20; n++) {
		assert_int_equal(bk_receipt_sign(leaves, n, secret, receipts), 0);
		for (size_t i = 0; i < n; i++) {
			bk_receipt_to_wire(&receipts[i], &w, paths);
			assert_int_equal(bk_receipt_from_wire(&w, &back), 0);
			assert_int_equal(back.index, i);
			assert_int_equal(back.n_path, receipts[i].n_path);
			assert_int_equal(bk_receipt_verify(&back, public), 0);
		}
	}
}

static void test_wire_sizes(void **state)
{
	ProtobufCBinaryData paths[BK_RECEIPT_DEPTH + 1] = {{0}};
	Baken__StoredReceipt w;
	ProtobufCBinaryData *fields[] = {&w.message_id, &w.body_hash, &w.signature, &w.receipt_key, &paths[1]};
	struct bk_receipt back;

	(void)state;
	assert_int_equal(bk_receipt_sign(leaves, MOST, secret, receipts), 0);
	bk_receipt_to_wire(&receipts[5], &w, paths);
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
		fields[i]->len--;
		assert_int_equal(bk_receipt_from_wire(&w, &back), BK_E_INVAL);
		fields[i]->len++;
	}
	paths[BK_RECEIPT_DEPTH] = paths[0];
	w.n_path = BK_RECEIPT_DEPTH + 1;
	assert_int_equal(bk_receipt_from_wire(&w, &back), BK_E_INVAL);
	w.n_path = BK_RECEIPT_DEPTH;
	assert_int_equal(bk_receipt_from_wire(&w, &back), 0);
}

static int start(void **state)
{
	(void)state;
	if (sodium_init() < 0)
		return -1;
	bk_sample_ed25519(BK_SAMPLE_SERVER, public, secret);
	for (unsigned i = 0; i <= MOST; i++)
		leaves[i] = (struct bk_receipt_leaf){bk_sample_id(i), bk_sample_hash(i), BK_SAMPLE_NOW + i};
	return 0;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_tampered),
		cmocka_unit_test(test_place),
		cmocka_unit_test(test_key),
		cmocka_unit_test(test_wire),
		cmocka_unit_test(test_wire_sizes),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
