/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rpc, vault: what runs until it is stopped */
#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "cli.h"

#define RPC_LINE_MAX (1024u * 1024u)
#define LOCK_AFTER_MINUTES 15
#define CANARY_SECONDS_MAX 86400u
#define LOCK_AFTER_MINUTES_MAX 1440

struct runner {
	struct bk_cli *cli;
	uv_poll_t input;
	uv_signal_t signals[2];
	char *line;
	size_t len;
	bool stop, overlong;
	json_int_t kept; /* vault: messages seen */
};

static void on_signal(uv_signal_t *s, int number)
{
	(void)number;
	((struct runner *)s->data)->stop = true;
}

static void start_signals(struct runner *r)
{
	static const int numbers[2] = {SIGINT, SIGTERM};

	for (size_t i = 0; i < 2; i++) {
		uv_signal_init(bk_rim_loop(r->cli->rim), &r->signals[i]);
		r->signals[i].data = r;
		uv_signal_start(&r->signals[i], on_signal, numbers[i]);
	}
}

static void stop_signals(struct runner *r)
{
	for (size_t i = 0; i < 2; i++)
		uv_close((uv_handle_t *)&r->signals[i], NULL);
}

static void print_event(struct bk_cli *cli, const json_t *event)
{
	(void)cli;
	json_dumpf(event, stdout, JSON_COMPACT);
	putchar('\n');
	fflush(stdout);
}

/* ---- rpc ---- */

static void answer(const json_t *command, int err, json_t *extra)
{
	json_t *o = err ? json_pack("{s:s, s:s, s:s}", "event", "error", "error", bk_err_name(err), "text",
				  bk_err_text(err, BK_LANG_EN))
			: json_pack("{s:s}", "event", "ok");
	json_t *id = json_object_get(command, "id");

	if (o && id)
		json_object_set(o, "id", id);
	if (o && extra)
		json_object_update(o, extra);
	if (o)
		print_event(NULL, o);
	json_decref(o);
	json_decref(extra);
}

/* ---- commands of the rim: the core knows no paths, and neither store nor keys ---- */

static int rim_attach(struct bk_cli *cli, const json_t *c, json_t **ret_extra)
{
	const char *type = bk_cli_str(c, "type");
	char text[BK_ID_TEXT];
	bk_id id;
	int err = bk_rim_attach(cli->rim, bk_cli_str(c, "path"), *type ? type : NULL, json_object_get(c, "facts"), NULL,
		NULL, &id);

	if (!err)
		*ret_extra = json_pack("{s:s}", "attachment", bk_id_text(id, text));
	return err;
}

static int rim_save(struct bk_cli *cli, const json_t *c, json_t **ret_extra)
{
	bk_id id;
	int err = bk_id_parse(bk_cli_str(c, "message"), &id);

	(void)ret_extra;
	return err ? err : bk_rim_save(cli->rim, id, (unsigned)json_integer_value(json_object_get(c, "index")),
				   bk_cli_str(c, "path"), NULL, NULL);
}

static int rim_lock(struct bk_cli *cli, const json_t *c, json_t **ret_extra)
{
	(void)c;
	(void)ret_extra;
	bk_rim_lock(cli->rim);
	return 0;
}

static int rim_unlock(struct bk_cli *cli, const json_t *c, json_t **ret_extra)
{
	int err = bk_rim_unlock(cli->rim, bk_cli_str(c, "pin"));

	if (err == BK_E_RATE)
		*ret_extra = json_pack("{s:I}", "retry_ms", (json_int_t)bk_rim_wait_ms(cli->rim));
	return err;
}

static int rim_pin_set(struct bk_cli *cli, const json_t *c, json_t **ret_extra)
{
	const char *fresh = json_string_value(json_object_get(c, "new"));

	(void)ret_extra;
	return bk_rim_pin_set(cli->rim, bk_cli_str(c, "pin"), fresh, json_is_true(json_object_get(c, "second")));
}

static int rim_wipe(struct bk_cli *cli, const json_t *c, json_t **ret_extra)
{
	(void)ret_extra;
	if (strcmp(bk_cli_str(c, "confirm"), "wipe") != 0)
		return BK_E_INVAL;
	bk_rim_wipe(cli->rim);
	return 0;
}

static const struct {
	const char *name;
	int (*run)(struct bk_cli *cli, const json_t *c, json_t **ret_extra);
} rim_commands[] = {
	{"attach", rim_attach}, {"save", rim_save},       {"lock", rim_lock},
	{"unlock", rim_unlock}, {"pin-set", rim_pin_set}, {"wipe", rim_wipe},
};

static bool rim_command(struct bk_cli *cli, const json_t *c)
{
	const char *cmd = bk_cli_str(c, "cmd");

	for (size_t i = 0; i < sizeof rim_commands / sizeof *rim_commands; i++)
		if (strcmp(cmd, rim_commands[i].name) == 0) {
			json_t *extra = NULL;
			int err = rim_commands[i].run(cli, c, &extra);

			answer(c, err, extra);
			return true;
		}
	return false;
}

static void take_command(struct runner *r)
{
	json_t *c = json_loadb(r->line, r->len, JSON_REJECT_DUPLICATES, NULL);

	if (!json_is_object(c))
		answer(NULL, BK_E_INVAL, NULL);
	else if (!rim_command(r->cli, c))
		bk_rim_command(r->cli->rim, json_incref(c));
	json_decref(c);
	sodium_memzero(r->line, r->len);
}

static void take_bytes(struct runner *r, const char *data, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (data[i] == '\n') {
			if (r->overlong)
				answer(NULL, BK_E_TOO_BIG, NULL);
			else if (r->len)
				take_command(r);
			r->len = 0;
			r->overlong = false;
		} else if (r->len < RPC_LINE_MAX) {
			r->line[r->len++] = data[i];
		} else {
			r->overlong = true;
		}
	}
}

static void on_input(uv_poll_t *p, int status, int events)
{
	struct runner *r = p->data;
	char data[65536];
	ssize_t n;

	(void)events;
	if (status < 0) {
		r->stop = true;
		return;
	}
	n = read(STDIN_FILENO, data, sizeof data);
	if (n > 0)
		take_bytes(r, data, (size_t)n);
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		r->stop = true; /* the caller has gone */
	sodium_memzero(data, sizeof data);
}

/* Fractions are for tests and demonstrations. */
static int set_lock_after(struct bk_cli *cli, const char *minutes)
{
	char *end = NULL;
	double n = minutes ? strtod(minutes, &end) : LOCK_AFTER_MINUTES;

	if ((minutes && (end == minutes || *end)) || !(n >= 0 && n <= LOCK_AFTER_MINUTES_MAX))
		return BK_E_USAGE;
	cli->lock_after_ms = (uint64_t)(n * 60000);
	return 0;
}

int bk_cmd_rpc(struct bk_cli *cli, int argc, char **argv)
{
	struct runner r = {.cli = cli};
	const char *minutes = NULL;
	const struct bk_cli_option options[] = {{"lock-after", &minutes, NULL, NULL}};
	int err;

	if (bk_cli_options(cli, argc, argv, options, 1) != 0 || set_lock_after(cli, minutes))
		return bk_cli_fail(cli, BK_E_USAGE, NULL);
	cli->json = true;
	cli->watch = print_event;
	r.line = malloc(RPC_LINE_MAX);
	err = r.line ? bk_cli_open(cli) : BK_E_NOMEM;
	if (err) {
		free(r.line);
		return bk_cli_fail(cli, err, NULL);
	}
	err = uv_poll_init(bk_rim_loop(cli->rim), &r.input, STDIN_FILENO);
	if (err) { /* a regular file cannot be polled */
		free(r.line);
		return bk_cli_fail(cli, BK_E_UNSUPPORTED, "standard input must be a pipe or a terminal");
	}
	r.input.data = &r;
	uv_poll_start(&r.input, UV_READABLE, on_input);
	start_signals(&r);
	while (!r.stop)
		uv_run(bk_rim_loop(cli->rim), UV_RUN_ONCE);
	uv_close((uv_handle_t *)&r.input, NULL);
	stop_signals(&r);
	uv_run(bk_rim_loop(cli->rim), UV_RUN_NOWAIT);
	sodium_memzero(r.line, RPC_LINE_MAX);
	free(r.line);
	return 0;
}

/* ---- vault ---- */

/* A canary that all have drawn is no news. */
static void say_canary(struct bk_cli *cli, const json_t *event)
{
	char at[BK_TERM_TIME];

	if (cli->json) {
		print_event(cli, event);
	} else if (strcmp(bk_cli_str(event, "state"), "late") == 0) {
		printf("%s  %s\n", bk_term_time(bk_rim_now(), cli->lang, at), T(cli, CANARY_LATE));
		fflush(stdout);
	}
}

static void watch_vault(struct bk_cli *cli, const json_t *event)
{
	struct runner *r = cli->watch_arg;
	const char *name = bk_cli_str(event, "event");
	const char *count = T(cli, VAULT_COUNT), *hole = strstr(count, "%lld");
	char at[BK_TERM_TIME];

	if (cli->json && (strcmp(name, "link") == 0 || strcmp(name, "revoked") == 0))
		print_event(cli, event);
	if (strcmp(name, "canary-result") == 0)
		say_canary(cli, event);
	if (strcmp(name, "kept") != 0)
		return;
	r->kept++;
	if (!cli->json && hole) { /* shows that it works, and nothing of what it keeps */
		printf("%s  %.*s%" JSON_INTEGER_FORMAT "%s\n", bk_term_time(bk_rim_now(), cli->lang, at),
			(int)(hole - count), count, r->kept, hole + 4);
		fflush(stdout);
	}
}

static int set_seconds(uint64_t *ms, const char *word)
{
	char *end = NULL;
	unsigned long n = word ? strtoul(word, &end, 10) : 0;

	if (word && (end == word || *end || !n || n > CANARY_SECONDS_MAX))
		return BK_E_USAGE;
	*ms = (uint64_t)n * 1000;
	return 0;
}

int bk_cmd_vault(struct bk_cli *cli, int argc, char **argv)
{
	struct runner r = {.cli = cli};
	const char *every = NULL, *late = NULL;
	const struct bk_cli_option options[] = {{"canary", &every, NULL, NULL}, {"canary-late", &late, NULL, NULL}};
	int err;

	if (bk_cli_options(cli, argc, argv, options, 2) != 0 || set_seconds(&cli->canary_ms, every) ||
		set_seconds(&cli->canary_late_ms, late))
		return bk_cli_fail(cli, BK_E_USAGE, NULL);
	err = bk_cli_open(cli);
	if (err)
		return bk_cli_fail(cli, err, NULL);
	cli->watch = watch_vault;
	cli->watch_arg = &r;
	start_signals(&r);
	err = bk_rim_command(cli->rim, json_pack("{s:s, s:i}", "cmd", "connect", "id", 1));
	if (!cli->json)
		printf("%s\n", T(cli, VAULT_RUNS));
	fflush(stdout);
	while (!err && !r.stop && !cli->revoked)
		uv_run(bk_rim_loop(cli->rim), UV_RUN_ONCE);
	stop_signals(&r);
	uv_run(bk_rim_loop(cli->rim), UV_RUN_NOWAIT);
	if (cli->revoked)
		err = BK_E_REVOKED;
	return err ? bk_cli_fail(cli, err, NULL) : 0;
}
