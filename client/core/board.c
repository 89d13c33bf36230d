/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The board: what an officer sees of every case, and of one. */
#include "cases_in.h"

#include <stdlib.h>

#include "alarm.h"
#include "due.h"
#include "engine.h"

#define CLOSED_SHOWN_MS 86400000ull /* a closed case stays on the board for a day */

static const char *urgency_word(unsigned urgency)
{
	static const char *const words[] = { "", "can-wait", "today", "now" };

	return urgency < sizeof(words) / sizeof(words[0]) ? words[urgency] : "";
}

/* ---- a row ---- */

static const char *state_word(const struct bk_case_state *s, bool held)
{
	if (s->gone)
		return "transferred";
	if (s->closed)
		return "closed";
	return held ? "claimed" : "open";
}

static void put_owner(struct bk_core *core, json_t *row, const struct bk_case_state *s)
{
	bool held = bk_fold_held(s, bk_cases_now(core));
	char name[BK_NAME_MAX + 1] = "";
	json_t *joined = bk_json_array();

	bk_json_text(row, "state", state_word(s, held));
	if (held) {
		bk_cases_name(core, s->owner, name);
		bk_json_ms(row, "since_ms", s->since_ms);
	}
	bk_json_text(row, "owner", name);
	bk_json_bool(row, "mine", held && bk_id_equal(s->owner, core->self.device));
	for (unsigned i = 0; i < s->n_joined; i++) {
		bk_cases_name(core, s->joined[i], name);
		bk_json_push(joined, json_string(name));
	}
	if (s->n_joined)
		bk_json_put(row, "joined", json_incref(joined));
	json_decref(joined);
}

/* The officer's urgency counts; what the person said stays visible beside it. */
static void put_urgency(json_t *row, const struct bk_case_state *s)
{
	unsigned urgency = s->set_urgency ? s->set_urgency : s->urgency;

	bk_json_text(row, "urgency", urgency_word(urgency));
	if (s->set_urgency && s->set_urgency != s->urgency)
		bk_json_text(row, "said", urgency_word(s->urgency));
}

static void put_flag(json_t *row, const char *name, bool on)
{
	if (on)
		bk_json_bool(row, name, true);
}

static void put_times(struct bk_core *core, json_t *row, const struct bk_case_state *s, bool backup)
{
	bk_ms now = bk_cases_now(core);
	json_t *due = bk_json_array();
	struct bk_due_list list;
	struct bk_policy policy;

	bk_policy_get(core, &policy);
	bk_due_case(s, backup, &policy, now, &list);
	bk_json_int(row, "waiting_ms", s->waiting_ms && now > s->waiting_ms ? now - s->waiting_ms : 0);
	bk_json_ms(row, "answer_by_ms", bk_due_sla(s, &policy));
	bk_json_ms(row, "promise_ms", s->promise_ms);
	bk_json_ms(row, "level", bk_fold_level(s));
	for (size_t i = 0; i < list.n; i++)
		bk_json_push(due, json_string(bk_due_word(list.v[i].kind)));
	if (list.n)
		bk_json_put(row, "due", json_incref(due));
	json_decref(due);
	bk_json_int(row, "last_ms", s->last_ms);
}

/* ---- one household ---- */

bool bk_cases_same_household(struct bk_core *core, bk_id a, bk_id b)
{
	json_t *kin = bk_household_list(core, a);
	char text[BK_ID_TEXT];
	bool found = false;

	bk_id_text(b, text);
	for (size_t i = 0; i < json_array_size(kin) && !found; i++)
		found = !strcmp(json_string_value(json_array_get(kin, i)), text);
	json_decref(kin);
	return found;
}

static void add_cases_of(struct bk_core *core, json_t *linked, bk_id circle)
{
	size_t at = strlen("theirs/") + BK_ID_BYTES;
	struct bk_rows keys;

	if (bk_db_keys(&core->db, bk_key_id("theirs/", circle), 0, &keys))
		return;
	for (size_t i = 0; i < keys.n; i++)
		bk_json_push_id(linked, bk_row_id(&keys.v[i], at));
	bk_rows_free(&keys);
}

/* Cases on the board of people of one household; each is named on the other, nothing of it is told there. */
static void put_linked(struct bk_core *core, json_t *row, bk_id circle)
{
	json_t *linked = bk_json_array(), *kin = bk_household_list(core, circle);

	for (size_t i = 0; i < json_array_size(kin); i++) {
		bk_id member = { { 0 } };

		if (!bk_id_parse(json_string_value(json_array_get(kin, i)), &member))
			add_cases_of(core, linked, member);
	}
	if (json_array_size(linked))
		bk_json_put(row, "linked", json_incref(linked));
	json_decref(linked);
	json_decref(kin);
}

json_t *bk_cases_row(struct bk_core *core, bk_id case_id, const struct bk_case_state *s)
{
	json_t *row = bk_json_object(), *meta = bk_cases_meta(core, case_id);
	bk_id circle = bk_json_get_id(meta, "circle");
	bool backup = !bk_id_is_zero(bk_json_get_id(meta, "first"));
	char name[BK_NAME_MAX + 1] = "";

	bk_json_id(row, "case", case_id);
	put_urgency(row, s);
	put_owner(core, row, s);
	put_times(core, row, s, backup);
	bk_items_circle_name(core, circle, name);
	bk_json_text(row, "who", name);
	bk_json_id(row, "circle", circle);
	bk_json_text(row, "what", bk_json_get_text(meta, "what"));
	bk_json_int(row, "attachments", s->attachments);
	bk_json_bool(row, "drill", s->drill);
	put_flag(row, "alarm", s->alarm);
	put_flag(row, "alarm_ended", s->alarm_ended);
	put_flag(row, "missed", s->missed);
	put_flag(row, "duress", s->duress);
	put_flag(row, "gut_feeling", s->weak);
	put_flag(row, "backup", backup);
	put_linked(core, row, circle);
	json_decref(meta);
	return row;
}

/* ---- the board ---- */

static struct bk_board_key board_key(bk_id case_id, const struct bk_case_state *s)
{
	struct bk_board_key k = { .urgency = bk_fold_urgency(s) };

	k.drill = s->drill;
	k.closed = s->closed;
	k.alarm = s->alarm;
	k.missed = s->missed;
	k.duress = s->duress;
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

bool bk_cases_on_board(struct bk_core *core, bk_id case_id, const struct bk_case_state *s)
{
	if (!s->closed || s->closed_ms + CLOSED_SHOWN_MS > bk_cases_now(core))
		return true;
	bk_db_del(&core->db, bk_key_id("board/", case_id));
	bk_db_del(&core->db, bk_key_pair("theirs/", bk_cases_person(core, case_id), case_id));
	bk_db_clear(&core->db, bk_key_id("due/", case_id));
	return false;
}

static size_t collect_board(struct bk_core *core, const struct bk_rows *keys, struct board_entry *out)
{
	size_t n = 0;

	for (size_t i = 0; i < keys->n; i++) {
		bk_id case_id = bk_row_id(&keys->v[i], strlen("board/"));
		struct bk_case_state s;

		if (bk_cases_folded(core, case_id, &s) || !bk_cases_on_board(core, case_id, &s))
			continue;
		out[n].key = board_key(case_id, &s);
		out[n++].row = bk_cases_row(core, case_id, &s);
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

	bk_json_text(entry, "change", kind < BK_CASE_KINDS ? bk_cases_change((enum bk_case_kind)kind) : "");
	bk_json_int(entry, "at_ms", bk_json_get_int(row, "at_ms"));
	if (!bk_id_is_zero(by))
		bk_cases_name(core, by, name);
	bk_json_more(entry, "by", name);
	bk_json_ms(entry, "until_ms", bk_json_get_int(row, "until_ms"));
	bk_json_more(entry, "urgency", urgency_word((unsigned)bk_json_get_int(row, "urgency")));
	bk_json_ms(entry, "level", bk_json_get_int(row, "level"));
	bk_json_id(entry, "other", bk_json_get_id(row, "other"));
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

/* Who read what is part of the case: once for each thing that happened. */
static int note_reading(struct bk_core *core, bk_id case_id, bk_ms last)
{
	struct bk_case_event e = { .kind = BK_CASE_READ };
	uint8_t at[8];

	if (!bk_db_read(&core->db, bk_key_id("read/", case_id), at, sizeof(at)) && bk_u64_read(at) >= last)
		return 0;
	bk_u64_write(at, last);
	bk_db_put(&core->db, bk_key_id("read/", case_id), at, sizeof(at));
	return bk_cases_act(core, case_id, &e, NULL);
}

int bk_cases_cmd_case(struct bk_core *core, struct bk_command *c)
{
	bk_id case_id = bk_json_get_id(c->args, "case");
	struct bk_case_state s = { .opened = false };
	json_t *rows = bk_json_array(), *row = NULL;
	int err = bk_cases_state(core, case_id, &s) ? 0 : BK_E_NOT_FOUND;

	if (!err)
		err = note_reading(core, case_id, s.last_ms);
	if (!err)
		err = bk_cases_fold_all(core, case_id, &s, rows);
	if (!err) {
		row = bk_cases_row(core, case_id, &s);
		bk_json_check(json_object_update(c->answer, row) == 0);
		json_decref(row);
		bk_json_int(c->answer, "promises_kept", s.kept);
		bk_json_int(c->answer, "promises_broken", s.broken);
		bk_json_put(c->answer, "log", log_of(core, rows));
		bk_alarm_desk_fixes(core, case_id, c->answer);
	}
	json_decref(rows);
	return err;
}
