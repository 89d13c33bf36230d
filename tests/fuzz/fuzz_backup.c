/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The manifest of a backup: whatever it says, a restore without the copy it speaks of leaves nothing behind. */
#include "fuzz.h"

#include <sys/stat.h>
#include <unistd.h>

#include "store.h"
#include "tmp.h"

static char from[600], to[600], manifest[700];

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	snprintf(from, sizeof from, "%s", bk_tmp_path("backup"));
	snprintf(to, sizeof to, "%s", bk_tmp_path("restored"));
	snprintf(manifest, sizeof manifest, "%s/manifest", from);
	return sodium_init() < 0 || mkdir(from, 0700) != 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t key[BK_KEY_BYTES];
	struct bk_store_stats stats;
	int err;

	BK_ASSERT(bk_tmp_write(manifest, data, size) == 0);
	err = bk_store_restore(from, to, key, 1, &stats);
	BK_ASSERT(err);
	BK_FUZZ_OURS(err);
	BK_ASSERT(err != BK_E_IO && err != BK_E_EXISTS);
	BK_ASSERT(access(to, F_OK) != 0);
	return 0;
}
