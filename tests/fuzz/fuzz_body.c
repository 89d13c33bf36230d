/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bodies: any bytes opened as one, any bytes padded and sealed as padding, any bytes as content and back. */
#include "fuzz.h"

#include "body.h"
#include "padding.h"
#include "sample.h"

static uint8_t key[BK_KEY_BYTES];

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	if (sodium_init() < 0)
		return 1;
	bk_sample_fill(key, sizeof key, 900); /* as in the golden files */
	return 0;
}

static void open_any(const uint8_t *data, size_t size)
{
	uint8_t *content = NULL;
	size_t len = 0;
	bk_hash hash = bk_hash_of(data, size);
	int err = bk_body_open(bk_sample_id(900), hash, key, data, size, &content, &len);

	BK_FUZZ_OURS(err);
	BK_ASSERT(err || (bk_body_size_ok(size) && len < size));
	if (!err)
		free(content);
	hash.b[0] ^= 1;
	err = bk_body_open(bk_sample_id(900), hash, key, data, size, &content, &len);
	BK_ASSERT(err == (bk_body_size_ok(size) ? BK_E_HASH : BK_E_INVAL));
}

static void there_and_back(const uint8_t *data, size_t size)
{
	uint8_t *body = NULL, *content = NULL;
	size_t body_len = 0, len = 0;
	bk_hash hash;
	int err = bk_body_seal_with(bk_sample_id(900), key, data, size, &body, &body_len, &hash);

	BK_ASSERT(err == (size > BK_CONTENT_MAX ? BK_E_TOO_BIG : 0));
	if (err)
		return;
	BK_ASSERT(bk_body_size_ok(body_len) && body_len == bk_padding_bucket(size) + BK_BODY_OVERHEAD);
	BK_ASSERT(bk_body_open(bk_sample_id(900), hash, key, body, body_len, &content, &len) == 0);
	BK_ASSERT(len == size && (!size || memcmp(content, data, size) == 0));
	free(content);
	free(body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	open_any(data, size);
	there_and_back(data, size);
	return 0;
}
