/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Keyrings: the body keys of what a desk device or vault read or wrote, kept by case in rows of their own, given to a
 * colleague's device sealed to it alone, and what that device makes of them: it fetches each body by its hash, opens
 * and checks it like a delivered message, in any order, each once. A body that is missing or damaged is shown.
 *
 * Rows: "key/" message, "keycase/" case + message, "keyat/" time + message; "keydue/" ours, until stored; "want/"
 * given to us, body not yet here; "gave/" device + case: who was given what.
 * Secrets: the keys, in rows of the sealed store; wiped from memory after use.
 */
#ifndef BK_KEYRING_H
#define BK_KEYRING_H

#include "api.h"
#include "link.h"
#include "pack.h"

#define BK_KEYRING_KEEP_MS (365ull * 86400000ull) /* as long as the server keeps bodies for a desk */
#define BK_KEYRING_ROWS_MAX 200000u

struct bk_keyring_key {
	bk_id message, sender, case_id; /* case: or the message that began the conversation */
	uint8_t key[BK_KEY_BYTES];
	bk_hash body;
	bk_ms stored_ms;
	bool person; /* said by a person, not by the desk */
};
/* Kinds that make a case or a shift; not what only keeps ends working. */
bool bk_keyring_worth(enum bk_content_kind kind);
bool bk_keyring_has(struct bk_core *core, bk_id message);
void bk_keyring_keep(struct bk_core *core, const struct bk_keyring_key *k);
/* Our own: noted when posted, kept once the server has the body. */
void bk_keyring_posted(struct bk_core *core, const struct bk_post *p);
void bk_keyring_stored(struct bk_core *core, const struct bk_out *o, bk_ms stored_ms);
/* The keys of a case that were stored between two times (0: no end); malloc'd, wiped by bk_keyring_free. */
int bk_keyring_of(struct bk_core *core, bk_id case_id, bk_ms since, bk_ms until, struct bk_keyring_key **ret_keys,
	size_t *ret_n);
void bk_keyring_free(struct bk_keyring_key *keys, size_t n);
void bk_keyring_expire(struct bk_core *core);

struct bk_keyring_gift {
	Baken__Keyring__Reason reason;
	bk_id to, about;
	const bk_id *cases; /* case or conversation ids */
	size_t n_cases;
	bk_ms since_ms, until_ms; /* only what was stored between; 0: from the first, to the last */
	size_t messages;    /* out */
};
/* Posts the pages. BK_E_NOT_FOUND: no such device, or one that may not have them; nothing to give is no error. */
int bk_keyring_give(struct bk_core *core, struct bk_keyring_gift *g);
int bk_keyring_cmd_grant(struct bk_core *core, struct bk_command *c);

/* keyring_in.c */
void bk_keyring_on_keyring(struct bk_core *core, const struct bk_opened *o);
int bk_keyring_ask(struct bk_core *core, const bk_id *cases, size_t n, bk_ms since);
int bk_keyring_cmd_ask(struct bk_core *core, struct bk_command *c);
void bk_keyring_pump(struct bk_core *core);
void bk_keyring_on_body(struct bk_core *core, const Baken__BodyData *m, const struct bk_request *r);
void bk_keyring_on_error(struct bk_core *core, const struct bk_request *r, int err);
/* A roster came, or will not. */
void bk_keyring_retry(struct bk_core *core, int err, bk_id device);
size_t bk_keyring_waiting(struct bk_core *core);

#endif
