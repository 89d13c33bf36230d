/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net_in.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server.h"
#include "web.h"

#define FILE_PIECE 16384u /* bytes of a file written at once */
#define HEADER_ROOM 2048u

struct bk_http {
	struct lws *wsi;
	struct bk_server *server;
	struct bk_web *web;
	bool headers_sent, answered, refused; /* refused: the rest of the body is thrown away */
	struct bk_web_answer answer;
};
struct session { /* zeroed by lws */
	struct bk_http *http;
};
_Static_assert(sizeof(struct session) <= BK_HTTP_BYTES, "the session holds its pointer");

static void copy_header(struct lws *wsi, const char *name, char *out, size_t max)
{
	int n = lws_hdr_custom_copy(wsi, out, (int)max, name, (int)strlen(name));

	if (n < 0)
		out[0] = '\0';
}

static void copy_token(struct lws *wsi, enum lws_token_indexes token, char *out, size_t max)
{
	if (lws_hdr_copy(wsi, out, (int)max, token) < 0)
		out[0] = '\0';
}

/* A whole decimal number, else -1. */
static int64_t number_of(const char *text)
{
	char *end;
	long long v;

	if (!*text || *text < '0' || *text > '9')
		return -1;
	v = strtoll(text, &end, 10);
	return *end ? -1 : v;
}

static enum bk_web_method method_of(struct lws *wsi)
{
	static const struct {
		enum lws_token_indexes token;
		enum bk_web_method method;
	} all[] = {
		{WSI_TOKEN_GET_URI, BK_WEB_GET},
		{WSI_TOKEN_HEAD_URI, BK_WEB_HEAD},
		{WSI_TOKEN_POST_URI, BK_WEB_POST},
		{WSI_TOKEN_PATCH_URI, BK_WEB_PATCH},
		{WSI_TOKEN_DELETE_URI, BK_WEB_DELETE},
		{WSI_TOKEN_OPTIONS_URI, BK_WEB_OPTIONS},
	};

	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (lws_hdr_total_length(wsi, all[i].token) > 0)
			return all[i].method;
	return BK_WEB_OTHER;
}

/*
 * Only a body whose length is told can be told from the next request on the same connection: lws takes a POST
 * without one for 100 MB long, reads "5, 6" as 5 and knows no chunks. 0, or the status of the refusal.
 */
static int body_fault(struct lws *wsi, const struct bk_web_head *h)
{
	bool told = lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH) > 0;

	if (lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING) > 0)
		return 411;
	if (told && (h->content_length < 0 || (h->content_length > 0 && h->method != BK_WEB_PATCH)))
		return 400; /* only a PATCH carries something */
	return !told && (h->method == BK_WEB_POST || h->method == BK_WEB_PATCH || h->method == BK_WEB_OTHER) ? 411 : 0;
}

static void read_head(struct lws *wsi, const char *uri, struct bk_web_head *h)
{
	char number[24];

	memset(h, 0, sizeof *h);
	h->method = method_of(wsi);
	snprintf(h->path, sizeof h->path, "%s", uri);
	lws_get_peer_simple(wsi, h->address, sizeof h->address);
	copy_token(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH, number, sizeof number);
	h->content_length = number_of(number);
	copy_token(wsi, WSI_TOKEN_HTTP_CONTENT_TYPE, h->content_type, sizeof h->content_type);
	copy_token(wsi, WSI_TOKEN_HTTP_AUTHORIZATION, h->authorization, sizeof h->authorization);
	copy_token(wsi, WSI_TOKEN_HTTP_RANGE, h->range, sizeof h->range);
	copy_header(wsi, "upload-offset:", number, sizeof number);
	h->upload_offset = number_of(number);
	copy_header(wsi, "upload-length:", number, sizeof number);
	h->upload_length = number_of(number);
	copy_header(wsi, "upload-checksum:", h->checksum, sizeof h->checksum);
	copy_header(wsi, "tus-resumable:", h->tus_resumable, sizeof h->tus_resumable);
}

static void want_write(struct bk_http *h)
{
	h->answered = true;
	if (h->wsi)
		lws_callback_on_writable(h->wsi);
}

void bk_net_answer(struct bk_http *h, const struct bk_web_answer *answer)
{
	h->answer = *answer;
	want_write(h);
}

int bk_http_begin(struct bk_server *s, struct lws *wsi, void *session, const char *uri)
{
	struct session *se = session;
	struct bk_http *h;
	struct bk_web_head head;
	enum bk_web_next next;
	int fault;

	if (!se || !uri)
		return -1;
	bk_http_closed(session); /* the connection's request before this one */
	h = calloc(1, sizeof *h);
	if (!h)
		return -1;
	se->http = h;
	h->wsi = wsi;
	h->server = s;
	h->answer.fd = -1;
	s->stats.http_requests++;
	read_head(wsi, uri, &head);
	fault = body_fault(wsi, &head);
	if (fault)
		bk_web_answer_init(&h->answer, fault);
	next = fault ? BK_WEB_ANSWER : bk_web_begin(s, &head, h, &h->web, &h->answer);
	if (next != BK_WEB_ANSWER)
		return 0;
	h->refused = true;
	if (head.method == BK_WEB_HEAD && !h->answer.head) {
		h->answer.head = true;
		h->answer.len = h->answer.body_len;
	}
	/* A body that is not wanted still stands on the line: answering and closing is the only clean end. */
	if (head.content_length > 0 || fault)
		h->answer.close = true;
	want_write(h);
	return 0;
}

int bk_http_body(void *session, const void *data, size_t len)
{
	struct bk_http *h = session ? ((struct session *)session)->http : NULL;

	if (!h)
		return -1;
	if (!h->refused && h->web && !bk_web_body(h->web, data, len))
		h->refused = true;
	return 0;
}

int bk_http_end(void *session)
{
	struct bk_http *h = session ? ((struct session *)session)->http : NULL;

	if (!h)
		return -1;
	if (!h->answered && h->web && bk_web_end(h->web, &h->answer) == BK_WEB_ANSWER)
		want_write(h);
	return 0;
}

/* "name: value\n" lines to lws' header block. */
static int add_lines(struct bk_http *h, uint8_t **p, uint8_t *end)
{
	char *line = h->answer.headers, *next;

	for (; *line; line = next) {
		char name[64], *colon = strchr(line, ':'), *nl = strchr(line, '\n');

		if (!colon || !nl || colon > nl || (size_t)(colon - line) + 2 > sizeof name)
			return -1;
		next = nl + 1;
		memcpy(name, line, (size_t)(colon - line) + 1);
		name[colon - line + 1] = '\0';
		colon += 2;
		if (lws_add_http_header_by_name(h->wsi, (const unsigned char *)name, (const unsigned char *)colon,
			    (int)(nl - colon), p, end))
			return -1;
	}
	return 0;
}

static int send_headers(struct bk_http *h)
{
	uint8_t buf[LWS_PRE + HEADER_ROOM], *start = buf + LWS_PRE, *p = start, *end = buf + sizeof buf - 1;
	uint64_t len = h->answer.fd >= 0 || h->answer.head ? h->answer.len : h->answer.body_len;

	if (h->answer.status >= 400)
		h->server->stats.http_errors++;
	if (lws_add_http_common_headers(h->wsi, (unsigned)h->answer.status, NULL, len, &p, end) || add_lines(h, &p, end))
		return -1;
	if (h->answer.close && lws_add_http_header_by_token(h->wsi, WSI_TOKEN_CONNECTION, (const unsigned char *)"close", 5, &p, end))
		return -1;
	if (lws_finalize_write_http_header(h->wsi, start, &p, end))
		return -1;
	h->headers_sent = true;
	return 0;
}

static int send_body(struct bk_http *h, bool *ret_done)
{
	uint8_t buf[LWS_PRE + FILE_PIECE];
	struct bk_web_answer *a = &h->answer;
	size_t len = a->body_len;
	bool last = true;

	if (a->fd >= 0) {
		ssize_t n;

		len = a->len < FILE_PIECE ? (size_t)a->len : FILE_PIECE;
		n = pread(a->fd, buf + LWS_PRE, len, (off_t)a->offset);
		if (n <= 0)
			return -1; /* shorter than promised: the client must see a broken transfer, not a short file */
		len = (size_t)n;
		a->offset += len;
		a->len -= len;
		last = a->len == 0;
		h->server->stats.file_bytes_out += len;
	} else if (len) {
		memcpy(buf + LWS_PRE, a->body, len);
	}
	if (len && lws_write(h->wsi, buf + LWS_PRE, len, last ? LWS_WRITE_HTTP_FINAL : LWS_WRITE_HTTP) < 0)
		return -1;
	*ret_done = last;
	return 0;
}

int bk_http_write(void *session)
{
	struct bk_http *h = session ? ((struct session *)session)->http : NULL;
	struct lws *wsi;
	bool done = false, ends;

	if (!h || !h->answered) /* comes unasked too */
		return 0;
	wsi = h->wsi;
	if (!h->headers_sent) {
		if (send_headers(h))
			return -1;
		done = h->answer.head || (h->answer.fd < 0 && !h->answer.body_len) || (h->answer.fd >= 0 && !h->answer.len);
		if (!done) {
			lws_callback_on_writable(wsi);
			return 0;
		}
	} else if (send_body(h, &done)) {
		return -1;
	}
	if (!done) {
		lws_callback_on_writable(wsi);
		return 0;
	}
	ends = h->answer.close;
	bk_http_closed(session);
	return ends || lws_http_transaction_completed(wsi) ? -1 : 0;
}

void bk_http_closed(void *session)
{
	struct session *se = session;
	struct bk_http *h = se ? se->http : NULL;

	if (!h)
		return;
	se->http = NULL;
	if (h->web)
		bk_web_gone(h->web);
	if (h->answer.fd >= 0)
		close(h->answer.fd);
	free(h);
}
