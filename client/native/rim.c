/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rim.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "blobs_dir.h"
#include "http.h"
#include "kv_lmdb.h"
#include "socket.h"

#define COPY_BYTES (256u * 1024u)
#define DIR_MAX 4000u
#define CA_BYTES_MAX (1024 * 1024) /* a bundle of authorities; larger is a mistake */

struct bk_rim {
	uv_loop_t loop;
	uv_timer_t tick;
	uv_timer_t deadline;
	struct bk_kv *kv;
	struct bk_blobs *blobs;
	struct bk_core *core;
	struct bk_socket *link;
	struct bk_http *http;
	bk_rim_event event;
	void *arg;
	json_int_t next_id;
	json_int_t awaited; /* id that bk_rim_call waits for; 0: none */
	json_t *reply;
	char host[300];
	uint16_t port;
	bool pumping, timed_out, interrupted;
	bool withdrawn; /* the core has wiped itself: what is left on disk goes with the last handle */
	char dir[DIR_MAX];
};

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

static void give_event(struct bk_rim *rim, const struct bk_core_action *a)
{
	json_t *event = json_loadb(a->json, a->json_len, 0, NULL);

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
		give_event(rim, a);
		break;
	case BK_CORE_SEND:
		if (bk_socket_send(rim->link, a->frame, a->frame_len))
			bk_socket_disconnect(rim->link); /* the core sends again after the reconnect */
		break;
	case BK_CORE_CONNECT:
		snprintf(rim->host, sizeof rim->host, "%s", a->host);
		rim->port = a->port;
		err = bk_socket_connect(rim->link, rim->host, rim->port);
		if (err)
			bk_core_disconnected(rim->core, err, bk_rim_now());
		break;
	case BK_CORE_DISCONNECT:
		bk_socket_disconnect(rim->link);
		break;
	case BK_CORE_HTTP: {
		uint64_t request = a->http.request;

		err = bk_http_start(rim->http, &a->http);
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
static void pump(struct bk_rim *rim)
{
	struct bk_core_action a;

	if (rim->pumping)
		return;
	rim->pumping = true;
	while (bk_core_next(rim->core, &a))
		do_action(rim, &a);
	rim->pumping = false;
	arm_tick(rim);
}

static void on_tick(uv_timer_t *t)
{
	struct bk_rim *rim = t->data;

	bk_core_tick(rim->core, bk_rim_now());
	pump(rim);
}

static void on_connected(void *arg, const struct bk_core_link *info)
{
	struct bk_rim *rim = arg;

	bk_http_target(rim->http, rim->host, rim->port, info->spki);
	bk_core_connected(rim->core, info, bk_rim_now());
	pump(rim);
}

static void on_received(void *arg, const void *frame, size_t len)
{
	struct bk_rim *rim = arg;

	bk_core_received(rim->core, frame, len, bk_rim_now());
	pump(rim);
}

static void on_disconnected(void *arg, int err)
{
	struct bk_rim *rim = arg;

	bk_core_disconnected(rim->core, err, bk_rim_now());
	pump(rim);
}

static void on_http(void *arg, const struct bk_core_http_result *r)
{
	struct bk_rim *rim = arg;

	bk_core_http_done(rim->core, r, bk_rim_now());
	pump(rim);
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

static int open_store(struct bk_rim *rim, const struct bk_rim_options *o)
{
	struct bk_kv_lmdb_options kv = {.passphrase = o->passphrase};
	char path[4096];
	int err;

	if (o->create && mkdir(o->dir, 0700) != 0 && errno != EEXIST)
		return errno == ENOENT ? BK_E_NOT_FOUND : BK_E_IO;
	snprintf(path, sizeof path, "%s/store", o->dir);
	kv.path = path;
	err = o->create ? bk_kv_lmdb_create(&kv, &rim->kv) : bk_kv_lmdb_open(&kv, &rim->kv);
	if (err)
		return err;
	snprintf(path, sizeof path, "%s/blobs", o->dir);
	err = bk_blobs_dir_open(path, &rim->blobs);
	if (err)
		return err;
	snprintf(path, sizeof path, "%s/ca.pem", o->dir);
	return o->ca_file ? copy_ca(o->ca_file, path) : 0;
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

int bk_rim_open(const struct bk_rim_options *o, struct bk_rim **ret_rim)
{
	struct bk_core_options core = {.lang = o->lang, .pin = check_pin};
	struct bk_rim *rim = calloc(1, sizeof *rim);
	int err;

	if (!rim)
		return BK_E_NOMEM;
	rim->event = o->event;
	rim->arg = o->arg;
	if (strlen(o->dir) >= sizeof rim->dir) {
		free(rim);
		return BK_E_TOO_BIG;
	}
	strcpy(rim->dir, o->dir);
	if (uv_loop_init(&rim->loop) != 0) {
		free(rim);
		return BK_E_NOMEM;
	}
	uv_timer_init(&rim->loop, &rim->tick);
	uv_timer_init(&rim->loop, &rim->deadline);
	rim->tick.data = rim->deadline.data = rim;
	err = open_store(rim, o);
	if (!err)
		err = open_net(rim, o->dir);
	if (!err) {
		core.kv = rim->kv;
		core.blobs = rim->blobs;
		core.duress = bk_kv_lmdb_second(rim->kv);
		core.pin_arg = rim;
		err = bk_core_open(&core, bk_rim_now(), &rim->core);
	}
	if (err) {
		bk_rim_close(rim);
		return err;
	}
	pump(rim);
	*ret_rim = rim;
	return 0;
}

/* The core emptied the store, but pages that were freed still hold what they held: the key that opens them goes. */
static void remove_all(const struct bk_rim *rim)
{
	char path[DIR_MAX + 16];

	snprintf(path, sizeof path, "%s/store", rim->dir);
	bk_kv_lmdb_destroy(path);
	snprintf(path, sizeof path, "%s/blobs", rim->dir);
	bk_blobs_dir_destroy(path);
	snprintf(path, sizeof path, "%s/ca.pem", rim->dir);
	unlink(path);
	rmdir(rim->dir); /* stays when something else lies in it */
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
	uv_run(&rim->loop, UV_RUN_DEFAULT);
	bk_socket_free(rim->link);
	bk_http_free(rim->http);
	uv_run(&rim->loop, UV_RUN_DEFAULT);
	uv_loop_close(&rim->loop);
	bk_core_close(rim->core);
	if (rim->blobs)
		bk_blobs_dir_close(rim->blobs);
	if (rim->kv)
		bk_kv_lmdb_close(rim->kv);
	if (rim->withdrawn)
		remove_all(rim);
	json_decref(rim->reply);
	free(rim);
}

int bk_rim_passphrase(struct bk_rim *rim, const char *old, const char *fresh)
{
	return bk_kv_lmdb_rekey(rim->kv, old, fresh);
}

/* ---- commands ---- */

static int give_command(struct bk_rim *rim, const json_t *command)
{
	char *text = json_dumps(command, JSON_COMPACT);
	int err;

	if (!text)
		return BK_E_NOMEM;
	err = bk_core_command(rim->core, text, strlen(text), bk_rim_now());
	sodium_memzero(text, strlen(text));
	free(text);
	pump(rim);
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

/* ---- files ---- */

static json_t *file_meta(const char *path, const char *type, const json_t *facts, uint64_t size)
{
	const char *slash = strrchr(path, '/');
	json_t *meta = json_pack("{s:s, s:s, s:I}", "name", slash ? slash + 1 : path, "type",
		type ? type : "application/octet-stream", "size", (json_int_t)size);

	if (meta && facts)
		json_object_set(meta, "facts", (json_t *)(uintptr_t)facts);
	return meta;
}

static int begin_file(struct bk_rim *rim, json_t *meta)
{
	char *text = meta ? json_dumps(meta, JSON_COMPACT) : NULL;
	int err = text ? bk_core_file_begin(rim->core, text, strlen(text), bk_rim_now()) : BK_E_INVAL;

	free(text);
	json_decref(meta);
	return err;
}

static int feed_file(struct bk_rim *rim, int fd, uint64_t size, bk_rim_progress progress, void *arg)
{
	uint8_t *buf = malloc(COPY_BYTES);
	uint64_t done = 0;
	ssize_t n = 0;
	int err = buf ? 0 : BK_E_NOMEM;

	while (!err && (n = read(fd, buf, COPY_BYTES)) > 0) {
		err = bk_core_file_data(rim->core, buf, (size_t)n, bk_rim_now());
		done += (uint64_t)n;
		if (progress)
			progress(arg, done, size);
	}
	if (!err && n < 0)
		err = BK_E_IO;
	if (!err && done != size)
		err = BK_E_INCOMPLETE; /* it changed under our hands */
	if (buf)
		sodium_memzero(buf, COPY_BYTES);
	free(buf);
	return err;
}

int bk_rim_attach(struct bk_rim *rim, const char *path, const char *type, const json_t *facts,
	bk_rim_progress progress, void *arg, bk_id *ret_attachment)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err;
	struct stat st;

	if (fd < 0)
		return errno == ENOENT ? BK_E_NOT_FOUND : BK_E_IO;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size <= 0) {
		close(fd);
		return BK_E_INVAL;
	}
	if ((uint64_t)st.st_size > BK_FILE_PLAIN_MAX) {
		close(fd);
		return BK_E_TOO_BIG;
	}
	err = begin_file(rim, file_meta(path, type, facts, (uint64_t)st.st_size));
	if (!err) {
		err = feed_file(rim, fd, (uint64_t)st.st_size, progress, arg);
		if (!err)
			err = bk_core_file_end(rim->core, bk_rim_now(), ret_attachment);
		if (err)
			bk_core_file_abandon(rim->core);
	}
	close(fd);
	pump(rim);
	return err;
}

static int write_all(int fd, const uint8_t *data, size_t len)
{
	while (len) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return errno == ENOSPC ? BK_E_FULL : BK_E_IO;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

static int drain_file(struct bk_rim *rim, int fd, uint64_t size, bk_rim_progress progress, void *arg)
{
	uint8_t *buf = malloc(COPY_BYTES);
	uint64_t done = 0;
	size_t n = 0;
	int err = buf ? 0 : BK_E_NOMEM;

	while (!err) {
		err = bk_core_save_next(rim->core, buf, COPY_BYTES, &n);
		if (err || !n)
			break;
		err = write_all(fd, buf, n);
		done += n;
		if (progress)
			progress(arg, done, size);
	}
	if (!err && fsync(fd) != 0)
		err = BK_E_IO;
	if (buf)
		sodium_memzero(buf, COPY_BYTES);
	free(buf);
	return err;
}

int bk_rim_save(struct bk_rim *rim, bk_id message, unsigned index, const char *path, bk_rim_progress progress,
	void *arg)
{
	uint64_t size = 0;
	int fd, err = bk_core_save_begin(rim->core, message, index, &size);

	if (err)
		return err;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0) {
		bk_core_save_end(rim->core);
		return errno == EEXIST ? BK_E_EXISTS : BK_E_IO;
	}
	err = drain_file(rim, fd, size, progress, arg);
	bk_core_save_end(rim->core);
	if (close(fd) != 0 && !err)
		err = BK_E_IO;
	if (err)
		unlink(path); /* never leave a file that did not verify */
	return err;
}
