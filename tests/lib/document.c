/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "document.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "tmp.h"

#define BLOCK "```baken-vectors\n"

int bk_document_open(const char *path, struct bk_document *d)
{
	uint8_t *data = NULL;
	size_t len = 0;
	int err = bk_tmp_read(path, &data, &len);

	if (err)
		return err;
	*d = (struct bk_document){.text = malloc(len + 1), .len = len};
	BK_ASSERT(d->text);
	memcpy(d->text, data, len);
	d->text[len] = '\0';
	free(data);
	return 0;
}

void bk_document_close(struct bk_document *d)
{
	free(d->text);
	free(d->line);
}

static bool parts(char c, const char *at)
{
	return c && strchr(at, c);
}

static void split(struct bk_document *d, const char *from, size_t len, const char *at)
{
	char *p;

	free(d->line);
	d->line = malloc(len + 1);
	BK_ASSERT(d->line);
	memcpy(d->line, from, len);
	d->line[len] = '\0';
	d->n_words = 0;
	for (p = d->line; *p && d->n_words < BK_DOCUMENT_WORDS;) {
		while (parts(*p, at))
			*p++ = '\0';
		if (*p)
			d->words[d->n_words++] = p;
		while (*p && !parts(*p, at))
			p++;
	}
}

/* The line at *at; moves behind it. */
static const char *next_line(const struct bk_document *d, size_t *at, size_t *ret_len)
{
	const char *line = d->text + *at, *end;

	if (*at >= d->len)
		return NULL;
	end = strchr(line, '\n');
	*ret_len = end ? (size_t)(end - line) : strlen(line);
	*at += *ret_len + 1;
	return line;
}

/* Moves behind the first line of the block or table unless that was done. */
static bool enter(const struct bk_document *d, size_t *at, const char *mark)
{
	const char *p;

	if (*at)
		return true;
	p = strstr(d->text, mark);
	if (p)
		*at = (size_t)(p - d->text) + strlen(mark);
	return p != NULL;
}

bool bk_document_vector(struct bk_document *d, size_t *at)
{
	const char *line;
	size_t len = 0;

	if (!enter(d, at, BLOCK))
		return false;
	while ((line = next_line(d, at, &len)) && strncmp(line, "```", 3) != 0)
		if (len && *line != '#') {
			split(d, line, len, " ");
			return true;
		}
	return false;
}

bool bk_document_row(struct bk_document *d, size_t *at, const char *table)
{
	char mark[80] = "<!-- table: ";
	const char *line;
	size_t len = 0;
	bool first = *at == 0;

	strcat(strcat(mark, table), " -->\n");
	if (!enter(d, at, mark))
		return false;
	for (int head = 0; first && head < 2; head++)
		next_line(d, at, &len);
	line = next_line(d, at, &len);
	if (!line || *line != '|')
		return false;
	split(d, line, len, "|` ,");
	return true;
}

const char *bk_document_word(const struct bk_document *d, size_t i)
{
	return i < d->n_words ? d->words[i] : "";
}

const char *bk_document_value(const struct bk_document *d, const char *key)
{
	size_t n = strlen(key);

	for (size_t i = 0; i < d->n_words; i++)
		if (strncmp(d->words[i], key, n) == 0 && d->words[i][n] == '=')
			return d->words[i] + n + 1;
	return NULL;
}
