/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The inside of the store, shared by store_*.c. Each kind of op has a pair: check reads, and its error refuses
 * this op alone; write runs only after check said 0, and its error ends the whole transaction. So a refused op
 * cannot have changed anything.
 *
 * Threads: the writer's, but for what says otherwise. Memory: s->plan lives from check to write of one op.
 */
#ifndef BK_STORE_IN_H
#define BK_STORE_IN_H

#include <stdatomic.h>

#include "rows.h"
#include "store.h"
#include "store_bounds.h"
#include "store_fresh.h"
#include "store_late.h"
#include "watch.h"

#define BK_STORE_SCHEMA 1u
#define BK_STORE_FILE "store.mdb"
#define BK_STORE_PATH_MAX 4096

/* After a restore numbers go on far above all that the lost time can have used. */
#define BK_STORE_RESTORE_JUMP (1ull << 32)

struct bk_store_keys {
	uint8_t seal[BK_KEY_BYTES], served[BK_KEY_BYTES], push[BK_KEY_BYTES];
};

struct bk_store_slot { /* one device of the message at hand */
	struct bk_op_capsule *capsule;
	struct bk_row_state state;
};

struct bk_store {
	struct bk_env *env;
	struct bk_fresh *fresh; /* NULL, as late: read only */
	struct bk_late *late;
	struct bk_store_keys *keys; /* sodium_malloc; NULL: opened without, read only */
	struct bk_store_options o;  /* defaults filled in; path and key not kept */
	struct bk_store_bounds bounds;
	char path[BK_STORE_PATH_MAX];
	int lock;
	atomic_int dead;            /* BK_E_IO: no more writes */
	atomic_bool full, brim, frozen; /* above 90 %, above 97 %; no expiry */
	uint8_t nonces[24 * 64];    /* random bytes drawn at once: a call to the system for each costs more than the box */
	size_t nonces_left;
	int64_t queued_delta;       /* bytes, of the open transaction */
	uint64_t number, numbers_kept; /* last given to a letter or body; as the table of counters has it */
	struct {                    /* where expiry goes on */
		unsigned job;
		uint8_t key[BK_ENV_KEY_MAX];
		size_t len;
	} expire;
	struct {
		struct bk_store_slot slots[BK_CAPSULES_MAX];
		size_t n_slots;
		uint8_t served[BK_STORE_SERVED_MAX * BK_ROWS_TAG];
		size_t n_served;
		bool known;
		uint64_t body, letter, fresh; /* numbers; 0: not yet */
		struct bk_row_state state;
		struct bk_row_prekeys prekeys;
		struct bk_row_claim claim;
		struct bk_row_upload upload;
		struct bk_row_letter letter_row; /* its capsule points into the table */
		struct bk_row_session session;
		struct bk_row_ladder ladder;
		struct bk_roster *roster, *before;
		uint64_t number;
		struct bk_watch_row watch; /* as it was */
		uint8_t watch_over_key[2 * BK_ID_BYTES]; /* the row that makes room, when watch_over */
		bool watch_over;
	} plan;
};

struct bk_store_view { struct bk_store *store; struct bk_txn *txn; };

typedef int (*bk_store_fn)(struct bk_store *s, struct bk_txn *t, struct bk_op *op);
#define BK_STORE_PAIR(name)                                                                        \
	int bk_store_check_##name(struct bk_store *s, struct bk_txn *t, struct bk_op *op);         \
	int bk_store_write_##name(struct bk_store *s, struct bk_txn *t, struct bk_op *op);
#define BK_STORE_PAIRS(X)                                                                          \
	X(TRUST_PUT, trust) X(ROSTER_PUT, roster) X(INVITE_PUT, invite) X(INVITE_ENROL, enrol)     \
	X(INVITE_DONE, done) X(SUBMIT, submit) X(ACK, ack) X(NACK, nack) X(PREKEYS_PUT, prekeys)   \
	X(PREKEYS_CLAIM, claim_prekeys) X(SESSION_PUT, session) X(SESSION_DEL, session_del)        \
	X(DUTY_SET, duty) X(CLAIM, claim) X(DRILL, drill) X(FILE_NEW, file_new)                    \
	X(FILE_DONE, file_done) X(FILE_DEL, file_del) X(LADDER_STEP, ladder) X(PUSH_SET, push_set) \
	X(WATCH_ARM, watch_arm) X(WATCH_DISARM, watch_disarm) X(WATCH_FIRE, watch_fire)            \
	X(ALIVE, alive) X(AUDIT, audit)
#define X(kind, name) BK_STORE_PAIR(name)
BK_STORE_PAIRS(X)
#undef X

/* ---- keys of rows ---- */
#define BK_KEY_PAIR (2 * BK_ID_BYTES)
#define BK_KEY_OUTBOX (BK_ID_BYTES + 1 + 8)
#define BK_KEY_PREKEY (BK_ID_BYTES + 4)
#define BK_KEY_ROSTER (BK_ID_BYTES + 8)
void bk_store_key_pair(uint8_t out[static BK_KEY_PAIR], bk_id a, bk_id b);
/* The class is in the low three bits of the number, and before it in the key. */
void bk_store_key_outbox(uint8_t out[static BK_KEY_OUTBOX], bk_id device, uint64_t seq);
void bk_store_key_prekey(uint8_t out[static BK_KEY_PREKEY], bk_id device, uint32_t prekey);
void bk_store_key_roster(uint8_t out[static BK_KEY_ROSTER], bk_id circle, uint64_t version);
void bk_store_key_number(uint8_t out[static 8], uint64_t number); /* big-endian: keys sort by it */
uint64_t bk_store_number_of(const uint8_t key[static 8]);

/* ---- shared steps ---- */
int bk_store_meta_get(struct bk_txn *t, const char *name, uint64_t *ret_value); /* absent: 0 */
int bk_store_meta_put(struct bk_txn *t, const char *name, uint64_t value);
/* A device that is certified and not revoked. BK_E_REVOKED. */
int bk_store_live_device(struct bk_txn *t, bk_id device, struct bk_row_device *ret_row);
/* Absent: zeros, but that numbers begin where a restore put the floor. */
int bk_store_state(struct bk_txn *t, bk_id device, struct bk_row_state *ret_state);
void bk_store_key_letter(uint8_t out[static BK_KEY_LETTER], uint64_t number, size_t index);
/* The letter that an outbox row stands for. BK_E_CORRUPT: there is none. */
int bk_store_letter(struct bk_txn *t, const struct bk_row_outbox *place, struct bk_row_letter *ret_row);
int bk_store_letter_at(struct bk_txn *t, const void *key, size_t len, struct bk_row_letter *ret_row);
/* Takes one delivery out: its rows, its reference, its share of the counters in *state (which the caller puts). */
int bk_store_take_out(struct bk_store *s, struct bk_txn *t, bk_id device, uint64_t seq,
	const struct bk_row_letter *row, struct bk_row_state *state);
int bk_store_drop_queue(struct bk_store *s, struct bk_txn *t, bk_id device, struct bk_row_state *state);
int bk_store_drop_prekeys(struct bk_txn *t, bk_id device);
int bk_store_drop_push(struct bk_txn *t, bk_id device);
int bk_store_drop_session(struct bk_txn *t, bk_id session);
int bk_store_drop_uploads(struct bk_txn *t, bk_id device);
int bk_store_drop_upload(struct bk_txn *t, bk_id upload);
int bk_store_drop_audit(struct bk_txn *t, const uint8_t key[static 8]);
int bk_store_drop_watch(struct bk_txn *t, bk_id watch);
bool bk_store_watch_is_old(const struct bk_watch_row *row, bk_ms now);
/* Running timers stand still, and run again. */
int bk_store_hold_watches(struct bk_txn *t);
int bk_store_release_watches(struct bk_txn *t);
int bk_store_del(struct bk_txn *t, enum bk_table table, const void *key, size_t len); /* absent: 0 */
/* First row of a table that begins with prefix; BK_E_NOT_FOUND. The key is copied, at most BK_ENV_KEY_MAX. */
int bk_store_first(struct bk_txn *t, enum bk_table table, const void *prefix, size_t len,
	uint8_t key[static BK_ENV_KEY_MAX], size_t *ret_len);
void bk_store_seal_id(struct bk_store *s, bk_id id, uint8_t out[static BK_ROWS_SEALED]);
bk_id bk_store_unseal_id(const struct bk_store *s, const uint8_t sealed[static BK_ROWS_SEALED]); /* zero: cannot */
void bk_store_audit_hash(bk_hash previous, uint64_t number, bk_ms at, struct bk_bytes text, bk_hash *ret_hash);
int bk_store_end(struct bk_store *s, struct bk_txn *t); /* commits; when a sync failed, ends writing for good */
/*
 * Brings an older schema up to `to`, one step after the other, in t: all or none. Steps end with a NULL fn.
 * BK_E_VERSION: no step leads on from there.
 */
struct bk_store_step {
	uint64_t from; /* to from + 1 */
	int (*fn)(struct bk_store *s, struct bk_txn *t);
};
extern const struct bk_store_step bk_store_steps[];
int bk_store_migrate(struct bk_store *s, struct bk_txn *t, const struct bk_store_step *steps, uint64_t to);
/* What opening does with a file: first rows of a new one, its key and schema of an old one. */
int bk_store_take_in(struct bk_store *s, const struct bk_store_step *steps, uint64_t schema);
/* Every table decodes, references and counters add up, the audit chain holds. BK_E_CORRUPT. */
int bk_store_check(struct bk_store_view *v);

#endif
