/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "http.h"

#include <curl/curl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define CONNECT_TIMEOUT_S 20L
#define STALL_BYTES_PER_S 16L /* slower than this for STALL_S is a dead line, not a slow one */
#define STALL_S 60L

struct job {
	struct job *next;
	uint64_t request;
	char method[8];
	char *url;
	char pin[64]; /* sha256//BASE64: the key of the link it was asked on */
	bool fresh;   /* not over a connection of the link before */
	struct curl_slist *headers;
	uint8_t *out;      /* request body */
	size_t out_len, out_at;
	uint8_t *in;       /* response body */
	size_t in_len, in_cap;
	char *location;
	int64_t upload_offset;
	long status;
	int err;
};

struct bk_http {
	uv_loop_t *loop;
	uv_work_t work;
	CURL *curl;
	struct bk_blobs *blobs;
	bk_http_done done;
	void *arg;
	char *ca_file;
	char host[300];
	uint16_t port;
	char pin[64]; /* sha256//BASE64 */
	struct job *running, *head, **tail;
	size_t waiting;
	bool stopped, retarget; /* the loop's; the worker looks at its job alone */
};

static void free_job(struct job *j)
{
	if (!j)
		return;
	curl_slist_free_all(j->headers);
	free(j->url);
	free(j->out);
	free(j->in);
	free(j->location);
	free(j);
}

static size_t give_body(char *out, size_t size, size_t n, void *arg)
{
	struct job *j = arg;
	size_t room = size * n, left = j->out_len - j->out_at;

	if (room > left)
		room = left;
	memcpy(out, j->out + j->out_at, room);
	j->out_at += room;
	return room;
}

static int rewind_body(void *arg, curl_off_t offset, int origin)
{
	struct job *j = arg;

	if (origin != SEEK_SET || offset < 0 || (size_t)offset > j->out_len)
		return CURL_SEEKFUNC_CANTSEEK;
	j->out_at = (size_t)offset;
	return CURL_SEEKFUNC_OK;
}

static size_t take_body(char *data, size_t size, size_t n, void *arg)
{
	struct job *j = arg;
	size_t len = size * n;

	if (len > BK_HTTP_BODY_MAX - j->in_len)
		return 0; /* curl ends the transfer */
	if (j->in_len + len > j->in_cap) {
		size_t cap = j->in_cap ? j->in_cap * 2 : 65536;
		uint8_t *p;

		while (cap < j->in_len + len)
			cap *= 2;
		p = realloc(j->in, cap);
		if (!p)
			return 0;
		j->in = p;
		j->in_cap = cap;
	}
	memcpy(j->in + j->in_len, data, len);
	j->in_len += len;
	return len;
}

static bool header_is(const char *line, size_t len, const char *name, const char **ret_value, size_t *ret_len)
{
	size_t n = strlen(name);

	if (len <= n || strncasecmp(line, name, n) != 0 || line[n] != ':')
		return false;
	for (n++; n < len && (line[n] == ' ' || line[n] == '\t'); n++)
		;
	while (len > n && (line[len - 1] == '\r' || line[len - 1] == '\n' || line[len - 1] == ' '))
		len--;
	*ret_value = line + n;
	*ret_len = len - n;
	return true;
}

static size_t take_header(char *data, size_t size, size_t n, void *arg)
{
	struct job *j = arg;
	size_t len = size * n, value_len;
	const char *value;
	char number[24];

	if (header_is(data, len, "Location", &value, &value_len) && value_len < 1024) {
		free(j->location);
		j->location = strndup(value, value_len);
	} else if (header_is(data, len, "Upload-Offset", &value, &value_len) && value_len < sizeof number) {
		char *end;
		long long v;

		memcpy(number, value, value_len);
		number[value_len] = '\0';
		v = strtoll(number, &end, 10);
		j->upload_offset = *end || end == number || v < 0 ? -1 : v;
	}
	return len;
}

static int map_curl(CURLcode code)
{
	switch ((int)code) {
	case CURLE_OK:
		return 0;
	case CURLE_OPERATION_TIMEDOUT:
		return BK_E_TIMEOUT;
	case CURLE_WRITE_ERROR:
		return BK_E_TOO_BIG;
	case CURLE_OUT_OF_MEMORY:
		return BK_E_NOMEM;
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
	case CURLE_SSL_CACERT_BADFILE:
		return BK_E_TLS;
	default:
		return BK_E_NET;
	}
}

static void set_common(struct bk_http *h, struct job *j)
{
	CURL *c = h->curl;

	curl_easy_reset(c);
	curl_easy_setopt(c, CURLOPT_URL, j->url);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "https");
	curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(c, CURLOPT_NOPROXY, "*"); /* a proxy from the environment would see whom we talk to */
	curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_3);
	curl_easy_setopt(c, CURLOPT_TLS13_CIPHERS, "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256");
	curl_easy_setopt(c, CURLOPT_PINNEDPUBLICKEY, j->pin);
	if (h->ca_file)
		curl_easy_setopt(c, CURLOPT_CAINFO, h->ca_file);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, CONNECT_TIMEOUT_S);
	curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, STALL_BYTES_PER_S);
	curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, STALL_S);
	curl_easy_setopt(c, CURLOPT_HTTPHEADER, j->headers);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, j);
	curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(c, CURLOPT_HEADERDATA, j);
	if (j->fresh)
		curl_easy_setopt(c, CURLOPT_FRESH_CONNECT, 1L);
}

static void set_method(struct bk_http *h, struct job *j)
{
	CURL *c = h->curl;

	if (strcmp(j->method, "HEAD") == 0) {
		curl_easy_setopt(c, CURLOPT_NOBODY, 1L);
	} else if (strcmp(j->method, "PATCH") == 0 || strcmp(j->method, "POST") == 0) {
		curl_easy_setopt(c, CURLOPT_POST, 1L);
		curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, j->method);
		curl_easy_setopt(c, CURLOPT_READFUNCTION, give_body);
		curl_easy_setopt(c, CURLOPT_READDATA, j);
		curl_easy_setopt(c, CURLOPT_SEEKFUNCTION, rewind_body);
		curl_easy_setopt(c, CURLOPT_SEEKDATA, j);
		curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)j->out_len);
	} else if (strcmp(j->method, "GET") != 0) {
		curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, j->method);
	}
}

static void run_job(uv_work_t *w)
{
	struct bk_http *h = w->data;
	struct job *j = h->running;

	set_common(h, j);
	set_method(h, j);
	j->err = map_curl(curl_easy_perform(h->curl));
	curl_easy_getinfo(h->curl, CURLINFO_RESPONSE_CODE, &j->status);
}

static void start_next(struct bk_http *h);

static void job_over(uv_work_t *w, int status)
{
	struct bk_http *h = w->data;
	struct job *j = h->running;
	struct bk_core_http_result r = {
		.request = j->request,
		.err = status ? BK_E_CANCELLED : j->err,
		.status = (int)j->status,
		.location = j->location,
		.upload_offset = j->upload_offset,
		.body = j->in_len ? j->in : NULL,
		.len = j->in_len,
		.last = true,
	};

	h->running = NULL;
	if (!h->stopped)
		h->done(h->arg, &r);
	free_job(j);
	start_next(h);
}

static void start_next(struct bk_http *h)
{
	struct job *j = h->head;

	if (h->running || !j || h->stopped)
		return;
	h->head = j->next;
	if (!h->head)
		h->tail = &h->head;
	h->waiting--;
	h->running = j;
	h->work.data = h;
	uv_queue_work(h->loop, &h->work, run_job, job_over);
}

static int copy_headers(struct job *j, const char *lines)
{
	while (lines && *lines) {
		const char *end = strstr(lines, "\r\n");
		size_t len = end ? (size_t)(end - lines) : strlen(lines);
		char *line = strndup(lines, len);
		struct curl_slist *list = line ? curl_slist_append(j->headers, line) : NULL;

		free(line);
		if (!list)
			return BK_E_NOMEM;
		j->headers = list;
		lines = end ? end + 2 : NULL;
	}
	return 0;
}

static int copy_body(struct bk_http *h, struct job *j, const struct bk_core_http *rq)
{
	size_t got = 0;
	int err;

	if (!rq->has_blob || !rq->len)
		return 0;
	if (rq->len > BK_HTTP_BODY_MAX)
		return BK_E_TOO_BIG;
	j->out = malloc((size_t)rq->len);
	if (!j->out)
		return BK_E_NOMEM;
	err = h->blobs->ops->read(h->blobs, rq->blob, rq->offset, j->out, (size_t)rq->len, &got);
	j->out_len = got;
	return err ? err : got == rq->len ? 0 : BK_E_IO;
}

int bk_http_start(struct bk_http *h, const struct bk_core_http *rq)
{
	struct job *j;
	int err;

	if (h->waiting >= BK_HTTP_QUEUE_MAX)
		return BK_E_FULL;
	j = calloc(1, sizeof *j);
	if (!j)
		return BK_E_NOMEM;
	j->request = rq->request;
	j->upload_offset = -1;
	snprintf(j->method, sizeof j->method, "%s", rq->method);
	if (!h->host[0] || asprintf(&j->url, strchr(h->host, ':') ? "https://[%s]:%u%s" : "https://%s:%u%s",
				   h->host, h->port, rq->path) < 0) {
		j->url = NULL;
		err = h->host[0] ? BK_E_NOMEM : BK_E_NET;
		goto out;
	}
	err = copy_headers(j, rq->headers);
	if (!err)
		err = copy_body(h, j, rq);
	if (err)
		goto out;
	memcpy(j->pin, h->pin, sizeof j->pin);
	j->fresh = h->retarget;
	h->retarget = false;
	*h->tail = j;
	h->tail = &j->next;
	h->waiting++;
	start_next(h);
	return 0;
out:
	free_job(j);
	return err;
}

int bk_http_target(struct bk_http *h, const char *host, uint16_t port, bk_hash spki)
{
	char b64[48];

	if (strlen(host) >= sizeof h->host)
		return BK_E_INVAL;
	sodium_bin2base64(b64, sizeof b64, spki.b, sizeof spki.b, sodium_base64_VARIANT_ORIGINAL);
	snprintf(h->pin, sizeof h->pin, "sha256//%s", b64);
	snprintf(h->host, sizeof h->host, "%s", host);
	h->port = port;
	h->retarget = true;
	return 0;
}

int bk_http_new(uv_loop_t *loop, const char *ca_file, struct bk_blobs *blobs, bk_http_done done, void *arg,
	struct bk_http **ret_http)
{
	struct bk_http *h = calloc(1, sizeof *h);

	if (!h)
		return BK_E_NOMEM;
	curl_global_init(CURL_GLOBAL_DEFAULT);
	h->loop = loop;
	h->blobs = blobs;
	h->done = done;
	h->arg = arg;
	h->tail = &h->head;
	h->curl = curl_easy_init();
	if (!h->curl || (ca_file && !(h->ca_file = strdup(ca_file)))) {
		bk_http_free(h);
		return BK_E_NOMEM;
	}
	*ret_http = h;
	return 0;
}

void bk_http_stop(struct bk_http *h)
{
	h->stopped = true;
	while (h->head) {
		struct job *j = h->head;

		h->head = j->next;
		free_job(j);
	}
	h->tail = &h->head;
	h->waiting = 0;
}

void bk_http_free(struct bk_http *h)
{
	if (!h)
		return;
	if (h->curl)
		curl_easy_cleanup(h->curl);
	free(h->ca_file);
	free(h);
}
