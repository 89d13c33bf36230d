/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store_box.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "err.h"
#include "store_in.h"
#include "tmp.h"

void bk_store_box_open(struct bk_store_box *b, const char *name)
{
	BK_ASSERT(sodium_init() >= 0);
	snprintf(b->path, sizeof b->path, "%s/%s", bk_tmp_dir(), name);
	bk_tmp_remove_tree(b->path);
	bk_sample_fill(b->key, sizeof b->key, 77);
	b->o.path = b->path;
	b->o.seal_key = b->key;
	if (!b->o.map_bytes)
		b->o.map_bytes = 256ull << 20;
	b->now = BK_SAMPLE_NOW;
	BK_ASSERT(bk_store_open(&b->o, &b->store) == 0);
}

static void add(struct bk_box_circle *c, unsigned number, Baken__Role role, Baken__DeviceStatus status)
{
	c->devices[c->n].number = number;
	c->devices[c->n].role = role;
	c->devices[c->n++].status = status;
}

static void cast(struct bk_store_box *b)
{
	b->desk = (struct bk_box_circle){.circle = BK_BOX_DESK, .kind = BAKEN__CIRCLE_KIND__CIRCLE_DESK};
	add(&b->desk, BK_BOX_VAULT, BAKEN__ROLE__ROLE_VAULT, BAKEN__DEVICE_STATUS__DEVICE_VAULT);
	add(&b->desk, BK_BOX_OFFICER, BAKEN__ROLE__ROLE_OFFICER, BAKEN__DEVICE_STATUS__DEVICE_ACTIVE);
	add(&b->desk, BK_BOX_LEAD, BAKEN__ROLE__ROLE_LEAD, BAKEN__DEVICE_STATUS__DEVICE_ACTIVE);
	b->care = (struct bk_box_circle){.circle = BK_BOX_CARE, .kind = BAKEN__CIRCLE_KIND__CIRCLE_CARE};
	add(&b->care, BK_BOX_CARER, BAKEN__ROLE__ROLE_CARE, BAKEN__DEVICE_STATUS__DEVICE_ACTIVE);
	b->person = (struct bk_box_circle){.circle = BK_BOX_PERSON, .kind = BAKEN__CIRCLE_KIND__CIRCLE_PERSON,
		.desk = BK_BOX_DESK, .care = BK_BOX_CARE};
	add(&b->person, BK_BOX_PHONE, BAKEN__ROLE__ROLE_PERSON, BAKEN__DEVICE_STATUS__DEVICE_ACTIVE);
	add(&b->person, BK_BOX_TABLET, BAKEN__ROLE__ROLE_PERSON, BAKEN__DEVICE_STATUS__DEVICE_ACTIVE);
}

static int put_trust(struct bk_store_box *b)
{
	struct bk_server_cert cert = bk_sample_server();
	struct bk_sample_blob blob = bk_sample_server_signed(&cert, BK_SAMPLE_ROOT);
	uint8_t secret[BK_ED25519_SECRET_BYTES];
	struct bk_op op = {.kind = BK_OP_TRUST_PUT};
	int err;

	bk_sample_ed25519(BK_SAMPLE_ROOT, op.trust.root_key, secret);
	op.trust.server_cert.data = blob.data;
	op.trust.server_cert.len = blob.len;
	err = bk_store_box_do(b, &op);
	free(blob.data);
	return err;
}

void bk_store_box_realm(struct bk_store_box *b, const char *name)
{
	bk_store_box_open(b, name);
	cast(b);
	BK_ASSERT(put_trust(b) == 0);
	BK_ASSERT(bk_store_box_put(b, &b->desk, NULL) == 0);
	BK_ASSERT(bk_store_box_put(b, &b->care, NULL) == 0);
	BK_ASSERT(bk_store_box_put(b, &b->person, NULL) == 0);
}

int bk_store_box_reopen(struct bk_store_box *b)
{
	bk_store_box_close(b);
	return bk_store_open(&b->o, &b->store);
}

void bk_store_box_close(struct bk_store_box *b)
{
	bk_store_close(b->store);
	b->store = NULL;
}

struct bk_sample_blob bk_store_box_sign(struct bk_box_circle *c, bk_ms now)
{
	unsigned by = c->kind == BAKEN__CIRCLE_KIND__CIRCLE_CARE ? BK_SAMPLE_CARE : BK_SAMPLE_SECURITY;
	struct bk_registrar_cert registrar = bk_sample_registrar(by);
	struct bk_sample_blob cr = bk_sample_registrar_signed(&registrar, BK_SAMPLE_ROOT), out = {NULL, 0};
	struct bk_sample_blob certs[8];
	struct bk_roster_plan_entry entries[8];
	const uint8_t *const registrars[] = {cr.data};
	struct bk_roster_plan plan = {.circle = c->circle, .kind = c->kind, .version = c->version + 1,
		.previous = c->hash, .issued_ms = now, .expires_ms = now + 7 * BK_SAMPLE_DAY,
		.hard_expires_ms = now + 14 * BK_SAMPLE_DAY, .desk = c->desk, .care = c->care, .fallback = c->fallback,
		.household = c->household,
		.n_household = c->n_household, .entries = entries,
		.n_entries = c->n, .registrars = registrars, .registrar_lens = &cr.len, .n_registrars = 1};
	uint8_t public[BK_KEY_BYTES], secret[BK_ED25519_SECRET_BYTES];
	Baken__Signed *s;

	for (size_t i = 0; i < c->n; i++) {
		struct bk_device_cert cert = bk_sample_device(c->devices[i].number, c->devices[i].role, c->circle);

		certs[i] = bk_sample_device_signed(&cert, by);
		entries[i] = (struct bk_roster_plan_entry){certs[i].data, certs[i].len, c->devices[i].status, now};
	}
	bk_sample_ed25519(by, public, secret);
	BK_ASSERT(bk_roster_sign(&plan, secret, &out.data, &out.len) == 0);
	s = bk_sample_unpack(out);
	c->hash = bk_hash_of(s->payload.data, s->payload.len);
	c->version++;
	baken__signed__free_unpacked(s, NULL);
	for (size_t i = 0; i < c->n; i++)
		free(certs[i].data);
	free(cr.data);
	return out;
}

int bk_store_box_put(struct bk_store_box *b, struct bk_box_circle *c, struct bk_op *ret_op)
{
	struct bk_sample_blob blob = bk_store_box_sign(c, b->now);
	struct bk_op op = {.kind = BK_OP_ROSTER_PUT};
	int err;

	op.roster.signed_roster.data = blob.data;
	op.roster.signed_roster.len = blob.len;
	err = bk_store_box_do(b, &op);
	free(blob.data);
	if (ret_op)
		*ret_op = op;
	else
		free(op.roster.revoked);
	return err;
}

int bk_store_box_do(struct bk_store_box *b, struct bk_op *op)
{
	int err;

	op->now = b->now;
	err = bk_store_commit(b->store, op, 1);
	return err ? err : op->result;
}

int bk_store_box_submit(struct bk_store_box *b, struct bk_box_message *m)
{
	size_t len = m->body_len ? m->body_len : 100;
	uint8_t capsule[BK_CAPSULE_BYTES], *body = malloc(len);
	struct bk_op_capsule capsules[16];
	struct bk_op op = {.kind = BK_OP_SUBMIT};
	int err;

	BK_ASSERT(body && m->n_to <= 16);
	bk_sample_fill(body, len, m->number);
	bk_sample_fill(capsule, sizeof capsule, m->number + 1);
	for (size_t i = 0; i < m->n_to; i++)
		capsules[i] = (struct bk_op_capsule){bk_sample_id(m->to[i]), capsule, 99};
	op.submit.message = bk_sample_id(0x5000 + m->number);
	op.submit.class = m->class ? m->class : BAKEN__CLASS__CLASS_NORMAL;
	op.submit.body_hash = bk_hash_of(body, len);
	op.submit.body.data = body;
	op.submit.body.len = len;
	op.submit.keep_body = m->keep;
	op.submit.ladder = m->ladder;
	op.submit.drill = m->drill;
	op.submit.desk = BK_BOX_DESK;
	op.submit.desks[0] = BK_BOX_DESK;
	op.submit.sender = bk_sample_id(BK_BOX_PHONE);
	op.submit.capsules = capsules;
	op.submit.n_capsules = m->n_to;
	op.submit.files = m->files;
	op.submit.n_files = m->n_files;
	err = bk_store_box_do(b, &op);
	for (size_t i = 0; i < m->n_to; i++)
		m->seqs[i] = capsules[i].seq;
	m->duplicate = op.submit.duplicate;
	m->stored_ms = op.submit.stored_ms;
	m->n_full = op.submit.n_full;
	for (size_t i = 0; i < op.submit.n_full; i++)
		m->full[i] = op.submit.full[i];
	free(op.submit.full);
	free(body);
	return err;
}

uint64_t bk_store_box_send(struct bk_store_box *b, unsigned number, Baken__Class class, unsigned to)
{
	struct bk_box_message m = {.number = number, .class = class, .to = &to, .n_to = 1};

	return bk_store_box_submit(b, &m) == 0 ? m.seqs[0] : 0;
}

int bk_store_box_ack(struct bk_store_box *b, unsigned device, uint64_t seq, bool *ret_resumed)
{
	struct bk_op op = {.kind = BK_OP_ACK};
	int err;

	op.ack.device = bk_sample_id(device);
	op.ack.seqs = &seq;
	op.ack.n_seqs = 1;
	err = bk_store_box_do(b, &op);
	if (ret_resumed)
		*ret_resumed = op.ack.resumed;
	return err;
}

/* ---- short forms of the other ops ---- */

void bk_store_box_prekey(unsigned device, uint32_t id, uint8_t ret_key[static BK_KEY_BYTES])
{
	bk_sample_fill(ret_key, BK_KEY_BYTES, device * 100000 + id);
}

int bk_store_box_prekeys(struct bk_store_box *b, unsigned device, uint32_t first, size_t n, uint32_t signed_id,
	bool replace, uint32_t *ret_left)
{
	uint8_t (*keys)[BK_KEY_BYTES] = calloc(n + 1, sizeof *keys), sig[BK_SIG_BYTES];
	Baken__Prekey *list = calloc(n + 1, sizeof *list), **pointers = calloc(n + 1, sizeof *pointers);
	Baken__SignedPrekey sp = BAKEN__SIGNED_PREKEY__INIT;
	Baken__PrekeysPut put = BAKEN__PREKEYS_PUT__INIT;
	struct bk_op op = {.kind = BK_OP_PREKEYS_PUT};
	int err;

	BK_ASSERT(keys && list && pointers);
	for (size_t i = 0; i < n; i++) {
		baken__prekey__init(&list[i]);
		list[i].id = first + (uint32_t)i;
		bk_store_box_prekey(device, list[i].id, keys[i]);
		list[i].public_key = (ProtobufCBinaryData){BK_KEY_BYTES, keys[i]};
		pointers[i] = &list[i];
	}
	bk_store_box_prekey(device, 50000 + signed_id, keys[n]);
	bk_sample_fill(sig, sizeof sig, device + signed_id);
	sp.id = signed_id;
	sp.public_key = (ProtobufCBinaryData){BK_KEY_BYTES, keys[n]};
	sp.signature = (ProtobufCBinaryData){sizeof sig, sig};
	put.signed_prekey = signed_id ? &sp : NULL;
	put.prekeys = pointers;
	put.n_prekeys = n;
	put.replace = replace;
	op.prekeys.device = bk_sample_id(device);
	op.prekeys.put = &put;
	err = bk_store_box_do(b, &op);
	if (ret_left)
		*ret_left = op.prekeys.left;
	free(keys);
	free(list);
	free(pointers);
	return err;
}

int bk_store_box_claim_prekey(struct bk_store_box *b, unsigned claimant, unsigned device, struct bk_bundle *ret_bundle)
{
	bk_id id = bk_sample_id(device);
	struct bk_op op = {.kind = BK_OP_PREKEYS_CLAIM};

	op.claim_prekeys.claimant = bk_sample_id(claimant);
	op.claim_prekeys.devices = &id;
	op.claim_prekeys.n_devices = 1;
	op.claim_prekeys.bundles = ret_bundle;
	return bk_store_box_do(b, &op);
}

static void fill_ticket(unsigned number, uint8_t out[static 32])
{
	bk_sample_fill(out, 32, 7000 + number);
}

bk_hash bk_store_box_ticket(unsigned number)
{
	uint8_t ticket[32];

	fill_ticket(number, ticket);
	return bk_hash_of(ticket, sizeof ticket);
}

int bk_store_box_login(struct bk_store_box *b, unsigned device, unsigned number, unsigned used)
{
	struct bk_op op = {.kind = BK_OP_SESSION_PUT};

	op.session.session = bk_sample_id(7000 + number);
	op.session.device = bk_sample_id(device);
	fill_ticket(number, op.session.ticket);
	op.session.expires_ms = b->now + BK_SAMPLE_DAY;
	op.session.resume = used != 0;
	if (used)
		op.session.old_ticket = bk_store_box_ticket(used);
	return bk_store_box_do(b, &op);
}

int bk_store_box_upload(struct bk_store_box *b, unsigned device, unsigned number, uint64_t size)
{
	struct bk_op op = {.kind = BK_OP_FILE_NEW};

	op.file_new.upload = bk_sample_id(8000 + number);
	op.file_new.device = bk_sample_id(device);
	op.file_new.size = size;
	return bk_store_box_do(b, &op);
}

int bk_store_box_complete(struct bk_store_box *b, unsigned device, unsigned number, unsigned bytes)
{
	struct bk_op op = {.kind = BK_OP_FILE_DONE};

	op.file_done.upload = bk_sample_id(8000 + number);
	op.file_done.device = bk_sample_id(device);
	op.file_done.hash = bk_sample_hash(bytes);
	return bk_store_box_do(b, &op);
}

int bk_store_box_invite(struct bk_store_box *b, unsigned number)
{
	struct bk_op op = {.kind = BK_OP_INVITE_PUT};

	op.invite.invite = bk_sample_id(9000 + number);
	op.invite.account = bk_sample_id(9500);
	op.invite.circle = BK_BOX_DESK;
	op.invite.role = BAKEN__ROLE__ROLE_OFFICER;
	op.invite.expires_ms = b->now + BK_SAMPLE_DAY / 24;
	return bk_store_box_do(b, &op);
}

int bk_store_box_claim(struct bk_store_box *b, unsigned device, unsigned tag, Baken__Claim__Verb verb,
	struct bk_op *ret_op)
{
	struct bk_op op = {.kind = BK_OP_CLAIM};
	int err;

	bk_sample_fill(op.claim.tag, sizeof op.claim.tag, tag);
	op.claim.device = bk_sample_id(device);
	op.claim.verb = verb;
	op.claim.until_ms = b->now + BK_LEASE_MS;
	err = bk_store_box_do(b, &op);
	if (ret_op)
		*ret_op = op;
	return err;
}

/* ---- timers ---- */

#define WATCH_BODY 296u

static struct bk_op watch_op(struct bk_store_box *b, struct bk_box_watch *w, uint8_t body[static WATCH_BODY])
{
	struct bk_op op = {.kind = BK_OP_WATCH_ARM};
	unsigned device = w->device ? w->device : BK_BOX_PHONE;

	w->counter += !w->counter;
	if (!w->due_ms)
		w->due_ms = b->now + 3600000;
	bk_sample_fill(body, WATCH_BODY, w->number * 1000 + (unsigned)w->counter);
	op.watch.watch = bk_sample_id(w->number);
	op.watch.device = bk_sample_id(device);
	op.watch.circle = device == BK_BOX_PHONE || device == BK_BOX_TABLET ? BK_BOX_PERSON :
		device == BK_BOX_CARER ? BK_BOX_CARE : BK_BOX_DESK;
	op.watch.desk = BK_BOX_DESK;
	op.watch.counter = w->counter;
	op.watch.due_ms = w->due_ms;
	op.watch.grace_ms = w->grace_ms;
	op.watch.body = (struct bk_bytes){body, WATCH_BODY};
	op.watch.body_hash = bk_hash_of(body, WATCH_BODY);
	return op;
}

static int watch_do(struct bk_store_box *b, struct bk_op *op, struct bk_box_watch *w)
{
	int err = bk_store_box_do(b, op);

	w->row = op->watch.row;
	w->changed = op->watch.changed;
	return err;
}

int bk_store_box_arm(struct bk_store_box *b, struct bk_box_watch *w)
{
	uint8_t body[WATCH_BODY];
	struct bk_op op = watch_op(b, w, body);

	return watch_do(b, &op, w);
}

int bk_store_box_disarm(struct bk_store_box *b, struct bk_box_watch *w)
{
	uint8_t body[WATCH_BODY];
	struct bk_op op = watch_op(b, w, body);

	op.kind = BK_OP_WATCH_DISARM;
	return watch_do(b, &op, w);
}

int bk_store_box_fire(struct bk_store_box *b, const struct bk_box_watch *w, const unsigned *to, size_t n,
	uint64_t *ret_seqs)
{
	struct bk_watch_fired fired = {.watch = bk_sample_id(w->number), .counter = w->counter, .due_ms = w->due_ms,
		.fired_ms = b->now};
	uint8_t body[WATCH_BODY], record[BK_WATCH_FIRED_BYTES];
	struct bk_op_capsule caps[16] = {{.seq = 0}};
	struct bk_op op = {.kind = BK_OP_WATCH_FIRE};
	int err;

	bk_sample_fill(body, WATCH_BODY, w->number * 1000 + (unsigned)w->counter);
	bk_watch_fired_encode(&fired, record);
	for (size_t i = 0; i < n; i++)
		caps[i] = (struct bk_op_capsule){.device = bk_sample_id(to[i]), .capsule = record};
	op.submit.watch = fired.watch;
	op.submit.watch_counter = w->counter;
	op.submit.message = bk_watch_message_id(fired.watch, w->counter);
	op.submit.class = BAKEN__CLASS__CLASS_ALARM;
	op.submit.body = (struct bk_bytes){body, sizeof body};
	op.submit.body_hash = bk_hash_of(body, sizeof body);
	op.submit.keep_body = true;
	op.submit.sender = bk_sample_id(BK_BOX_PHONE);
	op.submit.capsules = caps;
	op.submit.n_capsules = n;
	op.submit.capsule_len = sizeof record;
	err = bk_store_box_do(b, &op);
	for (size_t i = 0; ret_seqs && i < n; i++)
		ret_seqs[i] = caps[i].seq;
	return err;
}

int bk_store_box_audit(struct bk_store_box *b, const char *event, const char *detail, uint64_t *ret_number)
{
	struct bk_op op = {.kind = BK_OP_AUDIT};
	int err;

	op.audit.event = event;
	op.audit.detail = detail;
	err = bk_store_box_do(b, &op);
	if (ret_number)
		*ret_number = op.audit.number;
	return err;
}

int bk_store_box_push(struct bk_store_box *b, unsigned device, const char *endpoint)
{
	struct bk_op op = {.kind = BK_OP_PUSH_SET};

	op.push.device = bk_sample_id(device);
	op.push.endpoint = (struct bk_bytes){(const uint8_t *)endpoint, strlen(endpoint)};
	return bk_store_box_do(b, &op);
}

void bk_store_box_fill(struct bk_store_box *b)
{
	struct bk_op op = {.kind = BK_OP_NACK};
	const unsigned vault = BK_BOX_VAULT, officer = BK_BOX_OFFICER;
	struct bk_box_message alarm = {.number = 3, .class = BAKEN__CLASS__CLASS_ALARM, .to = &officer, .n_to = 1,
		.ladder = true};
	const bk_hash hash = bk_sample_hash(1);
	struct bk_box_message m = {.number = 2, .to = &vault, .n_to = 1, .keep = true, .files = &hash, .n_files = 1};
	uint64_t fresh = b->store->bounds.fresh;

	op.nack.device = bk_sample_id(BK_BOX_PHONE);
	op.nack.seq = bk_store_box_send(b, 1, BAKEN__CLASS__CLASS_ALARM, BK_BOX_PHONE);
	for (unsigned i = 0; i < BK_DELIVER_ATTEMPTS; i++)
		BK_ASSERT(bk_store_box_do(b, &op) == 0);
	BK_ASSERT(bk_store_box_submit(b, &alarm) == 0);
	BK_ASSERT(bk_store_box_upload(b, BK_BOX_PHONE, 1, 70000) == 0);
	BK_ASSERT(bk_store_box_complete(b, BK_BOX_PHONE, 1, 1) == 0);
	BK_ASSERT(bk_store_box_upload(b, BK_BOX_PHONE, 2, 70000) == 0);
	b->store->bounds.fresh = 2; /* of two message ids one goes over */
	BK_ASSERT(bk_store_box_submit(b, &m) == 0);
	b->store->bounds.fresh = fresh;
	BK_ASSERT(bk_store_box_prekeys(b, BK_BOX_PHONE, 1, 5, 1, false, NULL) == 0);
	BK_ASSERT(bk_store_box_login(b, BK_BOX_PHONE, 1, 0) == 0);
	BK_ASSERT(bk_store_box_claim(b, BK_BOX_OFFICER, 1, BAKEN__CLAIM__VERB__TAKE, NULL) == 0);
	BK_ASSERT(bk_store_box_arm(b, &(struct bk_box_watch){.number = 50}) == 0);
	BK_ASSERT(bk_store_box_invite(b, 1) == 0);
	BK_ASSERT(bk_store_box_push(b, BK_BOX_TABLET, "https://push.example/tablet") == 0);
	BK_ASSERT(bk_store_box_audit(b, "ROSTER-PUT", "circle=1 result=0", NULL) == 0);
}

/* ---- reading ---- */

uint64_t bk_store_box_rows(struct bk_store_box *b, int table)
{
	struct bk_txn *t = NULL;
	uint64_t rows = 0;

	BK_ASSERT(bk_env_begin(b->store->env, false, &t) == 0);
	BK_ASSERT(bk_env_count(t, (enum bk_table)table, &rows) == 0);
	bk_env_abort(t);
	return rows;
}

struct bk_store_view *bk_store_box_view(struct bk_store_box *b)
{
	struct bk_store_view *v = NULL;

	BK_ASSERT(bk_store_view_begin(b->store, &v) == 0);
	return v;
}

struct bk_store_stats bk_store_box_stats(struct bk_store_box *b)
{
	struct bk_store_view *v = bk_store_box_view(b);
	struct bk_store_stats stats;

	BK_ASSERT(bk_store_stats(v, &stats) == 0);
	bk_store_view_end(v);
	return stats;
}

struct bk_device_row bk_store_box_device(struct bk_store_box *b, unsigned device)
{
	struct bk_store_view *v = bk_store_box_view(b);
	struct bk_device_row row;

	BK_ASSERT(bk_store_device(v, bk_sample_id(device), &row) == 0);
	bk_store_view_end(v);
	return row;
}

int bk_store_box_check(struct bk_store_box *b)
{
	struct bk_store_view *v = bk_store_box_view(b);
	int err = bk_store_check(v);

	bk_store_view_end(v);
	return err;
}

static void count(void *arg, bk_hash file)
{
	(void)file;
	++*(size_t *)arg;
}

size_t bk_store_box_expire(struct bk_store_box *b)
{
	bool more = true;
	size_t n = 0;

	for (unsigned step = 0; more; step++) {
		BK_ASSERT(step < 10000);
		BK_ASSERT(bk_store_expire(b->store, b->now, count, &n, &more) == 0);
	}
	return n;
}
