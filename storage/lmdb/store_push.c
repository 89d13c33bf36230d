/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where devices can be woken: one endpoint a device, sealed, since its text could tell who uses it. Bound to its
 * device, so that rows cannot be exchanged; padded, so that its length does not name the host.
 */
#include <sodium.h>

#include "err.h"
#include "store_in.h"

#define NONCE crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG crypto_aead_xchacha20poly1305_ietf_ABYTES
#define PAD 256u
#define PLAIN_MAX (BK_PUSH_ENDPOINT_MAX + PAD)

static int unseal(const struct bk_store *s, bk_id device, struct bk_bytes sealed, char *out, size_t room)
{
	uint8_t plain[PLAIN_MAX];
	unsigned long long n = 0;
	size_t len;
	int err = 0;

	if (!s->keys)
		return BK_E_STATE;
	if (sealed.len < NONCE + TAG || sealed.len > NONCE + TAG + sizeof plain)
		return BK_E_CORRUPT;
	if (crypto_aead_xchacha20poly1305_ietf_decrypt(plain, &n, NULL, sealed.data + NONCE, sealed.len - NONCE, device.b,
		    sizeof device.b, sealed.data, s->keys->push) != 0)
		return BK_E_CORRUPT;
	len = strnlen((const char *)plain, (size_t)n);
	if (len >= room || len == n)
		err = BK_E_CORRUPT;
	else
		memcpy(out, plain, len + 1);
	sodium_memzero(plain, sizeof plain);
	return err;
}

static int put(struct bk_store *s, struct bk_txn *t, const struct bk_op *op)
{
	uint8_t plain[PLAIN_MAX] = {0}, sealed[NONCE + sizeof plain + TAG];
	const struct bk_bytes *e = &op->push.endpoint;
	size_t padded = (e->len / PAD + 1) * PAD; /* a NUL at least */
	struct bk_row_push row = {.set_ms = op->now, .sealed = {sealed, NONCE + padded + TAG}};

	memcpy(plain, e->data, e->len);
	randombytes_buf(sealed, NONCE);
	crypto_aead_xchacha20poly1305_ietf_encrypt(sealed + NONCE, NULL, plain, padded, op->push.device.b, BK_ID_BYTES, NULL,
		sealed, s->keys->push);
	sodium_memzero(plain, sizeof plain);
	return bk_rows_put_push(t, op->push.device.b, BK_ID_BYTES, &row);
}

/* The same, and not long ago: nothing to write. */
static bool is_fresh(const struct bk_store *s, struct bk_txn *t, const struct bk_op *op)
{
	char text[BK_PUSH_ENDPOINT_MAX + 1];
	struct bk_row_push row;
	bool same;

	if (bk_rows_get_push(t, op->push.device.b, BK_ID_BYTES, &row) != 0 || op->now < row.set_ms ||
		op->now - row.set_ms > BK_STORE_PUSH_KEPT_MS / 4 ||
		unseal(s, op->push.device, row.sealed, text, sizeof text) != 0)
		return false;
	same = strlen(text) == op->push.endpoint.len && memcmp(text, op->push.endpoint.data, op->push.endpoint.len) == 0;
	sodium_memzero(text, sizeof text);
	return same;
}

int bk_store_check_push_set(struct bk_store *s, struct bk_txn *t, struct bk_op *op)
{
	const struct bk_bytes *e = &op->push.endpoint;
	struct bk_row_device device;

	if (e->len > BK_PUSH_ENDPOINT_MAX)
		return BK_E_TOO_BIG;
	if (e->len && memchr(e->data, '\0', e->len))
		return BK_E_INVAL;
	s->plan.known = e->len && is_fresh(s, t, op);
	return e->len ? bk_store_live_device(t, op->push.device, &device) : 0;
}

int bk_store_write_push_set(struct bk_store *s, struct bk_txn *t, struct bk_op *op)
{
	if (s->plan.known)
		return 0;
	return op->push.endpoint.len ? put(s, t, op) : bk_store_drop_push(t, op->push.device);
}

int bk_store_drop_push(struct bk_txn *t, bk_id device)
{
	return bk_store_del(t, BK_T_PUSH, device.b, sizeof device.b);
}

/* ---- reading ---- */

int bk_store_push(struct bk_store_view *v, bk_id device, char *out, size_t room)
{
	struct bk_row_push row;
	int err = bk_rows_get_push(v->txn, device.b, sizeof device.b, &row);

	return err ? err : unseal(v->store, device, row.sealed, out, room);
}

int bk_store_pushes(struct bk_store_view *v, int (*visit)(void *arg, bk_id device), void *arg)
{
	struct bk_env_cursor c;
	int err = bk_env_cursor_open(v->txn, BK_T_PUSH, &c);

	for (err = err ? err : bk_env_seek(&c, NULL, 0); !err; err = bk_env_next(&c)) {
		bk_id device;

		if (bk_id_from(c.key.data, c.key.len, &device) != 0)
			err = BK_E_CORRUPT;
		else
			err = visit(arg, device);
		if (err)
			break;
	}
	bk_env_cursor_close(&c);
	return err == BK_E_NOT_FOUND ? 0 : err;
}
