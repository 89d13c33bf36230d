/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Authority keys on disk: the root's and a registrar's sealed files, and the registrar's book beside it.
 *
 * The root's file holds its key, the version of the last server certificate and, when it made one, the private
 * CA. A registrar's file holds its key, its certificate and the root it belongs to. The book (FILE.book) holds
 * what only the registrar may know: secrets of open invitations, names, and the last roster of each circle,
 * by which a server that goes back to an older list is found out. The book is sealed with a key derived from
 * the registrar's, so that it costs no second passphrase.
 *
 * Invariant: the book is read and written under an exclusive lock on the registrar's file (M9), always whole.
 * Threads: main. Secrets: keys; closed structs are wiped.
 */
#ifndef BK_CTL_KEYS_H
#define BK_CTL_KEYS_H

#include "certificate.h"
#include "ctl.h"

struct bk_ctl_root {
	uint8_t key[BK_KEY_BYTES];
	uint8_t secret[BK_ED25519_SECRET_BYTES];
	char passphrase[BK_CTL_PASS_MAX];
	const char *path; /* borrowed */
	json_t *doc;
};
/* BK_E_NOT_FOUND, BK_E_PASSPHRASE, BK_E_CORRUPT; BK_E_INVAL when it is another kind of file. */
int bk_ctl_root_open(const struct bk_ctl *ctl, const char *path, struct bk_ctl_root *ret_root);
/* Writes doc back under the same passphrase. */
int bk_ctl_root_save(const struct bk_ctl_root *root);
void bk_ctl_root_close(struct bk_ctl_root *root);

struct bk_ctl_registrar {
	uint8_t secret[BK_ED25519_SECRET_BYTES];
	uint8_t root[BK_KEY_BYTES];
	struct bk_registrar_cert cert;
	uint8_t *signed_cert; /* serialised Signed */
	size_t signed_len;
	char *book_path;
	char book_pass[2 * BK_KEY_BYTES + 1];
	int lock; /* descriptor of the key file */
	json_t *book; /* NULL while not held */
};
/* Also verifies the registrar's certificate against its root, with the clock. */
int bk_ctl_registrar_open(const struct bk_ctl *ctl, const char *path, struct bk_ctl_registrar *ret_reg);
void bk_ctl_registrar_close(struct bk_ctl_registrar *reg);
bool bk_ctl_registrar_may(const struct bk_ctl_registrar *reg, Baken__Role role);
/* Holds a role that may be an entry of such a circle. */
bool bk_ctl_registrar_may_lead(const struct bk_ctl_registrar *reg, Baken__CircleKind kind);

/* Waits for the lock and reads the book; drop writes nothing. */
int bk_ctl_book_take(struct bk_ctl_registrar *reg);
int bk_ctl_book_save(struct bk_ctl_registrar *reg);
void bk_ctl_book_drop(struct bk_ctl_registrar *reg);
/* Borrowed objects of the held book, by id text; NULL when absent. */
json_t *bk_ctl_book_circle(const struct bk_ctl_registrar *reg, bk_id circle);
json_t *bk_ctl_book_invite(const struct bk_ctl_registrar *reg, bk_id invite);
/* Puts (takes the reference). */
int bk_ctl_book_put(struct bk_ctl_registrar *reg, const char *table, bk_id id, json_t *row);

/* Identity keys as people compare them: 32 hexadecimal digits in groups of four. */
char *bk_ctl_fingerprint(const uint8_t key[static BK_KEY_BYTES], char out[static BK_CTL_FINGERPRINT]);

#endif
