/* SPDX-License-Identifier: GPL-3.0-or-later */
/* When a person hears from the desk again: said by an officer, shown to the person, kept or not. */
#include "cases_in.h"

#include "engine.h"

#define PROMISE_MAX_MS (31ull * 86400000ull) /* beyond a month it is no promise */

/* ---- at the desk ---- */

static int post(struct bk_core *core, bk_id case_id, bk_ms next_contact)
{
	Baken__Content content = BAKEN__CONTENT__INIT;
	Baken__Promise m = BAKEN__PROMISE__INIT;
	struct bk_post p = { .content = &content, .kind = BK_CONTENT_PROMISE };

	m.case_id = bk_bytes(case_id.b, BK_ID_BYTES);
	m.next_contact_ms = next_contact;
	content.kind_case = BAKEN__CONTENT__KIND_PROMISE;
	content.promise = &m;
	p.class = BAKEN__CLASS__CLASS_NORMAL;
	p.regime = BAKEN__REGIME__REGIME_SECURITY;
	p.conversation = case_id;
	p.circles[p.n_circles++] = bk_cases_person(core, case_id);
	return bk_outbox_post(core, &p);
}

/* 0 takes it back. */
int bk_promise_cmd(struct bk_core *core, struct bk_command *c)
{
	bk_id case_id = bk_json_get_id(c->args, "case");
	struct bk_case_event e = { .kind = BK_CASE_PROMISED };
	bk_ms now = bk_cases_now(core);
	struct bk_case_state s;
	int err = bk_cases_check_mine(core, c, case_id);

	if (err)
		return err;
	e.until_ms = bk_json_get_int(c->args, "next_contact_ms");
	if (e.until_ms && (e.until_ms <= now || e.until_ms > now + PROMISE_MAX_MS)) {
		c->say = BK_SAY_TIME;
		return BK_E_INVAL;
	}
	if (!bk_cases_state(core, case_id, &s) || s.closed)
		return BK_E_STATE;
	err = post(core, case_id, e.until_ms);
	return err ? err : bk_cases_act(core, case_id, &e, NULL);
}

/* ---- at the person's ---- */

static void tell(struct bk_core *core, bk_id message, const json_t *promise)
{
	json_t *event = bk_event("promise");

	bk_json_id(event, "message", message);
	bk_json_check(json_object_update(event, (json_t *)(uintptr_t)promise) == 0);
	bk_emit(core, event);
}

static void keep(struct bk_core *core, bk_id message, json_t *item, json_t *promise)
{
	tell(core, message, promise);
	bk_json_put(item, "promise", promise);
	bk_items_save(core, item);
}

/* Of a message of ours that our own desk answers; what is older than what stands is late on its way. */
void bk_promise_on(struct bk_core *core, const struct bk_opened *o)
{
	const Baken__Promise *m = o->content->promise;
	bk_id case_id = { { 0 } };
	json_t *item = NULL, *promise = NULL;
	char by[BK_NAME_MAX + 1];

	if (!bk_is_person(core) || !bk_id_equal(o->circle->circle, bk_rosters_desk(core)) ||
		bk_id_from(m->case_id.data, m->case_id.len, &case_id))
		return;
	item = bk_items_get(core, case_id);
	if (!item || bk_json_get_int(json_object_get(item, "promise"), "made_ms") > o->content->written_ms) {
		json_decref(item);
		return;
	}
	bk_rosters_name(core, o->sender->cert.device, by);
	promise = bk_json_object();
	bk_json_text(promise, "state", m->next_contact_ms ? "open" : "withdrawn");
	bk_json_ms(promise, "next_contact_ms", m->next_contact_ms);
	bk_json_int(promise, "made_ms", o->content->written_ms);
	bk_json_more(promise, "by", by);
	keep(core, case_id, item, promise);
	json_decref(item);
}

/* Our desk wrote in the conversation: that is the contact. */
void bk_promise_on_text(struct bk_core *core, const struct bk_opened *o, bk_ms stored_ms)
{
	json_t *item = NULL, *promise = NULL;
	bool late = false;

	if (!bk_is_person(core) || o->kind != BK_CONTENT_TEXT ||
		!bk_id_equal(o->circle->circle, bk_rosters_desk(core)))
		return;
	item = bk_items_get(core, o->conversation);
	promise = json_object_get(item, "promise");
	if (!strcmp(bk_json_get_text(promise, "state"), "open")) {
		late = stored_ms > bk_json_get_int(promise, "next_contact_ms");
		promise = json_copy(promise);
		bk_json_text(promise, "state", late ? "late" : "kept");
		keep(core, o->conversation, item, promise);
	}
	json_decref(item);
}
