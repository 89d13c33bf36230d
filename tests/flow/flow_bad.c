/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Bad input of every kind, before and after login, on every door: a named error or a closed connection with a
 * reason; counted; nothing changed; the server lives.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sodium.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

#include "cast.h"
#include "err.h"
#include "sample.h"

static struct bk_cast cast;

static int open_cast(void **state)
{
	(void)state;
	bk_cast_open(&cast, "bad", (const char *[]){"--logins-address=100000", "--accepts-address=10000", NULL});
	return 0;
}

static int close_cast(void **state)
{
	(void)state;
	bk_cast_close(&cast);
	return 0;
}

/* What bad input must not change. */
struct counts {
	int64_t n[9];
};
static const char *const names[] = {"accounts", "devices", "circles", "queued", "bodies", "dedupe", "files", "invites",
	"dead_letters"};

static struct counts count(void)
{
	struct counts c;

	for (size_t i = 0; i < 9; i++)
		c.n[i] = bk_cast_status(&cast, names[i]);
	return c;
}

static void unchanged(const struct counts *before)
{
	struct counts now = count();

	for (size_t i = 0; i < 9; i++)
		if (now.n[i] != before->n[i])
			fail_msg("%s: %lld, was %lld", names[i], (long long)now.n[i], (long long)before->n[i]);
}

/* Numbers that are the same in every run. */
static uint32_t dice(uint32_t below)
{
	static uint64_t x = 88172645463325252ull;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return (uint32_t)(x >> 32) % below;
}

static size_t mutate(uint8_t *data, size_t len, size_t room)
{
	for (uint32_t i = 0, n = 1 + dice(4); i < n && len; i++)
		switch (dice(4)) {
		case 0:
			data[dice((uint32_t)len)] ^= (uint8_t)(1u << dice(8));
			break;
		case 1:
			data[dice((uint32_t)len)] = (uint8_t)dice(256);
			break;
		case 2:
			len = dice((uint32_t)len) + 1;
			break;
		default:
			if (len + 4 < room) {
				size_t at = dice((uint32_t)len);

				memmove(data + at + 4, data + at, len - at);
				len += 4;
			}
		}
	return len;
}

/* The server answers the drill, or has hung up with a reason: then logged in again. */
static void alive(struct bk_talk *t)
{
	uint64_t request = bk_wire_drill(&t->line, &t->out);
	Baken__Frame *f = NULL;
	int err = bk_talk_send(t);

	while (!err) {
		err = bk_talk_recv(t, 0, &f);
		if (!err && f->kind_case == BAKEN__FRAME__KIND_ERROR) {
			assert_string_equal(f->error->name, bk_err_name(f->error->code));
			assert_true(*f->error->text);
		}
		if (!err && f->request == request && f->kind_case == BAKEN__FRAME__KIND_DRILL)
			return;
	}
	assert_int_not_equal(err, BK_E_TIMEOUT);
	if (err == BK_E_NET && bk_sock_code(t->sock) != 1006)
		assert_in_range(bk_sock_code(t->sock), 1002, 1009);
	assert_int_equal(bk_talk_login(t, true), 0);
}

static void spoiled_frames_after_login(void **state)
{
	static uint8_t data[70000];
	struct counts before = count();
	uint64_t bad = bk_cast_metric(&cast, "bakend_frames_bad_total");
	struct bk_arena *a = bk_arena_new();
	struct bk_talk t;
	Baken__Frame *f;

	(void)state;
	bk_cast_login(&cast, &t, cast.phone);
	for (size_t i = 0; (f = bk_sample_frame(a, i)); i++) {
		size_t len = bk_frame_size(f);

		for (int k = 0; k < 12 && len < sizeof data / 2; k++) {
			bk_frame_encode(f, data);
			assert_int_equal(bk_sock_send(t.sock, data, k ? mutate(data, len, sizeof data) : len), 0);
			alive(&t);
		}
		bk_arena_reset(a);
	}
	unchanged(&before);
	assert_true(bk_cast_metric(&cast, "bakend_frames_bad_total") > bad + 50);
	bk_talk_done(&t);
	bk_arena_free(a);
}

static void noise_before_login(void **state)
{
	static uint8_t data[5000];
	struct counts before = count();
	uint64_t bad = bk_cast_metric(&cast, "bakend_frames_bad_total");
	struct bk_talk t;
	Baken__Frame *f = NULL;

	(void)state;
	bk_talk_init(&t, &cast.realm, cast.phone);
	for (unsigned i = 0; i < 60; i++) {
		size_t len = dice(4096) + 1;

		assert_int_equal(bk_talk_dial(&t, true), 0);
		if (i % 2) {
			for (size_t k = 0; k < len; k++)
				data[k] = (uint8_t)dice(256);
		} else {
			bk_wire_login(&t.line, &t.out);
			len = t.out.len - t.out.off;
			memcpy(data, t.out.data + t.out.off, len);
			len = mutate(data, len, sizeof data);
		}
		assert_int_equal(bk_sock_send(t.sock, data, len), 0);
		while (bk_talk_recv(&t, i % 2 ? 0 : 50, &f) == 0)
			assert_int_not_equal(f->kind_case, BAKEN__FRAME__KIND_HELLO);
		bk_talk_hang_up(&t);
	}
	unchanged(&before);
	assert_true(bk_cast_metric(&cast, "bakend_frames_bad_total") >= bad + 20);
	bk_talk_done(&t);
}

/* Bytes that are no WebSocket frames, below TLS and above. */
static void noise_below_the_frames(void **state)
{
	struct bk_sock_options o = {.port = cast.realm.port, .raw = true};
	struct counts before = count();
	uint8_t data[2000];

	(void)state;
	for (unsigned i = 0; i < 40; i++) {
		struct bk_sock *s = NULL;
		const uint8_t *got;
		size_t len;

		o.tls = i % 3 != 0; /* every third goes to TLS as it is */
		o.raw = i % 2 == 0;
		assert_int_equal(bk_sock_open(&(struct bk_sock_options){.port = o.port, .tls = o.tls, .raw = o.raw || !o.tls}, &s),
			0);
		for (size_t k = 0; k < sizeof data; k++)
			data[k] = (uint8_t)dice(256);
		(void)bk_sock_send_raw(s, data, 1 + dice(sizeof data - 1));
		shutdown(bk_sock_fd(s), SHUT_WR);
		while (bk_sock_recv_raw(s, 2000, &got, &len) == 0)
			;
		bk_sock_close(s);
	}
	unchanged(&before);
}

/* The close code after this frame of a logged-in device. */
static uint16_t code_of(struct bk_talk *t, const Baken__Frame *f)
{
	Baken__Frame *got = NULL;
	int err;

	bk_wire_put(f, &t->out);
	assert_int_equal(bk_talk_send(t), 0);
	while ((err = bk_talk_recv(t, 0, &got)) == 0)
		;
	assert_int_equal(err, BK_E_NET);
	return bk_sock_code(t->sock);
}

static void frames_out_of_turn(void **state)
{
	uint8_t bytes[64] = {1};
	Baken__Frame f = BAKEN__FRAME__INIT;
	Baken__Resume resume = BAKEN__RESUME__INIT;
	Baken__Enrol enrol = BAKEN__ENROL__INIT;
	Baken__CaughtUp caught = BAKEN__CAUGHT_UP__INIT;
	Baken__Drill drill = BAKEN__DRILL__INIT;
	struct bk_talk t;

	(void)state;
	bk_cast_login(&cast, &t, cast.phone);
	f.request = 5;
	f.kind_case = BAKEN__FRAME__KIND_RESUME;
	resume.device_id = bk_bytes(bytes, BK_ID_BYTES);
	resume.ticket = bk_bytes(bytes, 32);
	f.resume = &resume;
	assert_int_equal(code_of(&t, &f), 1008); /* logged in already */
	assert_int_equal(bk_talk_login(&t, true), 0);
	f.kind_case = BAKEN__FRAME__KIND_ENROL;
	enrol.invite_id = bk_bytes(bytes, BK_ID_BYTES);
	enrol.identity_key = bk_bytes(bytes, 32);
	enrol.mac = bk_bytes(bytes, 32);
	f.enrol = &enrol;
	assert_int_equal(code_of(&t, &f), 1008);
	assert_int_equal(bk_talk_login(&t, true), 0);
	f.kind_case = BAKEN__FRAME__KIND_CAUGHT_UP;
	f.caught_up = &caught;
	assert_int_equal(code_of(&t, &f), 1002); /* what only a server says */
	assert_int_equal(bk_talk_login(&t, true), 0);
	f.request = 0;
	f.kind_case = BAKEN__FRAME__KIND_DRILL;
	drill.nonce = bk_bytes(bytes, 16);
	f.drill = &drill;
	assert_int_equal(code_of(&t, &f), 1002); /* 0 is the server's number */
	bk_talk_done(&t);
}

static void an_unknown_invitation(void **state)
{
	uint8_t bytes[64] = {2};
	Baken__Frame f = BAKEN__FRAME__INIT, *got = NULL;
	Baken__Enrol enrol = BAKEN__ENROL__INIT;
	struct counts before = count();
	struct bk_talk t;

	(void)state;
	bk_talk_init(&t, &cast.realm, cast.phone);
	assert_int_equal(bk_talk_dial(&t, true), 0);
	f.kind_case = BAKEN__FRAME__KIND_ENROL;
	enrol.invite_id = bk_bytes(bytes, BK_ID_BYTES);
	enrol.identity_key = bk_bytes(bytes, 32);
	enrol.mac = bk_bytes(bytes, 32);
	f.enrol = &enrol;
	assert_int_equal(bk_talk_ask(&t, bk_wire_ask(&t.line, &f, &t.out), &got), 0);
	assert_int_equal(bk_wire_error(got), BK_E_INVITE);
	unchanged(&before);
	bk_talk_done(&t);
}

static void too_much_at_once(void **state)
{
	uint8_t *data = calloc(1, BK_FRAME_MAX + 1);
	struct bk_talk t;
	Baken__Frame *f = NULL;

	(void)state;
	bk_cast_login(&cast, &t, cast.phone);
	(void)bk_sock_send(t.sock, data, BK_FRAME_MAX + 1);
	while (bk_talk_recv(&t, 0, &f) == 0)
		;
	assert_int_equal(bk_sock_code(t.sock), 1009);
	assert_int_equal(bk_talk_login(&t, true), 0);
	(void)bk_sock_send(t.sock, data, BK_FRAME_MAX); /* as large as may be, and nonsense */
	while (bk_talk_recv(&t, 0, &f) == 0)
		;
	assert_int_equal(bk_sock_code(t.sock), 1002);
	bk_talk_done(&t);
	free(data);
}

/* ---- the operator's door ---- */

static int control_dial(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	struct timeval wait = {.tv_sec = 5};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(a.sun_path, cast.realm.control);
	assert_int_equal(connect(fd, (const struct sockaddr *)&a, sizeof a), 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
	return fd;
}

static void control_says_what_is_wrong(void **state)
{
	static const struct {
		const char *line, *error;
	} rows[] = {
		{"", "BK_E_INVAL"},
		{"nonsense", "BK_E_INVAL"},
		{"{", "BK_E_INVAL"},
		{"[]", "BK_E_INVAL"},
		{"{\"id\":1}", "BK_E_INVAL"},
		{"{\"id\":1,\"verb\":7}", "BK_E_INVAL"},
		{"{\"id\":1,\"verb\":\"status\",\"verb\":\"trust\"}", "BK_E_INVAL"},
		{"{\"id\":1,\"verb\":\"shutdown\"}", "BK_E_UNSUPPORTED"},
		{"{\"id\":1,\"verb\":\"roster-get\"}", "BK_E_INVAL"},
		{"{\"id\":1,\"verb\":\"roster-get\",\"circle\":\"zz\"}", "BK_E_INVAL"},
		{"{\"id\":1,\"verb\":\"roster-get\",\"circle\":\"00112233445566778899aabbccddeeff\"}", "BK_E_NOT_FOUND"},
		{"{\"id\":1,\"verb\":\"devices\",\"circle\":5}", "BK_E_INVAL"},
		{"{\"id\":1,\"verb\":\"roster-put\"}", "BK_E_INVAL"},
		{"{\"id\":1,\"verb\":\"roster-put\",\"rosters\":[]}", "BK_E_INVAL"},
		{"{\"id\":1,\"verb\":\"roster-put\",\"rosters\":[\"!!\"]}", "BK_E_INVAL"},
		{"{\"id\":1,\"verb\":\"roster-put\",\"rosters\":[7]}", "BK_E_INVAL"},
		{"{\"id\":1,\"verb\":\"roster-put\",\"rosters\":[\"AAAA\"]}", NULL},
		{"{\"id\":1,\"verb\":\"invite-put\",\"invite\":\"00112233445566778899aabbccddeeff\"}", "BK_E_INVAL"},
		{"{\"id\":1,\"verb\":\"invite-done\",\"invite\":\"00112233445566778899aabbccddeeff\",\"approved\":true}", NULL},
		{"{\"id\":1,\"verb\":\"invite-done\",\"invite\":\"00112233445566778899aabbccddeeff\",\"approved\":false}", NULL},
		{"{\"id\":1,\"verb\":\"audit\"}", "BK_E_INVAL"},
		{"{\"id\":1,\"verb\":\"audit\",\"from\":-1,\"max\":1}", "BK_E_INVAL"},
		{"{\"id\":1,\"verb\":\"audit\",\"from\":1.5,\"max\":1}", "BK_E_INVAL"},
		{"{\"id\":1,\"verb\":\"backup\"}", "BK_E_INVAL"},
		{"{\"id\":1,\"verb\":\"backup\",\"to\":\"relative\"}", "BK_E_INVAL"},
		{"{\"id\":1,\"verb\":\"backup\",\"to\":\"/\"}", "BK_E_EXISTS"},
		{"{\"id\":1,\"verb\":\"cut\",\"device\":\"x\"}", "BK_E_INVAL"},
	};
	struct counts before = count();

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char *answer = bk_realm_control(&cast.realm, rows[i].line);

		if (!answer || !strstr(answer, "\"ok\":false") || !strstr(answer, rows[i].error ? rows[i].error : "BK_E_"))
			fail_msg("%s: %s", rows[i].line, answer ? answer : "no answer");
		free(answer);
	}
	unchanged(&before);
}

static void control_bounds(void **state)
{
	enum { MANY = 24 };
	int fds[MANY], fd = control_dial();
	char *line = malloc(BK_FRAME_MAX), byte;
	ssize_t n = 1;

	(void)state;
	memset(line, 'a', BK_FRAME_MAX);
	for (int i = 0; i < 8 && n > 0; i++) /* 8 MiB without a newline */
		n = send(fd, line, BK_FRAME_MAX, MSG_NOSIGNAL);
	assert_true(recv(fd, &byte, 1, 0) <= 0); /* hung up */
	close(fd);
	free(line);
	for (int i = 0; i < MANY; i++)
		fds[i] = control_dial();
	for (int i = 0; i < MANY; i++)
		close(fds[i]);
	fd = control_dial();
	assert_int_equal(send(fd, "{\"id\":1,\"verb\":\"status\"", 23, MSG_NOSIGNAL), 23);
	close(fd); /* in the middle of a line */
	do { /* 16 at once: soon there is room again */
		line = bk_realm_control(&cast.realm, "{\"id\":1,\"verb\":\"status\"}");
	} while (!line);
	free(line);
}

/* The counters' port knows one request, and nobody holds it up. */
static void metrics_port(void **state)
{
	struct bk_sock_options o = {.port = cast.realm.metrics, .raw = true, .timeout_ms = 3000};
	static const char *const requests[] = {"GET / HTTP/1.0\r\n\r\n", "POST /metrics HTTP/1.0\r\n\r\n", "\r\n\r\n"};
	struct bk_sock *s[12] = {NULL};
	const uint8_t *data;
	size_t len;
	char *big = malloc(5000);

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(bk_sock_open(&o, &s[0]), 0);
		assert_int_equal(bk_sock_send_raw(s[0], requests[i], strlen(requests[i])), 0);
		assert_int_equal(bk_sock_recv_raw(s[0], 0, &data, &len), 0);
		assert_memory_equal(data, "HTTP/1.0 404", 12);
		bk_sock_close(s[0]);
	}
	memset(big, 'x', 5000);
	assert_int_equal(bk_sock_open(&o, &s[0]), 0);
	(void)bk_sock_send_raw(s[0], big, 5000);
	assert_int_equal(bk_sock_recv_raw(s[0], 0, &data, &len), BK_E_NET);
	bk_sock_close(s[0]);
	for (size_t i = 0; i < 12; i++) /* more than may wait: the ninth is turned away */
		assert_int_equal(bk_sock_open(&o, &s[i]), 0);
	assert_int_equal(bk_sock_recv_raw(s[11], 0, &data, &len), BK_E_NET);
	for (size_t i = 0; i < 12; i++)
		bk_sock_close(s[i]);
	free(big);
	for (bool ok = false; !ok;) { /* soon there is room again */
		assert_int_equal(bk_sock_open(&o, &s[0]), 0);
		ok = bk_sock_send_raw(s[0], requests[0], strlen(requests[0])) == 0 &&
		     bk_sock_recv_raw(s[0], 0, &data, &len) == 0;
		bk_sock_close(s[0]);
	}
}

static void the_audit_is_whole(void **state)
{
	char *answer = bk_realm_control(&cast.realm, "{\"id\":1,\"verb\":\"audit-verify\"}");

	(void)state;
	assert_non_null(answer);
	assert_non_null(strstr(answer, "\"bad\":0"));
	free(answer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spoiled_frames_after_login),
		cmocka_unit_test(noise_before_login),
		cmocka_unit_test(noise_below_the_frames),
		cmocka_unit_test(frames_out_of_turn),
		cmocka_unit_test(an_unknown_invitation),
		cmocka_unit_test(too_much_at_once),
		cmocka_unit_test(control_says_what_is_wrong),
		cmocka_unit_test(control_bounds),
		cmocka_unit_test(metrics_port),
		cmocka_unit_test(the_audit_is_whole),
	};

	return cmocka_run_group_tests(tests, open_cast, close_cast);
}
