/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sample.h"

#include <sodium.h>
#include <stdlib.h>

#include "err.h"
#include "signal_key.h"

void bk_sample_fill(void *out, size_t len, unsigned n)
{
	uint8_t seed[randombytes_SEEDBYTES] = {(uint8_t)n, (uint8_t)(n >> 8), (uint8_t)(n >> 16)};

	if (len)
		randombytes_buf_deterministic(out, len, seed);
}

bk_id bk_sample_id(unsigned n)
{
	bk_id id;

	bk_sample_fill(id.b, sizeof id.b, 0x10000 + n);
	return id;
}

bk_hash bk_sample_hash(unsigned n)
{
	bk_hash h;

	bk_sample_fill(h.b, sizeof h.b, 0x20000 + n);
	return h;
}

void bk_sample_ed25519(unsigned n, uint8_t ret_public[static BK_KEY_BYTES],
	uint8_t ret_secret[static BK_ED25519_SECRET_BYTES])
{
	uint8_t seed[crypto_sign_SEEDBYTES];

	bk_sample_fill(seed, sizeof seed, 0x30000 + n);
	BK_ASSERT(crypto_sign_seed_keypair(ret_public, ret_secret, seed) == 0);
}

void bk_sample_identity(unsigned n, uint8_t ret_public[static BK_KEY_BYTES], uint8_t ret_private[static BK_KEY_BYTES])
{
	bk_sample_fill(ret_private, BK_KEY_BYTES, 0x40000 + n);
	ret_private[0] &= 248;
	ret_private[31] &= 127;
	ret_private[31] |= 64;
	BK_ASSERT(bk_identity_public(ret_private, ret_public) == 0);
}

int bk_sample_sign(void *arg, const char *context, const void *data, size_t len, uint8_t ret_signature[static BK_SIG_BYTES])
{
	uint8_t public[BK_KEY_BYTES], private[BK_KEY_BYTES];

	bk_sample_identity(*(unsigned *)arg, public, private);
	return bk_identity_sign(private, context, data, len, ret_signature);
}

struct bk_registrar_cert bk_sample_registrar(unsigned n)
{
	struct bk_registrar_cert c = {.not_before_ms = BK_SAMPLE_NOW - 100 * BK_SAMPLE_DAY,
		.not_after_ms = BK_SAMPLE_NOW + 265 * BK_SAMPLE_DAY};
	uint8_t secret[BK_ED25519_SECRET_BYTES];

	bk_sample_ed25519(n, c.key, secret);
	for (unsigned r = 1; r <= BAKEN__ROLE__ROLE_VAULT; r++)
		if ((r == BAKEN__ROLE__ROLE_CARE) == (n == BK_SAMPLE_CARE))
			c.roles |= 1u << r;
	strcpy(c.label, n == BK_SAMPLE_CARE ? "care" : "security");
	return c;
}

struct bk_server_cert bk_sample_server(void)
{
	struct bk_server_cert c = {.n_tls_spki = 2, .not_before_ms = BK_SAMPLE_NOW - BK_SAMPLE_DAY,
		.not_after_ms = BK_SAMPLE_NOW + 30 * BK_SAMPLE_DAY, .version = 7};
	uint8_t secret[BK_ED25519_SECRET_BYTES];

	bk_sample_ed25519(BK_SAMPLE_SERVER, c.receipt_key, secret);
	c.tls_spki[0] = bk_sample_hash(1);
	c.tls_spki[1] = bk_sample_hash(2);
	return c;
}

struct bk_device_cert bk_sample_device(unsigned n, Baken__Role role, bk_id circle)
{
	struct bk_device_cert c = {.device = bk_sample_id(n), .account = bk_sample_id(n + 1000), .circle = circle,
		.role = role, .registration = 100 + n, .not_before_ms = BK_SAMPLE_NOW - 10 * BK_SAMPLE_DAY,
		.not_after_ms = BK_SAMPLE_NOW + 200 * BK_SAMPLE_DAY, .browser = (n & 1) != 0};
	uint8_t private[BK_KEY_BYTES];

	bk_sample_identity(n, c.identity, private);
	return c;
}

struct bk_sample_blob bk_sample_registrar_signed(const struct bk_registrar_cert *c, unsigned root)
{
	uint8_t public[BK_KEY_BYTES], secret[BK_ED25519_SECRET_BYTES];
	struct bk_sample_blob b = {NULL, 0};

	bk_sample_ed25519(root, public, secret);
	BK_ASSERT(bk_registrar_cert_sign(c, secret, &b.data, &b.len) == 0);
	return b;
}

struct bk_sample_blob bk_sample_server_signed(const struct bk_server_cert *c, unsigned root)
{
	uint8_t public[BK_KEY_BYTES], secret[BK_ED25519_SECRET_BYTES];
	struct bk_sample_blob b = {NULL, 0};

	bk_sample_ed25519(root, public, secret);
	BK_ASSERT(bk_server_cert_sign(c, secret, &b.data, &b.len) == 0);
	return b;
}

struct bk_sample_blob bk_sample_device_signed(const struct bk_device_cert *c, unsigned registrar)
{
	uint8_t public[BK_KEY_BYTES], secret[BK_ED25519_SECRET_BYTES];
	struct bk_sample_blob b = {NULL, 0};

	bk_sample_ed25519(registrar, public, secret);
	BK_ASSERT(bk_device_cert_sign(c, secret, &b.data, &b.len) == 0);
	return b;
}

struct bk_sample_blob bk_sample_roster_signed(void)
{
	const bk_id circle = bk_sample_id(500), household[] = {bk_sample_id(501), bk_sample_id(502)};
	struct bk_device_cert a = bk_sample_device(10, BAKEN__ROLE__ROLE_PERSON, circle);
	struct bk_device_cert b = bk_sample_device(11, BAKEN__ROLE__ROLE_PERSON, circle);
	struct bk_registrar_cert registrar = bk_sample_registrar(BK_SAMPLE_SECURITY);
	struct bk_sample_blob ca = bk_sample_device_signed(&a, BK_SAMPLE_SECURITY);
	struct bk_sample_blob cb = bk_sample_device_signed(&b, BK_SAMPLE_SECURITY);
	struct bk_sample_blob cr = bk_sample_registrar_signed(&registrar, BK_SAMPLE_ROOT), out = {NULL, 0};
	const struct bk_roster_plan_entry entries[] = {
		{ca.data, ca.len, BAKEN__DEVICE_STATUS__DEVICE_ACTIVE, BK_SAMPLE_NOW - 9 * BK_SAMPLE_DAY},
		{cb.data, cb.len, BAKEN__DEVICE_STATUS__DEVICE_REVOKED, BK_SAMPLE_NOW - BK_SAMPLE_DAY},
	};
	const uint8_t *const registrars[] = {cr.data};
	const struct bk_roster_plan plan = {.circle = circle, .kind = BAKEN__CIRCLE_KIND__CIRCLE_PERSON, .version = 3,
		.previous = bk_sample_hash(3), .issued_ms = BK_SAMPLE_NOW - 1000,
		.expires_ms = BK_SAMPLE_NOW + 7 * BK_SAMPLE_DAY, .hard_expires_ms = BK_SAMPLE_NOW + 14 * BK_SAMPLE_DAY,
		.desk = bk_sample_id(503), .care = bk_sample_id(504), .household = household, .n_household = 2,
		.entries = entries, .n_entries = 2, .registrars = registrars, .registrar_lens = &cr.len,
		.n_registrars = 1};
	uint8_t public[BK_KEY_BYTES], secret[BK_ED25519_SECRET_BYTES];

	bk_sample_ed25519(BK_SAMPLE_SECURITY, public, secret);
	BK_ASSERT(bk_roster_sign(&plan, secret, &out.data, &out.len) == 0);
	free(ca.data);
	free(cb.data);
	free(cr.data);
	return out;
}

Baken__Signed *bk_sample_unpack(struct bk_sample_blob b)
{
	Baken__Signed *s = baken__signed__unpack(NULL, b.len, b.data);

	BK_ASSERT(s);
	return s;
}

int bk_sample_seal(const struct bk_capsule_outer *o, const uint8_t recipient[static BK_KEY_BYTES],
	uint8_t out[static BK_CAPSULE_BYTES])
{
	struct bk_capsule_sealer s;
	int err;

	bk_capsule_sealer_init(&s);
	err = bk_capsule_seal(&s, o, recipient, out);
	bk_capsule_sealer_done(&s);
	return err;
}
