/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "login.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "bytes.h"
#include "err.h"

#define LOGIN_CONTEXT "baken-login-v1"
#define ENROL_CONTEXT "baken-enrol-v1"
#define ID_CONTEXT "baken-invite-id-v1"
#define MAC_CONTEXT "baken-invite-mac-v1"
#define PREFIX "BAKEN:"
#define CODE_BYTES (1 + BK_INVITE_SECRET_BYTES + BK_INVITE_PIN_BYTES + 2)
#define CODE_CHARS ((CODE_BYTES * 8 + 4) / 5)
#define CODE_VERSION 1

_Static_assert(BK_LOGIN_TRANSCRIPT_BYTES == sizeof LOGIN_CONTEXT - 1 + 32 + 32 + BK_NONCE_BYTES + BK_ID_BYTES, "login.h");

void bk_login_transcript(bk_hash spki, const uint8_t exporter[static 32], const uint8_t nonce[static BK_NONCE_BYTES],
	bk_id device, uint8_t out[static BK_LOGIN_TRANSCRIPT_BYTES])
{
	struct bk_writer w = bk_writer_of(out, BK_LOGIN_TRANSCRIPT_BYTES);

	bk_write_bytes(&w, LOGIN_CONTEXT, sizeof LOGIN_CONTEXT - 1);
	bk_write_bytes(&w, spki.b, 32);
	bk_write_bytes(&w, exporter, 32);
	bk_write_bytes(&w, nonce, BK_NONCE_BYTES);
	bk_write_bytes(&w, device.b, BK_ID_BYTES);
}

/* ---- HKDF (RFC 5869) with SHA-256, no salt, one block ---- */

static void hmac(const uint8_t *key, size_t key_len, const void *a, size_t na, const void *b, size_t nb,
	uint8_t out[static 32])
{
	crypto_auth_hmacsha256_state st;

	crypto_auth_hmacsha256_init(&st, key, key_len);
	crypto_auth_hmacsha256_update(&st, a, na);
	crypto_auth_hmacsha256_update(&st, b, nb);
	crypto_auth_hmacsha256_final(&st, out);
	sodium_memzero(&st, sizeof st);
}

static void hkdf(const uint8_t secret[static BK_INVITE_SECRET_BYTES], const char *info, uint8_t out[static 32])
{
	static const uint8_t salt[32], one = 1;
	uint8_t prk[32];

	hmac(salt, sizeof salt, secret, BK_INVITE_SECRET_BYTES, NULL, 0, prk);
	hmac(prk, sizeof prk, info, strlen(info), &one, 1, out);
	sodium_memzero(prk, sizeof prk);
}

bk_id bk_invite_id(const uint8_t secret[static BK_INVITE_SECRET_BYTES])
{
	uint8_t okm[32];
	bk_id id;

	hkdf(secret, ID_CONTEXT, okm);
	memcpy(id.b, okm, sizeof id.b);
	return id;
}

void bk_enrol_mac(const uint8_t secret[static BK_INVITE_SECRET_BYTES], const uint8_t identity[static BK_KEY_BYTES],
	uint32_t registration, bool browser, uint8_t out[static 32])
{
	uint8_t transcript[sizeof ENROL_CONTEXT - 1 + BK_ID_BYTES + BK_KEY_BYTES + 4 + 1], key[32];
	struct bk_writer w = bk_writer_of(transcript, sizeof transcript);
	bk_id id = bk_invite_id(secret);

	bk_write_bytes(&w, ENROL_CONTEXT, sizeof ENROL_CONTEXT - 1);
	bk_write_bytes(&w, id.b, BK_ID_BYTES);
	bk_write_bytes(&w, identity, BK_KEY_BYTES);
	bk_write_u32(&w, registration);
	bk_write_u8(&w, browser);
	hkdf(secret, MAC_CONTEXT, key);
	hmac(key, sizeof key, transcript, sizeof transcript, NULL, 0, out);
	sodium_memzero(key, sizeof key);
}

bool bk_invite_pins(const struct bk_invite *inv, const uint8_t root_key[static BK_KEY_BYTES])
{
	bk_hash h = bk_hash_of(root_key, BK_KEY_BYTES);

	return sodium_memcmp(h.b, inv->pin, BK_INVITE_PIN_BYTES) == 0;
}

/* ---- Crockford base 32 ---- */

static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

static int value_of(char c)
{
	const char *p;

	if (c >= 'a' && c <= 'z')
		c = (char)(c - 'a' + 'A');
	if (c == 'O')
		c = '0';
	if (c == 'I' || c == 'L')
		c = '1';
	p = c ? strchr(alphabet, c) : NULL;
	return p ? (int)(p - alphabet) : -1;
}

static void encode32(const uint8_t *in, size_t len, char *out)
{
	uint32_t acc = 0;
	unsigned bits = 0;

	for (size_t i = 0; i < len; i++) {
		acc = acc << 8 | in[i];
		for (bits += 8; bits >= 5; bits -= 5)
			*out++ = alphabet[acc >> (bits - 5) & 31];
	}
	if (bits)
		*out++ = alphabet[acc << (5 - bits) & 31];
	*out = '\0';
}

static int decode32(const char *in, uint8_t out[static CODE_BYTES])
{
	uint32_t acc = 0;
	unsigned bits = 0, chars = 0;
	size_t n = 0;

	for (; *in; in++) {
		int v = value_of(*in);

		if (*in == '-' || *in == ' ')
			continue;
		if (v < 0 || ++chars > CODE_CHARS)
			return BK_E_INVAL;
		acc = acc << 5 | (uint32_t)v;
		bits += 5;
		if (bits >= 8) {
			bits -= 8;
			out[n++] = (uint8_t)(acc >> bits);
		}
	}
	return n == CODE_BYTES && (acc & ((1u << bits) - 1)) == 0 ? 0 : BK_E_INVAL;
}

/* The check covers the address too: a mistyped host is as bad as a mistyped secret. */
static void check_bytes(const char *host, uint16_t port, const uint8_t *code, uint8_t out[static 2])
{
	char text[300];
	int n = snprintf(text, sizeof text, "%s:%u/", host, port);
	uint8_t all[300 + CODE_BYTES];
	bk_hash h;

	for (int i = 0; i < n; i++) /* host names know no case */
		all[i] = (uint8_t)(text[i] >= 'A' && text[i] <= 'Z' ? text[i] + 32 : text[i]);
	memcpy(all + n, code, CODE_BYTES - 2);
	h = bk_hash_of(all, (size_t)n + CODE_BYTES - 2);
	memcpy(out, h.b, 2);
	sodium_memzero(all, sizeof all);
}

static bool host_ok(const char *host)
{
	size_t n = strlen(host);

	return n > 0 && n < 254 && strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:") == n;
}

int bk_invite_format(const struct bk_invite *inv, char out[static BK_INVITE_TEXT_MAX])
{
	uint8_t code[CODE_BYTES] = {CODE_VERSION};
	char chars[CODE_CHARS + 1];
	int n;

	if (!host_ok(inv->host) || !inv->port)
		return BK_E_INVAL;
	memcpy(code + 1, inv->secret, BK_INVITE_SECRET_BYTES);
	memcpy(code + 1 + BK_INVITE_SECRET_BYTES, inv->pin, BK_INVITE_PIN_BYTES);
	check_bytes(inv->host, inv->port, code, code + CODE_BYTES - 2);
	encode32(code, sizeof code, chars);
	n = snprintf(out, BK_INVITE_TEXT_MAX, strchr(inv->host, ':') ? PREFIX "[%s]:%u/" : PREFIX "%s:%u/", inv->host,
		inv->port);
	for (int i = 0; chars[i]; i++) {
		if (i && i % 4 == 0)
			out[n++] = '-';
		out[n++] = chars[i];
	}
	out[n] = '\0';
	for (char *p = out; *p; p++) /* capitals fit a QR code's compact alphabet; names know no case */
		if (*p >= 'a' && *p <= 'z')
			*p = (char)(*p - 32);
	sodium_memzero(code, sizeof code);
	sodium_memzero(chars, sizeof chars);
	return 0;
}

static int parse_address(const char *text, const char *slash, struct bk_invite *inv)
{
	const char *colon = slash;
	char port[8], *end;
	size_t n;
	unsigned long v;

	while (colon > text && *colon != ':')
		colon--;
	n = (size_t)(slash - colon);
	if (colon == text || n < 2 || n > 6)
		return BK_E_INVAL;
	memcpy(port, colon + 1, n - 1);
	port[n - 1] = '\0';
	v = strtoul(port, &end, 10);
	if (*end || v == 0 || v > 65535 || port[0] < '0' || port[0] > '9')
		return BK_E_INVAL;
	inv->port = (uint16_t)v;
	if (*text == '[' && colon[-1] == ']') {
		text++;
		colon--;
	}
	n = (size_t)(colon - text);
	if (n == 0 || n >= sizeof inv->host)
		return BK_E_INVAL;
	for (size_t i = 0; i < n; i++)
		inv->host[i] = (char)(text[i] >= 'A' && text[i] <= 'Z' ? text[i] + 32 : text[i]);
	inv->host[n] = '\0';
	return host_ok(inv->host) ? 0 : BK_E_INVAL;
}

int bk_invite_parse(const char *text, struct bk_invite *ret_invite)
{
	struct bk_invite inv;
	uint8_t code[CODE_BYTES], check[2];
	const char *slash;
	int err = BK_E_INVAL;

	memset(&inv, 0, sizeof inv);
	while (*text == ' ')
		text++;
	for (const char *p = PREFIX; *p; p++, text++)
		if ((*text >= 'a' && *text <= 'z' ? *text - 32 : *text) != *p)
			return BK_E_INVAL;
	slash = strchr(text, '/');
	if (!slash || parse_address(text, slash, &inv) || decode32(slash + 1, code) || code[0] != CODE_VERSION)
		goto out;
	check_bytes(inv.host, inv.port, code, check);
	if (sodium_memcmp(check, code + CODE_BYTES - 2, 2) != 0)
		goto out;
	memcpy(inv.secret, code + 1, BK_INVITE_SECRET_BYTES);
	memcpy(inv.pin, code + 1 + BK_INVITE_SECRET_BYTES, BK_INVITE_PIN_BYTES);
	*ret_invite = inv;
	err = 0;
out:
	sodium_memzero(code, sizeof code);
	sodium_memzero(&inv, sizeof inv);
	return err;
}
