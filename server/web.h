/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * HTTP on the same port as the WebSocket, without libwebsockets: a request as plain values in, an answer out.
 * /healthz, and /files by the tus 1.0 protocol (tus.io/protocols/resumable-upload: core, creation, expiration,
 * checksum, termination) plus GET of a complete file by its hash. Everything else is 404.
 *
 * Threads: loop. Memory: a request's state belongs to web.c from begin until gone.
 */
#ifndef BK_WEB_H
#define BK_WEB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net.h"

#define BK_WEB_HEADERS 1024
#define BK_WEB_BODY 256
#define BK_WEB_CHUNK_MAX (8u * 1024u * 1024u) /* one PATCH: bounds what a cut connection must send again */

enum bk_web_method { BK_WEB_OTHER, BK_WEB_GET, BK_WEB_HEAD, BK_WEB_POST, BK_WEB_PATCH, BK_WEB_DELETE, BK_WEB_OPTIONS };

/* Empty strings and -1 when a header is absent. */
struct bk_web_head {
	enum bk_web_method method;
	char path[256];
	char address[BK_ADDRESS_TEXT];
	int64_t content_length;
	int64_t upload_offset, upload_length;
	char authorization[96];
	char tus_resumable[16];
	char content_type[64];
	char checksum[96];
	char range[64];
};

struct bk_web_answer {
	int status;
	char headers[BK_WEB_HEADERS]; /* "name: value\n" each */
	char body[BK_WEB_BODY];
	size_t body_len;
	int fd;                       /* -1, or a file whose bytes offset.. are the body; taken */
	uint64_t offset, len;
	bool head;                    /* length is told, no body is sent */
	bool close;                   /* the connection ends after it */
};
void bk_web_answer_init(struct bk_web_answer *a, int status);

struct bk_web;
enum bk_web_next { BK_WEB_ANSWER, BK_WEB_WANT_BODY, BK_WEB_LATER };
/* ANSWER: *ret_answer is filled. LATER: bk_net_answer(http) follows. *ret_web may stay NULL with ANSWER. */
enum bk_web_next bk_web_begin(struct bk_server *s, const struct bk_web_head *head, struct bk_http *http,
	struct bk_web **ret_web, struct bk_web_answer *ret_answer);
/* false: the rest is not wanted (the answer of end says why). */
bool bk_web_body(struct bk_web *w, const void *data, size_t len);
enum bk_web_next bk_web_end(struct bk_web *w, struct bk_web_answer *ret_answer);
/* The connection went away or the answer has been given: `http` is no longer valid. */
void bk_web_gone(struct bk_web *w);

#endif
