/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Chain numbers: from each device to each device messages are numbered 1, 2, 3 ... and each names the hash of
 * the one before, so that a server that leaves one out is noticed by the reader.
 *
 * Invariant: a number is given once per message and device, at preparation, and kept through every retry; one
 * that was never accepted by the server is given back when that leaves no hole.
 */
#ifndef BK_CHAIN_H
#define BK_CHAIN_H

#include "capsule.h"

struct bk_core;
/* Fills chain_seq and chain_prev for capsule->message: as reserved before, or the next. Reserves nothing. */
void bk_chain_next(struct bk_core *core, bk_id device, struct bk_capsule *c);
void bk_chain_reserve(struct bk_core *core, bk_id device, const struct bk_capsule *c);
void bk_chain_drop(struct bk_core *core, bk_id device, bk_id message);   /* not addressed after all */
void bk_chain_settle(struct bk_core *core, bk_id device, bk_id message); /* accepted by the server */

void bk_chain_seen(struct bk_core *core, bk_id device, const struct bk_capsule *c);
/* Emits "gap" for every device of which numbers are missing since the last time. */
void bk_chain_tell(struct bk_core *core);

#endif
