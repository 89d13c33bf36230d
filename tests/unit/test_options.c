/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Options of bakend: who wins, what is refused, and that every row's bounds hold at their edges. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "err.h"
#include "options.h"
#include "tmp.h"

#define W(text) ((char *)(uintptr_t)(text)) /* main's words are not const */
#define KEYS \
	"tls-cert = a\ntls-key = b\nserver-cert = c\nroot-key = d\nreceipt-key = e\nseal-key = f\n"

static int read_words(struct bk_options *o, const char *file, int n, const char *const *words)
{
	char *argv[16] = {W("bakend"), W("-c")};
	int argc = 3;

	argv[2] = W(bk_tmp_path("bakend.conf"));
	assert_int_equal(bk_tmp_write(argv[2], file, strlen(file)), 0);
	for (int i = 0; i < n; i++)
		argv[argc++] = W(words[i]);
	return bk_options_read(argc, argv, o);
}

static int read_file(struct bk_options *o, const char *file)
{
	return read_words(o, file, 0, NULL);
}

static void the_last_one_wins(void **state)
{
	static const char *const words[] = {"--queue-max=400"};
	struct bk_options o;

	(void)state;
	assert_int_equal(read_file(&o, KEYS), 0);
	assert_int_equal(o.queue_max, 20000);
	assert_string_equal(o.listen, "0.0.0.0:8443");
	assert_false(o.check);
	assert_int_equal(read_file(&o, KEYS "# queue-max = 1\n\n  queue-max =  200  \n"), 0);
	assert_int_equal(o.queue_max, 200);
	setenv("BAKEND_QUEUE_MAX", "300", 1);
	assert_int_equal(read_file(&o, KEYS "queue-max=200\n"), 0);
	assert_int_equal(o.queue_max, 300);
	assert_int_equal(read_words(&o, KEYS "queue-max=200\n", 1, words), 0);
	assert_int_equal(o.queue_max, 400);
	setenv("BAKEND_QUEUE_MAX", "x", 1);
	assert_int_equal(read_file(&o, KEYS), BK_E_USAGE);
	unsetenv("BAKEND_QUEUE_MAX");
}

static void what_is_wrong_stops_the_start(void **state)
{
	static const char *const files[] = {
		"", /* no keys */
		KEYS "colour = red\n",
		KEYS "queue-max\n",
		KEYS "queue-max =\n",
		KEYS "queue-max = -1\n",
		KEYS "queue-max = 12x\n",
		KEYS "queue-max = 0x10\n",
		KEYS "queue-max = 99\n",
		KEYS "queue-max = 10000001\n",
		KEYS "queue-max = 99999999999999999999999\n",
		KEYS "map-gib = 0\n",
		KEYS "listen = nowhere\n",
		KEYS "listen = 1.2.3.4:70000\n",
		KEYS "plain = 0.0.0.0:80\n",
		KEYS "plain = 192.168.1.1:80\n",
		KEYS "metrics = 10.0.0.1:9000\n",
		KEYS "push-hosts = push.example\n",
		KEYS "push-hosts = push.example\npush-key = k\n",
		KEYS "push-hosts = push.example\npush-key = k\npush-contact = me\n",
		KEYS "push-hosts = push.example\npush-key = k\npush-contact = mailto:a\"b\n",
		KEYS "push-hosts = https://push.example\npush-key = k\npush-contact = mailto:a@b\n",
		KEYS "push-near = 2\n",
		KEYS "metrics = 127.0.0.1.example.org:9000\n",
		"tls-cert = a\ntls-key = b\nserver-cert = c\nroot-key = d\nreceipt-key = e\n",
	};
	struct bk_options o;

	(void)state;
	memset(&o, 7, sizeof o);
	for (size_t i = 0; i < sizeof files / sizeof *files; i++)
		if (read_file(&o, files[i]) != BK_E_USAGE)
			fail_msg("%zu: %s", i, files[i]);
	assert_int_equal(((unsigned char *)&o)[0], 7); /* nothing was written */
}

static void words_on_the_line(void **state)
{
	static const char *const bad[] = {"-x", "word", "--queue-max", "--colour=red", "--=5", "--queue-max=ten"};
	static const char *const check[] = {"-n"};
	char *help[] = {W("bakend"), W("--help")}, *version[] = {W("bakend"), W("--version")}, *none[] = {W("bakend"), W("-c")};
	struct bk_options o;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(read_words(&o, KEYS, 1, &bad[i]), BK_E_USAGE);
	assert_int_equal(read_words(&o, KEYS, 1, check), 0);
	assert_true(o.check);
	assert_int_equal(bk_options_read(2, help, &o), 1);
	assert_int_equal(bk_options_read(2, version, &o), 1);
	assert_int_equal(bk_options_read(2, none, &o), BK_E_USAGE);
	none[1] = W("-c/nonexistent");
	assert_int_equal(bk_options_read(2, none, &o), BK_E_USAGE);
}

static void lengths(void **state)
{
	char *file = malloc(8192);
	struct bk_options o;

	(void)state;
	for (size_t n = BK_OPTION_TEXT - 2; n <= BK_OPTION_TEXT + 1; n++) {
		strcpy(file, KEYS "dir = ");
		memset(file + strlen(file), 'd', n + 1);
		file[strlen(KEYS "dir = ") + n] = '\0';
		assert_int_equal(read_file(&o, file), n < BK_OPTION_TEXT ? 0 : BK_E_USAGE);
	}
	strcpy(file, KEYS "# ");
	memset(file + strlen(KEYS "# "), 'x', 4000);
	file[strlen(KEYS "# ") + 4000] = '\0';
	assert_int_equal(read_file(&o, file), BK_E_USAGE); /* a line that does not fit is not half a line */
	free(file);
}

static void endpoints(void **state)
{
	static const struct {
		const char *text, *host;
		int port;
	} rows[] = {
		{"127.0.0.1:80", "127.0.0.1", 80}, {"[::1]:8443", "::1", 8443}, {"host.example:0", "host.example", 0},
		{"a:65535", "a", 65535}, {"a:65536", NULL, 0}, {"a:", NULL, 0}, {":80", NULL, 0}, {"", NULL, 0}, {"80", NULL, 0},
		{"::1:80", NULL, 0}, {"[::1:80", NULL, 0}, {"[]:80", NULL, 0}, {"a:8x", NULL, 0}, {"a:-1", NULL, 0},
		{"a:+5", NULL, 0}, {"a: 5", NULL, 0}, {"a:99999999999999999999", NULL, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char host[256] = "?";
		uint16_t port = 1;
		int err = bk_options_endpoint(rows[i].text, host, &port);

		if (err != (rows[i].host ? 0 : BK_E_INVAL))
			fail_msg("%s: %d", rows[i].text, err);
		assert_string_equal(host, rows[i].host ? rows[i].host : "?");
		assert_int_equal(port, rows[i].host ? rows[i].port : 1);
	}
}

/* The list names each option with its text, as the manual shows it. */
static void the_list_is_complete(void **state)
{
	char *text = NULL;
	size_t len = 0, rows = 0;
	FILE *f = open_memstream(&text, &len);

	(void)state;
	bk_options_list(f);
	fclose(f);
	for (const char *at = text; (at = strstr(at, "  --")); at++)
		rows++;
	assert_int_equal(rows, 35);
	assert_non_null(strstr(text, "--queue-max=20000\n\tmessages waiting for one device"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_one_wins),
		cmocka_unit_test(what_is_wrong_stops_the_start),
		cmocka_unit_test(words_on_the_line),
		cmocka_unit_test(lengths),
		cmocka_unit_test(endpoints),
		cmocka_unit_test(the_list_is_complete),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
