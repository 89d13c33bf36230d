/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Timers that fire: one clock for the earliest of all, whatever their number. What fell due while the server was down
 * fires at its start, with how long it was down.
 *
 * Invariant: nothing but its time and its end keeps a timer from firing (lesson R4): not the device that armed it, not
 * its session, not who is on duty. What cannot be stored now is tried again.
 * Threads: loop.
 */
#ifndef BK_WATCHDOG_H
#define BK_WATCHDOG_H

#include "store.h"
#include "wire.pb-c.h"

struct bk_server;
struct bk_watchdog;

int bk_watchdog_start(struct bk_server *s); /* as s->watchdog, when the writer runs */
/* Notes that the server is alive; the last time before the writer stops. */
void bk_watchdog_pulse(struct bk_watchdog *d);
void bk_watchdog_stop(struct bk_watchdog *d);
void bk_watchdog_free(struct bk_watchdog *d); /* NULL: nothing */

/* A timer was armed for then, durably. */
void bk_watchdog_armed(struct bk_watchdog *d, const struct bk_watch_row *row);
/* What its own clock does when it rings, and when it will: for tests that wind the clock by hand. */
void bk_watchdog_tick(struct bk_watchdog *d);
bk_ms bk_watchdog_next(const struct bk_watchdog *d);
/* Looks anew: after a restore was released. */
void bk_watchdog_look(struct bk_watchdog *d);

/* What a delivery says of a fired timer, from the record that lies where others have a capsule. room: 16 bytes. */
bool bk_watchdog_fired(const void *record, size_t len, Baken__WatchFired *m, bk_id *room);
/* The wire form of a row; id is backed by row. */
void bk_watchdog_state(const struct bk_watch_row *row, Baken__WatchState *m);

#endif
