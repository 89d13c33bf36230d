/* SPDX-License-Identifier: GPL-3.0-or-later */
/* alarm, safe, place, share: what a person does when it matters */
#include <sodium.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "cli.h"

#define TIMEOUT_MS 30000u
#define KEY_ERASE 127

struct watch {
	struct bk_cli *cli;
	uv_poll_t keys;
	bool polled, raw;
	char pin[BK_PASSPHRASE_MAX];
	size_t len;
	bool typed;                 /* a whole line is there */
	bool cancelled, stored, seen, ended;
};

/* ---- keys: a PIN, without echo, while the world goes on ---- */

static void take_key(struct watch *w, int key)
{
	if (key == '\n' || key == '\r')
		w->typed = w->len > 0;
	else if ((key == KEY_ERASE || key == '\b') && w->len)
		w->len--;
	else if (key >= ' ' && key < 256 && w->len < sizeof w->pin - 1)
		w->pin[w->len++] = (char)key;
	w->pin[w->len] = '\0';
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct watch *w = poll->data;
	char buf[64];
	ssize_t n = status || !(events & UV_READABLE) ? -1 : read(STDIN_FILENO, buf, sizeof buf);

	if (n <= 0)
		uv_poll_stop(poll); /* end of input: nobody will type a PIN any more */
	for (ssize_t i = 0; i < n && !w->typed; i++)
		take_key(w, (unsigned char)buf[i]);
	sodium_memzero(buf, sizeof buf);
}

static void keys_begin(struct watch *w)
{
	w->raw = bk_term_is_tty(stdin) && !bk_term_raw(true);
	if (uv_poll_init(bk_rim_loop(w->cli->rim), &w->keys, STDIN_FILENO) != 0)
		return; /* a plain file: nothing to wait for */
	w->keys.data = w;
	w->polled = true;
	uv_poll_start(&w->keys, UV_READABLE, on_readable);
}

static void keys_end(struct watch *w)
{
	if (w->polled) {
		uv_close((uv_handle_t *)&w->keys, NULL);
		uv_run(bk_rim_loop(w->cli->rim), UV_RUN_NOWAIT);
	}
	if (w->raw)
		bk_term_raw(false);
	w->polled = w->raw = false;
	sodium_memzero(w->pin, sizeof w->pin);
}

/* ---- what the screen says ---- */

static const struct {
	const char *state;
	enum bk_text text;
} lines[] = {
	{"armed", BK_TEXT_ALARM_ARMED}, {"cancelled", BK_TEXT_ALARM_CANCELLED}, {"sent", BK_TEXT_ALARM_SENT},
	{"stored", BK_TEXT_ALARM_STORED}, {"seen", BK_TEXT_ALARM_SEEN}, {"claimed", BK_TEXT_ALARM_CLAIMED},
	{"no-receipt", BK_TEXT_ALARM_NO_RECEIPT}, {"ended", BK_TEXT_ALARM_ENDED},
};

static void say(const struct bk_cli *cli, const json_t *event)
{
	const char *state = bk_cli_str(event, "state"), *by = bk_cli_str(event, "by");
	char at[BK_TERM_TIME];

	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
		if (strcmp(lines[i].state, state) == 0)
			printf("%s  %s%s%s%s%s\r\n", bk_term_time(bk_cli_ms(event, "at_ms"), cli->lang, at),
				json_is_true(json_object_get(event, "drill")) ? T(cli, DRILL) : "",
				json_is_true(json_object_get(event, "drill")) ? ": " : "", bk_text(lines[i].text, cli->lang),
				*by ? " " : "", bk_term_shown(by, 40));
	fflush(stdout);
}

static void on_event(struct bk_cli *cli, const json_t *event)
{
	struct watch *w = cli->watch_arg;
	const char *state = bk_cli_str(event, "state");

	if (strcmp(bk_cli_str(event, "event"), "alarm") != 0)
		return;
	if (!bk_cli_print(cli, event))
		say(cli, event);
	w->cancelled |= strcmp(state, "cancelled") == 0;
	w->stored |= strcmp(state, "stored") == 0;
	w->seen |= strcmp(state, "seen") == 0;
	w->ended |= strcmp(state, "ended") == 0;
}

/* An alarm of a desk that we stand behind makes no sound until it is ours (due). */
bool bk_cli_rings(const json_t *event)
{
	const char *name = bk_cli_str(event, "event");

	if (strcmp(name, "message") == 0)
		return strcmp(bk_cli_str(event, "kind"), "alarm") != 0;
	if (strcmp(name, "case") == 0)
		return strcmp(bk_cli_str(event, "change"), "alarm") == 0 && !json_is_true(json_object_get(event, "backup"));
	return strcmp(name, "due") == 0 || strcmp(name, "wake") == 0;
}

/* ---- alarm ---- */

static bool is_over(void *arg)
{
	const struct watch *w = arg;

	return w->typed || w->cancelled || w->seen || w->ended;
}

static void try_pin(struct watch *w)
{
	int err = bk_rim_call(w->cli->rim, json_pack("{s:s, s:s}", "cmd", "alarm-cancel", "pin", w->pin), TIMEOUT_MS, NULL);

	sodium_memzero(w->pin, sizeof w->pin);
	w->len = 0;
	w->typed = false;
	if (err && !w->cli->json)
		printf("%s\r\n", err == BK_E_STATE ? T(w->cli, ALARM_TOO_LATE) : T(w->cli, ALARM_WRONG_PIN));
	fflush(stdout);
}

/* Until the desk has seen it, it was taken back, or nobody wants to wait longer. */
static void follow(struct watch *w)
{
	bk_ms end = bk_rim_now() + (bk_ms)w->cli->wait_s * 1000;

	for (bk_ms now = bk_rim_now(); now < end; now = bk_rim_now()) {
		if (bk_rim_wait(w->cli->rim, is_over, w, end - now) == BK_E_CANCELLED)
			return;
		if (!w->typed)
			return;
		try_pin(w);
	}
}

static int raise_alarm(struct bk_cli *cli, json_t *command)
{
	struct watch w = {.cli = cli};
	json_t *reply = NULL;
	int code;

	cli->watch = on_event;
	cli->watch_arg = &w;
	code = bk_cli_call(cli, command, &reply);
	json_decref(reply);
	if (!code) {
		if (!cli->offline)
			bk_rim_call(cli->rim, json_pack("{s:s}", "cmd", "connect"), TIMEOUT_MS, NULL);
		keys_begin(&w);
		follow(&w);
		keys_end(&w);
		if (w.cancelled)
			bk_cli_flush(cli);
		else if (!w.stored && !cli->json)
			printf("%s\n", T(cli, ALARM_WAITS));
		code = w.cancelled || w.stored ? 0 : EX_TEMPFAIL;
	}
	cli->watch = NULL;
	return code;
}

int bk_cmd_alarm(struct bk_cli *cli, int argc, char **argv)
{
	bool silent = false, drill = false, full = false, now = false;
	const struct bk_cli_option options[] = {
		{"silent", NULL, NULL, &silent}, {"drill", NULL, NULL, &drill}, {"full", NULL, NULL, &full},
		{"now", NULL, NULL, &now},
	};
	int words = bk_cli_options(cli, argc, argv, options, 4), err;
	json_t *command;

	if (words < 0 || (full && !drill))
		return bk_cli_fail(cli, BK_E_USAGE, NULL);
	err = bk_cli_open(cli);
	if (err)
		return bk_cli_fail(cli, err, NULL);
	command = json_pack("{s:s, s:b, s:b, s:b}", "cmd", now ? "alarm-now" : "alarm-arm", "silent", silent, "drill", drill,
		"full", full);
	if (words)
		json_object_set_new(command, "text", bk_cli_words(words, argv));
	return raise_alarm(cli, command);
}

/* ---- safe ---- */

/* Proof that it is the person: the key ring, which anybody at this keyboard has, is not asked. */
static int ask_pin(struct bk_cli *cli, char pin[static BK_PASSPHRASE_MAX])
{
	return cli->passphrase_file ? bk_term_secret_file(cli->passphrase_file, pin) : bk_term_secret(T(cli, ASK_PIN), pin);
}

int bk_cmd_safe(struct bk_cli *cli, int argc, char **argv)
{
	bool mistake = false;
	const struct bk_cli_option options[] = {{"mistake", NULL, NULL, &mistake}};
	int words = bk_cli_options(cli, argc, argv, options, 1), err, code;
	char pin[BK_PASSPHRASE_MAX] = "";
	json_t *command, *reply = NULL;

	if (words < 0)
		return bk_cli_fail(cli, BK_E_USAGE, NULL);
	err = bk_cli_open(cli);
	if (!err)
		err = ask_pin(cli, pin);
	if (err)
		return bk_cli_fail(cli, err, NULL);
	command = json_pack("{s:s, s:s, s:s}", "cmd", "alarm-end", "reason", mistake ? "mistake" : "safe", "pin", pin);
	sodium_memzero(pin, sizeof pin);
	if (words)
		json_object_set_new(command, "text", bk_cli_words(words, argv));
	code = bk_cli_call(cli, command, &reply);
	json_decref(reply);
	if (code)
		return code;
	(void)bk_cli_sync(cli); /* without a connection it waits in the outbox, as all else */
	return bk_cli_done(cli, T(cli, SAFE_TOLD));
}

/* ---- place and share ---- */

int bk_cmd_place(struct bk_cli *cli, int argc, char **argv)
{
	const char *accuracy = NULL, *battery = NULL;
	const struct bk_cli_option options[] = {{"accuracy", &accuracy, NULL, NULL}, {"battery", &battery, NULL, NULL}};
	int err, code;
	json_t *command, *reply = NULL;

	if (bk_cli_options(cli, argc, argv, options, 2) != 2)
		return bk_cli_fail(cli, BK_E_USAGE, NULL);
	err = bk_cli_open(cli);
	if (err)
		return bk_cli_fail(cli, err, NULL);
	(void)bk_cli_sync(cli); /* connected first: a place is told at once or not at all */
	command = json_pack("{s:s, s:f, s:f}", "cmd", "fix", "latitude", strtod(argv[0], NULL), "longitude",
		strtod(argv[1], NULL));
	if (accuracy)
		json_object_set_new(command, "accuracy_m", json_integer(strtol(accuracy, NULL, 10)));
	if (battery)
		json_object_set_new(command, "battery_percent", json_integer(strtol(battery, NULL, 10)));
	code = bk_cli_call(cli, command, &reply);
	json_decref(reply);
	if (code)
		return code;
	bk_cli_flush(cli);
	return bk_cli_done(cli, T(cli, PLACE_TAKEN));
}

int bk_cmd_share(struct bk_cli *cli, int argc, char **argv)
{
	bool stop;
	json_t *reply = NULL;
	char at[BK_TERM_TIME], text[200];
	int err, code;

	if (bk_cli_options(cli, argc, argv, NULL, 0) != 1)
		return bk_cli_fail(cli, BK_E_USAGE, NULL);
	stop = strcmp(argv[0], "stop") == 0;
	err = bk_cli_open(cli);
	if (err)
		return bk_cli_fail(cli, err, NULL);
	code = bk_cli_call(cli, stop ? json_pack("{s:s}", "cmd", "share-stop")
				     : json_pack("{s:s, s:I}", "cmd", "share-location", "minutes",
					       (json_int_t)strtol(argv[0], NULL, 10)),
		&reply);
	if (!code) {
		(void)bk_cli_sync(cli);
		snprintf(text, sizeof text, "%s %s", T(cli, SHARE_UNTIL), bk_term_time(bk_cli_ms(reply, "until_ms"), cli->lang, at));
		code = bk_cli_done(cli, stop ? T(cli, SHARE_STOPPED) : text);
	}
	json_decref(reply);
	return code;
}
