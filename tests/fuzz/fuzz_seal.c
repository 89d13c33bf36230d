/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Headers of key files and sealed files, as found and with the checksum that they should have. */
#include "fuzz.h"

#include "seal.h"

#define SUM 16u

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return sodium_init() < 0;
}

static void costs(const struct bk_seal_cost *c)
{
	BK_ASSERT(c->ops >= 1 && c->ops <= 16 && c->mem_kib >= 8 && c->mem_kib <= 1048576);
}

static void keys(const uint8_t *data, size_t size)
{
	uint8_t again[BK_SEAL_KEYS_BYTES];
	struct bk_seal_keys k;
	int err = bk_seal_keys_decode(data, size, &k);

	BK_ASSERT(err == 0 || err == BK_E_CORRUPT || err == BK_E_VERSION);
	if (err)
		return;
	costs(&k.cost);
	bk_seal_keys_encode(&k, again);
	BK_ASSERT(size == sizeof again && memcmp(again, data, size) == 0);
}

static void file(const uint8_t *data, size_t size)
{
	struct bk_seal_file f;
	int err = bk_seal_file_decode(data, size, &f);

	BK_ASSERT(err == 0 || err == BK_E_CORRUPT || err == BK_E_VERSION || err == BK_E_TOO_BIG);
	if (err)
		return;
	costs(&f.cost);
	BK_ASSERT(f.head >= data && f.head + f.head_len <= data + size);
	BK_ASSERT(f.salt >= data && f.salt + BK_SEAL_SALT <= data + size);
	BK_ASSERT(f.nonce >= data && f.nonce + BK_SEAL_NONCE <= data + size);
	BK_ASSERT(f.box >= data && f.box + f.box_len <= data + size && f.box_len >= 16);
}

/* First byte: bit 0 file or keys, bit 1 put the right checksum at the end. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const unsigned mode = bk_fuzz_mode(&data, &size);
	uint8_t *copy = malloc(size + 1);

	BK_ASSERT(copy);
	if (size)
		memcpy(copy, data, size);
	if ((mode & 2) && size >= SUM)
		crypto_generichash(copy + size - SUM, SUM, copy, size - SUM, NULL, 0);
	if (mode & 1)
		file(copy, size);
	else
		keys(copy, size);
	free(copy);
	return 0;
}
