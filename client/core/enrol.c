/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "enrol.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "cases.h"
#include "engine.h"
#include "login.h"

#define DRILL_ECHO_AFTER_MS 30000u

void bk_enrol_tell(struct bk_core *core, const char *state, int err)
{
	json_t *event = bk_event("enrol");

	bk_json_text(event, "state", state);
	if (err)
		bk_event_error(core, event, err);
	if (core->signal) {
		bk_hash print = bk_hash_of(bk_signal_identity(core->signal), BK_KEY_BYTES);

		bk_json_hex(event, "fingerprint", print.b, 16);
	}
	bk_emit(core, event);
}

static int read_code(struct bk_core *core, struct bk_command *c, struct bk_self *self)
{
	struct bk_invite inv;
	int err = bk_invite_parse(bk_json_get_text(c->args, "code"), &inv);

	(void)core;
	if (err) {
		c->say = BK_SAY_CODE;
		return err;
	}
	memset(self, 0, sizeof(*self));
	snprintf(self->host, sizeof(self->host), "%s", inv.host);
	self->port = inv.port;
	memcpy(self->secret, inv.secret, sizeof(self->secret));
	memcpy(self->pin, inv.pin, sizeof(self->pin));
	snprintf(self->name, sizeof(self->name), "%s", bk_json_get_text(c->args, "name"));
	self->stage = BK_STAGE_ASKING;
	sodium_memzero(&inv, sizeof(inv));
	return 0;
}

int bk_enrol_cmd(struct bk_core *core, struct bk_command *c)
{
	uint8_t identity[BK_KEY_BYTES];
	uint32_t registration = 0;
	struct bk_self self;
	int err = 0;

	if (bk_self_enrolled(&core->self)) {
		c->say = BK_SAY_ENROLLED;
		return BK_E_STATE;
	}
	err = read_code(core, c, &self);
	if (err)
		return err;
	if (!core->signal) {
		err = bk_signal_create(&core->db.base, identity, &registration);
		if (!err)
			err = bk_signal_open(&core->db.base, bk_rosters_trust, core, &core->signal);
		if (err)
			return err;
	} else {
		bk_link_drop(core, 0);
	}
	core->self = self;
	sodium_memzero(&self, sizeof(self));
	err = bk_self_keep(core);
	if (err)
		return err;
	bk_enrol_tell(core, "connecting", 0);
	bk_link_want(core, true);
	return 0;
}

void bk_enrol_ask(struct bk_core *core)
{
	Baken__Frame f = BAKEN__FRAME__INIT;
	Baken__Enrol m = BAKEN__ENROL__INIT;
	bk_id invite = bk_invite_id(core->self.secret);
	uint8_t mac[32];
	struct bk_request *r = NULL;

	m.invite_id = bk_bytes(invite.b, sizeof(invite.b));
	m.identity_key = bk_bytes(bk_signal_identity(core->signal), BK_KEY_BYTES);
	m.registration_id = bk_signal_registration(core->signal);
	m.browser = core->o.browser;
	bk_enrol_mac(core->self.secret, bk_signal_identity(core->signal), m.registration_id, m.browser, mac);
	m.mac = bk_bytes(mac, sizeof(mac));
	f.kind_case = BAKEN__FRAME__KIND_ENROL;
	f.enrol = &m;
	r = bk_link_request(core, BK_REQ_ENROL, &f);
	sodium_memzero(mac, sizeof(mac));
	(void)r;
}

/* Our entry in our own circle's roster is the certificate that counts: complete, signed and chained. */
static int adopt(struct bk_core *core, bk_id circle)
{
	const struct bk_roster *r = bk_rosters_get(core, circle);
	struct bk_self *self = &core->self;

	for (size_t i = 0; r && i < r->n_entries; i++) {
		const struct bk_roster_entry *e = &r->entries[i];

		if (memcmp(e->cert.identity, bk_signal_identity(core->signal), BK_KEY_BYTES) ||
			e->cert.registration != bk_signal_registration(core->signal) ||
			!bk_roster_usable(e, core->now))
			continue;
		self->device = e->cert.device;
		self->account = e->cert.account;
		self->circle = circle;
		self->role = e->cert.role;
		self->stage = BK_STAGE_DRILL;
		sodium_memzero(self->secret, sizeof(self->secret));
		return bk_self_keep(core);
	}
	return BK_E_CHAIN;
}

static int approved(struct bk_core *core, const Baken__EnrolState *m)
{
	bk_id own = { { 0 } }, circle = { { 0 } };
	int err = m->n_rosters ? 0 : BK_E_INVAL;

	for (size_t i = 0; i < m->n_rosters && !err; i++) {
		err = bk_rosters_put(core, m->rosters[i], &circle);
		if (i == 0)
			own = circle;
	}
	return err ? err : adopt(core, own);
}

static void waiting(struct bk_core *core)
{
	for (size_t i = 0; i < core->link.n_requests; i++)
		if (core->link.requests[i].kind == BK_REQ_ENROL)
			core->link.requests[i].deadline = 0; /* a person decides */
	if (core->self.stage != BK_STAGE_WAITING) {
		core->self.stage = BK_STAGE_WAITING;
		bk_self_keep(core);
	}
	core->link.failures = 0;
	bk_enrol_tell(core, "waiting", 0);
}

void bk_enrol_on_state(struct bk_core *core, const Baken__EnrolState *m)
{
	int err = 0;

	switch (m->state) {
	case BAKEN__ENROL_STATE__STATE__APPROVED:
		err = approved(core, m);
		break;
	case BAKEN__ENROL_STATE__STATE__REFUSED:
		err = BK_E_INVITE;
		break;
	case BAKEN__ENROL_STATE__STATE__WAITING:
	default:
		waiting(core);
		return;
	}
	if (err) {
		bk_enrol_on_error(core, err);
		return;
	}
	bk_rosters_name_set(core, core->self.device, core->self.name);
	bk_enrol_tell(core, "verified", 0);
	bk_link_again(core);
}

/* A refused code will not become good by asking again. */
void bk_enrol_on_error(struct bk_core *core, int err)
{
	bool final = err != BK_E_RATE && err != BK_E_BUSY && err != BK_E_TIMEOUT && err != BK_E_FULL;

	bk_enrol_tell(core, "refused", err);
	if (final)
		core->link.wanted = false;
	bk_link_drop(core, err);
}

/* ---- the test alarm ---- */

static bool has_others(struct bk_core *core)
{
	const struct bk_circle *c = bk_rosters_circle(core, core->self.circle);

	for (size_t i = 0; c && i < c->roster->n_entries; i++) {
		const struct bk_roster_entry *e = &c->roster->entries[i];

		if (!bk_id_equal(e->cert.device, core->self.device) &&
			bk_roster_must_reach(c->roster, e, c->on_duty, c->n_on_duty, core->now))
			return true;
	}
	return false;
}

/* A desk answers its devices on duty: a new one is not yet, and hears nothing until then. */
static bool is_reached(struct bk_core *core)
{
	const struct bk_circle *c = bk_rosters_circle(core, core->self.circle);
	const struct bk_roster_entry *e = c ? bk_roster_find(c->roster, core->self.device) : NULL;

	return e && bk_roster_must_reach(c->roster, e, c->on_duty, c->n_on_duty, core->now);
}

static void echo(struct bk_core *core)
{
	Baken__Frame f = BAKEN__FRAME__INIT;
	Baken__Drill m = BAKEN__DRILL__INIT;

	if (!bk_link_online(core) || bk_link_pending(core, BK_REQ_DRILL, core->self.drill))
		return;
	m.nonce = bk_bytes(core->self.drill.b, BK_ID_BYTES);
	f.kind_case = BAKEN__FRAME__KIND_DRILL;
	f.drill = &m;
	bk_link_request(core, BK_REQ_DRILL, &f);
}

static int post_drill(struct bk_core *core, bk_id circle)
{
	Baken__Content content = BAKEN__CONTENT__INIT;
	Baken__DrillAlarm alarm = BAKEN__DRILL_ALARM__INIT;
	struct bk_post p = { .content = &content, .kind = BK_CONTENT_DRILL_ALARM };

	alarm.nonce = bk_bytes(core->self.drill.b, BK_ID_BYTES);
	content.kind_case = BAKEN__CONTENT__KIND_DRILL_ALARM;
	content.drill_alarm = &alarm;
	content.drill = true;
	p.class = BAKEN__CLASS__CLASS_ALARM;
	p.regime = bk_is_care(core) ? BAKEN__REGIME__REGIME_CARE : BAKEN__REGIME__REGIME_SECURITY;
	p.circles[p.n_circles++] = circle;
	p.id = core->self.drill;
	return bk_outbox_post(core, &p);
}

/* Once a drill is under way its row in the outbox carries it; only an echo has to be asked again. */
void bk_enrol_drill(struct bk_core *core)
{
	struct bk_self *self = &core->self;
	bool echo_only = false;
	bk_id to = bk_is_person(core) ? bk_rosters_desk(core) : self->circle;

	if (self->stage != BK_STAGE_DRILL)
		return;
	if (!bk_id_is_zero(self->drill)) {
		if (!bk_outbox_find(core, self->drill))
			echo(core);
		return;
	}
	if (!bk_rosters_ready(core, to))
		return; /* comes back here when the roster has arrived */
	self->drill = bk_id_random();
	self->drill_ms = core->now;
	bk_enrol_tell(core, "drill", 0);
	echo_only = !bk_is_person(core) && !has_others(core);
	if (echo_only || post_drill(core, to) || !is_reached(core))
		echo(core);
	bk_self_keep(core);
}

static void post_profile(struct bk_core *core)
{
	Baken__Content content = BAKEN__CONTENT__INIT;
	Baken__Profile profile = BAKEN__PROFILE__INIT;
	struct bk_post p = { .content = &content, .kind = BK_CONTENT_PROFILE };

	if (!core->self.name[0])
		return;
	profile.name = core->self.name;
	content.kind_case = BAKEN__CONTENT__KIND_PROFILE;
	content.profile = &profile;
	p.class = BAKEN__CLASS__CLASS_NORMAL;
	p.regime = bk_is_care(core) ? BAKEN__REGIME__REGIME_CARE : BAKEN__REGIME__REGIME_SECURITY;
	p.circles[p.n_circles++] = bk_is_person(core) ? bk_rosters_desk(core) : core->self.circle;
	if (core->self.role != BAKEN__ROLE__ROLE_VAULT)
		bk_outbox_post(core, &p); /* a role that may not send profiles is known by its messages */
}

static void drill_done(struct bk_core *core)
{
	core->self.stage = BK_STAGE_DONE;
	core->self.drill_ms = 0;
	bk_self_keep(core);
	bk_enrol_tell(core, "done", 0);
	bk_condition_drilled(core);
	post_profile(core);
}

void bk_enrol_on_receipt(struct bk_core *core, bk_id message)
{
	if (core->self.stage == BK_STAGE_DRILL && bk_id_equal(message, core->self.drill))
		drill_done(core);
}

void bk_enrol_on_echo(struct bk_core *core, const Baken__Drill *m)
{
	bk_id nonce = { { 0 } };

	if (core->self.stage != BK_STAGE_DRILL || bk_is_person(core) || !m->committed_ms)
		return;
	if (!bk_id_from(m->nonce.data, m->nonce.len, &nonce) && bk_id_equal(nonce, core->self.drill))
		drill_done(core);
}

/* A colleague's device may be off for days: staff then settle for the server's durable echo. */
void bk_enrol_tick(struct bk_core *core)
{
	if (core->now >= bk_enrol_next(core) && bk_link_online(core))
		echo(core);
}

bk_ms bk_enrol_next(const struct bk_core *core)
{
	if (core->self.stage != BK_STAGE_DRILL || !core->self.drill_ms || bk_is_person(core) ||
		!bk_link_online(core) || bk_link_pending(core, BK_REQ_DRILL, core->self.drill))
		return BK_NEVER;
	return core->self.drill_ms + DRILL_ECHO_AFTER_MS;
}

/* ---- withdrawal ---- */

static int wipe_blob(void *arg, bk_id id)
{
	bk_stage_remove(arg, id);
	return 0;
}

void bk_enrol_wipe(struct bk_core *core)
{
	core->link.wanted = false;
	bk_link_drop(core, BK_E_REVOKED);
	core->o.blobs->ops->each(core->o.blobs, wipe_blob, core);
	bk_attach_abandon(core);
	bk_unseal_close(&core->transfers.save);
	bk_db_clear(&core->db, bk_key(""));
	bk_signal_close(core->signal);
	core->signal = NULL;
	bk_outbox_unload(core);
	bk_rosters_drop(core);
	sodium_memzero(&core->self, sizeof(core->self));
	bk_emit(core, bk_event("revoked"));
}
