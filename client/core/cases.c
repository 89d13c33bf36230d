/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cases.h"

#include <stdlib.h>

#include "compose.h"
#include "engine.h"

#define WHAT_MAX 300u                  /* bytes of the first words on the board */
#define CLOSED_SHOWN_MS 86400000ull    /* a closed case stays on the board for a day */

static const char *const changes[BK_CASE_KINDS] = { "", "opened", "claimed", "released", "replied", "note", "closed",
	"reopened", "urgency", "promised", "escalated", "handed-over", "transferred", "exported", "linked", "joined", "left",
	"read", "seen", "message", "alarm", "alarm-ended", "missed", "duress" };

bk_ms bk_cases_now(const struct bk_core *core)
{
	int64_t t = (int64_t)core->now + core->link.skew_ms;

	return t > 0 ? (bk_ms)t : core->now;
}

void bk_cases_name(struct bk_core *core, bk_id device, char out[static BK_NAME_MAX + 1])
{
	char id[BK_ID_TEXT];

	if (bk_id_equal(device, core->self.device))
		memcpy(out, core->self.name, BK_NAME_MAX + 1);
	else
		bk_rosters_name(core, device, out);
	if (!out[0])
		memcpy(out, bk_id_text(device, id), BK_ID_TEXT); /* nobody has told us their name yet */
}

/* ---- events ---- */

static json_t *event_row(const struct bk_case_event *e, const char *text)
{
	json_t *row = bk_json_object();

	bk_json_int(row, "at_ms", e->at_ms);
	bk_json_int(row, "kind", (uint64_t)e->kind);
	bk_json_id(row, "by", e->by);
	bk_json_ms(row, "until_ms", e->until_ms);
	bk_json_int(row, "urgency", e->urgency);
	bk_json_int(row, "attachments", e->attachments);
	bk_json_bool(row, "drill", e->drill);
	bk_json_more(row, "text", text);
	return row;
}

static struct bk_case_event event_read(const struct bk_row *raw, const json_t *row)
{
	struct bk_case_event e = { .id = bk_row_id(raw, strlen("case/") + BK_ID_BYTES) };
	uint64_t kind = bk_json_get_int(row, "kind");

	e.at_ms = bk_json_get_int(row, "at_ms");
	e.kind = kind < BK_CASE_KINDS ? (enum bk_case_kind)kind : BK_CASE_NONE;
	e.by = bk_json_get_id(row, "by");
	e.until_ms = bk_json_get_int(row, "until_ms");
	e.urgency = (unsigned)bk_json_get_int(row, "urgency");
	e.attachments = (unsigned)bk_json_get_int(row, "attachments");
	e.drill = bk_json_get_bool(row, "drill");
	return e;
}

/* The fold of what is here; log, when given, gets every event as it is stored. */
static int fold_case(struct bk_core *core, bk_id case_id, struct bk_case_state *ret_state, json_t *log)
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
			events[n++] = event_read(&rows.v[i], row);
		if (row && log)
			bk_json_push(log, json_incref(row));
		json_decref(row);
	}
	bk_rows_free(&rows);
	bk_fold(events, n, ret_state);
	free(events);
	return 0;
}

static json_t *meta_get(struct bk_core *core, bk_id case_id)
{
	return bk_db_get_json(&core->db, bk_key_id("casemeta/", case_id));
}

bk_id bk_cases_person(struct bk_core *core, bk_id case_id)
{
	json_t *meta = meta_get(core, case_id);
	bk_id circle = bk_json_get_id(meta, "circle");

	json_decref(meta);
	return circle;
}

bool bk_cases_state(struct bk_core *core, bk_id case_id, struct bk_case_state *ret_state)
{
	return bk_db_has(&core->db, bk_key_id("casemeta/", case_id)) && !fold_case(core, case_id, ret_state, NULL);
}

/* ---- the board ---- */

static const char *urgency_word(unsigned urgency)
{
	static const char *const words[] = { "", "can-wait", "today", "now" };

	return urgency < sizeof(words) / sizeof(words[0]) ? words[urgency] : "";
}

static bool has_owner(const struct bk_core *core, const struct bk_case_state *s)
{
	return !bk_id_is_zero(s->owner) && s->until_ms > bk_cases_now(core);
}

static json_t *board_row(struct bk_core *core, bk_id case_id, const struct bk_case_state *s)
{
	json_t *row = bk_json_object(), *meta = meta_get(core, case_id);
	bk_ms now = bk_cases_now(core);
	char name[BK_NAME_MAX + 1] = "";

	bk_json_id(row, "case", case_id);
	bk_json_text(row, "urgency", urgency_word(s->urgency));
	bk_json_text(row, "state", s->closed ? "closed" : has_owner(core, s) ? "claimed" : "open");
	if (has_owner(core, s)) {
		bk_cases_name(core, s->owner, name);
		bk_json_ms(row, "since_ms", s->since_ms);
	}
	bk_json_text(row, "owner", name);
	bk_json_bool(row, "mine", has_owner(core, s) && bk_id_equal(s->owner, core->self.device));
	bk_json_int(row, "waiting_ms", s->waiting_ms && now > s->waiting_ms ? now - s->waiting_ms : 0);
	bk_items_circle_name(core, bk_json_get_id(meta, "circle"), name);
	bk_json_text(row, "who", name);
	bk_json_id(row, "circle", bk_json_get_id(meta, "circle"));
	bk_json_text(row, "what", bk_json_get_text(meta, "what"));
	bk_json_int(row, "attachments", s->attachments);
	bk_json_bool(row, "drill", s->drill);
	bk_json_int(row, "last_ms", s->last_ms);
	json_decref(meta);
	return row;
}

/* What was said without an urgency is read today. */
static struct bk_board_key board_key(bk_id case_id, const struct bk_case_state *s)
{
	struct bk_board_key k = { .urgency = s->urgency ? s->urgency : BAKEN__URGENCY__URGENCY_TODAY };

	k.drill = s->drill;
	k.closed = s->closed;
	k.waiting_ms = s->waiting_ms;
	k.opened_ms = s->opened_ms;
	k.id = case_id;
	return k;
}

struct board_entry {
	struct bk_board_key key;
	json_t *row;
};

static int compare_entries(const void *a, const void *b)
{
	return bk_fold_compare(&((const struct board_entry *)a)->key, &((const struct board_entry *)b)->key);
}

static bool on_board(struct bk_core *core, bk_id case_id, const struct bk_case_state *s)
{
	if (!s->closed || s->closed_ms + CLOSED_SHOWN_MS > bk_cases_now(core))
		return true;
	bk_db_del(&core->db, bk_key_id("board/", case_id));
	return false;
}

static size_t collect_board(struct bk_core *core, const struct bk_rows *keys, struct board_entry *out)
{
	size_t n = 0;

	for (size_t i = 0; i < keys->n; i++) {
		bk_id case_id = bk_row_id(&keys->v[i], strlen("board/"));
		struct bk_case_state s;

		if (fold_case(core, case_id, &s, NULL) || !on_board(core, case_id, &s))
			continue;
		out[n].key = board_key(case_id, &s);
		out[n++].row = board_row(core, case_id, &s);
	}
	return n;
}

int bk_cases_cmd_board(struct bk_core *core, struct bk_command *c)
{
	struct board_entry *entries = NULL;
	json_t *cases = bk_json_array();
	struct bk_rows keys;
	size_t n = 0;
	int err = bk_db_keys(&core->db, bk_key("board/"), 0, &keys);

	bk_json_put(c->answer, "cases", cases);
	if (err)
		return err;
	entries = calloc(keys.n + 1, sizeof(*entries));
	if (entries)
		n = collect_board(core, &keys, entries);
	else
		err = BK_E_NOMEM;
	bk_rows_free(&keys);
	if (n)
		qsort(entries, n, sizeof(*entries), compare_entries);
	for (size_t i = 0; i < n; i++)
		bk_json_push(cases, entries[i].row);
	free(entries);
	return err;
}

/* ---- one case ---- */

static int compare_log(const void *x, const void *y)
{
	uint64_t a = bk_json_get_int(*(json_t *const *)x, "at_ms"), b = bk_json_get_int(*(json_t *const *)y, "at_ms");

	return (a > b) - (a < b);
}

static json_t *log_entry(struct bk_core *core, const json_t *row)
{
	uint64_t kind = bk_json_get_int(row, "kind");
	bk_id by = bk_json_get_id(row, "by");
	char name[BK_NAME_MAX + 1] = "";
	json_t *entry = bk_json_object();

	bk_json_text(entry, "change", kind < BK_CASE_KINDS ? changes[kind] : "");
	bk_json_int(entry, "at_ms", bk_json_get_int(row, "at_ms"));
	if (!bk_id_is_zero(by))
		bk_cases_name(core, by, name);
	bk_json_more(entry, "by", name);
	bk_json_ms(entry, "until_ms", bk_json_get_int(row, "until_ms"));
	bk_json_more(entry, "text", bk_json_get_text(row, "text"));
	return entry;
}

static json_t *log_of(struct bk_core *core, const json_t *rows)
{
	size_t n = json_array_size(rows);
	const json_t **sorted = calloc(n + 1, sizeof(*sorted));
	json_t *log = bk_json_array();

	if (!sorted) {
		bk_db_fail(&core->db, BK_E_NOMEM);
		return log;
	}
	for (size_t i = 0; i < n; i++)
		sorted[i] = json_array_get(rows, i);
	qsort(sorted, n, sizeof(*sorted), compare_log);
	for (size_t i = 0; i < n; i++)
		bk_json_push(log, log_entry(core, sorted[i]));
	free(sorted);
	return log;
}

int bk_cases_cmd_case(struct bk_core *core, struct bk_command *c)
{
	bk_id case_id = bk_json_get_id(c->args, "case");
	struct bk_case_state s = { .opened = false };
	json_t *rows = bk_json_array(), *row = NULL;
	int err = bk_db_has(&core->db, bk_key_id("casemeta/", case_id)) ? 0 : BK_E_NOT_FOUND;

	if (!err)
		err = fold_case(core, case_id, &s, rows);
	if (!err) {
		row = board_row(core, case_id, &s);
		bk_json_check(json_object_update(c->answer, row) == 0);
		json_decref(row);
		bk_json_put(c->answer, "log", log_of(core, rows));
	}
	json_decref(rows);
	return err;
}

/* ---- adding ---- */

static void tell(struct bk_core *core, bk_id case_id, const struct bk_case_state *s, const struct bk_case_event *e,
	const char *text)
{
	json_t *event = bk_event("case"), *row = board_row(core, case_id, s);
	char name[BK_NAME_MAX + 1] = "";

	bk_json_check(json_object_update(event, row) == 0);
	json_decref(row);
	bk_json_text(event, "change", changes[e->kind]);
	if (!bk_id_is_zero(e->by)) {
		bk_cases_name(core, e->by, name);
		bk_json_text(event, "by", name);
	}
	bk_json_more(event, "text", text);
	bk_emit(core, event);
}

int bk_cases_add(struct bk_core *core, bk_id case_id, const struct bk_case_event *e, const char *text)
{
	struct bk_key k = bk_key_pair("case/", case_id, e->id);
	struct bk_case_state s = { .opened = false };
	json_t *row = NULL;
	int err = 0;

	if (bk_db_has(&core->db, k))
		return 0;
	row = event_row(e, text);
	err = bk_db_put_json(&core->db, k, row);
	json_decref(row);
	if (!err)
		err = bk_db_put(&core->db, bk_key_id("board/", case_id), "", 0);
	if (!err)
		err = fold_case(core, case_id, &s, NULL);
	if (err)
		return err;
	if (!bk_id_equal(s.owner, core->self.device))
		bk_db_del(&core->db, bk_key_id("held/", case_id));
	tell(core, case_id, &s, e, text);
	return core->db.err;
}

void bk_cases_begin(struct bk_core *core, bk_id case_id, bk_id circle, const char *what)
{
	json_t *meta = bk_json_object();

	bk_json_id(meta, "circle", circle);
	bk_json_text(meta, "what", what);
	if (!bk_db_has(&core->db, bk_key_id("casemeta/", case_id)))
		bk_db_put_json(&core->db, bk_key_id("casemeta/", case_id), meta);
	json_decref(meta);
}

static void meta_put(struct bk_core *core, bk_id case_id, bk_id circle, const json_t *item)
{
	const char *what = bk_json_get_text(item, "what");
	json_t *meta = bk_json_object();
	size_t len = 0;

	if (!*what)
		what = bk_json_get_text(item, "text");
	len = strlen(what) < WHAT_MAX ? strlen(what) : WHAT_MAX;
	while (len && len < strlen(what) && ((unsigned char)what[len] & 0xc0) == 0x80)
		len--; /* not in the middle of a character */
	bk_json_id(meta, "circle", circle);
	bk_json_put(meta, "what", json_stringn(what, len));
	bk_db_put_json(&core->db, bk_key_id("casemeta/", case_id), meta);
	json_decref(meta);
}

static unsigned count_files(const Baken__Content *c)
{
	if (c->kind_case == BAKEN__CONTENT__KIND_REPORT)
		return (unsigned)c->report->n_attachments;
	return c->kind_case == BAKEN__CONTENT__KIND_TEXT ? (unsigned)c->text->n_attachments : 0;
}

static bool belongs(const struct bk_core *core, const struct bk_opened *o)
{
	return bk_is_desk(core) && o->circle->kind == BAKEN__CIRCLE_KIND__CIRCLE_PERSON &&
		o->regime == BAKEN__REGIME__REGIME_SECURITY &&
		(o->kind == BK_CONTENT_REPORT || o->kind == BK_CONTENT_TEXT);
}

/* Times are the server's: a person's clock must not decide whether an answer came after the question. */
void bk_cases_on_item(struct bk_core *core, const struct bk_opened *o)
{
	struct bk_case_event e = { .id = o->logical, .kind = BK_CASE_MESSAGE };
	bk_id case_id = o->conversation, known = { { 0 } };
	json_t *item = NULL;

	if (!belongs(core, o))
		return;
	item = bk_items_get(core, o->logical);
	known = bk_cases_person(core, case_id);
	if (!bk_id_is_zero(known) && !bk_id_equal(known, o->circle->circle))
		case_id = o->logical; /* somebody else's case: nobody writes into it (R9) */
	e.at_ms = bk_json_get_int(item, "stored_ms");
	if (!e.at_ms)
		e.at_ms = o->content->written_ms;
	e.attachments = count_files(o->content);
	if (bk_id_equal(case_id, o->logical)) {
		e.kind = BK_CASE_OPENED;
		e.drill = o->content->drill;
		e.urgency = o->kind == BK_CONTENT_REPORT ? (unsigned)o->content->report->urgency : 0;
	}
	if (e.kind == BK_CASE_OPENED || bk_id_is_zero(known))
		meta_put(core, case_id, o->circle->circle, item);
	json_decref(item);
	bk_cases_add(core, case_id, &e, NULL);
}

/* Only colleagues say what happens to a case; the numbers of both lists are the same (fold.h, content.proto). */
void bk_cases_on_event(struct bk_core *core, const struct bk_opened *o)
{
	const Baken__CaseEvent *m = o->content->case_event;
	struct bk_case_event e = { .id = o->logical, .by = o->sender->cert.device };
	bk_id case_id = { { 0 } };

	if (!bk_is_desk(core) || !bk_id_equal(o->circle->circle, core->self.circle) ||
		m->kind <= BAKEN__CASE_EVENT__KIND__OPENED || m->kind > BAKEN__CASE_EVENT__KIND__SEEN ||
		bk_id_from(m->case_id.data, m->case_id.len, &case_id))
		return;
	e.kind = (enum bk_case_kind)m->kind;
	e.at_ms = m->at_ms;
	e.until_ms = m->until_ms;
	bk_cases_add(core, case_id, &e, m->text);
}

/* ---- acting ---- */

static bool has_colleagues(struct bk_core *core)
{
	const struct bk_roster *r = bk_rosters_get(core, core->self.circle);

	for (size_t i = 0; r && i < r->n_entries; i++)
		if (!bk_id_equal(r->entries[i].cert.device, core->self.device) &&
			bk_roster_usable(&r->entries[i], core->now))
			return true;
	return false;
}

/* After all that it follows from, whatever the clocks say: what we have seen comes before what we do. */
static bk_ms time_of_act(struct bk_core *core, bk_id case_id)
{
	struct bk_case_state s = { .opened = false };
	bk_ms now = bk_cases_now(core);

	if (fold_case(core, case_id, &s, NULL))
		return now;
	return now > s.last_ms ? now : s.last_ms + 1;
}

int bk_cases_act(struct bk_core *core, bk_id case_id, struct bk_case_event *e, const char *text)
{
	Baken__Content content = BAKEN__CONTENT__INIT;
	Baken__CaseEvent m = BAKEN__CASE_EVENT__INIT;
	struct bk_post p = { .content = &content, .kind = BK_CONTENT_CASE_EVENT };
	int err = 0;

	e->id = bk_id_random();
	e->by = core->self.device;
	e->at_ms = time_of_act(core, case_id);
	m.kind = (Baken__CaseEvent__Kind)e->kind;
	m.case_id = bk_bytes(case_id.b, BK_ID_BYTES);
	m.at_ms = e->at_ms;
	m.until_ms = e->until_ms;
	m.text = (char *)(uintptr_t)(text ? text : "");
	content.kind_case = BAKEN__CONTENT__KIND_CASE_EVENT;
	content.case_event = &m;
	p.class = BAKEN__CLASS__CLASS_NORMAL;
	p.regime = BAKEN__REGIME__REGIME_SECURITY;
	p.conversation = case_id;
	p.circles[p.n_circles++] = core->self.circle;
	p.id = e->id;
	if (has_colleagues(core))
		err = bk_outbox_post(core, &p);
	return err ? err : bk_cases_add(core, case_id, e, text);
}

int bk_cases_replied(struct bk_core *core, bk_id case_id)
{
	struct bk_case_event e = { .kind = BK_CASE_REPLIED };

	if (!bk_is_desk(core) || !bk_db_has(&core->db, bk_key_id("casemeta/", case_id)))
		return 0;
	return bk_cases_act(core, case_id, &e, NULL);
}

int bk_cases_cmd_note(struct bk_core *core, struct bk_command *c)
{
	bk_id case_id = bk_json_get_id(c->args, "case");
	struct bk_case_event e = { .kind = BK_CASE_NOTE };

	if (!bk_db_has(&core->db, bk_key_id("casemeta/", case_id)))
		return BK_E_NOT_FOUND;
	return bk_cases_act(core, case_id, &e, bk_json_get_text(c->args, "text"));
}
