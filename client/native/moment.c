/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "moment.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "err.h"

#define SECOND 1000ull
#define MINUTE (60ull * SECOND)
#define HOUR (60ull * MINUTE)

/* The wall clock says exactly this at that moment, or there is no such moment. */
static int moment(struct tm wanted, bk_ms *ret_at)
{
	struct tm got = wanted;
	time_t t;

	wanted.tm_isdst = got.tm_isdst = 1; /* of an hour that comes twice, the first */
	t = mktime(&got);
	if (got.tm_hour != wanted.tm_hour || got.tm_min != wanted.tm_min || got.tm_mday != wanted.tm_mday) {
		got = wanted;
		got.tm_isdst = -1;
		t = mktime(&got);
	}
	if (t < 0 || got.tm_hour != wanted.tm_hour || got.tm_min != wanted.tm_min || got.tm_mday != wanted.tm_mday ||
		got.tm_mon != wanted.tm_mon)
		return BK_E_INVAL;
	*ret_at = (bk_ms)t * SECOND;
	return 0;
}

static int span(const char *text, bk_ms now, bk_ms *ret_at)
{
	char *end = NULL;
	unsigned long n = strtoul(text + 1, &end, 10);

	if (end == text + 1 || n > 60000 || (*end != 'm' && *end != 'h') || end[1])
		return BK_E_INVAL;
	*ret_at = now + n * (*end == 'h' ? HOUR : MINUTE);
	return 0;
}

static int next_hour(struct tm day, const char *text, bk_ms now, bk_ms *ret_at)
{
	int hour = -1, minute = -1, used = 0, err;

	if (sscanf(text, "%2d:%2d%n", &hour, &minute, &used) != 2 || text[used] || hour < 0 || hour > 23 || minute < 0 ||
		minute > 59)
		return BK_E_INVAL;
	day.tm_hour = hour;
	day.tm_min = minute;
	day.tm_sec = 0;
	err = moment(day, ret_at);
	if (!err && *ret_at > now)
		return 0;
	day.tm_mday++;
	day.tm_isdst = -1;
	day.tm_hour = 12; /* which day that is, whatever its clock does at night */
	mktime(&day);
	day.tm_hour = hour;
	day.tm_min = minute;
	return err ? err : moment(day, ret_at);
}

int bk_moment_read(const char *text, bk_ms now, bk_ms *ret_at)
{
	time_t t = (time_t)(now / SECOND);
	struct tm day = {.tm_isdst = -1};
	int used = 0;

	if (strcmp(text, "none") == 0) {
		*ret_at = 0;
		return 0;
	}
	if (*text == '+')
		return span(text, now, ret_at);
	if (sscanf(text, "%4d-%2d-%2d %2d:%2d%n", &day.tm_year, &day.tm_mon, &day.tm_mday, &day.tm_hour, &day.tm_min,
			&used) == 5 && !text[used]) {
		day.tm_year -= 1900;
		day.tm_mon--;
		return moment(day, ret_at);
	}
	if (!localtime_r(&t, &day))
		return BK_E_INVAL;
	return next_hour(day, text, now, ret_at);
}
