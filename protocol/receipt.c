/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "receipt.h"

#include <sodium.h>

#include "bytes.h"
#include "err.h"
#include "pb.h"

#define CONTEXT "baken-receipt-v1"
#define LEAF_BYTES (1 + BK_ID_BYTES + BK_HASH_BYTES + 8)
#define SIGNED_BYTES (sizeof CONTEXT - 1 + 4 + BK_HASH_BYTES)
#define LEAVES_MAX (1u << BK_RECEIPT_DEPTH)

static bk_hash leaf_hash(const struct bk_receipt_leaf *leaf)
{
	uint8_t b[LEAF_BYTES];
	struct bk_writer w = bk_writer_of(b, sizeof b);

	bk_write_u8(&w, 0);
	bk_write_bytes(&w, leaf->message.b, BK_ID_BYTES);
	bk_write_bytes(&w, leaf->body.b, BK_HASH_BYTES);
	bk_write_u64(&w, leaf->stored_ms);
	return bk_hash_of(b, sizeof b);
}

static bk_hash node_hash(bk_hash left, bk_hash right)
{
	uint8_t b[1 + 2 * BK_HASH_BYTES] = {1};

	memcpy(b + 1, left.b, BK_HASH_BYTES);
	memcpy(b + 1 + BK_HASH_BYTES, right.b, BK_HASH_BYTES);
	return bk_hash_of(b, sizeof b);
}

static void signed_bytes(uint32_t size, bk_hash root, uint8_t out[static SIGNED_BYTES])
{
	struct bk_writer w = bk_writer_of(out, SIGNED_BYTES);

	bk_write_bytes(&w, CONTEXT, sizeof CONTEXT - 1);
	bk_write_u32(&w, size);
	bk_write_bytes(&w, root.b, BK_HASH_BYTES);
}

/*
 * One level up: pairs become nodes, an odd last one moves up as it is (the same tree as RFC 6962's split at
 * the largest power of two). Receipts whose leaf lies under a paired node gain the sibling.
 */
static size_t level_up(bk_hash *nodes, size_t n, size_t total, unsigned level, struct bk_receipt *out)
{
	for (size_t i = 0; i < total; i++) {
		size_t at = i >> level, sibling = at ^ 1;

		if (sibling < n)
			out[i].path[out[i].n_path++] = nodes[sibling];
	}
	for (size_t i = 0; i < n / 2; i++)
		nodes[i] = node_hash(nodes[2 * i], nodes[2 * i + 1]);
	if (n & 1)
		nodes[n / 2] = nodes[n - 1];
	return (n + 1) / 2;
}

int bk_receipt_sign(const struct bk_receipt_leaf *leaves, size_t n,
	const uint8_t secret[static BK_ED25519_SECRET_BYTES], struct bk_receipt *out)
{
	bk_hash nodes[LEAVES_MAX];
	uint8_t message[SIGNED_BYTES], signature[BK_SIG_BYTES];
	size_t width = n;

	if (!n || n > LEAVES_MAX)
		return BK_E_INVAL;
	for (size_t i = 0; i < n; i++) {
		out[i].leaf = leaves[i];
		out[i].index = (uint32_t)i;
		out[i].size = (uint32_t)n;
		out[i].n_path = 0;
		memcpy(out[i].key, secret + 32, BK_KEY_BYTES);
		nodes[i] = leaf_hash(&leaves[i]);
	}
	for (unsigned level = 0; width > 1; level++)
		width = level_up(nodes, width, n, level, out);
	signed_bytes((uint32_t)n, nodes[0], message);
	crypto_sign_detached(signature, NULL, message, sizeof message, secret);
	for (size_t i = 0; i < n; i++)
		memcpy(out[i].signature, signature, sizeof signature);
	return 0;
}

/* Recomputes the root from leaf and path (RFC 9162, section 2.1.3.2). */
static int root_of(const struct bk_receipt *r, bk_hash *ret_root)
{
	size_t at = r->index, last = (size_t)r->size - 1, used = 0;
	bk_hash h = leaf_hash(&r->leaf);

	if (!r->size || r->size > LEAVES_MAX || r->index >= r->size || r->n_path > BK_RECEIPT_DEPTH)
		return BK_E_INVAL;
	while (last > 0) {
		if ((at & 1) || at < last) {
			if (used >= r->n_path)
				return BK_E_INVAL;
			h = at & 1 ? node_hash(r->path[used], h) : node_hash(h, r->path[used]);
			used++;
		}
		at >>= 1;
		last >>= 1;
	}
	if (used != r->n_path)
		return BK_E_INVAL;
	*ret_root = h;
	return 0;
}

int bk_receipt_verify(const struct bk_receipt *r, const uint8_t receipt_key[static BK_KEY_BYTES])
{
	uint8_t message[SIGNED_BYTES];
	bk_hash root;
	int err;

	if (sodium_memcmp(r->key, receipt_key, BK_KEY_BYTES) != 0)
		return BK_E_CHAIN;
	err = root_of(r, &root);
	if (err)
		return err;
	signed_bytes(r->size, root, message);
	return crypto_sign_verify_detached(r->signature, message, sizeof message, receipt_key) ? BK_E_SIGNATURE : 0;
}

void bk_receipt_to_wire(const struct bk_receipt *r, Baken__StoredReceipt *out,
	ProtobufCBinaryData paths[static BK_RECEIPT_DEPTH])
{
	baken__stored_receipt__init(out);
	out->message_id = bk_bytes(r->leaf.message.b, BK_ID_BYTES);
	out->body_hash = bk_bytes(r->leaf.body.b, BK_HASH_BYTES);
	out->stored_ms = r->leaf.stored_ms;
	out->index = r->index;
	out->size = r->size;
	for (size_t i = 0; i < r->n_path; i++)
		paths[i] = bk_bytes(r->path[i].b, BK_HASH_BYTES);
	out->path = paths;
	out->n_path = r->n_path;
	out->signature = bk_bytes(r->signature, BK_SIG_BYTES);
	out->receipt_key = bk_bytes(r->key, BK_KEY_BYTES);
}

int bk_receipt_from_wire(const Baken__StoredReceipt *w, struct bk_receipt *ret_receipt)
{
	struct bk_receipt r = {.index = w->index, .size = w->size, .n_path = w->n_path};

	if (bk_id_from(w->message_id.data, w->message_id.len, &r.leaf.message) ||
		bk_hash_from(w->body_hash.data, w->body_hash.len, &r.leaf.body) || w->n_path > BK_RECEIPT_DEPTH ||
		w->signature.len != BK_SIG_BYTES || w->receipt_key.len != BK_KEY_BYTES)
		return BK_E_INVAL;
	for (size_t i = 0; i < w->n_path; i++)
		if (bk_hash_from(w->path[i].data, w->path[i].len, &r.path[i]))
			return BK_E_INVAL;
	r.leaf.stored_ms = w->stored_ms;
	memcpy(r.signature, w->signature.data, BK_SIG_BYTES);
	memcpy(r.key, w->receipt_key.data, BK_KEY_BYTES);
	*ret_receipt = r;
	return 0;
}
