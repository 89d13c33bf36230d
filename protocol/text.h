/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Texts that people wrote: checked on the way in, made harmless on the way to a one-line display. UTF-8
 * throughout (RFC 3629).
 *
 * Threads: pure.
 */
#ifndef BK_TEXT_H
#define BK_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Valid UTF-8, at most max bytes, no NUL, no control characters but newline and tab. */
bool bk_text_ok(const char *text, size_t len, size_t max);
/*
 * Copies a text of another person for a terminal: control characters (ESC among them), line ends and
 * bidirectional overrides become a space or U+FFFD, so that it cannot move the cursor or fake what it says.
 * Cut at a character's start when out is full. Returns out.
 */
char *bk_text_shown(const char *text, char *out, size_t size);
/* The same for a sender's file name, with '/' and '\' shown as U+2215 and U+29F5: never use it as a path. */
char *bk_text_name_shown(const char *name, char *out, size_t size);

/* A copy from malloc (C17 has no strdup); NULL without memory. */
char *bk_text_dup(const char *text);

#endif
