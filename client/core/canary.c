/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "canary.h"

static bool in_time(bk_ms sent_ms, const struct bk_canary_screen *s, uint64_t late_ms)
{
	return s->shown_ms && (s->shown_ms <= sent_ms || s->shown_ms - sent_ms <= late_ms);
}

bool bk_canary_silent(bk_ms sent_ms, const struct bk_canary_screen *s, uint64_t late_ms)
{
	return s->on_duty && !in_time(sent_ms, s, late_ms);
}

void bk_canary_judge(bk_ms sent_ms, const struct bk_canary_screen *screens, size_t n, uint64_t late_ms, bk_ms now,
	struct bk_canary_verdict *ret_verdict)
{
	struct bk_canary_verdict v = { .state = BK_CANARY_NONE };

	for (size_t i = 0; sent_ms && i < n; i++) {
		v.expected += screens[i].on_duty;
		v.shown += screens[i].on_duty && in_time(sent_ms, &screens[i], late_ms);
	}
	if (v.expected && v.shown == v.expected)
		v.state = BK_CANARY_FINE;
	else if (v.expected)
		v.state = now > sent_ms && now - sent_ms > late_ms ? BK_CANARY_LATE : BK_CANARY_WAITING;
	*ret_verdict = v;
}
