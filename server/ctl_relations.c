/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * relations: who belongs together. A relation stands in both lists; each person keeps a list, devices and keys of
 * their own. Stopped between the two lists it is run again: what is there is left as it is.
 */
#include <stdio.h>

#include "ctl_roster.h"

struct work {
	struct bk_ctl *ctl;
	struct bk_ctl_link *link;
	struct bk_ctl_registrar reg;
	bool apart;
};

static bool has(const struct bk_roster *r, bk_id other)
{
	for (size_t i = 0; i < r->n_household; i++)
		if (bk_id_equal(r->household[i], other))
			return true;
	return false;
}

/* The relations of a person as they will be. */
static json_t *changed(const struct bk_roster *r, bk_id other, bool apart)
{
	json_t *household = json_array();

	for (size_t i = 0; i < r->n_household; i++)
		if (!bk_id_equal(r->household[i], other))
			json_array_append_new(household, bk_json_of_id(r->household[i]));
	if (!apart)
		json_array_append_new(household, bk_json_of_id(other));
	return json_pack("{s:o, s:o, s:o}", "desk", bk_json_of_id(r->desk), "care", bk_json_of_id(r->care), "household",
		household);
}

static int fetch_person(struct work *w, bk_id circle, struct bk_ctl_roster *ret_roster)
{
	int err = bk_ctl_roster_fetch(w->link, &w->reg, circle, ret_roster);

	if (!err && !ret_roster->r)
		err = BK_E_NOT_FOUND;
	if (!err && ret_roster->r->kind != BAKEN__CIRCLE_KIND__CIRCLE_PERSON)
		err = BK_E_INVAL;
	return err;
}

static int relate(struct work *w, bk_id circle, bk_id other)
{
	struct bk_ctl_roster now = {.len = 0}, next = {.len = 0};
	struct bk_ctl_change change = {.add = NULL};
	json_t *relations = NULL;
	int err = fetch_person(w, circle, &now);

	if (!err && has(now.r, other) == w->apart) {
		relations = changed(now.r, other, w->apart);
		change.relations = relations;
		err = bk_ctl_roster_next(&w->reg, &now, circle, &change, &next);
		if (!err)
			err = bk_ctl_roster_put(w->link, &w->reg, &next, NULL);
	}
	json_decref(relations);
	bk_ctl_roster_done(&now);
	bk_ctl_roster_done(&next);
	return err;
}

static int both(struct work *w, bk_id a, bk_id b)
{
	struct bk_ctl_roster there = {.len = 0};
	char text[BK_ID_TEXT], with[BK_ID_TEXT];
	int err = bk_id_equal(a, b) ? BK_E_INVAL : fetch_person(w, b, &there); /* before anything is signed */

	bk_ctl_roster_done(&there);
	if (!err)
		err = relate(w, a, b);
	if (!err)
		err = relate(w, b, a);
	if (err)
		return err;
	if (!w->ctl->json)
		bk_ctl_say(w->apart ? CT(w->ctl, RELATED_NOT) : CT(w->ctl, RELATED), bk_id_text(a, text), bk_id_text(b, with),
			NULL);
	bk_ctl_print(w->ctl, json_pack("{s:b, s:o, s:o, s:b}", "ok", 1, "circle", bk_json_of_id(a), "with", bk_json_of_id(b),
		"related", !w->apart));
	return 0;
}

/* ---- list ---- */

static int list_one(struct work *w, const json_t *c, json_t *rows)
{
	struct bk_ctl_roster now = {.len = 0};
	json_t *household = json_array();
	char text[BK_ID_TEXT];
	bk_id circle;
	int err = bk_ctl_id(c, "circle", &circle);

	if (!err)
		err = fetch_person(w, circle, &now);
	for (size_t i = 0; !err && i < now.r->n_household; i++)
		json_array_append_new(household, bk_json_of_id(now.r->household[i]));
	if (!err && json_array_size(household)) {
		if (!w->ctl->json)
			printf("%s  %s\n", bk_id_text(circle, text), bk_ctl_shown(bk_ctl_str(c, "label")));
		for (size_t i = 0; !w->ctl->json && i < now.r->n_household; i++)
			printf("    %s\n", bk_id_text(now.r->household[i], text));
		json_array_append_new(rows, json_pack("{s:o, s:O}", "circle", bk_json_of_id(circle), "household", household));
	}
	json_decref(household);
	bk_ctl_roster_done(&now);
	return err;
}

static int list(struct work *w)
{
	json_t *reply = NULL, *rows = json_array(), *c;
	size_t i;
	int err = bk_ctl_link_call(w->link, "circles", NULL, &reply);

	json_array_foreach(json_object_get(reply, "circles"), i, c)
		if (!err && strcmp(bk_ctl_str(c, "kind"), bk_kind_name(BAKEN__CIRCLE_KIND__CIRCLE_PERSON)) == 0)
			err = list_one(w, c, rows);
	if (!err && !w->ctl->json && !json_array_size(rows))
		bk_ctl_say(CT(w->ctl, RELATED_NONE), NULL);
	if (!err)
		bk_ctl_print(w->ctl, json_pack("{s:b, s:O}", "ok", 1, "people", rows));
	json_decref(rows);
	json_decref(reply);
	return err;
}

static int run(struct work *w, const char *file, const bk_id *a, const bk_id *b)
{
	int err = bk_ctl_link_open(w->ctl, &w->link);

	if (err)
		return err;
	err = bk_ctl_registrar_open(w->ctl, file, &w->reg);
	if (!err)
		err = bk_ctl_roster_same_root(w->link, &w->reg);
	if (!err)
		err = bk_ctl_book_take(&w->reg);
	if (!err)
		err = a ? both(w, *a, *b) : list(w);
	bk_ctl_registrar_close(&w->reg);
	bk_ctl_link_close(w->link);
	return err;
}

int bk_ctl_relations(struct bk_ctl *ctl, int argc, char **argv)
{
	const char *file = NULL, *circle = NULL, *with = NULL;
	struct work w = {.ctl = ctl};
	const struct bk_ctl_option options[] = {
		{"registrar", &file, NULL, NULL, true}, {"circle", &circle, NULL, NULL, false},
		{"with", &with, NULL, NULL, false},     {"apart", NULL, NULL, &w.apart, false},
	};
	bk_id a, b;
	int err;

	if (bk_ctl_options(ctl, argc, argv, options, 4) != 0 || !circle != !with || (w.apart && !circle) ||
		(circle && (bk_id_parse(circle, &a) || bk_id_parse(with, &b))))
		return bk_ctl_exit(BK_E_USAGE);
	err = run(&w, file, circle ? &a : NULL, circle ? &b : NULL);
	return err ? bk_ctl_fail(ctl, err, NULL) : 0;
}
