/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Golden examples of what is encrypted: bodies, capsules, key and sealed files, records of the client's store. */
#include <stdio.h>
#include <stdlib.h>

#include "body.h"
#include "capsule.h"
#include "err.h"
#include "golden.h"
#include "kv_record.h"
#include "seal.h"
#include "tmp.h"
#include "sample.h"

static const struct bk_seal_cost cheap = {1, 8};

static struct bk_sample_blob file_of(const char *path)
{
	struct bk_sample_blob b = {NULL, 0};

	BK_ASSERT(bk_tmp_read(path, &b.data, &b.len) == 0);
	remove(path);
	return b;
}

/* ---- bodies ---- */

static struct bk_sample_blob make_body(size_t content_len)
{
	uint8_t key[BK_KEY_BYTES], content[2048];
	struct bk_sample_blob b = {NULL, 0};
	bk_hash hash;

	bk_sample_fill(key, sizeof key, 900);
	bk_sample_fill(content, sizeof content, 901);
	BK_ASSERT(bk_body_seal_with(bk_sample_id(900), key, content, content_len, &b.data, &b.len, &hash) == 0);
	return b;
}

static struct bk_sample_blob make_small_body(void)
{
	return make_body(255);
}

static struct bk_sample_blob make_next_body(void)
{
	return make_body(256);
}

static int again_body(const void *data, size_t len, struct bk_sample_blob *out)
{
	uint8_t key[BK_KEY_BYTES], *content = NULL;
	size_t n = 0;
	bk_hash hash;
	int err;

	bk_sample_fill(key, sizeof key, 900);
	err = bk_body_open(bk_sample_id(900), bk_hash_of(data, len), key, data, len, &content, &n);
	if (!err)
		err = bk_body_seal_with(bk_sample_id(900), key, content, n, &out->data, &out->len, &hash);
	free(content);
	return err;
}

/* ---- capsules ---- */

static struct bk_sample_blob make_plain(void)
{
	struct bk_capsule c = {.body = bk_sample_hash(910), .message = bk_sample_id(910), .sender = bk_sample_id(911),
		.chain_seq = 0x0102030405060708, .chain_prev = bk_sample_hash(911), .roster_version = 42,
		.roster_hash = bk_sample_hash(912)};
	uint8_t b[BK_CAPSULE_PLAIN_BYTES];

	bk_sample_fill(c.key, sizeof c.key, 910);
	bk_capsule_encode(&c, b);
	return bk_golden_copy(b, sizeof b);
}

static int again_plain(const void *data, size_t len, struct bk_sample_blob *out)
{
	uint8_t b[BK_CAPSULE_PLAIN_BYTES];
	struct bk_capsule c;
	int err = bk_capsule_decode(data, len, &c);

	if (err)
		return err;
	bk_capsule_encode(&c, b);
	*out = bk_golden_copy(b, sizeof b);
	return 0;
}

static struct bk_sample_blob seal(const struct bk_capsule_outer *o)
{
	uint8_t b[BK_CAPSULE_BYTES], public[BK_KEY_BYTES], private[BK_KEY_BYTES];

	bk_sample_identity(BK_SAMPLE_AUTHOR, public, private);
	BK_ASSERT(bk_sample_seal(o, public, b) == 0);
	return bk_golden_copy(b, sizeof b);
}

static struct bk_sample_blob make_capsule(void)
{
	uint8_t text[271];
	struct bk_capsule_outer o = {.sender = bk_sample_id(911), .type = 3, .ciphertext = text, .len = sizeof text};

	bk_sample_fill(text, sizeof text, 912);
	return seal(&o);
}

static int again_capsule(const void *data, size_t len, struct bk_sample_blob *out)
{
	uint8_t public[BK_KEY_BYTES], private[BK_KEY_BYTES], inner[BK_CAPSULE_INNER];
	struct bk_capsule_outer o;
	int err;

	if (len != BK_CAPSULE_BYTES)
		return BK_E_INVAL;
	bk_sample_identity(BK_SAMPLE_AUTHOR, public, private);
	err = bk_capsule_unseal(data, public, private, inner, &o);
	if (!err)
		*out = seal(&o);
	return err;
}

/* ---- files ---- */

static struct bk_sample_blob make_keys(void)
{
	uint8_t key[BK_KEY_BYTES];

	bk_sample_fill(key, sizeof key, 920);
	BK_ASSERT(bk_seal_keys_create(bk_tmp_path("keys"), BK_GOLDEN_PASSPHRASE, &cheap, key) == 0);
	return file_of(bk_tmp_path("keys"));
}

static int again_keys(const void *data, size_t len, struct bk_sample_blob *out)
{
	uint8_t b[BK_SEAL_KEYS_BYTES], key[BK_KEY_BYTES], want[BK_KEY_BYTES];
	struct bk_seal_keys keys;
	bool second = true;
	int err = bk_seal_keys_decode(data, len, &keys);

	if (err)
		return err;
	bk_sample_fill(want, sizeof want, 920);
	BK_ASSERT(bk_tmp_write(bk_tmp_path("keys"), data, len) == 0);
	err = bk_seal_keys_open(bk_tmp_path("keys"), BK_GOLDEN_PASSPHRASE, key, &second);
	remove(bk_tmp_path("keys"));
	if (!err && (second || memcmp(key, want, sizeof key) != 0))
		err = BK_E_CORRUPT;
	if (err)
		return err;
	bk_seal_keys_encode(&keys, b);
	*out = bk_golden_copy(b, sizeof b);
	return 0;
}

static struct bk_sample_blob write_sealed(const void *data, size_t len)
{
	BK_ASSERT(bk_seal_file_write_cost(bk_tmp_path("sealed"), BK_GOLDEN_PASSPHRASE, &cheap, data, len) == 0);
	return file_of(bk_tmp_path("sealed"));
}

static struct bk_sample_blob make_sealed(void)
{
	uint8_t data[100];

	bk_sample_fill(data, sizeof data, 921);
	return write_sealed(data, sizeof data);
}

static int again_sealed(const void *data, size_t len, struct bk_sample_blob *out)
{
	uint8_t *opened = NULL;
	size_t n = 0;
	int err;

	BK_ASSERT(bk_tmp_write(bk_tmp_path("sealed"), data, len) == 0);
	err = bk_seal_file_read(bk_tmp_path("sealed"), BK_GOLDEN_PASSPHRASE, &opened, &n);
	remove(bk_tmp_path("sealed"));
	if (!err)
		*out = write_sealed(opened, n);
	bk_seal_free(opened);
	return err;
}

/* ---- a record of the client's store ---- */

#define NAME "item/\x01\x02"
#define NAME_LEN 7u

static struct bk_kv_record_keys *record_keys(uint8_t id[static BK_KV_RECORD_ID])
{
	uint8_t master[BK_KEY_BYTES];
	struct bk_kv_record_keys *keys;

	bk_sample_fill(master, sizeof master, 930);
	keys = bk_kv_record_keys_new(master);
	BK_ASSERT(keys);
	bk_kv_record_id(keys, NAME, NAME_LEN, id);
	return keys;
}

static struct bk_sample_blob seal_record(const struct bk_kv_record_keys *keys, const uint8_t *id, const void *value,
	size_t len)
{
	struct bk_sample_blob b = {NULL, bk_kv_record_size(len)};

	b.data = malloc(b.len);
	BK_ASSERT(b.data);
	bk_kv_record_seal(keys, id, NAME, NAME_LEN, value, len, b.data);
	return b;
}

static struct bk_sample_blob make_record(void)
{
	uint8_t id[BK_KV_RECORD_ID], value[300];
	struct bk_kv_record_keys *keys = record_keys(id);
	struct bk_sample_blob b;

	bk_sample_fill(value, sizeof value, 931);
	b = seal_record(keys, id, value, sizeof value);
	bk_kv_record_keys_free(keys);
	return b;
}

static int again_record(const void *data, size_t len, struct bk_sample_blob *out)
{
	uint8_t id[BK_KV_RECORD_ID], *value = malloc(len ? len : 1);
	struct bk_kv_record_keys *keys = record_keys(id);
	struct bk_kv_record_name name;
	size_t n = 0;
	int err;

	BK_ASSERT(value);
	err = bk_kv_record_unseal_name(keys, id, data, len, &name);
	if (!err && (name.len != NAME_LEN || memcmp(name.bytes, NAME, NAME_LEN) != 0))
		err = BK_E_CORRUPT;
	if (!err)
		err = bk_kv_record_unseal_value(keys, id, data, len, value, &n);
	if (!err)
		*out = seal_record(keys, id, value, n);
	free(value);
	bk_kv_record_keys_free(keys);
	return err;
}

/* ---- the table ---- */

static const struct {
	const char *name;
	struct bk_sample_blob (*make)(void);
	int (*again)(const void *data, size_t len, struct bk_sample_blob *out);
} table[] = {
	{"body-256", make_small_body, again_body},
	{"body-1024", make_next_body, again_body},
	{"capsule-plain", make_plain, again_plain},
	{"capsule-sealed", make_capsule, again_capsule},
	{"key-file", make_keys, again_keys},
	{"sealed-file", make_sealed, again_sealed},
	{"kv-record", make_record, again_record},
};

bool bk_golden_seal_make(size_t i, char name[static BK_GOLDEN_NAME], struct bk_sample_blob *out)
{
	if (i >= sizeof table / sizeof *table)
		return false;
	snprintf(name, BK_GOLDEN_NAME, "%s", table[i].name);
	*out = table[i].make();
	return true;
}

int bk_golden_seal_again(size_t i, const void *data, size_t len, struct bk_sample_blob *out)
{
	return table[i].again(data, len, out);
}
