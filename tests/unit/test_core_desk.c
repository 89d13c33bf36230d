/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The duty desk: one winner of a claim, leases that lapse, boards that agree, closing with a word to the person. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "twin.h"

#define MINUTE 60000u

static struct bk_twin twin;
static struct bk_twin_cast cast;

static int setup(void **state)
{
	(void)state;
	bk_twin_cast(&twin, "desk", &cast);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	bk_twin_close(&twin);
	return 0;
}

static const char *str(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static bk_id new_case(char id[static BK_ID_TEXT])
{
	bk_id m = bk_twin_do(cast.person, json_pack("{s:s, s:s, s:s}", "cmd", "report", "what", "Iets.", "urgency", "today"));

	bk_id_text(m, id);
	return m;
}

/* The row of a case on a device's board; NULL. */
static json_t *row_of(struct bk_twin_device *d, const char *id)
{
	json_t *board = NULL, *row, *found = NULL;
	size_t i;

	assert_int_equal(bk_twin_call(d, json_pack("{s:s}", "cmd", "board"), &board), 0);
	json_array_foreach(json_object_get(board, "cases"), i, row)
		if (strcmp(str(row, "case"), id) == 0)
			found = json_incref(row);
	json_decref(board);
	return found;
}

static void expect(struct bk_twin_device *d, const char *id, const char *state, const char *owner)
{
	json_t *row = row_of(d, id);

	assert_non_null(row);
	assert_string_equal(str(row, "state"), state);
	assert_string_equal(str(row, "owner"), owner);
	json_decref(row);
}

static int act(struct bk_twin_device *d, const char *cmd, const char *id, const char *key, const char *text)
{
	json_t *c = json_pack("{s:s, s:s}", "cmd", cmd, "case", id);
	int err;

	if (key)
		json_object_set_new(c, key, json_string(text));
	err = bk_twin_call(d, c, NULL);
	bk_twin_settle(&twin);
	return err;
}

static bool claim(struct bk_twin_device *d, const char *id, json_t **ret_reply)
{
	json_t *reply = NULL;
	bool won;

	assert_int_equal(bk_twin_call(d, json_pack("{s:s, s:s}", "cmd", "claim", "case", id), &reply), 0);
	won = json_is_true(json_object_get(reply, "won"));
	bk_twin_settle(&twin);
	if (ret_reply)
		*ret_reply = reply;
	else
		json_decref(reply);
	return won;
}

/* Story F: two officers at once. One wins, the other is told who was faster; every screen says the same. */
static void test_race(void **state)
{
	char id[BK_ID_TEXT];
	json_t *reply = NULL;
	bk_id m = new_case(id);

	(void)state;
	assert_true(claim(cast.second, id, NULL));
	assert_false(claim(cast.officer, id, &reply));
	assert_string_equal(str(reply, "owner"), "Dienst 2");
	assert_true(json_integer_value(json_object_get(reply, "since_ms")) > 0);
	json_decref(reply);
	expect(cast.officer, id, "claimed", "Dienst 2");
	expect(cast.second, id, "claimed", "Dienst 2");
	assert_int_not_equal(bk_twin_rung(cast.person, m, "claimed"), 0);
	assert_true(claim(cast.second, id, NULL)); /* asking twice is no race with oneself */
}

static void test_release(void **state)
{
	char id[BK_ID_TEXT];

	(void)state;
	new_case(id);
	assert_int_equal(act(cast.officer, "release", id, "reason", "niet van mij"), BK_E_STATE);
	assert_true(claim(cast.officer, id, NULL));
	assert_int_equal(act(cast.second, "release", id, "reason", "weg ermee"), BK_E_STATE);
	assert_int_equal(act(cast.officer, "release", id, "reason", "pauze"), 0);
	expect(cast.second, id, "open", "");
	assert_true(claim(cast.second, id, NULL));
	expect(cast.officer, id, "claimed", "Dienst 2");
}

/* The lease is renewed while its holder is there, and lapses when it is not. */
static void test_lease(void **state)
{
	char id[BK_ID_TEXT];

	(void)state;
	new_case(id);
	assert_true(claim(cast.officer, id, NULL));
	bk_twin_pass(&twin, 25 * MINUTE);
	expect(cast.second, id, "claimed", "Dienst 1");
	assert_false(claim(cast.second, id, NULL));
	bk_twin_cut(cast.officer, true);
	bk_twin_pass(&twin, 11 * MINUTE);
	expect(cast.second, id, "open", "");
	assert_true(claim(cast.second, id, NULL));
	bk_twin_cut(cast.officer, false);
	bk_twin_pass(&twin, 6 * MINUTE);
	expect(cast.officer, id, "claimed", "Dienst 2");
	assert_false(claim(cast.officer, id, NULL));
}

static void test_offline_claim_is_refused(void **state)
{
	char id[BK_ID_TEXT];

	(void)state;
	new_case(id);
	bk_twin_cut(cast.officer, true);
	bk_twin_settle(&twin);
	assert_int_equal(act(cast.officer, "claim", id, NULL, NULL), BK_E_NET);
	bk_twin_cut(cast.officer, false);
	bk_twin_pass(&twin, 10 * MINUTE);
	expect(cast.officer, id, "open", ""); /* nothing was kept for later */
}

static void test_close_and_reopen(void **state)
{
	char id[BK_ID_TEXT], more[BK_ID_TEXT];
	bk_id m = new_case(id), answer;
	json_t *reply = NULL, *e;

	(void)state;
	assert_int_equal(act(cast.officer, "close", id, "feedback", "Klaar."), BK_E_STATE); /* not the owner */
	assert_true(claim(cast.officer, id, NULL));
	assert_int_equal(act(cast.officer, "close", id, NULL, NULL), BK_E_INVAL); /* feedback is mandatory */
	bk_twin_forget(cast.person);
	assert_int_equal(bk_twin_call(cast.officer, json_pack("{s:s, s:s, s:s}", "cmd", "close", "case", id, "feedback",
		"De auto is van de buren."), &reply), 0);
	bk_twin_settle(&twin);
	assert_int_equal(bk_id_parse(str(reply, "message"), &answer), 0);
	json_decref(reply);
	e = bk_twin_take(cast.person, "message", NULL, NULL);
	assert_string_equal(str(e, "text"), "De auto is van de buren.");
	json_decref(e);
	assert_int_not_equal(bk_twin_rung(cast.person, m, "answered"), 0);
	expect(cast.second, id, "closed", "");
	bk_twin_pass(&twin, 1000);
	bk_twin_do(cast.person, json_pack("{s:s, s:s, s:s}", "cmd", "reply", "to", bk_id_text(answer, more), "text",
		"Toch niet."));
	expect(cast.officer, id, "open", "");
	expect(cast.second, id, "open", "");
}

/* A device that was away folds the same log, in whatever order it comes. */
static void test_away(void **state)
{
	char id[BK_ID_TEXT];

	(void)state;
	new_case(id);
	bk_twin_cut(cast.second, true);
	assert_true(claim(cast.officer, id, NULL));
	assert_int_equal(act(cast.officer, "note", id, "text", "gebeld"), 0);
	assert_int_equal(act(cast.officer, "close", id, "feedback", "Opgelost."), 0);
	bk_twin_cut(cast.second, false);
	bk_twin_pass(&twin, 6 * MINUTE);
	expect(cast.second, id, "closed", "");
}

/* Nobody goes off duty with a case in hand. */
static void let_go(struct bk_twin_device *d)
{
	json_t *board = NULL, *row;
	size_t i;

	assert_int_equal(bk_twin_call(d, json_pack("{s:s}", "cmd", "board"), &board), 0);
	json_array_foreach(json_object_get(board, "cases"), i, row)
		if (json_is_true(json_object_get(row, "mine")))
			assert_int_equal(act(d, "release", str(row, "case"), "reason", "einde dienst"), 0);
	json_decref(board);
}

/* Off duty: nothing of the desk comes in; what came before the shift comes by the vault's keyring. */
static void test_duty(void **state)
{
	char id[BK_ID_TEXT];

	(void)state;
	let_go(cast.second);
	bk_twin_do(cast.second, json_pack("{s:s, s:b}", "cmd", "duty", "on", 0));
	bk_twin_forget(cast.second);
	new_case(id);
	assert_int_equal(bk_twin_count(cast.second, "message", NULL, NULL), 0);
	assert_int_equal(bk_twin_count(cast.officer, "message", "message", id), 1);
	bk_twin_do(cast.second, json_pack("{s:s, s:b}", "cmd", "duty", "on", 1));
	new_case(id);
	assert_int_equal(bk_twin_count(cast.second, "message", "message", id), 1);
	bk_twin_cut(cast.second, true);
	bk_twin_settle(&twin);
	assert_int_equal(bk_twin_call(cast.second, json_pack("{s:s, s:b}", "cmd", "duty", "on", 1), NULL), BK_E_NET);
	bk_twin_cut(cast.second, false);
	bk_twin_pass(&twin, 6 * MINUTE);
}

/* ---- guidance ---- */

static size_t people(struct bk_twin_device *d, const char *id, const char *key)
{
	json_t *reply = NULL, *p;
	size_t i, n = 0;

	assert_int_equal(bk_twin_call(d, json_pack("{s:s, s:s}", "cmd", "guidance-status", "message", id), &reply), 0);
	json_array_foreach(json_object_get(reply, "people"), i, p)
		n += json_integer_value(json_object_get(p, key)) > 0;
	json_decref(reply);
	return n;
}

static void test_guidance(void **state)
{
	char id[BK_ID_TEXT], theirs[BK_ID_TEXT];
	json_t *reply = NULL, *e;
	bk_id message;

	(void)state;
	bk_twin_cut(cast.relative, true);
	bk_twin_settle(&twin);
	assert_int_equal(bk_twin_call(cast.officer, json_pack("{s:s, s:s, s:s, s:s}", "cmd", "guidance", "to", "all", "title",
		"Blijf binnen", "text", "Tot 18 uur niet naar buiten."), &reply), 0);
	bk_twin_settle(&twin);
	assert_int_equal(json_array_size(json_object_get(reply, "messages")), 2);
	snprintf(id, sizeof id, "%s", str(reply, "message"));
	json_decref(reply);
	assert_int_equal(people(cast.officer, id, "stored_ms"), 2);
	assert_int_equal(people(cast.officer, id, "decrypted_ms"), 1);
	e = bk_twin_take(cast.person, "message", "kind", "guidance");
	assert_string_equal(str(e, "title"), "Blijf binnen");
	assert_true(json_is_true(json_object_get(e, "acknowledge")));
	assert_int_equal(bk_id_parse(str(e, "message"), &message), 0);
	json_decref(e);
	bk_twin_forget(cast.officer);
	bk_twin_do(cast.person, json_pack("{s:s, s:s}", "cmd", "acknowledge", "message", bk_id_text(message, theirs)));
	assert_int_equal(people(cast.officer, id, "acknowledged_ms"), 1);
	assert_int_equal(bk_twin_count(cast.officer, "guidance-ack", "name", "Persoon"), 1);
	bk_twin_do(cast.person, json_pack("{s:s, s:s}", "cmd", "acknowledge", "message", theirs)); /* told once */
	assert_int_equal(bk_twin_count(cast.officer, "guidance-ack", "name", "Persoon"), 1);
	bk_twin_cut(cast.relative, false);
	bk_twin_pass(&twin, 6 * MINUTE);
	e = bk_twin_take(cast.relative, "message", "kind", "guidance");
	assert_non_null(e);
	bk_twin_do(cast.relative, json_pack("{s:s, s:s}", "cmd", "acknowledge", "message", str(e, "message")));
	json_decref(e);
	assert_int_equal(people(cast.officer, id, "acknowledged_ms"), 2);
}

static void test_acknowledge_what_asks_for_it(void **state)
{
	char id[BK_ID_TEXT];
	bk_id m = bk_twin_do(cast.person, json_pack("{s:s, s:s}", "cmd", "report", "what", "x"));

	(void)state;
	assert_int_not_equal(bk_twin_call(cast.person, json_pack("{s:s, s:s}", "cmd", "acknowledge", "message",
		bk_id_text(m, id)), NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_race),
		cmocka_unit_test(test_release),
		cmocka_unit_test(test_lease),
		cmocka_unit_test(test_offline_claim_is_refused),
		cmocka_unit_test(test_close_and_reopen),
		cmocka_unit_test(test_away),
		cmocka_unit_test(test_duty),
		cmocka_unit_test(test_guidance),
		cmocka_unit_test(test_acknowledge_what_asks_for_it),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
