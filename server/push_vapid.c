/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "push_vapid.h"

#include <errno.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "err.h"

#define HEAD "{\"typ\":\"JWT\",\"alg\":\"ES256\"}"
#define HALF 32
#define CLAIMS_MAX 640
#define B64(n) (((n) + 2) / 3 * 4 + 1)
#define B64_URL sodium_base64_VARIANT_URLSAFE_NO_PADDING

struct bk_push_vapid {
	EVP_PKEY *key;
	uint8_t public_key[BK_PUSH_VAPID_PUBLIC];
};

int bk_push_vapid_make(char **ret_pem)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	BIO *bio = key ? BIO_new(BIO_s_secmem()) : NULL;
	char *data = NULL;
	long n;
	int err = bio && PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1 ? 0 : BK_E_CRYPTO;

	if (!err) {
		n = BIO_get_mem_data(bio, &data);
		*ret_pem = n > 0 ? strndup(data, (size_t)n) : NULL;
		err = *ret_pem ? 0 : BK_E_NOMEM;
	}
	BIO_free(bio);
	EVP_PKEY_free(key);
	return err;
}

static int read_key(FILE *f, struct bk_push_vapid *v)
{
	unsigned char *point = NULL;
	char group[32] = "";
	size_t n;
	int err = BK_E_INVAL;

	v->key = PEM_read_PrivateKey(f, NULL, NULL, NULL);
	if (!v->key || !EVP_PKEY_is_a(v->key, "EC") ||
		EVP_PKEY_get_group_name(v->key, group, sizeof group, NULL) != 1 || strcmp(group, "prime256v1") != 0)
		return BK_E_INVAL;
	n = EVP_PKEY_get1_encoded_public_key(v->key, &point);
	if (n == sizeof v->public_key && point[0] == 4) {
		memcpy(v->public_key, point, n);
		err = 0;
	}
	OPENSSL_free(point);
	return err;
}

int bk_push_vapid_open(const char *file, struct bk_push_vapid **ret_vapid)
{
	struct bk_push_vapid *v = calloc(1, sizeof *v);
	FILE *f = v ? fopen(file, "re") : NULL;
	struct stat st;
	int err = 0;

	if (!v)
		return BK_E_NOMEM;
	if (!f)
		err = errno == ENOENT ? BK_E_NOT_FOUND : BK_E_IO;
	else if (fstat(fileno(f), &st) != 0 || (st.st_mode & 077))
		err = BK_E_STATE;
	else
		err = read_key(f, v);
	if (f)
		fclose(f);
	if (err)
		bk_push_vapid_close(v);
	else
		*ret_vapid = v;
	return err;
}

void bk_push_vapid_close(struct bk_push_vapid *v)
{
	if (!v)
		return;
	EVP_PKEY_free(v->key);
	free(v);
}

const uint8_t *bk_push_vapid_public(const struct bk_push_vapid *v)
{
	return v->public_key;
}

/* DER's two numbers as 64 bytes (RFC 7518, 3.4). */
static int halves(const uint8_t *der, size_t len, uint8_t out[static 2 * HALF])
{
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)len);
	int err = sig && BN_bn2binpad(ECDSA_SIG_get0_r(sig), out, HALF) == HALF &&
			  BN_bn2binpad(ECDSA_SIG_get0_s(sig), out + HALF, HALF) == HALF
		? 0
		: BK_E_CRYPTO;

	ECDSA_SIG_free(sig);
	return err;
}

static int sign(EVP_PKEY *key, const char *text, uint8_t out[static 2 * HALF])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t der[128];
	size_t len = sizeof der;
	int err = BK_E_CRYPTO;

	if (ctx && EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
		EVP_DigestSign(ctx, der, &len, (const uint8_t *)text, strlen(text)) == 1)
		err = halves(der, len, out);
	EVP_MD_CTX_free(ctx);
	return err;
}

int bk_push_vapid_sign(struct bk_push_vapid *v, const char *origin, const char *contact, bk_ms now,
	char out[static BK_PUSH_VAPID_TEXT])
{
	char claims[CLAIMS_MAX], head64[B64(sizeof HEAD)], claims64[B64(CLAIMS_MAX)], sig64[B64(2 * HALF)];
	char key64[B64(BK_PUSH_VAPID_PUBLIC)], token[sizeof head64 + sizeof claims64];
	uint8_t sig[2 * HALF];
	int n = snprintf(claims, sizeof claims, "{\"aud\":\"%s\",\"exp\":%llu,\"sub\":\"%s\"}", origin,
		(unsigned long long)((now + BK_PUSH_VAPID_MS) / 1000), contact);
	int err;

	if (n < 0 || (size_t)n >= sizeof claims)
		return BK_E_TOO_BIG;
	sodium_bin2base64(head64, sizeof head64, (const uint8_t *)HEAD, strlen(HEAD), B64_URL);
	sodium_bin2base64(claims64, sizeof claims64, (const uint8_t *)claims, (size_t)n, B64_URL);
	snprintf(token, sizeof token, "%s.%s", head64, claims64);
	err = sign(v->key, token, sig);
	if (err)
		return err;
	sodium_bin2base64(sig64, sizeof sig64, sig, sizeof sig, B64_URL);
	sodium_bin2base64(key64, sizeof key64, v->public_key, sizeof v->public_key, B64_URL);
	n = snprintf(out, BK_PUSH_VAPID_TEXT, "vapid t=%s.%s, k=%s", token, sig64, key64);
	return n > 0 && n < BK_PUSH_VAPID_TEXT ? 0 : BK_E_TOO_BIG;
}
