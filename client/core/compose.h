/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What other modules send on behalf of a person: texts and rungs. Posted, kept as an item and told as a rung of
 * its own ("device"), all in the turn of the command.
 */
#ifndef BK_COMPOSE_H
#define BK_COMPOSE_H

#include "api.h"
#include "pack.h"

struct bk_compose_text {
	bk_id circle;
	bk_id conversation; /* zero: a new one */
	bk_id reply_to;
	Baken__Regime regime;
	Baken__Class class;
	const char *text;
	bool answers;
	const json_t *files; /* array of attachment ids, or NULL */
	bk_id message;       /* out */
};
int bk_compose_text(struct bk_core *core, struct bk_compose_text *t);
/* Keeps a message that was posted, without files, as an item of ours. */
int bk_compose_keep(struct bk_core *core, const struct bk_post *p);
/* May we send a text there? Says why not. */
int bk_compose_check(struct bk_core *core, struct bk_command *c, bk_id circle, Baken__Regime regime);
/* reply.c: CLAIMED or ANSWERED for all that the circle wrote in a conversation, the newest BK_ACKS_MAX of it. */
int bk_compose_rung(struct bk_core *core, bk_id conversation, bk_id circle, Baken__Regime regime, Baken__Rung rung);

#endif
