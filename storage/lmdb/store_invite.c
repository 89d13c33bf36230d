/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Invitations: open, pending (a device used it), approved or refused. Used once, by one key. */
#include "err.h"
#include "store_in.h"

enum { OPEN, PENDING, APPROVED, REFUSED };

static bool same_bytes(struct bk_bytes a, struct bk_bytes b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static int load(struct bk_txn *t, bk_id invite, struct bk_row_invite *ret_row)
{
	memset(ret_row, 0, sizeof *ret_row);
	return bk_rows_get_invite(t, invite.b, sizeof invite.b, ret_row);
}

int bk_store_check_invite(struct bk_store *s, struct bk_txn *t, struct bk_op *op)
{
	struct bk_row_invite row;
	uint64_t rows = 0;
	int err = load(t, op->invite.invite, &row);

	if (err != BK_E_NOT_FOUND)
		return err ? err : BK_E_EXISTS;
	if (op->invite.role <= BAKEN__ROLE__ROLE_NONE || op->invite.role > BAKEN__ROLE__ROLE_VAULT ||
		op->invite.expires_ms <= op->now)
		return BK_E_INVAL;
	err = bk_env_count(t, BK_T_INVITE, &rows);
	return err || rows < s->bounds.invites ? err : BK_E_FULL;
}

int bk_store_write_invite(struct bk_store *s, struct bk_txn *t, struct bk_op *op)
{
	struct bk_row_invite row;

	(void)s;
	memset(&row, 0, sizeof row);
	row.out.account = op->invite.account;
	row.out.circle = op->invite.circle;
	row.out.role = op->invite.role;
	row.out.expires_ms = op->invite.expires_ms;
	row.changed_ms = op->now;
	return bk_rows_put_invite(t, op->invite.invite.b, BK_ID_BYTES, &row);
}

int bk_store_check_enrol(struct bk_store *s, struct bk_txn *t, struct bk_op *op)
{
	struct bk_row_invite row;
	int err = load(t, op->enrol.invite, &row);

	(void)s;
	if (err)
		return err == BK_E_NOT_FOUND ? BK_E_INVITE : err;
	if (!op->enrol.enrol.len || op->enrol.enrol.len > BK_ROWS_BLOB_MAX)
		return BK_E_INVAL;
	if (row.out.state == OPEN)
		return op->now < row.out.expires_ms ? 0 : BK_E_INVITE;
	return same_bytes(row.out.enrol, op->enrol.enrol) ? 0 : BK_E_INVITE;
}

int bk_store_write_enrol(struct bk_store *s, struct bk_txn *t, struct bk_op *op)
{
	struct bk_row_invite row;
	int err = load(t, op->enrol.invite, &row);

	(void)s;
	if (err || row.out.state != OPEN)
		return err; /* repeated */
	row.out.state = PENDING;
	row.out.enrol = op->enrol.enrol;
	row.changed_ms = op->now;
	return bk_rows_put_invite(t, op->enrol.invite.b, BK_ID_BYTES, &row);
}

int bk_store_check_done(struct bk_store *s, struct bk_txn *t, struct bk_op *op)
{
	int state = op->done.approved ? APPROVED : REFUSED;
	struct bk_row_invite row;
	int err = load(t, op->done.invite, &row);

	(void)s;
	if (err)
		return err == BK_E_NOT_FOUND ? BK_E_INVITE : err;
	if (op->done.certificate.len > BK_ROWS_BLOB_MAX || (op->done.approved && !op->done.certificate.len))
		return BK_E_INVAL;
	if (row.out.state == PENDING || (row.out.state == OPEN && !op->done.approved))
		return 0;
	return row.out.state == state && same_bytes(row.out.certificate, op->done.certificate) ? 0 : BK_E_STATE;
}

int bk_store_write_done(struct bk_store *s, struct bk_txn *t, struct bk_op *op)
{
	struct bk_row_invite row;
	uint8_t enrol[BK_ROWS_BLOB_MAX];
	int err = load(t, op->done.invite, &row);

	(void)s;
	if (err || row.out.state == APPROVED || row.out.state == REFUSED)
		return err; /* repeated */
	if (row.out.enrol.len > sizeof enrol)
		return BK_E_CORRUPT;
	if (row.out.enrol.len)
		memcpy(enrol, row.out.enrol.data, row.out.enrol.len); /* the table's own bytes move when it is written */
	row.out.enrol.data = enrol;
	row.out.state = op->done.approved ? APPROVED : REFUSED;
	row.out.certificate = op->done.certificate;
	row.changed_ms = op->now;
	return bk_rows_put_invite(t, op->done.invite.b, BK_ID_BYTES, &row);
}
