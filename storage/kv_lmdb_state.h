/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The inside of the sealed store, shared by kv_lmdb.c (transactions, reading, writing) and kv_lmdb_open.c
 * (making, opening, destroying). Nobody else includes it.
 */
#ifndef BK_KV_LMDB_STATE_H
#define BK_KV_LMDB_STATE_H

#include <lmdb.h>

#include "kv_index.h"
#include "kv_lmdb.h"
#include "kv_record.h"

enum bk_kv_lmdb_change { BK_KV_LMDB_ADDED, BK_KV_LMDB_REMOVED, BK_KV_LMDB_REPAIRED };
struct bk_kv_lmdb_undo {
	enum bk_kv_lmdb_change kind;
	struct bk_kv_index_node *node; /* REMOVED: ours until the transaction ends */
};

struct bk_kv_lmdb {
	struct bk_kv base;
	char path[4000];
	int lock;
	bool second; /* opened with the second passphrase */
	void (*clock)(struct bk_backoff_clock *ret_now);
	MDB_env *env;
	MDB_dbi dbi;
	struct bk_kv_record_keys *keys;
	struct bk_kv_index index;
	size_t damaged;

	bool open;     /* between begin and commit or abort */
	int doomed;    /* what the open transaction failed with */
	MDB_txn *txn;  /* NULL when doomed */
	struct bk_kv_lmdb_undo *undo;
	size_t n_undo, undo_size;
	unsigned visiting;
	uint8_t *scratch;
	size_t scratch_size;

	uint64_t seq;
	uint64_t map_size, map_max; /* the first, the largest */
	bool grow; /* the last transaction did not fit */
	int dead;
};

extern const struct bk_kv_ops bk_kv_lmdb_ops;

/* After a failed commit, no transaction open: LMDB may refuse reads too until it is opened anew. Read only, then. */
void bk_kv_lmdb_reopen(struct bk_kv_lmdb *kv);

/* An LMDB or errno code as BK_E_*. */
int bk_kv_lmdb_error(int rc);
/* The record of a name of any length, 0 included; see kv_get. */
int bk_kv_lmdb_fetch(struct bk_kv_lmdb *kv, const void *key, size_t key_len, uint8_t **ret_value, size_t *ret_len);
/* In the open transaction, index untouched. */
int bk_kv_lmdb_store(struct bk_kv_lmdb *kv, const void *key, size_t key_len, const void *value, size_t len);

#endif
