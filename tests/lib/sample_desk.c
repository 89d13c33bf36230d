/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sample_in.h"

void bk_sample_case_event(struct bk_arena *a, Baken__Content *c)
{
	Baken__CaseEvent *m = NEW(Baken__CaseEvent, case_event);

	m->kind = BAKEN__CASE_EVENT__KIND__CLAIMED;
	m->case_id = id(a, 9);
	m->at_ms = BK_SAMPLE_NOW;
	m->text = text(a, "known offender");
	m->until_ms = BK_SAMPLE_NOW + BK_LEASE_MS;
	m->urgency = (uint32_t)BAKEN__URGENCY__URGENCY_NOW;
	m->other = id(a, 14);
	m->level = 2;
	m->answers = true;
	SET(c, case_event, CASE_EVENT, m);
}

void bk_sample_promise(struct bk_arena *a, Baken__Content *c)
{
	Baken__Promise *m = NEW(Baken__Promise, promise);

	m->case_id = id(a, 9);
	m->next_contact_ms = BK_SAMPLE_NOW + 3600000;
	SET(c, promise, PROMISE, m);
}

void bk_sample_guidance_recall(struct bk_arena *a, Baken__Content *c)
{
	Baken__GuidanceRecall *m = NEW(Baken__GuidanceRecall, guidance_recall);

	m->guidance_id = id(a, 9);
	m->reason = text(a, "The road is open again.");
	SET(c, guidance_recall, GUIDANCE_RECALL, m);
}

void bk_sample_approval(struct bk_arena *a, Baken__Content *c)
{
	Baken__Approval *m = NEW(Baken__Approval, approval);

	m->verb = BAKEN__APPROVAL__VERB__ASKED;
	m->guidance = NEW(Baken__Guidance, guidance);
	m->guidance->title = text(a, "Avoid the station");
	m->guidance->text = text(a, "Until tomorrow morning.");
	m->drill = true;
	m->n_circles = 2;
	m->circles = make(a, 2 * sizeof *m->circles);
	m->circles[0] = id(a, 15);
	m->circles[1] = id(a, 16);
	m->text = text(a, "for all near the station");
	SET(c, approval, APPROVAL, m);
}

void bk_sample_keyring(struct bk_arena *a, Baken__Content *c)
{
	Baken__Keyring *m = NEW(Baken__Keyring, keyring);

	m->reason = BAKEN__KEYRING__REASON__GRANT;
	m->to_device = id(a, 2);
	m->box = bytes(a, 300, 17);
	m->about_id = id(a, 9);
	m->page = 1;
	m->pages = 2;
	m->n_case_ids = 1;
	m->case_ids = make(a, sizeof *m->case_ids);
	m->case_ids[0] = id(a, 8);
	SET(c, keyring, KEYRING, m);
}

void bk_sample_keyring_ask(struct bk_arena *a, Baken__Content *c)
{
	Baken__KeyringAsk *m = NEW(Baken__KeyringAsk, keyring_ask);

	m->n_case_ids = 1;
	m->case_ids = make(a, sizeof *m->case_ids);
	m->case_ids[0] = id(a, 9);
	m->since_ms = BK_SAMPLE_NOW - 86400000;
	SET(c, keyring_ask, KEYRING_ASK, m);
}

static Baken__HandoverItem *item(struct bk_arena *a)
{
	Baken__HandoverItem *i = NEW(Baken__HandoverItem, handover_item);

	i->kind = BAKEN__HANDOVER_ITEM__KIND__ALARM;
	i->about_id = id(a, 9);
	i->circle_id = id(a, 3);
	i->due_ms = BK_SAMPLE_NOW + 600000;
	i->text = text(a, "on the way, a patrol follows");
	return i;
}

void bk_sample_handover(struct bk_arena *a, Baken__Content *c)
{
	Baken__Handover *m = NEW(Baken__Handover, handover);

	m->to_device = id(a, 2);
	m->n_items = 1;
	m->items = make(a, sizeof *m->items);
	m->items[0] = item(a);
	m->text = text(a, "quiet night");
	SET(c, handover, HANDOVER, m);
}

void bk_sample_handover_answer(struct bk_arena *a, Baken__Content *c)
{
	Baken__HandoverAnswer *m = NEW(Baken__HandoverAnswer, handover_answer);

	m->handover_id = id(a, 9);
	m->n_accepted = 1;
	m->accepted = make(a, sizeof *m->accepted);
	m->n_refused = 1;
	m->refused = make(a, sizeof *m->refused);
	m->refused[0] = 1;
	m->text = text(a, "I do not know this person");
	SET(c, handover_answer, HANDOVER_ANSWER, m);
}

static Baken__ShiftEntry *shift(struct bk_arena *a)
{
	Baken__ShiftEntry *e = NEW(Baken__ShiftEntry, shift_entry);

	e->account_id = id(a, 18);
	e->name = text(a, "An officer");
	e->from_ms = BK_SAMPLE_NOW;
	e->until_ms = BK_SAMPLE_NOW + 28800000;
	return e;
}

void bk_sample_shift_plan(struct bk_arena *a, Baken__Content *c)
{
	Baken__ShiftPlan *m = NEW(Baken__ShiftPlan, shift_plan);

	m->version = 3;
	m->n_entries = 1;
	m->entries = make(a, sizeof *m->entries);
	m->entries[0] = shift(a);
	m->least = 2;
	SET(c, shift_plan, SHIFT_PLAN, m);
}

void bk_sample_desk_policy(struct bk_arena *a, Baken__Content *c)
{
	Baken__DeskPolicy *m = NEW(Baken__DeskPolicy, desk_policy);

	m->version = 2;
	m->alarm_t1_s = 30;
	m->alarm_t2_s = 60;
	m->alarm_t3_s = 120;
	m->sla_now_s = 60;
	m->sla_today_s = 3600;
	m->sla_can_wait_s = 86400;
	m->remind_s = 600;
	m->four_eyes_above = 20;
	m->canary_s = 300;
	m->canary_late_s = 60;
	m->health_days = 7;
	m->drill_days = 31;
	SET(c, desk_policy, DESK_POLICY, m);
}

void bk_sample_canary(struct bk_arena *a, Baken__Content *c)
{
	Baken__Canary *m = NEW(Baken__Canary, canary);

	m->leg = BAKEN__CANARY__LEG__SHOWN;
	m->nonce = bytes(a, 16, 19);
	m->sent_ms = BK_SAMPLE_NOW;
	m->shown_ms = BK_SAMPLE_NOW + 400;
	c->drill = true;
	SET(c, canary, CANARY, m);
}

void bk_sample_group(struct bk_arena *a, Baken__Content *c)
{
	Baken__Group *m = NEW(Baken__Group, group);

	m->group_id = id(a, 20);
	m->version = 4;
	m->name = text(a, "All near the station");
	m->n_circles = 2;
	m->circles = make(a, 2 * sizeof *m->circles);
	m->circles[0] = id(a, 15);
	m->circles[1] = id(a, 16);
	SET(c, group, GROUP, m);
}
