/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Timers as their person arms and ends them. Who may is the store's to decide, in the transaction that does it. */
#include "body.h"
#include "digest.h"
#include "handlers.h"
#include "server.h"
#include "watchdog.h"

static void watch_done(struct bk_server *s, struct bk_job *job)
{
	struct bk_conn *c = bk_conn_find(s, job->conn);

	if (!bk_handle_failed(c, job)) {
		const struct bk_watch_row *row = &job->op.watch.row;
		Baken__Frame f = BAKEN__FRAME__INIT;
		Baken__WatchState m = BAKEN__WATCH_STATE__INIT;

		if (job->op.kind == BK_OP_WATCH_ARM && job->op.watch.changed) {
			s->stats.timers_armed++;
			bk_watchdog_armed(s->watchdog, row);
		}
		bk_watchdog_state(row, &m);
		f.request = job->request;
		f.kind_case = BAKEN__FRAME__KIND_WATCH_STATE;
		f.watch_state = &m;
		if (c)
			bk_conn_send(c, &f);
	}
	bk_job_free(job);
}

static struct bk_job *make_job(const struct bk_conn *c, enum bk_op_kind kind, const ProtobufCBinaryData *watch,
	uint64_t counter, size_t extra)
{
	struct bk_job *job = bk_job_new(kind, extra);

	if (!job)
		return NULL;
	memcpy(job->op.watch.watch.b, watch->data, BK_ID_BYTES);
	job->op.watch.counter = counter;
	job->op.watch.device = c->device;
	job->op.watch.circle = c->circle;
	return job;
}

void bk_handle_watch_arm(struct bk_conn *c, const Baken__Frame *f)
{
	const Baken__WatchArm *m = f->watch_arm;
	struct bk_job *job;
	bk_hash h;

	if (!bk_body_size_ok(m->body.len)) {
		bk_conn_error(c, f->request, BK_E_INVAL, 0);
		return;
	}
	h = bk_digest_of(m->body.data, m->body.len);
	if (memcmp(h.b, m->body_hash.data, BK_HASH_BYTES) != 0) {
		bk_conn_error(c, f->request, BK_E_HASH, 0);
		return;
	}
	job = make_job(c, BK_OP_WATCH_ARM, &m->watch_id, m->counter, m->body.len);
	if (!job) {
		bk_conn_error(c, f->request, BK_E_NOMEM, 1000);
		return;
	}
	memcpy(job->op.watch.desk.b, m->circle_id.data, BK_ID_BYTES);
	job->op.watch.due_ms = m->due_ms;
	job->op.watch.grace_ms = m->grace_ms;
	job->op.watch.body_hash = h;
	job->op.watch.body = (struct bk_bytes){memcpy(bk_job_extra(job), m->body.data, m->body.len), m->body.len};
	job->first = true; /* not behind bulk: who is about to leave waits for it */
	bk_handle_push(c, f, job, watch_done);
}

void bk_handle_watch_disarm(struct bk_conn *c, const Baken__Frame *f)
{
	const Baken__WatchDisarm *m = f->watch_disarm;
	struct bk_job *job = make_job(c, BK_OP_WATCH_DISARM, &m->watch_id, m->counter, 0);

	if (!job) {
		bk_conn_error(c, f->request, BK_E_NOMEM, 1000);
		return;
	}
	job->first = true;
	bk_handle_push(c, f, job, watch_done);
}
