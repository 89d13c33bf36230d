/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Check-in and journey timers: the sealed dead-man's switch. A person's device gives the desk a key (WatchPlan) and
 * the server a sealed alarm with a time (WatchArm); in time it is replaced or ended unread, missed it reaches the
 * desk, which alone can open it. Between the two nobody sees where anybody is.
 *
 * Invariant: what is shown is what is known. A timer is armed when the server says so of the newest arming and the
 * plan was stored for the desk; an extension that the server has not confirmed is shown with the time that it did
 * confirm. An end that could not be told yet says that too.
 * Rows: person: "watch/" id. Desk: "watchplan/" id (what was planned, with its key), "watchfired/" message.
 */
#ifndef BK_TIMERS_H
#define BK_TIMERS_H

#include "api.h"
#include "link.h"
#include "pack.h"
#include "watch_due.h"

struct bk_timers {
	bool checked; /* of this connection: the server was asked about all that run */
	bool dirty;   /* something is to be sent or told */
	bk_ms next_ms; /* when a phase changes, by our own clock; 0 unknown */
	bk_ms retry_ms; /* the server refused one: not again before */
};

/* ---- the person (timers.c, timers_send.c) ---- */
int bk_timers_cmd_start(struct bk_core *core, struct bk_command *c);
int bk_timers_cmd_extend(struct bk_core *core, struct bk_command *c);
int bk_timers_cmd_safe(struct bk_core *core, struct bk_command *c);
int bk_timers_cmd_cancel(struct bk_core *core, struct bk_command *c);
int bk_timers_cmd_list(struct bk_core *core, struct bk_command *c);
/* Every turn: sends what must be sent, tells what has changed. */
void bk_timers_pump(struct bk_core *core);
void bk_timers_offline(struct bk_core *core);
bk_ms bk_timers_next(const struct bk_core *core);
void bk_timers_expire(struct bk_core *core);
/* The server's word, asked for or not. */
void bk_timers_on_state(struct bk_core *core, const Baken__WatchState *m, const struct bk_request *r);
void bk_timers_on_error(struct bk_core *core, const struct bk_request *r, int err);

/* What the two files share. */
json_t *bk_timers_load(struct bk_core *core, bk_id watch);
int bk_timers_save(struct bk_core *core, bk_id watch, const json_t *row);
bool bk_timers_ended(const json_t *row);
/* Told to the server, or to be forgotten with it. */
bool bk_timers_settled(const json_t *row);
/* A new arming of this timer: its number, and the plan for the desk. */
int bk_timers_renew(struct bk_core *core, bk_id watch, json_t *row);
int bk_timers_send(struct bk_core *core, bk_id watch, json_t *row);
/* The message that told the desk of it was stored there. */
bool bk_timers_has_key(struct bk_core *core, const json_t *row);
/* Our clock shows the server's time so. */
bk_ms bk_timers_local(const struct bk_core *core, bk_ms server_ms);

/* ---- desk (timers_desk.c) ---- */
void bk_timers_on_plan(struct bk_core *core, const struct bk_opened *o, bk_ms stored_ms);
void bk_timers_on_end(struct bk_core *core, const struct bk_opened *o);
/* A fired timer was delivered. */
void bk_timers_on_fired(struct bk_core *core, const Baken__Delivery *d);
json_t *bk_timers_desk_list(struct bk_core *core);
void bk_timers_desk_expire(struct bk_core *core); /* what fell due long ago, with its key */

#endif
