/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Moments as people type them, by the clock on the wall. Threads: as localtime_r and mktime. */
#ifndef BK_MOMENT_H
#define BK_MOMENT_H

#include "ids.h"

/*
 * "+30m", "+2h", "14:30" (the next one), "2026-03-29 14:30"; "none" is 0. An hour that the wall clock leaves out in
 * spring is refused, of one that comes twice in autumn the first is meant. BK_E_INVAL.
 */
int bk_moment_read(const char *text, bk_ms now, bk_ms *ret_at);

#endif
