/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The program's log: "EVENT-ID key=value ..." on stderr, one line each, with the time. Only the events of the
 * table in docs/operations.md (a test compares). Never content, names, addresses, tokens or keys; a device
 * appears as a keyed hash of its id that changes with every start.
 *
 * Threads: any. Errors: none; a log that cannot be written is lost.
 */
#ifndef BK_LOG_H
#define BK_LOG_H

#include "ids.h"

/* X(id, level) */
#define BK_LOG_EVENTS(X)       \
	X(START, "info")       \
	X(STOP, "info")        \
	X(START_FAILED, "err") \
	X(STORE_FAILED, "err") \
	X(STORE_FULL, "err")   \
	X(STORE_OK, "info")    \
	X(DEAD_LETTER, "warn") \
	X(TIMERS_LATE, "warn") \
	X(TIMER_UNHEARD, "err") \
	X(REVOKED, "info")     \
	X(SLOW_CLIENT, "info") \
	X(TLS, "debug")        \
	X(LIBRARY, "warn")     \
	X(FILE_FAILED, "err")  \
	X(ACCEPT_FULL, "warn") \
	X(ALARM_UNSEEN, "warn") \
	X(ALARM_UNWATCHED, "err") \
	X(PATH_LATE, "err")    \
	X(PATH_OK, "info")     \
	X(HOOK, "warn")        \
	X(HOOK_FAILED, "err")  \
	X(PUSH_DOWN, "warn")   \
	X(PUSH_UP, "info")     \
	X(PUSH_REFUSED, "warn")

enum bk_log_event {
#define X(id, level) BK_LOG_##id,
	BK_LOG_EVENTS(X)
#undef X
};

void bk_log_init(void);
/* format: key=value words; may be "". */
void bk_log(enum bk_log_event event, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* 8 hexadecimal digits, static rotation of 4 buffers per thread. */
const char *bk_log_device(bk_id device);

#endif
