/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How many rows a table may have and how long they stay, where the options do not say (lesson M7): docs/storage.md
 * holds the whole list.
 *
 * Threads: constants, and one struct of the store's own thread.
 */
#ifndef BK_STORE_BOUNDS_H
#define BK_STORE_BOUNDS_H

#include "bounds.h"

#define BK_STORE_DAY_MS (24ull * 3600000ull)

#define BK_STORE_SERVED_MAX (4u * BK_CAPSULES_MAX) /* devices of one message, top-ups included */
/* X(table's bound, rows) */
#define BK_STORE_BOUNDS(X)                                                                         \
	X(circles, 1000000u)                                                                       \
	X(rosters, 256u) /* versions of one circle */                                              \
	X(invites, 100000u)                                                                        \
	X(claims, 1000000u)                                                                        \
	X(ladder, 4096u) /* alarms that wait for their desk */                                     \
	X(dead, 100000u)                                                                           \
	X(fresh, 65536u) /* message ids written in order; then the older half goes over */         \
	X(watches, 32u) /* running timers of one circle; as many rows again of those that are over */ \
	X(watches_all, 1000000u)                                                                   \
	X(open, 64u) /* unfinished uploads of one device */                                        \
	X(open_bytes, 1ull << 30)
#define BK_STORE_FILE_LEAST (64u * 1024u) /* what a file counts at least: a row costs, too */
#define BK_STORE_INVITE_KEPT_MS (30ull * BK_STORE_DAY_MS)   /* after it was used or decided */
#define BK_STORE_WATCH_FIRED_KEPT_MS (30ull * BK_STORE_DAY_MS)
#define BK_STORE_WATCH_ENDED_KEPT_MS (7ull * BK_STORE_DAY_MS) /* an older arming cannot come any more */
#define BK_STORE_DEAD_KEPT_MS (90ull * BK_STORE_DAY_MS)
#define BK_STORE_LADDER_KEPT_MS (7ull * BK_STORE_DAY_MS)
#define BK_STORE_PUSH_KEPT_MS (180ull * BK_STORE_DAY_MS)    /* after it was last set */
#define BK_STORE_AUDIT_KEPT_MS (3650ull * BK_STORE_DAY_MS)

struct bk_store_bounds { /* tests make them small */
#define X(name, rows) uint64_t name;
	BK_STORE_BOUNDS(X)
#undef X
};

#endif
