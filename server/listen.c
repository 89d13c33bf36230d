/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "log.h"
#include "server.h"

#define BACKLOG 4096       /* a storm of reconnects waits here, not in SYN retries */
#define ACCEPTS_PER_TURN 64
#define FULL_PAUSE_MS 100  /* out of descriptors: look again later instead of spinning */

#define SLOT_BITS 20u      /* a million sockets at most */

struct bk_ticket {
	uint32_t use; /* counts the uses of this slot */
	bool open;
	char address[BK_ADDRESS_TEXT];
};
struct bk_listener {
	struct bk_server *server;
	struct bk_net *net;
	bool tls;
	int fd;
	uv_poll_t poll;
	uv_timer_t again;
	unsigned handles;
};

static int address_text(const struct sockaddr_storage *a, char out[static BK_ADDRESS_TEXT])
{
	const void *ip = a->ss_family == AF_INET6 ?
		(const void *)&((const struct sockaddr_in6 *)(const void *)a)->sin6_addr :
		(const void *)&((const struct sockaddr_in *)(const void *)a)->sin_addr;

	return inet_ntop(a->ss_family, ip, out, BK_ADDRESS_TEXT) ? 0 : BK_E_INVAL;
}

static struct bk_ticket *find_ticket(struct bk_server *s, uintptr_t number)
{
	size_t i = number & ((1u << SLOT_BITS) - 1);
	struct bk_ticket *t = i < s->tickets_room ? &s->tickets[i] : NULL;

	return t && t->open && t->use == (uint32_t)(number >> SLOT_BITS) ? t : NULL;
}

/* Its number; 0 without room. */
static uintptr_t take_ticket(struct bk_server *s, const char *address)
{
	size_t i = s->ticket_hint;
	struct bk_ticket *t;

	while (i < s->tickets_room && s->tickets[i].open)
		i++;
	if (i == s->tickets_room) {
		size_t room = i ? 2 * i : 256;

		t = room <= 1u << SLOT_BITS ? realloc(s->tickets, room * sizeof *t) : NULL;
		if (!t)
			return 0;
		memset(t + i, 0, (room - i) * sizeof *t);
		s->tickets = t;
		s->tickets_room = room;
	}
	s->ticket_hint = i + 1;
	t = &s->tickets[i];
	t->open = true;
	if (++t->use == 0)
		t->use = 1;
	strcpy(t->address, address);
	return (uintptr_t)t->use << SLOT_BITS | i;
}

static void take(struct bk_listener *l, int fd, const struct sockaddr_storage *from)
{
	struct bk_server *s = l->server;
	char address[BK_ADDRESS_TEXT] = "";
	const int one = 1;
	uintptr_t t;

	if (address_text(from, address) || s->stats.sockets >= s->o.connections ||
		!bk_throttle_accept(&s->throttle, address, bk_now())) {
		s->stats.accepts_refused++;
		close(fd);
		return;
	}
	t = take_ticket(s, address);
	if (!t) {
		s->stats.accepts_refused++;
		bk_throttle_closed(&s->throttle, address);
		close(fd);
		return;
	}
	s->stats.accepts++;
	s->stats.sockets++;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	bk_net_adopt(l->net, fd, l->tls, t);
}

void bk_listen_gone(struct bk_server *s, uintptr_t ticket)
{
	struct bk_ticket *t = find_ticket(s, ticket);

	if (!t)
		return;
	s->stats.sockets--;
	bk_throttle_closed(&s->throttle, t->address);
	t->open = false;
	if ((size_t)(t - s->tickets) < s->ticket_hint)
		s->ticket_hint = (size_t)(t - s->tickets);
}

static void on_readable(uv_poll_t *p, int status, int events);

static void on_again(uv_timer_t *t)
{
	struct bk_listener *l = t->data;

	uv_poll_start(&l->poll, UV_READABLE, on_readable);
}

static void on_readable(uv_poll_t *p, int status, int events)
{
	struct bk_listener *l = p->data;

	(void)status;
	(void)events;
	for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
		struct sockaddr_storage from;
		socklen_t len = sizeof from;
		int fd = accept4(l->fd, (struct sockaddr *)&from, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0) {
			take(l, fd, &from);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
			bk_log(BK_LOG_ACCEPT_FULL, "errno=%d", errno);
			uv_poll_stop(p);
			uv_timer_start(&l->again, on_again, FULL_PAUSE_MS, 0);
		}
		if (errno != EINTR && errno != ECONNABORTED)
			return;
	}
}

static int bind_to(const char *endpoint)
{
	struct sockaddr_storage a;
	char host[256];
	uint16_t port = 0;
	const int one = 1;
	socklen_t len;
	int fd;

	memset(&a, 0, sizeof a);
	if (bk_options_endpoint(endpoint, host, &port) != 0)
		return -1;
	if (strcmp(host, "localhost") == 0)
		strcpy(host, "127.0.0.1");
	if (strchr(host, ':')) {
		if (uv_ip6_addr(host, port, (struct sockaddr_in6 *)(void *)&a) != 0)
			return -1;
		len = sizeof(struct sockaddr_in6);
	} else {
		if (uv_ip4_addr(host, port, (struct sockaddr_in *)(void *)&a) != 0)
			return -1;
		len = sizeof(struct sockaddr_in);
	}
	fd = socket(a.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (bind(fd, (const struct sockaddr *)&a, len) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	close(fd);
	return -1;
}

int bk_listen_start(struct bk_server *s, struct bk_net *n, const char *endpoint, bool tls,
	struct bk_listener **ret_listener)
{
	struct bk_listener *l = calloc(1, sizeof *l);

	if (!l)
		return BK_E_NOMEM;
	errno = 0;
	l->fd = bind_to(endpoint);
	if (l->fd < 0) {
		bk_log(BK_LOG_START_FAILED, "listen=%s reason=\"%s\"", endpoint, errno ? strerror(errno) : "not a numeric host:port");
		free(l);
		return BK_E_NET;
	}
	l->server = s;
	l->net = n;
	l->tls = tls;
	uv_poll_init(s->loop, &l->poll, l->fd);
	uv_timer_init(s->loop, &l->again);
	l->poll.data = l->again.data = l;
	l->handles = 2;
	uv_poll_start(&l->poll, UV_READABLE, on_readable);
	*ret_listener = l;
	return 0;
}

static void on_closed(uv_handle_t *h)
{
	struct bk_listener *l = h->data;

	if (--l->handles == 0)
		free(l);
}

void bk_listen_stop(struct bk_listener *l)
{
	if (!l)
		return;
	uv_poll_stop(&l->poll);
	uv_timer_stop(&l->again);
	close(l->fd);
	uv_close((uv_handle_t *)&l->poll, on_closed);
	uv_close((uv_handle_t *)&l->again, on_closed);
}
