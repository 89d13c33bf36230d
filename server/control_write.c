/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Verbs that change something: verified here as a client would, committed with their audit entry, answered when
 * durable. One change of rosters at a time: what was verified is then what is committed.
 */
#include <stdlib.h>

#include "control_in.h"
#include "files.h"
#include "handlers.h"
#include "live.h"
#include "log.h"
#include "roster.h"
#include "watchdog.h"

#define ROSTERS_MAX 16u
#define INVITE_PENDING 1 /* store.h: bk_invite_row.state */

/* A question that waits for a group of jobs. */
struct pending {
	struct bk_question *q;
	unsigned jobs;
	int err;
	json_t *revoked;
	bk_id circles[ROSTERS_MAX];
	size_t n_circles;
	bk_id invite;
	bool decided;
};
static bool busy; /* a change of rosters or a decision is on its way to the disk */

static void pending_over(struct bk_server *s, struct pending *p)
{
	if (p->n_circles || p->decided)
		busy = false;
	if (!p->err) {
		for (size_t i = 0; i < p->n_circles; i++)
			bk_live_circle_changed(s, p->circles[i]);
		if (p->decided)
			bk_enrol_decided(s, p->invite);
	}
	if (p->err) {
		json_decref(p->revoked);
		bk_control_fail(p->q, p->err);
	} else {
		bk_control_reply(p->q, json_pack("{s:o}", "revoked", p->revoked));
	}
	free(p);
}

/* A device that a roster has just withdrawn: cut at once; its queue, keys and tickets went in the same commit. */
static void cut_revoked(struct bk_server *s, struct pending *p, const struct bk_op *op)
{
	for (size_t i = 0; i < op->roster.n_revoked; i++) {
		struct bk_conn *c = bk_live_device(s, op->roster.revoked[i]);

		s->stats.revoked++;
		bk_log(BK_LOG_REVOKED, "device=%s", bk_log_device(op->roster.revoked[i]));
		json_array_append_new(p->revoked, bk_json_of_id(op->roster.revoked[i]));
		if (c)
			bk_conn_revoke(c);
	}
}

static void step_done(struct bk_server *s, struct bk_job *job)
{
	struct pending *p = job->more;
	int err = job->err ? job->err : job->op.result;

	job->more = NULL;
	if (err && !p->err)
		p->err = err;
	if (!err && job->op.kind == BK_OP_ROSTER_PUT)
		cut_revoked(s, p, &job->op);
	bk_job_free(job);
	if (--p->jobs == 0)
		pending_over(s, p);
}

static struct pending *pending_new(struct bk_question *q)
{
	struct pending *p = calloc(1, sizeof *p);

	if (!p)
		return NULL;
	p->q = q;
	p->revoked = json_array();
	return p;
}

static void join(struct bk_job **list, struct pending *p, struct bk_job *job)
{
	if (!job)
		return;
	job->op.now = bk_now();
	job->more = p;
	job->done = step_done;
	job->next = *list;
	job->with_next = *list != NULL;
	*list = job;
	p->jobs++;
}

static void drop(struct bk_job *list)
{
	while (list) {
		struct bk_job *next = list->next;

		list->more = NULL;
		bk_job_free(list);
		list = next;
	}
}

/* The stored version of a circle as a verified roster; NULL when it is new. */
static int known_roster(struct bk_server *s, bk_id circle, struct bk_roster **ret_known)
{
	struct bk_store_view *v = NULL;
	struct bk_bytes b;
	Baken__Signed *m = NULL;
	int err = bk_store_view_begin(s->store, &v);

	*ret_known = NULL;
	if (err)
		return err;
	err = bk_store_roster(v, circle, 0, &b);
	if (!err && !(m = baken__signed__unpack(NULL, b.len, b.data)))
		err = BK_E_CORRUPT;
	if (!err)
		err = bk_roster_verify(m, s->root_key, NULL, bk_now(), ret_known);
	baken__signed__free_unpacked(m, NULL);
	bk_store_view_end(v);
	return err == BK_E_NOT_FOUND ? 0 : err;
}

struct put { /* what the audit says of a list */
	bk_id circle;
	uint64_t version;
	char by[2 * 8 + 1]; /* the beginning of the registrar's fingerprint */
};

static int check_roster(struct bk_server *s, const uint8_t *data, size_t len, struct put *ret_put)
{
	struct bk_roster *r = NULL, *known = NULL, *again = NULL;
	Baken__Signed *m = baken__signed__unpack(NULL, len, data);
	int err = m ? bk_roster_verify(m, s->root_key, NULL, bk_now(), &r) : BK_E_INVAL;

	if (!err)
		err = known_roster(s, r->circle, &known);
	if (!err && known)
		err = bk_roster_verify(m, s->root_key, known, bk_now(), &again);
	/* Versions may be skipped: after a restore the registrar's book is ahead of this store. */
	if (!err && known && r->version == known->version)
		err = BK_E_OLD;
	if (!err) {
		ret_put->circle = r->circle;
		ret_put->version = r->version;
		bk_hex_encode(ret_put->by, bk_hash_of(m->signer.data, m->signer.len).b, 8);
	}
	bk_roster_free(again);
	bk_roster_free(known);
	bk_roster_free(r);
	baken__signed__free_unpacked(m, NULL);
	return err;
}

static int add_roster(struct bk_server *s, struct bk_job **list, struct pending *p, const json_t *value)
{
	uint8_t *data = NULL;
	size_t len = 0;
	struct bk_job *job;
	struct put put;
	char text[BK_ID_TEXT];
	int err = bk_json_b64(value, &data, &len);

	if (!err && p->n_circles == ROSTERS_MAX)
		err = BK_E_TOO_BIG;
	if (!err)
		err = check_roster(s, data, len, &put);
	if (!err) {
		job = bk_job_new(BK_OP_ROSTER_PUT, len);
		if (job) {
			memcpy(bk_job_extra(job), data, len);
			job->op.roster.signed_roster = (struct bk_bytes){bk_job_extra(job), len};
			join(list, p, job);
			join(list, p, bk_audit_job("ROSTER-PUT", "circle=%s version=%llu by=%s",
				bk_id_text(put.circle, text), (unsigned long long)put.version, put.by));
			p->circles[p->n_circles++] = put.circle;
		} else {
			err = BK_E_NOMEM;
		}
	}
	free(data);
	return err;
}

static int add_rosters(struct bk_server *s, struct bk_job **list, struct pending *p, const json_t *rosters, bool needed)
{
	size_t i;
	json_t *value;
	int err = 0;

	if (!rosters && !needed)
		return 0;
	if (!json_is_array(rosters) || (needed && !json_array_size(rosters)))
		return BK_E_INVAL;
	if (busy)
		return BK_E_BUSY;
	json_array_foreach(rosters, i, value) {
		if (!err)
			err = add_roster(s, list, p, value);
	}
	return err;
}

static void push(struct bk_server *s, struct pending *p, struct bk_job *list)
{
	if (p->n_circles || p->decided)
		busy = true;
	bk_writer_push(s->writer, list);
}

static void give_up(struct pending *p, struct bk_job *list, int err)
{
	struct bk_question *q = p->q;

	drop(list);
	json_decref(p->revoked);
	free(p);
	bk_control_fail(q, err);
}

void bk_control_roster_put(struct bk_question *q)
{
	struct bk_server *s = bk_question_server(q);
	struct pending *p = pending_new(q);
	struct bk_job *list = NULL;
	int err;

	if (!p) {
		bk_control_fail(q, BK_E_NOMEM);
		return;
	}
	err = add_rosters(s, &list, p, json_object_get(bk_question_args(q), "rosters"), true);
	if (err)
		give_up(p, list, err);
	else
		push(s, p, list);
}

void bk_control_invite_put(struct bk_question *q)
{
	struct bk_server *s = bk_question_server(q);
	struct pending *p = pending_new(q);
	struct bk_job *job = p ? bk_job_new(BK_OP_INVITE_PUT, 0) : NULL, *list = NULL;
	const char *role = json_string_value(json_object_get(bk_question_args(q), "role"));
	char text[BK_ID_TEXT];
	int err;

	if (!job) {
		if (p)
			json_decref(p->revoked);
		free(p);
		bk_control_fail(q, BK_E_NOMEM);
		return;
	}
	err = bk_question_id(q, "invite", &job->op.invite.invite);
	if (!err)
		err = bk_question_id(q, "account", &job->op.invite.account);
	if (!err)
		err = bk_question_id(q, "circle", &job->op.invite.circle);
	if (!err)
		err = bk_question_u64(q, "expires_ms", &job->op.invite.expires_ms);
	job->op.invite.role = bk_role_of(role);
	if (!err && (job->op.invite.role == BAKEN__ROLE__ROLE_NONE || job->op.invite.expires_ms <= bk_now()))
		err = BK_E_INVAL;
	if (err) {
		give_up(p, job, err);
		return;
	}
	join(&list, p, bk_audit_job("INVITE-PUT", "invite=%s role=%s", bk_id_text(job->op.invite.invite, text), role));
	join(&list, p, job);
	push(s, p, list);
}

/* Its rosters share the commit but not the outcome: what cannot be approved must be found before. */
static int check_pending(struct bk_server *s, bk_id invite)
{
	struct bk_store_view *v = NULL;
	struct bk_invite_row row;
	int err = busy ? BK_E_BUSY : bk_store_view_begin(s->store, &v);

	if (!err)
		err = bk_store_invite(v, invite, &row);
	if (!err && row.state != INVITE_PENDING)
		err = BK_E_STATE;
	bk_store_view_end(v);
	return err == BK_E_NOT_FOUND ? BK_E_INVITE : err;
}

void bk_control_invite_done(struct bk_question *q)
{
	struct bk_server *s = bk_question_server(q);
	const json_t *args = bk_question_args(q), *cert = json_object_get(args, "certificate");
	struct pending *p = pending_new(q);
	struct bk_job *list = NULL, *job;
	uint8_t *data = NULL;
	size_t len = 0;
	bool approved = json_is_true(json_object_get(args, "approved"));
	char text[BK_ID_TEXT];
	int err = p ? bk_question_id(q, "invite", &p->invite) : BK_E_NOMEM;

	if (!p) {
		bk_control_fail(q, err);
		return;
	}
	if (!err && approved)
		err = check_pending(s, p->invite);
	if (!err && approved)
		err = bk_json_b64(cert, &data, &len);
	if (!err)
		err = add_rosters(s, &list, p, json_object_get(args, "rosters"), approved);
	job = err ? NULL : bk_job_new(BK_OP_INVITE_DONE, len);
	if (!err && !job)
		err = BK_E_NOMEM;
	if (err) {
		free(data);
		give_up(p, list, err);
		return;
	}
	if (len)
		memcpy(bk_job_extra(job), data, len);
	free(data);
	job->op.done.invite = p->invite;
	job->op.done.approved = approved;
	job->op.done.certificate = (struct bk_bytes){bk_job_extra(job), len};
	p->decided = true;
	join(&list, p, bk_audit_job(approved ? "INVITE-APPROVED" : "INVITE-REFUSED", "invite=%s", bk_id_text(p->invite, text)));
	join(&list, p, job);
	push(s, p, list);
}

void bk_control_cut(struct bk_question *q)
{
	struct bk_server *s = bk_question_server(q);
	struct bk_conn *c;
	char text[BK_ID_TEXT];
	bk_id device;
	int err = bk_question_id(q, "device", &device);

	if (err) {
		bk_control_fail(q, err);
		return;
	}
	c = bk_live_device(s, device);
	if (c) {
		bk_audit(s, "CUT", "device=%s", bk_id_text(device, text));
		bk_conn_end(c, 1000, "cut by the operator", 60000);
	}
	bk_control_reply(q, json_pack("{s:b}", "cut", c != NULL));
}

static void expired(void *arg, uint64_t removed, int err)
{
	struct bk_question *q = arg;

	if (err) {
		bk_control_fail(q, err);
		return;
	}
	bk_watchdog_look(bk_question_server(q)->watchdog); /* what a restore held runs again */
	bk_audit(bk_question_server(q), "EXPIRE", "files=%llu", (unsigned long long)removed);
	bk_control_reply(q, json_pack("{s:I}", "removed", (json_int_t)removed));
}

void bk_control_expire(struct bk_question *q)
{
	bk_files_expire(bk_question_server(q), expired, q);
}
