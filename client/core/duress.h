/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Duress as the desk sees it. A message of a person's device whose content says "unlocked under duress" (pin.h) raises
 * its case, or opens one: "duress", urgent, with the sentence that nobody calls or mentions it. An end that is said
 * under duress, of an alarm or of a timer, ends nothing: who reads one asks bk_duress_said first.
 *
 * People's own devices and care keep nothing of it. Row: "duress/" circle -> the case of what belongs to no other.
 */
#ifndef BK_DURESS_H
#define BK_DURESS_H

#include "pack.h"

struct bk_core;

bool bk_duress_said(const Baken__Content *c);
/* A desk device has read a message and done what its kind asks; at_ms: the server's time of it. */
void bk_duress_on_message(struct bk_core *core, const struct bk_opened *o, bk_ms at_ms);

#endif
