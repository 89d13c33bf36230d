/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Invitations: the secret stays in the registrar's book and in the code; the server learns only its derived
 * number (login.h).
 */
#include <qrencode.h>
#include <sodium.h>
#include <stdlib.h>

#include "ctl_files.h"
#include "ctl_roster.h"
#include "login.h"
#include "options.h"
#include "roles.h"

#define HOURS_DEFAULT 24u
#define HOURS_MAX 720u
#define QR_QUIET 2 /* light modules around the code: read by phones; RFC-sized four would not fit 80 x 24 */

struct invitation {
	const char *file, *role_text, *circle_text, *account_text, *name, *desk, *care, *hours_text;
	json_t *household;
	Baken__Role role;
	bk_id invite, account, circle;
	bool new_circle;
	bk_ms expires_ms;
	struct bk_invite code;
	char text[BK_INVITE_TEXT_MAX];
};

/* ---- the code as a picture ---- */

static bool light(const QRcode *q, int x, int y)
{
	if (x < 0 || y < 0 || x >= q->width || y >= q->width)
		return true;
	return !(q->data[y * q->width + x] & 1);
}

/* Two modules a character, light ones drawn: terminals are dark. malloc'd; NULL without memory. */
static char *draw(const char *text)
{
	static const char *const half[] = {" ", "\u2584", "\u2580", "\u2588"};
	QRcode *q = QRcode_encodeString(text, 0, QR_ECLEVEL_M, QR_MODE_8, 1);
	int side = q ? q->width + 2 * QR_QUIET : 0;
	char *out = q ? malloc((size_t)(side * 3 + 1) * (size_t)(side / 2 + 1) + 1) : NULL, *at = out;

	for (int y = -QR_QUIET; out && y < side - QR_QUIET; y += 2) {
		for (int x = -QR_QUIET; x < side - QR_QUIET; x++) {
			const char *c = half[(light(q, x, y) ? 2 : 0) + (y + 1 < side - QR_QUIET && light(q, x, y + 1))];

			at = stpcpy(at, c);
		}
		*at++ = '\n';
		*at = '\0';
	}
	QRcode_free(q);
	return out;
}

/* ---- making one ---- */

static int read_words(struct invitation *v)
{
	uint64_t hours = 0;

	v->role = bk_role_of(v->role_text);
	if (v->role == BAKEN__ROLE__ROLE_NONE || bk_ctl_number(v->hours_text, 1, HOURS_MAX, HOURS_DEFAULT, &hours) ||
		(v->name && strlen(v->name) > BK_NAME_MAX))
		return BK_E_USAGE;
	v->new_circle = !v->circle_text;
	if (v->new_circle && !bk_roles_may_join(v->role, BAKEN__CIRCLE_KIND__CIRCLE_PERSON))
		return BK_E_USAGE; /* staff join a circle that exists */
	if ((v->circle_text && bk_id_parse(v->circle_text, &v->circle)) ||
		(v->account_text && bk_id_parse(v->account_text, &v->account)))
		return BK_E_USAGE;
	if (v->new_circle)
		v->circle = bk_id_random();
	if (!v->account_text)
		v->account = bk_id_random();
	v->expires_ms = bk_ctl_now() + hours * 3600000u;
	return 0;
}

/* Where devices find the server: written by `server init`. */
static int read_address(const struct bk_ctl *ctl, struct bk_invite *code)
{
	char path[BK_CTL_PATH], *text = NULL;
	int err = bk_ctl_files_join(path, ctl->dir, "address");

	if (!err)
		err = bk_ctl_files_get(path, &text, NULL);
	if (err)
		return err;
	text[strcspn(text, "\r\n")] = '\0';
	err = bk_options_endpoint(text, code->host, &code->port);
	free(text);
	return err;
}

static int make_code(const struct bk_ctl *ctl, const struct bk_ctl_registrar *reg, struct invitation *v)
{
	bk_hash pin = bk_hash_of(reg->root, BK_KEY_BYTES);
	int err = read_address(ctl, &v->code);

	if (err)
		return err;
	randombytes_buf(v->code.secret, sizeof v->code.secret);
	memcpy(v->code.pin, pin.b, sizeof v->code.pin);
	v->invite = bk_invite_id(v->code.secret);
	return bk_invite_format(&v->code, v->text);
}

/* A circle that exists must be one of this registrar's kind, and of the role's. */
static int check_circle(struct bk_ctl_link *l, struct bk_ctl_registrar *reg, const struct invitation *v)
{
	struct bk_ctl_roster now = {.len = 0};
	int err;

	if (!bk_ctl_registrar_may(reg, v->role))
		return BK_E_ROLE;
	if (v->new_circle)
		return 0;
	err = bk_ctl_roster_fetch(l, reg, v->circle, &now);
	if (!err && !now.r)
		err = 0; /* invited to before: its first device is still to come */
	else if (!err && !bk_roles_may_join(v->role, now.r->kind))
		err = BK_E_ROLE;
	bk_ctl_roster_done(&now);
	return err;
}

static int write_book(struct bk_ctl_registrar *reg, const struct invitation *v)
{
	int err = 0;

	if (v->new_circle)
		err = bk_ctl_book_put(reg, "circles", v->circle,
			json_pack("{s:s, s:s, s:s, s:s, s:o}", "kind", "person", "label", v->name ? v->name : "", "desk",
				v->desk ? v->desk : "", "care", v->care ? v->care : "", "household",
				v->household ? json_incref(v->household) : json_array()));
	if (!err)
		err = bk_ctl_book_put(reg, "invites", v->invite,
			json_pack("{s:o, s:o, s:o, s:s, s:s, s:I}", "secret",
				bk_ctl_json_hex(v->code.secret, sizeof v->code.secret), "account", bk_json_of_id(v->account),
				"circle", bk_json_of_id(v->circle), "role", v->role_text, "name", v->name ? v->name : "",
				"expires_ms", (json_int_t)v->expires_ms));
	return err ? err : bk_ctl_book_save(reg);
}

/* The book first: an invitation that the server holds can then always be approved. */
static int make(const struct bk_ctl *ctl, struct bk_ctl_link *l, struct bk_ctl_registrar *reg, struct invitation *v)
{
	int err = bk_ctl_roster_same_root(l, reg);

	if (!err)
		err = bk_ctl_book_take(reg);
	if (!err)
		err = check_circle(l, reg, v);
	if (!err)
		err = make_code(ctl, reg, v);
	if (!err)
		err = write_book(reg, v);
	if (!err)
		err = bk_ctl_link_call(l, "invite-put",
			json_pack("{s:o, s:o, s:o, s:s, s:I}", "invite", bk_json_of_id(v->invite), "account",
				bk_json_of_id(v->account), "circle", bk_json_of_id(v->circle), "role", v->role_text,
				"expires_ms", (json_int_t)v->expires_ms),
			NULL);
	return err;
}

static int said(const struct bk_ctl *ctl, const struct invitation *v)
{
	char id[BK_ID_TEXT], until[BK_CTL_TIME_TEXT], *qr = draw(v->text);

	bk_id_text(v->invite, id);
	if (!qr)
		return bk_ctl_fail(ctl, BK_E_NOMEM, NULL);
	if (!bk_ctl_print(ctl, json_pack("{s:b, s:s, s:s, s:s, s:o, s:o, s:s, s:I}", "ok", 1, "invite", id, "code", v->text,
				       "qr", qr, "account", bk_json_of_id(v->account), "circle",
				       bk_json_of_id(v->circle), "role", v->role_text, "expires_ms",
				       (json_int_t)v->expires_ms))) {
		bk_ctl_say(CT(ctl, INVITE_MADE), v->role_text, bk_ctl_time(v->expires_ms, until), id, NULL);
		printf("\n%s\n", qr);
		bk_ctl_say(CT(ctl, INVITE_TYPED), NULL);
		printf("\n  %s\n\n", v->text);
		bk_ctl_say(CT(ctl, INVITE_THEN), id, NULL);
	}
	sodium_memzero(qr, strlen(qr));
	free(qr);
	return 0;
}

int bk_ctl_invite(struct bk_ctl *ctl, int argc, char **argv)
{
	struct invitation v = {.file = NULL};
	const struct bk_ctl_option options[] = {
		{"registrar", &v.file, NULL, NULL, true},       {"role", &v.role_text, NULL, NULL, true},
		{"circle", &v.circle_text, NULL, NULL, false},  {"account", &v.account_text, NULL, NULL, false},
		{"name", &v.name, NULL, NULL, false},           {"desk", &v.desk, NULL, NULL, false},
		{"care", &v.care, NULL, NULL, false},           {"household", NULL, &v.household, NULL, false},
		{"hours", &v.hours_text, NULL, NULL, false},
	};
	struct bk_ctl_registrar reg = {.lock = -1};
	struct bk_ctl_link *l = NULL;
	int err = BK_E_USAGE, code;

	if (bk_ctl_options(ctl, argc, argv, options, sizeof options / sizeof *options) == 0)
		err = read_words(&v);
	if (!err)
		err = bk_ctl_link_open(ctl, &l);
	if (!err)
		err = bk_ctl_registrar_open(ctl, v.file, &reg);
	if (!err)
		err = make(ctl, l, &reg, &v);
	bk_ctl_registrar_close(&reg);
	bk_ctl_link_close(l);
	if (err)
		code = err == BK_E_USAGE ? bk_ctl_exit(err) : bk_ctl_fail(ctl, err, NULL);
	else
		code = said(ctl, &v);
	json_decref(v.household);
	sodium_memzero(&v, sizeof v);
	return code;
}

/* ---- list ---- */

static const char *name_of(const struct bk_ctl_registrar *reg, const json_t *o)
{
	bk_id id;

	if (!reg->book || bk_ctl_id(o, "invite", &id))
		return "";
	return bk_ctl_str(bk_ctl_book_invite(reg, id), "name");
}

static void list(const struct bk_ctl *ctl, const struct bk_ctl_registrar *reg, json_t *all)
{
	char until[BK_CTL_TIME_TEXT];
	json_t *o;
	size_t i;

	if (!ctl->json)
		bk_ctl_say(json_array_size(all) ? CT(ctl, INVITES_HEAD) : CT(ctl, NOTHING), NULL);
	json_array_foreach(all, i, o) {
		json_object_del(o, "enrol"); /* the registrar's business only, and long */
		if (ctl->json)
			json_object_set_new(o, "name", json_string(name_of(reg, o)));
		else
			printf("%-32s  %-10s %-12s %-20s %s\n", bk_ctl_shown(bk_ctl_str(o, "invite")),
				bk_ctl_shown(bk_ctl_str(o, "role")), bk_ctl_shown(bk_ctl_str(o, "state")),
				bk_ctl_time(bk_ctl_u64(o, "expires_ms"), until), bk_ctl_shown(name_of(reg, o)));
	}
}

int bk_ctl_invites(struct bk_ctl *ctl, int argc, char **argv)
{
	const char *file = NULL;
	const struct bk_ctl_option options[] = {{"registrar", &file, NULL, NULL, false}};
	struct bk_ctl_registrar reg = {.lock = -1};
	json_t *reply = NULL;
	int err = 0, code;

	if (bk_ctl_options(ctl, argc, argv, options, 1) != 0)
		return bk_ctl_exit(BK_E_USAGE);
	code = bk_ctl_link_once(ctl, "invites", NULL, &reply);
	if (code)
		return code;
	if (file) {
		err = bk_ctl_registrar_open(ctl, file, &reg);
		if (!err)
			err = bk_ctl_book_take(&reg);
	}
	if (!err)
		list(ctl, &reg, json_object_get(reply, "invites"));
	bk_ctl_registrar_close(&reg);
	if (err) {
		json_decref(reply);
		return bk_ctl_fail(ctl, err, NULL);
	}
	bk_ctl_print(ctl, reply);
	return 0;
}
