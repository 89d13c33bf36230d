/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Files: into the core (attach.c: encrypted chunk by chunk into a blob), up to the server (upload.c: tus 1.0,
 * resumed from the last confirmed byte), down from it and out again (download.c, save.c). A message with files
 * becomes sendable when every file is complete at the server; a blob is removed only when a reader's device has
 * verified every byte (R2). The shown name never becomes a path (R10).
 */
#ifndef BK_FILES_H
#define BK_FILES_H

#include <sodium.h>
#include "api.h"
#include "pack.h"

#define BK_FILE_PIECE (1024u * 1024u)
#define BK_FILE_UNUSED_MS (30ull * 86400000ull)

struct bk_attach { /* one file on its way in */
	bool open;
	bk_id id;
	json_t *meta;
	crypto_secretstream_xchacha20poly1305_state stream;
	crypto_hash_sha256_state plain_hash, cipher_hash;
	uint8_t key[crypto_secretstream_xchacha20poly1305_KEYBYTES];
	uint8_t *chunk;
	size_t fill;
	uint64_t size, cipher_size;
};
struct bk_unseal { /* one file on its way out */
	bool open;
	bk_id blob;
	crypto_secretstream_xchacha20poly1305_state stream;
	crypto_hash_sha256_state plain_hash;
	bk_hash want;
	uint64_t size, given, offset;
	bool final;
	uint8_t *chunk; /* decrypted, not yet given */
	size_t fill, taken;
};
struct bk_transfers {
	struct bk_attach attach;
	struct bk_unseal save;
	uint64_t last_request;
	uint64_t up_request;   /* in flight */
	bk_id up;              /* attachment */
	bool up_created;
	bk_ms up_retry_ms;
	unsigned up_failures;
	uint64_t down_request;
	bk_id down;            /* message */
	unsigned down_index;
	uint64_t down_got;     /* bytes of this piece */
	bk_ms down_retry_ms;
	unsigned down_failures;
	bool idle_up, idle_down; /* nothing to do until woken */
};

struct bk_core;
/* attach.c */
int bk_attach_begin(struct bk_core *core, const char *meta, size_t len);
int bk_attach_data(struct bk_core *core, const void *data, size_t len);
int bk_attach_end(struct bk_core *core, bk_id *ret_attachment);
void bk_attach_abandon(struct bk_core *core);
/*
 * Fills a wire attachment from a finished file; strings are borrowed from row, bytes from bytes
 * [BK_ATTACH_BYTES], both of which the caller keeps. Row ("attach/"): name, type, size, padded, hash (of the
 * ciphertext: its name at the server), key, plain_hash, manifest {payload, signature}, created_ms, messages,
 * verified, location, sent, complete.
 */
#define BK_ATTACH_MANIFEST_MAX 2048u
#define BK_ATTACH_BYTES (4u * 32u + BK_SIG_BYTES + BK_ATTACH_MANIFEST_MAX)
int bk_attach_describe(struct bk_core *core, bk_id id, json_t *row, Baken__Attachment *a, Baken__Signed *m,
	uint8_t *bytes);
json_t *bk_attach_get(struct bk_core *core, bk_id id);
int bk_attach_save(struct bk_core *core, bk_id id, const json_t *row);
int bk_attach_sweep(struct bk_core *core); /* blobs that nothing names */
int bk_attach_cmd_forget(struct bk_core *core, struct bk_command *c);

/* save.c: the decrypting reader */
int bk_unseal_open(struct bk_core *core, struct bk_unseal *u, bk_id blob, const json_t *file);
int bk_unseal_next(struct bk_core *core, struct bk_unseal *u, uint8_t *out, size_t max, size_t *ret_len);
void bk_unseal_close(struct bk_unseal *u);
int bk_unseal_verify(struct bk_core *core, bk_id blob, const json_t *file);

/* upload.c */
void bk_upload_pump(struct bk_core *core);
int bk_upload_done(struct bk_core *core, const struct bk_core_http_result *r);
bool bk_upload_complete(struct bk_core *core, bk_id attachment);
void bk_upload_recheck(struct bk_core *core, bk_id attachment);
void bk_upload_verified(struct bk_core *core, bk_id message, bk_hash plain);

/* download.c */
void bk_download_pump(struct bk_core *core);
int bk_download_done(struct bk_core *core, const struct bk_core_http_result *r);
void bk_download_want(struct bk_core *core, bk_id message, unsigned index);
int bk_download_cmd(struct bk_core *core, struct bk_command *c);
void bk_transfers_offline(struct bk_core *core);
bk_ms bk_transfers_next(const struct bk_core *core);

#endif
