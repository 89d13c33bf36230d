/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A crowd: many real client cores in one process, each on a connection of its own to a real server. They are devices
 * of a realm (realm.h), enrolled by planting what an enrolment leaves behind, so that hundreds are there in a second.
 *
 * Threads: one. Memory: members belong to the crowd. What must work ends the program when it does not.
 */
#ifndef BK_CROWD_H
#define BK_CROWD_H

#include <jansson.h>

#include "core.h"
#include "realm.h"

struct bk_crowd;
struct bk_crowd_member {
	struct bk_crowd *crowd;
	uint32_t index, device;
	struct bk_kv *kv; /* in memory */
	struct bk_blobs *blobs;
	struct bk_core *core;
	int fd;
	bool upgraded, wants_out;
	struct bk_ws_in in;
	struct bk_ws_buf out;
	json_int_t asked; /* id of the command that waits for its answer */
	json_t *answer;
	unsigned counter; /* the test's own */
};

struct bk_crowd {
	const struct bk_realm *realm;
	int epoll;
	struct bk_crowd_member *members;
	uint32_t n, caught_up;
	void *arg;
	void (*on_event)(struct bk_crowd_member *m, const char *name, const json_t *event); /* may be NULL */
};

/* What an enrolment leaves in a store: identity, place, pinned root. The roster is fetched at login. */
void bk_crowd_plant(const struct bk_realm *r, uint32_t device, const char *name, uint16_t port, struct bk_kv *kv);
/* n devices from `first` on. */
void bk_crowd_init(struct bk_crowd *c, const struct bk_realm *r, uint32_t first, uint32_t n);
void bk_crowd_done(struct bk_crowd *c);
/* All ask to be connected; at most `at_once` at a time; false when not all have caught up in time. */
bool bk_crowd_connect(struct bk_crowd *c, uint32_t at_once, uint64_t timeout_ms);
/* Waits at most so long for something to happen, and carries it out. */
void bk_crowd_turn(struct bk_crowd *c, int timeout_ms);
/* Takes the reference. Commands that answer at once; *ret_reply may be NULL. */
int bk_crowd_call(struct bk_crowd_member *m, json_t *command, json_t **ret_reply);
void bk_crowd_kill(struct bk_crowd_member *m); /* its core and its connection go; the store stays as committed */

#endif
