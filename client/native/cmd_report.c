/* SPDX-License-Identifier: GPL-3.0-or-later */
/* report: from the words on the command line, or as a conversation of four steps that can be skipped */
#include <ctype.h>
#include <sodium.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "cli.h"

#define ANSWER_MAX 4000u

struct report {
	const char *where, *when, *urgency, *certainty;
	json_t *files;
	bool drill;
};

static void set(json_t *command, const char *key, const char *value)
{
	if (value && *value)
		json_object_set_new(command, key, json_string(value));
}

static json_t *command_of(const struct report *r, json_t *what)
{
	json_t *command = json_pack("{s:s, s:o}", "cmd", "report", "what", what);

	if (!command)
		return NULL;
	set(command, "where", r->where);
	set(command, "when_text", r->when);
	set(command, "urgency", r->urgency);
	set(command, "certainty", r->certainty);
	if (r->drill)
		json_object_set_new(command, "drill", json_true());
	return command;
}

/* ---- the conversation ---- */

static int ask(const char *question, char *out)
{
	printf("\n%s\n", question);
	return bk_term_line("> ", out, ANSWER_MAX);
}

/* Dragged into a terminal a path comes in quotes and with spaces around it. */
static char *trim_path(char *path)
{
	size_t n;

	while (isspace((unsigned char)*path))
		path++;
	n = strlen(path);
	while (n && isspace((unsigned char)path[n - 1]))
		path[--n] = '\0';
	if (n >= 2 && (*path == '\'' || *path == '"') && path[n - 1] == *path) {
		path[n - 1] = '\0';
		path++;
	}
	return path;
}

static int ask_files(struct bk_cli *cli, struct report *r)
{
	char answer[ANSWER_MAX];
	int err;

	for (;;) {
		char *path;

		err = ask(r->files ? T(cli, ASK_MORE_FILES) : T(cli, ASK_FILE), answer);
		if (err)
			return err;
		path = trim_path(answer);
		if (!*path)
			return 0;
		if (access(path, R_OK) != 0) {
			printf("%s\n", T(cli, NO_SUCH_FILE));
			continue;
		}
		if (!r->files)
			r->files = json_array();
		json_array_append_new(r->files, json_string(path));
	}
}

/* 1, 2, 3, or nothing. */
static int ask_choice(struct bk_cli *cli, const char *question, const char *const words[3], const char **ret_word)
{
	char answer[ANSWER_MAX];
	int err;

	while (!(err = ask(question, answer)) && *answer) {
		if (answer[0] >= '1' && answer[0] <= '3' && !answer[1]) {
			*ret_word = words[answer[0] - '1'];
			return 0;
		}
		printf("%s\n", T(cli, ONE_TWO_THREE));
	}
	return err;
}

struct answers {
	char what[ANSWER_MAX], where[ANSWER_MAX], when[ANSWER_MAX];
};

/* What, when and where, evidence, how urgent and how sure: only the first is needed. */
static int converse(struct bk_cli *cli, struct report *r, struct answers *a)
{
	static const char *const urgencies[3] = {"now", "today", "can-wait"};
	static const char *const certainties[3] = {"sure", "unsure", "gut-feeling"};
	int err = ask(T(cli, ASK_WHAT), a->what);

	if (!err && !*a->what)
		err = BK_E_CANCELLED;
	if (!err && !r->where)
		err = ask(T(cli, ASK_WHERE), a->where);
	if (!err && !r->when)
		err = ask(T(cli, ASK_WHEN), a->when);
	if (!err)
		err = ask_files(cli, r);
	if (!err && !r->urgency)
		err = ask_choice(cli, T(cli, ASK_URGENCY), urgencies, &r->urgency);
	if (!err && !r->certainty)
		err = ask_choice(cli, T(cli, ASK_CERTAINTY), certainties, &r->certainty);
	if (err)
		return err;
	r->where = r->where ? r->where : a->where;
	r->when = r->when ? r->when : a->when;
	putchar('\n');
	return 0;
}

static int by_conversation(struct bk_cli *cli, struct report *r)
{
	struct answers *a = calloc(1, sizeof *a);
	int err = a ? converse(cli, r, a) : BK_E_NOMEM, code;

	if (err) {
		free(a);
		json_decref(r->files);
		if (err == BK_E_CANCELLED)
			printf("%s\n", T(cli, NOTHING_SENT));
		return err == BK_E_CANCELLED ? 0 : bk_cli_fail(cli, err, NULL);
	}
	code = bk_cli_write(cli, command_of(r, json_string(a->what)), r->files, BK_TEXT_REPORT_SAVED);
	sodium_memzero(a, sizeof *a);
	free(a);
	return code;
}

int bk_cmd_report(struct bk_cli *cli, int argc, char **argv)
{
	struct report r = {.drill = false};
	const struct bk_cli_option options[] = {
		{"where", &r.where, NULL, NULL},
		{"when", &r.when, NULL, NULL},
		{"urgency", &r.urgency, NULL, NULL},
		{"certainty", &r.certainty, NULL, NULL},
		{"file", NULL, &r.files, NULL},
		{"drill", NULL, NULL, &r.drill},
	};
	int n = bk_cli_options(cli, argc, argv, options, sizeof options / sizeof *options);

	if (n < 0) {
		json_decref(r.files);
		return EX_USAGE;
	}
	if (n == 0 && !cli->json && bk_term_is_tty(stdin) && bk_term_is_tty(stdout))
		return by_conversation(cli, &r);
	return bk_cli_write(cli, command_of(&r, bk_cli_words(n, argv)), r.files, BK_TEXT_REPORT_SAVED);
}
