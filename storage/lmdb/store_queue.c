/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What waits for a device: taking it out when it was acked, refused too often, or when the device is cut off. */
#include "err.h"
#include "store_ladder.h"

/*
 * The last reference takes the body along, unless a desk's keyrings may still ask for it. A body that is lost must
 * not hold up what can still be taken out.
 */
static int release_body(struct bk_txn *t, uint64_t body)
{
	struct bk_row_refs refs;
	uint8_t key[8];
	int err;

	bk_store_key_number(key, body);
	err = bk_rows_get_refs(t, key, sizeof key, &refs);
	if (err == BK_E_NOT_FOUND || (!err && refs.refs == 0))
		return 0;
	if (err)
		return err;
	if (--refs.refs || refs.keep)
		return bk_rows_put_refs(t, key, sizeof key, &refs);
	err = bk_env_del(t, BK_T_REFS, key, sizeof key);
	return err ? err : bk_store_del(t, BK_T_BODY, key, sizeof key);
}

int bk_store_letter(struct bk_txn *t, const struct bk_row_outbox *place, struct bk_row_letter *ret_row)
{
	int err = bk_rows_get_letter(t, place->letter, BK_KEY_LETTER, ret_row);

	memcpy(ret_row->key, place->letter, BK_KEY_LETTER);
	return err == BK_E_NOT_FOUND ? BK_E_CORRUPT : err;
}

int bk_store_letter_at(struct bk_txn *t, const void *key, size_t len, struct bk_row_letter *ret_row)
{
	struct bk_row_outbox place;
	int err = bk_rows_get_outbox(t, key, len, &place);

	return err ? err : bk_store_letter(t, &place, ret_row);
}

int bk_store_take_out(struct bk_store *s, struct bk_txn *t, bk_id device, uint64_t seq,
	const struct bk_row_letter *row, struct bk_row_state *state)
{
	uint64_t bytes = row->body_bytes + BK_CAPSULE_BYTES;
	uint64_t body = row->body;
	uint8_t key[BK_KEY_OUTBOX], letter[BK_KEY_LETTER];
	int err;

	if (!state->queued || state->queued_bytes < bytes)
		return BK_E_CORRUPT;
	state->queued--;
	state->queued_bytes -= bytes;
	s->queued_delta -= (int64_t)bytes;
	memcpy(letter, row->key, sizeof letter);
	bk_store_key_outbox(key, device, seq);
	err = bk_env_del(t, BK_T_OUTBOX, key, sizeof key);
	if (!err)
		err = bk_env_del(t, BK_T_LETTER, letter, sizeof letter);
	return err ? err : release_body(t, body);
}

/* A delivery whose letter is damaged: what is left of it goes, its body's reference stays behind. */
static int drop_damaged(struct bk_txn *t, const uint8_t *key, size_t len)
{
	struct bk_row_outbox place;
	int err = bk_rows_get_outbox(t, key, len, &place);

	if (!err)
		err = bk_store_del(t, BK_T_LETTER, place.letter, sizeof place.letter);
	if (err && err != BK_E_CORRUPT)
		return err;
	return bk_env_del(t, BK_T_OUTBOX, key, len);
}

static int drop_one(struct bk_store *s, struct bk_txn *t, bk_id device, const uint8_t *key, size_t len,
	struct bk_row_state *state)
{
	struct bk_row_letter row;
	int err = len == BK_KEY_OUTBOX ? bk_store_letter_at(t, key, len, &row) : BK_E_CORRUPT;

	if (!err)
		err = bk_store_take_out(s, t, device, bk_store_number_of(key + BK_ID_BYTES + 1), &row, state);
	return err == BK_E_CORRUPT ? drop_damaged(t, key, len) : err;
}

/* Damage must not keep a device in: whatever its queue looks like, it is empty afterwards. */
int bk_store_drop_queue(struct bk_store *s, struct bk_txn *t, bk_id device, struct bk_row_state *state)
{
	int err = 0;

	while (!err) {
		uint8_t key[BK_ENV_KEY_MAX];
		size_t len = 0;

		err = bk_store_first(t, BK_T_OUTBOX, device.b, sizeof device.b, key, &len);
		if (!err)
			err = drop_one(s, t, device, key, len, state);
	}
	if (err != BK_E_NOT_FOUND)
		return err;
	s->queued_delta -= (int64_t)state->queued_bytes;
	state->queued = 0;
	state->queued_bytes = 0;
	return 0;
}

/* ---- ack ---- */

int bk_store_check_ack(struct bk_store *s, struct bk_txn *t, struct bk_op *op)
{
	op->ack.resumed = false;
	op->ack.answered = 0;
	return bk_store_state(t, op->ack.device, &s->plan.state);
}

static bool has_resumed(const struct bk_store *s, const struct bk_row_state *state)
{
	return state->refused && state->queued < (uint64_t)s->o.queue_max * 8 / 10 &&
	       state->queued_bytes < s->o.queue_bytes_max / 10 * 8;
}

int bk_store_write_ack(struct bk_store *s, struct bk_txn *t, struct bk_op *op)
{
	struct bk_row_state *state = &s->plan.state;
	bool changed = false;

	for (size_t i = 0; i < op->ack.n_seqs; i++) {
		uint8_t key[BK_KEY_OUTBOX];
		struct bk_row_letter row;
		bool ended = false;
		int err;

		bk_store_key_outbox(key, op->ack.device, op->ack.seqs[i]);
		err = bk_store_letter_at(t, key, sizeof key, &row);
		if (err == BK_E_NOT_FOUND)
			continue;
		if (!err && (op->ack.seqs[i] & 7) == BAKEN__CLASS__CLASS_ALARM)
			err = bk_store_ladder_end(t, row.message, op->ack.device, &ended);
		if (!err)
			err = bk_store_take_out(s, t, op->ack.device, op->ack.seqs[i], &row, state);
		if (err)
			return err;
		op->ack.answered += ended;
		changed = true;
	}
	if (has_resumed(s, state)) {
		state->refused = false;
		op->ack.resumed = changed = true;
	}
	return changed ? bk_rows_put_state(t, op->ack.device.b, BK_ID_BYTES, state) : 0;
}

/* ---- nack ---- */

int bk_store_check_nack(struct bk_store *s, struct bk_txn *t, struct bk_op *op)
{
	uint8_t key[BK_KEY_OUTBOX];
	int err;

	op->nack.dead = false;
	bk_store_key_outbox(key, op->nack.device, op->nack.seq);
	err = bk_store_letter_at(t, key, sizeof key, &s->plan.letter_row);
	return err ? err : bk_store_state(t, op->nack.device, &s->plan.state);
}

static int count_attempt(struct bk_txn *t, const struct bk_row_letter *row)
{
	uint8_t capsule[BK_CAPSULE_BYTES];
	struct bk_row_letter copy = *row;

	if (row->capsule.len > sizeof capsule)
		return BK_E_CORRUPT;
	memcpy(capsule, row->capsule.data, row->capsule.len); /* the table's own bytes move when it is written */
	copy.capsule.data = capsule;
	copy.attempts++;
	return bk_rows_put_letter(t, copy.key, sizeof copy.key, &copy);
}

static int bury(struct bk_store *s, struct bk_txn *t, struct bk_op *op)
{
	const struct bk_row_letter *row = &s->plan.letter_row;
	struct bk_row_dead dead;
	uint8_t key[BK_ID_BYTES + 8];
	uint64_t rows = 0;
	int err = bk_env_count(t, BK_T_DEAD, &rows);

	if (err)
		return err;
	op->nack.dead = true;
	op->nack.message = row->message;
	op->nack.sender = bk_store_unseal_id(s, row->sender);
	dead.message = row->message;
	dead.stored_ms = row->stored_ms;
	dead.died_ms = op->now;
	memcpy(dead.sender, row->sender, sizeof dead.sender);
	err = bk_store_take_out(s, t, op->nack.device, op->nack.seq, row, &s->plan.state);
	if (!err)
		err = bk_rows_put_state(t, op->nack.device.b, BK_ID_BYTES, &s->plan.state);
	if (err || rows >= s->bounds.dead)
		return err; /* the sender is told all the same */
	memcpy(key, op->nack.device.b, BK_ID_BYTES);
	bk_store_key_number(key + BK_ID_BYTES, op->nack.seq);
	return bk_rows_put_dead(t, key, sizeof key, &dead);
}

int bk_store_write_nack(struct bk_store *s, struct bk_txn *t, struct bk_op *op)
{
	if (s->plan.letter_row.attempts + 1u < BK_DELIVER_ATTEMPTS)
		return count_attempt(t, &s->plan.letter_row);
	return bury(s, t, op);
}
