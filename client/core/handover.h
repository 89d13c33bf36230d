/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Handover between shifts: what must change hands follows from the folded cases; a colleague on duty accepts or refuses
 * it item by item; until an item is accepted, and for a case until the server has moved its lease, it stays with the
 * giver (lesson R5).
 *
 * Moving a case is one step at the server (Claim GIVE), by the giver, after the receiver's signed yes; then the giver
 * says HANDED_OVER. A giver that dies between any two of these asks the server again and goes on from its answer.
 * Row: "hand/" handover -> from, to, text, over, items [{kind, about, circle, due_ms, text, state}].
 */
#ifndef BK_HANDOVER_H
#define BK_HANDOVER_H

#include "api.h"
#include "pack.h"

struct bk_request;

/* What is this device's, or nobody's and urgent: [{kind, case | about, circle, who, what, due_ms}]. */
json_t *bk_handover_left(struct bk_core *core);
int bk_handover_cmd(struct bk_core *core, struct bk_command *c);
int bk_handover_cmd_offer(struct bk_core *core, struct bk_command *c);
int bk_handover_cmd_take_back(struct bk_core *core, struct bk_command *c);

/* handover_answer.c */
int bk_handover_cmd_answer(struct bk_core *core, struct bk_command *c);
void bk_handover_on_offer(struct bk_core *core, const struct bk_opened *o);
void bk_handover_on_answer(struct bk_core *core, const struct bk_opened *o);
void bk_handover_on_given(struct bk_core *core, const Baken__ClaimState *m, const struct bk_request *r);
void bk_handover_on_give_error(struct bk_core *core, const struct bk_request *r, int err);
/* Cases that were accepted and not yet moved: once in each session, and after each answer. */
void bk_handover_pump(struct bk_core *core);

/* What both files use. */
json_t *bk_handover_row(struct bk_core *core, bk_id handover);
int bk_handover_save(struct bk_core *core, bk_id handover, const json_t *row);
void bk_handover_tell(struct bk_core *core, bk_id handover, const json_t *row, const char *change, int err);
json_t *bk_handover_shown(struct bk_core *core, bk_id handover, const json_t *row);
const char *bk_handover_kind(Baken__HandoverItem__Kind kind);

#endif
