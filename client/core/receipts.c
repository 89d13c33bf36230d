/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "receipts.h"

#include <sodium.h>
#include <stdlib.h>

#include "alarm.h"
#include "engine.h"
#include "receipt.h"

/* ---- owed: "owe/" circle and message -> regime, then the hashes of verified files ---- */

#define OWE_PREFIX 4u
#define OWE_MAX (1u + BK_FILES_MAX * BK_HASH_BYTES)
#define FLUSH_MAX 512u /* rows looked at in one turn */

struct owed {
	uint8_t raw[OWE_MAX];
	size_t len;
};

static void owed_load(struct bk_core *core, struct bk_key k, Baken__Regime regime, struct owed *ret_owed)
{
	uint8_t *value = NULL;
	size_t len = 0;

	memset(ret_owed, 0, sizeof(*ret_owed));
	ret_owed->raw[0] = (uint8_t)regime;
	ret_owed->len = 1;
	if (bk_db_get(&core->db, k, &value, &len))
		return;
	if (len >= 1 && len <= OWE_MAX) {
		memcpy(ret_owed->raw, value, len);
		ret_owed->len = len;
	}
	free(value);
}

void bk_receipts_owe(struct bk_core *core, bk_id circle, Baken__Regime regime, bk_id message)
{
	struct bk_key k = bk_key_pair("owe/", circle, message);
	struct owed owed;

	owed_load(core, k, regime, &owed);
	bk_db_put(&core->db, k, owed.raw, owed.len);
}

void bk_receipts_owe_file(struct bk_core *core, bk_id circle, Baken__Regime regime, bk_id message, bk_hash plain)
{
	struct bk_key k = bk_key_pair("owe/", circle, message);
	struct owed owed;

	owed_load(core, k, regime, &owed);
	if (owed.len + BK_HASH_BYTES > sizeof(owed.raw))
		return; /* more files than a message can have */
	memcpy(owed.raw + owed.len, plain.b, BK_HASH_BYTES);
	bk_db_put(&core->db, k, owed.raw, owed.len + BK_HASH_BYTES);
}

/* One receipt for the rows [first, last): one circle, one regime; files belong to a single message. */
static int post(struct bk_core *core, const struct bk_rows *rows, size_t first, size_t last)
{
	Baken__Content content = BAKEN__CONTENT__INIT;
	Baken__Receipt receipt = BAKEN__RECEIPT__INIT;
	ProtobufCBinaryData ids[BK_ACKS_MAX], hashes[BK_FILES_MAX];
	struct bk_post p = { .content = &content, .kind = BK_CONTENT_RECEIPT };
	const struct bk_row *row = &rows->v[first];

	for (size_t i = first; i < last; i++)
		ids[receipt.n_message_ids++] = bk_bytes(rows->v[i].key + OWE_PREFIX + BK_ID_BYTES, BK_ID_BYTES);
	for (size_t at = 1; at + BK_HASH_BYTES <= row->len && receipt.n_plain_hashes < BK_FILES_MAX;
		at += BK_HASH_BYTES)
		hashes[receipt.n_plain_hashes++] = bk_bytes(row->value + at, BK_HASH_BYTES);
	receipt.message_ids = ids;
	receipt.plain_hashes = hashes;
	receipt.rung = BAKEN__RUNG__RUNG_DECRYPTED;
	receipt.at_ms = core->now;
	content.kind_case = BAKEN__CONTENT__KIND_RECEIPT;
	content.receipt = &receipt;
	p.class = BAKEN__CLASS__CLASS_NORMAL;
	p.regime = (Baken__Regime)row->value[0];
	p.circles[p.n_circles++] = bk_row_id(row, OWE_PREFIX);
	return bk_outbox_post(core, &p);
}

static bool row_ok(const struct bk_row *row)
{
	return row->key_len == OWE_PREFIX + 2 * BK_ID_BYTES && row->len >= 1 &&
	       (row->len - 1) % BK_HASH_BYTES == 0;
}

static bool together(const struct bk_rows *rows, size_t first, size_t i)
{
	const struct bk_row *a = &rows->v[first], *b = &rows->v[i];

	return row_ok(b) && a->len == 1 && b->len == 1 && a->value[0] == b->value[0] &&
	       !memcmp(a->key, b->key, OWE_PREFIX + BK_ID_BYTES);
}

static void settle(struct bk_core *core, const struct bk_rows *rows, size_t first, size_t last)
{
	for (size_t i = first; i < last; i++)
		bk_db_del(&core->db, bk_key_pair("owe/", bk_row_id(&rows->v[i], OWE_PREFIX),
			bk_row_id(&rows->v[i], OWE_PREFIX + BK_ID_BYTES)));
}

/* Only when they can leave: what is owed meanwhile goes along in the same receipt. */
void bk_receipts_flush(struct bk_core *core)
{
	struct bk_rows rows;
	size_t first = 0, last = 0;

	if (!bk_link_online(core) || !bk_self_enrolled(&core->self) ||
		bk_db_rows(&core->db, bk_key("owe/"), FLUSH_MAX, &rows))
		return;
	for (; first < rows.n && !core->db.err; first = last) {
		int err = row_ok(&rows.v[first]) ? 0 : BK_E_CORRUPT;

		last = first + 1;
		while (!err && last < rows.n && last - first < BK_ACKS_MAX && together(&rows, first, last))
			last++;
		if (!err)
			err = post(core, &rows, first, last);
		if (err != BK_E_FULL)
			settle(core, &rows, first, last); /* sent, or never to be: a role or circle that is gone */
	}
	bk_rows_free(&rows);
}

/* ---- received: what others say about our messages ---- */

static const char *rung_name(Baken__Rung rung)
{
	switch (rung) {
	case BAKEN__RUNG__RUNG_DECRYPTED:
		return "decrypted";
	case BAKEN__RUNG__RUNG_CLAIMED:
		return "claimed";
	case BAKEN__RUNG__RUNG_ANSWERED:
		return "answered";
	case BAKEN__RUNG__RUNG_NONE:
	case BAKEN__RUNG__RUNG_STORED: /* the server's, by its own proof */
	default:
		return NULL;
	}
}

/*
 * A receipt counts when it comes from a circle that the message was for. Our own other devices got a copy:
 * their word says nothing about the reader's.
 */
static bool counts(struct bk_core *core, bk_id message, bk_id circle)
{
	const struct bk_out *o = bk_outbox_find(core, message);
	bool own = bk_id_equal(circle, core->self.circle);
	bool named = false;

	if (!o)
		return !own; /* long read: only an answer can still come */
	for (size_t i = 0; i < o->n_circles; i++)
		named = named || bk_id_equal(o->circles[i], circle);
	return named && (!own || o->n_circles == 1);
}

static void on_message(struct bk_core *core, const struct bk_opened *o, bk_id message, const char *by)
{
	const Baken__Receipt *m = o->content->receipt;

	if (!counts(core, message, o->circle->circle))
		return;
	bk_items_rung(core, message, rung_name(m->rung), m->at_ms, by);
	if (bk_roles_is_desk(o->sender->cert.role))
		bk_alarm_on_officer(core, message, m->at_ms, by);
	bk_outbox_read(core, message);
	bk_enrol_on_receipt(core, message);
	bk_condition_on_receipt(core, message);
	for (size_t i = 0; i < m->n_plain_hashes; i++) {
		bk_hash plain = { { 0 } };

		if (!bk_hash_from(m->plain_hashes[i].data, m->plain_hashes[i].len, &plain))
			bk_upload_verified(core, message, plain);
	}
}

void bk_receipts_on_receipt(struct bk_core *core, const struct bk_opened *o)
{
	const Baken__Receipt *m = o->content->receipt;
	char by[BK_NAME_MAX + 1];

	if (!rung_name(m->rung))
		return;
	bk_rosters_name(core, o->sender->cert.device, by);
	for (size_t i = 0; i < m->n_message_ids; i++) {
		bk_id message = { { 0 } };

		if (!bk_id_from(m->message_ids[i].data, m->message_ids[i].len, &message))
			on_message(core, o, message, by);
	}
}

/* ---- the server's proofs: "proof/" message ---- */

static void keep_proof(struct bk_core *core, const struct bk_receipt *r)
{
	json_t *row = bk_json_object(), *path = bk_json_array();
	char text[BK_HASH_TEXT];

	bk_json_id(row, "message", r->leaf.message);
	bk_json_hex(row, "body_hash", r->leaf.body.b, BK_HASH_BYTES);
	bk_json_int(row, "stored_ms", r->leaf.stored_ms);
	bk_json_int(row, "index", r->index);
	bk_json_int(row, "size", r->size);
	for (size_t i = 0; i < r->n_path; i++)
		bk_json_push(path, json_string(bk_hex_encode(text, r->path[i].b, BK_HASH_BYTES)));
	bk_json_put(row, "path", path);
	bk_json_hex(row, "signature", r->signature, BK_SIG_BYTES);
	bk_json_hex(row, "receipt_key", r->key, BK_KEY_BYTES);
	bk_db_put_json(&core->db, bk_key_id("proof/", r->leaf.message), row);
	json_decref(row);
}

/* Proofs are for what people said; those of receipts and the like would only fill the store. */
static bool worth_proof(struct bk_core *core, bk_id message)
{
	const struct bk_out *o = bk_outbox_find(core, message);

	return o && (o->kind == BK_CONTENT_REPORT || o->kind == BK_CONTENT_TEXT ||
			    o->kind == BK_CONTENT_GUIDANCE || o->kind == BK_CONTENT_GUIDANCE_ACK ||
			    o->kind == BK_CONTENT_DRILL_ALARM || o->kind == BK_CONTENT_CASE_EVENT);
}

int bk_receipts_on_stored(struct bk_core *core, const Baken__StoredReceipt *w, bk_id message, bk_hash body)
{
	struct bk_receipt r;
	int err = bk_receipt_from_wire(w, &r);

	if (err)
		return err;
	if (!bk_id_equal(r.leaf.message, message) || !bk_hash_equal(r.leaf.body, body))
		return BK_E_INVAL;
	err = bk_receipt_verify(&r, core->self.receipt_key);
	if (err)
		return err;
	/* The first proof is the one that counts: a top-up brings a later one. */
	if (worth_proof(core, message) && !bk_db_has(&core->db, bk_key_id("proof/", message)))
		keep_proof(core, &r);
	return 0;
}

int bk_receipts_cmd(struct bk_core *core, struct bk_command *c)
{
	struct bk_rows rows;
	json_t *items = NULL;
	int err = bk_db_rows(&core->db, bk_key("proof/"), 0, &rows);

	if (err)
		return err;
	items = bk_json_array();
	for (size_t i = 0; i < rows.n; i++) {
		json_t *row = bk_json_row(rows.v[i].value, rows.v[i].len);

		if (row)
			bk_json_push(items, row);
		else
			err = BK_E_CORRUPT;
	}
	bk_rows_free(&rows);
	bk_json_put(c->answer, "items", items);
	if (err)
		bk_db_fail(&core->db, err);
	return err;
}
