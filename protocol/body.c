/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "body.h"

#include <sodium.h>
#include <stdlib.h>

#include "err.h"
#include "padding.h"

#define NONCE crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG crypto_aead_xchacha20poly1305_ietf_ABYTES
#define CONTEXT "baken-body-v1"
#define AD_BYTES (sizeof CONTEXT - 1 + BK_ID_BYTES)

_Static_assert(NONCE + TAG == BK_BODY_OVERHEAD, "bounds.h");

static void make_ad(bk_id message, uint8_t ad[static AD_BYTES])
{
	memcpy(ad, CONTEXT, sizeof CONTEXT - 1);
	memcpy(ad + sizeof CONTEXT - 1, message.b, BK_ID_BYTES);
}

bool bk_body_size_ok(size_t len)
{
	size_t padded = len > BK_BODY_OVERHEAD ? len - BK_BODY_OVERHEAD : 0;

	return padded && bk_padding_bucket(padded - 1) == padded;
}

int bk_body_seal_with(bk_id message, const uint8_t key[static BK_KEY_BYTES], const void *content, size_t len,
	uint8_t **ret_body, size_t *ret_len, bk_hash *ret_hash)
{
	size_t padded = bk_padding_bucket(len);
	uint8_t ad[AD_BYTES], *body;

	if (!padded)
		return BK_E_TOO_BIG;
	body = malloc(padded + BK_BODY_OVERHEAD);
	if (!body)
		return BK_E_NOMEM;
	make_ad(message, ad);
	randombytes_buf(body, NONCE);
	if (len)
		memcpy(body + NONCE, content, len);
	bk_padding_add(body + NONCE, len);
	crypto_aead_xchacha20poly1305_ietf_encrypt(body + NONCE, NULL, body + NONCE, padded, ad, sizeof ad, NULL,
		body, key);
	*ret_body = body;
	*ret_len = padded + BK_BODY_OVERHEAD;
	*ret_hash = bk_hash_of(body, *ret_len);
	return 0;
}

int bk_body_seal(bk_id message, const void *content, size_t len, uint8_t ret_key[static BK_KEY_BYTES],
	uint8_t **ret_body, size_t *ret_len, bk_hash *ret_hash)
{
	randombytes_buf(ret_key, BK_KEY_BYTES);
	return bk_body_seal_with(message, ret_key, content, len, ret_body, ret_len, ret_hash);
}

int bk_body_open(bk_id message, bk_hash hash, const uint8_t key[static BK_KEY_BYTES], const void *body, size_t len,
	uint8_t **ret_content, size_t *ret_len)
{
	const uint8_t *in = body;
	uint8_t ad[AD_BYTES], *out;
	int err = 0;

	if (!bk_body_size_ok(len))
		return BK_E_INVAL;
	if (!bk_hash_equal(bk_hash_of(body, len), hash))
		return BK_E_HASH;
	out = malloc(len - BK_BODY_OVERHEAD);
	if (!out)
		return BK_E_NOMEM;
	make_ad(message, ad);
	if (crypto_aead_xchacha20poly1305_ietf_decrypt(out, NULL, NULL, in + NONCE, len - NONCE, ad, sizeof ad, in,
		    key) != 0)
		err = BK_E_DECRYPT;
	if (!err)
		err = bk_padding_remove(out, len - BK_BODY_OVERHEAD, ret_len);
	if (err) {
		sodium_memzero(out, len - BK_BODY_OVERHEAD);
		free(out);
		return err;
	}
	*ret_content = out;
	return 0;
}
