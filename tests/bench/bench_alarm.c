/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Alarms under load: how long from an alarm's frame to the frames of the officers' devices on duty, first with nothing
 * else going on, then while 1,000 devices send at 80 % of what the server was just seen to carry.
 */
#include <openssl/sha.h>
#include <stdio.h>

#include "err.h"
#include "traffic.h"

#define SENDERS 1000u
#define PHONES 10u     /* raise alarms, and receive the others' messages */
#define ON_DUTY 3u
#define ALARMS_PER_S 20u
#define SECOND 1000000000ull
#define IDLE_NS (6 * SECOND)
#define FULL_NS (4 * SECOND)
#define LOAD_NS (10 * SECOND)

static struct bk_traffic traffic;
static struct bk_hist idle, loaded, *now;
static bool closed_loop;
static uint64_t alarms, arrived;

struct stamp {
	uint64_t magic, number, at_ns;
};

static void send_from(struct bk_load_conn *c)
{
	bk_traffic_submit(&traffic, c, c->index % PHONES);
}

static void raise_alarm(struct bk_load_conn *c)
{
	static uint8_t body[BK_TRAFFIC_BODY];
	struct bk_wire_target target = bk_realm_target(&traffic.realm, 0);
	struct stamp s = {0, alarms++, bk_figures_ns()};
	bk_id devices[ON_DUTY];
	struct bk_wire_message m = {.class = BAKEN__CLASS__CLASS_ALARM, .body = body, .body_len = sizeof body,
		.targets = &target, .n_targets = 1, .devices = devices, .n_devices = ON_DUTY};

	for (uint32_t i = 0; i < ON_DUTY; i++)
		devices[i] = traffic.realm.devices[i].device;
	memcpy(body, &s, sizeof s);
	SHA256(body, sizeof body, m.body_hash.b);
	memcpy(m.id.b, m.body_hash.b, BK_ID_BYTES);
	bk_wire_submit(&c->line, &m, &c->load->frame);
	bk_load_send(c);
}

/* On an officer's device: alarms alone are addressed to it. */
static void take_alarms(struct bk_load_conn *c, const Baken__Frame *f)
{
	uint64_t seqs[BK_ACKS_MAX], t = bk_figures_ns();
	size_t n = f->deliver->n_items;

	for (size_t i = 0; i < n; i++) {
		struct stamp s;

		memcpy(&s, f->deliver->items[i]->body.data, sizeof s);
		seqs[i] = f->deliver->items[i]->seq;
		arrived++;
		if (now)
			bk_hist_add(now, t - s.at_ns);
	}
	bk_wire_ack(seqs, n, &c->load->frame);
	bk_load_send(c);
}

static void on_frame(struct bk_load_conn *c, const Baken__Frame *f)
{
	if (f->kind_case == BAKEN__FRAME__KIND_DELIVER && c->index < ON_DUTY)
		take_alarms(c, f);
	else if (f->kind_case == BAKEN__FRAME__KIND_DELIVER)
		bk_traffic_deliver(&traffic, c, f);
	else if (f->kind_case == BAKEN__FRAME__KIND_STORED && c->index < SENDERS)
		for (size_t n = bk_traffic_stored(&traffic, c, f); n && closed_loop; n--)
			send_from(c);
}

/* per_s messages spread over the senders, and alarms beside them. */
static void play(struct bk_load *l, uint64_t ns, double per_s)
{
	uint64_t began = bk_figures_ns(), sent = 0, raised = 0, at = 0;

	while ((at = bk_figures_ns() - began) < ns && !l->failed) {
		for (; (double)sent < per_s * (double)at / 1e9; sent++)
			send_from(&l->conns[sent % SENDERS]);
		for (; now && raised < ALARMS_PER_S * at / SECOND; raised++)
			raise_alarm(&l->conns[SENDERS + raised % PHONES]);
		bk_load_turn(l, 1);
	}
	BK_ASSERT(!l->failed);
}

static double capacity(struct bk_load *l)
{
	uint64_t before, began;

	closed_loop = true;
	for (uint32_t i = 0; i < SENDERS; i++)
		send_from(&l->conns[i]);
	play(l, SECOND, 0);
	before = traffic.stored;
	began = bk_figures_ns();
	play(l, FULL_NS, 0);
	closed_loop = false;
	return (double)(traffic.stored - before) * 1e9 / (double)(bk_figures_ns() - began);
}

static void go_on_duty(struct bk_load *l)
{
	for (uint32_t i = 0; i < ON_DUTY; i++) {
		bk_wire_duty(&l->conns[i].line, true, &l->frame);
		bk_load_send(&l->conns[i]);
	}
	play(l, SECOND, 0);
}

int main(void)
{
	const char *words[] = {"--alarms-device=10000", "--messages-device=0", NULL};
	struct bk_load l;
	double full;

	bk_traffic_init(&traffic, SENDERS, PHONES);
	BK_ASSERT(bk_realm_start(&traffic.realm, words) == 0);
	bk_load_init(&l, &traffic.realm, 0, SENDERS + PHONES, true);
	BK_ASSERT(bk_load_dial_all(&l, false, 50, 120000));
	l.on_frame = on_frame;
	go_on_duty(&l);
	now = &idle;
	play(&l, IDLE_NS, 0);
	now = NULL;
	full = capacity(&l);
	play(&l, 2 * SECOND, 0); /* what is under way comes to rest */
	now = &loaded;
	play(&l, LOAD_NS, 0.8 * full);
	now = NULL;
	play(&l, 2 * SECOND, 0);
	printf("{\"bench\":\"alarm_under_load\",\"senders\":%u,\"capacity_msgs_per_s\":%.0f,\"load_msgs_per_s\":%.0f,"
	       "\"alarms\":%llu,\"arrived\":%llu,\"idle_p50_ms\":%.3f,\"idle_p99_ms\":%.3f,\"load_p50_ms\":%.3f,"
	       "\"load_p99_ms\":%.3f}\n",
		SENDERS, full, 0.8 * full, (unsigned long long)alarms, (unsigned long long)arrived / ON_DUTY,
		bk_hist_ms(&idle, 0.5), bk_hist_ms(&idle, 0.99), bk_hist_ms(&loaded, 0.5), bk_hist_ms(&loaded, 0.99));
	bk_load_done(&l);
	bk_traffic_stop(&traffic);
	bk_traffic_done(&traffic);
	return 0;
}
