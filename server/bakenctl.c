/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <locale.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "ctl.h"

#define DIR_DEFAULT "/var/lib/baken"
#define COMMAND_BYTES 40 /* "registrar create" */

struct command {
	const char *words;
	int (*run)(struct bk_ctl *ctl, int argc, char **argv);
	const char *options, *nl, *en;
};

static const struct command commands[] = {
	{"root create", bk_ctl_root_create, "--out FILE", "maak de hoofdsleutel", "make the root key"},
	{"registrar create", bk_ctl_registrar_create, "--root FILE --label NAME --roles R,R --out FILE [--days N]",
		"wijs een registrator aan", "appoint a registrar"},
	{"server init", bk_ctl_server_init,
		"--root FILE --host NAME [--host NAME] [--port N] [--listen H:P] (--private-ca | --tls-cert F --tls-key F) [--days N]",
		"richt de map van een server in", "set up a server's folder"},
	{"server renew", bk_ctl_server_renew, "--root FILE [--host NAME] [--tls-cert F --tls-key F] [--days N]",
		"vernieuw de certificaten van de server", "renew the server's certificates"},
	{"circle create", bk_ctl_circle_create, "--registrar FILE --kind desk|care --label NAME",
		"maak een meldkamer of zorgteam", "make a desk or care team"},
	{"roster list", bk_ctl_roster_list, "[--registrar FILE]", "toon alle kringen", "list all circles"},
	{"roster show", bk_ctl_roster_show, "--circle ID [--registrar FILE]", "toon een toestellenlijst",
		"show a list of devices"},
	{"roster renew", bk_ctl_roster_renew,
		"--registrar FILE [--circle ID] [--days N] [--desk ID] [--care ID] [--household ID] [--fallback ID]",
		"vernieuw toestellenlijsten", "renew lists of devices"},
	{"roster publish", bk_ctl_roster_publish, "--registrar FILE", "zet na een oude reservekopie de lijsten terug",
		"put lists back after an old backup"},
	{"relations", bk_ctl_relations, "--registrar FILE [--circle ID --with ID [--apart]]", "wie bij elkaar hoort",
		"who belongs together"},
	{"invite", bk_ctl_invite,
		"--registrar FILE --role ROLE [--circle ID] [--desk ID] [--care ID] [--household ID] [--account ID] [--name NAME] [--hours N]",
		"nodig een toestel uit (QR en code)", "invite a device (QR and code)"},
	{"invites", bk_ctl_invites, "[--registrar FILE]", "toon de uitnodigingen", "list invitations"},
	{"approve", bk_ctl_approve, "--registrar FILE [--invite ID] [--wait SECONDS] [--compare] [--refuse]",
		"keur aanvragen goed", "approve requests"},
	{"revoke", bk_ctl_revoke, "--registrar FILE --device ID", "trek een toestel in", "withdraw a device"},
	{"devices", bk_ctl_devices, "[--circle ID]", "toon de toestellen", "list devices"},
	{"cut", bk_ctl_cut, "--device ID", "verbreek een verbinding", "cut a connection"},
	{"status", bk_ctl_status, "", "hoe gaat het met de server", "how the server is doing"},
	{"metrics", bk_ctl_metrics, "", "meetwaarden (Prometheus)", "metrics (Prometheus)"},
	{"audit list", bk_ctl_audit_list, "[--from N] [--max N]", "toon het logboek", "show the audit log"},
	{"audit verify", bk_ctl_audit_verify, "[FILE [--root FILE]]", "controleer het logboek, of een bestand met het logboek",
		"verify the audit log, or a file of it"},
	{"audit export", bk_ctl_audit_export, "FILE [--receipt-key FILE]", "zet het logboek in een bestand, ondertekend",
		"write the audit log to a file, signed"},
	{"incident", bk_ctl_incident, "--to FOLDER [--hours N] [--log FILE]", "leg vast wat er op de server gebeurd is, zonder inhoud",
		"put on file what happened at the server, without content"},
	{"rights", bk_ctl_rights, "", "wie bijzondere rechten heeft, en wanneer die gebruikt zijn",
		"who has special rights, and when they were used"},
	{"push key", bk_ctl_push_key, "[--out FILE]", "maak de sleutel waarmee de server zich bij pushdiensten bekendmaakt",
		"make the key by which push hosts know this server"},
	{"backup", bk_ctl_backup, "--to FOLDER", "maak een reservekopie", "make a backup"},
	{"restore", bk_ctl_restore, "--from FOLDER --to FOLDER --seal-key FILE [--receipt-key FILE] [--tls-key FILE]",
		"zet een reservekopie terug", "restore a backup"},
	{"expire", bk_ctl_expire, "", "ruim nu op wat verlopen is", "clean up what has expired now"},
};
#define COMMANDS (sizeof commands / sizeof *commands)

static void usage(const struct bk_ctl *ctl, FILE *to)
{
	fprintf(to, "%s\n\n", CT(ctl, USE));
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(to, "  %-17s %s\n", commands[i].words, ctl->lang == BK_LANG_EN ? commands[i].en : commands[i].nl);
	fprintf(to, "\n%s\n", CT(ctl, USE_MORE));
}

static void usage_of(const struct bk_ctl *ctl, const struct command *c, FILE *to)
{
	fprintf(to, "bakenctl %s %s\n%s\n", c->words, c->options, ctl->lang == BK_LANG_EN ? c->en : c->nl);
}

/* The command that argv begins with; *ret_used words name it. */
static const struct command *find(int argc, char **argv, int *ret_used)
{
	char two[COMMAND_BYTES];

	if (argc < 1)
		return NULL;
	snprintf(two, sizeof two, "%s %s", argv[0], argc > 1 ? argv[1] : "");
	for (size_t i = 0; i < COMMANDS; i++) {
		bool pair = strchr(commands[i].words, ' ') != NULL;

		if (strcmp(commands[i].words, pair ? two : argv[0]) == 0) {
			*ret_used = pair ? 2 : 1;
			return &commands[i];
		}
	}
	return NULL;
}

static bool has(int argc, char **argv, const char *word)
{
	for (int i = 0; i < argc; i++)
		if (strcmp(argv[i], word) == 0)
			return true;
	return false;
}

/* Where the command begins: global options may stand before it. */
static int command_at(int argc, char **argv)
{
	static const char *const valued[] = {"--dir", "--socket", "--passphrase-file", "--new-passphrase-file", "--lang"};
	int at = 0;

	while (at < argc && strncmp(argv[at], "--", 2) == 0) {
		bool pair = false;

		for (size_t i = 0; i < sizeof valued / sizeof *valued; i++)
			pair |= strcmp(argv[at], valued[i]) == 0;
		at += pair ? 2 : 1;
	}
	return at < argc ? at : argc;
}

static enum bk_lang language(void)
{
	const char *lang = getenv("BAKEN_LANG");

	return lang && strcmp(lang, "en") == 0 ? BK_LANG_EN : BK_LANG_NL;
}

int main(int argc, char **argv)
{
	struct bk_ctl ctl = {.dir = DIR_DEFAULT, .lang = language()};
	const struct command *c;
	int at, used = 0, code;

	setlocale(LC_TIME, "");
	signal(SIGPIPE, SIG_IGN);
	if (sodium_init() < 0)
		return EX_SOFTWARE;
	argc--;
	argv++;
	if (argc && has(argc, argv, "--version")) {
		printf("bakenctl %s\n", BAKEN_VERSION);
		return 0;
	}
	at = command_at(argc, argv);
	c = find(argc - at, argv + at, &used);
	if (has(argc, argv, "--help") || has(argc, argv, "-h")) {
		ctl.lang = has(argc, argv, "en") ? BK_LANG_EN : ctl.lang;
		if (c)
			usage_of(&ctl, c, stdout);
		else
			usage(&ctl, stdout);
		return 0;
	}
	if (!c) {
		usage(&ctl, stderr);
		return EX_USAGE;
	}
	memmove(argv + used, argv, (size_t)at * sizeof *argv); /* the options before it, in front of those behind */
	code = c->run(&ctl, argc - used, argv + used);
	if (code == EX_USAGE)
		usage_of(&ctl, c, stderr);
	return code;
}
