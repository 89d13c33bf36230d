/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The disk is full, or dies: no receipt, a clear error to the client, reads go on, the operator is told, and what
 * was acknowledged is there afterwards.
 */
#include <signal.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <cmocka.h>

#include "cast.h"
#include "err.h"

static const char *const words[] = {"--messages-device=0", NULL};

/* No file of the server may grow past this: for it the disk is full. */
static void limit(struct bk_cast *c, rlim_t bytes)
{
	struct rlimit l = {bytes, RLIM_INFINITY};

	assert_int_equal(prlimit(c->realm.server.pid, RLIMIT_FSIZE, &l, NULL), 0);
}

static rlim_t store_size(struct bk_cast *c)
{
	char path[700];
	struct stat st;

	snprintf(path, sizeof path, "%s/data/store/store.mdb", c->realm.dir);
	assert_int_equal(stat(path, &st), 0);
	return (rlim_t)st.st_size;
}

static int healthz(struct bk_cast *c)
{
	struct bk_cast_request q = {.method = "GET", .path = "/healthz"};
	struct bk_cast_answer a;

	assert_int_equal(bk_cast_http(c, &q, &a), 0);
	free(a.body);
	return a.status;
}

/* Sends until the server says no; how many were stored. */
static unsigned send_until_refused(struct bk_cast *c, struct bk_talk *t, int expected)
{
	struct bk_cast_message m = {.circle = c->relative, .devices = {c->wife}, .n_devices = 1, .content = 60000};
	Baken__Frame *f;

	for (m.n = 0; m.n < 2000; m.n++) {
		f = bk_cast_submit(t, &m);
		if (!bk_wire_error(f))
			continue;
		assert_int_equal(bk_wire_error(f), expected);
		assert_string_equal(f->error->name, bk_err_name(expected));
		assert_true(f->error->retry_after_ms > 0);
		return m.n;
	}
	fail_msg("never refused");
	return 0;
}

/* Reads: a roster, the queue of a device that was logged in before. */
static void reads_go_on(struct bk_cast *c, struct bk_talk *t)
{
	Baken__Frame *f = NULL;

	assert_int_equal(bk_talk_ask(t, bk_wire_roster_get(&t->line, c->realm.circles[c->desk].circle, 0, &t->out), &f), 0);
	assert_int_equal(f->kind_case, BAKEN__FRAME__KIND_ROSTERS);
	assert_int_equal(bk_cast_status(c, "writes_ok"), 0);
	assert_int_equal(bk_cast_metric(c, "bakend_store_writable"), 0);
	assert_true(bk_cast_metric(c, "bakend_commit_errors_total") > 0);
	assert_int_equal(healthz(c), 503);
}

/* Everything that waits for the device, each once; acked. */
static unsigned drain(struct bk_talk *t)
{
	unsigned n = 0;

	while (!t->line.caught_up) {
		Baken__Frame *f = NULL;
		uint64_t seqs[64];
		size_t k = 0;

		assert_int_equal(bk_talk_recv(t, 0, &f), 0);
		if (f->kind_case != BAKEN__FRAME__KIND_DELIVER)
			continue;
		for (; k < f->deliver->n_items; k++)
			seqs[k] = f->deliver->items[k]->seq;
		n += (unsigned)k;
		bk_wire_ack(seqs, k, &t->out);
		assert_int_equal(bk_talk_send(t), 0);
	}
	return n;
}

static void a_full_disk(void **state)
{
	struct bk_cast c;
	struct bk_talk t, wife;
	unsigned stored;

	(void)state;
	bk_cast_open(&c, "full", words);
	bk_cast_ready(&c, &t, c.phone);
	limit(&c, store_size(&c) + (2u << 20));
	stored = send_until_refused(&c, &t, BK_E_FULL);
	assert_in_range(stored, 5, 100);
	reads_go_on(&c, &t);
	assert_true(bk_cast_log_has(&c, "err STORE_FULL"));
	assert_false(bk_cast_log_has(&c, "STORE_OK"));
	limit(&c, RLIM_INFINITY); /* the operator made room */
	bk_cast_send(&t, c.relative, 5000, BAKEN__CLASS__CLASS_NORMAL);
	assert_int_equal(healthz(&c), 200);
	assert_int_equal(bk_cast_status(&c, "writes_ok"), 1);
	assert_true(bk_cast_log_has(&c, "info STORE_OK"));
	bk_cast_login(&c, &wife, c.wife);
	assert_int_equal(drain(&wife), stored + 1);
	bk_talk_done(&t);
	bk_talk_done(&wife);
	bk_cast_close(&c);
}

static void uploads_to_a_full_disk(void **state)
{
	static uint8_t data[3u << 20];
	struct bk_cast c;
	struct bk_talk t;
	struct bk_cast_request q = {.method = "POST", .path = "/files",
		.headers = "Tus-Resumable: 1.0.0\r\nUpload-Length: 3145728\r\n"};
	struct bk_cast_answer a;
	char path[100];

	(void)state;
	bk_cast_open(&c, "uploads", words);
	bk_cast_ready(&c, &t, c.phone);
	q.token = t.line.file_token;
	assert_int_equal(bk_cast_http(&c, &q, &a), 0);
	snprintf(path, sizeof path, "%s", bk_cast_header(&a, "location"));
	free(a.body);
	limit(&c, 1u << 20);
	q = (struct bk_cast_request){.method = "PATCH", .path = path, .body = data, .len = sizeof data,
		.headers = "Tus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\nContent-Type: application/offset+octet-stream\r\n",
		.token = t.line.file_token};
	assert_int_equal(bk_cast_http(&c, &q, &a), 0);
	assert_int_equal(a.status, 507);
	free(a.body);
	limit(&c, RLIM_INFINITY);
	assert_int_equal(bk_cast_http(&c, &q, &a), 0);
	assert_int_equal(a.status, 204);
	free(a.body);
	bk_talk_done(&t);
	bk_cast_close(&c);
}

/* After a failed sync nobody knows what is on the disk: no more writes until a restart, reads go on. */
static void a_dying_disk(void **state)
{
	struct bk_cast c;
	struct bk_talk t, wife;
	Baken__Frame *f = NULL;
	unsigned stored;

	(void)state;
	bk_cast_make(&c, "dying");
	setenv("BAKEN_FAIL_AT", "commit:40", 1);
	assert_int_equal(bk_realm_start(&c.realm, words), 0);
	unsetenv("BAKEN_FAIL_AT");
	bk_cast_ready(&c, &t, c.phone);
	stored = send_until_refused(&c, &t, BK_E_IO);
	assert_in_range(stored, 5, 40);
	reads_go_on(&c, &t);
	assert_true(bk_cast_log_has(&c, "err STORE_FAILED"));
	assert_int_equal(bk_talk_ask(&t, bk_wire_drill(&t.line, &t.out), &f), 0);
	assert_int_equal(bk_wire_error(f), BK_E_IO); /* the drill tells the truth, too */
	bk_talk_init(&wife, &c.realm, c.wife);
	assert_int_equal(bk_talk_login(&wife, true), BK_E_IO); /* named, not hung */
	bk_talk_hang_up(&wife);
	bk_cast_hang_up(&c);
	assert_int_equal(bk_realm_stop(&c.realm), 0);
	assert_int_equal(bk_realm_start(&c.realm, words), 0);
	assert_int_equal(bk_talk_login(&wife, true), 0);
	assert_int_equal(drain(&wife), stored);
	bk_talk_done(&t);
	bk_talk_done(&wife);
	bk_cast_close(&c);
}

/* Acks that could not be committed are asked for again by a new delivery, and nothing is lost or counted twice. */
static void acks_on_a_full_disk(void **state)
{
	struct bk_cast c;
	struct bk_talk t, wife;

	(void)state;
	bk_cast_open(&c, "acks", words);
	bk_cast_ready(&c, &t, c.phone);
	for (unsigned i = 0; i < 3; i++)
		bk_cast_send(&t, c.relative, i, BAKEN__CLASS__CLASS_NORMAL);
	bk_cast_login(&c, &wife, c.wife);
	limit(&c, 1);
	bk_cast_take(&wife, true);
	while (bk_cast_metric(&c, "bakend_commit_errors_total") == 0)
		;
	assert_int_equal(bk_cast_status(&c, "queued"), 3);
	limit(&c, RLIM_INFINITY);
	assert_int_equal(bk_talk_login(&wife, true), 0);
	assert_int_equal(drain(&wife), 3);
	assert_int_equal(bk_cast_status(&c, "queued"), 0);
	bk_talk_done(&t);
	bk_talk_done(&wife);
	bk_cast_close(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_disk),
		cmocka_unit_test(uploads_to_a_full_disk),
		cmocka_unit_test(a_dying_disk),
		cmocka_unit_test(acks_on_a_full_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
