/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net_in.h"

#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bounds.h"
#include "listen.h"
#include "log.h"
#include "server.h"
#include "tls.h"
#include "web.h"

#define PT_BUFFER 16384u       /* lws' buffer for one read */
#define DRAIN_MS 2000u         /* a closing wire may take so long to empty its queue */
#define WRITES_PER_TURN 16     /* frames written for one connection before others have a turn */
#define HEADER_POOL 2048u      /* connections in their handshake at once */
#define CLOSE_TRY_AGAIN 1013   /* RFC 6455 registry; lws has no name for it */
#define HEADERS_MAX 8192u      /* bytes of one request's headers */

struct outgoing {
	struct outgoing *next;
	size_t len;
	uint8_t pre[LWS_PRE]; /* lws writes its frame header here */
	uint8_t data[];
};

struct bk_wire { /* per session data: zeroed by lws, freed by lws after CLOSED */
	struct lws *wsi;
	struct bk_net *net;
	struct bk_conn *conn;
	uint8_t *rx;          /* a message that came in pieces */
	size_t rx_len;
	struct outgoing *head, **tail;
	size_t queued;
	bool ping;
	bool closing, listed;
	uint16_t code;
	char reason[64];
	uint64_t close_at;
	struct bk_wire *closing_next, **closing_prev;
};

struct bk_net {
	struct bk_server *server;
	struct lws_context *context;
	struct lws_vhost *tls, *plain;
	struct bk_listener *listeners[2];
	struct bk_wire *closing; /* to be ended outside of every callback */
	uv_timer_t closer;
	size_t wires;
	bk_hash spki;
	bool stopped;
};

/* ---- out ---- */

uint8_t *bk_net_buffer(size_t len)
{
	struct outgoing *o = malloc(sizeof *o + len);

	return o ? o->data : NULL;
}

static struct outgoing *outgoing_of(uint8_t *buffer)
{
	return (struct outgoing *)(void *)(buffer - offsetof(struct outgoing, data));
}

void bk_net_buffer_free(uint8_t *buffer)
{
	if (buffer)
		free(outgoing_of(buffer));
}

/*
 * At once, when nothing waits before it: asking for WRITEABLE costs two turns of epoll for each frame. What the
 * socket does not take lws keeps; as long as it does, later frames queue here. True: the frame is done with.
 */
static bool write_now(struct bk_wire *w, struct outgoing *o, size_t len)
{
	int n;

	if (lws_partial_buffered(w->wsi))
		return false;
	n = lws_write(w->wsi, o->data, len, LWS_WRITE_BINARY);
	free(o);
	if (n < 0)
		bk_net_close(w, LWS_CLOSE_STATUS_UNEXPECTED_CONDITION, "write", true);
	return true;
}

void bk_net_send(struct bk_wire *w, uint8_t *buffer, size_t len)
{
	struct outgoing *o = outgoing_of(buffer);

	if (w->closing) {
		free(o);
		return;
	}
	if (w->queued + len > BK_NET_QUEUE_MAX) { /* it will read again from the store when it comes back */
		free(o);
		w->net->server->stats.slow++;
		bk_log(BK_LOG_SLOW_CLIENT, "queued=%zu", w->queued);
		bk_net_close(w, CLOSE_TRY_AGAIN, "slow", true);
		return;
	}
	if (!w->head && write_now(w, o, len))
		return;
	o->next = NULL;
	o->len = len;
	*w->tail = o;
	w->tail = &o->next;
	w->queued += len;
	lws_callback_on_writable(w->wsi);
}

void bk_net_ping(struct bk_wire *w)
{
	w->ping = true;
	lws_callback_on_writable(w->wsi);
}

void bk_net_pause(struct bk_wire *w, bool paused)
{
	lws_rx_flow_control(w->wsi, paused ? 0 : 1);
}

void bk_net_drop(struct bk_wire *w)
{
	while (w->head) {
		struct outgoing *o = w->head;

		w->head = o->next;
		free(o);
	}
	w->tail = &w->head;
	w->queued = 0;
}

/*
 * lws loses a close code given from WRITEABLE, and may not be asked to close a connection from its own callback:
 * so closing wires are listed, and ended by a timer of our own.
 */
static void end_wire(struct bk_wire *w)
{
	lws_close_reason(w->wsi, (enum lws_close_status)w->code, (unsigned char *)w->reason, strlen(w->reason));
	lws_set_timeout(w->wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_SYNC);
}

static void on_closer(uv_timer_t *t)
{
	struct bk_net *n = t->data;
	struct bk_wire *w = n->closing, *next;
	uint64_t now = uv_now(t->loop);

	for (; w; w = next) {
		next = w->closing_next;
		if (!w->head || now >= w->close_at)
			end_wire(w);
	}
	if (n->closing)
		uv_timer_start(t, on_closer, 10, 0);
}

void bk_net_close(struct bk_wire *w, uint16_t code, const char *reason, bool cut)
{
	struct bk_net *n = w->net;

	if (cut)
		bk_net_drop(w);
	if (w->closing)
		return;
	w->closing = true;
	w->code = code;
	snprintf(w->reason, sizeof w->reason, "%s", reason);
	w->close_at = uv_now(n->server->loop) + DRAIN_MS;
	w->listed = true;
	w->closing_next = n->closing;
	if (n->closing)
		n->closing->closing_prev = &w->closing_next;
	w->closing_prev = &n->closing;
	n->closing = w;
	uv_timer_start(&n->closer, on_closer, 0, 0);
}

static void unlist(struct bk_wire *w)
{
	if (!w->listed)
		return;
	*w->closing_prev = w->closing_next;
	if (w->closing_next)
		w->closing_next->closing_prev = w->closing_prev;
	w->listed = false;
}

static int write_some(struct bk_wire *w)
{
	uint8_t ping[LWS_PRE + 1];

	if (w->ping) {
		w->ping = false;
		if (lws_write(w->wsi, ping + LWS_PRE, 0, LWS_WRITE_PING) < 0)
			return -1;
	}
	for (int i = 0; w->head && i < WRITES_PER_TURN; i++) {
		struct outgoing *o = w->head;
		int n;

		if (i && lws_send_pipe_choked(w->wsi))
			break;
		n = lws_write(w->wsi, o->data, o->len, LWS_WRITE_BINARY);
		w->head = o->next;
		if (!w->head)
			w->tail = &w->head;
		w->queued -= o->len;
		free(o);
		if (n < 0)
			return -1;
	}
	if (w->head)
		lws_callback_on_writable(w->wsi);
	return 0;
}

/* ---- in ---- */

static int refuse(struct bk_wire *w, uint16_t code, const char *reason)
{
	lws_close_reason(w->wsi, (enum lws_close_status)code, (unsigned char *)(uintptr_t)reason, strlen(reason));
	return -1;
}

static int give(struct bk_wire *w, const void *data, size_t len)
{
	uint16_t code;

	w->net->server->stats.frames_in++;
	code = bk_conn_message(w->conn, data, len);
	return code ? refuse(w, code, code == LWS_CLOSE_STATUS_PROTOCOL_ERR ? "malformed frame" : "frame out of turn") : 0;
}

/* A message may come in any number of pieces; lws has no maximum of its own. */
static int receive(struct bk_wire *w, const void *data, size_t len)
{
	bool first = lws_is_first_fragment(w->wsi), last = lws_is_final_fragment(w->wsi);
	size_t left = lws_remaining_packet_payload(w->wsi);
	size_t max = w->conn->phase == BK_PHASE_ONLINE ? BK_FRAME_MAX : BK_PRELOGIN_FRAME_MAX;
	uint8_t *rx;
	int n;

	bk_conn_alive(w->conn);
	if (w->closing)
		return 0;
	if (!lws_frame_is_binary(w->wsi))
		return refuse(w, LWS_CLOSE_STATUS_UNACCEPTABLE_OPCODE, "binary only");
	if (left > max || len > max || w->rx_len + len + left > max)
		return refuse(w, LWS_CLOSE_STATUS_MESSAGE_TOO_LARGE, "too large");
	if (first && last && !left && !w->rx)
		return give(w, data, len);
	rx = realloc(w->rx, w->rx_len + len + 1);
	if (!rx)
		return refuse(w, LWS_CLOSE_STATUS_UNEXPECTED_CONDITION, "no memory");
	w->rx = rx;
	if (len)
		memcpy(rx + w->rx_len, data, len);
	w->rx_len += len;
	if (!last || left)
		return 0;
	n = give(w, w->rx, w->rx_len);
	free(w->rx);
	w->rx = NULL;
	w->rx_len = 0;
	return n;
}

static void peer_of(struct lws *wsi, struct bk_peer *p)
{
	SSL *ssl = lws_is_ssl(wsi) ? lws_get_ssl(wsi) : NULL;

	memset(p, 0, sizeof *p);
	lws_get_peer_simple(wsi, p->address, sizeof p->address);
	p->tls = ssl != NULL;
	if (ssl)
		p->has_exporter = bk_tls_exporter(ssl, p->exporter) == 0;
}

static int established(struct bk_net *n, struct lws *wsi, struct bk_wire *w)
{
	struct bk_peer peer;

	peer_of(wsi, &peer);
	if (peer.tls && !peer.has_exporter)
		return -1;
	w->wsi = wsi;
	w->net = n;
	w->tail = &w->head;
	n->wires++; /* CLOSED also comes for what was never established: only w->net tells them apart */
	w->conn = bk_conn_open(n->server, w, &peer);
	return w->conn ? 0 : -1;
}

static void closed(struct bk_wire *w)
{
	if (!w || !w->net)
		return;
	unlist(w);
	bk_net_drop(w);
	free(w->rx);
	w->rx = NULL;
	w->net->wires--;
	w->net = NULL;
	if (w->conn)
		bk_conn_closed(w->conn);
	w->conn = NULL;
}

/* A browser says which page asks: only one of this very server may. Programs send no Origin. */
static bool origin_ok(struct lws *wsi)
{
	char origin[300], host[280];
	const char *at;

	if (lws_hdr_total_length(wsi, WSI_TOKEN_ORIGIN) <= 0)
		return true;
	if (lws_hdr_copy(wsi, origin, sizeof origin, WSI_TOKEN_ORIGIN) <= 0 ||
		lws_hdr_copy(wsi, host, sizeof host, WSI_TOKEN_HOST) <= 0)
		return false;
	at = strstr(origin, "://");
	return at && strncasecmp(origin, "http", 4) == 0 && strcasecmp(at + 3, host) == 0;
}

/* What opens a WebSocket: our path, from our pages or a program, and nothing else. */
static int filter(struct lws *wsi, const char *path)
{
	char uri[64];

	if (lws_hdr_copy(wsi, uri, sizeof uri, WSI_TOKEN_GET_URI) <= 0)
		return -1;
	return strcmp(uri, path) == 0 && origin_ok(wsi) ? 0 : -1;
}

static int on_ws(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
	struct bk_net *n = lws_context_user(lws_get_context(wsi));
	struct bk_wire *w = user;

	switch ((int)reason) {
	case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION:
		return n->stopped || n->server->stopping ? -1 : filter(wsi, BK_WS_PATH);
	case LWS_CALLBACK_ESTABLISHED:
		return established(n, wsi, w);
	case LWS_CALLBACK_RECEIVE:
		return w->conn ? receive(w, in, len) : -1;
	case LWS_CALLBACK_RECEIVE_PONG:
		if (w->conn)
			bk_conn_alive(w->conn);
		return 0;
	case LWS_CALLBACK_SERVER_WRITEABLE: /* comes unasked too */
		return w->net ? write_some(w) : 0;
	case LWS_CALLBACK_CLOSED:
		closed(w);
		return 0;
	default:
		return 0;
	}
}

/* ---- plain HTTP and everything that is no connection: protocols[0] ---- */

static int confirm_upgrade(struct lws *wsi)
{
	char to[16];

	/*
	 * CVE-2025-11677: after a keep-alive request lws hands out a pointer into freed memory here (`in`), and also
	 * upgrades to h2c. Nothing but our own copy is looked at, and -1 comes before lws reads its own.
	 */
	if (lws_hdr_copy(wsi, to, sizeof to, WSI_TOKEN_UPGRADE) <= 0)
		return -1;
	return strcasecmp(to, "websocket") == 0 ? 0 : -1;
}

static int on_http(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
	struct bk_net *n = wsi ? lws_context_user(lws_get_context(wsi)) : NULL;

	switch ((int)reason) {
	case LWS_CALLBACK_OPENSSL_LOAD_EXTRA_SERVER_VERIFY_CERTS:
		return bk_tls_harden(user);
	case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
		return confirm_upgrade(wsi);
	case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION:
		return -1; /* an upgrade without our sub-protocol would land here */
	case LWS_CALLBACK_HTTP:
		return n ? bk_http_begin(n->server, wsi, user, in) : -1;
	case LWS_CALLBACK_HTTP_BODY:
		return bk_http_body(user, in, len);
	case LWS_CALLBACK_HTTP_BODY_COMPLETION:
		return bk_http_end(user);
	case LWS_CALLBACK_HTTP_WRITEABLE:
		return bk_http_write(user);
	case LWS_CALLBACK_CLOSED_HTTP:
		bk_http_closed(user);
		return 0;
	case LWS_CALLBACK_WSI_DESTROY: /* whatever became of it: this is where an adopted socket ends */
		if (n)
			bk_listen_gone(n->server, (uintptr_t)lws_get_opaque_user_data(wsi));
		return 0;
	default:
		return 0;
	}
}

static const struct lws_protocols protocols[] = {
	{"http", on_http, BK_HTTP_BYTES, 0, 0, NULL, 0},
	{BK_SUBPROTOCOL, on_ws, sizeof(struct bk_wire), 0, 0, NULL, 0},
	{NULL, NULL, 0, 0, 0, NULL, 0},
};

void bk_net_adopt(struct bk_net *n, int fd, bool tls, uintptr_t ticket)
{
	lws_adopt_desc_t d;

	memset(&d, 0, sizeof d);
	d.vh = tls ? n->tls : n->plain;
	d.type = (lws_adoption_type)(LWS_ADOPT_SOCKET | LWS_ADOPT_HTTP | (tls ? LWS_ADOPT_ALLOW_SSL : 0));
	d.fd.sockfd = fd;
	d.opaque = (void *)ticket;
	/* NULL: it is closed; WSI_DESTROY was called, or will be in the next turn, or never: it depends how far lws came. */
	if (!lws_adopt_descriptor_vhost_via_info(&d))
		bk_listen_gone(n->server, ticket);
}

/* ---- life ---- */

static void on_log(int level, const char *line)
{
	(void)level;
	bk_log(BK_LOG_LIBRARY, "lws=\"%s\"", line);
}

static struct lws_vhost *make_vhost(struct bk_net *n, const char *name, bool tls)
{
	/* No ping of lws' own: its timers sit in one sorted list, and 10,000 of them cost half a core. */
	static const lws_retry_bo_t no_validity = {.secs_since_valid_ping = 0, .secs_since_valid_hangup = 0};
	struct lws_context_creation_info v;

	memset(&v, 0, sizeof v);
	v.port = CONTEXT_PORT_NO_LISTEN_SERVER; /* our own listeners: listen.c */
	v.vhost_name = name;
	v.protocols = protocols;
	v.retry_and_idle_policy = &no_validity;
	v.timeout_secs = 15;
	v.keepalive_timeout = 30;
	v.alpn = "http/1.1";
	v.options = LWS_SERVER_OPTION_HTTP_HEADERS_SECURITY_BEST_PRACTICES_ENFORCE;
	if (tls) {
		v.options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
		v.ssl_cert_filepath = n->server->o.tls_cert;
		v.ssl_private_key_filepath = n->server->o.tls_key;
	}
	return lws_create_vhost(n->context, &v);
}

static int make_context(struct bk_net *n)
{
	struct lws_context_creation_info info;
	void *loops[1] = {n->server->loop};

	lws_set_log_level(LLL_ERR, on_log); /* before any thread: lws formats in a static buffer */
	memset(&info, 0, sizeof info);
	info.port = CONTEXT_PORT_NO_LISTEN;
	info.options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS |
		LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
	info.foreign_loops = loops;
	info.pcontext = &n->context;
	info.pt_serv_buf_size = PT_BUFFER;
	info.max_http_header_pool = HEADER_POOL;
	info.max_http_header_data = HEADERS_MAX;
	/* fd_limit_per_thread stays 0: with a limit below RLIMIT_NOFILE lws searches its table instead of indexing it. */
	info.gid = -1;
	info.uid = -1;
	info.user = n;
	n->context = lws_create_context(&info);
	return n->context ? 0 : BK_E_NET;
}

int bk_net_start(struct bk_server *s, struct bk_net **ret_net)
{
	struct bk_net *n = calloc(1, sizeof *n);
	int err;

	if (!n)
		return BK_E_NOMEM;
	*ret_net = n; /* even when it fails: bk_net_stop clears up what there is */
	n->server = s;
	uv_timer_init(s->loop, &n->closer);
	n->closer.data = n;
	err = make_context(n);
	if (!err && *s->o.listen) {
		err = bk_tls_spki_of_file(s->o.tls_cert, &n->spki);
		if (!err)
			n->tls = make_vhost(n, "tls", true);
		if (!n->tls)
			err = BK_E_TLS;
		if (!err)
			err = bk_listen_start(s, n, s->o.listen, true, &n->listeners[0]);
	}
	if (!err && *s->o.plain) {
		n->plain = make_vhost(n, "plain", false);
		err = n->plain ? bk_listen_start(s, n, s->o.plain, false, &n->listeners[1]) : BK_E_NET;
	}
	return err;
}

bk_hash bk_net_spki(const struct bk_net *n)
{
	return n->spki;
}

void bk_net_stop_listening(struct bk_net *n)
{
	for (size_t i = 0; i < 2; i++) {
		bk_listen_stop(n->listeners[i]);
		n->listeners[i] = NULL;
	}
}

bool bk_net_idle(const struct bk_net *n)
{
	return n->wires == 0;
}

void bk_net_close_all(struct bk_net *n, uint16_t code, const char *reason)
{
	for (size_t i = 0; i < n->server->conns_room; i++) {
		struct bk_conn *c = n->server->conns[i];

		if (c && c->wire)
			bk_net_close(c->wire, code, reason, false);
	}
}

void bk_net_stop(struct bk_net *n)
{
	bk_net_stop_listening(n);
	n->stopped = true;
	uv_close((uv_handle_t *)&n->closer, NULL);
	if (n->context)
		lws_context_destroy(n->context);
}

void bk_net_free(struct bk_net *n)
{
	if (!n)
		return;
	if (n->context) /* the first call only begins it when the loop is ours */
		lws_context_destroy(n->context);
	free(n);
}
