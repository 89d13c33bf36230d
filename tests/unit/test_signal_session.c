/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The session facade: lessons M1 (nothing half written), M2 (trust), M4 (prekeys), M8 (ids). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>
#include <stdlib.h>

#include "capsule.h"
#include "err.h"
#include "frame.h"
#include "signal_key.h"
#include "signal_pair.h"
#include "sample.h"

static void both_ways(void **state)
{
	struct bk_pair *r = *state;
	struct bk_letter l;

	assert_int_equal(bk_pair_encrypt(&r->a, &r->b, "x", &l), BK_E_NO_SESSION);
	assert_int_equal(bk_pair_start(&r->a, &r->b, 0), 0);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(bk_pair_encrypt(&r->a, &r->b, "hallo", &l), 0);
		assert_int_equal(l.type, i == 0 ? 3 : 2); /* M3: an answer ends first messages */
		assert_int_equal(bk_pair_decrypt(&r->b, &r->a, &l, "hallo"), 0);
		assert_int_equal(bk_pair_decrypt(&r->b, &r->a, &l, ""), BK_E_DUPLICATE);
		assert_int_equal(bk_pair_encrypt(&r->b, &r->a, "terug", &l), 0);
		assert_int_equal(bk_pair_decrypt(&r->a, &r->b, &l, "terug"), 0);
	}
}

static void first_messages_repeat_and_last_resort(void **state)
{
	struct bk_pair *r = *state;
	struct bk_letter l[5];

	assert_int_equal(bk_pair_start(&r->a, &r->b, SIZE_MAX), 0); /* no one-time prekey */
	for (int i = 0; i < 5; i++)
		assert_int_equal(bk_pair_encrypt(&r->a, &r->b, "1", &l[i]), 0);
	for (int i = 4; i >= 0; i--)
		assert_int_equal(bk_pair_decrypt(&r->b, &r->a, &l[i], "1"), 0);
}

static void m2_stranger_pins_nothing(void **state)
{
	struct bk_pair *r = *state;
	struct bk_letter l;
	bk_hash before;
	struct bk_pair_device mask = r->stranger; /* claims to be a */

	assert_int_equal(bk_pair_start(&r->stranger, &r->b, 0), 0);
	assert_int_equal(bk_pair_encrypt(&r->stranger, &r->b, "vals", &l), 0);
	before = bk_pair_all_of(r->b.kv);
	mask.id = r->a.id;
	assert_int_equal(bk_pair_decrypt(&r->b, &mask, &l, ""), BK_E_UNTRUSTED);
	/* Garbage with a foreign key and a broken MAC: also nothing. */
	l.data[l.len - 1] ^= 1;
	assert_int_equal(bk_pair_decrypt(&r->b, &mask, &l, ""), BK_E_UNTRUSTED);
	assert_true(bk_hash_equal(before, bk_pair_all_of(r->b.kv)));
	/* The true key's own first message is not refused for it, and its broken MAC keeps nothing either. */
	assert_int_equal(bk_pair_start(&r->a, &r->b, 1), 0);
	assert_int_equal(bk_pair_encrypt(&r->a, &r->b, "echt", &l), 0);
	l.data[l.len - 1] ^= 1;
	assert_true(bk_pair_decrypt(&r->b, &r->a, &l, "") != 0);
	assert_true(bk_hash_equal(before, bk_pair_all_of(r->b.kv)));
	l.data[l.len - 1] ^= 1;
	assert_int_equal(bk_pair_decrypt(&r->b, &r->a, &l, "echt"), 0);
}

static void revoked_key_stops_a_running_session(void **state)
{
	struct bk_pair *r = *state;
	struct bk_letter l, m;

	assert_int_equal(bk_pair_start(&r->a, &r->b, 0), 0);
	assert_int_equal(bk_pair_encrypt(&r->a, &r->b, "1", &l), 0);
	assert_int_equal(bk_pair_decrypt(&r->b, &r->a, &l, "1"), 0);
	assert_int_equal(bk_pair_encrypt(&r->b, &r->a, "2", &m), 0);
	r->distrust_all = true;
	assert_int_equal(bk_pair_encrypt(&r->b, &r->a, "3", &l), BK_E_UNTRUSTED);
	assert_int_equal(bk_pair_decrypt(&r->a, &r->b, &m, ""), BK_E_UNTRUSTED);
	assert_int_equal(bk_pair_start(&r->a, &r->b, 1), BK_E_UNTRUSTED);
	r->distrust_all = false;
	assert_int_equal(bk_pair_decrypt(&r->a, &r->b, &m, "2"), 0);
}

static void flipped_bits_change_nothing(void **state)
{
	struct bk_pair *r = *state;
	struct bk_letter l, bad;
	uint8_t plain[BK_CAPSULE_INNER];
	size_t len = 0, passed = 0;
	bk_hash before;

	assert_int_equal(bk_pair_start(&r->a, &r->b, 0), 0);
	assert_int_equal(bk_pair_encrypt(&r->a, &r->b, "heel", &l), 0);
	before = bk_pair_all_of(r->b.kv);
	for (size_t i = 0; i < l.len; i++) {
		int err;

		bad = l;
		bad.data[i] ^= 0x41;
		assert_int_equal(bk_kv_begin(r->b.kv), 0);
		err = bk_signal_decrypt(r->b.s, r->a.id, bad.type, bad.data, bad.len, plain, sizeof plain, &len);
		/* A first message's registration id lies outside its MAC; the text never does. */
		if (!err) {
			assert_string_equal((const char *)plain, "heel");
			passed++;
		}
		bk_kv_abort(r->b.kv);
	}
	assert_in_range(passed, 0, 4);
	for (size_t n = 0; n < l.len; n++) {
		bad = l;
		bad.len = n;
		assert_true(bk_pair_decrypt(&r->b, &r->a, &bad, "") < 0);
	}
	assert_true(bk_hash_equal(before, bk_pair_all_of(r->b.kv)));
	assert_int_equal(bk_pair_decrypt(&r->b, &r->a, &l, "heel"), 0);
}

static void m4_missing_prekey_is_told_and_healed(void **state)
{
	struct bk_pair *r = *state;
	struct bk_letter l;

	assert_int_equal(bk_pair_start(&r->a, &r->b, 3), 0);
	assert_int_equal(bk_pair_encrypt(&r->a, &r->b, "1", &l), 0);
	assert_int_equal(bk_kv_begin(r->b.kv), 0);
	assert_int_equal(bk_signal_prekeys_expire(r->b.s, BK_PAIR_DAY + BK_PREKEY_PRIVATE_AGE_MS + 1), 0);
	assert_int_equal(bk_kv_commit(r->b.kv, NULL), 0);
	assert_int_equal(bk_pair_decrypt(&r->b, &r->a, &l, ""), BK_E_NO_SESSION);
	/* The newest signed prekey survives its age: the last resort still works. */
	assert_int_equal(bk_pair_start(&r->a, &r->b, SIZE_MAX), 0);
	assert_int_equal(bk_pair_encrypt(&r->a, &r->b, "2", &l), 0);
	assert_int_equal(bk_pair_decrypt(&r->b, &r->a, &l, "2"), 0);
}

static void m8_ids_are_never_used_twice(void **state)
{
	struct bk_pair *r = *state;
	Baken__PrekeysPut *more = NULL;
	Baken__PrekeysState st = BAKEN__PREKEYS_STATE__INIT;
	uint32_t last = r->a.put->prekeys[9]->id, signed_id = r->a.put->signed_prekey->id;
	bk_hash digest = bk_signal_prekey_digest(signed_id, r->a.put->signed_prekey->public_key.data);

	assert_int_equal(bk_kv_begin(r->a.kv), 0);
	assert_int_equal(bk_signal_prekeys_make(r->a.s, 5, BK_PAIR_DAY, &more), 0);
	assert_int_equal(more->prekeys[0]->id, last + 1);
	assert_int_equal(more->signed_prekey->id, signed_id);
	bk_signal_prekeys_free(more);
	bk_kv_abort(r->a.kv); /* undone: the numbers were never uploaded and may come again */
	assert_int_equal(bk_kv_begin(r->a.kv), 0);
	assert_int_equal(bk_signal_prekeys_make(r->a.s, 5, BK_PAIR_DAY + BK_SIGNED_PREKEY_AGE_MS + 1, &more), 0);
	assert_int_equal(bk_kv_commit(r->a.kv, NULL), 0);
	assert_int_equal(more->prekeys[0]->id, last + 1);
	assert_int_equal(more->signed_prekey->id, signed_id + 1);
	st.signed_prekey_id = signed_id;
	st.digest = bk_bytes(digest.b, sizeof digest.b);
	assert_false(bk_signal_prekeys_match(r->a.s, &st));
	digest = bk_signal_prekey_digest(more->signed_prekey->id, more->signed_prekey->public_key.data);
	st.signed_prekey_id = more->signed_prekey->id;
	st.digest = bk_bytes(digest.b, sizeof digest.b);
	assert_true(bk_signal_prekeys_match(r->a.s, &st));
	bk_signal_prekeys_free(more);
	assert_int_equal(bk_signal_prekeys_make(r->a.s, BK_PREKEYS_BATCH + 1, BK_PAIR_DAY, &more), BK_E_TOO_BIG);
}

static void forged_bundle_is_refused(void **state)
{
	struct bk_pair *r = *state;

	r->b.put->signed_prekey->signature.data[5] ^= 1;
	assert_int_equal(bk_pair_start(&r->a, &r->b, 0), BK_E_SIGNATURE);
	r->b.put->signed_prekey->signature.data[5] ^= 1;
	assert_false(bk_signal_has_session(r->a.s, r->b.id));
	assert_int_equal(bk_pair_start(&r->a, &r->b, 0), 0);
	assert_true(bk_signal_has_session(r->a.s, r->b.id));
}

static void capsule_fits_every_ciphertext(void **state)
{
	struct bk_pair *r = *state;
	struct bk_letter l;
	struct bk_capsule_outer o = {.sender = r->a.id}, opened;
	uint8_t capsule[BK_CAPSULE_BYTES], inner[BK_CAPSULE_INNER];

	assert_int_equal(bk_pair_start(&r->a, &r->b, 0), 0);
	assert_int_equal(bk_pair_encrypt(&r->a, &r->b, "eerste", &l), 0);
	assert_int_equal(l.type, 3);
	o.type = l.type;
	o.ciphertext = l.data;
	o.len = l.len;
	assert_int_equal(bk_sample_seal(&o, r->b.identity, capsule), 0);
	assert_int_equal(bk_signal_unseal(r->stranger.s, capsule, inner, &opened), BK_E_NOT_FOR_US);
	assert_int_equal(bk_signal_unseal(r->b.s, capsule, inner, &opened), 0);
	assert_true(bk_id_equal(opened.sender, r->a.id));
	memcpy(l.data, opened.ciphertext, opened.len);
	assert_int_equal(bk_pair_decrypt(&r->b, &r->a, &l, "eerste"), 0);
}

static void simultaneous_first_messages_heal(void **state)
{
	struct bk_pair *r = *state;
	struct bk_letter l, m;

	assert_int_equal(bk_pair_start(&r->a, &r->b, 0), 0);
	assert_int_equal(bk_pair_start(&r->b, &r->a, 0), 0);
	for (int i = 0; i < 6; i++) {
		assert_int_equal(bk_pair_encrypt(&r->a, &r->b, "a", &l), 0);
		assert_int_equal(bk_pair_encrypt(&r->b, &r->a, "b", &m), 0);
		assert_int_equal(bk_pair_decrypt(&r->a, &r->b, &m, "b"), 0);
		assert_int_equal(bk_pair_decrypt(&r->b, &r->a, &l, "a"), 0);
	}
	assert_int_equal(l.type, 2);
}

/* What does not fit changes nothing: the next letter is read as if it had never been. */
static void sizes(void **state)
{
	struct bk_pair *r = *state;
	uint8_t plain[BK_CAPSULE_INNER], out[BK_SIGNAL_CIPHERTEXT_MAX], type = 0;
	struct bk_letter l;
	bk_hash before;
	size_t len = 0;

	assert_int_equal(bk_pair_start(&r->a, &r->b, 0), 0);
	memset(plain, 'p', sizeof plain);
	before = bk_pair_all_of(r->a.kv);
	assert_int_equal(bk_kv_begin(r->a.kv), 0);
	assert_int_equal(bk_signal_encrypt(r->a.s, r->b.id, plain, 300, &type, out, &len), BK_E_TOO_BIG);
	assert_int_equal(bk_kv_commit(r->a.kv, NULL), 0);
	assert_true(bk_hash_equal(before, bk_pair_all_of(r->a.kv)));
	assert_int_equal(bk_pair_encrypt(&r->a, &r->b, "past", &l), 0);
	before = bk_pair_all_of(r->b.kv);
	assert_int_equal(bk_kv_begin(r->b.kv), 0);
	assert_int_equal(bk_signal_decrypt(r->b.s, r->a.id, l.type, l.data, l.len, plain, BK_CAPSULE_PLAIN_BYTES - 1, &len),
		BK_E_TOO_BIG);
	for (unsigned t = 0; t < 256; t++)
		if (t != 2 && t != 3)
			assert_int_equal(bk_signal_decrypt(r->b.s, r->a.id, (uint8_t)t, l.data, l.len, plain, sizeof plain, &len),
				BK_E_INVAL);
	assert_int_equal(bk_kv_commit(r->b.kv, NULL), 0);
	assert_true(bk_hash_equal(before, bk_pair_all_of(r->b.kv)));
	assert_int_equal(bk_pair_decrypt(&r->b, &r->a, &l, "past"), 0);
	assert_memory_equal(bk_signal_identity(r->a.s), r->a.identity, BK_KEY_BYTES);
	assert_int_equal(bk_signal_registration(r->a.s), r->a.registration);
	assert_in_range(r->a.registration, 1, 16380);
}

static void never_created(void **state)
{
	struct bk_kv *kv = bk_kv_mem_new();
	struct bk_signal *s = NULL;

	(void)state;
	assert_int_equal(bk_signal_open(kv, NULL, NULL, &s), BK_E_NOT_FOUND);
	assert_null(s);
	bk_signal_close(NULL);
	bk_kv_mem_free(kv);
}

static void identity_signs(void **state)
{
	uint8_t public_key[BK_KEY_BYTES], private_key[BK_KEY_BYTES], sig[BK_SIG_BYTES];

	(void)state;
	for (int i = 0; i < 100; i++) {
		assert_int_equal(bk_identity_generate(public_key, private_key), 0);
		assert_int_equal(bk_identity_sign(private_key, "ctx", "data", 4, sig), 0);
		assert_int_equal(bk_identity_verify(public_key, "ctx", "data", 4, sig), 0);
		assert_int_equal(bk_identity_verify(public_key, "cty", "data", 4, sig), BK_E_SIGNATURE);
		sig[i % 64] ^= (uint8_t)(1u << (i % 8));
		assert_int_equal(bk_identity_verify(public_key, "ctx", "data", 4, sig), BK_E_SIGNATURE);
	}
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, bk_pair_setup, bk_pair_teardown)
	const struct CMUnitTest tests[] = {
		T(both_ways),
		T(first_messages_repeat_and_last_resort),
		T(m2_stranger_pins_nothing),
		T(revoked_key_stops_a_running_session),
		T(flipped_bits_change_nothing),
		T(m4_missing_prekey_is_told_and_healed),
		T(m8_ids_are_never_used_twice),
		T(forged_bundle_is_refused),
		T(capsule_fits_every_ciphertext),
		T(simultaneous_first_messages_heal),
		T(sizes),
		cmocka_unit_test(never_created),
		cmocka_unit_test(identity_signs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
