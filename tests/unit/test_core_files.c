/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Evidence: the phone dies after every step of several files, and nothing is lost or said to be sent that is not
 * (R2); nothing is removed before a desk device holds every byte; names are shown and never used (R10).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sodium.h>
#include <stdlib.h>

#include "twin.h"

#define MINUTE 60000ull
#define FILES 3u

static struct bk_twin twin;
static struct bk_twin_cast cast;
static const size_t sizes[FILES] = {70000, 1500000, 1};
static const char *const names[FILES] = {"foto.jpg", "../../etc/passwd", "\xe2\x80\xaegpj.exe"};

static int setup(void **state)
{
	(void)state;
	bk_twin_cast(&twin, "files", &cast);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	bk_twin_close(&twin);
	return 0;
}

static bk_hash expected(unsigned i)
{
	uint8_t *data = malloc(sizes[i]);
	bk_hash h;

	bk_sample_fill(data, sizes[i], 300 + i);
	h = bk_hash_of(data, sizes[i]);
	free(data);
	return h;
}

static int count_blob(void *arg, bk_id id)
{
	(void)id;
	++*(size_t *)arg;
	return 0;
}

static size_t blobs(struct bk_twin_device *d)
{
	size_t n = 0;

	d->blobs->ops->each(d->blobs, count_blob, &n);
	return n;
}

static json_t *report_with_files(const char *what)
{
	json_t *ids = json_array();
	char text[BK_ID_TEXT];

	for (unsigned i = 0; i < FILES; i++)
		json_array_append_new(ids,
			json_string(bk_id_text(bk_twin_attach(cast.person, names[i], sizes[i], 300 + i), text)));
	return json_pack("{s:s, s:s, s:o}", "cmd", "report", "what", what, "attachments", ids);
}

static bk_id only_report(const char *what)
{
	json_t *reply = NULL, *item;
	bk_id id = {{0}};
	size_t i, n = 0;

	assert_int_equal(bk_twin_call(cast.person, json_pack("{s:s}", "cmd", "reports"), &reply), 0);
	json_array_foreach(json_object_get(reply, "items"), i, item)
		if (strcmp(json_string_value(json_object_get(item, "what")), what) == 0) {
			assert_int_equal(bk_id_parse(json_string_value(json_object_get(item, "message")), &id), 0);
			n++;
		}
	json_decref(reply);
	assert_int_equal(n, 1);
	return id;
}

static int fetch(struct bk_twin_device *d, bk_id message, unsigned index)
{
	char text[BK_ID_TEXT];
	int err = bk_twin_call(d, json_pack("{s:s, s:s, s:i}", "cmd", "fetch", "message", bk_id_text(message, text), "index",
		(int)index), NULL);

	bk_twin_pass(&twin, 5 * MINUTE);
	return err;
}

static void expect_file(struct bk_twin_device *d, bk_id message, unsigned index)
{
	bk_hash want = expected(index), got;

	assert_int_equal(fetch(d, message, index), 0);
	if (bk_twin_saved(d, message, index, &got)) {
		bk_twin_dump(d);
		fail();
	}
	assert_memory_equal(&want, &got, sizeof want);
}

/* Story C, for each k: the phone dies after step k, and comes back. */
static void test_dies_at_every_step_r2(void **state)
{
	unsigned deaths = 0;

	(void)state;
	for (unsigned k = 1; k <= 24; k++) {
		size_t before = blobs(cast.person);
		char what[40];
		json_t *command;
		bk_id m;

		snprintf(what, sizeof what, "bewijs %u", k);
		command = report_with_files(what);
		cast.person->die_at = cast.person->turns + k;
		bk_twin_call(cast.person, command, NULL);
		bk_twin_pass(&twin, 5 * MINUTE);
		deaths += cast.person->deaths;
		cast.person->deaths = cast.person->die_at = 0;
		m = only_report(what);
		assert_int_not_equal(bk_twin_rung(cast.person, m, "decrypted"), 0);
		assert_int_equal(bk_twin_kept(cast.officer, m), 1);
		assert_int_equal(blobs(cast.person), before + FILES); /* read is not verified: all is still here */
		expect_file(cast.officer, m, 0);
		assert_int_equal(blobs(cast.person), before + FILES - 1);
		expect_file(cast.officer, m, 1);
		expect_file(cast.officer, m, 2);
		assert_int_equal(blobs(cast.person), before);
	}
	assert_true(deaths >= 10);
}

/* A message is not sent before the last byte of its last file is at the server. */
struct order {
	unsigned submits, early;
};

static enum bk_twin_verdict watch_submit(void *arg, struct bk_twin_device *d, bool to_server, Baken__Frame *f)
{
	struct order *o = arg;

	if (!to_server || d != cast.person || f->kind_case != BAKEN__FRAME__KIND_SUBMIT || !f->submit->n_files)
		return BK_TWIN_PASS;
	o->submits++;
	for (size_t i = 0; i < f->submit->n_files; i++) {
		struct bk_store_view *v = NULL;
		struct bk_file_row row;
		bk_hash h;

		memcpy(h.b, f->submit->files[i].data, sizeof h.b);
		assert_int_equal(bk_store_view_begin(twin.server.store, &v), 0);
		o->early += bk_store_file(v, h, &row) != 0;
		bk_store_view_end(v);
	}
	return BK_TWIN_PASS;
}

static void test_files_first(void **state)
{
	struct order o = {.submits = 0};

	(void)state;
	twin.tap = watch_submit;
	twin.tap_arg = &o;
	bk_twin_do(cast.person, report_with_files("eerst de bestanden"));
	bk_twin_pass(&twin, MINUTE);
	twin.tap = NULL;
	assert_int_equal(o.submits, 1);
	assert_int_equal(o.early, 0);
}

/* R10: the name is shown as it was given; what it names is never opened. */
static void test_names_r10(void **state)
{
	bk_id m = bk_twin_do(cast.person, report_with_files("namen"));
	json_t *item;

	(void)state;
	bk_twin_pass(&twin, MINUTE);
	item = bk_twin_item(cast.officer, m);
	for (unsigned i = 0; i < FILES; i++) {
		const json_t *f = json_array_get(json_object_get(item, "attachments"), i);

		assert_string_equal(json_string_value(json_object_get(f, "name")), names[i]);
		assert_int_equal(json_integer_value(json_object_get(f, "size")), sizes[i]);
		assert_string_equal(json_string_value(json_object_get(f, "manifest")), "verified");
		assert_null(json_object_get(f, "key"));
	}
	json_decref(item);
	expect_file(cast.officer, m, 1);
}

/* Weeks later, and by a colleague: the file is still there, for whom has the key. */
static void test_second_reader(void **state)
{
	bk_id m = bk_twin_do(cast.person, report_with_files("ook de collega"));

	(void)state;
	bk_twin_pass(&twin, MINUTE);
	for (unsigned i = 0; i < FILES; i++)
		expect_file(cast.officer, m, i);
	for (unsigned i = 0; i < FILES; i++)
		expect_file(cast.second, m, i);
	assert_int_equal(fetch(cast.officer, m, FILES), BK_E_NOT_FOUND);
	assert_int_equal(fetch(cast.relative, m, 0), BK_E_NOT_FOUND);
}

/* A byte that the server changed is noticed: no file, a named error, and no receipt that says otherwise. */
static void spoil(bk_hash hash)
{
	char path[700], name[BK_HASH_TEXT];
	FILE *f;
	int c;

	snprintf(path, sizeof path, "%s/files/%s", twin.dir, bk_hex_encode(name, hash.b, BK_HASH_BYTES));
	f = fopen(path, "r+b");
	assert_non_null(f);
	assert_int_equal(fseek(f, 100, SEEK_SET), 0);
	c = fgetc(f);
	assert_int_equal(fseek(f, 100, SEEK_SET), 0);
	fputc(c ^ 1, f);
	fclose(f);
}

struct grab {
	bk_hash first;
};

static enum bk_twin_verdict grab_hash(void *arg, struct bk_twin_device *d, bool to_server, Baken__Frame *f)
{
	if (to_server && d == cast.person && f->kind_case == BAKEN__FRAME__KIND_SUBMIT && f->submit->n_files)
		memcpy(((struct grab *)arg)->first.b, f->submit->files[0].data, BK_HASH_BYTES);
	return BK_TWIN_PASS;
}

static void test_spoiled(void **state)
{
	struct grab g;
	size_t before;
	bk_hash h;
	bk_id m;

	(void)state;
	twin.tap = grab_hash;
	twin.tap_arg = &g;
	m = bk_twin_do(cast.person, report_with_files("bedorven"));
	bk_twin_pass(&twin, MINUTE);
	twin.tap = NULL;
	spoil(g.first);
	before = blobs(cast.person);
	bk_twin_forget(cast.officer);
	assert_int_equal(fetch(cast.officer, m, 0), 0);
	assert_true(bk_twin_count(cast.officer, "file-failed", NULL, NULL) > 0);
	assert_int_equal(bk_twin_count(cast.officer, "file-ready", NULL, NULL), 0);
	assert_int_not_equal(bk_twin_saved(cast.officer, m, 0, &h), 0);
	assert_int_equal(blobs(cast.person), before);
	expect_file(cast.officer, m, 1);
}

/* A file that no message uses can be forgotten; one that is in use cannot; a broken one leaves nothing. */
static void test_forget(void **state)
{
	size_t before = blobs(cast.person);
	char text[BK_ID_TEXT];
	bk_id id = bk_twin_attach(cast.person, "los.txt", 1000, 9);
	const char *ten = "{\"name\":\"x\",\"type\":\"y\",\"size\":10}";

	(void)state;
	bk_id_text(id, text);
	assert_int_equal(blobs(cast.person), before + 1);
	assert_int_equal(bk_twin_call(cast.person, json_pack("{s:s, s:s}", "cmd", "forget-file", "attachment", text), NULL), 0);
	assert_int_equal(blobs(cast.person), before);
	assert_int_equal(bk_twin_call(cast.person, json_pack("{s:s, s:s}", "cmd", "forget-file", "attachment", text), NULL),
		BK_E_NOT_FOUND);
	id = bk_twin_attach(cast.person, "in gebruik.txt", 1000, 10);
	bk_twin_cut(cast.person, true);
	bk_twin_settle(&twin);
	assert_int_equal(bk_twin_call(cast.person, json_pack("{s:s, s:s, s:[s]}", "cmd", "report", "what", "los", "attachments",
		bk_id_text(id, text)), NULL), 0);
	assert_int_equal(bk_twin_call(cast.person, json_pack("{s:s, s:s}", "cmd", "forget-file", "attachment", text), NULL),
		BK_E_STATE);
	bk_twin_cut(cast.person, false);
	bk_twin_pass(&twin, 10 * MINUTE);
	before = blobs(cast.person);
	assert_int_equal(bk_core_file_begin(cast.person->core, ten, strlen(ten), bk_twin_now()), 0);
	assert_int_equal(bk_core_file_data(cast.person->core, "12345678901", 11, bk_twin_now()), BK_E_TOO_BIG);
	assert_int_equal(bk_core_file_data(cast.person->core, "12345", 5, bk_twin_now()), 0);
	assert_int_equal(bk_core_file_end(cast.person->core, bk_twin_now(), &id), BK_E_INCOMPLETE);
	bk_core_file_abandon(cast.person->core);
	assert_int_equal(blobs(cast.person), before);
}

static void test_meta(void **state)
{
	static const char *const bad[] = {"", "[]", "{}", "{\"name\":\"x\",\"type\":\"y\"}",
		"{\"name\":\"x\",\"type\":\"y\",\"size\":0}", "{\"name\":\"x\",\"type\":\"y\",\"size\":-5}",
		"{\"name\":7,\"type\":\"y\",\"size\":5}", "{\"name\":\"x\",\"type\":\"y\",\"size\":5,\"path\":\"/\"}",
		"{\"name\":\"x\",\"type\":\"y\",\"size\":5,\"facts\":{\"address\":\"thuis\"}}",
		"{\"name\":\"x\",\"type\":\"y\",\"size\":5,\"facts\":{\"place\":{\"latitude\":91,\"longitude\":0}}}"};
	const char *huge = "{\"name\":\"x\",\"type\":\"y\",\"size\":104857601}";

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(bk_core_file_begin(cast.person->core, bad[i], strlen(bad[i]), bk_twin_now()), BK_E_INVAL);
	assert_int_equal(bk_core_file_begin(cast.person->core, huge, strlen(huge), bk_twin_now()), BK_E_TOO_BIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files_first),
		cmocka_unit_test(test_dies_at_every_step_r2),
		cmocka_unit_test(test_names_r10),
		cmocka_unit_test(test_second_reader),
		cmocka_unit_test(test_spoiled),
		cmocka_unit_test(test_forget),
		cmocka_unit_test(test_meta),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
