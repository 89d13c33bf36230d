/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "monitor.h"

#include <stdlib.h>
#include <string.h>

#include "err.h"

/* ---- one case ---- */

static void earliest(bk_ms *at, bk_ms now)
{
	if (!*at || now < *at)
		*at = now;
}

static enum bk_monitor_kind stronger(enum bk_monitor_kind a, enum bk_monitor_kind b)
{
	return a == BK_MONITOR_REPORT || b == BK_MONITOR_MISSED ? b : a;
}

/* What somebody at the desk did with it. */
static bool is_human(enum bk_case_kind kind)
{
	return kind == BK_CASE_CLAIMED || kind == BK_CASE_REPLIED || kind == BK_CASE_NOTE || kind == BK_CASE_CLOSED ||
		kind == BK_CASE_READ;
}

bool bk_monitor_case(const struct bk_case_event *events, size_t n, struct bk_monitor_case *ret_case)
{
	struct bk_monitor_case c;
	bk_ms reopened = 0, closed = 0;

	memset(&c, 0, sizeof(c));
	for (size_t i = 0; i < n; i++) {
		const struct bk_case_event *e = &events[i];

		if (e->kind == BK_CASE_OPENED || e->kind == BK_CASE_ALARM || e->kind == BK_CASE_MISSED) {
			earliest(&c.opened_ms, e->at_ms);
			c.drill |= e->drill;
		}
		if (e->kind == BK_CASE_ALARM || e->kind == BK_CASE_MISSED)
			c.kind = stronger(c.kind, e->kind == BK_CASE_ALARM ? BK_MONITOR_ALARM : BK_MONITOR_MISSED);
		if (is_human(e->kind))
			earliest(&c.at_ms[BK_MONITOR_TO_READ], e->at_ms);
		if (e->kind == BK_CASE_CLAIMED)
			earliest(&c.at_ms[BK_MONITOR_TO_CLAIMED], e->at_ms);
		if (e->kind == BK_CASE_CLOSED && e->at_ms > closed)
			closed = e->at_ms;
		if (e->kind == BK_CASE_REOPENED && e->at_ms > reopened)
			reopened = e->at_ms;
		c.escalated |= e->kind == BK_CASE_ESCALATED;
	}
	if (closed > reopened)
		c.at_ms[BK_MONITOR_TO_CLOSED] = closed;
	c.end = c.at_ms[BK_MONITOR_TO_CLOSED] ? BK_MONITOR_CLOSED :
		c.at_ms[BK_MONITOR_TO_CLAIMED] ? BK_MONITOR_TAKEN :
						 BK_MONITOR_WAITING;
	*ret_case = c;
	return c.opened_ms != 0;
}

/* ---- hiding ---- */

/*
 * Rows and columns are the points of a graph, hidden numbers its lines. Along a ring of hidden numbers one can be
 * added and taken away in turn and every sum still holds; all of a ring are 1 or more, so the other way round holds
 * too. A number that lies on no ring follows from the others.
 */
struct graph {
	const struct bk_monitor_table *t;
	size_t without_row, without_column; /* the line that is looked at, left out */
	bool row[BK_MONITOR_SIDE], column[BK_MONITOR_SIDE];
};

static void reach(struct graph *g, size_t at, bool is_row)
{
	bool *seen = is_row ? &g->row[at] : &g->column[at];
	size_t n = is_row ? g->t->columns : g->t->rows;

	if (*seen)
		return;
	*seen = true;
	for (size_t i = 0; i < n; i++) {
		size_t r = is_row ? at : i, c = is_row ? i : at;

		if (g->t->hidden[r][c] && !(r == g->without_row && c == g->without_column))
			reach(g, i, !is_row);
	}
}

/* Does it lie on a ring? If not, g holds what is reached from its row. */
static bool on_ring(const struct bk_monitor_table *t, size_t row, size_t column, struct graph *g)
{
	memset(g, 0, sizeof(*g));
	g->t = t;
	g->without_row = row;
	g->without_column = column;
	reach(g, row, true);
	return g->column[column];
}

/* The smallest number that joins the two sides, so that a ring is closed. False: there is none. */
static bool hide_one_more(struct bk_monitor_table *t, const struct graph *g)
{
	size_t row = 0, column = 0;
	bool found = false;

	for (size_t r = 0; r < t->rows; r++) {
		for (size_t c = 0; c < t->columns; c++) {
			if (t->hidden[r][c] || !t->v[r][c] || g->row[r] == g->column[c])
				continue;
			if (found && t->v[r][c] >= t->v[row][column])
				continue;
			row = r;
			column = c;
			found = true;
		}
	}
	if (found)
		t->hidden[row][column] = true;
	return found;
}

static uint64_t cost(const struct bk_monitor_table *t, size_t row, size_t column)
{
	return t->hidden[row][column] ? 0 : t->v[row][column];
}

/* The cheapest ring of four through a hidden number. False: there is none without zeros. */
static bool hide_ring(struct bk_monitor_table *t, size_t row, size_t column)
{
	uint64_t least = UINT64_MAX;
	size_t best_row = 0, best_column = 0;

	for (size_t r = 0; r < t->rows; r++) {
		for (size_t c = 0; c < t->columns; c++) {
			uint64_t sum = cost(t, r, c) + cost(t, row, c) + cost(t, r, column);

			if (r == row || c == column || !t->v[r][c] || !t->v[row][c] || !t->v[r][column] || sum >= least)
				continue;
			least = sum;
			best_row = r;
			best_column = c;
		}
	}
	if (least == UINT64_MAX)
		return false;
	t->hidden[best_row][best_column] = t->hidden[row][best_column] = t->hidden[best_row][column] = true;
	return true;
}

static bool mend(struct bk_monitor_table *t)
{
	for (size_t r = 0; r < t->rows; r++) {
		for (size_t c = 0; c < t->columns; c++) {
			struct graph g;

			if (t->hidden[r][c] && !on_ring(t, r, c, &g))
				return hide_ring(t, r, c) || hide_one_more(t, &g);
		}
	}
	return false;
}

static bool is_safe(const struct bk_monitor_table *t)
{
	struct graph g;

	for (size_t r = 0; r < t->rows; r++)
		for (size_t c = 0; c < t->columns; c++)
			if (t->hidden[r][c] && !on_ring(t, r, c, &g))
				return false;
	return true;
}

static void sum_up(struct bk_monitor_table *t)
{
	size_t last_row = t->rows - 1, last_column = t->columns - 1;

	for (size_t r = 0; r < last_row; r++) {
		t->v[r][last_column] = 0;
		for (size_t c = 0; c < last_column; c++)
			t->v[r][last_column] += t->v[r][c];
	}
	for (size_t c = 0; c <= last_column; c++) {
		t->v[last_row][c] = 0;
		for (size_t r = 0; r < last_row; r++)
			t->v[last_row][c] += t->v[r][c];
	}
}

void bk_monitor_hide(struct bk_monitor_table *t)
{
	sum_up(t);
	for (size_t r = 0; r < t->rows; r++)
		for (size_t c = 0; c < t->columns; c++)
			t->hidden[r][c] = t->v[r][c] && t->v[r][c] < BK_MONITOR_LEAST;
	while (mend(t))
		;
	if (is_safe(t))
		return;
	/* Too little to show any of it: zeros would tell what stands where. */
	for (size_t r = 0; r < t->rows; r++)
		for (size_t c = 0; c < t->columns; c++)
			t->hidden[r][c] = true;
}

/* ---- all of them ---- */

static int by_value(const void *a, const void *b)
{
	bk_ms x = *(const bk_ms *)a, y = *(const bk_ms *)b;

	return (x > y) - (x < y);
}

bk_ms bk_monitor_share(bk_ms *values, size_t n, unsigned part)
{
	size_t rank = (n * part + 99) / 100;

	qsort(values, n, sizeof(*values), by_value);
	return values[rank ? rank - 1 : 0];
}

static bool counts(const struct bk_monitor_case *c, bk_ms from, bk_ms until)
{
	return c->opened_ms >= from && c->opened_ms < until;
}

struct choice {
	const struct bk_monitor_case *cases;
	size_t n;
	bk_ms from, until;
	bk_ms *values;
};

static void measure(const struct choice *x, unsigned drill, unsigned kind, unsigned step, struct bk_monitor_times *ret)
{
	size_t n = 0;

	for (size_t i = 0; i < x->n; i++) {
		const struct bk_monitor_case *c = &x->cases[i];

		if (counts(c, x->from, x->until) && c->drill == drill && (unsigned)c->kind == kind && c->at_ms[step])
			x->values[n++] = c->at_ms[step] > c->opened_ms ? c->at_ms[step] - c->opened_ms : 0;
	}
	ret->known = n >= BK_MONITOR_LEAST;
	if (!ret->known)
		return;
	ret->median_ms = bk_monitor_share(x->values, n, 50);
	ret->p95_ms = bk_monitor_share(x->values, n, 95);
}

/* Neither how many were nor how many were not may be few; nor may it stand beside a total that is hidden. */
static bool must_hide(uint64_t part, const struct bk_monitor_table *t, size_t row)
{
	uint64_t whole = t->v[row][t->columns - 1];

	return (part && part < BK_MONITOR_LEAST) || (part < whole && whole - part < BK_MONITOR_LEAST) ||
		t->hidden[row][t->columns - 1];
}

int bk_monitor_count(const struct bk_monitor_case *cases, size_t n, bk_ms from, bk_ms until, struct bk_monitor *ret_monitor)
{
	struct choice x = { cases, n, from, until, calloc(n + 1, sizeof(bk_ms)) };
	struct bk_monitor *m = ret_monitor;

	if (!x.values)
		return BK_E_NOMEM;
	memset(m, 0, sizeof(*m));
	for (size_t i = 0; i < n; i++) {
		if (!counts(&cases[i], from, until))
			continue;
		m->counts[cases[i].drill].v[cases[i].kind][cases[i].end]++;
		m->escalated[cases[i].drill][cases[i].kind] += cases[i].escalated;
	}
	for (unsigned drill = 0; drill < 2; drill++) {
		m->counts[drill].rows = BK_MONITOR_KINDS + 1;
		m->counts[drill].columns = BK_MONITOR_ENDS + 1;
		bk_monitor_hide(&m->counts[drill]);
		for (unsigned kind = 0; kind < BK_MONITOR_KINDS; kind++) {
			m->escalated_hidden[drill][kind] = must_hide(m->escalated[drill][kind], &m->counts[drill], kind);
			for (unsigned step = 0; step < BK_MONITOR_STEPS; step++)
				measure(&x, drill, kind, step, &m->times[drill][kind][step]);
		}
	}
	free(x.values);
	return 0;
}
