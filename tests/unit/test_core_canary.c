/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The canary among cores and a server (R1, R4, story O): a screen that is dead while its connection lives is found; so
 * is a vault that is gone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "err.h"
#include "twin.h"

#define ROUND_MS 300000u

static struct bk_twin twin;
static struct bk_twin_cast cast;

static int setup(void **state)
{
	(void)state;
	bk_twin_cast(&twin, "canary", &cast);
	twin.server.path.silent_ms = 900000;
	cast.vault->canaries = true;
	bk_twin_reboot(cast.vault);
	bk_twin_do(cast.vault, json_pack("{s:s}", "cmd", "connect"));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	bk_twin_close(&twin);
	return 0;
}

/* What a living screen does. False: no canary has come. */
static bool draw(struct bk_twin_device *d)
{
	json_t *event = bk_twin_take(d, "canary", NULL, NULL);

	if (!event)
		return false;
	bk_twin_do(d, json_pack("{s:s, s:O}", "cmd", "canary-shown", "nonce", json_object_get(event, "nonce")));
	json_decref(event);
	return true;
}

static void forget_all(void)
{
	bk_twin_forget(cast.officer);
	bk_twin_forget(cast.second);
	bk_twin_forget(cast.vault);
}

/* Until the next canary has come to both officers. */
static void next_canary(void)
{
	for (unsigned i = 0; i < 400 && !bk_twin_count(cast.officer, "canary", NULL, NULL); i++)
		bk_twin_pass(&twin, 1000);
	assert_int_equal(bk_twin_count(cast.officer, "canary", NULL, NULL), 1);
	assert_int_equal(bk_twin_count(cast.second, "canary", NULL, NULL), 1);
}

static const struct bk_path_desk *desk(void)
{
	assert_int_equal(twin.server.path.n, 1);
	return &twin.server.path.desks[0];
}

static json_t *canary_of(struct bk_twin_device *d)
{
	json_t *reply = NULL, *canary;

	assert_int_equal(bk_twin_call(d, json_pack("{s:s}", "cmd", "status"), &reply), 0);
	canary = json_incref(json_object_get(reply, "canary"));
	json_decref(reply);
	return canary;
}

static void both_screens_draw_it(void **state)
{
	json_t *c;

	(void)state;
	forget_all();
	next_canary();
	assert_true(draw(cast.officer));
	assert_true(draw(cast.second));
	assert_true(bk_twin_count(cast.vault, "canary-result", "state", "fine") == 1);
	assert_true(bk_twin_count(cast.officer, "canary-result", "state", "fine") == 1);
	assert_false(desk()->late);
	assert_int_equal(desk()->shown, 2);
	assert_int_equal(desk()->expected, 2);
	assert_int_equal(bk_path_worst(&twin.server.path, bk_twin_now()), BK_PATH_FINE);
	c = canary_of(cast.second);
	assert_int_equal(json_array_size(json_object_get(c, "silent")), 0);
	json_decref(c);
}

/* Story O: the device is online and acknowledges, and its screen draws nothing. */
static void dead_screen_is_found_while_its_connection_lives(void **state)
{
	json_t *c;
	uint64_t late = twin.server.stats.paths_late;

	(void)state;
	forget_all();
	next_canary();
	assert_true(draw(cast.officer));
	bk_twin_pass(&twin, 121000);
	assert_int_equal(bk_twin_count(cast.vault, "canary-result", "state", "late"), 1);
	assert_true(desk()->late);
	assert_int_equal(desk()->shown, 1);
	assert_int_equal(desk()->missing, 1);
	assert_int_equal(twin.server.stats.paths_late, late + 1);
	c = canary_of(cast.officer); /* the bar of a colleague names who was silent */
	assert_string_equal(json_string_value(json_object_get(c, "state")), "late");
	assert_int_equal(json_array_size(json_object_get(c, "silent")), 1);
	json_decref(c);
	forget_all();
	next_canary();
	assert_true(draw(cast.officer) && draw(cast.second));
	assert_int_equal(bk_path_worst(&twin.server.path, bk_twin_now()), BK_PATH_FINE);
	assert_int_equal(twin.server.stats.paths_late, late + 1); /* told once */
}

/* Who went off duty owes nothing; an empty desk is no late canary, and its vault is heard. */
static void off_duty_owes_nothing(void **state)
{
	uint64_t reports = twin.server.stats.path_reports;

	(void)state;
	forget_all();
	next_canary();
	assert_true(draw(cast.officer));
	bk_twin_do(cast.second, json_pack("{s:s, s:b}", "cmd", "duty", "on", 0));
	bk_twin_pass(&twin, 121000);
	assert_false(desk()->late);
	bk_twin_do(cast.officer, json_pack("{s:s, s:b}", "cmd", "duty", "on", 0));
	bk_twin_pass(&twin, 2 * ROUND_MS);
	assert_true(twin.server.stats.path_reports > reports + 1);
	assert_false(desk()->late);
	bk_twin_do(cast.officer, json_pack("{s:s, s:b}", "cmd", "duty", "on", 1));
	bk_twin_do(cast.second, json_pack("{s:s, s:b}", "cmd", "duty", "on", 1));
}

static void a_canary_is_shown_by_screens_only_and_once(void **state)
{
	json_t *event;
	json_t *reply = NULL;

	(void)state;
	forget_all();
	next_canary();
	event = bk_twin_take(cast.officer, "canary", NULL, NULL);
	assert_int_equal(bk_twin_call(cast.person, json_pack("{s:s, s:O}", "cmd", "canary-shown", "nonce",
		json_object_get(event, "nonce")), &reply), BK_E_ROLE);
	json_decref(reply);
	reply = NULL;
	assert_int_equal(bk_twin_call(cast.officer, json_pack("{s:s, s:s}", "cmd", "canary-shown", "nonce",
		"0123456789abcdef0123456789abcdef"), &reply), BK_E_NOT_FOUND);
	json_decref(reply);
	for (unsigned i = 0; i < 3; i++)
		bk_twin_do(cast.officer, json_pack("{s:s, s:O}", "cmd", "canary-shown", "nonce", json_object_get(event, "nonce")));
	json_decref(event);
	assert_true(draw(cast.second));
	assert_int_equal(desk()->shown, 2);
}

/* R4: nothing that the watch is for arms it. The vault dies; the server says so by itself. */
static void dead_vault_is_found_by_the_server(void **state)
{
	(void)state;
	bk_twin_cut(cast.vault, true);
	bk_twin_pass(&twin, 901000);
	bk_path_tick(&twin.server, bk_twin_now());
	assert_int_equal(bk_path_worst(&twin.server.path, bk_twin_now()), BK_PATH_SILENT);
	bk_twin_cut(cast.vault, false);
	bk_twin_pass(&twin, 400000);
	forget_all();
	next_canary();
	assert_true(draw(cast.officer) && draw(cast.second));
	assert_int_equal(bk_path_worst(&twin.server.path, bk_twin_now()), BK_PATH_FINE);
}

/* A screen that was away draws what is new, not a heap of what is over. */
static void old_canaries_are_not_drawn(void **state)
{
	(void)state;
	bk_twin_cut(cast.officer, true);
	bk_twin_pass(&twin, 3 * ROUND_MS);
	forget_all();
	bk_twin_cut(cast.officer, false);
	bk_twin_pass(&twin, 60000);
	assert_true(bk_twin_count(cast.officer, "canary", NULL, NULL) <= 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_screens_draw_it),
		cmocka_unit_test(dead_screen_is_found_while_its_connection_lives),
		cmocka_unit_test(off_duty_owes_nothing),
		cmocka_unit_test(a_canary_is_shown_by_screens_only_and_once),
		cmocka_unit_test(dead_vault_is_found_by_the_server),
		cmocka_unit_test(old_canaries_are_not_drawn),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
