/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Empty POSTs to push hosts: libcurl's multi interface on the loop. The certificate and the name are verified; no
 * redirect is followed, no proxy asked, no cookie kept, and what the host says is read for status and Retry-After
 * only. An address that is not public is not connected to, whatever the name resolves to.
 *
 * Threads: loop (libcurl resolves names in a thread of its own). Memory: a post is copied.
 */
#ifndef BK_PUSH_HTTP_H
#define BK_PUSH_HTTP_H

#include <uv.h>

#include "ids.h"

#define BK_PUSH_FLIGHTS_MAX 32u /* at once */

struct bk_push_http;

struct bk_push_post {
	const char *endpoint, *authorization, *urgency;
	uint32_t ttl_s;
	bk_id device; /* the asker's, given back */
};
struct bk_push_reply {
	bk_id device;
	int err;     /* BK_E_NET, BK_E_TLS, BK_E_TIMEOUT; 0: look at status */
	long status;
	char retry_after[64]; /* "" when not said */
};
typedef void (*bk_push_http_done)(void *arg, const struct bk_push_reply *reply);

/* ca_file: NULL or "": the system's. near: this machine's addresses are allowed. */
int bk_push_http_start(uv_loop_t *loop, const char *ca_file, bool near, bk_push_http_done done, void *arg,
	struct bk_push_http **ret_http);
/* Always answered, later, by done. BK_E_FULL above BK_PUSH_FLIGHTS_MAX, BK_E_NOMEM. */
int bk_push_http_post(struct bk_push_http *h, const struct bk_push_post *post);
/* Ends what runs, unanswered. Run the loop until it is empty, then free. */
void bk_push_http_stop(struct bk_push_http *h);
void bk_push_http_free(struct bk_push_http *h); /* NULL: nothing */

#endif
