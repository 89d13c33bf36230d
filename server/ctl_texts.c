/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ctl_texts.h"

#include <stddef.h>

static const char *const texts[BK_CTL_TEXT_COUNT][2] = {
#define X(id, nl, en) [BK_CTL_TEXT_##id] = {nl, en},
	BK_CTL_TEXTS(X)
#undef X
};

const char *bk_ctl_text(enum bk_ctl_text id, enum bk_lang lang)
{
	return texts[id][lang == BK_LANG_EN];
}

static const struct {
	int err;
	enum bk_ctl_text hint;
} hints[] = {
	{BK_E_PASSPHRASE, BK_CTL_TEXT_HINT_PASS}, {BK_E_NET, BK_CTL_TEXT_HINT_NET},
	{BK_E_ROLE, BK_CTL_TEXT_HINT_ROLE},       {BK_E_CHAIN, BK_CTL_TEXT_HINT_CHAIN},
	{BK_E_INVITE, BK_CTL_TEXT_HINT_INVITE},   {BK_E_EXISTS, BK_CTL_TEXT_HINT_EXISTS},
	{BK_E_OLD, BK_CTL_TEXT_HINT_OLD},
};

const char *bk_ctl_text_hint(int err, enum bk_lang lang)
{
	for (size_t i = 0; i < sizeof hints / sizeof *hints; i++)
		if (hints[i].err == err)
			return bk_ctl_text(hints[i].hint, lang);
	return NULL;
}
