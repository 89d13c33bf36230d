/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Arena: a bump allocator for what lives until the end of a turn; grows to the largest turn seen, at most
 * BK_ARENA_MAX.
 *
 * Threads: one owner. Memory: what it gave out is gone at the next reset.
 */
#ifndef BK_ARENA_H
#define BK_ARENA_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>

#define BK_ARENA_MAX (8u * 1024u * 1024u)

struct bk_arena;
struct bk_arena *bk_arena_new(void);
void bk_arena_reset(struct bk_arena *a);
void bk_arena_free(struct bk_arena *a);
void *bk_arena_alloc(struct bk_arena *a, size_t len); /* NULL when the bound is reached or memory is out; zeroed */
bool bk_arena_starved(const struct bk_arena *a); /* memory was out since the last reset: not the sender's fault */
ProtobufCAllocator *bk_arena_allocator(struct bk_arena *a);

#endif
