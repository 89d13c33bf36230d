/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Messages that came and could not be read: kept with their time and shown (M10), until a repeat of them is
 * read or they grow old. One row each ("lost/"). Those never meant for this device are only counted.
 */
#ifndef BK_LOST_H
#define BK_LOST_H

#include "api.h"
#include "ids.h"
#include "wire.pb-c.h"

#define BK_LOST_MAX 4096u

struct bk_core;
/* sender: zero when the capsule did not even tell. Emits "undecryptable" once per message. */
/* The same of one whose key we were given and whose body cannot be had or read. */
void bk_lost_note_known(struct bk_core *core, bk_id message, bk_ms stored_ms, bk_id sender, int err);
void bk_lost_note(struct bk_core *core, const Baken__Delivery *d, bk_id sender, int err);
void bk_lost_found(struct bk_core *core, bk_id message); /* it was read after all, or a repeat of it */
int bk_lost_ask_again(struct bk_core *core, bk_id message);
int bk_lost_cmd(struct bk_core *core, struct bk_command *c); /* "unreadable": all of them */
void bk_lost_expire(struct bk_core *core);

#endif
