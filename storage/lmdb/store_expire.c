/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Expiry: one job a table, each a walk in steps that look at so many rows and take out so many. Where a walk
 * stopped is remembered in memory only; after a restart it begins again.
 */
#include "err.h"
#include "store_in.h"

#define LOOK_MAX 4096u
#define TAKE_MAX 256u

struct step {
	struct bk_store *s;
	struct bk_txn *t;
	bk_ms now;
	bk_hash gone[TAKE_MAX];
	size_t n_gone;
};

struct found {
	uint8_t key[BK_ENV_KEY_MAX];
	size_t len;
};

static bool is_past(const struct step *x, bk_ms from, bk_ms age)
{
	return x->now > from && x->now - from > age;
}

static bk_id id_at(const uint8_t *key)
{
	bk_id id;

	memcpy(id.b, key, sizeof id.b);
	return id;
}

/* Each job: is this row past its time (a row that cannot be read is not touched here), and how it goes. */

static bool old_dedupe(struct step *x, const struct bk_env_cursor *c)
{
	struct bk_row_dedupe row;

	return bk_rows_decode_dedupe(c->value, &row) == 0 && is_past(x, row.stored_ms, x->s->o.dedupe_ms);
}

static bool old_fresh(struct step *x, const struct bk_env_cursor *c)
{
	struct bk_row_fresh row;

	return bk_rows_decode_fresh(c->value, &row) == 0 && is_past(x, row.dedupe.stored_ms, x->s->o.dedupe_ms);
}

static bool old_outbox(struct step *x, const struct bk_env_cursor *c)
{
	struct bk_row_outbox place;
	struct bk_row_letter row;

	return bk_rows_decode_outbox(c->value, &place) == 0 && bk_store_letter(x->t, &place, &row) == 0 &&
	       is_past(x, row.stored_ms, x->s->o.outbox_ms);
}

static int drop_outbox(struct step *x, const struct found *f)
{
	bk_id device = id_at(f->key);
	struct bk_row_letter row;
	struct bk_row_state state;
	int err = bk_store_letter_at(x->t, f->key, f->len, &row);

	if (!err)
		err = bk_store_state(x->t, device, &state);
	if (!err)
		err = bk_store_take_out(x->s, x->t, device, bk_store_number_of(f->key + BK_ID_BYTES + 1), &row, &state);
	return err ? err : bk_rows_put_state(x->t, device.b, sizeof device.b, &state);
}

static bool old_body(struct step *x, const struct bk_env_cursor *c)
{
	struct bk_row_refs row;

	return bk_rows_decode_refs(c->value, &row) == 0 && row.refs == 0 && is_past(x, row.stored_ms, x->s->o.body_ms);
}

static int drop_body(struct step *x, const struct found *f)
{
	struct bk_row_refs row;
	struct bk_row_named named;
	int err = bk_rows_get_refs(x->t, f->key, f->len, &row);

	if (!err)
		err = bk_rows_get_named(x->t, row.hash.b, BK_HASH_BYTES, &named);
	if (!err && f->len == 8 && named.body == bk_store_number_of(f->key))
		err = bk_env_del(x->t, BK_T_NAMED, row.hash.b, BK_HASH_BYTES);
	if (!err || err == BK_E_NOT_FOUND)
		err = bk_store_del(x->t, BK_T_BODY, f->key, f->len);
	return err ? err : bk_env_del(x->t, BK_T_REFS, f->key, f->len);
}

static bool old_file(struct step *x, const struct bk_env_cursor *c)
{
	struct bk_row_file row;

	return bk_rows_decode_file(c->value, &row) == 0 &&
	       is_past(x, row.last_ms, row.named ? x->s->o.file_ms : x->s->o.upload_ms);
}

static int drop_file(struct step *x, const struct found *f)
{
	struct bk_row_file row;
	int err = bk_rows_get_file(x->t, f->key, f->len, &row);

	if (!err)
		memcpy(x->gone[x->n_gone++].b, f->key, BK_HASH_BYTES);
	return err ? err : bk_store_drop_upload(x->t, row.upload);
}

/* An upload that stands for a file goes with the file; one whose file is gone stands for nothing. */
static bool old_upload(struct step *x, const struct bk_env_cursor *c)
{
	struct bk_row_upload row;
	struct bk_row_file file;
	int err;

	if (bk_rows_decode_upload(c->value, &row) != 0 || !is_past(x, row.created_ms, x->s->o.upload_ms))
		return false;
	if (!row.complete)
		return true;
	err = bk_rows_get_file(x->t, row.hash.b, sizeof row.hash.b, &file);
	return err == BK_E_NOT_FOUND || (!err && memcmp(file.upload.b, c->key.data, BK_ID_BYTES) != 0);
}

static int drop_upload(struct step *x, const struct found *f)
{
	return bk_store_drop_upload(x->t, id_at(f->key));
}

static bool old_session(struct step *x, const struct bk_env_cursor *c)
{
	struct bk_row_session row;

	return bk_rows_decode_session(c->value, &row) == 0 && x->now >= row.expires_ms;
}

static int drop_session(struct step *x, const struct found *f)
{
	return bk_store_drop_session(x->t, id_at(f->key));
}

/* Open: at its end. Used or decided: a month more, so that the device can fetch what was decided. */
static bool old_invite(struct step *x, const struct bk_env_cursor *c)
{
	struct bk_row_invite row;

	if (bk_rows_decode_invite(c->value, &row) != 0 || x->now < row.out.expires_ms)
		return false;
	return row.out.state == 0 || is_past(x, row.changed_ms, BK_STORE_INVITE_KEPT_MS);
}

static bool old_claim(struct step *x, const struct bk_env_cursor *c)
{
	struct bk_row_claim row;

	return bk_rows_decode_claim(c->value, &row) == 0 && x->now >= row.until_ms;
}

static bool old_watch(struct step *x, const struct bk_env_cursor *c)
{
	struct bk_row_watch row;

	return bk_rows_decode_watch(c->value, &row) == 0 && bk_store_watch_is_old(&row.out, x->now);
}

static int drop_watch(struct step *x, const struct found *f)
{
	return bk_store_drop_watch(x->t, id_at(f->key));
}

static bool old_prekey(struct step *x, const struct bk_env_cursor *c)
{
	struct bk_row_prekey row;

	return bk_rows_decode_prekey(c->value, &row) == 0 && is_past(x, row.put_ms, BK_PREKEY_SERVER_AGE_MS);
}

static int drop_prekey(struct step *x, const struct found *f)
{
	struct bk_row_prekeys row;
	int err = bk_rows_get_prekeys(x->t, f->key, BK_ID_BYTES, &row);

	if (!err && !row.left)
		err = BK_E_CORRUPT;
	if (err)
		return err;
	row.left--;
	err = bk_rows_put_prekeys(x->t, f->key, BK_ID_BYTES, &row);
	return err ? err : bk_env_del(x->t, BK_T_PREKEY, f->key, f->len);
}

static bool old_dead(struct step *x, const struct bk_env_cursor *c)
{
	struct bk_row_dead row;

	return bk_rows_decode_dead(c->value, &row) == 0 && is_past(x, row.died_ms, BK_STORE_DEAD_KEPT_MS);
}

static bool old_ladder(struct step *x, const struct bk_env_cursor *c)
{
	struct bk_row_ladder row;

	return bk_rows_decode_ladder(c->value, &row) == 0 && is_past(x, row.stored_ms, BK_STORE_LADDER_KEPT_MS);
}

static bool old_push(struct step *x, const struct bk_env_cursor *c)
{
	struct bk_row_push row;

	return bk_rows_decode_push(c->value, &row) == 0 && is_past(x, row.set_ms, BK_STORE_PUSH_KEPT_MS);
}

static bool old_audit(struct step *x, const struct bk_env_cursor *c)
{
	struct bk_row_audit row;

	return bk_rows_decode_audit(c->value, &row) == 0 && is_past(x, row.at_ms, BK_STORE_AUDIT_KEPT_MS);
}

static int drop_audit(struct step *x, const struct found *f)
{
	return f->len == 8 ? bk_store_drop_audit(x->t, f->key) : BK_E_CORRUPT;
}

static const struct job {
	enum bk_table table;
	bool (*is_old)(struct step *x, const struct bk_env_cursor *c);
	int (*drop)(struct step *x, const struct found *f); /* NULL: the row alone */
} jobs[] = {
	{BK_T_DEDUPE, old_dedupe, NULL},
	{BK_T_FRESH, old_fresh, NULL}, /* the index finds no row then */
	{BK_T_OUTBOX, old_outbox, drop_outbox},
	{BK_T_REFS, old_body, drop_body},
	{BK_T_FILE, old_file, drop_file},
	{BK_T_UPLOAD, old_upload, drop_upload},
	{BK_T_SESSION, old_session, drop_session},
	{BK_T_INVITE, old_invite, NULL},
	{BK_T_CLAIM, old_claim, NULL},
	{BK_T_WATCH, old_watch, drop_watch},
	{BK_T_PREKEY, old_prekey, drop_prekey},
	{BK_T_DEAD, old_dead, NULL},
	{BK_T_LADDER, old_ladder, NULL},
	{BK_T_PUSH, old_push, NULL},
	{BK_T_AUDIT, old_audit, drop_audit},
};
#define N_JOBS (sizeof jobs / sizeof jobs[0])

/* Finds what is old from where the last step stopped, and moves on. BK_E_NOT_FOUND: the table's end. */
static int look(struct step *x, const struct job *job, struct found *found, size_t *ret_n)
{
	struct bk_store *s = x->s;
	struct bk_env_cursor c;
	size_t looked = 0;
	int err = bk_env_cursor_open(x->t, job->table, &c);

	*ret_n = 0;
	for (err = err ? err : bk_env_seek(&c, s->expire.key, s->expire.len); !err; err = bk_env_next(&c)) {
		if (c.key.len > BK_ENV_KEY_MAX) {
			err = BK_E_CORRUPT;
			break;
		}
		if (looked++ == LOOK_MAX || *ret_n == TAKE_MAX) {
			memcpy(s->expire.key, c.key.data, c.key.len);
			s->expire.len = c.key.len;
			break;
		}
		if (!job->is_old(x, &c))
			continue;
		memcpy(found[*ret_n].key, c.key.data, c.key.len);
		found[(*ret_n)++].len = c.key.len;
	}
	bk_env_cursor_close(&c);
	return err;
}

static int take(struct step *x, const struct job *job, const struct found *found, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int err = job->drop ? job->drop(x, &found[i]) : bk_env_del(x->t, job->table, found[i].key, found[i].len);

		if (err)
			return err == BK_E_NOT_FOUND ? BK_E_CORRUPT : err;
	}
	return 0;
}

static int run(struct step *x, const struct job *job, bool *ret_end)
{
	struct found found[TAKE_MAX];
	size_t n = 0;
	int err = look(x, job, found, &n);

	*ret_end = err == BK_E_NOT_FOUND;
	if (err == BK_E_NOT_FOUND)
		err = 0;
	if (!err)
		err = take(x, job, found, n);
	if (err || n == 0) {
		bk_env_abort(x->t);
		x->s->queued_delta = 0;
		return err;
	}
	return bk_store_end(x->s, x->t);
}

int bk_store_expire(struct bk_store *s, bk_ms now, void (*gone)(void *arg, bk_hash file), void *arg, bool *ret_more)
{
	struct step x = {.s = s, .now = now};
	bool end = false;
	int err = s->o.read_only ? BK_E_STATE : s->dead;

	if (!err && s->frozen) {
		*ret_more = false;
		return 0;
	}
	if (!err)
		err = bk_env_begin(s->env, true, &x.t);
	s->queued_delta = 0;
	if (!err)
		err = run(&x, &jobs[s->expire.job], &end);
	if (end || err) { /* a table that fails must not stop the others' expiry for ever */
		s->expire.job = (s->expire.job + 1) % N_JOBS;
		s->expire.len = 0;
	}
	if (err)
		return err;
	for (size_t i = 0; gone && i < x.n_gone; i++)
		gone(arg, x.gone[i]);
	*ret_more = !(end && s->expire.job == 0);
	return 0;
}

/* ---- after a restore ---- */

bool bk_store_frozen(const struct bk_store *s)
{
	return s->frozen;
}

int bk_store_thaw(struct bk_store *s)
{
	struct bk_txn *t = NULL;
	int err = s->o.read_only ? BK_E_STATE : s->dead;

	if (err || !s->frozen)
		return err;
	err = bk_env_begin(s->env, true, &t);
	if (err)
		return err;
	s->queued_delta = 0;
	err = bk_store_meta_put(t, "frozen", 0);
	if (!err)
		err = bk_store_release_watches(t);
	if (err)
		bk_env_abort(t);
	else
		err = bk_store_end(s, t);
	if (!err)
		s->frozen = false;
	return err;
}

int bk_store_due(struct bk_store_view *v, bk_ms now, uint64_t *ret_rows)
{
	struct step x = {.s = v->store, .t = v->txn, .now = now};
	uint64_t rows = 0;
	int err = 0;

	for (size_t i = 0; !err && i < N_JOBS; i++) {
		struct bk_env_cursor c;

		err = bk_env_cursor_open(v->txn, jobs[i].table, &c);
		for (err = err ? err : bk_env_seek(&c, NULL, 0); !err; err = bk_env_next(&c))
			rows += jobs[i].is_old(&x, &c);
		bk_env_cursor_close(&c);
		if (err == BK_E_NOT_FOUND)
			err = 0;
	}
	if (!err)
		*ret_rows = rows;
	return err;
}
