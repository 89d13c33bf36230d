/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who the server is to a push host (RFC 8292, VAPID): a P-256 key of the operator signs, by ES256, for whom, until
 * when and how the operator is reached. Nothing of a device or message is in it.
 *
 * Threads: one at a time. Memory: bk_push_vapid_close. Secrets: the key, in OpenSSL's memory.
 */
#ifndef BK_PUSH_VAPID_H
#define BK_PUSH_VAPID_H

#include "ids.h"

#define BK_PUSH_VAPID_PUBLIC 65u /* uncompressed point */
#define BK_PUSH_VAPID_TEXT 1024 /* "vapid t=..., k=..." with its NUL */
#define BK_PUSH_VAPID_MS 43200000u /* how long one holds; half of what the RFC allows */

struct bk_push_vapid;

/* A new key as PEM, malloc'd: to be stored where only the server reads it. BK_E_CRYPTO, BK_E_NOMEM. */
int bk_push_vapid_make(char **ret_pem);
/* file: PEM of a P-256 key, its owner's alone. BK_E_NOT_FOUND, BK_E_STATE readable by others, BK_E_INVAL. */
int bk_push_vapid_open(const char *file, struct bk_push_vapid **ret_vapid);
void bk_push_vapid_close(struct bk_push_vapid *v); /* NULL: nothing */
const uint8_t *bk_push_vapid_public(const struct bk_push_vapid *v); /* BK_PUSH_VAPID_PUBLIC bytes */
/* The Authorization header's value. origin: "https://host" with its port when not 443. contact: mailto: or https:. */
int bk_push_vapid_sign(struct bk_push_vapid *v, const char *origin, const char *contact, bk_ms now,
	char out[static BK_PUSH_VAPID_TEXT]);

#endif
