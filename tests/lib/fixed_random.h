/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A random source that is none: the same bytes in the same order after every switching on. For examples that must
 * come out the same and for replays; whatever is made with it protects nothing.
 *
 * Threads: one; it stands in for libsodium's source in the whole process.
 */
#ifndef BK_FIXED_RANDOM_H
#define BK_FIXED_RANDOM_H

#include <stdbool.h>

void bk_fixed_random(bool on);

#endif
