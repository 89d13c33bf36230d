/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Capsules: the plaintext, the layer inside the seal, and any bytes as a sealed one. */
#include "fuzz.h"

#include "capsule.h"
#include "sample.h"

static uint8_t public[BK_KEY_BYTES], private[BK_KEY_BYTES];

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	if (sodium_init() < 0)
		return 1;
	bk_sample_identity(BK_SAMPLE_AUTHOR, public, private);
	return 0;
}

static void plain(const uint8_t *data, size_t size)
{
	uint8_t again[BK_CAPSULE_PLAIN_BYTES];
	struct bk_capsule c;
	int err = bk_capsule_decode(data, size, &c);

	BK_FUZZ_OURS(err);
	if (err)
		return;
	bk_capsule_encode(&c, again);
	BK_ASSERT(size == sizeof again && memcmp(again, data, size) == 0);
	bk_capsule_link(&c);
}

static void open_sealed(const uint8_t sealed[static BK_CAPSULE_BYTES], const uint8_t *want)
{
	uint8_t inner[BK_CAPSULE_INNER], again[BK_CAPSULE_BYTES], inner_again[BK_CAPSULE_INNER];
	struct bk_capsule_outer o, o2;
	int err = bk_capsule_unseal(sealed, public, private, inner, &o);

	BK_FUZZ_OURS(err);
	BK_ASSERT(!want || memcmp(inner, want, sizeof inner) == 0);
	if (err)
		return;
	BK_ASSERT(o.ciphertext >= inner && o.ciphertext + o.len <= inner + sizeof inner && o.len);
	BK_ASSERT(bk_sample_seal(&o, public, again) == 0);
	BK_ASSERT(bk_capsule_unseal(again, public, private, inner_again, &o2) == 0);
	BK_ASSERT(memcmp(inner, inner_again, sizeof inner) == 0);
}

/* First byte: 0 plaintext, 1 inner layer, 2 sealed. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const unsigned mode = bk_fuzz_mode(&data, &size) % 3;
	uint8_t inner[BK_CAPSULE_INNER] = {0}, sealed[BK_CAPSULE_BYTES] = {0};

	if (mode == 0) {
		plain(data, size);
	} else if (mode == 1) {
		if (size)
			memcpy(inner, data, size < sizeof inner ? size : sizeof inner);
		BK_ASSERT(crypto_box_seal(sealed, inner, sizeof inner, public) == 0);
		open_sealed(sealed, inner);
	} else {
		if (size)
			memcpy(sealed, data, size < sizeof sealed ? size : sizeof sealed);
		open_sealed(sealed, NULL);
	}
	return 0;
}
