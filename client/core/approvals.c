/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "approvals.h"

#include <stdlib.h>

#include "engine.h"
#include "eyes.h"
#include "guidance.h"
#include "valid.h"

#define CONTEXT "baken-approval-v1"
#define WORDS_MAX 64u /* said to one request; a desk has fewer officers */
#define KEEP_MS (30ull * 86400000ull)

/* ---- lists of circles ---- */

ProtobufCBinaryData *bk_approvals_circles(const bk_id *ids, size_t n)
{
	ProtobufCBinaryData *list = calloc(n + 1, sizeof(*list));

	for (size_t i = 0; list && i < n; i++)
		list[i] = bk_bytes((void *)(uintptr_t)ids[i].b, BK_ID_BYTES);
	return list;
}

json_t *bk_approvals_circle_ids(const Baken__Approval *m)
{
	json_t *seen = bk_json_object(), *list = bk_json_array(), *v = NULL;
	const char *key = NULL;

	for (size_t i = 0; i < m->n_circles; i++) {
		char text[BK_ID_TEXT];
		bk_id id = { { 0 } };

		if (!bk_id_from(m->circles[i].data, m->circles[i].len, &id))
			bk_json_put(seen, bk_id_text(id, text), json_true());
	}
	json_object_foreach(seen, key, v)
		bk_json_push(list, json_string(key));
	json_decref(seen);
	return list;
}

/* ---- the draft ---- */

static int draft_hash(bk_id request, const Baken__Approval *m, bk_hash *ret_hash)
{
	size_t head = strlen(CONTEXT) + BK_ID_BYTES, len = baken__approval__get_packed_size(m);
	uint8_t *text = malloc(head + len);

	if (!text)
		return BK_E_NOMEM;
	memcpy(text, CONTEXT, strlen(CONTEXT));
	memcpy(text + strlen(CONTEXT), request.b, BK_ID_BYTES);
	baken__approval__pack(m, text + head);
	*ret_hash = bk_hash_of(text, head + len);
	free(text);
	return 0;
}

static json_t *row_get(struct bk_core *core, bk_id request)
{
	return bk_db_get_json(&core->db, bk_key_id("appr/", request));
}

static void row_save(struct bk_core *core, bk_id request, const json_t *row)
{
	bk_db_put_json(&core->db, bk_key_id("appr/", request), row);
}

/* The words may have come first. */
static json_t *row_or_new(struct bk_core *core, bk_id request)
{
	json_t *row = row_get(core, request);

	if (row)
		return row;
	row = bk_json_object();
	bk_json_id(row, "request", request);
	bk_json_int(row, "kept_ms", core->now);
	bk_json_put(row, "words", bk_json_array());
	return row;
}

static bool has_draft(const json_t *row)
{
	return json_object_get(row, "draft") != NULL;
}

struct asking {
	bk_id request, device, account;
	const char *name;
	const Baken__Approval *m;
	bk_hash draft;
	bk_ms at;
};

/* The first that came under this id holds: nobody can change what others are looking at. */
static void keep_draft(json_t *row, const struct asking *a)
{
	const Baken__Guidance *g = a->m->guidance;

	bk_json_id(row, "by", a->device);
	bk_json_id(row, "account", a->account);
	bk_json_text(row, "name", a->name);
	bk_json_int(row, "asked_ms", a->at);
	bk_json_hex(row, "draft", a->draft.b, BK_HASH_BYTES);
	bk_json_text(row, "title", g->title);
	bk_json_text(row, "text", g->text);
	bk_json_ms(row, "valid_until_ms", g->valid_until_ms);
	bk_json_bool(row, "acknowledge", g->acknowledge);
	bk_json_more(row, "template", g->template_);
	bk_json_bool(row, "drill", a->m->drill);
	bk_json_put(row, "circles", bk_approvals_circle_ids(a->m));
	bk_json_int(row, "people", json_array_size(json_object_get(row, "circles")));
}

/* ---- words ---- */

struct said {
	Baken__Approval__Verb verb;
	bk_id device;
	bk_hash draft;
	const char *text;
	bk_ms at;
	bk_id group; /* SENT */
};

static void keep_word(json_t *row, const struct said *s)
{
	json_t *words = json_object_get(row, "words"), *word = bk_json_object();

	bk_json_int(word, "verb", (uint64_t)s->verb);
	bk_json_id(word, "by", s->device);
	bk_json_int(word, "at_ms", s->at);
	if (s->verb == BAKEN__APPROVAL__VERB__GIVEN)
		bk_json_hex(word, "draft", s->draft.b, BK_HASH_BYTES);
	bk_json_more(word, "text", s->text);
	if (json_array_size(words) < WORDS_MAX)
		bk_json_push(words, word);
	else
		json_decref(word);
	if (s->verb == BAKEN__APPROVAL__VERB__SENT)
		bk_json_id(row, "message", s->group);
}

/* As the lists stand now: a word of somebody who was withdrawn since counts for nothing. */
static void word_read(struct bk_core *core, const json_t *word, struct bk_eyes_word *ret_word)
{
	const struct bk_roster *r = NULL;
	const struct bk_roster_entry *e = bk_rosters_device(core, bk_json_get_id(word, "by"), &r);

	memset(ret_word, 0, sizeof(*ret_word));
	ret_word->verb = (Baken__Approval__Verb)bk_json_get_int(word, "verb");
	bk_json_get_hex(word, "draft", ret_word->draft.b, BK_HASH_BYTES);
	if (!e)
		return;
	ret_word->account = e->cert.account;
	ret_word->certified = bk_id_equal(r->circle, core->self.circle) && bk_roles_is_desk(e->cert.role) &&
		bk_roster_usable(e, core->now);
}

static struct bk_eyes_request request_of(const json_t *row)
{
	struct bk_eyes_request r = { .account = bk_json_get_id(row, "account"),
		.asked_ms = bk_json_get_int(row, "asked_ms") };

	bk_json_get_hex(row, "draft", r.draft.b, BK_HASH_BYTES);
	return r;
}

static enum bk_eyes fold(struct bk_core *core, const json_t *row, const json_t **ret_word)
{
	const json_t *words = json_object_get(row, "words");
	struct bk_eyes_request r = request_of(row);
	struct bk_eyes_word list[WORDS_MAX];
	size_t n = json_array_size(words), by = 0;
	enum bk_eyes state;

	if (n > WORDS_MAX)
		n = WORDS_MAX;
	for (size_t i = 0; i < n; i++)
		word_read(core, json_array_get(words, i), &list[i]);
	state = bk_eyes_fold(&r, list, n, bk_valid_clock(core->now, core->link.skew_ms), &by);
	if (ret_word)
		*ret_word = by < n ? json_array_get(words, by) : NULL;
	return state;
}

/* ---- shown ---- */

static json_t *shown(struct bk_core *core, const json_t *row)
{
	static const char *const hidden[] = { "words", "kept_ms", "account", "told", "draft" };
	const json_t *word = NULL;
	enum bk_eyes state = fold(core, row, &word);
	json_t *o = json_deep_copy(row);
	char name[BK_NAME_MAX + 1];

	bk_json_check(o != NULL);
	for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++)
		json_object_del(o, hidden[i]);
	bk_json_text(o, "state", bk_eyes_name(state));
	bk_json_bool(o, "mine", bk_id_equal(bk_json_get_id(row, "account"), core->self.account));
	bk_json_ms(o, "expires_ms", bk_json_get_int(row, "asked_ms") + BK_EYES_MS);
	if (word) {
		bk_rosters_name(core, bk_json_get_id(word, "by"), name);
		bk_json_text(o, "answered_by",
			bk_id_equal(bk_json_get_id(word, "by"), core->self.device) ? core->self.name : name);
		bk_json_int(o, "answered_ms", bk_json_get_int(word, "at_ms"));
		bk_json_more(o, "reason", bk_json_get_text(word, "text"));
	}
	return o;
}

static void tell(struct bk_core *core, const json_t *row)
{
	json_t *event = shown(core, row);

	json_object_del(event, "circles");
	bk_json_text(event, "event", "approval");
	bk_emit(core, event);
}

/* ---- what follows ---- */

static void send_draft(struct bk_core *core, bk_id request, json_t *row)
{
	Baken__Guidance m = BAKEN__GUIDANCE__INIT;
	size_t n = json_array_size(json_object_get(row, "circles"));
	bk_id *circles = calloc(n + 1, sizeof(*circles)), group = { { 0 } };
	struct bk_guide g = { .m = &m, .circles = circles, .n = n, .request = request };
	struct said s = { .verb = BAKEN__APPROVAL__VERB__SENT, .device = core->self.device, .at = core->now };
	int err = circles ? 0 : BK_E_NOMEM;

	m.title = (char *)(uintptr_t)bk_json_get_text(row, "title");
	m.text = (char *)(uintptr_t)bk_json_get_text(row, "text");
	m.template_ = (char *)(uintptr_t)bk_json_get_text(row, "template");
	m.valid_until_ms = bk_json_get_int(row, "valid_until_ms");
	m.acknowledge = bk_json_get_bool(row, "acknowledge");
	g.drill = bk_json_get_bool(row, "drill");
	if (!err)
		bk_json_get_ids(row, "circles", circles, n);
	if (!err)
		err = bk_guidance_send(core, &g, &group);
	free(circles);
	if (err) {
		bk_db_fail(&core->db, err); /* half a fan-out is none */
		return;
	}
	s.group = group;
	keep_word(row, &s);
}

static bool is_ours(const struct bk_core *core, const json_t *row)
{
	return has_draft(row) && bk_id_equal(bk_json_get_id(row, "by"), core->self.device);
}

/*
 * Nothing waits for a person once a second one has consented: the device that asked sends. But a consent that was
 * under way while its officer was withdrawn must not overtake the list that says so.
 */
static void settle(struct bk_core *core, bk_id request, json_t *row)
{
	enum bk_eyes state = has_draft(row) ? fold(core, row, NULL) : BK_EYES_ASKED;

	if (state == BK_EYES_GIVEN && is_ours(core, row)) {
		if (bk_link_online(core) && bk_rosters_ready(core, core->self.circle)) {
			send_draft(core, request, row);
			state = BK_EYES_SENT;
		} else {
			core->guidance.settled = false;
		}
	}
	if (has_draft(row) && strcmp(bk_json_get_text(row, "told"), bk_eyes_name(state))) {
		bk_json_text(row, "told", bk_eyes_name(state));
		tell(core, row);
	}
	row_save(core, request, row);
}

void bk_approvals_flush(struct bk_core *core)
{
	struct bk_rows rows;

	if (core->guidance.settled || !bk_link_online(core) || !bk_roles_is_desk(core->self.role) ||
		!bk_rosters_ready(core, core->self.circle) || bk_db_rows(&core->db, bk_key("appr/"), 0, &rows))
		return;
	core->guidance.settled = true;
	for (size_t i = 0; i < rows.n; i++) {
		json_t *row = bk_json_row(rows.v[i].value, rows.v[i].len);

		if (is_ours(core, row))
			settle(core, bk_row_id(&rows.v[i], strlen("appr/")), row);
		json_decref(row);
	}
	bk_rows_free(&rows);
}

static void on_asked(struct bk_core *core, const struct bk_opened *o)
{
	struct asking a = { .request = o->logical, .device = o->sender->cert.device, .account = o->sender->cert.account,
		.name = o->content->sender_name, .m = o->content->approval, .at = o->content->written_ms };
	json_t *row = row_or_new(core, a.request);
	int err = draft_hash(a.request, a.m, &a.draft);

	if (err)
		bk_db_fail(&core->db, err);
	else if (!has_draft(row)) {
		keep_draft(row, &a);
		settle(core, a.request, row);
	}
	json_decref(row);
}

void bk_approvals_on_approval(struct bk_core *core, const struct bk_opened *o)
{
	const Baken__Approval *m = o->content->approval;
	struct said s = { .verb = m->verb, .device = o->sender->cert.device, .text = m->text,
		.at = o->content->written_ms };
	bk_id request = { { 0 } };
	json_t *row = NULL;

	if (!bk_is_desk(core) || !bk_id_equal(o->circle->circle, core->self.circle))
		return;
	if (m->verb == BAKEN__APPROVAL__VERB__ASKED) {
		on_asked(core, o);
		return;
	}
	if (m->verb == BAKEN__APPROVAL__VERB__SENT)
		bk_guidance_on_sent(core, o);
	if (bk_id_from(m->request_id.data, m->request_id.len, &request))
		return;
	bk_hash_from(m->draft_hash.data, m->draft_hash.len, &s.draft);
	bk_id_from(m->group_id.data, m->group_id.len, &s.group);
	row = row_or_new(core, request);
	keep_word(row, &s);
	settle(core, request, row);
	json_decref(row);
}

/* ---- asking ---- */

int bk_approvals_ask(struct bk_core *core, const struct bk_guide *g, bk_id *ret_request)
{
	Baken__Content content = BAKEN__CONTENT__INIT;
	Baken__Approval m = BAKEN__APPROVAL__INIT;
	struct bk_post p = { .content = &content, .kind = BK_CONTENT_APPROVAL, .class = BAKEN__CLASS__CLASS_URGENT,
		.regime = BAKEN__REGIME__REGIME_SECURITY, .id = bk_id_random() };
	struct asking a = { .request = p.id, .device = core->self.device, .account = core->self.account,
		.name = core->self.name, .m = &m, .at = core->now };
	json_t *row = NULL;
	int err = 0;

	m.verb = BAKEN__APPROVAL__VERB__ASKED;
	m.guidance = g->m;
	m.drill = g->drill;
	m.circles = bk_approvals_circles(g->circles, g->n);
	m.n_circles = g->n;
	content.kind_case = BAKEN__CONTENT__KIND_APPROVAL;
	content.approval = &m;
	content.drill = g->drill;
	p.circles[p.n_circles++] = core->self.circle;
	err = m.circles ? draft_hash(p.id, &m, &a.draft) : BK_E_NOMEM;
	if (err == BK_E_NOMEM)
		bk_db_fail(&core->db, err);
	if (!err)
		err = bk_outbox_post(core, &p);
	if (!err) {
		row = row_or_new(core, p.id);
		keep_draft(row, &a);
		settle(core, p.id, row);
		*ret_request = p.id;
	}
	json_decref(row);
	free(m.circles);
	return err;
}

/* ---- answering ---- */

static int say(struct bk_core *core, bk_id request, json_t *row, struct said *s)
{
	Baken__Content content = BAKEN__CONTENT__INIT;
	Baken__Approval m = BAKEN__APPROVAL__INIT;
	struct bk_post p = { .content = &content, .kind = BK_CONTENT_APPROVAL, .class = BAKEN__CLASS__CLASS_URGENT,
		.regime = BAKEN__REGIME__REGIME_SECURITY };
	int err = 0;

	m.verb = s->verb;
	m.request_id = bk_bytes(request.b, BK_ID_BYTES);
	if (s->verb == BAKEN__APPROVAL__VERB__GIVEN)
		m.draft_hash = bk_bytes(s->draft.b, BK_HASH_BYTES);
	m.text = (char *)(uintptr_t)s->text;
	content.kind_case = BAKEN__CONTENT__KIND_APPROVAL;
	content.approval = &m;
	content.drill = bk_json_get_bool(row, "drill");
	p.circles[p.n_circles++] = core->self.circle;
	err = bk_outbox_post(core, &p);
	if (!err) {
		keep_word(row, s);
		settle(core, request, row);
	}
	return err;
}

static int answer(struct bk_core *core, struct bk_command *c, Baken__Approval__Verb verb)
{
	bk_id request = bk_json_get_id(c->args, "request");
	json_t *row = row_get(core, request);
	struct bk_eyes_request r = request_of(row);
	bool take_back = verb == BAKEN__APPROVAL__VERB__TAKEN_BACK;
	struct said s = { .verb = verb, .device = core->self.device, .draft = r.draft,
		.text = bk_json_get_text(c->args, "reason"), .at = core->now };
	int err = has_draft(row) ? 0 : BK_E_NOT_FOUND;

	if (!err && bk_eyes_may_answer(&r, core->self.account) == take_back) {
		c->say = take_back ? BK_SAY_ROLE : BK_SAY_FOUR_EYES;
		err = BK_E_ROLE;
	}
	if (!err && fold(core, row, NULL) != BK_EYES_ASKED) {
		c->say = BK_SAY_ANSWERED;
		err = BK_E_STATE;
	}
	if (!err)
		err = say(core, request, row, &s);
	if (!err)
		bk_json_text(c->answer, "state", bk_eyes_name(fold(core, row, NULL)));
	json_decref(row);
	return err;
}

int bk_approvals_cmd_approve(struct bk_core *core, struct bk_command *c)
{
	return answer(core, c, BAKEN__APPROVAL__VERB__GIVEN);
}

int bk_approvals_cmd_refuse(struct bk_core *core, struct bk_command *c)
{
	return answer(core, c, BAKEN__APPROVAL__VERB__REFUSED);
}

int bk_approvals_cmd_take_back(struct bk_core *core, struct bk_command *c)
{
	return answer(core, c, BAKEN__APPROVAL__VERB__TAKEN_BACK);
}

int bk_approvals_cmd_list(struct bk_core *core, struct bk_command *c)
{
	json_t *items = bk_json_array();
	struct bk_rows rows;
	int err = bk_db_rows(&core->db, bk_key("appr/"), 0, &rows);

	bk_json_put(c->answer, "items", items);
	if (err)
		return err;
	for (size_t i = 0; i < rows.n; i++) {
		json_t *row = bk_json_row(rows.v[i].value, rows.v[i].len);

		if (has_draft(row))
			bk_json_push(items, shown(core, row));
		json_decref(row);
	}
	bk_rows_free(&rows);
	return 0;
}

void bk_approvals_expire(struct bk_core *core)
{
	struct bk_rows rows;

	if (bk_db_rows(&core->db, bk_key("appr/"), 0, &rows))
		return;
	for (size_t i = 0; i < rows.n; i++) {
		json_t *row = bk_json_row(rows.v[i].value, rows.v[i].len);

		if (core->now >= bk_json_get_int(row, "kept_ms") + KEEP_MS)
			bk_db_del(&core->db, bk_key_id("appr/", bk_row_id(&rows.v[i], strlen("appr/"))));
		json_decref(row);
	}
	bk_rows_free(&rows);
}
