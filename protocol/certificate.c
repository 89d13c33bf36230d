/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "certificate.h"

#include <sodium.h>
#include <stdlib.h>

#include "err.h"
#include "pb.h"
#include "roles.h"
#include "text.h"

#define CONTEXT_MAX 32
#define PAYLOAD_MAX BK_ROSTER_BYTES_MAX

/* context || payload; the context is prefix-free because every one ends in "-v1" and none is another's start. */
static uint8_t *join(const char *context, const void *payload, size_t len, size_t *ret_len)
{
	size_t n = strlen(context);
	uint8_t *m = malloc(n + len);

	if (!m)
		return NULL;
	memcpy(m, context, n);
	if (len)
		memcpy(m + n, payload, len);
	*ret_len = n + len;
	return m;
}

int bk_signed_make(const char *context, const void *payload, size_t len,
	const uint8_t secret[static BK_ED25519_SECRET_BYTES], uint8_t **ret_buf, size_t *ret_len)
{
	Baken__Signed s = BAKEN__SIGNED__INIT;
	uint8_t signature[BK_SIG_BYTES], *message, *buf;
	size_t message_len, n;

	if (len > PAYLOAD_MAX)
		return BK_E_TOO_BIG;
	message = join(context, payload, len, &message_len);
	if (!message)
		return BK_E_NOMEM;
	crypto_sign_detached(signature, NULL, message, message_len, secret);
	free(message);
	s.payload = bk_bytes(payload, len);
	s.signature = bk_bytes(signature, sizeof signature);
	s.signer = bk_bytes(secret + 32, BK_KEY_BYTES);
	n = baken__signed__get_packed_size(&s);
	buf = malloc(n);
	if (!buf)
		return BK_E_NOMEM;
	baken__signed__pack(&s, buf);
	*ret_buf = buf;
	*ret_len = n;
	return 0;
}

int bk_signed_verify(const char *context, const Baken__Signed *s, const uint8_t key[static BK_KEY_BYTES])
{
	uint8_t *message;
	size_t len;
	int err;

	if (!s || s->signature.len != BK_SIG_BYTES || s->signer.len != BK_KEY_BYTES || s->payload.len > PAYLOAD_MAX)
		return BK_E_INVAL;
	if (sodium_memcmp(s->signer.data, key, BK_KEY_BYTES) != 0)
		return BK_E_CHAIN;
	message = join(context, s->payload.data, s->payload.len, &len);
	if (!message)
		return BK_E_NOMEM;
	err = crypto_sign_verify_detached(s->signature.data, message, len, key) ? BK_E_SIGNATURE : 0;
	free(message);
	return err;
}

static int check_dates(bk_ms not_before, bk_ms not_after, bk_ms now)
{
	if (not_after <= not_before)
		return BK_E_INVAL;
	if (now + BK_CLOCK_SKEW_MS < not_before)
		return BK_E_NOT_YET;
	return now > not_after ? BK_E_EXPIRED : 0;
}

static int sign_message(const char *context, const ProtobufCMessage *m,
	const uint8_t secret[static BK_ED25519_SECRET_BYTES], uint8_t **ret_buf, size_t *ret_len)
{
	size_t n = protobuf_c_message_get_packed_size(m);
	uint8_t *payload = malloc(n ? n : 1);
	int err;

	if (!payload)
		return BK_E_NOMEM;
	protobuf_c_message_pack(m, payload);
	err = bk_signed_make(context, payload, n, secret, ret_buf, ret_len);
	free(payload);
	return err;
}

/* ---- registrar ---- */

/* Roles that exist, none twice, and no registrar for both sides. */
static int roles_mask(const Baken__RegistrarCert *m, uint32_t *ret_mask)
{
	uint32_t mask = 0;

	if (m->n_roles == 0 || m->n_roles > 10)
		return BK_E_INVAL;
	for (size_t i = 0; i < m->n_roles; i++) {
		if (m->roles[i] <= BAKEN__ROLE__ROLE_NONE || m->roles[i] > BAKEN__ROLE__ROLE_VAULT ||
			(mask & 1u << m->roles[i]))
			return BK_E_INVAL;
		for (size_t k = 0; k < i; k++)
			if (!bk_roles_same_registrar(m->roles[i], m->roles[k]))
				return BK_E_ROLE;
		mask |= 1u << m->roles[i];
	}
	*ret_mask = mask;
	return 0;
}

int bk_registrar_cert_sign(const struct bk_registrar_cert *c, const uint8_t root_secret[static BK_ED25519_SECRET_BYTES],
	uint8_t **ret_buf, size_t *ret_len)
{
	Baken__RegistrarCert m = BAKEN__REGISTRAR_CERT__INIT;
	Baken__Role roles[16];
	uint32_t mask;

	m.registrar_key = bk_bytes(c->key, BK_KEY_BYTES);
	for (unsigned r = 1; r <= BAKEN__ROLE__ROLE_VAULT; r++)
		if (c->roles & 1u << r)
			roles[m.n_roles++] = (Baken__Role)r;
	m.roles = roles;
	m.not_before_ms = c->not_before_ms;
	m.not_after_ms = c->not_after_ms;
	m.label = (char *)(uintptr_t)c->label;
	if (roles_mask(&m, &mask))
		return BK_E_ROLE;
	return sign_message(BK_CTX_REGISTRAR, &m.base, root_secret, ret_buf, ret_len);
}

int bk_registrar_cert_verify(const Baken__Signed *s, const uint8_t root_key[static BK_KEY_BYTES], bk_ms now,
	struct bk_registrar_cert *ret_cert)
{
	struct bk_registrar_cert c;
	Baken__RegistrarCert *m = NULL;
	int err = bk_signed_verify(BK_CTX_REGISTRAR, s, root_key);

	if (err)
		return err;
	memset(&c, 0, sizeof c);
	m = baken__registrar_cert__unpack(NULL, s->payload.len, s->payload.data);
	if (!m || m->registrar_key.len != BK_KEY_BYTES || !bk_text_ok(m->label, strlen(m->label), sizeof c.label - 1)) {
		err = BK_E_INVAL;
		goto out;
	}
	err = roles_mask(m, &c.roles);
	if (!err)
		err = check_dates(m->not_before_ms, m->not_after_ms, now);
	if (err)
		goto out;
	memcpy(c.key, m->registrar_key.data, BK_KEY_BYTES);
	c.not_before_ms = m->not_before_ms;
	c.not_after_ms = m->not_after_ms;
	strcpy(c.label, m->label);
	*ret_cert = c;
out:
	if (m)
		baken__registrar_cert__free_unpacked(m, NULL);
	return err;
}

/* ---- server ---- */

int bk_server_cert_sign(const struct bk_server_cert *c, const uint8_t root_secret[static BK_ED25519_SECRET_BYTES],
	uint8_t **ret_buf, size_t *ret_len)
{
	Baken__ServerCert m = BAKEN__SERVER_CERT__INIT;
	ProtobufCBinaryData spki[4];

	if (!c->n_tls_spki || c->n_tls_spki > 4)
		return BK_E_INVAL;
	for (size_t i = 0; i < c->n_tls_spki; i++)
		spki[i] = bk_bytes(c->tls_spki[i].b, BK_HASH_BYTES);
	m.receipt_key = bk_bytes(c->receipt_key, BK_KEY_BYTES);
	m.tls_spki = spki;
	m.n_tls_spki = c->n_tls_spki;
	m.not_before_ms = c->not_before_ms;
	m.not_after_ms = c->not_after_ms;
	m.version = c->version;
	return sign_message(BK_CTX_SERVER, &m.base, root_secret, ret_buf, ret_len);
}

static int take_server_cert(const Baken__ServerCert *m, bk_ms now, struct bk_server_cert *c)
{
	if (m->receipt_key.len != BK_KEY_BYTES || !m->n_tls_spki || m->n_tls_spki > 4)
		return BK_E_INVAL;
	memcpy(c->receipt_key, m->receipt_key.data, BK_KEY_BYTES);
	for (size_t i = 0; i < m->n_tls_spki; i++)
		if (bk_hash_from(m->tls_spki[i].data, m->tls_spki[i].len, &c->tls_spki[i]))
			return BK_E_INVAL;
	c->n_tls_spki = m->n_tls_spki;
	c->not_before_ms = m->not_before_ms;
	c->not_after_ms = m->not_after_ms;
	c->version = m->version;
	return check_dates(c->not_before_ms, c->not_after_ms, now);
}

int bk_server_cert_verify(const Baken__Signed *s, const uint8_t root_key[static BK_KEY_BYTES], bk_ms now,
	struct bk_server_cert *ret_cert)
{
	struct bk_server_cert c;
	Baken__ServerCert *m;
	int err = bk_signed_verify(BK_CTX_SERVER, s, root_key);

	if (err)
		return err;
	memset(&c, 0, sizeof c);
	m = baken__server_cert__unpack(NULL, s->payload.len, s->payload.data);
	if (!m)
		return BK_E_INVAL;
	err = take_server_cert(m, now, &c);
	baken__server_cert__free_unpacked(m, NULL);
	if (!err)
		*ret_cert = c;
	return err;
}

/* ---- device ---- */

int bk_device_cert_sign(const struct bk_device_cert *c,
	const uint8_t registrar_secret[static BK_ED25519_SECRET_BYTES], uint8_t **ret_buf, size_t *ret_len)
{
	Baken__DeviceCert m = BAKEN__DEVICE_CERT__INIT;

	m.device_id = bk_bytes(c->device.b, BK_ID_BYTES);
	m.account_id = bk_bytes(c->account.b, BK_ID_BYTES);
	m.role = c->role;
	m.circle_id = bk_bytes(c->circle.b, BK_ID_BYTES);
	m.identity_key = bk_bytes(c->identity, BK_KEY_BYTES);
	m.registration_id = c->registration;
	m.not_before_ms = c->not_before_ms;
	m.not_after_ms = c->not_after_ms;
	m.browser = c->browser;
	return sign_message(BK_CTX_DEVICE, &m.base, registrar_secret, ret_buf, ret_len);
}

static int take_device_cert(const Baken__DeviceCert *m, struct bk_device_cert *c)
{
	if (bk_id_from(m->device_id.data, m->device_id.len, &c->device) ||
		bk_id_from(m->account_id.data, m->account_id.len, &c->account) ||
		bk_id_from(m->circle_id.data, m->circle_id.len, &c->circle) || m->identity_key.len != BK_KEY_BYTES ||
		m->role <= BAKEN__ROLE__ROLE_NONE || m->role > BAKEN__ROLE__ROLE_VAULT || bk_id_is_zero(c->device) ||
		sodium_is_zero(m->identity_key.data, BK_KEY_BYTES))
		return BK_E_INVAL;
	c->role = m->role;
	memcpy(c->identity, m->identity_key.data, BK_KEY_BYTES);
	c->registration = m->registration_id;
	c->not_before_ms = m->not_before_ms;
	c->not_after_ms = m->not_after_ms;
	c->browser = m->browser;
	return 0;
}

int bk_device_cert_verify(const Baken__Signed *s, const struct bk_registrar_cert *registrar, bk_ms now,
	struct bk_device_cert *ret_cert)
{
	struct bk_device_cert c;
	Baken__DeviceCert *m;
	int err = bk_signed_verify(BK_CTX_DEVICE, s, registrar->key);

	if (err)
		return err;
	memset(&c, 0, sizeof c);
	m = baken__device_cert__unpack(NULL, s->payload.len, s->payload.data);
	if (!m)
		return BK_E_INVAL;
	err = take_device_cert(m, &c);
	baken__device_cert__free_unpacked(m, NULL);
	if (!err && !(registrar->roles & 1u << c.role))
		err = BK_E_ROLE;
	if (!err)
		err = check_dates(c.not_before_ms, c.not_after_ms, now);
	if (err)
		return err;
	memcpy(c.signer, registrar->key, BK_KEY_BYTES);
	*ret_cert = c;
	return 0;
}
