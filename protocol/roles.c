/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "roles.h"

#include <stddef.h>
#include <stdint.h>

#define K(kind) (UINT64_C(1) << BK_CONTENT_##kind)
/* What keeps any pair of ends working: receipts, asking again, opening a session. */
#define PLUMBING (K(RECEIPT) | K(ASK_AGAIN) | K(SESSION_OPEN))
/* What a person's other devices must know too. Not places: they go to the desk and nowhere else. */
#define SAFETY (K(ALARM) | K(ALARM_END) | K(WATCH_PLAN) | K(WATCH_END) | K(DAY_PLAN))
/* What officers tell people, and keep a copy of. */
#define WORD (K(TEXT) | K(GUIDANCE) | K(GUIDANCE_RECALL) | K(PROMISE) | K(PROFILE))
/* How a desk runs itself. */
#define SHIFT \
	(K(KEYRING) | K(KEYRING_ASK) | K(HANDOVER) | K(HANDOVER_ANSWER) | K(SHIFT_PLAN) | K(DESK_POLICY) | K(APPROVAL) | \
		K(GROUP))

enum party { PEOPLE, OFFICERS, VAULTS, CARERS };

/*
 * One row per pair of ends; what has no row is refused. A sender's own other devices are a circle like any
 * other, so the copies that go along have rows too.
 */
static const struct row {
	enum party from;
	Baken__CircleKind to;
	Baken__Regime regime;
	uint64_t kinds;
} rows[] = {
	/* people report and raise alarms to their desk, answer its guidance and prove their device by a drill */
	{PEOPLE, BAKEN__CIRCLE_KIND__CIRCLE_DESK, BAKEN__REGIME__REGIME_SECURITY,
		K(REPORT) | K(TEXT) | K(GUIDANCE_ACK) | K(PROFILE) | K(DRILL_ALARM) | SAFETY | K(LOCATION) |
			K(DEVICE_HEALTH) | PLUMBING},
	/* people talk with their care team; nothing of it may look like a report */
	{PEOPLE, BAKEN__CIRCLE_KIND__CIRCLE_CARE, BAKEN__REGIME__REGIME_CARE, K(TEXT) | K(PROFILE) | PLUMBING},
	/* copies to one's own other devices, each in its own regime */
	{PEOPLE, BAKEN__CIRCLE_KIND__CIRCLE_PERSON, BAKEN__REGIME__REGIME_SECURITY,
		K(REPORT) | K(TEXT) | K(GUIDANCE_ACK) | K(PROFILE) | SAFETY | PLUMBING},
	{PEOPLE, BAKEN__CIRCLE_KIND__CIRCLE_PERSON, BAKEN__REGIME__REGIME_CARE, K(TEXT) | K(PROFILE) | PLUMBING},
	/* officers answer and guide people */
	{OFFICERS, BAKEN__CIRCLE_KIND__CIRCLE_PERSON, BAKEN__REGIME__REGIME_SECURITY,
		WORD | PLUMBING},
	/* among colleagues: the case log, the shift, copies of what went out, own drill and health */
	{OFFICERS, BAKEN__CIRCLE_KIND__CIRCLE_DESK, BAKEN__REGIME__REGIME_SECURITY,
		WORD | K(CASE_EVENT) | SHIFT | K(CANARY) | K(DRILL_ALARM) | K(DEVICE_HEALTH) | PLUMBING},
	/* a vault says that it holds what it was sent, gives keys to who comes on duty, sends canaries; own drill */
	{VAULTS, BAKEN__CIRCLE_KIND__CIRCLE_PERSON, BAKEN__REGIME__REGIME_SECURITY, PLUMBING},
	{VAULTS, BAKEN__CIRCLE_KIND__CIRCLE_DESK, BAKEN__REGIME__REGIME_SECURITY,
		K(KEYRING) | K(CANARY) | K(DRILL_ALARM) | PLUMBING},
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
	uint64_t wanted;

	if (party < 0 || (int)kind < 0 || kind >= BK_CONTENT_KINDS)
		return false;
	wanted = kind == BK_CONTENT_ANY ? UINT64_MAX : UINT64_C(1) << kind;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if ((int)rows[i].from == party && rows[i].to == to && rows[i].regime == regime)
			return (rows[i].kinds & wanted) != 0;
	return false;
}

static const struct stand_in {
	enum party from;
	Baken__CircleKind to;
	uint64_t kinds;
} stand_ins[] = {
	{PEOPLE, BAKEN__CIRCLE_KIND__CIRCLE_DESK, K(ALARM) | K(ALARM_END) | K(LOCATION) | PLUMBING},
	{OFFICERS, BAKEN__CIRCLE_KIND__CIRCLE_PERSON, K(TEXT) | K(PROMISE) | PLUMBING},
	{OFFICERS, BAKEN__CIRCLE_KIND__CIRCLE_DESK, K(CASE_EVENT) | PLUMBING},
	{VAULTS, BAKEN__CIRCLE_KIND__CIRCLE_PERSON, PLUMBING},
	{VAULTS, BAKEN__CIRCLE_KIND__CIRCLE_DESK, PLUMBING},
};

bool bk_roles_stand_in(Baken__Role from, Baken__CircleKind to, enum bk_content_kind kind)
{
	int party = party_of(from);

	if (kind <= BK_CONTENT_ANY || kind >= BK_CONTENT_KINDS)
		return false;
	for (size_t i = 0; i < sizeof stand_ins / sizeof *stand_ins; i++)
		if ((int)stand_ins[i].from == party && stand_ins[i].to == to)
			return (stand_ins[i].kinds & UINT64_C(1) << kind) != 0;
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
