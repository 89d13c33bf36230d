/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "push_http.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "err.h"
#include "push_url.h"

#define CONNECT_MS 10000L
#define WHOLE_MS 20000L

struct flight {
	struct flight *next, **prev;
	struct bk_push_http *http;
	CURL *curl;
	struct curl_slist *headers;
	struct bk_push_reply reply;
};

struct watch { /* one socket of libcurl's */
	uv_poll_t poll;
	struct bk_push_http *http;
	curl_socket_t fd;
};

struct bk_push_http {
	CURLM *multi;
	uv_loop_t *loop;
	uv_timer_t timer;
	struct flight *flights;
	unsigned n_flights;
	char *ca_file;
	bool near, stopped;
	bk_push_http_done done;
	void *arg;
};

static void flight_free(struct flight *f)
{
	if (f->prev) {
		*f->prev = f->next;
		if (f->next)
			f->next->prev = f->prev;
		f->http->n_flights--;
		curl_multi_remove_handle(f->http->multi, f->curl);
	}
	curl_slist_free_all(f->headers);
	curl_easy_cleanup(f->curl);
	free(f);
}

static int map_curl(CURLcode code)
{
	switch ((int)code) {
	case CURLE_OK:
	case CURLE_WRITE_ERROR: /* more said than we read: the status is there */
		return 0;
	case CURLE_OPERATION_TIMEDOUT:
		return BK_E_TIMEOUT;
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_SSL_CACERT_BADFILE:
		return BK_E_TLS;
	default:
		return BK_E_NET;
	}
}

/* ---- what libcurl asks for ---- */

static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
	const struct bk_push_http *h = arg;

	(void)purpose;
	if (!bk_push_url_public(&a->addr, h->near))
		return CURL_SOCKET_BAD;
	return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

static size_t no_body(char *data, size_t size, size_t n, void *arg)
{
	(void)data;
	(void)arg;
	return size * n <= 16384 ? size * n : 0;
}

static size_t take_header(char *data, size_t size, size_t n, void *arg)
{
	static const char name[] = "Retry-After:";
	struct flight *f = arg;
	size_t len = size * n, at = sizeof name - 1;

	if (len <= at || strncasecmp(data, name, at) != 0)
		return len;
	while (at < len && (data[at] == ' ' || data[at] == '\t'))
		at++;
	snprintf(f->reply.retry_after, sizeof f->reply.retry_after, "%.*s", (int)(len - at), data + at);
	f->reply.retry_after[strcspn(f->reply.retry_after, "\r\n")] = '\0';
	return len;
}

static void collect(struct bk_push_http *h)
{
	CURLMsg *m;
	int left;

	while (!h->stopped && (m = curl_multi_info_read(h->multi, &left))) {
		struct bk_push_reply reply;
		struct flight *f = NULL;

		if (m->msg != CURLMSG_DONE || curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&f) != CURLE_OK)
			continue;
		f->reply.err = map_curl(m->data.result);
		curl_easy_getinfo(f->curl, CURLINFO_RESPONSE_CODE, &f->reply.status);
		reply = f->reply;
		flight_free(f);
		h->done(h->arg, &reply);
	}
}

static void on_poll(uv_poll_t *p, int status, int events)
{
	struct watch *w = p->data;
	struct bk_push_http *h = w->http;
	int running, flags = 0;

	flags |= events & UV_READABLE ? CURL_CSELECT_IN : 0;
	flags |= events & UV_WRITABLE ? CURL_CSELECT_OUT : 0;
	curl_multi_socket_action(h->multi, w->fd, status < 0 ? CURL_CSELECT_ERR : flags, &running);
	collect(h);
}

static void on_timer(uv_timer_t *t)
{
	struct bk_push_http *h = t->data;
	int running;

	curl_multi_socket_action(h->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	collect(h);
}

static int set_timer(CURLM *multi, long ms, void *arg)
{
	struct bk_push_http *h = arg;

	(void)multi;
	if (uv_is_closing((uv_handle_t *)&h->timer))
		return 0;
	if (ms < 0)
		uv_timer_stop(&h->timer);
	else
		uv_timer_start(&h->timer, on_timer, ms ? (uint64_t)ms : 1, 0); /* never from within libcurl */
	return 0;
}

static void on_watch_closed(uv_handle_t *p)
{
	free(p->data);
}

static int set_socket(CURL *curl, curl_socket_t fd, int what, void *arg, void *of_socket)
{
	struct bk_push_http *h = arg;
	struct watch *w = of_socket;
	int events = 0;

	(void)curl;
	if (what == CURL_POLL_REMOVE) {
		if (w) {
			uv_poll_stop(&w->poll);
			uv_close((uv_handle_t *)&w->poll, on_watch_closed);
		}
		curl_multi_assign(h->multi, fd, NULL);
		return 0;
	}
	if (!w) {
		w = calloc(1, sizeof *w);
		if (!w || uv_poll_init(h->loop, &w->poll, fd) != 0) {
			free(w);
			return -1;
		}
		w->poll.data = w;
		w->http = h;
		w->fd = fd;
		curl_multi_assign(h->multi, fd, w);
	}
	events |= what & CURL_POLL_IN ? UV_READABLE : 0;
	events |= what & CURL_POLL_OUT ? UV_WRITABLE : 0;
	uv_poll_start(&w->poll, events, on_poll);
	return 0;
}

/* ---- posts ---- */

static void set_rules(struct bk_push_http *h, struct flight *f)
{
	CURL *c = f->curl;

	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "https");
	curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(c, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(c, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2); /* theirs, not ours to choose */
	curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 2L);
	if (h->ca_file)
		curl_easy_setopt(c, CURLOPT_CAINFO, h->ca_file);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
	curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, WHOLE_MS);
	curl_easy_setopt(c, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	curl_easy_setopt(c, CURLOPT_OPENSOCKETDATA, h);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, no_body);
	curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(c, CURLOPT_HEADERDATA, f);
	curl_easy_setopt(c, CURLOPT_PRIVATE, (char *)f);
}

static int add_header(struct flight *f, const char *name, const char *value)
{
	char line[1280];
	struct curl_slist *list;

	snprintf(line, sizeof line, "%s: %s", name, value);
	list = curl_slist_append(f->headers, line);
	if (!list)
		return BK_E_NOMEM;
	f->headers = list;
	return 0;
}

static int add_headers(struct flight *f, const struct bk_push_post *p)
{
	char ttl[16];
	int err;

	snprintf(ttl, sizeof ttl, "%u", (unsigned)p->ttl_s);
	err = add_header(f, "Authorization", p->authorization);
	if (!err)
		err = add_header(f, "TTL", ttl);
	if (!err)
		err = add_header(f, "Urgency", p->urgency);
	if (!err)
		err = add_header(f, "Topic", "wake"); /* a later one takes the place of one that still waits */
	/* libcurl's own additions say more than is needed. */
	for (size_t i = 0; !err && i < 4; i++) {
		static const char *const none[] = {"Accept:", "Content-Type:", "User-Agent:", "Expect:"};
		struct curl_slist *list = curl_slist_append(f->headers, none[i]);

		err = list ? 0 : BK_E_NOMEM;
		f->headers = list ? list : f->headers;
	}
	return err;
}

int bk_push_http_post(struct bk_push_http *h, const struct bk_push_post *p)
{
	struct flight *f;
	int err;

	if (h->stopped || h->n_flights >= BK_PUSH_FLIGHTS_MAX)
		return BK_E_FULL;
	f = calloc(1, sizeof *f);
	if (!f)
		return BK_E_NOMEM;
	f->http = h;
	f->reply.device = p->device;
	f->curl = curl_easy_init();
	err = f->curl ? add_headers(f, p) : BK_E_NOMEM;
	if (err) {
		flight_free(f);
		return err;
	}
	set_rules(h, f);
	curl_easy_setopt(f->curl, CURLOPT_URL, p->endpoint);
	curl_easy_setopt(f->curl, CURLOPT_POST, 1L);
	curl_easy_setopt(f->curl, CURLOPT_POSTFIELDS, "");
	curl_easy_setopt(f->curl, CURLOPT_POSTFIELDSIZE, 0L);
	curl_easy_setopt(f->curl, CURLOPT_HTTPHEADER, f->headers);
	if (curl_multi_add_handle(h->multi, f->curl) != CURLM_OK) {
		flight_free(f);
		return BK_E_NOMEM;
	}
	f->next = h->flights;
	f->prev = &h->flights;
	if (f->next)
		f->next->prev = &f->next;
	h->flights = f;
	h->n_flights++;
	return 0;
}

/* ---- life ---- */

int bk_push_http_start(uv_loop_t *loop, const char *ca_file, bool near, bk_push_http_done done, void *arg,
	struct bk_push_http **ret_http)
{
	struct bk_push_http *h = calloc(1, sizeof *h);

	if (!h)
		return BK_E_NOMEM;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK || !(h->multi = curl_multi_init()) ||
		(ca_file && *ca_file && !(h->ca_file = strdup(ca_file)))) {
		bk_push_http_free(h);
		return BK_E_NOMEM;
	}
	h->loop = loop;
	h->near = near;
	h->done = done;
	h->arg = arg;
	uv_timer_init(loop, &h->timer);
	h->timer.data = h;
	curl_multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, set_socket);
	curl_multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h);
	curl_multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, set_timer);
	curl_multi_setopt(h->multi, CURLMOPT_TIMERDATA, h);
	*ret_http = h;
	return 0;
}

void bk_push_http_stop(struct bk_push_http *h)
{
	if (!h || h->stopped)
		return;
	h->stopped = true;
	while (h->flights)
		flight_free(h->flights);
	curl_multi_cleanup(h->multi); /* closes what is kept open, by set_socket */
	h->multi = NULL;
	uv_close((uv_handle_t *)&h->timer, NULL);
}

void bk_push_http_free(struct bk_push_http *h)
{
	if (!h)
		return;
	if (h->multi)
		curl_multi_cleanup(h->multi);
	free(h->ca_file);
	free(h);
}
