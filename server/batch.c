/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "batch.h"

#include <stdlib.h>

#include "crashpoint.h"
#include "server.h"
#include "watchdog.h"

#define STORED_MAX 256u /* items of one frame */
#define DELIVER_BYTES (256u * 1024u)

struct stored {
	struct bk_job *job;
	const bk_id *missing;
	size_t n_missing;
};
struct delivery {
	struct bk_job *job;
	size_t capsule;
};
struct bk_out_batch {
	struct stored *stored;
	size_t n_stored, stored_room;
	struct delivery deliver[BK_DELIVER_WINDOW];
	size_t n_deliver;
};

static struct bk_out_batch *batch_of(struct bk_conn *c)
{
	if (!c->batch)
		c->batch = calloc(1, sizeof *c->batch);
	if (c->batch && !c->in_round) {
		c->in_round = true;
		c->round_next = c->server->round;
		c->server->round = c;
	}
	return c->batch;
}

int bk_batch_stored(struct bk_conn *c, struct bk_job *job, const bk_id *missing, size_t n_missing)
{
	struct bk_out_batch *b = batch_of(c);

	if (!b)
		return BK_E_NOMEM;
	if (b->n_stored == b->stored_room) {
		size_t room = b->stored_room ? 2 * b->stored_room : 16;
		struct stored *v = realloc(b->stored, room * sizeof *v);

		if (!v)
			return BK_E_NOMEM;
		b->stored = v;
		b->stored_room = room;
	}
	b->stored[b->n_stored++] = (struct stored){job, missing, n_missing};
	return 0;
}

int bk_batch_deliver(struct bk_conn *c, struct bk_job *job, size_t capsule)
{
	struct bk_out_batch *b = batch_of(c);

	if (!b || b->n_deliver == BK_DELIVER_WINDOW)
		return BK_E_NOMEM;
	b->deliver[b->n_deliver++] = (struct delivery){job, capsule};
	return 0;
}

void bk_batch_keep(struct bk_server *s, struct bk_job *job)
{
	job->next = s->round_jobs;
	s->round_jobs = job;
}

void bk_batch_drop(struct bk_conn *c)
{
	if (c->batch)
		free(c->batch->stored);
	free(c->batch);
	c->batch = NULL;
}

/* ---- encoding ---- */

static Baken__StoredItem *stored_item(struct bk_arena *a, const struct stored *st)
{
	Baken__StoredItem *item = bk_arena_alloc(a, sizeof *item);
	Baken__StoredReceipt *r = bk_arena_alloc(a, sizeof *r);
	ProtobufCBinaryData *paths = bk_arena_alloc(a, BK_RECEIPT_DEPTH * sizeof *paths);
	ProtobufCBinaryData *missing = bk_arena_alloc(a, (st->n_missing + 1) * sizeof *missing);

	if (!item || !r || !paths || !missing)
		return NULL;
	baken__stored_item__init(item);
	item->request = st->job->request;
	bk_receipt_to_wire(&st->job->receipt, r, paths);
	item->receipt = r;
	for (size_t i = 0; i < st->n_missing; i++)
		missing[i] = bk_bytes(st->missing[i].b, BK_ID_BYTES);
	item->missing = missing;
	item->n_missing = st->n_missing;
	return item;
}

static void send_stored(struct bk_conn *c, const struct stored *list, size_t n)
{
	struct bk_arena *a = c->server->out_arena;
	Baken__Frame f = BAKEN__FRAME__INIT;
	Baken__Stored m = BAKEN__STORED__INIT;
	Baken__StoredItem **items;

	bk_arena_reset(a);
	items = bk_arena_alloc(a, n * sizeof *items);
	if (!items)
		return;
	for (size_t i = 0; i < n; i++)
		if (!(items[i] = stored_item(a, &list[i])))
			return; /* the sender repeats what it heard nothing of */
	m.items = items;
	m.n_items = n;
	f.kind_case = BAKEN__FRAME__KIND_STORED;
	f.stored = &m;
	bk_conn_send(c, &f);
}

/* A capsule, or what stands in its place. */
static void fill_capsule(struct bk_arena *a, const struct bk_op *op, const uint8_t *capsule, Baken__Delivery *d)
{
	struct fired {
		Baken__WatchFired m;
		bk_id watch;
	} *f;

	if (!op->submit.capsule_len) {
		d->capsule = bk_bytes(capsule, BK_CAPSULE_BYTES);
		return;
	}
	f = bk_arena_alloc(a, sizeof *f);
	if (!f)
		return; /* goes unread, and is delivered again */
	baken__watch_fired__init(&f->m);
	if (bk_watchdog_fired(capsule, op->submit.capsule_len, &f->m, &f->watch))
		d->watch = &f->m;
}

static size_t deliver_some(struct bk_conn *c, const struct delivery *list, size_t n)
{
	struct bk_arena *a = c->server->out_arena;
	Baken__Frame f = BAKEN__FRAME__INIT;
	Baken__Deliver m = BAKEN__DELIVER__INIT;
	Baken__Delivery *items, **pointers;
	size_t bytes = 0, i;

	bk_arena_reset(a);
	items = bk_arena_alloc(a, n * sizeof *items);
	pointers = bk_arena_alloc(a, n * sizeof *pointers);
	if (!items || !pointers)
		return 0;
	for (i = 0; i < n && (i == 0 || bytes < DELIVER_BYTES); i++) {
		const struct bk_op *op = &list[i].job->op;
		const struct bk_op_capsule *cap = &op->submit.capsules[list[i].capsule];
		Baken__Delivery *d = &items[i];

		baken__delivery__init(d);
		d->seq = cap->seq;
		d->class_ = op->submit.class;
		d->message_id = bk_bytes(op->submit.message.b, BK_ID_BYTES);
		fill_capsule(a, op, cap->capsule, d);
		d->body_hash = bk_bytes(op->submit.body_hash.b, BK_HASH_BYTES);
		d->body = bk_bytes(op->submit.body.data, op->submit.body.len);
		d->stored_ms = op->submit.stored_ms;
		d->attempt = 1;
		pointers[i] = d;
		bytes += op->submit.body.len + BK_CAPSULE_BYTES;
	}
	m.items = pointers;
	m.n_items = i;
	f.kind_case = BAKEN__FRAME__KIND_DELIVER;
	f.deliver = &m;
	bk_conn_send(c, &f);
	c->server->stats.deliveries += i;
	BK_CRASH_POINT("server-after-deliver");
	return i;
}

static void flush_conn(struct bk_conn *c)
{
	struct bk_out_batch *b = c->batch;

	for (size_t i = 0; i < b->n_stored; i += STORED_MAX)
		send_stored(c, b->stored + i, b->n_stored - i < STORED_MAX ? b->n_stored - i : STORED_MAX);
	for (size_t i = 0, n; i < b->n_deliver; i += n) {
		n = deliver_some(c, b->deliver + i, b->n_deliver - i);
		if (!n)
			break;
	}
	bk_batch_drop(c);
}

void bk_batch_flush(struct bk_server *s)
{
	struct bk_conn *c;

	while ((c = s->round)) {
		s->round = c->round_next;
		c->in_round = false;
		if (c->batch)
			flush_conn(c);
	}
	while (s->round_jobs) {
		struct bk_job *j = s->round_jobs;

		s->round_jobs = j->next;
		bk_job_free(j);
	}
}
