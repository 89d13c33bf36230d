/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Golden examples of stored rows: every table of the server's store, and a device's own keys. */
#include <stdio.h>
#include <stdlib.h>

#include "err.h"
#include "golden.h"
#include "rows.h"
#include "signal_store.h"
#include "tmp.h"

union row {
#define X(table, name) struct bk_row_##name name;
	BK_ROWS_MAP(X)
#undef X
};

static const struct {
	enum bk_table table;
	const char *name;
} tables[] = {
#define X(table, name) {BK_T_##table, #name},
	BK_ROWS_MAP(X)
#undef X
};
#define TABLES (sizeof tables / sizeof *tables)

static struct bk_bytes filled(size_t len, unsigned n)
{
	static uint8_t room[4][512];
	struct bk_bytes b = {room[n % 4], len};

	bk_sample_fill(room[n % 4], len, 0x80000 + n);
	return b;
}

static void fill_circle(union row *r)
{
	r->circle = (struct bk_row_circle){.out = {.kind = BAKEN__CIRCLE_KIND__CIRCLE_PERSON, .version = 3,
						   .hash = bk_sample_hash(1), .desk = bk_sample_id(2),
						   .care = bk_sample_id(3), .fallback = bk_sample_id(6), .hard_expires_ms = BK_SAMPLE_NOW},
		.n_household = 2, .household = {bk_sample_id(4), bk_sample_id(5)}};
}

static void fill_device(union row *r)
{
	r->device.out = (struct bk_device_row){.account = bk_sample_id(1), .circle = bk_sample_id(2),
		.role = BAKEN__ROLE__ROLE_OFFICER, .circle_kind = BAKEN__CIRCLE_KIND__CIRCLE_DESK,
		.status = BAKEN__DEVICE_STATUS__DEVICE_ACTIVE, .registration = 77, .browser = true,
		.not_before_ms = BK_SAMPLE_NOW, .not_after_ms = BK_SAMPLE_NOW + BK_SAMPLE_DAY};
	bk_sample_fill(r->device.out.identity, BK_KEY_BYTES, 0x80010);
}

static void fill_state(union row *r)
{
	r->state = (struct bk_row_state){9, 3, 1500, true, false, BK_SAMPLE_NOW, bk_sample_id(1)};
}

static void fill_account(union row *r)
{
	r->account = (struct bk_row_account){bk_sample_id(1), BAKEN__ROLE__ROLE_CARE};
}

static void fill_invite(union row *r)
{
	r->invite = (struct bk_row_invite){.out = {.account = bk_sample_id(1), .circle = bk_sample_id(2),
						   .role = BAKEN__ROLE__ROLE_PERSON, .expires_ms = BK_SAMPLE_NOW,
						   .state = 1, .enrol = filled(100, 0), .certificate = filled(300, 1)},
		.changed_ms = BK_SAMPLE_NOW + 1};
}

static void fill_outbox(union row *r)
{
	r->outbox = (struct bk_row_outbox){{0, 0, 0, 0, 0, 0, 1, 2, 0, 3}};
}

static void fill_letter(union row *r)
{
	r->letter = (struct bk_row_letter){.message = bk_sample_id(1), .body_hash = bk_sample_hash(1), .body = 257,
		.stored_ms = BK_SAMPLE_NOW, .attempts = 2, .body_bytes = 296, .capsule = filled(BK_CAPSULE_BYTES, 0)};
	bk_sample_fill(r->letter.sender, BK_ROWS_SEALED, 0x80020);
}

static void fill_named(union row *r)
{
	r->named = (struct bk_row_named){.body = 257, .desks = {{{7}}}};
}

static void fill_refs(union row *r)
{
	r->refs = (struct bk_row_refs){bk_sample_hash(1), 4, 1064, true, BK_SAMPLE_NOW};
}

static void fill_dedupe(union row *r)
{
	r->dedupe = (struct bk_row_dedupe){bk_sample_hash(1), 257, BK_SAMPLE_NOW, filled(3 * BK_ROWS_TAG, 0)};
}

static void fill_fresh(union row *r)
{
	r->fresh = (struct bk_row_fresh){bk_sample_id(1),
		{bk_sample_hash(1), 257, BK_SAMPLE_NOW, filled(3 * BK_ROWS_TAG, 0)}};
}

static void fill_dead(union row *r)
{
	r->dead = (struct bk_row_dead){.message = bk_sample_id(1), .stored_ms = BK_SAMPLE_NOW, .died_ms = BK_SAMPLE_NOW + 5};
	bk_sample_fill(r->dead.sender, BK_ROWS_SEALED, 0x80030);
}

static void fill_prekey(union row *r)
{
	r->prekey.put_ms = BK_SAMPLE_NOW;
	bk_sample_fill(r->prekey.key, BK_KEY_BYTES, 0x80040);
}

static void fill_prekeys(union row *r)
{
	r->prekeys = (struct bk_row_prekeys){.unseen = 101, .left = 90, .signed_id = 2, .put_ms = BK_SAMPLE_NOW,
		.last_put = bk_sample_hash(1)};
	bk_sample_fill(r->prekeys.signed_key, BK_KEY_BYTES, 0x80050);
	bk_sample_fill(r->prekeys.signed_sig, BK_SIG_BYTES, 0x80051);
}

static void fill_session(union row *r)
{
	r->session = (struct bk_row_session){bk_sample_id(1), bk_sample_hash(1), BK_SAMPLE_NOW + 1, BK_SAMPLE_NOW};
}

static void fill_ticket(union row *r)
{
	r->ticket.session = bk_sample_id(1);
}

static void fill_ladder(union row *r)
{
	r->ladder = (struct bk_row_ladder){bk_sample_id(1), bk_sample_id(2), BK_SAMPLE_NOW, 2, true};
}

static void fill_claim(union row *r)
{
	r->claim = (struct bk_row_claim){bk_sample_id(1), BK_SAMPLE_NOW, BK_SAMPLE_NOW + BK_LEASE_MS};
}

static void fill_watch(union row *r)
{
	r->watch.out = (struct bk_watch_row){.device = bk_sample_id(1), .circle = bk_sample_id(2), .desk = bk_sample_id(3),
		.counter = 7, .due_ms = BK_SAMPLE_NOW, .changed_ms = BK_SAMPLE_NOW - 5, .grace_ms = 300000,
		.state = BK_WATCH_ARMED, .body_hash = bk_sample_hash(1), .body_bytes = 1064};
}

static void fill_upload(union row *r)
{
	r->upload = (struct bk_row_upload){bk_sample_id(1), 3014656, true, bk_sample_hash(1), BK_SAMPLE_NOW};
}

static void fill_open(union row *r)
{
	r->open = (struct bk_row_open){3014656, false};
}

static void fill_file(union row *r)
{
	r->file = (struct bk_row_file){bk_sample_id(1), true, BK_SAMPLE_NOW};
}

static void fill_push(union row *r)
{
	r->push = (struct bk_row_push){BK_SAMPLE_NOW, filled(24 + 256 + 16, 0x80060)};
}

static void fill_audit(union row *r)
{
	static const char text[] = "DEVICE-REVOKED\0device=1a2b"; /* and the NUL that ends it */

	r->audit = (struct bk_row_audit){BK_SAMPLE_NOW, bk_sample_hash(1), {(const uint8_t *)text, sizeof text}};
}

static void fill(enum bk_table table, union row *r)
{
	memset(r, 0, sizeof *r);
	switch ((int)table) {
#define X(table, name) \
	case BK_T_##table: fill_##name(r); break;
		BK_ROWS_MAP(X)
#undef X
	default:
		BK_ASSERT(!"a table without an example");
	}
}

/* Rows are written into tables only: one is written, read as bytes, and never committed. */
static struct bk_sample_blob bytes_of(enum bk_table table, const union row *r)
{
	static struct bk_env *env;
	struct bk_txn *t = NULL;
	struct bk_bytes value;
	struct bk_sample_blob b;

	if (!env)
		BK_ASSERT(bk_env_open(bk_tmp_path("golden-rows"), 64u << 20, false, &env) == 0);
	BK_ASSERT(bk_env_begin(env, true, &t) == 0);
	BK_ASSERT(bk_rows_put(t, table, "key", 3, r) == 0);
	BK_ASSERT(bk_env_get(t, table, "key", 3, &value) == 0);
	b = bk_golden_copy(value.data, value.len);
	bk_env_abort(t);
	return b;
}

/* ---- a device's own keys, as signal_store.c keeps them ---- */

static struct bk_sample_blob self_bytes(const struct bk_signal_self *self)
{
	struct bk_kv *kv = bk_kv_mem_new();
	struct bk_sample_blob b = {NULL, 0};

	BK_ASSERT(kv && bk_kv_begin(kv) == 0 && bk_signal_store_self_save(kv, self) == 0 && bk_kv_commit(kv, NULL) == 0);
	BK_ASSERT(bk_kv_get(kv, "signal/self", 11, &b.data, &b.len) == 0);
	bk_kv_mem_free(kv);
	return b;
}

static struct bk_sample_blob make_self(void)
{
	struct bk_signal_self self = {.registration = 4711, .next_prekey = 101, .next_signed = 3, .signed_ms = BK_SAMPLE_NOW};

	bk_sample_identity(BK_SAMPLE_AUTHOR, self.public_key, self.private_key);
	return self_bytes(&self);
}

static int again_self(const void *data, size_t len, struct bk_sample_blob *out)
{
	struct bk_kv *kv = bk_kv_mem_new();
	struct bk_signal_self self;
	int err;

	BK_ASSERT(kv && bk_kv_begin(kv) == 0 && bk_kv_put(kv, "signal/self", 11, data, len) == 0);
	err = bk_signal_store_self_load(kv, &self);
	if (!err)
		*out = self_bytes(&self);
	bk_kv_mem_free(kv);
	return err;
}

/* ---- both ---- */

bool bk_golden_row_make(size_t i, char name[static BK_GOLDEN_NAME], struct bk_sample_blob *out)
{
	union row r;

	if (i > TABLES)
		return false;
	if (i == TABLES) {
		snprintf(name, BK_GOLDEN_NAME, "signal-self");
		*out = make_self();
		return true;
	}
	snprintf(name, BK_GOLDEN_NAME, "row-%s", tables[i].name);
	fill(tables[i].table, &r);
	*out = bytes_of(tables[i].table, &r);
	return true;
}

int bk_golden_row_again(size_t i, const void *data, size_t len, struct bk_sample_blob *out)
{
	union row r;
	int err;

	if (i == TABLES)
		return again_self(data, len, out);
	memset(&r, 0, sizeof r);
	err = bk_rows_decode(tables[i].table, (struct bk_bytes){data, len}, &r);
	if (!err)
		*out = bytes_of(tables[i].table, &r);
	return err;
}
