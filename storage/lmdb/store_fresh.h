/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The newest message ids. Ids are random: a row for each in a table of millions would dirty one page a message. So
 * new ones are written in order into a table of their own (FRESH), with an index in memory, and go over into
 * DEDUPE by the ten thousand, in DEDUPE's order, a slice after each commit.
 *
 * Invariant: every stored message's id is in FRESH or in DEDUPE, in the transaction that stores it; the index knows
 * all that is in FRESH. A crash between slices costs nothing: going over twice is going over once.
 * Threads: the writer's.
 */
#ifndef BK_STORE_FRESH_H
#define BK_STORE_FRESH_H

#include "rows.h"

#define BK_FRESH_ROOM 131072u /* ids; the bound at which they begin to go over is half of it */
#define BK_FRESH_SLICE 1024u  /* twice what a commit adds */

struct bk_fresh;
struct bk_store;

/* Reads the index from the table. */
int bk_fresh_open(struct bk_store *s, struct bk_fresh **ret_fresh);
void bk_fresh_close(struct bk_fresh *f);

/* The row of an id and, when it is a fresh one, its number (else 0). BK_E_NOT_FOUND. */
int bk_fresh_find(struct bk_fresh *f, struct bk_txn *t, bk_id message, struct bk_row_dedupe *ret_row,
	uint64_t *ret_number);
/* A new id (number 0: takes the store's next), or a known one's row again. */
int bk_fresh_put(struct bk_store *s, struct bk_txn *t, bk_id message, uint64_t number,
	const struct bk_row_dedupe *row);
/* After the transaction in which it was put. */
void bk_fresh_ended(struct bk_fresh *f, bool committed);
/*
 * A slice, when it is time, in a transaction of its own: it fails for itself alone, and is tried again after the
 * next commit; ids can stay here as long as there is room, then new ones go to DEDUPE at once.
 */
void bk_fresh_go_over(struct bk_store *s);

#endif
