/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Roles: who may send what to whom, as one pure function. Client and server both ask it; neither trusts
 * the other to have asked. Care content never reaches a desk, security content never a care team.
 *
 * Threads: pure.
 */
#ifndef BK_ROLES_H
#define BK_ROLES_H

#include <stdbool.h>
#include "trust.pb-c.h"
#include "wire.pb-c.h"

/* What a message is, as far as the matrix cares. ANY is what the server can see: a regime and no more. */
enum bk_content_kind {
	BK_CONTENT_ANY = 0,
	BK_CONTENT_REPORT,
	BK_CONTENT_TEXT,
	BK_CONTENT_GUIDANCE,
	BK_CONTENT_GUIDANCE_ACK,
	BK_CONTENT_RECEIPT,
	BK_CONTENT_CASE_EVENT,
	BK_CONTENT_PROFILE,
	BK_CONTENT_ASK_AGAIN,
	BK_CONTENT_DRILL_ALARM,
	BK_CONTENT_SESSION_OPEN,
	BK_CONTENT_ALARM,
	BK_CONTENT_ALARM_END,
	BK_CONTENT_LOCATION,
	BK_CONTENT_WATCH_PLAN,
	BK_CONTENT_WATCH_END,
	BK_CONTENT_DAY_PLAN,
	BK_CONTENT_DEVICE_HEALTH,
	BK_CONTENT_PROMISE,
	BK_CONTENT_GUIDANCE_RECALL,
	BK_CONTENT_APPROVAL,
	BK_CONTENT_KEYRING,
	BK_CONTENT_KEYRING_ASK,
	BK_CONTENT_HANDOVER,
	BK_CONTENT_HANDOVER_ANSWER,
	BK_CONTENT_SHIFT_PLAN,
	BK_CONTENT_DESK_POLICY,
	BK_CONTENT_CANARY,
	BK_CONTENT_GROUP,
	BK_CONTENT_KINDS
};

/*
 * May a device of role `from` send content of this kind and regime to a circle of kind `to`?
 * With BK_CONTENT_ANY: is there any kind for which the answer is yes (what the server enforces)?
 */
bool bk_roles_may_send(Baken__Role from, Baken__CircleKind to, Baken__Regime regime,
	enum bk_content_kind kind);
/*
 * The same between a desk that stands in for another and those it stands in for: people of the first desk, and that
 * desk itself. Alarms, what follows them, and the word that the first desk has seen one.
 */
bool bk_roles_stand_in(Baken__Role from, Baken__CircleKind to, enum bk_content_kind kind);
/* May a device of this role be an entry of a circle of this kind? */
bool bk_roles_may_join(Baken__Role role, Baken__CircleKind circle);
/* May one registrar hold both roles? Security and care never. */
bool bk_roles_same_registrar(Baken__Role a, Baken__Role b);
/* Works at a desk: goes on and off duty, claims cases. */
bool bk_roles_is_desk(Baken__Role role);

#endif
