/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "wire.h"

#include <sodium.h>
#include <stdlib.h>

#include "err.h"
#include "signal_key.h"

void bk_wire_init(struct bk_wire_line *l, bk_id device, const uint8_t secret[static BK_KEY_BYTES], bk_hash spki)
{
	memset(l, 0, sizeof *l);
	l->device = device;
	memcpy(l->secret, secret, BK_KEY_BYTES);
	l->spki = spki;
	l->arena = bk_arena_new();
	BK_ASSERT(l->arena);
}

void bk_wire_done(struct bk_wire_line *l)
{
	bk_arena_free(l->arena);
	sodium_memzero(l, sizeof *l);
}

void bk_wire_again(struct bk_wire_line *l)
{
	l->greeted = l->online = l->caught_up = l->has_exporter = false;
	memset(l->exporter, 0, sizeof l->exporter);
}

/* ---- in ---- */

static void learn_login(struct bk_wire_line *l, const Baken__LoginOk *m)
{
	l->online = true;
	l->queued = m->queued;
	memcpy(l->session.b, m->session_id.data, BK_ID_BYTES);
	memcpy(l->ticket, m->ticket.data, sizeof l->ticket);
	memcpy(l->file_token, m->file_token.data, sizeof l->file_token);
}

int bk_wire_read(struct bk_wire_line *l, const void *data, size_t len, Baken__Frame **ret_frame)
{
	Baken__Frame *f = NULL;
	int err;

	bk_arena_reset(l->arena);
	err = bk_frame_decode(l->arena, BK_FROM_SERVER, data, len, &f);
	if (err)
		return err;
	if (f->kind_case == BAKEN__FRAME__KIND_HELLO) {
		l->greeted = true;
		l->has_exporter = f->hello->exporter;
		memcpy(l->nonce, f->hello->nonce.data, sizeof l->nonce);
	} else if (f->kind_case == BAKEN__FRAME__KIND_LOGIN_OK) {
		learn_login(l, f->login_ok);
	} else if (f->kind_case == BAKEN__FRAME__KIND_CAUGHT_UP) {
		l->caught_up = true;
	}
	*ret_frame = f;
	return 0;
}

int bk_wire_error(const Baken__Frame *f)
{
	return f->kind_case == BAKEN__FRAME__KIND_ERROR ? f->error->code : 0;
}

/* ---- out ---- */

void bk_wire_put(const Baken__Frame *f, struct bk_ws_buf *out)
{
	size_t len = bk_frame_size(f);

	out->off = out->len = 0;
	out->len = bk_frame_encode(f, bk_ws_room(out, len));
}

uint64_t bk_wire_ask(struct bk_wire_line *l, Baken__Frame *f, struct bk_ws_buf *out)
{
	f->request = ++l->request;
	bk_wire_put(f, out);
	return f->request;
}

#define FRAME(kind, member, message)                       \
	Baken__Frame f = BAKEN__FRAME__INIT;               \
	f.kind_case = BAKEN__FRAME__KIND_##kind;           \
	f.member = &(message)

uint64_t bk_wire_login(struct bk_wire_line *l, struct bk_ws_buf *out)
{
	Baken__Login m = BAKEN__LOGIN__INIT;
	uint8_t t[BK_LOGIN_TRANSCRIPT_BYTES], signature[BK_SIG_BYTES];
	FRAME(LOGIN, login, m);

	bk_login_transcript(l->spki, l->exporter, l->nonce, l->device, t);
	BK_ASSERT(bk_identity_sign(l->secret, "", t, sizeof t, signature) == 0);
	m.device_id = bk_bytes(l->device.b, BK_ID_BYTES);
	m.signature = bk_bytes(signature, sizeof signature);
	m.lang = 1;
	return bk_wire_ask(l, &f, out);
}

uint64_t bk_wire_resume(struct bk_wire_line *l, struct bk_ws_buf *out)
{
	Baken__Resume m = BAKEN__RESUME__INIT;
	FRAME(RESUME, resume, m);

	m.device_id = bk_bytes(l->device.b, BK_ID_BYTES);
	m.ticket = bk_bytes(l->ticket, sizeof l->ticket);
	m.lang = 1;
	return bk_wire_ask(l, &f, out);
}

size_t bk_wire_body_bytes(size_t content)
{
	for (size_t n = 256; n <= BK_BODY_PADDED_MAX; n *= 4)
		if (content <= n)
			return n + BK_BODY_OVERHEAD;
	return 0;
}

/* Differs for every message and device, so that nothing is ever equal by accident. */
static void fill_capsule(uint8_t *out, const struct bk_wire_message *m, size_t i)
{
	memset(out, (int)(m->id.b[0] ^ i), BK_CAPSULE_BYTES);
	memcpy(out, m->id.b, BK_ID_BYTES);
	memcpy(out + BK_ID_BYTES, m->devices[i].b, BK_ID_BYTES);
}

static void add_targets(struct bk_wire_line *l, const struct bk_wire_message *m, Baken__Submit *s)
{
	Baken__Target *t = bk_arena_alloc(l->arena, (m->n_targets + 1) * sizeof *t);

	s->targets = bk_arena_alloc(l->arena, (m->n_targets + 1) * sizeof(Baken__Target *));
	BK_ASSERT(t && s->targets);
	for (size_t i = 0; i < m->n_targets; i++) {
		baken__target__init(&t[i]);
		t[i].circle_id = bk_bytes(m->targets[i].circle.b, BK_ID_BYTES);
		t[i].roster_version = m->targets[i].version;
		t[i].roster_hash = bk_bytes(m->targets[i].hash.b, BK_HASH_BYTES);
		s->targets[s->n_targets++] = &t[i];
	}
}

static void add_capsules(struct bk_wire_line *l, const struct bk_wire_message *m, Baken__Submit *s)
{
	Baken__DeviceCapsule *c = bk_arena_alloc(l->arena, (m->n_devices + 1) * sizeof *c);
	uint8_t *bytes = bk_arena_alloc(l->arena, (m->n_devices + 1) * BK_CAPSULE_BYTES);

	s->capsules = bk_arena_alloc(l->arena, (m->n_devices + 1) * sizeof(Baken__DeviceCapsule *));
	BK_ASSERT(c && bytes && s->capsules);
	for (size_t i = 0; i < m->n_devices; i++, bytes += BK_CAPSULE_BYTES) {
		baken__device_capsule__init(&c[i]);
		fill_capsule(bytes, m, i);
		c[i].device_id = bk_bytes(m->devices[i].b, BK_ID_BYTES);
		c[i].capsule = bk_bytes(bytes, BK_CAPSULE_BYTES);
		s->capsules[s->n_capsules++] = &c[i];
	}
}

uint64_t bk_wire_submit(struct bk_wire_line *l, const struct bk_wire_message *m, struct bk_ws_buf *out)
{
	static const bk_hash zero;
	Baken__Submit s = BAKEN__SUBMIT__INIT;
	bk_hash hash = bk_hash_equal(m->body_hash, zero) ? bk_hash_of(m->body, m->body_len) : m->body_hash;
	FRAME(SUBMIT, submit, s);

	bk_arena_reset(l->arena);
	s.message_id = bk_bytes(m->id.b, BK_ID_BYTES);
	s.class_ = m->class ? m->class : BAKEN__CLASS__CLASS_NORMAL;
	s.regime = m->regime ? m->regime : BAKEN__REGIME__REGIME_SECURITY;
	s.body_hash = bk_bytes(hash.b, BK_HASH_BYTES);
	s.body = bk_bytes(m->body, m->body_len);
	add_targets(l, m, &s);
	add_capsules(l, m, &s);
	s.files = bk_arena_alloc(l->arena, (m->n_files + 1) * sizeof *s.files);
	BK_ASSERT(s.files);
	for (size_t i = 0; i < m->n_files; i++)
		s.files[s.n_files++] = bk_bytes(m->files[i].b, BK_HASH_BYTES);
	return bk_wire_ask(l, &f, out);
}

void bk_wire_ack(const uint64_t *seqs, size_t n, struct bk_ws_buf *out)
{
	Baken__Ack m = BAKEN__ACK__INIT;
	FRAME(ACK, ack, m);

	m.seqs = (uint64_t *)(uintptr_t)seqs; /* protobuf-c's type is not const; encoders do not write */
	m.n_seqs = n;
	bk_wire_put(&f, out);
}

void bk_wire_nack(uint64_t seq, int code, struct bk_ws_buf *out)
{
	Baken__Nack m = BAKEN__NACK__INIT;
	FRAME(NACK, nack, m);

	m.seq = seq;
	m.code = code;
	bk_wire_put(&f, out);
}

/* ---- prekeys ---- */

uint64_t bk_wire_prekeys_put(struct bk_wire_line *l, uint32_t signed_id, uint32_t first, size_t n, bool replace,
	struct bk_ws_buf *out)
{
	Baken__PrekeysPut m = BAKEN__PREKEYS_PUT__INIT;
	Baken__SignedPrekey s = BAKEN__SIGNED_PREKEY__INIT;
	Baken__Prekey *keys;
	uint8_t typed[1 + BK_KEY_BYTES] = {5}, secret[BK_KEY_BYTES], signature[BK_SIG_BYTES], *public;
	FRAME(PREKEYS_PUT, prekeys_put, m);

	bk_arena_reset(l->arena);
	keys = bk_arena_alloc(l->arena, (n + 1) * sizeof *keys);
	m.prekeys = bk_arena_alloc(l->arena, (n + 1) * sizeof *m.prekeys);
	public = bk_arena_alloc(l->arena, (n + 1) * BK_KEY_BYTES);
	BK_ASSERT(keys && m.prekeys && public);
	BK_ASSERT(bk_identity_generate(typed + 1, secret) == 0);
	BK_ASSERT(bk_identity_sign(l->secret, "", typed, sizeof typed, signature) == 0);
	s.id = signed_id;
	s.public_key = bk_bytes(typed + 1, BK_KEY_BYTES);
	s.signature = bk_bytes(signature, sizeof signature);
	m.signed_prekey = &s;
	m.replace = replace;
	for (size_t i = 0; i < n; i++, public += BK_KEY_BYTES) {
		BK_ASSERT(bk_identity_generate(public, secret) == 0);
		baken__prekey__init(&keys[i]);
		keys[i].id = first + (uint32_t)i;
		keys[i].public_key = bk_bytes(public, BK_KEY_BYTES);
		m.prekeys[m.n_prekeys++] = &keys[i];
	}
	return bk_wire_ask(l, &f, out);
}

uint64_t bk_wire_prekeys_check(struct bk_wire_line *l, struct bk_ws_buf *out)
{
	Baken__PrekeysCheck m = BAKEN__PREKEYS_CHECK__INIT;
	FRAME(PREKEYS_CHECK, prekeys_check, m);

	return bk_wire_ask(l, &f, out);
}

uint64_t bk_wire_prekeys_claim(struct bk_wire_line *l, const bk_id *devices, size_t n, struct bk_ws_buf *out)
{
	Baken__PrekeysClaim m = BAKEN__PREKEYS_CLAIM__INIT;
	FRAME(PREKEYS_CLAIM, prekeys_claim, m);

	bk_arena_reset(l->arena);
	m.device_ids = bk_arena_alloc(l->arena, (n + 1) * sizeof *m.device_ids);
	BK_ASSERT(m.device_ids);
	for (size_t i = 0; i < n; i++)
		m.device_ids[m.n_device_ids++] = bk_bytes(devices[i].b, BK_ID_BYTES);
	return bk_wire_ask(l, &f, out);
}

/* ---- small ones ---- */

uint64_t bk_wire_duty(struct bk_wire_line *l, bool on, struct bk_ws_buf *out)
{
	Baken__DutySet m = BAKEN__DUTY_SET__INIT;
	FRAME(DUTY_SET, duty_set, m);

	m.on = on;
	return bk_wire_ask(l, &f, out);
}

uint64_t bk_wire_roster_get(struct bk_wire_line *l, bk_id circle, uint64_t have, struct bk_ws_buf *out)
{
	Baken__RosterGet m = BAKEN__ROSTER_GET__INIT;
	FRAME(ROSTER_GET, roster_get, m);

	m.circle_id = bk_bytes(circle.b, BK_ID_BYTES);
	m.have_version = have;
	return bk_wire_ask(l, &f, out);
}

uint64_t bk_wire_circles_get(struct bk_wire_line *l, bk_id after, struct bk_ws_buf *out)
{
	Baken__CirclesGet m = BAKEN__CIRCLES_GET__INIT;
	FRAME(CIRCLES_GET, circles_get, m);

	m.after = bk_bytes(after.b, bk_id_is_zero(after) ? 0 : BK_ID_BYTES);
	return bk_wire_ask(l, &f, out);
}

uint64_t bk_wire_claim(struct bk_wire_line *l, Baken__Claim__Verb verb, const uint8_t tag[static 32],
	uint64_t lease_ms, struct bk_ws_buf *out)
{
	Baken__Claim m = BAKEN__CLAIM__INIT;
	FRAME(CLAIM, claim, m);

	m.verb = verb;
	m.tag = bk_bytes(tag, 32);
	m.lease_ms = lease_ms;
	return bk_wire_ask(l, &f, out);
}

uint64_t bk_wire_body_get(struct bk_wire_line *l, bk_hash hash, struct bk_ws_buf *out)
{
	Baken__BodyGet m = BAKEN__BODY_GET__INIT;
	FRAME(BODY_GET, body_get, m);

	m.body_hash = bk_bytes(hash.b, BK_HASH_BYTES);
	return bk_wire_ask(l, &f, out);
}

uint64_t bk_wire_drill(struct bk_wire_line *l, struct bk_ws_buf *out)
{
	Baken__Drill m = BAKEN__DRILL__INIT;
	bk_id nonce = bk_id_random();
	FRAME(DRILL, drill, m);

	m.nonce = bk_bytes(nonce.b, BK_ID_BYTES);
	return bk_wire_ask(l, &f, out);
}
