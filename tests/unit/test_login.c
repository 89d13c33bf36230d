/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "err.h"
#include "login.h"
#include "sample.h"

static struct bk_invite example(const char *host, uint16_t port)
{
	struct bk_invite inv = {.port = port};

	bk_sample_fill(inv.secret, sizeof inv.secret, 1);
	bk_sample_fill(inv.pin, sizeof inv.pin, 2);
	snprintf(inv.host, sizeof inv.host, "%s", host);
	return inv;
}

static void test_transcript(void **state)
{
	uint8_t out[BK_LOGIN_TRANSCRIPT_BYTES], exporter[32], nonce[32];
	bk_hash spki = bk_sample_hash(1);
	bk_id device = bk_sample_id(1);

	(void)state;
	bk_sample_fill(exporter, sizeof exporter, 3);
	bk_sample_fill(nonce, sizeof nonce, 4);
	bk_login_transcript(spki, exporter, nonce, device, out);
	assert_memory_equal(out, "baken-login-v1", 14);
	assert_memory_equal(out + 14, spki.b, 32);
	assert_memory_equal(out + 46, exporter, 32);
	assert_memory_equal(out + 78, nonce, 32);
	assert_memory_equal(out + 110, device.b, 16);
	assert_int_equal(sizeof out, 126);
}

static void test_round_trip(void **state)
{
	static const struct {
		const char *host;
		uint16_t port;
	} cases[] = {{"baken.example.org", 443}, {"192.0.2.7", 1}, {"2001:db8::7", 65535}, {"a", 8443},
		{"xn--caf-dma.example", 10000}};
	char text[BK_INVITE_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct bk_invite inv = example(cases[i].host, cases[i].port), got;

		for (unsigned n = 0; n < 40; n++) {
			bk_sample_fill(inv.secret, sizeof inv.secret, n * 3);
			assert_int_equal(bk_invite_format(&inv, text), 0);
			assert_memory_equal(text, "BAKEN:", 6);
			assert_int_equal(bk_invite_parse(text, &got), 0);
			assert_memory_equal(got.secret, inv.secret, sizeof inv.secret);
			assert_memory_equal(got.pin, inv.pin, sizeof inv.pin);
			assert_string_equal(got.host, inv.host);
			assert_int_equal(got.port, inv.port);
		}
	}
}

static void test_longest_host(void **state)
{
	struct bk_invite inv = example("a", 65535), got;
	char text[BK_INVITE_TEXT_MAX];

	(void)state;
	memset(inv.host, 'a', sizeof inv.host);
	inv.host[253] = '\0';
	assert_int_equal(bk_invite_format(&inv, text), 0);
	assert_true(strlen(text) < BK_INVITE_TEXT_MAX);
	assert_int_equal(bk_invite_parse(text, &got), 0);
	inv.host[253] = 'a';
	inv.host[254] = '\0';
	assert_int_equal(bk_invite_format(&inv, text), BK_E_INVAL);
	inv = example("", 443);
	assert_int_equal(bk_invite_format(&inv, text), BK_E_INVAL);
	inv = example("a b", 443);
	assert_int_equal(bk_invite_format(&inv, text), BK_E_INVAL);
	inv = example("host/path", 443);
	assert_int_equal(bk_invite_format(&inv, text), BK_E_INVAL);
	inv = example("host", 0);
	assert_int_equal(bk_invite_format(&inv, text), BK_E_INVAL);
}

/* As people type: lower case, spaces, no dashes, O for 0, I and L for 1. */
static void test_as_typed(void **state)
{
	struct bk_invite inv = example("baken.example.org", 8443), got;
	char text[BK_INVITE_TEXT_MAX], typed[2 * BK_INVITE_TEXT_MAX];
	size_t n = 0;

	(void)state;
	assert_int_equal(bk_invite_format(&inv, text), 0);
	typed[n++] = ' ';
	for (const char *p = text; *p; p++) {
		bool code = p > strchr(text, '/');

		if (code && *p == '-') {
			typed[n++] = ' ';
			continue;
		}
		typed[n] = code && *p == '0' ? 'o' : code && *p == '1' ? (n & 1 ? 'l' : 'I') :
			   *p >= 'A' && *p <= 'Z' ? (char)(*p + 32) : *p;
		n++;
	}
	typed[n] = '\0';
	assert_int_equal(bk_invite_parse(typed, &got), 0);
	assert_memory_equal(got.secret, inv.secret, sizeof inv.secret);
	assert_string_equal(got.host, "baken.example.org");
}

/* Does the mistyped text mean the same? Then it is none. */
static bool same_meaning(char a, char b)
{
	const char *const same[] = {"0Oo", "1IiLl", "- "};

	for (size_t i = 0; i < sizeof same / sizeof *same; i++)
		if (strchr(same[i], a) && strchr(same[i], b))
			return true;
	return (a | 32) == (b | 32) && ((a >= 'A' && a <= 'Z') || (a >= 'a' && a <= 'z'));
}

/* Every sign of the code, host and port included, replaced by every sign on a keyboard, left out, or doubled. */
static void test_each_mistyped_sign(void **state)
{
	struct bk_invite inv = example("baken.example.org", 8443), got;
	char text[BK_INVITE_TEXT_MAX];
	size_t len, wrong = 0;

	(void)state;
	assert_int_equal(bk_invite_format(&inv, text), 0);
	len = strlen(text);
	for (size_t at = 0; at < len; at++) {
		const char right = text[at];

		for (int c = ' '; c < 127; c++) {
			if (c == right || same_meaning((char)c, right))
				continue;
			if (right == '-' && at > 30)
				continue; /* a sign in place of a dash is one sign too many: below */
			text[at] = (char)c;
			memset(&got, 0x5a, sizeof got);
			assert_int_equal(bk_invite_parse(text, &got), BK_E_INVAL);
			for (size_t i = 0; i < sizeof got; i++)
				assert_int_equal(((uint8_t *)&got)[i], 0x5a); /* nothing written */
			wrong++;
		}
		text[at] = right;
	}
	assert_true(wrong > 6000);
	assert_int_equal(bk_invite_parse(text, &got), 0);
}

static void test_left_out_doubled_swapped(void **state)
{
	struct bk_invite inv = example("baken.example.org", 8443), got;
	char text[BK_INVITE_TEXT_MAX], typed[BK_INVITE_TEXT_MAX + 2];
	size_t len;

	(void)state;
	assert_int_equal(bk_invite_format(&inv, text), 0);
	len = strlen(text);
	for (size_t at = 0; at < len; at++) {
		bool dash = text[at] == '-';

		memcpy(typed, text, at);
		memcpy(typed + at, text + at + 1, len - at);
		assert_int_equal(bk_invite_parse(typed, &got), dash ? 0 : BK_E_INVAL);
		memcpy(typed, text, at + 1);
		memcpy(typed + at + 1, text + at, len - at + 1);
		assert_int_equal(bk_invite_parse(typed, &got), dash ? 0 : BK_E_INVAL);
		memcpy(typed, text, len + 1);
		if (at + 1 < len && text[at] != text[at + 1] && !dash && text[at + 1] != '-') {
			typed[at] = text[at + 1];
			typed[at + 1] = text[at];
			assert_int_equal(bk_invite_parse(typed, &got), BK_E_INVAL);
		}
	}
	for (size_t n = 0; n < len; n++) {
		memcpy(typed, text, n);
		typed[n] = '\0';
		assert_int_equal(bk_invite_parse(typed, &got), BK_E_INVAL);
	}
}

static void test_refused(void **state)
{
	static const char *const bad[] = {"", "BAKEN:", "BAKEN:/", "BAKEN:host/", "BAKEN:host:443/", "BAKEN::443/",
		"https://host:443/", "BAKEN:host:0/", "BAKEN:host:65536/", "BAKEN:host:999999/", "BAKEN:host:-1/",
		"BAKEN:[]:443/", "BAKEN:host:443"};
	struct bk_invite got;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(bk_invite_parse(bad[i], &got), BK_E_INVAL);
}

static void test_pins(void **state)
{
	struct bk_invite inv = example("h", 1);
	uint8_t root[BK_KEY_BYTES], secret[BK_ED25519_SECRET_BYTES];

	(void)state;
	bk_sample_ed25519(BK_SAMPLE_ROOT, root, secret);
	assert_false(bk_invite_pins(&inv, root));
	memcpy(inv.pin, bk_hash_of(root, sizeof root).b, sizeof inv.pin);
	assert_true(bk_invite_pins(&inv, root));
	root[0] ^= 1;
	assert_false(bk_invite_pins(&inv, root));
}

/* RFC 5869 in libsodium's other clothes: HMAC by hand. */
static void hkdf_again(const uint8_t s[static 16], const char *info, uint8_t out[static 32])
{
	uint8_t zero[32] = {0}, prk[32], t[64];
	size_t n = strlen(info);

	crypto_auth_hmacsha256(prk, s, 16, zero);
	memcpy(t, info, n);
	t[n] = 1;
	crypto_auth_hmacsha256(out, t, n + 1, prk);
}

static void test_enrol(void **state)
{
	uint8_t s[16], identity[32], id[32], key[32], want[32], mac[32], transcript[14 + 16 + 32 + 4 + 1];

	(void)state;
	bk_sample_fill(s, sizeof s, 1);
	bk_sample_fill(identity, sizeof identity, 2);
	hkdf_again(s, "baken-invite-id-v1", id);
	assert_memory_equal(bk_invite_id(s).b, id, 16);
	hkdf_again(s, "baken-invite-mac-v1", key);
	memcpy(transcript, "baken-enrol-v1", 14);
	memcpy(transcript + 14, id, 16);
	memcpy(transcript + 30, identity, 32);
	memcpy(transcript + 62, (uint8_t[]){0x78, 0x56, 0x34, 0x12, 1}, 5);
	crypto_auth_hmacsha256(want, transcript, sizeof transcript, key);
	bk_enrol_mac(s, identity, 0x12345678, true, mac);
	assert_memory_equal(mac, want, 32);
	/* nothing of it can be changed on the way */
	bk_enrol_mac(s, identity, 0x12345678, false, mac);
	assert_memory_not_equal(mac, want, 32);
	bk_enrol_mac(s, identity, 0x12345679, true, mac);
	assert_memory_not_equal(mac, want, 32);
	identity[31] ^= 1;
	bk_enrol_mac(s, identity, 0x12345678, true, mac);
	assert_memory_not_equal(mac, want, 32);
	identity[31] ^= 1;
	s[0] ^= 1;
	bk_enrol_mac(s, identity, 0x12345678, true, mac);
	assert_memory_not_equal(mac, want, 32);
	assert_memory_not_equal(bk_invite_id(s).b, id, 16);
}

static int start(void **state)
{
	(void)state;
	return sodium_init() < 0;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_transcript),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_longest_host),
		cmocka_unit_test(test_as_typed),
		cmocka_unit_test(test_each_mistyped_sign),
		cmocka_unit_test(test_left_out_doubled_swapped),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_pins),
		cmocka_unit_test(test_enrol),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
