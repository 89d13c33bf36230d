/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * When a timer warns, is late and is over, and in which words it is shown: a pure function of its plan and the clock.
 * All times are by one clock, the server's; a day of 23 or 25 hours is nothing to it, for it counts milliseconds.
 *
 * Invariant: shown as armed only when the server has said so of the newest arming and the desk has the key.
 * Threads: pure.
 */
#ifndef BK_WATCH_DUE_H
#define BK_WATCH_DUE_H

#include "ids.h"

struct bk_watch_due {
	bk_ms from_ms; /* when it was last started or moved on */
	bk_ms due_ms;
	uint64_t grace_ms;
};

enum bk_watch_phase {
	BK_WATCH_RUNS,
	BK_WATCH_WARNS, /* a quarter of the time is left, at most 15 minutes and, of more than two, at least one */
	BK_WATCH_LATE,  /* past due; the server still waits */
	BK_WATCH_OVER
};
bk_ms bk_watch_due_warn(const struct bk_watch_due *d);
enum bk_watch_phase bk_watch_due_phase(const struct bk_watch_due *d, bk_ms now);
/* When the phase changes next; UINT64_MAX: never. */
bk_ms bk_watch_due_next(const struct bk_watch_due *d, bk_ms now);
/* Due again so long after now. Clamped, never wrapped. */
bk_ms bk_watch_due_after(bk_ms now, uint64_t ms);

struct bk_watch_facts {
	bool ended;    /* by its person */
	bool fired;    /* the server says, of the newest arming */
	bool armed;    /* the same */
	bool has_key;  /* the plan was stored for the desk */
};
enum bk_watch_shown { BK_SHOWN_ASKED, BK_SHOWN_ARMED, BK_SHOWN_WARNING, BK_SHOWN_LATE, BK_SHOWN_FIRED, BK_SHOWN_ENDED };
enum bk_watch_shown bk_watch_due_shown(const struct bk_watch_facts *f, enum bk_watch_phase phase);
const char *bk_watch_due_word(enum bk_watch_shown s); /* "asked", "armed" ... */

#endif
