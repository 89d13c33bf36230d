/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "throttle.h"

#include <sodium.h>
#include <stdlib.h>

#include "err.h"

#define WAYS 8u
#define FORGET_MS 120000u /* a slot unused for so long may be given to another name */

struct bk_throttle_slot {
	uint64_t who; /* keyed hash: nobody can choose to collide */
	uint32_t open;
	uint32_t used_ms;
	struct bk_bucket buckets[BK_RATES];
};

int bk_throttle_init(struct bk_throttle *t, const struct bk_options *o)
{
	const struct {
		enum bk_rate rate;
		uint64_t n, per_ms, burst;
	} rates[] = {
		{BK_RATE_ACCEPT, o->accepts_address, 1000, 4 * o->accepts_address},
		{BK_RATE_LOGIN, o->logins_address, 60000, o->logins_address},
		{BK_RATE_MESSAGE, o->messages_device, 1000, 5 * o->messages_device},
		{BK_RATE_CLAIM, o->claims_device, 60000, o->claims_device},
		{BK_RATE_FRAME, o->messages_device * 4, 1000, 20 * o->messages_device},
		{BK_RATE_ALARM, o->alarms_device, 60000, o->alarms_device},
		{BK_RATE_PAIR, 10, 3600000, 10},
	};

	*t = (struct bk_throttle){.open_max = (uint32_t)o->connections_address};
	randombytes_buf(t->key, sizeof t->key);
	for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
		t->per_ms[rates[i].rate] = (float)rates[i].n / (float)rates[i].per_ms;
		t->burst[rates[i].rate] = (float)rates[i].burst;
	}
	t->addresses = calloc(BK_THROTTLE_SLOTS, sizeof *t->addresses);
	t->devices = calloc(BK_THROTTLE_SLOTS, sizeof *t->devices);
	if (t->addresses && t->devices)
		return 0;
	bk_throttle_done(t);
	return BK_E_NOMEM;
}

void bk_throttle_done(struct bk_throttle *t)
{
	free(t->addresses);
	free(t->devices);
	t->addresses = t->devices = NULL;
}

static uint64_t name_of(const struct bk_throttle *t, const void *data, size_t len)
{
	uint8_t h[crypto_shorthash_BYTES];
	uint64_t v;

	crypto_shorthash(h, data, len, t->key);
	memcpy(&v, h, sizeof v);
	return v ? v : 1;
}

/* The slot of this name, or the least recently used free one of its ways; NULL: all are busy. */
static struct bk_throttle_slot *slot_of(const struct bk_throttle *t, struct bk_throttle_slot *table, uint64_t who,
	uint32_t now)
{
	struct bk_throttle_slot *set = &table[who % (BK_THROTTLE_SLOTS / WAYS) * WAYS], *best = NULL;

	for (size_t i = 0; i < WAYS; i++)
		if (set[i].who == who)
			return &set[i];
	for (size_t i = 0; i < WAYS; i++) {
		if (set[i].who && (set[i].open || now - set[i].used_ms < FORGET_MS))
			continue;
		if (!best || !set[i].who)
			best = &set[i];
	}
	if (!best)
		return NULL;
	*best = (struct bk_throttle_slot){.who = who, .used_ms = now};
	for (size_t i = 0; i < BK_RATES; i++)
		best->buckets[i] = (struct bk_bucket){t->burst[i], now};
	return best;
}

static uint64_t take(const struct bk_throttle *t, struct bk_throttle_slot *s, enum bk_rate rate, uint32_t now)
{
	struct bk_bucket *b = &s->buckets[rate];
	float per_ms = t->per_ms[rate];

	s->used_ms = now;
	if (per_ms <= 0)
		return 0;
	b->tokens += per_ms * (float)(now - b->at_ms);
	b->at_ms = now;
	if (b->tokens > t->burst[rate])
		b->tokens = t->burst[rate];
	if (b->tokens >= 1) {
		b->tokens -= 1;
		return 0;
	}
	return (uint64_t)((1 - b->tokens) / per_ms) + 1;
}

bool bk_throttle_accept(struct bk_throttle *t, const char *address, bk_ms now)
{
	struct bk_throttle_slot *s = slot_of(t, t->addresses, name_of(t, address, strlen(address)), (uint32_t)now);

	if (!s || s->open >= t->open_max || take(t, s, BK_RATE_ACCEPT, (uint32_t)now))
		return false;
	s->open++;
	return true;
}

void bk_throttle_closed(struct bk_throttle *t, const char *address)
{
	uint64_t who = name_of(t, address, strlen(address));
	struct bk_throttle_slot *set = &t->addresses[who % (BK_THROTTLE_SLOTS / WAYS) * WAYS];

	for (size_t i = 0; i < WAYS; i++)
		if (set[i].who == who && set[i].open)
			set[i].open--;
}

uint64_t bk_throttle_address(struct bk_throttle *t, const char *address, enum bk_rate rate, bk_ms now)
{
	struct bk_throttle_slot *s = slot_of(t, t->addresses, name_of(t, address, strlen(address)), (uint32_t)now);

	return s ? take(t, s, rate, (uint32_t)now) : FORGET_MS; /* fail closed */
}

uint64_t bk_throttle_device(struct bk_throttle *t, bk_id device, enum bk_rate rate, bk_ms now)
{
	struct bk_throttle_slot *s = slot_of(t, t->devices, name_of(t, device.b, sizeof device.b), (uint32_t)now);

	return s ? take(t, s, rate, (uint32_t)now) : 0; /* fail open */
}

uint64_t bk_throttle_pair(struct bk_throttle *t, bk_id device, bk_id other, enum bk_rate rate, bk_ms now)
{
	uint8_t both[2 * BK_ID_BYTES];
	struct bk_throttle_slot *s;

	memcpy(both, device.b, BK_ID_BYTES);
	memcpy(both + BK_ID_BYTES, other.b, BK_ID_BYTES);
	s = slot_of(t, t->devices, name_of(t, both, sizeof both), (uint32_t)now);
	return s ? take(t, s, rate, (uint32_t)now) : 0; /* fail open */
}
