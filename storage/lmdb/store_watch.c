/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Timers of the sealed dead-man's switch. A row in `watch` says what is known of one, `watchdue` orders the running
 * ones by the moment they fire, `watchof` lists them by the person's circle, `watchbody` holds what each would say.
 *
 * A timer belongs to the circle that armed it, not to the device: the withdrawal of a lost phone does not call off
 * the alarm that the loss of the phone may be the reason for. Rows of timers that are over stay a while, so that an
 * old arming, sent again, cannot start one anew.
 */
#include <stdlib.h>

#include "err.h"
#include "store_in.h"

#define KEY_DUE (8 + BK_ID_BYTES)

static bk_ms fire_at(const struct bk_watch_row *row)
{
	return row->due_ms + row->grace_ms;
}

static void key_due(uint8_t out[static KEY_DUE], const struct bk_watch_row *row)
{
	bk_store_key_number(out, fire_at(row));
	memcpy(out + 8, row->watch.b, BK_ID_BYTES);
}

static int get(struct bk_txn *t, bk_id watch, struct bk_watch_row *ret_row)
{
	struct bk_row_watch row;
	int err = bk_rows_get_watch(t, watch.b, sizeof watch.b, &row);

	if (err)
		return err;
	*ret_row = row.out;
	ret_row->watch = watch;
	return 0;
}

static int put(struct bk_txn *t, const struct bk_watch_row *out)
{
	struct bk_row_watch row = {*out};

	return bk_rows_put_watch(t, out->watch.b, BK_ID_BYTES, &row);
}

static int put_due(struct bk_txn *t, const struct bk_watch_row *row)
{
	uint8_t key[KEY_DUE];

	key_due(key, row);
	return bk_env_put(t, BK_T_WATCHDUE, key, sizeof key, "", 0);
}

static int del_due(struct bk_txn *t, const struct bk_watch_row *row)
{
	uint8_t key[KEY_DUE];

	key_due(key, row);
	return bk_store_del(t, BK_T_WATCHDUE, key, sizeof key);
}

/* Runs no more; what it would have said is gone. */
static int stop(struct bk_txn *t, struct bk_watch_row *row, enum bk_watch_state state, bk_ms now)
{
	int err = del_due(t, row);

	if (!err)
		err = bk_store_del(t, BK_T_WATCHBODY, row->watch.b, BK_ID_BYTES);
	row->state = state;
	row->changed_ms = now;
	row->body_bytes = 0;
	return err ? err : put(t, row);
}

static bool is_running(const struct bk_watch_row *row)
{
	return row->state == BK_WATCH_ARMED || row->state == BK_WATCH_HELD;
}

/* ---- arming ---- */

/* A device of a person's circle, for that circle, at the desk it is assigned to (lesson R9). */
static int check_owner(struct bk_txn *t, const struct bk_op *op)
{
	struct bk_row_device device;
	struct bk_row_circle circle;
	int err = bk_store_live_device(t, op->watch.device, &device);

	if (!err && (!bk_id_equal(device.out.circle, op->watch.circle) ||
			    device.out.circle_kind != BAKEN__CIRCLE_KIND__CIRCLE_PERSON))
		err = BK_E_ROLE;
	if (!err && op->kind == BK_OP_WATCH_ARM) {
		err = bk_rows_get_circle(t, op->watch.circle.b, BK_ID_BYTES, &circle);
		if (!err && !bk_id_equal(circle.out.desk, op->watch.desk))
			err = BK_E_ROLE;
	}
	return err;
}

static int check_times(const struct bk_op *op)
{
	if (!op->watch.due_ms || op->watch.grace_ms > BK_WATCH_GRACE_MAX_MS)
		return BK_E_INVAL;
	/* A time that is past is no error: the message may have been on its way for long. It fires at once. */
	return op->watch.due_ms > op->now && op->watch.due_ms - op->now > BK_WATCH_MAX_MS ? BK_E_INVAL : 0;
}

struct counted {
	uint64_t rows, running;
	uint8_t over[BK_KEY_PAIR]; /* the one of those that are over that ended first */
	bk_ms over_ms;
	bool any_over;
};

/* Bounded by s->bounds.watches of one circle. */
static int count_circle(struct bk_txn *t, bk_id circle, struct counted *n)
{
	struct bk_env_cursor c;
	int err = bk_env_cursor_open(t, BK_T_WATCHOF, &c);

	memset(n, 0, sizeof *n);
	for (err = err ? err : bk_env_seek(&c, circle.b, sizeof circle.b); !err; err = bk_env_next(&c)) {
		struct bk_row_watch row;

		if (!bk_env_has_prefix(&c, circle.b, sizeof circle.b))
			break;
		err = c.key.len == BK_KEY_PAIR ? bk_rows_get_watch(t, c.key.data + BK_ID_BYTES, BK_ID_BYTES, &row) :
						 BK_E_CORRUPT;
		if (err)
			break;
		n->rows++;
		n->running += is_running(&row.out);
		if (is_running(&row.out) || (n->any_over && row.out.changed_ms >= n->over_ms))
			continue;
		n->any_over = true;
		n->over_ms = row.out.changed_ms;
		memcpy(n->over, c.key.data, sizeof n->over);
	}
	bk_env_cursor_close(&c);
	return err == BK_E_NOT_FOUND ? 0 : err;
}

/* Room for one more of this circle; the row of one that is over may have to make it. */
static int check_bound(struct bk_store *s, struct bk_txn *t, const struct bk_op *op)
{
	struct counted n;
	uint64_t rows = 0;
	int err = count_circle(t, op->watch.circle, &n);

	if (!err)
		err = bk_env_count(t, BK_T_WATCH, &rows);
	if (err)
		return err;
	if (n.running >= s->bounds.watches || rows >= s->bounds.watches_all)
		return BK_E_QUOTA;
	s->plan.watch_over = n.rows >= 2 * s->bounds.watches && n.any_over;
	memcpy(s->plan.watch_over_key, n.over, sizeof n.over);
	return 0;
}

/* *plan.watch is the row as it was; absent: state NONE. */
static int load_plan(struct bk_store *s, struct bk_txn *t, const struct bk_op *op)
{
	int err;

	memset(&s->plan.watch, 0, sizeof s->plan.watch);
	s->plan.watch_over = false;
	err = get(t, op->watch.watch, &s->plan.watch);
	if (!err && !bk_id_equal(s->plan.watch.circle, op->watch.circle))
		return BK_E_ROLE;
	return err;
}

int bk_store_check_watch_arm(struct bk_store *s, struct bk_txn *t, struct bk_op *op)
{
	int err = check_owner(t, op);

	if (!err)
		err = check_times(op);
	if (!err && (!op->watch.counter || bk_id_is_zero(op->watch.watch)))
		err = BK_E_INVAL;
	if (!err && op->watch.body.len > BK_WATCH_BODY_MAX)
		err = BK_E_TOO_BIG;
	if (err)
		return err;
	err = load_plan(s, t, op);
	if (err && err != BK_E_NOT_FOUND)
		return err;
	return is_running(&s->plan.watch) || op->watch.counter <= s->plan.watch.counter ? 0 : check_bound(s, t, op);
}

static int forget_over(struct bk_store *s, struct bk_txn *t)
{
	int err;

	if (!s->plan.watch_over)
		return 0;
	err = bk_env_del(t, BK_T_WATCHOF, s->plan.watch_over_key, sizeof s->plan.watch_over_key);
	return err ? err : bk_env_del(t, BK_T_WATCH, s->plan.watch_over_key + BK_ID_BYTES, BK_ID_BYTES);
}

/* A counter that is not higher changes nothing: a repeat, or one that a newer arming has overtaken. */
int bk_store_write_watch_arm(struct bk_store *s, struct bk_txn *t, struct bk_op *op)
{
	struct bk_watch_row *row = &s->plan.watch;
	uint8_t key[BK_KEY_PAIR];
	int err = 0;

	if (op->watch.counter <= row->counter) {
		op->watch.row = *row;
		return 0;
	}
	if (is_running(row))
		err = del_due(t, row);
	else
		err = forget_over(s, t);
	*row = (struct bk_watch_row){.watch = op->watch.watch, .device = op->watch.device, .circle = op->watch.circle,
		.desk = op->watch.desk, .counter = op->watch.counter, .due_ms = op->watch.due_ms,
		.grace_ms = op->watch.grace_ms, .changed_ms = op->now, .state = BK_WATCH_ARMED,
		.body_hash = op->watch.body_hash, .body_bytes = (uint32_t)op->watch.body.len};
	bk_store_key_pair(key, row->circle, row->watch);
	if (!err)
		err = put(t, row);
	if (!err)
		err = put_due(t, row);
	if (!err)
		err = bk_env_put(t, BK_T_WATCHOF, key, sizeof key, "", 0);
	if (!err)
		err = bk_env_put(t, BK_T_WATCHBODY, row->watch.b, BK_ID_BYTES, op->watch.body.data, op->watch.body.len);
	op->watch.row = *row;
	op->watch.changed = true;
	return err;
}

/* ---- disarming ---- */

int bk_store_check_watch_disarm(struct bk_store *s, struct bk_txn *t, struct bk_op *op)
{
	int err = check_owner(t, op);

	return err ? err : load_plan(s, t, op);
}

int bk_store_write_watch_disarm(struct bk_store *s, struct bk_txn *t, struct bk_op *op)
{
	struct bk_watch_row *row = &s->plan.watch;
	int err = 0;

	if (op->watch.counter >= row->counter && is_running(row)) {
		row->counter = op->watch.counter;
		err = stop(t, row, BK_WATCH_ENDED, op->now);
		op->watch.changed = true;
	}
	op->watch.row = *row;
	return err;
}

/* ---- firing ---- */

/* Only the arming that fell due: one that was renewed or ended meanwhile is BK_E_OLD, and nothing happens. */
int bk_store_check_watch_fire(struct bk_store *s, struct bk_txn *t, struct bk_op *op)
{
	int err = get(t, op->submit.watch, &s->plan.watch);

	if (!err && (s->plan.watch.state != BK_WATCH_ARMED || s->plan.watch.counter != op->submit.watch_counter ||
			    fire_at(&s->plan.watch) > op->now))
		err = BK_E_OLD;
	if (!err)
		err = bk_store_check_submit(s, t, op);
	if (err == BK_E_QUOTA) {
		free(op->submit.full); /* nobody asked: the timer stays and tries again */
		op->submit.full = NULL;
		op->submit.n_full = 0;
	}
	return err;
}

int bk_store_write_watch_fire(struct bk_store *s, struct bk_txn *t, struct bk_op *op)
{
	int err = bk_store_write_submit(s, t, op);

	return err ? err : stop(t, &s->plan.watch, BK_WATCH_FIRED, op->now);
}

/* ---- the server's pulse ---- */

int bk_store_check_alive(struct bk_store *s, struct bk_txn *t, struct bk_op *op)
{
	(void)s;
	(void)t;
	(void)op;
	return 0;
}

int bk_store_write_alive(struct bk_store *s, struct bk_txn *t, struct bk_op *op)
{
	(void)s;
	return bk_store_meta_put(t, "alive", op->now);
}

int bk_store_alive(struct bk_store_view *v, bk_ms *ret_ms)
{
	return bk_store_meta_get(v->txn, "alive", ret_ms);
}

/* ---- held by a restore ---- */

/* All of one state get the other, with or without a place in the order. */
static int turn_all(struct bk_txn *t, enum bk_watch_state from, enum bk_watch_state to)
{
	uint8_t key[BK_ID_BYTES + 1] = {0};
	size_t len = 0;

	for (;;) {
		struct bk_watch_row row;
		struct bk_env_cursor c;
		bk_id watch;
		int err = bk_env_cursor_open(t, BK_T_WATCH, &c);

		if (!err)
			err = bk_env_seek(&c, key, len);
		if (!err && c.key.len != BK_ID_BYTES)
			err = BK_E_CORRUPT;
		if (!err)
			memcpy(key, c.key.data, BK_ID_BYTES);
		bk_env_cursor_close(&c);
		if (err)
			return err == BK_E_NOT_FOUND ? 0 : err;
		len = sizeof key; /* the key and a zero byte: the next one */
		memcpy(watch.b, key, sizeof watch.b);
		err = get(t, watch, &row);
		if (!err && row.state == from) {
			row.state = to;
			err = to == BK_WATCH_ARMED ? put_due(t, &row) : del_due(t, &row);
			if (!err)
				err = put(t, &row);
		}
		if (err)
			return err;
	}
}

int bk_store_hold_watches(struct bk_txn *t)
{
	return turn_all(t, BK_WATCH_ARMED, BK_WATCH_HELD);
}

int bk_store_release_watches(struct bk_txn *t)
{
	return turn_all(t, BK_WATCH_HELD, BK_WATCH_ARMED);
}

/* ---- expiry ---- */

bool bk_store_watch_is_old(const struct bk_watch_row *row, bk_ms now)
{
	uint64_t kept = row->state == BK_WATCH_FIRED ? BK_STORE_WATCH_FIRED_KEPT_MS : BK_STORE_WATCH_ENDED_KEPT_MS;

	return !is_running(row) && now > row->changed_ms && now - row->changed_ms > kept;
}

int bk_store_drop_watch(struct bk_txn *t, bk_id watch)
{
	struct bk_watch_row row;
	uint8_t key[BK_KEY_PAIR];
	int err = get(t, watch, &row);

	if (err)
		return err;
	bk_store_key_pair(key, row.circle, watch);
	err = bk_store_del(t, BK_T_WATCHOF, key, sizeof key);
	return err ? err : bk_env_del(t, BK_T_WATCH, watch.b, sizeof watch.b);
}

/* ---- reading ---- */

int bk_store_watch(struct bk_store_view *v, bk_id watch, struct bk_watch_row *ret_row)
{
	return get(v->txn, watch, ret_row);
}

int bk_store_watches(struct bk_store_view *v, int (*visit)(void *arg, const struct bk_watch_row *row), void *arg)
{
	struct bk_env_cursor c;
	int said = 0, err = bk_env_cursor_open(v->txn, BK_T_WATCH, &c);

	for (err = err ? err : bk_env_seek(&c, NULL, 0); !err && !said; err = said ? 0 : bk_env_next(&c)) {
		struct bk_row_watch row;

		err = c.key.len == BK_ID_BYTES ? bk_rows_decode_watch(c.value, &row) : BK_E_CORRUPT;
		if (err)
			break;
		memcpy(row.out.watch.b, c.key.data, BK_ID_BYTES);
		said = visit(arg, &row.out);
	}
	bk_env_cursor_close(&c);
	return said || err == BK_E_NOT_FOUND ? said : err;
}

int bk_store_watch_next(struct bk_store_view *v, bk_ms *ret_fire_ms)
{
	struct bk_env_cursor c;
	int err = bk_env_cursor_open(v->txn, BK_T_WATCHDUE, &c);

	if (!err)
		err = bk_env_seek(&c, NULL, 0);
	if (!err && c.key.len != KEY_DUE)
		err = BK_E_CORRUPT;
	if (!err)
		*ret_fire_ms = bk_store_number_of(c.key.data);
	bk_env_cursor_close(&c);
	return err;
}

static int visit_due(struct bk_store_view *v, const uint8_t *key, struct bk_watch_pos *after, struct bk_watch_row *row,
	struct bk_bytes *ret_body)
{
	bk_id watch;
	int err;

	after->fire_ms = bk_store_number_of(key);
	memcpy(watch.b, key + 8, sizeof watch.b);
	after->watch = watch;
	err = get(v->txn, watch, row);
	if (!err)
		err = bk_env_get(v->txn, BK_T_WATCHBODY, watch.b, sizeof watch.b, ret_body);
	return err == BK_E_NOT_FOUND ? BK_E_CORRUPT : err;
}

/* A damaged row is passed over: it must not hold up those behind it. */
int bk_store_watches_due(struct bk_store_view *v, bk_ms until, struct bk_watch_pos *after, size_t max,
	int (*visit)(void *arg, const struct bk_watch_row *row, struct bk_bytes body), void *arg)
{
	uint8_t key[KEY_DUE];
	struct bk_env_cursor c;
	size_t n = 0;
	int said = 0, damage = 0, err = bk_env_cursor_open(v->txn, BK_T_WATCHDUE, &c);

	bk_store_key_number(key, after->fire_ms);
	memcpy(key + 8, after->watch.b, BK_ID_BYTES);
	for (err = err ? err : bk_env_seek(&c, key, sizeof key); !err && !said && n < max; err = bk_env_next(&c)) {
		struct bk_bytes body = {NULL, 0};
		struct bk_watch_row row;
		int bad;

		if (c.key.len == KEY_DUE && memcmp(c.key.data, key, sizeof key) == 0)
			continue;
		if (c.key.len != KEY_DUE || bk_store_number_of(c.key.data) > until)
			break;
		bad = visit_due(v, c.key.data, after, &row, &body);
		if (bad)
			damage = bad;
		else
			said = visit(arg, &row, body);
		n++;
		if (said)
			break;
	}
	bk_env_cursor_close(&c);
	if (err == BK_E_NOT_FOUND)
		err = 0;
	return said ? said : err ? err : damage;
}
