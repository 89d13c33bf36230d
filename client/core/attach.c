/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A file on its way in. Layout of the blob: secretstream header || chunks of BK_FILE_CHUNK plain bytes, the last
 * shorter and marked final. After the original's bytes come zeros inside the encryption, as many as make the
 * blob as long as Padme says; the reader cuts at the original's size.
 */
#include "engine.h"

#include <stdlib.h>

#include "manifest.h"
#include "padding.h"
#include "text.h"

#define HEADER crypto_secretstream_xchacha20poly1305_HEADERBYTES
#define ABYTES crypto_secretstream_xchacha20poly1305_ABYTES
#define TYPE_MAX 100u
#define DEVICE_MODEL_MAX 100u
#define ACCURACY_MAX 1000000

static struct bk_key row_key(bk_id id)
{
	return bk_key_id("attach/", id);
}

json_t *bk_attach_get(struct bk_core *core, bk_id id)
{
	return bk_db_get_json(&core->db, row_key(id));
}

int bk_attach_save(struct bk_core *core, bk_id id, const json_t *row)
{
	return bk_db_put_json(&core->db, row_key(id), row);
}

static void attach_clear(struct bk_attach *a)
{
	json_decref(a->meta);
	if (a->chunk)
		sodium_memzero(a->chunk, 2 * BK_FILE_CHUNK + ABYTES);
	free(a->chunk);
	sodium_memzero(a, sizeof(*a));
}

void bk_attach_abandon(struct bk_core *core)
{
	struct bk_attach *a = &core->transfers.attach;

	if (!a->open)
		return;
	core->o.blobs->ops->remove(core->o.blobs, a->id); /* nothing names it yet */
	attach_clear(a);
}

/* ---- what the person says about it ---- */

static bool number_within(const json_t *v, double low, double high)
{
	double d = json_number_value(v);

	return json_is_number(v) && d >= low && d <= high;
}

static bool place_ok(const json_t *place)
{
	const json_t *accuracy = json_object_get(place, "accuracy_m");

	if (!json_is_object(place) || !number_within(json_object_get(place, "latitude"), -90, 90) ||
		!number_within(json_object_get(place, "longitude"), -180, 180))
		return false;
	return json_object_size(place) == (accuracy ? 3u : 2u) &&
		(!accuracy || number_within(accuracy, 0, ACCURACY_MAX));
}

static bool text_within(const json_t *v, size_t max)
{
	return json_is_string(v) && bk_text_ok(json_string_value(v), json_string_length(v), max);
}

/* The allow-list (R11): what is not on it cannot be said by accident. */
static bool facts_ok(const json_t *facts)
{
	const char *key = NULL;
	json_t *v = NULL;

	if (facts && !json_is_object(facts))
		return false;
	json_object_foreach((json_t *)(uintptr_t)facts, key, v) {
		bool ok = false;

		if (!strcmp(key, "captured_ms"))
			ok = json_is_integer(v) && json_integer_value(v) > 0;
		else if (!strcmp(key, "device_model"))
			ok = text_within(v, DEVICE_MODEL_MAX);
		else if (!strcmp(key, "name"))
			ok = json_is_boolean(v);
		else if (!strcmp(key, "place"))
			ok = place_ok(v);
		if (!ok)
			return false;
	}
	return true;
}

static int read_meta(const char *text, size_t len, json_t **ret_meta)
{
	json_t *meta = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	const json_t *facts = json_object_get(meta, "facts");
	uint64_t size = bk_json_get_int(meta, "size");
	int err = 0;

	if (!json_is_object(meta) || json_object_size(meta) != (facts ? 4u : 3u) || !size ||
		!text_within(json_object_get(meta, "name"), BK_FILE_NAME_MAX) ||
		!text_within(json_object_get(meta, "type"), TYPE_MAX) || !facts_ok(facts))
		err = BK_E_INVAL;
	else if (size > BK_FILE_PLAIN_MAX)
		err = BK_E_TOO_BIG;
	if (err)
		json_decref(meta);
	else
		*ret_meta = meta;
	return err;
}

/* ---- bytes ---- */

static int emit_cipher(struct bk_core *core, const uint8_t *data, size_t len)
{
	struct bk_attach *a = &core->transfers.attach;

	crypto_hash_sha256_update(&a->cipher_hash, data, len);
	a->cipher_size += len;
	return core->o.blobs->ops->append(core->o.blobs, a->id, data, len);
}

static int emit_chunk(struct bk_core *core, bool final)
{
	struct bk_attach *a = &core->transfers.attach;
	uint8_t *out = a->chunk + BK_FILE_CHUNK;
	unsigned long long n = 0;
	uint8_t tag = final ? crypto_secretstream_xchacha20poly1305_TAG_FINAL : 0;

	if (crypto_secretstream_xchacha20poly1305_push(&a->stream, out, &n, a->chunk, a->fill, NULL, 0, tag))
		return BK_E_CRYPTO;
	a->fill = 0;
	return emit_cipher(core, out, (size_t)n);
}

/* A full chunk waits until more comes: the last one must be marked. */
static int take(struct bk_core *core, const uint8_t *data, size_t len)
{
	struct bk_attach *a = &core->transfers.attach;
	int err = 0;

	while (len && !err) {
		size_t n = 0;

		if (a->fill == BK_FILE_CHUNK)
			err = emit_chunk(core, false);
		n = BK_FILE_CHUNK - a->fill < len ? BK_FILE_CHUNK - a->fill : len;
		memcpy(a->chunk + a->fill, data, n);
		a->fill += n;
		data += n;
		len -= n;
	}
	return err;
}

int bk_attach_begin(struct bk_core *core, const char *meta, size_t len)
{
	struct bk_attach *a = &core->transfers.attach;
	uint8_t header[HEADER];
	int err = 0;

	if (!bk_self_enrolled(&core->self) || a->open)
		return BK_E_STATE;
	err = read_meta(meta, len, &a->meta);
	if (err)
		return err;
	a->chunk = malloc(2 * BK_FILE_CHUNK + ABYTES);
	if (!a->chunk) {
		attach_clear(a);
		return BK_E_NOMEM;
	}
	a->open = true;
	a->id = bk_id_random();
	crypto_secretstream_xchacha20poly1305_keygen(a->key);
	crypto_secretstream_xchacha20poly1305_init_push(&a->stream, header, a->key);
	crypto_hash_sha256_init(&a->plain_hash);
	crypto_hash_sha256_init(&a->cipher_hash);
	err = emit_cipher(core, header, sizeof(header));
	if (err)
		bk_attach_abandon(core);
	return err;
}

int bk_attach_data(struct bk_core *core, const void *data, size_t len)
{
	struct bk_attach *a = &core->transfers.attach;
	int err = 0;

	if (!a->open)
		return BK_E_STATE;
	if (len > bk_json_get_int(a->meta, "size") - a->size)
		return BK_E_TOO_BIG; /* it grew under our hands */
	crypto_hash_sha256_update(&a->plain_hash, data, len);
	a->size += len;
	err = take(core, data, len);
	return err;
}

static uint64_t cipher_size(uint64_t plain)
{
	return HEADER + plain + (plain + BK_FILE_CHUNK - 1) / BK_FILE_CHUNK * ABYTES;
}

/* The plain length whose ciphertext is as long as Padme says: some lengths just above a chunk do not exist. */
static uint64_t padded_plain(uint64_t size)
{
	uint64_t want = bk_padding_padme(cipher_size(size));

	for (;;) {
		uint64_t chunks = (want - HEADER) / (BK_FILE_CHUNK + ABYTES);
		uint64_t rest = (want - HEADER) % (BK_FILE_CHUNK + ABYTES);

		if (!rest)
			return chunks * BK_FILE_CHUNK;
		if (rest > ABYTES)
			return chunks * BK_FILE_CHUNK + rest - ABYTES;
		want = bk_padding_padme(want + 1);
	}
}

static int pad_and_finish(struct bk_core *core)
{
	static const uint8_t zeros[4096];
	struct bk_attach *a = &core->transfers.attach;
	uint64_t left = padded_plain(a->size) - a->size;
	int err = 0;

	while (left && !err) {
		size_t n = left < sizeof(zeros) ? (size_t)left : sizeof(zeros);

		err = take(core, zeros, n);
		left -= n;
	}
	if (!err)
		err = emit_chunk(core, true);
	return err ? err : core->o.blobs->ops->sync(core->o.blobs, a->id);
}

/* ---- the manifest ---- */

static int sign_with(void *arg, const char *context, const void *data, size_t len,
	uint8_t ret_signature[static BK_SIG_BYTES])
{
	return bk_signal_sign(arg, context, data, len, ret_signature);
}

static int32_t degrees_e7(const json_t *v)
{
	double d = json_number_value(v) * 1e7;

	return (int32_t)(d < 0 ? d - 0.5 : d + 0.5);
}

static void fill_place(const json_t *place, Baken__Place *p)
{
	p->latitude_e7 = degrees_e7(json_object_get(place, "latitude"));
	p->longitude_e7 = degrees_e7(json_object_get(place, "longitude"));
	p->accuracy_m = (uint32_t)json_number_value(json_object_get(place, "accuracy_m"));
}

static void fill_manifest(struct bk_core *core, const json_t *meta, bk_hash *plain, Baken__CaptureManifest *m,
	Baken__Place *place)
{
	json_t *facts = json_object_get(meta, "facts");
	const char *model = json_string_value(json_object_get(facts, "device_model"));

	m->file_hash = bk_bytes(plain->b, sizeof(plain->b));
	m->size = bk_json_get_int(meta, "size");
	m->type = (char *)(uintptr_t)bk_json_get_text(meta, "type");
	if (bk_json_get_bool(facts, "name"))
		m->name = (char *)(uintptr_t)bk_json_get_text(meta, "name");
	if (model)
		m->device_model = (char *)(uintptr_t)model;
	m->captured_ms = bk_json_get_int(facts, "captured_ms");
	if (json_object_get(facts, "place")) {
		fill_place(json_object_get(facts, "place"), place);
		m->place = place;
	}
	m->device_id = bk_bytes(core->self.device.b, BK_ID_BYTES);
	m->signed_ms = core->now;
}

static int add_manifest(struct bk_core *core, json_t *row, const json_t *meta, bk_hash plain)
{
	Baken__CaptureManifest m = BAKEN__CAPTURE_MANIFEST__INIT;
	Baken__Place place = BAKEN__PLACE__INIT;
	Baken__Signed *s = NULL;
	json_t *out = bk_json_object();
	uint8_t *buf = NULL;
	size_t len = 0;
	int err = 0;

	fill_manifest(core, meta, &plain, &m, &place);
	err = bk_manifest_sign(&m, bk_signal_identity(core->signal), sign_with, core->signal, &buf, &len);
	if (!err)
		s = baken__signed__unpack(NULL, len, buf);
	if (!err && !s)
		err = BK_E_NOMEM;
	if (s) {
		bk_json_hex(out, "payload", s->payload.data, s->payload.len);
		bk_json_hex(out, "signature", s->signature.data, s->signature.len);
		baken__signed__free_unpacked(s, NULL);
	}
	free(buf);
	bk_json_put(row, "manifest", out);
	return err;
}

static json_t *finished_row(struct bk_core *core, bk_hash plain, bk_hash cipher)
{
	const struct bk_attach *a = &core->transfers.attach;
	json_t *row = bk_json_object();

	bk_json_text(row, "name", bk_json_get_text(a->meta, "name"));
	bk_json_text(row, "type", bk_json_get_text(a->meta, "type"));
	bk_json_int(row, "size", a->size);
	bk_json_int(row, "padded", a->cipher_size);
	bk_json_hex(row, "hash", cipher.b, sizeof(cipher.b));
	bk_json_hex(row, "plain_hash", plain.b, sizeof(plain.b));
	bk_json_hex(row, "key", a->key, sizeof(a->key));
	bk_json_int(row, "created_ms", core->now);
	bk_json_put(row, "messages", bk_json_array());
	bk_json_put(row, "verified", bk_json_array());
	bk_json_bool(row, "complete", false);
	return row;
}

int bk_attach_end(struct bk_core *core, bk_id *ret_attachment)
{
	struct bk_attach *a = &core->transfers.attach;
	bk_hash plain, cipher;
	json_t *row = NULL;
	bk_id id = a->id;
	int err = 0;

	if (!a->open)
		return BK_E_STATE;
	err = a->size == bk_json_get_int(a->meta, "size") ? pad_and_finish(core) : BK_E_INCOMPLETE;
	if (!err) {
		crypto_hash_sha256_final(&a->plain_hash, plain.b);
		crypto_hash_sha256_final(&a->cipher_hash, cipher.b);
		row = finished_row(core, plain, cipher);
		err = add_manifest(core, row, a->meta, plain);
	}
	if (!err)
		err = bk_attach_save(core, id, row);
	json_decref(row);
	if (err) {
		bk_attach_abandon(core);
		return err;
	}
	attach_clear(a);
	*ret_attachment = id;
	return 0;
}

/* ---- use ---- */

static int describe_manifest(struct bk_core *core, const json_t *row, Baken__Signed *m, uint8_t *bytes)
{
	const json_t *manifest = json_object_get(row, "manifest");
	size_t len = strlen(bk_json_get_text(manifest, "payload")) / 2;
	uint8_t *identity = bytes, *signature = bytes + BK_KEY_BYTES, *payload = signature + BK_SIG_BYTES;

	if (!len || len > BK_ATTACH_MANIFEST_MAX || !bk_json_get_hex(manifest, "payload", payload, len) ||
		!bk_json_get_hex(manifest, "signature", signature, BK_SIG_BYTES))
		return BK_E_CORRUPT;
	memcpy(identity, bk_signal_identity(core->signal), BK_KEY_BYTES);
	m->payload = bk_bytes(payload, len);
	m->signature = bk_bytes(signature, BK_SIG_BYTES);
	m->signer = bk_bytes(identity, BK_KEY_BYTES);
	return 0;
}

int bk_attach_describe(struct bk_core *core, bk_id id, json_t *row, Baken__Attachment *a, Baken__Signed *m,
	uint8_t *bytes)
{
	uint8_t *hash = bytes, *key = bytes + 32, *plain = bytes + 64;

	(void)id;
	if (!bk_json_get_hex(row, "hash", hash, 32) || !bk_json_get_hex(row, "key", key, 32) ||
		!bk_json_get_hex(row, "plain_hash", plain, 32))
		return BK_E_CORRUPT;
	a->file_hash = bk_bytes(hash, 32);
	a->key = bk_bytes(key, 32);
	a->plain_hash = bk_bytes(plain, 32);
	a->size = bk_json_get_int(row, "size");
	a->padded_size = bk_json_get_int(row, "padded");
	a->type = (char *)(uintptr_t)bk_json_get_text(row, "type");
	a->name = (char *)(uintptr_t)bk_json_get_text(row, "name");
	a->manifest = m;
	return describe_manifest(core, row, m, bytes + 96);
}

static void forget(struct bk_core *core, bk_id id)
{
	bk_db_del(&core->db, row_key(id));
	bk_stage_remove(core, id);
}

int bk_attach_cmd_forget(struct bk_core *core, struct bk_command *c)
{
	bk_id id = bk_json_get_id(c->args, "attachment");
	json_t *row = bk_attach_get(core, id);
	int err = row ? 0 : BK_E_NOT_FOUND;

	if (!err && json_array_size(json_object_get(row, "messages")))
		err = BK_E_STATE;
	json_decref(row);
	if (!err)
		forget(core, id);
	return err;
}

/* ---- bounds ---- */

static int sweep_blob(void *arg, bk_id id)
{
	struct bk_core *core = arg;
	const struct bk_transfers *t = &core->transfers;

	if ((t->attach.open && bk_id_equal(t->attach.id, id)) || bk_db_has(&core->db, row_key(id)) ||
		bk_db_has(&core->db, bk_key_id("blob/", id)))
		return 0;
	bk_stage_remove(core, id);
	return 0;
}

static void sweep_unused(struct bk_core *core)
{
	struct bk_rows rows;

	if (bk_db_rows(&core->db, bk_key("attach/"), 0, &rows))
		return;
	for (size_t i = 0; i < rows.n; i++) {
		json_t *row = bk_json_row(rows.v[i].value, rows.v[i].len);

		if (row && !json_array_size(json_object_get(row, "messages")) &&
			bk_json_get_int(row, "created_ms") + BK_FILE_UNUSED_MS < core->now)
			forget(core, bk_row_id(&rows.v[i], strlen("attach/")));
		json_decref(row);
	}
	bk_rows_free(&rows);
}

int bk_attach_sweep(struct bk_core *core)
{
	sweep_unused(core);
	return core->o.blobs->ops->each(core->o.blobs, sweep_blob, core);
}
