/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Cases at a duty desk: events kept append-only ("case/"), folded by fold.h; claims ordered by the server under
 * an opaque tag that only holders of the first message's key can compute; leases renewed while held.
 * Rows: "case/" case + event, "casemeta/" case (circle, first desk, what), "board/" case (the folded state), "held/"
 * case (our lease), "theirs/" circle + case (on the board), "read/" case (what we have read), "due/" case + what was told.
 */
#ifndef BK_CASES_H
#define BK_CASES_H

#include "api.h"
#include "fold.h"
#include "pack.h"

/* Once per event id; emits "case", and "case-refused" when it had no right. */
int bk_cases_add(struct bk_core *core, bk_id case_id, const struct bk_case_event *e, const char *text);
/* Whose a new case is and what the board says of it; one that is known keeps what it says. */
void bk_cases_begin(struct bk_core *core, bk_id case_id, bk_id circle, const char *what);
/* It is an alarm of that desk's people, and we stand behind it. */
void bk_cases_stand_behind(struct bk_core *core, bk_id case_id, bk_id first_desk);
bool bk_cases_known(struct bk_core *core, bk_id case_id);
/* The person's circle; zero: no case known here. */
bk_id bk_cases_person(struct bk_core *core, bk_id case_id);
bk_id bk_cases_first_desk(struct bk_core *core, bk_id case_id);
/* A reply went out; answers: in a person's own words. Nothing when it is no case. */
int bk_cases_replied(struct bk_core *core, bk_id case_id, bool answers);
/* A message was kept: when a person wrote it to our desk it belongs on the board. */
void bk_cases_on_item(struct bk_core *core, const struct bk_opened *o);
void bk_cases_on_event(struct bk_core *core, const struct bk_opened *o, bk_ms stored_ms);
void bk_cases_on_claim(struct bk_core *core, const Baken__ClaimState *m, const struct bk_request *r);
void bk_cases_on_error(struct bk_core *core, const struct bk_request *r, int err);
/* Posts an event of ours (kind, until, other ...; at_ms: not before) to the desk and adds it. */
int bk_cases_act(struct bk_core *core, bk_id case_id, struct bk_case_event *e, const char *text);
/* A timer's: the same event on every device of the desk, whoever posts it. */
int bk_cases_escalate(struct bk_core *core, bk_id case_id, unsigned level, bk_ms at);
bk_id bk_cases_timer_id(bk_id case_id, unsigned level, bk_ms at);
/* False when there is no such case. */
bool bk_cases_state(struct bk_core *core, bk_id case_id, struct bk_case_state *ret_state);
bk_ms bk_cases_now(const struct bk_core *core); /* by the server's clock: one for all of a desk */
void bk_cases_name(struct bk_core *core, bk_id device, char out[static BK_NAME_MAX + 1]);
/* Each names the other in its list (signed by the registrar). */
bool bk_cases_same_household(struct bk_core *core, bk_id a, bk_id b);
/* Owner, or one who works along; says why not. */
int bk_cases_check_mine(struct bk_core *core, struct bk_command *c, bk_id case_id);
int bk_cases_check_owner(struct bk_core *core, struct bk_command *c, bk_id case_id);
/* Events in memory; to be called when "case/" rows were removed behind our back. */
void bk_cases_forget(struct bk_core *core);

/* lease.c */
void bk_cases_tick(struct bk_core *core);
bk_ms bk_cases_next(struct bk_core *core);

/* alerts.c: what is due, told once, escalated once for the desk */
void bk_alerts_tick(struct bk_core *core);
bk_ms bk_alerts_next(const struct bk_core *core);
int bk_alerts_cmd(struct bk_core *core, struct bk_command *c);

/* promise.c: what the desk promised, on the person's side too */
void bk_promise_on(struct bk_core *core, const struct bk_opened *o);
void bk_promise_on_text(struct bk_core *core, const struct bk_opened *o, bk_ms stored_ms);
int bk_promise_cmd(struct bk_core *core, struct bk_command *c);
/* Asks the server for a case, without a command that waits. */
int bk_cases_take(struct bk_core *core, bk_id case_id);
/* Asks the server to move our lease to a colleague's device; the answer goes to handover.h. */
int bk_cases_give(struct bk_core *core, bk_id case_id, bk_id to);
/* Handed over to us: the lease is ours to renew. */
void bk_cases_handed(struct bk_core *core, bk_id case_id, bk_ms until);
/* Released with a reason, or, when it is not ours, the reason as a note. */
int bk_cases_let_go(struct bk_core *core, bk_id case_id, const char *reason);

int bk_cases_cmd_board(struct bk_core *core, struct bk_command *c);
int bk_cases_cmd_case(struct bk_core *core, struct bk_command *c);
int bk_cases_cmd_claim(struct bk_core *core, struct bk_command *c);
int bk_cases_cmd_release(struct bk_core *core, struct bk_command *c);
int bk_cases_cmd_close(struct bk_core *core, struct bk_command *c);
int bk_cases_cmd_note(struct bk_core *core, struct bk_command *c);
int bk_cases_cmd_urgency(struct bk_core *core, struct bk_command *c);
int bk_cases_cmd_join(struct bk_core *core, struct bk_command *c);
int bk_cases_cmd_leave(struct bk_core *core, struct bk_command *c);
int bk_cases_cmd_escalate(struct bk_core *core, struct bk_command *c);
int bk_cases_cmd_link(struct bk_core *core, struct bk_command *c);

#endif
