/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ids.h"

#include <sodium.h>

#include "err.h"

bk_id bk_id_random(void)
{
	bk_id id;

	randombytes_buf(id.b, sizeof id.b);
	return id;
}

int bk_id_from(const void *data, size_t len, bk_id *ret_id)
{
	if (len != BK_ID_BYTES)
		return BK_E_INVAL;
	memcpy(ret_id->b, data, len);
	return 0;
}

int bk_hash_from(const void *data, size_t len, bk_hash *ret_hash)
{
	if (len != BK_HASH_BYTES)
		return BK_E_INVAL;
	memcpy(ret_hash->b, data, len);
	return 0;
}

bk_hash bk_hash_of(const void *data, size_t len)
{
	bk_hash h;

	crypto_hash_sha256(h.b, data, len);
	return h;
}

char *bk_hex_encode(char *out, const void *data, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *p = data;

	for (size_t i = 0; i < len; i++) {
		out[2 * i] = digits[p[i] >> 4];
		out[2 * i + 1] = digits[p[i] & 15];
	}
	out[2 * len] = '\0';
	return out;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int bk_hex_decode(void *out, size_t len, const char *hex)
{
	uint8_t *p = out;

	for (size_t i = 0; i < 2 * len; i++)
		if (digit(hex[i]) < 0) /* stops at a NUL, too */
			return BK_E_INVAL;
	if (hex[2 * len] != '\0')
		return BK_E_INVAL;
	for (size_t i = 0; i < len; i++)
		p[i] = (uint8_t)(digit(hex[2 * i]) << 4 | digit(hex[2 * i + 1]));
	return 0;
}

char *bk_id_text(bk_id id, char out[static BK_ID_TEXT])
{
	return bk_hex_encode(out, id.b, sizeof id.b);
}

int bk_id_parse(const char *hex, bk_id *ret_id)
{
	return bk_hex_decode(ret_id->b, sizeof ret_id->b, hex);
}
