/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The alarm on the person's side: armed with a countdown that survives the process, cancelled by a PIN, sent as one
 * frame to the desk and its fall-back, followed until the person or the desk says that it is over.
 *
 * Invariant: what is armed goes, unless it was cancelled in time: the countdown is a row, and a core that opens after
 * its end sends at once. An old list of devices, a missing session or a device that is full stops no alarm.
 * Rows: "alarm/open" (one), "where/" alarm or share (what is still to be told of a place).
 */
#ifndef BK_ALARM_H
#define BK_ALARM_H

#include "api.h"
#include "pack.h"

#define BK_ALARM_ARM_MS 5000u           /* to cancel */
#define BK_ALARM_NO_RECEIPT_MS 20000u   /* then the screen names 112 */
#define BK_ALARM_AGAIN_MS 60000u        /* pressed again before: the same alarm */
#define BK_ALARM_FIX_MS 15000u          /* between two places while an alarm is open */
#define BK_SHARE_FIX_MS 60000u          /* while a place is shared without one */
#define BK_SHARE_MAX_MS 86400000ull
#define BK_FIX_FRESH_MS 600000u         /* an older place does not go along with an alarm */

int bk_alarm_cmd_arm(struct bk_core *core, struct bk_command *c);
int bk_alarm_cmd_now(struct bk_core *core, struct bk_command *c);
int bk_alarm_cmd_cancel(struct bk_core *core, struct bk_command *c);
int bk_alarm_cmd_end(struct bk_core *core, struct bk_command *c);
int bk_alarm_cmd_look(struct bk_core *core, struct bk_command *c);
void bk_alarm_tick(struct bk_core *core);
/* When it needs a turn; BK_NEVER. */
bk_ms bk_alarm_next(struct bk_core *core);
/* A rung of one of our messages, and the same from an officer's device (a vault is nobody). */
void bk_alarm_on_rung(struct bk_core *core, bk_id message, const char *rung, bk_ms at, const char *by);
void bk_alarm_on_officer(struct bk_core *core, bk_id message, bk_ms at, const char *by);
/* Cause, text, times and place of an alarm, as its reader sees them. */
void bk_alarm_build(json_t *item, const Baken__Alarm *m);
json_t *bk_locate_json(const Baken__Fix *fix);
/* An alarm, an end or places came: at the desk, or from another device of the same person. */
void bk_alarm_on_message(struct bk_core *core, const struct bk_opened *o, bk_ms stored_ms);
/* The desk, and its fall-back when there is one that is known here. Returns how many; 0: no desk. */
size_t bk_alarm_circles(struct bk_core *core, bool fallback, bk_id out[static 2]);
/* Makes sure that nothing has to be asked between the key and the frame. */
void bk_alarm_warm(struct bk_core *core);

/* ---- locate.c ---- */

int bk_locate_cmd_fix(struct bk_core *core, struct bk_command *c);
int bk_locate_cmd_share(struct bk_core *core, struct bk_command *c);
int bk_locate_cmd_stop(struct bk_core *core, struct bk_command *c);
/* The last place, when it is fresh enough to say; false: none. */
bool bk_locate_last(struct bk_core *core, Baken__Fix *fix, Baken__Place *place);
/* Places follow this alarm. first: the next one goes as an alarm itself. */
void bk_locate_follow(struct bk_core *core, bk_id alarm, bool first, bool fallback, bool drill);
void bk_locate_end(struct bk_core *core, bk_id about);
void bk_locate_tick(struct bk_core *core);
bk_ms bk_locate_next(struct bk_core *core);

/* ---- alarm_desk.c: an alarm makes a case at once ---- */

void bk_alarm_desk_on_alarm(struct bk_core *core, const struct bk_opened *o, bk_ms stored_ms);
void bk_alarm_desk_on_end(struct bk_core *core, const struct bk_opened *o, bk_ms stored_ms);
void bk_alarm_desk_on_location(struct bk_core *core, const struct bk_opened *o, bk_ms stored_ms);
/* Adds "fixes", newest first, to what is shown of a case; nothing when there are none. */
void bk_alarm_desk_fixes(struct bk_core *core, bk_id case_id, json_t *shown);
int bk_alarm_desk_cmd_places(struct bk_core *core, struct bk_command *c);
/* The server's word that an alarm waits. */
void bk_alarm_desk_on_wake(struct bk_core *core, const Baken__Wake *m);

#endif
