/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One device's side of Baken's wire for tests and benches, sans I/O: it builds the frames a device sends and
 * reads those the server sends. Logins are really signed; bodies and capsules are opaque bytes of the right
 * sizes, because to the server they are never anything else.
 *
 * Invariant: what a builder leaves in out is one whole frame, as one binary WebSocket message carries it.
 * Threads: one for each line. Memory: bk_wire_done frees; a read frame lives until the next read.
 */
#ifndef BK_WIRE_H
#define BK_WIRE_H

#include "body.h"
#include "certificate.h"
#include "frame.h"
#include "login.h"
#include "ws.h"

struct bk_wire_line {
	bk_id device;
	uint8_t secret[BK_KEY_BYTES]; /* identity key of the device */
	bk_hash spki;                 /* of the server's TLS key */
	uint8_t exporter[32];         /* zero without TLS, or for a browser */
	struct bk_arena *arena;
	uint64_t request; /* number of the last one asked */
	/* learnt */
	bool greeted, online, caught_up, has_exporter;
	uint8_t nonce[32], ticket[32], file_token[32];
	bk_id session;
	uint64_t queued;
};

void bk_wire_init(struct bk_wire_line *l, bk_id device, const uint8_t secret[static BK_KEY_BYTES], bk_hash spki);
void bk_wire_done(struct bk_wire_line *l);
/* A new connection of the same device: keeps the ticket. */
void bk_wire_again(struct bk_wire_line *l);

/* Reads one message and learns from it: Hello, LoginOk, CaughtUp. Errors of bk_frame_decode. */
int bk_wire_read(struct bk_wire_line *l, const void *data, size_t len, Baken__Frame **ret_frame);

/* Any frame, as it is. Replaces what was in out. */
void bk_wire_put(const Baken__Frame *f, struct bk_ws_buf *out);
/* The same with the next request number, which it returns; so do all that follow. */
uint64_t bk_wire_ask(struct bk_wire_line *l, Baken__Frame *f, struct bk_ws_buf *out);

uint64_t bk_wire_login(struct bk_wire_line *l, struct bk_ws_buf *out);
uint64_t bk_wire_resume(struct bk_wire_line *l, struct bk_ws_buf *out);

struct bk_wire_target {
	bk_id circle;
	uint64_t version;
	bk_hash hash;
};
struct bk_wire_message {
	bk_id id;
	Baken__Class class;    /* 0: normal */
	Baken__Regime regime;  /* 0: security */
	const uint8_t *body;   /* one of the five sealed sizes: bk_wire_body_bytes */
	size_t body_len;
	bk_hash body_hash;     /* zero: computed */
	const struct bk_wire_target *targets;
	size_t n_targets;
	const bk_id *devices;  /* one capsule each */
	size_t n_devices;
	const bk_hash *files;
	size_t n_files;
};
/* The smallest sealed size that holds so many bytes of content. */
size_t bk_wire_body_bytes(size_t content);
uint64_t bk_wire_submit(struct bk_wire_line *l, const struct bk_wire_message *m, struct bk_ws_buf *out);

void bk_wire_ack(const uint64_t *seqs, size_t n, struct bk_ws_buf *out);
void bk_wire_nack(uint64_t seq, int code, struct bk_ws_buf *out);
/* A signed prekey (id) and n one-time prekeys with the ids first, first + 1 ... */
uint64_t bk_wire_prekeys_put(struct bk_wire_line *l, uint32_t signed_id, uint32_t first, size_t n, bool replace,
	struct bk_ws_buf *out);
uint64_t bk_wire_prekeys_check(struct bk_wire_line *l, struct bk_ws_buf *out);
uint64_t bk_wire_prekeys_claim(struct bk_wire_line *l, const bk_id *devices, size_t n, struct bk_ws_buf *out);
uint64_t bk_wire_duty(struct bk_wire_line *l, bool on, struct bk_ws_buf *out);
uint64_t bk_wire_roster_get(struct bk_wire_line *l, bk_id circle, uint64_t have, struct bk_ws_buf *out);
uint64_t bk_wire_circles_get(struct bk_wire_line *l, bk_id after, struct bk_ws_buf *out);
uint64_t bk_wire_claim(struct bk_wire_line *l, Baken__Claim__Verb verb, const uint8_t tag[static 32],
	uint64_t lease_ms, struct bk_ws_buf *out);
uint64_t bk_wire_body_get(struct bk_wire_line *l, bk_hash hash, struct bk_ws_buf *out);
uint64_t bk_wire_drill(struct bk_wire_line *l, struct bk_ws_buf *out);

/* The error number of an Error frame; 0 of any other. */
int bk_wire_error(const Baken__Frame *f);

#endif
