/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "condition.h"

#include "engine.h"
#include "policy.h"

#define DAY_MS 86400000ull
#define DRILL_MS 60000u /* a desk that does not answer a test alarm within this would not answer a real one in time */
#define ALLOWED_MAX 31u
#define TIMELY ((unsigned)(BK_ILL_SILENT | BK_ILL_DRILL | BK_ILL_NEVER)) /* what time alone brings is told by the daily word */

/* A person's device knows no policy of the desk: it goes by the usual numbers. */
static const struct bk_health_rule usual = { .silent_days = 3, .drill_days = 31 };

static struct bk_health_rule rule_of(struct bk_core *core)
{
	struct bk_policy p;

	bk_policy_get(core, &p);
	return (struct bk_health_rule){ .silent_days = p.health_days, .drill_days = p.drill_days };
}

/* ---- the own device ---- */

static json_t *own_row(struct bk_core *core)
{
	json_t *row = bk_db_get_json(&core->db, bk_key("condition"));

	return row ? row : bk_json_object();
}

static int own_keep(struct bk_core *core, const json_t *row)
{
	core->condition.next_ms = 0;
	return bk_db_put_json(&core->db, bk_key("condition"), row);
}

static bool tells(const struct bk_core *core)
{
	return bk_is_person(core) && core->self.stage == BK_STAGE_DONE;
}

static struct bk_health own_health(struct bk_core *core, const json_t *row)
{
	const json_t *facts = json_object_get(row, "facts");
	struct bk_health h = { .heard_ms = core->now };

	h.skew_ms = core->link.skew_ms;
	h.free_known = json_object_get(facts, "storage_free_bytes") != NULL;
	h.free_bytes = bk_json_get_int(facts, "storage_free_bytes");
	h.allowed = (unsigned)bk_json_get_int(facts, "allowed");
	h.asked = (unsigned)bk_json_get_int(facts, "asked");
	h.waiting = (unsigned)bk_outbox_waiting(core);
	h.drill_ms = bk_json_get_int(row, "drill_ms");
	return h;
}

static int post(struct bk_core *core, json_t *row, Baken__DeviceHealth__Cause cause)
{
	const json_t *facts = json_object_get(row, "facts");
	struct bk_health h = own_health(core, row);
	Baken__Content content = BAKEN__CONTENT__INIT;
	Baken__DeviceHealth m = BAKEN__DEVICE_HEALTH__INIT;
	struct bk_post p = { .content = &content, .kind = BK_CONTENT_DEVICE_HEALTH };

	m.cause = cause;
	m.clock_skew_ms = h.skew_ms;
	m.storage_free_bytes = h.free_bytes;
	m.battery_percent = (uint32_t)bk_json_get_int(facts, "battery_percent");
	m.allowed = h.allowed;
	m.asked = h.asked;
	m.last_contact_ms = core->self.last_contact_ms;
	m.last_drill_ms = h.drill_ms;
	m.waiting = h.waiting;
	m.version = (char *)(uintptr_t)bk_json_get_text(facts, "version");
	m.platform = (char *)(uintptr_t)bk_json_get_text(facts, "platform");
	content.kind_case = BAKEN__CONTENT__KIND_DEVICE_HEALTH;
	content.device_health = &m;
	p.class = BAKEN__CLASS__CLASS_NORMAL;
	p.regime = BAKEN__REGIME__REGIME_SECURITY;
	p.circles[p.n_circles++] = bk_rosters_desk(core);
	bk_json_int(row, "told_ms", core->now);
	bk_json_int(row, "told_ill", bk_health_judge(&h, &usual, core->now) & ~TIMELY);
	return bk_outbox_post(core, &p);
}

/* The reminder of a drill comes once a day, to the person alone; the desk judges by itself. */
static void remind(struct bk_core *core, json_t *row)
{
	json_t *event = NULL;

	if (!bk_health_drill_due(bk_json_get_int(row, "drill_ms"), usual.drill_days, core->now) ||
		core->now < bk_json_get_int(row, "due_told_ms") + DAY_MS)
		return;
	bk_json_int(row, "due_told_ms", core->now);
	event = bk_event("drill-due");
	bk_json_ms(event, "last_ms", bk_json_get_int(row, "drill_ms"));
	bk_emit(core, event);
}

static void tell_drill(struct bk_core *core, bk_id message, const char *state, bk_ms took_ms)
{
	json_t *event = bk_event("drill");

	bk_json_id(event, "message", message);
	bk_json_text(event, "state", state);
	bk_json_ms(event, "took_ms", took_ms);
	bk_emit(core, event);
}

/* Late, and not over: the answer still counts when it comes. */
static void watch_drill(struct bk_core *core, json_t *row)
{
	bk_id drill = bk_json_get_id(row, "drill");

	if (bk_id_is_zero(drill) || bk_json_get_int(row, "drill_late_ms") ||
		core->now < bk_json_get_int(row, "drill_sent_ms") + DRILL_MS)
		return;
	bk_json_int(row, "drill_late_ms", core->now);
	tell_drill(core, drill, "late", 0);
}

static bk_ms sooner(bk_ms a, bk_ms b)
{
	return a < b ? a : b;
}

static bk_ms next_of(const json_t *row)
{
	bk_ms next = bk_json_get_int(row, "told_ms") + DAY_MS;

	next = sooner(next, bk_json_get_int(row, "due_told_ms") + DAY_MS);
	if (!bk_id_is_zero(bk_json_get_id(row, "drill")) && !bk_json_get_int(row, "drill_late_ms"))
		next = sooner(next, bk_json_get_int(row, "drill_sent_ms") + DRILL_MS);
	return next;
}

void bk_condition_tick(struct bk_core *core)
{
	json_t *row = NULL;
	bool unlocked = core->condition.unlocked;

	if (!tells(core) || core->now < bk_condition_next(core))
		return;
	row = own_row(core);
	core->condition.unlocked = false;
	if (unlocked || core->now >= bk_json_get_int(row, "told_ms") + DAY_MS)
		post(core, row, unlocked ? BAKEN__DEVICE_HEALTH__CAUSE__UNLOCKED : BAKEN__DEVICE_HEALTH__CAUSE__DAILY);
	watch_drill(core, row);
	remind(core, row);
	own_keep(core, row);
	core->condition.next_ms = next_of(row);
	if (core->condition.next_ms <= core->now)
		core->condition.next_ms = core->now + DAY_MS / 24;
	json_decref(row);
}

bk_ms bk_condition_next(const struct bk_core *core)
{
	if (!tells(core))
		return BK_NEVER;
	return core->condition.unlocked ? 0 : core->condition.next_ms;
}

/* ---- health ---- */

static void take_facts(const json_t *args, json_t *row)
{
	static const char *const names[] = { "storage_free_bytes", "battery_percent", "allowed", "asked", "version",
		"platform" };
	json_t *facts = json_object_get(row, "facts");

	if (!facts) {
		facts = bk_json_object();
		bk_json_put(row, "facts", facts);
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		json_t *v = json_object_get(args, names[i]);

		if (v)
			bk_json_put(facts, names[i], json_incref(v));
	}
}

static json_t *words_of(unsigned ill)
{
	json_t *words = bk_json_array();

	for (unsigned i = 0; i < BK_ILLS; i++)
		if (ill & 1u << i)
			bk_json_push(words, json_string(bk_health_word(i)));
	return words;
}

int bk_condition_cmd_health(struct bk_core *core, struct bk_command *c)
{
	json_t *row = own_row(core);
	struct bk_health h;
	unsigned ill = 0;
	int err = 0;

	take_facts(c->args, row);
	h = own_health(core, row);
	ill = bk_health_judge(&h, &usual, core->now);
	if (tells(core) && (ill & ~TIMELY) != bk_json_get_int(row, "told_ill"))
		err = post(core, row, BAKEN__DEVICE_HEALTH__CAUSE__CHANGED);
	if (!err)
		err = own_keep(core, row);
	bk_json_put(c->answer, "problems", words_of(ill));
	bk_json_ms(c->answer, "drill_ms", h.drill_ms);
	json_decref(row);
	return err;
}

void bk_condition_status(struct bk_core *core, json_t *answer)
{
	json_t *row = NULL;
	bk_ms drill = 0;

	if (!tells(core))
		return;
	row = own_row(core);
	drill = bk_json_get_int(row, "drill_ms");
	bk_json_ms(answer, "drill_ms", drill);
	bk_json_bool(answer, "drill_due", bk_health_drill_due(drill, usual.drill_days, core->now));
	json_decref(row);
}

/* ---- drill ---- */

static int post_drill(struct bk_core *core, bk_id *ret_message)
{
	Baken__Content content = BAKEN__CONTENT__INIT;
	Baken__DrillAlarm alarm = BAKEN__DRILL_ALARM__INIT;
	struct bk_post p = { .content = &content, .kind = BK_CONTENT_DRILL_ALARM };
	int err = 0;

	p.id = bk_id_random();
	alarm.nonce = bk_bytes(p.id.b, BK_ID_BYTES);
	content.kind_case = BAKEN__CONTENT__KIND_DRILL_ALARM;
	content.drill_alarm = &alarm;
	content.drill = true;
	p.class = BAKEN__CLASS__CLASS_URGENT; /* wakes nobody by the ladder of alarms */
	p.regime = BAKEN__REGIME__REGIME_SECURITY;
	p.circles[p.n_circles++] = bk_rosters_desk(core);
	err = bk_outbox_post(core, &p);
	*ret_message = p.id;
	return err;
}

int bk_condition_cmd_drill(struct bk_core *core, struct bk_command *c)
{
	json_t *row = NULL;
	bk_id message = { { 0 } };
	int err = tells(core) ? post_drill(core, &message) : BK_E_STATE;

	if (err)
		return err;
	row = own_row(core);
	bk_json_id(row, "drill", message);
	bk_json_int(row, "drill_sent_ms", core->now);
	json_object_del(row, "drill_late_ms");
	err = own_keep(core, row);
	json_decref(row);
	bk_json_id(c->answer, "message", message);
	return err;
}

static void drilled(struct bk_core *core, json_t *row)
{
	bk_json_int(row, "drill_ms", core->now);
	json_object_del(row, "drill");
	json_object_del(row, "drill_late_ms");
}

void bk_condition_on_receipt(struct bk_core *core, bk_id message)
{
	json_t *row = tells(core) ? own_row(core) : NULL;
	bk_ms sent = bk_json_get_int(row, "drill_sent_ms");

	if (row && !bk_id_is_zero(message) && bk_id_equal(bk_json_get_id(row, "drill"), message)) {
		drilled(core, row);
		tell_drill(core, message, "answered", core->now > sent ? core->now - sent : 1);
		post(core, row, BAKEN__DEVICE_HEALTH__CAUSE__DRILL);
		own_keep(core, row);
	}
	json_decref(row);
}

void bk_condition_drilled(struct bk_core *core)
{
	json_t *row = NULL;

	if (!tells(core))
		return;
	row = own_row(core);
	drilled(core, row);
	own_keep(core, row);
	json_decref(row);
}

/* ---- at a desk ---- */

static json_t *heard_row(const struct bk_opened *o, bk_ms at_ms)
{
	const Baken__DeviceHealth *m = o->content->device_health;
	json_t *row = bk_json_object();

	bk_json_int(row, "heard_ms", at_ms);
	bk_json_put(row, "skew_ms", json_integer(m->clock_skew_ms));
	bk_json_ms(row, "storage_free_bytes", m->storage_free_bytes);
	bk_json_ms(row, "battery_percent", m->battery_percent);
	bk_json_int(row, "allowed", m->allowed & ALLOWED_MAX);
	bk_json_int(row, "asked", m->asked & ALLOWED_MAX);
	bk_json_ms(row, "last_contact_ms", m->last_contact_ms);
	bk_json_ms(row, "drill_ms", m->last_drill_ms);
	bk_json_int(row, "waiting", m->waiting);
	bk_json_more(row, "version", m->version);
	bk_json_more(row, "platform", m->platform);
	return row;
}

static struct bk_health health_read(const json_t *row)
{
	struct bk_health h = { .heard_ms = bk_json_get_int(row, "heard_ms") };

	h.skew_ms = json_integer_value(json_object_get(row, "skew_ms"));
	h.free_known = json_object_get(row, "storage_free_bytes") != NULL;
	h.free_bytes = bk_json_get_int(row, "storage_free_bytes");
	h.allowed = (unsigned)bk_json_get_int(row, "allowed");
	h.asked = (unsigned)bk_json_get_int(row, "asked");
	h.waiting = (unsigned)bk_json_get_int(row, "waiting");
	h.drill_ms = bk_json_get_int(row, "drill_ms");
	return h;
}

static json_t *device_of(struct bk_core *core, const struct bk_roster *circle, const struct bk_roster_entry *e)
{
	json_t *row = bk_db_get_json(&core->db, bk_key_id("health/", e->cert.device)), *o = bk_json_object();
	struct bk_health_rule rule = rule_of(core);
	struct bk_health h = health_read(row);
	char name[BK_NAME_MAX + 1];

	bk_items_circle_name(core, circle->circle, name);
	bk_json_id(o, "device", e->cert.device);
	bk_json_id(o, "circle", circle->circle);
	bk_json_text(o, "name", name);
	bk_json_text(o, "role", bk_items_role(e->cert.role));
	bk_json_put(o, "problems", words_of(bk_health_judge(&h, &rule, core->now)));
	if (row)
		bk_json_check(json_object_update_missing(o, row) == 0);
	json_decref(row);
	return o;
}

/* The words of a device became others: told once. */
void bk_condition_on_health(struct bk_core *core, const struct bk_opened *o, bk_ms at_ms)
{
	struct bk_key k = bk_key_id("health/", o->sender->cert.device);
	json_t *old = NULL, *row = NULL;
	struct bk_health_rule rule = rule_of(core);
	struct bk_health before, after;

	if (!bk_is_desk(core) || o->circle->kind != BAKEN__CIRCLE_KIND__CIRCLE_PERSON)
		return;
	old = bk_db_get_json(&core->db, k);
	if (bk_json_get_int(old, "heard_ms") > at_ms) { /* an older word that comes later */
		json_decref(old);
		return;
	}
	row = heard_row(o, at_ms);
	before = health_read(old);
	after = health_read(row);
	bk_db_put_json(&core->db, k, row);
	if (bk_health_judge(&before, &rule, core->now) != bk_health_judge(&after, &rule, core->now)) {
		json_t *event = bk_event("device"), *item = device_of(core, o->circle, o->sender);

		bk_json_check(json_object_update(event, item) == 0);
		json_decref(item);
		bk_emit(core, event);
	}
	json_decref(old);
	json_decref(row);
}

int bk_condition_cmd_devices(struct bk_core *core, struct bk_command *c)
{
	json_t *items = bk_json_array();
	struct bk_rows rows;
	int err = bk_db_keys(&core->db, bk_key("circle/"), 0, &rows);

	bk_json_put(c->answer, "items", items);
	if (err)
		return err;
	for (size_t i = 0; i < rows.n; i++) {
		const struct bk_roster *r = bk_rosters_get(core, bk_row_id(&rows.v[i], strlen("circle/")));

		for (size_t k = 0; r && r->kind == BAKEN__CIRCLE_KIND__CIRCLE_PERSON && k < r->n_entries; k++)
			if (bk_roster_usable(&r->entries[k], core->now))
				bk_json_push(items, device_of(core, r, &r->entries[k]));
	}
	bk_rows_free(&rows);
	return 0;
}
