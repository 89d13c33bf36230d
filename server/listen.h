/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Listening sockets of our own (libwebsockets' cannot share a port or be throttled): accept, refuse by address
 * and number, hand the rest to net.c.
 *
 * Threads: loop.
 */
#ifndef BK_LISTEN_H
#define BK_LISTEN_H

#include <stdbool.h>

struct bk_server;
struct bk_net;
struct bk_listener;
struct bk_ticket; /* one accepted socket, for the count of its address */

/* endpoint: host:port with a numeric host. BK_E_NET after a log line. */
int bk_listen_start(struct bk_server *s, struct bk_net *n, const char *endpoint, bool tls,
	struct bk_listener **ret_listener);
void bk_listen_stop(struct bk_listener *l); /* NULL: nothing */
void bk_listen_gone(struct bk_server *s, struct bk_ticket *ticket);

#endif
