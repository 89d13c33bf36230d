/* SPDX-License-Identifier: GPL-3.0-or-later */
/* health, drill, devices: how devices are, in words */
#include <sys/statvfs.h>
#include <sysexits.h>

#include "cli.h"

#define LABEL 18u

static const struct {
	const char *word;
	enum bk_text text;
} ills[] = {
	{"never-heard", BK_TEXT_ILL_NEVER_HEARD}, {"silent", BK_TEXT_ILL_SILENT},
	{"drill-due", BK_TEXT_ILL_DRILL_DUE},     {"clock", BK_TEXT_ILL_CLOCK},
	{"notifications", BK_TEXT_ILL_NOTIFICATIONS}, {"background", BK_TEXT_ILL_BACKGROUND},
	{"storage", BK_TEXT_ILL_STORAGE},         {"waiting", BK_TEXT_ILL_WAITING},
	{"place", BK_TEXT_ILL_PLACE},             {"microphone", BK_TEXT_ILL_MICROPHONE},
	{"camera", BK_TEXT_ILL_CAMERA},
};

static const char *words_of(const struct bk_cli *cli, const char *word)
{
	for (size_t i = 0; i < sizeof ills / sizeof *ills; i++)
		if (strcmp(ills[i].word, word) == 0)
			return bk_text(ills[i].text, cli->lang);
	return bk_term_shown(word, 40);
}

static void print_problems(const struct bk_cli *cli, const json_t *problems)
{
	json_t *word;
	size_t i;

	if (!json_array_size(problems))
		printf("  %s\n", T(cli, HEALTH_WELL));
	json_array_foreach((json_t *)(uintptr_t)problems, i, word)
		printf("  ! %s\n", words_of(cli, json_string_value(word)));
}

/* ---- health ---- */

/* What a computer knows of itself; a phone's screen knows more. */
static json_t *facts(const struct bk_cli *cli)
{
	json_t *command = json_pack("{s:s, s:s, s:s}", "cmd", "health", "platform", "linux", "version", BAKEN_VERSION);
	struct statvfs disk;

	if (command && statvfs(cli->dir, &disk) == 0)
		json_object_set_new(command, "storage_free_bytes",
			json_integer((json_int_t)((uint64_t)disk.f_bavail * disk.f_frsize)));
	return command;
}

int bk_cmd_health(struct bk_cli *cli, int argc, char **argv)
{
	char at[BK_TERM_TIME];
	json_t *reply = NULL;
	int err, code;

	if (bk_cli_options(cli, argc, argv, NULL, 0) != 0)
		return bk_cli_fail(cli, BK_E_USAGE, NULL);
	err = bk_cli_open(cli);
	if (!err)
		err = bk_cli_sync(cli);
	if (err && err != BK_E_NET && err != BK_E_TIMEOUT)
		return bk_cli_fail(cli, err, NULL);
	code = bk_cli_call(cli, facts(cli), &reply);
	if (code)
		return code;
	if (!bk_cli_print(cli, reply)) {
		print_problems(cli, json_object_get(reply, "problems"));
		printf("%s %s\n", bk_term_padded(T(cli, DRILL_LAST), LABEL),
			bk_cli_ms(reply, "drill_ms") ? bk_term_time(bk_cli_ms(reply, "drill_ms"), cli->lang, at)
						     : T(cli, NEVER));
	}
	json_decref(reply);
	bk_cli_flush(cli);
	return 0;
}

/* ---- drill ---- */

struct drilling {
	bool answered, late;
};

static void watch_drill(struct bk_cli *cli, const json_t *event)
{
	struct drilling *d = cli->watch_arg;

	if (strcmp(bk_cli_str(event, "event"), "drill") != 0)
		return;
	d->answered = strcmp(bk_cli_str(event, "state"), "answered") == 0;
	d->late = !d->answered;
	bk_cli_print(cli, event);
}

static bool is_over(void *arg)
{
	const struct drilling *d = ((struct bk_cli *)arg)->watch_arg;

	return d->answered || d->late;
}

int bk_cmd_drill(struct bk_cli *cli, int argc, char **argv)
{
	struct drilling d = {.answered = false};
	int err, code;

	if (bk_cli_options(cli, argc, argv, NULL, 0) != 0)
		return bk_cli_fail(cli, BK_E_USAGE, NULL);
	err = bk_cli_open(cli);
	if (!err)
		err = bk_cli_sync(cli);
	if (err)
		return bk_cli_fail(cli, err, NULL);
	cli->watch = watch_drill;
	cli->watch_arg = &d;
	code = bk_cli_call(cli, json_pack("{s:s}", "cmd", "drill"), NULL);
	if (code)
		return code;
	if (!cli->json) {
		printf("%s\n", T(cli, DRILL_SENT));
		fflush(stdout);
	}
	bk_rim_wait(cli->rim, is_over, cli, (uint64_t)cli->wait_s * 1000);
	cli->watch = NULL;
	if (!cli->json)
		printf("%s\n", d.answered ? T(cli, DRILL_ANSWERED) : T(cli, DRILL_LATE));
	bk_cli_flush(cli);
	return d.answered ? 0 : EX_TEMPFAIL;
}

/* ---- devices ---- */

static void print_device(const struct bk_cli *cli, const json_t *item)
{
	char at[BK_TERM_TIME];
	bk_ms heard = bk_cli_ms(item, "heard_ms");

	printf("%s %s  %.8s", bk_term_padded(bk_cli_str(item, "name"), 24), bk_print_role(cli, bk_cli_str(item, "role")),
		bk_cli_str(item, "device"));
	if (heard)
		printf("  %s %s", T(cli, HEARD), bk_term_time(heard, cli->lang, at));
	printf("\n");
	print_problems(cli, json_object_get(item, "problems"));
}

int bk_cmd_devices(struct bk_cli *cli, int argc, char **argv)
{
	json_t *reply = NULL, *item;
	size_t i;
	int err, code;

	if (bk_cli_options(cli, argc, argv, NULL, 0) != 0)
		return bk_cli_fail(cli, BK_E_USAGE, NULL);
	err = bk_cli_open(cli);
	if (!err)
		err = bk_cli_sync(cli);
	if (err && err != BK_E_NET && err != BK_E_TIMEOUT)
		return bk_cli_fail(cli, err, NULL);
	code = bk_cli_call(cli, json_pack("{s:s}", "cmd", "devices"), &reply);
	if (code)
		return code;
	if (!bk_cli_print(cli, reply)) {
		if (!json_array_size(json_object_get(reply, "items")))
			printf("%s\n", T(cli, NOTHING));
		json_array_foreach(json_object_get(reply, "items"), i, item)
			print_device(cli, item);
	}
	json_decref(reply);
	return 0;
}
