/* SPDX-License-Identifier: GPL-3.0-or-later */
/* roster show, list, renew, publish. */
#include <stdio.h>

#include "ctl_roster.h"

/* ---- show ---- */

static json_t *entry_json(const struct bk_roster_entry *e)
{
	char print[BK_CTL_FINGERPRINT];

	return json_pack("{s:o, s:o, s:s, s:s, s:s, s:I, s:I}", "device", bk_json_of_id(e->cert.device), "account",
		bk_json_of_id(e->cert.account), "role", bk_role_name(e->cert.role), "status",
		bk_status_name(e->status), "fingerprint", bk_ctl_fingerprint(e->cert.identity, print), "changed_ms",
		(json_int_t)e->changed_ms, "expires_ms", (json_int_t)e->cert.not_after_ms);
}

static json_t *roster_json(const struct bk_roster *r)
{
	json_t *entries = json_array(), *household = json_array(), *o;

	for (size_t i = 0; i < r->n_entries; i++)
		json_array_append_new(entries, entry_json(&r->entries[i]));
	for (size_t i = 0; i < r->n_household; i++)
		json_array_append_new(household, bk_json_of_id(r->household[i]));
	o = json_pack("{s:b, s:o, s:s, s:I, s:o, s:I, s:I, s:I}", "ok", 1, "circle", bk_json_of_id(r->circle), "kind",
		bk_kind_name(r->kind), "version", (json_int_t)r->version, "hash",
		bk_ctl_json_hex(r->hash.b, BK_HASH_BYTES), "issued_ms", (json_int_t)r->issued_ms, "expires_ms",
		(json_int_t)r->expires_ms, "hard_expires_ms", (json_int_t)r->hard_expires_ms);
	if (!bk_id_is_zero(r->desk))
		json_object_set_new(o, "desk", bk_json_of_id(r->desk));
	if (!bk_id_is_zero(r->care))
		json_object_set_new(o, "care", bk_json_of_id(r->care));
	if (!bk_id_is_zero(r->fallback))
		json_object_set_new(o, "fallback", bk_json_of_id(r->fallback));
	json_object_set_new(o, "household", household);
	json_object_set_new(o, "entries", entries);
	return o;
}

static void show(const struct bk_ctl *ctl, const struct bk_roster *r)
{
	char a[BK_ID_TEXT], b[BK_ID_TEXT], until[BK_CTL_TIME_TEXT], version[24], print[BK_CTL_FINGERPRINT];

	snprintf(version, sizeof version, "%llu", (unsigned long long)r->version);
	bk_ctl_say(CT(ctl, ROSTER_HEAD), bk_id_text(r->circle, a), bk_kind_name(r->kind), version,
		bk_ctl_time(r->hard_expires_ms, until), NULL);
	if (r->kind == BAKEN__CIRCLE_KIND__CIRCLE_PERSON)
		bk_ctl_say(CT(ctl, ROSTER_RELATED), bk_id_is_zero(r->desk) ? "-" : bk_id_text(r->desk, a),
			bk_id_is_zero(r->care) ? "-" : bk_id_text(r->care, b), NULL);
	if (r->kind == BAKEN__CIRCLE_KIND__CIRCLE_DESK)
		bk_ctl_say(CT(ctl, ROSTER_FALLBACK), bk_id_is_zero(r->fallback) ? "-" : bk_id_text(r->fallback, a), NULL);
	for (size_t i = 0; i < r->n_household; i++)
		bk_ctl_say(CT(ctl, ROSTER_HOUSEHOLD), bk_id_text(r->household[i], a), NULL);
	for (size_t i = 0; i < r->n_entries; i++) {
		const struct bk_roster_entry *e = &r->entries[i];

		printf("%s  %-10s %-8s %s  %s\n", bk_id_text(e->cert.device, a), bk_role_name(e->cert.role),
			bk_status_name(e->status), bk_ctl_time(e->changed_ms, until),
			bk_ctl_fingerprint(e->cert.identity, print));
	}
}

/* With a registrar's key: verified up to its root and against its book. Without: up to the root the server names. */
static int fetch(struct bk_ctl *ctl, const char *file, bk_id circle, struct bk_ctl_roster *ret_roster)
{
	struct bk_ctl_registrar reg;
	struct bk_ctl_link *l = NULL;
	uint8_t root[BK_KEY_BYTES];
	int err = bk_ctl_link_open(ctl, &l);

	if (err)
		return err;
	if (file) {
		err = bk_ctl_registrar_open(ctl, file, &reg);
		if (!err)
			err = bk_ctl_book_take(&reg);
		if (!err)
			err = bk_ctl_roster_fetch(l, &reg, circle, ret_roster);
		bk_ctl_registrar_close(&reg);
		if (!err && !ret_roster->r)
			err = BK_E_NOT_FOUND;
	} else {
		err = bk_ctl_roster_root(l, root);
		if (!err)
			err = bk_ctl_roster_get(l, circle, root, ret_roster);
	}
	bk_ctl_link_close(l);
	return err;
}

int bk_ctl_roster_show(struct bk_ctl *ctl, int argc, char **argv)
{
	const char *circle_text = NULL, *file = NULL;
	const struct bk_ctl_option options[] = {
		{"circle", &circle_text, NULL, NULL, true}, {"registrar", &file, NULL, NULL, false}};
	struct bk_ctl_roster roster = {.len = 0};
	bk_id circle;
	int err;

	if (bk_ctl_options(ctl, argc, argv, options, 2) != 0 || bk_id_parse(circle_text, &circle))
		return bk_ctl_exit(BK_E_USAGE);
	err = fetch(ctl, file, circle, &roster);
	if (err)
		return bk_ctl_fail(ctl, err, NULL);
	if (!ctl->json)
		show(ctl, roster.r);
	else
		bk_ctl_print(ctl, roster_json(roster.r));
	bk_ctl_roster_done(&roster);
	return 0;
}

/* ---- list ---- */

static int add_labels(struct bk_ctl *ctl, const char *file, json_t *circles)
{
	struct bk_ctl_registrar reg;
	json_t *c;
	size_t i;
	int err = bk_ctl_registrar_open(ctl, file, &reg);

	if (!err)
		err = bk_ctl_book_take(&reg);
	json_array_foreach(circles, i, c) {
		bk_id id;

		if (!err && !bk_ctl_id(c, "circle", &id))
			json_object_set_new(c, "label", json_string(bk_ctl_str(bk_ctl_book_circle(&reg, id), "label")));
	}
	bk_ctl_registrar_close(&reg);
	return err;
}

int bk_ctl_roster_list(struct bk_ctl *ctl, int argc, char **argv)
{
	const char *file = NULL;
	const struct bk_ctl_option options[] = {{"registrar", &file, NULL, NULL, false}};
	json_t *reply = NULL, *c;
	size_t i;
	int code, err = 0;

	if (bk_ctl_options(ctl, argc, argv, options, 1) != 0)
		return bk_ctl_exit(BK_E_USAGE);
	code = bk_ctl_link_once(ctl, "circles", NULL, &reply);
	if (code)
		return code;
	if (file)
		err = add_labels(ctl, file, json_object_get(reply, "circles"));
	if (err) {
		json_decref(reply);
		return bk_ctl_fail(ctl, err, NULL);
	}
	if (!ctl->json)
		bk_ctl_say(CT(ctl, CIRCLES_HEAD), NULL);
	json_array_foreach(json_object_get(reply, "circles"), i, c)
		if (!ctl->json)
			printf("%-32s  %-6s  %7llu  %s\n", bk_ctl_shown(bk_ctl_str(c, "circle")),
				bk_ctl_shown(bk_ctl_str(c, "kind")), (unsigned long long)bk_ctl_u64(c, "version"),
				bk_ctl_shown(bk_ctl_str(c, "label")));
	bk_ctl_print(ctl, reply);
	return 0;
}

/* ---- renew ---- */

struct renewal {
	struct bk_ctl *ctl;
	struct bk_ctl_link *link;
	struct bk_ctl_registrar *reg;
	struct bk_ctl_change change;
	json_t *done;
};

static int renew_one(struct renewal *w, bk_id circle)
{
	struct bk_ctl_roster now = {.len = 0}, next = {.len = 0};
	char text[BK_ID_TEXT], until[BK_CTL_TIME_TEXT], version[24];
	int err = bk_ctl_roster_fetch(w->link, w->reg, circle, &now);

	if (!err && !now.r)
		err = BK_E_NOT_FOUND;
	if (!err)
		err = bk_ctl_roster_next(w->reg, &now, circle, &w->change, &next);
	if (!err)
		err = bk_ctl_roster_put(w->link, w->reg, &next, NULL);
	if (!err) {
		snprintf(version, sizeof version, "%llu", (unsigned long long)next.r->version);
		json_array_append_new(w->done, json_pack("{s:o, s:I, s:I}", "circle", bk_json_of_id(circle), "version",
			(json_int_t)next.r->version, "hard_expires_ms", (json_int_t)next.r->hard_expires_ms));
		if (!w->ctl->json)
			bk_ctl_say(CT(w->ctl, RENEWED), bk_id_text(circle, text), version,
				bk_ctl_time(next.r->hard_expires_ms, until), NULL);
	}
	bk_ctl_roster_done(&now);
	bk_ctl_roster_done(&next);
	return err;
}

/* Every circle at the server that this registrar may lead. */
static int renew_all(struct renewal *w)
{
	json_t *reply = NULL, *c;
	size_t i;
	int err = bk_ctl_link_call(w->link, "circles", NULL, &reply);

	json_array_foreach(json_object_get(reply, "circles"), i, c) {
		bk_id circle;
		struct bk_ctl_roster now = {.len = 0};

		if (err)
			break;
		err = bk_ctl_id(c, "circle", &circle);
		if (!err)
			err = bk_ctl_roster_fetch(w->link, w->reg, circle, &now);
		if (!err && now.r && bk_ctl_registrar_may_lead(w->reg, now.r->kind))
			err = renew_one(w, circle);
		bk_ctl_roster_done(&now);
	}
	json_decref(reply);
	return err;
}

static int renew(struct renewal *w, const char *file, const bk_id *circle)
{
	struct bk_ctl_registrar reg;
	int err = bk_ctl_link_open(w->ctl, &w->link);

	if (err)
		return err;
	err = bk_ctl_registrar_open(w->ctl, file, &reg);
	w->reg = &reg;
	if (!err)
		err = bk_ctl_roster_same_root(w->link, &reg);
	if (!err)
		err = bk_ctl_book_take(&reg);
	if (!err)
		err = circle ? renew_one(w, *circle) : renew_all(w);
	bk_ctl_registrar_close(&reg);
	bk_ctl_link_close(w->link);
	return err;
}

/* NULL when none was given; another list of relations belongs to one circle. */
static json_t *relations(const char *desk, const char *care, json_t *household)
{
	if (!desk && !care && !household)
		return NULL;
	return json_pack("{s:s, s:s, s:o}", "desk", desk ? desk : "", "care", care ? care : "", "household",
		household ? json_incref(household) : json_array());
}

/* A desk's id, or "none". */
static int read_fallback(const char *text, bk_id *ret_fallback)
{
	return text && strcmp(text, "none") != 0 ? bk_id_parse(text, ret_fallback) : 0;
}

int bk_ctl_roster_renew(struct bk_ctl *ctl, int argc, char **argv)
{
	const char *file = NULL, *circle_text = NULL, *days = NULL, *desk = NULL, *care = NULL, *fallback_text = NULL;
	json_t *household = NULL, *related = NULL;
	bk_id fallback = {{0}};
	const struct bk_ctl_option options[] = {
		{"registrar", &file, NULL, NULL, true},      {"circle", &circle_text, NULL, NULL, false},
		{"days", &days, NULL, NULL, false},          {"desk", &desk, NULL, NULL, false},
		{"care", &care, NULL, NULL, false},          {"household", NULL, &household, NULL, false},
		{"fallback", &fallback_text, NULL, NULL, false},
	};
	struct renewal w = {.ctl = ctl, .change = {.extend = true}};
	bk_id circle;
	int err = BK_E_USAGE;

	if (bk_ctl_options(ctl, argc, argv, options, 7) == 0 && read_fallback(fallback_text, &fallback) == 0 &&
		!bk_ctl_number(days, 1, 365, BK_CTL_ROSTER_DAYS, &w.change.days) &&
		(!circle_text || !bk_id_parse(circle_text, &circle))) {
		related = relations(desk, care, household);
		w.change.relations = related;
		w.change.fallback = fallback_text ? &fallback : NULL;
		w.done = json_array();
		err = (related || fallback_text) && !circle_text ? BK_E_USAGE : renew(&w, file, circle_text ? &circle : NULL);
	}
	if (!err)
		bk_ctl_print(ctl, json_pack("{s:b, s:O}", "ok", 1, "circles", w.done));
	json_decref(w.done);
	json_decref(related);
	json_decref(household);
	return err == BK_E_USAGE ? bk_ctl_exit(err) : err ? bk_ctl_fail(ctl, err, NULL) : 0;
}

/* ---- publish ---- */

/*
 * After an older backup was restored the server knows less than the book. What the registrars signed since then
 * still holds, withdrawals above all: the book's newest version goes back as it is.
 */
static int publish_one(struct bk_ctl *ctl, struct bk_ctl_link *l, const char *circle_text, const json_t *row,
	json_t *done)
{
	uint64_t have = 0, want = bk_ctl_u64(row, "version");
	json_t *reply = NULL;
	char version[24];
	int err = bk_ctl_link_call(l, "roster-get", json_pack("{s:s}", "circle", circle_text), &reply);

	if (!err)
		have = bk_ctl_u64(reply, "version");
	json_decref(reply);
	if ((err && err != BK_E_NOT_FOUND) || have >= want)
		return err == BK_E_NOT_FOUND ? 0 : err;
	err = bk_ctl_link_call(l, "roster-put", json_pack("{s:[s]}", "rosters", bk_ctl_str(row, "roster")), NULL);
	if (err)
		return err;
	snprintf(version, sizeof version, "%llu", (unsigned long long)want);
	json_array_append_new(done, json_pack("{s:s, s:I}", "circle", circle_text, "version", (json_int_t)want));
	if (!ctl->json)
		bk_ctl_say(CT(ctl, PUBLISHED), circle_text, version, NULL);
	return 0;
}

static int publish(struct bk_ctl *ctl, const char *file, json_t *done)
{
	struct bk_ctl_registrar reg;
	struct bk_ctl_link *l = NULL;
	const char *circle;
	json_t *row;
	int err = bk_ctl_link_open(ctl, &l);

	if (err)
		return err;
	err = bk_ctl_registrar_open(ctl, file, &reg);
	if (!err)
		err = bk_ctl_roster_same_root(l, &reg);
	if (!err)
		err = bk_ctl_book_take(&reg);
	json_object_foreach(err ? NULL : json_object_get(reg.book, "circles"), circle, row)
		if (!err && json_object_get(row, "roster"))
			err = publish_one(ctl, l, circle, row, done);
	bk_ctl_registrar_close(&reg);
	bk_ctl_link_close(l);
	return err;
}

int bk_ctl_roster_publish(struct bk_ctl *ctl, int argc, char **argv)
{
	const char *file = NULL;
	const struct bk_ctl_option options[] = {{"registrar", &file, NULL, NULL, true}};
	json_t *done;
	int err;

	if (bk_ctl_options(ctl, argc, argv, options, 1) != 0)
		return bk_ctl_exit(BK_E_USAGE);
	done = json_array();
	err = publish(ctl, file, done);
	if (err) {
		json_decref(done);
		return bk_ctl_fail(ctl, err, NULL);
	}
	if (!ctl->json && !json_array_size(done))
		bk_ctl_say(CT(ctl, PUBLISHED_NONE), NULL);
	bk_ctl_print(ctl, json_pack("{s:b, s:o}", "ok", 1, "published", done));
	return 0;
}
