/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "exposure.h"

#include <sodium.h>
#include <stdlib.h>

#include "cases.h"
#include "engine.h"
#include "keyring.h"

#define KEEP_MS BK_KEYRING_KEEP_MS
#define GAVE_PREFIX 5u
#define DUTY_PREFIX 5u

void bk_exposure_gave(struct bk_core *core, bk_id device, bk_id case_id)
{
	struct bk_key k = bk_key_pair("gave/", device, case_id);
	uint8_t at[8];

	bk_u64_write(at, bk_cases_now(core));
	bk_db_put(&core->db, k, at, sizeof(at));
}

/* ---- duty ---- */

static struct bk_key duty_key(bk_id device, bk_ms from)
{
	struct bk_key k = bk_key_id("duty/", device);

	bk_key_add_u64(&k, from);
	return k;
}

static void duty_put(struct bk_core *core, bk_id device, bk_ms from, bk_ms until)
{
	uint8_t value[8];

	bk_u64_write(value, until);
	bk_db_put(&core->db, duty_key(device, from), value, sizeof(value));
}

static bool among(const bk_id *list, size_t n, bk_id device)
{
	for (size_t i = 0; i < n; i++)
		if (bk_id_equal(list[i], device))
			return true;
	return false;
}

/* Since when it may have been so: the last moment at which we would have heard. */
static bk_ms since(const struct bk_core *core)
{
	bk_ms seen = core->self.last_contact_ms;

	return seen && !core->duty_heard ? seen : bk_cases_now(core);
}

static bool row_open(const struct bk_row *row, bk_id *ret_device, bk_ms *ret_from)
{
	if (row->key_len != DUTY_PREFIX + BK_ID_BYTES + 8 || row->len != 8 || bk_u64_read(row->value))
		return false;
	*ret_device = bk_row_id(row, DUTY_PREFIX);
	*ret_from = bk_u64_read(row->key + DUTY_PREFIX + BK_ID_BYTES);
	return true;
}

void bk_exposure_duty(struct bk_core *core, const bk_id *on_duty, size_t n)
{
	bool open[BK_ROSTER_ENTRIES_MAX] = { false };
	struct bk_rows rows;

	if (!bk_is_desk(core) || bk_db_rows(&core->db, bk_key("duty/"), 0, &rows))
		return;
	for (size_t i = 0; i < rows.n; i++) {
		bk_id device = { { 0 } };
		bk_ms from = 0;

		if (!row_open(&rows.v[i], &device, &from))
			continue;
		if (!among(on_duty, n, device))
			duty_put(core, device, from, bk_cases_now(core));
		for (size_t k = 0; k < n && k < BK_ROSTER_ENTRIES_MAX; k++)
			open[k] = open[k] || bk_id_equal(on_duty[k], device);
	}
	bk_rows_free(&rows);
	for (size_t k = 0; k < n && k < BK_ROSTER_ENTRIES_MAX; k++)
		if (!open[k])
			duty_put(core, on_duty[k], since(core), 0);
	core->duty_heard = true;
}

/* ---- the list ---- */

struct span {
	bk_ms from, until;
};

static bool on_duty_at(const struct span *spans, size_t n, bk_ms at)
{
	for (size_t i = 0; i < n; i++)
		if (at >= spans[i].from && (!spans[i].until || at <= spans[i].until))
			return true;
	return false;
}

static size_t spans_of(struct bk_core *core, bk_id device, struct span **ret_spans)
{
	struct bk_rows rows;
	size_t n = 0;

	*ret_spans = NULL;
	if (bk_db_rows(&core->db, bk_key_id("duty/", device), 0, &rows))
		return 0;
	*ret_spans = calloc(rows.n + 1, sizeof(**ret_spans));
	for (size_t i = 0; *ret_spans && i < rows.n; i++) {
		if (rows.v[i].key_len != DUTY_PREFIX + BK_ID_BYTES + 8 || rows.v[i].len != 8)
			continue;
		(*ret_spans)[n].from = bk_u64_read(rows.v[i].key + DUTY_PREFIX + BK_ID_BYTES);
		(*ret_spans)[n++].until = bk_u64_read(rows.v[i].value);
	}
	bk_rows_free(&rows);
	return n;
}

/* When the device was last given the keys of a case: of all that was there by then. */
static bk_ms given_at(struct bk_core *core, bk_id device, bk_id case_id)
{
	uint8_t at[8];

	return bk_db_read(&core->db, bk_key_pair("gave/", device, case_id), at, sizeof(at)) ? 0 : bk_u64_read(at);
}

/* The messages of one case that the device had; NULL when none. */
static json_t *read_of_case(struct bk_core *core, bk_id device, bk_id case_id, const struct span *spans, size_t n_spans)
{
	bool vault = core->self.role == BAKEN__ROLE__ROLE_VAULT;
	struct bk_keyring_key *keys = NULL;
	json_t *row = NULL, *messages = bk_json_array();
	bk_ms given = given_at(core, device, case_id);
	size_t n = 0;
	char name[BK_NAME_MAX + 1] = "";

	if (bk_keyring_of(core, case_id, 0, 0, &keys, &n)) {
		json_decref(messages);
		return NULL;
	}
	for (size_t i = 0; i < n; i++) {
		bool capsule = on_duty_at(spans, n_spans, keys[i].stored_ms) || bk_id_equal(keys[i].sender, device);
		json_t *m = NULL;

		if (!capsule && keys[i].stored_ms > given)
			continue;
		m = bk_json_object();
		bk_json_id(m, "message", keys[i].message);
		bk_json_int(m, "stored_ms", keys[i].stored_ms);
		bk_json_text(m, "by", capsule ? "capsule" : "keyring");
		bk_json_push(messages, m);
	}
	bk_keyring_free(keys, n);
	if (!json_array_size(messages)) {
		json_decref(messages);
		return NULL;
	}
	row = bk_json_object();
	bk_json_id(row, "case", case_id);
	if (!vault)
		bk_items_circle_name(core, bk_cases_person(core, case_id), name);
	bk_json_more(row, "who", name);
	bk_json_put(row, "messages", messages);
	return row;
}

int bk_exposure_cmd(struct bk_core *core, struct bk_command *c)
{
	bk_id device = bk_json_get_id(c->args, "device"), last = { { 0 } };
	const struct bk_roster *circle = NULL;
	json_t *cases = bk_json_array();
	struct span *spans = NULL;
	struct bk_rows rows;
	size_t n = 0;
	int err = bk_rosters_device(core, device, &circle) && bk_id_equal(circle->circle, core->self.circle) ?
		0 : BK_E_NOT_FOUND;

	bk_json_put(c->answer, "cases", cases);
	if (!err)
		err = bk_db_keys(&core->db, bk_key("keycase/"), 0, &rows);
	if (err)
		return err;
	n = spans_of(core, device, &spans);
	for (size_t i = 0; i < rows.n; i++) {
		bk_id case_id = bk_row_id(&rows.v[i], strlen("keycase/"));
		json_t *row = bk_id_equal(case_id, last) ? NULL : read_of_case(core, device, case_id, spans, n);

		last = case_id;
		if (row)
			bk_json_push(cases, row);
	}
	bk_rows_free(&rows);
	free(spans);
	return 0;
}

/* ---- bounds ---- */

static void expire(struct bk_core *core, const char *prefix)
{
	struct bk_rows rows;

	if (bk_db_rows(&core->db, bk_key(prefix), 0, &rows))
		return;
	for (size_t i = 0; i < rows.n; i++) {
		bk_ms until = rows.v[i].len == 8 ? bk_u64_read(rows.v[i].value) : 1;
		struct bk_key k = { .len = rows.v[i].key_len };

		if (!until || core->now < until + KEEP_MS)
			continue;
		memcpy(k.b, rows.v[i].key, k.len);
		bk_db_del(&core->db, k);
	}
	bk_rows_free(&rows);
}

void bk_exposure_expire(struct bk_core *core)
{
	expire(core, "duty/");
	expire(core, "gave/");
}
