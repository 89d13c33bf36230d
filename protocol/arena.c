/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES (16u * 1024u)

struct block {
	struct block *next;
	size_t used, size;
	_Alignas(16) uint8_t data[];
};

struct bk_arena {
	ProtobufCAllocator allocator;
	struct block *head; /* newest first; after a reset one block that fits what was needed before */
	size_t total;
	bool starved;
};

static void *arena_alloc(void *data, size_t size)
{
	return bk_arena_alloc(data, size);
}

static void arena_free(void *data, void *p)
{
	(void)data; /* all at once, at reset */
	(void)p;
}

struct bk_arena *bk_arena_new(void)
{
	struct bk_arena *a = calloc(1, sizeof *a);

	if (a) {
		a->allocator.alloc = arena_alloc;
		a->allocator.free = arena_free;
		a->allocator.allocator_data = a;
	}
	return a;
}

ProtobufCAllocator *bk_arena_allocator(struct bk_arena *a)
{
	return &a->allocator;
}

void *bk_arena_alloc(struct bk_arena *a, size_t len)
{
	size_t need = (len + 15) & ~(size_t)15;
	struct block *b = a->head;

	if (len > BK_ARENA_MAX)
		return NULL;
	if (!b || b->size - b->used < need) {
		size_t size = need > BLOCK_BYTES ? need : BLOCK_BYTES;

		if (a->total + size > BK_ARENA_MAX)
			return NULL;
		b = malloc(sizeof *b + size);
		if (!b) {
			a->starved = true;
			return NULL;
		}
		b->size = size;
		b->used = 0;
		b->next = a->head;
		a->head = b;
		a->total += size;
	}
	b->used += need;
	return memset(b->data + b->used - need, 0, need);
}

static void free_blocks(struct block *b)
{
	while (b) {
		struct block *next = b->next;

		free(b);
		b = next;
	}
}

bool bk_arena_starved(const struct bk_arena *a)
{
	return a->starved;
}

void bk_arena_reset(struct bk_arena *a)
{
	a->starved = false;
	if (!a->head)
		return;
	free_blocks(a->head->next);
	a->head->next = NULL;
	a->head->used = 0;
	a->total = a->head->size;
}

void bk_arena_free(struct bk_arena *a)
{
	if (!a)
		return;
	free_blocks(a->head);
	free(a);
}
