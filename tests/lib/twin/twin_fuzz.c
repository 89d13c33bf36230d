/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "twin_fuzz.h"

#include <sodium.h>
#include <stdlib.h>

#include "err.h"

#define CHANGES_MAX 300u

struct bk_twin bk_twin_fuzz;
struct bk_twin_cast bk_twin_fuzz_cast;
static const char *name;
static unsigned changes;

static void end(void)
{
	bk_twin_close(&bk_twin_fuzz);
}

int bk_twin_fuzz_begin(const char *folder)
{
	if (sodium_init() < 0)
		return 1;
	name = folder;
	bk_twin_cast(&bk_twin_fuzz, name, &bk_twin_fuzz_cast);
	return atexit(end);
}

static bool online(const struct bk_twin_device *d)
{
	return d->core && d->wire && !d->wire->closing && !d->err;
}

struct bk_twin_device *bk_twin_fuzz_device(unsigned n)
{
	struct bk_twin_device *const all[] = {bk_twin_fuzz_cast.person, bk_twin_fuzz_cast.officer, bk_twin_fuzz_cast.carer};
	struct bk_twin_device *d = all[n % 3];

	if (!online(d)) {
		bk_twin_reboot(d);
		bk_twin_settle(&bk_twin_fuzz);
	}
	if (!online(d)) { /* told to stay away */
		bk_twin_call(d, json_pack("{s:s}", "cmd", "connect"), NULL);
		bk_twin_settle(&bk_twin_fuzz);
	}
	bk_twin_forget(d);
	return d;
}

void bk_twin_fuzz_end(bool changed)
{
	bk_twin_settle(&bk_twin_fuzz);
	for (size_t i = 0; i < bk_twin_fuzz.n_devices; i++)
		bk_twin_forget(&bk_twin_fuzz.devices[i]);
	changes += changed;
	if (changes < CHANGES_MAX)
		return;
	changes = 0;
	bk_twin_close(&bk_twin_fuzz);
	bk_twin_cast(&bk_twin_fuzz, name, &bk_twin_fuzz_cast);
}
