/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Damaged rows in a live store: a withdrawal still withdraws (lesson R12), and no order of messages a client may
 * choose makes tables disagree, for a store that does not hold together cannot be restored.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "err.h"
#include "store_box.h"
#include "store_in.h"

#define NORMAL BAKEN__CLASS__CLASS_NORMAL

static struct bk_store_box box;

static int setup(void **state)
{
	(void)state;
	memset(&box, 0, sizeof box);
	bk_store_box_realm(&box, "damage");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	bk_store_box_close(&box);
	return 0;
}

/* The n-th row of a table gets this value; NULL: is lost. */
static void spoil(enum bk_table table, unsigned n, const void *value, size_t len)
{
	uint8_t key[BK_ENV_KEY_MAX];
	struct bk_txn *t = NULL;
	struct bk_env_cursor c;
	size_t key_len;
	int err;

	assert_int_equal(bk_env_begin(box.store->env, true, &t), 0);
	assert_int_equal(bk_env_cursor_open(t, table, &c), 0);
	for (err = bk_env_seek(&c, NULL, 0); !err && n; n--)
		err = bk_env_next(&c);
	assert_int_equal(err, 0);
	memcpy(key, c.key.data, key_len = c.key.len);
	bk_env_cursor_close(&c);
	if (value)
		assert_int_equal(bk_env_put(t, table, key, key_len, value, len), 0);
	else
		assert_int_equal(bk_env_del(t, table, key, key_len), 0);
	assert_int_equal(bk_env_commit(t), 0);
}

/* Whatever its queue looks like: a withdrawn device has none. */
static void withdrawal_despite_damage(void **state)
{
	struct bk_device_row d;

	(void)state;
	for (unsigned i = 0; i < 6; i++)
		assert_int_not_equal(bk_store_box_send(&box, i, NORMAL, BK_BOX_OFFICER), 0);
	assert_int_not_equal(bk_store_box_send(&box, 9, NORMAL, BK_BOX_LEAD), 0);
	assert_int_equal(bk_store_box_login(&box, BK_BOX_OFFICER, 1, 0), 0);
	spoil(BK_T_LETTER, 0, "junk", 4);
	spoil(BK_T_LETTER, 1, NULL, 0);
	spoil(BK_T_OUTBOX, 2, "junk", 4);
	spoil(BK_T_REFS, 3, NULL, 0);
	spoil(BK_T_BODY, 4, NULL, 0);
	box.desk.devices[1].status = BAKEN__DEVICE_STATUS__DEVICE_REVOKED;
	assert_int_equal(bk_store_box_put(&box, &box.desk, NULL), 0);
	d = bk_store_box_device(&box, BK_BOX_OFFICER);
	assert_int_equal(d.status, BAKEN__DEVICE_STATUS__DEVICE_REVOKED);
	assert_int_equal(d.queued, 0);
	assert_int_equal(d.queued_bytes, 0);
	assert_int_equal(bk_store_box_rows(&box, BK_T_OUTBOX), 1);
	assert_int_equal(bk_store_box_stats(&box).queued_bytes, 100 + BK_CAPSULE_BYTES);
	assert_int_equal(bk_store_box_rows(&box, BK_T_SESSION), 0);
}

static int submit(unsigned message, const unsigned *to, bool keep)
{
	uint8_t capsule[BK_CAPSULE_BYTES] = {1};
	struct bk_op_capsule c = {bk_sample_id(*to), capsule, 0};
	struct bk_op op = {.kind = BK_OP_SUBMIT};

	op.submit.message = bk_sample_id(message);
	op.submit.class = NORMAL;
	op.submit.body = (struct bk_bytes){(const uint8_t *)"one body", 8};
	op.submit.body_hash = bk_hash_of("one body", 8);
	op.submit.keep_body = keep;
	op.submit.desks[0] = BK_BOX_DESK;
	op.submit.capsules = &c;
	op.submit.n_capsules = 1;
	return bk_store_box_do(&box, &op);
}

static bool is_kept(void)
{
	struct bk_store_view *v = bk_store_box_view(&box);
	struct bk_bytes body;
	bk_ms stored;
	int err = bk_store_body(v, bk_hash_of("one body", 8), BK_BOX_DESK, &body, &stored);

	bk_store_view_end(v);
	return err == 0 && body.len == 8;
}

/* One body under two messages, kept or not, in every order of three submits: tables agree, and kept means kept. */
static void one_body_under_two_messages(void **state)
{
	static const unsigned devices[] = {BK_BOX_VAULT, BK_BOX_OFFICER, BK_BOX_LEAD};

	(void)state;
	for (unsigned order = 0; order < 64; order++) {
		bool kept = false;

		for (unsigned i = 0; i < 3; i++) {
			unsigned choice = order >> (2 * i) & 3;
			bool keep = choice & 1;

			assert_int_equal(submit(0x9000 + order * 2 + (choice >> 1), &devices[i], keep), 0);
			kept = kept || keep;
			assert_int_equal(bk_store_box_check(&box), 0);
		}
		assert_true(!kept || is_kept());
		for (unsigned i = 0; i < 3; i++) {
			struct bk_row_state s;
			struct bk_txn *t = NULL;

			assert_int_equal(bk_env_begin(box.store->env, false, &t), 0);
			assert_int_equal(bk_store_state(t, bk_sample_id(devices[i]), &s), 0);
			bk_env_abort(t);
			assert_int_equal(bk_store_box_ack(&box, devices[i], s.next << 3 | NORMAL, NULL), 0);
		}
		assert_int_equal(bk_store_box_check(&box), 0);
		assert_true(!kept || is_kept());
		box.now += 400 * BK_SAMPLE_DAY;
		bk_store_box_expire(&box);
		assert_int_equal(bk_store_box_check(&box), 0);
		assert_int_equal(bk_store_box_rows(&box, BK_T_BODY), 0);
		assert_int_equal(bk_store_box_rows(&box, BK_T_NAMED), 0);
		box.now = BK_SAMPLE_NOW;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(withdrawal_despite_damage, setup, teardown),
		cmocka_unit_test_setup_teardown(one_body_under_two_messages, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
