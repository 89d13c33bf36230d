/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "kv_index.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

void bk_kv_index_init(struct bk_kv_index *x)
{
	memset(x, 0, sizeof *x);
	x->random = 0x9e3779b97f4a7c15u;
}

void bk_kv_index_done(struct bk_kv_index *x)
{
	struct bk_kv_index_node *node = x->head[0];

	while (node) {
		struct bk_kv_index_node *next = node->next[0];

		bk_kv_index_node_free(node);
		node = next;
	}
	memset(x, 0, sizeof *x);
}

/* One level more with chance 1/4 each (xorshift64). */
static unsigned choose_levels(struct bk_kv_index *x)
{
	unsigned levels = 1;
	uint64_t r = x->random;

	r ^= r << 13;
	r ^= r >> 7;
	r ^= r << 17;
	x->random = r;
	for (; levels < BK_KV_INDEX_LEVELS && (r & 3) == 0; r >>= 2)
		levels++;
	return levels;
}

struct bk_kv_index_node *bk_kv_index_node_new(struct bk_kv_index *x, const void *name, size_t name_len)
{
	unsigned levels = choose_levels(x);
	size_t head = sizeof(struct bk_kv_index_node) + levels * sizeof(struct bk_kv_index_node *);
	struct bk_kv_index_node *node = calloc(1, head + name_len);
	uint8_t *bytes;

	if (!node)
		return NULL;
	bytes = (uint8_t *)node + head;
	memcpy(bytes, name, name_len);
	node->name = bytes;
	node->name_len = name_len;
	node->levels = levels;
	return node;
}

void bk_kv_index_node_free(struct bk_kv_index_node *node)
{
	size_t head;

	if (!node)
		return;
	head = sizeof *node + node->levels * sizeof node->next[0];
	sodium_memzero((uint8_t *)node + head, node->name_len);
	free(node);
}

static int compare(const struct bk_kv_index_node *node, const void *name, size_t name_len)
{
	size_t n = node->name_len < name_len ? node->name_len : name_len;
	int order = memcmp(node->name, name, n);

	if (order)
		return order;
	return node->name_len < name_len ? -1 : node->name_len > name_len;
}

/* For each level the place whose arrow leads to the first node >= name. */
static void seek_all(struct bk_kv_index *x, const void *name, size_t name_len,
	struct bk_kv_index_node **ret_place[static BK_KV_INDEX_LEVELS])
{
	struct bk_kv_index_node **arrows = x->head;

	for (unsigned level = BK_KV_INDEX_LEVELS; level-- > 0;) {
		while (arrows[level] && compare(arrows[level], name, name_len) < 0)
			arrows = arrows[level]->next;
		ret_place[level] = &arrows[level];
	}
}

void bk_kv_index_link(struct bk_kv_index *x, struct bk_kv_index_node *node)
{
	struct bk_kv_index_node **place[BK_KV_INDEX_LEVELS];

	seek_all(x, node->name, node->name_len, place);
	for (unsigned level = 0; level < node->levels; level++) {
		node->next[level] = *place[level];
		*place[level] = node;
	}
	x->count++;
}

struct bk_kv_index_node *bk_kv_index_unlink(struct bk_kv_index *x, const void *name, size_t name_len)
{
	struct bk_kv_index_node **place[BK_KV_INDEX_LEVELS];
	struct bk_kv_index_node *node;

	seek_all(x, name, name_len, place);
	node = *place[0];
	if (!node || compare(node, name, name_len) != 0)
		return NULL;
	for (unsigned level = 0; level < node->levels; level++)
		*place[level] = node->next[level];
	x->count--;
	return node;
}

const struct bk_kv_index_node *bk_kv_index_seek(const struct bk_kv_index *x, const void *name, size_t name_len)
{
	struct bk_kv_index_node *const *arrows = x->head;

	for (unsigned level = BK_KV_INDEX_LEVELS; level-- > 0;)
		while (arrows[level] && compare(arrows[level], name, name_len) < 0)
			arrows = arrows[level]->next;
	return arrows[0];
}

bool bk_kv_index_has(const struct bk_kv_index *x, const void *name, size_t name_len)
{
	const struct bk_kv_index_node *node = bk_kv_index_seek(x, name, name_len);

	return node && compare(node, name, name_len) == 0;
}

const struct bk_kv_index_node *bk_kv_index_next(const struct bk_kv_index_node *node)
{
	return node->next[0];
}
