/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "inbox.h"

#include <sodium.h>
#include <stdlib.h>

#include "alarm.h"
#include "approvals.h"
#include "body.h"
#include "cases.h"
#include "chain.h"
#include "crashpoint.h"
#include "duress.h"
#include "engine.h"
#include "groups.h"
#include "handover.h"
#include "lost.h"
#include "policy.h"
#include "seen.h"
#include "shift.h"
#include "vault.h"

#define TYPE_PREKEY 3u      /* libsignal: the first messages of a session, until it is answered */

/* One delivery while it is being read. */
struct work {
	const Baken__Delivery *d;
	bk_id message;
	bk_hash body;
	uint8_t inner[BK_CAPSULE_INNER];
	struct bk_capsule_outer outer;
	struct bk_capsule capsule;
	struct bk_opened opened;
};

/* ---- answers to the server ---- */

static void send_acks(struct bk_core *core)
{
	Baken__Frame f = BAKEN__FRAME__INIT;
	Baken__Ack m = BAKEN__ACK__INIT;

	if (!core->inbox.n_acks)
		return;
	m.seqs = core->inbox.acks;
	m.n_seqs = core->inbox.n_acks;
	f.kind_case = BAKEN__FRAME__KIND_ACK;
	f.ack = &m;
	bk_link_send(core, &f);
	core->inbox.n_acks = 0;
}

static void ack(struct bk_core *core, uint64_t seq)
{
	if (core->inbox.n_acks == BK_ACKS_MAX)
		send_acks(core);
	core->inbox.acks[core->inbox.n_acks++] = seq;
	core->marks |= BK_MARK_RECEIVED;
}

/* It may be readable another time; the server counts, and tells the sender after five (M16). */
static void nack(struct bk_core *core, uint64_t seq, int err)
{
	Baken__Frame f = BAKEN__FRAME__INIT;
	Baken__Nack m = BAKEN__NACK__INIT;

	m.seq = seq;
	m.code = err;
	f.kind_case = BAKEN__FRAME__KIND_NACK;
	f.nack = &m;
	bk_link_send(core, &f);
}

/* ---- waiting for a roster ---- */

static void held_free(struct bk_held *h)
{
	free(h->delivery);
	memset(h, 0, sizeof(*h));
}

/* Unacknowledged: if we stop here, the server delivers it again. */
static void hold(struct bk_core *core, const struct work *w)
{
	struct bk_held *h = NULL;

	if (core->inbox.n_held == BK_DELIVER_WINDOW)
		return;
	h = &core->inbox.held[core->inbox.n_held];
	h->len = baken__delivery__get_packed_size(w->d);
	h->delivery = malloc(h->len);
	if (!h->delivery) {
		bk_db_fail(&core->db, BK_E_NOMEM);
		return;
	}
	baken__delivery__pack(w->d, h->delivery);
	h->sender = w->outer.sender;
	h->asked_again = true;
	core->inbox.n_held++;
	bk_rosters_fetch_device(core, h->sender);
}

static bool is_usable(struct bk_core *core, bk_id device)
{
	const struct bk_roster_entry *e = bk_rosters_device(core, device, NULL);

	return e && bk_roster_usable(e, core->now);
}

/* A withdrawn device stays withdrawn; any other one that we cannot trust may be in a list we do not have. */
static bool may_become_usable(struct bk_core *core, bk_id device)
{
	const struct bk_roster_entry *e = bk_rosters_device(core, device, NULL);

	return !e || (!bk_roster_usable(e, core->now) && e->status != BAKEN__DEVICE_STATUS__DEVICE_REVOKED);
}

/* ---- reading ---- */

/* What the server carries must fit what the sender sealed, or it has mixed messages up. */
static int check_capsule(const struct work *w)
{
	if (!bk_id_equal(w->capsule.sender, w->outer.sender) || !bk_id_equal(w->capsule.message, w->message))
		return BK_E_INVAL;
	return bk_hash_equal(w->capsule.body, w->body) ? 0 : BK_E_HASH;
}

static int decrypt(struct bk_core *core, struct work *w)
{
	uint8_t plain[BK_SIGNAL_CIPHERTEXT_MAX];
	size_t len = 0;
	int err = bk_signal_decrypt(core->signal, w->outer.sender, w->outer.type, w->outer.ciphertext, w->outer.len,
		plain, sizeof(plain), &len);

	if (!err)
		err = bk_capsule_decode(plain, len, &w->capsule);
	if (!err)
		err = check_capsule(w);
	sodium_memzero(plain, sizeof(plain));
	return err;
}

static int open_body(struct bk_core *core, struct work *w)
{
	uint8_t *envelope = NULL;
	size_t len = 0;
	int err = bk_body_open(w->message, w->body, w->capsule.key, w->d->body.data, w->d->body.len, &envelope, &len);

	if (err)
		return err;
	err = bk_pack_open(core, envelope, len, w->message, w->outer.sender, &w->opened);
	sodium_memzero(envelope, len);
	free(envelope);
	return err;
}

/* ---- keeping ---- */

static void learn_names(struct bk_core *core, const struct bk_opened *o, const char *name)
{
	if (!name || !*name)
		return;
	bk_rosters_name_set(core, o->sender->cert.device, name);
	if (o->circle->kind == BAKEN__CIRCLE_KIND__CIRCLE_PERSON)
		bk_rosters_name_set(core, o->circle->circle, name);
}

static void keep_item(struct bk_core *core, const struct work *w)
{
	const struct bk_opened *o = &w->opened;
	json_t *item = bk_items_get(core, o->logical), *event = NULL;

	if (item) { /* a repeat of what we have */
		json_decref(item);
		return;
	}
	item = bk_items_build(core, o, false);
	if (!item)
		return;
	bk_json_int(item, "received_ms", core->now);
	bk_json_int(item, "stored_ms", w->d->stored_ms);
	if (bk_id_equal(o->message, o->logical)) /* a repeat has a key of its own: it would claim another case */
		bk_json_hex(bk_items_private(item), "key", w->capsule.key, sizeof(w->capsule.key));
	bk_recall_on_item(core, item);
	bk_items_put(core, item);
	event = bk_items_shown(core, item);
	bk_json_text(event, "event", "message");
	bk_emit(core, event);
	json_decref(item);
	if (bk_is_desk(core))
		bk_cases_on_item(core, o);
	bk_promise_on_text(core, o, w->d->stored_ms);
}

static void acknowledged(struct bk_core *core, const struct work *w)
{
	const struct bk_opened *o = &w->opened;
	const Baken__GuidanceAck *m = o->content->guidance_ack;
	bk_id guidance = { { 0 } };

	if (!bk_id_from(m->guidance_id.data, m->guidance_id.len, &guidance))
		bk_items_acknowledged(core, guidance, o->circle->circle, o->content->sender_name, m->read_ms);
}

/* Their side of the session may be what is broken: unless they just began a new one, we do (M15). */
static void asked_again(struct bk_core *core, const struct work *w)
{
	const Baken__AskAgain *m = w->opened.content->ask_again;
	bk_id message = { { 0 } };

	if (bk_id_from(m->message_id.data, m->message_id.len, &message))
		return;
	if (w->outer.type != TYPE_PREKEY)
		bk_sessions_renew(core, w->outer.sender);
	bk_outbox_repeat(core, message, w->opened.circle->circle); /* nothing kept: nothing to send */
}

static void receipt(struct bk_core *core, const struct work *w)
{
	bk_receipts_on_receipt(core, &w->opened);
}

static void case_event(struct bk_core *core, const struct work *w)
{
	if (bk_is_desk(core))
		bk_cases_on_event(core, &w->opened, w->d->stored_ms);
}

static void promise(struct bk_core *core, const struct work *w)
{
	bk_promise_on(core, &w->opened);
}

static void policy(struct bk_core *core, const struct work *w)
{
	bk_policy_on(core, &w->opened);
}

static void profile(struct bk_core *core, const struct work *w)
{
	learn_names(core, &w->opened, w->opened.content->profile->name);
}

static void approval(struct bk_core *core, const struct work *w)
{
	bool recall = w->opened.kind == BK_CONTENT_GUIDANCE_RECALL;

	(recall ? bk_recall_on_recall : bk_approvals_on_approval)(core, &w->opened);
}

static void group(struct bk_core *core, const struct work *w)
{
	bk_groups_on_group(core, &w->opened);
}

static void device_health(struct bk_core *core, const struct work *w)
{
	bk_condition_on_health(core, &w->opened, w->d->stored_ms);
}

static void canary(struct bk_core *core, const struct work *w)
{
	bk_canaries_on_canary(core, &w->opened, w->d->stored_ms);
}

static void keyring(struct bk_core *core, const struct work *w)
{
	bool asked = w->opened.kind == BK_CONTENT_KEYRING_ASK;

	(asked ? bk_vault_on_ask : bk_keyring_on_keyring)(core, &w->opened);
}

static void handover(struct bk_core *core, const struct work *w)
{
	bool offer = w->opened.kind == BK_CONTENT_HANDOVER;

	(offer ? bk_handover_on_offer : bk_handover_on_answer)(core, &w->opened);
}

static void shift_plan(struct bk_core *core, const struct work *w)
{
	bk_shift_on_plan(core, &w->opened);
}

static void watch_plan(struct bk_core *core, const struct work *w)
{
	bk_timers_on_plan(core, &w->opened, w->d->stored_ms);
}

static void watch_end(struct bk_core *core, const struct work *w)
{
	bk_timers_on_end(core, &w->opened);
}

static void alarm(struct bk_core *core, const struct work *w)
{
	if (w->opened.kind == BK_CONTENT_ALARM)
		keep_item(core, w);
	bk_alarm_on_message(core, &w->opened, w->d->stored_ms);
}

/* By kind of content; a kind without a row is read and its receipt is all that follows. */
static void (*const handlers[BK_CONTENT_KINDS])(struct bk_core *core, const struct work *w) = {
	[BK_CONTENT_REPORT] = keep_item,
	[BK_CONTENT_TEXT] = keep_item,
	[BK_CONTENT_GUIDANCE] = keep_item,
	[BK_CONTENT_GUIDANCE_ACK] = acknowledged,
	[BK_CONTENT_RECEIPT] = receipt,
	[BK_CONTENT_CASE_EVENT] = case_event,
	[BK_CONTENT_PROFILE] = profile,
	[BK_CONTENT_PROMISE] = promise,
	[BK_CONTENT_DESK_POLICY] = policy,
	[BK_CONTENT_ASK_AGAIN] = asked_again,
	[BK_CONTENT_GUIDANCE_RECALL] = approval,
	[BK_CONTENT_APPROVAL] = approval,
	[BK_CONTENT_GROUP] = group,
	[BK_CONTENT_DEVICE_HEALTH] = device_health,
	[BK_CONTENT_CANARY] = canary,
	[BK_CONTENT_KEYRING] = keyring,
	[BK_CONTENT_KEYRING_ASK] = keyring,
	[BK_CONTENT_HANDOVER] = handover,
	[BK_CONTENT_HANDOVER_ANSWER] = handover,
	[BK_CONTENT_SHIFT_PLAN] = shift_plan,
	[BK_CONTENT_WATCH_PLAN] = watch_plan,
	[BK_CONTENT_WATCH_END] = watch_end,
	[BK_CONTENT_ALARM] = alarm,
	[BK_CONTENT_ALARM_END] = alarm,
	[BK_CONTENT_LOCATION] = alarm,
};

/* A person's message in somebody else's conversation is a case of its own (cases.c). */
static bk_id case_of(struct bk_core *core, const struct bk_opened *o)
{
	bk_id known = bk_cases_person(core, o->conversation);
	bool person = o->circle->kind == BAKEN__CIRCLE_KIND__CIRCLE_PERSON;

	return person && !bk_id_is_zero(known) && !bk_id_equal(known, o->circle->circle) ? o->logical : o->conversation;
}

static void keep_key(struct bk_core *core, const struct work *w, bk_id case_id)
{
	const struct bk_opened *o = &w->opened;
	struct bk_keyring_key k = { .message = w->message, .sender = w->outer.sender, .case_id = case_id, .body = w->body };

	if (!bk_is_desk(core) || !bk_keyring_worth(o->kind))
		return;
	memcpy(k.key, w->capsule.key, sizeof(k.key));
	k.stored_ms = w->d->stored_ms;
	k.person = o->circle->kind == BAKEN__CIRCLE_KIND__CIRCLE_PERSON;
	bk_keyring_keep(core, &k);
	sodium_memzero(&k, sizeof(k));
}

static void dispatch(struct bk_core *core, const struct work *w)
{
	bk_id case_id = case_of(core, &w->opened);

	keep_key(core, w, case_id);
	if (bk_vault_take(core, &w->opened, case_id, w->d->stored_ms))
		return;
	if (handlers[w->opened.kind])
		handlers[w->opened.kind](core, w);
}

/*
 * The first messages of a session are answered whatever they are, or the other side never ratchets (M3). Copies
 * among our own devices need no further word, and a receipt of a receipt would have no end.
 */
static bool owes_receipt(const struct bk_core *core, const struct work *w)
{
	const struct bk_opened *o = &w->opened;

	if (w->outer.type == TYPE_PREKEY || o->kind == BK_CONTENT_DRILL_ALARM)
		return true;
	return o->kind != BK_CONTENT_RECEIPT && o->kind != BK_CONTENT_DEVICE_HEALTH && !bk_id_equal(o->circle->circle, core->self.circle);
}

static void keep(struct bk_core *core, const struct work *w)
{
	const struct bk_opened *o = &w->opened;

	BK_CRASH_POINT("client-decrypted");
	bk_chain_seen(core, w->outer.sender, &w->capsule);
	bk_rosters_peer_says(core, o->circle->circle, w->capsule.roster_version, w->capsule.roster_hash);
	bk_seen_put(core, w->message);
	bk_lost_found(core, w->message);
	bk_lost_found(core, o->logical);
	learn_names(core, o, o->content->sender_name);
	if (owes_receipt(core, w))
		bk_receipts_owe(core, o->circle->circle, o->regime, o->logical);
	dispatch(core, w);
	bk_duress_on_message(core, o, w->d->stored_ms);
}

int bk_inbox_take_known(struct bk_core *core, const struct bk_keyring_key *k, const ProtobufCBinaryData *body,
	bk_ms kept_ms)
{
	Baken__Delivery d = BAKEN__DELIVERY__INIT;
	struct work w = { .d = &d, .message = k->message, .body = k->body };
	int err = 0;

	if (bk_keyring_has(core, k->message))
		return 0;
	d.body = *body;
	d.stored_ms = k->stored_ms;
	w.outer.sender = k->sender;
	memcpy(w.capsule.key, k->key, sizeof(w.capsule.key));
	w.opened.vouched_ms = kept_ms > k->stored_ms ? kept_ms : k->stored_ms; /* both must have it before a withdrawal */
	err = open_body(core, &w);
	if (!err && !bk_keyring_worth(w.opened.kind))
		err = BK_E_ROLE;
	if (!err) {
		bk_lost_found(core, w.message);
		bk_lost_found(core, w.opened.logical);
		learn_names(core, &w.opened, w.opened.content->sender_name);
		dispatch(core, &w);
	}
	bk_pack_free(&w.opened);
	sodium_memzero(&w, sizeof(w));
	return err;
}

/* ---- one delivery ---- */

static void give_up(struct bk_core *core, const struct work *w, bk_id sender, int err)
{
	if (err == BK_E_NOMEM)
		bk_db_fail(&core->db, err); /* our own trouble: the turn fails and the message comes again */
	else
		bk_lost_note(core, w->d, sender, err);
	ack(core, w->d->seq);
}

static void read_work(struct bk_core *core, struct work *w, bool asked)
{
	bk_id sender = w->outer.sender;
	int err = 0;

	if (may_become_usable(core, sender) && !asked) {
		hold(core, w);
		return;
	}
	if (!is_usable(core, sender)) {
		give_up(core, w, sender, BK_E_UNTRUSTED);
		return;
	}
	/* Before the ratchet moves: what the server has garbled can be delivered again. */
	if (!bk_hash_equal(bk_hash_of(w->d->body.data, w->d->body.len), w->body)) {
		nack(core, w->d->seq, BK_E_HASH);
		return;
	}
	err = decrypt(core, w);
	if (!err)
		err = open_body(core, w);
	if (core->db.err)
		return;
	if (err) {
		give_up(core, w, sender, err);
		return;
	}
	keep(core, w);
	bk_pack_free(&w->opened);
	ack(core, w->d->seq);
}

static void take(struct bk_core *core, const Baken__Delivery *d, bool asked)
{
	struct work w = { .d = d };
	int err = 0;

	if (bk_id_from(d->message_id.data, d->message_id.len, &w.message) ||
		bk_hash_from(d->body_hash.data, d->body_hash.len, &w.body) ||
		(!d->watch && d->capsule.len != BK_CAPSULE_BYTES))
		return;
	if (bk_db_has(&core->db, bk_key_id("seen/", w.message))) {
		ack(core, d->seq); /* read and kept before: its ack was lost */
		return;
	}
	if (d->watch) { /* no capsule: the desk has the key, or waits for it */
		if (!bk_hash_equal(bk_hash_of(d->body.data, d->body.len), w.body)) {
			nack(core, d->seq, BK_E_HASH);
			return;
		}
		bk_timers_on_fired(core, d);
		bk_seen_put(core, w.message);
		ack(core, d->seq);
		return;
	}
	err = bk_signal_unseal(core->signal, d->capsule.data, w.inner, &w.outer);
	if (err)
		give_up(core, &w, (bk_id){ { 0 } }, err);
	else
		read_work(core, &w, asked);
	sodium_memzero(&w, sizeof(w));
}

void bk_inbox_on_deliver(struct bk_core *core, const Baken__Deliver *m)
{
	for (size_t i = 0; i < m->n_items && !core->db.err; i++) {
		BK_CRASH_POINT("client-received");
		take(core, m->items[i], false);
	}
}

/* ---- rosters that came, or did not ---- */

static bool concerns(struct bk_core *core, const struct bk_held *h, int err, bk_id device)
{
	return bk_id_equal(h->sender, device) || (!err && is_usable(core, h->sender));
}

static void resume(struct bk_core *core, const struct bk_held *h, int err)
{
	Baken__Delivery *d = baken__delivery__unpack(NULL, h->len, h->delivery);

	if (!d) {
		bk_db_fail(&core->db, BK_E_NOMEM);
		return;
	}
	if (err)
		nack(core, d->seq, err);
	else
		take(core, d, h->asked_again);
	baken__delivery__free_unpacked(d, NULL);
}

void bk_inbox_retry(struct bk_core *core, int err, bk_id device)
{
	struct bk_inbox *x = &core->inbox;
	struct bk_held due[BK_DELIVER_WINDOW];
	size_t n = 0, kept = 0;

	bk_keyring_retry(core, err, device);
	for (size_t i = 0; i < x->n_held; i++) {
		if (concerns(core, &x->held[i], err, device))
			due[n++] = x->held[i];
		else
			x->held[kept++] = x->held[i];
	}
	x->n_held = kept;
	for (size_t i = 0; i < n; i++) {
		if (!core->db.err)
			resume(core, &due[i], err);
		held_free(&due[i]);
	}
}

void bk_inbox_flush(struct bk_core *core)
{
	for (size_t i = 0; i < core->inbox.n_held; i++)
		bk_rosters_fetch_device(core, core->inbox.held[i].sender); /* asks once, when there is room */
	send_acks(core);
}

void bk_inbox_offline(struct bk_core *core)
{
	for (size_t i = 0; i < core->inbox.n_held; i++)
		held_free(&core->inbox.held[i]);
	core->inbox.n_held = 0;
	core->inbox.n_acks = 0;
}

/* What still waits for a roster is not missing. */
void bk_inbox_on_caught_up(struct bk_core *core)
{
	if (!core->inbox.n_held)
		bk_chain_tell(core);
}

int bk_inbox_expire(struct bk_core *core)
{
	bk_seen_expire(core);
	bk_lost_expire(core);
	if (core->link.caught_up)
		bk_inbox_on_caught_up(core);
	return core->db.err;
}

int bk_inbox_ask_again(struct bk_core *core, bk_id message)
{
	return bk_lost_ask_again(core, message);
}
