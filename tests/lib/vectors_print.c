/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Prints the block of vectors of docs/protocol.md from the golden examples (those
 * of files: sha256sum). */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "capsule.h"
#include "err.h"
#include "golden.h"
#include "login.h"
#include "padding.h"
#include "signal_session.h"
#include "vectors.h"
#include "watch.h"

static void hex(const char *key, const void *data, size_t len)
{
	char *text = malloc(2 * len + 1);

	BK_ASSERT(text);
	printf(" %s=%s", key, bk_hex_encode(text, data, len));
	free(text);
}

static struct bk_sample_blob golden(const char *wanted)
{
	char name[BK_GOLDEN_NAME];
	struct bk_sample_blob b = {NULL, 0};

	for (size_t i = 0; bk_golden_make(i, name, &b); i++) {
		if (strcmp(name, wanted) == 0)
			return b;
		free(b.data);
	}
	BK_ASSERT(!"no such example");
	return b;
}

static void lengths(void)
{
	static const size_t content[] = {0, 1, 255, 256, 1023, 1024, 4095, 4096, 16383, 16384, 65535};
	static const uint64_t files[] = {1, 9, 1000, 65536, 65600, 3000000, 104857600};

	for (size_t i = 0; i < sizeof content / sizeof *content; i++)
		printf("padding len=%zu padded=%zu\n", content[i], bk_padding_bucket(content[i]));
	for (size_t i = 0; i < sizeof files / sizeof *files; i++)
		printf("padme len=%llu padded=%llu\n", (unsigned long long)files[i],
			(unsigned long long)bk_padding_padme(files[i]));
}

static void invitations(void)
{
	struct bk_sample_blob text = golden("invitation"), e = golden("enrol"), l = golden("login");
	const uint8_t *p = l.data;
	char code[BK_INVITE_TEXT_MAX] = {0};
	struct bk_invite inv;
	uint8_t public[BK_KEY_BYTES], private[BK_KEY_BYTES];
	bk_id id = bk_invite_id(e.data);

	memcpy(code, text.data, text.len);
	BK_ASSERT(bk_invite_parse(code, &inv) == 0);
	printf("invite text=%s host=%s port=%u", code, inv.host, inv.port);
	hex("secret", inv.secret, sizeof inv.secret);
	hex("pin", inv.pin, sizeof inv.pin);
	printf("\nenrol");
	hex("secret", e.data, 16);
	hex("invite", id.b, 16);
	hex("identity", e.data + 16, 32);
	printf(" registration=%u browser=%u", e.data[48] + 256u * e.data[49], e.data[52]);
	hex("mac", e.data + 53, 32);
	bk_sample_identity(BK_SAMPLE_AUTHOR, public, private);
	printf("\nlogin");
	hex("spki", p + 14, 32);
	hex("exporter", p + 46, 32);
	hex("nonce", p + 78, 32);
	hex("device", p + 110, 16);
	hex("transcript", p, BK_LOGIN_TRANSCRIPT_BYTES);
	hex("identity", public, sizeof public);
	hex("signature", p + BK_LOGIN_TRANSCRIPT_BYTES, BK_SIG_BYTES);
	printf("\n");
	free(text.data);
	free(e.data);
	free(l.data);
}

static void identity(void)
{
	uint8_t public[BK_KEY_BYTES], private[BK_KEY_BYTES], signature[BK_SIG_BYTES];
	unsigned author = BK_SAMPLE_AUTHOR;

	bk_sample_identity(author, public, private);
	BK_ASSERT(bk_sample_sign(&author, "baken-content-v1", "hallo", 5, signature) == 0);
	printf("identity context=baken-content-v1 data=68616c6c6f");
	hex("private", private, sizeof private);
	hex("public", public, sizeof public);
	hex("signature", signature, sizeof signature);
	bk_hash digest = bk_signal_prekey_digest(7, public);
	printf("\nprekey id=7");
	hex("public", public, sizeof public);
	hex("digest", digest.b, 32);
	printf("\n");
}

static void messages(void)
{
	struct bk_sample_blob plain = golden("capsule-plain"), body = golden("body-256");
	uint8_t key[BK_KEY_BYTES], content[255];
	struct bk_capsule c;
	bk_hash h;

	BK_ASSERT(bk_capsule_decode(plain.data, plain.len, &c) == 0);
	printf("capsule");
	hex("key", c.key, 32);
	hex("body", c.body.b, 32);
	hex("message", c.message.b, 16);
	hex("sender", c.sender.b, 16);
	printf(" chain_seq=%llu", (unsigned long long)c.chain_seq);
	hex("chain_prev", c.chain_prev.b, 32);
	printf(" roster_version=%llu", (unsigned long long)c.roster_version);
	hex("roster_hash", c.roster_hash.b, 32);
	hex("plain", plain.data, plain.len);
	h = bk_capsule_link(&c);
	hex("link", h.b, 32);
	bk_sample_fill(key, sizeof key, 900);
	bk_sample_fill(content, 255, 901);
	printf("\nbody");
	hex("key", key, 32);
	hex("message", bk_sample_id(900).b, 16);
	hex("content", content, sizeof content);
	hex("body", body.data, body.len);
	h = bk_hash_of(body.data, body.len);
	hex("hash", h.b, 32);
	printf("\n");
	free(plain.data);
	free(body.data);
}

static void trust(void)
{
	struct bk_sample_blob r = golden("certificate-registrar"), c = golden("certificate-device"), w = golden("receipt");
	struct bk_device_cert device = bk_sample_device(BK_SAMPLE_AUTHOR, BAKEN__ROLE__ROLE_PERSON, bk_sample_id(500));
	uint8_t public[BK_KEY_BYTES], secret[BK_ED25519_SECRET_BYTES];

	bk_sample_ed25519(BK_SAMPLE_ROOT, public, secret);
	printf("device now_ms=%llu", BK_SAMPLE_NOW);
	hex("root", public, sizeof public);
	hex("registrar", r.data, r.len);
	hex("certificate", c.data, c.len);
	hex("device", device.device.b, 16);
	hex("circle", device.circle.b, 16);
	hex("identity", device.identity, 32);
	bk_sample_ed25519(BK_SAMPLE_SERVER, public, secret);
	printf("\nreceipt stored_ms=%llu", BK_SAMPLE_NOW + 3);
	hex("message", bk_sample_id(703).b, 16);
	hex("body", bk_sample_hash(703).b, 32);
	hex("key", public, sizeof public);
	hex("wire", w.data, w.len);
	printf("\n");
	free(r.data);
	free(c.data);
	free(w.data);
}

static void timers(void)
{
	uint8_t w[BK_KEY_BYTES], key[BK_KEY_BYTES];
	bk_id watch = bk_sample_id(11);

	bk_sample_fill(w, sizeof w, 12);
	for (uint64_t counter = 1; counter < 1000; counter += 299) {
		BK_ASSERT(bk_watch_body_key(w, watch, counter, key) == 0);
		printf("watch counter=%llu", (unsigned long long)counter);
		hex("watch", watch.b, sizeof watch.b);
		hex("key", w, sizeof w);
		hex("body_key", key, sizeof key);
		hex("message", bk_watch_message_id(watch, counter).b, BK_ID_BYTES);
		printf("\n");
	}
}

int bk_vectors_print(void)
{
	lengths();
	invitations();
	identity();
	messages();
	trust();
	timers();
	return 0;
}
