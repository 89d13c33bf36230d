/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Accepting: W devices that each send a message, wait for its receipt, and send the next. The recipients are
 * away, so that nothing but accepting is measured.
 */
#include <stdio.h>
#include <stdlib.h>

#include "err.h"
#include "tmp.h"
#include "traffic.h"

#define PERSONS 16u
#define WARM_NS 500000000ull
#define RUN_NS 3000000000ull
#define LIMIT_S 1.0

static struct bk_traffic traffic;

static void again(struct bk_load_conn *c)
{
	bk_traffic_submit(&traffic, c, (uint32_t)(traffic.sent % traffic.persons));
}

static void on_frame(struct bk_load_conn *c, const Baken__Frame *f)
{
	if (bk_traffic_stored(&traffic, c, f))
		again(c);
}

static void run(uint32_t writers, bool tls)
{
	struct bk_load l;
	double p50 = 0, p99 = 0, cpu, own, commits = bk_figures_commits(bk_tmp_dir(), LIMIT_S, &p50, &p99), seconds;
	uint64_t began, stored;

	bk_traffic_start(&traffic);
	bk_load_init(&l, &traffic.realm, 0, writers, tls);
	BK_ASSERT(bk_load_dial_all(&l, false, 100, 60000));
	l.on_frame = on_frame;
	for (uint32_t i = 0; i < writers; i++)
		again(&l.conns[i]);
	for (began = bk_figures_ns(); bk_figures_ns() - began < WARM_NS && !l.failed;)
		bk_load_turn(&l, 10);
	traffic.measuring = true;
	stored = traffic.stored;
	cpu = bk_figures_cpu_s(traffic.realm.server.pid);
	own = bk_figures_cpu_s(0);
	for (began = bk_figures_ns(); bk_figures_ns() - began < RUN_NS && !l.failed;)
		bk_load_turn(&l, 10);
	seconds = (double)(bk_figures_ns() - began) / 1e9;
	cpu = bk_figures_cpu_s(traffic.realm.server.pid) - cpu;
	own = bk_figures_cpu_s(0) - own;
	stored = traffic.stored - stored;
	BK_ASSERT(!l.failed);
	printf("{\"bench\":\"accept\",\"writers\":%u,\"tls\":%s,\"acks_per_s\":%.0f,\"p50_ms\":%.3f,\"p99_ms\":%.3f,"
	       "\"ratio_to_lmdb_commits\":%.1f,\"lmdb_commits_per_s\":%.0f,\"lmdb_p50_ms\":%.3f,"
	       "\"srv_cpu_per_1k_s\":%.4f,\"srv_cpu\":%.2f,\"gen_cpu\":%.2f}\n",
		writers, tls ? "true" : "false", (double)stored / seconds, bk_hist_ms(&traffic.ack, 0.5),
		bk_hist_ms(&traffic.ack, 0.99), (double)stored / seconds / commits, commits, p50,
		stored ? cpu * 1000 / (double)stored : 0, cpu / seconds, own / seconds);
	fflush(stdout);
	bk_load_done(&l);
	bk_traffic_stop(&traffic);
}

int main(int argc, char **argv)
{
	static const uint32_t writers[] = {1, 16, 64, 256, 1024};
	uint32_t only = argc > 1 ? (uint32_t)atoi(argv[1]) : 0;

	bk_traffic_init(&traffic, 1024, PERSONS);
	for (int tls = 0; tls < 2; tls++)
		for (size_t i = 0; i < sizeof writers / sizeof *writers; i++)
			if (!only || only == writers[i])
				run(writers[i], tls == 1);
	bk_traffic_done(&traffic);
	return 0;
}
