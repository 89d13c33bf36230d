/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Identity keys: Curve25519 key pairs as libsignal makes them, and XEd25519 signatures by them (Perrin, "The
 * XEdDSA and VXEdDSA Signature Schemes", 2016). The server verifies logins with this and uses nothing else of
 * libsignal. Public keys are 32 bytes without libsignal's type byte 0x05.
 *
 * Threads: pure but for the random source. Secrets: private keys, wiped by their owner.
 */
#ifndef BK_SIGNAL_KEY_H
#define BK_SIGNAL_KEY_H

#include "ids.h"

int bk_identity_generate(uint8_t ret_public[static BK_KEY_BYTES], uint8_t ret_private[static BK_KEY_BYTES]);
int bk_identity_public(const uint8_t private_key[static BK_KEY_BYTES], uint8_t ret_public[static BK_KEY_BYTES]);
/* context is prepended (a fixed ASCII string; "" for none). */
int bk_identity_sign(const uint8_t private_key[static BK_KEY_BYTES], const char *context, const void *data,
	size_t len, uint8_t ret_signature[static BK_SIG_BYTES]);
int bk_identity_verify(const uint8_t public_key[static BK_KEY_BYTES], const char *context, const void *data,
	size_t len, const uint8_t signature[static BK_SIG_BYTES]);

#endif
