/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The client's storage seam: a small ordered key-value store with one transaction at a time, and a place for
 * large encrypted files. The core knows only this; natively it is LMDB (storage/kv_lmdb.h), in a browser
 * IndexedDB. Everything stored through it is sealed by the implementation: values unreadable, key names too.
 *
 * Invariant: after a crash at any instant the store holds exactly the transactions whose commit returned
 * (and possibly one whose commit had begun), each whole.
 *
 * Threads: one owner thread. Memory: values returned are malloc'd copies unless said otherwise.
 */
#ifndef BK_KV_H
#define BK_KV_H

#include "ids.h"

#define BK_KV_KEY_MAX 96u                     /* bytes of a key name, e.g. "session/" + id */
#define BK_KV_VALUE_MAX (16u * 1024u * 1024u) /* one value */

struct bk_kv; /* implementation's */

/* Return non-zero to stop; that value is returned by each(). key and value are views for the call only. */
typedef int (*bk_kv_visit)(void *arg, const void *key, size_t key_len, const void *value, size_t len);

struct bk_kv_ops {
	int (*begin)(struct bk_kv *kv);  /* BK_E_STATE when one is open */
	int (*commit)(struct bk_kv *kv, uint64_t *ret_seq); /* seq of this commit; durable() >= seq = on disk */
	void (*abort)(struct bk_kv *kv); /* as if it never was; legal without a transaction */
	uint64_t (*durable)(struct bk_kv *kv);
	/*
	 * Inside or outside a transaction; inside, sees its own writes. BK_E_NOT_FOUND; BK_E_CORRUPT. In all three:
	 * BK_E_INVAL for a key of no bytes or over BK_KV_KEY_MAX; put: BK_E_TOO_BIG over BK_KV_VALUE_MAX.
	 */
	int (*get)(struct bk_kv *kv, const void *key, size_t key_len, uint8_t **ret_value, size_t *ret_len);
	int (*put)(struct bk_kv *kv, const void *key, size_t key_len, const void *value, size_t len);
	int (*del)(struct bk_kv *kv, const void *key, size_t key_len); /* absent: 0 */
	/* All keys that begin with prefix, in byte order of the key name. No writes during the visit. */
	int (*each)(struct bk_kv *kv, const void *prefix, size_t prefix_len, bk_kv_visit visit, void *arg);
};

/* Every implementation begins with this. */
struct bk_kv {
	const struct bk_kv_ops *ops;
};

static inline int bk_kv_begin(struct bk_kv *kv)
{
	return kv->ops->begin(kv);
}
static inline int bk_kv_commit(struct bk_kv *kv, uint64_t *ret_seq)
{
	return kv->ops->commit(kv, ret_seq);
}
static inline void bk_kv_abort(struct bk_kv *kv)
{
	kv->ops->abort(kv);
}
static inline uint64_t bk_kv_durable(struct bk_kv *kv)
{
	return kv->ops->durable(kv);
}
static inline int bk_kv_get(struct bk_kv *kv, const void *key, size_t key_len, uint8_t **ret_value,
	size_t *ret_len)
{
	return kv->ops->get(kv, key, key_len, ret_value, ret_len);
}
static inline int bk_kv_put(struct bk_kv *kv, const void *key, size_t key_len, const void *value, size_t len)
{
	return kv->ops->put(kv, key, key_len, value, len);
}
static inline int bk_kv_del(struct bk_kv *kv, const void *key, size_t key_len)
{
	return kv->ops->del(kv, key, key_len);
}
static inline int bk_kv_each(struct bk_kv *kv, const void *prefix, size_t prefix_len, bk_kv_visit visit,
	void *arg)
{
	return kv->ops->each(kv, prefix, prefix_len, visit, arg);
}

/*
 * Large files (already encrypted by the core: the implementation need not seal them), named by id.
 * Written once from start to end, then only read and removed.
 */
struct bk_blobs;
struct bk_blobs_ops {
	int (*append)(struct bk_blobs *b, bk_id id, const void *data, size_t len); /* creates; BK_E_FULL, BK_E_IO */
	int (*sync)(struct bk_blobs *b, bk_id id); /* on disk, name included */
	int (*size)(struct bk_blobs *b, bk_id id, uint64_t *ret_size); /* BK_E_NOT_FOUND */
	int (*read)(struct bk_blobs *b, bk_id id, uint64_t offset, void *out, size_t len, size_t *ret_len);
	int (*remove)(struct bk_blobs *b, bk_id id); /* absent: 0 */
	int (*each)(struct bk_blobs *b, int (*visit)(void *arg, bk_id id), void *arg);
};
struct bk_blobs {
	const struct bk_blobs_ops *ops;
};

/* In memory, for tests and fuzzers (kv_mem.c, blobs_mem.c): the same behaviour, durable at once unless lagging. */
struct bk_kv *bk_kv_mem_new(void);
void bk_kv_mem_free(struct bk_kv *kv);
/* Lagging: a commit counts as durable only after confirm, as with a store that writes behind. */
void bk_kv_mem_lag(struct bk_kv *kv, bool lagging);
void bk_kv_mem_confirm(struct bk_kv *kv);
/* The n-th call from now (0: the next) of begin, commit, get, put, del or each fails with err; n < 0: none. */
void bk_kv_mem_fail(struct bk_kv *kv, long n, int err);
struct bk_blobs *bk_blobs_mem_new(void);
void bk_blobs_mem_free(struct bk_blobs *b);

#endif
