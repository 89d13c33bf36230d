/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store_late.h"

#include <stdlib.h>

#include "err.h"
#include "store_in.h"

#define SLOTS (2u * BK_LATE_ROOM)

struct place {
	uint8_t key[BK_KEY_OUTBOX];
	struct bk_row_outbox row;
	size_t op;
};
struct state {
	bk_id device;
	struct bk_row_state row;
	size_t op;
};

struct bk_late {
	struct place places[BK_LATE_ROOM];
	struct state states[BK_LATE_ROOM];
	uint16_t slots[SLOTS]; /* 1 + index of a state, by its device: at most half full */
	size_t n_places, n_states, op;
};

int bk_late_new(struct bk_late **ret_late)
{
	*ret_late = calloc(1, sizeof **ret_late);
	return *ret_late ? 0 : BK_E_NOMEM;
}

void bk_late_free(struct bk_late *l)
{
	free(l);
}

bool bk_late_has_room(const struct bk_late *l, size_t devices)
{
	return devices <= BK_LATE_ROOM - l->n_places && devices <= BK_LATE_ROOM - l->n_states;
}

void bk_late_begin(struct bk_late *l, size_t op)
{
	l->op = op;
}

/* Device ids are certified by the circle's own keys: nobody gains by choosing where they lie. */
static size_t slot_of(const struct bk_late *l, bk_id device)
{
	size_t slot;
	uint32_t h;

	memcpy(&h, device.b, sizeof h);
	for (slot = h % SLOTS; l->slots[slot]; slot = (slot + 1) % SLOTS)
		if (bk_id_equal(l->states[l->slots[slot] - 1].device, device))
			break;
	return slot;
}

int bk_late_state(const struct bk_late *l, struct bk_txn *t, bk_id device, struct bk_row_state *ret_state)
{
	size_t i = l->slots[slot_of(l, device)];

	if (!i)
		return bk_store_state(t, device, ret_state);
	*ret_state = l->states[i - 1].row;
	return 0;
}

void bk_late_put_state(struct bk_late *l, bk_id device, const struct bk_row_state *row)
{
	size_t slot = slot_of(l, device);

	if (!l->slots[slot]) {
		BK_ASSERT(l->n_states < BK_LATE_ROOM);
		l->states[l->n_states].device = device;
		l->slots[slot] = (uint16_t)++l->n_states;
	}
	l->states[l->slots[slot] - 1].row = *row;
	l->states[l->slots[slot] - 1].op = l->op;
}

void bk_late_put_outbox(struct bk_late *l, bk_id device, uint64_t seq, const struct bk_row_outbox *row)
{
	struct place *p = &l->places[l->n_places];

	BK_ASSERT(l->n_places < BK_LATE_ROOM);
	bk_store_key_outbox(p->key, device, seq);
	p->row = *row;
	p->op = l->op;
	l->n_places++;
}

static int by_key(const void *a, const void *b)
{
	return memcmp(((const struct place *)a)->key, ((const struct place *)b)->key, BK_KEY_OUTBOX);
}

static int by_device(const void *a, const void *b)
{
	return memcmp(((const struct state *)a)->device.b, ((const struct state *)b)->device.b, BK_ID_BYTES);
}

int bk_late_flush(struct bk_late *l, struct bk_txn *t, size_t *ret_op)
{
	int err = 0;

	qsort(l->places, l->n_places, sizeof *l->places, by_key);
	qsort(l->states, l->n_states, sizeof *l->states, by_device);
	for (size_t i = 0; !err && i < l->n_places; i++) {
		*ret_op = l->places[i].op;
		err = bk_rows_put_outbox(t, l->places[i].key, BK_KEY_OUTBOX, &l->places[i].row);
	}
	for (size_t i = 0; !err && i < l->n_states; i++) {
		*ret_op = l->states[i].op;
		err = bk_rows_put_state(t, l->states[i].device.b, BK_ID_BYTES, &l->states[i].row);
	}
	bk_late_forget(l);
	return err;
}

void bk_late_forget(struct bk_late *l)
{
	if (l->n_states)
		memset(l->slots, 0, sizeof l->slots);
	l->n_places = l->n_states = 0;
}
