/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "custodians.h"

#include <stdlib.h>
#include <string.h>

#include "err.h"

#define KEPT_MAX 256u /* different registrars */
#define LEAST 2u

struct kept {
	struct bk_registrar_cert cert;
	unsigned lists;
};
struct walk {
	struct bk_store_view *view;
	const uint8_t *root;
	bk_ms now;
	struct kept *kept;
	size_t n;
	bool desk, care, vaults; /* vaults: every desk has enough */
	unsigned vault;          /* of the desk at hand */
};

static bool may(const struct bk_registrar_cert *c, Baken__Role role)
{
	return c->roles >> role & 1;
}

/* The certificate as the root signed it, whatever its dates: those are looked at by who asks. */
static int read_cert(const struct walk *w, const Baken__Signed *m, struct bk_registrar_cert *ret_cert)
{
	Baken__RegistrarCert *c = baken__registrar_cert__unpack(NULL, m->payload.len, m->payload.data);
	bk_ms begin;

	if (!c)
		return BK_E_CORRUPT;
	begin = c->not_before_ms;
	baken__registrar_cert__free_unpacked(c, NULL);
	return bk_registrar_cert_verify(m, w->root, begin, ret_cert);
}

static bool signed_by(const Baken__Signed *m, const uint8_t key[static BK_KEY_BYTES])
{
	return m && m->signer.len == BK_KEY_BYTES && memcmp(m->signer.data, key, BK_KEY_BYTES) == 0;
}

/* The list itself, or a device in it. That the signatures hold was seen when it was stored. */
static bool has_signed(const Baken__Signed *list, const Baken__Roster *r, const uint8_t key[static BK_KEY_BYTES])
{
	if (signed_by(list, key))
		return true;
	for (size_t i = 0; i < r->n_entries; i++)
		if (signed_by(r->entries[i]->certificate, key))
			return true;
	return false;
}

static int keep(struct walk *w, const Baken__Signed *m, const Baken__Signed *list, const Baken__Roster *r)
{
	struct bk_registrar_cert cert;
	int err = read_cert(w, m, &cert);

	if (err || !has_signed(list, r, cert.key))
		return err;
	for (size_t i = 0; i < w->n; i++) {
		if (memcmp(w->kept[i].cert.key, cert.key, BK_KEY_BYTES) != 0)
			continue;
		if (cert.not_after_ms > w->kept[i].cert.not_after_ms)
			w->kept[i].cert = cert; /* appointed again */
		w->kept[i].lists++;
		return 0;
	}
	if (w->n == KEPT_MAX)
		return 0;
	w->kept[w->n++] = (struct kept){cert, 1};
	return 0;
}

static int on_list(struct walk *w, bk_id circle)
{
	struct bk_bytes b;
	Baken__Signed *m = NULL;
	Baken__Roster *r = NULL;
	int err = bk_store_roster(w->view, circle, 0, &b);

	if (!err && !(m = baken__signed__unpack(NULL, b.len, b.data)))
		err = BK_E_CORRUPT;
	if (!err && !(r = baken__roster__unpack(NULL, m->payload.len, m->payload.data)))
		err = BK_E_CORRUPT;
	for (size_t i = 0; !err && i < r->n_registrars; i++)
		err = keep(w, r->registrars[i], m, r);
	if (r)
		baken__roster__free_unpacked(r, NULL);
	if (m)
		baken__signed__free_unpacked(m, NULL);
	return err;
}

static int on_device(void *arg, const struct bk_device_row *d)
{
	struct walk *w = arg;

	w->vault += d->role == BAKEN__ROLE__ROLE_VAULT && d->status != BAKEN__DEVICE_STATUS__DEVICE_REVOKED &&
		w->now >= d->not_before_ms && w->now < d->not_after_ms;
	return 0;
}

static int on_circle(void *arg, const struct bk_circle_row *row)
{
	struct walk *w = arg;
	int err = 0;

	if (row->kind == BAKEN__CIRCLE_KIND__CIRCLE_DESK) {
		w->desk = true;
		w->vault = 0;
		err = bk_store_devices(w->view, row->circle, on_device, w);
		w->vaults = w->vaults && w->vault >= LEAST;
	}
	w->care |= row->kind == BAKEN__CIRCLE_KIND__CIRCLE_CARE;
	return err ? err : on_list(w, row->circle);
}

static int walk(struct walk *w)
{
	w->kept = calloc(KEPT_MAX, sizeof *w->kept);
	w->vaults = true;
	return w->kept ? bk_store_circles(w->view, on_circle, w) : BK_E_NOMEM;
}

static unsigned valid_for(const struct walk *w, Baken__Role role)
{
	unsigned n = 0;

	for (size_t i = 0; i < w->n; i++)
		n += may(&w->kept[i].cert, role) && w->now >= w->kept[i].cert.not_before_ms &&
			w->now < w->kept[i].cert.not_after_ms;
	return n;
}

int bk_custodians_check(struct bk_store_view *v, const uint8_t root[static BK_KEY_BYTES], bk_ms now,
	enum bk_custodians_lack *ret_lack)
{
	struct walk w = {.view = v, .root = root, .now = now};
	int err = walk(&w);

	*ret_lack = BK_CUSTODIANS_ENOUGH;
	if (!err && valid_for(&w, BAKEN__ROLE__ROLE_OFFICER) < LEAST)
		*ret_lack = BK_CUSTODIANS_SECURITY;
	else if (!err && w.care && valid_for(&w, BAKEN__ROLE__ROLE_CARE) < LEAST)
		*ret_lack = BK_CUSTODIANS_CARE;
	else if (!err && !w.desk)
		*ret_lack = BK_CUSTODIANS_DESK;
	else if (!err && !w.vaults)
		*ret_lack = BK_CUSTODIANS_VAULT;
	free(w.kept);
	return err;
}

const char *bk_custodians_name(enum bk_custodians_lack lack)
{
	static const char *const names[] = {"none", "security-registrars", "care-registrars", "desk", "vaults"};

	return names[lack];
}

int bk_custodians_each(struct bk_store_view *v, const uint8_t root[static BK_KEY_BYTES],
	int (*visit)(void *arg, const struct bk_registrar_cert *cert, unsigned lists), void *arg)
{
	struct walk w = {.view = v, .root = root};
	int err = walk(&w);

	for (size_t i = 0; !err && i < w.n; i++)
		err = visit(arg, &w.kept[i].cert, w.kept[i].lists);
	free(w.kept);
	return err;
}
