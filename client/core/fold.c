/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fold.h"

#include <stdlib.h>

static int compare_u64(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
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
	return c ? c : (int)a->drill - (int)b->drill;
}

static bool is_question(const struct bk_case_event *e)
{
	return e->kind == BK_CASE_MESSAGE || e->kind == BK_CASE_REOPENED;
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

static void opened(struct bk_case_state *s, const struct bk_case_event *e)
{
	if (s->opened)
		return; /* a case is opened once: the earliest counts */
	s->opened = true;
	s->opened_ms = e->at_ms;
	s->urgency = e->urgency;
	s->drill = e->drill;
	s->attachments += e->attachments;
	if (!s->waiting_ms && !s->closed)
		s->waiting_ms = e->at_ms;
}

/* A lease goes on under the same owner; another takes over, because the server let them. */
static void claimed(struct bk_case_state *s, const struct bk_case_event *e)
{
	if (!bk_id_equal(s->owner, e->by)) {
		s->owner = e->by;
		s->since_ms = e->at_ms;
		s->until_ms = e->until_ms;
		return;
	}
	if (e->until_ms > s->until_ms)
		s->until_ms = e->until_ms;
}

static void drop_owner(struct bk_case_state *s)
{
	memset(&s->owner, 0, sizeof(s->owner));
	s->since_ms = 0;
	s->until_ms = 0;
}

static void closed(struct bk_case_state *s, const struct bk_case_event *e)
{
	s->closed = true;
	s->closed_ms = e->at_ms;
	s->waiting_ms = 0;
	drop_owner(s);
}

/* What asks for an answer opens a closed case again, so that nobody writes into a void. */
static void asks(struct bk_case_state *s, const struct bk_case_event *e)
{
	s->closed = false;
	s->closed_ms = 0;
	s->attachments += e->attachments;
	if (!s->waiting_ms)
		s->waiting_ms = e->at_ms;
}

static void apply(struct bk_case_state *s, const struct bk_case_event *e)
{
	switch (e->kind) {
	case BK_CASE_OPENED:
		opened(s, e);
		break;
	case BK_CASE_CLAIMED:
		claimed(s, e);
		break;
	case BK_CASE_RELEASED:
		if (bk_id_equal(s->owner, e->by))
			drop_owner(s);
		break;
	case BK_CASE_REPLIED:
		s->waiting_ms = 0;
		break;
	case BK_CASE_CLOSED:
		closed(s, e);
		break;
	case BK_CASE_REOPENED:
	case BK_CASE_MESSAGE:
		asks(s, e);
		break;
	case BK_CASE_NOTE:
	case BK_CASE_URGENCY:
	case BK_CASE_PROMISED:
	case BK_CASE_ESCALATED:
	case BK_CASE_HANDED_OVER:
	case BK_CASE_TRANSFERRED:
	case BK_CASE_EXPORTED:
	case BK_CASE_LINKED:
	case BK_CASE_JOINED:
	case BK_CASE_LEFT:
	case BK_CASE_READ:
	case BK_CASE_SEEN:
	case BK_CASE_ALARM:
	case BK_CASE_ALARM_ENDED:
	case BK_CASE_MISSED:
	case BK_CASE_DURESS:
		break;
	case BK_CASE_NONE:
	case BK_CASE_KINDS:
		return;
	}
	if (e->at_ms > s->last_ms)
		s->last_ms = e->at_ms;
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

int bk_fold_compare(const struct bk_board_key *a, const struct bk_board_key *b)
{
	if (a->closed != b->closed)
		return a->closed ? 1 : -1;
	if (a->urgency != b->urgency)
		return a->urgency > b->urgency ? -1 : 1;
	if (a->drill != b->drill)
		return a->drill ? 1 : -1;
	if ((a->waiting_ms != 0) != (b->waiting_ms != 0))
		return a->waiting_ms ? -1 : 1;
	if (a->waiting_ms != b->waiting_ms)
		return a->waiting_ms < b->waiting_ms ? -1 : 1;
	if (a->opened_ms != b->opened_ms)
		return a->opened_ms < b->opened_ms ? -1 : 1;
	return memcmp(a->id.b, b->id.b, BK_ID_BYTES);
}
