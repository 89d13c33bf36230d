/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Did a person write this, or is it only a template? A template with its gaps filled in is still one. Case, spaces
 * and marks do not make a text one's own. Threads: pure.
 */
#ifndef BK_OWNWORDS_H
#define BK_OWNWORDS_H

#include <stdbool.h>

/* Something beside a reply template of either language. False without memory. */
bool bk_ownwords(const char *text);

#endif
