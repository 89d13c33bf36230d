/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Claims: who works on a case, as ordered by the server, and the leases that say so. */
#include "cases.h"

#include <sodium.h>

#include "compose.h"
#include "engine.h"
#include "handover.h"
#include "ownwords.h"
#include "templates.h"

#define CTX_TAG "baken-case-tag-v1"
#define LOOK_AGAIN_MS 30000u

/* Only who holds the first message can compute it; the server learns no case by it. */
static int tag_of(struct bk_core *core, bk_id case_id, uint8_t tag[static 32])
{
	json_t *item = bk_items_get(core, case_id);
	uint8_t key[BK_KEY_BYTES];
	int err = 0;

	if (!bk_json_get_hex(bk_items_private(item), "key", key, sizeof(key)))
		err = BK_E_NOT_FOUND;
	else if (crypto_generichash(tag, 32, (const uint8_t *)CTX_TAG, strlen(CTX_TAG), key, sizeof(key)))
		err = BK_E_CRYPTO;
	sodium_memzero(key, sizeof(key));
	json_decref(item);
	return err;
}

static int ask_for(struct bk_core *core, bk_id case_id, Baken__Claim__Verb verb, const bk_id *to,
	struct bk_request **ret_request)
{
	Baken__Frame f = BAKEN__FRAME__INIT;
	Baken__Claim m = BAKEN__CLAIM__INIT;
	uint8_t tag[32];
	int err = tag_of(core, case_id, tag);

	if (err)
		return err;
	m.verb = verb;
	m.tag = bk_bytes(tag, sizeof(tag));
	m.lease_ms = BK_LEASE_MS;
	if (to)
		m.to_device = bk_bytes(to->b, BK_ID_BYTES);
	f.kind_case = BAKEN__FRAME__KIND_CLAIM;
	f.claim = &m;
	*ret_request = bk_link_request(core, BK_REQ_CLAIM, &f);
	if (!*ret_request)
		return BK_E_BUSY;
	(*ret_request)->id = case_id;
	(*ret_request)->verb = (int)verb;
	return 0;
}

static int ask(struct bk_core *core, bk_id case_id, Baken__Claim__Verb verb, struct bk_request **ret_request)
{
	return ask_for(core, case_id, verb, NULL, ret_request);
}

int bk_cases_take(struct bk_core *core, bk_id case_id)
{
	struct bk_request *r = NULL;

	return bk_link_online(core) ? ask(core, case_id, BAKEN__CLAIM__VERB__TAKE, &r) : BK_E_NET;
}

int bk_cases_give(struct bk_core *core, bk_id case_id, bk_id to)
{
	struct bk_request *r = NULL;

	return ask_for(core, case_id, BAKEN__CLAIM__VERB__GIVE, &to, &r);
}

int bk_cases_cmd_claim(struct bk_core *core, struct bk_command *c)
{
	bk_id case_id = bk_json_get_id(c->args, "case");
	struct bk_request *r = NULL;
	struct bk_case_state s;
	int err = bk_cases_state(core, case_id, &s) ? 0 : BK_E_NOT_FOUND;

	if (err)
		return err;
	if (!bk_link_online(core)) {
		c->say = BK_SAY_OFFLINE;
		return BK_E_NET;
	}
	err = ask(core, case_id, BAKEN__CLAIM__VERB__TAKE, &r);
	if (err == BK_E_NOT_FOUND)
		c->say = BK_SAY_NO_KEY;
	if (err)
		return err;
	r->command = true;
	r->command_id = c->id;
	c->later = true;
	return 0;
}

/* ---- leases ---- */

static void held_put(struct bk_core *core, bk_id case_id, bk_ms until)
{
	uint8_t value[8];

	bk_u64_write(value, until);
	bk_db_put(&core->db, bk_key_id("held/", case_id), value, sizeof(value));
}

void bk_cases_handed(struct bk_core *core, bk_id case_id, bk_ms until)
{
	held_put(core, case_id, until);
	core->lease_ms = bk_cases_next(core);
}

static bk_ms renew_at(const struct bk_core *core, bk_ms until)
{
	/* Held times are the server's; ticks are by our own clock. */
	int64_t at = (int64_t)until - (int64_t)(BK_LEASE_MS / 2) - core->link.skew_ms;

	return at > (int64_t)core->now ? (bk_ms)at : core->now;
}

bk_ms bk_cases_next(struct bk_core *core)
{
	bk_ms next = BK_NEVER;
	struct bk_rows rows;

	if (bk_db_rows(&core->db, bk_key("held/"), 0, &rows))
		return BK_NEVER;
	for (size_t i = 0; i < rows.n; i++) {
		bk_ms at = rows.v[i].len == 8 ? renew_at(core, bk_u64_read(rows.v[i].value)) : BK_NEVER;

		if (at < next)
			next = at;
	}
	bk_rows_free(&rows);
	return next;
}

/* A lease that lapsed while we were away is taken anew, if nobody else has. */
static void renew(struct bk_core *core, bk_id case_id, bk_ms until)
{
	bool lapsed = until <= bk_cases_now(core);
	struct bk_request *r = NULL;
	int err = 0;

	if (bk_link_pending(core, BK_REQ_CLAIM, case_id))
		return;
	err = ask(core, case_id, lapsed ? BAKEN__CLAIM__VERB__TAKE : BAKEN__CLAIM__VERB__RENEW, &r);
	if (err == BK_E_NOT_FOUND)
		bk_db_del(&core->db, bk_key_id("held/", case_id));
	if (!err)
		r->verb = BAKEN__CLAIM__VERB__RENEW;
}

void bk_cases_tick(struct bk_core *core)
{
	struct bk_rows rows;

	if (!core->signal || !bk_is_desk(core))
		return;
	if (!core->lease_ms)
		core->lease_ms = bk_cases_next(core);
	if (core->lease_ms > core->now)
		return;
	core->lease_ms = core->now + LOOK_AGAIN_MS;
	if (!bk_link_online(core) || bk_db_rows(&core->db, bk_key("held/"), 0, &rows))
		return;
	for (size_t i = 0; i < rows.n; i++) {
		bk_ms until = rows.v[i].len == 8 ? bk_u64_read(rows.v[i].value) : 0;

		if (renew_at(core, until) <= core->now)
			renew(core, bk_row_id(&rows.v[i], strlen("held/")), until);
	}
	bk_rows_free(&rows);
}

/* ---- the server's word ---- */

/* Whoever picks up a closed case opens it again. */
static int reopen(struct bk_core *core, bk_id case_id, const struct bk_case_state *s)
{
	struct bk_case_event e = { .kind = BK_CASE_REOPENED };

	return s->closed ? bk_cases_act(core, case_id, &e, NULL) : 0;
}

static int won(struct bk_core *core, bk_id case_id, const Baken__ClaimState *m)
{
	struct bk_case_event e = { .kind = BK_CASE_CLAIMED, .until_ms = m->until_ms, .at_ms = m->since_ms };
	struct bk_case_state s = { .opened = false };
	bool anew = false;
	int err = bk_cases_state(core, case_id, &s) ? 0 : BK_E_NOT_FOUND;

	anew = !bk_id_equal(s.owner, core->self.device);
	if (!err)
		err = reopen(core, case_id, &s);
	if (!err)
		err = bk_cases_act(core, case_id, &e, NULL);
	held_put(core, case_id, m->until_ms);
	core->lease_ms = bk_cases_next(core);
	if (!err && anew)
		err = bk_compose_rung(core, case_id, bk_cases_person(core, case_id), BAKEN__REGIME__REGIME_SECURITY,
			BAKEN__RUNG__RUNG_CLAIMED);
	return err;
}

static void answer(struct bk_core *core, const Baken__ClaimState *m, uint64_t command_id)
{
	json_t *a = bk_json_object();
	char name[BK_NAME_MAX + 1] = "";
	bk_id holder = { { 0 } };

	if (!bk_id_from(m->holder.data, m->holder.len, &holder))
		bk_cases_name(core, holder, name);
	bk_json_bool(a, "won", m->won);
	bk_json_text(a, "owner", name);
	bk_json_ms(a, "since_ms", m->since_ms);
	bk_json_ms(a, "until_ms", m->until_ms);
	bk_api_ok(core, command_id, a);
}

static void lost(struct bk_core *core, bk_id case_id)
{
	bk_db_del(&core->db, bk_key_id("held/", case_id));
	core->lease_ms = bk_cases_next(core);
}

void bk_cases_on_claim(struct bk_core *core, const Baken__ClaimState *m, const struct bk_request *r)
{
	int err = 0;

	if (r->kind != BK_REQ_CLAIM || r->verb == BAKEN__CLAIM__VERB__RELEASE)
		return;
	if (r->verb == BAKEN__CLAIM__VERB__GIVE) {
		bk_handover_on_given(core, m, r);
		return;
	}
	if (m->won)
		err = won(core, r->id, m);
	else if (r->verb == BAKEN__CLAIM__VERB__RENEW)
		lost(core, r->id);
	if (!r->command)
		return;
	if (err)
		bk_api_error(core, r->command_id, err, BK_SAY_NOTHING);
	else
		answer(core, m, r->command_id);
}

void bk_cases_on_error(struct bk_core *core, const struct bk_request *r, int err)
{
	if (r->command)
		bk_api_error(core, r->command_id, err, BK_SAY_NOTHING);
	else
		core->lease_ms = core->now + LOOK_AGAIN_MS;
}

/* ---- giving it back ---- */

/* The server forgets the lease; when it cannot be told now, the lease lapses by itself. */
static void give_back(struct bk_core *core, bk_id case_id)
{
	struct bk_request *r = NULL;

	bk_db_del(&core->db, bk_key_id("held/", case_id));
	core->lease_ms = bk_cases_next(core);
	if (bk_link_online(core))
		ask(core, case_id, BAKEN__CLAIM__VERB__RELEASE, &r);
}

int bk_cases_cmd_release(struct bk_core *core, struct bk_command *c)
{
	bk_id case_id = bk_json_get_id(c->args, "case");
	struct bk_case_event e = { .kind = BK_CASE_RELEASED };
	int err = bk_cases_check_owner(core, c, case_id);

	if (!err)
		err = bk_cases_act(core, case_id, &e, bk_json_get_text(c->args, "reason"));
	if (!err)
		give_back(core, case_id);
	return err;
}

/* A gut feeling never ends with a template: its answer is one that a person wrote. */
static int check_feedback(struct bk_core *core, struct bk_command *c, bk_id case_id, const char *text)
{
	struct bk_case_state s;
	int err = bk_cases_check_owner(core, c, case_id);

	if (err)
		return err;
	if (bk_templates_gap(text)) {
		c->say = BK_SAY_GAP;
		return BK_E_INVAL;
	}
	if (bk_cases_state(core, case_id, &s) && s.weak && !s.answered && !bk_ownwords(text)) {
		c->say = BK_SAY_OWN_WORDS;
		return BK_E_STATE;
	}
	return 0;
}

/* A case ends with a word to the person: as an answer, so that their ladder ends too. */
int bk_cases_cmd_close(struct bk_core *core, struct bk_command *c)
{
	bk_id case_id = bk_json_get_id(c->args, "case");
	struct bk_case_event e = { .kind = BK_CASE_CLOSED };
	struct bk_compose_text t = { .conversation = case_id, .reply_to = case_id, .answers = true };
	int err = 0;

	t.text = bk_json_get_text(c->args, "feedback");
	err = check_feedback(core, c, case_id, t.text);
	if (err)
		return err;
	t.circle = bk_cases_person(core, case_id);
	t.regime = BAKEN__REGIME__REGIME_SECURITY;
	t.class = BAKEN__CLASS__CLASS_NORMAL;
	err = bk_compose_text(core, &t);
	if (!err)
		err = bk_compose_rung(core, case_id, t.circle, t.regime, BAKEN__RUNG__RUNG_ANSWERED);
	if (!err)
		err = bk_cases_replied(core, case_id, bk_ownwords(t.text));
	if (!err)
		err = bk_cases_act(core, case_id, &e, t.text);
	if (!err)
		give_back(core, case_id);
	bk_json_id(c->answer, "message", t.message);
	return err;
}

int bk_cases_let_go(struct bk_core *core, bk_id case_id, const char *reason)
{
	struct bk_case_event e = { .kind = BK_CASE_NOTE };
	struct bk_case_state s;
	int err = 0;

	if (!bk_cases_state(core, case_id, &s))
		return BK_E_NOT_FOUND;
	if (bk_id_equal(s.owner, core->self.device))
		e.kind = BK_CASE_RELEASED;
	err = bk_cases_act(core, case_id, &e, reason);
	if (!err && e.kind == BK_CASE_RELEASED)
		give_back(core, case_id);
	return err;
}
