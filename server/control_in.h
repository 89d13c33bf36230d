/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the control socket's files share: a question at hand, its answer, JSON helpers.
 *
 * Threads: loop. Memory: a question lives until bk_control_reply or bk_control_fail, each exactly once.
 */
#ifndef BK_CONTROL_IN_H
#define BK_CONTROL_IN_H

#include "control.h"
#include "control_json.h"
#include "server.h"

struct bk_question; /* one line asked; its client may be gone when it is answered */
typedef void (*bk_control_verb)(struct bk_question *q);

struct bk_server *bk_question_server(const struct bk_question *q);
const json_t *bk_question_args(const struct bk_question *q);
/* answer: members of the reply, taken; NULL counts as out of memory. Ends the question. */
void bk_control_reply(struct bk_question *q, json_t *answer);
void bk_control_fail(struct bk_question *q, int err);

/* BK_E_INVAL when absent or malformed. */
int bk_question_id(const struct bk_question *q, const char *name, bk_id *ret_id);
int bk_question_u64(const struct bk_question *q, const char *name, uint64_t *ret_value);
/* control_read.c */
void bk_control_status(struct bk_question *q);
void bk_control_metrics(struct bk_question *q);
void bk_control_trust(struct bk_question *q);
void bk_control_circles(struct bk_question *q);
void bk_control_roster_get(struct bk_question *q);
void bk_control_devices(struct bk_question *q);
void bk_control_invites(struct bk_question *q);
void bk_control_audit(struct bk_question *q);
void bk_control_audit_verify(struct bk_question *q);
/* control_write.c */
void bk_control_roster_put(struct bk_question *q);
void bk_control_invite_put(struct bk_question *q);
void bk_control_invite_done(struct bk_question *q);
void bk_control_cut(struct bk_question *q);
void bk_control_expire(struct bk_question *q);
/* control_backup.c */
void bk_control_backup(struct bk_question *q);

#endif
