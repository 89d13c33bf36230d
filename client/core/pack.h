/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Envelopes: content signed and serialised by its sender, verified by its reader. Security content is always
 * signed; an unsigned one is care content, and the role matrix decides whether that may be (no downgrade).
 */
#ifndef BK_PACK_H
#define BK_PACK_H

#include "capsule.h"
#include "content.pb-c.h"
#include "outbox.h"
#include "roster.h"

struct bk_core;
int bk_pack_seal(struct bk_core *core, const Baken__Content *c, Baken__Regime regime, uint8_t **ret_buf,
	size_t *ret_len);

struct bk_opened {
	Baken__Content *content; /* in arena, until bk_pack_free */
	struct bk_arena *arena;
	enum bk_content_kind kind;
	Baken__Regime regime;
	const struct bk_roster *circle;       /* the sender's */
	const struct bk_roster_entry *sender;
	bk_id message, logical, conversation;
	bk_ms vouched_ms; /* in: stored then, says who gave us the key; 0: delivered now */
};
/*
 * Checks: sender named inside = sender of the capsule, its circle, its message id; signature; the role matrix
 * for our own circle. What was stored before its sender was withdrawn stays readable. BK_E_INVAL, BK_E_SIGNATURE, BK_E_UNTRUSTED, BK_E_ROLE.
 */
int bk_pack_open(struct bk_core *core, const void *envelope, size_t len, bk_id message, bk_id sender,
	struct bk_opened *ret_opened);
void bk_pack_free(struct bk_opened *o);
enum bk_content_kind bk_pack_kind(const Baken__Content *c);
bool bk_pack_utf8(const char *text, size_t max); /* valid UTF-8 without NUL, at most max bytes */

#endif
