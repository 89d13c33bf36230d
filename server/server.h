/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The server's inside: the struct that its modules share. Everything in it belongs to the loop thread, except
 * the store's views (any thread) and the writer (its own thread).
 */
#ifndef BK_SERVER_H
#define BK_SERVER_H

#include <uv.h>

#include "conn.h"
#include "frame.h"
#include "idmap.h"
#include "options.h"
#include "path.h"
#include "route.h"
#include "stats.h"
#include "store.h"
#include "throttle.h"
#include "writer.h"

#define BK_TICK_BUCKETS 32u    /* each connection is looked at once in so many seconds */
#define BK_PING_MS 45000u      /* silent so long: ping */
#define BK_SILENT_MS 120000u   /* silent so long: gone */
#define BK_HELLO_MS 15000u     /* a connection that has not logged in */
#define BK_ENROL_MS 900000u    /* waiting for a registrar */

struct bk_control;
struct bk_files;
struct bk_escalate;
struct bk_push;
struct bk_watchdog;

struct bk_server {
	struct bk_options o;
	uv_loop_t *loop;
	struct bk_store *store;
	struct bk_writer *writer;
	struct bk_net *net;
	struct bk_control *control;
	struct bk_files *files;
	struct bk_metrics *metrics;
	struct bk_escalate *escalate; /* NULL: not yet */
	struct bk_push *push; /* NULL: off */
	struct bk_watchdog *watchdog;
	struct bk_arena *arena;      /* of the frame at hand */
	struct bk_arena *out_arena;  /* of the frame being built */
	struct bk_routes routes;
	struct bk_throttle throttle;
	struct bk_stats stats;
	struct bk_path path;

	uint8_t root_key[BK_KEY_BYTES];
	uint8_t receipt_secret[64];
	uint8_t *server_cert; /* serialised Signed */
	size_t server_cert_len;
	Baken__Signed *server_signed;
	bk_hash spki;

	struct bk_conn **conns; /* by slot */
	size_t conns_room, n_conns, free_hint;
	uint64_t generation;
	struct bk_idmap by_device; /* online */
	struct bk_idmap by_token;  /* first 16 bytes of the token's hash */
	struct bk_ticket *tickets;   /* accepted sockets: listen.c */
	size_t tickets_room, ticket_hint;
	struct bk_conn *round;     /* have something gathered (batch.h) */
	struct bk_job *round_jobs;
	struct bk_conn *ticks[BK_TICK_BUCKETS];
	unsigned tick;
	uv_timer_t timer;
	struct bk_full { bk_id device; uint64_t conn; } *full; /* who must hear of room again */
	size_t n_full;

	bk_ms started_ms;
	bool stopping;
	bool commit_failed, room_full; /* the last commit; the last record that needed room */
	bool writes_failed;            /* either */
};

bk_ms bk_now(void); /* clock.c */

#endif
