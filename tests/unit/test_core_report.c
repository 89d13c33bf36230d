/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A report on its way to the desk and back: the four rungs, the reply, what each side sees. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "capsule.h"
#include "engine.h"
#include "twin.h"

#define WHAT "Er staat al een uur een auto. Ik voel me \xc3\xa9\xc3\xa9n en al oog. \xf0\x9f\x9a\x97"
#define TYPE_PREKEY 3u

static struct bk_twin twin;
static struct bk_twin_cast cast;

static int setup(void **state)
{
	(void)state;
	bk_twin_cast(&twin, "report", &cast);
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

static bk_id report(const char *what)
{
	return bk_twin_do(cast.person, json_pack("{s:s, s:s, s:s, s:s, s:s}", "cmd", "report", "what", what, "where",
		"bij de voordeur", "urgency", "now", "certainty", "gut-feeling"));
}

static void test_ladder(void **state)
{
	char id[BK_ID_TEXT], reply[BK_ID_TEXT];
	bk_id m, r;
	json_t *e, *item;

	(void)state;
	m = report(WHAT);
	bk_id_text(m, id);
	assert_int_not_equal(bk_twin_rung(cast.person, m, "device"), 0);
	assert_int_not_equal(bk_twin_rung(cast.person, m, "stored"), 0);
	assert_int_not_equal(bk_twin_rung(cast.person, m, "decrypted"), 0);
	assert_int_equal(bk_twin_rung(cast.person, m, "claimed"), 0);
	e = bk_twin_take(cast.officer, "message", "message", id);
	assert_string_equal(str(e, "what"), WHAT);
	assert_string_equal(str(e, "where"), "bij de voordeur");
	assert_string_equal(str(e, "certainty"), "gut-feeling");
	assert_string_equal(str(json_object_get(e, "from"), "name"), "Persoon");
	assert_null(json_object_get(e, "private"));
	json_decref(e);
	assert_int_equal(bk_twin_count(cast.second, "message", "message", id), 1);
	assert_int_equal(bk_twin_count(cast.vault, "kept", "message", id), 1);
	assert_int_equal(bk_twin_count(cast.relative, "message", NULL, NULL), 0);
	assert_int_equal(bk_twin_count(cast.carer, "message", NULL, NULL), 0);

	bk_twin_do(cast.officer, json_pack("{s:s, s:s}", "cmd", "claim", "case", id));
	assert_int_not_equal(bk_twin_rung(cast.person, m, "claimed"), 0);
	r = bk_twin_do(cast.officer, json_pack("{s:s, s:s, s:s, s:b}", "cmd", "reply", "to", id, "text",
		"We kijken mee. <b>Blijf binnen</b>.", "answers", 1));
	assert_int_not_equal(bk_twin_rung(cast.person, m, "answered"), 0);
	e = bk_twin_take(cast.person, "message", "message", bk_id_text(r, reply));
	assert_string_equal(str(e, "text"), "We kijken mee. <b>Blijf binnen</b>."); /* text, as it is (R9) */
	assert_string_equal(str(e, "conversation"), id);
	json_decref(e);
	item = bk_twin_item(cast.person, m); /* the ladder in order, each step once, with rising times */
	assert_int_equal(json_array_size(json_object_get(item, "rungs")), 5);
	for (size_t i = 1; i < 5; i++)
		assert_true(json_integer_value(json_object_get(json_array_get(json_object_get(item, "rungs"), i), "at_ms")) >=
			json_integer_value(json_object_get(json_array_get(json_object_get(item, "rungs"), i - 1), "at_ms")));
	json_decref(item);
	assert_int_equal(bk_twin_count(cast.person, "outgoing", "message", id), 5);
}

/* A person writes again in the same conversation: the case asks for an answer once more. */
static void test_conversation(void **state)
{
	bk_id m = report("Iemand belde aan."), again;
	char id[BK_ID_TEXT], more[BK_ID_TEXT];
	json_t *list = NULL, *e;

	(void)state;
	bk_id_text(m, id);
	bk_twin_do(cast.officer, json_pack("{s:s, s:s, s:s}", "cmd", "reply", "to", id, "text", "Dank u."));
	again = bk_twin_do(cast.person, json_pack("{s:s, s:s, s:s}", "cmd", "reply", "to", id, "text", "Hij is er weer."));
	e = bk_twin_take(cast.officer, "message", "message", bk_id_text(again, more));
	assert_string_equal(str(e, "conversation"), id);
	json_decref(e);
	assert_int_equal(bk_twin_call(cast.officer, json_pack("{s:s, s:s}", "cmd", "messages", "conversation", id), &list), 0);
	assert_int_equal(json_array_size(json_object_get(list, "items")), 3);
	json_decref(list);
	assert_int_equal(bk_twin_count(cast.second, "case", "change", "message"), 1);
}

/* M3: the reader answers the first message of a session in cipher, so that both ends ratchet on. */
struct types {
	unsigned prekey, other;
};

static enum bk_twin_verdict count_types(void *arg, struct bk_twin_device *d, bool to_server, Baken__Frame *f)
{
	struct types *t = arg;

	if (to_server || d != cast.officer || f->kind_case != BAKEN__FRAME__KIND_DELIVER)
		return BK_TWIN_PASS;
	for (size_t i = 0; i < f->deliver->n_items; i++) {
		uint8_t inner[BK_CAPSULE_INNER];
		struct bk_capsule_outer outer;

		if (bk_signal_unseal(d->core->signal, f->deliver->items[i]->capsule.data, inner, &outer) == 0) {
			t->prekey += outer.type == TYPE_PREKEY;
			t->other += outer.type != TYPE_PREKEY;
		}
	}
	return BK_TWIN_PASS;
}

static void test_ratchets_m3(void **state)
{
	struct types t = {.prekey = 0};

	(void)state;
	twin.tap = count_types;
	twin.tap_arg = &t;
	for (int i = 0; i < 5; i++)
		report("Nog iets.");
	twin.tap = NULL;
	assert_int_equal(t.prekey, 0); /* the enrolment's drill was answered long ago */
	assert_int_equal(t.other, 5);
}

static void test_drill_flag(void **state)
{
	bk_id m = bk_twin_do(cast.person, json_pack("{s:s, s:s, s:b}", "cmd", "report", "what", "Oefening.", "drill", 1));
	char id[BK_ID_TEXT];
	json_t *e = bk_twin_take(cast.officer, "message", "message", bk_id_text(m, id)), *board = NULL, *row;
	size_t i, seen = 0;

	(void)state;
	assert_true(json_is_true(json_object_get(e, "drill")));
	json_decref(e);
	assert_int_equal(bk_twin_call(cast.officer, json_pack("{s:s}", "cmd", "board"), &board), 0);
	json_array_foreach(json_object_get(board, "cases"), i, row)
		if (strcmp(str(row, "case"), id) == 0) {
			assert_true(json_is_true(json_object_get(row, "drill")));
			seen++;
		}
	assert_int_equal(seen, 1);
	json_decref(board);
}

/* A case is read with all that was said about it; notes stay inside. */
static void test_notes_stay_inside(void **state)
{
	bk_id m = report("Een onbekende in de tuin.");
	char id[BK_ID_TEXT];
	json_t *log = NULL;

	(void)state;
	bk_twin_forget(cast.person);
	bk_twin_do(cast.officer, json_pack("{s:s, s:s, s:s}", "cmd", "note", "case", bk_id_text(m, id), "text", "Bekend adres."));
	assert_int_equal(bk_twin_call(cast.second, json_pack("{s:s, s:s}", "cmd", "case", "case", id), &log), 0);
	assert_int_equal(json_array_size(json_object_get(log, "log")), 3); /* that it is read stands in it too */
	assert_string_equal(str(json_array_get(json_object_get(log, "log"), 1), "text"), "Bekend adres.");
	json_decref(log);
	assert_int_equal(json_array_size(cast.person->events), 0);
}

/* What is refused has no effect: roles, unknown fields, wrong types, unknown things. */
static void test_refusals(void **state)
{
	static const struct {
		const char *json;
		int err;
		bool officer;
	} all[] = {
		{"{\"cmd\":\"nothing\"}", BK_E_INVAL, false},
		{"{\"cmd\":\"report\"}", BK_E_INVAL, false},
		{"{\"cmd\":\"report\",\"what\":\"\"}", BK_E_INVAL, false},
		{"{\"cmd\":\"report\",\"what\":\"x\",\"wat\":\"y\"}", BK_E_INVAL, false},
		{"{\"cmd\":\"report\",\"what\":7}", BK_E_INVAL, false},
		{"{\"cmd\":\"report\",\"what\":\"x\",\"urgency\":\"soon\"}", BK_E_INVAL, false},
		{"{\"cmd\":\"report\",\"what\":\"x\",\"attachments\":[\"00\"]}", BK_E_INVAL, false},
		{"{\"cmd\":\"board\"}", BK_E_ROLE, false},
		{"{\"cmd\":\"claim\",\"case\":\"0123456789abcdef0123456789abcdef\"}", BK_E_ROLE, false},
		{"{\"cmd\":\"guidance\",\"to\":\"all\",\"title\":\"t\",\"text\":\"x\"}", BK_E_ROLE, false},
		{"{\"cmd\":\"report\",\"what\":\"x\"}", BK_E_ROLE, true},
		{"{\"cmd\":\"claim\",\"case\":\"0123456789abcdef0123456789abcdef\"}", BK_E_NOT_FOUND, true},
		{"{\"cmd\":\"show\",\"message\":\"0123456789abcdef0123456789abcdef\"}", BK_E_NOT_FOUND, true},
		{"{\"cmd\":\"ask-again\",\"message\":\"0123456789abcdef0123456789abcdef\"}", BK_E_NOT_FOUND, false},
		{"{\"cmd\":\"close\",\"case\":\"0123456789abcdef0123456789abcdef\",\"feedback\":\"x\"}", BK_E_NOT_FOUND, true},
		{"{\"cmd\":\"send\",\"to\":\"0123456789abcdef0123456789abcdef\",\"text\":\"x\"}", BK_E_NOT_FOUND, true},
		{"{\"cmd\":\"enrol\",\"code\":\"BAKEN:x\"}", BK_E_STATE, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		struct bk_twin_device *d = all[i].officer ? cast.officer : cast.person;
		unsigned before = (unsigned)json_array_size(d->events);
		json_t *reply = NULL;
		int err = bk_twin_call(d, json_loads(all[i].json, 0, NULL), &reply);

		if (err != all[i].err)
			print_error("%s: %s\n", all[i].json, bk_err_name(err));
		assert_int_equal(err, all[i].err);
		assert_true(*str(reply, "text"));
		json_decref(reply);
		assert_int_equal(json_array_size(d->events), before);
		assert_null(d->out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ladder),
		cmocka_unit_test(test_conversation),
		cmocka_unit_test(test_ratchets_m3),
		cmocka_unit_test(test_drill_flag),
		cmocka_unit_test(test_notes_stay_inside),
		cmocka_unit_test(test_refusals),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
