/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The core's view of its key-value store: begins a transaction at the first write of a turn, remembers the
 * first failure of any call (libsignal's included, which goes through `base` too), and offers keys and JSON
 * rows. A turn that saw a failure is never committed.
 *
 * Threads: one owner. Memory: values returned are malloc'd. Secrets: rows are wiped by bk_rows_free.
 */
#ifndef BK_DB_H
#define BK_DB_H

#include <jansson.h>
#include "kv.h"

struct bk_db {
	struct bk_kv base; /* given to whoever wants a struct bk_kv */
	struct bk_kv *real;
	bool begun;
	int err;      /* first failure since open */
	uint64_t seq; /* of the last commit */
};

void bk_db_init(struct bk_db *db, struct bk_kv *real);
/* Nothing written: 0 without a commit. */
int bk_db_commit(struct bk_db *db);
void bk_db_abort(struct bk_db *db);
/* A broken allocation or store outside a kv call: the turn must not be committed. */
void bk_db_fail(struct bk_db *db, int err);

struct bk_key {
	uint8_t b[BK_KV_KEY_MAX];
	size_t len;
};
struct bk_key bk_key(const char *prefix);
struct bk_key bk_key_id(const char *prefix, bk_id id);
struct bk_key bk_key_pair(const char *prefix, bk_id a, bk_id b);
void bk_key_add(struct bk_key *k, const void *data, size_t len);
void bk_key_add_u64(struct bk_key *k, uint64_t v); /* big endian: sorts as a number */
uint64_t bk_u64_read(const uint8_t *p);
void bk_u64_write(uint8_t *p, uint64_t v);

int bk_db_put(struct bk_db *db, struct bk_key k, const void *value, size_t len);
int bk_db_get(struct bk_db *db, struct bk_key k, uint8_t **ret_value, size_t *ret_len);
/* Exactly len bytes into out; BK_E_NOT_FOUND, BK_E_CORRUPT. */
int bk_db_read(struct bk_db *db, struct bk_key k, void *out, size_t len);
bool bk_db_has(struct bk_db *db, struct bk_key k);
int bk_db_del(struct bk_db *db, struct bk_key k);
int bk_db_put_json(struct bk_db *db, struct bk_key k, const json_t *value);
/* NULL when absent. */
json_t *bk_db_get_json(struct bk_db *db, struct bk_key k);

struct bk_row {
	uint8_t *key; /* whole key */
	size_t key_len;
	uint8_t *value;
	size_t len;
};
struct bk_rows {
	struct bk_row *v;
	size_t n;
	size_t room;
	size_t max;
	bool keys_only;
};
/* Up to max rows under a prefix, in key order (0: all). Collected first, so that they may be changed. */
int bk_db_rows(struct bk_db *db, struct bk_key prefix, size_t max, struct bk_rows *ret_rows);
int bk_db_keys(struct bk_db *db, struct bk_key prefix, size_t max, struct bk_rows *ret_rows);
void bk_rows_free(struct bk_rows *rows);
/* Deletes everything under a prefix. */
int bk_db_clear(struct bk_db *db, struct bk_key prefix);
/* The id at an offset of a key; zero when the key is shorter. */
bk_id bk_row_id(const struct bk_row *row, size_t offset);

#endif
