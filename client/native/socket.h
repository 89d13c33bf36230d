/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Link: one WebSocket to bakend over TLS 1.3, on the caller's uv loop. It proves to the core which key the
 * server used (SPKI hash) and binds the login to the connection (TLS exporter, RFC 9266); it decides nothing.
 *
 * Invariant: always TLS, always a verified chain (the CA file given, or the system's when none is given) and
 * host name; there is no switch that turns this off.
 *
 * Threads: the loop's. Memory: frames given to the callbacks are borrowed for the call.
 */
#ifndef BK_SOCKET_H
#define BK_SOCKET_H

#include <uv.h>

#include "core.h"

struct bk_socket;

struct bk_socket_callbacks {
	void (*connected)(void *arg, const struct bk_core_link *info);
	void (*received)(void *arg, const void *frame, size_t len);
	/* BK_E_NET, BK_E_TLS, BK_E_TIMEOUT; also when a connect failed. Once per connect. */
	void (*disconnected)(void *arg, int err);
};

/* ca_file NULL: the system's certificate authorities. */
int bk_socket_new(uv_loop_t *loop, const char *ca_file, const struct bk_socket_callbacks *cb, void *arg,
	struct bk_socket **ret_link);
/* Closes at once, without callbacks; run the loop afterwards until it is empty, then bk_socket_free. */
void bk_socket_stop(struct bk_socket *link);
void bk_socket_free(struct bk_socket *link);

int bk_socket_connect(struct bk_socket *link, const char *host, uint16_t port);
void bk_socket_disconnect(struct bk_socket *link);
/* Copies. BK_E_NET when not connected, BK_E_FULL over BK_SOCKET_QUEUE_MAX bytes. */
int bk_socket_send(struct bk_socket *link, const void *frame, size_t len);
#define BK_SOCKET_QUEUE_MAX (16u * 1024u * 1024u) /* a window of large submits */

#endif
