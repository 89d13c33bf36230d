/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Backups of a store that is being written to; restores that trust nothing, never give a number or a key out twice
 * (lessons M7, M8, M14) and leave nothing behind when they refuse.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "err.h"
#include "fault_os.h"
#include "store_box.h"
#include "store_in.h"
#include "tmp.h"

#define NORMAL BAKEN__CLASS__CLASS_NORMAL
#define SKIP 77

static struct bk_store_box box;
static char to[600], copy[600];

static int setup(void **state)
{
	(void)state;
	memset(&box, 0, sizeof box);
	bk_store_box_realm(&box, "live");
	snprintf(to, sizeof to, "%s", bk_tmp_path("backup"));
	snprintf(copy, sizeof copy, "%s", bk_tmp_path("copy"));
	bk_tmp_remove_tree(to);
	bk_tmp_remove_tree(copy);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	bk_store_box_close(&box);
	return 0;
}

static int restore(struct bk_store_stats *ret_stats)
{
	return bk_store_restore(to, copy, box.key, box.now, ret_stats);
}

/* The box goes on in the restored copy. */
static void move_into_copy(void)
{
	bk_store_box_close(&box);
	snprintf(box.path, sizeof box.path, "%s", copy);
	assert_int_equal(bk_store_open(&box.o, &box.store), 0);
	assert_int_equal(bk_store_box_check(&box), 0);
}

static bool exists(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0;
}

static void fill(void)
{
	for (unsigned i = 0; i < 5; i++)
		assert_int_not_equal(bk_store_box_send(&box, i, NORMAL, BK_BOX_PHONE), 0);
	assert_int_equal(bk_store_box_prekeys(&box, BK_BOX_PHONE, 1, 10, 1, false, NULL), 0);
	assert_int_equal(bk_store_box_login(&box, BK_BOX_PHONE, 1, 0), 0);
	assert_int_equal(bk_store_box_claim(&box, BK_BOX_OFFICER, 1, BAKEN__CLAIM__VERB__TAKE, NULL), 0);
	assert_int_equal(bk_store_box_upload(&box, BK_BOX_PHONE, 1, 1000), 0);
	assert_int_equal(bk_store_box_complete(&box, BK_BOX_PHONE, 1, 1), 0);
	assert_int_equal(bk_store_box_invite(&box, 1), 0);
	assert_int_equal(bk_store_box_audit(&box, "BACKUP", "result=0", NULL), 0);
}

static void same_state_but_for_what_lets_in(void **state)
{
	struct bk_store_stats before, after = {.devices = 0}, restored;

	(void)state;
	fill();
	before = bk_store_box_stats(&box);
	assert_int_equal(bk_store_backup(box.store, to, box.now), 0);
	assert_int_equal(bk_store_backup(box.store, to, box.now), BK_E_EXISTS); /* overwrites nothing */
	assert_int_equal(restore(&after), 0);
	move_into_copy();
	restored = bk_store_box_stats(&box);
	assert_int_equal(after.devices, before.devices);
	assert_int_equal(after.queued, before.queued);
	assert_int_equal(after.queued_bytes, before.queued_bytes);
	assert_int_equal(after.files, before.files);
	assert_int_equal(after.audit, before.audit);
	assert_int_equal(after.invites, before.invites);
	assert_int_equal(after.dedupe, before.dedupe);
	assert_int_equal(after.bodies, before.bodies);
	assert_int_equal(restored.queued, before.queued);
	assert_int_equal(after.sessions, 0);
	assert_int_equal(after.prekeys, 0);
	assert_int_equal(bk_store_box_rows(&box, BK_T_TICKET), 0);
	assert_int_equal(bk_store_box_rows(&box, BK_T_CLAIM), 0);
	assert_int_equal(bk_store_box_login(&box, BK_BOX_PHONE, 2, 1), BK_E_LOGIN); /* an old ticket */
	assert_int_equal(bk_store_restore(to, copy, box.key, box.now, &after), BK_E_EXISTS);
}

/* M7, M8: what the time between backup and restore gave out is not given out again. */
static void numbers_and_keys_do_not_come_back(void **state)
{
	struct bk_store_stats stats;
	struct bk_bundle bundle;
	uint64_t phone, officer, lead;

	(void)state;
	assert_int_equal(bk_store_box_prekeys(&box, BK_BOX_PHONE, 1, 10, 1, false, NULL), 0);
	assert_int_not_equal(bk_store_box_send(&box, 1, NORMAL, BK_BOX_PHONE), 0);
	assert_int_equal(bk_store_backup(box.store, to, box.now), 0);
	for (unsigned i = 0; i < 3; i++) /* after it, and lost */
		phone = bk_store_box_send(&box, 10 + i, NORMAL, BK_BOX_PHONE);
	officer = bk_store_box_send(&box, 20, NORMAL, BK_BOX_OFFICER); /* had no counter at the time of the backup */
	assert_int_equal(bk_store_box_claim_prekey(&box, BK_BOX_OFFICER, BK_BOX_PHONE, &bundle), 0);
	assert_true(bundle.one_time);
	assert_int_equal(restore(&stats), 0);
	move_into_copy();
	assert_int_equal(bk_store_box_claim_prekey(&box, BK_BOX_OFFICER, BK_BOX_PHONE, &bundle), 0);
	assert_true(bundle.present && !bundle.one_time);
	assert_int_equal(bk_store_box_prekeys(&box, BK_BOX_PHONE, 5, 1, 0, false, NULL), BK_E_DUPLICATE);
	assert_true(bk_store_box_send(&box, 30, NORMAL, BK_BOX_PHONE) > phone);
	assert_true(bk_store_box_send(&box, 31, NORMAL, BK_BOX_OFFICER) > officer);
	/* Again and again, and for a device that is enrolled only now. */
	lead = bk_store_box_send(&box, 32, NORMAL, BK_BOX_LEAD);
	bk_tmp_remove_tree(to);
	snprintf(copy, sizeof copy, "%s", bk_tmp_path("copy2"));
	bk_tmp_remove_tree(copy);
	assert_int_equal(bk_store_backup(box.store, to, box.now), 0);
	box.desk.devices[box.desk.n].number = 60;
	box.desk.devices[box.desk.n].role = BAKEN__ROLE__ROLE_OFFICER;
	box.desk.devices[box.desk.n++].status = BAKEN__DEVICE_STATUS__DEVICE_ACTIVE;
	assert_int_equal(bk_store_box_put(&box, &box.desk, NULL), 0);
	officer = bk_store_box_send(&box, 33, NORMAL, 60);
	assert_int_equal(restore(&stats), 0);
	move_into_copy();
	box.desk.version--; /* the registrar puts the lost list again */
	assert_int_equal(bk_store_box_rows(&box, BK_T_DEVICE), 6);
	assert_true(bk_store_box_send(&box, 34, NORMAL, BK_BOX_LEAD) > lead);
	assert_true(lead >> 3 > BK_STORE_RESTORE_JUMP && officer >> 3 > BK_STORE_RESTORE_JUMP);
}

static uint64_t due(void)
{
	struct bk_store_view *v = bk_store_box_view(&box);
	uint64_t rows = 0;

	assert_int_equal(bk_store_due(v, box.now, &rows), 0);
	bk_store_view_end(v);
	return rows;
}

static uint64_t rows_of_all(void)
{
	uint64_t rows = 0;

	for (int table = 0; table < (int)BK_TABLES; table++)
		rows += bk_store_box_rows(&box, table);
	return rows;
}

/* R3: an old backup, or a clock that is wrong on the new machine, must not empty the store: a person looks first. */
static void nothing_ages_until_somebody_says_so(void **state)
{
	struct bk_store_stats stats;
	uint64_t rows;

	(void)state;
	fill();
	assert_false(bk_store_frozen(box.store) || bk_store_box_stats(&box).frozen);
	assert_int_equal(bk_store_thaw(box.store), 0); /* nothing to thaw */
	assert_int_equal(due(), 0);
	assert_int_equal(bk_store_backup(box.store, to, box.now), 0);
	box.now += 4000 * BK_SAMPLE_DAY;
	assert_int_equal(restore(&stats), 0);
	assert_true(stats.frozen);
	move_into_copy();
	rows = rows_of_all();
	assert_int_equal(stats.due, due());
	assert_true(due() >= 5 + 5 + 1 + 1 + 1); /* dedupe, outbox, file, invitation, audit */
	assert_int_equal(bk_store_box_expire(&box), 0);
	assert_int_equal(rows_of_all(), rows);
	assert_int_equal(bk_store_box_reopen(&box), 0);
	assert_true(bk_store_frozen(box.store)); /* a restart does not thaw it */
	assert_int_equal(bk_store_box_expire(&box), 0);
	assert_int_equal(rows_of_all(), rows);
	assert_int_equal(bk_store_thaw(box.store), 0);
	assert_false(bk_store_frozen(box.store) || bk_store_box_stats(&box).frozen);
	assert_int_equal(bk_store_box_expire(&box), 1);
	assert_int_equal(due(), 0);
	assert_int_equal(bk_store_box_stats(&box).queued, 0);
	assert_int_equal(bk_store_box_reopen(&box), 0);
	assert_false(bk_store_frozen(box.store));
	assert_int_equal(bk_store_box_check(&box), 0);
}

/* ---- while it is written to ---- */

struct copier {
	struct bk_store *store;
	const char *to;
	bk_ms now;
	int err;
};

static void *copy_thread(void *arg)
{
	struct copier *c = arg;

	c->err = bk_store_backup(c->store, c->to, c->now);
	return NULL;
}

/* The backup holds the first k messages for some k: a state that was, not a mixture. */
static void hot_backup_is_a_moment(void **state)
{
	struct copier c = {.store = box.store, .to = to, .now = box.now};
	struct bk_store_stats stats;
	uint64_t last = 0, seqs[300];
	pthread_t thread;

	(void)state;
	for (unsigned i = 0; i < 100; i++)
		seqs[i] = bk_store_box_send(&box, i, NORMAL, BK_BOX_PHONE);
	assert_int_equal(pthread_create(&thread, NULL, copy_thread, &c), 0);
	for (unsigned i = 100; i < 300; i++)
		seqs[i] = bk_store_box_send(&box, i, NORMAL, BK_BOX_PHONE);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(c.err, 0);
	assert_int_equal(bk_store_box_check(&box), 0);
	assert_int_equal(bk_store_box_stats(&box).queued, 300);
	assert_int_equal(restore(&stats), 0);
	assert_true(stats.queued >= 100 && stats.queued <= 300);
	move_into_copy();
	for (unsigned i = 0; i < 300; i++) { /* those that are there are the first ones */
		uint64_t before = bk_store_box_stats(&box).queued;

		assert_int_equal(bk_store_box_ack(&box, BK_BOX_PHONE, seqs[i], NULL), 0);
		if (bk_store_box_stats(&box).queued < before)
			last = i + 1;
	}
	assert_int_equal(last, stats.queued);
	assert_int_equal(bk_store_box_stats(&box).queued, 0);
}

/* ---- what is refused ---- */

static void expect_refused(int want)
{
	struct bk_store_stats stats;

	assert_int_equal(restore(&stats), want);
	assert_false(exists(copy)); /* and nothing stays */
}

static void backup_file(const char *name, uint8_t **ret_data, size_t *ret_n, char path[static 800])
{
	snprintf(path, 800, "%s/%s", to, name);
	assert_int_equal(bk_tmp_read(path, ret_data, ret_n), 0);
}

static void every_damage_is_refused(void **state)
{
	char path[800];
	uint8_t *data = NULL;
	size_t n = 0;

	(void)state;
	fill();
	assert_int_equal(bk_store_backup(box.store, to, box.now), 0);
	backup_file(BK_STORE_FILE, &data, &n, path);
	for (size_t i = 0; i < 40; i++) {
		size_t at = i * 40503u * 97u % n;

		data[at] ^= 0x10;
		assert_int_equal(bk_tmp_write(path, data, n), 0);
		expect_refused(BK_E_HASH);
		data[at] ^= 0x10;
	}
	for (size_t len = 0; len < n; len += n / 5) {
		assert_int_equal(bk_tmp_write(path, data, len), 0);
		expect_refused(BK_E_HASH);
	}
	unlink(path);
	expect_refused(BK_E_INCOMPLETE);
	free(data);
}

static void every_manifest_is_read_closely(void **state)
{
	char path[800];
	uint8_t *data = NULL;
	size_t n = 0;

	(void)state;
	assert_int_equal(bk_store_backup(box.store, to, box.now), 0);
	backup_file("manifest", &data, &n, path);
	for (size_t i = 0; i < n; i++) {
		struct bk_store_stats stats;
		int err;

		data[i] ^= 0x01;
		assert_int_equal(bk_tmp_write(path, data, n), 0);
		err = restore(&stats);
		data[i] ^= 0x01;
		/* The time it was made is for people: another digit there changes nothing else. */
		if (!err)
			assert_true(i >= strlen("baken-backup 1\nschema 1\nmade ") && i < 30 + 13);
		else
			assert_true(err == BK_E_CORRUPT || err == BK_E_HASH || err == BK_E_VERSION);
		bk_tmp_remove_tree(copy);
	}
	for (size_t len = 0; len < n; len += 3) {
		assert_int_equal(bk_tmp_write(path, data, len), 0);
		expect_refused(BK_E_CORRUPT);
	}
	unlink(path);
	expect_refused(BK_E_INCOMPLETE);
	assert_int_equal(bk_tmp_write(path, "baken-backup 2\nschema 1\n", 24), 0);
	expect_refused(BK_E_VERSION);
	free(data);
}

static void wrong_key_and_wrong_places(void **state)
{
	uint8_t key[BK_KEY_BYTES] = {4};
	struct bk_store_stats stats;
	char path[800];

	(void)state;
	assert_int_equal(bk_store_backup(box.store, to, box.now), 0);
	assert_int_equal(bk_store_restore(to, copy, key, box.now, &stats), BK_E_PASSPHRASE);
	assert_false(exists(copy));
	assert_int_equal(mkdir(copy, 0700), 0);
	snprintf(path, sizeof path, "%s/mine", copy);
	assert_int_equal(bk_tmp_write(path, "x", 1), 0);
	assert_int_equal(restore(&stats), BK_E_EXISTS);
	assert_true(exists(path));
	unlink(path);
	assert_int_equal(restore(&stats), 0); /* into an empty folder */
	assert_int_equal(bk_store_restore(copy, to, box.key, box.now, &stats), BK_E_INCOMPLETE); /* a store is no backup */
}

/* Bytes as the manifest says, but tables that do not hold together. */
static void inconsistent_tables_are_refused(void **state)
{
	struct bk_store_stats stats;
	struct bk_txn *t = NULL;

	(void)state;
	fill();
	assert_int_equal(bk_env_begin(box.store->env, true, &t), 0);
	assert_int_equal(bk_store_meta_put(t, "queued_bytes", 5), 0);
	assert_int_equal(bk_env_commit(t), 0);
	assert_int_equal(bk_store_backup(box.store, to, box.now), 0);
	assert_int_equal(restore(&stats), BK_E_CORRUPT);
	assert_false(exists(copy));
}

static void newer_schema_is_refused(void **state)
{
	struct bk_store_stats stats;
	char path[800], text[600], *at;
	uint8_t *data = NULL;
	size_t n = 0;

	(void)state;
	assert_int_equal(bk_store_backup(box.store, to, box.now), 0);
	backup_file("manifest", &data, &n, path);
	memcpy(text, data, n);
	text[n] = '\0';
	at = strstr(text, "schema 1");
	assert_non_null(at);
	at[7] = '9';
	assert_int_equal(bk_tmp_write(path, text, n), 0);
	assert_int_equal(restore(&stats), BK_E_VERSION);
	assert_false(exists(copy));
	free(data);
}

static int backup_on_small_disk(void *arg)
{
	struct bk_store_stats before;

	(void)arg;
	if (!bk_fault_os_small_disk(bk_tmp_path("small"), 512u << 10))
		return SKIP;
	bk_store_box_realm(&box, "roomy");
	for (unsigned i = 0; i < 20; i++) {
		const unsigned phone = BK_BOX_PHONE;
		struct bk_box_message m = {.number = i, .to = &phone, .n_to = 1, .body_len = 60000};

		BK_CHILD_CHECK(bk_store_box_submit(&box, &m) == 0);
	}
	before = bk_store_box_stats(&box);
	BK_CHILD_CHECK(bk_store_backup(box.store, bk_tmp_path("small/backup"), box.now) == BK_E_FULL);
	BK_CHILD_CHECK(!exists(bk_tmp_path("small/backup")));
	BK_CHILD_CHECK(bk_store_box_stats(&box).queued == before.queued);
	BK_CHILD_CHECK(bk_store_box_send(&box, 100, NORMAL, BK_BOX_PHONE) != 0); /* the store itself goes on */
	BK_CHILD_CHECK(bk_store_backup(box.store, to, box.now) == 0);
	BK_CHILD_CHECK(bk_store_restore(to, bk_tmp_path("small/copy"), box.key, box.now, &before) == BK_E_FULL);
	BK_CHILD_CHECK(!exists(bk_tmp_path("small/copy")));
	return 0;
}

static void disk_full(void **state)
{
	int code;

	(void)state;
	bk_store_box_close(&box);
	assert_int_equal(mkdir(bk_tmp_path("small"), 0700), 0);
	code = bk_fault_os_child(backup_on_small_disk, NULL);
	if (code == SKIP)
		skip();
	assert_int_equal(code, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(same_state_but_for_what_lets_in, setup, teardown),
		cmocka_unit_test_setup_teardown(numbers_and_keys_do_not_come_back, setup, teardown),
		cmocka_unit_test_setup_teardown(nothing_ages_until_somebody_says_so, setup, teardown),
		cmocka_unit_test_setup_teardown(hot_backup_is_a_moment, setup, teardown),
		cmocka_unit_test_setup_teardown(every_damage_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(every_manifest_is_read_closely, setup, teardown),
		cmocka_unit_test_setup_teardown(wrong_key_and_wrong_places, setup, teardown),
		cmocka_unit_test_setup_teardown(inconsistent_tables_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(newer_schema_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(disk_full, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
