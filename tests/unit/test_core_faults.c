/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The n-th call of the store fails, for every n, on both sides of a message: the core stops with "fatal", nothing
 * of the turn happened, and after a restart every message is there exactly once. The n-th allocation of a command
 * fails: a named error or "fatal", never half a message.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <stdlib.h>

#include "twin.h"

#define MINUTE 60000ull

static struct bk_twin twin;
static struct bk_twin_cast cast;

static int setup(void **state)
{
	(void)state;
	bk_twin_cast(&twin, "faults", &cast);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	bk_twin_close(&twin);
	return 0;
}

static json_t *report(const char *what)
{
	return json_pack("{s:s, s:s}", "cmd", "report", "what", what);
}

static size_t kept(struct bk_twin_device *d, const char *what, bk_id *ret_id)
{
	json_t *reply = NULL, *item;
	size_t i, n = 0;

	assert_int_equal(bk_twin_call(d, json_pack("{s:s, s:i}", "cmd", "messages", "limit", 12), &reply), 0);
	json_array_foreach(json_object_get(reply, "items"), i, item) {
		const char *said = json_string_value(json_object_get(item, "what"));

		if (!said || strcmp(said, what) != 0)
			continue;
		n++;
		assert_int_equal(bk_id_parse(json_string_value(json_object_get(item, "message")), ret_id), 0);
	}
	json_decref(reply);
	return n;
}

/* A core that failed says so once, and refuses everything until it is opened anew. */
static void expect_dead(struct bk_twin_device *d)
{
	assert_int_equal(bk_twin_count(d, "fatal", NULL, NULL), 1);
	assert_int_equal(bk_core_tick(d->core, bk_twin_now()), BK_E_STATE);
}

static void revive(struct bk_twin_device *d)
{
	bk_kv_mem_fail(d->kv, -1, 0);
	if (d->err)
		expect_dead(d);
	bk_twin_forget(d);
	d->err = 0;
	bk_twin_reboot(d);
	bk_twin_pass(&twin, 3 * MINUTE);
}

/* Returns false when the n-th call did not come. */
static bool fails_at(struct bk_twin_device *who, long n, int err)
{
	char what[40];
	bool hit;
	bk_id m;

	snprintf(what, sizeof what, "%s %ld %d", who->name, n, err);
	bk_kv_mem_fail(who->kv, n, err);
	bk_twin_call(cast.person, report(what), NULL);
	bk_twin_settle(&twin);
	hit = who->err != 0;
	if (who == cast.person && !bk_twin_count(who, "fatal", NULL, NULL) == hit)
		fail_msg("failed without a word at %ld", n);
	revive(who);
	if (who == cast.person && !kept(cast.person, what, &m)) { /* the command's own turn failed: say it again */
		assert_int_equal(bk_twin_call(cast.person, report(what), NULL), 0);
		bk_twin_pass(&twin, MINUTE);
	}
	assert_int_equal(kept(cast.person, what, &m), 1);
	assert_int_not_equal(bk_twin_rung(cast.person, m, "decrypted"), 0);
	assert_int_equal(kept(cast.officer, what, &m), 1);
	assert_int_equal(kept(cast.second, what, &m), 1);
	assert_int_equal(bk_twin_count(cast.officer, "undecryptable", NULL, NULL), 0);
	return hit;
}

static void fail_each(struct bk_twin_device *who, int err)
{
	long n = 0, hits = 0;

	for (long misses = 0; misses < 3 && n < 400; n += 1 + n / 12) { /* every one of the first, then some */
		bool hit = fails_at(who, n, err);

		misses = hit ? 0 : misses + 1;
		hits += hit;
	}
	assert_true(hits > 20);
	assert_true(n < 400);
}

static void test_sender_io(void **state)
{
	(void)state;
	fail_each(cast.person, BK_E_IO);
}

static void test_reader_full(void **state)
{
	(void)state;
	fail_each(cast.officer, BK_E_FULL);
}

/* ---- allocations of a command ---- */

static long left;
static bool counting;

static bool fails_now(void)
{
	return counting && left-- == 0;
}

/* The linker puts these in the place of what core, protocol and server call (tests/unit/CMakeLists.txt). */
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);

static void *failing_malloc(size_t n)
{
	return fails_now() ? NULL : __real_malloc(n);
}

void *__wrap_malloc(size_t n)
{
	return fails_now() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails_now() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
	return fails_now() ? NULL : __real_realloc(p, n);
}

static int command_with(const char *json, long n)
{
	int err;

	left = n;
	counting = true;
	err = bk_core_command(cast.person->core, json, strlen(json), bk_twin_now());
	counting = false;
	bk_twin_turn(cast.person, err);
	return left >= 0 ? 0 : 1; /* 1: it was hit */
}

static void test_allocations(void **state)
{
	long n = 0;

	(void)state;
	json_set_alloc_funcs(failing_malloc, free);
	for (;; n += 1 + n / 16) {
		char what[40], json[200];
		bk_id m;
		size_t there;
		int hit;

		snprintf(what, sizeof what, "geheugen %ld", n);
		snprintf(json, sizeof json, "{\"cmd\":\"report\",\"id\":%ld,\"what\":\"%s\",\"where\":\"hier\"}", 90000 + n, what);
		cast.person->err = 0;
		hit = command_with(json, n);
		if (cast.person->err || hit) {
			bk_twin_forget(cast.person);
			cast.person->err = 0;
			bk_twin_reboot(cast.person);
		}
		bk_twin_pass(&twin, 2 * MINUTE);
		there = kept(cast.person, what, &m);
		assert_true(there <= 1);
		assert_int_equal(kept(cast.officer, what, &m), there);
		if (!hit)
			break;
	}
	json_set_alloc_funcs(malloc, free);
	assert_true(n > 50);
}

/* The same on the reading side: the n-th allocation while a frame is read. */
static void around(bool begin)
{
	counting = begin;
}

static void test_allocations_of_the_reader(void **state)
{
	long n = 0;
	bool hit = true;

	(void)state;
	json_set_alloc_funcs(failing_malloc, free);
	for (; hit && n < 4000; n += 1 + n / 12) {
		char what[40];
		bk_id m;

		snprintf(what, sizeof what, "lezer %ld", n);
		left = n;
		cast.officer->around = around;
		cast.officer->err = 0;
		assert_int_equal(bk_twin_call(cast.person, report(what), NULL), 0);
		bk_twin_settle(&twin);
		cast.officer->around = NULL;
		hit = left < 0;
		assert_int_equal(bk_twin_count(cast.officer, "undecryptable", NULL, NULL), 0);
		bk_twin_forget(cast.officer);
		cast.officer->err = 0;
		bk_twin_reboot(cast.officer);
		bk_twin_pass(&twin, 3 * MINUTE);
		assert_int_equal(kept(cast.officer, what, &m), 1);
		assert_int_equal(bk_twin_count(cast.officer, "undecryptable", NULL, NULL), 0);
	}
	json_set_alloc_funcs(malloc, free);
	assert_true(n > 50 && n < 4000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sender_io),
		cmocka_unit_test(test_reader_full),
		cmocka_unit_test(test_allocations),
		cmocka_unit_test(test_allocations_of_the_reader),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
