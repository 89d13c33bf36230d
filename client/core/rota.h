/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * When is somebody missing? A pure function of plan and time. Times are UTC: an hour that a clock shows twice or
 * never is as long as it is.
 *
 * Threads: pure. Memory: the caller's.
 */
#ifndef BK_ROTA_H
#define BK_ROTA_H

#include "ids.h"

struct bk_rota_entry {
	bk_id who; /* one officer counts once, however often they are planned */
	bk_ms from_ms, until_ms;
};
struct bk_rota_gap {
	bk_ms from_ms, until_ms;
	unsigned planned; /* officers at the worst moment of it */
};
/* Stretches between from and until with fewer than `least` officers, in order; at most max. */
size_t bk_rota_gaps(const struct bk_rota_entry *e, size_t n, unsigned least, const struct bk_rota_gap *span,
	struct bk_rota_gap *out, size_t max);

#endif
