/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "err.h"
#include "sample.h"

#define NOW BK_SAMPLE_NOW
#define DAY BK_SAMPLE_DAY
#define MOST 8

static uint8_t root[BK_KEY_BYTES], other_root[BK_KEY_BYTES];

/* A roster in the making: fill, bend, sign. */
struct draft {
	struct bk_roster_plan plan;
	struct bk_device_cert devices[MOST];
	Baken__DeviceStatus status[MOST];
	unsigned registrar[MOST]; /* that signs the device */
	size_t n;
	struct bk_registrar_cert registrars[3];
	size_t n_registrars;
	unsigned registrar_root, signer;
};

static struct draft desk(void)
{
	static const Baken__Role roles[] = {BAKEN__ROLE__ROLE_OFFICER, BAKEN__ROLE__ROLE_LEAD, BAKEN__ROLE__ROLE_VAULT};
	struct draft d = {.n = 3, .n_registrars = 1, .registrar_root = BK_SAMPLE_ROOT, .signer = BK_SAMPLE_SECURITY};

	d.plan = (struct bk_roster_plan){.circle = bk_sample_id(900), .kind = BAKEN__CIRCLE_KIND__CIRCLE_DESK,
		.version = 1, .issued_ms = NOW - 1000, .expires_ms = NOW + 7 * DAY, .hard_expires_ms = NOW + 14 * DAY};
	d.registrars[0] = bk_sample_registrar(BK_SAMPLE_SECURITY);
	for (unsigned i = 0; i < 3; i++) {
		d.devices[i] = bk_sample_device(20 + i, roles[i], d.plan.circle);
		d.status[i] = i == 2 ? BAKEN__DEVICE_STATUS__DEVICE_VAULT : BAKEN__DEVICE_STATUS__DEVICE_ACTIVE;
		d.registrar[i] = BK_SAMPLE_SECURITY;
	}
	return d;
}

static struct draft person(void)
{
	struct draft d = desk();

	d.plan.kind = BAKEN__CIRCLE_KIND__CIRCLE_PERSON;
	d.n = 2;
	d.devices[0].role = d.devices[1].role = BAKEN__ROLE__ROLE_PERSON;
	d.plan.desk = bk_sample_id(901);
	d.plan.care = bk_sample_id(902);
	return d;
}

static Baken__Signed *sign(const struct draft *d)
{
	struct bk_roster_plan plan = d->plan;
	struct bk_roster_plan_entry entries[MOST];
	struct bk_sample_blob certs[MOST], registrars[3], out = {NULL, 0};
	const uint8_t *list[3];
	size_t lens[3];
	uint8_t public[BK_KEY_BYTES], secret[BK_ED25519_SECRET_BYTES];
	Baken__Signed *s;

	for (size_t i = 0; i < d->n; i++) {
		certs[i] = bk_sample_device_signed(&d->devices[i], d->registrar[i]);
		entries[i] = (struct bk_roster_plan_entry){certs[i].data, certs[i].len, d->status[i], NOW - DAY};
	}
	for (size_t i = 0; i < d->n_registrars; i++) {
		registrars[i] = bk_sample_registrar_signed(&d->registrars[i], d->registrar_root);
		list[i] = registrars[i].data;
		lens[i] = registrars[i].len;
	}
	plan.entries = entries;
	plan.n_entries = d->n;
	plan.registrars = list;
	plan.registrar_lens = lens;
	plan.n_registrars = d->n_registrars;
	bk_sample_ed25519(d->signer, public, secret);
	assert_int_equal(bk_roster_sign(&plan, secret, &out.data, &out.len), 0);
	for (size_t i = 0; i < d->n; i++)
		free(certs[i].data);
	for (size_t i = 0; i < d->n_registrars; i++)
		free(registrars[i].data);
	s = bk_sample_unpack(out);
	free(out.data);
	return s;
}

static int verify_at(const struct draft *d, const struct bk_roster *known, bk_ms now, struct bk_roster **ret)
{
	Baken__Signed *s = sign(d);
	int err = bk_roster_verify(s, root, known, now, ret);

	baken__signed__free_unpacked(s, NULL);
	return err;
}

static struct bk_roster *good(const struct draft *d, const struct bk_roster *known)
{
	struct bk_roster *r = NULL;

	assert_int_equal(verify_at(d, known, NOW, &r), 0);
	assert_non_null(r);
	return r;
}

static int refuse(const struct draft *d, const struct bk_roster *known)
{
	struct bk_roster *r = NULL;
	int err = verify_at(d, known, NOW, &r);

	assert_null(r);
	return err;
}

static void test_good(void **state)
{
	struct draft d = desk();
	struct bk_roster *r = good(&d, NULL);
	Baken__Signed *s = sign(&d);

	(void)state;
	assert_int_equal(r->n_entries, 3);
	assert_int_equal(r->kind, BAKEN__CIRCLE_KIND__CIRCLE_DESK);
	assert_true(bk_id_equal(r->circle, d.plan.circle));
	assert_int_equal(r->version, 1);
	assert_true(bk_hash_equal(r->hash, bk_hash_of(s->payload.data, s->payload.len)));
	for (size_t i = 0; i < 3; i++) {
		assert_true(bk_id_equal(r->entries[i].cert.device, d.devices[i].device));
		assert_int_equal(r->entries[i].status, d.status[i]);
		assert_ptr_equal(bk_roster_find(r, d.devices[i].device), &r->entries[i]);
	}
	assert_null(bk_roster_find(r, bk_sample_id(1)));
	baken__signed__free_unpacked(s, NULL);
	bk_roster_free(r);
	bk_roster_free(NULL);
}

static void test_person(void **state)
{
	struct draft d = person();
	const bk_id household[] = {bk_sample_id(1), bk_sample_id(2)};
	struct bk_roster *r;

	(void)state;
	d.plan.household = household;
	d.plan.n_household = 2;
	r = good(&d, NULL);
	assert_true(bk_id_equal(r->desk, d.plan.desk) && bk_id_equal(r->care, d.plan.care));
	assert_int_equal(r->n_household, 2);
	assert_true(bk_id_equal(r->household[1], household[1]));
	bk_roster_free(r);
	d = person();
	memset(&d.plan.care, 0, sizeof d.plan.care);
	r = good(&d, NULL);
	assert_true(bk_id_is_zero(r->care));
	bk_roster_free(r);
}

/* A desk may name another desk, and nobody else may name one. */
static void test_fallback(void **state)
{
	struct draft d = desk();
	struct bk_roster *r;

	(void)state;
	r = good(&d, NULL);
	assert_true(bk_id_is_zero(r->fallback));
	bk_roster_free(r);
	d.plan.fallback = bk_sample_id(903);
	r = good(&d, NULL);
	assert_true(bk_id_equal(r->fallback, bk_sample_id(903)));
	bk_roster_free(r);
	d.plan.fallback = d.plan.circle;
	assert_int_equal(refuse(&d, NULL), BK_E_INVAL);
	d = person();
	d.plan.fallback = bk_sample_id(903);
	assert_int_equal(refuse(&d, NULL), BK_E_INVAL);
}

/* M17: no ghost device, whoever signs what. */
static void test_chain(void **state)
{
	struct draft d = desk();
	struct bk_roster *r = NULL;
	Baken__Signed *s = sign(&d);

	(void)state;
	assert_int_equal(bk_roster_verify(s, other_root, NULL, NOW, &r), BK_E_CHAIN);
	for (size_t bit = 0; bit < 8 * s->payload.len; bit += 3) {
		s->payload.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_not_equal(bk_roster_verify(s, root, NULL, NOW, &r), 0);
		s->payload.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	for (size_t at = 0; at < BK_SIG_BYTES; at++) {
		s->signature.data[at] ^= 1;
		assert_int_equal(bk_roster_verify(s, root, NULL, NOW, &r), BK_E_SIGNATURE);
		s->signature.data[at] ^= 1;
	}
	baken__signed__free_unpacked(s, NULL);
	d.registrar_root = BK_SAMPLE_OTHER_ROOT;
	assert_int_equal(refuse(&d, NULL), BK_E_CHAIN);
	d = desk();
	d.registrar[1] = BK_SAMPLE_CARE; /* a registrar that the roster does not show */
	assert_int_equal(refuse(&d, NULL), BK_E_CHAIN);
	d = desk();
	d.signer = BK_SAMPLE_ROOT; /* only registrars sign rosters */
	assert_int_equal(refuse(&d, NULL), BK_E_CHAIN);
	d = desk();
	d.n_registrars = 0;
	assert_int_equal(refuse(&d, NULL), BK_E_INVAL);
}

static void test_care_cannot_sign_a_desk(void **state)
{
	struct draft d = desk();

	(void)state;
	d.registrars[1] = bk_sample_registrar(BK_SAMPLE_CARE);
	d.n_registrars = 2;
	d.signer = BK_SAMPLE_CARE;
	assert_int_equal(refuse(&d, NULL), BK_E_ROLE);
	d.signer = BK_SAMPLE_SECURITY;
	bk_roster_free(good(&d, NULL));
	d.registrar[0] = BK_SAMPLE_CARE; /* nor one of its devices */
	assert_int_equal(refuse(&d, NULL), BK_E_ROLE);
}

static void test_entries(void **state)
{
	struct draft d = desk();

	(void)state;
	d.devices[1].circle = bk_sample_id(1);
	assert_int_equal(refuse(&d, NULL), BK_E_ROLE);
	d = desk();
	d.devices[1].role = BAKEN__ROLE__ROLE_PERSON;
	assert_int_equal(refuse(&d, NULL), BK_E_ROLE);
	d = desk();
	d.devices[1] = d.devices[0];
	assert_int_equal(refuse(&d, NULL), BK_E_CHAIN);
	d = desk();
	d.status[0] = BAKEN__DEVICE_STATUS__DEVICE_VAULT; /* an officer is no vault */
	assert_int_equal(refuse(&d, NULL), BK_E_ROLE);
	d = desk();
	d.status[0] = BAKEN__DEVICE_STATUS__DEVICE_NONE;
	assert_int_equal(refuse(&d, NULL), BK_E_INVAL);
	d.status[0] = (Baken__DeviceStatus)4;
	assert_int_equal(refuse(&d, NULL), BK_E_INVAL);
}

static void test_header(void **state)
{
	struct draft d = desk();

	(void)state;
	d.plan.version = 0;
	assert_int_equal(refuse(&d, NULL), BK_E_INVAL);
	d = desk();
	d.plan.previous = bk_sample_hash(1); /* version 1 has no forebear */
	assert_int_equal(refuse(&d, NULL), BK_E_CHAIN);
	d = desk();
	d.plan.desk = bk_sample_id(1);
	assert_int_equal(refuse(&d, NULL), BK_E_INVAL);
	d = desk();
	d.plan.expires_ms = d.plan.issued_ms;
	assert_int_equal(refuse(&d, NULL), BK_E_INVAL);
	d = desk();
	d.plan.hard_expires_ms = d.plan.expires_ms - 1;
	assert_int_equal(refuse(&d, NULL), BK_E_INVAL);
	for (int kind = 0; kind <= 4; kind++) {
		d = desk();
		d.plan.kind = (Baken__CircleKind)kind;
		if (kind == 0 || kind == 4)
			assert_int_equal(refuse(&d, NULL), BK_E_INVAL);
		else if (kind != BAKEN__CIRCLE_KIND__CIRCLE_DESK)
			assert_int_equal(refuse(&d, NULL), BK_E_ROLE);
	}
	d = desk();
	d.plan.issued_ms = NOW + BK_CLOCK_SKEW_MS + 1;
	d.plan.expires_ms = d.plan.issued_ms + 1;
	assert_int_equal(refuse(&d, NULL), BK_E_NOT_YET);
	d.plan.issued_ms--;
	bk_roster_free(good(&d, NULL));
}

static void test_successors(void **state)
{
	struct draft d = desk(), e;
	struct bk_roster *one = good(&d, NULL), *two;

	(void)state;
	bk_roster_free(good(&d, one)); /* the same again */
	d.plan.expires_ms++;
	assert_int_equal(refuse(&d, one), BK_E_CHAIN); /* same version, other content */
	d.plan.version = 2;
	assert_int_equal(refuse(&d, one), BK_E_CHAIN); /* no previous hash */
	d.plan.previous = one->hash;
	two = good(&d, one);
	assert_int_equal(refuse(&(struct draft){.plan = desk().plan, .n = 0, .n_registrars = 1,
		.registrars = {bk_sample_registrar(BK_SAMPLE_SECURITY)}, .registrar_root = BK_SAMPLE_ROOT,
		.signer = BK_SAMPLE_SECURITY}, two), BK_E_OLD);
	e = d;
	e.plan.circle = bk_sample_id(77);
	for (size_t i = 0; i < e.n; i++)
		e.devices[i].circle = e.plan.circle;
	assert_int_equal(refuse(&e, one), BK_E_CHAIN);
	e = d;
	e.plan.version = 9; /* versions in between were not seen: allowed, but nothing may have vanished */
	e.plan.previous = bk_sample_hash(5);
	bk_roster_free(good(&e, one));
	e.n = 2;
	assert_int_equal(refuse(&e, one), BK_E_CHAIN);
	bk_roster_free(one);
	bk_roster_free(two);
}

/* A hidden revocation, a key or role swapped under an old name. */
static void test_no_way_back(void **state)
{
	struct draft d = desk(), e;
	struct bk_roster *one;

	(void)state;
	d.status[1] = BAKEN__DEVICE_STATUS__DEVICE_REVOKED;
	one = good(&d, NULL);
	d.plan.version = 2;
	d.plan.previous = one->hash;
	bk_roster_free(good(&d, one));
	e = d;
	e.status[1] = BAKEN__DEVICE_STATUS__DEVICE_ACTIVE;
	assert_int_equal(refuse(&e, one), BK_E_CHAIN);
	e = d;
	e.devices[0].identity[3] ^= 1;
	assert_int_equal(refuse(&e, one), BK_E_CHAIN);
	e = d;
	e.devices[0].role = BAKEN__ROLE__ROLE_LEAD;
	assert_int_equal(refuse(&e, one), BK_E_CHAIN);
	e = d;
	e.plan.issued_ms = one->issued_ms - 1; /* a registrar whose key has run out dates its lists back */
	assert_int_equal(refuse(&e, one), BK_E_CHAIN);
	e = d;
	e.status[0] = BAKEN__DEVICE_STATUS__DEVICE_REVOKED;
	bk_roster_free(good(&e, one));
	e = d;
	e.devices[3] = bk_sample_device(30, BAKEN__ROLE__ROLE_OFFICER, e.plan.circle);
	e.status[3] = BAKEN__DEVICE_STATUS__DEVICE_ACTIVE;
	e.registrar[3] = BK_SAMPLE_SECURITY;
	e.n = 4;
	bk_roster_free(good(&e, one));
	bk_roster_free(one);
}

/* The list is complete for ever, so certificates and registrars in it run out; only usable() cares. */
static void test_expired_stay(void **state)
{
	struct draft d = desk();
	struct bk_roster *r;

	(void)state;
	d.devices[0].not_before_ms = NOW - 90 * DAY;
	d.devices[0].not_after_ms = NOW - 30 * DAY; /* before this version was issued */
	d.devices[1].not_after_ms = NOW - 500;      /* since */
	d.devices[2].not_before_ms = NOW + DAY;     /* not valid yet */
	r = good(&d, NULL);
	assert_int_equal(r->n_entries, 3);
	for (size_t i = 0; i < 3; i++)
		assert_false(bk_roster_usable(&r->entries[i], NOW));
	assert_true(bk_roster_usable(&r->entries[0], NOW - 31 * DAY));
	bk_roster_free(r);
}

static void test_registrar_dates(void **state)
{
	struct draft d = desk();

	(void)state;
	/* a second registrar, long gone, signed the first device in its time */
	d.registrars[1] = bk_sample_registrar(BK_SAMPLE_SECURITY);
	bk_sample_ed25519(60, d.registrars[1].key, (uint8_t[BK_ED25519_SECRET_BYTES]){0});
	d.registrars[1].not_before_ms = NOW - 80 * DAY;
	d.registrars[1].not_after_ms = NOW - 50 * DAY;
	d.n_registrars = 2;
	d.registrar[0] = 60;
	d.devices[0].not_before_ms = NOW - 60 * DAY;
	bk_roster_free(good(&d, NULL));
	d.devices[0].not_before_ms = NOW - 40 * DAY; /* after its time */
	assert_int_equal(refuse(&d, NULL), BK_E_EXPIRED);
	d.devices[0].not_before_ms = NOW - 90 * DAY; /* before it */
	assert_int_equal(refuse(&d, NULL), BK_E_NOT_YET);
	d.devices[0].not_before_ms = NOW - 60 * DAY;
	d.signer = 60; /* a roster of today by a registrar of yesterday */
	assert_int_equal(refuse(&d, NULL), BK_E_EXPIRED);
}

/* The same key certified twice: the certificate of the time counts, wherever it stands. */
static void test_registrar_renewed(void **state)
{
	struct draft d = desk();

	(void)state;
	for (int turn = 0; turn < 2; turn++) {
		d.registrars[turn] = d.registrars[!turn] = bk_sample_registrar(BK_SAMPLE_SECURITY);
		d.registrars[turn].not_after_ms = NOW - 5 * DAY;
		d.registrars[!turn].not_before_ms = NOW - 6 * DAY;
		d.n_registrars = 2;
		bk_roster_free(good(&d, NULL));
	}
}

static void test_age(void **state)
{
	struct draft d = desk();
	struct bk_roster *r = good(&d, NULL);

	(void)state;
	assert_int_equal(bk_roster_age(r, NOW), BK_ROSTER_FRESH);
	assert_int_equal(bk_roster_age(r, r->expires_ms), BK_ROSTER_FRESH);
	assert_int_equal(bk_roster_age(r, r->expires_ms + 1), BK_ROSTER_SOFT);
	assert_int_equal(bk_roster_age(r, r->hard_expires_ms), BK_ROSTER_SOFT);
	assert_int_equal(bk_roster_age(r, r->hard_expires_ms + 1), BK_ROSTER_HARD);
	bk_roster_free(r);
	/* an expired one still verifies: an alarm may use it */
	assert_int_equal(verify_at(&d, NULL, NOW + 100 * DAY, &r), 0);
	assert_int_equal(bk_roster_age(r, NOW + 100 * DAY), BK_ROSTER_HARD);
	bk_roster_free(r);
}

static void test_must_reach(void **state)
{
	struct draft d = desk();
	struct bk_roster *r = good(&d, NULL), *p;
	const bk_id on_duty[] = {bk_sample_id(1), d.devices[1].device};

	(void)state;
	assert_false(bk_roster_must_reach(r, &r->entries[0], on_duty, 2, NOW));
	assert_true(bk_roster_must_reach(r, &r->entries[1], on_duty, 2, NOW));
	assert_true(bk_roster_must_reach(r, &r->entries[2], NULL, 0, NOW)); /* the vault, always */
	assert_false(bk_roster_must_reach(r, &r->entries[1], on_duty, 1, NOW));
	assert_false(bk_roster_must_reach(r, &r->entries[2], NULL, 0, d.devices[2].not_after_ms + 1));
	bk_roster_free(r);
	d = person();
	d.status[1] = BAKEN__DEVICE_STATUS__DEVICE_REVOKED;
	p = good(&d, NULL);
	assert_true(bk_roster_must_reach(p, &p->entries[0], NULL, 0, NOW));
	assert_false(bk_roster_must_reach(p, &p->entries[1], NULL, 0, NOW));
	bk_roster_free(p);
}

static int start(void **state)
{
	uint8_t secret[BK_ED25519_SECRET_BYTES];

	(void)state;
	if (sodium_init() < 0)
		return -1;
	bk_sample_ed25519(BK_SAMPLE_ROOT, root, secret);
	bk_sample_ed25519(BK_SAMPLE_OTHER_ROOT, other_root, secret);
	return 0;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_person),
		cmocka_unit_test(test_fallback),
		cmocka_unit_test(test_chain),
		cmocka_unit_test(test_care_cannot_sign_a_desk),
		cmocka_unit_test(test_entries),
		cmocka_unit_test(test_header),
		cmocka_unit_test(test_successors),
		cmocka_unit_test(test_no_way_back),
		cmocka_unit_test(test_expired_stay),
		cmocka_unit_test(test_registrar_dates),
		cmocka_unit_test(test_registrar_renewed),
		cmocka_unit_test(test_age),
		cmocka_unit_test(test_must_reach),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
