/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The audit log as a file that somebody else can check without the server: one line an entry, each line with a hash
 * over itself and all before it, and a last line that the receipt key signs, with the time. One changed byte is
 * found, and in which entry; so are lines left out, exchanged, added, and cut off at the end.
 *
 * Ids are replaced by keyed hashes, the same in every export of one server: what one device did can be followed,
 * and not whose it is. The text of an export is in docs/operations.md.
 *
 * Threads: pure but for the stream. Memory: the caller's. Secrets: the key of pseudonyms follows from the receipt key.
 */
#ifndef BK_AUDIT_EXPORT_H
#define BK_AUDIT_EXPORT_H

#include <stdio.h>

#include "certificate.h"
#include "store.h"

#define BK_AUDIT_LINE_MAX 4096u

struct bk_audit_export {
	FILE *out;
	bk_hash chain;
	uint64_t number, count; /* of the last entry; entries so far */
	uint8_t pseudonyms[BK_KEY_BYTES];
	uint8_t secret[BK_ED25519_SECRET_BYTES];
	bool failed;
};
/* server_cert: serialised Signed. after: number of the last entry that aged out of the store. */
void bk_audit_export_begin(struct bk_audit_export *x, FILE *out, const uint8_t secret[static BK_ED25519_SECRET_BYTES],
	struct bk_bytes server_cert, uint64_t after);
void bk_audit_export_entry(struct bk_audit_export *x, const struct bk_audit_row *row);
/* Signs and wipes. store_hash: of the store's newest entry. BK_E_IO when something was not written. */
int bk_audit_export_end(struct bk_audit_export *x, bk_hash store_hash, bk_ms now);

enum bk_audit_fault {
	BK_AUDIT_WHOLE,
	BK_AUDIT_HEADER,  /* not such a file, or its first lines are altered */
	BK_AUDIT_ENTRY,   /* entry `number` is altered, missing or out of its place */
	BK_AUDIT_CUT,     /* ends after entry `number`, without a signature */
	BK_AUDIT_HEAD,    /* the last line is altered, or signed by another */
	BK_AUDIT_AFTER,   /* something follows the last line */
	BK_AUDIT_FOREIGN, /* whole, but its server is not of the given root */
};
struct bk_audit_check {
	enum bk_audit_fault fault;
	uint64_t number; /* see fault; else of the last entry */
	uint64_t count, line;
	bk_ms first_ms, last_ms, signed_ms;
	char signer[2 * BK_KEY_BYTES + 1]; /* receipt key */
};
/* root: NULL: the server's certificate in the file is taken as it is. 0 and the findings; BK_E_IO. */
int bk_audit_export_check(FILE *in, const uint8_t *root, struct bk_audit_check *ret_check);

#endif
