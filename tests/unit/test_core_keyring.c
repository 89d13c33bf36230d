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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_on_duty_reads_what_is_open),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
