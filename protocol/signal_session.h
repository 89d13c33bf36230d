/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sessions: the façade over libsignal-protocol-c (X3DH, Double Ratchet; signal.org/docs). All state lives in
 * the key-value seam under "signal/"; every call that changes state needs an open kv transaction, so that the
 * caller commits plaintext, session record and cursor together (M1). Trust in an identity comes only from the
 * caller's roster look-up, never from a first message (M2).
 *
 * Threads: one owner thread. Memory: as said. Secrets: everything; the kv seals it, buffers are wiped here.
 */
#ifndef BK_SIGNAL_SESSION_H
#define BK_SIGNAL_SESSION_H

#include "kv.h"
#include "bounds.h"
#include "wire.pb-c.h"

struct bk_signal;

/* Is this the identity key that a verified roster gives this device? */
typedef bool (*bk_signal_trust)(void *arg, bk_id device, const uint8_t identity[static BK_KEY_BYTES]);

/* Makes identity key and registration id in the open transaction; BK_E_EXISTS. */
int bk_signal_create(struct bk_kv *kv, uint8_t ret_identity[static BK_KEY_BYTES], uint32_t *ret_registration);
/* BK_E_NOT_FOUND when not created. kv and arg must outlive it. */
int bk_signal_open(struct bk_kv *kv, bk_signal_trust trust, void *arg, struct bk_signal **ret_signal);
void bk_signal_close(struct bk_signal *s);

const uint8_t *bk_signal_identity(const struct bk_signal *s); /* 32, borrowed */
uint32_t bk_signal_registration(const struct bk_signal *s);
int bk_signal_sign(const struct bk_signal *s, const char *context, const void *data, size_t len,
	uint8_t ret_signature[static BK_SIG_BYTES]);
/* Opens a sealed box to our identity key; out has len - crypto_box_SEALBYTES bytes. BK_E_NOT_FOR_US. */
int bk_signal_unseal_box(const struct bk_signal *s, const uint8_t *box, size_t len, uint8_t *out);
/* Opens a sealed capsule's outer layer with the identity key: see capsule.h. */
int bk_signal_unseal(const struct bk_signal *s, const uint8_t capsule[static BK_CAPSULE_BYTES],
	uint8_t inner[static BK_CAPSULE_INNER], void *ret_outer /* struct bk_capsule_outer */);

/*
 * Prekeys. make() generates `count` one-time keys with ids after the highest ever used (kept in the kv: an id
 * is never used twice, M8) and, when the newest signed prekey is older than BK_SIGNED_PREKEY_AGE_MS or there
 * is none, a new signed one. The private parts must be committed before the result is uploaded (M4).
 * The message borrows from one malloc'd block: free with bk_signal_prekeys_free.
 */
int bk_signal_prekeys_make(struct bk_signal *s, uint32_t count, bk_ms now, Baken__PrekeysPut **ret_put);
void bk_signal_prekeys_free(Baken__PrekeysPut *put);
/* Does the server's digest match our newest signed prekey (M8)? */
bool bk_signal_prekeys_match(struct bk_signal *s, const Baken__PrekeysState *state);
/* Drops private parts older than BK_PREKEY_PRIVATE_AGE_MS. */
int bk_signal_prekeys_expire(struct bk_signal *s, bk_ms now);
/* SHA-256 over u32le id || public key, as in PrekeysState.digest. */
bk_hash bk_signal_prekey_digest(uint32_t id, const uint8_t public_key[static BK_KEY_BYTES]);

/* Sessions, by device id. */
bool bk_signal_has_session(struct bk_signal *s, bk_id device);
/* The record has outgrown BK_SESSION_RENEW_BYTES: start a new one before the next send. */
bool bk_signal_needs_renewal(struct bk_signal *s, bk_id device);
/* X3DH from a claimed bundle; identity from the roster. BK_E_UNTRUSTED, BK_E_SIGNATURE, BK_E_INVAL. */
int bk_signal_start(struct bk_signal *s, bk_id device, const uint8_t identity[static BK_KEY_BYTES],
	const Baken__PrekeyBundle *bundle);
int bk_signal_forget(struct bk_signal *s, bk_id device);

#define BK_SIGNAL_CIPHERTEXT_MAX (BK_CAPSULE_INNER - 20u)
/* type: 2 signal, 3 prekey (libsignal's numbers). BK_E_NO_SESSION, BK_E_UNTRUSTED. */
int bk_signal_encrypt(struct bk_signal *s, bk_id device, const void *plain, size_t len, uint8_t *ret_type,
	uint8_t out[static BK_SIGNAL_CIPHERTEXT_MAX], size_t *ret_len);
/*
 * Decrypts into out. Errors change nothing, a stranger's first message included (M2): BK_E_DUPLICATE,
 * BK_E_UNTRUSTED, BK_E_NO_SESSION (also: one-time prekey gone), BK_E_DECRYPT.
 */
int bk_signal_decrypt(struct bk_signal *s, bk_id device, uint8_t type, const void *cipher, size_t cipher_len,
	uint8_t *out, size_t out_max, size_t *ret_len);

#endif
