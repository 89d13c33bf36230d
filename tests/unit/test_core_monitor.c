/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The monitor of a desk's core: what its cases add up to, without a word or an id of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "twin.h"

static struct bk_twin twin;
static struct bk_twin_cast cast;

static int setup(void **state)
{
	(void)state;
	bk_twin_cast(&twin, "monitor", &cast);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	bk_twin_close(&twin);
	return 0;
}

static void report(bool drill, bool claim)
{
	char text[BK_ID_TEXT];
	bk_id m = bk_twin_do(cast.person, json_pack("{s:s, s:s, s:b}", "cmd", "report", "what", "Een geheim.", "drill", drill));

	bk_twin_pass(&twin, 10000);
	if (claim)
		bk_twin_do(cast.officer, json_pack("{s:s, s:s}", "cmd", "claim", "case", bk_id_text(m, text)));
	bk_twin_pass(&twin, 1000);
}

static json_t *monitor(struct bk_twin_device *d, bk_ms from)
{
	json_t *answer = NULL;

	assert_int_equal(bk_twin_call(d, json_pack("{s:s, s:I}", "cmd", "monitor", "from_ms", (json_int_t)from), &answer), 0);
	return answer;
}

/* -1: hidden. */
static json_int_t number(const json_t *answer, const char *part, size_t row, const char *key)
{
	const json_t *v = json_object_get(json_array_get(json_object_get(answer, part), row), key);

	assert_non_null(v);
	return json_is_null(v) ? -1 : json_integer_value(v);
}

static void adds_up_and_hides(void **state)
{
	json_t *a;
	char *text;

	(void)state;
	a = monitor(cast.officer, 0);
	assert_int_equal(number(a, "real", 3, "total"), 0);
	json_decref(a);
	for (unsigned i = 0; i < 7; i++)
		report(false, true);
	report(true, false);
	a = monitor(cast.officer, 0);
	assert_int_equal(number(a, "real", 0, "taken"), 7);
	assert_int_equal(number(a, "real", 0, "total"), 7);
	assert_int_equal(number(a, "real", 0, "escalated"), 0);
	assert_int_equal(number(a, "drills", 0, "total"), -1); /* one drill: nobody is told of one */
	assert_int_equal(number(a, "drills", 3, "total"), -1);
	assert_true(json_is_integer(json_object_get(json_object_get(json_object_get(
		json_array_get(json_object_get(a, "real"), 0), "times"), "claimed"), "median_ms")));
	assert_true(json_is_null(json_object_get(json_object_get(json_object_get(
		json_array_get(json_object_get(a, "real"), 0), "times"), "closed"), "p95_ms")));
	text = json_dumps(a, JSON_COMPACT);
	assert_null(strstr(text, "geheim"));
	for (const char *p = text; *p; p++) /* no id */
		assert_true(strspn(p, "0123456789abcdef") < 2 * BK_ID_BYTES);
	free(text);
	json_decref(a);
	a = monitor(cast.officer, bk_twin_now() + 1);
	assert_int_equal(number(a, "real", 3, "total"), 0);
	json_decref(a);
}

static void not_for_others(void **state)
{
	(void)state;
	assert_int_equal(bk_twin_call(cast.person, json_pack("{s:s}", "cmd", "monitor"), NULL), BK_E_ROLE);
	assert_int_equal(bk_twin_call(cast.carer, json_pack("{s:s}", "cmd", "monitor"), NULL), BK_E_ROLE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(adds_up_and_hides),
		cmocka_unit_test(not_for_others),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
