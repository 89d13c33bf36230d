/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where a device can be woken: given once, given again at each login, taken back even without a connection. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "err.h"
#include "twin.h"

#define ENDPOINT "https://push.example/v1/of-the-person"

static struct bk_twin twin;
static struct bk_twin_cast cast;
static unsigned given, taken_back;
static bool lose;

static enum bk_twin_verdict tap(void *arg, struct bk_twin_device *d, bool to_server, Baken__Frame *f)
{
	(void)arg;
	if (!to_server || d != cast.person || f->kind_case != BAKEN__FRAME__KIND_PUSH_SET)
		return BK_TWIN_PASS;
	given += strcmp(f->push_set->endpoint, ENDPOINT) == 0;
	taken_back += !*f->push_set->endpoint;
	return lose ? BK_TWIN_LOSE : BK_TWIN_PASS;
}

static int setup(void **state)
{
	(void)state;
	bk_twin_cast(&twin, "waking", &cast);
	twin.tap = tap;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	bk_twin_close(&twin);
	return 0;
}

static int call(const char *name)
{
	return bk_twin_call(cast.person, json_pack("{s:s, s:s*}", "cmd", name, "endpoint",
		strcmp(name, "push-set") == 0 ? ENDPOINT : NULL), NULL);
}

static void line(bool up)
{
	bk_twin_cut(cast.person, !up);
	bk_twin_pass(&twin, 120000);
}

static void not_without_a_line(void **state)
{
	(void)state;
	line(false);
	assert_int_equal(call("push-set"), BK_E_NET);
	line(true);
	assert_int_equal(given, 0);
}

/* The twin's server has no push hosts: it will not have the endpoint, and is not asked again. */
static void refused_is_not_asked_again(void **state)
{
	(void)state;
	assert_int_equal(call("push-set"), BK_E_UNSUPPORTED);
	assert_int_equal(given, 1);
	line(false);
	line(true);
	assert_int_equal(given, 1);
}

static void given_again_at_each_login_until_taken_back(void **state)
{
	json_t *event;

	(void)state;
	given = taken_back = 0;
	lose = true; /* the answer never comes: the wish stays */
	assert_int_not_equal(call("push-set"), 0);
	for (unsigned i = 0; i < 2; i++) {
		unsigned before = given;

		line(false);
		bk_twin_reboot(cast.person);
		line(true);
		assert_true(given > before);
	}
	line(false);
	assert_int_equal(call("push-clear"), 0);
	lose = false;
	given = 0;
	line(true);
	assert_int_equal(taken_back, 1);
	event = bk_twin_take(cast.person, "push", NULL, NULL);
	assert_non_null(event);
	json_decref(event);
	line(false);
	line(true);
	assert_int_equal(given, 0);
	assert_int_equal(taken_back, 1);
	assert_int_equal(call("push-clear"), 0);
	assert_int_equal(taken_back, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(not_without_a_line),
		cmocka_unit_test(refused_is_not_asked_again),
		cmocka_unit_test(given_again_at_each_login_until_taken_back),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
