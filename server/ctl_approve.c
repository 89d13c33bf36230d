/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Approval: the request's MAC shows that the device held the code (login.h); the registrar signs the device's
 * certificate and the next roster of its circle, and of its household. What role, account and circle it gets
 * comes from the book, never from the server.
 */
#include <sodium.h>
#include <stdlib.h>
#include <time.h>

#include "ctl_roster.h"
#include "login.h"
#include "wire.pb-c.h"

#define DEVICE_DAYS 730u
#define DAY_MS 86400000ull
#define POLL_MS 100u
#define EXPIRED_KEEP_MS (7u * DAY_MS) /* a device that asked in time may be approved later */
#define WAIT_MAX_S 3600u

struct approval {
	struct bk_ctl *ctl;
	struct bk_ctl_link *l;
	struct bk_ctl_registrar *reg;
	bool compare, refuse, any;
	bk_id only;
	json_t *done; /* what was decided, for --json */
	size_t approved, refused, forged;
};

/* One request with what the book knows of it. */
struct request {
	bk_id invite, device, account, circle;
	const json_t *row; /* borrowed from the book */
	Baken__Role role;
	Baken__Enrol *enrol;
	uint8_t *cert;
	size_t cert_len;
	json_t *rosters;
	struct bk_ctl_roster made[1 + BK_HOUSEHOLD_MAX];
	size_t n_made;
};

static void request_done(struct request *r)
{
	for (size_t i = 0; i < r->n_made; i++)
		bk_ctl_roster_done(&r->made[i]);
	if (r->enrol)
		baken__enrol__free_unpacked(r->enrol, NULL);
	json_decref(r->rosters);
	free(r->cert);
	free(r);
}

/* ---- reading a request ---- */

static int load(const struct approval *a, const json_t *o, struct request *r)
{
	uint8_t *buf = NULL;
	size_t len = 0;
	int err = bk_ctl_id(o, "invite", &r->invite);

	r->row = err ? NULL : bk_ctl_book_invite(a->reg, r->invite);
	if (!r->row)
		return BK_E_NOT_FOUND; /* another registrar's */
	r->role = bk_role_of(bk_ctl_str(r->row, "role"));
	if (bk_ctl_id(r->row, "account", &r->account) || bk_ctl_id(r->row, "circle", &r->circle) ||
		r->role == BAKEN__ROLE__ROLE_NONE)
		return BK_E_CORRUPT;
	err = bk_ctl_b64(o, "enrol", &buf, &len);
	if (err)
		return err;
	r->enrol = baken__enrol__unpack(NULL, len, buf);
	free(buf);
	if (!r->enrol || r->enrol->identity_key.len != BK_KEY_BYTES || r->enrol->mac.len != 32)
		return BK_E_INVAL;
	return 0;
}

static int check_mac(const struct request *r)
{
	uint8_t secret[BK_INVITE_SECRET_BYTES], mac[32];
	int err = bk_hex_decode(secret, sizeof secret, bk_ctl_str(r->row, "secret"));

	if (err)
		return BK_E_CORRUPT;
	bk_enrol_mac(secret, r->enrol->identity_key.data, r->enrol->registration_id, r->enrol->browser, mac);
	if (sodium_memcmp(mac, r->enrol->mac.data, sizeof mac) != 0)
		err = BK_E_SIGNATURE;
	sodium_memzero(secret, sizeof secret);
	sodium_memzero(mac, sizeof mac);
	return err;
}

/* ---- signing ---- */

static int sign_device(const struct approval *a, struct request *r)
{
	struct bk_device_cert c = {.device = bk_id_random(), .account = r->account, .circle = r->circle, .role = r->role,
		.registration = r->enrol->registration_id, .browser = r->enrol->browser};
	bk_ms now = bk_ctl_now();

	memcpy(c.identity, r->enrol->identity_key.data, BK_KEY_BYTES);
	c.not_before_ms = now - BK_CLOCK_SKEW_MS;
	c.not_after_ms = now + DEVICE_DAYS * DAY_MS;
	if (c.not_after_ms > a->reg->cert.not_after_ms)
		c.not_after_ms = a->reg->cert.not_after_ms;
	r->device = c.device;
	return bk_device_cert_sign(&c, a->reg->secret, &r->cert, &r->cert_len);
}

static int add_roster(const struct approval *a, struct request *r, bk_id circle, const struct bk_ctl_change *change)
{
	struct bk_ctl_roster now = {.len = 0}, *next = &r->made[r->n_made];
	int err = bk_ctl_roster_fetch(a->l, a->reg, circle, &now);

	if (!err)
		err = bk_ctl_roster_next(a->reg, &now, circle, change, next);
	bk_ctl_roster_done(&now);
	if (err)
		return err;
	r->n_made++;
	return json_array_append_new(r->rosters, bk_json_of_b64(next->buf, next->len)) ? BK_E_NOMEM : 0;
}

/* Everyone in the household learns, signed, of the new one. */
static int add_household(const struct approval *a, struct request *r)
{
	const struct bk_roster *own = r->made[0].r;
	struct bk_ctl_roster now = {.len = 0};
	int err = 0;

	for (size_t i = 0; !err && own->version == 1 && i < own->n_household; i++) {
		struct bk_ctl_change change = {.add = NULL};
		json_t *relations = NULL, *household = json_array();

		err = bk_ctl_roster_fetch(a->l, a->reg, own->household[i], &now);
		if (!err && !now.r)
			err = BK_E_NOT_FOUND;
		for (size_t k = 0; !err && k < now.r->n_household; k++)
			json_array_append_new(household, bk_json_of_id(now.r->household[k]));
		json_array_append_new(household, bk_json_of_id(r->circle));
		if (!err)
			relations = json_pack("{s:o, s:o, s:O}", "desk", bk_json_of_id(now.r->desk), "care",
				bk_json_of_id(now.r->care), "household", household);
		change.relations = relations;
		if (!err)
			err = add_roster(a, r, own->household[i], &change);
		json_decref(relations);
		json_decref(household);
		bk_ctl_roster_done(&now);
	}
	return err;
}

static int sign(const struct approval *a, struct request *r)
{
	struct bk_ctl_change change = {
		.add_status = r->role == BAKEN__ROLE__ROLE_VAULT ? BAKEN__DEVICE_STATUS__DEVICE_VAULT
								  : BAKEN__DEVICE_STATUS__DEVICE_ACTIVE};
	int err = sign_device(a, r);

	r->rosters = json_array();
	change.add = r->cert;
	change.add_len = r->cert_len;
	if (!err)
		err = add_roster(a, r, r->circle, &change);
	return err ? err : add_household(a, r);
}

/* ---- deciding ---- */

/* Used or refused: its secret is of no more use. */
static int forget_invite(struct bk_ctl_registrar *reg, bk_id invite)
{
	char text[BK_ID_TEXT];

	json_object_del(json_object_get(reg->book, "invites"), bk_id_text(invite, text));
	return bk_ctl_book_save(reg);
}

static int refuse(struct approval *a, const struct request *r)
{
	char text[BK_ID_TEXT];
	int err = bk_ctl_link_call(a->l, "invite-done",
		json_pack("{s:o, s:b}", "invite", bk_json_of_id(r->invite), "approved", 0), NULL);

	if (err)
		return err;
	a->refused++;
	json_array_append_new(a->done, json_pack("{s:o, s:b}", "invite", bk_json_of_id(r->invite), "approved", 0));
	if (!a->ctl->json)
		bk_ctl_say(CT(a->ctl, APPROVE_REFUSED), bk_id_text(r->invite, text), NULL);
	return forget_invite(a->reg, r->invite);
}

static bool same_fingerprint(const struct approval *a, const struct request *r)
{
	char print[BK_CTL_FINGERPRINT];

	bk_ctl_fingerprint(r->enrol->identity_key.data, print);
	if (!a->ctl->json)
		bk_ctl_say(CT(a->ctl, APPROVE_CHECK), print, NULL);
	return !a->compare || bk_ctl_confirm(a->ctl, CT(a->ctl, APPROVE_ASK));
}

static int approve(struct approval *a, struct request *r)
{
	char text[BK_ID_TEXT], print[BK_CTL_FINGERPRINT];
	int err = sign(a, r);

	if (!err)
		err = bk_ctl_link_call(a->l, "invite-done",
			json_pack("{s:o, s:b, s:o, s:O}", "invite", bk_json_of_id(r->invite), "approved", 1, "certificate",
				bk_json_of_b64(r->cert, r->cert_len), "rosters", r->rosters),
			NULL);
	for (size_t i = 0; !err && i < r->n_made; i++)
		err = bk_ctl_roster_remember(a->reg, &r->made[i]);
	if (err)
		return err;
	a->approved++;
	json_array_append_new(a->done,
		json_pack("{s:o, s:b, s:o, s:o, s:s, s:s}", "invite", bk_json_of_id(r->invite), "approved", 1, "device",
			bk_json_of_id(r->device), "circle", bk_json_of_id(r->circle), "role", bk_role_name(r->role),
			"fingerprint", bk_ctl_fingerprint(r->enrol->identity_key.data, print)));
	if (!a->ctl->json)
		bk_ctl_say(CT(a->ctl, APPROVE_DONE), *bk_ctl_str(r->row, "name") ? bk_ctl_str(r->row, "name") : "-",
			bk_id_text(r->device, text), NULL);
	return forget_invite(a->reg, r->invite);
}

static int decide(struct approval *a, const json_t *o)
{
	struct request *r = calloc(1, sizeof *r);
	char text[BK_ID_TEXT];
	int err = r ? load(a, o, r) : BK_E_NOMEM;

	if (!r)
		return err;
	if (err == BK_E_NOT_FOUND || (!a->any && !bk_id_equal(r->invite, a->only))) {
		request_done(r);
		return 0;
	}
	/* No device sends a malformed one either: it is refused, and the next is looked at. */
	if (err == BK_E_INVAL || (!err && check_mac(r))) {
		a->forged++;
		if (!a->ctl->json)
			bk_ctl_say(CT(a->ctl, APPROVE_FORGED), bk_id_text(r->invite, text), NULL);
		err = refuse(a, r);
	} else if (!err) {
		err = a->refuse || !same_fingerprint(a, r) ? refuse(a, r) : approve(a, r);
	}
	request_done(r);
	return err;
}

/* Secrets of invitations that have run out; the server refuses them by itself. */
static void forget_expired(struct bk_ctl_registrar *reg)
{
	json_t *invites = json_object_get(reg->book, "invites"), *row;
	const char *id;
	void *next;

	json_object_foreach_safe(invites, next, id, row)
		if (bk_ctl_u64(row, "expires_ms") + EXPIRED_KEEP_MS < bk_ctl_now())
			json_object_del(invites, id);
}

static int round_of(struct approval *a)
{
	json_t *reply = NULL, *o;
	size_t i;
	int err = bk_ctl_book_take(a->reg);

	if (!err)
		forget_expired(a->reg); /* kept with the next decision */
	if (!err)
		err = bk_ctl_link_call(a->l, "invites", NULL, &reply);
	json_array_foreach(json_object_get(reply, "invites"), i, o)
		if (!err && strcmp(bk_ctl_str(o, "state"), "pending") == 0)
			err = decide(a, o);
	json_decref(reply);
	bk_ctl_book_drop(a->reg);
	return err;
}

static int rounds(struct approval *a, uint64_t wait_s)
{
	const struct timespec pause = {.tv_nsec = POLL_MS * 1000000l};
	bk_ms until = bk_ctl_now() + wait_s * 1000u;
	int err = bk_ctl_roster_same_root(a->l, a->reg);

	if (!err)
		err = round_of(a);
	if (!err && wait_s && !json_array_size(a->done) && !a->ctl->json)
		bk_ctl_say(CT(a->ctl, APPROVE_WAIT), NULL);
	while (!err && !json_array_size(a->done) && bk_ctl_now() < until) {
		nanosleep(&pause, NULL); /* the server does not push to this socket */
		err = round_of(a);
	}
	return err;
}

static int result(const struct approval *a)
{
	if (!json_array_size(a->done)) {
		if (!a->ctl->json)
			bk_ctl_say(CT(a->ctl, APPROVE_NONE), NULL);
		else
			return bk_ctl_fail(a->ctl, BK_E_NOT_FOUND, NULL);
		return bk_ctl_exit(BK_E_NOT_FOUND);
	}
	bk_ctl_print(a->ctl, json_pack("{s:b, s:O}", "ok", !a->forged, "decided", a->done));
	return a->forged ? bk_ctl_exit(BK_E_SIGNATURE) : 0;
}

int bk_ctl_approve(struct bk_ctl *ctl, int argc, char **argv)
{
	struct approval a = {.ctl = ctl, .any = true};
	const char *file = NULL, *invite = NULL, *wait = NULL;
	const struct bk_ctl_option options[] = {
		{"registrar", &file, NULL, NULL, true},  {"invite", &invite, NULL, NULL, false},
		{"wait", &wait, NULL, NULL, false},      {"compare", NULL, NULL, &a.compare, false},
		{"refuse", NULL, NULL, &a.refuse, false},
	};
	struct bk_ctl_registrar reg = {.lock = -1};
	uint64_t wait_s = 0;
	int err, code;

	if (bk_ctl_options(ctl, argc, argv, options, 5) != 0 || bk_ctl_number(wait, 0, WAIT_MAX_S, 0, &wait_s) ||
		(invite && bk_id_parse(invite, &a.only)))
		return bk_ctl_exit(BK_E_USAGE);
	a.any = !invite;
	a.reg = &reg;
	a.done = json_array();
	err = bk_ctl_link_open(ctl, &a.l);
	if (!err)
		err = bk_ctl_registrar_open(ctl, file, &reg);
	if (!err)
		err = rounds(&a, wait_s);
	bk_ctl_registrar_close(&reg);
	bk_ctl_link_close(a.l);
	code = err ? bk_ctl_fail(ctl, err, NULL) : result(&a);
	json_decref(a.done);
	return code;
}
