/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Nothing may hang on one person or one machine (lesson M18: the only administrator lost the key, and every case was
 * gone). What can be checked is checked: the newest lists in the store name who signed in them.
 *
 * Threads: any with its own view. Memory: the caller's.
 */
#ifndef BK_CUSTODIANS_H
#define BK_CUSTODIANS_H

#include "store.h"

enum bk_custodians_lack {
	BK_CUSTODIANS_ENOUGH,
	BK_CUSTODIANS_SECURITY, /* fewer than two registrars who may certify for a desk, valid now, have signed */
	BK_CUSTODIANS_CARE,     /* the same for care, where there is a care team */
	BK_CUSTODIANS_DESK,     /* there is no desk */
	BK_CUSTODIANS_VAULT,    /* a desk has fewer than two usable vault devices */
};
/* What is lacking, in that order. Errors of the store. */
int bk_custodians_check(struct bk_store_view *v, const uint8_t root[static BK_KEY_BYTES], bk_ms now,
	enum bk_custodians_lack *ret_lack);
const char *bk_custodians_name(enum bk_custodians_lack lack); /* "security-registrars" */

/*
 * Each registrar that has signed in a newest list, once: its certificate and in how many lists it stands. Returns what
 * visit returns.
 */
int bk_custodians_each(struct bk_store_view *v, const uint8_t root[static BK_KEY_BYTES],
	int (*visit)(void *arg, const struct bk_registrar_cert *cert, unsigned lists), void *arg);

#endif
