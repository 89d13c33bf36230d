/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How guidance stands at a moment: does it still hold, and who should have acknowledged it by now. Functions of
 * what was written and a clock, nothing else; a device's clock may be hours off, so the server's is used where its
 * distance is known.
 *
 * Threads: pure.
 */
#ifndef BK_VALID_H
#define BK_VALID_H

#include "ids.h"

#define BK_VALID_ACK_MS (60ull * 60000ull) /* then an acknowledgement that was asked for is overdue */

enum bk_valid { BK_VALID_HOLDS, BK_VALID_EXPIRED, BK_VALID_RECALLED };

struct bk_valid_guidance {
	bk_ms sent_ms;
	bk_ms until_ms;    /* 0: no end; from this moment on it no longer holds */
	bk_ms recalled_ms; /* 0: not */
	bool acknowledge;
};

/* Our clock, set right by its distance to the server's (server's minus ours); never before 1970. */
bk_ms bk_valid_clock(bk_ms now, int64_t skew_ms);
/* A recall is final, whatever the clock says. */
enum bk_valid bk_valid_at(const struct bk_valid_guidance *g, bk_ms now);
const char *bk_valid_name(enum bk_valid v); /* "valid", "expired", "recalled" */
/* acknowledged_ms 0: not yet. What was recalled is owed no longer. */
bool bk_valid_overdue(const struct bk_valid_guidance *g, bk_ms acknowledged_ms, bk_ms now);

#endif
