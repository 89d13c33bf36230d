/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What protobuf-c takes and we refuse: a field of number 0, wherever it hides. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "content.pb-c.h"
#include "err.h"
#include "frame.h"
#include "pb.h"

static int decode(const void *data, size_t len)
{
	struct bk_arena *a = bk_arena_new();
	Baken__Frame *f = NULL;
	int err = bk_frame_decode(a, BK_FROM_CLIENT, data, len, &f);

	bk_arena_free(a);
	return err;
}

static void zero_is_no_field(void **state)
{
	static const uint8_t good[] = {0x08, 1, 0x5a, 2, 0x08, 5};                      /* ack of 5 */
	static const uint8_t inside[] = {0x08, 1, 0x5a, 5, 0x80, 0x00, 7, 0x08, 5};     /* and field 0 beside it */
	static const uint8_t outside[] = {0x08, 1, 0x80, 0x00, 7, 0x5a, 2, 0x08, 5};
	static const uint8_t unknown[] = {0x08, 1, 0x5a, 5, 0xf8, 0x01, 7, 0x08, 5};    /* field 31: of a newer end */
	static const uint8_t plain_zero[] = {0x08, 1, 0x5a, 4, 0x00, 7, 0x08, 5};

	(void)state;
	assert_int_equal(decode(good, sizeof good), 0);
	assert_int_equal(decode(unknown, sizeof unknown), 0);
	assert_int_equal(decode(inside, sizeof inside), BK_E_INVAL);
	assert_int_equal(decode(outside, sizeof outside), BK_E_INVAL);
	assert_int_equal(decode(plain_zero, sizeof plain_zero), BK_E_INVAL);
}

/* In a message of a list, of a list. */
static void deep(void **state)
{
	/* Enrol state: two rosters, the second with a field 0. */
	static const uint8_t good[] = {0x1a, 2, 0x0a, 0, 0x1a, 2, 0x0a, 0};
	static const uint8_t bad[] = {0x1a, 2, 0x0a, 0, 0x1a, 5, 0x80, 0x00, 7, 0x0a, 0};
	Baken__EnrolState *m = baken__enrol_state__unpack(NULL, sizeof good, good);

	(void)state;
	assert_non_null(m);
	assert_true(bk_pb_sound(&m->base));
	baken__enrol_state__free_unpacked(m, NULL);
	m = baken__enrol_state__unpack(NULL, sizeof bad, bad);
	assert_non_null(m); /* or protobuf-c has learnt it, and pb.c can go */
	assert_false(bk_pb_sound(&m->base));
	baken__enrol_state__free_unpacked(m, NULL);
}

/* protobuf-c: a text of "ab", NUL, "cd" is five bytes on the wire and "ab" in the hand. */
static void one_spelling(void **state)
{
	static const uint8_t good[] = {0x0a, 2, 'a', 'b'};               /* profile: a name */
	static const uint8_t with_nul[] = {0x0a, 5, 'a', 'b', 0, 'c', 'd'};
	static const uint8_t twice[] = {0x0a, 1, 'a', 0x0a, 2, 'a', 'b'};
	static const uint8_t long_length[] = {0x0a, 0x82, 0, 'a', 'b'};
	static const uint8_t newer[] = {0x0a, 2, 'a', 'b', 0xf8, 0x01, 7}; /* field 31 */
	const struct {
		const uint8_t *data;
		size_t len;
		bool exact;
	} all[] = {{good, sizeof good, true}, {with_nul, sizeof with_nul, false}, {twice, sizeof twice, false},
		{long_length, sizeof long_length, false}, {newer, sizeof newer, true}};

	(void)state;
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		Baken__Profile *m = baken__profile__unpack(NULL, all[i].len, all[i].data);

		assert_non_null(m);
		assert_string_equal(m->name, "ab");
		assert_int_equal(bk_pb_exact(&m->base, all[i].len), all[i].exact);
		baken__profile__free_unpacked(m, NULL);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(zero_is_no_field),
		cmocka_unit_test(deep),
		cmocka_unit_test(one_spelling),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
