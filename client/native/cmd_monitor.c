/* SPDX-License-Identifier: GPL-3.0-or-later */
/* monitor: aggregates of the desk's work for a lead or supervisor, as text, JSON, or an HTML page with plots. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli.h"

#define DAY_MS 86400000ull
#define DAYS_MAX 3660u
#define BAR_WIDTH 420.0
#define BAR_HEIGHT 18

enum word {
	TITLE, REAL, DRILLS, REPORTS, ALARMS, MISSED, ALL, KIND, WAITING, TAKEN, CLOSED, TOTAL, ESCALATED, MEDIAN, P95,
	TO_READ, TO_CLAIMED, TO_CLOSED, NOTE, DONE, WORDS
};
static const char *const words[WORDS][2] = {
	[TITLE] = {"Werk van de meldkamer", "Work of the desk"},
	[REAL] = {"Echt", "Real"},
	[DRILLS] = {"Oefeningen", "Drills"},
	[REPORTS] = {"Meldingen", "Reports"},
	[ALARMS] = {"Noodknop", "Alarms"},
	[MISSED] = {"Niet ingecheckt", "Missed check-ins"},
	[ALL] = {"Alles", "All"},
	[KIND] = {"Soort", "Kind"},
	[WAITING] = {"Wacht", "Waiting"},
	[TAKEN] = {"Opgepakt", "Taken"},
	[CLOSED] = {"Afgesloten", "Closed"},
	[TOTAL] = {"Totaal", "Total"},
	[ESCALATED] = {"Opgeschaald", "Escalated"},
	[MEDIAN] = {"helft binnen", "half within"},
	[P95] = {"95 % binnen", "95 % within"},
	[TO_READ] = {"tot gelezen", "until read"},
	[TO_CLAIMED] = {"tot opgepakt", "until taken"},
	[TO_CLOSED] = {"tot afgesloten", "until closed"},
	[NOTE] = {"Aantallen onder de 5 staan er niet, en ook geen aantal waaruit zo'n aantal volgt: daar staat *.",
		"Numbers below 5 are not shown, nor any from which one would follow: there it says *."},
	[DONE] = {"Geschreven", "Written"},
};

struct page {
	const struct bk_cli *cli;
	FILE *out;
	bool html;
};

static const char *say(const struct page *p, enum word w)
{
	return words[w][p->cli->lang == BK_LANG_EN];
}

static enum word kind_word(const char *kind)
{
	static const struct {
		const char *kind;
		enum word word;
	} rows[] = {{"report", REPORTS}, {"alarm", ALARMS}, {"missed", MISSED}};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (strcmp(rows[i].kind, kind) == 0)
			return rows[i].word;
	return ALL;
}

static const char *number(const json_t *row, const char *key, char out[static 24])
{
	const json_t *v = json_object_get(row, key);

	snprintf(out, 24, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
	return json_is_integer(v) ? out : json_is_null(v) ? "*" : "";
}

static const char *span(const struct page *p, const json_t *of, const char *key, char out[static BK_TERM_TIME])
{
	const json_t *v = json_object_get(of, key);

	return json_is_integer(v) ? bk_term_span((bk_ms)json_integer_value(v), p->cli->lang, out) : "*";
}

/* ---- tables ---- */

static void line(const struct page *p, bool head, const char *const *cells, size_t n)
{
	if (p->html)
		fputs("<tr>", p->out);
	for (size_t i = 0; i < n; i++) {
		const char *tag = head || i == 0 ? "th" : "td";

		if (p->html)
			fprintf(p->out, "<%s scope=\"%s\">%s</%s>", tag, head ? "col" : "row", cells[i], tag);
		else
			fprintf(p->out, "%*s", i ? 14 : -18, cells[i]);
	}
	fputs(p->html ? "</tr>\n" : "\n", p->out);
}

static void counts(const struct page *p, const json_t *part)
{
	static const char *const keys[] = {"waiting", "taken", "closed", "total", "escalated"};
	const char *cells[6] = {say(p, KIND), say(p, WAITING), say(p, TAKEN), say(p, CLOSED), say(p, TOTAL), say(p, ESCALATED)};
	char text[5][24];
	json_t *row;
	size_t i;

	if (p->html)
		fputs("<table>\n", p->out);
	line(p, true, cells, 6);
	json_array_foreach(part, i, row) {
		cells[0] = say(p, kind_word(bk_cli_str(row, "kind")));
		for (size_t k = 0; k < 5; k++)
			cells[1 + k] = number(row, keys[k], text[k]);
		line(p, false, cells, 6);
	}
	fputs(p->html ? "</table>\n" : "\n", p->out);
}

static void times(const struct page *p, const json_t *part)
{
	static const char *const steps[] = {"read", "claimed", "closed"};
	char text[2][BK_TERM_TIME], name[80];
	const char *cells[3] = {say(p, KIND), say(p, MEDIAN), say(p, P95)};
	json_t *row;
	size_t i;

	if (p->html)
		fputs("<table>\n", p->out);
	line(p, true, cells, 3);
	json_array_foreach(part, i, row) {
		for (size_t s = 0; json_object_get(row, "times") && s < 3; s++) {
			const json_t *t = json_object_get(json_object_get(row, "times"), steps[s]);

			snprintf(name, sizeof name, "%s, %s", say(p, kind_word(bk_cli_str(row, "kind"))),
				say(p, (enum word)(TO_READ + s)));
			cells[0] = name;
			cells[1] = span(p, t, "median_ms", text[0]);
			cells[2] = span(p, t, "p95_ms", text[1]);
			if (p->html)
				line(p, false, cells, 3);
			else
				fprintf(p->out, "%-34s%14s%14s\n", cells[0], cells[1], cells[2]);
		}
	}
	fputs(p->html ? "</table>\n" : "\n", p->out);
}

/* ---- plots ---- */

static double most_of(const json_t *part)
{
	double most = 1;
	json_t *row;
	size_t i;

	json_array_foreach(part, i, row) {
		double v = (double)json_integer_value(json_object_get(row, "total"));

		most = v > most ? v : most;
	}
	return most;
}

/* One bar a kind; what it is and how many stands beside it in words. */
static void plot(const struct page *p, const json_t *part, const char *title)
{
	double most = most_of(part);
	json_t *row;
	size_t i;

	fprintf(p->out, "<svg role=\"img\" aria-label=\"%s\" viewBox=\"0 0 640 %zu\" width=\"640\">\n", title,
		json_array_size(part) * (BAR_HEIGHT + 8) + 4);
	json_array_foreach(part, i, row) {
		const json_t *v = json_object_get(row, "total");
		double width = (double)json_integer_value(v) / most * BAR_WIDTH;
		size_t y = i * (BAR_HEIGHT + 8) + 4;
		char text[24];

		fprintf(p->out, "<text x=\"0\" y=\"%zu\">%s</text>", y + 14, say(p, kind_word(bk_cli_str(row, "kind"))));
		if (json_is_integer(v))
			fprintf(p->out, "<rect x=\"150\" y=\"%zu\" width=\"%.1f\" height=\"%d\"/>", y, width, BAR_HEIGHT);
		fprintf(p->out, "<text x=\"%.1f\" y=\"%zu\">%s</text>\n", 156 + width, y + 14, number(row, "total", text));
	}
	fputs("</svg>\n", p->out);
}

static void part(const struct page *p, const json_t *answer, const char *key, enum word title)
{
	const json_t *rows = json_object_get(answer, key);

	if (p->html)
		fprintf(p->out, "<h2>%s</h2>\n", say(p, title));
	else
		fprintf(p->out, "%s\n", say(p, title));
	if (p->html)
		plot(p, rows, say(p, title));
	counts(p, rows);
	times(p, rows);
}

static void whole(const struct page *p, const json_t *answer)
{
	char from[BK_TERM_TIME], until[BK_TERM_TIME], line_text[120];

	bk_term_time(bk_cli_ms(answer, "from_ms"), p->cli->lang, from);
	bk_term_time(bk_cli_ms(answer, "until_ms"), p->cli->lang, until);
	snprintf(line_text, sizeof line_text, "%s - %s", from, until);
	if (p->html)
		fprintf(p->out,
			"<!DOCTYPE html>\n<html lang=\"%s\">\n<head>\n<meta charset=\"utf-8\">\n"
			"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
			"<title>%s</title>\n<style>body{font:16px sans-serif;max-width:52em;margin:2em auto}"
			"table{border-collapse:collapse;margin:1em 0}td,th{border:1px solid;padding:.3em .6em;text-align:right}"
			"th:first-child{text-align:left}rect{fill:currentColor}svg{max-width:100%%}</style>\n</head>\n<body>\n"
			"<h1>%s</h1>\n<p>%s</p>\n",
			p->cli->lang == BK_LANG_EN ? "en" : "nl", say(p, TITLE), say(p, TITLE), line_text);
	else
		fprintf(p->out, "%s\n%s\n\n", say(p, TITLE), line_text);
	part(p, answer, "real", REAL);
	part(p, answer, "drills", DRILLS);
	if (p->html)
		fprintf(p->out, "<p>%s</p>\n</body>\n</html>\n", say(p, NOTE));
	else
		fprintf(p->out, "%s\n", say(p, NOTE));
}

/* ---- the command ---- */

static int write_html(struct bk_cli *cli, const json_t *answer, const char *path)
{
	struct page p = {.cli = cli, .html = true};
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int err = 0;

	if (fd < 0)
		return bk_cli_fail(cli, errno == EEXIST ? BK_E_EXISTS : BK_E_IO, path);
	p.out = fdopen(fd, "w");
	if (!p.out) {
		close(fd);
		return bk_cli_fail(cli, BK_E_NOMEM, NULL);
	}
	whole(&p, answer);
	if (ferror(p.out))
		err = BK_E_IO;
	if (fclose(p.out) != 0 || err)
		return bk_cli_fail(cli, BK_E_IO, path);
	if (!cli->json)
		printf("%s: %s\n", say(&p, DONE), path);
	return 0;
}

int bk_cmd_monitor(struct bk_cli *cli, int argc, char **argv)
{
	const char *days_text = NULL, *html = NULL;
	const struct bk_cli_option options[] = {{"days", &days_text, NULL, NULL}, {"html", &html, NULL, NULL}};
	struct page p = {.cli = cli, .out = stdout};
	json_t *answer = NULL;
	unsigned long days = 30;
	char *end = NULL;
	bk_ms now = bk_rim_now();
	int err, code;

	if (bk_cli_options(cli, argc, argv, options, 2) != 0)
		return bk_cli_fail(cli, BK_E_USAGE, NULL);
	if (days_text)
		days = strtoul(days_text, &end, 10);
	if ((end && (*end || end == days_text)) || days < 1 || days > DAYS_MAX)
		return bk_cli_fail(cli, BK_E_USAGE, NULL);
	err = bk_cli_open(cli);
	if (err)
		return bk_cli_fail(cli, err, NULL);
	(void)bk_cli_sync(cli); /* without a connection: what is here */
	code = bk_cli_call(cli, json_pack("{s:s, s:I}", "cmd", "monitor", "from_ms", (json_int_t)(now - days * DAY_MS)), &answer);
	if (code)
		return code;
	if (html)
		code = write_html(cli, answer, html);
	if (!bk_cli_print(cli, answer) && !html)
		whole(&p, answer);
	json_decref(answer);
	return code;
}
