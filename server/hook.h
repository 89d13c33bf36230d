/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The operator's program for alarms that nobody opens: run with facts and without content, in a process group of
 * its own, for a bounded time, so many at once. It gets an empty environment but for those facts, no open file of
 * ours, and can gain no rights (no_new_privs). How it ended is told to whoever ran it.
 *
 * Threads: loop.
 */
#ifndef BK_HOOK_H
#define BK_HOOK_H

#include <uv.h>

#include "ids.h"

#define BK_HOOKS_MAX 4u /* at once */

struct bk_hook_facts {
	const char *event; /* a constant; NULL: "alarm-unopened" */
	bk_id alarm;      /* for whoever ran it; the program does not get it */
	char shown[9];    /* short keyed hash of it */
	unsigned level;
	bk_ms stored_ms;
	uint64_t late_ms; /* past its time, because the server was down */
	bool drill;
};
/* code: exit status; -signal when one ended it; killed: by us, for its time. */
typedef void (*bk_hook_done)(void *arg, const struct bk_hook_facts *facts, int code, bool killed);

struct bk_hooks;
/* path: absolute. seconds: how long it may run. From now on no open file of this process is a hook's, too. */
int bk_hooks_start(uv_loop_t *loop, const char *path, uint64_t seconds, struct bk_hooks **ret_hooks);
/* Ends those that run. Run the loop once more, then free. */
void bk_hooks_stop(struct bk_hooks *h);
void bk_hooks_free(struct bk_hooks *h);
/* BK_E_BUSY: all places are taken. BK_E_IO: cannot be run. */
int bk_hooks_run(struct bk_hooks *h, const struct bk_hook_facts *facts, bk_hook_done done, void *arg);

/*
 * May this file be run on our behalf? A regular file, executable, of root or of `uid`, that nobody else may write,
 * in a folder of which the same holds. BK_E_NOT_FOUND, BK_E_STATE.
 */
int bk_hook_check(const char *path, uid_t uid);

#endif
