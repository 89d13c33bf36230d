/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The fold of a case: the same state whatever the order of arrival and however often an event came, and the same
 * as a second formulation that looks at the whole log for each question (R8).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fold.h"
#include "sample.h"

#define EVENTS_MAX 24u
#define LOGS 400u
#define ORDERS 20u

static uint64_t seed = 1;

static unsigned rnd(unsigned n)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (unsigned)(seed >> 33) % n;
}

/* A log as life writes it: few times, few devices, so that ties and takeovers happen. */
static size_t make_log(struct bk_case_event *e)
{
	size_t n = 1 + rnd(EVENTS_MAX - 1);

	for (size_t i = 0; i < n; i++) {
		e[i] = (struct bk_case_event){.id = bk_sample_id((unsigned)i), .at_ms = 1000 + rnd(12) * 100,
			.kind = (enum bk_case_kind)rnd(BK_CASE_KINDS), .by = bk_sample_id(50 + rnd(3)),
			.urgency = rnd(4), .attachments = rnd(3), .drill = rnd(2) != 0};
		e[i].until_ms = e[i].kind == BK_CASE_CLAIMED ? e[i].at_ms + 600 : 0;
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
	assert_memory_equal(&a->owner, &b->owner, sizeof a->owner);
	assert_int_equal(a->since_ms, b->since_ms);
	assert_int_equal(a->until_ms, b->until_ms);
	assert_int_equal(a->opened_ms, b->opened_ms);
	assert_int_equal(a->waiting_ms, b->waiting_ms);
	assert_int_equal(a->last_ms, b->last_ms);
	assert_int_equal(a->closed_ms, b->closed_ms);
	assert_int_equal(a->urgency, b->urgency);
	assert_int_equal(a->attachments, b->attachments);
	assert_int_equal(a->drill, b->drill);
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

/* ---- the second formulation: each question on its own, over a sorted log ---- */

static bool asks(const struct bk_case_event *e)
{
	return e->kind == BK_CASE_MESSAGE || e->kind == BK_CASE_REOPENED;
}

static bool before(const struct bk_case_event *a, const struct bk_case_event *b)
{
	if (a->at_ms != b->at_ms)
		return a->at_ms < b->at_ms;
	return asks(a) != asks(b) ? asks(b) : memcmp(a->id.b, b->id.b, BK_ID_BYTES) < 0;
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

static size_t first_open(const struct bk_case_event *e, size_t n)
{
	size_t i = 0;

	while (i < n && e[i].kind != BK_CASE_OPENED)
		i++;
	return i;
}

/* Closed when the last event that opens or closes is a close. */
static bool naive_closed(const struct bk_case_event *e, size_t n)
{
	for (size_t i = n; i > 0; i--)
		if (e[i - 1].kind == BK_CASE_CLOSED || asks(&e[i - 1]))
			return e[i - 1].kind == BK_CASE_CLOSED;
	return false;
}

/* The last claim that neither a release by the same device nor a close follows. */
static bk_id naive_owner(const struct bk_case_event *e, size_t n)
{
	for (size_t i = n; i > 0; i--) {
		bool gone = false;

		if (e[i - 1].kind == BK_CASE_CLOSED)
			break;
		if (e[i - 1].kind != BK_CASE_CLAIMED)
			continue;
		for (size_t k = i; k < n; k++)
			gone = gone || (e[k].kind == BK_CASE_RELEASED && bk_id_equal(e[k].by, e[i - 1].by));
		return gone ? (bk_id){{0}} : e[i - 1].by;
	}
	return (bk_id){{0}};
}

/* The oldest question that came after the last reply or close. */
static bk_ms naive_waiting(const struct bk_case_event *e, size_t n)
{
	size_t from = n, open = first_open(e, n);
	bool closed = false;

	while (from && e[from - 1].kind != BK_CASE_REPLIED && e[from - 1].kind != BK_CASE_CLOSED)
		from--;
	closed = from && e[from - 1].kind == BK_CASE_CLOSED;
	for (size_t i = 0; i < from; i++)
		closed = e[i].kind == BK_CASE_CLOSED ? true : asks(&e[i]) ? false : closed;
	for (size_t i = from; i < n; i++) {
		if (asks(&e[i]) || (i == open && !closed))
			return e[i].at_ms;
	}
	return 0;
}

static void test_second_formulation(void **state)
{
	(void)state;
	for (unsigned log = 0; log < 10 * LOGS; log++) {
		struct bk_case_event e[EVENTS_MAX], v[EVENTS_MAX];
		struct bk_case_state s;
		size_t n = make_log(e), open, attachments = 0;
		bk_id owner;

		memcpy(v, e, n * sizeof *e);
		bk_fold(v, n, &s);
		sort(e, n);
		open = first_open(e, n);
		owner = naive_owner(e, n);
		assert_int_equal(s.opened, open < n);
		assert_int_equal(s.opened_ms, open < n ? e[open].at_ms : 0);
		assert_int_equal(s.urgency, open < n ? e[open].urgency : 0);
		assert_int_equal(s.drill, open < n && e[open].drill);
		assert_int_equal(s.closed, naive_closed(e, n));
		assert_memory_equal(&s.owner, &owner, sizeof owner);
		assert_int_equal(s.waiting_ms, naive_waiting(e, n));
		for (size_t i = 0; i < n; i++)
			attachments += i == open || asks(&e[i]) ? e[i].attachments : 0;
		assert_int_equal(s.attachments, attachments);
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
	return (struct bk_board_key){.urgency = rnd(4), .drill = rnd(2) != 0, .closed = rnd(2) != 0,
		.waiting_ms = rnd(3), .opened_ms = rnd(3), .id = bk_sample_id(i)};
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

static void test_board_first(void **state)
{
	struct bk_board_key now = {.urgency = 3, .waiting_ms = 500}, today = {.urgency = 2, .waiting_ms = 100};
	struct bk_board_key drill = now, answered = now, closed = now;

	(void)state;
	drill.drill = true;
	answered.waiting_ms = 0;
	closed.closed = true;
	assert_true(bk_fold_compare(&now, &today) < 0);
	assert_true(bk_fold_compare(&now, &drill) < 0);
	assert_true(bk_fold_compare(&now, &answered) < 0);
	assert_true(bk_fold_compare(&today, &closed) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_any_order),
		cmocka_unit_test(test_second_formulation),
		cmocka_unit_test(test_board_order),
		cmocka_unit_test(test_board_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
