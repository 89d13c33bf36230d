/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "handlers.h"
#include "live.h"
#include "server.h"

#define ABSENT_MAX 1024u /* versions looked for in vain in one reply */
#define CHAIN_BYTES (768u * 1024u) /* of rosters in one reply; the client asks on from the last */

/* May this connection see that circle's roster? The ones it may write to, or get messages from. */
static const struct bk_route *visible(struct bk_conn *c, bk_id circle)
{
	struct bk_server *s = c->server;
	const struct bk_route *own = bk_route_get(&s->routes, s->store, c->circle);
	const struct bk_route *r = bk_route_get(&s->routes, s->store, circle);

	return own && r && (bk_route_related(own, r) || bk_route_related(r, own) ||
				   bk_route_stands_in(&s->routes, s->store, own, r))
		       ? r
		       : NULL;
}

/* By device: the circle it belongs to. */
static int circle_of(struct bk_conn *c, const Baken__RosterGet *m, bk_id *ret_circle)
{
	struct bk_store_view *v = NULL;
	struct bk_device_row row;
	bk_id device;
	int err;

	if (m->circle_id.len)
		return bk_id_from(m->circle_id.data, m->circle_id.len, ret_circle);
	err = bk_id_from(m->device_id.data, m->device_id.len, &device);
	if (!err)
		err = bk_store_view_begin(c->server->store, &v);
	if (!err)
		err = bk_store_device(v, device, &row);
	if (v)
		bk_store_view_end(v);
	if (!err)
		*ret_circle = row.circle;
	return err;
}

static int add_chain(struct bk_server *s, struct bk_store_view *v, const struct bk_route *r, uint64_t have,
	Baken__Rosters *m)
{
	uint64_t from = have && have < r->version ? have + 1 : r->version;
	size_t bytes = 0, absent = 0;

	m->rosters = bk_arena_alloc(s->out_arena, BK_ROSTERS_CHAIN_MAX * sizeof *m->rosters);
	if (!m->rosters)
		return BK_E_NOMEM;
	if (have >= r->version)
		return 0;
	for (uint64_t n = from; n <= r->version && m->n_rosters < BK_ROSTERS_CHAIN_MAX; n++) {
		struct bk_bytes b;
		int err = bk_store_roster(v, r->circle, n, &b);

		if (err == BK_E_NOT_FOUND) { /* skipped: a restore put us back, and the registrar went on from its own book */
			if (++absent > ABSENT_MAX && n < r->version)
				n = r->version - 1; /* the newest is enough */
			continue;
		}
		if (err)
			return err;
		bytes += b.len;
		if (m->n_rosters && bytes > CHAIN_BYTES)
			break;
		m->rosters[m->n_rosters] = baken__signed__unpack(bk_arena_allocator(s->out_arena), b.len, b.data);
		if (!m->rosters[m->n_rosters])
			return BK_E_NOMEM;
		m->n_rosters++;
	}
	return 0;
}

void bk_handle_roster_get(struct bk_conn *c, const Baken__Frame *f)
{
	struct bk_server *s = c->server;
	struct bk_store_view *v = NULL;
	Baken__Frame out = BAKEN__FRAME__INIT;
	Baken__Rosters m = BAKEN__ROSTERS__INIT;
	const struct bk_route *r = NULL;
	bk_id circle;
	int err = circle_of(c, f->roster_get, &circle);

	if (!err && !(r = visible(c, circle)))
		err = BK_E_NOT_FOUND; /* an unknown circle looks the same as one of others (R9) */
	bk_arena_reset(s->out_arena);
	if (!err)
		err = bk_store_view_begin(s->store, &v);
	if (!err)
		err = add_chain(s, v, r, f->roster_get->have_version, &m);
	if (!err && r->kind == BAKEN__CIRCLE_KIND__CIRCLE_DESK) {
		m.on_duty = bk_arena_alloc(s->out_arena, (r->n_devices + 1) * sizeof *m.on_duty);
		if (m.on_duty)
			m.n_on_duty = bk_live_on_duty(r, m.on_duty);
	}
	if (!err) {
		m.circle_id = bk_bytes(r->circle.b, BK_ID_BYTES);
		out.request = f->request;
		out.kind_case = BAKEN__FRAME__KIND_ROSTERS;
		out.rosters = &m;
		bk_conn_send(c, &out);
	} else {
		bk_conn_error(c, f->request, err, 0);
	}
	if (v)
		bk_store_view_end(v);
}

struct page {
	struct bk_arena *arena;
	Baken__CircleState *list[BK_CIRCLES_PAGE];
	size_t n;
	bool more;
};

static int add_circle(void *arg, const struct bk_circle_row *row)
{
	struct page *p = arg;
	struct item {
		Baken__CircleState m;
		bk_id id;
	} *it;

	if (p->n == BK_CIRCLES_PAGE) {
		p->more = true;
		return 1;
	}
	it = bk_arena_alloc(p->arena, sizeof *it);
	if (!it)
		return BK_E_NOMEM;
	baken__circle_state__init(&it->m);
	it->id = row->circle;
	it->m.circle_id = bk_bytes(it->id.b, BK_ID_BYTES);
	it->m.kind = row->kind;
	it->m.version = row->version;
	p->list[p->n++] = &it->m;
	return 0;
}

void bk_handle_circles_get(struct bk_conn *c, const Baken__Frame *f)
{
	struct bk_server *s = c->server;
	struct bk_store_view *v = NULL;
	struct page p = {.arena = s->out_arena};
	Baken__Frame out = BAKEN__FRAME__INIT;
	Baken__Circles m = BAKEN__CIRCLES__INIT;
	bk_id after = {{0}};
	int err = 0;

	if (f->circles_get->after.len)
		err = bk_id_from(f->circles_get->after.data, f->circles_get->after.len, &after);
	bk_arena_reset(s->out_arena);
	if (!err)
		err = bk_store_view_begin(s->store, &v);
	if (!err)
		err = bk_store_assigned(v, c->circle, after, add_circle, &p);
	if (v)
		bk_store_view_end(v);
	if (err < 0) {
		bk_conn_error(c, f->request, err, 0);
		return;
	}
	m.circles = p.list;
	m.n_circles = p.n;
	m.more = p.more;
	out.request = f->request;
	out.kind_case = BAKEN__FRAME__KIND_CIRCLES;
	out.circles = &m;
	bk_conn_send(c, &out);
}
