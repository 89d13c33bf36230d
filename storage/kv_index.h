/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The names of a store in byte order: a skip list (Pugh 1990), so that adding, removing and finding a first
 * name cost log n and walking costs one step a name.
 *
 * Linking and unlinking never allocate, so a transaction can always be undone.
 * Threads: one owner. Memory: nodes belong to the list while linked, to the caller otherwise; freed names are
 * wiped.
 */
#ifndef BK_KV_INDEX_H
#define BK_KV_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BK_KV_INDEX_LEVELS 20 /* a million names */

struct bk_kv_index_node {
	const uint8_t *name;
	size_t name_len;
	unsigned levels;
	struct bk_kv_index_node *next[]; /* levels of them, then the name's bytes */
};

struct bk_kv_index {
	struct bk_kv_index_node *head[BK_KV_INDEX_LEVELS];
	uint64_t random; /* for node heights only */
	size_t count;
};

void bk_kv_index_init(struct bk_kv_index *x);
void bk_kv_index_done(struct bk_kv_index *x);

struct bk_kv_index_node *bk_kv_index_node_new(struct bk_kv_index *x, const void *name, size_t name_len);
void bk_kv_index_node_free(struct bk_kv_index_node *node);

/* The name is not in the list yet. */
void bk_kv_index_link(struct bk_kv_index *x, struct bk_kv_index_node *node);
/* NULL when absent. */
struct bk_kv_index_node *bk_kv_index_unlink(struct bk_kv_index *x, const void *name, size_t name_len);
bool bk_kv_index_has(const struct bk_kv_index *x, const void *name, size_t name_len);

/* First name >= the given one; NULL at the end. */
const struct bk_kv_index_node *bk_kv_index_seek(const struct bk_kv_index *x, const void *name, size_t name_len);
const struct bk_kv_index_node *bk_kv_index_next(const struct bk_kv_index_node *node);

#endif
