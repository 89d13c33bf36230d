/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The sub-commands of `baken` as people and scripts use them, against a real server: exit codes, --json, wrong
 * words, no terminal, no server, somebody else's folder.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <poll.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "err.h"
#include "story.h"
#include "tmp.h"

#define WORDS_MAX 30
#define RUN_MS 60000u

static struct bk_story story;
static char *out; /* of the last run */

/* Runs baken with the words; who < 0: in a folder that does not exist. */
static int run(int who, ...)
{
	const char *argv[WORDS_MAX] = {story.bin_client, "--passphrase-file", story.pass, "--dir",
		who < 0 ? bk_tmp_path("nobody") : story.who[who].dir};
	size_t n = 5;
	va_list ap;

	va_start(ap, who);
	while (n < WORDS_MAX - 1 && (argv[n] = va_arg(ap, const char *)))
		n++;
	va_end(ap);
	argv[n] = NULL;
	free(out);
	out = NULL;
	return bk_proc_run(argv, NULL, story.log, RUN_MS, &out);
}

/* The last line of the output that is a JSON object with this member (as text); static. */
static const char *member(const char *key)
{
	static char value[1000];

	value[0] = '\0';
	for (char *line = out; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
		json_t *o = json_loads(line, JSON_DISABLE_EOF_CHECK, NULL);
		const json_t *v = json_object_get(o, key);

		if (json_is_string(v))
			snprintf(value, sizeof value, "%s", json_string_value(v));
		json_decref(o);
	}
	return value;
}

static bool every_line_is_json(void)
{
	char *copy = strdup(out), *save = NULL;
	bool yes = true;

	for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		json_t *o = json_loads(line, JSON_REJECT_DUPLICATES, NULL);

		yes = yes && json_is_object(o);
		json_decref(o);
	}
	free(copy);
	return yes;
}

static int setup(void **state)
{
	const char *bin = getenv("BAKEN_BUILD");
	char dir[600];

	(void)state;
	snprintf(dir, sizeof dir, "%s/bin", bin ? bin : BAKEN_BUILD_DIR);
	if (bk_story_init(&story, dir, false) || bk_story_realm(&story)) {
		print_error("%s\n", story.why);
		return -1;
	}
	if (bk_story_client_stop(&story, BK_PERSON) || bk_story_client_stop(&story, BK_OFFICER1) ||
		bk_story_client_stop(&story, BK_RELATIVE) || bk_story_client_stop(&story, BK_CARE))
		return -1;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	bk_story_done(&story);
	free(out);
	return 0;
}

/* ---- words ---- */

static void test_words(void **state)
{
	(void)state;
	assert_int_equal(run(BK_PERSON, NULL), EX_USAGE);
	assert_int_equal(run(BK_PERSON, "stauts", NULL), EX_USAGE);
	assert_int_equal(run(BK_PERSON, "help", NULL), 0);
	assert_non_null(strstr(out, "acknowledge"));
	assert_int_equal(run(BK_PERSON, "help", "report", NULL), 0);
	assert_non_null(strstr(out, "--certainty"));
	assert_int_equal(run(BK_PERSON, "report", "--help", NULL), 0);
	assert_int_equal(run(BK_PERSON, "help", "nothing", NULL), EX_USAGE);
	assert_int_equal(run(BK_PERSON, "--version", NULL), 0);
	assert_int_equal(run(BK_PERSON, "--nope", "status", NULL), EX_USAGE);
	assert_int_equal(run(BK_PERSON, "--lang", "xx", "status", NULL), EX_USAGE);
	assert_int_equal(run(BK_PERSON, "--wait", "soon", "status", NULL), EX_USAGE);
	assert_int_equal(run(BK_PERSON, "status", "--nope", NULL), EX_USAGE);
	assert_int_equal(run(BK_PERSON, "status", "too", "many", NULL), EX_USAGE);
	assert_int_equal(run(BK_PERSON, "save", "12345678", NULL), EX_USAGE);
	assert_int_equal(run(BK_PERSON, "desk", "dance", NULL), EX_USAGE);
	assert_int_equal(run(BK_PERSON, "guidance", "--title", "x", "text", NULL), EX_USAGE);
	assert_int_equal(run(BK_PERSON, "unlock", "--minutes", "-1", NULL), EX_USAGE);
}

/* The completion knows the program's words: all of them, and no other. */
static void test_completion(void **state)
{
	char script[700];
	const char *argv[] = {"bash", "-c", script, NULL};
	char *words = NULL;
	size_t n = 0;

	(void)state;
	snprintf(script, sizeof script,
		". '%s/client/native/baken.bash'; COMP_WORDS=(baken ''); COMP_CWORD=1; _baken; printf '%%s\\n' \"${COMPREPLY[@]}\"",
		BAKEN_SOURCE_DIR);
	assert_int_equal(bk_proc_run(argv, NULL, story.log, RUN_MS, &words), 0);
	assert_int_equal(run(BK_PERSON, "help", NULL), 0);
	for (char *line = strstr(out, "\n  "); line; line = strstr(line + 1, "\n  "), n++) {
		char word[40];

		assert_int_equal(sscanf(line, "\n  %39[a-z-]", word), 1);
		strcat(word, "\n");
		if (!strstr(words, word))
			fail_msg("baken.bash does not know %s", word);
	}
	for (char *save = NULL, *w = strtok_r(words, "\n", &save); w; w = strtok_r(NULL, "\n", &save)) {
		char line[60];

		snprintf(line, sizeof line, "\n  %s ", w);
		if (w[0] != '-' && strcmp(w, "help") != 0 && !strstr(out, line))
			fail_msg("baken.bash knows %s, baken does not", w);
	}
	assert_true(n > 15);
	free(words);
}

/* ---- folders and passphrases ---- */

static void test_no_folder(void **state)
{
	(void)state;
	assert_int_equal(run(-1, "status", NULL), EX_NOPERM);
	assert_int_equal(run(-1, "--json", "status", NULL), EX_NOPERM);
	assert_string_equal(member("error"), "BK_E_STATE");
}

static int with_passphrase(const char *file, const char *word)
{
	const char *argv[] = {story.bin_client, "--dir", story.who[BK_PERSON].dir, "--passphrase-file", file, "--offline", word,
		NULL};

	return bk_proc_run(argv, NULL, story.log, RUN_MS, NULL);
}

static void test_passphrase(void **state)
{
	char wrong[600], empty[600], fresh[600];

	(void)state;
	snprintf(wrong, sizeof wrong, "%s", bk_tmp_path("wrong"));
	snprintf(empty, sizeof empty, "%s", bk_tmp_path("empty"));
	snprintf(fresh, sizeof fresh, "%s", bk_tmp_path("fresh"));
	assert_int_equal(bk_tmp_write(wrong, "iets anders\n", 12), 0);
	assert_int_equal(bk_tmp_write(empty, "\n", 1), 0);
	assert_int_equal(bk_tmp_write(fresh, "een nieuwe zin\n", 15), 0);
	assert_int_equal(with_passphrase(wrong, "status"), EX_NOPERM);
	assert_int_equal(with_passphrase(empty, "status"), EX_DATAERR);
	assert_int_equal(with_passphrase(bk_tmp_path("absent"), "status"), EX_NOINPUT);
	assert_int_equal(run(BK_RELATIVE, "passphrase", "--new-passphrase-file", fresh, NULL), 0);
	assert_int_equal(run(BK_RELATIVE, "--offline", "status", NULL), EX_NOPERM); /* the old one opens nothing */
	assert_int_equal(run(BK_RELATIVE, "--passphrase-file", fresh, "--json", "passphrase", "--new-passphrase-file", story.pass,
		NULL), 0);
	assert_string_equal(member("event"), "ok");
	assert_int_equal(run(BK_RELATIVE, "--offline", "status", NULL), 0);
	assert_int_equal(run(BK_RELATIVE, "lock", NULL), 0);
}

/* M9: one owner of a folder. */
static void test_second_program_m9(void **state)
{
	(void)state;
	assert_int_equal(run(BK_OFFICER2, "status", NULL), EX_TEMPFAIL);
	assert_int_equal(run(BK_OFFICER2, "--json", "status", NULL), EX_TEMPFAIL);
	assert_string_equal(member("error"), "BK_E_LOCKED");
}

/* ---- a report ---- */

static char report[40];

static void test_report(void **state)
{
	(void)state;
	assert_int_equal(run(BK_PERSON, "--json", "report", "--where", "thuis", "--urgency", "now", "--certainty", "sure", "--file",
		story.photo, "--file", story.voice, "Er staat iemand", "in de tuin.", NULL), 0);
	assert_true(every_line_is_json());
	snprintf(report, sizeof report, "%s", member("message"));
	assert_int_equal(strlen(report), 32);
	assert_string_equal(member("rung"), "stored");
	assert_int_equal(run(BK_PERSON, "--json", "show", report, NULL), 0);
	assert_string_equal(member("what"), "Er staat iemand in de tuin.");
	assert_int_equal(run(BK_PERSON, "reports", NULL), 0);
	assert_non_null(strstr(out, "veilig opgeslagen bij de server"));
	assert_int_equal(run(BK_PERSON, "--lang", "en", "reports", NULL), 0);
	assert_non_null(strstr(out, "stored safely at the server"));
	assert_null(strchr(out, '\033')); /* no terminal: no escape sequences */
}

static void test_wrong_input(void **state)
{
	(void)state;
	assert_int_equal(run(BK_PERSON, "report", "--urgency", "soon", "tekst", NULL), EX_DATAERR);
	assert_int_equal(run(BK_PERSON, "report", "--file", "/nergens/x", "tekst", NULL), EX_NOINPUT);
	assert_int_equal(run(BK_PERSON, "report", "--file", "/tmp", "tekst", NULL), EX_DATAERR);
	assert_int_equal(run(BK_PERSON, "report", "", NULL), EX_DATAERR);
	assert_int_equal(run(BK_PERSON, "report", "\033[31mrood", NULL), EX_DATAERR);
	assert_int_equal(run(BK_PERSON, "report", "\xff\xfe", NULL), EX_DATAERR);
	assert_int_equal(run(BK_PERSON, "show", "00000000", NULL), EX_NOINPUT);
	assert_int_equal(run(BK_PERSON, "show", "zzz", NULL), EX_NOINPUT);
	assert_int_equal(run(BK_PERSON, "show", "0123456789abcdef0123456789abcdef", NULL), EX_NOINPUT);
	assert_int_equal(run(BK_PERSON, "acknowledge", report, NULL), EX_NOPERM);
	assert_int_equal(run(BK_PERSON, "send", "nobody", "tekst", NULL), EX_DATAERR);
	assert_int_equal(run(BK_PERSON, "desk", NULL), EX_NOPERM);
	assert_int_equal(run(BK_PERSON, "people", NULL), EX_NOPERM);
	assert_int_equal(run(BK_CARE, "send", "desk", "tekst", NULL), EX_NOPERM);
	assert_int_equal(run(BK_OFFICER1, "report", "tekst", NULL), EX_NOPERM);
	assert_int_equal(run(BK_PERSON, "--json", "people", NULL), EX_NOPERM);
	assert_string_equal(member("error"), "BK_E_ROLE");
}

/* ---- the desk ---- */

static void test_desk(void **state)
{
	char prefix[9];
	json_t *reply = NULL;

	(void)state;
	snprintf(prefix, sizeof prefix, "%.8s", report);
	assert_int_equal(run(BK_OFFICER1, "--json", "desk", "list", NULL), 0);
	assert_true(every_line_is_json());
	assert_non_null(strstr(out, report));
	assert_int_equal(run(BK_OFFICER1, "desk", "release", prefix, "waarom niet", NULL), EX_NOPERM); /* not ours */
	assert_int_equal(run(BK_OFFICER1, "desk", "close", prefix, NULL), EX_USAGE); /* feedback is mandatory */
	assert_int_equal(run(BK_OFFICER1, "desk", "claim", prefix, NULL), 0);
	assert_int_equal(bk_rpc_call(&story.who[BK_OFFICER2].rpc, json_pack("{s:s, s:s}", "cmd", "claim", "case", report), RUN_MS,
		&reply), 0);
	assert_true(json_is_false(json_object_get(reply, "won")));
	json_decref(reply);
	assert_int_equal(run(BK_OFFICER1, "desk", "note", prefix, "bekend", "adres", NULL), 0);
	assert_int_equal(run(BK_OFFICER1, "--json", "reply", prefix, "We komen eraan.", NULL), 0);
	assert_int_equal(run(BK_OFFICER1, "desk", "release", prefix, "pauze", NULL), 0);
	assert_int_equal(bk_rpc_call(&story.who[BK_OFFICER2].rpc, json_pack("{s:s, s:s}", "cmd", "claim", "case", report), RUN_MS,
		NULL), 0);
	assert_int_equal(run(BK_OFFICER1, "desk", "claim", prefix, NULL), EX_NOPERM);
	assert_non_null(strstr(out, "Dienst 2"));
	assert_int_equal(bk_rpc_call(&story.who[BK_OFFICER2].rpc, json_pack("{s:s, s:s, s:s}", "cmd", "close", "case", report,
		"feedback", "Het was de buurman."), RUN_MS, NULL), 0);
	assert_int_equal(run(BK_PERSON, "show", prefix, NULL), 0);
	assert_non_null(strstr(out, "opgepakt"));
	assert_int_equal(run(BK_PERSON, "messages", NULL), 0);
	assert_non_null(strstr(out, "Het was de buurman."));
}

/* ---- the board, in a terminal ---- */

struct screen {
	int fd;
	pid_t pid;
	char seen[200000]; /* all that was written to it since the last word that was waited for */
	size_t n;
};

static void screen_open(struct screen *s, enum bk_story_actor who)
{
	struct winsize size = {.ws_row = 30, .ws_col = 100};

	memset(s, 0, sizeof *s);
	s->pid = forkpty(&s->fd, NULL, NULL, &size);
	assert_true(s->pid >= 0);
	if (s->pid == 0) {
		setenv("TERM", "xterm", 1);
		execl(story.bin_client, story.bin_client, "--passphrase-file", story.pass, "--dir", story.who[who].dir, "desk",
			(char *)NULL);
		_exit(127);
	}
}

static void screen_wait(struct screen *s, const char *word)
{
	uint64_t deadline = bk_proc_now_ms() + RUN_MS;

	while (!strstr(s->seen, word)) {
		struct pollfd p = {.fd = s->fd, .events = POLLIN};
		ssize_t n;

		assert_true(bk_proc_now_ms() < deadline && s->n < sizeof s->seen - 5000);
		if (poll(&p, 1, 1000) != 1)
			continue;
		n = read(s->fd, s->seen + s->n, 4000);
		if (n <= 0)
			fail_msg("the board ended before it showed \"%s\"", word);
		s->n += (size_t)n;
		s->seen[s->n] = '\0';
	}
	s->n = 0;
	s->seen[0] = '\0';
}

static void screen_type(struct screen *s, const char *keys)
{
	assert_int_equal(write(s->fd, keys, strlen(keys)), (ssize_t)strlen(keys));
}

static void test_board(void **state)
{
	struct screen *s = calloc(1, sizeof *s);
	int status = 0;

	(void)state;
	assert_int_equal(run(BK_PERSON, "report", "--urgency", "now", "Voor het bord.", NULL), 0);
	screen_open(s, BK_OFFICER1);
	screen_wait(s, "Voor het bord.");
	screen_type(s, "c");
	screen_wait(s, "U hebt deze zaak opgepakt.");
	screen_type(s, "a");
	screen_wait(s, "Esc");
	screen_type(s, "Dit wordt gewist\025Op weg\303\251\177.\n"); /* Ctrl-U, and one character back */
	screen_wait(s, "beantwoord");
	screen_type(s, "o");
	screen_wait(s, "Op weg.");
	screen_type(s, "xs");
	screen_wait(s, "Esc");
	screen_type(s, "\033");
	screen_wait(s, "Meldkamer"); /* given up: nothing was closed */
	screen_type(s, "q");
	while (read(s->fd, s->seen, 4000) > 0)
		;
	assert_int_equal(waitpid(s->pid, &status, 0), s->pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	close(s->fd);
	free(s);
	assert_int_equal(run(BK_PERSON, "messages", NULL), 0);
	assert_non_null(strstr(out, "Op weg."));
}

static void test_save(void **state)
{
	uint8_t *a = NULL, *b = NULL;
	size_t na = 0, nb = 0;
	char path[600];

	(void)state;
	snprintf(path, sizeof path, "%s", bk_tmp_path("bewijs.jpg"));
	assert_int_equal(run(BK_OFFICER1, "--json", "save", report, "0", path, NULL), 0);
	assert_int_equal(strlen(member("plain_hash")), 64);
	assert_int_equal(bk_tmp_read(path, &a, &na), 0);
	assert_int_equal(bk_tmp_read(story.photo, &b, &nb), 0);
	assert_int_equal(na, nb);
	assert_memory_equal(a, b, na);
	free(a);
	free(b);
	assert_int_equal(run(BK_OFFICER1, "save", report, "0", path, NULL), EX_CANTCREAT); /* nothing is overwritten */
	assert_int_equal(run(BK_OFFICER1, "save", report, "7", path, NULL), EX_NOINPUT);
	assert_int_equal(run(BK_OFFICER1, "save", report, "99", path, NULL), EX_USAGE);
}

static void test_guidance(void **state)
{
	char group[40], theirs[40];

	(void)state;
	assert_int_equal(run(BK_OFFICER1, "people", NULL), 0);
	assert_non_null(strstr(out, "Persoon"));
	assert_int_equal(run(BK_OFFICER1, "--json", "guidance", "send", "--title", "Blijf binnen", "--all", "Tot 18 uur.", NULL), 0);
	snprintf(group, sizeof group, "%s", member("message"));
	assert_int_equal(run(BK_PERSON, "messages", NULL), 0);
	assert_non_null(strstr(out, "Blijf binnen"));
	assert_int_equal(run(BK_PERSON, "--json", "messages", NULL), 0);
	{
		json_t *o = json_loads(out, JSON_DISABLE_EOF_CHECK, NULL), *item;
		size_t i;

		theirs[0] = '\0';
		json_array_foreach(json_object_get(o, "items"), i, item)
			if (json_object_get(item, "title"))
				snprintf(theirs, sizeof theirs, "%s", json_string_value(json_object_get(item, "message")));
		json_decref(o);
	}
	assert_int_equal(run(BK_PERSON, "acknowledge", theirs, NULL), 0);
	assert_int_equal(run(BK_OFFICER1, "guidance", "status", group, NULL), 0);
	assert_non_null(strstr(out, "Persoon"));
	assert_non_null(strstr(out, "nog niet")); /* the relative has not looked yet */
	assert_non_null(strstr(out, "1 van 2"));
	assert_int_equal(run(BK_OFFICER1, "guidance", NULL), 0);
	assert_non_null(strstr(out, "Blijf binnen"));
	assert_int_equal(run(BK_OFFICER1, "guidance", "recall", group, "Het", "is", "voorbij.", NULL), 0);
	assert_int_equal(run(BK_OFFICER1, "guidance", "recall", group, "Nog eens.", NULL), EX_NOPERM);
	assert_int_equal(run(BK_PERSON, "guidance", NULL), 0);
	assert_non_null(strstr(out, "ingetrokken: Het is voorbij."));
	assert_int_equal(run(BK_PERSON, "--offline", "guidance", NULL), 0);
	assert_non_null(strstr(out, "ingetrokken"));
	assert_int_equal(run(BK_OFFICER1, "--lang", "en", "guidance", "templates", NULL), 0);
	assert_non_null(strstr(out, "stay-inside"));
	assert_int_equal(run(BK_OFFICER1, "guidance", "templates", "nothing", NULL), EX_NOINPUT);
	assert_int_equal(run(BK_OFFICER1, "guidance", "send", "--all", "--template", "stay-inside", NULL), EX_DATAERR); /* a gap */
	assert_int_equal(run(BK_OFFICER1, "guidance", "send", "--all", "--template", "exercise", "--drill", "--hours", "2", NULL), 0);
	assert_int_equal(run(BK_PERSON, "guidance", NULL), 0);
	assert_non_null(strstr(out, "OEFENING"));
	assert_non_null(strstr(out, "geldt tot"));
	assert_int_equal(run(BK_OFFICER1, "guidance", "requests", NULL), 0);
	assert_int_equal(run(BK_OFFICER1, "guidance", "group", "Station", story.who[BK_PERSON].circle, NULL), 0);
	assert_int_equal(run(BK_OFFICER1, "guidance", "groups", NULL), 0);
	assert_non_null(strstr(out, "Station"));
	assert_int_equal(run(BK_OFFICER1, "guidance", "dance", NULL), EX_USAGE);
	assert_int_equal(run(BK_PERSON, "guidance", "requests", NULL), EX_NOPERM);
}

static void test_receipts(void **state)
{
	char path[600];
	uint8_t *data = NULL;
	size_t len = 0;
	json_t *list;

	(void)state;
	snprintf(path, sizeof path, "%s", bk_tmp_path("bewijzen.json"));
	assert_int_equal(run(BK_PERSON, "receipts", "export", path, NULL), 0);
	assert_int_equal(bk_tmp_read(path, &data, &len), 0);
	list = json_loadb((char *)data, len, 0, NULL);
	assert_true(json_array_size(list) >= 1);
	assert_non_null(json_object_get(json_array_get(list, 0), "signature"));
	json_decref(list);
	free(data);
	assert_int_equal(run(BK_PERSON, "receipts", "export", path, NULL), EX_CANTCREAT);
	assert_int_equal(run(BK_PERSON, "receipts", NULL), 0);
}

/* ---- without a server ---- */

static void test_offline(void **state)
{
	(void)state;
	assert_int_equal(run(BK_PERSON, "--offline", "report", "Bewaard voor later.", NULL), 0);
	assert_non_null(strstr(out, "op dit toestel"));
	bk_story_server_kill(&story);
	assert_int_equal(run(BK_PERSON, "--wait", "1", "report", "Zonder server.", NULL), EX_TEMPFAIL);
	assert_non_null(strstr(out, "op dit toestel"));
	assert_int_equal(run(BK_PERSON, "--wait", "1", "sync", NULL), EX_UNAVAILABLE);
	assert_int_equal(run(BK_PERSON, "--wait", "1", "messages", NULL), 0); /* what is here can be read */
	assert_int_equal(run(BK_OFFICER1, "--wait", "1", "desk", "on", NULL), EX_UNAVAILABLE);
	assert_int_equal(bk_story_server_start(&story), 0);
	assert_int_equal(run(BK_PERSON, "sync", NULL), 0);
	assert_int_equal(run(BK_PERSON, "--json", "status", NULL), 0);
	assert_non_null(strstr(out, "\"queued_out\":0"));
}

/* ---- monitor ---- */

/* A page of plots that fetches nothing and runs nothing; a file that is there stays. */
static void test_monitor(void **state)
{
	char path[600];
	uint8_t *page = NULL;
	size_t len = 0;

	(void)state;
	snprintf(path, sizeof path, "%s", bk_tmp_path("monitor.html"));
	assert_int_equal(run(BK_OFFICER1, "--lang", "en", "monitor", NULL), 0);
	assert_non_null(strstr(out, "Work of the desk"));
	assert_non_null(strstr(out, "Missed check-ins"));
	assert_int_equal(run(BK_OFFICER1, "--json", "monitor", "--days", "7", NULL), 0);
	assert_true(every_line_is_json());
	assert_int_equal(run(BK_OFFICER1, "monitor", "--html", path, NULL), 0);
	assert_int_equal(bk_tmp_read(path, &page, &len), 0);
	assert_non_null(memmem(page, len, "<svg role=\"img\"", 15));
	assert_non_null(memmem(page, len, "default-src 'none'", 18));
	assert_null(memmem(page, len, "<script", 7));
	assert_null(memmem(page, len, "http://", 7));
	assert_null(memmem(page, len, "https://", 8));
	free(page);
	assert_int_not_equal(run(BK_OFFICER1, "monitor", "--html", path, NULL), 0);
	assert_int_equal(run(BK_OFFICER1, "monitor", "--days", "0", NULL), EX_USAGE);
	assert_int_equal(run(BK_OFFICER1, "monitor", "--days", "x", NULL), EX_USAGE);
	assert_int_not_equal(run(BK_PERSON, "monitor", NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_completion),
		cmocka_unit_test(test_no_folder),
		cmocka_unit_test(test_passphrase),
		cmocka_unit_test(test_second_program_m9),
		cmocka_unit_test(test_report),
		cmocka_unit_test(test_wrong_input),
		cmocka_unit_test(test_desk),
		cmocka_unit_test(test_board),
		cmocka_unit_test(test_save),
		cmocka_unit_test(test_guidance),
		cmocka_unit_test(test_receipts),
		cmocka_unit_test(test_offline),
		cmocka_unit_test(test_monitor),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
