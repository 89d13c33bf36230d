/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What one round of commits has to say to one connection: gathered, then encoded as one Stored and one Deliver
 * frame. Jobs stay alive until the round is over, because deliveries point into them.
 *
 * Threads: loop.
 */
#ifndef BK_BATCH_H
#define BK_BATCH_H

#include "conn.h"
#include "writer.h"

/* A stored message, for its sender. missing (alarms): device ids in the job, n of them. */
int bk_batch_stored(struct bk_conn *c, struct bk_job *job, const bk_id *missing, size_t n_missing);
/* One capsule of a stored message, for its recipient. */
int bk_batch_deliver(struct bk_conn *c, struct bk_job *job, size_t capsule);
/* Frees the job when the round is over. */
void bk_batch_keep(struct bk_server *s, struct bk_job *job);
/* Sends everything gathered; ends the round. */
void bk_batch_flush(struct bk_server *s);
void bk_batch_drop(struct bk_conn *c);

#endif
