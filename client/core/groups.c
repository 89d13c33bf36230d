/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "groups.h"

#include <stdlib.h>

#include "approvals.h"
#include "engine.h"

#define GROUPS_MAX 200u /* of a desk, those that were removed among them */

struct version {
	uint64_t number;
	bk_id device;
};

static json_t *row_get(struct bk_core *core, bk_id group)
{
	return bk_db_get_json(&core->db, bk_key_id("people/", group));
}

/* The higher number; of two alike the higher device id: the same everywhere. */
static bool is_newer(const json_t *row, const struct version *v)
{
	uint64_t have = bk_json_get_int(row, "version");
	bk_id device = bk_json_get_id(row, "device");

	if (!row || have != v->number)
		return !row || v->number > have;
	return memcmp(v->device.b, device.b, BK_ID_BYTES) > 0;
}

static size_t count(struct bk_core *core)
{
	struct bk_rows rows;
	size_t n = 0;

	if (bk_db_keys(&core->db, bk_key("people/"), 0, &rows))
		return GROUPS_MAX;
	n = rows.n;
	bk_rows_free(&rows);
	return n;
}

static json_t *shown(const json_t *row)
{
	json_t *o = json_deep_copy(row);

	bk_json_check(o != NULL);
	json_object_del(o, "device");
	return o;
}

static void keep(struct bk_core *core, const Baken__Group *m, const struct version *v, json_t *circles)
{
	json_t *row = bk_json_object(), *event = NULL;
	char name[BK_NAME_MAX + 1];
	bk_id group = { { 0 } };

	bk_id_from(m->group_id.data, m->group_id.len, &group);
	bk_rosters_name(core, v->device, name);
	bk_json_id(row, "group", group);
	bk_json_text(row, "name", m->name);
	bk_json_put(row, "circles", json_incref(circles));
	bk_json_int(row, "version", v->number);
	bk_json_id(row, "device", v->device);
	bk_json_text(row, "by", bk_id_equal(v->device, core->self.device) ? core->self.name : name);
	if (m->removed)
		bk_json_bool(row, "removed", true);
	bk_db_put_json(&core->db, bk_key_id("people/", group), row);
	event = shown(row);
	bk_json_text(event, "event", "group");
	bk_emit(core, event);
	json_decref(row);
}

static json_t *ids_of(const ProtobufCBinaryData *list, size_t n)
{
	Baken__Approval m = BAKEN__APPROVAL__INIT; /* only for its list */

	m.circles = (ProtobufCBinaryData *)(uintptr_t)list;
	m.n_circles = n;
	return bk_approvals_circle_ids(&m);
}

void bk_groups_on_group(struct bk_core *core, const struct bk_opened *o)
{
	const Baken__Group *m = o->content->group;
	struct version v = { m->version, o->sender->cert.device };
	json_t *row = NULL, *circles = NULL;
	bk_id group = { { 0 } };

	if (!bk_is_desk(core) || bk_id_from(m->group_id.data, m->group_id.len, &group))
		return;
	row = row_get(core, group);
	circles = ids_of(m->circles, m->n_circles);
	if (is_newer(row, &v) && (row || count(core) < GROUPS_MAX))
		keep(core, m, &v, circles);
	json_decref(circles);
	json_decref(row);
}

int bk_groups_add(struct bk_core *core, bk_id group, json_t *circles)
{
	json_t *row = row_get(core, group), *list = json_object_get(row, "circles");
	int err = row && !bk_json_get_bool(row, "removed") ? 0 : BK_E_NOT_FOUND;

	for (size_t i = 0; !err && i < json_array_size(list); i++) {
		const char *text = json_string_value(json_array_get(list, i));
		bk_id circle = { { 0 } };

		bk_id_parse(text, &circle);
		if (bk_db_has(&core->db, bk_key_id("circle/", circle)))
			bk_json_put(circles, text, json_true());
	}
	json_decref(row);
	return err;
}

/* ---- commands ---- */

static int post(struct bk_core *core, Baken__Group *m, const struct version *v, json_t *circles)
{
	Baken__Content content = BAKEN__CONTENT__INIT;
	struct bk_post p = { .content = &content, .kind = BK_CONTENT_GROUP, .class = BAKEN__CLASS__CLASS_NORMAL,
		.regime = BAKEN__REGIME__REGIME_SECURITY };
	size_t n = json_array_size(circles);
	bk_id *ids = calloc(n + 1, sizeof(*ids));
	int err = BK_E_NOMEM;

	for (size_t i = 0; ids && i < n; i++)
		bk_id_parse(json_string_value(json_array_get(circles, i)), &ids[i]);
	m->circles = ids ? bk_approvals_circles(ids, n) : NULL;
	m->n_circles = n;
	content.kind_case = BAKEN__CONTENT__KIND_GROUP;
	content.group = m;
	p.circles[p.n_circles++] = core->self.circle;
	if (m->circles)
		err = bk_outbox_post(core, &p);
	else
		bk_db_fail(&core->db, err);
	if (!err)
		keep(core, m, v, circles);
	free(m->circles);
	free(ids);
	return err;
}

static int change(struct bk_core *core, struct bk_command *c, bool remove)
{
	Baken__Group m = BAKEN__GROUP__INIT;
	bk_id group = bk_json_get_id(c->args, "group");
	json_t *row = bk_id_is_zero(group) ? NULL : row_get(core, group);
	json_t *circles = json_object_get(remove ? row : c->args, "circles");
	struct version v = { bk_json_get_int(row, "version") + 1, core->self.device };
	int err = bk_id_is_zero(group) || row ? 0 : BK_E_NOT_FOUND;

	if (!err && bk_id_is_zero(group)) {
		group = bk_id_random();
		err = count(core) < GROUPS_MAX ? 0 : BK_E_FULL;
	}
	m.group_id = bk_bytes(group.b, BK_ID_BYTES);
	m.version = v.number;
	m.name = (char *)(uintptr_t)bk_json_get_text(remove ? row : c->args, "name");
	m.removed = remove;
	if (!err)
		err = post(core, &m, &v, circles);
	json_decref(row);
	bk_json_id(c->answer, "group", group);
	return err;
}

int bk_groups_cmd_set(struct bk_core *core, struct bk_command *c)
{
	return change(core, c, false);
}

int bk_groups_cmd_remove(struct bk_core *core, struct bk_command *c)
{
	return change(core, c, true);
}

int bk_groups_cmd_list(struct bk_core *core, struct bk_command *c)
{
	json_t *items = bk_json_array();
	struct bk_rows rows;
	int err = bk_db_rows(&core->db, bk_key("people/"), 0, &rows);

	bk_json_put(c->answer, "items", items);
	if (err)
		return err;
	for (size_t i = 0; i < rows.n; i++) {
		json_t *row = bk_json_row(rows.v[i].value, rows.v[i].len);

		if (!bk_json_get_bool(row, "removed"))
			bk_json_push(items, shown(row));
		json_decref(row);
	}
	bk_rows_free(&rows);
	return 0;
}
