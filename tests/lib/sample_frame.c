/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sodium.h>
#include <stdlib.h>

#include "body.h"
#include "err.h"
#include "receipt.h"
#include "sample_frame_in.h"

static void *make(struct bk_arena *a, size_t size)
{
	void *p = bk_arena_alloc(a, size);

	BK_ASSERT(p);
	return p;
}

/* A message of that type, initialised, in the arena. */
#define NEW(type, descriptor) ((type *)new_message(a, &(descriptor)))
#define SET(frame, lower, UPPER, message) \
	((frame)->kind_case = BAKEN__FRAME__KIND_##UPPER, (frame)->lower = (message))

static void *new_message(struct bk_arena *a, const ProtobufCMessageDescriptor *d)
{
	void *m = make(a, d->sizeof_message);

	protobuf_c_message_init(d, m);
	return m;
}

static ProtobufCBinaryData bytes(struct bk_arena *a, size_t len, unsigned n)
{
	uint8_t *p = make(a, len);

	bk_sample_fill(p, len, 0x50000 + n);
	return bk_bytes(p, len);
}

static ProtobufCBinaryData *list(struct bk_arena *a, size_t count, size_t len, unsigned n)
{
	ProtobufCBinaryData *l = make(a, count * sizeof *l);

	for (unsigned i = 0; i < count; i++)
		l[i] = bytes(a, len, n + i);
	return l;
}

static ProtobufCBinaryData id(struct bk_arena *a, unsigned n)
{
	return bytes(a, BK_ID_BYTES, 100 + n);
}

static ProtobufCBinaryData hash(struct bk_arena *a, unsigned n)
{
	return bytes(a, BK_HASH_BYTES, 200 + n);
}

static Baken__Signed *take_signed(struct bk_arena *a, struct bk_sample_blob b)
{
	Baken__Signed *s = baken__signed__unpack(bk_arena_allocator(a), b.len, b.data);

	free(b.data);
	BK_ASSERT(s);
	return s;
}

static Baken__Signed *a_device_cert(struct bk_arena *a)
{
	struct bk_device_cert c = bk_sample_device(10, BAKEN__ROLE__ROLE_PERSON, bk_sample_id(500));

	return take_signed(a, bk_sample_device_signed(&c, BK_SAMPLE_SECURITY));
}

static Baken__Signed **a_roster(struct bk_arena *a)
{
	Baken__Signed **l = make(a, sizeof *l);

	l[0] = take_signed(a, bk_sample_roster_signed());
	return l;
}

static Baken__CircleState **circles(struct bk_arena *a)
{
	Baken__CircleState **l = make(a, 2 * sizeof *l);

	for (unsigned i = 0; i < 2; i++) {
		l[i] = NEW(Baken__CircleState, baken__circle_state__descriptor);
		l[i]->circle_id = id(a, i);
		l[i]->kind = i ? BAKEN__CIRCLE_KIND__CIRCLE_DESK : BAKEN__CIRCLE_KIND__CIRCLE_PERSON;
		l[i]->version = 3 + i;
	}
	return l;
}

static Baken__PrekeysState *prekeys_state(struct bk_arena *a)
{
	Baken__PrekeysState *m = NEW(Baken__PrekeysState, baken__prekeys_state__descriptor);

	m->left = 33;
	m->signed_prekey_id = 4;
	m->digest = hash(a, 1);
	return m;
}

static Baken__SignedPrekey *signed_prekey(struct bk_arena *a)
{
	Baken__SignedPrekey *m = NEW(Baken__SignedPrekey, baken__signed_prekey__descriptor);

	m->id = 4;
	m->public_key = bytes(a, BK_KEY_BYTES, 1);
	m->signature = bytes(a, BK_SIG_BYTES, 2);
	return m;
}

static Baken__Prekey *prekey(struct bk_arena *a, unsigned n)
{
	Baken__Prekey *m = NEW(Baken__Prekey, baken__prekey__descriptor);

	m->id = n;
	m->public_key = bytes(a, BK_KEY_BYTES, n);
	return m;
}

static void hello(struct bk_arena *a, Baken__Frame *f)
{
	Baken__Hello *m = NEW(Baken__Hello, baken__hello__descriptor);
	struct bk_server_cert c = bk_sample_server();
	uint8_t public[BK_KEY_BYTES], secret[BK_ED25519_SECRET_BYTES];

	bk_sample_ed25519(BK_SAMPLE_ROOT, public, secret);
	m->version = BK_WIRE_VERSION;
	m->nonce = bytes(a, 32, 1);
	m->root_key = bytes(a, BK_KEY_BYTES, 0);
	memcpy(m->root_key.data, public, BK_KEY_BYTES);
	m->server_cert = take_signed(a, bk_sample_server_signed(&c, BK_SAMPLE_ROOT));
	m->now_ms = BK_SAMPLE_NOW;
	m->exporter = true;
	SET(f, hello, HELLO, m);
}

static void login(struct bk_arena *a, Baken__Frame *f)
{
	Baken__Login *m = NEW(Baken__Login, baken__login__descriptor);

	m->device_id = id(a, 1);
	m->signature = bytes(a, BK_SIG_BYTES, 1);
	m->lang = 1;
	SET(f, login, LOGIN, m);
}

static void login_ok(struct bk_arena *a, Baken__Frame *f)
{
	Baken__LoginOk *m = NEW(Baken__LoginOk, baken__login_ok__descriptor);

	m->session_id = id(a, 1);
	m->ticket = bytes(a, 32, 1);
	m->ticket_expires_ms = BK_SAMPLE_NOW + BK_SAMPLE_DAY;
	m->file_token = bytes(a, 32, 2);
	m->now_ms = BK_SAMPLE_NOW;
	m->queued = 5;
	m->n_circles = 2;
	m->circles = circles(a);
	m->prekeys = prekeys_state(a);
	m->on_duty = true;
	SET(f, login_ok, LOGIN_OK, m);
}

static void resume(struct bk_arena *a, Baken__Frame *f)
{
	Baken__Resume *m = NEW(Baken__Resume, baken__resume__descriptor);

	m->device_id = id(a, 1);
	m->ticket = bytes(a, 32, 1);
	m->lang = 1;
	SET(f, resume, RESUME, m);
}

static void enrol(struct bk_arena *a, Baken__Frame *f)
{
	Baken__Enrol *m = NEW(Baken__Enrol, baken__enrol__descriptor);

	m->invite_id = id(a, 1);
	m->identity_key = bytes(a, BK_KEY_BYTES, 1);
	m->registration_id = 1234;
	m->browser = true;
	m->mac = bytes(a, 32, 2);
	SET(f, enrol, ENROL, m);
}

static void enrol_state(struct bk_arena *a, Baken__Frame *f)
{
	Baken__EnrolState *m = NEW(Baken__EnrolState, baken__enrol_state__descriptor);

	m->state = BAKEN__ENROL_STATE__STATE__APPROVED;
	m->certificate = a_device_cert(a);
	m->n_rosters = 1;
	m->rosters = a_roster(a);
	SET(f, enrol_state, ENROL_STATE, m);
}

static void submit(struct bk_arena *a, Baken__Frame *f)
{
	Baken__Submit *m = NEW(Baken__Submit, baken__submit__descriptor);

	m->message_id = id(a, 1);
	m->class_ = BAKEN__CLASS__CLASS_URGENT;
	m->regime = BAKEN__REGIME__REGIME_SECURITY;
	m->body = bytes(a, 256 + BK_BODY_OVERHEAD, 1);
	m->body_hash = hash(a, 1);
	m->n_targets = 1;
	m->targets = make(a, sizeof *m->targets);
	m->targets[0] = NEW(Baken__Target, baken__target__descriptor);
	m->targets[0]->circle_id = id(a, 2);
	m->targets[0]->roster_version = 3;
	m->targets[0]->roster_hash = hash(a, 2);
	m->n_capsules = 2;
	m->capsules = make(a, 2 * sizeof *m->capsules);
	for (unsigned i = 0; i < 2; i++) {
		m->capsules[i] = NEW(Baken__DeviceCapsule, baken__device_capsule__descriptor);
		m->capsules[i]->device_id = id(a, 3 + i);
		m->capsules[i]->capsule = bytes(a, BK_CAPSULE_BYTES, 3 + i);
	}
	m->n_files = 1;
	m->files = list(a, 1, BK_HASH_BYTES, 9);
	m->drill = true;
	SET(f, submit, SUBMIT, m);
}

static void stored(struct bk_arena *a, Baken__Frame *f)
{
	const struct bk_receipt_leaf leaves[3] = {{bk_sample_id(1), bk_sample_hash(1), BK_SAMPLE_NOW},
		{bk_sample_id(2), bk_sample_hash(2), BK_SAMPLE_NOW}, {bk_sample_id(3), bk_sample_hash(3), BK_SAMPLE_NOW}};
	uint8_t public[BK_KEY_BYTES], secret[BK_ED25519_SECRET_BYTES];
	Baken__Stored *m = NEW(Baken__Stored, baken__stored__descriptor);
	struct bk_receipt *r = make(a, 3 * sizeof *r);
	Baken__StoredItem *item = NEW(Baken__StoredItem, baken__stored_item__descriptor);

	bk_sample_ed25519(BK_SAMPLE_SERVER, public, secret);
	BK_ASSERT(bk_receipt_sign(leaves, 3, secret, r) == 0);
	item->request = 8;
	item->receipt = make(a, sizeof *item->receipt);
	bk_receipt_to_wire(&r[1], item->receipt, make(a, BK_RECEIPT_DEPTH * sizeof(ProtobufCBinaryData)));
	item->n_missing = 1;
	item->missing = list(a, 1, BK_ID_BYTES, 4);
	m->n_items = 1;
	m->items = make(a, sizeof *m->items);
	m->items[0] = item;
	SET(f, stored, STORED, m);
}

static void deliver(struct bk_arena *a, Baken__Frame *f)
{
	Baken__Deliver *m = NEW(Baken__Deliver, baken__deliver__descriptor);
	Baken__Delivery *d = NEW(Baken__Delivery, baken__delivery__descriptor);

	d->seq = 17;
	d->class_ = BAKEN__CLASS__CLASS_NORMAL;
	d->message_id = id(a, 1);
	d->capsule = bytes(a, BK_CAPSULE_BYTES, 1);
	d->body = bytes(a, 256 + BK_BODY_OVERHEAD, 2);
	d->body_hash = hash(a, 1);
	d->stored_ms = BK_SAMPLE_NOW;
	d->attempt = 2;
	m->n_items = 1;
	m->items = make(a, sizeof *m->items);
	m->items[0] = d;
	SET(f, deliver, DELIVER, m);
}

static void ack(struct bk_arena *a, Baken__Frame *f)
{
	Baken__Ack *m = NEW(Baken__Ack, baken__ack__descriptor);

	m->n_seqs = 3;
	m->seqs = make(a, 3 * sizeof *m->seqs);
	m->seqs[0] = 17;
	m->seqs[1] = 18;
	m->seqs[2] = 1ull << 40;
	SET(f, ack, ACK, m);
}

static void caught_up(struct bk_arena *a, Baken__Frame *f)
{
	Baken__CaughtUp *m = NEW(Baken__CaughtUp, baken__caught_up__descriptor);

	m->seq = 18;
	SET(f, caught_up, CAUGHT_UP, m);
}

static void roster_get(struct bk_arena *a, Baken__Frame *f)
{
	Baken__RosterGet *m = NEW(Baken__RosterGet, baken__roster_get__descriptor);

	m->circle_id = id(a, 1);
	m->have_version = 2;
	SET(f, roster_get, ROSTER_GET, m);
}

static void rosters(struct bk_arena *a, Baken__Frame *f)
{
	Baken__Rosters *m = NEW(Baken__Rosters, baken__rosters__descriptor);

	m->circle_id = id(a, 1);
	m->n_rosters = 1;
	m->rosters = a_roster(a);
	m->n_on_duty = 2;
	m->on_duty = list(a, 2, BK_ID_BYTES, 5);
	SET(f, rosters, ROSTERS, m);
}

static void roster_changed(struct bk_arena *a, Baken__Frame *f)
{
	Baken__RosterChanged *m = NEW(Baken__RosterChanged, baken__roster_changed__descriptor);

	m->circle_id = id(a, 1);
	m->version = 4;
	m->n_on_duty = 1;
	m->on_duty = list(a, 1, BK_ID_BYTES, 5);
	SET(f, roster_changed, ROSTER_CHANGED, m);
}

static void circles_get(struct bk_arena *a, Baken__Frame *f)
{
	Baken__CirclesGet *m = NEW(Baken__CirclesGet, baken__circles_get__descriptor);

	m->after = id(a, 1);
	SET(f, circles_get, CIRCLES_GET, m);
}

static void circles_frame(struct bk_arena *a, Baken__Frame *f)
{
	Baken__Circles *m = NEW(Baken__Circles, baken__circles__descriptor);

	m->n_circles = 2;
	m->circles = circles(a);
	m->more = true;
	SET(f, circles, CIRCLES, m);
}

static void prekeys_put(struct bk_arena *a, Baken__Frame *f)
{
	Baken__PrekeysPut *m = NEW(Baken__PrekeysPut, baken__prekeys_put__descriptor);

	m->signed_prekey = signed_prekey(a);
	m->n_prekeys = 2;
	m->prekeys = make(a, 2 * sizeof *m->prekeys);
	m->prekeys[0] = prekey(a, 7);
	m->prekeys[1] = prekey(a, 8);
	m->replace = true;
	SET(f, prekeys_put, PREKEYS_PUT, m);
}

static void prekeys_check(struct bk_arena *a, Baken__Frame *f)
{
	SET(f, prekeys_check, PREKEYS_CHECK, NEW(Baken__PrekeysCheck, baken__prekeys_check__descriptor));
}

static void prekeys_state_frame(struct bk_arena *a, Baken__Frame *f)
{
	SET(f, prekeys_state, PREKEYS_STATE, prekeys_state(a));
}

static void prekeys_claim(struct bk_arena *a, Baken__Frame *f)
{
	Baken__PrekeysClaim *m = NEW(Baken__PrekeysClaim, baken__prekeys_claim__descriptor);

	m->n_device_ids = 2;
	m->device_ids = list(a, 2, BK_ID_BYTES, 6);
	SET(f, prekeys_claim, PREKEYS_CLAIM, m);
}

static void prekey_bundles(struct bk_arena *a, Baken__Frame *f)
{
	Baken__PrekeyBundles *m = NEW(Baken__PrekeyBundles, baken__prekey_bundles__descriptor);
	Baken__PrekeyBundle *b = NEW(Baken__PrekeyBundle, baken__prekey_bundle__descriptor);

	b->device_id = id(a, 6);
	b->registration_id = 1234;
	b->signed_prekey = signed_prekey(a);
	b->prekey = prekey(a, 7);
	m->n_bundles = 1;
	m->bundles = make(a, sizeof *m->bundles);
	m->bundles[0] = b;
	m->n_absent = 1;
	m->absent = list(a, 1, BK_ID_BYTES, 7);
	SET(f, prekey_bundles, PREKEY_BUNDLES, m);
}

static void duty_set(struct bk_arena *a, Baken__Frame *f)
{
	Baken__DutySet *m = NEW(Baken__DutySet, baken__duty_set__descriptor);

	m->on = true;
	SET(f, duty_set, DUTY_SET, m);
}

static void duty_state(struct bk_arena *a, Baken__Frame *f)
{
	Baken__DutyState *m = NEW(Baken__DutyState, baken__duty_state__descriptor);

	m->on = true;
	m->n_on_duty = 2;
	m->on_duty = list(a, 2, BK_ID_BYTES, 5);
	SET(f, duty_state, DUTY_STATE, m);
}

static void claim(struct bk_arena *a, Baken__Frame *f)
{
	Baken__Claim *m = NEW(Baken__Claim, baken__claim__descriptor);

	m->verb = BAKEN__CLAIM__VERB__GIVE;
	m->to_device = id(a, 2);
	m->tag = bytes(a, 32, 1);
	m->lease_ms = BK_LEASE_MS;
	SET(f, claim, CLAIM, m);
}

static void claim_state(struct bk_arena *a, Baken__Frame *f)
{
	Baken__ClaimState *m = NEW(Baken__ClaimState, baken__claim_state__descriptor);

	m->tag = bytes(a, 32, 1);
	m->won = true;
	m->holder = id(a, 1);
	m->since_ms = BK_SAMPLE_NOW;
	m->until_ms = BK_SAMPLE_NOW + BK_LEASE_MS;
	SET(f, claim_state, CLAIM_STATE, m);
}

static void body_get(struct bk_arena *a, Baken__Frame *f)
{
	Baken__BodyGet *m = NEW(Baken__BodyGet, baken__body_get__descriptor);

	m->body_hash = hash(a, 1);
	SET(f, body_get, BODY_GET, m);
}

static void body_data(struct bk_arena *a, Baken__Frame *f)
{
	Baken__BodyData *m = NEW(Baken__BodyData, baken__body_data__descriptor);

	m->body_hash = hash(a, 1);
	m->body = bytes(a, 1024 + BK_BODY_OVERHEAD, 1);
	m->stored_ms = BK_SAMPLE_NOW;
	SET(f, body_data, BODY_DATA, m);
}

static void quota(struct bk_arena *a, Baken__Frame *f)
{
	Baken__Quota *m = NEW(Baken__Quota, baken__quota__descriptor);

	m->n_device_ids = 2;
	m->device_ids = list(a, 2, BK_ID_BYTES, 8);
	SET(f, quota, QUOTA, m);
}

static void quota_resume(struct bk_arena *a, Baken__Frame *f)
{
	Baken__QuotaResume *m = NEW(Baken__QuotaResume, baken__quota_resume__descriptor);

	m->n_device_ids = 1;
	m->device_ids = list(a, 1, BK_ID_BYTES, 8);
	SET(f, quota_resume, QUOTA_RESUME, m);
}

static void drill(struct bk_arena *a, Baken__Frame *f)
{
	Baken__Drill *m = NEW(Baken__Drill, baken__drill__descriptor);

	m->nonce = bytes(a, 16, 1);
	m->received_ms = BK_SAMPLE_NOW;
	m->committed_ms = BK_SAMPLE_NOW + 3;
	SET(f, drill, DRILL, m);
}

static void go_away(struct bk_arena *a, Baken__Frame *f)
{
	static char reason[] = "restart";
	Baken__GoAway *m = NEW(Baken__GoAway, baken__go_away__descriptor);

	m->retry_after_ms = 2000;
	m->reason = reason;
	SET(f, go_away, GO_AWAY, m);
}

static void error(struct bk_arena *a, Baken__Frame *f)
{
	static char name[] = "BK_E_DEVICES", text[] = "devices are missing or too many";
	Baken__Error *m = NEW(Baken__Error, baken__error__descriptor);

	m->code = BK_E_DEVICES;
	m->name = name;
	m->text = text;
	m->retry_after_ms = 1000;
	m->n_missing = 1;
	m->missing = list(a, 1, BK_ID_BYTES, 1);
	m->n_extra = 1;
	m->extra = list(a, 1, BK_ID_BYTES, 2);
	m->circle_id = id(a, 3);
	m->roster = a_roster(a)[0];
	SET(f, error, ERROR, m);
}

static void dead_letter(struct bk_arena *a, Baken__Frame *f)
{
	Baken__DeadLetter *m = NEW(Baken__DeadLetter, baken__dead_letter__descriptor);

	m->message_id = id(a, 1);
	m->device_id = id(a, 2);
	SET(f, dead_letter, DEAD_LETTER, m);
}

static void nack(struct bk_arena *a, Baken__Frame *f)
{
	Baken__Nack *m = NEW(Baken__Nack, baken__nack__descriptor);

	m->seq = 17;
	m->code = BK_E_DECRYPT;
	SET(f, nack, NACK, m);
}

static const struct {
	enum bk_side side;
	void (*make)(struct bk_arena *a, Baken__Frame *f);
} kinds[] = {
	{BK_FROM_SERVER, hello}, {BK_FROM_CLIENT, login}, {BK_FROM_SERVER, login_ok}, {BK_FROM_CLIENT, resume},
	{BK_FROM_CLIENT, enrol}, {BK_FROM_SERVER, enrol_state}, {BK_FROM_CLIENT, submit}, {BK_FROM_SERVER, stored},
	{BK_FROM_SERVER, deliver}, {BK_FROM_CLIENT, ack}, {BK_FROM_SERVER, caught_up}, {BK_FROM_CLIENT, roster_get},
	{BK_FROM_SERVER, rosters}, {BK_FROM_SERVER, roster_changed}, {BK_FROM_CLIENT, circles_get},
	{BK_FROM_SERVER, circles_frame}, {BK_FROM_CLIENT, prekeys_put}, {BK_FROM_CLIENT, prekeys_check},
	{BK_FROM_SERVER, prekeys_state_frame}, {BK_FROM_CLIENT, prekeys_claim}, {BK_FROM_SERVER, prekey_bundles},
	{BK_FROM_CLIENT, duty_set}, {BK_FROM_SERVER, duty_state}, {BK_FROM_CLIENT, claim}, {BK_FROM_SERVER, claim_state},
	{BK_FROM_CLIENT, body_get}, {BK_FROM_SERVER, body_data}, {BK_FROM_SERVER, quota}, {BK_FROM_SERVER, quota_resume},
	{BK_FROM_CLIENT, drill}, {BK_FROM_SERVER, go_away}, {BK_FROM_SERVER, error}, {BK_FROM_SERVER, dead_letter},
	{BK_FROM_CLIENT, nack}, {BK_FROM_CLIENT, bk_sample_watch_arm}, {BK_FROM_CLIENT, bk_sample_watch_disarm},
	{BK_FROM_SERVER, bk_sample_watch_state}, {BK_FROM_CLIENT, bk_sample_push_set}, {BK_FROM_SERVER, bk_sample_push_state},
	{BK_FROM_CLIENT, bk_sample_path_health}, {BK_FROM_SERVER, bk_sample_wake},
};

Baken__Frame *bk_sample_frame(struct bk_arena *a, size_t i)
{
	Baken__Frame *f;

	if (i >= sizeof kinds / sizeof *kinds)
		return NULL;
	f = NEW(Baken__Frame, baken__frame__descriptor);
	f->request = 1000 + i;
	kinds[i].make(a, f);
	return f;
}

enum bk_side bk_sample_frame_side(const Baken__Frame *f)
{
	return kinds[f->request - 1000].side;
}
