/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads what tests need from a Markdown document: lines of blocks that open with ```baken-vectors, and rows of the
 * tables that follow a comment <!-- table: NAME -->. Either is split into words: a vector at its spaces; a row at
 * its bars and spaces, without backquotes and commas.
 *
 * Threads: one. Memory: words live until the next call.
 */
#ifndef BK_DOCUMENT_H
#define BK_DOCUMENT_H

#include <stdbool.h>
#include <stddef.h>

#define BK_DOCUMENT_WORDS 64u

struct bk_document {
	char *text;
	size_t len;
	char *line; /* a copy, cut into words */
	const char *words[BK_DOCUMENT_WORDS];
	size_t n_words;
};

int bk_document_open(const char *path, struct bk_document *d);
void bk_document_close(struct bk_document *d);
/* Next vector or row after *at (0: the first), which is moved on; false past the last. */
bool bk_document_vector(struct bk_document *d, size_t *at);
bool bk_document_row(struct bk_document *d, size_t *at, const char *table);
/* "" past the last. */
const char *bk_document_word(const struct bk_document *d, size_t i);
/* The value of a word "key=value"; NULL. */
const char *bk_document_value(const struct bk_document *d, const char *key);

#endif
