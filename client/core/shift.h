/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The shift plan: who is to be on duty when, and how many there must be at any time; by a lead, the newest version
 * whole. Gaps follow from plan and clock alone (rota.h) and are told once, when they are to begin within 12 hours.
 *
 * Rows: "shift/plan" (version, least, entries), "shift/told" (begin of the last gap that was told).
 */
#ifndef BK_SHIFT_H
#define BK_SHIFT_H

#include "api.h"
#include "pack.h"

#define BK_SHIFT_WARN_MS (12ull * 3600000ull)

/* Sets it when `entries` is given (lead), shows it otherwise, with the gaps. */
int bk_shift_cmd(struct bk_core *core, struct bk_command *c);
void bk_shift_on_plan(struct bk_core *core, const struct bk_opened *o);
void bk_shift_tick(struct bk_core *core);
bk_ms bk_shift_next(const struct bk_core *core); /* 0: nothing to tell later */
/* The gaps that begin within the warning time: [{from_ms, until_ms, planned, least}]. */
json_t *bk_shift_gaps_soon(struct bk_core *core);

#endif
