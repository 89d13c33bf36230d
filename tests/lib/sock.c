/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "err.h"
#include "bounds.h"
#include "login.h"
#include "proc.h"

#define TIMEOUT_MS 10000u
#define READ_BYTES 65536u
#define NO_CODE 1006 /* RFC 6455: none was received */

struct bk_sock {
	int fd;
	SSL_CTX *ctx;
	SSL *ssl;
	uint64_t timeout_ms, until;
	struct bk_ws_in in;
	struct bk_ws_buf out;
	uint16_t code;
	uint32_t mask;
};

/* ---- bytes ---- */

static int wait_for(struct bk_sock *s, short events)
{
	uint64_t now = bk_proc_now_ms();
	struct pollfd p = {.fd = s->fd, .events = events};
	int n;

	if (now >= s->until)
		return BK_E_TIMEOUT;
	n = poll(&p, 1, (int)(s->until - now));
	return n > 0 || (n < 0 && errno == EINTR) ? 0 : n == 0 ? BK_E_TIMEOUT : BK_E_NET;
}

static void begin(struct bk_sock *s, uint64_t timeout_ms)
{
	s->until = bk_proc_now_ms() + (timeout_ms ? timeout_ms : s->timeout_ms);
}

/* Why OpenSSL stopped: 0 after waiting for what it wants. */
static int ssl_wait(struct bk_sock *s, int ret)
{
	switch (SSL_get_error(s->ssl, ret)) {
	case SSL_ERROR_WANT_READ:
		return wait_for(s, POLLIN);
	case SSL_ERROR_WANT_WRITE:
		return wait_for(s, POLLOUT);
	case SSL_ERROR_SSL:
		return BK_E_TLS;
	default:
		return BK_E_NET;
	}
}

/* OpenSSL's errors are the thread's: those of another connection must not look like this one's. */
static bool quiet(const struct bk_sock *s)
{
	ERR_clear_error();
	return s->ssl != NULL;
}

static int write_all(struct bk_sock *s, const uint8_t *p, size_t len)
{
	begin(s, 0);
	while (len) {
		ssize_t n = quiet(s) ? SSL_write(s->ssl, p, (int)len) : send(s->fd, p, len, MSG_NOSIGNAL);
		int err;

		if (n > 0) {
			p += n;
			len -= (size_t)n;
			continue;
		}
		if (s->ssl)
			err = ssl_wait(s, (int)n);
		else
			err = errno == EAGAIN ? wait_for(s, POLLOUT) : BK_E_NET;
		if (err)
			return err;
	}
	return 0;
}

/* Appends what has come, waiting for it until s->until. */
static int read_more(struct bk_sock *s)
{
	for (;;) {
		uint8_t *p = bk_ws_room(&s->in.raw, READ_BYTES);
		ssize_t n = quiet(s) ? SSL_read(s->ssl, p, READ_BYTES) : recv(s->fd, p, READ_BYTES, 0);
		int err;

		if (n > 0) {
			s->in.raw.len += (size_t)n;
			return 0;
		}
		if (s->ssl)
			err = ssl_wait(s, (int)n);
		else
			err = n < 0 && errno == EAGAIN ? wait_for(s, POLLIN) : BK_E_NET;
		if (err)
			return err;
	}
}

/* ---- opening ---- */

static int dial(struct bk_sock *s, uint16_t port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	const int one = 1;

	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (s->fd < 0 || connect(s->fd, (const struct sockaddr *)&a, sizeof a) != 0)
		return BK_E_NET;
	setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	return fcntl(s->fd, F_SETFL, O_NONBLOCK) == 0 ? 0 : BK_E_IO; /* every wait has an end */
}

static int start_tls(struct bk_sock *s, const struct bk_sock_options *o)
{
	int n, err = 0;

	s->ctx = SSL_CTX_new(TLS_client_method());
	if (!s->ctx)
		return BK_E_NOMEM;
	if (o->old_tls)
		SSL_CTX_set_max_proto_version(s->ctx, TLS1_2_VERSION);
	if (o->ca) {
		if (SSL_CTX_load_verify_locations(s->ctx, o->ca, NULL) != 1)
			return BK_E_TLS;
		SSL_CTX_set_verify(s->ctx, SSL_VERIFY_PEER, NULL);
	}
	s->ssl = SSL_new(s->ctx);
	if (!s->ssl || SSL_set_fd(s->ssl, s->fd) != 1)
		return BK_E_NOMEM;
	while (!err && (n = quiet(s) ? SSL_connect(s->ssl) : -1) != 1)
		err = ssl_wait(s, n);
	return err;
}

static int start_ws(struct bk_sock *s, const struct bk_sock_options *o)
{
	const char *protocol = o->protocol ? o->protocol : BK_SUBPROTOCOL;
	int n, err;

	s->out.off = s->out.len = 0;
	bk_ws_open(&s->out, "localhost", o->path ? o->path : BK_WS_PATH, *protocol ? protocol : NULL);
	err = write_all(s, s->out.data, s->out.len);
	begin(s, 0);
	while (!err && (n = bk_ws_opened(&s->in.raw)) != 1)
		err = n < 0 ? n : read_more(s);
	return err;
}

int bk_sock_open(const struct bk_sock_options *o, struct bk_sock **ret_sock)
{
	struct bk_sock *s = calloc(1, sizeof *s);
	int err;

	if (!s)
		return BK_E_NOMEM;
	signal(SIGPIPE, SIG_IGN); /* OpenSSL writes without MSG_NOSIGNAL */
	s->timeout_ms = o->timeout_ms ? o->timeout_ms : TIMEOUT_MS;
	s->code = NO_CODE;
	s->mask = 0x5a17c3e9;
	begin(s, 0);
	err = dial(s, o->port);
	if (!err && o->tls)
		err = start_tls(s, o);
	if (!err && !o->raw)
		err = start_ws(s, o);
	if (err) {
		bk_sock_close(s);
		return err;
	}
	*ret_sock = s;
	return 0;
}

void bk_sock_close(struct bk_sock *s)
{
	if (!s)
		return;
	SSL_free(s->ssl);
	SSL_CTX_free(s->ctx);
	if (s->fd >= 0)
		close(s->fd);
	bk_ws_in_done(&s->in);
	bk_ws_buf_done(&s->out);
	free(s);
}

int bk_sock_exporter(struct bk_sock *s, uint8_t out[static 32])
{
	return s->ssl && SSL_export_keying_material(s->ssl, out, 32, BK_EXPORTER_LABEL, sizeof BK_EXPORTER_LABEL - 1,
				 NULL, 0, 0) == 1 ?
		0 :
		BK_E_TLS;
}

int bk_sock_fd(const struct bk_sock *s)
{
	return s->fd;
}

/* ---- messages ---- */

int bk_sock_send_raw(struct bk_sock *s, const void *data, size_t len)
{
	return write_all(s, data, len);
}

int bk_sock_send_frame(struct bk_sock *s, uint8_t opcode, bool fin, const void *data, size_t len)
{
	s->out.off = s->out.len = 0;
	bk_ws_frame(&s->out, opcode, fin, data, len, s->mask++);
	return write_all(s, s->out.data, s->out.len);
}

int bk_sock_send(struct bk_sock *s, const void *data, size_t len)
{
	return bk_sock_send_frame(s, BK_WS_BINARY, true, data, len);
}

static int closed(struct bk_sock *s, const uint8_t *data, size_t len)
{
	if (len >= 2)
		s->code = (uint16_t)(data[0] << 8 | data[1]);
	return BK_E_NET;
}

int bk_sock_recv(struct bk_sock *s, uint64_t timeout_ms, const uint8_t **ret_data, size_t *ret_len)
{
	begin(s, timeout_ms);
	for (;;) {
		uint8_t opcode = 0;
		const uint8_t *data = NULL;
		size_t len = 0;
		uint64_t until = s->until;
		int n = bk_ws_next(&s->in, &opcode, &data, &len);

		if (n < 0)
			return n;
		if (n == 0) {
			n = read_more(s);
			if (n)
				return n;
		} else if (opcode == BK_WS_CLOSE) {
			return closed(s, data, len);
		} else if (opcode == BK_WS_PING) {
			n = bk_sock_send_frame(s, BK_WS_PONG, true, data, len);
			s->until = until;
			if (n)
				return n;
		} else if (opcode != BK_WS_PONG) {
			*ret_data = data;
			*ret_len = len;
			return 0;
		}
	}
}

uint16_t bk_sock_code(const struct bk_sock *s)
{
	return s->code;
}

int bk_sock_recv_raw(struct bk_sock *s, uint64_t timeout_ms, const uint8_t **ret_data, size_t *ret_len)
{
	int err;

	begin(s, timeout_ms);
	s->in.raw.off = s->in.raw.len = 0;
	err = read_more(s);
	if (err)
		return err;
	*ret_data = s->in.raw.data;
	*ret_len = s->in.raw.len;
	return 0;
}
