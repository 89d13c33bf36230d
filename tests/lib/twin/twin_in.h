/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the twin's files share: pieces of bytes under way. Threads: one. */
#ifndef BK_TWIN_IN_H
#define BK_TWIN_IN_H

#include "twin.h"

struct bk_twin_piece {
	struct bk_twin_piece *next;
	size_t len;
	uint8_t data[];
};
void bk_twin_piece_add(struct bk_twin_piece ***tail, struct bk_twin_piece *p);
struct bk_twin_piece *bk_twin_piece_take(struct bk_twin_piece **head, struct bk_twin_piece ***tail);
void bk_twin_pieces_free(struct bk_twin_piece **head, struct bk_twin_piece ***tail);

void bk_twin_connect(struct bk_twin_device *d);
void bk_twin_hang_up(struct bk_twin_device *d, int err);
void bk_twin_http(struct bk_twin_device *d, const struct bk_core_http *h);

#endif
