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

static uint8_t root[BK_KEY_BYTES], root_secret[BK_ED25519_SECRET_BYTES];
static uint8_t other_root[BK_KEY_BYTES];

static Baken__Signed *take(struct bk_sample_blob b)
{
	Baken__Signed *s = bk_sample_unpack(b);

	free(b.data);
	return s;
}

static void drop(Baken__Signed *s)
{
	baken__signed__free_unpacked(s, NULL);
}

static void test_signed(void **state)
{
	uint8_t *buf = NULL, payload[] = "payload";
	size_t len = 0;
	Baken__Signed *s;

	(void)state;
	assert_int_equal(bk_signed_make("baken-x-v1", payload, sizeof payload, root_secret, &buf, &len), 0);
	s = take((struct bk_sample_blob){buf, len});
	assert_int_equal(bk_signed_verify("baken-x-v1", s, root), 0);
	assert_int_equal(bk_signed_verify("baken-y-v1", s, root), BK_E_SIGNATURE);
	assert_int_equal(bk_signed_verify("baken-x-v1", s, other_root), BK_E_CHAIN);
	for (size_t bit = 0; bit < 8 * BK_SIG_BYTES; bit++) {
		s->signature.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_equal(bk_signed_verify("baken-x-v1", s, root), BK_E_SIGNATURE);
		s->signature.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	s->payload.data[0] ^= 1;
	assert_int_equal(bk_signed_verify("baken-x-v1", s, root), BK_E_SIGNATURE);
	s->payload.data[0] ^= 1;
	s->signature.len--;
	assert_int_equal(bk_signed_verify("baken-x-v1", s, root), BK_E_INVAL);
	s->signature.len++;
	s->signer.len--;
	assert_int_equal(bk_signed_verify("baken-x-v1", s, root), BK_E_INVAL);
	s->signer.len++;
	assert_int_equal(bk_signed_verify("baken-x-v1", s, root), 0);
	drop(s);
	assert_int_equal(bk_signed_verify("baken-x-v1", NULL, root), BK_E_INVAL);
}

/* Context and payload are joined: none of ours may be another's beginning. */
static void test_contexts(void **state)
{
	static const char *const contexts[] = {BK_CTX_REGISTRAR, BK_CTX_SERVER, BK_CTX_DEVICE, BK_CTX_ROSTER, BK_CTX_CONTENT,
		"baken-manifest-v1", "baken-receipt-v1", "baken-login-v1"};

	(void)state;
	for (size_t i = 0; i < sizeof contexts / sizeof *contexts; i++)
		for (size_t k = 0; k < sizeof contexts / sizeof *contexts; k++)
			assert_true(i == k || strncmp(contexts[i], contexts[k], strlen(contexts[i])) != 0);
}

static int registrar_of(const struct bk_registrar_cert *c, unsigned by, bk_ms now, struct bk_registrar_cert *ret)
{
	Baken__Signed *s = take(bk_sample_registrar_signed(c, by));
	int err = bk_registrar_cert_verify(s, root, now, ret);

	drop(s);
	return err;
}

static void test_registrar(void **state)
{
	struct bk_registrar_cert c = bk_sample_registrar(BK_SAMPLE_SECURITY), got;

	(void)state;
	assert_int_equal(registrar_of(&c, BK_SAMPLE_ROOT, NOW, &got), 0);
	assert_memory_equal(got.key, c.key, BK_KEY_BYTES);
	assert_int_equal(got.roles, c.roles);
	assert_true(got.not_before_ms == c.not_before_ms && got.not_after_ms == c.not_after_ms);
	assert_string_equal(got.label, "security");
	assert_int_equal(registrar_of(&c, BK_SAMPLE_OTHER_ROOT, NOW, &got), BK_E_CHAIN);
}

static void test_dates(void **state)
{
	struct bk_registrar_cert c = bk_sample_registrar(BK_SAMPLE_SECURITY), got;
	const bk_ms from = c.not_before_ms, to = c.not_after_ms;

	(void)state;
	assert_int_equal(registrar_of(&c, BK_SAMPLE_ROOT, from - BK_CLOCK_SKEW_MS - 1, &got), BK_E_NOT_YET);
	assert_int_equal(registrar_of(&c, BK_SAMPLE_ROOT, from - BK_CLOCK_SKEW_MS, &got), 0);
	assert_int_equal(registrar_of(&c, BK_SAMPLE_ROOT, from, &got), 0);
	assert_int_equal(registrar_of(&c, BK_SAMPLE_ROOT, to, &got), 0);
	assert_int_equal(registrar_of(&c, BK_SAMPLE_ROOT, to + BK_CLOCK_SKEW_MS + 1, &got), BK_E_EXPIRED);
	assert_int_equal(registrar_of(&c, BK_SAMPLE_ROOT, 0, &got), BK_E_NOT_YET);
	c.not_after_ms = c.not_before_ms;
	assert_int_equal(registrar_of(&c, BK_SAMPLE_ROOT, NOW, &got), BK_E_INVAL);
}

/* A registrar of both sides cannot be made, and one that somebody made all the same is refused. */
static void test_registrar_roles(void **state)
{
	struct bk_registrar_cert c = bk_sample_registrar(BK_SAMPLE_SECURITY), got;
	Baken__RegistrarCert m = BAKEN__REGISTRAR_CERT__INIT;
	Baken__Role both[] = {BAKEN__ROLE__ROLE_OFFICER, BAKEN__ROLE__ROLE_CARE};
	Baken__Role twice[] = {BAKEN__ROLE__ROLE_OFFICER, BAKEN__ROLE__ROLE_OFFICER};
	Baken__Role strange[] = {(Baken__Role)10};
	const struct {
		Baken__Role *roles;
		size_t n;
		int want;
	} cases[] = {{both, 2, BK_E_ROLE}, {twice, 2, BK_E_INVAL}, {strange, 1, BK_E_INVAL}, {both, 0, BK_E_INVAL},
		{both, 1, 0}};
	uint8_t *buf = NULL, payload[200];
	size_t len = 0;

	(void)state;
	c.roles = 1u << BAKEN__ROLE__ROLE_OFFICER | 1u << BAKEN__ROLE__ROLE_CARE;
	assert_int_equal(bk_registrar_cert_sign(&c, root_secret, &buf, &len), BK_E_ROLE);
	c.roles = 0;
	assert_int_equal(bk_registrar_cert_sign(&c, root_secret, &buf, &len), BK_E_ROLE);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		Baken__Signed *s;

		m.registrar_key = bk_bytes(c.key, BK_KEY_BYTES);
		m.roles = cases[i].roles;
		m.n_roles = cases[i].n;
		m.not_after_ms = NOW + 1;
		len = baken__registrar_cert__pack(&m, payload);
		assert_int_equal(bk_signed_make(BK_CTX_REGISTRAR, payload, len, root_secret, &buf, &len), 0);
		s = take((struct bk_sample_blob){buf, len});
		assert_int_equal(bk_registrar_cert_verify(s, root, NOW, &got), cases[i].want);
		drop(s);
	}
}

static void test_server(void **state)
{
	struct bk_server_cert c = bk_sample_server(), got;
	Baken__Signed *s = take(bk_sample_server_signed(&c, BK_SAMPLE_ROOT));
	uint8_t *buf = NULL;
	size_t len = 0;

	(void)state;
	assert_int_equal(bk_server_cert_verify(s, root, NOW, &got), 0);
	assert_memory_equal(got.receipt_key, c.receipt_key, BK_KEY_BYTES);
	assert_int_equal(got.n_tls_spki, 2);
	assert_true(bk_hash_equal(got.tls_spki[1], c.tls_spki[1]));
	assert_int_equal(got.version, 7);
	assert_int_equal(bk_server_cert_verify(s, other_root, NOW, &got), BK_E_CHAIN);
	assert_int_equal(bk_server_cert_verify(s, root, c.not_after_ms + BK_CLOCK_SKEW_MS + 1, &got), BK_E_EXPIRED);
	/* another kind of artefact by the same key is none */
	assert_int_equal(bk_registrar_cert_verify(s, root, NOW, &(struct bk_registrar_cert){.roles = 0}), BK_E_SIGNATURE);
	drop(s);
	for (c.n_tls_spki = 0; c.n_tls_spki <= 5; c.n_tls_spki++) {
		int err = bk_server_cert_sign(&c, root_secret, &buf, &len);

		assert_int_equal(err, c.n_tls_spki >= 1 && c.n_tls_spki <= 4 ? 0 : BK_E_INVAL);
		if (!err)
			free(buf);
		if (c.n_tls_spki == 4)
			break;
	}
	c.n_tls_spki = 5;
	assert_int_equal(bk_server_cert_sign(&c, root_secret, &buf, &len), BK_E_INVAL);
}

static int device_of(const struct bk_device_cert *c, unsigned registrar, bk_ms now, struct bk_device_cert *ret)
{
	struct bk_registrar_cert r = bk_sample_registrar(BK_SAMPLE_SECURITY);
	Baken__Signed *s = take(bk_sample_device_signed(c, registrar));
	int err = bk_device_cert_verify(s, &r, now, ret);

	drop(s);
	return err;
}

static void test_device(void **state)
{
	struct bk_device_cert c = bk_sample_device(11, BAKEN__ROLE__ROLE_LEAD, bk_sample_id(1)), got;
	struct bk_registrar_cert r = bk_sample_registrar(BK_SAMPLE_SECURITY);

	(void)state;
	assert_int_equal(device_of(&c, BK_SAMPLE_SECURITY, NOW, &got), 0);
	assert_true(bk_id_equal(got.device, c.device) && bk_id_equal(got.account, c.account));
	assert_true(bk_id_equal(got.circle, c.circle));
	assert_int_equal(got.role, c.role);
	assert_memory_equal(got.identity, c.identity, BK_KEY_BYTES);
	assert_int_equal(got.registration, c.registration);
	assert_true(got.browser);
	assert_memory_equal(got.signer, r.key, BK_KEY_BYTES);
	assert_int_equal(device_of(&c, BK_SAMPLE_CARE, NOW, &got), BK_E_CHAIN);
	assert_int_equal(device_of(&c, BK_SAMPLE_SECURITY, c.not_after_ms + 1 + BK_CLOCK_SKEW_MS, &got), BK_E_EXPIRED);
	assert_int_equal(device_of(&c, BK_SAMPLE_SECURITY, c.not_before_ms - 1 - BK_CLOCK_SKEW_MS, &got), BK_E_NOT_YET);
}

/* Every role against the registrar of each side. */
static void test_device_roles(void **state)
{
	struct bk_device_cert got;

	(void)state;
	for (unsigned role = 0; role <= 10; role++) {
		struct bk_device_cert c = bk_sample_device(12, (Baken__Role)role, bk_sample_id(1));
		int want = role == 0 || role == 10 ? BK_E_INVAL : role == BAKEN__ROLE__ROLE_CARE ? BK_E_ROLE : 0;

		assert_int_equal(device_of(&c, BK_SAMPLE_SECURITY, NOW, &got), want);
	}
}

static void test_device_malformed(void **state)
{
	struct bk_device_cert c = bk_sample_device(11, BAKEN__ROLE__ROLE_PERSON, bk_sample_id(1)), got;

	(void)state;
	memset(c.identity, 0, sizeof c.identity);
	assert_int_equal(device_of(&c, BK_SAMPLE_SECURITY, NOW, &got), BK_E_INVAL);
	c = bk_sample_device(11, BAKEN__ROLE__ROLE_PERSON, bk_sample_id(1));
	memset(c.device.b, 0, sizeof c.device.b);
	assert_int_equal(device_of(&c, BK_SAMPLE_SECURITY, NOW, &got), BK_E_INVAL);
	c = bk_sample_device(11, BAKEN__ROLE__ROLE_PERSON, bk_sample_id(1));
	c.not_after_ms = c.not_before_ms;
	assert_int_equal(device_of(&c, BK_SAMPLE_SECURITY, NOW, &got), BK_E_INVAL);
}

/* Whatever bytes somebody signs rightly: no crash, no certificate out of a cut payload. */
static void test_truncated(void **state)
{
	struct bk_device_cert c = bk_sample_device(10, BAKEN__ROLE__ROLE_PERSON, bk_sample_id(1)), got;
	struct bk_registrar_cert r = bk_sample_registrar(BK_SAMPLE_SECURITY);
	Baken__Signed *whole = take(bk_sample_device_signed(&c, BK_SAMPLE_SECURITY));
	uint8_t public[32], secret[64], *buf = NULL;
	size_t len = 0;

	(void)state;
	bk_sample_ed25519(BK_SAMPLE_SECURITY, public, secret);
	for (size_t n = 0; n < whole->payload.len; n++) {
		Baken__Signed *s;

		assert_int_equal(bk_signed_make(BK_CTX_DEVICE, whole->payload.data, n, secret, &buf, &len), 0);
		s = take((struct bk_sample_blob){buf, len});
		assert_int_equal(bk_device_cert_verify(s, &r, NOW, &got), BK_E_INVAL);
		drop(s);
	}
	drop(whole);
}

static int start(void **state)
{
	uint8_t secret[BK_ED25519_SECRET_BYTES];

	(void)state;
	if (sodium_init() < 0)
		return -1;
	bk_sample_ed25519(BK_SAMPLE_ROOT, root, root_secret);
	bk_sample_ed25519(BK_SAMPLE_OTHER_ROOT, other_root, secret);
	return 0;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_signed),
		cmocka_unit_test(test_contexts),
		cmocka_unit_test(test_registrar),
		cmocka_unit_test(test_dates),
		cmocka_unit_test(test_registrar_roles),
		cmocka_unit_test(test_server),
		cmocka_unit_test(test_device),
		cmocka_unit_test(test_device_roles),
		cmocka_unit_test(test_device_malformed),
		cmocka_unit_test(test_truncated),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
