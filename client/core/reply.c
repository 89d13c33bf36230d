/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Replies: which conversation, to whom, and the rungs that an answer climbs. */
#include "cases.h"
#include "compose.h"
#include "engine.h"
#include "ownwords.h"
#include "templates.h"

static bk_id written_by(const json_t *item)
{
	return bk_json_get_id(json_object_get(item, "from"), "circle");
}

/* With whom staff talk in a conversation: the person of the case, whoever else wrote in it, or whom we wrote to. */
static bk_id other_party(struct bk_core *core, bk_id conversation)
{
	bk_id circle = bk_cases_person(core, conversation), to = { { 0 } };
	json_t *items = NULL;

	if (!bk_id_is_zero(circle))
		return circle;
	items = bk_items_list(core, conversation, 0, 0);
	for (size_t i = json_array_size(items); i-- > 0 && bk_id_is_zero(circle);) {
		const json_t *shown = json_array_get(items, i);
		json_t *item = NULL;

		if (!bk_id_equal(written_by(shown), core->self.circle)) {
			circle = written_by(shown);
			break;
		}
		item = bk_items_get(core, bk_json_get_id(shown, "message"));
		if (bk_json_get_bool(item, "outgoing") && bk_json_get_ids(bk_items_private(item), "to", &to, 1))
			circle = to;
		json_decref(item);
	}
	if (bk_id_is_zero(circle) && json_array_size(items))
		circle = core->self.circle; /* colleagues among themselves */
	json_decref(items);
	return circle;
}

/*
 * A case begins with what a person wrote: every desk device that received it can claim it. A reply to what the
 * desk wrote first therefore begins a conversation of its own, that names what it replies to.
 */
static bk_id person_conversation(struct bk_core *core, bk_id conversation, Baken__Regime regime)
{
	json_t *first = bk_items_get(core, conversation);
	bool ours = !first || bk_id_equal(written_by(first), core->self.circle);

	json_decref(first);
	return ours || regime != BAKEN__REGIME__REGIME_SECURITY ? conversation : (bk_id){ { 0 } };
}

static int reply_target(struct bk_core *core, bk_id to, struct bk_compose_text *t)
{
	json_t *item = bk_items_get(core, to);
	bk_id conversation = item ? bk_json_get_id(item, "conversation") : to;

	t->regime = (Baken__Regime)bk_json_get_int(bk_items_private(item), "regime");
	if (bk_is_desk(core))
		t->regime = BAKEN__REGIME__REGIME_SECURITY;
	if (item)
		t->reply_to = to;
	t->conversation = conversation;
	if (!bk_is_person(core)) {
		t->circle = other_party(core, conversation);
	} else if (item) {
		t->circle = t->regime == BAKEN__REGIME__REGIME_CARE ? bk_rosters_care(core) : bk_rosters_desk(core);
		t->conversation = person_conversation(core, conversation, t->regime);
	}
	json_decref(item);
	return bk_id_is_zero(t->circle) ? BK_E_NOT_FOUND : 0;
}

static Baken__Class class_of(struct bk_core *core, bk_id conversation)
{
	json_t *first = bk_items_get(core, conversation);
	bool now = !strcmp(bk_json_get_text(first, "urgency"), "now");

	json_decref(first);
	return now ? BAKEN__CLASS__CLASS_URGENT : BAKEN__CLASS__CLASS_NORMAL;
}

int bk_compose_reply(struct bk_core *core, struct bk_command *c)
{
	struct bk_compose_text t = { .class = BAKEN__CLASS__CLASS_NORMAL };
	int err = reply_target(core, bk_json_get_id(c->args, "to"), &t);

	if (err)
		return err;
	t.text = bk_json_get_text(c->args, "text");
	t.files = json_object_get(c->args, "attachments");
	t.answers = bk_json_get_bool(c->args, "answers");
	if (bk_is_desk(core) && bk_templates_gap(t.text)) {
		c->say = BK_SAY_GAP;
		return BK_E_INVAL;
	}
	if (t.answers && bk_is_person(core)) {
		c->say = BK_SAY_ROLE;
		return BK_E_ROLE;
	}
	err = bk_compose_check(core, c, t.circle, t.regime);
	if (err)
		return err;
	t.class = class_of(core, t.conversation);
	err = bk_compose_text(core, &t);
	if (!err && t.answers && !bk_id_equal(t.circle, core->self.circle))
		err = bk_compose_rung(core, t.conversation, t.circle, t.regime, BAKEN__RUNG__RUNG_ANSWERED);
	if (!err)
		err = bk_cases_replied(core, t.conversation, t.answers && bk_ownwords(t.text));
	bk_json_id(c->answer, "message", t.message);
	return err;
}

/* All that the circle wrote in a conversation, newest first. */
static size_t written(struct bk_core *core, bk_id conversation, bk_id circle, bk_id *out, size_t max)
{
	json_t *items = bk_items_list(core, conversation, 0, 0);
	size_t n = 0;

	for (size_t i = json_array_size(items); i-- > 0 && n < max;) {
		const json_t *item = json_array_get(items, i);

		if (bk_id_equal(written_by(item), circle))
			out[n++] = bk_json_get_id(item, "message");
	}
	json_decref(items);
	return n;
}

int bk_compose_rung(struct bk_core *core, bk_id conversation, bk_id circle, Baken__Regime regime, Baken__Rung rung)
{
	Baken__Content content = BAKEN__CONTENT__INIT;
	Baken__Receipt m = BAKEN__RECEIPT__INIT;
	struct bk_post p = { .content = &content, .kind = BK_CONTENT_RECEIPT, .regime = regime };
	ProtobufCBinaryData list[BK_ACKS_MAX];
	bk_id ids[BK_ACKS_MAX];

	m.n_message_ids = written(core, conversation, circle, ids, BK_ACKS_MAX);
	for (size_t i = 0; i < m.n_message_ids; i++)
		list[i] = bk_bytes(ids[i].b, BK_ID_BYTES);
	if (!m.n_message_ids)
		return 0;
	m.message_ids = list;
	m.rung = rung;
	m.at_ms = core->now;
	content.kind_case = BAKEN__CONTENT__KIND_RECEIPT;
	content.receipt = &m;
	p.class = class_of(core, conversation);
	p.circles[p.n_circles++] = circle;
	return bk_outbox_post(core, &p);
}
