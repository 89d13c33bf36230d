/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "kv_record.h"

#include <sodium.h>

#include "err.h"

#define NONCE_BYTES 24u
#define TAG_BYTES 16u
#define NAME_BLOCK (1u + BK_KV_KEY_MAX)
#define LEN_BYTES 4u

struct bk_kv_record_keys {
	uint8_t id[32];
	uint8_t name[32];
	uint8_t value[32];
};

struct bk_kv_record_keys *bk_kv_record_keys_new(const uint8_t master[static BK_KEY_BYTES])
{
	static const char context[crypto_kdf_CONTEXTBYTES] = {'b', 'a', 'k', 'e', 'n', 'k', 'v', '1'};
	struct bk_kv_record_keys *keys = sodium_malloc(sizeof *keys);

	if (!keys)
		return NULL;
	crypto_kdf_derive_from_key(keys->id, sizeof keys->id, 1, context, master);
	crypto_kdf_derive_from_key(keys->name, sizeof keys->name, 2, context, master);
	crypto_kdf_derive_from_key(keys->value, sizeof keys->value, 3, context, master);
	return keys;
}

void bk_kv_record_keys_free(struct bk_kv_record_keys *keys)
{
	sodium_free(keys);
}

void bk_kv_record_id(const struct bk_kv_record_keys *keys, const void *name, size_t name_len,
	uint8_t ret_id[static BK_KV_RECORD_ID])
{
	crypto_generichash(ret_id, BK_KV_RECORD_ID, name, name_len, keys->id, sizeof keys->id);
}

/* Few classes tell little; beyond 64 KiB doubling keeps the waste within the value itself. */
static size_t size_class(size_t len)
{
	size_t size = 256;

	while (size < len)
		size *= size < 64u * 1024u ? 4 : 2;
	return size;
}

size_t bk_kv_record_size(size_t len)
{
	return BK_KV_RECORD_HEAD + LEN_BYTES + size_class(len) + TAG_BYTES;
}

/* Both blocks are written as plain bytes first and sealed where they lie. */
void bk_kv_record_seal(const struct bk_kv_record_keys *keys, const uint8_t id[static BK_KV_RECORD_ID],
	const void *name, size_t name_len, const void *value, size_t len, uint8_t *out)
{
	uint8_t *name_block = out + NONCE_BYTES;
	uint8_t *block = out + BK_KV_RECORD_HEAD;
	size_t block_len = LEN_BYTES + size_class(len);

	randombytes_buf(out, NONCE_BYTES);
	memset(name_block, 0, NAME_BLOCK);
	name_block[0] = (uint8_t)name_len;
	if (name_len)
		memcpy(name_block + 1, name, name_len);
	crypto_aead_xchacha20poly1305_ietf_encrypt(name_block, NULL, name_block, NAME_BLOCK, id,
		BK_KV_RECORD_ID, NULL, out, keys->name);
	for (unsigned i = 0; i < LEN_BYTES; i++)
		block[i] = (uint8_t)(len >> (8 * i));
	if (len)
		memcpy(block + LEN_BYTES, value, len);
	memset(block + LEN_BYTES + len, 0, block_len - LEN_BYTES - len);
	crypto_aead_xchacha20poly1305_ietf_encrypt(block, NULL, block, block_len, id, BK_KV_RECORD_ID, NULL,
		out, keys->value);
}

int bk_kv_record_unseal_name(const struct bk_kv_record_keys *keys, const uint8_t id[static BK_KV_RECORD_ID],
	const void *record, size_t record_len, struct bk_kv_record_name *ret_name)
{
	const uint8_t *nonce = record;
	uint8_t block[NAME_BLOCK];

	if (record_len < BK_KV_RECORD_MIN)
		return BK_E_CORRUPT;
	if (crypto_aead_xchacha20poly1305_ietf_decrypt(block, NULL, NULL, nonce + NONCE_BYTES,
		    NAME_BLOCK + TAG_BYTES, id, BK_KV_RECORD_ID, nonce, keys->name) != 0)
		return BK_E_CORRUPT;
	if (block[0] > BK_KV_KEY_MAX)
		return BK_E_CORRUPT;
	ret_name->len = block[0];
	memcpy(ret_name->bytes, block + 1, BK_KV_KEY_MAX);
	return 0;
}

int bk_kv_record_unseal_value(const struct bk_kv_record_keys *keys, const uint8_t id[static BK_KV_RECORD_ID],
	const void *record, size_t record_len, uint8_t *out, size_t *ret_len)
{
	const uint8_t *nonce = record;
	size_t block_len;
	size_t len = 0;

	if (record_len < BK_KV_RECORD_MIN)
		return BK_E_CORRUPT;
	block_len = record_len - BK_KV_RECORD_HEAD - TAG_BYTES;
	if (crypto_aead_xchacha20poly1305_ietf_decrypt(out, NULL, NULL, nonce + BK_KV_RECORD_HEAD,
		    block_len + TAG_BYTES, id, BK_KV_RECORD_ID, nonce, keys->value) != 0)
		return BK_E_CORRUPT;
	for (unsigned i = 0; i < LEN_BYTES; i++)
		len |= (size_t)out[i] << (8 * i);
	if (len > block_len - LEN_BYTES || len > BK_KV_VALUE_MAX) {
		sodium_memzero(out, block_len);
		return BK_E_CORRUPT;
	}
	memmove(out, out + LEN_BYTES, len);
	sodium_memzero(out + len, record_len - len);
	*ret_len = len;
	return 0;
}
