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
#ifndef BK_LINK_H
#define BK_LINK_H

#include <uv.h>

#include "core.h"

struct bk_link;

struct bk_link_callbacks {
	void (*connected)(void *arg, const struct bk_core_link *info);
	void (*received)(void *arg, const void *frame, size_t len);
	/* BK_E_NET, BK_E_TLS, BK_E_TIMEOUT; also when a connect failed. Once per connect. */
	void (*disconnected)(void *arg, int err);
};

/* ca_file NULL: the system's certificate authorities. */
int bk_link_new(uv_loop_t *loop, const char *ca_file, const struct bk_link_callbacks *cb, void *arg,
	struct bk_link **ret_link);
/* Closes at once, without callbacks; run the loop afterwards until it is empty, then bk_link_free. */
void bk_link_stop(struct bk_link *link);
void bk_link_free(struct bk_link *link);

int bk_link_connect(struct bk_link *link, const char *host, uint16_t port);
void bk_link_disconnect(struct bk_link *link);
/* Copies. BK_E_NET when not connected, BK_E_FULL over BK_LINK_QUEUE_MAX bytes. */
int bk_link_send(struct bk_link *link, const void *frame, size_t len);
#define BK_LINK_QUEUE_MAX (16u * 1024u * 1024u) /* a window of large submits */

#endif
