/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the store knows of files: owners, quotas, references (lessons R2, R9), and what happens to the same bytes twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "err.h"
#include "store_box.h"
#include "store_in.h"

static struct bk_store_box box;

static int setup(void **state)
{
	(void)state;
	memset(&box, 0, sizeof box);
	bk_store_box_realm(&box, "files");
	return 0;
}

static int teardown(void **state)
{
	int err = bk_store_box_check(&box);

	(void)state;
	bk_store_box_close(&box);
	return err;
}

static int del(unsigned device, unsigned number)
{
	struct bk_op op = {.kind = BK_OP_FILE_DEL};

	op.file_del.upload = bk_sample_id(8000 + number);
	op.file_del.device = bk_sample_id(device);
	return bk_store_box_do(&box, &op);
}

static int name_in_message(unsigned number, const bk_hash *files, size_t n)
{
	const unsigned to[] = {BK_BOX_VAULT};
	struct bk_box_message m = {.number = number, .to = to, .n_to = 1, .keep = true, .files = files, .n_files = n};

	return bk_store_box_submit(&box, &m);
}

static bool file_is_of(unsigned bytes, unsigned number)
{
	struct bk_store_view *v = bk_store_box_view(&box);
	struct bk_file_row row;
	int err = bk_store_file(v, bk_sample_hash(bytes), &row);

	bk_store_view_end(v);
	return err == 0 && bk_id_equal(row.upload, bk_sample_id(8000 + number)) && row.complete &&
	       bk_hash_equal(row.hash, bk_sample_hash(bytes));
}

static void upload_lives(void **state)
{
	struct bk_store_view *v;
	struct bk_file_row row;

	(void)state;
	assert_int_equal(bk_store_box_upload(&box, BK_BOX_PHONE, 1, 5000), 0);
	assert_int_equal(bk_store_box_upload(&box, BK_BOX_PHONE, 1, 5000), BK_E_EXISTS);
	assert_int_equal(bk_store_box_upload(&box, BK_BOX_PHONE, 2, 0), BK_E_INVAL);
	assert_int_equal(bk_store_box_upload(&box, BK_BOX_PHONE, 2, BK_FILE_CIPHER_MAX + 1), BK_E_TOO_BIG);
	v = bk_store_box_view(&box);
	assert_int_equal(bk_store_upload(v, bk_sample_id(8001), &row), 0);
	assert_false(row.complete);
	assert_int_equal(row.size, 5000);
	assert_int_equal(row.created_ms, box.now);
	assert_true(bk_id_equal(row.device, bk_sample_id(BK_BOX_PHONE)));
	assert_int_equal(bk_store_upload(v, bk_sample_id(8002), &row), BK_E_NOT_FOUND);
	assert_int_equal(bk_store_file(v, bk_sample_hash(1), &row), BK_E_NOT_FOUND);
	bk_store_view_end(v);
	/* R2: a message that names what is not there whole is refused whole. */
	assert_int_equal(name_in_message(1, &(bk_hash){{0}}, 1), BK_E_INCOMPLETE);
	assert_int_equal(bk_store_box_stats(&box).dedupe, 0);
	assert_int_equal(bk_store_box_complete(&box, BK_BOX_PHONE, 1, 1), 0);
	assert_int_equal(bk_store_box_complete(&box, BK_BOX_PHONE, 1, 1), 0); /* repeated */
	assert_int_equal(bk_store_box_complete(&box, BK_BOX_PHONE, 1, 2), BK_E_HASH);
	assert_true(file_is_of(1, 1));
	assert_int_equal(bk_store_box_stats(&box).files, 1);
}

/* R9: nobody else's upload can be finished or taken away, or even be seen to exist. */
static void uploads_have_owners(void **state)
{
	(void)state;
	assert_int_equal(bk_store_box_upload(&box, BK_BOX_PHONE, 1, 5000), 0);
	assert_int_equal(bk_store_box_complete(&box, BK_BOX_TABLET, 1, 1), BK_E_NOT_FOUND);
	assert_int_equal(del(BK_BOX_TABLET, 1), BK_E_NOT_FOUND);
	assert_int_equal(del(BK_BOX_PHONE, 9), BK_E_NOT_FOUND);
	assert_int_equal(bk_store_box_complete(&box, BK_BOX_PHONE, 9, 1), BK_E_NOT_FOUND);
	assert_int_equal(bk_store_box_upload(&box, 900, 2, 1), BK_E_REVOKED);
	assert_int_equal(del(BK_BOX_PHONE, 1), 0);
	assert_int_equal(del(BK_BOX_PHONE, 1), BK_E_NOT_FOUND);
	assert_int_equal(bk_store_box_rows(&box, BK_T_OPEN), 0);
}

static void what_was_reported_stays(void **state)
{
	const bk_hash files[] = {bk_sample_hash(1), bk_sample_hash(2)};

	(void)state;
	for (unsigned i = 1; i <= 2; i++) {
		assert_int_equal(bk_store_box_upload(&box, BK_BOX_PHONE, i, 5000), 0);
		assert_int_equal(bk_store_box_complete(&box, BK_BOX_PHONE, i, i), 0);
	}
	assert_int_equal(bk_store_box_upload(&box, BK_BOX_PHONE, 3, 5000), 0);
	assert_int_equal(bk_store_box_complete(&box, BK_BOX_PHONE, 3, 3), 0);
	assert_int_equal(name_in_message(1, files, 2), 0);
	assert_int_equal(name_in_message(2, files, 2), 0);
	assert_int_equal(del(BK_BOX_PHONE, 1), BK_E_STATE);
	assert_int_equal(del(BK_BOX_PHONE, 3), 0); /* never named */
	assert_true(file_is_of(1, 1) && file_is_of(2, 2) && !file_is_of(3, 3));
	assert_int_equal(bk_store_box_rows(&box, BK_T_OPEN), 0); /* named ones do not count any more */
}

static void quota_counts_and_frees(void **state)
{
	const bk_hash file = bk_sample_hash(1);

	(void)state;
	for (unsigned i = 0; i < 64; i++)
		assert_int_equal(bk_store_box_upload(&box, BK_BOX_PHONE, 100 + i, 1), 0);
	assert_int_equal(bk_store_box_upload(&box, BK_BOX_PHONE, 200, 1), BK_E_QUOTA);
	assert_int_equal(bk_store_box_upload(&box, BK_BOX_TABLET, 201, 1), 0); /* per device */
	assert_int_equal(del(BK_BOX_PHONE, 100), 0);
	assert_int_equal(bk_store_box_upload(&box, BK_BOX_PHONE, 200, 1), 0);
	assert_int_equal(bk_store_box_complete(&box, BK_BOX_PHONE, 200, 1), 0);
	assert_int_equal(bk_store_box_upload(&box, BK_BOX_PHONE, 202, 1), 0); /* complete: not open */
	box.store->bounds.open_bytes = 4u * BK_STORE_FILE_LEAST;
	/* Bytes: complete but unnamed ones count, the least ones 64 KiB. */
	for (unsigned i = 1; i < 5; i++)
		assert_int_equal(bk_store_box_upload(&box, BK_BOX_CARER, i, 1), 0);
	assert_int_equal(bk_store_box_complete(&box, BK_BOX_CARER, 1, 1), 0);
	assert_int_equal(bk_store_box_upload(&box, BK_BOX_CARER, 6, 1), BK_E_QUOTA);
	assert_int_equal(del(BK_BOX_CARER, 2), 0);
	assert_int_equal(bk_store_box_upload(&box, BK_BOX_CARER, 6, 2 * BK_STORE_FILE_LEAST), BK_E_QUOTA);
	assert_int_equal(bk_store_box_upload(&box, BK_BOX_CARER, 6, BK_STORE_FILE_LEAST), 0);
	assert_int_equal(name_in_message(1, &file, 1), 0);
}

/* The same bytes under two uploads are one file; it lives as long as the later one would. */
static void same_bytes_twice(void **state)
{
	const bk_hash file = bk_sample_hash(1);

	(void)state;
	assert_int_equal(bk_store_box_upload(&box, BK_BOX_PHONE, 1, 5000), 0);
	assert_int_equal(bk_store_box_complete(&box, BK_BOX_PHONE, 1, 1), 0);
	box.now += 6 * BK_SAMPLE_DAY;
	assert_int_equal(bk_store_box_upload(&box, BK_BOX_PHONE, 2, 5000), 0);
	assert_int_equal(bk_store_box_complete(&box, BK_BOX_PHONE, 2, 1), 0);
	assert_true(file_is_of(1, 1));
	box.now += 2 * BK_SAMPLE_DAY; /* the first is eight days old, the second two */
	assert_int_equal(bk_store_box_expire(&box), 0);
	assert_true(file_is_of(1, 1));
	assert_int_equal(name_in_message(1, &file, 1), 0);
	box.now += 6 * BK_SAMPLE_DAY; /* the second upload stands for nothing and goes; the file stays */
	assert_int_equal(bk_store_box_expire(&box), 0);
	assert_int_equal(bk_store_box_rows(&box, BK_T_UPLOAD), 1);
	assert_int_equal(bk_store_box_rows(&box, BK_T_OPEN), 0);
	assert_true(file_is_of(1, 1));
}

/* Taking the first away leaves nothing that never ends. */
static void same_bytes_and_the_first_is_taken_back(void **state)
{
	const bk_hash file = bk_sample_hash(1);

	(void)state;
	for (unsigned i = 1; i <= 3; i++) {
		assert_int_equal(bk_store_box_upload(&box, BK_BOX_PHONE, i, 5000), 0);
		assert_int_equal(bk_store_box_complete(&box, BK_BOX_PHONE, i, 1), 0);
	}
	assert_int_equal(del(BK_BOX_PHONE, 1), 0);
	assert_int_equal(del(BK_BOX_PHONE, 3), 0);
	assert_int_equal(name_in_message(1, &file, 1), BK_E_INCOMPLETE);
	box.now += 8 * BK_SAMPLE_DAY;
	assert_int_equal(bk_store_box_expire(&box), 0);
	assert_int_equal(bk_store_box_rows(&box, BK_T_UPLOAD), 0);
	assert_int_equal(bk_store_box_rows(&box, BK_T_OPEN), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(upload_lives, setup, teardown),
		cmocka_unit_test_setup_teardown(uploads_have_owners, setup, teardown),
		cmocka_unit_test_setup_teardown(what_was_reported_stays, setup, teardown),
		cmocka_unit_test_setup_teardown(quota_counts_and_frees, setup, teardown),
		cmocka_unit_test_setup_teardown(same_bytes_twice, setup, teardown),
		cmocka_unit_test_setup_teardown(same_bytes_and_the_first_is_taken_back, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
