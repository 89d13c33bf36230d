/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "items.h"

#include <stdlib.h>

#include "alarm.h"
#include "engine.h"
#include "manifest.h"

static const char *const rungs[] = { "device", "stored", "decrypted", "claimed", "answered" };
#define RUNGS (sizeof(rungs) / sizeof(rungs[0]))

const char *bk_items_role(Baken__Role role)
{
	static const char *const names[] = { "", "person", "relative", "child", "officer", "lead", "care",
		"registrar", "supervisor", "vault" };

	return (size_t)role < sizeof(names) / sizeof(names[0]) ? names[role] : "";
}

void bk_items_circle_name(struct bk_core *core, bk_id circle, char out[static BK_NAME_MAX + 1])
{
	const struct bk_roster *r = NULL;

	bk_rosters_name(core, circle, out);
	if (out[0])
		return;
	r = bk_rosters_get(core, circle);
	for (size_t i = 0; r && i < r->n_entries && !out[0]; i++)
		bk_rosters_name(core, r->entries[i].cert.device, out);
}

/* ---- building ---- */

static void build_report(json_t *item, const Baken__Report *m)
{
	static const char *const urgencies[] = { "", "can-wait", "today", "now" };
	static const char *const certainties[] = { "", "gut-feeling", "unsure", "sure" };

	bk_json_text(item, "kind", "report");
	bk_json_text(item, "what", m->what);
	bk_json_more(item, "where", m->where);
	bk_json_ms(item, "when_ms", m->when_ms);
	bk_json_more(item, "when_text", m->when_text);
	if ((size_t)m->urgency < sizeof(urgencies) / sizeof(urgencies[0]))
		bk_json_more(item, "urgency", urgencies[m->urgency]);
	if ((size_t)m->certainty < sizeof(certainties) / sizeof(certainties[0]))
		bk_json_more(item, "certainty", certainties[m->certainty]);
}

static void build_text(json_t *item, const Baken__Text *m)
{
	bk_id to = { { 0 } };

	bk_json_text(item, "kind", "text");
	bk_json_text(item, "text", m->text);
	if (m->answers)
		bk_json_bool(item, "answers", true);
	if (!bk_id_from(m->reply_to.data, m->reply_to.len, &to))
		bk_json_id(item, "reply_to", to);
}

static void build_guidance(json_t *item, const Baken__Guidance *m)
{
	bk_json_text(item, "kind", "guidance");
	bk_json_text(item, "title", m->title);
	bk_json_text(item, "text", m->text);
	bk_json_ms(item, "valid_until_ms", m->valid_until_ms);
	bk_json_bool(item, "acknowledge", m->acknowledge);
}

static json_t *facts_of(const Baken__CaptureManifest *m)
{
	json_t *facts = bk_json_object();

	bk_json_ms(facts, "captured_ms", m->captured_ms);
	bk_json_more(facts, "device_model", m->device_model);
	if (m->place) {
		json_t *place = bk_json_object();

		bk_json_put(place, "latitude", json_real(m->place->latitude_e7 / 1e7));
		bk_json_put(place, "longitude", json_real(m->place->longitude_e7 / 1e7));
		bk_json_int(place, "accuracy_m", m->place->accuracy_m);
		bk_json_put(facts, "place", place);
	}
	return facts;
}

/* What the manifest says is shown only when the sender's device has signed it over these very bytes. */
static void build_manifest(struct bk_core *core, json_t *shown, const Baken__Attachment *a,
	const struct bk_roster_entry *sender)
{
	struct bk_arena *arena = a->manifest ? bk_arena_new() : NULL;
	Baken__CaptureManifest *m = NULL;
	bk_hash plain = { { 0 } };
	int err = 0;

	if (!a->manifest)
		return;
	if (!arena) {
		bk_db_fail(&core->db, BK_E_NOMEM);
		return;
	}
	err = bk_hash_from(a->plain_hash.data, a->plain_hash.len, &plain);
	if (!err)
		err = bk_manifest_verify(arena, a->manifest, sender->cert.identity, plain, a->size, &m);
	bk_json_text(shown, "manifest", err ? "invalid" : "verified");
	if (!err)
		bk_json_put(shown, "facts", facts_of(m));
	bk_arena_free(arena);
}

static json_t *private_file(const Baken__Attachment *a)
{
	json_t *file = bk_json_object();

	bk_json_hex(file, "hash", a->file_hash.data, a->file_hash.len);
	bk_json_hex(file, "key", a->key.data, a->key.len);
	bk_json_hex(file, "plain_hash", a->plain_hash.data, a->plain_hash.len);
	bk_json_int(file, "size", a->size);
	bk_json_int(file, "padded", a->padded_size);
	return file;
}

static void build_files(struct bk_core *core, json_t *item, Baken__Attachment *const *list, size_t n,
	const struct bk_opened *o, bool outgoing)
{
	json_t *shown = bk_json_array(), *files = bk_json_array();

	for (size_t i = 0; i < n; i++) {
		json_t *f = bk_json_object();

		bk_json_int(f, "index", i);
		bk_json_text(f, "name", list[i]->name);
		bk_json_int(f, "size", list[i]->size);
		bk_json_text(f, "type", list[i]->type);
		bk_json_text(f, "state", outgoing ? "device" : "remote");
		build_manifest(core, f, list[i], o->sender);
		bk_json_push(shown, f);
		bk_json_push(files, private_file(list[i]));
	}
	bk_json_put(item, "attachments", shown);
	bk_json_put(bk_items_private(item), "files", files);
}

static void build_from(struct bk_core *core, json_t *item, const struct bk_opened *o, bool outgoing)
{
	const char *said = outgoing ? core->self.name : o->content->sender_name;
	char known[BK_NAME_MAX + 1];
	json_t *from = bk_json_object();

	bk_json_id(from, "device", o->sender->cert.device);
	bk_json_id(from, "circle", o->circle->circle);
	bk_json_text(from, "role", bk_items_role(o->sender->cert.role));
	bk_rosters_name(core, o->sender->cert.device, known);
	bk_json_text(from, "name", said && *said ? said : known);
	bk_json_put(item, "from", from);
}

json_t *bk_items_build(struct bk_core *core, const struct bk_opened *o, bool outgoing)
{
	const Baken__Content *c = o->content;
	json_t *item = NULL;

	if (o->kind != BK_CONTENT_REPORT && o->kind != BK_CONTENT_TEXT && o->kind != BK_CONTENT_GUIDANCE &&
		o->kind != BK_CONTENT_ALARM)
		return NULL;
	item = bk_json_object();
	bk_json_id(item, "message", o->logical);
	bk_json_id(item, "conversation", bk_id_is_zero(o->conversation) ? o->logical : o->conversation);
	bk_json_bool(item, "outgoing", outgoing);
	build_from(core, item, o, outgoing);
	bk_json_ms(item, "written_ms", c->written_ms);
	bk_json_bool(item, "drill", c->drill);
	if (o->kind == BK_CONTENT_REPORT) {
		build_report(item, c->report);
		build_files(core, item, c->report->attachments, c->report->n_attachments, o, outgoing);
	} else if (o->kind == BK_CONTENT_TEXT) {
		build_text(item, c->text);
		build_files(core, item, c->text->attachments, c->text->n_attachments, o, outgoing);
	} else if (o->kind == BK_CONTENT_ALARM) {
		bk_alarm_build(item, c->alarm);
	} else {
		build_guidance(item, c->guidance);
	}
	bk_json_int(bk_items_private(item), "regime", (uint64_t)o->regime);
	if (outgoing)
		bk_json_put(item, "rungs", bk_json_array());
	return item;
}

/* ---- keeping ---- */

json_t *bk_items_private(json_t *item)
{
	json_t *p = json_object_get(item, "private");

	if (!p && item) {
		bk_json_put(item, "private", bk_json_object());
		p = json_object_get(item, "private");
	}
	return p;
}

json_t *bk_items_public(const json_t *item)
{
	json_t *copy = json_deep_copy(item);

	bk_json_check(copy || !item);
	json_object_del(copy, "private");
	return copy;
}

json_t *bk_items_shown(struct bk_core *core, const json_t *item)
{
	json_t *copy = bk_items_public(item);

	bk_recall_show(core, copy);
	return copy;
}

static void index_add(struct bk_core *core, struct bk_key k, bk_ms order, bk_id message)
{
	bk_key_add_u64(&k, order);
	bk_key_add(&k, message.b, sizeof(message.b));
	bk_db_put(&core->db, k, "", 0);
}

int bk_items_put(struct bk_core *core, const json_t *item)
{
	bk_id message = bk_json_get_id(item, "message");
	int err = bk_items_save(core, item);

	index_add(core, bk_key("itime/"), core->now, message);
	index_add(core, bk_key_id("iconv/", bk_json_get_id(item, "conversation")), core->now, message);
	if (bk_json_get_bool(item, "outgoing") && !strcmp(bk_json_get_text(item, "kind"), "report"))
		index_add(core, bk_key("ireport/"), core->now, message);
	if (!strcmp(bk_json_get_text(item, "kind"), "guidance"))
		index_add(core, bk_key("iguide/"), core->now, message);
	return err ? err : core->db.err;
}

int bk_items_save(struct bk_core *core, const json_t *item)
{
	return bk_db_put_json(&core->db, bk_key_id("item/", bk_json_get_id(item, "message")), item);
}

json_t *bk_items_get(struct bk_core *core, bk_id message)
{
	return bk_db_get_json(&core->db, bk_key_id("item/", message));
}

/* Index keys end in time and message id. */
static json_t *list(struct bk_core *core, struct bk_key prefix, bk_ms after, size_t limit)
{
	json_t *items = bk_json_array();
	struct bk_rows rows;
	size_t first = 0;

	if (bk_db_keys(&core->db, prefix, 0, &rows))
		return items;
	while (first < rows.n && bk_u64_read(rows.v[first].key + prefix.len) <= after && after)
		first++;
	if (limit && rows.n - first > limit)
		first = rows.n - limit;
	for (size_t i = first; i < rows.n; i++) {
		json_t *item = bk_items_get(core, bk_row_id(&rows.v[i], prefix.len + 8));

		if (item)
			bk_json_push(items, bk_items_shown(core, item));
		json_decref(item);
	}
	bk_rows_free(&rows);
	return items;
}

json_t *bk_items_list(struct bk_core *core, bk_id conversation, bk_ms after, size_t limit)
{
	struct bk_key k = bk_id_is_zero(conversation) ? bk_key("itime/") : bk_key_id("iconv/", conversation);

	return list(core, k, after, limit);
}

json_t *bk_items_reports(struct bk_core *core)
{
	return list(core, bk_key("ireport/"), 0, 0);
}

json_t *bk_items_guidance(struct bk_core *core)
{
	return list(core, bk_key("iguide/"), 0, 0);
}

/* ---- rungs ---- */

static size_t rung_index(const char *name)
{
	size_t i = 0;

	while (i < RUNGS && strcmp(rungs[i], name))
		i++;
	return i;
}

static json_t *rung_new(const char *name, bk_ms at, const char *by)
{
	json_t *r = bk_json_object();

	bk_json_text(r, "rung", name);
	bk_json_int(r, "at_ms", at);
	bk_json_more(r, "by", by);
	return r;
}

/* True when the ladder has a new step; a step that is there keeps its earliest time. */
static bool climb(json_t *ladder, const char *name, bk_ms at, const char *by, bool *ret_changed)
{
	size_t i = 0, n = json_array_size(ladder), step = rung_index(name);

	for (; i < n; i++) {
		json_t *r = json_array_get(ladder, i);
		size_t there = rung_index(bk_json_get_text(r, "rung"));

		if (there == step) {
			*ret_changed = at < bk_json_get_int(r, "at_ms");
			if (*ret_changed)
				bk_json_check(json_array_set_new(ladder, i, rung_new(name, at, by)) == 0);
			return false;
		}
		if (there > step)
			break;
	}
	*ret_changed = true;
	bk_json_check(json_array_insert_new(ladder, i, rung_new(name, at, by)) == 0);
	return true;
}

void bk_items_rung(struct bk_core *core, bk_id message, const char *rung, bk_ms at, const char *by)
{
	json_t *item = bk_items_get(core, message);
	bool changed = false, climbed = false;
	json_t *event = NULL;

	BK_ASSERT(rung_index(rung) < RUNGS);
	if (bk_guidance_rung(core, message, rung, at)) {
		json_decref(item);
		return;
	}
	if (!item || !bk_json_get_bool(item, "outgoing")) {
		json_decref(item);
		return;
	}
	climbed = climb(json_object_get(item, "rungs"), rung, at, by, &changed);
	if (changed)
		bk_items_save(core, item);
	if (climbed) {
		event = bk_event("outgoing");
		bk_json_id(event, "message", message);
		bk_json_text(event, "rung", rung);
		bk_json_int(event, "at_ms", at);
		bk_json_more(event, "by", by);
		bk_emit(core, event);
		if (!strcmp(bk_json_get_text(item, "kind"), "alarm"))
			bk_alarm_on_rung(core, message, rung, at, by);
	}
	json_decref(item);
}

/* ---- guidance ---- */

bk_ms bk_items_acknowledged_ms(struct bk_core *core, bk_id guidance, bk_id circle)
{
	uint8_t at[8];

	if (bk_db_read(&core->db, bk_key_pair("gack/", guidance, circle), at, sizeof(at)))
		return 0;
	return bk_u64_read(at);
}

/* Own circle: another device of the same person has read it. */
static void mark_own(struct bk_core *core, bk_id guidance, bk_ms at)
{
	json_t *item = bk_items_get(core, guidance);

	if (item && !bk_json_get_int(item, "acknowledged_ms")) {
		bk_json_int(item, "acknowledged_ms", at);
		bk_items_save(core, item);
	}
	json_decref(item);
}

void bk_items_acknowledged(struct bk_core *core, bk_id guidance, bk_id circle, const char *name, bk_ms at)
{
	bk_id group = { { 0 } };
	uint8_t value[8];
	json_t *event = NULL;

	if (bk_id_equal(circle, core->self.circle)) {
		mark_own(core, guidance, at);
		return;
	}
	if (bk_items_acknowledged_ms(core, guidance, circle))
		return;
	at = at ? at : core->now;
	if (!bk_guidance_acknowledged(core, guidance, circle, at, &group))
		return;
	bk_u64_write(value, at);
	bk_db_put(&core->db, bk_key_pair("gack/", guidance, circle), value, sizeof(value));
	event = bk_event("guidance-ack");
	bk_json_id(event, "message", guidance);
	bk_json_id(event, "group", group);
	bk_json_id(event, "circle", circle);
	bk_json_text(event, "name", name ? name : "");
	bk_json_int(event, "at_ms", at);
	bk_emit(core, event);
}
