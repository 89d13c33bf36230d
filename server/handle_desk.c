/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Duty and claims: who of a desk is on duty, and which of its devices holds a case. */
#include "handlers.h"
#include "live.h"
#include "server.h"

static void duty_done(struct bk_server *s, struct bk_job *job)
{
	struct bk_conn *c = bk_conn_find(s, job->conn);

	if (!bk_handle_failed(c, job)) {
		bk_live_circle_changed(s, job->op.duty.circle);
		if (c) {
			const struct bk_route *r = bk_route_get(&s->routes, s->store, c->circle);
			Baken__Frame f = BAKEN__FRAME__INIT;
			Baken__DutyState m = BAKEN__DUTY_STATE__INIT;

			bk_arena_reset(s->out_arena);
			m.on = job->op.duty.on;
			m.on_duty = r ? bk_arena_alloc(s->out_arena, (r->n_devices + 1) * sizeof *m.on_duty) : NULL;
			if (m.on_duty)
				m.n_on_duty = bk_live_on_duty(r, m.on_duty);
			f.request = job->request;
			f.kind_case = BAKEN__FRAME__KIND_DUTY_STATE;
			f.duty_state = &m;
			bk_conn_send(c, &f);
		}
	}
	bk_job_free(job);
}

void bk_handle_duty_set(struct bk_conn *c, const Baken__Frame *f)
{
	struct bk_job *job = bk_job_new(BK_OP_DUTY_SET, 0);
	struct bk_job *audit;
	char device[BK_ID_TEXT];

	if (!job) {
		bk_conn_error(c, f->request, BK_E_NOMEM, 1000);
		return;
	}
	job->op.duty.device = c->device;
	job->op.duty.circle = c->circle;
	job->op.duty.on = f->duty_set->on;
	audit = bk_audit_job(f->duty_set->on ? "DUTY-ON" : "DUTY-OFF", "device=%s", bk_id_text(c->device, device));
	if (audit) { /* of what happened, not of what was refused */
		audit->op.if_previous = true;
		audit->next = NULL;
		job->next = audit;
		job->with_next = true;
	}
	bk_handle_push(c, f, job, duty_done);
}

static void claim_done(struct bk_server *s, struct bk_job *job)
{
	struct bk_conn *c = bk_conn_find(s, job->conn);

	if (c) {
		if (!bk_handle_failed(c, job)) {
			const struct bk_op *op = &job->op;
			Baken__Frame f = BAKEN__FRAME__INIT;
			Baken__ClaimState m = BAKEN__CLAIM_STATE__INIT;

			m.tag = bk_bytes(op->claim.tag, sizeof op->claim.tag);
			m.won = op->claim.won;
			if (!bk_id_is_zero(op->claim.holder))
				m.holder = bk_bytes(op->claim.holder.b, BK_ID_BYTES);
			m.since_ms = op->claim.since_ms;
			m.until_ms = op->claim.holder_until_ms;
			f.request = job->request;
			f.kind_case = BAKEN__FRAME__KIND_CLAIM_STATE;
			f.claim_state = &m;
			bk_conn_send(c, &f);
		}
	}
	bk_job_free(job);
}

void bk_handle_claim(struct bk_conn *c, const Baken__Frame *f)
{
	const Baken__Claim *m = f->claim;
	struct bk_job *job = bk_job_new(BK_OP_CLAIM, 0);
	uint64_t lease = m->lease_ms && m->lease_ms < BK_LEASE_MS ? m->lease_ms : BK_LEASE_MS;

	if (!job) {
		bk_conn_error(c, f->request, BK_E_NOMEM, 1000);
		return;
	}
	memcpy(job->op.claim.tag, m->tag.data, sizeof job->op.claim.tag);
	job->op.claim.device = c->device;
	job->op.claim.verb = m->verb;
	if (m->verb == BAKEN__CLAIM__VERB__GIVE)
		memcpy(job->op.claim.to.b, m->to_device.data, BK_ID_BYTES);
	job->op.claim.until_ms = bk_now() + lease;
	bk_handle_push(c, f, job, claim_done);
}
