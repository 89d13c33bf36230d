/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What has to be said is said: through deaths at every step, weeks without a line, lists that change or are
 * forged, devices that cannot be reached (lessons M4, M6, M13, M15, M17).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "twin.h"

#define MINUTE 60000ull
#define DAY BK_SAMPLE_DAY
#define STEPS 16u

static struct bk_twin twin;
static struct bk_twin_cast cast;

static int setup(void **state)
{
	(void)state;
	bk_twin_cast(&twin, "outbox", &cast);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	bk_twin_close(&twin);
	return 0;
}

static json_t *report_command(const char *what)
{
	return json_pack("{s:s, s:s}", "cmd", "report", "what", what);
}

/* The message of the report that says `what`; zero when there is none. */
static bk_id find_report(struct bk_twin_device *d, const char *what, size_t *ret_n)
{
	json_t *reply = NULL, *item;
	bk_id id = {{0}};
	size_t i;

	*ret_n = 0;
	assert_int_equal(bk_twin_call(d, json_pack("{s:s}", "cmd", "messages"), &reply), 0);
	json_array_foreach(json_object_get(reply, "items"), i, item) {
		const char *said = json_string_value(json_object_get(item, "what"));

		if (!said || strcmp(said, what) != 0)
			continue;
		assert_int_equal(bk_id_parse(json_string_value(json_object_get(item, "message")), &id), 0);
		++*ret_n;
	}
	json_decref(reply);
	return id;
}

/* M13: whichever turn is the last of a process, every message is at every reader exactly once. */
static void die_each_turn(struct bk_twin_device *who, const char *name)
{
	unsigned deaths = 0;

	for (unsigned k = 1; k <= STEPS; k++) {
		struct bk_twin_device *const readers[] = {cast.officer, cast.second, cast.vault};
		char what[80];
		size_t n = 0;
		bk_id id;

		snprintf(what, sizeof what, "melding %s %u", name, k);
		who->die_at = who->turns + k;
		bk_twin_call(cast.person, report_command(what), NULL);
		bk_twin_pass(&twin, 10 * MINUTE);
		deaths += who->deaths;
		who->deaths = 0;
		who->die_at = 0;
		id = find_report(cast.person, what, &n);
		assert_int_equal(n, 1); /* the command's turn was committed, whatever came after */
		assert_int_not_equal(bk_twin_rung(cast.person, id, "decrypted"), 0);
		for (size_t i = 0; i < 3; i++) {
			assert_int_equal(bk_twin_kept(readers[i], id), 1);
			assert_true(bk_twin_count(readers[i], "message", "what", what) <= 1);
			assert_int_equal(bk_twin_count(readers[i], "undecryptable", NULL, NULL), 0);
		}
	}
	assert_true(deaths >= 3); /* deliver, stored, and a tick at least */
}

static void test_sender_dies_m13(void **state)
{
	(void)state;
	die_each_turn(cast.person, "afzender");
}

static void test_reader_dies_m1(void **state)
{
	(void)state;
	die_each_turn(cast.officer, "lezer");
}

static void test_vault_dies(void **state)
{
	(void)state;
	die_each_turn(cast.vault, "kluis");
}

static void test_server_dies(void **state)
{
	size_t n = 0;
	bk_id id;

	(void)state;
	bk_twin_stop(&twin);
	bk_twin_pass(&twin, MINUTE);
	assert_int_equal(bk_twin_call(cast.person, report_command("zonder server"), NULL), 0);
	id = find_report(cast.person, "zonder server", &n);
	assert_int_equal(bk_twin_rung(cast.person, id, "stored"), 0);
	assert_int_not_equal(bk_twin_rung(cast.person, id, "device"), 0);
	bk_twin_start(&twin);
	bk_twin_pass(&twin, 10 * MINUTE);
	assert_int_not_equal(bk_twin_rung(cast.person, id, "decrypted"), 0);
	assert_int_equal(bk_twin_kept(cast.officer, id), 1);
}

/* An answer that is lost on the way: asked again with the same message, stored once. */
static enum bk_twin_verdict lose_stored(void *arg, struct bk_twin_device *d, bool to_server, Baken__Frame *f)
{
	unsigned *left = arg;

	if (to_server || d != cast.person || f->kind_case != BAKEN__FRAME__KIND_STORED || !*left)
		return BK_TWIN_PASS;
	--*left;
	bk_twin_cut(d, true);
	bk_twin_cut(d, false);
	return BK_TWIN_LOSE;
}

static void test_stored_is_lost(void **state)
{
	unsigned left = 3;
	bk_id m;

	(void)state;
	twin.tap = lose_stored;
	twin.tap_arg = &left;
	m = bk_twin_do(cast.person, report_command("antwoord kwijt"));
	bk_twin_pass(&twin, 10 * MINUTE);
	twin.tap = NULL;
	assert_int_equal(left, 0);
	assert_int_not_equal(bk_twin_rung(cast.person, m, "decrypted"), 0);
	assert_int_equal(bk_twin_kept(cast.officer, m), 1);
}

/* M15: a device without prekeys holds nobody up, knows that it missed something, and asks again. */
static enum bk_twin_verdict lose_prekeys(void *arg, struct bk_twin_device *d, bool to_server, Baken__Frame *f)
{
	return to_server && strcmp(d->name, arg) == 0 && f->kind_case == BAKEN__FRAME__KIND_PREKEYS_PUT ? BK_TWIN_LOSE
													: BK_TWIN_PASS;
}

static void test_dead_device_m15(void **state)
{
	static char name[] = "Dienst 3";
	struct bk_twin_device *third;
	char id[BK_ID_TEXT];
	json_t *e;
	bk_id m;

	(void)state;
	twin.tap = lose_prekeys;
	twin.tap_arg = name;
	third = bk_twin_enrol(&twin, name, BAKEN__ROLE__ROLE_OFFICER, BK_TWIN_DESK);
	bk_twin_do(third, json_pack("{s:s, s:b}", "cmd", "duty", "on", 1));
	m = bk_twin_do(cast.person, report_command("een toestel hapert"));
	bk_twin_pass(&twin, MINUTE);
	assert_int_not_equal(bk_twin_rung(cast.person, m, "decrypted"), 0);
	assert_int_equal(bk_twin_kept(cast.officer, m), 1);
	assert_int_equal(bk_twin_kept(third, m), 0);
	e = bk_twin_take(third, "undecryptable", "message", bk_id_text(m, id));
	assert_non_null(e);
	assert_true(json_integer_value(json_object_get(e, "stored_ms")) > 0);
	json_decref(e);
	twin.tap = NULL;
	bk_twin_reboot(third); /* its keys are missing at the server: found out at the connect */
	bk_twin_pass(&twin, 11 * MINUTE);
	assert_int_equal(bk_twin_call(third, json_pack("{s:s, s:s}", "cmd", "ask-again", "message", id), NULL), 0);
	bk_twin_pass(&twin, 11 * MINUTE);
	assert_int_equal(bk_twin_kept(third, m), 1);
	assert_int_equal(bk_twin_kept(cast.officer, m), 1);
	bk_twin_revoke(third);
	assert_int_equal(bk_twin_count(third, "revoked", NULL, NULL), 1);
}

/* M4: what a reader lost with its keys is encrypted anew, from the plaintext that was kept. */
static void test_reader_loses_its_keys_m4(void **state)
{
	char id[BK_ID_TEXT];
	bk_id m;

	(void)state;
	bk_twin_cut(cast.officer, true);
	bk_twin_cut(cast.second, true);
	bk_twin_settle(&twin);
	m = bk_twin_do(cast.person, report_command("sleutels kwijt"));
	bk_twin_erase(cast.officer, "signal/session/");
	bk_twin_erase(cast.officer, "signal/prekey/");
	bk_twin_cut(cast.officer, false);
	bk_twin_cut(cast.second, false);
	bk_twin_pass(&twin, 11 * MINUTE);
	assert_int_equal(bk_twin_kept(cast.second, m), 1);
	assert_int_equal(bk_twin_kept(cast.officer, m), 0);
	assert_int_equal(bk_twin_count(cast.officer, "undecryptable", "message", bk_id_text(m, id)), 1);
	assert_int_equal(bk_twin_call(cast.officer, json_pack("{s:s, s:s}", "cmd", "ask-again", "message", id), NULL), 0);
	bk_twin_pass(&twin, 11 * MINUTE);
	assert_int_equal(bk_twin_kept(cast.officer, m), 1);
	assert_int_equal(bk_twin_kept(cast.second, m), 1);
	m = bk_twin_do(cast.person, report_command("en verder"));
	assert_int_equal(bk_twin_kept(cast.officer, m), 1);
	bk_twin_forget(cast.officer);
}

/* M17: whom the server names but the registrar did not sign is never addressed. */
struct ghost {
	bk_id device;
	unsigned told, addressed;
};

static enum bk_twin_verdict add_ghost(void *arg, struct bk_twin_device *d, bool to_server, Baken__Frame *f)
{
	struct ghost *g = arg;

	if (to_server && f->kind_case == BAKEN__FRAME__KIND_SUBMIT)
		for (size_t i = 0; i < f->submit->n_capsules; i++)
			g->addressed += memcmp(f->submit->capsules[i]->device_id.data, g->device.b, BK_ID_BYTES) == 0;
	if (to_server || d != cast.person || f->kind_case != BAKEN__FRAME__KIND_ROSTERS || !f->rosters->n_on_duty)
		return BK_TWIN_PASS;
	memcpy(f->rosters->on_duty[0].data, g->device.b, BK_ID_BYTES);
	g->told++;
	return BK_TWIN_CHANGED;
}

static void test_ghost_m17(void **state)
{
	struct ghost g = {.device = bk_sample_id(4242)};
	bk_id m;

	(void)state;
	twin.tap = add_ghost;
	twin.tap_arg = &g;
	bk_twin_reboot(cast.person);
	bk_twin_pass(&twin, 1000);
	m = bk_twin_do(cast.person, report_command("wie luistert mee"));
	bk_twin_pass(&twin, MINUTE);
	assert_true(g.told > 0);
	assert_int_equal(g.addressed, 0);
	twin.tap = NULL;
	bk_twin_reboot(cast.person);
	bk_twin_pass(&twin, 10 * MINUTE);
	assert_int_not_equal(bk_twin_rung(cast.person, m, "decrypted"), 0);
}

/* A list signed by a root that was not pinned, or an older one, is refused; what is known stays. */
struct forged {
	struct bk_sample_blob list;
	unsigned given;
};

static enum bk_twin_verdict give_forged(void *arg, struct bk_twin_device *d, bool to_server, Baken__Frame *f)
{
	struct forged *x = arg;

	if (to_server || d != cast.person || f->kind_case != BAKEN__FRAME__KIND_ROSTERS ||
		memcmp(f->rosters->circle_id.data, twin.circles[BK_TWIN_DESK].id.b, BK_ID_BYTES) != 0)
		return BK_TWIN_PASS;
	if (!f->rosters->n_rosters) {
		f->rosters->rosters = malloc(sizeof *f->rosters->rosters);
		assert_non_null(f->rosters->rosters);
	}
	while (f->rosters->n_rosters)
		baken__signed__free_unpacked(f->rosters->rosters[--f->rosters->n_rosters], NULL);
	f->rosters->rosters[f->rosters->n_rosters++] = bk_sample_unpack(x->list);
	x->given++;
	return BK_TWIN_CHANGED;
}

static struct bk_sample_blob foreign_list(void)
{
	struct bk_twin_circle keep = twin.circles[BK_TWIN_DESK];
	struct bk_sample_blob b = bk_twin_roster(&twin, BK_TWIN_DESK);
	Baken__Signed *s = bk_sample_unpack(b);

	twin.circles[BK_TWIN_DESK] = keep;
	s->signature.data[0] ^= 1;
	free(b.data);
	b.len = baken__signed__get_packed_size(s);
	b.data = malloc(b.len);
	baken__signed__pack(s, b.data);
	baken__signed__free_unpacked(s, NULL);
	return b;
}

static void try_forged(struct forged *x)
{
	uint64_t version = twin.circles[BK_TWIN_DESK].version;
	bk_id m;

	twin.tap = give_forged;
	twin.tap_arg = x;
	bk_twin_reboot(cast.person);
	bk_twin_pass(&twin, 1000);
	m = bk_twin_do(cast.person, report_command("valse lijst"));
	bk_twin_pass(&twin, MINUTE);
	twin.tap = NULL;
	assert_true(x->given > 0);
	bk_twin_pass(&twin, 10 * MINUTE);
	assert_int_not_equal(bk_twin_rung(cast.person, m, "decrypted"), 0);
	assert_int_equal(twin.circles[BK_TWIN_DESK].version, version);
	free(x->list.data);
}

static void test_forged_list(void **state)
{
	struct forged x = {.given = 0};

	(void)state;
	x.list = foreign_list();
	try_forged(&x);
}

static void test_older_list(void **state)
{
	struct forged x = {.given = 0};
	struct bk_store_view *v = NULL;
	struct bk_bytes b;

	(void)state;
	assert_int_equal(bk_store_view_begin(twin.server.store, &v), 0);
	assert_int_equal(bk_store_roster(v, twin.circles[BK_TWIN_DESK].id, 2, &b), 0);
	x.list.len = b.len;
	x.list.data = malloc(b.len);
	memcpy(x.list.data, b.data, b.len);
	bk_store_view_end(v);
	try_forged(&x);
}

/* A desk that grows between two messages: the same message goes to the new list, nobody gets it twice. */
static void test_list_grows(void **state)
{
	struct bk_twin_device *late;
	bk_id m;

	(void)state;
	bk_twin_cut(cast.person, true);
	bk_twin_settle(&twin);
	assert_int_equal(bk_twin_call(cast.person, report_command("nieuwe collega"), NULL), 0);
	late = bk_twin_enrol(&twin, "Dienst 4", BAKEN__ROLE__ROLE_OFFICER, BK_TWIN_DESK);
	bk_twin_do(late, json_pack("{s:s, s:b}", "cmd", "duty", "on", 1));
	bk_twin_cut(cast.person, false);
	bk_twin_pass(&twin, 10 * MINUTE);
	m = find_report(cast.person, "nieuwe collega", &(size_t){0});
	assert_int_equal(bk_twin_kept(late, m), 1);
	assert_int_equal(bk_twin_kept(cast.officer, m), 1);
	bk_twin_revoke(late);
	m = bk_twin_do(cast.person, report_command("collega weg"));
	bk_twin_pass(&twin, MINUTE);
	assert_int_not_equal(bk_twin_rung(cast.person, m, "decrypted"), 0);
}

/* Weeks offline: it waits on the device; with fresh lists all goes out, oldest first, once each. */
static void test_weeks_offline(void **state)
{
	bk_id first, m;
	char what[40];
	size_t n = 0;

	(void)state;
	bk_twin_cut(cast.person, true);
	for (int day = 0; day < 20; day++) {
		bk_twin_pass(&twin, DAY);
		snprintf(what, sizeof what, "dag %d", day);
		assert_int_equal(bk_twin_call(cast.person, report_command(what), NULL), 0);
		bk_twin_reboot(cast.person);
	}
	for (unsigned c = 0; c < BK_TWIN_CIRCLES; c++)
		assert_int_equal(bk_twin_sign(&twin, c), 0);
	bk_twin_cut(cast.person, false);
	bk_twin_pass(&twin, 15 * MINUTE);
	for (int day = 0; day < 20; day++) {
		snprintf(what, sizeof what, "dag %d", day);
		m = find_report(cast.person, what, &n);
		assert_int_equal(n, 1);
		assert_int_not_equal(bk_twin_rung(cast.person, m, "decrypted"), 0);
		assert_int_equal(bk_twin_kept(cast.officer, m), 1);
	}
	first = find_report(cast.officer, "dag 0", &n);
	m = find_report(cast.officer, "dag 19", &n);
	assert_true(bk_twin_rung(cast.person, first, "stored") <= bk_twin_rung(cast.person, m, "stored"));
}

/* The hard expiry: with a list that nobody has signed for too long nothing ordinary leaves, and it is said. */
static void test_hard_expiry(void **state)
{
	char id[BK_ID_TEXT];
	json_t *status = NULL, *e;
	bk_id m;

	(void)state;
	bk_twin_pass(&twin, 8 * DAY); /* soft: warned, still sent */
	m = bk_twin_do(cast.person, report_command("lijst wordt oud"));
	assert_int_not_equal(bk_twin_rung(cast.person, m, "decrypted"), 0);
	assert_int_equal(bk_twin_call(cast.person, json_pack("{s:s}", "cmd", "status"), &status), 0);
	assert_string_equal(json_string_value(json_object_get(json_object_get(status, "roster"), "age")), "soft");
	json_decref(status);
	bk_twin_pass(&twin, 7 * DAY);
	m = bk_twin_do(cast.person, report_command("lijst te oud"));
	bk_twin_pass(&twin, 10 * MINUTE);
	assert_int_equal(bk_twin_rung(cast.person, m, "stored"), 0);
	e = bk_twin_take(cast.person, "refused", "message", bk_id_text(m, id));
	assert_string_equal(json_string_value(json_object_get(e, "error")), "BK_E_EXPIRED");
	json_decref(e);
	assert_int_equal(bk_twin_count(cast.person, "refused", "message", id), 0); /* said once */
	for (unsigned c = 0; c < BK_TWIN_CIRCLES; c++)
		assert_int_equal(bk_twin_sign(&twin, c), 0);
	bk_twin_pass(&twin, 10 * MINUTE);
	assert_int_not_equal(bk_twin_rung(cast.person, m, "decrypted"), 0);
}

/* M5: a full queue refuses at the sender, who is told, keeps everything, and goes on when there is room. */
static void test_full_queue_m5(void **state)
{
	char what[40];
	size_t n = 0, there = 0;

	(void)state;
	bk_twin_stop(&twin);
	twin.queue_max = 12;
	bk_twin_start(&twin);
	bk_twin_pass(&twin, 10 * MINUTE);
	bk_twin_forget(cast.person);
	bk_twin_cut(cast.second, true);
	bk_twin_settle(&twin);
	for (int i = 0; i < 20; i++) {
		snprintf(what, sizeof what, "vol %d", i);
		bk_twin_do(cast.person, report_command(what));
		bk_twin_pass(&twin, 1000);
	}
	assert_true(bk_twin_count(cast.person, "quota", NULL, NULL) > 0);
	assert_int_equal(bk_twin_count(cast.person, "refused", NULL, NULL), 0);
	bk_twin_cut(cast.second, false);
	bk_twin_pass(&twin, 60 * MINUTE);
	for (int i = 0; i < 20; i++) {
		bk_id m;

		snprintf(what, sizeof what, "vol %d", i);
		m = find_report(cast.person, what, &n);
		assert_int_equal(n, 1);
		assert_int_not_equal(bk_twin_rung(cast.person, m, "decrypted"), 0);
		there += bk_twin_kept(cast.second, m);
		assert_int_equal(bk_twin_kept(cast.officer, m), 1);
	}
	assert_int_equal(there, 20);
	bk_twin_stop(&twin);
	twin.queue_max = 0;
	bk_twin_start(&twin);
	bk_twin_pass(&twin, 10 * MINUTE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sender_dies_m13),
		cmocka_unit_test(test_reader_dies_m1),
		cmocka_unit_test(test_vault_dies),
		cmocka_unit_test(test_server_dies),
		cmocka_unit_test(test_stored_is_lost),
		cmocka_unit_test(test_dead_device_m15),
		cmocka_unit_test(test_reader_loses_its_keys_m4),
		cmocka_unit_test(test_ghost_m17),
		cmocka_unit_test(test_forged_list),
		cmocka_unit_test(test_older_list),
		cmocka_unit_test(test_list_grows),
		cmocka_unit_test(test_full_queue_m5),
		cmocka_unit_test(test_weeks_offline),
		cmocka_unit_test(test_hard_expiry),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
