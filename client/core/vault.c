/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "vault.h"

#include <stdlib.h>

#include "engine.h"
#include "keyring.h"

#define LOOSE_MS (62ull * 86400000ull) /* plans and timers reach no further than a month */

/* Newest question and newest close: the greater says whether a case is open, whatever the order they came in. */
struct state {
	bk_ms asked, closed;
};

static struct state state_get(struct bk_core *core, bk_id case_id)
{
	uint8_t row[16];
	struct state s = { 0, 0 };

	if (!bk_db_read(&core->db, bk_key_id("vault/", case_id), row, sizeof(row))) {
		s.asked = bk_u64_read(row);
		s.closed = bk_u64_read(row + 8);
	}
	return s;
}

static void state_put(struct bk_core *core, bk_id case_id, struct state s)
{
	uint8_t row[16];

	bk_u64_write(row, s.asked);
	bk_u64_write(row + 8, s.closed);
	bk_db_put(&core->db, bk_key_id("vault/", case_id), row, sizeof(row));
}

static void note_event(struct state *s, const Baken__CaseEvent *m)
{
	bool ends = m->kind == BAKEN__CASE_EVENT__KIND__CLOSED || m->kind == BAKEN__CASE_EVENT__KIND__TRANSFERRED;

	if (ends && m->at_ms > s->closed)
		s->closed = m->at_ms;
	if (m->kind == BAKEN__CASE_EVENT__KIND__REOPENED && m->at_ms > s->asked)
		s->asked = m->at_ms;
}

/* What asks for an answer; a policy, too, is to be had however old it is. */
static bool opens(enum bk_content_kind kind)
{
	return kind == BK_CONTENT_REPORT || kind == BK_CONTENT_TEXT || kind == BK_CONTENT_ALARM || kind == BK_CONTENT_DESK_POLICY;
}

bool bk_vault_take(struct bk_core *core, const struct bk_opened *o, bk_id case_id, bk_ms stored_ms)
{
	struct state s;
	json_t *event = NULL;

	if (core->self.role != BAKEN__ROLE__ROLE_VAULT || !bk_keyring_worth(o->kind))
		return false;
	s = state_get(core, case_id);
	if (o->kind == BK_CONTENT_CASE_EVENT)
		note_event(&s, o->content->case_event);
	else if (opens(o->kind) && stored_ms > s.asked)
		s.asked = stored_ms;
	state_put(core, case_id, s);
	if (o->kind == BK_CONTENT_DESK_POLICY || o->kind == BK_CONTENT_WATCH_PLAN || o->kind == BK_CONTENT_WATCH_END)
		return false; /* it lives by it, too; the key of a timer opens what fires */
	event = bk_event("kept");
	bk_json_id(event, "message", o->message);
	bk_json_id(event, "case", case_id);
	bk_emit(core, event);
	return true;
}

/* Open cases; loose: what belongs to none (plans, timers, guidance). */
static bool is_open(struct bk_core *core, bk_id case_id, bool loose)
{
	struct state s = state_get(core, case_id);

	return loose ? !s.asked : s.asked && (!s.closed || s.asked >= s.closed);
}

static size_t open_cases(struct bk_core *core, bool loose, bk_id **ret_cases)
{
	struct bk_rows rows;
	size_t n = 0;

	*ret_cases = NULL;
	if (bk_db_keys(&core->db, bk_key("vault/"), 0, &rows))
		return 0;
	*ret_cases = calloc(rows.n + 1, sizeof(**ret_cases));
	for (size_t i = 0; *ret_cases && i < rows.n; i++) {
		bk_id case_id = bk_row_id(&rows.v[i], strlen("vault/"));

		if (is_open(core, case_id, loose))
			(*ret_cases)[n++] = case_id;
	}
	bk_rows_free(&rows);
	if (!*ret_cases)
		bk_db_fail(&core->db, BK_E_NOMEM);
	return n;
}

static size_t named_cases(const Baken__KeyringAsk *m, bk_id **ret_cases)
{
	size_t n = 0;

	*ret_cases = calloc(m->n_case_ids + 1, sizeof(**ret_cases));
	for (size_t i = 0; *ret_cases && i < m->n_case_ids; i++)
		n += !bk_id_from(m->case_ids[i].data, m->case_ids[i].len, &(*ret_cases)[n]);
	return n;
}

/* Only to a certified officer's device of our own desk; what it was given stands in everybody's log. */
void bk_vault_on_ask(struct bk_core *core, const struct bk_opened *o)
{
	const Baken__KeyringAsk *m = o->content->keyring_ask;
	struct bk_keyring_gift g = { .reason = BAKEN__KEYRING__REASON__ASKED, .since_ms = m->since_ms };
	bk_id *cases = NULL;

	if (core->self.role != BAKEN__ROLE__ROLE_VAULT || !bk_id_equal(o->circle->circle, core->self.circle))
		return;
	g.to = o->sender->cert.device;
	g.about = o->logical;
	g.n_cases = m->n_case_ids ? named_cases(m, &cases) : open_cases(core, false, &cases);
	g.cases = cases;
	bk_keyring_give(core, &g); /* BK_E_NOT_FOUND: not somebody who may have them */
	free(cases);
	if (m->n_case_ids)
		return;
	g.n_cases = open_cases(core, true, &cases);
	g.cases = cases;
	if (core->now > LOOSE_MS && g.since_ms < core->now - LOOSE_MS)
		g.since_ms = core->now - LOOSE_MS;
	bk_keyring_give(core, &g);
	free(cases);
}
