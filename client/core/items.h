/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Items: every message that was sent or read here, as the JSON that the API shows, with a "private" member
 * (keys) that never leaves. Indexes by time and by conversation.
 */
#ifndef BK_ITEMS_H
#define BK_ITEMS_H

#include <jansson.h>
#include "pack.h"

struct bk_core;
/* Builds an item from content; rungs and private members are added by the caller. NULL: not something to show. */
json_t *bk_items_build(struct bk_core *core, const struct bk_opened *o, bool outgoing);
int bk_items_put(struct bk_core *core, const json_t *item); /* new: writes the indexes too */
int bk_items_save(struct bk_core *core, const json_t *item);
json_t *bk_items_get(struct bk_core *core, bk_id message); /* NULL when absent */
json_t *bk_items_public(const json_t *item);               /* a copy without the private member */
json_t *bk_items_shown(struct bk_core *core, const json_t *item); /* the same, with what depends on the time */
/*
 * Made when absent; borrowed. Members: "key" (hex, the body's key, set by the inbox for case tags: incoming, but
 * not of a repeat, which has another key), "to" (circle ids; outgoing), "regime", "files" (per attachment: hash,
 * key, plain_hash, size, padded, blob, ready, attachment), "group" (guidance to several).
 */
json_t *bk_items_private(json_t *item);
/* The newest `limit` kept after a time, newest last. conversation zero: all. */
json_t *bk_items_list(struct bk_core *core, bk_id conversation, bk_ms after, size_t limit);
json_t *bk_items_reports(struct bk_core *core);  /* own reports, newest last */
json_t *bk_items_guidance(struct bk_core *core); /* guidance, newest last */
/* Raises a rung of an own message; emits "outgoing". Earlier times and higher rungs stay. */
void bk_items_rung(struct bk_core *core, bk_id message, const char *rung, bk_ms at, const char *by);
/* A guidance was acknowledged by somebody of a circle: kept and told once ("guidance-ack"). */
void bk_items_acknowledged(struct bk_core *core, bk_id guidance, bk_id circle, const char *name, bk_ms at);
bk_ms bk_items_acknowledged_ms(struct bk_core *core, bk_id guidance, bk_id circle); /* 0: not */
/* What a circle is called, or else one of its devices; "" when nobody has said. */
void bk_items_circle_name(struct bk_core *core, bk_id circle, char out[static BK_NAME_MAX + 1]);
/* "person", "officer" ...; "" for none. */
const char *bk_items_role(Baken__Role role);

#endif
