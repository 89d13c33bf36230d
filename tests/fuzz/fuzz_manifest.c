/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Capture manifests: any Signed, and any payload under the device's true signature. */
#include "fuzz.h"

#include "manifest.h"
#include "sample.h"

static struct bk_arena *arena;
static uint8_t identity[BK_KEY_BYTES];
static bk_hash file;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	uint8_t private[BK_KEY_BYTES];

	(void)argc;
	(void)argv;
	if (sodium_init() < 0)
		return 1;
	bk_sample_identity(BK_SAMPLE_AUTHOR, identity, private);
	arena = bk_arena_new();
	bk_hash_from(bk_sample_manifest(arena)->file_hash.data, BK_HASH_BYTES, &file);
	return 0;
}

static void check(const Baken__CaptureManifest *m)
{
	unsigned author = BK_SAMPLE_AUTHOR;
	uint8_t *buf = NULL;
	size_t len = 0;

	BK_ASSERT(m->size == 3000000 && memcmp(m->file_hash.data, file.b, BK_HASH_BYTES) == 0);
	BK_ASSERT(bk_manifest_sign(m, identity, bk_sample_sign, &author, &buf, &len) == 0);
	free(buf);
}

/* First byte: odd a payload to be signed, even a Signed. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const unsigned mode = bk_fuzz_mode(&data, &size) & 1;
	unsigned author = BK_SAMPLE_AUTHOR;
	Baken__Signed made = BAKEN__SIGNED__INIT, *s = &made;
	Baken__CaptureManifest *m = NULL;
	uint8_t signature[BK_SIG_BYTES];
	int err;

	bk_arena_reset(arena);
	if (mode) {
		BK_ASSERT(bk_sample_sign(&author, BK_CTX_MANIFEST, data, size, signature) == 0);
		made.payload = bk_bytes(data, size);
		made.signature = bk_bytes(signature, sizeof signature);
		made.signer = bk_bytes(identity, sizeof identity);
	} else {
		s = baken__signed__unpack(bk_arena_allocator(arena), size, data);
	}
	err = bk_manifest_verify(arena, s, identity, file, 3000000, &m);
	BK_FUZZ_OURS(err);
	if (!err)
		check(m);
	return 0;
}
