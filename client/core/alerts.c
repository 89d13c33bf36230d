/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is due at this desk (due.h decides): told once on each device, escalated once for the desk. Row: "due/" case,
 * kind and level -> since when, as it was told.
 */
#include "cases_in.h"
#include "due.h"
#include "engine.h"

static bool watches(const struct bk_core *core)
{
	return core->signal && bk_is_desk(core) && core->self.role != BAKEN__ROLE__ROLE_VAULT;
}

/* Due times are the server's; ticks are by our own clock. */
static bk_ms local(const struct bk_core *core, bk_ms at)
{
	int64_t t = (int64_t)at - core->link.skew_ms;

	return at == UINT64_MAX ? BK_NEVER : t > 0 ? (bk_ms)t : 0;
}

static void list_of(struct bk_core *core, bk_id case_id, const struct bk_case_state *s, struct bk_due_list *ret_list)
{
	struct bk_policy policy;

	bk_policy_get(core, &policy);
	bk_due_case(s, !bk_id_is_zero(bk_cases_first_desk(core, case_id)), &policy, bk_cases_now(core), ret_list);
}

static struct bk_key told_key(bk_id case_id, const struct bk_due *d)
{
	struct bk_key k = bk_key_id("due/", case_id);
	uint8_t what[2] = { (uint8_t)d->kind, (uint8_t)d->level };

	bk_key_add(&k, what, sizeof(what));
	return k;
}

static bool was_told(struct bk_core *core, bk_id case_id, const struct bk_due *d)
{
	uint8_t at[8];

	return !bk_db_read(&core->db, told_key(case_id, d), at, sizeof(at)) && bk_u64_read(at) == d->at_ms;
}

/* The next tick comes no later than the next thing of this case. */
void bk_alerts_changed(struct bk_core *core, bk_id case_id, const struct bk_case_state *s)
{
	struct bk_due_list list;
	bk_ms next = 0;

	if (!watches(core) || !core->due_ms)
		return;
	list_of(core, case_id, s, &list);
	next = local(core, list.next_ms);
	for (size_t i = 0; i < list.n; i++)
		if (!was_told(core, case_id, &list.v[i]))
			next = core->now;
	if (next < core->due_ms)
		core->due_ms = next;
}

static json_t *describe(struct bk_core *core, json_t *o, bk_id case_id, const struct bk_case_state *s,
	const struct bk_due *d)
{
	json_t *row = bk_cases_row(core, case_id, s);

	bk_json_check(json_object_update(o, row) == 0);
	json_decref(row);
	bk_json_text(o, "what_is_due", bk_due_word(d->kind));
	bk_json_ms(o, "due_level", d->level);
	bk_json_int(o, "due_ms", d->at_ms);
	return o;
}

static void tell(struct bk_core *core, bk_id case_id, const struct bk_case_state *s, const struct bk_due *d)
{
	uint8_t at[8];

	if (was_told(core, case_id, d))
		return;
	bk_u64_write(at, d->at_ms);
	bk_db_put(&core->db, told_key(case_id, d), at, sizeof(at));
	bk_emit(core, describe(core, bk_event("due"), case_id, s, d));
}

/* By whoever is on duty and connected; the others would say it hours later. */
static void raise_level(struct bk_core *core, bk_id case_id, const struct bk_due *d)
{
	if (d->level && core->self.duty && bk_link_online(core))
		bk_cases_escalate(core, case_id, d->level, d->at_ms);
}

static void look(struct bk_core *core, bk_id case_id, bk_ms *next)
{
	struct bk_due_list list;
	struct bk_case_state s;
	bk_ms at = 0;

	if (bk_cases_folded(core, case_id, &s))
		return;
	list_of(core, case_id, &s, &list);
	for (size_t i = 0; i < list.n && !core->db.err; i++) {
		tell(core, case_id, &s, &list.v[i]);
		raise_level(core, case_id, &list.v[i]);
	}
	at = local(core, list.next_ms);
	if (at < *next)
		*next = at;
}

bk_ms bk_alerts_next(const struct bk_core *core)
{
	if (!watches(core))
		return BK_NEVER;
	return core->due_ms ? core->due_ms : core->now;
}

/* due_ms 0: not known yet. A clock that was set right moves everything. */
void bk_alerts_tick(struct bk_core *core)
{
	bk_ms next = BK_NEVER;
	struct bk_rows keys;

	if (!watches(core))
		return;
	if (core->due_ms > core->now && core->due_skew_ms == core->link.skew_ms)
		return;
	if (bk_db_keys(&core->db, bk_key("board/"), 0, &keys))
		return;
	core->due_ms = BK_NEVER;
	core->due_skew_ms = core->link.skew_ms;
	for (size_t i = 0; i < keys.n && !core->db.err; i++)
		look(core, bk_row_id(&keys.v[i], strlen("board/")), &next);
	bk_rows_free(&keys);
	core->due_ms = next > core->now ? next : core->now + 1;
}

int bk_alerts_cmd(struct bk_core *core, struct bk_command *c)
{
	json_t *items = bk_json_array();
	bk_ms next = BK_NEVER;
	struct bk_rows keys;
	int err = bk_db_keys(&core->db, bk_key("board/"), 0, &keys);

	bk_json_put(c->answer, "items", items);
	if (err)
		return err;
	for (size_t i = 0; i < keys.n; i++) {
		bk_id case_id = bk_row_id(&keys.v[i], strlen("board/"));
		struct bk_due_list list = { .n = 0, .next_ms = BK_NEVER };
		struct bk_case_state s;

		if (!bk_cases_folded(core, case_id, &s))
			list_of(core, case_id, &s, &list);
		for (size_t k = 0; k < list.n; k++)
			bk_json_push(items, describe(core, bk_json_object(), case_id, &s, &list.v[k]));
		next = list.next_ms < next ? list.next_ms : next;
	}
	bk_rows_free(&keys);
	if (next != BK_NEVER)
		bk_json_ms(c->answer, "next_ms", next);
	return 0;
}
