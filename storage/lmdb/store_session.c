/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sessions with their tickets, duty, claims, drills. One session a device: a new one displaces the old. */
#include <sodium.h>

#include "err.h"
#include "roles.h"
#include "store_in.h"

int bk_store_drop_session(struct bk_txn *t, bk_id session)
{
	struct bk_row_session row;
	int err = bk_rows_get_session(t, session.b, sizeof session.b, &row);

	if (err)
		return err == BK_E_NOT_FOUND ? 0 : err;
	err = bk_store_del(t, BK_T_TICKET, row.ticket.b, sizeof row.ticket.b);
	return err ? err : bk_env_del(t, BK_T_SESSION, session.b, sizeof session.b);
}

/* A ticket is good once, for its own device, until its end. */
static int check_ticket(struct bk_txn *t, const struct bk_op *op)
{
	struct bk_row_ticket ticket;
	struct bk_row_session old;
	int err = bk_rows_get_ticket(t, op->session.old_ticket.b, BK_HASH_BYTES, &ticket);

	if (!err)
		err = bk_rows_get_session(t, ticket.session.b, BK_ID_BYTES, &old);
	if (err)
		return err == BK_E_NOT_FOUND ? BK_E_LOGIN : err;
	return bk_id_equal(old.device, op->session.device) && op->now < old.expires_ms ? 0 : BK_E_LOGIN;
}

int bk_store_check_session(struct bk_store *s, struct bk_txn *t, struct bk_op *op)
{
	struct bk_row_device device;
	struct bk_row_session same;
	int err = bk_store_live_device(t, op->session.device, &device);

	if (!err && op->session.resume)
		err = check_ticket(t, op);
	if (err)
		return err;
	if (bk_id_is_zero(op->session.session))
		return BK_E_INVAL;
	err = bk_rows_get_session(t, op->session.session.b, BK_ID_BYTES, &same);
	if (err != BK_E_NOT_FOUND)
		return err ? err : BK_E_EXISTS;
	return bk_store_state(t, op->session.device, &s->plan.state);
}

int bk_store_write_session(struct bk_store *s, struct bk_txn *t, struct bk_op *op)
{
	struct bk_row_state *state = &s->plan.state;
	struct bk_row_session row;
	struct bk_row_ticket ticket;
	int err = bk_id_is_zero(state->session) ? 0 : bk_store_drop_session(t, state->session);

	row.device = op->session.device;
	row.ticket = bk_hash_of(op->session.ticket, sizeof op->session.ticket);
	row.expires_ms = op->session.expires_ms;
	row.seen_ms = op->now;
	ticket.session = op->session.session;
	state->session = op->session.session;
	state->seen_ms = op->now;
	if (!err)
		err = bk_rows_put_session(t, op->session.session.b, BK_ID_BYTES, &row);
	if (!err)
		err = bk_rows_put_ticket(t, row.ticket.b, sizeof row.ticket.b, &ticket);
	return err ? err : bk_rows_put_state(t, op->session.device.b, BK_ID_BYTES, state);
}

int bk_store_check_session_del(struct bk_store *s, struct bk_txn *t, struct bk_op *op)
{
	int err = bk_rows_get_session(t, op->session.session.b, BK_ID_BYTES, &s->plan.session);

	if (!err && !bk_id_equal(s->plan.session.device, op->session.device))
		return BK_E_NOT_FOUND; /* another's: as if it were not there */
	return err ? err : bk_store_state(t, op->session.device, &s->plan.state);
}

int bk_store_write_session_del(struct bk_store *s, struct bk_txn *t, struct bk_op *op)
{
	struct bk_row_state *state = &s->plan.state;
	int err = bk_store_drop_session(t, op->session.session);

	if (!err)
		err = bk_store_drop_push(t, op->session.device); /* who has logged off is not woken */
	if (bk_id_equal(state->session, op->session.session))
		memset(&state->session, 0, sizeof state->session);
	state->seen_ms = op->now;
	return err ? err : bk_rows_put_state(t, op->session.device.b, BK_ID_BYTES, state);
}

/* ---- duty ---- */

int bk_store_check_duty(struct bk_store *s, struct bk_txn *t, struct bk_op *op)
{
	struct bk_row_device device;
	int err = bk_store_live_device(t, op->duty.device, &device);

	if (!err && (!bk_id_equal(device.out.circle, op->duty.circle) || !bk_roles_is_desk(device.out.role)))
		err = BK_E_ROLE;
	return err ? err : bk_store_state(t, op->duty.device, &s->plan.state);
}

int bk_store_write_duty(struct bk_store *s, struct bk_txn *t, struct bk_op *op)
{
	if (s->plan.state.on_duty == op->duty.on)
		return 0;
	s->plan.state.on_duty = op->duty.on;
	return bk_rows_put_state(t, op->duty.device.b, BK_ID_BYTES, &s->plan.state);
}

/* ---- claims ---- */

/* Who is given a case must be there to take it: certified, of the same desk, on duty. */
static int check_receiver(struct bk_txn *t, bk_id to, bk_id circle)
{
	struct bk_row_device device;
	struct bk_row_state state;
	int err = bk_store_live_device(t, to, &device);

	if (!err)
		err = bk_store_state(t, to, &state);
	if (err == BK_E_REVOKED ||
		(!err && (!bk_id_equal(device.out.circle, circle) || !bk_roles_is_desk(device.out.role) || !state.on_duty)))
		err = BK_E_NOT_FOUND;
	return err;
}

int bk_store_check_claim(struct bk_store *s, struct bk_txn *t, struct bk_op *op)
{
	struct bk_row_claim *row = &s->plan.claim;
	struct bk_row_device device;
	uint64_t rows = 0;
	int err = bk_store_live_device(t, op->claim.device, &device);

	if (!err && !bk_roles_is_desk(device.out.role))
		err = BK_E_ROLE;
	if (!err && (unsigned)op->claim.verb > BAKEN__CLAIM__VERB__GIVE)
		err = BK_E_INVAL;
	if (!err && op->claim.verb == BAKEN__CLAIM__VERB__GIVE)
		err = check_receiver(t, op->claim.to, device.out.circle);
	if (err)
		return err;
	memset(row, 0, sizeof *row);
	err = bk_rows_get_claim(t, op->claim.tag, sizeof op->claim.tag, row);
	if (err != BK_E_NOT_FOUND || op->claim.verb != BAKEN__CLAIM__VERB__TAKE)
		return err == BK_E_NOT_FOUND ? 0 : err;
	err = bk_env_count(t, BK_T_CLAIM, &rows);
	return err || rows < s->bounds.claims ? err : BK_E_FULL;
}

/*
 * A lease that ran out is free for whoever comes first; its holder may still renew it until then. Giving is one
 * step: at no time does nobody hold it, and giving again what was given changes nothing.
 */
static int decide(struct bk_txn *t, const struct bk_op *op, struct bk_row_claim *row)
{
	bk_id holder = op->claim.device;
	bool held = !bk_id_is_zero(row->device);
	bool ours = held && bk_id_equal(row->device, op->claim.device);
	bool lapsed = held && row->until_ms <= op->now;

	switch (op->claim.verb) {
	case BAKEN__CLAIM__VERB__TAKE:
		if (held && !ours && !lapsed)
			return 0;
		if (!ours || lapsed)
			row->since_ms = op->now;
		break;
	case BAKEN__CLAIM__VERB__RENEW:
		if (!ours)
			return 0;
		break;
	case BAKEN__CLAIM__VERB__RELEASE:
		if (ours)
			memset(row, 0, sizeof *row);
		return ours ? bk_env_del(t, BK_T_CLAIM, op->claim.tag, sizeof op->claim.tag) : 0;
	case BAKEN__CLAIM__VERB__GIVE:
		if (!ours)
			return 0;
		holder = op->claim.to;
		row->since_ms = op->now;
		break;
	case BAKEN__CLAIM__VERB__LOOK:
	case _BAKEN__CLAIM__VERB_IS_INT_SIZE:
	default:
		return 0;
	}
	row->device = holder;
	row->until_ms = op->claim.until_ms;
	return bk_rows_put_claim(t, op->claim.tag, sizeof op->claim.tag, row);
}

int bk_store_write_claim(struct bk_store *s, struct bk_txn *t, struct bk_op *op)
{
	struct bk_row_claim *row = &s->plan.claim;
	int err = decide(t, op, row);

	if (!bk_id_is_zero(row->device) && row->until_ms <= op->now)
		memset(row, 0, sizeof *row);
	op->claim.holder = row->device;
	op->claim.since_ms = row->since_ms;
	op->claim.holder_until_ms = row->until_ms;
	op->claim.won = !bk_id_is_zero(row->device) && bk_id_equal(row->device, op->claim.device);
	return err;
}

/* ---- drill ---- */

int bk_store_check_drill(struct bk_store *s, struct bk_txn *t, struct bk_op *op)
{
	(void)op;
	return bk_store_meta_get(t, "drills", &s->plan.number);
}

int bk_store_write_drill(struct bk_store *s, struct bk_txn *t, struct bk_op *op)
{
	op->drill.count = s->plan.number + 1;
	return bk_store_meta_put(t, "drills", op->drill.count);
}
