/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Up to the server by tus 1.0 (https://tus.io/protocols/resumable-upload): POST makes the upload, HEAD asks how
 * far it came, PATCH adds a piece. One file at a time, oldest first. "up/" + time + attachment: still to do.
 */
#include "engine.h"
#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define BACKOFF_MIN_MS 1000u
#define BACKOFF_MAX_MS 60000u
#define LOCATION_MAX 200u
#define HEADERS_MAX 600u

#define TUS "Tus-Resumable: 1.0.0\r\nAuthorization: Bearer %s\r\n"

/* ---- what is to be done ---- */

static struct bk_key queue_key(const json_t *row, bk_id id)
{
	struct bk_key k = bk_key("up/");

	bk_key_add_u64(&k, bk_json_get_int(row, "up_ms"));
	bk_key_add(&k, id.b, sizeof(id.b));
	return k;
}

static void queue_drop(struct bk_core *core, json_t *row, bk_id id)
{
	bk_db_del(&core->db, queue_key(row, id));
	json_object_del(row, "up_ms");
}

bool bk_upload_complete(struct bk_core *core, bk_id attachment)
{
	json_t *row = bk_attach_get(core, attachment);
	bool complete = bk_json_get_bool(row, "complete");

	json_decref(row);
	return complete;
}

/* The server does not (or no longer) hold the file: look, and send what is missing. */
void bk_upload_recheck(struct bk_core *core, bk_id attachment)
{
	json_t *row = bk_attach_get(core, attachment);

	if (!row)
		return;
	if (!json_object_get(row, "up_ms")) {
		bk_json_int(row, "up_ms", core->now);
		bk_db_put(&core->db, queue_key(row, attachment), "", 0);
	}
	bk_json_bool(row, "complete", false);
	bk_attach_save(core, attachment, row);
	json_decref(row);
	if (core->transfers.up_request && bk_id_equal(core->transfers.up, attachment))
		core->transfers.up_created = false;
	core->transfers.idle_up = false;
}

static void set_states(struct bk_core *core, const json_t *row, bk_id id, const char *state)
{
	bk_id messages[BK_FILES_MAX];
	size_t n = bk_json_get_ids(row, "messages", messages, BK_FILES_MAX);

	for (size_t i = 0; i < n; i++) {
		json_t *item = bk_items_get(core, messages[i]);
		json_t *files = json_object_get(bk_items_private(item), "files");

		for (size_t k = 0; k < json_array_size(files); k++)
			if (bk_id_equal(bk_json_get_id(json_array_get(files, k), "attachment"), id))
				bk_json_text(json_array_get(json_object_get(item, "attachments"), k), "state", state);
		if (item)
			bk_items_save(core, item);
		json_decref(item);
	}
}

static void tell_progress(struct bk_core *core, const json_t *row, bk_id id)
{
	json_t *event = bk_event("transfer");
	bk_id message = { { 0 } };

	bk_json_get_ids(row, "messages", &message, 1);
	bk_json_text(event, "direction", "up");
	bk_json_id(event, "message", message);
	bk_json_id(event, "attachment", id);
	bk_json_int(event, "done_bytes", bk_json_get_int(row, "sent"));
	bk_json_int(event, "total_bytes", bk_json_get_int(row, "padded"));
	bk_emit(core, event);
}

/* ---- asking ---- */

static char *print_headers(const char *token, const char *more)
{
	char *out = malloc(HEADERS_MAX);
	int n = out ? snprintf(out, HEADERS_MAX, TUS "%s", token, more) : 0;

	BK_ASSERT(n >= 0 && n < (int)HEADERS_MAX);
	return out;
}

static uint64_t ask_create(struct bk_core *core, const json_t *row)
{
	const char *hash = bk_json_get_text(row, "hash");
	char b64[sodium_base64_ENCODED_LEN(BK_HASH_TEXT - 1, sodium_base64_VARIANT_ORIGINAL)];
	char more[200];

	sodium_bin2base64(b64, sizeof(b64), (const uint8_t *)hash, BK_HASH_TEXT - 1,
		sodium_base64_VARIANT_ORIGINAL);
	snprintf(more, sizeof(more), "Upload-Length: %" PRIu64 "\r\nUpload-Metadata: sha256 %s\r\n",
		bk_json_get_int(row, "padded"), b64);
	return bk_stage_http(core, "POST", bk_text_dup("/files"), print_headers(core->link.token, more), NULL, 0, 0);
}

static uint64_t ask_offset(struct bk_core *core, const json_t *row)
{
	return bk_stage_http(core, "HEAD", bk_text_dup(bk_json_get_text(row, "location")),
		print_headers(core->link.token, ""), NULL, 0, 0);
}

/* A piece's own checksum lets the server refuse what the line spoiled before it counts. */
static int piece_checksum(struct bk_core *core, bk_id id, uint64_t offset, size_t len, char *b64, size_t max)
{
	uint8_t *piece = malloc(len);
	size_t n = 0;
	bk_hash hash;
	int err = piece ? core->o.blobs->ops->read(core->o.blobs, id, offset, piece, len, &n) : BK_E_NOMEM;

	if (!err && n != len)
		err = BK_E_CORRUPT;
	if (!err) {
		hash = bk_hash_of(piece, len);
		sodium_bin2base64(b64, max, hash.b, sizeof(hash.b), sodium_base64_VARIANT_ORIGINAL);
	}
	free(piece);
	return err;
}

static int ask_piece(struct bk_core *core, const json_t *row, bk_id id, uint64_t *ret_request)
{
	uint64_t offset = bk_json_get_int(row, "sent"), left = bk_json_get_int(row, "padded") - offset;
	size_t len = left < BK_FILE_PIECE ? (size_t)left : BK_FILE_PIECE;
	char b64[sodium_base64_ENCODED_LEN(BK_HASH_BYTES, sodium_base64_VARIANT_ORIGINAL)];
	char more[300];
	int err = piece_checksum(core, id, offset, len, b64, sizeof(b64));

	if (err)
		return err;
	snprintf(more, sizeof(more),
		"Upload-Offset: %" PRIu64 "\r\nUpload-Checksum: sha256 %s\r\n"
		"Content-Type: application/offset+octet-stream\r\n", offset, b64);
	*ret_request = bk_stage_http(core, "PATCH", bk_text_dup(bk_json_get_text(row, "location")),
		print_headers(core->link.token, more), &id, offset, len);
	return 0;
}

/* The oldest that is queued and still exists; NULL: none. */
static json_t *next_attachment(struct bk_core *core, bk_id *ret_id)
{
	struct bk_rows rows;
	json_t *row = NULL;

	if (bk_db_keys(&core->db, bk_key("up/"), 0, &rows))
		return NULL;
	for (size_t i = 0; i < rows.n && !row; i++) {
		*ret_id = bk_row_id(&rows.v[i], strlen("up/") + 8);
		row = bk_attach_get(core, *ret_id);
	}
	bk_rows_free(&rows);
	return row;
}

static void refuse(struct bk_core *core, json_t *row, bk_id id, int err);

static void start(struct bk_core *core, json_t *row, bk_id id)
{
	struct bk_transfers *t = &core->transfers;
	int err = 0;

	if (!bk_id_equal(t->up, id))
		t->up_created = false;
	t->up = id;
	if (!*bk_json_get_text(row, "location"))
		t->up_request = ask_create(core, row);
	else if (!t->up_created)
		t->up_request = ask_offset(core, row);
	else
		err = ask_piece(core, row, id, &t->up_request);
	if (err == BK_E_NOMEM)
		bk_db_fail(&core->db, err);
	else if (err)
		refuse(core, row, id, BK_E_CORRUPT); /* our own copy is gone or damaged */
}

void bk_upload_pump(struct bk_core *core)
{
	struct bk_transfers *t = &core->transfers;
	json_t *row = NULL;
	bk_id id;

	if (!bk_link_online(core) || t->up_request || t->idle_up || t->up_retry_ms > core->now)
		return;
	row = next_attachment(core, &id);
	if (row)
		start(core, row, id);
	else
		t->idle_up = true;
	json_decref(row);
}

/* ---- answers ---- */

static void back_off(struct bk_core *core)
{
	struct bk_transfers *t = &core->transfers;
	unsigned n = t->up_failures < 7 ? t->up_failures : 7;
	uint32_t wait = BACKOFF_MIN_MS << n;

	if (wait > BACKOFF_MAX_MS)
		wait = BACKOFF_MAX_MS;
	t->up_failures++;
	t->up_created = false;
	t->up_retry_ms = core->now + wait / 2 + randombytes_uniform(wait / 2 + 1);
}

/* Waiting will not help: say so at every message that carries it; resend or a new report is the way on. */
static void refuse(struct bk_core *core, json_t *row, bk_id id, int err)
{
	bk_id messages[BK_FILES_MAX];
	size_t n = bk_json_get_ids(row, "messages", messages, BK_FILES_MAX);

	for (size_t i = 0; i < n; i++) {
		json_t *event = bk_event("refused");

		bk_json_id(event, "message", messages[i]);
		bk_event_error(core, event, err);
		bk_emit(core, event);
	}
	queue_drop(core, row, id);
	bk_attach_save(core, id, row);
	core->transfers.up_created = false;
}

/* Only a path under /files, whatever the server sends: requests go nowhere else (R9). */
static bool location_path(const char *location, char *out, size_t max)
{
	const char *path = location ? strstr(location, "/files/") : NULL;
	size_t len = path ? strlen(path) : 0;

	if (!path || len <= strlen("/files/") || len >= max || len > LOCATION_MAX)
		return false;
	for (const char *p = path; *p; p++)
		if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/_-", *p))
			return false;
	memcpy(out, path, len + 1);
	return true;
}

static void complete(struct bk_core *core, json_t *row, bk_id id)
{
	queue_drop(core, row, id);
	bk_json_bool(row, "complete", true);
	set_states(core, row, id, "stored");
	core->transfers.up_created = false;
	bk_outbox_wake(core, (bk_id){ { 0 } });
}

static void moved(struct bk_core *core, json_t *row, bk_id id, int64_t offset)
{
	uint64_t total = bk_json_get_int(row, "padded");

	if (offset < 0 || (uint64_t)offset > total) {
		json_object_del(row, "location"); /* an upload of something else */
		back_off(core);
		return;
	}
	core->transfers.up_failures = 0;
	core->transfers.up_retry_ms = 0;
	core->transfers.up_created = true;
	bk_json_int(row, "sent", (uint64_t)offset);
	tell_progress(core, row, id);
	core->marks |= BK_MARK_PIECE;
	if ((uint64_t)offset == total)
		complete(core, row, id);
}

static void created(struct bk_core *core, json_t *row, const struct bk_core_http_result *r)
{
	char path[LOCATION_MAX + 1];

	if (r->status != 201 || !location_path(r->location, path, sizeof(path))) {
		back_off(core);
		return;
	}
	bk_json_text(row, "location", path);
	bk_json_int(row, "sent", 0);
	core->transfers.up_created = true;
}

static void answered(struct bk_core *core, json_t *row, bk_id id, const struct bk_core_http_result *r)
{
	if (r->err || r->status == 401 || r->status == 429 || r->status >= 500) {
		back_off(core);
		return;
	}
	if (r->status == 413) {
		refuse(core, row, id, BK_E_TOO_BIG);
		return;
	}
	if (!*bk_json_get_text(row, "location")) {
		created(core, row, r);
		return;
	}
	switch (r->status) {
	case 200:
	case 204:
		moved(core, row, id, r->upload_offset);
		break;
	case 403:
	case 404:
	case 410: /* expired, or made by a device that was withdrawn: make it anew */
		json_object_del(row, "location");
		back_off(core);
		break;
	case 409: /* we are not where it thinks: ask */
	default:  /* 460: spoiled on the way */
		back_off(core);
		break;
	}
}

int bk_upload_done(struct bk_core *core, const struct bk_core_http_result *r)
{
	struct bk_transfers *t = &core->transfers;
	json_t *row = NULL;

	if (!r->last)
		return 0; /* nothing of a body is of interest */
	t->up_request = 0;
	row = bk_attach_get(core, t->up);
	if (row && json_object_get(row, "up_ms")) {
		answered(core, row, t->up, r);
		bk_attach_save(core, t->up, row);
	}
	json_decref(row);
	return core->db.err;
}

/* ---- verified by a reader ---- */

static bool add_verified(json_t *row, bk_id message)
{
	bk_id list[BK_FILES_MAX], used[BK_FILES_MAX];
	json_t *verified = json_object_get(row, "verified");
	size_t n = bk_json_get_ids(row, "verified", list, BK_FILES_MAX);
	size_t n_used = bk_json_get_ids(row, "messages", used, BK_FILES_MAX), met = 0;

	for (size_t i = 0; i < n; i++)
		if (bk_id_equal(list[i], message))
			return false;
	bk_json_push_id(verified, message);
	n = bk_json_get_ids(row, "verified", list, BK_FILES_MAX);
	for (size_t i = 0; i < n_used; i++)
		for (size_t k = 0; k < n; k++)
			met += bk_id_equal(used[i], list[k]);
	return met == n_used;
}

/* Every message that carries it has a reader who holds every byte: our copy may go (R2). */
static void give_up_copy(struct bk_core *core, json_t *row, bk_id id)
{
	bk_id messages[BK_FILES_MAX];
	size_t n = bk_json_get_ids(row, "messages", messages, BK_FILES_MAX);

	for (size_t i = 0; i < n; i++) {
		json_t *item = bk_items_get(core, messages[i]);
		json_t *files = json_object_get(bk_items_private(item), "files");

		for (size_t k = 0; k < json_array_size(files); k++) {
			json_t *file = json_array_get(files, k);

			if (!bk_id_equal(bk_json_get_id(file, "attachment"), id))
				continue;
			json_object_del(file, "blob");
			bk_json_bool(file, "ready", false);
		}
		if (item)
			bk_items_save(core, item);
		json_decref(item);
	}
	if (json_object_get(row, "up_ms"))
		queue_drop(core, row, id);
	set_states(core, row, id, "verified");
	bk_db_del(&core->db, bk_key_id("attach/", id));
	bk_stage_remove(core, id);
}

static void verified_one(struct bk_core *core, bk_id message, bk_id id, bk_hash plain)
{
	json_t *row = bk_attach_get(core, id);
	bk_hash own = { { 0 } };

	if (row && bk_json_get_hex(row, "plain_hash", own.b, sizeof(own.b)) && bk_hash_equal(own, plain)) {
		if (add_verified(row, message))
			give_up_copy(core, row, id);
		else
			bk_attach_save(core, id, row);
	}
	json_decref(row);
}

void bk_upload_verified(struct bk_core *core, bk_id message, bk_hash plain)
{
	json_t *item = bk_items_get(core, message);
	json_t *files = json_object_get(bk_items_private(item), "files");

	for (size_t i = 0; i < json_array_size(files); i++) {
		bk_id id = bk_json_get_id(json_array_get(files, i), "attachment");

		if (!bk_id_is_zero(id))
			verified_one(core, message, id, plain);
	}
	json_decref(item);
}
