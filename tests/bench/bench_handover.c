/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sixty cases change hands: from the offer until the receiver, who has just come on duty with an empty store, has
 * accepted all of them and folds every case as the giver does. Real cores and the real server in one process; bytes are
 * those of the frames of both devices.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "figures.h"
#include "twin.h"

#define CASES 60u
#define MINUTE 60000u

static struct bk_twin twin;
static struct bk_twin_cast cast;
static uint64_t to_receiver, from_receiver, giver_bytes;

static enum bk_twin_verdict weigh(void *arg, struct bk_twin_device *d, bool to_server, Baken__Frame *f)
{
	uint64_t size = baken__frame__get_packed_size(f);

	(void)arg;
	if (d == cast.officer)
		giver_bytes += size;
	else if (d == cast.second)
		*(to_server ? &from_receiver : &to_receiver) += size;
	return BK_TWIN_PASS;
}

static void make_case(void)
{
	char id[BK_ID_TEXT];
	bk_id m = bk_twin_do(cast.person, json_pack("{s:s, s:s, s:s}", "cmd", "report", "what",
		"Een onbekende auto staat al een uur voor de deur, met twee mensen erin.", "urgency", "today"));

	bk_id_text(m, id);
	bk_twin_do(cast.officer, json_pack("{s:s, s:s}", "cmd", "claim", "case", id));
	bk_twin_do(cast.officer, json_pack("{s:s, s:s, s:s}", "cmd", "note", "case", id, "text", "Kenteken opgevraagd."));
	bk_twin_do(cast.officer, json_pack("{s:s, s:s, s:s}", "cmd", "reply", "to", id, "text", "Wij kijken mee."));
	bk_twin_pass(&twin, 5000);
}

/* Both boards say the same, and that all are the receiver's now. */
static bool equal(void)
{
	struct bk_twin_device *const both[] = {cast.officer, cast.second};
	json_t *boards[2] = {NULL, NULL}, *row;
	size_t theirs = 0;
	bool same;

	for (size_t k = 0; k < 2; k++) {
		size_t i;

		BK_ASSERT(bk_twin_call(both[k], json_pack("{s:s}", "cmd", "board"), &boards[k]) == 0);
		json_array_foreach(json_object_get(boards[k], "cases"), i, row) {
			json_object_del(row, "mine");
			json_object_del(row, "waiting_ms");
			theirs += strcmp(json_string_value(json_object_get(row, "owner")), cast.second->name) == 0;
		}
	}
	same = theirs == 2 * CASES &&
		json_equal(json_object_get(boards[0], "cases"), json_object_get(boards[1], "cases"));
	json_decref(boards[0]);
	json_decref(boards[1]);
	return same;
}

static json_t *all(void)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < CASES; i++)
		json_array_append_new(list, json_integer(i));
	return list;
}

int main(void)
{
	char to[BK_ID_TEXT];
	json_t *reply = NULL;
	uint64_t began;
	bk_ms clock;

	bk_twin_cast(&twin, "bench-handover", &cast);
	bk_twin_do(cast.second, json_pack("{s:s, s:b}", "cmd", "duty", "on", 0));
	for (unsigned i = 0; i < CASES; i++)
		make_case();
	bk_twin_do(cast.vault, json_pack("{s:s}", "cmd", "disconnect")); /* the giver's keyring alone, not the vault's */
	bk_twin_do(cast.second, json_pack("{s:s, s:b}", "cmd", "duty", "on", 1));
	bk_twin_pass(&twin, MINUTE);
	twin.tap = weigh;
	began = bk_figures_ns();
	clock = bk_twin_now();
	BK_ASSERT(bk_twin_call(cast.officer, json_pack("{s:s, s:s}", "cmd", "handover-offer", "to",
		bk_id_text(cast.second->id, to)), &reply) == 0);
	bk_twin_settle(&twin);
	while (bk_twin_count(cast.second, "keyring", "change", "fetched") == 0)
		bk_twin_pass(&twin, 100);
	BK_ASSERT(bk_twin_call(cast.second, json_pack("{s:s, s:O, s:o}", "cmd", "handover-answer", "handover",
		json_object_get(reply, "handover"), "accept", all()), NULL) == 0);
	while (!equal()) {
		bk_twin_pass(&twin, 100);
		BK_ASSERT(bk_twin_now() - clock < 10 * MINUTE);
	}
	printf("{\"bench\":\"handover\",\"cases\":%u,\"seconds\":%.3f,\"clock_s\":%.1f,\"to_receiver_bytes\":%llu,"
	       "\"from_receiver_bytes\":%llu,\"giver_bytes\":%llu}\n",
		CASES, (double)(bk_figures_ns() - began) / 1e9, (double)(bk_twin_now() - clock) / 1e3,
		(unsigned long long)to_receiver, (unsigned long long)from_receiver, (unsigned long long)giver_bytes);
	json_decref(reply);
	bk_twin_close(&twin);
	return 0;
}
