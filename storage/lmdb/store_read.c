/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Views: everything a reader may ask, from one consistent snapshot. */
#include <sodium.h>
#include <stdlib.h>

#include "bytes.h"
#include "err.h"
#include "store_in.h"

int bk_store_view_begin(struct bk_store *s, struct bk_store_view **ret_view)
{
	struct bk_store_view *v = malloc(sizeof *v);
	int err;

	if (!v)
		return BK_E_NOMEM;
	v->store = s;
	err = bk_env_begin(s->env, false, &v->txn);
	if (err)
		free(v);
	else
		*ret_view = v;
	return err;
}

void bk_store_view_end(struct bk_store_view *v)
{
	if (!v)
		return;
	bk_env_abort(v->txn);
	free(v);
}

static bk_id id_at(const uint8_t *key)
{
	bk_id id;

	memcpy(id.b, key, sizeof id.b);
	return id;
}

/* ---- people and lists ---- */

int bk_store_device(struct bk_store_view *v, bk_id device, struct bk_device_row *ret_row)
{
	struct bk_row_device row;
	struct bk_row_state state;
	int err;

	memset(&row, 0, sizeof row);
	err = bk_rows_get_device(v->txn, device.b, sizeof device.b, &row);
	if (!err)
		err = bk_store_state(v->txn, device, &state);
	if (err)
		return err;
	row.out.device = device;
	row.out.on_duty = state.on_duty;
	row.out.queued = state.queued;
	row.out.queued_bytes = state.queued_bytes;
	row.out.seen_ms = state.seen_ms;
	*ret_row = row.out;
	return 0;
}

int bk_store_circle(struct bk_store_view *v, bk_id circle, struct bk_circle_row *ret_row)
{
	struct bk_row_circle row;
	int err = bk_rows_get_circle(v->txn, circle.b, sizeof circle.b, &row);

	if (err)
		return err;
	*ret_row = row.out;
	ret_row->circle = circle;
	return 0;
}

int bk_store_roster(struct bk_store_view *v, bk_id circle, uint64_t version, struct bk_bytes *ret_signed)
{
	struct bk_circle_row row;
	uint8_t key[BK_KEY_ROSTER];
	int err = version ? 0 : bk_store_circle(v, circle, &row);

	if (err)
		return err;
	bk_store_key_roster(key, circle, version ? version : row.version);
	return bk_env_get(v->txn, BK_T_ROSTER, key, sizeof key, ret_signed);
}

/* Second halves of the pairs of a table whose first half is `first`, those after `after`. */
static int each_pair(struct bk_store_view *v, enum bk_table table, bk_id first, bk_id after,
	int (*visit)(struct bk_store_view *v, bk_id second, void *arg), void *arg)
{
	uint8_t key[BK_KEY_PAIR];
	struct bk_env_cursor c;
	int err = bk_env_cursor_open(v->txn, table, &c);
	int said = 0;

	bk_store_key_pair(key, first, after);
	for (err = err ? err : bk_env_seek(&c, key, sizeof key); !err && !said; err = bk_env_next(&c)) {
		if (!bk_env_has_prefix(&c, first.b, sizeof first.b))
			break;
		if (c.key.len != sizeof key) {
			err = BK_E_CORRUPT;
			break;
		}
		if (memcmp(c.key.data, key, sizeof key) != 0)
			said = visit(v, id_at(c.key.data + BK_ID_BYTES), arg);
		if (said)
			break;
	}
	bk_env_cursor_close(&c);
	return said || err == BK_E_NOT_FOUND ? said : err;
}

struct devices {
	int (*visit)(void *arg, const struct bk_device_row *row);
	void *arg;
};

static int visit_device(struct bk_store_view *v, bk_id device, void *arg)
{
	const struct devices *d = arg;
	struct bk_device_row row;
	int err = bk_store_device(v, device, &row);

	return err ? err : d->visit(d->arg, &row);
}

int bk_store_devices(struct bk_store_view *v, bk_id circle, int (*visit)(void *arg, const struct bk_device_row *row),
	void *arg)
{
	static const bk_id zero;
	struct devices d = {visit, arg};

	return each_pair(v, BK_T_MEMBER, circle, zero, visit_device, &d);
}

int bk_store_household(struct bk_store_view *v, bk_id circle, bk_id *out, size_t max, size_t *ret_n)
{
	struct bk_row_circle row;
	int err = bk_rows_get_circle(v->txn, circle.b, sizeof circle.b, &row);

	if (err)
		return err;
	if (row.n_household > max)
		return BK_E_TOO_BIG;
	memcpy(out, row.household, row.n_household * sizeof row.household[0]);
	*ret_n = row.n_household;
	return 0;
}

struct circles {
	int (*visit)(void *arg, const struct bk_circle_row *row);
	void *arg;
};

static int visit_circle(struct bk_store_view *v, bk_id circle, void *arg)
{
	const struct circles *x = arg;
	struct bk_circle_row row;
	int err = bk_store_circle(v, circle, &row);

	return err ? err : x->visit(x->arg, &row);
}

int bk_store_assigned(struct bk_store_view *v, bk_id staff_circle, bk_id after,
	int (*visit)(void *arg, const struct bk_circle_row *row), void *arg)
{
	struct circles x = {visit, arg};

	return each_pair(v, BK_T_ASSIGNED, staff_circle, after, visit_circle, &x);
}

int bk_store_circles(struct bk_store_view *v, int (*visit)(void *arg, const struct bk_circle_row *row), void *arg)
{
	struct bk_env_cursor c;
	int said = 0, err = bk_env_cursor_open(v->txn, BK_T_CIRCLE, &c);

	if (err)
		return err;
	for (err = bk_env_seek(&c, NULL, 0); !err && !said; err = bk_env_next(&c)) {
		struct bk_circle_row row;

		err = c.key.len == BK_ID_BYTES ? bk_store_circle(v, id_at(c.key.data), &row) : BK_E_CORRUPT;
		if (!err)
			said = visit(arg, &row);
		if (err || said)
			break;
	}
	bk_env_cursor_close(&c);
	if (said)
		return said;
	return err == BK_E_NOT_FOUND ? 0 : err;
}

/* ---- deliveries ---- */

static int fill_delivery(struct bk_store_view *v, const struct bk_env_cursor *c, struct bk_delivery_row *out)
{
	struct bk_row_outbox place;
	struct bk_row_letter row;
	uint8_t key[8];
	int err = c->key.len == BK_KEY_OUTBOX ? bk_rows_decode_outbox(c->value, &place) : BK_E_CORRUPT;

	if (!err)
		err = bk_store_letter(v->txn, &place, &row);
	if (err)
		return err;
	out->seq = bk_store_number_of(c->key.data + BK_ID_BYTES + 1);
	out->class = (Baken__Class)(out->seq & 7);
	out->message = row.message;
	out->capsule = row.capsule;
	out->body_hash = row.body_hash;
	out->stored_ms = row.stored_ms;
	out->attempts = row.attempts;
	bk_store_key_number(key, row.body);
	err = bk_env_get(v->txn, BK_T_BODY, key, sizeof key, &out->body);
	return err == BK_E_NOT_FOUND ? BK_E_CORRUPT : err;
}

/* Damaged rows are passed over: the head of a queue must not hold up what follows (M16). */
int bk_store_deliveries(struct bk_store_view *v, bk_id device, struct bk_delivery_pos *after, size_t max,
	int (*visit)(void *arg, const struct bk_delivery_row *row), void *arg)
{
	uint8_t key[BK_KEY_OUTBOX];
	struct bk_env_cursor c;
	size_t n = 0;
	int err = bk_env_cursor_open(v->txn, BK_T_OUTBOX, &c);
	int said = 0, damage = 0;

	memcpy(key, device.b, sizeof device.b);
	key[BK_ID_BYTES] = (uint8_t)after->class;
	bk_store_key_number(key + BK_ID_BYTES + 1, after->seq);
	for (err = err ? err : bk_env_seek(&c, key, sizeof key); !err && n < max; err = bk_env_next(&c)) {
		struct bk_delivery_row row;

		if (!bk_env_has_prefix(&c, device.b, sizeof device.b))
			break;
		if (c.key.len == sizeof key && memcmp(c.key.data, key, sizeof key) == 0)
			continue;
		err = fill_delivery(v, &c, &row);
		if (err == BK_E_CORRUPT) {
			damage = err;
			continue;
		}
		said = err ? 0 : visit(arg, &row);
		if (err || said)
			break;
		after->class = row.class;
		after->seq = row.seq;
		n++;
	}
	bk_env_cursor_close(&c);
	if (err == BK_E_NOT_FOUND)
		err = 0;
	return said ? said : err ? err : damage;
}

static bool is_for(const struct bk_row_named *named, bk_id desk)
{
	for (size_t i = 0; i < BK_BODY_DESKS_MAX; i++)
		if (bk_id_equal(named->desks[i], desk))
			return !bk_id_is_zero(desk);
	return false;
}

int bk_store_body(struct bk_store_view *v, bk_hash hash, bk_id desk, struct bk_bytes *ret_body, bk_ms *ret_stored_ms)
{
	struct bk_row_named named;
	struct bk_row_refs refs;
	uint8_t key[8];
	int err = bk_rows_get_named(v->txn, hash.b, sizeof hash.b, &named);

	if (!err && !is_for(&named, desk))
		err = BK_E_NOT_FOUND; /* another's: as if it were not there (R9) */
	if (err)
		return err;
	bk_store_key_number(key, named.body);
	err = bk_rows_get_refs(v->txn, key, sizeof key, &refs);
	if (!err)
		err = bk_env_get(v->txn, BK_T_BODY, key, sizeof key, ret_body);
	if (!err)
		*ret_stored_ms = refs.stored_ms;
	return err == BK_E_NOT_FOUND ? BK_E_CORRUPT : err;
}

/* ---- keys, sessions, invitations, files ---- */

int bk_store_prekeys_state(struct bk_store_view *v, bk_id device, uint32_t *ret_left, uint32_t *ret_signed_id,
	bk_hash *ret_digest)
{
	uint8_t buf[4 + BK_KEY_BYTES];
	struct bk_writer w = bk_writer_of(buf, sizeof buf);
	struct bk_row_prekeys row;
	int err = bk_rows_get_prekeys(v->txn, device.b, sizeof device.b, &row);

	if (err)
		return err;
	/* As PrekeysState.digest is defined: the device compares it with its own. */
	bk_write_u32(&w, row.signed_id);
	bk_write_bytes(&w, row.signed_key, sizeof row.signed_key);
	*ret_left = row.left;
	*ret_signed_id = row.signed_id;
	*ret_digest = bk_hash_of(buf, sizeof buf);
	return 0;
}

int bk_store_ticket(struct bk_store_view *v, bk_hash ticket, struct bk_session_row *ret_row)
{
	struct bk_row_ticket row;
	struct bk_row_session session;
	int err = bk_rows_get_ticket(v->txn, ticket.b, sizeof ticket.b, &row);

	if (!err)
		err = bk_rows_get_session(v->txn, row.session.b, sizeof row.session.b, &session);
	if (err)
		return err;
	ret_row->session = row.session;
	ret_row->device = session.device;
	ret_row->expires_ms = session.expires_ms;
	ret_row->seen_ms = session.seen_ms;
	return 0;
}

int bk_store_invite(struct bk_store_view *v, bk_id invite, struct bk_invite_row *ret_row)
{
	struct bk_row_invite row;
	int err = bk_rows_get_invite(v->txn, invite.b, sizeof invite.b, &row);

	if (err)
		return err;
	*ret_row = row.out;
	ret_row->invite = invite;
	return 0;
}

int bk_store_invites(struct bk_store_view *v, int (*visit)(void *arg, const struct bk_invite_row *row), void *arg)
{
	struct bk_env_cursor c;
	int err = bk_env_cursor_open(v->txn, BK_T_INVITE, &c);
	int said = 0;

	for (err = err ? err : bk_env_seek(&c, NULL, 0); !err; err = bk_env_next(&c)) {
		struct bk_row_invite row;

		err = c.key.len == BK_ID_BYTES ? bk_rows_decode_invite(c.value, &row) : BK_E_CORRUPT;
		if (err)
			break;
		row.out.invite = id_at(c.key.data);
		said = visit(arg, &row.out);
		if (said)
			break;
	}
	bk_env_cursor_close(&c);
	return said || err == BK_E_NOT_FOUND ? said : err;
}

int bk_store_upload(struct bk_store_view *v, bk_id upload, struct bk_file_row *ret_row)
{
	struct bk_row_upload row;
	int err = bk_rows_get_upload(v->txn, upload.b, sizeof upload.b, &row);

	if (err)
		return err;
	ret_row->upload = upload;
	ret_row->device = row.device;
	ret_row->size = row.size;
	ret_row->complete = row.complete;
	ret_row->hash = row.hash;
	ret_row->created_ms = row.created_ms;
	return 0;
}

int bk_store_file(struct bk_store_view *v, bk_hash hash, struct bk_file_row *ret_row)
{
	struct bk_row_file row;
	int err = bk_rows_get_file(v->txn, hash.b, sizeof hash.b, &row);

	if (err)
		return err;
	err = bk_store_upload(v, row.upload, ret_row);
	return err == BK_E_NOT_FOUND ? BK_E_CORRUPT : err;
}

int bk_store_trust(struct bk_store_view *v, uint8_t ret_root[static BK_KEY_BYTES], struct bk_bytes *ret_server_cert)
{
	struct bk_bytes value;
	int err = bk_env_get(v->txn, BK_T_META, "trust", 5, &value);

	if (err || value.len < BK_KEY_BYTES)
		return err ? err : BK_E_CORRUPT;
	memcpy(ret_root, value.data, BK_KEY_BYTES);
	ret_server_cert->data = value.data + BK_KEY_BYTES;
	ret_server_cert->len = value.len - BK_KEY_BYTES;
	return 0;
}

/* ---- numbers ---- */

int bk_store_stats(struct bk_store_view *v, struct bk_store_stats *ret_stats)
{
	struct bk_store_stats n = {0};
	const struct {
		enum bk_table table;
		uint64_t *rows;
	} counts[] = {
		{BK_T_ACCOUNT, &n.accounts}, {BK_T_DEVICE, &n.devices}, {BK_T_CIRCLE, &n.circles},
		{BK_T_OUTBOX, &n.queued}, {BK_T_BODY, &n.bodies}, {BK_T_DEDUPE, &n.dedupe},
		{BK_T_SESSION, &n.sessions}, {BK_T_FILE, &n.files}, {BK_T_INVITE, &n.invites},
		{BK_T_AUDIT, &n.audit}, {BK_T_DEAD, &n.dead_letters}, {BK_T_PREKEY, &n.prekeys},
		{BK_T_LADDER, &n.ladder}, {BK_T_WATCHDUE, &n.timers},
	};
	uint64_t schema = 0, frozen = 0, fresh = 0;
	int err = bk_store_meta_get(v->txn, "queued_bytes", &n.queued_bytes);

	for (size_t i = 0; !err && i < sizeof counts / sizeof counts[0]; i++)
		err = bk_env_count(v->txn, counts[i].table, counts[i].rows);
	if (!err)
		err = bk_env_count(v->txn, BK_T_FRESH, &fresh);
	n.dedupe += fresh; /* those that are going over count twice */
	if (!err)
		err = bk_store_meta_get(v->txn, "schema", &schema);
	if (!err)
		err = bk_store_meta_get(v->txn, "frozen", &frozen);
	if (!err)
		err = bk_env_usage(v->store->env, &n.used_bytes, &n.map_bytes);
	if (err)
		return err;
	n.schema = (uint32_t)schema;
	n.frozen = frozen != 0;
	n.read_only = v->store->o.read_only || v->store->dead || n.used_bytes > n.map_bytes / 10 * 9;
	*ret_stats = n;
	return 0;
}
