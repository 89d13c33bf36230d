/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "push_host.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <jansson.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "ctl_tls.h"
#include "err.h"
#include "proc.h"
#include "tmp.h"

#define KEPT 64u
#define HANGING 32u

struct bk_push_host {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t come;
	SSL_CTX *tls;
	int fd, wake[2];
	uint16_t port;
	int status;
	char headers[200];
	struct bk_push_request kept[KEPT];
	size_t first, n;
	int hanging[HANGING];
	size_t n_hanging;
};

static void use_pem(SSL_CTX *tls, const char *cert, const char *key)
{
	BK_ASSERT(bk_tmp_write(bk_tmp_path("push-host.pem"), cert, strlen(cert)) == 0);
	BK_ASSERT(bk_tmp_write(bk_tmp_path("push-host.key"), key, strlen(key)) == 0);
	BK_ASSERT(SSL_CTX_use_certificate_chain_file(tls, bk_tmp_path("push-host.pem")) == 1);
	BK_ASSERT(SSL_CTX_use_PrivateKey_file(tls, bk_tmp_path("push-host.key"), SSL_FILETYPE_PEM) == 1);
}

static void make_tls(struct bk_push_host *h, const char *ca_file)
{
	json_t *hosts = json_pack("[s,s]", "127.0.0.1", "localhost");
	char *ca_key = NULL, *ca = NULL, *key = NULL, *chain = NULL;

	h->tls = SSL_CTX_new(TLS_server_method());
	BK_ASSERT(h->tls && bk_ctl_tls_ca_new(&ca_key, &ca) == 0);
	BK_ASSERT(bk_ctl_tls_leaf_new(ca_key, ca, hosts, &key, &chain) == 0);
	use_pem(h->tls, chain, key);
	BK_ASSERT(bk_tmp_write(ca_file, ca, strlen(ca)) == 0);
	free(ca_key);
	free(ca);
	free(key);
	free(chain);
	json_decref(hosts);
}

static void keep(struct bk_push_host *h, const struct bk_push_request *r)
{
	pthread_mutex_lock(&h->lock);
	BK_ASSERT(h->n < KEPT);
	h->kept[(h->first + h->n++) % KEPT] = *r;
	pthread_cond_signal(&h->come);
	pthread_mutex_unlock(&h->lock);
}

/* Head and body until the body is as long as was said. */
static bool read_request(SSL *ssl, struct bk_push_request *r)
{
	char buf[8192], *end = NULL;
	size_t n = 0, head, said = 0;
	const char *length;

	while (!end && n < sizeof buf - 1) {
		int got = SSL_read(ssl, buf + n, (int)(sizeof buf - 1 - n));

		if (got <= 0)
			return false;
		n += (size_t)got;
		buf[n] = '\0';
		end = strstr(buf, "\r\n\r\n");
	}
	if (!end)
		return false;
	head = (size_t)(end - buf) + 4;
	snprintf(r->line, sizeof r->line, "%.*s", (int)strcspn(buf, "\r"), buf);
	snprintf(r->head, sizeof r->head, "%.*s", (int)(end + 2 - strstr(buf, "\r\n") - 2), strstr(buf, "\r\n") + 2);
	length = bk_push_host_header(r, "Content-Length");
	said = strtoul(length, NULL, 10);
	r->body = n - head > said ? n - head : said;
	r->at_ms = bk_proc_now_ms();
	return true;
}

static void answer(struct bk_push_host *h, int fd)
{
	struct bk_push_request r = {.body = 0};
	SSL *ssl = SSL_new(h->tls);
	char text[400];
	int status, n;

	BK_ASSERT(ssl && SSL_set_fd(ssl, fd) == 1);
	if (SSL_accept(ssl) == 1 && read_request(ssl, &r)) {
		pthread_mutex_lock(&h->lock);
		status = h->status;
		n = snprintf(text, sizeof text, "HTTP/1.1 %d Told\r\n%sContent-Length: 0\r\nConnection: close\r\n\r\n", status,
			h->headers);
		pthread_mutex_unlock(&h->lock);
		keep(h, &r);
		if (!status && h->n_hanging < HANGING)
			h->hanging[h->n_hanging++] = dup(fd);
		else
			(void)SSL_write(ssl, text, n);
		if (status)
			SSL_shutdown(ssl);
	}
	SSL_free(ssl);
	close(fd);
}

static void *run(void *arg)
{
	struct bk_push_host *h = arg;
	struct timeval patience = {.tv_sec = 5};

	for (;;) {
		struct pollfd p[2] = {{.fd = h->fd, .events = POLLIN}, {.fd = h->wake[0], .events = POLLIN}};
		int fd;

		if (poll(p, 2, -1) < 0 || p[1].revents)
			return NULL;
		fd = accept4(h->fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0)
			continue;
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
		answer(h, fd);
	}
}

struct bk_push_host *bk_push_host_start(const char *ca_file)
{
	struct bk_push_host *h = calloc(1, sizeof *h);
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof sa;
	pthread_condattr_t attr;

	BK_ASSERT(h);
	signal(SIGPIPE, SIG_IGN);
	make_tls(h, ca_file);
	h->status = 201;
	h->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	BK_ASSERT(h->fd >= 0 && bind(h->fd, (struct sockaddr *)&sa, sizeof sa) == 0 && listen(h->fd, 64) == 0);
	BK_ASSERT(getsockname(h->fd, (struct sockaddr *)&sa, &len) == 0 && pipe2(h->wake, O_CLOEXEC) == 0);
	h->port = ntohs(sa.sin_port);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	BK_ASSERT(pthread_mutex_init(&h->lock, NULL) == 0 && pthread_cond_init(&h->come, &attr) == 0);
	pthread_condattr_destroy(&attr);
	BK_ASSERT(pthread_create(&h->thread, NULL, run, h) == 0);
	return h;
}

void bk_push_host_stop(struct bk_push_host *h)
{
	if (!h)
		return;
	close(h->wake[1]);
	pthread_join(h->thread, NULL);
	for (size_t i = 0; i < h->n_hanging; i++)
		close(h->hanging[i]);
	close(h->wake[0]);
	close(h->fd);
	SSL_CTX_free(h->tls);
	pthread_cond_destroy(&h->come);
	pthread_mutex_destroy(&h->lock);
	free(h);
}

uint16_t bk_push_host_port(const struct bk_push_host *h)
{
	return h->port;
}

void bk_push_host_answer(struct bk_push_host *h, int status, const char *headers)
{
	pthread_mutex_lock(&h->lock);
	h->status = status;
	snprintf(h->headers, sizeof h->headers, "%s", headers ? headers : "");
	pthread_mutex_unlock(&h->lock);
}

bool bk_push_host_take(struct bk_push_host *h, uint64_t timeout_ms, struct bk_push_request *ret_request)
{
	struct timespec until;
	int rc = 0;
	bool any;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += (time_t)(timeout_ms / 1000);
	until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	pthread_mutex_lock(&h->lock);
	while (!h->n && !rc)
		rc = pthread_cond_timedwait(&h->come, &h->lock, &until);
	any = h->n > 0;
	if (any) {
		*ret_request = h->kept[h->first];
		h->first = (h->first + 1) % KEPT;
		h->n--;
	}
	pthread_mutex_unlock(&h->lock);
	return any;
}

const char *bk_push_host_header(const struct bk_push_request *r, const char *name)
{
	static char value[2048];
	size_t len = strlen(name);

	for (const char *line = r->head; *line; line += strcspn(line, "\n"), line += *line == '\n') {
		if (strncasecmp(line, name, len) != 0 || line[len] != ':')
			continue;
		line += len + 1 + strspn(line + len + 1, " ");
		snprintf(value, sizeof value, "%.*s", (int)strcspn(line, "\r\n"), line);
		return value;
	}
	return "";
}
