/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From the person's key press to the officer's screen: two real client processes on a real realm, one report
 * at a time. Also until the person reads that a desk device has opened it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "figures.h"
#include "story.h"

#define REPORTS 40u /* below the server's rate for one device */
#define WAIT_MS 20000u

static struct bk_story story;

/* The member of a reply as a copy in out. */
static void word(const json_t *o, const char *key, char out[static 40])
{
	const char *v = json_string_value(json_object_get(o, key));

	snprintf(out, 40, "%s", v ? v : "");
}

static int until_decrypted(const char *message)
{
	struct bk_rpc *person = &story.who[BK_PERSON].rpc;

	for (;;) {
		json_t *e = NULL;
		const char *rung;
		int err = bk_rpc_wait(person, "outgoing", "message", message, WAIT_MS, &e);
		bool done;

		if (err)
			return err;
		rung = json_string_value(json_object_get(e, "rung"));
		done = rung && strcmp(rung, "decrypted") == 0;
		json_decref(e);
		if (done)
			return 0;
	}
}

static int report(struct bk_hist *seen, struct bk_hist *known)
{
	json_t *reply = NULL;
	char message[40];
	uint64_t began = bk_figures_ns();
	int err = bk_rpc_call(&story.who[BK_PERSON].rpc,
		json_pack("{s:s, s:s, s:s}", "cmd", "report", "what", "Er staat al een uur een auto", "urgency", "today"),
		WAIT_MS, &reply);

	if (err)
		return err;
	word(reply, "message", message);
	json_decref(reply);
	err = bk_rpc_wait(&story.who[BK_OFFICER1].rpc, "case", "case", message, WAIT_MS, NULL);
	if (err)
		return err;
	bk_hist_add(seen, bk_figures_ns() - began);
	err = until_decrypted(message);
	bk_hist_add(known, bk_figures_ns() - began);
	return err;
}

int main(void)
{
	static struct bk_hist seen, known, ignored;
	const char *build = getenv("BAKEN_BUILD");
	char bin[512];
	int err;

	snprintf(bin, sizeof bin, "%s/bin", build ? build : BAKEN_BUILD_DIR);
	err = bk_story_init(&story, bin, false);
	if (!err)
		err = bk_story_realm(&story);
	if (!err)
		err = report(&ignored, &ignored); /* the first one makes the sessions */
	for (unsigned i = 0; !err && i < REPORTS; i++)
		err = report(&seen, &known);
	if (err)
		fprintf(stderr, "report_to_officer: %s %s\n", bk_err_name(err), story.why);
	else
		printf("{\"bench\":\"report_to_officer\",\"reports\":%u,\"p50_ms\":%.2f,\"p99_ms\":%.2f,"
		       "\"person_knows_p50_ms\":%.2f,\"person_knows_p99_ms\":%.2f}\n",
			REPORTS, bk_hist_ms(&seen, 0.5), bk_hist_ms(&seen, 0.99), bk_hist_ms(&known, 0.5),
			bk_hist_ms(&known, 0.99));
	bk_story_done(&story);
	return err ? 1 : 0;
}
