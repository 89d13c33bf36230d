/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Stored receipts: the server's proof of submission, signed after the durable commit. One commit serves many
 * messages; the server signs the root of an RFC 6962 Merkle tree over them (SHA-256, leaf 0x00, node 0x01)
 * and gives each message its path, so a signature costs the same for one message or 256.
 * leaf = message id || body hash || u64le stored_ms; signed = "baken-receipt-v1" || u32le size || root.
 *
 * Threads: pure. Memory: as said per function.
 */
#ifndef BK_RECEIPT_H
#define BK_RECEIPT_H

#include "certificate.h"

#define BK_RECEIPT_DEPTH 9u /* 2^9 >= records of one commit (256) with room */

struct bk_receipt_leaf {
	bk_id message;
	bk_hash body;
	bk_ms stored_ms;
};

struct bk_receipt { /* plain value */
	struct bk_receipt_leaf leaf;
	uint32_t index, size;
	bk_hash path[BK_RECEIPT_DEPTH];
	size_t n_path;
	uint8_t signature[BK_SIG_BYTES];
	uint8_t key[BK_KEY_BYTES];
};

/* Signs n leaves (1..512) at once into out[n]. secret: Ed25519. */
int bk_receipt_sign(const struct bk_receipt_leaf *leaves, size_t n,
	const uint8_t secret[static BK_ED25519_SECRET_BYTES], struct bk_receipt *out);
/* BK_E_SIGNATURE; BK_E_CHAIN when the key is not the one the root certified. */
int bk_receipt_verify(const struct bk_receipt *r, const uint8_t receipt_key[static BK_KEY_BYTES]);
/* To and from the wire form; the message borrows from r and paths[BK_RECEIPT_DEPTH]. */
void bk_receipt_to_wire(const struct bk_receipt *r, Baken__StoredReceipt *out,
	ProtobufCBinaryData paths[static BK_RECEIPT_DEPTH]);
int bk_receipt_from_wire(const Baken__StoredReceipt *w, struct bk_receipt *ret_receipt);

#endif
