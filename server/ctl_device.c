/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Devices at the server: list, withdraw, cut. */
#include <stdlib.h>

#include "ctl_roster.h"

/* ---- list ---- */

int bk_ctl_devices(struct bk_ctl *ctl, int argc, char **argv)
{
	const char *circle = NULL;
	const struct bk_ctl_option options[] = {{"circle", &circle, NULL, NULL, false}};
	char seen[BK_CTL_TIME_TEXT];
	json_t *reply = NULL, *all, *d;
	bk_id id;
	size_t i;
	int code;

	if (bk_ctl_options(ctl, argc, argv, options, 1) != 0 || (circle && bk_id_parse(circle, &id)))
		return bk_ctl_exit(BK_E_USAGE);
	code = bk_ctl_link_once(ctl, "devices", circle ? json_pack("{s:o}", "circle", bk_json_of_id(id)) : NULL, &reply);
	if (code)
		return code;
	all = json_object_get(reply, "devices");
	if (!ctl->json)
		bk_ctl_say(json_array_size(all) ? CT(ctl, DEVICES_HEAD) : CT(ctl, NOTHING), NULL);
	json_array_foreach(all, i, d) {
		if (ctl->json)
			break;
		printf("%-32s  %-9s %-13s %-10s %-9s %8llu  %s\n", bk_ctl_shown(bk_ctl_str(d, "device")),
			bk_ctl_shown(bk_ctl_str(d, "role")), bk_ctl_shown(bk_ctl_str(d, "status")),
			bk_ctl_is(d, "online") ? CT(ctl, YES) : CT(ctl, NO),
			bk_ctl_is(d, "on_duty") ? CT(ctl, YES) : CT(ctl, NO), (unsigned long long)bk_ctl_u64(d, "queued"),
			bk_ctl_u64(d, "seen_ms") ? bk_ctl_time(bk_ctl_u64(d, "seen_ms"), seen) : CT(ctl, NEVER));
	}
	bk_ctl_print(ctl, reply);
	return 0;
}

/* ---- withdraw ---- */

/* Which circle the server says it is in; the roster of that circle then decides. */
static int circle_of(struct bk_ctl_link *l, bk_id device, bk_id *ret_circle)
{
	json_t *reply = NULL, *d;
	size_t i;
	int err = bk_ctl_link_call(l, "devices", NULL, &reply), found = BK_E_NOT_FOUND;

	json_array_foreach(json_object_get(reply, "devices"), i, d) {
		bk_id id;

		if (!bk_ctl_id(d, "device", &id) && bk_id_equal(id, device))
			found = bk_ctl_id(d, "circle", ret_circle);
	}
	json_decref(reply);
	return err ? err : found;
}

static int revoke(struct bk_ctl_link *l, struct bk_ctl_registrar *reg, bk_id device, json_t **ret_revoked)
{
	const struct bk_ctl_change change = {.revoke = device};
	struct bk_ctl_roster now = {.len = 0}, next = {.len = 0};
	const struct bk_roster_entry *e;
	bk_id circle;
	int err = bk_ctl_roster_same_root(l, reg);

	if (!err)
		err = circle_of(l, device, &circle);
	if (!err)
		err = bk_ctl_book_take(reg);
	if (!err)
		err = bk_ctl_roster_fetch(l, reg, circle, &now);
	e = err || !now.r ? NULL : bk_roster_find(now.r, device);
	if (!err && !e)
		err = BK_E_NOT_FOUND;
	if (!err && e->status == BAKEN__DEVICE_STATUS__DEVICE_REVOKED)
		err = BK_E_REVOKED;
	if (!err)
		err = bk_ctl_roster_next(reg, &now, circle, &change, &next);
	if (!err)
		err = bk_ctl_roster_put(l, reg, &next, ret_revoked);
	bk_ctl_roster_done(&now);
	bk_ctl_roster_done(&next);
	return err;
}

int bk_ctl_revoke(struct bk_ctl *ctl, int argc, char **argv)
{
	const char *file = NULL, *text = NULL;
	const struct bk_ctl_option options[] = {
		{"registrar", &file, NULL, NULL, true}, {"device", &text, NULL, NULL, true}};
	struct bk_ctl_registrar reg = {.lock = -1};
	struct bk_ctl_link *l = NULL;
	json_t *revoked = NULL;
	bk_id device;
	int err;

	if (bk_ctl_options(ctl, argc, argv, options, 2) != 0 || bk_id_parse(text, &device))
		return bk_ctl_exit(BK_E_USAGE);
	err = bk_ctl_link_open(ctl, &l);
	if (!err)
		err = bk_ctl_registrar_open(ctl, file, &reg);
	if (!err)
		err = revoke(l, &reg, device, &revoked);
	bk_ctl_registrar_close(&reg);
	bk_ctl_link_close(l);
	if (err)
		return bk_ctl_fail(ctl, err, NULL);
	if (!bk_ctl_print(ctl, json_pack("{s:b, s:o}", "ok", 1, "revoked", revoked)))
		bk_ctl_say(CT(ctl, REVOKED), text, NULL);
	return 0;
}

/* ---- cut ---- */

int bk_ctl_cut(struct bk_ctl *ctl, int argc, char **argv)
{
	const char *text = NULL;
	const struct bk_ctl_option options[] = {{"device", &text, NULL, NULL, true}};
	json_t *reply = NULL;
	bk_id device;
	bool cut;
	int code;

	if (bk_ctl_options(ctl, argc, argv, options, 1) != 0 || bk_id_parse(text, &device))
		return bk_ctl_exit(BK_E_USAGE);
	code = bk_ctl_link_once(ctl, "cut", json_pack("{s:o}", "device", bk_json_of_id(device)), &reply);
	if (code)
		return code;
	cut = bk_ctl_is(reply, "cut");
	if (!bk_ctl_print(ctl, reply))
		bk_ctl_say(cut ? CT(ctl, CUT_DONE) : CT(ctl, CUT_NONE), text, NULL);
	return 0;
}
