/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hello.h"

#include <sodium.h>
#include <stdlib.h>

#include "engine.h"
#include "login.h"
#include "waking.h"

#define HANDSHAKE_MS 20000u
#define SKEW_KEEP_MS 60000 /* smaller changes are not worth a write */

static int check_root(struct bk_core *core, const Baken__Hello *h)
{
	struct bk_invite inv = { .port = 0 };
	bool same = false;

	if (h->root_key.len != BK_KEY_BYTES)
		return BK_E_INVAL;
	if (core->self.root_known) {
		same = !sodium_memcmp(core->self.root, h->root_key.data, BK_KEY_BYTES);
		return same ? 0 : BK_E_CHAIN;
	}
	memcpy(inv.pin, core->self.pin, sizeof(inv.pin));
	return bk_invite_pins(&inv, h->root_key.data) ? 0 : BK_E_CHAIN;
}

static bool lists_key(const struct bk_server_cert *cert, bk_hash spki)
{
	for (size_t i = 0; i < cert->n_tls_spki; i++)
		if (bk_hash_equal(cert->tls_spki[i], spki))
			return true;
	return false;
}

static bool skewed(int64_t skew_ms)
{
	return skew_ms > (int64_t)BK_CLOCK_SKEW_MS || skew_ms < -(int64_t)BK_CLOCK_SKEW_MS;
}

static int check_cert(struct bk_core *core, const Baken__Hello *h, struct bk_server_cert *ret_cert)
{
	int err = h->server_cert ? bk_server_cert_verify(h->server_cert, h->root_key.data, core->now, ret_cert) :
				   BK_E_INVAL;

	/* A wrong clock here looks like a certificate of another time: name the cause. */
	if ((err == BK_E_EXPIRED || err == BK_E_NOT_YET) && skewed(core->link.skew_ms))
		return BK_E_CLOCK;
	if (err)
		return err;
	if (ret_cert->version < core->self.server_version)
		return BK_E_OLD;
	if (core->link.peer.tls && !lists_key(ret_cert, core->link.peer.spki))
		return BK_E_TLS;
	return 0;
}

/* A native client on TLS always binds the exporter: a Hello that denies it would be a way down. */
static int check_binding(const struct bk_core *core, const Baken__Hello *h)
{
	if (core->o.browser || !core->link.peer.tls)
		return 0;
	return h->exporter && core->link.peer.has_exporter ? 0 : BK_E_TLS;
}

static void note_clock(struct bk_core *core, bk_ms server_ms)
{
	int64_t skew = (int64_t)server_ms - (int64_t)core->now;
	json_t *event = NULL;

	if (server_ms > INT64_MAX)
		return;
	core->link.skew_ms = skew;
	if (bk_self_enrolled(&core->self) && llabs((long long)(skew - core->self.skew_ms)) >= SKEW_KEEP_MS) {
		core->self.skew_ms = skew;
		bk_self_keep(core);
	}
	if (!skewed(skew)) {
		core->link.skew_told = false;
		return;
	}
	if (core->link.skew_told)
		return;
	core->link.skew_told = true;
	event = bk_event("clock");
	bk_json_put(event, "skew_ms", json_integer(skew));
	bk_json_text(event, "text", bk_err_text(BK_E_CLOCK, core->o.lang));
	bk_emit(core, event);
}

static void keep_trust(struct bk_core *core, const Baken__Hello *h, const struct bk_server_cert *cert)
{
	struct bk_self *self = &core->self;

	if (self->root_known && self->server_version == cert->version &&
		!memcmp(self->receipt_key, cert->receipt_key, BK_KEY_BYTES))
		return;
	memcpy(self->root, h->root_key.data, BK_KEY_BYTES);
	self->root_known = true;
	self->server_version = cert->version;
	memcpy(self->receipt_key, cert->receipt_key, BK_KEY_BYTES);
	bk_self_keep(core);
}

/* RFC 9266 binding, or zeros where the design allows none (browser, plain loopback). */
static void keep_binding(struct bk_core *core, const Baken__Hello *h)
{
	struct bk_link *l = &core->link;

	memset(l->exporter, 0, sizeof(l->exporter));
	if (h->exporter && l->peer.has_exporter && !core->o.browser)
		memcpy(l->exporter, l->peer.exporter, sizeof(l->exporter));
	memcpy(l->nonce, h->nonce.data, sizeof(l->nonce));
}

static void login(struct bk_core *core)
{
	uint8_t transcript[BK_LOGIN_TRANSCRIPT_BYTES];
	uint8_t signature[BK_SIG_BYTES];
	Baken__Frame f = BAKEN__FRAME__INIT;
	Baken__Login m = BAKEN__LOGIN__INIT;
	int err = 0;

	bk_login_transcript(core->link.peer.spki, core->link.exporter, core->link.nonce, core->self.device,
		transcript);
	err = bk_signal_sign(core->signal, "", transcript, sizeof(transcript), signature);
	if (err) {
		bk_link_drop(core, err);
		return;
	}
	m.device_id = bk_bytes(core->self.device.b, BK_ID_BYTES);
	m.signature = bk_bytes(signature, sizeof(signature));
	m.lang = (uint32_t)core->o.lang;
	f.kind_case = BAKEN__FRAME__KIND_LOGIN;
	f.login = &m;
	bk_link_request(core, BK_REQ_LOGIN, &f);
}

/* A ticket serves once: it is gone from the store before it is on the wire. */
static void resume(struct bk_core *core)
{
	Baken__Frame f = BAKEN__FRAME__INIT;
	Baken__Resume m = BAKEN__RESUME__INIT;

	m.device_id = bk_bytes(core->self.device.b, BK_ID_BYTES);
	m.ticket = bk_bytes(core->self.ticket, sizeof(core->self.ticket));
	m.lang = (uint32_t)core->o.lang;
	f.kind_case = BAKEN__FRAME__KIND_RESUME;
	f.resume = &m;
	bk_link_request(core, BK_REQ_RESUME, &f);
	core->self.has_ticket = false;
	sodium_memzero(core->self.ticket, sizeof(core->self.ticket));
	bk_self_keep(core);
}

void bk_hello_received(struct bk_core *core, const Baken__Hello *h)
{
	struct bk_server_cert cert = { .version = 0 };
	int err = h->version == BK_WIRE_VERSION && h->nonce.len == BK_NONCE_BYTES ? 0 : BK_E_VERSION;

	if (!err)
		note_clock(core, h->now_ms);
	if (!err)
		err = check_root(core, h);
	if (!err)
		err = check_cert(core, h, &cert);
	if (!err)
		err = check_binding(core, h);
	if (err) {
		if (!bk_self_enrolled(&core->self))
			bk_enrol_tell(core, "refused", err);
		bk_link_drop(core, err);
		return;
	}
	keep_trust(core, h, &cert);
	keep_binding(core, h);
	core->link.at = core->now + HANDSHAKE_MS;
	if (!bk_self_enrolled(&core->self)) {
		core->link.state = BK_LINK_ENROL;
		bk_enrol_ask(core);
		return;
	}
	core->link.state = BK_LINK_LOGIN;
	if (core->self.has_ticket && core->self.ticket_ms > core->now)
		resume(core);
	else
		login(core);
}

void bk_hello_on_refused(struct bk_core *core, const struct bk_request *r, int err)
{
	if (r->kind == BK_REQ_RESUME && core->link.state == BK_LINK_LOGIN) {
		login(core); /* the ticket was used or has expired: sign instead */
		return;
	}
	bk_link_drop(core, err);
}

static void duty_again(struct bk_core *core, bool on)
{
	Baken__Frame f = BAKEN__FRAME__INIT;
	Baken__DutySet m = BAKEN__DUTY_SET__INIT;

	if (core->self.duty == on || (core->self.role != BAKEN__ROLE__ROLE_OFFICER &&
					     core->self.role != BAKEN__ROLE__ROLE_LEAD))
		return;
	m.on = core->self.duty;
	f.kind_case = BAKEN__FRAME__KIND_DUTY_SET;
	f.duty_set = &m;
	bk_link_request(core, BK_REQ_DUTY, &f);
}

static void ask_circles(struct bk_core *core)
{
	Baken__Frame f = BAKEN__FRAME__INIT;
	Baken__CirclesGet m = BAKEN__CIRCLES_GET__INIT;

	if (bk_is_person(core))
		return;
	f.kind_case = BAKEN__FRAME__KIND_CIRCLES_GET;
	f.circles_get = &m;
	bk_link_request(core, BK_REQ_CIRCLES, &f);
}

void bk_hello_logged_in(struct bk_core *core, const Baken__LoginOk *m)
{
	struct bk_self *self = &core->self;

	if (m->ticket.len == sizeof(self->ticket)) {
		memcpy(self->ticket, m->ticket.data, sizeof(self->ticket));
		self->ticket_ms = m->ticket_expires_ms;
		self->has_ticket = true;
	}
	self->last_contact_ms = core->now;
	bk_self_keep(core);
	bk_hex_encode(core->link.token, m->file_token.data, m->file_token.len <= 32 ? m->file_token.len : 32);
	note_clock(core, m->now_ms);
	bk_link_tell_online(core);
	bk_rosters_login(core, m->circles, m->n_circles);
	if (m->prekeys)
		bk_sessions_on_state(core, m->prekeys, true);
	duty_again(core, m->on_duty);
	bk_waking_login(core);
	core->handover_looked = false;
	if (!m->on_duty)
		bk_duty_on_state(core, false, &(struct bk_request){ .kind = BK_REQ_NONE });
	ask_circles(core);
	bk_outbox_wake(core, (bk_id){ { 0 } });
	core->transfers.idle_up = false;
	core->transfers.idle_down = false;
	bk_enrol_drill(core);
}
