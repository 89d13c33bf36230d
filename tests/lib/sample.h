/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Examples with fixed keys, ids and times: the same bytes every time, so that they can be golden files, seeds
 * of fuzzers and starting points of tests that break one thing.
 *
 * Threads: one; sodium_init first. Memory: blobs and Signed are the caller's (free, baken__signed__free_unpacked);
 * frames and contents live in the given arena. An example that cannot be made ends the program.
 */
#ifndef BK_SAMPLE_H
#define BK_SAMPLE_H

#include "capsule.h"
#include "content.h"
#include "roster.h"

#define BK_SAMPLE_NOW 1780000000000ull
#define BK_SAMPLE_DAY 86400000ull
#define BK_SAMPLE_AUTHOR 10u /* the identity that signs contents and manifests */

enum { BK_SAMPLE_ROOT = 1, BK_SAMPLE_SECURITY, BK_SAMPLE_CARE, BK_SAMPLE_SERVER, BK_SAMPLE_OTHER_ROOT };

struct bk_sample_blob {
	uint8_t *data;
	size_t len;
};

/* Bytes that differ for every n and say nothing. */
void bk_sample_fill(void *out, size_t len, unsigned n);
bk_id bk_sample_id(unsigned n);
bk_hash bk_sample_hash(unsigned n);
void bk_sample_ed25519(unsigned n, uint8_t ret_public[static BK_KEY_BYTES],
	uint8_t ret_secret[static BK_ED25519_SECRET_BYTES]);
void bk_sample_identity(unsigned n, uint8_t ret_public[static BK_KEY_BYTES], uint8_t ret_private[static BK_KEY_BYTES]);
/* A capsule with a sealing key of its own. */
int bk_sample_seal(const struct bk_capsule_outer *o, const uint8_t recipient[static BK_KEY_BYTES],
	uint8_t out[static BK_CAPSULE_BYTES]);
/* A signer of bk_content_encode and bk_manifest_sign; arg: unsigned *, the number of the identity. */
int bk_sample_sign(void *arg, const char *context, const void *data, size_t len, uint8_t ret_signature[static BK_SIG_BYTES]);

/* BK_SAMPLE_SECURITY: every role but care; BK_SAMPLE_CARE: care only. A year around now. */
struct bk_registrar_cert bk_sample_registrar(unsigned n);
struct bk_server_cert bk_sample_server(void);
struct bk_device_cert bk_sample_device(unsigned n, Baken__Role role, bk_id circle);
struct bk_sample_blob bk_sample_registrar_signed(const struct bk_registrar_cert *c, unsigned root);
struct bk_sample_blob bk_sample_server_signed(const struct bk_server_cert *c, unsigned root);
struct bk_sample_blob bk_sample_device_signed(const struct bk_device_cert *c, unsigned registrar);
/* A person's circle with two devices, one withdrawn, assigned to a desk and a care team, in a household. */
struct bk_sample_blob bk_sample_roster_signed(void);
Baken__Signed *bk_sample_unpack(struct bk_sample_blob b);

/* Every kind of frame, every field set; NULL past the last. The side it comes from, its name: bk_frame_kind_name. */
Baken__Frame *bk_sample_frame(struct bk_arena *a, size_t i);
enum bk_side bk_sample_frame_side(const Baken__Frame *f);
/* Every kind of content, every field set; NULL past the last. */
Baken__Content *bk_sample_content(struct bk_arena *a, size_t i);
const char *bk_sample_content_name(size_t i);
Baken__CaptureManifest *bk_sample_manifest(struct bk_arena *a);

#endif
