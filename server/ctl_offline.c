/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ctl_offline.h"

#include <sodium.h>
#include <unistd.h>

#include "ctl_files.h"
#include "ctl_link.h"

bool bk_ctl_offline_served(const struct bk_ctl *ctl)
{
	struct bk_ctl_link *l = NULL;
	bool served = bk_ctl_link_open(ctl, &l) == 0;

	bk_ctl_link_close(l);
	return served;
}

int bk_ctl_offline_open(const struct bk_ctl *ctl, struct bk_store **ret_store, struct bk_store_view **ret_view)
{
	char path[BK_CTL_PATH], key[BK_CTL_PATH];
	uint8_t seal[BK_KEY_BYTES];
	struct bk_store_options o = {.path = path, .seal_key = seal, .read_only = true};
	struct bk_store *s = NULL;
	int err = bk_ctl_files_join(path, ctl->dir, "store");

	if (!err && access(path, F_OK) != 0)
		err = BK_E_NOT_FOUND;
	if (!err)
		err = bk_ctl_files_join(key, ctl->dir, "seal.key");
	if (!err)
		err = bk_ctl_files_get_hex(key, seal, sizeof seal);
	if (!err)
		err = bk_store_open(&o, &s);
	sodium_memzero(seal, sizeof seal);
	if (!err)
		err = bk_store_view_begin(s, ret_view);
	if (err)
		bk_store_close(s);
	else
		*ret_store = s;
	return err;
}

void bk_ctl_offline_close(struct bk_store *store, struct bk_store_view *view)
{
	if (view)
		bk_store_view_end(view);
	bk_store_close(store);
}
