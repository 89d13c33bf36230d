/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Folders that bakenctl makes: filled beside their place under a temporary name, renamed when whole.
 *
 * Invariant: a folder of the wanted name is absent or complete, and nothing that exists is replaced; only an
 * empty folder counts as absent. Files are 0600, folders 0700.
 *
 * Threads: main. Memory: read bytes are malloc'd. Secrets: the caller wipes what it read.
 */
#ifndef BK_CTL_FILES_H
#define BK_CTL_FILES_H

#include "ids.h"

#define BK_CTL_PATH 4096 /* bytes with the NUL */
#define BK_CTL_FILE_MAX (1024u * 1024u)

/* Absolute form of a path whose last part may not exist yet. BK_E_NOT_FOUND: its folder is absent. */
int bk_ctl_files_absolute(const char *path, char out[static BK_CTL_PATH]);
/* BK_E_INVAL: too long. */
int bk_ctl_files_join(char out[static BK_CTL_PATH], const char *dir, const char *name);

/* BK_E_EXISTS: the place is taken. */
int bk_ctl_files_begin(const char *place, char ret_tmp[static BK_CTL_PATH]);
int bk_ctl_files_finish(const char *tmp, const char *place);
/* Removes the unfinished folder and all in it; "" does nothing. */
void bk_ctl_files_abandon(const char *tmp);

int bk_ctl_files_put(const char *dir, const char *name, const void *data, size_t len);
int bk_ctl_files_put_hex(const char *dir, const char *name, const void *data, size_t len);
/* *ret_text ends in a NUL. */
int bk_ctl_files_get(const char *path, char **ret_text, size_t *ret_len);
/* len bytes as hexadecimal digits on one line. BK_E_INVAL. */
int bk_ctl_files_get_hex(const char *path, void *out, size_t len);

#endif
