/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "texts.h"

#include <stddef.h>

static const char *const texts[BK_TEXT_COUNT][2] = {
#define X(id, nl, en) [BK_TEXT_##id] = {nl, en},
	BK_TEXTS(X)
#undef X
};

const char *bk_text(enum bk_text id, enum bk_lang lang)
{
	return texts[id][lang == BK_LANG_EN];
}

static const struct {
	int err;
	enum bk_text hint;
} hints[] = {
	{BK_E_LOCKED, BK_TEXT_HINT_LOCKED},
	{BK_E_EXISTS, BK_TEXT_HINT_EXISTS},
	{BK_E_NET, BK_TEXT_HINT_NET},
	{BK_E_TIMEOUT, BK_TEXT_HINT_NET},
	{BK_E_FULL, BK_TEXT_HINT_FULL},
	{BK_E_PASSPHRASE, BK_TEXT_HINT_PASS},
	{BK_E_SHUT, BK_TEXT_HINT_SHUT},
	{BK_E_RATE, BK_TEXT_HINT_RATE},
	{BK_E_TLS, BK_TEXT_HINT_TLS},
	{BK_E_CHAIN, BK_TEXT_HINT_TLS},
	{BK_E_INVITE, BK_TEXT_HINT_CODE},
	{BK_E_REVOKED, BK_TEXT_REVOKED},
};

const char *bk_text_hint(int err, enum bk_lang lang)
{
	for (size_t i = 0; i < sizeof hints / sizeof *hints; i++)
		if (hints[i].err == err)
			return bk_text(hints[i].hint, lang);
	return NULL;
}
