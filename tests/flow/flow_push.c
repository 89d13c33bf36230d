/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Devices that are away are woken through a push host of our own: nothing in it (R9, R12, M11), signed, by class; what
 * becomes of it when the host is gone, busy, broken or silent.
 */
#include <jansson.h>
#include <sodium.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "cast.h"
#include "err.h"
#include "push_host.h"
#include "push_vapid.h"
#include "tmp.h"

#define SOON_MS 8000u
#define WORDS 6

static struct bk_cast cast;
static struct bk_push_host *host;
static struct bk_push_request got;
static char words_text[WORDS][700];
static const char *words[WORDS + 1];
static unsigned next = 1;
static uint8_t public_key[BK_PUSH_VAPID_PUBLIC];

static void make_key(const char *file)
{
	struct bk_push_vapid *v = NULL;
	char *pem = NULL;

	assert_int_equal(bk_push_vapid_make(&pem), 0);
	assert_int_equal(bk_tmp_write(file, pem, strlen(pem)), 0);
	assert_int_equal(bk_push_vapid_open(file, &v), 0);
	memcpy(public_key, bk_push_vapid_public(v), sizeof public_key);
	bk_push_vapid_close(v);
	free(pem);
}

static int open_cast(void **state)
{
	(void)state;
	host = bk_push_host_start(bk_tmp_path("push-ca.pem"));
	make_key(bk_tmp_path("push.key"));
	snprintf(words_text[0], sizeof words_text[0], "--push-hosts=push.invalid, 127.0.0.1:%u", bk_push_host_port(host));
	snprintf(words_text[1], sizeof words_text[1], "--push-key=%s", bk_tmp_path("push.key"));
	snprintf(words_text[2], sizeof words_text[2], "--push-ca=%s", bk_tmp_path("push-ca.pem"));
	snprintf(words_text[3], sizeof words_text[3], "--push-contact=mailto:operator@baken.example");
	snprintf(words_text[4], sizeof words_text[4], "--push-near=1");
	for (size_t i = 0; i < WORDS - 1; i++)
		words[i] = words_text[i];
	bk_cast_open(&cast, "push", words);
	return 0;
}

static int close_cast(void **state)
{
	(void)state;
	bk_cast_close(&cast);
	bk_push_host_stop(host);
	return 0;
}

/* Takes and acknowledges what waits for a device. */
static void drain(uint32_t device)
{
	struct bk_talk t;
	Baken__Frame *f = NULL;

	bk_cast_login(&cast, &t, device);
	while (!t.line.caught_up) {
		uint64_t seqs[80];
		size_t n = 0;

		assert_int_equal(bk_talk_recv(&t, 0, &f), 0);
		for (size_t i = 0; f->kind_case == BAKEN__FRAME__KIND_DELIVER && i < f->deliver->n_items; i++)
			seqs[n++] = f->deliver->items[i]->seq;
		if (n) {
			bk_wire_ack(seqs, n, &t.out);
			assert_int_equal(bk_talk_send(&t), 0);
		}
	}
	bk_talk_done(&t);
}

/* Sets the endpoint of a device that then goes away; the error of the answer. */
static int set_raw(uint32_t device, const char *endpoint, bool *ret_set)
{
	Baken__Frame f = BAKEN__FRAME__INIT, *answer = NULL;
	Baken__PushSet m = BAKEN__PUSH_SET__INIT;
	struct bk_talk t;
	char text[1100];
	int err;

	snprintf(text, sizeof text, "%s", endpoint);
	m.endpoint = text;
	f.kind_case = BAKEN__FRAME__KIND_PUSH_SET;
	f.push_set = &m;
	bk_cast_login(&cast, &t, device);
	assert_int_equal(bk_talk_ask(&t, bk_wire_ask(&t.line, &f, &t.out), &answer), 0);
	err = bk_wire_error(answer);
	if (!err && ret_set) {
		*ret_set = answer->push_state->set;
		assert_int_equal(answer->push_state->vapid_key.len, sizeof public_key);
		assert_memory_equal(answer->push_state->vapid_key.data, public_key, sizeof public_key);
	}
	bk_talk_done(&t);
	return err;
}

static void set(uint32_t device, const char *path)
{
	char endpoint[200];
	bool is_set = false;

	drain(device); /* a line that ends with something unacknowledged on it asks for a wake, too */
	snprintf(endpoint, sizeof endpoint, "https://127.0.0.1:%u%s", bk_push_host_port(host), path);
	assert_int_equal(set_raw(device, endpoint, &is_set), 0);
	assert_true(is_set);
}

static void send_from(uint32_t device, uint32_t circle, Baken__Class class)
{
	struct bk_talk t;

	bk_cast_login(&cast, &t, device);
	bk_cast_send(&t, circle, next++, class);
	bk_talk_done(&t);
}

static void send(uint32_t circle, Baken__Class class)
{
	send_from(cast.phone, circle, class);
}

static bool woken(const char *path)
{
	char line[300];

	if (!bk_push_host_take(host, SOON_MS, &got))
		return false;
	snprintf(line, sizeof line, "POST %s HTTP/1.1", path);
	assert_string_equal(got.line, line);
	return true;
}

/* Nobody knocks while an ordinary wake would have come and gone. */
static bool quiet(void)
{
	return !bk_push_host_take(host, 3000, &got);
}

static uint64_t metric(const char *name)
{
	return bk_cast_metric(&cast, name);
}

static void wait_metric(const char *name, uint64_t least)
{
	for (unsigned i = 0; i < 400 && metric(name) < least; i++)
		assert_int_equal(bk_push_host_take(host, 20, &got), false);
	assert_true(metric(name) >= least);
}

static void check_signature(const char *authorization)
{
	char key[120];
	const char *k = strstr(authorization, ", k=");

	assert_memory_equal(authorization, "vapid t=", 8);
	assert_non_null(k);
	sodium_bin2base64(key, sizeof key, public_key, sizeof public_key, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	assert_string_equal(k + 4, key); /* that the signature verifies under it: test_push */
}

static void an_alarm_wakes_at_once_and_says_nothing(void **state)
{
	char *claims;
	uint8_t plain[800];
	size_t n = 0;
	const char *dot;

	(void)state;
	set(cast.wife, "/w/1");
	send(cast.relative, BAKEN__CLASS__CLASS_ALARM);
	assert_true(woken("/w/1"));
	assert_int_equal(got.body, 0);
	assert_string_equal(bk_push_host_header(&got, "Content-Length"), "0");
	assert_string_equal(bk_push_host_header(&got, "TTL"), "86400");
	assert_string_equal(bk_push_host_header(&got, "Urgency"), "high");
	assert_string_equal(bk_push_host_header(&got, "Topic"), "wake");
	assert_string_equal(bk_push_host_header(&got, "User-Agent"), "");
	assert_string_equal(bk_push_host_header(&got, "Content-Type"), "");
	check_signature(bk_push_host_header(&got, "Authorization"));
	dot = strchr(bk_push_host_header(&got, "Authorization"), '.');
	claims = strdup(dot + 1);
	claims[strcspn(claims, ".")] = '\0';
	assert_int_equal(sodium_base642bin(plain, sizeof plain - 1, claims, strlen(claims), NULL, &n, NULL,
				 sodium_base64_VARIANT_URLSAFE_NO_PADDING), 0);
	plain[n] = '\0';
	free(claims);
	snprintf(words_text[5], sizeof words_text[5], "\"aud\":\"https://127.0.0.1:%u\"", bk_push_host_port(host));
	assert_non_null(strstr((char *)plain, words_text[5]));
	wait_metric("bakend_pushes_total", 1);
}

/* Of ten ordinary messages one wake; an alarm in between does not wait for it; bulk wakes nobody. */
static void ordinary_ones_are_one_wake(void **state)
{
	(void)state;
	set(cast.wife, "/w/2");
	for (unsigned i = 0; i < 10; i++)
		send(cast.relative, BAKEN__CLASS__CLASS_NORMAL);
	send(cast.relative, BAKEN__CLASS__CLASS_BULK);
	send(cast.relative, BAKEN__CLASS__CLASS_ALARM);
	assert_true(woken("/w/2"));
	assert_string_equal(bk_push_host_header(&got, "Urgency"), "high");
	assert_true(quiet());
}

/* M11: the tablet is woken though the phone of the same person is here; who is here is not woken. */
static void each_device_by_itself(void **state)
{
	struct bk_talk phone, officer;

	(void)state;
	set(cast.phone, "/phone");
	set(cast.tablet, "/tablet");
	bk_cast_ready(&cast, &phone, cast.phone);
	bk_cast_ready(&cast, &officer, cast.officer);
	bk_cast_send(&officer, cast.person, next++, BAKEN__CLASS__CLASS_URGENT);
	assert_true(woken("/tablet"));
	bk_cast_take(&phone, true);
	assert_true(quiet());
	bk_talk_done(&officer);
	bk_talk_done(&phone);
	drain(cast.tablet);
}

/* What was on its way to a connection that then ended waits for a device that is away. */
static void a_line_that_died_is_no_line(void **state)
{
	struct bk_talk phone, officer;
	Baken__Frame *f = NULL;

	(void)state;
	bk_cast_ready(&cast, &phone, cast.phone);
	bk_cast_ready(&cast, &officer, cast.officer);
	bk_cast_send(&officer, cast.person, next++, BAKEN__CLASS__CLASS_ALARM);
	assert_true(woken("/tablet"));
	assert_int_equal(bk_talk_expect(&phone, BAKEN__FRAME__KIND_DELIVER, 0, &f), 0);
	bk_talk_done(&phone); /* not acknowledged */
	assert_true(woken("/phone"));
	bk_talk_done(&officer);
	drain(cast.phone);
	drain(cast.tablet);
	assert_int_equal(set_raw(cast.phone, "", NULL), 0); /* it sends in what follows */
}

static void duty(uint32_t device, bool on)
{
	struct bk_talk t;
	Baken__Frame *f = NULL;

	bk_cast_login(&cast, &t, device);
	assert_int_equal(bk_talk_ask(&t, bk_wire_duty(&t.line, on, &t.out), &f), 0);
	assert_int_equal(f->kind_case, BAKEN__FRAME__KIND_DUTY_STATE);
	bk_talk_done(&t);
}

static void to_desk(bool with_officer)
{
	struct bk_cast_message m = {.circle = cast.desk, .devices = {cast.vault, cast.officer},
		.n_devices = with_officer ? 2 : 1, .n = next++};
	struct bk_talk phone;

	bk_cast_login(&cast, &phone, cast.phone);
	assert_int_equal(bk_wire_error(bk_cast_submit(&phone, &m)), 0);
	bk_talk_done(&phone);
}

/* R12: who is on duty is woken; who is not, or no longer, is not. */
static void duty_decides(void **state)
{
	(void)state;
	set(cast.officer, "/officer");
	set(cast.lead, "/lead");
	duty(cast.officer, true);
	to_desk(true);
	assert_true(woken("/officer"));
	assert_true(quiet());
	drain(cast.officer);
	to_desk(true); /* waits two seconds before it wakes */
	duty(cast.officer, false);
	to_desk(false);
	assert_true(quiet());
}

/* R9: nowhere else but to what the operator listed; the vault has no screen to wake. */
static void only_where_the_operator_allows(void **state)
{
	char other[200];

	(void)state;
	snprintf(other, sizeof other, "https://127.0.0.1:%u/x", cast.realm.port);
	assert_int_equal(set_raw(cast.phone, other, NULL), BK_E_ROLE);
	assert_int_equal(set_raw(cast.phone, "https://169.254.169.254/latest", NULL), BK_E_ROLE);
	assert_int_equal(set_raw(cast.phone, "https://push.invalid@127.0.0.1/x", NULL), BK_E_INVAL);
	assert_int_equal(set_raw(cast.phone, "file:///etc/passwd", NULL), BK_E_INVAL);
	snprintf(other, sizeof other, "https://127.0.0.1:%u/x", bk_push_host_port(host));
	assert_int_equal(set_raw(cast.vault, other, NULL), BK_E_ROLE);
}

static void no_redirect_is_followed(void **state)
{
	char to[160];

	(void)state;
	snprintf(to, sizeof to, "Location: https://127.0.0.1:%u/elsewhere\r\n", bk_push_host_port(host));
	bk_push_host_answer(host, 307, to);
	set(cast.wife, "/w/3");
	send(cast.relative, BAKEN__CLASS__CLASS_ALARM);
	assert_true(woken("/w/3"));
	wait_metric("bakend_pushes_refused_total", 1);
	assert_true(quiet());
	assert_true(bk_cast_log_has(&cast, "PUSH_REFUSED host=2 status=307"));
	bk_push_host_answer(host, 201, NULL);
}

static void a_busy_host_is_asked_again_when_it_said(void **state)
{
	uint64_t first;

	(void)state;
	bk_push_host_answer(host, 429, "Retry-After: 4\r\n");
	set(cast.wife, "/w/4");
	send(cast.relative, BAKEN__CLASS__CLASS_ALARM);
	assert_true(woken("/w/4"));
	first = got.at_ms;
	wait_metric("bakend_pushes_retried_total", 1);
	bk_push_host_answer(host, 201, NULL);
	assert_true(woken("/w/4"));
	assert_in_range(got.at_ms - first, 3900, 6500);
}

/* Withdrawn while it was to be tried again. */
static void a_withdrawn_device_is_not_woken(void **state)
{
	uint64_t retried;

	(void)state;
	retried = metric("bakend_pushes_retried_total");
	bk_push_host_answer(host, 500, NULL);
	set(cast.tablet, "/tablet/2");
	send_from(cast.officer, cast.person, BAKEN__CLASS__CLASS_ALARM);
	assert_true(woken("/tablet/2"));
	wait_metric("bakend_pushes_retried_total", retried + 1);
	bk_push_host_answer(host, 201, NULL);
	cast.realm.devices[cast.tablet].status = BAKEN__DEVICE_STATUS__DEVICE_REVOKED;
	assert_int_equal(bk_realm_put(&cast.realm, cast.person), 0);
	assert_true(quiet());
}

static void an_endpoint_that_is_gone_is_forgotten(void **state)
{
	(void)state;
	for (int status = 404; status <= 410; status += 6) {
		uint64_t gone = metric("bakend_pushes_gone_total");

		bk_push_host_answer(host, status, NULL);
		set(cast.wife, "/w/5");
		send(cast.relative, BAKEN__CLASS__CLASS_ALARM);
		assert_true(woken("/w/5"));
		wait_metric("bakend_pushes_gone_total", gone + 1);
		bk_push_host_answer(host, 201, NULL);
		send(cast.relative, BAKEN__CLASS__CLASS_ALARM);
		assert_true(quiet());
	}
}

static void taken_back(void **state)
{
	bool is_set = true;

	(void)state;
	set(cast.wife, "/w/6");
	assert_int_equal(set_raw(cast.wife, "", &is_set), 0);
	assert_false(is_set);
	send(cast.relative, BAKEN__CLASS__CLASS_ALARM);
	assert_true(quiet());
}

/* A host that takes the request and says nothing holds up neither the server nor its stop. */
static void a_silent_host_stops_nothing(void **state)
{
	struct bk_talk wife;

	(void)state;
	set(cast.wife, "/w/7");
	bk_push_host_answer(host, 0, NULL);
	send(cast.relative, BAKEN__CLASS__CLASS_ALARM);
	assert_true(woken("/w/7"));
	bk_cast_login(&cast, &wife, cast.wife);
	bk_talk_done(&wife);
	assert_int_equal(bk_realm_stop(&cast.realm), 0);
	bk_push_host_answer(host, 201, NULL);
}

/* After SIGKILL whoever was waited for is woken again: the wake was in memory, the message was not. */
static void a_restart_wakes_again(void **state)
{
	(void)state;
	assert_int_equal(bk_realm_start(&cast.realm, words), 0);
	assert_true(woken("/w/7")); /* what was sent above still waits */
	bk_realm_kill(&cast.realm);
	assert_int_equal(bk_realm_start(&cast.realm, words), 0);
	assert_true(woken("/w/7"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_alarm_wakes_at_once_and_says_nothing),
		cmocka_unit_test(ordinary_ones_are_one_wake),
		cmocka_unit_test(each_device_by_itself),
		cmocka_unit_test(a_line_that_died_is_no_line),
		cmocka_unit_test(duty_decides),
		cmocka_unit_test(only_where_the_operator_allows),
		cmocka_unit_test(no_redirect_is_followed),
		cmocka_unit_test(a_busy_host_is_asked_again_when_it_said),
		cmocka_unit_test(a_withdrawn_device_is_not_woken),
		cmocka_unit_test(an_endpoint_that_is_gone_is_forgotten),
		cmocka_unit_test(taken_back),
		cmocka_unit_test(a_silent_host_stops_nothing),
		cmocka_unit_test(a_restart_wakes_again),
	};

	return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, open_cast, close_cast);
}
