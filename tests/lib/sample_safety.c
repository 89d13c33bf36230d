/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sample_in.h"

static Baken__Place *place(struct bk_arena *a)
{
	Baken__Place *p = NEW(Baken__Place, place);

	p->latitude_e7 = 520907000;
	p->longitude_e7 = 51214000;
	p->accuracy_m = 8;
	return p;
}

static Baken__Fix *fix(struct bk_arena *a)
{
	Baken__Fix *f = NEW(Baken__Fix, fix);

	f->place = place(a);
	f->at_ms = BK_SAMPLE_NOW - 1000;
	f->battery_percent = 40;
	return f;
}

void bk_sample_alarm(struct bk_arena *a, Baken__Content *c)
{
	Baken__Alarm *m = NEW(Baken__Alarm, alarm);

	m->cause = BAKEN__ALARM__CAUSE__MISSED;
	m->fix = fix(a);
	m->text = text(a, "On the cycle path along the canal.");
	m->armed_ms = BK_SAMPLE_NOW - 5000;
	m->watch_id = id(a, 11);
	m->due_ms = BK_SAMPLE_NOW - 300000;
	SET(c, alarm, ALARM, m);
}

void bk_sample_alarm_end(struct bk_arena *a, Baken__Content *c)
{
	Baken__AlarmEnd *m = NEW(Baken__AlarmEnd, alarm_end);

	m->alarm_id = id(a, 9);
	m->reason = BAKEN__ALARM_END__REASON__SAFE;
	m->text = text(a, "The police are here.");
	SET(c, alarm_end, ALARM_END, m);
}

void bk_sample_location(struct bk_arena *a, Baken__Content *c)
{
	Baken__Location *m = NEW(Baken__Location, location);

	m->about_id = id(a, 9);
	m->n_fixes = 1;
	m->fixes = make(a, sizeof *m->fixes);
	m->fixes[0] = fix(a);
	m->until_ms = BK_SAMPLE_NOW + 3600000;
	m->last = true;
	SET(c, location, LOCATION, m);
}

void bk_sample_watch_plan(struct bk_arena *a, Baken__Content *c)
{
	Baken__WatchPlan *m = NEW(Baken__WatchPlan, watch_plan);

	m->watch_id = id(a, 11);
	m->watch_key = bytes(a, BK_KEY_BYTES, 12);
	m->kind = BAKEN__WATCH_PLAN__KIND__JOURNEY;
	m->what = text(a, "From work to home, by bicycle.");
	m->where = text(a, "home");
	m->due_ms = BK_SAMPLE_NOW + 1800000;
	m->grace_ms = 300000;
	m->interval_ms = 900000;
	m->counter = 3;
	SET(c, watch_plan, WATCH_PLAN, m);
}

void bk_sample_watch_end(struct bk_arena *a, Baken__Content *c)
{
	Baken__WatchEnd *m = NEW(Baken__WatchEnd, watch_end);

	m->watch_id = id(a, 11);
	m->reason = BAKEN__WATCH_END__REASON__SAFE;
	SET(c, watch_end, WATCH_END, m);
}

static Baken__PlanEntry *entry(struct bk_arena *a)
{
	Baken__PlanEntry *e = NEW(Baken__PlanEntry, plan_entry);

	e->entry_id = id(a, 13);
	e->from_ms = BK_SAMPLE_NOW + 3600000;
	e->until_ms = BK_SAMPLE_NOW + 7200000;
	e->what = text(a, "dentist");
	e->where = text(a, "Stationsplein 1");
	e->with_whom = text(a, "my daughter");
	e->place = place(a);
	e->cancelled = true;
	return e;
}

void bk_sample_day_plan(struct bk_arena *a, Baken__Content *c)
{
	Baken__DayPlan *m = NEW(Baken__DayPlan, day_plan);

	m->day = 20261125;
	m->version = 2;
	m->n_entries = 1;
	m->entries = make(a, sizeof *m->entries);
	m->entries[0] = entry(a);
	SET(c, day_plan, DAY_PLAN, m);
}

void bk_sample_device_health(struct bk_arena *a, Baken__Content *c)
{
	Baken__DeviceHealth *m = NEW(Baken__DeviceHealth, device_health);

	m->cause = BAKEN__DEVICE_HEALTH__CAUSE__DAILY;
	m->clock_skew_ms = -1500;
	m->storage_free_bytes = 4000000000;
	m->battery_percent = 80;
	m->allowed = 3;
	m->asked = 7;
	m->last_contact_ms = BK_SAMPLE_NOW - 60000;
	m->last_drill_ms = BK_SAMPLE_NOW - 86400000;
	m->waiting = 2;
	m->version = text(a, "1.0");
	m->platform = text(a, "linux");
	SET(c, device_health, DEVICE_HEALTH, m);
}
