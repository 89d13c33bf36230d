/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Prekeys. Ids ascend for the life of a device (the key of a row ends in the id, so the oldest comes first);
 * an id that is not above all seen before was seen before. So no key is ever issued twice (LESSONS M8).
 */
#include <sodium.h>

#include "bytes.h"
#include "err.h"
#include "store_in.h"

#define PREKEY_ID_MAX 0xffffffu /* libsignal's */

static bool is_signed(const Baken__SignedPrekey *k)
{
	return k->public_key.len == BK_KEY_BYTES && k->signature.len == BK_SIG_BYTES;
}

static void hash_u32(crypto_hash_sha256_state *h, uint32_t v)
{
	uint8_t b[4];
	struct bk_writer w = bk_writer_of(b, sizeof b);

	bk_write_u32(&w, v);
	crypto_hash_sha256_update(h, b, sizeof b);
}

static bk_hash hash_put(const Baken__PrekeysPut *put)
{
	crypto_hash_sha256_state h;
	bk_hash hash;

	crypto_hash_sha256_init(&h);
	if (put->signed_prekey) {
		hash_u32(&h, put->signed_prekey->id);
		crypto_hash_sha256_update(&h, put->signed_prekey->public_key.data, BK_KEY_BYTES);
		crypto_hash_sha256_update(&h, put->signed_prekey->signature.data, BK_SIG_BYTES);
	}
	hash_u32(&h, (uint32_t)put->n_prekeys);
	for (size_t i = 0; i < put->n_prekeys; i++) {
		hash_u32(&h, put->prekeys[i]->id);
		crypto_hash_sha256_update(&h, put->prekeys[i]->public_key.data, BK_KEY_BYTES);
	}
	hash_u32(&h, put->replace ? 1 : 0);
	crypto_hash_sha256_final(&h, hash.b);
	return hash;
}

static int check_shape(const Baken__PrekeysPut *put)
{
	if (!put || (put->signed_prekey && !is_signed(put->signed_prekey)))
		return BK_E_INVAL;
	if (put->n_prekeys > BK_PREKEYS_MAX)
		return BK_E_TOO_BIG;
	for (size_t i = 0; i < put->n_prekeys; i++)
		if (put->prekeys[i]->public_key.len != BK_KEY_BYTES || put->prekeys[i]->id > PREKEY_ID_MAX)
			return BK_E_INVAL;
	return 0;
}

static int check_ids(const Baken__PrekeysPut *put, uint32_t unseen)
{
	for (size_t i = 0; i < put->n_prekeys; i++) {
		if (put->prekeys[i]->id < unseen)
			return BK_E_DUPLICATE;
		for (size_t j = 0; j < i; j++)
			if (put->prekeys[j]->id == put->prekeys[i]->id)
				return BK_E_DUPLICATE;
	}
	return 0;
}

int bk_store_check_prekeys(struct bk_store *s, struct bk_txn *t, struct bk_op *op)
{
	const Baken__PrekeysPut *put = op->prekeys.put;
	struct bk_row_prekeys *row = &s->plan.prekeys;
	struct bk_row_device device;
	bk_hash hash;
	int err = check_shape(put);

	if (!err)
		err = bk_store_live_device(t, op->prekeys.device, &device);
	if (err)
		return err;
	memset(row, 0, sizeof *row);
	err = bk_rows_get_prekeys(t, op->prekeys.device.b, BK_ID_BYTES, row);
	if (err == BK_E_NOT_FOUND)
		err = put->signed_prekey ? 0 : BK_E_INVAL;
	if (err)
		return err;
	hash = hash_put(put);
	s->plan.known = bk_hash_equal(hash, row->last_put);
	if (s->plan.known)
		return 0;
	row->last_put = hash;
	if (!put->replace && row->left + put->n_prekeys > BK_PREKEYS_MAX)
		return BK_E_TOO_BIG;
	return check_ids(put, row->unseen);
}

static int drop_one_time(struct bk_txn *t, bk_id device)
{
	for (;;) {
		uint8_t key[BK_ENV_KEY_MAX];
		size_t len = 0;
		int err = bk_store_first(t, BK_T_PREKEY, device.b, sizeof device.b, key, &len);

		if (err == BK_E_NOT_FOUND)
			return 0;
		if (!err)
			err = bk_env_del(t, BK_T_PREKEY, key, len);
		if (err)
			return err;
	}
}

int bk_store_drop_prekeys(struct bk_txn *t, bk_id device)
{
	int err = drop_one_time(t, device);

	return err ? err : bk_store_del(t, BK_T_PREKEYS, device.b, sizeof device.b);
}

static int add_keys(struct bk_txn *t, const struct bk_op *op, struct bk_row_prekeys *row)
{
	const Baken__PrekeysPut *put = op->prekeys.put;
	uint8_t key[BK_KEY_PREKEY];
	struct bk_row_prekey one;

	for (size_t i = 0; i < put->n_prekeys; i++) {
		int err;

		memcpy(one.key, put->prekeys[i]->public_key.data, sizeof one.key);
		one.put_ms = op->now;
		bk_store_key_prekey(key, op->prekeys.device, put->prekeys[i]->id);
		err = bk_rows_put_prekey(t, key, sizeof key, &one);
		if (err)
			return err;
		if (put->prekeys[i]->id >= row->unseen)
			row->unseen = put->prekeys[i]->id + 1;
		row->left++;
	}
	return 0;
}

int bk_store_write_prekeys(struct bk_store *s, struct bk_txn *t, struct bk_op *op)
{
	const Baken__PrekeysPut *put = op->prekeys.put;
	struct bk_row_prekeys *row = &s->plan.prekeys;
	int err = 0;

	if (s->plan.known) {
		op->prekeys.left = row->left;
		return 0;
	}
	if (put->replace) {
		err = drop_one_time(t, op->prekeys.device);
		row->left = 0;
	}
	if (put->signed_prekey) {
		row->signed_id = put->signed_prekey->id;
		memcpy(row->signed_key, put->signed_prekey->public_key.data, sizeof row->signed_key);
		memcpy(row->signed_sig, put->signed_prekey->signature.data, sizeof row->signed_sig);
		row->put_ms = op->now;
	}
	if (!err)
		err = add_keys(t, op, row);
	op->prekeys.left = row->left;
	return err ? err : bk_rows_put_prekeys(t, op->prekeys.device.b, BK_ID_BYTES, row);
}

/* ---- claiming ---- */

int bk_store_check_claim_prekeys(struct bk_store *s, struct bk_txn *t, struct bk_op *op)
{
	struct bk_row_device claimant;

	(void)s;
	if (!op->claim_prekeys.n_devices || op->claim_prekeys.n_devices > BK_PREKEY_CLAIM_MAX)
		return BK_E_INVAL;
	return bk_store_live_device(t, op->claim_prekeys.claimant, &claimant);
}

/* The oldest one-time key, or none: then the signed prekey alone is the last resort. */
static int take_oldest(struct bk_txn *t, bk_id device, struct bk_row_prekeys *row, struct bk_bundle *b)
{
	struct bk_row_prekey one;
	uint8_t key[BK_ENV_KEY_MAX];
	size_t len = 0;
	int err = bk_store_first(t, BK_T_PREKEY, device.b, sizeof device.b, key, &len);

	if (err == BK_E_NOT_FOUND)
		return 0;
	if (!err && (len != BK_KEY_PREKEY || !row->left))
		err = BK_E_CORRUPT;
	if (!err)
		err = bk_rows_get_prekey(t, key, len, &one);
	if (!err)
		err = bk_env_del(t, BK_T_PREKEY, key, len);
	if (err)
		return err;
	b->one_time = true;
	b->prekey_id = (uint32_t)key[BK_ID_BYTES] << 24 | (uint32_t)key[BK_ID_BYTES + 1] << 16 |
		       (uint32_t)key[BK_ID_BYTES + 2] << 8 | key[BK_ID_BYTES + 3];
	memcpy(b->prekey, one.key, sizeof b->prekey);
	row->left--;
	return bk_rows_put_prekeys(t, device.b, sizeof device.b, row);
}

static int claim_one(struct bk_txn *t, bk_id device, bool sparing, struct bk_bundle *b)
{
	struct bk_row_prekeys row;
	struct bk_row_device owner;
	int err;

	memset(b, 0, sizeof *b);
	b->device = device;
	err = bk_store_live_device(t, device, &owner);
	if (!err)
		err = bk_rows_get_prekeys(t, device.b, sizeof device.b, &row);
	if (err == BK_E_REVOKED || err == BK_E_NOT_FOUND)
		return 0; /* absent: this one's sender goes on with the others (M15) */
	if (!err && !sparing)
		err = take_oldest(t, device, &row, b);
	if (err)
		return err;
	b->present = true;
	b->registration = owner.out.registration;
	b->signed_id = row.signed_id;
	memcpy(b->signed_key, row.signed_key, sizeof b->signed_key);
	memcpy(b->signed_sig, row.signed_sig, sizeof b->signed_sig);
	b->left = row.left;
	return 0;
}

int bk_store_write_claim_prekeys(struct bk_store *s, struct bk_txn *t, struct bk_op *op)
{
	(void)s;
	for (size_t i = 0; i < op->claim_prekeys.n_devices; i++) {
		bool sparing = op->claim_prekeys.sparing && op->claim_prekeys.sparing[i];
		int err = claim_one(t, op->claim_prekeys.devices[i], sparing, &op->claim_prekeys.bundles[i]);

		if (err)
			return err;
	}
	return 0;
}
