/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Load: thousands of devices of a realm on one epoll, speaking the real wire to a real server, over TLS or plain.
 *
 * Threads: one. Memory: connections are found by number; frames given to on_frame live until it returns.
 */
#ifndef BK_LOAD_H
#define BK_LOAD_H

#include <openssl/ssl.h>

#include "realm.h"

enum bk_load_phase { BK_LOAD_CLOSED, BK_LOAD_CONNECTING, BK_LOAD_TLS, BK_LOAD_UPGRADE, BK_LOAD_HELLO, BK_LOAD_LOGIN,
	BK_LOAD_ONLINE };

struct bk_load;
struct bk_load_conn {
	struct bk_load *load;
	uint32_t index;
	int fd;
	enum bk_load_phase phase;
	bool resume, writable_wanted, has_ticket, dirty;
	SSL *ssl;
	struct bk_wire_line line;
	struct bk_ws_in in;
	struct bk_ws_buf out;
	uint64_t sent_ns;
};

struct bk_load {
	const struct bk_realm *realm;
	bool tls;
	int epoll;
	SSL_CTX *ctx;
	struct bk_arena *arena;
	struct bk_ws_buf frame; /* for builders */
	struct bk_load_conn *conns;
	uint32_t n, online, failed, dialling;
	uint32_t *dirty, n_dirty; /* have bytes to send */
	void *arg;
	void (*on_online)(struct bk_load_conn *c);                      /* may be NULL */
	void (*on_frame)(struct bk_load_conn *c, const Baken__Frame *f); /* once online; may be NULL */
};

/* n connections that do not exist yet; connection i is device first + i. */
void bk_load_init(struct bk_load *l, const struct bk_realm *r, uint32_t first, uint32_t n, bool tls);
void bk_load_done(struct bk_load *l);
void bk_load_dial(struct bk_load *l, uint32_t index, bool resume);
void bk_load_hang_up(struct bk_load_conn *c);
/* Dials them all, at most `at_once` in progress (0: no limit); true when all are online in time. */
bool bk_load_dial_all(struct bk_load *l, bool resume, uint32_t at_once, uint64_t timeout_ms);
/* Waits at most so long for something to happen, and handles it. */
void bk_load_turn(struct bk_load *l, int timeout_ms);
/* Queues what a builder left in l->frame; it leaves at the end of the turn, or by bk_load_flush. */
void bk_load_send(struct bk_load_conn *c);
void bk_load_flush(struct bk_load *l);

#endif
