/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Withdrawal is the registrar's word: a server that only says so erases nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "conn.h"
#include "engine.h"
#include "twin.h"

static struct bk_twin twin;

static void the_word_of_the_server_alone(void **state)
{
	struct bk_twin_cast cast;

	(void)state;
	bk_twin_cast(&twin, "withdrawal-word", &cast);
	bk_conn_error(cast.person->wire->conn, 0, BK_E_REVOKED, 0);
	bk_twin_settle(&twin);
	bk_twin_pass(&twin, 60000);
	assert_int_equal(bk_twin_count(cast.person, "revoked", NULL, NULL), 0);
	assert_true(bk_self_enrolled(&cast.person->core->self));
	assert_non_null(cast.person->wire);
	bk_twin_close(&twin);
}

static void a_roster_that_does_not_name_it(void **state)
{
	struct bk_twin_cast cast;

	(void)state;
	bk_twin_cast(&twin, "withdrawal-other", &cast);
	bk_conn_error_revoked(cast.officer->wire->conn, 0, twin.circles[BK_TWIN_DESK].id);
	bk_twin_pass(&twin, 60000);
	assert_int_equal(bk_twin_count(cast.officer, "revoked", NULL, NULL), 0);
	assert_true(bk_self_enrolled(&cast.officer->core->self));
	bk_twin_close(&twin);
}

static void withdrawn_while_online(void **state)
{
	struct bk_twin_cast cast;

	(void)state;
	bk_twin_cast(&twin, "withdrawal-online", &cast);
	bk_twin_revoke(cast.second);
	assert_int_equal(bk_twin_count(cast.second, "revoked", NULL, NULL), 1);
	assert_false(bk_self_enrolled(&cast.second->core->self));
	bk_twin_close(&twin);
}

static void withdrawn_while_away(void **state)
{
	struct bk_twin_cast cast;

	(void)state;
	bk_twin_cast(&twin, "withdrawal-away", &cast);
	bk_twin_cut(cast.person, true);
	bk_twin_settle(&twin);
	bk_twin_revoke(cast.person);
	assert_int_equal(bk_twin_count(cast.person, "revoked", NULL, NULL), 0);
	bk_twin_cut(cast.person, false);
	bk_twin_pass(&twin, 600000);
	assert_int_equal(bk_twin_count(cast.person, "revoked", NULL, NULL), 1);
	assert_false(bk_self_enrolled(&cast.person->core->self));
	bk_twin_close(&twin);
}

/* A clock that goes back does not open the door to the list in which the device was still good. */
static void the_clock_goes_back(void **state)
{
	struct bk_twin_cast cast;
	const struct bk_roster *desk;
	uint64_t version;

	(void)state;
	bk_twin_cast(&twin, "withdrawal-clock", &cast);
	bk_twin_revoke(cast.second);
	bk_twin_pass(&twin, 60000);
	version = twin.circles[BK_TWIN_DESK].version;
	bk_twin_cut(cast.person, true);
	bk_twin_settle(&twin);
	bk_twin_wind(bk_twin_now() - 2 * BK_SAMPLE_DAY);
	bk_twin_reboot(cast.person);
	desk = bk_rosters_get(cast.person->core, twin.circles[BK_TWIN_DESK].id);
	assert_non_null(desk);
	assert_int_equal(desk->version, version);
	assert_int_equal(bk_roster_find(desk, cast.second->id)->status, BAKEN__DEVICE_STATUS__DEVICE_REVOKED);
	bk_twin_close(&twin);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_word_of_the_server_alone),
		cmocka_unit_test(a_roster_that_does_not_name_it),
		cmocka_unit_test(withdrawn_while_online),
		cmocka_unit_test(withdrawn_while_away),
		cmocka_unit_test(the_clock_goes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
