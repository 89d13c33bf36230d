/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "crash_env.h"

#ifdef BAKEN_CRASH_POINTS
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "crashpoint.h"

static const char *wanted;
static size_t wanted_len;
static atomic_ulong hits_left;

static void die_at(const char *name)
{
	if (strlen(name) != wanted_len || strncmp(name, wanted, wanted_len) != 0)
		return;
	if (atomic_fetch_sub(&hits_left, 1) == 1)
		raise(SIGKILL);
}

void bk_crash_env_install(void)
{
	wanted = getenv("BAKEN_CRASH_AT");
	if (!wanted)
		return;
	wanted_len = strcspn(wanted, ":");
	unsigned long n = wanted[wanted_len] ? strtoul(wanted + wanted_len + 1, NULL, 10) : 1;
	atomic_store(&hits_left, n ? n : 1);
	bk_crash_hook = die_at;
}
#else
void bk_crash_env_install(void)
{
}
#endif
