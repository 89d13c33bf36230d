/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "conn.h"

#include <sodium.h>
#include <stdlib.h>

#include "batch.h"
#include "crashpoint.h"
#include "dispatch.h"
#include "live.h"
#include "server.h"

#define CLOSE_POLICY 1008
#define CLOSE_PROTOCOL 1002
#define SLOT_BITS 20u /* a million connections at most */

static int take_slot(struct bk_server *s, struct bk_conn *c)
{
	size_t i = s->free_hint;

	while (i < s->conns_room && s->conns[i])
		i++;
	if (i == s->conns_room) {
		size_t room = s->conns_room ? 2 * s->conns_room : 256;
		struct bk_conn **v;

		if (room > 1u << SLOT_BITS)
			return BK_E_FULL;
		v = realloc(s->conns, room * sizeof *v);
		if (!v)
			return BK_E_NOMEM;
		memset(v + s->conns_room, 0, (room - s->conns_room) * sizeof *v);
		s->conns = v;
		s->conns_room = room;
	}
	s->conns[i] = c;
	s->free_hint = i + 1;
	s->n_conns++;
	c->number = ++s->generation << SLOT_BITS | i;
	return 0;
}

struct bk_conn *bk_conn_find(struct bk_server *s, uint64_t number)
{
	size_t i = (size_t)(number & ((1u << SLOT_BITS) - 1));
	struct bk_conn *c = i < s->conns_room ? s->conns[i] : NULL;

	return c && c->number == number ? c : NULL;
}

static void send_hello(struct bk_conn *c)
{
	struct bk_server *s = c->server;
	Baken__Frame f = BAKEN__FRAME__INIT;
	Baken__Hello m = BAKEN__HELLO__INIT;

	m.version = BK_WIRE_VERSION;
	m.nonce = bk_bytes(c->greeting->nonce, sizeof c->greeting->nonce);
	m.root_key = bk_bytes(s->root_key, sizeof s->root_key);
	m.server_cert = s->server_signed;
	m.now_ms = bk_now();
	m.exporter = c->greeting->has_exporter;
	f.kind_case = BAKEN__FRAME__KIND_HELLO;
	f.hello = &m;
	bk_conn_send(c, &f);
}

struct bk_conn *bk_conn_open(struct bk_server *s, struct bk_wire *w, const struct bk_peer *peer)
{
	struct bk_conn *c = calloc(1, sizeof *c);

	if (!c)
		return NULL;
	c->server = s;
	c->wire = w;
	c->tls = peer->tls;
	c->opened_ms = c->seen_ms = bk_now();
	memcpy(c->address, peer->address, sizeof c->address);
	c->greeting = calloc(1, sizeof *c->greeting);
	if (!c->greeting || take_slot(s, c) != 0) {
		free(c->greeting);
		free(c);
		return NULL;
	}
	randombytes_buf(c->greeting->nonce, sizeof c->greeting->nonce);
	memcpy(c->greeting->exporter, peer->exporter, sizeof c->greeting->exporter);
	c->greeting->has_exporter = peer->has_exporter;
	bk_live_watch(c);
	send_hello(c);
	return c;
}

uint16_t bk_conn_message(struct bk_conn *c, const void *data, size_t len)
{
	struct bk_server *s = c->server;
	Baken__Frame *f = NULL;
	int err;

	BK_CRASH_POINT("server-received");
	bk_arena_reset(s->arena);
	err = bk_frame_decode(s->arena, BK_FROM_CLIENT, data, len, &f);
	if (!err && f->request == 0 && f->kind_case != BAKEN__FRAME__KIND_ACK && f->kind_case != BAKEN__FRAME__KIND_NACK)
		err = BK_E_INVAL; /* 0 marks what the server says unasked */
	if (err) {
		s->stats.frames_bad++;
		return CLOSE_PROTOCOL;
	}
	return bk_dispatch(c, f) == 0 ? 0 : CLOSE_POLICY;
}

void bk_conn_alive(struct bk_conn *c)
{
	c->seen_ms = bk_now();
}

void bk_conn_closed(struct bk_conn *c)
{
	struct bk_server *s = c->server;
	size_t i = (size_t)(c->number & ((1u << SLOT_BITS) - 1));

	c->wire = NULL;
	c->phase = BK_PHASE_CLOSED;
	bk_live_leave(c);
	bk_live_unwatch(c);
	if (c->in_round) { /* rare: closed while something was gathered for it */
		struct bk_conn **p = &s->round;

		while (*p && *p != c)
			p = &(*p)->round_next;
		if (*p)
			*p = c->round_next;
	}
	bk_batch_drop(c);
	s->conns[i] = NULL;
	s->n_conns--;
	if (i < s->free_hint)
		s->free_hint = i;
	if (c->greeting)
		sodium_memzero(c->greeting, sizeof *c->greeting);
	free(c->greeting);
	free(c->flight);
	free(c);
}

void bk_conn_send(struct bk_conn *c, Baken__Frame *f)
{
	size_t len = bk_frame_size(f);
	uint8_t *buffer;

	if (!c->wire)
		return;
	buffer = bk_net_buffer(len);
	if (!buffer) {
		bk_net_close(c->wire, 1011, "no memory", true);
		return;
	}
	bk_frame_encode(f, buffer);
	c->server->stats.frames_out++;
	bk_net_send(c->wire, buffer, len);
}

void bk_conn_error(struct bk_conn *c, uint64_t request, int err, uint64_t retry_after_ms)
{
	Baken__Frame f = BAKEN__FRAME__INIT;
	Baken__Error m = BAKEN__ERROR__INIT;

	bk_conn_error_fill(c, &m, err, retry_after_ms);
	f.request = request;
	f.kind_case = BAKEN__FRAME__KIND_ERROR;
	f.error = &m;
	bk_conn_send(c, &f);
}

/* The newest roster of a circle, in the view's memory and the arena. */
static Baken__Signed *newest_roster(struct bk_server *s, struct bk_store_view *v, bk_id circle)
{
	struct bk_bytes b;

	if (bk_store_roster(v, circle, 0, &b) != 0)
		return NULL;
	return baken__signed__unpack(bk_arena_allocator(s->out_arena), b.len, b.data);
}

void bk_conn_error_revoked(struct bk_conn *c, uint64_t request, bk_id circle)
{
	struct bk_server *s = c->server;
	Baken__Frame f = BAKEN__FRAME__INIT;
	Baken__Error m = BAKEN__ERROR__INIT;
	struct bk_store_view *v = NULL;

	bk_arena_reset(s->out_arena);
	bk_conn_error_fill(c, &m, BK_E_REVOKED, 0);
	if (bk_store_view_begin(s->store, &v) == 0)
		m.roster = newest_roster(s, v, circle);
	f.request = request;
	f.kind_case = BAKEN__FRAME__KIND_ERROR;
	f.error = &m;
	bk_conn_send(c, &f);
	if (v)
		bk_store_view_end(v);
}

void bk_conn_error_fill(const struct bk_conn *c, Baken__Error *m, int err, uint64_t retry_after_ms)
{
	m->code = err;
	m->name = (char *)(uintptr_t)bk_err_name(err); /* protobuf-c's type is not const; encoders do not write */
	m->text = (char *)(uintptr_t)bk_err_text(err, c->lang);
	m->retry_after_ms = retry_after_ms;
}

void bk_conn_leave(struct bk_conn *c, const char *reason, uint32_t retry_after_ms)
{
	Baken__Frame f = BAKEN__FRAME__INIT;
	Baken__GoAway m = BAKEN__GO_AWAY__INIT;

	if (!c->wire)
		return;
	m.reason = (char *)(uintptr_t)reason;
	m.retry_after_ms = retry_after_ms;
	f.kind_case = BAKEN__FRAME__KIND_GO_AWAY;
	f.go_away = &m;
	bk_conn_send(c, &f);
	bk_live_leave(c);
	c->phase = BK_PHASE_CLOSED;
}

void bk_conn_end(struct bk_conn *c, uint16_t code, const char *reason, uint32_t retry_after_ms)
{
	bk_conn_leave(c, reason, retry_after_ms);
	if (c->wire)
		bk_net_close(c->wire, code, reason, false);
}

void bk_conn_cut(struct bk_conn *c, const char *reason)
{
	bk_live_leave(c);
	c->phase = BK_PHASE_CLOSED;
	if (c->wire)
		bk_net_close(c->wire, CLOSE_POLICY, reason, true);
}

void bk_conn_revoke(struct bk_conn *c)
{
	bk_live_leave(c);
	c->phase = BK_PHASE_CLOSED;
	bk_batch_drop(c);
	if (!c->wire)
		return;
	bk_net_drop(c->wire);
	bk_conn_error_revoked(c, 0, c->circle);
	if (c->wire)
		bk_net_close(c->wire, CLOSE_POLICY, bk_err_name(BK_E_REVOKED), false);
}
