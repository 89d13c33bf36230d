/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A case is the fold of its events, one pure function: the same on every device whatever the order of arrival
 * and however often an event came. Order is (time, questions last, id).
 *
 * Who may: a claim while another's lease runs does not take the case (it waits for a release: the server gives
 * no lease twice, so it is a clock that is off, or forged); only the owner releases, hands over and closes; a gut
 * feeling closes only after an answer that a person wrote. What had no right is counted and changes nothing else.
 *
 * Threads: pure. Memory: the caller's.
 */
#ifndef BK_FOLD_H
#define BK_FOLD_H

#include "ids.h"
#include "bounds.h"

/* Those of desk.proto with its numbers, then those that a device makes of the messages it reads. */
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
	BK_CASE_MESSAGE,      /* the person wrote again */
	BK_CASE_ALARM,        /* opens a case, or joins one */
	BK_CASE_ALARM_ENDED,  /* the person says so; the alarm stays until the desk closes */
	BK_CASE_DURESS,       /* something in the case was sent under duress */
	BK_CASE_MISSED,       /* an alarm by a timer that was not confirmed */
	BK_CASE_KINDS
};
struct bk_case_event {
	bk_id id;
	bk_ms at_ms;
	enum bk_case_kind kind;
	bk_id by;         /* device */
	bk_ms until_ms;   /* CLAIMED, HANDED_OVER: lease; PROMISED: next contact, 0 withdrawn */
	bk_id other;      /* HANDED_OVER: device; TRANSFERRED: desk; LINKED: case */
	unsigned urgency; /* OPENED: the person's; URGENCY: an officer's, 0 none */
	unsigned level;   /* ESCALATED: 1, 2, 3 */
	unsigned attachments;
	bool weak;        /* OPENED: a gut feeling */
	bool answers;     /* REPLIED: an answer that a person wrote */
	bool by_hand;     /* ESCALATED: by an officer, not by a timer */
	bool drill;
};

#define BK_CASE_JOINED_MAX 16u
struct bk_case_mark { /* of the newest event */
	bk_ms at_ms;
	bool question;
	bk_id id;
};
struct bk_case_state {
	bool opened, closed;
	bool gone;                   /* transferred to another desk */
	bool weak, answered;         /* answered: since the last question */
	bool alarm, missed, duress;  /* until closed */
	bool alarm_ended;            /* says the person */
	bool drill;
	bk_id owner;                 /* zero: nobody */
	bk_ms since_ms, until_ms;
	bk_ms free_ms;               /* when it was last released; 0 while somebody has it */
	bk_id rival;                 /* claimed while the owner's lease ran */
	bk_ms rival_since_ms, rival_until_ms;
	bk_ms opened_ms, waiting_ms, last_ms, closed_ms; /* waiting_ms: since when an answer is due; 0 none */
	unsigned urgency, set_urgency; /* the person's; an officer's beside it, 0 none */
	unsigned attachments;
	bk_ms promise_ms, promised_ms; /* next contact, 0 none; when that was said */
	bk_id promised_by;
	unsigned kept, broken;       /* promises */
	unsigned level, hand_level;  /* escalated by timers, until claimed or answered; by hand, until closed */
	bk_ms alarm_ms;              /* since when an alarm is open; 0 none */
	bk_ms human_ms;              /* when an officer first touched it */
	bk_ms seen_ms;               /* when the first desk had it (SEEN) */
	bk_id joined[BK_CASE_JOINED_MAX];
	unsigned n_joined;
	unsigned refused;            /* events that had no right */
	struct bk_case_mark mark;
};
/* Sorts and dedupes events in place. */
void bk_fold(struct bk_case_event *events, size_t n, struct bk_case_state *ret_state);
/*
 * One more, when it comes after all that are in: the same state as a fold of all. False, and nothing changed, when
 * it belongs between them: fold all. The event must not be in already.
 */
bool bk_fold_next(struct bk_case_state *s, const struct bk_case_event *e);
int bk_fold_order(const struct bk_case_event *a, const struct bk_case_event *b); /* <0: a before b */
/* Somebody holds it: an owner whose lease runs. */
bool bk_fold_held(const struct bk_case_state *s, bk_ms now);
/* The officer's urgency, else the person's; what was said without one is read today. */
unsigned bk_fold_urgency(const struct bk_case_state *s);
unsigned bk_fold_level(const struct bk_case_state *s);
bool bk_fold_joined(const struct bk_case_state *s, bk_id device);

/* Board order: <0 a before b. Open, real before drill, then alarm, missed, duress, urgency, longest waiting. */
struct bk_board_key {
	bool closed, drill, alarm, missed, duress;
	unsigned urgency;
	bk_ms waiting_ms, opened_ms;
	bk_id id;
};
int bk_fold_compare(const struct bk_board_key *a, const struct bk_board_key *b);

#endif
