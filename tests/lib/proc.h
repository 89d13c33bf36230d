/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Processes under test: started with pipes, read with deadlines, killed without mercy, and never left behind.
 * Nothing sleeps: every wait is for bytes or for an exit.
 *
 * Threads: one. Memory: as said. A failure to start is BK_E_IO; a missed deadline BK_E_TIMEOUT.
 */
#ifndef BK_PROC_H
#define BK_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define BK_PROCS_MAX 128

struct bk_proc {
	pid_t pid;     /* 0: not running */
	int in, out;   /* our ends; -1 when closed */
	int status;    /* of waitpid, once ended */
	char *buf;     /* bytes read and not yet given as lines */
	size_t len, cap;
	char *line;    /* the last line given */
};

/* argv ends with NULL; env: extra NAME=VALUE strings, or NULL; log: file that stderr is appended to, or NULL. */
int bk_proc_start(struct bk_proc *p, const char *const *argv, const char *const *env, const char *log);
int bk_proc_write(struct bk_proc *p, const void *data, size_t len);
void bk_proc_close_input(struct bk_proc *p);
/* The next line of its standard output without the newline; valid until the next call. BK_E_TIMEOUT, BK_E_NET (it ended). */
int bk_proc_line(struct bk_proc *p, uint64_t timeout_ms, const char **ret_line);
/* Waits for the end; *ret_code is the exit code, or 128 + signal. */
int bk_proc_wait(struct bk_proc *p, uint64_t timeout_ms, int *ret_code);
/* Sends a signal; with SIGKILL also waits. */
void bk_proc_signal(struct bk_proc *p, int signal);
void bk_proc_free(struct bk_proc *p); /* kills when still running */
/* Kills everything that was started and not ended. Also called at exit. */
void bk_proc_kill_all(void);

/* Runs to the end; standard output (malloc'd, NUL-terminated) in *ret_out when given. Returns the exit code or BK_E_*. */
int bk_proc_run(const char *const *argv, const char *const *env, const char *log, uint64_t timeout_ms,
	char **ret_out);

uint64_t bk_proc_now_ms(void); /* monotonic */

#endif
