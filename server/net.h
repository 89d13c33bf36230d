/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The network: TLS, WebSocket and HTTP by libwebsockets 4.1.6 on the server's own libuv loop, with our own
 * listening sockets, reassembly with a bound, queues with a bound, and closing outside of callbacks. The one
 * file that knows libwebsockets; what it must guard against is told at each place (docs/decisions/).
 *
 * Threads: loop. Memory: a wire lives from bk_conn_open until bk_conn_closed returns; buffers given to send are
 * taken. Errors: a wire that cannot go on is closed with a reason, and bk_conn_closed follows.
 */
#ifndef BK_NET_H
#define BK_NET_H

#include <uv.h>

#include "ids.h"

struct bk_server;
struct bk_net;
struct bk_wire; /* one WebSocket connection */

#define BK_NET_QUEUE_MAX (4u * 1024u * 1024u) /* bytes waiting for one slow client, then it is cut and resyncs */
#define BK_ADDRESS_TEXT 48

struct bk_peer {
	char address[BK_ADDRESS_TEXT]; /* numeric */
	bool tls;
	bool has_exporter;
	uint8_t exporter[32];
};

/* Opens context, virtual hosts and listening sockets; BK_E_TLS, BK_E_NET after a log line. */
int bk_net_start(struct bk_server *s, struct bk_net **ret_net);
/* No new connections. */
void bk_net_stop_listening(struct bk_net *n);
/* Every wire gets its close frame; the loop must go on until bk_net_idle. */
void bk_net_close_all(struct bk_net *n, uint16_t code, const char *reason);
bool bk_net_idle(const struct bk_net *n);
/* Ends the context; run the loop to its end, then bk_net_free. */
void bk_net_stop(struct bk_net *n);
void bk_net_free(struct bk_net *n);
/* SHA-256 of the SubjectPublicKeyInfo of our TLS certificate; zero when there is only a plain listener. */
bk_hash bk_net_spki(const struct bk_net *n);

/* listen.c gives accepted sockets here; takes fd and ticket (bk_listen_gone gives it back). */
void bk_net_adopt(struct bk_net *n, int fd, bool tls, uintptr_t ticket);

/* Payload area of a message to send; NULL without memory. */
uint8_t *bk_net_buffer(size_t len);
void bk_net_buffer_free(uint8_t *buffer);
/* Takes the buffer. */
void bk_net_send(struct bk_wire *w, uint8_t *buffer, size_t len);
/* Throws away what is queued. */
void bk_net_drop(struct bk_wire *w);
void bk_net_ping(struct bk_wire *w);
/* After what is queued has left; cut: at once. May be called from anywhere; the wire ends later. */
void bk_net_close(struct bk_wire *w, uint16_t code, const char *reason, bool cut);
/* Stop or go on reading from it. */
void bk_net_pause(struct bk_wire *w, bool paused);

/* HTTP: see web.h. */
struct bk_web_answer;
struct bk_http;
void bk_net_answer(struct bk_http *h, const struct bk_web_answer *answer);

#endif
