/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Points at which tests make storage fail or die, the client's and (PUT, DEL, COMMIT, the FILE and DIR ones) the
 * server's. Without a hook each point costs one test of a pointer and returns 0.
 *
 * Threads: set before use; called in the thread that writes.
 */
#ifndef BK_KV_FAULT_H
#define BK_KV_FAULT_H

enum bk_kv_fault_point {
	BK_KV_FAULT_PUT,
	BK_KV_FAULT_DEL,
	BK_KV_FAULT_COMMIT,    /* before the commit */
	BK_KV_FAULT_COMMITTED, /* after it; the result is ignored */
	BK_KV_FAULT_GROW,
	BK_KV_FAULT_FILE_OPEN, /* a key or sealed file: before each step of its replacement */
	BK_KV_FAULT_FILE_WRITE,
	BK_KV_FAULT_FILE_SYNC,
	BK_KV_FAULT_FILE_RENAME,
	BK_KV_FAULT_DIR_SYNC,
	BK_KV_FAULT_FILE_ERASE,
	BK_KV_FAULT_BLOB_WRITE,
	BK_KV_FAULT_BLOB_SYNC,
	BK_KV_FAULT_ALLOC,
	BK_KV_FAULT_POINTS
};

/* Returns 0 to go on, or the BK_E_* the step shall fail with. NULL removes it. */
typedef int (*bk_kv_fault_hook)(void *arg, enum bk_kv_fault_point point);
void bk_kv_fault_set(bk_kv_fault_hook hook, void *arg);
int bk_kv_fault_at(enum bk_kv_fault_point point);

#endif
