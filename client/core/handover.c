/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "handover.h"

#include <stdlib.h>

#include "cases.h"
#include "engine.h"

static const char *const kinds[] = { "", "case", "alarm", "promise", "watch", "risk" };
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

const char *bk_handover_kind(Baken__HandoverItem__Kind kind)
{
	return (size_t)kind < KINDS ? kinds[kind] : "";
}

/* ---- what is left ---- */

static json_t *left_row(struct bk_core *core, const char *kind, bk_id case_id, bk_ms due)
{
	json_t *row = bk_json_object(), *item = bk_items_get(core, case_id);
	bk_id circle = bk_cases_person(core, case_id);
	const char *what = bk_json_get_text(item, "what");
	char name[BK_NAME_MAX + 1] = "";
	size_t len = 0;

	if (!*what)
		what = bk_json_get_text(item, "text");
	len = strlen(what);
	if (len > BK_HANDOVER_TEXT) {
		len = BK_HANDOVER_TEXT;
		while (len && ((unsigned char)what[len] & 0xc0) == 0x80)
			len--; /* not in the middle of a character */
	}
	bk_items_circle_name(core, circle, name);
	bk_json_text(row, "kind", kind);
	bk_json_id(row, "case", case_id);
	bk_json_id(row, "circle", circle);
	bk_json_text(row, "who", name);
	bk_json_put(row, "what", json_stringn(what, len));
	bk_json_ms(row, "due_ms", due);
	json_decref(item);
	return row;
}

/* What cannot wait: an alarm, or what its sender wants looked at now. */
static bool is_alarm(const struct bk_case_state *s)
{
	return !s->drill && (s->alarm || s->missed || bk_fold_urgency(s) == BAKEN__URGENCY__URGENCY_NOW);
}

static void add_case(struct bk_core *core, json_t *left, bk_id case_id)
{
	struct bk_case_state s;
	bool ours = false, held = false;

	if (!bk_cases_state(core, case_id, &s) || s.closed || s.gone)
		return;
	ours = bk_id_equal(s.owner, core->self.device);
	held = bk_fold_held(&s, bk_cases_now(core));
	if (ours || (!held && is_alarm(&s)))
		bk_json_push(left, left_row(core, is_alarm(&s) ? "alarm" : "case", case_id, 0));
	if (s.promise_ms && (ours || (!held && bk_id_equal(s.promised_by, core->self.device))))
		bk_json_push(left, left_row(core, "promise", case_id, s.promise_ms));
}

/* A message that was refused waits for somebody to look at it. */
static void add_unsent(struct bk_core *core, json_t *left)
{
	for (size_t i = 0; i < core->outbox.n; i++) {
		const struct bk_out *o = core->outbox.rows[i];
		json_t *row = NULL;

		if (o->state != BK_OUT_REFUSED || bk_outbox_plumbing(o->kind))
			continue;
		row = bk_json_object();
		bk_json_text(row, "kind", "unsent");
		bk_json_id(row, "about", o->logical);
		bk_json_push(left, row);
	}
}

json_t *bk_handover_left(struct bk_core *core)
{
	json_t *left = bk_json_array();
	struct bk_rows rows;

	if (bk_db_keys(&core->db, bk_key("board/"), 0, &rows))
		return left;
	for (size_t i = 0; i < rows.n; i++)
		add_case(core, left, bk_row_id(&rows.v[i], strlen("board/")));
	bk_rows_free(&rows);
	add_unsent(core, left);
	return left;
}

/* ---- rows ---- */

json_t *bk_handover_row(struct bk_core *core, bk_id handover)
{
	return bk_db_get_json(&core->db, bk_key_id("hand/", handover));
}

int bk_handover_save(struct bk_core *core, bk_id handover, const json_t *row)
{
	return bk_db_put_json(&core->db, bk_key_id("hand/", handover), row);
}

static void put_name(struct bk_core *core, json_t *shown, const json_t *row, const char *key)
{
	char name[BK_NAME_MAX + 1] = "";

	bk_cases_name(core, bk_json_get_id(row, key), name);
	bk_json_text(shown, key, name);
}

json_t *bk_handover_shown(struct bk_core *core, bk_id handover, const json_t *row)
{
	json_t *shown = bk_json_object(), *items = bk_json_array();
	const json_t *item = NULL;
	size_t i = 0;

	bk_json_id(shown, "handover", handover);
	put_name(core, shown, row, "from");
	put_name(core, shown, row, "to");
	bk_json_text(shown, "side", bk_id_equal(bk_json_get_id(row, "from"), core->self.device) ? "giver" :
				    bk_id_equal(bk_json_get_id(row, "to"), core->self.device) ? "receiver" : "colleague");
	bk_json_int(shown, "at_ms", bk_json_get_int(row, "at_ms"));
	bk_json_more(shown, "text", bk_json_get_text(row, "text"));
	bk_json_bool(shown, "taken_back", bk_json_get_bool(row, "over"));
	json_array_foreach(json_object_get(row, "items"), i, item) {
		json_t *copy = json_deep_copy(item);
		char name[BK_NAME_MAX + 1] = "";

		bk_json_check(copy != NULL);
		bk_json_int(copy, "index", i);
		bk_items_circle_name(core, bk_json_get_id(item, "circle"), name);
		bk_json_more(copy, "who", name);
		bk_json_push(items, copy);
	}
	bk_json_put(shown, "items", items);
	return shown;
}

void bk_handover_tell(struct bk_core *core, bk_id handover, const json_t *row, const char *change, int err)
{
	json_t *event = bk_event("handover"), *shown = row ? bk_handover_shown(core, handover, row) : NULL;

	if (shown)
		bk_json_check(json_object_update(event, shown) == 0);
	json_decref(shown);
	bk_json_id(event, "handover", handover);
	bk_json_text(event, "change", change);
	if (err)
		bk_event_error(core, event, err);
	bk_emit(core, event);
}

int bk_handover_cmd(struct bk_core *core, struct bk_command *c)
{
	json_t *list = bk_json_array();
	struct bk_rows rows;
	int err = bk_db_rows(&core->db, bk_key("hand/"), 0, &rows);

	bk_json_put(c->answer, "left", bk_handover_left(core));
	bk_json_put(c->answer, "handovers", list);
	if (err)
		return err;
	for (size_t i = 0; i < rows.n; i++) {
		json_t *row = bk_json_row(rows.v[i].value, rows.v[i].len);

		if (row)
			bk_json_push(list, bk_handover_shown(core, bk_row_id(&rows.v[i], strlen("hand/")), row));
		json_decref(row);
	}
	bk_rows_free(&rows);
	return 0;
}

/* ---- offering ---- */

struct draft {
	Baken__Handover m;
	Baken__HandoverItem items[BK_HANDOVER_MAX], *list[BK_HANDOVER_MAX];
	bk_id about[BK_HANDOVER_MAX], circle[BK_HANDOVER_MAX];
	json_t *row; /* as it is kept */
};

static void add_item(struct draft *d, Baken__HandoverItem__Kind kind, const json_t *left, const char *text)
{
	size_t i = d->m.n_items;
	Baken__HandoverItem *m = &d->items[i];
	json_t *kept = bk_json_object();

	baken__handover_item__init(m);
	m->kind = kind;
	d->about[i] = bk_json_get_id(left, "case");
	d->circle[i] = bk_json_get_id(left, "circle");
	if (!bk_id_is_zero(d->about[i]))
		m->about_id = bk_bytes(d->about[i].b, BK_ID_BYTES);
	if (!bk_id_is_zero(d->circle[i]))
		m->circle_id = bk_bytes(d->circle[i].b, BK_ID_BYTES);
	m->due_ms = bk_json_get_int(left, "due_ms");
	m->text = (char *)(uintptr_t)text;
	d->list[d->m.n_items++] = m;
	bk_json_text(kept, "kind", bk_handover_kind(kind));
	bk_json_id(kept, "about", d->about[i]);
	bk_json_id(kept, "circle", d->circle[i]);
	bk_json_ms(kept, "due_ms", m->due_ms);
	bk_json_text(kept, "text", text);
	bk_json_text(kept, "state", "offered");
	bk_json_push(json_object_get(d->row, "items"), kept);
}

static Baken__HandoverItem__Kind kind_of(const char *word)
{
	for (size_t i = 1; i < KINDS; i++)
		if (!strcmp(kinds[i], word))
			return (Baken__HandoverItem__Kind)i;
	return BAKEN__HANDOVER_ITEM__KIND__NONE;
}

static int fill(struct draft *d, const json_t *left, const json_t *risks)
{
	const json_t *row = NULL;
	size_t i = 0;

	if (json_array_size(left) + json_array_size(risks) > BK_HANDOVER_MAX)
		return BK_E_TOO_BIG;
	json_array_foreach(left, i, row) {
		Baken__HandoverItem__Kind kind = kind_of(bk_json_get_text(row, "kind"));

		if (kind) /* what cannot leave this device cannot be handed over either */
			add_item(d, kind, row, bk_json_get_text(row, "what"));
	}
	json_array_foreach(risks, i, row)
		add_item(d, BAKEN__HANDOVER_ITEM__KIND__RISK, NULL, json_string_value(row));
	return d->m.n_items ? 0 : BK_E_NOT_FOUND;
}

static int post(struct bk_core *core, Baken__Handover *m, bk_id *ret_id)
{
	Baken__Content content = BAKEN__CONTENT__INIT;
	struct bk_post p = { .content = &content, .kind = BK_CONTENT_HANDOVER };
	int err = 0;

	content.kind_case = BAKEN__CONTENT__KIND_HANDOVER;
	content.handover = m;
	p.class = BAKEN__CLASS__CLASS_URGENT;
	p.regime = BAKEN__REGIME__REGIME_SECURITY;
	p.circles[p.n_circles++] = core->self.circle;
	err = bk_outbox_post(core, &p);
	*ret_id = p.id;
	return err;
}

/* The keys go along with the offer: nobody can accept what they cannot read. */
static int give_keys(struct bk_core *core, const struct draft *d, bk_id to, bk_id handover)
{
	bk_id cases[BK_HANDOVER_MAX];
	struct bk_keyring_gift g = { .reason = BAKEN__KEYRING__REASON__HANDOVER, .to = to, .about = handover, .cases = cases };

	for (size_t i = 0; i < d->m.n_items; i++)
		if (d->items[i].kind == BAKEN__HANDOVER_ITEM__KIND__CASE || d->items[i].kind == BAKEN__HANDOVER_ITEM__KIND__ALARM)
			cases[g.n_cases++] = d->about[i];
	return bk_keyring_give(core, &g);
}

static int send(struct bk_core *core, struct bk_command *c, struct draft *d, bk_id to)
{
	bk_id id = { { 0 } };
	int err = 0;

	d->m.to_device = bk_bytes(to.b, BK_ID_BYTES);
	d->m.text = (char *)(uintptr_t)bk_json_get_text(c->args, "text");
	d->m.items = d->list;
	bk_json_id(d->row, "from", core->self.device);
	bk_json_id(d->row, "to", to);
	bk_json_int(d->row, "at_ms", bk_cases_now(core));
	bk_json_more(d->row, "text", d->m.text);
	err = post(core, &d->m, &id);
	if (!err)
		err = give_keys(core, d, to, id);
	if (!err)
		err = bk_handover_save(core, id, d->row);
	bk_json_id(c->answer, "handover", id);
	bk_json_put(c->answer, "items", json_deep_copy(json_object_get(d->row, "items")));
	return err;
}

static int offer(struct bk_core *core, struct bk_command *c, struct draft *d, bk_id to)
{
	json_t *left = bk_handover_left(core);
	int err = fill(d, left, json_object_get(c->args, "risks"));

	if (err == BK_E_NOT_FOUND)
		c->say = BK_SAY_NOTHING_LEFT;
	if (!err)
		err = send(core, c, d, to);
	json_decref(left); /* the items borrow its texts */
	return err;
}

int bk_handover_cmd_offer(struct bk_core *core, struct bk_command *c)
{
	bk_id to = bk_json_get_id(c->args, "to");
	struct draft *d = NULL;
	int err = 0;

	if (!bk_duty_is_on(core, to) || bk_id_equal(to, core->self.device)) {
		c->say = BK_SAY_NOT_ON_DUTY;
		return BK_E_NOT_FOUND;
	}
	d = calloc(1, sizeof(*d));
	if (!d)
		return BK_E_NOMEM;
	baken__handover__init(&d->m);
	d->row = bk_json_object();
	bk_json_put(d->row, "items", bk_json_array());
	err = offer(core, c, d, to);
	json_decref(d->row);
	free(d);
	return err;
}

/* What was accepted before this left us has moved; the rest stays ours. */
int bk_handover_cmd_take_back(struct bk_core *core, struct bk_command *c)
{
	bk_id id = bk_json_get_id(c->args, "handover"), to = { { 0 } }, posted = { { 0 } };
	json_t *row = bk_handover_row(core, id);
	Baken__Handover m = BAKEN__HANDOVER__INIT;
	int err = row ? 0 : BK_E_NOT_FOUND;

	if (!err && (!bk_id_equal(bk_json_get_id(row, "from"), core->self.device) || bk_json_get_bool(row, "over"))) {
		c->say = BK_SAY_NOT_RECEIVER;
		err = BK_E_STATE;
	}
	to = bk_json_get_id(row, "to");
	m.to_device = bk_bytes(to.b, BK_ID_BYTES);
	m.taken_back = true;
	m.handover_id = bk_bytes(id.b, BK_ID_BYTES);
	if (!err)
		err = post(core, &m, &posted);
	if (!err) {
		bk_json_bool(row, "over", true);
		err = bk_handover_save(core, id, row);
	}
	json_decref(row);
	return err;
}
