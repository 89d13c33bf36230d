/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The server without sockets: what net.c, clock.c and control.c do, done by hand. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "batch.h"
#include "control_in.h"
#include "escalate.h"
#include "files.h"
#include "handlers.h"
#include "live.h"
#include "tmp.h"
#include "twin.h"
#include "twin_in.h"
#include "watchdog.h"

static bk_ms clock_now = BK_SAMPLE_NOW;

bk_ms bk_now(void)
{
	return clock_now;
}

bk_ms bk_twin_now(void)
{
	return clock_now;
}

void bk_twin_wind(bk_ms now)
{
	clock_now = now;
}

/* ---- net.c ---- */

uint8_t *bk_net_buffer(size_t len)
{
	struct bk_twin_piece *p = malloc(sizeof *p + len);

	return p ? p->data : NULL;
}

static struct bk_twin_piece *piece_of(uint8_t *buffer)
{
	return (struct bk_twin_piece *)(void *)(buffer - offsetof(struct bk_twin_piece, data));
}

void bk_net_buffer_free(uint8_t *buffer)
{
	if (buffer)
		free(piece_of(buffer));
}

void bk_net_send(struct bk_wire *w, uint8_t *buffer, size_t len)
{
	struct bk_twin_piece *p = piece_of(buffer);

	if (w->closing) {
		free(p);
		return;
	}
	p->len = len;
	bk_twin_piece_add(&w->tail, p);
}

void bk_net_drop(struct bk_wire *w)
{
	bk_twin_pieces_free(&w->head, &w->tail);
}

void bk_net_ping(struct bk_wire *w)
{
	bk_conn_alive(w->conn);
}

void bk_net_close(struct bk_wire *w, uint16_t code, const char *reason, bool cut)
{
	(void)code;
	(void)reason;
	if (cut)
		bk_net_drop(w);
	w->closing = true;
}

void bk_net_pause(struct bk_wire *w, bool paused)
{
	(void)w;
	(void)paused; /* each frame is answered before the next is given */
}

/* ---- control.c ---- */

struct bk_question {
	struct bk_twin *twin;
	const json_t *args;
	json_t *answer;
	int err;
	bool over;
};

struct bk_server *bk_question_server(const struct bk_question *q)
{
	return &q->twin->server;
}

const json_t *bk_question_args(const struct bk_question *q)
{
	return q->args;
}

void bk_control_reply(struct bk_question *q, json_t *answer)
{
	q->answer = answer;
	q->over = true;
}

void bk_control_fail(struct bk_question *q, int err)
{
	q->err = err;
	q->over = true;
}

int bk_twin_control(struct bk_twin *t, void (*verb)(struct bk_question *q), json_t *args, json_t **ret_reply)
{
	struct bk_question q = {.twin = t, .args = args};

	verb(&q);
	while (!q.over)
		uv_run(&t->loop, UV_RUN_ONCE);
	json_decref(args);
	if (ret_reply)
		*ret_reply = q.answer;
	else
		json_decref(q.answer);
	return q.err;
}

/* ---- life ---- */

/* Everything that the writer and the file workers still hold. */
static void run_jobs(struct bk_twin *t)
{
	while (bk_writer_waiting(t->server.writer))
		uv_run(&t->loop, UV_RUN_ONCE);
	uv_run(&t->loop, UV_RUN_NOWAIT);
}

static void put_trust(struct bk_server *s)
{
	struct bk_op op;

	memset(&op, 0, sizeof op);
	op.kind = BK_OP_TRUST_PUT;
	op.now = bk_now();
	memcpy(op.trust.root_key, s->root_key, sizeof op.trust.root_key);
	op.trust.server_cert = (struct bk_bytes){s->server_cert, s->server_cert_len};
	BK_ASSERT(bk_store_commit(s->store, &op, 1) == 0 && op.result == 0);
}

static void load_keys(struct bk_server *s)
{
	struct bk_server_cert cert = bk_sample_server();
	struct bk_sample_blob b = bk_sample_server_signed(&cert, BK_SAMPLE_ROOT);
	uint8_t public[BK_KEY_BYTES], secret[BK_ED25519_SECRET_BYTES];

	bk_sample_ed25519(BK_SAMPLE_ROOT, s->root_key, secret);
	bk_sample_ed25519(BK_SAMPLE_SERVER, public, s->receipt_secret);
	s->server_cert = b.data;
	s->server_cert_len = b.len;
	s->server_signed = bk_sample_unpack(b);
	s->spki = bk_sample_hash(1);
}

void bk_twin_start(struct bk_twin *t)
{
	struct bk_server *s = &t->server;
	uint8_t seal[32];
	char path[BK_OPTION_TEXT + 16];
	struct bk_store_options o = {.path = path, .seal_key = seal, .map_bytes = 256ull << 20,
		.queue_max = t->queue_max};

	memset(s, 0, sizeof *s);
	BK_ASSERT(uv_loop_init(&t->loop) == 0);
	s->loop = &t->loop;
	snprintf(s->o.dir, sizeof s->o.dir, "%s", t->dir);
	s->o.connections = s->o.connections_address = s->o.accepts_address = 1000000;
	s->o.logins_address = s->o.claims_device = 1000000;
	s->o.files_gib = s->o.session_days = 10;
	s->started_ms = bk_now();
	bk_sample_fill(seal, sizeof seal, 77);
	(void)mkdir(t->dir, 0700);
	snprintf(path, sizeof path, "%s/store", t->dir);
	BK_ASSERT(bk_store_open(&o, &s->store) == 0);
	load_keys(s);
	put_trust(s);
	BK_ASSERT(bk_throttle_init(&s->throttle, &s->o) == 0);
	bk_path_init(&s->path, s->o.path_silent * 1000, bk_now());
	s->arena = bk_arena_new();
	s->out_arena = bk_arena_new();
	BK_ASSERT(s->arena && s->out_arena && bk_files_start(s, &s->files) == 0);
	BK_ASSERT(bk_writer_start(s, s->loop, s->store, s->receipt_secret, &s->writer) == 0);
	bk_writer_on_outcome(s->writer, bk_handle_outcome);
	bk_writer_on_round(s->writer, bk_batch_flush);
	BK_ASSERT(bk_watchdog_start(s) == 0);
	s->o.alarm_t1 = 30;
	s->o.alarm_t2 = 90;
	s->o.alarm_t3 = 180;
	BK_ASSERT(bk_escalate_start(s, &s->escalate) == 0);
	t->down = false;
}

static void wire_close(struct bk_wire *w, int err)
{
	struct bk_twin_device *d = w->device;

	bk_conn_closed(w->conn);
	bk_net_drop(w);
	free(w);
	d->wire = NULL;
	bk_twin_pieces_free(&d->out, &d->out_tail);
	if (d->core)
		bk_twin_turn(d, bk_core_disconnected(d->core, err, bk_now()));
}

void bk_twin_hang_up(struct bk_twin_device *d, int err)
{
	if (d->wire)
		wire_close(d->wire, err);
}

void bk_twin_stop(struct bk_twin *t)
{
	struct bk_server *s = &t->server;

	for (size_t i = 0; i < t->n_devices; i++)
		bk_twin_hang_up(&t->devices[i], BK_E_NET);
	t->down = true;
	bk_watchdog_stop(s->watchdog);
	bk_writer_stop(s->writer);
	while (uv_run(&t->loop, UV_RUN_DEFAULT) != 0)
		;
	bk_writer_free(s->writer);
	bk_watchdog_free(s->watchdog);
	bk_escalate_free(s->escalate);
	bk_files_stop(s->files);
	bk_store_close(s->store);
	bk_routes_done(&s->routes);
	bk_throttle_done(&s->throttle);
	bk_idmap_done(&s->by_device);
	bk_idmap_done(&s->by_token);
	bk_arena_free(s->arena);
	bk_arena_free(s->out_arena);
	baken__signed__free_unpacked(s->server_signed, NULL);
	free(s->server_cert);
	free(s->conns);
	free(s->full);
	BK_ASSERT(uv_loop_close(&t->loop) == 0);
}

/* ---- motion ---- */

void bk_twin_connect(struct bk_twin_device *d)
{
	struct bk_twin *t = d->twin;
	struct bk_peer peer = {.address = "127.0.0.1", .tls = true, .has_exporter = true};
	struct bk_core_link link = {.spki = t->server.spki, .tls = true, .has_exporter = true};

	if (t->down || d->cut || d->wire) {
		bk_twin_turn(d, bk_core_disconnected(d->core, BK_E_NET, bk_now()));
		return;
	}
	bk_sample_fill(peer.exporter, sizeof peer.exporter, 50);
	memcpy(link.exporter, peer.exporter, sizeof link.exporter);
	d->wire = calloc(1, sizeof *d->wire);
	BK_ASSERT(d->wire);
	d->wire->device = d;
	d->wire->tail = &d->wire->head;
	d->wire->conn = bk_conn_open(&t->server, d->wire, &peer);
	BK_ASSERT(d->wire->conn);
	bk_twin_turn(d, bk_core_connected(d->core, &link, bk_now()));
}

/* With BAKEN_TWIN_TRACE in the environment every frame is named on stderr. */
static void trace(const struct bk_twin_device *d, bool to_server, const Baken__Frame *f)
{
	if (getenv("BAKEN_TWIN_TRACE"))
		fprintf(stderr, "%s %s %s %s\n", d->name, to_server ? ">" : "<", bk_frame_kind_name(f->kind_case),
			f->kind_case == BAKEN__FRAME__KIND_ERROR ? f->error->name : "");
}

/* The piece as the tap leaves it; NULL: lost. */
static struct bk_twin_piece *tapped(struct bk_twin_device *d, bool to_server, struct bk_twin_piece *p)
{
	struct bk_twin *t = d->twin;
	Baken__Frame *f = baken__frame__unpack(NULL, p->len, p->data);
	enum bk_twin_verdict v = BK_TWIN_PASS;

	BK_ASSERT(f);
	trace(d, to_server, f);
	if (t->tap)
		v = t->tap(t->tap_arg, d, to_server, f);
	if (v != BK_TWIN_PASS) {
		free(p);
		p = NULL;
	}
	if (v == BK_TWIN_CHANGED) {
		size_t len = baken__frame__get_packed_size(f);

		p = malloc(sizeof *p + len);
		BK_ASSERT(p);
		p->len = baken__frame__pack(f, p->data);
	}
	baken__frame__free_unpacked(f, NULL);
	return p;
}

static void to_server(struct bk_twin_device *d, struct bk_twin_piece *p)
{
	struct bk_wire *w = d->wire;

	if (w && !w->closing && (p = tapped(d, true, p))) {
		uint16_t code = bk_conn_message(w->conn, p->data, p->len);

		if (code)
			bk_net_close(w, code, "", false);
		run_jobs(d->twin);
	}
	free(p);
}

static void to_device(struct bk_twin_device *d, struct bk_twin_piece *p)
{
	int err;

	if (d->core && (p = tapped(d, false, p))) {
		if (d->around)
			d->around(true);
		err = bk_core_received(d->core, p->data, p->len, bk_now());
		if (d->around)
			d->around(false);
		bk_twin_turn(d, err);
	}
	free(p);
}

/* One thing for one device; false: it has nothing. */
static bool step(struct bk_twin_device *d)
{
	struct bk_twin_piece *p = bk_twin_piece_take(&d->out, &d->out_tail);

	if (p) {
		to_server(d, p);
		return true;
	}
	p = d->wire ? bk_twin_piece_take(&d->wire->head, &d->wire->tail) : NULL;
	if (p) {
		to_device(d, p);
		return true;
	}
	if (d->wire && d->wire->closing) {
		wire_close(d->wire, BK_E_NET);
		return true;
	}
	if (!d->core || bk_core_next_tick(d->core) > bk_now())
		return false;
	bk_twin_turn(d, bk_core_tick(d->core, bk_now()));
	return d->out || (d->wire && (d->wire->head || d->wire->closing));
}

void bk_twin_settle(struct bk_twin *t)
{
	bool moved = true;

	for (unsigned round = 0; moved; round++) {
		BK_ASSERT(round < BK_TWIN_PASS_STEPS); /* two ends that never come to rest */
		moved = false;
		if (!t->down)
			run_jobs(t);
		for (size_t i = 0; i < t->n_devices; i++)
			while (step(&t->devices[i]))
				moved = true;
	}
}

static bk_ms next_tick(const struct bk_twin *t)
{
	bk_ms next = t->down ? UINT64_MAX : bk_watchdog_next(t->server.watchdog);

	for (size_t i = 0; i < t->n_devices; i++) {
		bk_ms at = t->devices[i].core ? bk_core_next_tick(t->devices[i].core) : UINT64_MAX;

		if (at < next)
			next = at;
	}
	return next;
}

void bk_twin_pass(struct bk_twin *t, uint64_t ms)
{
	bk_ms end = clock_now + ms;

	bk_twin_settle(t);
	for (unsigned steps = 0; clock_now < end; steps++) {
		bk_ms next = next_tick(t);

		BK_ASSERT(steps < BK_TWIN_PASS_STEPS);
		if (next > end)
			next = end;
		clock_now = next > clock_now ? next : clock_now + 1;
		if (!t->down) {
			bk_live_each_second(&t->server, clock_now);
			bk_watchdog_tick(t->server.watchdog);
		}
		bk_twin_settle(t);
	}
}
