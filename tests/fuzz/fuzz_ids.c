/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Ids and hashes as hex text. */
#include "fuzz.h"

#include "ids.h"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return sodium_init() < 0;
}

static void hex(const char *text, size_t bytes)
{
	uint8_t out[64];
	char again[129];
	int err = bk_hex_decode(out, bytes, text);

	BK_FUZZ_OURS(err);
	if (err)
		return;
	BK_ASSERT(strlen(text) == 2 * bytes);
	bk_hex_encode(again, out, bytes);
	for (size_t i = 0; i < 2 * bytes; i++)
		BK_ASSERT(again[i] == (text[i] >= 'A' && text[i] <= 'F' ? text[i] + 32 : text[i]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), back[BK_ID_TEXT];
	bk_hash h;
	bk_id id;

	BK_ASSERT(text);
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	for (size_t bytes = 0; bytes <= 64; bytes += 16)
		hex(text, bytes);
	if (bk_id_parse(text, &id) == 0)
		BK_ASSERT(strlen(bk_id_text(id, back)) == 2 * BK_ID_BYTES);
	BK_ASSERT((bk_id_from(data, size, &id) == 0) == (size == BK_ID_BYTES));
	BK_ASSERT((bk_hash_from(data, size, &h) == 0) == (size == BK_HASH_BYTES));
	free(text);
	return 0;
}
