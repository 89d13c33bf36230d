/* SPDX-License-Identifier: GPL-3.0-or-later */
/* baken: the client of every role on a computer. One row per sub-command. */
#include <errno.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sysexits.h>

#include "cli.h"
#ifdef BAKEN_CRASH_POINTS
#include "crash_env.h"
#endif

#define WAIT_S 15u /* how long a command waits for the server before it says: on this device */
#define WAIT_S_MAX 86400u

static const struct command {
	const char *name;
	int (*run)(struct bk_cli *cli, int argc, char **argv);
	const char *use;
	const char *nl, *en;
} commands[] = {
	{"enrol", bk_cmd_enrol, "[--name NAME] [--ca FILE] CODE", "dit toestel aanmelden", "enrol this device"},
	{"status", bk_cmd_status, "", "hoe staat het ervoor", "how things are"},
	{"report", bk_cmd_report,
		"[--where W] [--when W] [--urgency now|today|can-wait] [--certainty sure|unsure|gut-feeling] "
		"[--file F]... [--drill] TEXT",
		"iets melden", "report something"},
	{"reports", bk_cmd_reports, "", "mijn meldingen, met hoe ver ze zijn", "my reports and how far they are"},
	{"messages", bk_cmd_messages, "[--conversation ID]", "berichten", "messages"},
	{"show", bk_cmd_show, "MESSAGE", "een bericht lezen", "read a message"},
	{"reply", bk_cmd_reply, "[--answer] [--file F]... MESSAGE TEXT", "antwoorden", "reply"},
	{"send", bk_cmd_send, "[--file F]... desk|care|CIRCLE TEXT", "een bericht sturen", "send a message"},
	{"attach", bk_cmd_attach, "FILE...", "bestanden versleuteld klaarzetten", "put files ready, encrypted"},
	{"save", bk_cmd_save, "MESSAGE NUMBER FILE", "een bijlage opslaan", "save an attachment"},
	{"guidance", bk_cmd_guidance,
		"--title T (--to CIRCLE... | --all) [--no-acknowledge] [--drill] TEXT | --status MESSAGE",
		"advies sturen, of zien wie het bevestigde", "send guidance, or see who acknowledged"},
	{"acknowledge", bk_cmd_acknowledge, "MESSAGE", "een advies bevestigen", "acknowledge guidance"},
	{"ask-again", bk_cmd_ask_again, "MESSAGE", "een onleesbaar bericht opnieuw vragen",
		"ask again for an unreadable message"},
	{"people", bk_cmd_people, "", "aan wie dit toestel kan schrijven", "whom this device can write to"},
	{"desk", bk_cmd_desk, "[on | off | list | claim CASE | release CASE REASON | close CASE FEEDBACK | note CASE TEXT]",
		"meldkamer: het bord", "duty desk: the board"},
	{"vault", bk_cmd_vault, "", "kluis: bewaart sleutels, toont niets", "vault: keeps keys, shows nothing"},
	{"receipts", bk_cmd_receipts, "[export FILE]", "bewijzen van de server", "the server's signed receipts"},
	{"sync", bk_cmd_sync, "", "ophalen en versturen", "fetch and send"},
	{"unlock", bk_cmd_unlock, "[--minutes N]", "even niet naar de wachtwoordzin vragen",
		"do not ask for the passphrase for a while"},
	{"lock", bk_cmd_lock, "", "weer wel vragen", "ask again"},
	{"passphrase", bk_cmd_passphrase, "[--new-passphrase-file F]", "wachtwoordzin veranderen",
		"change the passphrase"},
	{"rpc", bk_cmd_rpc, "", "JSON-regels in, gebeurtenissen uit", "JSON lines in, events out"},
};

static void usage(FILE *f, enum bk_lang lang)
{
	fprintf(f, "baken [--dir DIR] [--passphrase-file F] [--lang nl|en] [--json] [--offline] [--wait SECONDS] "
		   "COMMAND ...\n\n");
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
		fprintf(f, "  %-12s %s\n", commands[i].name, lang == BK_LANG_EN ? commands[i].en : commands[i].nl);
	fprintf(f, "\nman baken\n");
}

static int default_dir(struct bk_cli *cli)
{
	const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
	int n;

	if (data && *data == '/')
		n = snprintf(cli->dir, sizeof cli->dir, "%s/baken", data);
	else if (home && *home)
		n = snprintf(cli->dir, sizeof cli->dir, "%s/.local/share/baken", home);
	else
		return BK_E_USAGE;
	return n > 0 && (size_t)n < sizeof cli->dir ? 0 : BK_E_USAGE;
}

static int set_globals(struct bk_cli *cli, const char *dir, const char *lang, const char *wait)
{
	char *end = NULL;
	unsigned long n;

	if (dir && (size_t)snprintf(cli->dir, sizeof cli->dir, "%s", dir) >= sizeof cli->dir)
		return BK_E_USAGE;
	if (!cli->dir[0] && default_dir(cli))
		return BK_E_USAGE;
	if (!lang)
		lang = "nl";
	if (strcmp(lang, "nl") != 0 && strcmp(lang, "en") != 0)
		return BK_E_USAGE;
	cli->lang = strcmp(lang, "en") == 0 ? BK_LANG_EN : BK_LANG_NL;
	cli->wait_s = WAIT_S;
	if (wait) {
		n = strtoul(wait, &end, 10);
		if (*end || end == wait || n > WAIT_S_MAX)
			return BK_E_USAGE;
		cli->wait_s = (unsigned)n;
	}
	return 0;
}

/* Options before the command are global; after it they are the command's own. */
static int split(int argc, char **argv)
{
	int i = 1;

	while (i < argc && strncmp(argv[i], "--", 2) == 0) {
		bool flag = strcmp(argv[i], "--json") == 0 || strcmp(argv[i], "--offline") == 0 ||
			    strcmp(argv[i], "--help") == 0 || strchr(argv[i], '=');

		i += flag ? 1 : 2;
	}
	return i < argc ? i : argc;
}

/* Keys must reach neither a core file nor a debugger of another user's process. */
static void shield(void)
{
	const struct rlimit none = {0, 0};

	setrlimit(RLIMIT_CORE, &none);
#ifndef BAKEN_CRASH_POINTS
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
	signal(SIGPIPE, SIG_IGN);
}

int main(int argc, char **argv)
{
	struct bk_cli cli = {.passphrase_file = getenv("BAKEN_PASSPHRASE_FILE")};
	const char *dir = getenv("BAKEN_DIR"), *lang = getenv("BAKEN_LANG"), *wait = NULL;
	bool help = false;
	const struct bk_cli_option options[] = {
		{"dir", &dir, NULL, NULL},
		{"passphrase-file", &cli.passphrase_file, NULL, NULL},
		{"lang", &lang, NULL, NULL},
		{"wait", &wait, NULL, NULL},
		{"json", NULL, NULL, &cli.json},
		{"offline", NULL, NULL, &cli.offline},
		{"help", NULL, NULL, &help},
	};
	int at = split(argc, argv), code = EX_USAGE;

	if (sodium_init() < 0)
		return EX_SOFTWARE;
	shield();
#ifdef BAKEN_CRASH_POINTS
	bk_crash_env_install();
#endif
	if (bk_cli_options(at - 1, argv + 1, options, sizeof options / sizeof *options) != 0 ||
		set_globals(&cli, dir, lang, wait) || (at >= argc && !help)) {
		usage(stderr, cli.lang);
		return EX_USAGE;
	}
	if (help) {
		usage(stdout, cli.lang);
		return 0;
	}
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
		if (strcmp(argv[at], commands[i].name) == 0) {
			code = commands[i].run(&cli, argc - at - 1, argv + at + 1);
			bk_cli_close(&cli);
			if (code == EX_USAGE)
				fprintf(stderr, "baken %s %s\n", commands[i].name, commands[i].use);
			return code;
		}
	usage(stderr, cli.lang);
	return EX_USAGE;
}
