/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Capsule: the body's key for one device. Fixed-size plaintext, encrypted by the pairwise libsignal session,
 * padded to one size (first contact or not) and sealed to the recipient's identity key (libsodium sealed
 * box), so that neither a stolen store nor a backup shows who wrote.
 * Sealed layer: u8 version || u8 signal type || sender device[16] || u16le length || ciphertext || zeros.
 * Plaintext: u8 version || K[32] || body hash[32] || message id[16] || sender device[16] || u64le chain seq ||
 * chain previous[32] || u64le roster version || roster hash[32].
 *
 * Threads: pure. Secrets: K, and a sealer.
 */
#ifndef BK_CAPSULE_H
#define BK_CAPSULE_H

#include "ids.h"
#include "bounds.h"

#define BK_CAPSULE_PLAIN_BYTES (1 + 32 + 32 + 16 + 16 + 8 + 32 + 8 + 32)

struct bk_capsule {
	uint8_t key[BK_KEY_BYTES];
	bk_hash body;
	bk_id message;
	bk_id sender; /* device; must equal the sealed layer's and the content's */
	uint64_t chain_seq; /* 1, 2, 3 ... from this sender device to this recipient device */
	bk_hash chain_prev; /* SHA-256(message id || body hash || previous chain_prev) of chain_seq - 1; zero for 1 */
	uint64_t roster_version; /* sender's own circle, as the sender knows it */
	bk_hash roster_hash;
};

void bk_capsule_encode(const struct bk_capsule *c, uint8_t out[static BK_CAPSULE_PLAIN_BYTES]);
int bk_capsule_decode(const uint8_t *data, size_t len, struct bk_capsule *ret_capsule);
bk_hash bk_capsule_link(const struct bk_capsule *c); /* chain_prev of the next one */

/* What is inside the seal. */
struct bk_capsule_outer {
	bk_id sender;
	uint8_t type; /* CIPHERTEXT_SIGNAL_TYPE or CIPHERTEXT_PREKEY_TYPE */
	const uint8_t *ciphertext;
	size_t len;
};
/*
 * The sealing key of one message. A sealed box is an ephemeral key and what its Diffie-Hellman with the recipient
 * encrypts. All capsules of a message may share the ephemeral key, for the server knows that they belong together;
 * two messages never, or a stolen store would show that they have one sender. The costly half of each seal can be
 * done before there is a message (warm).
 */
#define BK_CAPSULE_WARM_MAX 64u
struct bk_capsule_sealer {
	uint8_t public_key[BK_KEY_BYTES], secret[BK_KEY_BYTES];
	struct {
		uint8_t recipient[BK_KEY_BYTES], key[BK_KEY_BYTES];
	} warm[BK_CAPSULE_WARM_MAX];
	size_t n_warm;
};
void bk_capsule_sealer_init(struct bk_capsule_sealer *s);
void bk_capsule_sealer_done(struct bk_capsule_sealer *s); /* wipes */
/* Prepares for one recipient; when there is no more room, its seal costs what it would have. */
void bk_capsule_sealer_warm(struct bk_capsule_sealer *s, const uint8_t recipient_identity[static BK_KEY_BYTES]);
int bk_capsule_seal(const struct bk_capsule_sealer *s, const struct bk_capsule_outer *o,
	const uint8_t recipient_identity[static BK_KEY_BYTES], uint8_t out[static BK_CAPSULE_BYTES]);
/* inner[BK_CAPSULE_INNER] receives the opened bytes and backs ret_outer. BK_E_NOT_FOR_US when it does not open. */
int bk_capsule_unseal(const uint8_t capsule[static BK_CAPSULE_BYTES], const uint8_t identity_public[static BK_KEY_BYTES],
	const uint8_t identity_secret[static BK_KEY_BYTES], uint8_t inner[static BK_CAPSULE_INNER],
	struct bk_capsule_outer *ret_outer);

#endif
