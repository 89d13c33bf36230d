/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A storm: 2,000 devices come back at the same moment, with a signature each or with their tickets. */
#include <stdio.h>

#include "err.h"
#include "traffic.h"

#define DEVICES 2000u

static struct bk_traffic traffic;

static double storm(struct bk_load *l, bool resume, double *ret_cpu)
{
	uint64_t began = bk_figures_ns();
	double seconds, cpu = bk_figures_cpu_s(traffic.realm.server.pid);
	bool all = bk_load_dial_all(l, resume, 0, 60000);

	seconds = (double)(bk_figures_ns() - began) / 1e9;
	if (!all)
		fprintf(stderr, "%u online, %u failed\n", l->online, l->failed);
	BK_ASSERT(all);
	*ret_cpu = bk_figures_cpu_s(traffic.realm.server.pid) - cpu;
	for (uint32_t i = 0; i < l->n; i++)
		bk_load_hang_up(&l->conns[i]);
	for (uint64_t at = bk_figures_ns(); bk_figures_ns() - at < 1000000000u;)
		bk_load_turn(l, 50); /* the server notices */
	return seconds;
}

static void run(bool tls)
{
	struct bk_load l;
	double full, resumed, full_cpu = 0, resumed_cpu = 0;

	bk_traffic_start(&traffic);
	bk_load_init(&l, &traffic.realm, 1, DEVICES, tls);
	full = storm(&l, false, &full_cpu);
	resumed = storm(&l, true, &resumed_cpu);
	printf("{\"bench\":\"storm\",\"connections\":%u,\"tls\":%s,\"full_s\":%.3f,\"resumed_s\":%.3f,\"full_srv_cpu_s\":%.2f,"
	       "\"resumed_srv_cpu_s\":%.2f}\n",
		DEVICES, tls ? "true" : "false", full, resumed, full_cpu, resumed_cpu);
	fflush(stdout);
	bk_load_done(&l);
	bk_traffic_stop(&traffic);
}

int main(void)
{
	bk_traffic_init(&traffic, 1, DEVICES);
	run(false);
	run(true);
	bk_traffic_done(&traffic);
	return 0;
}
