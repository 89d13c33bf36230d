/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Waking devices that are not connected: an empty Web Push message (RFC 8030) or UnifiedPush post to the endpoint a
 * device gave. It says nothing, not even which class waits but for its urgency; the device connects and is
 * delivered to as always. Losing a wake loses no message.
 *
 * Invariants. Each device is woken by itself, whatever another of the same person does (lesson M11). A withdrawn
 * device is never woken, an officer's device off duty by alarms only (R12). Waiting wakes are bounded, one a device.
 * Threads: loop. Memory: the server's. Secrets: endpoints, sealed in the store and in memory only while they are used.
 */
#ifndef BK_PUSH_H
#define BK_PUSH_H

#include "conn.h"

#define BK_PUSH_WAKES_MAX 16384u

struct bk_push;

/* Without push-hosts in the options: 0, and nothing is ever sent. BK_E_STATE, BK_E_INVAL, BK_E_NOMEM. */
int bk_push_start(struct bk_server *s, struct bk_push **ret_push);
/* Wakes whoever was waited for when the last process ended. Once, when all else has started. */
void bk_push_resume(struct bk_server *s);
/* Ends what runs. Run the loop until it is empty, then free. */
void bk_push_stop(struct bk_push *p); /* NULL: nothing */
void bk_push_free(struct bk_push *p);

/*
 * Something of this class waits for this device. Alarm and urgent: at once. Normal: what comes in two seconds is one
 * wake, and then one in BK_PUSH_QUIET_MS until the device was here. Bulk: never. Connected devices are not woken.
 */
void bk_push_wake(struct bk_server *s, bk_id device, Baken__Class class);
/* A stored message's devices that are not connected. */
struct bk_job;
void bk_push_wake_all(struct bk_server *s, const struct bk_job *job);
/* It has connected: nothing needs to wake it any more. */
void bk_push_here(struct bk_server *s, bk_id device);
/* A connection ended with deliveries that were not acknowledged. */
void bk_push_left(struct bk_server *s, const struct bk_conn *c);

/* The application server key that browsers ask for (65 bytes); NULL: push is off. */
const uint8_t *bk_push_key(const struct bk_push *p);
/* Is this an endpoint on a listed host? BK_E_INVAL malformed, BK_E_ROLE not listed, BK_E_UNSUPPORTED push is off. */
int bk_push_endpoint_ok(const struct bk_server *s, const char *endpoint);
/* Wakes that wait or run. */
size_t bk_push_waiting(const struct bk_push *p);

#endif
