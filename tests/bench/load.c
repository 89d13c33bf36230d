/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "err.h"

#define EVENTS 1024
#define READ_BYTES 65536u

static void raise_files(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) == 0) {
		l.rlim_cur = l.rlim_max;
		setrlimit(RLIMIT_NOFILE, &l);
	}
}

void bk_load_init(struct bk_load *l, const struct bk_realm *r, uint32_t first, uint32_t n, bool tls)
{
	memset(l, 0, sizeof *l);
	raise_files();
	l->realm = r;
	l->tls = tls;
	l->n = n;
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	l->arena = bk_arena_new();
	l->conns = calloc(n, sizeof *l->conns);
	l->dirty = calloc(n, sizeof *l->dirty);
	BK_ASSERT(l->epoll >= 0 && l->arena && l->conns && l->dirty);
	for (uint32_t i = 0; i < n; i++) {
		struct bk_load_conn *c = &l->conns[i];

		bk_realm_line(r, first + i, &c->line);
		bk_arena_free(c->line.arena);
		c->line.arena = l->arena; /* one for all: a frame is done with before the next is read */
		c->load = l;
		c->index = i;
		c->fd = -1;
	}
	if (tls) {
		l->ctx = SSL_CTX_new(TLS_client_method());
		BK_ASSERT(l->ctx);
		SSL_CTX_set_mode(l->ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
						 SSL_MODE_RELEASE_BUFFERS);
		SSL_CTX_set_session_cache_mode(l->ctx, SSL_SESS_CACHE_OFF);
	}
}

void bk_load_hang_up(struct bk_load_conn *c)
{
	if (c->fd < 0)
		return;
	if (c->phase == BK_LOAD_ONLINE)
		c->load->online--;
	else if (c->phase != BK_LOAD_CLOSED)
		c->load->dialling--;
	SSL_free(c->ssl);
	c->ssl = NULL;
	close(c->fd);
	c->fd = -1;
	c->phase = BK_LOAD_CLOSED;
	bk_ws_in_done(&c->in);
	memset(&c->in, 0, sizeof c->in);
	bk_ws_buf_done(&c->out);
	bk_wire_again(&c->line);
}

void bk_load_done(struct bk_load *l)
{
	for (uint32_t i = 0; i < l->n; i++)
		bk_load_hang_up(&l->conns[i]);
	SSL_CTX_free(l->ctx);
	close(l->epoll);
	bk_arena_free(l->arena);
	bk_ws_buf_done(&l->frame);
	free(l->conns);
	free(l->dirty);
	memset(l, 0, sizeof *l);
}

/* ---- out ---- */

static void want(struct bk_load_conn *c, bool writable)
{
	struct epoll_event e = {.events = EPOLLIN, .data.u32 = c->index};

	if (c->writable_wanted == writable)
		return;
	c->writable_wanted = writable;
	if (writable)
		e.events |= EPOLLOUT;
	epoll_ctl(c->load->epoll, EPOLL_CTL_MOD, c->fd, &e);
}

static void fail(struct bk_load_conn *c)
{
	c->load->failed++;
	bk_load_hang_up(c);
}

static void write_out(struct bk_load_conn *c)
{
	while (c->out.off < c->out.len) {
		size_t len = c->out.len - c->out.off;
		ssize_t n = c->ssl ? SSL_write(c->ssl, c->out.data + c->out.off, (int)len)
				   : send(c->fd, c->out.data + c->out.off, len, MSG_NOSIGNAL);

		if (n > 0) {
			bk_ws_eat(&c->out, (size_t)n);
			continue;
		}
		if (c->ssl ? SSL_get_error(c->ssl, (int)n) == SSL_ERROR_WANT_WRITE : errno == EAGAIN) {
			want(c, true);
			return;
		}
		fail(c);
		return;
	}
	want(c, false);
}

static void mark(struct bk_load_conn *c)
{
	if (c->dirty)
		return;
	c->dirty = true;
	c->load->dirty[c->load->n_dirty++] = c->index;
}

void bk_load_send(struct bk_load_conn *c)
{
	const struct bk_ws_buf *f = &c->load->frame;

	bk_ws_frame(&c->out, BK_WS_BINARY, true, f->data + f->off, f->len - f->off, 0);
	mark(c);
}

void bk_load_flush(struct bk_load *l)
{
	for (uint32_t i = 0; i < l->n_dirty; i++) {
		struct bk_load_conn *c = &l->conns[l->dirty[i]];

		c->dirty = false;
		if (c->fd >= 0 && !c->writable_wanted)
			write_out(c);
	}
	l->n_dirty = 0;
}

/* ---- in ---- */

static void greet(struct bk_load_conn *c)
{
	struct bk_load *l = c->load;

	if (c->ssl && SSL_export_keying_material(c->ssl, c->line.exporter, 32, BK_EXPORTER_LABEL,
			      sizeof BK_EXPORTER_LABEL - 1, NULL, 0, 0) != 1) {
		fail(c);
		return;
	}
	if (c->resume)
		bk_wire_resume(&c->line, &l->frame);
	else
		bk_wire_login(&c->line, &l->frame);
	c->phase = BK_LOAD_LOGIN;
	bk_load_send(c);
}

static void on_message(struct bk_load_conn *c, const uint8_t *data, size_t len)
{
	struct bk_load *l = c->load;
	Baken__Frame *f = NULL;

	if (bk_wire_read(&c->line, data, len, &f) != 0) {
		fail(c);
	} else if (c->phase == BK_LOAD_HELLO && f->kind_case == BAKEN__FRAME__KIND_HELLO) {
		greet(c);
	} else if (c->phase == BK_LOAD_LOGIN && f->kind_case == BAKEN__FRAME__KIND_LOGIN_OK) {
		c->phase = BK_LOAD_ONLINE;
		l->dialling--;
		l->online++;
		if (l->on_online)
			l->on_online(c);
	} else if (c->phase != BK_LOAD_ONLINE) {
		fail(c);
	} else if (l->on_frame) {
		l->on_frame(c, f);
	}
}

static void take_in(struct bk_load_conn *c)
{
	uint8_t opcode = 0;
	const uint8_t *data = NULL;
	size_t len = 0;
	int n = 0;

	if (c->phase == BK_LOAD_UPGRADE) {
		n = bk_ws_opened(&c->in.raw);
		if (n < 0)
			fail(c);
		if (n != 1)
			return;
		c->phase = BK_LOAD_HELLO;
	}
	while (c->fd >= 0 && (n = bk_ws_next(&c->in, &opcode, &data, &len)) == 1) {
		if (opcode == BK_WS_BINARY) {
			on_message(c, data, len);
		} else if (opcode == BK_WS_PING) {
			bk_ws_frame(&c->out, BK_WS_PONG, true, data, len, 0);
			mark(c);
		} else if (opcode == BK_WS_CLOSE) {
			fail(c);
		}
	}
	if (c->fd >= 0 && n < 0)
		fail(c);
	if (c->fd >= 0 && c->in.raw.off == c->in.raw.len && c->in.raw.cap > READ_BYTES)
		bk_ws_buf_done(&c->in.raw); /* idle connections hold no buffers */
}

static void read_in(struct bk_load_conn *c)
{
	while (c->fd >= 0) {
		static uint8_t buf[READ_BYTES];
		ssize_t n = c->ssl ? SSL_read(c->ssl, buf, sizeof buf) : recv(c->fd, buf, sizeof buf, 0);

		if (n <= 0) {
			if (c->ssl ? SSL_get_error(c->ssl, (int)n) != SSL_ERROR_WANT_READ : n == 0 || errno != EAGAIN)
				fail(c);
			return;
		}
		bk_ws_add(&c->in.raw, buf, (size_t)n);
		take_in(c);
		if (!c->ssl && (size_t)n < sizeof buf)
			return;
	}
}

static void upgrade(struct bk_load_conn *c)
{
	c->phase = BK_LOAD_UPGRADE;
	bk_ws_open(&c->out, "localhost", BK_WS_PATH, BK_SUBPROTOCOL);
	write_out(c);
}

static void shake(struct bk_load_conn *c)
{
	int n = SSL_connect(c->ssl), why;

	if (n == 1) {
		upgrade(c);
		return;
	}
	why = SSL_get_error(c->ssl, n);
	if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE)
		fail(c);
	else
		want(c, why == SSL_ERROR_WANT_WRITE);
}

static void connected(struct bk_load_conn *c)
{
	struct bk_load *l = c->load;
	int err = 0;
	socklen_t len = sizeof err;

	if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &err, &len) != 0 || err) {
		fail(c);
		return;
	}
	if (!l->tls) {
		upgrade(c);
		return;
	}
	c->ssl = SSL_new(l->ctx);
	BK_ASSERT(c->ssl && SSL_set_fd(c->ssl, c->fd) == 1);
	c->phase = BK_LOAD_TLS;
	shake(c);
}

void bk_load_turn(struct bk_load *l, int timeout_ms)
{
	struct epoll_event events[EVENTS];
	int n;

	bk_load_flush(l);
	n = epoll_wait(l->epoll, events, EVENTS, timeout_ms);
	for (int i = 0; i < n; i++) {
		struct bk_load_conn *c = &l->conns[events[i].data.u32];

		if (c->phase == BK_LOAD_CONNECTING) {
			connected(c);
			continue;
		}
		if (c->phase == BK_LOAD_TLS) {
			shake(c);
			continue;
		}
		if (c->fd >= 0 && events[i].events & EPOLLOUT)
			write_out(c);
		if (c->fd >= 0 && events[i].events & (EPOLLIN | EPOLLERR | EPOLLHUP))
			read_in(c);
	}
	bk_load_flush(l);
}

/* ---- dialling ---- */

void bk_load_dial(struct bk_load *l, uint32_t index, bool resume)
{
	struct bk_load_conn *c = &l->conns[index];
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons(l->tls ? l->realm->port : l->realm->plain)};
	struct epoll_event e = {.events = EPOLLIN | EPOLLOUT, .data.u32 = index};
	const int one = 1;

	c->resume = resume;
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	BK_ASSERT(c->fd >= 0);
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	c->phase = BK_LOAD_CONNECTING;
	c->writable_wanted = true;
	l->dialling++;
	epoll_ctl(l->epoll, EPOLL_CTL_ADD, c->fd, &e);
	if (connect(c->fd, (const struct sockaddr *)&a, sizeof a) != 0 && errno != EINPROGRESS)
		fail(c);
}

bool bk_load_dial_all(struct bk_load *l, bool resume, uint32_t at_once, uint64_t timeout_ms)
{
	uint64_t until = bk_proc_now_ms() + timeout_ms;
	uint32_t next = 0;

	while (l->online < l->n && bk_proc_now_ms() < until && !l->failed) {
		while (next < l->n && (!at_once || l->dialling < at_once))
			bk_load_dial(l, next++, resume);
		bk_load_turn(l, 20);
	}
	return l->online == l->n;
}
