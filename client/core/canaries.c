/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "canaries.h"

#include "cases.h"
#include "engine.h"
#include "policy.h"

static bool is_vault(const struct bk_core *core)
{
	return core->self.role == BAKEN__ROLE__ROLE_VAULT;
}

/* The desk's policy holds; a vault's machine may have times of its own. */
static void read_times(struct bk_core *core)
{
	struct bk_policy p;

	bk_policy_get(core, &p);
	core->canaries.every_ms = core->o.canary_ms ? core->o.canary_ms : p.canary_s * 1000ull;
	core->canaries.late_ms = core->o.canary_late_ms ? core->o.canary_late_ms : p.canary_late_s * 1000ull;
}

static uint64_t late_ms(const struct bk_core *core)
{
	return core->canaries.late_ms;
}

/* ---- rounds ---- */

/* The vault's own place, or the one that was used longest ago. */
static struct bk_canary_round *round_of(struct bk_core *core, bk_id vault)
{
	struct bk_canary_round *rounds = core->canaries.rounds, *oldest = &rounds[0];

	for (size_t i = 0; i < BK_CANARY_VAULTS; i++) {
		if (bk_id_equal(rounds[i].vault, vault))
			return &rounds[i];
		if (rounds[i].sent_ms < oldest->sent_ms)
			oldest = &rounds[i];
	}
	return oldest;
}

static struct bk_canary_round *round_named(struct bk_core *core, bk_id nonce)
{
	for (size_t i = 0; i < BK_CANARY_VAULTS; i++)
		if (core->canaries.rounds[i].sent_ms && bk_id_equal(core->canaries.rounds[i].nonce, nonce))
			return &core->canaries.rounds[i];
	return NULL;
}

static const struct bk_circle *desk_of(struct bk_core *core)
{
	return bk_rosters_circle(core, core->self.circle);
}

static bool on_duty(struct bk_core *core, bk_id device)
{
	const struct bk_circle *c = desk_of(core);

	for (size_t i = 0; c && i < c->n_on_duty; i++)
		if (bk_id_equal(c->on_duty[i], device))
			return true;
	return false;
}

static void begin_round(struct bk_core *core, struct bk_canary_round *r, bk_id vault, bk_id nonce, bk_ms sent_ms)
{
	const struct bk_circle *c = desk_of(core);

	memset(r, 0, sizeof(*r));
	r->vault = vault;
	r->nonce = nonce;
	r->sent_ms = sent_ms;
	for (size_t i = 0; c && i < c->n_on_duty && r->n < BK_CANARY_SCREENS; i++)
		r->screens[r->n++].device = c->on_duty[i];
}

static void judge(struct bk_core *core, struct bk_canary_round *r, struct bk_canary_verdict *ret_verdict)
{
	for (size_t i = 0; i < r->n; i++)
		r->screens[i].on_duty = on_duty(core, r->screens[i].device);
	bk_canary_judge(r->sent_ms, r->screens, r->n, late_ms(core), bk_cases_now(core), ret_verdict);
}

/* The earliest word of a screen counts. False: it was known. */
static bool shown(struct bk_canary_round *r, bk_id device, bk_ms at_ms)
{
	for (size_t i = 0; i < r->n; i++)
		if (bk_id_equal(r->screens[i].device, device)) {
			bool fresh = !r->screens[i].shown_ms;

			if (fresh || at_ms < r->screens[i].shown_ms)
				r->screens[i].shown_ms = at_ms;
			return fresh;
		}
	if (r->n == BK_CANARY_SCREENS)
		return false;
	r->screens[r->n].device = device; /* came on duty since */
	r->screens[r->n++].shown_ms = at_ms;
	return true;
}

/* ---- sending ---- */

static int post(struct bk_core *core, const struct bk_canary_round *r, Baken__Canary__Leg leg, bk_ms shown_ms)
{
	Baken__Content content = BAKEN__CONTENT__INIT;
	Baken__Canary m = BAKEN__CANARY__INIT;
	struct bk_post p = { .content = &content, .kind = BK_CONTENT_CANARY };
	bk_id nonce = r->nonce;

	m.leg = leg;
	m.nonce = bk_bytes(nonce.b, BK_ID_BYTES);
	m.sent_ms = r->sent_ms;
	m.shown_ms = shown_ms;
	content.kind_case = BAKEN__CONTENT__KIND_CANARY;
	content.canary = &m;
	content.drill = true;
	p.class = BAKEN__CLASS__CLASS_URGENT;
	p.regime = BAKEN__REGIME__REGIME_SECURITY;
	p.circles[p.n_circles++] = core->self.circle;
	return bk_outbox_post(core, &p);
}

static void tell_server(struct bk_core *core, struct bk_canary_round *r, const struct bk_canary_verdict *v)
{
	Baken__Frame f = BAKEN__FRAME__INIT;
	Baken__PathHealth m = BAKEN__PATH_HEALTH__INIT;
	ProtobufCBinaryData silent[BK_CANARY_SCREENS];

	m.nonce = bk_bytes(r->nonce.b, BK_ID_BYTES);
	m.sent_ms = r->sent_ms;
	m.shown = v->shown;
	m.expected = v->expected;
	m.late = v->state == BK_CANARY_LATE;
	m.silent = silent;
	for (size_t i = 0; i < r->n; i++)
		if (bk_canary_silent(r->sent_ms, &r->screens[i], late_ms(core)))
			silent[m.n_silent++] = bk_bytes(r->screens[i].device.b, BK_ID_BYTES);
	f.kind_case = BAKEN__FRAME__KIND_PATH_HEALTH;
	f.path_health = &m;
	if (bk_link_online(core))
		bk_link_request(core, BK_REQ_PATH, &f);
}

static const char *state_word(enum bk_canary_state state)
{
	static const char *const words[] = { "none", "waiting", "fine", "late" };

	return words[state];
}

static json_t *shown_state(struct bk_core *core, struct bk_canary_round *r, const struct bk_canary_verdict *v)
{
	json_t *o = bk_json_object(), *silent = bk_json_array();
	char name[BK_NAME_MAX + 1];

	bk_json_int(o, "sent_ms", r->sent_ms);
	bk_json_text(o, "state", state_word(v->state));
	bk_json_int(o, "shown", v->shown);
	bk_json_int(o, "expected", v->expected);
	for (size_t i = 0; i < r->n; i++)
		if (bk_canary_silent(r->sent_ms, &r->screens[i], late_ms(core))) {
			bk_cases_name(core, r->screens[i].device, name);
			bk_json_push(silent, json_string(name));
		}
	bk_json_put(o, "silent", silent);
	return o;
}

/* Once a round: when all have shown it, or when it is late. A vault whose desk is empty says that, too. */
static void settle(struct bk_core *core, struct bk_canary_round *r)
{
	struct bk_canary_verdict v;
	json_t *event = NULL, *state = NULL;

	if (!r->sent_ms || r->told)
		return;
	judge(core, r, &v);
	if (v.state == BK_CANARY_WAITING)
		return;
	r->told = true;
	if (v.state == BK_CANARY_NONE && !is_vault(core))
		return;
	if (is_vault(core))
		tell_server(core, r, &v);
	event = bk_event("canary-result");
	state = shown_state(core, r, &v);
	bk_json_check(json_object_update(event, state) == 0);
	json_decref(state);
	bk_emit(core, event);
}

static bool may_send(struct bk_core *core)
{
	return is_vault(core) && core->self.stage == BK_STAGE_DONE && bk_link_online(core) && core->link.caught_up;
}

static void send_next(struct bk_core *core)
{
	struct bk_canary_round *r = round_of(core, core->self.device);

	core->canaries.next_ms = core->now + core->canaries.every_ms;
	if (!bk_rosters_ready(core, core->self.circle)) {
		core->canaries.next_ms = core->now + 1000;
		return;
	}
	begin_round(core, r, core->self.device, bk_id_random(), bk_cases_now(core));
	if (r->n && post(core, r, BAKEN__CANARY__LEG__SENT, 0))
		r->sent_ms = 0; /* nobody to send it to: the next one */
}

void bk_canaries_tick(struct bk_core *core)
{
	if (!bk_is_desk(core))
		return;
	read_times(core);
	if (may_send(core) && core->now >= core->canaries.next_ms)
		send_next(core);
	for (size_t i = 0; i < BK_CANARY_VAULTS; i++)
		settle(core, &core->canaries.rounds[i]);
}

static bk_ms end_of(const struct bk_core *core, const struct bk_canary_round *r)
{
	int64_t at = (int64_t)(r->sent_ms + late_ms(core) + 1) - core->link.skew_ms;

	return !r->sent_ms || r->told ? BK_NEVER : at > 0 ? (bk_ms)at : 0;
}

bk_ms bk_canaries_next(const struct bk_core *core)
{
	bk_ms next = BK_NEVER;

	if (!bk_is_desk(core))
		return BK_NEVER;
	for (size_t i = 0; i < BK_CANARY_VAULTS; i++) {
		bk_ms at = end_of(core, &core->canaries.rounds[i]);

		next = at < next ? at : next;
	}
	if (is_vault(core) && core->self.stage == BK_STAGE_DONE && bk_link_online(core) && core->link.caught_up &&
		core->canaries.next_ms < next)
		next = core->canaries.next_ms;
	return next > core->now ? next : core->now + 1;
}

/* ---- receiving ---- */

/* One that waited while this screen was away is not shown: its time is over. */
static void arrived(struct bk_core *core, const struct bk_opened *o, bk_id nonce)
{
	bk_ms sent = o->content->canary->sent_ms, now = bk_cases_now(core);
	json_t *event = NULL;

	if (is_vault(core) || o->sender->cert.role != BAKEN__ROLE__ROLE_VAULT || round_named(core, nonce))
		return;
	if (now > sent && now - sent > late_ms(core))
		return;
	begin_round(core, round_of(core, o->sender->cert.device), o->sender->cert.device, nonce, sent);
	event = bk_event("canary");
	bk_json_id(event, "nonce", nonce);
	bk_json_int(event, "sent_ms", sent);
	bk_emit(core, event);
}

void bk_canaries_on_canary(struct bk_core *core, const struct bk_opened *o, bk_ms at_ms)
{
	const Baken__Canary *m = o->content->canary;
	struct bk_canary_round *r = NULL;
	bk_id nonce = { { 0 } };

	if (!bk_is_desk(core) || !bk_id_equal(o->circle->circle, core->self.circle) ||
		bk_id_from(m->nonce.data, m->nonce.len, &nonce))
		return;
	read_times(core);
	if (m->leg == BAKEN__CANARY__LEG__SENT) {
		arrived(core, o, nonce);
		return;
	}
	r = round_named(core, nonce);
	if (r && o->sender->cert.role != BAKEN__ROLE__ROLE_VAULT && shown(r, o->sender->cert.device, at_ms))
		settle(core, r);
}

/* ---- commands ---- */

/* The screen says that it has drawn it; said twice is once. */
int bk_canaries_cmd_shown(struct bk_core *core, struct bk_command *c)
{
	struct bk_canary_round *r = round_named(core, bk_json_get_id(c->args, "nonce"));
	bk_ms now = bk_cases_now(core);
	int err = 0;

	if (!r)
		return BK_E_NOT_FOUND;
	if (!shown(r, core->self.device, now))
		return 0;
	err = post(core, r, BAKEN__CANARY__LEG__SHOWN, now);
	if (!err)
		settle(core, r);
	return err;
}

void bk_canaries_status(struct bk_core *core, json_t *answer)
{
	struct bk_canary_round *newest = &core->canaries.rounds[0];
	struct bk_canary_verdict v;

	for (size_t i = 1; i < BK_CANARY_VAULTS; i++)
		if (core->canaries.rounds[i].sent_ms > newest->sent_ms)
			newest = &core->canaries.rounds[i];
	if (!bk_is_desk(core) || !newest->sent_ms)
		return;
	judge(core, newest, &v);
	bk_json_put(answer, "canary", shown_state(core, newest, &v));
}
