/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "waking.h"

#include <stdlib.h>

#include "engine.h"

#define KEY "push" /* the endpoint; empty: to be taken back */

static struct bk_request *ask(struct bk_core *core, const char *endpoint)
{
	Baken__Frame f = BAKEN__FRAME__INIT;
	Baken__PushSet m = BAKEN__PUSH_SET__INIT;
	char text[BK_PUSH_ENDPOINT_MAX + 1];

	snprintf(text, sizeof(text), "%s", endpoint);
	m.endpoint = text;
	f.kind_case = BAKEN__FRAME__KIND_PUSH_SET;
	f.push_set = &m;
	return bk_link_request(core, BK_REQ_PUSH, &f);
}

static int ask_for_command(struct bk_core *core, struct bk_command *c, const char *endpoint)
{
	struct bk_request *r = ask(core, endpoint);

	if (!r)
		return BK_E_BUSY;
	r->command = true;
	r->command_id = c->id;
	c->later = true;
	return bk_db_put(&core->db, bk_key(KEY), endpoint, strlen(endpoint));
}

int bk_waking_cmd_set(struct bk_core *core, struct bk_command *c)
{
	const char *endpoint = bk_json_get_text(c->args, "endpoint");

	if (!*endpoint)
		return BK_E_INVAL;
	if (!bk_link_online(core)) {
		c->say = BK_SAY_OFFLINE;
		return BK_E_NET;
	}
	return ask_for_command(core, c, endpoint);
}

int bk_waking_cmd_clear(struct bk_core *core, struct bk_command *c)
{
	if (bk_link_online(core))
		return ask_for_command(core, c, "");
	bk_json_bool(c->answer, "set", false);
	return bk_db_put(&core->db, bk_key(KEY), "", 0);
}

void bk_waking_login(struct bk_core *core)
{
	char text[BK_PUSH_ENDPOINT_MAX + 1];
	uint8_t *value = NULL;
	size_t len = 0;

	if (bk_db_get(&core->db, bk_key(KEY), &value, &len) != 0)
		return;
	snprintf(text, sizeof(text), "%.*s", (int)len, len ? (const char *)value : "");
	free(value);
	ask(core, text);
}

void bk_waking_on_state(struct bk_core *core, const Baken__PushState *m, const struct bk_request *r)
{
	json_t *event = bk_event("push");
	json_t *answer = NULL;

	if (!m->set)
		bk_db_del(&core->db, bk_key(KEY));
	bk_json_bool(event, "set", m->set);
	bk_emit(core, event);
	if (!r->command)
		return;
	answer = bk_json_object();
	bk_json_bool(answer, "set", m->set);
	if (m->vapid_key.len)
		bk_json_hex(answer, "vapid_key", m->vapid_key.data, m->vapid_key.len);
	bk_api_ok(core, r->command_id, answer);
}

void bk_waking_on_refused(struct bk_core *core, int err)
{
	if (err == BK_E_INVAL || err == BK_E_ROLE || err == BK_E_UNSUPPORTED || err == BK_E_TOO_BIG)
		bk_db_del(&core->db, bk_key(KEY));
}
