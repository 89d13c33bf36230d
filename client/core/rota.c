/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rota.h"

static bool is_on(const struct bk_rota_entry *e, bk_ms at)
{
	return e->from_ms <= at && at < e->until_ms;
}

static unsigned present(const struct bk_rota_entry *e, size_t n, bk_ms at)
{
	unsigned count = 0;

	for (size_t i = 0; i < n; i++) {
		bool twice = false;

		if (!is_on(&e[i], at))
			continue;
		for (size_t k = 0; k < i; k++)
			twice = twice || (is_on(&e[k], at) && bk_id_equal(e[k].who, e[i].who));
		count += !twice;
	}
	return count;
}

/* The next moment after `at` at which anything changes; `until` when nothing does before. */
static bk_ms next_change(const struct bk_rota_entry *e, size_t n, bk_ms at, bk_ms until)
{
	for (size_t i = 0; i < n; i++) {
		if (e[i].from_ms > at && e[i].from_ms < until)
			until = e[i].from_ms;
		if (e[i].until_ms > at && e[i].until_ms < until)
			until = e[i].until_ms;
	}
	return until;
}

size_t bk_rota_gaps(const struct bk_rota_entry *e, size_t n, unsigned least, const struct bk_rota_gap *span,
	struct bk_rota_gap *out, size_t max)
{
	bk_ms at = span->from_ms;
	size_t k = 0;

	while (at < span->until_ms) {
		bk_ms next = next_change(e, n, at, span->until_ms);
		unsigned there = present(e, n, at);
		bool joins = k && out[k - 1].until_ms == at;

		if (there < least && !joins && k == max)
			break;
		if (there < least && !joins)
			out[k++] = (struct bk_rota_gap){ .from_ms = at, .until_ms = next, .planned = there };
		if (there < least && joins) {
			out[k - 1].until_ms = next;
			if (there < out[k - 1].planned)
				out[k - 1].planned = there;
		}
		at = next;
	}
	return k;
}
