/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where the person is. The core has no receiver of its own: a face gives it places by the command `fix`, as often as
 * it likes; what leaves is bounded in number and in time, and only while an alarm is open or a share runs.
 *
 * Rows: "where/" id (an alarm or a share): what is not told yet, newest last; "fix" (the last place, in memory only
 * while the core lives: where somebody was yesterday is nobody's business).
 */
#include "alarm.h"
#include "engine.h"

#define MERGE_MS 10000u /* two places closer together in time are one */

/* ---- a place ---- */

static int32_t e7(const json_t *v)
{
	double d = json_number_value(v) * 1e7;

	return (int32_t)(d < 0 ? d - 0.5 : d + 0.5);
}

static bool within(const json_t *v, double most)
{
	return json_is_number(v) && json_number_value(v) >= -most && json_number_value(v) <= most;
}

static json_t *fix_of(const struct bk_core *core, const json_t *args)
{
	json_t *fix = bk_json_object();
	bk_ms at = bk_json_get_int(args, "at_ms");

	bk_json_put(fix, "latitude_e7", json_integer(e7(json_object_get(args, "latitude"))));
	bk_json_put(fix, "longitude_e7", json_integer(e7(json_object_get(args, "longitude"))));
	bk_json_int(fix, "accuracy_m", bk_json_get_int(args, "accuracy_m"));
	bk_json_int(fix, "battery", bk_json_get_int(args, "battery_percent"));
	bk_json_int(fix, "at_ms", at && at <= core->now ? at : core->now);
	return fix;
}

static void fix_read(const json_t *from, Baken__Fix *fix, Baken__Place *place)
{
	baken__fix__init(fix);
	baken__place__init(place);
	place->latitude_e7 = (int32_t)json_integer_value(json_object_get(from, "latitude_e7"));
	place->longitude_e7 = (int32_t)json_integer_value(json_object_get(from, "longitude_e7"));
	place->accuracy_m = (uint32_t)bk_json_get_int(from, "accuracy_m");
	fix->place = place;
	fix->at_ms = bk_json_get_int(from, "at_ms");
	fix->battery_percent = (uint32_t)bk_json_get_int(from, "battery");
}

bool bk_locate_last(struct bk_core *core, Baken__Fix *fix, Baken__Place *place)
{
	bk_ms at = bk_json_get_int(core->fix, "at_ms");

	if (!core->fix || core->now > at + BK_FIX_FRESH_MS)
		return false;
	fix_read(core->fix, fix, place);
	return true;
}

json_t *bk_locate_json(const Baken__Fix *fix)
{
	json_t *o = bk_json_object();

	bk_json_put(o, "latitude", json_real(fix->place->latitude_e7 / 1e7));
	bk_json_put(o, "longitude", json_real(fix->place->longitude_e7 / 1e7));
	bk_json_int(o, "accuracy_m", fix->place->accuracy_m);
	bk_json_ms(o, "at_ms", fix->at_ms);
	bk_json_ms(o, "battery_percent", fix->battery_percent);
	return o;
}

/* ---- rows ---- */

static bool is_share(const json_t *row)
{
	return bk_json_get_int(row, "until_ms") != 0;
}

static bk_ms every(const json_t *row)
{
	return is_share(row) ? BK_SHARE_FIX_MS : BK_ALARM_FIX_MS;
}

static int save(struct bk_core *core, bk_id about, const json_t *row)
{
	return bk_db_put_json(&core->db, bk_key_id("where/", about), row);
}

void bk_locate_follow(struct bk_core *core, bk_id alarm, bool first, bool fallback, bool drill)
{
	json_t *row = bk_db_get_json(&core->db, bk_key_id("where/", alarm));

	if (!row)
		row = bk_json_object();
	bk_json_bool(row, "first", first);
	bk_json_bool(row, "fallback", fallback);
	bk_json_bool(row, "drill", drill);
	if (!json_object_get(row, "fixes"))
		bk_json_put(row, "fixes", bk_json_array());
	save(core, alarm, row);
	json_decref(row);
}

void bk_locate_end(struct bk_core *core, bk_id about)
{
	bk_db_del(&core->db, bk_key_id("where/", about));
}

/* Newest last; the oldest goes when there are too many. */
static void add(json_t *row, json_t *fix)
{
	json_t *fixes = json_object_get(row, "fixes");
	size_t n = json_array_size(fixes);
	bk_ms at = bk_json_get_int(fix, "at_ms"), last = bk_json_get_int(json_array_get(fixes, n - 1), "at_ms");

	if (n && at < last + MERGE_MS && n > 1)
		json_array_remove(fixes, --n);
	if (n >= BK_FIXES_MAX)
		json_array_remove(fixes, 0);
	bk_json_push(fixes, json_incref(fix));
}

/* ---- leaving ---- */

static int post(struct bk_core *core, bk_id about, json_t *row, bool last)
{
	Baken__Content content = BAKEN__CONTENT__INIT;
	Baken__Location m = BAKEN__LOCATION__INIT;
	Baken__Fix fixes[BK_FIXES_MAX], *list[BK_FIXES_MAX];
	Baken__Place places[BK_FIXES_MAX];
	const json_t *from = json_object_get(row, "fixes");
	bool first = bk_json_get_bool(row, "first") && !is_share(row);
	int err = 0;
	struct bk_post p = { .content = &content, .kind = BK_CONTENT_LOCATION, .conversation = about,
		.regime = BAKEN__REGIME__REGIME_SECURITY,
		.class = first ? BAKEN__CLASS__CLASS_ALARM : BAKEN__CLASS__CLASS_URGENT };

	p.n_circles = bk_alarm_circles(core, bk_json_get_bool(row, "fallback"), p.circles);
	if (!p.n_circles)
		return BK_E_NOT_FOUND;
	for (; m.n_fixes < json_array_size(from) && m.n_fixes < BK_FIXES_MAX; m.n_fixes++) {
		fix_read(json_array_get(from, m.n_fixes), &fixes[m.n_fixes], &places[m.n_fixes]);
		list[m.n_fixes] = &fixes[m.n_fixes];
	}
	m.fixes = list;
	m.about_id = bk_bytes(about.b, BK_ID_BYTES);
	m.until_ms = bk_json_get_int(row, "until_ms");
	m.last = last;
	content.kind_case = BAKEN__CONTENT__KIND_LOCATION;
	content.location = &m;
	content.drill = bk_json_get_bool(row, "drill");
	err = bk_outbox_post(core, &p);
	bk_json_id(row, "message", p.id);
	return err;
}

/* The one before has not left yet: what is new is added to what waits, and one message will tell it. */
static bool is_under_way(struct bk_core *core, const json_t *row)
{
	const struct bk_out *o = bk_outbox_find(core, bk_json_get_id(row, "message"));

	return o && o->state < BK_OUT_STORED;
}

static bk_ms due(const struct bk_core *core, const json_t *row)
{
	bk_ms next = BK_NEVER, until = bk_json_get_int(row, "until_ms"), sent = bk_json_get_int(row, "sent_ms");

	if (json_array_size(json_object_get(row, "fixes")))
		next = sent > core->now ? core->now : sent + every(row);
	return until && until < next ? until : next;
}

static void step(struct bk_core *core, bk_id about, json_t *row)
{
	bool over = is_share(row) && core->now >= bk_json_get_int(row, "until_ms");
	int err = 0;

	if (!over && (is_under_way(core, row) || !bk_link_online(core))) {
		bk_json_int(row, "sent_ms", core->now); /* looked at again a while later */
	} else {
		err = post(core, about, row, over);
		if (!err) {
			bk_json_int(row, "sent_ms", core->now);
			bk_json_put(row, "fixes", bk_json_array());
			bk_json_bool(row, "first", false);
		}
	}
	if (over)
		bk_locate_end(core, about);
	else
		save(core, about, row);
}

/* Each row that is due; the time of the next. */
static bk_ms walk(struct bk_core *core, bool act)
{
	struct bk_rows rows;
	bk_ms next = BK_NEVER;

	if (bk_db_rows(&core->db, bk_key("where/"), 0, &rows))
		return next;
	for (size_t i = 0; i < rows.n; i++) {
		json_t *row = bk_json_row(rows.v[i].value, rows.v[i].len);
		bk_ms at = row ? due(core, row) : BK_NEVER;

		if (act && row && at <= core->now)
			step(core, bk_row_id(&rows.v[i], strlen("where/")), row);
		else if (at < next)
			next = at;
		json_decref(row);
	}
	bk_rows_free(&rows);
	return next;
}

void bk_locate_tick(struct bk_core *core)
{
	walk(core, true);
}

bk_ms bk_locate_next(struct bk_core *core)
{
	return walk(core, false);
}

/* ---- commands ---- */

static int give(struct bk_core *core, json_t *fix)
{
	struct bk_rows rows;
	int err = bk_db_rows(&core->db, bk_key("where/"), 0, &rows);

	if (err)
		return err;
	for (size_t i = 0; i < rows.n; i++) {
		bk_id about = bk_row_id(&rows.v[i], strlen("where/"));
		json_t *row = bk_json_row(rows.v[i].value, rows.v[i].len);

		if (row) {
			add(row, fix);
			save(core, about, row);
		}
		json_decref(row);
	}
	bk_rows_free(&rows);
	return 0;
}

int bk_locate_cmd_fix(struct bk_core *core, struct bk_command *c)
{
	json_t *fix = NULL;
	int err = 0;

	if (!within(json_object_get(c->args, "latitude"), 90) || !within(json_object_get(c->args, "longitude"), 180)) {
		c->say = BK_SAY_FIELD;
		return BK_E_INVAL;
	}
	fix = fix_of(core, c->args);
	err = give(core, fix);
	json_decref(core->fix);
	core->fix = fix;
	core->alarm_ms = core->now; /* the tick of this turn's end decides what leaves */
	return err;
}

static bk_id running(struct bk_core *core, json_t **ret_row)
{
	struct bk_rows rows;
	bk_id found = { { 0 } };

	*ret_row = NULL;
	if (bk_db_rows(&core->db, bk_key("where/"), 0, &rows))
		return found;
	for (size_t i = 0; i < rows.n && !*ret_row; i++) {
		json_t *row = bk_json_row(rows.v[i].value, rows.v[i].len);

		if (row && is_share(row)) {
			found = bk_row_id(&rows.v[i], strlen("where/"));
			*ret_row = json_incref(row);
		}
		json_decref(row);
	}
	bk_rows_free(&rows);
	return found;
}

/* One at a time: again is longer or shorter. */
int bk_locate_cmd_share(struct bk_core *core, struct bk_command *c)
{
	uint64_t minutes = bk_json_get_int(c->args, "minutes");
	json_t *row = NULL, *fixes = NULL;
	bk_id share = running(core, &row);
	bk_ms until = core->now + minutes * 60000u;
	int err = minutes && !bk_id_is_zero(bk_rosters_desk(core)) ? 0 : BK_E_INVAL;

	if (!err && bk_id_is_zero(share))
		share = bk_id_random();
	if (!row)
		row = bk_json_object();
	bk_json_int(row, "until_ms", until);
	bk_json_bool(row, "drill", bk_json_get_bool(c->args, "drill"));
	if (!json_object_get(row, "fixes")) {
		fixes = bk_json_array();
		if (core->fix && core->now <= bk_json_get_int(core->fix, "at_ms") + BK_FIX_FRESH_MS)
			bk_json_push(fixes, json_incref(core->fix));
		bk_json_put(row, "fixes", fixes);
	}
	if (!err)
		err = save(core, share, row);
	core->alarm_ms = core->now;
	bk_json_id(c->answer, "share", share);
	bk_json_int(c->answer, "until_ms", until);
	json_decref(row);
	return err;
}

int bk_locate_cmd_stop(struct bk_core *core, struct bk_command *c)
{
	json_t *row = NULL;
	bk_id share = running(core, &row);
	int err = row ? post(core, share, row, true) : BK_E_STATE;

	(void)c;
	if (!err)
		bk_locate_end(core, share);
	json_decref(row);
	return err;
}
