/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "err.h"
#include "pb_walk.h"
#include "sample.h"

#define KINDS 41u

static struct bk_arena *samples, *scratch;

static int decode(enum bk_side side, const void *data, size_t len, Baken__Frame **ret)
{
	bk_arena_reset(scratch);
	return bk_frame_decode(scratch, side, data, len, ret);
}

/* Encodes a frame as it is now and decodes it again, from the side it comes from. */
static int pass(const Baken__Frame *f)
{
	Baken__Frame *got = NULL;
	uint8_t *buf = NULL;
	size_t len = 0;
	int err = bk_frame_encode_new(f, &buf, &len);

	if (!err)
		err = decode(bk_sample_frame_side(f), buf, len, &got);
	free(buf);
	return err;
}

/* libsignal carries an old protobuf-c of its own that must not stand before ours when names are resolved. */
static void test_right_library(void **state)
{
	Dl_info info;

	(void)state;
	assert_int_not_equal(dladdr((void *)(uintptr_t)protobuf_c_message_unpack, &info), 0);
	assert_non_null(strstr(info.dli_fname, "protobuf-c"));
}

static void test_every_kind(void **state)
{
	const ProtobufCMessageDescriptor *d = &baken__frame__descriptor;
	bool seen[64] = {false};
	Baken__Frame *f, *got;

	(void)state;
	for (size_t i = 0; (f = bk_sample_frame(samples, i)); i++) {
		uint8_t *buf = NULL, *again;
		size_t len = 0;

		assert_int_equal(bk_frame_encode_new(f, &buf, &len), 0);
		assert_int_equal(len, bk_frame_size(f));
		assert_int_equal(decode(bk_sample_frame_side(f), buf, len, &got), 0);
		assert_int_equal(got->kind_case, f->kind_case);
		assert_true(got->request == f->request);
		again = malloc(bk_frame_size(got));
		assert_int_equal(bk_frame_encode(got, again), len);
		assert_memory_equal(buf, again, len);
		seen[f->kind_case] = true;
		free(again);
		free(buf);
	}
	for (unsigned i = 0; i < d->n_fields; i++)
		assert_true(d->fields[i].id == 1 || seen[d->fields[i].id]);
	assert_int_equal(d->n_fields, KINDS + 1);
}

static void test_names(void **state)
{
	(void)state;
	for (unsigned i = 0; i < baken__frame__descriptor.n_fields; i++) {
		const ProtobufCFieldDescriptor *d = &baken__frame__descriptor.fields[i];

		if (d->id != 1)
			assert_string_equal(bk_frame_kind_name((Baken__Frame__KindCase)d->id), d->name);
	}
	assert_string_equal(bk_frame_kind_name(BAKEN__FRAME__KIND__NOT_SET), "none");
	assert_string_equal(bk_frame_kind_name((Baken__Frame__KindCase)1), "none");
	assert_string_equal(bk_frame_kind_name((Baken__Frame__KindCase)9999), "none");
}

static void test_sides(void **state)
{
	Baken__Frame *f, *got = NULL;

	(void)state;
	for (size_t i = 0; (f = bk_sample_frame(samples, i)); i++) {
		enum bk_side other = bk_sample_frame_side(f) == BK_FROM_CLIENT ? BK_FROM_SERVER : BK_FROM_CLIENT;
		uint8_t *buf = NULL;
		size_t len = 0;
		bool both = f->kind_case == BAKEN__FRAME__KIND_DRILL ||
			f->kind_case == BAKEN__FRAME__KIND_PATH_HEALTH;

		assert_int_equal(bk_frame_encode_new(f, &buf, &len), 0);
		assert_int_equal(decode(other, buf, len, &got), both ? 0 : BK_E_ROLE);
		free(buf);
	}
}

/* Cut at every length: refused, or (a whole field fell off the end) a frame that encodes to what is left. */
static void test_truncated(void **state)
{
	Baken__Frame *f, *got = NULL;

	(void)state;
	for (size_t i = 0; (f = bk_sample_frame(samples, i)); i++) {
		uint8_t *buf = NULL;
		size_t len = 0;

		assert_int_equal(bk_frame_encode_new(f, &buf, &len), 0);
		for (size_t n = 0; n < len; n++) {
			uint8_t *cut = malloc(n ? n : 1); /* so that a read beyond is seen */

			memcpy(cut, buf, n);
			assert_int_equal(decode(bk_sample_frame_side(f), cut, n, &got), BK_E_INVAL);
			free(cut);
		}
		free(buf);
	}
}

static void test_bit_flips(void **state)
{
	Baken__Frame *f, *got = NULL;

	(void)state;
	for (size_t i = 0; (f = bk_sample_frame(samples, i)); i++) {
		uint8_t *buf = NULL, *again = NULL;
		size_t len = 0, n = 0;

		assert_int_equal(bk_frame_encode_new(f, &buf, &len), 0);
		for (size_t bit = 0; bit < 8 * len; bit += len > 600 ? 3 : 1) {
			buf[bit / 8] ^= (uint8_t)(1u << bit % 8);
			if (decode(bk_sample_frame_side(f), buf, len, &got) == 0) {
				assert_int_equal(bk_frame_encode_new(got, &again, &n), 0);
				assert_int_equal(decode(bk_sample_frame_side(f), again, n, &got), 0);
				free(again);
			}
			buf[bit / 8] ^= (uint8_t)(1u << bit % 8);
		}
		free(buf);
	}
}

static void test_not_one_kind(void **state)
{
	static const uint8_t nothing[] = {0x08, 0x05}, unknown[] = {0x08, 0x05, 0x92, 0x03, 0x00};
	static const uint8_t ack[] = {0x5a, 0x03, 0x0a, 0x01, 0x05};
	static const uint8_t twice[] = {0x5a, 0x03, 0x0a, 0x01, 0x05, 0x5a, 0x03, 0x0a, 0x01, 0x06};
	static const uint8_t two[] = {0x92, 0x01, 0x00, 0x5a, 0x03, 0x0a, 0x01, 0x05};
	static const uint8_t more[] = {0x5a, 0x03, 0x0a, 0x01, 0x05, 0x98, 0x03, 0x01};
	/* An unknown field of four bytes that, read as one with a length, would hide the true kind. */
	static const uint8_t hidden[] = {0xf5, 0x08, 0x07, 0x13, 0x08, 0x07, 0x5a, 0x03, 0x0a, 0x01, 0x05};
	static const uint8_t eight[] = {0x91, 0x03, 1, 2, 3, 4, 5, 6, 7, 8, 0x5a, 0x03, 0x0a, 0x01, 0x05};
	Baken__Frame *got = NULL;

	(void)state;
	assert_int_equal(decode(BK_FROM_CLIENT, ack, sizeof ack, &got), 0);
	assert_int_equal(got->kind_case, BAKEN__FRAME__KIND_ACK);
	got = NULL;
	assert_int_equal(decode(BK_FROM_CLIENT, NULL, 0, &got), BK_E_INVAL);
	assert_int_equal(decode(BK_FROM_CLIENT, nothing, sizeof nothing, &got), BK_E_INVAL);
	assert_int_equal(decode(BK_FROM_CLIENT, unknown, sizeof unknown, &got), BK_E_INVAL);
	assert_int_equal(decode(BK_FROM_CLIENT, twice, sizeof twice, &got), BK_E_INVAL);
	assert_int_equal(decode(BK_FROM_CLIENT, two, sizeof two, &got), BK_E_INVAL);
	assert_int_equal(decode(BK_FROM_CLIENT, more, sizeof more, &got), BK_E_INVAL);
	assert_int_equal(decode(BK_FROM_CLIENT, hidden, sizeof hidden, &got), BK_E_INVAL);
	assert_int_equal(decode(BK_FROM_CLIENT, eight, sizeof eight, &got), BK_E_INVAL);
	assert_null(got);
}

/* ---- every length of every field, by the messages' own description ---- */

static const char *const may_be_empty[][2] = {{"PrekeysState", "digest"}, {"CirclesGet", "after"},
	{"ClaimState", "holder"}, {"Error", "circle_id"}, {"PushState", "vapid_key"}};

struct breaker {
	Baken__Frame *frame;
	size_t broken;
};

static bool empty_ok(const struct bk_pb_field *f)
{
	for (size_t i = 0; i < sizeof may_be_empty / sizeof *may_be_empty; i++)
		if (bk_pb_is(f, may_be_empty[i][0], may_be_empty[i][1]))
			return true;
	return false;
}

static void break_length(struct breaker *b, const struct bk_pb_field *f, ProtobufCBinaryData *d)
{
	const ProtobufCBinaryData right = *d;
	uint8_t *longer;

	if (!right.len) /* the one of two that was not chosen */
		return;
	longer = calloc(1, right.len + 1);
	d->len = right.len - 1;
	assert_int_equal(pass(b->frame), BK_E_INVAL);
	*d = bk_bytes(longer, right.len + 1);
	assert_int_equal(pass(b->frame), BK_E_INVAL);
	*d = bk_bytes(NULL, 0);
	assert_int_equal(pass(b->frame), empty_ok(f) ? 0 : BK_E_INVAL);
	*d = right;
	free(longer);
	b->broken++;
}

static void break_bytes(void *arg, const struct bk_pb_field *f)
{
	size_t n = f->count ? *f->count : 1;

	if (f->field->type != PROTOBUF_C_TYPE_BYTES || bk_pb_is(f, "Signed", "payload"))
		return;
	for (size_t i = 0; i < n; i++)
		break_length(arg, f, f->count ? &(*(ProtobufCBinaryData **)f->at)[i] : (ProtobufCBinaryData *)f->at);
}

static void test_lengths(void **state)
{
	struct breaker b = {.broken = 0};

	(void)state;
	for (size_t i = 0; (b.frame = bk_sample_frame(samples, i)); i++) {
		assert_int_equal(pass(b.frame), 0);
		bk_pb_walk(&b.frame->base, break_bytes, &b);
	}
	assert_true(b.broken >= 70);
}

static const struct limit {
	const char *message, *name;
	size_t min, max;
} lists[] = {
	{"LoginOk", "circles", 0, 64}, {"EnrolState", "rosters", 0, 8}, {"Submit", "targets", 1, 8},
	{"Submit", "capsules", 0, 256}, {"Submit", "files", 0, 16}, {"Stored", "items", 0, 512},
	{"StoredItem", "missing", 0, 256}, {"StoredReceipt", "path", 0, 9}, {"Deliver", "items", 1, 64},
	{"Ack", "seqs", 1, 256}, {"Rosters", "rosters", 0, 64}, {"Rosters", "on_duty", 0, 1024},
	{"RosterChanged", "on_duty", 0, 1024}, {"Circles", "circles", 0, 500}, {"PrekeysPut", "prekeys", 0, 200},
	{"PrekeysClaim", "device_ids", 1, 64}, {"PrekeyBundles", "bundles", 0, 64}, {"PrekeyBundles", "absent", 0, 64},
	{"DutyState", "on_duty", 0, 1024}, {"Quota", "device_ids", 0, 256}, {"QuotaResume", "device_ids", 0, 256},
	{"Error", "missing", 0, 1024}, {"Error", "extra", 0, 256}, {"PathHealth", "silent", 0, 1024},
};

static const struct limit strings[] = {{"PushSet", "endpoint", 0, 1024}, {"GoAway", "reason", 0, 200},
	{"Error", "name", 0, 64}, {"Error", "text", 0, 1024}};
static const struct limit enums[] = {{"CircleState", "kind", 1, 3}, {"EnrolState", "state", 0, 2}, {"Submit", "class", 1, 4},
	{"Submit", "regime", 1, 2}, {"Delivery", "class", 1, 4}, {"Claim", "verb", 0, 4}, {"WatchState", "state", 0, 3}};

static const struct limit *limit_of(const struct limit *table, size_t n, const struct bk_pb_field *f)
{
	for (size_t i = 0; i < n; i++)
		if (bk_pb_is(f, table[i].message, table[i].name))
			return &table[i];
	fail_msg("%s.%s has no limit", f->message->short_name, f->field->name);
	return NULL;
}

#define LIMIT_OF(table, f) limit_of(table, sizeof(table) / sizeof *(table), f)

/* The list with n times its first element. */
static int with_count(struct breaker *b, const struct bk_pb_field *f, size_t n)
{
	const size_t size = bk_pb_element_size(f->field), right = *f->count;
	uint8_t *list = calloc(n + 1, size);
	void *old;
	int err;

	memcpy(&old, f->at, sizeof old);
	for (size_t i = 0; i < n; i++)
		memcpy(list + i * size, old, size);
	memcpy(f->at, &list, sizeof list);
	*f->count = n;
	err = pass(b->frame);
	memcpy(f->at, &old, sizeof old);
	*f->count = right;
	free(list);
	return err;
}

static void break_list(void *arg, const struct bk_pb_field *f)
{
	struct breaker *b = arg;
	const struct limit *l;

	if (!f->count)
		return;
	l = LIMIT_OF(lists, f);
	assert_int_equal(with_count(b, f, l->max - 1), 0);
	assert_int_equal(with_count(b, f, l->max), 0);
	assert_int_equal(with_count(b, f, l->max + 1), BK_E_INVAL);
	assert_int_equal(with_count(b, f, 0), l->min ? BK_E_INVAL : 0);
	b->broken++;
}

static void test_lists(void **state)
{
	struct breaker b = {.broken = 0};

	(void)state;
	for (size_t i = 0; (b.frame = bk_sample_frame(samples, i)); i++)
		bk_pb_walk(&b.frame->base, break_list, &b);
	assert_int_equal(b.broken, sizeof lists / sizeof *lists);
}

static void break_string(void *arg, const struct bk_pb_field *f)
{
	struct breaker *b = arg;
	const struct limit *l;
	char *old, *text = NULL;

	if (f->field->type != PROTOBUF_C_TYPE_STRING)
		return;
	l = LIMIT_OF(strings, f);
	memcpy(&old, f->at, sizeof old);
	for (size_t n = l->max - 1; n <= l->max + 1; n++) {
		text = calloc(1, n + 1);
		memset(text, 'a', n);
		memcpy(f->at, &text, sizeof text);
		assert_int_equal(pass(b->frame), n > l->max ? BK_E_INVAL : 0);
		free(text);
	}
	memcpy(f->at, &old, sizeof old);
	b->broken++;
}

static void break_enum(void *arg, const struct bk_pb_field *f)
{
	struct breaker *b = arg;
	const struct limit *l;
	int old, v;

	if (f->field->type != PROTOBUF_C_TYPE_ENUM)
		return;
	l = LIMIT_OF(enums, f);
	memcpy(&old, f->at, sizeof old);
	for (v = -1; v <= (int)l->max + 1; v++) {
		memcpy(f->at, &v, sizeof v);
		assert_int_equal(pass(b->frame), v >= (int)l->min && v <= (int)l->max ? 0 : BK_E_INVAL);
	}
	memcpy(f->at, &old, sizeof old);
	b->broken++;
}

static void test_strings_and_enums(void **state)
{
	struct breaker s = {.broken = 0}, e = {.broken = 0};

	(void)state;
	for (size_t i = 0; (s.frame = e.frame = bk_sample_frame(samples, i)); i++) {
		bk_pb_walk(&s.frame->base, break_string, &s);
		bk_pb_walk(&e.frame->base, break_enum, &e);
	}
	assert_int_equal(s.broken, sizeof strings / sizeof *strings);
	assert_true(e.broken >= sizeof enums / sizeof *enums);
}

/* Messages in a frame that must be there. */
static void break_message(void *arg, const struct bk_pb_field *f)
{
	static const char *const optional[][2] = {{"EnrolState", "certificate"}, {"PrekeysPut", "signed_prekey"},
		{"PrekeyBundle", "prekey"}, {"Error", "roster"}, {"Delivery", "watch"}};
	struct breaker *b = arg;
	void *old, *none = NULL;
	int want = BK_E_INVAL;

	if (f->field->type != PROTOBUF_C_TYPE_MESSAGE || f->count)
		return;
	for (size_t i = 0; i < sizeof optional / sizeof *optional; i++)
		if (bk_pb_is(f, optional[i][0], optional[i][1]))
			want = 0;
	memcpy(&old, f->at, sizeof old);
	memcpy(f->at, &none, sizeof none);
	assert_int_equal(pass(b->frame), want);
	memcpy(f->at, &old, sizeof old);
	b->broken++;
}

static void test_absent_messages(void **state)
{
	struct breaker b = {.broken = 0};

	(void)state;
	for (size_t i = 0; (b.frame = bk_sample_frame(samples, i)); i++)
		bk_pb_walk(&b.frame->base, break_message, &b);
	assert_true(b.broken > KINDS);
}

static Baken__Frame *sample(Baken__Frame__KindCase kind)
{
	Baken__Frame *f = NULL;

	for (size_t i = 0; (f = bk_sample_frame(samples, i)) && f->kind_case != kind; i++)
		;
	return f;
}

/* Bounds of numbers, and rules between fields. */
static void test_rules(void **state)
{
	Baken__Frame *f = sample(BAKEN__FRAME__KIND_LOGIN);

	(void)state;
	f->login->lang = 2;
	assert_int_equal(pass(f), BK_E_INVAL);
	f = sample(BAKEN__FRAME__KIND_RESUME);
	f->resume->lang = 2;
	assert_int_equal(pass(f), BK_E_INVAL);
	f = sample(BAKEN__FRAME__KIND_NACK);
	f->nack->seq = 0;
	assert_int_equal(pass(f), BK_E_INVAL);
	f = sample(BAKEN__FRAME__KIND_DELIVER);
	f->deliver->items[0]->seq = 0;
	assert_int_equal(pass(f), BK_E_INVAL);
	f = sample(BAKEN__FRAME__KIND_PREKEYS_STATE);
	f->prekeys_state->left = BK_PREKEYS_MAX;
	assert_int_equal(pass(f), 0);
	f->prekeys_state->left++;
	assert_int_equal(pass(f), BK_E_INVAL);
	f = sample(BAKEN__FRAME__KIND_PREKEYS_PUT);
	f->prekeys_put->prekeys[1]->id = 0;
	assert_int_equal(pass(f), BK_E_INVAL);
	f = sample(BAKEN__FRAME__KIND_PREKEYS_PUT);
	f->prekeys_put->signed_prekey = NULL;
	f->prekeys_put->n_prekeys = 0;
	assert_int_equal(pass(f), BK_E_INVAL);
	f = sample(BAKEN__FRAME__KIND_ROSTER_GET);
	f->roster_get->device_id = f->roster_get->circle_id; /* one of the two, not both */
	assert_int_equal(pass(f), BK_E_INVAL);
	f->roster_get->circle_id.len = 0;
	assert_int_equal(pass(f), 0);
}

/* Signed payloads: certificates are small, rosters as large as a roster may be. */
static void test_payloads(void **state)
{
	uint8_t *big = calloc(1, BK_ROSTER_BYTES_MAX + 1);
	Baken__Frame *f = sample(BAKEN__FRAME__KIND_HELLO);

	(void)state;
	f->hello->server_cert->payload = bk_bytes(big, 4096);
	assert_int_equal(pass(f), 0);
	f->hello->server_cert->payload.len++;
	assert_int_equal(pass(f), BK_E_INVAL);
	f = sample(BAKEN__FRAME__KIND_ENROL_STATE);
	f->enrol_state->certificate->payload = bk_bytes(big, 4097);
	assert_int_equal(pass(f), BK_E_INVAL);
	f = sample(BAKEN__FRAME__KIND_ROSTERS);
	f->rosters->rosters[0]->payload = bk_bytes(big, BK_ROSTER_BYTES_MAX);
	assert_int_equal(pass(f), 0);
	f->rosters->rosters[0]->payload.len++;
	assert_int_equal(pass(f), BK_E_INVAL);
	free(big);
}

static void test_largest(void **state)
{
	uint8_t *big = calloc(1, BK_FRAME_MAX + 1), *buf = NULL;
	Baken__Frame *f = sample(BAKEN__FRAME__KIND_SUBMIT), *got = NULL;
	Baken__DeviceCapsule *list[BK_CAPSULES_MAX];
	size_t len = 0;

	(void)state;
	for (size_t i = 0; i < BK_CAPSULES_MAX; i++)
		list[i] = f->submit->capsules[0];
	f->submit->capsules = list;
	f->submit->n_capsules = BK_CAPSULES_MAX;
	f->submit->body = bk_bytes(big, BK_BODY_MAX);
	assert_int_equal(pass(f), 0); /* the largest message there is fits a frame */
	assert_int_equal(decode(BK_FROM_CLIENT, big, BK_FRAME_MAX + 1, &got), BK_E_TOO_BIG);
	f->submit->body = bk_bytes(big, BK_FRAME_MAX);
	assert_int_equal(bk_frame_encode_new(f, &buf, &len), BK_E_TOO_BIG);
	free(big);
}

/* ---- arena ---- */

static void test_arena(void **state)
{
	struct bk_arena *a = bk_arena_new();
	size_t got = 0;
	uint8_t *p;

	(void)state;
	assert_non_null(a);
	for (int turn = 0; turn < 3; turn++) {
		p = bk_arena_alloc(a, 100);
		assert_int_equal((uintptr_t)p % 16, 0);
		for (size_t i = 0; i < 100; i++)
			assert_int_equal(p[i], 0);
		memset(p, 0xff, 100); /* must be zero again after the reset */
		assert_non_null(bk_arena_alloc(a, 0));
		assert_null(bk_arena_alloc(a, BK_ARENA_MAX + 1));
		for (got = 0; bk_arena_alloc(a, 65536); got += 65536)
			assert_true(got <= BK_ARENA_MAX);
		assert_true(got >= BK_ARENA_MAX / 2);
		bk_arena_reset(a);
	}
	bk_arena_free(a);
	bk_arena_free(NULL);
}

static int start(void **state)
{
	(void)state;
	if (sodium_init() < 0)
		return -1;
	samples = bk_arena_new();
	scratch = bk_arena_new();
	return samples && scratch ? 0 : -1;
}

static int each(void **state)
{
	(void)state;
	bk_arena_reset(samples);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	bk_arena_free(samples);
	bk_arena_free(scratch);
	return 0;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_right_library, each),
		cmocka_unit_test_setup(test_every_kind, each),
		cmocka_unit_test_setup(test_names, each),
		cmocka_unit_test_setup(test_sides, each),
		cmocka_unit_test_setup(test_truncated, each),
		cmocka_unit_test_setup(test_bit_flips, each),
		cmocka_unit_test_setup(test_not_one_kind, each),
		cmocka_unit_test_setup(test_lengths, each),
		cmocka_unit_test_setup(test_lists, each),
		cmocka_unit_test_setup(test_strings_and_enums, each),
		cmocka_unit_test_setup(test_absent_messages, each),
		cmocka_unit_test_setup(test_rules, each),
		cmocka_unit_test_setup(test_payloads, each),
		cmocka_unit_test_setup(test_largest, each),
		cmocka_unit_test_setup(test_arena, each),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
