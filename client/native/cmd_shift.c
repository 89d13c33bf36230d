/* SPDX-License-Identifier: GPL-3.0-or-later */
/* shift: who is there, what must change hands, keys of cases, the plan, and what a withdrawn device could read */
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include "cli.h"
#include "moment.h"

#define PLAN_LINE 400u

struct shift_options {
	json_t *risks, *accept, *refuse;
	const char *reason, *force, *least, *since, *until;
};

/* ---- printing ---- */

static void print_item(const struct bk_cli *cli, const json_t *item, const char *what)
{
	static const struct {
		const char *code;
		enum bk_text text;
	} kinds[] = {
		{"case", BK_TEXT_HAND_CASE}, {"alarm", BK_TEXT_HAND_ALARM}, {"promise", BK_TEXT_HAND_PROMISE},
		{"watch", BK_TEXT_HAND_WATCH}, {"risk", BK_TEXT_HAND_RISK}, {"unsent", BK_TEXT_HAND_UNSENT},
	};
	const char *kind = bk_cli_str(item, "kind"), *id = bk_cli_str(item, "about");
	char due[BK_TERM_TIME] = "";

	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (strcmp(kinds[i].code, kind) == 0)
			kind = bk_text(kinds[i].text, cli->lang);
	if (bk_cli_ms(item, "due_ms"))
		bk_term_time(bk_cli_ms(item, "due_ms"), cli->lang, due);
	printf("%-10s %.8s %s%s%s %s\n", kind, *id ? id : bk_cli_str(item, "case"), bk_term_shown(bk_cli_str(item, "who"), 30),
		*due ? "  " : "", due, bk_term_shown(what, 80));
}

static const char *state_word(const struct bk_cli *cli, const char *state)
{
	static const struct {
		const char *code;
		enum bk_text text;
	} words[] = {
		{"offered", BK_TEXT_HAND_OFFERED}, {"accepted", BK_TEXT_HAND_ACCEPTED}, {"refused", BK_TEXT_HAND_REFUSED},
		{"moved", BK_TEXT_HAND_MOVED}, {"failed", BK_TEXT_HAND_FAILED},
	};

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strcmp(words[i].code, state) == 0)
			return bk_text(words[i].text, cli->lang);
	return state;
}

static void print_handover(const struct bk_cli *cli, const json_t *h)
{
	const json_t *item;
	size_t i;

	printf("\n%.8s  ", bk_cli_str(h, "handover"));
	printf("%s -> ", bk_term_shown(bk_cli_str(h, "from"), 40));
	printf("%s%s%s\n", bk_term_shown(bk_cli_str(h, "to"), 40), json_is_true(json_object_get(h, "taken_back")) ? "  " : "",
		json_is_true(json_object_get(h, "taken_back")) ? T(cli, HAND_TAKEN_BACK) : "");
	if (*bk_cli_str(h, "text"))
		printf("   %s\n", bk_term_shown(bk_cli_str(h, "text"), 400));
	json_array_foreach(json_object_get(h, "items"), i, item) {
		printf(" %2zu  %-14s ", i, state_word(cli, bk_cli_str(item, "state")));
		print_item(cli, item, bk_cli_str(item, "text"));
	}
}

static void print_left(const struct bk_cli *cli, const json_t *left, FILE *f)
{
	const json_t *item;
	size_t i;

	fprintf(f, "%s\n", json_array_size(left) ? T(cli, HAND_LEFT) : T(cli, HAND_NOTHING_LEFT));
	json_array_foreach(left, i, item)
		print_item(cli, item, bk_cli_str(item, "what"));
}

static void print_gaps(const struct bk_cli *cli, const json_t *gaps)
{
	const json_t *g;
	size_t i;

	json_array_foreach(gaps, i, g) {
		char from[BK_TERM_TIME], until[BK_TERM_TIME];

		printf("%s  %s - %s  %lld/%lld\n", T(cli, SHIFT_GAP), bk_term_time(bk_cli_ms(g, "from_ms"), cli->lang, from),
			bk_term_time(bk_cli_ms(g, "until_ms"), cli->lang, until),
			(long long)json_integer_value(json_object_get(g, "planned")),
			(long long)json_integer_value(json_object_get(g, "least")));
	}
}

/* ---- steps ---- */

/* A colleague by the first digits of the device, or by name when it is one's alone; malloc'd. */
static char *colleague(struct bk_cli *cli, const char *word)
{
	json_t *reply = NULL, *row;
	char *found = NULL;
	size_t i, hits = 0;

	if (bk_cli_call(cli, json_pack("{s:s}", "cmd", "colleagues"), &reply))
		return NULL;
	json_array_foreach(json_object_get(reply, "items"), i, row) {
		const char *device = bk_cli_str(row, "device");

		if (strcmp(bk_cli_str(row, "name"), word) != 0 && (!*word || strncmp(device, word, strlen(word)) != 0))
			continue;
		hits++;
		free(found);
		found = strdup(device);
	}
	json_decref(reply);
	if (hits == 1)
		return found;
	free(found);
	bk_cli_fail(cli, BK_E_NOT_FOUND, NULL);
	return NULL;
}

/* A handover or case by its first digits, among those that are here; malloc'd. */
static char *by_prefix(struct bk_cli *cli, const char *cmd, const char *list, const char *key, const char *word)
{
	json_t *reply = NULL, *row;
	char *found = NULL;
	size_t i, hits = 0;

	if (bk_cli_call(cli, json_pack("{s:s}", "cmd", cmd), &reply))
		return NULL;
	json_array_foreach(json_object_get(reply, list), i, row)
		if (strncmp(bk_cli_str(row, key), word, strlen(word)) == 0) {
			free(found);
			found = strdup(bk_cli_str(row, key));
			hits++;
		}
	json_decref(reply);
	if (hits == 1)
		return found;
	free(found);
	return strdup(word); /* the core says what is wrong with it */
}

static int done(struct bk_cli *cli, json_t *command, enum bk_text said)
{
	json_t *reply = NULL;
	int code = command ? bk_cli_call(cli, command, &reply) : bk_cli_fail(cli, BK_E_NOMEM, NULL);

	if (code)
		return code;
	bk_cli_flush(cli);
	if (!bk_cli_print(cli, reply))
		printf("%s\n", bk_text(said, cli->lang));
	json_decref(reply);
	return 0;
}

/* ---- words ---- */

static int show(struct bk_cli *cli, const struct shift_options *o, int n, char **argv)
{
	json_t *reply = NULL;
	const json_t *h;
	size_t i;
	int code = bk_cli_call(cli, json_pack("{s:s}", "cmd", "handover"), &reply);

	(void)o;
	(void)n;
	(void)argv;
	if (code)
		return code;
	if (!bk_cli_print(cli, reply)) {
		print_left(cli, json_object_get(reply, "left"), stdout);
		json_array_foreach(json_object_get(reply, "handovers"), i, h)
			print_handover(cli, h);
	}
	json_decref(reply);
	return 0;
}

static int colleagues(struct bk_cli *cli, const struct shift_options *o, int n, char **argv)
{
	json_t *reply = NULL;
	const json_t *row;
	size_t i;
	int code = bk_cli_call(cli, json_pack("{s:s}", "cmd", "colleagues"), &reply);

	(void)o;
	(void)n;
	(void)argv;
	if (code)
		return code;
	if (!bk_cli_print(cli, reply))
		json_array_foreach(json_object_get(reply, "items"), i, row)
			printf("%.8s  %-30s %-18s %s\n", bk_cli_str(row, "device"), bk_term_shown(bk_cli_str(row, "name"), 30),
				bk_print_role(cli, bk_cli_str(row, "role")),
				json_is_true(json_object_get(row, "on_duty")) ? T(cli, SHIFT_ON) : T(cli, SHIFT_OFF));
	json_decref(reply);
	return 0;
}

static int offer(struct bk_cli *cli, const struct shift_options *o, int n, char **argv)
{
	char *to = colleague(cli, argv[0]);
	json_t *c = to ? json_pack("{s:s, s:s}", "cmd", "handover-offer", "to", to) : NULL;

	free(to);
	if (!to)
		return EX_NOINPUT;
	if (o->risks)
		json_object_set(c, "risks", o->risks);
	if (n > 1)
		json_object_set_new(c, "text", bk_cli_words(n - 1, argv + 1));
	return done(cli, c, BK_TEXT_HAND_SENT);
}

static json_t *numbers(const json_t *words)
{
	json_t *list = json_array();
	const json_t *w;
	size_t i;

	json_array_foreach(words, i, w)
		json_array_append_new(list, json_integer(strtol(json_string_value(w), NULL, 10)));
	return list;
}

static int answer(struct bk_cli *cli, const struct shift_options *o, int n, char **argv)
{
	char *id = by_prefix(cli, "handover", "handovers", "handover", argv[0]);
	json_t *c = id ? json_pack("{s:s, s:s}", "cmd", "handover-answer", "handover", id) : NULL;

	(void)n;
	free(id);
	if (c && o->accept)
		json_object_set_new(c, "accept", numbers(o->accept));
	if (c && o->refuse)
		json_object_set_new(c, "refuse", numbers(o->refuse));
	if (c && o->reason)
		json_object_set_new(c, "reason", json_string(o->reason));
	return done(cli, c, BK_TEXT_HAND_ANSWERED);
}

static int take_back(struct bk_cli *cli, const struct shift_options *o, int n, char **argv)
{
	char *id = by_prefix(cli, "handover", "handovers", "handover", argv[0]);
	json_t *c = id ? json_pack("{s:s, s:s}", "cmd", "handover-take-back", "handover", id) : NULL;

	(void)o;
	(void)n;
	free(id);
	return done(cli, c, BK_TEXT_HAND_TAKEN_BACK);
}

static int set_time(const char *word, const char *key, json_t *command)
{
	bk_ms at = 0;
	int err = word ? bk_moment_read(word, bk_rim_now(), &at) : 0;

	if (word && !err)
		json_object_set_new(command, key, json_integer((json_int_t)at));
	return err;
}

static int grant(struct bk_cli *cli, const struct shift_options *o, int n, char **argv)
{
	char *id = by_prefix(cli, "board", "cases", "case", argv[0]), *to = id ? colleague(cli, argv[1]) : NULL;
	json_t *c = to ? json_pack("{s:s, s:s, s:s}", "cmd", "grant", "case", id, "to", to) : NULL;

	(void)n;
	free(id);
	free(to);
	if (!c)
		return EX_NOINPUT;
	if (set_time(o->since, "since_ms", c) || set_time(o->until, "until_ms", c)) {
		json_decref(c);
		return bk_cli_fail(cli, BK_E_INVAL, NULL);
	}
	return done(cli, c, BK_TEXT_SHIFT_GRANTED);
}

static int ask(struct bk_cli *cli, const struct shift_options *o, int n, char **argv)
{
	json_t *c = json_pack("{s:s, s:[]}", "cmd", "keyring-ask", "cases");

	(void)o;
	for (int i = 0; i < n; i++)
		json_array_append_new(json_object_get(c, "cases"), json_string(argv[i]));
	return done(cli, c, BK_TEXT_SHIFT_ASKED);
}

static int read_by(struct bk_cli *cli, const struct shift_options *o, int n, char **argv)
{
	json_t *reply = NULL;
	const json_t *row;
	size_t i;
	int code = bk_cli_call(cli, json_pack("{s:s, s:s}", "cmd", "could-have-read", "device", argv[0]), &reply);

	(void)o;
	(void)n;
	if (code)
		return code;
	if (!bk_cli_print(cli, reply)) {
		if (!json_array_size(json_object_get(reply, "cases")))
			printf("%s\n", T(cli, NOTHING));
		json_array_foreach(json_object_get(reply, "cases"), i, row)
			printf("%.8s  %s  %zu\n", bk_cli_str(row, "case"), bk_term_shown(bk_cli_str(row, "who"), 40),
				json_array_size(json_object_get(row, "messages")));
	}
	json_decref(reply);
	return 0;
}

static int go_off(struct bk_cli *cli, const struct shift_options *o, int n, char **argv)
{
	json_t *reply = NULL, *c = json_pack("{s:s, s:b}", "cmd", "duty", "on", 0);
	int err;

	(void)n;
	(void)argv;
	if (o->force)
		json_object_set_new(c, "force", json_string(o->force));
	err = bk_rim_call(cli->rim, c, 60000, &reply);
	if (err && !cli->json)
		print_left(cli, json_object_get(reply, "left"), stderr);
	if (err)
		err = bk_cli_fail(cli, err, bk_cli_str(reply, "text"));
	else if (!bk_cli_print(cli, reply))
		printf("%s\n", T(cli, DUTY_OFF));
	json_decref(reply);
	return err;
}

/* "2026-11-25 22:00 2026-11-26 07:00 Dienst 1": when, until when, who; empty lines and # are passed over. */
static int plan_line(char *line, json_t *entries)
{
	char from[17] = "", until[17] = "";
	bk_ms a = 0, b = 0;
	int at = 0;

	line[strcspn(line, "\r\n")] = '\0';
	if (!*line || *line == '#')
		return 0;
	if (sscanf(line, "%16[0-9: -] %16[0-9: -] %n", from, until, &at) != 2 || !at || !line[at] ||
		bk_moment_read(from, bk_rim_now(), &a) || bk_moment_read(until, bk_rim_now(), &b))
		return BK_E_INVAL;
	return json_array_append_new(entries, json_pack("{s:s, s:I, s:I}", "name", line + at, "from_ms", (json_int_t)a,
		"until_ms", (json_int_t)b)) ? BK_E_NOMEM : 0;
}

static int read_plan(struct bk_cli *cli, const char *path, json_t *entries)
{
	FILE *f = fopen(path, "r");
	char line[PLAN_LINE];
	unsigned number = 0;
	int err = f ? 0 : BK_E_IO;

	while (!err && fgets(line, sizeof line, f)) {
		number++;
		err = plan_line(line, entries);
	}
	if (f)
		fclose(f);
	if (err)
		snprintf(cli->why, sizeof cli->why, "%.200s:%u", path, number);
	return err;
}

static int plan(struct bk_cli *cli, const struct shift_options *o, int n, char **argv)
{
	json_t *reply = NULL, *c = json_pack("{s:s}", "cmd", "shift-plan"), *entries = json_array();
	const json_t *e;
	size_t i;
	int err = n ? read_plan(cli, argv[0], entries) : 0, code;

	if (n)
		json_object_set(c, "entries", entries);
	if (o->least)
		json_object_set_new(c, "least", json_integer(strtol(o->least, NULL, 10)));
	json_decref(entries);
	if (err) {
		json_decref(c);
		return bk_cli_fail(cli, err, NULL);
	}
	code = bk_cli_call(cli, c, &reply);
	if (code)
		return code;
	bk_cli_flush(cli);
	if (!bk_cli_print(cli, reply)) {
		json_array_foreach(json_object_get(reply, "entries"), i, e) {
			char from[BK_TERM_TIME], until[BK_TERM_TIME];

			printf("%s - %s  %s\n", bk_term_time(bk_cli_ms(e, "from_ms"), cli->lang, from),
				bk_term_time(bk_cli_ms(e, "until_ms"), cli->lang, until), bk_term_shown(bk_cli_str(e, "name"), 60));
		}
		print_gaps(cli, json_object_get(reply, "gaps"));
	}
	json_decref(reply);
	return 0;
}

static const struct word {
	const char *name;
	int least, most; /* words after it */
	int (*run)(struct bk_cli *cli, const struct shift_options *o, int n, char **argv);
} words[] = {
	{"show", 0, 0, show}, {"colleagues", 0, 0, colleagues}, {"offer", 1, 1000, offer}, {"answer", 1, 1, answer},
	{"take-back", 1, 1, take_back}, {"grant", 2, 2, grant}, {"ask", 0, 256, ask}, {"read-by", 1, 1, read_by},
	{"plan", 0, 1, plan}, {"off", 0, 0, go_off},
};

static int run_word(struct bk_cli *cli, const struct shift_options *o, int n, char **argv)
{
	const char *name = n ? argv[0] : "show";

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strcmp(words[i].name, name) == 0 && n - 1 >= words[i].least && n - 1 <= words[i].most)
			return words[i].run(cli, o, n - 1, argv + 1);
		else if (!n && !i)
			return show(cli, o, 0, argv);
	return bk_cli_fail(cli, BK_E_USAGE, NULL);
}

int bk_cmd_shift(struct bk_cli *cli, int argc, char **argv)
{
	struct shift_options o = {.risks = NULL};
	const struct bk_cli_option options[] = {
		{"risk", NULL, &o.risks, NULL}, {"accept", NULL, &o.accept, NULL}, {"refuse", NULL, &o.refuse, NULL},
		{"reason", &o.reason, NULL, NULL}, {"force", &o.force, NULL, NULL}, {"least", &o.least, NULL, NULL},
		{"since", &o.since, NULL, NULL}, {"until", &o.until, NULL, NULL},
	};
	int n = bk_cli_options(cli, argc, argv, options, sizeof options / sizeof *options), code = EX_USAGE, err;

	if (n >= 0) {
		err = bk_cli_open(cli);
		if (!err)
			err = bk_cli_sync(cli);
		code = err && err != BK_E_NET && err != BK_E_TIMEOUT ? bk_cli_fail(cli, err, NULL) :
								       run_word(cli, &o, n, argv);
	}
	json_decref(o.risks);
	json_decref(o.accept);
	json_decref(o.refuse);
	return code;
}
