/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "handlers.h"
#include "live.h"
#include "server.h"
#include "signal_key.h"

int bk_prekeys_state(struct bk_store_view *v, bk_id device, Baken__PrekeysState *m, bk_hash *hash)
{
	int err = bk_store_prekeys_state(v, device, &m->left, &m->signed_prekey_id, hash);

	if (!err && m->signed_prekey_id)
		m->digest = bk_bytes(hash->b, BK_HASH_BYTES);
	return err == BK_E_NOT_FOUND ? 0 : err;
}

static void send_state(struct bk_conn *c, uint64_t request)
{
	struct bk_store_view *v = NULL;
	Baken__Frame f = BAKEN__FRAME__INIT;
	Baken__PrekeysState m = BAKEN__PREKEYS_STATE__INIT;
	bk_hash hash;
	int err = bk_store_view_begin(c->server->store, &v);

	if (!err)
		err = bk_prekeys_state(v, c->device, &m, &hash);
	if (v)
		bk_store_view_end(v);
	if (err) {
		bk_conn_error(c, request, err, 0);
		return;
	}
	f.request = request;
	f.kind_case = BAKEN__FRAME__KIND_PREKEYS_STATE;
	f.prekeys_state = &m;
	bk_conn_send(c, &f);
}

static void put_done(struct bk_server *s, struct bk_job *job)
{
	struct bk_conn *c = bk_conn_find(s, job->conn);

	if (c) {
		if (!bk_handle_failed(c, job))
			send_state(c, job->request);
	}
	bk_job_free(job);
}

/* The owner's signature over its signed prekey: a mistake is found here, not by every sender later. */
static int check_put(struct bk_conn *c, const Baken__PrekeysPut *m)
{
	struct bk_store_view *v = NULL;
	struct bk_device_row row;
	uint8_t typed[1 + BK_KEY_BYTES] = {5};
	int err;

	if (!m->signed_prekey)
		return 0;
	err = bk_store_view_begin(c->server->store, &v);
	if (!err)
		err = bk_store_device(v, c->device, &row);
	if (v)
		bk_store_view_end(v);
	if (err)
		return err;
	memcpy(typed + 1, m->signed_prekey->public_key.data, BK_KEY_BYTES);
	return bk_identity_verify(row.identity, "", typed, sizeof typed, m->signed_prekey->signature.data);
}

void bk_handle_prekeys_put(struct bk_conn *c, const Baken__Frame *f)
{
	size_t len = baken__prekeys_put__get_packed_size(f->prekeys_put);
	struct bk_job *job;
	int err = check_put(c, f->prekeys_put);

	if (err) {
		bk_conn_error(c, f->request, err, 0);
		return;
	}
	job = bk_job_new(BK_OP_PREKEYS_PUT, len);
	if (job) { /* packed and unpacked again: a deep copy that outlives the arena */
		baken__prekeys_put__pack(f->prekeys_put, bk_job_extra(job));
		job->more = baken__prekeys_put__unpack(NULL, len, bk_job_extra(job));
	}
	if (!job || !job->more) {
		bk_job_free(job);
		bk_conn_error(c, f->request, BK_E_NOMEM, 1000);
		return;
	}
	job->free_more = bk_prekeys_free_more;
	job->op.prekeys.device = c->device;
	job->op.prekeys.put = job->more;
	bk_handle_push(c, f, job, put_done);
}

void bk_prekeys_free_more(void *more)
{
	baken__prekeys_put__free_unpacked(more, NULL);
}

void bk_handle_prekeys_check(struct bk_conn *c, const Baken__Frame *f)
{
	send_state(c, f->request);
}

/* ---- claims ---- */

struct wire_bundle {
	Baken__PrekeyBundle m;
	Baken__SignedPrekey s;
	Baken__Prekey p;
};

static void fill_bundle(const struct bk_bundle *b, struct wire_bundle *w)
{
	baken__prekey_bundle__init(&w->m);
	baken__signed_prekey__init(&w->s);
	baken__prekey__init(&w->p);
	w->m.device_id = bk_bytes(b->device.b, BK_ID_BYTES);
	w->m.registration_id = b->registration;
	w->s.id = b->signed_id;
	w->s.public_key = bk_bytes(b->signed_key, BK_KEY_BYTES);
	w->s.signature = bk_bytes(b->signed_sig, BK_SIG_BYTES);
	w->m.signed_prekey = &w->s;
	if (b->one_time) {
		w->p.id = b->prekey_id;
		w->p.public_key = bk_bytes(b->prekey, BK_KEY_BYTES);
		w->m.prekey = &w->p;
	}
}

static void send_bundles(struct bk_conn *c, const struct bk_job *job)
{
	const struct bk_op *op = &job->op;
	struct wire_bundle w[BK_PREKEY_CLAIM_MAX];
	Baken__PrekeyBundle *list[BK_PREKEY_CLAIM_MAX];
	ProtobufCBinaryData absent[BK_PREKEY_CLAIM_MAX];
	Baken__Frame f = BAKEN__FRAME__INIT;
	Baken__PrekeyBundles m = BAKEN__PREKEY_BUNDLES__INIT;

	for (size_t i = 0; i < op->claim_prekeys.n_devices; i++) {
		const struct bk_bundle *b = &op->claim_prekeys.bundles[i];

		if (!b->present) {
			absent[m.n_absent++] = bk_bytes(op->claim_prekeys.devices[i].b, BK_ID_BYTES);
			continue;
		}
		fill_bundle(b, &w[m.n_bundles]);
		list[m.n_bundles] = &w[m.n_bundles].m;
		m.n_bundles++;
	}
	m.bundles = list;
	m.absent = absent;
	f.request = job->request;
	f.kind_case = BAKEN__FRAME__KIND_PREKEY_BUNDLES;
	f.prekey_bundles = &m;
	bk_conn_send(c, &f);
}

static void claim_done(struct bk_server *s, struct bk_job *job)
{
	struct bk_conn *c = bk_conn_find(s, job->conn);

	if (!bk_handle_failed(c, job)) {
		if (c)
			send_bundles(c, job);
		for (size_t i = 0; i < job->op.claim_prekeys.n_devices; i++) {
			const struct bk_bundle *b = &job->op.claim_prekeys.bundles[i];
			struct bk_conn *owner = b->present ? bk_live_device(s, b->device) : NULL;

			if (owner && b->left < BK_PREKEYS_LOW)
				send_state(owner, 0);
		}
	}
	bk_job_free(job);
}

/* Who may claim: someone who may write to that device's circle. */
static bool may_claim(struct bk_conn *c, bk_id device)
{
	struct bk_server *s = c->server;
	struct bk_store_view *v = NULL;
	struct bk_device_row row;
	const struct bk_route *own, *r;
	int err = bk_store_view_begin(s->store, &v);

	if (!err)
		err = bk_store_device(v, device, &row);
	if (v)
		bk_store_view_end(v);
	if (err)
		return false;
	r = bk_route_get(&s->routes, s->store, row.circle);
	own = bk_route_get(&s->routes, s->store, c->circle);
	return own && r && (bk_route_related(own, r) || bk_route_related(r, own) ||
				   bk_route_stands_in(&s->routes, s->store, own, r));
}

static bool named_before(const bk_id *ids, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (bk_id_equal(ids[i], ids[n]))
			return true;
	return false;
}

void bk_handle_prekeys_claim(struct bk_conn *c, const Baken__Frame *f)
{
	const Baken__PrekeysClaim *m = f->prekeys_claim;
	size_t n = m->n_device_ids;
	struct bk_job *job = bk_job_new(BK_OP_PREKEYS_CLAIM, n * (sizeof(struct bk_bundle) + sizeof(bk_id) + sizeof(bool)));
	bk_id *ids;
	bool *sparing;

	if (!job) {
		bk_conn_error(c, f->request, BK_E_NOMEM, 1000);
		return;
	}
	job->op.claim_prekeys.bundles = bk_job_extra(job);
	ids = (bk_id *)(void *)(job->op.claim_prekeys.bundles + n);
	sparing = (bool *)(ids + n);
	for (size_t i = 0; i < n; i++) {
		memcpy(ids[i].b, m->device_ids[i].data, BK_ID_BYTES);
		/* Zero is answered as absent, like one that does not exist. Twice in one claim is once. */
		if (named_before(ids, i) || !may_claim(c, ids[i]))
			memset(&ids[i], 0, sizeof ids[i]);
		else
			sparing[i] = bk_throttle_pair(&c->server->throttle, c->device, ids[i], BK_RATE_PAIR, bk_now()) != 0;
	}
	job->op.claim_prekeys.claimant = c->device;
	job->op.claim_prekeys.devices = ids;
	job->op.claim_prekeys.sparing = sparing;
	job->op.claim_prekeys.n_devices = n;
	bk_handle_push(c, f, job, claim_done);
}
