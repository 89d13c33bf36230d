/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "watchdog.h"

#include <stdlib.h>

#include "batch.h"
#include "deliver.h"
#include "handlers.h"
#include "live.h"
#include "log.h"
#include "push.h"
#include "server.h"
#include "watch.h"

#define ROUND_MAX 256u       /* fired at once; then the next ones */
#define LOOK_EVERY_MS 10000u /* a clock that was set, a machine that slept */
#define PULSE_MS 20000u
#define RETRY_MS 1000u

struct bk_watchdog {
	struct bk_server *s;
	uv_timer_t timer;
	bk_ms next_ms;             /* when the first fires; UINT64_MAX: none runs */
	struct bk_watch_pos at;    /* those up to here were looked at since the clock rang */
	bk_ms last_alive_ms;       /* of the run before this one; 0: none */
	bk_ms pulse_ms;
	unsigned firing;           /* on their way to the disk */
	bool failed;               /* one of them, or it had nobody to go to: tried again, but not at once */
	bool unheard_told, stopped;
	uint64_t late, down_ms;    /* of this round: for the log */
};

static void look(struct bk_watchdog *d);

bool bk_watchdog_fired(const void *record, size_t len, Baken__WatchFired *m, bk_id *room)
{
	struct bk_watch_fired f;

	if (bk_watch_fired_decode(record, len, &f) != 0)
		return false;
	*room = f.watch;
	m->watch_id = bk_bytes(room->b, BK_ID_BYTES);
	m->counter = f.counter;
	m->due_ms = f.due_ms;
	m->fired_ms = f.fired_ms;
	m->down_ms = f.down_ms;
	return true;
}

void bk_watchdog_state(const struct bk_watch_row *row, Baken__WatchState *m)
{
	static const Baken__WatchState__State states[] = {
		[BK_WATCH_NONE] = BAKEN__WATCH_STATE__STATE__NONE,
		[BK_WATCH_ARMED] = BAKEN__WATCH_STATE__STATE__ARMED,
		[BK_WATCH_FIRED] = BAKEN__WATCH_STATE__STATE__FIRED,
		[BK_WATCH_ENDED] = BAKEN__WATCH_STATE__STATE__ENDED,
		[BK_WATCH_HELD] = BAKEN__WATCH_STATE__STATE__NONE, /* does not run: its person arms it anew */
	};

	m->watch_id = bk_bytes(row->watch.b, BK_ID_BYTES);
	m->state = states[row->state];
	m->counter = row->counter;
	m->due_ms = row->due_ms;
}

/* ---- one that fires ---- */

/* Of the time since it fell due. */
static uint64_t down_of(const struct bk_watchdog *d, bk_ms fell_due)
{
	bk_ms from = fell_due > d->last_alive_ms ? fell_due : d->last_alive_ms;

	return d->last_alive_ms && d->s->started_ms > from ? d->s->started_ms - from : 0;
}

/* Vaults and who is on duty. When that is nobody: every device of the desk, for an alarm is for somebody. */
static size_t targets(const struct bk_route *r, bk_ms now, struct bk_op_capsule *out)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n_devices && n < BK_CAPSULES_MAX; i++)
		if (bk_route_must_reach(r, &r->devices[i], now))
			out[n++].device = r->devices[i].device;
	for (size_t i = 0; !n && i < r->n_devices; i++)
		if (bk_route_usable(&r->devices[i], now))
			out[n++].device = r->devices[i].device;
	return n;
}

static void tell_person(struct bk_server *s, const struct bk_watch_row *row)
{
	const struct bk_route *r = bk_route_get(&s->routes, s->store, row->circle);
	Baken__Frame f = BAKEN__FRAME__INIT;
	Baken__WatchState m = BAKEN__WATCH_STATE__INIT;

	bk_watchdog_state(row, &m);
	f.kind_case = BAKEN__FRAME__KIND_WATCH_STATE;
	f.watch_state = &m;
	for (size_t i = 0; r && i < r->n_devices; i++) {
		struct bk_conn *c = bk_live_device(s, r->devices[i].device);

		if (c)
			bk_conn_send(c, &f);
	}
}

static void deliver(struct bk_server *s, struct bk_job *job)
{
	bk_batch_keep(s, job);
	for (size_t i = 0; i < job->op.submit.n_capsules; i++) {
		struct bk_conn *to = job->op.submit.capsules[i].seq ?
			bk_live_device(s, job->op.submit.capsules[i].device) : NULL;

		if (to)
			bk_deliver_now(to, job, i);
	}
	bk_push_wake_all(s, job);
}

static void log_late(struct bk_watchdog *d)
{
	if (d->late)
		bk_log(BK_LOG_TIMERS_LATE, "fired=%llu down_ms=%llu", (unsigned long long)d->late,
			(unsigned long long)d->down_ms);
	d->late = d->down_ms = 0;
}

static void fire_done(struct bk_server *s, struct bk_job *job)
{
	struct bk_watchdog *d = s->watchdog;
	struct bk_watch_row *row = job->more;
	int err = job->err ? job->err : job->op.result;

	d->firing--;
	if (err) {
		d->failed |= err != BK_E_OLD; /* renewed or ended meanwhile */
		bk_job_free(job);
	} else {
		s->stats.timers_fired++;
		row->state = BK_WATCH_FIRED;
		tell_person(s, row);
		deliver(s, job);
	}
	if (d->firing || d->stopped)
		return;
	log_late(d);
	look(d);
}

static void fill_record(struct bk_watchdog *d, const struct bk_watch_row *row, bk_ms now,
	uint8_t record[static BK_WATCH_FIRED_BYTES])
{
	struct bk_watch_fired f = {.watch = row->watch, .counter = row->counter, .due_ms = row->due_ms, .fired_ms = now};

	f.down_ms = down_of(d, row->due_ms + row->grace_ms);
	if (f.down_ms) {
		d->late++;
		d->down_ms = f.down_ms > d->down_ms ? f.down_ms : d->down_ms;
	}
	bk_watch_fired_encode(&f, record);
}

/* Everything a commit needs, in one block: capsule table, the record, the body. */
static struct bk_job *make_job(struct bk_watchdog *d, const struct bk_watch_row *row, struct bk_bytes body,
	const struct bk_op_capsule *to, size_t n)
{
	struct bk_job *job = bk_job_new(BK_OP_WATCH_FIRE, n * sizeof *to + BK_WATCH_FIRED_BYTES + body.len);
	struct bk_op_capsule *caps;
	uint8_t *record;

	if (!job || !(job->more = malloc(sizeof *row))) {
		bk_job_free(job);
		return NULL;
	}
	memcpy(job->more, row, sizeof *row);
	job->op.now = bk_now();
	caps = memcpy(bk_job_extra(job), to, n * sizeof *to);
	record = (uint8_t *)(caps + n);
	fill_record(d, row, job->op.now, record);
	for (size_t i = 0; i < n; i++)
		caps[i].capsule = record;
	job->op.submit.capsules = caps;
	job->op.submit.n_capsules = n;
	job->op.submit.capsule_len = BK_WATCH_FIRED_BYTES;
	job->op.submit.watch = row->watch;
	job->op.submit.watch_counter = row->counter;
	job->op.submit.message = bk_watch_message_id(row->watch, row->counter);
	job->op.submit.class = BAKEN__CLASS__CLASS_ALARM;
	job->op.submit.body_hash = row->body_hash;
	job->op.submit.body = (struct bk_bytes){memcpy(record + BK_WATCH_FIRED_BYTES, body.data, body.len), body.len};
	job->op.submit.keep_body = true;
	job->op.submit.ladder = true; /* and nobody opens it: t1, t3 like any other alarm */
	job->op.submit.desk = row->desk;
	job->op.submit.sender = row->device;
	job->first = true;
	job->done = fire_done;
	return job;
}

static int fire(void *arg, const struct bk_watch_row *row, struct bk_bytes body)
{
	struct bk_watchdog *d = arg;
	struct bk_server *s = d->s;
	const struct bk_route *r = bk_route_get(&s->routes, s->store, row->desk);
	struct bk_op_capsule *to = calloc(BK_ROSTER_ENTRIES_MAX, sizeof *to);
	size_t n = r && to ? targets(r, bk_now(), to) : 0;
	struct bk_job *job = n ? make_job(d, row, body, to, n) : NULL;

	free(to);
	if (!job) {
		d->failed = true;
		if (!n && !d->unheard_told)
			bk_log(BK_LOG_TIMER_UNHEARD, "desk=%s", bk_log_device(row->desk));
		d->unheard_told |= !n;
		return 0;
	}
	bk_writer_push(s->writer, job);
	return ++d->firing == ROUND_MAX;
}

/* ---- the clock ---- */

static void on_timer(uv_timer_t *t);

static void set(struct bk_watchdog *d, bk_ms now)
{
	bk_ms latest = now + LOOK_EVERY_MS, at = d->next_ms < latest ? d->next_ms : latest;

	uv_timer_start(&d->timer, on_timer, at > now ? at - now : 0, 0);
}

/*
 * Fires what is due, a round at a time, then sets the clock for the next. What could not be fired is left behind until
 * the clock rings again: it must not hold up those that fell due after it.
 */
static void look(struct bk_watchdog *d)
{
	struct bk_store_view *v = NULL;
	bk_ms now = bk_now();
	int err;

	if (d->firing)
		return; /* when they are done */
	d->next_ms = UINT64_MAX;
	err = bk_store_view_begin(d->s->store, &v);
	if (!err)
		err = bk_store_watches_due(v, now, &d->at, SIZE_MAX, fire, d);
	if (!err || err == BK_E_CORRUPT) /* damaged ones were passed over */
		(void)bk_store_watch_next(v, &d->next_ms);
	else if (err < 0)
		bk_log(BK_LOG_STORE_FAILED, "read=%s", bk_err_name(err));
	bk_store_view_end(v);
	if (d->firing)
		return;
	if ((d->failed || err) && d->next_ms < now + RETRY_MS)
		d->next_ms = now + RETRY_MS;
	set(d, now);
}

void bk_watchdog_pulse(struct bk_watchdog *d)
{
	struct bk_job *job = d ? bk_job_new(BK_OP_ALIVE, 0) : NULL;

	if (!job)
		return;
	d->pulse_ms = job->op.now = bk_now();
	bk_writer_push(d->s->writer, job);
}

void bk_watchdog_tick(struct bk_watchdog *d)
{
	bk_ms now = bk_now();

	d->failed = false;
	if (now < d->pulse_ms || now - d->pulse_ms >= PULSE_MS)
		bk_watchdog_pulse(d);
	if (d->firing)
		return;
	memset(&d->at, 0, sizeof d->at);
	look(d);
}

static void on_timer(uv_timer_t *t)
{
	bk_watchdog_tick(t->data);
}

bk_ms bk_watchdog_next(const struct bk_watchdog *d)
{
	return d->next_ms;
}

void bk_watchdog_look(struct bk_watchdog *d)
{
	bk_watchdog_tick(d);
}

void bk_watchdog_armed(struct bk_watchdog *d, const struct bk_watch_row *row)
{
	if (d->stopped || row->due_ms + row->grace_ms >= d->next_ms)
		return;
	d->next_ms = row->due_ms + row->grace_ms;
	if (!d->firing)
		set(d, bk_now());
}

/* ---- life ---- */

int bk_watchdog_start(struct bk_server *s)
{
	struct bk_watchdog *d = calloc(1, sizeof *d);
	struct bk_store_view *v = NULL;
	int err = d ? bk_store_view_begin(s->store, &v) : BK_E_NOMEM;

	if (!err)
		err = bk_store_alive(v, &d->last_alive_ms);
	bk_store_view_end(v);
	if (err) {
		free(d);
		return err;
	}
	d->s = s;
	uv_timer_init(s->loop, &d->timer);
	d->timer.data = d;
	s->watchdog = d;
	bk_watchdog_pulse(d);
	look(d);
	return 0;
}

void bk_watchdog_stop(struct bk_watchdog *d)
{
	if (!d || d->stopped)
		return;
	d->stopped = true;
	uv_timer_stop(&d->timer);
	uv_close((uv_handle_t *)&d->timer, NULL);
}

void bk_watchdog_free(struct bk_watchdog *d)
{
	free(d);
}
