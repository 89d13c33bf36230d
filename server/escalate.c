/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "escalate.h"

#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#include "handlers.h"
#include "hook.h"
#include "ladder.h"
#include "live.h"
#include "log.h"
#include "push.h"
#include "roles.h"
#include "server.h"

#define STEPS_MAX 64u          /* in one tick */
#define HOOK_TRIES 3u
#define HOOK_AGAIN_MS 60000u

/* What was done in this life of the process, and may not be written down yet. */
struct done {
	bk_id message;
	unsigned level, tries;
	bool running;
	bk_ms again_ms; /* of the hook */
};
struct bk_escalate {
	struct bk_server *server;
	struct bk_ladder_times times;
	struct bk_hooks *hooks; /* NULL: none configured */
	struct bk_idmap done;   /* message -> struct done */
};
struct step {
	struct bk_ladder_row row;
	unsigned level;
	uint64_t late_ms;
};
struct round {
	struct bk_escalate *e;
	bk_ms now;
	struct step steps[STEPS_MAX];
	size_t n, rows;
};

/* ---- memory ---- */

static void forget_all(struct bk_escalate *e)
{
	size_t at = 0;
	struct done *d;

	while ((d = bk_idmap_next(&e->done, &at)))
		free(d);
	bk_idmap_done(&e->done);
	e->done = (struct bk_idmap){.n = 0};
}

static struct done *done_of(struct bk_escalate *e, bk_id message)
{
	struct done *d = bk_idmap_find(&e->done, message);

	if (d)
		return d;
	d = calloc(1, sizeof *d);
	if (d && bk_idmap_put(&e->done, message, d) != 0) {
		free(d);
		d = NULL;
	}
	if (d)
		d->message = message;
	return d;
}

static void write_down(struct bk_server *s, bk_id message, unsigned level)
{
	struct bk_job *job = bk_job_new(BK_OP_LADDER_STEP, 0);

	if (!job)
		return; /* done, and tried again after a restart */
	job->op.now = bk_now();
	job->op.ladder.message = message;
	job->op.ladder.level = level;
	bk_writer_push(s->writer, job);
}

/* ---- waking ---- */

static void send_wake(struct bk_conn *c, const struct step *step)
{
	Baken__Frame f = BAKEN__FRAME__INIT;
	Baken__Wake m = BAKEN__WAKE__INIT;

	m.circle_id = bk_bytes(step->row.desk.b, BK_ID_BYTES);
	m.level = step->level;
	m.stored_ms = step->row.stored_ms;
	m.drill = step->row.drill;
	f.kind_case = BAKEN__FRAME__KIND_WAKE;
	f.wake = &m;
	bk_conn_send(c, &f);
}

/* Every officer's device of a desk, on duty or not. A vault sleeps well. */
static size_t wake(struct bk_server *s, bk_id circle, const struct step *step, bk_ms now)
{
	const struct bk_route *r = bk_route_get(&s->routes, s->store, circle);
	size_t n = 0;

	for (size_t i = 0; r && i < r->n_devices; i++) {
		const struct bk_route_device *d = &r->devices[i];
		struct bk_conn *c;

		if (!bk_route_usable(d, now) || !bk_roles_is_desk(d->role) || (step->row.drill && !d->on_duty))
			continue; /* a drill gets nobody out of bed */
		n++;
		c = bk_live_device(s, d->device);
		if (c)
			send_wake(c, step);
		else
			bk_push_wake(s, d->device, BAKEN__CLASS__CLASS_ALARM);
	}
	s->stats.wakes += n;
	return n;
}

static void wake_step(struct bk_server *s, const struct step *step, bk_ms now)
{
	const bk_id whose[BK_LADDER_LEVELS + 1] = {[1] = step->row.desk, [2] = step->row.fallback};
	bk_id circle = whose[step->level]; /* after the third without a hook there is nobody left to wake */
	size_t n = bk_id_is_zero(circle) ? 0 : wake(s, circle, step, now);

	s->stats.alarms_unseen += step->level == 1;
	s->stats.alarms_fallback += step->level == 2;
	bk_log(BK_LOG_ALARM_UNSEEN, "alarm=%s level=%u woken=%zu late_ms=%llu drill=%d", bk_log_device(step->row.message),
		step->level, n, (unsigned long long)step->late_ms, step->row.drill);
	bk_audit(s, "ALARM-UNSEEN", "alarm=%s level=%u woken=%zu late_ms=%llu drill=%d",
		bk_log_device(step->row.message), step->level, n, (unsigned long long)step->late_ms, step->row.drill);
}

/* ---- the hook ---- */

static void hook_done(void *arg, const struct bk_hook_facts *facts, int code, bool killed)
{
	struct bk_escalate *e = arg;
	struct bk_server *s = e->server;
	struct done *d = bk_idmap_find(&e->done, facts->alarm);

	bk_log(code ? BK_LOG_HOOK_FAILED : BK_LOG_HOOK, "alarm=%s exit=%d killed=%d drill=%d", facts->shown, code, killed,
		facts->drill);
	bk_audit(s, "HOOK", "alarm=%s exit=%d killed=%d drill=%d", facts->shown, code, killed, facts->drill);
	s->stats.hooks_failed += code != 0;
	if (!d)
		return;
	d->running = false;
	if (code && ++d->tries < HOOK_TRIES) {
		d->again_ms = bk_now() + HOOK_AGAIN_MS;
		return;
	}
	d->level = BK_LADDER_LEVELS;
	write_down(s, facts->alarm, BK_LADDER_LEVELS);
}

static bool wants_hook(const struct bk_escalate *e, const struct step *step)
{
	return e->hooks && (!step->row.drill || e->server->o.alarm_hook_drills);
}

static void hook_step(struct bk_escalate *e, const struct step *step, struct done *d, bk_ms now)
{
	struct bk_hook_facts facts = {.alarm = step->row.message, .level = step->level, .stored_ms = step->row.stored_ms,
		.late_ms = step->late_ms, .drill = step->row.drill};
	int err;

	if (d->running || d->again_ms > now)
		return;
	memcpy(facts.shown, bk_log_device(step->row.message), sizeof facts.shown);
	err = bk_hooks_run(e->hooks, &facts, hook_done, e);
	if (err == BK_E_BUSY)
		return; /* at the next tick */
	e->server->stats.hooks++;
	d->running = true;
	if (err)
		hook_done(e, &facts, 127, false);
}

static void other_done(void *arg, const struct bk_hook_facts *facts, int code, bool killed)
{
	struct bk_server *s = arg;

	bk_log(code ? BK_LOG_HOOK_FAILED : BK_LOG_HOOK, "event=%s exit=%d killed=%d", facts->event, code, killed);
	bk_audit(s, "HOOK", "event=%s exit=%d killed=%d", facts->event, code, killed);
	s->stats.hooks_failed += code != 0;
}

void bk_escalate_hook(struct bk_server *s, const struct bk_hook_facts *facts)
{
	struct bk_escalate *e = s->escalate;

	if (!e || !e->hooks)
		return;
	s->stats.hooks++;
	if (bk_hooks_run(e->hooks, facts, other_done, s))
		other_done(s, facts, 127, false);
}

/* ---- each second ---- */

static int collect(void *arg, const struct bk_ladder_row *row)
{
	struct round *r = arg;
	const struct done *d = bk_idmap_find(&r->e->done, row->message);
	struct bk_ladder_row as = *row;
	struct step *step = &r->steps[r->n];

	r->rows++;
	if (d && d->level > as.level)
		as.level = d->level;
	step->row = as;
	step->level = bk_ladder_due(&r->e->times, &as, r->now, &step->late_ms);
	r->n += step->level != 0;
	return r->n == STEPS_MAX;
}

static void take(struct bk_escalate *e, const struct step *step, bk_ms now)
{
	struct done *d = done_of(e, step->row.message);

	if (!d)
		return; /* no memory: at the next tick */
	if (step->level == BK_LADDER_LEVELS && wants_hook(e, step)) {
		hook_step(e, step, d, now);
		return;
	}
	wake_step(e->server, step, now);
	d->level = step->level;
	write_down(e->server, step->row.message, step->level);
}

void bk_escalate_tick(struct bk_server *s, bk_ms now)
{
	struct round r = {.e = s->escalate, .now = now};
	struct bk_store_view *v = NULL;

	if (!s->escalate || s->stopping || bk_store_frozen(s->store) || bk_store_view_begin(s->store, &v) != 0)
		return;
	(void)bk_store_ladder(v, collect, &r);
	bk_store_view_end(v);
	if (!r.rows && s->escalate->done.n)
		forget_all(s->escalate);
	for (size_t i = 0; i < r.n; i++)
		take(s->escalate, &r.steps[i], now);
}

/* ---- life ---- */

static uid_t runs_as(const struct bk_server *s)
{
	const struct passwd *pw = *s->o.user ? getpwnam(s->o.user) : NULL;

	return pw ? pw->pw_uid : getuid();
}

int bk_escalate_check(const struct bk_server *s)
{
	return *s->o.alarm_hook ? bk_hook_check(s->o.alarm_hook, runs_as(s)) : 0;
}

int bk_escalate_start(struct bk_server *s, struct bk_escalate **ret_escalate)
{
	struct bk_escalate *e = calloc(1, sizeof *e);
	int err = 0;

	if (!e)
		return BK_E_NOMEM;
	e->server = s;
	e->times = (struct bk_ladder_times){{s->o.alarm_t1 * 1000, s->o.alarm_t2 * 1000, s->o.alarm_t3 * 1000}};
	if (*s->o.alarm_hook)
		err = bk_hooks_start(s->loop, s->o.alarm_hook, s->o.alarm_hook_seconds, &e->hooks);
	if (err)
		free(e);
	else
		*ret_escalate = e;
	return err;
}

void bk_escalate_stop(struct bk_escalate *e)
{
	if (e && e->hooks)
		bk_hooks_stop(e->hooks);
}

void bk_escalate_free(struct bk_escalate *e)
{
	if (!e)
		return;
	forget_all(e);
	bk_hooks_free(e->hooks);
	free(e);
}
