/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "atomic_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "err.h"
#include "kv_fault.h"

#define PATH_BYTES 4096
#define FULL_MARGIN_BYTES (4ull << 20)

int bk_atomic_file_error(int errno_value)
{
	switch (errno_value) {
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return BK_E_FULL;
	case ENOENT:
	case ENOTDIR:
		return BK_E_NOT_FOUND;
	case ENOMEM:
		return BK_E_NOMEM;
	default:
		return BK_E_IO;
	}
}

static int make_sibling(const char *path, char out[static PATH_BYTES])
{
	int n = snprintf(out, PATH_BYTES, "%s.new", path);

	return n > 0 && n < PATH_BYTES ? 0 : BK_E_INVAL;
}

static int write_all(int fd, const uint8_t *data, size_t len)
{
	while (len) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? bk_atomic_file_error(errno) : BK_E_IO;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

int bk_atomic_file_sync_dir(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int err = bk_kv_fault_at(BK_KV_FAULT_DIR_SYNC);

	if (fd < 0)
		return bk_atomic_file_error(errno);
	if (!err && fsync(fd) != 0)
		err = BK_E_IO;
	close(fd);
	return err;
}

int bk_atomic_file_sync_parent(const char *path)
{
	char dir[PATH_BYTES];
	char *slash;

	if (snprintf(dir, sizeof dir, "%s", path) >= PATH_BYTES)
		return BK_E_INVAL;
	for (size_t n = strlen(dir); n > 1 && dir[n - 1] == '/'; n--)
		dir[n - 1] = '\0';
	slash = strrchr(dir, '/');
	if (!slash)
		return bk_atomic_file_sync_dir(".");
	slash[slash == dir ? 1 : 0] = '\0';
	return bk_atomic_file_sync_dir(dir);
}

bool bk_atomic_file_is_full(int fd)
{
	struct statvfs fs;
	struct rlimit limit;
	struct stat st;

	if (fstat(fd, &st) != 0 || fstatvfs(fd, &fs) != 0)
		return false;
	if ((uint64_t)fs.f_bavail * fs.f_frsize < FULL_MARGIN_BYTES)
		return true;
	return getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
	       (uint64_t)st.st_size + FULL_MARGIN_BYTES >= limit.rlim_cur;
}

/* Best effort: where the file system writes in place, the old bytes are gone. */
static void overwrite(int fd)
{
	uint8_t noise[4096];
	struct stat st;
	off_t left;

	if (bk_kv_fault_at(BK_KV_FAULT_FILE_ERASE) != 0 || fstat(fd, &st) != 0)
		return;
	if (lseek(fd, 0, SEEK_SET) != 0)
		return;
	for (left = st.st_size; left > 0;) {
		size_t n = left < (off_t)sizeof noise ? (size_t)left : sizeof noise;

		randombytes_buf(noise, n);
		if (write_all(fd, noise, n) != 0)
			return;
		left -= (off_t)n;
	}
	fsync(fd);
}

static int write_sibling(const char *sibling, const void *data, size_t len)
{
	int err = bk_kv_fault_at(BK_KV_FAULT_FILE_OPEN);
	int fd = -1;

	if (err)
		return err;
	if (unlink(sibling) != 0 && errno != ENOENT)
		return bk_atomic_file_error(errno);
	fd = open(sibling, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return bk_atomic_file_error(errno);
	err = bk_kv_fault_at(BK_KV_FAULT_FILE_WRITE);
	if (!err)
		err = write_all(fd, data, len);
	if (!err)
		err = bk_kv_fault_at(BK_KV_FAULT_FILE_SYNC);
	if (!err && fsync(fd) != 0)
		err = bk_atomic_file_error(errno);
	if (close(fd) != 0 && !err)
		err = bk_atomic_file_error(errno);
	return err;
}

int bk_atomic_file_write(const char *path, const void *data, size_t len)
{
	char sibling[PATH_BYTES];
	int old = -1;
	int err = make_sibling(path, sibling);

	if (err)
		return err;
	err = write_sibling(sibling, data, len);
	if (err)
		goto out;
	old = open(path, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
	err = bk_kv_fault_at(BK_KV_FAULT_FILE_RENAME);
	if (!err && rename(sibling, path) != 0)
		err = bk_atomic_file_error(errno);
	if (err)
		goto out;
	err = bk_atomic_file_sync_parent(path);
	if (!err && old >= 0)
		overwrite(old);
out:
	if (err)
		unlink(sibling);
	if (old >= 0)
		close(old);
	return err;
}

void bk_atomic_file_clean(const char *path)
{
	char sibling[PATH_BYTES];

	if (make_sibling(path, sibling) == 0)
		unlink(sibling);
}

static int read_all(int fd, size_t max, uint8_t **ret_data, size_t *ret_len)
{
	struct stat st;
	uint8_t *data = NULL;
	size_t len = 0;

	if (fstat(fd, &st) != 0)
		return BK_E_IO;
	if (!S_ISREG(st.st_mode) || st.st_size < 0 || (uint64_t)st.st_size > max)
		return BK_E_CORRUPT;
	data = malloc((size_t)st.st_size + 1);
	if (!data)
		return BK_E_NOMEM;
	while (len < (size_t)st.st_size) {
		ssize_t n = read(fd, data + len, (size_t)st.st_size - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			free(data);
			return BK_E_IO;
		}
		if (n == 0)
			break;
		len += (size_t)n;
	}
	*ret_data = data;
	*ret_len = len;
	return 0;
}

int bk_atomic_file_read(const char *path, size_t max, uint8_t **ret_data, size_t *ret_len)
{
	/* O_NONBLOCK: a fifo of this name must not hang us; fstat refuses it. */
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	int err;

	if (fd < 0)
		return errno == ELOOP ? BK_E_CORRUPT : bk_atomic_file_error(errno);
	err = read_all(fd, max, ret_data, ret_len);
	close(fd);
	return err;
}

static int destroy_one(const char *path)
{
	int fd = open(path, O_WRONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);

	if (fd >= 0) {
		overwrite(fd);
		close(fd);
	}
	if (unlink(path) != 0 && errno != ENOENT && errno != ENOTDIR)
		return bk_atomic_file_error(errno);
	return 0;
}

int bk_atomic_file_destroy(const char *path)
{
	char sibling[PATH_BYTES];
	int err = make_sibling(path, sibling);
	int err2;

	if (err)
		return err;
	err = destroy_one(path);
	err2 = destroy_one(sibling);
	if (!err)
		err = err2;
	err2 = bk_atomic_file_sync_parent(path);
	return err || err2 == BK_E_NOT_FOUND ? err : err2;
}
