/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Offline: 10,000 messages to 100 devices that are away; the moment the last receipt is in, the server is killed
 * (SIGKILL) and started again; then the devices come and fetch. Nothing may be missing.
 */
#include <stdio.h>

#include "err.h"
#include "traffic.h"

#define SENDERS 50u
#define RECEIVERS 100u
#define MESSAGES 10000u
#define WINDOW 16u
#define QUIET_NS 4000000000ull /* nothing new for so long: the rest is lost */

static struct bk_traffic traffic;
static uint64_t last_ns;

static void send_from(struct bk_load_conn *c)
{
	if (traffic.sent < MESSAGES)
		bk_traffic_submit(&traffic, c, (uint32_t)(traffic.sent % RECEIVERS));
}

static void on_stored(struct bk_load_conn *c, const Baken__Frame *f)
{
	for (size_t n = bk_traffic_stored(&traffic, c, f); n; n--)
		send_from(c);
}

static void on_deliver(struct bk_load_conn *c, const Baken__Frame *f)
{
	if (bk_traffic_deliver(&traffic, c, f))
		last_ns = bk_figures_ns();
}

static double accept_all(bool tls)
{
	struct bk_load l;
	uint64_t began;
	double seconds;

	bk_load_init(&l, &traffic.realm, 0, SENDERS, tls);
	BK_ASSERT(bk_load_dial_all(&l, false, 50, 30000));
	l.on_frame = on_stored;
	began = bk_figures_ns();
	for (uint32_t i = 0; i < SENDERS; i++)
		for (uint32_t w = 0; w < WINDOW; w++)
			send_from(&l.conns[i]);
	while (traffic.stored < MESSAGES && bk_figures_ns() - began < 60000000000ull && !l.failed)
		bk_load_turn(&l, 10);
	seconds = (double)(bk_figures_ns() - began) / 1e9;
	BK_ASSERT(traffic.stored == MESSAGES);
	bk_realm_kill(&traffic.realm);
	bk_load_done(&l);
	return seconds;
}

static double drain_all(bool tls)
{
	struct bk_load l;
	uint64_t began, caught = 0;

	bk_load_init(&l, &traffic.realm, SENDERS, RECEIVERS, tls);
	l.on_frame = on_deliver;
	began = last_ns = bk_figures_ns();
	BK_ASSERT(bk_load_dial_all(&l, false, 0, 30000));
	while (traffic.received - traffic.duplicates < MESSAGES && bk_figures_ns() - last_ns < QUIET_NS && !l.failed)
		bk_load_turn(&l, 10);
	for (uint64_t at = bk_figures_ns(); caught < RECEIVERS && bk_figures_ns() - at < 5000000000ull;) {
		bk_load_turn(&l, 10); /* the last acks, and the marker that says so */
		caught = 0;
		for (uint32_t i = 0; i < RECEIVERS; i++)
			caught += l.conns[i].line.caught_up;
	}
	BK_ASSERT(caught == RECEIVERS);
	bk_load_done(&l);
	return (double)(last_ns - began) / 1e9;
}

static void run(bool tls)
{
	double in, out;
	uint64_t lost;

	bk_traffic_start(&traffic);
	bk_traffic_remember(&traffic, MESSAGES);
	in = accept_all(tls);
	BK_ASSERT(bk_realm_start(&traffic.realm, NULL) == 0);
	out = drain_all(tls);
	lost = MESSAGES - (traffic.received - traffic.duplicates);
	printf("{\"bench\":\"offline\",\"messages\":%u,\"devices\":%u,\"tls\":%s,\"accept_per_s\":%.0f,\"drain_per_s\":%.0f,"
	       "\"lost\":%llu,\"duplicates\":%llu}\n",
		MESSAGES, RECEIVERS, tls ? "true" : "false", MESSAGES / in, MESSAGES / out, (unsigned long long)lost,
		(unsigned long long)traffic.duplicates);
	fflush(stdout);
	bk_traffic_stop(&traffic);
}

int main(void)
{
	bk_traffic_init(&traffic, SENDERS, RECEIVERS);
	run(false);
	run(true);
	bk_traffic_done(&traffic);
	return 0;
}
