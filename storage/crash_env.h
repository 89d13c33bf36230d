/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Dying on command: a crash test names the crash point (protocol/crashpoint.h) in the environment.
 *
 * BAKEN_CRASH_AT="name" or "name:n" raises SIGKILL at the n-th time (from 1) that point is reached. Unset:
 * nothing happens. Compiled without BAKEN_CRASH_POINTS the variable is not even looked at.
 *
 * Threads: call once, before others start. Memory: none kept but the environment's own string.
 */
#ifndef BK_CRASH_ENV_H
#define BK_CRASH_ENV_H

void bk_crash_env_install(void);

#endif
