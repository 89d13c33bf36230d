/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * libsignal's stores over the key-value seam. What libsignal writes is staged here and reaches the kv only
 * when the operation has succeeded: a failed decryption changes nothing, however far the library came (M2).
 *
 * Keys: "signal/self", "signal/session/" device, "signal/prekey/" u32be, "signal/signed/" u32be.
 * Trust: is_trusted_identity asks the caller's roster; save_identity keeps nothing.
 *
 * Threads: one owner. Secrets: everything staged; wiped by flush and drop.
 */
#ifndef BK_SIGNAL_STORE_H
#define BK_SIGNAL_STORE_H

#include "kv.h"
#include "signal_provider.h"
#include "signal_session.h"

struct bk_signal_self {
	uint8_t private_key[BK_KEY_BYTES];
	uint8_t public_key[BK_KEY_BYTES];
	uint32_t registration;
	uint32_t next_prekey;   /* never goes back (M8) */
	uint32_t next_signed;
	bk_ms signed_ms;        /* when the newest signed prekey was made; 0: there is none */
};

#define BK_SIGNAL_STAGED_MAX 8u /* one operation touches a session and at most one prekey */
struct bk_signal_staged {
	uint8_t key[BK_KV_KEY_MAX];
	size_t key_len;
	uint8_t *value; /* NULL: deleted */
	size_t len;
};

struct bk_signal {
	struct bk_kv *kv;
	bk_signal_trust trust;
	void *trust_arg;
	struct bk_signal_self self;
	signal_context *context;
	signal_protocol_store_context *stores;
	struct bk_signal_staged staged[BK_SIGNAL_STAGED_MAX];
	size_t n_staged;
};

/* Gives the store context our four stores. */
int bk_signal_store_attach(struct bk_signal *s);
int bk_signal_store_flush(struct bk_signal *s);
void bk_signal_store_drop(struct bk_signal *s);

int bk_signal_store_self_load(struct bk_kv *kv, struct bk_signal_self *ret_self);
int bk_signal_store_self_save(struct bk_kv *kv, const struct bk_signal_self *self);

/* Key names; out holds BK_KV_KEY_MAX. */
size_t bk_signal_store_session_key(bk_id device, uint8_t *out);
size_t bk_signal_store_number_key(const char *prefix, uint32_t number, uint8_t *out);
#define BK_SIGNAL_PREKEY "signal/prekey/"
#define BK_SIGNAL_SIGNED "signal/signed/"
/* Prekey rows are u64le made_ms || libsignal's record. */
#define BK_SIGNAL_PREKEY_HEAD 8u

/* libsignal's address of a device; name points into *id, which must outlive it. */
signal_protocol_address bk_signal_store_address(const bk_id *id);

#endif
