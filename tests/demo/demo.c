/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The story, played with the real programs for one who looks on. --once ends by itself and leaves nothing; without
 * it the server stays up until Ctrl-C, and how to log in as each role is said.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "err.h"
#include "story.h"
#include "tmp.h"

static const struct {
	const char *title;
	int (*play)(struct bk_story *s);
} acts[] = {
	{"Inrichten: sleutels, meldkamer, zorgteam en zes toestellen", bk_story_realm},
	{"Een melding zonder netwerk", bk_story_report_offline},
	{"De melding komt aan en wordt beantwoord", bk_story_report_arrives},
	{"De server valt uit", bk_story_server_dies},
	{"Een advies van de meldkamer", bk_story_guidance},
	{"Steun van de zorgverlener", bk_story_care},
	{"Een toestel raakt kwijt", bk_story_revocation},
	{"De beheerder kijkt mee, en ziet geen inhoud", bk_story_operator},
};

static int play(struct bk_story *s)
{
	for (size_t i = 0; i < sizeof acts / sizeof *acts; i++) {
		int err;

		printf("\n%zu. %s\n", i + 1, acts[i].title);
		err = acts[i].play(s);
		if (err) {
			fprintf(stderr, "\nbaken-demo: %s\n", s->why);
			return err;
		}
	}
	return 0;
}

static void how_to_log_in(const struct bk_story *s)
{
	printf("\nDe server draait nog, in %s. Kijk zelf, in een andere terminal:\n\n", s->dir);
	for (size_t i = 0; i < BK_ACTORS; i++)
		if (i != BK_RELATIVE) /* its device was withdrawn */
			printf("  %-13s %s --dir %s --passphrase-file %s %s\n", s->who[i].name, s->bin_client, s->who[i].dir,
				s->pass, i == BK_OFFICER1 || i == BK_OFFICER2 ? "desk" : i == BK_VAULT ? "vault" : "messages");
	printf("  %-13s %s --dir %s/server status\n", "Beheerder", s->bin_ctl, s->dir);
	printf("\nCtrl-C stopt de server en ruimt alles op.\n");
	fflush(stdout);
}

static void release_clients(struct bk_story *s)
{
	for (size_t i = 0; i < BK_ACTORS; i++)
		if (s->who[i].live)
			(void)bk_story_client_stop(s, (enum bk_story_actor)i);
}

/* Blocks until the person at the keyboard has seen enough. */
static void wait_for_signal(void)
{
	sigset_t set;
	int got = 0;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigwait(&set, &got);
}

int main(int argc, char **argv)
{
	static struct bk_story story;
	bool once = argc == 2 && strcmp(argv[1], "--once") == 0;
	sigset_t set;
	int err;

	if (argc > 1 && !once) {
		fprintf(stderr, "usage: baken-demo [--once]\n");
		return EX_USAGE;
	}
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	if (!once)
		sigprocmask(SIG_BLOCK, &set, NULL);
	err = bk_story_init(&story, BAKEN_BUILD_DIR "/bin", true);
	if (!err)
		err = play(&story);
	if (!err && !once) {
		release_clients(&story);
		how_to_log_in(&story);
		wait_for_signal();
	}
	if (!err) {
		release_clients(&story);
		err = bk_story_server_stop(&story);
	}
	bk_story_done(&story);
	if (!err)
		printf("\nAlles is gestopt en opgeruimd.\n");
	return err ? EX_SOFTWARE : 0;
}
