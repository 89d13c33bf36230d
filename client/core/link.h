/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The connection as a state machine: connect with jittered exponential back-off, verify the server's Hello up
 * to the pinned root, log in, number requests and time them out, hand frames to their modules.
 *
 * Invariant: not one frame is sent before the Hello verified; a native client on TLS binds the exporter or
 * refuses (no downgrade). Every reply is matched to an open request.
 */
#ifndef BK_LINK_H
#define BK_LINK_H

#include "core.h"
#include "frame.h"

enum bk_link_state {
	BK_LINK_OFF,
	BK_LINK_WAIT,       /* until `at` */
	BK_LINK_CONNECTING,
	BK_LINK_HELLO,      /* open, nothing verified */
	BK_LINK_ENROL,
	BK_LINK_LOGIN,
	BK_LINK_ONLINE,
	BK_LINK_CLOSING     /* waits for the rim's disconnected() */
};

enum bk_request_kind {
	BK_REQ_NONE,
	BK_REQ_ENROL,
	BK_REQ_LOGIN,
	BK_REQ_RESUME,
	BK_REQ_SUBMIT,
	BK_REQ_ROSTER,
	BK_REQ_CIRCLES,
	BK_REQ_PREKEYS,
	BK_REQ_BUNDLES,
	BK_REQ_DUTY,
	BK_REQ_PUSH,
	BK_REQ_CLAIM,
	BK_REQ_DRILL,
	BK_REQ_PATH,
	BK_REQ_BODY,
	BK_REQ_WATCH
};

struct bk_request {
	uint64_t number;
	enum bk_request_kind kind;
	bk_ms deadline;   /* 0: none */
	bool command;     /* a command waits for the answer */
	uint64_t command_id;
	bk_id id;         /* message, circle, device or case */
	int verb;
};
#define BK_REQUESTS_MAX 128u
#define BK_REQUEST_MS 30000u

struct bk_link {
	enum bk_link_state state;
	bool wanted;
	unsigned failures;
	bk_ms at;        /* time-out or retry, by state */
	bk_ms retry_min; /* the server asked to stay away this long */
	struct bk_core_link peer;
	uint8_t nonce[32];
	uint8_t exporter[32];
	char token[65]; /* for /files, this session */
	int64_t skew_ms;
	bool skew_told;
	bool caught_up;
	uint64_t last_number;
	struct bk_request requests[BK_REQUESTS_MAX];
	size_t n_requests;
};

struct bk_core;
void bk_link_want(struct bk_core *core, bool wanted);
/* Ask the rim to close; err is told in the event. Retries by itself while wanted. */
void bk_link_drop(struct bk_core *core, int err);
/* Close and come back at once (after enrolment). */
void bk_link_again(struct bk_core *core);
bool bk_link_online(const struct bk_core *core);
bool bk_link_busy(const struct bk_core *core); /* the request table is nearly full */

int bk_link_connected(struct bk_core *core, const struct bk_core_link *peer);
int bk_link_received(struct bk_core *core, const void *frame, size_t len);
int bk_link_disconnected(struct bk_core *core, int err);
void bk_link_tick(struct bk_core *core);
bk_ms bk_link_next(const struct bk_core *core);

/* Sends a frame as a request; NULL when it cannot be sent (the turn is then failing or the table is full). */
struct bk_request *bk_link_request(struct bk_core *core, enum bk_request_kind kind, Baken__Frame *f);
/* The same for a frame that is already encoded without its number. */
struct bk_request *bk_link_request_raw(struct bk_core *core, enum bk_request_kind kind, const uint8_t *frame,
	size_t len);
/* Sends a frame without a reply. */
void bk_link_send(struct bk_core *core, const Baken__Frame *f);
bool bk_link_pending(const struct bk_core *core, enum bk_request_kind kind, bk_id id);
/* Forgets requests numbered above `last` (their frames were thrown away with a failed command). */
void bk_link_forget(struct bk_core *core, uint64_t last);

#endif
