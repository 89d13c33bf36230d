/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cases_in.h"

#include <sodium.h>
#include <stdlib.h>

#include "engine.h"

#define WHAT_MAX 300u /* bytes of the first words on the board */
#define CTX_EVENT "baken-case-event-v1"

static const char *const changes[BK_CASE_KINDS] = {
	[BK_CASE_OPENED] = "opened", [BK_CASE_CLAIMED] = "claimed", [BK_CASE_RELEASED] = "released",
	[BK_CASE_REPLIED] = "replied", [BK_CASE_NOTE] = "note", [BK_CASE_CLOSED] = "closed",
	[BK_CASE_REOPENED] = "reopened", [BK_CASE_URGENCY] = "urgency", [BK_CASE_PROMISED] = "promised",
	[BK_CASE_ESCALATED] = "escalated", [BK_CASE_HANDED_OVER] = "handed-over",
	[BK_CASE_TRANSFERRED] = "transferred", [BK_CASE_EXPORTED] = "exported", [BK_CASE_LINKED] = "linked",
	[BK_CASE_JOINED] = "joined", [BK_CASE_LEFT] = "left", [BK_CASE_READ] = "read", [BK_CASE_SEEN] = "seen",
	[BK_CASE_MESSAGE] = "message", [BK_CASE_ALARM] = "alarm", [BK_CASE_ALARM_ENDED] = "alarm-ended",
	[BK_CASE_DURESS] = "duress", [BK_CASE_MISSED] = "missed",
};

const char *bk_cases_change(enum bk_case_kind kind)
{
	return (unsigned)kind < BK_CASE_KINDS && changes[kind] ? changes[kind] : "";
}

bk_ms bk_cases_now(const struct bk_core *core)
{
	int64_t t = (int64_t)core->now + core->link.skew_ms;

	return t > 0 ? (bk_ms)t : core->now;
}

void bk_cases_name(struct bk_core *core, bk_id device, char out[static BK_NAME_MAX + 1])
{
	char id[BK_ID_TEXT];

	if (bk_id_equal(device, core->self.device))
		memcpy(out, core->self.name, BK_NAME_MAX + 1);
	else
		bk_rosters_name(core, device, out);
	if (!out[0])
		memcpy(out, bk_id_text(device, id), BK_ID_TEXT); /* nobody has told us their name yet */
}

json_t *bk_cases_meta(struct bk_core *core, bk_id case_id)
{
	return bk_db_get_json(&core->db, bk_key_id("casemeta/", case_id));
}

static bk_id meta_id(struct bk_core *core, bk_id case_id, const char *member)
{
	json_t *meta = bk_cases_meta(core, case_id);
	bk_id id = bk_json_get_id(meta, member);

	json_decref(meta);
	return id;
}

bk_id bk_cases_person(struct bk_core *core, bk_id case_id)
{
	return meta_id(core, case_id, "circle");
}

bk_id bk_cases_first_desk(struct bk_core *core, bk_id case_id)
{
	return meta_id(core, case_id, "first");
}

bool bk_cases_known(struct bk_core *core, bk_id case_id)
{
	return bk_db_has(&core->db, bk_key_id("casemeta/", case_id));
}

bool bk_cases_state(struct bk_core *core, bk_id case_id, struct bk_case_state *ret_state)
{
	return bk_cases_known(core, case_id) && !bk_cases_folded(core, case_id, ret_state);
}

/* ---- adding ---- */

static void describe(struct bk_core *core, json_t *event, bk_id case_id, const struct bk_case_event *e)
{
	char by[BK_NAME_MAX + 1] = "";

	bk_json_id(event, "case", case_id);
	bk_json_text(event, "change", bk_cases_change(e->kind));
	if (!bk_id_is_zero(e->by)) {
		bk_cases_name(core, e->by, by);
		bk_json_text(event, "by", by);
	}
}

static void tell(struct bk_core *core, bk_id case_id, const struct bk_case_state *s, const struct bk_case_event *e,
	const char *text)
{
	json_t *event = bk_event("case"), *row = bk_cases_row(core, case_id, s);

	describe(core, event, case_id, e);
	bk_json_check(json_object_update(event, row) == 0);
	json_decref(row);
	bk_json_more(event, "text", text);
	bk_emit(core, event);
}

/* What a colleague's device had no right to: kept in the log, without effect, and said aloud. */
static void tell_refused(struct bk_core *core, bk_id case_id, const struct bk_case_event *e, int err)
{
	json_t *event = bk_event("case-refused");

	describe(core, event, case_id, e);
	bk_event_error(core, event, err);
	bk_emit(core, event);
}

/* "theirs/" circle + case: for whoever belongs to the same household. */
static int index_circle(struct bk_core *core, bk_id case_id)
{
	bk_id circle = bk_cases_person(core, case_id);
	struct bk_key k = bk_key_pair("theirs/", circle, case_id);

	return bk_id_is_zero(circle) || bk_db_has(&core->db, k) ? 0 : bk_db_put(&core->db, k, "", 0);
}

int bk_cases_add(struct bk_core *core, bk_id case_id, const struct bk_case_event *e, const char *text)
{
	struct bk_key k = bk_key_pair("case/", case_id, e->id);
	struct bk_case_state was = { .opened = false }, s = { .opened = false };
	json_t *row = NULL;
	int err = 0;

	if (bk_db_has(&core->db, k))
		return 0;
	err = bk_cases_folded(core, case_id, &was);
	row = bk_cases_event_row(e, text);
	if (!err)
		err = bk_db_put_json(&core->db, k, row);
	json_decref(row);
	if (!err)
		err = bk_cases_advance(core, case_id, e, &s);
	if (!err)
		err = index_circle(core, case_id);
	if (err)
		return err;
	if (!bk_id_equal(s.owner, core->self.device))
		bk_db_del(&core->db, bk_key_id("held/", case_id));
	if (s.refused > was.refused)
		tell_refused(core, case_id, e, e->kind == BK_CASE_CLAIMED ? BK_E_CLAIMED : BK_E_STATE);
	tell(core, case_id, &s, e, text);
	bk_alerts_changed(core, case_id, &s);
	return core->db.err;
}

/* ---- from messages ---- */

static void meta_put(struct bk_core *core, bk_id case_id, bk_id circle, const char *what)
{
	json_t *meta = bk_json_object();
	size_t len = strlen(what) < WHAT_MAX ? strlen(what) : WHAT_MAX;

	while (len && len < strlen(what) && ((unsigned char)what[len] & 0xc0) == 0x80)
		len--; /* not in the middle of a character */
	bk_json_id(meta, "circle", circle);
	bk_json_put(meta, "what", json_stringn(what, len));
	bk_db_put_json(&core->db, bk_key_id("casemeta/", case_id), meta);
	json_decref(meta);
}

void bk_cases_begin(struct bk_core *core, bk_id case_id, bk_id circle, const char *what)
{
	if (!bk_cases_known(core, case_id))
		meta_put(core, case_id, circle, what);
}

void bk_cases_stand_behind(struct bk_core *core, bk_id case_id, bk_id first_desk)
{
	json_t *meta = bk_cases_meta(core, case_id);

	bk_json_id(meta, "first", first_desk);
	if (meta)
		bk_db_put_json(&core->db, bk_key_id("casemeta/", case_id), meta);
	json_decref(meta);
}

static const char *first_words(const json_t *item)
{
	const char *what = bk_json_get_text(item, "what");

	return *what ? what : bk_json_get_text(item, "text");
}

static unsigned count_files(const Baken__Content *c)
{
	if (c->kind_case == BAKEN__CONTENT__KIND_REPORT)
		return (unsigned)c->report->n_attachments;
	return c->kind_case == BAKEN__CONTENT__KIND_TEXT ? (unsigned)c->text->n_attachments : 0;
}

static bool belongs(const struct bk_core *core, const struct bk_opened *o)
{
	return bk_is_desk(core) && o->circle->kind == BAKEN__CIRCLE_KIND__CIRCLE_PERSON &&
		o->regime == BAKEN__REGIME__REGIME_SECURITY &&
		(o->kind == BK_CONTENT_REPORT || o->kind == BK_CONTENT_TEXT);
}

static void opens(const struct bk_opened *o, struct bk_case_event *e)
{
	const Baken__Report *m = o->kind == BK_CONTENT_REPORT ? o->content->report : NULL;

	e->kind = BK_CASE_OPENED;
	e->drill = o->content->drill;
	e->urgency = m ? (unsigned)m->urgency : 0;
	e->weak = m && m->certainty == BAKEN__CERTAINTY__CERTAINTY_GUT_FEELING;
}

/* Times are the server's: a person's clock must not decide whether an answer came after the question. */
void bk_cases_on_item(struct bk_core *core, const struct bk_opened *o)
{
	struct bk_case_event e = { .id = o->logical, .kind = BK_CASE_MESSAGE };
	bk_id case_id = o->conversation, known = { { 0 } };
	json_t *item = NULL;

	if (!belongs(core, o))
		return;
	item = bk_items_get(core, o->logical);
	known = bk_cases_person(core, case_id);
	if (!bk_id_is_zero(known) && !bk_id_equal(known, o->circle->circle))
		case_id = o->logical; /* somebody else's case: nobody writes into it (R9) */
	e.at_ms = bk_json_get_int(item, "stored_ms");
	if (!e.at_ms)
		e.at_ms = o->content->written_ms;
	e.attachments = count_files(o->content);
	if (bk_id_equal(case_id, o->logical))
		opens(o, &e);
	if (e.kind == BK_CASE_OPENED || bk_id_is_zero(known))
		meta_put(core, case_id, o->circle->circle, first_words(item));
	json_decref(item);
	bk_cases_add(core, case_id, &e, NULL);
}

/* ---- from colleagues ---- */

/* An event is named by its sender and message: nobody takes the place of another's. */
static bk_id event_id(bk_id device, bk_id message)
{
	uint8_t both[2 * BK_ID_BYTES];
	bk_id id = { { 0 } };

	memcpy(both, device.b, BK_ID_BYTES);
	memcpy(both + BK_ID_BYTES, message.b, BK_ID_BYTES);
	BK_ASSERT(!crypto_generichash(id.b, BK_ID_BYTES, both, sizeof(both), (const uint8_t *)CTX_EVENT,
		strlen(CTX_EVENT)));
	return id;
}

/* A timer's escalation is the same event whoever posts it: of the case, the level and when it was due. */
bk_id bk_cases_timer_id(bk_id case_id, unsigned level, bk_ms at)
{
	uint8_t all[BK_ID_BYTES + 9];
	bk_id id = { { 0 } };

	memcpy(all, case_id.b, BK_ID_BYTES);
	all[BK_ID_BYTES] = (uint8_t)level;
	bk_u64_write(all + BK_ID_BYTES + 1, at);
	BK_ASSERT(!crypto_generichash(id.b, BK_ID_BYTES, all, sizeof(all), (const uint8_t *)CTX_EVENT,
		strlen(CTX_EVENT)));
	return id;
}

static struct bk_case_event event_of(const Baken__CaseEvent *m, bk_id case_id, bk_id device, bk_id message)
{
	struct bk_case_event e = { .id = event_id(device, message), .by = device };

	e.kind = (enum bk_case_kind)m->kind; /* the numbers of both lists are the same (fold.h, desk.proto) */
	e.at_ms = m->at_ms;
	e.until_ms = m->until_ms;
	e.urgency = m->urgency;
	e.level = m->level;
	e.answers = m->answers;
	e.by_hand = e.kind == BK_CASE_ESCALATED && *m->text;
	bk_id_from(m->other.data, m->other.len, &e.other);
	if (e.kind != BK_CASE_ESCALATED || e.by_hand)
		return e;
	e.id = bk_cases_timer_id(case_id, e.level, e.until_ms);
	e.at_ms = e.until_ms;
	e.by = (bk_id){ { 0 } };
	return e;
}

/* The desk that an alarm went to first tells us, who stand behind it, that it has it; nothing else. */
static bool may_say(struct bk_core *core, const struct bk_opened *o, const struct bk_case_event *e, bk_id case_id)
{
	bk_id first = bk_cases_first_desk(core, case_id);

	if (bk_id_equal(o->circle->circle, core->self.circle))
		return true;
	return e->kind == BK_CASE_SEEN && o->circle->kind == BAKEN__CIRCLE_KIND__CIRCLE_DESK &&
		(bk_id_equal(first, o->circle->circle) || !bk_cases_known(core, case_id));
}

/* A link is between cases of one household, whoever says so. */
static bool link_ok(struct bk_core *core, bk_id case_id, const struct bk_case_event *e)
{
	bk_id a = bk_cases_person(core, case_id), b = bk_cases_person(core, e->other);

	return bk_id_is_zero(a) || bk_id_is_zero(b) || bk_cases_same_household(core, a, b);
}

static int check_event(struct bk_core *core, const struct bk_opened *o, bk_id case_id, const struct bk_case_event *e,
	bk_ms stored_ms)
{
	if (e->kind <= BK_CASE_OPENED || e->kind > BK_CASE_SEEN)
		return BK_E_INVAL;
	if (!may_say(core, o, e, case_id))
		return BK_E_ROLE;
	/* What is said to have happened after the server stored it would stay the newest for ever. */
	if (stored_ms && e->at_ms > stored_ms + BK_CLOCK_SKEW_MS)
		return BK_E_CLOCK;
	return e->kind != BK_CASE_LINKED || link_ok(core, case_id, e) ? 0 : BK_E_ROLE;
}

void bk_cases_on_event(struct bk_core *core, const struct bk_opened *o, bk_ms stored_ms)
{
	const Baken__CaseEvent *m = o->content->case_event;
	struct bk_case_event e = { .kind = BK_CASE_NONE };
	bk_id case_id = { { 0 } };
	int err = 0;

	if (!bk_is_desk(core) || bk_id_from(m->case_id.data, m->case_id.len, &case_id))
		return;
	e = event_of(m, case_id, o->sender->cert.device, o->logical);
	err = check_event(core, o, case_id, &e, stored_ms);
	if (err)
		tell_refused(core, case_id, &e, err);
	else
		bk_cases_add(core, case_id, &e, m->text);
	if (!err && e.kind == BK_CASE_HANDED_OVER && bk_id_equal(e.other, core->self.device))
		bk_cases_handed(core, case_id, e.until_ms);
}

/* ---- acting ---- */

static bool has_colleagues(struct bk_core *core)
{
	const struct bk_roster *r = bk_rosters_get(core, core->self.circle);

	for (size_t i = 0; r && i < r->n_entries; i++)
		if (!bk_id_equal(r->entries[i].cert.device, core->self.device) &&
			bk_roster_usable(&r->entries[i], core->now))
			return true;
	return false;
}

/* After all that it follows from, whatever the clocks say: what we have seen comes before what we do. */
static bk_ms time_of_act(struct bk_core *core, bk_id case_id, bk_ms not_before)
{
	struct bk_case_state s = { .opened = false };
	bk_ms now = bk_cases_now(core);

	if (now < not_before)
		now = not_before;
	if (bk_cases_folded(core, case_id, &s))
		return now;
	return now > s.mark.at_ms ? now : s.mark.at_ms + 1;
}

static void fill(Baken__CaseEvent *m, const bk_id *case_id, const struct bk_case_event *e, const char *text)
{
	m->kind = (Baken__CaseEvent__Kind)e->kind;
	m->case_id = bk_bytes(case_id->b, BK_ID_BYTES);
	m->at_ms = e->at_ms;
	m->until_ms = e->until_ms;
	m->urgency = e->urgency;
	m->level = e->level;
	m->answers = e->answers;
	if (!bk_id_is_zero(e->other))
		m->other = bk_bytes(e->other.b, BK_ID_BYTES);
	m->text = (char *)(uintptr_t)(text ? text : "");
}

static int post(struct bk_core *core, bk_id case_id, const struct bk_case_event *e, const char *text, bk_id message)
{
	Baken__Content content = BAKEN__CONTENT__INIT;
	Baken__CaseEvent m = BAKEN__CASE_EVENT__INIT;
	struct bk_post p = { .content = &content, .kind = BK_CONTENT_CASE_EVENT };

	fill(&m, &case_id, e, text);
	content.kind_case = BAKEN__CONTENT__KIND_CASE_EVENT;
	content.case_event = &m;
	p.class = BAKEN__CLASS__CLASS_NORMAL;
	p.regime = BAKEN__REGIME__REGIME_SECURITY;
	p.conversation = case_id;
	p.circles[p.n_circles++] = core->self.circle;
	p.id = message;
	return has_colleagues(core) ? bk_outbox_post(core, &p) : 0;
}

int bk_cases_act(struct bk_core *core, bk_id case_id, struct bk_case_event *e, const char *text)
{
	bk_id message = bk_id_random();
	int err = 0;

	e->id = event_id(core->self.device, message);
	e->by = core->self.device;
	e->at_ms = time_of_act(core, case_id, e->at_ms);
	err = post(core, case_id, e, text, message);
	return err ? err : bk_cases_add(core, case_id, e, text);
}

int bk_cases_escalate(struct bk_core *core, bk_id case_id, unsigned level, bk_ms at)
{
	struct bk_case_event e = { .kind = BK_CASE_ESCALATED, .level = level, .at_ms = at, .until_ms = at };
	int err = 0;

	e.id = bk_cases_timer_id(case_id, level, at);
	if (bk_db_has(&core->db, bk_key_pair("case/", case_id, e.id)))
		return 0;
	err = post(core, case_id, &e, NULL, bk_id_random());
	return err ? err : bk_cases_add(core, case_id, &e, NULL);
}

int bk_cases_replied(struct bk_core *core, bk_id case_id, bool answers)
{
	struct bk_case_event e = { .kind = BK_CASE_REPLIED, .answers = answers };

	if (!bk_is_desk(core) || !bk_cases_known(core, case_id))
		return 0;
	return bk_cases_act(core, case_id, &e, NULL);
}
