/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where the server may knock: an endpoint that a device gave is used only when its host and port are on the
 * operator's list, and only over https; the address that the name then turns out to have must be a public one.
 * What a device says can therefore make the server speak to nobody but those hosts (lesson R9).
 *
 * Threads: pure. Memory: the caller's.
 */
#ifndef BK_PUSH_URL_H
#define BK_PUSH_URL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "bounds.h"

#define BK_PUSH_HOSTS_MAX 16u

struct bk_push_url {
	char host[256]; /* lower case */
	uint16_t port;
};

/*
 * https, a host name or IPv4 address, perhaps a port, a path of plain characters; no user, no fragment, no
 * escapes or capitals in the host. BK_E_INVAL.
 */
int bk_push_url_parse(const char *endpoint, struct bk_push_url *ret_url);
/* Place in "host, host:port, ..." (443 when none is said), from 0; -1: not in it. */
int bk_push_url_listed(const struct bk_push_url *url, const char *hosts);
/* Is the list itself well made, and no longer than BK_PUSH_HOSTS_MAX? BK_E_INVAL. "" is. */
int bk_push_url_check(const char *hosts);
/* Not of this machine, of a private network, of a link, or for many. near: this machine is allowed (tests). */
bool bk_push_url_public(const struct sockaddr *address, bool near);

#endif
