/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rows.h"

#include "bytes.h"
#include "err.h"

#define ROW_MAX (2u * BK_ROWS_BLOB_MAX + 256u)

/* A cursor in one of the two directions, so that a layout is said once. */
struct pack {
	bool reading;
	struct bk_reader r;
	struct bk_writer w;
};

static void raw(struct pack *p, void *data, size_t n)
{
	if (p->reading)
		bk_read_bytes(&p->r, data, n);
	else
		bk_write_bytes(&p->w, data, n);
}

static void id(struct pack *p, bk_id *v)
{
	raw(p, v->b, sizeof v->b);
}

static void hash(struct pack *p, bk_hash *v)
{
	raw(p, v->b, sizeof v->b);
}

static void u64(struct pack *p, uint64_t *v)
{
	if (p->reading)
		*v = bk_read_u64(&p->r);
	else
		bk_write_u64(&p->w, *v);
}

static void u32(struct pack *p, uint32_t *v)
{
	if (p->reading)
		*v = bk_read_u32(&p->r);
	else
		bk_write_u32(&p->w, *v);
}

static void u8(struct pack *p, uint8_t *v)
{
	raw(p, v, 1);
}

static void flag(struct pack *p, bool *v)
{
	uint8_t byte = 0;

	if (!p->reading)
		byte = *v;
	u8(p, &byte);
	*v = byte == 1;
	if (byte > 1)
		p->r.failed = true;
}

/* An enumeration in one byte; a number past its last is damage, and would index what it should not. */
#define NUMBER(p, field, type, last)                                                               \
	do {                                                                                       \
		uint8_t number_ = (p)->reading ? 0 : (uint8_t)(field);                             \
		u8(p, &number_);                                                                   \
		(field) = (type)number_;                                                           \
		if (number_ > (last))                                                              \
			(p)->r.failed = (p)->w.failed = true;                                      \
	} while (0)
#define KIND_LAST BAKEN__CIRCLE_KIND__CIRCLE_PERSON
#define ROLE_LAST BAKEN__ROLE__ROLE_VAULT
#define STATUS_LAST BAKEN__DEVICE_STATUS__DEVICE_REVOKED
#define INVITE_LAST 3 /* refused */

static void sized(struct pack *p, struct bk_bytes *v)
{
	uint32_t n = 0;

	if (!p->reading)
		n = (uint32_t)v->len;
	u32(p, &n);
	if (p->reading) {
		v->data = bk_read_view(&p->r, n);
		v->len = v->data ? n : 0;
	} else {
		bk_write_bytes(&p->w, v->data, n);
	}
}

static void rest(struct pack *p, struct bk_bytes *v)
{
	if (p->reading) {
		v->len = p->r.left;
		v->data = bk_read_view(&p->r, v->len);
	} else {
		bk_write_bytes(&p->w, v->data, v->len);
	}
}

/* ---- layouts ---- */

static void pack_circle(struct pack *p, void *row)
{
	struct bk_row_circle *c = row;

	NUMBER(p, c->out.kind, Baken__CircleKind, KIND_LAST);
	u64(p, &c->out.version);
	hash(p, &c->out.hash);
	id(p, &c->out.desk);
	id(p, &c->out.care);
	id(p, &c->out.fallback);
	u64(p, &c->out.hard_expires_ms);
	u8(p, &c->n_household);
	if (c->n_household > BK_HOUSEHOLD_MAX) {
		p->r.failed = p->w.failed = true;
		c->n_household = 0;
	}
	for (size_t i = 0; i < c->n_household; i++)
		id(p, &c->household[i]);
}

static void pack_device(struct pack *p, void *row)
{
	struct bk_device_row *d = &((struct bk_row_device *)row)->out;

	id(p, &d->account);
	id(p, &d->circle);
	NUMBER(p, d->role, Baken__Role, ROLE_LAST);
	NUMBER(p, d->circle_kind, Baken__CircleKind, KIND_LAST);
	NUMBER(p, d->status, Baken__DeviceStatus, STATUS_LAST);
	raw(p, d->identity, sizeof d->identity);
	u32(p, &d->registration);
	flag(p, &d->browser);
	u64(p, &d->not_before_ms);
	u64(p, &d->not_after_ms);
}

static void pack_state(struct pack *p, void *row)
{
	struct bk_row_state *s = row;

	u64(p, &s->next);
	u32(p, &s->queued);
	u64(p, &s->queued_bytes);
	flag(p, &s->refused);
	flag(p, &s->on_duty);
	u64(p, &s->seen_ms);
	id(p, &s->session);
}

static void pack_account(struct pack *p, void *row)
{
	struct bk_row_account *a = row;

	id(p, &a->circle);
	NUMBER(p, a->role, uint8_t, ROLE_LAST);
}

static void pack_invite(struct pack *p, void *row)
{
	struct bk_row_invite *i = row;

	id(p, &i->out.account);
	id(p, &i->out.circle);
	NUMBER(p, i->out.role, Baken__Role, ROLE_LAST);
	u64(p, &i->out.expires_ms);
	NUMBER(p, i->out.state, int, INVITE_LAST);
	u64(p, &i->changed_ms);
	sized(p, &i->out.enrol);
	sized(p, &i->out.certificate);
}

static void pack_outbox(struct pack *p, void *row)
{
	raw(p, ((struct bk_row_outbox *)row)->letter, BK_KEY_LETTER);
}

static void pack_letter(struct pack *p, void *row)
{
	struct bk_row_letter *o = row;

	id(p, &o->message);
	hash(p, &o->body_hash);
	u64(p, &o->body);
	u64(p, &o->stored_ms);
	u8(p, &o->attempts);
	u32(p, &o->body_bytes);
	raw(p, o->sender, sizeof o->sender);
	rest(p, &o->capsule);
}

static void pack_refs(struct pack *p, void *row)
{
	struct bk_row_refs *r = row;

	hash(p, &r->hash);
	u32(p, &r->refs);
	flag(p, &r->keep);
	u64(p, &r->stored_ms);
	u32(p, &r->size);
}

static void pack_named(struct pack *p, void *row)
{
	struct bk_row_named *n = row;

	u64(p, &n->body);
	for (size_t i = 0; i < BK_BODY_DESKS_MAX; i++)
		id(p, &n->desks[i]);
}

static void pack_dedupe(struct pack *p, void *row)
{
	struct bk_row_dedupe *d = row;

	hash(p, &d->body_hash);
	u64(p, &d->body);
	u64(p, &d->stored_ms);
	rest(p, &d->served);
	if (p->reading && d->served.len % BK_ROWS_TAG)
		p->r.failed = true;
}

static void pack_fresh(struct pack *p, void *row)
{
	struct bk_row_fresh *f = row;

	id(p, &f->message);
	pack_dedupe(p, &f->dedupe);
}

static void pack_dead(struct pack *p, void *row)
{
	struct bk_row_dead *d = row;

	id(p, &d->message);
	u64(p, &d->stored_ms);
	u64(p, &d->died_ms);
	raw(p, d->sender, sizeof d->sender);
}

static void pack_prekey(struct pack *p, void *row)
{
	struct bk_row_prekey *k = row;

	raw(p, k->key, sizeof k->key);
	u64(p, &k->put_ms);
}

static void pack_prekeys(struct pack *p, void *row)
{
	struct bk_row_prekeys *k = row;

	u32(p, &k->unseen);
	u32(p, &k->left);
	u32(p, &k->signed_id);
	raw(p, k->signed_key, sizeof k->signed_key);
	raw(p, k->signed_sig, sizeof k->signed_sig);
	u64(p, &k->put_ms);
	hash(p, &k->last_put);
}

static void pack_session(struct pack *p, void *row)
{
	struct bk_row_session *s = row;

	id(p, &s->device);
	hash(p, &s->ticket);
	u64(p, &s->expires_ms);
	u64(p, &s->seen_ms);
}

static void pack_ticket(struct pack *p, void *row)
{
	id(p, &((struct bk_row_ticket *)row)->session);
}

static void pack_claim(struct pack *p, void *row)
{
	struct bk_row_claim *c = row;

	id(p, &c->device);
	u64(p, &c->since_ms);
	u64(p, &c->until_ms);
}

static void pack_watch(struct pack *p, void *row)
{
	struct bk_watch_row *w = &((struct bk_row_watch *)row)->out;

	id(p, &w->device);
	id(p, &w->circle);
	id(p, &w->desk);
	u64(p, &w->counter);
	u64(p, &w->due_ms);
	u64(p, &w->grace_ms);
	u64(p, &w->changed_ms);
	NUMBER(p, w->state, enum bk_watch_state, BK_WATCH_HELD);
	hash(p, &w->body_hash);
	u32(p, &w->body_bytes);
}

static void pack_upload(struct pack *p, void *row)
{
	struct bk_row_upload *u = row;

	id(p, &u->device);
	u64(p, &u->size);
	flag(p, &u->complete);
	hash(p, &u->hash);
	u64(p, &u->created_ms);
}

static void pack_open(struct pack *p, void *row)
{
	struct bk_row_open *o = row;

	u64(p, &o->size);
	flag(p, &o->complete);
}

static void pack_file(struct pack *p, void *row)
{
	struct bk_row_file *f = row;

	id(p, &f->upload);
	flag(p, &f->named);
	u64(p, &f->last_ms);
}

static void pack_ladder(struct pack *p, void *row)
{
	struct bk_row_ladder *l = row;

	id(p, &l->desk);
	id(p, &l->fallback);
	u64(p, &l->stored_ms);
	u8(p, &l->level);
	flag(p, &l->drill);
}

static void pack_push(struct pack *p, void *row)
{
	struct bk_row_push *u = row;

	u64(p, &u->set_ms);
	rest(p, &u->sealed);
	if (p->reading && (u->sealed.len <= BK_ROWS_PUSH_EXTRA || (u->sealed.len - BK_ROWS_PUSH_EXTRA) % 256))
		p->r.failed = true;
}

static void pack_audit(struct pack *p, void *row)
{
	struct bk_row_audit *a = row;

	u64(p, &a->at_ms);
	hash(p, &a->hash);
	rest(p, &a->text);
}

static void (*const layouts[BK_TABLES])(struct pack *p, void *row) = {
#define X(table, name) [BK_T_##table] = pack_##name,
	BK_ROWS_MAP(X)
#undef X
};

/* ---- tables ---- */

int bk_rows_decode(enum bk_table table, struct bk_bytes value, void *ret_row)
{
	struct pack p = {.reading = true};

	p.r = bk_reader_of(value.data, value.len);
	layouts[table](&p, ret_row);
	return bk_reader_done(&p.r) ? 0 : BK_E_CORRUPT;
}

int bk_rows_get(struct bk_txn *t, enum bk_table table, const void *key, size_t len, void *ret_row)
{
	struct bk_bytes value;
	int err = bk_env_get(t, table, key, len, &value);

	return err ? err : bk_rows_decode(table, value, ret_row);
}

typedef int (*put_fn)(struct bk_txn *t, enum bk_table table, const void *key, size_t len, const void *value,
	size_t value_len);

static int put_by(put_fn put, struct bk_txn *t, enum bk_table table, const void *key, size_t len, const void *row)
{
	struct pack p = {.reading = false};
	uint8_t buf[ROW_MAX];

	p.w = bk_writer_of(buf, sizeof buf);
	/* In this direction a layout puts back into the row what it found there. */
	layouts[table](&p, (void *)(uintptr_t)row);
	if (p.w.failed || p.r.failed)
		return BK_E_TOO_BIG;
	return put(t, table, key, len, buf, sizeof buf - p.w.left);
}

int bk_rows_put(struct bk_txn *t, enum bk_table table, const void *key, size_t len, const void *row)
{
	return put_by(bk_env_put, t, table, key, len, row);
}

int bk_rows_append(struct bk_txn *t, enum bk_table table, const void *key, size_t len, const void *row)
{
	return put_by(bk_env_append, t, table, key, len, row);
}
