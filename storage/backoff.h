/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Wrong passphrases cost time: after BK_BACKOFF_FREE misses each next one has to wait, twice as long every time,
 * to BK_BACKOFF_MAX_MS. Nothing is ever wiped by guessing (a child, a pocket and a cat guess too).
 *
 * What is remembered lies in one small file of one size, overwritten in place so that a full disk changes nothing;
 * a miss is counted before it is tried, so that killing the program gives no free one. Within one run of the machine
 * time is the machine's own, whatever its clock is set to; after a restart it is the clock's, and one that was set
 * back begins the wait anew. It slows down hands on a keyboard; who copies the disk guesses elsewhere (seal.h).
 *
 * Threads: no shared state. Secrets: none.
 */
#ifndef BK_BACKOFF_H
#define BK_BACKOFF_H

#include "ids.h"

#define BK_BACKOFF_FREE 5u
#define BK_BACKOFF_FIRST_MS 5000u
#define BK_BACKOFF_MAX_MS (15u * 60000u)
#define BK_BACKOFF_BYTES 64u

struct bk_backoff_clock {
	uint8_t boot[16];  /* of this run of the machine */
	uint64_t boot_ms;  /* since it began, sleep included */
	bk_ms wall_ms;
};
struct bk_backoff {
	uint32_t misses;
	struct bk_backoff_clock last; /* when the last one was tried */
};

/* ---- pure ---- */

uint64_t bk_backoff_wait(uint32_t misses); /* after so many: ms until the next may be tried */
uint64_t bk_backoff_left(const struct bk_backoff *b, const struct bk_backoff_clock *now);
/* The clock was set back since: the wait runs from now. False: as it was. */
bool bk_backoff_anchor(struct bk_backoff *b, const struct bk_backoff_clock *now);
void bk_backoff_encode(const struct bk_backoff *b, uint8_t out[static BK_BACKOFF_BYTES]);
/* What is damaged counts as BK_BACKOFF_FREE misses just now: neither a gift nor a lock-out. */
void bk_backoff_decode(const void *data, size_t len, const struct bk_backoff_clock *now, struct bk_backoff *ret_b);

/* ---- the file ---- */

void bk_backoff_clock_read(struct bk_backoff_clock *ret_now);
/*
 * Before a try: 0 and the miss is counted, or BK_E_RATE with the time left. A file that cannot be written does not
 * keep anybody out.
 */
int bk_backoff_begin(const char *path, const struct bk_backoff_clock *now, uint64_t *ret_left_ms);
void bk_backoff_forgive(const char *path, const struct bk_backoff_clock *now); /* after one that was right */
uint64_t bk_backoff_ask(const char *path, const struct bk_backoff_clock *now); /* ms left; counts nothing */

#endif
