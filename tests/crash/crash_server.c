/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * SIGKILL of the server at every named step of a message's and of a file's life, with a sender and a receiver on
 * the wire. Afterwards: every message that was acknowledged to its sender is there, under one number; every byte
 * that was acknowledged is there; the audit is whole. The list of points is compared with the sources.
 */
#include <dirent.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "cast.h"
#include "err.h"
#include "tmp.h"

#define MESSAGES 30u
#define STEP_MS 5000u

static const char *const message_points[] = {"server-received", "server-before-commit", "server-after-commit",
	"server-before-stored", "server-after-deliver", "server-ack-received", "server-ack-committed", "store-commit",
	"store-committed"};
static const char *const file_points[] = {"server-file-synced", "server-file-linked", "server-file-recorded"};

struct world {
	struct bk_cast cast;
	struct bk_talk from, to;
	bool up;
	bool stored[MESSAGES];
	uint64_t seq[MESSAGES]; /* the number under which it came; 0: not yet */
	unsigned got;
};

static void note_stored(struct world *w, const Baken__Frame *f)
{
	for (size_t i = 0; f->kind_case == BAKEN__FRAME__KIND_STORED && i < f->stored->n_items; i++)
		for (unsigned n = 0; n < MESSAGES; n++)
			if (memcmp(f->stored->items[i]->receipt->message_id.data, bk_cast_id(n).b, BK_ID_BYTES) == 0)
				w->stored[n] = true;
}

/* The receiver: first its own commit (the table), then the ack. The same message never has another number. */
static int take(struct world *w, const Baken__Frame *f)
{
	uint64_t seqs[BK_ACKS_MAX];
	size_t n = 0;

	if (f->kind_case != BAKEN__FRAME__KIND_DELIVER)
		return 0;
	for (; n < f->deliver->n_items; n++) {
		const Baken__Delivery *d = f->deliver->items[n];
		unsigned m;

		memcpy(&m, d->body.data, sizeof m);
		assert_true(m < MESSAGES);
		if (!w->seq[m])
			w->got++;
		assert_true(!w->seq[m] || w->seq[m] == d->seq);
		w->seq[m] = seqs[n] = d->seq;
	}
	bk_wire_ack(seqs, n, &w->to.out);
	return bk_talk_send(&w->to);
}

static int send_one(struct world *w, unsigned n)
{
	static uint8_t body[296];
	struct bk_wire_target target = bk_realm_target(&w->cast.realm, w->cast.relative);
	struct bk_wire_message m = {.id = bk_cast_id(n), .body = body, .body_len = sizeof body, .targets = &target,
		.n_targets = 1, .devices = &w->cast.realm.devices[w->cast.wife].device, .n_devices = 1};
	Baken__Frame *f = NULL;
	int err;

	memcpy(body, &n, sizeof n);
	err = bk_talk_ask(&w->from, bk_wire_submit(&w->from.line, &m, &w->from.out), &f);
	if (!err)
		note_stored(w, f);
	return err;
}

/* Sends what is not stored yet, and lets the receiver take what comes; ends early when the server is gone. */
static void talk(struct world *w)
{
	Baken__Frame *f = NULL;
	int err = bk_talk_login(&w->from, true);

	if (!err)
		err = bk_talk_login(&w->to, true);
	for (unsigned n = 0; !err && n < MESSAGES; n++) {
		if (!w->stored[n])
			err = send_one(w, n);
		while (!err && !w->seq[n]) {
			err = bk_talk_recv(&w->to, STEP_MS, &f);
			if (!err)
				err = take(w, f);
		}
	}
	assert_int_not_equal(err, BK_E_TIMEOUT);
}

/* A few hits in: logins and the first messages have passed, many are still to come. */
static void kill_at(struct world *w, const char *point, unsigned hit)
{
	char at[64];
	int code = 0;

	snprintf(at, sizeof at, "%s:%u", point, hit);
	setenv("BAKEN_CRASH_AT", at, 1);
	assert_int_equal(bk_realm_start(&w->cast.realm, NULL), 0);
	unsetenv("BAKEN_CRASH_AT");
	talk(w);
	assert_int_equal(bk_proc_wait(&w->cast.realm.server, STEP_MS, &code), 0);
	if (code != 128 + 9)
		fail_msg("%s was not reached: %d", at, code);
}

static void sound(struct world *w)
{
	char *answer = bk_realm_control(&w->cast.realm, "{\"id\":1,\"verb\":\"audit-verify\"}");

	assert_non_null(answer);
	assert_non_null(strstr(answer, "\"bad\":0"));
	free(answer);
	assert_int_equal(bk_cast_status(&w->cast, "queued"), 0);
}

static void one_message_point(const char *point, unsigned hit)
{
	struct world w;
	char name[64];

	memset(&w, 0, sizeof w);
	snprintf(name, sizeof name, "%s-%u", point, hit);
	bk_cast_make(&w.cast, name);
	bk_talk_init(&w.from, &w.cast.realm, w.cast.phone);
	bk_talk_init(&w.to, &w.cast.realm, w.cast.wife);
	kill_at(&w, point, hit);
	assert_int_equal(bk_realm_start(&w.cast.realm, NULL), 0);
	talk(&w);
	for (unsigned n = 0; n < MESSAGES; n++)
		assert_true(w.stored[n] && w.seq[n]);
	assert_int_equal(w.got, MESSAGES);
	while (!bk_cast_silent(&w.to, BAKEN__FRAME__KIND_DELIVER)) /* the last acks are on their way */
		;
	sound(&w);
	bk_talk_done(&w.from);
	bk_talk_done(&w.to);
	bk_cast_close(&w.cast);
}

static void messages_survive_every_step(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof message_points / sizeof *message_points; i++) {
		one_message_point(message_points[i], 5);
		one_message_point(message_points[i], 20);
	}
}

/* ---- files ---- */

#define SIZE 50000u

static int request(struct world *w, const char *method, const char *path, const char *headers, size_t len,
	const uint8_t *data, struct bk_cast_answer *a)
{
	struct bk_cast_request q = {method, path, headers, data, len, false, w->from.line.file_token};
	int err = bk_cast_http(&w->cast, &q, a);

	free(a->body);
	a->body = NULL;
	return err;
}

/* Goes on from what the server says until the file is there, or the server is gone. */
static int upload(struct world *w, const uint8_t *data, char path[static 100])
{
	struct bk_cast_answer a;
	char headers[300];
	uint64_t at = 0;
	int err = bk_talk_login(&w->from, true);

	if (!err && !*path) {
		snprintf(headers, sizeof headers, "Tus-Resumable: 1.0.0\r\nUpload-Length: %u\r\n", SIZE);
		err = request(w, "POST", "/files", headers, 0, NULL, &a);
		if (!err)
			snprintf(path, 100, "%s", bk_cast_header(&a, "location"));
	}
	while (!err && at < SIZE) {
		size_t len;

		err = request(w, "HEAD", path, "Tus-Resumable: 1.0.0\r\n", 0, NULL, &a);
		if (err)
			break;
		assert_int_equal(a.status, 200);
		at = strtoull(bk_cast_header(&a, "upload-offset"), NULL, 10);
		len = SIZE - at < 20000 ? SIZE - at : 20000;
		snprintf(headers, sizeof headers, "Tus-Resumable: 1.0.0\r\nUpload-Offset: %llu\r\n"
			"Content-Type: application/offset+octet-stream\r\n", (unsigned long long)at);
		if (len)
			err = request(w, "PATCH", path, headers, len, data + at, &a);
		if (!err && len) {
			assert_int_equal(a.status, 204);
			at += len;
		}
	}
	return err;
}

static size_t files_in(struct world *w)
{
	char path[700];
	struct dirent *e;
	size_t n = 0;
	DIR *d;

	snprintf(path, sizeof path, "%s/data/files", w->cast.realm.dir);
	d = opendir(path);
	assert_non_null(d);
	while ((e = readdir(d)))
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

static void one_file_point(const char *point, unsigned hit)
{
	static uint8_t data[SIZE];
	struct bk_cast_answer a;
	struct world w;
	char name[64], at[64], path[100] = "", file[100] = "/files/";
	bk_hash h;
	int code = 0;

	memset(&w, 0, sizeof w);
	for (size_t i = 0; i < SIZE; i++)
		data[i] = (uint8_t)(i * 7 + i / 256);
	h = bk_hash_of(data, SIZE);
	bk_hex_encode(file + 7, h.b, BK_HASH_BYTES);
	snprintf(name, sizeof name, "%s-%u", point, hit);
	snprintf(at, sizeof at, "%s:%u", point, hit);
	bk_cast_make(&w.cast, name);
	bk_talk_init(&w.from, &w.cast.realm, w.cast.phone);
	setenv("BAKEN_CRASH_AT", at, 1);
	assert_int_equal(bk_realm_start(&w.cast.realm, NULL), 0);
	unsetenv("BAKEN_CRASH_AT");
	(void)upload(&w, data, path);
	assert_int_equal(bk_proc_wait(&w.cast.realm.server, STEP_MS, &code), 0);
	assert_int_equal(code, 128 + 9);
	bk_cast_hang_up(&w.cast);
	assert_int_equal(bk_realm_start(&w.cast.realm, NULL), 0);
	assert_int_equal(upload(&w, data, path), 0);
	assert_int_equal(request(&w, "HEAD", file, NULL, 0, NULL, &a), 0);
	assert_int_equal(a.status, 200);
	assert_in_range(files_in(&w), 1, 2); /* a second name, or an upload nobody heard of, until expiry */
	bk_talk_done(&w.from);
	bk_cast_close(&w.cast);
}

static void files_survive_every_step(void **state)
{
	(void)state;
	one_file_point("server-file-synced", 1);
	one_file_point("server-file-synced", 3);
	one_file_point("server-file-linked", 1);
	one_file_point("server-file-recorded", 1);
	one_file_point("server-file-recorded", 2);
}

/* ---- revocation ---- */

#define PREKEYS 20u
#define START_COMMITS 2 /* trust and the audit's START, before the writer */

/* A device with everything that a revocation takes: session, queue, prekeys. Returns the store's commits so far. */
static int64_t prepare(struct world *w, const char *name, const char *crash_at)
{
	Baken__Frame *f = NULL;

	memset(w, 0, sizeof *w);
	bk_cast_make(&w->cast, name);
	bk_talk_init(&w->from, &w->cast.realm, w->cast.phone);
	bk_talk_init(&w->to, &w->cast.realm, w->cast.wife);
	if (crash_at)
		setenv("BAKEN_CRASH_AT", crash_at, 1);
	assert_int_equal(bk_realm_start(&w->cast.realm, NULL), 0);
	unsetenv("BAKEN_CRASH_AT");
	assert_int_equal(bk_talk_login(&w->to, true), 0);
	assert_int_equal(bk_talk_ask(&w->to, bk_wire_prekeys_put(&w->to.line, 1, 1, PREKEYS, true, &w->to.out), &f), 0);
	assert_int_equal(bk_talk_login(&w->from, true), 0);
	for (unsigned n = 0; n < 3; n++)
		assert_int_equal(send_one(w, n), 0);
	return bk_cast_status(&w->cast, "commits") + START_COMMITS;
}

static void finish(struct world *w)
{
	bk_talk_done(&w->from);
	bk_talk_done(&w->to);
	bk_cast_close(&w->cast);
}

/* R12: all of it goes in one transaction: killed before the commit nothing is gone, killed after it everything. */
static void a_revocation_is_whole(void **state)
{
	static const char *const points[] = {"store-commit", "store-committed"};
	struct world w;
	int64_t commits = prepare(&w, "count", NULL);

	(void)state;
	finish(&w);
	for (int done = 0; done < 2; done++) {
		char at[64];
		int code = 0;

		snprintf(at, sizeof at, "%s:%lld", points[done], (long long)commits + 1);
		assert_int_equal(prepare(&w, points[done], at), commits);
		w.cast.realm.devices[w.cast.wife].status = BAKEN__DEVICE_STATUS__DEVICE_REVOKED;
		assert_int_not_equal(bk_realm_put(&w.cast.realm, w.cast.relative), 0);
		assert_int_equal(bk_proc_wait(&w.cast.realm.server, STEP_MS, &code), 0);
		assert_int_equal(code, 128 + 9);
		assert_int_equal(bk_realm_start(&w.cast.realm, NULL), 0);
		assert_int_equal(bk_cast_status(&w.cast, "queued"), done ? 0 : 3);
		assert_int_equal(bk_cast_status(&w.cast, "prekeys"), done ? 0 : PREKEYS);
		assert_int_equal(bk_cast_status(&w.cast, "sessions"), done ? 1 : 2);
		assert_int_equal(bk_talk_login(&w.to, true), done ? BK_E_REVOKED : 0);
		finish(&w);
	}
}

/* ---- the list ---- */

static bool listed(const char *name)
{
	for (size_t i = 0; i < sizeof message_points / sizeof *message_points; i++)
		if (strcmp(message_points[i], name) == 0)
			return true;
	for (size_t i = 0; i < sizeof file_points / sizeof *file_points; i++)
		if (strcmp(file_points[i], name) == 0)
			return true;
	return false;
}

static void look_into(const char *path)
{
	uint8_t *data = NULL;
	size_t len = 0;

	assert_int_equal(bk_tmp_read(path, &data, &len), 0);
	for (char *at = (char *)data; (at = strstr(at, "BK_CRASH_POINT(\"")); at++) {
		char name[64] = "";

		sscanf(at + strlen("BK_CRASH_POINT(\""), "%63[^\"]", name);
		if (!listed(name))
			fail_msg("%s: %s is not tested here", path, name);
	}
	free(data);
}

static void every_point_is_tested(void **state)
{
	const char *source = getenv("BAKEN_SOURCE");
	char dir[512], path[1024];
	struct dirent *e;
	DIR *d;

	(void)state;
	snprintf(dir, sizeof dir, "%s/server", source ? source : BAKEN_SOURCE_DIR);
	d = opendir(dir);
	assert_non_null(d);
	while ((e = readdir(d))) {
		size_t n = strlen(e->d_name);

		if (n < 3 || strcmp(e->d_name + n - 2, ".c") != 0)
			continue;
		snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
		look_into(path);
	}
	closedir(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_point_is_tested),
		cmocka_unit_test(messages_survive_every_step),
		cmocka_unit_test(files_survive_every_step),
		cmocka_unit_test(a_revocation_is_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
