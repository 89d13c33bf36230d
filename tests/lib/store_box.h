/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A server's store in a private folder with a small realm in it, and short forms of its ops, for tests. Calls
 * that must work in any test end the program when they do not.
 *
 * Threads: one. Memory: one struct; close with bk_store_box_close, which leaves the folder.
 */
#ifndef BK_STORE_BOX_H
#define BK_STORE_BOX_H

#include "roster.h"
#include "sample.h"
#include "store.h"

/* Device numbers (bk_sample_id) of the realm; the registrar is BK_SAMPLE_SECURITY, or CARE for the carer. */
enum { BK_BOX_VAULT = 20, BK_BOX_OFFICER, BK_BOX_LEAD, BK_BOX_PHONE, BK_BOX_TABLET, BK_BOX_CARER };
#define BK_BOX_DESK bk_sample_id(600)
#define BK_BOX_CARE bk_sample_id(601)
#define BK_BOX_PERSON bk_sample_id(602)

struct bk_box_circle {
	bk_id circle, desk, care, fallback;
	Baken__CircleKind kind;
	uint64_t version;
	bk_hash hash;
	struct {
		unsigned number;
		Baken__Role role;
		Baken__DeviceStatus status;
	} devices[8];
	size_t n;
	bk_id household[4];
	size_t n_household;
};

struct bk_store_box {
	struct bk_store *store;
	struct bk_store_options o;
	char path[600];
	uint8_t key[BK_KEY_BYTES];
	bk_ms now;
	struct bk_box_circle desk, care, person;
};

/* A fresh folder of this name. bk_store_box_realm also puts the trust and three rosters. */
void bk_store_box_open(struct bk_store_box *b, const char *name);
void bk_store_box_realm(struct bk_store_box *b, const char *name);
int bk_store_box_reopen(struct bk_store_box *b);
void bk_store_box_close(struct bk_store_box *b);

/* The next version of a circle's roster, as it now stands; moves version and hash on. */
struct bk_sample_blob bk_store_box_sign(struct bk_box_circle *c, bk_ms now);
/* Signs and puts it; the op (with its outputs) when given. */
int bk_store_box_put(struct bk_store_box *b, struct bk_box_circle *c, struct bk_op *ret_op);

/* Commits one op at b->now: the commit's error or the op's. */
int bk_store_box_do(struct bk_store_box *b, struct bk_op *op);

struct bk_box_message {
	unsigned number;       /* of message, body and hash */
	Baken__Class class;    /* 0: normal */
	const unsigned *to;    /* device numbers */
	size_t n_to;
	size_t body_len;       /* 0: 100 */
	bool keep;
	bool ladder, drill;    /* of an alarm to BK_BOX_DESK */
	const bk_hash *files;
	size_t n_files;
	uint64_t seqs[16];     /* out */
	bool duplicate;        /* out */
	bk_ms stored_ms;       /* out */
	bk_id full[16];        /* out */
	size_t n_full;         /* out */
};
int bk_store_box_submit(struct bk_store_box *b, struct bk_box_message *m);
/* One device, 100 bytes; the delivery's number or 0. */
uint64_t bk_store_box_send(struct bk_store_box *b, unsigned number, Baken__Class class, unsigned to);
int bk_store_box_ack(struct bk_store_box *b, unsigned device, uint64_t seq, bool *ret_resumed);

/* Prekeys `first` up to `first + n - 1`; a signed one unless signed_id is 0; their public keys by id, below. */
int bk_store_box_prekeys(struct bk_store_box *b, unsigned device, uint32_t first, size_t n, uint32_t signed_id,
	bool replace, uint32_t *ret_left);
void bk_store_box_prekey(unsigned device, uint32_t id, uint8_t ret_key[static BK_KEY_BYTES]);
/* One claimed bundle. */
int bk_store_box_claim_prekey(struct bk_store_box *b, unsigned claimant, unsigned device, struct bk_bundle *ret_bundle);

struct bk_box_watch {
	unsigned number, device;  /* device 0: BK_BOX_PHONE */
	uint64_t counter;         /* 0: 1 */
	bk_ms due_ms;             /* 0: in an hour */
	uint64_t grace_ms;
	struct bk_watch_row row;  /* out */
	bool changed;             /* out */
};
/* Its body is bk_sample_fill of number and counter, 296 bytes. */
int bk_store_box_arm(struct bk_store_box *b, struct bk_box_watch *w);
int bk_store_box_disarm(struct bk_store_box *b, struct bk_box_watch *w);
/* As the server would: to those devices; seqs of them. */
int bk_store_box_fire(struct bk_store_box *b, const struct bk_box_watch *w, const unsigned *to, size_t n,
	uint64_t *ret_seqs);

/* Session `number` with its ticket, for a day; used: the number whose ticket is handed in, or 0. */
int bk_store_box_login(struct bk_store_box *b, unsigned device, unsigned number, unsigned used);
bk_hash bk_store_box_ticket(unsigned number);

/* Upload `number` of that size; complete with the hash bk_sample_hash(bytes). */
int bk_store_box_upload(struct bk_store_box *b, unsigned device, unsigned number, uint64_t size);
int bk_store_box_complete(struct bk_store_box *b, unsigned device, unsigned number, unsigned bytes);

/* One row or more in every table. */
void bk_store_box_fill(struct bk_store_box *b);

/* An open invitation of an officer's device, for an hour. */
int bk_store_box_invite(struct bk_store_box *b, unsigned number);
int bk_store_box_claim(struct bk_store_box *b, unsigned device, unsigned tag, Baken__Claim__Verb verb,
	struct bk_op *ret_op);
/* endpoint "": takes it back. */
int bk_store_box_push(struct bk_store_box *b, unsigned device, const char *endpoint);
int bk_store_box_audit(struct bk_store_box *b, const char *event, const char *detail, uint64_t *ret_number);

/* Rows of a table (enum bk_table of storage/lmdb/env.h). */
uint64_t bk_store_box_rows(struct bk_store_box *b, int table);
struct bk_store_view *bk_store_box_view(struct bk_store_box *b);
struct bk_store_stats bk_store_box_stats(struct bk_store_box *b);
struct bk_device_row bk_store_box_device(struct bk_store_box *b, unsigned device);
/* bk_store_check over a fresh view. */
int bk_store_box_check(struct bk_store_box *b);
/* All expiry at b->now; the number of files that went. */
size_t bk_store_box_expire(struct bk_store_box *b);

#endif
