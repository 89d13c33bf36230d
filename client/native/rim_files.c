/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files into the core and out of it: it knows no paths. */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rim_in.h"

#define COPY_BYTES (256u * 1024u)

static json_t *file_meta(const char *path, const char *type, const json_t *facts, uint64_t size)
{
	const char *slash = strrchr(path, '/');
	json_t *meta = json_pack("{s:s, s:s, s:I}", "name", slash ? slash + 1 : path, "type",
		type ? type : "application/octet-stream", "size", (json_int_t)size);

	if (meta && facts)
		json_object_set(meta, "facts", (json_t *)(uintptr_t)facts);
	return meta;
}

static int begin_file(struct bk_rim *rim, json_t *meta)
{
	char *text = meta ? json_dumps(meta, JSON_COMPACT) : NULL;
	int err = text ? bk_core_file_begin(rim->core, text, strlen(text), bk_rim_now()) : BK_E_INVAL;

	free(text);
	json_decref(meta);
	return err;
}

static int feed_file(struct bk_rim *rim, int fd, uint64_t size, bk_rim_progress progress, void *arg)
{
	uint8_t *buf = malloc(COPY_BYTES);
	uint64_t done = 0;
	ssize_t n = 0;
	int err = buf ? 0 : BK_E_NOMEM;

	while (!err && (n = read(fd, buf, COPY_BYTES)) > 0) {
		err = bk_core_file_data(rim->core, buf, (size_t)n, bk_rim_now());
		done += (uint64_t)n;
		if (progress)
			progress(arg, done, size);
	}
	if (!err && n < 0)
		err = BK_E_IO;
	if (!err && done != size)
		err = BK_E_INCOMPLETE; /* it changed under our hands */
	if (buf)
		sodium_memzero(buf, COPY_BYTES);
	free(buf);
	return err;
}

int bk_rim_attach(struct bk_rim *rim, const char *path, const char *type, const json_t *facts,
	bk_rim_progress progress, void *arg, bk_id *ret_attachment)
{
	int fd, err;
	struct stat st;

	if (!rim->core)
		return BK_E_SHUT;
	bk_rim_stir(rim);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? BK_E_NOT_FOUND : BK_E_IO;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size <= 0) {
		close(fd);
		return BK_E_INVAL;
	}
	if ((uint64_t)st.st_size > BK_FILE_PLAIN_MAX) {
		close(fd);
		return BK_E_TOO_BIG;
	}
	err = begin_file(rim, file_meta(path, type, facts, (uint64_t)st.st_size));
	if (!err) {
		err = feed_file(rim, fd, (uint64_t)st.st_size, progress, arg);
		if (!err)
			err = bk_core_file_end(rim->core, bk_rim_now(), ret_attachment);
		if (err)
			bk_core_file_abandon(rim->core);
	}
	close(fd);
	bk_rim_pump(rim);
	return err;
}

static int write_all(int fd, const uint8_t *data, size_t len)
{
	while (len) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return errno == ENOSPC ? BK_E_FULL : BK_E_IO;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

static int drain_file(struct bk_rim *rim, int fd, uint64_t size, bk_rim_progress progress, void *arg)
{
	uint8_t *buf = malloc(COPY_BYTES);
	uint64_t done = 0;
	size_t n = 0;
	int err = buf ? 0 : BK_E_NOMEM;

	while (!err) {
		err = bk_core_save_next(rim->core, buf, COPY_BYTES, &n);
		if (err || !n)
			break;
		err = write_all(fd, buf, n);
		done += n;
		if (progress)
			progress(arg, done, size);
	}
	if (!err && fsync(fd) != 0)
		err = BK_E_IO;
	if (buf)
		sodium_memzero(buf, COPY_BYTES);
	free(buf);
	return err;
}

int bk_rim_save(struct bk_rim *rim, bk_id message, unsigned index, const char *path, bk_rim_progress progress,
	void *arg)
{
	uint64_t size = 0;
	int fd, err = rim->core ? bk_core_save_begin(rim->core, message, index, &size) : BK_E_SHUT;

	if (err)
		return err;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0) {
		bk_core_save_end(rim->core);
		return errno == EEXIST ? BK_E_EXISTS : BK_E_IO;
	}
	err = drain_file(rim, fd, size, progress, arg);
	bk_core_save_end(rim->core);
	if (close(fd) != 0 && !err)
		err = BK_E_IO;
	if (err)
		unlink(path); /* never leave a file that did not verify */
	return err;
}
