/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>

#include "cli.h"

struct word {
	const char *code;
	enum bk_text text;
};

static const struct word rungs[] = {
	{"device", BK_TEXT_ON_DEVICE},
	{"stored", BK_TEXT_STORED},
	{"decrypted", BK_TEXT_READ},
	{"claimed", BK_TEXT_CLAIMED},
	{"answered", BK_TEXT_ANSWERED},
};

static const struct word urgencies[] = {
	{"now", BK_TEXT_URGENCY_NOW},
	{"today", BK_TEXT_URGENCY_TODAY},
	{"can-wait", BK_TEXT_URGENCY_CAN_WAIT},
};

static const struct word certainties[] = {
	{"gut-feeling", BK_TEXT_CERTAINTY_GUT},
	{"unsure", BK_TEXT_CERTAINTY_UNSURE},
	{"sure", BK_TEXT_CERTAINTY_SURE},
};

static const struct word states[] = {
	{"open", BK_TEXT_STATE_OPEN},
	{"claimed", BK_TEXT_STATE_CLAIMED},
	{"closed", BK_TEXT_STATE_CLOSED},
};

static const struct word kinds[] = {
	{"report", BK_TEXT_REPORT},
	{"guidance", BK_TEXT_GUIDANCE},
	{"text", BK_TEXT_MESSAGE},
};

static const char *word_of(const struct bk_cli *cli, const struct word *words, size_t n, const char *code,
	const char *otherwise)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(words[i].code, code) == 0)
			return bk_text(words[i].text, cli->lang);
	return otherwise;
}

#define WORD(cli, table, code, otherwise) word_of(cli, table, sizeof table / sizeof *table, code, otherwise)

const char *bk_print_rung(const struct bk_cli *cli, const char *kind, const char *rung)
{
	if (strcmp(kind, "report") == 0 && strcmp(rung, "decrypted") == 0)
		return T(cli, DECRYPTED); /* a report is for the desk; anything else may be for somebody else */
	return WORD(cli, rungs, rung, "?");
}

const char *bk_print_urgency(const struct bk_cli *cli, const char *urgency)
{
	return WORD(cli, urgencies, urgency, T(cli, URGENCY_NONE));
}

void bk_print_rungs(const struct bk_cli *cli, const char *kind, const json_t *list)
{
	char at[BK_TERM_TIME];
	size_t i;
	json_t *r;

	json_array_foreach((json_t *)(uintptr_t)list, i, r) {
		const char *by = bk_cli_str(r, "by");

		printf("    %-12s %s", bk_term_time(bk_cli_ms(r, "at_ms"), cli->lang, at),
			bk_print_rung(cli, kind, bk_cli_str(r, "rung")));
		if (*by)
			printf(" %s %s", T(cli, BY), bk_term_shown(by, 40));
		putchar('\n');
	}
}

static const char *name_of(const json_t *item)
{
	const json_t *from = json_object_get(item, "from");
	const char *name = bk_cli_str(from, "name");

	return bk_term_shown(*name ? name : bk_cli_str(from, "role"), 40);
}

static void field(const char *label, const char *value)
{
	if (*value)
		printf("  %-12s %s\n", label, bk_term_shown(value, 400));
}

static void print_files(const struct bk_cli *cli, const json_t *files)
{
	size_t i;
	json_t *f;

	if (!json_array_size(files))
		return;
	printf("  %s:\n", T(cli, FILES));
	json_array_foreach((json_t *)(uintptr_t)files, i, f)
		printf("    %zu  %-30s %10" PRIu64 " B  %s  %s\n", i, bk_term_shown(bk_cli_str(f, "name"), 30),
			bk_cli_ms(f, "size"), bk_term_shown(bk_cli_str(f, "type"), 30),
			bk_term_shown(bk_cli_str(f, "state"), 20));
}

static void print_report(const struct bk_cli *cli, const json_t *item)
{
	char at[BK_TERM_TIME];

	bk_term_paragraph(stdout, bk_cli_str(item, "what"), 2);
	field(T(cli, WHERE), bk_cli_str(item, "where"));
	field(T(cli, WHEN), bk_cli_str(item, "when_text"));
	if (bk_cli_ms(item, "when_ms"))
		field(T(cli, WHEN), bk_term_time(bk_cli_ms(item, "when_ms"), cli->lang, at));
	field(T(cli, URGENCY), bk_print_urgency(cli, bk_cli_str(item, "urgency")));
	field(T(cli, CERTAINTY), WORD(cli, certainties, bk_cli_str(item, "certainty"), ""));
}

void bk_print_item(const struct bk_cli *cli, const json_t *item)
{
	const char *kind = bk_cli_str(item, "kind"), *message = bk_cli_str(item, "message");
	char at[BK_TERM_TIME];

	printf("%s%s%s  %s\n", json_is_true(json_object_get(item, "drill")) ? T(cli, DRILL) : "",
		json_is_true(json_object_get(item, "drill")) ? "  " : "", WORD(cli, kinds, kind, kind), message);
	printf("  %-12s %s\n", T(cli, FROM), name_of(item));
	printf("  %-12s %s\n", T(cli, WRITTEN), bk_term_time(bk_cli_ms(item, "written_ms"), cli->lang, at));
	if (strcmp(kind, "report") == 0)
		print_report(cli, item);
	field("", bk_cli_str(item, "title"));
	bk_term_paragraph(stdout, bk_cli_str(item, "text"), 2);
	print_files(cli, json_object_get(item, "attachments"));
	bk_print_rungs(cli, kind, json_object_get(item, "rungs"));
	if (json_is_true(json_object_get(item, "acknowledge")) && !bk_cli_ms(item, "acknowledged_ms")) {
		const char *text = T(cli, PLEASE_ACK), *hole = strstr(text, "%s");

		if (hole)
			printf("  %.*s%s\n", (int)(hole - text), text, message);
	}
}

void bk_print_item_line(const struct bk_cli *cli, const json_t *item)
{
	const char *kind = bk_cli_str(item, "kind"), *text = bk_cli_str(item, "text");
	char at[BK_TERM_TIME];

	if (!*text)
		text = bk_cli_str(item, "what");
	if (*bk_cli_str(item, "title"))
		text = bk_cli_str(item, "title");
	printf("%s  %-12s %-10s %-18s %s%s%s\n", bk_cli_str(item, "message"),
		bk_term_time(bk_cli_ms(item, "written_ms"), cli->lang, at), WORD(cli, kinds, kind, kind),
		name_of(item), json_is_true(json_object_get(item, "drill")) ? T(cli, DRILL) : "",
		json_is_true(json_object_get(item, "drill")) ? ": " : "", bk_term_shown(text, 60));
}

void bk_print_case(const struct bk_cli *cli, const json_t *row, bool chosen)
{
	const char *owner = bk_cli_str(row, "owner"), *state = bk_cli_str(row, "state");
	char wait[BK_TERM_TIME];
	unsigned width = bk_term_width();

	printf("%s%.8s  %-9s  %-9s  %11s  %-19s  %s%s%s%s%s%s\n", chosen ? "\033[7m" : "", bk_cli_str(row, "case"),
		bk_print_urgency(cli, bk_cli_str(row, "urgency")), WORD(cli, states, state, "?"),
		bk_term_span(bk_cli_ms(row, "waiting_ms"), cli->lang, wait), bk_term_shown(bk_cli_str(row, "who"), 19),
		json_is_true(json_object_get(row, "drill")) ? T(cli, DRILL) : "",
		json_is_true(json_object_get(row, "drill")) ? ": " : "",
		bk_term_shown(bk_cli_str(row, "what"), width > 100 ? width - 72 : 28), *owner ? "  · " : "",
		bk_term_shown(owner, 24), chosen ? "\033[0m" : "");
}
