/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "due.h"

#define SECOND 1000u

/* By now: in the list. Later: when to look again. */
static void add(struct bk_due_list *l, bk_ms now, enum bk_due_kind kind, unsigned level, bk_ms at)
{
	if (at <= now)
		l->v[l->n++] = (struct bk_due){ .kind = kind, .level = level, .at_ms = at };
	else if (at < l->next_ms)
		l->next_ms = at;
}

static bk_ms later(bk_ms a, bk_ms b)
{
	return a > b ? a : b;
}

static bk_ms span_of(const struct bk_case_state *s, const struct bk_policy *p)
{
	const uint32_t spans[] = { p->sla_today_s, p->sla_can_wait_s, p->sla_today_s, p->sla_now_s };
	unsigned urgency = bk_fold_urgency(s);

	return (bk_ms)spans[urgency < 4 ? urgency : 3] * SECOND;
}

bk_ms bk_due_sla(const struct bk_case_state *s, const struct bk_policy *p)
{
	return s->waiting_ms && !s->closed ? s->waiting_ms + span_of(s, p) : 0;
}

/* While somebody has it, their lease; a contact that was promised since stands in its place. */
static void sla(const struct bk_case_state *s, const struct bk_policy *p, bk_ms now, struct bk_due_list *l)
{
	bk_ms at = bk_due_sla(s, p);

	if (!at || (s->promise_ms && s->promised_ms >= s->waiting_ms))
		return;
	if (!bk_id_is_zero(s->owner))
		at = later(at, s->until_ms);
	else if (s->free_ms)
		at = later(at, s->free_ms + 1);
	add(l, now, BK_DUE_SLA, 1, at);
}

static void promise(const struct bk_case_state *s, const struct bk_policy *p, bk_ms now, struct bk_due_list *l)
{
	bk_ms before = (bk_ms)p->remind_s * SECOND, at = 0;

	if (!s->promise_ms)
		return;
	at = s->promise_ms > before ? s->promise_ms - before : 0;
	if (now <= s->promise_ms)
		add(l, now, BK_DUE_REMIND, 0, later(at, s->promised_ms));
	add(l, now, BK_DUE_BROKEN, 1, s->promise_ms + 1);
}

/* The highest level that is reached, and the next. A drill wakes this desk and goes no further (R14). */
static void alarm(const struct bk_case_state *s, const struct bk_policy *p, bk_ms now, struct bk_due_list *l)
{
	const uint32_t spans[] = { p->alarm_t1_s, p->alarm_t2_s, p->alarm_t3_s };
	unsigned levels = s->drill ? 1 : 3, reached = 0;

	if (!s->alarm_ms || s->human_ms)
		return;
	while (reached < levels && s->alarm_ms + (bk_ms)spans[reached] * SECOND <= now)
		reached++;
	if (reached)
		add(l, now, BK_DUE_ALARM, reached, s->alarm_ms + (bk_ms)spans[reached - 1] * SECOND);
	if (reached < levels)
		add(l, now, BK_DUE_ALARM, reached + 1, s->alarm_ms + (bk_ms)spans[reached] * SECOND);
}

static void backup_of(const struct bk_case_state *s, const struct bk_policy *p, bk_ms now, struct bk_due_list *l)
{
	if (s->alarm_ms && !s->seen_ms && !s->human_ms && !s->drill)
		add(l, now, BK_DUE_BACKUP, 2, s->alarm_ms + (bk_ms)p->alarm_t2_s * SECOND);
}

void bk_due_case(const struct bk_case_state *s, bool backup, const struct bk_policy *p, bk_ms now,
	struct bk_due_list *ret_list)
{
	struct bk_due_list l = { .next_ms = UINT64_MAX };

	if (s->closed || !s->opened) {
		*ret_list = l;
		return;
	}
	if (backup && !s->human_ms) {
		backup_of(s, p, now, &l);
	} else {
		alarm(s, p, now, &l);
		sla(s, p, now, &l);
		promise(s, p, now, &l);
	}
	*ret_list = l;
}

const char *bk_due_word(enum bk_due_kind kind)
{
	static const char *const words[BK_DUE_KINDS] = { "", "sla", "remind", "broken", "alarm", "backup" };

	return (unsigned)kind < BK_DUE_KINDS ? words[kind] : "";
}
