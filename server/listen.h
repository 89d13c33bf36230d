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
#include <stdint.h>

struct bk_server;
struct bk_net;
struct bk_listener;

/* endpoint: host:port with a numeric host. BK_E_NET after a log line. */
int bk_listen_start(struct bk_server *s, struct bk_net *n, const char *endpoint, bool tls,
	struct bk_listener **ret_listener);
void bk_listen_stop(struct bk_listener *l); /* NULL: nothing */
/*
 * A ticket stands for one accepted socket in the count of its address. It is a number used once: libwebsockets may
 * tell of an end twice, now by a failure and a turn later by a callback, and the second time must find nothing.
 */
void bk_listen_gone(struct bk_server *s, uintptr_t ticket);

#endif
