/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Checks of what officers say to people beside words, and to each other (desk.proto). */
#include "content_in.h"

#define BOX_OVERHEAD 48u  /* crypto_box_seal */
#define BOX_MAX (60u * 1024u)
#define PAGES_MAX 64u
#define LEVELS 3u
#define NONCE_BYTES 16u

bool bk_content_case_event_ok(const Baken__Content *c)
{
	const Baken__CaseEvent *m = c->case_event;

	return m->kind > BAKEN__CASE_EVENT__KIND__NONE && m->kind <= BAKEN__CASE_EVENT__KIND__SEEN && id_ok(&m->case_id) &&
	       text_ok(m->text, BK_TEXT_MAX) && m->urgency <= (uint32_t)BAKEN__URGENCY__URGENCY_NOW &&
	       id_or_none(&m->other) && m->level <= LEVELS;
}

bool bk_content_promise_ok(const Baken__Content *c)
{
	return id_ok(&c->promise->case_id);
}

static bool guidance_ok(const Baken__Guidance *m)
{
	return text_ok(m->title, BK_NAME_MAX) && text_ok(m->text, BK_TEXT_MAX) && text_ok(m->template_, 64);
}

bool bk_content_guidance_ok(const Baken__Content *c)
{
	return guidance_ok(c->guidance);
}

bool bk_content_guidance_ack_ok(const Baken__Content *c)
{
	return id_ok(&c->guidance_ack->guidance_id);
}

bool bk_content_guidance_recall_ok(const Baken__Content *c)
{
	return id_ok(&c->guidance_recall->guidance_id) && text_ok(c->guidance_recall->reason, BK_TEXT_MAX);
}

static bool circles_ok(const ProtobufCBinaryData *list, size_t n)
{
	if (n > BK_APPROVAL_MAX)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!id_ok(&list[i]))
			return false;
	return true;
}

/* Asked and sent hold the whole draft and to whom; what others say to a request names it, a consent what exactly. */
bool bk_content_approval_ok(const Baken__Content *c)
{
	const Baken__Approval *m = c->approval;
	bool asked = m->verb == BAKEN__APPROVAL__VERB__ASKED, given = m->verb == BAKEN__APPROVAL__VERB__GIVEN;
	bool sent = m->verb == BAKEN__APPROVAL__VERB__SENT, draft = asked || sent;

	if (m->verb <= BAKEN__APPROVAL__VERB__NONE || m->verb > BAKEN__APPROVAL__VERB__SENT ||
		(m->guidance != NULL) != draft || (m->n_circles != 0) != draft ||
		m->draft_hash.len != (given ? BK_HASH_BYTES : 0) || m->group_id.len != (sent ? BK_ID_BYTES : 0))
		return false;
	if (sent ? !id_or_none(&m->request_id) : m->request_id.len != (asked ? 0 : BK_ID_BYTES))
		return false;
	return circles_ok(m->circles, m->n_circles) && text_ok(m->text, BK_TEXT_MAX) && (!draft || guidance_ok(m->guidance));
}

bool bk_content_group_ok(const Baken__Content *c)
{
	const Baken__Group *m = c->group;

	return id_ok(&m->group_id) && m->version && *m->name && text_ok(m->name, BK_NAME_MAX) &&
	       circles_ok(m->circles, m->n_circles);
}

bool bk_content_keyring_ok(const Baken__Content *c)
{
	const Baken__Keyring *m = c->keyring;

	if (!m->n_case_ids || m->n_case_ids > BK_KEYRING_MAX)
		return false;
	for (size_t i = 0; i < m->n_case_ids; i++)
		if (!id_ok(&m->case_ids[i]))
			return false;
	return m->reason > BAKEN__KEYRING__REASON__NONE && m->reason <= BAKEN__KEYRING__REASON__ASKED &&
	       id_ok(&m->to_device) && m->box.len > BOX_OVERHEAD && m->box.len <= BOX_MAX && id_or_none(&m->about_id) &&
	       m->pages && m->pages <= PAGES_MAX && m->page < m->pages;
}

bool bk_content_keyring_ask_ok(const Baken__Content *c)
{
	const Baken__KeyringAsk *m = c->keyring_ask;

	if (m->n_case_ids > BK_ASK_MAX)
		return false;
	for (size_t i = 0; i < m->n_case_ids; i++)
		if (!id_ok(&m->case_ids[i]))
			return false;
	return true;
}

static bool item_ok(const Baken__HandoverItem *m)
{
	bool risk = m->kind == BAKEN__HANDOVER_ITEM__KIND__RISK;

	return m->kind > BAKEN__HANDOVER_ITEM__KIND__NONE && m->kind <= BAKEN__HANDOVER_ITEM__KIND__RISK &&
	       (risk ? id_or_none(&m->about_id) : id_ok(&m->about_id)) && id_or_none(&m->circle_id) &&
	       text_ok(m->text, BK_HANDOVER_TEXT);
}

bool bk_content_handover_ok(const Baken__Content *c)
{
	const Baken__Handover *m = c->handover;

	if (!id_ok(&m->to_device) || m->n_items > BK_HANDOVER_MAX || (m->n_items != 0) == m->taken_back ||
		m->handover_id.len != (m->taken_back ? BK_ID_BYTES : 0) || !text_ok(m->text, BK_TEXT_MAX))
		return false;
	for (size_t i = 0; i < m->n_items; i++)
		if (!item_ok(m->items[i]))
			return false;
	return true;
}

static bool indices_ok(const uint32_t *list, size_t n)
{
	if (n > BK_HANDOVER_MAX)
		return false;
	for (size_t i = 0; i < n; i++)
		if (list[i] >= BK_HANDOVER_MAX)
			return false;
	return true;
}

bool bk_content_handover_answer_ok(const Baken__Content *c)
{
	const Baken__HandoverAnswer *m = c->handover_answer;

	return id_ok(&m->handover_id) && indices_ok(m->accepted, m->n_accepted) && indices_ok(m->refused, m->n_refused) &&
	       m->n_accepted + m->n_refused > 0 && text_ok(m->text, BK_TEXT_MAX);
}

bool bk_content_shift_plan_ok(const Baken__Content *c)
{
	const Baken__ShiftPlan *m = c->shift_plan;

	if (!m->version || m->n_entries > BK_SHIFT_MAX || m->least > BK_SHIFT_MAX)
		return false;
	for (size_t i = 0; i < m->n_entries; i++) {
		const Baken__ShiftEntry *e = m->entries[i];

		if (!id_or_none(&e->account_id) || !text_ok(e->name, BK_NAME_MAX) || e->until_ms <= e->from_ms)
			return false;
	}
	return true;
}

/* Its numbers are read within bounds by policy.h; nothing here can be malformed but the version. */
bool bk_content_desk_policy_ok(const Baken__Content *c)
{
	return c->desk_policy->version != 0;
}

bool bk_content_canary_ok(const Baken__Content *c)
{
	const Baken__Canary *m = c->canary;

	return c->drill && m->leg > BAKEN__CANARY__LEG__NONE && m->leg <= BAKEN__CANARY__LEG__SHOWN &&
	       m->nonce.len == NONCE_BYTES && m->sent_ms && (m->shown_ms != 0) == (m->leg == BAKEN__CANARY__LEG__SHOWN);
}
