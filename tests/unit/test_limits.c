/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Limits depend on each other: the largest message must fit its frame, the longest first ciphertext its capsule,
 * a file its padding. Whoever changes one number learns here which others it breaks.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>

#include "body.h"
#include "capsule.h"
#include "frame.h"
#include "padding.h"
#include "receipt.h"
#include "roster.h"
#include "signal_session.h"

#define DAY 86400000ull
#define FIELD 8u /* tag and length of a field in protobuf, with room */

static void bodies(void **state)
{
	(void)state;
	assert_int_equal(bk_padding_bucket(BK_CONTENT_MAX), BK_BODY_PADDED_MAX);
	assert_int_equal(bk_padding_bucket(BK_CONTENT_MAX + 1), 0);
	assert_true(bk_body_size_ok(BK_BODY_MAX));
	assert_false(bk_body_size_ok(BK_BODY_MAX + 1));
	assert_true(BK_TEXT_MAX + BK_FILES_MAX * 1024u < BK_CONTENT_MAX); /* longest text with all attachments */
}

static void capsules(void **state)
{
	(void)state;
	assert_int_equal(BK_CAPSULE_INNER, BK_CAPSULE_BYTES - crypto_box_SEALBYTES);
	assert_int_equal(BK_SIGNAL_CIPHERTEXT_MAX, BK_CAPSULE_INNER - (1 + 1 + BK_ID_BYTES + 2));
	/* A first message adds two keys, three numbers and a MAC to the padded plaintext: 150 bytes and more. */
	assert_true((BK_CAPSULE_PLAIN_BYTES / 16u + 1) * 16 + 170 <= BK_SIGNAL_CIPHERTEXT_MAX);
}

static void frames(void **state)
{
	const size_t capsule = BK_CAPSULE_BYTES + BK_ID_BYTES + 3 * FIELD;
	const size_t target = BK_ID_BYTES + BK_HASH_BYTES + 10 + 4 * FIELD;
	const size_t submit = BK_BODY_MAX + BK_CAPSULES_MAX * capsule + BK_TARGETS_MAX * target +
			      BK_FILES_MAX * (BK_HASH_BYTES + FIELD) + 100;

	(void)state;
	assert_true(submit < BK_FRAME_MAX);
	assert_true(BK_ROSTER_BYTES_MAX + 200 < BK_FRAME_MAX); /* one roster at its largest fits a reply */
	assert_true(BK_PREKEYS_MAX * (BK_KEY_BYTES + 16) < BK_FRAME_MAX);
	assert_true(BK_PREKEY_CLAIM_MAX * 400u < BK_FRAME_MAX);
	assert_true(BK_CIRCLES_PAGE * 64u < BK_FRAME_MAX);
	assert_true(BK_DELIVER_WINDOW * sizeof(void *) < BK_ARENA_MAX);
	assert_true(BK_FRAME_MAX * 4 <= BK_ARENA_MAX); /* decoded, a frame grows: lists of short fields */
	assert_true(BK_PRELOGIN_FRAME_MAX >= 512);     /* an enrolment or login with room */
}

static void desks(void **state)
{
	(void)state;
	/* A message to a big desk and a person is one submit. */
	assert_true(BK_CAPSULES_MAX >= 200);
	assert_true(BK_ROSTER_ENTRIES_MAX >= BK_CAPSULES_MAX);
	assert_true(BK_ROSTER_ENTRIES_MAX * 480u < BK_ROSTER_BYTES_MAX); /* an entry with its certificate: 300 */
	assert_true(1u << BK_RECEIPT_DEPTH >= 2 * 256u);                /* one commit: 256 records */
}

/* M4: what the server may still hand out, a device can still answer. */
static void m4_ages_of_prekeys(void **state)
{
	(void)state;
	assert_true(BK_PREKEY_PRIVATE_AGE_MS >= BK_PREKEY_SERVER_AGE_MS + 30 * DAY);
	assert_true(BK_SIGNED_PREKEY_AGE_MS < BK_PREKEY_SERVER_AGE_MS);
	assert_true(BK_PREKEYS_LOW + BK_PREKEYS_BATCH <= BK_PREKEYS_MAX); /* topping up never overflows */
	assert_true(BK_SESSION_RENEW_BYTES * 16 < BK_KV_VALUE_MAX);
}

static void files(void **state)
{
	const uint64_t padded = bk_padding_padme(BK_FILE_PLAIN_MAX);
	const uint64_t chunks = (padded + BK_FILE_CHUNK - 1) / BK_FILE_CHUNK;

	(void)state;
	assert_true(padded + chunks * crypto_secretstream_xchacha20poly1305_ABYTES +
			    crypto_secretstream_xchacha20poly1305_HEADERBYTES <= BK_FILE_CIPHER_MAX);
	assert_true(padded <= BK_FILE_PLAIN_MAX + BK_FILE_PLAIN_MAX / 8);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(bodies),
		cmocka_unit_test(capsules),
		cmocka_unit_test(frames),
		cmocka_unit_test(desks),
		cmocka_unit_test(m4_ages_of_prekeys),
		cmocka_unit_test(files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
