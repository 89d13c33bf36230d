/* SPDX-License-Identifier: GPL-3.0-or-later */
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

#define SECURITY BAKEN__REGIME__REGIME_SECURITY
#define CARE BAKEN__REGIME__REGIME_CARE

static struct bk_arena *samples, *scratch;
static uint8_t author[BK_KEY_BYTES], stranger[BK_KEY_BYTES];
static unsigned author_number = BK_SAMPLE_AUTHOR;

static int decode(Baken__Regime regime, const uint8_t *identity, const void *data, size_t len, Baken__Content **ret)
{
	bk_arena_reset(scratch);
	return bk_content_decode(scratch, regime, identity, data, len, ret);
}

/* Packed without any check, as a peer of ill will would. */
static struct bk_sample_blob envelope(const Baken__Content *c, const uint8_t *signature, size_t signature_len)
{
	Baken__Envelope e = BAKEN__ENVELOPE__INIT;
	struct bk_sample_blob b;
	uint8_t *content;

	e.content.len = baken__content__get_packed_size(c);
	content = e.content.data = malloc(e.content.len + 1);
	baken__content__pack(c, content);
	e.signature = bk_bytes(signature, signature_len);
	b.len = baken__envelope__get_packed_size(&e);
	b.data = malloc(b.len + 1);
	baken__envelope__pack(&e, b.data);
	free(content);
	return b;
}

/* What encoding says; decoding must say the same of the same content. */
static int pass(const Baken__Content *c)
{
	struct bk_sample_blob raw = envelope(c, NULL, 0);
	Baken__Content *got = NULL;
	uint8_t *buf = NULL;
	size_t len = 0;
	int err = bk_content_encode(c, NULL, NULL, &buf, &len);

	assert_int_equal(decode(CARE, author, raw.data, raw.len, &got), err);
	free(raw.data);
	free(buf);
	return err;
}

static void test_every_kind(void **state)
{
	const ProtobufCMessageDescriptor *d = &baken__content__descriptor;
	enum bk_content_kind kind = BK_CONTENT_ANY;
	Baken__Content *c, *got = NULL;
	size_t kinds = 0;

	(void)state;
	for (size_t i = 0; (c = bk_sample_content(samples, i)); i++) {
		uint8_t *buf = NULL, *one, *two;
		size_t len = 0, n = baken__content__get_packed_size(c);

		assert_int_equal(bk_content_encode(c, bk_sample_sign, &author_number, &buf, &len), 0);
		assert_int_equal(decode(SECURITY, author, buf, len, &got), 0);
		assert_int_equal(got->kind_case, c->kind_case);
		one = malloc(n);
		two = malloc(n);
		assert_int_equal(baken__content__get_packed_size(got), n);
		baken__content__pack(c, one);
		baken__content__pack(got, two);
		assert_memory_equal(one, two, n);
		assert_int_equal(bk_content_kind_of(got), ++kind); /* in the order of roles.h */
		free(one);
		free(two);
		free(buf);
	}
	assert_int_equal(kind, BK_CONTENT_KINDS - 1);
	for (unsigned i = 0; i < d->n_fields; i++)
		kinds += (d->fields[i].flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0;
	assert_int_equal(kinds, kind);
	assert_int_equal(bk_content_kind_of(&(Baken__Content)BAKEN__CONTENT__INIT), BK_CONTENT_ANY);
}

/* Accountable towards the desk, deniable in care: neither can be turned into the other. */
static void test_regimes(void **state)
{
	Baken__Content *c = bk_sample_content(samples, 1), *got = NULL;
	uint8_t *with = NULL, *without = NULL;
	size_t with_len = 0, without_len = 0;

	(void)state;
	assert_int_equal(bk_content_encode(c, bk_sample_sign, &author_number, &with, &with_len), 0);
	assert_int_equal(bk_content_encode(c, NULL, NULL, &without, &without_len), 0);
	assert_int_equal(decode(SECURITY, author, with, with_len, &got), 0);
	assert_int_equal(decode(CARE, author, without, without_len, &got), 0);
	got = NULL;
	assert_int_equal(decode(CARE, author, with, with_len, &got), BK_E_SIGNATURE);
	assert_int_equal(decode(SECURITY, author, without, without_len, &got), BK_E_SIGNATURE);
	assert_int_equal(decode(SECURITY, stranger, with, with_len, &got), BK_E_SIGNATURE);
	assert_null(got);
	free(with);
	free(without);
}

static void test_signature(void **state)
{
	Baken__Content *c = bk_sample_content(samples, 7), *got = NULL;
	uint8_t *buf = NULL;
	size_t len = 0;

	(void)state;
	assert_int_equal(bk_content_encode(c, bk_sample_sign, &author_number, &buf, &len), 0);
	for (size_t bit = 0; bit < 8 * len; bit += 5) {
		int err;

		buf[bit / 8] ^= (uint8_t)(1u << bit % 8);
		err = decode(SECURITY, author, buf, len, &got);
		assert_true(err == BK_E_SIGNATURE || err == BK_E_INVAL);
		buf[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	for (size_t n = 0; n < BK_SIG_BYTES + 3; n++) { /* any length but 64 */
		uint8_t signature[BK_SIG_BYTES + 3] = {1};
		struct bk_sample_blob raw = envelope(c, signature, n);

		assert_int_equal(decode(SECURITY, author, raw.data, raw.len, &got), BK_E_SIGNATURE);
		assert_int_equal(decode(CARE, author, raw.data, raw.len, &got), n ? BK_E_SIGNATURE : 0);
		free(raw.data);
	}
	free(buf);
}

static int refuse_to_sign(void *arg, const char *context, const void *data, size_t len, uint8_t *ret_signature)
{
	(void)context, (void)data, (void)len, (void)ret_signature;
	return *(int *)arg;
}

static void test_signer_fails(void **state)
{
	uint8_t *buf = NULL;
	size_t len = 0;
	int err = BK_E_CRYPTO;

	(void)state;
	assert_int_equal(bk_content_encode(bk_sample_content(samples, 0), refuse_to_sign, &err, &buf, &len), BK_E_CRYPTO);
	assert_null(buf);
}

static void test_truncated(void **state)
{
	Baken__Content *c, *got = NULL;

	(void)state;
	for (size_t i = 0; (c = bk_sample_content(samples, i)); i++) {
		struct bk_sample_blob raw = envelope(c, NULL, 0);

		for (size_t n = 0; n < raw.len; n++) {
			uint8_t *cut = malloc(n ? n : 1);

			memcpy(cut, raw.data, n);
			assert_int_equal(decode(CARE, author, cut, n, &got), BK_E_INVAL);
			free(cut);
		}
		free(raw.data);
	}
}

static void test_bit_flips(void **state)
{
	Baken__Content *c, *got = NULL;

	(void)state;
	for (size_t i = 0; (c = bk_sample_content(samples, i)); i++) {
		struct bk_sample_blob raw = envelope(c, NULL, 0);

		for (size_t bit = 0; bit < 8 * raw.len; bit++) {
			raw.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
			if (decode(CARE, author, raw.data, raw.len, &got) == 0) {
				struct bk_sample_blob again = envelope(got, NULL, 0);

				assert_int_equal(decode(CARE, author, again.data, again.len, &got), 0);
				free(again.data);
			}
			raw.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
		}
		free(raw.data);
	}
}

/* ---- every length, list, text and enum, by the messages' own description ---- */

struct breaker {
	Baken__Content *content;
	size_t broken;
};
struct limit {
	const char *message, *name;
	size_t min, max;
};

static const struct limit may_be_empty[] = {{"Content", "conversation", 0, 0}, {"Content", "repeats", 0, 0},
	{"Text", "reply_to", 0, 0}, {"CaseEvent", "other", 0, 0}, {"Keyring", "about_id", 0, 0},
	{"HandoverItem", "circle_id", 0, 0}, {"ShiftEntry", "account_id", 0, 0}};
static const struct limit lists[] = {{"Report", "attachments", 0, 16}, {"Text", "attachments", 0, 16},
	{"Receipt", "message_ids", 1, 256}, {"Receipt", "plain_hashes", 0, 16}, {"Keyring", "case_ids", 1, 256},
	{"Location", "fixes", 0, 64}, {"DayPlan", "entries", 0, 48}, {"Approval", "circles", 1, 1500}, {"Group", "circles", 0, 1500},
	{"KeyringAsk", "case_ids", 0, 256}, {"Handover", "items", 1, 256}, {"HandoverAnswer", "accepted", 0, 256},
	{"HandoverAnswer", "refused", 0, 256}, {"ShiftPlan", "entries", 0, 400}};
static const struct limit strings[] = {{"Content", "sender_name", 0, 200}, {"Attachment", "type", 0, 100},
	{"Attachment", "name", 0, 255}, {"Report", "what", 0, 32768}, {"Report", "where", 0, 800},
	{"Report", "when_text", 0, 200}, {"Text", "text", 0, 32768}, {"Guidance", "title", 0, 200},
	{"Guidance", "text", 0, 32768}, {"CaseEvent", "text", 0, 32768}, {"Profile", "name", 0, 200},
	{"Profile", "phone", 0, 40}, {"Guidance", "template", 0, 64}, {"Alarm", "text", 0, 32768},
	{"AlarmEnd", "text", 0, 32768}, {"WatchPlan", "what", 0, 32768}, {"WatchPlan", "where", 0, 800},
	{"PlanEntry", "what", 0, 800}, {"PlanEntry", "where", 0, 800}, {"PlanEntry", "with_whom", 0, 200},
	{"DeviceHealth", "version", 0, 64}, {"DeviceHealth", "platform", 0, 64}, {"GuidanceRecall", "reason", 0, 32768},
	{"Approval", "text", 0, 32768}, {"Group", "name", 1, 200}, {"HandoverItem", "text", 0, 200}, {"Handover", "text", 0, 32768},
	{"HandoverAnswer", "text", 0, 32768}, {"ShiftEntry", "name", 0, 200}};
static const struct limit enums[] = {{"Report", "urgency", 0, 3}, {"Report", "certainty", 0, 3}, {"Receipt", "rung", 2, 4},
	{"CaseEvent", "kind", 1, 18}, {"Alarm", "cause", 3, 3}, {"AlarmEnd", "reason", 1, 2}, {"WatchPlan", "kind", 1, 2},
	{"WatchEnd", "reason", 1, 2}, {"DeviceHealth", "cause", 1, 4}, {"Approval", "verb", 1, 1}, {"Keyring", "reason", 1, 3},
	{"HandoverItem", "kind", 1, 5}, {"Canary", "leg", 2, 2}};
/* Alarm, approval and canary: the other values do not go with the fields that the sample has. */

static const struct limit *find(const struct limit *table, size_t n, const struct bk_pb_field *f)
{
	for (size_t i = 0; i < n; i++)
		if (bk_pb_is(f, table[i].message, table[i].name))
			return &table[i];
	return NULL;
}

#define FIND(table, f) find(table, sizeof(table) / sizeof *(table), f)

static void break_length(struct breaker *b, const struct bk_pb_field *f, ProtobufCBinaryData *d)
{
	const ProtobufCBinaryData right = *d;
	uint8_t *longer;

	if (!right.len) /* does not go with the rest of the sample */
		return;
	longer = calloc(1, right.len + 1);
	d->len = right.len - 1;
	assert_int_equal(pass(b->content), BK_E_INVAL);
	*d = bk_bytes(longer, right.len + 1);
	assert_int_equal(pass(b->content), BK_E_INVAL);
	*d = bk_bytes(NULL, 0);
	assert_int_equal(pass(b->content), FIND(may_be_empty, f) ? 0 : BK_E_INVAL);
	*d = right;
	free(longer);
	b->broken++;
}

static void break_bytes(void *arg, const struct bk_pb_field *f)
{
	size_t n = f->count ? *f->count : 1;

	if (f->field->type != PROTOBUF_C_TYPE_BYTES || bk_pb_is(f, "Signed", "payload") ||
		bk_pb_is(f, "Keyring", "box"))
		return;
	for (size_t i = 0; i < n; i++)
		break_length(arg, f, f->count ? &(*(ProtobufCBinaryData **)f->at)[i] : (ProtobufCBinaryData *)f->at);
}

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
	err = pass(b->content);
	memcpy(f->at, &old, sizeof old);
	*f->count = right;
	free(list);
	return err;
}

static void break_list(void *arg, const struct bk_pb_field *f)
{
	struct breaker *b = arg;
	const struct limit *l = FIND(lists, f);

	if (!f->count)
		return;
	if (!l) {
		fail_msg("%s.%s has no limit", f->message->short_name, f->field->name);
		return;
	}
	assert_int_equal(with_count(b, f, l->max - 1), 0);
	assert_int_equal(with_count(b, f, l->max), 0);
	assert_int_equal(with_count(b, f, l->max + 1), BK_E_INVAL);
	assert_int_equal(with_count(b, f, 0), l->min ? BK_E_INVAL : 0);
	b->broken++;
}

static void break_string(void *arg, const struct bk_pb_field *f)
{
	static char control[] = "a\x1b[2J", not_utf8[] = "a\xff";
	char *old, *text = NULL, *const bad[] = {control, not_utf8};
	struct breaker *b = arg;
	const struct limit *l = FIND(strings, f);

	if (f->field->type != PROTOBUF_C_TYPE_STRING)
		return;
	if (!l) {
		fail_msg("%s.%s has no limit", f->message->short_name, f->field->name);
		return;
	}
	memcpy(&old, f->at, sizeof old);
	for (size_t n = l->max - 1; n <= l->max + 1; n++) {
		text = calloc(1, n + 1);
		memset(text, 'a', n);
		memcpy(f->at, &text, sizeof text);
		assert_int_equal(pass(b->content), n > l->max ? BK_E_INVAL : 0);
		free(text);
	}
	for (size_t i = 0; i < 2; i++) {
		memcpy(f->at, &bad[i], sizeof bad[i]);
		assert_int_equal(pass(b->content), BK_E_INVAL);
	}
	memcpy(f->at, &old, sizeof old);
	b->broken++;
}

static void break_enum(void *arg, const struct bk_pb_field *f)
{
	struct breaker *b = arg;
	const struct limit *l = FIND(enums, f);
	int old;

	if (f->field->type != PROTOBUF_C_TYPE_ENUM)
		return;
	if (!l) {
		fail_msg("%s.%s has no limit", f->message->short_name, f->field->name);
		return;
	}
	memcpy(&old, f->at, sizeof old);
	for (int v = -1; v <= (int)l->max + 1; v++) {
		memcpy(f->at, &v, sizeof v);
		assert_int_equal(pass(b->content), v >= (int)l->min && v <= (int)l->max ? 0 : BK_E_INVAL);
	}
	memcpy(f->at, &old, sizeof old);
	b->broken++;
}

static size_t break_all(bk_pb_visit how)
{
	struct breaker b = {.broken = 0};

	for (size_t i = 0; (b.content = bk_sample_content(samples, i)); i++) {
		assert_int_equal(pass(b.content), 0);
		bk_pb_walk(&b.content->base, how, &b);
	}
	return b.broken;
}

static void test_fields(void **state)
{
	(void)state;
	assert_true(break_all(break_bytes) > 60);
	assert_int_equal(break_all(break_list), sizeof lists / sizeof *lists);
	assert_true(break_all(break_string) >= sizeof strings / sizeof *strings);
	assert_int_equal(break_all(break_enum), sizeof enums / sizeof *enums);
}

static void test_rules(void **state)
{
	Baken__Content *c = bk_sample_content(samples, 0);
	Baken__Attachment *f = c->report->attachments[0];

	(void)state;
	f->size = 0;
	assert_int_equal(pass(c), BK_E_INVAL);
	f->size = BK_FILE_PLAIN_MAX;
	f->padded_size = BK_FILE_CIPHER_MAX;
	assert_int_equal(pass(c), 0);
	f->padded_size++;
	assert_int_equal(pass(c), BK_E_INVAL);
	f->padded_size = f->size - 1;
	assert_int_equal(pass(c), BK_E_INVAL);
	f->padded_size = BK_FILE_CIPHER_MAX;
	f->size++;
	assert_int_equal(pass(c), BK_E_INVAL);
	f->size = 1;
	f->manifest = NULL;
	assert_int_equal(pass(c), 0);
	c = bk_sample_content(samples, 8);
	assert_int_equal(c->kind_case, BAKEN__CONTENT__KIND_DRILL_ALARM);
	c->drill = false; /* R14: a test alarm is marked, everywhere */
	assert_int_equal(pass(c), BK_E_INVAL);
	c = bk_sample_content(samples, 9);
	c->kind_case = BAKEN__CONTENT__KIND__NOT_SET;
	c->session_open = NULL;
	assert_int_equal(pass(c), BK_E_INVAL);
}

/* A text of the longest is fine; the content as a whole has its own end. */
static void test_too_big(void **state)
{
	Baken__Content *c = bk_sample_content(samples, 0), *got = NULL;
	uint8_t *big = calloc(1, BK_CONTENT_MAX + 1), *buf = NULL;
	Baken__Attachment *list[16];
	Baken__Signed *m = c->report->attachments[0]->manifest;
	size_t len = 0;

	(void)state;
	for (size_t i = 0; i < 16; i++)
		list[i] = c->report->attachments[0];
	c->report->attachments = list;
	c->report->n_attachments = 16;
	m->payload = bk_bytes(big, 4096);
	assert_int_equal(bk_content_encode(c, NULL, NULL, &buf, &len), BK_E_TOO_BIG);
	assert_int_equal(bk_content_encode(c, bk_sample_sign, &author_number, &buf, &len), BK_E_TOO_BIG);
	assert_null(buf);
	c->report->n_attachments = 1;
	m->payload.len = 4097;
	assert_int_equal(bk_content_encode(c, NULL, NULL, &buf, &len), BK_E_INVAL);
	assert_int_equal(decode(CARE, author, big, BK_CONTENT_MAX + 1, &got), BK_E_TOO_BIG);
	free(big);
}

static int start(void **state)
{
	uint8_t private[BK_KEY_BYTES];

	(void)state;
	if (sodium_init() < 0)
		return -1;
	bk_sample_identity(BK_SAMPLE_AUTHOR, author, private);
	bk_sample_identity(77, stranger, private);
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
		cmocka_unit_test_setup(test_every_kind, each),
		cmocka_unit_test_setup(test_regimes, each),
		cmocka_unit_test_setup(test_signature, each),
		cmocka_unit_test_setup(test_signer_fails, each),
		cmocka_unit_test_setup(test_truncated, each),
		cmocka_unit_test_setup(test_bit_flips, each),
		cmocka_unit_test_setup(test_fields, each),
		cmocka_unit_test_setup(test_rules, each),
		cmocka_unit_test_setup(test_too_big, each),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
