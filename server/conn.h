/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A connection as the server sees it: phase, who it is, what it has been sent and has not yet acknowledged.
 * Knows no socket: bytes come from net.c, frames go to it.
 *
 * Invariant: one live connection per device; before login only Hello, login, resume and enrol pass.
 * Threads: loop. Memory: a conn is found by its number (never used twice) from jobs, so a late answer to a
 * connection that went away finds nobody.
 */
#ifndef BK_CONN_H
#define BK_CONN_H

#include "err.h"
#include "net.h"
#include "roles.h"
#include "wire.pb-c.h"

struct bk_server;

enum bk_phase { BK_PHASE_HELLO, BK_PHASE_WAIT, BK_PHASE_ENROL, BK_PHASE_ONLINE, BK_PHASE_CLOSED };

struct bk_flight { /* deliveries that wait for their ack */
	uint64_t seq;
	bk_ms again_ms; /* nacked: deliver again then; 0 */
	bool acked;     /* its ack is on the way to the disk */
};

struct bk_greeting { /* until login */
	uint8_t nonce[32];
	uint8_t exporter[32];
	bool has_exporter;
};

struct bk_out_batch; /* batch.h */

struct bk_conn {
	uint64_t number;
	struct bk_server *server;
	struct bk_wire *wire;
	enum bk_phase phase;
	enum bk_lang lang;
	bool tls;
	bool paused;
	bool backlog;    /* the store may hold more than is in flight */
	bool tail;       /* was false once: tail_seq is the last that waited at login */
	bool caught_up;  /* said so */
	bool in_round;   /* on the server's round list */
	char address[BK_ADDRESS_TEXT];
	struct bk_greeting *greeting;
	bk_ms opened_ms, seen_ms; /* seen: last byte received */
	bk_id device, account, circle, session, desk, care;
	bk_id invite;             /* phase ENROL */
	Baken__Role role;
	Baken__CircleKind kind;
	bk_hash token;            /* hash of the /files token */
	struct bk_flight *flight; /* BK_DELIVER_WINDOW, made at the first delivery */
	uint32_t n_flight;
	uint64_t tail_seq;
	struct bk_conn *round_next, *tick_next, **tick_prev;
	struct bk_out_batch *batch;
};

/* net.c -> conn. NULL: refused. */
struct bk_conn *bk_conn_open(struct bk_server *s, struct bk_wire *w, const struct bk_peer *peer);
/* 0, or the WebSocket close code with which the connection must end. */
uint16_t bk_conn_message(struct bk_conn *c, const void *data, size_t len);
void bk_conn_alive(struct bk_conn *c); /* any byte, pong included */
void bk_conn_closed(struct bk_conn *c);

struct bk_conn *bk_conn_find(struct bk_server *s, uint64_t number);
void bk_conn_send(struct bk_conn *c, Baken__Frame *f);
void bk_conn_error(struct bk_conn *c, uint64_t request, int err, uint64_t retry_after_ms);
/* BK_E_REVOKED with the newest roster of that circle: the proof a client asks for before it wipes. Uses out_arena. */
void bk_conn_error_revoked(struct bk_conn *c, uint64_t request, bk_id circle);
void bk_conn_error_fill(const struct bk_conn *c, Baken__Error *m, int err, uint64_t retry_after_ms);
/* Says GoAway; what it still says is not heard, what is still owed to it leaves. bk_net_close ends it. */
void bk_conn_leave(struct bk_conn *c, const char *reason, uint32_t retry_after_ms);
/* Leaves and ends. */
void bk_conn_end(struct bk_conn *c, uint16_t code, const char *reason, uint32_t retry_after_ms);
void bk_conn_cut(struct bk_conn *c, const char *reason); /* at once; nothing more leaves */
void bk_conn_revoke(struct bk_conn *c);                  /* the same, after telling it that it was withdrawn */

#endif
