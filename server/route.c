/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "route.h"

#include <stdlib.h>

#include "err.h"

struct gather {
	struct bk_route *route;
	size_t room;
};

static int add_device(void *arg, const struct bk_device_row *row)
{
	struct gather *g = arg;
	struct bk_route_device *d;

	if (g->route->n_devices == g->room) {
		size_t room = g->room * 2;
		struct bk_route *bigger = realloc(g->route, sizeof *bigger + room * sizeof *d);

		if (!bigger)
			return BK_E_NOMEM;
		g->route = bigger;
		g->room = room;
	}
	d = &g->route->devices[g->route->n_devices++];
	*d = (struct bk_route_device){row->device, row->role, row->status, row->on_duty, row->not_before_ms,
		row->not_after_ms};
	return 0;
}

static struct bk_route *load(struct bk_store *store, bk_id circle)
{
	struct gather g = {calloc(1, sizeof(struct bk_route) + 8 * sizeof(struct bk_route_device)), 8};
	struct bk_store_view *v = NULL;
	struct bk_circle_row row;
	int err = g.route ? bk_store_view_begin(store, &v) : BK_E_NOMEM;

	if (!err)
		err = bk_store_circle(v, circle, &row);
	if (!err) {
		g.route->circle = circle;
		g.route->kind = row.kind;
		g.route->version = row.version;
		g.route->hash = row.hash;
		g.route->desk = row.desk;
		g.route->care = row.care;
		g.route->fallback = row.fallback;
		g.route->hard_expires_ms = row.hard_expires_ms;
		err = bk_store_household(v, circle, g.route->household, BK_HOUSEHOLD_MAX, &g.route->n_household);
	}
	if (!err)
		err = bk_store_devices(v, circle, add_device, &g);
	if (v)
		bk_store_view_end(v);
	if (!err)
		return g.route;
	free(g.route);
	return NULL;
}

const struct bk_route *bk_route_get(struct bk_routes *r, struct bk_store *store, bk_id circle)
{
	struct bk_route *route = bk_idmap_find(&r->map, circle);

	if (route)
		return route;
	route = load(store, circle);
	if (!route)
		return NULL;
	if (bk_idmap_put(&r->map, circle, route) != 0) {
		free(route);
		return NULL;
	}
	return route;
}

void bk_route_forget(struct bk_routes *r, bk_id circle)
{
	struct bk_route *route = bk_idmap_find(&r->map, circle);

	if (!route)
		return;
	bk_idmap_del(&r->map, circle);
	free(route);
}

void bk_route_trim(struct bk_routes *r)
{
	while (r->map.n > BK_ROUTES_MAX) {
		struct bk_route *victim = bk_idmap_next(&r->map, &r->hand);

		if (victim)
			bk_route_forget(r, victim->circle);
		else
			r->hand = 0; /* once around */
	}
}

void bk_routes_done(struct bk_routes *r)
{
	size_t at = 0;
	struct bk_route *route;

	while ((route = bk_idmap_next(&r->map, &at)))
		free(route);
	bk_idmap_done(&r->map);
}

bool bk_route_usable(const struct bk_route_device *d, bk_ms now)
{
	return (d->status == BAKEN__DEVICE_STATUS__DEVICE_ACTIVE || d->status == BAKEN__DEVICE_STATUS__DEVICE_VAULT) &&
		now + BK_CLOCK_SKEW_MS >= d->not_before_ms && now <= d->not_after_ms;
}

bool bk_route_must_reach(const struct bk_route *r, const struct bk_route_device *d, bk_ms now)
{
	if (!bk_route_usable(d, now))
		return false;
	return r->kind != BAKEN__CIRCLE_KIND__CIRCLE_DESK || d->status == BAKEN__DEVICE_STATUS__DEVICE_VAULT || d->on_duty;
}

bool bk_route_related(const struct bk_route *from, const struct bk_route *to)
{
	if (bk_id_equal(from->circle, to->circle))
		return true;
	if (from->kind == BAKEN__CIRCLE_KIND__CIRCLE_PERSON) {
		if (bk_id_equal(from->desk, to->circle) || bk_id_equal(from->care, to->circle))
			return true;
		for (size_t i = 0; i < from->n_household; i++)
			if (bk_id_equal(from->household[i], to->circle))
				return true;
		return false;
	}
	return bk_id_equal(to->desk, from->circle) || bk_id_equal(to->care, from->circle);
}

static bool is_desk(const struct bk_route *r)
{
	return r->kind == BAKEN__CIRCLE_KIND__CIRCLE_DESK;
}

/* Is `desk` the fall-back of the desk that this circle is, or is assigned to? */
static bool backs(struct bk_routes *r, struct bk_store *store, const struct bk_route *desk, const struct bk_route *of)
{
	const struct bk_route *first = is_desk(of) ? of : NULL;

	if (of->kind == BAKEN__CIRCLE_KIND__CIRCLE_PERSON && !bk_id_is_zero(of->desk))
		first = bk_route_get(r, store, of->desk);
	return first && is_desk(desk) && bk_id_equal(first->fallback, desk->circle);
}

bool bk_route_stands_in(struct bk_routes *r, struct bk_store *store, const struct bk_route *a, const struct bk_route *b)
{
	return backs(r, store, a, b) || backs(r, store, b, a);
}
