/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a crash, a loss, a forger or a long silence does to a session: lessons M1, M2, M3, M4, M8, M9 and M15,
 * on the facade alone. The client as a whole is put to the same in tests/flow and tests/crash.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>
#include <stdlib.h>

#include "err.h"
#include "frame.h"
#include "signal_pair.h"
#include "signal_store.h"

#define INBOX "inbox/1"

static bool has(struct bk_kv *kv, const char *key)
{
	uint8_t *value = NULL;
	size_t len = 0;
	int err = bk_kv_get(kv, key, strlen(key), &value, &len);

	free(value);
	assert_true(err == 0 || err == BK_E_NOT_FOUND);
	return err == 0;
}

/* One turn of a reader: decrypt, keep the plaintext, commit. On any failure the turn is undone. */
static int read_turn(struct bk_pair_device *to, const struct bk_pair_device *from, const struct bk_letter *l)
{
	uint8_t plain[BK_CAPSULE_INNER];
	size_t len = 0;
	int err = bk_kv_begin(to->kv);

	if (!err)
		err = bk_signal_decrypt(to->s, from->id, l->type, l->data, l->len, plain, sizeof plain, &len);
	if (!err)
		err = bk_kv_put(to->kv, INBOX, strlen(INBOX), plain, len);
	if (!err)
		err = bk_kv_commit(to->kv, NULL);
	if (err)
		bk_kv_abort(to->kv);
	return err;
}

/* M1: whichever call of the store fails, plaintext, session and used prekey are all there or none is. */
static void m1_reading_is_one_transaction(void **state)
{
	struct bk_pair *p = *state;
	struct bk_letter l;
	bk_hash before;
	int err = -1;
	long n;

	assert_int_equal(bk_pair_start(&p->a, &p->b, 0), 0);
	assert_int_equal(bk_pair_encrypt(&p->a, &p->b, "een", &l), 0);
	before = bk_pair_all_of(p->b.kv);
	for (n = 0; err; n++) {
		assert_in_range(n, 0, 40);
		bk_kv_mem_fail(p->b.kv, n, BK_E_IO);
		err = read_turn(&p->b, &p->a, &l);
		bk_kv_mem_fail(p->b.kv, -1, 0);
		if (err) {
			assert_int_equal(err, BK_E_IO);
			assert_true(bk_hash_equal(before, bk_pair_all_of(p->b.kv)));
			bk_pair_reopen(p, &p->b); /* died here, started again */
		}
	}
	assert_in_range(n, 6, 40); /* begin, reads, session, prekey, plaintext, commit: all were in the loop */
	assert_true(has(p->b.kv, INBOX));
	assert_int_equal(bk_pair_rows(p->b.kv, "signal/session/"), 1);
	assert_int_equal(bk_pair_rows(p->b.kv, BK_SIGNAL_PREKEY), BK_PAIR_PREKEYS - 1);
	assert_int_equal(bk_pair_decrypt(&p->b, &p->a, &l, ""), BK_E_DUPLICATE); /* held, so: acknowledge */
}

/* M1: the same with every memory of it lost: a reader undone and started again reads what comes again. */
static void m1_undone_reading_can_be_repeated(void **state)
{
	struct bk_pair *p = *state;
	struct bk_letter l;
	uint8_t plain[BK_CAPSULE_INNER];
	size_t len = 0;

	assert_int_equal(bk_pair_start(&p->a, &p->b, 0), 0);
	for (int round = 0; round < 3; round++) {
		assert_int_equal(bk_pair_encrypt(&p->a, &p->b, "weer", &l), 0);
		assert_int_equal(bk_kv_begin(p->b.kv), 0);
		assert_int_equal(bk_signal_decrypt(p->b.s, p->a.id, l.type, l.data, l.len, plain, sizeof plain, &len), 0);
		bk_kv_abort(p->b.kv);
		bk_pair_reopen(p, &p->b);
		assert_int_equal(bk_pair_decrypt(&p->b, &p->a, &l, "weer"), 0);
		assert_int_equal(bk_pair_encrypt(&p->b, &p->a, "ja", &l), 0);
		assert_int_equal(bk_pair_decrypt(&p->a, &p->b, &l, "ja"), 0);
	}
}

/* M1, the writing side: a ratchet that was not committed never let a ciphertext out; the next one is readable. */
static void m1_writing_is_one_transaction(void **state)
{
	struct bk_pair *p = *state;
	struct bk_letter l = {0, {0}, 0};
	uint8_t plain[BK_CAPSULE_PLAIN_BYTES] = "twee";
	int err = -1;

	assert_int_equal(bk_pair_start(&p->a, &p->b, 0), 0);
	for (long n = 0; err; n++) {
		bk_hash before = bk_pair_all_of(p->a.kv);

		assert_in_range(n, 0, 40);
		bk_kv_mem_fail(p->a.kv, n, BK_E_FULL);
		err = bk_kv_begin(p->a.kv);
		if (!err)
			err = bk_signal_encrypt(p->a.s, p->b.id, plain, sizeof plain, &l.type, l.data, &l.len);
		if (!err)
			err = bk_kv_commit(p->a.kv, NULL);
		bk_kv_mem_fail(p->a.kv, -1, 0);
		if (err) {
			bk_kv_abort(p->a.kv);
			assert_true(bk_hash_equal(before, bk_pair_all_of(p->a.kv)));
			bk_pair_reopen(p, &p->a);
		}
	}
	assert_int_equal(bk_pair_decrypt(&p->b, &p->a, &l, "twee"), 0);
}

/* M2, M9: without an open transaction nothing is written at all. */
static void m9_no_writing_outside_a_transaction(void **state)
{
	struct bk_pair *p = *state;
	struct bk_letter l;
	uint8_t plain[BK_CAPSULE_INNER];
	size_t len = 0;
	bk_hash before;

	assert_int_equal(bk_pair_start(&p->a, &p->b, 0), 0);
	assert_int_equal(bk_pair_encrypt(&p->a, &p->b, "x", &l), 0);
	before = bk_pair_all_of(p->b.kv);
	assert_int_equal(bk_signal_decrypt(p->b.s, p->a.id, l.type, l.data, l.len, plain, sizeof plain, &len), BK_E_STATE);
	assert_true(bk_hash_equal(before, bk_pair_all_of(p->b.kv)));
	assert_int_equal(bk_pair_decrypt(&p->b, &p->a, &l, "x"), 0);
}

/* M2: many forgers, with many keys, in the name of a known device; then the device itself. */
static void m2_forgers_change_nothing(void **state)
{
	struct bk_pair *p = *state;
	struct bk_pair_device mask = p->stranger;
	const bk_hash before = bk_pair_all_of(p->b.kv);
	struct bk_letter l;

	mask.id = p->a.id;
	for (size_t prekey = 0; prekey < BK_PAIR_PREKEYS; prekey++) {
		assert_int_equal(bk_pair_start(&p->stranger, &p->b, prekey), 0);
		assert_int_equal(bk_pair_encrypt(&p->stranger, &p->b, "vals", &l), 0);
		assert_int_equal(bk_pair_decrypt(&p->b, &mask, &l, ""), BK_E_UNTRUSTED);
	}
	assert_true(bk_hash_equal(before, bk_pair_all_of(p->b.kv))); /* no key pinned, no prekey used up (M8) */
	assert_false(bk_signal_has_session(p->b.s, p->a.id));
	bk_pair_reopen(p, &p->b);
	assert_int_equal(bk_pair_start(&p->a, &p->b, 0), 0);
	assert_int_equal(bk_pair_encrypt(&p->a, &p->b, "echt", &l), 0);
	assert_int_equal(bk_pair_decrypt(&p->b, &p->a, &l, "echt"), 0);
}

/* M3: unanswered, every letter is a first one; one answer ends that and both ratchets turn with each exchange. */
static void m3_an_answer_turns_the_ratchet(void **state)
{
	struct bk_pair *p = *state;
	struct bk_letter l;

	assert_int_equal(bk_pair_start(&p->a, &p->b, 0), 0);
	for (int i = 0; i < 30; i++) {
		assert_int_equal(bk_pair_encrypt(&p->a, &p->b, "stil", &l), 0);
		assert_int_equal(l.type, 3);
		assert_int_equal(bk_pair_decrypt(&p->b, &p->a, &l, "stil"), 0);
	}
	assert_int_equal(bk_pair_encrypt(&p->b, &p->a, "gezien", &l), 0);
	assert_int_equal(l.type, 2);
	assert_int_equal(bk_pair_decrypt(&p->a, &p->b, &l, "gezien"), 0);
	for (int i = 0; i < 10; i++) {
		struct bk_letter m;

		assert_int_equal(bk_pair_encrypt(&p->a, &p->b, "1", &l), 0);
		assert_int_equal(bk_pair_encrypt(&p->a, &p->b, "2", &m), 0);
		assert_int_equal(l.type, 2);
		/* Version, tag, length, 33 bytes of ratchet key: the same in one turn, another in the next. */
		assert_memory_equal(l.data + 3, m.data + 3, 33);
		assert_int_equal(bk_pair_decrypt(&p->b, &p->a, &l, "1"), 0);
		assert_int_equal(bk_pair_decrypt(&p->b, &p->a, &m, "2"), 0);
		bk_pair_exchange(&p->b, &p->a);
		assert_int_equal(bk_pair_encrypt(&p->a, &p->b, "3", &m), 0);
		assert_memory_not_equal(l.data + 3, m.data + 3, 33);
		assert_int_equal(bk_pair_decrypt(&p->b, &p->a, &m, "3"), 0);
	}
}

/* M4: skipping grows the record; beyond 64 KiB it is renewed; beyond libsignal's 2,000 nothing is lost but the gap. */
static void m4_skipped_letters_renew(void **state)
{
	struct bk_pair *p = *state;
	struct bk_letter l;

	assert_int_equal(bk_pair_start(&p->a, &p->b, 0), 0);
	bk_pair_exchange(&p->a, &p->b);
	assert_false(bk_signal_needs_renewal(p->b.s, p->a.id));
	for (int i = 0; i < 1500; i++)
		assert_int_equal(bk_pair_encrypt(&p->a, &p->b, "weg", &l), 0);
	assert_int_equal(bk_pair_decrypt(&p->b, &p->a, &l, "weg"), 0);
	assert_true(bk_pair_record_bytes(&p->b, &p->a) > BK_SESSION_RENEW_BYTES);
	assert_true(bk_signal_needs_renewal(p->b.s, p->a.id));
	assert_false(bk_signal_needs_renewal(p->a.s, p->b.id));
	assert_int_equal(bk_pair_start(&p->b, &p->a, 0), 0);
	assert_false(bk_signal_needs_renewal(p->b.s, p->a.id));
	bk_pair_exchange(&p->b, &p->a);
}

static void m4_too_many_skipped_change_nothing(void **state)
{
	struct bk_pair *p = *state;
	struct bk_letter first, l;
	bk_hash before;

	assert_int_equal(bk_pair_start(&p->a, &p->b, 0), 0);
	bk_pair_exchange(&p->a, &p->b);
	assert_int_equal(bk_pair_encrypt(&p->a, &p->b, "nul", &first), 0);
	for (int i = 0; i < 2100; i++)
		assert_int_equal(bk_pair_encrypt(&p->a, &p->b, "weg", &l), 0);
	before = bk_pair_all_of(p->b.kv);
	assert_int_equal(bk_pair_decrypt(&p->b, &p->a, &l, ""), BK_E_DECRYPT);
	assert_true(bk_hash_equal(before, bk_pair_all_of(p->b.kv)));
	assert_int_equal(bk_pair_decrypt(&p->b, &p->a, &first, "nul"), 0);
	/* The sender, asked again, begins anew and the same text arrives. */
	assert_int_equal(bk_pair_start(&p->a, &p->b, 1), 0);
	assert_int_equal(bk_pair_encrypt(&p->a, &p->b, "weg", &l), 0);
	assert_int_equal(bk_pair_decrypt(&p->b, &p->a, &l, "weg"), 0);
}

/* M4: renewed again and again, the archived states do not pile up without end: over 256 KiB they are cut. */
static void m4_records_stay_bounded(void **state)
{
	struct bk_pair *p = *state;
	size_t len = 0, cuts = 0;
	struct bk_letter l;

	for (size_t round = 0; round < BK_PAIR_PREKEYS; round++) {
		size_t before = len;

		assert_int_equal(bk_pair_start(&p->b, &p->a, round), 0);
		bk_pair_exchange(&p->b, &p->a);
		for (int i = 0; i < 700; i++)
			assert_int_equal(bk_pair_encrypt(&p->a, &p->b, "weg", &l), 0);
		assert_int_equal(bk_pair_decrypt(&p->b, &p->a, &l, "weg"), 0);
		len = bk_pair_record_bytes(&p->b, &p->a);
		assert_in_range(len, 50000, 6 * BK_SESSION_RENEW_BYTES);
		cuts += len < before;
	}
	assert_in_range(cuts, 1, 3);
	bk_pair_exchange(&p->b, &p->a);
}

/* M4: private parts outlive what the server may still hand out, to the millisecond; the used ones go at once. */
static void m4_prekeys_live_long_enough(void **state)
{
	struct bk_pair *p = *state;
	struct bk_letter l;

	assert_true(BK_PREKEY_PRIVATE_AGE_MS >= 2 * BK_PREKEY_SERVER_AGE_MS);
	assert_int_equal(bk_pair_start(&p->a, &p->b, 0), 0);
	assert_int_equal(bk_pair_encrypt(&p->a, &p->b, "laat", &l), 0);
	assert_int_equal(bk_kv_begin(p->b.kv), 0);
	assert_int_equal(bk_signal_prekeys_expire(p->b.s, BK_PAIR_DAY + BK_PREKEY_PRIVATE_AGE_MS), 0);
	assert_int_equal(bk_kv_commit(p->b.kv, NULL), 0);
	assert_int_equal(bk_pair_rows(p->b.kv, BK_SIGNAL_PREKEY), BK_PAIR_PREKEYS);
	assert_int_equal(bk_pair_decrypt(&p->b, &p->a, &l, "laat"), 0);
	assert_int_equal(bk_pair_rows(p->b.kv, BK_SIGNAL_PREKEY), BK_PAIR_PREKEYS - 1);
	assert_int_equal(bk_kv_begin(p->b.kv), 0);
	assert_int_equal(bk_signal_prekeys_expire(p->b.s, BK_PAIR_DAY + BK_PREKEY_PRIVATE_AGE_MS + 1), 0);
	assert_int_equal(bk_kv_commit(p->b.kv, NULL), 0);
	assert_int_equal(bk_pair_rows(p->b.kv, BK_SIGNAL_PREKEY), 0);
	assert_int_equal(bk_pair_rows(p->b.kv, BK_SIGNAL_SIGNED), 1);
}

/* M4: more than one round of expiry. */
static void m4_many_prekeys_expire(void **state)
{
	struct bk_pair *p = *state;
	Baken__PrekeysPut *put = NULL;

	assert_int_equal(bk_kv_begin(p->b.kv), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(bk_signal_prekeys_make(p->b.s, BK_PREKEYS_BATCH, BK_PAIR_DAY, &put), 0);
		assert_int_equal(put->n_prekeys, BK_PREKEYS_BATCH);
		bk_signal_prekeys_free(put);
	}
	assert_int_equal(bk_pair_rows(p->b.kv, BK_SIGNAL_PREKEY), BK_PAIR_PREKEYS + 2 * BK_PREKEYS_BATCH);
	assert_int_equal(bk_signal_prekeys_expire(p->b.s, BK_PAIR_DAY + BK_PREKEY_PRIVATE_AGE_MS + 1), 0);
	assert_int_equal(bk_kv_commit(p->b.kv, NULL), 0);
	assert_int_equal(bk_pair_rows(p->b.kv, BK_SIGNAL_PREKEY), 0);
}

/* M4: private parts are in the store before anything could be uploaded, or nothing is. */
static void m4_made_prekeys_are_whole_or_not(void **state)
{
	struct bk_pair *p = *state;
	Baken__PrekeysPut *put = NULL;
	Baken__PrekeysState st = BAKEN__PREKEYS_STATE__INIT;
	const bk_hash before = bk_pair_all_of(p->a.kv);
	bk_hash digest;
	int err = -1;

	digest = bk_signal_prekey_digest(p->a.put->signed_prekey->id, p->a.put->signed_prekey->public_key.data);
	st.signed_prekey_id = p->a.put->signed_prekey->id;
	st.digest = bk_bytes(digest.b, sizeof digest.b);
	for (long n = 0; err; n++) {
		assert_in_range(n, 0, 60);
		bk_kv_mem_fail(p->a.kv, n, BK_E_FULL);
		err = bk_kv_begin(p->a.kv);
		if (!err)
			err = bk_signal_prekeys_make(p->a.s, 3, BK_PAIR_DAY + BK_SIGNED_PREKEY_AGE_MS + 1, &put);
		if (!err)
			bk_signal_prekeys_free(put);
		if (!err)
			err = bk_kv_commit(p->a.kv, NULL);
		bk_kv_mem_fail(p->a.kv, -1, 0);
		if (err) {
			bk_kv_abort(p->a.kv);
			assert_true(bk_hash_equal(before, bk_pair_all_of(p->a.kv)));
			/* Undone: what the server has is still what we have. */
			assert_true(bk_signal_prekeys_match(p->a.s, &st));
		}
	}
	assert_false(bk_signal_prekeys_match(p->a.s, &st)); /* a week later: a new signed prekey */
	assert_int_equal(bk_pair_rows(p->a.kv, BK_SIGNAL_PREKEY), BK_PAIR_PREKEYS + 3);
	assert_int_equal(bk_pair_rows(p->a.kv, BK_SIGNAL_SIGNED), 2);
}

/* M8: a letter that cannot be read uses up no prekey. */
static void m8_no_prekey_lost_by_a_failure(void **state)
{
	struct bk_pair *p = *state;
	struct bk_letter l;

	assert_int_equal(bk_pair_start(&p->a, &p->b, 4), 0);
	assert_int_equal(bk_pair_encrypt(&p->a, &p->b, "heel", &l), 0);
	l.data[l.len - 1] ^= 0x80;
	for (int i = 0; i < 5; i++)
		assert_true(bk_pair_decrypt(&p->b, &p->a, &l, "") < 0);
	assert_int_equal(bk_pair_rows(p->b.kv, BK_SIGNAL_PREKEY), BK_PAIR_PREKEYS);
	l.data[l.len - 1] ^= 0x80;
	assert_int_equal(bk_pair_decrypt(&p->b, &p->a, &l, "heel"), 0);
}

/* M8: ids end before libsignal's 24 bits do, and never begin anew. */
static void m8_numbers_run_out(void **state)
{
	struct bk_pair *p = *state;
	struct bk_signal_self self;
	Baken__PrekeysPut *put = NULL;

	assert_int_equal(bk_signal_store_self_load(p->a.kv, &self), 0);
	self.next_prekey = 0xfffffe - 5;
	assert_int_equal(bk_kv_begin(p->a.kv), 0);
	assert_int_equal(bk_signal_store_self_save(p->a.kv, &self), 0);
	assert_int_equal(bk_signal_prekeys_make(p->a.s, 6, BK_PAIR_DAY, &put), BK_E_FULL);
	assert_int_equal(bk_signal_prekeys_make(p->a.s, 5, BK_PAIR_DAY, &put), 0);
	assert_int_equal(put->prekeys[4]->id, 0xfffffe - 1);
	bk_signal_prekeys_free(put);
	assert_int_equal(bk_signal_prekeys_make(p->a.s, 1, BK_PAIR_DAY, &put), BK_E_FULL);
	assert_int_equal(bk_kv_commit(p->a.kv, NULL), 0);
}

/* M15: a reset goes through a new session, whatever the old one is worth; letters on the way still arrive. */
static void m15_new_session_first(void **state)
{
	struct bk_pair *p = *state;
	struct bk_letter old, l;

	assert_int_equal(bk_pair_start(&p->a, &p->b, 0), 0);
	bk_pair_exchange(&p->a, &p->b);
	assert_int_equal(bk_pair_encrypt(&p->a, &p->b, "onderweg", &old), 0);
	assert_int_equal(bk_pair_start(&p->a, &p->b, 1), 0);
	assert_int_equal(bk_pair_encrypt(&p->a, &p->b, "opnieuw", &l), 0);
	assert_int_equal(l.type, 3);
	assert_int_equal(bk_pair_decrypt(&p->b, &p->a, &l, "opnieuw"), 0);
	assert_int_equal(bk_pair_decrypt(&p->b, &p->a, &old, "onderweg"), 0); /* archived state */
	bk_pair_exchange(&p->a, &p->b);
	bk_pair_exchange(&p->b, &p->a);
}

/* M4, M14, M15: one side lost everything but its identity (a restored store): told, and healed by a new session. */
static void m15_lost_session_heals(void **state)
{
	struct bk_pair *p = *state;
	struct bk_letter l;

	assert_int_equal(bk_pair_start(&p->a, &p->b, 0), 0);
	bk_pair_exchange(&p->a, &p->b);
	assert_int_equal(bk_kv_begin(p->b.kv), 0);
	assert_int_equal(bk_signal_forget(p->b.s, p->a.id), 0);
	assert_int_equal(bk_kv_commit(p->b.kv, NULL), 0);
	assert_false(bk_signal_has_session(p->b.s, p->a.id));
	assert_int_equal(bk_pair_encrypt(&p->a, &p->b, "kwijt", &l), 0);
	assert_int_equal(l.type, 2);
	assert_int_equal(bk_pair_decrypt(&p->b, &p->a, &l, ""), BK_E_NO_SESSION);
	/* b asks again: it starts the session, so the request itself goes through a new one. */
	assert_int_equal(bk_pair_start(&p->b, &p->a, 0), 0);
	assert_int_equal(bk_pair_encrypt(&p->b, &p->a, "vraag", &l), 0);
	assert_int_equal(bk_pair_decrypt(&p->a, &p->b, &l, "vraag"), 0);
	assert_int_equal(bk_pair_encrypt(&p->a, &p->b, "kwijt", &l), 0);
	assert_int_equal(bk_pair_decrypt(&p->b, &p->a, &l, "kwijt"), 0);
}

/* M15: a bundle that is no good for one device leaves the session with another alone. */
static void m15_failure_stays_with_its_device(void **state)
{
	struct bk_pair *p = *state;
	Baken__PrekeyBundle bad = BAKEN__PREKEY_BUNDLE__INIT;
	struct bk_pair_device ghost = p->b;
	bk_hash before;

	assert_int_equal(bk_pair_start(&p->a, &p->b, 0), 0);
	bk_pair_exchange(&p->a, &p->b);
	before = bk_pair_all_of(p->a.kv);
	ghost.id = p->stranger.id;
	assert_int_equal(bk_pair_start(&p->a, &ghost, 0), BK_E_UNTRUSTED); /* M17: in no roster */
	assert_int_equal(bk_kv_begin(p->a.kv), 0);
	assert_int_equal(bk_signal_start(p->a.s, p->b.id, p->b.identity, &bad), BK_E_INVAL);
	assert_int_equal(bk_kv_commit(p->a.kv, NULL), 0);
	assert_true(bk_hash_equal(before, bk_pair_all_of(p->a.kv)));
	bk_pair_exchange(&p->a, &p->b);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, bk_pair_setup, bk_pair_teardown)
	const struct CMUnitTest tests[] = {
		T(m1_reading_is_one_transaction),
		T(m1_undone_reading_can_be_repeated),
		T(m1_writing_is_one_transaction),
		T(m9_no_writing_outside_a_transaction),
		T(m2_forgers_change_nothing),
		T(m3_an_answer_turns_the_ratchet),
		T(m4_skipped_letters_renew),
		T(m4_too_many_skipped_change_nothing),
		T(m4_records_stay_bounded),
		T(m4_prekeys_live_long_enough),
		T(m4_many_prekeys_expire),
		T(m4_made_prekeys_are_whole_or_not),
		T(m8_no_prekey_lost_by_a_failure),
		T(m8_numbers_run_out),
		T(m15_new_session_first),
		T(m15_lost_session_heals),
		T(m15_failure_stays_with_its_device),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
