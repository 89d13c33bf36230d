/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A device of a realm in conversation with a real server: socket and wire together, blocking.
 *
 * Threads: one. Memory: a frame lives until the next call on the same talk.
 */
#ifndef BK_TALK_H
#define BK_TALK_H

#include "realm.h"
#include "sock.h"

struct bk_talk {
	const struct bk_realm *realm;
	uint32_t index; /* device */
	struct bk_sock *sock;
	struct bk_wire_line line;
	struct bk_ws_buf out; /* for the builders of wire.h */
};

void bk_talk_init(struct bk_talk *t, const struct bk_realm *r, uint32_t device);
void bk_talk_done(struct bk_talk *t);
/* Connects and takes in Hello. */
int bk_talk_dial(struct bk_talk *t, bool tls);
/* dial, and login by signature; its error, or 0. */
int bk_talk_login(struct bk_talk *t, bool tls);
/* dial, and login by ticket. */
int bk_talk_resume(struct bk_talk *t, bool tls);
void bk_talk_hang_up(struct bk_talk *t); /* without a word; the ticket is kept */

/* Sends what a builder left in t->out. */
int bk_talk_send(struct bk_talk *t);
/* The next frame. BK_E_TIMEOUT, BK_E_NET. */
int bk_talk_recv(struct bk_talk *t, uint64_t timeout_ms, Baken__Frame **ret_frame);
/* The next frame of a kind; others are passed over. */
int bk_talk_expect(struct bk_talk *t, Baken__Frame__KindCase kind, uint64_t timeout_ms, Baken__Frame **ret_frame);
/*
 * Sends t->out and waits for the frame that answers request: same number, or a Stored with an item of that
 * number. An Error is an answer too (bk_wire_error).
 */
int bk_talk_ask(struct bk_talk *t, uint64_t request, Baken__Frame **ret_frame);

/* One message to every active or vault device of a circle; body: content bytes (padded with zeros). */
int bk_talk_submit(struct bk_talk *t, uint32_t circle, bk_id id, Baken__Class class, size_t content,
	Baken__Frame **ret_frame);

#endif
