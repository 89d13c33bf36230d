/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where this device can be woken while it is not connected: the address of its push service, kept ("push"), given to
 * the server, and given again at each login, since the server forgets what is old.
 *
 * Threads: the core's. Secrets: the address could tell who uses it; it lies sealed like everything else.
 */
#ifndef BK_WAKING_H
#define BK_WAKING_H

#include "api.h"
#include "wire.pb-c.h"

struct bk_request;

int bk_waking_cmd_set(struct bk_core *core, struct bk_command *c);   /* refused without a connection */
int bk_waking_cmd_clear(struct bk_core *core, struct bk_command *c); /* kept for the next connection */
void bk_waking_login(struct bk_core *core);
void bk_waking_on_state(struct bk_core *core, const Baken__PushState *m, const struct bk_request *r);
/* The server will not have it: not asked again. */
void bk_waking_on_refused(struct bk_core *core, int err);

#endif
