/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A message: is it complete (every device that must get it, and none else), may this role send it there, is its
 * body what it says. Then one record of the next commit, and after that the receipt and the deliveries.
 */
#include <stdlib.h>

#include "batch.h"
#include "body.h"
#include "crashpoint.h"
#include "deliver.h"
#include "digest.h"
#include "handlers.h"
#include "live.h"
#include "log.h"
#include "push.h"
#include "server.h"

#define FULL_MAX 4096u /* (device without room, who asked) pairs remembered */
#define QUOTA_RETRY_MS 60000u

struct check {
	struct bk_conn *c;
	const Baken__Submit *m;
	bool alarm;
	bool slowed;       /* an alarm above its rate: carried as an urgent message */
	bk_id desk, fallback; /* whose ladder an alarm climbs */
	bk_id desks[BK_BODY_DESKS_MAX];
	size_t n_desks;
	bk_ms now;
	bool used[BK_CAPSULES_MAX];
	bk_id missing[BK_ROSTER_ENTRIES_MAX];
	size_t n_missing;
	bk_id circle; /* the one an error is about */
};

static bool find_capsule(struct check *k, bk_id device)
{
	for (size_t i = 0; i < k->m->n_capsules; i++)
		if (memcmp(k->m->capsules[i]->device_id.data, device.b, BK_ID_BYTES) == 0) {
			if (k->used[i])
				return false; /* twice the same device: the second stays unused, and is refused as extra */
			k->used[i] = true;
			return true;
		}
	return false;
}

/* Through a fall-back desk only what belongs to security. */
static bool is_reachable(struct bk_server *s, const struct bk_route *own, const struct bk_route *r, Baken__Regime regime)
{
	return bk_route_related(own, r) || (regime == BAKEN__REGIME__REGIME_SECURITY &&
						   bk_route_stands_in(&s->routes, s->store, own, r));
}

static int check_target(struct check *k, const struct bk_route *own, const Baken__Target *t)
{
	struct bk_server *s = k->c->server;
	const struct bk_route *r;
	bool current;

	memcpy(k->circle.b, t->circle_id.data, BK_ID_BYTES);
	r = bk_route_get(&s->routes, s->store, k->circle);
	if (!r || !is_reachable(s, own, r, k->m->regime) ||
		!bk_roles_may_send(k->c->role, r->kind, k->m->regime, BK_CONTENT_ANY))
		return BK_E_ROLE; /* an unknown circle looks the same as a forbidden one */
	current = r->version == t->roster_version && memcmp(r->hash.b, t->roster_hash.data, BK_HASH_BYTES) == 0;
	if (!current && !k->alarm)
		return BK_E_ROSTER;
	if (k->now > r->hard_expires_ms && !k->alarm)
		return BK_E_EXPIRED;
	if (r->kind == BAKEN__CIRCLE_KIND__CIRCLE_DESK && own->kind == BAKEN__CIRCLE_KIND__CIRCLE_PERSON)
		k->desk = own->desk;
	if (r->kind == BAKEN__CIRCLE_KIND__CIRCLE_DESK && !bk_id_equal(r->circle, own->desk))
		k->fallback = r->circle;
	if (r->kind == BAKEN__CIRCLE_KIND__CIRCLE_DESK && k->n_desks < BK_BODY_DESKS_MAX)
		k->desks[k->n_desks++] = r->circle;
	for (size_t i = 0; i < r->n_devices; i++) {
		const struct bk_route_device *d = &r->devices[i];

		if (bk_id_equal(d->device, k->c->device) || !bk_route_must_reach(r, d, k->now))
			continue;
		if (!find_capsule(k, d->device) && k->n_missing < BK_ROSTER_ENTRIES_MAX)
			k->missing[k->n_missing++] = d->device;
	}
	return 0;
}

static int check_submit(struct check *k)
{
	const Baken__Submit *m = k->m;
	struct bk_server *s = k->c->server;
	const struct bk_route *own = bk_route_get(&s->routes, s->store, k->c->circle);
	size_t reached = 0;
	bk_hash h;
	int err = 0;

	if (!own)
		return BK_E_LOGIN;
	if (!bk_body_size_ok(m->body.len))
		return BK_E_INVAL;
	h = bk_digest_of(m->body.data, m->body.len);
	if (memcmp(h.b, m->body_hash.data, BK_HASH_BYTES) != 0)
		return BK_E_HASH;
	for (size_t i = 0; !err && i < m->n_targets; i++)
		err = check_target(k, own, m->targets[i]);
	if (err)
		return err;
	for (size_t i = 0; i < m->n_capsules; i++)
		reached += k->used[i];
	/* A message that nobody would get is not "stored": the sender keeps it and tries again. */
	if (!reached || (!k->alarm && (k->n_missing || reached < m->n_capsules)))
		return BK_E_DEVICES;
	return 0;
}

/* An error that names circle and devices, so that the sender can prepare again without asking. */
static void refuse(const struct check *k, uint64_t request, int err)
{
	struct bk_arena *a = k->c->server->out_arena;
	Baken__Frame f = BAKEN__FRAME__INIT;
	Baken__Error m = BAKEN__ERROR__INIT;

	k->c->server->stats.submits_refused++;
	bk_arena_reset(a);
	bk_conn_error_fill(k->c, &m, err, 0);
	if (err == BK_E_ROSTER || err == BK_E_DEVICES || err == BK_E_ROLE || err == BK_E_EXPIRED)
		m.circle_id = bk_bytes(k->circle.b, BK_ID_BYTES);
	if (err == BK_E_DEVICES) {
		m.missing = bk_arena_alloc(a, (k->n_missing + 1) * sizeof *m.missing);
		m.extra = bk_arena_alloc(a, (k->m->n_capsules + 1) * sizeof *m.extra);
		for (size_t i = 0; m.missing && i < k->n_missing; i++)
			m.missing[m.n_missing++] = bk_bytes(k->missing[i].b, BK_ID_BYTES);
		for (size_t i = 0; m.extra && i < k->m->n_capsules; i++)
			if (!k->used[i])
				m.extra[m.n_extra++] = k->m->capsules[i]->device_id;
	}
	f.request = request;
	f.kind_case = BAKEN__FRAME__KIND_ERROR;
	f.error = &m;
	bk_conn_send(k->c, &f);
}

/* Everything a commit needs, in one block: capsule table, capsules, missing ids, file hashes, body. */
static struct bk_job *make_job(const struct check *k)
{
	const Baken__Submit *m = k->m;
	size_t n = 0, table, missing = k->n_missing * sizeof(bk_id), files = m->n_files * sizeof(bk_hash);
	struct bk_job *job;
	struct bk_op_capsule *caps;
	uint8_t *p;

	for (size_t i = 0; i < m->n_capsules; i++)
		n += k->used[i];
	table = n * sizeof *caps;
	job = bk_job_new(BK_OP_SUBMIT, table + n * BK_CAPSULE_BYTES + missing + files + m->body.len);
	if (!job)
		return NULL;
	caps = bk_job_extra(job);
	p = (uint8_t *)caps + table;
	job->op.submit.capsules = caps;
	job->op.submit.n_capsules = n;
	for (size_t i = 0; i < m->n_capsules; i++) {
		if (!k->used[i])
			continue;
		memcpy(caps->device.b, m->capsules[i]->device_id.data, BK_ID_BYTES);
		caps++->capsule = memcpy(p, m->capsules[i]->capsule.data, BK_CAPSULE_BYTES);
		p += BK_CAPSULE_BYTES;
	}
	p = (uint8_t *)memcpy(p, k->missing, missing) + missing;
	job->op.submit.files = (const bk_hash *)(const void *)p;
	job->op.submit.n_files = m->n_files;
	for (size_t i = 0; i < m->n_files; i++, p += sizeof(bk_hash))
		memcpy(p, m->files[i].data, sizeof(bk_hash));
	job->op.submit.body = (struct bk_bytes){memcpy(p, m->body.data, m->body.len), m->body.len};
	memcpy(job->op.submit.message.b, m->message_id.data, BK_ID_BYTES);
	memcpy(job->op.submit.body_hash.b, m->body_hash.data, BK_HASH_BYTES);
	job->op.submit.class = k->slowed ? BAKEN__CLASS__CLASS_URGENT : m->class_;
	job->op.submit.ladder = k->alarm && !k->slowed && !bk_id_is_zero(k->desk);
	job->op.submit.drill = m->drill;
	job->op.submit.desk = k->desk;
	job->op.submit.fallback = k->fallback;
	job->op.submit.keep_body = k->n_desks != 0;
	memcpy(job->op.submit.desks, k->desks, sizeof k->desks);
	job->op.submit.sender = k->c->device;
	job->first = k->alarm && !k->slowed;
	return job;
}

/* The missing ids lie behind the capsules. */
static const bk_id *missing_of(const struct bk_job *job, size_t *ret_n)
{
	const struct bk_op *op = &job->op;
	const uint8_t *from = (const uint8_t *)(op->submit.capsules + op->submit.n_capsules) +
		op->submit.n_capsules * BK_CAPSULE_BYTES;

	*ret_n = ((size_t)((const uint8_t *)op->submit.files - from)) / sizeof(bk_id);
	return (const bk_id *)(const void *)from;
}

/* Once each; the places of those who left are used again. A full table: they find out by trying again. */
static void remember_full(struct bk_server *s, bk_id device, uint64_t conn)
{
	size_t gone = FULL_MAX;

	if (!s->full && !(s->full = calloc(FULL_MAX, sizeof *s->full)))
		return;
	for (size_t i = 0; i < s->n_full; i++) {
		if (s->full[i].conn == conn && bk_id_equal(s->full[i].device, device))
			return;
		if (s->n_full == FULL_MAX && gone == FULL_MAX && !bk_conn_find(s, s->full[i].conn))
			gone = i;
	}
	if (s->n_full < FULL_MAX)
		gone = s->n_full++;
	if (gone < FULL_MAX)
		s->full[gone] = (struct bk_full){device, conn};
}

static void tell_full(struct bk_server *s, struct bk_conn *c, const struct bk_op *op)
{
	ProtobufCBinaryData ids[BK_CAPSULES_MAX];
	Baken__Frame f = BAKEN__FRAME__INIT;
	Baken__Quota m = BAKEN__QUOTA__INIT;

	s->stats.quota_refused++;
	for (size_t i = 0; i < op->submit.n_full && i < BK_CAPSULES_MAX; i++) {
		ids[m.n_device_ids++] = bk_bytes(op->submit.full[i].b, BK_ID_BYTES);
		remember_full(s, op->submit.full[i], c->number);
	}
	m.device_ids = ids;
	f.kind_case = BAKEN__FRAME__KIND_QUOTA;
	f.quota = &m;
	bk_conn_send(c, &f);
}

void bk_submit_room(struct bk_server *s, bk_id device)
{
	ProtobufCBinaryData id = bk_bytes(device.b, BK_ID_BYTES);
	Baken__Frame f = BAKEN__FRAME__INIT;
	Baken__QuotaResume m = BAKEN__QUOTA_RESUME__INIT;

	m.device_ids = &id;
	m.n_device_ids = 1;
	f.kind_case = BAKEN__FRAME__KIND_QUOTA_RESUME;
	f.quota_resume = &m;
	for (size_t i = 0; i < s->n_full;) {
		struct bk_conn *c;

		if (!bk_id_equal(s->full[i].device, device)) {
			i++;
			continue;
		}
		c = bk_conn_find(s, s->full[i].conn);
		s->full[i] = s->full[--s->n_full];
		if (c)
			bk_conn_send(c, &f);
	}
}

static void deliver_all(struct bk_server *s, struct bk_job *job)
{
	for (size_t i = 0; i < job->op.submit.n_capsules; i++) {
		struct bk_conn *to;

		if (!job->op.submit.capsules[i].seq)
			continue; /* had it before */
		to = bk_live_device(s, job->op.submit.capsules[i].device);
		if (to)
			bk_deliver_now(to, job, i);
	}
}

/* Drills are counted apart (R14). */
static void count_alarm(struct bk_server *s, const struct bk_op *op)
{
	if (op->submit.duplicate || op->submit.class != BAKEN__CLASS__CLASS_ALARM)
		return;
	if (op->submit.drill)
		s->stats.alarm_drills++;
	else
		s->stats.alarms++;
	if (op->submit.unwatched) {
		s->stats.alarms_unwatched++;
		bk_log(BK_LOG_ALARM_UNWATCHED, "alarm=%s", bk_log_device(op->submit.message));
	}
}

static void submit_done(struct bk_server *s, struct bk_job *job)
{
	struct bk_conn *c = bk_conn_find(s, job->conn);
	size_t n = 0;
	const bk_id *missing = missing_of(job, &n);

	if (job->err || job->op.result) {
		s->stats.submits_refused++;
		if (c && job->op.result == BK_E_QUOTA && !job->err) {
			bk_conn_error(c, job->request, BK_E_QUOTA, QUOTA_RETRY_MS);
			tell_full(s, c, &job->op);
		} else {
			bk_handle_failed(c, job);
		}
		bk_job_free(job);
		return;
	}
	BK_CRASH_POINT("server-before-stored");
	s->stats.submits++;
	s->stats.duplicates += job->op.submit.duplicate;
	count_alarm(s, &job->op);
	bk_batch_keep(s, job);
	if (c && bk_batch_stored(c, job, missing, n) != 0)
		bk_conn_error(c, job->request, BK_E_NOMEM, 1000);
	deliver_all(s, job);
	bk_push_wake_all(s, job);
}

void bk_handle_submit(struct bk_conn *c, const Baken__Frame *f)
{
	struct bk_server *s = c->server;
	struct check *k = bk_arena_alloc(s->arena, sizeof *k);
	uint64_t wait = 0;
	struct bk_job *job;
	int err;

	if (!k) {
		bk_conn_error(c, f->request, BK_E_NOMEM, 1000);
		return;
	}
	k->c = c;
	k->m = f->submit;
	k->alarm = f->submit->class_ == BAKEN__CLASS__CLASS_ALARM;
	k->now = bk_now();
	if (k->alarm && bk_throttle_device(&s->throttle, c->device, BK_RATE_ALARM, k->now)) {
		k->slowed = true;
		s->stats.alarms_over_rate++;
	}
	if (!k->alarm || k->slowed)
		wait = bk_throttle_device(&s->throttle, c->device, BK_RATE_MESSAGE, k->now);
	if (wait) {
		s->stats.rate_refused++;
		bk_conn_error(c, f->request, BK_E_RATE, wait);
		return;
	}
	err = check_submit(k);
	if (err) {
		refuse(k, f->request, err);
		return;
	}
	job = make_job(k);
	if (!job) {
		bk_conn_error(c, f->request, BK_E_NOMEM, 1000);
		return;
	}
	bk_handle_push(c, f, job, submit_done);
}
