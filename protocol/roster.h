/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rosters: the complete, signed, versioned list of a circle's devices. A certificate stops a ghost device;
 * a complete list stops a hidden revocation. A verified roster is the only source of trust in an identity
 * key (M2) and the only source of whom a message must reach.
 *
 * Threads: pure. Memory: a struct bk_roster is one malloc'd block without inner owners; bk_roster_free.
 */
#ifndef BK_ROSTER_H
#define BK_ROSTER_H

#include "certificate.h"

#define BK_CTX_ROSTER "baken-roster-v1"

struct bk_roster_entry {
	struct bk_device_cert cert;
	Baken__DeviceStatus status;
	bk_ms changed_ms;
};

struct bk_roster {
	bk_id circle;
	Baken__CircleKind kind;
	uint64_t version;
	bk_hash previous, hash; /* hash = SHA-256 of this version's payload */
	bk_ms issued_ms, expires_ms, hard_expires_ms;
	bk_id desk, care; /* kind PERSON; zero when not assigned */
	bk_id household[BK_HOUSEHOLD_MAX];
	size_t n_household;
	bk_id fallback; /* kind DESK: another desk; zero when there is none */
	size_t n_entries;
	struct bk_roster_entry entries[];
};

/*
 * Verifies signature, registrar chain, every entry's certificate and role, circle ids, no duplicate device,
 * and, when `known` is given: same circle and kind, not older (BK_E_OLD), same version = same hash
 * (BK_E_CHAIN), next version = previous hash matches, no entry vanished, no revocation undone (BK_E_CHAIN).
 * Expiry is not refused here (an alarm may use an expired roster): ask bk_roster_age.
 * Entries whose certificate has expired stay in the list and count as not usable.
 */
int bk_roster_verify(const Baken__Signed *s, const uint8_t root_key[static BK_KEY_BYTES],
	const struct bk_roster *known, bk_ms now, struct bk_roster **ret_roster);
void bk_roster_free(struct bk_roster *r);

enum bk_roster_age { BK_ROSTER_FRESH, BK_ROSTER_SOFT, BK_ROSTER_HARD };
enum bk_roster_age bk_roster_age(const struct bk_roster *r, bk_ms now);

/* Borrowed entry or NULL. */
const struct bk_roster_entry *bk_roster_find(const struct bk_roster *r, bk_id device);
/* Active or vault, and certificate valid now. */
bool bk_roster_usable(const struct bk_roster_entry *e, bk_ms now);
/*
 * Must a message to this circle reach this entry? Person and care circles: every usable device. Desk: every
 * usable vault device, and usable others that are in on_duty.
 */
bool bk_roster_must_reach(const struct bk_roster *r, const struct bk_roster_entry *e, const bk_id *on_duty,
	size_t n_on_duty, bk_ms now);

/*
 * Building (registrar): a new version from `previous` (NULL for the first). The caller fills a plan; entries
 * carry serialised `Signed` certificates, verbatim. Returns the serialised `Signed` roster, malloc'd.
 */
struct bk_roster_plan_entry {
	const uint8_t *cert; /* serialised Signed */
	size_t cert_len;
	Baken__DeviceStatus status;
	bk_ms changed_ms;
};
struct bk_roster_plan {
	bk_id circle;
	Baken__CircleKind kind;
	uint64_t version;
	bk_hash previous;
	bk_ms issued_ms, expires_ms, hard_expires_ms;
	bk_id desk, care;
	const bk_id *household;
	size_t n_household;
	bk_id fallback;
	const struct bk_roster_plan_entry *entries;
	size_t n_entries;
	const uint8_t *const *registrars; /* serialised Signed RegistrarCerts */
	const size_t *registrar_lens;
	size_t n_registrars;
};
int bk_roster_sign(const struct bk_roster_plan *plan,
	const uint8_t registrar_secret[static BK_ED25519_SECRET_BYTES], uint8_t **ret_buf, size_t *ret_len);

#endif
