/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Contents in their envelopes: as they are, in both regimes, and put into an envelope without a signature. */
#include "fuzz.h"

#include "content.h"
#include "sample.h"

static struct bk_arena *arena;
static uint8_t identity[BK_KEY_BYTES];

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	uint8_t private[BK_KEY_BYTES];

	(void)argc;
	(void)argv;
	if (sodium_init() < 0)
		return 1;
	bk_sample_identity(BK_SAMPLE_AUTHOR, identity, private);
	arena = bk_arena_new();
	return arena == NULL;
}

static void care(const void *data, size_t size)
{
	Baken__Content *c = NULL;
	uint8_t *one = NULL, *two = NULL;
	size_t one_len = 0, two_len = 0;
	int err;

	bk_arena_reset(arena);
	err = bk_content_decode(arena, BAKEN__REGIME__REGIME_CARE, identity, data, size, &c);
	BK_FUZZ_OURS(err);
	if (err)
		return;
	BK_ASSERT(bk_content_kind_of(c) != BK_CONTENT_ANY);
	BK_ASSERT(bk_content_encode(c, NULL, NULL, &one, &one_len) == 0);
	bk_arena_reset(arena);
	BK_ASSERT(bk_content_decode(arena, BAKEN__REGIME__REGIME_CARE, identity, one, one_len, &c) == 0);
	BK_ASSERT(bk_content_encode(c, NULL, NULL, &two, &two_len) == 0);
	BK_ASSERT(one_len == two_len && memcmp(one, two, one_len) == 0);
	free(one);
	free(two);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Baken__Envelope e = BAKEN__ENVELOPE__INIT;
	Baken__Content *c = NULL;
	uint8_t *wrapped;

	care(data, size);
	bk_arena_reset(arena);
	BK_FUZZ_OURS(bk_content_decode(arena, BAKEN__REGIME__REGIME_SECURITY, identity, data, size, &c));
	e.content = bk_bytes(data, size);
	wrapped = malloc(baken__envelope__get_packed_size(&e) + 1);
	BK_ASSERT(wrapped);
	care(wrapped, baken__envelope__pack(&e, wrapped));
	free(wrapped);
	return 0;
}
