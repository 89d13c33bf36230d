/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "duty.h"

#include <stdlib.h>

#include "cases.h"
#include "engine.h"
#include "handover.h"

/*
 * What a device off duty keeps: itself, its keys and sessions, who may be trusted (signed lists, and the names of
 * colleagues), the numbers that show a message left out or sent twice, and receipts still to leave. An allow-list, so
 * that what is added to the store one day is dropped unless somebody says here why not.
 */
static const char *const kept[] = { "meta/", "signal/", "roster/", "rosterdev/", "rosterhash/", "circle/", "peer/",
	"renew/", "chain/", "gap/", "seen/", "seenat/", "owe/", "out/", "outchain/", "outenv/", "outframe/", "outkey/",
	"outsecret/" };

bool bk_duty_is_on(struct bk_core *core, bk_id device)
{
	const struct bk_circle *c = bk_rosters_circle(core, core->self.circle);

	for (size_t i = 0; c && i < c->n_on_duty; i++)
		if (bk_id_equal(c->on_duty[i], device))
			return true;
	return false;
}

/* ---- going off ---- */

static bool has_prefix(const struct bk_row *row, const char *prefix)
{
	return row->key_len >= strlen(prefix) && !memcmp(row->key, prefix, strlen(prefix));
}

/* A colleague's name is needed to come back to; a person's is content. */
static bool colleague(struct bk_core *core, const struct bk_row *row)
{
	const struct bk_roster *r = bk_rosters_get(core, core->self.circle);

	return has_prefix(row, "name/") && r && bk_roster_find(r, bk_row_id(row, strlen("name/")));
}

static bool is_kept(struct bk_core *core, const struct bk_row *row)
{
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		if (has_prefix(row, kept[i]))
			return true;
	return colleague(core, row);
}

/* What was stored is the server's and the vault's now: ours held a copy to send again. */
static void drop_sent(struct bk_core *core)
{
	for (size_t i = core->outbox.n; i-- > 0;) {
		struct bk_out *o = core->outbox.rows[i];

		if (o->state >= BK_OUT_STORED || !bk_outbox_plumbing(o->kind))
			bk_outbox_remove(core, o);
	}
}

int bk_duty_wipe(struct bk_core *core)
{
	struct bk_rows rows;
	int err = bk_db_keys(&core->db, bk_key(""), 0, &rows);

	if (err)
		return err;
	drop_sent(core);
	for (size_t i = 0; i < rows.n; i++) {
		struct bk_key k = { .len = rows.v[i].key_len };

		if (is_kept(core, &rows.v[i]))
			continue;
		memcpy(k.b, rows.v[i].key, k.len);
		bk_db_del(&core->db, k);
	}
	bk_rows_free(&rows);
	bk_db_del(&core->db, bk_key("meta/signoff"));
	core->lease_ms = 0;
	core->due_ms = 0;
	core->policy_read = false;
	bk_cases_forget(core);
	core->keyring_idle = true;
	core->duty_heard = false;
	return bk_attach_sweep(core);
}

static int send_duty(struct bk_core *core, bool on, uint64_t command_id)
{
	Baken__Frame f = BAKEN__FRAME__INIT;
	Baken__DutySet m = BAKEN__DUTY_SET__INIT;
	struct bk_request *r = NULL;

	m.on = on;
	f.kind_case = BAKEN__FRAME__KIND_DUTY_SET;
	f.duty_set = &m;
	r = bk_link_request(core, BK_REQ_DUTY, &f);
	if (!r)
		return BK_E_BUSY;
	r->command = true;
	r->command_id = command_id;
	core->self.duty = on;
	if (!on)
		bk_db_put(&core->db, bk_key("meta/signoff"), "1", 1);
	else if (bk_db_has(&core->db, bk_key("meta/signoff")))
		bk_db_del(&core->db, bk_key("meta/signoff"));
	return bk_self_keep(core);
}

static size_t unsent(const struct bk_core *core)
{
	size_t n = 0;

	for (size_t i = 0; i < core->outbox.n; i++)
		n += core->outbox.rows[i]->state < BK_OUT_STORED && !bk_outbox_plumbing(core->outbox.rows[i]->kind);
	return n;
}

void bk_duty_pump(struct bk_core *core)
{
	if (!core->signoff.wanted || unsent(core) || core->link.n_requests >= BK_REQUESTS_MAX)
		return;
	core->signoff.wanted = false;
	if (send_duty(core, false, core->signoff.command_id))
		bk_api_error(core, core->signoff.command_id, BK_E_BUSY, BK_SAY_NOTHING);
}

void bk_duty_offline(struct bk_core *core)
{
	core->duty_heard = false;
	if (!core->signoff.wanted)
		return;
	core->signoff.wanted = false;
	bk_api_error(core, core->signoff.command_id, BK_E_NET, BK_SAY_OFFLINE);
}

/* In spite of all that is left: said in each case, by name, so that it can be accounted for. */
static int forced(struct bk_core *core, const json_t *left, const char *reason)
{
	const json_t *row = NULL;
	size_t i = 0;
	int err = 0;

	json_array_foreach(left, i, row) {
		bk_id case_id = bk_json_get_id(row, "case");

		if (!err && !bk_id_is_zero(case_id) && strcmp(bk_json_get_text(row, "kind"), "promise") != 0)
			err = bk_cases_let_go(core, case_id, reason);
	}
	return err;
}

static int go_off(struct bk_core *core, struct bk_command *c)
{
	const char *reason = bk_json_get_text(c->args, "force");
	json_t *left = bk_handover_left(core);
	bool any = json_array_size(left) != 0;
	int err = 0;

	if (any && !*reason) {
		c->say = BK_SAY_DUTY_LEFT;
		err = BK_E_STATE;
	} else if (any && core->self.role != BAKEN__ROLE__ROLE_LEAD) {
		c->say = BK_SAY_FORCE;
		err = BK_E_ROLE;
	} else if (any) {
		err = forced(core, left, reason);
	}
	if (err)
		bk_json_put(c->answer, "left", json_incref(left));
	json_decref(left);
	if (err)
		return err;
	core->signoff = (struct bk_signoff){ .wanted = true, .command_id = c->id };
	c->later = true;
	return 0;
}

/* Not kept for later: an officer must not believe to be on duty while nothing reaches them. */
int bk_duty_cmd(struct bk_core *core, struct bk_command *c)
{
	int err = 0;

	if (!bk_link_online(core)) {
		c->say = BK_SAY_OFFLINE;
		return BK_E_NET;
	}
	if (core->signoff.wanted)
		return BK_E_BUSY;
	if (!bk_json_get_bool(c->args, "on"))
		return go_off(core, c);
	err = send_duty(core, true, c->id);
	c->later = !err;
	return err;
}

void bk_duty_on_state(struct bk_core *core, bool on, const struct bk_request *r)
{
	if (on) {
		if (r->command)
			bk_keyring_ask(core, NULL, 0, 0); /* without a vault there is nobody to ask */
		return;
	}
	if (!core->self.duty && bk_db_has(&core->db, bk_key("meta/signoff")))
		bk_duty_wipe(core);
}

/* ---- who is there ---- */

int bk_duty_cmd_colleagues(struct bk_core *core, struct bk_command *c)
{
	const struct bk_circle *own = bk_rosters_circle(core, core->self.circle);
	json_t *items = bk_json_array();

	bk_json_put(c->answer, "items", items);
	for (size_t i = 0; own && i < own->roster->n_entries; i++) {
		const struct bk_roster_entry *e = &own->roster->entries[i];
		char name[BK_NAME_MAX + 1] = "";
		json_t *o = NULL;

		if (!bk_roles_is_desk(e->cert.role) || !bk_roster_usable(e, core->now))
			continue;
		o = bk_json_object();
		bk_cases_name(core, e->cert.device, name);
		bk_json_id(o, "device", e->cert.device);
		bk_json_text(o, "name", name);
		bk_json_text(o, "role", bk_items_role(e->cert.role));
		bk_json_bool(o, "on_duty", bk_duty_is_on(core, e->cert.device));
		bk_json_bool(o, "mine", bk_id_equal(e->cert.device, core->self.device));
		bk_json_push(items, o);
	}
	return 0;
}
