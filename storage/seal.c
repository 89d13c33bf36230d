/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "seal.h"

#include <sodium.h>
#include <stdlib.h>

#include "atomic_file.h"
#include "err.h"

#define VERSION 1u
#define HEAD_BYTES 24u /* magic 8, version 4, ops 4, mem_kib 4, zero 4 */
#define CHECK_BYTES 16u
#define KEYS_FILE_MAX 4096u
#define FIRST 0u /* which passphrase a slot says it is */
#define SECOND 1u
#define OPS_DEFAULT 3u
#define MEM_KIB_DEFAULT (64u * 1024u)
#define OPS_MAX 16u
#define MEM_KIB_MAX (1024u * 1024u)
#define TAG_BYTES crypto_aead_xchacha20poly1305_ietf_ABYTES
#define FILE_FIXED (HEAD_BYTES + BK_SEAL_SALT + BK_SEAL_NONCE + TAG_BYTES + CHECK_BYTES)

static const uint8_t keys_magic[8] = {'b', 'a', 'k', 'e', 'n', 'k', 'e', 'y'};
static const uint8_t file_magic[8] = {'b', 'a', 'k', 'e', 'n', 's', 'e', 'l'};

static void put_u32(uint8_t *out, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		out[i] = (uint8_t)(v >> (8 * i));
}

static uint32_t get_u32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* ---- the head and the check that all files share ---- */

static void encode_head(uint8_t out[static HEAD_BYTES], const uint8_t magic[static 8],
	const struct bk_seal_cost *cost)
{
	memcpy(out, magic, 8);
	put_u32(out + 8, VERSION);
	put_u32(out + 12, cost->ops);
	put_u32(out + 16, cost->mem_kib);
	put_u32(out + 20, 0);
}

static void put_check(uint8_t *data, size_t len_with_check)
{
	size_t len = len_with_check - CHECK_BYTES;

	crypto_generichash(data + len, CHECK_BYTES, data, len, NULL, 0);
}

static bool check_fits(const uint8_t *data, size_t len)
{
	uint8_t check[CHECK_BYTES];

	if (len < HEAD_BYTES + CHECK_BYTES)
		return false;
	crypto_generichash(check, CHECK_BYTES, data, len - CHECK_BYTES, NULL, 0);
	return sodium_memcmp(check, data + len - CHECK_BYTES, CHECK_BYTES) == 0;
}

static bool cost_fits(const struct bk_seal_cost *cost)
{
	return cost->ops >= 1 && cost->ops <= OPS_MAX && cost->mem_kib >= 8 && cost->mem_kib <= MEM_KIB_MAX;
}

/* The check comes before the version: it holds in every version, so a damaged version is not taken for a newer. */
static int decode_head(const uint8_t *data, size_t len, const uint8_t magic[static 8],
	struct bk_seal_cost *ret_cost)
{
	struct bk_seal_cost cost;

	if (!check_fits(data, len) || memcmp(data, magic, 8) != 0 || get_u32(data + 8) == 0)
		return BK_E_CORRUPT;
	if (get_u32(data + 8) > VERSION)
		return BK_E_VERSION;
	cost.ops = get_u32(data + 12);
	cost.mem_kib = get_u32(data + 16);
	if (!cost_fits(&cost) || get_u32(data + 20) != 0)
		return BK_E_CORRUPT;
	*ret_cost = cost;
	return 0;
}

static int choose_cost(const struct bk_seal_cost *wish, struct bk_seal_cost *ret_cost)
{
	struct bk_seal_cost cost = {.ops = OPS_DEFAULT, .mem_kib = MEM_KIB_DEFAULT};

	if (wish && wish->ops)
		cost.ops = wish->ops;
	if (wish && wish->mem_kib)
		cost.mem_kib = wish->mem_kib;
	if (!cost_fits(&cost))
		return BK_E_INVAL;
	*ret_cost = cost;
	return 0;
}

/* ---- passphrase to key ---- */

static int derive(const char *passphrase, const uint8_t salt[static BK_SEAL_SALT],
	const struct bk_seal_cost *cost, uint8_t *key)
{
	if (crypto_pwhash(key, BK_KEY_BYTES, passphrase, strlen(passphrase), salt, cost->ops,
		    (size_t)cost->mem_kib * 1024u, crypto_pwhash_ALG_ARGON2ID13) != 0)
		return BK_E_NOMEM;
	return 0;
}

/* What a slot holds: the master key, and which passphrase it is. */
static uint8_t *plain_new(void)
{
	return sodium_malloc(BK_SEAL_PLAIN);
}

static int seal_slot(struct bk_seal_keys *keys, unsigned i, const char *passphrase, const uint8_t *plain)
{
	struct bk_seal_slot *slot = &keys->slots[i];
	uint8_t head[HEAD_BYTES];
	uint8_t *key = sodium_malloc(BK_KEY_BYTES);
	int err;

	if (!key)
		return BK_E_NOMEM;
	randombytes_buf(slot->salt, sizeof slot->salt);
	randombytes_buf(slot->nonce, sizeof slot->nonce);
	encode_head(head, keys_magic, &keys->cost);
	err = derive(passphrase, slot->salt, &keys->cost, key);
	if (!err)
		crypto_aead_xchacha20poly1305_ietf_encrypt(slot->box, NULL, plain, BK_SEAL_PLAIN, head,
			sizeof head, NULL, slot->nonce, key);
	sodium_free(key);
	return err;
}

static int open_slot(const struct bk_seal_keys *keys, unsigned i, const char *passphrase, uint8_t *plain)
{
	const struct bk_seal_slot *slot = &keys->slots[i];
	uint8_t head[HEAD_BYTES];
	uint8_t *key = sodium_malloc(BK_KEY_BYTES);
	int err;

	if (!key)
		return BK_E_NOMEM;
	encode_head(head, keys_magic, &keys->cost);
	err = derive(passphrase, slot->salt, &keys->cost, key);
	if (!err && crypto_aead_xchacha20poly1305_ietf_decrypt(plain, NULL, NULL, slot->box,
			    sizeof slot->box, head, sizeof head, slot->nonce, key) != 0)
		err = BK_E_PASSPHRASE;
	sodium_free(key);
	return err;
}

/* Works on all slots whichever fits, so that time does not tell which one it was. */
static int open_slots(const struct bk_seal_keys *keys, const char *passphrase, uint8_t *plain,
	unsigned *ret_slot)
{
	uint8_t *opened = plain_new();
	int result = BK_E_PASSPHRASE;

	if (!opened)
		return BK_E_NOMEM;
	for (unsigned i = 0; i < BK_SEAL_SLOTS; i++) {
		int err = open_slot(keys, i, passphrase, opened);

		if (err == 0 && result != 0) {
			memcpy(plain, opened, BK_SEAL_PLAIN);
			*ret_slot = i;
		}
		if (err != BK_E_PASSPHRASE && result != 0)
			result = err;
	}
	sodium_free(opened);
	return result;
}

/* ---- key file ---- */

void bk_seal_keys_encode(const struct bk_seal_keys *keys, uint8_t out[static BK_SEAL_KEYS_BYTES])
{
	uint8_t *p = out + HEAD_BYTES;

	encode_head(out, keys_magic, &keys->cost);
	for (unsigned i = 0; i < BK_SEAL_SLOTS; i++) {
		const struct bk_seal_slot *slot = &keys->slots[i];

		memcpy(p, slot->salt, BK_SEAL_SALT);
		memcpy(p + BK_SEAL_SALT, slot->nonce, BK_SEAL_NONCE);
		memcpy(p + BK_SEAL_SALT + BK_SEAL_NONCE, slot->box, BK_SEAL_BOX);
		p += BK_SEAL_SLOT_BYTES;
	}
	put_check(out, BK_SEAL_KEYS_BYTES);
}

int bk_seal_keys_decode(const void *data, size_t len, struct bk_seal_keys *ret_keys)
{
	const uint8_t *p = data;
	struct bk_seal_keys keys;
	int err = decode_head(p, len, keys_magic, &keys.cost);

	if (err)
		return err;
	if (len != BK_SEAL_KEYS_BYTES)
		return BK_E_CORRUPT;
	p += HEAD_BYTES;
	for (unsigned i = 0; i < BK_SEAL_SLOTS; i++) {
		struct bk_seal_slot *slot = &keys.slots[i];

		memcpy(slot->salt, p, BK_SEAL_SALT);
		memcpy(slot->nonce, p + BK_SEAL_SALT, BK_SEAL_NONCE);
		memcpy(slot->box, p + BK_SEAL_SALT + BK_SEAL_NONCE, BK_SEAL_BOX);
		p += BK_SEAL_SLOT_BYTES;
	}
	*ret_keys = keys;
	return 0;
}

static int load_keys(const char *path, struct bk_seal_keys *ret_keys)
{
	uint8_t *data = NULL;
	size_t len = 0;
	int err = bk_atomic_file_read(path, KEYS_FILE_MAX, &data, &len);

	if (!err)
		err = bk_seal_keys_decode(data, len, ret_keys);
	free(data);
	return err;
}

static int store_keys(const char *path, const struct bk_seal_keys *keys)
{
	uint8_t data[BK_SEAL_KEYS_BYTES];

	bk_seal_keys_encode(keys, data);
	return bk_atomic_file_write(path, data, sizeof data);
}

static bool usable(const char *passphrase)
{
	return passphrase && passphrase[0];
}

int bk_seal_keys_create(const char *path, const char *passphrase, const struct bk_seal_cost *cost,
	const uint8_t key[static BK_KEY_BYTES])
{
	struct bk_seal_keys keys;
	uint8_t *plain = NULL;
	int err;

	if (!usable(passphrase))
		return BK_E_INVAL;
	err = load_keys(path, &keys);
	if (err != BK_E_NOT_FOUND)
		return err == BK_E_IO || err == BK_E_NOMEM ? err : BK_E_EXISTS;
	err = choose_cost(cost, &keys.cost);
	if (err)
		return err;
	plain = plain_new();
	if (!plain)
		return BK_E_NOMEM;
	memcpy(plain, key, BK_KEY_BYTES);
	plain[BK_KEY_BYTES] = FIRST;
	randombytes_buf(&keys.slots, sizeof keys.slots);
	err = seal_slot(&keys, randombytes_uniform(BK_SEAL_SLOTS), passphrase, plain);
	sodium_free(plain);
	return err ? err : store_keys(path, &keys);
}

int bk_seal_keys_open(const char *path, const char *passphrase, uint8_t ret_key[static BK_KEY_BYTES],
	bool *ret_second)
{
	struct bk_seal_keys keys;
	uint8_t *plain = NULL;
	unsigned slot = 0;
	int err = load_keys(path, &keys);

	if (err)
		return err;
	if (!usable(passphrase))
		return BK_E_PASSPHRASE;
	plain = plain_new();
	if (!plain)
		return BK_E_NOMEM;
	err = open_slots(&keys, passphrase, plain, &slot);
	if (!err) {
		memcpy(ret_key, plain, BK_KEY_BYTES);
		*ret_second = plain[BK_KEY_BYTES] != FIRST;
	}
	sodium_free(plain);
	return err;
}

/* Both changes do the same work, whatever they change: open both slots, try the new one on both, make one. */
static int change_slot(struct bk_seal_keys *keys, const char *passphrase, const char *fresh, bool second)
{
	uint8_t *plain = plain_new(), *other = plain_new();
	unsigned slot = 0, taken = BK_SEAL_SLOTS;
	int err = plain && other ? open_slots(keys, passphrase, plain, &slot) : BK_E_NOMEM;

	if (!err && (open_slots(keys, fresh ? fresh : passphrase, other, &taken) == BK_E_NOMEM))
		err = BK_E_NOMEM;
	if (!err && fresh && taken != BK_SEAL_SLOTS && (second ? taken == slot : taken != slot))
		err = BK_E_EXISTS;
	if (!err && second) {
		slot = BK_SEAL_SLOTS - 1 - slot;
		plain[BK_KEY_BYTES] = SECOND;
	}
	if (!err)
		err = seal_slot(keys, slot, fresh ? fresh : passphrase, plain);
	if (!err && !fresh)
		randombytes_buf(&keys->slots[slot], sizeof keys->slots[slot]);
	sodium_free(plain);
	sodium_free(other);
	return err;
}

static int change(const char *path, const char *passphrase, const char *fresh, bool second)
{
	struct bk_seal_keys keys;
	int err;

	if (fresh ? !usable(fresh) : !second)
		return BK_E_INVAL;
	if (!usable(passphrase))
		return BK_E_PASSPHRASE;
	err = load_keys(path, &keys);
	if (!err)
		err = change_slot(&keys, passphrase, fresh, second);
	return err ? err : store_keys(path, &keys);
}

int bk_seal_keys_change(const char *path, const char *old, const char *fresh)
{
	return change(path, old, fresh, false);
}

int bk_seal_keys_second(const char *path, const char *passphrase, const char *fresh)
{
	return change(path, passphrase, fresh, true);
}

int bk_seal_keys_destroy(const char *path)
{
	return bk_atomic_file_destroy(path);
}

/* ---- sealed file: head | salt | nonce | box | check; the box authenticates head and salt ---- */

int bk_seal_file_decode(const void *data, size_t len, struct bk_seal_file *ret_file)
{
	const uint8_t *p = data;
	struct bk_seal_file file = {.head = p, .head_len = HEAD_BYTES + BK_SEAL_SALT};
	int err = decode_head(p, len, file_magic, &file.cost);

	if (err)
		return err;
	if (len < FILE_FIXED)
		return BK_E_CORRUPT;
	file.salt = p + HEAD_BYTES;
	file.nonce = file.salt + BK_SEAL_SALT;
	file.box = file.nonce + BK_SEAL_NONCE;
	file.box_len = len - (FILE_FIXED - TAG_BYTES);
	*ret_file = file;
	return 0;
}

int bk_seal_file_write_cost(const char *path, const char *passphrase, const struct bk_seal_cost *wish,
	const void *data, size_t len)
{
	struct bk_seal_cost cost;
	uint8_t *key = NULL;
	uint8_t *out = NULL;
	uint8_t *nonce;
	int err;

	if (!usable(passphrase) || (!data && len))
		return BK_E_INVAL;
	if (len > BK_SEAL_FILE_MAX)
		return BK_E_TOO_BIG;
	err = choose_cost(wish, &cost);
	if (err)
		return err;
	err = BK_E_NOMEM;
	key = sodium_malloc(BK_KEY_BYTES);
	out = malloc(FILE_FIXED + len);
	if (!key || !out)
		goto out;
	encode_head(out, file_magic, &cost);
	nonce = out + HEAD_BYTES + BK_SEAL_SALT;
	randombytes_buf(out + HEAD_BYTES, BK_SEAL_SALT + BK_SEAL_NONCE);
	err = derive(passphrase, out + HEAD_BYTES, &cost, key);
	if (err)
		goto out;
	crypto_aead_xchacha20poly1305_ietf_encrypt(nonce + BK_SEAL_NONCE, NULL, data, len, out,
		HEAD_BYTES + BK_SEAL_SALT, NULL, nonce, key);
	put_check(out, FILE_FIXED + len);
	err = bk_atomic_file_write(path, out, FILE_FIXED + len);
out:
	sodium_free(key);
	free(out);
	return err;
}

int bk_seal_file_write(const char *path, const char *passphrase, const void *data, size_t len)
{
	return bk_seal_file_write_cost(path, passphrase, NULL, data, len);
}

static int unseal_file(const struct bk_seal_file *file, const char *passphrase, uint8_t **ret_data,
	size_t *ret_len)
{
	size_t len = file->box_len - TAG_BYTES;
	uint8_t *key = sodium_malloc(BK_KEY_BYTES);
	uint8_t *data = sodium_malloc(len + 1); /* never zero bytes, and a NUL behind texts */
	int err = key && data ? derive(passphrase, file->salt, &file->cost, key) : BK_E_NOMEM;

	if (!err && crypto_aead_xchacha20poly1305_ietf_decrypt(data, NULL, NULL, file->box, file->box_len,
			    file->head, file->head_len, file->nonce, key) != 0)
		err = BK_E_PASSPHRASE;
	sodium_free(key);
	if (err) {
		sodium_free(data);
		return err;
	}
	data[len] = 0;
	*ret_data = data;
	*ret_len = len;
	return 0;
}

int bk_seal_file_read(const char *path, const char *passphrase, uint8_t **ret_data, size_t *ret_len)
{
	struct bk_seal_file file;
	uint8_t *bytes = NULL;
	size_t len = 0;
	int err = bk_atomic_file_read(path, FILE_FIXED + BK_SEAL_FILE_MAX, &bytes, &len);

	if (!err)
		err = bk_seal_file_decode(bytes, len, &file);
	if (!err)
		err = usable(passphrase) ? unseal_file(&file, passphrase, ret_data, ret_len) : BK_E_PASSPHRASE;
	free(bytes);
	return err;
}

void bk_seal_free(uint8_t *data)
{
	sodium_free(data);
}
