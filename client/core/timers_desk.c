/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Timers at the desk: which run and until when, without a place; and what one said when it was not confirmed. A fired
 * timer makes an alarm case at once, also on a device that has not got its key (yet): whoever came on duty since can
 * see that somebody was missed, and opens it when the plan arrives.
 * Rows: "watchplan/" watch (what was planned, its key), "watchfired/" message (what the server delivered).
 */
#include "timers.h"

#include <sodium.h>
#include <stdlib.h>

#include "body.h"
#include "cases.h"
#include "duress.h"
#include "engine.h"
#include "keyring.h"
#include "vault.h"
#include "watch.h"

#define URGENCY_NOW 3u
#define KEPT_MS (90ull * 86400000ull) /* after it fell due: as long as the server keeps what nobody fetched */

static json_t *plan_of(struct bk_core *core, bk_id watch)
{
	return bk_db_get_json(&core->db, bk_key_id("watchplan/", watch));
}

static const char *kind_word(Baken__WatchPlan__Kind kind)
{
	return kind == BAKEN__WATCH_PLAN__KIND__JOURNEY ? "journey" : "check-in";
}

/* ---- shown ---- */

static const char *state_of(struct bk_core *core, const json_t *plan)
{
	struct bk_watch_facts f = { .ended = *bk_json_get_text(plan, "end") != '\0', .armed = true, .has_key = true,
		.fired = bk_json_get_int(plan, "fired_counter") == bk_json_get_int(plan, "counter") };
	struct bk_watch_due due = { bk_json_get_int(plan, "from_ms"), bk_json_get_int(plan, "due_ms"),
		bk_json_get_int(plan, "grace_ms") };
	enum bk_watch_phase phase = bk_watch_due_phase(&due, bk_cases_now(core));

	if (phase == BK_WATCH_WARNS) /* the warning is its person's */
		phase = BK_WATCH_RUNS;
	return bk_watch_due_word(bk_watch_due_shown(&f, phase));
}

static json_t *item_of(struct bk_core *core, bk_id watch, const json_t *plan)
{
	json_t *item = bk_json_object(), *last = json_object_get(plan, "last");
	bk_id circle = bk_json_get_id(plan, "circle");
	char name[BK_NAME_MAX + 1] = "";

	bk_json_id(item, "watch", watch);
	bk_json_text(item, "kind", bk_json_get_text(plan, "kind"));
	bk_json_text(item, "state", state_of(core, plan));
	bk_items_circle_name(core, circle, name);
	bk_json_text(item, "who", name);
	bk_json_id(item, "circle", circle);
	bk_json_more(item, "what", bk_json_get_text(plan, "what"));
	bk_json_more(item, "where", bk_json_get_text(plan, "where"));
	bk_json_int(item, "due_ms", bk_timers_local(core, bk_json_get_int(plan, "due_ms")));
	bk_json_int(item, "grace_ms", bk_json_get_int(plan, "grace_ms"));
	bk_json_ms(item, "interval_ms", bk_json_get_int(plan, "interval_ms"));
	bk_json_more(item, "end", bk_json_get_text(plan, "end"));
	bk_json_bool(item, "drill", bk_json_get_bool(plan, "drill"));
	if (last)
		bk_json_put(item, "last", json_incref(last));
	return item;
}

static void tell(struct bk_core *core, bk_id watch, const json_t *plan)
{
	json_t *event = item_of(core, watch, plan);

	bk_json_text(event, "event", "watch");
	bk_emit(core, event);
}

json_t *bk_timers_desk_list(struct bk_core *core)
{
	json_t *items = bk_json_array();
	struct bk_rows rows;

	if (bk_db_rows(&core->db, bk_key("watchplan/"), 0, &rows))
		return items;
	for (size_t i = 0; i < rows.n; i++) {
		json_t *plan = bk_json_row(rows.v[i].value, rows.v[i].len);

		bk_json_push(items, item_of(core, bk_row_id(&rows.v[i], strlen("watchplan/")), plan));
		json_decref(plan);
	}
	bk_rows_free(&rows);
	return items;
}

static void expire(struct bk_core *core, const char *prefix, const char *member)
{
	struct bk_rows rows;

	if (bk_db_rows(&core->db, bk_key(prefix), 0, &rows))
		return;
	for (size_t i = 0; i < rows.n; i++) {
		json_t *row = bk_json_row(rows.v[i].value, rows.v[i].len);

		if (bk_cases_now(core) > bk_json_get_int(row, member) + KEPT_MS)
			bk_db_del(&core->db, bk_key_id(prefix, bk_row_id(&rows.v[i], strlen(prefix))));
		json_decref(row);
	}
	bk_rows_free(&rows);
}

void bk_timers_desk_expire(struct bk_core *core)
{
	expire(core, "watchplan/", "due_ms");
	expire(core, "watchfired/", "fired_ms");
}

/* ---- fired ---- */

/* Who says that it wrote this; verified by whoever opens it with that name. */
static int peek_sender(const uint8_t *envelope, size_t len, bk_id *ret_sender)
{
	Baken__Envelope *e = baken__envelope__unpack(NULL, len, envelope);
	Baken__Content *c = e ? baken__content__unpack(NULL, e->content.len, e->content.data) : NULL;
	int err = c ? bk_id_from(c->sender_device.data, c->sender_device.len, ret_sender) : BK_E_INVAL;

	if (c)
		baken__content__free_unpacked(c, NULL);
	if (e)
		baken__envelope__free_unpacked(e, NULL);
	return err;
}

/* The key of W, the body of the server: here they meet. */
static int open_fired(struct bk_core *core, const json_t *plan, const json_t *fired, bk_id message,
	uint8_t key[static BK_KEY_BYTES], struct bk_opened *o)
{
	uint8_t w[BK_KEY_BYTES], body[BK_WATCH_BODY_MAX], *envelope = NULL;
	bk_id watch = bk_json_get_id(fired, "watch"), sender = { { 0 } };
	size_t n = bk_json_get_int(fired, "size"), len = 0;
	int err = n <= sizeof(body) && bk_json_get_hex(fired, "body", body, n) && bk_json_get_hex(plan, "key", w, sizeof(w)) ?
		0 : BK_E_CORRUPT;

	o->vouched_ms = bk_json_get_int(plan, "from_ms"); /* withdrawn since: what it left behind speaks for its person */
	if (!err)
		err = bk_watch_body_key(w, watch, bk_json_get_int(fired, "counter"), key);
	if (!err)
		err = bk_body_open(message, bk_hash_of(body, n), key, body, n, &envelope, &len);
	if (!err)
		err = peek_sender(envelope, len, &sender);
	if (!err)
		err = bk_pack_open(core, envelope, len, message, sender, o);
	if (envelope)
		sodium_memzero(envelope, len);
	free(envelope);
	sodium_memzero(w, sizeof(w));
	if (err)
		return err;
	if (o->kind == BK_CONTENT_ALARM && o->content->alarm->cause == BAKEN__ALARM__CAUSE__MISSED &&
		bk_id_equal(o->circle->circle, bk_json_get_id(plan, "circle")))
		return 0;
	bk_pack_free(o); /* somebody else's, or something else */
	return BK_E_ROLE;
}

static json_t *last_of(const Baken__Alarm *m)
{
	json_t *last = bk_json_object();

	bk_json_ms(last, "armed_ms", m->armed_ms);
	bk_json_more(last, "note", m->text);
	if (!m->fix)
		return last;
	bk_json_put(last, "latitude", json_real(m->fix->place->latitude_e7 / 1e7));
	bk_json_put(last, "longitude", json_real(m->fix->place->longitude_e7 / 1e7));
	bk_json_int(last, "accuracy_m", m->fix->place->accuracy_m);
	bk_json_ms(last, "at_ms", m->fix->at_ms);
	bk_json_ms(last, "battery", m->fix->battery_percent);
	return last;
}

/* Kept as a message too: its key makes the case's claim, and a keyring can hand it on. */
static void keep_item(struct bk_core *core, const struct bk_opened *o, const uint8_t key[static BK_KEY_BYTES], bk_ms stored)
{
	json_t *item = bk_items_build(core, o, false);

	if (!item) {
		item = bk_json_object();
		bk_json_id(item, "message", o->message);
		bk_json_id(item, "conversation", o->message);
		bk_json_text(item, "kind", "alarm");
		bk_json_text(item, "text", o->content->alarm->text);
		bk_json_bool(item, "outgoing", false);
		bk_json_int(item, "written_ms", o->content->written_ms);
	}
	bk_json_int(item, "received_ms", core->now);
	bk_json_int(item, "stored_ms", stored);
	bk_json_hex(bk_items_private(item), "key", key, BK_KEY_BYTES);
	bk_items_put(core, item);
	json_decref(item);
}

/* The case says who, what was planned and how late; the place is with the timer. */
static void open_case(struct bk_core *core, bk_id message, const json_t *plan, const json_t *fired, const char *text)
{
	struct bk_case_event e = { .id = message, .kind = BK_CASE_MISSED, .urgency = URGENCY_NOW };

	e.at_ms = bk_json_get_int(fired, "fired_ms");
	e.drill = bk_json_get_bool(plan, "drill");
	bk_cases_begin(core, message, bk_json_get_id(plan, "circle"), bk_json_get_text(plan, "what"));
	bk_cases_add(core, message, &e, text);
}

static void add_lateness(const json_t *fired, json_t *last)
{
	bk_json_ms(last, "fired_ms", bk_json_get_int(fired, "fired_ms"));
	bk_json_ms(last, "down_ms", bk_json_get_int(fired, "down_ms"));
	bk_json_int(last, "late_ms", bk_json_get_int(fired, "fired_ms") - bk_json_get_int(fired, "due_ms"));
}

/* From here on it is a message like any other: whoever comes on duty later is given its key, and fetches its body. */
static void keep_key(struct bk_core *core, const struct bk_opened *o, const uint8_t key[static BK_KEY_BYTES],
	const json_t *fired)
{
	struct bk_keyring_key k = { .message = o->message, .sender = o->sender->cert.device, .case_id = o->message,
		.stored_ms = bk_json_get_int(fired, "stored_ms"), .person = true };
	uint8_t body[BK_WATCH_BODY_MAX];
	size_t n = bk_json_get_int(fired, "size");

	if (n <= sizeof(body) && bk_json_get_hex(fired, "body", body, n))
		k.body = bk_hash_of(body, n);
	memcpy(k.key, key, sizeof(k.key));
	bk_keyring_keep(core, &k);
	sodium_memzero(&k, sizeof(k));
}

static bool is_vault(const struct bk_core *core)
{
	return core->self.role == BAKEN__ROLE__ROLE_VAULT;
}

/* A vault keeps the key and none of the words. */
static void show_fired(struct bk_core *core, const struct bk_opened *o, json_t *plan, const json_t *fired, int err,
	const uint8_t key[static BK_KEY_BYTES])
{
	json_t *last = err ? bk_json_object() : last_of(o->content->alarm);

	add_lateness(fired, last);
	if (err)
		bk_json_text(last, "error", bk_err_name(err)); /* missed all the same */
	else
		keep_item(core, o, key, bk_json_get_int(fired, "stored_ms"));
	bk_json_put(plan, "last", last);
}

static void read_fired(struct bk_core *core, bk_id message, json_t *plan, const json_t *fired)
{
	bk_id watch = bk_json_get_id(fired, "watch");
	struct bk_opened o = { .kind = BK_CONTENT_ANY };
	uint8_t key[BK_KEY_BYTES];
	int err = open_fired(core, plan, fired, message, key, &o);

	if (!err)
		keep_key(core, &o, key, fired);
	if (!is_vault(core))
		show_fired(core, &o, plan, fired, err, key);
	sodium_memzero(key, sizeof(key));
	bk_json_int(plan, "fired_counter", bk_json_get_int(fired, "counter"));
	bk_db_put_json(&core->db, bk_key_id("watchplan/", watch), plan);
	if (is_vault(core) && !err)
		bk_vault_take(core, &o, message, bk_json_get_int(fired, "stored_ms"));
	else if (!is_vault(core))
		open_case(core, message, plan, fired, err ? NULL : o.content->alarm->text);
	if (!err && !is_vault(core))
		bk_duress_on_message(core, &o, bk_json_get_int(fired, "stored_ms"));
	if (!err)
		bk_pack_free(&o);
	tell(core, watch, plan);
}

static json_t *fired_row(const Baken__Delivery *d, bk_id watch)
{
	json_t *row = bk_json_object();

	bk_json_id(row, "watch", watch);
	bk_json_int(row, "counter", d->watch->counter);
	bk_json_int(row, "due_ms", d->watch->due_ms);
	bk_json_int(row, "fired_ms", d->watch->fired_ms);
	bk_json_int(row, "down_ms", d->watch->down_ms);
	bk_json_int(row, "stored_ms", d->stored_ms);
	bk_json_int(row, "size", d->body.len);
	bk_json_hex(row, "body", d->body.data, d->body.len);
	return row;
}

void bk_timers_on_fired(struct bk_core *core, const Baken__Delivery *d)
{
	bk_id watch = { { 0 } }, message = { { 0 } };
	json_t *plan = NULL, *fired = NULL;

	if (!bk_is_desk(core) || d->body.len > BK_WATCH_BODY_MAX ||
		bk_id_from(d->watch->watch_id.data, d->watch->watch_id.len, &watch) ||
		bk_id_from(d->message_id.data, d->message_id.len, &message) ||
		!bk_id_equal(message, bk_watch_message_id(watch, d->watch->counter)))
		return; /* of no timer at all */
	fired = fired_row(d, watch);
	bk_db_put_json(&core->db, bk_key_id("watchfired/", message), fired);
	plan = plan_of(core, watch);
	if (plan) {
		read_fired(core, message, plan, fired);
	} else if (!is_vault(core)) {
		json_t *none = bk_json_object();

		open_case(core, message, none, fired, NULL);
		json_decref(none);
	}
	json_decref(plan);
	json_decref(fired);
}

/* ---- plans ---- */

static json_t *plan_row(const Baken__WatchPlan *m, bk_id circle, bool drill, bk_ms stored_ms)
{
	json_t *plan = bk_json_object();

	bk_json_id(plan, "circle", circle);
	bk_json_hex(plan, "key", m->watch_key.data, m->watch_key.len);
	bk_json_text(plan, "kind", kind_word(m->kind));
	bk_json_text(plan, "what", m->what);
	bk_json_text(plan, "where", m->where);
	bk_json_int(plan, "from_ms", stored_ms);
	bk_json_int(plan, "due_ms", m->due_ms);
	bk_json_int(plan, "grace_ms", m->grace_ms);
	bk_json_int(plan, "interval_ms", m->interval_ms);
	bk_json_int(plan, "counter", m->counter);
	bk_json_bool(plan, "drill", drill);
	return plan;
}

/* One that fired before its plan was here. */
static json_t *waiting_fired(struct bk_core *core, bk_id watch, bk_id *ret_message)
{
	json_t *found = NULL;
	struct bk_rows rows;

	if (bk_db_rows(&core->db, bk_key("watchfired/"), 0, &rows))
		return NULL;
	for (size_t i = 0; i < rows.n && !found; i++) {
		found = bk_json_row(rows.v[i].value, rows.v[i].len);
		*ret_message = bk_row_id(&rows.v[i], strlen("watchfired/"));
		if (!bk_id_equal(bk_json_get_id(found, "watch"), watch)) {
			json_decref(found);
			found = NULL;
		}
	}
	bk_rows_free(&rows);
	return found;
}

/* Another device of the same person moved it on, or began it. */
static void on_own_plan(struct bk_core *core, bk_id watch, const struct bk_opened *o)
{
	const Baken__WatchPlan *m = o->content->watch_plan;
	json_t *row = bk_timers_load(core, watch);

	if (row && bk_json_get_int(row, "counter") >= m->counter) {
		json_decref(row);
		return;
	}
	json_decref(row);
	row = plan_row(m, o->circle->circle, o->content->drill, o->content->written_ms);
	bk_json_id(row, "desk", bk_rosters_desk(core));
	bk_json_bool(row, "has_key", true);
	bk_json_bool(row, "skew_known", true);
	bk_timers_save(core, watch, row);
	json_decref(row);
	core->timers.checked = false; /* ask the server, too */
}

void bk_timers_on_plan(struct bk_core *core, const struct bk_opened *o, bk_ms stored_ms)
{
	const Baken__WatchPlan *m = o->content->watch_plan;
	bk_id watch = { { 0 } }, message = { { 0 } };
	json_t *plan = NULL, *old = NULL, *fired = NULL;

	if (bk_id_from(m->watch_id.data, m->watch_id.len, &watch) || o->circle->kind != BAKEN__CIRCLE_KIND__CIRCLE_PERSON)
		return;
	if (!bk_is_desk(core)) {
		on_own_plan(core, watch, o);
		return;
	}
	old = plan_of(core, watch);
	if (old && (!bk_id_equal(bk_json_get_id(old, "circle"), o->circle->circle) || /* of somebody else (R9) */
			   bk_json_get_int(old, "counter") > m->counter)) {
		json_decref(old);
		return;
	}
	plan = plan_row(m, o->circle->circle, o->content->drill, stored_ms);
	if (is_vault(core)) {
		json_object_del(plan, "what");
		json_object_del(plan, "where");
	}
	if (json_object_get(old, "fired_counter"))
		bk_json_int(plan, "fired_counter", bk_json_get_int(old, "fired_counter"));
	if (json_object_get(old, "last"))
		bk_json_put(plan, "last", json_incref(json_object_get(old, "last")));
	bk_db_put_json(&core->db, bk_key_id("watchplan/", watch), plan);
	fired = old ? NULL : waiting_fired(core, watch, &message);
	if (fired)
		read_fired(core, message, plan, fired);
	else
		tell(core, watch, plan);
	json_decref(fired);
	json_decref(old);
	json_decref(plan);
}

static void on_own_end(struct bk_core *core, bk_id watch, const char *word)
{
	json_t *row = bk_timers_load(core, watch);

	if (row && !bk_timers_ended(row)) {
		bk_json_text(row, "end", word);
		bk_json_int(row, "ended_ms", bk_cases_now(core));
		bk_timers_save(core, watch, row);
	}
	json_decref(row);
}

/* Said under duress it ends nothing: the plan stays open, and the case of the duress says why. */
void bk_timers_on_end(struct bk_core *core, const struct bk_opened *o)
{
	const Baken__WatchEnd *m = o->content->watch_end;
	const char *word = m->reason == BAKEN__WATCH_END__REASON__SAFE ? "safe" : "cancelled";
	bk_id watch = { { 0 } };
	json_t *plan = NULL;

	if (bk_id_from(m->watch_id.data, m->watch_id.len, &watch))
		return;
	if (!bk_is_desk(core)) {
		on_own_end(core, watch, word);
		return;
	}
	plan = plan_of(core, watch);
	if (plan && bk_id_equal(bk_json_get_id(plan, "circle"), o->circle->circle) && !bk_duress_said(o->content)) {
		bk_json_text(plan, "end", word);
		bk_json_int(plan, "ended_ms", bk_cases_now(core));
		bk_db_put_json(&core->db, bk_key_id("watchplan/", watch), plan);
		tell(core, watch, plan);
	}
	json_decref(plan);
}
