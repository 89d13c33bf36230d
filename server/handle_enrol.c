/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include "handlers.h"
#include "server.h"

#define ROSTERS_MAX 3u /* own circle, desk, care team */

/* Serialised `Signed` -> message in the arena; NULL when it cannot be. */
static Baken__Signed *unpack(struct bk_server *s, const struct bk_bytes *b)
{
	return baken__signed__unpack(bk_arena_allocator(s->out_arena), b->len, b->data);
}

static void add_roster(struct bk_server *s, struct bk_store_view *v, bk_id circle, Baken__Signed **list, size_t *n)
{
	struct bk_bytes b;
	Baken__Signed *m;

	if (bk_id_is_zero(circle) || bk_store_roster(v, circle, 0, &b) != 0)
		return;
	m = unpack(s, &b);
	if (m)
		list[(*n)++] = m;
}

/* The state of an invitation for the device that used it. */
static int answer(struct bk_conn *c, uint64_t request, struct bk_store_view *v, const struct bk_invite_row *row)
{
	struct bk_server *s = c->server;
	Baken__Frame f = BAKEN__FRAME__INIT;
	Baken__EnrolState m = BAKEN__ENROL_STATE__INIT;
	Baken__Signed *rosters[ROSTERS_MAX];
	struct bk_circle_row circle;

	bk_arena_reset(s->out_arena);
	if (row->state == 2) {
		m.state = BAKEN__ENROL_STATE__STATE__APPROVED;
		m.certificate = unpack(s, &row->certificate);
		if (!m.certificate)
			return BK_E_CORRUPT;
		add_roster(s, v, row->circle, rosters, &m.n_rosters);
		if (bk_store_circle(v, row->circle, &circle) == 0) {
			add_roster(s, v, circle.desk, rosters, &m.n_rosters);
			add_roster(s, v, circle.care, rosters, &m.n_rosters);
		}
		m.rosters = rosters;
	} else if (row->state == 3) {
		m.state = BAKEN__ENROL_STATE__STATE__REFUSED;
	} else {
		m.state = BAKEN__ENROL_STATE__STATE__WAITING;
	}
	f.request = request;
	f.kind_case = BAKEN__FRAME__KIND_ENROL_STATE;
	f.enrol_state = &m;
	bk_conn_send(c, &f);
	return 0;
}

static int look_and_answer(struct bk_conn *c, uint64_t request, bk_id invite)
{
	struct bk_store_view *v = NULL;
	struct bk_invite_row row;
	int err = bk_store_view_begin(c->server->store, &v);

	if (!err)
		err = bk_store_invite(v, invite, &row);
	if (!err)
		err = answer(c, request, v, &row);
	if (v)
		bk_store_view_end(v);
	return err;
}

static void enrol_done(struct bk_server *s, struct bk_job *job)
{
	struct bk_conn *c = bk_conn_find(s, job->conn);

	if (c) {
		int err;

		if (!bk_handle_failed(c, job) && (c->phase == BK_PHASE_HELLO || c->phase == BK_PHASE_ENROL)) {
			c->phase = BK_PHASE_ENROL;
			c->invite = job->op.enrol.invite;
			err = look_and_answer(c, job->request, c->invite);
			if (err)
				bk_conn_error(c, job->request, err, 0);
		}
	}
	bk_job_free(job);
}

void bk_handle_enrol(struct bk_conn *c, const Baken__Frame *f)
{
	struct bk_server *s = c->server;
	uint64_t wait = bk_throttle_address(&s->throttle, c->address, BK_RATE_LOGIN, bk_now());
	size_t len = baken__enrol__get_packed_size(f->enrol);
	struct bk_job *job;

	if (wait) {
		s->stats.rate_refused++;
		bk_conn_error(c, f->request, BK_E_RATE, wait);
		return;
	}
	job = bk_job_new(BK_OP_INVITE_ENROL, len);
	if (!job) {
		bk_conn_error(c, f->request, BK_E_NOMEM, 1000);
		return;
	}
	s->stats.enrolments++;
	baken__enrol__pack(f->enrol, bk_job_extra(job));
	memcpy(job->op.enrol.invite.b, f->enrol->invite_id.data, BK_ID_BYTES);
	job->op.enrol.enrol = (struct bk_bytes){bk_job_extra(job), len};
	bk_handle_push(c, f, job, enrol_done);
}

void bk_enrol_decided(struct bk_server *s, bk_id invite)
{
	for (size_t i = 0; i < s->conns_room; i++) {
		struct bk_conn *c = s->conns[i];

		if (c && c->phase == BK_PHASE_ENROL && bk_id_equal(c->invite, invite))
			(void)look_and_answer(c, 0, invite); /* it also asks again by itself */
	}
}
