/* SPDX-License-Identifier: GPL-3.0-or-later */
/* watch: check-in and journey timers, as a person starts and ends them and as the desk sees them */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli.h"

#define MINUTE_MS 60000u

struct watch_words {
	const char *until, *minutes, *grace, *every, *where, *note, *place, *pin_file;
	bool journey, drill;
};

/* "22:10": the next time the clock here shows it; a day of 23 or 25 hours is the C library's to know. 0: no time. */
static bk_ms at_clock(const char *text, bk_ms now)
{
	time_t t = (time_t)(now / 1000);
	struct tm tm;
	unsigned hour, minute;
	char more;

	if (sscanf(text, "%2u:%2u%c", &hour, &minute, &more) != 2 || hour > 23 || minute > 59 || !localtime_r(&t, &tm))
		return 0;
	for (int day = 0; day < 2; day++) {
		struct tm want = tm;
		time_t at;

		want.tm_hour = (int)hour;
		want.tm_min = (int)minute;
		want.tm_sec = 0;
		want.tm_mday += day;
		want.tm_isdst = -1;
		at = mktime(&want);
		if (at > t)
			return (bk_ms)at * 1000;
	}
	return 0;
}

static bool add_number(json_t *command, const char *key, const char *text)
{
	char *end = NULL;
	long v = text ? strtol(text, &end, 10) : 0;

	if (!text)
		return true;
	if (!*text || *end || v < 0)
		return false;
	return json_object_set_new(command, key, json_integer(v)) == 0;
}

static bool add_place(json_t *command, const char *text)
{
	double north, east;
	char more;

	if (!text)
		return true;
	if (sscanf(text, "%lf,%lf%c", &north, &east, &more) != 2)
		return false;
	json_object_set_new(command, "latitude", json_real(north));
	json_object_set_new(command, "longitude", json_real(east));
	return true;
}

static bool add_when(json_t *command, const struct watch_words *w)
{
	bk_ms due = w->until ? at_clock(w->until, (bk_ms)time(NULL) * 1000) : 0;

	if (w->until && !due)
		return false;
	if (due)
		json_object_set_new(command, "due_ms", json_integer((json_int_t)due));
	if (w->note)
		json_object_set_new(command, "note", json_string(w->note));
	return add_number(command, "minutes", w->minutes) && add_place(command, w->place);
}

/* ---- shown ---- */

static const char *state_text(const struct bk_cli *cli, const json_t *o)
{
	static const struct {
		const char *word;
		enum bk_text text;
	} words[] = {
		{"asked", BK_TEXT_WATCH_ASKED}, {"armed", BK_TEXT_WATCH_ARMED}, {"warning", BK_TEXT_WATCH_WARNING},
		{"late", BK_TEXT_WATCH_LATE}, {"fired", BK_TEXT_WATCH_FIRED}, {"ended", BK_TEXT_WATCH_ENDED},
	};

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strcmp(bk_cli_str(o, "state"), words[i].word) == 0)
			return bk_text(words[i].text, cli->lang);
	return "";
}

static void print_last(const struct bk_cli *cli, const json_t *last)
{
	char at[BK_TERM_TIME];

	if (json_object_get(last, "latitude"))
		printf("    %s: %.4f, %.4f (%s)\n", T(cli, WATCH_LAST_PLACE), json_number_value(json_object_get(last, "latitude")),
			json_number_value(json_object_get(last, "longitude")), bk_term_time(bk_cli_ms(last, "at_ms"), cli->lang, at));
	if (*bk_cli_str(last, "note"))
		printf("    %s\n", bk_term_shown(bk_cli_str(last, "note"), 70));
	if (bk_cli_ms(last, "down_ms"))
		printf("    %s: %s\n", T(cli, WATCH_SERVER_DOWN), bk_term_span(bk_cli_ms(last, "down_ms"), cli->lang, at));
}

static void print_watch(const struct bk_cli *cli, const json_t *o)
{
	char at[BK_TERM_TIME];

	printf("%.8s  %-10s %s %s", bk_cli_str(o, "watch"),
		strcmp(bk_cli_str(o, "kind"), "journey") ? T(cli, WATCH_CHECK_IN) : T(cli, WATCH_JOURNEY), T(cli, WATCH_UNTIL),
		bk_term_time(bk_cli_ms(o, "due_ms"), cli->lang, at));
	printf("  %s%s", json_is_true(json_object_get(o, "drill")) ? T(cli, DRILL) : "",
		json_is_true(json_object_get(o, "drill")) ? "  " : "");
	if (*bk_cli_str(o, "who"))
		printf("%s  ", bk_term_shown(bk_cli_str(o, "who"), 24));
	printf("%s\n", state_text(cli, o));
	if (*bk_cli_str(o, "what") || *bk_cli_str(o, "where"))
		printf("    %s %s\n", bk_term_shown(bk_cli_str(o, "what"), 50), bk_term_shown(bk_cli_str(o, "where"), 20));
	if (json_is_false(json_object_get(o, "confirmed")) && strcmp(bk_cli_str(o, "state"), "asked") != 0)
		printf("    %s\n", T(cli, WATCH_UNCONFIRMED));
	if (json_object_get(o, "last"))
		print_last(cli, json_object_get(o, "last"));
}

/* ---- acts ---- */

/* The one that runs, when there is only one; else by its first digits. */
static int find_watch(struct bk_cli *cli, const char *word, char out[static BK_ID_TEXT])
{
	json_t *reply = NULL, *o;
	size_t i, hits = 0;
	int code = bk_cli_call(cli, json_pack("{s:s}", "cmd", "watches"), &reply);

	if (code)
		return code;
	json_array_foreach(json_object_get(reply, "items"), i, o) {
		const char *id = bk_cli_str(o, "watch");

		if (word ? strncmp(id, word, strlen(word)) != 0 : strcmp(bk_cli_str(o, "state"), "ended") == 0)
			continue;
		snprintf(out, BK_ID_TEXT, "%s", id);
		hits++;
	}
	json_decref(reply);
	return hits == 1 ? 0 : bk_cli_fail(cli, BK_E_NOT_FOUND, T(cli, WATCH_WHICH));
}

/* What the server says of it comes with the connection; without one it stands as it is, and says so. */
static int carry_out(struct bk_cli *cli, json_t *command)
{
	json_t *reply = NULL, *list = NULL, *o;
	char id[BK_ID_TEXT];
	size_t i;
	int code = bk_cli_call(cli, command, &reply);

	if (code)
		return code;
	snprintf(id, sizeof id, "%s", bk_cli_str(reply, "watch"));
	json_decref(reply);
	if (bk_cli_sync(cli) == 0)
		bk_cli_flush(cli);
	code = bk_cli_call(cli, json_pack("{s:s}", "cmd", "watches"), &list);
	if (code)
		return code;
	json_array_foreach(json_object_get(list, "items"), i, o)
		if (strcmp(bk_cli_str(o, "watch"), id) == 0 && !bk_cli_print(cli, o))
			print_watch(cli, o);
	json_decref(list);
	return 0;
}

static int act_start(struct bk_cli *cli, const struct watch_words *w, int n, char **words)
{
	json_t *c = json_pack("{s:s, s:s}", "cmd", "watch-start", "kind", w->journey ? "journey" : "check-in");

	if (n)
		json_object_set_new(c, "what", bk_cli_words(n, words));
	if (w->where)
		json_object_set_new(c, "where", json_string(w->where));
	if (w->drill)
		json_object_set_new(c, "drill", json_true());
	if (add_when(c, w) && add_number(c, "grace_minutes", w->grace) && add_number(c, "interval_minutes", w->every))
		return carry_out(cli, c);
	json_decref(c);
	return bk_cli_fail(cli, BK_E_USAGE, NULL);
}

static int act_on(struct bk_cli *cli, const char *cmd, const struct watch_words *w, const char *word)
{
	char id[BK_ID_TEXT], pin[BK_PASSPHRASE_MAX];
	int err = 0, code = find_watch(cli, word, id);
	json_t *c;

	if (code)
		return code;
	c = json_pack("{s:s, s:s}", "cmd", cmd, "watch", id);
	if (strcmp(cmd, "watch-cancel") == 0) {
		err = w->pin_file ? bk_term_secret_file(w->pin_file, pin) : bk_term_secret(T(cli, WATCH_PIN), pin);
		if (!err)
			json_object_set_new(c, "pin", json_string(pin));
		memset(pin, 0, sizeof pin);
	} else if (!add_when(c, w)) {
		err = BK_E_USAGE;
	}
	if (!err)
		return carry_out(cli, c);
	json_decref(c);
	return bk_cli_fail(cli, err, NULL);
}

static int act_list(struct bk_cli *cli)
{
	json_t *reply = NULL, *o;
	size_t i;
	int code;

	(void)bk_cli_sync(cli); /* without a network: what is known here */
	code = bk_cli_call(cli, json_pack("{s:s}", "cmd", "watches"), &reply);
	if (code)
		return code;
	if (!bk_cli_print(cli, reply)) {
		json_array_foreach(json_object_get(reply, "items"), i, o)
			print_watch(cli, o);
		if (!json_array_size(json_object_get(reply, "items")))
			printf("%s\n", T(cli, NOTHING));
	}
	json_decref(reply);
	return 0;
}

int bk_cmd_watch(struct bk_cli *cli, int argc, char **argv)
{
	struct watch_words w = {.until = NULL};
	const struct bk_cli_option options[] = {
		{"until", &w.until, NULL, NULL}, {"minutes", &w.minutes, NULL, NULL}, {"grace", &w.grace, NULL, NULL},
		{"every", &w.every, NULL, NULL}, {"where", &w.where, NULL, NULL}, {"note", &w.note, NULL, NULL},
		{"place", &w.place, NULL, NULL}, {"pin-file", &w.pin_file, NULL, NULL}, {"journey", NULL, NULL, &w.journey},
		{"drill", NULL, NULL, &w.drill},
	};
	int n = bk_cli_options(cli, argc, argv, options, sizeof options / sizeof *options), err;
	const char *act = n > 0 ? argv[0] : "list";

	if (n < 0)
		return bk_cli_fail(cli, BK_E_USAGE, NULL);
	err = bk_cli_open(cli);
	if (err)
		return bk_cli_fail(cli, err, NULL);
	if (strcmp(act, "list") == 0 && n <= 1)
		return act_list(cli);
	if (strcmp(act, "start") == 0)
		return act_start(cli, &w, n - 1, argv + 1);
	if (strcmp(act, "safe") == 0 && n <= 2)
		return act_on(cli, "watch-safe", &w, n > 1 ? argv[1] : NULL);
	if (strcmp(act, "extend") == 0 && n <= 2)
		return act_on(cli, "watch-extend", &w, n > 1 ? argv[1] : NULL);
	if (strcmp(act, "cancel") == 0 && n <= 2)
		return act_on(cli, "watch-cancel", &w, n > 1 ? argv[1] : NULL);
	return bk_cli_fail(cli, BK_E_USAGE, NULL);
}
