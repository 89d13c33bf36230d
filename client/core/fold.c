/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fold.h"

#include <stdlib.h>

static int compare_u64(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static uint64_t flags_of(const struct bk_case_event *e)
{
	return (uint64_t)e->level << 4 | (uint64_t)e->weak << 3 | (uint64_t)e->answers << 2 |
		(uint64_t)e->by_hand << 1 | (uint64_t)e->drill;
}

/* By id first; all else only so that of two events with one id every device keeps the same. */
static int by_id(const void *x, const void *y)
{
	const struct bk_case_event *a = x, *b = y;
	int c = memcmp(a->id.b, b->id.b, BK_ID_BYTES);

	if (!c) /* one that was put aside before stays aside */
		c = (a->kind == BK_CASE_NONE) - (b->kind == BK_CASE_NONE);
	if (!c)
		c = compare_u64(a->at_ms, b->at_ms);
	if (!c)
		c = compare_u64((uint64_t)a->kind, (uint64_t)b->kind);
	if (!c)
		c = memcmp(a->by.b, b->by.b, BK_ID_BYTES);
	if (!c)
		c = compare_u64(a->until_ms, b->until_ms);
	if (!c)
		c = compare_u64(a->urgency, b->urgency);
	if (!c)
		c = compare_u64(a->attachments, b->attachments);
	if (!c)
		c = memcmp(a->other.b, b->other.b, BK_ID_BYTES);
	return c ? c : compare_u64(flags_of(a), flags_of(b));
}

static bool is_question(const struct bk_case_event *e)
{
	return e->kind >= BK_CASE_MESSAGE || e->kind == BK_CASE_REOPENED;
}

/* Of one instant the question comes last: a close that did not know of it does not answer it. */
static int by_time(const void *x, const void *y)
{
	const struct bk_case_event *a = x, *b = y;
	int c = compare_u64(a->at_ms, b->at_ms);

	if (!c)
		c = (int)is_question(a) - (int)is_question(b);
	return c ? c : by_id(x, y);
}

/* ---- what each event does ---- */

static bool leased(const struct bk_case_state *s, bk_ms at)
{
	return !bk_id_is_zero(s->owner) && s->until_ms > at;
}

static bool owns(const struct bk_case_state *s, const struct bk_case_event *e)
{
	return bk_id_equal(s->owner, e->by) && !bk_id_is_zero(e->by);
}

static void refuse(struct bk_case_state *s)
{
	s->refused++;
}

static void opened(struct bk_case_state *s, const struct bk_case_event *e)
{
	if (s->opened)
		return; /* a case is opened once: the earliest counts */
	s->opened = true;
	s->opened_ms = e->at_ms;
	s->urgency = e->urgency;
	s->weak = e->weak;
	s->drill = e->drill;
	s->attachments += e->attachments;
	if (!s->waiting_ms && !s->closed)
		s->waiting_ms = e->at_ms;
}

static void drop_rival(struct bk_case_state *s)
{
	memset(&s->rival, 0, sizeof(s->rival));
	s->rival_since_ms = 0;
	s->rival_until_ms = 0;
}

static void drop_owner(struct bk_case_state *s)
{
	memset(&s->owner, 0, sizeof(s->owner));
	s->since_ms = 0;
	s->until_ms = 0;
}

static void own(struct bk_case_state *s, bk_id device, bk_ms since, bk_ms until)
{
	s->owner = device;
	s->since_ms = since;
	s->until_ms = until;
	s->free_ms = 0;
	s->level = 0;
	drop_rival(s);
}

/* A lease goes on under the same owner; another takes over once it has run out. */
static void claimed(struct bk_case_state *s, const struct bk_case_event *e)
{
	if (owns(s, e)) {
		if (e->until_ms > s->until_ms)
			s->until_ms = e->until_ms;
		s->level = 0;
	} else if (!leased(s, e->at_ms)) {
		own(s, e->by, e->at_ms, e->until_ms);
	} else {
		s->rival = e->by;
		s->rival_since_ms = e->at_ms;
		s->rival_until_ms = e->until_ms;
		refuse(s);
	}
}

static void released(struct bk_case_state *s, const struct bk_case_event *e)
{
	if (owns(s, e) && s->rival_until_ms > e->at_ms) {
		own(s, s->rival, s->rival_since_ms, s->rival_until_ms);
	} else if (owns(s, e)) {
		drop_owner(s);
		drop_rival(s);
		s->free_ms = e->at_ms;
	} else if (bk_id_equal(s->rival, e->by)) {
		drop_rival(s);
	} else {
		refuse(s);
	}
}

static void handed_over(struct bk_case_state *s, const struct bk_case_event *e)
{
	if ((!owns(s, e) && leased(s, e->at_ms)) || bk_id_is_zero(e->other))
		refuse(s);
	else
		own(s, e->other, e->at_ms, e->until_ms ? e->until_ms : e->at_ms + BK_LEASE_MS);
}

/* A reply keeps a promise or comes too late for it. */
static void settle_promise(struct bk_case_state *s, bk_ms at)
{
	if (s->promise_ms && at <= s->promise_ms)
		s->kept++;
	else if (s->promise_ms)
		s->broken++;
	s->promise_ms = 0;
	s->promised_ms = 0;
	memset(&s->promised_by, 0, sizeof(s->promised_by));
}

static void replied(struct bk_case_state *s, const struct bk_case_event *e)
{
	s->waiting_ms = 0;
	s->level = 0;
	s->answered = s->answered || e->answers;
	settle_promise(s, e->at_ms);
}

static void ended(struct bk_case_state *s, const struct bk_case_event *e)
{
	s->closed = true;
	s->closed_ms = e->at_ms;
	s->waiting_ms = 0;
	s->alarm = s->missed = s->duress = s->alarm_ended = false;
	s->alarm_ms = s->human_ms = s->seen_ms = 0;
	s->level = s->hand_level = 0;
	memset(s->joined, 0, sizeof(s->joined));
	s->n_joined = 0;
	settle_promise(s, e->at_ms);
	drop_owner(s);
	drop_rival(s);
}

static void closed(struct bk_case_state *s, const struct bk_case_event *e)
{
	if (owns(s, e) && (!s->weak || s->answered))
		ended(s, e);
	else
		refuse(s);
}

static void transferred(struct bk_case_state *s, const struct bk_case_event *e)
{
	ended(s, e);
	s->gone = true;
}

/* What asks for an answer opens a closed case again, so that nobody writes into a void. */
static void asks(struct bk_case_state *s, const struct bk_case_event *e)
{
	s->closed = false;
	s->gone = false;
	s->closed_ms = 0;
	s->answered = false;
	s->attachments += e->attachments;
	if (!s->waiting_ms)
		s->waiting_ms = e->at_ms;
}

/* Real danger in a case that began as a drill makes it real. */
static void raises(struct bk_case_state *s, const struct bk_case_event *e)
{
	if (!s->opened) {
		s->opened = true;
		s->opened_ms = e->at_ms;
		s->urgency = e->urgency;
		s->drill = e->drill;
	}
	asks(s, e);
	s->drill = s->drill && e->drill;
	if (e->kind == BK_CASE_DURESS) {
		s->duress = true;
		return;
	}
	s->alarm = s->alarm || e->kind == BK_CASE_ALARM;
	s->missed = s->missed || e->kind == BK_CASE_MISSED;
	s->alarm_ended = false;
	if (!s->alarm_ms || s->human_ms) {
		s->alarm_ms = e->at_ms;
		s->human_ms = 0;
		s->seen_ms = 0;
	}
}

static void promised(struct bk_case_state *s, const struct bk_case_event *e)
{
	if (e->until_ms && e->until_ms <= e->at_ms) {
		refuse(s);
		return;
	}
	if (s->promise_ms && e->at_ms > s->promise_ms)
		s->broken++;
	s->promise_ms = e->until_ms;
	s->promised_ms = e->until_ms ? e->at_ms : 0;
	s->promised_by = e->until_ms ? e->by : (bk_id){ { 0 } };
}

/* A timer that did not know of an answer or a claim escalates nothing (R8). */
static void escalated(struct bk_case_state *s, const struct bk_case_event *e)
{
	bool waits = s->waiting_ms && !leased(s, e->at_ms);
	bool broken = s->promise_ms && s->promise_ms < e->at_ms;
	bool alarm = s->alarm_ms && !s->human_ms;

	if (!e->level || e->level > 3 || s->closed)
		refuse(s);
	else if (e->by_hand && e->level > s->hand_level)
		s->hand_level = e->level;
	else if (!e->by_hand && e->level > s->level && (waits || broken || alarm))
		s->level = e->level;
}

static void joined(struct bk_case_state *s, const struct bk_case_event *e)
{
	if (bk_fold_joined(s, e->by) || s->closed)
		return;
	if (s->n_joined < BK_CASE_JOINED_MAX)
		s->joined[s->n_joined++] = e->by;
	else
		refuse(s);
}

static void left(struct bk_case_state *s, const struct bk_case_event *e)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->n_joined; i++)
		if (!bk_id_equal(s->joined[i], e->by))
			s->joined[n++] = s->joined[i];
	for (unsigned i = n; i < s->n_joined; i++)
		memset(&s->joined[i], 0, sizeof(s->joined[i]));
	s->n_joined = n;
}

static void alarm_ended(struct bk_case_state *s, const struct bk_case_event *e)
{
	(void)e;
	s->alarm_ended = s->alarm_ms != 0;
}

static void seen(struct bk_case_state *s, const struct bk_case_event *e)
{
	if (s->alarm_ms && !s->seen_ms)
		s->seen_ms = e->at_ms;
}

static void set_urgency(struct bk_case_state *s, const struct bk_case_event *e)
{
	s->set_urgency = e->urgency;
}

/* Only looked at, or only in the log. */
static void keeps(struct bk_case_state *s, const struct bk_case_event *e)
{
	(void)s;
	(void)e;
}

static const struct {
	void (*apply)(struct bk_case_state *s, const struct bk_case_event *e);
	bool human; /* an officer's hand: somebody is awake */
	bool quiet; /* nothing happened to the case by it */
} kinds[BK_CASE_KINDS] = {
	[BK_CASE_OPENED] = { opened, false, false },
	[BK_CASE_CLAIMED] = { claimed, true, false },
	[BK_CASE_RELEASED] = { released, true, false },
	[BK_CASE_REPLIED] = { replied, true, false },
	[BK_CASE_NOTE] = { keeps, true, false },
	[BK_CASE_CLOSED] = { closed, true, false },
	[BK_CASE_REOPENED] = { asks, true, false },
	[BK_CASE_URGENCY] = { set_urgency, true, false },
	[BK_CASE_PROMISED] = { promised, true, false },
	[BK_CASE_ESCALATED] = { escalated, false, false },
	[BK_CASE_HANDED_OVER] = { handed_over, true, false },
	[BK_CASE_TRANSFERRED] = { transferred, true, false },
	[BK_CASE_EXPORTED] = { keeps, true, false },
	[BK_CASE_LINKED] = { keeps, false, false },
	[BK_CASE_JOINED] = { joined, true, false },
	[BK_CASE_LEFT] = { left, false, false },
	[BK_CASE_READ] = { keeps, true, true },
	[BK_CASE_SEEN] = { seen, false, true },
	[BK_CASE_MESSAGE] = { asks, false, false },
	[BK_CASE_ALARM] = { raises, false, false },
	[BK_CASE_ALARM_ENDED] = { alarm_ended, false, false },
	[BK_CASE_DURESS] = { raises, false, false },
	[BK_CASE_MISSED] = { raises, false, false },
};

static void apply(struct bk_case_state *s, const struct bk_case_event *e)
{
	if ((unsigned)e->kind >= BK_CASE_KINDS || !kinds[e->kind].apply)
		return;
	kinds[e->kind].apply(s, e);
	if (kinds[e->kind].human && s->alarm_ms && !s->human_ms)
		s->human_ms = e->at_ms;
	if (!kinds[e->kind].quiet && e->at_ms > s->last_ms)
		s->last_ms = e->at_ms;
	s->mark = (struct bk_case_mark){ .at_ms = e->at_ms, .question = is_question(e), .id = e->id };
}

int bk_fold_order(const struct bk_case_event *a, const struct bk_case_event *b)
{
	return by_time(a, b);
}

bool bk_fold_next(struct bk_case_state *s, const struct bk_case_event *e)
{
	int c = compare_u64(e->at_ms, s->mark.at_ms);

	if (!c)
		c = (int)is_question(e) - (int)s->mark.question;
	if (!c)
		c = memcmp(e->id.b, s->mark.id.b, BK_ID_BYTES);
	if (c <= 0)
		return false;
	apply(s, e);
	return true;
}

void bk_fold(struct bk_case_event *events, size_t n, struct bk_case_state *ret_state)
{
	struct bk_case_state s = { .opened = false };

	if (n) {
		qsort(events, n, sizeof(*events), by_id);
		for (size_t i = n - 1; i > 0; i--)
			if (bk_id_equal(events[i].id, events[i - 1].id))
				events[i].kind = BK_CASE_NONE;
		qsort(events, n, sizeof(*events), by_time);
	}
	for (size_t i = 0; i < n; i++)
		apply(&s, &events[i]);
	*ret_state = s;
}

bool bk_fold_held(const struct bk_case_state *s, bk_ms now)
{
	return leased(s, now);
}

unsigned bk_fold_urgency(const struct bk_case_state *s)
{
	unsigned urgency = s->set_urgency ? s->set_urgency : s->urgency;

	return urgency ? urgency : 2;
}

unsigned bk_fold_level(const struct bk_case_state *s)
{
	return s->level > s->hand_level ? s->level : s->hand_level;
}

bool bk_fold_joined(const struct bk_case_state *s, bk_id device)
{
	for (unsigned i = 0; i < s->n_joined; i++)
		if (bk_id_equal(s->joined[i], device))
			return true;
	return false;
}

/* Of two that differ in a flag, `true` first. */
static int first(bool a, bool b)
{
	return (int)b - (int)a;
}

int bk_fold_compare(const struct bk_board_key *a, const struct bk_board_key *b)
{
	int c = first(b->closed, a->closed);

	if (!c)
		c = first(b->drill, a->drill);
	if (!c)
		c = first(a->alarm, b->alarm);
	if (!c)
		c = first(a->missed, b->missed);
	if (!c)
		c = first(a->duress, b->duress);
	if (!c)
		c = compare_u64(b->urgency, a->urgency);
	if (!c)
		c = first(a->waiting_ms != 0, b->waiting_ms != 0);
	if (!c)
		c = compare_u64(a->waiting_ms, b->waiting_ms);
	if (!c)
		c = compare_u64(a->opened_ms, b->opened_ms);
	return c ? c : memcmp(a->id.b, b->id.b, BK_ID_BYTES);
}
