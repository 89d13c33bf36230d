/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The man pages against the programs, both ways: every word, every option, every default. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"
#include "tmp.h"

static char *load(const char *path)
{
	char full[700];
	uint8_t *data = NULL;
	size_t len = 0;
	char *text;

	snprintf(full, sizeof full, "%s/%s", BAKEN_SOURCE_DIR, path);
	assert_int_equal(bk_tmp_read(full, &data, &len), 0);
	text = malloc(len + 1);
	memcpy(text, data, len);
	text[len] = '\0';
	free(data);
	return text;
}

static size_t count(const char *text, const char *what)
{
	size_t n = 0;

	for (const char *p = strstr(text, what); p; p = strstr(p + 1, what))
		n++;
	return n;
}

/* From `\t{"words", HANDLER..., "options",`: the next row of a program's table; false: no more. */
struct row {
	const char *at;
	char words[60], options[600];
};

static bool next_row(const char *source, const char *handler, struct row *r)
{
	const char *p = r->at ? r->at : source;

	while ((p = strstr(p, "\t{\""))) {
		const char *end = strchr(p + 3, '"'), *after = strchr(end, ',') + 2, *from, *to;

		r->at = p + 3;
		if (strncmp(after, handler, strlen(handler)) != 0) {
			p += 3;
			continue;
		}
		snprintf(r->words, sizeof r->words, "%.*s", (int)(end - p - 3), p + 3);
		r->options[0] = '\0';
		/* Strings that stand beside each other are one. */
		for (from = strchr(after, '"'); from && *from == '"'; from = to + 1 + strspn(to + 1, "\n\t ")) {
			size_t n = strlen(r->options);

			to = strchr(from + 1, '"');
			snprintf(r->options + n, sizeof r->options - n, "%.*s", (int)(to - from - 1), from + 1);
		}
		return true;
	}
	return false;
}

/* Every "--word" of the table's row stands in the page's entry as "Fl -word". */
static void options_in(const char *entry, size_t len, const struct row *r)
{
	char *text = strndup(entry, len);

	for (const char *p = strstr(r->options, "--"); p; p = strstr(p + 2, "--")) {
		size_t n = strspn(p + 2, "abcdefghijklmnopqrstuvwxyz-");
		char wanted[80];

		snprintf(wanted, sizeof wanted, "Fl -%.*s", (int)n, p + 2);
		if (!strstr(text, wanted))
			fail_msg("%s: --%.*s is not in the man page", r->words, (int)n, p + 2);
	}
	free(text);
}

static void test_bakenctl(void **state)
{
	char *page = load("docs/man/bakenctl.8"), *source = load("server/bakenctl.c");
	struct row r = {.at = NULL};
	size_t n = 0;

	(void)state;
	for (; next_row(source, "bk_ctl_", &r); n++) {
		char wanted[100];
		const char *entry, *end;

		snprintf(wanted, sizeof wanted, ".It Xo\n.Cm %s\n", r.words);
		entry = strstr(page, wanted);
		if (!entry)
			fail_msg("bakenctl %s is not in the man page", r.words);
		end = strstr(entry, ".Xc");
		options_in(entry, (size_t)(end - entry), &r);
		assert_int_equal(count(page, wanted), 1);
	}
	assert_true(n > 15);
	assert_int_equal(count(page, ".It Xo\n.Cm "), n);
	free(page);
	free(source);
}

static bool page_has(const char *page, const char *word)
{
	char a[80], b[80], c[80];

	snprintf(a, sizeof a, "\n.It Cm %s\n", word);
	snprintf(b, sizeof b, "\n.It Cm %s ", word);
	snprintf(c, sizeof c, "\n.It Xo\n.Cm %s\n", word);
	return strstr(page, a) || strstr(page, b) || strstr(page, c);
}

static void test_baken(void **state)
{
	char *page = load("docs/man/baken.1"), *source = load("client/native/baken.c");
	struct row r = {.at = NULL};
	size_t n = 0;

	(void)state;
	for (; next_row(source, "bk_cmd_", &r); n++) {
		if (!page_has(page, r.words))
			fail_msg("baken %s is not in the man page", r.words);
		options_in(page, strlen(page), &r);
	}
	assert_true(n > 15);
	for (const char *p = strstr(page, "\n.It Cm "); p; p = strstr(p + 1, "\n.It Cm ")) {
		char word[40], row[60];

		snprintf(word, sizeof word, "%.*s", (int)strcspn(p + 8, " \n"), p + 8);
		snprintf(row, sizeof row, "\t{\"%s\", bk_cmd_", word);
		if (!strstr(source, row))
			fail_msg("the man page knows baken %s, the program does not", word);
	}
	free(page);
	free(source);
}

static void test_bakend_conf(void **state)
{
	char *page = load("docs/man/bakend.conf.5"), *list = NULL, line[300];
	size_t len = 0, n = 0;
	FILE *f = open_memstream(&list, &len);

	(void)state;
	bk_options_list(f);
	fclose(f);
	for (char *p = strstr(list, "  --"); p; p = strstr(p + 1, "\n  --") ? strstr(p + 1, "\n  --") + 1 : NULL, n++) {
		char name[60], value[100];
		const char *entry, *end = NULL;

		assert_int_equal(sscanf(p, "  --%59[a-z0-9-]=%99s", name, value), 2);
		snprintf(line, sizeof line, ".It Cm %s No = ", name);
		entry = strstr(page, line);
		if (!entry)
			fail_msg("%s is not in bakend.conf.5", name);
		else if (!(end = strstr(entry + strlen(".It "), ".It ")))
			end = strstr(entry, ".El");
		snprintf(line, sizeof line, "%.*s", (int)(end - entry), entry);
		if (strcmp(value, "...") != 0 && !strstr(line, value))
			fail_msg("%s: default %s is not in bakend.conf.5", name, value);
	}
	assert_int_equal(count(page, ".It Cm "), n);
	free(list);
	free(page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_baken),
		cmocka_unit_test(test_bakenctl),
		cmocka_unit_test(test_bakend_conf),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
