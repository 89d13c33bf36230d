/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The table of commands: name, who may, handler, fields. api.c checks the fields by it before the handler runs.
 *
 * Threads: constant.
 */
#ifndef BK_API_TABLE_H
#define BK_API_TABLE_H

#include "api.h"

enum bk_api_type {
	F_NONE,
	F_ID,
	F_IDS,
	F_TEXT,
	F_BOOL,
	F_INT,    /* not negative */
	F_NUMBER, /* any number: degrees */
	F_INTS,   /* a list of numbers, not negative */
	F_TEXTS,  /* a list of texts of a handover's length */
	F_LIST,   /* of objects, which the handler checks */
	F_TO,     /* "desk", "care" or an id */
	F_TOS     /* "all" or ids */
};

struct bk_api_field {
	const char *name;
	enum bk_api_type type;
	bool needed;
	size_t max; /* bytes of a text, entries of a list, largest number; 0: none */
};

#define BK_API_NEW 0u /* before enrolment too */
#define BK_API_FIELDS_MAX 16

struct bk_api_entry {
	const char *name;
	uint32_t roles; /* bits 1 << role, or BK_API_NEW */
	int (*run)(struct bk_core *core, struct bk_command *c);
	struct bk_api_field fields[BK_API_FIELDS_MAX];
};

extern const struct bk_api_entry bk_api_table[]; /* ends with a NULL name */

#endif
