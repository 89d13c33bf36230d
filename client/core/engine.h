/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The core's inside: one struct that the modules share, and how a module speaks: events and frames are staged
 * during a turn and released by core.c once the turn's transaction is durable.
 */
#ifndef BK_ENGINE_H
#define BK_ENGINE_H

#include "alarm.h"
#include "api.h"
#include "canaries.h"
#include "capsule.h"
#include "condition.h"
#include "core.h"
#include "db.h"
#include "duty.h"
#include "enrol.h"
#include "files.h"
#include "fold.h"
#include "guidance.h"
#include "household.h"
#include "inbox.h"
#include "items.h"
#include "keyring.h"
#include "link.h"
#include "outbox.h"
#include "pack.h"
#include "policy.h"
#include "receipts.h"
#include "rosters.h"
#include "self.h"
#include "sessions.h"
#include "timers.h"
#include "signal_session.h"

#define BK_NEVER UINT64_MAX

enum bk_sent { BK_SENT_OTHER, BK_SENT_ACK, BK_SENT_SUBMIT };
struct bk_output {
	struct bk_output *next;
	uint64_t seq; /* may leave when this is durable */
	struct bk_core_action action;
	void *owned[3];
	bk_id remove; /* a blob to remove instead of an action */
	enum bk_sent what;
};
struct bk_queue {
	struct bk_output *head, **tail;
};

/* Steps at which a crash test may kill; noted during the turn, passed after its commit. */
enum bk_mark { BK_MARK_QUEUED = 1, BK_MARK_PREPARED = 2, BK_MARK_STORED = 4, BK_MARK_RECEIVED = 8, BK_MARK_PIECE = 16 };
/* Not passed by what a device says of itself, for they are counted in messages of people. */
void bk_mark(struct bk_core *core, enum bk_content_kind kind, enum bk_mark mark);

/* The events of the case that one came late for (cases_state.c). */
struct bk_recent {
	bk_id case_id;
	struct bk_case_event *v;
	size_t n, room;
};

struct bk_core {
	struct bk_core_options o;
	struct bk_db db;
	bk_ms now;
	bool dead;
	unsigned marks;
	struct bk_self self;
	struct bk_signal *signal; /* NULL before enrolment */
	struct bk_arena *arena;
	struct bk_link link;
	struct bk_rosters rosters;
	struct bk_sessions sessions;
	struct bk_outbox outbox;
	struct bk_inbox inbox;
	struct bk_transfers transfers;
	struct bk_guidance guidance;
	struct bk_household household;
	struct bk_condition condition;
	struct bk_canaries canaries;
	struct bk_timers timers;
	struct bk_capsule_sealer sealer; /* of the next message; warmed when ready */
	bool sealer_ready;
	struct bk_queue staged, ready;
	struct bk_output *given;
	bk_ms expire_ms; /* next round of expiry */
	bk_ms lease_ms;  /* next lease to renew; 0 unknown */
	bk_ms due_ms;    /* when something is due at the desk; 0 unknown */
	int64_t due_skew_ms; /* of the clock, when that was found */
	struct bk_recent recent;
	struct bk_policy policy; /* when policy_read */
	bool policy_read;
	size_t policy_on_duty; /* how many were on duty when a lead last looked whom to send it */
	bool keyring_idle;      /* no body is waited for */
	bk_ms keyring_retry_ms; /* do not ask for bodies before this */
	bool duty_heard;        /* this session has told who is on duty */
	struct bk_signoff signoff;
	bool handover_looked;   /* this session has looked for accepted cases to move */
	bk_ms shift_ms;         /* next look at the shift plan; 0: none */
	bk_ms alarm_ms;  /* when the alarm or a place needs a turn */
	json_t *fix;     /* the last place; memory only */
	char host[256];
};

/* event: stolen; NULL (no memory) fails the turn. */
void bk_emit(struct bk_core *core, json_t *event);
json_t *bk_event(const char *name);
void bk_event_error(const struct bk_core *core, json_t *event, int err);
void bk_stage_drop(struct bk_core *core); /* throws away what this turn has staged */
void bk_stage_frame(struct bk_core *core, uint8_t *frame, size_t len, enum bk_sent what); /* frame: stolen */
void bk_stage_connect(struct bk_core *core);
void bk_stage_disconnect(struct bk_core *core);
/* path and headers: stolen. Returns the request's number. */
uint64_t bk_stage_http(struct bk_core *core, const char *method, char *path, char *headers, const bk_id *blob,
	uint64_t offset, uint64_t len);
void bk_stage_remove(struct bk_core *core, bk_id blob); /* once durable */
int bk_self_keep(struct bk_core *core); /* saves core->self */
bool bk_is_desk(const struct bk_core *core);   /* officer, lead, vault */
bool bk_is_person(const struct bk_core *core); /* person, relative, child */
bool bk_is_care(const struct bk_core *core);
/* Forget what is in memory and read it again (a failed command was undone). */
int bk_core_reload(struct bk_core *core);

#endif
