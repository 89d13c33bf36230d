/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "frame.h"

#include <stdlib.h>

#include "body.h"
#include "bytes.h"
#include "err.h"
#include "pb.h"
#include "receipt.h"

/* ---- bounds ---- */

static bool has(const ProtobufCBinaryData *b, size_t len)
{
	return b->len == len;
}

static bool has_or_none(const ProtobufCBinaryData *b, size_t len)
{
	return b->len == 0 || b->len == len;
}

static bool all_have(const ProtobufCBinaryData *list, size_t n, size_t max, size_t len)
{
	if (n > max)
		return false;
	for (size_t i = 0; i < n; i++)
		if (list[i].len != len)
			return false;
	return true;
}

static bool short_text(const char *s, size_t max)
{
	return strlen(s) <= max;
}

static bool class_ok(Baken__Class c)
{
	return c >= BAKEN__CLASS__CLASS_ALARM && c <= BAKEN__CLASS__CLASS_BULK;
}

static bool kind_ok(Baken__CircleKind k)
{
	return k > BAKEN__CIRCLE_KIND__CIRCLE_NONE && k <= BAKEN__CIRCLE_KIND__CIRCLE_PERSON;
}

static bool signed_ok(const Baken__Signed *s, size_t max)
{
	return s && s->payload.len <= max && has(&s->signature, BK_SIG_BYTES) && has(&s->signer, BK_KEY_BYTES);
}

static bool prekeys_state_ok(const Baken__PrekeysState *p)
{
	return p && p->left <= BK_PREKEYS_MAX && has_or_none(&p->digest, BK_HASH_BYTES);
}

static bool circles_ok(Baken__CircleState *const *list, size_t n, size_t max)
{
	if (n > max)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!has(&list[i]->circle_id, BK_ID_BYTES) || !kind_ok(list[i]->kind))
			return false;
	return true;
}

static bool hello_ok(const Baken__Frame *f)
{
	const Baken__Hello *m = f->hello;

	return has(&m->nonce, 32) && has(&m->root_key, BK_KEY_BYTES) && signed_ok(m->server_cert, 4096);
}

static bool login_ok(const Baken__Frame *f)
{
	return has(&f->login->device_id, BK_ID_BYTES) && has(&f->login->signature, BK_SIG_BYTES) && f->login->lang <= 1;
}

static bool resume_ok(const Baken__Frame *f)
{
	return has(&f->resume->device_id, BK_ID_BYTES) && has(&f->resume->ticket, 32) && f->resume->lang <= 1;
}

static bool login_ok_ok(const Baken__Frame *f)
{
	const Baken__LoginOk *m = f->login_ok;

	return has(&m->session_id, BK_ID_BYTES) && has(&m->ticket, 32) && has(&m->file_token, 32) &&
	       circles_ok(m->circles, m->n_circles, 2 * BK_HOUSEHOLD_MAX) && prekeys_state_ok(m->prekeys);
}

static bool enrol_ok(const Baken__Frame *f)
{
	const Baken__Enrol *m = f->enrol;

	return has(&m->invite_id, BK_ID_BYTES) && has(&m->identity_key, BK_KEY_BYTES) && has(&m->mac, 32);
}

static bool enrol_state_ok(const Baken__Frame *f)
{
	const Baken__EnrolState *m = f->enrol_state;

	if (m->state < BAKEN__ENROL_STATE__STATE__WAITING || m->state > BAKEN__ENROL_STATE__STATE__REFUSED ||
		m->n_rosters > 8 || (m->certificate && !signed_ok(m->certificate, 4096)))
		return false;
	for (size_t i = 0; i < m->n_rosters; i++)
		if (!signed_ok(m->rosters[i], BK_ROSTER_BYTES_MAX))
			return false;
	return true;
}

static bool submit_ok(const Baken__Frame *f)
{
	const Baken__Submit *m = f->submit;

	if (!has(&m->message_id, BK_ID_BYTES) || !class_ok(m->class_) || !has(&m->body_hash, BK_HASH_BYTES) ||
		!bk_body_size_ok(m->body.len) || m->regime < BAKEN__REGIME__REGIME_SECURITY ||
		m->regime > BAKEN__REGIME__REGIME_CARE || !m->n_targets || m->n_targets > BK_TARGETS_MAX ||
		m->n_capsules > BK_CAPSULES_MAX || !all_have(m->files, m->n_files, BK_FILES_MAX, BK_HASH_BYTES))
		return false;
	for (size_t i = 0; i < m->n_targets; i++)
		if (!has(&m->targets[i]->circle_id, BK_ID_BYTES) || !has(&m->targets[i]->roster_hash, BK_HASH_BYTES))
			return false;
	for (size_t i = 0; i < m->n_capsules; i++)
		if (!has(&m->capsules[i]->device_id, BK_ID_BYTES) || !has(&m->capsules[i]->capsule, BK_CAPSULE_BYTES))
			return false;
	return true;
}

static bool receipt_ok(const Baken__StoredReceipt *r)
{
	return r && has(&r->message_id, BK_ID_BYTES) && has(&r->body_hash, BK_HASH_BYTES) &&
	       all_have(r->path, r->n_path, BK_RECEIPT_DEPTH, BK_HASH_BYTES) && has(&r->signature, BK_SIG_BYTES) &&
	       has(&r->receipt_key, BK_KEY_BYTES);
}

static bool stored_ok(const Baken__Frame *f)
{
	for (size_t i = 0; i < f->stored->n_items; i++) {
		const Baken__StoredItem *m = f->stored->items[i];

		if (!receipt_ok(m->receipt) || !all_have(m->missing, m->n_missing, BK_CAPSULES_MAX, BK_ID_BYTES))
			return false;
	}
	return f->stored->n_items <= 512;
}

static bool fired_ok(const Baken__WatchFired *w)
{
	return has(&w->watch_id, BK_ID_BYTES) && w->counter && w->due_ms && w->fired_ms >= w->due_ms;
}

static bool deliver_ok(const Baken__Frame *f)
{
	for (size_t i = 0; i < f->deliver->n_items; i++) {
		const Baken__Delivery *m = f->deliver->items[i];

		if (!m->seq || !class_ok(m->class_) || !has(&m->message_id, BK_ID_BYTES) ||
			!has(&m->capsule, m->watch ? 0 : BK_CAPSULE_BYTES) || !has(&m->body_hash, BK_HASH_BYTES) ||
			!bk_body_size_ok(m->body.len) || (m->watch && !fired_ok(m->watch)))
			return false;
	}
	return f->deliver->n_items && f->deliver->n_items <= BK_DELIVER_WINDOW;
}

static bool ack_ok(const Baken__Frame *f)
{
	return f->ack->n_seqs && f->ack->n_seqs <= BK_ACKS_MAX;
}

static bool nack_ok(const Baken__Frame *f)
{
	return f->nack->seq != 0;
}

static bool any(const Baken__Frame *f)
{
	(void)f;
	return true;
}

static bool roster_get_ok(const Baken__Frame *f)
{
	const Baken__RosterGet *m = f->roster_get;

	return has_or_none(&m->circle_id, BK_ID_BYTES) && has_or_none(&m->device_id, BK_ID_BYTES) &&
	       (m->circle_id.len == 0) != (m->device_id.len == 0);
}

static bool rosters_ok(const Baken__Frame *f)
{
	const Baken__Rosters *m = f->rosters;

	if (!has(&m->circle_id, BK_ID_BYTES) || m->n_rosters > BK_ROSTERS_CHAIN_MAX ||
		!all_have(m->on_duty, m->n_on_duty, BK_ROSTER_ENTRIES_MAX, BK_ID_BYTES))
		return false;
	for (size_t i = 0; i < m->n_rosters; i++)
		if (!signed_ok(m->rosters[i], BK_ROSTER_BYTES_MAX))
			return false;
	return true;
}

static bool roster_changed_ok(const Baken__Frame *f)
{
	const Baken__RosterChanged *m = f->roster_changed;

	return has(&m->circle_id, BK_ID_BYTES) && all_have(m->on_duty, m->n_on_duty, BK_ROSTER_ENTRIES_MAX, BK_ID_BYTES);
}

static bool circles_get_ok(const Baken__Frame *f)
{
	return has_or_none(&f->circles_get->after, BK_ID_BYTES);
}

static bool circles_frame_ok(const Baken__Frame *f)
{
	return circles_ok(f->circles->circles, f->circles->n_circles, BK_CIRCLES_PAGE);
}

static bool signed_prekey_ok(const Baken__SignedPrekey *k)
{
	return k->id && has(&k->public_key, BK_KEY_BYTES) && has(&k->signature, BK_SIG_BYTES);
}

static bool prekeys_put_ok(const Baken__Frame *f)
{
	const Baken__PrekeysPut *m = f->prekeys_put;

	if ((m->signed_prekey && !signed_prekey_ok(m->signed_prekey)) || m->n_prekeys > BK_PREKEYS_MAX ||
		(!m->signed_prekey && !m->n_prekeys))
		return false;
	for (size_t i = 0; i < m->n_prekeys; i++)
		if (!m->prekeys[i]->id || !has(&m->prekeys[i]->public_key, BK_KEY_BYTES))
			return false;
	return true;
}

static bool prekeys_state_frame_ok(const Baken__Frame *f)
{
	return prekeys_state_ok(f->prekeys_state);
}

static bool prekeys_claim_ok(const Baken__Frame *f)
{
	const Baken__PrekeysClaim *m = f->prekeys_claim;

	return m->n_device_ids && all_have(m->device_ids, m->n_device_ids, BK_PREKEY_CLAIM_MAX, BK_ID_BYTES);
}

static bool bundles_ok(const Baken__Frame *f)
{
	const Baken__PrekeyBundles *m = f->prekey_bundles;

	if (m->n_bundles > BK_PREKEY_CLAIM_MAX || !all_have(m->absent, m->n_absent, BK_PREKEY_CLAIM_MAX, BK_ID_BYTES))
		return false;
	for (size_t i = 0; i < m->n_bundles; i++) {
		const Baken__PrekeyBundle *b = m->bundles[i];

		if (!has(&b->device_id, BK_ID_BYTES) || !b->signed_prekey || !signed_prekey_ok(b->signed_prekey) ||
			(b->prekey && !has(&b->prekey->public_key, BK_KEY_BYTES)))
			return false;
	}
	return true;
}

static bool duty_state_ok(const Baken__Frame *f)
{
	return all_have(f->duty_state->on_duty, f->duty_state->n_on_duty, BK_ROSTER_ENTRIES_MAX, BK_ID_BYTES);
}

static bool claim_ok(const Baken__Frame *f)
{
	bool give = f->claim->verb == BAKEN__CLAIM__VERB__GIVE;

	if (!has_or_none(&f->claim->to_device, BK_ID_BYTES) || (give && !f->claim->to_device.len))
		return false;
	return f->claim->verb >= BAKEN__CLAIM__VERB__TAKE && f->claim->verb <= BAKEN__CLAIM__VERB__GIVE &&
	       has(&f->claim->tag, 32);
}

static bool claim_state_ok(const Baken__Frame *f)
{
	return has(&f->claim_state->tag, 32) && has_or_none(&f->claim_state->holder, BK_ID_BYTES);
}

static bool body_get_ok(const Baken__Frame *f)
{
	return has(&f->body_get->body_hash, BK_HASH_BYTES);
}

static bool body_data_ok(const Baken__Frame *f)
{
	return has(&f->body_data->body_hash, BK_HASH_BYTES) && bk_body_size_ok(f->body_data->body.len);
}

static bool quota_ok(const Baken__Frame *f)
{
	return all_have(f->quota->device_ids, f->quota->n_device_ids, BK_CAPSULES_MAX, BK_ID_BYTES);
}

static bool quota_resume_ok(const Baken__Frame *f)
{
	return all_have(f->quota_resume->device_ids, f->quota_resume->n_device_ids, BK_CAPSULES_MAX, BK_ID_BYTES);
}

static bool drill_ok(const Baken__Frame *f)
{
	return has(&f->drill->nonce, 16);
}

static bool go_away_ok(const Baken__Frame *f)
{
	return short_text(f->go_away->reason, BK_NAME_MAX);
}

static bool error_ok(const Baken__Frame *f)
{
	const Baken__Error *m = f->error;

	return short_text(m->name, 64) && short_text(m->text, 1024) && has_or_none(&m->circle_id, BK_ID_BYTES) &&
	       (!m->roster || signed_ok(m->roster, BK_ROSTER_BYTES_MAX)) &&
	       all_have(m->missing, m->n_missing, BK_ROSTER_ENTRIES_MAX, BK_ID_BYTES) &&
	       all_have(m->extra, m->n_extra, BK_CAPSULES_MAX, BK_ID_BYTES);
}

static bool dead_letter_ok(const Baken__Frame *f)
{
	return has(&f->dead_letter->message_id, BK_ID_BYTES) && has(&f->dead_letter->device_id, BK_ID_BYTES);
}

static bool watch_arm_ok(const Baken__Frame *f)
{
	const Baken__WatchArm *m = f->watch_arm;

	return has(&m->watch_id, BK_ID_BYTES) && m->counter && m->due_ms && m->grace_ms <= BK_WATCH_GRACE_MAX_MS &&
	       has(&m->body_hash, BK_HASH_BYTES) && bk_body_size_ok(m->body.len) && has(&m->circle_id, BK_ID_BYTES);
}

static bool watch_disarm_ok(const Baken__Frame *f)
{
	return has(&f->watch_disarm->watch_id, BK_ID_BYTES) && f->watch_disarm->counter;
}

static bool watch_state_ok(const Baken__Frame *f)
{
	return has(&f->watch_state->watch_id, BK_ID_BYTES) &&
	       f->watch_state->state >= BAKEN__WATCH_STATE__STATE__NONE &&
	       f->watch_state->state <= BAKEN__WATCH_STATE__STATE__ENDED;
}

static bool push_set_ok(const Baken__Frame *f)
{
	const Baken__PushSet *m = f->push_set;

	return short_text(m->endpoint, BK_PUSH_ENDPOINT_MAX);
}

static bool push_state_ok(const Baken__Frame *f)
{
	return has_or_none(&f->push_state->vapid_key, BK_PUSH_KEY_BYTES);
}

static bool wake_ok(const Baken__Frame *f)
{
	return has(&f->wake->circle_id, BK_ID_BYTES) && f->wake->level >= 1 && f->wake->level <= 2 && f->wake->stored_ms;
}

static bool path_health_ok(const Baken__Frame *f)
{
	const Baken__PathHealth *m = f->path_health;

	return has(&m->nonce, 16) && all_have(m->silent, m->n_silent, BK_ROSTER_ENTRIES_MAX, BK_ID_BYTES);
}

enum { C = 1, S = 2 };

#define ROW(kind, name, sides, check) [BAKEN__FRAME__KIND_##kind] = {name, sides, check}
static const struct {
	const char *name;
	unsigned sides;
	bool (*check)(const Baken__Frame *f);
} kinds[] = {
	ROW(HELLO, "hello", S, hello_ok),
	ROW(LOGIN, "login", C, login_ok),
	ROW(LOGIN_OK, "login_ok", S, login_ok_ok),
	ROW(RESUME, "resume", C, resume_ok),
	ROW(ENROL, "enrol", C, enrol_ok),
	ROW(ENROL_STATE, "enrol_state", S, enrol_state_ok),
	ROW(SUBMIT, "submit", C, submit_ok),
	ROW(STORED, "stored", S, stored_ok),
	ROW(DELIVER, "deliver", S, deliver_ok),
	ROW(ACK, "ack", C, ack_ok),
	ROW(CAUGHT_UP, "caught_up", S, any),
	ROW(ROSTER_GET, "roster_get", C, roster_get_ok),
	ROW(ROSTERS, "rosters", S, rosters_ok),
	ROW(ROSTER_CHANGED, "roster_changed", S, roster_changed_ok),
	ROW(CIRCLES_GET, "circles_get", C, circles_get_ok),
	ROW(CIRCLES, "circles", S, circles_frame_ok),
	ROW(PREKEYS_PUT, "prekeys_put", C, prekeys_put_ok),
	ROW(PREKEYS_CHECK, "prekeys_check", C, any),
	ROW(PREKEYS_STATE, "prekeys_state", S, prekeys_state_frame_ok),
	ROW(PREKEYS_CLAIM, "prekeys_claim", C, prekeys_claim_ok),
	ROW(PREKEY_BUNDLES, "prekey_bundles", S, bundles_ok),
	ROW(DUTY_SET, "duty_set", C, any),
	ROW(DUTY_STATE, "duty_state", S, duty_state_ok),
	ROW(CLAIM, "claim", C, claim_ok),
	ROW(CLAIM_STATE, "claim_state", S, claim_state_ok),
	ROW(BODY_GET, "body_get", C, body_get_ok),
	ROW(BODY_DATA, "body_data", S, body_data_ok),
	ROW(QUOTA, "quota", S, quota_ok),
	ROW(QUOTA_RESUME, "quota_resume", S, quota_resume_ok),
	ROW(DRILL, "drill", C | S, drill_ok),
	ROW(GO_AWAY, "go_away", S, go_away_ok),
	ROW(ERROR, "error", S, error_ok),
	ROW(DEAD_LETTER, "dead_letter", S, dead_letter_ok),
	ROW(NACK, "nack", C, nack_ok),
	ROW(WATCH_ARM, "watch_arm", C, watch_arm_ok),
	ROW(WATCH_DISARM, "watch_disarm", C, watch_disarm_ok),
	ROW(WATCH_STATE, "watch_state", S, watch_state_ok),
	ROW(PUSH_SET, "push_set", C, push_set_ok),
	ROW(PUSH_STATE, "push_state", S, push_state_ok),
	ROW(PATH_HEALTH, "path_health", C | S, path_health_ok),
	ROW(WAKE, "wake", S, wake_ok),
};

#define KINDS (sizeof kinds / sizeof *kinds)

const char *bk_frame_kind_name(Baken__Frame__KindCase kind)
{
	return (size_t)kind < KINDS && kinds[kind].name ? kinds[kind].name : "none";
}

static uint64_t read_varint(struct bk_reader *r)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 64; shift += 7) {
		uint8_t b = bk_read_u8(r);

		v |= (uint64_t)(b & 127) << shift;
		if (b < 128)
			break;
	}
	return v;
}

/* The value of a field, by its wire type; groups are long gone from protobuf. */
static void skip_field(struct bk_reader *r, unsigned type)
{
	switch (type) {
	case 0:
		read_varint(r);
		break;
	case 1:
		bk_read_view(r, 8);
		break;
	case 2:
		bk_read_view(r, (size_t)read_varint(r));
		break;
	case 5:
		bk_read_view(r, 4);
		break;
	default:
		r->failed = true;
	}
}

/* protobuf takes the last of several kinds: a frame of two would mean one thing here and another elsewhere. */
static bool one_kind(const void *data, size_t len)
{
	struct bk_reader r = bk_reader_of(data, len);
	size_t n = 0;

	while (r.left && !r.failed) {
		uint64_t tag = read_varint(&r);

		skip_field(&r, (unsigned)(tag & 7));
		n += tag >> 3 != 1;
	}
	return bk_reader_done(&r) && n == 1;
}

int bk_frame_decode(struct bk_arena *a, enum bk_side from, const void *data, size_t len, Baken__Frame **ret_frame)
{
	Baken__Frame *f;

	if (len > BK_FRAME_MAX)
		return BK_E_TOO_BIG;
	f = baken__frame__unpack(bk_arena_allocator(a), len, data);
	if (!f && bk_arena_starved(a))
		return BK_E_NOMEM;
	if (!f || (size_t)f->kind_case >= KINDS || !kinds[f->kind_case].check || !one_kind(data, len))
		return BK_E_INVAL;
	if (!(kinds[f->kind_case].sides & (from == BK_FROM_CLIENT ? C : S)))
		return BK_E_ROLE;
	/* Every kind is one sub-message, so any member of the union tells whether it is there. */
	if (!f->hello || !bk_pb_sound(&f->base) || !kinds[f->kind_case].check(f))
		return BK_E_INVAL;
	*ret_frame = f;
	return 0;
}

size_t bk_frame_size(const Baken__Frame *f)
{
	return baken__frame__get_packed_size(f);
}

size_t bk_frame_encode(const Baken__Frame *f, uint8_t *out)
{
	return baken__frame__pack(f, out);
}

int bk_frame_encode_new(const Baken__Frame *f, uint8_t **ret_buf, size_t *ret_len)
{
	size_t len = bk_frame_size(f);
	uint8_t *buf;

	if (len > BK_FRAME_MAX)
		return BK_E_TOO_BIG;
	buf = malloc(len ? len : 1);
	if (!buf)
		return BK_E_NOMEM;
	bk_frame_encode(f, buf);
	*ret_buf = buf;
	*ret_len = len;
	return 0;
}
