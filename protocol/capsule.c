/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "capsule.h"

#include <sodium.h>

#include "bytes.h"
#include "err.h"

#define VERSION 1
#define OUTER_HEADER (1 + 1 + BK_ID_BYTES + 2)

_Static_assert(BK_CAPSULE_INNER + crypto_box_SEALBYTES == BK_CAPSULE_BYTES, "bounds.h");

void bk_capsule_encode(const struct bk_capsule *c, uint8_t out[static BK_CAPSULE_PLAIN_BYTES])
{
	struct bk_writer w = bk_writer_of(out, BK_CAPSULE_PLAIN_BYTES);

	bk_write_u8(&w, VERSION);
	bk_write_bytes(&w, c->key, BK_KEY_BYTES);
	bk_write_bytes(&w, c->body.b, BK_HASH_BYTES);
	bk_write_bytes(&w, c->message.b, BK_ID_BYTES);
	bk_write_bytes(&w, c->sender.b, BK_ID_BYTES);
	bk_write_u64(&w, c->chain_seq);
	bk_write_bytes(&w, c->chain_prev.b, BK_HASH_BYTES);
	bk_write_u64(&w, c->roster_version);
	bk_write_bytes(&w, c->roster_hash.b, BK_HASH_BYTES);
	BK_ASSERT(!w.failed && w.left == 0);
}

int bk_capsule_decode(const uint8_t *data, size_t len, struct bk_capsule *ret_capsule)
{
	struct bk_reader r = bk_reader_of(data, len);
	struct bk_capsule c;
	uint8_t version = bk_read_u8(&r);

	bk_read_bytes(&r, c.key, BK_KEY_BYTES);
	bk_read_bytes(&r, c.body.b, BK_HASH_BYTES);
	bk_read_bytes(&r, c.message.b, BK_ID_BYTES);
	bk_read_bytes(&r, c.sender.b, BK_ID_BYTES);
	c.chain_seq = bk_read_u64(&r);
	bk_read_bytes(&r, c.chain_prev.b, BK_HASH_BYTES);
	c.roster_version = bk_read_u64(&r);
	bk_read_bytes(&r, c.roster_hash.b, BK_HASH_BYTES);
	if (!bk_reader_done(&r) || !c.chain_seq) {
		sodium_memzero(&c, sizeof c);
		return BK_E_INVAL;
	}
	if (version != VERSION) {
		sodium_memzero(&c, sizeof c);
		return BK_E_VERSION;
	}
	*ret_capsule = c;
	sodium_memzero(&c, sizeof c);
	return 0;
}

bk_hash bk_capsule_link(const struct bk_capsule *c)
{
	uint8_t b[BK_ID_BYTES + 2 * BK_HASH_BYTES];
	struct bk_writer w = bk_writer_of(b, sizeof b);

	bk_write_bytes(&w, c->message.b, BK_ID_BYTES);
	bk_write_bytes(&w, c->body.b, BK_HASH_BYTES);
	bk_write_bytes(&w, c->chain_prev.b, BK_HASH_BYTES);
	return bk_hash_of(b, sizeof b);
}

/* ---- the seal: crypto_box_seal of libsodium, with its key kept for the message ---- */

void bk_capsule_sealer_init(struct bk_capsule_sealer *s)
{
	crypto_box_keypair(s->public_key, s->secret);
	s->n_warm = 0;
}

void bk_capsule_sealer_done(struct bk_capsule_sealer *s)
{
	sodium_memzero(s, sizeof *s);
}

static const uint8_t *warm_key(const struct bk_capsule_sealer *s, const uint8_t recipient[static BK_KEY_BYTES])
{
	for (size_t i = 0; i < s->n_warm; i++)
		if (memcmp(s->warm[i].recipient, recipient, BK_KEY_BYTES) == 0)
			return s->warm[i].key;
	return NULL;
}

void bk_capsule_sealer_warm(struct bk_capsule_sealer *s, const uint8_t recipient_identity[static BK_KEY_BYTES])
{
	if (s->n_warm == BK_CAPSULE_WARM_MAX || warm_key(s, recipient_identity) ||
		crypto_box_beforenm(s->warm[s->n_warm].key, recipient_identity, s->secret) != 0)
		return;
	memcpy(s->warm[s->n_warm++].recipient, recipient_identity, BK_KEY_BYTES);
}

static int box(const struct bk_capsule_sealer *s, const uint8_t inner[static BK_CAPSULE_INNER],
	const uint8_t recipient[static BK_KEY_BYTES], uint8_t out[static BK_CAPSULE_BYTES])
{
	const uint8_t *known = warm_key(s, recipient);
	uint8_t key[crypto_box_BEFORENMBYTES], nonce[crypto_box_NONCEBYTES];
	crypto_generichash_state h;
	int err = 0;

	crypto_generichash_init(&h, NULL, 0, sizeof nonce);
	crypto_generichash_update(&h, s->public_key, BK_KEY_BYTES);
	crypto_generichash_update(&h, recipient, BK_KEY_BYTES);
	crypto_generichash_final(&h, nonce, sizeof nonce);
	memcpy(out, s->public_key, BK_KEY_BYTES);
	if (known)
		memcpy(key, known, sizeof key);
	else
		err = crypto_box_beforenm(key, recipient, s->secret);
	if (!err)
		err = crypto_box_easy_afternm(out + BK_KEY_BYTES, inner, BK_CAPSULE_INNER, nonce, key);
	sodium_memzero(key, sizeof key);
	return err ? BK_E_CRYPTO : 0;
}

int bk_capsule_seal(const struct bk_capsule_sealer *s, const struct bk_capsule_outer *o,
	const uint8_t recipient_identity[static BK_KEY_BYTES], uint8_t out[static BK_CAPSULE_BYTES])
{
	uint8_t inner[BK_CAPSULE_INNER] = {0};
	struct bk_writer w = bk_writer_of(inner, sizeof inner);

	bk_write_u8(&w, VERSION);
	bk_write_u8(&w, o->type);
	bk_write_bytes(&w, o->sender.b, BK_ID_BYTES);
	bk_write_u16(&w, (uint16_t)o->len);
	bk_write_bytes(&w, o->ciphertext, o->len);
	return w.failed ? BK_E_TOO_BIG : box(s, inner, recipient_identity, out);
}

int bk_capsule_unseal(const uint8_t capsule[static BK_CAPSULE_BYTES], const uint8_t identity_public[static BK_KEY_BYTES],
	const uint8_t identity_secret[static BK_KEY_BYTES], uint8_t inner[static BK_CAPSULE_INNER],
	struct bk_capsule_outer *ret_outer)
{
	struct bk_reader r = bk_reader_of(inner, BK_CAPSULE_INNER);
	struct bk_capsule_outer o;
	uint8_t version;

	if (crypto_box_seal_open(inner, capsule, BK_CAPSULE_BYTES, identity_public, identity_secret) != 0)
		return BK_E_NOT_FOR_US;
	version = bk_read_u8(&r);
	o.type = bk_read_u8(&r);
	bk_read_bytes(&r, o.sender.b, BK_ID_BYTES);
	o.len = bk_read_u16(&r);
	o.ciphertext = bk_read_view(&r, o.len);
	if (version != VERSION)
		return BK_E_VERSION;
	if (r.failed || !o.len || (o.type != 2 && o.type != 3) || !sodium_is_zero(r.at, r.left))
		return BK_E_INVAL;
	*ret_outer = o;
	return 0;
}
