/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "content.h"

#include <sodium.h>
#include <stdlib.h>

#include "content_in.h"
#include "err.h"
#include "pb.h"
#include "signal_key.h"

static bool manifest_ok(const Baken__Signed *s)
{
	return !s || (s->payload.len <= 4096 && s->signature.len == BK_SIG_BYTES && s->signer.len == BK_KEY_BYTES);
}

static bool attachments_ok(Baken__Attachment *const *list, size_t n)
{
	if (n > BK_FILES_MAX)
		return false;
	for (size_t i = 0; i < n; i++) {
		const Baken__Attachment *a = list[i];

		if (a->file_hash.len != BK_HASH_BYTES || a->key.len != BK_KEY_BYTES || a->plain_hash.len != BK_HASH_BYTES ||
			!a->size || a->size > BK_FILE_PLAIN_MAX || a->padded_size < a->size ||
			a->padded_size > BK_FILE_CIPHER_MAX || !text_ok(a->type, 100) ||
			!text_ok(a->name, BK_FILE_NAME_MAX) || !manifest_ok(a->manifest))
			return false;
	}
	return true;
}

static bool report_ok(const Baken__Content *c)
{
	const Baken__Report *m = c->report;

	return text_ok(m->what, BK_TEXT_MAX) && text_ok(m->where, BK_NAME_MAX * 4) && text_ok(m->when_text, BK_NAME_MAX) &&
	       m->urgency >= BAKEN__URGENCY__URGENCY_NONE && m->urgency <= BAKEN__URGENCY__URGENCY_NOW &&
	       m->certainty >= BAKEN__CERTAINTY__CERTAINTY_NONE && m->certainty <= BAKEN__CERTAINTY__CERTAINTY_SURE &&
	       attachments_ok(m->attachments, m->n_attachments);
}

static bool text_kind_ok(const Baken__Content *c)
{
	return text_ok(c->text->text, BK_TEXT_MAX) && id_or_none(&c->text->reply_to) &&
	       attachments_ok(c->text->attachments, c->text->n_attachments);
}

static bool receipt_ok(const Baken__Content *c)
{
	const Baken__Receipt *m = c->receipt;

	if (!m->n_message_ids || m->n_message_ids > BK_ACKS_MAX || m->n_plain_hashes > BK_FILES_MAX ||
		m->rung < BAKEN__RUNG__RUNG_DECRYPTED || m->rung > BAKEN__RUNG__RUNG_ANSWERED)
		return false;
	for (size_t i = 0; i < m->n_message_ids; i++)
		if (!id_ok(&m->message_ids[i]))
			return false;
	for (size_t i = 0; i < m->n_plain_hashes; i++)
		if (m->plain_hashes[i].len != BK_HASH_BYTES)
			return false;
	return true;
}

static bool profile_ok(const Baken__Content *c)
{
	return text_ok(c->profile->name, BK_NAME_MAX) && text_ok(c->profile->phone, 40);
}

static bool ask_again_ok(const Baken__Content *c)
{
	return id_ok(&c->ask_again->message_id);
}

static bool drill_alarm_ok(const Baken__Content *c)
{
	return c->drill_alarm->nonce.len == 16 && c->drill;
}

static bool any(const Baken__Content *c)
{
	(void)c;
	return true;
}

static const struct {
	Baken__Content__KindCase wire;
	enum bk_content_kind kind;
	bool (*check)(const Baken__Content *c);
} kinds[] = {
	{BAKEN__CONTENT__KIND_REPORT, BK_CONTENT_REPORT, report_ok},
	{BAKEN__CONTENT__KIND_TEXT, BK_CONTENT_TEXT, text_kind_ok},
	{BAKEN__CONTENT__KIND_GUIDANCE, BK_CONTENT_GUIDANCE, bk_content_guidance_ok},
	{BAKEN__CONTENT__KIND_GUIDANCE_ACK, BK_CONTENT_GUIDANCE_ACK, bk_content_guidance_ack_ok},
	{BAKEN__CONTENT__KIND_RECEIPT, BK_CONTENT_RECEIPT, receipt_ok},
	{BAKEN__CONTENT__KIND_CASE_EVENT, BK_CONTENT_CASE_EVENT, bk_content_case_event_ok},
	{BAKEN__CONTENT__KIND_PROFILE, BK_CONTENT_PROFILE, profile_ok},
	{BAKEN__CONTENT__KIND_ASK_AGAIN, BK_CONTENT_ASK_AGAIN, ask_again_ok},
	{BAKEN__CONTENT__KIND_DRILL_ALARM, BK_CONTENT_DRILL_ALARM, drill_alarm_ok},
	{BAKEN__CONTENT__KIND_SESSION_OPEN, BK_CONTENT_SESSION_OPEN, any},
	{BAKEN__CONTENT__KIND_ALARM, BK_CONTENT_ALARM, bk_content_alarm_ok},
	{BAKEN__CONTENT__KIND_ALARM_END, BK_CONTENT_ALARM_END, bk_content_alarm_end_ok},
	{BAKEN__CONTENT__KIND_LOCATION, BK_CONTENT_LOCATION, bk_content_location_ok},
	{BAKEN__CONTENT__KIND_WATCH_PLAN, BK_CONTENT_WATCH_PLAN, bk_content_watch_plan_ok},
	{BAKEN__CONTENT__KIND_WATCH_END, BK_CONTENT_WATCH_END, bk_content_watch_end_ok},
	{BAKEN__CONTENT__KIND_DAY_PLAN, BK_CONTENT_DAY_PLAN, bk_content_day_plan_ok},
	{BAKEN__CONTENT__KIND_DEVICE_HEALTH, BK_CONTENT_DEVICE_HEALTH, bk_content_device_health_ok},
	{BAKEN__CONTENT__KIND_PROMISE, BK_CONTENT_PROMISE, bk_content_promise_ok},
	{BAKEN__CONTENT__KIND_GUIDANCE_RECALL, BK_CONTENT_GUIDANCE_RECALL, bk_content_guidance_recall_ok},
	{BAKEN__CONTENT__KIND_APPROVAL, BK_CONTENT_APPROVAL, bk_content_approval_ok},
	{BAKEN__CONTENT__KIND_KEYRING, BK_CONTENT_KEYRING, bk_content_keyring_ok},
	{BAKEN__CONTENT__KIND_KEYRING_ASK, BK_CONTENT_KEYRING_ASK, bk_content_keyring_ask_ok},
	{BAKEN__CONTENT__KIND_HANDOVER, BK_CONTENT_HANDOVER, bk_content_handover_ok},
	{BAKEN__CONTENT__KIND_HANDOVER_ANSWER, BK_CONTENT_HANDOVER_ANSWER, bk_content_handover_answer_ok},
	{BAKEN__CONTENT__KIND_SHIFT_PLAN, BK_CONTENT_SHIFT_PLAN, bk_content_shift_plan_ok},
	{BAKEN__CONTENT__KIND_DESK_POLICY, BK_CONTENT_DESK_POLICY, bk_content_desk_policy_ok},
	{BAKEN__CONTENT__KIND_CANARY, BK_CONTENT_CANARY, bk_content_canary_ok},
	{BAKEN__CONTENT__KIND_GROUP, BK_CONTENT_GROUP, bk_content_group_ok},
};

enum bk_content_kind bk_content_kind_of(const Baken__Content *c)
{
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (kinds[i].wire == c->kind_case)
			return kinds[i].kind;
	return BK_CONTENT_ANY;
}

static int check(const Baken__Content *c)
{
	if (!id_ok(&c->message_id) || !id_ok(&c->sender_device) || !id_ok(&c->sender_circle) ||
		!id_or_none(&c->conversation) || !id_or_none(&c->repeats) || c->state.len != 1 || c->state.data[0] > 1 || !text_ok(c->sender_name, BK_NAME_MAX))
		return BK_E_INVAL;
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (kinds[i].wire == c->kind_case)
			return c->report && kinds[i].check(c) ? 0 : BK_E_INVAL; /* one member tells for the union */
	return BK_E_INVAL;
}

int bk_content_encode(const Baken__Content *c, bk_content_signer sign, void *arg, uint8_t **ret_buf, size_t *ret_len)
{
	Baken__Envelope e = BAKEN__ENVELOPE__INIT;
	uint8_t signature[BK_SIG_BYTES], *content = NULL, *buf = NULL;
	size_t len = baken__content__get_packed_size(c), total;
	int err = check(c);

	if (err)
		return err;
	if (len > BK_CONTENT_MAX)
		return BK_E_TOO_BIG;
	content = malloc(len);
	if (!content)
		return BK_E_NOMEM;
	baken__content__pack(c, content);
	e.content = bk_bytes(content, len);
	if (sign) {
		err = sign(arg, BK_CTX_CONTENT, content, len, signature);
		e.signature = bk_bytes(signature, sizeof signature);
	}
	total = baken__envelope__get_packed_size(&e);
	if (!err && total > BK_CONTENT_MAX)
		err = BK_E_TOO_BIG;
	if (!err && !(buf = malloc(total)))
		err = BK_E_NOMEM;
	if (!err) {
		baken__envelope__pack(&e, buf);
		*ret_buf = buf;
		*ret_len = total;
	}
	sodium_memzero(content, len); /* keys of files among it */
	free(content);
	return err;
}

/* No memory is no forgery: the reader must be able to try again. */
static int check_signature(const Baken__Envelope *e, Baken__Regime regime, const uint8_t identity[static BK_KEY_BYTES])
{
	int err;

	if (e->signature.len != (regime == BAKEN__REGIME__REGIME_SECURITY ? BK_SIG_BYTES : 0))
		return BK_E_SIGNATURE;
	if (!e->signature.len)
		return 0;
	err = bk_identity_verify(identity, BK_CTX_CONTENT, e->content.data, e->content.len, e->signature.data);
	return err && err != BK_E_NOMEM ? BK_E_SIGNATURE : err;
}

static int malformed(const struct bk_arena *a)
{
	return bk_arena_starved(a) ? BK_E_NOMEM : BK_E_INVAL;
}

int bk_content_decode(struct bk_arena *a, Baken__Regime regime, const uint8_t identity[static BK_KEY_BYTES],
	const void *data, size_t len, Baken__Content **ret_content)
{
	Baken__Envelope *e;
	Baken__Content *c;
	int err;

	if (len > BK_CONTENT_MAX)
		return BK_E_TOO_BIG;
	e = baken__envelope__unpack(bk_arena_allocator(a), len, data);
	if (!e)
		return malformed(a);
	err = check_signature(e, regime, identity);
	if (err)
		return err;
	c = baken__content__unpack(bk_arena_allocator(a), e->content.len, e->content.data);
	if (!c)
		return malformed(a);
	err = bk_pb_exact(&c->base, e->content.len) ? check(c) : BK_E_INVAL;
	if (!err)
		*ret_content = c;
	return err;
}
