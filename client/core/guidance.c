/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "guidance.h"

#include <stdlib.h>

#include "approvals.h"
#include "engine.h"

#define KEEP_MS (180ull * 86400000ull)
#define EXPIRE_MAX 50u /* groups in one round */

enum step { STORED, DECRYPTED, ACKNOWLEDGED, STEPS };

/* ---- names ---- */

bk_id bk_guidance_message(bk_id group, bk_id circle)
{
	static const char context[] = "baken-guidance-v1";
	uint8_t text[sizeof(context) - 1 + 2 * BK_ID_BYTES];
	bk_hash h = { { 0 } };
	bk_id id = { { 0 } };

	memcpy(text, context, sizeof(context) - 1);
	memcpy(text + sizeof(context) - 1, group.b, BK_ID_BYTES);
	memcpy(text + sizeof(context) - 1 + BK_ID_BYTES, circle.b, BK_ID_BYTES);
	h = bk_hash_of(text, sizeof(text));
	memcpy(id.b, h.b, BK_ID_BYTES);
	return id;
}

struct whose {
	bk_id group, circle;
};

static bool whose(struct bk_core *core, bk_id message, struct whose *ret_whose)
{
	uint8_t raw[2 * BK_ID_BYTES];

	if (bk_db_read(&core->db, bk_key_id("fanmsg/", message), raw, sizeof(raw)))
		return false;
	memcpy(ret_whose->group.b, raw, BK_ID_BYTES);
	memcpy(ret_whose->circle.b, raw + BK_ID_BYTES, BK_ID_BYTES);
	return true;
}

bk_id bk_guidance_group(struct bk_core *core, bk_id message)
{
	struct whose w = { .group = { { 0 } } };

	if (bk_db_has(&core->db, bk_key_id("fan/", message)))
		return message;
	return whose(core, message, &w) ? w.group : (bk_id){ { 0 } };
}

json_t *bk_guidance_fan(struct bk_core *core, bk_id group)
{
	return bk_db_get_json(&core->db, bk_key_id("fan/", group));
}

void bk_guidance_fan_save(struct bk_core *core, bk_id group, const json_t *fan)
{
	bk_db_put_json(&core->db, bk_key_id("fan/", group), fan);
}

/* ---- numbers: times of a person, counts of a group ---- */

static void numbers_get(struct bk_core *core, struct bk_key k, uint64_t out[static STEPS])
{
	uint8_t raw[STEPS * 8];

	memset(out, 0, STEPS * sizeof(*out));
	if (bk_db_read(&core->db, k, raw, sizeof(raw)))
		return;
	for (size_t i = 0; i < STEPS; i++)
		out[i] = bk_u64_read(raw + i * 8);
}

static void numbers_put(struct bk_core *core, struct bk_key k, const uint64_t in[static STEPS])
{
	uint8_t raw[STEPS * 8];

	for (size_t i = 0; i < STEPS; i++)
		bk_u64_write(raw + i * 8, in[i]);
	bk_db_put(&core->db, k, raw, sizeof(raw));
}

void bk_guidance_person(struct bk_core *core, bk_id group, bk_id circle, struct bk_guidance_person *ret_person)
{
	uint64_t t[STEPS];

	numbers_get(core, bk_key_pair("fanto/", group, circle), t);
	*ret_person = (struct bk_guidance_person){ t[STORED], t[DECRYPTED], t[ACKNOWLEDGED] };
}

static void mark_dirty(struct bk_core *core, bk_id group)
{
	struct bk_guidance *g = &core->guidance;

	for (size_t i = 0; i < g->n_dirty; i++)
		if (bk_id_equal(g->dirty[i], group))
			return;
	if (g->n_dirty == BK_GUIDANCE_DIRTY)
		bk_guidance_flush(core);
	g->dirty[g->n_dirty++] = group;
}

/* The ladder of the whole: a rung is reached when the last person has reached it. */
static void climb_whole(struct bk_core *core, bk_id group, const uint64_t sum[static STEPS], bk_ms at)
{
	json_t *fan = bk_guidance_fan(core, group);
	uint64_t people = bk_json_get_int(fan, "people");

	json_decref(fan);
	if (sum[STORED] == people)
		bk_items_rung(core, group, "stored", at, "");
	if (sum[DECRYPTED] == people)
		bk_items_rung(core, group, "decrypted", at, "");
}

/* Who has acknowledged has read, and what was read was stored: a colleague's device hears only the later part. */
static bool reach(struct bk_core *core, const struct whose *w, enum step step, bk_ms at)
{
	struct bk_key to = bk_key_pair("fanto/", w->group, w->circle), all = bk_key_id("fansum/", w->group);
	uint64_t t[STEPS], sum[STEPS];

	numbers_get(core, to, t);
	if (t[step])
		return false;
	numbers_get(core, all, sum);
	for (size_t i = 0; i <= step; i++) {
		sum[i] += !t[i];
		t[i] = t[i] ? t[i] : at;
	}
	numbers_put(core, to, t);
	numbers_put(core, all, sum);
	climb_whole(core, w->group, sum, at);
	mark_dirty(core, w->group);
	return true;
}

bool bk_guidance_rung(struct bk_core *core, bk_id message, const char *rung, bk_ms at)
{
	struct whose w;

	if (!whose(core, message, &w))
		return false;
	if (!strcmp(rung, "stored"))
		reach(core, &w, STORED, at ? at : core->now);
	else if (!strcmp(rung, "decrypted"))
		reach(core, &w, DECRYPTED, at ? at : core->now);
	return true;
}

bool bk_guidance_acknowledged(struct bk_core *core, bk_id message, bk_id circle, bk_ms at, bk_id *ret_group)
{
	struct whose w = { .group = { { 0 } } };

	*ret_group = w.group;
	if (!whose(core, message, &w))
		return true;
	if (!bk_id_equal(w.circle, circle))
		return false; /* somebody else's */
	*ret_group = w.group;
	reach(core, &w, ACKNOWLEDGED, at);
	return true;
}

void bk_guidance_flush(struct bk_core *core)
{
	size_t n = core->guidance.n_dirty;

	core->guidance.n_dirty = 0;
	for (size_t i = 0; i < n; i++) {
		bk_id group = core->guidance.dirty[i];
		json_t *fan = bk_guidance_fan(core, group), *event = NULL;
		uint64_t sum[STEPS];

		if (!fan)
			continue;
		numbers_get(core, bk_key_id("fansum/", group), sum);
		event = bk_event("guidance-progress");
		bk_json_id(event, "message", group);
		bk_json_int(event, "people", bk_json_get_int(fan, "people"));
		bk_json_int(event, "stored", sum[STORED]);
		bk_json_int(event, "delivered", sum[DECRYPTED]);
		bk_json_int(event, "acknowledged", sum[ACKNOWLEDGED]);
		bk_json_bool(event, "drill", bk_json_get_bool(fan, "drill"));
		bk_emit(core, event);
		json_decref(fan);
	}
}

/* ---- the whole, written down ---- */

struct whole {
	bk_id group, device, request;
	const Baken__Guidance *m;
	bool drill;
	bk_ms sent_ms;
};

static struct bk_key fan_at(bk_ms at, bk_id group)
{
	struct bk_key k = bk_key("fanat/");

	bk_key_add_u64(&k, at);
	bk_key_add(&k, group.b, sizeof(group.b));
	return k;
}

static json_t *fan_new(const struct whole *w, json_t *circles)
{
	json_t *fan = bk_json_object();

	bk_json_int(fan, "people", json_array_size(circles));
	bk_json_put(fan, "circles", json_incref(circles));
	bk_json_text(fan, "title", w->m->title);
	bk_json_bool(fan, "drill", w->drill);
	bk_json_int(fan, "sent_ms", w->sent_ms);
	bk_json_ms(fan, "valid_until_ms", w->m->valid_until_ms);
	bk_json_bool(fan, "acknowledge", w->m->acknowledge);
	bk_json_id(fan, "by", w->device);
	bk_json_id(fan, "request", w->request);
	return fan;
}

static void name_message(struct bk_core *core, bk_id group, bk_id circle)
{
	uint8_t raw[2 * BK_ID_BYTES];

	memcpy(raw, group.b, BK_ID_BYTES);
	memcpy(raw + BK_ID_BYTES, circle.b, BK_ID_BYTES);
	bk_db_put(&core->db, bk_key_id("fanmsg/", bk_guidance_message(group, circle)), raw, sizeof(raw));
}

static void write_down(struct bk_core *core, const struct whole *w, json_t *circles)
{
	static const uint64_t none[STEPS];
	json_t *fan = fan_new(w, circles);

	for (size_t i = 0; i < json_array_size(circles); i++) {
		bk_id circle = { { 0 } };

		bk_id_parse(json_string_value(json_array_get(circles, i)), &circle);
		name_message(core, w->group, circle);
	}
	bk_guidance_fan_save(core, w->group, fan);
	numbers_put(core, bk_key_id("fansum/", w->group), none);
	bk_db_put(&core->db, fan_at(w->sent_ms, w->group), "", 0);
	json_decref(fan);
}

/* What the desk's devices show: one item for the whole. */
static json_t *keep_item(struct bk_core *core, const struct whole *w, const struct bk_opened *from, size_t people)
{
	Baken__Content content = *from->content;
	struct bk_opened o = *from;
	json_t *item = NULL;

	content.kind_case = BAKEN__CONTENT__KIND_GUIDANCE;
	content.guidance = (Baken__Guidance *)(uintptr_t)w->m;
	content.drill = w->drill;
	o.content = &content;
	o.kind = BK_CONTENT_GUIDANCE;
	o.regime = BAKEN__REGIME__REGIME_SECURITY;
	o.message = o.logical = o.conversation = w->group;
	item = bk_items_build(core, &o, bk_id_equal(w->device, core->self.device));
	bk_json_int(item, "people", people);
	bk_json_id(bk_items_private(item), "group", w->group);
	bk_items_put(core, item);
	return item;
}

/* ---- sending ---- */

static int post_sent(struct bk_core *core, const struct bk_guide *g, bk_id group, Baken__Content *content)
{
	Baken__Approval m = BAKEN__APPROVAL__INIT;
	struct bk_post p = { .content = content, .kind = BK_CONTENT_APPROVAL, .class = BAKEN__CLASS__CLASS_URGENT,
		.regime = BAKEN__REGIME__REGIME_SECURITY };
	int err = 0;

	m.circles = bk_approvals_circles(g->circles, g->n);
	if (!m.circles) {
		bk_db_fail(&core->db, BK_E_NOMEM);
		return BK_E_NOMEM;
	}
	m.n_circles = g->n;
	m.verb = BAKEN__APPROVAL__VERB__SENT;
	m.guidance = g->m;
	m.drill = g->drill;
	m.group_id = bk_bytes(group.b, BK_ID_BYTES);
	if (!bk_id_is_zero(g->request))
		m.request_id = bk_bytes(g->request.b, BK_ID_BYTES);
	content->kind_case = BAKEN__CONTENT__KIND_APPROVAL;
	content->approval = &m;
	content->drill = g->drill;
	p.circles[p.n_circles++] = core->self.circle;
	err = bk_outbox_post(core, &p);
	free(m.circles);
	content->approval = NULL;
	return err;
}

static int post_one(struct bk_core *core, const struct bk_guide *g, bk_id group, bk_id circle)
{
	Baken__Content content = BAKEN__CONTENT__INIT;
	struct bk_post p = { .content = &content, .kind = BK_CONTENT_GUIDANCE, .class = BAKEN__CLASS__CLASS_URGENT,
		.regime = BAKEN__REGIME__REGIME_SECURITY };

	content.kind_case = BAKEN__CONTENT__KIND_GUIDANCE;
	content.guidance = g->m;
	content.drill = g->drill;
	p.circles[p.n_circles++] = circle;
	p.id = bk_guidance_message(group, circle);
	return bk_outbox_post(core, &p);
}

static int keep_sent(struct bk_core *core, const struct bk_guide *g, bk_id group, Baken__Content *content)
{
	struct whole w = { .group = group, .device = core->self.device, .request = g->request, .m = g->m,
		.drill = g->drill, .sent_ms = core->now };
	struct bk_opened o = { .content = content };
	json_t *circles = bk_json_array();

	o.circle = bk_rosters_get(core, core->self.circle);
	o.sender = o.circle ? bk_roster_find(o.circle, core->self.device) : NULL;
	for (size_t i = 0; i < g->n; i++)
		bk_json_push_id(circles, g->circles[i]);
	if (o.sender) {
		write_down(core, &w, circles);
		json_decref(keep_item(core, &w, &o, g->n));
		bk_items_rung(core, group, "device", core->now, "");
	}
	json_decref(circles);
	return o.sender ? 0 : BK_E_STATE;
}

int bk_guidance_send(struct bk_core *core, const struct bk_guide *g, bk_id *ret_group)
{
	Baken__Content content = BAKEN__CONTENT__INIT;
	bk_id group = bk_id_random();
	int err = g->n ? post_sent(core, g, group, &content) : BK_E_NOT_FOUND;

	if (!err)
		err = keep_sent(core, g, group, &content);
	for (size_t i = 0; i < g->n && !err; i++)
		err = post_one(core, g, group, g->circles[i]);
	if (!err)
		*ret_group = group;
	return err;
}

/* ---- a colleague's ---- */

/* Acknowledgements may have come before the word of what they acknowledge. */
static void absorb(struct bk_core *core, bk_id group, json_t *circles)
{
	for (size_t i = 0; i < json_array_size(circles); i++) {
		struct whose w = { .group = group };
		bk_ms at = 0;

		bk_id_parse(json_string_value(json_array_get(circles, i)), &w.circle);
		at = bk_items_acknowledged_ms(core, bk_guidance_message(group, w.circle), w.circle);
		if (at)
			reach(core, &w, ACKNOWLEDGED, at);
	}
}

void bk_guidance_on_sent(struct bk_core *core, const struct bk_opened *o)
{
	const Baken__Approval *m = o->content->approval;
	struct whole w = { .device = o->sender->cert.device, .m = m->guidance, .drill = m->drill,
		.sent_ms = o->content->written_ms };
	json_t *circles = NULL, *item = NULL;

	if (bk_id_from(m->group_id.data, m->group_id.len, &w.group) ||
		bk_db_has(&core->db, bk_key_id("fan/", w.group)))
		return;
	bk_id_from(m->request_id.data, m->request_id.len, &w.request);
	circles = bk_approvals_circle_ids(m);
	write_down(core, &w, circles);
	item = keep_item(core, &w, o, json_array_size(circles));
	bk_json_int(item, "received_ms", core->now);
	bk_items_save(core, item);
	absorb(core, w.group, circles);
	json_decref(circles);
	json_object_del(item, "private");
	bk_json_text(item, "event", "message");
	bk_emit(core, item);
	bk_recall_on_sent(core, w.group);
}

/* ---- bounds ---- */

static void forget(struct bk_core *core, bk_id group)
{
	json_t *fan = bk_guidance_fan(core, group), *circles = json_object_get(fan, "circles");

	for (size_t i = 0; i < json_array_size(circles); i++) {
		bk_id circle = { { 0 } }, message = { { 0 } };

		bk_id_parse(json_string_value(json_array_get(circles, i)), &circle);
		message = bk_guidance_message(group, circle);
		bk_db_del(&core->db, bk_key_id("fanmsg/", message));
		bk_db_del(&core->db, bk_key_pair("gack/", message, circle));
		bk_db_del(&core->db, bk_key_pair("fanto/", group, circle));
	}
	bk_db_del(&core->db, bk_key_id("fansum/", group));
	bk_db_del(&core->db, bk_key_id("fan/", group));
	json_decref(fan);
}

void bk_guidance_expire(struct bk_core *core)
{
	struct bk_rows rows;

	bk_recall_expire(core);
	if (bk_db_keys(&core->db, bk_key("fanat/"), EXPIRE_MAX, &rows))
		return;
	for (size_t i = 0; i < rows.n; i++) {
		bk_ms at = bk_u64_read(rows.v[i].key + strlen("fanat/"));
		bk_id group = bk_row_id(&rows.v[i], strlen("fanat/") + 8);

		if (core->now < at + KEEP_MS)
			break;
		forget(core, group);
		bk_db_del(&core->db, fan_at(at, group));
	}
	bk_rows_free(&rows);
}
