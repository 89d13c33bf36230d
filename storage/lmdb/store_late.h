/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a run of SUBMITs writes last: the rows that lie by device (OUTBOX, STATE), together, in order, after all that
 * goes to the ends of tables. Pages are given out lowest first and the lowest are those that became free: so what
 * stays (bodies, letters) fills the gaps, and what the next commit replaces again lies in one stretch. A commit costs
 * the disk by the stretch, not by the page.
 *
 * Invariant: nothing waits here when another kind of op runs or the transaction ends; until then a device's state is
 * what bk_late_state says.
 * Threads: the writer's.
 */
#ifndef BK_STORE_LATE_H
#define BK_STORE_LATE_H

#include "rows.h"

#define BK_LATE_ROOM 1024u /* rows of each kind; at least one message's */

struct bk_late;

int bk_late_new(struct bk_late **ret_late);
void bk_late_free(struct bk_late *l);

/* May an op that names so many devices begin? Else it is flushed first. */
bool bk_late_has_room(const struct bk_late *l, size_t devices);
/* Rows from now on are the n-th op's. */
void bk_late_begin(struct bk_late *l, size_t op);
int bk_late_state(const struct bk_late *l, struct bk_txn *t, bk_id device, struct bk_row_state *ret_state);
void bk_late_put_state(struct bk_late *l, bk_id device, const struct bk_row_state *row);
void bk_late_put_outbox(struct bk_late *l, bk_id device, uint64_t seq, const struct bk_row_outbox *row);
/* Writes all and forgets it, whatever comes of it. ret_op: whose row it was that could not be written. */
int bk_late_flush(struct bk_late *l, struct bk_txn *t, size_t *ret_op);
void bk_late_forget(struct bk_late *l);

#endif
