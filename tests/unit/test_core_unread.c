/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lesson M4: what nobody fetched is told to its sender and can be sent again; it does not vanish in silence. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "twin.h"

#define DAY 86400000ull

static struct bk_twin twin;
static struct bk_twin_cast cast;

static int setup(void **state)
{
	(void)state;
	bk_twin_cast(&twin, "unread", &cast);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	bk_twin_close(&twin);
	return 0;
}

static void desk_cut(bool cut)
{
	bk_twin_cut(cast.vault, cut);
	bk_twin_cut(cast.officer, cut);
	bk_twin_cut(cast.second, cut);
	bk_twin_settle(&twin);
}

static void told_after_ninety_days(void **state)
{
	char text[BK_ID_TEXT];
	json_t *event;
	bk_id m;

	(void)state;
	desk_cut(true);
	m = bk_twin_do(cast.person, json_pack("{s:s, s:s}", "cmd", "report", "what", "Niemand thuis."));
	assert_int_not_equal(bk_twin_rung(cast.person, m, "stored"), 0);
	bk_twin_cut(cast.person, true);
	bk_twin_settle(&twin);
	bk_twin_forget(cast.person);
	bk_twin_wind(bk_twin_now() + 89 * DAY);
	bk_twin_pass(&twin, 1000);
	assert_null(bk_twin_take(cast.person, "refused", NULL, NULL));
	bk_twin_wind(bk_twin_now() + 2 * DAY);
	bk_twin_pass(&twin, 1000);
	event = bk_twin_take(cast.person, "refused", "error", "BK_E_EXPIRED");
	assert_non_null(event);
	json_decref(event);
	bk_twin_pass(&twin, 3600000);
	assert_null(bk_twin_take(cast.person, "refused", NULL, NULL)); /* once */
	bk_twin_do(cast.person, json_pack("{s:s, s:s}", "cmd", "resend", "message", bk_id_text(m, text)));
	bk_twin_reboot(cast.person);
	bk_twin_pass(&twin, 1000);
	assert_int_equal(bk_twin_call(cast.person, json_pack("{s:s, s:s}", "cmd", "resend", "message", text), NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(told_after_ninety_days)};

	return cmocka_run_group_tests(tests, setup, teardown);
}
