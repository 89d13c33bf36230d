/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Recall: a guidance that no longer holds is shown as such in its place, whichever of the two came first. */
#include <stdlib.h>

#include "engine.h"
#include "guidance.h"
#include "valid.h"

#define PENDING_KEEP_MS (120ull * 86400000ull) /* longer than any message waits at a server or in an outbox */

/* ---- on the device of who was guided ---- */

/* What no longer holds must not be read as if it did: the words give way to the reason. */
static void blot(json_t *item, bk_ms at, const char *reason)
{
	bk_json_int(item, "recalled_ms", at);
	bk_json_text(item, "recall_reason", reason);
	bk_json_text(item, "text", "");
}

static bool is_guidance(const json_t *item)
{
	return !strcmp(bk_json_get_text(item, "kind"), "guidance");
}

static bk_id written_by(const json_t *item)
{
	return bk_json_get_id(json_object_get(item, "from"), "circle");
}

static void tell(struct bk_core *core, bk_id message, bk_ms at, const char *reason)
{
	json_t *event = bk_event("guidance-recalled");

	bk_json_id(event, "message", message);
	bk_json_int(event, "at_ms", at);
	bk_json_text(event, "reason", reason);
	bk_emit(core, event);
}

static void keep_pending(struct bk_core *core, const struct bk_opened *o, bk_id message)
{
	json_t *row = bk_json_object();

	bk_json_id(row, "circle", o->circle->circle);
	bk_json_int(row, "at_ms", o->content->written_ms);
	bk_json_int(row, "kept_ms", core->now);
	bk_json_text(row, "reason", o->content->guidance_recall->reason);
	bk_db_put_json(&core->db, bk_key_id("recall/", message), row);
	json_decref(row);
}

void bk_recall_on_item(struct bk_core *core, json_t *item)
{
	bk_id message = bk_json_get_id(item, "message");
	json_t *row = is_guidance(item) ? bk_db_get_json(&core->db, bk_key_id("recall/", message)) : NULL;

	if (row && bk_id_equal(bk_json_get_id(row, "circle"), written_by(item))) {
		blot(item, bk_json_get_int(row, "at_ms"), bk_json_get_text(row, "reason"));
		bk_db_del(&core->db, bk_key_id("recall/", message));
	}
	json_decref(row);
}

void bk_recall_expire(struct bk_core *core)
{
	struct bk_rows rows;

	if (bk_db_rows(&core->db, bk_key("recall/"), 0, &rows))
		return;
	for (size_t i = 0; i < rows.n; i++) {
		json_t *row = bk_json_row(rows.v[i].value, rows.v[i].len);

		if (core->now >= bk_json_get_int(row, "kept_ms") + PENDING_KEEP_MS)
			bk_db_del(&core->db, bk_key_id("recall/", bk_row_id(&rows.v[i], strlen("recall/"))));
		json_decref(row);
	}
	bk_rows_free(&rows);
}

/* Only the desk that said it can take it back. */
static void recall_item(struct bk_core *core, const struct bk_opened *o, bk_id message)
{
	json_t *item = bk_items_get(core, message);
	bk_ms at = o->content->written_ms;

	if (!item) {
		keep_pending(core, o, message);
		return;
	}
	if (is_guidance(item) && bk_id_equal(written_by(item), o->circle->circle) &&
		!bk_json_get_int(item, "recalled_ms")) {
		blot(item, at ? at : 1, o->content->guidance_recall->reason);
		bk_items_save(core, item);
		tell(core, message, at, o->content->guidance_recall->reason);
	}
	json_decref(item);
}

/* ---- at the desk: the whole ---- */

static void recall_whole(struct bk_core *core, bk_id group, bk_ms at, const char *reason)
{
	json_t *fan = bk_guidance_fan(core, group), *item = bk_items_get(core, group);

	if (fan && !bk_json_get_int(fan, "recalled_ms")) {
		bk_json_int(fan, "recalled_ms", at ? at : 1);
		bk_json_text(fan, "recall_reason", reason);
		bk_guidance_fan_save(core, group, fan);
		if (item) {
			bk_json_int(item, "recalled_ms", at ? at : 1);
			bk_json_text(item, "recall_reason", reason);
			bk_items_save(core, item);
		}
		tell(core, group, at, reason);
	}
	json_decref(item);
	json_decref(fan);
}

void bk_recall_on_recall(struct bk_core *core, const struct bk_opened *o)
{
	const Baken__GuidanceRecall *m = o->content->guidance_recall;
	bk_id message = { { 0 } };

	if (bk_id_from(m->guidance_id.data, m->guidance_id.len, &message))
		return;
	if (!bk_is_desk(core))
		recall_item(core, o, message);
	else if (bk_db_has(&core->db, bk_key_id("fan/", message)))
		recall_whole(core, message, o->content->written_ms, m->reason);
	else
		keep_pending(core, o, message);
}

void bk_recall_on_sent(struct bk_core *core, bk_id group)
{
	json_t *row = bk_db_get_json(&core->db, bk_key_id("recall/", group));

	if (row && bk_id_equal(bk_json_get_id(row, "circle"), core->self.circle))
		recall_whole(core, group, bk_json_get_int(row, "at_ms"), bk_json_get_text(row, "reason"));
	if (row)
		bk_db_del(&core->db, bk_key_id("recall/", group));
	json_decref(row);
}

static int post(struct bk_core *core, bk_id circle, bk_id message, const char *reason)
{
	Baken__Content content = BAKEN__CONTENT__INIT;
	Baken__GuidanceRecall m = BAKEN__GUIDANCE_RECALL__INIT;
	struct bk_post p = { .content = &content, .kind = BK_CONTENT_GUIDANCE_RECALL, .class = BAKEN__CLASS__CLASS_URGENT,
		.regime = BAKEN__REGIME__REGIME_SECURITY };

	m.guidance_id = bk_bytes(message.b, BK_ID_BYTES);
	m.reason = (char *)(uintptr_t)reason;
	content.kind_case = BAKEN__CONTENT__KIND_GUIDANCE_RECALL;
	content.guidance_recall = &m;
	p.circles[p.n_circles++] = circle;
	return bk_outbox_post(core, &p);
}

/* Any officer of the desk may take back what one of them said. */
int bk_recall_cmd(struct bk_core *core, struct bk_command *c)
{
	bk_id group = bk_guidance_group(core, bk_json_get_id(c->args, "message"));
	const char *reason = bk_json_get_text(c->args, "reason");
	json_t *fan = bk_guidance_fan(core, group), *circles = json_object_get(fan, "circles");
	int err = !fan ? BK_E_NOT_FOUND : bk_json_get_int(fan, "recalled_ms") ? BK_E_STATE : 0;

	if (!err)
		err = post(core, core->self.circle, group, reason);
	for (size_t i = 0; i < json_array_size(circles) && !err; i++) {
		bk_id circle = { { 0 } };

		bk_id_parse(json_string_value(json_array_get(circles, i)), &circle);
		err = post(core, circle, bk_guidance_message(group, circle), reason);
		if (err == BK_E_NOT_FOUND || err == BK_E_ROLE)
			err = 0; /* somebody who is with another desk now: theirs to tell */
	}
	if (!err)
		recall_whole(core, group, core->now, reason);
	bk_json_id(c->answer, "message", group);
	bk_json_int(c->answer, "people", json_array_size(circles));
	json_decref(fan);
	return err;
}

/* ---- shown ---- */

void bk_recall_show(struct bk_core *core, json_t *item)
{
	struct bk_valid_guidance g = { .until_ms = bk_json_get_int(item, "valid_until_ms"),
		.recalled_ms = bk_json_get_int(item, "recalled_ms") };

	if (is_guidance(item))
		bk_json_text(item, "state",
			bk_valid_name(bk_valid_at(&g, bk_valid_clock(core->now, core->link.skew_ms))));
}
