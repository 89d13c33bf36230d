/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Crash points: named places between two steps at which a crash test kills the program.
 *
 * Invariant: without BAKEN_CRASH_POINTS (every release) BK_CRASH_POINT is nothing at all. With it, a point
 * only calls the hook, which is NULL until a program installs one (storage/crash_env.h).
 *
 * Threads: the hook is set before other threads start and may be called from any of them.
 */
#ifndef BK_CRASHPOINT_H
#define BK_CRASHPOINT_H

typedef void (*bk_crash_fn)(const char *name);

extern bk_crash_fn bk_crash_hook;

#ifdef BAKEN_CRASH_POINTS
#define BK_CRASH_POINT(name) ((void)(bk_crash_hook ? bk_crash_hook(name) : (void)0))
#else
#define BK_CRASH_POINT(name) ((void)0)
#endif

#endif
