/* SPDX-License-Identifier: GPL-3.0-or-later */
/* reports, messages, show, save, people, receipts: what reads */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "cli.h"

#define FETCH_WAIT_MS (600u * 1000u) /* 100 MiB over a poor line */

/* Opens, reads what is new when there is a connection, and goes on without one. */
static int open_synced(struct bk_cli *cli)
{
	int err = bk_cli_open(cli);

	if (err)
		return err;
	err = bk_cli_sync(cli);
	if (err == BK_E_NET || err == BK_E_TIMEOUT) {
		if (!cli->json)
			fprintf(stderr, "(%s)\n", bk_err_text(BK_E_NET, cli->lang));
		err = 0;
	}
	return err;
}

static int list(struct bk_cli *cli, json_t *command, void (*print)(const struct bk_cli *cli, const json_t *item))
{
	json_t *reply = NULL, *items, *item;
	int err = open_synced(cli), code;
	size_t i;

	if (err) {
		json_decref(command);
		return bk_cli_fail(cli, err, NULL);
	}
	code = bk_cli_call(cli, command, &reply);
	if (code)
		return code;
	items = json_object_get(reply, "items");
	if (!bk_cli_print(cli, reply)) {
		if (!json_array_size(items))
			printf("%s\n", T(cli, NOTHING));
		json_array_foreach(items, i, item)
			print(cli, item);
	}
	json_decref(reply);
	return 0;
}

int bk_cmd_reports(struct bk_cli *cli, int argc, char **argv)
{
	if (bk_cli_options(cli, argc, argv, NULL, 0) != 0)
		return bk_cli_fail(cli, BK_E_USAGE, NULL);
	return list(cli, json_pack("{s:s}", "cmd", "reports"), bk_print_item);
}

/* What came and could not be read stands with the rest, with its time and a way on (M10). */
static int print_unreadable(struct bk_cli *cli)
{
	json_t *reply = NULL, *item;
	char at[BK_TERM_TIME];
	size_t i;
	int code = bk_cli_call(cli, json_pack("{s:s}", "cmd", "unreadable"), &reply);

	if (code)
		return code;
	json_array_foreach(json_object_get(reply, "items"), i, item)
		printf("%.8s  %-12s %-10s %-18s baken ask-again %.8s\n", bk_cli_str(item, "message"),
			bk_term_time(bk_cli_ms(item, "stored_ms"), cli->lang, at), T(cli, UNREADABLE),
			bk_term_shown(bk_cli_str(item, "name"), 18), bk_cli_str(item, "message"));
	json_decref(reply);
	return 0;
}

int bk_cmd_messages(struct bk_cli *cli, int argc, char **argv)
{
	const char *conversation = NULL;
	const struct bk_cli_option options[] = {{"conversation", &conversation, NULL, NULL}};
	json_t *command;
	int code;

	if (bk_cli_options(cli, argc, argv, options, 1) != 0)
		return bk_cli_fail(cli, BK_E_USAGE, NULL);
	command = json_pack("{s:s}", "cmd", "messages");
	if (conversation)
		json_object_set_new(command, "conversation", json_string(conversation));
	code = list(cli, command, bk_print_item_line);
	return code || cli->json ? code : print_unreadable(cli);
}

int bk_cmd_show(struct bk_cli *cli, int argc, char **argv)
{
	json_t *reply = NULL;
	char id[BK_ID_TEXT];
	const char *message;
	int err, code;

	if (bk_cli_options(cli, argc, argv, NULL, 0) != 1)
		return bk_cli_fail(cli, BK_E_USAGE, NULL);
	err = open_synced(cli);
	if (err)
		return bk_cli_fail(cli, err, NULL);
	message = bk_cli_full_id(cli, argv[0], id);
	if (!message)
		return EX_NOINPUT;
	code = bk_cli_call(cli, json_pack("{s:s, s:s}", "cmd", "show", "message", message), &reply);
	if (code)
		return code;
	if (!bk_cli_print(cli, reply))
		bk_print_item(cli, reply);
	json_decref(reply);
	return 0;
}

static void print_person(const struct bk_cli *cli, const json_t *p)
{
	json_t *with = json_object_get(p, "household"), *id;
	size_t i;

	printf("%s  %s %s\n", bk_cli_str(p, "circle"), bk_term_padded(bk_print_role(cli, bk_cli_str(p, "role")), 14),
		bk_term_shown(bk_cli_str(p, "name"), 60));
	json_array_foreach(with, i, id)
		printf("    %s %.8s\n", T(cli, WITH), json_string_value(id));
}

int bk_cmd_people(struct bk_cli *cli, int argc, char **argv)
{
	if (bk_cli_options(cli, argc, argv, NULL, 0) != 0)
		return bk_cli_fail(cli, BK_E_USAGE, NULL);
	return list(cli, json_pack("{s:s}", "cmd", "people"), print_person);
}

static void print_receipt(const struct bk_cli *cli, const json_t *r)
{
	char at[BK_TERM_TIME];

	printf("%s  %-12s  %.32s...\n", bk_cli_str(r, "message"),
		bk_term_time(bk_cli_ms(r, "stored_ms"), cli->lang, at), bk_cli_str(r, "signature"));
}

static void say_exported(const struct bk_cli *cli, size_t n)
{
	const char *text = T(cli, EXPORTED), *hole = strstr(text, "%s");
	json_t *o = json_pack("{s:s, s:i}", "event", "ok", "receipts", (int)n);

	if (!bk_cli_print(cli, o) && hole)
		printf("%zu%s\n", n, hole + 2);
	json_decref(o);
}

/* The export is the core's own JSON: everything needed to check the server's word later (R13). */
static int export_receipts(struct bk_cli *cli, const char *path)
{
	json_t *reply = NULL;
	int fd, err = open_synced(cli), code;

	if (err)
		return bk_cli_fail(cli, err, NULL);
	code = bk_cli_call(cli, json_pack("{s:s}", "cmd", "receipts"), &reply);
	if (code)
		return code;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		err = errno == EEXIST ? BK_E_EXISTS : BK_E_IO;
	else if (json_dumpfd(json_object_get(reply, "items"), fd, JSON_INDENT(2)) != 0 || fsync(fd) != 0)
		err = BK_E_IO;
	if (fd >= 0 && close(fd) != 0)
		err = BK_E_IO;
	if (err)
		code = bk_cli_fail(cli, err, path);
	else
		say_exported(cli, json_array_size(json_object_get(reply, "items")));
	json_decref(reply);
	return code;
}

int bk_cmd_receipts(struct bk_cli *cli, int argc, char **argv)
{
	int n = bk_cli_options(cli, argc, argv, NULL, 0);

	if (n == 2 && strcmp(argv[0], "export") == 0)
		return export_receipts(cli, argv[1]);
	if (n != 0)
		return bk_cli_fail(cli, BK_E_USAGE, NULL);
	return list(cli, json_pack("{s:s}", "cmd", "receipts"), print_receipt);
}

/* ---- save ---- */

struct saving {
	const char *message;
	json_int_t index;
	bool ready, failed;
	char hash[BK_HASH_TEXT];
	char error[200];
};

static void watch_save(struct bk_cli *cli, const json_t *event)
{
	struct saving *s = cli->watch_arg;
	const char *name = bk_cli_str(event, "event");

	if (strcmp(name, "transfer") == 0 && !cli->json &&
		strcmp(bk_cli_str(event, "direction"), "down") == 0) {
		bk_term_progress(T(cli, FETCHING), bk_cli_ms(event, "done_bytes"), bk_cli_ms(event, "total_bytes"));
		return;
	}
	if (strcmp(bk_cli_str(event, "message"), s->message) != 0 ||
		json_integer_value(json_object_get(event, "index")) != s->index)
		return;
	if (strcmp(name, "file-ready") == 0) {
		s->ready = true;
		snprintf(s->hash, sizeof s->hash, "%s", bk_cli_str(event, "plain_hash"));
	} else if (strcmp(name, "file-failed") == 0) {
		s->failed = true;
		snprintf(s->error, sizeof s->error, "%s", bk_cli_str(event, "text"));
	}
}

static bool save_over(void *arg)
{
	const struct bk_cli *cli = arg;
	const struct saving *s = cli->watch_arg;

	return s->ready || s->failed || cli->revoked;
}

static int fetch(struct bk_cli *cli, struct saving *s)
{
	int code, err = 0;

	cli->watch = watch_save;
	cli->watch_arg = s;
	code = bk_cli_call(cli, json_pack("{s:s, s:s, s:I}", "cmd", "fetch", "message", s->message, "index", s->index),
		NULL);
	if (!code)
		err = bk_rim_wait(cli->rim, save_over, cli, FETCH_WAIT_MS);
	cli->watch = NULL;
	if (code)
		return code;
	if (s->failed)
		return bk_cli_fail(cli, BK_E_HASH, s->error);
	return err ? bk_cli_fail(cli, err, NULL) : 0;
}

static void say_saved(const struct bk_cli *cli, const char *path, const char *hash)
{
	const char *format = T(cli, SAVED_TO), *first = strstr(format, "%s"), *second;
	json_t *o = json_pack("{s:s, s:s, s:s}", "event", "ok", "path", path, "plain_hash", hash);

	if (!bk_cli_print(cli, o) && first) {
		second = strstr(first + 2, "%s");
		printf("%.*s%s%.*s%s\n", (int)(first - format), format, path, second ? (int)(second - first - 2) : 0,
			first + 2, hash);
	}
	json_decref(o);
}

static void show_progress(void *arg, uint64_t done, uint64_t total)
{
	bk_term_progress(arg, done, total);
}

int bk_cmd_save(struct bk_cli *cli, int argc, char **argv)
{
	struct saving s = {.index = 0};
	char *end = NULL, id[BK_ID_TEXT];
	bk_id message;
	int err, code;

	if (bk_cli_options(cli, argc, argv, NULL, 0) != 3)
		return bk_cli_fail(cli, BK_E_USAGE, NULL);
	s.index = strtol(argv[1], &end, 10);
	if (*end || s.index < 0 || s.index >= (json_int_t)BK_FILES_MAX)
		return bk_cli_fail(cli, BK_E_USAGE, NULL);
	err = open_synced(cli);
	if (err)
		return bk_cli_fail(cli, err, NULL);
	s.message = bk_cli_full_id(cli, argv[0], id);
	if (!s.message)
		return EX_NOINPUT;
	if (bk_id_parse(s.message, &message))
		return bk_cli_fail(cli, BK_E_INVAL, NULL);
	code = fetch(cli, &s);
	if (code)
		return code;
	err = bk_rim_save(cli->rim, message, (unsigned)s.index, argv[2], cli->json ? NULL : show_progress,
		(void *)(uintptr_t)T(cli, SAVING));
	if (err)
		return bk_cli_fail(cli, err, NULL);
	say_saved(cli, argv[2], s.hash);
	bk_cli_flush(cli); /* the receipt for these bytes */
	return 0;
}
