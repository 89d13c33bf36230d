/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "figures.h"

#include <fcntl.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "err.h"
#include "tmp.h"

#define RECORD 1024u
#define PAGE 4096u

uint64_t bk_figures_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void bk_hist_add(struct bk_hist *h, uint64_t ns)
{
	unsigned top = ns < 32 ? 5 : 63 - (unsigned)__builtin_clzll(ns);
	size_t i = ns < 32 ? (size_t)ns : (size_t)(top - 4) * 32 + (size_t)(ns >> (top - 5) & 31);

	h->buckets[i < BK_HIST_BUCKETS ? i : BK_HIST_BUCKETS - 1]++;
	h->count++;
}

double bk_hist_ms(const struct bk_hist *h, double quantile)
{
	uint64_t want = (uint64_t)((double)h->count * quantile), seen = 0;

	for (size_t i = 0; i < BK_HIST_BUCKETS; i++) {
		seen += h->buckets[i];
		if (seen > want || (seen && seen == h->count)) {
			double top = (double)(i / 32 + 4);
			double ns = i < 32 ? (double)i : (double)(32 + i % 32) * (double)(1ull << (unsigned)(top - 5));

			return ns / 1e6;
		}
	}
	return 0;
}

double bk_figures_cpu_s(pid_t pid)
{
	char path[64], text[1024];
	unsigned long user = 0, system = 0;
	const char *after;
	size_t n;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/stat", pid ? (int)pid : (int)getpid());
	f = fopen(path, "re");
	if (!f)
		return 0;
	n = fread(text, 1, sizeof text - 1, f);
	fclose(f);
	text[n] = '\0';
	after = strrchr(text, ')');
	if (!after || sscanf(after, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2)
		return 0;
	return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

double bk_figures_busy_s(void)
{
	unsigned long user = 0, nice = 0, system = 0, idle = 0, wait = 0, irq = 0, soft = 0, steal = 0;
	FILE *f = fopen("/proc/stat", "re");
	int n = f ? fscanf(f, "cpu %lu %lu %lu %lu %lu %lu %lu %lu", &user, &nice, &system, &idle, &wait, &irq, &soft,
			     &steal) :
		    0;

	if (f)
		fclose(f);
	return n == 8 ? (double)(user + nice + system + irq + soft + steal) / (double)sysconf(_SC_CLK_TCK) : 0;
}

uint64_t bk_figures_rss_bytes(pid_t pid)
{
	char path[64], line[256];
	unsigned long kib = 0;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof line, f))
		if (sscanf(line, "VmRSS: %lu", &kib) == 1)
			break;
	if (f)
		fclose(f);
	return (uint64_t)kib * 1024;
}

double bk_figures_appends(const char *dir, double seconds)
{
	static uint8_t page[PAGE];
	char path[600];
	uint64_t began = bk_figures_ns(), n = 0;
	int fd;

	snprintf(path, sizeof path, "%s/appends", dir);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	BK_ASSERT(fd >= 0);
	while ((double)(bk_figures_ns() - began) < seconds * 1e9) {
		BK_ASSERT(write(fd, page, sizeof page) == (ssize_t)sizeof page);
		BK_ASSERT(fdatasync(fd) == 0);
		n++;
	}
	close(fd);
	unlink(path);
	return (double)n / ((double)(bk_figures_ns() - began) / 1e9);
}

static void one_commit(MDB_env *env, MDB_dbi dbi, uint64_t number)
{
	static uint8_t record[RECORD];
	MDB_txn *txn;
	MDB_val key = {sizeof number, &number}, value = {sizeof record, record};

	memcpy(record, &number, sizeof number);
	BK_ASSERT(mdb_txn_begin(env, NULL, 0, &txn) == 0);
	BK_ASSERT(mdb_put(txn, dbi, &key, &value, 0) == 0);
	BK_ASSERT(mdb_txn_commit(txn) == 0);
}

double bk_figures_commits(const char *dir, double seconds, double *ret_p50_ms, double *ret_p99_ms)
{
	static struct bk_hist h;
	char path[600];
	uint64_t began, n = 0, now;
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi;

	memset(&h, 0, sizeof h);
	snprintf(path, sizeof path, "%s/commits", dir);
	BK_ASSERT(mkdir(path, 0700) == 0);
	BK_ASSERT(mdb_env_create(&env) == 0);
	BK_ASSERT(mdb_env_set_mapsize(env, 1ull << 30) == 0);
	BK_ASSERT(mdb_env_open(env, path, 0, 0600) == 0);
	BK_ASSERT(mdb_txn_begin(env, NULL, 0, &txn) == 0);
	BK_ASSERT(mdb_dbi_open(txn, NULL, MDB_INTEGERKEY, &dbi) == 0);
	BK_ASSERT(mdb_txn_commit(txn) == 0);
	for (began = now = bk_figures_ns(); (double)(now - began) < seconds * 1e9; n++) {
		uint64_t at = now;

		one_commit(env, dbi, n);
		now = bk_figures_ns();
		bk_hist_add(&h, now - at);
	}
	mdb_env_close(env);
	bk_tmp_remove_tree(path);
	*ret_p50_ms = bk_hist_ms(&h, 0.5);
	*ret_p99_ms = bk_hist_ms(&h, 0.99);
	return (double)n / ((double)(now - began) / 1e9);
}
