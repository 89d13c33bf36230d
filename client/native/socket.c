/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "socket.h"

#include <libwebsockets.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sodium.h>
#include <stdlib.h>

#include "login.h"

#define TLS13_SUITES "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
#define TLS_GROUPS "X25519:P-256:P-384"
#define CONNECT_TIMEOUT_S 20
#define IDLE_PING_S 45  /* the server cuts a silent connection; a phone network forgets a flow after a minute */
#define IDLE_CUT_S 75

struct out_frame {
	struct out_frame *next;
	size_t len;
	unsigned char data[]; /* LWS_PRE bytes of room, then the frame */
};

struct bk_socket {
	struct lws_context *context;
	struct lws *wsi;
	const struct bk_socket_callbacks *cb;
	struct bk_socket_callbacks callbacks;
	void *arg;
	char *ca_file;
	bool busy;    /* a connect is under way or established */
	bool open;
	bool closing;
	bool stopped;
	struct out_frame *head, **tail;
	size_t queued;
	uint8_t *in;
	size_t in_len, in_cap;
};

static void drop_queue(struct bk_socket *l)
{
	while (l->head) {
		struct out_frame *f = l->head;

		l->head = f->next;
		free(f);
	}
	l->tail = &l->head;
	l->queued = 0;
}

static void went_down(struct bk_socket *l, int err)
{
	if (!l->busy)
		return;
	l->busy = l->open = l->closing = false;
	l->wsi = NULL;
	l->in_len = 0;
	drop_queue(l);
	if (!l->stopped)
		l->callbacks.disconnected(l->arg, err);
}

static int spki_of(SSL *ssl, bk_hash *ret_hash)
{
	X509 *cert = SSL_get1_peer_certificate(ssl);
	unsigned char *der = NULL;
	int len, err = BK_E_TLS;

	if (!cert)
		return BK_E_TLS;
	len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);
	if (len > 0) {
		*ret_hash = bk_hash_of(der, (size_t)len);
		err = 0;
	}
	OPENSSL_free(der);
	X509_free(cert);
	return err;
}

static int came_up(struct bk_socket *l, struct lws *wsi)
{
	struct bk_core_link info = {.tls = true};
	SSL *ssl = lws_get_ssl(wsi);

	if (!ssl || SSL_version(ssl) != TLS1_3_VERSION || SSL_get_verify_result(ssl) != X509_V_OK ||
		spki_of(ssl, &info.spki))
		return BK_E_TLS;
	info.has_exporter = SSL_export_keying_material(ssl, info.exporter, sizeof info.exporter,
				    BK_EXPORTER_LABEL, strlen(BK_EXPORTER_LABEL), NULL, 0, 0) == 1;
	if (!info.has_exporter)
		return BK_E_TLS;
	l->open = true;
	l->callbacks.connected(l->arg, &info);
	sodium_memzero(&info, sizeof info);
	return 0;
}

static int take_fragment(struct bk_socket *l, struct lws *wsi, const void *data, size_t len)
{
	size_t left = lws_remaining_packet_payload(wsi);
	size_t need = l->in_len + len;

	if (!lws_frame_is_binary(wsi) || need > BK_FRAME_MAX || left > BK_FRAME_MAX - need) {
		lws_close_reason(wsi, LWS_CLOSE_STATUS_MESSAGE_TOO_LARGE, NULL, 0);
		return -1;
	}
	if (need + left > l->in_cap) {
		uint8_t *p = realloc(l->in, need + left);

		if (!p)
			return -1;
		l->in = p;
		l->in_cap = need + left;
	}
	if (len)
		memcpy(l->in + l->in_len, data, len);
	l->in_len = need;
	if (lws_is_final_fragment(wsi) && !left) {
		l->in_len = 0;
		l->callbacks.received(l->arg, l->in, need);
	}
	return 0;
}

static int write_one(struct bk_socket *l, struct lws *wsi)
{
	struct out_frame *f = l->head;
	int n;

	if (l->closing)
		return -1;
	if (!f)
		return 0; /* asked for by lws itself */
	n = lws_write(wsi, f->data + LWS_PRE, f->len, LWS_WRITE_BINARY);
	l->queued -= f->len;
	l->head = f->next;
	if (!l->head)
		l->tail = &l->head;
	free(f);
	if (n < 0)
		return -1;
	if (l->head)
		lws_callback_on_writable(wsi);
	return 0;
}

static int reason_of(const char *text)
{
	static const char *const tls[] = {"ssl", "SSL", "cert", "tls", "TLS", "HS: "};

	for (size_t i = 0; text && i < sizeof tls / sizeof *tls - 1; i++)
		if (strstr(text, tls[i]))
			return BK_E_TLS;
	return BK_E_NET;
}

/* Host name and chain are OpenSSL's to check; TLS 1.3 and the suites of the national guideline only. */
static int harden(SSL_CTX *ctx)
{
	if (!SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) ||
		!SSL_CTX_set_ciphersuites(ctx, TLS13_SUITES) || !SSL_CTX_set1_groups_list(ctx, TLS_GROUPS))
		return -1;
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	return 0;
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
	struct lws_context *cx = wsi ? lws_get_context(wsi) : NULL;
	struct bk_socket *l = cx ? lws_context_user(cx) : NULL;

	switch ((int)reason) {
	case LWS_CALLBACK_OPENSSL_LOAD_EXTRA_CLIENT_VERIFY_CERTS:
		return harden(user);
	case LWS_CALLBACK_CLIENT_ESTABLISHED:
		return l && wsi == l->wsi && !came_up(l, wsi) ? 0 : -1;
	case LWS_CALLBACK_CLIENT_RECEIVE:
		return l && wsi == l->wsi ? take_fragment(l, wsi, in, len) : -1;
	case LWS_CALLBACK_CLIENT_WRITEABLE:
		return l && wsi == l->wsi ? write_one(l, wsi) : -1;
	case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
		if (l && (!l->wsi || wsi == l->wsi))
			went_down(l, reason_of(in));
		return 0;
	case LWS_CALLBACK_CLIENT_CLOSED:
	case LWS_CALLBACK_WSI_DESTROY:
		if (l && l->wsi && wsi == l->wsi)
			went_down(l, l->open ? BK_E_NET : BK_E_TLS);
		return 0;
	default:
		return 0;
	}
}

static const struct lws_protocols protocols[] = {
	{BK_SUBPROTOCOL, on_event, 0, 16384, 0, NULL, 0},
	{NULL, NULL, 0, 0, 0, NULL, 0},
};

static const lws_retry_bo_t liveness = {
	.secs_since_valid_ping = IDLE_PING_S,
	.secs_since_valid_hangup = IDLE_CUT_S,
};

static void fill_context(struct lws_context_creation_info *info, struct bk_socket *l, void **loops)
{
	info->options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
	if (l->ca_file) {
		info->options |= LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS;
		info->client_ssl_ca_filepath = l->ca_file;
	}
	info->foreign_loops = loops;
	info->port = CONTEXT_PORT_NO_LISTEN;
	info->protocols = protocols;
	info->client_tls_1_3_plus_cipher_list = TLS13_SUITES;
	info->pcontext = &l->context;
	info->gid = -1;
	info->uid = -1;
	info->user = l;
	info->fd_limit_per_thread = 64; /* one connection and the loop's own; else a table for every possible fd */
	info->pt_serv_buf_size = 16384;
	info->connect_timeout_secs = CONNECT_TIMEOUT_S;
	info->timeout_secs = CONNECT_TIMEOUT_S;
	info->retry_and_idle_policy = &liveness;
}

int bk_socket_new(uv_loop_t *loop, const char *ca_file, const struct bk_socket_callbacks *cb, void *arg,
	struct bk_socket **ret_link)
{
	struct lws_context_creation_info info;
	void *loops[1] = {loop};
	struct bk_socket *l = calloc(1, sizeof *l);

	if (!l)
		return BK_E_NOMEM;
	memset(&info, 0, sizeof info);
	l->callbacks = *cb;
	l->arg = arg;
	l->tail = &l->head;
	if (ca_file && !(l->ca_file = strdup(ca_file))) {
		free(l);
		return BK_E_NOMEM;
	}
	lws_set_log_level(0, NULL);
	fill_context(&info, l, loops);
	l->context = lws_create_context(&info); /* pcontext is only cleared by lws, once the context is gone */
	if (!l->context) {
		free(l->ca_file);
		free(l);
		return BK_E_TLS; /* in practice: the CA file cannot be read */
	}
	*ret_link = l;
	return 0;
}

void bk_socket_stop(struct bk_socket *l)
{
	l->stopped = true;
	if (l->context)
		lws_context_destroy(l->context);
}

void bk_socket_free(struct bk_socket *l)
{
	if (!l)
		return;
	/* Under a foreign loop the context dies in two steps; the second is due once the loop has run empty. */
	if (l->context)
		lws_context_destroy(l->context);
	drop_queue(l);
	if (l->in)
		sodium_memzero(l->in, l->in_cap);
	free(l->in);
	free(l->ca_file);
	free(l);
}

int bk_socket_connect(struct bk_socket *l, const char *host, uint16_t port)
{
	struct lws_client_connect_info ci;
	char name[300];

	if (l->busy || l->stopped)
		return BK_E_STATE;
	memset(&ci, 0, sizeof ci);
	snprintf(name, sizeof name, strchr(host, ':') ? "[%s]:%u" : "%s:%u", host, port);
	ci.context = l->context;
	ci.address = host;
	ci.host = host; /* also the name that the certificate must carry */
	ci.port = port;
	ci.path = BK_WS_PATH;
	ci.protocol = BK_SUBPROTOCOL;
	ci.local_protocol_name = BK_SUBPROTOCOL;
	ci.ssl_connection = LCCSCF_USE_SSL;
	ci.alpn = "http/1.1";
	ci.ietf_version_or_minus_one = -1;
	ci.retry_and_idle_policy = &liveness;
	ci.pwsi = &l->wsi;
	l->busy = true;
	if (!lws_client_connect_via_info(&ci)) {
		went_down(l, BK_E_NET); /* a no-op when the error callback came first */
	}
	return 0;
}

void bk_socket_disconnect(struct bk_socket *l)
{
	if (!l->busy || !l->wsi)
		return;
	l->closing = true;
	/* Ends outside the connection's own callback: see docs/decisions/ on libwebsockets 4.1.6. */
	lws_set_timeout(l->wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_ASYNC);
	lws_cancel_service(lws_get_context(l->wsi)); /* its timers are looked at when it is woken, and not before */
}

int bk_socket_send(struct bk_socket *l, const void *frame, size_t len)
{
	struct out_frame *f;

	if (!l->open)
		return BK_E_NET;
	if (l->queued + len > BK_SOCKET_QUEUE_MAX)
		return BK_E_FULL;
	f = malloc(sizeof *f + LWS_PRE + len);
	if (!f)
		return BK_E_NOMEM;
	f->next = NULL;
	f->len = len;
	memcpy(f->data + LWS_PRE, frame, len);
	*l->tail = f;
	l->tail = &f->next;
	l->queued += len;
	lws_callback_on_writable(l->wsi);
	return 0;
}
