/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include "bytes.h"
#include "err.h"
#include "roster.h"
#include "store_in.h"

#define SPOILED_MAX 8u /* of one batch; more: the store is beyond that */

static const struct {
	bk_store_fn check, write;
} pairs[BK_OP_KINDS] = {
#define X(kind, name) [BK_OP_##kind] = {bk_store_check_##name, bk_store_write_##name},
	BK_STORE_PAIRS(X)
#undef X
};

/* Acks, deletions and small records go on when new messages and files are refused; alarms may fill the brim. */
static int check_room(const struct bk_store *s, const struct bk_op *op)
{
	if (op->kind == BK_OP_FILE_NEW)
		return s->full ? BK_E_FULL : 0;
	if (op->kind == BK_OP_WATCH_ARM)
		return s->brim ? BK_E_FULL : 0;
	if (op->kind != BK_OP_SUBMIT)
		return 0;
	if (op->submit.class == BAKEN__CLASS__CLASS_ALARM)
		return s->brim ? BK_E_FULL : 0;
	return s->full ? BK_E_FULL : 0;
}

static void clear_plan(struct bk_store *s)
{
	bk_roster_free(s->plan.roster);
	bk_roster_free(s->plan.before);
	s->plan.roster = NULL;
	s->plan.before = NULL;
	s->plan.n_slots = 0;
	s->plan.n_served = 0;
}

static int run(struct bk_store *s, struct bk_txn *t, struct bk_op *op)
{
	int err = 0;

	if ((unsigned)op->kind >= BK_OP_KINDS) {
		op->result = BK_E_INVAL;
		return 0;
	}
	op->result = check_room(s, op);
	if (!op->result)
		op->result = pairs[op->kind].check(s, t, op);
	if (!op->result)
		err = pairs[op->kind].write(s, t, op);
	clear_plan(s);
	return err;
}

/* So that a failure frees nothing that is not ours. */
static void clear_outputs(struct bk_op *ops, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (ops[i].kind == BK_OP_ROSTER_PUT) {
			ops[i].roster.revoked = NULL;
			ops[i].roster.n_revoked = 0;
		} else if (ops[i].kind == BK_OP_SUBMIT) {
			ops[i].submit.full = NULL;
			ops[i].submit.n_full = 0;
		}
	}
}

/* Outputs that were allocated for a batch that then failed. */
static void take_back(struct bk_op *ops, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (ops[i].kind == BK_OP_ROSTER_PUT)
			free(ops[i].roster.revoked);
		else if (ops[i].kind == BK_OP_SUBMIT)
			free(ops[i].submit.full);
	}
	clear_outputs(ops, n);
}

static int look_at_room(struct bk_store *s)
{
	uint64_t used = 0, map = 0;
	int err = bk_env_extent(s->env, &used, &map);

	if (!err && used > map / 10 * 9) /* what it holds matters only then */
		err = bk_env_usage(s->env, &used, &map);
	if (err)
		return err;
	s->full = used > map / 10 * 9;
	s->brim = used > map / 100 * 97;
	return 0;
}

static int put_delta(struct bk_store *s, struct bk_txn *t)
{
	uint64_t bytes = 0;
	int err;

	if (!s->queued_delta)
		return 0;
	err = bk_store_meta_get(t, "queued_bytes", &bytes);
	return err ? err : bk_store_meta_put(t, "queued_bytes", bytes + (uint64_t)s->queued_delta);
}

int bk_store_end(struct bk_store *s, struct bk_txn *t)
{
	int err = put_delta(s, t);

	if (!err && s->number != s->numbers_kept)
		err = bk_store_meta_put(t, "number", s->number);
	if (err)
		bk_env_abort(t);
	else
		err = bk_env_commit(t);
	s->queued_delta = 0;
	s->numbers_kept = s->number; /* read again before the next is given out */
	if (err == BK_E_IO)
		s->dead = err;
	return err;
}

/* Ops whose writing met damaged rows: left out when the batch is tried again. */
struct spoiled {
	size_t at[SPOILED_MAX];
	size_t n;
};

static bool is_spoiled(const struct spoiled *x, size_t i)
{
	for (size_t k = 0; k < x->n; k++)
		if (x->at[k] == i)
			return true;
	return false;
}

static int spoil(struct spoiled *x, size_t i)
{
	x->at[x->n++] = i;
	return BK_E_BUSY;
}

/* The rows by device before an op that may look at them in the tables, or that has no room beside them. */
static int make_way(struct bk_store *s, struct bk_txn *t, const struct bk_op *op, size_t *ret_op)
{
	if (op && op->kind == BK_OP_SUBMIT && bk_late_has_room(s->late, op->submit.n_capsules))
		return 0;
	return bk_late_flush(s->late, t, ret_op);
}

static int run_all(struct bk_store *s, struct bk_txn *t, struct bk_op *ops, size_t n, struct spoiled *x)
{
	int err = 0;

	for (size_t i = 0; i <= n; i++) {
		size_t at = i;

		if (i < n && is_spoiled(x, i)) {
			ops[i].result = BK_E_CORRUPT;
			continue;
		}
		if (i && i < n && ops[i].if_previous && ops[i - 1].result) {
			ops[i].result = BK_E_CANCELLED;
			continue;
		}
		err = make_way(s, t, i < n ? &ops[i] : NULL, &at);
		bk_late_begin(s->late, i);
		if (!err && i < n)
			err = run(s, t, &ops[i]);
		if (err == BK_E_NOT_FOUND) /* a row that another row promised */
			err = BK_E_CORRUPT;
		if (err)
			return err == BK_E_CORRUPT && x->n < SPOILED_MAX ? spoil(x, at) : err;
	}
	return 0;
}

static int try_batch(struct bk_store *s, struct bk_op *ops, size_t n, struct spoiled *x)
{
	struct bk_txn *t = NULL;
	int err = bk_env_begin(s->env, true, &t);

	s->queued_delta = 0;
	if (!err)
		err = bk_store_meta_get(t, "number", &s->number);
	s->numbers_kept = s->number;
	if (!err)
		err = run_all(s, t, ops, n, x);
	if (!err)
		err = bk_store_end(s, t);
	else
		bk_env_abort(t);
	bk_late_forget(s->late);
	bk_fresh_ended(s->fresh, !err);
	return err;
}

int bk_store_commit(struct bk_store *s, struct bk_op *ops, size_t n)
{
	struct spoiled x = {.n = 0};
	int err = s->o.read_only ? BK_E_STATE : s->dead;

	clear_outputs(ops, n);
	if (!err)
		err = look_at_room(s);
	while (!err) {
		size_t before = x.n;

		err = try_batch(s, ops, n, &x);
		if (x.n == before)
			break;
		take_back(ops, n);
		err = 0;
	}
	for (size_t i = 0; err && i < n; i++)
		ops[i].result = err;
	if (err)
		take_back(ops, n);
	else if (!s->full)
		bk_fresh_go_over(s);
	return err;
}

/* ---- keys and numbers ---- */

void bk_store_key_number(uint8_t out[static 8], uint64_t number)
{
	for (unsigned i = 0; i < 8; i++)
		out[i] = (uint8_t)(number >> (56 - 8 * i));
}

uint64_t bk_store_number_of(const uint8_t key[static 8])
{
	uint64_t v = 0;

	for (unsigned i = 0; i < 8; i++)
		v = v << 8 | key[i];
	return v;
}

void bk_store_key_pair(uint8_t out[static BK_KEY_PAIR], bk_id a, bk_id b)
{
	memcpy(out, a.b, sizeof a.b);
	memcpy(out + sizeof a.b, b.b, sizeof b.b);
}

void bk_store_key_outbox(uint8_t out[static BK_KEY_OUTBOX], bk_id device, uint64_t seq)
{
	memcpy(out, device.b, sizeof device.b);
	out[BK_ID_BYTES] = (uint8_t)(seq & 7);
	bk_store_key_number(out + BK_ID_BYTES + 1, seq);
}

void bk_store_key_letter(uint8_t out[static BK_KEY_LETTER], uint64_t number, size_t index)
{
	bk_store_key_number(out, number);
	out[8] = (uint8_t)(index >> 8);
	out[9] = (uint8_t)index;
}

void bk_store_key_prekey(uint8_t out[static BK_KEY_PREKEY], bk_id device, uint32_t prekey)
{
	memcpy(out, device.b, sizeof device.b);
	for (unsigned i = 0; i < 4; i++)
		out[BK_ID_BYTES + i] = (uint8_t)(prekey >> (24 - 8 * i));
}

void bk_store_key_roster(uint8_t out[static BK_KEY_ROSTER], bk_id circle, uint64_t version)
{
	memcpy(out, circle.b, sizeof circle.b);
	bk_store_key_number(out + BK_ID_BYTES, version);
}

int bk_store_meta_get(struct bk_txn *t, const char *name, uint64_t *ret_value)
{
	struct bk_bytes value = {NULL, 0};
	int err = bk_env_get(t, BK_T_META, name, strlen(name), &value);
	struct bk_reader r = bk_reader_of(value.data, value.len);

	if (err == BK_E_NOT_FOUND) {
		*ret_value = 0;
		return 0;
	}
	if (err)
		return err;
	*ret_value = bk_read_u64(&r);
	return bk_reader_done(&r) ? 0 : BK_E_CORRUPT;
}

int bk_store_meta_put(struct bk_txn *t, const char *name, uint64_t value)
{
	uint8_t buf[8];
	struct bk_writer w = bk_writer_of(buf, sizeof buf);

	bk_write_u64(&w, value);
	return bk_env_put(t, BK_T_META, name, strlen(name), buf, sizeof buf);
}

/* ---- small shared steps ---- */

int bk_store_del(struct bk_txn *t, enum bk_table table, const void *key, size_t len)
{
	int err = bk_env_del(t, table, key, len);

	return err == BK_E_NOT_FOUND ? 0 : err;
}

int bk_store_first(struct bk_txn *t, enum bk_table table, const void *prefix, size_t len,
	uint8_t key[static BK_ENV_KEY_MAX], size_t *ret_len)
{
	struct bk_env_cursor c;
	int err = bk_env_cursor_open(t, table, &c);

	if (!err)
		err = bk_env_seek(&c, prefix, len);
	if (!err && !bk_env_has_prefix(&c, prefix, len))
		err = BK_E_NOT_FOUND;
	if (!err && c.key.len > BK_ENV_KEY_MAX)
		err = BK_E_CORRUPT;
	if (!err) {
		memcpy(key, c.key.data, c.key.len);
		*ret_len = c.key.len;
	}
	bk_env_cursor_close(&c);
	return err;
}

int bk_store_live_device(struct bk_txn *t, bk_id device, struct bk_row_device *ret_row)
{
	int err;

	memset(ret_row, 0, sizeof *ret_row);
	err = bk_rows_get_device(t, device.b, sizeof device.b, ret_row);
	if (err == BK_E_NOT_FOUND || (!err && ret_row->out.status == BAKEN__DEVICE_STATUS__DEVICE_REVOKED))
		return BK_E_REVOKED;
	return err;
}

int bk_store_state(struct bk_txn *t, bk_id device, struct bk_row_state *ret_state)
{
	int err;

	memset(ret_state, 0, sizeof *ret_state);
	err = bk_rows_get_state(t, device.b, sizeof device.b, ret_state);
	return err == BK_E_NOT_FOUND ? bk_store_meta_get(t, "floor", &ret_state->next) : err;
}
