/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ownwords.h"

#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "templates.h"

#define GAP '\001'
#define GAP_MAX 60u /* letters that fill a gap: a time, a name, a place */

static bool is_letter(unsigned char c)
{
	return c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z');
}

/* Letters and digits only, small; {{gap}} becomes one sign. out holds strlen(text) + 1. */
static void plain(const char *text, char *out)
{
	for (const char *p = text; *p; p++) {
		const char *end = !strncmp(p, "{{", 2) ? strstr(p, "}}") : NULL;
		unsigned char c = (unsigned char)*p;

		if (end) {
			*out++ = GAP;
			p = end + 1;
			continue;
		}
		if (c >= 'A' && c <= 'Z')
			c = (unsigned char)(c - 'A' + 'a');
		if (is_letter(c))
			*out++ = (char)c;
	}
	*out = '\0';
}

/* Both plain. A gap takes the fewest letters after which the rest still fits. */
static bool fits(const char *template, const char *text)
{
	while (*template && *template != GAP)
		if (*template++ != *text++)
			return false;
	if (!*template)
		return !*text;
	for (unsigned i = 0; i <= GAP_MAX; i++) {
		if (fits(template + 1, text + i))
			return true;
		if (!text[i])
			return false;
	}
	return false;
}

static bool fits_any(const char *text, enum bk_lang lang)
{
	json_t *list = bk_templates_list("reply", lang);
	bool found = !list;

	for (size_t i = 0; i < json_array_size(list) && !found; i++) {
		const char *t = bk_json_get_text(json_array_get(list, i), "text");
		char *mould = malloc(strlen(t) + 1);

		if (mould)
			plain(t, mould);
		found = !mould || fits(mould, text);
		free(mould);
	}
	json_decref(list);
	return found;
}

bool bk_ownwords(const char *text)
{
	char *own = malloc(strlen(text) + 1);
	bool yes = false;

	if (!own)
		return false;
	plain(text, own);
	yes = *own && !fits_any(own, BK_LANG_NL) && !fits_any(own, BK_LANG_EN);
	free(own);
	return yes;
}
