/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api_table.h"

#include <stdlib.h>

#include "cases.h"
#include "engine.h"
#include "text.h"

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

static bool are_objects(const json_t *v, size_t max)
{
	if (!json_is_array(v) || json_array_size(v) > max)
		return false;
	for (size_t i = 0; i < json_array_size(v); i++)
		if (!json_is_object(json_array_get(v, i)))
			return false;
	return true;
}

static bool is_word(const json_t *v, const char *word)
{
	return json_is_string(v) && !strcmp(json_string_value(v), word);
}

static bool is_text(const json_t *v, const struct bk_api_field *f)
{
	size_t len = json_string_length(v);

	return json_is_string(v) && (len || !f->needed) && bk_text_ok(json_string_value(v), len, f->max);
}

static bool are_simple(const json_t *v, const struct bk_api_field *f)
{
	if (!json_is_array(v) || json_array_size(v) > f->max)
		return false;
	for (size_t i = 0; i < json_array_size(v); i++) {
		const json_t *x = json_array_get(v, i);
		bool ok = f->type == F_INTS ?
			json_is_integer(x) && json_integer_value(x) >= 0 :
			json_is_string(x) && json_string_length(x) &&
				bk_text_ok(json_string_value(x), json_string_length(x), BK_HANDOVER_TEXT);

		if (!ok)
			return false;
	}
	return true;
}

static bool field_ok(const struct bk_api_field *f, const json_t *v)
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
	case F_NUMBER:
		return json_is_number(v);
	case F_INTS:
	case F_TEXTS:
		return are_simple(v, f);
	case F_LIST:
		return are_objects(v, f->max);
	case F_TO:
		return is_word(v, "desk") || is_word(v, "care") || is_id(v);
	case F_TOS:
		return is_word(v, "all") || (are_ids(v, f->max) && json_array_size(v));
	case F_NONE:
		break;
	}
	return false;
}

static const struct bk_api_field *find_field(const struct bk_api_entry *e, const char *name)
{
	for (size_t i = 0; i < BK_API_FIELDS_MAX && e->fields[i].name; i++)
		if (!strcmp(e->fields[i].name, name))
			return &e->fields[i];
	return NULL;
}

static int check_fields(const struct bk_api_entry *e, struct bk_command *c)
{
	const char *name = NULL;
	json_t *v = NULL;

	json_object_foreach((json_t *)(uintptr_t)c->args, name, v) {
		const struct bk_api_field *f = NULL;

		if (!strcmp(name, "cmd") || !strcmp(name, "id"))
			continue;
		f = find_field(e, name);
		if (!f || !field_ok(f, v)) {
			c->say = f ? BK_SAY_FIELD : BK_SAY_UNKNOWN_FIELD;
			return BK_E_INVAL;
		}
	}
	for (size_t i = 0; i < BK_API_FIELDS_MAX && e->fields[i].name; i++)
		if (e->fields[i].needed && !json_object_get(c->args, e->fields[i].name)) {
			c->say = BK_SAY_FIELD;
			return BK_E_INVAL;
		}
	return 0;
}

static int check_role(const struct bk_core *core, const struct bk_api_entry *e, struct bk_command *c)
{
	if (e->roles == BK_API_NEW)
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

static const struct bk_api_entry *find_entry(const json_t *args)
{
	for (size_t i = 0; bk_api_table[i].name; i++)
		if (!strcmp(bk_api_table[i].name, bk_json_get_text(args, "cmd")))
			return &bk_api_table[i];
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

/* What is left to do first goes along with the refusal. */
static void refuse(struct bk_core *core, const struct bk_command *c, int err)
{
	json_t *event = bk_event("error"), *left = json_object_get(c->answer, "left");

	bk_json_int(event, "id", c->id);
	bk_json_text(event, "error", bk_err_name(err));
	bk_json_text(event, "text", bk_lang_say(c->say, err, core->o.lang));
	if (left)
		bk_json_put(event, "left", json_incref(left));
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

static int run(struct bk_core *core, const struct bk_api_entry *e, struct bk_command *c)
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
	const struct bk_api_entry *e = find_entry(c->args);
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
		refuse(core, &c, err);
	else if (!c.later && !core->db.err)
		bk_api_ok(core, c.id, json_incref(c.answer));
	json_decref(c.answer);
	json_decref(args);
	return err;
}
