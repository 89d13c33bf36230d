/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The fold of a case against a second formulation that looks at the whole sorted log for each question (R8), and
 * what has no right to happen: claims over a running lease, closing what is not one's own, a gut feeling without an
 * answer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fold.h"
#include "sample.h"

#define EVENTS_MAX 32u
#define LOGS 8000u

static uint64_t seed = 7;

static unsigned rnd(unsigned n)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (unsigned)(seed >> 33) % n;
}

static const enum bk_case_kind often[] = {BK_CASE_CLAIMED, BK_CASE_CLOSED, BK_CASE_REPLIED, BK_CASE_PROMISED,
	BK_CASE_RELEASED, BK_CASE_ALARM, BK_CASE_MESSAGE, BK_CASE_ESCALATED};

static size_t make_log(struct bk_case_event *e)
{
	size_t n = 1 + rnd(EVENTS_MAX - 1);

	for (size_t i = 0; i < n; i++) {
		e[i] = (struct bk_case_event){.id = bk_sample_id((unsigned)i), .at_ms = 1000 + rnd(16) * 100,
			.kind = (enum bk_case_kind)(1 + rnd(BK_CASE_SEEN)), .by = bk_sample_id(50 + rnd(3)),
			.urgency = rnd(4), .attachments = rnd(3), .drill = rnd(2) != 0, .weak = rnd(2) != 0,
			.answers = rnd(2) != 0, .by_hand = rnd(2) != 0, .level = rnd(5)};
		if (rnd(2))
			e[i].kind = often[rnd(sizeof often / sizeof *often)];
		else if (rnd(4) == 0)
			e[i].kind = (enum bk_case_kind)(BK_CASE_MESSAGE + rnd(BK_CASE_KINDS - BK_CASE_MESSAGE));
		e[i].until_ms = rnd(8) ? e[i].at_ms + 300 * rnd(4) : 0;
		if (e[i].kind == BK_CASE_HANDED_OVER && rnd(8))
			e[i].other = bk_sample_id(50 + rnd(3));
	}
	return n;
}

/* ---- the second formulation: a log in order, what had effect, and one question at a time ---- */

struct log {
	struct bk_case_event e[EVENTS_MAX];
	size_t n;
	bool end[EVENTS_MAX];  /* it closed or transferred */
	bool reset[EVENTS_MAX]; /* somebody took care: timers' levels fall */
	bk_id owner[EVENTS_MAX + 1]; /* before event i */
	bk_ms until[EVENTS_MAX + 1], since[EVENTS_MAX + 1];
};

static bool asks(const struct bk_case_event *e)
{
	return e->kind == BK_CASE_REOPENED || e->kind == BK_CASE_MESSAGE || e->kind == BK_CASE_ALARM ||
	       e->kind == BK_CASE_DURESS || e->kind == BK_CASE_MISSED;
}

static bool rings(const struct bk_case_event *e)
{
	return e->kind == BK_CASE_ALARM || e->kind == BK_CASE_MISSED;
}

static bool late(const struct bk_case_event *e)
{
	return asks(e) || e->kind == BK_CASE_ALARM_ENDED;
}

static bool opens(const struct bk_case_event *e)
{
	return e->kind == BK_CASE_OPENED || rings(e) || e->kind == BK_CASE_DURESS;
}

static bool awake(const struct bk_case_event *e)
{
	static const enum bk_case_kind hands[] = {BK_CASE_CLAIMED, BK_CASE_RELEASED, BK_CASE_REPLIED, BK_CASE_NOTE,
		BK_CASE_CLOSED, BK_CASE_REOPENED, BK_CASE_URGENCY, BK_CASE_PROMISED, BK_CASE_HANDED_OVER, BK_CASE_TRANSFERRED,
		BK_CASE_EXPORTED, BK_CASE_JOINED, BK_CASE_READ};

	for (size_t i = 0; i < sizeof hands / sizeof *hands; i++)
		if (e->kind == hands[i])
			return true;
	return false;
}

static bool before(const struct bk_case_event *a, const struct bk_case_event *b)
{
	if (a->at_ms != b->at_ms)
		return a->at_ms < b->at_ms;
	return late(a) != late(b) ? late(b) : memcmp(a->id.b, b->id.b, BK_ID_BYTES) < 0;
}

static void sort(struct bk_case_event *e, size_t n)
{
	for (size_t i = 1; i < n; i++)
		for (size_t k = i; k && before(&e[k], &e[k - 1]); k--) {
			struct bk_case_event t = e[k];

			e[k] = e[k - 1];
			e[k - 1] = t;
		}
}

static size_t opener(const struct log *l)
{
	size_t i = 0;

	while (i < l->n && !opens(&l->e[i]))
		i++;
	return i;
}

/* A gut feeling that nobody has answered since it last asked. */
static bool owes_words(const struct log *l, size_t i)
{
	size_t o = opener(l);
	bool answered = false;

	if (o >= i || l->e[o].kind != BK_CASE_OPENED || !l->e[o].weak)
		return false;
	for (size_t k = 0; k < i; k++)
		answered = asks(&l->e[k]) ? false : answered || (l->e[k].kind == BK_CASE_REPLIED && l->e[k].answers);
	return !answered;
}

/* The claim that stood in line when the owner released it: the last one over a running lease, not taken back. */
static size_t in_line(const struct log *l, size_t i)
{
	for (size_t k = i; k > 0; k--) {
		const struct bk_case_event *e = &l->e[k - 1];
		bool changed = !bk_id_equal(l->owner[k], l->owner[k - 1]) || l->end[k - 1];
		bool back = false;

		if (changed || (e->kind == BK_CASE_HANDED_OVER && l->since[k] != l->since[k - 1]))
			return i;
		if (e->kind != BK_CASE_CLAIMED || bk_id_equal(e->by, l->owner[k - 1]))
			continue;
		for (size_t r = k; r < i; r++)
			back = back || (l->e[r].kind == BK_CASE_RELEASED && bk_id_equal(l->e[r].by, e->by));
		return back || e->until_ms <= l->e[i].at_ms ? i : k - 1;
	}
	return i;
}

static void hold(struct log *l, size_t i, bk_id owner, bk_ms since, bk_ms until)
{
	l->owner[i + 1] = owner;
	l->since[i + 1] = since;
	l->until[i + 1] = until;
}

static void who_holds(struct log *l)
{
	const bk_id nobody = {{0}};

	for (size_t i = 0; i < l->n; i++) {
		const struct bk_case_event *e = &l->e[i];
		bool mine = bk_id_equal(l->owner[i], e->by), runs = !bk_id_is_zero(l->owner[i]) && l->until[i] > e->at_ms;
		size_t next = in_line(l, i);

		hold(l, i, l->owner[i], l->since[i], l->until[i]);
		l->end[i] = e->kind == BK_CASE_TRANSFERRED || (e->kind == BK_CASE_CLOSED && mine && !owes_words(l, i));
		if (l->end[i])
			hold(l, i, nobody, 0, 0);
		else if (e->kind == BK_CASE_CLAIMED && mine)
			hold(l, i, e->by, l->since[i], e->until_ms > l->until[i] ? e->until_ms : l->until[i]);
		else if (e->kind == BK_CASE_CLAIMED && !runs)
			hold(l, i, e->by, e->at_ms, e->until_ms);
		else if (e->kind == BK_CASE_HANDED_OVER && (mine || !runs) && !bk_id_is_zero(e->other))
			hold(l, i, e->other, e->at_ms, e->until_ms ? e->until_ms : e->at_ms + BK_LEASE_MS);
		else if (e->kind == BK_CASE_RELEASED && mine && next < i)
			hold(l, i, l->e[next].by, l->e[next].at_ms, l->e[next].until_ms);
		else if (e->kind == BK_CASE_RELEASED && mine)
			hold(l, i, nobody, 0, 0);
		l->reset[i] = l->end[i] || e->kind == BK_CASE_REPLIED ||
			      (e->kind == BK_CASE_CLAIMED && bk_id_equal(l->owner[i + 1], e->by)) ||
			      (e->kind == BK_CASE_HANDED_OVER && (mine || !runs) && !bk_id_is_zero(e->other)) ||
			      (e->kind == BK_CASE_RELEASED && mine && next < i);
	}
}

static size_t after_end(const struct log *l)
{
	size_t i = l->n;

	while (i && !l->end[i - 1])
		i--;
	return i;
}

static bool naive_closed(const struct log *l, size_t n)
{
	for (size_t i = n; i > 0; i--)
		if (l->end[i - 1] || asks(&l->e[i - 1]))
			return l->end[i - 1];
	return false;
}

/* The oldest question that came after the last reply or end. */
static bk_ms naive_waiting(const struct log *l, size_t n)
{
	size_t from = n, open = opener(l);

	while (from && l->e[from - 1].kind != BK_CASE_REPLIED && !l->end[from - 1])
		from--;
	for (size_t i = from; i < n; i++)
		if (asks(&l->e[i]) || (i == open && !naive_closed(l, i)))
			return l->e[i].at_ms;
	return 0;
}

/* The promise that stands after n events: the last valid one, unless something came after it that settles it. */
static bk_ms naive_promise(const struct log *l, size_t n)
{
	for (size_t i = n; i > 0; i--) {
		const struct bk_case_event *e = &l->e[i - 1];

		if (l->end[i - 1] || e->kind == BK_CASE_REPLIED)
			return 0;
		if (e->kind == BK_CASE_PROMISED && (!e->until_ms || e->until_ms > e->at_ms))
			return e->until_ms;
	}
	return 0;
}

static void naive_promises(const struct log *l, unsigned *kept, unsigned *broken)
{
	*kept = *broken = 0;
	for (size_t i = 0; i < l->n; i++) {
		const struct bk_case_event *e = &l->e[i];
		bk_ms open = naive_promise(l, i);
		bool settles = l->end[i] || e->kind == BK_CASE_REPLIED;
		bool moves = e->kind == BK_CASE_PROMISED && (!e->until_ms || e->until_ms > e->at_ms);

		*kept += open && settles && e->at_ms <= open;
		*broken += open && (settles || moves) && e->at_ms > open;
	}
}

/* The alarm that runs began with the first one after the last end or after the last that somebody touched. */
static void naive_alarm(const struct log *l, size_t n, bk_ms *alarm, bk_ms *human)
{
	size_t from = 0;

	*alarm = *human = 0;
	for (size_t i = 0; i < n; i++)
		from = l->end[i] ? i + 1 : from;
	for (size_t i = from; i < n; i++) {
		if (rings(&l->e[i]) && (!*alarm || *human)) {
			*alarm = l->e[i].at_ms;
			*human = 0;
		} else if (awake(&l->e[i]) && *alarm && !*human) {
			*human = l->e[i].at_ms;
		}
	}
}

static unsigned naive_level(const struct log *l, bool by_hand)
{
	unsigned level = 0;

	for (size_t i = l->n; i > 0; i--) {
		const struct bk_case_event *e = &l->e[i - 1];
		bk_ms alarm, human, promise = naive_promise(l, i - 1);
		bool runs = !bk_id_is_zero(l->owner[i - 1]) && l->until[i - 1] > e->at_ms;

		naive_alarm(l, i - 1, &alarm, &human);
		if (by_hand ? l->end[i - 1] : l->reset[i - 1])
			break;
		if (e->kind != BK_CASE_ESCALATED || e->by_hand != by_hand || e->level > 3 || naive_closed(l, i - 1))
			continue;
		if (by_hand || (naive_waiting(l, i - 1) && !runs) || (promise && promise < e->at_ms) || (alarm && !human))
			level = e->level > level ? e->level : level;
	}
	return level;
}

static bool naive_joined(const struct log *l, bk_id device)
{
	bool in = false;

	for (size_t i = after_end(l); i < l->n; i++)
		if (bk_id_equal(l->e[i].by, device))
			in = l->e[i].kind == BK_CASE_LEFT ? false :
			     l->e[i].kind == BK_CASE_JOINED ? in || !naive_closed(l, i) : in;
	return in;
}

static void check_flags(const struct log *l, const struct bk_case_state *s)
{
	bool alarm = false, missed = false, duress = false, drill = false;
	size_t open = opener(l);
	unsigned set = 0;

	for (size_t i = after_end(l); i < l->n; i++) {
		alarm = alarm || l->e[i].kind == BK_CASE_ALARM;
		missed = missed || l->e[i].kind == BK_CASE_MISSED;
		duress = duress || l->e[i].kind == BK_CASE_DURESS;
	}
	for (size_t i = 0; i < l->n; i++) {
		set = l->e[i].kind == BK_CASE_URGENCY ? l->e[i].urgency : set;
		drill = i == open ? l->e[i].drill : drill;
		drill = i > open && opens(&l->e[i]) && l->e[i].kind != BK_CASE_OPENED ? drill && l->e[i].drill : drill;
	}
	assert_int_equal(s->alarm, alarm);
	assert_int_equal(s->missed, missed);
	assert_int_equal(s->duress, duress);
	assert_int_equal(s->drill, drill);
	assert_int_equal(s->set_urgency, set);
}

static void check_log(const struct log *l, const struct bk_case_state *s)
{
	size_t open = opener(l), attachments = 0;
	unsigned kept, broken, along = 0;
	bk_ms alarm, human;

	assert_int_equal(s->opened, open < l->n);
	assert_int_equal(s->opened_ms, open < l->n ? l->e[open].at_ms : 0);
	assert_int_equal(s->urgency, open < l->n ? l->e[open].urgency : 0);
	assert_int_equal(s->closed, naive_closed(l, l->n));
	assert_memory_equal(&s->owner, &l->owner[l->n], sizeof s->owner);
	assert_int_equal(s->until_ms, l->until[l->n]);
	assert_int_equal(s->since_ms, l->since[l->n]);
	assert_int_equal(s->waiting_ms, naive_waiting(l, l->n));
	assert_int_equal(s->promise_ms, naive_promise(l, l->n));
	naive_promises(l, &kept, &broken);
	assert_int_equal(s->kept, kept);
	assert_int_equal(s->broken, broken);
	naive_alarm(l, l->n, &alarm, &human);
	assert_int_equal(s->alarm_ms, alarm);
	assert_int_equal(s->human_ms, human);
	assert_int_equal(s->level, naive_level(l, false));
	assert_int_equal(s->hand_level, naive_level(l, true));
	for (unsigned d = 50; d < 53; d++) {
		assert_int_equal(bk_fold_joined(s, bk_sample_id(d)), naive_joined(l, bk_sample_id(d)));
		along += naive_joined(l, bk_sample_id(d));
	}
	assert_int_equal(s->n_joined, along);
	for (size_t i = 0; i < l->n; i++)
		attachments += asks(&l->e[i]) || (i == open && l->e[i].kind == BK_CASE_OPENED) ? l->e[i].attachments : 0;
	assert_int_equal(s->attachments, attachments);
	check_flags(l, s);
}

static void test_r8_second_formulation(void **state)
{
	(void)state;
	for (unsigned i = 0; i < LOGS; i++) {
		struct bk_case_event v[EVENTS_MAX];
		struct log l = {.n = 0};
		struct bk_case_state s;

		l.n = make_log(l.e);
		memcpy(v, l.e, l.n * sizeof *l.e);
		bk_fold(v, l.n, &s);
		sort(l.e, l.n);
		who_holds(&l);
		check_log(&l, &s);
	}
}

/* ---- rights ---- */

static struct bk_case_state folded(struct bk_case_event *e, size_t n)
{
	struct bk_case_state s;

	for (size_t i = 0; i < n; i++)
		e[i].id = bk_sample_id((unsigned)i);
	bk_fold(e, n, &s);
	return s;
}

#define A bk_sample_id(50)
#define B bk_sample_id(51)

static void test_claim_of_anothers_case(void **state)
{
	struct bk_case_event e[] = {
		{.kind = BK_CASE_OPENED, .at_ms = 1000},
		{.kind = BK_CASE_CLAIMED, .at_ms = 2000, .by = A, .until_ms = 602000},
		{.kind = BK_CASE_CLAIMED, .at_ms = 3000, .by = B, .until_ms = 603000},
		{.kind = BK_CASE_CLOSED, .at_ms = 4000, .by = B},
		{.kind = BK_CASE_RELEASED, .at_ms = 5000, .by = A},
	};
	struct bk_case_state s = folded(e, 4);

	(void)state;
	assert_true(bk_id_equal(s.owner, A));
	assert_false(s.closed);
	assert_int_equal(s.refused, 2);
	s = folded(e, 5); /* a claim that the server did give: clocks were off, and the release shows it */
	assert_true(bk_id_equal(s.owner, B));
	assert_int_equal(s.until_ms, 603000);
}

static void test_lease_over(void **state)
{
	struct bk_case_event e[] = {
		{.kind = BK_CASE_OPENED, .at_ms = 1000},
		{.kind = BK_CASE_CLAIMED, .at_ms = 2000, .by = A, .until_ms = 3000},
		{.kind = BK_CASE_CLAIMED, .at_ms = 3000, .by = B, .until_ms = 4000},
	};
	struct bk_case_state s = folded(e, 3);

	(void)state;
	assert_true(bk_id_equal(s.owner, B));
	assert_int_equal(s.refused, 0);
}

static void test_gut_feeling_needs_words(void **state)
{
	struct bk_case_event e[] = {
		{.kind = BK_CASE_OPENED, .at_ms = 1000, .weak = true},
		{.kind = BK_CASE_CLAIMED, .at_ms = 2000, .by = A, .until_ms = 602000},
		{.kind = BK_CASE_REPLIED, .at_ms = 3000, .by = A},
		{.kind = BK_CASE_CLOSED, .at_ms = 4000, .by = A},
		{.kind = BK_CASE_REPLIED, .at_ms = 5000, .by = B, .answers = true},
		{.kind = BK_CASE_CLOSED, .at_ms = 6000, .by = A},
	};

	(void)state;
	assert_false(folded(e, 4).closed);
	assert_true(folded(e, 6).closed);
}

static void test_many_officers(void **state)
{
	struct bk_case_event e[BK_CASE_JOINED_MAX + 3] = {{.kind = BK_CASE_OPENED, .at_ms = 1000}};
	struct bk_case_state s;

	(void)state;
	for (unsigned i = 1; i < BK_CASE_JOINED_MAX + 3; i++)
		e[i] = (struct bk_case_event){.kind = BK_CASE_JOINED, .at_ms = 1000 + i, .by = bk_sample_id(100 + i)};
	s = folded(e, BK_CASE_JOINED_MAX + 3);
	assert_int_equal(s.n_joined, BK_CASE_JOINED_MAX);
	assert_int_equal(s.refused, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_r8_second_formulation),
		cmocka_unit_test(test_claim_of_anothers_case),
		cmocka_unit_test(test_lease_over),
		cmocka_unit_test(test_gut_feeling_needs_words),
		cmocka_unit_test(test_many_officers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
