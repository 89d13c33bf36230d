/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The twin's registrars: circles, invitations, approvals, withdrawals. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control_in.h"
#include "tmp.h"
#include "twin.h"
#include "twin_in.h"

#define DAY BK_SAMPLE_DAY

static unsigned registrar_of(const struct bk_twin_circle *c)
{
	return c->kind == BAKEN__CIRCLE_KIND__CIRCLE_CARE ? BK_SAMPLE_CARE : BK_SAMPLE_SECURITY;
}

static bool is_person(const struct bk_twin_circle *c)
{
	return c->kind == BAKEN__CIRCLE_KIND__CIRCLE_PERSON;
}

struct bk_sample_blob bk_twin_roster(struct bk_twin *t, unsigned circle)
{
	struct bk_twin_circle *c = &t->circles[circle];
	struct bk_registrar_cert registrar = bk_sample_registrar(registrar_of(c));
	struct bk_sample_blob cr = bk_sample_registrar_signed(&registrar, BK_SAMPLE_ROOT), out = {NULL, 0};
	struct bk_roster_plan_entry entries[BK_TWIN_DEVICES];
	const uint8_t *const registrars[] = {cr.data};
	struct bk_roster_plan plan = {.circle = c->id, .kind = c->kind, .version = c->version + 1,
		.previous = c->hash, .issued_ms = bk_now(), .expires_ms = bk_now() + 7 * DAY,
		.hard_expires_ms = bk_now() + 14 * DAY, .household = c->household, .n_household = c->n_household,
		.entries = entries, .n_entries = c->n, .registrars = registrars, .registrar_lens = &cr.len,
		.n_registrars = 1};
	uint8_t public[BK_KEY_BYTES], secret[BK_ED25519_SECRET_BYTES];
	Baken__Signed *s;

	for (size_t i = 0; i < c->n; i++)
		entries[i] = (struct bk_roster_plan_entry){c->devices[i].cert.data, c->devices[i].cert.len,
			c->devices[i].status, c->devices[i].since_ms};
	if (is_person(c)) {
		plan.desk = t->circles[BK_TWIN_DESK].id;
		plan.care = t->circles[BK_TWIN_CARE].id;
	}
	if (circle == BK_TWIN_DESK && t->backed)
		plan.fallback = t->circles[BK_TWIN_BACKUP].id;
	bk_sample_ed25519(registrar_of(c), public, secret);
	BK_ASSERT(bk_roster_sign(&plan, secret, &out.data, &out.len) == 0);
	s = bk_sample_unpack(out);
	c->hash = bk_hash_of(s->payload.data, s->payload.len);
	c->version++;
	baken__signed__free_unpacked(s, NULL);
	free(cr.data);
	return out;
}

static json_t *b64_of(struct bk_sample_blob b)
{
	json_t *j = bk_json_of_b64(b.data, b.len);

	free(b.data);
	return j;
}

int bk_twin_sign(struct bk_twin *t, unsigned circle)
{
	json_t *args = json_pack("{s:[o]}", "rosters", b64_of(bk_twin_roster(t, circle)));

	return bk_twin_control(t, bk_control_roster_put, args, NULL);
}

void bk_twin_revoke(struct bk_twin_device *d)
{
	struct bk_twin_circle *c = &d->twin->circles[d->circle];

	for (size_t i = 0; i < c->n; i++)
		if (bk_id_equal(c->devices[i].device, d->id)) {
			c->devices[i].status = BAKEN__DEVICE_STATUS__DEVICE_REVOKED;
			c->devices[i].since_ms = bk_now();
		}
	BK_ASSERT(bk_twin_sign(d->twin, d->circle) == 0);
	bk_twin_settle(d->twin);
}

void bk_twin_open(struct bk_twin *t, const char *name)
{
	static const Baken__CircleKind kinds[BK_TWIN_SPARE] = {BAKEN__CIRCLE_KIND__CIRCLE_DESK,
		BAKEN__CIRCLE_KIND__CIRCLE_CARE, BAKEN__CIRCLE_KIND__CIRCLE_PERSON, BAKEN__CIRCLE_KIND__CIRCLE_PERSON,
		BAKEN__CIRCLE_KIND__CIRCLE_DESK};

	BK_ASSERT(sodium_init() >= 0);
	memset(t, 0, sizeof *t);
	bk_twin_wind(BK_SAMPLE_NOW);
	snprintf(t->dir, sizeof t->dir, "%s/%s", bk_tmp_dir(), name);
	bk_tmp_remove_tree(t->dir);
	bk_twin_start(t);
	for (unsigned i = 0; i < BK_TWIN_CIRCLES; i++) {
		t->circles[i].id = bk_sample_id(700 + i);
		t->circles[i].kind = i < BK_TWIN_SPARE ? kinds[i] : BAKEN__CIRCLE_KIND__CIRCLE_PERSON;
	}
	t->circles[BK_TWIN_PERSON].household[t->circles[BK_TWIN_PERSON].n_household++] = bk_sample_id(700 + BK_TWIN_RELATIVE);
	t->circles[BK_TWIN_RELATIVE].household[t->circles[BK_TWIN_RELATIVE].n_household++] = bk_sample_id(700 + BK_TWIN_PERSON);
	for (unsigned i = 0; i < BK_TWIN_SPARE; i++)
		BK_ASSERT(bk_twin_sign(t, i) == 0);
}

void bk_twin_close(struct bk_twin *t)
{
	for (size_t i = 0; i < t->n_devices; i++)
		bk_twin_device_close(&t->devices[i]);
	if (!t->down)
		bk_twin_stop(t);
	for (unsigned i = 0; i < BK_TWIN_CIRCLES; i++)
		for (size_t k = 0; k < t->circles[i].n; k++)
			free(t->circles[i].devices[k].cert.data);
	bk_tmp_remove_tree(t->dir);
}

/* ---- enrolment ---- */

static void secret_of(const struct bk_twin_device *d, uint8_t out[static BK_INVITE_SECRET_BYTES])
{
	bk_sample_fill(out, BK_INVITE_SECRET_BYTES, 9000 + d->invite);
}

struct bk_twin_device *bk_twin_invite(struct bk_twin *t, const char *name, Baken__Role role, unsigned circle,
	char code[static BK_INVITE_TEXT_MAX])
{
	struct bk_twin_device *d = &t->devices[t->n_devices];
	struct bk_invite inv = {.host = "baken.example", .port = 8443};
	bk_hash root = bk_hash_of(t->server.root_key, BK_KEY_BYTES);
	bk_id invite;
	json_t *args;

	BK_ASSERT(t->n_devices < BK_TWIN_DEVICES);
	t->n_devices++;
	*d = (struct bk_twin_device){.twin = t, .name = name, .role = role, .circle = circle,
		.invite = ++t->invites, .kv = bk_kv_mem_new(), .blobs = bk_blobs_mem_new(), .events = json_array()};
	d->out_tail = &d->out;
	secret_of(d, inv.secret);
	memcpy(inv.pin, root.b, sizeof inv.pin);
	invite = bk_invite_id(inv.secret);
	BK_ASSERT(bk_invite_format(&inv, code) == 0);
	args = json_pack("{s:o, s:o, s:o, s:s, s:I}", "invite", bk_json_of_id(invite), "account",
		bk_json_of_id(bk_sample_id(800 + (t->account ? t->account : d->invite))), "circle", bk_json_of_id(t->circles[circle].id),
		"role", bk_role_name(role), "expires_ms", (json_int_t)(bk_now() + DAY));
	t->account = 0;
	BK_ASSERT(bk_twin_control(t, bk_control_invite_put, args, NULL) == 0);
	bk_twin_device_open(d);
	BK_ASSERT(d->core);
	return d;
}

/* What the device sent, when its MAC proves that it holds the code. */
static int read_request(struct bk_twin_device *d, bk_id invite, struct bk_device_cert *cert)
{
	uint8_t secret[BK_INVITE_SECRET_BYTES], mac[32];
	struct bk_store_view *v = NULL;
	struct bk_invite_row row;
	Baken__Enrol *m = NULL;
	int err;

	BK_ASSERT(bk_store_view_begin(d->twin->server.store, &v) == 0);
	err = bk_store_invite(v, invite, &row);
	if (!err)
		m = baken__enrol__unpack(NULL, row.enrol.len, row.enrol.data);
	if (!err && (!m || row.state != 1))
		err = BK_E_STATE;
	if (!err) {
		memcpy(cert->identity, m->identity_key.data, BK_KEY_BYTES);
		cert->registration = m->registration_id;
		cert->account = row.account;
		secret_of(d, secret);
		bk_enrol_mac(secret, cert->identity, cert->registration, m->browser, mac);
		err = sodium_memcmp(mac, m->mac.data, sizeof mac) == 0 ? 0 : BK_E_INVITE;
	}
	baken__enrol__free_unpacked(m, NULL);
	bk_store_view_end(v);
	return err;
}

static void certify(struct bk_twin_device *d, struct bk_device_cert *cert, struct bk_sample_blob *ret_cert)
{
	struct bk_twin_circle *c = &d->twin->circles[d->circle];

	cert->device = d->id = bk_id_random();
	cert->circle = c->id;
	cert->role = d->role;
	cert->not_before_ms = bk_now() - DAY;
	cert->not_after_ms = bk_now() + 200 * DAY;
	*ret_cert = bk_sample_device_signed(cert, registrar_of(c));
	BK_ASSERT(c->n < BK_TWIN_DEVICES);
	c->devices[c->n].cert = *ret_cert;
	c->devices[c->n].device = d->id;
	c->devices[c->n].since_ms = bk_now();
	c->devices[c->n++].status = d->role == BAKEN__ROLE__ROLE_VAULT ? BAKEN__DEVICE_STATUS__DEVICE_VAULT
								     : BAKEN__DEVICE_STATUS__DEVICE_ACTIVE;
}

int bk_twin_approve(struct bk_twin_device *d, bool yes)
{
	struct bk_device_cert cert = {.browser = false};
	struct bk_sample_blob blob;
	uint8_t secret[BK_INVITE_SECRET_BYTES];
	bk_id invite;
	json_t *args;
	int err;

	secret_of(d, secret);
	invite = bk_invite_id(secret);
	err = read_request(d, invite, &cert);
	if (err)
		return err;
	args = json_pack("{s:o, s:b}", "invite", bk_json_of_id(invite), "approved", yes);
	if (yes) {
		certify(d, &cert, &blob);
		json_object_set_new(args, "certificate", bk_json_of_b64(blob.data, blob.len));
		json_object_set_new(args, "rosters", json_pack("[o]", b64_of(bk_twin_roster(d->twin, d->circle))));
	}
	err = bk_twin_control(d->twin, bk_control_invite_done, args, NULL);
	bk_twin_settle(d->twin);
	return err;
}

struct bk_twin_device *bk_twin_enrol(struct bk_twin *t, const char *name, Baken__Role role, unsigned circle)
{
	char code[BK_INVITE_TEXT_MAX];
	struct bk_twin_device *d = bk_twin_invite(t, name, role, circle, code);

	bk_twin_do(d, json_pack("{s:s, s:s, s:s}", "cmd", "enrol", "code", code, "name", name));
	BK_ASSERT(bk_twin_approve(d, true) == 0);
	bk_twin_pass(t, 2000);
	if (!bk_twin_count(d, "enrol", "state", "done")) {
		for (size_t i = 0; i < t->n_devices; i++)
			bk_twin_dump(&t->devices[i]);
		BK_ASSERT(!"enrolment ended with a drill");
	}
	bk_twin_forget(d);
	return d;
}

void bk_twin_cast(struct bk_twin *t, const char *name, struct bk_twin_cast *c)
{
	bk_twin_open(t, name);
	c->vault = bk_twin_enrol(t, "Kluis", BAKEN__ROLE__ROLE_VAULT, BK_TWIN_DESK);
	c->officer = bk_twin_enrol(t, "Dienst 1", BAKEN__ROLE__ROLE_OFFICER, BK_TWIN_DESK);
	bk_twin_do(c->officer, json_pack("{s:s, s:b}", "cmd", "duty", "on", 1));
	c->second = bk_twin_enrol(t, "Dienst 2", BAKEN__ROLE__ROLE_OFFICER, BK_TWIN_DESK);
	bk_twin_do(c->second, json_pack("{s:s, s:b}", "cmd", "duty", "on", 1));
	c->carer = bk_twin_enrol(t, "Zorg", BAKEN__ROLE__ROLE_CARE, BK_TWIN_CARE);
	c->person = bk_twin_enrol(t, "Persoon", BAKEN__ROLE__ROLE_PERSON, BK_TWIN_PERSON);
	c->relative = bk_twin_enrol(t, "Naaste", BAKEN__ROLE__ROLE_RELATIVE, BK_TWIN_RELATIVE);
	bk_twin_pass(t, 1000);
	for (size_t i = 0; i < t->n_devices; i++)
		bk_twin_forget(&t->devices[i]);
}
