/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Capture manifests: an allow-list, signed by the capturing device, tied to one file (lesson R11). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>
#include <stdlib.h>

#include "err.h"
#include "manifest.h"
#include "sample.h"

struct fixture {
	struct bk_arena *arena;
	Baken__CaptureManifest *m;
	uint8_t identity[BK_KEY_BYTES], private[BK_KEY_BYTES];
	unsigned author;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	if (!f || sodium_init() < 0)
		return -1;
	f->arena = bk_arena_new();
	f->m = bk_sample_manifest(f->arena);
	f->author = BK_SAMPLE_AUTHOR;
	bk_sample_identity(f->author, f->identity, f->private);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	bk_arena_free(f->arena);
	free(f);
	return 0;
}

static int sign(struct fixture *f, Baken__Signed **ret)
{
	struct bk_sample_blob b = {NULL, 0};
	int err = bk_manifest_sign(f->m, f->identity, bk_sample_sign, &f->author, &b.data, &b.len);

	if (err)
		return err;
	*ret = baken__signed__unpack(bk_arena_allocator(f->arena), b.len, b.data);
	free(b.data);
	assert_non_null(*ret);
	return 0;
}

static int verify(struct fixture *f, const Baken__Signed *s, Baken__CaptureManifest **ret)
{
	bk_hash file;

	assert_int_equal(bk_hash_from(f->m->file_hash.data, f->m->file_hash.len, &file), 0);
	return bk_manifest_verify(f->arena, s, f->identity, file, f->m->size, ret);
}

static void round_trip(void **state)
{
	struct fixture *f = *state;
	Baken__CaptureManifest *back = NULL;
	Baken__Signed *s = NULL;
	uint8_t packed[4096];

	assert_int_equal(sign(f, &s), 0);
	assert_int_equal(verify(f, s, &back), 0);
	assert_int_equal(baken__capture_manifest__pack(back, packed), s->payload.len);
	assert_memory_equal(packed, s->payload.data, s->payload.len);
	assert_string_equal(back->name, "IMG_0001.jpg");
	assert_int_equal(back->place->latitude_e7, f->m->place->latitude_e7);
	assert_int_equal(back->place->longitude_e7, f->m->place->longitude_e7);
}

/* R11: what was not ticked is not there, in not one byte. */
static void r11_unticked_facts_are_absent(void **state)
{
	struct fixture *f = *state;
	Baken__CaptureManifest *back = NULL;
	Baken__Signed *s = NULL;
	static char empty[] = "";

	f->m->name = f->m->device_model = empty;
	f->m->captured_ms = 0;
	f->m->place = NULL;
	assert_int_equal(sign(f, &s), 0);
	assert_int_equal(verify(f, s, &back), 0);
	assert_null(back->place);
	assert_string_equal(back->name, "");
	assert_string_equal(back->device_model, "");
	/* file hash, size, type, device, time of signing: five fields and no sixth. */
	assert_int_equal(s->payload.len, 2 + 32 + 1 + 4 + 2 + 10 + 2 + 16 + 1 + 6);
}

static void tied_to_file_and_signer(void **state)
{
	struct fixture *f = *state;
	Baken__CaptureManifest *back = NULL;
	Baken__Signed *s = NULL;
	uint8_t other[BK_KEY_BYTES], private[BK_KEY_BYTES];
	bk_hash file;

	assert_int_equal(sign(f, &s), 0);
	assert_int_equal(bk_hash_from(f->m->file_hash.data, f->m->file_hash.len, &file), 0);
	assert_int_equal(bk_manifest_verify(f->arena, s, f->identity, file, f->m->size + 1, &back), BK_E_HASH);
	file.b[31] ^= 1;
	assert_int_equal(bk_manifest_verify(f->arena, s, f->identity, file, f->m->size, &back), BK_E_HASH);
	file.b[31] ^= 1;
	bk_sample_identity(11, other, private);
	assert_int_equal(bk_manifest_verify(f->arena, s, other, file, f->m->size, &back), BK_E_SIGNATURE);
	memcpy(s->signer.data, other, BK_KEY_BYTES);
	assert_int_equal(bk_manifest_verify(f->arena, s, other, file, f->m->size, &back), BK_E_SIGNATURE);
	assert_int_equal(bk_manifest_verify(f->arena, NULL, f->identity, file, f->m->size, &back), BK_E_INVAL);
	assert_null(back);
}

static void every_bit_counts(void **state)
{
	struct fixture *f = *state;
	Baken__CaptureManifest *back = NULL;
	Baken__Signed *s = NULL;
	size_t len;

	assert_int_equal(sign(f, &s), 0);
	for (size_t i = 0; i < s->payload.len; i++) {
		s->payload.data[i] ^= (uint8_t)(1u << i % 8);
		assert_int_equal(verify(f, s, &back), BK_E_SIGNATURE);
		s->payload.data[i] ^= (uint8_t)(1u << i % 8);
	}
	for (size_t i = 0; i < BK_SIG_BYTES; i++) {
		s->signature.data[i] ^= (uint8_t)(1u << i % 8);
		assert_int_equal(verify(f, s, &back), BK_E_SIGNATURE);
		s->signature.data[i] ^= (uint8_t)(1u << i % 8);
	}
	len = s->payload.len;
	while (s->payload.len--) {
		assert_int_equal(verify(f, s, &back), BK_E_SIGNATURE);
		if (s->payload.len == 0)
			break;
	}
	s->payload.len = len;
	for (size_t n = 0; n <= 2 * BK_SIG_BYTES; n++) {
		s->signature.len = n;
		if (n != BK_SIG_BYTES)
			assert_int_equal(verify(f, s, &back), BK_E_INVAL);
	}
	s->signature.len = BK_SIG_BYTES;
	s->signer.len--;
	assert_int_equal(verify(f, s, &back), BK_E_INVAL);
	s->signer.len++;
	assert_int_equal(verify(f, s, &back), 0);
}

/* Bounds hold on both sides: what the encoder refuses, the decoder refuses when somebody else signed it. */
static void expect(struct fixture *f, int want)
{
	Baken__CaptureManifest *back = NULL;
	Baken__Signed *made = NULL, s = BAKEN__SIGNED__INIT;
	uint8_t payload[8192], signature[BK_SIG_BYTES];
	size_t len = baken__capture_manifest__get_packed_size(f->m);
	bk_hash file = {{0}};

	assert_int_equal(sign(f, &made), want);
	assert_true(len <= sizeof payload);
	baken__capture_manifest__pack(f->m, payload);
	assert_int_equal(bk_sample_sign(&f->author, BK_CTX_MANIFEST, payload, len, signature), 0);
	s.payload = bk_bytes(payload, len);
	s.signature = bk_bytes(signature, sizeof signature);
	s.signer = bk_bytes(f->identity, BK_KEY_BYTES);
	memcpy(file.b, f->m->file_hash.data, f->m->file_hash.len < 32 ? f->m->file_hash.len : 32);
	assert_int_equal(bk_manifest_verify(f->arena, &s, f->identity, file, f->m->size, &back), want);
}

static char *letters(char *room, size_t n)
{
	memset(room, 'a', n);
	room[n] = '\0';
	return room;
}

static void text_bounds(void **state)
{
	struct fixture *f = *state;
	char **const texts[] = {&f->m->type, &f->m->name, &f->m->device_model};
	const size_t most[] = {100, BK_FILE_NAME_MAX, 100};
	char room[BK_FILE_NAME_MAX + 2], *kept;

	for (size_t i = 0; i < 3; i++) {
		kept = *texts[i];
		for (size_t n = most[i] - 1; n <= most[i] + 1; n++) {
			*texts[i] = letters(room, n);
			expect(f, n <= most[i] ? 0 : BK_E_INVAL);
		}
		*texts[i] = letters(room, 3);
		room[1] = '\x1b';
		expect(f, BK_E_INVAL);
		room[1] = '\xff';
		expect(f, BK_E_INVAL);
		*texts[i] = kept;
	}
}

static void number_bounds(void **state)
{
	struct fixture *f = *state;
	static const struct {
		int32_t latitude, longitude;
		int want;
	} places[] = {{900000000, 1800000000, 0}, {-900000000, -1800000000, 0}, {900000001, 0, BK_E_INVAL},
		{-900000001, 0, BK_E_INVAL}, {0, 1800000001, BK_E_INVAL}, {0, -1800000001, BK_E_INVAL},
		{INT32_MIN, INT32_MIN, BK_E_INVAL}};
	const uint64_t sizes[] = {1, BK_FILE_PLAIN_MAX - 1, BK_FILE_PLAIN_MAX, 0, BK_FILE_PLAIN_MAX + 1, UINT64_MAX};

	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		f->m->place->latitude_e7 = places[i].latitude;
		f->m->place->longitude_e7 = places[i].longitude;
		expect(f, places[i].want);
	}
	f->m->place->latitude_e7 = f->m->place->longitude_e7 = 0;
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		f->m->size = sizes[i];
		expect(f, i < 3 ? 0 : BK_E_INVAL);
	}
	f->m->size = 1;
	f->m->signed_ms = 0;
	expect(f, BK_E_INVAL);
	f->m->signed_ms = 1;
	f->m->file_hash.len = 31;
	expect(f, BK_E_INVAL);
	f->m->file_hash.len = 32;
	f->m->device_id.len = 15;
	expect(f, BK_E_INVAL);
}

static int refuse(void *arg, const char *context, const void *data, size_t len, uint8_t ret_signature[static BK_SIG_BYTES])
{
	(void)arg;
	(void)context;
	(void)data;
	(void)len;
	(void)ret_signature;
	return BK_E_CRYPTO;
}

static void signer_fails(void **state)
{
	struct fixture *f = *state;
	uint8_t *buf = NULL;
	size_t len = 0;

	assert_int_equal(bk_manifest_sign(f->m, f->identity, refuse, NULL, &buf, &len), BK_E_CRYPTO);
	assert_null(buf);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(round_trip),
		T(r11_unticked_facts_are_absent),
		T(tied_to_file_and_signer),
		T(every_bit_counts),
		T(text_bounds),
		T(number_bounds),
		T(signer_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
