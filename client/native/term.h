/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Terminal: times, tables, progress, prompts without echo, single keys. Everything that came from another
 * person is shown through bk_text_shown (no escape sequences, no bidi overrides).
 *
 * Threads: main. Secrets: bk_term_secret fills memory that the caller wipes.
 */
#ifndef BK_TERM_H
#define BK_TERM_H

#include <stdio.h>

#include "ids.h"
#include "err.h"

#define BK_TERM_TIME 32
#define BK_PASSPHRASE_MAX 256 /* bytes with the NUL */

bool bk_term_is_tty(FILE *f);
unsigned bk_term_width(void);  /* 80 when unknown */
unsigned bk_term_height(void); /* 24 when unknown */
/* Local time, "ma 23-11 10:42:05"; the day only when it is not today's. "-" for 0. */
char *bk_term_time(bk_ms at, enum bk_lang lang, char out[static BK_TERM_TIME]);
/* "3 min", "2 u 10 min". */
char *bk_term_span(bk_ms span, enum bk_lang lang, char out[static BK_TERM_TIME]);
/* A peer's text on one line, at most `columns` wide, harmless. Static rotation of 8 buffers. */
const char *bk_term_shown(const char *text, unsigned columns);
/* The same, filled up with spaces to exactly `columns`. */
const char *bk_term_padded(const char *text, unsigned columns);
/* Bold, dim or reverse for a terminal that wants it; "" without one, and when NO_COLOR is set (no-color.org). */
const char *bk_term_style(const char *sgr);
/* A peer's text over several lines, each indented. */
void bk_term_paragraph(FILE *f, const char *text, unsigned indent);

/* Bar on stderr when it is a terminal, nothing otherwise. done == total ends it. */
void bk_term_progress(const char *what, uint64_t done, uint64_t total);

/* Asks on the terminal without echo. BK_E_STATE without a terminal; BK_E_TOO_BIG. */
int bk_term_secret(const char *prompt, char out[static BK_PASSPHRASE_MAX]);
/* First line of a file. BK_E_NOT_FOUND, BK_E_INVAL (empty), BK_E_TOO_BIG. "-": standard input. */
int bk_term_secret_file(const char *path, char out[static BK_PASSPHRASE_MAX]);
/* Asks for one line with echo. BK_E_CANCELLED on end of input. */
int bk_term_line(const char *prompt, char *out, size_t max);

/* Raw mode for the board; restored at exit. Who turns it on sees to signals. */
int bk_term_raw(bool on);
enum { BK_KEY_NONE = 0, BK_KEY_UP = 0x100, BK_KEY_DOWN, BK_KEY_ESCAPE, BK_KEY_OTHER };
/* Reads one key from a raw terminal without waiting. */
int bk_term_key(void);

#endif
