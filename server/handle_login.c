/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sodium.h>
#include <stdlib.h>

#include "deliver.h"
#include "handlers.h"
#include "live.h"
#include "login.h"
#include "server.h"
#include "signal_key.h"

#define DAY_MS 86400000ull

struct secrets { /* of a new session, until LoginOk has gone */
	uint8_t ticket[32];
	uint8_t token[32];
};

/* A device learns that it was withdrawn from its registrar's word, never from ours alone. */
static void say(struct bk_conn *c, uint64_t request, int err, uint64_t wait, const struct bk_device_row *row)
{
	c->server->stats.logins_refused++;
	if (err == BK_E_REVOKED && row)
		bk_conn_error_revoked(c, request, row->circle);
	else
		bk_conn_error(c, request, err, wait);
}

static void refuse(struct bk_conn *c, const Baken__Frame *f, int err, uint64_t wait, const struct bk_device_row *row)
{
	say(c, f->request, err, wait, row);
	if (c->wire && err != BK_E_RATE)
		bk_net_close(c->wire, 1008, bk_err_name(err), false);
}

/* The device as the store knows it, allowed to be here now. */
static int look_up(struct bk_conn *c, bk_id device, struct bk_device_row *ret_row)
{
	struct bk_server *s = c->server;
	struct bk_store_view *v = NULL;
	bk_ms now = bk_now();
	int err = bk_store_view_begin(s->store, &v);

	if (!err)
		err = bk_store_device(v, device, ret_row);
	if (v)
		bk_store_view_end(v);
	if (err == BK_E_NOT_FOUND)
		return BK_E_LOGIN;
	if (err)
		return err;
	if (ret_row->status == BAKEN__DEVICE_STATUS__DEVICE_REVOKED)
		return BK_E_REVOKED;
	if (ret_row->status == BAKEN__DEVICE_STATUS__DEVICE_NONE)
		return BK_E_LOGIN;
	if (now + BK_CLOCK_SKEW_MS < ret_row->not_before_ms)
		return BK_E_NOT_YET;
	if (now > ret_row->not_after_ms)
		return BK_E_EXPIRED;
	/* A native device must have bound this TLS connection; only browsers have no exporter. */
	if (c->tls && !c->greeting->has_exporter && !ret_row->browser)
		return BK_E_TLS;
	return 0;
}

static int check_signature(struct bk_conn *c, const Baken__Login *m, const struct bk_device_row *row)
{
	static const uint8_t none[32];
	uint8_t t[BK_LOGIN_TRANSCRIPT_BYTES];
	const uint8_t *exporter = c->greeting->has_exporter && !row->browser ? c->greeting->exporter : none;

	bk_login_transcript(c->server->spki, exporter, c->greeting->nonce, row->device, t);
	if (m->signature.len != BK_SIG_BYTES || bk_identity_verify(row->identity, "", t, sizeof t, m->signature.data) != 0)
		return BK_E_LOGIN;
	return 0;
}

static void add_circle(struct bk_conn *c, bk_id id, Baken__CircleState *states, Baken__CircleState **list, size_t *n)
{
	const struct bk_route *r;

	if (bk_id_is_zero(id))
		return;
	r = bk_route_get(&c->server->routes, c->server->store, id);
	if (!r)
		return;
	baken__circle_state__init(&states[*n]);
	states[*n].circle_id = bk_bytes(r->circle.b, BK_ID_BYTES);
	states[*n].kind = r->kind;
	states[*n].version = r->version;
	list[*n] = &states[*n];
	(*n)++;
}

/* The desk that hears of an alarm which nobody at the first one opens. */
static bk_id fallback_of(const struct bk_conn *c)
{
	bool desk = c->kind == BAKEN__CIRCLE_KIND__CIRCLE_DESK;
	const struct bk_route *r = bk_route_get(&c->server->routes, c->server->store, desk ? c->circle : c->desk);

	return r && c->kind != BAKEN__CIRCLE_KIND__CIRCLE_CARE ? r->fallback : (bk_id){{0}};
}

static void send_ok(struct bk_conn *c, const struct bk_job *job)
{
	struct bk_server *s = c->server;
	const struct secrets *sec = job->more;
	const struct bk_route *own = bk_route_get(&s->routes, s->store, c->circle);
	Baken__CircleState states[4 + BK_HOUSEHOLD_MAX], *list[4 + BK_HOUSEHOLD_MAX];
	Baken__Frame f = BAKEN__FRAME__INIT;
	Baken__LoginOk m = BAKEN__LOGIN_OK__INIT;
	Baken__PrekeysState prekeys = BAKEN__PREKEYS_STATE__INIT;
	struct bk_store_view *v = NULL;
	struct bk_device_row row;
	bk_hash digest;

	add_circle(c, c->circle, states, list, &m.n_circles);
	add_circle(c, c->desk, states, list, &m.n_circles);
	add_circle(c, c->care, states, list, &m.n_circles);
	add_circle(c, fallback_of(c), states, list, &m.n_circles);
	for (size_t i = 0; own && i < own->n_household; i++)
		add_circle(c, own->household[i], states, list, &m.n_circles);
	m.circles = list;
	if (bk_store_view_begin(s->store, &v) == 0) {
		if (bk_store_device(v, c->device, &row) == 0) {
			m.queued = row.queued;
			m.on_duty = row.on_duty;
		}
		if (bk_prekeys_state(v, c->device, &prekeys, &digest) == 0)
			m.prekeys = &prekeys;
		bk_store_view_end(v);
	}
	m.session_id = bk_bytes(c->session.b, BK_ID_BYTES);
	m.ticket = bk_bytes(sec->ticket, sizeof sec->ticket);
	m.ticket_expires_ms = job->op.session.expires_ms;
	m.file_token = bk_bytes(sec->token, sizeof sec->token);
	m.now_ms = bk_now();
	f.request = job->request;
	f.kind_case = BAKEN__FRAME__KIND_LOGIN_OK;
	f.login_ok = &m;
	bk_conn_send(c, &f);
}

static void session_done(struct bk_server *s, struct bk_job *job)
{
	struct bk_conn *c = bk_conn_find(s, job->conn);
	struct secrets *sec = job->more;
	struct bk_device_row row;
	int err;

	if (c && c->phase == BK_PHASE_WAIT) {
		c->phase = BK_PHASE_HELLO;
		err = job->err ? job->err : job->op.result;
		/* Between question and commit the device may have been revoked. */
		if (!err)
			err = look_up(c, c->device, &row);
		if (!err) {
			c->token = bk_hash_of(sec->token, sizeof sec->token);
			err = bk_live_enter(c);
		}
		if (err) {
			say(c, job->request, err, job->err ? 5000 : 0, job->err || job->op.result ? NULL : &row);
			if (c->wire && !job->err && !job->op.session.resume)
				bk_net_close(c->wire, 1008, bk_err_name(err), false);
		} else {
			sodium_memzero(c->greeting, sizeof *c->greeting);
			free(c->greeting);
			c->greeting = NULL;
			send_ok(c, job);
			c->backlog = true;
			bk_deliver_more(c);
		}
	}
	sodium_memzero(sec, sizeof *sec);
	bk_job_free(job);
}

static void enter(struct bk_conn *c, const Baken__Frame *f, const struct bk_device_row *row, const bk_hash *old_ticket)
{
	struct bk_server *s = c->server;
	const struct bk_route *own = bk_route_get(&s->routes, s->store, row->circle);
	struct bk_job *job = bk_job_new(BK_OP_SESSION_PUT, 0);
	struct secrets *sec = malloc(sizeof *sec);

	if (!job || !sec || !own) {
		free(sec);
		bk_job_free(job);
		refuse(c, f, own ? BK_E_NOMEM : BK_E_LOGIN, 0, NULL);
		return;
	}
	c->device = row->device;
	c->account = row->account;
	c->circle = row->circle;
	c->role = row->role;
	c->kind = own->kind;
	c->desk = own->desk;
	c->care = own->care;
	c->session = bk_id_random();
	randombytes_buf(sec, sizeof *sec);
	job->more = sec;
	job->op.session.session = c->session;
	job->op.session.device = c->device;
	memcpy(job->op.session.ticket, sec->ticket, sizeof sec->ticket);
	job->op.session.expires_ms = bk_now() + s->o.session_days * DAY_MS;
	if (old_ticket) {
		job->op.session.resume = true;
		job->op.session.old_ticket = *old_ticket;
	}
	c->phase = BK_PHASE_WAIT;
	bk_handle_push(c, f, job, session_done);
}

static bool rate_ok(struct bk_conn *c, const Baken__Frame *f)
{
	uint64_t wait = bk_throttle_address(&c->server->throttle, c->address, BK_RATE_LOGIN, bk_now());

	if (wait) {
		c->server->stats.rate_refused++;
		refuse(c, f, BK_E_RATE, wait, NULL);
	}
	return wait == 0;
}

void bk_handle_login(struct bk_conn *c, const Baken__Frame *f)
{
	struct bk_device_row row;
	bk_id device;
	int err;

	c->lang = f->login->lang == 1 ? BK_LANG_EN : BK_LANG_NL;
	if (!rate_ok(c, f))
		return;
	err = bk_id_from(f->login->device_id.data, f->login->device_id.len, &device);
	if (!err)
		err = look_up(c, device, &row);
	/* A stranger does not learn whether a device exists or was withdrawn: the signature is judged first. */
	if (err == 0 || err == BK_E_REVOKED || err == BK_E_EXPIRED || err == BK_E_NOT_YET) {
		int bad = check_signature(c, f->login, &row);

		err = bad ? bad : err;
	}
	if (err) {
		refuse(c, f, err, 0, &row);
		return;
	}
	c->server->stats.logins++;
	enter(c, f, &row, NULL);
}

void bk_handle_resume(struct bk_conn *c, const Baken__Frame *f)
{
	struct bk_server *s = c->server;
	struct bk_store_view *v = NULL;
	struct bk_session_row session;
	struct bk_device_row row;
	bk_hash ticket;
	bk_id device;
	int err;

	c->lang = f->resume->lang == 1 ? BK_LANG_EN : BK_LANG_NL;
	if (!rate_ok(c, f))
		return;
	ticket = bk_hash_of(f->resume->ticket.data, f->resume->ticket.len);
	err = bk_id_from(f->resume->device_id.data, f->resume->device_id.len, &device);
	if (!err)
		err = bk_store_view_begin(s->store, &v);
	if (!err)
		err = bk_store_ticket(v, ticket, &session);
	if (v)
		bk_store_view_end(v);
	if (!err && (!bk_id_equal(session.device, device) || session.expires_ms < bk_now()))
		err = BK_E_LOGIN;
	if (!err)
		err = look_up(c, device, &row);
	if (err) {
		/* The device falls back to a signature on this same connection: a ticket is only a shortcut. */
		say(c, f->request, err == BK_E_NOT_FOUND ? BK_E_LOGIN : err, 0, &row);
		return;
	}
	s->stats.resumes++;
	enter(c, f, &row, &ticket);
}
