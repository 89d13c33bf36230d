/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who must get a message: circles as the server routes them, cached from the store. The server can only pick
 * from certified devices; which of them must be addressed is one rule (bk_roster_must_reach) for both ends.
 *
 * Invariant: the cache holds what the store holds; whoever changes a circle forgets it here.
 * Threads: loop. Memory: a route is borrowed until the next bk_route_trim or the forgetting of its circle.
 */
#ifndef BK_ROUTE_H
#define BK_ROUTE_H

#include "idmap.h"
#include "store.h"

#define BK_ROUTES_MAX 16384u /* circles kept; about 1 kB each */

struct bk_route_device {
	bk_id device;
	Baken__Role role;
	Baken__DeviceStatus status;
	bool on_duty;
	bk_ms not_before_ms, not_after_ms;
};
struct bk_route {
	bk_id circle;
	Baken__CircleKind kind;
	uint64_t version;
	bk_hash hash;
	bk_id desk, care, fallback;
	bk_ms hard_expires_ms;
	bk_id household[BK_HOUSEHOLD_MAX];
	size_t n_household;
	size_t n_devices;
	struct bk_route_device devices[];
};
struct bk_routes {
	struct bk_idmap map;
	size_t hand; /* where bk_route_trim goes on looking */
};

/* NULL: unknown, or the store failed. */
const struct bk_route *bk_route_get(struct bk_routes *r, struct bk_store *store, bk_id circle);
void bk_route_forget(struct bk_routes *r, bk_id circle);
/* Back to BK_ROUTES_MAX. Between two frames, when nobody holds a route. */
void bk_route_trim(struct bk_routes *r);
void bk_routes_done(struct bk_routes *r);

bool bk_route_usable(const struct bk_route_device *d, bk_ms now);
bool bk_route_must_reach(const struct bk_route *r, const struct bk_route_device *d, bk_ms now);
/* May a device of circle `from` write to circle `to` at all: its own, desk, care, household, or assigned people? */
bool bk_route_related(const struct bk_route *from, const struct bk_route *to);
/*
 * The same by way of a fall-back desk: a person and the fall-back of their desk, a desk and its fall-back, either
 * way around. What may be said there is little (bk_roles_to_fallback); the server sees only the regime of it.
 */
bool bk_route_stands_in(struct bk_routes *r, struct bk_store *store, const struct bk_route *a, const struct bk_route *b);

#endif
