/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rosters in the registrar's hands: fetched from the server, verified up to the root, compared with the book,
 * and followed by the next version.
 *
 * Invariant: a registrar never signs on top of a list it has not verified: one older than the book knows
 * (BK_E_OLD) or another one of the same version (BK_E_CHAIN) is refused. A newer one, by a fellow registrar, is
 * accepted when it follows. Whoever calls holds the book; it is saved after the server has committed, so that a
 * lost answer leaves the book behind the server, never before it.
 *
 * Threads: main. Memory: a struct bk_ctl_roster owns what it points to; bk_ctl_roster_done.
 */
#ifndef BK_CTL_ROSTER_H
#define BK_CTL_ROSTER_H

#include "ctl_keys.h"
#include "ctl_link.h"
#include "roster.h"

#define BK_CTL_ROSTER_DAYS 14u /* hard expiry; the soft one is half of it */

struct bk_ctl_roster {
	uint8_t *buf; /* serialised Signed */
	size_t len;
	Baken__Signed *signed_roster;
	Baken__Roster *m;
	struct bk_roster *r; /* verified; NULL: the server has none yet */
};
void bk_ctl_roster_done(struct bk_ctl_roster *r);
/* Takes buf. known as in bk_roster_verify. */
int bk_ctl_roster_read(uint8_t *buf, size_t len, const uint8_t root[static BK_KEY_BYTES], const struct bk_roster *known,
	struct bk_ctl_roster *ret_roster);

/* The server's pinned root, as the server says. */
int bk_ctl_roster_root(struct bk_ctl_link *l, uint8_t ret_root[static BK_KEY_BYTES]);
/* Is it the registrar's? BK_E_CHAIN. */
int bk_ctl_roster_same_root(struct bk_ctl_link *l, const struct bk_ctl_registrar *reg);
/* Newest version at the server, without a book. BK_E_NOT_FOUND. */
int bk_ctl_roster_get(struct bk_ctl_link *l, bk_id circle, const uint8_t root[static BK_KEY_BYTES],
	struct bk_ctl_roster *ret_roster);
/*
 * The same against the held book, which then remembers it (not saved). A circle that only the book knows gives 0
 * with ret_roster->r NULL.
 */
int bk_ctl_roster_fetch(struct bk_ctl_link *l, struct bk_ctl_registrar *reg, bk_id circle,
	struct bk_ctl_roster *ret_roster);
/* Puts it in the held book (not saved). */
int bk_ctl_roster_remember(struct bk_ctl_registrar *reg, const struct bk_ctl_roster *r);

/* What is different in the next version. */
struct bk_ctl_change {
	const uint8_t *add; /* serialised Signed DeviceCert, or NULL */
	size_t add_len;
	Baken__DeviceStatus add_status;
	bk_id revoke;            /* zero: none */
	bool extend;             /* certificates of devices in use that end soon get new dates */
	const bk_id *fallback;   /* of a desk: as of this version, zero for none; NULL: as it was */
	const json_t *relations; /* {desk, care, household}: as of this version; NULL: as they were */
	uint64_t days;           /* 0: BK_CTL_ROSTER_DAYS */
};
/*
 * now may be NULL or hold no version: the first is made, of the book's circle. Verified against its predecessor
 * before it is returned.
 */
int bk_ctl_roster_next(const struct bk_ctl_registrar *reg, const struct bk_ctl_roster *now, bk_id circle,
	const struct bk_ctl_change *change, struct bk_ctl_roster *ret_next);

/* roster-put, then the book. ret_revoked may be NULL. */
int bk_ctl_roster_put(struct bk_ctl_link *l, struct bk_ctl_registrar *reg, const struct bk_ctl_roster *next,
	json_t **ret_revoked);

#endif
