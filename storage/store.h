/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The server's store: typed records, one way to write (commit a batch) and views to read. No engine's type
 * appears here; LMDB stands behind it (storage/lmdb/), another engine can.
 *
 * Invariants. A batch is durable when commit returns 0, whole; when it fails nothing of it is there. Each
 * record's own outcome is in op->result: a refused record changes nothing and does not spoil its neighbours.
 * Per-device sequence numbers never restart. Every table has a bound and an expiry (bk_store_expire).
 *
 * Threads: commit, expire, compact from one writer thread; reads from any thread with its own bk_store_view.
 * Memory: ops and their buffers are borrowed until commit returns; views' bytes until bk_store_view_end.
 */
#ifndef BK_STORE_H
#define BK_STORE_H

#include "certificate.h"
#include "ids.h"
#include "bounds.h"
#include "trust.pb-c.h"
#include "wire.pb-c.h"

struct bk_store;

struct bk_bytes {
	const uint8_t *data;
	size_t len;
};

struct bk_store_options {
	const char *path;          /* folder, 0700, made when absent */
	const uint8_t *seal_key;   /* 32: values that could identify are sealed with it */
	uint64_t map_bytes;        /* address space reserved; 0 = 64 GiB (sparse) */
	uint32_t queue_max;        /* deliveries waiting per device; 0 = 20,000 */
	uint64_t queue_bytes_max;  /* bytes per device; 0 = 256 MiB */
	bk_ms dedupe_ms;           /* message ids remembered; 0 = 30 days */
	bk_ms outbox_ms;           /* undelivered kept; 0 = 90 days */
	bk_ms body_ms;             /* bodies sent to a desk kept for keyrings; 0 = 365 days */
	bk_ms file_ms;             /* files kept after the last reference; 0 = 365 days */
	bk_ms upload_ms;           /* unfinished uploads; 0 = 7 days */
	bool read_only;
};

/*
 * An older schema is brought up to date. BK_E_LOCKED second process; BK_E_PASSPHRASE wrong seal key; BK_E_VERSION
 * newer schema (or an older one and read_only); BK_E_NOT_FOUND absent and read_only; BK_E_CORRUPT; BK_E_FULL; BK_E_IO
 */
int bk_store_open(const struct bk_store_options *o, struct bk_store **ret_store);
void bk_store_close(struct bk_store *s);

/* ---- writing ---- */

enum bk_op_kind {
	BK_OP_TRUST_PUT,       /* root key, server certificate: start-up, once */
	BK_OP_ROSTER_PUT,      /* new roster version + devices, accounts, relations derived from it; revocations act */
	BK_OP_INVITE_PUT,
	BK_OP_INVITE_ENROL,    /* a device used the invitation: pending */
	BK_OP_INVITE_DONE,     /* approved or refused */
	BK_OP_SUBMIT,
	BK_OP_ACK,
	BK_OP_NACK,
	BK_OP_PREKEYS_PUT,
	BK_OP_PREKEYS_CLAIM,
	BK_OP_SESSION_PUT,     /* login: new session and ticket */
	BK_OP_SESSION_DEL,
	BK_OP_DUTY_SET,
	BK_OP_CLAIM,
	BK_OP_DRILL,           /* writes one counter: proves the durable path */
	BK_OP_FILE_NEW,        /* upload created */
	BK_OP_FILE_DONE,       /* complete, hash known */
	BK_OP_FILE_DEL,
	BK_OP_LADDER_STEP,     /* what was due for an alarm that waits has been done */
	BK_OP_PUSH_SET,        /* where a device can be woken */
	BK_OP_AUDIT,           /* appends one entry to the hash chain */
	BK_OP_WATCH_ARM,       /* a timer: started, or moved on */
	BK_OP_WATCH_DISARM,
	BK_OP_WATCH_FIRE,      /* fell due: it ends and its body becomes a message, in one */
	BK_OP_ALIVE,           /* the server runs: how long it did not is known from it later */
	BK_OP_KINDS
};

/* HELD: as a restore found it; it neither fires nor ages until bk_store_thaw, but can be renewed and ended. */
enum bk_watch_state { BK_WATCH_NONE, BK_WATCH_ARMED, BK_WATCH_FIRED, BK_WATCH_ENDED, BK_WATCH_HELD };
struct bk_watch_row {
	bk_id watch, device, circle, desk; /* device: the one that armed it last */
	uint64_t counter;
	bk_ms due_ms, changed_ms;
	uint64_t grace_ms;
	enum bk_watch_state state;
	bk_hash body_hash;
	uint32_t body_bytes;
};

struct bk_op_capsule {
	bk_id device;
	const uint8_t *capsule; /* BK_CAPSULE_BYTES */
	uint64_t seq;           /* out: the delivery's number; 0 when it was a duplicate */
};

struct bk_op {
	enum bk_op_kind kind;
	int result;  /* out: 0 or BK_E_* */
	bk_ms now;   /* the caller's clock: the store has none */
	bool if_previous; /* only when the op before it in the batch went well, else BK_E_CANCELLED */
	void *owner; /* the caller's, untouched */
	union {
		struct {
			uint8_t root_key[BK_KEY_BYTES];
			struct bk_bytes server_cert; /* serialised Signed */
		} trust;                      /* BK_E_EXISTS when another root is stored */
		struct {
			struct bk_bytes signed_roster;   /* serialised Signed; verified by the caller, and here again against the stored version */
			/* out: devices cut off by it (status revoked now, not before); malloc'd, caller frees */
			bk_id *revoked;
			size_t n_revoked;
		} roster; /* BK_E_OLD, BK_E_CHAIN, BK_E_FULL */
		struct {
			bk_id invite;
			bk_id account, circle;
			Baken__Role role;
			bk_ms expires_ms;
		} invite; /* BK_E_EXISTS */
		struct {
			bk_id invite;
			struct bk_bytes enrol; /* serialised Baken__Enrol */
		} enrol; /* BK_E_INVITE unknown, expired or used by another key; repeating the same bytes: 0 */
		struct {
			bk_id invite;
			bool approved;
			struct bk_bytes certificate; /* serialised Signed */
		} done;
		struct {
			bk_id message;
			Baken__Class class;
			bk_hash body_hash;
			struct bk_bytes body;
			bool keep_body;          /* addressed to a desk: body stays for keyrings */
			bk_id desks[BK_BODY_DESKS_MAX]; /* which: their devices may fetch it later; zero: none */
			bk_id sender;            /* for quota-resume and dead letter notices only: kept sealed, see docs */
			struct bk_op_capsule *capsules;
			size_t n_capsules;
			size_t capsule_len;      /* 0: BK_CAPSULE_BYTES; of a timer: BK_WATCH_FIRED_BYTES */
			bk_id watch;             /* WATCH_FIRE: the timer and its arming; BK_E_OLD: not that one any more */
			uint64_t watch_counter;
			const bk_hash *files;
			size_t n_files;
			bool ladder;             /* an alarm that its desk must acknowledge: escalates until then */
			bool drill;
			bk_id desk, fallback;    /* of the ladder; fallback zero: none */
			bool unwatched;          /* out: no room for its ladder */
			bk_ms stored_ms;         /* out: first time it was stored */
			bool duplicate;          /* out: this message id was stored before with the same hash */
			bk_id *full;             /* out on BK_E_QUOTA: devices without room; malloc'd, caller frees */
			size_t n_full;
		} submit; /* BK_E_QUOTA (nothing stored; alarms use reserved room), BK_E_HASH (id known with another body),
			     BK_E_INCOMPLETE (a file is missing), BK_E_REVOKED; same id again adds capsules of devices not yet
			     served (alarm top-up). An alarm goes to all it can reach: BK_E_QUOTA and BK_E_REVOKED only
			     when it never reached any */
		struct {
			bk_id device;
			const uint64_t *seqs;
			size_t n_seqs;
			bool resumed; /* out: the queue fell below 80 % after having refused */
			size_t answered; /* out: alarms whose ladder ended by it */
		} ack;          /* unknown numbers are ignored: acked before */
		struct {
			bk_id device;
			uint64_t seq;
			bool dead;       /* out: was the fifth; moved to dead letters */
			bk_id message, sender; /* out when dead */
		} nack;
		struct {
			bk_id device;
			const Baken__PrekeysPut *put;
			uint32_t left; /* out */
		} prekeys;           /* BK_E_TOO_BIG over BK_PREKEYS_MAX, BK_E_DUPLICATE id seen before */
		struct {
			bk_id claimant;
			const bk_id *devices;
			size_t n_devices;
			const bool *sparing; /* for each: no one-time key, the claimant has had its share (M8); NULL */
			struct bk_bundle *bundles; /* out, n_devices; absent: present = false */
		} claim_prekeys;                   /* oldest first; one-time key removed in this transaction */
		struct {
			bk_id session, device;
			uint8_t ticket[32]; /* stored as hash */
			bk_ms expires_ms;
			bk_hash old_ticket; /* resume: hash of the ticket that was used, deleted here; BK_E_LOGIN when absent */
			bool resume;
		} session;
		struct {
			bk_id device;
			bk_id circle;
			bool on;
		} duty;
		struct {
			uint8_t tag[32];
			bk_id device;
			Baken__Claim__Verb verb;
			bk_id to;         /* GIVE: a device on duty at the same desk, else BK_E_NOT_FOUND */
			bk_ms until_ms;
			bk_id holder;     /* out: zero when free */
			bk_ms since_ms, holder_until_ms; /* out */
			bool won;         /* out */
		} claim;
		struct {
			uint64_t count; /* out */
		} drill;
		struct {
			bk_id upload, device; /* device: owner */
			uint64_t size;
		} file_new; /* BK_E_QUOTA: 64 open uploads or 1 GiB per device; a file counts 64 KiB at least */
		struct {
			bk_id upload, device;
			bk_hash hash;
		} file_done;
		struct {
			bk_id upload, device;
		} file_del;
		struct {
			bk_id message;
			unsigned level; /* 1 to 3: never lower than it is */
		} ladder;       /* BK_E_NOT_FOUND: answered meanwhile */
		struct {
			bk_id device;
			struct bk_bytes endpoint; /* empty: takes it back, of whichever device */
		} push; /* BK_E_REVOKED, BK_E_TOO_BIG */
		struct {
			const char *event;  /* "ROSTER-PUT" */
			const char *detail; /* key=value words, no content or names */
			uint64_t number;    /* out */
		} audit;
		struct {
			bk_id watch, device, circle; /* circle: the device's */
			uint64_t counter;
			bk_id desk;                  /* ARM, and what follows */
			bk_ms due_ms;
			uint64_t grace_ms;
			bk_hash body_hash;
			struct bk_bytes body;
			struct bk_watch_row row;     /* out: as it stands then */
			bool changed;                /* out: by this op */
		} watch; /* BK_E_ROLE: not a person's device, not its desk, another's timer; BK_E_NOT_FOUND (disarm);
			    BK_E_QUOTA: too many run; BK_E_INVAL: further off than BK_WATCH_MAX_MS. A counter that is not
			    higher than the stored one (disarm: lower) changes nothing and is no error */
	};
};

struct bk_bundle {
	bool present;
	bk_id device;
	uint32_t registration;
	uint32_t signed_id;
	uint8_t signed_key[BK_KEY_BYTES];
	uint8_t signed_sig[BK_SIG_BYTES];
	bool one_time;
	uint32_t prekey_id;
	uint8_t prekey[BK_KEY_BYTES];
	uint32_t left; /* one-time keys after this claim */
};

/*
 * One durable transaction. 0: durable, look at each op's result. Negative: nothing happened (BK_E_FULL: map or disk,
 * later ones may fit; BK_E_IO: a sync or write failed, the store refuses all further writes: the disk lies).
 * An op that meets damaged rows ends with BK_E_CORRUPT; its neighbours go on.
 */
int bk_store_commit(struct bk_store *s, struct bk_op *ops, size_t n);

/* Expiry jobs of all tables in bounded steps; call until *ret_more is false. Files to unlink are given to `gone`. */
int bk_store_expire(struct bk_store *s, bk_ms now, void (*gone)(void *arg, bk_hash file), void *arg, bool *ret_more);

/*
 * After a restore nothing ages until a person has looked at what would go (bk_store_due) and said so: expire does
 * nothing and *ret_more is false, and timers that ran stand still. A wrong clock, or a backup older than the retention, must not empty the store.
 */
bool bk_store_frozen(const struct bk_store *s); /* any thread */
int bk_store_thaw(struct bk_store *s);

/* ---- reading ---- */

struct bk_store_view; /* a consistent snapshot; end it in the same turn: a held view makes the file grow */
int bk_store_view_begin(struct bk_store *s, struct bk_store_view **ret_view);
void bk_store_view_end(struct bk_store_view *v);

struct bk_device_row {
	bk_id device, account, circle;
	Baken__Role role;
	Baken__CircleKind circle_kind;
	Baken__DeviceStatus status;
	uint8_t identity[BK_KEY_BYTES];
	uint32_t registration;
	bool browser;
	bool on_duty;
	bk_ms not_before_ms, not_after_ms;
	uint32_t queued;
	uint64_t queued_bytes;
	bk_ms seen_ms;
};
int bk_store_device(struct bk_store_view *v, bk_id device, struct bk_device_row *ret_row);

struct bk_circle_row {
	bk_id circle;
	Baken__CircleKind kind;
	uint64_t version;
	bk_hash hash;
	bk_id desk, care, fallback;
	bk_ms hard_expires_ms;
};
int bk_store_circle(struct bk_store_view *v, bk_id circle, struct bk_circle_row *ret_row);
/* All of them. Returns what visit returns. */
int bk_store_circles(struct bk_store_view *v, int (*visit)(void *arg, const struct bk_circle_row *row), void *arg);
/* Newest (version 0) or given version: serialised Signed. */
int bk_store_roster(struct bk_store_view *v, bk_id circle, uint64_t version, struct bk_bytes *ret_signed);
/* Devices of a circle, all statuses. Returns what visit returns. */
int bk_store_devices(struct bk_store_view *v, bk_id circle, int (*visit)(void *arg, const struct bk_device_row *row),
	void *arg);
/* Household of a person's circle. */
int bk_store_household(struct bk_store_view *v, bk_id circle, bk_id *out, size_t max, size_t *ret_n);
/* Person circles assigned to a desk or care team, after `after`. */
int bk_store_assigned(struct bk_store_view *v, bk_id staff_circle, bk_id after,
	int (*visit)(void *arg, const struct bk_circle_row *row), void *arg);

struct bk_delivery_row {
	uint64_t seq;
	Baken__Class class;
	bk_id message;
	struct bk_bytes capsule;
	bk_hash body_hash;
	struct bk_bytes body;
	bk_ms stored_ms;
	uint32_t attempts; /* nacks so far */
};
/*
 * Waiting deliveries: alarms first, then urgent, normal, bulk; within a class by number; those after the given
 * position only. *after starts zeroed and is moved on. BK_E_CORRUPT: a damaged one was passed over, all sound ones
 * were visited.
 */
struct bk_delivery_pos {
	Baken__Class class;
	uint64_t seq;
};
int bk_store_deliveries(struct bk_store_view *v, bk_id device, struct bk_delivery_pos *after, size_t max,
	int (*visit)(void *arg, const struct bk_delivery_row *row), void *arg);
/* A kept body, for a device of a desk that it was addressed to; BK_E_NOT_FOUND for any other. */
int bk_store_body(struct bk_store_view *v, bk_hash hash, bk_id desk, struct bk_bytes *ret_body, bk_ms *ret_stored_ms);
int bk_store_prekeys_state(struct bk_store_view *v, bk_id device, uint32_t *ret_left, uint32_t *ret_signed_id,
	bk_hash *ret_digest);
struct bk_session_row {
	bk_id session, device;
	bk_ms expires_ms, seen_ms;
};
int bk_store_ticket(struct bk_store_view *v, bk_hash ticket, struct bk_session_row *ret_row);
struct bk_invite_row {
	bk_id invite, account, circle;
	Baken__Role role;
	bk_ms expires_ms;
	int state; /* 0 open, 1 pending, 2 approved, 3 refused */
	struct bk_bytes enrol, certificate;
};
int bk_store_invite(struct bk_store_view *v, bk_id invite, struct bk_invite_row *ret_row);
int bk_store_invites(struct bk_store_view *v, int (*visit)(void *arg, const struct bk_invite_row *row), void *arg);
struct bk_file_row {
	bk_id upload, device;
	uint64_t size;
	bool complete;
	bk_hash hash; /* when complete */
	bk_ms created_ms;
};
int bk_store_upload(struct bk_store_view *v, bk_id upload, struct bk_file_row *ret_row);
int bk_store_file(struct bk_store_view *v, bk_hash hash, struct bk_file_row *ret_row);

int bk_store_watch(struct bk_store_view *v, bk_id watch, struct bk_watch_row *ret_row);
int bk_store_watches(struct bk_store_view *v, int (*visit)(void *arg, const struct bk_watch_row *row), void *arg);
/* When the first running one fires. BK_E_NOT_FOUND: none runs. */
int bk_store_watch_next(struct bk_store_view *v, bk_ms *ret_fire_ms);
/*
 * Running ones that fire by a time, in that order, those after the given position only (it starts zeroed and is moved
 * on), with their bodies. BK_E_CORRUPT: a damaged one was passed over.
 */
struct bk_watch_pos {
	bk_ms fire_ms;
	bk_id watch;
};
int bk_store_watches_due(struct bk_store_view *v, bk_ms until, struct bk_watch_pos *after, size_t max,
	int (*visit)(void *arg, const struct bk_watch_row *row, struct bk_bytes body), void *arg);
int bk_store_alive(struct bk_store_view *v, bk_ms *ret_ms); /* of the last BK_OP_ALIVE; 0: none */

int bk_store_trust(struct bk_store_view *v, uint8_t ret_root[static BK_KEY_BYTES], struct bk_bytes *ret_server_cert);

struct bk_ladder_row {
	bk_id message, desk, fallback;
	bk_ms stored_ms;
	unsigned level;
	bool drill;
};
/* Alarms that no officer's device of their desk has acknowledged. Returns what visit returns. */
int bk_store_ladder(struct bk_store_view *v, int (*visit)(void *arg, const struct bk_ladder_row *row), void *arg);
/* The endpoint with its NUL. BK_E_NOT_FOUND. */
int bk_store_push(struct bk_store_view *v, bk_id device, char *out, size_t room);
/* Devices that have one. Returns what visit returns. */
int bk_store_pushes(struct bk_store_view *v, int (*visit)(void *arg, bk_id device), void *arg);

struct bk_audit_row {
	uint64_t number;
	bk_ms at_ms;
	const char *event, *detail;
	bk_hash hash; /* SHA-256(previous hash || number || at || event || 0 || detail) */
};
int bk_store_audit(struct bk_store_view *v, uint64_t from, int (*visit)(void *arg, const struct bk_audit_row *row),
	void *arg);
/* Walks the whole chain; *ret_bad is the first number that does not fit. BK_E_CORRUPT. */
int bk_store_audit_verify(struct bk_store_view *v, uint64_t *ret_count, uint64_t *ret_bad);

struct bk_store_stats {
	uint64_t accounts, devices, circles, queued, queued_bytes, bodies, dedupe, sessions, files, invites, audit,
		dead_letters, prekeys, ladder;
	uint64_t used_bytes, map_bytes;
	uint32_t schema;
	bool read_only; /* refuses writes: full or failed */
	bool frozen;    /* restored, and not thawed since */
	uint64_t due;   /* of a restore alone: rows that expiry would take out then */
	uint64_t timers;                  /* that run */
	uint64_t timers_held, timers_due; /* of a restore alone: held, and those of them that are past their time */
};
int bk_store_stats(struct bk_store_view *v, struct bk_store_stats *ret_stats);
/* Rows that expiry would take out at that time. Walks the tables. */
int bk_store_due(struct bk_store_view *v, bk_ms now, uint64_t *ret_rows);

/* ---- backup ---- */

/* Consistent copy of a live store into a new folder (store and a manifest with its SHA-256). Any thread. */
int bk_store_backup(struct bk_store *s, const char *to, bk_ms now);
/* Verifies manifest, opens, checks every table and the audit chain, marks it restored: sessions gone, expiry frozen. */
int bk_store_restore(const char *from, const char *to, const uint8_t seal_key[static BK_KEY_BYTES], bk_ms now,
	struct bk_store_stats *ret_stats);

#endif
