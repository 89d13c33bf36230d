/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Templates: texts that officers begin with, from client/content/templates.json, built in. A template has a name,
 * a kind ("guidance", "reply") and for each language a title (guidance) and a text at level B1. {{word}} is a gap:
 * the officer must fill it in, and what still has one is not sent.
 *
 * Threads: pure. Memory: results are new references.
 */
#ifndef BK_TEMPLATES_H
#define BK_TEMPLATES_H

#include <jansson.h>
#include <stdbool.h>
#include "err.h"

/* All of a kind as [{"name","title"?,"text"}] in the order of the file; NULL without memory. */
json_t *bk_templates_list(const char *kind, enum bk_lang lang);
/* One of them; NULL: there is none, or no memory. */
json_t *bk_templates_find(const char *kind, const char *name, enum bk_lang lang);
/* Does the text still have a gap? */
bool bk_templates_gap(const char *text);

/* The file, as it is. */
extern const unsigned char bk_templates_data[];
extern const size_t bk_templates_bytes;

#endif
