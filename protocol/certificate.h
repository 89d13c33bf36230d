/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Certificates: root -> registrar -> device, root -> server (trust.proto). The root is pinned at enrolment
 * and never learnt from the wire. A registrar can certify only the roles its certificate names.
 *
 * Threads: pure. Memory: decoded structs are plain values without pointers.
 * Secrets: signing keys are 64-byte libsodium Ed25519 secret keys, owned and wiped by the caller.
 */
#ifndef BK_CERTIFICATE_H
#define BK_CERTIFICATE_H

#include "ids.h"
#include "bounds.h"
#include "trust.pb-c.h"

#define BK_CTX_REGISTRAR "baken-registrar-v1"
#define BK_CTX_SERVER "baken-server-v1"
#define BK_CTX_DEVICE "baken-device-v1"
#define BK_ED25519_SECRET_BYTES 64

struct bk_registrar_cert {
	uint8_t key[BK_KEY_BYTES];
	uint32_t roles; /* bit (1 << Baken__Role) */
	bk_ms not_before_ms, not_after_ms;
	char label[32];
};

struct bk_server_cert {
	uint8_t receipt_key[BK_KEY_BYTES];
	bk_hash tls_spki[4];
	size_t n_tls_spki;
	bk_ms not_before_ms, not_after_ms;
	uint64_t version;
};

struct bk_device_cert {
	bk_id device, account, circle;
	Baken__Role role;
	uint8_t identity[BK_KEY_BYTES];
	uint32_t registration;
	bk_ms not_before_ms, not_after_ms;
	bool browser;
	uint8_t signer[BK_KEY_BYTES]; /* filled by verify: the registrar that signed */
};

/*
 * Signed artefacts. bk_signed_make appends one serialised `Signed` to a malloc'd buffer that the caller
 * frees; context is not stored. bk_signed_verify: BK_E_CHAIN when the signer is not key, BK_E_SIGNATURE.
 */
int bk_signed_make(const char *context, const void *payload, size_t len,
	const uint8_t secret[static BK_ED25519_SECRET_BYTES], uint8_t **ret_buf, size_t *ret_len);
int bk_signed_verify(const char *context, const Baken__Signed *s, const uint8_t key[static BK_KEY_BYTES]);

/* encode + sign: the serialised `Signed`, malloc'd. */
int bk_registrar_cert_sign(const struct bk_registrar_cert *c,
	const uint8_t root_secret[static BK_ED25519_SECRET_BYTES], uint8_t **ret_buf, size_t *ret_len);
int bk_server_cert_sign(const struct bk_server_cert *c,
	const uint8_t root_secret[static BK_ED25519_SECRET_BYTES], uint8_t **ret_buf, size_t *ret_len);
int bk_device_cert_sign(const struct bk_device_cert *c,
	const uint8_t registrar_secret[static BK_ED25519_SECRET_BYTES], uint8_t **ret_buf, size_t *ret_len);

/*
 * verify + decode: BK_E_SIGNATURE, BK_E_CHAIN (another root or registrar), BK_E_EXPIRED, BK_E_NOT_YET
 * (with BK_CLOCK_SKEW_MS of grace), BK_E_ROLE (registrar may not certify it), BK_E_INVAL.
 */
int bk_registrar_cert_verify(const Baken__Signed *s, const uint8_t root_key[static BK_KEY_BYTES], bk_ms now,
	struct bk_registrar_cert *ret_cert);
int bk_server_cert_verify(const Baken__Signed *s, const uint8_t root_key[static BK_KEY_BYTES], bk_ms now,
	struct bk_server_cert *ret_cert);
int bk_device_cert_verify(const Baken__Signed *s, const struct bk_registrar_cert *registrar, bk_ms now,
	struct bk_device_cert *ret_cert);

#endif
