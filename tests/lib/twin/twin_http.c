/* SPDX-License-Identifier: GPL-3.0-or-later */
/* HTTP without sockets: a core's request becomes the server's bk_web_head, its answer a result for the core. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "twin.h"
#include "twin_in.h"
#include "web.h"

#define PIECE 65536u

struct bk_http {
	bool answered;
	struct bk_web_answer answer;
};

void bk_net_answer(struct bk_http *h, const struct bk_web_answer *answer)
{
	h->answer = *answer;
	h->answered = true;
}

/* The value of a header in "Name: value\n..." or "...\r\n"; out stays empty without it. */
static bool header(const char *headers, const char *name, char *out, size_t max)
{
	size_t n = strlen(name);

	out[0] = '\0';
	for (const char *line = headers; line && *line; line = strchr(line, '\n'), line = line ? line + 1 : NULL) {
		if (strncasecmp(line, name, n) != 0 || line[n] != ':')
			continue;
		line += n + 1;
		line += strspn(line, " ");
		snprintf(out, max, "%.*s", (int)strcspn(line, "\r\n"), line);
		return true;
	}
	return false;
}

static int64_t number(const char *headers, const char *name)
{
	char text[32];

	return header(headers, name, text, sizeof text) ? strtoll(text, NULL, 10) : -1;
}

static enum bk_web_method method_of(const char *name)
{
	static const char *const names[] = {"", "GET", "HEAD", "POST", "PATCH", "DELETE", "OPTIONS"};

	for (size_t i = 1; i < sizeof names / sizeof *names; i++)
		if (strcmp(names[i], name) == 0)
			return (enum bk_web_method)i;
	return BK_WEB_OTHER;
}

static void read_head(const struct bk_core_http *h, struct bk_web_head *head)
{
	memset(head, 0, sizeof *head);
	head->method = method_of(h->method);
	snprintf(head->path, sizeof head->path, "%s", h->path);
	strcpy(head->address, "127.0.0.1");
	head->content_length = h->has_blob ? (int64_t)h->len : 0;
	head->upload_offset = number(h->headers, "upload-offset");
	head->upload_length = number(h->headers, "upload-length");
	header(h->headers, "authorization", head->authorization, sizeof head->authorization);
	header(h->headers, "tus-resumable", head->tus_resumable, sizeof head->tus_resumable);
	header(h->headers, "content-type", head->content_type, sizeof head->content_type);
	header(h->headers, "upload-checksum", head->checksum, sizeof head->checksum);
	header(h->headers, "range", head->range, sizeof head->range);
}

static void give_body(struct bk_twin_device *d, struct bk_web *web, const struct bk_core_http *h)
{
	uint8_t buf[PIECE];
	uint64_t at = 0;

	while (at < h->len) {
		size_t want = h->len - at < sizeof buf ? (size_t)(h->len - at) : sizeof buf, n = 0;

		BK_ASSERT(d->blobs->ops->read(d->blobs, h->blob, h->offset + at, buf, want, &n) == 0 && n);
		if (!bk_web_body(web, buf, n))
			return;
		at += n;
	}
}

static void give_result(struct bk_twin_device *d, uint64_t request, const struct bk_web_answer *a)
{
	char location[200];
	struct bk_core_http_result r = {
		.request = request,
		.status = a->status,
		.location = header(a->headers, "location", location, sizeof location) ? location : NULL,
		.upload_offset = number(a->headers, "upload-offset"),
		.last = a->fd < 0,
	};
	uint8_t buf[PIECE];
	uint64_t at = 0;

	if (a->fd < 0) {
		bk_twin_turn(d, bk_core_http_done(d->core, &r, bk_now()));
		return;
	}
	while (at < a->len && d->core) {
		size_t want = a->len - at < sizeof buf ? (size_t)(a->len - at) : sizeof buf;
		ssize_t n = pread(a->fd, buf, want, (off_t)(a->offset + at));

		BK_ASSERT(n > 0);
		at += (uint64_t)n;
		r.body = buf;
		r.len = (size_t)n;
		r.last = at == a->len;
		bk_twin_turn(d, bk_core_http_done(d->core, &r, bk_now()));
	}
	close(a->fd);
}

void bk_twin_http(struct bk_twin_device *d, const struct bk_core_http *h)
{
	struct bk_twin *t = d->twin;
	struct bk_http http = {.answered = false};
	struct bk_core_http_result failed = {.request = h->request, .err = BK_E_NET, .upload_offset = -1, .last = true};
	struct bk_web *web = NULL;
	struct bk_web_head head;
	enum bk_web_next next;

	if (t->down || d->cut) {
		bk_twin_turn(d, bk_core_http_done(d->core, &failed, bk_now()));
		return;
	}
	read_head(h, &head);
	next = bk_web_begin(&t->server, &head, &http, &web, &http.answer);
	if (next == BK_WEB_WANT_BODY) {
		give_body(d, web, h);
		next = bk_web_end(web, &http.answer);
	}
	while (next == BK_WEB_LATER && !http.answered)
		uv_run(&t->loop, UV_RUN_ONCE);
	if (web)
		bk_web_gone(web);
	give_result(d, failed.request, &http.answer);
}
