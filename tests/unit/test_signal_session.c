/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The session facade: LESSONS M1 (nothing half written), M2 (trust), M3, M4 (prekeys, renewal), M8 (ids). */
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
#include "signal_session.h"

#define DAY 86400000ull

struct device {
	bk_id id;
	struct bk_kv *kv;
	struct bk_signal *s;
	uint8_t identity[BK_KEY_BYTES];
	uint32_t registration;
	Baken__PrekeysPut *put;
	struct realm *realm;
};
struct realm {
	struct device a, b, stranger;
	bool distrust_all;
};

/* The roster of this test: a and b, nobody else. */
static bool trust(void *arg, bk_id id, const uint8_t identity[static BK_KEY_BYTES])
{
	struct realm *r = arg;

	if (r->distrust_all)
		return false;
	return (bk_id_equal(id, r->a.id) && memcmp(identity, r->a.identity, BK_KEY_BYTES) == 0) ||
		(bk_id_equal(id, r->b.id) && memcmp(identity, r->b.identity, BK_KEY_BYTES) == 0);
}

static bool trust_anybody(void *arg, bk_id id, const uint8_t identity[static BK_KEY_BYTES])
{
	(void)arg;
	(void)id;
	(void)identity;
	return true;
}

static void commit(struct device *d)
{
	assert_int_equal(bk_kv_commit(d->kv, NULL), 0);
}

static void make_device(struct realm *r, struct device *d, bk_signal_trust t)
{
	d->id = bk_id_random();
	d->realm = r;
	d->kv = bk_kv_mem_new();
	assert_int_equal(bk_kv_begin(d->kv), 0);
	assert_int_equal(bk_signal_create(d->kv, d->identity, &d->registration), 0);
	assert_int_equal(bk_signal_create(d->kv, d->identity, &d->registration), BK_E_EXISTS);
	assert_int_equal(bk_signal_open(d->kv, t, r, &d->s), 0);
	assert_int_equal(bk_signal_prekeys_make(d->s, 10, DAY, &d->put), 0);
	commit(d);
}

static int setup(void **state)
{
	struct realm *r = calloc(1, sizeof *r);

	if (!r || sodium_init() < 0)
		return -1;
	make_device(r, &r->a, trust);
	make_device(r, &r->b, trust);
	make_device(r, &r->stranger, trust_anybody);
	*state = r;
	return 0;
}

static int teardown(void **state)
{
	struct realm *r = *state;
	struct device *all[] = {&r->a, &r->b, &r->stranger};

	for (size_t i = 0; i < 3; i++) {
		bk_signal_prekeys_free(all[i]->put);
		bk_signal_close(all[i]->s);
		bk_kv_mem_free(all[i]->kv);
	}
	free(r);
	return 0;
}

static int start(struct device *from, const struct device *to, size_t prekey)
{
	Baken__PrekeyBundle b = BAKEN__PREKEY_BUNDLE__INIT;
	int err;

	b.registration_id = to->registration;
	b.signed_prekey = to->put->signed_prekey;
	b.prekey = prekey < to->put->n_prekeys ? to->put->prekeys[prekey] : NULL;
	assert_int_equal(bk_kv_begin(from->kv), 0);
	err = bk_signal_start(from->s, to->id, to->identity, &b);
	commit(from);
	return err;
}

struct letter {
	uint8_t type;
	uint8_t data[BK_SIGNAL_CIPHERTEXT_MAX];
	size_t len;
};

static int encrypt(struct device *from, const struct device *to, const char *text, struct letter *l)
{
	uint8_t plain[BK_CAPSULE_PLAIN_BYTES] = {0};
	int err;

	memcpy(plain, text, strlen(text));
	assert_int_equal(bk_kv_begin(from->kv), 0);
	err = bk_signal_encrypt(from->s, to->id, plain, sizeof plain, &l->type, l->data, &l->len);
	commit(from);
	return err;
}

static int decrypt(struct device *to, const struct device *from, const struct letter *l, const char *text)
{
	uint8_t plain[BK_CAPSULE_INNER];
	size_t len = 0;
	int err;

	assert_int_equal(bk_kv_begin(to->kv), 0);
	err = bk_signal_decrypt(to->s, from->id, l->type, l->data, l->len, plain, sizeof plain, &len);
	commit(to);
	if (!err) {
		assert_int_equal(len, BK_CAPSULE_PLAIN_BYTES);
		assert_string_equal((const char *)plain, text);
	}
	return err;
}

struct dump {
	crypto_hash_sha256_state h;
};
static int dump_row(void *arg, const void *key, size_t key_len, const void *value, size_t len)
{
	struct dump *d = arg;

	crypto_hash_sha256_update(&d->h, key, key_len);
	crypto_hash_sha256_update(&d->h, value, len);
	return 0;
}

static bk_hash all_of(struct bk_kv *kv)
{
	struct dump d;
	bk_hash h;

	crypto_hash_sha256_init(&d.h);
	assert_int_equal(bk_kv_each(kv, "", 0, dump_row, &d), 0);
	crypto_hash_sha256_final(&d.h, h.b);
	return h;
}

static void both_ways(void **state)
{
	struct realm *r = *state;
	struct letter l;

	assert_int_equal(encrypt(&r->a, &r->b, "x", &l), BK_E_NO_SESSION);
	assert_int_equal(start(&r->a, &r->b, 0), 0);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(encrypt(&r->a, &r->b, "hallo", &l), 0);
		assert_int_equal(l.type, i == 0 ? 3 : 2); /* M3: an answer ends first messages */
		assert_int_equal(decrypt(&r->b, &r->a, &l, "hallo"), 0);
		assert_int_equal(decrypt(&r->b, &r->a, &l, ""), BK_E_DUPLICATE);
		assert_int_equal(encrypt(&r->b, &r->a, "terug", &l), 0);
		assert_int_equal(decrypt(&r->a, &r->b, &l, "terug"), 0);
	}
}

static void first_messages_repeat_and_last_resort(void **state)
{
	struct realm *r = *state;
	struct letter l[5];

	assert_int_equal(start(&r->a, &r->b, SIZE_MAX), 0); /* no one-time prekey */
	for (int i = 0; i < 5; i++)
		assert_int_equal(encrypt(&r->a, &r->b, "1", &l[i]), 0);
	for (int i = 4; i >= 0; i--)
		assert_int_equal(decrypt(&r->b, &r->a, &l[i], "1"), 0);
}

static void m2_stranger_pins_nothing(void **state)
{
	struct realm *r = *state;
	struct letter l;
	bk_hash before;
	struct device mask = r->stranger; /* claims to be a */

	assert_int_equal(start(&r->stranger, &r->b, 0), 0);
	assert_int_equal(encrypt(&r->stranger, &r->b, "vals", &l), 0);
	before = all_of(r->b.kv);
	mask.id = r->a.id;
	assert_int_equal(decrypt(&r->b, &mask, &l, ""), BK_E_UNTRUSTED);
	/* Garbage with a foreign key and a broken MAC: also nothing. */
	l.data[l.len - 1] ^= 1;
	assert_int_equal(decrypt(&r->b, &mask, &l, ""), BK_E_UNTRUSTED);
	before = all_of(r->b.kv);
	assert_int_equal(start(&r->a, &r->b, 1), 0);
	assert_int_equal(encrypt(&r->a, &r->b, "echt", &l), 0);
	l.data[l.len - 1] ^= 1;
	assert_true(decrypt(&r->b, &r->a, &l, "") != 0);
	assert_true(bk_hash_equal(before, all_of(r->b.kv)));
	l.data[l.len - 1] ^= 1;
	assert_int_equal(decrypt(&r->b, &r->a, &l, "echt"), 0);
}

static void revoked_key_stops_a_running_session(void **state)
{
	struct realm *r = *state;
	struct letter l, m;

	assert_int_equal(start(&r->a, &r->b, 0), 0);
	assert_int_equal(encrypt(&r->a, &r->b, "1", &l), 0);
	assert_int_equal(decrypt(&r->b, &r->a, &l, "1"), 0);
	assert_int_equal(encrypt(&r->b, &r->a, "2", &m), 0);
	r->distrust_all = true;
	assert_int_equal(encrypt(&r->b, &r->a, "3", &l), BK_E_UNTRUSTED);
	assert_int_equal(decrypt(&r->a, &r->b, &m, ""), BK_E_UNTRUSTED);
	assert_int_equal(start(&r->a, &r->b, 1), BK_E_UNTRUSTED);
	r->distrust_all = false;
	assert_int_equal(decrypt(&r->a, &r->b, &m, "2"), 0);
}

static void flipped_bits_change_nothing(void **state)
{
	struct realm *r = *state;
	struct letter l, bad;
	uint8_t plain[BK_CAPSULE_INNER];
	size_t len = 0, passed = 0;
	bk_hash before;

	assert_int_equal(start(&r->a, &r->b, 0), 0);
	assert_int_equal(encrypt(&r->a, &r->b, "heel", &l), 0);
	before = all_of(r->b.kv);
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
		assert_true(decrypt(&r->b, &r->a, &bad, "") < 0);
	}
	assert_true(bk_hash_equal(before, all_of(r->b.kv)));
	assert_int_equal(decrypt(&r->b, &r->a, &l, "heel"), 0);
}

static void m4_missing_prekey_is_told_and_healed(void **state)
{
	struct realm *r = *state;
	struct letter l;

	assert_int_equal(start(&r->a, &r->b, 3), 0);
	assert_int_equal(encrypt(&r->a, &r->b, "1", &l), 0);
	assert_int_equal(bk_kv_begin(r->b.kv), 0);
	assert_int_equal(bk_signal_prekeys_expire(r->b.s, DAY + BK_PREKEY_PRIVATE_AGE_MS + 1), 0);
	commit(&r->b);
	assert_int_equal(decrypt(&r->b, &r->a, &l, ""), BK_E_NO_SESSION);
	/* The newest signed prekey survives its age: the last resort still works. */
	assert_int_equal(start(&r->a, &r->b, SIZE_MAX), 0);
	assert_int_equal(encrypt(&r->a, &r->b, "2", &l), 0);
	assert_int_equal(decrypt(&r->b, &r->a, &l, "2"), 0);
}

static void m4_skipped_messages_renew(void **state)
{
	struct realm *r = *state;
	struct letter l;

	assert_int_equal(start(&r->a, &r->b, 0), 0);
	assert_int_equal(encrypt(&r->a, &r->b, "0", &l), 0);
	assert_int_equal(decrypt(&r->b, &r->a, &l, "0"), 0);
	assert_false(bk_signal_needs_renewal(r->b.s, r->a.id));
	for (int i = 0; i < 1500; i++)
		assert_int_equal(encrypt(&r->a, &r->b, "weg", &l), 0);
	assert_int_equal(decrypt(&r->b, &r->a, &l, "weg"), 0);
	assert_true(bk_signal_needs_renewal(r->b.s, r->a.id));
	assert_int_equal(start(&r->b, &r->a, 0), 0);
	assert_false(bk_signal_needs_renewal(r->b.s, r->a.id));
	assert_int_equal(encrypt(&r->b, &r->a, "nieuw", &l), 0);
	assert_int_equal(decrypt(&r->a, &r->b, &l, "nieuw"), 0);
}

static void m8_ids_are_never_used_twice(void **state)
{
	struct realm *r = *state;
	Baken__PrekeysPut *more = NULL;
	Baken__PrekeysState st = BAKEN__PREKEYS_STATE__INIT;
	uint32_t last = r->a.put->prekeys[9]->id, signed_id = r->a.put->signed_prekey->id;
	bk_hash digest = bk_signal_prekey_digest(signed_id, r->a.put->signed_prekey->public_key.data);

	assert_int_equal(bk_kv_begin(r->a.kv), 0);
	assert_int_equal(bk_signal_prekeys_make(r->a.s, 5, DAY, &more), 0);
	assert_int_equal(more->prekeys[0]->id, last + 1);
	assert_int_equal(more->signed_prekey->id, signed_id);
	bk_signal_prekeys_free(more);
	bk_kv_abort(r->a.kv); /* undone: the numbers were never uploaded and may come again */
	assert_int_equal(bk_kv_begin(r->a.kv), 0);
	assert_int_equal(bk_signal_prekeys_make(r->a.s, 5, DAY + BK_SIGNED_PREKEY_AGE_MS + 1, &more), 0);
	commit(&r->a);
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
	assert_int_equal(bk_signal_prekeys_make(r->a.s, BK_PREKEYS_BATCH + 1, DAY, &more), BK_E_TOO_BIG);
}

static void forged_bundle_is_refused(void **state)
{
	struct realm *r = *state;

	r->b.put->signed_prekey->signature.data[5] ^= 1;
	assert_int_equal(start(&r->a, &r->b, 0), BK_E_SIGNATURE);
	r->b.put->signed_prekey->signature.data[5] ^= 1;
	assert_false(bk_signal_has_session(r->a.s, r->b.id));
	assert_int_equal(start(&r->a, &r->b, 0), 0);
	assert_true(bk_signal_has_session(r->a.s, r->b.id));
}

/* M1: the n-th call of the store fails, for every n; the turn is undone and the letter is readable afterwards. */
static void m1_every_failing_call_leaves_all_or_nothing(void **state)
{
	struct realm *r = *state;
	struct letter l;
	uint8_t plain[BK_CAPSULE_INNER];
	size_t len = 0;
	bk_hash before;
	int err = -1;

	assert_int_equal(start(&r->a, &r->b, 0), 0);
	assert_int_equal(encrypt(&r->a, &r->b, "een", &l), 0);
	before = all_of(r->b.kv);
	for (long n = 0; err; n++) {
		assert_in_range(n, 0, 100);
		assert_int_equal(bk_kv_begin(r->b.kv), 0);
		bk_kv_mem_fail(r->b.kv, n, BK_E_IO);
		err = bk_signal_decrypt(r->b.s, r->a.id, l.type, l.data, l.len, plain, sizeof plain, &len);
		bk_kv_mem_fail(r->b.kv, -1, 0);
		bk_kv_abort(r->b.kv);
		assert_true(bk_hash_equal(before, all_of(r->b.kv)));
		assert_true(err == 0 || n >= 0);
	}
	assert_int_equal(decrypt(&r->b, &r->a, &l, "een"), 0);
}

static void capsule_fits_every_ciphertext(void **state)
{
	struct realm *r = *state;
	struct letter l;
	struct bk_capsule_outer o = {.sender = r->a.id}, opened;
	uint8_t capsule[BK_CAPSULE_BYTES], inner[BK_CAPSULE_INNER];

	assert_int_equal(start(&r->a, &r->b, 0), 0);
	assert_int_equal(encrypt(&r->a, &r->b, "eerste", &l), 0);
	assert_int_equal(l.type, 3);
	o.type = l.type;
	o.ciphertext = l.data;
	o.len = l.len;
	assert_int_equal(bk_capsule_seal(&o, r->b.identity, capsule), 0);
	assert_int_equal(bk_signal_unseal(r->stranger.s, capsule, inner, &opened), BK_E_NOT_FOR_US);
	assert_int_equal(bk_signal_unseal(r->b.s, capsule, inner, &opened), 0);
	assert_true(bk_id_equal(opened.sender, r->a.id));
	memcpy(l.data, opened.ciphertext, opened.len);
	assert_int_equal(decrypt(&r->b, &r->a, &l, "eerste"), 0);
}

static void simultaneous_first_messages_heal(void **state)
{
	struct realm *r = *state;
	struct letter l, m;

	assert_int_equal(start(&r->a, &r->b, 0), 0);
	assert_int_equal(start(&r->b, &r->a, 0), 0);
	for (int i = 0; i < 6; i++) {
		assert_int_equal(encrypt(&r->a, &r->b, "a", &l), 0);
		assert_int_equal(encrypt(&r->b, &r->a, "b", &m), 0);
		assert_int_equal(decrypt(&r->a, &r->b, &m, "b"), 0);
		assert_int_equal(decrypt(&r->b, &r->a, &l, "a"), 0);
	}
	assert_int_equal(l.type, 2);
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
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(both_ways),
		T(first_messages_repeat_and_last_resort),
		T(m2_stranger_pins_nothing),
		T(revoked_key_stops_a_running_session),
		T(flipped_bits_change_nothing),
		T(m4_missing_prekey_is_told_and_healed),
		T(m4_skipped_messages_renew),
		T(m8_ids_are_never_used_twice),
		T(forged_bundle_is_refused),
		T(m1_every_failing_call_leaves_all_or_nothing),
		T(capsule_fits_every_ciphertext),
		T(simultaneous_first_messages_heal),
		cmocka_unit_test(identity_signs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
