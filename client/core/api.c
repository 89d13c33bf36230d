/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api.h"

#include <stdlib.h>

#include "cases.h"
#include "engine.h"
#include "lost.h"
#include "text.h"

/* ---- the small ones ---- */

static int connect_cmd(struct bk_core *core, struct bk_command *c)
{
	if (core->self.stage == BK_STAGE_NONE) {
		c->say = BK_SAY_NOT_ENROLLED;
		return BK_E_STATE;
	}
	bk_link_want(core, true);
	return 0;
}

static int disconnect_cmd(struct bk_core *core, struct bk_command *c)
{
	(void)c;
	bk_link_want(core, false);
	return 0;
}

/* Not kept for later: an officer must not believe to be on duty while nothing reaches them. */
static int duty_cmd(struct bk_core *core, struct bk_command *c)
{
	Baken__Frame f = BAKEN__FRAME__INIT;
	Baken__DutySet m = BAKEN__DUTY_SET__INIT;
	struct bk_request *r = NULL;

	if (!bk_link_online(core)) {
		c->say = BK_SAY_OFFLINE;
		return BK_E_NET;
	}
	m.on = bk_json_get_bool(c->args, "on");
	f.kind_case = BAKEN__FRAME__KIND_DUTY_SET;
	f.duty_set = &m;
	r = bk_link_request(core, BK_REQ_DUTY, &f);
	if (!r)
		return BK_E_BUSY;
	r->command = true;
	r->command_id = c->id;
	c->later = true;
	core->self.duty = m.on;
	return bk_self_keep(core);
}

static int ask_again_cmd(struct bk_core *core, struct bk_command *c)
{
	return bk_inbox_ask_again(core, bk_json_get_id(c->args, "message"));
}

/* Files that the server refused or has lost are looked at again too. */
static int resend_cmd(struct bk_core *core, struct bk_command *c)
{
	bk_id message = bk_json_get_id(c->args, "message");
	json_t *item = bk_items_get(core, message);
	json_t *files = json_object_get(bk_items_private(item), "files");
	int err = bk_outbox_repeat(core, message, (bk_id){ { 0 } });

	for (size_t i = 0; !err && i < json_array_size(files); i++) {
		bk_id id = bk_json_get_id(json_array_get(files, i), "attachment");

		if (!bk_id_is_zero(id) && !bk_upload_complete(core, id))
			bk_upload_recheck(core, id);
	}
	json_decref(item);
	return err;
}

/* ---- the table ---- */

enum field_type { F_NONE, F_ID, F_IDS, F_TEXT, F_BOOL, F_INT, F_TO, F_TOS };

struct field {
	const char *name;
	enum field_type type;
	bool needed;
	size_t max; /* bytes of a text, entries of a list, largest number; 0: none */
};

#define ROLE(name) (1u << BAKEN__ROLE__ROLE_##name)
#define PEOPLE (ROLE(PERSON) | ROLE(RELATIVE) | ROLE(CHILD))
#define OFFICERS (ROLE(OFFICER) | ROLE(LEAD))
#define WRITERS (PEOPLE | OFFICERS | ROLE(CARE))
#define ALL UINT32_MAX
#define NEW 0u /* before enrolment too */
#define FIELDS_MAX 8

static const struct entry {
	const char *name;
	uint32_t roles;
	int (*run)(struct bk_core *core, struct bk_command *c);
	struct field fields[FIELDS_MAX];
} table[] = {
	{ "enrol", NEW, bk_enrol_cmd, { { "code", F_TEXT, true, 512 }, { "name", F_TEXT, false, BK_NAME_MAX } } },
	{ "status", NEW, bk_query_status, { { NULL, F_NONE, false, 0 } } },
	{ "connect", NEW, connect_cmd, { { NULL, F_NONE, false, 0 } } },
	{ "disconnect", NEW, disconnect_cmd, { { NULL, F_NONE, false, 0 } } },
	{ "report", PEOPLE, bk_compose_report,
	  { { "what", F_TEXT, true, BK_TEXT_MAX }, { "where", F_TEXT, false, BK_NAME_MAX * 4 },
	    { "when_ms", F_INT, false, 0 }, { "when_text", F_TEXT, false, BK_NAME_MAX },
	    { "urgency", F_TEXT, false, 20 }, { "certainty", F_TEXT, false, 20 },
	    { "attachments", F_IDS, false, BK_FILES_MAX }, { "drill", F_BOOL, false, 0 } } },
	{ "send", WRITERS, bk_compose_send,
	  { { "to", F_TO, true, 0 }, { "text", F_TEXT, true, BK_TEXT_MAX },
	    { "attachments", F_IDS, false, BK_FILES_MAX } } },
	{ "reply", WRITERS, bk_compose_reply,
	  { { "to", F_ID, true, 0 }, { "text", F_TEXT, true, BK_TEXT_MAX }, { "answers", F_BOOL, false, 0 },
	    { "attachments", F_IDS, false, BK_FILES_MAX } } },
	{ "guidance", OFFICERS, bk_compose_guidance,
	  { { "to", F_TOS, true, BK_OUT_MAX }, { "title", F_TEXT, true, BK_NAME_MAX },
	    { "text", F_TEXT, true, BK_TEXT_MAX }, { "valid_until_ms", F_INT, false, 0 },
	    { "acknowledge", F_BOOL, false, 0 }, { "drill", F_BOOL, false, 0 } } },
	{ "acknowledge", PEOPLE, bk_compose_acknowledge, { { "message", F_ID, true, 0 } } },
	{ "reports", PEOPLE, bk_query_reports, { { NULL, F_NONE, false, 0 } } },
	{ "messages", ALL, bk_query_messages,
	  { { "conversation", F_ID, false, 0 }, { "after_ms", F_INT, false, 0 }, { "limit", F_INT, false, 1000 } } },
	{ "show", ALL, bk_query_show, { { "message", F_ID, true, 0 } } },
	{ "fetch", ALL, bk_download_cmd,
	  { { "message", F_ID, true, 0 }, { "index", F_INT, true, BK_FILES_MAX - 1 } } },
	{ "duty", OFFICERS, duty_cmd, { { "on", F_BOOL, true, 0 } } },
	{ "board", OFFICERS, bk_cases_cmd_board, { { NULL, F_NONE, false, 0 } } },
	{ "case", OFFICERS, bk_cases_cmd_case, { { "case", F_ID, true, 0 } } },
	{ "claim", OFFICERS, bk_cases_cmd_claim, { { "case", F_ID, true, 0 } } },
	{ "release", OFFICERS, bk_cases_cmd_release,
	  { { "case", F_ID, true, 0 }, { "reason", F_TEXT, true, BK_TEXT_MAX } } },
	{ "close", OFFICERS, bk_cases_cmd_close,
	  { { "case", F_ID, true, 0 }, { "feedback", F_TEXT, true, BK_TEXT_MAX } } },
	{ "note", OFFICERS, bk_cases_cmd_note,
	  { { "case", F_ID, true, 0 }, { "text", F_TEXT, true, BK_TEXT_MAX } } },
	{ "guidance-status", OFFICERS, bk_query_guidance, { { "message", F_ID, true, 0 } } },
	{ "people", OFFICERS | ROLE(CARE), bk_query_people, { { NULL, F_NONE, false, 0 } } },
	{ "receipts", ALL, bk_receipts_cmd, { { NULL, F_NONE, false, 0 } } },
	{ "unreadable", ALL, bk_lost_cmd, { { NULL, F_NONE, false, 0 } } },
	{ "ask-again", ALL, ask_again_cmd, { { "message", F_ID, true, 0 } } },
	{ "resend", ALL, resend_cmd, { { "message", F_ID, true, 0 } } },
	{ "forget-file", ALL, bk_attach_cmd_forget, { { "attachment", F_ID, true, 0 } } },
};

/* ---- checks ---- */

static bool is_id(const json_t *v)
{
	bk_id id;

	return json_is_string(v) && !bk_id_parse(json_string_value(v), &id) && !bk_id_is_zero(id);
}

static bool are_ids(const json_t *v, size_t max)
{
	if (!json_is_array(v) || json_array_size(v) > max)
		return false;
	for (size_t i = 0; i < json_array_size(v); i++)
		if (!is_id(json_array_get(v, i)))
			return false;
	return true;
}

static bool is_word(const json_t *v, const char *word)
{
	return json_is_string(v) && !strcmp(json_string_value(v), word);
}

static bool is_text(const json_t *v, const struct field *f)
{
	size_t len = json_string_length(v);

	return json_is_string(v) && (len || !f->needed) && bk_text_ok(json_string_value(v), len, f->max);
}

static bool field_ok(const struct field *f, const json_t *v)
{
	switch (f->type) {
	case F_ID:
		return is_id(v);
	case F_IDS:
		return are_ids(v, f->max);
	case F_TEXT:
		return is_text(v, f);
	case F_BOOL:
		return json_is_boolean(v);
	case F_INT:
		return json_is_integer(v) && json_integer_value(v) >= 0 &&
			(!f->max || (size_t)json_integer_value(v) <= f->max);
	case F_TO:
		return is_word(v, "desk") || is_word(v, "care") || is_id(v);
	case F_TOS:
		return is_word(v, "all") || (are_ids(v, f->max) && json_array_size(v));
	case F_NONE:
		break;
	}
	return false;
}

static const struct field *find_field(const struct entry *e, const char *name)
{
	for (size_t i = 0; i < FIELDS_MAX && e->fields[i].name; i++)
		if (!strcmp(e->fields[i].name, name))
			return &e->fields[i];
	return NULL;
}

static int check_fields(const struct entry *e, struct bk_command *c)
{
	const char *name = NULL;
	json_t *v = NULL;

	json_object_foreach((json_t *)(uintptr_t)c->args, name, v) {
		const struct field *f = NULL;

		if (!strcmp(name, "cmd") || !strcmp(name, "id"))
			continue;
		f = find_field(e, name);
		if (!f || !field_ok(f, v)) {
			c->say = f ? BK_SAY_FIELD : BK_SAY_UNKNOWN_FIELD;
			return BK_E_INVAL;
		}
	}
	for (size_t i = 0; i < FIELDS_MAX && e->fields[i].name; i++)
		if (e->fields[i].needed && !json_object_get(c->args, e->fields[i].name)) {
			c->say = BK_SAY_FIELD;
			return BK_E_INVAL;
		}
	return 0;
}

static int check_role(const struct bk_core *core, const struct entry *e, struct bk_command *c)
{
	if (e->roles == NEW)
		return 0;
	if (!bk_self_enrolled(&core->self)) {
		c->say = BK_SAY_NOT_ENROLLED;
		return BK_E_STATE;
	}
	if (!(e->roles & 1u << core->self.role)) {
		c->say = BK_SAY_ROLE;
		return BK_E_ROLE;
	}
	return 0;
}

static const struct entry *find_entry(const json_t *args)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (!strcmp(table[i].name, bk_json_get_text(args, "cmd")))
			return &table[i];
	return NULL;
}

/* ---- running ---- */

void bk_api_ok(struct bk_core *core, uint64_t id, json_t *answer)
{
	json_t *event = bk_event("ok");

	bk_json_int(event, "id", id);
	if (answer)
		bk_json_check(json_object_update_missing(event, answer) == 0);
	json_decref(answer);
	bk_emit(core, event);
}

void bk_api_error(struct bk_core *core, uint64_t id, int err, enum bk_say say)
{
	json_t *event = bk_event("error");

	bk_json_int(event, "id", id);
	bk_json_text(event, "error", bk_err_name(err));
	bk_json_text(event, "text", bk_lang_say(say, err, core->o.lang));
	bk_emit(core, event);
}

/* A command that fails has done nothing: neither on disk, nor in memory, nor on the wire. */
static void undo(struct bk_core *core, uint64_t last_request)
{
	int err = 0;

	bk_stage_drop(core);
	bk_link_forget(core, last_request);
	core->marks = 0;
	if (!core->db.begun)
		return;
	bk_db_abort(&core->db);
	err = bk_core_reload(core);
	if (err)
		bk_db_fail(&core->db, err);
	else if (core->signal)
		core->lease_ms = bk_cases_next(core);
}

static int run(struct bk_core *core, const struct entry *e, struct bk_command *c)
{
	uint64_t last = core->link.last_number;
	int err = bk_db_commit(&core->db); /* of what opening left to be done: not to be undone with the command */

	if (!err)
		err = e->run(core, c);
	if (core->db.err)
		return 0; /* the turn fails, and says so itself */
	if (err)
		undo(core, last);
	return err;
}

static int checked(struct bk_core *core, struct bk_command *c)
{
	const struct entry *e = find_entry(c->args);
	int err = 0;

	if (!e) {
		c->say = BK_SAY_UNKNOWN_COMMAND;
		return BK_E_INVAL;
	}
	err = check_fields(e, c);
	if (!err)
		err = check_role(core, e, c);
	return err ? err : run(core, e, c);
}

int bk_api_command(struct bk_core *core, const char *json, size_t len)
{
	json_t *args = json_loadb(json, len, JSON_REJECT_DUPLICATES, NULL);
	struct bk_command c = { .args = args, .id = bk_json_get_int(args, "id") };
	int err = 0;

	c.answer = bk_json_object();
	if (!json_is_object(args)) {
		c.say = BK_SAY_UNKNOWN_COMMAND;
		err = BK_E_INVAL;
	} else {
		err = checked(core, &c);
	}
	if (err)
		bk_api_error(core, c.id, err, c.say);
	else if (!c.later && !core->db.err)
		bk_api_ok(core, c.id, json_incref(c.answer));
	json_decref(c.answer);
	json_decref(args);
	return err;
}
