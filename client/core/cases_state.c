/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Case events as rows, and the state that they fold to, kept in the board's row so that a long case costs no more
 * than a short one. An event from between refolds the case; its events then stay in memory, for such events
 * come in rows.
 */
#include "cases_in.h"

#include <stdlib.h>

#include "engine.h"

#define EVENT_AT (5 + BK_ID_BYTES) /* of the event's id in a key: "case/", case */

/* ---- events ---- */

json_t *bk_cases_event_row(const struct bk_case_event *e, const char *text)
{
	json_t *row = bk_json_object();

	bk_json_int(row, "at_ms", e->at_ms);
	bk_json_int(row, "kind", (uint64_t)e->kind);
	bk_json_id(row, "by", e->by);
	bk_json_ms(row, "until_ms", e->until_ms);
	bk_json_id(row, "other", e->other);
	bk_json_ms(row, "urgency", e->urgency);
	bk_json_ms(row, "level", e->level);
	bk_json_ms(row, "attachments", e->attachments);
	bk_json_ms(row, "weak", e->weak);
	bk_json_ms(row, "answers", e->answers);
	bk_json_ms(row, "by_hand", e->by_hand);
	bk_json_ms(row, "drill", e->drill);
	bk_json_more(row, "text", text);
	return row;
}

struct bk_case_event bk_cases_event_read(bk_id id, const json_t *row)
{
	struct bk_case_event e = { .id = id };
	uint64_t kind = bk_json_get_int(row, "kind");

	e.at_ms = bk_json_get_int(row, "at_ms");
	e.kind = kind < BK_CASE_KINDS ? (enum bk_case_kind)kind : BK_CASE_NONE;
	e.by = bk_json_get_id(row, "by");
	e.until_ms = bk_json_get_int(row, "until_ms");
	e.other = bk_json_get_id(row, "other");
	e.urgency = (unsigned)bk_json_get_int(row, "urgency");
	e.level = (unsigned)bk_json_get_int(row, "level");
	e.attachments = (unsigned)bk_json_get_int(row, "attachments");
	e.weak = bk_json_get_int(row, "weak") != 0;
	e.answers = bk_json_get_int(row, "answers") != 0;
	e.by_hand = bk_json_get_int(row, "by_hand") != 0;
	e.drill = bk_json_get_int(row, "drill") != 0;
	return e;
}

/* ---- the state as a row: one line a member ---- */

enum member_type { M_BOOL, M_UNSIGNED, M_MS, M_ID };

static const struct {
	const char *name;
	enum member_type type;
	size_t at;
} members[] = {
#define M(type, name) { #name, type, offsetof(struct bk_case_state, name) }
	M(M_BOOL, opened), M(M_BOOL, closed), M(M_BOOL, gone), M(M_BOOL, weak), M(M_BOOL, answered),
	M(M_BOOL, alarm), M(M_BOOL, missed), M(M_BOOL, duress), M(M_BOOL, alarm_ended), M(M_BOOL, drill),
	M(M_ID, owner), M(M_MS, since_ms), M(M_MS, until_ms), M(M_MS, free_ms),
	M(M_ID, rival), M(M_MS, rival_since_ms), M(M_MS, rival_until_ms),
	M(M_MS, opened_ms), M(M_MS, waiting_ms), M(M_MS, last_ms), M(M_MS, closed_ms),
	M(M_UNSIGNED, urgency), M(M_UNSIGNED, set_urgency), M(M_UNSIGNED, attachments),
	M(M_MS, promise_ms), M(M_MS, promised_ms), M(M_ID, promised_by), M(M_UNSIGNED, kept), M(M_UNSIGNED, broken),
	M(M_UNSIGNED, level), M(M_UNSIGNED, hand_level), M(M_MS, alarm_ms), M(M_MS, human_ms), M(M_MS, seen_ms),
	M(M_UNSIGNED, refused), M(M_MS, mark.at_ms), M(M_BOOL, mark.question), M(M_ID, mark.id),
#undef M
};
#define MEMBERS (sizeof(members) / sizeof(members[0]))

static void member_put(json_t *row, size_t i, const void *at)
{
	bk_id id = { { 0 } };
	bk_ms ms = 0;
	unsigned n = 0;
	bool b = false;

	switch (members[i].type) {
	case M_BOOL:
		memcpy(&b, at, sizeof(b));
		bk_json_ms(row, members[i].name, b);
		break;
	case M_UNSIGNED:
		memcpy(&n, at, sizeof(n));
		bk_json_ms(row, members[i].name, n);
		break;
	case M_MS:
		memcpy(&ms, at, sizeof(ms));
		bk_json_ms(row, members[i].name, ms);
		break;
	case M_ID:
		memcpy(&id, at, sizeof(id));
		bk_json_id(row, members[i].name, id);
		break;
	}
}

static void member_get(const json_t *row, size_t i, void *at)
{
	bk_ms ms = bk_json_get_int(row, members[i].name);
	unsigned n = (unsigned)ms;
	bool b = ms != 0;
	bk_id id = { { 0 } };

	switch (members[i].type) {
	case M_BOOL:
		memcpy(at, &b, sizeof(b));
		break;
	case M_UNSIGNED:
		memcpy(at, &n, sizeof(n));
		break;
	case M_MS:
		memcpy(at, &ms, sizeof(ms));
		break;
	case M_ID:
		id = bk_json_get_id(row, members[i].name);
		memcpy(at, &id, sizeof(id));
		break;
	}
}

static int keep(struct bk_core *core, bk_id case_id, const struct bk_case_state *s)
{
	json_t *row = bk_json_object(), *joined = bk_json_array();
	int err = 0;

	for (size_t i = 0; i < MEMBERS; i++)
		member_put(row, i, (const char *)s + members[i].at);
	for (unsigned i = 0; i < s->n_joined; i++)
		bk_json_push_id(joined, s->joined[i]);
	bk_json_put(row, "joined", joined);
	err = bk_db_put_json(&core->db, bk_key_id("board/", case_id), row);
	json_decref(row);
	return err;
}

/* False: not kept; it must be folded. */
static bool kept(struct bk_core *core, bk_id case_id, struct bk_case_state *ret_state)
{
	json_t *row = bk_db_get_json(&core->db, bk_key_id("board/", case_id));
	struct bk_case_state s = { .opened = false };

	if (!row)
		return false;
	for (size_t i = 0; i < MEMBERS; i++)
		member_get(row, i, (char *)&s + members[i].at);
	s.n_joined = (unsigned)bk_json_get_ids(row, "joined", s.joined, BK_CASE_JOINED_MAX);
	json_decref(row);
	*ret_state = s;
	return true;
}

/* ---- folding ---- */

static int read_all(struct bk_core *core, bk_id case_id, struct bk_case_event **ret_events, size_t *ret_n, json_t *log)
{
	struct bk_case_event *events = NULL;
	struct bk_rows rows;
	size_t n = 0;
	int err = bk_db_rows(&core->db, bk_key_id("case/", case_id), 0, &rows);

	if (err)
		return err;
	events = calloc(rows.n + 1, sizeof(*events));
	if (!events) {
		bk_rows_free(&rows);
		bk_db_fail(&core->db, BK_E_NOMEM);
		return BK_E_NOMEM;
	}
	for (size_t i = 0; i < rows.n; i++) {
		json_t *row = bk_json_row(rows.v[i].value, rows.v[i].len);

		if (row)
			events[n++] = bk_cases_event_read(bk_row_id(&rows.v[i], EVENT_AT), row);
		if (row && log)
			bk_json_push(log, json_incref(row));
		json_decref(row);
	}
	bk_rows_free(&rows);
	*ret_events = events;
	*ret_n = n;
	return 0;
}

int bk_cases_fold_all(struct bk_core *core, bk_id case_id, struct bk_case_state *ret_state, json_t *log)
{
	struct bk_case_event *events = NULL;
	size_t n = 0;
	int err = read_all(core, case_id, &events, &n, log);

	if (err)
		return err;
	bk_fold(events, n, ret_state);
	free(events);
	return 0;
}

int bk_cases_folded(struct bk_core *core, bk_id case_id, struct bk_case_state *ret_state)
{
	return kept(core, case_id, ret_state) ? 0 : bk_cases_fold_all(core, case_id, ret_state, NULL);
}

/* ---- the events of one case in memory, in order ---- */

void bk_cases_forget(struct bk_core *core)
{
	free(core->recent.v);
	memset(&core->recent, 0, sizeof(core->recent));
}

static int remember_all(struct bk_core *core, bk_id case_id)
{
	struct bk_case_state unused;
	int err = 0;

	bk_cases_forget(core);
	err = read_all(core, case_id, &core->recent.v, &core->recent.n, NULL);
	if (err)
		return err;
	core->recent.room = core->recent.n + 1;
	core->recent.case_id = case_id;
	bk_fold(core->recent.v, core->recent.n, &unused); /* sorts */
	return 0;
}

static int remember(struct bk_core *core, const struct bk_case_event *e)
{
	struct bk_recent *r = &core->recent;
	size_t at = r->n;

	if (r->n == r->room) {
		struct bk_case_event *v = realloc(r->v, 2 * r->room * sizeof(*v));

		if (!v)
			return BK_E_NOMEM;
		r->v = v;
		r->room *= 2;
	}
	while (at && bk_fold_order(e, &r->v[at - 1]) < 0)
		at--;
	memmove(&r->v[at + 1], &r->v[at], (r->n - at) * sizeof(*r->v));
	r->v[at] = *e;
	r->n++;
	return 0;
}

static int refold(struct bk_core *core, bk_id case_id, const struct bk_case_event *e, struct bk_case_state *ret_state)
{
	struct bk_case_state s = { .opened = false };
	bool here = core->recent.n && bk_id_equal(core->recent.case_id, case_id);
	int err = here ? remember(core, e) : remember_all(core, case_id);

	if (err) {
		bk_cases_forget(core);
		bk_db_fail(&core->db, err);
		return err;
	}
	for (size_t i = 0; i < core->recent.n; i++)
		bk_fold_next(&s, &core->recent.v[i]);
	*ret_state = s;
	return 0;
}

int bk_cases_advance(struct bk_core *core, bk_id case_id, const struct bk_case_event *e,
	struct bk_case_state *ret_state)
{
	struct bk_case_state s = { .opened = false };
	int err = 0;

	if (!kept(core, case_id, &s))
		err = bk_cases_fold_all(core, case_id, &s, NULL);
	else if (!bk_fold_next(&s, e))
		err = refold(core, case_id, e, &s);
	else if (bk_id_equal(core->recent.case_id, case_id))
		err = remember(core, e);
	if (err)
		return err;
	*ret_state = s;
	return keep(core, case_id, &s);
}
