/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Households: who belongs together, as the signed rosters say. Each is a person of their own with keys of their own;
 * belonging together shows a desk whom else something concerns, and opens nobody's messages to anybody.
 *
 * A relation counts when either of the two rosters names the other: both are signed by a registrar.
 * Rows: "kin/" named, namer.
 */
#ifndef BK_HOUSEHOLD_H
#define BK_HOUSEHOLD_H

#include <jansson.h>
#include "roster.h"

struct bk_core;
struct bk_household {
	bk_id after; /* lists up to this circle were asked for in this session */
	bool asked;  /* all of them */
};

/* Are the lists of all our people here? BK_E_INCOMPLETE: they are asked for. */
int bk_household_ready(struct bk_core *core);
/* Adds the others of a household, as far as they are our desk's too, to an object keyed by circle. */
void bk_household_add(struct bk_core *core, bk_id circle, json_t *circles);
json_t *bk_household_list(struct bk_core *core, bk_id circle); /* the same as an array of ids */
/* A new version of a circle's list; before: NULL for the first. */
void bk_household_roster(struct bk_core *core, const struct bk_roster *before, const struct bk_roster *now);
/* A desk gets to know its people: in each session it asks once for every list it does not have, a few at a time. */
void bk_household_learn(struct bk_core *core);

#endif
