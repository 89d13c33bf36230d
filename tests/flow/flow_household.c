/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A household of real processes: the registrar says who belongs together, the desk sees it and reaches each by
 * themselves, and nobody reads or writes to another.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "err.h"
#include "story.h"
#include "tmp.h"

#define WAIT_MS 20000u

static struct bk_story story;

static struct bk_rpc *rpc(enum bk_story_actor who)
{
	return &story.who[who].rpc;
}

static int relations(char **ret_out, const char *const *words)
{
	return bk_story_ctl(&story, ret_out, "relations", "--dir", bk_tmp_path("realm/server"), "--registrar", story.security,
		"--json", words[0], words[1], words[2], words[3], words[4], NULL);
}

/* How many people the desk sees as belonging with one. */
static size_t seen_with(enum bk_story_actor who)
{
	json_t *reply = NULL, *p;
	size_t i, n = 99;

	assert_int_equal(bk_rpc_call(rpc(BK_OFFICER1), json_pack("{s:s}", "cmd", "people"), WAIT_MS, &reply), 0);
	json_array_foreach(json_object_get(reply, "items"), i, p)
		if (strcmp(json_string_value(json_object_get(p, "circle")), story.who[who].circle) == 0)
			n = json_array_size(json_object_get(p, "household"));
	json_decref(reply);
	return n;
}

static size_t listed(void)
{
	const char *const none[5] = {NULL};
	char *out = NULL;
	json_t *o;
	size_t n;

	assert_int_equal(relations(&out, none), 0);
	o = json_loads(out, JSON_DISABLE_EOF_CHECK, NULL);
	assert_non_null(o);
	n = json_array_size(json_object_get(o, "people"));
	json_decref(o);
	free(out);
	return n;
}

static void wait_until_seen(size_t n)
{
	uint64_t deadline = bk_proc_now_ms() + WAIT_MS;

	while (seen_with(BK_PERSON) != n || seen_with(BK_RELATIVE) != n) {
		assert_true(bk_proc_now_ms() < deadline);
		bk_rpc_wait(rpc(BK_OFFICER1), "roster", NULL, NULL, 200, NULL);
	}
}

static void test_registrar(void **state)
{
	const char *const apart[] = {"--circle", story.who[BK_PERSON].circle, "--with", story.who[BK_RELATIVE].circle, "--apart"};
	const char *const join[] = {"--circle", story.who[BK_PERSON].circle, "--with", story.who[BK_RELATIVE].circle, NULL};
	const char *const self[] = {"--circle", story.who[BK_PERSON].circle, "--with", story.who[BK_PERSON].circle, NULL};
	const char *const desk[] = {"--circle", story.who[BK_PERSON].circle, "--with", story.desk, NULL};
	const char *const half[] = {"--circle", story.who[BK_PERSON].circle, NULL, NULL, NULL};

	(void)state;
	assert_int_equal(listed(), 2); /* by their invitations */
	wait_until_seen(1);
	assert_int_equal(relations(NULL, apart), 0);
	assert_int_equal(relations(NULL, apart), 0); /* twice is once */
	assert_int_equal(listed(), 0);
	wait_until_seen(0);
	assert_int_equal(relations(NULL, join), 0);
	assert_int_equal(listed(), 2);
	wait_until_seen(1);
	assert_int_equal(relations(NULL, self), EX_DATAERR);
	assert_int_equal(relations(NULL, desk), EX_DATAERR);
	assert_int_equal(relations(NULL, half), EX_USAGE);
}

static void test_each_by_themselves(void **state)
{
	json_t *reply = NULL, *a = NULL, *b = NULL;

	(void)state;
	assert_int_equal(bk_rpc_call(rpc(BK_OFFICER1), json_pack("{s:s, s:[s], s:b, s:s, s:s}", "cmd", "guidance", "to",
		story.who[BK_PERSON].circle, "household", 1, "title", "Voor thuis", "text", "x"), WAIT_MS, &reply), 0);
	assert_int_equal(json_integer_value(json_object_get(reply, "people")), 2);
	json_decref(reply);
	assert_int_equal(bk_rpc_wait(rpc(BK_PERSON), "message", "title", "Voor thuis", WAIT_MS, &a), 0);
	assert_int_equal(bk_rpc_wait(rpc(BK_RELATIVE), "message", "title", "Voor thuis", WAIT_MS, &b), 0);
	assert_string_not_equal(json_string_value(json_object_get(a, "message")), json_string_value(json_object_get(b, "message")));
	/* One of them confirms: the other has not. */
	assert_int_equal(bk_rpc_call(rpc(BK_PERSON), json_pack("{s:s, s:O}", "cmd", "acknowledge", "message",
		json_object_get(a, "message")), WAIT_MS, NULL), 0);
	assert_int_equal(bk_rpc_call(rpc(BK_RELATIVE), json_pack("{s:s, s:O}", "cmd", "acknowledge", "message",
		json_object_get(a, "message")), WAIT_MS, NULL), BK_E_NOT_FOUND);
	json_decref(a);
	json_decref(b);
}

static void test_no_way_between(void **state)
{
	json_t *reply = NULL;
	char id[40];

	(void)state;
	assert_int_not_equal(bk_rpc_call(rpc(BK_PERSON), json_pack("{s:s, s:s, s:s}", "cmd", "send", "to",
		story.who[BK_RELATIVE].circle, "text", "hallo"), WAIT_MS, NULL), 0);
	assert_int_equal(bk_rpc_call(rpc(BK_PERSON), json_pack("{s:s, s:s}", "cmd", "report", "what", "Niet voor thuis."), WAIT_MS,
		&reply), 0);
	snprintf(id, sizeof id, "%s", json_string_value(json_object_get(reply, "message")));
	json_decref(reply);
	assert_int_equal(bk_rpc_wait(rpc(BK_OFFICER1), "message", "message", id, WAIT_MS, NULL), 0);
	assert_int_equal(bk_rpc_call(rpc(BK_RELATIVE), json_pack("{s:s, s:s}", "cmd", "show", "message", id), WAIT_MS, NULL),
		BK_E_NOT_FOUND);
	assert_int_equal(bk_rpc_count(rpc(BK_RELATIVE), "message", "message", id), 0);
}

static int begin(void **state)
{
	(void)state;
	if (bk_story_init(&story, BAKEN_BUILD_DIR "/bin", false) || bk_story_realm(&story)) {
		print_error("%s\n", story.why);
		return -1;
	}
	return 0;
}

static int end(void **state)
{
	(void)state;
	bk_story_done(&story);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_registrar),
		cmocka_unit_test(test_each_by_themselves),
		cmocka_unit_test(test_no_way_between),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
