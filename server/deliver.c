/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "deliver.h"

#include <stdlib.h>

#include "batch.h"
#include "crashpoint.h"
#include "handlers.h"
#include "live.h"
#include "log.h"
#include "server.h"
#include "watchdog.h"

#define FLIGHT_MAX (BK_DELIVER_WINDOW + BK_ALARM_WINDOW)
#define AGAIN_MS 3000u      /* after a nack */
#define ACK_LOST_MS 15000u  /* after an ack that could not be committed */
#define FRAME_BYTES (256u * 1024u)

static struct bk_flight *flight_of(const struct bk_conn *c, uint64_t seq)
{
	for (uint32_t i = 0; i < c->n_flight; i++)
		if (c->flight[i].seq == seq)
			return &c->flight[i];
	return NULL;
}

static bool has_room(const struct bk_conn *c, Baken__Class class)
{
	return c->n_flight < (class == BAKEN__CLASS__CLASS_ALARM ? FLIGHT_MAX : BK_DELIVER_WINDOW);
}

static int take_off(struct bk_conn *c, uint64_t seq)
{
	if (!c->flight)
		c->flight = calloc(FLIGHT_MAX, sizeof *c->flight);
	if (!c->flight)
		return BK_E_NOMEM;
	c->flight[c->n_flight++] = (struct bk_flight){.seq = seq};
	return 0;
}

static void land(struct bk_conn *c, uint64_t seq)
{
	struct bk_flight *f = flight_of(c, seq);

	if (f)
		*f = c->flight[--c->n_flight];
}

void bk_deliver_now(struct bk_conn *c, struct bk_job *job, size_t capsule)
{
	const struct bk_op *op = &job->op;
	uint64_t seq = op->submit.capsules[capsule].seq;

	if (flight_of(c, seq)) /* was read from the store between its commit and now */
		return;
	/* An alarm does not wait for what stands before it. */
	if (!has_room(c, op->submit.class) || (c->backlog && op->submit.class != BAKEN__CLASS__CLASS_ALARM) ||
		take_off(c, seq) != 0) {
		c->backlog = true;
		return;
	}
	if (bk_batch_deliver(c, job, capsule) != 0) {
		land(c, seq);
		c->backlog = true;
	}
}

/* ---- from the store ---- */

struct load {
	struct bk_conn *c;
	Baken__Delivery *items[BK_DELIVER_WINDOW];
	size_t n, bytes;
	bool more;
};

static int load_row(void *arg, const struct bk_delivery_row *row)
{
	struct load *l = arg;
	struct bk_conn *c = l->c;
	struct item {
		Baken__Delivery d;
		Baken__WatchFired fired;
		bk_id message, watch;
		bk_hash body;
	} *it;

	if (flight_of(c, row->seq))
		return 0;
	if (!has_room(c, row->class) || l->n == BK_DELIVER_WINDOW || l->bytes > FRAME_BYTES) {
		l->more = true;
		return 1;
	}
	it = bk_arena_alloc(c->server->out_arena, sizeof *it);
	if (!it || take_off(c, row->seq) != 0)
		return BK_E_NOMEM;
	baken__delivery__init(&it->d);
	it->message = row->message;
	it->body = row->body_hash;
	it->d.seq = row->seq;
	it->d.class_ = row->class;
	it->d.message_id = bk_bytes(it->message.b, BK_ID_BYTES);
	baken__watch_fired__init(&it->fired);
	if (bk_watchdog_fired(row->capsule.data, row->capsule.len, &it->fired, &it->watch))
		it->d.watch = &it->fired;
	else
		it->d.capsule = bk_bytes(row->capsule.data, row->capsule.len);
	it->d.body_hash = bk_bytes(it->body.b, BK_HASH_BYTES);
	it->d.body = bk_bytes(row->body.data, row->body.len);
	it->d.stored_ms = row->stored_ms;
	it->d.attempt = row->attempts + 1;
	c->server->stats.redeliveries += row->attempts > 0;
	l->items[l->n++] = &it->d;
	l->bytes += row->body.len + row->capsule.len;
	return 0;
}

static void send_loaded(struct load *l)
{
	Baken__Frame f = BAKEN__FRAME__INIT;
	Baken__Deliver m = BAKEN__DELIVER__INIT;

	if (!l->n)
		return;
	m.items = l->items;
	m.n_items = l->n;
	f.kind_case = BAKEN__FRAME__KIND_DELIVER;
	f.deliver = &m;
	bk_conn_send(l->c, &f);
	l->c->server->stats.deliveries += l->n;
	BK_CRASH_POINT("server-after-deliver");
}

/* What waited at login is on its way: its highest number. What comes later does not put off "caught up". */
static void mark_tail(struct bk_conn *c)
{
	c->tail = true;
	for (uint32_t i = 0; i < c->n_flight; i++)
		if (c->flight[i].seq > c->tail_seq)
			c->tail_seq = c->flight[i].seq;
}

static void say_caught_up(struct bk_conn *c)
{
	Baken__Frame f = BAKEN__FRAME__INIT;
	Baken__CaughtUp m = BAKEN__CAUGHT_UP__INIT;

	for (uint32_t i = 0; i < c->n_flight; i++)
		if (c->flight[i].seq <= c->tail_seq)
			return;
	c->caught_up = true;
	f.kind_case = BAKEN__FRAME__KIND_CAUGHT_UP;
	f.caught_up = &m;
	bk_conn_send(c, &f);
}

static void load_more(struct bk_conn *c)
{
	struct bk_server *s = c->server;
	struct bk_store_view *v = NULL;
	struct bk_delivery_pos pos = {0};
	struct load l = {.c = c};
	int err;

	bk_arena_reset(s->out_arena);
	err = bk_store_view_begin(s->store, &v);
	if (!err)
		err = bk_store_deliveries(v, c->device, &pos, FLIGHT_MAX + BK_DELIVER_WINDOW, load_row, &l);
	c->backlog = l.more || (err && err != BK_E_CORRUPT); /* damaged ones were passed over */
	send_loaded(&l); /* before the view ends: the items borrow from it */
	if (v)
		bk_store_view_end(v);
	if (err < 0)
		bk_log(BK_LOG_STORE_FAILED, "read=%s", bk_err_name(err));
}

void bk_deliver_more(struct bk_conn *c)
{
	if (c->phase != BK_PHASE_ONLINE)
		return;
	/* Half a window at a time: rows in flight are passed over again each time. */
	if (c->backlog && c->n_flight <= BK_DELIVER_WINDOW / 2)
		load_more(c);
	if (!c->backlog && !c->tail)
		mark_tail(c);
	if (c->tail && !c->caught_up)
		say_caught_up(c);
}

/* ---- acks ---- */

static void ack_done(struct bk_server *s, struct bk_job *job)
{
	struct bk_conn *c = bk_conn_find(s, job->conn);

	BK_CRASH_POINT("server-ack-committed");
	if (!job->err) {
		s->stats.acks += job->op.ack.n_seqs;
		s->stats.alarms_answered += job->op.ack.answered;
		if (job->op.ack.resumed)
			bk_submit_room(s, job->op.ack.device);
	}
	if (c) {
		for (size_t i = 0; i < job->op.ack.n_seqs; i++) {
			struct bk_flight *f = flight_of(c, job->op.ack.seqs[i]);

			if (!f)
				continue;
			if (job->err) /* not acked: the device will hear of it again, and say so again */
				f->again_ms = bk_now() + ACK_LOST_MS;
			else
				land(c, job->op.ack.seqs[i]);
		}
		bk_deliver_more(c);
	}
	bk_job_free(job);
}

void bk_deliver_ack(struct bk_conn *c, const Baken__Ack *m)
{
	struct bk_job *job = bk_job_new(BK_OP_ACK, m->n_seqs * sizeof(uint64_t));
	uint64_t *seqs;
	size_t n = 0;

	BK_CRASH_POINT("server-ack-received");
	if (!job)
		return;
	seqs = bk_job_extra(job);
	for (size_t i = 0; i < m->n_seqs; i++) {
		struct bk_flight *f = flight_of(c, m->seqs[i]);

		if (!f || f->acked) /* only what this connection was given can be acknowledged on it */
			continue;
		f->acked = true;
		seqs[n++] = m->seqs[i];
	}
	if (!n) {
		bk_job_free(job);
		return;
	}
	job->op.now = bk_now();
	job->op.ack.device = c->device;
	job->op.ack.seqs = seqs;
	job->op.ack.n_seqs = n;
	job->conn = c->number;
	job->done = ack_done;
	bk_writer_push(c->server->writer, job);
}

static void tell_dead(struct bk_server *s, const struct bk_op *op)
{
	struct bk_conn *sender = bk_live_device(s, op->nack.sender);
	Baken__Frame f = BAKEN__FRAME__INIT;
	Baken__DeadLetter m = BAKEN__DEAD_LETTER__INIT;

	s->stats.dead_letters++;
	bk_log(BK_LOG_DEAD_LETTER, "device=%s", bk_log_device(op->nack.device));
	if (!sender)
		return;
	m.message_id = bk_bytes(op->nack.message.b, BK_ID_BYTES);
	m.device_id = bk_bytes(op->nack.device.b, BK_ID_BYTES);
	f.kind_case = BAKEN__FRAME__KIND_DEAD_LETTER;
	f.dead_letter = &m;
	bk_conn_send(sender, &f);
}

static void nack_done(struct bk_server *s, struct bk_job *job)
{
	struct bk_conn *c = bk_conn_find(s, job->conn);
	struct bk_flight *f = c ? flight_of(c, job->op.nack.seq) : NULL;

	if (!job->err && !job->op.result) {
		s->stats.nacks++;
		if (job->op.nack.dead)
			tell_dead(s, &job->op);
	}
	if (f && !job->err && job->op.nack.dead)
		land(c, job->op.nack.seq);
	else if (f)
		f->again_ms = bk_now() + AGAIN_MS;
	if (c)
		bk_deliver_more(c);
	bk_job_free(job);
}

void bk_deliver_nack(struct bk_conn *c, const Baken__Nack *m)
{
	struct bk_flight *f = flight_of(c, m->seq);
	struct bk_job *job = f && !f->acked ? bk_job_new(BK_OP_NACK, 0) : NULL;

	if (!job)
		return;
	f->acked = true; /* one answer for each delivery */
	job->op.now = bk_now();
	job->op.nack.device = c->device;
	job->op.nack.seq = m->seq;
	job->conn = c->number;
	job->done = nack_done;
	bk_writer_push(c->server->writer, job);
}

void bk_deliver_tick(struct bk_server *s, bk_ms now)
{
	size_t at = 0;
	struct bk_conn *c;

	while ((c = bk_idmap_next(&s->by_device, &at))) {
		bool again = c->backlog && !c->n_flight; /* reading failed: no ack will come that tries again */

		for (uint32_t i = 0; i < c->n_flight;) {
			if (c->flight[i].again_ms && c->flight[i].again_ms <= now) {
				c->flight[i] = c->flight[--c->n_flight];
				again = true;
			} else {
				i++;
			}
		}
		if (again) {
			c->backlog = true;
			bk_deliver_more(c);
		}
	}
}
