/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A file on its way out: decrypted chunk by chunk; the layout is attach.c's. */
#include "engine.h"

#include <stdlib.h>

#define HEADER crypto_secretstream_xchacha20poly1305_HEADERBYTES
#define ABYTES crypto_secretstream_xchacha20poly1305_ABYTES
#define FINAL crypto_secretstream_xchacha20poly1305_TAG_FINAL
#define SEALED (BK_FILE_CHUNK + ABYTES)

void bk_unseal_close(struct bk_unseal *u)
{
	if (u->chunk)
		sodium_memzero(u->chunk, BK_FILE_CHUNK + SEALED);
	free(u->chunk);
	sodium_memzero(u, sizeof(*u));
}

int bk_unseal_open(struct bk_core *core, struct bk_unseal *u, bk_id blob, const json_t *file)
{
	uint8_t key[crypto_secretstream_xchacha20poly1305_KEYBYTES], header[HEADER];
	size_t n = 0;
	int err = 0;

	memset(u, 0, sizeof(*u));
	u->blob = blob;
	u->size = bk_json_get_int(file, "size");
	if (!u->size || !bk_json_get_hex(file, "key", key, sizeof(key)) ||
		!bk_json_get_hex(file, "plain_hash", u->want.b, sizeof(u->want.b)))
		return BK_E_CORRUPT;
	u->chunk = malloc(BK_FILE_CHUNK + SEALED);
	err = u->chunk ? core->o.blobs->ops->read(core->o.blobs, blob, 0, header, sizeof(header), &n) : BK_E_NOMEM;
	if (!err && n != sizeof(header))
		err = BK_E_INCOMPLETE;
	if (!err && crypto_secretstream_xchacha20poly1305_init_pull(&u->stream, header, key))
		err = BK_E_DECRYPT;
	sodium_memzero(key, sizeof(key));
	if (err) {
		bk_unseal_close(u);
		return err;
	}
	crypto_hash_sha256_init(&u->plain_hash);
	u->offset = sizeof(header);
	u->open = true;
	return 0;
}

/* The end counts only when the sender marked it: a blob that was cut is not a shorter file. */
static int next_chunk(struct bk_core *core, struct bk_unseal *u)
{
	uint8_t *sealed = u->chunk + BK_FILE_CHUNK;
	unsigned long long len = 0;
	uint8_t tag = 0;
	size_t n = 0;
	int err = core->o.blobs->ops->read(core->o.blobs, u->blob, u->offset, sealed, SEALED, &n);

	if (err)
		return err;
	if (u->final)
		return n ? BK_E_DECRYPT : 0;
	if (n <= ABYTES)
		return BK_E_INCOMPLETE;
	if (crypto_secretstream_xchacha20poly1305_pull(&u->stream, u->chunk, &len, &tag, sealed, n, NULL, 0))
		return BK_E_DECRYPT;
	u->offset += n;
	u->final = tag == FINAL;
	u->taken = 0;
	u->fill = len < u->size - u->given ? (size_t)len : (size_t)(u->size - u->given);
	return 0;
}

static int finish(struct bk_unseal *u)
{
	bk_hash got;

	if (u->given != u->size)
		return BK_E_INCOMPLETE;
	crypto_hash_sha256_final(&u->plain_hash, got.b);
	u->open = false;
	return bk_hash_equal(got, u->want) ? 0 : BK_E_HASH;
}

int bk_unseal_next(struct bk_core *core, struct bk_unseal *u, uint8_t *out, size_t max, size_t *ret_len)
{
	size_t n = 0;
	int err = 0;

	if (!u->open)
		return BK_E_STATE;
	while (u->taken == u->fill) {
		bool was_final = u->final;

		err = next_chunk(core, u);
		if (err)
			return err;
		if (was_final) {
			*ret_len = 0;
			return finish(u);
		}
	}
	n = u->fill - u->taken < max ? u->fill - u->taken : max;
	memcpy(out, u->chunk + u->taken, n);
	crypto_hash_sha256_update(&u->plain_hash, out, n);
	u->taken += n;
	u->given += n;
	*ret_len = n;
	return 0;
}

static int check_cipher(struct bk_core *core, bk_id blob, const json_t *file, uint8_t *buf)
{
	crypto_hash_sha256_state hash;
	bk_hash want, got;
	uint64_t offset = 0;
	size_t n = 0;
	int err = 0;

	if (!bk_json_get_hex(file, "hash", want.b, sizeof(want.b)))
		return BK_E_CORRUPT;
	crypto_hash_sha256_init(&hash);
	do {
		err = core->o.blobs->ops->read(core->o.blobs, blob, offset, buf, BK_FILE_CHUNK, &n);
		if (err)
			return err;
		crypto_hash_sha256_update(&hash, buf, n);
		offset += n;
	} while (n);
	crypto_hash_sha256_final(&hash, got.b);
	if (offset != bk_json_get_int(file, "padded"))
		return BK_E_INCOMPLETE;
	return bk_hash_equal(got, want) ? 0 : BK_E_HASH;
}

int bk_unseal_verify(struct bk_core *core, bk_id blob, const json_t *file)
{
	struct bk_unseal u = { .open = false };
	uint8_t *buf = malloc(BK_FILE_CHUNK);
	size_t n = 0;
	int err = buf ? check_cipher(core, blob, file, buf) : BK_E_NOMEM;

	if (!err)
		err = bk_unseal_open(core, &u, blob, file);
	if (!err) {
		do
			err = bk_unseal_next(core, &u, buf, BK_FILE_CHUNK, &n);
		while (!err && n);
	}
	bk_unseal_close(&u);
	if (buf)
		sodium_memzero(buf, BK_FILE_CHUNK);
	free(buf);
	return err;
}
