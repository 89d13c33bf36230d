/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "link.h"

#include <sodium.h>
#include <stdlib.h>

#include "cases.h"
#include "engine.h"
#include "handover.h"
#include "shift.h"
#include "hello.h"
#include "waking.h"

#define BACKOFF_MIN_MS 1000u
#define BACKOFF_MAX_MS 300000u
#define CONNECT_MS 60000u
#define HANDSHAKE_MS 20000u
#define CLOSING_MS 3000u

static void tell(struct bk_core *core, const char *state, int err, bk_ms retry_ms)
{
	json_t *event = bk_event("link");

	bk_json_text(event, "state", state);
	if (err)
		bk_event_error(core, event, err);
	bk_json_ms(event, "retry_ms", retry_ms);
	bk_emit(core, event);
}

bool bk_link_online(const struct bk_core *core)
{
	return core->link.state == BK_LINK_ONLINE;
}

bool bk_link_busy(const struct bk_core *core)
{
	return core->link.n_requests + 16 >= BK_REQUESTS_MAX;
}

/* Full jitter over the upper half: a server that restarts is not met by all of its clients at once. */
static bk_ms backoff(struct bk_core *core)
{
	unsigned n = core->link.failures < 9 ? core->link.failures : 9;
	uint32_t top = BACKOFF_MIN_MS << n;
	bk_ms wait = 0;

	if (top > BACKOFF_MAX_MS)
		top = BACKOFF_MAX_MS;
	wait = top / 2 + randombytes_uniform(top / 2 + 1);
	if (wait < core->link.retry_min)
		wait = core->link.retry_min + randombytes_uniform((uint32_t)BACKOFF_MIN_MS);
	core->link.retry_min = 0;
	core->link.failures++;
	return wait;
}

static void start_connect(struct bk_core *core)
{
	core->link.state = BK_LINK_CONNECTING;
	core->link.at = core->now + CONNECT_MS;
	tell(core, "connecting", 0, 0);
	bk_stage_connect(core);
}

static void forget_session(struct bk_core *core)
{
	core->link.n_requests = 0;
	core->link.caught_up = false;
	sodium_memzero(core->link.token, sizeof(core->link.token));
	bk_outbox_offline(core);
	bk_inbox_offline(core);
	bk_rosters_offline(core);
	bk_sessions_offline(core);
	bk_transfers_offline(core);
	bk_duty_offline(core);
	bk_timers_offline(core);
}

/* Commands that wait for an answer of this connection get one now. */
static void fail_commands(struct bk_core *core, int err)
{
	for (size_t i = 0; i < core->link.n_requests; i++) {
		struct bk_request *r = &core->link.requests[i];

		if (r->command)
			bk_api_error(core, r->command_id, err, BK_SAY_OFFLINE);
	}
}

static void went_off(struct bk_core *core, int err, bk_ms wait)
{
	fail_commands(core, BK_E_NET);
	forget_session(core);
	if (!core->link.wanted) {
		core->link.state = BK_LINK_OFF;
		tell(core, "offline", err, 0);
		return;
	}
	core->link.state = BK_LINK_WAIT;
	core->link.at = core->now + wait;
	tell(core, "offline", err, wait);
}

void bk_link_want(struct bk_core *core, bool wanted)
{
	struct bk_link *l = &core->link;

	l->wanted = wanted;
	if (wanted) {
		if (l->state == BK_LINK_OFF || l->state == BK_LINK_WAIT) {
			l->failures = 0;
			start_connect(core);
		}
		return;
	}
	if (l->state == BK_LINK_OFF)
		return;
	if (l->state == BK_LINK_WAIT) {
		l->state = BK_LINK_OFF;
		tell(core, "offline", 0, 0);
		return;
	}
	bk_link_drop(core, 0);
}

void bk_link_drop(struct bk_core *core, int err)
{
	if (core->link.state == BK_LINK_OFF || core->link.state == BK_LINK_WAIT ||
		core->link.state == BK_LINK_CLOSING)
		return;
	bk_stage_disconnect(core);
	went_off(core, err, backoff(core));
	/* The socket may still speak until the rim has closed it: nothing is read or opened before that. */
	core->link.state = BK_LINK_CLOSING;
	if (core->link.at < core->now + 1)
		core->link.at = core->now + 1;
}

void bk_link_again(struct bk_core *core)
{
	bk_stage_disconnect(core);
	forget_session(core);
	core->link.failures = 0;
	core->link.state = BK_LINK_CLOSING;
	core->link.at = core->now;
}

int bk_link_connected(struct bk_core *core, const struct bk_core_link *peer)
{
	struct bk_link *l = &core->link;

	if (l->state != BK_LINK_CONNECTING) {
		bk_stage_disconnect(core);
		return 0;
	}
	l->peer = *peer;
	l->state = BK_LINK_HELLO;
	l->at = core->now + HANDSHAKE_MS;
	return 0;
}

int bk_link_disconnected(struct bk_core *core, int err)
{
	struct bk_link *l = &core->link;

	switch (l->state) {
	case BK_LINK_OFF:
	case BK_LINK_WAIT:
		return 0;
	case BK_LINK_CLOSING:
		l->state = l->wanted ? BK_LINK_WAIT : BK_LINK_OFF;
		if (l->wanted && l->at <= core->now)
			start_connect(core);
		return 0;
	case BK_LINK_CONNECTING:
	case BK_LINK_HELLO:
	case BK_LINK_ENROL:
	case BK_LINK_LOGIN:
	case BK_LINK_ONLINE:
		break;
	}
	went_off(core, err ? err : BK_E_NET, backoff(core));
	return 0;
}

static void time_out_requests(struct bk_core *core)
{
	for (size_t i = 0; i < core->link.n_requests; i++) {
		const struct bk_request *r = &core->link.requests[i];

		if (r->deadline && r->deadline <= core->now) {
			bk_link_drop(core, BK_E_TIMEOUT);
			return;
		}
	}
}

void bk_link_tick(struct bk_core *core)
{
	struct bk_link *l = &core->link;

	switch (l->state) {
	case BK_LINK_OFF:
		return;
	case BK_LINK_WAIT:
		if (l->at <= core->now)
			start_connect(core);
		return;
	case BK_LINK_CLOSING:
		if (l->at + CLOSING_MS <= core->now)
			bk_link_disconnected(core, 0);
		return;
	case BK_LINK_CONNECTING:
	case BK_LINK_HELLO:
	case BK_LINK_LOGIN:
		if (l->at <= core->now)
			bk_link_drop(core, BK_E_TIMEOUT);
		return;
	case BK_LINK_ENROL:
	case BK_LINK_ONLINE:
		time_out_requests(core);
		return;
	}
}

bk_ms bk_link_next(const struct bk_core *core)
{
	const struct bk_link *l = &core->link;
	bk_ms next = BK_NEVER;

	if (l->state == BK_LINK_OFF)
		return BK_NEVER;
	if (l->state == BK_LINK_CLOSING)
		return l->at + CLOSING_MS;
	if (l->state != BK_LINK_ENROL && l->state != BK_LINK_ONLINE)
		return l->at;
	for (size_t i = 0; i < l->n_requests; i++)
		if (l->requests[i].deadline && l->requests[i].deadline < next)
			next = l->requests[i].deadline;
	return next;
}

/* ---- requests ---- */

static struct bk_request *request_add(struct bk_core *core, enum bk_request_kind kind)
{
	struct bk_link *l = &core->link;
	struct bk_request *r = NULL;

	if (l->n_requests == BK_REQUESTS_MAX)
		return NULL;
	r = &l->requests[l->n_requests++];
	*r = (struct bk_request){ .number = ++l->last_number, .kind = kind };
	r->deadline = core->now + BK_REQUEST_MS;
	return r;
}

struct bk_request *bk_link_request(struct bk_core *core, enum bk_request_kind kind, Baken__Frame *f)
{
	struct bk_request *r = request_add(core, kind);
	uint8_t *buf = NULL;
	size_t len = 0;
	int err = 0;

	if (!r)
		return NULL;
	f->request = r->number;
	err = bk_frame_encode_new(f, &buf, &len);
	if (err) {
		core->link.n_requests--;
		bk_db_fail(&core->db, err);
		return NULL;
	}
	bk_stage_frame(core, buf, len, BK_SENT_OTHER);
	return r;
}

/* A field that comes first on the wire may be written first: number, then the stored rest of the message. */
struct bk_request *bk_link_request_raw(struct bk_core *core, enum bk_request_kind kind, const uint8_t *frame,
	size_t len)
{
	struct bk_request *r = request_add(core, kind);
	uint8_t *buf = r ? malloc(len + 11) : NULL;
	size_t n = 0;

	if (!r)
		return NULL;
	if (!buf) {
		core->link.n_requests--;
		bk_db_fail(&core->db, BK_E_NOMEM);
		return NULL;
	}
	buf[n++] = 0x08; /* field 1, varint */
	for (uint64_t v = r->number; ; v >>= 7) {
		buf[n++] = (uint8_t)((v & 0x7f) | (v > 0x7f ? 0x80 : 0));
		if (v <= 0x7f)
			break;
	}
	memcpy(buf + n, frame, len);
	bk_stage_frame(core, buf, n + len, kind == BK_REQ_SUBMIT && !core->outbox.aside ? BK_SENT_SUBMIT : BK_SENT_OTHER);
	return r;
}

void bk_link_send(struct bk_core *core, const Baken__Frame *f)
{
	uint8_t *buf = NULL;
	size_t len = 0;
	int err = bk_frame_encode_new(f, &buf, &len);

	if (err)
		bk_db_fail(&core->db, err);
	else
		bk_stage_frame(core, buf, len,
			f->kind_case == BAKEN__FRAME__KIND_ACK ? BK_SENT_ACK : BK_SENT_OTHER);
}

bool bk_link_pending(const struct bk_core *core, enum bk_request_kind kind, bk_id id)
{
	for (size_t i = 0; i < core->link.n_requests; i++) {
		const struct bk_request *r = &core->link.requests[i];

		if (r->kind == kind && bk_id_equal(r->id, id))
			return true;
	}
	return false;
}

void bk_link_forget(struct bk_core *core, uint64_t last)
{
	struct bk_link *l = &core->link;

	while (l->n_requests && l->requests[l->n_requests - 1].number > last)
		l->n_requests--;
}

static void request_drop(struct bk_core *core, uint64_t number)
{
	struct bk_link *l = &core->link;

	for (size_t i = 0; i < l->n_requests; i++) {
		if (l->requests[i].number != number)
			continue;
		memmove(&l->requests[i], &l->requests[i + 1],
			(l->n_requests - i - 1) * sizeof(l->requests[0]));
		l->n_requests--;
		return;
	}
}

static bool request_find(const struct bk_core *core, uint64_t number, struct bk_request *ret_request)
{
	for (size_t i = 0; number && i < core->link.n_requests; i++)
		if (core->link.requests[i].number == number) {
			*ret_request = core->link.requests[i];
			return true;
		}
	return false;
}

/* ---- frames ---- */

/*
 * Only our registrar withdraws us: what the server says of it is nothing without the list that says so. With it,
 * taking in that list has wiped everything.
 */
static bool proves_withdrawal(struct bk_core *core, const Baken__Error *e)
{
	bk_id circle = { { 0 } };

	return e->roster && bk_self_enrolled(&core->self) && bk_rosters_put(core, e->roster, &circle) == BK_E_REVOKED;
}

static void on_error(struct bk_core *core, const Baken__Frame *f, const struct bk_request *r)
{
	const Baken__Error *e = f->error;
	int err = e->code < 0 ? e->code : BK_E_INTERNAL;

	if (err == BK_E_REVOKED && proves_withdrawal(core, e))
		return;
	switch (r->kind) {
	case BK_REQ_ENROL:
		bk_enrol_on_error(core, err);
		break;
	case BK_REQ_LOGIN:
	case BK_REQ_RESUME:
		bk_hello_on_refused(core, r, err);
		break;
	case BK_REQ_SUBMIT:
		bk_outbox_on_error(core, r, e);
		break;
	case BK_REQ_ROSTER:
		bk_rosters_on_error(core, r, err);
		break;
	case BK_REQ_BUNDLES:
		bk_sessions_on_error(core, r);
		break;
	case BK_REQ_CLAIM:
		if (r->verb == BAKEN__CLAIM__VERB__GIVE)
			bk_handover_on_give_error(core, r, err);
		else
			bk_cases_on_error(core, r, err);
		break;
	case BK_REQ_BODY:
		bk_keyring_on_error(core, r, err);
		break;
	case BK_REQ_PUSH:
		bk_waking_on_refused(core, err);
		if (r->command)
			bk_api_error(core, r->command_id, err, BK_SAY_NOTHING);
		break;
	case BK_REQ_WATCH:
		bk_timers_on_error(core, r, err);
		break;
	case BK_REQ_DUTY:
	case BK_REQ_CIRCLES:
	case BK_REQ_PREKEYS:
	case BK_REQ_DRILL:
	case BK_REQ_PATH:
	case BK_REQ_NONE:
		if (r->command)
			bk_api_error(core, r->command_id, err, BK_SAY_NOTHING);
		else if (!r->number)
			bk_link_drop(core, err);
		break;
	}
}

static void on_duty_state(struct bk_core *core, const Baken__DutyState *m, const struct bk_request *r)
{
	json_t *event = bk_event("duty"), *answer = NULL;
	bk_rosters_on_duty(core, core->self.circle, m->on_duty, m->n_on_duty);
	bk_duty_on_state(core, m->on, r);
	bk_json_bool(event, "on", m->on);
	bk_json_int(event, "on_duty", m->n_on_duty);
	bk_emit(core, event);
	if (!r->command)
		return;
	answer = bk_json_object();
	bk_json_bool(answer, "on", m->on);
	bk_json_put(answer, "gaps", bk_shift_gaps_soon(core));
	bk_api_ok(core, r->command_id, answer);
}

static void on_dead_letter(struct bk_core *core, const Baken__DeadLetter *m)
{
	json_t *event = bk_event("dead-letter");
	bk_id message = { { 0 } };
	const struct bk_out *o = NULL;

	bk_id_from(m->message_id.data, m->message_id.len, &message);
	o = bk_outbox_find(core, message);
	bk_json_id(event, "message", o ? o->logical : message);
	bk_json_hex(event, "device", m->device_id.data, m->device_id.len);
	bk_emit(core, event);
}

static void on_go_away(struct bk_core *core, const Baken__GoAway *m)
{
	core->link.retry_min = m->retry_after_ms < BACKOFF_MAX_MS ? m->retry_after_ms : BACKOFF_MAX_MS;
	core->link.failures = 0;
	bk_link_drop(core, BK_E_BUSY);
}

static void on_session_frame(struct bk_core *core, const Baken__Frame *f, const struct bk_request *r)
{
	switch ((int)f->kind_case) {
	case BAKEN__FRAME__KIND_STORED:
		bk_outbox_on_stored(core, f->stored);
		break;
	case BAKEN__FRAME__KIND_DELIVER:
		bk_inbox_on_deliver(core, f->deliver);
		break;
	case BAKEN__FRAME__KIND_CAUGHT_UP:
		core->link.caught_up = true;
		tell(core, "caught-up", 0, 0);
		bk_inbox_on_caught_up(core);
		break;
	case BAKEN__FRAME__KIND_ROSTERS:
		bk_rosters_on_rosters(core, f->rosters, r);
		break;
	case BAKEN__FRAME__KIND_ROSTER_CHANGED:
		bk_rosters_on_changed(core, f->roster_changed);
		break;
	case BAKEN__FRAME__KIND_CIRCLES:
		bk_rosters_on_circles(core, f->circles);
		break;
	case BAKEN__FRAME__KIND_PREKEYS_STATE:
		bk_sessions_on_state(core, f->prekeys_state, false);
		break;
	case BAKEN__FRAME__KIND_PREKEY_BUNDLES:
		bk_sessions_on_bundles(core, f->prekey_bundles, r);
		break;
	case BAKEN__FRAME__KIND_DUTY_STATE:
		on_duty_state(core, f->duty_state, r);
		break;
	case BAKEN__FRAME__KIND_PUSH_STATE:
		bk_waking_on_state(core, f->push_state, r);
		break;
	case BAKEN__FRAME__KIND_CLAIM_STATE:
		bk_cases_on_claim(core, f->claim_state, r);
		break;
	case BAKEN__FRAME__KIND_BODY_DATA:
		bk_keyring_on_body(core, f->body_data, r);
		break;
	case BAKEN__FRAME__KIND_WATCH_STATE:
		bk_timers_on_state(core, f->watch_state, r);
		break;
	case BAKEN__FRAME__KIND_WAKE:
		bk_alarm_desk_on_wake(core, f->wake);
		break;
	case BAKEN__FRAME__KIND_QUOTA:
	case BAKEN__FRAME__KIND_QUOTA_RESUME:
		bk_outbox_on_quota(core, f);
		break;
	case BAKEN__FRAME__KIND_DRILL:
		bk_enrol_on_echo(core, f->drill);
		break;
	case BAKEN__FRAME__KIND_PATH_HEALTH:
		break; /* heard */
	case BAKEN__FRAME__KIND_DEAD_LETTER:
		on_dead_letter(core, f->dead_letter);
		break;
	default:
		bk_link_drop(core, BK_E_INVAL); /* not a frame for this state */
	}
}

/* Stored is batched: each item names the request it answers. */
static void drop_answered(struct bk_core *core, const Baken__Frame *f, const struct bk_request *r)
{
	if (f->kind_case == BAKEN__FRAME__KIND_STORED) {
		for (size_t i = 0; i < f->stored->n_items; i++)
			request_drop(core, f->stored->items[i]->request);
		return;
	}
	/* The registrar's answer comes later on the same request. */
	if (f->kind_case == BAKEN__FRAME__KIND_ENROL_STATE)
		return;
	request_drop(core, r->number);
}

static void on_frame(struct bk_core *core, const Baken__Frame *f)
{
	struct bk_request r = { .kind = BK_REQ_NONE };
	enum bk_link_state state = core->link.state;

	if (f->request && f->kind_case != BAKEN__FRAME__KIND_STORED && !request_find(core, f->request, &r))
		return; /* answer to something given up */
	drop_answered(core, f, &r);
	if (f->kind_case == BAKEN__FRAME__KIND_ERROR)
		on_error(core, f, &r);
	else if (f->kind_case == BAKEN__FRAME__KIND_GO_AWAY)
		on_go_away(core, f->go_away);
	else if (state == BK_LINK_HELLO && f->kind_case == BAKEN__FRAME__KIND_HELLO)
		bk_hello_received(core, f->hello);
	else if (state == BK_LINK_ENROL && f->kind_case == BAKEN__FRAME__KIND_ENROL_STATE)
		bk_enrol_on_state(core, f->enrol_state);
	else if (state == BK_LINK_LOGIN && f->kind_case == BAKEN__FRAME__KIND_LOGIN_OK)
		bk_hello_logged_in(core, f->login_ok);
	else if (state == BK_LINK_ONLINE)
		on_session_frame(core, f, &r);
	else
		bk_link_drop(core, BK_E_INVAL);
}

int bk_link_received(struct bk_core *core, const void *frame, size_t len)
{
	Baken__Frame *f = NULL;
	int err = 0;

	switch (core->link.state) {
	case BK_LINK_OFF:
	case BK_LINK_WAIT:
	case BK_LINK_CLOSING:
	case BK_LINK_CONNECTING:
		return 0; /* the socket is being closed */
	case BK_LINK_HELLO:
	case BK_LINK_ENROL:
	case BK_LINK_LOGIN:
	case BK_LINK_ONLINE:
		break;
	}
	err = bk_frame_decode(core->arena, BK_FROM_SERVER, frame, len, &f);
	if (err) {
		bk_link_drop(core, err);
		return err;
	}
	on_frame(core, f);
	return 0;
}

void bk_link_tell_online(struct bk_core *core)
{
	struct bk_link *l = &core->link;

	l->state = BK_LINK_ONLINE;
	l->failures = 0;
	tell(core, "online", 0, 0);
}
