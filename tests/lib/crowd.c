/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "crowd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "engine.h"
#include "err.h"
#include "rpc.h"
#include "signal_store.h"

#define EVENTS 256
#define READ_BYTES 65536u

static bk_ms now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (bk_ms)t.tv_sec * 1000 + (bk_ms)t.tv_nsec / 1000000;
}

/* ---- enrolled without an enrolment ---- */

void bk_crowd_plant(const struct bk_realm *r, uint32_t device, const char *name, uint16_t port, struct bk_kv *kv)
{
	const struct bk_realm_device *d = &r->devices[device];
	struct bk_signal_self signal = {.registration = d->registration, .next_prekey = 1, .next_signed = 1};
	struct bk_self self = {.stage = BK_STAGE_DONE, .port = port, .root_known = true, .server_version = 1,
		.device = d->device, .account = d->account, .circle = r->circles[d->circle].circle, .role = d->role};
	struct bk_db db;

	memcpy(signal.private_key, d->secret, BK_KEY_BYTES);
	memcpy(signal.public_key, d->identity, BK_KEY_BYTES);
	memcpy(self.root, r->root_key, BK_KEY_BYTES);
	memcpy(self.receipt_key, r->receipt_key, BK_KEY_BYTES);
	snprintf(self.host, sizeof self.host, "127.0.0.1");
	snprintf(self.name, sizeof self.name, "%s", name);
	BK_ASSERT(bk_kv_begin(kv) == 0);
	BK_ASSERT(bk_signal_store_self_save(kv, &signal) == 0);
	BK_ASSERT(bk_kv_commit(kv, &(uint64_t){0}) == 0);
	bk_db_init(&db, kv);
	BK_ASSERT(bk_self_save(&db, &self) == 0 && bk_db_commit(&db) == 0);
	sodium_memzero(&signal, sizeof signal);
}

/* ---- out ---- */

static void want(struct bk_crowd_member *m, bool writable)
{
	struct epoll_event e = {.events = EPOLLIN, .data.u32 = m->index};

	if (m->wants_out == writable)
		return;
	m->wants_out = writable;
	if (writable)
		e.events |= EPOLLOUT;
	epoll_ctl(m->crowd->epoll, EPOLL_CTL_MOD, m->fd, &e);
}

static void write_out(struct bk_crowd_member *m)
{
	while (m->fd >= 0 && m->out.off < m->out.len) {
		ssize_t n = send(m->fd, m->out.data + m->out.off, m->out.len - m->out.off, MSG_NOSIGNAL);

		if (n < 0) {
			want(m, errno == EAGAIN); /* anything else is seen by the next read */
			return;
		}
		bk_ws_eat(&m->out, (size_t)n);
	}
	if (m->fd >= 0)
		want(m, false);
}

static void hang_up(struct bk_crowd_member *m)
{
	if (m->fd < 0)
		return;
	close(m->fd);
	m->fd = -1;
	m->upgraded = m->wants_out = false;
	bk_ws_in_done(&m->in);
	memset(&m->in, 0, sizeof m->in);
	bk_ws_buf_done(&m->out);
	memset(&m->out, 0, sizeof m->out);
}

static void dial(struct bk_crowd_member *m)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(m->crowd->realm->plain)};
	struct epoll_event e = {.events = EPOLLIN, .data.u32 = m->index};

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	hang_up(m);
	m->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	BK_ASSERT(m->fd >= 0 && connect(m->fd, (struct sockaddr *)&to, sizeof to) == 0); /* loopback: at once */
	setsockopt(m->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
	fcntl(m->fd, F_SETFL, O_NONBLOCK);
	BK_ASSERT(epoll_ctl(m->crowd->epoll, EPOLL_CTL_ADD, m->fd, &e) == 0);
	bk_ws_open(&m->out, "localhost", BK_WS_PATH, BK_SUBPROTOCOL);
	write_out(m);
}

/* ---- what a core wants done ---- */

static void on_event(struct bk_crowd_member *m, const char *text, size_t len)
{
	json_t *event = json_loadb(text, len, 0, NULL);
	const char *name = json_string_value(json_object_get(event, "event"));

	BK_ASSERT(name);
	if (m->asked && (strcmp(name, "ok") == 0 || strcmp(name, "error") == 0) &&
		json_integer_value(json_object_get(event, "id")) == m->asked)
		m->answer = json_incref(event);
	else if (strcmp(name, "link") == 0 &&
		 strcmp(json_string_value(json_object_get(event, "state")), "caught-up") == 0)
		m->crowd->caught_up++;
	if (m->crowd->on_event)
		m->crowd->on_event(m, name, event);
	json_decref(event);
}

static void drain(struct bk_crowd_member *m)
{
	struct bk_core_action a;

	while (m->core && bk_core_next(m->core, &a)) {
		switch (a.kind) {
		case BK_CORE_EVENT:
			on_event(m, a.json, a.json_len);
			break;
		case BK_CORE_SEND:
			bk_ws_frame(&m->out, BK_WS_BINARY, true, a.frame, a.frame_len, 0);
			break;
		case BK_CORE_CONNECT:
			dial(m);
			break;
		case BK_CORE_DISCONNECT:
			hang_up(m);
			bk_core_disconnected(m->core, 0, now_ms());
			break;
		case BK_CORE_HTTP: /* no files here */
			bk_core_http_done(m->core, &(struct bk_core_http_result){.request = a.http.request, .err = BK_E_NET,
				.upload_offset = -1, .last = true}, now_ms());
			break;
		case BK_CORE_NONE:
			break;
		}
	}
	write_out(m);
}

int bk_crowd_call(struct bk_crowd_member *m, json_t *command, json_t **ret_reply)
{
	char *text;
	int err;

	m->asked = (json_int_t)m->device + 1;
	json_object_set_new(command, "id", json_integer(m->asked));
	text = json_dumps(command, JSON_COMPACT);
	BK_ASSERT(text);
	json_decref(command);
	bk_core_command(m->core, text, strlen(text), now_ms());
	free(text);
	drain(m);
	m->asked = 0;
	BK_ASSERT(m->answer);
	err = strcmp(json_string_value(json_object_get(m->answer, "event")), "ok") == 0
		      ? 0
		      : bk_rpc_err(json_string_value(json_object_get(m->answer, "error")));
	if (ret_reply)
		*ret_reply = m->answer;
	else
		json_decref(m->answer);
	m->answer = NULL;
	return err;
}

/* ---- in ---- */

static void lost(struct bk_crowd_member *m)
{
	hang_up(m);
	bk_core_disconnected(m->core, BK_E_NET, now_ms());
	drain(m);
}

static void upgraded(struct bk_crowd_member *m)
{
	struct bk_core_link link = {.spki = m->crowd->realm->spki};

	m->upgraded = true;
	bk_core_connected(m->core, &link, now_ms());
	drain(m);
}

static void take_in(struct bk_crowd_member *m)
{
	const uint8_t *data = NULL;
	uint8_t opcode = 0;
	size_t len = 0;
	int n = 0;

	if (!m->upgraded) {
		n = bk_ws_opened(&m->in.raw);
		BK_ASSERT(n >= 0);
		if (n == 0)
			return;
		upgraded(m);
	}
	while (m->fd >= 0 && (n = bk_ws_next(&m->in, &opcode, &data, &len)) == 1) {
		if (opcode == BK_WS_BINARY)
			bk_core_received(m->core, data, len, now_ms());
		else if (opcode == BK_WS_PING)
			bk_ws_frame(&m->out, BK_WS_PONG, true, data, len, 0);
		drain(m);
	}
	if (m->fd >= 0 && n < 0)
		lost(m);
}

static void read_in(struct bk_crowd_member *m)
{
	static uint8_t buf[READ_BYTES];

	while (m->fd >= 0) {
		ssize_t n = recv(m->fd, buf, sizeof buf, 0);

		if (n <= 0) {
			if (n == 0 || errno != EAGAIN)
				lost(m);
			return;
		}
		bk_ws_add(&m->in.raw, buf, (size_t)n);
		take_in(m);
		if ((size_t)n < sizeof buf)
			return;
	}
}

void bk_crowd_turn(struct bk_crowd *c, int timeout_ms)
{
	struct epoll_event events[EVENTS];
	int n = epoll_wait(c->epoll, events, EVENTS, timeout_ms);
	bk_ms now;

	for (int i = 0; i < n; i++) {
		struct bk_crowd_member *m = &c->members[events[i].data.u32];

		if (m->fd >= 0 && events[i].events & EPOLLOUT)
			write_out(m);
		if (m->fd >= 0 && events[i].events & ~(uint32_t)EPOLLOUT)
			read_in(m);
	}
	now = now_ms();
	for (uint32_t i = 0; i < c->n; i++) {
		struct bk_crowd_member *m = &c->members[i];

		if (m->core && bk_core_next_tick(m->core) <= now) {
			bk_core_tick(m->core, now);
			drain(m);
		}
	}
}

/* ---- life ---- */

static void raise_files(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) == 0) {
		l.rlim_cur = l.rlim_max;
		setrlimit(RLIMIT_NOFILE, &l);
	}
}

static void open_core(struct bk_crowd_member *m)
{
	struct bk_core_options o = {.kv = m->kv, .blobs = m->blobs, .lang = BK_LANG_NL};

	BK_ASSERT(bk_core_open(&o, now_ms(), &m->core) == 0);
}

void bk_crowd_init(struct bk_crowd *c, const struct bk_realm *r, uint32_t first, uint32_t n)
{
	memset(c, 0, sizeof *c);
	raise_files();
	c->realm = r;
	c->n = n;
	c->epoll = epoll_create1(EPOLL_CLOEXEC);
	c->members = calloc(n, sizeof *c->members);
	BK_ASSERT(c->epoll >= 0 && c->members);
	for (uint32_t i = 0; i < n; i++) {
		struct bk_crowd_member *m = &c->members[i];
		char name[40];

		m->crowd = c;
		m->index = i;
		m->device = first + i;
		m->fd = -1;
		m->kv = bk_kv_mem_new();
		m->blobs = bk_blobs_mem_new();
		BK_ASSERT(m->kv && m->blobs);
		snprintf(name, sizeof name, "Persoon %u", i + 1);
		bk_crowd_plant(r, m->device, name, r->plain, m->kv);
		open_core(m);
	}
}

void bk_crowd_kill(struct bk_crowd_member *m)
{
	bk_core_close(m->core);
	m->core = NULL;
	hang_up(m);
	open_core(m);
}

void bk_crowd_done(struct bk_crowd *c)
{
	for (uint32_t i = 0; i < c->n; i++) {
		struct bk_crowd_member *m = &c->members[i];

		bk_core_close(m->core);
		hang_up(m);
		bk_kv_mem_free(m->kv);
		bk_blobs_mem_free(m->blobs);
	}
	close(c->epoll);
	free(c->members);
	memset(c, 0, sizeof *c);
}

bool bk_crowd_connect(struct bk_crowd *c, uint32_t at_once, uint64_t timeout_ms)
{
	uint64_t deadline = now_ms() + timeout_ms;
	uint32_t asked = 0;

	c->caught_up = 0;
	while (c->caught_up < c->n) {
		while (asked < c->n && asked < c->caught_up + at_once)
			BK_ASSERT(bk_crowd_call(&c->members[asked++], json_pack("{s:s}", "cmd", "connect"), NULL) == 0);
		if (now_ms() >= deadline)
			return false;
		bk_crowd_turn(c, 100);
	}
	return true;
}
