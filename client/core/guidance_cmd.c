/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Commands about guidance: whom it is for, what it begins with, what became of it. */
#include <stdlib.h>

#include "approvals.h"
#include "engine.h"
#include "groups.h"
#include "guidance.h"
#include "household.h"
#include "policy.h"
#include "templates.h"
#include "valid.h"

#define LIST_DEFAULT 200u

/* ---- to whom ---- */

static int add_all(struct bk_core *core, json_t *circles)
{
	struct bk_rows rows;
	int err = bk_db_keys(&core->db, bk_key("circle/"), 0, &rows);

	if (err)
		return err;
	for (size_t i = 0; i < rows.n; i++) {
		char text[BK_ID_TEXT];

		bk_json_put(circles, bk_id_text(bk_row_id(&rows.v[i], strlen("circle/")), text), json_true());
	}
	bk_rows_free(&rows);
	return 0;
}

static int add_one(struct bk_core *core, struct bk_command *c, const char *text, json_t *circles)
{
	bk_id circle = { { 0 } };
	Baken__CircleKind kind;

	bk_id_parse(text, &circle);
	kind = bk_rosters_kind(core, circle);
	if (kind == BAKEN__CIRCLE_KIND__CIRCLE_CARE) {
		c->say = BK_SAY_DESK_TO_CARE;
		return BK_E_ROLE;
	}
	if (kind != BAKEN__CIRCLE_KIND__CIRCLE_PERSON)
		return BK_E_NOT_FOUND;
	bk_json_put(circles, text, json_true());
	return 0;
}

/* Who belongs together hears the same, each as a person of their own. */
static int add_households(struct bk_core *core, struct bk_command *c, json_t *circles)
{
	int err = bk_household_ready(core);
	json_t *first = err ? NULL : json_deep_copy(circles), *v = NULL;
	const char *text = NULL;

	if (err == BK_E_INCOMPLETE)
		c->say = BK_SAY_LISTS;
	json_object_foreach(first, text, v) {
		bk_id circle = { { 0 } };

		bk_id_parse(text, &circle);
		bk_household_add(core, circle, circles);
	}
	json_decref(first);
	return err;
}

static int targets(struct bk_core *core, struct bk_command *c, json_t *circles)
{
	const json_t *to = json_object_get(c->args, "to"), *groups = json_object_get(c->args, "groups");
	int err = json_is_string(to) ? add_all(core, circles) : 0;

	for (size_t i = 0; i < json_array_size(to) && !err; i++)
		err = add_one(core, c, json_string_value(json_array_get(to, i)), circles);
	for (size_t i = 0; i < json_array_size(groups) && !err; i++) {
		bk_id group = { { 0 } };

		bk_id_parse(json_string_value(json_array_get(groups, i)), &group);
		err = bk_groups_add(core, group, circles);
	}
	if (!err && bk_json_get_bool(c->args, "household"))
		err = add_households(core, c, circles);
	if (!err && !json_object_size(circles))
		err = BK_E_NOT_FOUND;
	if (err == BK_E_NOT_FOUND && !c->say)
		c->say = BK_SAY_NO_RECEIVER;
	return !err && json_object_size(circles) > BK_APPROVAL_MAX ? BK_E_TOO_BIG : err;
}

static bk_id *circle_list(json_t *circles)
{
	bk_id *list = calloc(json_object_size(circles) + 1, sizeof(*list));
	const char *text = NULL;
	json_t *v = NULL;
	size_t n = 0;

	json_object_foreach(circles, text, v)
		if (list)
			bk_id_parse(text, &list[n++]);
	return list;
}

/* ---- what ---- */

static const char *text_or(const json_t *args, const json_t *template, const char *key)
{
	const char *own = bk_json_get_text(args, key);

	return *own ? own : bk_json_get_text(template, key);
}

/* m borrows from args and template. */
static int fill(struct bk_core *core, struct bk_command *c, const json_t *template, Baken__Guidance *m)
{
	m->title = (char *)(uintptr_t)text_or(c->args, template, "title");
	m->text = (char *)(uintptr_t)text_or(c->args, template, "text");
	m->template_ = (char *)(uintptr_t)bk_json_get_text(template, "name");
	m->valid_until_ms = bk_json_get_int(c->args, "valid_until_ms");
	m->acknowledge = !json_is_false(json_object_get(c->args, "acknowledge"));
	if (bk_templates_gap(m->text) || bk_templates_gap(m->title)) {
		c->say = BK_SAY_GAP;
		return BK_E_INVAL;
	}
	if (!*m->title || !*m->text ||
		(m->valid_until_ms && m->valid_until_ms <= bk_valid_clock(core->now, core->link.skew_ms))) {
		c->say = BK_SAY_FIELD;
		return BK_E_INVAL;
	}
	return 0;
}

static json_t *messages_of(bk_id group, const bk_id *circles, size_t n)
{
	json_t *list = bk_json_array();

	for (size_t i = 0; i < n; i++) {
		json_t *o = bk_json_object();

		bk_json_id(o, "message", bk_guidance_message(group, circles[i]));
		bk_json_id(o, "circle", circles[i]);
		bk_json_push(list, o);
	}
	return list;
}

static int send_or_ask(struct bk_core *core, struct bk_command *c, const struct bk_guide *g)
{
	struct bk_policy policy;
	bk_id id = { { 0 } };
	bool ask = false;
	int err = 0;

	bk_policy_get(core, &policy);
	ask = g->n > policy.four_eyes_above;
	err = ask ? bk_approvals_ask(core, g, &id) : bk_guidance_send(core, g, &id);

	if (err)
		return err;
	bk_json_text(c->answer, "state", ask ? "asked" : "sent");
	bk_json_int(c->answer, "people", g->n);
	bk_json_id(c->answer, ask ? "request" : "message", id);
	if (!ask)
		bk_json_put(c->answer, "messages", messages_of(id, g->circles, g->n));
	return 0;
}

int bk_guidance_cmd_send(struct bk_core *core, struct bk_command *c)
{
	const char *name = bk_json_get_text(c->args, "template");
	json_t *template = *name ? bk_templates_find("guidance", name, core->o.lang) : NULL, *circles = bk_json_object();
	Baken__Guidance m = BAKEN__GUIDANCE__INIT;
	struct bk_guide g = { .m = &m, .drill = bk_json_get_bool(c->args, "drill") };
	bk_id *list = NULL;
	int err = *name && !template ? BK_E_NOT_FOUND : fill(core, c, template, &m);

	if (!err)
		err = targets(core, c, circles);
	if (!err) {
		g.circles = list = circle_list(circles);
		g.n = json_object_size(circles);
		err = list ? send_or_ask(core, c, &g) : BK_E_NOMEM;
		if (!list)
			bk_db_fail(&core->db, err);
	}
	free(list);
	json_decref(circles);
	json_decref(template);
	return err;
}

int bk_guidance_cmd_templates(struct bk_core *core, struct bk_command *c)
{
	const char *kind = bk_json_get_text(c->args, "kind");
	json_t *items = bk_templates_list(*kind ? kind : "guidance", core->o.lang);

	bk_json_check(items != NULL);
	bk_json_put(c->answer, "items", items);
	return 0;
}

/* ---- what became of it ---- */

struct counts {
	uint64_t people, stored, delivered, acknowledged, overdue;
};

static struct bk_valid_guidance valid_of(const json_t *fan)
{
	return (struct bk_valid_guidance){ .sent_ms = bk_json_get_int(fan, "sent_ms"),
		.until_ms = bk_json_get_int(fan, "valid_until_ms"), .recalled_ms = bk_json_get_int(fan, "recalled_ms"),
		.acknowledge = bk_json_get_bool(fan, "acknowledge") };
}

/* people: a row a person; NULL: only counted. */
static void count_one(struct bk_core *core, bk_id group, bk_id circle, const struct bk_valid_guidance *g,
	struct counts *n, json_t *people)
{
	struct bk_guidance_person p;
	bool overdue;

	bk_guidance_person(core, group, circle, &p);
	overdue = bk_valid_overdue(g, p.acknowledged_ms, bk_valid_clock(core->now, core->link.skew_ms));
	n->people++;
	n->stored += p.stored_ms != 0;
	n->delivered += p.decrypted_ms != 0;
	n->acknowledged += p.acknowledged_ms != 0;
	n->overdue += overdue;
	if (people) {
		json_t *o = bk_json_object();
		char name[BK_NAME_MAX + 1];

		bk_items_circle_name(core, circle, name);
		bk_json_id(o, "circle", circle);
		bk_json_id(o, "message", bk_guidance_message(group, circle));
		bk_json_text(o, "name", name);
		bk_json_ms(o, "stored_ms", p.stored_ms);
		bk_json_ms(o, "decrypted_ms", p.decrypted_ms);
		bk_json_ms(o, "acknowledged_ms", p.acknowledged_ms);
		if (overdue)
			bk_json_bool(o, "overdue", true);
		bk_json_push(people, o);
	}
}

/* Into o: the whole, its state and its counts. */
static void describe(struct bk_core *core, bk_id group, const json_t *fan, json_t *o, json_t *people)
{
	struct bk_valid_guidance g = valid_of(fan);
	const json_t *circles = json_object_get(fan, "circles");
	struct counts n = { .people = 0 };
	char name[BK_NAME_MAX + 1];

	for (size_t i = 0; i < json_array_size(circles); i++) {
		bk_id circle = { { 0 } };

		bk_id_parse(json_string_value(json_array_get(circles, i)), &circle);
		count_one(core, group, circle, &g, &n, people);
	}
	bk_rosters_name(core, bk_json_get_id(fan, "by"), name);
	bk_json_id(o, "message", group);
	bk_json_text(o, "title", bk_json_get_text(fan, "title"));
	bk_json_text(o, "state",
		bk_valid_name(bk_valid_at(&g, bk_valid_clock(core->now, core->link.skew_ms))));
	bk_json_bool(o, "drill", bk_json_get_bool(fan, "drill"));
	bk_json_int(o, "sent_ms", g.sent_ms);
	bk_json_text(o, "by", bk_id_equal(bk_json_get_id(fan, "by"), core->self.device) ? core->self.name : name);
	bk_json_ms(o, "valid_until_ms", g.until_ms);
	bk_json_ms(o, "recalled_ms", g.recalled_ms);
	bk_json_more(o, "recall_reason", bk_json_get_text(fan, "recall_reason"));
	bk_json_bool(o, "acknowledge", g.acknowledge);
	bk_json_put(o, "counts", json_pack("{s:I, s:I, s:I, s:I, s:I}", "people", (json_int_t)n.people, "stored",
		(json_int_t)n.stored, "delivered", (json_int_t)n.delivered, "acknowledged", (json_int_t)n.acknowledged,
		"overdue", (json_int_t)n.overdue));
}

int bk_guidance_cmd_status(struct bk_core *core, struct bk_command *c)
{
	bk_id group = bk_guidance_group(core, bk_json_get_id(c->args, "message"));
	json_t *fan = bk_guidance_fan(core, group), *people = bk_json_array();
	int err = fan ? 0 : BK_E_NOT_FOUND;

	if (fan)
		describe(core, group, fan, c->answer, people);
	bk_json_put(c->answer, "people", people);
	json_decref(fan);
	return err;
}

/* ---- lists ---- */

static int list_sent(struct bk_core *core, size_t limit, json_t *items)
{
	struct bk_rows rows;
	int err = bk_db_keys(&core->db, bk_key("fanat/"), 0, &rows);

	if (err)
		return err;
	for (size_t i = rows.n; i-- > 0 && json_array_size(items) < limit;) {
		bk_id group = bk_row_id(&rows.v[i], strlen("fanat/") + 8);
		json_t *fan = bk_guidance_fan(core, group), *o = fan ? bk_json_object() : NULL;

		if (o) {
			describe(core, group, fan, o, NULL);
			bk_json_push(items, o);
		}
		json_decref(fan);
	}
	bk_rows_free(&rows);
	return 0;
}

/* What holds comes first, whatever else is newer: it must be found without looking for it. */
static int list_received(struct bk_core *core, size_t limit, json_t *items)
{
	static const char *const order[] = { "valid", "expired", "recalled" };
	json_t *all = bk_items_guidance(core);

	for (size_t k = 0; k < sizeof(order) / sizeof(order[0]); k++)
		for (size_t i = json_array_size(all); i-- > 0 && json_array_size(items) < limit;) {
			json_t *item = json_array_get(all, i);

			if (!strcmp(bk_json_get_text(item, "state"), order[k]))
				bk_json_push(items, json_incref(item));
		}
	json_decref(all);
	return 0;
}

int bk_guidance_cmd_list(struct bk_core *core, struct bk_command *c)
{
	uint64_t limit = bk_json_get_int(c->args, "limit");
	json_t *items = bk_json_array();

	bk_json_put(c->answer, "items", items);
	limit = limit ? limit : LIST_DEFAULT;
	return bk_is_person(core) ? list_received(core, limit, items) : list_sent(core, limit, items);
}
