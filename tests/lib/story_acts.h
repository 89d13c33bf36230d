/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the programs that play one story each begin with: the cast, acts that follow from one another, and a command
 * with its expected outcome. For one test program; include it after cmocka.h.
 */
#ifndef BK_STORY_ACTS_H
#define BK_STORY_ACTS_H

#include "err.h"
#include "story.h"

#define WAIT_MS 30000u

static struct bk_story story;
static bool broken; /* an act ends by setting it back */

static inline void begin_act(void)
{
	if (broken)
		fail_msg("an earlier act failed");
	broken = true;
}

static inline const char *str(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static inline struct bk_rpc *rpc(enum bk_story_actor who)
{
	return &story.who[who].rpc;
}

/* expected: 0 or the error's number. The reply's reference is the caller's. */
static inline json_t *call(enum bk_story_actor who, json_t *command, int expected)
{
	json_t *reply = NULL;
	int err = bk_rpc_call(rpc(who), command, WAIT_MS, &reply);

	if (err != expected)
		fail_msg("%s: %s instead of %s (%s)", story.who[who].name, bk_err_name(err), bk_err_name(expected),
			str(reply, "text"));
	return reply;
}

#endif
