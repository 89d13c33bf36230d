/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Body: padded content encrypted once under a fresh key, named by its hash. Layout: nonce[24] ||
 * XChaCha20-Poly1305(padded content; ad = "baken-body-v1" || message id). The key travels in capsules.
 *
 * Secrets: key and content; both wiped by their owner. Threads: pure. Memory: malloc'd results.
 */
#ifndef BK_BODY_H
#define BK_BODY_H

#include "ids.h"
#include "bounds.h"

/* Draws key and nonce; BK_E_TOO_BIG over BK_CONTENT_MAX. */
int bk_body_seal(bk_id message, const void *content, size_t len, uint8_t ret_key[static BK_KEY_BYTES],
	uint8_t **ret_body, size_t *ret_len, bk_hash *ret_hash);
/* The same under a given key (a repeat of a message keeps its key; the nonce is always fresh). */
int bk_body_seal_with(bk_id message, const uint8_t key[static BK_KEY_BYTES], const void *content, size_t len,
	uint8_t **ret_body, size_t *ret_len, bk_hash *ret_hash);
/* Checks the hash first (BK_E_HASH), then opens (BK_E_DECRYPT), then unpads (BK_E_INVAL). Content is malloc'd. */
int bk_body_open(bk_id message, bk_hash hash, const uint8_t key[static BK_KEY_BYTES], const void *body,
	size_t len, uint8_t **ret_content, size_t *ret_len);
/* One of the five sealed sizes? The server refuses any other. */
bool bk_body_size_ok(size_t len);

#endif
