/* SPDX-License-Identifier: GPL-3.0-or-later */
/* libsignal's stores over the key-value seam: staging, names of rows, own keys, trust (lessons M2, M8). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>
#include <stdlib.h>

#include "err.h"
#include "signal_pair.h"
#include "signal_store.h"

#define RECORD ((uint8_t *)(uintptr_t)"record")

static int kept(struct bk_kv *kv, const uint8_t *key, size_t key_len)
{
	uint8_t *value = NULL;
	size_t len = 0;
	int err = bk_kv_get(kv, key, key_len, &value, &len);

	free(value);
	return err;
}

static void names_of_rows(void **state)
{
	struct bk_pair *p = *state;
	uint8_t key[BK_KV_KEY_MAX], other[BK_KV_KEY_MAX];
	size_t len = bk_signal_store_session_key(p->a.id, key);

	assert_int_equal(len, strlen("signal/session/") + BK_ID_BYTES);
	assert_memory_equal(key, "signal/session/", strlen("signal/session/"));
	assert_memory_equal(key + len - BK_ID_BYTES, p->a.id.b, BK_ID_BYTES);
	/* Big endian: the order of the names is the order of the numbers. */
	len = bk_signal_store_number_key(BK_SIGNAL_PREKEY, 0xff, key);
	assert_int_equal(bk_signal_store_number_key(BK_SIGNAL_PREKEY, 0x100, other), len);
	assert_true(memcmp(key, other, len) < 0);
	assert_int_equal(other[len - 2], 1);
}

/* What was staged is seen at once, and reaches the store only by flush. */
static void staged_until_flushed(void **state)
{
	struct bk_pair *p = *state;
	struct bk_signal *s = p->a.s;
	signal_protocol_address address = bk_signal_store_address(&p->b.id);
	uint8_t key[BK_KV_KEY_MAX];
	size_t len = bk_signal_store_session_key(p->b.id, key);

	assert_int_equal(signal_protocol_session_contains_session(s->stores, &address), 0);
	assert_int_equal(bk_kv_begin(p->a.kv), 0);
	for (int round = 0; round < 2; round++) { /* dropped the first time */
		uint32_t id = p->a.put->prekeys[0]->id;

		assert_int_equal(signal_protocol_pre_key_contains_key(s->stores, id), 1);
		assert_int_equal(signal_protocol_pre_key_remove_key(s->stores, id), 0);
		assert_int_equal(signal_protocol_pre_key_contains_key(s->stores, id), 0);
		assert_int_equal(s->n_staged, 1);
		assert_int_equal(signal_protocol_pre_key_remove_key(s->stores, id), 0);
		assert_int_equal(s->n_staged, 1); /* the same row once */
		assert_int_equal(bk_pair_rows(p->a.kv, BK_SIGNAL_PREKEY), BK_PAIR_PREKEYS);
		if (!round)
			bk_signal_store_drop(s);
		else
			assert_int_equal(bk_signal_store_flush(s), 0);
		assert_int_equal(s->n_staged, 0);
	}
	assert_int_equal(bk_pair_rows(p->a.kv, BK_SIGNAL_PREKEY), BK_PAIR_PREKEYS - 1);
	assert_int_equal(kept(p->a.kv, key, len), BK_E_NOT_FOUND);
	assert_int_equal(bk_kv_commit(p->a.kv, NULL), 0);
}

static void too_much_at_once_is_refused(void **state)
{
	struct bk_pair *p = *state;
	struct bk_signal *s = p->a.s;

	for (uint32_t i = 0; i < BK_SIGNAL_STAGED_MAX; i++)
		assert_int_equal(signal_protocol_pre_key_remove_key(s->stores, 1000 + i), 0);
	assert_int_equal(signal_protocol_pre_key_remove_key(s->stores, 2000), BK_E_INTERNAL);
	bk_signal_store_drop(s);
}

static void failing_flush_tells(void **state)
{
	struct bk_pair *p = *state;
	struct bk_signal *s = p->a.s;

	assert_int_equal(signal_protocol_pre_key_remove_key(s->stores, p->a.put->prekeys[1]->id), 0);
	assert_int_equal(bk_signal_store_flush(s), BK_E_STATE); /* no transaction is open */
	assert_int_equal(s->n_staged, 0);
	assert_int_equal(bk_pair_rows(p->a.kv, BK_SIGNAL_PREKEY), BK_PAIR_PREKEYS);
}

/* libsignal may not store or end prekeys by itself: ours carry their age. */
static void only_we_write_prekeys(void **state)
{
	struct bk_pair *p = *state;
	struct bk_signal *s = p->a.s;

	assert_int_equal(signal_protocol_signed_pre_key_contains_key(s->stores, p->a.put->signed_prekey->id), 1);
	assert_int_equal(signal_protocol_signed_pre_key_contains_key(s->stores, 77), 0);
	assert_int_equal(signal_protocol_signed_pre_key_remove_key(s->stores, p->a.put->signed_prekey->id),
		BK_E_UNSUPPORTED);
	assert_int_equal(s->n_staged, 0);
}

static void trust_is_the_rosters(void **state)
{
	struct bk_pair *p = *state;
	struct bk_signal *s = p->a.s;
	signal_protocol_address address = bk_signal_store_address(&p->b.id);
	signal_protocol_address nobody = {"short", 5, 1};
	uint8_t typed[33] = {5};
	ec_public_key *key = NULL;
	const bk_hash before = bk_pair_all_of(p->a.kv);

	memcpy(typed + 1, p->b.identity, 32);
	assert_int_equal(curve_decode_point(&key, typed, sizeof typed, s->context), 0);
	assert_int_equal(signal_protocol_identity_is_trusted_identity(s->stores, &address, key), 1);
	assert_int_equal(signal_protocol_identity_is_trusted_identity(s->stores, &nobody, key), 0);
	SIGNAL_UNREF(key);
	/* M2: another key for b is saved by the library, and that keeps nothing. */
	memcpy(typed + 1, p->stranger.identity, 32);
	assert_int_equal(curve_decode_point(&key, typed, sizeof typed, s->context), 0);
	assert_int_equal(signal_protocol_identity_save_identity(s->stores, &address, key), 0);
	assert_int_equal(s->n_staged, 0);
	assert_int_equal(signal_protocol_identity_is_trusted_identity(s->stores, &address, key), 0);
	SIGNAL_UNREF(key);
	assert_true(bk_hash_equal(before, bk_pair_all_of(p->a.kv)));
}

static void put_self(struct bk_kv *kv, const void *data, size_t len)
{
	assert_int_equal(bk_kv_begin(kv), 0);
	assert_int_equal(bk_kv_put(kv, "signal/self", 11, data, len), 0);
	assert_int_equal(bk_kv_commit(kv, NULL), 0);
}

static void own_keys_round_trip(void **state)
{
	struct bk_pair *p = *state;
	struct bk_signal_self self = {.registration = 0x01020304, .next_prekey = 5, .next_signed = 6, .signed_ms = 7};
	struct bk_signal_self back;
	uint8_t *row = NULL, longer[200] = {0};
	size_t len = 0;

	randombytes_buf(self.private_key, 32);
	randombytes_buf(self.public_key, 32);
	assert_int_equal(bk_kv_begin(p->a.kv), 0);
	assert_int_equal(bk_signal_store_self_save(p->a.kv, &self), 0);
	assert_int_equal(bk_kv_commit(p->a.kv, NULL), 0);
	assert_int_equal(bk_signal_store_self_load(p->a.kv, &back), 0);
	assert_memory_equal(back.private_key, self.private_key, 32);
	assert_memory_equal(back.public_key, self.public_key, 32);
	assert_int_equal(back.registration, self.registration);
	assert_int_equal(back.next_prekey, 5);
	assert_int_equal(back.next_signed, 6);
	assert_int_equal(back.signed_ms, 7);
	/* Cut at every length, one byte longer, another version: nothing is taken of it. */
	assert_int_equal(bk_kv_get(p->a.kv, "signal/self", 11, &row, &len), 0);
	for (size_t n = 0; n < len; n++) {
		put_self(p->a.kv, row, n);
		back.registration = 99;
		assert_int_equal(bk_signal_store_self_load(p->a.kv, &back), BK_E_CORRUPT);
		assert_int_equal(back.registration, 99);
	}
	memcpy(longer, row, len);
	put_self(p->a.kv, longer, len + 1);
	assert_int_equal(bk_signal_store_self_load(p->a.kv, &back), BK_E_CORRUPT);
	longer[0] = 2;
	put_self(p->a.kv, longer, len);
	assert_int_equal(bk_signal_store_self_load(p->a.kv, &back), BK_E_VERSION);
	free(row);
}

/* Damaged rows are told as damage, never as absence, and stop nothing else. */
static void damaged_rows(void **state)
{
	struct bk_pair *p = *state;
	struct bk_letter l;
	uint8_t key[BK_KV_KEY_MAX];
	size_t len = bk_signal_store_number_key(BK_SIGNAL_PREKEY, p->b.put->prekeys[0]->id, key);

	assert_int_equal(bk_pair_start(&p->a, &p->b, 0), 0);
	assert_int_equal(bk_pair_encrypt(&p->a, &p->b, "x", &l), 0);
	assert_int_equal(bk_kv_begin(p->b.kv), 0);
	assert_int_equal(bk_kv_put(p->b.kv, key, len, "1234567", 7), 0); /* shorter than its head */
	assert_int_equal(bk_kv_commit(p->b.kv, NULL), 0);
	assert_int_equal(bk_pair_decrypt(&p->b, &p->a, &l, ""), BK_E_CORRUPT);
	assert_int_equal(bk_pair_start(&p->a, &p->b, 1), 0);
	assert_int_equal(bk_pair_encrypt(&p->a, &p->b, "y", &l), 0);
	assert_int_equal(bk_pair_decrypt(&p->b, &p->a, &l, "y"), 0);
	len = bk_signal_store_session_key(p->a.id, key);
	assert_int_equal(bk_kv_begin(p->b.kv), 0);
	assert_int_equal(bk_kv_put(p->b.kv, key, len, RECORD, 6), 0);
	assert_int_equal(bk_kv_commit(p->b.kv, NULL), 0);
	assert_int_equal(bk_pair_encrypt(&p->b, &p->a, "z", &l), BK_E_DECRYPT);
	assert_false(bk_signal_needs_renewal(p->b.s, p->a.id));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, bk_pair_setup, bk_pair_teardown)
	const struct CMUnitTest tests[] = {
		T(names_of_rows),
		T(staged_until_flushed),
		T(too_much_at_once_is_refused),
		T(failing_flush_tells),
		T(only_we_write_prekeys),
		T(trust_is_the_rosters),
		T(own_keys_round_trip),
		T(damaged_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
