/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every template says the same in both languages, fits into its message and reads at level B1. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "bounds.h"
#include "templates.h"
#include "text.h"

#define SENTENCE_WORDS 20u /* B1: short sentences */
#define WORD_LETTERS 17u

static const char *const kinds[] = {"guidance", "reply"};

static const char *str(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static void expect_readable(const char *name, const char *text)
{
	size_t words = 0, letters = 0;

	for (const char *p = text; *p; p++) {
		bool end = strchr(".?!", *p) != NULL;

		letters = *p == ' ' || end ? 0 : letters + 1;
		words = end ? 0 : words + (*p == ' ');
		if (words >= SENTENCE_WORDS || letters > WORD_LETTERS)
			fail_msg("%s: too long at \"%.20s\"", name, p);
	}
}

static size_t gaps(const char *text)
{
	size_t n = 0;

	for (const char *p = strstr(text, "{{"); p; p = strstr(p + 2, "{{"))
		n++;
	return n;
}

static void expect_pair(const char *kind, const json_t *nl, const json_t *en)
{
	bool titled = strcmp(kind, "guidance") == 0;

	assert_string_equal(str(nl, "name"), str(en, "name"));
	assert_int_equal(titled, *str(nl, "title") != 0);
	assert_int_equal(titled, *str(en, "title") != 0);
	assert_int_equal(gaps(str(nl, "text")), gaps(str(en, "text")));
	assert_string_not_equal(str(nl, "text"), str(en, "text"));
	for (int i = 0; i < 2; i++) {
		const json_t *t = i ? en : nl;
		const char *text = str(t, "text"), *title = str(t, "title");

		assert_true(*text && bk_text_ok(text, strlen(text), BK_TEXT_MAX));
		assert_true(bk_text_ok(title, strlen(title), BK_NAME_MAX));
		expect_readable(str(t, "name"), text);
	}
}

static void test_both_languages(void **state)
{
	(void)state;
	for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
		json_t *nl = bk_templates_list(kinds[k], BK_LANG_NL), *en = bk_templates_list(kinds[k], BK_LANG_EN);

		assert_non_null(nl);
		assert_int_equal(json_array_size(nl), json_array_size(en));
		for (size_t i = 0; i < json_array_size(nl); i++) {
			json_t *one = NULL;

			expect_pair(kinds[k], json_array_get(nl, i), json_array_get(en, i));
			one = bk_templates_find(kinds[k], str(json_array_get(nl, i), "name"), BK_LANG_NL);
		assert_true(json_equal(one, json_array_get(nl, i))); /* names are not used twice */
			json_decref(one);
		}
		json_decref(nl);
		json_decref(en);
	}
}

static void test_find(void **state)
{
	json_t *t = bk_templates_find("guidance", "stay-inside", BK_LANG_EN);

	(void)state;
	assert_string_equal(str(t, "title"), "Stay inside");
	json_decref(t);
	assert_null(bk_templates_find("guidance", "no-such", BK_LANG_EN));
	assert_null(bk_templates_find("no-such", "stay-inside", BK_LANG_EN));
}

static void test_gap(void **state)
{
	(void)state;
	assert_true(bk_templates_gap("tot {{tijd}}."));
	assert_false(bk_templates_gap("tot 18 uur."));
	assert_false(bk_templates_gap("}} {{"));
	assert_false(bk_templates_gap("{{"));
	assert_false(bk_templates_gap(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_languages),
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_gap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
