/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A server's folder: its keys, its TLS certificate and the root's word for both. */
#include <arpa/inet.h>
#include <sodium.h>
#include <stdlib.h>
#include <unistd.h>

#include "ctl_files.h"
#include "ctl_keys.h"
#include "ctl_tls.h"

#define DAY_MS 86400000ull
#define CERT_DAYS 397u /* as long as a TLS certificate may be */
#define CONF_MAX 8192

struct setup {
	const char *root_file, *port_text, *listen, *tls_cert, *tls_key, *days_text;
	json_t *hosts;
	bool private_ca;
	uint64_t port, days;
	char dir[BK_CTL_PATH];
	struct bk_ctl_root root;
	char *ca, *chain, *key; /* PEM */
	uint8_t receipt[BK_ED25519_SECRET_BYTES];
	struct bk_server_cert cert;
	uint8_t *signed_cert;
	size_t signed_len;
};

static void wipe_text(char *text)
{
	if (text)
		sodium_memzero(text, strlen(text));
	free(text);
}

static void setup_done(struct setup *s)
{
	bk_ctl_root_close(&s->root);
	free(s->ca);
	free(s->chain);
	wipe_text(s->key);
	free(s->signed_cert);
	json_decref(s->hosts);
	sodium_memzero(s, sizeof *s);
}

/* ---- TLS ---- */

/* The private CA lives in the root's sealed file: whoever may appoint servers may certify their TLS too. */
static int private_ca(struct bk_ctl_root *root)
{
	char *key = NULL, *cert = NULL;
	int err = 0;

	if (json_object_get(root->doc, "ca_key"))
		return 0;
	err = bk_ctl_tls_ca_new(&key, &cert);
	if (!err && (json_object_set_new(root->doc, "ca_key", json_string(key)) != 0 ||
			json_object_set_new(root->doc, "ca_cert", json_string(cert)) != 0))
		err = BK_E_NOMEM;
	wipe_text(key);
	free(cert);
	return err;
}

static int own_leaf(struct setup *s)
{
	const char *ca = NULL;
	int err = private_ca(&s->root);

	if (err)
		return err;
	ca = bk_ctl_str(s->root.doc, "ca_cert");
	s->ca = strdup(ca);
	return s->ca ? bk_ctl_tls_leaf_new(bk_ctl_str(s->root.doc, "ca_key"), ca, s->hosts, &s->key, &s->chain)
		     : BK_E_NOMEM;
}

static int given_leaf(struct setup *s)
{
	int err = bk_ctl_files_get(s->tls_cert, &s->chain, NULL);

	if (!err)
		err = bk_ctl_files_get(s->tls_key, &s->key, NULL);
	return err ? err : bk_ctl_tls_pair(s->chain, s->key);
}

/* ---- the root's word ---- */

/* The number is kept before it is used: two certificates never share one, whatever happens in between. */
static int next_version(struct setup *s)
{
	s->cert.version = bk_ctl_u64(s->root.doc, "server_version") + 1;
	if (json_object_set_new(s->root.doc, "server_version", json_integer((json_int_t)s->cert.version)) != 0)
		return BK_E_NOMEM;
	return bk_ctl_root_save(&s->root);
}

static int sign_cert(struct setup *s)
{
	int err = bk_ctl_tls_spki(s->chain, &s->cert.tls_spki[s->cert.n_tls_spki]);

	if (err)
		return err;
	s->cert.n_tls_spki++;
	if (s->cert.n_tls_spki == 2 && bk_hash_equal(s->cert.tls_spki[0], s->cert.tls_spki[1]))
		s->cert.n_tls_spki = 1;
	memcpy(s->cert.receipt_key, s->receipt + 32, BK_KEY_BYTES);
	s->cert.not_before_ms = bk_ctl_now() - BK_CLOCK_SKEW_MS;
	s->cert.not_after_ms = bk_ctl_now() + s->days * DAY_MS;
	err = next_version(s);
	return err ? err : bk_server_cert_sign(&s->cert, s->root.secret, &s->signed_cert, &s->signed_len);
}

/* The names a certificate was made for, so that `server renew` need not be told them again. */
static int remember_hosts(struct setup *s)
{
	json_t *all = json_object_get(s->root.doc, "hosts");
	char hex[2 * BK_KEY_BYTES + 1];

	if (!all) {
		json_object_set_new(s->root.doc, "hosts", json_object());
		all = json_object_get(s->root.doc, "hosts");
	}
	bk_hex_encode(hex, s->receipt + 32, BK_KEY_BYTES);
	return json_object_set(all, hex, s->hosts) == 0 ? 0 : BK_E_NOMEM;
}

/* ---- the folder ---- */

static bool is_ip6(const char *host)
{
	uint8_t addr[16];

	return inet_pton(AF_INET6, host, addr) == 1;
}

static bool is_ip4(const char *host)
{
	uint8_t addr[4];

	return inet_pton(AF_INET, host, addr) == 1;
}

/* What invitations name: the first --host. */
static int write_address(const struct setup *s, const char *dir)
{
	const char *host = json_string_value(json_array_get(s->hosts, 0));
	char text[300];
	int n = snprintf(text, sizeof text, is_ip6(host) ? "[%s]:%u\n" : "%s:%u\n", host, (unsigned)s->port);

	if (n < 0 || (size_t)n >= sizeof text)
		return BK_E_INVAL;
	return bk_ctl_files_put(dir, "address", text, (size_t)n);
}

static int write_conf(const struct setup *s, const char *dir)
{
	const char *host = json_string_value(json_array_get(s->hosts, 0));
	char listen[300], *text = malloc(CONF_MAX);
	const char *d = s->dir;
	int n, err;

	if (!text)
		return BK_E_NOMEM;
	if (s->listen)
		n = snprintf(listen, sizeof listen, "%s", s->listen);
	else
		n = snprintf(listen, sizeof listen, is_ip6(host) ? "[%s]:%u" : "%s:%u",
			is_ip4(host) || is_ip6(host) ? host : "0.0.0.0", (unsigned)s->port);
	if (n > 0 && (size_t)n < sizeof listen)
		n = snprintf(text, CONF_MAX,
			"# bakend.conf(5)\ndir = %s\nlisten = %s\ntls-cert = %s/tls.pem\ntls-key = %s/tls.key\n"
			"server-cert = %s/server.cert\nroot-key = %s/root.pub\nreceipt-key = %s/receipt.key\n"
			"seal-key = %s/seal.key\n",
			d, listen, d, d, d, d, d, d);
	else
		n = -1;
	err = n > 0 && n < CONF_MAX ? bk_ctl_files_put(dir, "bakend.conf", text, (size_t)n) : BK_E_INVAL;
	free(text);
	return err;
}

static int write_tls(const struct setup *s, const char *dir)
{
	int err = bk_ctl_files_put(dir, "tls.key", s->key, strlen(s->key));

	if (!err)
		err = bk_ctl_files_put(dir, "tls.pem", s->chain, strlen(s->chain));
	if (!err && s->ca)
		err = bk_ctl_files_put(dir, "ca.pem", s->ca, strlen(s->ca));
	return err;
}

static int write_all(const struct setup *s, const char *dir)
{
	uint8_t seal[BK_KEY_BYTES];
	int err = write_tls(s, dir);

	if (!err)
		err = bk_ctl_files_put(dir, "server.cert", s->signed_cert, s->signed_len);
	if (!err)
		err = bk_ctl_files_put_hex(dir, "root.pub", s->root.key, BK_KEY_BYTES);
	if (!err)
		err = bk_ctl_files_put_hex(dir, "receipt.key", s->receipt, sizeof s->receipt);
	randombytes_buf(seal, sizeof seal);
	if (!err)
		err = bk_ctl_files_put_hex(dir, "seal.key", seal, sizeof seal);
	sodium_memzero(seal, sizeof seal);
	if (!err)
		err = write_address(s, dir);
	return err ? err : write_conf(s, dir);
}

static int init(struct bk_ctl *ctl, struct setup *s)
{
	uint8_t public[BK_KEY_BYTES];
	char tmp[BK_CTL_PATH] = "";
	int err = bk_ctl_files_absolute(ctl->dir, s->dir);

	if (!err)
		err = bk_ctl_files_begin(s->dir, tmp);
	if (!err)
		err = bk_ctl_root_open(ctl, s->root_file, &s->root);
	crypto_sign_keypair(public, s->receipt);
	if (!err)
		err = s->private_ca ? own_leaf(s) : given_leaf(s);
	if (!err)
		err = remember_hosts(s);
	if (!err)
		err = sign_cert(s);
	if (!err)
		err = write_all(s, tmp);
	if (!err)
		err = bk_ctl_files_finish(tmp, s->dir);
	if (err)
		bk_ctl_files_abandon(tmp);
	return err;
}

static json_t *report(const struct setup *s)
{
	char conf[BK_CTL_PATH + 16];

	snprintf(conf, sizeof conf, "%s/bakend.conf", s->dir);
	return json_pack("{s:b, s:s, s:s, s:o, s:o, s:o, s:I, s:I}", "ok", 1, "dir", s->dir, "conf", conf, "root_key",
		bk_ctl_json_hex(s->root.key, BK_KEY_BYTES), "receipt_key", bk_ctl_json_hex(s->cert.receipt_key, BK_KEY_BYTES),
		"tls_spki", bk_ctl_json_hex(s->cert.tls_spki[s->cert.n_tls_spki - 1].b, BK_HASH_BYTES), "version",
		(json_int_t)s->cert.version, "expires_ms", (json_int_t)s->cert.not_after_ms);
}

static int init_said(struct bk_ctl *ctl, const struct setup *s)
{
	char path[BK_CTL_PATH + 16];

	if (bk_ctl_print(ctl, report(s)))
		return 0;
	bk_ctl_say(CT(ctl, SERVER_MADE), s->dir, NULL);
	snprintf(path, sizeof path, "%s/ca.pem", s->dir);
	if (s->ca)
		bk_ctl_say(CT(ctl, SERVER_CA), path, NULL);
	snprintf(path, sizeof path, "%s/seal.key", s->dir);
	bk_ctl_say(CT(ctl, SERVER_SEAL), path, NULL);
	snprintf(path, sizeof path, "%s/bakend.conf", s->dir);
	bk_ctl_say(CT(ctl, SERVER_START), path, NULL);
	return 0;
}

int bk_ctl_server_init(struct bk_ctl *ctl, int argc, char **argv)
{
	struct setup s = {.port = 0};
	const struct bk_ctl_option options[] = {
		{"root", &s.root_file, NULL, NULL, true},
		{"host", NULL, &s.hosts, NULL, true},
		{"port", &s.port_text, NULL, NULL, false},
		{"listen", &s.listen, NULL, NULL, false},
		{"private-ca", NULL, NULL, &s.private_ca, false},
		{"tls-cert", &s.tls_cert, NULL, NULL, false},
		{"tls-key", &s.tls_key, NULL, NULL, false},
		{"days", &s.days_text, NULL, NULL, false},
	};
	int err = BK_E_USAGE, code;

	if (bk_ctl_options(ctl, argc, argv, options, sizeof options / sizeof *options) == 0 &&
		!bk_ctl_number(s.port_text, 1, 65535, 8443, &s.port) &&
		!bk_ctl_number(s.days_text, 1, 3650, CERT_DAYS, &s.days) &&
		(s.private_ca ? !s.tls_cert && !s.tls_key : s.tls_cert && s.tls_key))
		err = init(ctl, &s);
	if (err)
		code = err == BK_E_USAGE ? bk_ctl_exit(err) : bk_ctl_fail(ctl, err, NULL);
	else
		code = init_said(ctl, &s);
	setup_done(&s);
	return code;
}

/* ---- renewal ---- */

static int path_of(const struct setup *s, const char *name, char out[static BK_CTL_PATH])
{
	return bk_ctl_files_join(out, s->dir, name);
}

/* The present TLS key stays valid beside the new one: devices and a half-finished renewal both keep working. */
static int read_present(struct setup *s)
{
	char path[BK_CTL_PATH], *chain = NULL;
	uint8_t root[BK_KEY_BYTES];
	int err = path_of(s, "root.pub", path);

	if (!err)
		err = bk_ctl_files_get_hex(path, root, sizeof root);
	if (!err && sodium_memcmp(root, s->root.key, sizeof root) != 0)
		err = BK_E_CHAIN;
	if (!err)
		err = path_of(s, "receipt.key", path);
	if (!err)
		err = bk_ctl_files_get_hex(path, s->receipt, sizeof s->receipt);
	if (!err)
		err = path_of(s, "tls.pem", path);
	if (!err)
		err = bk_ctl_files_get(path, &chain, NULL);
	if (!err)
		err = bk_ctl_tls_spki(chain, &s->cert.tls_spki[s->cert.n_tls_spki]);
	if (!err)
		s->cert.n_tls_spki++;
	free(chain);
	return err;
}

static int same_leaf(struct setup *s)
{
	char cert[BK_CTL_PATH], key[BK_CTL_PATH];
	int err = path_of(s, "tls.pem", cert);

	if (!err)
		err = path_of(s, "tls.key", key);
	s->tls_cert = cert;
	s->tls_key = key;
	if (!err)
		err = given_leaf(s);
	s->tls_cert = s->tls_key = NULL;
	return err;
}

static int renew_leaf(struct setup *s)
{
	char ca[BK_CTL_PATH], hex[2 * BK_KEY_BYTES + 1];
	int err = path_of(s, "ca.pem", ca);

	if (err || s->tls_cert)
		return err ? err : given_leaf(s);
	if (access(ca, F_OK) != 0 || !json_object_get(s->root.doc, "ca_key"))
		return same_leaf(s);
	bk_hex_encode(hex, s->receipt + 32, BK_KEY_BYTES);
	if (!s->hosts)
		s->hosts = json_incref(json_object_get(json_object_get(s->root.doc, "hosts"), hex));
	err = s->hosts ? own_leaf(s) : BK_E_INVAL;
	return err ? err : remember_hosts(s);
}

static int renew(struct bk_ctl *ctl, struct setup *s)
{
	int err = bk_ctl_files_absolute(ctl->dir, s->dir);

	if (!err)
		err = bk_ctl_root_open(ctl, s->root_file, &s->root);
	if (!err)
		err = read_present(s);
	if (!err)
		err = renew_leaf(s);
	if (!err)
		err = sign_cert(s);
	if (!err)
		err = bk_ctl_files_put(s->dir, "server.cert", s->signed_cert, s->signed_len);
	return err ? err : write_tls(s, s->dir);
}

int bk_ctl_server_renew(struct bk_ctl *ctl, int argc, char **argv)
{
	struct setup s = {.port = 0};
	const struct bk_ctl_option options[] = {
		{"root", &s.root_file, NULL, NULL, true},     {"host", NULL, &s.hosts, NULL, false},
		{"tls-cert", &s.tls_cert, NULL, NULL, false}, {"tls-key", &s.tls_key, NULL, NULL, false},
		{"days", &s.days_text, NULL, NULL, false},
	};
	int err = BK_E_USAGE, code = 0;

	if (bk_ctl_options(ctl, argc, argv, options, sizeof options / sizeof *options) == 0 &&
		!bk_ctl_number(s.days_text, 1, 3650, CERT_DAYS, &s.days) && !s.tls_cert == !s.tls_key)
		err = renew(ctl, &s);
	if (err)
		code = err == BK_E_USAGE ? bk_ctl_exit(err) : bk_ctl_fail(ctl, err, NULL);
	else if (!bk_ctl_print(ctl, report(&s)))
		bk_ctl_say(CT(ctl, SERVER_RENEWED), NULL);
	setup_done(&s);
	return code;
}
