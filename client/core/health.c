/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "health.h"

#define DAY_MS 86400000ull

static bool older(bk_ms at, uint32_t days, bk_ms now)
{
	return now > at && now - at > days * DAY_MS;
}

bool bk_health_drill_due(bk_ms drill_ms, uint32_t days, bk_ms now)
{
	return !drill_ms || older(drill_ms, days, now);
}

static unsigned refused(const struct bk_health *h, unsigned may, unsigned ill)
{
	return h->asked & may && !(h->allowed & may) ? ill : 0;
}

unsigned bk_health_judge(const struct bk_health *h, const struct bk_health_rule *rule, bk_ms now)
{
	unsigned ill = 0;

	if (!h->heard_ms)
		return BK_ILL_NEVER;
	if (older(h->heard_ms, rule->silent_days, now))
		ill |= BK_ILL_SILENT;
	if (bk_health_drill_due(h->drill_ms, rule->drill_days, now))
		ill |= BK_ILL_DRILL;
	if (h->skew_ms > BK_HEALTH_SKEW_MS || h->skew_ms < -BK_HEALTH_SKEW_MS)
		ill |= BK_ILL_CLOCK;
	if (h->free_known && h->free_bytes < BK_HEALTH_FREE_BYTES)
		ill |= BK_ILL_STORAGE;
	if (h->waiting >= BK_HEALTH_WAITING)
		ill |= BK_ILL_WAITING;
	ill |= refused(h, BK_MAY_NOTIFY, BK_ILL_NOTIFY) | refused(h, BK_MAY_PLACE, BK_ILL_PLACE);
	ill |= refused(h, BK_MAY_RECORD, BK_ILL_RECORD) | refused(h, BK_MAY_FILM, BK_ILL_FILM);
	return ill | refused(h, BK_MAY_BACKGROUND, BK_ILL_BACKGROUND);
}

const char *bk_health_word(unsigned place)
{
	static const char *const words[BK_ILLS] = {
#define X(name, word) word,
		BK_ILL_MAP(X)
#undef X
	};

	return place < BK_ILLS ? words[place] : "";
}
