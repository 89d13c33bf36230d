/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The monitor against a second, naive formulation: small numbers are hidden, and for each hidden number another whole
 * table is searched that fits everything shown.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "monitor.h"

#define NOW 1780000000000ull

static uint64_t seed = 42;

static unsigned chance(unsigned below)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (unsigned)(seed >> 33) % below;
}

/* ---- hiding ---- */

struct search {
	const struct bk_monitor_table *t;
	int64_t rest_row[BK_MONITOR_SIDE], rest_column[BK_MONITOR_SIDE];
	size_t row, column; /* must be another here */
	size_t cells[BK_MONITOR_SIDE * BK_MONITOR_SIDE][2], n;
};

static int64_t sign_row(const struct bk_monitor_table *t, size_t c)
{
	return c + 1 == t->columns ? -1 : 1;
}

static int64_t sign_column(const struct bk_monitor_table *t, size_t r)
{
	return r + 1 == t->rows ? -1 : 1;
}

static bool balanced(const struct search *s)
{
	for (size_t r = 0; r < s->t->rows; r++)
		if (s->rest_row[r])
			return false;
	for (size_t c = 0; c < s->t->columns; c++)
		if (s->rest_column[c])
			return false;
	return true;
}

/* Is row r free of cells still to come? Then its sum must hold now. */
static bool open_row(const struct search *s, size_t i, size_t r)
{
	for (; i < s->n; i++)
		if (s->cells[i][0] == r)
			return true;
	return false;
}

/* Changes of -2 .. 2 of each hidden number, so that every sum still holds and none is below zero. */
static bool another(struct search *s, size_t i)
{
	size_t r, c;

	if (i == s->n)
		return balanced(s);
	r = s->cells[i][0];
	c = s->cells[i][1];
	if (i && s->cells[i - 1][0] != r && s->rest_row[s->cells[i - 1][0]] && !open_row(s, i, s->cells[i - 1][0]))
		return false;
	for (int64_t d = -2; d <= 2; d++) {
		bool found;

		if ((int64_t)s->t->v[r][c] + d < 0 || (d == 0 && r == s->row && c == s->column))
			continue;
		s->rest_row[r] += d * sign_row(s->t, c);
		s->rest_column[c] += d * sign_column(s->t, r);
		found = another(s, i + 1);
		s->rest_row[r] -= d * sign_row(s->t, c);
		s->rest_column[c] -= d * sign_column(s->t, r);
		if (found)
			return true;
	}
	return false;
}

static void expect_unknowable(const struct bk_monitor_table *t)
{
	for (size_t r = 0; r < t->rows; r++)
		for (size_t c = 0; c < t->columns; c++) {
			struct search s = {.t = t, .row = r, .column = c};

			if (t->v[r][c] && t->v[r][c] < BK_MONITOR_LEAST)
				assert_true(t->hidden[r][c]);
			if (!t->hidden[r][c] || !t->v[r][c])
				continue; /* a zero is hidden only when all is */
			for (size_t i = 0; i < t->rows; i++)
				for (size_t k = 0; k < t->columns; k++)
					if (t->hidden[i][k]) {
						s.cells[s.n][0] = i;
						s.cells[s.n++][1] = k;
					}
			assert_true(another(&s, 0));
		}
}

static size_t hidden(const struct bk_monitor_table *t)
{
	size_t n = 0;

	for (size_t r = 0; r < t->rows; r++)
		for (size_t c = 0; c < t->columns; c++)
			n += t->hidden[r][c];
	return n;
}

static void no_hidden_number_follows(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 400; i++) {
		struct bk_monitor_table t = {.rows = 2 + chance(2), .columns = 3 + chance(2)};
		unsigned most = (unsigned[]){2, 6, 9, 40}[chance(4)];

		for (size_t r = 0; r + 1 < t.rows; r++)
			for (size_t c = 0; c + 1 < t.columns; c++)
				t.v[r][c] = chance(3) ? chance(most) : 0;
		bk_monitor_hide(&t);
		expect_unknowable(&t);
	}
}

static void what_may_be_shown_is(void **state)
{
	struct bk_monitor_table t = {.rows = 3, .columns = 3, .v = {{9, 7}, {0, 5}}};

	(void)state;
	bk_monitor_hide(&t);
	assert_int_equal(hidden(&t), 0);
	assert_int_equal(t.v[2][2], 21);
	t = (struct bk_monitor_table){.rows = 3, .columns = 3};
	bk_monitor_hide(&t);
	assert_int_equal(hidden(&t), 0); /* nothing happened: that may be said */
	t = (struct bk_monitor_table){.rows = 4, .columns = 4, .v = {{3, 20, 20}, {20, 20, 20}, {20, 20, 20}}};
	bk_monitor_hide(&t);
	assert_int_equal(hidden(&t), 4); /* a ring of four is the least */
	t = (struct bk_monitor_table){.rows = 2, .columns = 2, .v = {{3}}};
	bk_monitor_hide(&t);
	assert_int_equal(hidden(&t), 4);
}

/* ---- cases ---- */

static struct bk_case_event event(enum bk_case_kind kind, uint64_t seconds)
{
	return (struct bk_case_event){.kind = kind, .at_ms = NOW + seconds * 1000};
}

static void a_case_from_its_events(void **state)
{
	struct bk_case_event e[] = {event(BK_CASE_OPENED, 0), event(BK_CASE_READ, 20), event(BK_CASE_CLAIMED, 30),
		event(BK_CASE_CLOSED, 100), event(BK_CASE_MESSAGE, 200), event(BK_CASE_REOPENED, 201),
		event(BK_CASE_CLAIMED, 300), event(BK_CASE_ESCALATED, 250), event(BK_CASE_ALARM, 260)};
	struct bk_monitor_case c, again;

	(void)state;
	assert_true(bk_monitor_case(e, 1, &c));
	assert_int_equal(c.end, BK_MONITOR_WAITING);
	assert_true(bk_monitor_case(e, 4, &c));
	assert_int_equal(c.end, BK_MONITOR_CLOSED);
	assert_int_equal(c.kind, BK_MONITOR_REPORT);
	assert_int_equal(c.at_ms[BK_MONITOR_TO_READ], NOW + 20000);
	assert_true(bk_monitor_case(e, 9, &c));
	assert_int_equal(c.end, BK_MONITOR_TAKEN); /* opened again */
	assert_int_equal(c.at_ms[BK_MONITOR_TO_CLAIMED], NOW + 30000);
	assert_int_equal(c.kind, BK_MONITOR_ALARM);
	assert_true(c.escalated);
	assert_false(bk_monitor_case(e + 1, 2, &c));
	assert_true(bk_monitor_case(e, 9, &c));
	for (unsigned i = 0; i < 50; i++) { /* whatever the order, however often */
		struct bk_case_event mixed[18];

		memcpy(mixed, e, sizeof e);
		memcpy(mixed + 9, e, sizeof e);
		for (size_t k = 18; k > 1; k--) {
			size_t j = chance((unsigned)k);
			struct bk_case_event x = mixed[k - 1];

			mixed[k - 1] = mixed[j];
			mixed[j] = x;
		}
		assert_true(bk_monitor_case(mixed, 18, &again));
		assert_memory_equal(&again, &c, sizeof c);
	}
}

/* ---- counting ---- */

static bk_ms naive_share(const bk_ms *v, size_t n, unsigned part)
{
	for (bk_ms x = 0;; x++) {
		size_t below = 0;

		for (size_t i = 0; i < n; i++)
			below += v[i] <= x;
		if (below * 100 >= n * part)
			return x;
	}
}

static void shares(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 300; i++) {
		bk_ms v[30];
		size_t n = 1 + chance(30);

		for (size_t k = 0; k < n; k++)
			v[k] = chance(50);
		for (unsigned part = 5; part <= 100; part += 5)
			assert_int_equal(naive_share(v, n, part), bk_monitor_share(v, n, part));
	}
}

static struct bk_monitor_case made(unsigned i)
{
	struct bk_monitor_case c = {.kind = (enum bk_monitor_kind)(i % 2), .end = (enum bk_monitor_end)(i % 3),
		.drill = i % 5 == 0, .escalated = i % 7 == 0, .opened_ms = NOW + i};

	c.at_ms[BK_MONITOR_TO_READ] = c.opened_ms + 1000 * (i % 10);
	return c;
}

/* Drills apart, outside of the span not at all. */
static void counted_apart(void **state)
{
	struct bk_monitor_case cases[300];
	struct bk_monitor m;
	uint64_t real = 0, drills = 0;

	(void)state;
	for (unsigned i = 0; i < 300; i++)
		cases[i] = made(i);
	assert_int_equal(bk_monitor_count(cases, 300, NOW + 10, NOW + 290, &m), 0);
	for (unsigned i = 10; i < 290; i++) {
		real += !cases[i].drill;
		drills += cases[i].drill;
	}
	assert_int_equal(m.counts[0].v[BK_MONITOR_KINDS][BK_MONITOR_ENDS], real);
	assert_int_equal(m.counts[1].v[BK_MONITOR_KINDS][BK_MONITOR_ENDS], drills);
	assert_true(m.times[0][BK_MONITOR_REPORT][BK_MONITOR_TO_READ].known);
	assert_int_equal(m.times[0][BK_MONITOR_REPORT][BK_MONITOR_TO_READ].p95_ms, 8000);
	assert_false(m.times[0][BK_MONITOR_REPORT][BK_MONITOR_TO_CLOSED].known);
	assert_false(m.times[0][BK_MONITOR_MISSED][BK_MONITOR_TO_READ].known);
	assert_false(m.escalated_hidden[0][BK_MONITOR_REPORT]);
	assert_int_equal(bk_monitor_count(cases, 13, NOW, NOW + 13, &m), 0);
	assert_true(m.escalated_hidden[0][BK_MONITOR_ALARM]); /* one of five */
	assert_int_equal(bk_monitor_count(NULL, 0, 0, NOW, &m), 0);
	assert_int_equal(hidden(&m.counts[0]), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_hidden_number_follows),
		cmocka_unit_test(what_may_be_shown_is),
		cmocka_unit_test(a_case_from_its_events),
		cmocka_unit_test(shares),
		cmocka_unit_test(counted_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
