/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who is online, and liveness: one bucket of connections a second, so that the cost of watching does not grow
 * with how many there are (libwebsockets' own timers do).
 *
 * Threads: loop.
 */
#ifndef BK_LIVE_H
#define BK_LIVE_H

#include "conn.h"

/* Logged in: becomes the live connection of its device, displacing an older one. BK_E_NOMEM. */
int bk_live_enter(struct bk_conn *c);
void bk_live_leave(struct bk_conn *c);
struct bk_conn *bk_live_device(struct bk_server *s, bk_id device);
/* By the /files token (32 bytes); NULL. */
struct bk_conn *bk_live_token(struct bk_server *s, const uint8_t token[32]);

void bk_live_watch(struct bk_conn *c);
void bk_live_unwatch(struct bk_conn *c);
/* Once a second: looks at one bucket, then at deliveries that are due again. */
void bk_live_tick(struct bk_server *s, bk_ms now);
void bk_live_each_second(struct bk_server *s, bk_ms now); /* what of it is not about one connection */
int bk_live_start(struct bk_server *s);
void bk_live_stop(struct bk_server *s);

/* Ids of usable devices on duty, borrowed from the route; out holds n_devices. Returns their number. */
struct bk_route;
size_t bk_live_on_duty(const struct bk_route *r, ProtobufCBinaryData *out);
/* Tells everyone concerned that a circle's roster or duty has changed. */
void bk_live_circle_changed(struct bk_server *s, bk_id circle);

#endif
