/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Content: what one person says to others, as bytes inside a body. Encoding refuses what decoding would
 * refuse: texts that are too long or no UTF-8, ids and hashes of the wrong size, unknown kinds. Content to a
 * desk (REGIME_SECURITY) carries the sender's signature; care content must carry none, so that it can be denied.
 *
 * Threads: pure. Memory: decoded content lives in the caller's arena; encoded bytes are malloc'd.
 */
#ifndef BK_CONTENT_H
#define BK_CONTENT_H

#include "content.pb-c.h"
#include "frame.h"
#include "roles.h"

#define BK_CTX_CONTENT "baken-content-v1"

enum bk_content_kind bk_content_kind_of(const Baken__Content *c); /* BK_CONTENT_ANY when there is none */

/* Signs for the encoder: context BK_CTX_CONTENT. */
typedef int (*bk_content_signer)(void *arg, const char *context, const void *data, size_t len,
	uint8_t ret_signature[static BK_SIG_BYTES]);

/* sign NULL: care content. BK_E_INVAL, BK_E_TOO_BIG over BK_CONTENT_MAX. */
int bk_content_encode(const Baken__Content *c, bk_content_signer sign, void *arg, uint8_t **ret_buf, size_t *ret_len);
/*
 * Decodes an Envelope and checks every bound, and the signature by `identity` (security) or its absence (care).
 * BK_E_INVAL, BK_E_SIGNATURE; BK_E_NOMEM.
 */
int bk_content_decode(struct bk_arena *a, Baken__Regime regime, const uint8_t identity[static BK_KEY_BYTES],
	const void *data, size_t len, Baken__Content **ret_content);

#endif
