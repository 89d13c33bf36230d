/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The operator's program: which files may be run, what it is told, and what happens to one that hangs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "err.h"
#include "hook.h"
#include "tmp.h"

struct ended {
	unsigned n, killed;
	int code;
};

static void on_end(void *arg, const struct bk_hook_facts *facts, int code, bool killed)
{
	struct ended *e = arg;

	assert_string_equal(facts->shown, "0123abcd");
	e->n++;
	e->killed += killed;
	e->code = code;
}

static const char *script(const char *name, const char *text)
{
	const char *path = bk_tmp_path(name);
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	fprintf(f, "#!/bin/sh\n%s\n", text);
	fclose(f);
	assert_int_equal(chmod(path, 0700), 0);
	return path;
}

static const struct bk_hook_facts facts = {.shown = "0123abcd", .level = 3, .stored_ms = 1780000000000, .late_ms = 7,
	.drill = true};

/* Runs n of them to their end. */
static struct ended play(const char *path, uint64_t seconds, unsigned n)
{
	struct bk_hooks *h = NULL;
	struct ended e = {0};
	uv_loop_t loop;

	assert_int_equal(uv_loop_init(&loop), 0);
	assert_int_equal(bk_hooks_start(&loop, path, seconds, &h), 0);
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(bk_hooks_run(h, &facts, on_end, &e), i < BK_HOOKS_MAX ? 0 : BK_E_BUSY);
	uv_run(&loop, UV_RUN_DEFAULT);
	bk_hooks_stop(h);
	uv_run(&loop, UV_RUN_DEFAULT);
	bk_hooks_free(h);
	assert_int_equal(uv_loop_close(&loop), 0);
	return e;
}

static char *text_of(const char *path)
{
	uint8_t *data = NULL;
	size_t len = 0;
	char *text;

	assert_int_equal(bk_tmp_read(path, &data, &len), 0);
	text = malloc(len + 1);
	assert_non_null(text);
	memcpy(text, data, len);
	text[len] = '\0';
	free(data);
	return text;
}

/* Facts and nothing else: no variable of ours, no open file of ours. */
static void test_what_it_is_told(void **state)
{
	char line[600], *text;
	struct ended e;

	(void)state;
	setenv("BAKEN_SECRET", "geheim", 1);
	snprintf(line, sizeof line, "{ env | sort; echo \"args $#\"; ls /proc/$$/fd | tr '\\n' ' '; } > %s", bk_tmp_path("told"));
	e = play(script("tell", line), 10, 1);
	assert_int_equal(e.n, 1);
	assert_int_equal(e.code, 0);
	text = text_of(bk_tmp_path("told"));
	assert_non_null(strstr(text, "BAKEN_ALARM=0123abcd\nBAKEN_DRILL=1\nBAKEN_EVENT=alarm-unopened\nBAKEN_LATE_MS=7\n"
				     "BAKEN_LEVEL=3\nBAKEN_STORED=2026-05-28T20:26:40Z\nBAKEN_STORED_MS=1780000000000\n"));
	assert_null(strstr(text, "geheim"));
	assert_non_null(strstr(text, "args 0\n"));
	assert_null(strstr(text, " 3"));
	free(text);
	unsetenv("BAKEN_SECRET");
}

/* A hook that hangs is ended, and its children with it. */
static void test_a_hook_that_hangs(void **state)
{
	char line[600], *text;
	struct ended e;
	long child;

	(void)state;
	snprintf(line, sizeof line, "trap '' TERM\nsleep 1000 &\necho $! > %s\nwait", bk_tmp_path("child"));
	e = play(script("hang", line), 1, 1);
	assert_int_equal(e.n, 1);
	assert_int_equal(e.killed, 1);
	assert_int_equal(e.code, -9);
	text = text_of(bk_tmp_path("child"));
	child = strtol(text, NULL, 10);
	free(text);
	assert_true(child > 1);
	for (int i = 0; i < 200 && kill((pid_t)child, 0) == 0; i++) { /* a zombie until its new parent looks */
		char stat[64], state_of = 'R';
		FILE *f;

		snprintf(stat, sizeof stat, "/proc/%ld/stat", child);
		f = fopen(stat, "re");
		if (!f || (fscanf(f, "%*d %*s %c", &state_of) == 1 && state_of == 'Z')) {
			if (f)
				fclose(f);
			return;
		}
		fclose(f);
		usleep(1000);
	}
	assert_int_not_equal(kill((pid_t)child, 0), 0);
}

static void test_ends(void **state)
{
	struct ended e;

	(void)state;
	e = play(script("seven", "exit 7"), 10, BK_HOOKS_MAX + 1); /* so many at once and no more */
	assert_int_equal(e.n, BK_HOOKS_MAX);
	assert_int_equal(e.code, 7);
}

static void test_cannot_be_run(void **state)
{
	struct bk_hooks *h = NULL;
	struct ended e = {0};
	uv_loop_t loop;

	(void)state;
	assert_int_equal(uv_loop_init(&loop), 0);
	assert_int_equal(bk_hooks_start(&loop, "/nowhere/hook", 1, &h), 0);
	assert_int_equal(bk_hooks_run(h, &facts, on_end, &e), BK_E_IO);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(e.n, 0);
	bk_hooks_stop(h);
	bk_hooks_free(h);
	assert_int_equal(uv_loop_close(&loop), 0);
}

static void test_which_files(void **state)
{
	const char *path = script("good", "true"), *folder = bk_tmp_path("open"), *link = bk_tmp_path("link");
	char inside[600];

	(void)state;
	assert_int_equal(bk_hook_check(path, getuid()), 0);
	assert_int_equal(bk_hook_check("good", getuid()), BK_E_INVAL);
	assert_int_equal(bk_hook_check("/nowhere/hook", getuid()), BK_E_NOT_FOUND);
	assert_int_equal(bk_hook_check("/tmp", getuid()), BK_E_STATE);
	assert_int_equal(chmod(path, 0600), 0);
	assert_int_equal(bk_hook_check(path, getuid()), BK_E_STATE);
	assert_int_equal(chmod(path, 0720), 0);
	assert_int_equal(bk_hook_check(path, getuid()), BK_E_STATE);
	assert_int_equal(chmod(path, 0702), 0);
	assert_int_equal(bk_hook_check(path, getuid()), BK_E_STATE);
	assert_int_equal(chmod(path, 0700), 0);
	if (getuid() != 0)
		assert_int_equal(bk_hook_check(path, getuid() + 1), BK_E_STATE);
	assert_int_equal(symlink(path, link), 0);
	assert_int_equal(bk_hook_check(link, getuid()), BK_E_STATE);
	assert_int_equal(mkdir(folder, 0700), 0);
	snprintf(inside, sizeof inside, "%s/hook", folder);
	assert_int_equal(rename(path, inside), 0);
	assert_int_equal(bk_hook_check(inside, getuid()), 0);
	assert_int_equal(chmod(folder, 0777), 0);
	assert_int_equal(bk_hook_check(inside, getuid()), BK_E_STATE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_it_is_told),
		cmocka_unit_test(test_a_hook_that_hangs),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_cannot_be_run),
		cmocka_unit_test(test_which_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
