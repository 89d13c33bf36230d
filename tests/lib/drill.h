/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Story L: the desk drills all its people. A real server process, two officers as real `baken rpc` processes, every
 * person a real client core on a connection of its own (crowd.h). One officer asks, the other consents, everybody
 * acknowledges. Test and bench play the same with different numbers.
 *
 * Threads: one. Memory: one struct; why says what went wrong.
 */
#ifndef BK_DRILL_H
#define BK_DRILL_H

#include "crowd.h"
#include "rpc.h"

struct bk_drill_counts {
	json_int_t people, stored, delivered, acknowledged, overdue;
};

struct bk_drill {
	struct bk_realm realm;
	struct bk_crowd people;
	struct bk_rpc officers[2];
	bool live[2];
	char dirs[2][600], pass[600], program[600];
	char request[40], group[40];
	uint32_t absent;  /* of the people, the last ones: off again until bk_drill_arrive */
	json_t *arrived;  /* acknowledgements to be given: [[member, message], ...] */
	struct bk_drill_counts seen; /* by the newest progress event of officer 0 */
	char why[300];
};

/*
 * Server, officers on duty, people connected. 0, or BK_E_* with why. crash_at: where officer 0 dies by SIGKILL
 * ("client-sent:25"; crash_env.h), NULL: nowhere.
 */
int bk_drill_init(struct bk_drill *d, uint32_t people, uint32_t absent, const char *crash_at);
void bk_drill_done(struct bk_drill *d);
/* Officer 0 asks for a drill to all, officer 1 consents. */
int bk_drill_ask(struct bk_drill *d);
int bk_drill_consent(struct bk_drill *d);
/* Everything goes on until that many have it stored, delivered and acknowledged, as officer 0 is told. */
int bk_drill_until(struct bk_drill *d, json_int_t stored, json_int_t delivered, json_int_t acknowledged, uint64_t timeout_ms);
/* Everything goes on until officer 0 has died where it was told to; then it comes back. */
int bk_drill_until_killed(struct bk_drill *d, uint64_t timeout_ms);
int bk_drill_arrive(struct bk_drill *d); /* the absent connect */
int bk_drill_status(struct bk_drill *d, unsigned officer, struct bk_drill_counts *ret_counts, bool *ret_drill);
/* How many people hold the drill exactly once, marked as a drill. */
uint32_t bk_drill_hold_once(struct bk_drill *d);

#endif
