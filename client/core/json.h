/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Ids, hashes and times in JSON rows and events: hex text and integers. Setters accept NULL objects; a value
 * that could not be built is remembered (bk_json_broken), and the turn that built it is not committed: half a row
 * would be worse than none.
 *
 * Threads: one core a thread. Memory: as jansson.
 */
#ifndef BK_JSON_H
#define BK_JSON_H

#include <jansson.h>
#include "ids.h"
#include "bounds.h"

json_t *bk_json_object(void);
json_t *bk_json_array(void);
/* A stored row; NULL is remembered too: a row that cannot be read now must not be taken for one that is absent. */
json_t *bk_json_row(const void *text, size_t len);
void bk_json_put(json_t *o, const char *key, json_t *value); /* value: stolen */
void bk_json_push(json_t *array, json_t *value);             /* value: stolen */
void bk_json_check(bool built);
/*
 * The text, malloc'd and NUL-terminated; NULL without memory. Not json_dumps: jansson 2.14 ignores a failed
 * allocation while it writes a key, and hands out text that is not JSON.
 */
char *bk_json_print(const json_t *value, size_t *ret_len);
bool bk_json_broken(void); /* something could not be built since the last call */
void bk_json_text(json_t *o, const char *key, const char *text); /* always; "" too */
void bk_json_more(json_t *o, const char *key, const char *text); /* only when not empty */
void bk_json_ms(json_t *o, const char *key, bk_ms ms);           /* only when not 0 */
void bk_json_int(json_t *o, const char *key, uint64_t v);        /* always */
void bk_json_bool(json_t *o, const char *key, bool v);
void bk_json_id(json_t *o, const char *key, bk_id id); /* only when not zero */
void bk_json_hex(json_t *o, const char *key, const void *data, size_t len);
void bk_json_push_id(json_t *array, bk_id id);

/* Readers: a missing or malformed member reads as zero, "" or false. */
const char *bk_json_get_text(const json_t *o, const char *key);
uint64_t bk_json_get_int(const json_t *o, const char *key);
bool bk_json_get_bool(const json_t *o, const char *key);
bk_id bk_json_get_id(const json_t *o, const char *key);
bool bk_json_get_hex(const json_t *o, const char *key, void *out, size_t len);
/* Up to max ids of an array member; returns how many. */
size_t bk_json_get_ids(const json_t *o, const char *key, bk_id *out, size_t max);

#endif
