/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the server makes of each commit's outcome: told once when writing fails, once when it works again. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "err.h"
#include "handlers.h"
#include "log.h"
#include "server.h"
#include "tmp.h"

static struct bk_server s;

static void outcome(enum bk_op_kind kind, int err, int result)
{
	struct bk_job job;

	memset(&job, 0, sizeof job);
	job.op.kind = kind;
	job.err = err;
	job.op.result = result;
	bk_handle_outcome(&s, &job);
}

/* How often a word stands in the log so far. */
static unsigned logged(const char *word)
{
	uint8_t *data = NULL;
	size_t len = 0;
	unsigned n = 0;

	assert_int_equal(bk_tmp_read(bk_tmp_path("log"), &data, &len), 0);
	for (char *at = (char *)data; (at = strstr(at, word)); at++)
		n++;
	free(data);
	return n;
}

static int start(void **state)
{
	static bool turned;

	(void)state;
	memset(&s, 0, sizeof s);
	if (!turned)
		turned = freopen(bk_tmp_path("log"), "w", stderr) != NULL;
	return turned && ftruncate(STDERR_FILENO, 0) == 0 && lseek(STDERR_FILENO, 0, SEEK_SET) == 0 ? 0 : -1;
}

static void a_failed_commit(void **state)
{
	(void)state;
	outcome(BK_OP_SUBMIT, 0, 0);
	assert_false(s.writes_failed);
	for (int i = 0; i < 3; i++)
		outcome(BK_OP_ACK, BK_E_IO, 0);
	assert_true(s.writes_failed);
	assert_int_equal(s.stats.commit_errors, 3);
	assert_int_equal(logged("err STORE_FAILED commit=BK_E_IO"), 1);
	outcome(BK_OP_ACK, 0, 0);
	assert_false(s.writes_failed);
	assert_int_equal(logged("info STORE_OK"), 1);
}

/* The map is full: messages are refused while acks go on, and an ack does not mean that there is room. */
static void a_full_map(void **state)
{
	(void)state;
	outcome(BK_OP_SUBMIT, 0, BK_E_FULL);
	assert_true(s.writes_failed);
	assert_int_equal(logged("err STORE_FULL commit=BK_E_FULL"), 1);
	outcome(BK_OP_ACK, 0, 0);
	outcome(BK_OP_DRILL, 0, 0);
	outcome(BK_OP_SUBMIT, 0, BK_E_QUOTA); /* refused for another reason: says nothing */
	outcome(BK_OP_SUBMIT, 0, BK_E_FULL);
	assert_true(s.writes_failed);
	assert_int_equal(logged("STORE_"), 1);
	outcome(BK_OP_FILE_NEW, 0, 0);
	assert_false(s.writes_failed);
	assert_int_equal(logged("STORE_OK"), 1);
}

static void a_full_disk_that_then_dies(void **state)
{
	(void)state;
	outcome(BK_OP_SUBMIT, BK_E_FULL, BK_E_FULL);
	outcome(BK_OP_SUBMIT, BK_E_IO, BK_E_IO);
	assert_true(s.commit_failed && s.room_full);
	outcome(BK_OP_ACK, 0, 0);
	assert_true(s.writes_failed); /* the disk answers, but is it empty enough? */
	outcome(BK_OP_SUBMIT, 0, 0);
	assert_false(s.writes_failed);
}

/* A refused record, or a job that came too late for the writer, is no trouble of the disk. */
static void what_is_no_trouble(void **state)
{
	(void)state;
	outcome(BK_OP_SUBMIT, 0, BK_E_HASH);
	outcome(BK_OP_PREKEYS_PUT, 0, BK_E_DUPLICATE);
	outcome(BK_OP_FILE_DONE, BK_E_CANCELLED, 0);
	assert_false(s.writes_failed);
	assert_int_equal(s.stats.commit_errors, 0);
	assert_int_equal(logged("STORE_"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_failed_commit, start),
		cmocka_unit_test_setup(a_full_map, start),
		cmocka_unit_test_setup(a_full_disk_that_then_dies, start),
		cmocka_unit_test_setup(what_is_no_trouble, start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
