/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * When a device is woken and when it is tried again: pure functions of class, answer and clock.
 *
 * Threads: pure. Memory: the caller's. Sources: RFC 8030 (TTL 5.2, Urgency 5.3, answers 5 and 7.3), RFC 9110 10.2.3.
 */
#ifndef BK_PUSH_RULE_H
#define BK_PUSH_RULE_H

#include <stdbool.h>

#include "ids.h"
#include "wire.pb-c.h"

#define BK_PUSH_QUIET_MS 300000u    /* between two wakes for ordinary messages while the device stays away */
#define BK_PUSH_WAIT_MAX_MS 3600000u /* however long a push host asks for */

struct bk_push_class {
	bk_ms delay_ms;      /* what arrives meanwhile is one wake */
	uint32_t ttl_s;      /* how long the push host keeps it for a device it does not reach */
	const char *urgency;
	bk_ms give_up_ms;    /* after the first attempt */
};
/* NULL: this class wakes nobody. */
const struct bk_push_class *bk_push_rule_class(Baken__Class class);
/* Of two wakes for one device the one that goes. */
Baken__Class bk_push_rule_stronger(Baken__Class a, Baken__Class b);

enum bk_push_verdict {
	BK_PUSH_DONE,    /* taken */
	BK_PUSH_GONE,    /* this endpoint is no more */
	BK_PUSH_LATER,   /* the host is unreachable, busy or broken */
	BK_PUSH_REFUSED, /* the host will never take it like this; redirects too: none is followed */
};
/* err: of the connection; status: of HTTP when err is 0. */
enum bk_push_verdict bk_push_rule_verdict(int err, long status);
/* Seconds or an HTTP date, as time to wait; 0: nothing usable. At most BK_PUSH_WAIT_MAX_MS. */
bk_ms bk_push_rule_retry_after(const char *value, bk_ms now);
/* Before attempt number `attempt` (1: the first repeat): doubles from 2 s to 10 min, a quarter of it by chance. */
bk_ms bk_push_rule_wait(unsigned attempt, uint32_t chance);

/* A host that fails is left in peace; after that one request tries it. */
struct bk_push_breaker {
	unsigned failures;  /* in a row */
	bk_ms until_ms;     /* nothing is sent before */
	bool trying;        /* one request is on its way after that */
};
bool bk_push_breaker_lets(struct bk_push_breaker *b, bk_ms now);
/* True when the state changed between working and not. */
bool bk_push_breaker_failed(struct bk_push_breaker *b, bk_ms now, bk_ms asked_ms);
bool bk_push_breaker_worked(struct bk_push_breaker *b);

#endif
