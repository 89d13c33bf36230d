/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "crash_env.h"

#ifdef BAKEN_CRASH_POINTS
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "crashpoint.h"
#include "err.h"
#include "kv_fault.h"

static const char *wanted;
static size_t wanted_len;
static atomic_ulong hits_left, commits_left;

static void die_at(const char *name)
{
	if (strlen(name) != wanted_len || strncmp(name, wanted, wanted_len) != 0)
		return;
	if (atomic_fetch_sub(&hits_left, 1) == 1)
		raise(SIGKILL);
}

/* That commit and all later ones, as when a disk has died. */
static int fail_at(void *arg, enum bk_kv_fault_point point)
{
	unsigned long left;

	(void)arg;
	if (point != BK_KV_FAULT_COMMIT)
		return 0;
	left = atomic_load(&commits_left);
	if (left > 1)
		atomic_store(&commits_left, left - 1);
	return left > 1 ? 0 : BK_E_IO;
}

/* The number behind the colon; 1 without one. */
static unsigned long count_of(const char *text)
{
	const char *colon = strchr(text, ':');
	unsigned long n = colon ? strtoul(colon + 1, NULL, 10) : 1;

	return n ? n : 1;
}

void bk_crash_env_install(void)
{
	const char *fail = getenv("BAKEN_FAIL_AT");

	wanted = getenv("BAKEN_CRASH_AT");
	if (wanted) {
		wanted_len = strcspn(wanted, ":");
		atomic_store(&hits_left, count_of(wanted));
		bk_crash_hook = die_at;
	}
	if (fail && strncmp(fail, "commit", 6) == 0) {
		atomic_store(&commits_left, count_of(fail));
		bk_kv_fault_set(fail_at, NULL);
	}
}
#else
void bk_crash_env_install(void)
{
}
#endif
