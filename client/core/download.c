/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Down from the server, piece by piece into a blob; how far it came is the blob's own size. "down/" + message +
 * index: asked for and not yet here. "blob/" + blob: which message it belongs to.
 */
#include "engine.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define BACKOFF_MIN_MS 1000u
#define BACKOFF_MAX_MS 60000u
#define HEADERS_MAX 300u

static struct bk_key want_key(bk_id message, unsigned index)
{
	struct bk_key k = bk_key_id("down/", message);
	uint8_t b = (uint8_t)index;

	bk_key_add(&k, &b, 1);
	return k;
}

static json_t *file_of(json_t *item, unsigned index)
{
	return json_array_get(json_object_get(bk_items_private(item), "files"), index);
}

static void set_state(json_t *item, unsigned index, const char *state)
{
	bk_json_text(json_array_get(json_object_get(item, "attachments"), index), "state", state);
}

static void tell_ready(struct bk_core *core, bk_id message, unsigned index, const json_t *file)
{
	json_t *event = bk_event("file-ready");

	bk_json_id(event, "message", message);
	bk_json_int(event, "index", index);
	bk_json_text(event, "plain_hash", bk_json_get_text(file, "plain_hash"));
	bk_emit(core, event);
}

static void tell_progress(struct bk_core *core, uint64_t done, uint64_t total)
{
	json_t *event = bk_event("transfer");

	bk_json_text(event, "direction", "down");
	bk_json_id(event, "message", core->transfers.down);
	bk_json_int(event, "index", core->transfers.down_index);
	bk_json_int(event, "done_bytes", done);
	bk_json_int(event, "total_bytes", total);
	bk_emit(core, event);
}

/* ---- asking ---- */

void bk_download_want(struct bk_core *core, bk_id message, unsigned index)
{
	bk_db_put(&core->db, want_key(message, index), "", 0);
	core->transfers.idle_down = false;
}

int bk_download_cmd(struct bk_core *core, struct bk_command *c)
{
	bk_id message = bk_json_get_id(c->args, "message");
	uint64_t index = bk_json_get_int(c->args, "index");
	json_t *item = bk_items_get(core, message);
	json_t *file = index < BK_FILES_MAX ? file_of(item, (unsigned)index) : NULL;
	int err = file ? 0 : BK_E_NOT_FOUND;

	if (!err && bk_json_get_bool(file, "ready")) {
		tell_ready(core, message, (unsigned)index, file);
	} else if (!err) {
		bk_download_want(core, message, (unsigned)index);
		core->transfers.down_retry_ms = 0; /* a person waits */
	}
	json_decref(item);
	return err;
}

static int blob_size(struct bk_core *core, bk_id blob, uint64_t *ret_size)
{
	int err = core->o.blobs->ops->size(core->o.blobs, blob, ret_size);

	if (err == BK_E_NOT_FOUND) {
		*ret_size = 0;
		err = 0;
	}
	return err;
}

/* A new name for each try: what is in a blob is never overwritten. */
static bk_id blob_for(struct bk_core *core, json_t *item, json_t *file)
{
	bk_id blob = bk_json_get_id(file, "blob"), message = bk_json_get_id(item, "message");

	if (!bk_id_is_zero(blob))
		return blob;
	blob = bk_id_random();
	bk_json_id(file, "blob", blob);
	bk_db_put(&core->db, bk_key_id("blob/", blob), message.b, sizeof(message.b));
	bk_items_save(core, item);
	return blob;
}

static void drop_blob(struct bk_core *core, json_t *file)
{
	bk_id blob = bk_json_get_id(file, "blob");

	if (bk_id_is_zero(blob))
		return;
	bk_db_del(&core->db, bk_key_id("blob/", blob));
	bk_stage_remove(core, blob);
	json_object_del(file, "blob");
}

static void failed(struct bk_core *core, json_t *item, json_t *file, int err)
{
	struct bk_transfers *t = &core->transfers;
	json_t *event = bk_event("file-failed");

	bk_json_id(event, "message", t->down);
	bk_json_int(event, "index", t->down_index);
	bk_event_error(core, event, err);
	bk_emit(core, event);
	bk_db_del(&core->db, want_key(t->down, t->down_index));
	if (file) {
		drop_blob(core, file);
		set_state(item, t->down_index, "failed");
		bk_items_save(core, item);
	}
}

static void back_off(struct bk_core *core)
{
	struct bk_transfers *t = &core->transfers;
	unsigned n = t->down_failures < 7 ? t->down_failures : 7;
	uint32_t wait = BACKOFF_MIN_MS << n;

	if (wait > BACKOFF_MAX_MS)
		wait = BACKOFF_MAX_MS;
	t->down_failures++;
	t->down_retry_ms = core->now + wait / 2 + randombytes_uniform(wait / 2 + 1);
}

/* Every byte is here: only what decrypts to the sender's hash is called ready, and owed a receipt for (R2). */
static void finish(struct bk_core *core, json_t *item, json_t *file, bk_id blob)
{
	struct bk_transfers *t = &core->transfers;
	int err = bk_unseal_verify(core, blob, file);
	bk_hash plain = { { 0 } };

	if (!err)
		err = core->o.blobs->ops->sync(core->o.blobs, blob);
	if (err) {
		failed(core, item, file, err);
		return;
	}
	bk_json_bool(file, "ready", true);
	set_state(item, t->down_index, "ready");
	bk_items_save(core, item);
	bk_db_del(&core->db, want_key(t->down, t->down_index));
	tell_ready(core, t->down, t->down_index, file);
	bk_json_get_hex(file, "plain_hash", plain.b, sizeof(plain.b));
	if (!bk_json_get_bool(item, "outgoing"))
		bk_receipts_owe_file(core, bk_json_get_id(json_object_get(item, "from"), "circle"),
			(Baken__Regime)bk_json_get_int(bk_items_private(item), "regime"), t->down, plain);
}

static int ask_piece(struct bk_core *core, const json_t *file, uint64_t have)
{
	uint64_t left = bk_json_get_int(file, "padded") - have;
	uint64_t len = left < BK_FILE_PIECE ? left : BK_FILE_PIECE;
	char *path = malloc(sizeof("/files/") + BK_HASH_TEXT), *headers = malloc(HEADERS_MAX);

	if (path && headers) {
		snprintf(path, sizeof("/files/") + BK_HASH_TEXT, "/files/%s", bk_json_get_text(file, "hash"));
		snprintf(headers, HEADERS_MAX, "Authorization: Bearer %s\r\nRange: bytes=%" PRIu64 "-%" PRIu64 "\r\n",
			core->link.token, have, have + len - 1);
	}
	core->transfers.down_got = 0;
	core->transfers.down_request = bk_stage_http(core, "GET", path, headers, NULL, have, len);
	return core->db.err;
}

static int start(struct bk_core *core, json_t *item, json_t *file)
{
	bk_id blob = blob_for(core, item, file);
	uint64_t have = 0;
	int err = blob_size(core, blob, &have);

	if (err)
		return err;
	if (have < bk_json_get_int(file, "padded"))
		return ask_piece(core, file, have);
	finish(core, item, file, blob);
	return 0;
}

static bool next_want(struct bk_core *core, bk_id *ret_message, unsigned *ret_index)
{
	struct bk_rows rows;
	size_t at = strlen("down/");
	bool found = false;

	if (bk_db_keys(&core->db, bk_key("down/"), 1, &rows))
		return false;
	if (rows.n && rows.v[0].key_len == at + BK_ID_BYTES + 1) {
		*ret_message = bk_row_id(&rows.v[0], at);
		*ret_index = rows.v[0].key[at + BK_ID_BYTES];
		found = true;
	}
	bk_rows_free(&rows);
	return found;
}

void bk_download_pump(struct bk_core *core)
{
	struct bk_transfers *t = &core->transfers;
	json_t *item = NULL, *file = NULL;
	int err = 0;

	if (!bk_link_online(core) || t->down_request || t->idle_down || t->down_retry_ms > core->now)
		return;
	if (!next_want(core, &t->down, &t->down_index)) {
		t->idle_down = true;
		return;
	}
	item = bk_items_get(core, t->down);
	file = file_of(item, t->down_index);
	err = file ? start(core, item, file) : BK_E_NOT_FOUND;
	if (err)
		failed(core, item, file, err);
	json_decref(item);
	if (!t->down_request)
		t->down_retry_ms = core->now + 1; /* the next one in a turn of its own */
}

/* ---- answers ---- */

static int take_body(struct bk_core *core, const struct bk_core_http_result *r, const json_t *file, bk_id blob)
{
	struct bk_transfers *t = &core->transfers;
	uint64_t have = 0, total = bk_json_get_int(file, "padded");
	int err = blob_size(core, blob, &have);

	if (err || !r->len)
		return err;
	if (t->down_got + r->len > BK_FILE_PIECE || r->len > total - have)
		return BK_E_TOO_BIG; /* more than was asked for */
	err = core->o.blobs->ops->append(core->o.blobs, blob, r->body, r->len);
	if (err)
		return err;
	t->down_got += r->len;
	t->down_failures = 0;
	tell_progress(core, have + r->len, total);
	return 0;
}

/* 200 is the whole from its start: right only for a request from byte 0 that asked for all of it. */
static bool is_piece(struct bk_core *core, const struct bk_core_http_result *r, const json_t *file, bk_id blob)
{
	uint64_t have = 0;

	if (r->status == 206)
		return true;
	return r->status == 200 && !blob_size(core, blob, &have) && have == core->transfers.down_got &&
		bk_json_get_int(file, "padded") <= BK_FILE_PIECE;
}

static void answered(struct bk_core *core, const struct bk_core_http_result *r, json_t *item, json_t *file)
{
	struct bk_transfers *t = &core->transfers;
	bk_id blob = bk_json_get_id(file, "blob");
	int err = 0;

	if (!r->err && is_piece(core, r, file, blob)) {
		err = take_body(core, r, file, blob);
		if (!err && r->last && !t->down_got)
			back_off(core); /* an empty piece leads nowhere */
	} else if (!r->err && (r->status == 404 || r->status == 410)) {
		err = BK_E_NOT_FOUND;
	} else if (r->last) {
		back_off(core);
	}
	if (err) {
		t->down_request = 0; /* the rest of this answer is not of interest */
		failed(core, item, file, err);
	}
}

int bk_download_done(struct bk_core *core, const struct bk_core_http_result *r)
{
	struct bk_transfers *t = &core->transfers;
	json_t *item = bk_items_get(core, t->down);
	json_t *file = file_of(item, t->down_index);

	if (r->last)
		t->down_request = 0;
	if (file)
		answered(core, r, item, file);
	json_decref(item);
	return core->db.err;
}

/* ---- both ways ---- */

void bk_transfers_offline(struct bk_core *core)
{
	struct bk_transfers *t = &core->transfers;

	t->up_request = 0;
	t->up_created = false;
	t->up_retry_ms = 0;
	t->up_failures = 0;
	t->down_request = 0;
	t->down_retry_ms = 0;
	t->down_failures = 0;
	t->idle_up = false;
	t->idle_down = false;
}

static bk_ms next_of(const struct bk_core *core, uint64_t request, bool idle, bk_ms retry_ms)
{
	if (request || idle)
		return BK_NEVER;
	return retry_ms ? retry_ms : core->now;
}

bk_ms bk_transfers_next(const struct bk_core *core)
{
	const struct bk_transfers *t = &core->transfers;
	bk_ms up = 0, down = 0;

	if (!bk_link_online(core))
		return BK_NEVER;
	up = next_of(core, t->up_request, t->idle_up, t->up_retry_ms);
	down = next_of(core, t->down_request, t->idle_down, t->down_retry_ms);
	return up < down ? up : down;
}
