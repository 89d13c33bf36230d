/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The rows of the store's tables as plain values, packed by hand (little-endian, protocol/bytes.h). Each row's
 * layout is written once, in rows.c, and serves both directions. A row that does not end where its layout ends
 * is BK_E_CORRUPT.
 *
 * Threads: pure, but for the transaction. Memory: struct bk_bytes members are views into the table (read) or
 * the caller's bytes (written).
 */
#ifndef BK_ROWS_H
#define BK_ROWS_H

#include "env.h"

#define BK_ROWS_SEALED (24 + BK_ID_BYTES + 16) /* an id in a secretbox */
#define BK_ROWS_PUSH_EXTRA (24 + 16) /* nonce and tag */
#define BK_ROWS_TAG 8                          /* keyed hash of message and device */
#define BK_ROWS_BLOB_MAX 4096u                 /* enrolment, certificate */

struct bk_row_circle {
	struct bk_circle_row out; /* but its id, which is the key */
	uint8_t n_household;
	bk_id household[BK_HOUSEHOLD_MAX];
};
struct bk_row_device {
	struct bk_device_row out; /* what the roster says; the rest is in the state */
};
struct bk_row_state {
	uint64_t next; /* number of the next delivery; never goes back */
	uint32_t queued;
	uint64_t queued_bytes;
	bool refused, on_duty; /* refused: somebody was told that the queue is full */
	bk_ms seen_ms;
	bk_id session; /* zero: none */
};
#define BK_KEY_LETTER (8 + 2)

/* Letters and bodies have numbers that only grow: a commit fills whole pages. Only these short rows lie by device. */
struct bk_row_outbox {
	uint8_t letter[BK_KEY_LETTER]; /* its key */
};
struct bk_row_letter {
	uint8_t key[BK_KEY_LETTER]; /* where it was found; not in the row */
	bk_id message;
	bk_hash body_hash;
	uint64_t body; /* number */
	bk_ms stored_ms;
	uint32_t body_bytes;
	uint8_t attempts;
	uint8_t sender[BK_ROWS_SEALED];
	struct bk_bytes capsule;
};
struct bk_row_refs {
	bk_hash hash; /* of the body */
	uint32_t refs, size;
	bool keep;
	bk_ms stored_ms;
};
struct bk_row_named { uint64_t body; bk_id desks[BK_BODY_DESKS_MAX]; }; /* desks it was for; zero: none */
struct bk_row_dedupe {
	bk_hash body_hash;
	uint64_t body;
	bk_ms stored_ms;
	struct bk_bytes served; /* tags of BK_ROWS_TAG bytes */
};
struct bk_row_fresh { /* a row of dedupe that has not gone over yet */
	bk_id message;
	struct bk_row_dedupe dedupe;
};
struct bk_row_dead {
	bk_id message;
	bk_ms stored_ms, died_ms;
	uint8_t sender[BK_ROWS_SEALED];
};
struct bk_row_prekey { uint8_t key[BK_KEY_BYTES]; bk_ms put_ms; };
struct bk_row_prekeys {
	uint32_t unseen, left, signed_id; /* ids ascend: all below unseen have been seen */
	uint8_t signed_key[BK_KEY_BYTES], signed_sig[BK_SIG_BYTES];
	bk_ms put_ms;
	bk_hash last_put; /* an exact repeat is no error */
};
struct bk_row_session {
	bk_id device;
	bk_hash ticket;
	bk_ms expires_ms, seen_ms;
};
struct bk_row_ticket { bk_id session; };
struct bk_row_claim {
	bk_id device;
	bk_ms since_ms, until_ms;
};
struct bk_row_watch { struct bk_watch_row out; }; /* but its id, which is the key */
struct bk_row_upload {
	bk_id device;
	uint64_t size;
	bool complete;
	bk_hash hash;
	bk_ms created_ms;
};
struct bk_row_open {
	uint64_t size;
	bool complete;
};
struct bk_row_file {
	bk_id upload;
	bool named; /* some stored message names it */
	bk_ms last_ms;
};
struct bk_row_invite {
	struct bk_invite_row out;
	bk_ms changed_ms;
};
struct bk_row_audit {
	bk_ms at_ms;
	bk_hash hash;
	struct bk_bytes text; /* event, NUL, detail, NUL */
};
struct bk_row_ladder { bk_id desk, fallback; bk_ms stored_ms; uint8_t level; bool drill; };
struct bk_row_push { bk_ms set_ms; struct bk_bytes sealed; }; /* padded to 256 */
struct bk_row_account { bk_id circle; uint8_t role; };

int bk_rows_get(struct bk_txn *t, enum bk_table table, const void *key, size_t len, void *ret_row);
int bk_rows_put(struct bk_txn *t, enum bk_table table, const void *key, size_t len, const void *row);
int bk_rows_append(struct bk_txn *t, enum bk_table table, const void *key, size_t len, const void *row);
int bk_rows_decode(enum bk_table table, struct bk_bytes value, void *ret_row);

/* One typed set of the three calls a table. */
#define BK_ROWS_OF(table, name)                                                                    \
	static inline int bk_rows_get_##name(struct bk_txn *t, const void *key, size_t len,        \
		struct bk_row_##name *ret_row)                                                     \
	{                                                                                          \
		return bk_rows_get(t, BK_T_##table, key, len, ret_row);                            \
	}                                                                                          \
	static inline int bk_rows_put_##name(struct bk_txn *t, const void *key, size_t len,        \
		const struct bk_row_##name *row)                                                   \
	{                                                                                          \
		return bk_rows_put(t, BK_T_##table, key, len, row);                                \
	}                                                                                          \
	static inline int bk_rows_decode_##name(struct bk_bytes value, struct bk_row_##name *ret_row) \
	{                                                                                          \
		return bk_rows_decode(BK_T_##table, value, ret_row);                               \
	}
#define BK_ROWS_MAP(X)                                                                             \
	X(CIRCLE, circle) X(DEVICE, device) X(STATE, state) X(ACCOUNT, account) X(INVITE, invite)  \
	X(OUTBOX, outbox) X(LETTER, letter) X(REFS, refs) X(NAMED, named) X(DEDUPE, dedupe)        \
	X(FRESH, fresh) X(DEAD, dead) X(PREKEY, prekey)                                            \
	X(PREKEYS, prekeys) X(SESSION, session) X(TICKET, ticket) X(CLAIM, claim)                  \
	X(UPLOAD, upload) X(OPEN, open) X(FILE, file) X(LADDER, ladder) X(PUSH, push)              \
	X(WATCH, watch) X(AUDIT, audit)
BK_ROWS_MAP(BK_ROWS_OF)

#endif
