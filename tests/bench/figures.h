/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What benches measure with: clocks, a histogram, another process' time and memory, the disk's own speed.
 *
 * Threads: one.
 */
#ifndef BK_FIGURES_H
#define BK_FIGURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

uint64_t bk_figures_ns(void);

#define BK_HIST_BUCKETS 2048u /* 32 for each power of two of nanoseconds: within 3 % */
struct bk_hist {
	uint64_t count, buckets[BK_HIST_BUCKETS];
};
void bk_hist_add(struct bk_hist *h, uint64_t ns);
double bk_hist_ms(const struct bk_hist *h, double quantile); /* 0.5: the median */

double bk_figures_cpu_s(pid_t pid);       /* user and system time so far; 0: this process */
double bk_figures_busy_s(void);           /* of the whole machine */
uint64_t bk_figures_rss_bytes(pid_t pid);

/* 4 KiB appends, each with fdatasync, for so long, in a file of dir. */
double bk_figures_appends(const char *dir, double seconds);
/* LMDB: one 1 KiB record a transaction, durable. *ret_p50_ms: of one commit. */
double bk_figures_commits(const char *dir, double seconds, double *ret_p50_ms, double *ret_p99_ms);

#endif
