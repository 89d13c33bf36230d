/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "kv_box.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "tmp.h"

void bk_kv_box_init(struct bk_kv_box *b, const char *name)
{
	memset(b, 0, sizeof *b);
	snprintf(b->path, sizeof b->path, "%s/%s", bk_tmp_dir(), name);
	b->o.path = b->path;
	b->o.passphrase = BK_KV_BOX_PHRASE;
	b->o.cost = (struct bk_seal_cost){.ops = 1, .mem_kib = 8};
}

void bk_kv_box_make(struct bk_kv_box *b, const char *name)
{
	bk_kv_box_init(b, name);
	bk_tmp_remove_tree(b->path);
	BK_ASSERT(bk_kv_lmdb_create(&b->o, &b->kv) == 0);
}

int bk_kv_box_reopen(struct bk_kv_box *b)
{
	bk_kv_box_close(b);
	return bk_kv_lmdb_open(&b->o, &b->kv);
}

void bk_kv_box_close(struct bk_kv_box *b)
{
	bk_kv_lmdb_close(b->kv);
	b->kv = NULL;
}

int bk_kv_box_put(struct bk_kv_box *b, const char *key, const char *value)
{
	int err = bk_kv_begin(b->kv);

	if (!err)
		err = bk_kv_put(b->kv, key, strlen(key), value, strlen(value));
	if (!err)
		return bk_kv_commit(b->kv, NULL);
	bk_kv_abort(b->kv);
	return err;
}

int bk_kv_box_expect(struct bk_kv_box *b, const char *key, const char *value)
{
	uint8_t *got = NULL;
	size_t len = 0;
	int err = bk_kv_get(b->kv, key, strlen(key), &got, &len);

	if (!err && (len != strlen(value) || memcmp(got, value, len) != 0))
		err = BK_E_HASH;
	free(got);
	return err;
}

const char *bk_kv_box_file(const struct bk_kv_box *b, const char *name)
{
	static char paths[8][700];
	static unsigned turn;
	char *p = paths[turn++ % 8];

	snprintf(p, sizeof paths[0], "%s/%s", b->path, name);
	return p;
}

static int hook(void *arg, enum bk_kv_fault_point point)
{
	struct bk_kv_box_fault *f = arg;

	if (f->only >= 0 && (int)point != f->only)
		return 0;
	if (f->seen++ != f->n)
		return 0;
	if (!f->err)
		raise(SIGKILL);
	return f->err;
}

void bk_kv_box_fault(struct bk_kv_box_fault *f)
{
	bk_kv_fault_set(f ? hook : NULL, f);
}
