/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shift.h"

#include <sodium.h>
#include <stdlib.h>

#include "cases.h"
#include "engine.h"
#include "rota.h"

#define AHEAD_MS (7ull * 86400000ull) /* gaps are shown so far ahead, but no further than the plan goes */
#define GAPS_MAX 64u

/* ---- the plan as kept ---- */

static json_t *plan_get(struct bk_core *core)
{
	return bk_db_get_json(&core->db, bk_key("shift/plan"));
}

/* Newest version whole; of two leads with one number the later writer, and then the greater id. */
static bool newer(const json_t *have, uint64_t version, bk_ms written, bk_id id)
{
	bk_id old = bk_json_get_id(have, "id");

	if (!have || version != bk_json_get_int(have, "version"))
		return !have || version > bk_json_get_int(have, "version");
	if (written != bk_json_get_int(have, "written_ms"))
		return written > bk_json_get_int(have, "written_ms");
	return memcmp(id.b, old.b, BK_ID_BYTES) > 0;
}

static json_t *entry_json(const Baken__ShiftEntry *m)
{
	json_t *e = bk_json_object();
	bk_id account = { { 0 } };

	if (m->account_id.len)
		bk_id_from(m->account_id.data, m->account_id.len, &account);
	bk_json_id(e, "account", account);
	bk_json_text(e, "name", m->name);
	bk_json_int(e, "from_ms", m->from_ms);
	bk_json_int(e, "until_ms", m->until_ms);
	return e;
}

static void plan_keep(struct bk_core *core, const Baken__ShiftPlan *m, bk_ms written, bk_id id)
{
	json_t *have = plan_get(core), *row = NULL, *entries = NULL;

	if (!newer(have, m->version, written, id)) {
		json_decref(have);
		return;
	}
	json_decref(have);
	row = bk_json_object();
	entries = bk_json_array();
	bk_json_id(row, "id", id);
	bk_json_int(row, "version", m->version);
	bk_json_int(row, "written_ms", written);
	bk_json_int(row, "least", m->least);
	for (size_t i = 0; i < m->n_entries; i++)
		bk_json_push(entries, entry_json(m->entries[i]));
	bk_json_put(row, "entries", entries);
	bk_db_put_json(&core->db, bk_key("shift/plan"), row);
	json_decref(row);
	if (bk_db_has(&core->db, bk_key("shift/told")))
		bk_db_del(&core->db, bk_key("shift/told"));
	core->shift_ms = core->now;
}

/* ---- gaps ---- */

/* Somebody who is named only by a name is one officer by that name. */
static bk_id who_of(const json_t *e)
{
	bk_id who = bk_json_get_id(e, "account");
	const char *name = bk_json_get_text(e, "name");
	bk_hash h;

	if (!bk_id_is_zero(who))
		return who;
	h = bk_hash_of(name, strlen(name));
	memcpy(who.b, h.b, sizeof(who.b));
	return who;
}

static size_t read_entries(const json_t *plan, struct bk_rota_entry out[static BK_SHIFT_MAX], bk_ms *ret_end)
{
	const json_t *e = NULL;
	size_t i = 0, n = 0;

	*ret_end = 0;
	json_array_foreach(json_object_get(plan, "entries"), i, e) {
		if (n == BK_SHIFT_MAX)
			break;
		out[n].who = who_of(e);
		out[n].from_ms = bk_json_get_int(e, "from_ms");
		out[n].until_ms = bk_json_get_int(e, "until_ms");
		if (out[n].until_ms > *ret_end)
			*ret_end = out[n].until_ms;
		n++;
	}
	return n;
}

/* From now to the end of the plan; that it ends is a gap too, when that is near. */
static size_t find_gaps(struct bk_core *core, const json_t *plan, uint64_t ahead, struct bk_rota_gap out[static GAPS_MAX])
{
	struct bk_rota_entry *entries = calloc(BK_SHIFT_MAX, sizeof(*entries));
	struct bk_rota_gap span = { .from_ms = bk_cases_now(core) };
	unsigned least = (unsigned)bk_json_get_int(plan, "least");
	bk_ms end = 0;
	size_t n = 0;

	if (!entries) {
		bk_db_fail(&core->db, BK_E_NOMEM);
		return 0;
	}
	n = read_entries(plan, entries, &end);
	span.until_ms = span.from_ms + ahead;
	if (span.until_ms > end && end + BK_SHIFT_WARN_MS < span.until_ms)
		span.until_ms = end + BK_SHIFT_WARN_MS;
	n = n ? bk_rota_gaps(entries, n, least, &span, out, GAPS_MAX) : 0;
	free(entries);
	return n;
}

static json_t *gap_json(const struct bk_rota_gap *g, uint64_t least)
{
	json_t *o = bk_json_object();

	bk_json_int(o, "from_ms", g->from_ms);
	bk_json_int(o, "until_ms", g->until_ms);
	bk_json_int(o, "planned", g->planned);
	bk_json_int(o, "least", least);
	return o;
}

static json_t *gaps_json(struct bk_core *core, const json_t *plan, uint64_t ahead)
{
	struct bk_rota_gap gaps[GAPS_MAX];
	size_t n = find_gaps(core, plan, ahead, gaps);
	json_t *list = bk_json_array();

	for (size_t i = 0; i < n; i++)
		bk_json_push(list, gap_json(&gaps[i], bk_json_get_int(plan, "least")));
	return list;
}

json_t *bk_shift_gaps_soon(struct bk_core *core)
{
	json_t *plan = plan_get(core), *list = gaps_json(core, plan, BK_SHIFT_WARN_MS);

	json_decref(plan);
	return list;
}

/* ---- telling, once for each gap ---- */

static bk_ms told(struct bk_core *core)
{
	uint8_t at[8];

	return bk_db_read(&core->db, bk_key("shift/told"), at, sizeof(at)) ? 0 : bk_u64_read(at);
}

static void tell(struct bk_core *core, const struct bk_rota_gap *g, uint64_t least)
{
	json_t *event = bk_event("shift-gap"), *gap = gap_json(g, least);
	uint8_t at[8];

	bk_json_check(json_object_update(event, gap) == 0);
	json_decref(gap);
	bk_emit(core, event);
	bk_u64_write(at, g->until_ms);
	bk_db_put(&core->db, bk_key("shift/told"), at, sizeof(at));
}

/* Our ticks are by our own clock, the plan by the server's. */
static bk_ms at_ours(const struct bk_core *core, bk_ms server)
{
	int64_t t = (int64_t)server - core->link.skew_ms;

	return t > (int64_t)core->now ? (bk_ms)t : core->now + 1;
}

void bk_shift_tick(struct bk_core *core)
{
	struct bk_rota_gap gaps[GAPS_MAX];
	json_t *plan = NULL;
	size_t n = 0;

	if (!core->shift_ms || core->now < core->shift_ms || !core->signal || !core->self.duty)
		return;
	core->shift_ms = 0;
	plan = plan_get(core);
	n = plan ? find_gaps(core, plan, AHEAD_MS, gaps) : 0;
	for (size_t i = 0; i < n; i++) {
		if (gaps[i].from_ms < told(core))
			continue;
		if (gaps[i].from_ms > bk_cases_now(core) + BK_SHIFT_WARN_MS) {
			core->shift_ms = at_ours(core, gaps[i].from_ms - BK_SHIFT_WARN_MS);
			break;
		}
		tell(core, &gaps[i], bk_json_get_int(plan, "least"));
	}
	if (plan && !core->shift_ms)
		core->shift_ms = core->now + AHEAD_MS; /* the plan may reach further */
	json_decref(plan);
}

bk_ms bk_shift_next(const struct bk_core *core)
{
	return core->self.duty ? core->shift_ms : 0;
}

/* ---- in and out ---- */

/* Only a lead plans. */
void bk_shift_on_plan(struct bk_core *core, const struct bk_opened *o)
{
	if (o->sender->cert.role == BAKEN__ROLE__ROLE_LEAD && bk_id_equal(o->circle->circle, core->self.circle) &&
		core->self.role != BAKEN__ROLE__ROLE_VAULT)
		plan_keep(core, o->content->shift_plan, o->content->written_ms, o->logical);
}

struct draft {
	Baken__ShiftPlan m;
	Baken__ShiftEntry entries[BK_SHIFT_MAX], *list[BK_SHIFT_MAX];
	bk_id accounts[BK_SHIFT_MAX];
};

static int add(struct draft *d, const json_t *e)
{
	size_t i = d->m.n_entries;
	Baken__ShiftEntry *m = &d->entries[i];

	baken__shift_entry__init(m);
	d->accounts[i] = bk_json_get_id(e, "account");
	if (!bk_id_is_zero(d->accounts[i]))
		m->account_id = bk_bytes(d->accounts[i].b, BK_ID_BYTES);
	m->name = (char *)(uintptr_t)bk_json_get_text(e, "name");
	m->from_ms = bk_json_get_int(e, "from_ms");
	m->until_ms = bk_json_get_int(e, "until_ms");
	d->list[d->m.n_entries++] = m;
	return *m->name && bk_pack_utf8(m->name, BK_NAME_MAX) && m->from_ms && m->until_ms > m->from_ms ? 0 : BK_E_INVAL;
}

static int post(struct bk_core *core, Baken__ShiftPlan *m, bk_id *ret_id)
{
	Baken__Content content = BAKEN__CONTENT__INIT;
	struct bk_post p = { .content = &content, .kind = BK_CONTENT_SHIFT_PLAN };
	int err = 0;

	content.kind_case = BAKEN__CONTENT__KIND_SHIFT_PLAN;
	content.shift_plan = m;
	p.class = BAKEN__CLASS__CLASS_NORMAL;
	p.regime = BAKEN__REGIME__REGIME_SECURITY;
	p.circles[p.n_circles++] = core->self.circle;
	err = bk_outbox_post(core, &p);
	*ret_id = p.id;
	return err;
}

static int set(struct bk_core *core, struct bk_command *c, const json_t *entries)
{
	json_t *have = plan_get(core);
	struct draft *d = calloc(1, sizeof(*d));
	const json_t *e = NULL;
	bk_id id = { { 0 } };
	size_t i = 0;
	int err = d ? 0 : BK_E_NOMEM;

	if (d) {
		baken__shift_plan__init(&d->m);
		d->m.version = bk_json_get_int(have, "version") + 1;
		d->m.least = (uint32_t)bk_json_get_int(c->args, "least");
		d->m.entries = d->list;
		json_array_foreach(entries, i, e) {
			if (!err)
				err = add(d, e);
		}
		c->say = err ? BK_SAY_FIELD : c->say;
	}
	if (!err)
		err = post(core, &d->m, &id);
	if (!err)
		plan_keep(core, &d->m, core->now, id);
	json_decref(have);
	free(d);
	return err;
}

int bk_shift_cmd(struct bk_core *core, struct bk_command *c)
{
	const json_t *entries = json_object_get(c->args, "entries");
	json_t *plan = NULL;
	int err = 0;

	if (entries && core->self.role != BAKEN__ROLE__ROLE_LEAD) {
		c->say = BK_SAY_ROLE;
		return BK_E_ROLE;
	}
	if (entries)
		err = set(core, c, entries);
	if (err)
		return err;
	plan = plan_get(core);
	bk_json_int(c->answer, "version", bk_json_get_int(plan, "version"));
	bk_json_int(c->answer, "least", bk_json_get_int(plan, "least"));
	bk_json_put(c->answer, "entries", plan ? json_deep_copy(json_object_get(plan, "entries")) : bk_json_array());
	bk_json_put(c->answer, "gaps", plan ? gaps_json(core, plan, AHEAD_MS) : bk_json_array());
	json_decref(plan);
	return 0;
}
