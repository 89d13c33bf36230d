/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "padding.h"

#include <string.h>

#include "err.h"
#include "bounds.h"

static const size_t buckets[] = {256, 1024, 4096, 16384, BK_BODY_PADDED_MAX};

size_t bk_padding_bucket(size_t len)
{
	for (size_t i = 0; i < sizeof buckets / sizeof *buckets; i++)
		if (len < buckets[i])
			return buckets[i];
	return 0;
}

size_t bk_padding_add(uint8_t *buf, size_t len)
{
	size_t padded = bk_padding_bucket(len);

	if (!padded)
		return 0;
	buf[len] = 0x80;
	memset(buf + len + 1, 0, padded - len - 1);
	return padded;
}

int bk_padding_remove(const uint8_t *buf, size_t len, size_t *ret_len)
{
	size_t end = 0;
	uint8_t found = 0, bad = 0;

	if (len == 0 || bk_padding_bucket(len - 1) != len)
		return BK_E_INVAL;
	/* From the end: zeros, then 0x80. Every byte is read whatever the content is. */
	for (size_t i = len; i-- > 0;) {
		uint8_t is_mark = (uint8_t)(((unsigned)(buf[i] ^ 0x80) - 1) >> 8 & 1);
		uint8_t is_zero = (uint8_t)(((unsigned)buf[i] - 1) >> 8 & 1);
		uint8_t here = (uint8_t)(is_mark & (uint8_t)~found & 1);

		end |= i & (size_t)(0 - (size_t)here);
		bad |= (uint8_t)(~found & ~is_mark & ~is_zero & 1);
		found |= is_mark;
		/* after the mark everything is content: found stays 1 and nothing else counts */
	}
	if (!found || bad)
		return BK_E_INVAL;
	*ret_len = end;
	return 0;
}

static unsigned log2_floor(uint64_t v)
{
	unsigned n = 0;

	while (v >>= 1)
		n++;
	return n;
}

uint64_t bk_padding_padme(uint64_t len)
{
	unsigned e, s;
	uint64_t mask;

	if (len < 2)
		return len;
	e = log2_floor(len);
	s = log2_floor(e) + 1;
	if (e <= s)
		return len;
	mask = ((uint64_t)1 << (e - s)) - 1;
	return (len + mask) & ~mask;
}
