/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What waits for a device: window, acks, redelivery, dead letters, quota, slow readers, stop and SIGKILL. */
#include <signal.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "cast.h"
#include "err.h"

static struct bk_cast cast;
static struct bk_talk phone;
static unsigned next = 1;

static int open_cast(void **state)
{
	(void)state;
	bk_cast_open(&cast, "queue", NULL);
	bk_cast_ready(&cast, &phone, cast.phone);
	return 0;
}

static int close_cast(void **state)
{
	(void)state;
	bk_talk_done(&phone);
	bk_cast_close(&cast);
	return 0;
}

static void to_wife(size_t n, Baken__Class class)
{
	for (size_t i = 0; i < n; i++)
		bk_cast_send(&phone, cast.relative, next++, class);
}

/* Takes deliveries until the server is silent; how many. seqs holds them (1,024), when given. */
static size_t take_all(struct bk_talk *t, uint64_t *seqs)
{
	size_t n = 0;

	for (;;) {
		uint64_t request = bk_wire_drill(&t->line, &t->out);
		size_t before = n;
		Baken__Frame *f = NULL;

		assert_int_equal(bk_talk_send(t), 0);
		do {
			assert_int_equal(bk_talk_recv(t, 0, &f), 0);
			for (size_t i = 0; f->kind_case == BAKEN__FRAME__KIND_DELIVER && i < f->deliver->n_items; i++) {
				if (seqs)
					seqs[n] = f->deliver->items[i]->seq;
				n++;
			}
		} while (f->request != request);
		if (n == before)
			return n;
	}
}

static void ack(struct bk_talk *t, const uint64_t *seqs, size_t n)
{
	bk_wire_ack(seqs, n, &t->out);
	assert_int_equal(bk_talk_send(t), 0);
}

static void the_window_is_64_and_alarms_pass_it(void **state)
{
	struct bk_talk wife;
	uint64_t seqs[1024];
	size_t n;
	Baken__Frame *f = NULL;

	(void)state;
	to_wife(100, BAKEN__CLASS__CLASS_NORMAL);
	bk_cast_login(&cast, &wife, cast.wife);
	assert_int_equal(wife.line.queued, 100);
	n = take_all(&wife, seqs);
	assert_int_equal(n, 64);
	assert_false(wife.line.caught_up);
	to_wife(1, BAKEN__CLASS__CLASS_ALARM);
	assert_int_equal(take_all(&wife, seqs + n), 1); /* at once, past what waits */
	assert_int_equal(seqs[n] & 7, BAKEN__CLASS__CLASS_ALARM);
	n++;
	ack(&wife, seqs, n);
	n = take_all(&wife, seqs);
	assert_int_equal(n, 36);
	for (size_t i = 1; i < n; i++)
		assert_true(seqs[i] > seqs[i - 1]); /* in order within a class */
	assert_false(wife.line.caught_up);
	ack(&wife, seqs, n);
	assert_int_equal(bk_talk_expect(&wife, BAKEN__FRAME__KIND_CAUGHT_UP, 0, &f), 0);
	assert_int_equal(bk_cast_status(&cast, "queued"), 0);
	bk_talk_done(&wife);
}

/* What comes in meanwhile does not put off the end of what waited at login. */
static void caught_up_in_spite_of_new_messages(void **state)
{
	struct bk_talk wife;
	uint64_t seqs[1024];

	(void)state;
	to_wife(3, BAKEN__CLASS__CLASS_NORMAL);
	bk_cast_login(&cast, &wife, cast.wife);
	assert_int_equal(take_all(&wife, seqs), 3);
	to_wife(1, BAKEN__CLASS__CLASS_NORMAL);
	assert_int_equal(take_all(&wife, seqs + 3), 1);
	assert_false(wife.line.caught_up);
	ack(&wife, seqs, 3);
	assert_int_equal(take_all(&wife, NULL), 0);
	assert_true(wife.line.caught_up);
	ack(&wife, seqs + 3, 1);
	take_all(&wife, NULL);
	bk_talk_done(&wife);
}

static void unacked_comes_again_and_acked_does_not(void **state)
{
	struct bk_talk wife;
	uint64_t seqs[1024], again[1024];

	(void)state;
	to_wife(5, BAKEN__CLASS__CLASS_NORMAL);
	bk_cast_login(&cast, &wife, cast.wife);
	assert_int_equal(take_all(&wife, seqs), 5);
	ack(&wife, seqs + 2, 1);
	assert_int_equal(take_all(&wife, NULL), 0);
	assert_int_equal(bk_talk_resume(&wife, true), 0);
	assert_int_equal(take_all(&wife, again), 4);
	assert_int_equal(again[0], seqs[0]);
	assert_int_equal(again[2], seqs[3]);
	ack(&wife, seqs + 2, 1);              /* acked before: ignored */
	ack(&wife, (uint64_t[]){99999}, 1);   /* never given out: ignored */
	ack(&wife, again, 4);
	assert_int_equal(take_all(&wife, NULL), 0);
	assert_int_equal(bk_cast_status(&cast, "queued"), 0);
	bk_talk_done(&wife);
}

/* M16: what a device refuses five times is laid aside; the sender and the operator are told; the rest goes on. */
static void a_message_refused_five_times_is_dead(void **state)
{
	struct bk_talk wife;
	Baken__Frame *f = NULL;
	uint64_t seqs[1024];
	unsigned poison = next;

	(void)state;
	to_wife(2, BAKEN__CLASS__CLASS_NORMAL);
	bk_cast_login(&cast, &wife, cast.wife);
	for (unsigned i = 1; i <= 5; i++) {
		if (i > 1)
			assert_int_equal(bk_talk_resume(&wife, true), 0);
		assert_int_equal(bk_talk_expect(&wife, BAKEN__FRAME__KIND_DELIVER, 0, &f), 0);
		assert_int_equal(f->deliver->n_items, 2);
		assert_int_equal(f->deliver->items[0]->attempt, i);
		assert_int_equal(f->deliver->items[1]->attempt, 1);
		seqs[0] = f->deliver->items[0]->seq;
		seqs[1] = f->deliver->items[1]->seq;
		bk_wire_nack(seqs[0], BK_E_DECRYPT, &wife.out);
		assert_int_equal(bk_talk_send(&wife), 0);
		bk_wire_nack(seqs[0], BK_E_DECRYPT, &wife.out); /* twice for one delivery counts once */
		assert_int_equal(bk_talk_send(&wife), 0);
		bk_cast_silent(&wife, BAKEN__FRAME__KIND_HELLO);
	}
	assert_int_equal(bk_talk_expect(&phone, BAKEN__FRAME__KIND_DEAD_LETTER, 0, &f), 0);
	assert_memory_equal(f->dead_letter->message_id.data, bk_cast_id(poison).b, BK_ID_BYTES);
	assert_memory_equal(f->dead_letter->device_id.data, cast.realm.devices[cast.wife].device.b, BK_ID_BYTES);
	assert_true(bk_cast_log_has(&cast, "DEAD_LETTER"));
	assert_int_equal(bk_cast_metric(&cast, "bakend_dead_letters_total"), 1);
	assert_int_equal(bk_cast_status(&cast, "dead_letters"), 1);
	assert_int_equal(bk_talk_resume(&wife, true), 0);
	assert_int_equal(take_all(&wife, seqs), 1);
	ack(&wife, seqs, 1);
	assert_int_equal(take_all(&wife, NULL), 0);
	bk_talk_done(&wife);
}

/* M5: a full queue refuses at the sender, keeps what it has, has room for alarms, and says when there is room. */
static void a_full_queue_refuses_the_sender(void **state)
{
	const char *words[] = {"--queue-max=100", "--messages-device=0", NULL};
	struct bk_cast c;
	struct bk_talk t, wife;
	struct bk_cast_message m;
	uint64_t seqs[1024];
	Baken__Frame *f = NULL;
	unsigned n = 0;

	(void)state;
	bk_cast_open(&c, "quota", words);
	bk_cast_ready(&c, &t, c.phone);
	m = (struct bk_cast_message){.circle = c.relative, .devices = {c.wife}, .n_devices = 1};
	do {
		m.n = n++;
		f = bk_cast_submit(&t, &m);
	} while (!bk_wire_error(f));
	assert_int_equal(n, 101);
	assert_int_equal(bk_wire_error(f), BK_E_QUOTA);
	assert_true(f->error->retry_after_ms > 0);
	assert_int_equal(bk_talk_expect(&t, BAKEN__FRAME__KIND_QUOTA, 0, &f), 0);
	assert_memory_equal(f->quota->device_ids[0].data, c.realm.devices[c.wife].device.b, BK_ID_BYTES);
	m.class = BAKEN__CLASS__CLASS_ALARM;
	m.n = n++;
	assert_int_equal(bk_wire_error(bk_cast_submit(&t, &m)), 0);
	bk_cast_login(&c, &wife, c.wife);
	n = (unsigned)take_all(&wife, seqs);
	assert_int_equal(seqs[0] & 7, BAKEN__CLASS__CLASS_ALARM); /* alarms first */
	ack(&wife, seqs, 1);
	assert_true(bk_cast_silent(&t, BAKEN__FRAME__KIND_QUOTA_RESUME));
	ack(&wife, seqs + 1, 40);
	assert_int_equal(bk_talk_expect(&t, BAKEN__FRAME__KIND_QUOTA_RESUME, 0, &f), 0);
	assert_memory_equal(f->quota_resume->device_ids[0].data, c.realm.devices[c.wife].device.b, BK_ID_BYTES);
	m.class = BAKEN__CLASS__CLASS_NORMAL;
	m.n = 100;
	assert_int_equal(bk_wire_error(bk_cast_submit(&t, &m)), 0);
	assert_int_equal(bk_cast_metric(&c, "bakend_quota_refused_total"), 1);
	bk_talk_done(&t);
	bk_talk_done(&wife);
	bk_cast_close(&c);
}

/*
 * M12: somebody who asks and does not read is cut when 4 MiB wait for it; nobody else notices; when it comes
 * back everything is there.
 */
static void a_slow_reader_is_cut_and_resyncs(void **state)
{
	struct bk_talk officer, wife;
	uint64_t slow = bk_cast_metric(&cast, "bakend_slow_total");
	bk_hash body;
	uint64_t seqs[1024], until = bk_proc_now_ms() + 20000;
	Baken__Frame *f = NULL;
	uint64_t request = 0;
	int err;

	(void)state;
	f = bk_cast_submit(&phone, &(struct bk_cast_message){.circle = cast.desk, .devices = {cast.vault}, .n_devices = 1,
				   .n = next++, .content = 60000});
	assert_int_equal(bk_wire_error(f), 0);
	memcpy(body.b, f->stored->items[0]->receipt->body_hash.data, BK_HASH_BYTES);
	bk_cast_ready(&cast, &officer, cast.officer);
	while (bk_cast_metric(&cast, "bakend_slow_total") == slow && bk_proc_now_ms() < until)
		for (int i = 0; i < 20; i++) { /* asks, and never reads an answer */
			request = bk_wire_body_get(&officer.line, body, &officer.out);
			if (bk_talk_send(&officer) != 0)
				break;
		}
	assert_int_equal(bk_cast_metric(&cast, "bakend_slow_total"), slow + 1);
	assert_true(bk_cast_log_has(&cast, "SLOW_CLIENT"));
	to_wife(1, BAKEN__CLASS__CLASS_NORMAL); /* others are served */
	bk_cast_login(&cast, &wife, cast.wife);
	assert_int_equal(take_all(&wife, seqs), 1);
	ack(&wife, seqs, 1);
	while ((err = bk_talk_recv(&officer, 0, &f)) == 0)
		;
	assert_int_not_equal(err, BK_E_TIMEOUT); /* in the middle of a record, or after one */
	assert_int_equal(bk_talk_resume(&officer, true), 0);
	request = bk_wire_body_get(&officer.line, body, &officer.out);
	assert_int_equal(bk_talk_ask(&officer, request, &f), 0);
	assert_int_equal(f->kind_case, BAKEN__FRAME__KIND_BODY_DATA);
	bk_talk_done(&officer);
	bk_talk_done(&wife);
}

/*
 * More at once than the writer has room for: the sender is read no further until the writer has caught up,
 * nothing is dropped, everything is answered.
 */
static void a_flood_is_slowed_and_not_lost(void **state)
{
	enum { FLOOD = 6000 };
	struct bk_cast c;
	struct bk_talk t;
	struct bk_wire_target target;
	static uint8_t body[296];
	Baken__Frame *f = NULL;
	unsigned stored = 0;

	(void)state;
	bk_cast_open(&c, "flood", (const char *[]){"--messages-device=0", NULL});
	bk_cast_ready(&c, &t, c.phone);
	target = bk_realm_target(&c.realm, c.relative);
	for (unsigned i = 0; i < FLOOD; i++) {
		struct bk_wire_message m = {.id = bk_cast_id(i), .body = body, .body_len = sizeof body, .targets = &target,
			.n_targets = 1, .devices = &c.realm.devices[c.wife].device, .n_devices = 1};

		memcpy(body, &i, sizeof i);
		bk_wire_submit(&t.line, &m, &t.out);
		assert_int_equal(bk_talk_send(&t), 0);
	}
	while (stored < FLOOD) {
		assert_int_equal(bk_talk_recv(&t, 0, &f), 0);
		assert_int_equal(f->kind_case, BAKEN__FRAME__KIND_STORED);
		stored += (unsigned)f->stored->n_items;
	}
	assert_int_equal(stored, FLOOD);
	assert_int_equal(bk_cast_status(&c, "queued"), FLOOD);
	bk_talk_done(&t);
	bk_cast_close(&c);
}

/* A stop commits and answers what it had taken: submits sent before the signal are stored, and said so. */
static void a_stop_answers_what_it_took(void **state)
{
	struct bk_cast c;
	struct bk_talk t, wife;
	Baken__Frame *f = NULL;
	size_t stored = 0, waiting;
	int err;

	(void)state;
	bk_cast_open(&c, "stop", NULL);
	bk_cast_ready(&c, &t, c.phone);
	for (unsigned i = 0; i < 50; i++) {
		struct bk_wire_target target = bk_realm_target(&c.realm, c.relative);
		static uint8_t body[296];
		struct bk_wire_message m = {.id = bk_cast_id(i), .body = body, .body_len = sizeof body, .targets = &target,
			.n_targets = 1, .devices = &c.realm.devices[c.wife].device, .n_devices = 1};

		bk_wire_submit(&t.line, &m, &t.out);
		assert_int_equal(bk_talk_send(&t), 0);
		if (i == 40)
			bk_proc_signal(&c.realm.server, SIGTERM);
	}
	while ((err = bk_talk_recv(&t, 0, &f)) == 0)
		if (f->kind_case == BAKEN__FRAME__KIND_STORED)
			stored += f->stored->n_items;
	assert_int_equal(err, BK_E_NET);
	assert_int_equal(bk_sock_code(t.sock), 1001);
	assert_int_equal(bk_realm_stop(&c.realm), 0);
	assert_int_equal(bk_realm_start(&c.realm, NULL), 0);
	bk_cast_login(&c, &wife, c.wife);
	waiting = wife.line.queued;
	assert_int_equal(waiting, stored);
	assert_in_range(stored, 1, 50);
	bk_talk_done(&t);
	bk_talk_done(&wife);
	bk_cast_close(&c);
}

/* M13: SIGKILL with messages under way; what was acked is there, once; the sender repeats the rest. */
static void nothing_acked_is_lost_by_sigkill(void **state)
{
	enum { N = 200 };
	struct bk_cast c;
	struct bk_talk t, wife;
	bool stored[N] = {false}, seen[N] = {false};
	uint64_t seqs[1024];
	Baken__Frame *f = NULL;
	size_t n = 0;

	(void)state;
	bk_cast_make(&c, "kill");
	assert_int_equal(bk_realm_start(&c.realm, (const char *[]){"--messages-device=0", NULL}), 0);
	bk_cast_ready(&c, &t, c.phone);
	for (int round = 0; round < 4; round++) {
		struct bk_wire_target target = bk_realm_target(&c.realm, c.relative);
		uint8_t body[296] = {0};

		for (unsigned i = 0; i < N; i++) {
			struct bk_wire_message m = {.id = bk_cast_id(i), .body = body, .body_len = sizeof body,
				.targets = &target, .n_targets = 1, .devices = &c.realm.devices[c.wife].device,
				.n_devices = 1};

			memcpy(body, &i, sizeof i);
			t.line.request = i; /* so that the answer tells which */
			bk_wire_submit(&t.line, &m, &t.out);
			if (!stored[i] && bk_talk_send(&t) != 0)
				break;
		}
		for (int k = 0; k < (round + 1) * 2 && bk_talk_recv(&t, 300, &f) == 0; k++)
			for (size_t i = 0; f->kind_case == BAKEN__FRAME__KIND_STORED && i < f->stored->n_items; i++)
				stored[f->stored->items[i]->request - 1] = true;
		bk_realm_kill(&c.realm);
		assert_int_equal(bk_realm_start(&c.realm, (const char *[]){"--messages-device=0", NULL}), 0);
		assert_int_equal(bk_talk_login(&t, true), 0);
	}
	bk_cast_login(&c, &wife, c.wife);
	while (!wife.line.caught_up) {
		assert_int_equal(bk_talk_recv(&wife, 0, &f), 0);
		if (f->kind_case != BAKEN__FRAME__KIND_DELIVER)
			continue;
		for (n = 0; n < f->deliver->n_items; n++) {
			unsigned i;

			memcpy(&i, f->deliver->items[n]->body.data, sizeof i);
			assert_true(i < N && !seen[i]); /* nothing twice */
			seen[i] = true;
			seqs[n] = f->deliver->items[n]->seq;
		}
		ack(&wife, seqs, n);
	}
	for (unsigned i = 0; i < N; i++)
		assert_true(seen[i] || !stored[i]);
	bk_talk_done(&t);
	bk_talk_done(&wife);
	bk_cast_close(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_window_is_64_and_alarms_pass_it),
		cmocka_unit_test(caught_up_in_spite_of_new_messages),
		cmocka_unit_test(unacked_comes_again_and_acked_does_not),
		cmocka_unit_test(a_message_refused_five_times_is_dead),
		cmocka_unit_test(a_full_queue_refuses_the_sender),
		cmocka_unit_test(a_slow_reader_is_cut_and_resyncs),
		cmocka_unit_test(a_flood_is_slowed_and_not_lost),
		cmocka_unit_test(a_stop_answers_what_it_took),
		cmocka_unit_test(nothing_acked_is_lost_by_sigkill),
	};

	return cmocka_run_group_tests(tests, open_cast, close_cast);
}
