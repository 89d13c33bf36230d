/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * docs/protocol.md is the protocol: its test vectors, and its tables of errors, limits, frames and roles, are read
 * from the document and compared with the code. BAKEN_VECTORS_PRINT=1 prints vectors of today's code instead.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "document.h"
#include "err.h"
#include "frame.h"
#include "roles.h"
#include "sample.h"
#include "vectors.h"

static struct bk_document doc;

static int setup(void **state)
{
	(void)state;
	return sodium_init() < 0 || bk_document_open(BAKEN_SOURCE_DIR "/docs/protocol.md", &doc);
}

static int teardown(void **state)
{
	(void)state;
	bk_document_close(&doc);
	return 0;
}

/* Every vector is checked, and every kind that the checks know has one. */
static void test_vectors(void **state)
{
	size_t used[64] = {0}, n = 0;

	(void)state;
	for (size_t at = 0; bk_document_vector(&doc, &at); n++) {
		int kind = bk_vectors_check(&doc);

		if (kind < 0)
			fail_msg("vector %zu (%s) does not hold", n + 1, bk_document_word(&doc, 0));
		used[kind]++;
	}
	for (int kind = 0; bk_vectors_name(kind); kind++)
		if (!used[kind])
			fail_msg("no vector of kind %s", bk_vectors_name(kind));
}

static void test_errors(void **state)
{
	static const char *const names[] = {
#define X(name, number, en, nl) #name,
		BK_ERR_MAP(X)
#undef X
	};
	size_t n = 0;

	(void)state;
	for (size_t at = 0; bk_document_row(&doc, &at, "errors"); n++) {
		const int number = atoi(bk_document_word(&doc, 1));

		assert_string_equal(bk_document_word(&doc, 0), bk_err_name(number));
		assert_true(n < sizeof names / sizeof *names);
		assert_string_equal(bk_document_word(&doc, 0), names[n]);
	}
	assert_int_equal(n, sizeof names / sizeof *names);
}

static const struct {
	const char *name;
	unsigned long long value;
} limits[] = {
#define L(name) {#name, name}
	L(BK_BODY_OVERHEAD), L(BK_BODY_PADDED_MAX), L(BK_CONTENT_MAX), L(BK_CAPSULE_BYTES), L(BK_CAPSULE_INNER),
	L(BK_ROSTER_ENTRIES_MAX), L(BK_ROSTER_BYTES_MAX), L(BK_REGISTRARS_MAX), L(BK_TARGETS_MAX),
	L(BK_CAPSULES_MAX), L(BK_FILES_MAX), L(BK_HOUSEHOLD_MAX), L(BK_FRAME_MAX), L(BK_PRELOGIN_FRAME_MAX),
	L(BK_DELIVER_WINDOW), L(BK_ACKS_MAX), L(BK_DELIVER_ATTEMPTS), L(BK_CIRCLES_PAGE), L(BK_ROSTERS_CHAIN_MAX),
	L(BK_PREKEYS_BATCH), L(BK_PREKEYS_MAX), L(BK_PREKEYS_LOW), L(BK_PREKEY_CLAIM_MAX),
	L(BK_PREKEY_SERVER_AGE_MS), L(BK_PREKEY_PRIVATE_AGE_MS), L(BK_SIGNED_PREKEY_AGE_MS),
	L(BK_SESSION_RENEW_BYTES), L(BK_FILE_PLAIN_MAX), L(BK_FILE_CHUNK), L(BK_FILE_CIPHER_MAX), L(BK_NAME_MAX),
	L(BK_TEXT_MAX), L(BK_FILE_NAME_MAX), L(BK_CLOCK_SKEW_MS), L(BK_LEASE_MS),
#undef L
};

static void test_limits(void **state)
{
	size_t n = 0;

	(void)state;
	for (size_t at = 0; bk_document_row(&doc, &at, "limits"); n++) {
		assert_true(n < sizeof limits / sizeof *limits);
		assert_string_equal(bk_document_word(&doc, 0), limits[n].name);
		if (strtoull(bk_document_word(&doc, 1), NULL, 10) != limits[n].value)
			fail_msg("%s is %llu", limits[n].name, limits[n].value);
	}
	assert_int_equal(n, sizeof limits / sizeof *limits);
}

/* Number, name and side of every member of Frame's oneof. */
static void test_frames(void **state)
{
	struct bk_arena *a = bk_arena_new();
	Baken__Frame *f;
	size_t n = 0;

	(void)state;
	for (size_t at = 0; bk_document_row(&doc, &at, "frames"); n++) {
		const char *side = bk_document_word(&doc, 2);

		f = bk_sample_frame(a, n);
		assert_non_null(f);
		assert_int_equal(atoi(bk_document_word(&doc, 0)), f->kind_case);
		assert_string_equal(bk_document_word(&doc, 1), bk_frame_kind_name(f->kind_case));
		if (f->kind_case == BAKEN__FRAME__KIND_DRILL || f->kind_case == BAKEN__FRAME__KIND_PATH_HEALTH)
			assert_string_equal(side, "both");
		else
			assert_string_equal(side, bk_sample_frame_side(f) == BK_FROM_CLIENT ? "client" : "server");
	}
	assert_null(bk_sample_frame(a, n));
	bk_arena_free(a);
}

static int index_of(const char *word, const char *const *names)
{
	for (int i = 0; names[i]; i++)
		if (strcmp(names[i], word) == 0)
			return i;
	fail_msg("\"%s\" in the table of roles", word);
	return -1;
}

/* Rows are party, circle, regime, kinds; what has no row is refused. The whole matrix, in both directions. */
static void test_roles(void **state)
{
	static const char *const kinds[] = {"any", "report", "text", "guidance", "guidance-ack", "receipt", "case-event",
		"profile", "ask-again", "drill-alarm", "session-open", "alarm", "alarm-end", "location", "watch-plan", "watch-end",
		"day-plan", "device-health", "promise", "guidance-recall", "approval", "keyring", "keyring-ask", "handover",
		"handover-answer", "shift-plan", "desk-policy", "canary", "group", NULL};
	static const char *const parties[] = {"people", "officers", "vaults", "carers", NULL};
	static const char *const circles[] = {"none", "desk", "care", "person", NULL};
	static const char *const regimes[] = {"none", "security", "care", NULL};
	static const int party_of[] = {-1, 0, 0, 0, 1, 1, 3, -1, -1, 2};
	bool may[4][4][3][BK_CONTENT_KINDS] = {0};

	(void)state;
	for (size_t at = 0; bk_document_row(&doc, &at, "roles");) {
		int p = index_of(bk_document_word(&doc, 0), parties), c = index_of(bk_document_word(&doc, 1), circles);
		int r = index_of(bk_document_word(&doc, 2), regimes);

		for (size_t w = 3; *bk_document_word(&doc, w); w++)
			may[p][c][r][index_of(bk_document_word(&doc, w), kinds)] = true;
		may[p][c][r][BK_CONTENT_ANY] = true;
	}
	for (int role = 0; role <= BAKEN__ROLE__ROLE_VAULT; role++)
		for (int c = 0; c < 4; c++)
			for (int r = 0; r < 3; r++)
				for (int k = 0; k < BK_CONTENT_KINDS; k++)
					if ((party_of[role] >= 0 && may[party_of[role]][c][r][k]) !=
						bk_roles_may_send((Baken__Role)role, (Baken__CircleKind)c, (Baken__Regime)r,
							(enum bk_content_kind)k))
						fail_msg("role %d to %s, %s, %s", role, circles[c], regimes[r], kinds[k]);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_frames),
		cmocka_unit_test(test_roles),
	};

	if (getenv("BAKEN_VECTORS_PRINT"))
		return sodium_init() < 0 ? 1 : bk_vectors_print();
	return cmocka_run_group_tests(tests, setup, teardown);
}
