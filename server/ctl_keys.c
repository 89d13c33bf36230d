/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ctl_keys.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "roles.h"
#include "seal.h"

#define ROOT_TYPE "baken-root-1"
#define REGISTRAR_TYPE "baken-registrar-1"
#define BOOK_TYPE "baken-book-1"
#define BOOK_CONTEXT "baken-book-key-v1"

/* The book's passphrase is 256 random bits already: stretching it would only cost time. */
static const struct bk_seal_cost book_cost = {.ops = 1, .mem_kib = 8};

static int read_doc(const char *path, const char *passphrase, const char *type, json_t **ret_doc)
{
	uint8_t *data = NULL;
	size_t len = 0;
	json_t *doc;
	int err = bk_seal_file_read(path, passphrase, &data, &len);

	if (err)
		return err;
	doc = json_loadb((const char *)data, len, JSON_REJECT_DUPLICATES, NULL);
	bk_seal_free(data);
	if (!doc || strcmp(bk_ctl_str(doc, "type"), type) != 0) {
		json_decref(doc);
		return BK_E_INVAL;
	}
	*ret_doc = doc;
	return 0;
}

static int write_doc(const char *path, const char *passphrase, const struct bk_seal_cost *cost, const json_t *doc)
{
	char *text = json_dumps(doc, JSON_COMPACT);
	int err;

	if (!text)
		return BK_E_NOMEM;
	err = bk_seal_file_write_cost(path, passphrase, cost, text, strlen(text));
	sodium_memzero(text, strlen(text));
	free(text);
	return err;
}

static int key_of(const json_t *doc, uint8_t key[static BK_KEY_BYTES], uint8_t secret[static BK_ED25519_SECRET_BYTES])
{
	uint8_t seed[crypto_sign_SEEDBYTES];
	int err = bk_hex_decode(seed, sizeof seed, bk_ctl_str(doc, "seed"));

	if (!err)
		crypto_sign_seed_keypair(key, secret, seed);
	sodium_memzero(seed, sizeof seed);
	return err;
}

/* ---- root ---- */

int bk_ctl_root_open(const struct bk_ctl *ctl, const char *path, struct bk_ctl_root *ret_root)
{
	int err;

	*ret_root = (struct bk_ctl_root){.path = path};
	err = bk_ctl_passphrase(ctl, path, ret_root->passphrase);
	if (!err)
		err = read_doc(path, ret_root->passphrase, ROOT_TYPE, &ret_root->doc);
	if (!err)
		err = key_of(ret_root->doc, ret_root->key, ret_root->secret);
	if (err)
		bk_ctl_root_close(ret_root);
	return err;
}

int bk_ctl_root_save(const struct bk_ctl_root *root)
{
	return write_doc(root->path, root->passphrase, NULL, root->doc);
}

void bk_ctl_root_close(struct bk_ctl_root *root)
{
	json_decref(root->doc);
	sodium_memzero(root, sizeof *root);
}

static int refuse_existing(const char *path)
{
	return access(path, F_OK) == 0 ? BK_E_EXISTS : errno == ENOENT ? 0 : BK_E_IO;
}

static int root_create(const struct bk_ctl *ctl, const char *path, uint8_t key[static BK_KEY_BYTES])
{
	uint8_t seed[crypto_sign_SEEDBYTES], secret[BK_ED25519_SECRET_BYTES];
	char passphrase[BK_CTL_PASS_MAX] = "";
	json_t *doc = NULL;
	int err = refuse_existing(path);

	if (!err)
		err = bk_ctl_new_passphrase(ctl, path, passphrase);
	if (!err) {
		randombytes_buf(seed, sizeof seed);
		crypto_sign_seed_keypair(key, secret, seed);
		doc = json_pack("{s:s, s:o, s:I, s:I}", "type", ROOT_TYPE, "seed", bk_ctl_json_hex(seed, sizeof seed),
			"created_ms", (json_int_t)bk_ctl_now(), "server_version", (json_int_t)0);
		err = doc ? write_doc(path, passphrase, NULL, doc) : BK_E_NOMEM;
	}
	json_decref(doc);
	sodium_memzero(seed, sizeof seed);
	sodium_memzero(secret, sizeof secret);
	sodium_memzero(passphrase, sizeof passphrase);
	return err;
}

int bk_ctl_root_create(struct bk_ctl *ctl, int argc, char **argv)
{
	const char *out = NULL;
	const struct bk_ctl_option options[] = {{"out", &out, NULL, NULL, true}};
	uint8_t key[BK_KEY_BYTES] = {0};
	char hex[2 * BK_KEY_BYTES + 1], print[BK_CTL_FINGERPRINT];
	int err;

	if (bk_ctl_options(ctl, argc, argv, options, 1) != 0)
		return bk_ctl_exit(BK_E_USAGE);
	err = root_create(ctl, out, key);
	if (err)
		return bk_ctl_fail(ctl, err, NULL);
	bk_hex_encode(hex, key, sizeof key);
	if (bk_ctl_print(ctl, json_pack("{s:b, s:s, s:s}", "ok", 1, "root_key", hex, "file", out)))
		return 0;
	bk_ctl_say(CT(ctl, ROOT_MADE), out, NULL);
	bk_ctl_say(CT(ctl, FINGERPRINT), bk_ctl_fingerprint(key, print), NULL);
	bk_ctl_say(CT(ctl, ROOT_KEEP), NULL);
	return 0;
}

/* ---- registrar ---- */

static int load_cert(struct bk_ctl_registrar *reg, const json_t *doc)
{
	uint8_t key[BK_KEY_BYTES];
	Baken__Signed *s;
	int err = key_of(doc, key, reg->secret);

	if (!err)
		err = bk_hex_decode(reg->root, sizeof reg->root, bk_ctl_str(doc, "root"));
	if (!err)
		err = bk_ctl_b64(doc, "certificate", &reg->signed_cert, &reg->signed_len);
	if (err)
		return err;
	s = baken__signed__unpack(NULL, reg->signed_len, reg->signed_cert);
	if (!s)
		return BK_E_CORRUPT;
	err = bk_registrar_cert_verify(s, reg->root, bk_ctl_now(), &reg->cert);
	baken__signed__free_unpacked(s, NULL);
	if (!err && sodium_memcmp(reg->cert.key, key, sizeof key) != 0)
		err = BK_E_CORRUPT;
	return err;
}

static int book_secret(struct bk_ctl_registrar *reg)
{
	uint8_t key[BK_KEY_BYTES];

	if (crypto_generichash(key, sizeof key, (const uint8_t *)BOOK_CONTEXT, sizeof BOOK_CONTEXT - 1,
		    reg->secret, 32) != 0)
		return BK_E_CRYPTO;
	bk_hex_encode(reg->book_pass, key, sizeof key);
	sodium_memzero(key, sizeof key);
	return 0;
}

static int book_name(struct bk_ctl_registrar *reg, const char *path)
{
	size_t n = strlen(path) + sizeof ".book";

	reg->book_path = malloc(n);
	if (!reg->book_path)
		return BK_E_NOMEM;
	snprintf(reg->book_path, n, "%s.book", path);
	return 0;
}

int bk_ctl_registrar_open(const struct bk_ctl *ctl, const char *path, struct bk_ctl_registrar *ret_reg)
{
	char passphrase[BK_CTL_PASS_MAX] = "";
	json_t *doc = NULL;
	int err;

	*ret_reg = (struct bk_ctl_registrar){.lock = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)};
	if (ret_reg->lock < 0)
		return errno == ENOENT ? BK_E_NOT_FOUND : BK_E_IO;
	err = bk_ctl_passphrase(ctl, path, passphrase);
	if (!err)
		err = read_doc(path, passphrase, REGISTRAR_TYPE, &doc);
	sodium_memzero(passphrase, sizeof passphrase);
	if (!err)
		err = load_cert(ret_reg, doc);
	if (!err)
		err = book_secret(ret_reg);
	if (!err)
		err = book_name(ret_reg, path);
	json_decref(doc);
	if (err)
		bk_ctl_registrar_close(ret_reg);
	return err;
}

void bk_ctl_registrar_close(struct bk_ctl_registrar *reg)
{
	bk_ctl_book_drop(reg);
	if (reg->lock >= 0)
		close(reg->lock);
	free(reg->signed_cert);
	free(reg->book_path);
	sodium_memzero(reg, sizeof *reg);
	reg->lock = -1;
}

bool bk_ctl_registrar_may(const struct bk_ctl_registrar *reg, Baken__Role role)
{
	return (unsigned)role < 32u && (reg->cert.roles & (1u << (unsigned)role)) != 0;
}

bool bk_ctl_registrar_may_lead(const struct bk_ctl_registrar *reg, Baken__CircleKind kind)
{
	for (unsigned role = 1; role < 32u; role++)
		if ((reg->cert.roles & (1u << role)) && bk_roles_may_join((Baken__Role)role, kind))
			return true;
	return false;
}

/* "person,relative" into bits; security and care never in one hand. */
static int parse_roles(const char *text, uint32_t *ret_roles)
{
	uint32_t roles = 0;

	while (*text) {
		char word[16] = "";
		size_t n = strcspn(text, ",");
		Baken__Role role;

		if (!n || n >= sizeof word)
			return BK_E_USAGE;
		memcpy(word, text, n);
		role = bk_role_of(word);
		if (role == BAKEN__ROLE__ROLE_NONE)
			return BK_E_USAGE;
		for (unsigned other = 1; other < 32u; other++)
			if ((roles & (1u << other)) && !bk_roles_same_registrar(role, (Baken__Role)other))
				return BK_E_ROLE;
		roles |= 1u << (unsigned)role;
		text += n + (text[n] == ',');
	}
	*ret_roles = roles;
	return roles ? 0 : BK_E_USAGE;
}

static int registrar_write(const struct bk_ctl *ctl, const struct bk_ctl_root *root, const char *path,
	struct bk_registrar_cert *cert)
{
	uint8_t seed[crypto_sign_SEEDBYTES], secret[BK_ED25519_SECRET_BYTES];
	char passphrase[BK_CTL_PASS_MAX] = "";
	uint8_t *buf = NULL;
	size_t len = 0;
	json_t *doc = NULL;
	int err = bk_ctl_new_passphrase(ctl, path, passphrase);

	randombytes_buf(seed, sizeof seed);
	crypto_sign_seed_keypair(cert->key, secret, seed);
	if (!err)
		err = bk_registrar_cert_sign(cert, root->secret, &buf, &len);
	if (!err) {
		doc = json_pack("{s:s, s:o, s:o, s:o, s:s}", "type", REGISTRAR_TYPE, "seed",
			bk_ctl_json_hex(seed, sizeof seed), "root", bk_ctl_json_hex(root->key, BK_KEY_BYTES),
			"certificate", bk_json_of_b64(buf, len), "label", cert->label);
		err = doc ? write_doc(path, passphrase, NULL, doc) : BK_E_NOMEM;
	}
	json_decref(doc);
	free(buf);
	sodium_memzero(seed, sizeof seed);
	sodium_memzero(secret, sizeof secret);
	sodium_memzero(passphrase, sizeof passphrase);
	return err;
}

int bk_ctl_registrar_create(struct bk_ctl *ctl, int argc, char **argv)
{
	const char *root_file = NULL, *label = NULL, *roles = NULL, *out = NULL, *days_text = NULL;
	const struct bk_ctl_option options[] = {
		{"root", &root_file, NULL, NULL, true}, {"label", &label, NULL, NULL, true},
		{"roles", &roles, NULL, NULL, true},    {"out", &out, NULL, NULL, true},
		{"days", &days_text, NULL, NULL, false},
	};
	struct bk_registrar_cert cert = {.roles = 0};
	struct bk_ctl_root root;
	char print[BK_CTL_FINGERPRINT];
	uint64_t days = 0;
	int err;

	if (bk_ctl_options(ctl, argc, argv, options, 5) != 0 || bk_ctl_number(days_text, 1, 3650, 1095, &days) ||
		(size_t)snprintf(cert.label, sizeof cert.label, "%s", label) >= sizeof cert.label)
		return bk_ctl_exit(BK_E_USAGE);
	err = parse_roles(roles, &cert.roles);
	if (!err)
		err = refuse_existing(out);
	if (err)
		return err == BK_E_USAGE ? bk_ctl_exit(err) : bk_ctl_fail(ctl, err, NULL);
	err = bk_ctl_root_open(ctl, root_file, &root);
	if (err)
		return bk_ctl_fail(ctl, err, NULL);
	cert.not_before_ms = bk_ctl_now() - BK_CLOCK_SKEW_MS;
	cert.not_after_ms = bk_ctl_now() + days * 86400000u;
	err = registrar_write(ctl, &root, out, &cert);
	bk_ctl_root_close(&root);
	if (err)
		return bk_ctl_fail(ctl, err, NULL);
	if (bk_ctl_print(ctl, json_pack("{s:b, s:o, s:s, s:s, s:s}", "ok", 1, "registrar_key",
				      bk_ctl_json_hex(cert.key, BK_KEY_BYTES), "label", label, "roles", roles, "file", out)))
		return 0;
	bk_ctl_say(CT(ctl, REGISTRAR_MADE), label, out, NULL);
	bk_ctl_say(CT(ctl, REGISTRAR_ROLES), roles, NULL);
	bk_ctl_say(CT(ctl, FINGERPRINT), bk_ctl_fingerprint(cert.key, print), NULL);
	return 0;
}

/* ---- book ---- */

int bk_ctl_book_take(struct bk_ctl_registrar *reg)
{
	int err;

	while (flock(reg->lock, LOCK_EX) != 0)
		if (errno != EINTR)
			return BK_E_LOCKED;
	err = read_doc(reg->book_path, reg->book_pass, BOOK_TYPE, &reg->book);
	if (err == BK_E_NOT_FOUND) {
		reg->book = json_pack("{s:s, s:{}, s:{}}", "type", BOOK_TYPE, "circles", "invites");
		err = reg->book ? 0 : BK_E_NOMEM;
	}
	if (err)
		flock(reg->lock, LOCK_UN);
	return err;
}

int bk_ctl_book_save(struct bk_ctl_registrar *reg)
{
	return write_doc(reg->book_path, reg->book_pass, &book_cost, reg->book);
}

void bk_ctl_book_drop(struct bk_ctl_registrar *reg)
{
	if (!reg->book)
		return;
	json_decref(reg->book);
	reg->book = NULL;
	flock(reg->lock, LOCK_UN);
}

static json_t *row_of(const struct bk_ctl_registrar *reg, const char *table, bk_id id)
{
	char text[BK_ID_TEXT];

	return json_object_get(json_object_get(reg->book, table), bk_id_text(id, text));
}

json_t *bk_ctl_book_circle(const struct bk_ctl_registrar *reg, bk_id circle)
{
	return row_of(reg, "circles", circle);
}

json_t *bk_ctl_book_invite(const struct bk_ctl_registrar *reg, bk_id invite)
{
	return row_of(reg, "invites", invite);
}

int bk_ctl_book_put(struct bk_ctl_registrar *reg, const char *table, bk_id id, json_t *row)
{
	char text[BK_ID_TEXT];

	return json_object_set_new(json_object_get(reg->book, table), bk_id_text(id, text), row) == 0 ? 0
												       : BK_E_NOMEM;
}

char *bk_ctl_fingerprint(const uint8_t key[static BK_KEY_BYTES], char out[static BK_CTL_FINGERPRINT])
{
	bk_hash h = bk_hash_of(key, BK_KEY_BYTES);
	char hex[2 * 16 + 1];
	size_t n = 0;

	bk_hex_encode(hex, h.b, 16);
	for (size_t i = 0; i < 32; i++) {
		if (i && i % 4 == 0)
			out[n++] = ' ';
		out[n++] = hex[i];
	}
	out[n] = '\0';
	return out;
}
