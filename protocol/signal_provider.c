/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "signal_provider.h"

#include <bearssl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"

#define BLOCK 16u
#define INPUT_MAX (1u << 20) /* libsignal never sees more than a capsule; refuse what cannot be one */

int bk_signal_error(int code)
{
	switch (code) {
	case 0:
		return 0;
	case SG_ERR_NOMEM:
		return BK_E_NOMEM;
	case SG_ERR_DUPLICATE_MESSAGE:
		return BK_E_DUPLICATE;
	case SG_ERR_UNTRUSTED_IDENTITY:
		return BK_E_UNTRUSTED;
	case SG_ERR_NO_SESSION:
	case SG_ERR_INVALID_KEY_ID:
		return BK_E_NO_SESSION;
	case SG_ERR_INVALID_KEY:
		return BK_E_SIGNATURE;
	case SG_ERR_INVALID_MESSAGE:
	case SG_ERR_INVALID_VERSION:
	case SG_ERR_LEGACY_MESSAGE:
	case SG_ERR_INVALID_MAC:
	case SG_ERR_INVALID_PROTO_BUF:
	case SG_ERR_STALE_KEY_EXCHANGE:
		return BK_E_DECRYPT;
	default:
		return code <= BK_E_INVAL && code >= -10999 ? code : BK_E_CRYPTO; /* our own stores' codes pass */
	}
}

static int random_bytes(uint8_t *data, size_t len, void *user)
{
	(void)user;
	randombytes_buf(data, len);
	return 0;
}

/* Contexts are NULL at once: libsignal cleans up one that it never initialised when making it failed. */
static int hmac_init(void **context, const uint8_t *key, size_t len, void *user)
{
	crypto_auth_hmacsha256_state *st = malloc(sizeof *st);

	(void)user;
	*context = NULL;
	if (!st)
		return SG_ERR_NOMEM;
	crypto_auth_hmacsha256_init(st, key, len);
	*context = st;
	return 0;
}

static int hmac_update(void *context, const uint8_t *data, size_t len, void *user)
{
	(void)user;
	crypto_auth_hmacsha256_update(context, data, len);
	return 0;
}

static int hmac_final(void *context, signal_buffer **output, void *user)
{
	uint8_t mac[32];

	(void)user;
	crypto_auth_hmacsha256_final(context, mac);
	*output = signal_buffer_create(mac, sizeof mac);
	sodium_memzero(mac, sizeof mac);
	return *output ? 0 : SG_ERR_NOMEM;
}

static void hmac_cleanup(void *context, void *user)
{
	(void)user;
	if (context)
		sodium_memzero(context, sizeof(crypto_auth_hmacsha256_state));
	free(context);
}

static int sha512_init(void **context, void *user)
{
	crypto_hash_sha512_state *st = malloc(sizeof *st);

	(void)user;
	*context = NULL;
	if (!st)
		return SG_ERR_NOMEM;
	crypto_hash_sha512_init(st);
	*context = st;
	return 0;
}

static int sha512_update(void *context, const uint8_t *data, size_t len, void *user)
{
	(void)user;
	crypto_hash_sha512_update(context, data, len);
	return 0;
}

/* libsignal goes on with the same context after a final: it must begin anew. */
static int sha512_final(void *context, signal_buffer **output, void *user)
{
	uint8_t digest[64];

	(void)user;
	crypto_hash_sha512_final(context, digest);
	crypto_hash_sha512_init(context);
	*output = signal_buffer_create(digest, sizeof digest);
	sodium_memzero(digest, sizeof digest);
	return *output ? 0 : SG_ERR_NOMEM;
}

static void sha512_cleanup(void *context, void *user)
{
	(void)user;
	if (context)
		sodium_memzero(context, sizeof(crypto_hash_sha512_state));
	free(context);
}

static bool cipher_ok(int cipher, size_t key_len, size_t iv_len, size_t len)
{
	/* CTR belongs to version 2 sessions, which we neither make nor accept. */
	return cipher == SG_CIPHER_AES_CBC_PKCS5 && key_len == 32 && iv_len == BLOCK && len <= INPUT_MAX;
}

static int encrypt(signal_buffer **output, int cipher, const uint8_t *key, size_t key_len, const uint8_t *iv,
	size_t iv_len, const uint8_t *plain, size_t len, void *user)
{
	br_aes_ct64_cbcenc_keys keys;
	size_t pad = BLOCK - len % BLOCK;
	uint8_t chain[BLOCK], *data;
	signal_buffer *out;

	(void)user;
	*output = NULL;
	if (!cipher_ok(cipher, key_len, iv_len, len))
		return SG_ERR_INVAL;
	out = signal_buffer_alloc(len + pad);
	if (!out)
		return SG_ERR_NOMEM;
	data = signal_buffer_data(out);
	if (len)
		memcpy(data, plain, len);
	memset(data + len, (int)pad, pad);
	memcpy(chain, iv, BLOCK);
	br_aes_ct64_cbcenc_init(&keys, key, key_len);
	br_aes_ct64_cbcenc_run(&keys, chain, data, len + pad);
	sodium_memzero(&keys, sizeof keys);
	*output = out;
	return 0;
}

/* The MAC was checked before: a padding error cannot become an oracle. */
static int unpad(const uint8_t *data, size_t len, size_t *ret_len)
{
	uint8_t pad = data[len - 1], bad = pad == 0 || pad > BLOCK;

	for (size_t i = 0; i < BLOCK; i++)
		bad |= (uint8_t)((i < pad) & (data[len - 1 - i] != pad));
	if (bad)
		return SG_ERR_UNKNOWN;
	*ret_len = len - pad;
	return 0;
}

static int decrypt(signal_buffer **output, int cipher, const uint8_t *key, size_t key_len, const uint8_t *iv,
	size_t iv_len, const uint8_t *text, size_t len, void *user)
{
	br_aes_ct64_cbcdec_keys keys;
	uint8_t chain[BLOCK], *data;
	size_t plain_len = 0;
	int err;

	(void)user;
	*output = NULL;
	if (!cipher_ok(cipher, key_len, iv_len, len) || len == 0 || len % BLOCK)
		return SG_ERR_INVAL;
	data = malloc(len);
	if (!data)
		return SG_ERR_NOMEM;
	memcpy(data, text, len);
	memcpy(chain, iv, BLOCK);
	br_aes_ct64_cbcdec_init(&keys, key, key_len);
	br_aes_ct64_cbcdec_run(&keys, chain, data, len);
	sodium_memzero(&keys, sizeof keys);
	err = unpad(data, len, &plain_len);
	if (!err && !(*output = signal_buffer_create(data, plain_len)))
		err = SG_ERR_NOMEM;
	sodium_memzero(data, len);
	free(data);
	return err;
}

const signal_crypto_provider bk_signal_provider = {
	.random_func = random_bytes,
	.hmac_sha256_init_func = hmac_init,
	.hmac_sha256_update_func = hmac_update,
	.hmac_sha256_final_func = hmac_final,
	.hmac_sha256_cleanup_func = hmac_cleanup,
	.sha512_digest_init_func = sha512_init,
	.sha512_digest_update_func = sha512_update,
	.sha512_digest_final_func = sha512_final,
	.sha512_digest_cleanup_func = sha512_cleanup,
	.encrypt_func = encrypt,
	.decrypt_func = decrypt,
};
