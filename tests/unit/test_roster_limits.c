/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rosters at the edge of their limits: one less, as many, one more than may be, under true signatures, so that only
 * the reader's own bound is in the way. And what a list of the largest size costs.
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
#include "sample.h"

#define LISTED 2000u

static uint8_t root[BK_KEY_BYTES];
static Baken__Roster m;
static Baken__Signed *registrar, *device;
static Baken__RosterEntry *entries[LISTED], entry[LISTED];
static Baken__Signed *registrars[LISTED];
static ProtobufCBinaryData household[LISTED];
static bk_id circle, homes[LISTED];
static bk_hash none;

static Baken__Signed *take(struct bk_sample_blob b)
{
	Baken__Signed *s = bk_sample_unpack(b);

	free(b.data);
	return s;
}

static Baken__Signed *certify(unsigned n)
{
	struct bk_device_cert c = bk_sample_device(n, BAKEN__ROLE__ROLE_PERSON, circle);

	return take(bk_sample_device_signed(&c, BK_SAMPLE_SECURITY));
}

/* A person's roster of one device; its lists are as long as the test wants. */
static int setup(void **state)
{
	struct bk_registrar_cert c;
	uint8_t secret[BK_ED25519_SECRET_BYTES];

	(void)state;
	if (sodium_init() < 0)
		return -1;
	circle = bk_sample_id(500);
	c = bk_sample_registrar(BK_SAMPLE_SECURITY);
	bk_sample_ed25519(BK_SAMPLE_ROOT, root, secret);
	registrar = take(bk_sample_registrar_signed(&c, BK_SAMPLE_ROOT));
	device = certify(10);
	baken__roster__init(&m);
	m.circle_id = bk_bytes(circle.b, BK_ID_BYTES);
	m.kind = BAKEN__CIRCLE_KIND__CIRCLE_PERSON;
	m.version = 1;
	m.previous_hash = bk_bytes(none.b, BK_HASH_BYTES);
	m.issued_ms = BK_SAMPLE_NOW - 1000;
	m.expires_ms = BK_SAMPLE_NOW + BK_SAMPLE_DAY;
	m.hard_expires_ms = BK_SAMPLE_NOW + 2 * BK_SAMPLE_DAY;
	m.entries = entries;
	m.registrars = registrars;
	m.household = household;
	for (unsigned i = 0; i < LISTED; i++) {
		baken__roster_entry__init(&entry[i]);
		entry[i].certificate = device;
		entry[i].status = BAKEN__DEVICE_STATUS__DEVICE_ACTIVE;
		entries[i] = &entry[i];
		registrars[i] = registrar;
		homes[i] = bk_sample_id(5000 + i);
		household[i] = bk_bytes(homes[i].b, BK_ID_BYTES);
	}
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	baken__signed__free_unpacked(registrar, NULL);
	baken__signed__free_unpacked(device, NULL);
	return 0;
}

static int verify(size_t n_entries, size_t n_registrars, size_t n_household)
{
	Baken__Signed s = BAKEN__SIGNED__INIT;
	uint8_t *payload, public[BK_KEY_BYTES], secret[BK_ED25519_SECRET_BYTES], signature[BK_SIG_BYTES], *signed_bytes;
	const size_t context = strlen("baken-roster-v1");
	struct bk_roster *r = NULL;
	size_t len;
	int err;

	m.n_entries = n_entries;
	m.n_registrars = n_registrars;
	m.n_household = n_household;
	len = baken__roster__get_packed_size(&m);
	signed_bytes = malloc(context + len);
	assert_non_null(signed_bytes);
	memcpy(signed_bytes, "baken-roster-v1", context);
	payload = signed_bytes + context;
	baken__roster__pack(&m, payload);
	bk_sample_ed25519(BK_SAMPLE_SECURITY, public, secret);
	crypto_sign_detached(signature, NULL, signed_bytes, context + len, secret);
	s.payload = bk_bytes(payload, len);
	s.signature = bk_bytes(signature, sizeof signature);
	s.signer = bk_bytes(public, sizeof public);
	err = bk_roster_verify(&s, root, NULL, BK_SAMPLE_NOW, &r);
	assert_true((err == 0) == (r != NULL));
	if (r) {
		assert_int_equal(r->n_entries, n_entries);
		assert_int_equal(r->n_household, n_household);
	}
	bk_roster_free(r);
	free(signed_bytes);
	return err;
}

static void households(void **state)
{
	(void)state;
	assert_int_equal(verify(1, 1, BK_HOUSEHOLD_MAX - 1), 0);
	assert_int_equal(verify(1, 1, BK_HOUSEHOLD_MAX), 0);
	assert_int_equal(verify(1, 1, BK_HOUSEHOLD_MAX + 1), BK_E_INVAL);
	assert_int_equal(verify(1, 1, LISTED), BK_E_INVAL);
}

static void registrars_behind_it(void **state)
{
	(void)state;
	assert_int_equal(verify(1, 0, 0), BK_E_INVAL);
	assert_int_equal(verify(1, BK_REGISTRARS_MAX - 1, 0), 0);
	assert_int_equal(verify(1, BK_REGISTRARS_MAX, 0), 0);
	assert_int_equal(verify(1, BK_REGISTRARS_MAX + 1, 0), BK_E_INVAL);
	assert_int_equal(verify(1, LISTED, 0), BK_E_INVAL);
}

/* Each with its own certificate, as no device may stand twice. */
static void entries_of_it(void **state)
{
	(void)state;
	for (unsigned i = 0; i <= BK_ROSTER_ENTRIES_MAX; i++)
		entry[i].certificate = certify(10000 + i);
	assert_int_equal(verify(0, 1, 0), 0); /* a circle that nobody has joined yet */
	assert_int_equal(verify(BK_ROSTER_ENTRIES_MAX - 1, 1, 0), 0);
	assert_int_equal(verify(BK_ROSTER_ENTRIES_MAX, 1, 0), 0);
	assert_int_equal(verify(BK_ROSTER_ENTRIES_MAX + 1, 1, 0), BK_E_TOO_BIG);
	for (unsigned i = 0; i <= BK_ROSTER_ENTRIES_MAX; i++) {
		baken__signed__free_unpacked(entry[i].certificate, NULL);
		entry[i].certificate = device;
	}
	assert_int_equal(verify(2, 1, 0), BK_E_CHAIN); /* the same device twice */
}

/* Bytes: the reader looks at no more than it must to say no. */
static void bytes_of_it(void **state)
{
	Baken__Signed s = BAKEN__SIGNED__INIT;
	uint8_t *big = calloc(1, BK_ROSTER_BYTES_MAX + 1), signature[BK_SIG_BYTES] = {0};
	struct bk_roster *r = NULL;

	(void)state;
	assert_non_null(big);
	s.signature = bk_bytes(signature, sizeof signature);
	s.signer = bk_bytes(root, sizeof root);
	s.payload = bk_bytes(big, BK_ROSTER_BYTES_MAX + 1);
	assert_int_equal(bk_roster_verify(&s, root, NULL, BK_SAMPLE_NOW, &r), BK_E_TOO_BIG);
	s.payload.len--;
	assert_int_equal(bk_roster_verify(&s, root, NULL, BK_SAMPLE_NOW, &r), BK_E_INVAL);
	assert_int_equal(bk_roster_verify(NULL, root, NULL, BK_SAMPLE_NOW, &r), BK_E_INVAL);
	assert_null(r);
	free(big);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(households),
		cmocka_unit_test(registrars_behind_it),
		cmocka_unit_test(entries_of_it),
		cmocka_unit_test(bytes_of_it),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
