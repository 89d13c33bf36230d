/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * SIGKILL of a real client at every named step, on the writing and on the reading side, with a real server between
 * them (M1, M13, R2). After a restart every report is at the desk and in the person's list exactly once, its file
 * with the right hash, its ladder complete. The list of points is compared with the sources.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "ids.h"
#include "media.h"
#include "story.h"
#include "tmp.h"

#define WAIT_MS 60000u
#define KILLED (128 + SIGKILL)

static const char *const writer_points[] = {"client-outbox-committed", "client-file-piece", "client-prepared", "client-sent",
	"client-stored-received"};
static const char *const reader_points[] = {"client-received", "client-decrypted", "client-before-commit",
	"client-after-commit", "client-before-ack", "client-after-ack-sent"};

static struct bk_story story;
static char photo[600], photo_hash[BK_HASH_TEXT];

static struct bk_rpc *rpc(enum bk_story_actor who)
{
	return &story.who[who].rpc;
}

static int setup(void **state)
{
	const char *bin = getenv("BAKEN_BUILD");
	uint8_t *data = NULL;
	size_t len = 0;
	bk_hash h;
	char dir[600];

	(void)state;
	snprintf(dir, sizeof dir, "%s/bin", bin ? bin : BAKEN_BUILD_DIR);
	snprintf(photo, sizeof photo, "%s", bk_tmp_path("bewijs.jpg"));
	if (bk_story_init(&story, dir, false) || bk_story_realm(&story)) {
		print_error("%s\n", story.why);
		return -1;
	}
	if (bk_media_photo(photo, 900, 700) || bk_tmp_read(photo, &data, &len))
		return -1;
	h = bk_hash_of(data, len);
	bk_hex_encode(photo_hash, h.b, BK_HASH_BYTES);
	free(data);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	bk_story_done(&story);
	return 0;
}

/* ---- ends ---- */

static void restart(enum bk_story_actor who, const char *point, unsigned hit)
{
	struct bk_story_who *w = &story.who[who];
	char at[80];
	const char *env[] = {at, NULL};

	snprintf(at, sizeof at, "BAKEN_CRASH_AT=%s:%u", point ? point : "nowhere", hit);
	if (w->live)
		assert_int_equal(bk_story_client_stop(&story, who), 0);
	assert_int_equal(bk_rpc_start(&w->rpc, story.bin_client, w->dir, story.pass, env, story.log), 0);
	w->live = true;
	bk_rpc_call(&w->rpc, json_pack("{s:s}", "cmd", "connect"), WAIT_MS, NULL);
}

/* The client died where it was told to; then it comes back as it is. */
static void expect_death(enum bk_story_actor who, const char *point)
{
	int code = 0;

	assert_int_equal(bk_proc_wait(&rpc(who)->proc, WAIT_MS, &code), 0);
	if (code != KILLED)
		fail_msg("%s was not reached: ended with %d", point, code);
	bk_rpc_kill(rpc(who));
	story.who[who].live = false;
	restart(who, NULL, 1);
}

/* How many reports a client holds that say `what`; the id of the last. */
static size_t reports(enum bk_story_actor who, const char *what, char id[static BK_ID_TEXT])
{
	json_t *reply = NULL, *item;
	size_t i, n = 0;

	assert_int_equal(bk_rpc_call(rpc(who), json_pack("{s:s, s:i}", "cmd", "messages", "limit", 1000), WAIT_MS, &reply), 0);
	json_array_foreach(json_object_get(reply, "items"), i, item) {
		const char *said = json_string_value(json_object_get(item, "what"));

		if (!said || strcmp(said, what) != 0)
			continue;
		snprintf(id, BK_ID_TEXT, "%s", json_string_value(json_object_get(item, "message")));
		n++;
	}
	json_decref(reply);
	return n;
}

static bool has_rung(const char *id, const char *rung)
{
	json_t *reply = NULL, *r;
	bool yes = false;
	size_t i;

	assert_int_equal(bk_rpc_call(rpc(BK_PERSON), json_pack("{s:s, s:s}", "cmd", "show", "message", id), WAIT_MS, &reply), 0);
	json_array_foreach(json_object_get(reply, "rungs"), i, r)
		yes = yes || strcmp(json_string_value(json_object_get(r, "rung")), rung) == 0;
	json_decref(reply);
	return yes;
}

static void expect_rung(const char *id, const char *rung)
{
	uint64_t deadline = bk_proc_now_ms() + WAIT_MS;

	/* Its event may have been told to the process that died: the store is asked too. */
	while (!has_rung(id, rung)) {
		assert_true(bk_proc_now_ms() < deadline);
		bk_rpc_wait(rpc(BK_PERSON), "outgoing", "message", id, 1000, NULL);
	}
}

static void expect_file(const char *id)
{
	json_t *ready = NULL;

	assert_int_equal(bk_rpc_call(rpc(BK_OFFICER1), json_pack("{s:s, s:s, s:i}", "cmd", "fetch", "message", id, "index", 0),
		WAIT_MS, NULL), 0);
	assert_int_equal(bk_rpc_wait(rpc(BK_OFFICER1), "file-ready", "message", id, WAIT_MS, &ready), 0);
	assert_string_equal(json_string_value(json_object_get(ready, "plain_hash")), photo_hash);
	json_decref(ready);
}

/* At both ends once, the ladder up to the desk, the evidence whole. */
static void expect_once(const char *what)
{
	char id[BK_ID_TEXT], there[BK_ID_TEXT];

	assert_int_equal(reports(BK_PERSON, what, id), 1);
	expect_rung(id, "decrypted");
	while (reports(BK_OFFICER1, what, there) == 0)
		assert_int_equal(bk_rpc_wait(rpc(BK_OFFICER1), "message", "what", what, WAIT_MS, NULL), 0);
	assert_int_equal(reports(BK_OFFICER1, what, there), 1);
	assert_string_equal(id, there);
	expect_file(id);
	assert_int_equal(bk_rpc_count(rpc(BK_OFFICER1), "undecryptable", NULL, NULL), 0);
}

/* ---- the two sides ---- */

static int attach(char id[static BK_ID_TEXT])
{
	json_t *reply = NULL;
	int err = bk_rpc_call(rpc(BK_PERSON), json_pack("{s:s, s:s, s:s}", "cmd", "attach", "path", photo, "type", "image/jpeg"),
		WAIT_MS, &reply);

	if (!err)
		snprintf(id, BK_ID_TEXT, "%s", json_string_value(json_object_get(reply, "attachment")));
	json_decref(reply);
	return err;
}

static void report(const char *what)
{
	char file[BK_ID_TEXT];

	assert_int_equal(attach(file), 0);
	/* The writer may die before it can answer. */
	bk_rpc_call(rpc(BK_PERSON), json_pack("{s:s, s:s, s:[s]}", "cmd", "report", "what", what, "attachments", file), WAIT_MS,
		NULL);
}

static void test_writer(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof writer_points / sizeof *writer_points; i++) {
		char what[80];

		snprintf(what, sizeof what, "%s", writer_points[i]);
		restart(BK_PERSON, writer_points[i], 1);
		report(what);
		expect_death(BK_PERSON, writer_points[i]);
		expect_once(what);
	}
	restart(BK_PERSON, NULL, 1);
}

static void test_reader(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof reader_points / sizeof *reader_points; i++) {
		char what[80];

		snprintf(what, sizeof what, "%s", reader_points[i]);
		restart(BK_OFFICER1, reader_points[i], 1);
		report(what);
		expect_death(BK_OFFICER1, reader_points[i]);
		expect_once(what);
	}
	restart(BK_OFFICER1, NULL, 1);
}

/* A disk that dies in the middle: the client says so and stops; what it said was kept, is kept. */
static void test_disk_dies(void **state)
{
	struct bk_story_who *w = &story.who[BK_PERSON];
	const char *env[] = {"BAKEN_FAIL_AT=commit:12", NULL};
	char id[BK_ID_TEXT], kept[40][BK_ID_TEXT];
	size_t n = 0;

	(void)state;
	assert_int_equal(bk_story_client_stop(&story, BK_PERSON), 0);
	assert_int_equal(bk_rpc_start(&w->rpc, story.bin_client, w->dir, story.pass, env, story.log), 0);
	w->live = true;
	for (; n < 40; n++) {
		json_t *reply = NULL;
		char what[40];
		int err;

		snprintf(what, sizeof what, "schijf %zu", n);
		err = bk_rpc_call(rpc(BK_PERSON), json_pack("{s:s, s:s}", "cmd", "report", "what", what), 5000, &reply);
		if (!err)
			snprintf(kept[n], sizeof kept[n], "%s", json_string_value(json_object_get(reply, "message")));
		json_decref(reply);
		if (err)
			break;
	}
	assert_true(n > 0 && n < 40);
	assert_true(bk_rpc_count(rpc(BK_PERSON), "fatal", NULL, NULL) == 1);
	bk_rpc_kill(rpc(BK_PERSON));
	w->live = false;
	restart(BK_PERSON, NULL, 1);
	for (size_t i = 0; i < n; i++) {
		char what[40];

		snprintf(what, sizeof what, "schijf %zu", i);
		assert_int_equal(reports(BK_PERSON, what, id), 1);
		assert_string_equal(id, kept[i]);
		expect_rung(id, "decrypted");
	}
}

/* ---- the list ---- */

static bool listed(const char *name)
{
	for (size_t i = 0; i < sizeof writer_points / sizeof *writer_points; i++)
		if (strcmp(writer_points[i], name) == 0)
			return true;
	for (size_t i = 0; i < sizeof reader_points / sizeof *reader_points; i++)
		if (strcmp(reader_points[i], name) == 0)
			return true;
	return false;
}

static size_t points_in(const char *path)
{
	uint8_t *data = NULL;
	size_t len = 0, n = 0;
	char *text;

	assert_int_equal(bk_tmp_read(path, &data, &len), 0);
	text = strndup((char *)data, len);
	for (char *p = strstr(text, "BK_CRASH_POINT(\""); p; p = strstr(p + 1, "BK_CRASH_POINT(\""), n++) {
		char name[60];

		snprintf(name, sizeof name, "%.*s", (int)strcspn(p + 16, "\""), p + 16);
		if (!listed(name))
			fail_msg("%s: no test dies at %s", path, name);
	}
	free(text);
	free(data);
	return n;
}

static void test_every_point(void **state)
{
	char path[700];
	struct dirent *e;
	size_t n = 0;
	DIR *dir;

	(void)state;
	snprintf(path, sizeof path, "%s/client/core", BAKEN_SOURCE_DIR);
	dir = opendir(path);
	assert_non_null(dir);
	while ((e = readdir(dir))) {
		size_t len = strlen(e->d_name);

		if (len < 3 || strcmp(e->d_name + len - 2, ".c") != 0)
			continue;
		snprintf(path, sizeof path, "%s/client/core/%s", BAKEN_SOURCE_DIR, e->d_name);
		n += points_in(path);
	}
	closedir(dir);
	assert_int_equal(n, sizeof writer_points / sizeof *writer_points + sizeof reader_points / sizeof *reader_points);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_point),
		cmocka_unit_test(test_writer),
		cmocka_unit_test(test_reader),
		cmocka_unit_test(test_disk_dies),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
