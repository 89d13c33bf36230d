/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>

#include "atomic_file.h"
#include "err.h"
#include "kv_fault.h"
#include "kv_lmdb_state.h"

int bk_kv_lmdb_error(int rc)
{
	switch (rc) {
	case 0:
		return 0;
	case MDB_NOTFOUND:
		return BK_E_NOT_FOUND;
	case MDB_MAP_FULL:
	case MDB_TXN_FULL:
		return BK_E_FULL;
	case MDB_CORRUPTED:
	case MDB_PAGE_NOTFOUND:
	case MDB_INVALID:
	case MDB_BAD_VALSIZE:
		return BK_E_CORRUPT;
	case MDB_VERSION_MISMATCH:
		return BK_E_VERSION;
	default:
		return rc > 0 ? bk_atomic_file_error(rc) : BK_E_IO;
	}
}

static struct bk_kv_lmdb *from_base(struct bk_kv *kv)
{
	return (struct bk_kv_lmdb *)kv;
}

/* ---- transactions ---- */

/* Between transactions only: LMDB moves the map. Failing to grow is no error yet; the put that does not fit is. */
static void grow_map(struct bk_kv_lmdb *kv)
{
	MDB_envinfo info;
	MDB_stat stat;
	uint64_t size;
	uint64_t used;

	if (mdb_env_info(kv->env, &info) != 0 || mdb_env_stat(kv->env, &stat) != 0)
		return;
	used = ((uint64_t)info.me_last_pgno + 1) * stat.ms_psize;
	size = info.me_mapsize;
	if (kv->grow)
		size *= 2;
	while (size < used * 2)
		size *= 2;
	if (size > kv->map_max)
		size = kv->map_max;
	if (size <= info.me_mapsize || bk_kv_fault_at(BK_KV_FAULT_GROW) != 0)
		return;
	if (mdb_env_set_mapsize(kv->env, size) == 0)
		kv->grow = false;
}

static int kv_begin(struct bk_kv *base)
{
	struct bk_kv_lmdb *kv = from_base(base);
	int err;

	if (kv->dead)
		return kv->dead;
	if (kv->open || kv->visiting)
		return BK_E_STATE;
	grow_map(kv);
	err = bk_kv_lmdb_error(mdb_txn_begin(kv->env, NULL, 0, &kv->txn));
	if (err)
		return err;
	kv->open = true;
	kv->doomed = 0;
	return 0;
}

/* Newest first, so that a name added, removed and added again ends as it began. */
static void undo_index(struct bk_kv_lmdb *kv)
{
	while (kv->n_undo > 0) {
		struct bk_kv_lmdb_undo *u = &kv->undo[--kv->n_undo];

		if (u->kind == BK_KV_LMDB_ADDED) {
			bk_kv_index_unlink(&kv->index, u->node->name, u->node->name_len);
			bk_kv_index_node_free(u->node);
		} else if (u->kind == BK_KV_LMDB_REMOVED) {
			bk_kv_index_link(&kv->index, u->node);
		} else {
			kv->damaged++;
		}
	}
}

static void keep_index(struct bk_kv_lmdb *kv)
{
	while (kv->n_undo > 0) {
		struct bk_kv_lmdb_undo *u = &kv->undo[--kv->n_undo];

		if (u->kind == BK_KV_LMDB_REMOVED)
			bk_kv_index_node_free(u->node);
	}
}

/* The open transaction becomes as if it never was, but stays open so that its owner notices. */
static int doom(struct bk_kv_lmdb *kv, int err)
{
	if (kv->txn)
		mdb_txn_abort(kv->txn);
	kv->txn = NULL;
	undo_index(kv);
	kv->doomed = err;
	if (err == BK_E_FULL)
		kv->grow = true;
	return err;
}

static void kv_abort(struct bk_kv *base)
{
	struct bk_kv_lmdb *kv = from_base(base);

	BK_ASSERT(!kv->visiting);
	if (!kv->open)
		return;
	doom(kv, BK_E_CANCELLED);
	kv->open = false;
}

/* LMDB calls a short write EIO; a short write happens when the disk or the allowed file size ends there. */
static bool disk_is_full(const struct bk_kv_lmdb *kv)
{
	mdb_filehandle_t fd;

	return mdb_env_get_fd(kv->env, &fd) == 0 && bk_atomic_file_is_full(fd);
}

/* A failed write of the meta page needs no room: whatever the disk says, nothing may be written any more. */
static bool has_panicked(struct bk_kv_lmdb *kv)
{
	MDB_txn *probe = NULL;
	int rc = mdb_txn_begin(kv->env, NULL, MDB_RDONLY, &probe);

	if (!rc)
		mdb_txn_abort(probe);
	return rc == MDB_PANIC;
}

static int kv_commit(struct bk_kv *base, uint64_t *ret_seq)
{
	struct bk_kv_lmdb *kv = from_base(base);
	int err;

	if (!kv->open || kv->visiting)
		return BK_E_STATE;
	err = kv->doomed;
	if (!err) {
		err = bk_kv_fault_at(BK_KV_FAULT_COMMIT);
		if (!err) {
			err = bk_kv_lmdb_error(mdb_txn_commit(kv->txn));
			kv->txn = NULL;
		}
		if (err == BK_E_IO && !has_panicked(kv) && disk_is_full(kv))
			err = BK_E_FULL;
		if (err)
			doom(kv, err);
		if (err == BK_E_IO) {
			kv->dead = err;
			bk_kv_lmdb_reopen(kv);
		}
	}
	kv->open = false;
	if (err)
		return err;
	keep_index(kv);
	kv->seq++;
	if (ret_seq)
		*ret_seq = kv->seq;
	bk_kv_fault_at(BK_KV_FAULT_COMMITTED);
	return 0;
}

static uint64_t kv_durable(struct bk_kv *base)
{
	return from_base(base)->seq;
}

/* ---- reading ---- */

static bool key_fits(const void *key, size_t key_len)
{
	return key && key_len >= 1 && key_len <= BK_KV_KEY_MAX;
}

/* The open transaction, or a short read transaction that end_read ends. */
static int begin_read(struct bk_kv_lmdb *kv, MDB_txn **ret_txn)
{
	if (kv->open && kv->doomed)
		return kv->doomed;
	if (!kv->env)
		return kv->dead;
	if (kv->open) {
		*ret_txn = kv->txn;
		return 0;
	}
	return bk_kv_lmdb_error(mdb_txn_begin(kv->env, NULL, MDB_RDONLY, ret_txn));
}

static void end_read(struct bk_kv_lmdb *kv, MDB_txn *txn)
{
	if (txn && txn != kv->txn)
		mdb_txn_abort(txn);
}

static int fetch(struct bk_kv_lmdb *kv, MDB_txn *txn, const void *key, size_t key_len, uint8_t **ret_value,
	size_t *ret_len)
{
	uint8_t id[BK_KV_RECORD_ID];
	MDB_val k = {sizeof id, id};
	MDB_val v = {0, NULL};
	uint8_t *value;
	int err;

	bk_kv_record_id(kv->keys, key, key_len, id);
	err = bk_kv_lmdb_error(mdb_get(txn, kv->dbi, &k, &v));
	if (err)
		return err;
	if (v.mv_size > bk_kv_record_size(BK_KV_VALUE_MAX))
		return BK_E_CORRUPT;
	err = bk_kv_fault_at(BK_KV_FAULT_ALLOC);
	value = err ? NULL : malloc(v.mv_size + 1);
	if (!value)
		return BK_E_NOMEM;
	err = bk_kv_record_unseal_value(kv->keys, id, v.mv_data, v.mv_size, value, ret_len);
	if (err)
		free(value);
	else
		*ret_value = value;
	return err;
}

int bk_kv_lmdb_fetch(struct bk_kv_lmdb *kv, const void *key, size_t key_len, uint8_t **ret_value, size_t *ret_len)
{
	MDB_txn *txn = NULL;
	int err = begin_read(kv, &txn);

	if (!err)
		err = fetch(kv, txn, key, key_len, ret_value, ret_len);
	end_read(kv, txn);
	return err;
}

static int kv_get(struct bk_kv *base, const void *key, size_t key_len, uint8_t **ret_value, size_t *ret_len)
{
	if (!key_fits(key, key_len))
		return BK_E_INVAL;
	return bk_kv_lmdb_fetch(from_base(base), key, key_len, ret_value, ret_len);
}

static bool begins_with(const struct bk_kv_index_node *node, const void *prefix, size_t prefix_len)
{
	return node->name_len >= prefix_len && (!prefix_len || memcmp(node->name, prefix, prefix_len) == 0);
}

static int visit_one(struct bk_kv_lmdb *kv, MDB_txn *txn, const struct bk_kv_index_node *node, bk_kv_visit visit,
	void *arg, int *ret_stop)
{
	uint8_t *value = NULL;
	size_t len = 0;
	int err = fetch(kv, txn, node->name, node->name_len, &value, &len);

	/* The index says it is there: absent means that somebody took it out. */
	if (err)
		return err == BK_E_NOT_FOUND ? BK_E_CORRUPT : err;
	*ret_stop = visit(arg, node->name, node->name_len, value, len);
	sodium_memzero(value, len);
	free(value);
	return 0;
}

static int kv_each(struct bk_kv *base, const void *prefix, size_t prefix_len, bk_kv_visit visit, void *arg)
{
	struct bk_kv_lmdb *kv = from_base(base);
	const struct bk_kv_index_node *node;
	MDB_txn *txn = NULL;
	int damage = kv->damaged ? BK_E_CORRUPT : 0;
	int stop = 0;
	int err;

	if (prefix_len > BK_KV_KEY_MAX || (!prefix && prefix_len))
		return BK_E_INVAL;
	err = begin_read(kv, &txn);
	if (err)
		return err;
	kv->visiting++;
	node = bk_kv_index_seek(&kv->index, prefix_len ? prefix : "", prefix_len);
	for (; node && begins_with(node, prefix, prefix_len); node = bk_kv_index_next(node)) {
		err = visit_one(kv, txn, node, visit, arg, &stop);
		if (err == BK_E_CORRUPT)
			damage = err;
		else if (err)
			break;
		err = 0;
		if (stop)
			break;
	}
	kv->visiting--;
	end_read(kv, txn);
	if (stop || err)
		return stop ? stop : err;
	return damage;
}

/* ---- writing ---- */

static int writable(const struct bk_kv_lmdb *kv)
{
	if (!kv->open || kv->visiting)
		return BK_E_STATE;
	return kv->doomed;
}

static int reserve_scratch(struct bk_kv_lmdb *kv, size_t size)
{
	uint8_t *scratch;

	if (size <= kv->scratch_size)
		return 0;
	scratch = bk_kv_fault_at(BK_KV_FAULT_ALLOC) ? NULL : realloc(kv->scratch, size);
	if (!scratch)
		return BK_E_NOMEM;
	kv->scratch = scratch;
	kv->scratch_size = size;
	return 0;
}

static int reserve_undo(struct bk_kv_lmdb *kv)
{
	size_t size = kv->undo_size ? kv->undo_size * 2 : 64;
	struct bk_kv_lmdb_undo *undo;

	if (kv->undo_size >= kv->n_undo + 2) /* a put may need two */
		return 0;
	undo = bk_kv_fault_at(BK_KV_FAULT_ALLOC) ? NULL : realloc(kv->undo, size * sizeof *undo);
	if (!undo)
		return BK_E_NOMEM;
	kv->undo = undo;
	kv->undo_size = size;
	return 0;
}

static void remember(struct bk_kv_lmdb *kv, enum bk_kv_lmdb_change kind, struct bk_kv_index_node *node)
{
	kv->undo[kv->n_undo++] = (struct bk_kv_lmdb_undo){.kind = kind, .node = node};
}

/* A record whose name the index could not read: writing or deleting it under its name mends the store. */
static bool replaces_damaged(struct bk_kv_lmdb *kv, const void *key, size_t key_len)
{
	uint8_t id[BK_KV_RECORD_ID];
	MDB_val k = {sizeof id, id};
	MDB_val v = {0, NULL};

	bk_kv_record_id(kv->keys, key, key_len, id);
	return kv->damaged && mdb_get(kv->txn, kv->dbi, &k, &v) == 0;
}

static void note_repair(struct bk_kv_lmdb *kv, bool repaired)
{
	if (!repaired)
		return;
	kv->damaged--;
	remember(kv, BK_KV_LMDB_REPAIRED, NULL);
}

int bk_kv_lmdb_store(struct bk_kv_lmdb *kv, const void *key, size_t key_len, const void *value, size_t len)
{
	uint8_t id[BK_KV_RECORD_ID];
	MDB_val k = {sizeof id, id};
	MDB_val v = {bk_kv_record_size(len), NULL};
	int err = reserve_scratch(kv, v.mv_size);

	if (err)
		return err;
	bk_kv_record_id(kv->keys, key, key_len, id);
	bk_kv_record_seal(kv->keys, id, key, key_len, value, len, kv->scratch);
	v.mv_data = kv->scratch;
	err = bk_kv_fault_at(BK_KV_FAULT_PUT);
	return err ? err : bk_kv_lmdb_error(mdb_put(kv->txn, kv->dbi, &k, &v, 0));
}

/* What the index needs for a new name, made before anything is written. */
static int prepare_name(struct bk_kv_lmdb *kv, const void *key, size_t key_len,
	struct bk_kv_index_node **ret_node, bool *ret_repairs)
{
	int err = reserve_undo(kv);

	if (err || bk_kv_index_has(&kv->index, key, key_len))
		return err;
	if (!bk_kv_fault_at(BK_KV_FAULT_ALLOC))
		*ret_node = bk_kv_index_node_new(&kv->index, key, key_len);
	if (!*ret_node)
		return BK_E_NOMEM;
	*ret_repairs = replaces_damaged(kv, key, key_len);
	return 0;
}

static int kv_put(struct bk_kv *base, const void *key, size_t key_len, const void *value, size_t len)
{
	struct bk_kv_lmdb *kv = from_base(base);
	struct bk_kv_index_node *node = NULL;
	bool repairs = false;
	int err = writable(kv);

	if (err)
		return err;
	if (!key_fits(key, key_len) || (!value && len))
		return BK_E_INVAL;
	if (len > BK_KV_VALUE_MAX)
		return BK_E_TOO_BIG;
	err = prepare_name(kv, key, key_len, &node, &repairs);
	if (!err)
		err = bk_kv_lmdb_store(kv, key, key_len, value, len);
	if (err) {
		bk_kv_index_node_free(node);
		return doom(kv, err);
	}
	if (node) {
		bk_kv_index_link(&kv->index, node);
		remember(kv, BK_KV_LMDB_ADDED, node);
		note_repair(kv, repairs);
	}
	return 0;
}

static int kv_del(struct bk_kv *base, const void *key, size_t key_len)
{
	struct bk_kv_lmdb *kv = from_base(base);
	struct bk_kv_index_node *node;
	uint8_t id[BK_KV_RECORD_ID];
	MDB_val k = {sizeof id, id};
	bool repairs;
	int err = writable(kv);

	if (err)
		return err;
	if (!key_fits(key, key_len))
		return BK_E_INVAL;
	err = reserve_undo(kv);
	if (!err)
		err = bk_kv_fault_at(BK_KV_FAULT_DEL);
	if (err)
		return doom(kv, err);
	bk_kv_record_id(kv->keys, key, key_len, id);
	repairs = !bk_kv_index_has(&kv->index, key, key_len) && replaces_damaged(kv, key, key_len);
	err = bk_kv_lmdb_error(mdb_del(kv->txn, kv->dbi, &k, NULL));
	if (err && err != BK_E_NOT_FOUND)
		return doom(kv, err);
	node = bk_kv_index_unlink(&kv->index, key, key_len);
	if (node)
		remember(kv, BK_KV_LMDB_REMOVED, node);
	note_repair(kv, repairs);
	return 0;
}

const struct bk_kv_ops bk_kv_lmdb_ops = {
	.begin = kv_begin,
	.commit = kv_commit,
	.abort = kv_abort,
	.durable = kv_durable,
	.get = kv_get,
	.put = kv_put,
	.del = kv_del,
	.each = kv_each,
};
