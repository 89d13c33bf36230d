/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * HTTP for files: carries out the core's BK_CORE_HTTP actions, one at a time, with libcurl in a worker thread,
 * under the same TLS rules as the link and pinned to the very key that the link's server showed.
 *
 * Threads: calls and callbacks on the loop's thread; the worker sees only its own copy of one request.
 * Memory: the action is copied; the result is borrowed for the callback.
 */
#ifndef BK_HTTP_H
#define BK_HTTP_H

#include <uv.h>

#include "core.h"

#define BK_HTTP_BODY_MAX (4u * 1024u * 1024u) /* either way; the core asks for pieces of 1 MiB */
#define BK_HTTP_QUEUE_MAX 64u

struct bk_http;
typedef void (*bk_http_done)(void *arg, const struct bk_core_http_result *result);

int bk_http_new(uv_loop_t *loop, const char *ca_file, struct bk_blobs *blobs, bk_http_done done, void *arg,
	struct bk_http **ret_http);
/* Where later requests go and which key the server must show; set when the link is up. One that runs is left alone. */
int bk_http_target(struct bk_http *h, const char *host, uint16_t port, bk_hash spki);
/* Always answered, by the callback; BK_E_FULL when it cannot be queued. */
int bk_http_start(struct bk_http *h, const struct bk_core_http *request);
/* Forgets what is queued and waits for the running request; run the loop until it is empty, then free. */
void bk_http_stop(struct bk_http *h);
void bk_http_free(struct bk_http *h);

#endif
