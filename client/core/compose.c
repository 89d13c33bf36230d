/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "compose.h"

#include <stdlib.h>

#include "engine.h"

/* A message on its way to the outbox, with what its wire form borrows. */
struct draft {
	struct bk_post p;
	Baken__Content content;
	Baken__Attachment files[BK_FILES_MAX], *list[BK_FILES_MAX];
	Baken__Signed manifests[BK_FILES_MAX];
	json_t *rows[BK_FILES_MAX];
	uint8_t *bytes;
};

static void draft_init(struct draft *d, enum bk_content_kind kind, Baken__Regime regime)
{
	memset(d, 0, sizeof(*d));
	baken__content__init(&d->content);
	d->p.content = &d->content;
	d->p.kind = kind;
	d->p.regime = regime;
	d->p.class = BAKEN__CLASS__CLASS_NORMAL;
	d->p.copy = true;
}

static void draft_done(struct draft *d)
{
	for (size_t i = 0; i < d->p.n_files; i++)
		json_decref(d->rows[i]);
	if (d->bytes)
		sodium_memzero(d->bytes, BK_FILES_MAX * BK_ATTACH_BYTES);
	free(d->bytes);
}

static void draft_to(struct draft *d, bk_id circle)
{
	d->p.circles[d->p.n_circles++] = circle;
}

/* ---- attachments ---- */

static bool has_file(const struct draft *d, bk_id id)
{
	for (size_t i = 0; i < d->p.n_files; i++)
		if (bk_id_equal(d->p.files[i], id))
			return true;
	return false;
}

/* Care content can be denied: a manifest signed by the device would undo that. */
static int add_file(struct bk_core *core, struct draft *d, bk_id id)
{
	size_t i = d->p.n_files;
	json_t *row = bk_attach_get(core, id);
	int err = 0;

	if (!row || has_file(d, id)) {
		json_decref(row);
		return row ? BK_E_INVAL : BK_E_NOT_FOUND;
	}
	d->rows[i] = row;
	d->p.files[i] = id;
	d->p.n_files++;
	if (json_array_size(json_object_get(row, "messages")) >= BK_FILES_MAX)
		return BK_E_FULL;
	baken__attachment__init(&d->files[i]);
	baken__signed__init(&d->manifests[i]);
	err = bk_attach_describe(core, id, row, &d->files[i], &d->manifests[i], d->bytes + i * BK_ATTACH_BYTES);
	if (d->p.regime != BAKEN__REGIME__REGIME_SECURITY)
		d->files[i].manifest = NULL;
	d->list[i] = &d->files[i];
	return err;
}

static int add_files(struct bk_core *core, struct draft *d, const json_t *ids)
{
	int err = 0;

	if (!json_array_size(ids))
		return 0;
	d->bytes = malloc(BK_FILES_MAX * BK_ATTACH_BYTES);
	if (!d->bytes)
		return BK_E_NOMEM;
	for (size_t i = 0; i < json_array_size(ids) && !err; i++) {
		bk_id id = { { 0 } };

		err = bk_id_parse(json_string_value(json_array_get(ids, i)), &id);
		if (!err)
			err = add_file(core, d, id);
	}
	return err;
}

static void use_file(struct bk_core *core, const struct draft *d, size_t i, json_t *item)
{
	json_t *file = json_array_get(json_object_get(bk_items_private(item), "files"), i);
	json_t *shown = json_array_get(json_object_get(item, "attachments"), i);
	bool complete = bk_json_get_bool(d->rows[i], "complete");

	bk_json_id(file, "attachment", d->p.files[i]);
	bk_json_id(file, "blob", d->p.files[i]);
	bk_json_bool(file, "ready", true);
	if (complete)
		bk_json_text(shown, "state", "stored");
	bk_json_push_id(json_object_get(d->rows[i], "messages"), d->p.id);
	bk_attach_save(core, d->p.files[i], d->rows[i]);
	if (!complete)
		bk_upload_recheck(core, d->p.files[i]);
}

/* ---- keeping what was posted ---- */

static json_t *item_of(struct bk_core *core, const struct draft *d)
{
	struct bk_opened o = { .content = d->p.content, .kind = d->p.kind, .regime = d->p.regime };

	o.circle = bk_rosters_get(core, core->self.circle);
	o.sender = o.circle ? bk_roster_find(o.circle, core->self.device) : NULL;
	o.message = d->p.id;
	o.logical = d->p.id;
	o.conversation = d->p.conversation;
	return o.sender ? bk_items_build(core, &o, true) : NULL;
}

static int keep(struct bk_core *core, const struct draft *d, bk_id group)
{
	json_t *item = item_of(core, d), *to = bk_json_array();
	int err = item ? 0 : BK_E_STATE;

	for (size_t i = 0; i < d->p.n_circles; i++)
		if (!bk_id_equal(d->p.circles[i], core->self.circle) || d->p.n_circles == 1)
			bk_json_push_id(to, d->p.circles[i]);
	bk_json_put(bk_items_private(item), "to", to);
	bk_json_id(bk_items_private(item), "group", group);
	for (size_t i = 0; i < d->p.n_files && !err; i++)
		use_file(core, d, i, item);
	if (!err)
		err = bk_items_put(core, item);
	json_decref(item);
	if (!err)
		bk_items_rung(core, d->p.id, "device", core->now, "");
	return err;
}

int bk_compose_keep(struct bk_core *core, const struct bk_post *p)
{
	struct draft d;

	memset(&d, 0, sizeof(d));
	d.p = *p;
	return keep(core, &d, (bk_id){ { 0 } });
}

static int post_and_keep(struct bk_core *core, struct draft *d, bk_id group)
{
	int err = bk_outbox_post(core, &d->p);

	return err ? err : keep(core, d, group);
}

/* ---- report ---- */

/* The word's place in the list; -1 when it is none of them. An absent word is the first. */
static int word_at(const json_t *args, const char *key, const char *const *words, int n)
{
	const char *word = bk_json_get_text(args, key);

	for (int i = 0; i < n; i++)
		if (!strcmp(word, words[i]))
			return i;
	return -1;
}

static int fill_report(const json_t *args, Baken__Report *m)
{
	static const char *const urgencies[] = { "", "can-wait", "today", "now" };
	static const char *const certainties[] = { "", "gut-feeling", "unsure", "sure" };
	int urgency = word_at(args, "urgency", urgencies, 4), certainty = word_at(args, "certainty", certainties, 4);

	if (urgency < 0 || certainty < 0)
		return BK_E_INVAL;
	m->what = (char *)(uintptr_t)bk_json_get_text(args, "what");
	m->where = (char *)(uintptr_t)bk_json_get_text(args, "where");
	m->when_text = (char *)(uintptr_t)bk_json_get_text(args, "when_text");
	m->when_ms = bk_json_get_int(args, "when_ms");
	m->urgency = (Baken__Urgency)urgency;
	m->certainty = (Baken__Certainty)certainty;
	return 0;
}

int bk_compose_report(struct bk_core *core, struct bk_command *c)
{
	Baken__Report m = BAKEN__REPORT__INIT;
	bk_id desk = bk_rosters_desk(core);
	struct draft d;
	int err = fill_report(c->args, &m);

	if (err) {
		c->say = BK_SAY_FIELD;
		return err;
	}
	if (bk_id_is_zero(desk)) {
		c->say = BK_SAY_NO_RECEIVER;
		return BK_E_NOT_FOUND;
	}
	draft_init(&d, BK_CONTENT_REPORT, BAKEN__REGIME__REGIME_SECURITY);
	draft_to(&d, desk);
	if (m.urgency == BAKEN__URGENCY__URGENCY_NOW)
		d.p.class = BAKEN__CLASS__CLASS_URGENT;
	err = add_files(core, &d, json_object_get(c->args, "attachments"));
	m.attachments = d.list;
	m.n_attachments = d.p.n_files;
	d.content.kind_case = BAKEN__CONTENT__KIND_REPORT;
	d.content.report = &m;
	d.content.drill = bk_json_get_bool(c->args, "drill");
	if (!err)
		err = post_and_keep(core, &d, (bk_id){ { 0 } });
	draft_done(&d);
	bk_json_id(c->answer, "message", d.p.id);
	return err;
}

/* ---- texts ---- */

int bk_compose_text(struct bk_core *core, struct bk_compose_text *t)
{
	Baken__Text m = BAKEN__TEXT__INIT;
	struct draft d;
	int err = 0;

	draft_init(&d, BK_CONTENT_TEXT, t->regime);
	draft_to(&d, t->circle);
	d.p.class = t->class;
	d.p.conversation = t->conversation;
	err = add_files(core, &d, t->files);
	m.text = (char *)(uintptr_t)t->text;
	m.answers = t->answers;
	if (!bk_id_is_zero(t->reply_to))
		m.reply_to = bk_bytes(t->reply_to.b, BK_ID_BYTES);
	m.attachments = d.list;
	m.n_attachments = d.p.n_files;
	d.content.kind_case = BAKEN__CONTENT__KIND_TEXT;
	d.content.text = &m;
	if (!err)
		err = post_and_keep(core, &d, (bk_id){ { 0 } });
	draft_done(&d);
	t->message = d.p.id;
	return err;
}

/* A circle that is only known as somebody's desk. */
static bool is_some_desk(const struct bk_core *core, bk_id circle)
{
	for (const struct bk_circle *c = core->rosters.list; c; c = c->next)
		if (bk_id_equal(c->roster->desk, circle))
			return true;
	return false;
}

static bool is_some_care(const struct bk_core *core, bk_id circle)
{
	for (const struct bk_circle *c = core->rosters.list; c; c = c->next)
		if (bk_id_equal(c->roster->care, circle))
			return true;
	return false;
}

/* The two regimes never meet: said in words of its own, before anything else. */
static int check_regimes(struct bk_core *core, struct bk_command *c, const char *to, bk_id circle,
	Baken__CircleKind kind)
{
	if (bk_is_care(core) && (!strcmp(to, "desk") || kind == BAKEN__CIRCLE_KIND__CIRCLE_DESK ||
					is_some_desk(core, circle))) {
		c->say = BK_SAY_CARE_TO_DESK;
		return BK_E_ROLE;
	}
	if (bk_is_desk(core) && (!strcmp(to, "care") || kind == BAKEN__CIRCLE_KIND__CIRCLE_CARE ||
					is_some_care(core, circle))) {
		c->say = BK_SAY_DESK_TO_CARE;
		return BK_E_ROLE;
	}
	return 0;
}

/* People write to their own desk and care team; staff to people that are assigned to them and to each other. */
int bk_compose_check(struct bk_core *core, struct bk_command *c, bk_id circle, Baken__Regime regime)
{
	Baken__CircleKind kind = bk_rosters_kind(core, circle);
	bool theirs = bk_is_person(core) ?
		bk_id_equal(circle, bk_rosters_desk(core)) || bk_id_equal(circle, bk_rosters_care(core)) :
		kind == BAKEN__CIRCLE_KIND__CIRCLE_PERSON || bk_id_equal(circle, core->self.circle);

	/* Of a circle that staff were not assigned nothing is known: not even that it exists. */
	if (bk_is_care(core) && kind == BAKEN__CIRCLE_KIND__CIRCLE_NONE) {
		c->say = BK_SAY_ROLE;
		return BK_E_ROLE;
	}
	if (bk_id_is_zero(circle) || kind == BAKEN__CIRCLE_KIND__CIRCLE_NONE) {
		c->say = BK_SAY_NO_RECEIVER;
		return BK_E_NOT_FOUND;
	}
	if (!theirs || !bk_roles_may_send(core->self.role, kind, regime, BK_CONTENT_TEXT)) {
		c->say = BK_SAY_ROLE;
		return BK_E_ROLE;
	}
	return 0;
}

static Baken__Regime regime_for(struct bk_core *core, Baken__CircleKind kind)
{
	bool care = bk_is_care(core) || (bk_is_person(core) && kind == BAKEN__CIRCLE_KIND__CIRCLE_CARE);

	return care ? BAKEN__REGIME__REGIME_CARE : BAKEN__REGIME__REGIME_SECURITY;
}

int bk_compose_send(struct bk_core *core, struct bk_command *c)
{
	const char *to = bk_json_get_text(c->args, "to");
	struct bk_compose_text t = { .class = BAKEN__CLASS__CLASS_NORMAL };
	Baken__CircleKind kind = BAKEN__CIRCLE_KIND__CIRCLE_NONE;
	int err = 0;

	if (!strcmp(to, "desk"))
		t.circle = bk_rosters_desk(core);
	else if (!strcmp(to, "care"))
		t.circle = bk_rosters_care(core);
	else
		t.circle = bk_json_get_id(c->args, "to");
	kind = bk_rosters_kind(core, t.circle);
	t.regime = regime_for(core, kind);
	err = check_regimes(core, c, to, t.circle, kind);
	if (!err)
		err = bk_compose_check(core, c, t.circle, t.regime);
	if (err)
		return err;
	t.text = bk_json_get_text(c->args, "text");
	t.files = json_object_get(c->args, "attachments");
	err = bk_compose_text(core, &t);
	bk_json_id(c->answer, "message", t.message);
	return err;
}

/* ---- acknowledge ---- */

static int post_ack(struct bk_core *core, bk_id guidance, bk_id desk)
{
	Baken__GuidanceAck m = BAKEN__GUIDANCE_ACK__INIT;
	struct draft d;
	int err = 0;

	draft_init(&d, BK_CONTENT_GUIDANCE_ACK, BAKEN__REGIME__REGIME_SECURITY);
	draft_to(&d, desk);
	d.p.class = BAKEN__CLASS__CLASS_URGENT;
	m.guidance_id = bk_bytes(guidance.b, BK_ID_BYTES);
	m.read_ms = core->now;
	d.content.kind_case = BAKEN__CONTENT__KIND_GUIDANCE_ACK;
	d.content.guidance_ack = &m;
	err = bk_outbox_post(core, &d.p);
	draft_done(&d);
	return err;
}

int bk_compose_acknowledge(struct bk_core *core, struct bk_command *c)
{
	bk_id message = bk_json_get_id(c->args, "message");
	json_t *item = bk_items_get(core, message);
	bk_id desk = bk_json_get_id(json_object_get(item, "from"), "circle");
	int err = 0;

	if (!item)
		err = BK_E_NOT_FOUND;
	else if (strcmp(bk_json_get_text(item, "kind"), "guidance"))
		err = BK_E_STATE;
	else if (bk_json_get_int(item, "recalled_ms")) {
		c->say = BK_SAY_RECALLED;
		err = BK_E_STATE;
	} else if (!bk_json_get_int(item, "acknowledged_ms"))
		err = post_ack(core, message, desk);
	if (!err)
		bk_items_acknowledged(core, message, core->self.circle, "", core->now);
	json_decref(item);
	return err;
}
