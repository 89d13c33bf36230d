/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The check that a restore and every crash test rely on, checked itself: it finds a row that is cut, lengthened,
 * lost or without the row it needs. And each write of a batch made to fail: the check then finds nothing wrong.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "err.h"
#include "kv_box.h"
#include "store_box.h"
#include "store_in.h"

#define ROUNDS_MAX 200

static struct bk_store_box box;

static int setup(void **state)
{
	(void)state;
	memset(&box, 0, sizeof box);
	bk_store_box_realm(&box, "check");
	bk_store_box_fill(&box);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	bk_kv_box_fault(NULL);
	bk_store_box_close(&box);
	return 0;
}

/* A row of a table, copied. */
struct copied {
	uint8_t key[BK_ENV_KEY_MAX], value[70000];
	size_t key_len, len;
};
static struct copied row;

static void take_row(enum bk_table table, unsigned skip)
{
	struct bk_txn *t = NULL;
	struct bk_env_cursor c;
	int err;

	assert_int_equal(bk_env_begin(box.store->env, false, &t), 0);
	assert_int_equal(bk_env_cursor_open(t, table, &c), 0);
	for (err = bk_env_seek(&c, NULL, 0); !err && skip; skip--)
		err = bk_env_next(&c);
	assert_int_equal(err, 0);
	assert_true(c.key.len <= sizeof row.key && c.value.len < sizeof row.value);
	memcpy(row.key, c.key.data, row.key_len = c.key.len);
	if ((row.len = c.value.len))
		memcpy(row.value, c.value.data, row.len);
	bk_env_cursor_close(&c);
	bk_env_abort(t);
}

static void put_row(enum bk_table table, size_t len)
{
	struct bk_txn *t = NULL;

	assert_int_equal(bk_env_begin(box.store->env, true, &t), 0);
	assert_int_equal(bk_env_put(t, table, row.key, row.key_len, row.value, len), 0);
	assert_int_equal(bk_env_commit(t), 0);
}

static void lose_row(enum bk_table table)
{
	struct bk_txn *t = NULL;

	assert_int_equal(bk_env_begin(box.store->env, true, &t), 0);
	assert_int_equal(bk_env_del(t, table, row.key, row.key_len), 0);
	assert_int_equal(bk_env_commit(t), 0);
}

/* Those with a layout, and those whose bytes have a hash elsewhere. */
static bool is_plain(enum bk_table table)
{
	return table == BK_T_META || table == BK_T_MEMBER || table == BK_T_ASSIGNED ||
		table == BK_T_WATCHDUE || table == BK_T_WATCHOF;
}

static void finds_cut_and_longer_rows(void **state)
{
	(void)state;
	assert_int_equal(bk_store_box_check(&box), 0);
	for (int i = 0; i < (int)BK_TABLES; i++) {
		enum bk_table table = (enum bk_table)i;

		if (is_plain(table))
			continue;
		take_row(table, 0);
		put_row(table, row.len - 1);
		assert_int_equal(bk_store_box_check(&box), BK_E_CORRUPT);
		row.value[row.len] = 0;
		put_row(table, row.len + 1);
		assert_int_equal(bk_store_box_check(&box), BK_E_CORRUPT);
		put_row(table, row.len);
		assert_int_equal(bk_store_box_check(&box), 0);
	}
}

/* Rows that stand for themselves: their loss cannot be seen from another table. */
static bool stands_alone(enum bk_table table)
{
	return table == BK_T_META || table == BK_T_INVITE || table == BK_T_DEDUPE || table == BK_T_FRESH ||
	       table == BK_T_DEAD || table == BK_T_CLAIM || table == BK_T_FILE ||
	       table == BK_T_LADDER || table == BK_T_PUSH;
}

static void finds_lost_rows(void **state)
{
	(void)state;
	for (int i = 0; i < (int)BK_TABLES; i++) {
		enum bk_table table = (enum bk_table)i;
		uint64_t rows = bk_store_box_rows(&box, i);

		for (unsigned k = 0; k < rows && !stands_alone(table); k++) {
			take_row(table, k);
			lose_row(table);
			/* A device that never got anything may be without counters. */
			if (table == BK_T_STATE && row.value[8] == 0)
				assert_true(bk_store_box_check(&box) == 0);
			else
				assert_int_equal(bk_store_box_check(&box), BK_E_CORRUPT);
			put_row(table, row.len);
			assert_int_equal(bk_store_box_check(&box), 0);
		}
	}
}

static void finds_wrong_totals(void **state)
{
	struct bk_txn *t = NULL;
	uint64_t bytes = 0;

	(void)state;
	assert_int_equal(bk_env_begin(box.store->env, true, &t), 0);
	assert_int_equal(bk_store_meta_get(t, "queued_bytes", &bytes), 0);
	assert_int_equal(bk_store_meta_put(t, "queued_bytes", bytes + 1), 0);
	assert_int_equal(bk_env_commit(t), 0);
	assert_int_equal(bk_store_box_check(&box), BK_E_CORRUPT);
}

static void stats_count_everything(void **state)
{
	struct bk_store_stats n = bk_store_box_stats(&box);

	(void)state;
	assert_int_equal(n.accounts, bk_store_box_rows(&box, BK_T_ACCOUNT));
	assert_true(n.accounts > 0);
	assert_int_equal(n.devices, 6);
	assert_int_equal(n.circles, 3);
	assert_int_equal(n.queued, 2);
	assert_int_equal(n.queued_bytes, 2 * (100 + BK_CAPSULE_BYTES));
	assert_int_equal(n.bodies, 2);
	assert_int_equal(n.dedupe, 3);
	assert_int_equal(n.ladder, 1);
	assert_int_equal(n.sessions, 1);
	assert_int_equal(n.files, 1);
	assert_int_equal(n.invites, 1);
	assert_int_equal(n.audit, 1);
	assert_int_equal(n.dead_letters, 1);
	assert_int_equal(n.prekeys, 5);
	assert_int_equal(n.schema, BK_STORE_SCHEMA);
	assert_int_equal(n.map_bytes, 256u << 20);
	assert_true(n.used_bytes > 100000 && n.used_bytes < 1000000);
	assert_false(n.read_only || n.frozen);
	assert_int_equal(n.due, 0);
}

/* ---- each write of a batch fails in turn ---- */

enum { REVOKE, SUBMIT, PUT_PREKEYS, CLAIM_PREKEY, NEW_SESSION, NAME_FILE, BURY, EXPIRE, ACTIONS };

static int act(unsigned action)
{
	const unsigned both[] = {BK_BOX_VAULT, BK_BOX_LEAD};
	const bk_hash file = bk_sample_hash(7);
	struct bk_box_message m = {.number = 900 + action, .to = both, .n_to = 2, .keep = true};
	struct bk_box_circle desk = box.desk;
	struct bk_op op = {.kind = BK_OP_NACK};
	struct bk_bundle bundle;
	int err = 0;

	switch (action) {
	case REVOKE:
		desk.devices[1].status = BAKEN__DEVICE_STATUS__DEVICE_REVOKED;
		err = bk_store_box_put(&box, &desk, &op);
		free(op.roster.revoked);
		return err;
	case SUBMIT:
		return bk_store_box_submit(&box, &m);
	case PUT_PREKEYS:
		return bk_store_box_prekeys(&box, BK_BOX_PHONE, 50, 3, 2, true, NULL);
	case CLAIM_PREKEY:
		return bk_store_box_claim_prekey(&box, BK_BOX_LEAD, BK_BOX_PHONE, &bundle);
	case NEW_SESSION:
		return bk_store_box_login(&box, BK_BOX_PHONE, 2, 1);
	case NAME_FILE:
		m.files = &file;
		m.n_files = 1;
		return bk_store_box_submit(&box, &m);
	case BURY:
		op.nack.device = bk_sample_id(BK_BOX_TABLET);
		op.nack.seq = 1u << 3 | BAKEN__CLASS__CLASS_NORMAL;
		return bk_store_box_do(&box, &op);
	default:
		for (bool more = true; !err && more;)
			err = bk_store_expire(box.store, box.now + 4000 * BK_SAMPLE_DAY, NULL, NULL, &more);
		return err;
	}
}

/* What the actions need, beyond what is there already. */
static void prepare(void)
{
	struct bk_op op = {.kind = BK_OP_NACK};

	assert_int_not_equal(bk_store_box_send(&box, 800, BAKEN__CLASS__CLASS_URGENT, BK_BOX_OFFICER), 0);
	assert_int_equal(bk_store_box_prekeys(&box, BK_BOX_OFFICER, 1, 3, 1, false, NULL), 0);
	assert_int_equal(bk_store_box_login(&box, BK_BOX_OFFICER, 7, 0), 0);
	assert_int_equal(bk_store_box_upload(&box, BK_BOX_OFFICER, 7, 100), 0);
	assert_int_equal(bk_store_box_upload(&box, BK_BOX_OFFICER, 8, 100), 0);
	assert_int_equal(bk_store_box_complete(&box, BK_BOX_OFFICER, 7, 7), 0);
	op.nack.device = bk_sample_id(BK_BOX_TABLET);
	op.nack.seq = bk_store_box_send(&box, 801, BAKEN__CLASS__CLASS_NORMAL, BK_BOX_TABLET);
	for (unsigned i = 1; i < BK_DELIVER_ATTEMPTS; i++)
		assert_int_equal(bk_store_box_do(&box, &op), 0);
}

static void expect_untouched(const struct bk_store_stats *before)
{
	struct bk_store_stats now = bk_store_box_stats(&box);

	assert_int_equal(bk_store_box_check(&box), 0);
	assert_int_equal(now.devices, before->devices);
	assert_int_equal(now.queued, before->queued);
	assert_int_equal(now.queued_bytes, before->queued_bytes);
	assert_int_equal(now.bodies, before->bodies);
	assert_int_equal(now.dedupe, before->dedupe);
	assert_int_equal(now.sessions, before->sessions);
	assert_int_equal(now.files, before->files);
	assert_int_equal(now.dead_letters, before->dead_letters);
	assert_int_equal(now.prekeys, before->prekeys);
}

static void every_write_may_fail(void **state)
{
	static const int errors[] = {BK_E_FULL, BK_E_NOMEM};
	unsigned rounds = 0;

	(void)state;
	prepare();
	for (unsigned action = 0; action < ACTIONS; action++) {
		struct bk_store_stats before = bk_store_box_stats(&box);
		int err = -1;

		for (long n = 0; err; n++) {
			struct bk_kv_box_fault f = {.n = n, .err = errors[n % 2], .only = -1};

			assert_true(n < ROUNDS_MAX);
			bk_kv_box_fault(&f);
			err = act(action);
			bk_kv_box_fault(NULL);
			assert_true(!err || err == f.err);
			if (err && action != EXPIRE) /* whose earlier steps are done */
				expect_untouched(&before);
			assert_int_equal(bk_store_box_check(&box), 0);
			rounds++;
		}
	}
	assert_true(rounds > 60);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(finds_cut_and_longer_rows, setup, teardown),
		cmocka_unit_test_setup_teardown(finds_lost_rows, setup, teardown),
		cmocka_unit_test_setup_teardown(finds_wrong_totals, setup, teardown),
		cmocka_unit_test_setup_teardown(stats_count_everything, setup, teardown),
		cmocka_unit_test_setup_teardown(every_write_may_fail, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
