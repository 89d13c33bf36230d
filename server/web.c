/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "web.h"

#include <stdio.h>
#include <string.h>

#include "files.h"
#include "live.h"
#include "server.h"

void bk_web_answer_init(struct bk_web_answer *a, int status)
{
	memset(a, 0, sizeof *a);
	a->status = status;
	a->fd = -1;
	snprintf(a->headers, sizeof a->headers, "cache-control: no-store\ntus-resumable: 1.0.0\n");
}

static enum bk_web_next plain(struct bk_web_answer *a, int status, const char *text)
{
	bk_web_answer_init(a, status);
	strcat(a->headers, "content-type: text/plain; charset=utf-8\n");
	a->body_len = (size_t)snprintf(a->body, sizeof a->body, "%s\n", text);
	return BK_WEB_ANSWER;
}

/* "Bearer <64 hex>": the token of a live session. */
static struct bk_conn *who(struct bk_server *s, const struct bk_web_head *head)
{
	uint8_t token[32];

	if (strncmp(head->authorization, "Bearer ", 7) != 0 || bk_hex_decode(token, sizeof token, head->authorization + 7) != 0)
		return NULL;
	return bk_live_token(s, token);
}

enum bk_web_next bk_web_begin(struct bk_server *s, const struct bk_web_head *head, struct bk_http *http,
	struct bk_web **ret_web, struct bk_web_answer *ret_answer)
{
	struct bk_conn *c;

	if (strcmp(head->path, "/healthz") == 0 && head->method != BK_WEB_GET && head->method != BK_WEB_HEAD)
		return plain(ret_answer, 405, "GET or HEAD");
	if (strcmp(head->path, "/healthz") == 0)
		return s->stopping || s->writes_failed ? plain(ret_answer, 503, "not ready") : plain(ret_answer, 200, "ok");
	if (strncmp(head->path, "/files", 6) != 0 || (head->path[6] && head->path[6] != '/'))
		return plain(ret_answer, 404, "not found");
	c = who(s, head);
	if (!c) {
		uint64_t wait = bk_throttle_address(&s->throttle, head->address, BK_RATE_LOGIN, bk_now());

		return wait ? plain(ret_answer, 429, "too many requests") : plain(ret_answer, 401, "log in first");
	}
	bk_conn_alive(c); /* a device that uploads is not silent */
	return bk_files_request(s, c, head, head->path + 6, http, ret_web, ret_answer);
}
