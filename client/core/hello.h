/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The first two exchanges of a connection: is this the server of our organisation (root pinned, server
 * certificate newer or equal, TLS key listed in it), and the login that binds this TLS connection.
 */
#ifndef BK_HELLO_H
#define BK_HELLO_H

#include "link.h"

void bk_hello_received(struct bk_core *core, const Baken__Hello *h);
void bk_hello_logged_in(struct bk_core *core, const Baken__LoginOk *m);
void bk_hello_on_refused(struct bk_core *core, const struct bk_request *r, int err);
void bk_link_tell_online(struct bk_core *core);

#endif
