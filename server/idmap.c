/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "idmap.h"

#include <stdlib.h>

#include "err.h"

struct bk_idmap_slot {
	bk_id id;
	void *value;
	bool used; /* value NULL and used: a grave that look-ups pass over */
};

static size_t start(bk_id id, size_t room)
{
	uint64_t h;

	memcpy(&h, id.b, sizeof h);
	return (size_t)(h & (room - 1));
}

static struct bk_idmap_slot *find(const struct bk_idmap *m, bk_id id)
{
	if (!m->room)
		return NULL;
	for (size_t i = start(id, m->room);; i = (i + 1) & (m->room - 1)) {
		struct bk_idmap_slot *s = &m->slots[i];

		if (!s->used)
			return NULL;
		if (s->value && bk_id_equal(s->id, id))
			return s;
	}
}

void *bk_idmap_find(const struct bk_idmap *m, bk_id id)
{
	const struct bk_idmap_slot *s = find(m, id);

	return s ? s->value : NULL;
}

static void place(struct bk_idmap *m, bk_id id, void *value)
{
	size_t i = start(id, m->room);

	while (m->slots[i].used)
		i = (i + 1) & (m->room - 1);
	m->slots[i] = (struct bk_idmap_slot){id, value, true};
	m->used++;
}

static int grow(struct bk_idmap *m)
{
	struct bk_idmap bigger = {.room = 64, .n = m->n};

	while (bigger.room < m->n * 4)
		bigger.room *= 2;
	bigger.slots = calloc(bigger.room, sizeof *bigger.slots);
	if (!bigger.slots)
		return BK_E_NOMEM;
	for (size_t i = 0; i < m->room; i++)
		if (m->slots[i].value)
			place(&bigger, m->slots[i].id, m->slots[i].value);
	free(m->slots);
	*m = bigger;
	return 0;
}

int bk_idmap_put(struct bk_idmap *m, bk_id id, void *value)
{
	struct bk_idmap_slot *s = find(m, id);

	if (s) {
		s->value = value;
		return 0;
	}
	if (m->used * 4 >= m->room * 3 && grow(m))
		return BK_E_NOMEM;
	place(m, id, value);
	m->n++;
	return 0;
}

void bk_idmap_del(struct bk_idmap *m, bk_id id)
{
	struct bk_idmap_slot *s = find(m, id);

	if (!s)
		return;
	s->value = NULL;
	m->n--;
}

void *bk_idmap_next(const struct bk_idmap *m, size_t *at)
{
	while (*at < m->room) {
		void *v = m->slots[(*at)++].value;

		if (v)
			return v;
	}
	return NULL;
}

void bk_idmap_done(struct bk_idmap *m)
{
	free(m->slots);
	*m = (struct bk_idmap){0};
}
