/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Checks of what a person's device says beside words (safety.proto). */
#include "content_in.h"

#define LATITUDE_MAX 900000000   /* degrees times 10^7 */
#define LONGITUDE_MAX 1800000000
#define ALLOWED_BITS 31u
#define KEY_BYTES 32u

static bool place_ok(const Baken__Place *p)
{
	return p->latitude_e7 >= -LATITUDE_MAX && p->latitude_e7 <= LATITUDE_MAX && p->longitude_e7 >= -LONGITUDE_MAX &&
	       p->longitude_e7 <= LONGITUDE_MAX;
}

static bool fix_ok(const Baken__Fix *f)
{
	return f->place && place_ok(f->place) && f->battery_percent <= 100;
}

/* A button has no timer; a missed timer names it. */
bool bk_content_alarm_ok(const Baken__Content *c)
{
	const Baken__Alarm *m = c->alarm;
	bool missed = m->cause == BAKEN__ALARM__CAUSE__MISSED;

	return m->cause > BAKEN__ALARM__CAUSE__NONE && m->cause <= BAKEN__ALARM__CAUSE__MISSED &&
	       (!m->fix || fix_ok(m->fix)) && text_ok(m->text, BK_TEXT_MAX) &&
	       m->watch_id.len == (missed ? BK_ID_BYTES : 0) && (m->due_ms != 0) == missed;
}

bool bk_content_alarm_end_ok(const Baken__Content *c)
{
	const Baken__AlarmEnd *m = c->alarm_end;

	return id_ok(&m->alarm_id) && m->reason > BAKEN__ALARM_END__REASON__NONE &&
	       m->reason <= BAKEN__ALARM_END__REASON__MISTAKE && text_ok(m->text, BK_TEXT_MAX);
}

bool bk_content_location_ok(const Baken__Content *c)
{
	const Baken__Location *m = c->location;

	if (!id_ok(&m->about_id) || m->n_fixes > BK_FIXES_MAX || (!m->n_fixes && !m->last))
		return false;
	for (size_t i = 0; i < m->n_fixes; i++)
		if (!fix_ok(m->fixes[i]))
			return false;
	return true;
}

bool bk_content_watch_plan_ok(const Baken__Content *c)
{
	const Baken__WatchPlan *m = c->watch_plan;

	return id_ok(&m->watch_id) && m->watch_key.len == KEY_BYTES && m->counter && m->kind > BAKEN__WATCH_PLAN__KIND__NONE &&
	       m->kind <= BAKEN__WATCH_PLAN__KIND__JOURNEY && text_ok(m->what, BK_TEXT_MAX) &&
	       text_ok(m->where, BK_NAME_MAX * 4) && m->due_ms && m->grace_ms <= BK_WATCH_GRACE_MAX_MS &&
	       m->interval_ms <= BK_WATCH_MAX_MS;
}

bool bk_content_watch_end_ok(const Baken__Content *c)
{
	return id_ok(&c->watch_end->watch_id) && c->watch_end->reason > BAKEN__WATCH_END__REASON__NONE &&
	       c->watch_end->reason <= BAKEN__WATCH_END__REASON__CANCELLED;
}

static bool entry_ok(const Baken__PlanEntry *e)
{
	return id_ok(&e->entry_id) && e->from_ms && e->until_ms >= e->from_ms && text_ok(e->what, BK_NAME_MAX * 4) &&
	       text_ok(e->where, BK_NAME_MAX * 4) && text_ok(e->with_whom, BK_NAME_MAX) &&
	       (!e->place || place_ok(e->place));
}

static bool day_ok(uint32_t day)
{
	uint32_t month = day / 100 % 100, date = day % 100;

	return day >= 20200101 && day <= 29991231 && month >= 1 && month <= 12 && date >= 1 && date <= 31;
}

bool bk_content_day_plan_ok(const Baken__Content *c)
{
	const Baken__DayPlan *m = c->day_plan;

	if (!day_ok(m->day) || !m->version || m->n_entries > BK_PLAN_MAX)
		return false;
	for (size_t i = 0; i < m->n_entries; i++)
		if (!entry_ok(m->entries[i]))
			return false;
	return true;
}

bool bk_content_device_health_ok(const Baken__Content *c)
{
	const Baken__DeviceHealth *m = c->device_health;

	return m->cause > BAKEN__DEVICE_HEALTH__CAUSE__NONE && m->cause <= BAKEN__DEVICE_HEALTH__CAUSE__CHANGED &&
	       m->battery_percent <= 100 && m->asked <= ALLOWED_BITS && !(m->allowed & ~m->asked) &&
	       text_ok(m->version, 64) && text_ok(m->platform, 64);
}
