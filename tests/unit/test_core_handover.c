/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Handover (lesson R5): nothing changes hands without a yes; nothing is nobody's in between, whoever dies when; going
 * off duty leaves nothing behind, neither undone nor in the store.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "twin.h"

#define MINUTE 60000u

static struct bk_twin twin;
static struct bk_twin_cast cast;
static struct bk_twin_device *lead;

static int setup(void **state)
{
	(void)state;
	bk_twin_cast(&twin, "handover", &cast);
	lead = bk_twin_enrol(&twin, "Leiding", BAKEN__ROLE__ROLE_LEAD, BK_TWIN_DESK);
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

static void report(const char *urgency, char id[static BK_ID_TEXT])
{
	bk_id m = bk_twin_do(cast.person, json_pack("{s:s, s:s, s:s}", "cmd", "report", "what", "Iemand volgt mij.", "urgency",
		urgency));

	bk_id_text(m, id);
}

static bool claim(struct bk_twin_device *d, const char *id)
{
	json_t *reply = NULL;
	bool won;

	assert_int_equal(bk_twin_call(d, json_pack("{s:s, s:s}", "cmd", "claim", "case", id), &reply), 0);
	won = json_is_true(json_object_get(reply, "won"));
	json_decref(reply);
	bk_twin_settle(&twin);
	return won;
}

static int duty(struct bk_twin_device *d, bool on, const char *force, json_t **ret_reply)
{
	json_t *c = json_pack("{s:s, s:b}", "cmd", "duty", "on", on);
	int err;

	if (force)
		json_object_set_new(c, "force", json_string(force));
	err = bk_twin_call(d, c, ret_reply);
	bk_twin_pass(&twin, 5000);
	return err;
}

static char handover[BK_ID_TEXT];

static int offer(struct bk_twin_device *from, struct bk_twin_device *to, const char *risk)
{
	json_t *c, *reply = NULL;
	char id[BK_ID_TEXT];
	int err;

	c = json_pack("{s:s, s:s, s:s}", "cmd", "handover-offer", "to", bk_id_text(to->id, id), "text", "Tot morgen.");
	if (risk)
		json_object_set_new(c, "risks", json_pack("[s]", risk));
	err = bk_twin_call(from, c, &reply);
	if (!err)
		snprintf(handover, sizeof handover, "%s", str(reply, "handover"));
	json_decref(reply);
	bk_twin_pass(&twin, 5000);
	return err;
}

static int answer(struct bk_twin_device *d, json_t *accept, json_t *refuse, const char *reason)
{
	json_t *c = json_pack("{s:s, s:s}", "cmd", "handover-answer", "handover", handover);
	int err;

	if (accept)
		json_object_set_new(c, "accept", accept);
	if (refuse)
		json_object_set_new(c, "refuse", refuse);
	if (reason)
		json_object_set_new(c, "reason", json_string(reason));
	err = bk_twin_call(d, c, NULL);
	bk_twin_pass(&twin, 5000);
	return err;
}

/* The state of one item of the last handover, as a device has it. */
static void expect_item(struct bk_twin_device *d, size_t at, const char *state)
{
	json_t *reply = NULL, *h;
	size_t i, found = 0;

	assert_int_equal(bk_twin_call(d, json_pack("{s:s}", "cmd", "handover"), &reply), 0);
	json_array_foreach(json_object_get(reply, "handovers"), i, h) {
		if (strcmp(str(h, "handover"), handover) != 0)
			continue;
		found++;
		assert_string_equal(str(json_array_get(json_object_get(h, "items"), at), "state"), state);
	}
	assert_int_equal(found, 1);
	json_decref(reply);
}

static void expect_owner(struct bk_twin_device *d, const char *id, const char *owner)
{
	json_t *reply = NULL;

	assert_int_equal(bk_twin_call(d, json_pack("{s:s, s:s}", "cmd", "case", "case", id), &reply), 0);
	assert_string_equal(str(reply, "owner"), owner);
	json_decref(reply);
}

static void release(struct bk_twin_device *d, const char *id)
{
	bk_twin_do(d, json_pack("{s:s, s:s, s:s}", "cmd", "release", "case", id, "reason", "klaar"));
}

static void close_case(struct bk_twin_device *d, const char *id)
{
	claim(d, id);
	bk_twin_do(d, json_pack("{s:s, s:s, s:s}", "cmd", "close", "case", id, "feedback", "Dank u."));
	bk_twin_pass(&twin, 2000);
}

/* Item by item: the giver stays the owner until each yes; a no says why; the rest stays where it was. */
static void test_r5_item_by_item(void **state)
{
	char a[BK_ID_TEXT], b[BK_ID_TEXT];

	(void)state;
	report("today", a);
	bk_twin_pass(&twin, 10);
	report("today", b);
	assert_true(claim(cast.officer, a));
	assert_true(claim(cast.officer, b));
	assert_int_equal(offer(cast.officer, cast.second, "De bel is stuk."), 0);
	expect_item(cast.second, 0, "offered");
	expect_item(cast.second, 2, "offered");
	expect_owner(cast.second, a, "Dienst 1");
	assert_int_equal(answer(cast.second, NULL, json_pack("[i]", 1), NULL), BK_E_INVAL); /* no reason */
	assert_int_equal(answer(cast.second, json_pack("[i]", 9), NULL, NULL), BK_E_INVAL);
	assert_int_equal(answer(cast.second, json_pack("[i, i]", 0, 2), json_pack("[i]", 1), "ken ik niet"), 0);
	expect_item(cast.officer, 0, "moved");
	expect_item(cast.officer, 1, "refused");
	expect_item(cast.officer, 2, "accepted");
	assert_int_equal(answer(cast.second, json_pack("[i]", 1), NULL, NULL), BK_E_STATE); /* answered */
	for (int i = 0; i < 2; i++) {
		struct bk_twin_device *d = i ? cast.officer : cast.second;
		json_t *reply = NULL;
		bool first;

		assert_int_equal(bk_twin_call(cast.officer, json_pack("{s:s}", "cmd", "handover"), &reply), 0);
		first = strcmp(str(json_array_get(json_object_get(json_array_get(json_object_get(reply, "handovers"), 0), "items"),
			0), "about"), a) == 0;
		json_decref(reply);
		expect_owner(d, first ? a : b, "Dienst 2");
		expect_owner(d, first ? b : a, "Dienst 1");
	}
	bk_twin_pass(&twin, 25 * MINUTE); /* both leases are renewed by whoever has them now */
	assert_int_equal(duty(cast.officer, false, NULL, NULL), BK_E_STATE);
	close_case(claim(cast.officer, a) ? cast.officer : cast.second, a);
	close_case(claim(cast.officer, b) ? cast.officer : cast.second, b);
}

/* Only who it was offered to answers it, once, while it stands; a withdrawn device answers nothing. */
static void test_answers_of_others(void **state)
{
	char a[BK_ID_TEXT];

	(void)state;
	report("today", a);
	assert_int_equal(duty(lead, true, NULL, NULL), 0);
	assert_true(claim(cast.officer, a));
	assert_int_equal(offer(cast.officer, cast.officer, NULL), BK_E_NOT_FOUND);
	assert_int_equal(offer(cast.officer, cast.person, NULL), BK_E_NOT_FOUND);
	assert_int_equal(offer(cast.officer, cast.vault, NULL), BK_E_NOT_FOUND);
	assert_int_equal(offer(cast.second, cast.officer, NULL), BK_E_NOT_FOUND); /* nothing of theirs */
	assert_int_equal(offer(cast.officer, cast.second, NULL), 0);
	assert_int_equal(answer(lead, json_pack("[i]", 0), NULL, NULL), BK_E_STATE);
	assert_int_equal(answer(cast.officer, json_pack("[i]", 0), NULL, NULL), BK_E_STATE);
	assert_int_equal(bk_twin_call(lead, json_pack("{s:s, s:s}", "cmd", "handover-take-back", "handover", handover), NULL),
		BK_E_STATE);
	assert_int_equal(bk_twin_call(lead, json_pack("{s:s, s:s}", "cmd", "handover-take-back", "handover", a), NULL),
		BK_E_NOT_FOUND);
	bk_twin_do(cast.officer, json_pack("{s:s, s:s}", "cmd", "handover-take-back", "handover", handover));
	bk_twin_pass(&twin, 5000);
	assert_int_equal(answer(cast.second, json_pack("[i]", 0), NULL, NULL), BK_E_STATE);
	expect_owner(cast.second, a, "Dienst 1");
	close_case(cast.officer, a);
	assert_int_equal(duty(lead, false, NULL, NULL), 0);
}

/* An alarm that nobody has is handed over by whoever comes: saying yes takes it. Nobody leaves it behind. */
static void test_unowned_alarm(void **state)
{
	char a[BK_ID_TEXT];
	json_t *reply = NULL;

	(void)state;
	report("now", a);
	assert_int_equal(duty(cast.officer, false, NULL, &reply), BK_E_STATE);
	assert_string_equal(str(json_array_get(json_object_get(reply, "left"), 0), "kind"), "alarm");
	assert_string_equal(str(json_array_get(json_object_get(reply, "left"), 0), "case"), a);
	json_decref(reply);
	assert_int_equal(duty(cast.officer, false, "ik ga toch", NULL), BK_E_ROLE); /* a lead may, an officer not */
	assert_int_equal(offer(cast.officer, cast.second, NULL), 0);
	assert_int_equal(duty(cast.officer, false, NULL, NULL), BK_E_STATE); /* offered is not accepted (R5) */
	assert_int_equal(answer(cast.second, json_pack("[i]", 0), NULL, NULL), 0);
	expect_owner(cast.officer, a, "Dienst 2");
	assert_int_equal(duty(cast.officer, false, NULL, NULL), 0);
	assert_int_equal(duty(cast.second, false, NULL, NULL), BK_E_STATE); /* that nobody else is there is no excuse */
	assert_int_equal(duty(cast.officer, true, NULL, NULL), 0);
	close_case(cast.second, a);
}

/* Forced by a lead, with a reason that stands in the case for good. */
static void test_forced(void **state)
{
	char a[BK_ID_TEXT];
	json_t *reply = NULL, *e;
	size_t i, found = 0;

	(void)state;
	report("today", a);
	assert_int_equal(duty(lead, true, NULL, NULL), 0);
	assert_true(claim(lead, a));
	assert_int_equal(duty(lead, false, NULL, NULL), BK_E_STATE);
	assert_int_equal(duty(lead, false, "brand in het gebouw", NULL), 0);
	expect_owner(cast.officer, a, "");
	assert_int_equal(bk_twin_call(cast.officer, json_pack("{s:s, s:s}", "cmd", "case", "case", a), &reply), 0);
	json_array_foreach(json_object_get(reply, "log"), i, e)
		found += strcmp(str(e, "text"), "brand in het gebouw") == 0;
	assert_int_equal(found, 1);
	json_decref(reply);
	assert_true(claim(cast.officer, a)); /* free at once, not after ten minutes */
	close_case(cast.officer, a);
}

/* Whoever dies, at whichever step: in the end the case has one owner, and it is the one who said yes. */
static void test_kill_at_each_step(void **state)
{
	unsigned deaths = 0;

	(void)state;
	for (unsigned k = 1; k <= 10; k++)
		for (int who = 0; who < 2; who++) {
			struct bk_twin_device *d = who ? cast.second : cast.officer;
			char a[BK_ID_TEXT];

			report("today", a);
			assert_true(claim(cast.officer, a));
			assert_int_equal(offer(cast.officer, cast.second, NULL), 0);
			d->die_at = d->turns + k;
			bk_twin_call(cast.second, json_pack("{s:s, s:s, s:[i]}", "cmd", "handover-answer", "handover", handover,
				"accept", 0), NULL);
			bk_twin_pass(&twin, 3 * MINUTE);
			d->die_at = 0;
			deaths += d->deaths;
			d->deaths = 0;
			expect_item(cast.officer, 0, "moved");
			expect_owner(cast.officer, a, "Dienst 2");
			expect_owner(cast.second, a, "Dienst 2");
			bk_twin_pass(&twin, 12 * MINUTE); /* and keeps it */
			expect_owner(cast.officer, a, "Dienst 2");
			close_case(cast.second, a);
		}
	print_message("%u deaths\n", deaths);
	assert_true(deaths >= 6);
}

/* The server dies between the receiver's yes and the move. */
static void test_server_dies(void **state)
{
	char a[BK_ID_TEXT];

	(void)state;
	report("today", a);
	assert_true(claim(cast.officer, a));
	assert_int_equal(offer(cast.officer, cast.second, NULL), 0);
	bk_twin_cut(cast.officer, true);
	bk_twin_settle(&twin);
	assert_int_equal(answer(cast.second, json_pack("[i]", 0), NULL, NULL), 0);
	expect_item(cast.second, 0, "accepted");
	expect_owner(cast.second, a, "Dienst 1"); /* said yes, not yet theirs */
	bk_twin_stop(&twin);
	bk_twin_start(&twin);
	bk_twin_cut(cast.officer, false);
	bk_twin_pass(&twin, 3 * MINUTE);
	expect_owner(cast.second, a, "Dienst 2");
	close_case(cast.second, a);
}

/* ---- what is left in the store ---- */

struct walk {
	size_t found, rows;
};

static const char *const secrets[] = {"Iemand volgt mij", "geheime notitie", "Persoon", "\"key\"", "item/", "key/", "case/",
	"want/", "hand/", "gave/", "duty/"};

static int look(void *arg, const void *key, size_t key_len, const void *value, size_t len)
{
	struct walk *w = arg;

	w->rows++;
	for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++) {
		size_t n = strlen(secrets[i]);
		bool there = (len >= n && memmem(value, len, secrets[i], n)) || (key_len >= n && memcmp(key, secrets[i], n) == 0);

		if (there && w->found++ < 5)
			fprintf(stderr, "%.*s: %s\n", (int)strcspn(key, "/"), (const char *)key, secrets[i]);
	}
	return 0;
}

/* R12, C8: off duty nothing of the desk is on the device; back on duty, all that is open is. */
static void test_nothing_remains(void **state)
{
	struct walk before = {0, 0}, after = {0, 0};
	char a[BK_ID_TEXT];

	(void)state;
	report("today", a);
	assert_true(claim(cast.officer, a));
	bk_twin_do(cast.officer, json_pack("{s:s, s:s, s:s}", "cmd", "note", "case", a, "text", "geheime notitie"));
	release(cast.officer, a);
	assert_int_equal(bk_kv_each(cast.officer->kv, "", 0, look, &before), 0);
	assert_true(before.found > 5);
	assert_int_equal(duty(cast.officer, false, NULL, NULL), 0);
	assert_int_equal(bk_kv_each(cast.officer->kv, "", 0, look, &after), 0);
	assert_int_equal(after.found, 0);
	assert_true(after.rows > 10);
	bk_twin_reboot(cast.officer);
	bk_twin_pass(&twin, MINUTE);
	assert_int_equal(duty(cast.officer, true, NULL, NULL), 0);
	expect_owner(cast.officer, a, "");
	assert_true(claim(cast.officer, a));
	close_case(cast.officer, a);
}

/* What is not yet stored goes first; the device empties its store only when the server has said that it is off duty. */
static void test_waits_for_what_is_not_stored(void **state)
{
	char a[BK_ID_TEXT];
	struct walk after = {0, 0};

	(void)state;
	report("today", a);
	assert_true(claim(cast.officer, a));
	bk_twin_call(cast.officer, json_pack("{s:s, s:s, s:s}", "cmd", "note", "case", a, "text", "geheime notitie"), NULL);
	bk_twin_call(cast.officer, json_pack("{s:s, s:s, s:s}", "cmd", "release", "case", a, "reason", "klaar"), NULL);
	assert_int_equal(duty(cast.officer, false, NULL, NULL), 0);
	assert_int_equal(bk_kv_each(cast.officer->kv, "", 0, look, &after), 0);
	assert_int_equal(after.found, 0);
	expect_owner(cast.second, a, "");
	assert_int_equal(duty(cast.officer, true, NULL, NULL), 0);
	close_case(cast.officer, a);
	for (unsigned k = 1; k <= 6; k++) { /* and whenever it dies */
		bk_twin_pass(&twin, 2000);
		report("today", a);
		cast.officer->die_at = cast.officer->turns + k;
		bk_twin_call(cast.officer, json_pack("{s:s, s:b}", "cmd", "duty", "on", 0), NULL);
		bk_twin_pass(&twin, 2 * MINUTE);
		cast.officer->die_at = 0;
		duty(cast.officer, false, NULL, NULL);
		memset(&after, 0, sizeof after);
		assert_int_equal(bk_kv_each(cast.officer->kv, "", 0, look, &after), 0);
		assert_int_equal(after.found, 0);
		assert_int_equal(duty(cast.officer, true, NULL, NULL), 0);
		close_case(cast.officer, a);
	}
}

/* A withdrawn lead's handover is nobody's; so is a yes of a device that was withdrawn after the offer. */
static void test_withdrawn(void **state)
{
	char a[BK_ID_TEXT];

	(void)state;
	report("today", a);
	assert_int_equal(duty(lead, true, NULL, NULL), 0);
	assert_true(claim(cast.officer, a));
	assert_int_equal(offer(cast.officer, lead, NULL), 0);
	bk_twin_revoke(lead);
	bk_twin_pass(&twin, 5000);
	expect_item(cast.officer, 0, "offered");
	expect_owner(cast.second, a, "Dienst 1");
	assert_int_equal(offer(cast.officer, lead, NULL), BK_E_NOT_FOUND);
	bk_twin_pass(&twin, 12 * MINUTE);
	expect_owner(cast.second, a, "Dienst 1"); /* goes on being theirs */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_r5_item_by_item),
		cmocka_unit_test(test_answers_of_others),
		cmocka_unit_test(test_unowned_alarm),
		cmocka_unit_test(test_forced),
		cmocka_unit_test(test_kill_at_each_step),
		cmocka_unit_test(test_server_dies),
		cmocka_unit_test(test_nothing_remains),
		cmocka_unit_test(test_waits_for_what_is_not_stored),
		cmocka_unit_test(test_withdrawn),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
