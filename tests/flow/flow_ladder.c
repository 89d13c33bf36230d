/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Alarms that nobody opens, with a real server: the whole desk is woken, then its fall-back, then the operator's
 * program runs, once, also when the server was killed in between (R4); a vault's ack stops nothing (R12); a drill
 * runs no program (R14); a hook that others may write stops the start.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "cast.h"
#include "err.h"
#include "tmp.h"

#define WAIT_MS 20000u

static struct bk_cast cast;
static char hook[600], ran[600], option[640];

static const char *write_hook(const char *body)
{
	FILE *f;

	snprintf(hook, sizeof hook, "%s", bk_tmp_path("hook"));
	snprintf(ran, sizeof ran, "%s", bk_tmp_path("ran"));
	unlink(ran);
	unlink(hook);
	f = fopen(hook, "we");
	assert_non_null(f);
	fprintf(f, "#!/bin/sh\n%s\n", body);
	fclose(f);
	assert_int_equal(chmod(hook, 0700), 0);
	snprintf(option, sizeof option, "--alarm-hook=%s", hook);
	return option;
}

static const char *note_it(void)
{
	char body[1300];

	snprintf(body, sizeof body, "echo \"$BAKEN_LEVEL $BAKEN_DRILL ${BAKEN_LATE_MS:+x}\" >> '%s'", bk_tmp_path("ran"));
	return write_hook(body);
}

/* Lines that the hook has written, once there are so many or the time is over. */
static unsigned runs(unsigned want, uint64_t timeout_ms)
{
	uint64_t end = bk_proc_now_ms() + timeout_ms;
	unsigned n = 0;

	do {
		uint8_t *data = NULL;
		size_t len = 0;

		n = 0;
		if (bk_tmp_read(ran, &data, &len) == 0)
			for (size_t i = 0; i < len; i++)
				n += data[i] == '\n';
		free(data);
		if (n < want)
			usleep(20000);
	} while (n < want && bk_proc_now_ms() < end);
	return n;
}

static void begin(const char *name, const char *const *words)
{
	bk_cast_make(&cast, name);
	cast.realm.circles[cast.desk].fallback = cast.other_desk;
	assert_int_equal(bk_realm_start(&cast.realm, words), 0);
	assert_int_equal(bk_realm_put(&cast.realm, cast.desk), 0);
}

static void raise_alarm(struct bk_talk *phone, unsigned n)
{
	struct bk_cast_message m = {.circle = cast.desk, .devices = {cast.vault}, .n_devices = 1, .n = n,
		.class = BAKEN__CLASS__CLASS_ALARM};

	assert_int_equal(bk_wire_error(bk_cast_submit(phone, &m)), 0);
}

static void steps(void **state)
{
	const char *words[] = {"--alarm-t1=1", "--alarm-t2=2", "--alarm-t3=3", note_it(), NULL};
	struct bk_talk phone, vault, lead, other, stranger;
	Baken__Frame *f = NULL;

	(void)state;
	begin("steps", words);
	bk_cast_ready(&cast, &phone, cast.phone);
	bk_cast_ready(&cast, &vault, cast.vault);
	bk_cast_ready(&cast, &lead, cast.lead); /* not on duty */
	bk_cast_ready(&cast, &other, cast.other_officer);
	bk_cast_ready(&cast, &stranger, cast.foe);
	raise_alarm(&phone, 1);
	bk_cast_take(&vault, true); /* wakes nobody, and is nobody */
	assert_int_equal(bk_talk_expect(&lead, BAKEN__FRAME__KIND_WAKE, WAIT_MS, &f), 0);
	assert_int_equal(f->wake->level, 1);
	assert_memory_equal(f->wake->circle_id.data, cast.realm.circles[cast.desk].circle.b, BK_ID_BYTES);
	assert_int_equal(runs(1, WAIT_MS), 1);
	/* The alarm did not go to the fall-back desk: nobody there is woken for it. */
	assert_true(bk_cast_silent(&other, BAKEN__FRAME__KIND_WAKE));
	assert_true(bk_cast_silent(&vault, BAKEN__FRAME__KIND_WAKE));
	assert_true(bk_cast_silent(&stranger, BAKEN__FRAME__KIND_WAKE));
	assert_true(bk_cast_log_has(&cast, "ALARM_UNSEEN"));
	assert_true(bk_cast_log_has(&cast, "HOOK alarm="));
	assert_int_equal(bk_cast_metric(&cast, "bakend_hooks_total"), 1);
	assert_int_equal(bk_cast_metric(&cast, "bakend_alarms_waiting"), 1);
	bk_talk_done(&phone);
	bk_talk_done(&vault);
	bk_talk_done(&lead);
	bk_talk_done(&other);
	bk_talk_done(&stranger);
	bk_cast_close(&cast);
}

/* Killed while the alarm waits: what fell due meanwhile is done at the start, and never twice. */
static void over_a_kill(void **state)
{
	const char *words[] = {"--alarm-t1=1", "--alarm-t2=1", "--alarm-t3=1", note_it(), NULL};
	struct bk_talk phone;

	(void)state;
	begin("kill", (const char *[]){"--alarm-t1=3600", "--alarm-t2=3600", "--alarm-t3=3600", option, NULL});
	bk_cast_ready(&cast, &phone, cast.phone);
	raise_alarm(&phone, 1);
	bk_talk_done(&phone);
	bk_realm_kill(&cast.realm);
	usleep(1100000); /* the row's time is the server's own clock */
	assert_int_equal(bk_realm_start(&cast.realm, words), 0);
	assert_int_equal(runs(1, WAIT_MS), 1);
	while (!bk_cast_log_has(&cast, "HOOK alarm="))
		usleep(20000);
	bk_cast_ready(&cast, &phone, cast.phone); /* a commit after the one that wrote the step down */
	bk_talk_done(&phone);
	bk_realm_kill(&cast.realm);
	assert_int_equal(bk_realm_start(&cast.realm, words), 0);
	assert_int_equal(runs(2, 2500), 1);
	bk_cast_close(&cast);
}

static void a_hook_that_hangs(void **state)
{
	const char *words[] = {"--alarm-t1=1", "--alarm-t2=1", "--alarm-t3=1", "--alarm-hook-seconds=1",
		write_hook("trap '' TERM\nsleep 1000"), NULL};
	struct bk_talk phone;
	uint64_t end;

	(void)state;
	begin("hang", words);
	bk_cast_ready(&cast, &phone, cast.phone);
	raise_alarm(&phone, 1);
	end = bk_proc_now_ms() + WAIT_MS;
	while (!bk_cast_log_has(&cast, "HOOK_FAILED") && bk_proc_now_ms() < end)
		usleep(50000);
	assert_true(bk_cast_log_has(&cast, "killed=1"));
	assert_int_equal(bk_cast_metric(&cast, "bakend_hooks_failed_total"), 1);
	raise_alarm(&phone, 2); /* and the server goes on */
	bk_talk_done(&phone);
	bk_cast_close(&cast);
}

/* The same, but that the frame says it is a drill. */
static void raise_drill(struct bk_talk *t)
{
	static uint8_t body[BK_BODY_MAX];
	struct bk_wire_target target = bk_realm_target(t->realm, cast.desk);
	bk_id vault = t->realm->devices[cast.vault].device;
	struct bk_wire_message m = {.id = bk_cast_id(9), .class = BAKEN__CLASS__CLASS_ALARM,
		.regime = BAKEN__REGIME__REGIME_SECURITY, .body = body, .body_len = bk_wire_body_bytes(100),
		.targets = &target, .n_targets = 1, .devices = &vault, .n_devices = 1};
	uint64_t request = bk_wire_submit(&t->line, &m, &t->out);
	Baken__Frame *f = baken__frame__unpack(NULL, t->out.len, t->out.data), *answer = NULL;

	assert_non_null(f);
	f->submit->drill = true;
	bk_wire_put(f, &t->out);
	baken__frame__free_unpacked(f, NULL);
	assert_int_equal(bk_talk_ask(t, request, &answer), 0);
	assert_int_equal(answer->kind_case, BAKEN__FRAME__KIND_STORED);
}

/* R14. */
static void a_drill_runs_nothing(void **state)
{
	const char *words[] = {"--alarm-t1=1", "--alarm-t2=1", "--alarm-t3=1", note_it(), NULL};
	struct bk_talk phone;
	uint64_t end;

	(void)state;
	begin("drill", words);
	bk_cast_ready(&cast, &phone, cast.phone);
	raise_drill(&phone);
	end = bk_proc_now_ms() + WAIT_MS;
	while (!bk_cast_log_has(&cast, "level=3") && bk_proc_now_ms() < end)
		usleep(50000);
	assert_true(bk_cast_log_has(&cast, "level=3"));
	assert_int_equal(runs(1, 300), 0);
	assert_int_equal(bk_cast_metric(&cast, "bakend_alarm_drills_total"), 1);
	assert_int_equal(bk_cast_metric(&cast, "bakend_alarms_total"), 0);
	bk_talk_done(&phone);
	bk_cast_close(&cast);
}

static void an_unsafe_hook_stops_the_start(void **state)
{
	const char *words[] = {note_it(), NULL};

	(void)state;
	assert_int_equal(chmod(hook, 0777), 0);
	bk_cast_make(&cast, "unsafe");
	assert_int_not_equal(bk_realm_start(&cast.realm, words), 0);
	assert_true(bk_cast_log_has(&cast, "START_FAILED step=alarm-hook"));
	bk_cast_drop(&cast);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(steps),
		cmocka_unit_test(over_a_kill),
		cmocka_unit_test(a_hook_that_hangs),
		cmocka_unit_test(a_drill_runs_nothing),
		cmocka_unit_test(an_unsafe_hook_stops_the_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
