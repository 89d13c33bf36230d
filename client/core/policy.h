/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How long is too long at a desk: set by a lead, the same on every device of the desk. The newest version holds,
 * whole; a number that is not given, or out of bounds, keeps its default. Rows: "policy", and at a lead's device
 * "policyto/" device for each that was sent it.
 *
 * Threads: one core a thread; the pure part is pure.
 */
#ifndef BK_POLICY_H
#define BK_POLICY_H

#include "api.h"
#include "content.pb-c.h"
#include "pack.h"

/*
 * X(name, default, least, most): seconds, days or people. The reasons:
 * t1 to t3: an alarm is read within a minute at a desk that is awake; two more minutes for whoever is woken.
 * sla: the first answer to "now" within five minutes, to "today" within half a shift, to the rest within a day.
 * remind: time to finish what one is doing and call. four_eyes: a household and its desk fit below it.
 * canary: a dead path is found within minutes; late: ten times what it takes. health and drill: a weekend, a month.
 */
#define BK_POLICY_MAP(X)                        \
	X(alarm_t1_s, 60, 10, 3600)             \
	X(alarm_t2_s, 180, 20, 7200)            \
	X(alarm_t3_s, 300, 30, 14400)           \
	X(sla_now_s, 300, 30, 86400)            \
	X(sla_today_s, 14400, 60, 604800)       \
	X(sla_can_wait_s, 86400, 60, 2678400)   \
	X(remind_s, 900, 30, 86400)             \
	X(four_eyes_above, 10, 1, 100000)       \
	X(canary_s, 300, 30, 86400)             \
	X(canary_late_s, 120, 10, 86400)        \
	X(health_days, 3, 1, 90)                \
	X(drill_days, 31, 1, 366)

struct bk_policy {
	uint64_t version; /* 0: nobody has set one */
#define X(name, usual, least, most) uint32_t name;
	BK_POLICY_MAP(X)
#undef X
};

/* ---- pure ---- */

void bk_policy_default(struct bk_policy *ret_policy);
/* What a lead sent, each number within its bounds; t1 < t2 < t3 or all three keep their defaults. */
void bk_policy_read(const Baken__DeskPolicy *m, struct bk_policy *ret_policy);
/* Of two with one version every device keeps the same. */
bool bk_policy_newer(const struct bk_policy *a, const struct bk_policy *b);

/* ---- of this desk ---- */

void bk_policy_get(struct bk_core *core, struct bk_policy *ret_policy);
void bk_policy_on(struct bk_core *core, const struct bk_opened *o); /* from a lead of our desk */
void bk_policy_tick(struct bk_core *core);
/* Shows; with numbers, a lead's device sets. */
int bk_policy_cmd(struct bk_core *core, struct bk_command *c);

#endif
