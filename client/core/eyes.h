/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Four eyes: guidance to many people goes out only when a second officer has said so. What stands is a function of
 * the request, of all that was said to it in whatever order it came, and of the clock; so every device of the desk
 * comes to the same answer.
 *
 * Invariant: a consent counts for one request and one draft, from another account than asked (a second device is no
 * second pair of eyes), by a device that is still certified, within BK_EYES_MS; a refusal outweighs it.
 *
 * Threads: pure.
 */
#ifndef BK_EYES_H
#define BK_EYES_H

#include "content.pb-c.h"
#include "ids.h"

#define BK_EYES_MS (60ull * 60000ull) /* a request that nobody answered is over */

enum bk_eyes { BK_EYES_ASKED, BK_EYES_GIVEN, BK_EYES_REFUSED, BK_EYES_TAKEN_BACK, BK_EYES_EXPIRED, BK_EYES_SENT };

struct bk_eyes_request {
	bk_id account; /* who asks */
	bk_hash draft;
	bk_ms asked_ms;
};
struct bk_eyes_word {
	Baken__Approval__Verb verb;
	bk_id account;
	bk_hash draft;  /* GIVEN */
	bool certified; /* its device is, now, as an officer of this desk */
};

/* ret_by: the word that decided; n when none did. May be NULL. */
enum bk_eyes bk_eyes_fold(const struct bk_eyes_request *r, const struct bk_eyes_word *words, size_t n, bk_ms now,
	size_t *ret_by);
/* May this account answer it at all? */
bool bk_eyes_may_answer(const struct bk_eyes_request *r, bk_id account);
const char *bk_eyes_name(enum bk_eyes e); /* "asked", "given", "refused", "taken-back", "expired", "sent" */

#endif
