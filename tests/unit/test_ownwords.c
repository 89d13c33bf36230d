/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A template is not somebody's own word, however it is filled in or dressed up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "json.h"
#include "ownwords.h"
#include "templates.h"

/* Every gap filled with the same words. */
static void fill(const char *text, const char *with, char *out, size_t max)
{
	size_t n = 0;

	for (const char *p = text; *p && n + 1 < max; p++) {
		const char *end = strncmp(p, "{{", 2) == 0 ? strstr(p, "}}") : NULL;

		if (!end) {
			out[n++] = *p;
			continue;
		}
		n += (size_t)snprintf(out + n, max - n, "%s", with);
		p = end + 1;
	}
	out[n] = '\0';
}

static void check_all(enum bk_lang lang)
{
	json_t *list = bk_templates_list("reply", lang), *t;
	char text[4000], more[4100];
	size_t i;

	assert_true(json_array_size(list) > 0);
	json_array_foreach(list, i, t) {
		fill(bk_json_get_text(t, "text"), "morgen 14:30", text, sizeof text);
		assert_false(bk_ownwords(bk_json_get_text(t, "text")));
		assert_false(bk_ownwords(text));
		snprintf(more, sizeof more, "  %s ...\n", text);
		assert_false(bk_ownwords(more));
		snprintf(more, sizeof more, "Ik ben langs uw huis gereden en zag niemand. %s", text);
		assert_true(bk_ownwords(more));
	}
	json_decref(list);
}

static void test_templates(void **state)
{
	(void)state;
	check_all(BK_LANG_NL);
	check_all(BK_LANG_EN);
}

static void test_nothing(void **state)
{
	(void)state;
	assert_false(bk_ownwords(""));
	assert_false(bk_ownwords(" ... \n"));
	assert_true(bk_ownwords("De auto is van de buren."));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_templates),
		cmocka_unit_test(test_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
