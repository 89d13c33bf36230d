/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The monitor of the cases that this device of the desk holds. A number that is hidden is null. */
#include <stdlib.h>

#include "cases_in.h"
#include "engine.h"
#include "monitor.h"

static const char *const kinds[BK_MONITOR_KINDS + 1] = { "report", "alarm", "missed", "all" };
static const char *const ends[BK_MONITOR_ENDS + 1] = { "waiting", "taken", "closed", "total" };
static const char *const steps[BK_MONITOR_STEPS] = { "read", "claimed", "closed" };

/* False: not a case that anything opened. */
static bool read_case(struct bk_core *core, bk_id case_id, struct bk_monitor_case *ret_case)
{
	struct bk_case_event *events = NULL;
	struct bk_rows rows;
	size_t n = 0;
	bool opened;

	if (bk_db_rows(&core->db, bk_key_id("case/", case_id), 0, &rows) != 0)
		return false;
	events = calloc(rows.n + 1, sizeof(*events));
	if (!events)
		bk_db_fail(&core->db, BK_E_NOMEM);
	for (size_t i = 0; events && i < rows.n; i++) {
		json_t *row = bk_json_row(rows.v[i].value, rows.v[i].len);

		if (row)
			events[n++] = bk_cases_event_read(bk_row_id(&rows.v[i], strlen("case/") + BK_ID_BYTES), row);
		json_decref(row);
	}
	bk_rows_free(&rows);
	opened = bk_monitor_case(events, n, ret_case);
	free(events);
	return opened;
}

static void put_number(json_t *o, const char *name, uint64_t v, bool is_hidden)
{
	bk_json_put(o, name, is_hidden ? json_null() : json_integer((json_int_t)v));
}

static json_t *times_of(const struct bk_monitor_times *t)
{
	json_t *o = bk_json_object();

	put_number(o, "median_ms", t->median_ms, !t->known);
	put_number(o, "p95_ms", t->p95_ms, !t->known);
	return o;
}

static json_t *part_of(const struct bk_monitor *m, unsigned drill)
{
	const struct bk_monitor_table *t = &m->counts[drill];
	json_t *list = json_array();

	for (unsigned k = 0; k <= BK_MONITOR_KINDS; k++) {
		json_t *o = bk_json_object(), *times = bk_json_object();

		bk_json_text(o, "kind", kinds[k]);
		for (unsigned e = 0; e <= BK_MONITOR_ENDS; e++)
			put_number(o, ends[e], t->v[k][e], t->hidden[k][e]);
		for (unsigned s = 0; k < BK_MONITOR_KINDS && s < BK_MONITOR_STEPS; s++)
			bk_json_put(times, steps[s], times_of(&m->times[drill][k][s]));
		if (k < BK_MONITOR_KINDS) {
			put_number(o, "escalated", m->escalated[drill][k], m->escalated_hidden[drill][k]);
			bk_json_put(o, "times", times);
		} else {
			json_decref(times);
		}
		bk_json_push(list, o);
	}
	return list;
}

int bk_monitor_cmd(struct bk_core *core, struct bk_command *c)
{
	struct bk_monitor *m = calloc(1, sizeof(*m));
	struct bk_monitor_case *cases = NULL;
	struct bk_rows keys;
	bk_ms from = bk_json_get_int(c->args, "from_ms"), until = bk_json_get_int(c->args, "until_ms");
	size_t n = 0;
	int err = m ? bk_db_keys(&core->db, bk_key("casemeta/"), 0, &keys) : BK_E_NOMEM;

	if (!until)
		until = bk_cases_now(core) + 1;
	if (!err)
		cases = calloc(keys.n + 1, sizeof(*cases));
	for (size_t i = 0; cases && i < keys.n; i++)
		n += read_case(core, bk_row_id(&keys.v[i], strlen("casemeta/")), &cases[n]);
	if (!err)
		bk_rows_free(&keys);
	if (!err)
		err = cases ? bk_monitor_count(cases, n, from, until, m) : BK_E_NOMEM;
	if (!err) {
		bk_json_int(c->answer, "from_ms", from);
		bk_json_int(c->answer, "until_ms", until);
		bk_json_int(c->answer, "least", BK_MONITOR_LEAST);
		bk_json_put(c->answer, "real", part_of(m, 0));
		bk_json_put(c->answer, "drills", part_of(m, 1));
	}
	free(cases);
	free(m);
	return err;
}
