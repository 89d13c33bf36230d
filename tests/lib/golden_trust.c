/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Golden examples of what is signed: certificates, roster, receipt, manifest, login, enrolment, invitation. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "bytes.h"
#include "err.h"
#include "golden.h"
#include "login.h"
#include "manifest.h"
#include "receipt.h"
#include "signal_key.h"

struct key {
	uint8_t public[BK_KEY_BYTES], secret[BK_ED25519_SECRET_BYTES];
};

static struct key ed25519(unsigned n)
{
	struct key k;

	bk_sample_ed25519(n, k.public, k.secret);
	return k;
}

static struct bk_device_cert device(void)
{
	return bk_sample_device(BK_SAMPLE_AUTHOR, BAKEN__ROLE__ROLE_PERSON, bk_sample_id(500));
}

/* ---- certificates and roster ---- */

static struct bk_sample_blob make_registrar(void)
{
	struct bk_registrar_cert c = bk_sample_registrar(BK_SAMPLE_SECURITY);

	return bk_sample_registrar_signed(&c, BK_SAMPLE_ROOT);
}

static int again_registrar(const Baken__Signed *s, struct bk_sample_blob *out)
{
	struct bk_registrar_cert c;
	int err = bk_registrar_cert_verify(s, ed25519(BK_SAMPLE_ROOT).public, BK_SAMPLE_NOW, &c);

	return err ? err : bk_registrar_cert_sign(&c, ed25519(BK_SAMPLE_ROOT).secret, &out->data, &out->len);
}

static struct bk_sample_blob make_server(void)
{
	struct bk_server_cert c = bk_sample_server();

	return bk_sample_server_signed(&c, BK_SAMPLE_ROOT);
}

static int again_server(const Baken__Signed *s, struct bk_sample_blob *out)
{
	struct bk_server_cert c;
	int err = bk_server_cert_verify(s, ed25519(BK_SAMPLE_ROOT).public, BK_SAMPLE_NOW, &c);

	return err ? err : bk_server_cert_sign(&c, ed25519(BK_SAMPLE_ROOT).secret, &out->data, &out->len);
}

static struct bk_sample_blob make_device(void)
{
	struct bk_device_cert c = device();

	return bk_sample_device_signed(&c, BK_SAMPLE_SECURITY);
}

static int again_device(const Baken__Signed *s, struct bk_sample_blob *out)
{
	struct bk_registrar_cert registrar = bk_sample_registrar(BK_SAMPLE_SECURITY);
	struct bk_device_cert c;
	int err = bk_device_cert_verify(s, &registrar, BK_SAMPLE_NOW, &c);

	return err ? err : bk_device_cert_sign(&c, ed25519(BK_SAMPLE_SECURITY).secret, &out->data, &out->len);
}

static int again_roster(const Baken__Signed *s, struct bk_sample_blob *out)
{
	struct bk_sample_blob payload;
	struct bk_roster *r = NULL;
	Baken__Roster *m;
	int err = bk_roster_verify(s, ed25519(BK_SAMPLE_ROOT).public, NULL, BK_SAMPLE_NOW, &r);

	if (err)
		return err;
	bk_roster_free(r);
	m = baken__roster__unpack(NULL, s->payload.len, s->payload.data);
	BK_ASSERT(m);
	payload = bk_golden_pack(&m->base);
	baken__roster__free_unpacked(m, NULL);
	err = bk_signed_make(BK_CTX_ROSTER, payload.data, payload.len, ed25519(BK_SAMPLE_SECURITY).secret, &out->data,
		&out->len);
	free(payload.data);
	return err;
}

/* ---- manifest ---- */

static struct bk_sample_blob make_manifest(void)
{
	struct bk_arena *a = bk_arena_new();
	struct bk_device_cert c = device();
	unsigned author = BK_SAMPLE_AUTHOR;
	struct bk_sample_blob b = {NULL, 0};

	BK_ASSERT(a && bk_manifest_sign(bk_sample_manifest(a), c.identity, bk_sample_sign, &author, &b.data, &b.len) == 0);
	bk_arena_free(a);
	return b;
}

static int again_manifest(const Baken__Signed *s, struct bk_sample_blob *out)
{
	struct bk_arena *a = bk_arena_new();
	struct bk_device_cert c = device();
	Baken__Signed again = *s;
	Baken__CaptureManifest *m;
	struct bk_sample_blob payload;
	bk_hash file;
	int err;

	BK_ASSERT(a);
	m = bk_sample_manifest(a);
	BK_ASSERT(bk_hash_from(m->file_hash.data, m->file_hash.len, &file) == 0);
	err = bk_manifest_verify(a, s, c.identity, file, m->size, &m);
	if (!err) {
		payload = bk_golden_pack(&m->base);
		again.payload = bk_bytes(payload.data, payload.len);
		*out = bk_golden_pack(&again.base);
		free(payload.data);
	}
	bk_arena_free(a);
	return err;
}

/* ---- receipt: the fourth of five messages of one commit ---- */

static struct bk_sample_blob make_receipt(void)
{
	struct bk_receipt_leaf leaves[5];
	struct bk_receipt r[5];
	ProtobufCBinaryData paths[BK_RECEIPT_DEPTH];
	Baken__StoredReceipt w;

	for (unsigned i = 0; i < 5; i++)
		leaves[i] = (struct bk_receipt_leaf){bk_sample_id(700 + i), bk_sample_hash(700 + i), BK_SAMPLE_NOW + i};
	BK_ASSERT(bk_receipt_sign(leaves, 5, ed25519(BK_SAMPLE_SERVER).secret, r) == 0);
	bk_receipt_to_wire(&r[3], &w, paths);
	return bk_golden_pack(&w.base);
}

static int again_receipt(const void *data, size_t len, struct bk_sample_blob *out)
{
	Baken__StoredReceipt *w = baken__stored_receipt__unpack(NULL, len, data), back;
	ProtobufCBinaryData paths[BK_RECEIPT_DEPTH];
	struct bk_receipt r;
	int err = w ? bk_receipt_from_wire(w, &r) : BK_E_INVAL;

	if (!err)
		err = bk_receipt_verify(&r, ed25519(BK_SAMPLE_SERVER).public);
	if (!err) {
		bk_receipt_to_wire(&r, &back, paths);
		*out = bk_golden_pack(&back.base);
	}
	if (w)
		baken__stored_receipt__free_unpacked(w, NULL);
	return err;
}

/* ---- login: transcript || signature; enrolment: secret || identity || registration || browser || mac ---- */

#define LOGIN_BYTES (BK_LOGIN_TRANSCRIPT_BYTES + BK_SIG_BYTES)
#define ENROL_BYTES (BK_INVITE_SECRET_BYTES + BK_KEY_BYTES + 4 + 1 + 32)

static struct bk_sample_blob make_login(void)
{
	uint8_t b[LOGIN_BYTES], exporter[32], nonce[BK_NONCE_BYTES], public[BK_KEY_BYTES], private[BK_KEY_BYTES];

	bk_sample_fill(exporter, sizeof exporter, 801);
	bk_sample_fill(nonce, sizeof nonce, 802);
	bk_login_transcript(bk_sample_hash(1), exporter, nonce, device().device, b);
	bk_sample_identity(BK_SAMPLE_AUTHOR, public, private);
	BK_ASSERT(bk_identity_sign(private, "", b, BK_LOGIN_TRANSCRIPT_BYTES, b + BK_LOGIN_TRANSCRIPT_BYTES) == 0);
	return bk_golden_copy(b, sizeof b);
}

static int again_login(const void *data, size_t len, struct bk_sample_blob *out)
{
	struct bk_reader r = bk_reader_of(data, len);
	const uint8_t *context = bk_read_view(&r, 14), *exporter, *nonce, *signature;
	uint8_t b[LOGIN_BYTES], public[BK_KEY_BYTES], private[BK_KEY_BYTES];
	bk_hash spki;
	bk_id id;

	bk_read_bytes(&r, spki.b, sizeof spki.b);
	exporter = bk_read_view(&r, 32);
	nonce = bk_read_view(&r, BK_NONCE_BYTES);
	bk_read_bytes(&r, id.b, sizeof id.b);
	signature = bk_read_view(&r, BK_SIG_BYTES);
	if (!bk_reader_done(&r) || memcmp(context, "baken-login-v1", 14) != 0)
		return BK_E_INVAL;
	bk_sample_identity(BK_SAMPLE_AUTHOR, public, private);
	bk_login_transcript(spki, exporter, nonce, id, b);
	if (bk_identity_verify(public, "", b, BK_LOGIN_TRANSCRIPT_BYTES, signature))
		return BK_E_SIGNATURE;
	memcpy(b + BK_LOGIN_TRANSCRIPT_BYTES, signature, BK_SIG_BYTES);
	*out = bk_golden_copy(b, sizeof b);
	return 0;
}

static void write_enrol(const uint8_t secret[static BK_INVITE_SECRET_BYTES], const uint8_t identity[static BK_KEY_BYTES],
	uint32_t registration, bool browser, uint8_t out[static ENROL_BYTES])
{
	struct bk_writer w = bk_writer_of(out, ENROL_BYTES);
	uint8_t mac[32];

	bk_enrol_mac(secret, identity, registration, browser, mac);
	bk_write_bytes(&w, secret, BK_INVITE_SECRET_BYTES);
	bk_write_bytes(&w, identity, BK_KEY_BYTES);
	bk_write_u32(&w, registration);
	bk_write_u8(&w, browser);
	bk_write_bytes(&w, mac, sizeof mac);
}

static struct bk_sample_blob make_enrol(void)
{
	uint8_t secret[BK_INVITE_SECRET_BYTES], b[ENROL_BYTES];
	struct bk_device_cert c = device();

	bk_sample_fill(secret, sizeof secret, 803);
	write_enrol(secret, c.identity, c.registration, c.browser, b);
	return bk_golden_copy(b, sizeof b);
}

static int again_enrol(const void *data, size_t len, struct bk_sample_blob *out)
{
	struct bk_reader r = bk_reader_of(data, len);
	const uint8_t *secret = bk_read_view(&r, BK_INVITE_SECRET_BYTES), *identity = bk_read_view(&r, BK_KEY_BYTES);
	uint32_t registration = bk_read_u32(&r);
	uint8_t browser = bk_read_u8(&r), b[ENROL_BYTES];
	const uint8_t *mac = bk_read_view(&r, 32);

	if (!bk_reader_done(&r) || browser > 1)
		return BK_E_INVAL;
	write_enrol(secret, identity, registration, browser, b);
	if (sodium_memcmp(mac, b + ENROL_BYTES - 32, 32) != 0)
		return BK_E_SIGNATURE;
	*out = bk_golden_copy(b, sizeof b);
	return 0;
}

/* ---- invitation ---- */

static struct bk_sample_blob make_invite(void)
{
	struct bk_invite inv = {.host = "baken.example.nl", .port = 8443};
	bk_hash pin = bk_hash_of(ed25519(BK_SAMPLE_ROOT).public, BK_KEY_BYTES);
	char text[BK_INVITE_TEXT_MAX];

	bk_sample_fill(inv.secret, sizeof inv.secret, 803);
	memcpy(inv.pin, pin.b, sizeof inv.pin);
	BK_ASSERT(bk_invite_format(&inv, text) == 0);
	return bk_golden_copy(text, strlen(text));
}

static int again_invite(const void *data, size_t len, struct bk_sample_blob *out)
{
	char text[2 * BK_INVITE_TEXT_MAX] = {0};
	struct bk_invite inv;
	int err;

	if (len >= sizeof text)
		return BK_E_TOO_BIG;
	memcpy(text, data, len);
	err = bk_invite_parse(text, &inv);
	if (!err && !bk_invite_pins(&inv, ed25519(BK_SAMPLE_ROOT).public))
		err = BK_E_CHAIN;
	if (!err)
		err = bk_invite_format(&inv, text);
	if (!err)
		*out = bk_golden_copy(text, strlen(text));
	return err;
}

/* ---- the table ---- */

static const struct {
	const char *name;
	struct bk_sample_blob (*make)(void);
	int (*again_signed)(const Baken__Signed *s, struct bk_sample_blob *out); /* one of the two */
	int (*again)(const void *data, size_t len, struct bk_sample_blob *out);
} table[] = {
	{"certificate-registrar", make_registrar, again_registrar, NULL},
	{"certificate-server", make_server, again_server, NULL},
	{"certificate-device", make_device, again_device, NULL},
	{"roster", bk_sample_roster_signed, again_roster, NULL},
	{"manifest", make_manifest, again_manifest, NULL},
	{"receipt", make_receipt, NULL, again_receipt},
	{"login", make_login, NULL, again_login},
	{"enrol", make_enrol, NULL, again_enrol},
	{"invitation", make_invite, NULL, again_invite},
};

bool bk_golden_trust_make(size_t i, char name[static BK_GOLDEN_NAME], struct bk_sample_blob *out)
{
	if (i >= sizeof table / sizeof *table)
		return false;
	snprintf(name, BK_GOLDEN_NAME, "%s", table[i].name);
	*out = table[i].make();
	return true;
}

int bk_golden_trust_again(size_t i, const void *data, size_t len, struct bk_sample_blob *out)
{
	Baken__Signed *s;
	int err;

	if (table[i].again)
		return table[i].again(data, len, out);
	s = baken__signed__unpack(NULL, len, data);
	if (!s)
		return BK_E_INVAL;
	err = table[i].again_signed(s, out);
	baken__signed__free_unpacked(s, NULL);
	return err;
}
