/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The client's sealed store over LMDB, behind protocol/kv.h.
 *
 * Folder (0700): "keys" (seal.h), "data.mdb", "lock", "tries" (backoff.h). A record's LMDB key is a keyed BLAKE2b of its name; its
 * value holds the name and the content, each sealed with XChaCha20-Poly1305 under its own key with the LMDB
 * key as associated data, so that records cannot be swapped. Names are read once at open into an ordered
 * index in memory; each() costs what its prefix holds, whatever the size of the store.
 *
 * What the file tells an observer: how many records there are, each one's size class (names: one size;
 * contents: 256 B, 1, 4, 16, 64 KiB, then doubling), when the file was written, and by comparing two copies
 * which records changed. Neither names, nor their order or common beginnings, nor contents.
 * What it cannot detect: an older copy of the whole store, or of one record, put back (M14: the server side
 * of the session notices); a record removed together with its LMDB entry. LMDB's own pages carry no checksum:
 * damage there is an error or ends the process, never a wrong content.
 *
 * Invariant: as kv.h. A transaction that met an error is doomed: everything but abort repeats that error,
 * commit also ends it. After BK_E_IO of a commit no transaction begins any more, for the disk lies; reads go on.
 * A damaged record gives BK_E_CORRUPT; each() visits the sound ones and then returns BK_E_CORRUPT, also when a
 * record's name is unreadable, for it may have been one of them.
 *
 * Threads: one owner thread. One owner process (M9): a second gets BK_E_LOCKED. Do not fork with it open.
 * Secrets: keys in locked memory, contents wiped after use; what get() returns is the caller's to wipe.
 */
#ifndef BK_KV_LMDB_H
#define BK_KV_LMDB_H

#include "backoff.h"
#include "kv.h"
#include "seal.h"

struct bk_kv_lmdb_options {
	const char *path;         /* folder; its parent exists */
	const char *passphrase;
	struct bk_seal_cost cost; /* create only; zeros: default */
	uint64_t map_bytes;       /* first size of the map; 0: 64 MiB */
	uint64_t map_max_bytes;   /* grows by doubling up to this; 0: 8 GiB */
	void (*clock)(struct bk_backoff_clock *ret_now); /* NULL: the machine's */
};

/* Makes and opens. BK_E_EXISTS a store is there; BK_E_LOCKED; BK_E_INVAL; BK_E_FULL; BK_E_IO. */
int bk_kv_lmdb_create(const struct bk_kv_lmdb_options *o, struct bk_kv **ret_kv);
/*
 * BK_E_NOT_FOUND; BK_E_LOCKED; BK_E_PASSPHRASE; BK_E_RATE too many wrong ones (bk_kv_lmdb_wait); BK_E_VERSION newer
 * format; BK_E_CORRUPT; BK_E_IO.
 */
int bk_kv_lmdb_open(const struct bk_kv_lmdb_options *o, struct bk_kv **ret_kv);
/* An open transaction is aborted. NULL is allowed. */
void bk_kv_lmdb_close(struct bk_kv *kv);

/* Was it opened with the second passphrase? */
bool bk_kv_lmdb_second(const struct bk_kv *kv);
/* Is it one of the two, and which? The same work, errors and count of misses as opening. */
int bk_kv_lmdb_check(struct bk_kv *kv, const char *passphrase, bool *ret_second);
/*
 * BK_E_PASSPHRASE when old is wrong, BK_E_RATE, BK_E_EXISTS when fresh is the other one. Survives a crash: either
 * the old or the new one opens. _second: seal.h's bk_seal_keys_second.
 */
int bk_kv_lmdb_rekey(struct bk_kv *kv, const char *old, const char *fresh);
int bk_kv_lmdb_rekey_second(struct bk_kv *kv, const char *passphrase, const char *fresh);
/* How long a next try has to wait, ms; of a folder, open or not. */
uint64_t bk_kv_lmdb_wait(const char *path);
/* Records whose very name could not be read at open. Above 0 the face should tell the person. */
size_t bk_kv_lmdb_damaged(const struct bk_kv *kv);
/*
 * Quick destroy: keys overwritten, synced and unlinked first, from then on the data is noise; then the data. Does
 * not wait for a running owner. Absent: 0.
 */
int bk_kv_lmdb_destroy(const char *path);

#endif
