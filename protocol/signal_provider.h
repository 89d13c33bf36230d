/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The primitives that libsignal asks for, from libsodium (random, HMAC-SHA256, SHA-512) and BearSSL's
 * constant-time AES (aes_ct64; libsodium has no AES-CBC). The same natively and in WebAssembly.
 *
 * Threads: pure but for the random source. Secrets: contexts are wiped when freed.
 */
#ifndef BK_SIGNAL_PROVIDER_H
#define BK_SIGNAL_PROVIDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <signal_protocol.h>

extern const signal_crypto_provider bk_signal_provider;
/* libsignal's codes to ours; one place for all of it. */
int bk_signal_error(int code);

#endif
