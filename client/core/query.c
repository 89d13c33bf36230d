/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api.h"

#include <stdlib.h>

#include "engine.h"

#define LIST_DEFAULT 200u

/* ---- status ---- */

static json_t *roster_state(struct bk_core *core)
{
	static const char *const ages[] = { "fresh", "soft", "hard" };
	const struct bk_roster *own = bk_rosters_get(core, core->self.circle);
	json_t *o = bk_json_object();

	if (own) {
		bk_json_int(o, "version", own->version);
		bk_json_text(o, "age", ages[bk_roster_age(own, core->now)]);
		bk_json_int(o, "expires_ms", own->expires_ms);
	}
	return o;
}

int bk_query_status(struct bk_core *core, struct bk_command *c)
{
	static const char *const stages[] = { "none", "asking", "waiting", "drill", "done" };
	const struct bk_self *self = &core->self;
	bool enrolled = bk_self_enrolled(self);
	const struct bk_circle *desk = enrolled ? bk_rosters_circle(core, bk_rosters_desk(core)) : NULL;

	bk_json_bool(c->answer, "enrolled", enrolled);
	bk_json_text(c->answer, "stage", stages[self->stage <= BK_STAGE_DONE ? self->stage : BK_STAGE_NONE]);
	bk_json_text(c->answer, "role", bk_items_role(self->role));
	bk_json_id(c->answer, "device", self->device);
	bk_json_id(c->answer, "circle", self->circle);
	bk_json_text(c->answer, "name", self->name);
	bk_json_bool(c->answer, "online", bk_link_online(core));
	bk_json_bool(c->answer, "caught_up", bk_link_online(core) && core->link.caught_up);
	bk_json_int(c->answer, "last_contact_ms", self->last_contact_ms);
	bk_json_int(c->answer, "queued_out", bk_outbox_waiting(core));
	bk_json_int(c->answer, "unanswered", core->link.n_requests);
	bk_json_bool(c->answer, "duty", self->duty);
	bk_json_int(c->answer, "on_duty", desk ? desk->n_on_duty : 0);
	bk_json_put(c->answer, "clock_skew_ms", json_integer(core->link.skew_ms));
	bk_condition_status(core, c->answer);
	bk_canaries_status(core, c->answer);
	if (enrolled)
		bk_json_put(c->answer, "roster", roster_state(core));
	return 0;
}

/* ---- messages ---- */

int bk_query_reports(struct bk_core *core, struct bk_command *c)
{
	bk_json_put(c->answer, "items", bk_items_reports(core));
	return 0;
}

int bk_query_messages(struct bk_core *core, struct bk_command *c)
{
	uint64_t limit = bk_json_get_int(c->args, "limit");

	bk_json_put(c->answer, "items", bk_items_list(core, bk_json_get_id(c->args, "conversation"),
		bk_json_get_int(c->args, "after_ms"), limit ? limit : LIST_DEFAULT));
	return 0;
}

int bk_query_show(struct bk_core *core, struct bk_command *c)
{
	json_t *item = bk_items_get(core, bk_json_get_id(c->args, "message"));
	json_t *shown = item ? bk_items_shown(core, item) : NULL;
	int err = item ? 0 : BK_E_NOT_FOUND;

	if (shown)
		bk_json_check(json_object_update(c->answer, shown) == 0);
	json_decref(shown);
	json_decref(item);
	return err;
}

/* ---- people ---- */

static json_t *person(struct bk_core *core, bk_id circle)
{
	const struct bk_roster *r = bk_rosters_get(core, circle);
	char name[BK_NAME_MAX + 1];
	json_t *o = bk_json_object();

	bk_items_circle_name(core, circle, name);
	bk_json_id(o, "circle", circle);
	bk_json_text(o, "name", name);
	bk_json_text(o, "role", r && r->n_entries ? bk_items_role(r->entries[0].cert.role) : "person");
	if (bk_is_desk(core))
		bk_json_put(o, "household", bk_household_list(core, circle));
	return o;
}

int bk_query_people(struct bk_core *core, struct bk_command *c)
{
	json_t *items = bk_json_array();
	struct bk_rows rows;
	int err = bk_db_keys(&core->db, bk_key("circle/"), 0, &rows);

	bk_json_put(c->answer, "items", items);
	if (err)
		return err;
	for (size_t i = 0; i < rows.n; i++)
		bk_json_push(items, person(core, bk_row_id(&rows.v[i], strlen("circle/"))));
	bk_rows_free(&rows);
	return 0;
}
