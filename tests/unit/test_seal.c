/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Key files and sealed files: two equal slots, damage told from a wrong passphrase, golden files of version 1. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include <sodium.h>
#include <sys/stat.h>

#include "err.h"
#include "kv_box.h"
#include "sample.h"
#include "seal.h"
#include "tmp.h"

#define GOLDEN BAKEN_SOURCE_DIR "/tests/golden/seal/"
#define CHECK 16u

static const struct bk_seal_cost cheap = {.ops = 1, .mem_kib = 8};
static uint8_t master[BK_KEY_BYTES];
static const char *path;
static bool was_second; /* the slot that was opened last */

static int setup(void **state)
{
	(void)state;
	assert_true(sodium_init() >= 0);
	bk_sample_fill(master, sizeof master, 5);
	path = bk_tmp_path("sealed");
	bk_tmp_remove_tree(path);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	bk_kv_box_fault(NULL);
	return 0;
}

static int open_with(const char *passphrase)
{
	uint8_t got[BK_KEY_BYTES] = {0};
	int err = bk_seal_keys_open(path, passphrase, got, &was_second);

	if (!err)
		assert_memory_equal(got, master, sizeof got);
	return err;
}

/* As the file says it of itself: so that only what lies behind the check is tested. */
static void fix_check(uint8_t *data, size_t len)
{
	crypto_generichash(data + len - CHECK, CHECK, data, len - CHECK, NULL, 0);
}

static void opens_with_its_passphrase_only(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(open_with("x"), BK_E_NOT_FOUND);
	assert_int_equal(bk_seal_keys_create(path, "", &cheap, master), BK_E_INVAL);
	assert_int_equal(bk_seal_keys_create(path, "geheim", &cheap, master), 0);
	assert_int_equal(bk_seal_keys_create(path, "geheim", &cheap, master), BK_E_EXISTS);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_size, BK_SEAL_KEYS_BYTES);
	assert_int_equal(open_with("geheim"), 0);
	assert_int_equal(open_with("Geheim"), BK_E_PASSPHRASE);
	assert_int_equal(open_with("geheim "), BK_E_PASSPHRASE);
	assert_int_equal(open_with(""), BK_E_PASSPHRASE);
	assert_int_equal(open_with(NULL), BK_E_PASSPHRASE);
}

/* The bytes of a passphrase are what they are: diacritics, an emoji, a long one. */
static void passphrases_are_bytes(void **state)
{
	char lang[3000];

	(void)state;
	memset(lang, 'z', sizeof lang - 1);
	lang[sizeof lang - 1] = '\0';
	assert_int_equal(bk_seal_keys_create(path, "één geheim \xf0\x9f\x94\x91", &cheap, master), 0);
	assert_int_equal(open_with("één geheim \xf0\x9f\x94\x91"), 0);
	assert_int_equal(open_with("een geheim \xf0\x9f\x94\x91"), BK_E_PASSPHRASE);
	assert_int_equal(bk_seal_keys_change(path, "één geheim \xf0\x9f\x94\x91", lang), 0);
	assert_int_equal(open_with(lang), 0);
	lang[2998] = '\0';
	assert_int_equal(open_with(lang), BK_E_PASSPHRASE);
}

static void change_puts_the_new_in_place_of_the_old(void **state)
{
	uint8_t *before = NULL, *after = NULL;
	size_t n = 0, m = 0, changed[BK_SEAL_SLOTS] = {0};

	(void)state;
	assert_int_equal(bk_seal_keys_create(path, "oud", &cheap, master), 0);
	assert_int_equal(bk_tmp_read(path, &before, &n), 0);
	assert_int_equal(bk_seal_keys_change(path, "fout", "nieuw"), BK_E_PASSPHRASE);
	assert_int_equal(bk_seal_keys_change(path, "", "nieuw"), BK_E_PASSPHRASE);
	assert_int_equal(bk_seal_keys_change(path, "oud", ""), BK_E_INVAL);
	assert_int_equal(bk_seal_keys_change(path, "oud", "nieuw"), 0);
	assert_int_equal(open_with("oud"), BK_E_PASSPHRASE);
	assert_int_equal(open_with("nieuw"), 0);
	assert_int_equal(bk_tmp_read(path, &after, &m), 0);
	assert_int_equal(n, m);
	for (size_t i = 24; i < n - CHECK; i++)
		changed[(i - 24) / BK_SEAL_SLOT_BYTES] += before[i] != after[i];
	assert_true((changed[0] == 0) != (changed[1] == 0)); /* the other slot is untouched, whatever it holds */
	free(before);
	free(after);
}

/* Story D: the file is as long with a second passphrase as without, and as random where that one would be. */
static void second_passphrase_lies_in_the_other_slot(void **state)
{
	uint8_t *before = NULL, *after = NULL;
	size_t n = 0, m = 0, changed[BK_SEAL_SLOTS] = {0};

	(void)state;
	assert_int_equal(bk_seal_keys_create(path, "eerste", &cheap, master), 0);
	assert_int_equal(bk_tmp_read(path, &before, &n), 0);
	assert_int_equal(bk_seal_keys_second(path, "fout", "tweede"), BK_E_PASSPHRASE);
	assert_int_equal(bk_seal_keys_second(path, "eerste", ""), BK_E_INVAL);
	assert_int_equal(bk_seal_keys_second(path, "eerste", "eerste"), BK_E_EXISTS);
	assert_int_equal(bk_seal_keys_second(path, "eerste", "tweede"), 0);
	assert_int_equal(bk_tmp_read(path, &after, &m), 0);
	assert_int_equal(n, m);
	for (size_t i = 24; i < n - CHECK; i++)
		changed[(i - 24) / BK_SEAL_SLOT_BYTES] += before[i] != after[i];
	assert_true((changed[0] == 0) != (changed[1] == 0));
	assert_true(changed[0] + changed[1] > BK_SEAL_SLOT_BYTES * 9 / 10); /* random to random */
	assert_int_equal(open_with("eerste"), 0);
	assert_false(was_second);
	assert_int_equal(open_with("tweede"), 0);
	assert_true(was_second);
	free(before);
	free(after);
}

static void second_passphrase_changes_and_goes(void **state)
{
	(void)state;
	assert_int_equal(bk_seal_keys_create(path, "eerste", &cheap, master), 0);
	assert_int_equal(bk_seal_keys_second(path, "eerste", "tweede"), 0);
	assert_int_equal(bk_seal_keys_second(path, "eerste", "tweede"), 0); /* the same again is no clash */
	assert_int_equal(bk_seal_keys_change(path, "eerste", "tweede"), BK_E_EXISTS);
	assert_int_equal(bk_seal_keys_change(path, "tweede", "eerste"), BK_E_EXISTS);
	assert_int_equal(bk_seal_keys_change(path, "tweede", "ander"), 0);
	assert_int_equal(open_with("ander"), 0);
	assert_true(was_second); /* a change keeps what it is */
	assert_int_equal(bk_seal_keys_change(path, "eerste", "nieuw"), 0);
	assert_int_equal(open_with("nieuw"), 0);
	assert_false(was_second);
	assert_int_equal(bk_seal_keys_second(path, "nieuw", NULL), 0);
	assert_int_equal(open_with("ander"), BK_E_PASSPHRASE);
	assert_int_equal(open_with("nieuw"), 0);
}

/* Who is made to set "a second one" while under duress gets one that is second too: nothing becomes first by it. */
static void set_under_duress_stays_second(void **state)
{
	(void)state;
	assert_int_equal(bk_seal_keys_create(path, "eerste", &cheap, master), 0);
	assert_int_equal(bk_seal_keys_second(path, "eerste", "tweede"), 0);
	assert_int_equal(bk_seal_keys_second(path, "tweede", "derde"), 0);
	assert_int_equal(open_with("derde"), 0);
	assert_true(was_second);
	assert_int_equal(open_with("tweede"), 0);
	assert_true(was_second);
	assert_int_equal(open_with("eerste"), BK_E_PASSPHRASE);
}

/* Which slot it is differs from file to file, so that its place tells nothing. */
static void either_slot_is_used(void **state)
{
	unsigned first = 0;

	(void)state;
	for (unsigned i = 0; i < 40; i++) {
		struct bk_seal_keys keys;
		uint8_t *data = NULL;
		size_t n = 0;
		int err;

		bk_tmp_remove_tree(path);
		assert_int_equal(bk_seal_keys_create(path, "geheim", &cheap, master), 0);
		assert_int_equal(bk_tmp_read(path, &data, &n), 0);
		assert_int_equal(bk_seal_keys_decode(data, n, &keys), 0);
		free(data);
		keys.slots[0].box[0] ^= 1;
		data = malloc(BK_SEAL_KEYS_BYTES);
		bk_seal_keys_encode(&keys, data);
		assert_int_equal(bk_tmp_write(path, data, BK_SEAL_KEYS_BYTES), 0);
		free(data);
		err = open_with("geheim");
		assert_true(err == 0 || err == BK_E_PASSPHRASE);
		first += err != 0;
	}
	assert_true(first > 5 && first < 35);
}

static void every_damaged_bit_of_a_key_file(void **state)
{
	struct bk_seal_keys keys;
	uint8_t *data = NULL;
	size_t n = 0;

	(void)state;
	assert_int_equal(bk_seal_keys_create(path, "geheim", &cheap, master), 0);
	assert_int_equal(bk_tmp_read(path, &data, &n), 0);
	for (size_t i = 0; i < n * 8; i++) {
		data[i / 8] ^= (uint8_t)(1u << (i % 8));
		assert_int_equal(bk_seal_keys_decode(data, n, &keys), BK_E_CORRUPT);
		data[i / 8] ^= (uint8_t)(1u << (i % 8));
	}
	for (size_t len = 0; len < n; len++) {
		assert_int_equal(bk_tmp_write(path, data, len), 0);
		assert_int_equal(open_with("geheim"), BK_E_CORRUPT);
	}
	data = realloc(data, 5000);
	assert_non_null(data);
	memset(data + n, 0, 5000 - n);
	assert_int_equal(bk_tmp_write(path, data, n + 1), 0);
	assert_int_equal(open_with("geheim"), BK_E_CORRUPT);
	assert_int_equal(bk_tmp_write(path, data, 5000), 0);
	assert_int_equal(open_with("geheim"), BK_E_CORRUPT);
	free(data);
}

/* A newer version is told from damage; a cost that would claim all memory is refused before it does. */
static void heads_are_bounded(void **state)
{
	const struct { size_t at; uint32_t value; int want; } heads[] = {
		{8, 2, BK_E_VERSION}, {8, 0xffffffff, BK_E_VERSION}, {8, 0, BK_E_CORRUPT},
		{12, 0, BK_E_CORRUPT}, {12, 17, BK_E_CORRUPT}, {12, 16, 0},
		{16, 7, BK_E_CORRUPT}, {16, 1024 * 1024 + 1, BK_E_CORRUPT}, {16, 1024 * 1024, 0}, {20, 1, BK_E_CORRUPT}};
	const struct bk_seal_cost costs[] = {{17, 8}, {1, 7}, {1, 1024 * 1024 + 1}};
	struct bk_seal_keys keys;
	uint8_t *data = NULL;
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(bk_seal_keys_create(path, "geheim", &costs[i], master), BK_E_INVAL);
	assert_int_equal(bk_seal_keys_create(path, "geheim", &cheap, master), 0);
	for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
		assert_int_equal(bk_tmp_read(path, &data, &n), 0);
		for (unsigned k = 0; k < 4; k++)
			data[heads[i].at + k] = (uint8_t)(heads[i].value >> (8 * k));
		fix_check(data, n);
		assert_int_equal(bk_seal_keys_decode(data, n, &keys), heads[i].want);
		free(data);
	}
}

/* The head is authenticated: a cheaper cost written into it does not open. */
static void head_cannot_be_changed(void **state)
{
	uint8_t *data = NULL;
	size_t n = 0;

	(void)state;
	assert_int_equal(bk_seal_keys_create(path, "geheim", &(struct bk_seal_cost){2, 8}, master), 0);
	assert_int_equal(bk_tmp_read(path, &data, &n), 0);
	data[12] = 1;
	fix_check(data, n);
	assert_int_equal(bk_tmp_write(path, data, n), 0);
	assert_int_equal(open_with("geheim"), BK_E_PASSPHRASE);
	free(data);
}

/* ---- sealed files ---- */

static void sealed_file_round_trip(void **state)
{
	static const size_t sizes[] = {0, 1, 100, 65536};
	uint8_t big[65536], *got = NULL;
	size_t len = 9;

	(void)state;
	bk_sample_fill(big, sizeof big, 6);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(bk_seal_file_write_cost(path, "geheim", &cheap, big, sizes[i]), 0);
		assert_int_equal(bk_seal_file_read(path, "geheim", &got, &len), 0);
		assert_int_equal(len, sizes[i]);
		assert_memory_equal(got, big, len);
		assert_int_equal(got[len], 0);
		bk_seal_free(got);
		assert_int_equal(bk_seal_file_read(path, "fout", &got, &len), BK_E_PASSPHRASE);
		assert_int_equal(bk_seal_file_read(path, "", &got, &len), BK_E_PASSPHRASE);
	}
	assert_int_equal(bk_seal_file_write(path, "", big, 1), BK_E_INVAL);
	assert_int_equal(bk_seal_file_write(path, "x", NULL, 1), BK_E_INVAL);
	assert_int_equal(bk_seal_file_write(path, "x", big, BK_SEAL_FILE_MAX + 1), BK_E_TOO_BIG);
	assert_int_equal(bk_seal_file_read(bk_tmp_path("none"), "x", &got, &len), BK_E_NOT_FOUND);
}

static void every_damaged_bit_of_a_sealed_file(void **state)
{
	struct bk_seal_file file;
	uint8_t *data = NULL, *got = NULL;
	size_t n = 0, len = 0;

	(void)state;
	assert_int_equal(bk_seal_file_write_cost(path, "geheim", &cheap, "hallo", 5), 0);
	assert_int_equal(bk_tmp_read(path, &data, &n), 0);
	for (size_t i = 0; i < n * 8; i++) {
		data[i / 8] ^= (uint8_t)(1u << (i % 8));
		assert_int_equal(bk_seal_file_decode(data, n, &file), BK_E_CORRUPT);
		data[i / 8] ^= (uint8_t)(1u << (i % 8));
	}
	for (size_t i = 0; i < n; i++)
		assert_int_equal(bk_seal_file_decode(data, i, &file), BK_E_CORRUPT);
	/* And where the check has been made to fit, the seal itself. */
	for (size_t i = 24; i < n - CHECK; i++) {
		data[i] ^= 0x40;
		fix_check(data, n);
		assert_int_equal(bk_tmp_write(path, data, n), 0);
		assert_int_equal(bk_seal_file_read(path, "geheim", &got, &len), BK_E_PASSPHRASE);
		data[i] ^= 0x40;
	}
	free(data);
}

/* Writing that fails at any step leaves the old file whole. */
static void failing_writes_keep_the_old(void **state)
{
	uint8_t *got = NULL;
	size_t len = 0;
	long n = 0;

	(void)state;
	assert_int_equal(bk_seal_file_write_cost(path, "geheim", &cheap, "oud", 3), 0);
	for (;; n++) {
		struct bk_kv_box_fault f = {.n = n, .err = BK_E_FULL, .only = -1};
		int err;

		bk_kv_box_fault(&f);
		err = bk_seal_file_write_cost(path, "geheim", &cheap, "nieuw", 5);
		bk_kv_box_fault(NULL);
		assert_int_equal(bk_seal_file_read(path, "geheim", &got, &len), 0);
		assert_true((len == 3 && memcmp(got, "oud", 3) == 0) || (len == 5 && memcmp(got, "nieuw", 5) == 0));
		bk_seal_free(got);
		if (f.seen <= n)
			break;
		assert_true(!err || err == BK_E_FULL);
		assert_int_equal(bk_seal_file_write_cost(path, "geheim", &cheap, "oud", 3), 0);
	}
	assert_true(n >= 5);
}

/* ---- golden: BAKEN_WRITE_GOLDEN=1 writes them once, for ever ---- */

static void golden_files_open(void **state)
{
	uint8_t *got = NULL;
	size_t len = 0;

	(void)state;
	if (getenv("BAKEN_WRITE_GOLDEN")) {
		bk_tmp_remove_tree(GOLDEN "keys-1");
		assert_int_equal(bk_seal_keys_create(GOLDEN "keys-1", "een geheim", &cheap, master), 0);
		assert_int_equal(bk_seal_file_write_cost(GOLDEN "file-1", "een geheim", &cheap, "inhoud", 6), 0);
	}
	path = GOLDEN "keys-1";
	assert_int_equal(open_with("een geheim"), 0);
	assert_int_equal(open_with("fout"), BK_E_PASSPHRASE);
	assert_int_equal(bk_seal_file_read(GOLDEN "file-1", "een geheim", &got, &len), 0);
	assert_int_equal(len, 6);
	assert_memory_equal(got, "inhoud", 6);
	bk_seal_free(got);
}

/* The default cost is what the header promises, and works. */
static void default_cost(void **state)
{
	struct bk_seal_keys keys;
	uint8_t *data = NULL;
	size_t n = 0;

	(void)state;
	assert_int_equal(bk_seal_keys_create(path, "geheim", NULL, master), 0);
	assert_int_equal(bk_tmp_read(path, &data, &n), 0);
	assert_int_equal(bk_seal_keys_decode(data, n, &keys), 0);
	assert_int_equal(keys.cost.ops, 3);
	assert_int_equal(keys.cost.mem_kib, 64 * 1024);
	assert_int_equal(open_with("geheim"), 0);
	free(data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(opens_with_its_passphrase_only, setup, teardown),
		cmocka_unit_test_setup_teardown(passphrases_are_bytes, setup, teardown),
		cmocka_unit_test_setup_teardown(change_puts_the_new_in_place_of_the_old, setup, teardown),
		cmocka_unit_test_setup_teardown(second_passphrase_lies_in_the_other_slot, setup, teardown),
		cmocka_unit_test_setup_teardown(second_passphrase_changes_and_goes, setup, teardown),
		cmocka_unit_test_setup_teardown(set_under_duress_stays_second, setup, teardown),
		cmocka_unit_test_setup_teardown(either_slot_is_used, setup, teardown),
		cmocka_unit_test_setup_teardown(every_damaged_bit_of_a_key_file, setup, teardown),
		cmocka_unit_test_setup_teardown(heads_are_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(head_cannot_be_changed, setup, teardown),
		cmocka_unit_test_setup_teardown(sealed_file_round_trip, setup, teardown),
		cmocka_unit_test_setup_teardown(every_damaged_bit_of_a_sealed_file, setup, teardown),
		cmocka_unit_test_setup_teardown(failing_writes_keep_the_old, setup, teardown),
		cmocka_unit_test_setup_teardown(golden_files_open, setup, teardown),
		cmocka_unit_test_setup_teardown(default_cost, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
