/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * X.509 for `server init`: a small private CA, and leaf certificates of it (P-256, SHA-256, TLS server only).
 *
 * Threads: main. Memory: PEM texts are malloc'd. Secrets: key PEMs; the caller wipes them.
 */
#ifndef BK_CTL_TLS_H
#define BK_CTL_TLS_H

#include <jansson.h>

#include "ids.h"

#define BK_CTL_TLS_LEAF_DAYS 397u
#define BK_CTL_TLS_CA_DAYS 3650u

int bk_ctl_tls_ca_new(char **ret_key_pem, char **ret_cert_pem);
/* hosts: JSON array of DNS names or IP addresses, 1..16. BK_E_INVAL for a malformed name. */
int bk_ctl_tls_leaf_new(const char *ca_key_pem, const char *ca_cert_pem, const json_t *hosts, char **ret_key_pem,
	char **ret_cert_pem);
/* SHA-256 of the SubjectPublicKeyInfo of the first certificate. BK_E_INVAL. */
int bk_ctl_tls_spki(const char *cert_pem, bk_hash *ret_spki);
/* Does the key belong to the first certificate? BK_E_INVAL otherwise. */
int bk_ctl_tls_pair(const char *cert_pem, const char *key_pem);

#endif
