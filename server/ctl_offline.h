/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A server's folder while no server runs there: its store opened for reading only, with the folder's seal.key.
 * So a restored backup can be looked at, and an audit log be verified by who does not trust the server.
 *
 * Threads: main. Secrets: the seal key, wiped here.
 */
#ifndef BK_CTL_OFFLINE_H
#define BK_CTL_OFFLINE_H

#include "ctl.h"
#include "store.h"

/* Does a server listen in this folder (or at --socket)? */
bool bk_ctl_offline_served(const struct bk_ctl *ctl);
/* BK_E_NOT_FOUND no store there; BK_E_LOCKED a server has it open; BK_E_PASSPHRASE another seal key. */
int bk_ctl_offline_open(const struct bk_ctl *ctl, struct bk_store **ret_store, struct bk_store_view **ret_view);
void bk_ctl_offline_close(struct bk_store *store, struct bk_store_view *view);

#endif
