/* SPDX-License-Identifier: GPL-3.0-or-later */
/* send, reply, acknowledge, ask-again, attach: what writes */
#include <stdlib.h>
#include <strings.h>
#include <sysexits.h>

#include "cli.h"

static const struct {
	const char *suffix, *type;
} media_types[] = {
	{".jpg", "image/jpeg"}, {".jpeg", "image/jpeg"}, {".png", "image/png"},
	{".webp", "image/webp"}, {".heic", "image/heic"}, {".mp4", "video/mp4"},
	{".mov", "video/quicktime"}, {".webm", "video/webm"}, {".ogg", "audio/ogg"},
	{".opus", "audio/ogg"}, {".m4a", "audio/mp4"}, {".mp3", "audio/mpeg"},
	{".wav", "audio/wav"}, {".pdf", "application/pdf"}, {".txt", "text/plain"},
};

static const char *media_type(const char *path)
{
	size_t len = strlen(path);

	for (size_t i = 0; i < sizeof media_types / sizeof *media_types; i++) {
		size_t n = strlen(media_types[i].suffix);

		if (len > n && strcasecmp(path + len - n, media_types[i].suffix) == 0)
			return media_types[i].type;
	}
	return "application/octet-stream";
}

static void show_progress(void *arg, uint64_t done, uint64_t total)
{
	bk_term_progress(arg, done, total);
}

static int attach_one(struct bk_cli *cli, const char *path, const json_t *facts, char out[static BK_ID_TEXT])
{
	bk_id id;
	int err = bk_rim_attach(cli->rim, path, media_type(path), facts,
		cli->json ? NULL : show_progress, (void *)(uintptr_t)T(cli, ENCRYPTING), &id);

	if (err)
		snprintf(cli->why, sizeof cli->why, "%.200s: %s", path, bk_err_text(err, cli->lang));
	else
		bk_id_text(id, out);
	return err;
}

/* Encrypts every file of --file into the store; the ids go into the command. */
static int attach_all(struct bk_cli *cli, const json_t *files, json_t *command)
{
	json_t *ids = json_array();
	size_t i;
	json_t *f;

	json_array_foreach((json_t *)(uintptr_t)files, i, f) {
		char id[BK_ID_TEXT];
		int err = attach_one(cli, json_string_value(f), NULL, id);

		if (err) {
			json_decref(ids);
			return err;
		}
		json_array_append_new(ids, json_string(id));
	}
	if (json_array_size(ids))
		json_object_set(command, "attachments", ids);
	json_decref(ids);
	return 0;
}

json_t *bk_cli_words(int argc, char **argv)
{
	char *text = calloc(1, BK_TEXT_MAX + 1);
	size_t len = 0;
	json_t *s;

	if (!text)
		return NULL;
	for (int i = 0; i < argc; i++) {
		size_t n = strlen(argv[i]);

		if (len + n + 1 > BK_TEXT_MAX)
			break; /* one over the limit: the core refuses by name */
		if (i)
			text[len++] = ' ';
		memcpy(text + len, argv[i], n);
		len += n;
	}
	if (!argc)
		len = fread(text, 1, BK_TEXT_MAX, stdin);
	s = json_stringn(text, len);
	memset(text, 0, BK_TEXT_MAX);
	free(text);
	return s;
}

int bk_cli_write(struct bk_cli *cli, json_t *command, json_t *files, enum bk_text saved)
{
	int err = command ? bk_cli_open(cli) : BK_E_INVAL;
	char id[BK_ID_TEXT];
	const char *to;

	if (!err && strcmp(bk_cli_str(command, "cmd"), "reply") == 0) {
		to = bk_cli_full_id(cli, bk_cli_str(command, "to"), id);
		if (!to) {
			json_decref(files);
			json_decref(command);
			return EX_NOINPUT;
		}
		json_object_set_new(command, "to", json_string(to));
	}
	if (!err)
		err = attach_all(cli, files, command);
	json_decref(files);
	if (err) {
		json_decref(command);
		return bk_cli_fail(cli, err, NULL);
	}
	return bk_cli_send(cli, command, saved);
}

static int send_words(struct bk_cli *cli, const char *cmd, int argc, char **argv)
{
	json_t *files = NULL, *command;
	bool answer = false;
	const struct bk_cli_option options[] = {
		{"file", NULL, &files, NULL},
		{"answer", NULL, NULL, &answer},
	};
	int n = bk_cli_options(cli, argc, argv, options, strcmp(cmd, "reply") == 0 ? 2 : 1);

	if (n < 1) {
		json_decref(files);
		return bk_cli_fail(cli, BK_E_USAGE, NULL);
	}
	command = json_pack("{s:s, s:s, s:o}", "cmd", cmd, "to", argv[0], "text", bk_cli_words(n - 1, argv + 1));
	if (command && answer)
		json_object_set_new(command, "answers", json_true());
	return bk_cli_write(cli, command, files, BK_TEXT_MESSAGE_SAVED);
}

int bk_cmd_send(struct bk_cli *cli, int argc, char **argv)
{
	return send_words(cli, "send", argc, argv);
}

int bk_cmd_reply(struct bk_cli *cli, int argc, char **argv)
{
	return send_words(cli, "reply", argc, argv);
}

static int on_message(struct bk_cli *cli, const char *cmd, const char *sentence, int argc, char **argv)
{
	int n = bk_cli_options(cli, argc, argv, NULL, 0), err, code;
	char id[BK_ID_TEXT];
	const char *message;

	if (n != 1)
		return bk_cli_fail(cli, BK_E_USAGE, NULL);
	err = bk_cli_open(cli);
	if (err)
		return bk_cli_fail(cli, err, NULL);
	message = bk_cli_full_id(cli, argv[0], id);
	if (!message)
		return EX_NOINPUT;
	code = bk_cli_call(cli, json_pack("{s:s, s:s}", "cmd", cmd, "message", message), NULL);
	if (code)
		return code;
	bk_cli_done(cli, sentence);
	err = bk_cli_sync(cli); /* carries it out now if it can; otherwise at the next contact */
	return err == BK_E_REVOKED ? bk_cli_fail(cli, err, NULL) : 0;
}

int bk_cmd_acknowledge(struct bk_cli *cli, int argc, char **argv)
{
	return on_message(cli, "acknowledge", T(cli, ACKNOWLEDGED), argc, argv);
}

int bk_cmd_ask_again(struct bk_cli *cli, int argc, char **argv)
{
	return on_message(cli, "ask-again", T(cli, ASKED_AGAIN), argc, argv);
}

int bk_cmd_attach(struct bk_cli *cli, int argc, char **argv)
{
	char id[BK_ID_TEXT];
	int n = bk_cli_options(cli, argc, argv, NULL, 0), err;

	if (n < 1)
		return bk_cli_fail(cli, BK_E_USAGE, NULL);
	err = bk_cli_open(cli);
	for (int i = 0; !err && i < n; i++) {
		json_t *o;

		err = attach_one(cli, argv[i], NULL, id);
		if (err)
			break;
		o = json_pack("{s:s, s:s}", "event", "ok", "attachment", id);
		if (!bk_cli_print(cli, o))
			printf("%s\n", id);
		json_decref(o);
	}
	return err ? bk_cli_fail(cli, err, NULL) : 0;
}
