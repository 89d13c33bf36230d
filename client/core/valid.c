/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "valid.h"

bk_ms bk_valid_clock(bk_ms now, int64_t skew_ms)
{
	uint64_t back = skew_ms < 0 ? (uint64_t)-(skew_ms + 1) + 1 : 0;

	if (skew_ms < 0)
		return now > back ? now - back : 0;
	return now > UINT64_MAX - (uint64_t)skew_ms ? UINT64_MAX : now + (uint64_t)skew_ms;
}

enum bk_valid bk_valid_at(const struct bk_valid_guidance *g, bk_ms now)
{
	if (g->recalled_ms)
		return BK_VALID_RECALLED;
	return g->until_ms && now >= g->until_ms ? BK_VALID_EXPIRED : BK_VALID_HOLDS;
}

const char *bk_valid_name(enum bk_valid v)
{
	static const char *const names[] = { "valid", "expired", "recalled" };

	return names[v];
}

bool bk_valid_overdue(const struct bk_valid_guidance *g, bk_ms acknowledged_ms, bk_ms now)
{
	return g->acknowledge && !acknowledged_ms && !g->recalled_ms && now >= g->sent_ms &&
		now - g->sent_ms >= BK_VALID_ACK_MS;
}
