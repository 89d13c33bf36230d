/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The client's sealed store: the shared suite, what an observer of the file sees, keys, owners, growth. */
#include "kv_suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "err.h"
#include "fault_os.h"
#include "kv_box.h"
#include "kv_record.h"
#include "tmp.h"

static struct bk_kv_box box;

static int setup_suite(void **state)
{
	bk_kv_box_make(&box, "kv");
	*state = box.kv;
	return 0;
}

static int setup(void **state)
{
	(void)state;
	bk_kv_box_make(&box, "kv");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	bk_kv_box_close(&box);
	return 0;
}

static bool exists(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0;
}

/* ---- making and opening ---- */

static void lives_on(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(bk_kv_box_put(&box, "profile/name", "Noor"), 0);
	assert_int_equal(bk_kv_box_reopen(&box), 0);
	assert_int_equal(bk_kv_box_expect(&box, "profile/name", "Noor"), 0);
	assert_int_equal(stat(box.path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	for (unsigned i = 0; i < 3; i++) {
		const char *const names[] = {"keys", "data.mdb", "lock"};

		assert_int_equal(stat(bk_kv_box_file(&box, names[i]), &st), 0);
		assert_int_equal(st.st_mode & 07777, 0600);
	}
	assert_int_equal(bk_kv_lmdb_damaged(box.kv), 0);
	bk_kv_box_close(&box);
	assert_int_equal(bk_kv_lmdb_create(&box.o, &box.kv), BK_E_EXISTS);
}

static void an_open_transaction_is_aborted(void **state)
{
	(void)state;
	assert_int_equal(bk_kv_begin(box.kv), 0);
	assert_int_equal(bk_kv_put(box.kv, "a", 1, "x", 1), 0);
	assert_int_equal(bk_kv_box_reopen(&box), 0);
	assert_int_equal(bk_kv_box_expect(&box, "a", "x"), BK_E_NOT_FOUND);
}

static void names_what_is_missing(void **state)
{
	(void)state;
	assert_int_equal(bk_kv_box_put(&box, "a", "x"), 0);
	bk_kv_box_close(&box);
	box.o.passphrase = "een andere";
	assert_int_equal(bk_kv_lmdb_open(&box.o, &box.kv), BK_E_PASSPHRASE);
	box.o.passphrase = "";
	assert_int_equal(bk_kv_lmdb_open(&box.o, &box.kv), BK_E_INVAL);
	box.o.passphrase = NULL;
	assert_int_equal(bk_kv_lmdb_create(&box.o, &box.kv), BK_E_INVAL);
	box.o.passphrase = BK_KV_BOX_PHRASE;
	assert_int_equal(rename(bk_kv_box_file(&box, "data.mdb"), bk_kv_box_file(&box, "away")), 0);
	assert_int_equal(bk_kv_lmdb_open(&box.o, &box.kv), BK_E_CORRUPT); /* never an empty store instead */
	assert_false(exists(bk_kv_box_file(&box, "data.mdb")));
	assert_int_equal(bk_tmp_write(bk_kv_box_file(&box, "data.mdb"), "", 0), 0);
	assert_int_equal(bk_kv_lmdb_open(&box.o, &box.kv), BK_E_CORRUPT);
	assert_int_equal(rename(bk_kv_box_file(&box, "away"), bk_kv_box_file(&box, "data.mdb")), 0);
	assert_int_equal(bk_kv_lmdb_open(&box.o, &box.kv), 0);
	bk_kv_box_close(&box);
	assert_int_equal(unlink(bk_kv_box_file(&box, "keys")), 0);
	assert_int_equal(bk_kv_lmdb_open(&box.o, &box.kv), BK_E_NOT_FOUND);
	box.o.path = bk_tmp_path("nowhere");
	assert_int_equal(bk_kv_lmdb_open(&box.o, &box.kv), BK_E_NOT_FOUND);
	box.o.path = bk_tmp_path("nowhere/deeper");
	assert_int_equal(bk_kv_lmdb_create(&box.o, &box.kv), BK_E_NOT_FOUND);
}

/* Another store's data under this store's keys. */
static void keys_belong_to_their_data(void **state)
{
	struct bk_kv_box other;

	(void)state;
	bk_kv_box_make(&other, "other");
	assert_int_equal(bk_kv_box_put(&other, "a", "x"), 0);
	bk_kv_box_close(&other);
	bk_kv_box_close(&box);
	assert_int_equal(rename(bk_kv_box_file(&other, "data.mdb"), bk_kv_box_file(&box, "data.mdb")), 0);
	assert_int_equal(bk_kv_lmdb_open(&box.o, &box.kv), BK_E_CORRUPT);
}

static int open_in_child(void *arg)
{
	struct bk_kv *kv = NULL;

	(void)arg;
	return bk_kv_lmdb_open(&box.o, &kv) == BK_E_LOCKED && bk_kv_lmdb_create(&box.o, &kv) == BK_E_LOCKED ? 0 : 1;
}

/* M9: one owner, in another process and in this one; the lock ends with the owner. */
static void one_owner(void **state)
{
	struct bk_kv *kv = NULL;

	(void)state;
	assert_int_equal(bk_fault_os_child(open_in_child, NULL), 0);
	assert_int_equal(bk_kv_lmdb_open(&box.o, &kv), BK_E_LOCKED);
	assert_int_equal(bk_kv_box_put(&box, "a", "x"), 0); /* undisturbed */
	bk_kv_box_close(&box);
	assert_int_equal(bk_kv_lmdb_open(&box.o, &box.kv), 0);
}

static void passphrase_changes(void **state)
{
	(void)state;
	assert_int_equal(bk_kv_box_put(&box, "a", "x"), 0);
	assert_int_equal(bk_kv_lmdb_rekey(box.kv, "falsch", "nieuw"), BK_E_PASSPHRASE);
	assert_int_equal(bk_kv_lmdb_rekey(box.kv, BK_KV_BOX_PHRASE, ""), BK_E_INVAL);
	assert_int_equal(bk_kv_lmdb_rekey(box.kv, BK_KV_BOX_PHRASE, "nieuw"), 0);
	assert_int_equal(bk_kv_box_put(&box, "b", "y"), 0); /* open as before */
	assert_int_equal(bk_kv_box_reopen(&box), BK_E_PASSPHRASE);
	box.o.passphrase = "nieuw";
	assert_int_equal(bk_kv_box_reopen(&box), 0);
	assert_int_equal(bk_kv_box_expect(&box, "a", "x"), 0);
	assert_int_equal(bk_kv_box_expect(&box, "b", "y"), 0);
}

static void destroyed(void **state)
{
	(void)state;
	assert_int_equal(bk_kv_box_put(&box, "a", "x"), 0);
	assert_int_equal(bk_kv_lmdb_destroy(box.path), 0); /* does not wait for its owner */
	assert_false(exists(box.path));
	bk_kv_box_close(&box);
	assert_int_equal(bk_kv_lmdb_open(&box.o, &box.kv), BK_E_NOT_FOUND);
	assert_int_equal(bk_kv_lmdb_destroy(box.path), 0);
	assert_int_equal(bk_kv_lmdb_create(&box.o, &box.kv), 0);
	assert_int_equal(bk_kv_box_expect(&box, "a", "x"), BK_E_NOT_FOUND);
}

/* ---- what the file tells ---- */

static bool holds(const uint8_t *data, size_t n, const void *word, size_t len)
{
	for (size_t i = 0; i + len <= n; i++)
		if (memcmp(data + i, word, len) == 0)
			return true;
	return false;
}

static void file_tells_neither_names_nor_contents(void **state)
{
	const char *const words[] = {"session/", "outbox/", "melding", "Noor", "baken store"};
	uint8_t *data = NULL;
	size_t n = 0;
	char key[32];

	(void)state;
	for (unsigned i = 0; i < 50; i++) {
		snprintf(key, sizeof key, "%s%u", i % 2 ? "session/" : "outbox/", i);
		assert_int_equal(bk_kv_box_put(&box, key, "een melding van Noor"), 0);
	}
	bk_kv_box_close(&box);
	assert_int_equal(bk_tmp_read(bk_kv_box_file(&box, "data.mdb"), &data, &n), 0);
	for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++)
		assert_false(holds(data, n, words[i], strlen(words[i])));
	free(data);
}

/* All records of a size class are alike, and the same content twice gives no equal bytes. */
static void records_are_alike(void **state)
{
	uint8_t master[BK_KEY_BYTES] = {3}, id[BK_KV_RECORD_ID], other[BK_KV_RECORD_ID];
	struct bk_kv_record_keys *keys = bk_kv_record_keys_new(master);
	uint8_t a[1024], b[1024], out[1024];
	struct bk_kv_record_name name;
	size_t len = 0, size = bk_kv_record_size(5);

	(void)state;
	assert_non_null(keys);
	assert_int_equal(size, bk_kv_record_size(0));
	assert_int_equal(size, bk_kv_record_size(256));
	assert_true(size < bk_kv_record_size(257));
	assert_int_equal(bk_kv_record_size(257), bk_kv_record_size(1024));
	assert_int_equal(bk_kv_record_size(65537), bk_kv_record_size(131072));
	bk_kv_record_id(keys, "session/1", 9, id);
	bk_kv_record_id(keys, "session/2", 9, other);
	assert_memory_not_equal(id, other, 8);
	bk_kv_record_seal(keys, id, "session/1", 9, "hello", 5, a);
	bk_kv_record_seal(keys, id, "session/1", 9, "hello", 5, b);
	for (size_t i = 0; i + 16 <= size; i++)
		assert_false(holds(b, size, a + i, 16));
	assert_int_equal(bk_kv_record_unseal_name(keys, id, a, size, &name), 0);
	assert_int_equal(name.len, 9);
	assert_memory_equal(name.bytes, "session/1", 9);
	assert_int_equal(bk_kv_record_unseal_value(keys, id, a, size, out, &len), 0);
	assert_int_equal(len, 5);
	assert_memory_equal(out, "hello", 5);
	/* Under another's key (records swapped), cut at every length, and with every bit turned. */
	assert_int_equal(bk_kv_record_unseal_value(keys, other, a, size, out, &len), BK_E_CORRUPT);
	assert_int_equal(bk_kv_record_unseal_name(keys, other, a, size, &name), BK_E_CORRUPT);
	for (size_t n = 0; n < size; n++)
		assert_int_equal(bk_kv_record_unseal_value(keys, id, a, n, out, &len), BK_E_CORRUPT);
	for (size_t i = 0; i < size * 8; i++) {
		a[i / 8] ^= (uint8_t)(1u << (i % 8));
		assert_true(bk_kv_record_unseal_value(keys, id, a, size, out, &len) == BK_E_CORRUPT ||
			    bk_kv_record_unseal_name(keys, id, a, size, &name) == BK_E_CORRUPT);
		a[i / 8] ^= (uint8_t)(1u << (i % 8));
	}
	bk_kv_record_keys_free(keys);
}

/* ---- size ---- */

static int put_big(unsigned i, size_t len)
{
	char key[16];
	uint8_t *value = malloc(len);
	int err = bk_kv_begin(box.kv);

	assert_non_null(value);
	memset(value, (int)i, len);
	snprintf(key, sizeof key, "big/%u", i);
	if (!err)
		err = bk_kv_put(box.kv, key, strlen(key), value, len);
	if (!err)
		err = bk_kv_commit(box.kv, NULL);
	bk_kv_abort(box.kv);
	free(value);
	return err;
}

static int remove_big(unsigned i)
{
	char key[16];
	int err = bk_kv_begin(box.kv);

	snprintf(key, sizeof key, "big/%u", i);
	if (!err)
		err = bk_kv_del(box.kv, key, strlen(key));
	if (!err)
		err = bk_kv_commit(box.kv, NULL);
	bk_kv_abort(box.kv);
	return err;
}

static void map_grows(void **state)
{
	(void)state;
	bk_kv_box_close(&box);
	box.o.map_bytes = 1u << 20;
	assert_int_equal(bk_kv_lmdb_open(&box.o, &box.kv), 0);
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(put_big(i, 60000), 0);
	assert_int_equal(put_big(200, BK_KV_VALUE_MAX), BK_E_FULL); /* said once, then there is room */
	assert_int_equal(put_big(200, BK_KV_VALUE_MAX), 0);
	assert_int_equal(put_big(201, 100), 0);
	assert_int_equal(bk_kv_suite_count(box.kv, "big/"), 102);
	assert_int_equal(bk_kv_box_reopen(&box), 0);
	assert_int_equal(bk_kv_suite_count(box.kv, "big/"), 102);
}

/* At the largest size: named, the transaction alone is lost, reads and deletes go on, and make room. */
static void map_full(void **state)
{
	unsigned n = 0, removed = 0;

	(void)state;
	bk_kv_box_close(&box);
	box.o.map_bytes = box.o.map_max_bytes = 2u << 20;
	assert_int_equal(bk_kv_lmdb_open(&box.o, &box.kv), 0);
	assert_int_equal(bk_kv_box_put(&box, "a", "x"), 0);
	while (n < 200 && put_big(n, 60000) == 0)
		n++;
	assert_true(n > 5 && n < 200);
	assert_int_equal(bk_kv_begin(box.kv), 0);
	assert_int_equal(bk_kv_put(box.kv, "b", 1, "y", 1), 0);
	for (int err = 0; !err;) {
		static uint8_t value[60000];

		err = bk_kv_put(box.kv, "c", 1, value, sizeof value);
		if (!err)
			break;
		assert_int_equal(err, BK_E_FULL);
		assert_int_equal(bk_kv_put(box.kv, "d", 1, "z", 1), BK_E_FULL); /* doomed: says so again */
		assert_int_equal(bk_kv_commit(box.kv, NULL), BK_E_FULL);
	}
	bk_kv_abort(box.kv);
	assert_int_equal(bk_kv_box_expect(&box, "a", "x"), 0);
	assert_int_equal(bk_kv_box_expect(&box, "b", "y"), BK_E_NOT_FOUND);
	assert_int_equal(bk_kv_suite_count(box.kv, "big/"), n);
	while (removed < n && remove_big(removed) == 0)
		removed++;
	assert_int_equal(removed, n);
	assert_int_equal(put_big(0, 60000), 0);
	assert_int_equal(bk_kv_box_reopen(&box), 0);
	assert_int_equal(bk_kv_suite_count(box.kv, "big/"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BK_KV_SUITE(setup_suite, teardown),
		cmocka_unit_test_setup_teardown(lives_on, setup, teardown),
		cmocka_unit_test_setup_teardown(an_open_transaction_is_aborted, setup, teardown),
		cmocka_unit_test_setup_teardown(names_what_is_missing, setup, teardown),
		cmocka_unit_test_setup_teardown(keys_belong_to_their_data, setup, teardown),
		cmocka_unit_test_setup_teardown(one_owner, setup, teardown),
		cmocka_unit_test_setup_teardown(passphrase_changes, setup, teardown),
		cmocka_unit_test_setup_teardown(destroyed, setup, teardown),
		cmocka_unit_test_setup_teardown(file_tells_neither_names_nor_contents, setup, teardown),
		cmocka_unit_test_setup_teardown(records_are_alike, setup, teardown),
		cmocka_unit_test_setup_teardown(map_grows, setup, teardown),
		cmocka_unit_test_setup_teardown(map_full, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
