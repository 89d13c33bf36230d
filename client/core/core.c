/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core.h"

#include <sodium.h>
#include <stdlib.h>

#include "alarm.h"
#include "approvals.h"
#include "cases.h"
#include "crashpoint.h"
#include "engine.h"
#include "exposure.h"
#include "handover.h"
#include "policy.h"
#include "shift.h"

#define EXPIRE_EVERY_MS 3600000u

/* ---- outputs ---- */

static void output_free(struct bk_output *o)
{
	if (!o)
		return;
	for (size_t i = 0; i < sizeof(o->owned) / sizeof(o->owned[0]); i++)
		free(o->owned[i]);
	free(o);
}

static void queue_init(struct bk_queue *q)
{
	q->head = NULL;
	q->tail = &q->head;
}

static struct bk_output *queue_take(struct bk_queue *q)
{
	struct bk_output *o = q->head;

	if (!o)
		return NULL;
	q->head = o->next;
	if (!q->head)
		q->tail = &q->head;
	o->next = NULL;
	return o;
}

static void queue_clear(struct bk_queue *q)
{
	for (struct bk_output *o = queue_take(q); o; o = queue_take(q))
		output_free(o);
}

static void release(struct bk_core *core)
{
	for (struct bk_output *o = queue_take(&core->staged); o; o = queue_take(&core->staged)) {
		o->seq = core->db.seq;
		*core->ready.tail = o;
		core->ready.tail = &o->next;
	}
}

/* ---- a turn ---- */

/* The store failed: nothing of this turn happened, nothing that waited for the disk may leave. */
static int turn_fatal(struct bk_core *core)
{
	int err = core->db.err;
	json_t *event = bk_event("fatal");

	bk_db_abort(&core->db);
	queue_clear(&core->staged);
	queue_clear(&core->ready);
	core->dead = true;
	bk_json_text(event, "error", bk_err_name(err));
	bk_json_text(event, "text", bk_lang_say(BK_SAY_FATAL, err, core->o.lang));
	bk_emit(core, event);
	bk_stage_disconnect(core);
	release(core);
	for (struct bk_output *o = core->ready.head; o; o = o->next)
		o->seq = 0;
	return err;
}

static void turn_pump(struct bk_core *core)
{
	if (!core->signal)
		return;
	bk_approvals_flush(core);
	bk_guidance_flush(core);
	bk_receipts_flush(core);
	bk_upload_pump(core);
	bk_download_pump(core);
	bk_keyring_pump(core);
	bk_timers_pump(core);
	bk_outbox_pump(core);
	bk_duty_pump(core);
	bk_handover_pump(core);
	bk_sessions_flush(core);
	bk_household_learn(core);
	bk_inbox_flush(core);
	bk_prepare_warm(core);
}

static void turn_marks(struct bk_core *core)
{
	if (core->marks & BK_MARK_RECEIVED)
		BK_CRASH_POINT("client-after-commit");
	if (core->marks & BK_MARK_QUEUED)
		BK_CRASH_POINT("client-outbox-committed");
	if (core->marks & BK_MARK_PREPARED)
		BK_CRASH_POINT("client-prepared");
	if (core->marks & BK_MARK_STORED)
		BK_CRASH_POINT("client-stored-received");
	if (core->marks & BK_MARK_PIECE)
		BK_CRASH_POINT("client-file-piece");
}

static int turn_begin(struct bk_core *core, bk_ms now)
{
	output_free(core->given);
	core->given = NULL;
	if (core->dead)
		return BK_E_STATE;
	core->now = now;
	core->marks = 0;
	bk_json_broken();
	return 0;
}

static int turn_end(struct bk_core *core)
{
	if (!core->db.err)
		turn_pump(core);
	if (bk_json_broken())
		bk_db_fail(&core->db, BK_E_NOMEM);
	if (core->marks & BK_MARK_RECEIVED)
		BK_CRASH_POINT("client-before-commit");
	if (!core->db.err)
		bk_db_commit(&core->db);
	if (core->db.err)
		return turn_fatal(core);
	turn_marks(core);
	release(core);
	return 0;
}

/* ---- life ---- */

int bk_core_reload(struct bk_core *core)
{
	int err = bk_self_load(&core->db, &core->self);

	if (err)
		return err;
	if (!core->link.skew_ms)
		core->link.skew_ms = core->self.skew_ms;
	bk_rosters_drop(core);
	bk_signal_close(core->signal);
	core->signal = NULL;
	core->lease_ms = 0;
	core->due_ms = 0;
	core->policy_read = false;
	bk_cases_forget(core);
	core->keyring_idle = false;
	core->handover_looked = false;
	core->shift_ms = core->now;
	core->alarm_ms = bk_alarm_next(core);
	bk_outbox_unload(core);
	if (core->self.stage == BK_STAGE_NONE)
		return 0;
	err = bk_signal_open(&core->db.base, bk_rosters_trust, core, &core->signal);
	return err ? err : bk_outbox_load(core);
}

int bk_core_open(const struct bk_core_options *o, bk_ms now, struct bk_core **ret_core)
{
	struct bk_core *core = NULL;
	int err = sodium_init() < 0 ? BK_E_CRYPTO : 0;

	if (err)
		return err;
	core = calloc(1, sizeof(*core));
	if (!core)
		return BK_E_NOMEM;
	core->o = *o;
	core->now = now;
	core->condition.unlocked = o->unlocked;
	queue_init(&core->staged);
	queue_init(&core->ready);
	bk_db_init(&core->db, o->kv);
	core->arena = bk_arena_new();
	err = core->arena ? bk_core_reload(core) : BK_E_NOMEM;
	if (!err)
		err = bk_attach_sweep(core);
	if (!err && core->db.err)
		err = core->db.err;
	if (err) {
		bk_core_close(core);
		return err;
	}
	*ret_core = core;
	return 0;
}

void bk_core_close(struct bk_core *core)
{
	if (!core)
		return;
	bk_db_abort(&core->db);
	bk_attach_abandon(core);
	bk_unseal_close(&core->transfers.save);
	bk_inbox_offline(core);
	bk_rosters_drop(core);
	bk_outbox_unload(core);
	bk_cases_forget(core);
	bk_signal_close(core->signal);
	json_decref(core->fix);
	bk_arena_free(core->arena);
	queue_clear(&core->staged);
	queue_clear(&core->ready);
	output_free(core->given);
	sodium_memzero(core, sizeof(*core));
	free(core);
}

bool bk_core_is_person(const struct bk_core *core)
{
	return bk_self_enrolled(&core->self) && bk_is_person(core);
}

bool bk_core_wants_link(const struct bk_core *core)
{
	return core->link.wanted;
}

/* ---- in ---- */

int bk_core_command(struct bk_core *core, const char *json, size_t len, bk_ms now)
{
	int err = turn_begin(core, now);

	if (err)
		return err;
	bk_api_command(core, json, len);
	return turn_end(core);
}

int bk_core_connected(struct bk_core *core, const struct bk_core_link *link, bk_ms now)
{
	int err = turn_begin(core, now);

	if (err)
		return err;
	bk_link_connected(core, link);
	return turn_end(core);
}

int bk_core_received(struct bk_core *core, const void *frame, size_t len, bk_ms now)
{
	int err = turn_begin(core, now);

	if (err)
		return err;
	bk_link_received(core, frame, len);
	err = turn_end(core);
	bk_arena_reset(core->arena);
	return err;
}

int bk_core_disconnected(struct bk_core *core, int net_err, bk_ms now)
{
	int err = turn_begin(core, now);

	if (err)
		return err;
	bk_link_disconnected(core, net_err);
	return turn_end(core);
}

/* Bounds of all tables, hour by hour. */
static void expire(struct bk_core *core)
{
	if (core->now < core->expire_ms || !core->signal)
		return;
	core->expire_ms = core->now + EXPIRE_EVERY_MS;
	bk_inbox_expire(core);
	bk_sessions_expire(core);
	bk_alarm_warm(core);
	bk_attach_sweep(core);
	bk_outbox_tick(core);
	bk_guidance_expire(core);
	bk_approvals_expire(core);
	bk_keyring_expire(core);
	bk_exposure_expire(core);
	bk_timers_expire(core);
}

int bk_core_tick(struct bk_core *core, bk_ms now)
{
	int err = turn_begin(core, now);

	if (err)
		return err;
	bk_link_tick(core);
	bk_enrol_tick(core);
	bk_rosters_tick(core);
	bk_cases_tick(core);
	bk_policy_tick(core);
	bk_alerts_tick(core);
	bk_condition_tick(core);
	bk_canaries_tick(core);
	bk_shift_tick(core);
	bk_alarm_tick(core);
	expire(core);
	return turn_end(core);
}

static bk_ms earlier(bk_ms a, bk_ms b)
{
	return a < b ? a : b;
}

bk_ms bk_core_next_tick(const struct bk_core *core)
{
	bk_ms next = bk_link_next(core);

	if (core->dead)
		return BK_NEVER;
	if (!core->signal)
		return next;
	next = earlier(next, bk_enrol_next(core));
	next = earlier(next, bk_outbox_next(core));
	next = earlier(next, bk_transfers_next(core));
	next = earlier(next, bk_condition_next(core));
	next = earlier(next, bk_canaries_next(core));
	if (!core->keyring_idle && core->keyring_retry_ms > core->now && bk_link_online(core))
		next = earlier(next, core->keyring_retry_ms);
	if (bk_shift_next(core))
		next = earlier(next, bk_shift_next(core) > core->now ? bk_shift_next(core) : core->now);
	next = earlier(next, bk_timers_next(core));
	if (core->lease_ms)
		next = earlier(next, core->lease_ms);
	next = earlier(next, bk_alerts_next(core));
	next = earlier(next, core->alarm_ms);
	return earlier(next, core->expire_ms ? core->expire_ms : core->now);
}

int bk_core_http_done(struct bk_core *core, const struct bk_core_http_result *r, bk_ms now)
{
	int err = turn_begin(core, now);

	if (err)
		return err;
	if (r->request && r->request == core->transfers.up_request)
		bk_upload_done(core, r);
	else if (r->request && r->request == core->transfers.down_request)
		bk_download_done(core, r);
	return turn_end(core);
}

int bk_core_file_begin(struct bk_core *core, const char *meta, size_t len, bk_ms now)
{
	int err = turn_begin(core, now);

	return err ? err : bk_attach_begin(core, meta, len);
}

int bk_core_file_data(struct bk_core *core, const void *data, size_t len, bk_ms now)
{
	int err = turn_begin(core, now);

	return err ? err : bk_attach_data(core, data, len);
}

int bk_core_file_end(struct bk_core *core, bk_ms now, bk_id *ret_attachment)
{
	int err = turn_begin(core, now);
	int end = 0;

	if (err)
		return err;
	end = bk_attach_end(core, ret_attachment);
	err = turn_end(core);
	return err ? err : end;
}

void bk_core_file_abandon(struct bk_core *core)
{
	bk_attach_abandon(core);
}

/* The file entry and blob of a message's attachment, when it is complete here. */
static int ready_file(struct bk_core *core, bk_id message, unsigned index, json_t **ret_item, json_t **ret_file,
	bk_id *ret_blob)
{
	json_t *item = bk_items_get(core, message);
	json_t *file = json_array_get(json_object_get(bk_items_private(item), "files"), index);

	if (!file) {
		json_decref(item);
		return BK_E_NOT_FOUND;
	}
	*ret_blob = bk_json_get_id(file, "blob");
	if (!bk_json_get_bool(file, "ready") || bk_id_is_zero(*ret_blob)) {
		json_decref(item);
		return BK_E_INCOMPLETE;
	}
	*ret_item = item;
	*ret_file = file;
	return 0;
}

int bk_core_save_begin(struct bk_core *core, bk_id message, unsigned index, uint64_t *ret_size)
{
	json_t *item = NULL, *file = NULL;
	bk_id blob = { { 0 } };
	int err = core->dead ? BK_E_STATE : ready_file(core, message, index, &item, &file, &blob);

	if (err)
		return err;
	bk_unseal_close(&core->transfers.save);
	err = bk_unseal_open(core, &core->transfers.save, blob, file);
	if (!err)
		*ret_size = core->transfers.save.size;
	json_decref(item);
	return err;
}

int bk_core_save_next(struct bk_core *core, uint8_t *out, size_t max, size_t *ret_len)
{
	return bk_unseal_next(core, &core->transfers.save, out, max, ret_len);
}

void bk_core_save_end(struct bk_core *core)
{
	bk_unseal_close(&core->transfers.save);
}

/* ---- out ---- */

bool bk_core_next(struct bk_core *core, struct bk_core_action *ret_action)
{
	if (core->given && core->given->what == BK_SENT_ACK)
		BK_CRASH_POINT("client-after-ack-sent");
	if (core->given && core->given->what == BK_SENT_SUBMIT)
		BK_CRASH_POINT("client-sent");
	output_free(core->given);
	core->given = NULL;
	for (struct bk_output *o; (o = core->ready.head) && o->seq <= bk_kv_durable(core->o.kv);) {
		(void)queue_take(&core->ready);
		if (o->action.kind == BK_CORE_NONE) {
			core->o.blobs->ops->remove(core->o.blobs, o->remove);
			output_free(o);
			continue;
		}
		if (o->what == BK_SENT_ACK)
			BK_CRASH_POINT("client-before-ack");
		core->given = o;
		*ret_action = o->action;
		return true;
	}
	return false;
}
