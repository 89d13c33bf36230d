/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Small files replaced as a whole: new bytes beside the old ones, fsync, rename, fsync of the folder.
 *
 * Invariant: after a crash at any instant the path holds the old or the new bytes, whole, and mode 0600.
 * Links are not followed. Threads: no shared state. Memory: *ret_data is malloc'd.
 * Secrets: none kept; bk_atomic_file_read's bytes are the caller's.
 */
#ifndef BK_ATOMIC_FILE_H
#define BK_ATOMIC_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The replaced file's bytes are overwritten afterwards, as far as the file system does so in place. */
int bk_atomic_file_write(const char *path, const void *data, size_t len);
/* BK_E_NOT_FOUND; BK_E_CORRUPT when longer than max, or not a regular file. */
int bk_atomic_file_read(const char *path, size_t max, uint8_t **ret_data, size_t *ret_len);
/* Overwrites with random bytes, fsync, unlink, fsync of the folder; the unfinished copy too. Absent: 0. */
int bk_atomic_file_destroy(const char *path);
/* Removes what a crash in write left beside the file. */
void bk_atomic_file_clean(const char *path);
/* Makes names created, renamed or removed in this folder durable. */
int bk_atomic_file_sync_dir(const char *dir);
int bk_atomic_file_sync_parent(const char *path); /* the folder that holds this name */
/* Has this file no room to grow: disk at its end, or the largest size this process may write? A short write looks
 * like BK_E_IO to some callers, and is none. */
bool bk_atomic_file_is_full(int fd);

/* errno of a failed file call as BK_E_*: FULL for a full disk or quota, NOT_FOUND, NOMEM, else IO. */
int bk_atomic_file_error(int errno_value);

#endif
