/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "err.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

static const struct {
	int number;
	const char *name, *en, *nl;
} list[] = {
#define X(name, number, en, nl) {number, #name, en, nl},
	BK_ERR_MAP(X)
#undef X
};

const char *bk_err_name(int err)
{
	if (err == 0)
		return "BK_OK";
	for (size_t i = 0; i < sizeof list / sizeof *list; i++)
		if (list[i].number == err)
			return list[i].name;
	return "BK_E_UNKNOWN";
}

const char *bk_err_text(int err, enum bk_lang lang)
{
	for (size_t i = 0; i < sizeof list / sizeof *list; i++)
		if (list[i].number == err)
			return lang == BK_LANG_EN ? list[i].en : list[i].nl;
	if (err == 0)
		return lang == BK_LANG_EN ? "done" : "gelukt";
	return lang == BK_LANG_EN ? "unknown error" : "onbekende fout";
}

void bk_err_assert_failed(const char *expr, const char *file, int line)
{
	fprintf(stderr, "%s:%d: assertion failed: %s\n", file, line, expr);
	abort();
}
