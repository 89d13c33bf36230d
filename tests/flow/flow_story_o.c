/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Story O with real programs: an officer's notifier is dead while its connection lives. The canary finds it (R1), the
 * operator and the supervisor read it, and a vault that is gone is found by the server alone (R4).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "err.h"
#include "story.h"
#include "tmp.h"

#define WAIT_MS 20000u

static struct bk_story story;
static struct bk_proc vault;

static struct bk_rpc *officer(unsigned n)
{
	return &story.who[n == 1 ? BK_OFFICER1 : BK_OFFICER2].rpc;
}

static void start_vault(void)
{
	const char *argv[] = {story.bin_client, "--dir", story.who[BK_VAULT].dir, "--passphrase-file", story.pass, "--json",
		"vault", "--canary", "3", "--canary-late", "1", NULL};

	assert_int_equal(bk_proc_start(&vault, argv, NULL, story.log), 0);
}

static void stop_vault(void)
{
	int code = -1;

	bk_proc_signal(&vault, SIGTERM);
	assert_int_equal(bk_proc_wait(&vault, WAIT_MS, &code), 0);
	assert_int_equal(code, 0);
	bk_proc_free(&vault);
}

/* What a screen does that draws. */
static void draw(unsigned n)
{
	json_t *event = NULL, *reply = NULL;

	assert_int_equal(bk_rpc_wait(officer(n), "canary", NULL, NULL, WAIT_MS, &event), 0);
	assert_int_equal(bk_rpc_call(officer(n), json_pack("{s:s, s:O}", "cmd", "canary-shown", "nonce",
		json_object_get(event, "nonce")), WAIT_MS, &reply), 0);
	json_decref(event);
	json_decref(reply);
}

static json_t *status(void)
{
	char *out = NULL;
	json_t *o;

	assert_int_equal(bk_story_ctl(&story, &out, "status", "--dir", bk_tmp_path("realm/server"), "--json", NULL), 0);
	o = json_loads(out, JSON_DISABLE_EOF_CHECK, NULL);
	free(out);
	return o;
}

/* Until the operator's own command says so; each try is a program of its own. */
static void expect_path(const char *state)
{
	uint64_t deadline = bk_proc_now_ms() + WAIT_MS;
	char last[20] = "";

	while (bk_proc_now_ms() < deadline) {
		json_t *s = status();

		snprintf(last, sizeof last, "%s", json_string_value(json_object_get(s, "path")));
		json_decref(s);
		if (strcmp(last, state) == 0)
			return;
	}
	fail_msg("the path is %s and not %s", last, state);
}

/* Both draw until the server has heard of a good one. */
static void draw_until_fine(void)
{
	uint64_t deadline = bk_proc_now_ms() + WAIT_MS;

	for (;;) {
		json_t *s = NULL;
		bool fine;

		draw(1);
		draw(2);
		s = status();
		fine = strcmp(json_string_value(json_object_get(s, "path")), "fine") == 0;
		json_decref(s);
		if (fine)
			return;
		assert_true(bk_proc_now_ms() < deadline);
	}
}

static bool audit_has(const char *entry)
{
	char *out = NULL;
	bool yes;

	assert_int_equal(bk_story_ctl(&story, &out, "audit", "list", "--dir", bk_tmp_path("realm/server"), "--json", NULL), 0);
	yes = strstr(out, entry) != NULL;
	free(out);
	return yes;
}

static void screens_that_draw_are_fine(void **state)
{
	(void)state;
	draw_until_fine();
}

static void dead_notifier_is_found(void **state)
{
	json_t *result = NULL, *reply = NULL;

	(void)state;
	for (const char *line; !result;) { /* the second officer's screen draws nothing from here */
		draw(1);
		do {
			json_decref(result);
			assert_int_equal(bk_proc_line(&vault, WAIT_MS, &line), 0);
			result = json_loads(line, 0, NULL);
		} while (!result || strcmp(json_string_value(json_object_get(result, "event")), "canary-result") != 0);
		if (strcmp(json_string_value(json_object_get(result, "state")), "late") != 0 ||
			json_integer_value(json_object_get(result, "shown")) != 1) {
			json_decref(result);
			result = NULL;
		}
	}
	assert_string_equal(json_string_value(json_array_get(json_object_get(result, "silent"), 0)), "Dienst 2");
	json_decref(result);
	assert_int_equal(bk_rpc_call(officer(2), json_pack("{s:s}", "cmd", "status"), WAIT_MS, &reply), 0);
	assert_true(json_is_true(json_object_get(reply, "online"))); /* its connection lives */
	json_decref(reply);
	expect_path("late");
	assert_true(audit_has("PATH-LATE"));
	while (bk_rpc_count(officer(2), "canary", NULL, NULL)) /* what was never drawn */
		bk_rpc_wait(officer(2), "canary", NULL, NULL, WAIT_MS, NULL);
	while (bk_rpc_count(officer(1), "canary", NULL, NULL))
		bk_rpc_wait(officer(1), "canary", NULL, NULL, WAIT_MS, NULL);
	draw_until_fine();
	assert_true(audit_has("PATH-OK"));
}

/* The board itself, in a terminal: it draws the canary, then answers it, and nobody pressed a key. */
static void board_answers_when_it_has_drawn(void **state)
{
	struct winsize size = {.ws_row = 30, .ws_col = 100};
	uint64_t deadline = bk_proc_now_ms() + WAIT_MS;
	char seen[200000] = "";
	size_t len = 0;
	int fd = -1, code = 0;
	pid_t pid;

	(void)state;
	assert_int_equal(bk_story_client_stop(&story, BK_OFFICER2), 0);
	pid = forkpty(&fd, NULL, NULL, &size);
	assert_true(pid >= 0);
	if (pid == 0) {
		setenv("TERM", "xterm", 1);
		execl(story.bin_client, story.bin_client, "--passphrase-file", story.pass, "--dir", story.who[BK_OFFICER2].dir,
			"--lang", "en", "desk", (char *)NULL);
		_exit(127);
	}
	while (!strstr(seen, "screens checked")) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		ssize_t n = poll(&p, 1, 1000) == 1 ? read(fd, seen + len, 4000) : 0;

		assert_true(bk_proc_now_ms() < deadline && n >= 0);
		len = len + (size_t)n < sizeof seen - 5000 ? len + (size_t)n : 0;
		seen[len] = '\0';
	}
	for (const char *line, *fine = NULL; !fine;) { /* both have shown it: one by hand, one by itself */
		char junk[4000];

		draw(1);
		assert_int_equal(bk_proc_line(&vault, WAIT_MS, &line), 0);
		while (poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 0) == 1 && read(fd, junk, sizeof junk) > 0)
			;
		fine = strstr(line, "\"shown\":2");
		assert_true(bk_proc_now_ms() < deadline);
	}
	assert_int_equal(write(fd, "q", 1), 1);
	while (read(fd, seen, sizeof seen) > 0)
		;
	assert_int_equal(waitpid(pid, &code, 0), pid);
	assert_int_equal(code, 0);
	close(fd);
	assert_int_equal(bk_story_client_start(&story, BK_OFFICER2), 0);
}

/* R4: the server's own watch, armed by nothing but its start. */
static void no_vault_is_found_by_the_server(void **state)
{
	FILE *conf;

	(void)state;
	stop_vault();
	assert_int_equal(bk_story_server_stop(&story), 0);
	conf = fopen(story.conf, "a");
	assert_non_null(conf);
	fputs("path-silent = 3\n", conf);
	assert_int_equal(fclose(conf), 0);
	assert_int_equal(bk_story_server_start(&story), 0);
	expect_path("waiting");
	expect_path("silent");
	start_vault();
	while (bk_rpc_count(officer(1), "canary", NULL, NULL))
		bk_rpc_wait(officer(1), "canary", NULL, NULL, WAIT_MS, NULL);
	while (bk_rpc_count(officer(2), "canary", NULL, NULL))
		bk_rpc_wait(officer(2), "canary", NULL, NULL, WAIT_MS, NULL);
	draw_until_fine();
	stop_vault();
}

static int begin(void **state)
{
	(void)state;
	if (bk_story_init(&story, BAKEN_BUILD_DIR "/bin", false) || bk_story_realm(&story) ||
		bk_story_client_stop(&story, BK_VAULT)) {
		print_error("%s\n", story.why);
		return -1;
	}
	start_vault();
	return 0;
}

static int end(void **state)
{
	(void)state;
	bk_proc_free(&vault);
	bk_story_done(&story);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(screens_that_draw_are_fine),
		cmocka_unit_test(dead_notifier_is_found),
		cmocka_unit_test(board_answers_when_it_has_drawn),
		cmocka_unit_test(no_vault_is_found_by_the_server),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
