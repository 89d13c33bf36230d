/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Cases between real cores: several officers in one, urgency, promises on both sides, gut feelings, households;
 * forged and replayed events; a state that is kept against a fold of all; 10,000 events in one case.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <time.h>

#include "cases_in.h"
#include "engine.h"
#include "templates.h"
#include "twin_desk.h"

#define MINUTE 60000u
#define HOUR (60u * MINUTE)

static int setup(void **state)
{
	(void)state;
	bk_twin_cast(&twin, "cases", &cast);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	bk_twin_close(&twin);
	return 0;
}

static bool is(const json_t *o, const char *key)
{
	return json_is_true(json_object_get(o, key));
}

static int reply(struct bk_twin_device *d, const char *id, const char *text, bool answers)
{
	int err = bk_twin_call(d, json_pack("{s:s, s:s, s:s, s:b}", "cmd", "reply", "to", id, "text", text, "answers",
		answers), NULL);

	bk_twin_settle(&twin);
	return err;
}

static json_t *promise_of(bk_id message)
{
	json_t *item = bk_twin_item(cast.person, message), *p = json_incref(json_object_get(item, "promise"));

	json_decref(item);
	return p;
}

static void expect_promise(bk_id message, const char *state)
{
	json_t *p = promise_of(message);

	assert_string_equal(str(p, "state"), state);
	json_decref(p);
}

/* Every device folds the same, and what it keeps is what a fold of all would give. */
static void assert_kept(struct bk_twin_device *d, const char *id)
{
	struct bk_case_state kept, all;
	bk_id case_id;

	assert_int_equal(bk_id_parse(id, &case_id), 0);
	assert_int_equal(bk_cases_folded(d->core, case_id, &kept), 0);
	assert_int_equal(bk_cases_fold_all(d->core, case_id, &all, NULL), 0);
	assert_memory_equal(&kept.owner, &all.owner, sizeof kept.owner);
	assert_int_equal(kept.until_ms, all.until_ms);
	assert_int_equal(kept.waiting_ms, all.waiting_ms);
	assert_int_equal(kept.promise_ms, all.promise_ms);
	assert_int_equal(kept.last_ms, all.last_ms);
	assert_int_equal(kept.mark.at_ms, all.mark.at_ms);
	assert_int_equal(kept.level, all.level);
	assert_int_equal(kept.hand_level, all.hand_level);
	assert_int_equal(kept.kept * 1000 + kept.broken, all.kept * 1000 + all.broken);
	assert_int_equal(kept.n_joined, all.n_joined);
	assert_memory_equal(kept.joined, all.joined, sizeof kept.joined);
	assert_int_equal(kept.refused, all.refused);
	assert_int_equal(kept.closed, all.closed);
}

static void test_several_officers(void **state)
{
	char id[BK_ID_TEXT];
	json_t *row;

	(void)state;
	new_case(id);
	assert_int_equal(act(cast.officer, "claim", id, NULL, NULL), 0);
	assert_int_equal(promise(cast.second, id, bk_twin_now() + HOUR), BK_E_STATE); /* neither owner nor along */
	assert_int_equal(act(cast.second, "join", id, NULL, NULL), 0);
	assert_int_equal(act(cast.second, "join", id, NULL, NULL), 0);
	row = row_of(cast.officer, id);
	assert_string_equal(str(row, "owner"), "Dienst 1");
	assert_int_equal(json_array_size(json_object_get(row, "joined")), 1);
	assert_string_equal(json_string_value(json_array_get(json_object_get(row, "joined"), 0)), "Dienst 2");
	json_decref(row);
	assert_int_equal(promise(cast.second, id, bk_twin_now() + HOUR), 0);
	assert_int_equal(act(cast.second, "close", id, "feedback", "Klaar."), BK_E_STATE); /* only its owner */
	assert_int_equal(act(cast.second, "leave", id, NULL, NULL), 0);
	row = row_of(cast.officer, id);
	assert_null(json_object_get(row, "joined"));
	json_decref(row);
	assert_kept(cast.officer, id);
	assert_kept(cast.second, id);
}

static void test_urgency_beside_the_persons(void **state)
{
	char id[BK_ID_TEXT];
	json_t *row;

	(void)state;
	new_case(id);
	assert_int_equal(act(cast.second, "urgency", id, "urgency", "soon"), BK_E_INVAL);
	assert_int_equal(act(cast.second, "urgency", id, "urgency", "now"), 0);
	row = row_of(cast.officer, id);
	assert_string_equal(str(row, "urgency"), "now");
	assert_string_equal(str(row, "said"), "today");
	json_decref(row);
	assert_int_equal(act(cast.second, "urgency", id, "urgency", "as-said"), 0);
	row = row_of(cast.officer, id);
	assert_string_equal(str(row, "urgency"), "today");
	assert_null(json_object_get(row, "said"));
	json_decref(row);
}

/* Said to the person, seen by the desk; kept by a reply in time, late by one that comes after. */
static void test_promise(void **state)
{
	char id[BK_ID_TEXT];
	bk_id m = new_case(id);
	bk_ms at = bk_twin_now() + HOUR;
	json_t *p, *answer = NULL;

	(void)state;
	bk_twin_forget(cast.person);
	assert_int_equal(act(cast.officer, "claim", id, NULL, NULL), 0);
	assert_int_equal(promise(cast.officer, id, bk_twin_now() - 1), BK_E_INVAL);
	assert_int_equal(promise(cast.officer, id, bk_twin_now() + 40ull * 24 * HOUR), BK_E_INVAL);
	assert_int_equal(promise(cast.officer, id, at), 0);
	p = promise_of(m);
	assert_string_equal(str(p, "state"), "open");
	assert_string_equal(str(p, "by"), "Dienst 1");
	assert_int_equal(ms(p, "next_contact_ms"), at);
	json_decref(p);
	assert_int_equal(bk_twin_count(cast.person, "promise", "state", "open"), 1);
	assert_int_equal(promise(cast.officer, id, 0), 0);
	expect_promise(m, "withdrawn");
	assert_int_equal(promise(cast.officer, id, at), 0);
	assert_int_equal(reply(cast.officer, id, "Wij kijken ernaar.", false), 0);
	expect_promise(m, "kept");
	assert_int_equal(promise(cast.officer, id, bk_twin_now() + MINUTE), 0);
	bk_twin_pass(&twin, 5 * MINUTE);
	assert_int_equal(reply(cast.officer, id, "Sorry, later dan beloofd.", false), 0);
	expect_promise(m, "late");
	assert_int_equal(bk_twin_call(cast.second, json_pack("{s:s, s:s}", "cmd", "case", "case", id), &answer), 0);
	assert_int_equal(ms(answer, "promises_kept"), 1);
	assert_int_equal(ms(answer, "promises_broken"), 1);
	json_decref(answer);
	assert_kept(cast.second, id);
}

/* A feeling is answered by somebody, not by a template; then it closes, and opens again by a new message. */
static void test_gut_feeling(void **state)
{
	static const char own[] = "Ik heb de camera's bekeken. Er was niemand. Blijf het melden.";
	char id[BK_ID_TEXT];
	bk_id m = report_by(cast.person, "can-wait", "gut-feeling", id);
	json_t *row, *all = NULL;

	(void)state;
	row = row_of(cast.officer, id);
	assert_true(is(row, "gut_feeling"));
	json_decref(row);
	assert_int_equal(act(cast.officer, "claim", id, NULL, NULL), 0);
	all = bk_templates_find("reply", "closed", BK_LANG_NL);
	assert_int_equal(act(cast.officer, "close", id, "feedback", "Bel ons om {{tijd}}."), BK_E_INVAL);
	assert_int_equal(act(cast.officer, "close", id, "feedback", str(all, "text")), BK_E_STATE);
	assert_int_equal(reply(cast.officer, id, str(all, "text"), true), 0); /* said, and still not an answer */
	assert_int_equal(act(cast.officer, "close", id, "feedback", str(all, "text")), BK_E_STATE);
	assert_int_equal(reply(cast.officer, id, "Bel ons om {{tijd}}.", true), BK_E_INVAL);
	json_decref(all);
	assert_int_equal(act(cast.officer, "close", id, "feedback", own), 0);
	assert_int_not_equal(bk_twin_rung(cast.person, m, "answered"), 0);
	row = row_of(cast.second, id);
	assert_string_equal(str(row, "state"), "closed");
	json_decref(row);
	bk_twin_pass(&twin, 1000);
	bk_twin_do(cast.person, json_pack("{s:s, s:s, s:s}", "cmd", "reply", "to", id, "text", "Vandaag weer."));
	row = row_of(cast.second, id);
	assert_string_equal(str(row, "state"), "open");
	json_decref(row);
	assert_kept(cast.second, id);
}

/* ---- a household ---- */

struct seen {
	bk_id circle;
	unsigned targets;
};

static enum bk_twin_verdict watch_targets(void *arg, struct bk_twin_device *d, bool to_server, Baken__Frame *f)
{
	struct seen *s = arg;

	(void)d;
	for (size_t i = 0; to_server && f->kind_case == BAKEN__FRAME__KIND_SUBMIT && i < f->submit->n_targets; i++)
		s->targets += f->submit->targets[i]->circle_id.len == BK_ID_BYTES &&
			      memcmp(f->submit->targets[i]->circle_id.data, s->circle.b, BK_ID_BYTES) == 0;
	return BK_TWIN_PASS;
}

static bool links(struct bk_twin_device *d, const char *id, const char *other)
{
	json_t *row = row_of(d, id), *v;
	bool found = false;
	size_t i;

	json_array_foreach(json_object_get(row, "linked"), i, v)
		found = found || strcmp(json_string_value(v), other) == 0;
	json_decref(row);
	return found;
}

/* Two cases of one household name each other; no capsule of the one goes to the other's devices. */
static void test_household(void **state)
{
	struct seen s = {.circle = twin.circles[BK_TWIN_RELATIVE].id};
	char mine[BK_ID_TEXT], theirs[BK_ID_TEXT];

	(void)state;
	new_case(mine);
	report_by(cast.relative, "today", "sure", theirs);
	assert_true(links(cast.officer, mine, theirs));
	assert_true(links(cast.second, theirs, mine));
	assert_int_equal(bk_twin_call(cast.officer, json_pack("{s:s, s:s, s:s}", "cmd", "link", "case", mine, "with", theirs),
		NULL), 0);
	bk_twin_settle(&twin);
	bk_twin_forget(cast.relative);
	twin.tap = watch_targets;
	twin.tap_arg = &s;
	assert_int_equal(act(cast.officer, "claim", mine, NULL, NULL), 0);
	assert_int_equal(promise(cast.officer, mine, bk_twin_now() + HOUR), 0);
	assert_int_equal(act(cast.officer, "note", mine, "text", "Hoort bij de andere zaak."), 0);
	assert_int_equal(reply(cast.officer, mine, "Wij bellen u.", true), 0);
	bk_twin_do(cast.person, json_pack("{s:s, s:s, s:s}", "cmd", "reply", "to", mine, "text", "Goed."));
	assert_int_equal(act(cast.officer, "close", mine, "feedback", "Opgelost, dank u."), 0);
	twin.tap = NULL;
	assert_int_equal(s.targets, 0);
	assert_int_equal(bk_twin_count(cast.relative, "message", NULL, NULL), 0);
	assert_int_equal(bk_twin_count(cast.relative, "promise", NULL, NULL), 0);
}

/* ---- forged, replayed ---- */

static int forge(struct bk_twin_device *d, const char *id, struct bk_case_event e)
{
	bk_id case_id;
	int err;

	assert_int_equal(bk_id_parse(id, &case_id), 0);
	err = bk_cases_act(d->core, case_id, &e, "");
	bk_twin_turn(d, bk_core_tick(d->core, bk_twin_now()));
	bk_twin_pass(&twin, 1000);
	return err;
}

static void expect_refused(const char *id, const char *change, const char *error)
{
	json_t *e = bk_twin_take(cast.officer, "case-refused", "case", id);

	assert_non_null(e);
	assert_string_equal(str(e, "change"), change);
	assert_string_equal(str(e, "error"), error);
	assert_string_equal(str(e, "by"), "Dienst 2");
	json_decref(e);
}

/* A colleague's device that lies: it takes no case, closes none and leaves no time behind. */
static void test_forged_events(void **state)
{
	char id[BK_ID_TEXT];
	json_t *row;

	(void)state;
	new_case(id);
	assert_int_equal(act(cast.officer, "claim", id, NULL, NULL), 0);
	bk_twin_forget(cast.officer);
	forge(cast.second, id, (struct bk_case_event){.kind = BK_CASE_CLAIMED, .until_ms = bk_twin_now() + HOUR});
	expect_refused(id, "claimed", "BK_E_CLAIMED");
	forge(cast.second, id, (struct bk_case_event){.kind = BK_CASE_CLOSED});
	expect_refused(id, "closed", "BK_E_STATE");
	forge(cast.second, id, (struct bk_case_event){.kind = BK_CASE_NOTE, .at_ms = bk_twin_now() + 5 * HOUR});
	expect_refused(id, "note", "BK_E_CLOCK");
	forge(cast.second, id, (struct bk_case_event){.kind = BK_CASE_OPENED});
	expect_refused(id, "opened", "BK_E_INVAL");
	row = row_of(cast.officer, id);
	assert_string_equal(str(row, "owner"), "Dienst 1");
	assert_true(is(row, "mine"));
	json_decref(row);
	assert_kept(cast.officer, id);
	assert_int_equal(act(cast.officer, "close", id, "feedback", "Alles is goed."), 0);
}

struct replay {
	Baken__Deliver *kept;
	uint8_t bytes[65536];
	size_t len;
};

static enum bk_twin_verdict keep_delivery(void *arg, struct bk_twin_device *d, bool to_server, Baken__Frame *f)
{
	struct replay *r = arg;

	if (!to_server && d == cast.officer && f->kind_case == BAKEN__FRAME__KIND_DELIVER && !r->len &&
		baken__frame__get_packed_size(f) <= sizeof r->bytes)
		r->len = baken__frame__pack(f, r->bytes);
	return BK_TWIN_PASS;
}

/* The same delivery once more: nothing is added, and it is acknowledged so that the server lets go of it. */
static void test_replayed_event(void **state)
{
	static struct replay r;
	char id[BK_ID_TEXT];
	bk_id case_id;
	struct bk_rows before, after;

	(void)state;
	new_case(id);
	assert_int_equal(bk_id_parse(id, &case_id), 0);
	twin.tap = keep_delivery;
	twin.tap_arg = &r;
	assert_int_equal(act(cast.second, "note", id, "text", "Eenmaal."), 0);
	twin.tap = NULL;
	assert_true(r.len > 0);
	assert_int_equal(bk_db_keys(&cast.officer->core->db, bk_key_id("case/", case_id), 0, &before), 0);
	bk_twin_forget(cast.officer);
	assert_int_equal(bk_core_received(cast.officer->core, r.bytes, r.len, bk_twin_now()), 0);
	bk_twin_settle(&twin);
	assert_int_equal(bk_db_keys(&cast.officer->core->db, bk_key_id("case/", case_id), 0, &after), 0);
	assert_int_equal(before.n, after.n);
	assert_int_equal(bk_twin_count(cast.officer, "case", NULL, NULL), 0);
	bk_rows_free(&before);
	bk_rows_free(&after);
}

/* ---- many ---- */

static bk_ms cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (bk_ms)t.tv_sec * 1000 + (bk_ms)t.tv_nsec / 1000000;
}

/* No event costs more than the one before it: the last thousand like the first. */
static void test_10000_events(void **state)
{
	char id[BK_ID_TEXT];
	bk_ms first = 0, last = 0;
	bk_id case_id;
	struct bk_core *core = cast.officer->core;

	(void)state;
	new_case(id);
	assert_int_equal(bk_id_parse(id, &case_id), 0);
	for (unsigned i = 0; i < 10000; i++) {
		struct bk_case_event e = {.id = bk_id_random(), .kind = i % 50 ? BK_CASE_NOTE : BK_CASE_MESSAGE,
			.at_ms = bk_twin_now() + i + 1, .by = cast.second->id};
		bk_ms begin = cpu_ms();

		assert_int_equal(bk_cases_add(core, case_id, &e, "x"), 0);
		if (i % 100 == 99)
			assert_int_equal(bk_db_commit(&core->db), 0);
		first += i < 1000 ? cpu_ms() - begin : 0;
		last += i >= 9000 ? cpu_ms() - begin : 0;
	}
	assert_true(last <= 4 * first + 200);
	for (unsigned i = 0; i < 200; i++) { /* from between: out of order */
		struct bk_case_event e = {.id = bk_id_random(), .kind = BK_CASE_NOTE, .by = cast.second->id,
			.at_ms = bk_twin_now() + (i * 7919) % 9000};

		assert_int_equal(bk_cases_add(core, case_id, &e, "x"), 0);
	}
	assert_int_equal(bk_db_commit(&core->db), 0);
	assert_kept(cast.officer, id);
	bk_twin_turn(cast.officer, bk_core_tick(core, bk_twin_now()));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_several_officers),
		cmocka_unit_test(test_urgency_beside_the_persons),
		cmocka_unit_test(test_promise),
		cmocka_unit_test(test_gut_feeling),
		cmocka_unit_test(test_household),
		cmocka_unit_test(test_forged_events),
		cmocka_unit_test(test_replayed_event),
		cmocka_unit_test(test_10000_events),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
