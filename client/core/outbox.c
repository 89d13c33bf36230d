/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rows on their way: prepared, sent, answered, tried again. Rows themselves: outbox_post.c. */
#include "outbox.h"

#include <sodium.h>
#include <stdlib.h>

#include "alarm.h"
#include "engine.h"

#define ASKED_MS 30000u          /* a roster or bundle was asked for; it wakes the row when it comes */
#define OBSTACLE_MS 60000u
#define RETRY_MIN_MS 2000u
#define RETRY_MAX_MS 900000u
#define QUOTA_MS 30000u
#define TOPUP_TRIES 12u
#define STORED_KEEP_MS (90ull * 86400000ull)
#define REFUSED_KEEP_MS (30ull * 86400000ull)

bool bk_outbox_plumbing(enum bk_content_kind kind)
{
	return kind == BK_CONTENT_RECEIPT || kind == BK_CONTENT_ASK_AGAIN || kind == BK_CONTENT_SESSION_OPEN ||
		kind == BK_CONTENT_DEVICE_HEALTH || kind == BK_CONTENT_CANARY;
}

static bool is_stored(const struct bk_out *o)
{
	return o->state == BK_OUT_STORED || o->state == BK_OUT_DECRYPTED;
}

static void tell_refused(struct bk_core *core, struct bk_out *o, int err, enum bk_say say)
{
	json_t *event = NULL;

	if (o->told || bk_outbox_plumbing(o->kind))
		return;
	o->told = true;
	event = bk_event("refused");
	bk_json_id(event, "message", o->logical);
	bk_json_text(event, "error", bk_err_name(err));
	bk_json_text(event, "text", bk_lang_say(say, err, core->o.lang));
	bk_emit(core, event);
}

static void refuse(struct bk_core *core, struct bk_out *o, int err, enum bk_say say)
{
	o->told = false;
	tell_refused(core, o, err, say);
	bk_prepare_forget(core, o);
	o->state = BK_OUT_REFUSED;
	o->topup = false;
	o->read_ms = core->now;
	bk_outbox_save(core, o);
}

/* Jittered and doubling, as long as it takes; at least what the server asked for. */
static void back_off(struct bk_core *core, struct bk_out *o, bk_ms at_least)
{
	unsigned n = o->attempts < 10 ? o->attempts : 10;
	uint32_t top = RETRY_MIN_MS << n;
	bk_ms wait = 0;

	if (top > RETRY_MAX_MS)
		top = RETRY_MAX_MS;
	wait = top / 2 + randombytes_uniform(top / 2 + 1);
	if (at_least > RETRY_MAX_MS)
		at_least = RETRY_MAX_MS;
	if (wait < at_least)
		wait = at_least + randombytes_uniform(RETRY_MIN_MS);
	o->attempts++;
	o->retry_ms = core->now + wait;
}

static void end_request(struct bk_core *core, struct bk_out *o)
{
	if (o->request && core->outbox.in_flight)
		core->outbox.in_flight--;
	o->request = 0;
}

/* ---- sending ---- */

static void send_frame(struct bk_core *core, struct bk_out *o)
{
	struct bk_request *r = NULL;
	uint8_t *frame = NULL;
	size_t len = 0;

	if (bk_db_get(&core->db, bk_key_id("outframe/", o->id), &frame, &len)) {
		o->state = BK_OUT_QUEUED; /* a prepared row without a frame: made again */
		return;
	}
	core->outbox.aside = o->kind == BK_CONTENT_DEVICE_HEALTH;
	r = bk_link_request_raw(core, BK_REQ_SUBMIT, frame, len);
	free(frame);
	if (!r)
		return;
	r->id = o->id;
	o->request = r->number;
	core->outbox.in_flight++;
}

static void obstacle(struct bk_core *core, struct bk_out *o, int err)
{
	switch (err) {
	case BK_E_BUSY:
		o->retry_ms = core->now + ASKED_MS;
		return;
	case BK_E_EXPIRED:
		tell_refused(core, o, err, BK_SAY_OLD_LIST);
		o->retry_ms = core->now + OBSTACLE_MS;
		return;
	case BK_E_NOT_FOUND:
		tell_refused(core, o, err, BK_SAY_NO_RECEIVER);
		o->retry_ms = core->now + OBSTACLE_MS;
		return;
	case BK_E_ROLE:
	case BK_E_TOO_BIG:
	case BK_E_INVAL:
		refuse(core, o, err, err == BK_E_ROLE ? BK_SAY_ROLE : BK_SAY_NOTHING);
		return;
	default:
		back_off(core, o, 0);
		return;
	}
}

static void prepare(struct bk_core *core, struct bk_out *o)
{
	int err = bk_prepare_row(core, o);

	if (err) {
		obstacle(core, o, err);
		return;
	}
	o->told = false;
	if (!is_stored(o)) {
		o->state = BK_OUT_PREPARED;
		bk_outbox_save(core, o);
	}
	bk_mark(core, o->kind, BK_MARK_PREPARED);
	send_frame(core, o);
}

static bool uploaded(struct bk_core *core, struct bk_out *o)
{
	for (size_t i = 0; i < o->n_files; i++)
		if (!bk_upload_complete(core, o->files[i]))
			return false;
	o->state = BK_OUT_QUEUED;
	bk_outbox_save(core, o);
	return true;
}

static void step(struct bk_core *core, struct bk_out *o)
{
	switch (o->state) {
	case BK_OUT_UPLOADING:
		if (uploaded(core, o))
			prepare(core, o);
		return;
	case BK_OUT_QUEUED:
	case BK_OUT_BUNDLES:
		prepare(core, o);
		return;
	case BK_OUT_PREPARED:
		send_frame(core, o);
		return;
	case BK_OUT_STORED:
	case BK_OUT_DECRYPTED:
		if (o->topup)
			prepare(core, o);
		return;
	case BK_OUT_REFUSED:
		return;
	}
}

/* Alarms wait behind nothing: neither the window nor the part of the request table that is kept free for them. */
static bool has_room(const struct bk_core *core, const struct bk_out *o)
{
	if (core->db.err)
		return false;
	if (o->class == BAKEN__CLASS__CLASS_ALARM)
		return core->link.n_requests < BK_REQUESTS_MAX;
	return core->outbox.in_flight < BK_OUT_WINDOW && !bk_link_busy(core);
}

void bk_outbox_pump(struct bk_core *core)
{
	if (!bk_link_online(core))
		return;
	for (size_t i = 0; i < core->outbox.n; i++) {
		struct bk_out *o = core->outbox.rows[i];

		if (!o->request && o->retry_ms <= core->now && has_room(core, o))
			step(core, o);
	}
}

void bk_outbox_offline(struct bk_core *core)
{
	for (size_t i = 0; i < core->outbox.n; i++) {
		core->outbox.rows[i]->request = 0;
		core->outbox.rows[i]->retry_ms = 0;
	}
	core->outbox.in_flight = 0;
}

static bool has_more(const struct bk_out *o)
{
	return !o->request && (o->state < BK_OUT_STORED || o->topup);
}

bk_ms bk_outbox_next(const struct bk_core *core)
{
	bk_ms next = BK_NEVER;

	if (!bk_link_online(core))
		return next;
	for (size_t i = 0; i < core->outbox.n; i++) {
		const struct bk_out *o = core->outbox.rows[i];

		if (has_more(o) && o->retry_ms > core->now && o->retry_ms < next)
			next = o->retry_ms;
	}
	return next;
}

static bool addressed(const struct bk_out *o, bk_id circle)
{
	for (size_t i = 0; i < o->n_circles; i++)
		if (bk_id_equal(o->circles[i], circle))
			return true;
	return false;
}

void bk_outbox_wake(struct bk_core *core, bk_id circle)
{
	bool all = bk_id_is_zero(circle);

	for (size_t i = 0; i < core->outbox.n; i++)
		if (all || addressed(core->outbox.rows[i], circle))
			core->outbox.rows[i]->retry_ms = 0;
	if (!all)
		bk_alarm_warm(core);
}

/* ---- answers ---- */

/* Messages among ourselves and plumbing get no receipt of their own; they are kept a while for ask-again. */
static bool expects_receipt(const struct bk_core *core, const struct bk_out *o)
{
	if (bk_outbox_plumbing(o->kind))
		return false;
	if (o->kind == BK_CONTENT_DRILL_ALARM)
		return true;
	for (size_t i = 0; i < o->n_circles; i++)
		if (!bk_id_equal(o->circles[i], core->self.circle))
			return true;
	return false;
}

static void settle(struct bk_core *core, struct bk_out *o)
{
	if (is_stored(o) && (o->read_ms || !expects_receipt(core, o))) {
		o->state = BK_OUT_DECRYPTED;
		o->read_ms = o->read_ms ? o->read_ms : core->now;
	}
	if (is_stored(o) && !o->topup)
		bk_prepare_forget(core, o);
	bk_outbox_save(core, o);
}

/* Only an alarm is stored for some devices and not for others: the rest follow under the same message id. */
static void note_missing(struct bk_core *core, struct bk_out *o, const Baken__StoredItem *item)
{
	o->topup = item->n_missing && o->class == BAKEN__CLASS__CLASS_ALARM && o->attempts < TOPUP_TRIES;
	if (!o->topup)
		return;
	for (size_t i = 0; i < o->n_circles; i++)
		bk_rosters_stale(core, o->circles[i]);
	if (o->attempts) /* the first try at once */
		back_off(core, o, 0);
	else
		o->attempts = 1;
}

static int verify_stored(struct bk_core *core, const struct bk_out *o, const Baken__StoredReceipt *receipt)
{
	uint8_t *raw = NULL;
	size_t len = 0;
	bk_hash hash = { { 0 } };
	int err = bk_db_get(&core->db, bk_key_id("outkey/", o->id), &raw, &len);

	if (err)
		return err;
	if (len > BK_KEY_BYTES + BK_HASH_BYTES)
		memcpy(hash.b, raw + BK_KEY_BYTES, BK_HASH_BYTES);
	sodium_memzero(raw, len);
	free(raw);
	return bk_receipts_on_stored(core, receipt, o->id, hash);
}

static void stored(struct bk_core *core, struct bk_out *o, const Baken__StoredItem *item)
{
	bool again = is_stored(o);
	int err = 0;

	if (o->state == BK_OUT_REFUSED || (again && !o->topup))
		return; /* told twice */
	err = verify_stored(core, o, item->receipt);
	if (err) {
		back_off(core, o, RETRY_MIN_MS); /* a proof that proves nothing: the message is still ours to deliver */
		bk_link_drop(core, err);
		return;
	}
	bk_prepare_accepted(core, o);
	bk_mark(core, o->kind, BK_MARK_STORED);
	if (!again) {
		o->state = BK_OUT_STORED;
		o->attempts = 0;
		o->retry_ms = 0;
		bk_items_rung(core, o->logical, "stored", item->receipt->stored_ms, "");
		bk_keyring_stored(core, o, item->receipt->stored_ms);
	}
	note_missing(core, o, item);
	settle(core, o);
}

void bk_outbox_on_stored(struct bk_core *core, const Baken__Stored *m)
{
	for (size_t i = 0; i < m->n_items; i++) {
		const Baken__StoredItem *item = m->items[i];
		struct bk_out *o = NULL;
		bk_id id = { { 0 } };

		if (!item->receipt ||
			bk_id_from(item->receipt->message_id.data, item->receipt->message_id.len, &id))
			continue;
		o = bk_outbox_find(core, id);
		if (!o)
			continue;
		if (o->request == item->request)
			end_request(core, o);
		stored(core, o, item);
	}
}

/* The device list is another one than we know: the same message, prepared for the list that is. */
static void relist(struct bk_core *core, struct bk_out *o, const Baken__Error *e)
{
	bk_id circle = { { 0 } };

	bk_prepare_discard(core, o);
	if (e->circle_id.len && !bk_id_from(e->circle_id.data, e->circle_id.len, &circle))
		bk_rosters_stale(core, circle);
	else
		for (size_t i = 0; i < o->n_circles; i++)
			bk_rosters_stale(core, o->circles[i]);
	if (++o->attempts > 2)
		back_off(core, o, e->retry_after_ms);
}

/* The server has not all of the files: what it has is asked again, byte by byte. */
static void reupload(struct bk_core *core, struct bk_out *o, const Baken__Error *e)
{
	bk_prepare_discard(core, o);
	if (o->n_files && !is_stored(o)) {
		o->state = BK_OUT_UPLOADING;
		bk_outbox_save(core, o);
		for (size_t i = 0; i < o->n_files; i++)
			bk_upload_recheck(core, o->files[i]);
	}
	back_off(core, o, e->retry_after_ms);
}

void bk_outbox_on_error(struct bk_core *core, const struct bk_request *r, const Baken__Error *e)
{
	struct bk_out *o = bk_outbox_find(core, r->id);

	if (!o)
		return;
	if (o->request == r->number)
		end_request(core, o);
	switch (e->code) {
	case BK_E_DEVICES:
	case BK_E_ROSTER:
	case BK_E_REVOKED: /* of a device we write to, between its list and ours */
		relist(core, o, e);
		return;
	case BK_E_EXPIRED: /* by the server's clock the list is too old for anything but an alarm */
		tell_refused(core, o, e->code, BK_SAY_OLD_LIST);
		relist(core, o, e);
		o->retry_ms = core->now + OBSTACLE_MS;
		return;
	case BK_E_INCOMPLETE:
		reupload(core, o, e);
		return;
	case BK_E_QUOTA:
		back_off(core, o, e->retry_after_ms > QUOTA_MS ? e->retry_after_ms : QUOTA_MS);
		return;
	case BK_E_ROLE:
	case BK_E_TOO_BIG:
	case BK_E_INVAL:
	case BK_E_HASH:
	case BK_E_VERSION:
	case BK_E_UNSUPPORTED:
		if (is_stored(o)) { /* a top-up that is not wanted */
			o->topup = false;
			settle(core, o);
		} else {
			refuse(core, o, e->code, e->code == BK_E_ROLE ? BK_SAY_ROLE : BK_SAY_NOTHING);
		}
		return;
	default:
		back_off(core, o, e->retry_after_ms);
		return;
	}
}

void bk_outbox_on_quota(struct bk_core *core, const Baken__Frame *f)
{
	bool full = f->kind_case == BAKEN__FRAME__KIND_QUOTA;
	const ProtobufCBinaryData *ids = full ? f->quota->device_ids : f->quota_resume->device_ids;
	size_t n = full ? f->quota->n_device_ids : f->quota_resume->n_device_ids;
	json_t *event = bk_event(full ? "quota" : "quota-resume");
	json_t *devices = bk_json_array();

	for (size_t i = 0; i < n; i++) {
		bk_id id = { { 0 } };

		if (!bk_id_from(ids[i].data, ids[i].len, &id))
			bk_json_push_id(devices, id);
	}
	bk_json_put(event, "devices", devices);
	bk_emit(core, event);
	if (!full)
		bk_outbox_wake(core, (bk_id){ { 0 } });
}

/* ---- read by a recipient ---- */

void bk_outbox_read(struct bk_core *core, bk_id logical)
{
	for (size_t i = 0; i < core->outbox.n; i++) {
		struct bk_out *o = core->outbox.rows[i];

		if (!bk_id_equal(o->logical, logical) || o->read_ms)
			continue;
		/* The receipt may overtake the server's own answer: the row ends when both are here. */
		o->read_ms = core->now;
		settle(core, o);
	}
}

static bool is_old(const struct bk_core *core, const struct bk_out *o)
{
	bk_ms since = o->read_ms ? o->read_ms : o->created_ms;
	bk_ms keep = STORED_KEEP_MS;

	if (o->request || o->topup)
		return false;
	if (o->state == BK_OUT_DECRYPTED)
		keep = BK_OUT_KEEP_MS;
	else if (o->state == BK_OUT_REFUSED)
		keep = REFUSED_KEEP_MS;
	else if (o->state != BK_OUT_STORED && !bk_outbox_plumbing(o->kind))
		return false; /* what was never sent is never dropped */
	return core->now > since && core->now - since > keep;
}

void bk_outbox_tick(struct bk_core *core)
{
	for (size_t i = core->outbox.n; i-- > 0;) {
		struct bk_out *o = core->outbox.rows[i];

		if (!is_old(core, o))
			continue;
		/* The server keeps it no longer either: whoever sent it hears so, and can send it again. */
		if (o->state == BK_OUT_STORED && !bk_outbox_plumbing(o->kind))
			refuse(core, o, BK_E_EXPIRED, BK_SAY_UNREAD);
		else
			bk_outbox_remove(core, o);
	}
}
