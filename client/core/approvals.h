/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Approvals: guidance to many, asked of the desk and sent once a second officer consents (eyes.h). The device that
 * asked sends it, in the turn in which the consent arrives. A consent names SHA-256("baken-approval-v1" || request ||
 * serialised Approval of the asking): that draft to those people, and nothing else.
 *
 * Rows: "appr/" request (JSON): the draft, when it is here, and every word said to it, in any order of arrival.
 */
#ifndef BK_APPROVALS_H
#define BK_APPROVALS_H

#include "api.h"
#include "pack.h"

struct bk_guide;
/* Posts ASKED and keeps it; its id. */
int bk_approvals_ask(struct bk_core *core, const struct bk_guide *g, bk_id *ret_request);
void bk_approvals_on_approval(struct bk_core *core, const struct bk_opened *o);
void bk_approvals_flush(struct bk_core *core); /* what waited for the desk's list of this session */
void bk_approvals_expire(struct bk_core *core);

int bk_approvals_cmd_list(struct bk_core *core, struct bk_command *c);
int bk_approvals_cmd_approve(struct bk_core *core, struct bk_command *c);
int bk_approvals_cmd_refuse(struct bk_core *core, struct bk_command *c);
int bk_approvals_cmd_take_back(struct bk_core *core, struct bk_command *c);

/* Borrows ids; free() the array. NULL: no memory. */
ProtobufCBinaryData *bk_approvals_circles(const bk_id *ids, size_t n);
/* The circles of a message as an array of ids, each once. */
json_t *bk_approvals_circle_ids(const Baken__Approval *m);

#endif
