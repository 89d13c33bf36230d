/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lesson M11: every device is served for itself, whatever the others of its circle have already got. */
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
	bk_twin_cast(&twin, "each-device", &cast);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	bk_twin_close(&twin);
	return 0;
}

static bool has(struct bk_twin_device *d, bk_id message)
{
	return bk_twin_kept(d, message) == 1;
}

/* The one that was away finds it although another device of the desk read it and an hour passed. */
static void away_while_another_reads(void **state)
{
	bk_id m;

	(void)state;
	bk_twin_cut(cast.second, true);
	bk_twin_settle(&twin);
	m = bk_twin_do(cast.person, json_pack("{s:s, s:s}", "cmd", "report", "what", "De bel ging, er stond niemand."));
	assert_true(has(cast.officer, m));
	assert_true(has(cast.vault, m));
	assert_false(has(cast.second, m));
	bk_twin_pass(&twin, 3600000);
	bk_twin_cut(cast.second, false);
	bk_twin_pass(&twin, 600000);
	assert_true(has(cast.second, m));
}

/* Both at once: an ack of one takes nothing from the other, also over a server that dies between the two. */
static void an_ack_is_its_own(void **state)
{
	bk_id m;

	(void)state;
	bk_twin_cut(cast.officer, true);
	bk_twin_settle(&twin);
	m = bk_twin_do(cast.person, json_pack("{s:s, s:s}", "cmd", "report", "what", "Weer dezelfde auto."));
	assert_true(has(cast.second, m));
	bk_twin_stop(&twin);
	bk_twin_start(&twin);
	bk_twin_cut(cast.officer, false);
	bk_twin_pass(&twin, 600000);
	assert_true(has(cast.officer, m));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(away_while_another_reads),
		cmocka_unit_test(an_ack_is_its_own),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
