/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Keyrings: who comes on duty reads what is open, grants, bodies that are gone, what a withdrawn device could read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "keyring.h"
#include "twin.h"

#define MINUTE 60000u

static struct bk_twin twin;
static struct bk_twin_cast cast;

static int setup(void **state)
{
	(void)state;
	bk_twin_cast(&twin, "keyring", &cast);
	bk_twin_do(cast.second, json_pack("{s:s, s:b}", "cmd", "duty", "on", 0));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	bk_twin_close(&twin);
	return 0;
}


static bk_id report(const char *what, const char *urgency, char id[static BK_ID_TEXT])
{
	bk_id m = bk_twin_do(cast.person, json_pack("{s:s, s:s, s:s}", "cmd", "report", "what", what, "urgency", urgency));

	bk_id_text(m, id);
	return m;
}

static void act(struct bk_twin_device *d, const char *cmd, const char *id, const char *key, const char *text)
{
	json_t *c = json_pack("{s:s, s:s}", "cmd", cmd, "case", id);

	if (key)
		json_object_set_new(c, key, json_string(text));
	bk_twin_do(d, c);
}

static void duty(struct bk_twin_device *d, bool on)
{
	bk_twin_do(d, json_pack("{s:s, s:b}", "cmd", "duty", "on", on));
	bk_twin_pass(&twin, 10000);
}

/* The case as a device has folded it, without what is a matter of whose screen it is; NULL. */
static json_t *folded(struct bk_twin_device *d, const char *id)
{
	json_t *c = NULL;

	if (bk_twin_call(d, json_pack("{s:s, s:s}", "cmd", "case", "case", id), &c)) {
		json_decref(c);
		return NULL;
	}
	json_object_del(c, "id");
	json_object_del(c, "mine");
	json_object_del(c, "waiting_ms");
	for (size_t i = json_array_size(json_object_get(c, "log")); i-- > 0;) { /* looking is an event of its own */
		json_t *log = json_object_get(c, "log");
		const char *change = json_string_value(json_object_get(json_array_get(log, i), "change"));

		if (change && strcmp(change, "read") == 0)
			json_array_remove(log, i);
	}
	return c;
}

static void expect_equal(const char *id)
{
	json_t *a = folded(cast.officer, id), *b = folded(cast.second, id);

	assert_non_null(a);
	assert_non_null(b);
	if (!json_equal(a, b)) {
		json_dumpf(a, stderr, JSON_INDENT(1));
		json_dumpf(b, stderr, JSON_INDENT(1));
		fail();
	}
	json_decref(a);
	json_decref(b);
}

/* Who comes on duty asks the vault, and folds every open case as the others have it: events, replies, notes. */
static void test_on_duty_reads_what_is_open(void **state)
{
	char unread[BK_ID_TEXT], open[BK_ID_TEXT], closed[BK_ID_TEXT];
	size_t receipts;

	(void)state;
	report("Een auto voor de deur", "today", open);
	act(cast.officer, "claim", open, NULL, NULL);
	act(cast.officer, "note", open, "text", "kenteken opgevraagd");
	bk_twin_do(cast.officer, json_pack("{s:s, s:s, s:s}", "cmd", "reply", "to", open, "text", "Wij kijken mee."));
	bk_twin_do(cast.person, json_pack("{s:s, s:s, s:s}", "cmd", "reply", "to", open, "text", "Hij staat er nog."));
	report("Afgedaan", "can-wait", closed);
	act(cast.officer, "claim", closed, NULL, NULL);
	act(cast.officer, "close", closed, "feedback", "Dank u.");
	bk_twin_pass(&twin, 1000);
	report("Niemand las dit", "today", unread);
	bk_twin_forget(cast.person);
	receipts = bk_twin_count(cast.person, "outgoing", NULL, NULL);
	duty(cast.second, true);
	expect_equal(open);
	expect_equal(unread);
	assert_null(folded(cast.second, closed)); /* not asked for: closed */
	assert_int_equal(bk_twin_count(cast.second, "undecryptable", NULL, NULL), 0);
	assert_int_equal(bk_twin_count(cast.second, "keyring", "change", "fetched"), 1);
	assert_int_equal(bk_twin_count(cast.person, "outgoing", NULL, NULL), receipts); /* nothing is told to people */
	bk_twin_do(cast.second, json_pack("{s:s, s:[s]}", "cmd", "keyring-ask", "cases", closed));
	bk_twin_pass(&twin, 10000);
	expect_equal(closed); /* by name */
	/* Asked again, in another order, after what came by itself: nothing twice. */
	bk_twin_forget(cast.second);
	bk_twin_do(cast.second, json_pack("{s:s}", "cmd", "keyring-ask"));
	bk_twin_pass(&twin, 10000);
	assert_int_equal(bk_twin_count(cast.second, "message", NULL, NULL), 0);
	expect_equal(open);
}

/* Second comes on duty while no vault answers: it has nothing of what was before. */
static void on_duty_without_vault(void)
{
	duty(cast.second, false);
	bk_twin_do(cast.vault, json_pack("{s:s}", "cmd", "disconnect"));
	duty(cast.second, true);
	bk_twin_forget(cast.second);
}

static int grant(struct bk_twin_device *d, const char *id, bk_ms until)
{
	char to[BK_ID_TEXT];
	json_t *c = json_pack("{s:s, s:s, s:s}", "cmd", "grant", "case", id, "to", bk_id_text(cast.second->id, to));
	int err;

	if (until)
		json_object_set_new(c, "until_ms", json_integer((json_int_t)until));
	err = bk_twin_call(d, c, NULL);
	bk_twin_pass(&twin, 10000);
	return err;
}

/* A case, or a span of it, by its owner or a lead; nobody else, and to nobody but an officer of the desk. */
static void test_grant(void **state)
{
	char a[BK_ID_TEXT];
	bk_ms middle;
	json_t *c;

	(void)state;
	report("Voor wie erbij komt", "today", a);
	act(cast.officer, "note", a, "text", "vroeg");
	bk_twin_pass(&twin, MINUTE);
	middle = bk_twin_now();
	bk_twin_pass(&twin, MINUTE);
	act(cast.officer, "note", a, "text", "laat");
	on_duty_without_vault();
	assert_null(folded(cast.second, a));
	assert_int_equal(grant(cast.officer, a, 0), BK_E_STATE); /* not the owner */
	act(cast.officer, "claim", a, NULL, NULL);
	assert_int_equal(grant(cast.officer, a, middle), 0);
	c = folded(cast.second, a);
	assert_non_null(c);
	assert_int_equal(bk_twin_count(cast.second, "case", "text", "vroeg"), 1);
	assert_int_equal(bk_twin_count(cast.second, "case", "text", "laat"), 0);
	json_decref(c);
	assert_int_equal(grant(cast.officer, a, 0), 0);
	assert_int_equal(bk_twin_count(cast.second, "case", "text", "laat"), 1);
	expect_equal(a);
	act(cast.officer, "release", a, "reason", "klaar");
}

static enum bk_twin_verdict garble(void *arg, struct bk_twin_device *d, bool to_server, Baken__Frame *f)
{
	(void)arg;
	if (to_server || d != cast.second || f->kind_case != BAKEN__FRAME__KIND_BODY_DATA)
		return BK_TWIN_PASS;
	f->body_data->body.data[100] ^= 1;
	return BK_TWIN_CHANGED;
}

/* What the server lost or changed is shown, each by its id, and can be asked for from its sender. */
static void test_damaged_body_is_shown(void **state)
{
	char a[BK_ID_TEXT];

	(void)state;
	report("Beschadigd", "today", a);
	on_duty_without_vault();
	act(cast.officer, "claim", a, NULL, NULL);
	twin.tap = garble;
	assert_int_equal(grant(cast.officer, a, 0), 0);
	twin.tap = NULL;
	assert_int_equal(bk_twin_count(cast.second, "undecryptable", "message", a), 1);
	assert_int_equal(bk_twin_count(cast.second, "undecryptable", "error", "BK_E_HASH") +
		bk_twin_count(cast.second, "undecryptable", NULL, NULL), 2 * bk_twin_count(cast.second, "undecryptable", NULL, NULL));
	assert_null(folded(cast.second, a));
	bk_twin_do(cast.second, json_pack("{s:s, s:s}", "cmd", "ask-again", "message", a));
	bk_twin_pass(&twin, MINUTE);
	assert_int_equal(bk_twin_count(cast.second, "message", "message", a), 1);
	act(cast.officer, "release", a, "reason", "klaar");
}

/* What a colleague wrote before their device was withdrawn stays in the case, for who comes later too. */
static void test_withdrawn_author(void **state)
{
	struct bk_twin_device *lead = bk_twin_enrol(&twin, "Leiding", BAKEN__ROLE__ROLE_LEAD, BK_TWIN_DESK);
	char a[BK_ID_TEXT], id[BK_ID_TEXT];
	json_t *reply = NULL;

	(void)state;
	bk_twin_do(cast.vault, json_pack("{s:s}", "cmd", "connect"));
	duty(lead, true);
	report("Met een notitie van wie weg is", "today", a);
	act(lead, "note", a, "text", "gebeld met de wijkagent");
	bk_twin_pass(&twin, 1000);
	bk_id_text(lead->id, id);
	bk_twin_revoke(lead);
	bk_twin_pass(&twin, MINUTE);
	duty(cast.second, false);
	duty(cast.second, true);
	expect_equal(a);
	assert_int_equal(bk_twin_call(cast.vault, json_pack("{s:s, s:s}", "cmd", "could-have-read", "device", id), &reply), 0);
	assert_true(json_array_size(json_object_get(reply, "cases")) > 0);
	json_decref(reply);
	assert_int_equal(bk_twin_call(cast.officer, json_pack("{s:s, s:s}", "cmd", "could-have-read", "device",
		bk_id_text(cast.person->id, id)), NULL), BK_E_NOT_FOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_on_duty_reads_what_is_open),
		cmocka_unit_test(test_grant),
		cmocka_unit_test(test_damaged_body_is_shown),
		cmocka_unit_test(test_withdrawn_author),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
