/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A blocking WebSocket client over TLS 1.3 or plain TCP on loopback, for tests that talk to a real server. Every
 * wait has an end. Pings are answered here.
 *
 * Threads: one. Memory: bk_sock_close frees; received bytes live until the next call.
 */
#ifndef BK_SOCK_H
#define BK_SOCK_H

#include "ids.h"
#include "ws.h"

struct bk_sock;

struct bk_sock_options {
	uint16_t port;
	bool tls;
	const char *ca;       /* PEM file; NULL: the certificate is not checked */
	const char *path;     /* NULL: /v1 */
	const char *protocol; /* NULL: baken.v1; "": none */
	bool raw;             /* no WebSocket: bytes go as they are */
	bool old_tls;         /* offer TLS 1.2 at most */
	uint64_t timeout_ms;  /* of each wait; 0: 10,000 */
};

/* BK_E_NET nobody there or refused, BK_E_TLS, BK_E_TIMEOUT. */
int bk_sock_open(const struct bk_sock_options *o, struct bk_sock **ret_sock);
void bk_sock_close(struct bk_sock *s); /* without a word */
/* RFC 9266; BK_E_TLS without TLS. */
int bk_sock_exporter(struct bk_sock *s, uint8_t out[static 32]);

/* One binary message. */
int bk_sock_send(struct bk_sock *s, const void *data, size_t len);
/* One frame of any kind. */
int bk_sock_send_frame(struct bk_sock *s, uint8_t opcode, bool fin, const void *data, size_t len);
int bk_sock_send_raw(struct bk_sock *s, const void *data, size_t len);
/*
 * The next data message. BK_E_TIMEOUT; BK_E_NET when the other side is gone: then bk_sock_code is the close code
 * (1006 without one). timeout_ms 0: that of the options.
 */
int bk_sock_recv(struct bk_sock *s, uint64_t timeout_ms, const uint8_t **ret_data, size_t *ret_len);
uint16_t bk_sock_code(const struct bk_sock *s);
/* Raw: whatever bytes come next. BK_E_TIMEOUT, BK_E_NET. */
int bk_sock_recv_raw(struct bk_sock *s, uint64_t timeout_ms, const uint8_t **ret_data, size_t *ret_len);
int bk_sock_fd(const struct bk_sock *s);

#endif
