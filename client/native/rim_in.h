/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The inside of the rim, shared by rim.c, rim_files.c and rim_lock.c. Nobody else includes it. Threads: the loop's. */
#ifndef BK_RIM_IN_H
#define BK_RIM_IN_H

#include "http.h"
#include "rim.h"
#include "socket.h"

#define BK_RIM_DIR_MAX 4000u

struct bk_rim {
	uv_loop_t loop;
	uv_timer_t tick;
	uv_timer_t deadline;
	uv_timer_t idle;
	struct bk_kv *kv;      /* NULL when locked, and so is the core */
	struct bk_blobs *blobs;
	struct bk_core *core;
	struct bk_socket *link;
	struct bk_http *http;
	bk_rim_event event;
	void *arg;
	enum bk_lang lang;
	uint64_t lock_after_ms, canary_ms, canary_late_ms;
	json_int_t next_id;
	json_int_t awaited; /* id that bk_rim_call waits for; 0: none */
	json_t *reply;
	char host[300];
	uint16_t port;
	bool pumping, timed_out, interrupted;
	bool withdrawn; /* the core has wiped itself: what is left on disk goes with the last handle */
	bool resume;    /* locked while connected: unlocking connects again */
	bool closing;   /* a connection of a core that is gone has not ended yet */
	bool linked;    /* a connection was asked for and has not ended yet */
	uint64_t http_base, http_last; /* numbers of requests of cores that are gone; of all */
	char dir[BK_RIM_DIR_MAX];
};

/* Opens store and core with a passphrase; create: makes the store. */
int bk_rim_core_open(struct bk_rim *rim, const char *passphrase, bool create);
void bk_rim_core_close(struct bk_rim *rim);
/* Carries out everything the core wants now. */
void bk_rim_pump(struct bk_rim *rim);
/* Tells an event of the rim's own. Takes the reference. */
void bk_rim_tell(struct bk_rim *rim, json_t *event);
/* Connects again after unlocking. */
void bk_rim_resume(struct bk_rim *rim);
void bk_rim_stir(struct bk_rim *rim); /* somebody did something: the time until it locks begins anew */

#endif
