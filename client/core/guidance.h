/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Guidance: one draft to many people, a message to each, and what became of it person by person.
 *
 * The whole has an id (the group); each person's message id follows from it and their circle, so every desk device
 * that knows the whole counts the same receipts. It is written down (rows and outbox) in the turn of the command: a
 * fan-out that is interrupted goes on, and nobody gets it twice. The desk hears of it by one message (Approval SENT).
 * A person counts once, however many devices they have.
 *
 * Rows: "fan/" group (JSON), "fanto/" group circle (times), "fansum/" group (counts), "fanmsg/" message (group and
 * circle), "fanat/" time group, "gack/" message circle (acknowledged, by the person's word), "recall/" message
 * (a recall that came before what it recalls).
 */
#ifndef BK_GUIDANCE_H
#define BK_GUIDANCE_H

#include "api.h"
#include "pack.h"

#define BK_GUIDANCE_DIRTY 8u

struct bk_guidance {
	bk_id dirty[BK_GUIDANCE_DIRTY]; /* groups whose counts changed in this turn */
	size_t n_dirty;
	bool settled; /* no request of ours waits for the desk's list (approvals.c) */
};

struct bk_guide {
	Baken__Guidance *m; /* borrowed */
	bool drill;
	const bk_id *circles; /* each once */
	size_t n;
	bk_id request; /* that a second officer consented to; zero: none was needed */
};
int bk_guidance_send(struct bk_core *core, const struct bk_guide *g, bk_id *ret_group);
/* First 16 bytes of SHA-256("baken-guidance-v1" || group || circle). */
bk_id bk_guidance_message(bk_id group, bk_id circle);
/* The group of a message, or of itself; zero when unknown. */
bk_id bk_guidance_group(struct bk_core *core, bk_id message);
json_t *bk_guidance_fan(struct bk_core *core, bk_id group); /* its row; NULL */
void bk_guidance_fan_save(struct bk_core *core, bk_id group, const json_t *fan);

/* A person's message of a group: stored, or read by one of their devices. False when it is none. */
bool bk_guidance_rung(struct bk_core *core, bk_id message, const char *rung, bk_ms at);
/* A person acknowledged; false when the message is not theirs. *ret_group: zero when not known here (yet). */
bool bk_guidance_acknowledged(struct bk_core *core, bk_id message, bk_id circle, bk_ms at, bk_id *ret_group);
void bk_guidance_on_sent(struct bk_core *core, const struct bk_opened *o); /* Approval SENT of a colleague */
struct bk_guidance_person {
	bk_ms stored_ms, decrypted_ms, acknowledged_ms; /* 0: not yet */
};
void bk_guidance_person(struct bk_core *core, bk_id group, bk_id circle, struct bk_guidance_person *ret_person);
void bk_guidance_flush(struct bk_core *core); /* "guidance-progress" of what changed in this turn */
void bk_guidance_expire(struct bk_core *core);

/* recall.c */
void bk_recall_on_recall(struct bk_core *core, const struct bk_opened *o);
void bk_recall_on_item(struct bk_core *core, json_t *item); /* a guidance before it is kept */
void bk_recall_on_sent(struct bk_core *core, bk_id group);  /* a colleague's, once it is written down */
void bk_recall_show(struct bk_core *core, json_t *item);    /* adds "state" to a shown copy */
void bk_recall_expire(struct bk_core *core);
int bk_recall_cmd(struct bk_core *core, struct bk_command *c);

/* guidance_cmd.c */
int bk_guidance_cmd_send(struct bk_core *core, struct bk_command *c);
int bk_guidance_cmd_status(struct bk_core *core, struct bk_command *c);
int bk_guidance_cmd_list(struct bk_core *core, struct bk_command *c);
int bk_guidance_cmd_templates(struct bk_core *core, struct bk_command *c);

#endif
