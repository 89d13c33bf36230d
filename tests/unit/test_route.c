/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Routes: who may write to which circle, and which of its devices must be addressed, against a second, naive
 * formulation; the cache holds what the store holds, and never more than its bound.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stdlib.h>
#include <cmocka.h>

#include "err.h"
#include "roles.h"
#include "route.h"
#include "store_box.h"

static struct bk_route route(unsigned n, Baken__CircleKind kind)
{
	struct bk_route r;

	memset(&r, 0, sizeof r);
	r.circle = bk_sample_id(n);
	r.kind = kind;
	return r;
}

/* Every pair of kinds, every assignment: people to their own desk, care team and household; staff to their people. */
static void related(void **state)
{
	(void)state;
	for (int a = 1; a <= 3; a++)
		for (int b = 1; b <= 3; b++)
			for (unsigned bits = 0; bits < 64; bits++) {
				struct bk_route from = route(1, (Baken__CircleKind)a), to = route(2, (Baken__CircleKind)b);
				bool person = a == BAKEN__CIRCLE_KIND__CIRCLE_PERSON;
				bool want = person ? bits & 7 : bits & 24;

				from.desk = bk_sample_id(bits & 1 ? 2 : 3);
				from.care = bk_sample_id(bits & 2 ? 2 : 4);
				from.household[0] = bk_sample_id(5);
				from.household[1] = bk_sample_id(bits & 4 ? 2 : 6);
				from.n_household = 2;
				to.desk = bk_sample_id(bits & 8 ? 1 : 3);
				to.care = bk_sample_id(bits & 16 ? 1 : 4);
				to.household[0] = bk_sample_id(bits & 32 ? 1 : 5); /* says nothing: lists are two-sided */
				to.n_household = 1;
				assert_int_equal(bk_route_related(&from, &to), want);
				to.circle = from.circle;
				assert_true(bk_route_related(&from, &to));
			}
}

/* A person and the fall-back of their desk, a desk and its fall-back, either way around; nobody else. */
static void stands_in(void **state)
{
	struct bk_store_box b = {0};
	struct bk_routes routes = {0};
	struct bk_route other = route(77, BAKEN__CIRCLE_KIND__CIRCLE_DESK), care = route(77, BAKEN__CIRCLE_KIND__CIRCLE_CARE);
	struct bk_route stranger = route(78, BAKEN__CIRCLE_KIND__CIRCLE_PERSON);
	const struct bk_route *desk, *person;

	(void)state;
	bk_store_box_realm(&b, "routes");
	person = bk_route_get(&routes, b.store, BK_BOX_PERSON);
	assert_false(bk_route_stands_in(&routes, b.store, person, &other));
	b.desk.fallback = other.circle;
	assert_int_equal(bk_store_box_put(&b, &b.desk, NULL), 0);
	bk_route_forget(&routes, BK_BOX_DESK);
	desk = bk_route_get(&routes, b.store, BK_BOX_DESK);
	assert_true(bk_id_equal(desk->fallback, other.circle));
	assert_true(bk_route_stands_in(&routes, b.store, person, &other));
	assert_true(bk_route_stands_in(&routes, b.store, &other, person));
	assert_true(bk_route_stands_in(&routes, b.store, desk, &other));
	assert_true(bk_route_stands_in(&routes, b.store, &other, desk));
	assert_false(bk_route_stands_in(&routes, b.store, person, desk)); /* that is their own */
	assert_false(bk_route_stands_in(&routes, b.store, &care, person)); /* of that name, but no desk */
	stranger.desk = bk_sample_id(79);
	assert_false(bk_route_stands_in(&routes, b.store, &stranger, &other));
	stranger.circle = other.circle; /* a person's circle backs nobody */
	assert_false(bk_route_stands_in(&routes, b.store, person, &stranger));
	bk_routes_done(&routes);
	bk_store_box_close(&b);
}

static void must_reach(void **state)
{
	static const uint64_t times[] = {0, 999, 1000, 5000, 5001, 9000};
	const bk_ms skew = BK_CLOCK_SKEW_MS;

	(void)state;
	for (int kind = 1; kind <= 3; kind++)
		for (int status = 0; status <= 3; status++)
			for (int duty = 0; duty < 2; duty++)
				for (size_t i = 0; i < 6; i++) {
					struct bk_route r = route(1, (Baken__CircleKind)kind);
					struct bk_route_device d = {.status = (Baken__DeviceStatus)status, .on_duty = duty,
						.not_before_ms = 1000 + skew, .not_after_ms = 5000};
					bool usable = (status == 1 || status == 2) && times[i] >= 1000 && times[i] <= 5000;
					bool reach = usable && (kind != 1 || status == 2 || duty);

					assert_int_equal(bk_route_usable(&d, times[i]), usable);
					assert_int_equal(bk_route_must_reach(&r, &d, times[i]), reach);
				}
}

/* No path, by relation and role together, from care to a desk or from a desk to care, in any regime. */
static void care_and_desk_never_meet(void **state)
{
	(void)state;
	for (int role = 0; role <= BAKEN__ROLE__ROLE_VAULT; role++)
		for (int regime = 0; regime <= BAKEN__REGIME__REGIME_CARE; regime++)
			for (int kind = 1; kind <= 3; kind++)
				if (bk_roles_may_send((Baken__Role)role, (Baken__CircleKind)kind, (Baken__Regime)regime,
					    BK_CONTENT_ANY)) {
					bool care = regime == BAKEN__REGIME__REGIME_CARE;

					assert_true(kind != BAKEN__CIRCLE_KIND__CIRCLE_DESK || !care);
					assert_true(kind != BAKEN__CIRCLE_KIND__CIRCLE_CARE || care);
					assert_true(role != BAKEN__ROLE__ROLE_CARE || care);
					assert_true(!bk_roles_is_desk((Baken__Role)role) || !care);
				}
}

static void the_cache_holds_what_the_store_holds(void **state)
{
	struct bk_store_box b = {0};
	struct bk_routes routes = {0};
	const struct bk_route *r;

	(void)state;
	bk_store_box_realm(&b, "routes");
	assert_null(bk_route_get(&routes, b.store, bk_sample_id(9999)));
	r = bk_route_get(&routes, b.store, BK_BOX_PERSON);
	assert_non_null(r);
	assert_int_equal(r->n_devices, 2);
	assert_true(bk_id_equal(r->desk, BK_BOX_DESK) && bk_id_equal(r->care, BK_BOX_CARE));
	assert_int_equal(r->version, 1);
	assert_memory_equal(r->hash.b, b.person.hash.b, BK_HASH_BYTES);
	assert_ptr_equal(bk_route_get(&routes, b.store, BK_BOX_PERSON), r);
	assert_int_equal(bk_route_get(&routes, b.store, BK_BOX_DESK)->n_devices, 3);
	b.person.devices[1].status = BAKEN__DEVICE_STATUS__DEVICE_REVOKED;
	assert_int_equal(bk_store_box_put(&b, &b.person, NULL), 0);
	bk_route_forget(&routes, BK_BOX_PERSON);
	bk_route_forget(&routes, BK_BOX_PERSON); /* twice is once */
	r = bk_route_get(&routes, b.store, BK_BOX_PERSON);
	assert_int_equal(r->version, 2);
	assert_int_equal(r->devices[0].status == BAKEN__DEVICE_STATUS__DEVICE_REVOKED ||
		r->devices[1].status == BAKEN__DEVICE_STATUS__DEVICE_REVOKED, 1);
	bk_routes_done(&routes);
	bk_store_box_close(&b);
}

/* What a frame needs stays until the frame is over, however many it needs; then the bound holds again. */
static void the_cache_has_a_bound(void **state)
{
	struct bk_routes routes = {0};
	unsigned n = BK_ROUTES_MAX + 500;

	(void)state;
	for (unsigned i = 0; i < n; i++) {
		struct bk_route *r = calloc(1, sizeof *r);

		assert_non_null(r);
		r->circle = bk_id_random();
		assert_int_equal(bk_idmap_put(&routes.map, r->circle, r), 0);
	}
	assert_int_equal(routes.map.n, n);
	bk_route_trim(&routes);
	assert_int_equal(routes.map.n, BK_ROUTES_MAX);
	bk_route_trim(&routes);
	assert_int_equal(routes.map.n, BK_ROUTES_MAX);
	for (unsigned i = 0; i < 3 * BK_ROUTES_MAX; i++) { /* around and around */
		struct bk_route *r = calloc(1, sizeof *r);

		r->circle = bk_id_random();
		assert_int_equal(bk_idmap_put(&routes.map, r->circle, r), 0);
		bk_route_trim(&routes);
		assert_int_equal(routes.map.n, BK_ROUTES_MAX);
	}
	bk_routes_done(&routes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(related), cmocka_unit_test(stands_in),
		cmocka_unit_test(must_reach),
		cmocka_unit_test(care_and_desk_never_meet),
		cmocka_unit_test(the_cache_holds_what_the_store_holds),
		cmocka_unit_test(the_cache_has_a_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
