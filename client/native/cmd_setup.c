/* SPDX-License-Identifier: GPL-3.0-or-later */
/* enrol, status, sync, passphrase, unlock, lock */
#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <sysexits.h>

#include "cli.h"

/* Approval waits for a person in the room; an hour is long enough to walk there. */
#define ENROL_WAIT_MS (3600u * 1000u)
#define UNLOCK_MINUTES 15u
#define UNLOCK_MINUTES_MAX 480u

struct enrolling {
	bool done, failed;
	int err;
};

static const struct {
	const char *state;
	enum bk_text text;
} enrol_states[] = {
	{"connecting", BK_TEXT_ENROL_CONNECTING},
	{"verified", BK_TEXT_ENROL_VERIFIED},
	{"drill", BK_TEXT_ENROL_DRILL},
	{"done", BK_TEXT_ENROL_DONE},
	{"refused", BK_TEXT_ENROL_REFUSED},
};

static void say_enrol(const struct bk_cli *cli, const json_t *event, const char *state)
{
	const char *waiting = T(cli, ENROL_WAITING), *hole = strstr(waiting, "%s");

	if (strcmp(state, "waiting") == 0 && hole) {
		printf("%.*s", (int)(hole - waiting), waiting);
		for (const char *p = bk_cli_str(event, "fingerprint"); *p; p += strnlen(p, 4)) /* as the registrar sees it */
			printf("%.4s%s", p, strlen(p) > 4 ? " " : "\n");
	}
	for (size_t i = 0; i < sizeof enrol_states / sizeof *enrol_states; i++)
		if (strcmp(enrol_states[i].state, state) == 0)
			printf("%s\n", bk_text(enrol_states[i].text, cli->lang));
	fflush(stdout);
}

static void watch_enrol(struct bk_cli *cli, const json_t *event)
{
	struct enrolling *e = cli->watch_arg;
	const char *state = bk_cli_str(event, "state");

	if (strcmp(bk_cli_str(event, "event"), "enrol") != 0)
		return;
	if (!bk_cli_print(cli, event))
		say_enrol(cli, event, state);
	if (strcmp(state, "done") == 0)
		e->done = true;
	if (strcmp(state, "refused") == 0 || *bk_cli_str(event, "error"))
		e->failed = true;
}

static bool enrolled(void *arg)
{
	const struct bk_cli *cli = arg;
	const struct enrolling *e = cli->watch_arg;

	return e->done || e->failed || cli->link_error == BK_E_TLS;
}

static int run_enrol(struct bk_cli *cli, const char *code, const char *name)
{
	struct enrolling e = {.done = false};
	json_t *command = json_pack("{s:s, s:s}", "cmd", "enrol", "code", code);
	int exit_code, err;

	if (name)
		json_object_set_new(command, "name", json_string(name));
	cli->watch = watch_enrol;
	cli->watch_arg = &e;
	exit_code = bk_cli_call(cli, command, NULL);
	if (exit_code)
		return exit_code;
	err = bk_rim_wait(cli->rim, enrolled, cli, ENROL_WAIT_MS);
	cli->watch = NULL;
	if (e.done)
		return 0;
	if (e.failed)
		return bk_cli_fail(cli, BK_E_INVITE, NULL);
	return bk_cli_fail(cli, cli->link_error == BK_E_TLS ? BK_E_TLS : err, NULL);
}

/* A folder made by an enrolment that was cut off is opened again: the same keys ask again. */
static int open_for_enrol(struct bk_cli *cli, const char *passphrase)
{
	int err = bk_cli_open_with(cli, passphrase, true);

	return err == BK_E_EXISTS ? bk_cli_open_with(cli, passphrase, false) : err;
}

int bk_cmd_enrol(struct bk_cli *cli, int argc, char **argv)
{
	const char *name = NULL;
	const struct bk_cli_option options[] = {
		{"name", &name, NULL, NULL},
		{"ca", &cli->ca_file, NULL, NULL},
	};
	char passphrase[BK_PASSPHRASE_MAX] = "", code[512] = "";
	int n = bk_cli_options(cli, argc, argv, options, 2), err;

	if (n < 0)
		return EX_USAGE;
	for (int i = 0; i < n; i++) { /* typed in groups, the code arrives as several words */
		if (strlen(code) + strlen(argv[i]) + 1 >= sizeof code)
			return bk_cli_fail(cli, BK_E_INVAL, NULL);
		strcat(code, argv[i]);
	}
	if (!n && bk_term_line(T(cli, ASK_CODE), code, sizeof code))
		return bk_cli_fail(cli, BK_E_USAGE, NULL);
	err = bk_cli_new_passphrase(cli, cli->passphrase_file, BK_CLI_PASSPHRASE_MIN, passphrase);
	if (!err)
		err = open_for_enrol(cli, passphrase);
	sodium_memzero(passphrase, sizeof passphrase);
	if (err)
		return bk_cli_fail(cli, err, NULL);
	err = run_enrol(cli, code, name);
	sodium_memzero(code, sizeof code);
	return err;
}

/* ---- status ---- */

static void say_count(const char *format, json_int_t n, char *out, size_t max)
{
	const char *hole = strstr(format, "%lld");

	if (hole)
		snprintf(out, max, "%.*s%" JSON_INTEGER_FORMAT "%s", (int)(hole - format), format, n, hole + 4);
}

static void row(const char *label, const char *value)
{
	printf("%s %s\n", bk_term_padded(label, 18), value);
}

static const char *roster_words(const struct bk_cli *cli, const char *age)
{
	if (strcmp(age, "soft") == 0)
		return T(cli, ROSTER_SOFT);
	return strcmp(age, "hard") == 0 ? T(cli, ROSTER_HARD) : T(cli, ROSTER_FRESH);
}

static void print_status(const struct bk_cli *cli, const json_t *s)
{
	json_int_t skew = json_integer_value(json_object_get(s, "clock_skew_ms")) / 1000;
	const char *offline = T(cli, STATUS_OFFLINE), *hole = strstr(offline, "%s");
	char text[200], at[BK_TERM_TIME];

	row(T(cli, STATUS_ROLE), bk_print_role(cli, bk_cli_str(s, "role")));
	row(T(cli, STATUS_NAME), bk_term_shown(bk_cli_str(s, "name"), 60));
	row(T(cli, STATUS_DEVICE), bk_cli_str(s, "device"));
	if (json_is_true(json_object_get(s, "online"))) {
		row(T(cli, STATUS_LINK), T(cli, STATUS_ONLINE));
	} else if (hole) {
		bk_ms last = bk_cli_ms(s, "last_contact_ms");

		snprintf(text, sizeof text, "%.*s%s", (int)(hole - offline), offline,
			last ? bk_term_time(last, cli->lang, at) : T(cli, NEVER));
		row(T(cli, STATUS_LINK), text);
	}
	say_count(T(cli, STATUS_DUTY_N), json_integer_value(json_object_get(s, "on_duty")), text, sizeof text);
	row(T(cli, STATUS_DUTY), text);
	snprintf(text, sizeof text, "%" JSON_INTEGER_FORMAT, json_integer_value(json_object_get(s, "queued_out")));
	row(T(cli, STATUS_QUEUE), text);
	row(T(cli, STATUS_ROSTER), roster_words(cli, bk_cli_str(json_object_get(s, "roster"), "age")));
	say_count(T(cli, CLOCK_OFF), skew, text, sizeof text);
	row(T(cli, STATUS_CLOCK), llabs(skew) <= 60 ? T(cli, CLOCK_OK) : text);
}

int bk_cmd_status(struct bk_cli *cli, int argc, char **argv)
{
	json_t *reply = NULL;
	int err, code;

	if (bk_cli_options(cli, argc, argv, NULL, 0) != 0)
		return bk_cli_fail(cli, BK_E_USAGE, NULL);
	err = bk_cli_open(cli);
	if (err)
		return bk_cli_fail(cli, err, NULL);
	err = bk_cli_sync(cli); /* shown as the state of the connection, not as a failure */
	if (err == BK_E_REVOKED)
		return bk_cli_fail(cli, err, NULL);
	code = bk_cli_call(cli, json_pack("{s:s}", "cmd", "status"), &reply);
	if (code)
		return code;
	if (!bk_cli_print(cli, reply))
		print_status(cli, reply);
	json_decref(reply);
	return 0;
}

int bk_cmd_sync(struct bk_cli *cli, int argc, char **argv)
{
	int err;

	if (bk_cli_options(cli, argc, argv, NULL, 0) != 0)
		return bk_cli_fail(cli, BK_E_USAGE, NULL);
	err = bk_cli_open(cli);
	if (!err)
		err = bk_cli_sync(cli);
	return err ? bk_cli_fail(cli, err, NULL) : bk_cli_done(cli, NULL);
}

/* ---- passphrase ---- */

int bk_cmd_passphrase(struct bk_cli *cli, int argc, char **argv)
{
	char old[BK_PASSPHRASE_MAX] = "", fresh[BK_PASSPHRASE_MAX] = "";
	const char *new_file = NULL;
	const struct bk_cli_option options[] = {{"new-passphrase-file", &new_file, NULL, NULL}};
	int err;

	if (bk_cli_options(cli, argc, argv, options, 1) != 0)
		return bk_cli_fail(cli, BK_E_USAGE, NULL);
	err = bk_cli_passphrase(cli, old);
	if (!err)
		err = bk_cli_open_with(cli, old, false);
	if (!err)
		err = bk_cli_new_passphrase(cli, new_file, BK_CLI_PASSPHRASE_MIN, fresh);
	if (!err)
		err = bk_rim_passphrase(cli->rim, old, fresh);
	sodium_memzero(old, sizeof old);
	sodium_memzero(fresh, sizeof fresh);
	if (err)
		return bk_cli_fail(cli, err, NULL);
	bk_cli_keyring_drop(cli);
	return bk_cli_done(cli, T(cli, PASS_CHANGED));
}

int bk_cmd_unlock(struct bk_cli *cli, int argc, char **argv)
{
	char passphrase[BK_PASSPHRASE_MAX] = "", text[100];
	const char *minutes = NULL;
	const struct bk_cli_option options[] = {{"minutes", &minutes, NULL, NULL}};
	unsigned long n = UNLOCK_MINUTES;
	char *end = NULL;
	int err;

	if (bk_cli_options(cli, argc, argv, options, 1) != 0)
		return bk_cli_fail(cli, BK_E_USAGE, NULL);
	if (minutes) {
		n = strtoul(minutes, &end, 10);
		if (*end || !n || n > UNLOCK_MINUTES_MAX)
			return bk_cli_fail(cli, BK_E_USAGE, NULL);
	}
	bk_cli_keyring_drop(cli);
	err = bk_cli_passphrase(cli, passphrase);
	if (!err)
		err = bk_cli_open_with(cli, passphrase, false); /* a wrong one is never kept */
	if (!err)
		err = bk_cli_keyring_put(cli, passphrase, (unsigned)n);
	sodium_memzero(passphrase, sizeof passphrase);
	if (err)
		return bk_cli_fail(cli, err, NULL);
	say_count(T(cli, UNLOCKED), (json_int_t)n, text, sizeof text);
	return bk_cli_done(cli, text);
}

int bk_cmd_lock(struct bk_cli *cli, int argc, char **argv)
{
	if (bk_cli_options(cli, argc, argv, NULL, 0) != 0)
		return bk_cli_fail(cli, BK_E_USAGE, NULL);
	bk_cli_keyring_drop(cli);
	return bk_cli_done(cli, T(cli, LOCKED));
}
