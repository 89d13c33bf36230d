/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ladder.h"

unsigned bk_ladder_due(const struct bk_ladder_times *t, const struct bk_ladder_row *row, bk_ms now,
	uint64_t *ret_late_ms)
{
	uint64_t waited = now > row->stored_ms ? now - row->stored_ms : 0; /* a clock that was set back wakes nobody */

	*ret_late_ms = 0;
	if (row->level >= BK_LADDER_LEVELS || waited < t->after_ms[row->level])
		return 0;
	*ret_late_ms = waited - t->after_ms[row->level];
	return row->level + 1;
}
