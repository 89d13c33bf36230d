/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bk_blobs (protocol/kv.h) in a folder: one file per id, named by its 32 hex digits, 0600. Contents are
 * already encrypted by the core.
 *
 * Invariant: an append is there whole or not at all, but for a crash within it; what sync returned 0 for
 * survives a crash, name included. A blob whose sync was never called may be there after a crash, whole or
 * not: the core removes those at its start (each). No link is followed; other files are not touched.
 *
 * Threads: one owner thread. Errors: BK_E_FULL disk full, nothing appended; BK_E_NOT_FOUND; BK_E_IO.
 * Observers learn number, sizes and times of the files.
 */
#ifndef BK_BLOBS_DIR_H
#define BK_BLOBS_DIR_H

#include "kv.h"

/* Makes the folder (0700) when absent; its parent exists. */
int bk_blobs_dir_open(const char *path, struct bk_blobs **ret_blobs);
void bk_blobs_dir_close(struct bk_blobs *b);
/* Removes all blobs and the folder. Absent: 0. */
int bk_blobs_dir_destroy(const char *path);

#endif
