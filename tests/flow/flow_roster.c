/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lists of devices over the wire, who hears of their changes, invitations, and the drill. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sodium.h>
#include <cmocka.h>

#include "cast.h"
#include "err.h"
#include "roster.h"

static struct bk_cast cast;
static struct bk_talk phone, wife, officer, foe;

static int open_cast(void **state)
{
	(void)state;
	bk_cast_open(&cast, "roster", NULL);
	bk_cast_ready(&cast, &phone, cast.phone);
	bk_cast_ready(&cast, &wife, cast.wife);
	bk_cast_ready(&cast, &officer, cast.officer);
	bk_cast_ready(&cast, &foe, cast.foe);
	return 0;
}

static int close_cast(void **state)
{
	(void)state;
	bk_talk_done(&phone);
	bk_talk_done(&wife);
	bk_talk_done(&officer);
	bk_talk_done(&foe);
	bk_cast_close(&cast);
	return 0;
}

static Baken__Rosters *get(struct bk_talk *t, uint32_t circle, uint64_t have)
{
	Baken__Frame *f = NULL;

	assert_int_equal(bk_talk_ask(t, bk_wire_roster_get(&t->line, cast.realm.circles[circle].circle, have, &t->out), &f), 0);
	assert_int_equal(f->kind_case, BAKEN__FRAME__KIND_ROSTERS);
	return f->rosters;
}

/* What comes is signed up to the root: the server can only pass on. From a version on, the whole chain. */
static void a_list_comes_with_its_chain(void **state)
{
	struct bk_roster *one = NULL, *two = NULL, *three = NULL;
	Baken__Rosters *m;

	(void)state;
	assert_int_equal(bk_realm_put(&cast.realm, cast.person), 0);
	assert_int_equal(bk_realm_put(&cast.realm, cast.person), 0);
	m = get(&phone, cast.person, 0);
	assert_int_equal(m->n_rosters, 1); /* the newest */
	assert_int_equal(bk_roster_verify(m->rosters[0], cast.realm.root_key, NULL, cast.realm.now, &three), 0);
	assert_int_equal(three->version, 3);
	m = get(&officer, cast.person, 1);
	assert_int_equal(m->n_rosters, 2); /* what is missing, oldest first */
	assert_int_equal(bk_roster_verify(m->rosters[0], cast.realm.root_key, NULL, cast.realm.now, &two), 0);
	assert_int_equal(two->version, 2);
	assert_int_equal(bk_roster_verify(m->rosters[1], cast.realm.root_key, two, cast.realm.now, &one), 0);
	assert_int_equal(get(&wife, cast.person, 3)->n_rosters, 0); /* up to date */
	assert_int_equal(get(&wife, cast.person, 99)->n_rosters, 0);
	bk_roster_free(one);
	bk_roster_free(two);
	bk_roster_free(three);
}

/* Those who may write to a circle hear of its change, and nobody else. */
static void changes_are_told_to_those_concerned(void **state)
{
	struct bk_talk *hears[] = {&phone, &wife, &officer};
	Baken__Frame *f = NULL;

	(void)state;
	for (size_t i = 0; i < 3; i++)
		bk_cast_silent(hears[i], BAKEN__FRAME__KIND_HELLO); /* what was told before */
	bk_cast_silent(&foe, BAKEN__FRAME__KIND_HELLO);
	assert_int_equal(bk_realm_put(&cast.realm, cast.person), 0);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(bk_talk_expect(hears[i], BAKEN__FRAME__KIND_ROSTER_CHANGED, 0, &f), 0);
		assert_memory_equal(f->roster_changed->circle_id.data, cast.realm.circles[cast.person].circle.b, BK_ID_BYTES);
		assert_int_equal(f->roster_changed->version, cast.realm.circles[cast.person].version);
	}
	assert_true(bk_cast_silent(&foe, BAKEN__FRAME__KIND_ROSTER_CHANGED));
}

/* A list that is not the next one, or not by our registrars, changes nothing. */
static void an_old_or_foreign_list_is_refused(void **state)
{
	struct bk_realm_circle *c = &cast.realm.circles[cast.person];
	uint64_t version = c->version;
	bk_hash hash = c->hash;

	(void)state;
	c->version = version - 1; /* the same number with another content: a fork */
	assert_int_equal(bk_realm_put(&cast.realm, cast.person), BK_E_CHAIN);
	c->version = version - 2;
	assert_int_equal(bk_realm_put(&cast.realm, cast.person), BK_E_OLD);
	c->version = version; /* the next number, but not the hash of the one before */
	c->hash.b[0] ^= 1;
	assert_int_equal(bk_realm_put(&cast.realm, cast.person), BK_E_CHAIN);
	c->version = version;
	c->hash = hash;
	assert_int_equal(bk_realm_put(&cast.realm, cast.person), 0);
}

/* After a restore the registrar's book is ahead: numbers are left out, and nobody searches for them for ever. */
static void numbers_may_be_left_out(void **state)
{
	struct bk_realm_circle *c = &cast.realm.circles[cast.person];
	uint64_t version = c->version;
	struct bk_roster *newest = NULL;
	Baken__Rosters *m;

	(void)state;
	c->version += 2;
	assert_int_equal(bk_realm_put(&cast.realm, cast.person), 0);
	assert_int_equal(get(&phone, cast.person, version)->n_rosters, 1);
	c->version += 1ull << 50;
	assert_int_equal(bk_realm_put(&cast.realm, cast.person), 0);
	m = get(&phone, cast.person, version);
	assert_int_equal(m->n_rosters, 2);
	assert_int_equal(bk_roster_verify(m->rosters[1], cast.realm.root_key, NULL, cast.realm.now, &newest), 0);
	assert_int_equal(newest->version, c->version);
	bk_roster_free(newest);
}

/* Staff ask for the people assigned to them; people may not ask. */
static void staff_see_their_people(void **state)
{
	bk_id none = {{0}};
	Baken__Frame *f = NULL;

	(void)state;
	assert_int_equal(bk_talk_ask(&officer, bk_wire_circles_get(&officer.line, none, &officer.out), &f), 0);
	assert_int_equal(f->kind_case, BAKEN__FRAME__KIND_CIRCLES);
	assert_int_equal(f->circles->n_circles, 2); /* person and relative, not the stranger */
	assert_false(f->circles->more);
	for (size_t i = 0; i < 2; i++)
		assert_memory_not_equal(f->circles->circles[i]->circle_id.data, cast.realm.circles[cast.stranger].circle.b,
			BK_ID_BYTES);
	assert_int_equal(bk_talk_ask(&phone, bk_wire_circles_get(&phone.line, none, &phone.out), &f), 0);
	assert_int_equal(bk_wire_error(f), BK_E_ROLE);
}

/* ---- invitations ---- */

static bool control(const char *line)
{
	char *answer = bk_realm_control(&cast.realm, line);
	bool ok = answer && strstr(answer, "\"ok\":true");

	free(answer);
	return ok;
}

static bool put(const char *invite, const char *expires)
{
	char line[600];

	snprintf(line, sizeof line, "{\"id\":1,\"verb\":\"invite-put\",\"invite\":\"%s\",\"role\":\"person\","
		"\"account\":\"00000000000000000000000000000009\",\"circle\":\"00000000000000000000000000000008\","
		"\"expires_ms\":%s}", invite, expires);
	return control(line);
}

static bool done(const char *invite, const char *approved)
{
	char line[200];

	snprintf(line, sizeof line, "{\"id\":1,\"verb\":\"invite-done\",\"invite\":\"%s\",\"approved\":%s}", invite, approved);
	return control(line);
}

static uint64_t enrol(struct bk_talk *t, const uint8_t invite[16], uint8_t key)
{
	static uint8_t identity[32], mac[32];
	Baken__Frame f = BAKEN__FRAME__INIT;
	Baken__Enrol m = BAKEN__ENROL__INIT;

	memset(identity, key, sizeof identity);
	m.invite_id = bk_bytes(invite, BK_ID_BYTES);
	m.identity_key = bk_bytes(identity, 32);
	m.registration_id = 7;
	m.mac = bk_bytes(mac, 32);
	f.kind_case = BAKEN__FRAME__KIND_ENROL;
	f.enrol = &m;
	return bk_wire_ask(&t->line, &f, &t->out);
}

/* An invitation is for one device; that device may ask again; what the registrar decides reaches it by itself. */
static void an_invitation_is_for_one_device(void **state)
{
	const uint8_t invite[16] = {0x11}, late[16] = {0x12};
	char hex[33], late_hex[33];
	struct bk_talk a, b;
	Baken__Frame *f = NULL;

	(void)state;
	bk_hex_encode(hex, invite, 16);
	bk_hex_encode(late_hex, late, 16);
	bk_talk_init(&a, &cast.realm, cast.phone);
	bk_talk_init(&b, &cast.realm, cast.phone);
	assert_int_equal(bk_talk_dial(&a, true), 0);
	assert_int_equal(bk_talk_dial(&b, true), 0);
	assert_true(put(hex, "4000000000000"));
	assert_false(put(hex, "4000000000000")); /* once */
	assert_false(put(late_hex, "1000"));     /* past already */
	assert_false(done(hex, "true"));         /* nobody has asked yet */
	assert_int_equal(bk_talk_ask(&a, enrol(&a, invite, 1), &f), 0);
	assert_int_equal(f->kind_case, BAKEN__FRAME__KIND_ENROL_STATE);
	assert_int_equal(f->enrol_state->state, BAKEN__ENROL_STATE__STATE__WAITING);
	assert_int_equal(bk_talk_ask(&b, enrol(&b, invite, 2), &f), 0);
	assert_int_equal(bk_wire_error(f), BK_E_INVITE); /* another key */
	assert_int_equal(bk_talk_ask(&b, enrol(&b, invite, 1), &f), 0);
	assert_int_equal(f->enrol_state->state, BAKEN__ENROL_STATE__STATE__WAITING); /* the same, from a new connection */
	assert_true(done(hex, "false"));
	assert_int_equal(bk_talk_expect(&a, BAKEN__FRAME__KIND_ENROL_STATE, 0, &f), 0);
	assert_int_equal(f->request, 0);
	assert_int_equal(f->enrol_state->state, BAKEN__ENROL_STATE__STATE__REFUSED);
	bk_talk_done(&a);
	bk_talk_done(&b);
}

/* The drill goes the way of a message: its answer comes after a durable commit, with both times. */
static void a_drill_comes_back(void **state)
{
	Baken__Frame *f = NULL;

	(void)state;
	assert_int_equal(bk_talk_ask(&phone, bk_wire_drill(&phone.line, &phone.out), &f), 0);
	assert_int_equal(f->kind_case, BAKEN__FRAME__KIND_DRILL);
	assert_true(f->drill->received_ms >= cast.realm.now);
	assert_true(f->drill->committed_ms >= f->drill->received_ms);
}

/* Behind a TLS proxy: the same wire on loopback, without an exporter to bind. */
static void the_plain_door(void **state)
{
	struct bk_talk t;

	(void)state;
	bk_talk_init(&t, &cast.realm, cast.tablet);
	assert_int_equal(bk_talk_login(&t, false), 0);
	assert_false(t.line.has_exporter);
	assert_int_equal(bk_talk_resume(&t, false), 0);
	bk_talk_done(&t);
}

/* The operator can cut a device; it may come back. */
static void a_cut_device_may_come_back(void **state)
{
	char line[200], hex[33], *answer;
	struct bk_talk t;
	Baken__Frame *f = NULL;

	(void)state;
	bk_cast_ready(&cast, &t, cast.lead);
	snprintf(line, sizeof line, "{\"id\":4,\"verb\":\"cut\",\"device\":\"%s\"}",
		bk_hex_encode(hex, cast.realm.devices[cast.lead].device.b, 16));
	answer = bk_realm_control(&cast.realm, line);
	assert_non_null(answer);
	assert_non_null(strstr(answer, "\"cut\":true"));
	free(answer);
	assert_int_equal(bk_talk_expect(&t, BAKEN__FRAME__KIND_GO_AWAY, 0, &f), 0);
	assert_int_equal(bk_talk_recv(&t, 0, &f), BK_E_NET);
	assert_int_equal(bk_talk_resume(&t, true), 0);
	bk_talk_done(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_list_comes_with_its_chain),
		cmocka_unit_test(changes_are_told_to_those_concerned),
		cmocka_unit_test(an_old_or_foreign_list_is_refused),
		cmocka_unit_test(numbers_may_be_left_out),
		cmocka_unit_test(staff_see_their_people),
		cmocka_unit_test(an_invitation_is_for_one_device),
		cmocka_unit_test(a_drill_comes_back),
		cmocka_unit_test(the_plain_door),
		cmocka_unit_test(a_cut_device_may_come_back),
	};

	return cmocka_run_group_tests(tests, open_cast, close_cast);
}
