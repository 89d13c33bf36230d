/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rosters: the signed list is the truth, the rows of circles, devices and relations are derived from it. */
#include "roster.h"

#include <sodium.h>
#include <stdlib.h>

#include "err.h"
#include "store_in.h"

/* What was verified before is read again with its own dates: today's clock must not unmake it. */
#define LONG_AGO_ENOUGH (UINT64_MAX / 2)

static int circle_of(const Baken__Signed *m, bk_id *ret_circle)
{
	Baken__Roster *r = baken__roster__unpack(NULL, m->payload.len, m->payload.data);
	int err;

	if (!r)
		return BK_E_INVAL;
	err = bk_id_from(r->circle_id.data, r->circle_id.len, ret_circle);
	baken__roster__free_unpacked(r, NULL);
	return err;
}

static int load_known(struct bk_txn *t, bk_id circle, const uint8_t *root, struct bk_roster **ret_roster)
{
	struct bk_row_circle row;
	struct bk_bytes stored;
	uint8_t key[BK_KEY_ROSTER];
	Baken__Signed *m;
	int err = bk_rows_get_circle(t, circle.b, sizeof circle.b, &row);

	if (err)
		return err;
	bk_store_key_roster(key, circle, row.out.version);
	err = bk_env_get(t, BK_T_ROSTER, key, sizeof key, &stored);
	if (err)
		return err == BK_E_NOT_FOUND ? BK_E_CORRUPT : err;
	m = baken__signed__unpack(NULL, stored.len, stored.data);
	if (!m)
		return BK_E_CORRUPT;
	err = bk_roster_verify(m, root, NULL, LONG_AGO_ENOUGH, ret_roster);
	baken__signed__free_unpacked(m, NULL);
	return err == BK_E_NOMEM || !err ? err : BK_E_CORRUPT;
}

/* A device belongs to one circle for ever, with one key: another roster cannot take it over. */
static int check_devices(struct bk_txn *t, const struct bk_roster *r)
{
	for (size_t i = 0; i < r->n_entries; i++) {
		const struct bk_device_cert *c = &r->entries[i].cert;
		struct bk_row_device row;
		int err;

		memset(&row, 0, sizeof row);
		err = bk_rows_get_device(t, c->device.b, BK_ID_BYTES, &row);
		if (err == BK_E_NOT_FOUND)
			continue;
		if (err)
			return err;
		if (!bk_id_equal(row.out.circle, r->circle) ||
			sodium_memcmp(row.out.identity, c->identity, BK_KEY_BYTES) != 0)
			return BK_E_CHAIN;
	}
	return 0;
}

static int check_bound(const struct bk_store *s, struct bk_txn *t)
{
	uint64_t rows = 0;
	int err = s->plan.before ? 0 : bk_env_count(t, BK_T_CIRCLE, &rows);

	return err || rows < s->bounds.circles ? err : BK_E_FULL;
}

int bk_store_check_roster(struct bk_store *s, struct bk_txn *t, struct bk_op *op)
{
	struct bk_bytes trust, in = op->roster.signed_roster;
	Baken__Signed *m = NULL;
	bk_id circle;
	int err = bk_env_get(t, BK_T_META, "trust", 5, &trust);

	if (err)
		return err == BK_E_NOT_FOUND ? BK_E_STATE : err;
	if (trust.len < BK_KEY_BYTES)
		return BK_E_CORRUPT;
	m = baken__signed__unpack(NULL, in.len, in.data);
	if (!m)
		return BK_E_INVAL;
	err = circle_of(m, &circle);
	if (!err)
		err = load_known(t, circle, trust.data, &s->plan.before);
	if (err == BK_E_NOT_FOUND)
		err = 0;
	if (!err)
		err = bk_roster_verify(m, trust.data, s->plan.before, op->now, &s->plan.roster);
	baken__signed__free_unpacked(m, NULL);
	if (!err)
		err = check_devices(t, s->plan.roster);
	return err ? err : check_bound(s, t);
}

/* ---- writing ---- */

static int put_assigned(struct bk_txn *t, bk_id staff, bk_id circle, bool on)
{
	uint8_t key[BK_KEY_PAIR];

	if (bk_id_is_zero(staff))
		return 0;
	bk_store_key_pair(key, staff, circle);
	return on ? bk_env_put(t, BK_T_ASSIGNED, key, sizeof key, "", 0) : bk_store_del(t, BK_T_ASSIGNED, key, sizeof key);
}

static int write_relations(struct bk_txn *t, const struct bk_roster *r, const struct bk_roster *before)
{
	int err = 0;

	if (before) {
		err = put_assigned(t, before->desk, r->circle, false);
		if (!err)
			err = put_assigned(t, before->care, r->circle, false);
	}
	if (!err)
		err = put_assigned(t, r->desk, r->circle, true);
	return err ? err : put_assigned(t, r->care, r->circle, true);
}

static int write_circle(const struct bk_store *s, struct bk_txn *t, const struct bk_roster *r, struct bk_bytes signed_roster)
{
	struct bk_row_circle row;
	uint8_t key[BK_KEY_ROSTER];
	int err;

	memset(&row, 0, sizeof row);
	row.out.kind = r->kind;
	row.out.version = r->version;
	row.out.hash = r->hash;
	row.out.desk = r->desk;
	row.out.care = r->care;
	row.out.fallback = r->fallback;
	row.out.hard_expires_ms = r->hard_expires_ms;
	row.n_household = (uint8_t)r->n_household;
	memcpy(row.household, r->household, r->n_household * sizeof r->household[0]);
	err = bk_rows_put_circle(t, r->circle.b, BK_ID_BYTES, &row);
	bk_store_key_roster(key, r->circle, r->version);
	if (!err)
		err = bk_env_put(t, BK_T_ROSTER, key, sizeof key, signed_roster.data, signed_roster.len);
	if (err || r->version <= s->bounds.rosters)
		return err;
	bk_store_key_roster(key, r->circle, r->version - s->bounds.rosters);
	return bk_store_del(t, BK_T_ROSTER, key, sizeof key);
}

static int write_device(struct bk_txn *t, const struct bk_roster *r, const struct bk_roster_entry *e)
{
	struct bk_row_device row;
	struct bk_row_account account;
	uint8_t key[BK_KEY_PAIR];
	int err;

	memset(&row, 0, sizeof row);
	row.out.account = e->cert.account;
	row.out.circle = r->circle;
	row.out.role = e->cert.role;
	row.out.circle_kind = r->kind;
	row.out.status = e->status;
	memcpy(row.out.identity, e->cert.identity, BK_KEY_BYTES);
	row.out.registration = e->cert.registration;
	row.out.browser = e->cert.browser;
	row.out.not_before_ms = e->cert.not_before_ms;
	row.out.not_after_ms = e->cert.not_after_ms;
	err = bk_rows_put_device(t, e->cert.device.b, BK_ID_BYTES, &row);
	bk_store_key_pair(key, r->circle, e->cert.device);
	if (!err)
		err = bk_env_put(t, BK_T_MEMBER, key, sizeof key, "", 0);
	account.circle = r->circle;
	account.role = (uint8_t)e->cert.role;
	return err ? err : bk_rows_put_account(t, e->cert.account.b, BK_ID_BYTES, &account);
}

static int drop_claims(struct bk_txn *t, bk_id device)
{
	uint8_t tag[BK_HASH_BYTES];
	struct bk_env_cursor c;
	int err;

	for (;;) {
		struct bk_row_claim row;
		bool found = false;

		err = bk_env_cursor_open(t, BK_T_CLAIM, &c);
		for (err = err ? err : bk_env_seek(&c, NULL, 0); !err && !found; err = found ? 0 : bk_env_next(&c)) {
			err = bk_rows_decode_claim(c.value, &row);
			if (err || c.key.len != sizeof tag)
				break;
			found = bk_id_equal(row.device, device);
			if (found)
				memcpy(tag, c.key.data, sizeof tag);
		}
		bk_env_cursor_close(&c);
		if (!found)
			return err == BK_E_NOT_FOUND ? 0 : err;
		err = bk_env_del(t, BK_T_CLAIM, tag, sizeof tag);
		if (err)
			return err;
	}
}

/* All that lets a device in or lies there for it, in the transaction that says it is out. Its numbers stay. */
static int cut_off(struct bk_store *s, struct bk_txn *t, bk_id device)
{
	struct bk_row_state state;
	int err = bk_store_state(t, device, &state);

	if (!err)
		err = bk_store_drop_queue(s, t, device, &state);
	if (!err)
		err = bk_store_drop_prekeys(t, device);
	if (!err && !bk_id_is_zero(state.session))
		err = bk_store_drop_session(t, state.session);
	if (!err)
		err = bk_store_drop_uploads(t, device);
	if (!err)
		err = bk_store_drop_push(t, device);
	if (!err)
		err = drop_claims(t, device);
	memset(&state.session, 0, sizeof state.session);
	state.on_duty = false;
	state.refused = false;
	return err ? err : bk_rows_put_state(t, device.b, sizeof device.b, &state);
}

static int revoke(struct bk_store *s, struct bk_txn *t, struct bk_op *op, bk_id device)
{
	if (!op->roster.revoked)
		op->roster.revoked = calloc(s->plan.roster->n_entries, sizeof *op->roster.revoked);
	if (!op->roster.revoked)
		return BK_E_NOMEM;
	op->roster.revoked[op->roster.n_revoked++] = device;
	return cut_off(s, t, device);
}

int bk_store_write_roster(struct bk_store *s, struct bk_txn *t, struct bk_op *op)
{
	const struct bk_roster *r = s->plan.roster, *before = s->plan.before;
	int err;

	if (before && before->version == r->version)
		return 0; /* the same, byte for byte: verify compared the hashes */
	err = write_circle(s, t, r, op->roster.signed_roster);
	if (!err)
		err = write_relations(t, r, before);
	for (size_t i = 0; !err && i < r->n_entries; i++) {
		const struct bk_roster_entry *e = &r->entries[i];
		const struct bk_roster_entry *old = before ? bk_roster_find(before, e->cert.device) : NULL;

		err = write_device(t, r, e);
		if (!err && e->status == BAKEN__DEVICE_STATUS__DEVICE_REVOKED && old && old->status != e->status)
			err = revoke(s, t, op, e->cert.device);
	}
	return err;
}

/* ---- trust ---- */

int bk_store_check_trust(struct bk_store *s, struct bk_txn *t, struct bk_op *op)
{
	struct bk_bytes stored;
	int err = bk_env_get(t, BK_T_META, "trust", 5, &stored);

	(void)s;
	if (op->trust.server_cert.len > BK_ROWS_BLOB_MAX)
		return BK_E_TOO_BIG;
	if (err == BK_E_NOT_FOUND)
		return 0;
	if (err || stored.len < BK_KEY_BYTES)
		return err ? err : BK_E_CORRUPT;
	return memcmp(stored.data, op->trust.root_key, BK_KEY_BYTES) == 0 ? 0 : BK_E_EXISTS;
}

int bk_store_write_trust(struct bk_store *s, struct bk_txn *t, struct bk_op *op)
{
	uint8_t buf[BK_KEY_BYTES + BK_ROWS_BLOB_MAX];

	(void)s;
	memcpy(buf, op->trust.root_key, BK_KEY_BYTES);
	if (op->trust.server_cert.len)
		memcpy(buf + BK_KEY_BYTES, op->trust.server_cert.data, op->trust.server_cert.len);
	return bk_env_put(t, BK_T_META, "trust", 5, buf, BK_KEY_BYTES + op->trust.server_cert.len);
}
