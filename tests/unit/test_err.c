/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "err.h"

static const int numbers[] = {
#define X(name, number, en, nl) name,
	BK_ERR_MAP(X)
#undef X
};
static const char *const names[] = {
#define X(name, number, en, nl) #name,
	BK_ERR_MAP(X)
#undef X
};

#define COUNT (sizeof numbers / sizeof *numbers)

/* Foreign libraries' codes pass through the same int: ours may not touch their ranges. */
static void test_range(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT; i++) {
		assert_true(numbers[i] <= -10000 && numbers[i] >= -10999);
		for (size_t k = 0; k < i; k++)
			assert_int_not_equal(numbers[i], numbers[k]);
	}
}

/* Numbers travel on the wire and stand in stored data: none is ever given to another error. */
static void test_numbers_stay(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT; i++)
		assert_int_equal(numbers[i], -10000 - (int)i);
	assert_int_equal(BK_E_INVAL, -10000);
	assert_int_equal(BK_E_ROLE, -10010);
	assert_int_equal(BK_E_QUOTA, -10020);
	assert_int_equal(BK_E_INTERNAL, -10042);
}

static void test_names(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT; i++)
		assert_string_equal(bk_err_name(numbers[i]), names[i]);
	assert_string_equal(bk_err_name(0), "BK_OK");
	assert_string_equal(bk_err_name(-9999), "BK_E_UNKNOWN");
	assert_string_equal(bk_err_name(7), "BK_E_UNKNOWN");
}

static void test_texts(void **state)
{
	static const int more[] = {0, -1, -30799, 12345};

	(void)state;
	for (size_t i = 0; i < COUNT + sizeof more / sizeof *more; i++) {
		int err = i < COUNT ? numbers[i] : more[i - COUNT];

		for (int lang = BK_LANG_NL; lang <= BK_LANG_EN; lang++) {
			const char *text = bk_err_text(err, (enum bk_lang)lang);

			assert_non_null(text);
			assert_true(strlen(text) > 3);
			assert_int_not_equal(text[strlen(text) - 1], '.');
		}
		assert_string_not_equal(bk_err_text(err, BK_LANG_NL), bk_err_text(err, BK_LANG_EN));
	}
}

/* Two errors that read the same would leave a person guessing. */
static void test_texts_differ(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT; i++) {
		for (size_t k = 0; k < i; k++) {
			assert_string_not_equal(bk_err_text(numbers[i], BK_LANG_EN), bk_err_text(numbers[k], BK_LANG_EN));
			assert_string_not_equal(bk_err_text(numbers[i], BK_LANG_NL), bk_err_text(numbers[k], BK_LANG_NL));
		}
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_range),
		cmocka_unit_test(test_numbers_stay),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_texts_differ),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
