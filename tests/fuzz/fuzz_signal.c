/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Ciphertexts as they come out of capsules, in the name of a known device and of a stranger. Whatever they are,
 * an undone turn leaves the store as it was (M1), and no key but the roster's is ever accepted (M2).
 */
#include "fuzz.h"

#include "fixed_random.h"
#include "signal_pair.h"

static struct bk_pair *pair;
static bk_hash before;

static void end(void)
{
	void *state = pair;

	bk_pair_teardown(&state);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	void *state = NULL;

	(void)argc;
	(void)argv;
	if (sodium_init() < 0)
		return 1;
	bk_fixed_random(true); /* the seeds are letters of this very pair */
	if (bk_pair_setup(&state))
		return 1;
	pair = state;
	if (bk_pair_start(&pair->a, &pair->b, 0))
		return 1;
	bk_pair_exchange(&pair->a, &pair->b);
	before = bk_pair_all_of(pair->b.kv);
	return atexit(end);
}

/* First byte: bit 0 the type, bit 1 in whose name. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const unsigned mode = bk_fuzz_mode(&data, &size);
	const struct bk_pair_device *from = mode & 2 ? &pair->stranger : &pair->a;
	uint8_t plain[BK_CAPSULE_INNER];
	size_t len = 0;
	int err;

	BK_ASSERT(bk_kv_begin(pair->b.kv) == 0);
	err = bk_signal_decrypt(pair->b.s, from->id, mode & 1 ? 3 : 2, data, size, plain, sizeof plain, &len);
	BK_FUZZ_OURS(err);
	BK_ASSERT(err || (from == &pair->a && len <= sizeof plain));
	if (err)
		BK_ASSERT(bk_hash_equal(before, bk_pair_all_of(pair->b.kv)));
	bk_kv_abort(pair->b.kv);
	BK_ASSERT(bk_hash_equal(before, bk_pair_all_of(pair->b.kv)));
	return 0;
}
