/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "proc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "err.h"

static pid_t running[BK_PROCS_MAX];

uint64_t bk_proc_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void remember(pid_t pid, bool alive)
{
	for (size_t i = 0; i < BK_PROCS_MAX; i++)
		if (running[i] == (alive ? 0 : pid)) {
			running[i] = alive ? pid : 0;
			return;
		}
}

void bk_proc_kill_all(void)
{
	for (size_t i = 0; i < BK_PROCS_MAX; i++)
		if (running[i] > 0) {
			kill(running[i], SIGKILL);
			waitpid(running[i], NULL, 0);
			running[i] = 0;
		}
}

static void child(const char *const *argv, const char *const *env, const char *log, int in, int out)
{
	int err = log ? open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL); /* what we block is not theirs to miss */
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that dies takes its servers along */
	dup2(in, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	if (err >= 0)
		dup2(err, STDERR_FILENO);
	for (; env && *env; env++)
		putenv((char *)(uintptr_t)*env);
	execvp(argv[0], (char *const *)(uintptr_t)argv);
	_exit(127);
}

int bk_proc_start(struct bk_proc *p, const char *const *argv, const char *const *env, const char *log)
{
	static bool registered;
	int in[2], out[2];

	memset(p, 0, sizeof *p);
	p->in = p->out = -1;
	if (!registered)
		registered = atexit(bk_proc_kill_all) == 0;
	signal(SIGPIPE, SIG_IGN);
	if (pipe2(in, O_CLOEXEC) != 0)
		return BK_E_IO;
	if (pipe2(out, O_CLOEXEC) != 0) {
		close(in[0]);
		close(in[1]);
		return BK_E_IO;
	}
	p->pid = fork();
	if (p->pid == 0)
		child(argv, env, log, in[0], out[1]);
	close(in[0]);
	close(out[1]);
	p->in = in[1];
	p->out = out[0];
	if (p->pid < 0) {
		p->pid = 0;
		bk_proc_free(p);
		return BK_E_IO;
	}
	remember(p->pid, true);
	return 0;
}

int bk_proc_write(struct bk_proc *p, const void *data, size_t len)
{
	const char *at = data;

	while (len) {
		ssize_t n = write(p->in, at, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return BK_E_NET;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

void bk_proc_close_input(struct bk_proc *p)
{
	if (p->in >= 0)
		close(p->in);
	p->in = -1;
}

/* Reads what is there, waiting at most until the deadline. 0: end of file. */
static int fill(struct bk_proc *p, uint64_t deadline)
{
	struct pollfd fd = {.fd = p->out, .events = POLLIN};
	uint64_t now = bk_proc_now_ms();
	ssize_t n;

	if (p->out < 0)
		return BK_E_NET;
	if (now >= deadline || poll(&fd, 1, (int)(deadline - now)) <= 0)
		return BK_E_TIMEOUT;
	if (p->len + 65536 > p->cap) {
		char *b = realloc(p->buf, p->cap = p->len + 131072);

		if (!b)
			return BK_E_NOMEM;
		p->buf = b;
	}
	n = read(p->out, p->buf + p->len, 65536);
	if (n <= 0)
		return BK_E_NET;
	p->len += (size_t)n;
	return 0;
}

int bk_proc_line(struct bk_proc *p, uint64_t timeout_ms, const char **ret_line)
{
	uint64_t deadline = bk_proc_now_ms() + timeout_ms;

	for (;;) {
		char *nl = p->len ? memchr(p->buf, '\n', p->len) : NULL;
		int err;

		if (nl) {
			size_t n = (size_t)(nl - p->buf);

			free(p->line);
			p->line = strndup(p->buf, n);
			memmove(p->buf, nl + 1, p->len - n - 1);
			p->len -= n + 1;
			*ret_line = p->line;
			return p->line ? 0 : BK_E_NOMEM;
		}
		err = fill(p, deadline);
		if (err)
			return err;
	}
}

static void ended(struct bk_proc *p, int status)
{
	remember(p->pid, false);
	p->pid = 0;
	p->status = status;
}

int bk_proc_wait(struct bk_proc *p, uint64_t timeout_ms, int *ret_code)
{
	int status = p->status;

	if (p->pid > 0) {
		struct pollfd fd = {.events = POLLIN};
		int n;

		fd.fd = (int)syscall(SYS_pidfd_open, p->pid, 0);
		n = fd.fd < 0 ? 1 : poll(&fd, 1, (int)timeout_ms);
		if (fd.fd >= 0)
			close(fd.fd);
		if (n <= 0)
			return BK_E_TIMEOUT;
		if (waitpid(p->pid, &status, 0) != p->pid)
			return BK_E_IO;
		ended(p, status);
	}
	*ret_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	return 0;
}

void bk_proc_signal(struct bk_proc *p, int number)
{
	int status = 0;

	if (p->pid <= 0)
		return;
	kill(p->pid, number);
	if (number == SIGKILL && waitpid(p->pid, &status, 0) == p->pid)
		ended(p, status);
}

void bk_proc_free(struct bk_proc *p)
{
	bk_proc_signal(p, SIGKILL);
	bk_proc_close_input(p);
	if (p->out >= 0)
		close(p->out);
	free(p->buf);
	free(p->line);
	memset(p, 0, sizeof *p);
	p->in = p->out = -1;
}

int bk_proc_run(const char *const *argv, const char *const *env, const char *log, uint64_t timeout_ms,
	char **ret_out)
{
	uint64_t deadline = bk_proc_now_ms() + timeout_ms;
	struct bk_proc p;
	int err = bk_proc_start(&p, argv, env, log), code = 0;

	if (err)
		return err;
	bk_proc_close_input(&p);
	while ((err = fill(&p, deadline)) == 0)
		;
	if (err == BK_E_NET) /* end of file */
		err = bk_proc_wait(&p, timeout_ms, &code);
	if (!err && ret_out) {
		*ret_out = calloc(1, p.len + 1);
		if (*ret_out && p.len)
			memcpy(*ret_out, p.buf, p.len);
	}
	bk_proc_free(&p);
	return err ? err : code;
}
