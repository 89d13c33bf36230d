/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The next version of a roster. */
#include <sodium.h>
#include <stdlib.h>

#include "ctl_roster.h"

#define DAY_MS 86400000ull
#define EXTEND_BEFORE_MS (120 * DAY_MS)
#define EXTEND_MS (730 * DAY_MS)

struct build {
	const struct bk_ctl_registrar *reg;
	const struct bk_ctl_roster *now;
	const struct bk_ctl_change *change;
	struct bk_roster_plan plan;
	struct bk_roster_plan_entry *entries;
	uint8_t **owned; /* of the entries */
	const uint8_t *registrars[BK_REGISTRARS_MAX];
	size_t registrar_lens[BK_REGISTRARS_MAX];
	uint8_t *owned_registrars[BK_REGISTRARS_MAX];
	uint8_t keys[BK_REGISTRARS_MAX][BK_KEY_BYTES];
	bk_id household[BK_HOUSEHOLD_MAX];
};

static uint8_t *pack(const Baken__Signed *s, size_t *ret_len)
{
	size_t len = baken__signed__get_packed_size(s);
	uint8_t *buf = malloc(len ? len : 1);

	if (buf)
		*ret_len = baken__signed__pack(s, buf);
	return buf;
}

static void build_done(struct build *b)
{
	for (size_t i = 0; b->owned && i < b->plan.n_entries; i++)
		free(b->owned[i]);
	for (size_t i = 0; i < BK_REGISTRARS_MAX; i++)
		free(b->owned_registrars[i]);
	free(b->owned);
	free(b->entries);
}

/* ---- header ---- */

static Baken__CircleKind kind_of(const char *name)
{
	for (int k = BAKEN__CIRCLE_KIND__CIRCLE_DESK; k <= BAKEN__CIRCLE_KIND__CIRCLE_PERSON; k++)
		if (strcmp(bk_kind_name((Baken__CircleKind)k), name) == 0)
			return (Baken__CircleKind)k;
	return BAKEN__CIRCLE_KIND__CIRCLE_NONE;
}

static int relate(struct build *b, const json_t *row)
{
	const json_t *household = json_object_get(row, "household");
	size_t n = json_array_size(household);

	if (n > BK_HOUSEHOLD_MAX)
		return BK_E_TOO_BIG;
	if ((*bk_ctl_str(row, "desk") && bk_ctl_id(row, "desk", &b->plan.desk)) ||
		(*bk_ctl_str(row, "care") && bk_ctl_id(row, "care", &b->plan.care)))
		return BK_E_INVAL;
	for (size_t i = 0; i < n; i++)
		if (bk_id_parse(json_string_value(json_array_get(household, i)), &b->household[i]))
			return BK_E_INVAL;
	b->plan.n_household = n;
	return 0;
}

static int header(struct build *b, bk_id circle)
{
	const struct bk_roster *r = b->now ? b->now->r : NULL;
	const json_t *row = bk_ctl_book_circle(b->reg, circle);
	uint64_t days = b->change->days ? b->change->days : BK_CTL_ROSTER_DAYS;

	b->plan.circle = circle;
	b->plan.kind = r ? r->kind : kind_of(bk_ctl_str(row, "kind"));
	b->plan.version = r ? r->version + 1 : 1;
	b->plan.issued_ms = bk_ctl_now();
	if (r && b->plan.issued_ms < r->issued_ms) /* this clock is behind the one that signed the last */
		b->plan.issued_ms = r->issued_ms;
	b->plan.expires_ms = b->plan.issued_ms + days * DAY_MS / 2;
	b->plan.hard_expires_ms = b->plan.issued_ms + days * DAY_MS;
	b->plan.household = b->household;
	if (b->plan.kind == BAKEN__CIRCLE_KIND__CIRCLE_NONE)
		return BK_E_NOT_FOUND;
	if (!bk_ctl_registrar_may_lead(b->reg, b->plan.kind))
		return BK_E_ROLE;
	b->plan.fallback = r ? r->fallback : (bk_id){{0}};
	if (b->change->fallback && b->plan.kind != BAKEN__CIRCLE_KIND__CIRCLE_DESK)
		return BK_E_INVAL;
	if (b->change->fallback)
		b->plan.fallback = *b->change->fallback;
	if (b->change->relations || !r)
		return b->plan.kind == BAKEN__CIRCLE_KIND__CIRCLE_PERSON
			       ? relate(b, b->change->relations ? b->change->relations : row)
			       : 0;
	b->plan.desk = r->desk;
	b->plan.care = r->care;
	memcpy(b->household, r->household, r->n_household * sizeof *r->household);
	b->plan.n_household = r->n_household;
	return 0;
}

/* ---- registrars ---- */

static void name_self(struct build *b)
{
	memcpy(b->keys[0], b->reg->cert.key, BK_KEY_BYTES);
	b->registrars[0] = b->reg->signed_cert;
	b->registrar_lens[0] = b->reg->signed_len;
	b->plan.n_registrars = 1;
}

/* Is this signer named, or can it be: a certificate in the present version that is still in date? */
static int name_signer(struct build *b, const uint8_t key[static BK_KEY_BYTES], bool *ret_named)
{
	size_t n = b->plan.n_registrars;

	*ret_named = false;
	for (size_t i = 0; i < n && !*ret_named; i++)
		*ret_named = sodium_memcmp(b->keys[i], key, BK_KEY_BYTES) == 0;
	for (size_t i = 0; !*ret_named && i < b->now->m->n_registrars; i++) {
		const Baken__Signed *s = b->now->m->registrars[i];
		struct bk_registrar_cert c;

		if (bk_registrar_cert_verify(s, b->reg->root, b->plan.issued_ms, &c) ||
			sodium_memcmp(c.key, key, BK_KEY_BYTES) != 0)
			continue;
		if (n == BK_REGISTRARS_MAX)
			return BK_E_TOO_BIG;
		b->owned_registrars[n] = pack(s, &b->registrar_lens[n]);
		if (!b->owned_registrars[n])
			return BK_E_NOMEM;
		b->registrars[n] = b->owned_registrars[n];
		memcpy(b->keys[n], key, BK_KEY_BYTES);
		b->plan.n_registrars++;
		*ret_named = true;
	}
	return 0;
}

/* ---- entries ---- */

/*
 * A list is complete for ever, but certificates are not: one that has run out, or whose registrar has, is signed
 * again by this registrar. What had run out keeps dates that run out with this very version.
 */
static int certificate(struct build *b, const struct bk_roster_entry *e, const Baken__Signed *old,
	uint8_t **ret_buf, size_t *ret_len)
{
	struct bk_device_cert c = e->cert;
	bk_ms issued = b->plan.issued_ms;
	bool named, expired = c.not_after_ms < issued;
	bool live = e->status != BAKEN__DEVICE_STATUS__DEVICE_REVOKED && !expired;
	bool extend = b->change->extend && live && c.not_after_ms < issued + EXTEND_BEFORE_MS &&
		      c.not_after_ms < b->reg->cert.not_after_ms;
	int err = name_signer(b, c.signer, &named);

	if (err)
		return err;
	if (named && !expired && !extend) {
		*ret_buf = pack(old, ret_len);
		return *ret_buf ? 0 : BK_E_NOMEM;
	}
	if (!bk_ctl_registrar_may(b->reg, c.role))
		return BK_E_ROLE;
	if (expired)
		c.not_after_ms = issued + 1;
	else if (extend)
		c.not_after_ms = b->reg->cert.not_after_ms < issued + EXTEND_MS ? b->reg->cert.not_after_ms
										: issued + EXTEND_MS;
	return bk_device_cert_sign(&c, b->reg->secret, ret_buf, ret_len);
}

static int old_entry(struct build *b, size_t i)
{
	const struct bk_roster_entry *e = &b->now->r->entries[i];
	struct bk_roster_plan_entry *out = &b->entries[i];
	size_t len = 0;
	int err = certificate(b, e, b->now->m->entries[i]->certificate, &b->owned[i], &len);

	if (err)
		return err;
	out->cert = b->owned[i];
	out->cert_len = len;
	out->status = e->status;
	out->changed_ms = e->changed_ms;
	b->plan.n_entries++;
	if (!bk_id_is_zero(b->change->revoke) && bk_id_equal(b->change->revoke, e->cert.device)) {
		out->status = BAKEN__DEVICE_STATUS__DEVICE_REVOKED;
		out->changed_ms = b->plan.issued_ms;
	}
	return 0;
}

static int entries(struct build *b)
{
	size_t n = b->now && b->now->r ? b->now->r->n_entries : 0;
	int err = 0;

	if (!bk_id_is_zero(b->change->revoke) && (!n || !bk_roster_find(b->now->r, b->change->revoke)))
		return BK_E_NOT_FOUND;
	b->entries = calloc(n + 1, sizeof *b->entries);
	b->owned = calloc(n + 1, sizeof *b->owned);
	if (!b->entries || !b->owned)
		return BK_E_NOMEM;
	for (size_t i = 0; !err && i < n; i++)
		err = old_entry(b, i);
	if (!err && b->change->add) {
		b->entries[n] = (struct bk_roster_plan_entry){.cert = b->change->add, .cert_len = b->change->add_len,
			.status = b->change->add_status, .changed_ms = b->plan.issued_ms};
		b->plan.n_entries++;
	}
	b->plan.entries = b->entries;
	return err;
}

int bk_ctl_roster_next(const struct bk_ctl_registrar *reg, const struct bk_ctl_roster *now, bk_id circle,
	const struct bk_ctl_change *change, struct bk_ctl_roster *ret_next)
{
	struct build *b = calloc(1, sizeof *b);
	uint8_t *buf = NULL;
	size_t len = 0;
	int err;

	if (!b)
		return BK_E_NOMEM;
	b->reg = reg;
	b->now = now && now->r ? now : NULL;
	b->change = change;
	err = header(b, circle);
	if (!err) {
		name_self(b);
		err = entries(b);
	}
	if (!err) {
		b->plan.registrars = b->registrars;
		b->plan.registrar_lens = b->registrar_lens;
		if (b->now)
			b->plan.previous = b->now->r->hash;
		err = bk_roster_sign(&b->plan, reg->secret, &buf, &len);
	}
	if (!err)
		err = bk_ctl_roster_read(buf, len, reg->root, b->now ? b->now->r : NULL, ret_next);
	build_done(b);
	free(b);
	return err;
}
