/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a device says about its queue, bodies by hash, and the drill through the durable path. */
#include "deliver.h"
#include "handlers.h"
#include "server.h"

void bk_handle_ack(struct bk_conn *c, const Baken__Frame *f)
{
	bk_deliver_ack(c, f->ack);
}

void bk_handle_nack(struct bk_conn *c, const Baken__Frame *f)
{
	bk_deliver_nack(c, f->nack);
}

/* Only desks keep bodies; a hash is known to whoever had a capsule, so the body must have been for this very desk. */
void bk_handle_body_get(struct bk_conn *c, const Baken__Frame *f)
{
	struct bk_server *s = c->server;
	struct bk_store_view *v = NULL;
	struct bk_bytes body;
	bk_ms stored = 0;
	bk_hash hash;
	int err;

	if (c->kind != BAKEN__CIRCLE_KIND__CIRCLE_DESK) {
		bk_conn_error(c, f->request, BK_E_ROLE, 0);
		return;
	}
	err = bk_hash_from(f->body_get->body_hash.data, f->body_get->body_hash.len, &hash);
	if (!err)
		err = bk_store_view_begin(s->store, &v);
	if (!err)
		err = bk_store_body(v, hash, c->circle, &body, &stored);
	if (!err) {
		Baken__Frame out = BAKEN__FRAME__INIT;
		Baken__BodyData m = BAKEN__BODY_DATA__INIT;

		m.body_hash = bk_bytes(hash.b, BK_HASH_BYTES);
		m.body = bk_bytes(body.data, body.len);
		m.stored_ms = stored;
		out.request = f->request;
		out.kind_case = BAKEN__FRAME__KIND_BODY_DATA;
		out.body_data = &m;
		bk_conn_send(c, &out);
	} else {
		bk_conn_error(c, f->request, err, 0);
	}
	if (v)
		bk_store_view_end(v);
}

struct drill {
	uint8_t nonce[16];
	bk_ms received_ms;
};

static void drill_done(struct bk_server *s, struct bk_job *job)
{
	struct bk_conn *c = bk_conn_find(s, job->conn);
	struct drill *d = bk_job_extra(job);

	if (c) {
		if (!bk_handle_failed(c, job)) {
			Baken__Frame f = BAKEN__FRAME__INIT;
			Baken__Drill m = BAKEN__DRILL__INIT;

			m.nonce = bk_bytes(d->nonce, sizeof d->nonce);
			m.received_ms = d->received_ms;
			m.committed_ms = bk_now();
			f.request = job->request;
			f.kind_case = BAKEN__FRAME__KIND_DRILL;
			f.drill = &m;
			bk_conn_send(c, &f);
		}
	}
	bk_job_free(job);
}

void bk_handle_drill(struct bk_conn *c, const Baken__Frame *f)
{
	struct bk_job *job = bk_job_new(BK_OP_DRILL, sizeof(struct drill));
	struct drill *d;

	if (!job) {
		bk_conn_error(c, f->request, BK_E_NOMEM, 1000);
		return;
	}
	d = bk_job_extra(job);
	memcpy(d->nonce, f->drill->nonce.data, sizeof d->nonce);
	d->received_ms = bk_now();
	bk_handle_push(c, f, job, drill_done);
}
