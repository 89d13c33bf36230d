/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "household.h"

#include <stdlib.h>

#include "engine.h"

#define ASK_MAX 8u /* lists at once: others want to ask too */

static void add(struct bk_core *core, bk_id self, bk_id circle, json_t *circles)
{
	char text[BK_ID_TEXT];

	if (!bk_id_equal(self, circle) && bk_db_has(&core->db, bk_key_id("circle/", circle)))
		bk_json_put(circles, bk_id_text(circle, text), json_true());
}

void bk_household_add(struct bk_core *core, bk_id circle, json_t *circles)
{
	const struct bk_roster *own = bk_rosters_get(core, circle);
	struct bk_rows rows;

	for (size_t i = 0; own && i < own->n_household; i++)
		add(core, circle, own->household[i], circles);
	if (bk_db_keys(&core->db, bk_key_id("kin/", circle), 0, &rows))
		return;
	for (size_t i = 0; i < rows.n; i++)
		add(core, circle, bk_row_id(&rows.v[i], strlen("kin/") + BK_ID_BYTES), circles);
	bk_rows_free(&rows);
}

json_t *bk_household_list(struct bk_core *core, bk_id circle)
{
	json_t *set = bk_json_object(), *list = bk_json_array(), *v = NULL;
	const char *text = NULL;

	bk_household_add(core, circle, set);
	json_object_foreach(set, text, v)
		bk_json_push(list, json_string(text));
	json_decref(set);
	return list;
}

void bk_household_roster(struct bk_core *core, const struct bk_roster *before, const struct bk_roster *now)
{
	for (size_t i = 0; before && i < before->n_household; i++)
		bk_db_del(&core->db, bk_key_pair("kin/", before->household[i], before->circle));
	for (size_t i = 0; i < now->n_household; i++)
		bk_db_put(&core->db, bk_key_pair("kin/", now->household[i], now->circle), "", 0);
}

/* ---- getting to know ---- */

static bool is_known(struct bk_core *core, bk_id circle)
{
	return bk_db_has(&core->db, bk_key_id("roster/", circle));
}

int bk_household_ready(struct bk_core *core)
{
	struct bk_rows rows;
	size_t missing = 0;
	int err = bk_db_keys(&core->db, bk_key("circle/"), 0, &rows);

	if (err)
		return err;
	for (size_t i = 0; i < rows.n && !missing; i++)
		missing += !is_known(core, bk_row_id(&rows.v[i], strlen("circle/")));
	bk_rows_free(&rows);
	if (missing)
		memset(&core->household, 0, sizeof(core->household));
	return missing ? BK_E_INCOMPLETE : 0;
}

static bool is_asking(const struct bk_core *core)
{
	for (size_t i = 0; i < core->link.n_requests; i++)
		if (core->link.requests[i].kind == BK_REQ_ROSTER || core->link.requests[i].kind == BK_REQ_CIRCLES)
			return true;
	return false;
}

void bk_household_learn(struct bk_core *core)
{
	struct bk_household *h = &core->household;
	struct bk_rows rows;
	size_t n = 0;

	if (h->asked || !core->link.caught_up || !bk_roles_is_desk(core->self.role) || is_asking(core) ||
		bk_db_keys(&core->db, bk_key("circle/"), 0, &rows))
		return;
	h->asked = true;
	for (size_t i = 0; i < rows.n && h->asked; i++) {
		bk_id circle = bk_row_id(&rows.v[i], strlen("circle/"));

		if (memcmp(circle.b, h->after.b, BK_ID_BYTES) <= 0)
			continue;
		h->after = circle;
		if (is_known(core, circle))
			continue;
		bk_rosters_fetch(core, circle);
		h->asked = ++n < ASK_MAX;
	}
	bk_rows_free(&rows);
}
