/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "push.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "handlers.h"
#include "live.h"
#include "log.h"
#include "push_http.h"
#include "push_rule.h"
#include "push_url.h"
#include "push_vapid.h"
#include "server.h"

#define TICK_MS 250u
#define SIGN_AGAIN_MS (BK_PUSH_VAPID_MS / 2)
#define BUSY_MS 500u /* every line is in use */

enum state { WAITING, RUNNING, QUIET };
struct wake {
	bk_id device;
	Baken__Class class;
	enum state state;
	bk_ms due_ms;   /* WAITING: not before; QUIET: forgotten then */
	bk_ms first_ms; /* of the first attempt; 0: none yet */
	unsigned attempt;
	bool here;      /* it connected while this ran */
	bool again;     /* asked for while it ran or was quiet */
	Baken__Class again_class;
	int host;       /* of the attempt that runs */
};
struct host {
	struct bk_push_breaker breaker;
	bk_ms signed_ms;
	char authorization[BK_PUSH_VAPID_TEXT];
};
struct bk_push {
	struct bk_server *server;
	struct bk_push_http *http;
	struct bk_push_vapid *vapid;
	struct bk_idmap by_device;
	uv_timer_t timer;
	bool ticking, stopped;
	struct host hosts[BK_PUSH_HOSTS_MAX];
};

static void on_tick(uv_timer_t *t);

static void forget(struct bk_push *p, struct wake *w)
{
	bk_idmap_del(&p->by_device, w->device);
	free(w);
}

static void wait_until(struct bk_push *p, struct wake *w, bk_ms due)
{
	w->state = WAITING;
	w->due_ms = due;
	if (!p->ticking && !p->stopped)
		p->ticking = uv_timer_start(&p->timer, on_tick, TICK_MS, TICK_MS) == 0;
}

/* ---- whom ---- */

/* Withdrawn, expired or unknown: never. An officer's device off duty: for an alarm only. */
static bool may_wake(const struct bk_device_row *d, Baken__Class class, bk_ms now)
{
	if (d->status != BAKEN__DEVICE_STATUS__DEVICE_ACTIVE || now < d->not_before_ms || now >= d->not_after_ms)
		return false;
	return class == BAKEN__CLASS__CLASS_ALARM || d->on_duty || !bk_roles_is_desk(d->role);
}

/* The endpoint of a device that may be woken for that; BK_E_NOT_FOUND: it has none, or may not. */
static int look_up(struct bk_push *p, bk_id device, Baken__Class class, char endpoint[static BK_PUSH_ENDPOINT_MAX + 1])
{
	struct bk_store_view *v = NULL;
	struct bk_device_row row;
	int err = bk_store_view_begin(p->server->store, &v);

	if (!err)
		err = bk_store_device(v, device, &row);
	if (!err && !may_wake(&row, class, bk_now()))
		err = BK_E_NOT_FOUND;
	if (!err)
		err = bk_store_push(v, device, endpoint, BK_PUSH_ENDPOINT_MAX + 1);
	if (v)
		bk_store_view_end(v);
	return err;
}

/* ---- one attempt ---- */

static int authorize(struct bk_push *p, const struct bk_push_url *url, struct host *h)
{
	char origin[300];
	bk_ms now = bk_now();
	int err;

	if (h->signed_ms && now >= h->signed_ms && now - h->signed_ms < SIGN_AGAIN_MS)
		return 0;
	if (url->port == 443)
		snprintf(origin, sizeof origin, "https://%s", url->host);
	else
		snprintf(origin, sizeof origin, "https://%s:%u", url->host, url->port);
	err = bk_push_vapid_sign(p->vapid, origin, p->server->o.push_contact, now, h->authorization);
	h->signed_ms = err ? 0 : now;
	return err;
}

/* 0: on its way. BK_E_BUSY: later. Anything else: no more. */
static int knock(struct bk_push *p, struct wake *w)
{
	char endpoint[BK_PUSH_ENDPOINT_MAX + 1];
	const struct bk_push_class *rule = bk_push_rule_class(w->class);
	struct bk_push_post post = {.endpoint = endpoint, .urgency = rule->urgency, .ttl_s = rule->ttl_s, .device = w->device};
	struct bk_push_url url;
	struct host *h;
	int err = look_up(p, w->device, w->class, endpoint);

	if (!err)
		err = bk_push_url_parse(endpoint, &url);
	if (!err && (w->host = bk_push_url_listed(&url, p->server->o.push_hosts)) < 0)
		err = BK_E_ROLE; /* the list has changed since */
	if (!err) {
		h = &p->hosts[w->host];
		err = bk_push_breaker_lets(&h->breaker, bk_now()) ? authorize(p, &url, h) : BK_E_BUSY;
		post.authorization = h->authorization;
	}
	if (!err) {
		err = bk_push_http_post(p->http, &post);
		if (err)
			p->hosts[w->host].breaker.trying = false;
	}
	sodium_memzero(endpoint, sizeof endpoint);
	return err == BK_E_FULL || err == BK_E_NOMEM ? BK_E_BUSY : err;
}

static void attempt(struct bk_push *p, struct wake *w)
{
	bk_ms now = bk_now();
	int err = bk_live_device(p->server, w->device) ? BK_E_NOT_FOUND : knock(p, w);

	if (!w->first_ms)
		w->first_ms = now;
	if (!err) {
		w->state = RUNNING;
	} else if (err == BK_E_BUSY && now - w->first_ms < bk_push_rule_class(w->class)->give_up_ms) {
		wait_until(p, w, now + BUSY_MS);
	} else {
		p->server->stats.pushes_dropped += err == BK_E_BUSY;
		forget(p, w);
	}
}

/* ---- the answer ---- */

static void erase_endpoint(struct bk_server *s, bk_id device)
{
	struct bk_job *job = bk_job_new(BK_OP_PUSH_SET, 0);

	if (!job)
		return; /* the next attempt is told the same */
	job->op.now = bk_now();
	job->op.push.device = device;
	bk_writer_push(s->writer, job);
}

/* Asked for again meanwhile: once more; else it is remembered that the device was woken. */
static void rest(struct bk_push *p, struct wake *w)
{
	bk_ms now = bk_now();

	w->first_ms = 0;
	w->attempt = 0;
	if (!w->again && w->here) {
		forget(p, w);
		return;
	}
	if (!w->again) {
		wait_until(p, w, now + BK_PUSH_QUIET_MS); /* keeps the tick going */
		w->state = QUIET;
		return;
	}
	w->again = w->here = false;
	w->class = w->again_class;
	wait_until(p, w, w->class == BAKEN__CLASS__CLASS_NORMAL ? now + BK_PUSH_QUIET_MS : now);
}

static void failed(struct bk_push *p, struct wake *w, const struct bk_push_reply *r)
{
	bk_ms now = bk_now(), asked = bk_push_rule_retry_after(r->retry_after, now);
	bk_ms wait = bk_push_rule_wait(++w->attempt, randombytes_random());
	struct host *h = &p->hosts[w->host];

	if (bk_push_breaker_failed(&h->breaker, now, asked))
		bk_log(BK_LOG_PUSH_DOWN, "host=%d error=%s status=%ld", w->host + 1, bk_err_name(r->err), r->status);
	if (w->again && w->again_class < w->class)
		w->class = w->again_class;
	w->again = false;
	if (now - w->first_ms >= bk_push_rule_class(w->class)->give_up_ms) {
		p->server->stats.pushes_dropped++;
		forget(p, w);
		return;
	}
	p->server->stats.pushes_retried++;
	wait_until(p, w, now + (asked > wait ? asked : wait));
}

static void on_reply(void *arg, const struct bk_push_reply *r)
{
	struct bk_push *p = arg;
	struct bk_stats *stats = &p->server->stats;
	struct wake *w = bk_idmap_find(&p->by_device, r->device);
	enum bk_push_verdict verdict = bk_push_rule_verdict(r->err, r->status);

	if (!w || w->state != RUNNING)
		return;
	if (verdict == BK_PUSH_LATER) {
		failed(p, w, r);
		return;
	}
	if (bk_push_breaker_worked(&p->hosts[w->host].breaker))
		bk_log(BK_LOG_PUSH_UP, "host=%d", w->host + 1);
	if (verdict == BK_PUSH_DONE) {
		stats->pushes++;
		rest(p, w);
		return;
	}
	if (verdict == BK_PUSH_GONE) {
		stats->pushes_gone++;
		erase_endpoint(p->server, w->device);
	} else {
		stats->pushes_refused++;
		bk_log(BK_LOG_PUSH_REFUSED, "host=%d status=%ld", w->host + 1, r->status);
	}
	forget(p, w);
}

static void on_tick(uv_timer_t *t)
{
	struct bk_push *p = t->data;
	bk_ms now = bk_now();
	struct wake *w;
	size_t at = 0;

	while ((w = bk_idmap_next(&p->by_device, &at))) {
		if (w->state == RUNNING || now < w->due_ms)
			continue;
		if (w->state == QUIET)
			forget(p, w);
		else
			attempt(p, w);
	}
	if (!p->by_device.n) {
		uv_timer_stop(&p->timer);
		p->ticking = false;
	}
}

/* ---- asked ---- */

/* A wake for an alarm finds room where an ordinary one waits. */
static bool make_room(struct bk_push *p, Baken__Class class)
{
	struct wake *w;
	size_t at = 0;

	if (p->by_device.n < BK_PUSH_WAKES_MAX)
		return true;
	while ((w = bk_idmap_next(&p->by_device, &at))) {
		if (w->state != QUIET && (w->state == RUNNING || w->class <= class))
			continue;
		p->server->stats.pushes_dropped += w->state != QUIET;
		forget(p, w);
		return true;
	}
	p->server->stats.pushes_dropped++;
	return false;
}

static void ask_again(struct bk_push *p, struct wake *w, Baken__Class class)
{
	if (w->state == WAITING) {
		if (class < w->class) /* does not wait for what an ordinary one waits for */
			w->due_ms = bk_now();
		w->class = bk_push_rule_stronger(w->class, class);
	} else if (w->state == QUIET && class != BAKEN__CLASS__CLASS_NORMAL) {
		w->class = class;
		attempt(p, w);
	} else if (w->state == QUIET) {
		w->class = class;
		wait_until(p, w, w->due_ms);
	} else {
		w->again_class = w->again ? bk_push_rule_stronger(w->again_class, class) : class;
		w->again = true;
	}
}

static void ask(struct bk_push *p, bk_id device, Baken__Class class)
{
	const struct bk_push_class *rule = bk_push_rule_class(class);
	char endpoint[BK_PUSH_ENDPOINT_MAX + 1];
	struct wake *w = bk_idmap_find(&p->by_device, device);

	if (w) {
		ask_again(p, w, class);
		return;
	}
	if (look_up(p, device, class, endpoint) != 0 || !make_room(p, class))
		return;
	sodium_memzero(endpoint, sizeof endpoint);
	w = calloc(1, sizeof *w);
	if (!w || bk_idmap_put(&p->by_device, device, w) != 0) {
		free(w);
		return;
	}
	w->device = device;
	w->class = class;
	wait_until(p, w, bk_now() + rule->delay_ms);
	if (!rule->delay_ms)
		attempt(p, w);
}

void bk_push_wake(struct bk_server *s, bk_id device, Baken__Class class)
{
	if (s->push && !s->push->stopped && bk_push_rule_class(class) && !bk_live_device(s, device))
		ask(s->push, device, class);
}

void bk_push_wake_all(struct bk_server *s, const struct bk_job *job)
{
	for (size_t i = 0; s->push && i < job->op.submit.n_capsules; i++)
		if (job->op.submit.capsules[i].seq)
			bk_push_wake(s, job->op.submit.capsules[i].device, job->op.submit.class);
}

void bk_push_here(struct bk_server *s, bk_id device)
{
	struct wake *w = s->push ? bk_idmap_find(&s->push->by_device, device) : NULL;

	if (w && w->state != RUNNING)
		forget(s->push, w);
	else if (w)
		w->here = true;
}

void bk_push_left(struct bk_server *s, const struct bk_conn *c)
{
	Baken__Class class = BAKEN__CLASS__CLASS_BULK;

	if (s->stopping)
		return;
	for (uint32_t i = 0; i < c->n_flight; i++) /* its class is in a delivery's number */
		if (!c->flight[i].acked)
			class = bk_push_rule_stronger(class, (Baken__Class)(c->flight[i].seq & 7));
	bk_push_wake(s, c->device, class);
}

/* ---- life ---- */

int bk_push_endpoint_ok(const struct bk_server *s, const char *endpoint)
{
	struct bk_push_url url;

	if (!s->push)
		return BK_E_UNSUPPORTED;
	if (bk_push_url_parse(endpoint, &url) != 0)
		return BK_E_INVAL;
	return bk_push_url_listed(&url, s->o.push_hosts) < 0 ? BK_E_ROLE : 0;
}

const uint8_t *bk_push_key(const struct bk_push *p)
{
	return p ? bk_push_vapid_public(p->vapid) : NULL;
}

size_t bk_push_waiting(const struct bk_push *p)
{
	return p ? p->by_device.n : 0;
}

int bk_push_start(struct bk_server *s, struct bk_push **ret_push)
{
	struct bk_push *p;
	int err;

	if (!*s->o.push_hosts)
		return 0;
	p = calloc(1, sizeof *p);
	if (!p)
		return BK_E_NOMEM;
	p->server = s;
	err = bk_push_vapid_open(s->o.push_key, &p->vapid);
	if (!err)
		err = bk_push_http_start(s->loop, s->o.push_ca, s->o.push_near, on_reply, p, &p->http);
	if (err) {
		bk_push_vapid_close(p->vapid);
		free(p);
		return err;
	}
	uv_timer_init(s->loop, &p->timer);
	p->timer.data = p;
	*ret_push = p;
	return 0;
}

struct resume {
	struct bk_server *server;
	struct bk_store_view *view;
};

static int first_class(void *arg, const struct bk_delivery_row *row)
{
	*(Baken__Class *)arg = row->class;
	return 1;
}

static int resume_device(void *arg, bk_id device)
{
	struct resume *r = arg;
	struct bk_delivery_pos pos = {0};
	Baken__Class class = BAKEN__CLASS__CLASS_NONE;

	(void)bk_store_deliveries(r->view, device, &pos, 1, first_class, &class); /* the strongest comes first */
	bk_push_wake(r->server, device, class);
	return 0;
}

void bk_push_resume(struct bk_server *s)
{
	struct resume r = {.server = s};

	if (!s->push || bk_store_view_begin(s->store, &r.view) != 0)
		return;
	(void)bk_store_pushes(r.view, resume_device, &r);
	bk_store_view_end(r.view);
}

void bk_push_stop(struct bk_push *p)
{
	struct wake *w;
	size_t at = 0;

	if (!p || p->stopped)
		return;
	p->stopped = true;
	bk_push_http_stop(p->http);
	uv_close((uv_handle_t *)&p->timer, NULL);
	while ((w = bk_idmap_next(&p->by_device, &at)))
		free(w);
}

void bk_push_free(struct bk_push *p)
{
	if (!p)
		return;
	bk_idmap_done(&p->by_device);
	bk_push_http_free(p->http);
	bk_push_vapid_close(p->vapid);
	free(p);
}
