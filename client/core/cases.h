/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Cases at a duty desk: events kept append-only ("case/"), folded by fold.h; claims ordered by the server under
 * an opaque tag that only holders of the first message's key can compute; leases renewed while held.
 * Rows: "case/" case + event, "casemeta/" case (circle, what), "board/" case (shown), "held/" case (our lease).
 */
#ifndef BK_CASES_H
#define BK_CASES_H

#include "api.h"
#include "fold.h"
#include "pack.h"

/* Once per event id; emits "case". */
int bk_cases_add(struct bk_core *core, bk_id case_id, const struct bk_case_event *e, const char *text);
/* Whose a new case is and what the board says of it; one that is known keeps what it says. */
void bk_cases_begin(struct bk_core *core, bk_id case_id, bk_id circle, const char *what);
/* The person's circle; zero: no case known here. */
bk_id bk_cases_person(struct bk_core *core, bk_id case_id);
/* A reply went out; nothing when it is no case. */
int bk_cases_replied(struct bk_core *core, bk_id case_id);
/* A message was kept: when a person wrote it to our desk it belongs on the board. */
void bk_cases_on_item(struct bk_core *core, const struct bk_opened *o);
void bk_cases_on_event(struct bk_core *core, const struct bk_opened *o);
void bk_cases_on_claim(struct bk_core *core, const Baken__ClaimState *m, const struct bk_request *r);
void bk_cases_on_error(struct bk_core *core, const struct bk_request *r, int err);
/* Posts an event of ours (kind, until) to the desk and adds it. */
int bk_cases_act(struct bk_core *core, bk_id case_id, struct bk_case_event *e, const char *text);
/* False when there is no such case. */
bool bk_cases_state(struct bk_core *core, bk_id case_id, struct bk_case_state *ret_state);
bk_ms bk_cases_now(const struct bk_core *core); /* by the server's clock: one for all of a desk */
void bk_cases_name(struct bk_core *core, bk_id device, char out[static BK_NAME_MAX + 1]);

/* lease.c */
void bk_cases_tick(struct bk_core *core);
bk_ms bk_cases_next(struct bk_core *core);

int bk_cases_cmd_board(struct bk_core *core, struct bk_command *c);
int bk_cases_cmd_case(struct bk_core *core, struct bk_command *c);
int bk_cases_cmd_claim(struct bk_core *core, struct bk_command *c);
int bk_cases_cmd_release(struct bk_core *core, struct bk_command *c);
int bk_cases_cmd_close(struct bk_core *core, struct bk_command *c);
int bk_cases_cmd_note(struct bk_core *core, struct bk_command *c);

#endif
