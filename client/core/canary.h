/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Canary: a synthetic report goes from the vault through the server to every screen on duty, and each screen says that
 * it has drawn it. A screen that says nothing is found while its connection still lives (R1, story O). Pure: what was
 * sent, who showed it, who is on duty, and the clock.
 *
 * Threads: pure.
 */
#ifndef BK_CANARY_H
#define BK_CANARY_H

#include "ids.h"

struct bk_canary_screen {
	bk_id device;
	bk_ms shown_ms; /* 0: not yet */
	bool on_duty;   /* still: who went off duty owes nothing */
};

enum bk_canary_state {
	BK_CANARY_NONE = 0, /* nothing was sent, or nobody is on duty */
	BK_CANARY_WAITING,
	BK_CANARY_FINE,     /* all who are on duty showed it */
	BK_CANARY_LATE      /* the time is over and somebody did not, or not in time */
};
struct bk_canary_verdict {
	enum bk_canary_state state;
	unsigned expected, shown; /* on duty; of these in time */
};

/* sent_ms 0: none. A screen counts when it showed it within late_ms. */
void bk_canary_judge(bk_ms sent_ms, const struct bk_canary_screen *screens, size_t n, uint64_t late_ms, bk_ms now,
	struct bk_canary_verdict *ret_verdict);
/* Is it one of those who are missing in that verdict? */
bool bk_canary_silent(bk_ms sent_ms, const struct bk_canary_screen *screen, uint64_t late_ms);

#endif
