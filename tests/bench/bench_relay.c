/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Relaying: 50 devices write to 50 others, all online; every message is stored, delivered, acked and deleted. */
#include <stdio.h>

#include "err.h"
#include "traffic.h"

#define SENDERS 50u
#define RECEIVERS 50u
#define WINDOW 16u /* unanswered messages of one sender */
#define WARM_NS 1000000000ull
#define RUN_NS 4000000000ull

static struct bk_traffic traffic;

static void send_from(struct bk_load_conn *c)
{
	bk_traffic_submit(&traffic, c, c->index);
}

static void on_frame(struct bk_load_conn *c, const Baken__Frame *f)
{
	if (c->index >= SENDERS) {
		bk_traffic_deliver(&traffic, c, f);
		return;
	}
	for (size_t n = bk_traffic_stored(&traffic, c, f); n; n--)
		send_from(c);
}

static void turn_for(struct bk_load *l, uint64_t ns)
{
	uint64_t began = bk_figures_ns();

	while (bk_figures_ns() - began < ns && !l->failed)
		bk_load_turn(l, 10);
	BK_ASSERT(!l->failed);
}

/* window: of each of the senders that take part. */
static void run(bool tls, uint32_t senders, uint32_t window)
{
	struct bk_load l;
	uint64_t began, received;
	double cpu, seconds;

	bk_traffic_start(&traffic);
	bk_load_init(&l, &traffic.realm, 0, SENDERS + RECEIVERS, tls);
	BK_ASSERT(bk_load_dial_all(&l, false, 50, 30000));
	l.on_frame = on_frame;
	for (uint32_t i = 0; i < senders; i++)
		for (uint32_t w = 0; w < window; w++)
			send_from(&l.conns[i]);
	turn_for(&l, WARM_NS);
	traffic.measuring = true;
	received = traffic.received;
	cpu = bk_figures_cpu_s(traffic.realm.server.pid);
	began = bk_figures_ns();
	turn_for(&l, RUN_NS);
	seconds = (double)(bk_figures_ns() - began) / 1e9;
	cpu = bk_figures_cpu_s(traffic.realm.server.pid) - cpu;
	received = traffic.received - received;
	printf("{\"bench\":\"relay\",\"senders\":%u,\"receivers\":%u,\"window\":%u,\"tls\":%s,\"msgs_per_s\":%.0f,"
	       "\"e2e_p50_ms\":%.3f,\"e2e_p99_ms\":%.3f,\"srv_cpu_per_1k\":%.4f}\n",
		senders, RECEIVERS, window, tls ? "true" : "false", (double)received / seconds,
		bk_hist_ms(&traffic.end_to_end, 0.5), bk_hist_ms(&traffic.end_to_end, 0.99),
		received ? cpu * 1000 / (double)received : 0);
	fflush(stdout);
	bk_load_done(&l);
	bk_traffic_stop(&traffic);
}

int main(void)
{
	bk_traffic_init(&traffic, SENDERS, RECEIVERS);
	for (int tls = 0; tls < 2; tls++) {
		run(tls == 1, SENDERS, WINDOW);
		run(tls == 1, SENDERS, 1); /* what one feels: nobody waits behind a queue */
	}
	bk_traffic_done(&traffic);
	return 0;
}
