/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What net.c (WebSocket, context) and net_http.c (requests) share; the one inclusion of libwebsockets. Threads: loop. */
#ifndef BK_NET_IN_H
#define BK_NET_IN_H

#include <libwebsockets.h>

struct bk_server;

#define BK_HTTP_BYTES 64u /* per session data of a request: a pointer and a flag */

int bk_http_begin(struct bk_server *s, struct lws *wsi, void *session, const char *uri);
int bk_http_body(void *session, const void *data, size_t len);
int bk_http_end(void *session);
int bk_http_write(void *session);
void bk_http_closed(void *session);

#endif
