/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "db.h"

#include <sodium.h>
#include <stdlib.h>

#include "err.h"
#include "json.h"

static struct bk_db *owner(struct bk_kv *kv)
{
	return (struct bk_db *)(void *)kv; /* base is the first member */
}

static int watch(struct bk_db *db, int err)
{
	if (err < 0 && err != BK_E_NOT_FOUND)
		bk_db_fail(db, err);
	return err;
}

static int begin(struct bk_db *db)
{
	int err;

	if (db->err)
		return db->err;
	if (db->begun)
		return 0;
	err = watch(db, bk_kv_begin(db->real));
	db->begun = !err;
	return err;
}

static int op_begin(struct bk_kv *kv)
{
	return begin(owner(kv));
}

static int op_commit(struct bk_kv *kv, uint64_t *ret_seq)
{
	(void)ret_seq;
	return watch(owner(kv), BK_E_STATE); /* only the turn commits */
}

static void op_abort(struct bk_kv *kv)
{
	bk_db_fail(owner(kv), BK_E_STATE); /* only the turn aborts */
}

static uint64_t op_durable(struct bk_kv *kv)
{
	return bk_kv_durable(owner(kv)->real);
}

static int op_get(struct bk_kv *kv, const void *key, size_t key_len, uint8_t **ret_value, size_t *ret_len)
{
	struct bk_db *db = owner(kv);

	return watch(db, bk_kv_get(db->real, key, key_len, ret_value, ret_len));
}

static int op_put(struct bk_kv *kv, const void *key, size_t key_len, const void *value, size_t len)
{
	struct bk_db *db = owner(kv);
	int err = begin(db);

	return err ? err : watch(db, bk_kv_put(db->real, key, key_len, value, len));
}

static int op_del(struct bk_kv *kv, const void *key, size_t key_len)
{
	struct bk_db *db = owner(kv);
	int err = begin(db);

	return err ? err : watch(db, bk_kv_del(db->real, key, key_len));
}

static int op_each(struct bk_kv *kv, const void *prefix, size_t prefix_len, bk_kv_visit visit, void *arg)
{
	struct bk_db *db = owner(kv);

	return watch(db, bk_kv_each(db->real, prefix, prefix_len, visit, arg));
}

static const struct bk_kv_ops db_ops = {
	.begin = op_begin,
	.commit = op_commit,
	.abort = op_abort,
	.durable = op_durable,
	.get = op_get,
	.put = op_put,
	.del = op_del,
	.each = op_each,
};

void bk_db_init(struct bk_db *db, struct bk_kv *real)
{
	memset(db, 0, sizeof(*db));
	db->base.ops = &db_ops;
	db->real = real;
	db->seq = bk_kv_durable(real);
}

void bk_db_fail(struct bk_db *db, int err)
{
	if (!db->err)
		db->err = err;
}

int bk_db_commit(struct bk_db *db)
{
	uint64_t seq = 0;
	int err;

	if (db->err)
		return db->err;
	if (!db->begun)
		return 0;
	err = watch(db, bk_kv_commit(db->real, &seq));
	if (err)
		return err;
	db->begun = false;
	db->seq = seq;
	return 0;
}

void bk_db_abort(struct bk_db *db)
{
	bk_kv_abort(db->real);
	db->begun = false;
}

struct bk_key bk_key(const char *prefix)
{
	struct bk_key k = { .len = 0 };

	bk_key_add(&k, prefix, strlen(prefix));
	return k;
}

struct bk_key bk_key_id(const char *prefix, bk_id id)
{
	struct bk_key k = bk_key(prefix);

	bk_key_add(&k, id.b, sizeof(id.b));
	return k;
}

struct bk_key bk_key_pair(const char *prefix, bk_id a, bk_id b)
{
	struct bk_key k = bk_key_id(prefix, a);

	bk_key_add(&k, b.b, sizeof(b.b));
	return k;
}

void bk_key_add(struct bk_key *k, const void *data, size_t len)
{
	BK_ASSERT(len <= sizeof(k->b) - k->len);
	memcpy(k->b + k->len, data, len);
	k->len += len;
}

uint64_t bk_u64_read(const uint8_t *p)
{
	uint64_t v = 0;

	for (int i = 0; i < 8; i++)
		v = v << 8 | p[i];
	return v;
}

void bk_u64_write(uint8_t *p, uint64_t v)
{
	for (int i = 7; i >= 0; i--, v >>= 8)
		p[i] = (uint8_t)v;
}

void bk_key_add_u64(struct bk_key *k, uint64_t v)
{
	uint8_t be[8];

	bk_u64_write(be, v);
	bk_key_add(k, be, sizeof(be));
}

int bk_db_put(struct bk_db *db, struct bk_key k, const void *value, size_t len)
{
	return op_put(&db->base, k.b, k.len, value, len);
}

int bk_db_get(struct bk_db *db, struct bk_key k, uint8_t **ret_value, size_t *ret_len)
{
	return op_get(&db->base, k.b, k.len, ret_value, ret_len);
}

int bk_db_read(struct bk_db *db, struct bk_key k, void *out, size_t len)
{
	uint8_t *value = NULL;
	size_t got = 0;
	int err = bk_db_get(db, k, &value, &got);

	if (err)
		return err;
	if (got != len)
		err = watch(db, BK_E_CORRUPT);
	else
		memcpy(out, value, len);
	sodium_memzero(value, got);
	free(value);
	return err;
}

bool bk_db_has(struct bk_db *db, struct bk_key k)
{
	uint8_t *value = NULL;
	size_t len = 0;

	if (bk_db_get(db, k, &value, &len))
		return false;
	sodium_memzero(value, len);
	free(value);
	return true;
}

int bk_db_del(struct bk_db *db, struct bk_key k)
{
	return op_del(&db->base, k.b, k.len);
}

int bk_db_put_json(struct bk_db *db, struct bk_key k, const json_t *value)
{
	size_t len = 0;
	char *text = bk_json_print(value, &len);
	int err;

	if (!text)
		return watch(db, BK_E_NOMEM);
	err = bk_db_put(db, k, text, len);
	sodium_memzero(text, len);
	free(text);
	return err;
}

json_t *bk_db_get_json(struct bk_db *db, struct bk_key k)
{
	uint8_t *value = NULL;
	size_t len = 0;
	json_t *row = NULL;

	if (bk_db_get(db, k, &value, &len))
		return NULL;
	row = json_loadb((const char *)value, len, JSON_REJECT_DUPLICATES, NULL);
	sodium_memzero(value, len);
	free(value);
	if (!row)
		watch(db, BK_E_CORRUPT);
	return row;
}

static int row_copy(struct bk_row *row, const void *key, size_t key_len, const void *value, size_t len)
{
	row->key = malloc(key_len + 1);
	row->value = malloc(len + 1);
	if (!row->key || !row->value) {
		free(row->key);
		free(row->value);
		return BK_E_NOMEM;
	}
	memcpy(row->key, key, key_len);
	row->key_len = key_len;
	if (len)
		memcpy(row->value, value, len);
	row->value[len] = 0;
	row->len = len;
	return 0;
}

static int collect(void *arg, const void *key, size_t key_len, const void *value, size_t len)
{
	struct bk_rows *rows = arg;

	if (rows->max && rows->n == rows->max)
		return 1;
	if (rows->n == rows->room) {
		size_t room = rows->room ? rows->room * 2 : 16;
		struct bk_row *v = realloc(rows->v, room * sizeof(*v));

		if (!v)
			return BK_E_NOMEM;
		rows->v = v;
		rows->room = room;
	}
	if (row_copy(&rows->v[rows->n], key, key_len, value, rows->keys_only ? 0 : len))
		return BK_E_NOMEM;
	rows->n++;
	return 0;
}

static int list(struct bk_db *db, struct bk_key prefix, struct bk_rows *rows)
{
	int err = op_each(&db->base, prefix.b, prefix.len, collect, rows);

	if (err < 0)
		bk_rows_free(rows);
	return err < 0 ? err : 0;
}

int bk_db_rows(struct bk_db *db, struct bk_key prefix, size_t max, struct bk_rows *ret_rows)
{
	*ret_rows = (struct bk_rows){ .max = max };
	return list(db, prefix, ret_rows);
}

int bk_db_keys(struct bk_db *db, struct bk_key prefix, size_t max, struct bk_rows *ret_rows)
{
	*ret_rows = (struct bk_rows){ .max = max, .keys_only = true };
	return list(db, prefix, ret_rows);
}

void bk_rows_free(struct bk_rows *rows)
{
	for (size_t i = 0; i < rows->n; i++) {
		sodium_memzero(rows->v[i].value, rows->v[i].len);
		free(rows->v[i].value);
		free(rows->v[i].key);
	}
	free(rows->v);
	memset(rows, 0, sizeof(*rows));
}

int bk_db_clear(struct bk_db *db, struct bk_key prefix)
{
	struct bk_rows rows;
	int err = bk_db_keys(db, prefix, 0, &rows);

	if (err)
		return err;
	for (size_t i = 0; i < rows.n && !err; i++)
		err = op_del(&db->base, rows.v[i].key, rows.v[i].key_len);
	bk_rows_free(&rows);
	return err;
}

bk_id bk_row_id(const struct bk_row *row, size_t offset)
{
	bk_id id = { { 0 } };

	if (row->key_len >= offset + sizeof(id.b))
		memcpy(id.b, row->key + offset, sizeof(id.b));
	return id;
}
