/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The vault: keeps the keys of all that the desk is sent, and which cases are open, but none of the words; gives them
 * to an officer's device that asks when it comes on duty.
 *
 * Rows: "key..." of keyring.h; "vault/" case -> newest question, newest close.
 */
#ifndef BK_VAULT_H
#define BK_VAULT_H

#include "pack.h"

/* True when that is all there is to do with it here: nothing of it is kept but its key. */
bool bk_vault_take(struct bk_core *core, const struct bk_opened *o, bk_id case_id, bk_ms stored_ms);
void bk_vault_on_ask(struct bk_core *core, const struct bk_opened *o);

#endif
