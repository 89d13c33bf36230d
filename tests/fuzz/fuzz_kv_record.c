/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sealed records of the client's store: damaged ones say nothing, and any name and content come back whole. */
#include "fuzz.h"

#include "kv_record.h"
#include "sample.h"

static struct bk_kv_record_keys *keys;

static void end(void)
{
	bk_kv_record_keys_free(keys);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	uint8_t master[BK_KEY_BYTES];

	(void)argc;
	(void)argv;
	if (sodium_init() < 0)
		return 1;
	bk_sample_fill(master, sizeof master, 930); /* as in the golden files */
	keys = bk_kv_record_keys_new(master);
	return !keys || atexit(end);
}

static void unseal(const uint8_t *id, const uint8_t *data, size_t size)
{
	uint8_t *out = malloc(size + 1);
	struct bk_kv_record_name name;
	size_t len = 0;
	int err = bk_kv_record_unseal_name(keys, id, data, size, &name);

	BK_ASSERT(out);
	BK_ASSERT(err == 0 || err == BK_E_CORRUPT);
	BK_ASSERT(err || (name.len >= 1 && name.len <= BK_KV_KEY_MAX));
	err = bk_kv_record_unseal_value(keys, id, data, size, out, &len);
	BK_ASSERT(err == 0 || err == BK_E_CORRUPT);
	BK_ASSERT(err || len < size);
	free(out);
}

static void there_and_back(const uint8_t *data, size_t size)
{
	const size_t name_len = size ? 1 + data[0] % BK_KV_KEY_MAX : 0;
	uint8_t id[BK_KV_RECORD_ID], *record, *out;
	struct bk_kv_record_name name;
	size_t total, len = 0;

	if (!size || size - 1 < name_len)
		return;
	bk_kv_record_id(keys, data + 1, name_len, id);
	total = bk_kv_record_size(size - 1 - name_len);
	record = malloc(total);
	out = malloc(total);
	BK_ASSERT(record && out);
	bk_kv_record_seal(keys, id, data + 1, name_len, data + 1 + name_len, size - 1 - name_len, record);
	BK_ASSERT(bk_kv_record_unseal_name(keys, id, record, total, &name) == 0);
	BK_ASSERT(name.len == name_len && memcmp(name.bytes, data + 1, name_len) == 0);
	BK_ASSERT(bk_kv_record_unseal_value(keys, id, record, total, out, &len) == 0);
	BK_ASSERT(len == size - 1 - name_len && (!len || memcmp(out, data + 1 + name_len, len) == 0));
	record[data[0] * 7919u % total] ^= 1;
	BK_ASSERT(bk_kv_record_unseal_name(keys, id, record, total, &name) == BK_E_CORRUPT ||
		  bk_kv_record_unseal_value(keys, id, record, total, out, &len) == BK_E_CORRUPT);
	free(record);
	free(out);
}

/* First byte: odd a name and a content, even a record. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t id[BK_KV_RECORD_ID];

	if (bk_fuzz_mode(&data, &size) & 1) {
		there_and_back(data, size);
	} else {
		bk_kv_record_id(keys, "item/\x01\x02", 7, id);
		unseal(id, data, size);
	}
	return 0;
}
