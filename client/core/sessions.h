/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sessions with other devices: our prekeys at the server, and bundles claimed for devices that we have no
 * session with, or one that must be renewed. A device without prekeys holds nobody else up (M15).
 */
#ifndef BK_SESSIONS_H
#define BK_SESSIONS_H

#include "link.h"

struct bk_want {
	bk_id device;
	uint64_t request; /* claimed in this request, 0 not yet */
	bool absent;      /* the server has no prekeys for it */
	bool warm;        /* nothing waits for it yet */
	bk_ms until;      /* believed until then */
};
#define BK_WANTS_MAX 512u
struct bk_sessions {
	struct bk_want wants[BK_WANTS_MAX];
	size_t n_wants;
};

enum bk_ready { BK_READY, BK_READY_LATER, BK_READY_ABSENT };
/* Can we encrypt to it now? Asks for a bundle when not. */
enum bk_ready bk_sessions_ready(struct bk_core *core, bk_id device);
void bk_sessions_renew(struct bk_core *core, bk_id device); /* before the next send; survives a restart */
void bk_sessions_warm(struct bk_core *core, bk_id circle);  /* so that an alarm needs no bundles first */
void bk_sessions_flush(struct bk_core *core);               /* sends claims */
void bk_sessions_offline(struct bk_core *core);
void bk_sessions_on_state(struct bk_core *core, const Baken__PrekeysState *state, bool at_login);
void bk_sessions_on_bundles(struct bk_core *core, const Baken__PrekeyBundles *m, const struct bk_request *r);
void bk_sessions_on_error(struct bk_core *core, const struct bk_request *r);
int bk_sessions_expire(struct bk_core *core);

#endif
