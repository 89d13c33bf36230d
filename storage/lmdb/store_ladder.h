/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The ladder of an alarm: begins in the transaction that stores it, ends in the one that takes the first ack of an
 * officer's device of its desk. level counts the steps taken, 0 to 3; fallback is zero when the alarm did not go
 * there.
 *
 * Threads: the writer's.
 */
#ifndef BK_STORE_LADDER_H
#define BK_STORE_LADDER_H

#include "store_in.h"

/* *ret_full: the table is, and nothing was written. */
int bk_store_ladder_begin(struct bk_store *s, struct bk_txn *t, bk_id message, const struct bk_row_ladder *row,
	bool *ret_full);
int bk_store_ladder_end(struct bk_txn *t, bk_id message, bk_id device, bool *ret_ended);

#endif
