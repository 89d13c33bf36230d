/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An exported log: whole as it was made; and for every byte of it one that is altered, left out, cut off or put in
 * between is found and located.
 */
#include <sodium.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdlib.h>
#include <cmocka.h>

#include "audit_export.h"
#include "err.h"
#include "sample.h"

#define ENTRIES 12u
#define AFTER 7u
#define ID "00112233445566778899aabbccddeeff"

static uint8_t root_key[32], root_secret[64], receipt_key[32], receipt_secret[64];
static char *text;
static size_t len;

static struct bk_bytes make_cert(void)
{
	struct bk_server_cert c = {.n_tls_spki = 1, .version = 1, .not_before_ms = BK_SAMPLE_NOW,
		.not_after_ms = BK_SAMPLE_NOW + BK_SAMPLE_DAY};
	struct bk_bytes b = {NULL, 0};
	uint8_t *data = NULL;

	memcpy(c.receipt_key, receipt_key, sizeof receipt_key);
	assert_int_equal(bk_server_cert_sign(&c, root_secret, &data, &b.len), 0);
	b.data = data;
	return b;
}

static void make_log(size_t entries, char **ret_text, size_t *ret_len)
{
	struct bk_audit_export x;
	struct bk_bytes cert = make_cert();
	FILE *f = open_memstream(ret_text, ret_len);

	bk_audit_export_begin(&x, f, receipt_secret, cert, AFTER);
	for (uint64_t i = 1; i <= entries; i++) {
		char detail[100];
		struct bk_audit_row row = {.number = AFTER + i, .at_ms = BK_SAMPLE_NOW + i * 1000, .event = "ROSTER-PUT",
			.detail = detail};

		snprintf(detail, sizeof detail, "circle=%s version=%u", i % 2 ? ID : "ffeeddccbbaa99887766554433221100", (unsigned)i);
		bk_audit_export_entry(&x, &row);
	}
	assert_int_equal(bk_audit_export_end(&x, bk_sample_hash(1), BK_SAMPLE_NOW + BK_SAMPLE_DAY), 0);
	fclose(f);
	free((void *)(uintptr_t)cert.data);
}

static int setup(void **state)
{
	(void)state;
	crypto_sign_keypair(root_key, root_secret);
	crypto_sign_keypair(receipt_key, receipt_secret);
	make_log(ENTRIES, &text, &len);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(text);
	return 0;
}

static struct bk_audit_check check(const char *data, size_t n, const uint8_t *root)
{
	struct bk_audit_check c;
	FILE *f = fmemopen((void *)(uintptr_t)(n ? data : " "), n ? n : 1, "r");

	assert_non_null(f);
	assert_int_equal(bk_audit_export_check(f, root, &c), 0);
	fclose(f);
	return c;
}

static void whole(void **state)
{
	struct bk_audit_check c = check(text, len, root_key);
	char *none = NULL;
	size_t n = 0;

	(void)state;
	assert_int_equal(c.fault, BK_AUDIT_WHOLE);
	assert_int_equal(c.number, AFTER + ENTRIES);
	assert_int_equal(c.count, ENTRIES);
	assert_int_equal(c.first_ms, BK_SAMPLE_NOW + 1000);
	assert_int_equal(c.last_ms, BK_SAMPLE_NOW + ENTRIES * 1000);
	assert_int_equal(c.signed_ms, BK_SAMPLE_NOW + BK_SAMPLE_DAY);
	assert_int_equal(check(text, len, NULL).fault, BK_AUDIT_WHOLE);
	assert_int_equal(check(text, len, receipt_key).fault, BK_AUDIT_FOREIGN);
	make_log(0, &none, &n);
	assert_int_equal(check(none, n, root_key).fault, BK_AUDIT_WHOLE);
	free(none);
}

/* No id is in it; the same id is the same everywhere, others are others; versions and events are. */
static void pseudonymous(void **state)
{
	const char *first = strchr(text, '~'), *second = strchr(first + 1, '~'), *third = strchr(second + 1, '~');
	char *again = NULL;
	size_t n = 0;

	(void)state;
	assert_null(memmem(text, len, ID, 32));
	assert_null(memmem(text, len, "ffeeddccbbaa9988", 16));
	assert_memory_equal(first, third, 17);
	assert_memory_not_equal(first, second, 17);
	assert_non_null(strstr(text, " ROSTER-PUT circle=~"));
	assert_non_null(strstr(text, " version=12"));
	make_log(ENTRIES, &again, &n);
	assert_memory_equal(text, again, n); /* another export of the same says the same */
	free(again);
}

/* Which line a byte lies in, from 0. */
static size_t line_of(size_t at)
{
	size_t line = 0;

	for (size_t i = 0; i < at; i++)
		line += text[i] == '\n';
	return line;
}

static void expect_located(const char *data, size_t n, size_t line)
{
	struct bk_audit_check c = check(data, n, NULL);

	assert_int_not_equal(c.fault, BK_AUDIT_WHOLE);
	assert_int_not_equal(c.fault, BK_AUDIT_FOREIGN);
	if (line < 2)
		assert_int_equal(c.fault, BK_AUDIT_HEADER);
	else if (line < 2 + ENTRIES) {
		assert_int_equal(c.fault, BK_AUDIT_ENTRY);
		assert_int_equal(c.number, AFTER + line - 1);
	}
	else
		assert_in_range(c.fault, BK_AUDIT_ENTRY, BK_AUDIT_AFTER);
}

/* Story M: one altered byte, whichever, to whatever it could be by one bit. */
static void one_altered_byte_is_located(void **state)
{
	(void)state;
	for (size_t i = 0; i < len; i++)
		for (unsigned bit = 0; bit < 8; bit++) {
			text[i] = (char)(text[i] ^ (1 << bit));
			expect_located(text, len, line_of(i));
			text[i] = (char)(text[i] ^ (1 << bit));
		}
	assert_int_equal(check(text, len, root_key).fault, BK_AUDIT_WHOLE);
}

static void cut_off_anywhere(void **state)
{
	(void)state;
	for (size_t n = 0; n < len; n++) {
		struct bk_audit_check c = check(text, n, NULL);

		assert_int_not_equal(c.fault, BK_AUDIT_WHOLE);
		if (n && text[n - 1] == '\n' && line_of(n) >= 2) {
			assert_int_equal(c.fault, BK_AUDIT_CUT);
			assert_int_equal(c.number, AFTER + line_of(n) - 2);
		}
	}
}

static void lines_left_out_doubled_and_added(void **state)
{
	char *copy = malloc(2 * len), *lines[ENTRIES + 4], *at = text;
	size_t n = 0;

	(void)state;
	for (; (size_t)(at - text) < len; at = strchr(at, '\n') + 1)
		lines[n++] = at;
	lines[n] = text + len;
	for (size_t i = 2; i < 2 + ENTRIES; i++) {
		size_t before = (size_t)(lines[i] - text), line = (size_t)(lines[i + 1] - lines[i]);

		memcpy(copy, text, before);
		memcpy(copy + before, lines[i + 1], len - before - line);
		if (i + 1 < 2 + ENTRIES)
			expect_located(copy, len - line, i);
		else
			assert_int_equal(check(copy, len - line, NULL).fault, BK_AUDIT_HEAD);
		memcpy(copy, text, before + line);
		memcpy(copy + before + line, lines[i], len - before);
		assert_int_equal(check(copy, len + line, NULL).fault, BK_AUDIT_ENTRY);
		assert_int_equal(check(copy, len + line, NULL).number, AFTER + i);
	}
	memcpy(copy, text, len);
	strcpy(copy + len, "x\n");
	assert_int_equal(check(copy, len + 2, NULL).fault, BK_AUDIT_AFTER);
	free(copy);
}

/* The end of a shorter log under a longer one, or another server's signature, does not fit. */
static void ends_are_not_exchanged(void **state)
{
	char *other = NULL, copy[8192];
	size_t n = 0, body = (size_t)(strstr(text, "\nend ") + 1 - text);

	(void)state;
	make_log(ENTRIES - 1, &other, &n);
	memcpy(copy, text, body);
	strcpy(copy + body, strstr(other, "\nend ") + 1);
	assert_int_equal(check(copy, strlen(copy), NULL).fault, BK_AUDIT_HEAD);
	free(other);
}

static void garbage(void **state)
{
	static const char *const bad[] = {"", "\n", "baken-audit 1\n", "baken-audit 2\n", "baken-audit 1\nbegin 0 x\n"};
	char *longest = malloc(100000);

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(check(bad[i], strlen(bad[i]), NULL).fault, BK_AUDIT_HEADER);
	memset(longest, 'a', 100000);
	assert_int_equal(check(longest, 100000, NULL).fault, BK_AUDIT_HEADER);
	free(longest);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole),
		cmocka_unit_test(pseudonymous),
		cmocka_unit_test(one_altered_byte_is_located),
		cmocka_unit_test(cut_off_anywhere),
		cmocka_unit_test(lines_left_out_doubled_and_added),
		cmocka_unit_test(ends_are_not_exchanged),
		cmocka_unit_test(garbage),
	};

	return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, setup, teardown);
}
