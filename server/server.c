/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "atomic_file.h"
#include "batch.h"
#include "certificate.h"
#include "control.h"
#include "custodians.h"
#include "escalate.h"
#include "files.h"
#include "handlers.h"
#include "live.h"
#include "log.h"
#include "push.h"
#include "run.h"
#include "watchdog.h"

#define EXPIRE_EVERY_MS 600000u
#define DRAIN_MS 5000u /* a stop waits so long for clients to take their leave */
#define KEY_FILE_MAX 4096u

struct run {
	struct bk_server s;
	uv_loop_t loop;
	uv_signal_t term, intr;
	uv_timer_t expire, drain;
	bk_ms stop_at;
	bool closing, ended;
};

static int failed(const char *what, int err)
{
	bk_log(BK_LOG_START_FAILED, "step=%s error=%s", what, bk_err_name(err));
	return err;
}

/* ---- keys ---- */

/* A file that holds exactly so many bytes as hexadecimal digits. Secret ones must be ours alone. */
static int read_hex(const char *path, uint8_t *out, size_t len, bool secret)
{
	uint8_t *data = NULL;
	char text[2 * 64 + 1];
	struct stat st;
	size_t n = 0;
	int err = bk_atomic_file_read(path, KEY_FILE_MAX, &data, &n);

	if (!err && secret && (stat(path, &st) != 0 || (st.st_mode & 077)))
		err = BK_E_STATE; /* readable by others: no secret any more */
	while (!err && n && (data[n - 1] == '\n' || data[n - 1] == '\r'))
		n--;
	if (!err && n != 2 * len)
		err = BK_E_INVAL;
	if (!err) {
		memcpy(text, data, n);
		text[n] = '\0';
		err = bk_hex_decode(out, len, text);
		sodium_memzero(text, sizeof text);
	}
	if (data)
		sodium_memzero(data, n);
	free(data);
	return err;
}

/* The root's word for our keys: receipts that no client would accept must not be given out. */
static int check_server_cert(struct bk_server *s)
{
	struct bk_server_cert cert;
	int err;

	s->server_signed = baken__signed__unpack(NULL, s->server_cert_len, s->server_cert);
	err = s->server_signed ? bk_server_cert_verify(s->server_signed, s->root_key, bk_now(), &cert) : BK_E_INVAL;
	if (!err && memcmp(cert.receipt_key, s->receipt_secret + 32, BK_KEY_BYTES) != 0)
		err = BK_E_CHAIN;
	return err;
}

static int load_keys(struct bk_server *s, uint8_t seal[static 32])
{
	int err = read_hex(s->o.root_key, s->root_key, sizeof s->root_key, false);

	if (err)
		return failed("root-key", err);
	err = read_hex(s->o.receipt_key, s->receipt_secret, sizeof s->receipt_secret, true);
	if (err)
		return failed("receipt-key", err);
	err = read_hex(s->o.seal_key, seal, 32, true);
	if (err)
		return failed("seal-key", err);
	err = bk_atomic_file_read(s->o.server_cert, KEY_FILE_MAX, &s->server_cert, &s->server_cert_len);
	if (!err)
		err = check_server_cert(s);
	return err ? failed("server-cert", err) : 0;
}

/* Our TLS key must be one that the root certified, else every client would turn away. */
static int check_tls(struct bk_server *s)
{
	struct bk_server_cert cert;
	int err = bk_server_cert_verify(s->server_signed, s->root_key, bk_now(), &cert);

	if (err || !*s->o.listen)
		return err;
	s->spki = bk_net_spki(s->net);
	for (size_t i = 0; i < cert.n_tls_spki; i++)
		if (bk_hash_equal(cert.tls_spki[i], s->spki))
			return 0;
	return BK_E_CHAIN;
}

/* ---- store ---- */

/* In production nothing hangs on one person or machine; asked at the start, where somebody looks. */
static int check_custodians(struct bk_server *s)
{
	struct bk_store_view *v = NULL;
	enum bk_custodians_lack lack = BK_CUSTODIANS_ENOUGH;
	int err = s->o.production ? bk_store_view_begin(s->store, &v) : 0;

	if (v)
		err = bk_custodians_check(v, s->root_key, bk_now(), &lack);
	bk_store_view_end(v);
	if (!err && lack) {
		bk_log(BK_LOG_START_FAILED, "step=custodians error=%s lack=%s", bk_err_name(BK_E_STATE), bk_custodians_name(lack));
		return BK_E_STATE;
	}
	return err ? failed("custodians", err) : 0;
}

static int open_store(struct bk_server *s, const uint8_t seal[static 32])
{
	char path[BK_OPTION_TEXT + 16];
	struct bk_store_options o = {
		.path = path,
		.seal_key = seal,
		.map_bytes = s->o.map_gib << 30,
		.queue_max = (uint32_t)s->o.queue_max,
	};
	struct bk_job *job;
	struct bk_op op;
	int err;

	snprintf(path, sizeof path, "%s/store", s->o.dir);
	err = bk_store_open(&o, &s->store);
	if (err)
		return failed("store", err);
	memset(&op, 0, sizeof op);
	op.kind = BK_OP_TRUST_PUT;
	op.now = bk_now();
	memcpy(op.trust.root_key, s->root_key, sizeof op.trust.root_key);
	op.trust.server_cert = (struct bk_bytes){s->server_cert, s->server_cert_len};
	err = bk_store_commit(s->store, &op, 1);
	if (!err)
		err = op.result;
	if (err)
		return failed("trust", err);
	err = check_custodians(s);
	if (err)
		return err;
	job = bk_audit_job("START", "version=%s", BAKEN_VERSION);
	err = job ? bk_store_commit(s->store, &job->op, 1) : BK_E_NOMEM;
	bk_job_free(job);
	return err ? failed("audit", err) : 0;
}

/* ---- power ---- */

static const struct passwd *become(const struct bk_server *s)
{
	return *s->o.user ? getpwnam(s->o.user) : NULL;
}

/* The folder; what is made in it from here belongs to whom we become. */
static int make_dir(const struct bk_server *s)
{
	const struct passwd *pw = become(s);

	if (*s->o.user && !pw)
		return BK_E_NOT_FOUND;
	if (mkdir(s->o.dir, 0700) != 0)
		return errno == EEXIST ? 0 : BK_E_IO;
	return pw && chown(s->o.dir, pw->pw_uid, pw->pw_gid) != 0 ? BK_E_IO : 0;
}

/* Files are made as that user; the port is bound as the one we were started as. */
static int lower(const struct bk_server *s)
{
	const struct passwd *pw = become(s);

	return pw && (setegid(pw->pw_gid) != 0 || seteuid(pw->pw_uid) != 0) ? BK_E_STATE : 0;
}

static int raise_again(const struct bk_server *s)
{
	if (!*s->o.user)
		return 0; /* nothing was lowered; a system call filter may forbid even asking */
	return seteuid(getuid()) != 0 || setegid(getgid()) != 0 ? BK_E_STATE : 0;
}

/* Order matters: groups before user, and a check that the way back is closed. */
static int drop_power(const struct bk_server *s)
{
	const struct passwd *pw = become(s);

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		return BK_E_STATE;
	if (!*s->o.user)
		return 0;
	if (!pw || setgroups(1, &pw->pw_gid) != 0 || setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) != 0 ||
		setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) != 0)
		return BK_E_STATE;
	if (pw->pw_uid != 0 && setuid(0) == 0)
		return BK_E_STATE;
	return 0;
}

/* Descriptors for all connections and our own files. */
static void raise_files(uint64_t connections)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) != 0)
		return;
	l.rlim_cur = l.rlim_max == RLIM_INFINITY || l.rlim_max > connections + 256 ? connections + 256 : l.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &l);
}

/* systemd's sd_notify: one datagram to the socket it names. */
static void notify(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	size_t len = path ? strlen(path) : 0;
	int fd;

	if (!len || len >= sizeof sa.sun_path || (*path != '/' && *path != '@'))
		return;
	memcpy(sa.sun_path, path, len);
	if (*path == '@')
		sa.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	(void)sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&sa,
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
	close(fd);
}

/* ---- stop ---- */

static void end(struct run *r);

/* What was accepted is committed and answered first; then everyone is hung up on; then the end. */
static void on_drain(uv_timer_t *t)
{
	struct run *r = t->data;
	struct bk_server *s = &r->s;
	bool late = bk_now() >= r->stop_at;

	if (!r->closing && (late || (!bk_writer_waiting(s->writer) && !bk_files_busy(s->files)))) {
		r->closing = true;
		bk_net_close_all(s->net, 1001, "server stops");
	}
	if (late || (r->closing && bk_net_idle(s->net)))
		end(r);
}

static void stop(struct run *r)
{
	struct bk_server *s = &r->s;

	if (s->stopping)
		return;
	s->stopping = true;
	notify("STOPPING=1");
	bk_net_stop_listening(s->net);
	for (size_t i = 0; i < s->conns_room; i++)
		if (s->conns[i])
			bk_conn_leave(s->conns[i], "server stops", 1000);
	r->stop_at = bk_now() + DRAIN_MS;
	uv_timer_start(&r->drain, on_drain, 10, 10);
}

static void on_signal(uv_signal_t *sig, int number)
{
	(void)number;
	stop(sig->data);
}

static void catch_signals(struct run *r)
{
	uv_signal_init(&r->loop, &r->term);
	uv_signal_init(&r->loop, &r->intr);
	r->term.data = r->intr.data = r;
	uv_signal_start(&r->term, on_signal, SIGTERM);
	uv_signal_start(&r->intr, on_signal, SIGINT);
}

static void end(struct run *r)
{
	struct bk_server *s = &r->s;

	if (r->ended)
		return;
	r->ended = true;
	uv_close((uv_handle_t *)&r->drain, NULL);
	uv_close((uv_handle_t *)&r->expire, NULL);
	uv_close((uv_handle_t *)&r->term, NULL);
	uv_close((uv_handle_t *)&r->intr, NULL);
	bk_live_stop(s);
	bk_escalate_stop(s->escalate);
	bk_control_stop(s);
	bk_metrics_stop(s->metrics);
	bk_push_stop(s->push);
	bk_net_stop(s->net);
	bk_watchdog_pulse(s->watchdog);
	bk_watchdog_stop(s->watchdog);
	bk_writer_stop(s->writer);
}

/* ---- run ---- */

static void on_low(struct bk_server *s)
{
	for (size_t i = 0; i < s->conns_room; i++) {
		struct bk_conn *c = s->conns[i];

		if (!c || !c->paused || !c->wire)
			continue;
		c->paused = false;
		bk_net_pause(c->wire, false);
	}
}

/* After a restore a person says when: bakenctl expire. */
static void on_expire(uv_timer_t *t)
{
	struct bk_server *s = t->data;

	if (!bk_store_frozen(s->store))
		bk_files_expire(s, NULL, NULL);
}

static int start(struct run *r)
{
	struct bk_server *s = &r->s;
	uint8_t seal[32];
	int err = load_keys(s, seal);

	if (!err && (err = bk_escalate_check(s)))
		failed("alarm-hook", err);
	if (!err && (err = make_dir(s)))
		failed("dir", err);
	if (!err && (err = lower(s)))
		failed("user", err);
	if (!err)
		err = open_store(s, seal);
	sodium_memzero(seal, sizeof seal);
	bk_path_init(&s->path, s->o.path_silent * 1000, bk_now());
	if (!err && (err = bk_throttle_init(&s->throttle, &s->o)))
		failed("memory", err);
	if (!err && (!(s->arena = bk_arena_new()) || !(s->out_arena = bk_arena_new())))
		err = failed("memory", BK_E_NOMEM);
	if (!err && (err = bk_files_start(s, &s->files)))
		failed("files", err);
	if (!err && (err = bk_control_start(s)))
		failed("control", err);
	if (!err && (err = raise_again(s)))
		failed("user", err);
	if (!err && *s->o.metrics)
		err = bk_metrics_start(s, s->o.metrics, &s->metrics);
	if (!err && (err = bk_push_start(s, &s->push)))
		failed("push", err);
	if (!err && (err = bk_net_start(s, &s->net)))
		failed("net", err);
	if (!err && (err = check_tls(s)))
		failed("tls-cert", err);
	if (!err && (err = bk_writer_start(s, s->loop, s->store, s->receipt_secret, &s->writer)))
		failed("writer", err);
	if (!err && (err = bk_escalate_start(s, &s->escalate)))
		failed("memory", err);
	if (!err && (err = drop_power(s)))
		failed("power", err);
	return err;
}

static void free_all(struct run *r)
{
	struct bk_server *s = &r->s;

	bk_net_free(s->net);
	while (uv_run(&r->loop, UV_RUN_DEFAULT) != 0)
		;
	bk_writer_free(s->writer);
	bk_watchdog_free(s->watchdog);
	bk_files_stop(s->files);
	bk_escalate_free(s->escalate);
	bk_push_free(s->push);
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
	free(s->tickets);
	free(s->full);
	sodium_memzero(s->receipt_secret, sizeof s->receipt_secret);
	uv_loop_close(&r->loop);
	free(r);
}

/* Stopped before it ran: what exists is ended in the same order. */
static void undo(struct run *r)
{
	struct bk_server *s = &r->s;

	uv_close((uv_handle_t *)&r->term, NULL);
	uv_close((uv_handle_t *)&r->intr, NULL);
	bk_escalate_stop(s->escalate);
	bk_control_stop(s);
	bk_metrics_stop(s->metrics);
	bk_push_stop(s->push);
	if (s->net)
		bk_net_stop(s->net);
	if (s->writer)
		bk_writer_stop(s->writer);
	uv_run(&r->loop, UV_RUN_DEFAULT);
	free_all(r);
}

int bk_run(const struct bk_options *o)
{
	struct run *r = calloc(1, sizeof *r);
	struct bk_server *s = &r->s;
	int err;

	if (!r)
		return BK_E_NOMEM;
	s->o = *o;
	s->loop = &r->loop;
	s->started_ms = bk_now();
	raise_files(o->connections);
	uv_loop_init(&r->loop);
	catch_signals(r); /* from here on: a stop during the start is a stop after it */
	err = start(r);
	if (err) {
		undo(r);
		return err;
	}
	bk_writer_on_low(s->writer, on_low);
	bk_writer_on_outcome(s->writer, bk_handle_outcome);
	bk_writer_on_round(s->writer, bk_batch_flush);
	bk_live_start(s);
	bk_push_resume(s);
	if (bk_watchdog_start(s)) /* nobody would watch: then there is no server */
		stop(r);
	uv_timer_init(&r->loop, &r->expire);
	uv_timer_init(&r->loop, &r->drain);
	r->expire.data = s;
	r->drain.data = r;
	uv_timer_start(&r->expire, on_expire, EXPIRE_EVERY_MS, EXPIRE_EVERY_MS);
	bk_log(BK_LOG_START, "listen=%s", *o->listen ? o->listen : o->plain);
	notify("READY=1");
	uv_run(&r->loop, UV_RUN_DEFAULT);
	bk_log(BK_LOG_STOP, "submits=%llu", (unsigned long long)s->stats.submits);
	free_all(r);
	return 0;
}
