/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Canaries at a desk (canary.h). The vault sends one every while to who is on duty; each officer's core tells its
 * screen (event "canary"), and only the screen's own word (command "canary-shown") goes back, so that a screen that
 * is dead is found while its connection lives. Vault and officers judge by the same rule; the vault also tells the
 * server (PathHealth). In memory only: after a start the next one counts.
 */
#ifndef BK_CANARIES_H
#define BK_CANARIES_H

#include "api.h"
#include "canary.h"
#include "pack.h"

#define BK_CANARY_VAULTS 2u
#define BK_CANARY_SCREENS 64u

struct bk_canary_round { /* the last one of a vault */
	bk_id vault, nonce;
	bk_ms sent_ms;
	bool told; /* its end */
	struct bk_canary_screen screens[BK_CANARY_SCREENS];
	size_t n;
};
struct bk_canaries {
	struct bk_canary_round rounds[BK_CANARY_VAULTS];
	bk_ms next_ms; /* a vault's next one */
	uint64_t every_ms, late_ms;
};

void bk_canaries_tick(struct bk_core *core);
bk_ms bk_canaries_next(const struct bk_core *core);
void bk_canaries_on_canary(struct bk_core *core, const struct bk_opened *o, bk_ms at_ms);
void bk_canaries_status(struct bk_core *core, json_t *answer); /* "canary": what the bar shows */
int bk_canaries_cmd_shown(struct bk_core *core, struct bk_command *c);

#endif
