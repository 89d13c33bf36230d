/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "self.h"

#include <sodium.h>
#include <stdio.h>

#include "engine.h"

#define SELF_KEY "meta/self"

static void read_trust(const json_t *row, struct bk_self *s)
{
	s->root_known = bk_json_get_hex(row, "root", s->root, sizeof(s->root));
	s->server_version = bk_json_get_int(row, "server_version");
	bk_json_get_hex(row, "receipt_key", s->receipt_key, sizeof(s->receipt_key));
	s->has_ticket = bk_json_get_hex(row, "ticket", s->ticket, sizeof(s->ticket));
	s->ticket_ms = bk_json_get_int(row, "ticket_ms");
	bk_json_get_hex(row, "secret", s->secret, sizeof(s->secret));
	bk_json_get_hex(row, "pin", s->pin, sizeof(s->pin));
}

int bk_self_load(struct bk_db *db, struct bk_self *ret_self)
{
	struct bk_self s = { .stage = BK_STAGE_NONE };
	json_t *row = bk_db_get_json(db, bk_key(SELF_KEY));

	if (db->err)
		return db->err;
	if (row) {
		s.stage = (enum bk_stage)bk_json_get_int(row, "stage");
		snprintf(s.host, sizeof(s.host), "%s", bk_json_get_text(row, "host"));
		s.port = (uint16_t)bk_json_get_int(row, "port");
		read_trust(row, &s);
		s.device = bk_json_get_id(row, "device");
		s.account = bk_json_get_id(row, "account");
		s.circle = bk_json_get_id(row, "circle");
		s.role = (Baken__Role)bk_json_get_int(row, "role");
		snprintf(s.name, sizeof(s.name), "%s", bk_json_get_text(row, "name"));
		s.duty = bk_json_get_bool(row, "duty");
		s.drill = bk_json_get_id(row, "drill");
		s.drill_ms = bk_json_get_int(row, "drill_ms");
		s.last_contact_ms = bk_json_get_int(row, "last_contact_ms");
		s.prekeys_ms = bk_json_get_int(row, "prekeys_ms");
		s.skew_ms = json_integer_value(json_object_get(row, "skew_ms"));
		s.order = bk_json_get_int(row, "order");
	}
	json_decref(row);
	*ret_self = s;
	sodium_memzero(&s, sizeof(s));
	return 0;
}

static void write_trust(json_t *row, const struct bk_self *s)
{
	if (s->root_known)
		bk_json_hex(row, "root", s->root, sizeof(s->root));
	bk_json_int(row, "server_version", s->server_version);
	bk_json_hex(row, "receipt_key", s->receipt_key, sizeof(s->receipt_key));
	if (s->has_ticket)
		bk_json_hex(row, "ticket", s->ticket, sizeof(s->ticket));
	bk_json_int(row, "ticket_ms", s->ticket_ms);
	bk_json_hex(row, "secret", s->secret, sizeof(s->secret));
	bk_json_hex(row, "pin", s->pin, sizeof(s->pin));
}

int bk_self_save(struct bk_db *db, const struct bk_self *s)
{
	json_t *row = bk_json_object();
	int err;

	bk_json_int(row, "stage", (uint64_t)s->stage);
	bk_json_text(row, "host", s->host);
	bk_json_int(row, "port", s->port);
	write_trust(row, s);
	bk_json_id(row, "device", s->device);
	bk_json_id(row, "account", s->account);
	bk_json_id(row, "circle", s->circle);
	bk_json_int(row, "role", (uint64_t)s->role);
	bk_json_text(row, "name", s->name);
	bk_json_bool(row, "duty", s->duty);
	bk_json_id(row, "drill", s->drill);
	bk_json_int(row, "drill_ms", s->drill_ms);
	bk_json_int(row, "last_contact_ms", s->last_contact_ms);
	bk_json_int(row, "prekeys_ms", s->prekeys_ms);
	bk_json_put(row, "skew_ms", json_integer(s->skew_ms));
	bk_json_int(row, "order", s->order);
	err = bk_db_put_json(db, bk_key(SELF_KEY), row);
	json_decref(row);
	return err;
}

int bk_self_keep(struct bk_core *core)
{
	return bk_self_save(&core->db, &core->self);
}

bool bk_is_desk(const struct bk_core *core)
{
	return bk_roles_is_desk(core->self.role) || core->self.role == BAKEN__ROLE__ROLE_VAULT;
}

bool bk_is_person(const struct bk_core *core)
{
	return core->self.role == BAKEN__ROLE__ROLE_PERSON || core->self.role == BAKEN__ROLE__ROLE_RELATIVE ||
		core->self.role == BAKEN__ROLE__ROLE_CHILD;
}

bool bk_is_care(const struct bk_core *core)
{
	return core->self.role == BAKEN__ROLE__ROLE_CARE;
}
