/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Capture manifest: what the person chose to say about a piece of evidence, signed by their device. An
 * allow-list: a fact is in it only when it was ticked; nothing is taken from the file itself.
 *
 * Threads: pure. Memory: signed bytes are malloc'd; a decoded manifest lives in the caller's arena.
 */
#ifndef BK_MANIFEST_H
#define BK_MANIFEST_H

#include "content.h"
#include "trust.pb-c.h"

#define BK_CTX_MANIFEST "baken-manifest-v1"

/* The serialised `Signed`; signer = identity (32). BK_E_INVAL when a field is out of bounds. */
int bk_manifest_sign(const Baken__CaptureManifest *m, const uint8_t identity[static BK_KEY_BYTES], bk_content_signer sign,
	void *arg, uint8_t **ret_buf, size_t *ret_len);
/* BK_E_SIGNATURE, BK_E_INVAL; file_hash and size must be those of the evidence (BK_E_HASH). */
int bk_manifest_verify(struct bk_arena *a, const Baken__Signed *s, const uint8_t identity[static BK_KEY_BYTES],
	bk_hash file, uint64_t size, Baken__CaptureManifest **ret_manifest);

#endif
