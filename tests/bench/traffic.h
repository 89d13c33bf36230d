/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Traffic of the benches: a realm of officers at one desk who write to persons with one device each, 1 KiB
 * bodies, each message with its own time in it. The server lies in a folder of the bench and is a process of
 * its own; its data is put back as it was made before every run.
 *
 * Threads: one. Calls without a result end the program when they fail.
 */
#ifndef BK_TRAFFIC_H
#define BK_TRAFFIC_H

#include "figures.h"
#include "load.h"

#define BK_TRAFFIC_BODY (1024u + BK_BODY_OVERHEAD)

struct bk_traffic {
	struct bk_realm realm;
	uint32_t officers, persons; /* devices 0.., then the persons' */
	uint64_t sent, stored, received, acked;
	uint8_t *seen;              /* of each message, by number: received; n_seen of them */
	uint64_t n_seen, duplicates;
	bool measuring;
	struct bk_hist ack, end_to_end;
};

void bk_traffic_init(struct bk_traffic *t, uint32_t officers, uint32_t persons);
void bk_traffic_done(struct bk_traffic *t);
/* Fresh data, server running. */
void bk_traffic_start(struct bk_traffic *t);
void bk_traffic_stop(struct bk_traffic *t);

/* An officer's connection writes to a person; the message's number is t->sent. */
void bk_traffic_submit(struct bk_traffic *t, struct bk_load_conn *c, uint32_t person);
/* How many of the connection's submits a frame reports stored; an error ends the program. */
size_t bk_traffic_stored(struct bk_traffic *t, const struct bk_load_conn *c, const Baken__Frame *f);
/* Takes a Deliver frame in and acks it. Number of deliveries. */
size_t bk_traffic_deliver(struct bk_traffic *t, struct bk_load_conn *c, const Baken__Frame *f);
/* Remember each message by number up to n: finds what is lost or doubled. */
void bk_traffic_remember(struct bk_traffic *t, uint64_t n);

#endif
