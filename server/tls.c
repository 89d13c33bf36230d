/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls.h"

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "err.h"
#include "login.h"

#define SUITES "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
#define GROUPS "X25519:P-256:P-384"

int bk_tls_harden(void *ctx)
{
	SSL_CTX *c = ctx;

	if (!SSL_CTX_set_min_proto_version(c, TLS1_3_VERSION) || !SSL_CTX_set_ciphersuites(c, SUITES) ||
		!SSL_CTX_set1_groups_list(c, GROUPS) || !SSL_CTX_set_max_early_data(c, 0) ||
		!SSL_CTX_set_num_tickets(c, 0)) /* our own resume ticket does that work */
		return 1;
	SSL_CTX_set_mode(c, SSL_MODE_RELEASE_BUFFERS); /* half the memory of an idle connection */
	SSL_CTX_set_options(c, SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_NO_RENEGOTIATION);
	SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
	return 0;
}

int bk_tls_exporter(void *ssl, uint8_t out[static 32])
{
	if (SSL_version(ssl) != TLS1_3_VERSION)
		return BK_E_TLS;
	return SSL_export_keying_material(ssl, out, 32, BK_EXPORTER_LABEL, sizeof BK_EXPORTER_LABEL - 1, NULL, 0, 0) == 1 ?
		0 :
		BK_E_TLS;
}

int bk_tls_spki_of_file(const char *path, bk_hash *ret_spki)
{
	BIO *b = BIO_new_file(path, "r");
	X509 *x = b ? PEM_read_bio_X509(b, NULL, NULL, NULL) : NULL;
	uint8_t *der = NULL;
	int len = x ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &der) : -1;

	if (len > 0)
		*ret_spki = bk_hash_of(der, (size_t)len);
	OPENSSL_free(der);
	X509_free(x);
	BIO_free(b);
	return len > 0 ? 0 : BK_E_TLS;
}
