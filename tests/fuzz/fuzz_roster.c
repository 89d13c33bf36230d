/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rosters: any Signed, and any payload under a registrar's true signature, alone or after a known version. */
#include "fuzz.h"

#include "roles.h"
#include "sample.h"

static uint8_t root[BK_KEY_BYTES], root_secret[BK_ED25519_SECRET_BYTES], security[BK_KEY_BYTES],
	security_secret[BK_ED25519_SECRET_BYTES];
static struct bk_roster *known;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct bk_sample_blob b;
	Baken__Signed *s;
	int err;

	(void)argc;
	(void)argv;
	if (sodium_init() < 0)
		return 1;
	bk_sample_ed25519(BK_SAMPLE_ROOT, root, root_secret);
	bk_sample_ed25519(BK_SAMPLE_SECURITY, security, security_secret);
	b = bk_sample_roster_signed();
	s = bk_sample_unpack(b);
	err = bk_roster_verify(s, root, NULL, BK_SAMPLE_NOW, &known);
	baken__signed__free_unpacked(s, NULL);
	free(b.data);
	return err;
}

/* What must be true of every list that was accepted. */
static void check(const Baken__Signed *s, const struct bk_roster *r)
{
	struct bk_roster *again = NULL;

	BK_ASSERT(bk_hash_equal(r->hash, bk_hash_of(s->payload.data, s->payload.len)));
	BK_ASSERT(r->n_entries <= BK_ROSTER_ENTRIES_MAX && r->n_household <= BK_HOUSEHOLD_MAX);
	for (size_t i = 0; i < r->n_entries; i++) {
		const struct bk_roster_entry *e = &r->entries[i];

		BK_ASSERT(bk_id_equal(e->cert.circle, r->circle) && bk_roles_may_join(e->cert.role, r->kind));
		BK_ASSERT(bk_roster_find(r, e->cert.device) == e); /* no device twice */
		bk_roster_must_reach(r, e, &e->cert.device, 1, BK_SAMPLE_NOW);
	}
	BK_ASSERT(bk_roster_verify(s, root, r, BK_SAMPLE_NOW, &again) == 0); /* the same is no news and no contradiction */
	bk_roster_free(again);
}

/* First byte: bit 0 a payload to be signed, else a Signed; bit 1 with a known version. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const unsigned mode = bk_fuzz_mode(&data, &size);
	struct bk_sample_blob b = {NULL, 0};
	struct bk_roster *r = NULL;
	Baken__Signed *s;
	int err;

	if (mode & 1) {
		if (bk_signed_make(BK_CTX_ROSTER, data, size, security_secret, &b.data, &b.len))
			return 0;
		s = bk_sample_unpack(b);
		free(b.data);
	} else {
		s = baken__signed__unpack(NULL, size, data);
	}
	if (!s)
		return 0;
	err = bk_roster_verify(s, root, mode & 2 ? known : NULL, BK_SAMPLE_NOW, &r);
	BK_FUZZ_OURS(err);
	if (!err) {
		check(s, r);
		BK_ASSERT(!(mode & 2) || (r->version >= known->version && bk_id_equal(r->circle, known->circle)));
		bk_roster_free(r);
	}
	baken__signed__free_unpacked(s, NULL);
	return 0;
}
