/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "blobs_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "atomic_file.h"
#include "err.h"
#include "kv_fault.h"

struct blobs_dir {
	struct bk_blobs base;
	int dir;
};

static int dir_of(struct bk_blobs *b)
{
	return ((struct blobs_dir *)b)->dir;
}

/* flags without those that every open here has. */
static int open_blob(struct bk_blobs *b, bk_id id, int flags, int *ret_fd, uint64_t *ret_size)
{
	char name[BK_ID_TEXT];
	struct stat st;
	int fd = openat(dir_of(b), bk_id_text(id, name), flags | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);

	if (fd < 0)
		return errno == ELOOP ? BK_E_CORRUPT : bk_atomic_file_error(errno);
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size < 0) {
		close(fd);
		return BK_E_CORRUPT;
	}
	*ret_fd = fd;
	*ret_size = (uint64_t)st.st_size;
	return 0;
}

static int write_all(int fd, const uint8_t *data, size_t len)
{
	int err = bk_kv_fault_at(BK_KV_FAULT_BLOB_WRITE);

	while (!err && len) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? bk_atomic_file_error(errno) : BK_E_IO;
		data += n;
		len -= (size_t)n;
	}
	return err;
}

static int blob_append(struct bk_blobs *b, bk_id id, const void *data, size_t len)
{
	uint64_t size = 0;
	int fd = -1;
	int err;

	if (!data && len)
		return BK_E_INVAL;
	err = open_blob(b, id, O_WRONLY | O_APPEND | O_CREAT, &fd, &size);
	if (err)
		return err;
	err = write_all(fd, data, len);
	/* Half an append would shift all that follows. */
	if (err && ftruncate(fd, (off_t)size) != 0)
		err = BK_E_IO;
	if (close(fd) != 0 && !err)
		err = bk_atomic_file_error(errno);
	return err;
}

static int blob_sync(struct bk_blobs *b, bk_id id)
{
	uint64_t size = 0;
	int fd = -1;
	int err = open_blob(b, id, O_RDONLY, &fd, &size);

	if (err)
		return err;
	err = bk_kv_fault_at(BK_KV_FAULT_BLOB_SYNC);
	if (!err && fsync(fd) != 0)
		err = bk_atomic_file_error(errno);
	if (!err && fsync(dir_of(b)) != 0)
		err = bk_atomic_file_error(errno);
	close(fd);
	return err;
}

static int blob_size(struct bk_blobs *b, bk_id id, uint64_t *ret_size)
{
	uint64_t size = 0;
	int fd = -1;
	int err = open_blob(b, id, O_RDONLY, &fd, &size);

	if (err)
		return err;
	close(fd);
	*ret_size = size;
	return 0;
}

static int blob_read(struct bk_blobs *b, bk_id id, uint64_t offset, void *out, size_t len, size_t *ret_len)
{
	uint64_t size = 0;
	size_t got = 0;
	int fd = -1;
	int err = open_blob(b, id, O_RDONLY, &fd, &size);

	if (err)
		return err;
	if (offset >= size)
		len = 0;
	while (got < len) {
		ssize_t n = pread(fd, (uint8_t *)out + got, len - got, (off_t)(offset + got));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			err = BK_E_IO;
		if (n <= 0)
			break;
		got += (size_t)n;
	}
	close(fd);
	if (!err)
		*ret_len = got;
	return err;
}

static int blob_remove(struct bk_blobs *b, bk_id id)
{
	char name[BK_ID_TEXT];

	if (unlinkat(dir_of(b), bk_id_text(id, name), 0) != 0 && errno != ENOENT)
		return bk_atomic_file_error(errno);
	return 0;
}

/* Ours are 32 lower-case digits; anything else in the folder is left alone. */
static bool is_blob_name(const char *name, bk_id *ret_id)
{
	char again[BK_ID_TEXT];

	return strlen(name) == BK_ID_TEXT - 1 && bk_id_parse(name, ret_id) == 0 &&
		strcmp(bk_id_text(*ret_id, again), name) == 0;
}

struct ids {
	bk_id *list;
	size_t count, size;
};

static int add_id(struct ids *ids, bk_id id)
{
	size_t size = ids->size ? ids->size * 2 : 64;
	bk_id *list;

	if (ids->count == ids->size) {
		list = bk_kv_fault_at(BK_KV_FAULT_ALLOC) ? NULL : realloc(ids->list, size * sizeof *list);
		if (!list)
			return BK_E_NOMEM;
		ids->list = list;
		ids->size = size;
	}
	ids->list[ids->count++] = id;
	return 0;
}

static int list_ids(struct bk_blobs *b, struct ids *ids)
{
	int fd = openat(dir_of(b), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	bk_id id;
	int err = 0;

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return BK_E_IO;
	}
	for (;;) {
		errno = 0;
		entry = readdir(dir);
		if (!entry) {
			err = errno ? BK_E_IO : 0;
			break;
		}
		if (is_blob_name(entry->d_name, &id))
			err = add_id(ids, id);
		if (err)
			break;
	}
	closedir(dir);
	return err;
}

/* Listed first, visited then: the visitor may remove. */
static int blob_each(struct bk_blobs *b, int (*visit)(void *arg, bk_id id), void *arg)
{
	struct ids ids = {0};
	int err = list_ids(b, &ids);

	for (size_t i = 0; !err && i < ids.count; i++)
		err = visit(arg, ids.list[i]);
	free(ids.list);
	return err;
}

static const struct bk_blobs_ops blobs_ops = {
	.append = blob_append,
	.sync = blob_sync,
	.size = blob_size,
	.read = blob_read,
	.remove = blob_remove,
	.each = blob_each,
};

int bk_blobs_dir_open(const char *path, struct bk_blobs **ret_blobs)
{
	struct blobs_dir *b;
	bool made = mkdir(path, 0700) == 0;
	int err = 0;

	if (!made && errno != EEXIST)
		return bk_atomic_file_error(errno);
	if (made)
		err = bk_atomic_file_sync_parent(path);
	if (err)
		return err;
	b = calloc(1, sizeof *b);
	if (!b)
		return BK_E_NOMEM;
	b->base.ops = &blobs_ops;
	b->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (b->dir < 0 || fchmod(b->dir, 0700) != 0) {
		bk_blobs_dir_close(&b->base);
		return BK_E_IO;
	}
	*ret_blobs = &b->base;
	return 0;
}

void bk_blobs_dir_close(struct bk_blobs *base)
{
	struct blobs_dir *b = (struct blobs_dir *)base;

	if (!b)
		return;
	if (b->dir >= 0)
		close(b->dir);
	free(b);
}

static int remove_visit(void *arg, bk_id id)
{
	return blob_remove(arg, id);
}

int bk_blobs_dir_destroy(const char *path)
{
	struct bk_blobs *b = NULL;
	int err;

	if (access(path, F_OK) != 0)
		return 0;
	err = bk_blobs_dir_open(path, &b);
	if (err)
		return err;
	err = blob_each(b, remove_visit, b);
	bk_blobs_dir_close(b);
	if (!err && rmdir(path) != 0)
		err = bk_atomic_file_error(errno);
	return err;
}
