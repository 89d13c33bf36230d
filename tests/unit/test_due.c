/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is due (R8): the pure function against a second formulation that reads the log backwards for each question,
 * over random logs and clocks; nothing that is answered is due, nothing that is due is left out, and nothing becomes
 * due before the time that the function names. Clocks that leap, edges of daylight saving time, policy.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "due.h"
#include "sample.h"

#define EVENTS_MAX 14u
#define LOGS 3000u
#define MINUTE 60000u
#define HOUR (60u * MINUTE)

static uint64_t seed = 3;

static unsigned rnd(unsigned n)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (unsigned)(seed >> 33) % n;
}

/* ---- a log of a desk that behaves: claims only what is free, closes what it has ---- */

struct log {
	struct bk_case_event e[EVENTS_MAX];
	size_t n;
};

static bk_ms at(const struct log *l, size_t i)
{
	return l->e[i].at_ms;
}

static enum bk_case_kind pick(void)
{
	static const enum bk_case_kind kinds[] = {BK_CASE_CLAIMED, BK_CASE_RELEASED, BK_CASE_REPLIED, BK_CASE_PROMISED,
		BK_CASE_MESSAGE, BK_CASE_NOTE, BK_CASE_ALARM, BK_CASE_URGENCY, BK_CASE_CLOSED, BK_CASE_READ, BK_CASE_SEEN};

	return kinds[rnd(sizeof kinds / sizeof *kinds)];
}

static void make_log(struct log *l)
{
	bk_ms t = BK_SAMPLE_NOW;

	l->n = 1 + rnd(EVENTS_MAX - 1);
	for (size_t i = 0; i < l->n; i++) {
		struct bk_case_event *e = &l->e[i];

		*e = (struct bk_case_event){.id = bk_sample_id((unsigned)i), .at_ms = t, .by = bk_sample_id(50),
			.urgency = rnd(4), .kind = i ? pick() : rnd(3) ? BK_CASE_OPENED : BK_CASE_ALARM};
		if (e->kind == BK_CASE_CLAIMED)
			e->until_ms = t + 10 * MINUTE;
		if (e->kind == BK_CASE_PROMISED)
			e->until_ms = rnd(5) ? t + (1 + rnd(90)) * MINUTE : 0;
		t += (1 + rnd(40)) * MINUTE + 1;
	}
}

/* ---- the second formulation ---- */

static bool question(const struct bk_case_event *e)
{
	return e->kind == BK_CASE_OPENED || e->kind == BK_CASE_MESSAGE || e->kind == BK_CASE_ALARM;
}

/* The last event of a kind at or before i; n when there is none. */
static size_t last(const struct log *l, enum bk_case_kind kind)
{
	for (size_t i = l->n; i > 0; i--)
		if (l->e[i - 1].kind == kind)
			return i - 1;
	return l->n;
}

/* One device claims, so a close counts when it had claimed and not released since the last close. */
static bool closes(const struct log *l, size_t i)
{
	if (l->e[i].kind != BK_CASE_CLOSED)
		return false;
	while (i-- > 0) {
		if (l->e[i].kind == BK_CASE_CLAIMED)
			return true;
		if (l->e[i].kind == BK_CASE_RELEASED || l->e[i].kind == BK_CASE_CLOSED)
			return false;
	}
	return false;
}

static size_t since_close(const struct log *l)
{
	size_t i = l->n;

	while (i && !closes(l, i - 1))
		i--;
	return i;
}

static bool is_closed(const struct log *l)
{
	size_t from = since_close(l);

	for (size_t i = from; i < l->n; i++)
		if (question(&l->e[i]))
			return false;
	return from > 0;
}

static bk_ms waits(const struct log *l)
{
	size_t from = since_close(l);

	for (size_t i = from; i < l->n; i++)
		from = l->e[i].kind == BK_CASE_REPLIED ? i + 1 : from;
	for (size_t i = from; i < l->n; i++)
		if (question(&l->e[i]))
			return at(l, i);
	return 0;
}

static const struct bk_case_event *open_promise(const struct log *l)
{
	size_t p = last(l, BK_CASE_PROMISED), r = last(l, BK_CASE_REPLIED);

	if (p == l->n || !l->e[p].until_ms || p < since_close(l) || (r < l->n && r > p))
		return NULL;
	return &l->e[p];
}

/* From when on nobody has it: the lease of the last claim, or when it was given back. 0: always so. */
static bk_ms free_from(const struct log *l)
{
	size_t claim = last(l, BK_CASE_CLAIMED), from = since_close(l), i = claim;

	if (claim == l->n || claim < from)
		return 0;
	while (i < l->n && l->e[i].kind != BK_CASE_RELEASED)
		i++;
	return i < l->n ? at(l, i) + 1 : l->e[claim].until_ms;
}

static bk_ms sla_span(const struct log *l, const struct bk_policy *p)
{
	size_t set = last(l, BK_CASE_URGENCY);
	unsigned urgency = set < l->n && l->e[set].urgency ? l->e[set].urgency : l->e[0].urgency;

	return 1000ull * (urgency == 3 ? p->sla_now_s : urgency == 1 ? p->sla_can_wait_s : p->sla_today_s);
}

static bk_ms naive_sla(const struct log *l, const struct bk_policy *p)
{
	const struct bk_case_event *promise = open_promise(l);
	bk_ms q = waits(l), due, nobody = free_from(l);

	if (!q || is_closed(l) || (promise && promise->at_ms >= q))
		return 0;
	due = q + sla_span(l, p);
	return due > nobody ? due : nobody;
}

static bool hand(const struct bk_case_event *e)
{
	return !question(e) && e->kind != BK_CASE_SEEN;
}

/* The alarm that nobody has touched: an alarm with no hand after it; the first of a row of them. */
static bk_ms untouched_alarm(const struct log *l)
{
	bk_ms found = 0;

	for (size_t i = l->n; i > 0 && !hand(&l->e[i - 1]); i--)
		if (l->e[i - 1].kind == BK_CASE_ALARM)
			found = at(l, i - 1);
	return found;
}

static bool seen_since(const struct log *l, bk_ms alarm)
{
	size_t s = last(l, BK_CASE_SEEN);

	return s < l->n && at(l, s) > alarm;
}

static bool listed(const struct bk_due_list *l, enum bk_due_kind kind, unsigned level, bk_ms since)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].kind == kind && l->v[i].level == level && l->v[i].at_ms == since)
			return true;
	return false;
}

static size_t check_alarm(const struct log *l, const struct bk_policy *p, bk_ms now, const struct bk_due_list *d)
{
	const bk_ms spans[] = {p->alarm_t1_s * 1000ull, p->alarm_t2_s * 1000ull, p->alarm_t3_s * 1000ull};
	bk_ms alarm = untouched_alarm(l);
	size_t n = 0;

	for (unsigned level = 1; alarm && level <= 3; level++) {
		bool reached = now >= alarm + spans[level - 1], more = level < 3 && now >= alarm + spans[level];

		assert_int_equal(listed(d, BK_DUE_ALARM, level, alarm + spans[level - 1]), reached && !more);
		n += reached && !more;
	}
	return n;
}

static void check_own(const struct log *l, const struct bk_policy *p, bk_ms now, const struct bk_due_list *d)
{
	const struct bk_case_event *promise = is_closed(l) ? NULL : open_promise(l);
	bk_ms sla = naive_sla(l, p), remind = 0;
	size_t n = check_alarm(l, p, now, d);
	bool broken = promise && now > promise->until_ms, near;

	assert_int_equal(listed(d, BK_DUE_SLA, 1, sla), sla && now >= sla);
	n += sla && now >= sla;
	if (promise)
		remind = promise->until_ms - p->remind_s * 1000ull;
	if (promise && remind < promise->at_ms)
		remind = promise->at_ms;
	near = promise && now >= remind && !broken;
	assert_int_equal(listed(d, BK_DUE_REMIND, 0, remind), near);
	assert_int_equal(promise && listed(d, BK_DUE_BROKEN, 1, promise->until_ms + 1), broken);
	n += near + broken;
	assert_int_equal(d->n, n);
}

static void check_backup(const struct log *l, const struct bk_policy *p, bk_ms now, const struct bk_due_list *d)
{
	bk_ms alarm = untouched_alarm(l), since = alarm + p->alarm_t2_s * 1000ull;
	bool rings = alarm && !seen_since(l, alarm) && now >= since;

	assert_int_equal(listed(d, BK_DUE_BACKUP, 2, since), rings);
	assert_int_equal(d->n, rings);
}

static bk_ms some_time(const struct log *l)
{
	return BK_SAMPLE_NOW + rnd((unsigned)(at(l, l->n - 1) - BK_SAMPLE_NOW) + 30 * HOUR);
}

static void test_r8_second_formulation(void **state)
{
	struct bk_policy p;

	(void)state;
	bk_policy_default(&p);
	for (unsigned i = 0; i < LOGS; i++) {
		struct bk_case_event v[EVENTS_MAX];
		struct bk_case_state s;
		struct bk_due_list d;
		struct log l;

		make_log(&l);
		memcpy(v, l.e, sizeof v);
		bk_fold(v, l.n, &s);
		for (unsigned k = 0; k < 20; k++) {
			bk_ms now = some_time(&l);

			bk_due_case(&s, false, &p, now, &d);
			check_own(&l, &p, now, &d);
			if (!s.alarm_ms || s.human_ms)
				continue;
			bk_due_case(&s, true, &p, now, &d);
			check_backup(&l, &p, now, &d);
		}
	}
}

static bool same(const struct bk_due_list *a, const struct bk_due_list *b)
{
	for (size_t i = 0; i < a->n; i++)
		if (!listed(b, a->v[i].kind, a->v[i].level, a->v[i].at_ms))
			return false;
	return a->n == b->n;
}

/* Nothing is added before next_ms, something changes at it; so a core that sleeps until then misses nothing. */
static void test_r8_sleeps_until_next(void **state)
{
	struct bk_policy p;

	(void)state;
	bk_policy_default(&p);
	for (unsigned i = 0; i < LOGS; i++) {
		struct bk_case_state s;
		struct bk_due_list now, then;
		struct log l;
		bk_ms t;

		make_log(&l);
		bk_fold(l.e, l.n, &s);
		t = some_time(&l);
		bk_due_case(&s, false, &p, t, &now);
		if (now.next_ms == UINT64_MAX) {
			bk_due_case(&s, false, &p, t + 1000ull * HOUR, &then);
			assert_true(same(&now, &then));
			continue;
		}
		assert_true(now.next_ms > t);
		bk_due_case(&s, false, &p, now.next_ms - 1, &then);
		assert_true(same(&now, &then));
		bk_due_case(&s, false, &p, now.next_ms, &then);
		assert_false(same(&now, &then));
	}
}

/* What a timer said is in force when, and only when, the function still says so at that moment. */
static void test_r8_escalation_folds(void **state)
{
	struct bk_policy p;
	unsigned raised = 0;

	(void)state;
	bk_policy_default(&p);
	for (unsigned i = 0; i < LOGS; i++) {
		struct bk_case_event v[EVENTS_MAX + BK_DUE_MAX];
		struct bk_case_state s, after;
		struct bk_due_list d;
		struct log l;
		size_t n;
		unsigned level = 0;

		make_log(&l);
		memcpy(v, l.e, l.n * sizeof *v);
		n = l.n;
		bk_fold(v, n, &s);
		bk_due_case(&s, false, &p, some_time(&l), &d);
		for (size_t k = 0; k < d.n; k++)
			if (d.v[k].level) {
				v[n++] = (struct bk_case_event){.id = bk_sample_id(900 + (unsigned)k), .kind = BK_CASE_ESCALATED,
					.at_ms = d.v[k].at_ms, .level = d.v[k].level};
				level = d.v[k].level > level ? d.v[k].level : level;
			}
		bk_fold(v, n, &after);
		assert_true(after.level <= level);
		raised += level && after.level == level;
	}
	assert_true(raised > LOGS / 10);
}

/* ---- clocks ---- */

static struct bk_case_state urgent(bk_ms opened)
{
	struct bk_case_event e = {.id = bk_sample_id(1), .kind = BK_CASE_OPENED, .at_ms = opened, .urgency = 3};
	struct bk_case_state s;

	bk_fold(&e, 1, &s);
	return s;
}

/* A clock that is hours off says so at once, in both directions, and forgets it as soon as it is right again. */
static void test_clock_hours_off(void **state)
{
	struct bk_case_state s = urgent(BK_SAMPLE_NOW);
	struct bk_due_list d;
	struct bk_policy p;

	(void)state;
	bk_policy_default(&p);
	bk_due_case(&s, false, &p, BK_SAMPLE_NOW + 3 * HOUR, &d);
	assert_int_equal(d.n, 1);
	bk_due_case(&s, false, &p, BK_SAMPLE_NOW - 3 * HOUR, &d);
	assert_int_equal(d.n, 0);
	assert_int_equal(d.next_ms, BK_SAMPLE_NOW + 5 * MINUTE);
	bk_due_case(&s, false, &p, BK_SAMPLE_NOW + MINUTE, &d);
	assert_int_equal(d.n, 0);
}

/* An hour that the wall clock leaves out or has twice is neither waited for nor saved. */
static void test_daylight_saving(void **state)
{
	const bk_ms edges[] = {1774746000000ull, 1792890000000ull}; /* 29 March and 25 October 2026, 01:00 UTC */
	struct bk_due_list d;
	struct bk_policy p;

	(void)state;
	bk_policy_default(&p);
	for (size_t i = 0; i < 2; i++) {
		struct bk_case_state s = urgent(edges[i] - MINUTE);

		bk_due_case(&s, false, &p, edges[i] + 4 * MINUTE - 1, &d);
		assert_int_equal(d.n, 0);
		bk_due_case(&s, false, &p, edges[i] + 4 * MINUTE, &d);
		assert_int_equal(d.n, 1);
	}
}

/* R14: a drill wakes its own desk once, and never the fall-back desk. */
static void test_r14_drill(void **state)
{
	struct bk_case_event e = {.id = bk_sample_id(1), .kind = BK_CASE_ALARM, .at_ms = BK_SAMPLE_NOW, .drill = true};
	struct bk_case_state s;
	struct bk_due_list d;
	struct bk_policy p;

	(void)state;
	bk_policy_default(&p);
	bk_fold(&e, 1, &s);
	bk_due_case(&s, false, &p, BK_SAMPLE_NOW + HOUR, &d);
	assert_true(listed(&d, BK_DUE_ALARM, 1, BK_SAMPLE_NOW + p.alarm_t1_s * 1000ull));
	bk_due_case(&s, true, &p, BK_SAMPLE_NOW + HOUR, &d);
	assert_int_equal(d.n, 0);
}

/* ---- policy ---- */

static void test_policy(void **state)
{
	Baken__DeskPolicy m = BAKEN__DESK_POLICY__INIT;
	struct bk_policy usual, p, other;

	(void)state;
	bk_policy_default(&usual);
	m.version = 3;
	m.sla_now_s = 120;
	m.remind_s = 5;       /* below the least: the default */
	m.drill_days = 90000; /* above the most */
	bk_policy_read(&m, &p);
	assert_int_equal(p.sla_now_s, 120);
	assert_int_equal(p.remind_s, usual.remind_s);
	assert_int_equal(p.drill_days, usual.drill_days);
	assert_true(bk_policy_newer(&p, &usual));
	assert_false(bk_policy_newer(&usual, &p));
	assert_false(bk_policy_newer(&p, &p));
	other = p;
	other.sla_now_s = 100;
	assert_true(bk_policy_newer(&p, &other) != bk_policy_newer(&other, &p));
	m.alarm_t2_s = 30; /* before t1 */
	bk_policy_read(&m, &p);
	assert_int_equal(p.alarm_t2_s, usual.alarm_t2_s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_r8_second_formulation),
		cmocka_unit_test(test_r8_sleeps_until_next),
		cmocka_unit_test(test_r8_escalation_folds),
		cmocka_unit_test(test_clock_hours_off),
		cmocka_unit_test(test_daylight_saving),
		cmocka_unit_test(test_r14_drill),
		cmocka_unit_test(test_policy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
