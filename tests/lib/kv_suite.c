/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "kv_suite.h"

#include <stdio.h>
#include <stdlib.h>

#include "err.h"

#define MODEL_KEYS 40u
#define MODEL_STEPS 3000u

static int put_text(struct bk_kv *kv, const char *key, const char *value)
{
	return bk_kv_put(kv, key, strlen(key), value, strlen(value));
}

static int del_text(struct bk_kv *kv, const char *key)
{
	return bk_kv_del(kv, key, strlen(key));
}

void bk_kv_suite_put(struct bk_kv *kv, const char *key, const char *value)
{
	assert_int_equal(bk_kv_begin(kv), 0);
	assert_int_equal(put_text(kv, key, value), 0);
	assert_int_equal(bk_kv_commit(kv, NULL), 0);
}

void bk_kv_suite_expect(struct bk_kv *kv, const char *key, const char *value)
{
	uint8_t *got = NULL;
	size_t len = 0;
	int err = bk_kv_get(kv, key, strlen(key), &got, &len);

	if (!value) {
		assert_int_equal(err, BK_E_NOT_FOUND);
		return;
	}
	assert_int_equal(err, 0);
	assert_int_equal(len, strlen(value));
	assert_memory_equal(got, value, len);
	free(got);
}

static int count_visit(void *arg, const void *key, size_t key_len, const void *value, size_t len)
{
	(void)key, (void)key_len, (void)value, (void)len;
	++*(size_t *)arg;
	return 0;
}

size_t bk_kv_suite_count(struct bk_kv *kv, const char *prefix)
{
	size_t count = 0;

	assert_int_equal(bk_kv_each(kv, prefix, strlen(prefix), count_visit, &count), 0);
	return count;
}

void bk_kv_suite_absent(void **state)
{
	bk_kv_suite_expect(*state, "nothing", NULL);
	assert_int_equal(bk_kv_suite_count(*state, ""), 0);
}

/* Lengths around every size class, zero and one included. */
void bk_kv_suite_round_trip(void **state)
{
	static const size_t lens[] = {0, 1, 255, 256, 257, 1024, 1025, 4096, 4097, 16384, 16385, 65536, 65537,
		131073, 1u << 20};
	struct bk_kv *kv = *state;
	uint8_t *value = malloc((1u << 20) + 1);
	char key[32];

	assert_non_null(value);
	for (size_t i = 0; i < (1u << 20); i++)
		value[i] = (uint8_t)(i * 7 + i / 251);
	assert_int_equal(bk_kv_begin(kv), 0);
	for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
		snprintf(key, sizeof key, "len/%zu", lens[i]);
		assert_int_equal(bk_kv_put(kv, key, strlen(key), value, lens[i]), 0);
	}
	assert_int_equal(bk_kv_commit(kv, NULL), 0);
	for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
		uint8_t *got = NULL;
		size_t len = 0;

		snprintf(key, sizeof key, "len/%zu", lens[i]);
		assert_int_equal(bk_kv_get(kv, key, strlen(key), &got, &len), 0);
		assert_int_equal(len, lens[i]);
		assert_non_null(got);
		assert_memory_equal(got, value, len);
		free(got);
	}
	free(value);
}

void bk_kv_suite_own_writes(void **state)
{
	struct bk_kv *kv = *state;

	bk_kv_suite_put(kv, "a", "old");
	assert_int_equal(bk_kv_begin(kv), 0);
	assert_int_equal(put_text(kv, "a", "new"), 0);
	assert_int_equal(put_text(kv, "b", "two"), 0);
	bk_kv_suite_expect(kv, "a", "new");
	bk_kv_suite_expect(kv, "b", "two");
	assert_int_equal(bk_kv_suite_count(kv, ""), 2);
	assert_int_equal(del_text(kv, "a"), 0);
	bk_kv_suite_expect(kv, "a", NULL);
	assert_int_equal(bk_kv_suite_count(kv, ""), 1);
	assert_int_equal(bk_kv_commit(kv, NULL), 0);
	bk_kv_suite_expect(kv, "a", NULL);
	bk_kv_suite_expect(kv, "b", "two");
}

void bk_kv_suite_abort(void **state)
{
	struct bk_kv *kv = *state;

	bk_kv_suite_put(kv, "keep", "this");
	bk_kv_suite_put(kv, "also", "that");
	assert_int_equal(bk_kv_begin(kv), 0);
	assert_int_equal(put_text(kv, "keep", "changed"), 0);
	assert_int_equal(put_text(kv, "more", "new"), 0);
	assert_int_equal(del_text(kv, "also"), 0);
	bk_kv_abort(kv);
	bk_kv_suite_expect(kv, "keep", "this");
	bk_kv_suite_expect(kv, "also", "that");
	bk_kv_suite_expect(kv, "more", NULL);
	assert_int_equal(bk_kv_suite_count(kv, ""), 2);
	bk_kv_abort(kv);
	assert_int_equal(bk_kv_suite_count(kv, ""), 2);
}

void bk_kv_suite_overwrite(void **state)
{
	struct bk_kv *kv = *state;

	bk_kv_suite_put(kv, "a", "a rather long first value");
	bk_kv_suite_put(kv, "a", "short");
	bk_kv_suite_expect(kv, "a", "short");
	bk_kv_suite_put(kv, "a", "");
	bk_kv_suite_expect(kv, "a", "");
	assert_int_equal(bk_kv_suite_count(kv, ""), 1);
}

void bk_kv_suite_delete(void **state)
{
	struct bk_kv *kv = *state;

	bk_kv_suite_put(kv, "a", "1");
	assert_int_equal(bk_kv_begin(kv), 0);
	assert_int_equal(del_text(kv, "a"), 0);
	assert_int_equal(del_text(kv, "a"), 0);
	assert_int_equal(del_text(kv, "never"), 0);
	assert_int_equal(bk_kv_commit(kv, NULL), 0);
	bk_kv_suite_expect(kv, "a", NULL);
	assert_int_equal(bk_kv_suite_count(kv, ""), 0);
}

void bk_kv_suite_delete_and_add(void **state)
{
	struct bk_kv *kv = *state;

	bk_kv_suite_put(kv, "a", "first");
	assert_int_equal(bk_kv_begin(kv), 0);
	assert_int_equal(del_text(kv, "a"), 0);
	assert_int_equal(put_text(kv, "a", "second"), 0);
	assert_int_equal(del_text(kv, "a"), 0);
	assert_int_equal(put_text(kv, "a", "third"), 0);
	bk_kv_abort(kv);
	bk_kv_suite_expect(kv, "a", "first");
	assert_int_equal(bk_kv_suite_count(kv, "a"), 1);
	assert_int_equal(bk_kv_begin(kv), 0);
	assert_int_equal(del_text(kv, "a"), 0);
	assert_int_equal(put_text(kv, "a", "second"), 0);
	assert_int_equal(bk_kv_commit(kv, NULL), 0);
	bk_kv_suite_expect(kv, "a", "second");
	assert_int_equal(bk_kv_suite_count(kv, "a"), 1);
}

void bk_kv_suite_states(void **state)
{
	struct bk_kv *kv = *state;
	uint64_t seq = 0;

	bk_kv_abort(kv);
	assert_int_equal(bk_kv_commit(kv, &seq), BK_E_STATE);
	assert_int_equal(put_text(kv, "a", "1"), BK_E_STATE);
	assert_int_equal(del_text(kv, "a"), BK_E_STATE);
	assert_int_equal(bk_kv_begin(kv), 0);
	assert_int_equal(bk_kv_begin(kv), BK_E_STATE);
	assert_int_equal(put_text(kv, "a", "1"), 0);
	assert_int_equal(bk_kv_commit(kv, &seq), 0);
	assert_int_equal(bk_kv_commit(kv, &seq), BK_E_STATE);
	bk_kv_suite_expect(kv, "a", "1");
}

void bk_kv_suite_bounds(void **state)
{
	struct bk_kv *kv = *state;
	uint8_t *big = calloc(1, BK_KV_VALUE_MAX + 1);
	char key[BK_KV_KEY_MAX + 1];
	uint8_t *got = NULL;
	size_t len = 0;

	assert_non_null(big);
	memset(key, 'k', sizeof key);
	assert_int_equal(bk_kv_begin(kv), 0);
	assert_int_equal(bk_kv_put(kv, key, 0, "v", 1), BK_E_INVAL);
	assert_int_equal(bk_kv_put(kv, key, BK_KV_KEY_MAX + 1, "v", 1), BK_E_INVAL);
	assert_int_equal(bk_kv_put(kv, key, BK_KV_KEY_MAX - 1, "v", 1), 0);
	assert_int_equal(bk_kv_put(kv, key, BK_KV_KEY_MAX, "w", 1), 0);
	assert_int_equal(bk_kv_put(kv, "big", 3, big, BK_KV_VALUE_MAX + 1), BK_E_TOO_BIG);
	assert_int_equal(bk_kv_put(kv, "big", 3, big, BK_KV_VALUE_MAX), 0);
	assert_int_equal(bk_kv_commit(kv, NULL), 0);
	assert_int_equal(bk_kv_get(kv, key, 0, &got, &len), BK_E_INVAL);
	assert_int_equal(bk_kv_get(kv, key, BK_KV_KEY_MAX + 1, &got, &len), BK_E_INVAL);
	assert_int_equal(bk_kv_get(kv, key, BK_KV_KEY_MAX, &got, &len), 0);
	assert_int_equal(got[0], 'w');
	free(got);
	assert_int_equal(bk_kv_get(kv, "big", 3, &got, &len), 0);
	assert_int_equal(len, BK_KV_VALUE_MAX);
	free(got);
	free(big);
}

struct order {
	uint8_t last[BK_KV_KEY_MAX];
	size_t last_len, count;
};

static int order_visit(void *arg, const void *key, size_t key_len, const void *value, size_t len)
{
	struct order *o = arg;
	size_t n = key_len < o->last_len ? key_len : o->last_len;
	int order = memcmp(o->last, key, n);

	assert_true(!o->count || order < 0 || (order == 0 && o->last_len < key_len));
	assert_int_equal(len, key_len);
	assert_memory_equal(value, key, len);
	memcpy(o->last, key, key_len);
	o->last_len = key_len;
	o->count++;
	return 0;
}

/* Names of all bytes, zero and 255 included, each its own value. */
void bk_kv_suite_order(void **state)
{
	struct bk_kv *kv = *state;
	struct order order = {.count = 0};
	uint8_t key[3];

	assert_int_equal(bk_kv_begin(kv), 0);
	for (unsigned i = 0; i < 256; i++) {
		key[0] = (uint8_t)(i * 167);
		key[1] = (uint8_t)(i * 31);
		key[2] = 0;
		assert_int_equal(bk_kv_put(kv, key, 1 + i % 3, key, 1 + i % 3), 0);
	}
	assert_int_equal(bk_kv_each(kv, "", 0, order_visit, &order), 0);
	assert_int_equal(order.count, 256);
	assert_int_equal(bk_kv_commit(kv, NULL), 0);
	order = (struct order){.count = 0};
	assert_int_equal(bk_kv_each(kv, NULL, 0, order_visit, &order), 0);
	assert_int_equal(order.count, 256);
}

void bk_kv_suite_prefixes(void **state)
{
	static const char *const keys[] = {"a", "a/", "a/1", "a/1/x", "a/2", "ab", "b/1", "b/\xff", "c"};
	struct bk_kv *kv = *state;

	assert_int_equal(bk_kv_begin(kv), 0);
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
		assert_int_equal(put_text(kv, keys[i], keys[i]), 0);
	assert_int_equal(bk_kv_commit(kv, NULL), 0);
	assert_int_equal(bk_kv_suite_count(kv, ""), 9);
	assert_int_equal(bk_kv_suite_count(kv, "a"), 6);
	assert_int_equal(bk_kv_suite_count(kv, "a/"), 4);
	assert_int_equal(bk_kv_suite_count(kv, "a/1"), 2);
	assert_int_equal(bk_kv_suite_count(kv, "a/3"), 0);
	assert_int_equal(bk_kv_suite_count(kv, "b/"), 2);
	assert_int_equal(bk_kv_suite_count(kv, "b/\xff"), 1);
	assert_int_equal(bk_kv_suite_count(kv, "zzz"), 0);
}

static int stop_visit(void *arg, const void *key, size_t key_len, const void *value, size_t len)
{
	(void)key, (void)key_len, (void)value, (void)len;
	return ++*(int *)arg == 2 ? 77 : 0;
}

void bk_kv_suite_stop(void **state)
{
	struct bk_kv *kv = *state;
	int seen = 0;

	bk_kv_suite_put(kv, "a", "1");
	bk_kv_suite_put(kv, "b", "2");
	bk_kv_suite_put(kv, "c", "3");
	assert_int_equal(bk_kv_each(kv, "", 0, stop_visit, &seen), 77);
	assert_int_equal(seen, 2);
	bk_kv_suite_put(kv, "d", "4");
}

static int nested_visit(void *arg, const void *key, size_t key_len, const void *value, size_t len)
{
	struct bk_kv *kv = arg;
	uint8_t *got = NULL;
	size_t got_len = 0;

	assert_int_equal(bk_kv_get(kv, key, key_len, &got, &got_len), 0);
	assert_int_equal(got_len, len);
	assert_memory_equal(got, value, len);
	free(got);
	assert_int_equal(bk_kv_suite_count(kv, "n/"), 20);
	return 0;
}

void bk_kv_suite_nested_reads(void **state)
{
	struct bk_kv *kv = *state;
	char key[16];

	assert_int_equal(bk_kv_begin(kv), 0);
	for (int i = 0; i < 20; i++) {
		snprintf(key, sizeof key, "n/%d", i);
		assert_int_equal(put_text(kv, key, key), 0);
	}
	assert_int_equal(bk_kv_each(kv, "n/", 2, nested_visit, kv), 0);
	assert_int_equal(bk_kv_commit(kv, NULL), 0);
	assert_int_equal(bk_kv_each(kv, "n/", 2, nested_visit, kv), 0);
}

void bk_kv_suite_sequence(void **state)
{
	struct bk_kv *kv = *state;
	uint64_t last = bk_kv_durable(kv);

	for (int i = 0; i < 5; i++) {
		uint64_t seq = 0;

		assert_int_equal(bk_kv_begin(kv), 0);
		assert_int_equal(put_text(kv, "a", "x"), 0);
		assert_int_equal(bk_kv_commit(kv, &seq), 0);
		assert_true(seq > last);
		assert_true(bk_kv_durable(kv) >= seq);
		last = seq;
	}
}

/* ---- thousands of random steps against a table of which nothing can go wrong ---- */

struct model {
	int now[MODEL_KEYS], committed[MODEL_KEYS]; /* -1 absent */
	bool open;
};

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

static void model_key(unsigned i, char out[static 16])
{
	snprintf(out, 16, "%c/%u", 'a' + (int)(i % 4), i);
}

static void model_write(struct bk_kv *kv, struct model *m, uint32_t r)
{
	unsigned i = r % MODEL_KEYS;
	char key[16], value[16];

	model_key(i, key);
	if (r / MODEL_KEYS % 3 == 0) {
		assert_int_equal(del_text(kv, key), 0);
		m->now[i] = -1;
		return;
	}
	m->now[i] = (int)(r % 100000);
	snprintf(value, sizeof value, "%d", m->now[i]);
	assert_int_equal(put_text(kv, key, value), 0);
}

static void model_check(struct bk_kv *kv, const struct model *m)
{
	size_t count = 0;
	char key[16], value[16];

	for (unsigned i = 0; i < MODEL_KEYS; i++) {
		model_key(i, key);
		snprintf(value, sizeof value, "%d", m->now[i]);
		bk_kv_suite_expect(kv, key, m->now[i] < 0 ? NULL : value);
		count += m->now[i] >= 0 && i % 4 == 0;
	}
	assert_int_equal(bk_kv_suite_count(kv, "a/"), count);
}

static void model_step(struct bk_kv *kv, struct model *m, uint32_t r)
{
	if (!m->open) {
		assert_int_equal(bk_kv_begin(kv), 0);
		m->open = true;
	} else if (r % 16 < 12) {
		model_write(kv, m, r / 16);
	} else if (r % 16 < 14) {
		assert_int_equal(bk_kv_commit(kv, NULL), 0);
		memcpy(m->committed, m->now, sizeof m->now);
		m->open = false;
	} else {
		bk_kv_abort(kv);
		memcpy(m->now, m->committed, sizeof m->now);
		m->open = false;
	}
}

void bk_kv_suite_model(void **state)
{
	struct model m = {.open = false};
	uint32_t seed = 20261123;

	memset(m.now, 0xff, sizeof m.now);
	memset(m.committed, 0xff, sizeof m.committed);
	for (unsigned i = 0; i < MODEL_STEPS; i++) {
		model_step(*state, &m, next_random(&seed));
		if (i % 50 == 0)
			model_check(*state, &m);
	}
	bk_kv_abort(*state);
}

/* ---- blobs ---- */

static const bk_id blob = {{1, 2, 3}};
static const bk_id other = {{9, 9, 9}};

void bk_blobs_suite_append(void **state)
{
	struct bk_blobs *b = *state;
	uint8_t got[16];
	uint64_t size = 0;
	size_t len = 0;

	assert_int_equal(b->ops->append(b, blob, "first ", 6), 0);
	assert_int_equal(b->ops->append(b, blob, "", 0), 0);
	assert_int_equal(b->ops->append(b, blob, "second", 6), 0);
	assert_int_equal(b->ops->sync(b, blob), 0);
	assert_int_equal(b->ops->size(b, blob, &size), 0);
	assert_int_equal(size, 12);
	assert_int_equal(b->ops->read(b, blob, 0, got, sizeof got, &len), 0);
	assert_int_equal(len, 12);
	assert_memory_equal(got, "first second", 12);
}

void bk_blobs_suite_read(void **state)
{
	struct bk_blobs *b = *state;
	uint8_t got[4];
	size_t len = 0;

	assert_int_equal(b->ops->append(b, blob, "0123456789", 10), 0);
	assert_int_equal(b->ops->read(b, blob, 3, got, 4, &len), 0);
	assert_int_equal(len, 4);
	assert_memory_equal(got, "3456", 4);
	assert_int_equal(b->ops->read(b, blob, 8, got, 4, &len), 0);
	assert_int_equal(len, 2);
	assert_int_equal(b->ops->read(b, blob, 10, got, 4, &len), 0);
	assert_int_equal(len, 0);
	assert_int_equal(b->ops->read(b, blob, UINT64_MAX, got, 4, &len), 0);
	assert_int_equal(len, 0);
}

void bk_blobs_suite_absent(void **state)
{
	struct bk_blobs *b = *state;
	uint8_t got[4];
	uint64_t size = 0;
	size_t len = 0;

	assert_int_equal(b->ops->size(b, blob, &size), BK_E_NOT_FOUND);
	assert_int_equal(b->ops->read(b, blob, 0, got, 4, &len), BK_E_NOT_FOUND);
	assert_int_equal(b->ops->sync(b, blob), BK_E_NOT_FOUND);
	assert_int_equal(b->ops->remove(b, blob), 0);
}

struct remover {
	struct bk_blobs *blobs;
	unsigned seen;
};

static int remove_visit(void *arg, bk_id id)
{
	struct remover *r = arg;

	r->seen++;
	return r->blobs->ops->remove(r->blobs, id);
}

static int refuse_visit(void *arg, bk_id id)
{
	(void)arg, (void)id;
	return 55;
}

void bk_blobs_suite_remove_in_each(void **state)
{
	struct bk_blobs *b = *state;
	struct remover r = {.blobs = b};

	assert_int_equal(b->ops->append(b, blob, "x", 1), 0);
	assert_int_equal(b->ops->append(b, other, "y", 1), 0);
	assert_int_equal(b->ops->each(b, refuse_visit, NULL), 55);
	assert_int_equal(b->ops->each(b, remove_visit, &r), 0);
	assert_int_equal(r.seen, 2);
	r.seen = 0;
	assert_int_equal(b->ops->each(b, remove_visit, &r), 0);
	assert_int_equal(r.seen, 0);
}
