/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "vectors.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "body.h"
#include "capsule.h"
#include "err.h"
#include "login.h"
#include "padding.h"
#include "receipt.h"
#include "sample.h"
#include "signal_key.h"
#include "signal_session.h"
#include "tmp.h"
#include "watch.h"

#define BYTES_MAX 4096u

/* ---- reading ---- */

static bool number(const struct bk_document *d, const char *key, uint64_t *ret)
{
	const char *v = bk_document_value(d, key);

	*ret = v ? strtoull(v, NULL, 10) : 0;
	return v != NULL;
}

/* Exactly len bytes. */
static bool bytes(const struct bk_document *d, const char *key, void *out, size_t len)
{
	const char *v = bk_document_value(d, key);

	return v && bk_hex_decode(out, len, v) == 0;
}

static bool some_bytes(const struct bk_document *d, const char *key, uint8_t out[static BYTES_MAX], size_t *ret_len)
{
	const char *v = bk_document_value(d, key);

	*ret_len = v ? strlen(v) / 2 : 0;
	return v && *ret_len <= BYTES_MAX && bk_hex_decode(out, *ret_len, v) == 0;
}

static bool is(const struct bk_document *d, const char *key, const void *want, size_t len)
{
	uint8_t got[BYTES_MAX];

	return len <= sizeof got && bytes(d, key, got, len) && memcmp(got, want, len) == 0;
}

/* ---- one check a kind ---- */

static bool check_padding(const struct bk_document *d)
{
	uint64_t len, padded;

	return number(d, "len", &len) && number(d, "padded", &padded) && bk_padding_bucket(len) == padded;
}

static bool check_padme(const struct bk_document *d)
{
	uint64_t len, padded;

	return number(d, "len", &len) && number(d, "padded", &padded) && bk_padding_padme(len) == padded;
}

static bool check_invite(const struct bk_document *d)
{
	const char *text = bk_document_value(d, "text"), *host = bk_document_value(d, "host");
	struct bk_invite inv;
	char again[BK_INVITE_TEXT_MAX];
	uint64_t port;

	return text && host && number(d, "port", &port) && bk_invite_parse(text, &inv) == 0 && inv.port == port &&
	       strcmp(inv.host, host) == 0 && is(d, "secret", inv.secret, sizeof inv.secret) &&
	       is(d, "pin", inv.pin, sizeof inv.pin) && bk_invite_format(&inv, again) == 0 && strcmp(again, text) == 0;
}

static bool check_enrol(const struct bk_document *d)
{
	uint8_t secret[BK_INVITE_SECRET_BYTES], identity[BK_KEY_BYTES], mac[32];
	uint64_t registration, browser;
	bk_id id;

	if (!bytes(d, "secret", secret, sizeof secret) || !bytes(d, "identity", identity, sizeof identity) ||
		!number(d, "registration", &registration) || !number(d, "browser", &browser))
		return false;
	id = bk_invite_id(secret);
	bk_enrol_mac(secret, identity, (uint32_t)registration, browser != 0, mac);
	return is(d, "invite", id.b, sizeof id.b) && is(d, "mac", mac, sizeof mac);
}

static bool check_login(const struct bk_document *d)
{
	uint8_t exporter[32], nonce[BK_NONCE_BYTES], t[BK_LOGIN_TRANSCRIPT_BYTES], identity[BK_KEY_BYTES],
		signature[BK_SIG_BYTES];
	bk_hash spki;
	bk_id device;

	if (!bytes(d, "spki", spki.b, 32) || !bytes(d, "exporter", exporter, 32) || !bytes(d, "nonce", nonce, 32) ||
		!bytes(d, "device", device.b, 16) || !bytes(d, "identity", identity, 32) ||
		!bytes(d, "signature", signature, sizeof signature))
		return false;
	bk_login_transcript(spki, exporter, nonce, device, t);
	return is(d, "transcript", t, sizeof t) && bk_identity_verify(identity, "", t, sizeof t, signature) == 0;
}

static bool check_identity(const struct bk_document *d)
{
	uint8_t private[BK_KEY_BYTES], public[BK_KEY_BYTES], data[BYTES_MAX], signature[BK_SIG_BYTES];
	const char *context = bk_document_value(d, "context");
	size_t len;

	return context && bytes(d, "private", private, sizeof private) && bk_identity_public(private, public) == 0 &&
	       is(d, "public", public, sizeof public) && some_bytes(d, "data", data, &len) &&
	       bytes(d, "signature", signature, sizeof signature) &&
	       bk_identity_verify(public, context, data, len, signature) == 0;
}

static bool check_capsule(const struct bk_document *d)
{
	uint8_t plain[BK_CAPSULE_PLAIN_BYTES];
	struct bk_capsule c;
	uint64_t seq, version;
	bk_hash link;

	if (!bytes(d, "plain", plain, sizeof plain) || bk_capsule_decode(plain, sizeof plain, &c) ||
		!number(d, "chain_seq", &seq) || !number(d, "roster_version", &version))
		return false;
	link = bk_capsule_link(&c);
	return is(d, "key", c.key, 32) && is(d, "body", c.body.b, 32) && is(d, "message", c.message.b, 16) &&
	       is(d, "sender", c.sender.b, 16) && c.chain_seq == seq && is(d, "chain_prev", c.chain_prev.b, 32) &&
	       c.roster_version == version && is(d, "roster_hash", c.roster_hash.b, 32) && is(d, "link", link.b, 32);
}

static bool check_body(const struct bk_document *d)
{
	uint8_t key[BK_KEY_BYTES], body[BYTES_MAX], *content = NULL;
	size_t len, n = 0;
	bk_id message;
	bk_hash hash;
	bool good;

	good = bytes(d, "key", key, sizeof key) && bytes(d, "message", message.b, 16) && bytes(d, "hash", hash.b, 32) &&
	       some_bytes(d, "body", body, &len) && bk_body_open(message, hash, key, body, len, &content, &n) == 0 &&
	       is(d, "content", content, n);
	free(content);
	return good;
}

static bool check_receipt(const struct bk_document *d)
{
	uint8_t wire[BYTES_MAX], key[BK_KEY_BYTES];
	Baken__StoredReceipt *w;
	struct bk_receipt r;
	uint64_t stored_ms;
	size_t len;
	bool good = false;

	if (!some_bytes(d, "wire", wire, &len) || !bytes(d, "key", key, sizeof key) || !number(d, "stored_ms", &stored_ms))
		return false;
	w = baken__stored_receipt__unpack(NULL, len, wire);
	if (w) {
		good = bk_receipt_from_wire(w, &r) == 0 && bk_receipt_verify(&r, key) == 0 &&
		       is(d, "message", r.leaf.message.b, 16) && is(d, "body", r.leaf.body.b, 32) &&
		       r.leaf.stored_ms == stored_ms;
		baken__stored_receipt__free_unpacked(w, NULL);
	}
	return good;
}

static bool check_device(const struct bk_document *d)
{
	uint8_t wire[BYTES_MAX], root[BK_KEY_BYTES], by[BYTES_MAX];
	Baken__Signed *s, *registrar;
	struct bk_registrar_cert rc;
	struct bk_device_cert c;
	uint64_t now;
	size_t len, by_len;
	bool good;

	if (!some_bytes(d, "certificate", wire, &len) || !some_bytes(d, "registrar", by, &by_len) ||
		!bytes(d, "root", root, sizeof root) || !number(d, "now_ms", &now))
		return false;
	s = baken__signed__unpack(NULL, len, wire);
	registrar = baken__signed__unpack(NULL, by_len, by);
	good = s && registrar && bk_registrar_cert_verify(registrar, root, now, &rc) == 0 &&
	       bk_device_cert_verify(s, &rc, now, &c) == 0 && is(d, "device", c.device.b, 16) &&
	       is(d, "circle", c.circle.b, 16) && is(d, "identity", c.identity, 32);
	baken__signed__free_unpacked(s, NULL);
	baken__signed__free_unpacked(registrar, NULL);
	return good;
}

static bool check_watch(const struct bk_document *d)
{
	uint8_t w[BK_KEY_BYTES], key[BK_KEY_BYTES];
	uint64_t counter;
	bk_id watch, message;

	if (!bytes(d, "key", w, sizeof w) || !bytes(d, "watch", watch.b, sizeof watch.b) || !number(d, "counter", &counter) ||
		bk_watch_body_key(w, watch, counter, key) != 0)
		return false;
	message = bk_watch_message_id(watch, counter);
	return is(d, "body_key", key, sizeof key) && is(d, "message", message.b, sizeof message.b);
}

static bool check_prekey(const struct bk_document *d)
{
	uint8_t public[BK_KEY_BYTES];
	uint64_t id;
	bk_hash h;

	if (!number(d, "id", &id) || !bytes(d, "public", public, sizeof public))
		return false;
	h = bk_signal_prekey_digest((uint32_t)id, public);
	return is(d, "digest", h.b, 32);
}

/* A golden file is a vector by its hash. */
static bool check_golden(const struct bk_document *d)
{
	const char *file = bk_document_value(d, "file");
	uint8_t *data = NULL;
	char path[512];
	size_t len = 0;
	bk_hash h;
	bool good;

	snprintf(path, sizeof path, BAKEN_SOURCE_DIR "/tests/golden/v1/%s", file ? file : "");
	if (!file || bk_tmp_read(path, &data, &len) != 0)
		return false;
	h = bk_hash_of(data, len);
	free(data);
	good = is(d, "sha256", h.b, 32);
	return good;
}

static const struct {
	const char *name;
	bool (*check)(const struct bk_document *d);
} kinds[] = {
	{"padding", check_padding}, {"padme", check_padme}, {"invite", check_invite}, {"enrol", check_enrol},
	{"login", check_login}, {"identity", check_identity}, {"capsule", check_capsule}, {"body", check_body},
	{"receipt", check_receipt}, {"device", check_device}, {"prekey", check_prekey}, {"watch", check_watch}, {"golden", check_golden},
};

int bk_vectors_check(const struct bk_document *d)
{
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (strcmp(kinds[i].name, bk_document_word(d, 0)) == 0)
			return kinds[i].check(d) ? (int)i : -1;
	return -1;
}

const char *bk_vectors_name(int kind)
{
	return (size_t)kind < sizeof kinds / sizeof *kinds ? kinds[kind].name : NULL;
}
