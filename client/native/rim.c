/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rim_in.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "blobs_dir.h"
#include "kv_lmdb.h"

#define CA_BYTES_MAX (1024 * 1024) /* a bundle of authorities; larger is a mistake */

bk_ms bk_rim_now(void)
{
	uv_timeval64_t tv;

	uv_gettimeofday(&tv);
	return (bk_ms)tv.tv_sec * 1000 + (bk_ms)tv.tv_usec / 1000;
}

uv_loop_t *bk_rim_loop(struct bk_rim *rim)
{
	return &rim->loop;
}

static bool event_is(const json_t *event, const char *name)
{
	const char *given = json_string_value(json_object_get(event, "event"));

	return given && strcmp(given, name) == 0;
}

static bool is_reply(const json_t *event)
{
	return event_is(event, "ok") || event_is(event, "error");
}

void bk_rim_tell(struct bk_rim *rim, json_t *event)
{
	if (!event)
		return; /* out of memory: the event is lost to the screen, not to the store */
	if (rim->awaited && is_reply(event) && json_integer_value(json_object_get(event, "id")) == rim->awaited) {
		json_decref(rim->reply);
		rim->reply = event;
		return;
	}
	if (event_is(event, "revoked"))
		rim->withdrawn = true;
	if (rim->event)
		rim->event(rim->arg, event);
	json_decref(event);
}

static void http_failed(struct bk_rim *rim, uint64_t request, int err)
{
	struct bk_core_http_result r = {
		.request = request, .err = err, .upload_offset = -1, .last = true};

	bk_core_http_done(rim->core, &r, bk_rim_now());
}

static void do_action(struct bk_rim *rim, const struct bk_core_action *a)
{
	int err;

	switch (a->kind) {
	case BK_CORE_EVENT:
		bk_rim_tell(rim, json_loadb(a->json, a->json_len, 0, NULL));
		break;
	case BK_CORE_SEND:
		if (bk_socket_send(rim->link, a->frame, a->frame_len))
			bk_socket_disconnect(rim->link); /* the core sends again after the reconnect */
		break;
	case BK_CORE_CONNECT:
		snprintf(rim->host, sizeof rim->host, "%s", a->host);
		rim->port = a->port;
		err = bk_socket_connect(rim->link, rim->host, rim->port);
		rim->linked = !err;
		if (err)
			bk_core_disconnected(rim->core, err, bk_rim_now());
		break;
	case BK_CORE_DISCONNECT:
		bk_socket_disconnect(rim->link);
		break;
	case BK_CORE_HTTP: {
		struct bk_core_http http = a->http;
		uint64_t request = a->http.request;

		http.request += rim->http_base;
		rim->http_last = http.request;
		err = bk_http_start(rim->http, &http);
		if (err)
			http_failed(rim, request, err);
		break;
	}
	case BK_CORE_NONE:
		break;
	}
}

static void on_tick(uv_timer_t *t);

static void arm_tick(struct bk_rim *rim)
{
	bk_ms now = bk_rim_now(), at = bk_core_next_tick(rim->core);

	if (at == UINT64_MAX)
		uv_timer_stop(&rim->tick);
	else
		uv_timer_start(&rim->tick, on_tick, at > now ? at - now : 0, 0);
}

/* Carries out everything the core wants now. Inputs that arrive meanwhile only feed the core. */
void bk_rim_pump(struct bk_rim *rim)
{
	struct bk_core_action a;

	if (rim->pumping || !rim->core)
		return;
	rim->pumping = true;
	while (rim->core && bk_core_next(rim->core, &a)) /* an event's reader may lock it */
		do_action(rim, &a);
	rim->pumping = false;
	arm_tick(rim);
}

static void on_tick(uv_timer_t *t)
{
	struct bk_rim *rim = t->data;

	if (!rim->core)
		return;
	bk_core_tick(rim->core, bk_rim_now());
	bk_rim_pump(rim);
}

static void on_connected(void *arg, const struct bk_core_link *info)
{
	struct bk_rim *rim = arg;

	if (!rim->core || rim->closing) {
		bk_socket_disconnect(rim->link);
		return;
	}
	bk_http_target(rim->http, rim->host, rim->port, info->spki);
	bk_core_connected(rim->core, info, bk_rim_now());
	bk_rim_pump(rim);
}

static void on_received(void *arg, const void *frame, size_t len)
{
	struct bk_rim *rim = arg;

	if (!rim->core || rim->closing)
		return;
	bk_core_received(rim->core, frame, len, bk_rim_now());
	bk_rim_pump(rim);
}

static void on_disconnected(void *arg, int err)
{
	struct bk_rim *rim = arg;
	bool ours = !rim->closing;

	rim->linked = rim->closing = false;
	if (!rim->core)
		return;
	if (ours)
		bk_core_disconnected(rim->core, err, bk_rim_now());
	else if (rim->resume)
		bk_rim_resume(rim);
	bk_rim_pump(rim);
}

static void on_http(void *arg, const struct bk_core_http_result *r)
{
	struct bk_rim *rim = arg;
	struct bk_core_http_result result = *r;

	if (!rim->core || r->request <= rim->http_base)
		return; /* asked by a core that is gone */
	result.request -= rim->http_base;
	bk_core_http_done(rim->core, &result, bk_rim_now());
	bk_rim_pump(rim);
}

static const struct bk_socket_callbacks link_callbacks = {
	.connected = on_connected,
	.received = on_received,
	.disconnected = on_disconnected,
};

/* ---- open and close ---- */

static int copy_ca(const char *from, const char *to)
{
	FILE *in = fopen(from, "rbe"), *out = NULL;
	char *data = malloc(CA_BYTES_MAX);
	size_t n = 0;
	int err = BK_E_IO;

	if (!in || !data) {
		err = in ? BK_E_NOMEM : BK_E_NOT_FOUND;
		goto out;
	}
	n = fread(data, 1, CA_BYTES_MAX, in);
	if (ferror(in) || !n || n == CA_BYTES_MAX || !memmem(data, n, "-----BEGIN CERTIFICATE-----", 27)) {
		err = BK_E_INVAL;
		goto out;
	}
	out = fopen(to, "wbe");
	if (out && fwrite(data, 1, n, out) == n && fflush(out) == 0 && fsync(fileno(out)) == 0)
		err = 0;
out:
	free(data);
	if (in)
		fclose(in);
	if (out && fclose(out) != 0)
		err = BK_E_IO;
	return err;
}

static int open_store(struct bk_rim *rim, const char *passphrase, bool create)
{
	struct bk_kv_lmdb_options kv = {.passphrase = passphrase};
	char path[4096];

	if (create && mkdir(rim->dir, 0700) != 0 && errno != EEXIST)
		return errno == ENOENT ? BK_E_NOT_FOUND : BK_E_IO;
	snprintf(path, sizeof path, "%s/store", rim->dir);
	kv.path = path;
	return create ? bk_kv_lmdb_create(&kv, &rim->kv) : bk_kv_lmdb_open(&kv, &rim->kv);
}

static int open_files(struct bk_rim *rim, const char *ca_file)
{
	char path[4096];
	int err;

	snprintf(path, sizeof path, "%s/blobs", rim->dir);
	err = bk_blobs_dir_open(path, &rim->blobs);
	if (err)
		return err;
	snprintf(path, sizeof path, "%s/ca.pem", rim->dir);
	return ca_file ? copy_ca(ca_file, path) : 0;
}

static int open_net(struct bk_rim *rim, const char *dir)
{
	char path[4096];
	const char *ca = path;
	int err;

	snprintf(path, sizeof path, "%s/ca.pem", dir);
	if (access(path, R_OK) != 0)
		ca = NULL;
	err = bk_socket_new(&rim->loop, ca, &link_callbacks, rim, &rim->link);
	return err ? err : bk_http_new(&rim->loop, ca, rim->blobs, on_http, rim, &rim->http);
}

static int check_pin(void *arg, const char *pin, bool *ret_second)
{
	return bk_kv_lmdb_check(((struct bk_rim *)arg)->kv, pin, ret_second);
}

static int open_core(struct bk_rim *rim)
{
	const struct bk_core_options o = {
		.kv = rim->kv,
		.blobs = rim->blobs,
		.lang = rim->lang,
		.unlocked = true,
		.canary_ms = rim->canary_ms,
		.canary_late_ms = rim->canary_late_ms,
		.duress = bk_kv_lmdb_second(rim->kv),
		.pin = check_pin,
		.pin_arg = rim,
	};

	return bk_core_open(&o, bk_rim_now(), &rim->core);
}

int bk_rim_core_open(struct bk_rim *rim, const char *passphrase, bool create)
{
	int err = open_store(rim, passphrase, create);

	if (!err && rim->blobs)
		err = open_core(rim);
	return err;
}

void bk_rim_core_close(struct bk_rim *rim)
{
	bk_core_close(rim->core);
	rim->core = NULL;
	if (rim->kv)
		bk_kv_lmdb_close(rim->kv);
	rim->kv = NULL;
}

static struct bk_rim *rim_new(const struct bk_rim_options *o)
{
	struct bk_rim *rim = calloc(1, sizeof *rim);

	if (!rim)
		return NULL;
	rim->event = o->event;
	rim->arg = o->arg;
	rim->lang = o->lang;
	rim->lock_after_ms = o->lock_after_ms;
	rim->canary_ms = o->canary_ms;
	rim->canary_late_ms = o->canary_late_ms;
	strcpy(rim->dir, o->dir);
	if (uv_loop_init(&rim->loop) != 0) {
		free(rim);
		return NULL;
	}
	uv_timer_init(&rim->loop, &rim->tick);
	uv_timer_init(&rim->loop, &rim->deadline);
	uv_timer_init(&rim->loop, &rim->idle);
	rim->tick.data = rim->deadline.data = rim->idle.data = rim;
	return rim;
}

/* The store first: a wrong passphrase must not make or change anything else. */
int bk_rim_open(const struct bk_rim_options *o, struct bk_rim **ret_rim)
{
	struct bk_rim *rim = NULL;
	int err;

	if (strlen(o->dir) >= BK_RIM_DIR_MAX)
		return BK_E_TOO_BIG;
	rim = rim_new(o);
	if (!rim)
		return BK_E_NOMEM;
	err = bk_rim_core_open(rim, o->passphrase, o->create);
	if (!err)
		err = open_files(rim, o->ca_file);
	if (!err)
		err = open_net(rim, o->dir);
	if (!err)
		err = open_core(rim);
	if (err) {
		bk_rim_close(rim);
		return err;
	}
	bk_rim_pump(rim);
	bk_rim_stir(rim);
	*ret_rim = rim;
	return 0;
}

void bk_rim_close(struct bk_rim *rim)
{
	if (!rim)
		return;
	if (rim->http)
		bk_http_stop(rim->http);
	if (rim->link)
		bk_socket_stop(rim->link);
	uv_close((uv_handle_t *)&rim->tick, NULL);
	uv_close((uv_handle_t *)&rim->deadline, NULL);
	uv_close((uv_handle_t *)&rim->idle, NULL);
	uv_run(&rim->loop, UV_RUN_DEFAULT);
	bk_socket_free(rim->link);
	bk_http_free(rim->http);
	uv_run(&rim->loop, UV_RUN_DEFAULT);
	uv_loop_close(&rim->loop);
	bk_rim_core_close(rim);
	if (rim->blobs)
		bk_blobs_dir_close(rim->blobs);
	if (rim->withdrawn)
		bk_rim_wipe_folder(rim->dir); /* the core emptied the store, but freed pages hold what they held */
	json_decref(rim->reply);
	free(rim);
}

/* ---- commands ---- */

static void refuse(struct bk_rim *rim, const json_t *command, int err)
{
	json_t *event = json_pack("{s:s, s:I, s:s, s:s}", "event", "error", "id",
		json_integer_value(json_object_get(command, "id")), "error", bk_err_name(err), "text",
		bk_err_text(err, rim->lang));

	bk_rim_tell(rim, event);
}

static int give_command(struct bk_rim *rim, const json_t *command)
{
	char *text;
	int err;

	if (!rim->core) {
		refuse(rim, command, BK_E_SHUT);
		return 0;
	}
	bk_rim_stir(rim);
	text = json_dumps(command, JSON_COMPACT);
	if (!text)
		return BK_E_NOMEM;
	err = bk_core_command(rim->core, text, strlen(text), bk_rim_now());
	sodium_memzero(text, strlen(text));
	free(text);
	bk_rim_pump(rim);
	return err;
}

int bk_rim_command(struct bk_rim *rim, json_t *command)
{
	int err = command ? give_command(rim, command) : BK_E_NOMEM;

	json_decref(command);
	return err;
}

static bool has_reply(void *arg)
{
	return ((struct bk_rim *)arg)->reply != NULL;
}

static int error_of(const json_t *reply)
{
	const char *name = json_string_value(json_object_get(reply, "error"));

	if (!name)
		return 0;
#define X(id, number, en, nl)                                                                      \
	if (strcmp(name, #id) == 0)                                                                \
		return number;
	BK_ERR_MAP(X)
#undef X
	return BK_E_INTERNAL;
}

int bk_rim_call(struct bk_rim *rim, json_t *command, uint64_t timeout_ms, json_t **ret_reply)
{
	int err;

	if (!command)
		return BK_E_NOMEM;
	BK_ASSERT(!rim->awaited);
	rim->awaited = ++rim->next_id;
	json_object_set_new(command, "id", json_integer(rim->awaited));
	err = give_command(rim, command);
	json_decref(command);
	if (!rim->reply && !err)
		err = bk_rim_wait(rim, has_reply, rim, timeout_ms);
	rim->awaited = 0;
	if (rim->reply)
		err = error_of(rim->reply);
	if (ret_reply)
		*ret_reply = rim->reply;
	else
		json_decref(rim->reply);
	rim->reply = NULL;
	return err;
}

static void on_deadline(uv_timer_t *t)
{
	((struct bk_rim *)t->data)->timed_out = true;
}

int bk_rim_wait(struct bk_rim *rim, bool (*done)(void *arg), void *arg, uint64_t timeout_ms)
{
	rim->timed_out = false;
	uv_update_time(&rim->loop);
	uv_timer_start(&rim->deadline, on_deadline, timeout_ms, 0);
	while (!done(arg) && !rim->timed_out && !rim->interrupted)
		uv_run(&rim->loop, UV_RUN_ONCE);
	uv_timer_stop(&rim->deadline);
	if (done(arg))
		return 0;
	return rim->interrupted ? BK_E_CANCELLED : BK_E_TIMEOUT;
}

void bk_rim_interrupt(struct bk_rim *rim)
{
	rim->interrupted = true;
}
