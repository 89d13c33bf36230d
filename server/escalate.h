/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Alarms that nobody opens. Each alarm to a desk has a row (storage: ladder) from the transaction that stored it
 * until an officer's device of that desk acknowledges it. After t1 every device of the desk is woken, on duty or
 * not; after t2 every device of the fall-back desk, when the alarm went there; after t3 the operator's program
 * runs. Rows survive restarts: what fell due while the server was down is done at the start, and says how late.
 *
 * Invariant: a step is done first and written down after it, so a crash between the two repeats it and never
 * leaves it out. After a restore nothing is done until a person has thawed the store.
 * Threads: loop.
 */
#ifndef BK_ESCALATE_H
#define BK_ESCALATE_H

#include "ids.h"

struct bk_server;
struct bk_escalate;
/* Before anything is opened. BK_E_NOT_FOUND, BK_E_STATE: the hook is not there, or not safe to run. */
int bk_escalate_check(const struct bk_server *s);
int bk_escalate_start(struct bk_server *s, struct bk_escalate **ret_escalate);
/* Ends a hook that runs (it runs again at the next start). Run the loop once more, then free. NULL: nothing. */
void bk_escalate_stop(struct bk_escalate *e);
void bk_escalate_free(struct bk_escalate *e);
/* The operator's program for something else than an alarm; nothing when there is none. Tried once. */
struct bk_hook_facts;
void bk_escalate_hook(struct bk_server *s, const struct bk_hook_facts *facts);
/* Once a second. */
void bk_escalate_tick(struct bk_server *s, bk_ms now);

#endif
