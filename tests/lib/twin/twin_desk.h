/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What tests of a desk in the twin begin with: a report that became a case, its row on a board, and what an officer does
 * with it. For one test program; include it after cmocka.h.
 */
#ifndef BK_TWIN_DESK_H
#define BK_TWIN_DESK_H

#include <string.h>

#include "twin.h"

static struct bk_twin twin;
static struct bk_twin_cast cast;

static inline const char *str(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static inline bk_ms ms(const json_t *o, const char *key)
{
	return (bk_ms)json_integer_value(json_object_get(o, key));
}

static inline bk_id report_by(struct bk_twin_device *d, const char *urgency, const char *certainty, char id[static BK_ID_TEXT])
{
	bk_id m = bk_twin_do(d, json_pack("{s:s, s:s, s:s, s:s}", "cmd", "report", "what", "Iets.", "urgency", urgency,
		"certainty", certainty));

	bk_id_text(m, id);
	return m;
}

static inline bk_id new_case(char id[static BK_ID_TEXT])
{
	return report_by(cast.person, "today", "sure", id);
}

static inline json_t *row_of(struct bk_twin_device *d, const char *id)
{
	json_t *board = NULL, *row, *found = NULL;
	size_t i;

	assert_int_equal(bk_twin_call(d, json_pack("{s:s}", "cmd", "board"), &board), 0);
	json_array_foreach(json_object_get(board, "cases"), i, row)
		if (strcmp(str(row, "case"), id) == 0)
			found = json_incref(row);
	json_decref(board);
	assert_non_null(found);
	return found;
}

/* act(d, "close", id, "feedback", "..."): a command with one text. */
static inline int act(struct bk_twin_device *d, const char *cmd, const char *id, const char *key, const char *text)
{
	json_t *c = json_pack("{s:s, s:s}", "cmd", cmd, "case", id);
	int err;

	if (key)
		json_object_set_new(c, key, json_string(text));
	err = bk_twin_call(d, c, NULL);
	bk_twin_settle(&twin);
	return err;
}

static inline int promise(struct bk_twin_device *d, const char *id, bk_ms at)
{
	int err = bk_twin_call(d, json_pack("{s:s, s:s, s:I}", "cmd", "promise", "case", id, "next_contact_ms",
		(json_int_t)at), NULL);

	bk_twin_settle(&twin);
	return err;
}

#endif
