/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Frames, from both sides. What decodes is within every bound and encodes to something that decodes the same. */
#include "fuzz.h"

#include "frame.h"

static struct bk_arena *one, *two;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	one = bk_arena_new();
	two = bk_arena_new();
	return sodium_init() < 0 || !one || !two;
}

/* First byte: even from a client, odd from the server. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const enum bk_side side = bk_fuzz_mode(&data, &size) & 1 ? BK_FROM_SERVER : BK_FROM_CLIENT;
	Baken__Frame *f = NULL, *again = NULL;
	uint8_t *bytes = NULL, *more = NULL;
	size_t len = 0, more_len = 0;
	int err;

	bk_arena_reset(one);
	bk_arena_reset(two);
	err = bk_frame_decode(one, side, data, size, &f);
	BK_FUZZ_OURS(err);
	if (err)
		return 0;
	BK_ASSERT(bk_frame_encode_new(f, &bytes, &len) == 0);
	BK_ASSERT(bk_frame_decode(two, side, bytes, len, &again) == 0);
	BK_ASSERT(bk_frame_encode_new(again, &more, &more_len) == 0);
	BK_ASSERT(more_len == len && memcmp(bytes, more, len) == 0);
	BK_ASSERT(strcmp(bk_frame_kind_name(f->kind_case), "none") != 0);
	free(bytes);
	free(more);
	return 0;
}
