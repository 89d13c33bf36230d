/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A case is the fold of its events, one pure function: the same on every device whatever the order of arrival
 * and however often an event came. Order is (time, questions last, id).
 */
#ifndef BK_FOLD_H
#define BK_FOLD_H

#include "ids.h"
#include "bounds.h"

/* Up to SEEN the numbers of CaseEvent.Kind (desk.proto); the rest follows from messages. */
enum bk_case_kind {
	BK_CASE_NONE = 0,
	BK_CASE_OPENED, /* the first message */
	BK_CASE_CLAIMED,
	BK_CASE_RELEASED,
	BK_CASE_REPLIED,
	BK_CASE_NOTE,
	BK_CASE_CLOSED,
	BK_CASE_REOPENED,
	BK_CASE_URGENCY,
	BK_CASE_PROMISED,
	BK_CASE_ESCALATED,
	BK_CASE_HANDED_OVER,
	BK_CASE_TRANSFERRED,
	BK_CASE_EXPORTED,
	BK_CASE_LINKED,
	BK_CASE_JOINED,
	BK_CASE_LEFT,
	BK_CASE_READ,
	BK_CASE_SEEN,
	BK_CASE_MESSAGE,     /* the person wrote again */
	BK_CASE_ALARM,       /* the person raised an alarm */
	BK_CASE_ALARM_ENDED, /* and says that it is over */
	BK_CASE_MISSED,      /* a timer was not confirmed */
	BK_CASE_DURESS,      /* something of it was written under duress */
	BK_CASE_KINDS
};
struct bk_case_event {
	bk_id id;
	bk_ms at_ms;
	enum bk_case_kind kind;
	bk_id by;        /* device */
	bk_ms until_ms;  /* CLAIMED: lease */
	unsigned urgency; /* OPENED */
	unsigned attachments;
	bool drill;
};
struct bk_case_state {
	bool opened, closed;
	bk_id owner; /* zero: nobody */
	bk_ms since_ms, until_ms;
	bk_ms opened_ms, waiting_ms, last_ms, closed_ms; /* waiting_ms: since when an answer is due; 0 none */
	unsigned urgency, attachments;
	bool drill;
};
/* Sorts and dedupes events in place. */
void bk_fold(struct bk_case_event *events, size_t n, struct bk_case_state *ret_state);
/* Board order: <0 a before b. Urgency, drill after real, longest waiting first. */
struct bk_board_key {
	unsigned urgency;
	bool drill;
	bool closed;
	bk_ms waiting_ms, opened_ms;
	bk_id id;
};
int bk_fold_compare(const struct bk_board_key *a, const struct bk_board_key *b);

#endif
