/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "alarm.h"

#include "compose.h"
#include "engine.h"
#include "pin.h"

#define ROW "alarm/open"

static json_t *row_get(struct bk_core *core)
{
	return bk_db_get_json(&core->db, bk_key(ROW));
}

static void changed(struct bk_core *core)
{
	core->alarm_ms = bk_alarm_next(core);
}

static int row_put(struct bk_core *core, const json_t *row)
{
	int err = bk_db_put_json(&core->db, bk_key(ROW), row);

	changed(core);
	return err;
}

static void row_drop(struct bk_core *core)
{
	bk_db_del(&core->db, bk_key(ROW));
	changed(core);
}

static bool is_armed(const json_t *row)
{
	return !strcmp(bk_json_get_text(row, "state"), "armed");
}

/* ---- telling ---- */

static void tell(struct bk_core *core, const json_t *row, const char *state, bk_ms at, const char *by)
{
	json_t *event = bk_event("alarm");

	bk_json_text(event, "state", state);
	bk_json_id(event, "message", bk_json_get_id(row, "message"));
	bk_json_int(event, "at_ms", at);
	if (is_armed(row))
		bk_json_ms(event, "until_ms", bk_json_get_int(row, "until_ms"));
	bk_json_bool(event, "silent", bk_json_get_bool(row, "silent"));
	bk_json_bool(event, "drill", bk_json_get_bool(row, "drill"));
	bk_json_more(event, "by", by);
	if (!strcmp(state, "no-receipt")) {
		bk_json_int(event, "after_ms", BK_ALARM_NO_RECEIPT_MS);
		bk_json_text(event, "text", bk_lang_say(BK_SAY_CALL_112, 0, core->o.lang));
	}
	bk_emit(core, event);
}

/* ---- sending ---- */

size_t bk_alarm_circles(struct bk_core *core, bool fallback, bk_id out[static 2])
{
	bk_id desk = bk_rosters_desk(core);
	const struct bk_roster *r = bk_rosters_get(core, desk);
	size_t n = 0;

	if (bk_id_is_zero(desk))
		return 0;
	out[n++] = desk;
	if (fallback && r && bk_rosters_get(core, r->fallback))
		out[n++] = r->fallback;
	return n;
}

/* A drill wakes no other desk unless it asks for it. */
static bool goes_further(const json_t *row)
{
	return !bk_json_get_bool(row, "drill") || bk_json_get_bool(row, "full");
}

static void fill(struct bk_core *core, const json_t *row, Baken__Alarm *m, Baken__Fix *fix, Baken__Place *place)
{
	m->cause = bk_json_get_bool(row, "silent") ? BAKEN__ALARM__CAUSE__SILENT : BAKEN__ALARM__CAUSE__BUTTON;
	m->text = (char *)(uintptr_t)bk_json_get_text(row, "text");
	m->armed_ms = bk_json_get_int(row, "armed_ms");
	if (bk_locate_last(core, fix, place))
		m->fix = fix;
}

static int post(struct bk_core *core, json_t *row)
{
	Baken__Content content = BAKEN__CONTENT__INIT;
	Baken__Alarm m = BAKEN__ALARM__INIT;
	Baken__Fix fix;
	Baken__Place place;
	struct bk_post p = { .content = &content, .kind = BK_CONTENT_ALARM, .class = BAKEN__CLASS__CLASS_ALARM,
		.regime = BAKEN__REGIME__REGIME_SECURITY, .copy = true };
	int err = 0;

	p.n_circles = bk_alarm_circles(core, goes_further(row), p.circles);
	if (!p.n_circles)
		return BK_E_NOT_FOUND;
	fill(core, row, &m, &fix, &place);
	p.conversation = bk_json_get_id(row, "conversation");
	content.kind_case = BAKEN__CONTENT__KIND_ALARM;
	content.alarm = &m;
	content.drill = bk_json_get_bool(row, "drill");
	err = bk_outbox_post(core, &p);
	if (!err)
		err = bk_compose_keep(core, &p);
	if (!err) {
		bk_json_id(row, "message", p.id);
		if (bk_id_is_zero(p.conversation))
			bk_json_id(row, "conversation", p.id);
		bk_locate_follow(core, bk_json_get_id(row, "conversation"), !m.fix, goes_further(row),
			content.drill);
	}
	return err;
}

static int go(struct bk_core *core, json_t *row)
{
	int err = post(core, row);

	if (err)
		return err;
	bk_json_text(row, "state", "open");
	bk_json_int(row, "sent_ms", core->now);
	json_object_del(row, "stored_ms");
	json_object_del(row, "seen_ms");
	json_object_del(row, "warned");
	tell(core, row, "sent", core->now, "");
	return row_put(core, row);
}

void bk_alarm_build(json_t *item, const Baken__Alarm *m)
{
	static const char *const causes[] = { "", "button", "silent", "missed" };

	bk_json_text(item, "kind", "alarm");
	bk_json_text(item, "cause", (size_t)m->cause < 4 ? causes[m->cause] : "");
	bk_json_more(item, "text", m->text);
	bk_json_ms(item, "armed_ms", m->armed_ms);
	bk_json_ms(item, "due_ms", m->due_ms);
	if (m->fix)
		bk_json_put(item, "fix", bk_locate_json(m->fix));
}

/* ---- commands ---- */

static json_t *row_new(struct bk_core *core, const struct bk_command *c, const json_t *before)
{
	json_t *row = bk_json_object();

	bk_json_text(row, "state", "armed");
	bk_json_int(row, "armed_ms", core->now);
	bk_json_int(row, "until_ms", core->now + BK_ALARM_ARM_MS);
	bk_json_bool(row, "silent", bk_json_get_bool(c->args, "silent"));
	bk_json_bool(row, "drill", bk_json_get_bool(c->args, "drill"));
	bk_json_bool(row, "full", bk_json_get_bool(c->args, "full"));
	bk_json_more(row, "text", bk_json_get_text(c->args, "text"));
	/* Again while one is open: another alarm of the same case. A drill is none of a real one, nor the reverse. */
	if (before && bk_json_get_bool(before, "drill") == bk_json_get_bool(row, "drill"))
		bk_json_id(row, "conversation", bk_json_get_id(before, "conversation"));
	return row;
}

static int check_desk(struct bk_core *core, struct bk_command *c)
{
	if (!bk_id_is_zero(bk_rosters_desk(core)))
		return 0;
	c->say = BK_SAY_NO_RECEIVER;
	return BK_E_NOT_FOUND;
}

static void answer(struct bk_command *c, const json_t *row)
{
	bk_json_text(c->answer, "state", bk_json_get_text(row, "state"));
	if (is_armed(row))
		bk_json_ms(c->answer, "until_ms", bk_json_get_int(row, "until_ms"));
	bk_json_id(c->answer, "message", bk_json_get_id(row, "message"));
}

/* Pressed twice by a hand that shakes is one alarm. */
static bool is_same(const struct bk_core *core, const json_t *row, const struct bk_command *c)
{
	bk_ms sent = bk_json_get_int(row, "sent_ms");

	if (!row || bk_json_get_bool(row, "drill") != bk_json_get_bool(c->args, "drill"))
		return false;
	return is_armed(row) || (core->now >= sent && core->now - sent < BK_ALARM_AGAIN_MS);
}

static int arm(struct bk_core *core, struct bk_command *c, bool now)
{
	json_t *before = row_get(core), *row = NULL;
	int err = check_desk(core, c);

	if (!err && is_same(core, before, c)) {
		if (now && is_armed(before))
			err = go(core, before);
		if (!err)
			answer(c, before);
		json_decref(before);
		return err;
	}
	row = row_new(core, c, before);
	if (!err && now)
		err = go(core, row);
	else if (!err)
		err = row_put(core, row);
	if (!err && !now)
		tell(core, row, "armed", core->now, "");
	if (!err)
		answer(c, row);
	json_decref(row);
	json_decref(before);
	return err;
}

int bk_alarm_cmd_arm(struct bk_core *core, struct bk_command *c)
{
	return arm(core, c, false);
}

int bk_alarm_cmd_now(struct bk_core *core, struct bk_command *c)
{
	return arm(core, c, true);
}

static int post_end(struct bk_core *core, bk_id alarm, Baken__AlarmEnd__Reason reason, const char *text, bool fallback)
{
	Baken__Content content = BAKEN__CONTENT__INIT;
	Baken__AlarmEnd m = BAKEN__ALARM_END__INIT;
	struct bk_post p = { .content = &content, .kind = BK_CONTENT_ALARM_END, .class = BAKEN__CLASS__CLASS_URGENT,
		.regime = BAKEN__REGIME__REGIME_SECURITY, .conversation = alarm, .copy = true };

	p.n_circles = bk_alarm_circles(core, fallback, p.circles);
	if (!p.n_circles)
		return BK_E_NOT_FOUND;
	m.alarm_id = bk_bytes(alarm.b, BK_ID_BYTES);
	m.reason = reason;
	m.text = (char *)(uintptr_t)text;
	content.kind_case = BAKEN__CONTENT__KIND_ALARM_END;
	content.alarm_end = &m;
	return bk_outbox_post(core, &p);
}

static int check_pin(struct bk_core *core, const struct bk_command *c)
{
	return bk_pin_check(core, bk_json_get_text(c->args, "pin"));
}

/*
 * The desk hears that an alarm was begun and taken back, in a message that is the same from outside whichever PIN it
 * was: under duress it says so inside, and the desk takes it for the alarm that it is (duress.h).
 */
int bk_alarm_cmd_cancel(struct bk_core *core, struct bk_command *c)
{
	json_t *row = row_get(core);
	bk_id alarm = bk_json_get_id(row, "conversation");
	int err = row && is_armed(row) ? check_pin(core, c) : BK_E_STATE;

	if (!err)
		err = post_end(core, bk_id_is_zero(alarm) ? bk_id_random() : alarm, BAKEN__ALARM_END__REASON__MISTAKE, "",
			goes_further(row));
	if (!err) {
		tell(core, row, "cancelled", core->now, "");
		row_drop(core);
	}
	json_decref(row);
	return err;
}

int bk_alarm_cmd_end(struct bk_core *core, struct bk_command *c)
{
	const char *word = bk_json_get_text(c->args, "reason");
	bool safe = !strcmp(word, "safe");
	json_t *row = row_get(core);
	int err = row && !is_armed(row) ? 0 : BK_E_STATE;

	if (!err && !safe && strcmp(word, "mistake")) {
		c->say = BK_SAY_FIELD;
		err = BK_E_INVAL;
	}
	if (!err)
		err = check_pin(core, c);
	if (!err)
		err = post_end(core, bk_json_get_id(row, "conversation"),
			safe ? BAKEN__ALARM_END__REASON__SAFE : BAKEN__ALARM_END__REASON__MISTAKE,
			bk_json_get_text(c->args, "text"), goes_further(row));
	if (!err) {
		bk_locate_end(core, bk_json_get_id(row, "conversation"));
		tell(core, row, "ended", core->now, "");
		row_drop(core);
	}
	json_decref(row);
	return err;
}

int bk_alarm_cmd_look(struct bk_core *core, struct bk_command *c)
{
	json_t *row = row_get(core);

	if (!row) {
		bk_json_text(c->answer, "state", "none");
		return 0;
	}
	answer(c, row);
	bk_json_bool(c->answer, "silent", bk_json_get_bool(row, "silent"));
	bk_json_bool(c->answer, "drill", bk_json_get_bool(row, "drill"));
	bk_json_ms(c->answer, "armed_ms", bk_json_get_int(row, "armed_ms"));
	bk_json_ms(c->answer, "sent_ms", bk_json_get_int(row, "sent_ms"));
	bk_json_ms(c->answer, "stored_ms", bk_json_get_int(row, "stored_ms"));
	bk_json_ms(c->answer, "seen_ms", bk_json_get_int(row, "seen_ms"));
	json_decref(row);
	return 0;
}

/* ---- what becomes of it ---- */

static bool is_about(const json_t *row, bk_id message)
{
	return row && !is_armed(row) && bk_id_equal(bk_json_get_id(row, "message"), message);
}

void bk_alarm_on_rung(struct bk_core *core, bk_id message, const char *rung, bk_ms at, const char *by)
{
	json_t *row = row_get(core);

	if (!is_about(row, message)) {
		json_decref(row);
		return;
	}
	if (!strcmp(rung, "stored")) {
		bk_json_int(row, "stored_ms", at);
		row_put(core, row);
		tell(core, row, "stored", at, "");
	} else if (!strcmp(rung, "claimed")) {
		tell(core, row, "claimed", at, by);
	} else if (!strcmp(rung, "answered")) { /* the desk has dealt with it */
		bk_locate_end(core, bk_json_get_id(row, "conversation"));
		tell(core, row, "ended", at, by);
		row_drop(core);
	}
	json_decref(row);
}

void bk_alarm_on_officer(struct bk_core *core, bk_id message, bk_ms at, const char *by)
{
	json_t *row = row_get(core);

	if (is_about(row, message) && !bk_json_get_int(row, "seen_ms")) {
		bk_json_int(row, "seen_ms", at);
		row_put(core, row);
		tell(core, row, "seen", at, by);
	}
	json_decref(row);
}

static void own_end(struct bk_core *core, const struct bk_opened *o)
{
	const Baken__AlarmEnd *m = o->content->alarm_end;
	bk_id alarm = { { 0 } };
	json_t *row = row_get(core);

	if (row && !is_armed(row) && !bk_id_from(m->alarm_id.data, m->alarm_id.len, &alarm) &&
		bk_id_equal(alarm, bk_json_get_id(row, "conversation"))) {
		bk_locate_end(core, alarm);
		tell(core, row, "ended", core->now, "");
		row_drop(core);
	}
	json_decref(row);
}

void bk_alarm_on_message(struct bk_core *core, const struct bk_opened *o, bk_ms stored_ms)
{
	bool desk = bk_is_desk(core);

	if (desk && o->kind == BK_CONTENT_ALARM)
		bk_alarm_desk_on_alarm(core, o, stored_ms);
	else if (desk && o->kind == BK_CONTENT_ALARM_END)
		bk_alarm_desk_on_end(core, o, stored_ms);
	else if (desk && o->kind == BK_CONTENT_LOCATION)
		bk_alarm_desk_on_location(core, o, stored_ms);
	else if (!desk && o->kind == BK_CONTENT_ALARM_END)
		own_end(core, o);
}

/* ---- time ---- */

/* A clock that was set back must not make five seconds of an hour. */
static bk_ms due(const struct bk_core *core, const json_t *row)
{
	bk_ms until = bk_json_get_int(row, "until_ms"), sent = bk_json_get_int(row, "sent_ms");

	if (is_armed(row))
		return until > core->now + BK_ALARM_ARM_MS ? core->now : until;
	if (bk_json_get_int(row, "stored_ms") || bk_json_get_bool(row, "warned"))
		return BK_NEVER;
	return sent > core->now ? core->now : sent + BK_ALARM_NO_RECEIPT_MS;
}

bk_ms bk_alarm_next(struct bk_core *core)
{
	json_t *row = row_get(core);
	bk_ms next = row ? due(core, row) : BK_NEVER, where = bk_locate_next(core);

	json_decref(row);
	return next < where ? next : where;
}

void bk_alarm_tick(struct bk_core *core)
{
	json_t *row = NULL;

	if (core->now < core->alarm_ms || !bk_is_person(core))
		return;
	row = row_get(core);
	if (row && core->now >= due(core, row)) {
		if (is_armed(row)) {
			if (go(core, row) && !core->db.err) /* no desk any more, or no room: looked at again, and told */
				core->alarm_ms = core->now + 1000;
		} else {
			bk_json_bool(row, "warned", true);
			tell(core, row, "no-receipt", core->now, "");
			row_put(core, row);
		}
	}
	json_decref(row);
	bk_locate_tick(core);
	if (core->alarm_ms <= core->now)
		changed(core);
}

/* ---- beforehand ---- */

void bk_alarm_warm(struct bk_core *core)
{
	bk_id circles[2];
	const struct bk_roster *desk = NULL;
	size_t n = 0;

	if (!bk_is_person(core) || !bk_link_online(core))
		return;
	desk = bk_rosters_get(core, bk_rosters_desk(core));
	if (desk && !bk_id_is_zero(desk->fallback))
		bk_rosters_ready(core, desk->fallback); /* asks for it */
	n = bk_alarm_circles(core, true, circles);
	for (size_t i = 0; i < n; i++)
		bk_sessions_warm(core, circles[i]);
}
