/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "roles.h"

#include <stddef.h>
#include <stdint.h>

#define K(kind) (1u << BK_CONTENT_##kind)
/* What keeps any pair of ends working: receipts, asking again, opening a session. */
#define PLUMBING (K(RECEIPT) | K(ASK_AGAIN) | K(SESSION_OPEN))

enum party { PEOPLE, OFFICERS, VAULTS, CARERS };

/*
 * One row per pair of ends; what has no row is refused. A sender's own other devices are a circle like any
 * other, so the copies that go along have rows too.
 */
static const struct row {
	enum party from;
	Baken__CircleKind to;
	Baken__Regime regime;
	uint32_t kinds;
} rows[] = {
	/* people report to their desk, answer its guidance and prove their device by a drill */
	{PEOPLE, BAKEN__CIRCLE_KIND__CIRCLE_DESK, BAKEN__REGIME__REGIME_SECURITY,
		K(REPORT) | K(TEXT) | K(GUIDANCE_ACK) | K(PROFILE) | K(DRILL_ALARM) | PLUMBING},
	/* people talk with their care team; nothing of it may look like a report */
	{PEOPLE, BAKEN__CIRCLE_KIND__CIRCLE_CARE, BAKEN__REGIME__REGIME_CARE, K(TEXT) | K(PROFILE) | PLUMBING},
	/* copies to one's own other devices, each in its own regime */
	{PEOPLE, BAKEN__CIRCLE_KIND__CIRCLE_PERSON, BAKEN__REGIME__REGIME_SECURITY,
		K(REPORT) | K(TEXT) | K(GUIDANCE_ACK) | K(PROFILE) | PLUMBING},
	{PEOPLE, BAKEN__CIRCLE_KIND__CIRCLE_PERSON, BAKEN__REGIME__REGIME_CARE, K(TEXT) | K(PROFILE) | PLUMBING},
	/* officers answer and guide people */
	{OFFICERS, BAKEN__CIRCLE_KIND__CIRCLE_PERSON, BAKEN__REGIME__REGIME_SECURITY,
		K(TEXT) | K(GUIDANCE) | K(PROFILE) | PLUMBING},
	/* among colleagues: the case log, copies of what went out, own drill */
	{OFFICERS, BAKEN__CIRCLE_KIND__CIRCLE_DESK, BAKEN__REGIME__REGIME_SECURITY,
		K(TEXT) | K(GUIDANCE) | K(CASE_EVENT) | K(PROFILE) | K(DRILL_ALARM) | PLUMBING},
	/* a vault says only that it holds what it was sent; its own enrolment ends with a drill */
	{VAULTS, BAKEN__CIRCLE_KIND__CIRCLE_PERSON, BAKEN__REGIME__REGIME_SECURITY, PLUMBING},
	{VAULTS, BAKEN__CIRCLE_KIND__CIRCLE_DESK, BAKEN__REGIME__REGIME_SECURITY, K(DRILL_ALARM) | PLUMBING},
	/* care providers write to people and among themselves, never to a desk */
	{CARERS, BAKEN__CIRCLE_KIND__CIRCLE_PERSON, BAKEN__REGIME__REGIME_CARE, K(TEXT) | K(PROFILE) | PLUMBING},
	{CARERS, BAKEN__CIRCLE_KIND__CIRCLE_CARE, BAKEN__REGIME__REGIME_CARE,
		K(TEXT) | K(PROFILE) | K(DRILL_ALARM) | PLUMBING},
};

static int party_of(Baken__Role role)
{
	switch ((int)role) {
	case BAKEN__ROLE__ROLE_PERSON:
	case BAKEN__ROLE__ROLE_RELATIVE:
	case BAKEN__ROLE__ROLE_CHILD:
		return PEOPLE;
	case BAKEN__ROLE__ROLE_OFFICER:
	case BAKEN__ROLE__ROLE_LEAD:
		return OFFICERS;
	case BAKEN__ROLE__ROLE_VAULT:
		return VAULTS;
	case BAKEN__ROLE__ROLE_CARE:
		return CARERS;
	default:
		return -1; /* registrars, supervisors and strangers send no messages */
	}
}

bool bk_roles_may_send(Baken__Role from, Baken__CircleKind to, Baken__Regime regime, enum bk_content_kind kind)
{
	int party = party_of(from);
	uint32_t wanted;

	if (party < 0 || (int)kind < 0 || kind >= BK_CONTENT_KINDS)
		return false;
	wanted = kind == BK_CONTENT_ANY ? UINT32_MAX : 1u << kind;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if ((int)rows[i].from == party && rows[i].to == to && rows[i].regime == regime)
			return (rows[i].kinds & wanted) != 0;
	return false;
}

bool bk_roles_may_join(Baken__Role role, Baken__CircleKind circle)
{
	switch (party_of(role)) {
	case PEOPLE:
		return circle == BAKEN__CIRCLE_KIND__CIRCLE_PERSON;
	case OFFICERS:
	case VAULTS:
		return circle == BAKEN__CIRCLE_KIND__CIRCLE_DESK;
	case CARERS:
		return circle == BAKEN__CIRCLE_KIND__CIRCLE_CARE;
	default:
		return false;
	}
}

bool bk_roles_same_registrar(Baken__Role a, Baken__Role b)
{
	return (a == BAKEN__ROLE__ROLE_CARE) == (b == BAKEN__ROLE__ROLE_CARE);
}

bool bk_roles_is_desk(Baken__Role role)
{
	return party_of(role) == OFFICERS;
}
