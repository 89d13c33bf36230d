/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Private folders and small files for tests: mode 0700, removed at exit, also after a failure (kept when the
 * variable BAKEN_KEEP is set). Loopback ports that were free a moment ago.
 *
 * Threads: one. Memory: static for bk_tmp_dir; bk_tmp_path rotates 16 buffers.
 */
#ifndef BK_TMP_H
#define BK_TMP_H

#include <stddef.h>
#include <stdint.h>

const char *bk_tmp_dir(void);
/* bk_tmp_dir() "/" name */
const char *bk_tmp_path(const char *name);
int bk_tmp_write(const char *path, const void *data, size_t len); /* 0600 */
int bk_tmp_read(const char *path, uint8_t **ret_data, size_t *ret_len);
void bk_tmp_remove_tree(const char *path);
uint16_t bk_tmp_port(void);

#endif
