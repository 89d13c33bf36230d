/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sessions.h"

#include "engine.h"

#define ABSENT_MS 600000u
#define CLAIM_RETRY_MS 30000u
#define PUT_PAUSE_MS 60000u

/* ---- bundles of others ---- */

static struct bk_want *want_find(struct bk_core *core, bk_id device)
{
	for (size_t i = 0; i < core->sessions.n_wants; i++)
		if (bk_id_equal(core->sessions.wants[i].device, device))
			return &core->sessions.wants[i];
	return NULL;
}

static void want_drop(struct bk_core *core, struct bk_want *w)
{
	*w = core->sessions.wants[--core->sessions.n_wants];
}

static bool claim_open(const struct bk_core *core, uint64_t number)
{
	for (size_t i = 0; number && i < core->link.n_requests; i++)
		if (core->link.requests[i].number == number)
			return true;
	return false;
}

/* Answers that are no longer believed make room; the rest of the table is asked for and short-lived. */
static void wants_prune(struct bk_core *core)
{
	for (size_t i = core->sessions.n_wants; i-- > 0;) {
		struct bk_want *w = &core->sessions.wants[i];

		if (w->absent && w->until <= core->now)
			want_drop(core, w);
	}
}

static struct bk_want *want_add(struct bk_core *core, bk_id device)
{
	struct bk_sessions *s = &core->sessions;

	if (s->n_wants == BK_WANTS_MAX)
		wants_prune(core);
	if (s->n_wants == BK_WANTS_MAX)
		return NULL;
	s->wants[s->n_wants] = (struct bk_want){ .device = device };
	return &s->wants[s->n_wants++];
}

/*
 * Later while a bundle is on its way, absent while the server's "none" is believed. What was only warmed is not
 * believed to be absent when it is needed: a device that has just been enrolled has not put its prekeys there yet.
 */
static enum bk_ready ask(struct bk_core *core, bk_id device, bool warm)
{
	struct bk_want *w = want_find(core, device);

	if (w && w->absent && w->until > core->now && (warm || !w->warm))
		return BK_READY_ABSENT;
	if (!w) {
		w = want_add(core, device);
		if (w)
			w->warm = true;
	}
	if (!w)
		return BK_READY_LATER;
	w->warm = w->warm && warm;
	if (w->absent) {
		w->absent = false;
		w->until = 0;
	}
	return BK_READY_LATER;
}

static enum bk_ready ready(struct bk_core *core, bk_id device, bool warm)
{
	if (!bk_signal_has_session(core->signal, device))
		return ask(core, device, warm);
	if (bk_db_has(&core->db, bk_key_id("renew/", device)))
		/* Without prekeys the old session is all there is: better tried than left. */
		return ask(core, device, warm) == BK_READY_LATER ? BK_READY_LATER : BK_READY;
	if (bk_signal_needs_renewal(core->signal, device))
		ask(core, device, warm); /* large, but it works: nothing waits for the new one */
	return BK_READY;
}

enum bk_ready bk_sessions_ready(struct bk_core *core, bk_id device)
{
	return ready(core, device, false);
}

void bk_sessions_renew(struct bk_core *core, bk_id device)
{
	struct bk_want *w = want_find(core, device);

	bk_db_put(&core->db, bk_key_id("renew/", device), "1", 1);
	if (w && w->absent)
		want_drop(core, w);
}

void bk_sessions_warm(struct bk_core *core, bk_id circle)
{
	const struct bk_circle *c = bk_rosters_circle(core, circle);

	for (size_t i = 0; c && i < c->roster->n_entries; i++) {
		const struct bk_roster_entry *e = &c->roster->entries[i];

		/* On duty or not: who comes on must not be a stranger to an alarm. */
		if (!bk_id_equal(e->cert.device, core->self.device) && bk_roster_usable(e, core->now))
			ready(core, e->cert.device, true);
	}
}

/* One claim of at most 64 devices; true when there may be more. */
static bool claim(struct bk_core *core)
{
	Baken__Frame f = BAKEN__FRAME__INIT;
	Baken__PrekeysClaim m = BAKEN__PREKEYS_CLAIM__INIT;
	ProtobufCBinaryData ids[BK_PREKEY_CLAIM_MAX];
	struct bk_want *taken[BK_PREKEY_CLAIM_MAX];
	struct bk_request *r = NULL;

	for (size_t i = 0; i < core->sessions.n_wants && m.n_device_ids < BK_PREKEY_CLAIM_MAX; i++) {
		struct bk_want *w = &core->sessions.wants[i];

		if (w->absent || w->until > core->now || claim_open(core, w->request))
			continue;
		taken[m.n_device_ids] = w;
		ids[m.n_device_ids++] = bk_bytes(w->device.b, BK_ID_BYTES);
	}
	if (!m.n_device_ids)
		return false;
	m.device_ids = ids;
	f.kind_case = BAKEN__FRAME__KIND_PREKEYS_CLAIM;
	f.prekeys_claim = &m;
	r = bk_link_request(core, BK_REQ_BUNDLES, &f);
	for (size_t i = 0; r && i < m.n_device_ids; i++)
		taken[i]->request = r->number;
	return r && m.n_device_ids == BK_PREKEY_CLAIM_MAX;
}

void bk_sessions_flush(struct bk_core *core)
{
	bool more = bk_link_online(core);

	while (more && !bk_link_busy(core))
		more = claim(core);
}

void bk_sessions_offline(struct bk_core *core)
{
	core->sessions.n_wants = 0;
}

/* No answer about it: asked again after a while, and nothing is concluded from that. */
static void ask_later(struct bk_core *core, const struct bk_request *r)
{
	for (size_t i = 0; i < core->sessions.n_wants; i++) {
		struct bk_want *w = &core->sessions.wants[i];

		if (w->request != r->number || w->absent)
			continue;
		w->request = 0;
		w->until = core->now + CLAIM_RETRY_MS;
	}
}

static void mark_absent(struct bk_core *core, bk_id device, bk_ms until)
{
	struct bk_want *w = want_find(core, device);

	if (!w)
		return;
	w->absent = true;
	w->request = 0;
	w->until = until;
}

/* The identity is the roster's, whatever the bundle says (M2); a bad one leaves out this device only (M15). */
static void start(struct bk_core *core, const Baken__PrekeyBundle *b)
{
	const struct bk_roster_entry *e = NULL;
	struct bk_want *w = NULL;
	bk_id device = { { 0 } };

	if (bk_id_from(b->device_id.data, b->device_id.len, &device))
		return;
	w = want_find(core, device);
	if (!w)
		return; /* not asked for */
	e = bk_rosters_device(core, device, NULL);
	if (!e || !bk_roster_usable(e, core->now) || b->registration_id != e->cert.registration ||
		bk_signal_start(core->signal, device, e->cert.identity, b)) {
		mark_absent(core, device, core->now + ABSENT_MS);
		return;
	}
	bk_db_del(&core->db, bk_key_id("renew/", device));
	want_drop(core, w);
}

void bk_sessions_on_bundles(struct bk_core *core, const Baken__PrekeyBundles *m, const struct bk_request *r)
{
	for (size_t i = 0; i < m->n_bundles; i++)
		start(core, m->bundles[i]);
	for (size_t i = 0; i < m->n_absent; i++) {
		bk_id device = { { 0 } };

		if (!bk_id_from(m->absent[i].data, m->absent[i].len, &device))
			mark_absent(core, device, core->now + ABSENT_MS);
	}
	ask_later(core, r);
	bk_outbox_wake(core, (bk_id){ { 0 } });
}

void bk_sessions_on_error(struct bk_core *core, const struct bk_request *r)
{
	ask_later(core, r);
}

/* ---- our own prekeys ---- */

/* The private halves are committed in this turn; the frame leaves after it (M4). */
static void put(struct bk_core *core, uint32_t count, bool replace)
{
	Baken__Frame f = BAKEN__FRAME__INIT;
	Baken__PrekeysPut *m = NULL;
	int err = bk_signal_prekeys_make(core->signal, count, core->now, &m);

	if (err) {
		bk_db_fail(&core->db, err);
		return;
	}
	m->replace = replace;
	f.kind_case = BAKEN__FRAME__KIND_PREKEYS_PUT;
	f.prekeys_put = m;
	bk_link_request(core, BK_REQ_PREKEYS, &f);
	bk_signal_prekeys_free(m);
	core->self.prekeys_ms = core->now;
	bk_self_keep(core);
}

static bool put_open(const struct bk_core *core)
{
	return bk_link_pending(core, BK_REQ_PREKEYS, (bk_id){ { 0 } });
}

void bk_sessions_on_state(struct bk_core *core, const Baken__PrekeysState *state, bool at_login)
{
	bool match = bk_signal_prekeys_match(core->signal, state);
	bool aged = core->now > core->self.prekeys_ms + BK_SIGNED_PREKEY_AGE_MS;
	uint32_t room = state->left < BK_PREKEYS_MAX ? BK_PREKEYS_MAX - state->left : 0;
	bool low = state->left < BK_PREKEYS_LOW;

	if (!bk_link_online(core) || put_open(core) || (match && !low && !aged))
		return;
	/* An answer that still is not good enough must not make us answer at once again. */
	if (!at_login && core->now < core->self.prekeys_ms + PUT_PAUSE_MS)
		return;
	if (!match)
		put(core, BK_PREKEYS_BATCH, true); /* what the server holds is not ours: it may be a restored one */
	else if (low)
		put(core, room < BK_PREKEYS_BATCH ? room : BK_PREKEYS_BATCH, false);
	else
		put(core, 0, false);
}

int bk_sessions_expire(struct bk_core *core)
{
	int err = bk_signal_prekeys_expire(core->signal, core->now);

	if (err)
		bk_db_fail(&core->db, err);
	wants_prune(core);
	if (!err && bk_link_online(core) && !put_open(core) &&
		core->now > core->self.prekeys_ms + BK_SIGNED_PREKEY_AGE_MS)
		put(core, 0, false);
	return err;
}
