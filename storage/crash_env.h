/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Dying on command: a crash test names the crash point (protocol/crashpoint.h) in the environment.
 *
 * BAKEN_CRASH_AT="name" or "name:n" raises SIGKILL at the n-th time (from 1) that point is reached. Unset:
 * nothing happens. BAKEN_FAIL_AT="commit:n" makes the n-th commit of a store and all later ones fail with
 * BK_E_IO, as a dying disk does. Compiled without BAKEN_CRASH_POINTS the variables are not even looked at.
 *
 * Threads: call once, before others start. Memory: none kept but the environment's own string.
 */
#ifndef BK_CRASH_ENV_H
#define BK_CRASH_ENV_H

void bk_crash_env_install(void);

#endif
