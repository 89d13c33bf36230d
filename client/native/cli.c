/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli.h"

#include <linux/keyctl.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sysexits.h>
#include <unistd.h>

#define FLUSH_MS 5000u        /* for answers that are still on their way when a command is done */
#define ID_DIGITS_MIN 4u /* of a message, to name it by */
#define CALL_TIMEOUT_MS 30000u /* a local command never takes this long */

int bk_cli_exit(int err)
{
	switch (err) {
	case 0:
		return 0;
	case BK_E_USAGE:
		return EX_USAGE;
	case BK_E_INVAL:
	case BK_E_TOO_BIG:
	case BK_E_INVITE:
	case BK_E_CORRUPT:
	case BK_E_HASH:
		return EX_DATAERR;
	case BK_E_NOT_FOUND:
		return EX_NOINPUT;
	case BK_E_NET:
	case BK_E_TLS:
	case BK_E_CHAIN:
		return EX_UNAVAILABLE;
	case BK_E_EXISTS:
		return EX_CANTCREAT;
	case BK_E_IO:
	case BK_E_FULL:
		return EX_IOERR;
	case BK_E_TIMEOUT:
	case BK_E_BUSY:
	case BK_E_LOCKED:
	case BK_E_RATE:
	case BK_E_QUOTA:
		return EX_TEMPFAIL;
	case BK_E_ROLE:
	case BK_E_STATE:
	case BK_E_PASSPHRASE:
	case BK_E_SHUT:
	case BK_E_REVOKED:
	case BK_E_LOGIN:
	case BK_E_CLAIMED:
		return EX_NOPERM;
	default:
		return EX_SOFTWARE;
	}
}

int bk_cli_fail(const struct bk_cli *cli, int err, const char *detail)
{
	const char *hint = bk_text_hint(err, cli->lang);

	if (cli->told && err == BK_E_USAGE)
		return bk_cli_exit(err);
	if (!detail || !*detail)
		detail = *cli->why ? cli->why : bk_err_text(err, cli->lang);
	if (cli->json) {
		json_t *o = json_pack("{s:s, s:s, s:s}", "event", "error", "error", bk_err_name(err), "text", detail);

		bk_cli_print(cli, o);
		json_decref(o);
		return bk_cli_exit(err);
	}
	fprintf(stderr, "%s: %s (%s)\n", T(cli, E_PREFIX), bk_term_shown(detail, 400), bk_err_name(err));
	if (hint)
		fprintf(stderr, "%s\n", hint);
	return bk_cli_exit(err);
}

int bk_cli_done(const struct bk_cli *cli, const char *sentence)
{
	json_t *o = json_pack("{s:s}", "event", "ok");

	if (!bk_cli_print(cli, o) && sentence)
		printf("%s\n", sentence);
	json_decref(o);
	return 0;
}

bool bk_cli_print(const struct bk_cli *cli, const json_t *value)
{
	if (!cli->json)
		return false;
	json_dumpf(value, stdout, JSON_COMPACT);
	putchar('\n');
	fflush(stdout);
	return true;
}

const char *bk_cli_str(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s ? s : "";
}

bk_ms bk_cli_ms(const json_t *object, const char *key)
{
	json_int_t v = json_integer_value(json_object_get(object, key));

	return v > 0 ? (bk_ms)v : 0;
}

/* ---- options ---- */

static int take_option(const struct bk_cli_option *o, const char *value)
{
	if (o->flag) {
		*o->flag = true;
	} else if (o->list) {
		if (!*o->list)
			*o->list = json_array();
		if (json_array_append_new(*o->list, json_string(value)) != 0)
			return BK_E_INVAL;
	} else {
		*o->value = value;
	}
	return 0;
}

static const struct bk_cli_option *find_option(const struct bk_cli_option *options, size_t n, const char *word,
	const char **ret_value)
{
	size_t len = strcspn(word, "=");

	for (size_t i = 0; i < n; i++)
		if (strlen(options[i].name) == len && strncmp(options[i].name, word, len) == 0) {
			*ret_value = word[len] ? word + len + 1 : NULL;
			return &options[i];
		}
	return NULL;
}

static int wrong_option(struct bk_cli *cli, const char *word, const char *why)
{
	char text[200];

	snprintf(text, sizeof text, "%.100s: %s", word, why);
	bk_cli_fail(cli, BK_E_USAGE, text);
	cli->told = true;
	return BK_E_USAGE;
}

int bk_cli_options(struct bk_cli *cli, int argc, char **argv, const struct bk_cli_option *options, size_t n)
{
	int words = 0;

	for (int i = 0; i < argc; i++) {
		const struct bk_cli_option *o;
		const char *value = NULL;

		if (strcmp(argv[i], "--") == 0) {
			while (++i < argc)
				argv[words++] = argv[i];
			break;
		}
		if (strncmp(argv[i], "--", 2) != 0) {
			argv[words++] = argv[i];
			continue;
		}
		o = find_option(options, n, argv[i] + 2, &value);
		if (o && !o->flag && !value && i + 1 < argc)
			value = argv[++i];
		if (!o || (o->flag ? value != NULL : value == NULL) || take_option(o, value)) {
			return wrong_option(cli, argv[i], o ? T(cli, OPTION_VALUE) : T(cli, UNKNOWN_OPTION));
		}
	}
	return words;
}

/* ---- key ring ---- */

static void keyring_name(const struct bk_cli *cli, char out[static 64])
{
	bk_hash h = bk_hash_of(cli->dir, strlen(cli->dir));

	memcpy(out, "baken:", 6);
	bk_hex_encode(out + 6, h.b, 16);
}

int bk_cli_keyring_put(const struct bk_cli *cli, const char *passphrase, unsigned minutes)
{
	char name[64];
	long key;

	keyring_name(cli, name);
	key = syscall(SYS_add_key, "user", name, passphrase, strlen(passphrase), KEY_SPEC_USER_SESSION_KEYRING);
	if (key < 0)
		return BK_E_UNSUPPORTED;
	if (syscall(SYS_keyctl, KEYCTL_SET_TIMEOUT, key, minutes * 60) != 0) {
		syscall(SYS_keyctl, KEYCTL_REVOKE, key);
		return BK_E_UNSUPPORTED;
	}
	return 0;
}

static long keyring_find(const struct bk_cli *cli)
{
	char name[64];

	keyring_name(cli, name);
	return syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_USER_SESSION_KEYRING, "user", name, 0);
}

int bk_cli_keyring_get(const struct bk_cli *cli, char out[static BK_PASSPHRASE_MAX])
{
	long key = keyring_find(cli), n;

	if (key < 0)
		return BK_E_NOT_FOUND;
	n = syscall(SYS_keyctl, KEYCTL_READ, key, out, BK_PASSPHRASE_MAX - 1);
	if (n <= 0 || n >= BK_PASSPHRASE_MAX)
		return BK_E_NOT_FOUND;
	out[n] = '\0';
	return 0;
}

void bk_cli_keyring_drop(const struct bk_cli *cli)
{
	long key = keyring_find(cli);

	if (key >= 0)
		syscall(SYS_keyctl, KEYCTL_REVOKE, key);
}

/* ---- opening ---- */

/* Asks on the terminal; without one the file is the way. */
static int ask_secret(struct bk_cli *cli, const char *prompt, char out[static BK_PASSPHRASE_MAX])
{
	int err = bk_term_secret(prompt, out);

	if (err == BK_E_STATE)
		snprintf(cli->why, sizeof cli->why, "%s", T(cli, NO_TERMINAL));
	return err;
}

static int read_secret(struct bk_cli *cli, const char *file, char out[static BK_PASSPHRASE_MAX])
{
	int err = bk_term_secret_file(file, out);

	if (err)
		snprintf(cli->why, sizeof cli->why, "%.200s: %s", file, bk_err_text(err, cli->lang));
	return err;
}

int bk_cli_passphrase(struct bk_cli *cli, char out[static BK_PASSPHRASE_MAX])
{
	if (cli->passphrase_file)
		return read_secret(cli, cli->passphrase_file, out);
	if (bk_cli_keyring_get(cli, out) == 0)
		return 0;
	return ask_secret(cli, T(cli, ASK_PASS), out);
}

int bk_cli_new_passphrase(struct bk_cli *cli, const char *file, size_t least, char out[static BK_PASSPHRASE_MAX])
{
	char again[BK_PASSPHRASE_MAX];
	int err;

	if (file) {
		err = read_secret(cli, file, out);
	} else {
		err = ask_secret(cli, T(cli, NEW_PASS), out);
		if (!err)
			err = ask_secret(cli, T(cli, NEW_PASS_AGAIN), again);
		if (!err && strcmp(out, again) != 0) {
			snprintf(cli->why, sizeof cli->why, "%s", T(cli, PASS_DIFFER));
			err = BK_E_INVAL;
		}
		sodium_memzero(again, sizeof again);
	}
	if (!err && strlen(out) < least) {
		snprintf(cli->why, sizeof cli->why, "%s", least < BK_CLI_PASSPHRASE_MIN ? T(cli, PIN_SHORT) : T(cli, PASS_SHORT));
		err = BK_E_INVAL;
	}
	return err;
}

static void note_link(struct bk_cli *cli, const json_t *event)
{
	const char *state = bk_cli_str(event, "state");

	if (strcmp(state, "online") == 0) {
		cli->online = true;
	} else if (strcmp(state, "caught-up") == 0) {
		cli->caught_up = true;
	} else if (strcmp(state, "offline") == 0) {
		cli->online = cli->caught_up = false;
		cli->link_error = strcmp(bk_cli_str(event, "error"), "BK_E_TLS") == 0 ||
						  strcmp(bk_cli_str(event, "error"), "BK_E_CHAIN") == 0
					  ? BK_E_TLS
					  : BK_E_NET;
	}
}

/* The table's format takes one string: filled in by hand, so that a text can never be a format. */
static void say(FILE *to, const char *format, const char *word)
{
	const char *at = strstr(format, "%s");

	if (at)
		fprintf(to, "%.*s%s%s\n", (int)(at - format), format, word, at + 2);
	else
		fprintf(to, "%s\n", format);
}

static void on_event(void *arg, const json_t *event)
{
	struct bk_cli *cli = arg;
	const char *name = bk_cli_str(event, "event");

	if (strcmp(name, "link") == 0)
		note_link(cli, event);
	else if (strcmp(name, "revoked") == 0)
		cli->revoked = true;
	else if (strcmp(name, "undecryptable") == 0 && !cli->json)
		say(stderr, T(cli, UNDECRYPTABLE), bk_cli_str(event, "message"));
	if (cli->watch)
		cli->watch(cli, event);
}

int bk_cli_open_with(struct bk_cli *cli, const char *passphrase, bool create)
{
	struct bk_rim_options o = {
		.dir = cli->dir,
		.passphrase = passphrase,
		.ca_file = cli->ca_file,
		.lang = cli->lang,
		.create = create,
		.lock_after_ms = cli->lock_after_ms,
		.canary_ms = cli->canary_ms,
		.canary_late_ms = cli->canary_late_ms,
		.event = on_event,
		.arg = cli,
	};

	return bk_rim_open(&o, &cli->rim);
}

int bk_cli_open(struct bk_cli *cli)
{
	char passphrase[BK_PASSPHRASE_MAX] = "", store[4100];
	int err;

	snprintf(store, sizeof store, "%s/store", cli->dir);
	if (access(store, F_OK) != 0) {
		snprintf(cli->why, sizeof cli->why, "%s", T(cli, NOT_ENROLLED));
		return BK_E_STATE;
	}
	err = bk_cli_passphrase(cli, passphrase);
	if (!err)
		err = bk_cli_open_with(cli, passphrase, false);
	sodium_memzero(passphrase, sizeof passphrase);
	return err;
}

void bk_cli_close(struct bk_cli *cli)
{
	bk_rim_close(cli->rim);
	cli->rim = NULL;
}

int bk_cli_call(struct bk_cli *cli, json_t *command, json_t **ret_reply)
{
	json_t *reply = NULL;
	int err = bk_rim_call(cli->rim, command, CALL_TIMEOUT_MS, &reply), code = 0;

	if (err)
		code = bk_cli_fail(cli, err, bk_cli_str(reply, "text"));
	if (ret_reply && !err)
		*ret_reply = reply;
	else
		json_decref(reply);
	return code;
}

static bool synced(void *arg)
{
	const struct bk_cli *cli = arg;

	return cli->caught_up || cli->revoked || (cli->link_error == BK_E_TLS);
}

int bk_cli_sync(struct bk_cli *cli)
{
	int err;

	if (cli->offline)
		return 0;
	err = bk_rim_call(cli->rim, json_pack("{s:s}", "cmd", "connect"), CALL_TIMEOUT_MS, NULL);
	if (!err)
		err = bk_rim_wait(cli->rim, synced, cli, (uint64_t)cli->wait_s * 1000);
	if (cli->revoked)
		return BK_E_REVOKED;
	if (cli->caught_up) {
		bk_cli_flush(cli);
		return 0;
	}
	return cli->link_error ? cli->link_error : err;
}

static bool is_flushed(void *arg)
{
	struct bk_cli *cli = arg;
	json_t *reply = NULL;
	json_int_t left = 1;

	if (bk_rim_call(cli->rim, json_pack("{s:s}", "cmd", "status"), CALL_TIMEOUT_MS, &reply) == 0)
		left = json_integer_value(json_object_get(reply, "unanswered"));
	json_decref(reply);
	return left == 0 || !cli->online;
}

void bk_cli_flush(struct bk_cli *cli)
{
	if (cli->online)
		bk_rim_wait(cli->rim, is_flushed, cli, FLUSH_MS);
}

/* How many different ids of a list begin with the word; the last such in out. */
static size_t match_ids(struct bk_cli *cli, json_t *command, const char *word, char out[static BK_ID_TEXT])
{
	size_t i, hits = 0, len = strlen(word);
	json_t *reply = NULL, *item;

	if (bk_rim_call(cli->rim, command, CALL_TIMEOUT_MS, &reply) == 0)
		json_array_foreach(json_object_get(reply, "items"), i, item)
			if (strncmp(bk_cli_str(item, "message"), word, len) == 0) {
				snprintf(out, BK_ID_TEXT, "%s", bk_cli_str(item, "message"));
				hits++;
			}
	json_decref(reply);
	return hits;
}

const char *bk_cli_full_id(struct bk_cli *cli, const char *word, char out[static BK_ID_TEXT])
{
	size_t hits = 0, len = strlen(word);

	if (len == BK_ID_TEXT - 1)
		return word;
	if (len >= ID_DIGITS_MIN && strspn(word, "0123456789abcdef") == len) {
		hits = match_ids(cli, json_pack("{s:s, s:i}", "cmd", "messages", "limit", 1000), word, out);
		if (!hits)
			hits = match_ids(cli, json_pack("{s:s}", "cmd", "unreadable"), word, out);
	}
	if (hits == 1)
		return out;
	bk_cli_fail(cli, BK_E_NOT_FOUND, T(cli, NO_SUCH_MESSAGE));
	return NULL;
}

/* ---- sending ---- */

struct sending {
	char message[BK_ID_TEXT];
	const char *kind; /* of the item */
	bool stored, refused, moved; /* moved: a file is under way, which is worth waiting for */
};

static void watch_sending(struct bk_cli *cli, const json_t *event)
{
	struct sending *s = cli->watch_arg;
	const char *name = bk_cli_str(event, "event");
	char at[BK_TERM_TIME];

	if (strcmp(name, "transfer") == 0) {
		s->moved = true;
		if (!cli->json)
			bk_term_progress(T(cli, SENDING), bk_cli_ms(event, "done_bytes"),
				bk_cli_ms(event, "total_bytes"));
		return;
	}
	if (strcmp(bk_cli_str(event, "message"), s->message) != 0)
		return;
	if (strcmp(name, "refused") == 0) {
		s->refused = true;
		bk_cli_fail(cli, BK_E_INVAL, bk_cli_str(event, "text"));
	} else if (strcmp(name, "outgoing") == 0) {
		if (strcmp(bk_cli_str(event, "rung"), "device") != 0)
			s->stored = true;
		if (!bk_cli_print(cli, event))
			printf("  %s  %s\n", bk_term_time(bk_cli_ms(event, "at_ms"), cli->lang, at),
				bk_print_rung(cli, s->kind, bk_cli_str(event, "rung")));
	}
}

static bool sent(void *arg)
{
	const struct bk_cli *cli = arg;
	const struct sending *s = cli->watch_arg;

	return s->stored || s->refused || cli->revoked;
}

int bk_cli_send(struct bk_cli *cli, json_t *command, enum bk_text saved)
{
	struct sending s = {.kind = saved == BK_TEXT_REPORT_SAVED ? "report" : "text"};
	json_t *reply = NULL;
	int code, err = 0;

	code = bk_cli_call(cli, command, &reply);
	if (code)
		return code;
	snprintf(s.message, sizeof s.message, "%s", bk_cli_str(reply, "message"));
	if (!bk_cli_print(cli, reply))
		say(stdout, bk_text(saved, cli->lang), s.message);
	json_decref(reply);
	cli->watch = watch_sending;
	cli->watch_arg = &s;
	if (!cli->offline) {
		err = bk_rim_call(cli->rim, json_pack("{s:s}", "cmd", "connect"), CALL_TIMEOUT_MS, NULL);
		for (bool more = !err; more; more = s.moved && !sent(cli)) {
			s.moved = false;
			bk_rim_wait(cli->rim, sent, cli, (uint64_t)cli->wait_s * 1000);
		}
		bk_cli_flush(cli);
	}
	cli->watch = NULL;
	if (cli->revoked)
		return bk_cli_fail(cli, BK_E_REVOKED, NULL);
	if (s.refused)
		return EX_DATAERR;
	if (s.stored)
		return 0;
	if (!cli->json)
		printf("  %s\n%s\n", T(cli, ON_DEVICE), T(cli, WAITS));
	return cli->offline ? 0 : EX_TEMPFAIL;
}
