/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A report on its way to the desk and back: the four rungs, the reply, what each side sees. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "twin.h"

static struct bk_twin twin;
static struct bk_twin_cast cast;

static int setup(void **state)
{
	(void)state;
	bk_twin_cast(&twin, "report", &cast);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	bk_twin_close(&twin);
	return 0;
}

static void test_ladder(void **state)
{
	bk_id m;

	(void)state;
	m = bk_twin_do(cast.person, json_pack("{s:s, s:s}", "cmd", "report", "what", "Er staat een auto. \xc3\xa9\xf0\x9f\x9a\x97"));
	assert_int_not_equal(bk_twin_rung(cast.person, m, "stored"), 0);
	assert_int_not_equal(bk_twin_rung(cast.person, m, "decrypted"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_ladder)};

	return cmocka_run_group_tests(tests, setup, teardown);
}
