/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The only door to LMDB: one file, a fixed list of tables, transactions, cursors. Every code of LMDB leaves
 * here as BK_E_*; BK_E_NOT_FOUND means only that there is no such row.
 *
 * Invariant: a commit that returned 0 is on the disk (two syncs); one that failed left nothing.
 *
 * Threads: one write transaction, in the thread that began it; read transactions in any thread.
 * Memory: bytes that were read are views until the transaction writes or ends.
 */
#ifndef BK_ENV_H
#define BK_ENV_H

#include "store.h"

/* X(table, name in the file). A new table is a new schema version. */
#define BK_ENV_TABLES(X)                                                                           \
	X(META, "meta")         /* name -> value */                                                \
	X(CIRCLE, "circle")     /* circle -> row */                                                \
	X(ROSTER, "roster")     /* circle, version -> Signed */                                    \
	X(DEVICE, "device")     /* device -> row, as certified */                                  \
	X(STATE, "state")       /* device -> counters of its queue, duty, session */               \
	X(MEMBER, "member")     /* circle, device -> nothing */                                    \
	X(ACCOUNT, "account")   /* account -> circle */                                            \
	X(ASSIGNED, "assigned") /* desk or care team, person's circle -> nothing */                \
	X(INVITE, "invite")     /* invite -> row */                                                \
	X(OUTBOX, "outbox")     /* device, class, seq -> its letter */                             \
	X(LETTER, "letter")     /* number, capsule of it -> row with the capsule */                \
	X(BODY, "body")         /* number -> bytes */                                              \
	X(REFS, "refs")         /* number -> hash, references and retention of a body */           \
	X(NAMED, "named")       /* hash -> number of a body that is kept */                        \
	X(FRESH, "fresh")       /* number -> message and its row of dedupe, until it goes over */     \
	X(DEDUPE, "dedupe")     /* message -> hash, body, time, devices served */                  \
	X(DEAD, "dead")         /* device, seq -> dead letter */                                   \
	X(PREKEY, "prekey")     /* device, id -> one-time key */                                   \
	X(PREKEYS, "prekeys")   /* device -> signed prekey, what was seen */                       \
	X(SESSION, "session")   /* session -> row */                                               \
	X(TICKET, "ticket")     /* hash of a ticket -> session */                                  \
	X(CLAIM, "claim")       /* tag -> lease */                                                 \
	X(WATCH, "watch")       /* timer -> row */                                                 \
	X(WATCHDUE, "watchdue") /* when it fires, timer -> nothing: those that run */              \
	X(WATCHOF, "watchof")   /* person's circle, timer -> nothing */                            \
	X(WATCHBODY, "watchbody") /* timer -> what it would say */                                 \
	X(UPLOAD, "upload")     /* upload -> row */                                                \
	X(OPEN, "open")         /* device, upload -> bytes that count against its quota */         \
	X(FILE, "file")         /* hash -> upload, last reference */                               \
	X(LADDER, "ladder")     /* message -> an alarm that nobody of its desk has acknowledged */ \
	X(PUSH, "push")         /* device -> where it can be woken, sealed */                      \
	X(AUDIT, "audit")       /* number -> entry */

enum bk_table {
#define X(table, name) BK_T_##table,
	BK_ENV_TABLES(X)
#undef X
	BK_TABLES
};

#define BK_ENV_KEY_MAX 64u

struct bk_env;
struct bk_txn;

/* file: made when absent, 0600. BK_E_NOT_FOUND absent and read_only; BK_E_CORRUPT; BK_E_FULL; BK_E_IO. */
int bk_env_open(const char *file, uint64_t map_bytes, bool read_only, struct bk_env **ret_env);
void bk_env_close(struct bk_env *env);
/* How far the file reaches, which is cheap to say, and how far it may. */
int bk_env_extent(struct bk_env *env, uint64_t *ret_extent, uint64_t *ret_map);
/* Pages in use (those that were freed and can be written again do not count) and what the file may become. */
int bk_env_usage(struct bk_env *env, uint64_t *ret_used, uint64_t *ret_map);
/* A consistent, compact copy into a new file. Any thread. */
int bk_env_copy(struct bk_env *env, const char *file);

int bk_env_begin(struct bk_env *env, bool write, struct bk_txn **ret_txn);
/*
 * Ends the transaction in any case. BK_E_FULL: map or disk, nothing happened, later ones may fit. BK_E_IO: a sync or
 * write failed, the caller must not write again; reads go on, whichever of LMDB's two syncs it was.
 */
int bk_env_commit(struct bk_txn *t);
void bk_env_abort(struct bk_txn *t); /* NULL: nothing */

int bk_env_get(struct bk_txn *t, enum bk_table table, const void *key, size_t len, struct bk_bytes *ret_value);
int bk_env_put(struct bk_txn *t, enum bk_table table, const void *key, size_t len, const void *value,
	size_t value_len);
/* The same for a key greater than all in the table: fills its pages whole. */
int bk_env_append(struct bk_txn *t, enum bk_table table, const void *key, size_t len, const void *value,
	size_t value_len);
int bk_env_del(struct bk_txn *t, enum bk_table table, const void *key, size_t len);
int bk_env_count(struct bk_txn *t, enum bk_table table, uint64_t *ret_rows);

struct bk_env_cursor {
	void *handle;
	bool write;
	struct bk_bytes key, value;
};
int bk_env_cursor_open(struct bk_txn *t, enum bk_table table, struct bk_env_cursor *c);
void bk_env_cursor_close(struct bk_env_cursor *c);
/* First row whose key is not smaller. BK_E_NOT_FOUND: none. len 0: the first of all. */
int bk_env_seek(struct bk_env_cursor *c, const void *key, size_t len);
int bk_env_next(struct bk_env_cursor *c);
/* Does the row the cursor stands on begin with these bytes? */
bool bk_env_has_prefix(const struct bk_env_cursor *c, const void *prefix, size_t len);

#endif
