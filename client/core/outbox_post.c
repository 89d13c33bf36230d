/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rows: made from a post, kept in the store and in memory by class and age, repeated on request, removed. */
#include "outbox.h"

#include <sodium.h>
#include <stdlib.h>

#include "content.h"
#include "engine.h"
#include "pin.h"

#define OUT_ALARM_ROOM 100u /* alarms beyond BK_OUT_MAX */
#define OUT_REPEATS_MAX 8u  /* of one message, while its content is kept */

/* ---- rows in the store ---- */

static void json_ids(json_t *row, const char *key, const bk_id *ids, size_t n)
{
	json_t *array = bk_json_array();

	for (size_t i = 0; i < n; i++)
		bk_json_push_id(array, ids[i]);
	bk_json_put(row, key, array);
}

void bk_outbox_save(struct bk_core *core, const struct bk_out *o)
{
	json_t *row = bk_json_object();

	bk_json_id(row, "logical", o->logical);
	bk_json_int(row, "state", (uint64_t)o->state);
	bk_json_int(row, "class", (uint64_t)o->class);
	bk_json_int(row, "regime", (uint64_t)o->regime);
	bk_json_int(row, "kind", (uint64_t)o->kind);
	bk_json_int(row, "order", o->order);
	bk_json_int(row, "created_ms", o->created_ms);
	bk_json_ms(row, "read_ms", o->read_ms);
	bk_json_bool(row, "topup", o->topup);
	json_ids(row, "circles", o->circles, o->n_circles);
	json_ids(row, "files", o->files, o->n_files);
	bk_db_put_json(&core->db, bk_key_id("out/", o->id), row);
	json_decref(row);
}

static struct bk_out *row_read(const struct bk_row *raw)
{
	json_t *row = bk_json_row(raw->value, raw->len);
	struct bk_out *o = row ? calloc(1, sizeof(*o)) : NULL;

	if (o) {
		o->id = bk_row_id(raw, 4); /* after "out/" */
		o->logical = bk_json_get_id(row, "logical");
		o->state = (enum bk_out_state)bk_json_get_int(row, "state");
		o->class = (Baken__Class)bk_json_get_int(row, "class");
		o->regime = (Baken__Regime)bk_json_get_int(row, "regime");
		o->kind = (enum bk_content_kind)bk_json_get_int(row, "kind");
		o->order = bk_json_get_int(row, "order");
		o->created_ms = bk_json_get_int(row, "created_ms");
		o->read_ms = bk_json_get_int(row, "read_ms");
		o->topup = bk_json_get_bool(row, "topup");
		o->n_circles = bk_json_get_ids(row, "circles", o->circles, BK_TARGETS_MAX);
		o->n_files = bk_json_get_ids(row, "files", o->files, BK_FILES_MAX);
	}
	json_decref(row);
	return o;
}

/* ---- rows in memory ---- */

static bool before(const struct bk_out *a, const struct bk_out *b)
{
	return a->class != b->class ? a->class < b->class : a->order < b->order;
}

static int insert(struct bk_outbox *x, struct bk_out *o)
{
	size_t at = x->n;

	if (x->n == x->room) {
		size_t room = x->room ? x->room * 2 : 32;
		struct bk_out **rows = realloc(x->rows, room * sizeof(*rows));

		if (!rows)
			return BK_E_NOMEM;
		x->rows = rows;
		x->room = room;
	}
	while (at > 0 && before(o, x->rows[at - 1]))
		at--;
	memmove(&x->rows[at + 1], &x->rows[at], (x->n - at) * sizeof(*x->rows));
	x->rows[at] = o;
	x->n++;
	return 0;
}

void bk_outbox_unload(struct bk_core *core)
{
	for (size_t i = 0; i < core->outbox.n; i++)
		free(core->outbox.rows[i]);
	free(core->outbox.rows);
	memset(&core->outbox, 0, sizeof(core->outbox));
}

/* After a command that was undone the requests on the wire are still open. */
static void relink(struct bk_core *core)
{
	for (size_t i = 0; i < core->link.n_requests; i++) {
		const struct bk_request *r = &core->link.requests[i];
		struct bk_out *o = r->kind == BK_REQ_SUBMIT ? bk_outbox_find(core, r->id) : NULL;

		if (!o || o->request)
			continue;
		o->request = r->number;
		core->outbox.in_flight++;
	}
}

int bk_outbox_load(struct bk_core *core)
{
	struct bk_rows rows;
	int err = 0;

	bk_outbox_unload(core);
	err = bk_db_rows(&core->db, bk_key("out/"), 0, &rows);
	if (err)
		return err;
	for (size_t i = 0; i < rows.n && !err; i++) {
		struct bk_out *o = row_read(&rows.v[i]);

		err = o ? insert(&core->outbox, o) : BK_E_CORRUPT;
		if (err)
			free(o);
	}
	bk_rows_free(&rows);
	if (err)
		bk_outbox_unload(core);
	else
		relink(core);
	return err;
}

struct bk_out *bk_outbox_find(struct bk_core *core, bk_id id)
{
	for (size_t i = 0; i < core->outbox.n; i++)
		if (bk_id_equal(core->outbox.rows[i]->id, id))
			return core->outbox.rows[i];
	return NULL;
}

void bk_outbox_remove(struct bk_core *core, struct bk_out *o)
{
	struct bk_outbox *x = &core->outbox;

	bk_prepare_forget(core, o);
	bk_db_del(&core->db, bk_key_id("outenv/", o->id));
	bk_db_del(&core->db, bk_key_id("outsecret/", o->id));
	bk_db_del(&core->db, bk_key_id("out/", o->id));
	for (size_t i = 0; i < x->n; i++) {
		if (x->rows[i] != o)
			continue;
		memmove(&x->rows[i], &x->rows[i + 1], (x->n - i - 1) * sizeof(*x->rows));
		x->n--;
		break;
	}
	if (o->request && x->in_flight)
		x->in_flight--;
	free(o);
}

size_t bk_outbox_waiting(const struct bk_core *core)
{
	size_t n = 0;

	for (size_t i = 0; i < core->outbox.n; i++)
		n += core->outbox.rows[i]->state < BK_OUT_STORED && !bk_outbox_plumbing(core->outbox.rows[i]->kind);
	return n;
}

/* ---- posting ---- */

static bool has_circle(const struct bk_post *p, bk_id circle)
{
	for (size_t i = 0; i < p->n_circles; i++)
		if (bk_id_equal(p->circles[i], circle))
			return true;
	return false;
}

/* A role that may not write to its own circle keeps no copies there. */
static void add_copy(struct bk_core *core, struct bk_post *p)
{
	Baken__CircleKind own = bk_rosters_kind(core, core->self.circle);

	if (p->copy && p->n_circles < BK_TARGETS_MAX && !has_circle(p, core->self.circle) &&
		bk_roles_may_send(core->self.role, own, p->regime, p->kind))
		p->circles[p->n_circles++] = core->self.circle;
}

static int check_circles(struct bk_core *core, const struct bk_post *p)
{
	if (!p->n_circles || p->n_circles > BK_TARGETS_MAX || p->n_files > BK_FILES_MAX)
		return BK_E_INVAL;
	for (size_t i = 0; i < p->n_circles; i++) {
		Baken__CircleKind kind = bk_rosters_kind(core, p->circles[i]);

		if (kind == BAKEN__CIRCLE_KIND__CIRCLE_NONE)
			return BK_E_NOT_FOUND;
		if (!bk_roles_may_send(core->self.role, kind, p->regime, p->kind))
			return BK_E_ROLE;
	}
	return 0;
}

/* Bounded (M7): read rows give way to new ones; what is still to be read does not. */
static int make_room(struct bk_core *core, Baken__Class class)
{
	size_t max = BK_OUT_MAX + (class == BAKEN__CLASS__CLASS_ALARM ? OUT_ALARM_ROOM : 0);
	struct bk_out *oldest = NULL;

	if (core->outbox.n < max)
		return 0;
	for (size_t i = 0; i < core->outbox.n; i++) {
		struct bk_out *o = core->outbox.rows[i];

		if (o->state == BK_OUT_DECRYPTED && !o->topup && (!oldest || o->read_ms < oldest->read_ms))
			oldest = o;
	}
	if (!oldest)
		return BK_E_FULL;
	bk_outbox_remove(core, oldest);
	return 0;
}

/* What is filled in here borrows from p and core, so that the caller can still read the content. */
static uint8_t states[2] = { 0, 1 }; /* Content.state: calm, under duress */

static void fill(struct bk_core *core, struct bk_post *p)
{
	Baken__Content *c = p->content;

	c->message_id = bk_bytes(p->id.b, BK_ID_BYTES);
	c->sender_device = bk_bytes(core->self.device.b, BK_ID_BYTES);
	c->sender_circle = bk_bytes(core->self.circle.b, BK_ID_BYTES);
	c->sender_name = core->self.name;
	if (bk_pin_duress(core) || !c->state.len) /* a repeat keeps what it said */
		c->state = bk_bytes(&states[bk_pin_duress(core)], 1);
	if (c->repeats.len)
		return; /* a repeat says when its original was written, and where it belongs */
	c->written_ms = core->now;
	if (!bk_id_is_zero(p->conversation) && !bk_id_equal(p->conversation, p->id))
		c->conversation = bk_bytes(p->conversation.b, BK_ID_BYTES);
}

static struct bk_out *row_new(struct bk_core *core, const struct bk_post *p, bk_id logical)
{
	struct bk_out *o = calloc(1, sizeof(*o));

	if (!o)
		return NULL;
	o->id = p->id;
	o->logical = logical;
	o->state = p->n_files ? BK_OUT_UPLOADING : BK_OUT_QUEUED;
	o->class = p->class;
	o->regime = p->regime;
	o->kind = p->kind;
	o->order = ++core->self.order;
	o->created_ms = core->now;
	memcpy(o->circles, p->circles, sizeof(o->circles));
	o->n_circles = p->n_circles;
	memcpy(o->files, p->files, sizeof(o->files));
	o->n_files = p->n_files;
	return o;
}

static int keep(struct bk_core *core, const struct bk_post *p, bk_id logical, const uint8_t *envelope,
	size_t len)
{
	struct bk_out *o = row_new(core, p, logical);
	int err = o ? insert(&core->outbox, o) : BK_E_NOMEM;

	if (err) {
		free(o);
		bk_db_fail(&core->db, err);
		return err;
	}
	bk_outbox_save(core, o);
	bk_db_put(&core->db, bk_key_id("outenv/", o->id), envelope, len);
	bk_self_keep(core);
	bk_mark(core, p->kind, BK_MARK_QUEUED);
	return core->db.err;
}

static int post(struct bk_core *core, struct bk_post *p, const bk_id *repeats)
{
	uint8_t *envelope = NULL;
	size_t len = 0;
	int err = 0;

	if (!bk_self_enrolled(&core->self))
		return BK_E_STATE;
	add_copy(core, p);
	err = check_circles(core, p);
	if (!err)
		err = make_room(core, p->class);
	if (err)
		return err;
	if (bk_id_is_zero(p->id))
		p->id = bk_id_random();
	fill(core, p);
	err = bk_pack_seal(core, p->content, p->regime, &envelope, &len);
	if (err)
		return err;
	err = keep(core, p, repeats ? *repeats : p->id, envelope, len);
	sodium_memzero(envelope, len);
	free(envelope);
	if (!err)
		bk_keyring_posted(core, p);
	return err;
}

int bk_outbox_seal(struct bk_core *core, struct bk_post *p, uint8_t **ret_envelope, size_t *ret_len)
{
	fill(core, p);
	return bk_pack_seal(core, p->content, p->regime, ret_envelope, ret_len);
}

int bk_outbox_post(struct bk_core *core, struct bk_post *p)
{
	return post(core, p, NULL);
}

/* ---- repeating ---- */

static struct bk_out *find_logical(struct bk_core *core, bk_id logical)
{
	struct bk_out *o = bk_outbox_find(core, logical);

	for (size_t i = 0; !o && i < core->outbox.n; i++)
		if (bk_id_equal(core->outbox.rows[i]->logical, logical))
			o = core->outbox.rows[i];
	return o;
}

static bool addressed(const struct bk_out *o, bk_id circle)
{
	for (size_t i = 0; i < o->n_circles; i++)
		if (bk_id_equal(o->circles[i], circle))
			return true;
	return false;
}

/* One repeat on its way is enough, and there is an end to it. */
static int may_repeat(struct bk_core *core, const struct bk_out *o, bk_id circle, bool *ret_underway)
{
	size_t n = 0;

	*ret_underway = false;
	for (size_t i = 0; i < core->outbox.n; i++) {
		const struct bk_out *r = core->outbox.rows[i];

		if (!bk_id_equal(r->logical, o->logical) || bk_id_equal(r->id, r->logical))
			continue;
		n++;
		if (r->state < BK_OUT_STORED && (bk_id_is_zero(circle) || addressed(r, circle)))
			*ret_underway = true;
	}
	return n < OUT_REPEATS_MAX ? 0 : BK_E_RATE;
}

static int post_repeat(struct bk_core *core, const struct bk_out *o, bk_id circle, Baken__Content *content)
{
	struct bk_post p = { .content = content, .kind = o->kind, .class = o->class, .regime = o->regime };
	bk_id logical = o->logical;

	memcpy(p.circles, o->circles, sizeof(p.circles));
	p.n_circles = o->n_circles;
	if (!bk_id_is_zero(circle)) {
		p.circles[0] = circle;
		p.n_circles = 1;
	}
	content->repeats = bk_bytes(logical.b, BK_ID_BYTES);
	return post(core, &p, &logical);
}

static int again(struct bk_core *core, const struct bk_out *o, bk_id circle)
{
	struct bk_arena *arena = bk_arena_new();
	Baken__Content *content = NULL;
	uint8_t *envelope = NULL;
	size_t len = 0;
	int err = arena ? bk_db_get(&core->db, bk_key_id("outenv/", o->id), &envelope, &len) : BK_E_NOMEM;

	if (!err)
		err = bk_content_decode(arena, o->regime, bk_signal_identity(core->signal), envelope, len, &content);
	if (!err)
		err = post_repeat(core, o, circle, content);
	if (envelope)
		sodium_memzero(envelope, len);
	free(envelope);
	bk_arena_free(arena);
	return err;
}

int bk_outbox_repeat(struct bk_core *core, bk_id logical, bk_id circle)
{
	struct bk_out *o = find_logical(core, logical);
	bool underway = false;
	int err = 0;

	if (!o || (!bk_id_is_zero(circle) && !addressed(o, circle)))
		return BK_E_NOT_FOUND;
	if (o->state == BK_OUT_REFUSED) {
		bk_prepare_discard(core, o);
		o->state = o->n_files ? BK_OUT_UPLOADING : BK_OUT_QUEUED;
		o->told = false;
		o->read_ms = 0;
		o->retry_ms = 0;
		o->attempts = 0;
		bk_outbox_save(core, o);
		return core->db.err;
	}
	if (o->state < BK_OUT_STORED) {
		o->retry_ms = 0; /* on its way: it will be the first that they read */
		return 0;
	}
	err = may_repeat(core, o, circle, &underway);
	return err || underway ? err : again(core, o, circle);
}
