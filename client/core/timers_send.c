/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Timers on their way: the plan with its key to the desk, the sealed alarm with its time to the server. What was not
 * confirmed is sent at every connection, and what runs is asked about; every request is the same however often it
 * is sent.
 */
#include "timers.h"

#include <sodium.h>
#include <stdlib.h>

#include "body.h"
#include "cases.h"
#include "engine.h"
#include "watch.h"

#define RETRY_MS 30000u
#define SAME_MS 60000u /* a clock that is set a little is no other time */

/* ---- to the desk ---- */

bool bk_timers_has_key(struct bk_core *core, const json_t *row)
{
	bk_id plan = bk_json_get_id(row, "plan");
	const struct bk_out *o = NULL;

	if (bk_json_get_bool(row, "has_key"))
		return true;
	if (bk_id_is_zero(plan))
		return false;
	o = bk_outbox_find(core, plan);
	return !o || o->state == BK_OUT_STORED || o->state == BK_OUT_DECRYPTED; /* gone from there: it was read */
}

static void fill_plan(const json_t *row, bk_id *watch, uint8_t key[static BK_KEY_BYTES], Baken__WatchPlan *m)
{
	m->watch_id = bk_bytes(watch->b, BK_ID_BYTES);
	m->watch_key = bk_bytes(key, BK_KEY_BYTES);
	m->kind = strcmp(bk_json_get_text(row, "kind"), "journey") ? BAKEN__WATCH_PLAN__KIND__CHECK_IN :
								      BAKEN__WATCH_PLAN__KIND__JOURNEY;
	m->what = (char *)(uintptr_t)bk_json_get_text(row, "what");
	m->where = (char *)(uintptr_t)bk_json_get_text(row, "where");
	m->due_ms = bk_json_get_int(row, "due_ms");
	m->grace_ms = bk_json_get_int(row, "grace_ms");
	m->interval_ms = bk_json_get_int(row, "interval_ms");
	m->counter = bk_json_get_int(row, "counter");
}

static int post_plan(struct bk_core *core, bk_id watch, json_t *row)
{
	Baken__Content content = BAKEN__CONTENT__INIT;
	Baken__WatchPlan m = BAKEN__WATCH_PLAN__INIT;
	struct bk_post p = { .content = &content, .kind = BK_CONTENT_WATCH_PLAN, .copy = true };
	uint8_t key[BK_KEY_BYTES];
	int err = bk_json_get_hex(row, "key", key, sizeof(key)) ? 0 : BK_E_CORRUPT;

	if (err)
		return err;
	fill_plan(row, &watch, key, &m);
	content.kind_case = BAKEN__CONTENT__KIND_WATCH_PLAN;
	content.watch_plan = &m;
	content.drill = bk_json_get_bool(row, "drill");
	p.class = BAKEN__CLASS__CLASS_URGENT;
	p.regime = BAKEN__REGIME__REGIME_SECURITY;
	p.conversation = watch;
	p.circles[p.n_circles++] = bk_json_get_id(row, "desk");
	err = bk_outbox_post(core, &p);
	sodium_memzero(key, sizeof(key));
	bk_json_id(row, "plan", p.id);
	return err;
}

int bk_timers_renew(struct bk_core *core, bk_id watch, json_t *row)
{
	int err = 0;

	if (bk_timers_has_key(core, row))
		bk_json_bool(row, "has_key", true);
	bk_json_int(row, "counter", bk_json_get_int(row, "counter") + 1);
	bk_json_int(row, "from_ms", bk_cases_now(core));
	bk_json_put(row, "skew_ms", json_integer(core->link.skew_ms));
	bk_json_bool(row, "skew_known", bk_link_online(core));
	json_object_del(row, "refused");
	err = post_plan(core, watch, row);
	return err ? err : bk_timers_save(core, watch, row);
}

/* ---- to the server ---- */

static void fill_fix(const json_t *row, Baken__Alarm *m, Baken__Fix *fix, Baken__Place *place)
{
	double north = json_number_value(json_object_get(row, "latitude"));
	double east = json_number_value(json_object_get(row, "longitude"));

	if (!json_object_get(row, "latitude"))
		return;
	place->latitude_e7 = (int32_t)(north * 1e7 + (north < 0 ? -0.5 : 0.5));
	place->longitude_e7 = (int32_t)(east * 1e7 + (east < 0 ? -0.5 : 0.5));
	place->accuracy_m = (uint32_t)bk_json_get_int(row, "accuracy_m");
	fix->place = place;
	fix->at_ms = bk_json_get_int(row, "fix_ms");
	fix->battery_percent = (uint32_t)bk_json_get_int(row, "battery");
	m->fix = fix;
}

/* The alarm as it would be said, signed now, sealed under a key that the server cannot derive. */
static int seal_body(struct bk_core *core, bk_id watch, const json_t *row, uint8_t **ret_body, size_t *ret_len,
	bk_hash *ret_hash)
{
	Baken__Content content = BAKEN__CONTENT__INIT;
	Baken__Alarm m = BAKEN__ALARM__INIT;
	Baken__Fix fix = BAKEN__FIX__INIT;
	Baken__Place place = BAKEN__PLACE__INIT;
	uint64_t counter = bk_json_get_int(row, "counter");
	struct bk_post p = { .content = &content, .kind = BK_CONTENT_ALARM, .regime = BAKEN__REGIME__REGIME_SECURITY,
		.id = bk_watch_message_id(watch, counter) };
	uint8_t w[BK_KEY_BYTES], key[BK_KEY_BYTES], *envelope = NULL;
	size_t len = 0;
	int err = bk_json_get_hex(row, "key", w, sizeof(w)) ? bk_watch_body_key(w, watch, counter, key) : BK_E_CORRUPT;

	m.cause = BAKEN__ALARM__CAUSE__MISSED;
	m.text = (char *)(uintptr_t)bk_json_get_text(row, "note");
	m.armed_ms = bk_json_get_int(row, "from_ms");
	m.watch_id = bk_bytes(watch.b, BK_ID_BYTES);
	m.due_ms = bk_json_get_int(row, "due_ms");
	fill_fix(row, &m, &fix, &place);
	content.kind_case = BAKEN__CONTENT__KIND_ALARM;
	content.alarm = &m;
	content.drill = bk_json_get_bool(row, "drill");
	if (!err)
		err = bk_outbox_seal(core, &p, &envelope, &len);
	if (!err)
		err = bk_body_seal_with(p.id, key, envelope, len, ret_body, ret_len, ret_hash);
	if (envelope)
		sodium_memzero(envelope, len);
	free(envelope);
	sodium_memzero(w, sizeof(w));
	sodium_memzero(key, sizeof(key));
	return err;
}

static int arm(struct bk_core *core, bk_id watch, const json_t *row)
{
	Baken__Frame f = BAKEN__FRAME__INIT;
	Baken__WatchArm m = BAKEN__WATCH_ARM__INIT;
	bk_id desk = bk_json_get_id(row, "desk");
	struct bk_request *r = NULL;
	uint8_t *body = NULL;
	size_t len = 0;
	bk_hash hash;
	int err = seal_body(core, watch, row, &body, &len, &hash);

	if (err)
		return err;
	m.watch_id = bk_bytes(watch.b, BK_ID_BYTES);
	m.counter = bk_json_get_int(row, "counter");
	m.due_ms = bk_json_get_int(row, "due_ms");
	m.grace_ms = bk_json_get_int(row, "grace_ms");
	m.body_hash = bk_bytes(hash.b, BK_HASH_BYTES);
	m.body = bk_bytes(body, len);
	m.circle_id = bk_bytes(desk.b, BK_ID_BYTES);
	f.kind_case = BAKEN__FRAME__KIND_WATCH_ARM;
	f.watch_arm = &m;
	r = bk_link_request(core, BK_REQ_WATCH, &f);
	free(body);
	if (!r)
		return BK_E_BUSY;
	r->id = watch;
	return 0;
}

static int disarm(struct bk_core *core, bk_id watch, const json_t *row)
{
	Baken__Frame f = BAKEN__FRAME__INIT;
	Baken__WatchDisarm m = BAKEN__WATCH_DISARM__INIT;
	struct bk_request *r = NULL;

	m.watch_id = bk_bytes(watch.b, BK_ID_BYTES);
	m.counter = bk_json_get_int(row, "counter");
	f.kind_case = BAKEN__FRAME__KIND_WATCH_DISARM;
	f.watch_disarm = &m;
	r = bk_link_request(core, BK_REQ_WATCH, &f);
	if (!r)
		return BK_E_BUSY;
	r->id = watch;
	return 0;
}

/* What was planned while the server's time was not known keeps its length, not its hour. */
static bool learn_clock(struct bk_core *core, bk_id watch, json_t *row)
{
	int64_t used = (int64_t)json_integer_value(json_object_get(row, "skew_ms"));
	int64_t off = core->link.skew_ms - used;

	if (bk_json_get_bool(row, "skew_known"))
		return false;
	bk_json_bool(row, "skew_known", true);
	bk_json_put(row, "skew_ms", json_integer(core->link.skew_ms));
	bk_json_int(row, "due_ms", (uint64_t)((int64_t)bk_json_get_int(row, "due_ms") + off));
	bk_json_int(row, "from_ms", (uint64_t)((int64_t)bk_json_get_int(row, "from_ms") + off));
	if (off > (int64_t)SAME_MS || off < -(int64_t)SAME_MS)
		post_plan(core, watch, row); /* what the desk was told was by a wrong clock */
	return true;
}

/* The person was given to another desk: that one gets the key, and the next arming goes to it. */
static bool learn_desk(struct bk_core *core, bk_id watch, json_t *row)
{
	bk_id desk = bk_rosters_desk(core);

	if (bk_id_is_zero(desk) || bk_id_equal(desk, bk_json_get_id(row, "desk")))
		return false;
	bk_json_id(row, "desk", desk);
	bk_json_bool(row, "has_key", false);
	json_object_del(row, "plan");
	bk_json_int(row, "counter", bk_json_get_int(row, "counter") + 1);
	post_plan(core, watch, row);
	return true;
}

static bool is_known(const json_t *row)
{
	return bk_json_get_int(row, "server_counter") == bk_json_get_int(row, "counter") &&
		bk_json_get_int(row, "server_state") == (uint64_t)BAKEN__WATCH_STATE__STATE__ARMED;
}

/* 1: the row was changed. */
int bk_timers_send(struct bk_core *core, bk_id watch, json_t *row)
{
	struct bk_timers *t = &core->timers;
	bool changed = false;
	int err = 0;

	if (!bk_link_online(core) || bk_timers_settled(row) || bk_link_pending(core, BK_REQ_WATCH, watch) ||
		(t->retry_ms && t->retry_ms > core->now))
		return 0;
	if (bk_timers_ended(row)) {
		disarm(core, watch, row);
		return 0;
	}
	changed = learn_clock(core, watch, row);
	changed |= learn_desk(core, watch, row);
	if (!t->checked || changed || !is_known(row))
		err = arm(core, watch, row);
	if (err)
		t->retry_ms = core->now + RETRY_MS;
	return changed;
}

/* ---- the server's word ---- */

static bool same_time(bk_ms a, bk_ms b)
{
	return (a > b ? a - b : b - a) <= SAME_MS;
}

/* Another device of ours moved it on meanwhile, or our store is an older one: ours goes after theirs. */
static bool overtaken(const json_t *row, const Baken__WatchState *m)
{
	uint64_t counter = bk_json_get_int(row, "counter");

	return m->counter > counter || (m->counter == counter && (m->state == BAKEN__WATCH_STATE__STATE__NONE ||
		(m->state == BAKEN__WATCH_STATE__STATE__ARMED && !same_time(m->due_ms, bk_json_get_int(row, "due_ms")))));
}

/* Whatever number it runs under there, it is to end; when it does not run there is nothing to end. */
static void end_too(json_t *row, const Baken__WatchState *m)
{
	uint64_t counter = bk_json_get_int(row, "counter");

	if (m->state == BAKEN__WATCH_STATE__STATE__ARMED && m->counter > counter)
		bk_json_int(row, "counter", m->counter);
	else if (m->state != BAKEN__WATCH_STATE__STATE__ARMED) {
		bk_json_int(row, "server_state", (uint64_t)BAKEN__WATCH_STATE__STATE__ENDED);
		bk_json_int(row, "server_counter", counter);
	}
}

void bk_timers_on_state(struct bk_core *core, const Baken__WatchState *m, const struct bk_request *r)
{
	bool asked = r->kind == BK_REQ_WATCH;
	bk_id watch = { { 0 } };
	json_t *row = NULL;

	if (bk_id_from(m->watch_id.data, m->watch_id.len, &watch) || (asked && !bk_id_equal(r->id, watch)))
		return;
	row = bk_timers_load(core, watch);
	if (!row)
		return;
	bk_json_int(row, "server_state", (uint64_t)m->state);
	bk_json_int(row, "server_counter", m->counter);
	bk_json_int(row, "server_due_ms", m->due_ms);
	if (m->state == BAKEN__WATCH_STATE__STATE__FIRED && !bk_json_get_int(row, "ended_ms"))
		bk_json_int(row, "ended_ms", bk_cases_now(core));
	json_object_del(row, "refused");
	if (bk_timers_ended(row))
		end_too(row, m);
	else if (m->state == BAKEN__WATCH_STATE__STATE__ENDED && m->counter >= bk_json_get_int(row, "counter"))
		bk_json_text(row, "end", "elsewhere"); /* on another device of ours */
	else if (asked && overtaken(row, m))
		bk_json_int(row, "counter", m->counter + 1);
	bk_timers_save(core, watch, row);
	json_decref(row);
}

/* An end that the server knows nothing of has nothing to end. Anything else is tried again, and shown meanwhile. */
void bk_timers_on_error(struct bk_core *core, const struct bk_request *r, int err)
{
	json_t *row = bk_timers_load(core, r->id);

	if (!row)
		return;
	if (err == BK_E_NOT_FOUND && bk_timers_ended(row)) {
		bk_json_int(row, "server_state", BAKEN__WATCH_STATE__STATE__ENDED);
		bk_json_int(row, "server_counter", bk_json_get_int(row, "counter"));
	} else {
		bk_json_text(row, "refused", bk_err_name(err));
		core->timers.retry_ms = core->now + RETRY_MS;
	}
	bk_timers_save(core, r->id, row);
	json_decref(row);
}
