/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The guard list against libwebsockets 4.1.6 (docs/decisions/), one test an item, from outside and under the
 * sanitizers. Item 4's rarely needed half (silent peers) is test_live.c.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include <signal.h>

#include "cast.h"
#include "err.h"
#include "tmp.h"

#define UPGRADE \
	"GET /v1 HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" \
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
#define PROTOCOL "Sec-WebSocket-Protocol: baken.v1\r\n"

static struct bk_cast cast;

static int open_cast(void **state)
{
	(void)state;
	bk_cast_open(&cast, "guard", NULL);
	return 0;
}

static int close_cast(void **state)
{
	(void)state;
	bk_cast_close(&cast);
	return 0;
}

static struct bk_sock *raw(void)
{
	struct bk_sock_options o = {.port = cast.realm.port, .tls = true, .ca = cast.realm.ca, .raw = true};
	struct bk_sock *s = NULL;

	assert_int_equal(bk_sock_open(&o, &s), 0);
	return s;
}

static struct bk_sock *ws(void)
{
	struct bk_sock_options o = {.port = cast.realm.port, .tls = true, .ca = cast.realm.ca};
	struct bk_sock *s = NULL;
	const uint8_t *data;
	size_t len;

	assert_int_equal(bk_sock_open(&o, &s), 0);
	assert_int_equal(bk_sock_recv(s, 0, &data, &len), 0); /* Hello */
	return s;
}

/* Everything that comes until the server hangs up or the head is complete; "" when it just hung up. */
static const char *exchange(struct bk_sock *s, const char *request)
{
	static char text[8192];
	const uint8_t *data;
	size_t len, n = 0;

	text[0] = '\0';
	if (bk_sock_send_raw(s, request, strlen(request)) != 0)
		return text;
	while (n < sizeof text - 1 && !strstr(text, "\r\n\r\n") && bk_sock_recv_raw(s, 5000, &data, &len) == 0) {
		if (len > sizeof text - 1 - n)
			len = sizeof text - 1 - n;
		memcpy(text + n, data, len);
		n += len;
		text[n] = '\0';
	}
	return text;
}

static bool switched(const char *answer)
{
	return strstr(answer, " 101 ") != NULL;
}

static void lives(void)
{
	struct bk_cast_request q = {.method = "GET", .path = "/healthz"};
	struct bk_cast_answer a;

	bk_cast_hang_up(&cast);
	assert_int_equal(bk_cast_http(&cast, &q, &a), 0);
	assert_int_equal(a.status, 200);
	free(a.body);
	bk_cast_hang_up(&cast);
}

/* The code with which the server ends a connection. */
static uint16_t end_code(struct bk_sock *s)
{
	const uint8_t *data;
	size_t len;
	uint16_t code;
	int err;

	while ((err = bk_sock_recv(s, 0, &data, &len)) == 0)
		;
	assert_int_equal(err, BK_E_NET);
	code = bk_sock_code(s);
	bk_sock_close(s);
	return code;
}

/* CVE-2025-11677: an upgrade to something else on a connection that has answered a request before. */
static void guard1_upgrade_foo_on_keep_alive(void **state)
{
	static const char *const to[] = {"foo", "h2c", "websocket2", "", "Websocke", "raw-socket-protocol"};

	(void)state;
	for (size_t i = 0; i < sizeof to / sizeof *to; i++) {
		struct bk_sock *s = raw();
		char request[300];

		assert_non_null(strstr(exchange(s, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"), " 200 "));
		snprintf(request, sizeof request, "GET /v1 HTTP/1.1\r\nHost: x\r\nUpgrade: %s\r\nConnection: Upgrade\r\n"
			"HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n", to[i]);
		assert_false(switched(exchange(s, request)));
		bk_sock_close(s);
		lives();
	}
}

static void guard1_upgrade_h2c_at_once(void **state)
{
	struct bk_sock *s = raw();

	(void)state;
	assert_false(switched(exchange(s, "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\n"
					  "HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n")));
	bk_sock_close(s);
	s = raw();
	assert_false(switched(exchange(s, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")));
	bk_sock_close(s);
	lives();
}

static void guard2_no_compression_is_agreed(void **state)
{
	struct bk_sock *s = raw();
	const char *answer = exchange(s, UPGRADE PROTOCOL "Sec-WebSocket-Extensions: permessage-deflate; "
					 "client_max_window_bits\r\n\r\n");

	(void)state;
	assert_true(switched(answer));
	assert_null(strcasestr(answer, "extensions"));
	bk_sock_close(s);
	lives();
}

/* Codes reach the client: given from RECEIVE and from outside of every callback. 1001: guard4_stop. */
static void guard4_close_codes(void **state)
{
	static const uint8_t huge[] = {0x82, 0xff, 0, 0, 1, 0, 0, 0, 0, 0, 1, 2, 3, 4, 9, 9};
	static const uint8_t junk[] = {0xff, 0xff, 0xff};
	struct bk_sock *s = ws();
	struct bk_talk a, b;
	Baken__Frame ack = BAKEN__FRAME__INIT;
	Baken__PrekeysCheck check = BAKEN__PREKEYS_CHECK__INIT;

	(void)state;
	assert_int_equal(bk_sock_send_frame(s, BK_WS_TEXT, true, "hi", 2), 0);
	assert_int_equal(end_code(s), 1003);
	s = ws();
	assert_int_equal(bk_sock_send_raw(s, huge, sizeof huge), 0); /* says 2^40 bytes */
	assert_int_equal(end_code(s), 1009);
	s = ws();
	assert_int_equal(bk_sock_send(s, junk, sizeof junk), 0);
	assert_int_equal(end_code(s), 1002);
	bk_talk_init(&a, &cast.realm, cast.phone);
	assert_int_equal(bk_talk_dial(&a, true), 0);
	ack.request = 1;
	ack.kind_case = BAKEN__FRAME__KIND_PREKEYS_CHECK;
	ack.prekeys_check = &check;
	bk_wire_put(&ack, &a.out);
	assert_int_equal(bk_talk_send(&a), 0);
	assert_int_equal(end_code(a.sock), 1008); /* not before login */
	a.sock = NULL;
	assert_int_equal(bk_talk_login(&a, true), 0);
	bk_cast_login(&cast, &b, cast.phone);
	assert_int_equal(end_code(a.sock), 1000); /* displaced: from a timer */
	a.sock = NULL;
	bk_talk_done(&a);
	bk_talk_done(&b);
	lives();
}

static void guard4_stop(void **state)
{
	struct bk_cast c;
	struct bk_talk t;
	Baken__Frame *f;

	(void)state;
	bk_cast_open(&c, "stop", NULL);
	bk_cast_ready(&c, &t, c.phone);
	bk_proc_signal(&c.realm.server, SIGTERM);
	assert_int_equal(bk_talk_expect(&t, BAKEN__FRAME__KIND_GO_AWAY, 0, &f), 0);
	assert_int_equal(end_code(t.sock), 1001);
	t.sock = NULL;
	bk_talk_done(&t);
	bk_cast_close(&c);
}

/* Our own listening socket: a second server on the same port says so and ends; addresses are limited. */
static void guard5_own_listener(void **state)
{
	char port[64];
	const char *words[] = {port, NULL};
	struct bk_cast c;
	uint16_t free_port;

	(void)state;
	bk_cast_make(&c, "second");
	free_port = c.realm.port;
	snprintf(port, sizeof port, "--listen=127.0.0.1:%u", cast.realm.port);
	c.realm.port = bk_tmp_port(); /* the start waits for nobody's port, and sees the end */
	assert_int_equal(bk_realm_start(&c.realm, words), BK_E_STATE);
	assert_true(bk_cast_log_has(&c, "START_FAILED"));
	c.realm.port = free_port;
	bk_cast_drop(&c);
	lives();
}

static void guard5_connections_of_one_address(void **state)
{
	const char *words[] = {"--connections-address=3", NULL};
	struct bk_sock *s[3], *more = NULL;
	struct bk_sock_options o = {.tls = true, .timeout_ms = 3000};
	struct bk_cast c;

	(void)state;
	bk_cast_open(&c, "address", words);
	o.port = c.realm.port;
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(bk_sock_open(&o, &s[i]), 0);
	assert_int_not_equal(bk_sock_open(&o, &more), 0);
	assert_true(bk_cast_metric(&c, "bakend_accepts_refused_total") > 0);
	bk_sock_close(s[0]);
	while (bk_cast_metric(&c, "bakend_sockets") > 2)
		;
	assert_int_equal(bk_sock_open(&o, &s[0]), 0);
	for (size_t i = 0; i < 3; i++)
		bk_sock_close(s[i]);
	bk_cast_close(&c);
}

static void guard6_without_sub_protocol(void **state)
{
	static const char *const heads[] = {
		UPGRADE "\r\n",
		UPGRADE "Sec-WebSocket-Protocol: http\r\n\r\n",
		UPGRADE "Sec-WebSocket-Protocol: baken.v2\r\n\r\n",
		UPGRADE "Sec-WebSocket-Protocol: \r\n\r\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
		struct bk_sock *s = raw();

		assert_false(switched(exchange(s, heads[i])));
		bk_sock_close(s);
	}
	lives();
}

/* CLOSED comes without ESTABLISHED when an upgrade was refused: counts stay right. */
static void guard7_closed_without_established(void **state)
{
	uint64_t before = bk_cast_metric(&cast, "bakend_sockets");

	(void)state;
	for (int i = 0; i < 20; i++) {
		struct bk_sock *s = raw();

		assert_false(switched(exchange(s, "GET /other HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
						  "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
						  "Sec-WebSocket-Version: 13\r\n" PROTOCOL "\r\n")));
		bk_sock_close(s);
	}
	while (bk_cast_metric(&cast, "bakend_sockets") > before)
		;
	assert_int_equal(bk_cast_metric(&cast, "bakend_online"), 0);
	lives();
}

/* WRITEABLE comes unasked after partial writes: big frames to a reader that is slow at first arrive whole. */
static void guard8_writeable_unasked(void **state)
{
	struct bk_talk from, to;
	size_t got = 0, bytes = 0;
	uint64_t stop;

	(void)state;
	bk_cast_ready(&cast, &from, cast.phone);
	bk_cast_ready(&cast, &to, cast.tablet);
	for (unsigned i = 0; i < 32; i++) {
		Baken__Frame *f = NULL;

		assert_int_equal(bk_talk_submit(&from, cast.person, bk_cast_id(0x8000 + i), BAKEN__CLASS__CLASS_NORMAL,
					 60000, &f), 0);
		assert_int_equal(bk_wire_error(f), 0);
	}
	stop = bk_proc_now_ms() + 10000;
	while (got < 32 && bk_proc_now_ms() < stop) {
		Baken__Frame *f = NULL;
		uint64_t seqs[64];

		assert_int_equal(bk_talk_expect(&to, BAKEN__FRAME__KIND_DELIVER, 0, &f), 0);
		for (size_t i = 0; i < f->deliver->n_items; i++, got++) {
			bk_hash h = bk_hash_of(f->deliver->items[i]->body.data, f->deliver->items[i]->body.len);

			assert_memory_equal(h.b, f->deliver->items[i]->body_hash.data, BK_HASH_BYTES);
			bytes += f->deliver->items[i]->body.len;
			seqs[i] = f->deliver->items[i]->seq;
		}
		bk_wire_ack(seqs, f->deliver->n_items, &to.out);
		assert_int_equal(bk_talk_send(&to), 0);
	}
	assert_int_equal(got, 32);
	assert_int_equal(bytes, 32 * bk_wire_body_bytes(60000));
	bk_talk_done(&from);
	bk_talk_done(&to);
}

/* lws takes unmasked frames of clients and tells nobody: such a frame is as good or bad as a masked one. */
static void guard10_unmasked_frames(void **state)
{
	static const uint8_t unmasked[] = {0x82, 3, 0xff, 0xff, 0xff};
	struct bk_sock *s = ws();

	(void)state;
	assert_int_equal(bk_sock_send_raw(s, unmasked, sizeof unmasked), 0);
	assert_int_equal(end_code(s), 1002);
	lives();
}

static void guard12_huge_header(void **state)
{
	char *request = malloc(70000);
	struct bk_sock *s;

	(void)state;
	assert_non_null(request);
	for (size_t size = 7000; size < 66000; size += 11000) {
		int n = sprintf(request, "GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: ");

		memset(request + n, 'a', size);
		strcpy(request + n + size, "\r\n\r\n");
		s = raw();
		exchange(s, request);
		bk_sock_close(s);
		lives();
		n = sprintf(request, "GET /");
		memset(request + n, 'b', size);
		strcpy(request + n + size, " HTTP/1.1\r\nHost: x\r\n\r\n");
		s = raw();
		assert_null(strstr(exchange(s, request), " 200 "));
		bk_sock_close(s);
		lives();
	}
	free(request);
}

static void origin_of_another_page_is_refused(void **state)
{
	static const struct {
		const char *line;
		bool ok;
	} rows[] = {
		{"", true},
		{"Origin: https://localhost\r\n", true},
		{"Origin: https://LOCALHOST\r\n", true},
		{"Origin: https://evil.example\r\n", false},
		{"Origin: null\r\n", false},
		{"Origin: https://localhost.evil.example\r\n", false},
		{"Origin: https://localhost:8443\r\n", false},
		{"Origin: localhost\r\n", false},
		{"Origin: file://localhost\r\n", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct bk_sock *s = raw();
		char request[600];

		snprintf(request, sizeof request, UPGRADE PROTOCOL "%s\r\n", rows[i].line);
		if (switched(exchange(s, request)) != rows[i].ok)
			fail_msg("%s", rows[i].line);
		bk_sock_close(s);
	}
	lives();
}

/* A login in pieces, a ping between them; and pieces that together are too much. */
static void fragments(void **state)
{
	static uint8_t piece[2000];
	struct bk_talk t;
	Baken__Frame *f = NULL;
	const uint8_t *p;
	size_t len;

	(void)state;
	bk_talk_init(&t, &cast.realm, cast.phone);
	assert_int_equal(bk_talk_dial(&t, true), 0);
	bk_wire_login(&t.line, &t.out);
	p = t.out.data + t.out.off;
	len = t.out.len - t.out.off;
	assert_int_equal(bk_sock_send_frame(t.sock, BK_WS_BINARY, false, p, 10), 0);
	assert_int_equal(bk_sock_send_frame(t.sock, BK_WS_PING, true, "ping", 4), 0);
	assert_int_equal(bk_sock_send_frame(t.sock, BK_WS_CONT, false, p + 10, 0), 0);
	assert_int_equal(bk_sock_send_frame(t.sock, BK_WS_CONT, false, p + 10, 20), 0);
	assert_int_equal(bk_sock_send_frame(t.sock, BK_WS_CONT, true, p + 30, len - 30), 0);
	assert_int_equal(bk_talk_expect(&t, BAKEN__FRAME__KIND_LOGIN_OK, 0, &f), 0);
	bk_talk_hang_up(&t);
	assert_int_equal(bk_talk_dial(&t, true), 0);
	assert_int_equal(bk_sock_send_frame(t.sock, BK_WS_BINARY, false, piece, sizeof piece), 0);
	assert_int_equal(bk_sock_send_frame(t.sock, BK_WS_CONT, false, piece, sizeof piece), 0);
	assert_int_equal(bk_sock_send_frame(t.sock, BK_WS_CONT, false, piece, 97), 0);
	assert_int_equal(end_code(t.sock), 1009); /* over 4,096 before login */
	t.sock = NULL;
	bk_talk_done(&t);
	lives();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(guard1_upgrade_foo_on_keep_alive),
		cmocka_unit_test(guard1_upgrade_h2c_at_once),
		cmocka_unit_test(guard2_no_compression_is_agreed),
		cmocka_unit_test(guard4_close_codes),
		cmocka_unit_test(guard4_stop),
		cmocka_unit_test(guard5_own_listener),
		cmocka_unit_test(guard5_connections_of_one_address),
		cmocka_unit_test(guard6_without_sub_protocol),
		cmocka_unit_test(guard7_closed_without_established),
		cmocka_unit_test(guard8_writeable_unasked),
		cmocka_unit_test(guard10_unmasked_frames),
		cmocka_unit_test(guard12_huge_header),
		cmocka_unit_test(origin_of_another_page_is_refused),
		cmocka_unit_test(fragments),
	};

	return cmocka_run_group_tests(tests, open_cast, close_cast);
}
