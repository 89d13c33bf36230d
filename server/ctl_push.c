/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The key by which push hosts know this server. */
#include <libgen.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl.h"
#include "ctl_files.h"
#include "push_vapid.h"

int bk_ctl_push_key(struct bk_ctl *ctl, int argc, char **argv)
{
	const char *out = NULL;
	const struct bk_ctl_option options[] = {{"out", &out, NULL, NULL, false}};
	char path[BK_CTL_PATH], dir[BK_CTL_PATH], *pem = NULL;
	int err;

	if (bk_ctl_options(ctl, argc, argv, options, 1) != 0)
		return bk_ctl_exit(BK_E_USAGE);
	err = out ? bk_ctl_files_absolute(out, path) : bk_ctl_files_join(path, ctl->dir, "push.key");
	if (!err && access(path, F_OK) == 0)
		err = BK_E_EXISTS;
	if (!err)
		err = bk_push_vapid_make(&pem);
	if (!err) {
		memcpy(dir, path, sizeof dir);
		err = bk_ctl_files_put(dirname(dir), strrchr(path, '/') + 1, pem, strlen(pem));
	}
	if (pem)
		sodium_memzero(pem, strlen(pem));
	free(pem);
	if (err)
		return bk_ctl_fail(ctl, err, path);
	if (bk_ctl_print(ctl, json_pack("{s:b, s:s}", "ok", 1, "push_key", path)))
		return 0;
	bk_ctl_say(CT(ctl, PUSH_KEY_MADE), path, NULL);
	bk_ctl_say(CT(ctl, PUSH_KEY_CONF), path, NULL);
	return 0;
}
