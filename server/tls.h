/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * TLS by the national guideline's "good" level: 1.3 only, AES-256-GCM-SHA384 or CHACHA20-POLY1305-SHA256,
 * X25519/P-256/P-384, no early data, no compression (NCSC-NL, IT Security Guidelines for TLS, 2025).
 *
 * Threads: loop.
 */
#ifndef BK_TLS_H
#define BK_TLS_H

#include "ids.h"

/* ctx: SSL_CTX. 0, or 1 (libwebsockets' way to say no). */
int bk_tls_harden(void *ctx);
/* ssl: SSL. RFC 9266 tls-exporter of this connection. BK_E_TLS. */
int bk_tls_exporter(void *ssl, uint8_t out[static 32]);
/* SHA-256 of the SubjectPublicKeyInfo of the first certificate of a PEM file. BK_E_TLS. */
int bk_tls_spki_of_file(const char *path, bk_hash *ret_spki);

#endif
