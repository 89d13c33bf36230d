/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Certificates of registrars, servers and devices: any Signed, and any payload under a true signature. */
#include "fuzz.h"

#include "sample.h"

static uint8_t root[BK_KEY_BYTES], root_secret[BK_ED25519_SECRET_BYTES], security[BK_KEY_BYTES],
	security_secret[BK_ED25519_SECRET_BYTES];
static struct bk_registrar_cert registrar;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	if (sodium_init() < 0)
		return 1;
	bk_sample_ed25519(BK_SAMPLE_ROOT, root, root_secret);
	bk_sample_ed25519(BK_SAMPLE_SECURITY, security, security_secret);
	registrar = bk_sample_registrar(BK_SAMPLE_SECURITY);
	return 0;
}

static void as_registrar(const Baken__Signed *s)
{
	struct bk_sample_blob b = {NULL, 0};
	struct bk_registrar_cert c, again;
	Baken__Signed *s2;
	int err = bk_registrar_cert_verify(s, root, BK_SAMPLE_NOW, &c);

	BK_FUZZ_OURS(err);
	if (err)
		return;
	BK_ASSERT(c.roles && !(c.roles & 1u << BAKEN__ROLE__ROLE_NONE));
	BK_ASSERT(!(c.roles & 1u << BAKEN__ROLE__ROLE_CARE) || c.roles == 1u << BAKEN__ROLE__ROLE_CARE);
	BK_ASSERT(bk_registrar_cert_sign(&c, root_secret, &b.data, &b.len) == 0);
	s2 = bk_sample_unpack(b);
	BK_ASSERT(bk_registrar_cert_verify(s2, root, BK_SAMPLE_NOW, &again) == 0 && memcmp(&c, &again, sizeof c) == 0);
	baken__signed__free_unpacked(s2, NULL);
	free(b.data);
}

static void as_server(const Baken__Signed *s)
{
	struct bk_server_cert c;
	int err = bk_server_cert_verify(s, root, BK_SAMPLE_NOW, &c);

	BK_FUZZ_OURS(err);
	BK_ASSERT(err || (c.n_tls_spki >= 1 && c.n_tls_spki <= 4 && c.not_after_ms >= BK_SAMPLE_NOW));
}

static void as_device(const Baken__Signed *s)
{
	struct bk_device_cert c;
	int err = bk_device_cert_verify(s, &registrar, BK_SAMPLE_NOW, &c);

	BK_FUZZ_OURS(err);
	BK_ASSERT(err || (registrar.roles & 1u << c.role));
	BK_ASSERT(err || (c.not_after_ms >= BK_SAMPLE_NOW && !bk_id_is_zero(c.device)));
}

static void all(const Baken__Signed *s)
{
	as_registrar(s);
	as_server(s);
	as_device(s);
}

/* First byte: 0 a Signed; 1, 2, 3 the payload of a registrar's, server's or device's certificate. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const contexts[] = {NULL, BK_CTX_REGISTRAR, BK_CTX_SERVER, BK_CTX_DEVICE};
	const unsigned mode = bk_fuzz_mode(&data, &size) % 4;
	struct bk_sample_blob b = {NULL, 0};
	Baken__Signed *s;

	if (!mode) {
		s = baken__signed__unpack(NULL, size, data);
	} else {
		if (bk_signed_make(contexts[mode], data, size, mode == 3 ? security_secret : root_secret, &b.data, &b.len))
			return 0;
		s = bk_sample_unpack(b);
		free(b.data);
	}
	if (s) {
		all(s);
		baken__signed__free_unpacked(s, NULL);
	}
	return 0;
}
