/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a supervisor may know of a desk's work: how many, how fast, how it ended; nothing of whom or what. Drills are
 * counted apart.
 *
 * Invariant: a number from 1 to 4 is never shown, and none that is hidden follows from those that are shown: of every
 * hidden one at least two values fit (bk_monitor_hide). Times are shown of five cases or more.
 *
 * Threads: pure. Memory: the caller's.
 */
#ifndef BK_MONITOR_H
#define BK_MONITOR_H

#include "fold.h"

#define BK_MONITOR_LEAST 5u
#define BK_MONITOR_SIDE 8u /* rows or columns of a table, with the totals */

enum bk_monitor_kind { BK_MONITOR_REPORT, BK_MONITOR_ALARM, BK_MONITOR_MISSED, BK_MONITOR_KINDS };
enum bk_monitor_end { BK_MONITOR_WAITING, BK_MONITOR_TAKEN, BK_MONITOR_CLOSED, BK_MONITOR_ENDS };
enum bk_monitor_step { BK_MONITOR_TO_READ, BK_MONITOR_TO_CLAIMED, BK_MONITOR_TO_CLOSED, BK_MONITOR_STEPS };

struct bk_monitor_case {
	enum bk_monitor_kind kind;
	enum bk_monitor_end end;
	bool drill, escalated;
	bk_ms opened_ms, at_ms[BK_MONITOR_STEPS]; /* 0: not yet */
};
/* From a case's events in any order, repeated or not. False: nothing opened it. */
bool bk_monitor_case(const struct bk_case_event *events, size_t n, struct bk_monitor_case *ret_case);

/* Numbers with their totals in the last row and column. */
struct bk_monitor_table {
	size_t rows, columns; /* totals included */
	uint64_t v[BK_MONITOR_SIDE][BK_MONITOR_SIDE];
	bool hidden[BK_MONITOR_SIDE][BK_MONITOR_SIDE];
};
/* Fills in the totals, hides small numbers, and others until none follows from the rest. */
void bk_monitor_hide(struct bk_monitor_table *t);

struct bk_monitor_times {
	bool known; /* of BK_MONITOR_LEAST cases or more */
	bk_ms median_ms, p95_ms;
};
struct bk_monitor {
	struct bk_monitor_table counts[2]; /* kind by end; [1]: drills */
	struct bk_monitor_times times[2][BK_MONITOR_KINDS][BK_MONITOR_STEPS];
	/* Of how many a timer or an officer had to call for more; stands beside no total of its own. */
	uint64_t escalated[2][BK_MONITOR_KINDS];
	bool escalated_hidden[2][BK_MONITOR_KINDS];
};
/* Those opened from `from` on and before `until`. BK_E_NOMEM. */
int bk_monitor_count(const struct bk_monitor_case *cases, size_t n, bk_ms from, bk_ms until, struct bk_monitor *ret_monitor);
/* The smallest value that at least part/100 of them do not exceed. Sorts. n > 0. */
bk_ms bk_monitor_share(bk_ms *values, size_t n, unsigned part);

#endif
