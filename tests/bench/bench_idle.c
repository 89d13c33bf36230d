/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Idle: 10,000 devices that have logged in and say nothing. What each costs the server in memory and time. */
#include <stdio.h>
#include <stdlib.h>

#include "err.h"
#include "traffic.h"

#define WARM 20u /* connections before the first measurement: what one costs, not what the first costs */
#define HOLD_NS 4000000000ull

static struct bk_traffic traffic;

static void hold(struct bk_load *a, struct bk_load *b, uint64_t ns)
{
	uint64_t began = bk_figures_ns();

	while (bk_figures_ns() - began < ns) {
		bk_load_turn(a, 50);
		bk_load_turn(b, 50);
	}
}

static void run(uint32_t n, bool tls)
{
	struct bk_load warm, l;
	uint64_t before, after, began;
	double seconds, cpu;

	bk_traffic_start(&traffic);
	bk_load_init(&warm, &traffic.realm, 0, WARM, tls);
	BK_ASSERT(bk_load_dial_all(&warm, false, 20, 20000));
	bk_load_init(&l, &traffic.realm, WARM, n, tls);
	hold(&warm, &l, 500000000u);
	before = bk_figures_rss_bytes(traffic.realm.server.pid);
	began = bk_figures_ns();
	BK_ASSERT(bk_load_dial_all(&l, false, 100, 120000));
	seconds = (double)(bk_figures_ns() - began) / 1e9;
	cpu = bk_figures_cpu_s(traffic.realm.server.pid);
	hold(&warm, &l, HOLD_NS);
	after = bk_figures_rss_bytes(traffic.realm.server.pid);
	cpu = bk_figures_cpu_s(traffic.realm.server.pid) - cpu;
	BK_ASSERT(l.online == n && warm.online == WARM);
	printf("{\"bench\":\"idle\",\"connections\":%u,\"tls\":%s,\"rss_bytes_per_connection\":%.0f,\"rss_bytes\":%llu,"
	       "\"connect_s\":%.2f,\"idle_cpu_percent\":%.2f}\n",
		n, tls ? "true" : "false", ((double)after - (double)before) / n, (unsigned long long)after, seconds,
		cpu * 100 / ((double)HOLD_NS / 1e9));
	fflush(stdout);
	bk_load_done(&l);
	bk_load_done(&warm);
	bk_realm_kill(&traffic.realm); /* ten thousand farewells are not what is measured */
}

int main(int argc, char **argv)
{
	uint32_t n = argc > 1 ? (uint32_t)atoi(argv[1]) : 10000;

	bk_traffic_init(&traffic, WARM, n);
	run(n, false);
	run(n, true);
	bk_traffic_done(&traffic);
	return 0;
}
