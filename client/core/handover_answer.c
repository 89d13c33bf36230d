/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What becomes of a handover: offered to us, answered, moved. */
#include <stdlib.h>

#include "cases.h"
#include "engine.h"
#include "handover.h"

static json_t *items_of(const json_t *row)
{
	return json_object_get(row, "items");
}

static bool is_state(const json_t *item, const char *state)
{
	return item && !strcmp(bk_json_get_text(item, "state"), state);
}

static void set_state(json_t *item, const char *state)
{
	bk_json_text(item, "state", state);
}

/* A case or an alarm: what has a lease. */
static bool is_case(const json_t *item)
{
	const char *kind = bk_json_get_text(item, "kind");

	return !strcmp(kind, "case") || !strcmp(kind, "alarm");
}

static bool ours(const struct bk_core *core, const json_t *row, const char *side)
{
	return bk_id_equal(bk_json_get_id(row, side), core->self.device);
}

/* ---- offers in ---- */

static void taken_back(struct bk_core *core, const struct bk_opened *o)
{
	const Baken__Handover *m = o->content->handover;
	bk_id id = { { 0 } };
	json_t *row = NULL;

	bk_id_from(m->handover_id.data, m->handover_id.len, &id);
	row = bk_handover_row(core, id);
	if (!row || !bk_id_equal(bk_json_get_id(row, "from"), o->sender->cert.device)) {
		bk_handover_tell(core, id, NULL, "ignored", row ? BK_E_ROLE : BK_E_NOT_FOUND);
	} else if (!bk_json_get_bool(row, "over")) {
		bk_json_bool(row, "over", true);
		bk_handover_save(core, id, row);
		bk_handover_tell(core, id, row, "taken-back", 0);
	}
	json_decref(row);
}

static json_t *item_in(const Baken__HandoverItem *m)
{
	json_t *item = bk_json_object();
	bk_id about = { { 0 } }, circle = { { 0 } };

	if (m->about_id.len)
		bk_id_from(m->about_id.data, m->about_id.len, &about);
	if (m->circle_id.len)
		bk_id_from(m->circle_id.data, m->circle_id.len, &circle);
	bk_json_text(item, "kind", bk_handover_kind(m->kind));
	bk_json_id(item, "about", about);
	bk_json_id(item, "circle", circle);
	bk_json_ms(item, "due_ms", m->due_ms);
	bk_json_text(item, "text", m->text);
	set_state(item, "offered");
	return item;
}

void bk_handover_on_offer(struct bk_core *core, const struct bk_opened *o)
{
	const Baken__Handover *m = o->content->handover;
	json_t *row = NULL, *items = NULL;
	bk_id to = { { 0 } };

	if (core->self.role == BAKEN__ROLE__ROLE_VAULT || !bk_id_equal(o->circle->circle, core->self.circle) ||
		bk_id_from(m->to_device.data, m->to_device.len, &to))
		return;
	if (m->taken_back) {
		taken_back(core, o);
		return;
	}
	if (bk_db_has(&core->db, bk_key_id("hand/", o->logical)))
		return;
	row = bk_json_object();
	items = bk_json_array();
	bk_json_id(row, "from", o->sender->cert.device);
	bk_json_id(row, "to", to);
	bk_json_int(row, "at_ms", bk_cases_now(core));
	bk_json_more(row, "text", m->text);
	for (size_t i = 0; i < m->n_items; i++)
		bk_json_push(items, item_in(m->items[i]));
	bk_json_put(row, "items", items);
	bk_handover_save(core, o->logical, row);
	bk_handover_tell(core, o->logical, row, "offered", 0);
	json_decref(row);
}

/* ---- answering ---- */

static size_t indices(const json_t *args, const char *key, const json_t *items, uint32_t *out, int *err)
{
	const json_t *list = json_object_get(args, key), *v = NULL;
	size_t n = 0, i = 0;

	json_array_foreach(list, i, v) {
		uint64_t at = (uint64_t)json_integer_value(v);
		const json_t *item = json_array_get(items, (size_t)at);

		if (!item || n == BK_HANDOVER_MAX)
			*err = BK_E_INVAL;
		else if (!is_state(item, "offered"))
			*err = BK_E_STATE; /* answered before */
		else
			out[n++] = (uint32_t)at;
	}
	return n;
}

static int post_answer(struct bk_core *core, Baken__HandoverAnswer *m)
{
	Baken__Content content = BAKEN__CONTENT__INIT;
	struct bk_post p = { .content = &content, .kind = BK_CONTENT_HANDOVER_ANSWER };

	content.kind_case = BAKEN__CONTENT__KIND_HANDOVER_ANSWER;
	content.handover_answer = m;
	p.class = BAKEN__CLASS__CLASS_URGENT;
	p.regime = BAKEN__REGIME__REGIME_SECURITY;
	p.circles[p.n_circles++] = core->self.circle;
	return bk_outbox_post(core, &p);
}

/* A case that nobody holds is taken at once; one that the giver holds is given by the giver. */
static int take_if_free(struct bk_core *core, const json_t *item)
{
	bk_id case_id = bk_json_get_id(item, "about");
	struct bk_case_state s;

	if (!is_case(item) || !bk_cases_state(core, case_id, &s))
		return 0;
	if (!bk_id_is_zero(s.owner) && s.until_ms > bk_cases_now(core))
		return 0;
	return bk_cases_take(core, case_id);
}

static void apply_refusals(json_t *items, const uint32_t *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		set_state(json_array_get(items, list[i]), "refused");
}

int bk_handover_cmd_answer(struct bk_core *core, struct bk_command *c)
{
	bk_id id = bk_json_get_id(c->args, "handover");
	json_t *row = bk_handover_row(core, id), *items = items_of(row);
	Baken__HandoverAnswer m = BAKEN__HANDOVER_ANSWER__INIT;
	uint32_t accepted[BK_HANDOVER_MAX], refused[BK_HANDOVER_MAX];
	int err = row ? 0 : BK_E_NOT_FOUND;

	if (!err && (!ours(core, row, "to") || bk_json_get_bool(row, "over"))) {
		c->say = BK_SAY_NOT_RECEIVER;
		err = BK_E_STATE;
	}
	m.n_accepted = indices(c->args, "accept", items, accepted, &err);
	m.n_refused = indices(c->args, "refuse", items, refused, &err);
	m.text = (char *)(uintptr_t)bk_json_get_text(c->args, "reason");
	if (!err && (!(m.n_accepted + m.n_refused) || (m.n_refused && !*m.text)))
		err = BK_E_INVAL; /* a refusal says why */
	m.handover_id = bk_bytes(id.b, BK_ID_BYTES);
	m.accepted = accepted;
	m.refused = refused;
	if (!err)
		err = post_answer(core, &m);
	for (size_t i = 0; i < m.n_accepted && !err; i++) {
		set_state(json_array_get(items, accepted[i]), "accepted");
		err = take_if_free(core, json_array_get(items, accepted[i]));
	}
	if (!err) {
		apply_refusals(items, refused, m.n_refused);
		err = bk_handover_save(core, id, row);
	}
	if (!err)
		bk_handover_tell(core, id, row, "answered", 0);
	json_decref(row);
	return err;
}

/* Only the receiver's word counts, only once for each item, and not after it was taken back. */
void bk_handover_on_answer(struct bk_core *core, const struct bk_opened *o)
{
	const Baken__HandoverAnswer *m = o->content->handover_answer;
	json_t *row = NULL, *items = NULL;
	bk_id id = { { 0 } };
	size_t changed = 0;

	if (core->self.role == BAKEN__ROLE__ROLE_VAULT || !bk_id_equal(o->circle->circle, core->self.circle) ||
		bk_id_from(m->handover_id.data, m->handover_id.len, &id))
		return;
	row = bk_handover_row(core, id);
	if (!row || !bk_id_equal(bk_json_get_id(row, "to"), o->sender->cert.device) || bk_json_get_bool(row, "over")) {
		bk_handover_tell(core, id, NULL, "ignored", row ? BK_E_ROLE : BK_E_NOT_FOUND);
		json_decref(row);
		return;
	}
	items = items_of(row);
	for (size_t i = 0; i < m->n_accepted + m->n_refused; i++) {
		bool yes = i < m->n_accepted;
		json_t *item = json_array_get(items, yes ? m->accepted[i] : m->refused[i - m->n_accepted]);

		if (!is_state(item, "offered"))
			continue;
		set_state(item, yes ? "accepted" : "refused");
		if (!yes)
			bk_json_more(item, "reason", m->text);
		changed++;
	}
	if (changed) {
		bk_handover_save(core, id, row);
		bk_handover_tell(core, id, row, "answered", 0);
		core->handover_looked = false;
	}
	json_decref(row);
}

/* ---- moving, by the giver ---- */

/* Somebody else has it, or nobody: then there is nothing of ours to move. */
static void move(struct bk_core *core, json_t *item, bk_id to, bool *changed)
{
	bk_id case_id = bk_json_get_id(item, "about");
	struct bk_case_state s;

	if (!is_state(item, "accepted") || !is_case(item))
		return;
	if (!bk_cases_state(core, case_id, &s) || !bk_id_equal(s.owner, core->self.device)) {
		set_state(item, "moved");
		*changed = true;
		return;
	}
	if (!bk_link_pending(core, BK_REQ_CLAIM, case_id))
		bk_cases_give(core, case_id, to);
}

void bk_handover_pump(struct bk_core *core)
{
	struct bk_rows rows;

	if (core->handover_looked || !bk_link_online(core) || !bk_is_desk(core) || bk_link_busy(core) ||
		bk_db_rows(&core->db, bk_key("hand/"), 0, &rows))
		return;
	core->handover_looked = true;
	for (size_t i = 0; i < rows.n; i++) {
		json_t *row = bk_json_row(rows.v[i].value, rows.v[i].len), *item = NULL;
		bool changed = false;
		size_t k = 0;

		if (row && ours(core, row, "from")) {
			json_array_foreach(items_of(row), k, item) {
				if (!bk_link_busy(core))
					move(core, item, bk_json_get_id(row, "to"), &changed);
				else
					core->handover_looked = false;
			}
		}
		if (changed)
			bk_handover_save(core, bk_row_id(&rows.v[i], strlen("hand/")), row);
		json_decref(row);
	}
	bk_rows_free(&rows);
}

/* The accepted item about this case in one of our handovers; the row is the caller's. */
static json_t *find(struct bk_core *core, bk_id case_id, bk_id *ret_id, json_t **ret_item)
{
	json_t *found = NULL;
	struct bk_rows rows;

	if (bk_db_rows(&core->db, bk_key("hand/"), 0, &rows))
		return NULL;
	for (size_t i = 0; i < rows.n && !found; i++) {
		json_t *row = bk_json_row(rows.v[i].value, rows.v[i].len), *item = NULL;
		size_t k = 0;

		json_array_foreach(items_of(row), k, item) {
			if (!ours(core, row, "from") || !is_state(item, "accepted") || !is_case(item) ||
				!bk_id_equal(bk_json_get_id(item, "about"), case_id))
				continue;
			found = row;
			*ret_item = item;
			*ret_id = bk_row_id(&rows.v[i], strlen("hand/"));
			break;
		}
		if (row != found)
			json_decref(row);
	}
	bk_rows_free(&rows);
	return found;
}

void bk_handover_on_given(struct bk_core *core, const Baken__ClaimState *m, const struct bk_request *r)
{
	struct bk_case_event e = { .kind = BK_CASE_HANDED_OVER, .until_ms = m->until_ms };
	bk_id id = { { 0 } }, holder = { { 0 } };
	json_t *item = NULL, *row = find(core, r->id, &id, &item);
	bool moved = false;

	if (!row)
		return;
	bk_id_from(m->holder.data, m->holder.len, &holder);
	moved = bk_id_equal(holder, bk_json_get_id(row, "to"));
	if (moved) {
		e.other = holder;
		moved = !bk_cases_act(core, r->id, &e, NULL);
	}
	set_state(item, moved ? "moved" : "failed");
	bk_handover_save(core, id, row);
	bk_handover_tell(core, id, row, moved ? "moved" : "failed", moved ? 0 : BK_E_CLAIMED);
	json_decref(row);
}

/* The receiver is gone: the item stays with the giver, to be offered anew. Otherwise: again in the next session. */
void bk_handover_on_give_error(struct bk_core *core, const struct bk_request *r, int err)
{
	bk_id id = { { 0 } };
	json_t *item = NULL, *row = err == BK_E_NOT_FOUND ? find(core, r->id, &id, &item) : NULL;

	if (!row)
		return;
	set_state(item, "failed");
	bk_handover_save(core, id, row);
	bk_handover_tell(core, id, row, "failed", err);
	json_decref(row);
}
