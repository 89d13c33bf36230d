/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Token buckets per address and per device. Tables are bounded; what happens when one is full is named:
 * addresses fail closed (an attacker with many addresses gets no more than the table), devices fail open (they
 * have logged in; one device is cut to its own rate, never another's), alarms above their own rate are carried as
 * urgent messages (docs/decisions/0050-alarms-above-their-rate.md).
 *
 * Threads: loop. Time is given.
 */
#ifndef BK_THROTTLE_H
#define BK_THROTTLE_H

#include "ids.h"
#include "options.h"

#define BK_THROTTLE_SLOTS 16384u /* 1 MiB; eight ways */

struct bk_bucket {
	float tokens;
	uint32_t at_ms; /* low bits of the time */
};
enum bk_rate {
	BK_RATE_ACCEPT,
	BK_RATE_LOGIN,
	BK_RATE_MESSAGE,
	BK_RATE_CLAIM,
	BK_RATE_FRAME,
	BK_RATE_ALARM,
	BK_RATE_PAIR, /* one-time prekeys of one device for another: ten, then ten an hour */
	BK_RATES
};

struct bk_throttle_slot;
struct bk_throttle {
	struct bk_throttle_slot *addresses, *devices;
	uint8_t key[16];
	float per_ms[BK_RATES], burst[BK_RATES]; /* 0: no limit */
	uint32_t open_max;
};

int bk_throttle_init(struct bk_throttle *t, const struct bk_options *o);
void bk_throttle_done(struct bk_throttle *t);
/* A new connection; false: refuse it. Every accepted one is given back by closed. */
bool bk_throttle_accept(struct bk_throttle *t, const char *address, bk_ms now);
void bk_throttle_closed(struct bk_throttle *t, const char *address);
/* Takes one token. 0, or after how many milliseconds to try again. */
uint64_t bk_throttle_address(struct bk_throttle *t, const char *address, enum bk_rate rate, bk_ms now);
uint64_t bk_throttle_device(struct bk_throttle *t, bk_id device, enum bk_rate rate, bk_ms now);
/* The same for what one device asks about another. */
uint64_t bk_throttle_pair(struct bk_throttle *t, bk_id device, bk_id other, enum bk_rate rate, bk_ms now);

#endif
