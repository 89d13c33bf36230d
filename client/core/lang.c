/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lang.h"

const char *bk_lang_say(enum bk_say say, int err, enum bk_lang lang)
{
	switch (say) {
#define X(name, en, nl)                                                                            \
	case name:                                                                                 \
		return lang == BK_LANG_EN ? en : nl;
		BK_SAY_MAP(X)
#undef X
	case BK_SAY_NOTHING:
		break;
	}
	return bk_err_text(err, lang);
}
