/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fault_os.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "err.h"

int bk_fault_os_child(int (*fn)(void *arg), void *arg)
{
	int status = 0;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	BK_ASSERT(pid >= 0);
	if (pid == 0)
		_exit(fn(arg));
	while (waitpid(pid, &status, 0) < 0)
		BK_ASSERT(errno == EINTR);
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static bool filter(long number, int first, unsigned action)
{
	/* Little endian: the low half of the argument is enough for a descriptor. */
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)number, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
		BPF_JUMP(BPF_JMP | (first < 0 ? BPF_JGE : BPF_JEQ) | BPF_K, first < 0 ? 0 : (unsigned)first, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, action),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof code / sizeof code[0], code};

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

bool bk_fault_os_fail(long number, int first, int error)
{
	return filter(number, first, SECCOMP_RET_ERRNO | (unsigned)error);
}

bool bk_fault_os_die(long number, int first)
{
	return filter(number, first, SECCOMP_RET_KILL_PROCESS);
}

int bk_fault_os_fd(const char *path, int flags)
{
	struct stat want, have;
	int found = -1;

	BK_ASSERT(stat(path, &want) == 0);
	for (int fd = 3; fd < 256 && found < 0; fd++)
		if (fstat(fd, &have) == 0 && have.st_ino == want.st_ino && have.st_dev == want.st_dev &&
			(fcntl(fd, F_GETFL) & flags) == flags)
			found = fd;
	return found;
}

bool bk_fault_os_small_disk(const char *dir, size_t bytes)
{
	char options[64];

	snprintf(options, sizeof options, "size=%zu,mode=0700", bytes);
	if (unshare(CLONE_NEWNS) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
		return false;
	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		return false;
	return mount("tmpfs", dir, "tmpfs", 0, options) == 0;
}
