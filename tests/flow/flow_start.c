/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How the server starts and does not start (fail closed, with an exit code that says why), and what it tells of itself. */
#include <signal.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>
#include <cmocka.h>

#include "cast.h"
#include "err.h"
#include "tmp.h"

static struct bk_cast cast;

static int open_cast(void **state)
{
	(void)state;
	bk_cast_make(&cast, "start");
	return 0;
}

static int close_cast(void **state)
{
	(void)state;
	bk_cast_drop(&cast);
	return 0;
}

/* Runs bakend to its end with these words; its exit code. */
static int run(const char *word, const char *second)
{
	const char *build = getenv("BAKEN_BUILD");
	char program[600];
	const char *argv[] = {program, "-c", cast.realm.conf, word, second, NULL};

	snprintf(program, sizeof program, "%s/bin/bakend", build ? build : BAKEN_BUILD_DIR);
	return bk_proc_run(argv, NULL, cast.realm.log, 20000, NULL);
}

/* The value of an option in bakend.conf. */
static const char *conf_of(const char *file, const char *name)
{
	static char value[600];
	char line[700], found[64];
	FILE *f = fopen(file, "r");

	assert_non_null(f);
	value[0] = '\0';
	while (fgets(line, sizeof line, f))
		if (sscanf(line, "%63[a-z-] = %599s", found, line + 100) == 2 && strcmp(found, name) == 0)
			strcpy(value, line + 100);
	fclose(f);
	assert_true(*value);
	return value;
}

static const char *conf(const char *name)
{
	return conf_of(cast.realm.conf, name);
}

static void looking_at_the_options_is_all(void **state)
{
	char store[700];

	(void)state;
	snprintf(store, sizeof store, "%s/control.sock", conf("dir"));
	assert_int_equal(run("-n", NULL), EX_OK);
	assert_int_not_equal(access(store, F_OK), 0);
	assert_int_equal(run("--colour=red", NULL), EX_USAGE);
	assert_int_equal(run("--plain=0.0.0.0:1", NULL), EX_USAGE);
}

/* Changes a byte, and runs. */
static int run_with_spoiled(const char *option)
{
	char path[600];
	uint8_t *data = NULL;
	size_t len = 0;
	int code;

	snprintf(path, sizeof path, "%s", conf(option));
	assert_int_equal(bk_tmp_read(path, &data, &len), 0);
	data[len / 2] = data[len / 2] == '1' ? '2' : '1';
	assert_int_equal(bk_tmp_write(path, data, len), 0);
	code = run(NULL, NULL);
	free(data);
	return code;
}

static void keys_that_do_not_fit_stop_the_start(void **state)
{
	static const char *const options[] = {"root-key", "receipt-key", "seal-key", "server-cert"};
	char path[600];
	uint8_t *keep = NULL;
	size_t len = 0;

	(void)state;
	for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
		int code;

		snprintf(path, sizeof path, "%s", conf(options[i]));
		assert_int_equal(bk_tmp_read(path, &keep, &len), 0);
		code = run_with_spoiled(options[i]);
		if (code == EX_OK || code > 128)
			fail_msg("%s: %d", options[i], code);
		assert_int_equal(bk_tmp_write(path, "", 0), 0);
		assert_int_equal(run(NULL, NULL), EX_CONFIG);
		unlink(path);
		assert_int_not_equal(run(NULL, NULL), EX_OK);
		assert_int_equal(bk_tmp_write(path, keep, len), 0);
		free(keep);
	}
	assert_true(bk_cast_log_has(&cast, "step=receipt-key error="));
}

static void secrets_that_others_can_read_are_none(void **state)
{
	char path[600];

	(void)state;
	snprintf(path, sizeof path, "%s", conf("seal-key"));
	assert_int_equal(chmod(path, 0644), 0);
	assert_int_equal(run(NULL, NULL), EX_CONFIG);
	assert_int_equal(chmod(path, 0600), 0);
}

/* M18: with one registrar and one vault there is no production. */
static void production_wants_two_custodians(void **state)
{
	(void)state;
	assert_int_not_equal(run("--production=1", NULL), EX_OK);
	assert_true(bk_cast_log_has(&cast, "step=custodians error=BK_E_STATE lack=security-registrars"));
}

/* A TLS key that the root has not certified: every client would turn away. */
static void a_foreign_tls_key_stops_the_start(void **state)
{
	struct bk_realm other;
	char cert[700], key[700];

	(void)state;
	bk_realm_init(&other, bk_tmp_path("other"), 8);
	bk_realm_make(&other);
	snprintf(cert, sizeof cert, "--tls-cert=%s", conf_of(other.conf, "tls-cert"));
	snprintf(key, sizeof key, "--tls-key=%s", conf_of(other.conf, "tls-key"));
	assert_int_equal(run(cert, key), EX_CONFIG);
	assert_true(bk_cast_log_has(&cast, "step=tls-cert error=BK_E_CHAIN"));
	assert_int_not_equal(run(cert, NULL), EX_OK); /* a key that is not the certificate's */
	bk_realm_done(&other);
}

/* One process a store; the second says so and harms nothing. */
static void the_second_server_is_told(void **state)
{
	(void)state;
	assert_int_equal(bk_realm_start(&cast.realm, NULL), 0);
	assert_int_equal(run("--listen=127.0.0.1:0", "--plain="), EX_TEMPFAIL);
	assert_true(bk_cast_log_has(&cast, "step=store error=BK_E_LOCKED"));
	assert_int_equal(bk_cast_status(&cast, "writes_ok"), 1);
	assert_int_equal(bk_realm_stop(&cast.realm), 0);
}

/* systemd is told when the server is ready and when it stops, by one datagram each. */
static void systemd_is_told(void **state)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	struct timeval wait = {.tv_sec = 10};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char text[64] = "";

	(void)state;
	snprintf(a.sun_path, sizeof a.sun_path, "%s", bk_tmp_path("notify"));
	assert_int_equal(bind(fd, (const struct sockaddr *)&a, sizeof a), 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
	setenv("NOTIFY_SOCKET", a.sun_path, 1);
	assert_int_equal(bk_realm_start(&cast.realm, NULL), 0);
	unsetenv("NOTIFY_SOCKET");
	assert_int_equal(recv(fd, text, sizeof text - 1, 0), strlen("READY=1"));
	assert_string_equal(text, "READY=1");
	memset(text, 0, sizeof text);
	assert_int_equal(bk_realm_stop(&cast.realm), 0);
	assert_true(recv(fd, text, sizeof text - 1, 0) > 0);
	assert_string_equal(text, "STOPPING=1");
	close(fd);
}

static void sigint_is_a_stop_too(void **state)
{
	int code = -1;

	(void)state;
	assert_int_equal(bk_realm_start(&cast.realm, NULL), 0);
	bk_proc_signal(&cast.realm.server, SIGINT);
	assert_int_equal(bk_proc_wait(&cast.realm.server, 10000, &code), 0);
	assert_int_equal(code, 0);
}

/* What hangs on does not hold up a stop: an open counters' connection, an upload under way, a silent handshake. */
static void nobody_holds_up_a_stop(void **state)
{
	struct bk_sock_options metrics = {.port = cast.realm.metrics, .raw = true};
	struct bk_sock_options plain = {.port = cast.realm.port, .raw = true};
	struct bk_sock *a = NULL, *b = NULL;
	uint64_t began;

	(void)state;
	assert_int_equal(bk_realm_start(&cast.realm, NULL), 0);
	assert_int_equal(bk_sock_open(&metrics, &a), 0);
	assert_int_equal(bk_sock_open(&plain, &b), 0);
	began = bk_proc_now_ms();
	assert_int_equal(bk_realm_stop(&cast.realm), 0);
	assert_true(bk_proc_now_ms() - began < 4000);
	bk_sock_close(a);
	bk_sock_close(b);
}

/* Started as root: the port is bound as root, the files and the rest belong to the user. */
static void power_is_given_up(void **state)
{
	struct bk_cast c;
	struct bk_talk t;
	char status[64], line[256];
	struct stat st;
	FILE *f;
	bool seen = false;

	(void)state;
	if (geteuid() != 0)
		skip();
	bk_cast_make(&c, "power");
	bk_proc_run((const char *[]){"chown", "-R", "nobody", c.realm.dir, NULL}, NULL, NULL, 5000, NULL);
	assert_int_equal(chmod(bk_tmp_dir(), 0711), 0);
	assert_int_equal(mkdir(bk_tmp_path("closed"), 0700), 0); /* where root starts it, the user may not be */
	assert_int_equal(chdir(bk_tmp_path("closed")), 0);
	assert_int_equal(bk_realm_start(&c.realm, (const char *[]){"--user=nobody", NULL}), 0);
	assert_int_equal(chdir("/"), 0);
	assert_int_equal(bk_cast_status(&c, "writes_ok"), 1); /* it runs: the start is over */
	snprintf(status, sizeof status, "/proc/%d/status", (int)c.realm.server.pid);
	f = fopen(status, "r");
	assert_non_null(f);
	while (fgets(line, sizeof line, f)) {
		unsigned real, effective, saved;

		if (sscanf(line, "Uid: %u %u %u", &real, &effective, &saved) == 3) {
			assert_true(real && effective == real && saved == real);
			seen = true;
		}
		if (strncmp(line, "CapEff:", 7) == 0)
			assert_int_equal(strspn(line + 7, "\t 0\n"), strlen(line + 7));
		if (strncmp(line, "NoNewPrivs:", 11) == 0)
			assert_true(strchr(line, '1') != NULL);
	}
	fclose(f);
	assert_true(seen);
	assert_int_equal(stat(c.realm.control, &st), 0);
	assert_int_not_equal(st.st_uid, 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	bk_cast_login(&c, &t, c.phone);
	{
		struct bk_cast_request q = {.method = "POST", .path = "/files", .token = t.line.file_token,
			.headers = "Tus-Resumable: 1.0.0\r\nUpload-Length: 5\r\n"};
		struct bk_cast_answer a;

		assert_int_equal(bk_cast_http(&c, &q, &a), 0);
		assert_int_equal(a.status, 201);
		free(a.body);
	}
	bk_talk_done(&t);
	bk_cast_close(&c);
}

/* Prometheus' text: help, type, sample, in that order and of one name; counters end in _total. */
static void the_counters_are_well_formed(void **state)
{
	struct bk_sock_options o = {.port = cast.realm.metrics, .raw = true};
	static const char get[] = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";
	struct bk_ws_buf all = {0};
	struct bk_sock *s = NULL;
	const uint8_t *data;
	size_t len, rows = 0;
	char *at;

	(void)state;
	assert_int_equal(bk_realm_start(&cast.realm, NULL), 0);
	assert_int_equal(bk_sock_open(&o, &s), 0);
	assert_int_equal(bk_sock_send_raw(s, get, sizeof get - 1), 0);
	while (bk_sock_recv_raw(s, 0, &data, &len) == 0)
		bk_ws_add(&all, data, len);
	bk_sock_close(s);
	bk_ws_add(&all, "", 1);
	at = strstr((char *)all.data, "\r\n\r\n");
	assert_non_null(at);
	assert_non_null(strstr((char *)all.data, "text/plain; version=0.0.4"));
	for (at += 4; *at; rows++) {
		char help[80], name[80], type[80], kind[16], sample[80], value[32];
		int n = 0;

		assert_int_equal(sscanf(at, "# HELP %79s %*[^\n]\n# TYPE %79s %15s\n%79s %31[0-9]\n%n", help, type, kind, sample,
					 value, &n), 5);
		strcpy(name, help);
		assert_string_equal(type, name);
		assert_string_equal(sample, name);
		assert_true(strncmp(name, "bakend_", 7) == 0);
		assert_int_equal(strcmp(kind, "counter") == 0, strlen(name) > 6 && strcmp(name + strlen(name) - 6, "_total") == 0);
		at += n;
	}
	assert_true(rows > 40);
	bk_ws_buf_done(&all);
	assert_int_equal(bk_realm_stop(&cast.realm), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(looking_at_the_options_is_all),
		cmocka_unit_test(keys_that_do_not_fit_stop_the_start),
		cmocka_unit_test(secrets_that_others_can_read_are_none),
		cmocka_unit_test(production_wants_two_custodians),
		cmocka_unit_test(a_foreign_tls_key_stops_the_start),
		cmocka_unit_test(the_second_server_is_told),
		cmocka_unit_test(systemd_is_told),
		cmocka_unit_test(sigint_is_a_stop_too),
		cmocka_unit_test(nobody_holds_up_a_stop),
		cmocka_unit_test(power_is_given_up),
		cmocka_unit_test(the_counters_are_well_formed),
	};

	return cmocka_run_group_tests(tests, open_cast, close_cast);
}
