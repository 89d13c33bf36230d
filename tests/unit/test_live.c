/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Liveness of our own (guard list item 3): who is silent is asked, then ended; who never logs in is ended; the
 * cost of a second does not grow with what happened before. Time is wound by hand; net.c is replaced by counters.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stdlib.h>
#include <cmocka.h>

#include "live.h"
#include "sample.h"
#include "server.h"

#define CONNS 640u
#define SECOND 1000u

struct bk_wire {
	unsigned pings, pings_now, closes;
	bk_ms closed_at;
};

static bk_ms now;
static struct bk_server s;
static struct bk_wire wires[CONNS];
static struct bk_conn *conns[CONNS];

bk_ms bk_now(void)
{
	return now;
}

uint8_t *bk_net_buffer(size_t len)
{
	return malloc(len);
}

void bk_net_buffer_free(uint8_t *buffer)
{
	free(buffer);
}

void bk_net_send(struct bk_wire *w, uint8_t *buffer, size_t len)
{
	(void)w;
	(void)len;
	free(buffer);
}

void bk_net_ping(struct bk_wire *w)
{
	w->pings++;
	w->pings_now++;
}

void bk_net_drop(struct bk_wire *w)
{
	(void)w;
}

void bk_net_pause(struct bk_wire *w, bool paused)
{
	(void)w;
	(void)paused;
}

void bk_net_close(struct bk_wire *w, uint16_t code, const char *reason, bool cut)
{
	(void)code;
	(void)reason;
	(void)cut;
	w->closes++;
	w->closed_at = now;
}

void bk_net_answer(struct bk_http *h, const struct bk_web_answer *answer)
{
	(void)h;
	(void)answer;
}

static int start(void **state)
{
	struct bk_server_cert cert = bk_sample_server();
	struct bk_sample_blob b = bk_sample_server_signed(&cert, BK_SAMPLE_ROOT);
	struct bk_peer peer = {.address = "127.0.0.1"};

	(void)state;
	memset(&s, 0, sizeof s);
	memset(wires, 0, sizeof wires);
	now = BK_SAMPLE_NOW;
	s.server_signed = bk_sample_unpack(b);
	free(b.data);
	for (size_t i = 0; i < CONNS; i++) {
		conns[i] = bk_conn_open(&s, &wires[i], &peer);
		if (!conns[i])
			return -1;
	}
	return 0;
}

static int stop(void **state)
{
	(void)state;
	for (size_t i = 0; i < CONNS; i++)
		bk_conn_closed(conns[i]);
	assert_int_equal(s.n_conns, 0);
	for (size_t i = 0; i < BK_TICK_BUCKETS; i++)
		assert_null(s.ticks[i]);
	baken__signed__free_unpacked(s.server_signed, NULL);
	free(s.conns);
	return 0;
}

static void phase(enum bk_phase p)
{
	for (size_t i = 0; i < CONNS; i++)
		conns[i]->phase = p;
}

/* One second; nobody in it costs more than its bucket. */
static void second(void)
{
	unsigned asked = 0;

	now += SECOND;
	bk_live_tick(&s, now);
	for (size_t i = 0; i < CONNS; i++) {
		asked += wires[i].pings_now;
		wires[i].pings_now = 0;
	}
	assert_true(asked <= CONNS / BK_TICK_BUCKETS);
}

static void who_is_silent_is_asked_and_then_ended(void **state)
{
	(void)state;
	phase(BK_PHASE_ONLINE);
	while (now < BK_SAMPLE_NOW + BK_PING_MS)
		second();
	for (size_t i = 0; i < CONNS; i++)
		assert_int_equal(wires[i].pings, 0);
	while (now < BK_SAMPLE_NOW + BK_PING_MS + BK_TICK_BUCKETS * SECOND)
		second();
	for (size_t i = 0; i < CONNS; i++)
		assert_int_equal(wires[i].pings, 1);
	while (now < BK_SAMPLE_NOW + BK_SILENT_MS + (BK_TICK_BUCKETS + 1) * SECOND)
		second();
	for (size_t i = 0; i < CONNS; i++) {
		assert_int_equal(wires[i].closes, 1);
		assert_true(wires[i].closed_at > BK_SAMPLE_NOW + BK_SILENT_MS);
		assert_int_equal(conns[i]->phase, BK_PHASE_CLOSED);
	}
	assert_int_equal(s.stats.silent, CONNS);
	second(); /* and not again */
	assert_int_equal(wires[0].closes, 1);
}

static void who_answers_stays(void **state)
{
	(void)state;
	phase(BK_PHASE_ONLINE);
	for (unsigned i = 0; i < 2000; i++) {
		second();
		for (size_t k = 0; k < CONNS; k++)
			if (wires[k].pings) { /* a pong */
				wires[k].pings = 0;
				bk_conn_alive(conns[k]);
			}
	}
	for (size_t i = 0; i < CONNS; i++)
		assert_int_equal(wires[i].closes, 0);
}

/* Bytes without a login keep nobody in. */
static void who_never_logs_in_is_ended(void **state)
{
	(void)state;
	while (now < BK_SAMPLE_NOW + BK_HELLO_MS + (BK_TICK_BUCKETS + 1) * SECOND) {
		second();
		for (size_t i = 0; i < CONNS; i++)
			bk_conn_alive(conns[i]);
	}
	for (size_t i = 0; i < CONNS; i++) {
		assert_int_equal(wires[i].closes, 1);
		assert_true(wires[i].closed_at > BK_SAMPLE_NOW + BK_HELLO_MS);
	}
}

/* A device that waits for its registrar has a quarter of an hour. */
static void enrolment_has_its_time(void **state)
{
	(void)state;
	phase(BK_PHASE_ENROL);
	while (now < BK_SAMPLE_NOW + BK_ENROL_MS) {
		second();
		for (size_t i = 0; i < CONNS; i++)
			bk_conn_alive(conns[i]);
	}
	for (size_t i = 0; i < CONNS; i++)
		assert_int_equal(wires[i].closes, 0);
	for (unsigned i = 0; i <= BK_TICK_BUCKETS; i++) {
		second();
		for (size_t k = 0; k < CONNS; k++)
			bk_conn_alive(conns[k]);
	}
	for (size_t i = 0; i < CONNS; i++)
		assert_int_equal(wires[i].closes, 1);
}

/* The clock steps back an hour: nobody is ended for it. */
static void a_clock_that_steps_back(void **state)
{
	(void)state;
	phase(BK_PHASE_ONLINE);
	now -= 3600000;
	for (unsigned i = 0; i < 100; i++)
		second();
	for (size_t i = 0; i < CONNS; i++)
		assert_int_equal(wires[i].closes, 0);
}

/* Numbers are never used twice: a late answer finds nobody. */
static void numbers_are_used_once(void **state)
{
	struct bk_peer peer = {.address = "127.0.0.1"};
	uint64_t old = conns[5]->number;

	(void)state;
	assert_ptr_equal(bk_conn_find(&s, old), conns[5]);
	bk_conn_closed(conns[5]);
	assert_null(bk_conn_find(&s, old));
	conns[5] = bk_conn_open(&s, &wires[5], &peer);
	assert_non_null(conns[5]);
	assert_true(conns[5]->number != old);
	assert_int_equal(conns[5]->number & 0xfffff, old & 0xfffff); /* in the same slot */
	assert_null(bk_conn_find(&s, old));
	assert_null(bk_conn_find(&s, 0));
	assert_null(bk_conn_find(&s, UINT64_MAX));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(who_is_silent_is_asked_and_then_ended, start, stop),
		cmocka_unit_test_setup_teardown(who_answers_stays, start, stop),
		cmocka_unit_test_setup_teardown(who_never_logs_in_is_ended, start, stop),
		cmocka_unit_test_setup_teardown(enrolment_has_its_time, start, stop),
		cmocka_unit_test_setup_teardown(a_clock_that_steps_back, start, stop),
		cmocka_unit_test_setup_teardown(numbers_are_used_once, start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
