/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The audit chain (story M): one altered byte, a missing, an inserted entry or a cut end is found and located. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "bytes.h"
#include "err.h"
#include "store_box.h"
#include "store_in.h"

#define ENTRIES 6u

static struct bk_store_box box;

static int setup(void **state)
{
	(void)state;
	memset(&box, 0, sizeof box);
	bk_store_box_open(&box, "audit");
	for (unsigned i = 1; i <= ENTRIES; i++) {
		uint64_t number = 0;
		char detail[64];

		snprintf(detail, sizeof detail, "device=%u result=0", i);
		box.now++;
		assert_int_equal(bk_store_box_audit(&box, "ROSTER-PUT", detail, &number), 0);
		assert_int_equal(number, i);
	}
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	bk_store_box_close(&box);
	return 0;
}

static int verify(uint64_t *ret_count, uint64_t *ret_bad)
{
	struct bk_store_view *v = bk_store_box_view(&box);
	int err = bk_store_audit_verify(v, ret_count, ret_bad);

	bk_store_view_end(v);
	return err;
}

/* Puts a changed value (NULL: takes it out) behind the store's back. */
static void forge(uint64_t number, const uint8_t *value, size_t len)
{
	struct bk_txn *t = NULL;
	uint8_t key[8];

	bk_store_key_number(key, number);
	assert_int_equal(bk_env_begin(box.store->env, true, &t), 0);
	if (value)
		assert_int_equal(bk_env_put(t, BK_T_AUDIT, key, sizeof key, value, len), 0);
	else
		assert_int_equal(bk_env_del(t, BK_T_AUDIT, key, sizeof key), 0);
	assert_int_equal(bk_env_commit(t), 0);
}

static size_t stored(uint64_t number, uint8_t out[static 512])
{
	struct bk_txn *t = NULL;
	struct bk_bytes value;
	uint8_t key[8];

	bk_store_key_number(key, number);
	assert_int_equal(bk_env_begin(box.store->env, false, &t), 0);
	assert_int_equal(bk_env_get(t, BK_T_AUDIT, key, sizeof key, &value), 0);
	assert_true(value.len <= 512);
	memcpy(out, value.data, value.len);
	bk_env_abort(t);
	return value.len;
}

static void expect_bad(uint64_t number)
{
	uint64_t count = 0, bad = 0;

	assert_int_equal(verify(&count, &bad), BK_E_CORRUPT);
	assert_int_equal(bad, number);
	assert_int_equal(bk_store_box_check(&box), BK_E_CORRUPT);
}

static void expect_good(uint64_t entries)
{
	uint64_t count = 0, bad = 0;

	assert_int_equal(verify(&count, &bad), 0);
	assert_int_equal(count, entries);
	assert_int_equal(bad, 0);
	assert_int_equal(bk_store_box_check(&box), 0);
}

struct seen {
	char texts[16][128];
	size_t n;
	bk_hash last;
	int stop_at;
};

static int see(void *arg, const struct bk_audit_row *row)
{
	struct seen *s = arg;

	snprintf(s->texts[s->n++], sizeof s->texts[0], "%u %s %s", (unsigned)row->number, row->event, row->detail);
	s->last = row->hash;
	return s->stop_at && s->n == (size_t)s->stop_at ? 3 : 0;
}

/* The hash as store.h defines it, computed here once more. */
static bk_hash naive_hash(bk_hash previous, uint64_t number, bk_ms at, const char *event, const char *detail)
{
	uint8_t buf[512];
	struct bk_writer w = bk_writer_of(buf, sizeof buf);

	bk_write_bytes(&w, previous.b, sizeof previous.b);
	bk_write_u64(&w, number);
	bk_write_u64(&w, at);
	bk_write_bytes(&w, event, strlen(event) + 1);
	bk_write_bytes(&w, detail, strlen(detail));
	return bk_hash_of(buf, sizeof buf - w.left);
}

static void chain_is_what_the_header_says(void **state)
{
	struct bk_store_view *v = bk_store_box_view(&box);
	struct seen s = {.n = 0};
	bk_hash hash = {{0}};

	(void)state;
	assert_int_equal(bk_store_audit(v, 0, see, &s), 0);
	assert_int_equal(s.n, ENTRIES);
	assert_string_equal(s.texts[0], "1 ROSTER-PUT device=1 result=0");
	for (unsigned i = 1; i <= ENTRIES; i++) {
		char detail[64];

		snprintf(detail, sizeof detail, "device=%u result=0", i);
		hash = naive_hash(hash, i, BK_SAMPLE_NOW + i, "ROSTER-PUT", detail);
	}
	assert_true(bk_hash_equal(hash, s.last));
	s.n = 0;
	assert_int_equal(bk_store_audit(v, 5, see, &s), 0);
	assert_int_equal(s.n, 2);
	s = (struct seen){.stop_at = 2};
	assert_int_equal(bk_store_audit(v, 1, see, &s), 3);
	assert_int_equal(bk_store_audit(v, 99, see, &s), 0);
	bk_store_view_end(v);
	expect_good(ENTRIES);
	assert_int_equal(bk_store_box_reopen(&box), 0);
	expect_good(ENTRIES);
}

static void every_altered_byte_is_located(void **state)
{
	uint8_t value[512];

	(void)state;
	for (uint64_t number = 1; number <= ENTRIES; number += 2) {
		size_t len = stored(number, value);

		for (size_t i = 0; i < len; i++) {
			value[i] ^= (uint8_t)(1u << (i % 8));
			forge(number, value, len);
			expect_bad(number);
			value[i] ^= (uint8_t)(1u << (i % 8));
		}
		forge(number, value, len);
		expect_good(ENTRIES);
	}
}

static void every_length_is_located(void **state)
{
	uint8_t value[512];
	size_t len = stored(3, value);

	(void)state;
	for (size_t n = 0; n < len; n++) {
		forge(3, value, n);
		expect_bad(3);
	}
	value[len] = 0;
	forge(3, value, len + 1);
	expect_bad(3);
}

static void missing_and_inserted_entries(void **state)
{
	uint8_t value[512], other[512];
	size_t len = stored(4, value), n = stored(2, other);

	(void)state;
	forge(4, NULL, 0);
	expect_bad(4);
	forge(4, other, n); /* another sound entry in its place */
	expect_bad(4);
	forge(4, value, len);
	expect_good(ENTRIES);
	forge(ENTRIES + 1, value, len); /* one more than the head knows */
	expect_bad(ENTRIES + 1);
	forge(ENTRIES + 1, NULL, 0);
	forge(ENTRIES, NULL, 0); /* the newest cut off */
	expect_bad(ENTRIES);
	forge(1, NULL, 0);
	expect_bad(1);
}

/* What aged out leaves an anchor: the rest still hangs together, and its loss still shows. */
static void ages_from_the_front(void **state)
{
	uint64_t number = 0;
	uint8_t value[512];
	size_t len;

	(void)state;
	box.now += BK_STORE_AUDIT_KEPT_MS - 2;
	assert_int_equal(bk_store_box_audit(&box, "LOGIN", "", &number), 0);
	assert_int_equal(number, ENTRIES + 1);
	assert_int_equal(bk_store_box_expire(&box), 0);
	expect_good(4); /* 4, 5, 6 and 7: three were older than ten years */
	len = stored(4, value);
	forge(4, NULL, 0);
	expect_bad(4);
	forge(4, value, len);
	box.now += 2 * BK_STORE_AUDIT_KEPT_MS;
	assert_int_equal(bk_store_box_expire(&box), 0);
	expect_good(0);
	assert_int_equal(bk_store_box_audit(&box, "LOGIN", "", &number), 0);
	assert_int_equal(number, ENTRIES + 2); /* M7: numbers go on */
	expect_good(1);
}

static void bounds_of_an_entry(void **state)
{
	char event[80], detail[1100];

	(void)state;
	memset(event, 'E', sizeof event);
	memset(detail, 'd', sizeof detail);
	event[64] = detail[1024] = '\0';
	assert_int_equal(bk_store_box_audit(&box, event, detail, NULL), 0);
	detail[1024] = 'd';
	detail[1025] = '\0';
	assert_int_equal(bk_store_box_audit(&box, event, detail, NULL), BK_E_TOO_BIG);
	event[64] = 'E';
	event[65] = '\0';
	assert_int_equal(bk_store_box_audit(&box, event, "", NULL), BK_E_TOO_BIG);
	assert_int_equal(bk_store_box_audit(&box, "", "x", NULL), BK_E_INVAL);
	assert_int_equal(bk_store_box_audit(&box, NULL, "x", NULL), BK_E_INVAL);
	assert_int_equal(bk_store_box_audit(&box, "X", NULL, NULL), BK_E_INVAL);
	expect_good(ENTRIES + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(chain_is_what_the_header_says, setup, teardown),
		cmocka_unit_test_setup_teardown(every_altered_byte_is_located, setup, teardown),
		cmocka_unit_test_setup_teardown(every_length_is_located, setup, teardown),
		cmocka_unit_test_setup_teardown(missing_and_inserted_entries, setup, teardown),
		cmocka_unit_test_setup_teardown(ages_from_the_front, setup, teardown),
		cmocka_unit_test_setup_teardown(bounds_of_an_entry, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
