/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Baken in the comparison of servers: a driver of its load generator. User n is device n of a realm made by
 * make_realm (its dump is given with --extra); users below 50 are officers, the others persons assigned to
 * their desk. Logins are really signed; a message is the generator's payload as an opaque body of 1,064 bytes and
 * one opaque capsule. The hot frames are written and read by hand here: the generator shares the machine.
 */
#include <openssl/sha.h>

#include "lg.h"

#include "err.h"
#include "realm.h"

#define TAIL_MAX 1024u
#define ACKS_MAX 64u

struct user {
	struct bk_wire_line line;
};
struct tail { /* what follows the payload in a submit to one person */
	size_t len;
	uint8_t data[TAIL_MAX];
};

static struct bk_realm realm;
static struct bk_ws_buf out;
static struct tail **tails;

static void load(void)
{
	if (realm.n_devices)
		return;
	if (bk_realm_load(&realm, opt_extra) != 0) {
		fprintf(stderr, "drv_baken: no realm at %s\n", opt_extra);
		exit(2);
	}
	tails = calloc(realm.n_devices, sizeof *tails);
	BK_ASSERT(tails);
}

static void b_open(conn_t *c)
{
	struct user *u = c->d_ptr;
	struct bk_arena *arena;

	load();
	if (!u)
		c->d_ptr = u = calloc(1, sizeof *u);
	BK_ASSERT(u && c->id < realm.n_devices);
	arena = u->line.arena;
	bk_realm_line(&realm, c->id, &u->line);
	bk_arena_free(arena);
}

/* ---- out ---- */

static uint8_t *put_varint(uint8_t *p, uint64_t v)
{
	for (; v > 127; v >>= 7)
		*p++ = (uint8_t)(v | 128);
	*p++ = (uint8_t)v;
	return p;
}

static uint8_t *put_bytes(uint8_t *p, unsigned field, const void *data, size_t len)
{
	*p++ = (uint8_t)(field << 3 | 2);
	p = put_varint(p, len);
	memcpy(p, data, len);
	return p + len;
}

/* 40 bytes that end the body, then target and capsule. */
static const struct tail *tail_of(uint32_t to)
{
	const struct bk_realm_device *d = &realm.devices[to];
	const struct bk_realm_circle *circle = &realm.circles[d->circle];
	uint8_t part[TAIL_MAX], capsule[BK_CAPSULE_BYTES], *p;
	struct tail *t = tails[to];

	if (t)
		return t;
	tails[to] = t = calloc(1, sizeof *t);
	BK_ASSERT(t);
	p = put_bytes(part, 1, circle->circle.b, BK_ID_BYTES);
	*p++ = 2 << 3;
	p = put_varint(p, circle->version);
	p = put_bytes(p, 3, circle->hash.b, BK_HASH_BYTES);
	memset(t->data, 0x5a, BK_BODY_OVERHEAD);
	t->len = (size_t)(put_bytes(t->data + BK_BODY_OVERHEAD, 6, part, (size_t)(p - part)) - t->data);
	memset(capsule, (int)to, sizeof capsule);
	p = put_bytes(part, 1, d->device.b, BK_ID_BYTES);
	p = put_bytes(p, 2, capsule, sizeof capsule);
	t->len = (size_t)(put_bytes(t->data + t->len, 7, part, (size_t)(p - part)) - t->data);
	return t;
}

static size_t varint_bytes(uint64_t v)
{
	size_t n = 1;

	for (; v > 127; v >>= 7)
		n++;
	return n;
}

static void b_send(conn_t *c, uint32_t to, uint64_t id, uint64_t ts)
{
	const struct tail *t = tail_of(to);
	uint8_t body[PAYLOAD + BK_BODY_OVERHEAD], hash[BK_HASH_BYTES], head[160], *p = head;
	size_t len = 2 + BK_ID_BYTES + 2 + 2 + 2 + BK_HASH_BYTES + 1 + varint_bytes(sizeof body) + PAYLOAD + t->len;

	payload_fill(body, id, ts);
	memcpy(body + PAYLOAD, t->data, BK_BODY_OVERHEAD);
	SHA256(body, sizeof body, hash);
	*p++ = 1 << 3;
	p = put_varint(p, id + 1); /* number of the request */
	*p++ = 8 << 3 | 2;
	p = put_varint(p, len);
	p = put_bytes(p, 1, hash, BK_ID_BYTES); /* message id: any that is not used twice */
	*p++ = 2 << 3;
	*p++ = BAKEN__CLASS__CLASS_NORMAL;
	*p++ = 3 << 3;
	*p++ = BAKEN__REGIME__REGIME_SECURITY;
	p = put_bytes(p, 4, hash, sizeof hash);
	*p++ = 5 << 3 | 2;
	p = put_varint(p, sizeof body);
	tx_frame(c, head, (size_t)(p - head), body, PAYLOAD, t->data, t->len);
}

/* ---- in ---- */

struct cursor {
	const uint8_t *p, *end;
};

static uint64_t get_varint(struct cursor *c)
{
	uint64_t v = 0;

	for (unsigned shift = 0; c->p < c->end && shift < 64; shift += 7) {
		uint8_t b = *c->p++;

		v |= (uint64_t)(b & 127) << shift;
		if (b < 128)
			break;
	}
	return v;
}

/* The next field: its number; 0 at the end. A number is in *ret_value, bytes are in *ret_part. */
static unsigned next_field(struct cursor *c, uint64_t *ret_value, struct cursor *ret_part)
{
	uint64_t tag = c->p < c->end ? get_varint(c) : 0;

	*ret_value = 0;
	if (!tag)
		return 0;
	*ret_value = get_varint(c);
	if ((tag & 7) == 2) {
		if (*ret_value > (uint64_t)(c->end - c->p))
			return 0;
		*ret_part = (struct cursor){c->p, c->p + *ret_value};
		c->p += *ret_value;
	}
	return (unsigned)(tag >> 3);
}

static void on_stored(conn_t *c, struct cursor m)
{
	struct cursor item, part;
	uint64_t v;

	while (next_field(&m, &v, &item))
		if (next_field(&item, &v, &part) == 1)
			lg_acked(c, v - 1);
}

static void on_deliver(conn_t *c, struct cursor m)
{
	uint8_t seqs[ACKS_MAX * 10], head[16], *p = seqs, *h = head;
	struct cursor item, part;
	uint64_t v;

	while (next_field(&m, &v, &item)) {
		unsigned field;

		while ((field = next_field(&item, &v, &part))) {
			if (field == 1)
				p = put_varint(p, v);
			else if (field == 6 && part.end - part.p >= PAYLOAD)
				lg_recv(c, part.p);
		}
		if ((size_t)(p - seqs) > sizeof seqs - 10)
			break;
	}
	*h++ = 11 << 3 | 2;
	h = put_varint(h, (uint64_t)(p - seqs) + 1 + varint_bytes((uint64_t)(p - seqs)));
	*h++ = 1 << 3 | 2;
	h = put_varint(h, (uint64_t)(p - seqs));
	tx_frame(c, head, (size_t)(h - head), seqs, (size_t)(p - seqs), 0, 0);
}

static long on_other(conn_t *c, uint8_t *data, size_t n)
{
	struct user *u = c->d_ptr;
	Baken__Frame *f = NULL;

	if (bk_wire_read(&u->line, data, n, &f) != 0)
		return -1;
	if (f->kind_case == BAKEN__FRAME__KIND_HELLO) {
		if (c->ssl && SSL_export_keying_material(c->ssl, u->line.exporter, 32, BK_EXPORTER_LABEL,
				      sizeof BK_EXPORTER_LABEL - 1, NULL, 0, 0) != 1)
			return -1;
		bk_wire_login(&u->line, &out);
		tx(c, out.data, out.len);
	} else if (f->kind_case == BAKEN__FRAME__KIND_LOGIN_OK) {
		lg_ready(c);
	} else if (f->kind_case == BAKEN__FRAME__KIND_ERROR) {
		lg_fail(c, f->error->name);
	}
	return (long)n;
}

static long b_input(conn_t *c, uint8_t *data, size_t n)
{
	struct cursor m = {data, data + n}, part = {NULL, NULL};
	uint64_t v;
	unsigned field = next_field(&m, &v, &part);

	if (field == 9)
		on_stored(c, part);
	else if (field == 10)
		on_deliver(c, part);
	else
		return on_other(c, data, n);
	return (long)n;
}

driver_t drv_baken = {"baken", "/v1", "baken.v1", 2, 0, b_open, b_input, b_send, NULL};
