/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From a row to a frame: whom the rosters say it must reach, a session with each, one body, a capsule per
 * device. Kept per row: "outsecret/" the body's key, "outkey/" key, hash and body until
 * stored, "outframe/" the frame as sent.
 */
#include <sodium.h>
#include <stdlib.h>

#include "body.h"
#include "chain.h"
#include "content.h"
#include "engine.h"

/* ---- what one preparation gathers ---- */

#define TYPE_SIGNAL 2u /* libsignal's number of a message in an established session */

struct dest {
	const struct bk_roster_entry *entry;
	bool usable; /* gets a capsule */
	bool had;    /* the one of an earlier frame */
	bool absent; /* one that only says who wrote */
	uint8_t capsule[BK_CAPSULE_BYTES];
};
struct batch {
	struct bk_circle *circles[BK_TARGETS_MAX];
	size_t n_circles;
	struct dest *dests; /* BK_CAPSULES_MAX */
	size_t n_dests;
	Baken__Frame *before; /* the frame of an earlier attempt: its capsules serve again */
	uint8_t key[BK_KEY_BYTES];
	bk_hash hash;
	uint8_t *body;
	size_t body_len;
};

static Baken__Frame *frame_load(struct bk_core *core, bk_id row)
{
	uint8_t *raw = NULL;
	size_t len = 0;
	Baken__Frame *f = NULL;

	if (bk_db_get(&core->db, bk_key_id("outframe/", row), &raw, &len))
		return NULL;
	f = baken__frame__unpack(NULL, len, raw);
	free(raw);
	if (f && f->kind_case == BAKEN__FRAME__KIND_SUBMIT)
		return f;
	if (f)
		baken__frame__free_unpacked(f, NULL);
	bk_db_fail(&core->db, BK_E_CORRUPT);
	return NULL;
}

static const uint8_t *capsule_before(const Baken__Frame *f, bk_id device)
{
	for (size_t i = 0; f && i < f->submit->n_capsules; i++) {
		const Baken__DeviceCapsule *c = f->submit->capsules[i];

		if (c->device_id.len == BK_ID_BYTES && !memcmp(c->device_id.data, device.b, BK_ID_BYTES) &&
			c->capsule.len == BK_CAPSULE_BYTES)
			return c->capsule.data;
	}
	return NULL;
}

static struct dest *dest_find(struct batch *b, bk_id device)
{
	for (size_t i = 0; i < b->n_dests; i++)
		if (bk_id_equal(b->dests[i].entry->cert.device, device))
			return &b->dests[i];
	return NULL;
}

static void batch_free(struct batch *b)
{
	if (b->before)
		baken__frame__free_unpacked(b->before, NULL);
	free(b->dests);
	free(b->body);
	sodium_memzero(b, sizeof(*b));
}

/* ---- whom ---- */

/* An alarm goes out by the lists that are here (its class is accepted so); all else waits for this session's. */
static int circles_ready(struct bk_core *core, const struct bk_out *o, struct batch *b)
{
	bool alarm = o->class == BAKEN__CLASS__CLASS_ALARM && !o->topup;
	bool wait = false;

	for (size_t i = 0; i < o->n_circles; i++) {
		bool ready = bk_rosters_ready(core, o->circles[i]);
		struct bk_circle *c = bk_rosters_circle(core, o->circles[i]);

		wait = wait || !c || (!ready && !alarm);
		b->circles[i] = c;
	}
	b->n_circles = o->n_circles;
	return wait ? BK_E_BUSY : 0;
}

static int check_circle(const struct bk_core *core, const struct bk_out *o, const struct bk_roster *r)
{
	if (!bk_roles_may_send(core->self.role, r->kind, o->regime, o->kind))
		return BK_E_ROLE;
	if (o->class != BAKEN__CLASS__CLASS_ALARM && bk_roster_age(r, core->now) == BK_ROSTER_HARD)
		return BK_E_EXPIRED;
	return 0;
}

static int collect_circle(struct bk_core *core, const struct bk_out *o, struct batch *b, const struct bk_circle *c,
	size_t *ret_n)
{
	*ret_n = 0;
	for (size_t i = 0; i < c->roster->n_entries; i++) {
		const struct bk_roster_entry *e = &c->roster->entries[i];
		/* What a top-up already delivered stays in: it is the same message to the same devices. */
		bool had = o->topup && bk_roster_usable(e, core->now) && capsule_before(b->before, e->cert.device);

		if (bk_id_equal(e->cert.device, core->self.device) ||
			(!had && !bk_roster_must_reach(c->roster, e, c->on_duty, c->n_on_duty, core->now)))
			continue;
		(*ret_n)++;
		if (dest_find(b, e->cert.device))
			continue;
		if (b->n_dests == BK_CAPSULES_MAX)
			return BK_E_TOO_BIG;
		b->dests[b->n_dests++].entry = e;
	}
	return 0;
}

/*
 * Own circles without another device are no target; any other must have somebody to reach. An alarm goes when
 * anybody but ourselves is reached: a desk that nobody minds now must not keep it from its fall-back.
 */
static int collect(struct bk_core *core, const struct bk_out *o, struct batch *b)
{
	size_t kept = 0, others = 0;
	int err = 0, nobody = 0;

	for (size_t i = 0; i < b->n_circles && !err; i++) {
		struct bk_circle *c = b->circles[i];
		bool copy = b->n_circles > 1 && bk_id_equal(c->roster->circle, core->self.circle);
		size_t n = 0;

		err = check_circle(core, o, c->roster);
		if (!err)
			err = collect_circle(core, o, b, c, &n);
		if (!err && n) {
			b->circles[kept++] = c;
			others += !copy;
		} else if (!err && !copy) {
			nobody = c->asked ? BK_E_NOT_FOUND : BK_E_BUSY;
		}
	}
	b->n_circles = kept;
	if (!err && nobody && (o->class != BAKEN__CLASS__CLASS_ALARM || !others))
		err = nobody;
	return err;
}

/* A capsule with a number of its own: one that only says who wrote has none, and may be better now. */
static bool take_before(struct bk_core *core, const struct bk_out *o, const struct batch *b, struct dest *d)
{
	bk_id device = d->entry->cert.device;
	const uint8_t *old = capsule_before(b->before, device);

	if (!old || (!o->topup && !bk_db_has(&core->db, bk_key_pair("outchain/", device, o->id))))
		return false;
	memcpy(d->capsule, old, BK_CAPSULE_BYTES);
	return true;
}

/*
 * A device without prekeys holds nobody up (M15): it gets a capsule that it cannot decrypt but that names the
 * sender, so that it can ask again. An alarm leaves it out until then, and does not wait for bundles either while
 * it can reach anybody.
 */
static int sessions_ready(struct bk_core *core, struct bk_out *o, struct batch *b)
{
	size_t later = 0, ready = 0;

	for (size_t i = 0; i < b->n_dests; i++) {
		struct dest *d = &b->dests[i];
		enum bk_ready r = BK_READY;

		d->had = take_before(core, o, b, d);
		if (!d->had)
			r = bk_sessions_ready(core, d->entry->cert.device);
		d->absent = r == BK_READY_ABSENT;
		d->usable = r == BK_READY || (d->absent && o->class != BAKEN__CLASS__CLASS_ALARM);
		ready += r == BK_READY;
		later += r == BK_READY_LATER;
	}
	if (later && (o->class != BAKEN__CLASS__CLASS_ALARM || o->topup || !ready)) {
		if (o->state < BK_OUT_STORED)
			o->state = BK_OUT_BUNDLES;
		return BK_E_BUSY;
	}
	return ready ? 0 : BK_E_NOT_FOUND;
}

/* ---- body and capsules ---- */

/* A repeat keeps its original's key: what was derived from it (the claim tag of a case) stays the same. */
static int key_take(struct bk_core *core, const struct bk_out *o, uint8_t ret_key[static BK_KEY_BYTES])
{
	int err = bk_db_read(&core->db, bk_key_id("outsecret/", o->logical), ret_key, BK_KEY_BYTES);

	if (err == BK_E_NOT_FOUND) {
		randombytes_buf(ret_key, BK_KEY_BYTES);
		err = 0;
	}
	return err ? err : bk_db_put(&core->db, bk_key_id("outsecret/", o->id), ret_key, BK_KEY_BYTES);
}

static int body_new(struct bk_core *core, const struct bk_out *o, struct batch *b)
{
	uint8_t *envelope = NULL, *raw = NULL;
	size_t len = 0, total = 0;
	int err = bk_db_get(&core->db, bk_key_id("outenv/", o->id), &envelope, &len);

	if (err)
		return err;
	err = key_take(core, o, b->key);
	if (!err)
		err = bk_body_seal_with(o->id, b->key, envelope, len, &b->body, &b->body_len, &b->hash);
	sodium_memzero(envelope, len);
	free(envelope);
	if (err)
		return err;
	total = BK_KEY_BYTES + BK_HASH_BYTES + b->body_len;
	raw = malloc(total);
	if (!raw)
		return BK_E_NOMEM;
	memcpy(raw, b->key, BK_KEY_BYTES);
	memcpy(raw + BK_KEY_BYTES, b->hash.b, BK_HASH_BYTES);
	memcpy(raw + BK_KEY_BYTES + BK_HASH_BYTES, b->body, b->body_len);
	err = bk_db_put(&core->db, bk_key_id("outkey/", o->id), raw, total);
	sodium_memzero(raw, total);
	free(raw);
	return err;
}

/* The body is encrypted once: every frame of this row carries the same. */
static int body_take(struct bk_core *core, const struct bk_out *o, struct batch *b)
{
	uint8_t *raw = NULL;
	size_t len = 0;
	int err = bk_db_get(&core->db, bk_key_id("outkey/", o->id), &raw, &len);

	if (err == BK_E_NOT_FOUND)
		return body_new(core, o, b);
	if (err)
		return err;
	if (len <= BK_KEY_BYTES + BK_HASH_BYTES) {
		err = BK_E_CORRUPT;
	} else {
		memcpy(b->key, raw, BK_KEY_BYTES);
		memcpy(b->hash.b, raw + BK_KEY_BYTES, BK_HASH_BYTES);
		b->body_len = len - BK_KEY_BYTES - BK_HASH_BYTES;
		b->body = malloc(b->body_len);
		if (b->body)
			memcpy(b->body, raw + BK_KEY_BYTES + BK_HASH_BYTES, b->body_len);
		else
			err = BK_E_NOMEM;
	}
	sodium_memzero(raw, len);
	free(raw);
	return err;
}

static int encrypt(struct bk_core *core, const struct bk_out *o, const struct batch *b, struct dest *d)
{
	const struct bk_roster *own = bk_rosters_get(core, core->self.circle);
	struct bk_capsule c = { .body = b->hash, .message = o->id, .sender = core->self.device };
	struct bk_capsule_outer outer = { .sender = core->self.device };
	uint8_t plain[BK_CAPSULE_PLAIN_BYTES], cipher[BK_SIGNAL_CIPHERTEXT_MAX];
	int err = own ? 0 : BK_E_BUSY;

	if (err)
		return err;
	memcpy(c.key, b->key, sizeof(c.key));
	bk_chain_next(core, d->entry->cert.device, &c);
	c.roster_version = own->version;
	c.roster_hash = own->hash;
	bk_capsule_encode(&c, plain);
	err = bk_signal_encrypt(core->signal, d->entry->cert.device, plain, sizeof(plain), &outer.type, cipher,
		&outer.len);
	outer.ciphertext = cipher;
	if (!err)
		err = bk_capsule_seal(&core->sealer, &outer, d->entry->cert.identity, d->capsule);
	if (!err)
		bk_chain_reserve(core, d->entry->cert.device, &c);
	sodium_memzero(plain, sizeof(plain));
	sodium_memzero(&c, sizeof(c));
	return err;
}

/* In place of a ciphertext: nothing, which no session decrypts. */
static int seal_notice(const struct bk_core *core, struct dest *d)
{
	static const uint8_t nothing[1] = { 0 };
	struct bk_capsule_outer outer = { .sender = core->self.device, .type = TYPE_SIGNAL, .ciphertext = nothing,
		.len = sizeof(nothing) };

	return bk_capsule_seal(&core->sealer, &outer, d->entry->cert.identity, d->capsule);
}

static int encrypt_each(struct bk_core *core, const struct bk_out *o, struct batch *b)
{
	size_t n = 0;

	for (size_t i = 0; i < b->n_dests; i++) {
		struct dest *d = &b->dests[i];
		int err = 0;

		if (!d->usable)
			continue;
		if (d->absent)
			err = seal_notice(core, d);
		else if (!d->had)
			err = encrypt(core, o, b, d);
		if (err == BK_E_NO_SESSION || err == BK_E_UNTRUSTED)
			d->usable = false; /* this device only (M15) */
		else if (err)
			return err;
		else
			n += !d->absent;
	}
	return n ? 0 : BK_E_NOT_FOUND;
}

/* A sealing key serves one message, whatever becomes of it. */
static int encrypt_all(struct bk_core *core, const struct bk_out *o, struct batch *b)
{
	int err = 0;

	if (!core->sealer_ready)
		bk_capsule_sealer_init(&core->sealer);
	err = encrypt_each(core, o, b);
	bk_capsule_sealer_done(&core->sealer);
	core->sealer_ready = false;
	return err;
}

void bk_prepare_warm(struct bk_core *core)
{
	const struct bk_circle *c = NULL;

	if (core->sealer_ready || !bk_link_online(core) || !bk_is_person(core) || bk_outbox_waiting(core))
		return;
	c = bk_rosters_circle(core, bk_rosters_desk(core));
	if (!c || !c->asked)
		return;
	bk_capsule_sealer_init(&core->sealer);
	core->sealer_ready = true;
	for (size_t i = 0; i < c->roster->n_entries; i++) {
		const struct bk_roster_entry *e = &c->roster->entries[i];

		if (bk_roster_must_reach(c->roster, e, c->on_duty, c->n_on_duty, core->now))
			bk_capsule_sealer_warm(&core->sealer, e->cert.identity);
	}
}

/* ---- the frame ---- */

static void file_hashes(const Baken__Content *c, ProtobufCBinaryData out[static BK_FILES_MAX], size_t *ret_n)
{
	Baken__Attachment *const *list = NULL;
	size_t n = 0;

	if (c->kind_case == BAKEN__CONTENT__KIND_REPORT) {
		list = c->report->attachments;
		n = c->report->n_attachments;
	} else if (c->kind_case == BAKEN__CONTENT__KIND_TEXT) {
		list = c->text->attachments;
		n = c->text->n_attachments;
	}
	*ret_n = n < BK_FILES_MAX ? n : BK_FILES_MAX;
	for (size_t i = 0; i < *ret_n; i++)
		out[i] = list[i]->file_hash;
}

/* What the server must know of the content: its files, and whether an alarm is a drill. The hashes live in the arena. */
static int files_of(struct bk_core *core, const struct bk_out *o, struct bk_arena *arena, ProtobufCBinaryData out[static BK_FILES_MAX],
	Baken__Submit *m)
{
	Baken__Content *content = NULL;
	uint8_t *envelope = NULL;
	size_t len = 0;
	int err = bk_db_get(&core->db, bk_key_id("outenv/", o->id), &envelope, &len);

	if (err)
		return err;
	err = bk_content_decode(arena, o->regime, bk_signal_identity(core->signal), envelope, len, &content);
	if (!err)
		file_hashes(content, out, &m->n_files);
	if (!err)
		m->drill = content->drill && o->class == BAKEN__CLASS__CLASS_ALARM;
	sodium_memzero(envelope, len);
	free(envelope);
	return err;
}

static int lists_of(struct bk_arena *arena, struct batch *b, Baken__Submit *m)
{
	Baken__Target *targets = bk_arena_alloc(arena, BK_TARGETS_MAX * sizeof(*targets));
	Baken__DeviceCapsule *capsules = bk_arena_alloc(arena, BK_CAPSULES_MAX * sizeof(*capsules));

	m->targets = bk_arena_alloc(arena, BK_TARGETS_MAX * sizeof(*m->targets));
	m->capsules = bk_arena_alloc(arena, BK_CAPSULES_MAX * sizeof(*m->capsules));
	if (!targets || !capsules || !m->targets || !m->capsules)
		return BK_E_NOMEM;
	for (size_t i = 0; i < b->n_circles; i++) {
		const struct bk_roster *r = b->circles[i]->roster;

		baken__target__init(&targets[i]);
		targets[i].circle_id = bk_bytes(r->circle.b, BK_ID_BYTES);
		targets[i].roster_version = r->version;
		targets[i].roster_hash = bk_bytes(r->hash.b, BK_HASH_BYTES);
		m->targets[m->n_targets++] = &targets[i];
	}
	for (size_t i = 0; i < b->n_dests; i++) {
		if (!b->dests[i].usable)
			continue;
		baken__device_capsule__init(&capsules[i]);
		capsules[i].device_id = bk_bytes(b->dests[i].entry->cert.device.b, BK_ID_BYTES);
		capsules[i].capsule = bk_bytes(b->dests[i].capsule, BK_CAPSULE_BYTES);
		m->capsules[m->n_capsules++] = &capsules[i];
	}
	return 0;
}

static int frame_keep(struct bk_core *core, const struct bk_out *o, struct batch *b)
{
	Baken__Frame f = BAKEN__FRAME__INIT;
	Baken__Submit m = BAKEN__SUBMIT__INIT;
	ProtobufCBinaryData files[BK_FILES_MAX];
	struct bk_arena *arena = bk_arena_new();
	uint8_t *raw = NULL;
	size_t len = 0;
	int err = arena ? files_of(core, o, arena, files, &m) : BK_E_NOMEM;

	m.message_id = bk_bytes(o->id.b, BK_ID_BYTES);
	m.class_ = o->class;
	m.regime = o->regime;
	m.body_hash = bk_bytes(b->hash.b, BK_HASH_BYTES);
	m.body = bk_bytes(b->body, b->body_len);
	m.files = files;
	f.kind_case = BAKEN__FRAME__KIND_SUBMIT;
	f.submit = &m;
	if (!err)
		err = lists_of(arena, b, &m);
	if (!err)
		err = bk_frame_encode_new(&f, &raw, &len);
	if (!err)
		err = bk_db_put(&core->db, bk_key_id("outframe/", o->id), raw, len);
	free(raw);
	bk_arena_free(arena);
	return err;
}

/* Devices of the earlier frame that are no longer addressed give their number back. */
static void drop_others(struct bk_core *core, const struct bk_out *o, struct batch *b)
{
	for (size_t i = 0; b->before && i < b->before->submit->n_capsules; i++) {
		const ProtobufCBinaryData *raw = &b->before->submit->capsules[i]->device_id;
		struct dest *d = NULL;
		bk_id device = { { 0 } };

		if (bk_id_from(raw->data, raw->len, &device))
			continue;
		d = dest_find(b, device);
		if (!d || !d->usable)
			bk_chain_drop(core, device, o->id);
	}
}

int bk_prepare_row(struct bk_core *core, struct bk_out *o)
{
	struct batch b = { .n_dests = 0 };
	int err = circles_ready(core, o, &b);

	if (err)
		return err;
	b.dests = calloc(BK_CAPSULES_MAX, sizeof(*b.dests));
	if (!b.dests) {
		bk_db_fail(&core->db, BK_E_NOMEM);
		return BK_E_NOMEM;
	}
	b.before = frame_load(core, o->id);
	err = core->db.err ? core->db.err : collect(core, o, &b);
	if (!err)
		err = sessions_ready(core, o, &b);
	if (!err)
		err = body_take(core, o, &b);
	if (!err)
		err = encrypt_all(core, o, &b);
	if (!err)
		err = frame_keep(core, o, &b);
	if (!err)
		drop_others(core, o, &b);
	batch_free(&b);
	return err;
}

/* ---- afterwards ---- */

/* The frame stays as the source of capsules for the next one: no number and no key is spent twice. */
void bk_prepare_discard(struct bk_core *core, struct bk_out *o)
{
	if (o->state >= BK_OUT_STORED && o->state != BK_OUT_REFUSED)
		return; /* an alarm's top-up: the message itself is stored */
	o->state = BK_OUT_QUEUED;
	bk_outbox_save(core, o);
}

static void each_device(struct bk_core *core, const struct bk_out *o,
	void (*visit)(struct bk_core *core, bk_id device, bk_id row))
{
	Baken__Frame *f = frame_load(core, o->id);

	for (size_t i = 0; f && i < f->submit->n_capsules; i++) {
		const ProtobufCBinaryData *raw = &f->submit->capsules[i]->device_id;
		bk_id device = { { 0 } };

		if (!bk_id_from(raw->data, raw->len, &device))
			visit(core, device, o->id);
	}
	if (f)
		baken__frame__free_unpacked(f, NULL);
}

void bk_prepare_accepted(struct bk_core *core, const struct bk_out *o)
{
	each_device(core, o, bk_chain_settle);
}

void bk_prepare_forget(struct bk_core *core, const struct bk_out *o)
{
	each_device(core, o, bk_chain_drop); /* only what was never accepted still has a number to give back */
	bk_db_del(&core->db, bk_key_id("outframe/", o->id));
	bk_db_del(&core->db, bk_key_id("outkey/", o->id));
}
