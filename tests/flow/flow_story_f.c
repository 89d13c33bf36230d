/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Story F: two officers claim at once, each from a program of their own, again and again. One wins; the other is told
 * who was faster; every screen says the same. The other then works along, the person is promised a contact, and a gut
 * feeling closes only with an answer in somebody's own words. The sub-commands of a script do the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#include "story_acts.h"

#define RACES 12u

static void do_case(enum bk_story_actor who, const char *cmd, const char *id, const char *key, const char *text, int expected)
{
	json_t *c = json_pack("{s:s, s:s}", "cmd", cmd, "case", id);

	if (key)
		json_object_set_new(c, key, json_string(text));
	json_decref(call(who, c, expected));
}

static void report(const char *what, const char *certainty, char id[static 40])
{
	json_t *r = call(BK_PERSON, json_pack("{s:s, s:s, s:s}", "cmd", "report", "what", what, "certainty", certainty), 0);

	snprintf(id, 40, "%s", str(r, "message"));
	json_decref(r);
	assert_int_equal(bk_rpc_wait(rpc(BK_OFFICER1), "case", "case", id, WAIT_MS, NULL), 0);
	assert_int_equal(bk_rpc_wait(rpc(BK_OFFICER2), "case", "case", id, WAIT_MS, NULL), 0);
}

struct racer {
	enum bk_story_actor who;
	const char *id;
	pthread_barrier_t *start;
	json_t *reply;
	int err;
};

static void *race(void *arg)
{
	struct racer *r = arg;

	pthread_barrier_wait(r->start);
	r->err = bk_rpc_call(rpc(r->who), json_pack("{s:s, s:s}", "cmd", "claim", "case", r->id), WAIT_MS, &r->reply);
	return NULL;
}

static const char *owner_on(enum bk_story_actor who, const char *id, char out[static 200])
{
	json_t *board = call(who, json_pack("{s:s}", "cmd", "board"), 0), *row;
	size_t i;

	out[0] = '\0';
	json_array_foreach(json_object_get(board, "cases"), i, row)
		if (strcmp(str(row, "case"), id) == 0)
			snprintf(out, 200, "%s", str(row, "owner"));
	json_decref(board);
	return out;
}

/* The loser's board follows when the winner's event has come. */
static void boards_agree(const char *id, const char *owner)
{
	char a[200], b[200];

	for (unsigned i = 0; i < 100; i++) {
		owner_on(BK_OFFICER1, id, a);
		owner_on(BK_OFFICER2, id, b);
		if (strcmp(a, owner) == 0 && strcmp(b, owner) == 0)
			return;
		bk_rpc_wait(rpc(strcmp(a, owner) ? BK_OFFICER1 : BK_OFFICER2), "case", "case", id, 300, NULL);
	}
	fail_msg("boards say '%s' and '%s', not '%s'", a, b, owner);
}

static void one_race(const char *id)
{
	pthread_barrier_t start;
	struct racer r[2] = {{.who = BK_OFFICER1, .id = id, .start = &start}, {.who = BK_OFFICER2, .id = id, .start = &start}};
	pthread_t threads[2];
	size_t w;

	pthread_barrier_init(&start, NULL, 2);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, race, &r[i]), 0);
	for (size_t i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	pthread_barrier_destroy(&start);
	assert_int_equal(r[0].err, 0);
	assert_int_equal(r[1].err, 0);
	w = json_is_true(json_object_get(r[0].reply, "won")) ? 0 : 1;
	assert_true(json_is_true(json_object_get(r[w].reply, "won")));
	assert_true(json_is_false(json_object_get(r[1 - w].reply, "won")));
	assert_string_equal(str(r[1 - w].reply, "owner"), story.who[r[w].who].name);
	boards_agree(id, story.who[r[w].who].name);
	do_case(r[1 - w].who, "close", id, "feedback", "Niet van mij.", BK_E_STATE);
	do_case(r[w].who, "release", id, "reason", "nog eens", 0);
	boards_agree(id, "");
	json_decref(r[0].reply);
	json_decref(r[1].reply);
}

static void test_realm(void **state)
{
	(void)state;
	begin_act();
	if (bk_story_realm(&story))
		fail_msg("%s", story.why);
	broken = false;
}

static void test_two_claim_at_once(void **state)
{
	char id[40];

	(void)state;
	begin_act();
	report("Er staat iemand bij de poort.", "sure", id);
	for (unsigned i = 0; i < RACES; i++)
		one_race(id);
	broken = false;
}

/* Works along, promises, answers; the person reads when they hear from the desk again, and that it was kept. */
static void test_along_and_promise(void **state)
{
	json_int_t at = ((json_int_t)time(NULL) + 3600) * 1000;
	json_t *e = NULL, *r;
	char id[40];

	(void)state;
	begin_act();
	report("Vreemd gevoel op het plein.", "gut-feeling", id);
	json_decref(call(BK_OFFICER1, json_pack("{s:s, s:s}", "cmd", "claim", "case", id), 0));
	do_case(BK_OFFICER2, "join", id, NULL, NULL, 0);
	json_decref(call(BK_OFFICER2, json_pack("{s:s, s:s, s:I}", "cmd", "promise", "case", id, "next_contact_ms", at), 0));
	assert_int_equal(bk_rpc_wait(rpc(BK_PERSON), "promise", "state", "open", WAIT_MS, &e), 0);
	assert_string_equal(str(e, "message"), id);
	assert_string_equal(str(e, "by"), story.who[BK_OFFICER2].name);
	assert_int_equal(json_integer_value(json_object_get(e, "next_contact_ms")), at);
	json_decref(e);
	do_case(BK_OFFICER1, "close", id, "feedback", "Wij sluiten deze melding. U kunt altijd weer schrijven. Dan gaat de "
		"zaak opnieuw open.", BK_E_STATE);
	do_case(BK_OFFICER1, "close", id, "feedback", "Ik ben op het plein geweest. Bel mij gerust.", 0);
	assert_int_equal(bk_rpc_wait(rpc(BK_PERSON), "promise", "state", "kept", WAIT_MS, NULL), 0);
	r = call(BK_PERSON, json_pack("{s:s, s:s, s:s}", "cmd", "reply", "to", id, "text", "Vandaag weer."), 0);
	json_decref(r);
	assert_int_equal(bk_rpc_wait(rpc(BK_OFFICER2), "case", "change", "message", WAIT_MS, NULL), 0);
	r = call(BK_OFFICER2, json_pack("{s:s, s:s}", "cmd", "case", "case", id), 0);
	assert_string_equal(str(r, "state"), "open");
	json_decref(r);
	broken = false;
}

static int baken(const char *a, const char *b, const char *c, const char *d, char **ret_out)
{
	const char *argv[] = {story.bin_client, "--dir", story.who[BK_OFFICER1].dir, "--passphrase-file", story.pass, "--json",
		a, b, c, d, NULL};

	return bk_proc_run(argv, NULL, story.log, WAIT_MS, ret_out);
}

/* The words of a script: exit codes, and what the board then says. */
static void test_sub_commands(void **state)
{
	char id[40], *out = NULL;

	(void)state;
	begin_act();
	report("Iemand belt steeds aan.", "sure", id);
	assert_int_equal(bk_story_client_stop(&story, BK_OFFICER1), 0);
	assert_int_equal(baken("desk", "claim", id, NULL, NULL), 0);
	assert_int_equal(baken("desk", "promise", id, "+30m", NULL), 0);
	assert_int_equal(baken("desk", "promise", id, "gisteren", NULL), EX_DATAERR);
	assert_int_equal(baken("desk", "urgency", id, "now", NULL), 0);
	assert_int_equal(baken("desk", "urgency", id, "soon", NULL), EX_DATAERR);
	assert_int_equal(baken("desk", "join", id, NULL, NULL), 0);
	assert_int_equal(baken("desk", "leave", id, NULL, NULL), 0);
	assert_int_equal(baken("desk", "escalate", id, "Meer mensen nodig", NULL), 0);
	assert_int_equal(baken("desk", "escalate", id, NULL, NULL), EX_USAGE);
	assert_int_equal(baken("desk", "policy", "sla_now_s=60", NULL, NULL), EX_NOPERM); /* the lead's */
	assert_int_equal(baken("desk", "due", NULL, NULL, NULL), 0);
	assert_int_equal(baken("desk", "case", id, NULL, &out), 0);
	assert_non_null(strstr(out, "\"promise_ms\""));
	assert_non_null(strstr(out, "\"level\":1"));
	assert_non_null(strstr(out, "Meer mensen nodig"));
	free(out);
	broken = false;
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
		cmocka_unit_test(test_realm),
		cmocka_unit_test(test_two_claim_at_once),
		cmocka_unit_test(test_along_and_promise),
		cmocka_unit_test(test_sub_commands),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
