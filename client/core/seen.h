/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Messages that were read and kept, so that a repeat is acknowledged and not read twice: "seen/" message -> time, and
 * "seenat/" the same by time, for BK_SEEN_MS.
 */
#ifndef BK_SEEN_H
#define BK_SEEN_H

#include "ids.h"

struct bk_core;
void bk_seen_put(struct bk_core *core, bk_id message);
void bk_seen_expire(struct bk_core *core);

#endif
