/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Frames: bytes <-> Baken__Frame, with every bound of bounds.h checked once, here, so that handlers can use
 * lengths without asking again: ids are 16 bytes, hashes and keys 32, capsules BK_CAPSULE_BYTES, lists within
 * their maximum, exactly one kind, no unknown kind, no enum outside its list.
 *
 * Memory: decoding uses an arena that the caller keeps and resets, so that a busy connection does not malloc
 * per message; a decoded frame borrows from the arena and lives until the next reset. Encoding appends to a
 * caller's buffer.
 * Threads: pure; an arena belongs to one thread.
 */
#ifndef BK_FRAME_H
#define BK_FRAME_H

#include "arena.h"
#include "ids.h"
#include "bounds.h"
#include "pb.h"
#include "wire.pb-c.h"

enum bk_side { BK_FROM_CLIENT, BK_FROM_SERVER };

/* BK_E_INVAL malformed or out of bounds; BK_E_TOO_BIG over BK_FRAME_MAX; BK_E_ROLE kind not legal from that side;
 * BK_E_NOMEM. */
int bk_frame_decode(struct bk_arena *a, enum bk_side from, const void *data, size_t len, Baken__Frame **ret_frame);
/* Bytes needed; encode writes exactly that many. */
size_t bk_frame_size(const Baken__Frame *f);
size_t bk_frame_encode(const Baken__Frame *f, uint8_t *out);
/* Convenience for tests and clients: malloc'd. */
int bk_frame_encode_new(const Baken__Frame *f, uint8_t **ret_buf, size_t *ret_len);
/* Stable name of a kind for metrics and logs: "submit". */
const char *bk_frame_kind_name(Baken__Frame__KindCase kind);

#endif
