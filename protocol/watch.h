/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The sealed dead-man's switch: what the two sides of a timer derive. The desk holds the watch key W, the server a
 * body under K = BLAKE2b-256(key W, "baken-watch-body-v1" || watch id || counter); neither alone can read it. The
 * message id of a fired body is the first 16 bytes of BLAKE2b-256("baken-watch-id-v1" || watch id || counter), so a
 * timer that fires twice is one message. Counters are 64 bits, little-endian.
 *
 * Invariant: another counter is another key and another message.
 * Threads: pure. Secrets: W and K; wiped by their owner.
 */
#ifndef BK_WATCH_H
#define BK_WATCH_H

#include "ids.h"
#include "bounds.h"

/* BK_E_CRYPTO: the library refused. */
int bk_watch_body_key(const uint8_t watch_key[static BK_KEY_BYTES], bk_id watch, uint64_t counter,
	uint8_t ret_key[static BK_KEY_BYTES]);
bk_id bk_watch_message_id(bk_id watch, uint64_t counter);

/* What the server says of a fired one beside the body. It lies where a capsule lies in other messages. */
struct bk_watch_fired {
	bk_id watch;
	uint64_t counter;
	bk_ms due_ms, fired_ms;
	uint64_t down_ms; /* of the time between, how long the server was not running */
};
#define BK_WATCH_FIRED_BYTES (BK_ID_BYTES + 4 * 8)

void bk_watch_fired_encode(const struct bk_watch_fired *f, uint8_t out[static BK_WATCH_FIRED_BYTES]);
/* BK_E_INVAL: any other length. */
int bk_watch_fired_decode(const void *data, size_t len, struct bk_watch_fired *ret_fired);

#endif
