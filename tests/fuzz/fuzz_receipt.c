/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Stored receipts: what verifies is one of the five messages of the golden commit, and nothing else. */
#include "fuzz.h"

#include "receipt.h"
#include "sample.h"

static uint8_t key[BK_KEY_BYTES];

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	uint8_t secret[BK_ED25519_SECRET_BYTES];

	(void)argc;
	(void)argv;
	if (sodium_init() < 0)
		return 1;
	bk_sample_ed25519(BK_SAMPLE_SERVER, key, secret);
	return 0;
}

static void check(const struct bk_receipt *r)
{
	const unsigned i = r->index;

	BK_ASSERT(r->size == 5 && i < 5);
	BK_ASSERT(bk_id_equal(r->leaf.message, bk_sample_id(700 + i)) && bk_hash_equal(r->leaf.body, bk_sample_hash(700 + i)));
	BK_ASSERT(r->leaf.stored_ms == BK_SAMPLE_NOW + i);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Baken__StoredReceipt *w = baken__stored_receipt__unpack(NULL, size, data), back;
	ProtobufCBinaryData paths[BK_RECEIPT_DEPTH];
	struct bk_receipt r, again;
	int err = w ? bk_receipt_from_wire(w, &r) : BK_E_INVAL;

	BK_FUZZ_OURS(err);
	if (!err) {
		bk_receipt_to_wire(&r, &back, paths);
		BK_ASSERT(bk_receipt_from_wire(&back, &again) == 0);
		BK_ASSERT(bk_id_equal(r.leaf.message, again.leaf.message) && r.n_path == again.n_path);
		err = bk_receipt_verify(&r, key);
		BK_FUZZ_OURS(err);
		if (!err)
			check(&r);
	}
	if (w)
		baken__stored_receipt__free_unpacked(w, NULL);
	return 0;
}
