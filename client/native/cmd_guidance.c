/* SPDX-License-Identifier: GPL-3.0-or-later */
/* guidance: read it, send it to many, follow it person by person, take it back, consent to a colleague's */
#include <stdlib.h>
#include <sysexits.h>

#include "cli.h"

#define HOUR_MS 3600000ull
#define HOURS_MAX 8760u
#define BAR_CELLS 32u

/* A printf format of the table with one hole of each kind, in their order. */
static void say_one(FILE *f, const char *text, const char *word)
{
	const char *hole = strstr(text, "%s");

	if (hole)
		fprintf(f, "%.*s%s%s\n", (int)(hole - text), text, word, hole + 2);
}

static const char *state_word(const struct bk_cli *cli, const char *state)
{
	static const struct {
		const char *code;
		enum bk_text text;
	} words[] = {
		{"valid", BK_TEXT_GUIDE_VALID}, {"expired", BK_TEXT_GUIDE_EXPIRED}, {"recalled", BK_TEXT_GUIDE_RECALLED},
		{"asked", BK_TEXT_GUIDE_WAITS}, {"given", BK_TEXT_GUIDE_GIVEN}, {"refused", BK_TEXT_GUIDE_REFUSED},
		{"taken-back", BK_TEXT_GUIDE_TAKEN_BACK}, {"sent", BK_TEXT_GUIDE_SENT},
	};

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strcmp(words[i].code, state) == 0)
			return bk_text(words[i].text, cli->lang);
	return state;
}

static const char *drill_word(const struct bk_cli *cli, const json_t *o)
{
	return json_is_true(json_object_get(o, "drill")) ? T(cli, DRILL) : "";
}

/* Opens, reads what is new when there is a connection, and goes on without one. */
static int open_synced(struct bk_cli *cli)
{
	int err = bk_cli_open(cli);

	if (!err)
		err = bk_cli_sync(cli);
	return err == BK_E_NET || err == BK_E_TIMEOUT ? 0 : err;
}

static int items_of(struct bk_cli *cli, json_t *command, json_t **ret_reply)
{
	int err = open_synced(cli);

	if (err) {
		json_decref(command);
		return bk_cli_fail(cli, err, NULL);
	}
	return bk_cli_call(cli, command, ret_reply);
}

/* An id of a list by its first digits; NULL after saying that there is none, or more than one. */
static const char *full_id(struct bk_cli *cli, const char *list, const char *key, const char *word, char out[static BK_ID_TEXT])
{
	json_t *reply = NULL, *item;
	size_t i, hits = 0, len = strlen(word);

	if (len == BK_ID_TEXT - 1)
		return word;
	if (len < 4 || bk_cli_call(cli, json_pack("{s:s}", "cmd", list), &reply))
		return NULL;
	json_array_foreach(json_object_get(reply, "items"), i, item)
		if (strncmp(bk_cli_str(item, key), word, len) == 0) {
			snprintf(out, BK_ID_TEXT, "%s", bk_cli_str(item, key));
			hits++;
		}
	json_decref(reply);
	if (hits == 1)
		return out;
	bk_cli_fail(cli, BK_E_NOT_FOUND, word);
	return NULL;
}

/* ---- reading ---- */

static void of(const struct bk_cli *cli, json_int_t n, json_int_t total, char out[static BK_TERM_TIME])
{
	snprintf(out, BK_TERM_TIME, "%lld %s %lld", (long long)n, T(cli, GUIDE_OF), (long long)total);
}

static void print_sent(const struct bk_cli *cli, const json_t *item)
{
	const json_t *n = json_object_get(item, "counts");
	const char *drill = drill_word(cli, item);
	json_int_t people = json_integer_value(json_object_get(n, "people"));
	char at[BK_TERM_TIME], acknowledged[BK_TERM_TIME], shown[120];

	of(cli, json_integer_value(json_object_get(n, "acknowledged")), people, acknowledged);
	snprintf(shown, sizeof shown, "%s%s%s", drill, *drill ? ": " : "", bk_term_shown(bk_cli_str(item, "title"), 40));
	printf("%.8s  %s %s %s %s\n", bk_cli_str(item, "message"),
		bk_term_padded(bk_term_time(bk_cli_ms(item, "sent_ms"), cli->lang, at), 14),
		bk_term_padded(state_word(cli, bk_cli_str(item, "state")), 12), bk_term_padded(acknowledged, 12), shown);
}

static int list(struct bk_cli *cli, int n, char **argv)
{
	json_t *reply = NULL, *items, *item;
	size_t i;
	int code;

	(void)argv;
	if (n)
		return bk_cli_fail(cli, BK_E_USAGE, NULL);
	code = items_of(cli, json_pack("{s:s}", "cmd", "guidance-list"), &reply);
	if (code)
		return code;
	items = json_object_get(reply, "items");
	if (!bk_cli_print(cli, reply)) {
		if (!json_array_size(items))
			printf("%s\n", T(cli, NOTHING));
		json_array_foreach(items, i, item)
			(json_object_get(item, "counts") ? print_sent : bk_print_item)(cli, item);
	}
	json_decref(reply);
	return 0;
}

static void print_bar(const struct bk_cli *cli, const char *label, json_int_t n, json_int_t total)
{
	static const char full[] = "████████████████████████████████";
	unsigned cells = total > 0 ? (unsigned)(n * BAR_CELLS / total) : 0;
	char text[BK_TERM_TIME];

	of(cli, n, total, text);
	printf("%s %.*s%*s %s\n", bk_term_padded(label, 22), (int)(cells * 3), full, (int)(BAR_CELLS - cells), "", text);
}

static void print_person(const struct bk_cli *cli, const json_t *p)
{
	char a[BK_TERM_TIME], b[BK_TERM_TIME], c[BK_TERM_TIME];
	bk_ms acknowledged = bk_cli_ms(p, "acknowledged_ms");

	printf("%s %s %s %s%s%s\n", bk_term_padded(bk_cli_str(p, "name"), 24),
		bk_term_padded(bk_term_time(bk_cli_ms(p, "stored_ms"), cli->lang, a), 15),
		bk_term_padded(bk_term_time(bk_cli_ms(p, "decrypted_ms"), cli->lang, b), 20),
		acknowledged ? bk_term_time(acknowledged, cli->lang, c) : T(cli, NOT_YET),
		json_is_true(json_object_get(p, "overdue")) ? ", " : "",
		json_is_true(json_object_get(p, "overdue")) ? T(cli, GUIDE_OVERDUE) : "");
}

/* Who has not confirmed stands first: that is who is looked for. */
static void print_people(const struct bk_cli *cli, const json_t *people)
{
	json_t *p;
	size_t i;

	printf("\n%s %s %s %s\n", bk_term_padded("", 24), bk_term_padded(T(cli, PERSON_STORED), 15),
		bk_term_padded(T(cli, PERSON_READ), 20), T(cli, PERSON_ACK));
	for (int done = 0; done < 2; done++)
		json_array_foreach((json_t *)(uintptr_t)people, i, p)
			if ((bk_cli_ms(p, "acknowledged_ms") != 0) == done)
				print_person(cli, p);
}

static void print_status(const struct bk_cli *cli, const json_t *reply)
{
	const json_t *n = json_object_get(reply, "counts");
	json_int_t people = json_integer_value(json_object_get(n, "people"));
	json_int_t overdue = json_integer_value(json_object_get(n, "overdue"));
	const char *drill = drill_word(cli, reply), *reason = bk_cli_str(reply, "recall_reason");

	printf("%s%s%s%s%s  %s\n", bk_term_style("\033[1m"), drill, *drill ? ": " : "",
		bk_term_shown(bk_cli_str(reply, "title"), 60), bk_term_style("\033[0m"), state_word(cli, bk_cli_str(reply, "state")));
	if (*reason)
		printf("%s: %s\n", T(cli, GUIDE_REASON), bk_term_shown(reason, 400));
	print_bar(cli, T(cli, PERSON_STORED), json_integer_value(json_object_get(n, "stored")), people);
	print_bar(cli, T(cli, PERSON_READ), json_integer_value(json_object_get(n, "delivered")), people);
	print_bar(cli, T(cli, PERSON_ACK), json_integer_value(json_object_get(n, "acknowledged")), people);
	if (overdue)
		printf("%s %lld\n", bk_term_padded(T(cli, GUIDE_OVERDUE), 22), (long long)overdue);
	print_people(cli, json_object_get(reply, "people"));
}

static int status(struct bk_cli *cli, int n, char **argv)
{
	json_t *reply = NULL;
	char id[BK_ID_TEXT];
	const char *message;
	int code, err = n == 1 ? open_synced(cli) : BK_E_USAGE;

	if (err)
		return bk_cli_fail(cli, err, NULL);
	message = bk_cli_full_id(cli, argv[0], id);
	if (!message)
		return EX_NOINPUT;
	code = bk_cli_call(cli, json_pack("{s:s, s:s}", "cmd", "guidance-status", "message", message), &reply);
	if (code)
		return code;
	if (!bk_cli_print(cli, reply))
		print_status(cli, reply);
	json_decref(reply);
	return 0;
}

static int templates(struct bk_cli *cli, int n, char **argv)
{
	json_t *reply = NULL, *t;
	size_t i, shown = 0;
	int code, err = n <= 1 ? bk_cli_open(cli) : BK_E_USAGE;

	if (err)
		return bk_cli_fail(cli, err, NULL);
	code = bk_cli_call(cli, json_pack("{s:s}", "cmd", "templates"), &reply);
	if (code)
		return code;
	if (!bk_cli_print(cli, reply))
		json_array_foreach(json_object_get(reply, "items"), i, t) {
			if (n && strcmp(bk_cli_str(t, "name"), argv[0]) != 0)
				continue;
			printf("%s %s\n", bk_term_padded(bk_cli_str(t, "name"), 18), bk_cli_str(t, "title"));
			if (n)
				bk_term_paragraph(stdout, bk_cli_str(t, "text"), 2);
			shown++;
		}
	json_decref(reply);
	return cli->json || shown ? 0 : bk_cli_fail(cli, BK_E_NOT_FOUND, argv[0]);
}

/* ---- sending ---- */

struct sending {
	char group[BK_ID_TEXT];
	bool stored;
};

static void watch_sending(struct bk_cli *cli, const json_t *event)
{
	struct sending *s = cli->watch_arg;

	if (strcmp(bk_cli_str(event, "event"), "guidance-progress") != 0 || strcmp(bk_cli_str(event, "message"), s->group) != 0)
		return;
	s->stored = bk_cli_ms(event, "stored") == bk_cli_ms(event, "people");
	if (!cli->json)
		bk_term_progress(T(cli, GUIDE_SENDING), bk_cli_ms(event, "stored"), bk_cli_ms(event, "people"));
}

static bool is_stored(void *arg)
{
	const struct bk_cli *cli = arg;
	const struct sending *s = cli->watch_arg;

	return s->stored || cli->revoked;
}

static int follow(struct bk_cli *cli, const json_t *reply)
{
	struct sending s = {.stored = false};

	snprintf(s.group, sizeof s.group, "%s", bk_cli_str(reply, "message"));
	cli->watch = watch_sending;
	cli->watch_arg = &s;
	if (bk_rim_call(cli->rim, json_pack("{s:s}", "cmd", "connect"), 5000, NULL) == 0)
		bk_rim_wait(cli->rim, is_stored, cli, (uint64_t)cli->wait_s * 1000);
	bk_cli_flush(cli);
	cli->watch = NULL;
	if (cli->revoked)
		return bk_cli_fail(cli, BK_E_REVOKED, NULL);
	if (s.stored)
		return 0;
	if (!cli->json)
		printf("%s\n", T(cli, WAITS));
	return EX_TEMPFAIL;
}

/* What was said to the desk alone is carried out now if it can, otherwise at the next contact. */
static int carried(struct bk_cli *cli)
{
	int err = cli->offline ? 0 : bk_cli_sync(cli);

	bk_cli_flush(cli);
	return err == BK_E_REVOKED ? bk_cli_fail(cli, err, NULL) : 0;
}

static void say_asked(const struct bk_cli *cli, const json_t *reply)
{
	printf("%lld %s. %s: baken guidance approve %.8s\n", (long long)json_integer_value(json_object_get(reply, "people")),
		T(cli, GUIDE_PEOPLE), T(cli, GUIDE_ASKED), bk_cli_str(reply, "request"));
}

static int send_command(struct bk_cli *cli, json_t *command)
{
	json_t *reply = NULL;
	bool asked;
	int code = bk_cli_call(cli, command, &reply);

	if (code)
		return code;
	asked = strcmp(bk_cli_str(reply, "state"), "asked") == 0;
	if (!bk_cli_print(cli, reply)) {
		if (asked)
			say_asked(cli, reply);
		else
			say_one(stdout, T(cli, GUIDE_SAVED), bk_cli_str(reply, "message"));
	}
	code = cli->offline ? 0 : asked ? carried(cli) : follow(cli, reply);
	json_decref(reply);
	return code;
}

struct draft {
	const char *title, *template, *hours;
	json_t *to, *groups;
	bool all, household, drill, no_ack;
};

static int add_groups(struct bk_cli *cli, const struct draft *d, json_t *command)
{
	json_t *ids = json_array(), *g;
	char out[BK_ID_TEXT];
	size_t i;

	json_array_foreach(d->groups, i, g) {
		const char *id = full_id(cli, "groups", "group", json_string_value(g), out);

		if (!id) {
			json_decref(ids);
			return EX_NOINPUT;
		}
		json_array_append_new(ids, json_string(id));
	}
	if (json_array_size(ids))
		json_object_set(command, "groups", ids);
	json_decref(ids);
	return 0;
}

static int fill(struct bk_cli *cli, const struct draft *d, int n, char **argv, json_t *command)
{
	char *end = NULL;
	unsigned long hours = d->hours ? strtoul(d->hours, &end, 10) : 0;

	if (d->hours && (*end || !hours || hours > HOURS_MAX))
		return bk_cli_fail(cli, BK_E_USAGE, d->hours);
	if (hours)
		json_object_set_new(command, "valid_until_ms", json_integer((json_int_t)(bk_rim_now() + hours * HOUR_MS)));
	if (d->title)
		json_object_set_new(command, "title", json_string(d->title));
	if (d->template)
		json_object_set_new(command, "template", json_string(d->template));
	if (n || !d->template)
		json_object_set_new(command, "text", bk_cli_words(n, argv));
	if (d->all)
		json_object_set_new(command, "to", json_string("all"));
	else if (d->to)
		json_object_set(command, "to", d->to);
	return add_groups(cli, d, command);
}

static int send_to(struct bk_cli *cli, const struct draft *d, int n, char **argv)
{
	json_t *command = json_pack("{s:s, s:b, s:b, s:b}", "cmd", "guidance", "acknowledge", !d->no_ack, "drill", d->drill,
		"household", d->household);
	int err = command ? open_synced(cli) : BK_E_INVAL, code;

	if (err) {
		json_decref(command);
		return bk_cli_fail(cli, err, NULL);
	}
	code = fill(cli, d, n, argv, command);
	if (code) {
		json_decref(command);
		return code;
	}
	return send_command(cli, command);
}

/* ---- on something that is there ---- */

static int act(struct bk_cli *cli, json_t *command, const char *sentence)
{
	json_t *reply = NULL;
	int code = bk_cli_call(cli, command, &reply);

	if (code)
		return code;
	if (!bk_cli_print(cli, reply))
		say_one(stdout, sentence, state_word(cli, bk_cli_str(reply, "state")));
	json_decref(reply);
	return carried(cli);
}

static int recall(struct bk_cli *cli, int n, char **argv)
{
	char id[BK_ID_TEXT];
	const char *message;
	int err = n >= 2 ? open_synced(cli) : BK_E_USAGE, code;

	if (err)
		return bk_cli_fail(cli, err, NULL);
	message = bk_cli_full_id(cli, argv[0], id);
	if (!message)
		return EX_NOINPUT;
	code = bk_cli_call(cli, json_pack("{s:s, s:s, s:o}", "cmd", "guidance-recall", "message", message, "reason",
		bk_cli_words(n - 1, argv + 1)), NULL);
	if (code)
		return code;
	bk_cli_done(cli, T(cli, GUIDE_RECALL_DONE));
	return carried(cli);
}

static void print_request(const struct bk_cli *cli, const json_t *r)
{
	const char *drill = drill_word(cli, r), *by = bk_cli_str(r, "answered_by"), *reason = bk_cli_str(r, "reason");
	char at[BK_TERM_TIME];

	printf("%.8s  %s %s %lld %s  %s\n", bk_cli_str(r, "request"),
		bk_term_padded(bk_term_time(bk_cli_ms(r, "asked_ms"), cli->lang, at), 14),
		bk_term_padded(bk_cli_str(r, "name"), 14), (long long)json_integer_value(json_object_get(r, "people")),
		T(cli, GUIDE_PEOPLE), state_word(cli, bk_cli_str(r, "state")));
	if (*by)
		printf("            %s %s%s%s\n", T(cli, BY), bk_term_shown(by, 40), *reason ? ": " : "", bk_term_shown(reason, 200));
	printf("            %s%s%s\n", drill, *drill ? ": " : "", bk_term_shown(bk_cli_str(r, "title"), 60));
	bk_term_paragraph(stdout, bk_cli_str(r, "text"), 12);
}

static void print_group(const struct bk_cli *cli, const json_t *g)
{
	printf("%.8s  %s %zu %s\n", bk_cli_str(g, "group"), bk_term_padded(bk_cli_str(g, "name"), 30),
		json_array_size(json_object_get(g, "circles")), T(cli, GUIDE_PEOPLE));
}

static int show(struct bk_cli *cli, const char *cmd, int n, void (*print)(const struct bk_cli *cli, const json_t *item))
{
	json_t *reply = NULL, *item;
	size_t i;
	int code = n ? bk_cli_fail(cli, BK_E_USAGE, NULL) : items_of(cli, json_pack("{s:s}", "cmd", cmd), &reply);

	if (code)
		return code;
	if (!bk_cli_print(cli, reply)) {
		if (!json_array_size(json_object_get(reply, "items")))
			printf("%s\n", T(cli, NOTHING));
		json_array_foreach(json_object_get(reply, "items"), i, item)
			print(cli, item);
	}
	json_decref(reply);
	return 0;
}

static int requests(struct bk_cli *cli, int n, char **argv)
{
	(void)argv;
	return show(cli, "guidance-requests", n, print_request);
}

static int groups(struct bk_cli *cli, int n, char **argv)
{
	(void)argv;
	return show(cli, "groups", n, print_group);
}

/* refuse: the words after the request are the reason. */
static int answer(struct bk_cli *cli, const char *cmd, int n, char **argv, bool with_reason)
{
	int err = n < 1 || (with_reason ? n < 2 : n > 1) ? BK_E_USAGE : open_synced(cli);
	char out[BK_ID_TEXT];
	const char *id;
	json_t *c;

	if (err)
		return bk_cli_fail(cli, err, NULL);
	id = full_id(cli, "guidance-requests", "request", argv[0], out);
	if (!id)
		return EX_NOINPUT;
	c = json_pack("{s:s, s:s}", "cmd", cmd, "request", id);
	if (c && with_reason)
		json_object_set_new(c, "reason", bk_cli_words(n - 1, argv + 1));
	return act(cli, c, T(cli, GUIDE_ANSWERED));
}

static int approve(struct bk_cli *cli, int n, char **argv)
{
	return answer(cli, "guidance-approve", n, argv, false);
}

static int refuse(struct bk_cli *cli, int n, char **argv)
{
	return answer(cli, "guidance-refuse", n, argv, true);
}

static int take_back(struct bk_cli *cli, int n, char **argv)
{
	return answer(cli, "guidance-take-back", n, argv, false);
}

static int said_group(struct bk_cli *cli, json_t *command, const char *sentence)
{
	json_t *reply = NULL;
	int code = bk_cli_call(cli, command, &reply);

	if (code)
		return code;
	if (!bk_cli_print(cli, reply))
		say_one(stdout, sentence, bk_cli_str(reply, "group"));
	json_decref(reply);
	return carried(cli);
}

static int group(struct bk_cli *cli, const char *change, int n, char **argv)
{
	int err = n >= 2 ? open_synced(cli) : BK_E_USAGE;
	json_t *circles, *command;
	char out[BK_ID_TEXT];

	if (err)
		return bk_cli_fail(cli, err, NULL);
	if (change && !(change = full_id(cli, "groups", "group", change, out)))
		return EX_NOINPUT;
	circles = json_array();
	for (int i = 1; i < n; i++)
		json_array_append_new(circles, json_string(argv[i]));
	command = json_pack("{s:s, s:s, s:o}", "cmd", "group-set", "name", argv[0], "circles", circles);
	if (command && change)
		json_object_set_new(command, "group", json_string(change));
	return said_group(cli, command, T(cli, GROUP_SAVED));
}

static int ungroup(struct bk_cli *cli, int n, char **argv)
{
	int err = n == 1 ? open_synced(cli) : BK_E_USAGE;
	char out[BK_ID_TEXT];
	const char *id;

	if (err)
		return bk_cli_fail(cli, err, NULL);
	id = full_id(cli, "groups", "group", argv[0], out);
	return id ? said_group(cli, json_pack("{s:s, s:s}", "cmd", "group-remove", "group", id), T(cli, GROUP_REMOVED)) : EX_NOINPUT;
}

/* ---- the words ---- */

static int run_word(struct bk_cli *cli, const struct draft *d, const char *change, int n, char **argv)
{
	static const struct {
		const char *word;
		int (*run)(struct bk_cli *cli, int n, char **argv);
	} words[] = {
		{"status", status}, {"recall", recall}, {"templates", templates}, {"requests", requests}, {"approve", approve},
		{"refuse", refuse}, {"take-back", take_back}, {"groups", groups}, {"ungroup", ungroup},
	};
	bool sends = d->title || d->template || d->hours || d->to || d->groups || d->all || d->household || d->drill || d->no_ack;

	if (n && strcmp(argv[0], "send") == 0 && !change)
		return send_to(cli, d, n - 1, argv + 1);
	if (n && strcmp(argv[0], "group") == 0 && !sends)
		return group(cli, change, n - 1, argv + 1);
	if (sends || change)
		return bk_cli_fail(cli, BK_E_USAGE, NULL);
	for (size_t i = 0; n && i < sizeof words / sizeof *words; i++)
		if (strcmp(argv[0], words[i].word) == 0)
			return words[i].run(cli, n - 1, argv + 1);
	return n ? bk_cli_fail(cli, BK_E_USAGE, argv[0]) : list(cli, 0, NULL);
}

int bk_cmd_guidance(struct bk_cli *cli, int argc, char **argv)
{
	struct draft d = {.title = NULL};
	const char *change = NULL;
	const struct bk_cli_option options[] = {
		{"title", &d.title, NULL, NULL}, {"template", &d.template, NULL, NULL}, {"hours", &d.hours, NULL, NULL},
		{"to", NULL, &d.to, NULL}, {"group", NULL, &d.groups, NULL}, {"change", &change, NULL, NULL},
		{"all", NULL, NULL, &d.all}, {"household", NULL, NULL, &d.household}, {"drill", NULL, NULL, &d.drill},
		{"no-acknowledge", NULL, NULL, &d.no_ack},
	};
	int n = bk_cli_options(cli, argc, argv, options, sizeof options / sizeof *options), code;

	code = n < 0 ? EX_USAGE : run_word(cli, &d, change, n, argv);
	json_decref(d.to);
	json_decref(d.groups);
	return code;
}
