/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "duress.h"

#include <sodium.h>

#include "cases.h"
#include "engine.h"

bool bk_duress_said(const Baken__Content *c)
{
	return c->state.len == 1 && c->state.data[0] == 1;
}

/* The same on every device of the desk, and no other event's. */
static bk_id event_id(bk_id message)
{
	static const char label[] = "baken-duress-v1";
	bk_id id;

	crypto_generichash(id.b, sizeof(id.b), message.b, sizeof(message.b), (const uint8_t *)label, sizeof(label) - 1);
	return id;
}

static bool is_theirs(struct bk_core *core, bk_id case_id, bk_id circle)
{
	return bk_id_equal(bk_cases_person(core, case_id), circle);
}

/* The open case that this person's duress has already, when the message has no case of its own. */
static bool find_open(struct bk_core *core, bk_id circle, bk_id *ret_case)
{
	struct bk_case_state s;
	bk_id case_id;

	if (bk_db_read(&core->db, bk_key_id("duress/", circle), case_id.b, sizeof(case_id.b)) ||
		!bk_cases_state(core, case_id, &s) || s.closed)
		return false;
	*ret_case = case_id;
	return true;
}

static bk_id case_of(struct bk_core *core, const struct bk_opened *o)
{
	bk_id circle = o->circle->circle, case_id = o->logical;

	if (is_theirs(core, o->conversation, circle))
		return o->conversation;
	if (is_theirs(core, o->logical, circle) || find_open(core, circle, &case_id))
		return case_id;
	bk_cases_begin(core, case_id, circle, bk_lang_say(BK_SAY_DURESS, 0, core->o.lang));
	bk_db_put(&core->db, bk_key_id("duress/", circle), case_id.b, sizeof(case_id.b));
	return case_id;
}

/* Receipts and names say nothing of what happens to somebody. */
static bool is_aside(enum bk_content_kind kind)
{
	return kind == BK_CONTENT_RECEIPT || kind == BK_CONTENT_ASK_AGAIN || kind == BK_CONTENT_SESSION_OPEN ||
		kind == BK_CONTENT_PROFILE;
}

void bk_duress_on_message(struct bk_core *core, const struct bk_opened *o, bk_ms at_ms)
{
	struct bk_case_event e = { .id = event_id(o->logical), .kind = BK_CASE_DURESS };

	if (!bk_duress_said(o->content) || !bk_is_desk(core) || is_aside(o->kind) ||
		o->circle->kind != BAKEN__CIRCLE_KIND__CIRCLE_PERSON)
		return;
	e.at_ms = at_ms ? at_ms : o->content->written_ms;
	e.urgency = BAKEN__URGENCY__URGENCY_NOW;
	bk_cases_add(core, case_of(core, o), &e, bk_lang_say(BK_SAY_DURESS, 0, core->o.lang));
}
