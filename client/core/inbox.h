/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Inbox: deliveries in, items out. One delivery: seen? unseal, know the sender, decrypt, check, keep: message,
 * session record and number in the same turn (M1), then the ack. What cannot be read is kept and shown with its
 * time (M10); what may be readable later is refused (nack); a sender not yet known is looked up while the
 * delivery waits unacknowledged.
 */
#ifndef BK_INBOX_H
#define BK_INBOX_H

#include "link.h"

#define BK_SEEN_MS (60ull * 86400000ull)

struct bk_held {
	uint8_t *delivery; /* serialised */
	size_t len;
	bk_id sender;
	bool asked_again; /* the roster was fetched once for it */
};
struct bk_inbox {
	uint64_t acks[BK_ACKS_MAX];
	size_t n_acks;
	struct bk_held held[BK_DELIVER_WINDOW];
	size_t n_held;
};

void bk_inbox_on_deliver(struct bk_core *core, const Baken__Deliver *m);
void bk_inbox_on_caught_up(struct bk_core *core);
/* A roster arrived, or will not (err): what waited for this device or circle is tried again. */
void bk_inbox_retry(struct bk_core *core, int err, bk_id device);
void bk_inbox_flush(struct bk_core *core); /* the ack frame of this turn */
void bk_inbox_offline(struct bk_core *core);
int bk_inbox_expire(struct bk_core *core);
/*
 * A message whose key we were given: its body is opened, checked and kept as if delivered, but for receipts and
 * chain numbers. kept_ms: since when the server has it. 0 also when it was here already.
 */
struct bk_keyring_key;
int bk_inbox_take_known(struct bk_core *core, const struct bk_keyring_key *k, const ProtobufCBinaryData *body,
	bk_ms kept_ms);
/* Ask the sender to send it again; BK_E_NOT_FOUND. */
int bk_inbox_ask_again(struct bk_core *core, bk_id message);

#endif
