/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The fold of a case: the same state whatever the order of arrival and however often an event came, at once or one
 * by one; the order of the board. A second formulation of the fold is in test_fold_naive.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fold.h"
#include "sample.h"

#define EVENTS_MAX 32u
#define LOGS 400u
#define ORDERS 20u

static uint64_t seed = 1;

static unsigned rnd(unsigned n)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (unsigned)(seed >> 33) % n;
}

static bool known(enum bk_case_kind kind)
{
	return kind <= BK_CASE_SEEN || kind >= BK_CASE_MESSAGE;
}

/* A log as life writes it: few times, few devices, so that ties and takeovers happen. */
static size_t make_log(struct bk_case_event *e)
{
	size_t n = 1 + rnd(EVENTS_MAX - 1);

	for (size_t i = 0; i < n; i++) {
		e[i] = (struct bk_case_event){.id = bk_sample_id((unsigned)i), .at_ms = 1000 + rnd(16) * 100,
			.kind = (enum bk_case_kind)rnd(BK_CASE_KINDS), .by = bk_sample_id(50 + rnd(3)),
			.urgency = rnd(4), .attachments = rnd(3), .drill = rnd(2) != 0, .weak = rnd(2) != 0,
			.answers = rnd(2) != 0, .by_hand = rnd(2) != 0, .level = rnd(5)};
		if (!known(e[i].kind) || rnd(4) == 0) /* what turns most on */
			e[i].kind = rnd(2) ? BK_CASE_CLAIMED : rnd(2) ? BK_CASE_CLOSED : BK_CASE_REPLIED;
		e[i].until_ms = e[i].at_ms + 300 * rnd(4);
		if (e[i].kind == BK_CASE_PROMISED && rnd(4) == 0)
			e[i].until_ms = 0;
		if (e[i].kind == BK_CASE_HANDED_OVER)
			e[i].other = bk_sample_id(50 + rnd(3));
	}
	return n;
}

static void shuffle(struct bk_case_event *e, size_t n)
{
	for (size_t i = n; i > 1; i--) {
		size_t k = rnd((unsigned)i);
		struct bk_case_event t = e[k];

		e[k] = e[i - 1];
		e[i - 1] = t;
	}
}

static void assert_same(const struct bk_case_state *a, const struct bk_case_state *b)
{
	assert_int_equal(a->opened, b->opened);
	assert_int_equal(a->closed, b->closed);
	assert_int_equal(a->gone, b->gone);
	assert_int_equal(a->weak << 1 | a->answered, b->weak << 1 | b->answered);
	assert_int_equal(a->alarm << 2 | a->missed << 1 | a->duress, b->alarm << 2 | b->missed << 1 | b->duress);
	assert_int_equal(a->alarm_ended, b->alarm_ended);
	assert_memory_equal(&a->owner, &b->owner, sizeof a->owner);
	assert_int_equal(a->since_ms, b->since_ms);
	assert_int_equal(a->until_ms, b->until_ms);
	assert_int_equal(a->free_ms, b->free_ms);
	assert_memory_equal(&a->rival, &b->rival, sizeof a->rival);
	assert_int_equal(a->rival_until_ms, b->rival_until_ms);
	assert_int_equal(a->opened_ms, b->opened_ms);
	assert_int_equal(a->waiting_ms, b->waiting_ms);
	assert_int_equal(a->last_ms, b->last_ms);
	assert_int_equal(a->closed_ms, b->closed_ms);
	assert_int_equal(a->urgency, b->urgency);
	assert_int_equal(a->set_urgency, b->set_urgency);
	assert_int_equal(a->attachments, b->attachments);
	assert_int_equal(a->promise_ms, b->promise_ms);
	assert_int_equal(a->promised_ms, b->promised_ms);
	assert_int_equal(a->kept, b->kept);
	assert_int_equal(a->broken, b->broken);
	assert_int_equal(a->level, b->level);
	assert_int_equal(a->hand_level, b->hand_level);
	assert_int_equal(a->alarm_ms, b->alarm_ms);
	assert_int_equal(a->human_ms, b->human_ms);
	assert_int_equal(a->seen_ms, b->seen_ms);
	assert_int_equal(a->n_joined, b->n_joined);
	assert_memory_equal(a->joined, b->joined, sizeof a->joined);
	assert_int_equal(a->refused, b->refused);
	assert_int_equal(a->drill, b->drill);
	assert_int_equal(a->mark.at_ms, b->mark.at_ms);
}

static void test_any_order(void **state)
{
	(void)state;
	for (unsigned log = 0; log < LOGS; log++) {
		struct bk_case_event e[EVENTS_MAX], v[2 * EVENTS_MAX];
		struct bk_case_state first, again;
		size_t n = make_log(e);

		memcpy(v, e, n * sizeof *e);
		bk_fold(v, n, &first);
		for (unsigned order = 0; order < ORDERS; order++) {
			size_t m = n;

			memcpy(v, e, n * sizeof *e);
			for (unsigned twice = rnd((unsigned)n + 1); twice; twice--)
				v[m++] = e[rnd((unsigned)n)];
			shuffle(v, m);
			bk_fold(v, m, &again);
			assert_same(&first, &again);
			bk_fold(v, m, &again); /* folding what was folded changes nothing */
			assert_same(&first, &again);
		}
	}
}

/* One more at the end is the same as all again; one from the past is not taken so. */
static void test_next(void **state)
{
	(void)state;
	for (unsigned log = 0; log < LOGS; log++) {
		struct bk_case_event e[EVENTS_MAX], v[EVENTS_MAX];
		struct bk_case_state s = {.opened = false}, all;
		size_t n = make_log(e), in = 0;

		for (size_t i = 0; i < n; i++) {
			bool taken = bk_fold_next(&s, &e[i]);

			in = i + 1;
			memcpy(v, e, in * sizeof *e);
			bk_fold(v, in, &all);
			if (taken)
				assert_same(&s, &all);
			else
				s = all;
		}
	}
}

static void test_empty(void **state)
{
	struct bk_case_state s;

	(void)state;
	bk_fold(NULL, 0, &s);
	assert_false(s.opened || s.closed || s.waiting_ms);
}

static struct bk_board_key make_key(unsigned i)
{
	return (struct bk_board_key){.urgency = rnd(3), .drill = rnd(2) != 0, .closed = rnd(2) != 0,
		.alarm = rnd(4) == 0, .missed = rnd(4) == 0, .duress = rnd(4) == 0, .waiting_ms = rnd(3), .opened_ms = rnd(3), .id = bk_sample_id(i)};
}

static int sign(int n)
{
	return (n > 0) - (n < 0);
}

/* A total order: the board is the same on every screen. */
static void test_board_order(void **state)
{
	struct bk_board_key k[40];

	(void)state;
	for (unsigned i = 0; i < 40; i++)
		k[i] = make_key(i);
	for (unsigned a = 0; a < 40; a++)
		for (unsigned b = 0; b < 40; b++) {
			assert_int_equal(sign(bk_fold_compare(&k[a], &k[b])), -sign(bk_fold_compare(&k[b], &k[a])));
			assert_true((bk_fold_compare(&k[a], &k[b]) == 0) == (a == b));
			for (unsigned c = 0; c < 40; c++)
				if (bk_fold_compare(&k[a], &k[b]) < 0 && bk_fold_compare(&k[b], &k[c]) < 0)
					assert_true(bk_fold_compare(&k[a], &k[c]) < 0);
		}
}

/* Alarm, missed check-in, duress, priority, age; all of it real before any drill (R14). */
static void test_r14_board_first(void **state)
{
	const struct bk_board_key alarm = {.alarm = true, .waiting_ms = 900}, missed = {.missed = true, .waiting_ms = 800},
		duress = {.duress = true, .waiting_ms = 700}, now = {.urgency = 3, .waiting_ms = 500},
		today = {.urgency = 2, .waiting_ms = 100}, younger = {.urgency = 2, .waiting_ms = 200},
		answered = {.urgency = 2}, drill = {.drill = true, .alarm = true, .urgency = 3, .waiting_ms = 1},
		closed = {.closed = true, .alarm = true};
	const struct bk_board_key order[] = {alarm, missed, duress, now, today, younger, answered, drill, closed};

	(void)state;
	for (size_t i = 0; i + 1 < sizeof order / sizeof *order; i++)
		assert_true(bk_fold_compare(&order[i], &order[i + 1]) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_any_order),
		cmocka_unit_test(test_next),
		cmocka_unit_test(test_board_order),
		cmocka_unit_test(test_r14_board_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
