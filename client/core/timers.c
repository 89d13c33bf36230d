/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Timers as their person has them: commands, rows, and what is told of them. */
#include "timers.h"

#include <sodium.h>

#include "cases.h"
#include "engine.h"
#include "pin.h"

#define KEPT_MS (7ull * 86400000ull) /* one that is over is shown so long */
#define RUNNING_MAX 32u              /* as the server allows */
#define MINUTE 60000ull
#define SPAN_LEAST 5000ull           /* shorter than that is a slip of the hand */
#define GRACE_DEFAULT (5 * MINUTE)

static bk_ms now_of(const struct bk_core *core)
{
	return bk_cases_now(core);
}

bk_ms bk_timers_local(const struct bk_core *core, bk_ms server_ms)
{
	int64_t t = (int64_t)server_ms - core->link.skew_ms;

	return t > 0 ? (bk_ms)t : server_ms;
}

/* ---- rows ---- */

json_t *bk_timers_load(struct bk_core *core, bk_id watch)
{
	return bk_db_get_json(&core->db, bk_key_id("watch/", watch));
}

int bk_timers_save(struct bk_core *core, bk_id watch, const json_t *row)
{
	core->timers.dirty = true;
	core->timers.next_ms = 0;
	return bk_db_put_json(&core->db, bk_key_id("watch/", watch), row);
}

bool bk_timers_ended(const json_t *row)
{
	return *bk_json_get_text(row, "end") != '\0';
}

static struct bk_watch_due due_of(const json_t *row)
{
	return (struct bk_watch_due){ bk_json_get_int(row, "from_ms"), bk_json_get_int(row, "due_ms"),
		bk_json_get_int(row, "grace_ms") };
}

/* What the server said, and of the newest arming. */
static bool server_says(const json_t *row, Baken__WatchState__State state)
{
	return bk_json_get_int(row, "server_state") == (uint64_t)state &&
		bk_json_get_int(row, "server_counter") == bk_json_get_int(row, "counter");
}

bool bk_timers_settled(const json_t *row)
{
	return server_says(row, BAKEN__WATCH_STATE__STATE__ENDED) || server_says(row, BAKEN__WATCH_STATE__STATE__FIRED);
}

static struct bk_watch_facts facts_of(struct bk_core *core, const json_t *row)
{
	return (struct bk_watch_facts){ .ended = bk_timers_ended(row),
		.fired = server_says(row, BAKEN__WATCH_STATE__STATE__FIRED),
		.armed = server_says(row, BAKEN__WATCH_STATE__STATE__ARMED), .has_key = bk_timers_has_key(core, row) };
}

static enum bk_watch_shown shown_of(struct bk_core *core, const json_t *row, bool *ret_confirmed)
{
	struct bk_watch_facts f = facts_of(core, row);
	struct bk_watch_due due = due_of(row);

	*ret_confirmed = f.ended ? bk_timers_settled(row) : (f.armed && f.has_key) || f.fired;
	return bk_watch_due_shown(&f, bk_watch_due_phase(&due, now_of(core)));
}

/* ---- shown ---- */

static json_t *item_of(struct bk_core *core, bk_id watch, const json_t *row)
{
	json_t *item = bk_json_object();
	bool confirmed = false;
	enum bk_watch_shown shown = shown_of(core, row, &confirmed);
	bk_ms known = bk_json_get_int(row, "server_due_ms");

	bk_json_id(item, "watch", watch);
	bk_json_text(item, "kind", bk_json_get_text(row, "kind"));
	bk_json_text(item, "state", bk_watch_due_word(shown));
	bk_json_bool(item, "confirmed", confirmed);
	bk_json_more(item, "what", bk_json_get_text(row, "what"));
	bk_json_more(item, "where", bk_json_get_text(row, "where"));
	bk_json_int(item, "due_ms", bk_timers_local(core, bk_json_get_int(row, "due_ms")));
	bk_json_int(item, "grace_ms", bk_json_get_int(row, "grace_ms"));
	bk_json_ms(item, "interval_ms", bk_json_get_int(row, "interval_ms"));
	bk_json_ms(item, "known_due_ms", known ? bk_timers_local(core, known) : 0);
	bk_json_more(item, "end", bk_json_get_text(row, "end"));
	bk_json_more(item, "refused", bk_json_get_text(row, "refused"));
	bk_json_bool(item, "drill", bk_json_get_bool(row, "drill"));
	return item;
}

/* Once for each thing that changed: the word it is shown by, whether that is confirmed, when it is due. */
static bool tell(struct bk_core *core, bk_id watch, json_t *row)
{
	bool confirmed = false;
	enum bk_watch_shown shown = shown_of(core, row, &confirmed);
	uint64_t told = 1 + (uint64_t)shown * 2 + confirmed;
	json_t *event = NULL;

	if (bk_json_get_int(row, "told") == told && bk_json_get_int(row, "told_ms") == bk_json_get_int(row, "due_ms"))
		return false;
	bk_json_int(row, "told", told);
	bk_json_int(row, "told_ms", bk_json_get_int(row, "due_ms"));
	event = item_of(core, watch, row);
	bk_json_text(event, "event", "watch");
	bk_emit(core, event);
	return true;
}

int bk_timers_cmd_list(struct bk_core *core, struct bk_command *c)
{
	json_t *items = NULL;
	struct bk_rows rows;
	int err = 0;

	if (bk_is_desk(core)) {
		bk_json_put(c->answer, "items", bk_timers_desk_list(core));
		return 0;
	}
	err = bk_db_rows(&core->db, bk_key("watch/"), 0, &rows);
	if (err)
		return err;
	items = bk_json_array();
	for (size_t i = 0; i < rows.n; i++) {
		json_t *row = bk_json_row(rows.v[i].value, rows.v[i].len);

		bk_json_push(items, item_of(core, bk_row_id(&rows.v[i], strlen("watch/")), row));
		json_decref(row);
	}
	bk_rows_free(&rows);
	bk_json_put(c->answer, "items", items);
	return 0;
}

/* ---- commands ---- */

/* When it is due: so many minutes from now, or a moment by this device's clock. By the server's clock; 0: neither. */
static bk_ms due_from(const struct bk_core *core, const json_t *args)
{
	uint64_t minutes = bk_json_get_int(args, "minutes");
	bk_ms at = bk_json_get_int(args, "due_ms");
	int64_t t = (int64_t)at + core->link.skew_ms;

	if (minutes)
		return bk_watch_due_after(now_of(core), minutes * MINUTE);
	return at && t > 0 ? (bk_ms)t : 0;
}

static int check_due(const struct bk_core *core, struct bk_command *c, bk_ms due)
{
	bk_ms now = now_of(core);

	if (due >= now + SPAN_LEAST && due - now <= BK_WATCH_MAX_MS)
		return 0;
	c->say = BK_SAY_WATCH_DUE;
	return BK_E_INVAL;
}

/* The last that is known of where they are; what is not said now must not be told as if it were. */
static void keep_fix(struct bk_core *core, const struct bk_command *c, json_t *row)
{
	const json_t *latitude = json_object_get(c->args, "latitude"), *longitude = json_object_get(c->args, "longitude");

	bk_json_text(row, "note", bk_json_get_text(c->args, "note"));
	if (json_object_get(c->args, "battery"))
		bk_json_int(row, "battery", bk_json_get_int(c->args, "battery"));
	if (!latitude || !longitude)
		return;
	bk_json_put(row, "latitude", json_real(json_number_value(latitude)));
	bk_json_put(row, "longitude", json_real(json_number_value(longitude)));
	bk_json_int(row, "accuracy_m", bk_json_get_int(c->args, "accuracy_m"));
	bk_json_int(row, "fix_ms", now_of(core));
}

static int check_place(struct bk_command *c)
{
	const json_t *latitude = json_object_get(c->args, "latitude"), *longitude = json_object_get(c->args, "longitude");
	double north = json_number_value(latitude), east = json_number_value(longitude);

	if (!latitude == !longitude && north >= -90 && north <= 90 && east >= -180 && east <= 180)
		return 0;
	c->say = BK_SAY_FIELD;
	return BK_E_INVAL;
}

static size_t running(struct bk_core *core)
{
	struct bk_rows rows;
	size_t n = 0;

	if (bk_db_rows(&core->db, bk_key("watch/"), 0, &rows))
		return 0;
	for (size_t i = 0; i < rows.n; i++) {
		json_t *row = bk_json_row(rows.v[i].value, rows.v[i].len);

		n += !bk_timers_ended(row);
		json_decref(row);
	}
	bk_rows_free(&rows);
	return n;
}

static int check_start(struct bk_core *core, struct bk_command *c, bk_ms due)
{
	const char *kind = bk_json_get_text(c->args, "kind");

	if (strcmp(kind, "check-in") && strcmp(kind, "journey")) {
		c->say = BK_SAY_FIELD;
		return BK_E_INVAL;
	}
	if (bk_json_get_int(c->args, "interval_minutes") && strcmp(kind, "check-in")) {
		c->say = BK_SAY_FIELD; /* only a check-in comes round again */
		return BK_E_INVAL;
	}
	if (bk_id_is_zero(bk_rosters_desk(core))) {
		c->say = BK_SAY_NO_RECEIVER;
		return BK_E_NOT_FOUND;
	}
	if (running(core) >= RUNNING_MAX)
		return BK_E_FULL;
	return check_due(core, c, due);
}

static json_t *row_new(struct bk_core *core, const struct bk_command *c, bk_ms due)
{
	json_t *row = bk_json_object();
	const json_t *grace = json_object_get(c->args, "grace_minutes");
	uint8_t key[BK_KEY_BYTES];

	randombytes_buf(key, sizeof(key));
	bk_json_hex(row, "key", key, sizeof(key));
	sodium_memzero(key, sizeof(key));
	bk_json_text(row, "kind", bk_json_get_text(c->args, "kind"));
	bk_json_text(row, "what", bk_json_get_text(c->args, "what"));
	bk_json_text(row, "where", bk_json_get_text(c->args, "where"));
	bk_json_int(row, "due_ms", due);
	bk_json_int(row, "grace_ms", grace ? bk_json_get_int(c->args, "grace_minutes") * MINUTE : GRACE_DEFAULT);
	bk_json_int(row, "interval_ms", bk_json_get_int(c->args, "interval_minutes") * MINUTE);
	bk_json_int(row, "counter", 0);
	bk_json_bool(row, "drill", bk_json_get_bool(c->args, "drill"));
	bk_json_id(row, "desk", bk_rosters_desk(core));
	return row;
}

static int answer_with(struct bk_core *core, struct bk_command *c, bk_id watch, json_t *row)
{
	json_t *item = item_of(core, watch, row);

	bk_json_check(json_object_update(c->answer, item) == 0);
	json_decref(item);
	return core->db.err;
}

int bk_timers_cmd_start(struct bk_core *core, struct bk_command *c)
{
	bk_ms due = due_from(core, c->args);
	bk_id watch = bk_id_random();
	json_t *row = NULL;
	int err = 0;

	if (!due && bk_json_get_int(c->args, "interval_minutes"))
		due = bk_watch_due_after(now_of(core), bk_json_get_int(c->args, "interval_minutes") * MINUTE);
	err = check_start(core, c, due);
	if (!err)
		err = check_place(c);
	if (err)
		return err;
	row = row_new(core, c, due);
	keep_fix(core, c, row);
	err = bk_timers_renew(core, watch, row);
	if (!err)
		err = answer_with(core, c, watch, row);
	json_decref(row);
	return err;
}

/* One that still runs, by "watch". */
static int running_row(struct bk_core *core, struct bk_command *c, bk_id *ret_watch, json_t **ret_row)
{
	json_t *row = NULL;

	*ret_watch = bk_json_get_id(c->args, "watch");
	row = bk_timers_load(core, *ret_watch);
	if (!row)
		return BK_E_NOT_FOUND;
	if (bk_timers_ended(row)) {
		json_decref(row);
		return BK_E_STATE;
	}
	*ret_row = row;
	return 0;
}

static int move_on(struct bk_core *core, struct bk_command *c, bk_id watch, json_t *row, bk_ms due)
{
	int err = check_due(core, c, due);

	if (!err)
		err = check_place(c);
	if (err)
		return err;
	bk_json_int(row, "due_ms", due);
	keep_fix(core, c, row);
	err = bk_timers_renew(core, watch, row);
	return err ? err : answer_with(core, c, watch, row);
}

int bk_timers_cmd_extend(struct bk_core *core, struct bk_command *c)
{
	json_t *row = NULL;
	bk_id watch;
	int err = running_row(core, c, &watch, &row);

	if (!err)
		err = move_on(core, c, watch, row, due_from(core, c->args));
	json_decref(row);
	return err;
}

static int post_end(struct bk_core *core, bk_id watch, const json_t *row, Baken__WatchEnd__Reason reason)
{
	Baken__Content content = BAKEN__CONTENT__INIT;
	Baken__WatchEnd m = BAKEN__WATCH_END__INIT;
	struct bk_post p = { .content = &content, .kind = BK_CONTENT_WATCH_END, .copy = true };

	m.watch_id = bk_bytes(watch.b, BK_ID_BYTES);
	m.reason = reason;
	content.kind_case = BAKEN__CONTENT__KIND_WATCH_END;
	content.watch_end = &m;
	content.drill = bk_json_get_bool(row, "drill");
	p.class = BAKEN__CLASS__CLASS_URGENT;
	p.regime = BAKEN__REGIME__REGIME_SECURITY;
	p.conversation = watch;
	p.circles[p.n_circles++] = bk_json_get_id(row, "desk");
	return bk_outbox_post(core, &p);
}

static int finish(struct bk_core *core, struct bk_command *c, bk_id watch, json_t *row, Baken__WatchEnd__Reason reason)
{
	int err = post_end(core, watch, row, reason);

	if (err)
		return err;
	bk_json_text(row, "end", reason == BAKEN__WATCH_END__REASON__SAFE ? "safe" : "cancelled");
	bk_json_int(row, "ended_ms", now_of(core));
	json_object_del(row, "latitude"); /* nobody will read it: it goes at once */
	json_object_del(row, "longitude");
	json_object_del(row, "note");
	err = bk_timers_save(core, watch, row);
	return err ? err : answer_with(core, c, watch, row);
}

/* Home, or all is well. A check-in that comes round again runs on from now. */
int bk_timers_cmd_safe(struct bk_core *core, struct bk_command *c)
{
	json_t *row = NULL;
	uint64_t interval = 0;
	bk_id watch;
	int err = running_row(core, c, &watch, &row);

	if (err)
		return err;
	interval = bk_json_get_int(row, "interval_ms");
	if (interval)
		err = move_on(core, c, watch, row, bk_watch_due_after(now_of(core), interval));
	else
		err = finish(core, c, watch, row, BAKEN__WATCH_END__REASON__SAFE);
	json_decref(row);
	return err;
}

/* Whoever holds the phone must not be able to call off what waits for its owner: it takes the PIN. */
int bk_timers_cmd_cancel(struct bk_core *core, struct bk_command *c)
{
	json_t *row = NULL;
	bk_id watch;
	int err = running_row(core, c, &watch, &row);

	if (!err)
		err = bk_pin_check(core, bk_json_get_text(c->args, "pin"));
	if (!err)
		err = finish(core, c, watch, row, BAKEN__WATCH_END__REASON__CANCELLED);
	json_decref(row);
	return err;
}

/* ---- time ---- */

/* When something changes by itself, of one row; by our own clock. */
static bk_ms row_next(const struct bk_core *core, const json_t *row)
{
	struct bk_watch_due due = due_of(row);
	bk_ms next = bk_timers_ended(row) ? UINT64_MAX : bk_watch_due_next(&due, now_of(core));

	return next == UINT64_MAX ? BK_NEVER : bk_timers_local(core, next);
}

bk_ms bk_timers_next(const struct bk_core *core)
{
	return core->timers.next_ms ? core->timers.next_ms : core->now;
}

void bk_timers_offline(struct bk_core *core)
{
	core->timers.checked = false;
	core->timers.retry_ms = 0;
}

static void look_at(struct bk_core *core, const struct bk_row *raw)
{
	bk_id watch = bk_row_id(raw, strlen("watch/"));
	json_t *row = bk_json_row(raw->value, raw->len);
	bool changed = row && bk_timers_send(core, watch, row) > 0;

	if (row && (tell(core, watch, row) || changed))
		bk_db_put_json(&core->db, bk_key_id("watch/", watch), row);
	if (row && row_next(core, row) < core->timers.next_ms)
		core->timers.next_ms = row_next(core, row);
	json_decref(row);
}

void bk_timers_pump(struct bk_core *core)
{
	struct bk_timers *t = &core->timers;
	bool online = bk_link_online(core), due = t->next_ms && t->next_ms <= core->now;
	bool retry = online && t->retry_ms && t->retry_ms <= core->now;
	struct bk_rows rows;

	if (!bk_is_person(core))
		t->next_ms = BK_NEVER;
	if (!bk_is_person(core) || (t->next_ms && !due && !t->dirty && !retry && (t->checked || !online) &&
					   !(core->marks & BK_MARK_STORED)))
		return;
	if (bk_db_rows(&core->db, bk_key("watch/"), 0, &rows))
		return;
	t->next_ms = BK_NEVER;
	if (retry)
		t->retry_ms = 0;
	for (size_t i = 0; i < rows.n && !core->db.err; i++)
		look_at(core, &rows.v[i]);
	bk_rows_free(&rows);
	t->dirty = false;
	t->checked = online;
	if (t->retry_ms && t->retry_ms < t->next_ms)
		t->next_ms = t->retry_ms;
}

/* Those that are over, once the server knows; what it never heard of stays until it does. */
void bk_timers_expire(struct bk_core *core)
{
	struct bk_rows rows;

	bk_timers_desk_expire(core);
	if (bk_db_rows(&core->db, bk_key("watch/"), 0, &rows))
		return;
	for (size_t i = 0; i < rows.n; i++) {
		json_t *row = bk_json_row(rows.v[i].value, rows.v[i].len);
		bk_ms over = bk_json_get_int(row, "ended_ms");

		if (over && bk_timers_settled(row) && now_of(core) > over + KEPT_MS)
			bk_db_del(&core->db, bk_key_id("watch/", bk_row_id(&rows.v[i], strlen("watch/"))));
		json_decref(row);
	}
	bk_rows_free(&rows);
}
