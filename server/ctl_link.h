/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bakenctl's end of the control socket: one JSON line out, one JSON line back (server/control.h).
 *
 * Threads: main. Memory: replies belong to the caller.
 */
#ifndef BK_CTL_LINK_H
#define BK_CTL_LINK_H

#include "ctl.h"

struct bk_ctl_link;

/* Connects to ctl->socket, or control.sock in ctl->dir. BK_E_NET when nobody listens there. */
int bk_ctl_link_open(const struct bk_ctl *ctl, struct bk_ctl_link **ret_link);
void bk_ctl_link_close(struct bk_ctl_link *l);
/*
 * Sends {"verb":verb, ...fields} (fields: taken, may be NULL) and waits. 0: *ret_reply (may be NULL). An error
 * named by the server comes back as its number, its sentence in bk_ctl_link_text.
 */
int bk_ctl_link_call(struct bk_ctl_link *l, const char *verb, json_t *fields, json_t **ret_reply);
const char *bk_ctl_link_text(const struct bk_ctl_link *l);
/* Open, call, close. *ret_reply is written on success. Prints what went wrong; returns an exit code. */
int bk_ctl_link_once(const struct bk_ctl *ctl, const char *verb, json_t *fields, json_t **ret_reply);

#endif
