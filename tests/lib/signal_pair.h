/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Two devices that know each other by a roster of two, and a stranger who trusts anybody: fixture of the tests
 * of sessions. Every helper is one kv transaction, committed.
 *
 * Threads: one; sodium_init is called. Memory: *state of cmocka is a struct bk_pair until bk_pair_done.
 */
#ifndef BK_SIGNAL_PAIR_H
#define BK_SIGNAL_PAIR_H

#include "capsule.h"
#include "signal_session.h"

#define BK_PAIR_DAY 86400000ull
#define BK_PAIR_PREKEYS 10u

struct bk_pair_device {
	bk_id id;
	struct bk_kv *kv;
	struct bk_signal *s;
	uint8_t identity[BK_KEY_BYTES];
	uint32_t registration;
	Baken__PrekeysPut *put; /* what its server has */
};
struct bk_pair {
	struct bk_pair_device a, b, stranger;
	bool distrust_all; /* the roster lost everybody */
};
struct bk_letter {
	uint8_t type;
	uint8_t data[BK_SIGNAL_CIPHERTEXT_MAX];
	size_t len;
};

int bk_pair_setup(void **state);
int bk_pair_teardown(void **state);
/* Closes a device's sessions and opens them again from its store, as after a crash. */
void bk_pair_reopen(struct bk_pair *p, struct bk_pair_device *d);

/* The n-th one-time prekey of `to`; past the last: none (last resort). */
int bk_pair_start(struct bk_pair_device *from, const struct bk_pair_device *to, size_t prekey);
/* text stands at the begin of a plaintext as long as a capsule's. */
int bk_pair_encrypt(struct bk_pair_device *from, const struct bk_pair_device *to, const char *text,
	struct bk_letter *ret_letter);
/* On success the text is compared. */
int bk_pair_decrypt(struct bk_pair_device *to, const struct bk_pair_device *from, const struct bk_letter *l,
	const char *text);
/* One letter there and one back, each read. */
void bk_pair_exchange(struct bk_pair_device *one, struct bk_pair_device *other);

/* Everything in a store, as one hash; rows under a prefix; bytes of the session record with a device. */
bk_hash bk_pair_all_of(struct bk_kv *kv);
size_t bk_pair_rows(struct bk_kv *kv, const char *prefix);
size_t bk_pair_record_bytes(struct bk_pair_device *d, const struct bk_pair_device *with);

#endif
