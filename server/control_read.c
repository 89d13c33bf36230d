/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Verbs that only look: answered in the same turn from one view of the store. */
#include <stdlib.h>
#include <sys/statvfs.h>

#include "control_in.h"
#include "live.h"

#define AUDIT_PAGE 1000u

static const char *const invite_states[] = {"open", "pending", "approved", "refused"};

/* Opens the view, runs, answers. */
static void with_view(struct bk_question *q, int (*run)(struct bk_question *q, struct bk_store_view *v, json_t *answer))
{
	struct bk_store_view *v = NULL;
	json_t *answer = json_object();
	int err = answer ? bk_store_view_begin(bk_question_server(q)->store, &v) : BK_E_NOMEM;

	if (!err)
		err = run(q, v, answer);
	if (v)
		bk_store_view_end(v);
	if (err) {
		json_decref(answer);
		bk_control_fail(q, err);
	} else {
		bk_control_reply(q, answer);
	}
}

static void set(json_t *o, const char *name, uint64_t v)
{
	json_object_set_new(o, name, json_integer((json_int_t)v));
}

/* Desk by desk, what its vault told last. */
static json_t *paths(const struct bk_server *s)
{
	json_t *list = json_array();
	char circle[BK_ID_TEXT];

	for (size_t i = 0; i < s->path.n; i++) {
		const struct bk_path_desk *d = &s->path.desks[i];
		json_t *o = json_pack("{s:s, s:s, s:i, s:i}", "circle", bk_id_text(d->circle, circle), "state",
			bk_path_word(bk_path_judge(&s->path, d, bk_now())), "shown", (int)d->shown, "expected",
			(int)d->expected);

		if (o)
			set(o, "told_ms", d->told_ms);
		json_array_append_new(list, o);
	}
	return list;
}

static int status(struct bk_question *q, struct bk_store_view *v, json_t *a)
{
	struct bk_server *s = bk_question_server(q);
	struct bk_store_stats st;
	struct bk_writer_stats w;
	struct statvfs disk;
	int err = bk_store_stats(v, &st);

	if (err)
		return err;
	bk_writer_stats(s->writer, &w);
	json_object_set_new(a, "version", json_string(BAKEN_VERSION));
	set(a, "started_ms", s->started_ms);
	set(a, "now_ms", bk_now());
	set(a, "online", s->stats.online);
	set(a, "sockets", s->stats.sockets);
	set(a, "accounts", st.accounts);
	set(a, "devices", st.devices);
	set(a, "circles", st.circles);
	set(a, "queued", st.queued);
	set(a, "queued_bytes", st.queued_bytes);
	set(a, "dead_letters", st.dead_letters);
	set(a, "bodies", st.bodies);
	set(a, "dedupe", st.dedupe);
	set(a, "sessions", st.sessions);
	set(a, "files", st.files);
	set(a, "invites", st.invites);
	set(a, "prekeys", st.prekeys);
	set(a, "timers", st.timers);
	set(a, "audit", st.audit);
	set(a, "store_used", st.used_bytes);
	set(a, "store_map", st.map_bytes);
	set(a, "schema", st.schema);
	set(a, "commits", w.commits);
	set(a, "records", w.records);
	json_object_set_new(a, "path", json_string(bk_path_word(bk_path_worst(&s->path, bk_now()))));
	json_object_set_new(a, "paths", paths(s));
	if (statvfs(s->o.dir, &disk) == 0)
		set(a, "disk_free", (uint64_t)disk.f_bavail * disk.f_frsize);
	json_object_set_new(a, "frozen", json_boolean(st.frozen));
	json_object_set_new(a, "writes_ok", json_boolean(!st.read_only && !s->writes_failed));
	return 0;
}

void bk_control_status(struct bk_question *q)
{
	with_view(q, status);
}

void bk_control_metrics(struct bk_question *q)
{
	char *text = bk_stats_text(bk_question_server(q));

	bk_control_reply(q, text ? json_pack("{s:s}", "text", text) : NULL);
	free(text);
}

void bk_control_trust(struct bk_question *q)
{
	struct bk_server *s = bk_question_server(q);

	bk_control_reply(q, json_pack("{s:o, s:o}", "root", bk_json_of_hash(s->root_key), "server_cert",
		bk_json_of_b64(s->server_cert, s->server_cert_len)));
}

static int add_circle(void *arg, const struct bk_circle_row *row)
{
	json_t *o = json_pack("{s:o, s:s, s:I, s:o, s:o, s:o, s:I}", "circle", bk_json_of_id(row->circle), "kind",
		bk_kind_name(row->kind), "version", (json_int_t)row->version, "desk", bk_json_of_id(row->desk), "care",
		bk_json_of_id(row->care), "fallback", bk_json_of_id(row->fallback), "expires_ms", (json_int_t)row->hard_expires_ms);

	return json_array_append_new(arg, o) ? BK_E_NOMEM : 0;
}

static int circles(struct bk_question *q, struct bk_store_view *v, json_t *a)
{
	json_t *list = json_array();

	(void)q;
	json_object_set_new(a, "circles", list);
	return bk_store_circles(v, add_circle, list);
}

void bk_control_circles(struct bk_question *q)
{
	with_view(q, circles);
}

static int roster_get(struct bk_question *q, struct bk_store_view *v, json_t *a)
{
	struct bk_circle_row row;
	struct bk_bytes b;
	uint64_t version = 0;
	bk_id circle;
	int err = bk_question_id(q, "circle", &circle);

	if (!err && json_object_get(bk_question_args(q), "version"))
		err = bk_question_u64(q, "version", &version);
	if (!err)
		err = bk_store_circle(v, circle, &row);
	if (!err)
		err = bk_store_roster(v, circle, version, &b);
	if (err)
		return err;
	json_object_set_new(a, "roster", bk_json_of_b64(b.data, b.len));
	set(a, "version", version ? version : row.version);
	return 0;
}

void bk_control_roster_get(struct bk_question *q)
{
	with_view(q, roster_get);
}

struct devices {
	struct bk_server *server;
	json_t *list;
};

static int add_device(void *arg, const struct bk_device_row *row)
{
	struct devices *d = arg;
	json_t *o = json_pack("{s:o, s:o, s:o, s:s, s:s, s:s, s:b, s:b, s:I, s:I, s:I}", "device", bk_json_of_id(row->device),
		"account", bk_json_of_id(row->account), "circle", bk_json_of_id(row->circle), "kind",
		bk_kind_name(row->circle_kind), "role", bk_role_name(row->role), "status", bk_status_name(row->status), "online",
		bk_live_device(d->server, row->device) != NULL, "on_duty", row->on_duty, "queued",
		(json_int_t)row->queued, "queued_bytes", (json_int_t)row->queued_bytes, "seen_ms",
		(json_int_t)row->seen_ms);

	return json_array_append_new(d->list, o) ? BK_E_NOMEM : 0;
}

struct all {
	struct bk_store_view *view;
	struct devices *devices;
};

static int add_circle_devices(void *arg, const struct bk_circle_row *row)
{
	struct all *all = arg;

	return bk_store_devices(all->view, row->circle, add_device, all->devices);
}

static int devices(struct bk_question *q, struct bk_store_view *v, json_t *a)
{
	struct devices d = {bk_question_server(q), json_array()};
	struct all all = {v, &d};
	bk_id circle;

	json_object_set_new(a, "devices", d.list);
	if (!json_object_get(bk_question_args(q), "circle"))
		return bk_store_circles(v, add_circle_devices, &all);
	if (bk_question_id(q, "circle", &circle) != 0)
		return BK_E_INVAL;
	return bk_store_devices(v, circle, add_device, &d);
}

void bk_control_devices(struct bk_question *q)
{
	with_view(q, devices);
}

static int add_invite(void *arg, const struct bk_invite_row *row)
{
	json_t *o = json_pack("{s:o, s:o, s:o, s:s, s:s, s:I}", "invite", bk_json_of_id(row->invite), "account",
		bk_json_of_id(row->account), "circle", bk_json_of_id(row->circle), "role", bk_role_name(row->role), "state",
		invite_states[row->state & 3], "expires_ms", (json_int_t)row->expires_ms);

	if (o && row->enrol.len)
		json_object_set_new(o, "enrol", bk_json_of_b64(row->enrol.data, row->enrol.len));
	return json_array_append_new(arg, o) ? BK_E_NOMEM : 0;
}

static int invites(struct bk_question *q, struct bk_store_view *v, json_t *a)
{
	json_t *list = json_array();

	(void)q;
	json_object_set_new(a, "invites", list);
	return bk_store_invites(v, add_invite, list);
}

void bk_control_invites(struct bk_question *q)
{
	with_view(q, invites);
}

struct audit {
	json_t *list;
	uint64_t left;
	bool more;
};

static int add_audit(void *arg, const struct bk_audit_row *row)
{
	struct audit *p = arg;
	json_t *o;

	if (!p->left) {
		p->more = true;
		return 1;
	}
	p->left--;
	o = json_pack("{s:I, s:I, s:s, s:s, s:o}", "number", (json_int_t)row->number, "at_ms", (json_int_t)row->at_ms, "event",
		row->event, "detail", row->detail, "hash", bk_json_of_hash(row->hash.b));
	return json_array_append_new(p->list, o) ? BK_E_NOMEM : 0;
}

static int audit(struct bk_question *q, struct bk_store_view *v, json_t *a)
{
	struct audit p = {.list = json_array()};
	uint64_t from = 0;
	int err = bk_question_u64(q, "from", &from);

	if (!err)
		err = bk_question_u64(q, "max", &p.left);
	if (p.left > AUDIT_PAGE)
		p.left = AUDIT_PAGE;
	json_object_set_new(a, "entries", p.list);
	if (!err)
		err = bk_store_audit(v, from, add_audit, &p);
	json_object_set_new(a, "more", json_boolean(p.more));
	return err < 0 ? err : 0;
}

void bk_control_audit(struct bk_question *q)
{
	with_view(q, audit);
}

static int last_hash(void *arg, const struct bk_audit_row *row)
{
	*(bk_hash *)arg = row->hash;
	return 0;
}

static int audit_verify(struct bk_question *q, struct bk_store_view *v, json_t *a)
{
	uint64_t count = 0, bad = 0;
	bk_hash hash = {{0}};
	int err = bk_store_audit_verify(v, &count, &bad);

	(void)q;
	if (err && err != BK_E_CORRUPT)
		return err;
	if (!err && count)
		err = bk_store_audit(v, count, last_hash, &hash);
	set(a, "count", count);
	set(a, "bad", bad);
	json_object_set_new(a, "hash", bk_json_of_hash(hash.b));
	return 0;
}

void bk_control_audit_verify(struct bk_question *q)
{
	with_view(q, audit_verify);
}
