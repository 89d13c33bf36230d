/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Ids, hashes and times: small values passed by value or fixed array.
 *
 * An id is 16 bytes from the system's random source and says nothing about what it names. Guessing one
 * is as hard as guessing a key (2^128); knowing one never replaces a check of ownership.
 *
 * Threads: pure, but bk_id_random (libsodium's generator, thread-safe after sodium_init).
 */
#ifndef BK_IDS_H
#define BK_IDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define BK_ID_BYTES 16
#define BK_HASH_BYTES 32 /* SHA-256 */
#define BK_KEY_BYTES 32
#define BK_SIG_BYTES 64
#define BK_ID_TEXT (BK_ID_BYTES * 2 + 1)     /* lower-case hex and a NUL */
#define BK_HASH_TEXT (BK_HASH_BYTES * 2 + 1) /* the same */

typedef struct {
	uint8_t b[BK_ID_BYTES];
} bk_id;

typedef struct {
	uint8_t b[BK_HASH_BYTES];
} bk_hash;

typedef uint64_t bk_ms; /* milliseconds since 1970-01-01 UTC */

static inline bool bk_id_equal(bk_id a, bk_id b)
{
	return memcmp(a.b, b.b, BK_ID_BYTES) == 0;
}

static inline bool bk_hash_equal(bk_hash a, bk_hash b)
{
	return memcmp(a.b, b.b, BK_HASH_BYTES) == 0;
}

static inline bool bk_id_is_zero(bk_id a)
{
	static const bk_id zero;
	return bk_id_equal(a, zero);
}

bk_id bk_id_random(void);
/* Takes exactly 16 bytes; BK_E_INVAL otherwise. */
int bk_id_from(const void *data, size_t len, bk_id *ret_id);
/* Takes exactly 32 bytes; BK_E_INVAL otherwise. */
int bk_hash_from(const void *data, size_t len, bk_hash *ret_hash);
bk_hash bk_hash_of(const void *data, size_t len);

/* Hex, lower case; out holds 2 * len + 1. bk_hex_decode accepts exactly 2 * len digits of either case. */
char *bk_hex_encode(char *out, const void *data, size_t len);
int bk_hex_decode(void *out, size_t len, const char *hex);
char *bk_id_text(bk_id id, char out[static BK_ID_TEXT]);
int bk_id_parse(const char *hex, bk_id *ret_id);

#endif
