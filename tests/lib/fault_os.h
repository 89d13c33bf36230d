/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Faults of the operating system for tests: a child process that dies or fails apart, system calls that fail for
 * real (seccomp), a disk that is really full (a small tmpfs of its own).
 *
 * Threads: one. All but the first act on the calling process until it ends: call them in a child.
 */
#ifndef BK_FAULT_OS_H
#define BK_FAULT_OS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Runs fn(arg) in a forked child. Its exit code (what fn returned, 0..255), or minus the signal it died of. */
int bk_fault_os_child(int (*fn)(void *arg), void *arg);
/* In a child cmocka's asserts would jump into a copy of the runner: say where and return. */
#define BK_CHILD_CHECK(expr)                                                                       \
	do {                                                                                       \
		if (!(expr)) {                                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #expr);                 \
			return 1;                                                                  \
		}                                                                                  \
	} while (0)

/* From now on system call `number`, with that first argument unless it is below 0, fails with that errno. */
bool bk_fault_os_fail(long number, int first, int error);
/* The same, but the process dies at the call (of SIGSYS, as abruptly as of SIGKILL). */
bool bk_fault_os_die(long number, int first);
/* The descriptor open on this file whose flags include all of `flags`; -1. */
int bk_fault_os_fd(const char *path, int flags);
/* An empty file system of that size on an existing folder, seen by this process alone. False: not allowed here. */
bool bk_fault_os_small_disk(const char *dir, size_t bytes);

#endif
