/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "signal_key.h"

#include <sodium.h>
#include <stdlib.h>

#include <curve.h>

#include "err.h"
#include "signal_provider.h"

/* libsignal's public functions want its key objects; these two make them without a context (used for logs only). */
static int make_public(const uint8_t key[static BK_KEY_BYTES], ec_public_key **ret_key)
{
	uint8_t typed[1 + BK_KEY_BYTES] = {5};

	memcpy(typed + 1, key, BK_KEY_BYTES);
	return curve_decode_point(ret_key, typed, sizeof typed, NULL) == 0 ? 0 : BK_E_INVAL;
}

int bk_identity_public(const uint8_t private_key[static BK_KEY_BYTES], uint8_t ret_public[static BK_KEY_BYTES])
{
	return crypto_scalarmult_curve25519_base(ret_public, private_key) == 0 ? 0 : BK_E_CRYPTO;
}

int bk_identity_generate(uint8_t ret_public[static BK_KEY_BYTES], uint8_t ret_private[static BK_KEY_BYTES])
{
	randombytes_buf(ret_private, BK_KEY_BYTES);
	ret_private[0] &= 248; /* RFC 7748 clamping, stored clamped as libsignal does */
	ret_private[31] &= 127;
	ret_private[31] |= 64;
	return bk_identity_public(ret_private, ret_public);
}

static uint8_t *join(const char *context, const void *data, size_t len, size_t *ret_len)
{
	size_t n = strlen(context);
	uint8_t *m = malloc(n + len + 1);

	if (!m)
		return NULL;
	memcpy(m, context, n);
	if (len)
		memcpy(m + n, data, len);
	*ret_len = n + len;
	return m;
}

/* Signing asks a context for nothing but random bytes. */
static int sign_with(const uint8_t private_key[static BK_KEY_BYTES], const uint8_t *m, size_t len,
	uint8_t ret_signature[static BK_SIG_BYTES])
{
	signal_context *context = NULL;
	ec_private_key *key = NULL;
	signal_buffer *signature = NULL;
	int err = BK_E_CRYPTO;

	if (signal_context_create(&context, NULL) == 0 && signal_context_set_crypto_provider(context, &bk_signal_provider) == 0 &&
		curve_decode_private_point(&key, private_key, BK_KEY_BYTES, context) == 0 &&
		curve_calculate_signature(context, &signature, key, m, len) == 0 &&
		signal_buffer_len(signature) == BK_SIG_BYTES) {
		memcpy(ret_signature, signal_buffer_data(signature), BK_SIG_BYTES);
		err = 0;
	}
	signal_buffer_free(signature);
	SIGNAL_UNREF(key);
	if (context)
		signal_context_destroy(context);
	return err;
}

int bk_identity_sign(const uint8_t private_key[static BK_KEY_BYTES], const char *context, const void *data, size_t len,
	uint8_t ret_signature[static BK_SIG_BYTES])
{
	size_t n = 0;
	uint8_t *m = join(context, data, len, &n);
	int err;

	if (!m)
		return BK_E_NOMEM;
	err = sign_with(private_key, m, n, ret_signature);
	free(m);
	return err;
}

int bk_identity_verify(const uint8_t public_key[static BK_KEY_BYTES], const char *context, const void *data,
	size_t len, const uint8_t signature[static BK_SIG_BYTES])
{
	ec_public_key *key = NULL;
	size_t n = 0;
	uint8_t *m;
	int err = make_public(public_key, &key);

	if (err)
		return err;
	m = join(context, data, len, &n);
	if (m)
		err = curve_verify_signature(key, m, n, signature, BK_SIG_BYTES) == 1 ? 0 : BK_E_SIGNATURE;
	else
		err = BK_E_NOMEM;
	free(m);
	SIGNAL_UNREF(key);
	return err;
}
