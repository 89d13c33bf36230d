/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dispatch.h"

#include <stdarg.h>
#include <stdio.h>

#include "handlers.h"
#include "log.h"
#include "server.h"

#define ANY UINT32_MAX
#define R(role) (1u << BAKEN__ROLE__ROLE_##role)
#define DESK (R(OFFICER) | R(LEAD))
#define PEOPLE (R(PERSON) | R(RELATIVE) | R(CHILD))
#define STAFF (DESK | R(CARE) | R(VAULT))
#define P(phase) (1u << BK_PHASE_##phase)
#define NO_RATE BK_RATES
#define COMMIT_RETRY_MS 5000u

typedef void (*handler)(struct bk_conn *c, const Baken__Frame *f);
static const struct row {
	Baken__Frame__KindCase kind;
	uint32_t phases, roles;
	enum bk_rate rate; /* NO_RATE: the handler sees to it, or there is none */
	handler handle;
} rows[] = {
	{BAKEN__FRAME__KIND_LOGIN, P(HELLO), ANY, NO_RATE, bk_handle_login},
	{BAKEN__FRAME__KIND_RESUME, P(HELLO), ANY, NO_RATE, bk_handle_resume},
	{BAKEN__FRAME__KIND_ENROL, P(HELLO) | P(ENROL), ANY, NO_RATE, bk_handle_enrol},
	{BAKEN__FRAME__KIND_SUBMIT, P(ONLINE), ANY, NO_RATE, bk_handle_submit},
	{BAKEN__FRAME__KIND_ACK, P(ONLINE), ANY, NO_RATE, bk_handle_ack},
	{BAKEN__FRAME__KIND_NACK, P(ONLINE), ANY, NO_RATE, bk_handle_nack},
	{BAKEN__FRAME__KIND_ROSTER_GET, P(ONLINE), ANY, BK_RATE_FRAME, bk_handle_roster_get},
	{BAKEN__FRAME__KIND_CIRCLES_GET, P(ONLINE), STAFF, BK_RATE_FRAME, bk_handle_circles_get},
	{BAKEN__FRAME__KIND_PREKEYS_PUT, P(ONLINE), ANY, BK_RATE_FRAME, bk_handle_prekeys_put},
	{BAKEN__FRAME__KIND_PREKEYS_CHECK, P(ONLINE), ANY, BK_RATE_FRAME, bk_handle_prekeys_check},
	{BAKEN__FRAME__KIND_PREKEYS_CLAIM, P(ONLINE), ANY, BK_RATE_CLAIM, bk_handle_prekeys_claim},
	{BAKEN__FRAME__KIND_DUTY_SET, P(ONLINE), DESK, BK_RATE_FRAME, bk_handle_duty_set},
	{BAKEN__FRAME__KIND_CLAIM, P(ONLINE), DESK, BK_RATE_FRAME, bk_handle_claim},
	{BAKEN__FRAME__KIND_BODY_GET, P(ONLINE), ANY, BK_RATE_FRAME, bk_handle_body_get},
	{BAKEN__FRAME__KIND_PUSH_SET, P(ONLINE), ANY, BK_RATE_FRAME, bk_handle_push_set},
	{BAKEN__FRAME__KIND_WATCH_ARM, P(ONLINE), PEOPLE, BK_RATE_FRAME, bk_handle_watch_arm},
	{BAKEN__FRAME__KIND_WATCH_DISARM, P(ONLINE), PEOPLE, BK_RATE_FRAME, bk_handle_watch_disarm},
	{BAKEN__FRAME__KIND_PATH_HEALTH, P(ONLINE), R(VAULT), BK_RATE_FRAME, bk_handle_path},
	{BAKEN__FRAME__KIND_DRILL, P(ONLINE), ANY, BK_RATE_FRAME, bk_handle_drill},
};

static const struct row *find(Baken__Frame__KindCase kind)
{
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (rows[i].kind == kind)
			return &rows[i];
	return NULL;
}

int bk_dispatch(struct bk_conn *c, const Baken__Frame *f)
{
	struct bk_server *s = c->server;
	const struct row *r = find(f->kind_case);
	uint64_t wait;

	if (c->phase == BK_PHASE_CLOSED) /* was told to go; what it still says is not heard */
		return 0;
	if (!r || !(r->phases & (1u << c->phase))) {
		s->stats.frames_bad++;
		return BK_E_STATE;
	}
	if (c->phase == BK_PHASE_ONLINE && !(r->roles & (1u << c->role))) {
		s->stats.frames_bad++;
		bk_conn_error(c, f->request, BK_E_ROLE, 0);
		return 0;
	}
	if (r->rate != NO_RATE && (wait = bk_throttle_device(&s->throttle, c->device, r->rate, bk_now()))) {
		s->stats.rate_refused++;
		bk_conn_error(c, f->request, BK_E_RATE, wait);
		return 0;
	}
	if (bk_writer_waiting(s->writer) > BK_WRITER_HIGH && !c->paused && c->wire) {
		c->paused = true; /* goes on when the writer has caught up (bk_writer_on_low) */
		bk_net_pause(c->wire, true);
	}
	bk_route_trim(&s->routes);
	r->handle(c, f);
	return 0;
}

void bk_handle_push(struct bk_conn *c, const Baken__Frame *f, struct bk_job *job, bk_job_done done)
{
	job->op.now = bk_now();
	job->conn = c->number;
	job->request = f->request;
	job->done = done;
	bk_writer_push(c->server->writer, job);
}

bool bk_handle_failed(struct bk_conn *c, const struct bk_job *job)
{
	int err = job->err ? job->err : job->op.result;

	if (err && c)
		bk_conn_error(c, job->request, err, job->err || err == BK_E_FULL ? COMMIT_RETRY_MS : 0);
	return err != 0;
}

/* A record that needs room on the disk: only these tell that there is some again. */
static bool needs_room(const struct bk_job *job)
{
	return job->op.kind == BK_OP_SUBMIT || job->op.kind == BK_OP_FILE_NEW;
}

void bk_handle_outcome(struct bk_server *s, const struct bk_job *job)
{
	bool before = s->writes_failed, full = job->err == BK_E_FULL || (!job->err && job->op.result == BK_E_FULL);

	if (job->err == BK_E_CANCELLED || job->idle)
		return;
	s->stats.commit_errors += job->err || full;
	s->commit_failed = job->err != 0;
	if (full)
		s->room_full = true;
	else if (!job->err && needs_room(job) && !job->op.result)
		s->room_full = false;
	s->writes_failed = s->commit_failed || s->room_full;
	if (s->writes_failed && !before)
		bk_log(full ? BK_LOG_STORE_FULL : BK_LOG_STORE_FAILED, "commit=%s", bk_err_name(full ? BK_E_FULL : job->err));
	else if (before && !s->writes_failed)
		bk_log(BK_LOG_STORE_OK, "commit=BK_OK");
}

static struct bk_job *audit_v(const char *event, const char *format, va_list ap)
{
	enum { EVENT = 32, DETAIL = 400 };
	struct bk_job *job = bk_job_new(BK_OP_AUDIT, EVENT + DETAIL);
	char *text;

	if (!job)
		return NULL;
	text = bk_job_extra(job);
	snprintf(text, EVENT, "%s", event);
	vsnprintf(text + EVENT, DETAIL, format, ap);
	job->op.now = bk_now();
	job->op.audit.event = text;
	job->op.audit.detail = text + EVENT;
	return job;
}

struct bk_job *bk_audit_job(const char *event, const char *format, ...)
{
	va_list ap;
	struct bk_job *job;

	va_start(ap, format);
	job = audit_v(event, format, ap);
	va_end(ap);
	return job;
}

void bk_audit(struct bk_server *s, const char *event, const char *format, ...)
{
	va_list ap;
	struct bk_job *job;

	va_start(ap, format);
	job = audit_v(event, format, ap);
	va_end(ap);
	if (job)
		bk_writer_push(s->writer, job);
}
