/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "text.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#define REPLACEMENT 0xfffd

bool bk_text_ok(const char *text, size_t len, size_t max)
{
	const utf8proc_uint8_t *p = (const utf8proc_uint8_t *)text;
	utf8proc_ssize_t left = (utf8proc_ssize_t)len;

	if (len > max)
		return false;
	while (left > 0) {
		utf8proc_int32_t c;
		utf8proc_ssize_t n = utf8proc_iterate(p, left, &c);

		if (n <= 0 || (c < 0x20 && c != '\n' && c != '\t') || (c >= 0x7f && c < 0xa0))
			return false;
		p += n;
		left -= n;
	}
	return true;
}

/* Direction overrides and isolates (Unicode TR 9), and the characters that have no width to betray them. */
static bool deceives(utf8proc_int32_t c)
{
	return (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0x200e || c == 0x200f ||
	       c == 0x061c || c == 0xfeff || c == 0x2028 || c == 0x2029;
}

static utf8proc_int32_t harmless(utf8proc_int32_t c, bool name)
{
	if (c == '\n' || c == '\r' || c == '\t')
		return ' ';
	if (c < 0x20 || (c >= 0x7f && c < 0xa0) || deceives(c))
		return REPLACEMENT;
	if (name && c == '/')
		return 0x2215;
	return name && c == '\\' ? 0x29f5 : c;
}

static char *shown(const char *text, char *out, size_t size, bool name)
{
	const utf8proc_uint8_t *p = (const utf8proc_uint8_t *)text;
	size_t at = 0;

	while (*p) {
		utf8proc_uint8_t enc[4];
		utf8proc_int32_t c;
		utf8proc_ssize_t n = utf8proc_iterate(p, -1, &c), m;

		if (n <= 0) {
			n = 1;
			c = REPLACEMENT;
		}
		m = utf8proc_encode_char(harmless(c, name), enc);
		if (at + (size_t)m + 1 > size)
			break;
		memcpy(out + at, enc, (size_t)m);
		at += (size_t)m;
		p += n;
	}
	if (size)
		out[at] = '\0';
	return out;
}

char *bk_text_shown(const char *text, char *out, size_t size)
{
	return shown(text, out, size, false);
}

char *bk_text_name_shown(const char *name, char *out, size_t size)
{
	return shown(name, out, size, true);
}

char *bk_text_dup(const char *text)
{
	size_t size = strlen(text) + 1;
	char *copy = malloc(size);

	return copy ? memcpy(copy, text, size) : NULL;
}
