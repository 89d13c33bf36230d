/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the core makes, read by docs/protocol.md alone: the frames of a message as they pass, the layers of a capsule,
 * bodies, attachments and tags of cases, taken apart here with libsodium and without the code that made them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>
#include <stdlib.h>

#include "engine.h"
#include "frame.h"
#include "padding.h"
#include "signal_store.h"
#include "twin.h"

#define HEADER 24u
#define PLAIN 65536u
#define OVERHEAD 17u

static struct bk_twin twin;
static struct bk_twin_cast cast;
static Baken__Submit *seen; /* the last submit of the person, unpacked */
static uint8_t tag[32];     /* of the last claim */

static void keep(const Baken__Submit *m)
{
	size_t len = baken__submit__get_packed_size(m);
	uint8_t *b = malloc(len);

	assert_non_null(b);
	baken__submit__pack(m, b);
	if (seen)
		baken__submit__free_unpacked(seen, NULL);
	seen = baken__submit__unpack(NULL, len, b);
	free(b);
}

static enum bk_twin_verdict tap(void *arg, struct bk_twin_device *d, bool to_server, Baken__Frame *f)
{
	(void)arg;
	if (to_server && d == cast.person && f->kind_case == BAKEN__FRAME__KIND_SUBMIT && f->submit->n_capsules > 1)
		keep(f->submit);
	if (to_server && f->kind_case == BAKEN__FRAME__KIND_CLAIM)
		memcpy(tag, f->claim->tag.data, sizeof tag);
	return BK_TWIN_PASS;
}

static int setup(void **state)
{
	(void)state;
	bk_twin_cast(&twin, "layout", &cast);
	twin.tap = tap;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	if (seen)
		baken__submit__free_unpacked(seen, NULL);
	bk_twin_close(&twin);
	return 0;
}

static json_t *row_of(struct bk_twin_device *d, const char *prefix, bk_id id)
{
	uint8_t key[BK_KV_KEY_MAX], *value = NULL;
	size_t n = strlen(prefix), len = 0;
	json_t *row;

	memcpy(key, prefix, n);
	memcpy(key + n, id.b, BK_ID_BYTES);
	assert_int_equal(bk_kv_get(d->kv, key, n + BK_ID_BYTES, &value, &len), 0);
	row = json_loadb((const char *)value, len, 0, NULL);
	free(value);
	assert_non_null(row);
	return row;
}

static void hex_of(const json_t *row, const char *name, uint8_t out[static 32])
{
	const char *text = json_string_value(json_object_get(row, name));

	assert_non_null(text);
	assert_int_equal(bk_hex_decode(out, 32, text), 0);
}

/* Section 4, Body: nonce || XChaCha20-Poly1305(padded; ad = "baken-body-v1" || message id), named by its hash. */
static Baken__Envelope *open_body(const Baken__Submit *m, const uint8_t key[32])
{
	uint8_t ad[13 + 16] = "baken-body-v1", padded[65536], hash[32];
	const size_t len = m->body.len - 40;
	size_t end = len;
	Baken__Envelope *e;

	crypto_hash_sha256(hash, m->body.data, m->body.len);
	assert_memory_equal(hash, m->body_hash.data, 32);
	memcpy(ad + 13, m->message_id.data, 16);
	assert_int_equal(crypto_aead_xchacha20poly1305_ietf_decrypt(padded, NULL, NULL, m->body.data + 24, m->body.len - 24,
				 ad, sizeof ad, m->body.data, key), 0);
	assert_true(len == 256 || len == 1024 || len == 4096 || len == 16384 || len == 65536);
	while (padded[end - 1] == 0)
		end--;
	assert_int_equal(padded[end - 1], 0x80);
	e = baken__envelope__unpack(NULL, end - 1, padded);
	assert_non_null(e);
	return e;
}

static void test_message(void **state)
{
	bk_id m = bk_twin_do(cast.person, json_pack("{s:s, s:s}", "cmd", "report", "what", "Er staat een auto."));
	json_t *item = bk_items_get(cast.officer->core, m);
	uint8_t key[32];
	Baken__Envelope *e;
	Baken__Content *c;

	(void)state;
	assert_non_null(seen);
	hex_of(bk_items_private(item), "key", key);
	json_decref(item);
	e = open_body(seen, key);
	assert_int_equal(e->signature.len, 64); /* security: signed */
	c = baken__content__unpack(NULL, e->content.len, e->content.data);
	assert_non_null(c);
	assert_memory_equal(c->message_id.data, m.b, 16);
	assert_memory_equal(c->sender_device.data, cast.person->id.b, 16);
	assert_string_equal(c->report->what, "Er staat een auto.");
	baken__content__free_unpacked(c, NULL);
	baken__envelope__free_unpacked(e, NULL);
}

/* Section 4, Capsule: one size; sealed to the device it names; version, type, sender, length, ciphertext, zeros. */
static void test_capsules(void **state)
{
	struct bk_twin_device *const desk[] = {cast.vault, cast.officer, cast.second};
	size_t opened = 0;

	(void)state;
	assert_non_null(seen);
	for (size_t i = 0; i < seen->n_capsules; i++)
		for (size_t k = 0; k < 3; k++) {
			const uint8_t *sealed = seen->capsules[i]->capsule.data;
			struct bk_signal_self self;
			uint8_t inner[400];
			size_t len;

			assert_int_equal(bk_signal_store_self_load(desk[k]->kv, &self), 0);
			if (crypto_box_seal_open(inner, sealed, 448, self.public_key, self.private_key) != 0)
				continue;
			opened++;
			assert_int_equal(seen->capsules[i]->capsule.len, 448);
			assert_memory_equal(seen->capsules[i]->device_id.data, desk[k]->id.b, 16);
			assert_int_equal(inner[0], 1);
			assert_in_range(inner[1], 2, 3);
			assert_memory_equal(inner + 2, cast.person->id.b, 16);
			len = inner[18] + 256u * inner[19];
			assert_in_range(len, 177, 380);
			assert_true(sodium_is_zero(inner + 20 + len, 380 - len));
		}
	assert_int_equal(opened, 3); /* each by exactly one */
}

/* Section 5: BLAKE2b-256 of "baken-case-tag-v1" under the key of the first message. */
static void test_tag(void **state)
{
	bk_id m = bk_twin_do(cast.person, json_pack("{s:s, s:s}", "cmd", "report", "what", "Weer."));
	json_t *item = bk_items_get(cast.officer->core, m);
	uint8_t key[32], want[32];
	char id[BK_ID_TEXT];

	(void)state;
	hex_of(bk_items_private(item), "key", key);
	json_decref(item);
	bk_twin_do(cast.officer, json_pack("{s:s, s:s}", "cmd", "claim", "case", bk_id_text(m, id)));
	assert_int_equal(crypto_generichash(want, 32, (const uint8_t *)"baken-case-tag-v1", 17, key, 32), 0);
	assert_memory_equal(tag, want, 32);
}

static uint8_t *blob_of(struct bk_twin_device *d, bk_id id, size_t *ret_len)
{
	uint64_t size = 0;
	uint8_t *b;

	assert_int_equal(d->blobs->ops->size(d->blobs, id, &size), 0);
	b = malloc(size);
	assert_non_null(b);
	assert_int_equal(d->blobs->ops->read(d->blobs, id, 0, b, size, ret_len), 0);
	assert_int_equal(*ret_len, size);
	return b;
}

/* Section 6: header, chunks of 65,536 and 17, the last one final; after the original, zeros; as long as Padme says. */
static void check_file(size_t size, unsigned n)
{
	bk_id id = bk_twin_attach(cast.person, "IMG_1.jpg", size, n);
	json_t *row = row_of(cast.person, "attach/", id);
	crypto_secretstream_xchacha20poly1305_state st;
	size_t len = 0, at = HEADER, plain_len = 0;
	uint8_t *blob = blob_of(cast.person, id, &len), *plain = malloc(len), *want = malloc(size), key[32], hash[32], got[32];
	unsigned char last = 0;

	assert_true(plain && want);
	hex_of(row, "key", key);
	hex_of(row, "hash", hash);
	crypto_hash_sha256(got, blob, len);
	assert_memory_equal(got, hash, 32);
	assert_int_equal(bk_padding_padme(len), len);
	assert_int_equal(json_integer_value(json_object_get(row, "padded")), (json_int_t)len);
	assert_int_equal(crypto_secretstream_xchacha20poly1305_init_pull(&st, blob, key), 0);
	while (at < len) {
		size_t chunk = len - at < PLAIN + OVERHEAD ? len - at : PLAIN + OVERHEAD;

		assert_int_equal(last, 0); /* nothing after the final one */
		assert_int_equal(crypto_secretstream_xchacha20poly1305_pull(&st, plain + plain_len, NULL, &last, blob + at, chunk,
					 NULL, 0), 0);
		plain_len += chunk - OVERHEAD;
		at += chunk;
	}
	assert_int_equal(last, crypto_secretstream_xchacha20poly1305_TAG_FINAL);
	bk_sample_fill(want, size, n);
	assert_true(plain_len >= size && memcmp(plain, want, size) == 0);
	assert_true(sodium_is_zero(plain + size, plain_len - size));
	free(want);
	free(plain);
	free(blob);
	json_decref(row);
}

static void test_attachments(void **state)
{
	static const size_t sizes[] = {1, 100, 65535, 65536, 65537, 131072, 131073, 200000, 1000000};

	(void)state;
	for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++)
		check_file(sizes[i], 40 + i);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_message),
		cmocka_unit_test(test_capsules),
		cmocka_unit_test(test_tag),
		cmocka_unit_test(test_attachments),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
