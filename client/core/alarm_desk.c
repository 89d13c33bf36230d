/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Alarms at the desk: each makes or joins a case at once. The first officer's device of a desk that reads one says so
 * to the fall-back desk, so that nobody there is rung for what is seen already (due.h decides when they are).
 * Rows: "fix/" person's circle + time + number -> a place, and what it is about; the newest FIXES_MAX of each.
 */
#include "alarm.h"
#include "cases.h"
#include "duress.h"
#include "engine.h"

#define FIXES_MAX 500u  /* of one person */
#define SHOWN_MAX 100u  /* with a case */
#define URGENCY_NOW 3u

static bk_ms time_of(const struct bk_opened *o, bk_ms stored_ms)
{
	return stored_ms ? stored_ms : o->content->written_ms;
}

/* Nobody writes into somebody else's case (R9). */
static bk_id case_of(struct bk_core *core, const struct bk_opened *o, bk_id wanted)
{
	bk_id known = bk_cases_person(core, wanted);

	return bk_id_is_zero(known) || bk_id_equal(known, o->circle->circle) ? wanted : o->logical;
}

/* Another desk's, that ours stands behind: zero when it is our own. */
static bk_id first_desk(const struct bk_core *core, const struct bk_opened *o)
{
	return bk_id_equal(o->circle->desk, core->self.circle) ? (bk_id){ { 0 } } : o->circle->desk;
}

/* ---- seen ---- */

static bool tells_fallback(struct bk_core *core, const struct bk_opened *o, bk_id *ret_fallback)
{
	const struct bk_roster *own = bk_rosters_get(core, core->self.circle);

	if (!own || o->content->drill || !bk_roles_is_desk(core->self.role) ||
		!bk_rosters_get(core, own->fallback))
		return false;
	*ret_fallback = own->fallback;
	return true;
}

static void say_seen(struct bk_core *core, const struct bk_opened *o, bk_id case_id)
{
	Baken__Content content = BAKEN__CONTENT__INIT;
	Baken__CaseEvent m = BAKEN__CASE_EVENT__INIT;
	struct bk_post p = { .content = &content, .kind = BK_CONTENT_CASE_EVENT, .class = BAKEN__CLASS__CLASS_URGENT,
		.regime = BAKEN__REGIME__REGIME_SECURITY, .conversation = case_id, .n_circles = 1 };

	if (!tells_fallback(core, o, &p.circles[0]))
		return;
	m.kind = BAKEN__CASE_EVENT__KIND__SEEN;
	m.case_id = bk_bytes(case_id.b, BK_ID_BYTES);
	m.at_ms = bk_cases_now(core);
	content.kind_case = BAKEN__CONTENT__KIND_CASE_EVENT;
	content.case_event = &m;
	bk_outbox_post(core, &p);
}

/* ---- alarm and end ---- */

/* What the board says. A silent one says first that nobody may call back. */
static const char *words_of(const struct bk_core *core, const Baken__Alarm *m)
{
	if (m->cause == BAKEN__ALARM__CAUSE__SILENT)
		return bk_lang_say(BK_SAY_SILENT_ALARM, 0, core->o.lang);
	return m->text && *m->text ? m->text : bk_lang_say(BK_SAY_ALARM, 0, core->o.lang);
}

void bk_alarm_desk_on_alarm(struct bk_core *core, const struct bk_opened *o, bk_ms stored_ms)
{
	struct bk_case_event e = { .id = o->logical, .kind = BK_CASE_ALARM, .urgency = URGENCY_NOW };
	bk_id case_id = case_of(core, o, o->conversation), first = first_desk(core, o);

	e.at_ms = time_of(o, stored_ms);
	e.drill = o->content->drill;
	if (!bk_cases_known(core, case_id)) {
		bk_cases_begin(core, case_id, o->circle->circle, words_of(core, o->content->alarm));
		if (!bk_id_is_zero(first))
			bk_cases_stand_behind(core, case_id, first);
	}
	bk_cases_add(core, case_id, &e, o->content->alarm->text);
	if (bk_id_is_zero(first))
		say_seen(core, o, case_id);
}

/* An end of what never began here was taken back in time: there is nothing to show. */
void bk_alarm_desk_on_end(struct bk_core *core, const struct bk_opened *o, bk_ms stored_ms)
{
	const Baken__AlarmEnd *m = o->content->alarm_end;
	struct bk_case_event e = { .id = o->logical, .kind = BK_CASE_ALARM_ENDED };
	bk_id case_id = { { 0 } };

	if (bk_duress_said(o->content)) /* said by somebody who is forced: it ends nothing */
		return;
	if (bk_id_from(m->alarm_id.data, m->alarm_id.len, &case_id) ||
		!bk_id_equal(bk_cases_person(core, case_id), o->circle->circle))
		return;
	e.at_ms = time_of(o, stored_ms);
	bk_cases_add(core, case_id, &e, m->text);
}

/* ---- places ---- */

static struct bk_key fix_key(bk_id circle, bk_ms at, uint64_t n)
{
	struct bk_key k = bk_key_id("fix/", circle);

	bk_key_add_u64(&k, at);
	bk_key_add_u64(&k, n);
	return k;
}

static void bound(struct bk_core *core, bk_id circle)
{
	struct bk_rows keys;

	if (bk_db_keys(&core->db, bk_key_id("fix/", circle), 0, &keys))
		return;
	for (size_t i = 0; i + FIXES_MAX < keys.n; i++) {
		struct bk_key k = bk_key("");

		bk_key_add(&k, keys.v[i].key, keys.v[i].key_len);
		bk_db_del(&core->db, k);
	}
	bk_rows_free(&keys);
}

static json_t *keep_fix(struct bk_core *core, const struct bk_opened *o, const Baken__Fix *fix, size_t n)
{
	json_t *row = bk_locate_json(fix);
	bk_id about = { { 0 } };

	bk_id_from(o->content->location->about_id.data, o->content->location->about_id.len, &about);
	bk_json_id(row, "about", about);
	bk_json_ms(row, "until_ms", o->content->location->until_ms);
	bk_db_put_json(&core->db, fix_key(o->circle->circle, fix->at_ms, n), row);
	return row;
}

void bk_alarm_desk_on_location(struct bk_core *core, const struct bk_opened *o, bk_ms stored_ms)
{
	const Baken__Location *m = o->content->location;
	json_t *event = bk_event("location"), *last = NULL;
	char name[BK_NAME_MAX + 1];

	for (size_t i = 0; i < m->n_fixes; i++) {
		json_decref(last);
		last = keep_fix(core, o, m->fixes[i], i);
	}
	bound(core, o->circle->circle);
	if (last)
		bk_json_check(json_object_update(event, last) == 0);
	else
		bk_json_hex(event, "about", m->about_id.data, m->about_id.len);
	json_decref(last);
	bk_items_circle_name(core, o->circle->circle, name);
	bk_json_id(event, "circle", o->circle->circle);
	bk_json_text(event, "name", name);
	bk_json_ms(event, "stored_ms", stored_ms);
	bk_json_bool(event, "last", m->last);
	bk_json_bool(event, "drill", o->content->drill);
	bk_emit(core, event);
}

/* Newest first; about: of one alarm or share, zero: all. */
static json_t *fixes_of(struct bk_core *core, bk_id circle, bk_id about, size_t limit)
{
	json_t *list = bk_json_array();
	struct bk_rows rows;

	if (bk_db_rows(&core->db, bk_key_id("fix/", circle), 0, &rows))
		return list;
	for (size_t i = rows.n; i-- > 0 && json_array_size(list) < limit;) {
		json_t *row = bk_json_row(rows.v[i].value, rows.v[i].len);

		if (row && (bk_id_is_zero(about) || bk_id_equal(bk_json_get_id(row, "about"), about)))
			bk_json_push(list, json_incref(row));
		json_decref(row);
	}
	bk_rows_free(&rows);
	return list;
}

/* The alarm's own place goes with those that followed it. */
void bk_alarm_desk_fixes(struct bk_core *core, bk_id case_id, json_t *shown)
{
	json_t *list = fixes_of(core, bk_cases_person(core, case_id), case_id, SHOWN_MAX);
	json_t *item = bk_items_get(core, case_id), *fix = json_object_get(item, "fix");

	if (fix)
		bk_json_push(list, json_incref(fix));
	if (json_array_size(list))
		bk_json_put(shown, "fixes", json_incref(list));
	json_decref(item);
	json_decref(list);
}

int bk_alarm_desk_cmd_places(struct bk_core *core, struct bk_command *c)
{
	size_t limit = bk_json_get_int(c->args, "limit");

	bk_json_put(c->answer, "fixes", fixes_of(core, bk_json_get_id(c->args, "circle"), (bk_id){ { 0 } },
		limit ? limit : SHOWN_MAX));
	return 0;
}

/* ---- wake ---- */

void bk_alarm_desk_on_wake(struct bk_core *core, const Baken__Wake *m)
{
	json_t *event = NULL;
	bk_id circle = { { 0 } };

	if (!bk_is_desk(core) || bk_id_from(m->circle_id.data, m->circle_id.len, &circle))
		return;
	event = bk_event("wake");
	bk_json_id(event, "circle", circle);
	bk_json_int(event, "level", m->level);
	bk_json_int(event, "stored_ms", m->stored_ms);
	bk_json_bool(event, "drill", m->drill);
	bk_json_text(event, "text", bk_lang_say(BK_SAY_ALARM_WAITS, 0, core->o.lang));
	bk_emit(core, event);
}
