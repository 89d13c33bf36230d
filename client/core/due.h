/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is due at a desk, and when the next thing is: one pure function of a folded case, the policy and the clock.
 * It does nothing: whoever asks tells and escalates, once for each `at_ms` (R8).
 *
 * Times are UTC; a clock that leaps changes what is due now and nothing else. Threads: pure.
 */
#ifndef BK_DUE_H
#define BK_DUE_H

#include "fold.h"
#include "policy.h"

enum bk_due_kind {
	BK_DUE_NONE = 0,
	BK_DUE_SLA,    /* waits longer than policy lets it, and nobody has it */
	BK_DUE_REMIND, /* a promised contact is near */
	BK_DUE_BROKEN, /* a promised contact was not made */
	BK_DUE_ALARM,  /* an alarm that no officer has touched, by level */
	BK_DUE_BACKUP, /* another desk's alarm that it has not seen: ours now */
	BK_DUE_KINDS
};
#define BK_DUE_MAX 4u /* of one case */
struct bk_due {
	enum bk_due_kind kind;
	unsigned level; /* to escalate to; 0: only to be told */
	bk_ms at_ms;    /* since when: the same on every device of the desk */
};
struct bk_due_list {
	struct bk_due v[BK_DUE_MAX];
	size_t n;
	bk_ms next_ms; /* nothing is added before; UINT64_MAX: nothing to come */
};
/* backup: it is the case of another desk that ours stands behind. */
void bk_due_case(const struct bk_case_state *s, bool backup, const struct bk_policy *p, bk_ms now,
	struct bk_due_list *ret_list);
/* Until when a first answer is due by policy; 0 none. For the board, whoever has it. */
bk_ms bk_due_sla(const struct bk_case_state *s, const struct bk_policy *p);
const char *bk_due_word(enum bk_due_kind kind);

#endif
