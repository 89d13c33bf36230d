/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * When an alarm that its desk has not acknowledged goes on to the next: a pure function of its row and the clock.
 *
 * Threads: pure.
 */
#ifndef BK_LADDER_H
#define BK_LADDER_H

#include "store.h"

#define BK_LADDER_LEVELS 3u /* the desk, its fall-back, the operator's program */

struct bk_ladder_times {
	uint64_t after_ms[BK_LADDER_LEVELS]; /* ascending */
};

/* The first level not taken that is due; 0: none. *ret_late_ms: for how long it has been. */
unsigned bk_ladder_due(const struct bk_ladder_times *t, const struct bk_ladder_row *row, bk_ms now,
	uint64_t *ret_late_ms);

#endif
