/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The story of the demo, each act a test: real server, real clients, real TLS, real stores. An act builds on those
 * before it; when one fails, the rest says so at once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "story.h"

static struct bk_story story;
static bool broken;

static void play(int (*act)(struct bk_story *s))
{
	if (broken)
		fail_msg("an earlier act failed");
	broken = true;
	if (act(&story))
		fail_msg("%s", story.why);
	broken = false;
}

static void test_realm(void **state)
{
	(void)state;
	play(bk_story_realm);
}

static void test_report_offline(void **state)
{
	(void)state;
	play(bk_story_report_offline);
}

static void test_report_arrives(void **state)
{
	(void)state;
	play(bk_story_report_arrives);
}

static void test_m13_server_dies(void **state)
{
	(void)state;
	play(bk_story_server_dies);
}

static void test_guidance(void **state)
{
	(void)state;
	play(bk_story_guidance);
}

static void test_care(void **state)
{
	(void)state;
	play(bk_story_care);
}

static void test_r12_revocation(void **state)
{
	(void)state;
	play(bk_story_revocation);
}

static void test_operator(void **state)
{
	(void)state;
	play(bk_story_operator);
}

static int begin(void **state)
{
	(void)state;
	return bk_story_init(&story, BAKEN_BUILD_DIR "/bin", false);
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
		cmocka_unit_test(test_realm),          cmocka_unit_test(test_report_offline),
		cmocka_unit_test(test_report_arrives), cmocka_unit_test(test_m13_server_dies),
		cmocka_unit_test(test_guidance),       cmocka_unit_test(test_care),
		cmocka_unit_test(test_r12_revocation), cmocka_unit_test(test_operator),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
