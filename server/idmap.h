/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Map from an id to a pointer. Ids are random or signed by a registrar, so their first bytes are the hash.
 *
 * Threads: one owner. Memory: values are the caller's.
 */
#ifndef BK_IDMAP_H
#define BK_IDMAP_H

#include "ids.h"

struct bk_idmap {
	struct bk_idmap_slot *slots;
	size_t room, n, used; /* used: occupied or once occupied */
};

void *bk_idmap_find(const struct bk_idmap *m, bk_id id);
/* Replaces. BK_E_NOMEM. value must not be NULL. */
int bk_idmap_put(struct bk_idmap *m, bk_id id, void *value);
void bk_idmap_del(struct bk_idmap *m, bk_id id);
/* Visits in no order; *at starts at 0. NULL at the end. */
void *bk_idmap_next(const struct bk_idmap *m, size_t *at);
void bk_idmap_done(struct bk_idmap *m);

#endif
