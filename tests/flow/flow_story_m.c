/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Story M: the supervisor verifies the log after one byte of it was altered, with nothing but the file and the root's
 * public key; the operator's own attempts at the store show, too.
 */
#include <jansson.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "cast.h"
#include "err.h"
#include "tmp.h"

static struct bk_cast cast;
static char file[600], root[600], *ctl = NULL;

static void copy_key(const char *name)
{
	char from[600], to[600];
	uint8_t *data = NULL;
	size_t n = 0;

	snprintf(from, sizeof from, "%s/%s", cast.realm.dir, name);
	snprintf(to, sizeof to, "%s/data/%s", cast.realm.dir, name);
	assert_int_equal(bk_tmp_read(from, &data, &n), 0);
	assert_int_equal(bk_tmp_write(to, data, n), 0);
	free(data);
}

static int setup(void **state)
{
	(void)state;
	bk_cast_open(&cast, "story-m", NULL);
	copy_key("seal.key");
	copy_key("receipt.key");
	snprintf(file, sizeof file, "%s/log.audit", cast.realm.dir);
	snprintf(root, sizeof root, "%s/root.pub", cast.realm.dir);
	assert_true(asprintf(&ctl, "%s/bin/bakenctl", BAKEN_BUILD_DIR) > 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(ctl);
	bk_cast_close(&cast);
	return 0;
}

/* The exit code; a number or text of the answer in *ret when asked. */
static int run(json_t **ret_answer, const char *const *words)
{
	char dir[600], *out = NULL;
	const char *argv[16] = {ctl, "--json", "--dir", dir};
	size_t n = 4;
	int code;

	snprintf(dir, sizeof dir, "%s/data", cast.realm.dir);
	while (*words)
		argv[n++] = *words++;
	code = bk_proc_run(argv, NULL, cast.realm.log, 20000, &out);
	if (ret_answer)
		*ret_answer = out ? json_loads(out, 0, NULL) : NULL;
	free(out);
	return code;
}

static void duty(uint32_t device, bool on)
{
	struct bk_talk t;
	Baken__Frame *f = NULL;

	bk_cast_login(&cast, &t, device);
	assert_int_equal(bk_talk_ask(&t, bk_wire_duty(&t.line, on, &t.out), &f), 0);
	bk_talk_done(&t);
}

static void expect(const char *path, int code, const char *finding, json_int_t number)
{
	json_t *a = NULL;

	assert_int_equal(run(&a, (const char *const[]){"audit", "verify", path, "--root", root, NULL}), code);
	assert_non_null(a);
	assert_string_equal(json_string_value(json_object_get(a, "finding")), finding);
	if (number)
		assert_int_equal(json_integer_value(json_object_get(a, "number")), number);
	json_decref(a);
}

static void exported_and_whole(void **state)
{
	uint8_t *data = NULL;
	size_t n = 0;
	char id[BK_ID_TEXT];

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		duty(cast.officer, i % 2 == 0);
	assert_int_equal(run(NULL, (const char *const[]){"audit", "export", file, NULL}), 0); /* beside the running server */
	assert_int_equal(run(NULL, (const char *const[]){"audit", "export", file, NULL}), 65); /* it is there */
	expect(file, 0, "whole", 0);
	assert_int_equal(bk_tmp_read(file, &data, &n), 0);
	assert_non_null(memmem(data, n, "DUTY-ON device=~", 16));
	bk_id_text(cast.realm.devices[cast.officer].device, id);
	assert_null(memmem(data, n, id, strlen(id)));
	free(data);
}

/* An officer was on duty, says the log; somebody would rather have it otherwise. */
static void one_byte_altered(void **state)
{
	char other[620];
	uint8_t *data = NULL, *at;
	size_t n = 0;
	json_int_t number;

	(void)state;
	assert_int_equal(bk_tmp_read(file, &data, &n), 0);
	at = memmem(data, n, "DUTY-ON", 7);
	assert_non_null(at);
	at[6] = 'M';
	while (at > data && at[-1] != '\n')
		at--;
	number = atoll((char *)at + 65);
	snprintf(other, sizeof other, "%s.other", file);
	assert_int_equal(bk_tmp_write(other, data, n), 0);
	expect(other, 65, "entry", number);
	free(data);
}

static void cut_at_the_end(void **state)
{
	char other[620];
	uint8_t *data = NULL, *end;
	size_t n = 0;

	(void)state;
	assert_int_equal(bk_tmp_read(file, &data, &n), 0);
	end = memmem(data, n, "\nend ", 5);
	assert_non_null(end);
	snprintf(other, sizeof other, "%s.cut", file);
	assert_int_equal(bk_tmp_write(other, data, (size_t)(end + 1 - data)), 0);
	expect(other, 65, "cut", 0);
	free(data);
}

/* Another root: the file is whole, and not ours. */
static void of_another_root(void **state)
{
	static const char wrong[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n";
	char kept[600];

	(void)state;
	snprintf(kept, sizeof kept, "%s", root);
	snprintf(root, sizeof root, "%s/wrong.pub", cast.realm.dir);
	assert_int_equal(bk_tmp_write(root, wrong, strlen(wrong)), 0);
	expect(file, 65, "foreign", 0);
	snprintf(root, sizeof root, "%s", kept);
}

/* The review of special rights: registrars by what they signed, staff's devices, nobody of the people. */
static void rights_are_listed(void **state)
{
	json_t *a = NULL, *o;
	char id[BK_ID_TEXT];
	size_t i, on_duty = 0;

	(void)state;
	assert_int_equal(run(&a, (const char *const[]){"rights", NULL}), 0);
	assert_int_equal(json_array_size(json_object_get(a, "registrars")), 2);
	json_array_foreach(json_object_get(a, "devices"), i, o) {
		assert_string_not_equal(json_string_value(json_object_get(o, "role")), "person");
		assert_string_not_equal(json_string_value(json_object_get(o, "device")),
			bk_id_text(cast.realm.devices[cast.phone].device, id));
		on_duty += json_is_true(json_object_get(o, "on_duty"));
	}
	assert_int_equal(i, 5); /* vault, officer, lead, carer, the other desk's officer */
	assert_int_equal(on_duty, 0);
	json_decref(a);
}

/* The file of an incident: each file is what the manifest says, and no secret key is in it. */
static void an_incident_is_put_on_file(void **state)
{
	char folder[620], path[700], hex[2 * BK_HASH_BYTES + 1];
	json_t *manifest, *hash, *counts;
	const char *name;
	uint8_t *data = NULL;
	size_t n = 0, files = 0;

	(void)state;
	snprintf(folder, sizeof folder, "%s.incident", file);
	assert_int_equal(run(NULL, (const char *const[]){"incident", "--to", folder, "--log", cast.realm.log, NULL}), 0);
	assert_int_not_equal(run(NULL, (const char *const[]){"incident", "--to", folder, NULL}), 0);
	snprintf(path, sizeof path, "%s/manifest.json", folder);
	manifest = json_load_file(path, 0, NULL);
	assert_non_null(manifest);
	assert_int_equal(json_integer_value(json_object_get(manifest, "audit_bad")), 0);
	json_object_foreach(json_object_get(manifest, "files"), name, hash) {
		snprintf(path, sizeof path, "%s/%s", folder, name);
		assert_int_equal(bk_tmp_read(path, &data, &n), 0);
		assert_string_equal(bk_hex_encode(hex, bk_hash_of(data, n).b, BK_HASH_BYTES), json_string_value(hash));
		if (strcmp(name, "audit.json") == 0)
			assert_non_null(memmem(data, n, "DUTY-ON", 7));
		free(data);
		files++;
	}
	assert_int_equal(files, 4);
	json_decref(manifest);
	snprintf(path, sizeof path, "%s/log-events.json", folder);
	counts = json_load_file(path, 0, NULL);
	assert_int_equal(json_integer_value(json_object_get(counts, "START")), 1);
	json_decref(counts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exported_and_whole),
		cmocka_unit_test(one_byte_altered),
		cmocka_unit_test(cut_at_the_end),
		cmocka_unit_test(of_another_root),
		cmocka_unit_test(rights_are_listed),
		cmocka_unit_test(an_incident_is_put_on_file),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
