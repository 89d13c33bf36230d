/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The daemon's life: open everything in a fixed order, each step fatal; run; on SIGTERM say goodbye, drain, close.
 *
 * Threads: main, which becomes the loop thread.
 */
#ifndef BK_RUN_H
#define BK_RUN_H

#include "options.h"

/* Returns 0 after an orderly stop, else what stopped the start (logged). */
int bk_run(const struct bk_options *o);

#endif
