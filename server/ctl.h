/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What every sub-command of bakenctl shares: options, passphrases, printing, exit codes.
 *
 * Invariant: nothing that exists is overwritten by a command that creates; a command that fails says why,
 * names the error, and changes nothing that it could not finish again by being run once more.
 * Exit codes: 0 ok, 64 usage, 65 bad data, 69 server unreachable, 70 internal, 74 I/O, 75 try later, 77 refused.
 *
 * Threads: main. Secrets: passphrases are wiped by who asked for them.
 */
#ifndef BK_CTL_H
#define BK_CTL_H

#include "control_json.h"
#include "ctl_texts.h"
#include "ids.h"

#define BK_CTL_PASS_MAX 256 /* bytes with the NUL */
#define BK_CTL_TIME_TEXT 32
#define BK_CTL_OPTIONS_MAX 24
#define BK_CTL_FINGERPRINT 48

struct bk_ctl {
	const char *dir;             /* the server's folder */
	const char *socket;          /* its control socket; NULL: dir/control.sock */
	const char *passphrase_file; /* opens existing keys; "-": standard input */
	const char *new_passphrase_file;
	enum bk_lang lang;
	bool json;
};

#define CT(ctl, id) bk_ctl_text(BK_CTL_TEXT_##id, (ctl)->lang)

/* One option: a value, a repeated value (list: a JSON array) or a flag. */
struct bk_ctl_option {
	const char *name;
	const char **value;
	json_t **list;
	bool *flag;
	bool required;
};
/*
 * Parses a command's own options and the global ones anywhere among the words; leaves the other words in
 * argv[0..]. Returns their number, or BK_E_USAGE after a sentence on stderr.
 */
int bk_ctl_options(struct bk_ctl *ctl, int argc, char **argv, const struct bk_ctl_option *options, size_t n);
/* Whole decimal number within bounds; BK_E_USAGE. text NULL: fallback. */
int bk_ctl_number(const char *text, uint64_t min, uint64_t max, uint64_t fallback, uint64_t *ret_number);

int bk_ctl_exit(int err);
/* Prints the error, its name and a way on; returns the exit code. detail may be NULL. */
int bk_ctl_fail(const struct bk_ctl *ctl, int err, const char *detail);
/* With --json prints the object as one line and returns true. Takes the reference either way. */
bool bk_ctl_print(const struct bk_ctl *ctl, json_t *object);

/* Passphrase of an existing key from --passphrase-file or the terminal without echo. */
int bk_ctl_passphrase(const struct bk_ctl *ctl, const char *what, char out[static BK_CTL_PASS_MAX]);
/* A new one: --new-passphrase-file, else --passphrase-file, else asked twice. At least 8 bytes. */
int bk_ctl_new_passphrase(const struct bk_ctl *ctl, const char *what, char out[static BK_CTL_PASS_MAX]);
/* Asks a question on the terminal; false without one. */
bool bk_ctl_confirm(const struct bk_ctl *ctl, const char *question);

/* Prints a line; each %s of the text takes the next string. The list ends with NULL. */
void bk_ctl_say(const char *text, ...);

bk_ms bk_ctl_now(void);
/* Local time "2026-11-23 10:42:05"; "-" for 0. */
char *bk_ctl_time(bk_ms at, char out[static BK_CTL_TIME_TEXT]);
char *bk_ctl_bytes(uint64_t bytes, char out[static BK_CTL_TIME_TEXT]);
/* Text of another origin on one line, without control signs. Static rotation of 4 buffers. */
const char *bk_ctl_shown(const char *text);

const char *bk_ctl_str(const json_t *object, const char *key); /* "" when absent */
uint64_t bk_ctl_u64(const json_t *object, const char *key);     /* 0 when absent or negative */
bool bk_ctl_is(const json_t *object, const char *key);
int bk_ctl_id(const json_t *object, const char *key, bk_id *ret_id);
json_t *bk_ctl_json_hex(const void *data, size_t len);
/* malloc'd. BK_E_INVAL. */
int bk_ctl_b64(const json_t *object, const char *key, uint8_t **ret_data, size_t *ret_len);

/* The rows of the command table in bakenctl.c. */
int bk_ctl_root_create(struct bk_ctl *ctl, int argc, char **argv);
int bk_ctl_registrar_create(struct bk_ctl *ctl, int argc, char **argv);
int bk_ctl_server_init(struct bk_ctl *ctl, int argc, char **argv);
int bk_ctl_server_renew(struct bk_ctl *ctl, int argc, char **argv);
int bk_ctl_circle_create(struct bk_ctl *ctl, int argc, char **argv);
int bk_ctl_invite(struct bk_ctl *ctl, int argc, char **argv);
int bk_ctl_invites(struct bk_ctl *ctl, int argc, char **argv);
int bk_ctl_approve(struct bk_ctl *ctl, int argc, char **argv);
int bk_ctl_revoke(struct bk_ctl *ctl, int argc, char **argv);
int bk_ctl_roster_show(struct bk_ctl *ctl, int argc, char **argv);
int bk_ctl_roster_renew(struct bk_ctl *ctl, int argc, char **argv);
int bk_ctl_roster_publish(struct bk_ctl *ctl, int argc, char **argv);
int bk_ctl_relations(struct bk_ctl *ctl, int argc, char **argv);
int bk_ctl_roster_list(struct bk_ctl *ctl, int argc, char **argv);
int bk_ctl_devices(struct bk_ctl *ctl, int argc, char **argv);
int bk_ctl_status(struct bk_ctl *ctl, int argc, char **argv);
int bk_ctl_metrics(struct bk_ctl *ctl, int argc, char **argv);
int bk_ctl_audit_verify(struct bk_ctl *ctl, int argc, char **argv);
int bk_ctl_audit_export(struct bk_ctl *ctl, int argc, char **argv);
int bk_ctl_audit_list(struct bk_ctl *ctl, int argc, char **argv);
int bk_ctl_incident(struct bk_ctl *ctl, int argc, char **argv);
int bk_ctl_rights(struct bk_ctl *ctl, int argc, char **argv);
int bk_ctl_push_key(struct bk_ctl *ctl, int argc, char **argv);
int bk_ctl_backup(struct bk_ctl *ctl, int argc, char **argv);
int bk_ctl_restore(struct bk_ctl *ctl, int argc, char **argv);
int bk_ctl_cut(struct bk_ctl *ctl, int argc, char **argv);
int bk_ctl_expire(struct bk_ctl *ctl, int argc, char **argv);

#endif
