/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The role matrix, exhaustively, against a second formulation: for each kind of content the sentences that
 * people would say about it, instead of a row per pair of ends.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "roles.h"

#define ROLES 12 /* two more than there are */
#define CIRCLES 6
#define REGIMES 5

static bool person(int role)
{
	return role == BAKEN__ROLE__ROLE_PERSON || role == BAKEN__ROLE__ROLE_RELATIVE || role == BAKEN__ROLE__ROLE_CHILD;
}

static bool officer(int role)
{
	return role == BAKEN__ROLE__ROLE_OFFICER || role == BAKEN__ROLE__ROLE_LEAD;
}

static bool carer(int role)
{
	return role == BAKEN__ROLE__ROLE_CARE;
}

static bool vault(int role)
{
	return role == BAKEN__ROLE__ROLE_VAULT;
}

/* Two worlds that never meet; a person stands in both. */
static bool same_world(int role, int to, int regime)
{
	if (regime == BAKEN__REGIME__REGIME_SECURITY)
		return (person(role) || officer(role) || vault(role)) &&
		       (to == BAKEN__CIRCLE_KIND__CIRCLE_DESK || to == BAKEN__CIRCLE_KIND__CIRCLE_PERSON);
	if (regime == BAKEN__REGIME__REGIME_CARE)
		return (person(role) || carer(role)) &&
		       (to == BAKEN__CIRCLE_KIND__CIRCLE_CARE || to == BAKEN__CIRCLE_KIND__CIRCLE_PERSON);
	return false;
}

static bool allowed(int role, int to, int regime, enum bk_content_kind kind)
{
	const bool to_people = to == BAKEN__CIRCLE_KIND__CIRCLE_PERSON, security = regime == BAKEN__REGIME__REGIME_SECURITY;

	if (!same_world(role, to, regime))
		return false;
	switch (kind) {
	case BK_CONTENT_RECEIPT: /* plumbing works between all who may talk at all */
	case BK_CONTENT_ASK_AGAIN:
	case BK_CONTENT_SESSION_OPEN:
		return true;
	case BK_CONTENT_TEXT: /* everybody but a machine writes, and shows a name */
	case BK_CONTENT_PROFILE:
		return !vault(role);
	case BK_CONTENT_REPORT: /* only people report, only to a desk, and keep a copy */
		return person(role) && security;
	case BK_CONTENT_GUIDANCE: /* only officers guide: people, and a copy at the desk */
		return officer(role);
	case BK_CONTENT_GUIDANCE_ACK: /* only the guided acknowledge */
		return person(role) && security;
	case BK_CONTENT_CASE_EVENT: /* never leaves the desk */
		return officer(role) && !to_people;
	case BK_CONTENT_DRILL_ALARM: /* goes to those who watch, from everybody they watch with */
		return !to_people && (security || carer(role));
	case BK_CONTENT_ALARM: /* only people are in danger here: their desk and their other devices know */
	case BK_CONTENT_ALARM_END:
	case BK_CONTENT_WATCH_PLAN:
	case BK_CONTENT_WATCH_END:
	case BK_CONTENT_DAY_PLAN:
		return person(role) && security;
	case BK_CONTENT_LOCATION: /* where somebody is, only the desk learns */
		return person(role) && security && !to_people;
	case BK_CONTENT_DEVICE_HEALTH: /* of every device that somebody holds, to the desk */
		return (person(role) || officer(role)) && security && !to_people;
	case BK_CONTENT_PROMISE: /* officers to people, and a copy at the desk */
	case BK_CONTENT_GUIDANCE_RECALL:
		return officer(role);
	case BK_CONTENT_APPROVAL: /* how the desk runs itself never leaves it */
	case BK_CONTENT_GROUP:
	case BK_CONTENT_KEYRING_ASK:
	case BK_CONTENT_HANDOVER:
	case BK_CONTENT_HANDOVER_ANSWER:
	case BK_CONTENT_SHIFT_PLAN:
	case BK_CONTENT_DESK_POLICY:
		return officer(role) && !to_people;
	case BK_CONTENT_KEYRING: /* the vault gives keys too, and sends the canary */
	case BK_CONTENT_CANARY:
		return (officer(role) || vault(role)) && !to_people;
	case BK_CONTENT_ANY:
		return true;
	case BK_CONTENT_KINDS:
	default:
		return false;
	}
}

static bool ask(int role, int to, int regime, int kind)
{
	return bk_roles_may_send((Baken__Role)role, (Baken__CircleKind)to, (Baken__Regime)regime, (enum bk_content_kind)kind);
}

static void test_matrix(void **state)
{
	(void)state;
	for (int role = 0; role < ROLES; role++)
		for (int to = 0; to < CIRCLES; to++)
			for (int regime = 0; regime < REGIMES; regime++)
				for (int kind = 0; kind <= BK_CONTENT_KINDS; kind++)
					if (ask(role, to, regime, kind) != allowed(role, to, regime, (enum bk_content_kind)kind))
						fail_msg("role %d to circle %d in regime %d, kind %d: %d", role, to, regime, kind,
							ask(role, to, regime, kind));
}

/* ANY is the union of all kinds: what the server enforces is never stricter than what ends allow, and no laxer. */
static void test_any_is_the_union(void **state)
{
	(void)state;
	for (int role = 0; role < ROLES; role++)
		for (int to = 0; to < CIRCLES; to++)
			for (int regime = 0; regime < REGIMES; regime++) {
				bool any = false;

				for (int kind = 1; kind < BK_CONTENT_KINDS; kind++)
					any = any || ask(role, to, regime, kind);
				assert_int_equal(ask(role, to, regime, BK_CONTENT_ANY), any);
			}
}

/* The sentence that must never become false, on its own. */
static void test_worlds_apart(void **state)
{
	(void)state;
	for (int role = 0; role < ROLES; role++)
		for (int kind = 0; kind <= BK_CONTENT_KINDS; kind++) {
			assert_false(ask(role, BAKEN__CIRCLE_KIND__CIRCLE_DESK, BAKEN__REGIME__REGIME_CARE, kind));
			assert_false(ask(role, BAKEN__CIRCLE_KIND__CIRCLE_CARE, BAKEN__REGIME__REGIME_SECURITY, kind));
			for (int regime = 0; regime < REGIMES; regime++) {
				assert_false(ask(BAKEN__ROLE__ROLE_CARE, BAKEN__CIRCLE_KIND__CIRCLE_DESK, regime, kind));
				assert_false(ask(BAKEN__ROLE__ROLE_OFFICER, BAKEN__CIRCLE_KIND__CIRCLE_CARE, regime, kind));
				assert_false(ask(BAKEN__ROLE__ROLE_LEAD, BAKEN__CIRCLE_KIND__CIRCLE_CARE, regime, kind));
				assert_false(ask(BAKEN__ROLE__ROLE_VAULT, BAKEN__CIRCLE_KIND__CIRCLE_CARE, regime, kind));
			}
		}
}

/* Numbers from the wire that name nothing. */
static void test_strangers(void **state)
{
	static const int odd[] = {-1, 0, BAKEN__ROLE__ROLE_REGISTRAR, BAKEN__ROLE__ROLE_SUPERVISOR, 10, 11, 1000};

	(void)state;
	for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
		for (int to = -1; to < CIRCLES; to++)
			for (int regime = -1; regime < REGIMES; regime++) {
				assert_false(ask(odd[i], to, regime, BK_CONTENT_ANY));
				assert_false(ask(odd[i], to, regime, BK_CONTENT_TEXT));
			}
	assert_false(ask(BAKEN__ROLE__ROLE_PERSON, BAKEN__CIRCLE_KIND__CIRCLE_DESK, BAKEN__REGIME__REGIME_SECURITY, -1));
	assert_false(ask(BAKEN__ROLE__ROLE_PERSON, BAKEN__CIRCLE_KIND__CIRCLE_DESK, BAKEN__REGIME__REGIME_SECURITY, 63));
	assert_false(ask(BAKEN__ROLE__ROLE_PERSON, BAKEN__CIRCLE_KIND__CIRCLE_DESK, BAKEN__REGIME__REGIME_SECURITY, 64));
}

static void test_join(void **state)
{
	(void)state;
	for (int role = -1; role < ROLES; role++)
		for (int circle = -1; circle < CIRCLES; circle++) {
			bool want = (person(role) && circle == BAKEN__CIRCLE_KIND__CIRCLE_PERSON) ||
				    ((officer(role) || vault(role)) && circle == BAKEN__CIRCLE_KIND__CIRCLE_DESK) ||
				    (carer(role) && circle == BAKEN__CIRCLE_KIND__CIRCLE_CARE);

			assert_int_equal(bk_roles_may_join((Baken__Role)role, (Baken__CircleKind)circle), want);
		}
}

static void test_registrars_and_desks(void **state)
{
	(void)state;
	for (int a = 1; a <= 9; a++) {
		for (int b = 1; b <= 9; b++)
			assert_int_equal(bk_roles_same_registrar((Baken__Role)a, (Baken__Role)b), carer(a) == carer(b));
		assert_int_equal(bk_roles_is_desk((Baken__Role)a), officer(a));
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_matrix),
		cmocka_unit_test(test_any_is_the_union),
		cmocka_unit_test(test_worlds_apart),
		cmocka_unit_test(test_strangers),
		cmocka_unit_test(test_join),
		cmocka_unit_test(test_registrars_and_desks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
