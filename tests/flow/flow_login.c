/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who may come in, and for how long: signatures bound to key, connection and moment; tickets; one live socket. */
#include <signal.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdlib.h>
#include <cmocka.h>

#include "cast.h"
#include "err.h"

static struct bk_cast cast;

static int open_cast(void **state)
{
	(void)state;
	bk_cast_open(&cast, "login", NULL);
	return 0;
}

static int close_cast(void **state)
{
	(void)state;
	bk_cast_close(&cast);
	return 0;
}

/* What the server answers to this login; then it must hang up with 1008. */
static int refused(struct bk_talk *t)
{
	Baken__Frame *f = NULL;
	int err = bk_talk_ask(t, bk_wire_login(&t->line, &t->out), &f);

	assert_int_equal(err, 0);
	err = bk_wire_error(f);
	assert_int_not_equal(err, 0);
	assert_int_equal(bk_talk_recv(t, 0, &f), BK_E_NET);
	assert_int_equal(bk_sock_code(t->sock), 1008);
	return err;
}

static void dial(struct bk_talk *t, uint32_t device)
{
	bk_talk_init(t, &cast.realm, device);
	assert_int_equal(bk_talk_dial(t, true), 0);
}

static void a_wrong_signature_is_refused(void **state)
{
	uint64_t before = bk_cast_metric(&cast, "bakend_logins_refused_total");
	struct bk_talk t;

	(void)state;
	dial(&t, cast.phone);
	t.line.secret[5] ^= 1;
	assert_int_equal(refused(&t), BK_E_LOGIN);
	bk_talk_done(&t);
	assert_int_equal(bk_cast_metric(&cast, "bakend_logins_refused_total"), before + 1);
	assert_int_equal(bk_cast_metric(&cast, "bakend_online"), 0);
}

static void a_login_to_another_server_is_refused(void **state)
{
	struct bk_talk t;

	(void)state;
	dial(&t, cast.phone);
	t.line.spki.b[0] ^= 1;
	assert_int_equal(refused(&t), BK_E_LOGIN);
	bk_talk_done(&t);
}

/* A relaying server in between has another TLS connection, so another exporter; and none is not an excuse. */
static void a_login_over_another_connection_is_refused(void **state)
{
	struct bk_talk t;

	(void)state;
	dial(&t, cast.phone);
	t.line.exporter[31] ^= 1;
	assert_int_equal(refused(&t), BK_E_LOGIN);
	bk_talk_done(&t);
	dial(&t, cast.phone);
	memset(t.line.exporter, 0, sizeof t.line.exporter);
	assert_int_equal(refused(&t), BK_E_LOGIN);
	bk_talk_done(&t);
}

static void only_a_browser_needs_no_exporter(void **state)
{
	struct bk_talk t;

	(void)state;
	bk_cast_login(&cast, &t, cast.tablet);
	bk_talk_done(&t);
}

static void a_replayed_login_is_refused(void **state)
{
	struct bk_talk a, b;
	Baken__Frame *f = NULL;

	(void)state;
	dial(&a, cast.phone);
	dial(&b, cast.phone);
	bk_wire_login(&a.line, &a.out);
	assert_int_equal(bk_sock_send(b.sock, a.out.data + a.out.off, a.out.len - a.out.off), 0);
	assert_int_equal(bk_talk_recv(&b, 0, &f), 0);
	assert_int_equal(bk_wire_error(f), BK_E_LOGIN);
	bk_talk_done(&a);
	bk_talk_done(&b);
}

/* A stranger learns nothing about who exists. */
static void an_unknown_device_looks_like_a_wrong_signature(void **state)
{
	struct bk_talk t;

	(void)state;
	dial(&t, cast.phone);
	t.line.device.b[3] ^= 1;
	assert_int_equal(refused(&t), BK_E_LOGIN);
	bk_talk_done(&t);
}

static void login_twice_ends_the_connection(void **state)
{
	struct bk_talk t;
	Baken__Frame *f = NULL;
	int err;

	(void)state;
	bk_cast_login(&cast, &t, cast.phone);
	bk_wire_login(&t.line, &t.out);
	assert_int_equal(bk_talk_send(&t), 0);
	while ((err = bk_talk_recv(&t, 0, &f)) == 0)
		;
	assert_int_equal(err, BK_E_NET);
	assert_int_equal(bk_sock_code(t.sock), 1008);
	bk_talk_done(&t);
}

/* A ticket is good once, for its own device; a signature on the same connection is the way back. */
static void a_ticket_is_good_once(void **state)
{
	struct bk_talk t, other;
	uint8_t first[32];

	(void)state;
	bk_cast_login(&cast, &t, cast.phone);
	memcpy(first, t.line.ticket, sizeof first);
	assert_int_equal(bk_talk_resume(&t, true), 0);
	assert_memory_not_equal(t.line.ticket, first, sizeof first);
	bk_cast_login(&cast, &other, cast.wife);
	memcpy(other.line.ticket, t.line.ticket, sizeof first);
	assert_int_equal(bk_talk_resume(&other, true), BK_E_LOGIN);
	memcpy(t.line.ticket, first, sizeof first);
	assert_int_equal(bk_talk_resume(&t, true), BK_E_LOGIN);
	bk_wire_login(&t.line, &t.out);
	{
		Baken__Frame *f = NULL;

		assert_int_equal(bk_talk_send(&t), 0);
		assert_int_equal(bk_talk_expect(&t, BAKEN__FRAME__KIND_LOGIN_OK, 0, &f), 0);
	}
	memset(t.line.ticket, 0, sizeof first);
	assert_int_equal(bk_talk_resume(&t, true), BK_E_LOGIN);
	bk_talk_done(&t);
	bk_talk_done(&other);
}

static void a_ticket_outlives_the_server(void **state)
{
	struct bk_talk t;

	(void)state;
	bk_cast_login(&cast, &t, cast.phone);
	bk_realm_kill(&cast.realm);
	assert_int_equal(bk_realm_start(&cast.realm, NULL), 0);
	assert_int_equal(bk_talk_resume(&t, true), 0);
	bk_talk_done(&t);
}

/* One live socket: the newer displaces the older, which hears why, and whose /files token is dead. */
static void the_newer_connection_displaces(void **state)
{
	struct bk_talk a, b;
	struct bk_cast_request q = {.method = "HEAD", .path = "/files/00112233445566778899aabbccddeeff"};
	struct bk_cast_answer answer;
	Baken__Frame *f = NULL;

	(void)state;
	bk_cast_ready(&cast, &a, cast.phone);
	q.token = a.line.file_token;
	assert_int_equal(bk_cast_http(&cast, &q, &answer), 0);
	assert_int_equal(answer.status, 404);
	free(answer.body);
	bk_cast_login(&cast, &b, cast.phone);
	assert_int_equal(bk_talk_expect(&a, BAKEN__FRAME__KIND_GO_AWAY, 0, &f), 0);
	assert_string_equal(f->go_away->reason, "displaced");
	assert_true(f->go_away->retry_after_ms > 1000);
	assert_int_equal(bk_talk_recv(&a, 0, &f), BK_E_NET);
	assert_int_equal(bk_cast_http(&cast, &q, &answer), 0);
	assert_int_equal(answer.status, 401);
	free(answer.body);
	assert_int_equal(bk_cast_metric(&cast, "bakend_online"), 1);
	bk_talk_done(&a);
	bk_talk_done(&b);
}

static void attempts_are_limited_by_address(void **state)
{
	const char *words[] = {"--logins-address=4", NULL};
	struct bk_cast c;
	struct bk_talk t;
	Baken__Frame *f = NULL;

	(void)state;
	bk_cast_open(&c, "attempts", words);
	bk_talk_init(&t, &c.realm, c.phone);
	for (int i = 0; i < 4; i++)
		assert_int_equal(bk_talk_login(&t, true), 0);
	assert_int_equal(bk_talk_dial(&t, true), 0);
	assert_int_equal(bk_talk_ask(&t, bk_wire_login(&t.line, &t.out), &f), 0);
	assert_int_equal(bk_wire_error(f), BK_E_RATE);
	assert_in_range(f->error->retry_after_ms, 1, 60000);
	assert_string_equal(f->error->name, "BK_E_RATE");
	assert_true(bk_cast_metric(&c, "bakend_rate_refused_total") > 0);
	bk_talk_done(&t);
	bk_cast_close(&c);
}

/*
 * R12: revoked in a live session: told and cut at once; queue, prekeys, session and ticket went in the same
 * commit; later messages do not reach it, and nothing of it works any more.
 */
static void revocation_cuts_at_once(void **state)
{
	struct bk_talk t, phone;
	struct bk_cast_request q = {.method = "POST", .path = "/files", .headers = "Tus-Resumable: 1.0.0\r\nUpload-Length: 9\r\n"};
	struct bk_cast_answer answer;
	Baken__Frame *f = NULL;
	int64_t prekeys;

	(void)state;
	bk_cast_ready(&cast, &phone, cast.phone);
	bk_cast_ready(&cast, &t, cast.wife);
	q.token = t.line.file_token;
	assert_int_equal(bk_talk_ask(&t, bk_wire_prekeys_put(&t.line, 1, 1, 20, true, &t.out), &f), 0);
	assert_int_equal(bk_wire_error(f), 0);
	prekeys = bk_cast_status(&cast, "prekeys");
	bk_cast_send(&phone, cast.relative, 0x900, BAKEN__CLASS__CLASS_NORMAL);
	bk_cast_take(&t, false);
	assert_int_equal(bk_cast_status(&cast, "queued"), 1);
	cast.realm.devices[cast.wife].status = BAKEN__DEVICE_STATUS__DEVICE_REVOKED;
	assert_int_equal(bk_realm_put(&cast.realm, cast.relative), 0);
	assert_int_equal(bk_talk_expect(&t, BAKEN__FRAME__KIND_ERROR, 0, &f), 0);
	assert_int_equal(f->error->code, BK_E_REVOKED);
	assert_int_equal(bk_talk_recv(&t, 0, &f), BK_E_NET);
	assert_int_equal(bk_sock_code(t.sock), 1008);
	assert_int_equal(bk_cast_status(&cast, "queued"), 0);
	assert_int_equal(bk_cast_status(&cast, "prekeys"), prekeys - 20);
	assert_int_equal(bk_cast_http(&cast, &q, &answer), 0);
	assert_int_equal(answer.status, 401);
	free(answer.body);
	assert_int_not_equal(bk_talk_resume(&t, true), 0);
	assert_int_equal(bk_talk_login(&t, true), BK_E_REVOKED);
	t.line.secret[4] ^= 1; /* only who signs well learns that */
	assert_int_equal(bk_talk_login(&t, true), BK_E_LOGIN);
	assert_int_equal(bk_talk_expect(&phone, BAKEN__FRAME__KIND_ROSTER_CHANGED, 0, &f), 0);
	f = bk_cast_submit(&phone, &(struct bk_cast_message){.circle = cast.relative, .devices = {cast.wife},
				   .n_devices = 1, .n = 0x901});
	assert_int_equal(bk_wire_error(f), BK_E_DEVICES);
	assert_int_equal(f->error->n_extra, 1);
	assert_int_equal(bk_cast_metric(&cast, "bakend_revoked_total"), 1);
	bk_talk_done(&t);
	bk_talk_done(&phone);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_wrong_signature_is_refused),
		cmocka_unit_test(a_login_to_another_server_is_refused),
		cmocka_unit_test(a_login_over_another_connection_is_refused),
		cmocka_unit_test(only_a_browser_needs_no_exporter),
		cmocka_unit_test(a_replayed_login_is_refused),
		cmocka_unit_test(an_unknown_device_looks_like_a_wrong_signature),
		cmocka_unit_test(login_twice_ends_the_connection),
		cmocka_unit_test(a_ticket_is_good_once),
		cmocka_unit_test(a_ticket_outlives_the_server),
		cmocka_unit_test(the_newer_connection_displaces),
		cmocka_unit_test(attempts_are_limited_by_address),
		cmocka_unit_test(revocation_cuts_at_once),
	};

	return cmocka_run_group_tests(tests, open_cast, close_cast);
}
