/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the programs say, in every language: no column is empty, the holes are the same, nothing in a text can steer
 * a terminal, and no sentence is the same in two languages by mistake.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "ctl_texts.h"
#include "err.h"
#include "lang.h"
#include "texts.h"

/* "%s%lld": the holes in their order. */
static void holes(const char *text, char out[static 64])
{
	size_t n = 0;

	for (const char *p = strchr(text, '%'); p; p = strchr(p + 1, '%')) {
		size_t len = 1 + strspn(p + 1, "ldsuz.%");

		assert_true(n + len < 64);
		memcpy(out + n, p, len);
		n += len;
		p += len - 1;
	}
	out[n] = '\0';
}

static void check(const char *name, const char *nl, const char *en)
{
	char a[64], b[64];

	if (!*nl || !*en)
		fail_msg("%s is empty", name);
	holes(nl, a);
	holes(en, b);
	if (strcmp(a, b) != 0)
		fail_msg("%s: \"%s\" in one language, \"%s\" in the other", name, a, b);
	for (const char *p = nl; *p; p++)
		assert_true((unsigned char)*p >= ' ' || *p == '\n');
	for (const char *p = en; *p; p++)
		assert_true((unsigned char)*p >= ' ' || *p == '\n');
	if (strlen(nl) > 25 && strcmp(nl, en) == 0)
		fail_msg("%s is not translated", name);
}

static void test_client(void **state)
{
	(void)state;
#define X(id, nl, en) check(#id, nl, en);
	BK_TEXTS(X)
#undef X
}

static void test_ctl(void **state)
{
	(void)state;
#define X(id, nl, en) check(#id, nl, en);
	BK_CTL_TEXTS(X)
#undef X
}

static void test_core(void **state)
{
	(void)state;
#define X(id, en, nl) check(#id, nl, en);
	BK_SAY_MAP(X)
#undef X
	for (int say = BK_SAY_NOTHING; say <= BK_SAY_FATAL; say++)
		for (int lang = 0; lang < 2; lang++)
			assert_true(*bk_lang_say((enum bk_say)say, BK_E_NET, (enum bk_lang)lang));
}

static void test_errors(void **state)
{
	(void)state;
#define X(id, number, en, nl) check(#id, nl, en);
	BK_ERR_MAP(X)
#undef X
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_client),
		cmocka_unit_test(test_ctl),
		cmocka_unit_test(test_core),
		cmocka_unit_test(test_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
