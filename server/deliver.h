/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Deliveries to one device: a window of unacknowledged ones, the rest in the store. Straight from a commit while
 * the device keeps up, from the store when it does not; alarms first, with room of their own.
 *
 * Invariant: nothing leaves before it is durable; a row leaves the store only by its ack (or as a dead letter).
 * Threads: loop.
 */
#ifndef BK_DELIVER_H
#define BK_DELIVER_H

#include "conn.h"
#include "writer.h"

#define BK_ALARM_WINDOW 16u /* beside BK_DELIVER_WINDOW */

/* A stored message's capsule for a live connection. */
void bk_deliver_now(struct bk_conn *c, struct bk_job *job, size_t capsule);
/* Sends what fits from the store; says "caught up" once. */
void bk_deliver_more(struct bk_conn *c);
void bk_deliver_ack(struct bk_conn *c, const Baken__Ack *m);
void bk_deliver_nack(struct bk_conn *c, const Baken__Nack *m);
/* Once a second: what was nacked is delivered again. */
void bk_deliver_tick(struct bk_server *s, bk_ms now);

#endif
