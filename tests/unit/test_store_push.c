/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where devices can be woken: sealed, bound to its device, gone with withdrawal (R12), log-off and time. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "err.h"
#include "store_box.h"
#include "store_in.h"
#include "tmp.h"

#define ENDPOINT "https://push.example/v1/secret-of-the-phone"

static struct bk_store_box box;

static int setup(void **state)
{
	static unsigned n;
	char name[32];

	(void)state;
	snprintf(name, sizeof name, "push-%u", n++);
	bk_store_box_realm(&box, name);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	bk_store_box_close(&box);
	return 0;
}

/* The endpoint, or the error's name. */
static const char *look(unsigned device)
{
	static char text[BK_PUSH_ENDPOINT_MAX + 1];
	struct bk_store_view *v = bk_store_box_view(&box);
	int err = bk_store_push(v, bk_sample_id(device), text, sizeof text);

	bk_store_view_end(v);
	return err ? bk_err_name(err) : text;
}

static void set_replaced_and_taken_back(void **state)
{
	(void)state;
	assert_string_equal(look(BK_BOX_PHONE), "BK_E_NOT_FOUND");
	assert_int_equal(bk_store_box_push(&box, BK_BOX_PHONE, ENDPOINT), 0);
	assert_string_equal(look(BK_BOX_PHONE), ENDPOINT);
	assert_int_equal(bk_store_box_push(&box, BK_BOX_PHONE, ENDPOINT "/2"), 0);
	assert_string_equal(look(BK_BOX_PHONE), ENDPOINT "/2");
	assert_string_equal(look(BK_BOX_TABLET), "BK_E_NOT_FOUND");
	assert_int_equal(bk_store_box_reopen(&box), 0);
	assert_string_equal(look(BK_BOX_PHONE), ENDPOINT "/2");
	assert_int_equal(bk_store_box_push(&box, BK_BOX_PHONE, ""), 0);
	assert_int_equal(bk_store_box_push(&box, BK_BOX_PHONE, ""), 0);
	assert_string_equal(look(BK_BOX_PHONE), "BK_E_NOT_FOUND");
	assert_int_equal(bk_store_box_push(&box, 999, ENDPOINT), BK_E_REVOKED);
	assert_int_equal(bk_store_box_check(&box), 0);
}

static void of_any_length(void **state)
{
	char text[BK_PUSH_ENDPOINT_MAX + 2];

	(void)state;
	memset(text, 'a', sizeof text);
	text[sizeof text - 1] = '\0';
	assert_int_equal(bk_store_box_push(&box, BK_BOX_PHONE, text), BK_E_TOO_BIG);
	for (size_t n = BK_PUSH_ENDPOINT_MAX; n; n = n > 300 ? n - 255 : n - 1) {
		text[n] = '\0';
		assert_int_equal(bk_store_box_push(&box, BK_BOX_PHONE, text), 0);
		assert_string_equal(look(BK_BOX_PHONE), text);
	}
}

static struct bk_bytes row_of(struct bk_txn *t, unsigned device)
{
	struct bk_bytes value = {NULL, 0};
	bk_id id = bk_sample_id(device);

	assert_int_equal(bk_env_get(t, BK_T_PUSH, id.b, sizeof id.b, &value), 0);
	return value;
}

/* Neither text nor length are to be seen; a row under another device opens for nobody. */
static void sealed_and_bound(void **state)
{
	struct bk_txn *t = NULL;
	struct bk_bytes value;
	uint8_t copy[400];
	bk_id tablet = bk_sample_id(BK_BOX_TABLET);
	size_t len;

	(void)state;
	assert_int_equal(bk_store_box_push(&box, BK_BOX_PHONE, ENDPOINT), 0);
	assert_int_equal(bk_store_box_push(&box, BK_BOX_TABLET, "https://p/"), 0);
	assert_int_equal(bk_env_begin(box.store->env, true, &t), 0);
	value = row_of(t, BK_BOX_PHONE);
	len = value.len;
	assert_int_equal(row_of(t, BK_BOX_TABLET).len, len);
	assert_null(memmem(value.data, len, "push", 4));
	assert_true(len <= sizeof copy);
	memcpy(copy, value.data, len);
	assert_int_equal(bk_env_put(t, BK_T_PUSH, tablet.b, sizeof tablet.b, copy, len), 0);
	assert_int_equal(bk_env_commit(t), 0);
	assert_string_equal(look(BK_BOX_PHONE), ENDPOINT);
	assert_string_equal(look(BK_BOX_TABLET), "BK_E_CORRUPT");
	assert_int_equal(bk_store_box_push(&box, BK_BOX_TABLET, "https://p/"), 0); /* put right */
	assert_string_equal(look(BK_BOX_TABLET), "https://p/");
}

static void gone_with_withdrawal(void **state)
{
	struct bk_op op;

	(void)state;
	assert_int_equal(bk_store_box_push(&box, BK_BOX_PHONE, ENDPOINT), 0);
	assert_int_equal(bk_store_box_push(&box, BK_BOX_TABLET, ENDPOINT), 0);
	for (size_t i = 0; i < box.person.n; i++)
		if (box.person.devices[i].number == BK_BOX_PHONE)
			box.person.devices[i].status = BAKEN__DEVICE_STATUS__DEVICE_REVOKED;
	assert_int_equal(bk_store_box_put(&box, &box.person, &op), 0);
	free(op.roster.revoked);
	assert_string_equal(look(BK_BOX_PHONE), "BK_E_NOT_FOUND");
	assert_string_equal(look(BK_BOX_TABLET), ENDPOINT);
	assert_int_equal(bk_store_box_push(&box, BK_BOX_PHONE, ENDPOINT), BK_E_REVOKED);
}

static void gone_with_log_off(void **state)
{
	struct bk_op op = {.kind = BK_OP_SESSION_DEL};

	(void)state;
	assert_int_equal(bk_store_box_push(&box, BK_BOX_PHONE, ENDPOINT), 0);
	assert_int_equal(bk_store_box_login(&box, BK_BOX_PHONE, 1, 0), 0);
	op.session.device = bk_sample_id(BK_BOX_PHONE);
	op.session.session = bk_sample_id(8001);
	for (unsigned n = 0; n < 20000 && bk_store_box_do(&box, &op) != 0; n++)
		op.session.session = bk_sample_id(n);
	assert_string_equal(look(BK_BOX_PHONE), "BK_E_NOT_FOUND");
}

/* Said again in time it stays; otherwise it ends. */
static void gone_with_time(void **state)
{
	(void)state;
	assert_int_equal(bk_store_box_push(&box, BK_BOX_PHONE, ENDPOINT), 0);
	assert_int_equal(bk_store_box_push(&box, BK_BOX_TABLET, ENDPOINT), 0);
	box.now += BK_STORE_PUSH_KEPT_MS / 2;
	assert_int_equal(bk_store_box_push(&box, BK_BOX_TABLET, ENDPOINT), 0);
	box.now += BK_STORE_PUSH_KEPT_MS / 2;
	bk_store_box_expire(&box);
	assert_string_equal(look(BK_BOX_PHONE), ENDPOINT);
	box.now++;
	bk_store_box_expire(&box);
	assert_string_equal(look(BK_BOX_PHONE), "BK_E_NOT_FOUND");
	assert_string_equal(look(BK_BOX_TABLET), ENDPOINT);
	assert_int_equal(bk_store_box_rows(&box, BK_T_PUSH), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(set_replaced_and_taken_back, setup, teardown),
		cmocka_unit_test_setup_teardown(of_any_length, setup, teardown),
		cmocka_unit_test_setup_teardown(sealed_and_bound, setup, teardown),
		cmocka_unit_test_setup_teardown(gone_with_withdrawal, setup, teardown),
		cmocka_unit_test_setup_teardown(gone_with_log_off, setup, teardown),
		cmocka_unit_test_setup_teardown(gone_with_time, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
