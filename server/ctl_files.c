/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ctl_files.h"

#include <errno.h>
#include <ftw.h>
#include <libgen.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "atomic_file.h"
#include "err.h"

#define TMP_END ".new.XXXXXX"
#define WALK_DEPTH 16

int bk_ctl_files_join(char out[static BK_CTL_PATH], const char *dir, const char *name)
{
	int n = snprintf(out, BK_CTL_PATH, "%s/%s", dir, name);

	return n > 0 && n < BK_CTL_PATH ? 0 : BK_E_INVAL;
}

int bk_ctl_files_absolute(const char *path, char out[static BK_CTL_PATH])
{
	char dir[BK_CTL_PATH], base[BK_CTL_PATH], real[BK_CTL_PATH];
	const char *name;

	if (!*path || (size_t)snprintf(dir, sizeof dir, "%s", path) >= sizeof dir)
		return BK_E_INVAL;
	memcpy(base, dir, sizeof base);
	name = basename(base);
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strcmp(name, "/") == 0)
		return realpath(path, out) ? 0 : BK_E_NOT_FOUND;
	if (!realpath(dirname(dir), real))
		return BK_E_NOT_FOUND;
	return bk_ctl_files_join(out, strcmp(real, "/") == 0 ? "" : real, name);
}

int bk_ctl_files_begin(const char *place, char ret_tmp[static BK_CTL_PATH])
{
	char tmp[BK_CTL_PATH];

	/* Removing an empty folder is how emptiness is asked without a race; the rename puts it back, filled. */
	if (rmdir(place) != 0 && errno != ENOENT)
		return errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR ? BK_E_EXISTS
										 : bk_atomic_file_error(errno);
	if ((size_t)snprintf(tmp, sizeof tmp, "%s" TMP_END, place) >= sizeof tmp)
		return BK_E_INVAL;
	if (!mkdtemp(tmp))
		return bk_atomic_file_error(errno);
	memcpy(ret_tmp, tmp, sizeof tmp);
	return 0;
}

int bk_ctl_files_finish(const char *tmp, const char *place)
{
	char dir[BK_CTL_PATH];
	int err = bk_atomic_file_sync_dir(tmp);

	if (err)
		return err;
	if (rename(tmp, place) != 0)
		return errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR ? BK_E_EXISTS
										 : bk_atomic_file_error(errno);
	snprintf(dir, sizeof dir, "%s", place);
	return bk_atomic_file_sync_dir(dirname(dir));
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void bk_ctl_files_abandon(const char *tmp)
{
	if (*tmp)
		nftw(tmp, remove_one, WALK_DEPTH, FTW_DEPTH | FTW_PHYS);
}

int bk_ctl_files_put(const char *dir, const char *name, const void *data, size_t len)
{
	char path[BK_CTL_PATH];
	int err = bk_ctl_files_join(path, dir, name);

	return err ? err : bk_atomic_file_write(path, data, len);
}

int bk_ctl_files_put_hex(const char *dir, const char *name, const void *data, size_t len)
{
	char hex[2 * 64 + 2];
	int err;

	BK_ASSERT(len <= 64);
	bk_hex_encode(hex, data, len);
	hex[2 * len] = '\n';
	err = bk_ctl_files_put(dir, name, hex, 2 * len + 1);
	sodium_memzero(hex, sizeof hex);
	return err;
}

int bk_ctl_files_get(const char *path, char **ret_text, size_t *ret_len)
{
	uint8_t *data = NULL;
	char *text;
	size_t len = 0;
	int err = bk_atomic_file_read(path, BK_CTL_FILE_MAX, &data, &len);

	if (err)
		return err;
	text = malloc(len + 1);
	if (text) {
		memcpy(text, data, len);
		text[len] = '\0';
		*ret_text = text;
		if (ret_len)
			*ret_len = len;
	}
	sodium_memzero(data, len);
	free(data);
	return text ? 0 : BK_E_NOMEM;
}

int bk_ctl_files_get_hex(const char *path, void *out, size_t len)
{
	char *text = NULL;
	size_t n = 0;
	int err = bk_ctl_files_get(path, &text, &n);

	if (err)
		return err;
	text[strcspn(text, "\r\n")] = '\0';
	err = bk_hex_decode(out, len, text);
	sodium_memzero(text, n);
	free(text);
	return err;
}
