/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is wrong with a device, from the facts that it told (DeviceHealth) and the clock: one pure function, the same at
 * the device and at the desk. Nothing here knows of a person.
 *
 * Threads: pure.
 */
#ifndef BK_HEALTH_H
#define BK_HEALTH_H

#include "ids.h"

#define BK_HEALTH_SKEW_MS 120000           /* a clock further off confuses times that people rely on */
#define BK_HEALTH_FREE_BYTES (200ull << 20) /* two films of evidence */
#define BK_HEALTH_WAITING 20u               /* messages that do not get away */

/* Bits of DeviceHealth.allowed and .asked. */
enum { BK_MAY_NOTIFY = 1, BK_MAY_PLACE = 2, BK_MAY_RECORD = 4, BK_MAY_FILM = 8, BK_MAY_BACKGROUND = 16 };

/* X(name, word): bits, in the order of the list. */
#define BK_ILL_MAP(X)                    \
	X(NEVER, "never-heard")          \
	X(SILENT, "silent")              \
	X(DRILL, "drill-due")            \
	X(CLOCK, "clock")                \
	X(NOTIFY, "notifications")       \
	X(BACKGROUND, "background")      \
	X(STORAGE, "storage")            \
	X(WAITING, "waiting")            \
	X(PLACE, "place")                \
	X(RECORD, "microphone")          \
	X(FILM, "camera")
enum bk_ill_place {
#define X(name, word) BK_ILL_##name##_PLACE,
	BK_ILL_MAP(X)
#undef X
	BK_ILLS
};
enum bk_ill {
#define X(name, word) BK_ILL_##name = 1 << BK_ILL_##name##_PLACE,
	BK_ILL_MAP(X)
#undef X
};

struct bk_health {
	bk_ms heard_ms;       /* the last time the device said anything of itself; 0: never */
	int64_t skew_ms;
	bool free_known;
	uint64_t free_bytes;
	unsigned allowed, asked;
	unsigned waiting;
	bk_ms drill_ms;       /* its last drill that was answered; 0: none */
};
struct bk_health_rule {
	uint32_t silent_days, drill_days;
};

/* Bits of bk_ill. A device that was never heard has no other facts. A time that lies ahead of the clock counts as now. */
unsigned bk_health_judge(const struct bk_health *h, const struct bk_health_rule *rule, bk_ms now);
bool bk_health_drill_due(bk_ms drill_ms, uint32_t days, bk_ms now);
const char *bk_health_word(unsigned place); /* of BK_ILL_*_PLACE */

#endif
