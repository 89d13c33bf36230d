/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Attachments: encrypted by the sender, uploaded by tus 1.0, kept in DIR/files under their SHA-256. An upload is
 * a file named by its id; complete and hashed, it gets its hash as a second name, then its record, then loses
 * the first name: a crash between leaves something that the next HEAD or PATCH finishes.
 *
 * Invariant: what a 204 acknowledges is on the disk. An upload is its device's alone; a complete file is for whom
 * knows its hash and is logged in. Threads: loop; syncing and hashing in libuv's pool. Limits: bounds.h, options.
 */
#ifndef BK_FILES_H
#define BK_FILES_H

#include "conn.h"
#include "web.h"

struct bk_files;
/* Makes DIR/files when absent. BK_E_IO. */
int bk_files_start(struct bk_server *s, struct bk_files **ret_files);
void bk_files_stop(struct bk_files *f); /* NULL: nothing; jobs must be over */
/* A request is being written or committed. */
bool bk_files_busy(const struct bk_files *f);
/*
 * Runs the store's expiry jobs, then removes files that no record names. done: asked for by hand, which also ends the
 * stand-still after a restore; NULL: by the timer. BK_E_BUSY at once.
 */
void bk_files_expire(struct bk_server *s, void (*done)(void *arg, uint64_t removed, int err), void *arg);

/* path: behind "/files", "" or "/name". c: who asks. */
enum bk_web_next bk_files_request(struct bk_server *s, struct bk_conn *c, const struct bk_web_head *head, const char *path,
	struct bk_http *http, struct bk_web **ret_web, struct bk_web_answer *ret_answer);

#endif
