/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Outbox: what this device has to say, from the command until a recipient's device has read it. A row outlives
 * kill -9 and weeks offline. Its content is kept until the decrypted rung (M4); its frame, once prepared, is
 * sent again byte for byte, so that every retry is the same message; a changed device list makes a new frame
 * with the same message id, body and chain numbers.
 *
 * Order: class, then age; a row that waits holds no other up. Window: BK_OUT_WINDOW unanswered.
 */
#ifndef BK_OUTBOX_H
#define BK_OUTBOX_H

#include "content.pb-c.h"
#include "link.h"
#include "roles.h"

#define BK_OUT_WINDOW 16u
#define BK_OUT_MAX 10000u
#define BK_OUT_KEEP_MS (7ull * 86400000ull) /* content after it was read: for ask-again */

enum bk_out_state {
	BK_OUT_QUEUED = 0,
	BK_OUT_UPLOADING,
	BK_OUT_BUNDLES,
	BK_OUT_PREPARED,
	BK_OUT_STORED,
	BK_OUT_DECRYPTED,
	BK_OUT_REFUSED
};

struct bk_out {
	bk_id id, logical; /* logical: the original when this repeats one */
	enum bk_out_state state;
	Baken__Class class;
	Baken__Regime regime;
	enum bk_content_kind kind;
	uint64_t order;
	bk_ms created_ms, retry_ms, read_ms;
	unsigned attempts;
	uint64_t request; /* in flight */
	bool topup;       /* an alarm that some devices still miss */
	bool told;        /* "refused" was emitted for the present obstacle */
	bk_id circles[BK_TARGETS_MAX];
	size_t n_circles;
	bk_id files[BK_FILES_MAX]; /* attachments */
	size_t n_files;
};
struct bk_outbox {
	struct bk_out **rows; /* by class, then order */
	size_t n, room;
	size_t in_flight;
	bool aside; /* what is being sent is the device's own word (bk_mark) */
};

struct bk_post {
	Baken__Content *content; /* kind set; the rest is filled in here */
	enum bk_content_kind kind;
	Baken__Class class;
	Baken__Regime regime;
	bk_id circles[BK_TARGETS_MAX];
	size_t n_circles;
	bool copy; /* own other devices too */
	bk_id conversation;
	bk_id files[BK_FILES_MAX];
	size_t n_files;
	bk_id id; /* out; given when not zero */
};
/* BK_E_ROLE, BK_E_TOO_BIG, BK_E_FULL, BK_E_NOT_FOUND (circle). Writes the row; sending follows by itself. */
int bk_outbox_post(struct bk_core *core, struct bk_post *p);

/* Content as it would be posted under p->id, signed, and kept by nobody but the caller. */
int bk_outbox_seal(struct bk_core *core, struct bk_post *p, uint8_t **ret_envelope, size_t *ret_len);

int bk_outbox_load(struct bk_core *core);
void bk_outbox_unload(struct bk_core *core);
struct bk_out *bk_outbox_find(struct bk_core *core, bk_id id);
void bk_outbox_save(struct bk_core *core, const struct bk_out *o);
void bk_outbox_remove(struct bk_core *core, struct bk_out *o);
void bk_outbox_pump(struct bk_core *core);
void bk_outbox_offline(struct bk_core *core);
bk_ms bk_outbox_next(const struct bk_core *core);
/* A recipient's device has read it (logical id). */
void bk_outbox_read(struct bk_core *core, bk_id logical);
/* Encrypt and send again, as a repeat, to one circle (zero: all its circles). BK_E_NOT_FOUND. */
int bk_outbox_repeat(struct bk_core *core, bk_id logical, bk_id circle);
void bk_outbox_wake(struct bk_core *core, bk_id circle); /* zero: all that wait */
void bk_outbox_on_stored(struct bk_core *core, const Baken__Stored *m);
void bk_outbox_on_error(struct bk_core *core, const struct bk_request *r, const Baken__Error *e);
void bk_outbox_on_quota(struct bk_core *core, const Baken__Frame *f); /* quota or quota_resume */
void bk_outbox_tick(struct bk_core *core);
/* Receipts and the like: what keeps ends working and nobody looks at. */
bool bk_outbox_plumbing(enum bk_content_kind kind);
size_t bk_outbox_waiting(const struct bk_core *core); /* not yet stored, plumbing aside */

/* prepare.c: 0 prepared, BK_E_BUSY wait for something asked, other: obstacle. */
int bk_prepare_row(struct bk_core *core, struct bk_out *o);
void bk_prepare_discard(struct bk_core *core, struct bk_out *o); /* its frame; chain numbers stay reserved */
void bk_prepare_accepted(struct bk_core *core, const struct bk_out *o);
/* While nothing waits: does what the next message to the desk will need. */
void bk_prepare_warm(struct bk_core *core);
void bk_prepare_forget(struct bk_core *core, const struct bk_out *o); /* frame and chain rows: no longer needed */

#endif
