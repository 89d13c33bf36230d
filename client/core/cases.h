/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Cases at a duty desk: events kept append-only ("case/"), folded by fold.h; claims ordered by the server under
 * an opaque tag that only holders of the first message's key can compute; leases renewed while held.
 */
#ifndef BK_CASES_H
#define BK_CASES_H

#include "api.h"
#include "fold.h"
#include "pack.h"

int bk_cases_add(struct bk_core *core, bk_id case_id, const struct bk_case_event *e, const char *text);
/* A message that belongs on the board was kept. */
void bk_cases_on_item(struct bk_core *core, const struct bk_opened *o);
void bk_cases_on_event(struct bk_core *core, const struct bk_opened *o);
void bk_cases_on_claim(struct bk_core *core, const Baken__ClaimState *m, const struct bk_request *r);
void bk_cases_on_error(struct bk_core *core, const struct bk_request *r, int err);
void bk_cases_tick(struct bk_core *core);
bk_ms bk_cases_next(struct bk_core *core);
bool bk_cases_any_device(const struct bk_core *core);

int bk_cases_cmd_board(struct bk_core *core, struct bk_command *c);
int bk_cases_cmd_claim(struct bk_core *core, struct bk_command *c);
int bk_cases_cmd_release(struct bk_core *core, struct bk_command *c);
int bk_cases_cmd_close(struct bk_core *core, struct bk_command *c);
int bk_cases_cmd_note(struct bk_core *core, struct bk_command *c);

#endif
