/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "watch_due.h"

#define MINUTE 60000ull
#define LEAD_MAX (15 * MINUTE)

static bk_ms plus(bk_ms at, uint64_t ms)
{
	return ms < UINT64_MAX - at ? at + ms : UINT64_MAX;
}

bk_ms bk_watch_due_after(bk_ms now, uint64_t ms)
{
	return plus(now, ms);
}

bk_ms bk_watch_due_warn(const struct bk_watch_due *d)
{
	uint64_t span = d->due_ms > d->from_ms ? d->due_ms - d->from_ms : 0, lead = span / 4;

	if (lead > LEAD_MAX)
		lead = LEAD_MAX;
	if (lead < MINUTE && span > 2 * MINUTE)
		lead = MINUTE;
	return d->due_ms - lead;
}

enum bk_watch_phase bk_watch_due_phase(const struct bk_watch_due *d, bk_ms now)
{
	if (now >= plus(d->due_ms, d->grace_ms))
		return BK_WATCH_OVER;
	if (now >= d->due_ms)
		return BK_WATCH_LATE;
	return now >= bk_watch_due_warn(d) ? BK_WATCH_WARNS : BK_WATCH_RUNS;
}

bk_ms bk_watch_due_next(const struct bk_watch_due *d, bk_ms now)
{
	switch (bk_watch_due_phase(d, now)) {
	case BK_WATCH_RUNS:
		return bk_watch_due_warn(d);
	case BK_WATCH_WARNS:
		return d->due_ms;
	case BK_WATCH_LATE:
		return plus(d->due_ms, d->grace_ms);
	case BK_WATCH_OVER:
		break;
	}
	return UINT64_MAX;
}

enum bk_watch_shown bk_watch_due_shown(const struct bk_watch_facts *f, enum bk_watch_phase phase)
{
	if (f->ended)
		return BK_SHOWN_ENDED;
	if (f->fired)
		return BK_SHOWN_FIRED;
	if (phase == BK_WATCH_LATE || phase == BK_WATCH_OVER)
		return BK_SHOWN_LATE;
	if (phase == BK_WATCH_WARNS)
		return BK_SHOWN_WARNING;
	return f->armed && f->has_key ? BK_SHOWN_ARMED : BK_SHOWN_ASKED;
}

const char *bk_watch_due_word(enum bk_watch_shown s)
{
	static const char *const words[] = { "asked", "armed", "warning", "late", "fired", "ended" };

	return words[s];
}
