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
	{"alarm", bk_cmd_alarm, "[--silent] [--now] [--drill [--full]] [TEXT]", "ik heb nu hulp nodig", "I need help now"},
	{"safe", bk_cmd_safe, "[--mistake] [TEXT]", "het alarm is voorbij", "the alarm is over"},
	{"place", bk_cmd_place, "[--accuracy METRES] [--battery PERCENT] LATITUDE LONGITUDE", "waar dit toestel is",
		"where this device is"},
	{"share", bk_cmd_share, "MINUTES | stop", "mijn plek een tijd delen met de meldkamer",
		"share my place with the desk for a time"},
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
		"[send (--to CIRCLE... | --group GROUP... | --all) [--household] [--template NAME] [--title T] [--hours N] "
		"[--no-acknowledge] [--drill] [TEXT] | status MESSAGE | recall MESSAGE REASON | templates [NAME] | requests | "
		"approve REQUEST | refuse REQUEST REASON | take-back REQUEST | groups | group [--change GROUP] NAME CIRCLE... | "
		"ungroup GROUP]",
		"advies lezen; voor de meldkamer: sturen, volgen, intrekken", "read guidance; desk: send, follow, recall"},
	{"acknowledge", bk_cmd_acknowledge, "MESSAGE", "een advies bevestigen", "acknowledge guidance"},
	{"ask-again", bk_cmd_ask_again, "MESSAGE", "een onleesbaar bericht opnieuw vragen",
		"ask again for an unreadable message"},
	{"watch", bk_cmd_watch,
		"[list | start [--journey] [--until HH:MM | --minutes N] [--grace N] [--every N] [--where W] [--place LAT,LON] "
		"[--note N] [--drill] WHAT | safe [TIMER] | extend [--until HH:MM | --minutes N] [TIMER] | cancel [TIMER]]",
		"inchecken en onderweg: de meldkamer krijgt alarm als u niet op tijd van u laat horen",
		"check in, or be on the way: the desk is alarmed when it does not hear from you in time"},
	{"people", bk_cmd_people, "", "aan wie dit toestel kan schrijven", "whom this device can write to"},
	{"desk", bk_cmd_desk, "[on | off | list | case CASE | due | claim CASE | release CASE REASON | close CASE FEEDBACK | "
		"note CASE TEXT | promise CASE TIME | urgency CASE now|today|can-wait|as-said | join CASE | leave CASE | "
		"escalate CASE REASON | link CASE CASE | policy [NAME=NUMBER]...]",
		"meldkamer: het bord", "duty desk: the board"},
	{"shift", bk_cmd_shift,
		"[show | colleagues | offer [--risk T]... COLLEAGUE [TEXT] | answer [--accept N]... [--refuse N]... [--reason T] "
		"HANDOVER | take-back HANDOVER | grant [--since W] [--until W] CASE COLLEAGUE | ask [CASE]... | read-by DEVICE | "
		"plan [--least N] [FILE] | off [--force REASON]]",
		"dienst: overdragen, sleutels, rooster", "shift: handover, keys, plan"},
	{"vault", bk_cmd_vault, "[--canary SECONDS] [--canary-late SECONDS]", "kluis: bewaart sleutels, toont niets", "vault: keeps keys, shows nothing"},
	{"monitor", bk_cmd_monitor, "[--days N] [--html FILE]", "het werk van de meldkamer in getallen",
		"the work of the desk in numbers"},
	{"receipts", bk_cmd_receipts, "[export FILE]", "bewijzen van de server", "the server's signed receipts"},
	{"sync", bk_cmd_sync, "", "ophalen en versturen", "fetch and send"},
	{"unlock", bk_cmd_unlock, "[--minutes N]", "even niet naar de wachtwoordzin vragen",
		"do not ask for the passphrase for a while"},
	{"lock", bk_cmd_lock, "", "weer wel vragen", "ask again"},
	{"passphrase", bk_cmd_passphrase, "[--new-passphrase-file F]", "wachtwoordzin veranderen",
		"change the passphrase"},
	{"health", bk_cmd_health, "", "hoe gaat het met dit toestel", "how this device is"},
	{"drill", bk_cmd_drill, "", "oefenen: een proefalarm naar de meldkamer en terug",
		"drill: a test alarm to the desk and back"},
	{"devices", bk_cmd_devices, "", "toestellen van mensen, en wat eraan mankeert",
		"people's devices, and what is wrong with them"},
	{"pin", bk_cmd_pin, "[--second | --no-second] [--new-passphrase-file F]",
		"pincode instellen; een tweede opent hetzelfde, en de meldkamer weet dan dat u gedwongen wordt",
		"set the PIN; a second one opens the same, and the desk then knows that you are being forced"},
	{"wipe", bk_cmd_wipe, "[--yes]", "alles op dit toestel wissen, de sleutels eerst",
		"erase everything on this device, the keys first"},
	{"rpc", bk_cmd_rpc, "[--lock-after MINUTES]", "JSON-regels in, gebeurtenissen uit", "JSON lines in, events out"},
};
#define COMMANDS (sizeof commands / sizeof *commands)
#define WORD_MAX 40u
#define NEAR_MAX 2u

static void usage(FILE *f, enum bk_lang lang)
{
	fprintf(f, "baken [--dir DIR] [--passphrase-file F] [--lang nl|en] [--json] [--offline] [--wait SECONDS] "
		   "COMMAND ...\n\n");
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(f, "  %-12s %s\n", commands[i].name, lang == BK_LANG_EN ? commands[i].en : commands[i].nl);
	fprintf(f, "\n%s\n", bk_text(BK_TEXT_HELP_MORE, lang));
}

static void usage_of(FILE *f, const struct command *c, enum bk_lang lang)
{
	fprintf(f, "baken %s %s\n%s\n", c->name, c->use, lang == BK_LANG_EN ? c->en : c->nl);
}

static const struct command *find(const char *name)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (strcmp(name, commands[i].name) == 0)
			return &commands[i];
	return NULL;
}

/* Letters to change, add or leave out to come from one word to the other. */
static unsigned distance(const char *a, const char *b)
{
	unsigned row[WORD_MAX + 1];
	size_t n = strlen(a), m = strlen(b);

	if (n > WORD_MAX || m > WORD_MAX)
		return WORD_MAX;
	for (unsigned k = 0; k <= m; k++)
		row[k] = k;
	for (size_t i = 1; i <= n; i++) {
		unsigned corner = row[0];

		row[0] = (unsigned)i;
		for (size_t k = 1; k <= m; k++) {
			unsigned best = corner + (a[i - 1] != b[k - 1]);

			corner = row[k];
			best = row[k] + 1 < best ? row[k] + 1 : best;
			row[k] = row[k - 1] + 1 < best ? row[k - 1] + 1 : best;
		}
	}
	return row[m];
}

/* What was meant: a word that begins so, else the nearest within two letters; NULL. */
static const char *nearest(const char *word)
{
	const char *found = NULL;
	unsigned best = NEAR_MAX + 1;

	for (size_t i = 0; i < COMMANDS; i++) {
		unsigned d = distance(word, commands[i].name);

		if (strlen(word) >= 3 && strncmp(word, commands[i].name, strlen(word)) == 0)
			d = 0;
		if (d < best) {
			best = d;
			found = commands[i].name;
		}
	}
	return found;
}

static int unknown(const char *word, enum bk_lang lang)
{
	const char *meant = nearest(word);

	fprintf(stderr, "baken: %s: %s\n", bk_term_shown(word, WORD_MAX), bk_text(BK_TEXT_UNKNOWN_COMMAND, lang));
	if (meant)
		fprintf(stderr, "%s baken %s\n", bk_text(BK_TEXT_DID_YOU_MEAN, lang), meant);
	else
		usage(stderr, lang);
	return EX_USAGE;
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
			    strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "--version") == 0 ||
			    strchr(argv[i], '=');

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

/* "help", "help WORD", "WORD --help". */
static int help(const char *word, enum bk_lang lang)
{
	const struct command *c = word ? find(word) : NULL;

	if (word && !c)
		return unknown(word, lang);
	if (c)
		usage_of(stdout, c, lang);
	else
		usage(stdout, lang);
	return 0;
}

static int run(struct bk_cli *cli, int argc, char **argv)
{
	const struct command *c = find(argv[0]);
	int code;

	if (!c)
		return unknown(argv[0], cli->lang);
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--help") == 0)
			return help(c->name, cli->lang);
	code = c->run(cli, argc - 1, argv + 1);
	bk_cli_close(cli);
	if (code == EX_USAGE && !cli->json)
		usage_of(stderr, c, cli->lang);
	return code;
}

int main(int argc, char **argv)
{
	struct bk_cli cli = {.passphrase_file = getenv("BAKEN_PASSPHRASE_FILE")};
	const char *dir = getenv("BAKEN_DIR"), *lang = getenv("BAKEN_LANG"), *wait = NULL;
	bool want_help = false, version = false;
	const struct bk_cli_option options[] = {
		{"dir", &dir, NULL, NULL},
		{"passphrase-file", &cli.passphrase_file, NULL, NULL},
		{"lang", &lang, NULL, NULL},
		{"wait", &wait, NULL, NULL},
		{"json", NULL, NULL, &cli.json},
		{"offline", NULL, NULL, &cli.offline},
		{"help", NULL, NULL, &want_help},
		{"version", NULL, NULL, &version},
	};
	int at = split(argc, argv);

	if (sodium_init() < 0)
		return EX_SOFTWARE;
	shield();
#ifdef BAKEN_CRASH_POINTS
	bk_crash_env_install();
#endif
	if (bk_cli_options(&cli, at - 1, argv + 1, options, sizeof options / sizeof *options) != 0 ||
		set_globals(&cli, dir, lang, wait)) {
		usage(stderr, cli.lang);
		return EX_USAGE;
	}
	if (version) {
		printf("baken %s\n", BAKEN_VERSION);
		return 0;
	}
	if (want_help || (at < argc && strcmp(argv[at], "help") == 0))
		return help(at + 1 < argc && !want_help ? argv[at + 1] : NULL, cli.lang);
	if (at >= argc) {
		usage(stderr, cli.lang);
		return EX_USAGE;
	}
	return run(&cli, argc - at, argv + at);
}
