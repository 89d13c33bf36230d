/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Four eyes between real devices: who may consent, to what, until when; what is forged, replayed or late changes
 * nothing. And a fan-out that is killed at any step goes on, and nobody gets it twice.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine.h"
#include "eyes.h"
#include "twin.h"

#define MINUTE 60000u
#define STEPS 14u /* inputs of the sender at which it dies in turn */

static struct bk_twin twin;
static struct bk_twin_cast cast;
static struct bk_twin_device *other, *third, *spare[3]; /* the officer's second device; one more officer; people */

static const char *str(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static struct bk_twin_device *officer(const char *name)
{
	struct bk_twin_device *d = bk_twin_enrol(&twin, name, BAKEN__ROLE__ROLE_OFFICER, BK_TWIN_DESK);

	bk_twin_do(d, json_pack("{s:s, s:b}", "cmd", "duty", "on", 1));
	return d;
}

/* More people than one officer may guide alone; some of them without a device yet. */
static int setup(void **state)
{
	(void)state;
	bk_twin_cast(&twin, "approvals", &cast);
	for (unsigned i = 0; i < BK_TWIN_SPARES; i++)
		assert_int_equal(bk_twin_sign(&twin, BK_TWIN_SPARE + i), 0);
	for (unsigned i = 0; i < 3; i++)
		spare[i] = bk_twin_enrol(&twin, "Nog iemand", BAKEN__ROLE__ROLE_PERSON, BK_TWIN_SPARE + i);
	twin.account = cast.officer->invite;
	other = officer("Dienst 1, telefoon");
	third = officer("Dienst 3");
	for (size_t i = 0; i < twin.n_devices; i++) { /* all learn of the new people at login */
		bk_twin_cut(&twin.devices[i], true);
		bk_twin_settle(&twin);
		bk_twin_cut(&twin.devices[i], false);
	}
	bk_twin_pass(&twin, 10 * MINUTE);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	bk_twin_close(&twin);
	return 0;
}

static void ask(const char *title, char request[static BK_ID_TEXT])
{
	json_t *reply = NULL;

	bk_twin_forget(cast.officer);
	bk_twin_forget(cast.person);
	assert_int_equal(bk_twin_call(cast.officer, json_pack("{s:s, s:s, s:s, s:s}", "cmd", "guidance", "to", "all", "title", title,
		"text", "Tekst."), &reply), 0);
	bk_twin_settle(&twin);
	assert_string_equal(str(reply, "state"), "asked");
	assert_int_equal(json_integer_value(json_object_get(reply, "people")), 2 + BK_TWIN_SPARES);
	snprintf(request, BK_ID_TEXT, "%s", str(reply, "request"));
	json_decref(reply);
	assert_int_equal(bk_twin_count(cast.person, "message", NULL, NULL), 0); /* nothing went out */
}

static int answer(struct bk_twin_device *d, const char *cmd, const char *request)
{
	json_t *c = json_pack("{s:s, s:s}", "cmd", cmd, "request", request);
	int err;

	if (strcmp(cmd, "guidance-refuse") == 0)
		json_object_set_new(c, "reason", json_string("Te ruim."));
	err = bk_twin_call(d, c, NULL);
	bk_twin_settle(&twin);
	return err;
}

static void expect(struct bk_twin_device *d, const char *request, const char *state)
{
	json_t *reply = NULL, *item;
	size_t i, n = 0;

	assert_int_equal(bk_twin_call(d, json_pack("{s:s}", "cmd", "guidance-requests"), &reply), 0);
	json_array_foreach(json_object_get(reply, "items"), i, item)
		if (strcmp(str(item, "request"), request) == 0) {
			assert_string_equal(str(item, "state"), state);
			n++;
		}
	assert_int_equal(n, 1);
	json_decref(reply);
}

static size_t arrived(const char *title)
{
	return bk_twin_count(cast.person, "message", "title", title);
}

static void test_given(void **state)
{
	char request[BK_ID_TEXT];
	json_t *e;

	(void)state;
	ask("Met z'n tweeen", request);
	expect(cast.second, request, "asked");
	assert_int_equal(answer(cast.second, "guidance-approve", request), 0);
	expect(cast.officer, request, "sent");
	expect(cast.second, request, "sent");
	expect(third, request, "sent");
	assert_int_equal(arrived("Met z'n tweeen"), 1);
	e = bk_twin_take(cast.officer, "approval", "state", "sent");
	assert_int_equal(json_integer_value(json_object_get(e, "people")), 2 + BK_TWIN_SPARES);
	json_decref(e);
	assert_int_equal(answer(third, "guidance-approve", request), BK_E_STATE);
	assert_int_equal(answer(third, "guidance-refuse", request), BK_E_STATE);
}

/* The same officer on a second device is the same pair of eyes. */
static void test_second_device(void **state)
{
	char request[BK_ID_TEXT];

	(void)state;
	ask("Alleen ik", request);
	expect(other, request, "asked");
	assert_int_equal(answer(cast.officer, "guidance-approve", request), BK_E_ROLE);
	assert_int_equal(answer(other, "guidance-approve", request), BK_E_ROLE);
	assert_int_equal(answer(cast.second, "guidance-take-back", request), BK_E_ROLE);
	assert_int_equal(answer(other, "guidance-take-back", request), 0); /* but it is theirs to take back */
	expect(cast.second, request, "taken-back");
	assert_int_equal(answer(cast.second, "guidance-approve", request), BK_E_STATE);
	assert_int_equal(arrived("Alleen ik"), 0);
}

static void test_refused(void **state)
{
	char request[BK_ID_TEXT];
	json_t *e;

	(void)state;
	ask("Liever niet", request);
	assert_int_equal(bk_twin_call(cast.second, json_pack("{s:s, s:s}", "cmd", "guidance-refuse", "request", request), NULL),
		BK_E_INVAL); /* without a reason */
	assert_int_equal(answer(cast.second, "guidance-refuse", request), 0);
	e = bk_twin_take(cast.officer, "approval", "state", "refused");
	assert_string_equal(str(e, "reason"), "Te ruim.");
	json_decref(e);
	assert_int_equal(answer(third, "guidance-approve", request), BK_E_STATE);
	assert_int_equal(arrived("Liever niet"), 0);
}

/* ---- what a device says whose program was changed ---- */

static bk_id forge(struct bk_twin_device *d, Baken__Approval *m, const char *request, bk_hash draft)
{
	Baken__Content content = BAKEN__CONTENT__INIT;
	struct bk_post p = {.content = &content, .kind = BK_CONTENT_APPROVAL, .class = BAKEN__CLASS__CLASS_NORMAL,
		.regime = BAKEN__REGIME__REGIME_SECURITY};
	bk_id id = {{0}};

	assert_int_equal(bk_id_parse(request, &id), 0);
	m->request_id = bk_bytes(id.b, BK_ID_BYTES);
	m->draft_hash = bk_bytes(draft.b, m->verb == BAKEN__APPROVAL__VERB__GIVEN ? BK_HASH_BYTES : 0);
	content.kind_case = BAKEN__CONTENT__KIND_APPROVAL;
	content.approval = m;
	p.circles[p.n_circles++] = d->core->self.circle;
	assert_int_equal(bk_outbox_post(d->core, &p), 0);
	bk_twin_turn(d, bk_core_tick(d->core, bk_twin_now()));
	bk_twin_settle(&twin);
	return p.id;
}

static bk_hash draft_of(struct bk_twin_device *d, const char *request)
{
	bk_id id = {{0}};
	bk_hash h = {{0}};
	json_t *row;

	bk_id_parse(request, &id);
	row = bk_db_get_json(&d->core->db, bk_key_id("appr/", id));
	assert_true(bk_json_get_hex(row, "draft", h.b, sizeof h.b));
	json_decref(row);
	return h;
}

static void test_changed_draft(void **state)
{
	Baken__Approval m = BAKEN__APPROVAL__INIT;
	char request[BK_ID_TEXT], before[BK_ID_TEXT];

	(void)state;
	ask("Eerste", before);
	ask("Tweede", request);
	m.verb = BAKEN__APPROVAL__VERB__GIVEN;
	forge(cast.second, &m, request, draft_of(cast.second, before)); /* consent to another draft */
	forge(cast.second, &m, request, bk_hash_of("x", 1));
	forge(other, &m, request, draft_of(other, request)); /* and to the right one by the wrong account */
	expect(cast.officer, request, "asked");
	assert_int_equal(arrived("Tweede"), 0);
	assert_int_equal(answer(cast.second, "guidance-approve", request), 0);
	assert_int_equal(arrived("Tweede"), 1);
	assert_int_equal(arrived("Eerste"), 0);
}

static size_t sent(struct bk_twin_device *d)
{
	json_t *reply = NULL;
	size_t n;

	assert_int_equal(bk_twin_call(d, json_pack("{s:s}", "cmd", "guidance-list"), &reply), 0);
	n = json_array_size(json_object_get(reply, "items"));
	json_decref(reply);
	return n;
}

/* A consent serves once; the word "sent" of somebody else ends nothing. */
static void test_replay(void **state)
{
	Baken__Approval m = BAKEN__APPROVAL__INIT;
	char request[BK_ID_TEXT];
	size_t n;

	(void)state;
	ask("Een keer", request);
	assert_int_equal(answer(cast.second, "guidance-approve", request), 0);
	n = sent(cast.officer);
	m.verb = BAKEN__APPROVAL__VERB__GIVEN;
	forge(cast.second, &m, request, draft_of(cast.second, request));
	forge(third, &m, request, draft_of(third, request));
	m.verb = BAKEN__APPROVAL__VERB__REFUSED;
	forge(third, &m, request, (bk_hash){{0}});
	expect(cast.officer, request, "sent");
	assert_int_equal(sent(cast.officer), n);
	assert_int_equal(arrived("Een keer"), 1);
}

static void test_expired(void **state)
{
	char request[BK_ID_TEXT], late[BK_ID_TEXT];

	(void)state;
	ask("Te laat", request);
	bk_twin_pass(&twin, BK_EYES_MS - MINUTE);
	expect(cast.second, request, "asked");
	bk_twin_pass(&twin, MINUTE);
	expect(cast.second, request, "expired");
	assert_int_equal(answer(cast.second, "guidance-approve", request), BK_E_STATE);
	/* Consented in time, but the word arrives too late. */
	ask("Onderweg", late);
	bk_twin_cut(cast.officer, true);
	bk_twin_settle(&twin);
	assert_int_equal(answer(cast.second, "guidance-approve", late), 0);
	bk_twin_pass(&twin, BK_EYES_MS);
	bk_twin_cut(cast.officer, false);
	bk_twin_pass(&twin, 10 * MINUTE);
	expect(cast.officer, late, "expired");
	assert_int_equal(arrived("Te laat") + arrived("Onderweg"), 0);
}

/* Whoever was withdrawn consents to nothing, also when the word was said before and arrives after. */
static void test_revoked_officer(void **state)
{
	char request[BK_ID_TEXT];

	(void)state;
	ask("Ingetrokken", request);
	bk_twin_cut(cast.officer, true);
	bk_twin_settle(&twin);
	assert_int_equal(answer(third, "guidance-approve", request), 0);
	bk_twin_revoke(third);
	bk_twin_cut(cast.officer, false);
	bk_twin_pass(&twin, 10 * MINUTE);
	expect(cast.officer, request, "asked");
	assert_int_equal(arrived("Ingetrokken"), 0);
	assert_int_equal(answer(cast.second, "guidance-approve", request), 0);
	expect(cast.officer, request, "sent");
	assert_int_equal(arrived("Ingetrokken"), 1);
}

/* ---- killed in the middle ---- */

static size_t received(struct bk_twin_device *d, const char *title)
{
	json_t *reply = NULL, *item;
	size_t i, n = 0;

	assert_int_equal(bk_twin_call(d, json_pack("{s:s}", "cmd", "guidance-list"), &reply), 0);
	json_array_foreach(json_object_get(reply, "items"), i, item)
		n += strcmp(str(item, "title"), title) == 0;
	json_decref(reply);
	return n;
}

static void fan_out(const char *title, unsigned die_after)
{
	struct bk_twin_device *const people[] = {cast.person, cast.relative, spare[0], spare[1], spare[2]};
	json_t *to = json_array(), *reply = NULL;
	char id[BK_ID_TEXT];

	for (size_t i = 0; i < 5; i++)
		json_array_append_new(to, json_string(bk_id_text(people[i]->core->self.circle, id)));
	assert_int_equal(bk_twin_call(cast.officer, json_pack("{s:s, s:o, s:s, s:s}", "cmd", "guidance", "to", to, "title", title, "text",
		"x"), &reply), 0);
	snprintf(id, sizeof id, "%s", str(reply, "message"));
	json_decref(reply);
	cast.officer->die_at = cast.officer->turns + die_after;
	bk_twin_settle(&twin);
	cast.officer->die_at = 0;
	bk_twin_do(cast.officer, json_pack("{s:s}", "cmd", "connect"));
	bk_twin_pass(&twin, 5 * MINUTE);
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(received(people[i], title), 1);
	assert_int_equal(bk_twin_call(cast.officer, json_pack("{s:s, s:s}", "cmd", "guidance-status", "message", id), &reply), 0);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(reply, "counts"), "delivered")), 5);
	json_decref(reply);
}

static void test_killed(void **state)
{
	char title[40];

	(void)state;
	for (unsigned k = 1; k <= STEPS; k++) {
		unsigned before = cast.officer->deaths;

		snprintf(title, sizeof title, "Gedood bij %u", k);
		fan_out(title, k);
		assert_true(k > 3 || cast.officer->deaths == before + 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_given),
		cmocka_unit_test(test_second_device),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_changed_draft),
		cmocka_unit_test(test_replay),
		cmocka_unit_test(test_expired),
		cmocka_unit_test(test_killed),
		cmocka_unit_test(test_revoked_officer),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
