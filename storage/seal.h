/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Secrets behind a passphrase: the key slots of a store, and single sealed files (bakenctl's keys).
 *
 * A key file holds one random master key wrapped (XChaCha20-Poly1305) by a key made of the passphrase
 * (Argon2id). It always has two slots of the same form; an unused slot is random bytes, and opening always
 * works on both, so neither the file nor the time taken tells how many passphrases exist. Each slot seals one
 * byte beside the key: whether it is the first passphrase or the second, which only who can open it learns, and
 * of that slot alone. The cost of Argon2id is stored once, for both. Every file ends in a BLAKE2b-128 of all before it, in every version:
 * that tells damage (BK_E_CORRUPT) from a wrong passphrase (BK_E_PASSPHRASE). It is no protection by itself;
 * the sealing is.
 *
 * Invariant: after a crash at any instant a key file opens with the old or the new passphrase, one of the two,
 * and a sealed file holds the old or the new bytes, whole. Files are 0600.
 * Limit: a change of passphrase overwrites the old slot in place as far as the file system lets it; flash
 * disks and snapshots may keep copies that still open with the old passphrase.
 *
 * Threads: no shared state. sodium_init first. Memory: *ret_data is freed with bk_seal_free, which wipes.
 * Secrets: keys and opened bytes; passphrases are the caller's to wipe. Passphrases are NUL-terminated bytes,
 * compared as they are; an empty one is refused (BK_E_INVAL).
 */
#ifndef BK_SEAL_H
#define BK_SEAL_H

#include "ids.h"

#define BK_SEAL_SLOTS 2
#define BK_SEAL_SALT 16
#define BK_SEAL_NONCE 24
#define BK_SEAL_PLAIN (BK_KEY_BYTES + 1) /* the master key and which passphrase it is */
#define BK_SEAL_BOX (BK_SEAL_PLAIN + 16)
#define BK_SEAL_SLOT_BYTES (BK_SEAL_SALT + BK_SEAL_NONCE + BK_SEAL_BOX)
#define BK_SEAL_KEYS_BYTES (24 + BK_SEAL_SLOTS * BK_SEAL_SLOT_BYTES + 16)
#define BK_SEAL_FILE_MAX (16u * 1024u * 1024u)

/* Argon2id. A zero means the default: 3 passes over 64 MiB (RFC 9106 section 4, second choice). */
struct bk_seal_cost {
	uint32_t ops;     /* 1..16 */
	uint32_t mem_kib; /* 8..1048576 */
};

/* ---- key file ---- */

/* Makes the key file of a master key that the caller chose at random. cost may be NULL. BK_E_EXISTS; BK_E_FULL. */
int bk_seal_keys_create(const char *path, const char *passphrase, const struct bk_seal_cost *cost,
	const uint8_t key[static BK_KEY_BYTES]);
/* BK_E_NOT_FOUND; BK_E_PASSPHRASE; BK_E_CORRUPT; BK_E_VERSION newer format; BK_E_NOMEM. */
int bk_seal_keys_open(const char *path, const char *passphrase, uint8_t ret_key[static BK_KEY_BYTES],
	bool *ret_second);
/*
 * Puts a new passphrase in the slot that the old one opens; first stays first, second second. Same errors as open;
 * BK_E_EXISTS when it is that of the other slot: two that are equal could not be told apart.
 */
int bk_seal_keys_change(const char *path, const char *old, const char *fresh);
/*
 * Puts a second passphrase in the slot that `passphrase` does not open; fresh NULL: random bytes again. Same work and
 * same errors as change. What lay there is gone, a first passphrase too when `passphrase` is the second.
 */
int bk_seal_keys_second(const char *path, const char *passphrase, const char *fresh);
/* Overwrites, fsyncs, unlinks. Absent: 0. */
int bk_seal_keys_destroy(const char *path);

struct bk_seal_slot {
	uint8_t salt[BK_SEAL_SALT];
	uint8_t nonce[BK_SEAL_NONCE];
	uint8_t box[BK_SEAL_BOX];
};
struct bk_seal_keys {
	struct bk_seal_cost cost;
	struct bk_seal_slot slots[BK_SEAL_SLOTS];
};
void bk_seal_keys_encode(const struct bk_seal_keys *keys, uint8_t out[static BK_SEAL_KEYS_BYTES]);
/* BK_E_CORRUPT; BK_E_VERSION. Bounds the cost, so that a damaged file cannot claim all memory. */
int bk_seal_keys_decode(const void *data, size_t len, struct bk_seal_keys *ret_keys);

/* ---- sealed file ---- */

/* Replaces what is there. Default cost. BK_E_TOO_BIG over BK_SEAL_FILE_MAX; BK_E_FULL; BK_E_IO. */
int bk_seal_file_write(const char *path, const char *passphrase, const void *data, size_t len);
int bk_seal_file_write_cost(const char *path, const char *passphrase, const struct bk_seal_cost *cost,
	const void *data, size_t len);
/* BK_E_NOT_FOUND; BK_E_PASSPHRASE; BK_E_CORRUPT; BK_E_VERSION. */
int bk_seal_file_read(const char *path, const char *passphrase, uint8_t **ret_data, size_t *ret_len);
void bk_seal_free(uint8_t *data);

struct bk_seal_file {
	struct bk_seal_cost cost;
	const uint8_t *head; /* what the seal authenticates besides the content */
	size_t head_len;
	const uint8_t *salt, *nonce, *box; /* views into the decoded bytes */
	size_t box_len;
};
int bk_seal_file_decode(const void *data, size_t len, struct bk_seal_file *ret_file);

#endif
