/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * PINs: a store opens with one of two (seal.h), which do the same; with the second, or once the second was given to a
 * command, the session is under duress. That is kept in memory only and told to nobody but the desk: every content
 * that leaves says it in one byte that is always there (Content.state). Nothing that a screen, an item, a log or
 * another device of the person shows depends on it.
 *
 * What a command may do with it: look finished. What the desk does with it: desk.proto's contents keep their meaning,
 * but an end said under duress ends nothing (duress.h).
 *
 * Secrets: a PIN is the caller's to wipe.
 */
#ifndef BK_PIN_H
#define BK_PIN_H

#include <stdbool.h>

struct bk_core;

/* 0 when it is one of the two; BK_E_PASSPHRASE; BK_E_RATE after too many misses; BK_E_UNSUPPORTED without a store's. */
int bk_pin_check(struct bk_core *core, const char *pin);
/* The same as yes or no. The second puts this session under duress, and is as right as the first. */
bool bk_pin_ok(struct bk_core *core, const char *pin);
/* Is this session under duress? For what goes to the desk, and for nothing else. */
bool bk_pin_duress(const struct bk_core *core);

#endif
