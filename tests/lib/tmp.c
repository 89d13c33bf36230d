/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tmp.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "err.h"

static char dir[512];
static pid_t owner;

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *f)
{
	(void)st;
	(void)kind;
	(void)f;
	return remove(path);
}

void bk_tmp_remove_tree(const char *path)
{
	nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void clean(void)
{
	if (owner == getpid() && !getenv("BAKEN_KEEP"))
		bk_tmp_remove_tree(dir);
}

const char *bk_tmp_dir(void)
{
	const char *base = getenv("TMPDIR");

	if (!dir[0]) {
		snprintf(dir, sizeof dir, "%s/baken-XXXXXX", base ? base : "/tmp");
		BK_ASSERT(mkdtemp(dir));
		owner = getpid();
		atexit(clean);
	}
	return dir;
}

const char *bk_tmp_path(const char *name)
{
	static char paths[16][1024];
	static unsigned turn;
	char *p = paths[turn++ % 16];

	snprintf(p, sizeof paths[0], "%s/%s", bk_tmp_dir(), name);
	return p;
}

int bk_tmp_write(const char *path, const void *data, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	ssize_t n;

	if (fd < 0)
		return BK_E_IO;
	n = write(fd, data, len);
	return close(fd) == 0 && n == (ssize_t)len ? 0 : BK_E_IO;
}

int bk_tmp_read(const char *path, uint8_t **ret_data, size_t *ret_len)
{
	struct stat st;
	uint8_t *p;
	FILE *f = fopen(path, "rbe");

	if (!f)
		return BK_E_NOT_FOUND;
	if (fstat(fileno(f), &st) != 0 || !(p = malloc((size_t)st.st_size + 1))) {
		fclose(f);
		return BK_E_IO;
	}
	*ret_len = fread(p, 1, (size_t)st.st_size, f);
	p[*ret_len] = 0;
	fclose(f);
	*ret_data = p;
	return 0;
}

uint16_t bk_tmp_port(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET};
	socklen_t len = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	BK_ASSERT(fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof a) == 0 &&
		  getsockname(fd, (struct sockaddr *)&a, &len) == 0);
	close(fd);
	return ntohs(a.sin_port);
}
