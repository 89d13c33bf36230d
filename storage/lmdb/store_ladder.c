/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The ladder of alarms: one row from the transaction that stored the alarm until an officer's or a lead's device of
 * its desk has acknowledged it. A vault acknowledges everything and wakes nobody: it does not count, and neither
 * does the fall-back desk.
 */
#include "err.h"
#include "roles.h"
#include "store_ladder.h"

int bk_store_ladder_begin(struct bk_store *s, struct bk_txn *t, bk_id message, const struct bk_row_ladder *row,
	bool *ret_full)
{
	uint64_t rows = 0;
	int err = bk_env_count(t, BK_T_LADDER, &rows);

	if (err)
		return err;
	*ret_full = rows >= s->bounds.ladder; /* the alarm itself is stored: whoever is told says so in the log */
	return *ret_full ? 0 : bk_rows_put_ladder(t, message.b, sizeof message.b, row);
}

/* A row that cannot be read must not keep a device from acknowledging: it stays, and the check finds it. */
int bk_store_ladder_end(struct bk_txn *t, bk_id message, bk_id device, bool *ret_ended)
{
	struct bk_row_ladder row;
	struct bk_row_device who;
	int err = bk_rows_get_ladder(t, message.b, sizeof message.b, &row);

	*ret_ended = false;
	if (err == BK_E_NOT_FOUND || err == BK_E_CORRUPT)
		return 0;
	if (!err)
		err = bk_rows_get_device(t, device.b, sizeof device.b, &who);
	if (err)
		return err;
	if (!bk_roles_is_desk(who.out.role) || !bk_id_equal(who.out.circle, row.desk))
		return 0;
	*ret_ended = true;
	return bk_env_del(t, BK_T_LADDER, message.b, sizeof message.b);
}

int bk_store_check_ladder(struct bk_store *s, struct bk_txn *t, struct bk_op *op)
{
	if (!op->ladder.level || op->ladder.level > 3)
		return BK_E_INVAL;
	return bk_rows_get_ladder(t, op->ladder.message.b, BK_ID_BYTES, &s->plan.ladder);
}

int bk_store_write_ladder(struct bk_store *s, struct bk_txn *t, struct bk_op *op)
{
	if (s->plan.ladder.level >= op->ladder.level)
		return 0;
	s->plan.ladder.level = (uint8_t)op->ladder.level;
	return bk_rows_put_ladder(t, op->ladder.message.b, BK_ID_BYTES, &s->plan.ladder);
}

int bk_store_ladder(struct bk_store_view *v, int (*visit)(void *arg, const struct bk_ladder_row *row), void *arg)
{
	struct bk_env_cursor c;
	int err = bk_env_cursor_open(v->txn, BK_T_LADDER, &c), stopped = 0;

	for (err = err ? err : bk_env_seek(&c, NULL, 0); !err && !stopped; err = bk_env_next(&c)) {
		struct bk_ladder_row out;
		struct bk_row_ladder row;

		if (c.key.len != sizeof out.message.b || bk_rows_decode_ladder(c.value, &row))
			continue; /* damaged: the check finds it, the others go on */
		memcpy(out.message.b, c.key.data, sizeof out.message.b);
		out.desk = row.desk;
		out.fallback = row.fallback;
		out.stored_ms = row.stored_ms;
		out.level = row.level;
		out.drill = row.drill;
		stopped = visit(arg, &out);
	}
	bk_env_cursor_close(&c);
	return err == BK_E_NOT_FOUND ? stopped : err ? err : stopped;
}
