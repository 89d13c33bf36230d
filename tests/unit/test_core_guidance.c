/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Guidance to many: counts by person, recall in any order, validity, groups, four eyes, households. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine.h"
#include "eyes.h"
#include "twin.h"
#include "valid.h"

#define MINUTE 60000u
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

static struct bk_twin twin;
static struct bk_twin_cast cast;

static int setup(void **state)
{
	(void)state;
	bk_twin_cast(&twin, "guidance", &cast);
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

static json_int_t number(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

static json_t *call(struct bk_twin_device *d, json_t *command)
{
	json_t *reply = NULL;

	assert_int_equal(bk_twin_call(d, command, &reply), 0);
	bk_twin_settle(&twin);
	return reply;
}

/* Guidance to everybody; the id of the whole. */
static void guide(struct bk_twin_device *d, const char *title, char id[static BK_ID_TEXT])
{
	json_t *reply = call(d, json_pack("{s:s, s:s, s:s, s:s}", "cmd", "guidance", "to", "all", "title", title, "text", "Tekst."));

	assert_string_equal(str(reply, "state"), "sent");
	snprintf(id, BK_ID_TEXT, "%s", str(reply, "message"));
	json_decref(reply);
}

static json_int_t count(struct bk_twin_device *d, const char *id, const char *key)
{
	json_t *reply = call(d, json_pack("{s:s, s:s}", "cmd", "guidance-status", "message", id));
	json_int_t n = number(json_object_get(reply, "counts"), key);

	json_decref(reply);
	return n;
}

/* The person's message of this title, as listed. */
static json_t *listed(struct bk_twin_device *d, const char *title)
{
	json_t *reply = call(d, json_pack("{s:s}", "cmd", "guidance-list")), *item, *found = NULL;
	size_t i;

	json_array_foreach(json_object_get(reply, "items"), i, item)
		if (strcmp(str(item, "title"), title) == 0)
			found = json_incref(item);
	json_decref(reply);
	return found;
}

static int acknowledge(struct bk_twin_device *d, const char *title)
{
	json_t *item = listed(d, title);
	int err = bk_twin_call(d, json_pack("{s:s, s:s}", "cmd", "acknowledge", "message", str(item, "message")), NULL);

	json_decref(item);
	bk_twin_settle(&twin);
	return err;
}

/* ---- counts ---- */

static void test_counts(void **state)
{
	char id[BK_ID_TEXT];
	json_t *e;

	(void)state;
	bk_twin_cut(cast.relative, true);
	bk_twin_forget(cast.officer);
	bk_twin_forget(cast.second);
	guide(cast.officer, "Tellen", id);
	assert_int_equal(count(cast.officer, id, "people"), 2);
	assert_int_equal(count(cast.officer, id, "stored"), 2);
	assert_int_equal(count(cast.officer, id, "delivered"), 1);
	assert_int_equal(count(cast.officer, id, "overdue"), 0);
	assert_int_equal(bk_twin_count(cast.second, "message", "message", id), 1); /* colleagues see the whole once */
	assert_int_equal(count(cast.second, id, "delivered"), 1);
	assert_int_equal(acknowledge(cast.person, "Tellen"), 0);
	assert_int_equal(acknowledge(cast.person, "Tellen"), 0);
	assert_int_equal(count(cast.officer, id, "acknowledged"), 1);
	assert_int_equal(count(cast.second, id, "acknowledged"), 1);
	e = bk_twin_take(cast.second, "guidance-ack", "group", id);
	assert_string_equal(str(e, "name"), "Persoon");
	json_decref(e);
	bk_twin_pass(&twin, BK_VALID_ACK_MS);
	assert_int_equal(count(cast.officer, id, "overdue"), 1);
	assert_int_equal(count(cast.second, id, "overdue"), 1);
	bk_twin_cut(cast.relative, false);
	bk_twin_pass(&twin, 6 * MINUTE);
	assert_int_equal(acknowledge(cast.relative, "Tellen"), 0);
	assert_int_equal(count(cast.officer, id, "delivered"), 2);
	assert_int_equal(count(cast.officer, id, "acknowledged"), 2);
	assert_int_equal(count(cast.officer, id, "overdue"), 0);
	assert_true(bk_twin_count(cast.officer, "guidance-progress", "message", id) >= 3);
}

/* One person with two devices counts once, whichever of them reads or acknowledges. */
static void test_two_devices_one_person(void **state)
{
	struct bk_twin_device *tablet = bk_twin_enrol(&twin, "Tablet", BAKEN__ROLE__ROLE_PERSON, BK_TWIN_PERSON);
	char id[BK_ID_TEXT];
	json_t *item;

	(void)state;
	bk_twin_pass(&twin, MINUTE);
	guide(cast.officer, "Twee toestellen", id);
	assert_int_equal(count(cast.officer, id, "people"), 2);
	assert_int_equal(count(cast.officer, id, "delivered"), 2);
	assert_int_equal(acknowledge(tablet, "Twee toestellen"), 0);
	assert_int_equal(count(cast.officer, id, "acknowledged"), 1);
	item = listed(cast.person, "Twee toestellen"); /* the other device knows */
	assert_true(number(item, "acknowledged_ms") > 0);
	json_decref(item);
	assert_int_equal(acknowledge(cast.person, "Twee toestellen"), 0);
	assert_int_equal(count(cast.officer, id, "acknowledged"), 1);
	bk_twin_cut(tablet, true);
}

/* ---- recall ---- */

static int recall(struct bk_twin_device *d, const char *id)
{
	int err = bk_twin_call(d, json_pack("{s:s, s:s, s:s}", "cmd", "guidance-recall", "message", id, "reason",
		"De weg is weer open."), NULL);

	bk_twin_settle(&twin);
	return err;
}

static void expect_recalled(struct bk_twin_device *d, const char *title)
{
	json_t *item = listed(d, title);

	assert_non_null(item);
	assert_string_equal(str(item, "state"), "recalled");
	assert_string_equal(str(item, "recall_reason"), "De weg is weer open.");
	assert_string_equal(str(item, "text"), "");
	json_decref(item);
	assert_int_equal(acknowledge(d, title), BK_E_STATE);
}

/* In its place at once; on a device that was off for weeks as well; by a colleague too. */
static void test_recall(void **state)
{
	char id[BK_ID_TEXT];

	(void)state;
	bk_twin_cut(cast.relative, true);
	guide(cast.officer, "Omrijden", id);
	assert_int_equal(acknowledge(cast.person, "Omrijden"), 0);
	bk_twin_forget(cast.person);
	assert_int_equal(recall(cast.second, id), 0);
	assert_int_equal(recall(cast.officer, id), BK_E_STATE); /* once */
	assert_int_equal(bk_twin_count(cast.person, "guidance-recalled", NULL, NULL), 1);
	assert_int_equal(bk_twin_count(cast.officer, "guidance-recalled", "message", id), 1);
	expect_recalled(cast.person, "Omrijden");
	bk_twin_wind(bk_twin_now() + 10ull * DAY);
	bk_twin_sign(&twin, BK_TWIN_DESK);
	bk_twin_sign(&twin, BK_TWIN_PERSON);
	bk_twin_sign(&twin, BK_TWIN_RELATIVE);
	bk_twin_cut(cast.relative, false);
	bk_twin_pass(&twin, 10 * MINUTE);
	expect_recalled(cast.relative, "Omrijden");
	assert_int_equal(count(cast.officer, id, "overdue"), 0);
}

static bk_id held_back; /* a message that the line keeps to itself */

static enum bk_twin_verdict lose_first_delivery(void *arg, struct bk_twin_device *d, bool to_server, Baken__Frame *f)
{
	(void)arg;
	if (to_server || d != cast.person || f->kind_case != BAKEN__FRAME__KIND_DELIVER)
		return BK_TWIN_PASS;
	for (size_t i = 0; i < f->deliver->n_items; i++)
		if (memcmp(f->deliver->items[i]->message_id.data, held_back.b, BK_ID_BYTES) == 0)
			return BK_TWIN_LOSE;
	return BK_TWIN_PASS;
}

/* The recall overtakes what it recalls. */
static void test_recall_comes_first(void **state)
{
	char id[BK_ID_TEXT];
	json_t *reply;

	(void)state;
	bk_twin_cut(cast.person, true);
	bk_twin_settle(&twin);
	guide(cast.officer, "Ingehaald", id);
	reply = call(cast.officer, json_pack("{s:s, s:s}", "cmd", "guidance-status", "message", id));
	for (size_t i = 0; i < 2; i++) {
		const json_t *p = json_array_get(json_object_get(reply, "people"), i);

		if (bk_id_equal(bk_json_get_id(p, "circle"), twin.circles[BK_TWIN_PERSON].id))
			held_back = bk_json_get_id(p, "message");
	}
	json_decref(reply);
	twin.tap = lose_first_delivery;
	assert_int_equal(recall(cast.officer, id), 0);
	bk_twin_cut(cast.person, false);
	bk_twin_pass(&twin, MINUTE);
	twin.tap = NULL;
	assert_null(listed(cast.person, "Ingehaald"));
	bk_twin_reboot(cast.person);
	bk_twin_do(cast.person, json_pack("{s:s}", "cmd", "connect"));
	bk_twin_pass(&twin, 10 * MINUTE);
	expect_recalled(cast.person, "Ingehaald");
}

/* ---- valid until ---- */

static void test_valid_until(void **state)
{
	json_t *reply, *item, *items;

	(void)state;
	json_decref(call(cast.officer, json_pack("{s:s, s:s, s:s, s:s, s:I}", "cmd", "guidance", "to", "all", "title", "Tot straks",
		"text", "x", "valid_until_ms", (json_int_t)(bk_twin_now() + HOUR))));
	json_decref(call(cast.officer, json_pack("{s:s, s:s, s:s, s:s}", "cmd", "guidance", "to", "all", "title", "Blijft", "text", "x")));
	assert_int_equal(bk_twin_call(cast.officer, json_pack("{s:s, s:s, s:s, s:s, s:I}", "cmd", "guidance", "to", "all", "title",
		"t", "text", "x", "valid_until_ms", (json_int_t)bk_twin_now()), NULL), BK_E_INVAL);
	item = listed(cast.person, "Tot straks");
	assert_string_equal(str(item, "state"), "valid");
	json_decref(item);
	bk_twin_pass(&twin, HOUR);
	bk_twin_cut(cast.person, true); /* without a network, after a restart */
	bk_twin_reboot(cast.person);
	reply = call(cast.person, json_pack("{s:s}", "cmd", "guidance-list"));
	items = json_object_get(reply, "items");
	assert_string_equal(str(json_array_get(items, 0), "title"), "Blijft"); /* newest that holds comes first */
	json_decref(reply);
	item = listed(cast.person, "Tot straks");
	assert_string_equal(str(item, "state"), "expired");
	assert_string_equal(str(item, "text"), "x"); /* still to be read */
	json_decref(item);
	bk_twin_cut(cast.person, false);
	bk_twin_do(cast.person, json_pack("{s:s}", "cmd", "connect"));
	bk_twin_pass(&twin, 10 * MINUTE);
}

/* A device whose clock is hours off says the same as the desk, also without a connection and after a restart. */
static void test_wrong_clock(void **state)
{
	bk_ms real = bk_twin_now();
	json_t *item;

	(void)state;
	json_decref(call(cast.officer, json_pack("{s:s, s:s, s:s, s:s, s:I}", "cmd", "guidance", "to", "all", "title", "Scheve klok",
		"text", "x", "valid_until_ms", (json_int_t)(real + HOUR))));
	bk_twin_cut(cast.person, true);
	bk_twin_reboot(cast.person);
	cast.person->core->self.skew_ms = cast.person->core->link.skew_ms = 0;
	for (int64_t off = -5; off <= 5; off += 5) {
		cast.person->core->link.skew_ms = off * (int64_t)HOUR;
		bk_twin_wind((bk_ms)((int64_t)real - off * (int64_t)HOUR));
		item = listed(cast.person, "Scheve klok");
		assert_string_equal(str(item, "state"), "valid");
		json_decref(item);
		bk_twin_wind((bk_ms)((int64_t)real - off * (int64_t)HOUR + (int64_t)HOUR));
		item = listed(cast.person, "Scheve klok");
		assert_string_equal(str(item, "state"), "expired");
		json_decref(item);
	}
	cast.person->core->link.skew_ms = 3 * (int64_t)HOUR;
	cast.person->core->self.skew_ms = 3 * (int64_t)HOUR;
	assert_int_equal(bk_self_keep(cast.person->core), 0);
	assert_int_equal(bk_db_commit(&cast.person->core->db), 0);
	bk_twin_wind(real - 2 * HOUR);
	bk_twin_reboot(cast.person); /* it remembers how wrong it was */
	item = listed(cast.person, "Scheve klok");
	assert_string_equal(str(item, "state"), "expired");
	json_decref(item);
	bk_twin_wind(real + MINUTE);
	bk_twin_cut(cast.person, false);
	bk_twin_do(cast.person, json_pack("{s:s}", "cmd", "connect"));
	bk_twin_pass(&twin, 10 * MINUTE);
}

/* ---- templates ---- */

static void test_templates(void **state)
{
	json_t *reply = call(cast.officer, json_pack("{s:s}", "cmd", "templates")), *e;

	(void)state;
	assert_true(json_array_size(json_object_get(reply, "items")) >= 5);
	json_decref(reply);
	assert_int_equal(bk_twin_call(cast.officer, json_pack("{s:s, s:s, s:s}", "cmd", "guidance", "to", "all", "template",
		"stay-inside"), NULL), BK_E_INVAL); /* a gap */
	assert_int_equal(bk_twin_call(cast.officer, json_pack("{s:s, s:s, s:s}", "cmd", "guidance", "to", "all", "template",
		"nothing"), NULL), BK_E_NOT_FOUND);
	bk_twin_forget(cast.person);
	json_decref(call(cast.officer, json_pack("{s:s, s:s, s:s, s:b}", "cmd", "guidance", "to", "all", "template", "exercise",
		"drill", 1)));
	e = bk_twin_take(cast.person, "message", "kind", "guidance");
	assert_true(json_is_true(json_object_get(e, "drill"))); /* R14 */
	assert_string_equal(str(e, "title"), "Confirm this message");
	json_decref(e);
}

/* ---- groups ---- */

static void test_groups(void **state)
{
	char circle[BK_ID_TEXT], group[BK_ID_TEXT];
	json_t *reply = call(cast.officer, json_pack("{s:s, s:s, s:[s]}", "cmd", "group-set", "name", "Station", "circles",
		bk_id_text(twin.circles[BK_TWIN_PERSON].id, circle)));

	(void)state;
	snprintf(group, sizeof group, "%s", str(reply, "group"));
	json_decref(reply);
	reply = call(cast.second, json_pack("{s:s}", "cmd", "groups"));
	assert_int_equal(json_array_size(json_object_get(reply, "items")), 1);
	json_decref(reply);
	bk_twin_forget(cast.relative);
	reply = call(cast.second, json_pack("{s:s, s:[s], s:s, s:s}", "cmd", "guidance", "groups", group, "title", "Station dicht",
		"text", "x"));
	assert_int_equal(number(reply, "people"), 1);
	json_decref(reply);
	assert_int_equal(bk_twin_count(cast.relative, "message", NULL, NULL), 0);
	/* Two change it at once: every device ends with the same. */
	bk_twin_cut(cast.officer, true);
	bk_twin_cut(cast.second, true);
	bk_twin_settle(&twin);
	json_decref(call(cast.officer, json_pack("{s:s, s:s, s:s, s:[]}", "cmd", "group-set", "group", group, "name", "Van een", "circles")));
	json_decref(call(cast.second, json_pack("{s:s, s:s, s:s, s:[]}", "cmd", "group-set", "group", group, "name", "Van twee", "circles")));
	bk_twin_cut(cast.officer, false);
	bk_twin_cut(cast.second, false);
	bk_twin_pass(&twin, 10 * MINUTE);
	{
		json_t *a = call(cast.officer, json_pack("{s:s}", "cmd", "groups")), *b = call(cast.second, json_pack("{s:s}", "cmd", "groups"));

		assert_true(json_equal(json_object_get(a, "items"), json_object_get(b, "items")));
		json_decref(a);
		json_decref(b);
	}
	json_decref(call(cast.second, json_pack("{s:s, s:s}", "cmd", "group-remove", "group", group)));
	assert_int_equal(bk_twin_call(cast.officer, json_pack("{s:s, s:[s], s:s, s:s}", "cmd", "guidance", "groups", group, "title",
		"t", "text", "x"), NULL), BK_E_NOT_FOUND);
}

/* ---- households ---- */

static void test_household(void **state)
{
	char person[BK_ID_TEXT], relative[BK_ID_TEXT];
	json_t *reply = call(cast.officer, json_pack("{s:s}", "cmd", "people")), *p;
	size_t i;

	(void)state;
	bk_id_text(twin.circles[BK_TWIN_PERSON].id, person);
	bk_id_text(twin.circles[BK_TWIN_RELATIVE].id, relative);
	json_array_foreach(json_object_get(reply, "items"), i, p)
		if (strcmp(str(p, "circle"), person) == 0)
			assert_string_equal(json_string_value(json_array_get(json_object_get(p, "household"), 0)), relative);
	json_decref(reply);
	bk_twin_forget(cast.relative);
	reply = call(cast.officer, json_pack("{s:s, s:[s], s:b, s:s, s:s}", "cmd", "guidance", "to", person, "household", 1, "title",
		"Voor allen", "text", "x"));
	assert_int_equal(number(reply, "people"), 2);
	assert_int_equal(json_array_size(json_object_get(reply, "messages")), 2); /* each a message of their own */
	json_decref(reply);
	assert_int_equal(bk_twin_count(cast.relative, "message", "title", "Voor allen"), 1);
}

/* Every capsule that carries what one of a household writes or is sent is for that person's devices or the desk's. */
static bk_id asked_of[BK_TWIN_DEVICES];
static size_t n_asked;

static enum bk_twin_verdict watch(void *arg, struct bk_twin_device *d, bool to_server, Baken__Frame *f)
{
	(void)arg;
	if (!to_server || f->kind_case != BAKEN__FRAME__KIND_SUBMIT || d == cast.relative)
		return BK_TWIN_PASS;
	for (size_t i = 0; i < f->submit->n_capsules && n_asked < BK_TWIN_DEVICES; i++)
		memcpy(asked_of[n_asked++].b, f->submit->capsules[i]->device_id.data, BK_ID_BYTES);
	return BK_TWIN_PASS;
}

static void test_relatives_do_not_read_each_other(void **state)
{
	char person[BK_ID_TEXT], id[BK_ID_TEXT];
	bk_id m;

	(void)state;
	bk_twin_forget(cast.relative);
	twin.tap = watch;
	n_asked = 0;
	m = bk_twin_do(cast.person, json_pack("{s:s, s:s}", "cmd", "report", "what", "Niet voor thuis."));
	json_decref(call(cast.officer, json_pack("{s:s, s:s, s:s}", "cmd", "reply", "to", bk_id_text(m, id), "text", "Begrepen.")));
	json_decref(call(cast.officer, json_pack("{s:s, s:[s], s:s, s:s}", "cmd", "guidance", "to",
		bk_id_text(twin.circles[BK_TWIN_PERSON].id, person), "title", "Alleen u", "text", "x")));
	twin.tap = NULL;
	assert_true(n_asked >= 3);
	for (size_t i = 0; i < n_asked; i++)
		assert_false(bk_id_equal(asked_of[i], cast.relative->id));
	assert_int_equal(bk_twin_count(cast.relative, "message", NULL, NULL), 0);
	assert_null(bk_twin_item(cast.relative, m));
	/* And what one of them claims to acknowledge of another's counts for nothing. */
	assert_int_equal(bk_twin_call(cast.relative, json_pack("{s:s, s:s}", "cmd", "acknowledge", "message", id), NULL), BK_E_NOT_FOUND);
}

/* A child's device does what keeps a child safe; what asks for judgement is not there. */
static void test_child(void **state)
{
	struct bk_twin_device *child;
	char id[BK_ID_TEXT];
	bk_id m;

	(void)state;
	assert_int_equal(bk_twin_sign(&twin, BK_TWIN_SPARE), 0);
	child = bk_twin_enrol(&twin, "Kind", BAKEN__ROLE__ROLE_CHILD, BK_TWIN_SPARE);
	m = bk_twin_do(child, json_pack("{s:s, s:s}", "cmd", "report", "what", "Er staat een man bij school."));
	assert_int_equal(bk_twin_count(cast.officer, "message", "message", bk_id_text(m, id)), 1);
	assert_int_equal(bk_twin_call(child, json_pack("{s:s}", "cmd", "guidance-list"), NULL), 0);
	assert_int_equal(bk_twin_call(child, json_pack("{s:s}", "cmd", "receipts"), NULL), BK_E_ROLE);
	assert_int_equal(bk_twin_call(child, json_pack("{s:s, s:s}", "cmd", "resend", "message", id), NULL), BK_E_ROLE);
	assert_int_equal(bk_twin_call(child, json_pack("{s:s, s:s}", "cmd", "forget-file", "attachment", id), NULL), BK_E_ROLE);
	assert_int_equal(bk_twin_call(cast.person, json_pack("{s:s}", "cmd", "receipts"), NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_recall),
		cmocka_unit_test(test_recall_comes_first),
		cmocka_unit_test(test_valid_until),
		cmocka_unit_test(test_wrong_clock),
		cmocka_unit_test(test_templates),
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_household),
		cmocka_unit_test(test_relatives_do_not_read_each_other),
		cmocka_unit_test(test_two_devices_one_person),
		cmocka_unit_test(test_child),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
