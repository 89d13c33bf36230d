/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ctl_tls.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include "err.h"

#define HOSTS_MAX 16u
#define HOST_MAX 253u
#define SAN_MAX 4608u

static X509 *read_cert(const char *pem)
{
	BIO *b = BIO_new_mem_buf(pem, -1);
	X509 *x = b ? PEM_read_bio_X509(b, NULL, NULL, NULL) : NULL;

	BIO_free(b);
	return x;
}

/* A key file that wants its own passphrase is refused, not asked about: bakend could not open it at a restart. */
static int no_passphrase(char *buf, int size, int rwflag, void *arg)
{
	(void)buf;
	(void)size;
	(void)rwflag;
	(void)arg;
	return -1;
}

static EVP_PKEY *read_key(const char *pem)
{
	BIO *b = BIO_new_mem_buf(pem, -1);
	EVP_PKEY *k = b ? PEM_read_bio_PrivateKey(b, NULL, no_passphrase, NULL) : NULL;

	BIO_free(b);
	return k;
}

static char *take_text(BIO *b)
{
	char *data = NULL, *out = NULL;
	long n = BIO_get_mem_data(b, &data);

	if (n > 0 && data)
		out = strndup(data, (size_t)n);
	BIO_free(b);
	return out;
}

static char *cert_text(X509 *x)
{
	BIO *b = BIO_new(BIO_s_mem());

	if (b && PEM_write_bio_X509(b, x) != 1) {
		BIO_free(b);
		return NULL;
	}
	return b ? take_text(b) : NULL;
}

static char *key_text(EVP_PKEY *k)
{
	BIO *b = BIO_new(BIO_s_secmem());

	if (b && PEM_write_bio_PKCS8PrivateKey(b, k, NULL, NULL, 0, NULL, NULL) != 1) {
		BIO_free(b);
		return NULL;
	}
	return b ? take_text(b) : NULL;
}

static bool add_extension(X509 *x, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *e;
	bool ok;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	ok = e && X509_add_ext(x, e, -1) == 1;
	X509_EXTENSION_free(e);
	return ok;
}

static bool set_serial(X509 *x)
{
	BIGNUM *n = BN_new();
	bool ok = n && BN_rand(n, 127, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1 &&
		  BN_to_ASN1_INTEGER(n, X509_get_serialNumber(x));

	BN_free(n);
	return ok;
}

/* issuer NULL: self-signed. */
static X509 *new_cert(EVP_PKEY *key, X509 *issuer, const char *name, unsigned days)
{
	X509 *x = X509_new();
	X509_NAME *subject = x ? X509_get_subject_name(x) : NULL;

	if (!subject || X509_set_version(x, X509_VERSION_3) != 1 || !set_serial(x) ||
		X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0) != 1 ||
		X509_set_issuer_name(x, issuer ? X509_get_subject_name(issuer) : subject) != 1 ||
		!X509_gmtime_adj(X509_getm_notBefore(x), -600) ||
		!X509_time_adj_ex(X509_getm_notAfter(x), (int)days, 0, NULL) || X509_set_pubkey(x, key) != 1) {
		X509_free(x);
		return NULL;
	}
	return x;
}

int bk_ctl_tls_ca_new(char **ret_key_pem, char **ret_cert_pem)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = key ? new_cert(key, NULL, "Baken private CA", BK_CTL_TLS_CA_DAYS) : NULL;
	char *key_pem = NULL, *cert_pem = NULL;
	int err = BK_E_CRYPTO;

	if (x && add_extension(x, x, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
		add_extension(x, x, NID_key_usage, "critical,keyCertSign,cRLSign") &&
		add_extension(x, x, NID_subject_key_identifier, "hash") && X509_sign(x, key, EVP_sha256()) > 0) {
		key_pem = key_text(key);
		cert_pem = cert_text(x);
	}
	if (key_pem && cert_pem) {
		*ret_key_pem = key_pem;
		*ret_cert_pem = cert_pem;
		err = 0;
	} else {
		free(key_pem);
		free(cert_pem);
	}
	X509_free(x);
	EVP_PKEY_free(key);
	return err;
}

/* Only what a host name is made of: anything else could smuggle words into the extension's text. */
static bool is_host(const char *host)
{
	size_t n = strlen(host);

	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)host[i]) && host[i] != '-' && host[i] != '.' && host[i] != ':')
			return false;
	return n && n <= HOST_MAX;
}

static int san_of(const json_t *hosts, char out[static SAN_MAX])
{
	size_t n = json_array_size(hosts), len = 0;

	if (!n || n > HOSTS_MAX)
		return BK_E_INVAL;
	for (size_t i = 0; i < n; i++) {
		const char *host = json_string_value(json_array_get(hosts, i));
		uint8_t addr[16];
		bool ip = host && (inet_pton(AF_INET, host, addr) == 1 || inet_pton(AF_INET6, host, addr) == 1);
		int put;

		if (!host || !is_host(host) || (!ip && strchr(host, ':')))
			return BK_E_INVAL;
		put = snprintf(out + len, SAN_MAX - len, "%s%s:%s", i ? "," : "", ip ? "IP" : "DNS", host);
		if (put < 0 || (size_t)put >= SAN_MAX - len)
			return BK_E_INVAL;
		len += (size_t)put;
	}
	return 0;
}

static X509 *make_leaf(EVP_PKEY *key, X509 *ca, EVP_PKEY *ca_key, const char *san)
{
	X509 *x = new_cert(key, ca, "Baken", BK_CTL_TLS_LEAF_DAYS);

	if (x && add_extension(x, ca, NID_basic_constraints, "critical,CA:FALSE") &&
		add_extension(x, ca, NID_key_usage, "critical,digitalSignature") &&
		add_extension(x, ca, NID_ext_key_usage, "serverAuth") &&
		add_extension(x, ca, NID_subject_key_identifier, "hash") &&
		add_extension(x, ca, NID_authority_key_identifier, "keyid:always") &&
		add_extension(x, ca, NID_subject_alt_name, san) && X509_sign(x, ca_key, EVP_sha256()) > 0)
		return x;
	X509_free(x);
	return NULL;
}

int bk_ctl_tls_leaf_new(const char *ca_key_pem, const char *ca_cert_pem, const json_t *hosts, char **ret_key_pem,
	char **ret_cert_pem)
{
	char san[SAN_MAX] = "", *key_pem = NULL, *cert_pem = NULL;
	EVP_PKEY *ca_key = NULL, *key = NULL;
	X509 *ca = NULL, *x = NULL;
	int err = san_of(hosts, san);

	if (err)
		return err;
	err = BK_E_CRYPTO;
	ca_key = read_key(ca_key_pem);
	ca = read_cert(ca_cert_pem);
	key = EVP_EC_gen("P-256");
	if (ca_key && ca && key)
		x = make_leaf(key, ca, ca_key, san);
	if (x) {
		key_pem = key_text(key);
		cert_pem = cert_text(x);
	}
	if (key_pem && cert_pem) {
		*ret_key_pem = key_pem;
		*ret_cert_pem = cert_pem;
		err = 0;
	} else {
		free(key_pem);
		free(cert_pem);
	}
	X509_free(x);
	X509_free(ca);
	EVP_PKEY_free(key);
	EVP_PKEY_free(ca_key);
	return err;
}

int bk_ctl_tls_spki(const char *cert_pem, bk_hash *ret_spki)
{
	X509 *x = read_cert(cert_pem);
	unsigned char *der = NULL;
	int n = x ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &der) : -1;

	if (n > 0)
		*ret_spki = bk_hash_of(der, (size_t)n);
	OPENSSL_free(der);
	X509_free(x);
	return n > 0 ? 0 : BK_E_INVAL;
}

int bk_ctl_tls_pair(const char *cert_pem, const char *key_pem)
{
	X509 *x = read_cert(cert_pem);
	EVP_PKEY *k = read_key(key_pem);
	int err = x && k && X509_check_private_key(x, k) == 1 ? 0 : BK_E_INVAL;

	X509_free(x);
	EVP_PKEY_free(k);
	return err;
}
