/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where a device can be woken: given and taken back over its own, authenticated connection. */
#include "handlers.h"
#include "push.h"
#include "server.h"

static void push_done(struct bk_server *s, struct bk_job *job)
{
	struct bk_conn *c = bk_conn_find(s, job->conn);

	if (!bk_handle_failed(c, job) && c) {
		Baken__Frame f = BAKEN__FRAME__INIT;
		Baken__PushState m = BAKEN__PUSH_STATE__INIT;
		uint8_t key[BK_PUSH_KEY_BYTES];

		m.set = job->op.push.endpoint.len != 0;
		if (bk_push_key(s->push)) {
			memcpy(key, bk_push_key(s->push), sizeof key);
			m.vapid_key = bk_bytes(key, sizeof key);
		}
		f.request = job->request;
		f.kind_case = BAKEN__FRAME__KIND_PUSH_STATE;
		f.push_state = &m;
		bk_conn_send(c, &f);
	}
	bk_job_free(job);
}

/* The vault shows nothing and is always connected: there is nobody to wake. */
void bk_handle_push_set(struct bk_conn *c, const Baken__Frame *f)
{
	const char *endpoint = f->push_set->endpoint;
	size_t len = strlen(endpoint);
	struct bk_job *job;
	int err = len ? bk_push_endpoint_ok(c->server, endpoint) : 0;

	if (!err && len && c->role == BAKEN__ROLE__ROLE_VAULT)
		err = BK_E_ROLE;
	job = err ? NULL : bk_job_new(BK_OP_PUSH_SET, len);
	if (!job) {
		bk_conn_error(c, f->request, err ? err : BK_E_NOMEM, err ? 0 : 1000);
		return;
	}
	job->op.push.device = c->device;
	job->op.push.endpoint = (struct bk_bytes){memcpy(bk_job_extra(job), endpoint, len), len};
	bk_handle_push(c, f, job, push_done);
}
