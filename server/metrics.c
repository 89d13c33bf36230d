/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A request line in, the counters out, closed: all that Prometheus needs, on a loopback port only. */
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "server.h"

#define CLIENTS_MAX 8u
#define REQUEST_MAX 2048u
#define TIME_MS 10000u /* for one request, from its connection to its answer */

struct bk_metrics {
	uv_tcp_t tcp;
	struct bk_server *server;
	struct client *clients[CLIENTS_MAX];
};
struct client {
	uv_tcp_t tcp;
	uv_timer_t timer;
	uv_write_t write;
	struct client **place; /* in the list above; NULL when there was none */
	unsigned handles;
	struct bk_server *server;
	char request[REQUEST_MAX];
	size_t len;
	char head[128], *body;
};

static void on_client_closed(uv_handle_t *h)
{
	struct client *c = h->data;

	if (--c->handles)
		return;
	free(c->body);
	free(c);
}

static void end(struct client *c)
{
	if (uv_is_closing((uv_handle_t *)&c->tcp))
		return;
	if (c->place)
		*c->place = NULL;
	uv_close((uv_handle_t *)&c->tcp, on_client_closed);
	uv_close((uv_handle_t *)&c->timer, on_client_closed);
}

static void on_late(uv_timer_t *t)
{
	end(t->data);
}

static void on_written(uv_write_t *w, int status)
{
	(void)status;
	end(w->data);
}

static void answer(struct client *c)
{
	bool ok = strncmp(c->request, "GET /metrics", 12) == 0;
	uv_buf_t bufs[2];
	size_t len;

	c->body = ok ? bk_stats_text(c->server) : NULL;
	len = c->body ? strlen(c->body) : 0;
	snprintf(c->head, sizeof c->head, "HTTP/1.0 %s\r\ncontent-type: text/plain; version=0.0.4\r\ncontent-length: %zu\r\n\r\n",
		ok ? "200 OK" : "404 Not Found", len);
	bufs[0] = uv_buf_init(c->head, (unsigned)strlen(c->head));
	bufs[1] = uv_buf_init(c->body, (unsigned)len);
	c->write.data = c;
	if (uv_write(&c->write, (uv_stream_t *)&c->tcp, bufs, len ? 2 : 1, on_written) != 0)
		end(c);
}

static void on_alloc(uv_handle_t *h, size_t hint, uv_buf_t *buf)
{
	struct client *c = h->data;

	(void)hint;
	*buf = uv_buf_init(c->request + c->len, (unsigned)(REQUEST_MAX - 1 - c->len));
}

static void on_read(uv_stream_t *st, ssize_t n, const uv_buf_t *buf)
{
	struct client *c = st->data;

	(void)buf;
	if (n < 0) {
		end(c);
		return;
	}
	c->len += (size_t)n;
	c->request[c->len] = '\0';
	if (strstr(c->request, "\r\n\r\n") || strstr(c->request, "\n\n")) {
		uv_read_stop(st);
		answer(c);
	} else if (c->len == REQUEST_MAX - 1) {
		end(c);
	}
}

static void on_connection(uv_stream_t *st, int status)
{
	struct bk_metrics *m = st->data;
	struct client *c = status ? NULL : calloc(1, sizeof *c);

	if (!c)
		return;
	c->server = m->server;
	uv_tcp_init(m->server->loop, &c->tcp);
	uv_timer_init(m->server->loop, &c->timer);
	c->tcp.data = c->timer.data = c;
	c->handles = 2;
	for (size_t i = 0; i < CLIENTS_MAX && !c->place; i++)
		if (!m->clients[i])
			c->place = &m->clients[i];
	if (c->place)
		*c->place = c;
	if (uv_accept(st, (uv_stream_t *)&c->tcp) != 0 || !c->place ||
		uv_timer_start(&c->timer, on_late, TIME_MS, 0) != 0 ||
		uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read) != 0)
		end(c);
}

static void on_closed(uv_handle_t *h)
{
	free(h->data);
}

int bk_metrics_start(struct bk_server *s, const char *endpoint, struct bk_metrics **ret_metrics)
{
	struct bk_metrics *m = calloc(1, sizeof *m);
	struct sockaddr_storage a;
	char host[256];
	uint16_t port = 0;
	int err = m ? bk_options_endpoint(endpoint, host, &port) : BK_E_NOMEM;

	if (err) {
		free(m);
		return err;
	}
	m->server = s;
	uv_tcp_init(s->loop, &m->tcp);
	m->tcp.data = m;
	if (strcmp(host, "localhost") == 0)
		strcpy(host, "127.0.0.1");
	if ((strchr(host, ':') ? uv_ip6_addr(host, port, (struct sockaddr_in6 *)(void *)&a) :
				 uv_ip4_addr(host, port, (struct sockaddr_in *)(void *)&a)) != 0 ||
		uv_tcp_bind(&m->tcp, (const struct sockaddr *)&a, 0) != 0 ||
		uv_listen((uv_stream_t *)&m->tcp, 16, on_connection) != 0) {
		bk_log(BK_LOG_START_FAILED, "metrics=%s", endpoint);
		uv_close((uv_handle_t *)&m->tcp, on_closed);
		return BK_E_NET;
	}
	*ret_metrics = m;
	return 0;
}

void bk_metrics_stop(struct bk_metrics *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		if (m->clients[i])
			end(m->clients[i]);
	uv_close((uv_handle_t *)&m->tcp, on_closed);
}
