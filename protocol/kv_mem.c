/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sodium.h>
#include <stdlib.h>

#include "err.h"
#include "kv.h"

struct entry {
	uint8_t *key;
	size_t key_len;
	uint8_t *value; /* NULL in the undo list: the key was absent */
	size_t len;
};
struct entries {
	struct entry *v;
	size_t n, room;
};
struct mem {
	struct bk_kv base;
	struct entries rows; /* by key */
	struct entries undo; /* what the open transaction replaced, oldest first */
	bool open, lagging;
	uint64_t seq, durable;
	long fail;
	int fail_err;
};

static struct mem *mem_of(struct bk_kv *kv)
{
	return (struct mem *)(void *)kv;
}

/* One countdown over all calls. */
static int fault(struct mem *m)
{
	if (m->fail < 0)
		return 0;
	return m->fail-- == 0 ? m->fail_err : 0;
}

static void entry_free(struct entry *e)
{
	if (e->value)
		sodium_memzero(e->value, e->len);
	free(e->value);
	free(e->key);
}

static int compare(const struct entry *e, const void *key, size_t len)
{
	size_t n = e->key_len < len ? e->key_len : len;
	int c = n ? memcmp(e->key, key, n) : 0;

	return c ? c : (e->key_len > len) - (e->key_len < len);
}

/* Index of the first entry that is not before the key. */
static size_t lower(const struct entries *t, const void *key, size_t len)
{
	size_t a = 0, b = t->n;

	while (a < b) {
		size_t mid = a + (b - a) / 2;

		if (compare(&t->v[mid], key, len) < 0)
			a = mid + 1;
		else
			b = mid;
	}
	return a;
}

static bool at(const struct entries *t, size_t i, const void *key, size_t len)
{
	return i < t->n && compare(&t->v[i], key, len) == 0;
}

static int reserve(struct entries *t)
{
	size_t room = t->room ? t->room * 2 : 64;
	struct entry *v;

	if (t->n < t->room)
		return 0;
	v = realloc(t->v, room * sizeof *v);
	if (!v)
		return BK_E_NOMEM;
	t->v = v;
	t->room = room;
	return 0;
}

static uint8_t *copy(const void *data, size_t len)
{
	uint8_t *p = malloc(len ? len : 1);

	if (p && len)
		memcpy(p, data, len);
	return p;
}

static void insert(struct entries *t, size_t i, struct entry e)
{
	memmove(&t->v[i + 1], &t->v[i], (t->n - i) * sizeof e);
	t->v[i] = e;
	t->n++;
}

static void take_out(struct entries *t, size_t i)
{
	t->n--;
	memmove(&t->v[i], &t->v[i + 1], (t->n - i) * sizeof t->v[i]);
}

static void undo_all(struct mem *m)
{
	while (m->undo.n) {
		struct entry u = m->undo.v[--m->undo.n];
		size_t i = lower(&m->rows, u.key, u.key_len);
		bool present = at(&m->rows, i, u.key, u.key_len);

		if (present) {
			entry_free(&m->rows.v[i]);
			take_out(&m->rows, i);
		}
		if (u.value)
			insert(&m->rows, i, u); /* room is there: this row was there before */
		else
			entry_free(&u);
	}
	m->open = false;
}

static int mem_begin(struct bk_kv *kv)
{
	struct mem *m = mem_of(kv);
	int err = fault(m);

	if (err)
		return err;
	if (m->open)
		return BK_E_STATE;
	m->open = true;
	return 0;
}

static void mem_abort(struct bk_kv *kv)
{
	undo_all(mem_of(kv));
}

static int mem_commit(struct bk_kv *kv, uint64_t *ret_seq)
{
	struct mem *m = mem_of(kv);
	int err = fault(m);

	if (!m->open)
		return BK_E_STATE;
	if (err) {
		undo_all(m);
		return err;
	}
	while (m->undo.n)
		entry_free(&m->undo.v[--m->undo.n]);
	m->open = false;
	m->seq++;
	if (!m->lagging)
		m->durable = m->seq;
	if (ret_seq)
		*ret_seq = m->seq;
	return 0;
}

static uint64_t mem_durable(struct bk_kv *kv)
{
	return mem_of(kv)->durable;
}

static bool key_ok(size_t len)
{
	return len > 0 && len <= BK_KV_KEY_MAX;
}

static int mem_get(struct bk_kv *kv, const void *key, size_t key_len, uint8_t **ret_value, size_t *ret_len)
{
	struct mem *m = mem_of(kv);
	size_t i = lower(&m->rows, key, key_len);
	uint8_t *p;
	int err = fault(m);

	if (err)
		return err;
	if (!key_ok(key_len))
		return BK_E_INVAL;
	if (!at(&m->rows, i, key, key_len))
		return BK_E_NOT_FOUND;
	p = copy(m->rows.v[i].value, m->rows.v[i].len);
	if (!p)
		return BK_E_NOMEM;
	*ret_value = p;
	*ret_len = m->rows.v[i].len;
	return 0;
}

/* Notes what the row was, so that an abort can bring it back; takes the old value when there is one. */
static int remember(struct mem *m, const void *key, size_t key_len, struct entry *old)
{
	struct entry u = {copy(key, key_len), key_len, old ? old->value : NULL, old ? old->len : 0};

	if (!u.key || reserve(&m->undo)) {
		free(u.key);
		return BK_E_NOMEM;
	}
	m->undo.v[m->undo.n++] = u;
	return 0;
}

static int mem_put(struct bk_kv *kv, const void *key, size_t key_len, const void *value, size_t len)
{
	struct mem *m = mem_of(kv);
	size_t i = lower(&m->rows, key, key_len);
	bool present = at(&m->rows, i, key, key_len);
	struct entry e = {NULL, key_len, NULL, len};
	int err = fault(m);

	if (err)
		return err;
	if (!m->open)
		return BK_E_STATE;
	if (!key_ok(key_len))
		return BK_E_INVAL;
	if (len > BK_KV_VALUE_MAX)
		return BK_E_TOO_BIG;
	e.value = copy(value, len);
	if (!present)
		e.key = copy(key, key_len);
	if (!e.value || (!present && !e.key) || reserve(&m->rows) ||
		remember(m, key, key_len, present ? &m->rows.v[i] : NULL)) {
		entry_free(&e);
		return BK_E_NOMEM;
	}
	if (present) {
		m->rows.v[i].value = e.value;
		m->rows.v[i].len = len;
	} else {
		insert(&m->rows, i, e);
	}
	return 0;
}

static int mem_del(struct bk_kv *kv, const void *key, size_t key_len)
{
	struct mem *m = mem_of(kv);
	size_t i = lower(&m->rows, key, key_len);
	int err = fault(m);

	if (err)
		return err;
	if (!m->open)
		return BK_E_STATE;
	if (!key_ok(key_len))
		return BK_E_INVAL;
	if (!at(&m->rows, i, key, key_len))
		return 0;
	if (remember(m, key, key_len, &m->rows.v[i]))
		return BK_E_NOMEM;
	free(m->rows.v[i].key);
	take_out(&m->rows, i);
	return 0;
}

static int mem_each(struct bk_kv *kv, const void *prefix, size_t prefix_len, bk_kv_visit visit, void *arg)
{
	struct mem *m = mem_of(kv);
	int err = fault(m);

	for (size_t i = lower(&m->rows, prefix, prefix_len); !err && i < m->rows.n; i++) {
		const struct entry *e = &m->rows.v[i];

		if (e->key_len < prefix_len || (prefix_len && memcmp(e->key, prefix, prefix_len) != 0))
			break;
		err = visit(arg, e->key, e->key_len, e->value, e->len);
	}
	return err;
}

static const struct bk_kv_ops mem_ops = {
	.begin = mem_begin,
	.commit = mem_commit,
	.abort = mem_abort,
	.durable = mem_durable,
	.get = mem_get,
	.put = mem_put,
	.del = mem_del,
	.each = mem_each,
};

struct bk_kv *bk_kv_mem_new(void)
{
	struct mem *m = calloc(1, sizeof *m);

	if (!m)
		return NULL;
	m->base.ops = &mem_ops;
	m->fail = -1;
	return &m->base;
}

void bk_kv_mem_free(struct bk_kv *kv)
{
	struct mem *m = kv ? mem_of(kv) : NULL;

	if (!m)
		return;
	undo_all(m);
	while (m->rows.n)
		entry_free(&m->rows.v[--m->rows.n]);
	free(m->rows.v);
	free(m->undo.v);
	free(m);
}

void bk_kv_mem_lag(struct bk_kv *kv, bool lagging)
{
	mem_of(kv)->lagging = lagging;
}

void bk_kv_mem_confirm(struct bk_kv *kv)
{
	mem_of(kv)->durable = mem_of(kv)->seq;
}

void bk_kv_mem_fail(struct bk_kv *kv, long n, int err)
{
	mem_of(kv)->fail = n;
	mem_of(kv)->fail_err = err;
}
