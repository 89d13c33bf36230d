/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * docs/client-api.md against the code, both ways: every command with its fields and roles against the table in
 * client/core/api_table.c, every event against the events that the sources can emit, and every member of every event
 * that leaves a core in a story against what the document says of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ctype.h>
#include <dirent.h>
#include <stdlib.h>

#include "tmp.h"
#include "twin.h"

#define NAMES_MAX 200u
#define NAME_MAX_ 32u

struct set {
	char v[NAMES_MAX][NAME_MAX_];
	bool optional[NAMES_MAX];
	size_t n;
};

static char *doc, *table;

static char *read_source(const char *path)
{
	char full[600];
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

static int setup(void **state)
{
	(void)state;
	doc = read_source("docs/client-api.md");
	table = read_source("client/core/api_table.c");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(doc);
	free(table);
	return 0;
}

static size_t find(const struct set *s, const char *name)
{
	size_t i = 0;

	while (i < s->n && strcmp(s->v[i], name) != 0)
		i++;
	return i;
}

static void add(struct set *s, const char *from, size_t len, bool optional)
{
	char name[NAME_MAX_];

	assert_true(len < sizeof name);
	memcpy(name, from, len);
	name[len] = '\0';
	if (find(s, name) < s->n)
		return;
	assert_true(s->n < NAMES_MAX);
	strcpy(s->v[s->n], name);
	s->optional[s->n++] = optional;
}

static void assert_same(const char *what, const struct set *a, const struct set *b)
{
	for (size_t i = 0; i < a->n; i++) {
		size_t k = find(b, a->v[i]);

		if (k == b->n)
			fail_msg("%s: %s only on one side", what, a->v[i]);
		if (a->optional[i] != b->optional[k])
			fail_msg("%s: %s optional only on one side", what, a->v[i]);
	}
	assert_int_equal(a->n, b->n);
}

/* ---- the document ---- */

/* `name`, `name`? ... of a cell; words in parentheses or braces are explanations. */
static void names_of(const char *cell, size_t len, struct set *out)
{
	int depth = 0;

	for (size_t i = 0; i < len; i++) {
		size_t end = i + 1;

		depth += cell[i] == '{' || cell[i] == '(';
		depth -= cell[i] == '}' || cell[i] == ')';
		if (cell[i] != '`')
			continue;
		while (end < len && cell[end] != '`')
			end++;
		if (!depth)
			add(out, cell + i + 1, end - i - 1, end + 1 < len && cell[end + 1] == '?');
		i = end;
	}
}

/* The n-th cell of a table's row, from 0. */
static const char *cell_of(const char *row, unsigned n, size_t *ret_len)
{
	const char *p = row + 1;

	while (n--)
		p = strchr(p, '|') + 1;
	*ret_len = (size_t)(strchr(p, '|') - p);
	return p;
}

/* The rows of the first table after a heading; NULL: no more. */
static const char *next_row(const char *heading, const char *row)
{
	const char *p = row ? strchr(row, '\n') + 1 : strstr(doc, heading);

	assert_non_null(p);
	if (!row) {
		p = strstr(p, "\n|---");
		assert_non_null(p);
		p = strchr(p + 1, '\n') + 1;
	}
	return *p == '|' ? p : NULL;
}

static void first_name(const char *row, char out[static NAME_MAX_])
{
	struct set s = {.n = 0};
	size_t len;
	const char *cell = cell_of(row, 0, &len);

	names_of(cell, len, &s);
	assert_int_equal(s.n, 1);
	strcpy(out, s.v[0]);
}

static const char *row_of(const char *heading, const char *name)
{
	char first[NAME_MAX_];

	for (const char *row = next_row(heading, NULL); row; row = next_row(heading, row)) {
		first_name(row, first);
		if (strcmp(first, name) == 0)
			return row;
	}
	return NULL;
}

/* ---- the table ---- */

static const char *const who[][2] = {
	{"PEOPLE | OFFICERS | ROLE(VAULT)", "person, relative, child, officer, lead, vault"},
	{"NEW", "new"},
	{"ALL", "all"},
	{"GROWN", "all but child"},
	{"PEOPLE | OFFICERS", "person, relative, child, officer, lead"},
	{"PEOPLE", "person, relative, child"},
	{"OFFICERS", "officer, lead"},
	{"WRITERS", "person, relative, child, officer, lead, care"},
	{"OFFICERS | ROLE(CARE)", "officer, lead, care"},
	{"OFFICERS | ROLE(VAULT)", "officer, lead, vault"},
};

static const char *next_entry(const char *at)
{
	const char *end = strstr(strstr(table, "bk_api_table[] = {"), "\n};");
	const char *p = strstr(at ? at + 3 : strstr(table, "bk_api_table[] = {"), "\n\t{ \"");

	return p && p < end ? p : NULL;
}

/* { "name", ROLES, run, { { "field", F_X, needed, max }, ... } }, */
static void read_entry(const char *at, char name[static NAME_MAX_], char roles[static 64], struct set *fields)
{
	const char *p = at + 5, *end = strstr(p, "} },");
	size_t n = strcspn(p, "\"");

	assert_true(n < NAME_MAX_);
	memcpy(name, p, n);
	name[n] = '\0';
	p += n + 3;
	n = strcspn(p, ",");
	assert_true(n < 64);
	memcpy(roles, p, n);
	roles[n] = '\0';
	fields->n = 0;
	for (p = strstr(p, "{ \""); p && p < end; p = strstr(p, "{ \"")) {
		const char *from = p + 3, *needed;

		n = strcspn(from, "\"");
		needed = strchr(strchr(from, ',') + 1, ',') + 2;
		add(fields, from, n, strncmp(needed, "false", 5) == 0);
		p = from;
	}
}

static void test_commands(void **state)
{
	size_t count = 0, rows = 0;

	(void)state;
	for (const char *at = next_entry(NULL); at; at = next_entry(at)) {
		char name[NAME_MAX_], roles[64];
		struct set fields, said = {.n = 0};
		const char *row, *cell;
		size_t len, i = 0;

		read_entry(at, name, roles, &fields);
		row = row_of("## Commands", name);
		if (!row)
			fail_msg("command %s is not in the document", name);
		cell = cell_of(row, 1, &len);
		names_of(cell, len, &said);
		assert_same(name, &fields, &said);
		cell = cell_of(row, 3, &len);
		while (i < sizeof who / sizeof *who && strcmp(who[i][0], roles) != 0)
			i++;
		assert_true(i < sizeof who / sizeof *who);
		if (len != strlen(who[i][1]) + 2 || strncmp(cell + 1, who[i][1], len - 2) != 0)
			fail_msg("command %s is for \"%s\"", name, who[i][1]);
		count++;
	}
	for (const char *row = next_row("## Commands", NULL); row; row = next_row("## Commands", row))
		rows++;
	assert_int_equal(rows, count);
	assert_true(count > 20);
}

/* ---- events in the sources ---- */

static void events_in(const char *text, struct set *out)
{
	for (const char *p = strstr(text, "bk_event("); p; p = strstr(p + 9, "bk_event(")) {
		const char *end = strchr(p, ')');

		for (const char *q = strchr(p, '"'); q && q < end; q = strchr(q + 1, '"')) {
			size_t n = strcspn(q + 1, "\"");

			add(out, q + 1, n, false);
			q += n + 1;
		}
	}
	/* Those that are made of a row that is there. */
	for (const char *p = strstr(text, "\"event\", \""); p; p = strstr(p + 10, "\"event\", \""))
		add(out, p + 10, strcspn(p + 10, "\""), false);
	if (strstr(text, "\"event\", \"message\""))
		add(out, "message", 7, false);
}

static void test_event_names(void **state)
{
	struct set emitted = {.n = 0}, said = {.n = 0};
	struct dirent *e;
	char path[600];
	DIR *dir;

	(void)state;
	snprintf(path, sizeof path, "%s/client/core", BAKEN_SOURCE_DIR);
	dir = opendir(path);
	assert_non_null(dir);
	while ((e = readdir(dir))) {
		size_t n = strlen(e->d_name);
		char *text;

		if (n < 3 || strcmp(e->d_name + n - 2, ".c") != 0)
			continue;
		snprintf(path, sizeof path, "client/core/%s", e->d_name);
		text = read_source(path);
		events_in(text, &emitted);
		free(text);
	}
	closedir(dir);
	for (const char *row = next_row("## Events", NULL); row; row = next_row("## Events", row)) {
		char name[NAME_MAX_];

		first_name(row, name);
		add(&said, name, strlen(name), false);
	}
	assert_same("events", &emitted, &said);
}

/* ---- events in a story ---- */

static struct set seen;

/* Members of an item: all first cells of the table under "Items". */
static void item_members(struct set *out)
{
	for (const char *row = next_row("## Items", NULL); row; row = next_row("## Items", row)) {
		size_t len;
		const char *cell = cell_of(row, 0, &len);

		names_of(cell, len, out);
	}
}

static void check_event(const json_t *event)
{
	const char *name = json_string_value(json_object_get(event, "event")), *row, *cell, *key;
	struct set said = {.n = 0};
	json_t *value;
	size_t len;

	if (strcmp(name, "ok") == 0)
		return;
	row = row_of("## Events", name);
	if (!row)
		fail_msg("event %s is not in the document", name);
	add(&seen, name, strlen(name), false);
	cell = cell_of(row, 1, &len);
	names_of(cell, len, &said);
	if (strcmp(name, "message") == 0)
		item_members(&said);
	json_object_foreach((json_t *)(uintptr_t)event, key, value) {
		if (strcmp(key, "event") != 0 && find(&said, key) == said.n)
			fail_msg("event %s has \"%s\"", name, key);
	}
	for (size_t i = 0; i < said.n && strcmp(name, "message") != 0; i++)
		if (!said.optional[i] && !json_object_get(event, said.v[i]))
			fail_msg("event %s has no \"%s\"", name, said.v[i]);
}

static void check_all(struct bk_twin *t)
{
	for (size_t i = 0; i < t->n_devices; i++) {
		json_t *event;
		size_t k;

		json_array_foreach(t->devices[i].events, k, event)
			check_event(event);
		bk_twin_forget(&t->devices[i]);
	}
}

static void play_report(struct bk_twin *t, const struct bk_twin_cast *c)
{
	char id[BK_ID_TEXT], file[BK_ID_TEXT];
	bk_id m;

	bk_id_text(bk_twin_attach(c->person, "foto.jpg", 90000, 5), file);
	m = bk_twin_do(c->person, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:[s]}", "cmd", "report", "what", "Iets.", "where",
		"hier", "when_text", "net", "urgency", "now", "certainty", "sure", "attachments", file));
	bk_twin_pass(t, 1000);
	bk_id_text(m, id);
	bk_twin_do(c->officer, json_pack("{s:s, s:s, s:i}", "cmd", "fetch", "message", id, "index", 0));
	bk_twin_pass(t, 1000);
	bk_twin_do(c->officer, json_pack("{s:s, s:s}", "cmd", "claim", "case", id));
	bk_twin_do(c->officer, json_pack("{s:s, s:s, s:s, s:b}", "cmd", "reply", "to", id, "text", "Dank.", "answers", 1));
	bk_twin_do(c->officer, json_pack("{s:s, s:s, s:s}", "cmd", "note", "case", id, "text", "intern"));
	bk_twin_do(c->officer, json_pack("{s:s, s:s, s:s}", "cmd", "close", "case", id, "feedback", "Klaar."));
}

static void play_guidance(const struct bk_twin_cast *c)
{
	json_t *e;

	bk_twin_do(c->officer, json_pack("{s:s, s:s, s:s, s:s}", "cmd", "guidance", "to", "all", "title", "t", "text", "x"));
	e = bk_twin_take(c->person, "message", "kind", "guidance");
	assert_non_null(e);
	check_event(e);
	bk_twin_do(c->person, json_pack("{s:s, s:s}", "cmd", "acknowledge", "message",
		json_string_value(json_object_get(e, "message"))));
	json_decref(e);
	bk_twin_do(c->officer, json_pack("{s:s, s:s, s:[]}", "cmd", "group-set", "name", "Groep", "circles"));
	e = bk_twin_take(c->second, "message", "kind", "guidance");
	check_event(e);
	bk_twin_do(c->second, json_pack("{s:s, s:s, s:s}", "cmd", "guidance-recall", "message",
		json_string_value(json_object_get(e, "message")), "reason", "voorbij"));
	json_decref(e);
}

static void test_story(void **state)
{
	static const char *const expected[] = {"link", "enrol", "outgoing", "message", "case", "guidance-ack", "guidance-progress",
		"guidance-recalled", "group", "transfer",
		"file-ready", "undecryptable", "roster", "duty", "revoked", "fatal", "error"};
	static struct bk_twin t;
	struct bk_twin_device *tablet;
	char code[BK_INVITE_TEXT_MAX];
	struct bk_twin_cast c;

	(void)state;
	bk_twin_cast(&t, "api", &c);
	play_report(&t, &c);
	play_guidance(&c);
	tablet = bk_twin_invite(&t, "Tablet", BAKEN__ROLE__ROLE_PERSON, BK_TWIN_PERSON, code);
	bk_twin_do(tablet, json_pack("{s:s, s:s}", "cmd", "enrol", "code", code));
	assert_int_equal(bk_twin_approve(tablet, true), 0);
	bk_twin_pass(&t, 1000);
	bk_twin_revoke(tablet);
	bk_twin_do(c.second, json_pack("{s:s, s:b}", "cmd", "duty", "on", 0));
	bk_twin_do(c.second, json_pack("{s:s, s:b}", "cmd", "duty", "on", 1));
	bk_twin_erase(c.second, "signal/session/");
	bk_twin_pass(&t, 60000);
	bk_twin_do(c.person, json_pack("{s:s, s:s}", "cmd", "report", "what", "Nog iets."));
	bk_twin_cut(c.person, true);
	bk_twin_pass(&t, 60000);
	bk_twin_call(c.person, json_pack("{s:s}", "cmd", "board"), NULL);
	bk_core_command(c.vault->core, "{\"cmd\":\"board\"}", 15, bk_twin_now());
	bk_twin_turn(c.vault, 0);
	bk_kv_mem_fail(c.relative->kv, 0, BK_E_IO);
	bk_twin_call(c.relative, json_pack("{s:s, s:s}", "cmd", "report", "what", "x"), NULL);
	check_all(&t);
	for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
		if (find(&seen, expected[i]) == seen.n)
			fail_msg("the story did not show %s", expected[i]);
	bk_twin_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_commands),
		cmocka_unit_test(test_event_names),
		cmocka_unit_test(test_story),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
