/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One table: which frame is allowed in which phase, for which roles, at which rate, and who handles it.
 *
 * Threads: loop.
 */
#ifndef BK_DISPATCH_H
#define BK_DISPATCH_H

#include "conn.h"

/* 0 handled (or answered with an error); BK_E_STATE: not in this phase, the connection must end. */
int bk_dispatch(struct bk_conn *c, const Baken__Frame *f);

#endif
