/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ctl_roster.h"

#include <sodium.h>
#include <stdlib.h>

void bk_ctl_roster_done(struct bk_ctl_roster *r)
{
	free(r->buf);
	if (r->signed_roster)
		baken__signed__free_unpacked(r->signed_roster, NULL);
	if (r->m)
		baken__roster__free_unpacked(r->m, NULL);
	bk_roster_free(r->r);
	*r = (struct bk_ctl_roster){.len = 0};
}

int bk_ctl_roster_read(uint8_t *buf, size_t len, const uint8_t root[static BK_KEY_BYTES], const struct bk_roster *known,
	struct bk_ctl_roster *ret_roster)
{
	struct bk_ctl_roster out = {.buf = buf, .len = len};
	int err = BK_E_INVAL;

	out.signed_roster = baken__signed__unpack(NULL, len, buf);
	if (out.signed_roster)
		err = bk_roster_verify(out.signed_roster, root, known, bk_ctl_now(), &out.r);
	if (!err) {
		out.m = baken__roster__unpack(NULL, out.signed_roster->payload.len, out.signed_roster->payload.data);
		err = out.m ? 0 : BK_E_NOMEM;
	}
	if (err)
		bk_ctl_roster_done(&out);
	else
		*ret_roster = out;
	return err;
}

/* ---- from the server ---- */

int bk_ctl_roster_root(struct bk_ctl_link *l, uint8_t ret_root[static BK_KEY_BYTES])
{
	json_t *reply = NULL;
	int err = bk_ctl_link_call(l, "trust", NULL, &reply);

	if (!err)
		err = bk_hex_decode(ret_root, BK_KEY_BYTES, bk_ctl_str(reply, "root"));
	json_decref(reply);
	return err;
}

int bk_ctl_roster_same_root(struct bk_ctl_link *l, const struct bk_ctl_registrar *reg)
{
	uint8_t root[BK_KEY_BYTES];
	int err = bk_ctl_roster_root(l, root);

	if (err)
		return err;
	return sodium_memcmp(root, reg->root, sizeof root) == 0 ? 0 : BK_E_CHAIN;
}

static int get(struct bk_ctl_link *l, bk_id circle, const uint8_t root[static BK_KEY_BYTES],
	const struct bk_roster *known, struct bk_ctl_roster *ret_roster)
{
	json_t *reply = NULL;
	uint8_t *buf = NULL;
	size_t len = 0;
	int err = bk_ctl_link_call(l, "roster-get", json_pack("{s:o}", "circle", bk_json_of_id(circle)), &reply);

	if (!err)
		err = bk_ctl_b64(reply, "roster", &buf, &len);
	json_decref(reply);
	if (!err)
		err = bk_ctl_roster_read(buf, len, root, known, ret_roster);
	if (!err && !bk_id_equal(ret_roster->r->circle, circle)) {
		bk_ctl_roster_done(ret_roster);
		err = BK_E_CHAIN;
	}
	return err;
}

int bk_ctl_roster_get(struct bk_ctl_link *l, bk_id circle, const uint8_t root[static BK_KEY_BYTES],
	struct bk_ctl_roster *ret_roster)
{
	return get(l, circle, root, NULL, ret_roster);
}

/* ---- against the book ---- */

/* *ret_known stays empty when the book has seen no version of it. */
static int from_book(const struct bk_ctl_registrar *reg, const json_t *row, struct bk_ctl_roster *ret_known)
{
	uint8_t *buf = NULL;
	size_t len = 0;
	int err;

	if (!row || !json_object_get(row, "roster"))
		return 0;
	err = bk_ctl_b64(row, "roster", &buf, &len);
	return err ? BK_E_CORRUPT : bk_ctl_roster_read(buf, len, reg->root, NULL, ret_known);
}

int bk_ctl_roster_remember(struct bk_ctl_registrar *reg, const struct bk_ctl_roster *r)
{
	json_t *row = bk_ctl_book_circle(reg, r->r->circle);

	if (!row) {
		int err = bk_ctl_book_put(reg, "circles", r->r->circle,
			json_pack("{s:s, s:s}", "kind", bk_kind_name(r->r->kind), "label", ""));

		if (err)
			return err;
		row = bk_ctl_book_circle(reg, r->r->circle);
	}
	if (json_object_set_new(row, "version", json_integer((json_int_t)r->r->version)) != 0 ||
		json_object_set_new(row, "roster", bk_json_of_b64(r->buf, r->len)) != 0)
		return BK_E_NOMEM;
	return 0;
}

int bk_ctl_roster_fetch(struct bk_ctl_link *l, struct bk_ctl_registrar *reg, bk_id circle,
	struct bk_ctl_roster *ret_roster)
{
	json_t *row = bk_ctl_book_circle(reg, circle);
	struct bk_ctl_roster known = {.len = 0}, now = {.len = 0};
	int err = from_book(reg, row, &known);

	if (err)
		return err;
	err = get(l, circle, reg->root, known.r, &now);
	if (err == BK_E_NOT_FOUND && known.r)
		err = BK_E_OLD; /* a list that was there cannot be gone */
	else if (err == BK_E_NOT_FOUND && row)
		err = 0;
	else if (!err)
		err = bk_ctl_roster_remember(reg, &now);
	bk_ctl_roster_done(&known);
	if (err)
		bk_ctl_roster_done(&now);
	else
		*ret_roster = now;
	return err;
}

int bk_ctl_roster_put(struct bk_ctl_link *l, struct bk_ctl_registrar *reg, const struct bk_ctl_roster *next,
	json_t **ret_revoked)
{
	json_t *reply = NULL;
	int err = bk_ctl_link_call(l, "roster-put",
		json_pack("{s:[o]}", "rosters", bk_json_of_b64(next->buf, next->len)), &reply);

	if (!err)
		err = bk_ctl_roster_remember(reg, next);
	if (!err)
		err = bk_ctl_book_save(reg);
	if (!err && ret_revoked)
		*ret_revoked = json_incref(json_object_get(reply, "revoked"));
	json_decref(reply);
	return err;
}
