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
	{"transferred", BK_TEXT_STATE_TRANSFERRED},
};

/* What can be done with a file, in the words of who looks at it. */
static const struct word file_states[] = {
	{"device", BK_TEXT_ON_DEVICE},
	{"stored", BK_TEXT_STORED},
	{"verified", BK_TEXT_FILE_VERIFIED},
	{"remote", BK_TEXT_FILE_REMOTE},
	{"fetching", BK_TEXT_FILE_FETCHING},
	{"ready", BK_TEXT_FILE_READY},
	{"failed", BK_TEXT_FILE_FAILED},
};

static const struct word roles[] = {
	{"person", BK_TEXT_ROLE_PERSON},
	{"relative", BK_TEXT_ROLE_RELATIVE},
	{"child", BK_TEXT_ROLE_CHILD},
	{"officer", BK_TEXT_ROLE_OFFICER},
	{"lead", BK_TEXT_ROLE_LEAD},
	{"care", BK_TEXT_ROLE_CARE},
	{"vault", BK_TEXT_ROLE_VAULT},
};

static const struct word guidance_states[] = {
	{"valid", BK_TEXT_GUIDE_VALID},
	{"expired", BK_TEXT_GUIDE_EXPIRED},
	{"recalled", BK_TEXT_GUIDE_RECALLED},
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

const char *bk_print_role(const struct bk_cli *cli, const char *role)
{
	return WORD(cli, roles, role, role);
}

static const char *name_of(const struct bk_cli *cli, const json_t *item)
{
	const json_t *from = json_object_get(item, "from");
	const char *name = bk_cli_str(from, "name");

	return *name ? name : bk_print_role(cli, bk_cli_str(from, "role"));
}

static void field(const char *label, const char *value)
{
	if (*value)
		printf("  %s %s\n", bk_term_padded(label, 14), bk_term_shown(value, 400));
}

char *bk_print_size(uint64_t bytes, char out[static BK_TERM_TIME])
{
	if (bytes < 1024)
		snprintf(out, BK_TERM_TIME, "%" PRIu64 " B", bytes);
	else if (bytes < 1024 * 1024)
		snprintf(out, BK_TERM_TIME, "%.0f KiB", (double)bytes / 1024);
	else
		snprintf(out, BK_TERM_TIME, "%.1f MiB", (double)bytes / (1024 * 1024));
	return out;
}

static void print_files(const struct bk_cli *cli, const json_t *files)
{
	char size[BK_TERM_TIME];
	size_t i;
	json_t *f;

	if (!json_array_size(files))
		return;
	printf("  %s:\n", T(cli, FILES));
	json_array_foreach((json_t *)(uintptr_t)files, i, f)
		printf("    %zu  %s %10s  %s\n", i, bk_term_padded(bk_cli_str(f, "name"), 30),
			bk_print_size(bk_cli_ms(f, "size"), size), WORD(cli, file_states, bk_cli_str(f, "state"), ""));
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

static const char *drill_word(const struct bk_cli *cli, const json_t *object)
{
	return json_is_true(json_object_get(object, "drill")) ? T(cli, DRILL) : "";
}

static void print_please(const struct bk_cli *cli, const json_t *item)
{
	const char *text = T(cli, PLEASE_ACK), *hole = strstr(text, "%s");

	if (json_is_true(json_object_get(item, "outgoing")) || !json_is_true(json_object_get(item, "acknowledge")) ||
		bk_cli_ms(item, "recalled_ms"))
		return;
	if (bk_cli_ms(item, "acknowledged_ms"))
		printf("  %s\n", T(cli, ACKNOWLEDGED));
	else if (hole)
		printf("  %.*s%.8s\n", (int)(hole - text), text, bk_cli_str(item, "message"));
}

/* When the person hears from the desk; once it is kept there is nothing to wait for. */
static void print_promise(const struct bk_cli *cli, const json_t *promise)
{
	bool late = strcmp(bk_cli_str(promise, "state"), "open") == 0 && bk_cli_ms(promise, "next_contact_ms") < bk_rim_now();
	char at[BK_TERM_TIME];

	if (strcmp(bk_cli_str(promise, "state"), "open") != 0)
		return;
	printf("    %s %s%s\n", T(cli, NEXT_CONTACT), bk_term_time(bk_cli_ms(promise, "next_contact_ms"), cli->lang, at),
		late ? T(cli, TOO_LATE) : "");
}

/* Whether guidance still holds, in words; what was taken back shows why in its place. */
static void print_state(const struct bk_cli *cli, const json_t *item)
{
	const char *state = bk_cli_str(item, "state"), *reason = bk_cli_str(item, "recall_reason");
	char at[BK_TERM_TIME];

	if (!*state)
		return;
	printf("  %s", WORD(cli, guidance_states, state, state));
	if (*reason)
		printf(": %s", bk_term_shown(reason, 400));
	else if (bk_cli_ms(item, "valid_until_ms"))
		printf(", %s %s", T(cli, GUIDE_UNTIL), bk_term_time(bk_cli_ms(item, "valid_until_ms"), cli->lang, at));
	putchar('\n');
}

void bk_print_item(const struct bk_cli *cli, const json_t *item)
{
	const char *kind = bk_cli_str(item, "kind"), *drill = drill_word(cli, item);
	char at[BK_TERM_TIME];

	printf("%s%s%s%s%s  %.8s\n", bk_term_style("\033[1m"), drill, *drill ? "  " : "", WORD(cli, kinds, kind, kind),
		bk_term_style("\033[0m"), bk_cli_str(item, "message"));
	field(T(cli, FROM), name_of(cli, item));
	field(T(cli, WRITTEN), bk_term_time(bk_cli_ms(item, "written_ms"), cli->lang, at));
	if (strcmp(kind, "report") == 0)
		print_report(cli, item);
	if (*bk_cli_str(item, "title"))
		printf("  %s%s%s\n", bk_term_style("\033[1m"), bk_term_shown(bk_cli_str(item, "title"), 200),
			bk_term_style("\033[0m"));
	bk_term_paragraph(stdout, bk_cli_str(item, "text"), 2);
	print_state(cli, item);
	print_files(cli, json_object_get(item, "attachments"));
	bk_print_rungs(cli, kind, json_object_get(item, "rungs"));
	print_promise(cli, json_object_get(item, "promise"));
	print_please(cli, item);
	putchar('\n');
}

void bk_print_item_line(const struct bk_cli *cli, const json_t *item)
{
	const char *kind = bk_cli_str(item, "kind"), *text = bk_cli_str(item, "text"), *drill = drill_word(cli, item);
	unsigned width = bk_term_width();
	char at[BK_TERM_TIME];

	if (!*text)
		text = bk_cli_str(item, "what");
	if (*bk_cli_str(item, "title"))
		text = bk_cli_str(item, "title");
	printf("%.8s  %s %s %s %s%s%s\n", bk_cli_str(item, "message"),
		bk_term_padded(bk_term_time(bk_cli_ms(item, "written_ms"), cli->lang, at), 14),
		bk_term_padded(WORD(cli, kinds, kind, kind), 8), bk_term_padded(name_of(cli, item), 16), drill,
		*drill ? ": " : "", bk_term_shown(text, width > 80 ? width - 54 : 26));
}

/* ---- cases ---- */

static const struct word flags[] = {
	{"alarm", BK_TEXT_FLAG_ALARM},
	{"alarm_ended", BK_TEXT_LOG_ALARM_ENDED},
	{"missed", BK_TEXT_FLAG_MISSED},
	{"duress", BK_TEXT_FLAG_DURESS},
	{"backup", BK_TEXT_FLAG_BACKUP},
	{"gut_feeling", BK_TEXT_FLAG_GUT},
};

/* "DRILL  ALARM  " */
static void flags_of(const struct bk_cli *cli, const json_t *row, char *out, size_t max)
{
	const char *drill = drill_word(cli, row);
	size_t n = (size_t)snprintf(out, max, "%s%s", drill, *drill ? "  " : "");

	for (size_t i = 0; i < sizeof flags / sizeof *flags && n < max; i++)
		if (json_is_true(json_object_get(row, flags[i].code)))
			n += (size_t)snprintf(out + n, max - n, "%s  ", bk_text(flags[i].text, cli->lang));
}

/* Until when the person was told, or policy lets them wait; what is late says so. */
static void limit_of(const struct bk_cli *cli, const json_t *row, char *out, size_t max)
{
	bk_ms promise = bk_cli_ms(row, "promise_ms"), by = bk_cli_ms(row, "answer_by_ms"), at = promise ? promise : by;
	char time[BK_TERM_TIME];

	*out = '\0';
	if (at)
		snprintf(out, max, "%s %s%s", promise ? T(cli, PROMISED_AT) : T(cli, ANSWER_BY),
			bk_term_time(at, cli->lang, time), at < bk_rim_now() ? T(cli, TOO_LATE) : "");
}

static void state_of(const struct bk_cli *cli, const json_t *row, char *out, size_t max)
{
	const char *owner = bk_cli_str(row, "owner");
	size_t more = json_array_size(json_object_get(row, "joined"));
	size_t n = (size_t)snprintf(out, max, "%s%s%s", WORD(cli, states, bk_cli_str(row, "state"), "?"),
		*owner ? ": " : "", bk_term_shown(owner, 40));

	if (more && n < max)
		snprintf(out + n, max - n, " +%zu", more);
}

static void urgency_of(const struct bk_cli *cli, const json_t *row, char *out, size_t max)
{
	const char *said = bk_cli_str(row, "said");

	snprintf(out, max, "%s%s%s%s", bk_print_urgency(cli, bk_cli_str(row, "urgency")), *said ? " (" : "",
		*said ? bk_print_urgency(cli, said) : "", *said ? ")" : "");
}

/* Two lines a case, so that they fit on any screen; what is chosen is marked by a sign, not by colour alone. */
void bk_print_case(const struct bk_cli *cli, const json_t *row, bool chosen)
{
	json_int_t files = json_integer_value(json_object_get(row, "attachments"));
	unsigned width = bk_term_width(), used = 14;
	char wait[BK_TERM_TIME], state[300], who[400], limit[120], urgency[80], level[20] = "", flag[200];

	state_of(cli, row, state, sizeof state);
	limit_of(cli, row, limit, sizeof limit);
	urgency_of(cli, row, urgency, sizeof urgency);
	flags_of(cli, row, flag, sizeof flag);
	for (bk_ms i = 0; i < bk_cli_ms(row, "level") && i < 3; i++)
		level[i] = '!';
	printf("%s%c %.8s  %s %s %s  %s %s%s\n", chosen ? bk_term_style("\033[7m") : "", chosen ? '>' : ' ',
		bk_cli_str(row, "case"), bk_term_padded(urgency, 13), bk_term_padded(state, 24),
		bk_cli_ms(row, "waiting_ms") ? bk_term_span(bk_cli_ms(row, "waiting_ms"), cli->lang, wait) : "", limit,
		level, chosen ? bk_term_style("\033[0m") : "");
	snprintf(who, sizeof who, "%s%s", flag, bk_term_shown(bk_cli_str(row, "who"), 30));
	used += files ? 6 : 0;
	printf("            %s: ", who);
	used += (unsigned)strlen(who);
	printf("%s", bk_term_shown(bk_cli_str(row, "what"), width > used + 20 ? width - used - 1 : 20));
	if (files)
		printf("  +%" JSON_INTEGER_FORMAT, files);
	putchar('\n');
}
