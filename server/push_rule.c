/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "push_rule.h"

#include <ctype.h>
#include <string.h>
#include <time.h>

#define DAY_S 86400u
#define WAIT_FIRST_MS 2000u
#define WAIT_LAST_MS 600000u
#define BREAK_AFTER 5u
#define BREAK_FIRST_MS 30000u
#define BREAK_LAST_MS 600000u

const struct bk_push_class *bk_push_rule_class(Baken__Class class)
{
	static const struct bk_push_class at_once = {0, DAY_S, "high", 3600000u}, ordinary = {2000, 3 * DAY_S, "normal", 3600000u};

	switch (class) {
	case BAKEN__CLASS__CLASS_ALARM:
	case BAKEN__CLASS__CLASS_URGENT:
		return &at_once;
	case BAKEN__CLASS__CLASS_NORMAL:
		return &ordinary;
	case BAKEN__CLASS__CLASS_NONE:
	case BAKEN__CLASS__CLASS_BULK:
	case _BAKEN__CLASS_IS_INT_SIZE:
	default:
		return NULL;
	}
}

Baken__Class bk_push_rule_stronger(Baken__Class a, Baken__Class b)
{
	return a < b ? a : b; /* the enumeration goes from alarm to bulk */
}

enum bk_push_verdict bk_push_rule_verdict(int err, long status)
{
	if (err)
		return BK_PUSH_LATER;
	if (status >= 200 && status < 300)
		return BK_PUSH_DONE;
	if (status == 404 || status == 410)
		return BK_PUSH_GONE;
	if (status == 408 || status == 425 || status == 429 || status >= 500)
		return BK_PUSH_LATER;
	return BK_PUSH_REFUSED;
}

bk_ms bk_push_rule_retry_after(const char *value, bk_ms now)
{
	struct tm tm;
	const char *end;
	time_t at;
	bk_ms wait = 0;

	if (isdigit((unsigned char)*value)) {
		for (; isdigit((unsigned char)*value) && wait < BK_PUSH_WAIT_MAX_MS; value++)
			wait = wait * 10 + (bk_ms)(*value - '0') * 1000;
	} else {
		memset(&tm, 0, sizeof tm);
		end = strptime(value, "%a, %d %b %Y %H:%M:%S GMT", &tm);
		at = end ? timegm(&tm) : -1;
		if (at > 0 && (bk_ms)at * 1000 > now)
			wait = (bk_ms)at * 1000 - now;
	}
	return wait < BK_PUSH_WAIT_MAX_MS ? wait : BK_PUSH_WAIT_MAX_MS;
}

bk_ms bk_push_rule_wait(unsigned attempt, uint32_t chance)
{
	bk_ms wait = WAIT_LAST_MS;

	if (attempt && attempt < 10)
		wait = (bk_ms)WAIT_FIRST_MS << (attempt - 1);
	if (wait > WAIT_LAST_MS)
		wait = WAIT_LAST_MS;
	return wait - wait / 4 + chance % (uint32_t)(wait / 4 + 1);
}

bool bk_push_breaker_lets(struct bk_push_breaker *b, bk_ms now)
{
	if (b->failures < BREAK_AFTER)
		return true;
	if (now < b->until_ms || b->trying)
		return false;
	b->trying = true;
	return true;
}

bool bk_push_breaker_failed(struct bk_push_breaker *b, bk_ms now, bk_ms asked_ms)
{
	bk_ms wait = BREAK_FIRST_MS;

	b->trying = false;
	if (b->failures < 1000)
		b->failures++;
	if (b->failures < BREAK_AFTER)
		return false;
	for (unsigned i = BREAK_AFTER; i < b->failures && wait < BREAK_LAST_MS; i++)
		wait *= 2;
	if (wait > BREAK_LAST_MS)
		wait = BREAK_LAST_MS;
	b->until_ms = now + (asked_ms > wait ? asked_ms : wait);
	return b->failures == BREAK_AFTER;
}

bool bk_push_breaker_worked(struct bk_push_breaker *b)
{
	bool was_down = b->failures >= BREAK_AFTER;

	memset(b, 0, sizeof *b);
	return was_down;
}
