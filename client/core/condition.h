/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The condition of devices. A person's device tells its desk what state it is in (DeviceHealth): when it was unlocked,
 * daily, when something became wrong, after a drill; the facts come from the rim, which has the sensors. A drill is a
 * test alarm whose receipt is waited for and kept (R7). The desk keeps the newest word of each device and judges it by
 * health.h. Rows: "condition" (own), "health/" device (at a desk).
 *
 * Invariant: whether a session is under duress changes neither whether nor when any of this is sent.
 */
#ifndef BK_CONDITION_H
#define BK_CONDITION_H

#include "api.h"
#include "health.h"
#include "pack.h"

struct bk_condition {
	bool unlocked; /* and not told yet */
	bk_ms next_ms; /* 0: to be looked at */
};

void bk_condition_tick(struct bk_core *core);
bk_ms bk_condition_next(const struct bk_core *core);
/* A device of the desk has read a message of ours: a drill's, perhaps. */
void bk_condition_on_receipt(struct bk_core *core, bk_id message);
void bk_condition_drilled(struct bk_core *core); /* the drill that ends enrolment */
/* At a desk. */
void bk_condition_on_health(struct bk_core *core, const struct bk_opened *o, bk_ms at_ms);
void bk_condition_status(struct bk_core *core, json_t *answer); /* "drill_ms", "drill_due" */

int bk_condition_cmd_health(struct bk_core *core, struct bk_command *c);
int bk_condition_cmd_drill(struct bk_core *core, struct bk_command *c);
int bk_condition_cmd_devices(struct bk_core *core, struct bk_command *c);

#endif
