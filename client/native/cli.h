/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What every sub-command of `baken` shares: options, opening the store, calling the core, waiting for rungs,
 * and saying what went wrong. With --json each command prints the core's own objects, one a line.
 *
 * Threads: main.
 */
#ifndef BK_CLI_H
#define BK_CLI_H

#include "rim.h"
#include "term.h"
#include "texts.h"

struct bk_cli {
	char dir[4000];
	const char *passphrase_file, *ca_file;
	enum bk_lang lang;
	bool json, offline;
	bool told;     /* a wrong word was named already */
	char why[400]; /* a better sentence for the error that is about to be shown */
	unsigned wait_s;
	uint64_t canary_ms, canary_late_ms;
	uint64_t lock_after_ms; /* a person's device locks by itself; 0: never */
	struct bk_rim *rim;
	void (*watch)(struct bk_cli *cli, const json_t *event); /* a command's own interest in events */
	void *watch_arg;
	bool caught_up, online, revoked;
	int link_error; /* last reason the link went down */
};

/* Exit codes of sysexits.h, from an error number. */
int bk_cli_exit(int err);
/* Prints the error with a way on, and returns the exit code. detail may be NULL. */
int bk_cli_fail(const struct bk_cli *cli, int err, const char *detail);
/* It worked and there is nothing more to tell: the sentence, or {"event":"ok"}. Returns 0. */
int bk_cli_done(const struct bk_cli *cli, const char *sentence);
/* Prints one JSON line when --json, and says whether it did. */
bool bk_cli_print(const struct bk_cli *cli, const json_t *value);

#define T(cli, id) bk_text(BK_TEXT_##id, (cli)->lang)

/* One option of a sub-command: a value, a repeated value (list: a JSON array) or a flag. */
struct bk_cli_option {
	const char *name;
	const char **value;
	json_t **list;
	bool *flag;
};
/*
 * Parses options anywhere among the words; leaves the other words in argv[0..]. Returns their number, or
 * BK_E_USAGE after a sentence on stderr.
 */
int bk_cli_options(struct bk_cli *cli, int argc, char **argv, const struct bk_cli_option *options, size_t n);

/* Passphrase from file, key ring or terminal. */
int bk_cli_passphrase(struct bk_cli *cli, char out[static BK_PASSPHRASE_MAX]);
int bk_cli_new_passphrase(struct bk_cli *cli, const char *file, size_t least, char out[static BK_PASSPHRASE_MAX]);
#define BK_CLI_PASSPHRASE_MIN 8u
int bk_cli_open(struct bk_cli *cli);
int bk_cli_open_with(struct bk_cli *cli, const char *passphrase, bool create);
/* Connects and waits until the queue has been read, or --wait is over (BK_E_TIMEOUT, BK_E_NET, BK_E_TLS). */
int bk_cli_sync(struct bk_cli *cli);
/* Waits, not for long, until the server has answered all that was said. */
void bk_cli_flush(struct bk_cli *cli);
void bk_cli_close(struct bk_cli *cli);
/* Calls the core; on an error prints it and returns the exit code, else 0. */
int bk_cli_call(struct bk_cli *cli, json_t *command, json_t **ret_reply);
/* After a sending command: says where the message is, connects, shows each rung until `until` or --wait. */
int bk_cli_send(struct bk_cli *cli, json_t *command, enum bk_text saved);

/* Words of a message: what stands on the command line, else standard input to its end. */
json_t *bk_cli_words(int argc, char **argv);
/* Opens the store, encrypts the files and sends; owns command and files. */
int bk_cli_write(struct bk_cli *cli, json_t *command, json_t *files, enum bk_text saved);
/* A message named by its first digits; NULL after saying that there is none, or more than one. */
const char *bk_cli_full_id(struct bk_cli *cli, const char *word, char out[static BK_ID_TEXT]);

/* The key ring of the session keeps an unlocked passphrase for a while (keyrings(7)). */
int bk_cli_keyring_put(const struct bk_cli *cli, const char *passphrase, unsigned minutes);
int bk_cli_keyring_get(const struct bk_cli *cli, char out[static BK_PASSPHRASE_MAX]);
void bk_cli_keyring_drop(const struct bk_cli *cli);

const char *bk_cli_str(const json_t *object, const char *key); /* "" when absent */
bk_ms bk_cli_ms(const json_t *object, const char *key);

/* Words of the table in baken.c. */
int bk_cmd_enrol(struct bk_cli *cli, int argc, char **argv);
int bk_cmd_status(struct bk_cli *cli, int argc, char **argv);
int bk_cmd_sync(struct bk_cli *cli, int argc, char **argv);
int bk_cmd_passphrase(struct bk_cli *cli, int argc, char **argv);
int bk_cmd_unlock(struct bk_cli *cli, int argc, char **argv);
int bk_cmd_pin(struct bk_cli *cli, int argc, char **argv);
int bk_cmd_wipe(struct bk_cli *cli, int argc, char **argv);
int bk_cmd_health(struct bk_cli *cli, int argc, char **argv);
int bk_cmd_drill(struct bk_cli *cli, int argc, char **argv);
int bk_cmd_devices(struct bk_cli *cli, int argc, char **argv);
int bk_cmd_lock(struct bk_cli *cli, int argc, char **argv);
int bk_cmd_alarm(struct bk_cli *cli, int argc, char **argv);
bool bk_cli_rings(const json_t *event); /* does the board sound its bell? */
int bk_cmd_safe(struct bk_cli *cli, int argc, char **argv);
int bk_cmd_place(struct bk_cli *cli, int argc, char **argv);
int bk_cmd_share(struct bk_cli *cli, int argc, char **argv);
int bk_cmd_report(struct bk_cli *cli, int argc, char **argv);
int bk_cmd_send(struct bk_cli *cli, int argc, char **argv);
int bk_cmd_reply(struct bk_cli *cli, int argc, char **argv);
int bk_cmd_guidance(struct bk_cli *cli, int argc, char **argv);
int bk_cmd_acknowledge(struct bk_cli *cli, int argc, char **argv);
int bk_cmd_ask_again(struct bk_cli *cli, int argc, char **argv);
int bk_cmd_reports(struct bk_cli *cli, int argc, char **argv);
int bk_cmd_messages(struct bk_cli *cli, int argc, char **argv);
int bk_cmd_show(struct bk_cli *cli, int argc, char **argv);
int bk_cmd_attach(struct bk_cli *cli, int argc, char **argv);
int bk_cmd_save(struct bk_cli *cli, int argc, char **argv);
int bk_cmd_people(struct bk_cli *cli, int argc, char **argv);
int bk_cmd_watch(struct bk_cli *cli, int argc, char **argv);
int bk_cmd_receipts(struct bk_cli *cli, int argc, char **argv);
int bk_cmd_monitor(struct bk_cli *cli, int argc, char **argv);
int bk_cmd_desk(struct bk_cli *cli, int argc, char **argv);
int bk_cmd_shift(struct bk_cli *cli, int argc, char **argv);
int bk_cmd_vault(struct bk_cli *cli, int argc, char **argv);
int bk_cmd_rpc(struct bk_cli *cli, int argc, char **argv);

/* print.c */
void bk_print_item(const struct bk_cli *cli, const json_t *item);
void bk_print_item_line(const struct bk_cli *cli, const json_t *item);
void bk_print_rungs(const struct bk_cli *cli, const char *kind, const json_t *rungs);
const char *bk_print_rung(const struct bk_cli *cli, const char *kind, const char *rung);
const char *bk_print_urgency(const struct bk_cli *cli, const char *urgency);
const char *bk_print_role(const struct bk_cli *cli, const char *role);
/* "2.7 MiB" */
char *bk_print_size(uint64_t bytes, char out[static BK_TERM_TIME]);
/* A case of the board, two lines; owner shown when claimed. */
void bk_print_case(const struct bk_cli *cli, const json_t *row, bool chosen);

#endif
