/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Schemas: newer ones are refused untouched, older ones brought up in one transaction. The database of each schema
 * that was ever released stays in tests/golden/store and must open for ever.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include <stdio.h>

#include "bytes.h"
#include "err.h"
#include "fault_os.h"
#include "kv_fault.h"
#include "store_box.h"
#include "store_in.h"
#include "tmp.h"

static struct bk_store_box box;
static char file[700];

static int setup(void **state)
{
	(void)state;
	memset(&box, 0, sizeof box);
	bk_store_box_realm(&box, "schema");
	snprintf(file, sizeof file, "%s/%s", box.path, BK_STORE_FILE);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	bk_kv_fault_set(NULL, NULL);
	bk_store_box_close(&box);
	return 0;
}

static void put_schema(uint64_t schema)
{
	struct bk_txn *t = NULL;

	assert_int_equal(bk_env_begin(box.store->env, true, &t), 0);
	assert_int_equal(bk_store_meta_put(t, "schema", schema), 0);
	assert_int_equal(bk_env_commit(t), 0);
}

static uint64_t meta(const char *name)
{
	struct bk_txn *t = NULL;
	uint64_t value = 0;

	assert_int_equal(bk_env_begin(box.store->env, false, &t), 0);
	assert_int_equal(bk_store_meta_get(t, name, &value), 0);
	bk_env_abort(t);
	return value;
}

static void newer_is_refused_untouched(void **state)
{
	uint8_t *before = NULL, *after = NULL;
	size_t n = 0, m = 0;

	(void)state;
	put_schema(BK_STORE_SCHEMA + 1);
	bk_store_box_close(&box);
	assert_int_equal(bk_tmp_read(file, &before, &n), 0);
	assert_int_equal(bk_store_open(&box.o, &box.store), BK_E_VERSION);
	box.o.read_only = true;
	assert_int_equal(bk_store_open(&box.o, &box.store), BK_E_VERSION);
	assert_int_equal(bk_tmp_read(file, &after, &m), 0);
	assert_int_equal(n, m);
	assert_memory_equal(before, after, n);
	free(before);
	free(after);
}

static void none_is_damage(void **state)
{
	struct bk_txn *t = NULL;

	(void)state;
	put_schema(0);
	assert_int_equal(bk_store_box_reopen(&box), BK_E_CORRUPT);
	bk_store_box_open(&box, "schema");
	assert_int_equal(bk_env_begin(box.store->env, true, &t), 0);
	assert_int_equal(bk_env_del(t, BK_T_META, "schema", 6), 0);
	assert_int_equal(bk_env_commit(t), 0);
	assert_int_equal(bk_store_box_reopen(&box), BK_E_CORRUPT);
}

/* ---- steps ---- */

static int fail_at; /* the step from this schema refuses; 0: none */

static int note(struct bk_txn *t, const char *name, uint64_t from)
{
	uint64_t order = 0;
	int err = bk_store_meta_get(t, "order", &order);

	if (!err)
		err = bk_store_meta_put(t, name, 1);
	if (!err)
		err = bk_store_meta_put(t, "order", order * 10 + from);
	return fail_at == (int)from ? BK_E_CORRUPT : err;
}

static int from_1(struct bk_store *s, struct bk_txn *t)
{
	(void)s;
	return note(t, "one", 1);
}

static int from_2(struct bk_store *s, struct bk_txn *t)
{
	(void)s;
	return note(t, "two", 2);
}

static const struct bk_store_step steps[] = {{2, from_2}, {1, from_1}, {0, NULL}};

static void older_is_brought_up(void **state)
{
	(void)state;
	fail_at = 0;
	assert_int_equal(bk_store_take_in(box.store, steps, 3), 0);
	assert_int_equal(meta("schema"), 3);
	assert_int_equal(meta("order"), 12);
	assert_int_equal(bk_store_take_in(box.store, steps, 3), 0); /* nothing left to do */
	assert_int_equal(meta("order"), 12);
	assert_int_equal(bk_store_take_in(box.store, steps, 2), BK_E_VERSION);
	assert_int_equal(bk_store_take_in(box.store, steps, 4), BK_E_VERSION); /* no step leads there */
	assert_int_equal(meta("schema"), 3);
	assert_int_equal(bk_store_box_check(&box), 0);
}

static int fail_commit(void *arg, enum bk_kv_fault_point point)
{
	(void)arg;
	return point == BK_KV_FAULT_COMMIT ? BK_E_IO : 0;
}

/* A step that fails, or a commit that does, leaves the old schema whole. */
static void failing_step_changes_nothing(void **state)
{
	(void)state;
	fail_at = 2;
	assert_int_equal(bk_store_take_in(box.store, steps, 3), BK_E_CORRUPT);
	assert_int_equal(meta("schema"), 1);
	assert_int_equal(meta("one"), 0);
	fail_at = 0;
	bk_kv_fault_set(fail_commit, NULL);
	assert_int_equal(bk_store_take_in(box.store, steps, 3), BK_E_IO);
	bk_kv_fault_set(NULL, NULL);
	assert_int_equal(meta("schema"), 1);
	assert_int_equal(meta("one"), 0);
	assert_int_equal(bk_store_box_reopen(&box), 0);
	assert_int_equal(bk_store_box_check(&box), 0);
}

static int take_in_read_only(void *arg)
{
	(void)arg;
	box.o.read_only = true;
	BK_CHILD_CHECK(bk_store_open(&box.o, &box.store) == 0);
	BK_CHILD_CHECK(bk_store_take_in(box.store, steps, 3) == BK_E_VERSION);
	return 0;
}

static void reader_does_not_migrate(void **state)
{
	(void)state;
	bk_store_box_close(&box);
	assert_int_equal(bk_fault_os_child(take_in_read_only, NULL), 0);
}

/* ---- golden ---- */

#define GOLDEN BAKEN_SOURCE_DIR "/tests/golden/store/"

/* BAKEN_WRITE_GOLDEN=1 writes it for a new schema, once, for ever. */
static void write_golden(const char *folder)
{
	bk_store_box_fill(&box);
	for (int table = 0; table < (int)BK_TABLES; table++)
		assert_true(bk_store_box_rows(&box, table) > 0);
	assert_int_equal(bk_store_backup(box.store, folder, box.now), 0);
}

static int see_one(void *arg, const struct bk_delivery_row *row)
{
	*(uint64_t *)arg = row->seq;
	return 0;
}

/* What bk_store_box_fill wrote, read by today's code. */
static void expect_filled(void)
{
	struct bk_store_view *v;
	struct bk_delivery_pos pos = {0};
	struct bk_session_row session;
	struct bk_invite_row invite;
	struct bk_file_row row;
	uint32_t left = 0, id = 0;
	uint64_t seq = 0;
	bk_hash digest;

	assert_int_equal(bk_store_box_check(&box), 0);
	for (int table = 0; table < (int)BK_TABLES; table++)
		assert_true(bk_store_box_rows(&box, table) > 0);
	v = bk_store_box_view(&box);
	assert_int_equal(bk_store_deliveries(v, bk_sample_id(BK_BOX_VAULT), &pos, 9, see_one, &seq), 0);
	assert_int_equal(seq, 1u << 3 | BAKEN__CLASS__CLASS_NORMAL);
	assert_int_equal(bk_store_file(v, bk_sample_hash(1), &row), 0);
	assert_int_equal(row.size, 70000);
	assert_int_equal(bk_store_prekeys_state(v, bk_sample_id(BK_BOX_PHONE), &left, &id, &digest), 0);
	assert_int_equal(left, 5);
	assert_int_equal(bk_store_ticket(v, bk_store_box_ticket(1), &session), 0);
	assert_true(bk_id_equal(session.device, bk_sample_id(BK_BOX_PHONE)));
	assert_int_equal(bk_store_invite(v, bk_sample_id(9001), &invite), 0);
	assert_int_equal(invite.expires_ms, BK_SAMPLE_NOW + BK_SAMPLE_DAY / 24);
	bk_store_view_end(v);
	assert_int_equal(bk_store_box_device(&box, BK_BOX_VAULT).queued, 1);
	assert_int_equal(bk_store_box_stats(&box).dead_letters, 1);
	assert_int_equal(bk_store_box_ack(&box, BK_BOX_VAULT, seq, NULL), 0);
	assert_int_equal(bk_store_box_put(&box, &box.person, NULL), 0); /* its list goes on where it stood */
	assert_int_equal(bk_store_box_check(&box), 0);
}

static void every_schema_opens(void **state)
{
	char folder[600], path[700];

	(void)state;
	for (unsigned schema = 1; schema <= BK_STORE_SCHEMA; schema++) {
		uint8_t *data = NULL;
		size_t n = 0;

		snprintf(folder, sizeof folder, GOLDEN "%u", schema);
		if (schema == BK_STORE_SCHEMA && getenv("BAKEN_WRITE_GOLDEN"))
			write_golden(folder);
		bk_store_box_close(&box);
		snprintf(path, sizeof path, "%s/" BK_STORE_FILE, folder);
		assert_int_equal(bk_tmp_read(path, &data, &n), 0);
		assert_int_equal(bk_tmp_write(file, data, n), 0);
		free(data);
		assert_int_equal(bk_store_open(&box.o, &box.store), 0);
		assert_int_equal(meta("schema"), BK_STORE_SCHEMA);
		expect_filled();
	}
}

static void every_backup_is_restored(void **state)
{
	struct bk_store_stats stats;
	char folder[600];

	(void)state;
	for (unsigned schema = 1; schema <= BK_STORE_SCHEMA; schema++) {
		snprintf(folder, sizeof folder, GOLDEN "%u", schema);
		assert_int_equal(bk_store_restore(folder, bk_tmp_path("restored"), box.key, box.now, &stats), 0);
		assert_int_equal(stats.schema, BK_STORE_SCHEMA);
		assert_int_equal(stats.queued, 2);
		bk_tmp_remove_tree(bk_tmp_path("restored"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(newer_is_refused_untouched, setup, teardown),
		cmocka_unit_test_setup_teardown(none_is_damage, setup, teardown),
		cmocka_unit_test_setup_teardown(older_is_brought_up, setup, teardown),
		cmocka_unit_test_setup_teardown(failing_step_changes_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(reader_does_not_migrate, setup, teardown),
		cmocka_unit_test_setup_teardown(every_schema_opens, setup, teardown),
		cmocka_unit_test_setup_teardown(every_backup_is_restored, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
