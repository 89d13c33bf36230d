/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store_fresh.h"

#include <sodium.h>
#include <stdlib.h>

#include "err.h"
#include "store_in.h"

#define SLOTS (2u * BK_FRESH_ROOM) /* of the index: at most half full */
#define ADDED_MAX 1024u            /* in one commit: more than a batch holds */

struct entry {
	bk_id message;
	uint64_t number;
};

struct bk_fresh {
	uint8_t key[crypto_shorthash_KEYBYTES]; /* ids come from outside: nobody may choose where they lie */
	struct entry *entries;                  /* in the order of their numbers */
	size_t n;
	uint32_t *slots;                        /* 1 + index of an entry */
	struct entry added[ADDED_MAX];          /* by the open transaction */
	size_t n_added;
	/* the entries up to a number, in DEDUPE's order, that are going over */
	struct entry *leaving;
	size_t n_leaving, at;
	uint64_t last_leaving;
};

static size_t slot_of(const struct bk_fresh *f, bk_id message)
{
	uint64_t h;

	crypto_shorthash((uint8_t *)&h, message.b, sizeof message.b, f->key);
	return (size_t)(h % SLOTS);
}

static void index_entry(struct bk_fresh *f, size_t i)
{
	size_t slot = slot_of(f, f->entries[i].message);

	while (f->slots[slot])
		slot = (slot + 1) % SLOTS;
	f->slots[slot] = (uint32_t)i + 1;
}

static void add_entry(struct bk_fresh *f, struct entry e)
{
	f->entries[f->n] = e;
	index_entry(f, f->n++);
}

/* ---- open ---- */

static int read_table(struct bk_fresh *f, struct bk_txn *t)
{
	struct bk_env_cursor c;
	int err = bk_env_cursor_open(t, BK_T_FRESH, &c);

	for (err = err ? err : bk_env_seek(&c, NULL, 0); !err; err = bk_env_next(&c)) {
		struct bk_row_fresh row;

		/* A damaged row is the check's business; the store must open. */
		if (c.key.len == 8 && f->n < BK_FRESH_ROOM && bk_rows_decode_fresh(c.value, &row) == 0)
			add_entry(f, (struct entry){row.message, bk_store_number_of(c.key.data)});
	}
	bk_env_cursor_close(&c);
	return err == BK_E_NOT_FOUND ? 0 : err;
}

int bk_fresh_open(struct bk_store *s, struct bk_fresh **ret_fresh)
{
	struct bk_fresh *f = calloc(1, sizeof *f);
	struct bk_txn *t = NULL;
	int err = 0;

	if (!f)
		return BK_E_NOMEM;
	crypto_shorthash_keygen(f->key);
	f->slots = calloc(SLOTS, sizeof *f->slots); /* address space: pages come with use */
	f->entries = calloc(BK_FRESH_ROOM, sizeof *f->entries);
	f->leaving = calloc(BK_FRESH_ROOM, sizeof *f->leaving);
	if (!f->slots || !f->entries || !f->leaving)
		err = BK_E_NOMEM;
	if (!err)
		err = bk_env_begin(s->env, false, &t);
	if (!err)
		err = read_table(f, t);
	bk_env_abort(t);
	if (err)
		bk_fresh_close(f);
	else
		*ret_fresh = f;
	return err;
}

void bk_fresh_close(struct bk_fresh *f)
{
	if (!f)
		return;
	free(f->entries);
	free(f->slots);
	free(f->leaving);
	free(f);
}

/* ---- find and put ---- */

/* The newest: an id that was used again after it had expired stands here more than once, oldest first. */
static uint64_t number_of(const struct bk_fresh *f, bk_id message)
{
	uint64_t number = 0;

	for (size_t i = f->n_added; i--;)
		if (bk_id_equal(f->added[i].message, message))
			return f->added[i].number;
	for (size_t slot = slot_of(f, message); f->slots[slot]; slot = (slot + 1) % SLOTS) {
		const struct entry *e = &f->entries[f->slots[slot] - 1];

		if (bk_id_equal(e->message, message))
			number = e->number;
	}
	return number;
}

int bk_fresh_find(struct bk_fresh *f, struct bk_txn *t, bk_id message, struct bk_row_dedupe *ret_row,
	uint64_t *ret_number)
{
	struct bk_row_fresh row;
	uint64_t number = number_of(f, message);
	uint8_t key[8];
	int err = BK_E_NOT_FOUND;

	*ret_number = 0;
	if (number) {
		bk_store_key_number(key, number);
		err = bk_rows_get_fresh(t, key, sizeof key, &row);
	}
	if (!err) {
		*ret_row = row.dedupe;
		*ret_number = number;
	}
	return err == BK_E_NOT_FOUND ? bk_rows_get_dedupe(t, message.b, BK_ID_BYTES, ret_row) : err;
}

int bk_fresh_put(struct bk_store *s, struct bk_txn *t, bk_id message, uint64_t number,
	const struct bk_row_dedupe *row)
{
	struct bk_fresh *f = s->fresh;
	struct bk_row_fresh fresh = {.message = message, .dedupe = *row};
	uint8_t key[8];
	int err;

	/* Known, but not fresh; no room; or leaving, and perhaps gone over already: then both must say the same. */
	if (number ? number <= f->last_leaving
		   : s->plan.known || f->n_added == ADDED_MAX || f->n + f->n_added == BK_FRESH_ROOM) {
		err = bk_rows_put_dedupe(t, message.b, BK_ID_BYTES, row);
		if (err || !number)
			return err;
	}
	bk_store_key_number(key, number ? number : s->number + 1);
	if (number)
		return bk_rows_put_fresh(t, key, sizeof key, &fresh);
	err = bk_rows_append(t, BK_T_FRESH, key, sizeof key, &fresh);
	if (!err)
		f->added[f->n_added++] = (struct entry){message, ++s->number};
	return err;
}

/* ---- going over ---- */

static int by_message(const void *a, const void *b)
{
	return memcmp(((const struct entry *)a)->message.b, ((const struct entry *)b)->message.b, BK_ID_BYTES);
}

static void begin(struct bk_fresh *f)
{
	f->n_leaving = f->n / 2;
	memcpy(f->leaving, f->entries, f->n_leaving * sizeof *f->leaving);
	f->last_leaving = f->leaving[f->n_leaving - 1].number;
	f->at = 0;
	qsort(f->leaving, f->n_leaving, sizeof *f->leaving, by_message);
}

static int copy_one(struct bk_txn *t, const struct entry *e)
{
	struct bk_row_fresh row;
	uint8_t key[8], served[BK_STORE_SERVED_MAX * BK_ROWS_TAG];
	int err;

	bk_store_key_number(key, e->number);
	err = bk_rows_get_fresh(t, key, sizeof key, &row);
	if (err == BK_E_NOT_FOUND || (!err && row.dedupe.served.len > sizeof served))
		return 0; /* expired meanwhile */
	if (err)
		return err;
	if (row.dedupe.served.len)
		memcpy(served, row.dedupe.served.data, row.dedupe.served.len); /* the page it lies in may move */
	row.dedupe.served.data = served;
	return bk_rows_put_dedupe(t, e->message.b, BK_ID_BYTES, &row.dedupe);
}

/* All have gone over: their rows in order, from the front. */
static int drop_left(struct bk_fresh *f, struct bk_txn *t)
{
	int err = 0;

	for (size_t i = 0; !err && i < f->n_leaving; i++) {
		uint8_t key[8];

		bk_store_key_number(key, f->entries[i].number);
		err = bk_store_del(t, BK_T_FRESH, key, sizeof key);
	}
	return err;
}

static void forget_left(struct bk_fresh *f)
{
	f->n -= f->n_leaving;
	memmove(f->entries, f->entries + f->n_leaving, f->n * sizeof *f->entries);
	memset(f->slots, 0, SLOTS * sizeof *f->slots);
	for (size_t i = 0; i < f->n; i++)
		index_entry(f, i);
	f->n_leaving = f->at = 0;
	f->last_leaving = 0;
}

void bk_fresh_go_over(struct bk_store *s)
{
	struct bk_fresh *f = s->fresh;
	struct bk_txn *t = NULL;
	size_t at = f->at;
	int err;

	if (!f->n_leaving && f->n >= s->bounds.fresh)
		begin(f);
	if (!f->n_leaving)
		return;
	err = bk_env_begin(s->env, true, &t);
	for (size_t n = 0; !err && n < BK_FRESH_SLICE && at < f->n_leaving; n++)
		err = copy_one(t, &f->leaving[at++]);
	if (!err && at == f->n_leaving)
		err = drop_left(f, t);
	if (err) {
		bk_env_abort(t);
		return;
	}
	err = bk_store_end(s, t);
	if (!err)
		f->at = at;
	if (!err && at == f->n_leaving)
		forget_left(f);
}

void bk_fresh_ended(struct bk_fresh *f, bool committed)
{
	for (size_t i = 0; committed && i < f->n_added; i++)
		add_entry(f, f->added[i]);
	f->n_added = 0;
}
