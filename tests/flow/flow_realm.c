/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The test library's realm against the real server: log in both ways, send, receive, resume, change a roster. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "err.h"
#include "talk.h"
#include "tmp.h"

static struct bk_realm realm;
static uint32_t desk, person, officer, phone, tablet;

static int setup(void **state)
{
	(void)state;
	bk_realm_init(&realm, bk_tmp_path("realm"), 1);
	desk = bk_realm_circle(&realm, BAKEN__CIRCLE_KIND__CIRCLE_DESK, BK_REALM_NONE, BK_REALM_NONE);
	person = bk_realm_circle(&realm, BAKEN__CIRCLE_KIND__CIRCLE_PERSON, desk, BK_REALM_NONE);
	officer = bk_realm_device(&realm, desk, BAKEN__ROLE__ROLE_OFFICER);
	bk_realm_device(&realm, desk, BAKEN__ROLE__ROLE_VAULT);
	phone = bk_realm_device(&realm, person, BAKEN__ROLE__ROLE_PERSON);
	tablet = bk_realm_device(&realm, person, BAKEN__ROLE__ROLE_PERSON);
	bk_realm_make(&realm);
	return bk_realm_start(&realm, NULL);
}

static int teardown(void **state)
{
	int code = bk_realm_stop(&realm);

	(void)state;
	bk_realm_done(&realm);
	return code;
}

static void a_message_goes_both_ways_in(bool tls)
{
	struct bk_talk from, to;
	Baken__Frame *f = NULL;
	bk_id id = bk_id_random();
	uint64_t seq;

	bk_talk_init(&from, &realm, officer);
	bk_talk_init(&to, &realm, phone);
	assert_int_equal(bk_talk_login(&to, tls), 0);
	assert_int_equal(bk_talk_expect(&to, BAKEN__FRAME__KIND_CAUGHT_UP, 0, &f), 0);
	assert_int_equal(bk_talk_login(&from, tls), 0);
	assert_int_equal(bk_talk_submit(&from, person, id, 0, 1024, &f), 0);
	assert_int_equal(bk_wire_error(f), 0);
	assert_int_equal(f->kind_case, BAKEN__FRAME__KIND_STORED);
	assert_memory_equal(f->stored->items[0]->receipt->message_id.data, id.b, BK_ID_BYTES);
	assert_int_equal(bk_talk_expect(&to, BAKEN__FRAME__KIND_DELIVER, 0, &f), 0);
	assert_memory_equal(f->deliver->items[0]->message_id.data, id.b, BK_ID_BYTES);
	assert_int_equal(f->deliver->items[0]->body.len, bk_wire_body_bytes(1024));
	seq = f->deliver->items[0]->seq;
	bk_wire_ack(&seq, 1, &to.out);
	assert_int_equal(bk_talk_send(&to), 0);
	bk_talk_hang_up(&from);
	assert_int_equal(bk_talk_resume(&from, tls), 0);
	assert_int_equal(bk_talk_ask(&from, bk_wire_drill(&from.line, &from.out), &f), 0);
	assert_int_equal(f->kind_case, BAKEN__FRAME__KIND_DRILL);
	bk_talk_done(&from);
	bk_talk_done(&to);
}

static void over_tls(void **state)
{
	(void)state;
	a_message_goes_both_ways_in(true);
}

static void over_plain(void **state)
{
	(void)state;
	a_message_goes_both_ways_in(false);
}

static void a_new_roster_withdraws_a_device(void **state)
{
	struct bk_talk t;
	Baken__Frame *f = NULL;

	(void)state;
	bk_talk_init(&t, &realm, tablet);
	assert_int_equal(bk_talk_login(&t, true), 0);
	realm.devices[tablet].status = BAKEN__DEVICE_STATUS__DEVICE_REVOKED;
	assert_int_equal(bk_realm_put(&realm, person), 0);
	assert_int_equal(bk_talk_expect(&t, BAKEN__FRAME__KIND_ERROR, 0, &f), 0);
	assert_int_equal(bk_wire_error(f), BK_E_REVOKED);
	assert_int_equal(bk_talk_expect(&t, BAKEN__FRAME__KIND_ERROR, 0, &f), BK_E_NET);
	assert_int_equal(bk_talk_login(&t, true), BK_E_REVOKED);
	bk_talk_done(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(over_tls),
		cmocka_unit_test(over_plain),
		cmocka_unit_test(a_new_roster_withdraws_a_device),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
