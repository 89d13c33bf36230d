/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Does a store hold together? Every row decodes; what one table promises another holds; counters equal what
 * they count; bodies and lists have their hashes. A restore asks before it trusts a copy, tests ask after every crash.
 */
#include <stdlib.h>

#include "err.h"
#include "roster.h"
#include "store_in.h"

typedef int (*visit_fn)(struct bk_txn *t, const struct bk_env_cursor *c, void *arg);

static int each(struct bk_txn *t, enum bk_table table, visit_fn visit, void *arg)
{
	struct bk_env_cursor c;
	int err = bk_env_cursor_open(t, table, &c);

	for (err = err ? err : bk_env_seek(&c, NULL, 0); !err; err = bk_env_next(&c)) {
		err = visit(t, &c, arg);
		if (err == BK_E_NOT_FOUND) /* a row it needs */
			err = BK_E_CORRUPT;
		if (err)
			break;
	}
	bk_env_cursor_close(&c);
	return err == BK_E_NOT_FOUND ? 0 : err;
}

static int expect(bool ok)
{
	return ok ? 0 : BK_E_CORRUPT;
}

/* ---- deliveries, bodies, counters ---- */

struct queues {
	bk_id device; /* the one being counted: rows of one device lie together */
	uint64_t n, bytes, total, total_bytes, refs, kept;
	bool any;
};

static int end_device(struct bk_txn *t, struct queues *q)
{
	struct bk_row_state state;
	int err = q->any ? bk_store_state(t, q->device, &state) : 0;

	if (err || !q->any)
		return err;
	return expect(state.queued == q->n && state.queued_bytes == q->bytes);
}

static int on_outbox(struct bk_txn *t, const struct bk_env_cursor *c, void *arg)
{
	struct queues *q = arg;
	struct bk_row_outbox place;
	struct bk_row_letter row;
	struct bk_row_state state;
	struct bk_row_refs refs;
	uint8_t number[8];
	uint64_t seq;
	int err = expect(c->key.len == BK_KEY_OUTBOX);

	if (!err)
		err = bk_rows_decode_outbox(c->value, &place);
	if (!err)
		err = bk_store_letter(t, &place, &row);
	if (!err && (!q->any || memcmp(q->device.b, c->key.data, BK_ID_BYTES) != 0)) {
		err = end_device(t, q);
		memcpy(q->device.b, c->key.data, BK_ID_BYTES);
		q->any = true;
		q->n = q->bytes = 0;
	}
	if (!err) {
		bk_store_key_number(number, row.body);
		err = bk_rows_get_refs(t, number, sizeof number, &refs);
	}
	if (!err)
		err = bk_store_state(t, q->device, &state);
	if (err)
		return err;
	seq = bk_store_number_of(c->key.data + BK_ID_BYTES + 1);
	q->n++;
	q->total++;
	q->bytes += row.body_bytes + BK_CAPSULE_BYTES;
	q->total_bytes += row.body_bytes + BK_CAPSULE_BYTES;
	return expect((row.capsule.len == BK_CAPSULE_BYTES || row.capsule.len == BK_WATCH_FIRED_BYTES) && c->key.data[BK_ID_BYTES] == (seq & 7) &&
		      seq >> 3 <= state.next && refs.size == row.body_bytes && refs.refs > 0 &&
		      bk_hash_equal(refs.hash, row.body_hash));
}

static int on_refs(struct bk_txn *t, const struct bk_env_cursor *c, void *arg)
{
	struct queues *q = arg;
	struct bk_row_refs row;
	struct bk_row_named named = {0};
	struct bk_bytes body;
	int err = bk_rows_decode_refs(c->value, &row);

	if (!err)
		err = bk_env_get(t, BK_T_BODY, c->key.data, c->key.len, &body);
	if (err)
		return err;
	if (row.keep)
		err = bk_rows_get_named(t, row.hash.b, BK_HASH_BYTES, &named);
	if (err)
		return err;
	q->refs += row.refs;
	q->kept += row.keep;
	return expect(c->key.len == sizeof(uint64_t) && body.len == row.size && (row.refs || row.keep) &&
		      (!row.keep || named.body == bk_store_number_of(c->key.data)) &&
		      bk_hash_equal(bk_hash_of(body.data, body.len), row.hash));
}

struct states {
	uint64_t n, bytes;
};

static int on_state(struct bk_txn *t, const struct bk_env_cursor *c, void *arg)
{
	struct states *x = arg;
	struct bk_row_state row;
	int err = bk_rows_decode_state(c->value, &row);

	(void)t;
	x->n += err ? 0 : row.queued;
	x->bytes += err ? 0 : row.queued_bytes;
	return err;
}

static int check_queues(struct bk_txn *t)
{
	struct queues q = {.any = false};
	struct states x = {0, 0};
	uint64_t bodies = 0, refs = 0, letters = 0, named = 0, meta = 0;
	int err = each(t, BK_T_OUTBOX, on_outbox, &q);

	if (!err)
		err = end_device(t, &q);
	if (!err)
		err = each(t, BK_T_REFS, on_refs, &q);
	if (!err)
		err = each(t, BK_T_STATE, on_state, &x);
	if (!err)
		err = bk_env_count(t, BK_T_BODY, &bodies);
	if (!err)
		err = bk_env_count(t, BK_T_REFS, &refs);
	if (!err)
		err = bk_env_count(t, BK_T_LETTER, &letters);
	if (!err)
		err = bk_env_count(t, BK_T_NAMED, &named);
	if (!err)
		err = bk_store_meta_get(t, "queued_bytes", &meta);
	return err ? err : expect(q.refs == q.total && x.n == q.total && x.bytes == q.total_bytes &&
				  meta == q.total_bytes && bodies == refs && letters == q.total &&
				  named == q.kept);
}

/* ---- the other tables ---- */

static int check_relation(struct bk_txn *t, bk_id staff, bk_id circle, uint64_t *relations)
{
	struct bk_bytes none;
	uint8_t key[BK_KEY_PAIR];

	if (bk_id_is_zero(staff))
		return 0;
	++*relations;
	bk_store_key_pair(key, staff, circle);
	return bk_env_get(t, BK_T_ASSIGNED, key, sizeof key, &none);
}

static int check_relations(struct bk_txn *t, const struct bk_row_circle *row, bk_id circle, uint64_t *relations)
{
	int err = check_relation(t, row->out.desk, circle, relations);

	if (!err && !bk_id_equal(row->out.desk, row->out.care))
		err = check_relation(t, row->out.care, circle, relations);
	return err;
}

static int on_circle(struct bk_txn *t, const struct bk_env_cursor *c, void *arg)
{
	struct bk_row_circle row;
	struct bk_bytes stored;
	uint8_t key[BK_KEY_ROSTER];
	Baken__Signed *m;
	bk_id circle;
	int err = expect(c->key.len == BK_ID_BYTES);

	if (!err)
		err = bk_rows_decode_circle(c->value, &row);
	if (err)
		return err;
	memcpy(circle.b, c->key.data, sizeof circle.b);
	err = check_relations(t, &row, circle, arg);
	if (err)
		return err;
	bk_store_key_roster(key, circle, row.out.version);
	err = bk_env_get(t, BK_T_ROSTER, key, sizeof key, &stored);
	if (err)
		return err;
	m = baken__signed__unpack(NULL, stored.len, stored.data);
	if (!m)
		return BK_E_CORRUPT;
	err = expect(bk_hash_equal(bk_hash_of(m->payload.data, m->payload.len), row.out.hash));
	baken__signed__free_unpacked(m, NULL);
	return err;
}

static int on_device(struct bk_txn *t, const struct bk_env_cursor *c, void *arg)
{
	struct bk_row_device row;
	struct bk_row_account account;
	struct bk_row_circle circle;
	struct bk_bytes none;
	uint8_t key[BK_KEY_PAIR];
	bk_id device;
	int err = expect(c->key.len == BK_ID_BYTES);

	(void)arg;
	if (!err)
		err = bk_rows_decode_device(c->value, &row);
	if (!err)
		err = bk_rows_get_circle(t, row.out.circle.b, BK_ID_BYTES, &circle);
	if (err)
		return err;
	memcpy(device.b, c->key.data, sizeof device.b);
	bk_store_key_pair(key, row.out.circle, device);
	err = bk_env_get(t, BK_T_MEMBER, key, sizeof key, &none);
	return err ? err : bk_rows_get_account(t, row.out.account.b, BK_ID_BYTES, &account);
}

static int count_prekeys(struct bk_txn *t, const uint8_t *device, uint32_t *ret_n)
{
	struct bk_env_cursor c;
	int err = bk_env_cursor_open(t, BK_T_PREKEY, &c);

	*ret_n = 0;
	for (err = err ? err : bk_env_seek(&c, device, BK_ID_BYTES); !err; err = bk_env_next(&c)) {
		struct bk_row_prekey row;

		if (!bk_env_has_prefix(&c, device, BK_ID_BYTES))
			break;
		err = bk_rows_decode_prekey(c.value, &row);
		if (err)
			break;
		++*ret_n;
	}
	bk_env_cursor_close(&c);
	return err == BK_E_NOT_FOUND ? 0 : err;
}

static int on_prekeys(struct bk_txn *t, const struct bk_env_cursor *c, void *arg)
{
	struct bk_row_prekeys row;
	uint64_t *total = arg;
	uint32_t n = 0;
	int err = expect(c->key.len == BK_ID_BYTES);

	if (!err)
		err = bk_rows_decode_prekeys(c->value, &row);
	if (!err)
		err = count_prekeys(t, c->key.data, &n);
	*total += n;
	return err ? err : expect(n == row.left);
}

static int on_ticket(struct bk_txn *t, const struct bk_env_cursor *c, void *arg)
{
	struct bk_row_ticket row;
	struct bk_row_session session;
	int err = bk_rows_decode_ticket(c->value, &row);

	(void)arg;
	if (!err)
		err = bk_rows_get_session(t, row.session.b, BK_ID_BYTES, &session);
	return err ? err : expect(memcmp(session.ticket.b, c->key.data, BK_HASH_BYTES) == 0);
}

static int check_counted(struct bk_txn *t, bk_id device, bk_id upload)
{
	struct bk_bytes open;
	uint8_t key[BK_KEY_PAIR];

	bk_store_key_pair(key, device, upload);
	return bk_env_get(t, BK_T_OPEN, key, sizeof key, &open);
}

static int on_file(struct bk_txn *t, const struct bk_env_cursor *c, void *arg)
{
	struct bk_row_upload upload;
	struct bk_row_file row;
	int err = bk_rows_decode_file(c->value, &row);

	(void)arg;
	if (!err)
		err = bk_rows_get_upload(t, row.upload.b, BK_ID_BYTES, &upload);
	if (!err && !row.named)
		err = check_counted(t, upload.device, row.upload);
	return err ? err : expect(upload.complete && memcmp(upload.hash.b, c->key.data, BK_HASH_BYTES) == 0);
}

static int on_upload(struct bk_txn *t, const struct bk_env_cursor *c, void *arg)
{
	struct bk_row_upload row;
	bk_id upload;
	int err = expect(c->key.len == BK_ID_BYTES);

	(void)arg;
	if (!err)
		err = bk_rows_decode_upload(c->value, &row);
	if (err || row.complete)
		return err;
	memcpy(upload.b, c->key.data, sizeof upload.b);
	return check_counted(t, row.device, upload);
}

static int on_open(struct bk_txn *t, const struct bk_env_cursor *c, void *arg)
{
	struct bk_row_upload upload;
	struct bk_row_open row;
	int err = expect(c->key.len == BK_KEY_PAIR);

	(void)arg;
	if (!err)
		err = bk_rows_decode_open(c->value, &row);
	if (!err)
		err = bk_rows_get_upload(t, c->key.data + BK_ID_BYTES, BK_ID_BYTES, &upload);
	return err ? err : expect(upload.size == row.size && upload.complete == row.complete);
}

/* ---- timers ---- */

struct watches {
	uint64_t rows, running, bodies;
};

static int check_in_order(struct bk_txn *t, const struct bk_watch_row *row, bk_id watch)
{
	uint8_t key[8 + BK_ID_BYTES];
	struct bk_bytes none;

	bk_store_key_number(key, row->due_ms + row->grace_ms);
	memcpy(key + 8, watch.b, sizeof watch.b);
	return bk_env_get(t, BK_T_WATCHDUE, key, sizeof key, &none);
}

static int on_watch(struct bk_txn *t, const struct bk_env_cursor *c, void *arg)
{
	struct watches *x = arg;
	struct bk_row_watch row;
	struct bk_bytes body;
	uint8_t key[BK_KEY_PAIR];
	bk_id watch;
	int err = expect(c->key.len == BK_ID_BYTES);

	if (!err)
		err = bk_rows_decode_watch(c->value, &row);
	if (err)
		return err;
	memcpy(watch.b, c->key.data, sizeof watch.b);
	bk_store_key_pair(key, row.out.circle, watch);
	err = bk_env_get(t, BK_T_WATCHOF, key, sizeof key, &body);
	x->rows++;
	if (!err && row.out.state == BK_WATCH_ARMED) {
		x->running++;
		err = check_in_order(t, &row.out, watch);
	}
	if (err || (row.out.state != BK_WATCH_ARMED && row.out.state != BK_WATCH_HELD))
		return err;
	x->bodies++;
	err = bk_env_get(t, BK_T_WATCHBODY, watch.b, sizeof watch.b, &body);
	return err ? err : expect(body.len == row.out.body_bytes &&
				  bk_hash_equal(bk_hash_of(body.data, body.len), row.out.body_hash));
}

static int check_watches(struct bk_txn *t)
{
	struct watches x = {0, 0, 0};
	uint64_t due = 0, of = 0, bodies = 0;
	int err = each(t, BK_T_WATCH, on_watch, &x);

	if (!err)
		err = bk_env_count(t, BK_T_WATCHDUE, &due);
	if (!err)
		err = bk_env_count(t, BK_T_WATCHOF, &of);
	if (!err)
		err = bk_env_count(t, BK_T_WATCHBODY, &bodies);
	return err ? err : expect(due == x.running && of == x.rows && bodies == x.bodies);
}

/* Decodes and no more. */
static int on_row(struct bk_txn *t, const struct bk_env_cursor *c, void *arg)
{
	const enum bk_table *table = arg;
	union {
		struct bk_row_dedupe dedupe;
		struct bk_row_fresh fresh;
		struct bk_row_dead dead;
		struct bk_row_invite invite;
		struct bk_row_session session;
		struct bk_row_claim claim;
		struct bk_row_ladder ladder;
		struct bk_row_account account;
		struct bk_row_push push;
	} row;

	(void)t;
	memset(&row, 0, sizeof row);
	return bk_rows_decode(*table, c->value, &row);
}

static int check_plain(struct bk_txn *t)
{
	static const enum bk_table tables[] = {
		BK_T_DEDUPE, BK_T_FRESH, BK_T_DEAD, BK_T_INVITE, BK_T_SESSION, BK_T_CLAIM,
		BK_T_LADDER, BK_T_ACCOUNT, BK_T_PUSH};
	int err = 0;

	for (size_t i = 0; !err && i < sizeof tables / sizeof tables[0]; i++) {
		enum bk_table table = tables[i];

		err = each(t, table, on_row, &table);
	}
	return err;
}

static int check_circles(struct bk_txn *t)
{
	uint64_t relations = 0, rows = 0;
	int err = each(t, BK_T_CIRCLE, on_circle, &relations);

	if (!err)
		err = bk_env_count(t, BK_T_ASSIGNED, &rows);
	if (!err)
		err = expect(rows == relations);
	if (!err)
		err = each(t, BK_T_DEVICE, on_device, NULL);
	if (!err)
		err = bk_env_count(t, BK_T_DEVICE, &relations);
	if (!err)
		err = bk_env_count(t, BK_T_MEMBER, &rows);
	return err ? err : expect(rows == relations);
}

static int check_prekeys(struct bk_txn *t)
{
	uint64_t prekeys = 0, rows = 0;
	int err = each(t, BK_T_PREKEYS, on_prekeys, &prekeys);

	if (!err)
		err = bk_env_count(t, BK_T_PREKEY, &rows);
	return err ? err : expect(rows == prekeys);
}

static int check_sessions(struct bk_txn *t)
{
	uint64_t tickets = 0, rows = 0;
	int err = each(t, BK_T_TICKET, on_ticket, NULL);

	if (!err)
		err = bk_env_count(t, BK_T_TICKET, &tickets);
	if (!err)
		err = bk_env_count(t, BK_T_SESSION, &rows);
	return err ? err : expect(rows == tickets);
}

static int check_files(struct bk_txn *t)
{
	int err = each(t, BK_T_FILE, on_file, NULL);

	if (!err)
		err = each(t, BK_T_UPLOAD, on_upload, NULL);
	return err ? err : each(t, BK_T_OPEN, on_open, NULL);
}

int bk_store_check(struct bk_store_view *v)
{
	int (*const parts[])(struct bk_txn *t) = {
		check_queues, check_circles, check_prekeys, check_sessions, check_files, check_watches, check_plain};
	uint64_t count = 0, bad = 0;
	int err = 0;

	for (size_t i = 0; !err && i < sizeof parts / sizeof parts[0]; i++)
		err = parts[i](v->txn);
	return err ? err : bk_store_audit_verify(v, &count, &bad);
}
