/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Four eyes: every list of words up to three, in every order, against a naive second formulation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "eyes.h"
#include "sample.h"

#define T 1780000000000ull
#define VERBS 6u
#define CHOICES (VERBS * 2u * 2u * 2u) /* verb, own or other account, right or wrong draft, certified or not */

static struct bk_eyes_request request;
static bk_hash wrong;

static struct bk_eyes_word word(unsigned n)
{
	struct bk_eyes_word w = {.verb = (Baken__Approval__Verb)(n % VERBS)};

	n /= VERBS;
	w.account = n & 1 ? request.account : bk_sample_id(2);
	w.draft = n & 2 ? wrong : request.draft;
	w.certified = n & 4;
	return w;
}

static bool said(const struct bk_eyes_word *w, size_t n, int verb, bool own, bool need_draft)
{
	for (size_t i = 0; i < n; i++)
		if ((int)w[i].verb == verb && bk_id_equal(w[i].account, request.account) == own &&
			(w[i].certified || verb == BAKEN__APPROVAL__VERB__SENT) &&
			(!need_draft || bk_hash_equal(w[i].draft, request.draft)))
			return true;
	return false;
}

static enum bk_eyes naive(const struct bk_eyes_word *w, size_t n, bk_ms now)
{
	bool in_time = now < T || now - T < BK_EYES_MS;

	if (said(w, n, BAKEN__APPROVAL__VERB__SENT, true, false))
		return BK_EYES_SENT;
	if (said(w, n, BAKEN__APPROVAL__VERB__TAKEN_BACK, true, false))
		return BK_EYES_TAKEN_BACK;
	if (said(w, n, BAKEN__APPROVAL__VERB__REFUSED, false, false))
		return BK_EYES_REFUSED;
	if (!in_time)
		return BK_EYES_EXPIRED;
	return said(w, n, BAKEN__APPROVAL__VERB__GIVEN, false, true) ? BK_EYES_GIVEN : BK_EYES_ASKED;
}

static void expect_same(const struct bk_eyes_word *w, size_t n)
{
	static const bk_ms at[] = {0, T, T + BK_EYES_MS - 1, T + BK_EYES_MS, UINT64_MAX};

	for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
		size_t by = 99;
		enum bk_eyes state = bk_eyes_fold(&request, w, n, at[i], &by);

		assert_int_equal(state, naive(w, n, at[i]));
		assert_true(by <= n);
		assert_int_equal(by < n, state != BK_EYES_ASKED && state != BK_EYES_EXPIRED);
	}
}

static void test_all(void **state)
{
	struct bk_eyes_word w[3] = {word(0)};

	(void)state;
	expect_same(w, 0);
	for (unsigned a = 0; a < CHOICES; a++) {
		w[0] = word(a);
		expect_same(w, 1);
		for (unsigned b = 0; b < CHOICES; b++) {
			w[1] = word(b);
			expect_same(w, 2);
			for (unsigned c = 0; c < CHOICES; c += 5) {
				w[2] = word(c);
				expect_same(w, 3);
			}
		}
	}
}

/* A second device of who asked is no second pair of eyes, a changed draft is another draft. */
static void test_by_name(void **state)
{
	struct bk_eyes_word w = {.verb = BAKEN__APPROVAL__VERB__GIVEN, .account = request.account, .draft = request.draft,
		.certified = true};

	(void)state;
	assert_false(bk_eyes_may_answer(&request, request.account));
	assert_int_equal(bk_eyes_fold(&request, &w, 1, T, NULL), BK_EYES_ASKED);
	w.account = bk_sample_id(2);
	assert_int_equal(bk_eyes_fold(&request, &w, 1, T, NULL), BK_EYES_GIVEN);
	w.certified = false;
	assert_int_equal(bk_eyes_fold(&request, &w, 1, T, NULL), BK_EYES_ASKED);
	w.certified = true;
	w.draft = wrong;
	assert_int_equal(bk_eyes_fold(&request, &w, 1, T, NULL), BK_EYES_ASKED);
	assert_string_equal(bk_eyes_name(BK_EYES_TAKEN_BACK), "taken-back");
}

static int setup(void **state)
{
	(void)state;
	request = (struct bk_eyes_request){.account = bk_sample_id(1), .draft = bk_hash_of("draft", 5), .asked_ms = T};
	wrong = bk_hash_of("other", 5);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_by_name),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
