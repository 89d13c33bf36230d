/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Test vectors of docs/protocol.md: one check a kind, and a printer that makes them from the examples with fixed
 * keys (sample.h). Bytes are lower-case hex.
 *
 * Threads: one.
 */
#ifndef BK_VECTORS_H
#define BK_VECTORS_H

#include "document.h"

/* The vector at hand holds: the number of its kind, else -1 (unknown kinds too). */
int bk_vectors_check(const struct bk_document *d);
const char *bk_vectors_name(int kind); /* NULL past the last */
int bk_vectors_print(void);

#endif
