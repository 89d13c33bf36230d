/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One sealed record of the client's store: how a name and its content become bytes that tell neither.
 *
 *   id     = BLAKE2b-256 of the name, keyed                                  (the LMDB key)
 *   record = nonce 24 | sealed name 97 + 16 | sealed content 4 + class + 16   (the LMDB value)
 *
 * Name block: length byte, name, zeros. Content block: length (32 bits, little endian), content, zeros up to the
 * size class. Both are XChaCha20-Poly1305 with the id as associated data and the record's nonce, under two
 * different keys; the nonce is random and never used for a second record.
 *
 * Threads: pure, but the random nonce. Secrets: keys in memory from bk_kv_record_keys_new (locked, wiped).
 */
#ifndef BK_KV_RECORD_H
#define BK_KV_RECORD_H

#include "kv.h"

#define BK_KV_RECORD_ID 32
#define BK_KV_RECORD_HEAD (24u + 1u + BK_KV_KEY_MAX + 16u)
#define BK_KV_RECORD_MIN (BK_KV_RECORD_HEAD + 4u + 256u + 16u)

struct bk_kv_record_keys;

/* Derives the three keys from the master key (BLAKE2b, context "bakenkv1"). NULL: no memory. */
struct bk_kv_record_keys *bk_kv_record_keys_new(const uint8_t master[static BK_KEY_BYTES]);
void bk_kv_record_keys_free(struct bk_kv_record_keys *keys);

void bk_kv_record_id(const struct bk_kv_record_keys *keys, const void *name, size_t name_len,
	uint8_t ret_id[static BK_KV_RECORD_ID]);
/* Bytes of the record of a content of that length. */
size_t bk_kv_record_size(size_t len);
/* out holds bk_kv_record_size(len). */
void bk_kv_record_seal(const struct bk_kv_record_keys *keys, const uint8_t id[static BK_KV_RECORD_ID],
	const void *name, size_t name_len, const void *value, size_t len, uint8_t *out);

struct bk_kv_record_name {
	uint8_t bytes[BK_KV_KEY_MAX];
	size_t len;
};
/* BK_E_CORRUPT unless every bit is as it was sealed. */
int bk_kv_record_unseal_name(const struct bk_kv_record_keys *keys, const uint8_t id[static BK_KV_RECORD_ID],
	const void *record, size_t record_len, struct bk_kv_record_name *ret_name);
/* out holds record_len bytes; the content lies at its begin, the rest is wiped. */
int bk_kv_record_unseal_value(const struct bk_kv_record_keys *keys, const uint8_t id[static BK_KV_RECORD_ID],
	const void *record, size_t record_len, uint8_t *out, size_t *ret_len);

#endif
