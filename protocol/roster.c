/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "roster.h"

#include <sodium.h>
#include <stdlib.h>

#include "err.h"
#include "pb.h"
#include "roles.h"

struct signers {
	struct bk_registrar_cert cert[BK_REGISTRARS_MAX];
	size_t n;
};

static int valid_at(const struct bk_registrar_cert *c, bk_ms when)
{
	if (when + BK_CLOCK_SKEW_MS < c->not_before_ms)
		return BK_E_NOT_YET;
	return when > c->not_after_ms ? BK_E_EXPIRED : 0;
}

/* A key may have been certified again and again: the certificate that was valid at that time goes first. */
static const struct bk_registrar_cert *signer_of(const struct signers *s, const Baken__Signed *artefact, bk_ms when)
{
	const struct bk_registrar_cert *found = NULL;

	if (!artefact || artefact->signer.len != BK_KEY_BYTES)
		return NULL;
	for (size_t i = 0; i < s->n; i++)
		if (sodium_memcmp(s->cert[i].key, artefact->signer.data, BK_KEY_BYTES) == 0 &&
			(!found || valid_at(&s->cert[i], when) == 0))
			found = &s->cert[i];
	return found;
}

/* The first moment an artefact claims for itself; verifying at that moment checks everything but the clock. */
static bk_ms registrar_begin(const Baken__Signed *s)
{
	Baken__RegistrarCert *m = s ? baken__registrar_cert__unpack(NULL, s->payload.len, s->payload.data) : NULL;
	bk_ms begin = m ? m->not_before_ms : 0;

	if (m)
		baken__registrar_cert__free_unpacked(m, NULL);
	return begin;
}

static bk_ms device_begin(const Baken__Signed *s)
{
	Baken__DeviceCert *m = s ? baken__device_cert__unpack(NULL, s->payload.len, s->payload.data) : NULL;
	bk_ms begin = m ? m->not_before_ms : 0;

	if (m)
		baken__device_cert__free_unpacked(m, NULL);
	return begin;
}

/*
 * A registrar whose certificate has run out still stands behind the entries it signed in its time, for the list
 * is complete for ever: dates of registrars are judged where they sign, not here.
 */
static int take_signers(const Baken__Roster *m, const uint8_t root_key[static BK_KEY_BYTES], struct signers *s)
{
	if (!m->n_registrars || m->n_registrars > BK_REGISTRARS_MAX)
		return BK_E_INVAL;
	for (size_t i = 0; i < m->n_registrars; i++) {
		int err = bk_registrar_cert_verify(m->registrars[i], root_key, registrar_begin(m->registrars[i]),
			&s->cert[s->n]);

		if (err)
			return err;
		s->n++;
	}
	return 0;
}

static bool may_sign_circle(const struct bk_registrar_cert *c, Baken__CircleKind kind)
{
	for (unsigned r = 1; r <= BAKEN__ROLE__ROLE_VAULT; r++)
		if ((c->roles & 1u << r) && bk_roles_may_join((Baken__Role)r, kind))
			return true;
	return false;
}

static int take_entry(const Baken__RosterEntry *e, const struct signers *s, struct bk_roster *r)
{
	struct bk_roster_entry *out = &r->entries[r->n_entries];
	const bk_ms begin = device_begin(e->certificate);
	const struct bk_registrar_cert *signer = signer_of(s, e->certificate, begin);
	int err;

	if (!signer)
		return BK_E_CHAIN;
	if (e->status != BAKEN__DEVICE_STATUS__DEVICE_ACTIVE && e->status != BAKEN__DEVICE_STATUS__DEVICE_VAULT &&
		e->status != BAKEN__DEVICE_STATUS__DEVICE_REVOKED)
		return BK_E_INVAL;
	/* Expired or not valid yet: stays in the complete list, and is not usable by its dates. */
	err = bk_device_cert_verify(e->certificate, signer, begin, &out->cert);
	if (!err)
		err = valid_at(signer, begin);
	if (err)
		return err;
	if (!bk_id_equal(out->cert.circle, r->circle) || !bk_roles_may_join(out->cert.role, r->kind))
		return BK_E_ROLE;
	if (bk_roster_find(r, out->cert.device))
		return BK_E_CHAIN;
	if (e->status == BAKEN__DEVICE_STATUS__DEVICE_VAULT && out->cert.role != BAKEN__ROLE__ROLE_VAULT)
		return BK_E_ROLE;
	out->status = e->status;
	out->changed_ms = e->changed_ms;
	r->n_entries++;
	return 0;
}

static int take_id_or_none(ProtobufCBinaryData b, bk_id *ret_id)
{
	return b.len == 0 ? 0 : bk_id_from(b.data, b.len, ret_id);
}

static int take_header(const Baken__Roster *m, struct bk_roster *r)
{
	r->kind = m->kind;
	r->version = m->version;
	r->issued_ms = m->issued_ms;
	r->expires_ms = m->expires_ms;
	r->hard_expires_ms = m->hard_expires_ms;
	if (bk_id_from(m->circle_id.data, m->circle_id.len, &r->circle) ||
		bk_hash_from(m->previous_hash.data, m->previous_hash.len, &r->previous) ||
		m->kind <= BAKEN__CIRCLE_KIND__CIRCLE_NONE || m->kind > BAKEN__CIRCLE_KIND__CIRCLE_PERSON || !m->version ||
		m->hard_expires_ms < m->expires_ms || m->expires_ms <= m->issued_ms ||
		m->n_household > BK_HOUSEHOLD_MAX || m->n_entries > BK_ROSTER_ENTRIES_MAX)
		return BK_E_INVAL;
	if (take_id_or_none(m->desk_id, &r->desk) || take_id_or_none(m->care_id, &r->care))
		return BK_E_INVAL;
	if (m->kind != BAKEN__CIRCLE_KIND__CIRCLE_PERSON &&
		(m->desk_id.len || m->care_id.len || m->n_household))
		return BK_E_INVAL;
	if (take_id_or_none(m->fallback_id, &r->fallback) || bk_id_equal(r->fallback, r->circle) ||
		(m->kind != BAKEN__CIRCLE_KIND__CIRCLE_DESK && m->fallback_id.len))
		return BK_E_INVAL;
	if (m->version == 1 && !sodium_is_zero(r->previous.b, BK_HASH_BYTES))
		return BK_E_CHAIN;
	for (size_t i = 0; i < m->n_household; i++)
		if (bk_id_from(m->household[i].data, m->household[i].len, &r->household[i]))
			return BK_E_INVAL;
	r->n_household = m->n_household;
	return 0;
}

/* What a later version may not do: shrink, bring a device back, change a device's certified key or role. */
static int check_against(const struct bk_roster *r, const struct bk_roster *known)
{
	if (!bk_id_equal(r->circle, known->circle) || r->kind != known->kind)
		return BK_E_CHAIN;
	if (r->version < known->version)
		return BK_E_OLD;
	if (r->version == known->version)
		return bk_hash_equal(r->hash, known->hash) ? 0 : BK_E_CHAIN;
	/* A registrar is judged at the time it writes itself: that may not go back to when its key still served. */
	if (r->issued_ms < known->issued_ms)
		return BK_E_CHAIN;
	if (r->version == known->version + 1 && !bk_hash_equal(r->previous, known->hash))
		return BK_E_CHAIN;
	for (size_t i = 0; i < known->n_entries; i++) {
		const struct bk_roster_entry *old = &known->entries[i];
		const struct bk_roster_entry *new = bk_roster_find(r, old->cert.device);

		if (!new || (old->status == BAKEN__DEVICE_STATUS__DEVICE_REVOKED && new->status != old->status) ||
			memcmp(new->cert.identity, old->cert.identity, BK_KEY_BYTES) != 0 ||
			new->cert.role != old->cert.role)
			return BK_E_CHAIN;
	}
	return 0;
}

static int take_roster(const Baken__Signed *s, const Baken__Roster *m, const uint8_t root_key[static BK_KEY_BYTES],
	bk_ms now, struct bk_roster *r)
{
	const struct bk_registrar_cert *signer;
	struct signers signers = {.n = 0};
	int err = take_header(m, r);

	if (!err)
		err = take_signers(m, root_key, &signers);
	if (err)
		return err;
	signer = signer_of(&signers, s, r->issued_ms);
	if (!signer)
		return BK_E_CHAIN;
	if (!may_sign_circle(signer, r->kind))
		return BK_E_ROLE;
	err = valid_at(signer, r->issued_ms);
	if (err)
		return err;
	if (r->issued_ms > now + BK_CLOCK_SKEW_MS)
		return BK_E_NOT_YET;
	err = bk_signed_verify(BK_CTX_ROSTER, s, signer->key);
	for (size_t i = 0; !err && i < m->n_entries; i++)
		err = take_entry(m->entries[i], &signers, r);
	r->hash = bk_hash_of(s->payload.data, s->payload.len);
	return err;
}

int bk_roster_verify(const Baken__Signed *s, const uint8_t root_key[static BK_KEY_BYTES],
	const struct bk_roster *known, bk_ms now, struct bk_roster **ret_roster)
{
	struct bk_roster *r = NULL;
	Baken__Roster *m = NULL;
	int err;

	if (!s)
		return BK_E_INVAL;
	if (s->payload.len > BK_ROSTER_BYTES_MAX)
		return BK_E_TOO_BIG;
	m = baken__roster__unpack(NULL, s->payload.len, s->payload.data);
	if (!m)
		return BK_E_INVAL;
	if (m->n_entries > BK_ROSTER_ENTRIES_MAX) {
		err = BK_E_TOO_BIG;
		goto out;
	}
	r = calloc(1, sizeof *r + m->n_entries * sizeof r->entries[0]);
	err = r ? take_roster(s, m, root_key, now, r) : BK_E_NOMEM;
	if (!err && known)
		err = check_against(r, known);
out:
	baken__roster__free_unpacked(m, NULL);
	if (err)
		free(r);
	else
		*ret_roster = r;
	return err;
}

void bk_roster_free(struct bk_roster *r)
{
	free(r);
}

enum bk_roster_age bk_roster_age(const struct bk_roster *r, bk_ms now)
{
	if (now > r->hard_expires_ms)
		return BK_ROSTER_HARD;
	return now > r->expires_ms ? BK_ROSTER_SOFT : BK_ROSTER_FRESH;
}

const struct bk_roster_entry *bk_roster_find(const struct bk_roster *r, bk_id device)
{
	for (size_t i = 0; i < r->n_entries; i++)
		if (bk_id_equal(r->entries[i].cert.device, device))
			return &r->entries[i];
	return NULL;
}

bool bk_roster_usable(const struct bk_roster_entry *e, bk_ms now)
{
	return (e->status == BAKEN__DEVICE_STATUS__DEVICE_ACTIVE || e->status == BAKEN__DEVICE_STATUS__DEVICE_VAULT) &&
	       now + BK_CLOCK_SKEW_MS >= e->cert.not_before_ms && now <= e->cert.not_after_ms;
}

bool bk_roster_must_reach(const struct bk_roster *r, const struct bk_roster_entry *e, const bk_id *on_duty,
	size_t n_on_duty, bk_ms now)
{
	if (!bk_roster_usable(e, now))
		return false;
	if (r->kind != BAKEN__CIRCLE_KIND__CIRCLE_DESK || e->status == BAKEN__DEVICE_STATUS__DEVICE_VAULT)
		return true;
	for (size_t i = 0; i < n_on_duty; i++)
		if (bk_id_equal(on_duty[i], e->cert.device))
			return true;
	return false;
}

/* ---- building ---- */

static Baken__Signed *unpack_signed(const uint8_t *data, size_t len)
{
	return baken__signed__unpack(NULL, len, data);
}

static void free_lists(Baken__Roster *m)
{
	for (size_t i = 0; m->entries && i < m->n_entries; i++)
		if (m->entries[i]) {
			if (m->entries[i]->certificate)
				baken__signed__free_unpacked(m->entries[i]->certificate, NULL);
			free(m->entries[i]);
		}
	for (size_t i = 0; m->registrars && i < m->n_registrars; i++)
		if (m->registrars[i])
			baken__signed__free_unpacked(m->registrars[i], NULL);
	free(m->entries);
	free(m->registrars);
	free(m->household);
}

static int fill_lists(const struct bk_roster_plan *p, Baken__Roster *m)
{
	m->entries = calloc(p->n_entries + 1, sizeof *m->entries);
	m->registrars = calloc(p->n_registrars + 1, sizeof *m->registrars);
	m->household = calloc(p->n_household + 1, sizeof *m->household);
	if (!m->entries || !m->registrars || !m->household)
		return BK_E_NOMEM;
	m->n_entries = p->n_entries;
	m->n_registrars = p->n_registrars;
	m->n_household = p->n_household;
	for (size_t i = 0; i < p->n_entries; i++) {
		Baken__RosterEntry *e = m->entries[i] = malloc(sizeof *e);

		if (!e)
			return BK_E_NOMEM;
		baken__roster_entry__init(e);
		e->certificate = unpack_signed(p->entries[i].cert, p->entries[i].cert_len);
		e->status = p->entries[i].status;
		e->changed_ms = p->entries[i].changed_ms;
		if (!e->certificate)
			return BK_E_INVAL;
	}
	for (size_t i = 0; i < p->n_registrars; i++)
		if (!(m->registrars[i] = unpack_signed(p->registrars[i], p->registrar_lens[i])))
			return BK_E_INVAL;
	for (size_t i = 0; i < p->n_household; i++)
		m->household[i] = bk_bytes(p->household[i].b, BK_ID_BYTES);
	return 0;
}

int bk_roster_sign(const struct bk_roster_plan *plan,
	const uint8_t registrar_secret[static BK_ED25519_SECRET_BYTES], uint8_t **ret_buf, size_t *ret_len)
{
	Baken__Roster m = BAKEN__ROSTER__INIT;
	uint8_t *payload = NULL;
	size_t len;
	int err;

	if (plan->n_entries > BK_ROSTER_ENTRIES_MAX || plan->n_household > BK_HOUSEHOLD_MAX ||
		plan->n_registrars > BK_REGISTRARS_MAX)
		return BK_E_TOO_BIG;
	m.circle_id = bk_bytes(plan->circle.b, BK_ID_BYTES);
	m.kind = plan->kind;
	m.version = plan->version;
	m.previous_hash = bk_bytes(plan->previous.b, BK_HASH_BYTES);
	m.issued_ms = plan->issued_ms;
	m.expires_ms = plan->expires_ms;
	m.hard_expires_ms = plan->hard_expires_ms;
	if (!bk_id_is_zero(plan->desk))
		m.desk_id = bk_bytes(plan->desk.b, BK_ID_BYTES);
	if (!bk_id_is_zero(plan->care))
		m.care_id = bk_bytes(plan->care.b, BK_ID_BYTES);
	if (!bk_id_is_zero(plan->fallback))
		m.fallback_id = bk_bytes(plan->fallback.b, BK_ID_BYTES);
	err = fill_lists(plan, &m);
	if (err)
		goto out;
	len = baken__roster__get_packed_size(&m);
	payload = len <= BK_ROSTER_BYTES_MAX ? malloc(len) : NULL;
	if (!payload) {
		err = len > BK_ROSTER_BYTES_MAX ? BK_E_TOO_BIG : BK_E_NOMEM;
		goto out;
	}
	baken__roster__pack(&m, payload);
	err = bk_signed_make(BK_CTX_ROSTER, payload, len, registrar_secret, ret_buf, ret_len);
out:
	free(payload);
	free_lists(&m);
	return err;
}
