/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A sealed client store in a private folder, cheap to open, and a hook that makes the n-th storage step fail or
 * kill, for tests.
 *
 * Threads: one. Memory: one struct; close with bk_kv_lmdb_close.
 */
#ifndef BK_KV_BOX_H
#define BK_KV_BOX_H

#include <stdbool.h>

#include "kv_fault.h"
#include "kv_lmdb.h"

#define BK_KV_BOX_PHRASE "een lange wachtwoordzin"

struct bk_kv_box {
	struct bk_kv_lmdb_options o;
	char path[600];
	struct bk_kv *kv;
};

/* Options for a folder of this name; nothing is made yet. The cost is the least there is. */
void bk_kv_box_init(struct bk_kv_box *b, const char *name);
/* Fresh and open; ends the program when that fails. */
void bk_kv_box_make(struct bk_kv_box *b, const char *name);
int bk_kv_box_reopen(struct bk_kv_box *b);
void bk_kv_box_close(struct bk_kv_box *b);

/* One transaction of one put; all as text. */
int bk_kv_box_put(struct bk_kv_box *b, const char *key, const char *value);
/* 0 and equal; else the error, or BK_E_HASH when it is another. */
int bk_kv_box_expect(struct bk_kv_box *b, const char *key, const char *value);
const char *bk_kv_box_file(const struct bk_kv_box *b, const char *name);

struct bk_kv_box_fault {
	long n;       /* the n-th point from 0; below 0: none */
	int err;      /* it fails with; 0: SIGKILL */
	int only;     /* this point alone counts; below 0: all */
	long seen;    /* out: points passed */
};
void bk_kv_box_fault(struct bk_kv_box_fault *f); /* NULL: no more */

#endif
