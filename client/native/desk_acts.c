/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "desk_acts.h"

#include <stdlib.h>

#include "moment.h"

static const struct bk_desk_act acts[] = {
	{"claim", "claim", NULL, false, false, 'c', BK_TEXT_ASK_TEXT, BK_TEXT_CLAIM_WON},
	{"release", "release", "reason", false, false, 'l', BK_TEXT_ASK_REASON, BK_TEXT_RELEASED},
	{"close", "close", "feedback", false, false, 's', BK_TEXT_ASK_FEEDBACK, BK_TEXT_CLOSED},
	{"note", "note", "text", false, false, 'n', BK_TEXT_ASK_TEXT, BK_TEXT_NOTED},
	{"promise", "promise", "next_contact_ms", false, true, 'p', BK_TEXT_ASK_PROMISE, BK_TEXT_PROMISED},
	{"urgency", "urgency", "urgency", false, false, 'u', BK_TEXT_ASK_NEW_URGENCY, BK_TEXT_URGENCY_SET},
	{"join", "join", NULL, false, false, 'm', BK_TEXT_ASK_TEXT, BK_TEXT_JOINED},
	{"leave", "leave", NULL, false, false, 0, BK_TEXT_ASK_TEXT, BK_TEXT_LEFT},
	{"escalate", "escalate", "reason", false, false, 'e', BK_TEXT_ASK_REASON, BK_TEXT_ESCALATED},
	{"link", "link", "with", false, false, 0, BK_TEXT_ASK_TEXT, BK_TEXT_LINKED},
};
#define ACTS (sizeof acts / sizeof *acts)

const struct bk_desk_act *bk_desk_act_by_word(const char *word)
{
	for (size_t i = 0; i < ACTS; i++)
		if (strcmp(word, acts[i].word) == 0)
			return &acts[i];
	return NULL;
}

const struct bk_desk_act *bk_desk_act_by_key(int key)
{
	for (size_t i = 0; i < ACTS; i++)
		if (acts[i].key && acts[i].key == key)
			return &acts[i];
	return NULL;
}

int bk_desk_act_command(const struct bk_desk_act *a, const char *case_id, const char *text, json_t **ret_command)
{
	json_t *command;
	bk_ms at = 0;
	int err = 0;

	if (a->moment)
		err = bk_moment_read(text ? text : "", bk_rim_now(), &at);
	if (err)
		return err;
	command = json_pack("{s:s, s:s}", "cmd", a->cmd, "case", case_id);
	if (command && a->moment)
		json_object_set_new(command, a->field, json_integer((json_int_t)at));
	else if (command && a->field && text)
		json_object_set_new(command, a->field, json_string(text));
	*ret_command = command;
	return command ? 0 : BK_E_INVAL;
}

/* ---- looking ---- */

static const struct {
	const char *change;
	enum bk_text text;
} changes[] = {
	{"opened", BK_TEXT_LOG_OPENED}, {"claimed", BK_TEXT_CLAIMED}, {"released", BK_TEXT_LOG_RELEASED},
	{"replied", BK_TEXT_LOG_REPLIED}, {"note", BK_TEXT_LOG_NOTE}, {"closed", BK_TEXT_STATE_CLOSED},
	{"reopened", BK_TEXT_LOG_REOPENED}, {"urgency", BK_TEXT_URGENCY}, {"promised", BK_TEXT_LOG_PROMISED},
	{"escalated", BK_TEXT_LOG_ESCALATED}, {"handed-over", BK_TEXT_LOG_HANDED_OVER},
	{"transferred", BK_TEXT_STATE_TRANSFERRED}, {"exported", BK_TEXT_LOG_EXPORTED}, {"linked", BK_TEXT_LOG_LINKED},
	{"joined", BK_TEXT_LOG_JOINED}, {"left", BK_TEXT_LOG_LEFT}, {"read", BK_TEXT_LOG_READ},
	{"seen", BK_TEXT_LOG_SEEN}, {"message", BK_TEXT_LOG_MESSAGE}, {"alarm", BK_TEXT_FLAG_ALARM},
	{"alarm-ended", BK_TEXT_LOG_ALARM_ENDED}, {"duress", BK_TEXT_FLAG_DURESS}, {"missed", BK_TEXT_FLAG_MISSED},
};

static const char *change_text(const struct bk_cli *cli, const char *change)
{
	for (size_t i = 0; i < sizeof changes / sizeof *changes; i++)
		if (strcmp(changes[i].change, change) == 0)
			return bk_text(changes[i].text, cli->lang);
	return change;
}

void bk_print_log(const struct bk_cli *cli, const json_t *log)
{
	char at[BK_TERM_TIME];
	json_t *e;
	size_t i;

	json_array_foreach((json_t *)(uintptr_t)log, i, e) {
		printf("  %-12s %s", bk_term_time(bk_cli_ms(e, "at_ms"), cli->lang, at),
			change_text(cli, bk_cli_str(e, "change")));
		if (*bk_cli_str(e, "urgency"))
			printf(": %s", bk_print_urgency(cli, bk_cli_str(e, "urgency")));
		if (bk_cli_ms(e, "level"))
			printf(" (%" JSON_INTEGER_FORMAT ")", (json_int_t)bk_cli_ms(e, "level"));
		if (strcmp(bk_cli_str(e, "change"), "promised") == 0)
			printf(": %s", bk_cli_ms(e, "until_ms") ? bk_term_time(bk_cli_ms(e, "until_ms"), cli->lang, at) :
							       T(cli, PROMISE_NONE));
		if (*bk_cli_str(e, "by"))
			printf(", %s", bk_term_shown(bk_cli_str(e, "by"), 40));
		putchar('\n');
		bk_term_paragraph(stdout, bk_cli_str(e, "text"), 17);
	}
}

int bk_desk_case(struct bk_cli *cli, const char *case_id)
{
	json_t *reply = NULL;
	int code = bk_cli_call(cli, json_pack("{s:s, s:s}", "cmd", "case", "case", case_id), &reply);

	if (code)
		return code;
	if (!bk_cli_print(cli, reply)) {
		bk_print_case(cli, reply, false);
		bk_print_log(cli, json_object_get(reply, "log"));
	}
	json_decref(reply);
	bk_cli_flush(cli);
	return 0;
}

int bk_desk_due(struct bk_cli *cli)
{
	json_t *reply = NULL, *row;
	size_t i;
	int code = bk_cli_call(cli, json_pack("{s:s}", "cmd", "due"), &reply);

	if (code)
		return code;
	if (!bk_cli_print(cli, reply)) {
		if (!json_array_size(json_object_get(reply, "items")))
			printf("%s\n", T(cli, NOTHING_DUE));
		json_array_foreach(json_object_get(reply, "items"), i, row)
			bk_print_case(cli, row, false);
	}
	json_decref(reply);
	return 0;
}

static int set_numbers(json_t *command, int argc, char **argv)
{
	for (int i = 0; i < argc; i++) {
		char *is = strchr(argv[i], '='), *end = NULL;
		unsigned long n = is ? strtoul(is + 1, &end, 10) : 0;

		if (!is || end == is + 1 || *end)
			return BK_E_USAGE;
		*is = '\0';
		json_object_set_new(command, argv[i], json_integer((json_int_t)n));
	}
	return 0;
}

int bk_desk_policy(struct bk_cli *cli, int argc, char **argv)
{
	json_t *command = json_pack("{s:s}", "cmd", "policy"), *reply = NULL, *v;
	const char *name;
	int code;

	if (set_numbers(command, argc, argv)) {
		json_decref(command);
		return bk_cli_fail(cli, BK_E_USAGE, NULL);
	}
	code = bk_cli_call(cli, command, &reply);
	if (code)
		return code;
	if (!bk_cli_print(cli, reply))
		json_object_foreach(reply, name, v)
			if (json_is_integer(v) && strcmp(name, "id") != 0)
				printf("%-16s %" JSON_INTEGER_FORMAT "\n", name, json_integer_value(v));
	json_decref(reply);
	bk_cli_flush(cli);
	return 0;
}
