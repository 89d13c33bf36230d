/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * SHA-256 of whole bodies with the processor's own instructions (OpenSSL): libsodium's is portable C and costs four
 * times as much, which was a sixth of the server's time for a message.
 *
 * Threads: any.
 */
#ifndef BK_DIGEST_H
#define BK_DIGEST_H

#include "ids.h"

bk_hash bk_digest_of(const void *data, size_t len);

#endif
