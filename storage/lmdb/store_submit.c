/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Submitting: the hot path. A message costs one row each of body, refs and dedupe, and letter, outbox and state for
 * each device. Bodies, refs, ids and letters go to the end of their tables, so that a commit writes few, whole pages.
 */
#include <sodium.h>
#include <stdlib.h>

#include "err.h"
#include "store_ladder.h"

/* What one delivery counts: nobody fills a disk with empty bodies. */
static uint64_t bytes_of(size_t body_len)
{
	return body_len + BK_CAPSULE_BYTES;
}

static void tag_of(const struct bk_store *s, bk_id message, bk_id device, uint8_t out[static BK_ROWS_TAG])
{
	uint8_t pair[BK_KEY_PAIR], hash[crypto_generichash_BYTES_MIN];

	bk_store_key_pair(pair, message, device);
	crypto_generichash(hash, sizeof hash, pair, sizeof pair, s->keys->served, BK_KEY_BYTES);
	memcpy(out, hash, BK_ROWS_TAG);
}

static bool was_served(const struct bk_store *s, const uint8_t tag[static BK_ROWS_TAG])
{
	for (size_t i = 0; i < s->plan.n_served; i++)
		if (memcmp(s->plan.served + i * BK_ROWS_TAG, tag, BK_ROWS_TAG) == 0)
			return true;
	return false;
}

static int check_shape(const struct bk_op *op)
{
	if (!op->submit.n_capsules || op->submit.n_capsules > BK_CAPSULES_MAX || op->submit.n_files > BK_FILES_MAX ||
		op->submit.class < BAKEN__CLASS__CLASS_ALARM || op->submit.class > BAKEN__CLASS__CLASS_BULK)
		return BK_E_INVAL;
	return op->submit.body.len > BK_BODY_MAX ? BK_E_TOO_BIG : 0;
}

static int check_dedupe(struct bk_store *s, struct bk_txn *t, struct bk_op *op)
{
	struct bk_row_dedupe row;
	int err = bk_fresh_find(s->fresh, t, op->submit.message, &row, &s->plan.fresh);

	s->plan.n_served = 0;
	s->plan.known = false;
	s->plan.body = 0;
	op->submit.duplicate = false;
	op->submit.unwatched = false;
	op->submit.stored_ms = op->now;
	if (err == BK_E_NOT_FOUND)
		return 0;
	if (err)
		return err;
	if (row.served.len > sizeof s->plan.served)
		return BK_E_CORRUPT;
	if (!bk_hash_equal(row.body_hash, op->submit.body_hash))
		return BK_E_HASH;
	if (row.served.len)
		memcpy(s->plan.served, row.served.data, row.served.len);
	s->plan.n_served = row.served.len / BK_ROWS_TAG;
	s->plan.known = true;
	s->plan.body = row.body;
	op->submit.duplicate = true;
	op->submit.stored_ms = row.stored_ms;
	return 0;
}

static int check_files(struct bk_txn *t, const struct bk_op *op)
{
	struct bk_row_file row;

	for (size_t i = 0; i < op->submit.n_files; i++) {
		int err = bk_rows_get_file(t, op->submit.files[i].b, BK_HASH_BYTES, &row);

		if (err)
			return err == BK_E_NOT_FOUND ? BK_E_INCOMPLETE : err;
	}
	return 0;
}

/* A tenth on top is for alarms only. */
static bool has_room(const struct bk_store *s, const struct bk_op *op, const struct bk_row_state *state)
{
	bool alarm = op->submit.class == BAKEN__CLASS__CLASS_ALARM;
	uint64_t count = s->o.queue_max, bytes = s->o.queue_bytes_max;

	if (alarm) {
		count += count < 10 ? 1 : count / 10;
		bytes += bytes / 10;
	}
	return state->queued < count && state->queued_bytes + bytes_of(op->submit.body.len) <= bytes;
}

static int note_full(struct bk_op *op, bk_id device)
{
	if (!op->submit.full)
		op->submit.full = malloc(op->submit.n_capsules * sizeof *op->submit.full);
	if (!op->submit.full)
		return BK_E_NOMEM;
	op->submit.full[op->submit.n_full++] = device;
	return 0;
}

static int check_slot(struct bk_store *s, struct bk_txn *t, struct bk_op *op, struct bk_op_capsule *c)
{
	struct bk_store_slot *slot = &s->plan.slots[s->plan.n_slots];
	uint8_t tag[BK_ROWS_TAG];
	struct bk_row_device row;
	int err;

	c->seq = 0;
	tag_of(s, op->submit.message, c->device, tag);
	if (was_served(s, tag))
		return 0;
	if (s->plan.n_served == BK_STORE_SERVED_MAX)
		return BK_E_TOO_BIG;
	err = bk_store_live_device(t, c->device, &row);
	if (!err)
		err = bk_late_state(s->late, t, c->device, &slot->state);
	if (err)
		return err;
	if (!has_room(s, op, &slot->state))
		return note_full(op, c->device) ? BK_E_NOMEM : BK_E_QUOTA;
	memcpy(s->plan.served + s->plan.n_served++ * BK_ROWS_TAG, tag, BK_ROWS_TAG);
	slot->capsule = c;
	s->plan.n_slots++;
	return 0;
}

/*
 * An ordinary message goes to all or none. An alarm goes to every device that can take it: one full or
 * withdrawn device must not silence it for the others; seq stays 0 there and a top-up may follow. An alarm that
 * is known reached somebody: its repeat must not sound like a failure.
 */
static int check_slots(struct bk_store *s, struct bk_txn *t, struct bk_op *op)
{
	bool alarm = op->submit.class == BAKEN__CLASS__CLASS_ALARM;
	int first = 0;

	for (size_t i = 0; i < op->submit.n_capsules; i++) {
		int err = check_slot(s, t, op, &op->submit.capsules[i]);

		if (err != BK_E_QUOTA && err != BK_E_REVOKED && err)
			return err;
		if (!first || (first == BK_E_REVOKED && err == BK_E_QUOTA && alarm))
			first = err;
		if (err == BK_E_REVOKED && !alarm)
			return err;
	}
	if (first && (!alarm || (s->plan.n_slots == 0 && !s->plan.known)))
		return first;
	free(op->submit.full);
	op->submit.full = NULL;
	op->submit.n_full = 0;
	return 0;
}

/* The devices that refused are asked for again when their queue has room. */
static void note_refused(struct bk_store *s, struct bk_txn *t, const struct bk_op *op)
{
	for (size_t i = 0; i < op->submit.n_full; i++) {
		struct bk_row_state state;
		bk_id device = op->submit.full[i];

		if (bk_late_state(s->late, t, device, &state) != 0 || state.refused)
			continue;
		state.refused = true;
		bk_late_put_state(s->late, device, &state);
	}
}

static int get_refs(struct bk_txn *t, uint64_t body, struct bk_row_refs *ret_refs)
{
	uint8_t key[8];

	bk_store_key_number(key, body);
	return body ? bk_rows_get_refs(t, key, sizeof key, ret_refs) : BK_E_NOT_FOUND;
}

/* Where the body lies already: from an earlier part of this message, or kept under its hash. */
static int check_body(struct bk_store *s, struct bk_txn *t, const struct bk_op *op)
{
	struct bk_row_refs refs;
	struct bk_row_named named = {0};
	int err = get_refs(t, s->plan.body, &refs);

	if (err == BK_E_NOT_FOUND && (op->submit.keep_body || !op->submit.body.len)) {
		err = bk_rows_get_named(t, op->submit.body_hash.b, BK_HASH_BYTES, &named);
		if (!err)
			err = get_refs(t, named.body, &refs);
	}
	if (!err && named.body)
		s->plan.body = named.body;
	if (err != BK_E_NOT_FOUND)
		return err;
	s->plan.body = 0;
	return op->submit.body.len ? 0 : BK_E_INCOMPLETE;
}

int bk_store_check_submit(struct bk_store *s, struct bk_txn *t, struct bk_op *op)
{
	int err = check_shape(op);

	s->plan.n_slots = 0;
	if (!err)
		err = check_dedupe(s, t, op);
	if (!err)
		err = check_slots(s, t, op);
	if (!err && s->plan.n_slots)
		err = check_files(t, op);
	if (!err && s->plan.n_slots)
		err = check_body(s, t, op);
	if (err == BK_E_QUOTA)
		note_refused(s, t, op);
	if (err && err != BK_E_QUOTA) {
		free(op->submit.full);
		op->submit.full = NULL;
		op->submit.n_full = 0;
	}
	return err;
}

/* True when the row did not yet say that it was for this desk. More than the room for them: those come too late. */
static bool add_desk(struct bk_row_named *named, bk_id desk)
{
	size_t i = 0;

	if (bk_id_is_zero(desk))
		return false;
	while (i < BK_BODY_DESKS_MAX && !bk_id_is_zero(named->desks[i])) {
		if (bk_id_equal(named->desks[i], desk))
			return false;
		i++;
	}
	if (i == BK_BODY_DESKS_MAX)
		return false;
	named->desks[i] = desk;
	return true;
}

/* Under its hash, with the desks whose devices may fetch it; the same bytes to another desk add that one. */
static int name_body(struct bk_txn *t, const struct bk_op *op, uint64_t body)
{
	struct bk_row_named named = {.body = 0};
	int err = bk_rows_get_named(t, op->submit.body_hash.b, BK_HASH_BYTES, &named);
	bool changed = err == BK_E_NOT_FOUND;

	if (err && !changed)
		return err;
	if (changed)
		named = (struct bk_row_named){.body = body};
	for (size_t i = 0; i < BK_BODY_DESKS_MAX; i++)
		changed |= add_desk(&named, op->submit.desks[i]);
	return changed ? bk_rows_put_named(t, op->submit.body_hash.b, BK_HASH_BYTES, &named) : 0;
}

static int new_body(struct bk_store *s, struct bk_txn *t, const struct bk_op *op, uint32_t *ret_size)
{
	struct bk_row_refs refs = {.hash = op->submit.body_hash, .refs = (uint32_t)s->plan.n_slots,
		.keep = op->submit.keep_body, .stored_ms = op->now, .size = (uint32_t)op->submit.body.len};
	uint8_t key[8];
	int err;

	s->plan.body = ++s->number;
	bk_store_key_number(key, s->plan.body);
	*ret_size = refs.size;
	err = bk_env_append(t, BK_T_BODY, key, sizeof key, op->submit.body.data, op->submit.body.len);
	if (!err)
		err = bk_rows_append(t, BK_T_REFS, key, sizeof key, &refs);
	return err || !refs.keep ? err : name_body(t, op, s->plan.body);
}

static int more_refs(struct bk_store *s, struct bk_txn *t, const struct bk_op *op, uint32_t *ret_size)
{
	struct bk_row_refs refs;
	struct bk_row_named named;
	uint8_t key[8];
	int err = get_refs(t, s->plan.body, &refs);

	if (err)
		return err;
	if (op->submit.keep_body) {
		err = bk_rows_get_named(t, op->submit.body_hash.b, BK_HASH_BYTES, &named);
		if (err == BK_E_NOT_FOUND) { /* else the same bytes are kept, maybe under another number */
			refs.keep = true;
			err = 0;
		}
		if (!err)
			err = name_body(t, op, s->plan.body);
	}
	if (err)
		return err;
	refs.refs += (uint32_t)s->plan.n_slots;
	*ret_size = refs.size;
	bk_store_key_number(key, s->plan.body);
	return bk_rows_put_refs(t, key, sizeof key, &refs);
}

static int write_slot(struct bk_store *s, struct bk_txn *t, const struct bk_op *op, struct bk_store_slot *slot,
	struct bk_row_letter *row)
{
	struct bk_row_outbox place;
	bk_id device = slot->capsule->device;
	uint64_t seq = ++slot->state.next << 3 | (uint64_t)op->submit.class;
	int err;

	slot->state.queued++;
	slot->state.queued_bytes += bytes_of(row->body_bytes);
	s->queued_delta += (int64_t)bytes_of(row->body_bytes);
	row->capsule.data = slot->capsule->capsule;
	row->capsule.len = op->submit.capsule_len ? op->submit.capsule_len : BK_CAPSULE_BYTES;
	bk_store_key_letter(row->key, s->plan.letter, (size_t)(slot - s->plan.slots));
	err = bk_rows_append(t, BK_T_LETTER, row->key, sizeof row->key, row);
	memcpy(place.letter, row->key, sizeof place.letter);
	bk_late_put_outbox(s->late, device, seq, &place);
	bk_late_put_state(s->late, device, &slot->state);
	slot->capsule->seq = seq;
	return err;
}

static int write_dedupe(struct bk_store *s, struct bk_txn *t, const struct bk_op *op)
{
	struct bk_row_dedupe row;

	row.body_hash = op->submit.body_hash;
	row.body = s->plan.body;
	row.stored_ms = op->submit.stored_ms;
	row.served.data = s->plan.served;
	row.served.len = s->plan.n_served * BK_ROWS_TAG;
	return bk_fresh_put(s, t, op->submit.message, s->plan.fresh, &row);
}

static int write_files(struct bk_txn *t, const struct bk_op *op)
{
	for (size_t i = 0; i < op->submit.n_files; i++) {
		const uint8_t *key = op->submit.files[i].b;
		struct bk_row_file row;
		int err = bk_rows_get_file(t, key, BK_HASH_BYTES, &row);

		if (err)
			return err;
		row.last_ms = op->now;
		if (!row.named) { /* from now on it lives by its references, not by its owner's quota */
			struct bk_row_upload upload;
			uint8_t open[BK_KEY_PAIR];

			err = bk_rows_get_upload(t, row.upload.b, BK_ID_BYTES, &upload);
			if (err)
				return err;
			bk_store_key_pair(open, upload.device, row.upload);
			err = bk_store_del(t, BK_T_OPEN, open, sizeof open);
			row.named = true;
		}
		if (!err)
			err = bk_rows_put_file(t, key, BK_HASH_BYTES, &row);
		if (err)
			return err;
	}
	return 0;
}

static int write_ladder(struct bk_store *s, struct bk_txn *t, struct bk_op *op)
{
	struct bk_row_ladder row = {.desk = op->submit.desk, .fallback = op->submit.fallback,
		.stored_ms = op->submit.stored_ms, .drill = op->submit.drill};

	return bk_store_ladder_begin(s, t, op->submit.message, &row, &op->submit.unwatched);
}

int bk_store_write_submit(struct bk_store *s, struct bk_txn *t, struct bk_op *op)
{
	struct bk_row_letter row;
	int err;

	if (!s->plan.n_slots)
		return 0; /* a plain repeat */
	memset(&row, 0, sizeof row);
	row.message = op->submit.message;
	row.body_hash = op->submit.body_hash;
	row.stored_ms = op->submit.stored_ms;
	bk_store_seal_id(s, op->submit.sender, row.sender);
	err = s->plan.body ? more_refs(s, t, op, &row.body_bytes) : new_body(s, t, op, &row.body_bytes);
	row.body = s->plan.body;
	s->plan.letter = ++s->number;
	for (size_t i = 0; !err && i < s->plan.n_slots; i++)
		err = write_slot(s, t, op, &s->plan.slots[i], &row);
	if (!err)
		err = write_dedupe(s, t, op);
	if (!err && op->submit.ladder && !s->plan.known)
		err = write_ladder(s, t, op);
	return err ? err : write_files(t, op);
}
