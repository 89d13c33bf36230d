/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "live.h"

#include <stdlib.h>

#include "deliver.h"
#include "escalate.h"
#include "push.h"
#include "server.h"

static bk_id token_name(bk_hash h)
{
	bk_id id;

	memcpy(id.b, h.b, sizeof id.b);
	return id;
}

int bk_live_enter(struct bk_conn *c)
{
	struct bk_server *s = c->server;
	struct bk_conn *old = bk_idmap_find(&s->by_device, c->device);

	if (old) {
		s->stats.displaced++;
		bk_conn_end(old, 1000, "displaced", 60000);
	}
	if (bk_idmap_put(&s->by_device, c->device, c) != 0)
		return BK_E_NOMEM;
	if (bk_idmap_put(&s->by_token, token_name(c->token), c) != 0) {
		bk_idmap_del(&s->by_device, c->device);
		return BK_E_NOMEM;
	}
	c->phase = BK_PHASE_ONLINE;
	s->stats.online++;
	bk_push_here(s, c->device);
	return 0;
}

void bk_live_leave(struct bk_conn *c)
{
	struct bk_server *s = c->server;

	if (bk_idmap_find(&s->by_device, c->device) != c)
		return;
	bk_idmap_del(&s->by_device, c->device);
	bk_idmap_del(&s->by_token, token_name(c->token));
	s->stats.online--;
	bk_push_left(s, c);
}

struct bk_conn *bk_live_device(struct bk_server *s, bk_id device)
{
	return bk_idmap_find(&s->by_device, device);
}

struct bk_conn *bk_live_token(struct bk_server *s, const uint8_t token[32])
{
	bk_hash h = bk_hash_of(token, 32);
	struct bk_conn *c = bk_idmap_find(&s->by_token, token_name(h));

	return c && bk_hash_equal(c->token, h) ? c : NULL;
}

/* ---- buckets ---- */

void bk_live_watch(struct bk_conn *c)
{
	struct bk_conn **list = &c->server->ticks[c->number % BK_TICK_BUCKETS];

	c->tick_next = *list;
	if (*list)
		(*list)->tick_prev = &c->tick_next;
	c->tick_prev = list;
	*list = c;
}

void bk_live_unwatch(struct bk_conn *c)
{
	if (!c->tick_prev)
		return;
	*c->tick_prev = c->tick_next;
	if (c->tick_next)
		c->tick_next->tick_prev = c->tick_prev;
	c->tick_prev = NULL;
}

static void look_at(struct bk_conn *c, bk_ms now)
{
	bk_ms silent = now > c->seen_ms ? now - c->seen_ms : 0;
	bk_ms age = now > c->opened_ms ? now - c->opened_ms : 0;

	if (!c->wire || c->phase == BK_PHASE_CLOSED)
		return;
	if (silent > BK_SILENT_MS) {
		c->server->stats.silent++;
		bk_conn_cut(c, "silent");
	} else if ((c->phase == BK_PHASE_HELLO && age > BK_HELLO_MS) || (c->phase == BK_PHASE_ENROL && age > BK_ENROL_MS)) {
		bk_conn_cut(c, "no login");
	} else if (silent > BK_PING_MS) {
		bk_net_ping(c->wire);
	}
}

void bk_live_tick(struct bk_server *s, bk_ms now)
{
	struct bk_conn *c = s->ticks[s->tick++ % BK_TICK_BUCKETS], *next;

	for (; c; c = next) {
		next = c->tick_next;
		look_at(c, now);
	}
	bk_live_each_second(s, now);
}

void bk_live_each_second(struct bk_server *s, bk_ms now)
{
	bk_deliver_tick(s, now);
	bk_escalate_tick(s, now);
	bk_path_tick(s, now);
}

static void on_tick(uv_timer_t *t)
{
	bk_live_tick(t->data, bk_now());
}

int bk_live_start(struct bk_server *s)
{
	uv_timer_init(s->loop, &s->timer);
	s->timer.data = s;
	return uv_timer_start(&s->timer, on_tick, 1000, 1000) ? BK_E_INTERNAL : 0;
}

void bk_live_stop(struct bk_server *s)
{
	uv_timer_stop(&s->timer);
	uv_close((uv_handle_t *)&s->timer, NULL);
}

/* ---- circles ---- */

/* The fall-back of its desk, or the desk that its own is the fall-back of. */
static bool stands_in(const struct bk_conn *c, const struct bk_route *r)
{
	struct bk_server *s = c->server;
	const struct bk_route *own;

	if (r->kind != BAKEN__CIRCLE_KIND__CIRCLE_DESK)
		return false;
	own = bk_route_get(&s->routes, s->store, c->circle);
	return own && bk_route_stands_in(&s->routes, s->store, own, r);
}

static bool concerns(const struct bk_conn *c, const struct bk_route *r)
{
	if (bk_id_equal(c->circle, r->circle) || bk_id_equal(c->desk, r->circle) || bk_id_equal(c->care, r->circle))
		return true;
	if (bk_id_equal(c->circle, r->desk) || bk_id_equal(c->circle, r->care))
		return true;
	for (size_t i = 0; i < r->n_household; i++)
		if (bk_id_equal(c->circle, r->household[i]))
			return true;
	return stands_in(c, r);
}

size_t bk_live_on_duty(const struct bk_route *r, ProtobufCBinaryData *out)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n_devices; i++)
		if (r->devices[i].on_duty && bk_route_usable(&r->devices[i], bk_now()))
			out[n++] = bk_bytes(r->devices[i].device.b, BK_ID_BYTES);
	return n;
}

void bk_live_circle_changed(struct bk_server *s, bk_id circle)
{
	const struct bk_route *r;
	Baken__Frame f = BAKEN__FRAME__INIT;
	Baken__RosterChanged m = BAKEN__ROSTER_CHANGED__INIT;
	size_t at = 0;
	struct bk_conn *c;

	bk_route_forget(&s->routes, circle);
	r = bk_route_get(&s->routes, s->store, circle);
	if (!r)
		return;
	bk_arena_reset(s->out_arena);
	m.on_duty = bk_arena_alloc(s->out_arena, (r->n_devices + 1) * sizeof *m.on_duty);
	if (!m.on_duty)
		return;
	m.n_on_duty = bk_live_on_duty(r, m.on_duty);
	m.circle_id = bk_bytes(r->circle.b, BK_ID_BYTES);
	m.version = r->version;
	f.kind_case = BAKEN__FRAME__KIND_ROSTER_CHANGED;
	f.roster_changed = &m;
	while ((c = bk_idmap_next(&s->by_device, &at))) {
		if (bk_id_equal(c->circle, r->circle)) { /* its desk or care team may be another now */
			c->desk = r->desk;
			c->care = r->care;
		}
		if (concerns(c, r))
			bk_conn_send(c, &f);
	}
}
