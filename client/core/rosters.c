/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rosters.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine.h"
#include "exposure.h"

#define CACHE_MAX 2048u /* the people of a large desk, all at once in a drill */
#define RETRY_MS 30000u
#define LONG_AFTER_MS (UINT64_MAX / 4)

static void circle_free(struct bk_circle *c)
{
	bk_roster_free(c->roster);
	free(c->on_duty);
	free(c);
}

void bk_rosters_drop(struct bk_core *core)
{
	for (struct bk_circle *c = core->rosters.list, *next = NULL; c; c = next) {
		next = c->next;
		circle_free(c);
	}
	memset(&core->rosters, 0, sizeof(core->rosters));
}

/* A country's worth of circles does not fit in memory: the oldest go, the store has them all. */
void bk_rosters_tick(struct bk_core *core)
{
	struct bk_circle **p = &core->rosters.list;

	for (size_t i = 0; *p && i < CACHE_MAX; i++)
		p = &(*p)->next;
	while (*p) {
		struct bk_circle *c = *p;

		*p = c->next;
		circle_free(c);
		core->rosters.n--;
	}
}

static struct bk_circle *cache_find(struct bk_core *core, bk_id circle)
{
	for (struct bk_circle *c = core->rosters.list; c; c = c->next)
		if (bk_id_equal(c->roster->circle, circle))
			return c;
	return NULL;
}

static struct bk_circle *cache_add(struct bk_core *core, struct bk_roster *roster)
{
	struct bk_circle *c = calloc(1, sizeof(*c));

	if (!c) {
		bk_db_fail(&core->db, BK_E_NOMEM);
		bk_roster_free(roster);
		return NULL;
	}
	c->roster = roster;
	c->next = core->rosters.list;
	core->rosters.list = c;
	core->rosters.n++;
	return c;
}

/*
 * The stored list is verified again: what was tampered with on disk is as good as absent. One that seems to be of
 * the future is not: it was taken in when it was not, and a clock that was set back must not open the door to an
 * older list in which a withdrawn device is still good.
 */
static struct bk_circle *load(struct bk_core *core, bk_id circle)
{
	struct bk_roster *roster = NULL;
	Baken__Signed *s = NULL;
	uint8_t *buf = NULL;
	size_t len = 0;
	int err = bk_db_get(&core->db, bk_key_id("roster/", circle), &buf, &len);

	if (err)
		return NULL;
	s = baken__signed__unpack(NULL, len, buf);
	err = s ? bk_roster_verify(s, core->self.root, NULL, LONG_AFTER_MS, &roster) : BK_E_CORRUPT;
	if (s)
		baken__signed__free_unpacked(s, NULL);
	free(buf);
	return err ? NULL : cache_add(core, roster);
}

struct bk_circle *bk_rosters_circle(struct bk_core *core, bk_id circle)
{
	struct bk_circle *c = NULL;

	if (bk_id_is_zero(circle))
		return NULL;
	c = cache_find(core, circle);
	return c ? c : load(core, circle);
}

const struct bk_roster *bk_rosters_get(struct bk_core *core, bk_id circle)
{
	struct bk_circle *c = bk_rosters_circle(core, circle);

	return c ? c->roster : NULL;
}

const struct bk_roster_entry *bk_rosters_device(struct bk_core *core, bk_id device,
	const struct bk_roster **ret_roster)
{
	const struct bk_roster *roster = NULL;
	bk_id circle = { { 0 } };

	if (bk_db_read(&core->db, bk_key_id("rosterdev/", device), circle.b, sizeof(circle.b)))
		return NULL;
	roster = bk_rosters_get(core, circle);
	if (!roster)
		return NULL;
	if (ret_roster)
		*ret_roster = roster;
	return bk_roster_find(roster, device);
}

bool bk_rosters_trust(void *arg, bk_id device, const uint8_t identity[static BK_KEY_BYTES])
{
	struct bk_core *core = arg;
	const struct bk_roster_entry *e = bk_rosters_device(core, device, NULL);

	return e && bk_roster_usable(e, core->now) && !sodium_memcmp(e->cert.identity, identity, BK_KEY_BYTES);
}

bk_id bk_rosters_desk(struct bk_core *core)
{
	const struct bk_roster *own = bk_rosters_get(core, core->self.circle);

	if (!own)
		return (bk_id){ { 0 } };
	return own->kind == BAKEN__CIRCLE_KIND__CIRCLE_DESK ? own->circle : own->desk;
}

bk_id bk_rosters_care(struct bk_core *core)
{
	const struct bk_roster *own = bk_rosters_get(core, core->self.circle);

	if (!own)
		return (bk_id){ { 0 } };
	return own->kind == BAKEN__CIRCLE_KIND__CIRCLE_CARE ? own->circle : own->care;
}

/* Staff address people they have been assigned before they hold their roster. */
Baken__CircleKind bk_rosters_kind(struct bk_core *core, bk_id circle)
{
	const struct bk_roster *r = bk_rosters_get(core, circle);

	if (r)
		return r->kind;
	return bk_db_has(&core->db, bk_key_id("circle/", circle)) ? BAKEN__CIRCLE_KIND__CIRCLE_PERSON :
								    BAKEN__CIRCLE_KIND__CIRCLE_NONE;
}

/* ---- asking ---- */

static void ask(struct bk_core *core, const bk_id *circle, const bk_id *device, uint64_t have)
{
	Baken__Frame f = BAKEN__FRAME__INIT;
	Baken__RosterGet m = BAKEN__ROSTER_GET__INIT;
	bk_id id = circle ? *circle : *device;
	struct bk_request *r = NULL;

	if (!bk_link_online(core) || bk_link_busy(core) || bk_link_pending(core, BK_REQ_ROSTER, id))
		return;
	if (circle)
		m.circle_id = bk_bytes(circle->b, BK_ID_BYTES);
	else
		m.device_id = bk_bytes(device->b, BK_ID_BYTES);
	m.have_version = have;
	f.kind_case = BAKEN__FRAME__KIND_ROSTER_GET;
	f.roster_get = &m;
	r = bk_link_request(core, BK_REQ_ROSTER, &f);
	if (!r)
		return;
	r->id = id;
	r->verb = device != NULL;
}

void bk_rosters_fetch(struct bk_core *core, bk_id circle)
{
	const struct bk_roster *known = bk_rosters_get(core, circle);

	if (!bk_id_is_zero(circle))
		ask(core, &circle, NULL, known ? known->version : 0);
}

void bk_rosters_fetch_device(struct bk_core *core, bk_id device)
{
	ask(core, NULL, &device, 0);
}

bool bk_rosters_ready(struct bk_core *core, bk_id circle)
{
	struct bk_circle *c = bk_rosters_circle(core, circle);

	if (c && c->asked && !c->stale)
		return true;
	if (!c || c->failed_ms <= core->now)
		bk_rosters_fetch(core, circle);
	return false;
}

void bk_rosters_stale(struct bk_core *core, bk_id circle)
{
	struct bk_circle *c = bk_rosters_circle(core, circle);

	if (c)
		c->asked = false;
}

void bk_rosters_offline(struct bk_core *core)
{
	for (struct bk_circle *c = core->rosters.list; c; c = c->next) {
		c->asked = false;
		c->failed_ms = 0;
	}
}

/* ---- keeping ---- */

static void tell(struct bk_core *core, const struct bk_roster *r, const char *change, int err)
{
	static const char *const ages[] = { "fresh", "soft", "hard" };
	json_t *event = bk_event("roster");

	bk_json_id(event, "circle", r->circle);
	bk_json_int(event, "version", r->version);
	bk_json_text(event, "age", ages[bk_roster_age(r, core->now)]);
	bk_json_text(event, "change", change);
	if (err)
		bk_event_error(core, event, err);
	bk_emit(core, event);
}

static struct bk_key version_key(bk_id circle, uint64_t version)
{
	struct bk_key k = bk_key_id("rosterhash/", circle);

	bk_key_add_u64(&k, version);
	return k;
}

static void index_devices(struct bk_core *core, const struct bk_roster *r)
{
	for (size_t i = 0; i < r->n_entries; i++)
		bk_db_put(&core->db, bk_key_id("rosterdev/", r->entries[i].cert.device), r->circle.b,
			sizeof(r->circle.b));
	bk_db_put(&core->db, version_key(r->circle, r->version), r->hash.b, sizeof(r->hash.b));
	if (r->version > 1)
		bk_db_put(&core->db, version_key(r->circle, r->version - 1), r->previous.b,
			sizeof(r->previous.b));
}

static int store(struct bk_core *core, const Baken__Signed *s, const struct bk_roster *r)
{
	size_t len = baken__signed__get_packed_size(s);
	uint8_t *buf = malloc(len ? len : 1);
	int err = buf ? 0 : BK_E_NOMEM;

	if (err) {
		bk_db_fail(&core->db, err);
		return err;
	}
	baken__signed__pack(s, buf);
	err = bk_db_put(&core->db, bk_key_id("roster/", r->circle), buf, len);
	free(buf);
	index_devices(core, r);
	return err;
}

static bk_id claimed_circle(const Baken__Signed *s)
{
	Baken__Roster *m = baken__roster__unpack(NULL, s->payload.len, s->payload.data);
	bk_id id = { { 0 } };

	if (m && bk_id_from(m->circle_id.data, m->circle_id.len, &id))
		memset(&id, 0, sizeof(id));
	if (m)
		baken__roster__free_unpacked(m, NULL);
	return id;
}

/* Withdrawn by our own registrar: the list says so before the server does. */
static bool withdraws_us(const struct bk_core *core, const struct bk_roster *r)
{
	const struct bk_roster_entry *e = NULL;

	if (!bk_self_enrolled(&core->self) || !bk_id_equal(r->circle, core->self.circle))
		return false;
	e = bk_roster_find(r, core->self.device);
	return e && e->status == BAKEN__DEVICE_STATUS__DEVICE_REVOKED;
}

static void forget_revoked(struct bk_core *core, const struct bk_roster *r)
{
	for (size_t i = 0; i < r->n_entries; i++)
		if (r->entries[i].status == BAKEN__DEVICE_STATUS__DEVICE_REVOKED &&
			bk_signal_has_session(core->signal, r->entries[i].cert.device))
			bk_signal_forget(core->signal, r->entries[i].cert.device);
}

/* Whose person somebody is says their own list: also of one who was enrolled, or left, since we logged in. */
static void note_assigned(struct bk_core *core, const struct bk_roster *r)
{
	struct bk_key k = bk_key_id("circle/", r->circle);
	uint8_t version[8];

	if (r->kind != BAKEN__CIRCLE_KIND__CIRCLE_PERSON || bk_is_person(core))
		return;
	bk_u64_write(version, r->version);
	if (bk_id_equal(bk_is_care(core) ? r->care : r->desk, core->self.circle))
		bk_db_put(&core->db, k, version, sizeof(version));
	else if (bk_db_has(&core->db, k))
		bk_db_del(&core->db, k);
}

static int replace(struct bk_core *core, struct bk_circle *c, const Baken__Signed *s, struct bk_roster *fresh)
{
	bool newer = !c || fresh->version > c->roster->version;
	int err = newer ? store(core, s, fresh) : 0;

	if (!newer) {
		bk_roster_free(fresh);
		return err;
	}
	bk_household_roster(core, c ? c->roster : NULL, fresh);
	note_assigned(core, fresh);
	if (c) {
		bk_roster_free(c->roster);
		c->roster = fresh;
	} else {
		c = cache_add(core, fresh);
	}
	if (!c)
		return BK_E_NOMEM;
	tell(core, c->roster, "changed", 0);
	forget_revoked(core, c->roster);
	return err;
}

int bk_rosters_put(struct bk_core *core, const Baken__Signed *s, bk_id *ret_circle)
{
	bk_id circle = claimed_circle(s);
	struct bk_circle *c = bk_rosters_circle(core, circle);
	struct bk_roster *fresh = NULL;
	int err = bk_roster_verify(s, core->self.root, c ? c->roster : NULL, core->now, &fresh);

	if (err) {
		if (c)
			tell(core, c->roster, "refused", err);
		return err;
	}
	*ret_circle = circle;
	if (withdraws_us(core, fresh)) {
		bk_roster_free(fresh);
		bk_enrol_wipe(core);
		return BK_E_REVOKED;
	}
	return replace(core, c, s, fresh);
}

void bk_rosters_peer_says(struct bk_core *core, bk_id circle, uint64_t version, bk_hash hash)
{
	struct bk_circle *c = bk_rosters_circle(core, circle);
	bk_hash known = { { 0 } };

	if (!c)
		return;
	if (version > c->roster->version) {
		c->stale = true;
		bk_rosters_fetch(core, circle);
		return;
	}
	if (!bk_db_read(&core->db, version_key(circle, version), known.b, sizeof(known.b)) &&
		!bk_hash_equal(known, hash))
		tell(core, c->roster, "conflict", BK_E_CHAIN); /* somebody is shown another list than we are */
}

/* ---- from the server ---- */

void bk_rosters_login(struct bk_core *core, Baken__CircleState *const *states, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		bk_id id = { { 0 } };
		struct bk_circle *c = NULL;

		if (bk_id_from(states[i]->circle_id.data, states[i]->circle_id.len, &id))
			continue;
		c = bk_rosters_circle(core, id);
		/* A desk's duty list is asked in any case; others only when their version is another. */
		if (c && c->roster->kind != BAKEN__CIRCLE_KIND__CIRCLE_DESK &&
			states[i]->version == c->roster->version) {
			c->asked = true;
			c->stale = false;
			continue;
		}
		bk_rosters_fetch(core, id);
	}
}

void bk_rosters_on_duty(struct bk_core *core, bk_id circle, const ProtobufCBinaryData *ids, size_t n)
{
	struct bk_circle *c = bk_rosters_circle(core, circle);
	bk_id *list = c && n ? calloc(n, sizeof(*list)) : NULL;
	size_t k = 0;

	if (!c)
		return;
	if (n && !list) {
		bk_db_fail(&core->db, BK_E_NOMEM);
		return;
	}
	for (size_t i = 0; i < n; i++)
		if (!bk_id_from(ids[i].data, ids[i].len, &list[k]))
			k++;
	free(c->on_duty);
	c->on_duty = list;
	c->n_on_duty = k;
	if (bk_id_equal(circle, core->self.circle))
		bk_exposure_duty(core, list, k);
}

static void arrived(struct bk_core *core, bk_id circle, const Baken__Rosters *m, const struct bk_request *r)
{
	struct bk_circle *c = bk_rosters_circle(core, circle);

	if (!c) {
		bk_rosters_on_error(core, r, BK_E_NOT_FOUND);
		return;
	}
	bk_rosters_on_duty(core, circle, m->on_duty, m->n_on_duty);
	c->asked = true;
	c->stale = false;
	if (m->n_rosters == BK_ROSTERS_CHAIN_MAX) { /* there may be more */
		c->asked = false;
		bk_rosters_fetch(core, circle);
	}
	bk_outbox_wake(core, circle);
	bk_inbox_retry(core, 0, r->id);
	bk_enrol_drill(core);
}

void bk_rosters_on_rosters(struct bk_core *core, const Baken__Rosters *m, const struct bk_request *r)
{
	bk_id circle = { { 0 } }, got = { { 0 } };
	int err = bk_id_from(m->circle_id.data, m->circle_id.len, &circle);

	if (r->kind != BK_REQ_ROSTER)
		return;
	for (size_t i = 0; i < m->n_rosters && !err; i++) {
		err = bk_rosters_put(core, m->rosters[i], &got);
		if (err == BK_E_REVOKED)
			return;
		if (!err && !bk_id_equal(got, circle))
			err = BK_E_INVAL;
	}
	if (err)
		bk_rosters_on_error(core, r, err);
	else
		arrived(core, circle, m, r);
}

void bk_rosters_on_error(struct bk_core *core, const struct bk_request *r, int err)
{
	struct bk_circle *c = r->verb ? NULL : bk_rosters_circle(core, r->id);

	if (c) {
		c->failed_ms = core->now + RETRY_MS;
		c->asked = false;
	}
	bk_inbox_retry(core, err, r->id);
}

void bk_rosters_on_changed(struct bk_core *core, const Baken__RosterChanged *m)
{
	struct bk_circle *c = NULL;
	bk_id id = { { 0 } };

	if (bk_id_from(m->circle_id.data, m->circle_id.len, &id))
		return;
	c = bk_rosters_circle(core, id);
	if (!c)
		return;
	bk_rosters_on_duty(core, id, m->on_duty, m->n_on_duty);
	if (m->version > c->roster->version) {
		c->asked = false;
		bk_rosters_fetch(core, id);
	}
	bk_outbox_wake(core, id);
	if (c->roster->kind == BAKEN__CIRCLE_KIND__CIRCLE_DESK) {
		json_t *event = bk_event("duty");

		bk_json_bool(event, "on", core->self.duty);
		bk_json_int(event, "on_duty", c->n_on_duty);
		bk_emit(core, event);
	}
}

void bk_rosters_on_circles(struct bk_core *core, const Baken__Circles *m)
{
	Baken__Frame f = BAKEN__FRAME__INIT;
	Baken__CirclesGet next = BAKEN__CIRCLES_GET__INIT;

	for (size_t i = 0; i < m->n_circles; i++) {
		bk_id id = { { 0 } };
		uint8_t version[8];

		if (m->circles[i]->kind != BAKEN__CIRCLE_KIND__CIRCLE_PERSON ||
			bk_id_from(m->circles[i]->circle_id.data, m->circles[i]->circle_id.len, &id))
			continue;
		bk_u64_write(version, m->circles[i]->version);
		bk_db_put(&core->db, bk_key_id("circle/", id), version, sizeof(version));
	}
	memset(&core->household, 0, sizeof(core->household));
	if (!m->more || !m->n_circles)
		return;
	next.after = m->circles[m->n_circles - 1]->circle_id;
	f.kind_case = BAKEN__FRAME__KIND_CIRCLES_GET;
	f.circles_get = &next;
	bk_link_request(core, BK_REQ_CIRCLES, &f);
}

/* ---- names ---- */

void bk_rosters_name_set(struct bk_core *core, bk_id of, const char *name)
{
	char known[BK_NAME_MAX + 1];

	bk_rosters_name(core, of, known);
	if (*name && strlen(name) <= BK_NAME_MAX && strcmp(known, name))
		bk_db_put(&core->db, bk_key_id("name/", of), name, strlen(name));
}

void bk_rosters_name(struct bk_core *core, bk_id of, char out[static BK_NAME_MAX + 1])
{
	uint8_t *value = NULL;
	size_t len = 0;

	out[0] = 0;
	if (bk_db_get(&core->db, bk_key_id("name/", of), &value, &len))
		return;
	if (len <= BK_NAME_MAX) {
		memcpy(out, value, len);
		out[len] = 0;
	}
	free(value);
}
