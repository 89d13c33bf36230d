/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The health of the whole human path, desk by desk: vaults send canaries to the screens on duty and tell here what came
 * of them (PathHealth). Late: a canary was, or no vault has told anything for too long, or none ever since the start.
 * The watch is armed at the start of the server and by nothing else (R4): a vault that is not there is late too.
 * A change is said once: log, audit, operator's program.
 *
 * Invariant: what is judged follows from the reports, the start and the clock alone (bk_path_judge).
 * Threads: loop.
 */
#ifndef BK_PATH_H
#define BK_PATH_H

#include "ids.h"

#define BK_PATH_DESKS 64u

enum bk_path_state {
	BK_PATH_WAITING = 0, /* nothing yet, and not for long */
	BK_PATH_FINE,
	BK_PATH_LATE,        /* a canary was not shown by all who are on duty */
	BK_PATH_SILENT       /* no vault has told anything for too long */
};
struct bk_path_desk {
	bk_id circle;
	bk_ms told_ms;         /* our clock */
	bk_ms sent_ms;         /* the canary, by the vault's */
	unsigned shown, expected, missing;
	bool late;
	enum bk_path_state said; /* in log and audit */
};
struct bk_path {
	bk_ms started_ms;
	uint64_t silent_ms;    /* 0: not watched */
	struct bk_path_desk desks[BK_PATH_DESKS];
	size_t n;
	enum bk_path_state said; /* of a server that no vault ever told anything */
};

void bk_path_init(struct bk_path *p, uint64_t silent_ms, bk_ms now);
/* desk NULL: of the server as a whole, while no desk has told anything. Pure. */
enum bk_path_state bk_path_judge(const struct bk_path *p, const struct bk_path_desk *desk, bk_ms now);
/* Finds or makes; NULL when there is no room. */
struct bk_path_desk *bk_path_desk(struct bk_path *p, bk_id circle);
/* The worst of all. Pure. */
enum bk_path_state bk_path_worst(const struct bk_path *p, bk_ms now);
const char *bk_path_word(enum bk_path_state state); /* "waiting", "fine", "late", "silent" */

struct bk_server;
/* Once a second, and after a report. */
void bk_path_tick(struct bk_server *s, bk_ms now);

#endif
