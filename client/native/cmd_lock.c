/* SPDX-License-Identifier: GPL-3.0-or-later */
/* pin, wipe */
#include <sodium.h>
#include <unistd.h>

#include "cli.h"

static int set_pin(struct bk_cli *cli, const char *file, bool second, bool none)
{
	char pin[BK_PASSPHRASE_MAX] = "", fresh[BK_PASSPHRASE_MAX] = "";
	int err = bk_cli_passphrase(cli, pin);

	if (!err)
		err = bk_cli_open_with(cli, pin, false);
	if (!err && !none)
		err = bk_cli_new_passphrase(cli, file, BK_PIN_MIN, fresh);
	if (!err)
		err = bk_rim_pin_set(cli->rim, pin, none ? NULL : fresh, second || none);
	if (err == BK_E_EXISTS)
		snprintf(cli->why, sizeof cli->why, "%s", T(cli, PIN_EQUAL));
	sodium_memzero(pin, sizeof pin);
	sodium_memzero(fresh, sizeof fresh);
	return err;
}

int bk_cmd_pin(struct bk_cli *cli, int argc, char **argv)
{
	const char *file = NULL;
	bool second = false, none = false;
	const struct bk_cli_option options[] = {
		{"new-passphrase-file", &file, NULL, NULL},
		{"second", NULL, NULL, &second},
		{"no-second", NULL, NULL, &none},
	};
	int err;

	if (bk_cli_options(cli, argc, argv, options, 3) != 0 || (second && none))
		return bk_cli_fail(cli, BK_E_USAGE, NULL);
	err = set_pin(cli, file, second, none);
	if (err)
		return bk_cli_fail(cli, err, NULL);
	if (!second && !none)
		bk_cli_keyring_drop(cli);
	return bk_cli_done(cli, T(cli, PIN_SET));
}

/* What is wiped is gone: a word has to be typed, or --yes given. No PIN, for there may be no time for one. */
int bk_cmd_wipe(struct bk_cli *cli, int argc, char **argv)
{
	bool yes = false;
	const struct bk_cli_option options[] = {{"yes", NULL, NULL, &yes}};
	char line[40] = "", store[4100];

	if (bk_cli_options(cli, argc, argv, options, 1) != 0)
		return bk_cli_fail(cli, BK_E_USAGE, NULL);
	snprintf(store, sizeof store, "%s/store", cli->dir);
	if (access(store, F_OK) != 0)
		return bk_cli_fail(cli, BK_E_NOT_FOUND, NULL);
	if (!yes && (bk_term_line(T(cli, ASK_WIPE), line, sizeof line) || strcmp(line, T(cli, WORD_WIPE)) != 0))
		return bk_cli_fail(cli, BK_E_CANCELLED, NULL);
	bk_cli_keyring_drop(cli);
	bk_rim_wipe_folder(cli->dir);
	return bk_cli_done(cli, T(cli, WIPED));
}
