/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What each frame from a client does. A handler answers by itself: with a reply of the same request number, or
 * with an error frame; it changes nothing when it refuses. Frames borrow from the connection's arena: what must
 * live until a commit is copied into its job.
 *
 * Threads: loop.
 */
#ifndef BK_HANDLERS_H
#define BK_HANDLERS_H

#include "conn.h"
#include "store.h"

/* handle_login.c */
void bk_handle_login(struct bk_conn *c, const Baken__Frame *f);
void bk_handle_resume(struct bk_conn *c, const Baken__Frame *f);
/* handle_enrol.c */
void bk_handle_enrol(struct bk_conn *c, const Baken__Frame *f);
/* An invitation was approved or refused: tells the device if it waits. */
void bk_enrol_decided(struct bk_server *s, bk_id invite);
/* handle_submit.c */
void bk_handle_submit(struct bk_conn *c, const Baken__Frame *f);
/* A device that had no room has room again. */
void bk_submit_room(struct bk_server *s, bk_id device);
/* handle_queue.c */
void bk_handle_ack(struct bk_conn *c, const Baken__Frame *f);
void bk_handle_nack(struct bk_conn *c, const Baken__Frame *f);
void bk_handle_body_get(struct bk_conn *c, const Baken__Frame *f);
void bk_handle_drill(struct bk_conn *c, const Baken__Frame *f);
void bk_handle_path(struct bk_conn *c, const Baken__Frame *f); /* path.c */
/* handle_roster.c */
void bk_handle_roster_get(struct bk_conn *c, const Baken__Frame *f);
void bk_handle_circles_get(struct bk_conn *c, const Baken__Frame *f);
/* handle_prekeys.c */
void bk_handle_prekeys_put(struct bk_conn *c, const Baken__Frame *f);
void bk_handle_prekeys_check(struct bk_conn *c, const Baken__Frame *f);
void bk_handle_prekeys_claim(struct bk_conn *c, const Baken__Frame *f);
void bk_prekeys_free_more(void *more);
/* Fills a state from the store; digest is backed by *hash. */
int bk_prekeys_state(struct bk_store_view *v, bk_id device, Baken__PrekeysState *m, bk_hash *hash);
/* handle_push.c */
void bk_handle_push_set(struct bk_conn *c, const Baken__Frame *f);
/* handle_desk.c */
void bk_handle_duty_set(struct bk_conn *c, const Baken__Frame *f);
void bk_handle_claim(struct bk_conn *c, const Baken__Frame *f);

/* handle_watch.c */
void bk_handle_watch_arm(struct bk_conn *c, const Baken__Frame *f);
void bk_handle_watch_disarm(struct bk_conn *c, const Baken__Frame *f);

struct bk_job;
/* A job that asks on behalf of this connection. */
void bk_handle_push(struct bk_conn *c, const Baken__Frame *f, struct bk_job *job, void (*done)(struct bk_server *, struct bk_job *));
/* Answers an error of the commit or of the record; true when there was one. c may be NULL. */
bool bk_handle_failed(struct bk_conn *c, const struct bk_job *job);
/* Every job's outcome passes here: the operator is told once when writing fails, and once when it works again. */
void bk_handle_outcome(struct bk_server *s, const struct bk_job *job);
/* One line for the audit chain; committed by itself. event and detail are copied. */
void bk_audit(struct bk_server *s, const char *event, const char *format, ...) __attribute__((format(printf, 3, 4)));
struct bk_job *bk_audit_job(const char *event, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
