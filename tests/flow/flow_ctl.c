/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bakenctl as registrars and operators use it, against a real server: what it refuses, and that nothing changed
 * then; a forged request; a backup from before a withdrawal.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "err.h"
#include "login.h"
#include "proc.h"
#include "signal_key.h"
#include "sock.h"
#include "tmp.h"
#include "wire.h"

#define WORDS_MAX 24
#define WAIT_MS 30000u
#define BIN BAKEN_BUILD_DIR "/bin/"

static char dir[512], pass[512], log_file[512], out_text[65536];
static struct bk_proc server;
static uint16_t port;

static const char *in(const char *name)
{
	return bk_tmp_path(name);
}

/* Runs bakenctl with words (NULL-terminated); its standard output lies in out_text. */
static int ctl(const char *first, ...)
{
	const char *argv[WORDS_MAX] = {BIN "bakenctl", "--passphrase-file", pass, "--json", "--dir", dir, first};
	char *out = NULL;
	size_t n = 7;
	va_list ap;
	int code;

	va_start(ap, first);
	while (n < WORDS_MAX - 1 && (argv[n] = va_arg(ap, const char *)))
		n++;
	va_end(ap);
	code = bk_proc_run(argv, NULL, log_file, WAIT_MS, &out);
	snprintf(out_text, sizeof out_text, "%s", out ? out : "");
	free(out);
	return code;
}

static json_t *said(void)
{
	json_t *o = json_loads(out_text, JSON_DISABLE_EOF_CHECK, NULL);

	assert_non_null(o);
	return o;
}

static void said_word(const char *key, char *word, size_t max)
{
	json_t *o = said();
	const char *v = json_string_value(json_object_get(o, key));

	assert_non_null(v);
	assert_true(strlen(v) < max);
	strcpy(word, v);
	json_decref(o);
}

static void refused(int code, int want, const char *error)
{
	json_t *o;

	assert_int_equal(code, want);
	o = said();
	assert_string_equal(json_string_value(json_object_get(o, "error")), error);
	json_decref(o);
}

static void start(const char *folder)
{
	char conf[600];
	const char *argv[] = {BIN "bakend", "-c", conf, NULL};
	uint64_t deadline = bk_proc_now_ms() + WAIT_MS;
	int code = 0;

	snprintf(conf, sizeof conf, "%s/bakend.conf", folder);
	assert_int_equal(bk_proc_start(&server, argv, NULL, log_file), 0);
	while (ctl("metrics", "--dir", folder, NULL) != 0) {
		assert_int_equal(bk_proc_wait(&server, 0, &code), BK_E_TIMEOUT);
		assert_true(bk_proc_now_ms() < deadline);
	}
}

static void stop(void)
{
	int code = -1;

	bk_proc_signal(&server, SIGTERM);
	assert_int_equal(bk_proc_wait(&server, WAIT_MS, &code), 0);
	assert_int_equal(code, 0);
	bk_proc_free(&server);
}

static int begin(void **state)
{
	char text[8];

	(void)state;
	snprintf(pass, sizeof pass, "%s", in("pass"));
	snprintf(dir, sizeof dir, "%s", in("server"));
	snprintf(log_file, sizeof log_file, "%s", in("log"));
	assert_int_equal(bk_tmp_write(pass, "goed en lang genoeg\n", 20), 0);
	assert_int_equal(bk_tmp_write(in("short"), "kort\n", 5), 0);
	assert_int_equal(bk_tmp_write(in("other"), "een andere zin\n", 15), 0);
	port = bk_tmp_port();
	snprintf(text, sizeof text, "%u", port);
	assert_int_equal(ctl("root", "create", "--out", in("root"), NULL), 0);
	assert_int_equal(ctl("registrar", "create", "--root", in("root"), "--label", "security", "--roles",
		"person,relative,officer,vault", "--out", in("security"), NULL), 0);
	assert_int_equal(ctl("registrar", "create", "--root", in("root"), "--label", "care", "--roles", "care", "--out",
		in("care"), NULL), 0);
	assert_int_equal(ctl("server", "init", "--root", in("root"), "--host", "127.0.0.1", "--port", text,
		"--private-ca", NULL), 0);
	start(dir);
	return 0;
}

static int end(void **state)
{
	(void)state;
	bk_proc_free(&server);
	return 0;
}

/* ---- words ---- */

static void test_words(void **state)
{
	(void)state;
	assert_int_equal(ctl("no-such-command", NULL), EX_USAGE);
	assert_int_equal(ctl("root", NULL), EX_USAGE);
	assert_int_equal(ctl("root", "create", NULL), EX_USAGE);
	assert_int_equal(ctl("status", "--no-such-option", NULL), EX_USAGE);
	assert_int_equal(ctl("status", "--lang", "xx", NULL), EX_USAGE);
	assert_int_equal(ctl("revoke", "--registrar", in("security"), "--device", "zz", NULL), EX_USAGE);
	assert_int_equal(ctl("invite", "--registrar", in("security"), "--role", "king", NULL), EX_USAGE);
	assert_int_equal(ctl("invite", "--registrar", in("security"), "--role", "officer", NULL), EX_USAGE);
	assert_int_equal(ctl("invite", "--registrar", in("security"), "--role", "person", "--hours", "0", NULL), EX_USAGE);
	assert_int_equal(ctl("approve", "--registrar", in("security"), "--wait", "-1", NULL), EX_USAGE);
	assert_int_equal(ctl("status", "--help", NULL), 0);
}

/* ---- keys ---- */

static void test_keys(void **state)
{
	struct stat before, after;

	(void)state;
	assert_int_equal(stat(in("root"), &before), 0);
	refused(ctl("root", "create", "--out", in("root"), NULL), EX_DATAERR, "BK_E_EXISTS");
	assert_int_equal(stat(in("root"), &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	assert_int_equal(after.st_mode & 077, 0);
	refused(ctl("root", "create", "--out", in("root2"), "--passphrase-file", in("short"), NULL), EX_NOPERM,
		"BK_E_PASSPHRASE");
	assert_int_equal(access(in("root2"), F_OK), -1);
	refused(ctl("registrar", "create", "--root", in("root"), "--label", "x", "--roles", "person", "--out", in("x"),
			"--passphrase-file", in("other"), NULL),
		EX_NOPERM, "BK_E_PASSPHRASE");
	/* one hand may not hold security and care */
	refused(ctl("registrar", "create", "--root", in("root"), "--label", "x", "--roles", "person,care", "--out",
			in("x"), NULL),
		EX_NOPERM, "BK_E_ROLE");
	refused(ctl("server", "init", "--root", in("root"), "--host", "127.0.0.1", "--private-ca", NULL), EX_DATAERR,
		"BK_E_EXISTS");
	/* a registrar's file is not a root's */
	refused(ctl("registrar", "create", "--root", in("security"), "--label", "x", "--roles", "person", "--out", in("x"),
			NULL),
		EX_DATAERR, "BK_E_INVAL");
	assert_int_equal(access(in("x"), F_OK), -1);
}

static void test_other_root(void **state)
{
	(void)state;
	assert_int_equal(ctl("root", "create", "--out", in("root3"), NULL), 0);
	assert_int_equal(ctl("registrar", "create", "--root", in("root3"), "--label", "stranger", "--roles",
		"person,officer", "--out", in("stranger"), NULL), 0);
	refused(ctl("circle", "create", "--registrar", in("stranger"), "--kind", "desk", "--label", "d", NULL), EX_NOPERM,
		"BK_E_CHAIN");
	refused(ctl("invite", "--registrar", in("stranger"), "--role", "person", NULL), EX_NOPERM, "BK_E_CHAIN");
}

static void test_roles(void **state)
{
	char desk[40];

	(void)state;
	refused(ctl("circle", "create", "--registrar", in("care"), "--kind", "desk", "--label", "d", NULL), EX_NOPERM,
		"BK_E_ROLE");
	refused(ctl("invite", "--registrar", in("care"), "--role", "person", NULL), EX_NOPERM, "BK_E_ROLE");
	assert_int_equal(ctl("circle", "create", "--registrar", in("security"), "--kind", "desk", "--label", "d", NULL), 0);
	said_word("circle", desk, sizeof desk);
	refused(ctl("invite", "--registrar", in("security"), "--role", "person", "--circle", desk, NULL), EX_NOPERM,
		"BK_E_ROLE");
}

/* ---- enrolment ---- */

static void make_invite(char *code, size_t max, char id[static 40])
{
	assert_int_equal(ctl("invite", "--registrar", in("security"), "--role", "person", "--name", "Proef", NULL), 0);
	said_word("code", code, max);
	said_word("invite", id, 40);
}

static int enrol_with(struct bk_sock *sock, const char *code, bool forge)
{
	Baken__Frame f = BAKEN__FRAME__INIT;
	Baken__Enrol m = BAKEN__ENROL__INIT;
	uint8_t identity[BK_KEY_BYTES], secret[BK_KEY_BYTES], mac[32];
	struct bk_invite inv;
	struct bk_wire_line line;
	struct bk_ws_buf out = {NULL, 0, 0, 0};
	Baken__Frame *got = NULL;
	const uint8_t *data;
	size_t len;
	bk_id id;
	int err;

	assert_int_equal(bk_invite_parse(code, &inv), 0);
	assert_int_equal(bk_identity_generate(identity, secret), 0);
	bk_enrol_mac(inv.secret, identity, 7, false, mac);
	mac[0] ^= forge;
	id = bk_invite_id(inv.secret);
	m.invite_id = bk_bytes(id.b, sizeof id.b);
	m.identity_key = bk_bytes(identity, sizeof identity);
	m.registration_id = 7;
	m.mac = bk_bytes(mac, sizeof mac);
	f.kind_case = BAKEN__FRAME__KIND_ENROL;
	f.enrol = &m;
	bk_wire_init(&line, (bk_id){{0}}, secret, (bk_hash){{0}});
	bk_wire_ask(&line, &f, &out);
	err = bk_sock_send(sock, out.data + out.off, out.len - out.off);
	do {
		assert_int_equal(bk_sock_recv(sock, 0, &data, &len), 0);
		assert_int_equal(bk_wire_read(&line, data, len, &got), 0);
	} while (got->kind_case == BAKEN__FRAME__KIND_HELLO);
	err = err ? err : bk_wire_error(got);
	bk_ws_buf_done(&out);
	bk_wire_done(&line);
	return err;
}

/* A server that invents a device cannot make its MAC; the registrar sees it. */
static void test_forged_request(void **state)
{
	char code[BK_INVITE_TEXT_MAX], id[40], ca[600];
	struct bk_sock_options o = {.port = port, .tls = true, .ca = ca};
	struct bk_sock *sock = NULL;
	json_t *list, *e;
	size_t i;
	bool found = false;

	(void)state;
	snprintf(ca, sizeof ca, "%s/ca.pem", dir);
	make_invite(code, sizeof code, id);
	assert_int_equal(bk_sock_open(&o, &sock), 0);
	assert_int_equal(enrol_with(sock, code, true), 0);
	bk_sock_close(sock);
	assert_int_equal(ctl("approve", "--registrar", in("security"), "--invite", id, NULL), EX_NOPERM);
	assert_int_equal(ctl("invites", NULL), 0);
	list = said();
	json_array_foreach(json_object_get(list, "invites"), i, e)
		if (strcmp(json_string_value(json_object_get(e, "invite")), id) == 0) {
			found = true;
			assert_string_equal(json_string_value(json_object_get(e, "state")), "refused");
		}
	assert_true(found);
	json_decref(list);
	/* nobody was let in */
	assert_int_equal(ctl("devices", NULL), 0);
	assert_string_equal(strstr(out_text, "\"devices\":[]") ? "none" : out_text, "none");
	/* and the code is used up */
	assert_int_equal(bk_sock_open(&o, &sock), 0);
	assert_int_equal(enrol_with(sock, code, false), BK_E_INVITE);
	bk_sock_close(sock);
}

static void enrol_person(char device[static 40])
{
	char code[BK_INVITE_TEXT_MAX], id[40], ca[600];
	struct bk_sock_options o = {.port = port, .tls = true, .ca = ca};
	struct bk_sock *sock = NULL;
	json_t *done;

	snprintf(ca, sizeof ca, "%s/ca.pem", dir);
	make_invite(code, sizeof code, id);
	assert_int_equal(bk_sock_open(&o, &sock), 0);
	assert_int_equal(enrol_with(sock, code, false), 0);
	bk_sock_close(sock);
	assert_int_equal(ctl("approve", "--registrar", in("security"), NULL), 0);
	done = said();
	snprintf(device, 40, "%s", json_string_value(json_object_get(json_array_get(json_object_get(done, "decided"), 0),
					   "device")));
	json_decref(done);
}

static void test_approve_nothing(void **state)
{
	(void)state;
	refused(ctl("approve", "--registrar", in("security"), NULL), EX_DATAERR, "BK_E_NOT_FOUND");
}

static void test_refuse(void **state)
{
	char code[BK_INVITE_TEXT_MAX], id[40], ca[600];
	struct bk_sock_options o = {.port = port, .tls = true, .ca = ca};
	struct bk_sock *sock = NULL;

	(void)state;
	snprintf(ca, sizeof ca, "%s/ca.pem", dir);
	make_invite(code, sizeof code, id);
	assert_int_equal(bk_sock_open(&o, &sock), 0);
	assert_int_equal(enrol_with(sock, code, false), 0);
	bk_sock_close(sock);
	assert_int_equal(ctl("approve", "--registrar", in("security"), "--refuse", NULL), 0);
	assert_non_null(strstr(out_text, "\"approved\":false"));
}

/* ---- withdrawal, backup, restore ---- */

static void test_revoke(void **state)
{
	char device[40];

	(void)state;
	enrol_person(device);
	refused(ctl("revoke", "--registrar", in("security"), "--device", "00112233445566778899aabbccddeeff", NULL),
		EX_DATAERR, "BK_E_NOT_FOUND");
	refused(ctl("revoke", "--registrar", in("care"), "--device", device, NULL), EX_NOPERM, "BK_E_ROLE");
	assert_int_equal(ctl("revoke", "--registrar", in("security"), "--device", device, NULL), 0);
	refused(ctl("revoke", "--registrar", in("security"), "--device", device, NULL), EX_NOPERM, "BK_E_REVOKED");
}

static void check_status_word(const char *folder, const char *device, const char *status)
{
	json_t *o, *d;
	size_t i;
	bool found = false;

	assert_int_equal(ctl("devices", "--dir", folder, NULL), 0);
	o = said();
	json_array_foreach(json_object_get(o, "devices"), i, d)
		if (strcmp(json_string_value(json_object_get(d, "device")), device) == 0) {
			found = true;
			assert_string_equal(json_string_value(json_object_get(d, "status")), status);
		}
	assert_true(found);
	json_decref(o);
}

static void test_backup_refusals(void **state)
{
	(void)state;
	assert_int_equal(mkdir(in("taken"), 0700), 0);
	refused(ctl("backup", "--to", in("taken"), NULL), EX_DATAERR, "BK_E_EXISTS");
	assert_int_equal(ctl("backup", "--to", in("good"), NULL), 0);
	refused(ctl("restore", "--from", in("good"), "--to", in("r1"), "--seal-key", in("pass"), NULL), EX_DATAERR,
		"BK_E_INVAL");
	assert_int_equal(bk_tmp_write(in("wrong.key"),
		"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n", 65), 0);
	refused(ctl("restore", "--from", in("good"), "--to", in("r1"), "--seal-key", in("wrong.key"), NULL), EX_NOPERM,
		"BK_E_PASSPHRASE");
	assert_int_equal(access(in("r1"), F_OK), -1);
	refused(ctl("restore", "--from", in("nowhere"), "--to", in("r1"), "--seal-key", in("server/seal.key"), NULL),
		EX_DATAERR, "BK_E_NOT_FOUND");
}

static void test_damaged_backup(void **state)
{
	FILE *f;

	(void)state;
	assert_int_equal(ctl("backup", "--to", in("bad"), NULL), 0);
	f = fopen(in("bad/store/store.mdb"), "r+b");
	assert_non_null(f);
	assert_int_equal(fseek(f, 20000, SEEK_SET), 0);
	assert_int_equal(fputc(0x55, f), 0x55);
	fclose(f);
	refused(ctl("restore", "--from", in("bad"), "--to", in("r2"), "--seal-key", in("server/seal.key"), NULL),
		EX_DATAERR, "BK_E_HASH");
	assert_int_equal(access(in("r2"), F_OK), -1);
}

/* A backup from before a withdrawal: what the registrar's book knows is put back (publish). */
static void test_old_backup(void **state)
{
	char device[40];

	(void)state;
	enrol_person(device);
	assert_int_equal(ctl("backup", "--to", in("old"), NULL), 0);
	assert_int_equal(ctl("revoke", "--registrar", in("security"), "--device", device, NULL), 0);
	stop();
	assert_int_equal(ctl("restore", "--from", in("old"), "--to", in("again"), "--seal-key", in("server/seal.key"),
		"--receipt-key", in("server/receipt.key"), "--tls-key", in("server/tls.key"), NULL), 0);
	assert_non_null(strstr(out_text, "\"due\":0"));
	/* at rest it can be looked at, and its audit log verified, without a server */
	assert_int_equal(ctl("status", "--dir", in("again"), NULL), 0);
	assert_non_null(strstr(out_text, "\"running\":false"));
	assert_non_null(strstr(out_text, "\"frozen\":true"));
	assert_int_equal(ctl("audit", "verify", "--dir", in("again"), NULL), 0);
	start(in("again"));
	check_status_word(in("again"), device, "active");
	/* R3: nothing ages until somebody says so, across a start */
	assert_int_equal(ctl("status", "--dir", in("again"), NULL), 0);
	assert_non_null(strstr(out_text, "\"frozen\":true"));
	assert_int_equal(ctl("expire", "--dir", in("again"), NULL), 0);
	assert_int_equal(ctl("status", "--dir", in("again"), NULL), 0);
	assert_non_null(strstr(out_text, "\"frozen\":false"));
	refused(ctl("revoke", "--registrar", in("security"), "--device", device, "--dir", in("again"), NULL), EX_NOPERM,
		"BK_E_OLD");
	assert_int_equal(ctl("roster", "publish", "--registrar", in("security"), "--dir", in("again"), NULL), 0);
	check_status_word(in("again"), device, "revoked");
	assert_int_equal(ctl("audit", "verify", "--dir", in("again"), NULL), 0);
	stop();
	start(dir);
}

/* M7: files that no message names are gone after a day, however many there are; what is not ours stays. */
static void test_orphans(void **state)
{
	enum { ORPHANS = 700 };
	const struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
	char path[600];
	size_t left = 0;

	(void)state;
	for (unsigned i = 0; i <= ORPHANS + 1; i++) {
		FILE *f;

		snprintf(path, sizeof path, i < ORPHANS ? "%s/files/%064x" : "%s/files/note-%x", dir, i);
		f = fopen(path, "wx");
		assert_non_null(f);
		fclose(f);
		if (i < ORPHANS && i) /* the first is of today */
			assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);
	}
	assert_int_equal(ctl("expire", NULL), 0);
	for (unsigned i = 0; i <= ORPHANS + 1; i++) {
		snprintf(path, sizeof path, i < ORPHANS ? "%s/files/%064x" : "%s/files/note-%x", dir, i);
		left += access(path, F_OK) == 0;
		unlink(path);
	}
	assert_int_equal(left, 3);
}

static void test_operator_words(void **state)
{
	(void)state;
	assert_int_equal(ctl("status", NULL), 0);
	assert_non_null(strstr(out_text, "\"running\":true"));
	assert_int_equal(ctl("roster", "list", NULL), 0);
	assert_int_equal(ctl("roster", "renew", "--registrar", in("security"), NULL), 0);
	assert_int_equal(ctl("audit", "list", "--max", "3", NULL), 0);
	assert_non_null(strstr(out_text, "version=1 by=")); /* the desk's first list, and whose */
	assert_int_equal(ctl("expire", NULL), 0);
	assert_int_equal(ctl("cut", "--device", "00112233445566778899aabbccddeeff", NULL), 0);
	assert_non_null(strstr(out_text, "\"cut\":false"));
	assert_int_equal(ctl("devices", "--dir", in("nowhere"), NULL), EX_UNAVAILABLE);
	assert_int_equal(ctl("status", "--dir", in("nowhere"), NULL), EX_UNAVAILABLE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),           cmocka_unit_test(test_keys),
		cmocka_unit_test(test_other_root),      cmocka_unit_test(test_roles),
		cmocka_unit_test(test_approve_nothing), cmocka_unit_test(test_forged_request),
		cmocka_unit_test(test_refuse),          cmocka_unit_test(test_revoke),
		cmocka_unit_test(test_backup_refusals), cmocka_unit_test(test_damaged_backup),
		cmocka_unit_test(test_old_backup),      cmocka_unit_test(test_orphans),
		cmocka_unit_test(test_operator_words),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
