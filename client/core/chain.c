/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "chain.h"

#include "engine.h"

#define CHAIN_BYTES (8u + BK_HASH_BYTES)
#define RESERVED_BYTES (CHAIN_BYTES + 1u)
#define MISSING_MAX 256u

/* ---- given: "chain/" device, "outchain/" device and row ---- */

struct chain {
	uint64_t seq;
	bk_hash link; /* "chain/": of the last; "outchain/": the one before this */
	bool dropped; /* "outchain/": its device is no longer addressed */
};

static void chain_write(uint8_t out[static RESERVED_BYTES], const struct chain *c)
{
	bk_u64_write(out, c->seq);
	memcpy(out + 8, c->link.b, BK_HASH_BYTES);
	out[CHAIN_BYTES] = c->dropped;
}

static void chain_parse(const uint8_t in[static RESERVED_BYTES], struct chain *c)
{
	c->seq = bk_u64_read(in);
	memcpy(c->link.b, in + 8, BK_HASH_BYTES);
	c->dropped = in[CHAIN_BYTES] != 0;
}

static bool chain_load(struct bk_core *core, struct bk_key k, struct chain *ret_chain)
{
	uint8_t raw[RESERVED_BYTES];

	if (bk_db_read(&core->db, k, raw, sizeof(raw)))
		return false;
	chain_parse(raw, ret_chain);
	return true;
}

static void chain_save(struct bk_core *core, struct bk_key k, const struct chain *c)
{
	uint8_t raw[RESERVED_BYTES];

	chain_write(raw, c);
	bk_db_put(&core->db, k, raw, sizeof(raw));
}

/* Finds the dropped reservation with this number. */
static bool dropped_find(struct bk_core *core, bk_id device, uint64_t seq, bk_id *ret_row,
	struct chain *ret_chain)
{
	struct bk_rows rows;
	bool found = false;

	if (bk_db_rows(&core->db, bk_key_id("outchain/", device), 0, &rows))
		return false;
	for (size_t i = 0; i < rows.n && !found; i++) {
		struct chain c;

		if (rows.v[i].len != RESERVED_BYTES)
			continue;
		chain_parse(rows.v[i].value, &c);
		if (!c.dropped || c.seq != seq)
			continue;
		*ret_row = bk_row_id(&rows.v[i], 9 + BK_ID_BYTES);
		*ret_chain = c;
		found = true;
	}
	bk_rows_free(&rows);
	return found;
}

/* Numbers given last and never sent are taken back, so that the device sees no gap where nothing was lost. */
static void chain_unwind(struct bk_core *core, bk_id device)
{
	struct bk_key key = bk_key_id("chain/", device);
	struct chain last, c;
	bk_id row;

	while (chain_load(core, key, &last) && dropped_find(core, device, last.seq, &row, &c)) {
		c.seq--;
		c.dropped = false;
		chain_save(core, key, &c);
		bk_db_del(&core->db, bk_key_pair("outchain/", device, row));
	}
}

void bk_chain_drop(struct bk_core *core, bk_id device, bk_id row)
{
	struct bk_key key = bk_key_pair("outchain/", device, row);
	struct chain c;

	if (!chain_load(core, key, &c))
		return;
	c.dropped = true;
	chain_save(core, key, &c);
	chain_unwind(core, device);
}

void bk_chain_next(struct bk_core *core, bk_id device, struct bk_capsule *c)
{
	struct chain last = { .seq = 0 };

	if (!chain_load(core, bk_key_pair("outchain/", device, c->message), &last)) {
		chain_load(core, bk_key_id("chain/", device), &last);
		last.seq++;
	}
	c->chain_seq = last.seq;
	c->chain_prev = last.link;
}

void bk_chain_reserve(struct bk_core *core, bk_id device, const struct bk_capsule *c)
{
	struct bk_key key = bk_key_pair("outchain/", device, c->message);
	struct chain mine = { .seq = c->chain_seq, .link = c->chain_prev };
	struct chain last = { .seq = c->chain_seq, .link = bk_capsule_link(c) };
	bool known = bk_db_has(&core->db, key);

	chain_save(core, key, &mine);
	if (!known)
		chain_save(core, bk_key_id("chain/", device), &last);
}

/* The number is spent; holes before it can no longer be closed. */
void bk_chain_settle(struct bk_core *core, bk_id device, bk_id row)
{
	struct bk_key key = bk_key_pair("outchain/", device, row);
	struct bk_rows rows;
	struct chain mine;

	if (!chain_load(core, key, &mine) || bk_db_rows(&core->db, bk_key_id("outchain/", device), 0, &rows))
		return;
	for (size_t i = 0; i < rows.n; i++) {
		struct chain c;

		if (rows.v[i].len != RESERVED_BYTES)
			continue;
		chain_parse(rows.v[i].value, &c);
		if (c.dropped && c.seq < mine.seq)
			bk_db_del(&core->db, bk_key_pair("outchain/", device,
				bk_row_id(&rows.v[i], 9 + BK_ID_BYTES)));
	}
	bk_rows_free(&rows);
	bk_db_del(&core->db, key);
}

/* ---- seen: "peer/" device; "gap/" device while something is to be told ---- */

static bool missing_take(json_t *missing, uint64_t seq)
{
	for (size_t i = 0; i < json_array_size(missing); i++) {
		if ((uint64_t)json_integer_value(json_array_get(missing, i)) != seq)
			continue;
		json_array_remove(missing, i);
		return true;
	}
	return false;
}

/* A long hole is remembered by its newest numbers: the list is bounded, whoever sends. */
static void missing_add(json_t *missing, uint64_t from, uint64_t to)
{
	if (to - from > MISSING_MAX)
		from = to - MISSING_MAX;
	for (uint64_t seq = from; seq < to; seq++) {
		if (json_array_size(missing) >= MISSING_MAX)
			json_array_remove(missing, 0);
		bk_json_push(missing, json_integer((json_int_t)seq));
	}
}

static void note_newer(json_t *row, json_t *missing, uint64_t last, const struct bk_capsule *c)
{
	bk_hash expected = { { 0 } }, link = bk_capsule_link(c);

	bk_json_get_hex(row, "link", expected.b, sizeof(expected.b));
	if (c->chain_seq == last + 1 && !bk_hash_equal(expected, c->chain_prev))
		bk_json_bool(row, "broken", true);
	missing_add(missing, last + 1, c->chain_seq);
	bk_json_int(row, "seq", c->chain_seq);
	bk_json_hex(row, "link", link.b, sizeof(link.b));
}

void bk_chain_seen(struct bk_core *core, bk_id device, const struct bk_capsule *c)
{
	json_t *row = bk_db_get_json(&core->db, bk_key_id("peer/", device));
	json_t *missing = NULL;
	uint64_t last = 0;
	bool changed = true;

	if (!row)
		row = bk_json_object();
	missing = json_object_get(row, "missing");
	if (!missing) {
		missing = bk_json_array();
		bk_json_put(row, "missing", missing);
	}
	last = bk_json_get_int(row, "seq");
	if (c->chain_seq > INT64_MAX)
		bk_json_bool(row, "broken", true);
	else if (c->chain_seq > last)
		note_newer(row, missing, last, c);
	else
		changed = missing_take(missing, c->chain_seq);
	if (changed)
		bk_db_put_json(&core->db, bk_key_id("peer/", device), row);
	if (changed && (json_array_size(missing) || bk_json_get_bool(row, "broken")))
		bk_db_put(&core->db, bk_key_id("gap/", device), "1", 1);
	json_decref(row);
}

static void tell_gap(struct bk_core *core, bk_id device)
{
	struct bk_key key = bk_key_id("peer/", device);
	json_t *row = bk_db_get_json(&core->db, key);
	json_t *missing = json_object_get(row, "missing");
	json_t *event = NULL;

	if (json_array_size(missing) || bk_json_get_bool(row, "broken")) {
		event = bk_event("gap");
		bk_json_id(event, "sender", device);
		bk_json_put(event, "missing", missing ? json_incref(missing) : bk_json_array());
		if (bk_json_get_bool(row, "broken"))
			bk_json_bool(event, "broken", true);
		bk_emit(core, event);
		bk_json_bool(row, "broken", false); /* told */
		bk_db_put_json(&core->db, key, row);
	}
	json_decref(row);
}

void bk_chain_tell(struct bk_core *core)
{
	struct bk_rows rows;

	if (bk_db_keys(&core->db, bk_key("gap/"), 0, &rows))
		return;
	for (size_t i = 0; i < rows.n; i++) {
		bk_id device = bk_row_id(&rows.v[i], 4);

		tell_gap(core, device);
		bk_db_del(&core->db, bk_key_id("gap/", device));
	}
	bk_rows_free(&rows);
}
