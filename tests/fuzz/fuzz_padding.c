/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Padding: removed from any bytes against a plain second formulation, added and removed again, lengths of files. */
#include "fuzz.h"

#include <string.h>

#include "bounds.h"
#include "padding.h"

/* As one would write it without caring for time: back over zeros to a 0x80. */
static int plainly(const uint8_t *data, size_t size, size_t *ret_len)
{
	size_t n = size;

	if (size != 256 && size != 1024 && size != 4096 && size != 16384 && size != 65536)
		return BK_E_INVAL;
	while (n && data[n - 1] == 0)
		n--;
	if (!n || data[n - 1] != 0x80)
		return BK_E_INVAL;
	*ret_len = n - 1;
	return 0;
}

static void compare(const uint8_t *data, size_t size)
{
	size_t len = 0, want = 0;
	int err = bk_padding_remove(data, size, &len), expected = plainly(data, size, &want);

	BK_FUZZ_OURS(err);
	BK_ASSERT(err == expected && (err || len == want));
}

static void add(const uint8_t *data, size_t size)
{
	const size_t bucket = bk_padding_bucket(size);
	size_t len = 0;
	uint8_t *buf;

	BK_ASSERT((bucket == 0) == (size > BK_CONTENT_MAX));
	if (!bucket)
		return;
	buf = malloc(bucket);
	BK_ASSERT(buf);
	if (size)
		memcpy(buf, data, size);
	BK_ASSERT(bk_padding_add(buf, size) == bucket);
	BK_ASSERT(bk_padding_remove(buf, bucket, &len) == 0 && len == size);
	compare(buf, bucket);
	free(buf);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return sodium_init() < 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t n = 0, padded;

	compare(data, size);
	add(data, size);
	if (size)
		memcpy(&n, data, size < 8 ? size : 8);
	n &= (1ull << 60) - 1;
	padded = bk_padding_padme(n);
	BK_ASSERT(padded >= n && padded - n <= n / 8 && bk_padding_padme(padded) == padded);
	return 0;
}
