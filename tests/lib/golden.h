/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Golden examples: one for every format that is sent or stored, made from fixed keys and a fixed random source,
 * so that they are the same bytes every time. `again` decodes such bytes as their reader would, checks what can
 * be checked, and encodes the result anew.
 *
 * Threads: one; both calls replace libsodium's random source while they run. Memory: blobs are the caller's.
 */
#ifndef BK_GOLDEN_H
#define BK_GOLDEN_H

#include "sample.h"

#define BK_GOLDEN_NAME 64
#define BK_GOLDEN_PASSPHRASE "golden passphrase"

/* false past the last. name: "frame-submit", "roster" ... */
bool bk_golden_make(size_t i, char ret_name[static BK_GOLDEN_NAME], struct bk_sample_blob *ret_blob);
/* The i-th example's format applied to any bytes. An error of the reader, or what its writer makes of them. */
int bk_golden_again(size_t i, const void *data, size_t len, struct bk_sample_blob *ret_blob);

/* The parts: frames and contents; what is signed; what is sealed; rows; a session. */
typedef bool (*bk_golden_maker)(size_t i, char name[static BK_GOLDEN_NAME], struct bk_sample_blob *out);
typedef int (*bk_golden_reader)(size_t i, const void *data, size_t len, struct bk_sample_blob *out);
bool bk_golden_wire_make(size_t i, char name[static BK_GOLDEN_NAME], struct bk_sample_blob *out);
int bk_golden_wire_again(size_t i, const void *data, size_t len, struct bk_sample_blob *out);
bool bk_golden_trust_make(size_t i, char name[static BK_GOLDEN_NAME], struct bk_sample_blob *out);
int bk_golden_trust_again(size_t i, const void *data, size_t len, struct bk_sample_blob *out);
bool bk_golden_seal_make(size_t i, char name[static BK_GOLDEN_NAME], struct bk_sample_blob *out);
int bk_golden_seal_again(size_t i, const void *data, size_t len, struct bk_sample_blob *out);
bool bk_golden_row_make(size_t i, char name[static BK_GOLDEN_NAME], struct bk_sample_blob *out);
int bk_golden_row_again(size_t i, const void *data, size_t len, struct bk_sample_blob *out);

bool bk_golden_session_make(size_t i, char name[static BK_GOLDEN_NAME], struct bk_sample_blob *out);
int bk_golden_session_again(size_t i, const void *data, size_t len, struct bk_sample_blob *out);

/* A copy of bytes; of a packed message. */
struct bk_sample_blob bk_golden_copy(const void *data, size_t len);
struct bk_sample_blob bk_golden_pack(const ProtobufCMessage *m);

#endif
