/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Enrolment: from an invitation code to a verified device and an answered test alarm. The root key is pinned by
 * the code; nothing that the server says is believed without a chain to it.
 */
#ifndef BK_ENROL_H
#define BK_ENROL_H

#include "api.h"
#include "pack.h"

int bk_enrol_cmd(struct bk_core *core, struct bk_command *c);
void bk_enrol_ask(struct bk_core *core); /* the Hello has verified */
void bk_enrol_on_state(struct bk_core *core, const Baken__EnrolState *m);
void bk_enrol_on_error(struct bk_core *core, int err);
void bk_enrol_drill(struct bk_core *core); /* logged in: start or repeat it when it is due */
void bk_enrol_on_receipt(struct bk_core *core, bk_id message);
void bk_enrol_on_echo(struct bk_core *core, const Baken__Drill *m);
void bk_enrol_tick(struct bk_core *core);
bk_ms bk_enrol_next(const struct bk_core *core);
void bk_enrol_tell(struct bk_core *core, const char *state, int err);
/* This device was withdrawn: every key and file goes. */
void bk_enrol_wipe(struct bk_core *core);

#endif
