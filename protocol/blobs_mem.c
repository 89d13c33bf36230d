/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include "err.h"
#include "kv.h"

#define BLOBS_MAX 256u /* what a test or one browser session holds at once */

struct blob {
	bk_id id;
	bool used;
	uint8_t *data;
	size_t len, room;
};
struct mem {
	struct bk_blobs base;
	struct blob v[BLOBS_MAX];
};

static struct mem *mem_of(struct bk_blobs *b)
{
	return (struct mem *)(void *)b;
}

static struct blob *find(struct mem *m, bk_id id)
{
	for (size_t i = 0; i < BLOBS_MAX; i++)
		if (m->v[i].used && bk_id_equal(m->v[i].id, id))
			return &m->v[i];
	return NULL;
}

static struct blob *make(struct mem *m, bk_id id)
{
	for (size_t i = 0; i < BLOBS_MAX; i++)
		if (!m->v[i].used) {
			m->v[i] = (struct blob){.id = id, .used = true};
			return &m->v[i];
		}
	return NULL;
}

static int mem_append(struct bk_blobs *b, bk_id id, const void *data, size_t len)
{
	struct mem *m = mem_of(b);
	struct blob *x = find(m, id);

	if (!x)
		x = make(m, id);
	if (!x)
		return BK_E_FULL;
	if (x->room - x->len < len) {
		size_t room = (x->len + len) * 2;
		uint8_t *p = realloc(x->data, room);

		if (!p)
			return BK_E_NOMEM;
		x->data = p;
		x->room = room;
	}
	if (len)
		memcpy(x->data + x->len, data, len);
	x->len += len;
	return 0;
}

static int mem_sync(struct bk_blobs *b, bk_id id)
{
	return find(mem_of(b), id) ? 0 : BK_E_NOT_FOUND;
}

static int mem_size(struct bk_blobs *b, bk_id id, uint64_t *ret_size)
{
	const struct blob *x = find(mem_of(b), id);

	if (!x)
		return BK_E_NOT_FOUND;
	*ret_size = x->len;
	return 0;
}

static int mem_read(struct bk_blobs *b, bk_id id, uint64_t offset, void *out, size_t len, size_t *ret_len)
{
	const struct blob *x = find(mem_of(b), id);
	size_t n;

	if (!x)
		return BK_E_NOT_FOUND;
	n = offset >= x->len ? 0 : x->len - (size_t)offset;
	if (n > len)
		n = len;
	if (n)
		memcpy(out, x->data + offset, n);
	*ret_len = n;
	return 0;
}

static int mem_remove(struct bk_blobs *b, bk_id id)
{
	struct blob *x = find(mem_of(b), id);

	if (x) {
		free(x->data);
		*x = (struct blob){0};
	}
	return 0;
}

static int mem_each(struct bk_blobs *b, int (*visit)(void *arg, bk_id id), void *arg)
{
	struct mem *m = mem_of(b);
	int err = 0;

	for (size_t i = 0; !err && i < BLOBS_MAX; i++)
		if (m->v[i].used)
			err = visit(arg, m->v[i].id);
	return err;
}

static const struct bk_blobs_ops mem_ops = {
	.append = mem_append,
	.sync = mem_sync,
	.size = mem_size,
	.read = mem_read,
	.remove = mem_remove,
	.each = mem_each,
};

struct bk_blobs *bk_blobs_mem_new(void)
{
	struct mem *m = calloc(1, sizeof *m);

	if (!m)
		return NULL;
	m->base.ops = &mem_ops;
	return &m->base;
}

void bk_blobs_mem_free(struct bk_blobs *b)
{
	struct mem *m = b ? mem_of(b) : NULL;

	for (size_t i = 0; m && i < BLOBS_MAX; i++)
		free(m->v[i].data);
	free(m);
}
