/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "text.h"

static bool ok(const char *s)
{
	return bk_text_ok(s, strlen(s), 100);
}

static void test_ok(void **state)
{
	static const char *const good[] = {"", "a", "two\nlines\tand a tab", "caf\xc3\xa9", "\xe2\x82\xac 5", "\xf0\x9f\x9a\xa8",
		"\xd8\xb3\xd9\x84\xd8\xa7\xd9\x85"};

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		assert_true(ok(good[i]));
}

/* RFC 3629: overlong forms, surrogates, beyond U+10FFFF, cut or stray bytes. */
static void test_not_utf8(void **state)
{
	static const char *const bad[] = {"\xc0\xaf", "\xe0\x80\xaf", "\xf0\x80\x80\xaf", "\xed\xa0\x80", "\xed\xbf\xbf",
		"\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "\x80", "\xbf", "\xc3", "\xe2\x82", "\xf0\x9f\x9a", "a\xff",
		"\xfe", "\xc3(", "x\xe2(\xa1"};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(ok(bad[i]));
}

static void test_controls(void **state)
{
	char s[4] = "a?b";

	(void)state;
	for (int c = 1; c < 0x20; c++) {
		s[1] = (char)c;
		assert_int_equal(ok(s), c == '\n' || c == '\t');
	}
	s[1] = 0x7f;
	assert_false(ok(s));
	assert_false(ok("\xc2\x80"));
	assert_false(ok("\xc2\x9f"));
	assert_true(ok("\xc2\xa0"));
	assert_false(bk_text_ok("a\0b", 3, 10));
}

static void test_limit(void **state)
{
	(void)state;
	assert_true(bk_text_ok("abcd", 4, 5));
	assert_true(bk_text_ok("abcde", 5, 5));
	assert_false(bk_text_ok("abcdef", 6, 5));
	assert_true(bk_text_ok("", 0, 0));
	assert_true(bk_text_ok("\xe2\x82\xac", 3, 3)); /* bytes, not characters */
	assert_false(bk_text_ok("\xe2\x82\xac", 3, 1));
}

static void test_shown(void **state)
{
	char out[200];

	(void)state;
	assert_ptr_equal(bk_text_shown("plain caf\xc3\xa9", out, sizeof out), out);
	assert_string_equal(out, "plain caf\xc3\xa9");
	assert_string_equal(bk_text_shown("a\nb\rc\td", out, sizeof out), "a b c d");
	/* terminal escapes lose their ESC, in both forms */
	assert_string_equal(bk_text_shown("\x1b[2J", out, sizeof out), "\xef\xbf\xbd[2J");
	assert_string_equal(bk_text_shown("\xc2\x9b" "2J", out, sizeof out), "\xef\xbf\xbd" "2J");
	/* Trojan source: an override cannot turn "gpj.exe" round */
	assert_string_equal(bk_text_shown("a\xe2\x80\xaegpj.exe", out, sizeof out), "a\xef\xbf\xbdgpj.exe");
	assert_string_equal(bk_text_shown("a\xe2\x81\xa6" "b", out, sizeof out), "a\xef\xbf\xbd" "b");
	assert_string_equal(bk_text_shown("\xffz\xc3", out, sizeof out), "\xef\xbf\xbdz\xef\xbf\xbd");
	assert_string_equal(bk_text_shown("/a\\b", out, sizeof out), "/a\\b");
}

static void test_name(void **state)
{
	char out[100];

	(void)state;
	assert_string_equal(bk_text_name_shown("../../etc/passwd", out, sizeof out),
		"..\xe2\x88\x95..\xe2\x88\x95" "etc\xe2\x88\x95passwd");
	assert_string_equal(bk_text_name_shown("C:\\x", out, sizeof out), "C:\xe2\xa7\xb5x");
	assert_null(strpbrk(bk_text_name_shown("a/b\\c/\\", out, sizeof out), "/\\"));
}

/* Every size of the target: always ended, never half a character, never a byte too far. */
static void test_cut(void **state)
{
	static const char text[] = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x9a\xa8\x1bz";
	char out[40];

	(void)state;
	for (size_t size = 0; size < 30; size++) {
		memset(out, '#', sizeof out);
		bk_text_shown(text, out, size);
		assert_int_equal(out[size], '#');
		if (!size)
			continue;
		assert_true(strlen(out) < size);
		assert_true(bk_text_ok(out, strlen(out), sizeof out));
	}
}

/* Whatever bytes come in, what goes out is a legal text of one line. */
static void test_all_pairs(void **state)
{
	char in[3] = {0}, out[20];

	(void)state;
	for (int a = 1; a < 256; a++) {
		for (int b = 0; b < 256; b++) {
			in[0] = (char)a;
			in[1] = (char)b;
			bk_text_name_shown(in, out, sizeof out);
			assert_true(bk_text_ok(out, strlen(out), sizeof out));
			assert_null(strpbrk(out, "\n\t\r\x1b/\\"));
		}
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ok),
		cmocka_unit_test(test_not_utf8),
		cmocka_unit_test(test_controls),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_shown),
		cmocka_unit_test(test_name),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_all_pairs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
